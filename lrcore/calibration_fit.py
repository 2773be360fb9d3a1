"""Fitting a calibration, on pictures that theta has not been fitted to."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lrcore.calibration import EVIDENCE, NOISE, RANK, Calibration, affine, leads
from lrcore.data import Dataset
from lrcore.features import extract
from lrcore.frame import SIDE
from lrcore.logistic import sigmoid
from lrcore.metrics import reliability
from lrcore.newton import newton
from lrcore.reading import Reader
from lrcore.settings import Settings
from lrcore.styles import make_digits, make_letters, make_scribbles
from lrcore.training import HOLDOUT, Run, RunRequest, split
from lrcore.weights import Weights

# Chosen, as is RANK, by benchmarks/choose_calibration.py:
# share of held-out digits that may be found unlike digits; more are unsure as no model says yes,
UNSURE = 0.018
# and L2 of the regression that learns shapes: strong, as it has few pictures to learn from.
SHAPE_L2 = 1e-5
# L2 of the others, which have a handful of weights: so weak that it but keeps them finite.
WEAK_L2 = 1e-6
# What is drawn by rule for a calibration: things that are no digits, of each kind, and digits of
# each style, so that these do not count as strange.
STRANGE, STYLED = 3000, 40
# So many more of each style, few of them read wrong, tell how often an answer is right. Together
# they weigh as much as MNIST's: those are of one country's hands, and its doubtful ones are oftener
# wrong.
ANSWERED = 300


class Answered(NamedTuple):
    """Digits by which to learn how often an answer is right.

    decision, labels : as for `fit`, shapes (n, K) and (n,).
    shares : (n,); what each weighs, 1 in all.
    """

    decision: np.ndarray
    labels: np.ndarray
    shares: np.ndarray


def calibrate(
    weights: Weights, settings: Settings, train: Dataset, test: Dataset, workers: int = 1
) -> Weights:
    """Give one-vs-all weights calibrated probabilities and a sense of what they do not know.

    Both must be learned from pictures that theta has not seen, and `weights`
    may have seen all of them: so a stand-in learns with the same settings from
    all but HOLDOUT pictures, and is calibrated on those, and on scribbles, letters
    and digits drawn by rule.  The test set's reliability goes into the record.

    train, test : the data sets that `weights` were trained and tested on.
    workers : threads that share the stand-in's training.
    """
    stand_in = replace(settings, images=min(settings.images, len(train) - HOLDOUT))
    run = Run(RunRequest(stand_in, train), workers=workers)
    for _ in run.steps():
        pass
    _, heldout = split(stand_in, train, np.random.default_rng(settings.seed))
    calibration = fit_to_pictures(run.weights(), train.take(heldout), settings.seed)
    record = dict(weights.record)
    calibrated = replace(weights, calibration=calibration, record=record)
    readings = Reader(calibrated).read(test.images)
    right = readings.digits == test.labels
    table, error = reliability(readings.answer_probability, right)
    # Calibration may turn an answer where two digits are about equally likely.
    record["test_accuracy"] = round(float(right.mean()), 6)
    record["calibration_error"] = round(error, 5)
    record["reliability"] = [[round(float(x), 4) for x in row] for row in table if row[2]]
    record["test_unsure"] = round(float(np.mean(~readings.sure)), 5)
    return calibrated


def fit_to_pictures(weights: Weights, heldout: Dataset, seed: int = 0) -> Calibration:
    """A calibration of ten one-vs-all models, on digits they were not fitted to.

    Parameters
    ----------
    weights : the models; a calibration that they have already plays no part.
    heldout : digits, some thousands.
    seed : of the scribbles, letters and digits that are drawn by rule for it.
    """
    rng = np.random.default_rng(seed)
    blank = np.zeros((STRANGE // 10, SIDE, SIDE), np.uint8)
    strange = np.concatenate([make_scribbles(STRANGE, rng), make_letters(STRANGE, rng), blank])
    styled = make_digits(STYLED, rng)
    X = extract(weights.features, np.concatenate([heldout.images, styled.images]))
    strange_X = extract(weights.features, strange)
    labels = np.concatenate([heldout.labels, styled.labels]).astype(int)
    decision = weights.decision_function
    n, found = len(heldout), decision(X)
    answered = half_drawn(weights, found[:n], labels[:n], rng)
    return fit(X, found, labels, strange_X, decision(strange_X), answered=answered)


def half_drawn(
    weights: Weights, decision: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> Answered:
    """People's digits, (n, K) and (n,), and as many by weight that are drawn by rule for it."""
    drawn = make_digits(ANSWERED, rng)
    X = extract(weights.features, drawn.images)
    return Answered(
        np.concatenate([decision, weights.decision_function(X)]),
        np.concatenate([labels, drawn.labels.astype(int)]),
        _halves(len(labels), len(drawn)),
    )


