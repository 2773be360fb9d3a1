"""How well a model reads, class by class: confusion, precision and recall."""

from __future__ import annotations

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


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
