"""Newton's method on small convex problems, several at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# More steps were never needed: from anywhere, a logistic regression takes about ten.
MOST_STEPS = 50


def newton(
    start: np.ndarray,
    cost: Callable[[np.ndarray], np.ndarray],
    derivatives: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    tolerance: float,
) -> np.ndarray:
    """The lowest points of K separate convex costs, found side by side, shape (K, D).

    Each problem's step is halved until its cost no longer rises.  The last step is the first one
    that, by the quadratic model of each cost, could not lower any of them by more than the
    tolerance: so near the optimum, each step squares the distance to it.

    Parameters
    ----------
    start : where to begin, shape (K, D).
    cost : from points, shape (K, D), to the K costs, shape (K,).
    derivatives : from points to the gradients, shape (K, D), and the Hessians, shape (K, D, D),
        which are positive definite.
    tolerance : a difference of a cost that is too small to matter, and at least what rounding
        may make of it.

    Source: Boyd and Vandenberghe, "Convex Optimization", algorithm 9.5.
    """
    x = start
    for _ in range(MOST_STEPS):
        gradient, hessian = derivatives(x)
        step = -np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        promised = -np.einsum("kd,kd->k", gradient, step) / 2
        here, length = cost(x), np.ones((len(x), 1))
        while (rises := cost(x + length * step) > here + tolerance).any():
            length[rises] /= 2
        x = x + length * step
        if (promised <= tolerance).all():
            break
    return x
