"""How far to trust an answer: calibrated probabilities, and when to say 'unsure'.

Ten one-vs-all models that were fitted to the last detail are too sure of
themselves, and each of them only knows 'my digit or another digit': none has
ever seen a letter.  Both are mended here on pictures that theta has not been fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from lrcore.data import Dataset
from lrcore.errors import UserError
from lrcore.features import extract
from lrcore.logistic import sigmoid
from lrcore.styles import make_digits, make_letters, make_scribbles

# Directions in which digits of one kind may differ freely; the rest counts as noise.
RANK = 64
# Share of held-out digits that may be found unlike digits; more are unsure as no model says yes.
UNSURE = 0.008
# L2 of the regression that learns shapes: strong, as it has few pictures to learn from.
SHAPE_L2 = 1e-4
EVIDENCE = 5
# What is drawn by rule for a calibration: things that are no digits, of each kind, and digits of
# each style, so that these do not count as strange.
STRANGE, STYLED = 1500, 20


@dataclass(frozen=True)
class Calibration:
    """Fitted once with `fit`, then a handful of arrays.  K classes, D features, rank r.

    slope, offset : (K,); probability k is sigmoid(slope[k] * decision[k] + offset[k]).
    centres : (K, D); the mean features of each class.
    basis : (r, D); orthonormal, the directions in which a class spreads most.
    spread : (r + 1,); the variance along each of these, and last, along any other.
    shape : (1 + D,); a logistic regression, bias first, that tells digits from
        other things by their features.
    trust : (6,); another, that does so by what `_evidence` gathers.
    floor : (); an answer is sure where the trust's score reaches this.
    """

    slope: np.ndarray
    offset: np.ndarray
    centres: np.ndarray
    basis: np.ndarray
    spread: np.ndarray
    shape: np.ndarray
    trust: np.ndarray
    floor: np.ndarray

    @classmethod
    def fit(
        cls,
        features: np.ndarray,
        decision: np.ndarray,
        labels: np.ndarray,
        strange_features: np.ndarray,
        strange_decision: np.ndarray,
    ) -> Calibration:
        """Fit to held-out pictures: digits, and things that are none.

        Parameters
        ----------
        features, decision : shapes (n, D) and (n, K), of digits.
        labels : shape (n,); the column of `decision` that is right.
        strange_features, strange_decision : the same of m scribbles and letters.
        """
        classes = decision.shape[1]
        slope, offset = np.transpose(
            [_platt(decision[:, k], labels == k) for k in range(classes)]
        ).astype(np.float32)
        centres = np.stack([features[labels == k].mean(0) for k in range(classes)])
        apart = features - centres[labels]
        variance, directions = np.linalg.eigh(apart.T @ apart / len(apart))
        rank = min(RANK, len(variance) - 1)
        noise = max(variance[:-rank].mean(), 1e-9)
        # What learns from evidence must see it as it will be on new pictures, so `shape`
        # learns from one half of them and `trust` from the other.
        fitted = cls(
            slope,
            offset,
            centres.astype(np.float32),
            np.ascontiguousarray(directions[:, -rank:].T, np.float32),
            np.append(np.maximum(variance[-rank:], noise), noise).astype(np.float32),
            _tell_apart(features[::2], strange_features[::2], SHAPE_L2).astype(np.float32),
            np.zeros(EVIDENCE + 1, np.float32),
            np.zeros((), np.float32),
        )
        digits = fitted._evidence(features[1::2], decision[1::2])
        strange = fitted._evidence(strange_features[1::2], strange_decision[1::2])
        trust = _tell_apart(digits, strange, 1e-6)
        floor = np.quantile(trust[0] + digits @ trust[1:], UNSURE)
        return replace(fitted, trust=trust.astype(np.float32), floor=np.array(floor, np.float32))

    def scores(self, decision: np.ndarray) -> np.ndarray:
        """What the sigmoid takes: decision values (n, K), stretched and shifted class by class."""
        return self.slope * decision + self.offset

    def probabilities(self, decision: np.ndarray) -> np.ndarray:
        """Decision values (n, K) to probabilities (n, K), each class by itself.

        Source: Platt, "Probabilistic outputs for support vector machines", 1999.
        """
        return sigmoid(self.scores(decision))

    def distance(self, features: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """How unlike its class a picture is; mean squared deviation in standard units, (n,).

        answers : (n,), the class to compare with.  About 1 for a digit.  The
        covariance is one for all classes: `basis` with its own variances, and
        one variance for whatever lies outside.  Source: Tipping and Bishop,
        "Probabilistic principal component analysis", 1999.
        """
        apart = features - self.centres[answers]
        along = (apart @ self.basis.T) ** 2
        outside = np.maximum((apart * apart).sum(1) - along.sum(1), 0)
        return (along @ (1 / self.spread[:-1]) + outside / self.spread[-1]) / features.shape[1]

    def sure(self, features: np.ndarray, decision: np.ndarray) -> np.ndarray:
        """Which answers can be given without 'unsure'; a boolean array, shape (n,).

        An answer is sure if its model says yes (a probability of 0.5) and its
        digit's score, the margin to the next and the likeness to digits,
        weighed together, reach `floor`.
        """
        evidence = self._evidence(features, decision)
        trusted = self.trust[0] + evidence @ self.trust[1:] >= self.floor
        return trusted & (evidence[:, 0] >= 0)

    def arrays(self) -> dict[str, np.ndarray]:
        """All that must be stored."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], theta: np.ndarray) -> Calibration:
        """The inverse of `arrays`, checked against theta of shape (K, 1 + D).

        Raises UserError, as half a sentence to put the file's name before, where they do not fit.
        """
        classes, columns = len(theta), theta.shape[1] - 1
        rank = len(np.atleast_1d(arrays.get("basis", ())))
        shapes = {
            "slope": (classes,),
            "offset": (classes,),
            "centres": (classes, columns),
            "basis": (rank, columns),
            "spread": (rank + 1,),
            "shape": (1 + columns,),
            "trust": (1 + EVIDENCE,),
            "floor": (),
        }
        for name, shape in shapes.items():
            array = arrays.get(name)
            if array is None or array.shape != shape or not _finite(array):
                raise UserError(
                    f"the calibration's '{name}' is missing, not finite, or not of the shape "
                    f"{shape} that its theta asks for; train the model again."
                )
        if not (arrays["spread"] > 0).all():
            raise UserError("the calibration's 'spread' must be above 0; train the model again.")
        return cls(**{name: arrays[name] for name in shapes})

    def _evidence(self, features: np.ndarray, decision: np.ndarray) -> np.ndarray:
        """What `trust` weighs: best decision, margin, distance, its logarithm, shape; (n, 5)."""
        scores = self.scores(decision)
        ranked = np.sort(scores, 1)
        distance = self.distance(features, scores.argmax(1))
        best, margin = ranked[:, -1], ranked[:, -1] - ranked[:, -2]
        # Beyond a point more of it tells nothing more.
        return np.column_stack(
            [
                best.clip(-10, 10),
                margin.clip(0, 10),
                distance.clip(0, 20),
                np.log(distance + 0.01),
                (self.shape[0] + features @ self.shape[1:]).clip(-10, 10),
            ]
        )


