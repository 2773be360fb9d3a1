"""How well a model reads: confusion, precision, recall and reliability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def confusion(truth: np.ndarray, answers: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Counts of each true class (row) answered as each class (column); int, shape (K, K).

    truth, answers : shape (n,), values among `classes`, shape (K,).
    """
    order = np.argsort(classes)
    rows, columns = (order[np.searchsorted(classes, a, sorter=order)] for a in (truth, answers))
    size = len(classes)
    return np.bincount(rows * size + columns, minlength=size**2).reshape(size, size)


def precision(counts: np.ndarray) -> np.ndarray:
    """Of the answers 'k', the share that was right; shape (K,), NaN where k was never answered."""
    return _share(np.diag(counts), counts.sum(axis=0))


def recall(counts: np.ndarray) -> np.ndarray:
    """Of the true k, the share that was found; shape (K,), NaN where there was no k."""
    return _share(np.diag(counts), counts.sum(axis=1))


@dataclass(frozen=True)
class Reliability:
    """What probabilities were worth, bin by bin; empty bins are left out.

    said : mean probability in each bin.  came : the share that turned out true.
    count : how many probabilities lie in it.
    """

    said: np.ndarray
    came: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: the mean gap between said and came, weighed by count.

        Source: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated
        probabilities using Bayesian binning", 2015.
        """
        return float(np.average(np.abs(self.said - self.came), weights=self.count))


def reliability(probabilities: np.ndarray, outcomes: np.ndarray, bins: int = 10) -> Reliability:
    """The reliability curve, in bins of equal width.

    probabilities, outcomes : shape (n,), n >= 1; what was said, and whether it came true.
    """
    at = np.minimum((probabilities * bins).astype(int), bins - 1)
    count = np.bincount(at, minlength=bins)
    said = np.bincount(at, probabilities, bins)
    came = np.bincount(at, outcomes, bins)
    full = count > 0
    return Reliability(said[full] / count[full], came[full] / count[full], count[full])


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
