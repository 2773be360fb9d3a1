"""Learning one hand: a correction moves theta at once, and hardly away from what it knew.

Training leaves more than theta behind: how firmly each direction of it is held
by the pictures learned from, which is the curvature of the cost.  A correction
then need not look at those pictures again.  Round the trained theta their
summed cost is nearly the quadratic

    (theta - trained)' H (theta - trained) / 2,    H = sum p (1 - p) x x' + I / C

to which each corrected picture adds its own log loss, `weight` times.  The
smallest sum is the new theta: Bayes' rule with the training data as prior.
Sources: MacKay, "A practical Bayesian framework for backpropagation networks",
1992 (Laplace's approximation); Rasmussen and Williams, "Gaussian processes for
machine learning", 2006, section 3.4 (Newton's method in as many unknowns as
there are pictures).
"""

from __future__ import annotations

import hashlib
import math
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lrcore.archive import (
    MAX_ARCHIVE_BYTES,
    pack_arrays,
    read_whole,
    unpack_arrays,
    write_file,
)
from lrcore.data import Dataset
from lrcore.errors import UserError
from lrcore.features import extract, extract_cached
from lrcore.logistic import curated_labels, sigmoid
from lrcore.newton import newton
from lrcore.places import WEIGHTS_FOLDERS
from lrcore.reading import relevant
from lrcore.weights import Weights, columns

# How many training pictures a corrected one counts as (benchmarks/choose_weight.py).
WEIGHT = 200
# More corrections would no longer be learned in a tenth of a second.
MAX_CORRECTIONS = 200
# Where L2 is weaker than this, directions that no training picture holds would fly away.
WEAKEST_C = 10.0
SUFFIX = ".curvature"
CURVATURE_BLOCK = 1024
# Pictures that a curvature made on the spot looks at; they stand for all.
CURVATURE_SAMPLE = 6_000
# A difference of the summed cost that is too small to matter.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Curvature:
    """How firmly theta is held.

    inverse_root : float32 (1 + D, 1 + D), upper triangular; inverse_root @ inverse_root.T is the
        inverse of H, averaged over the K classes so that one serves for all.
    theta_hash : which theta it belongs to, as `theta_hash` gives it.
    """

    inverse_root: np.ndarray
    theta_hash: str

    @classmethod
    def measure(cls, weights: Weights, images: np.ndarray) -> Curvature:
        """The curvature at a trained theta, from training pictures, uint8 (n, 28, 28).

        They stand for as many pictures of the data set as theta learned from, by its record; what
        was made of them or drawn by rule says little about how firmly a correction should be met.

        Raises UserError where theta is too large for the curvature to be inverted.
        """
        stood_for = min(weights.record.get("images", len(images)), 60_000)
        # Few are looked at again sooner than they are read from the disk.
        look = extract if len(images) <= CURVATURE_SAMPLE else extract_cached
        X = look(weights.features, images)
        theta = weights.theta.astype(np.float32)
        H = np.zeros((theta.shape[1],) * 2)
        for start in range(0, len(X), CURVATURE_BLOCK):
            x = _with_bias(X[start : start + CURVATURE_BLOCK])
            p = sigmoid(x @ theta.T)
            H += (x.T * (p * (1 - p)).mean(1)) @ x
        H *= stood_for / len(X)
        H[np.diag_indices_from(H)] += 1 / _c_of(weights)
        try:
            inverse = np.linalg.inv(np.linalg.cholesky(H))
        except np.linalg.LinAlgError as error:
            raise UserError(
                f"{weights.name} has a theta too large to be corrected; train the model again."
            ) from error
        return cls(inverse.T.astype(np.float16).astype(np.float32), theta_hash(weights))

    def pack(self) -> bytes:
        """The bytes of a curvature file: the triangle alone, in half precision."""
        triangle = self.inverse_root[np.triu_indices(len(self.inverse_root))]
        return pack_arrays(
            {"theta": np.array(self.theta_hash), "triangle": triangle.astype(np.float16)}
        )


def theta_hash(weights: Weights) -> str:
    """What tells one theta from another."""
    digest = hashlib.sha256(weights.features.encode())
    digest.update(np.ascontiguousarray(weights.theta, np.float32).data)
    return digest.hexdigest()


def save_curvature(path: str | Path, curvature: Curvature) -> None:
    """Write a curvature file; UserError where it cannot be written."""
    write_file(path, curvature.pack())


