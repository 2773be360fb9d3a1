"""How well a model reads, class by class, and how honest its probabilities are."""

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


def reliability(said: np.ndarray, right: np.ndarray, bins: int = 15) -> tuple[np.ndarray, float]:
    """Whether answers given with probability p are right in a share p of all cases.

    Parameters
    ----------
    said : (n,), the probability that each answer was given with.
    right : bool (n,), whether it was right.

    Returns a table of shape (bins, 3): mean probability of the answers in each
    bin, share of them that is right, their number (nan, nan, 0 where there are
    none); and the expected calibration error, the mean of |first - second|
    over all answers.  Source: Guo, Pleiss, Sun and Weinberger, "On calibration
    of modern neural networks", 2017.
    """
    of = np.minimum((said * bins).astype(int), bins - 1)
    count = np.bincount(of, minlength=bins)
    some = np.where(count, count, np.nan)
    mean = np.bincount(of, said, bins) / some
    held = np.bincount(of, right, bins) / some
    error = np.nansum(np.abs(mean - held) * count) / max(len(said), 1)
    return np.column_stack([mean, held, count]), float(error)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
