"""A yes-or-no model at every threshold: its counts, its curves, the areas below them.

Throughout `scores` has shape (n,), higher for a surer yes; `yes` is bool, shape (n,), the truth;
and the answer is yes where score >= threshold.  Names, order and ends are scikit-learn's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lrcore.errors import UserError


@dataclass(frozen=True)
class Counts:
    """What the answers at one threshold come to: true and false yes, true and false no."""

    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def precision(self) -> float:
        """Of the answers yes, the share that was right; NaN where there were none."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Of all that should be yes, the share that was found; NaN where there is none."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def false_positive_rate(self) -> float:
        """Of all that should be no, the share that was taken; NaN where there is none."""
        return _ratio(self.fp, self.fp + self.tn)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 where nothing was found."""
        return 2 * self.tp / max(2 * self.tp + self.fp + self.fn, 1)


def counts_at(scores: np.ndarray, yes: np.ndarray, threshold: float) -> Counts:
    """The counts at one threshold."""
    said = scores >= threshold
    tp, fp = int((said & yes).sum()), int((said & ~yes).sum())
    return Counts(tp, fp, int((~yes).sum()) - fp, int(yes.sum()) - tp)


def counts_along(scores: np.ndarray, yes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds at each score that there is, the highest first, and tp and fp at each: (m,) all.

    Raises UserError where all are yes or all no: there is nothing to tell apart.
    """
    if not yes.any() or yes.all():
        raise UserError("Pictures of both kinds are needed: some that are it, some that are not.")
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    # Equal scores fall together, whatever the threshold.
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    tp = np.cumsum(yes[order])[last]
    return ordered[last], tp, 1 + last - tp


def roc_curve(scores: np.ndarray, yes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False positive rate, recall (the true positive rate) and threshold, from (0, 0) to (1, 1).

    All of shape (1 + m,); the first threshold, which nothing reaches, is infinite.
    """
    thresholds, tp, fp = counts_along(scores, yes)
    fpr, tpr = (np.append(0.0, values / values[-1]) for values in (fp, tp))
    return fpr, tpr, np.append(math.inf, thresholds)


def precision_recall_curve(
    scores: np.ndarray, yes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision and recall, (m + 1,), the lowest threshold first, and the thresholds, (m,).

    The last pair, of no threshold, is precision 1 at recall 0.
    """
    thresholds, tp, fp = (values[::-1] for values in counts_along(scores, yes))
    return np.append(tp / (tp + fp), 1.0), np.append(tp / tp[0], 0.0), thresholds


def roc_auc(scores: np.ndarray, yes: np.ndarray) -> float:
    """The area below the ROC curve: how often a random yes scores above a random no.

    Source: Hanley and McNeil, "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve", 1982.
    """
    fpr, tpr, _ = roc_curve(scores, yes)
    return float(np.trapezoid(tpr, fpr))


def average_precision(scores: np.ndarray, yes: np.ndarray) -> float:
    """The area below the precision-recall curve: sum of (R_i - R_(i-1)) P_i, in steps.

    Straight lines between its points would promise more than any threshold keeps.  Source: Davis
    and Goadrich, "The relationship between precision-recall and ROC curves", 2006.
    """
    precision, recall, _ = precision_recall_curve(scores, yes)
    return float(-np.sum(np.diff(recall) * precision[:-1]))


def best_f1(scores: np.ndarray, yes: np.ndarray) -> tuple[float, float]:
    """The threshold at which F1 is highest, and that F1."""
    thresholds, tp, fp = counts_along(scores, yes)
    f1 = 2 * tp / (tp + fp + tp[-1])
    at = int(f1.argmax())
    return float(thresholds[at]), float(f1[at])


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
