"""How far to trust an answer: calibrated probabilities, and when to say 'unsure'.

Ten one-vs-all models that were fitted to the last detail are too sure of
themselves, and each of them only knows 'my digit or another digit': none knows what the
others say, and none has ever seen a letter.  All three are mended here, as
`lrcore.calibration_fit` has learned to: each model's probability, the probability that the
answer is right, which all ten scores tell together, and the likeness to digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrcore.errors import UserError
from lrcore.logistic import sigmoid

# Directions in which digits of one kind may differ freely, at most; the rest counts as noise
# (benchmarks/choose_calibration.py).
RANK = 64
# The smallest variance; features have numbers of about 1.
NOISE = 1e-9
# Beyond these, sums of squares would overflow in single precision.
LARGEST, SMALLEST_VARIANCE = 1e5, NOISE / 10
# What tells that an answer is right: the best score, and its lead over all others together.
LEADS = 2
# What tells that an answer is sure: the logit of its probability, the distance from its class, that
# distance's logarithm, and the score by `shape_weights`.
EVIDENCE = 4
# In place of the first, calibrations without `answer_weights` have best score and margin.
EVIDENCE_BY_SCORES = 5
# The names of a calibration's arrays in a weights file, of which there are many about.
FILE_KEYS = {
    "slope": "slope",
    "offset": "offset",
    "centres": "centres",
    "basis": "basis",
    "variances": "spread",
    "shape_weights": "shape",
    "trust_weights": "trust",
    "threshold": "floor",
    "answer_weights": "answer",
}


@dataclass(frozen=True)
class Calibration:
    """A handful of fitted arrays.  K classes, D features, rank r.

    slope, offset : (K,); the score of k is slope[k] * decision[k] + offset[k], and its
        probability the sigmoid of that.
    centres : (K, D); the mean features of each class.
    basis : (r, D); orthonormal, the directions in which a class spreads most.
    variances : (r + 1,); along each of these, and last, along any other.
    shape_weights : (1 + D,); a logistic regression, bias first, that tells digits from
        other things by their features.
    trust_weights : (5,); another, that does so by the `evidence`.
    threshold : (); an answer is sure where the score by `trust_weights` reaches this.
    answer_weights : (3,); a third, that tells right answers from wrong ones by their `leads`.
        None in older files, whose (6,) trust_weights weigh the two best scores instead.
    """

    slope: np.ndarray
    offset: np.ndarray
    centres: np.ndarray
    basis: np.ndarray
    variances: np.ndarray
    shape_weights: np.ndarray
    trust_weights: np.ndarray
    threshold: np.ndarray
    answer_weights: np.ndarray | None = None

    def scores(self, decision: np.ndarray) -> np.ndarray:
        """What the sigmoid takes: decision values (n, K), stretched and shifted class by class."""
        return self.slope * decision + self.offset

    def probabilities(self, decision: np.ndarray) -> np.ndarray:
        """Decision values (n, K) to probabilities (n, K), each class by itself.

        Source: Platt, "Probabilistic outputs for support vector machines", 1999.
        """
        return sigmoid(self.scores(decision))

    def answer_probability(self, scores: np.ndarray) -> np.ndarray:
        """How probable it is that the answer, the class of the best score, is right; (n,).

        Where this was not learned, the answer's own probability has to do.

        scores : (n, K), as `scores` gives them.
        """
        if self.answer_weights is None:
            return sigmoid(scores.max(1))
        return sigmoid(affine(self.answer_weights, leads(scores)))

    def distance(self, features: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """How unlike its class a picture is, (n,): about 1 for a digit.

        The mean squared deviation from the class in standard units.  The covariance is one for
        all classes: `basis` with its own variances, and one variance for whatever lies outside.
        Source: Tipping and Bishop, "Probabilistic principal component analysis", 1999.

        answers : (n,), the class to compare with.
        """
        apart = features - self.centres[answers]
        along = (apart @ self.basis.T) ** 2
        outside = np.maximum((apart * apart).sum(1) - along.sum(1), 0)
        total = along @ (1 / self.variances[:-1]) + outside / self.variances[-1]
        return total / apart.shape[1]

    def evidence(self, features: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """What tells whether an answer is sure; (n, EVIDENCE), or in older files (n, 5).

        features, scores : (n, D) and (n, K), of the same pictures.
        """
        if self.answer_weights is None:
            said = best_and_margin(scores)
        else:
            said = affine(self.answer_weights, leads(scores))[:, None]
        distance = self.distance(features, scores.argmax(1))
        shape = affine(self.shape_weights, features)
        likeness = [distance.clip(0, 20), np.log(distance + 0.01), shape.clip(-10, 10)]
        return np.column_stack([said, *likeness])

    def sure(self, features: np.ndarray, decision: np.ndarray) -> np.ndarray:
        """Which answers can be given without 'unsure'; a boolean array, shape (n,).

        An answer is sure if it is rather right than wrong, and its probability and the
        likeness to digits, weighed together, reach `threshold`.
        """
        evidence = self.evidence(features, self.scores(decision))
        trusted = affine(self.trust_weights, evidence) >= self.threshold
        return trusted & (evidence[:, 0] >= 0)

    def arrays(self) -> dict[str, np.ndarray]:
        """All that must be stored, by the keys of a weights file."""
        arrays = {key: getattr(self, name) for name, key in FILE_KEYS.items()}
        return {key: np.asarray(array) for key, array in arrays.items() if array is not None}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], theta: np.ndarray) -> Calibration:
        """The inverse of `arrays`, checked against theta of shape (K, 1 + D).

        Raises UserError, as half a sentence to put the file's name before, where they do not fit.
        """
        classes, columns = len(theta), theta.shape[1] - 1
        if classes < 2:
            raise UserError("a calibration is of one-vs-all models; train the model again.")
        rank = len(np.atleast_1d(arrays.get("basis", ())))
        if rank > RANK:
            raise UserError(
                f"the calibration's 'basis' has {rank:,} directions, but up to {RANK} are used; "
                "train the model again."
            )
        shapes = {
            "slope": (classes,),
            "offset": (classes,),
            "centres": (classes, columns),
            "basis": (rank, columns),
            "variances": (rank + 1,),
            "shape_weights": (1 + columns,),
            "trust_weights": (1 + EVIDENCE_BY_SCORES,),
            "threshold": (),
        }
        if FILE_KEYS["answer_weights"] in arrays:
            shapes |= {"trust_weights": (1 + EVIDENCE,), "answer_weights": (1 + LEADS,)}
        checked = {}
        for name, shape in shapes.items():
            key = FILE_KEYS[name]
            array = arrays.get(key)
            if array is None or array.shape != shape or not _usable(array):
                raise UserError(
                    f"the calibration's '{key}' is missing, of no floats within {LARGEST:,.0f}, or "
                    f"not of the shape {shape} that its theta asks for; train the model again."
                )
            # As this machine keeps numbers.
            checked[name] = array.astype(np.float64 if array.dtype.itemsize == 8 else np.float32)
        if checked["variances"].min() < SMALLEST_VARIANCE:
            raise UserError(
                f"the calibration's 'spread' must be above {SMALLEST_VARIANCE:g}; train the model "
                "again."
            )
        return cls(**checked)


def leads(scores: np.ndarray) -> np.ndarray:
    """What tells whether the answer is right, of scores (n, K); (n, LEADS).

    The best score, and how far it leads all others together: the logit of the probability that
    softmax would give the answer.
    """
    ranked = np.sort(scores, 1)
    best, others = ranked[:, -1], ranked[:, :-1]
    lead = best - others[:, -1] - np.log(np.exp(others - others[:, -1:]).sum(1))
    # Beyond a point more of it tells nothing more.
    return np.column_stack([best.clip(-10, 10), lead.clip(-10, 10)])


def best_and_margin(scores: np.ndarray) -> np.ndarray:
    """The best score, and its margin to the next; (n, 2), of scores (n, K)."""
    ranked = np.sort(scores, 1)
    return np.column_stack(
        [ranked[:, -1].clip(-10, 10), (ranked[:, -1] - ranked[:, -2]).clip(0, 10)]
    )


def affine(theta: np.ndarray, X: np.ndarray) -> np.ndarray:
    """theta . x, the bias first in theta, shape (1 + D,), for each row of X, (n, D)."""
    return theta[0] + X @ theta[1:]


def _usable(array: np.ndarray) -> bool:
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        return False
    # A comparison with NaN is false, too.
    return bool((np.abs(array.astype(np.float64)) <= LARGEST).all())