def fit_calibration(
    features: str, theta: np.ndarray, heldout: Dataset, seed: int = 0
) -> Calibration:
    """Fit a Calibration of ten one-vs-all models on digits they were not fitted to.

    Parameters
    ----------
    features : the name of the features that theta weighs.
    theta : shape (10, 1 + D), bias first.
    heldout : digits, some thousands.
    seed : of the scribbles, letters and digits that are drawn by rule for it.
    """
    rng = np.random.default_rng(seed)
    blank = np.zeros((STRANGE // 10, 28, 28), np.uint8)
    strange = np.concatenate([make_scribbles(STRANGE, rng), make_letters(STRANGE, rng), blank])
    styled = make_digits(STYLED, rng)
    digits = extract(features, np.concatenate([heldout.images, styled.images]))
    strange = extract(features, strange)
    labels = np.concatenate([heldout.labels, styled.labels]).astype(int)

    def decision(X: np.ndarray) -> np.ndarray:
        return X @ theta[:, 1:].T + theta[:, 0]

    return Calibration.fit(digits, decision(digits), labels, strange, decision(strange))


def reliability(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 15
) -> tuple[np.ndarray, float]:
    """Whether answers given with probability p are right in a share p of all cases.

    Parameters
    ----------
    probabilities : (n, K), calibrated or not.
    labels : (n,), the right column.

    Returns a table of shape (bins, 3): mean probability of the answers in each
    bin, share of them that is right, their number (nan, nan, 0 where there are
    none); and the expected calibration error, the mean of |first - second|
    over all answers.  Source: Guo, Pleiss, Sun and Weinberger, "On calibration
    of modern neural networks", 2017.
    """
    best = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    of = np.minimum((best * bins).astype(int), bins - 1)
    count = np.bincount(of, minlength=bins)
    some = np.where(count, count, np.nan)
    said = np.bincount(of, best, bins) / some
    held = np.bincount(of, right, bins) / some
    error = np.nansum(np.abs(said - held) * count) / max(len(labels), 1)
    return np.column_stack([said, held, count]), float(error)


def _platt(decision: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Slope and offset of Platt's sigmoid, with his targets that are not quite 0 and 1."""
    yes, no = positive.sum(), (~positive).sum()
    targets = np.where(positive, (yes + 1) / (yes + 2), 1 / (no + 2))
    weights = np.full(len(decision), 1 / len(decision))
    offset, slope = _logistic(decision[:, None], targets, weights)
    return np.array([slope, offset])


def _tell_apart(digits: np.ndarray, strange: np.ndarray, l2: float) -> np.ndarray:
    """A logistic regression that says yes to digits, both sides weighing the same."""
    n, m = len(digits), len(strange)
    X, targets = np.concatenate([digits, strange]), np.repeat([1.0, 0.0], [n, m])
    return _logistic(X, targets, np.repeat([0.5 / n, 0.5 / m], [n, m]), l2)


def _logistic(
    X: np.ndarray, targets: np.ndarray, weights: np.ndarray, l2: float = 1e-6
) -> np.ndarray:
    """A weighted logistic regression by Newton's method; bias first, float64 (1 + D,)."""
    X = np.column_stack([np.ones(len(X)), np.asarray(X, np.float64)])
    theta = np.zeros(X.shape[1])

    def cost(theta: np.ndarray) -> float:
        z = X @ theta
        return weights @ (np.logaddexp(0, z) - targets * z) + l2 / 2 * theta @ theta

    for _ in range(50):
        p = sigmoid(X @ theta)
        gradient = X.T @ (weights * (p - targets)) + l2 * theta
        if np.abs(gradient).max() < 1e-7:
            break
        hessian = (X.T * (weights * p * (1 - p))) @ X + l2 * np.eye(len(theta))
        step = np.linalg.solve(hessian, gradient)
        length = 1.0
        while cost(theta - length * step) > cost(theta) and length > 1e-6:
            length /= 2
        theta = theta - length * step
    return theta


def _finite(array: np.ndarray) -> bool:
    return np.issubdtype(array.dtype, np.floating) and bool(np.isfinite(array).all())
