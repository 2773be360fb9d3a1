"""How far two float32 results may lie apart that are the same, but were reached by two routes.

The last digits of a sum depend on the order in which it is added up: on how many pictures are
multiplied at once, on the number of threads, and on the kernel that BLAS has for a processor.
Measured over six of OpenBLAS' kernels, on one thread and on two: probabilities differ by at most
3.6e-6, scores by 1.6e-5.  Compare such results by these functions alone (`test_anywhere.py` looks
for others), and tests that do so run on another kernel in CI, by the mark `numeric`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

PROBABILITIES = {"rtol": 0, "atol": 1e-5}
SCORES = {"rtol": 1e-5, "atol": 1e-4}
THETA = {"rtol": 1e-6, "atol": 0}


def same_probabilities(one: ArrayLike, other: ArrayLike) -> None:
    """Fail unless these are the same probabilities, but for the order of sums."""
    np.testing.assert_allclose(one, other, **PROBABILITIES)


def same_scores(one: ArrayLike, other: ArrayLike) -> None:
    """Fail unless these are the same scores, or parts of them, but for the order of sums."""
    np.testing.assert_allclose(one, other, **SCORES)


def same_theta(one: ArrayLike, other: ArrayLike) -> None:
    """Fail unless this is the same theta, but for rounding."""
    np.testing.assert_allclose(one, other, **THETA)