def load_curvature(path: str | Path, weights: Weights) -> Curvature:
    """Read the curvature file of these weights.

    Raises UserError where it is damaged, or belongs to another theta.
    """
    path = Path(path)
    arrays = unpack_arrays(read_whole(path, MAX_ARCHIVE_BYTES), path.name)
    side = 1 + columns(weights.features)
    owner, triangle = arrays.get("theta"), arrays.get("triangle")
    if owner is None or triangle is None:
        raise UserError(f"{path.name} is no curvature file; make it again from its weights.")
    if str(owner) != theta_hash(weights):
        raise UserError(
            f"{path.name} belongs to another theta than {weights.name}'s; make it again with "
            "python -m lrcore curvature."
        )
    if (
        triangle.shape != (side * (side + 1) // 2,)
        or triangle.dtype != np.float16
        or not np.isfinite(triangle).all()
    ):
        raise UserError(f"{path.name} is damaged; make it again with python -m lrcore curvature.")
    inverse_root = np.zeros((side, side), np.float32)
    inverse_root[np.triu_indices(side)] = triangle
    return Curvature(inverse_root, theta_hash(weights))


def shipped_curvature(weights: Weights, *folders: Path) -> Curvature | None:
    """The curvature that lies beside the weights, if there is one and it is theirs.

    folders : where it may lie; by default, wherever weights are offered.
    """
    # The name may be a user's own: it is only ever compared, never made into a path.
    files = (path for each in folders or WEIGHTS_FOLDERS for path in each.glob(f"*{SUFFIX}"))
    for path in files:
        if path.stem == weights.name:
            with suppress(UserError):
                return load_curvature(path, weights)
    return None


def learn(weights: Weights, curvature: Curvature, hand: Dataset, weight: float = WEIGHT) -> Weights:
    """The weights after all corrections, always reckoned anew from the trained theta.

    Nothing drifts, therefore, and to undo a correction is to learn without it.

    Parameters
    ----------
    weights : as trained; they are not changed.
    curvature : theirs.
    hand : the corrected pictures with the digits that they really show, at most MAX_CORRECTIONS.
        A model of two digits learns from pictures of those two only.
    weight : how many training pictures each of them counts as.

    Raises UserError where there are more.
    """
    if len(hand) > MAX_CORRECTIONS:
        raise UserError(
            f"A hand of {len(hand):,} corrections is too large; up to {MAX_CORRECTIONS} are "
            "learned at once. With so many digits, train on your own digits instead."
        )
    images, truth = relevant(weights, hand.images, hand.labels)
    if not len(truth):
        return weights
    theta = weights.theta.astype(np.float64)
    x = _with_bias(extract(weights.features, images)).astype(np.float64)
    targets = curated_labels(truth, weights.classes[-len(theta) :]).T
    # Where theta is moved by inverse_root v, H costs v'v / 2.  Only along the pictures does
    # moving gain anything, so v = directions w, of as few numbers as there are pictures.
    directions, pictures = np.linalg.qr((x @ curvature.inverse_root).T)
    w = _cheapest_move(pictures, theta @ x.T, targets, weight)
    theta = theta + w @ directions.T @ curvature.inverse_root.T
    # What the old record measured no longer holds.
    record = {"corrections": len(truth), "corrected": weights.record}
    return replace(weights, theta=theta.astype(weights.theta.dtype), record=record)


def _cheapest_move(
    pictures: np.ndarray, scores: np.ndarray, targets: np.ndarray, weight: float
) -> np.ndarray:
    """The w, (K, r), that minimises weight * sum(log loss at scores + w pictures) + w'w / 2.

    pictures : (r, m), the coordinates of m corrected pictures.
    scores, targets : (K, m), before any move; zeros and ones.
    """

    def cost(w: np.ndarray) -> np.ndarray:
        z = scores + w @ pictures
        return weight * (np.logaddexp(0, z) - targets * z).sum(1) + (w**2).sum(1) / 2

    def derivatives(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = sigmoid(scores + w @ pictures)
        gradient = weight * (p - targets) @ pictures.T + w
        firmness = weight * p * (1 - p)
        return gradient, (pictures * firmness[:, None]) @ pictures.T + np.eye(len(pictures))

    return newton(np.zeros((len(scores), len(pictures))), cost, derivatives, TOLERANCE)


def _with_bias(X: np.ndarray) -> np.ndarray:
    return np.hstack([np.ones((len(X), 1), X.dtype), X])


def _c_of(weights: Weights) -> float:
    C = weights.record.get("C", 1.0)
    usable = isinstance(C, (int, float)) and not math.isnan(C) and C > 0
    return min(C, WEAKEST_C) if usable else 1.0