def fit(
    features: np.ndarray,
    decision: np.ndarray,
    labels: np.ndarray,
    strange_features: np.ndarray,
    strange_decision: np.ndarray,
    rank: int = RANK,
    shape_l2: float = SHAPE_L2,
    unsure: float = UNSURE,
    answered: Answered | None = None,
) -> Calibration:
    """A calibration by held-out pictures: digits, and things that are none.

    Parameters
    ----------
    features, decision : shapes (n, D) and (n, K), of digits.
    labels : shape (n,); the column of `decision` that is right.
    strange_features, strange_decision : the same of m scribbles and letters.
    rank, shape_l2, unsure : see RANK, SHAPE_L2 and UNSURE.
    answered : what `answer_weights` learn from, by default the digits above, all alike.
    """
    classes = decision.shape[1]
    slope, offset = np.transpose(
        [_platt(decision[:, k], labels == k) for k in range(classes)]
    ).astype(np.float32)
    centres = np.stack([features[labels == k].mean(0) for k in range(classes)])
    basis, variances = _principal_directions(features - centres[labels], rank)
    centres = centres.astype(np.float32)
    scores, strange_scores = slope * decision + offset, slope * strange_decision + offset
    if answered is None:
        answered = Answered(decision, labels, _even(len(labels)))
    answers = slope * answered.decision + offset
    right = (answers.argmax(1) == answered.labels).astype(float)
    answer_weights = _logistic(leads(answers), right, answered.shares, WEAK_L2).astype(np.float32)
    # What learns from evidence must see it as it will be on new pictures, so `shape_weights`
    # learn from one half of them and `trust_weights` from the other.
    shape_weights = _tell_apart(features[::2], strange_features[::2], shape_l2).astype(np.float32)
    found = Calibration(
        slope=slope,
        offset=offset,
        centres=centres,
        basis=basis,
        variances=variances,
        shape_weights=shape_weights,
        trust_weights=np.zeros(1 + EVIDENCE, np.float32),
        threshold=np.zeros((), np.float32),
        answer_weights=answer_weights,
    )
    digits = found.evidence(features[1::2], scores[1::2])
    strange = found.evidence(strange_features[1::2], strange_scores[1::2])
    trust_weights = _tell_apart(digits, strange, WEAK_L2)
    threshold = np.quantile(affine(trust_weights, digits), unsure)
    return replace(
        found,
        trust_weights=trust_weights.astype(np.float32),
        threshold=np.array(threshold, np.float32),
    )


def _principal_directions(apart: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """`basis` and `variances`, as in `Calibration`, of deviations from centres, (n, D)."""
    variance, directions = np.linalg.eigh(apart.T @ apart / len(apart))
    rank = min(rank, len(variance) - 1)
    noise = max(variance[:-rank].mean(), NOISE)
    variances = np.append(np.maximum(variance[-rank:], noise), noise)
    basis = np.ascontiguousarray(directions[:, -rank:].T, np.float32)
    return basis, variances.astype(np.float32)


def _platt(decision: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Slope and offset of Platt's sigmoid, with his targets that are not quite 0 and 1."""
    yes, no = positive.sum(), (~positive).sum()
    targets = np.where(positive, (yes + 1) / (yes + 2), 1 / (no + 2))
    offset, slope = _logistic(decision[:, None], targets, _even(len(decision)), WEAK_L2)
    return np.array([slope, offset])


def _tell_apart(digits: np.ndarray, strange: np.ndarray, l2: float) -> np.ndarray:
    """A logistic regression that says yes to digits, both sides weighing the same."""
    n, m = len(digits), len(strange)
    X, targets = np.concatenate([digits, strange]), np.repeat([1.0, 0.0], [n, m])
    return _logistic(X, targets, _halves(n, m), l2)


def _halves(n: int, m: int) -> np.ndarray:
    """What each of n rows and then m others weighs, where both together weigh the same."""
    return np.repeat([0.5 / n, 0.5 / m], [n, m])


def _even(n: int) -> np.ndarray:
    """What each of n rows weighs, where all weigh the same; 1 in all."""
    return np.full(n, 1 / n)


def _logistic(X: np.ndarray, targets: np.ndarray, shares: np.ndarray, l2: float) -> np.ndarray:
    """A weighted logistic regression; bias first, which L2 bounds as well, float64 (1 + D,).

    targets, shares : (n,); what is wanted, 0 to 1, and what each row weighs, 1 in all.
    """
    X = np.column_stack([np.ones(len(X)), np.asarray(X, np.float64)])

    def cost(theta: np.ndarray) -> np.ndarray:
        z = theta @ X.T
        return (np.logaddexp(0, z) - targets * z) @ shares + l2 / 2 * (theta**2).sum(1)

    def derivatives(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = sigmoid(theta[0] @ X.T)
        gradient = X.T @ (shares * (p - targets)) + l2 * theta[0]
        hessian = (X.T * (shares * p * (1 - p))) @ X + l2 * np.eye(X.shape[1])
        return gradient[None], hessian[None]

    return newton(np.zeros((1, X.shape[1])), cost, derivatives, 1e-13)[0]
