"""Why this digit: the score of a linear model, taken apart into the terms of its sum.

A score is bias + theta[1] x[1] + ... + theta[D] x[D], so each input's share
in it is one product, and the shares add up to the score with nothing left over.
The same linearity gives the smallest change of a picture that turns the answer.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from lrcore.errors import UserError
from lrcore.features import DIRECTIONS, FEATURES, GRID, OPENINGS_GRID, extract, normalise
from lrcore.frame import SIDE
from lrcore.weights import Weights

# The feature maps whose columns are the pixels of a picture, row by row.
PICTURES = tuple(name for name, way in FEATURES.items() if way.picture)


@dataclass(frozen=True)
class StrokeLayout:
    """Where on the picture each column of 'strokes' looks, and for what; arrays of shape (D,).

    edges : True for an edge, False for an opening of the paper between strokes.
    x, y : centre of the column's window, from the upper left corner, in 28ths of
        the picture that the strokes are looked for in.
    reach : half the side of its cell, in the same unit.
    angle : in radians, 0 to the right and growing clockwise.  An edge has its ink
        on the side that the angle points to; an opening opens that way, and a hole,
        closed all round, has NaN.
    """

    edges: np.ndarray
    x: np.ndarray
    y: np.ndarray
    reach: np.ndarray
    angle: np.ndarray


# Which way the nine kinds of opening open, in eighths of a turn from the right, clockwise:
# a hole, four bays, four corners.
_OPENS = np.array([np.nan, 0, 4, 6, 2, 1, 7, 3, 5]) * (2 * np.pi / 8)


@functools.cache
def stroke_layout() -> StrokeLayout:
    """The layout of the columns of 'strokes'."""
    parts = [
        (True, GRID, np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS)),
        (False, OPENINGS_GRID, _OPENS),
    ]
    columns = []
    for edges, cells, angles in parts:
        kind, across, down = (axis.ravel() for axis in np.indices((len(angles), cells, cells)))
        cell = SIDE / cells
        where = ((across + 0.5) * cell, (down + 0.5) * cell)
        size = kind.size
        columns.append((np.full(size, edges), *where, np.full(size, cell / 2), angles[kind]))
    return StrokeLayout(*(np.concatenate(arrays) for arrays in zip(*columns, strict=True)))


@dataclass(frozen=True)
class Evidence:
    """A score, as of `Weights.scores`, or the difference of two, taken apart.

    bias : what is there before any ink.
    parts : float64, shape (D,); theta times x of each feature.
    picture : float, 0 to 1; the drawing as the features see it: shape (28, 28), and for
        'strokes' the smaller picture in which they look for edges.
    """

    bias: float
    parts: np.ndarray
    picture: np.ndarray

    @property
    def score(self) -> float:
        """bias + the sum of parts."""
        return self.bias + float(self.parts.sum())


def explain(
    weights: Weights, image: np.ndarray, digit: int, against: int | None = None
) -> Evidence:
    """The evidence for a digit in a picture; with `against`, for the one rather than the other.

    Parameters
    ----------
    weights : the model that gave the score.
    image : uint8, shape (28, 28), ink bright.
    digit, against : classes of the weights.  With `against` the evidence is that
        for `digit` minus that for `against`: above zero the model prefers `digit`.

    Raises UserError for a class that the weights do not know.
    """
    row = _row(weights, digit) if against is None else _difference(weights, digit, against)
    x = extract(weights.features, image[None])[0].astype(np.float64)
    return Evidence(float(row[0]), row[1:] * x, seen(weights, image))


def seen(weights: Weights, image: np.ndarray) -> np.ndarray:
    """The picture that theta's inputs are taken from, float64, 0 to 1; see `Evidence.picture`."""
    if weights.features in PICTURES:
        return extract(weights.features, image[None])[0].reshape(SIDE, SIDE).astype(np.float64)
    return normalise(image[None] / np.float32(255))[0].astype(np.float64)


@dataclass(frozen=True)
class Change:
    """A change of a picture that turns the answer.

    before, after : float64, shape (28, 28), 0 to 1.
    answer, other : the class that wins before, and the one that overtakes it.
    exact : whether no smaller change would do; a search has found a small one otherwise.
    """

    before: np.ndarray
    after: np.ndarray
    answer: int
    other: int
    exact: bool

    @property
    def size(self) -> float:
        """Length of the change: the root of the sum of its squares over the pixels."""
        return float(np.linalg.norm(self.after - self.before))


# How far beyond the boundary a changed picture lies, in the score: just past it.
PAST = 0.05
# The walk to a boundary that is no plane: steps at most, and the shortest and longest of them.
# The boundary bends away (each feature is a square root), so steps go beyond the tangent plane.
STEPS, STRIDES, BEYOND = 30, (0.1, 0.7), 1.5
# The ink that a pixel gains to see what it does to the score.
NUDGE = 0.1


def smallest_change(weights: Weights, image: np.ndarray, other: int | None = None) -> Change:
    """The smallest change, in Euclidean length, with which another class overtakes the answer.

    For features that are pixels the boundary between two classes is a plane,
    w . x + b = 0 with w and b the differences of their thetas, and the nearest
    point on it is x - w (w . x + b) / |w|^2.  Ink cannot be less than none or
    more than full; within these bounds the nearest point is clip(x + t w, 0, 1)
    for the one t that reaches the plane (the conditions of Karush, Kuhn and
    Tucker).  Source: Boyd and Vandenberghe, "Convex Optimization", sections
    5.5.3 and 8.1.  For 'straightened' it is the straightened picture that changes.

    For 'strokes' the boundary is curved, and is walked to on tangent planes
    until it is crossed, as Moosavi-Dezfooli et al., "DeepFool", 2016, do.

    Parameters
    ----------
    weights : the model whose answer is to turn.
    image : uint8, shape (28, 28).
    other : the class that is to overtake; by default the one that needs the least.

    Raises UserError where no picture would do.
    """
    classes = [int(digit) for digit in weights.classes]
    answer = classes[int(_scores(weights, image[None])[0].argmax())]
    rivals = [digit for digit in classes if digit != answer] if other is None else [other]
    if answer in rivals:
        raise UserError(f"It reads {answer} already; choose another digit.")
    find = _onto_planes if weights.features in PICTURES else _walk
    changes = find(weights, image, answer, rivals)
    if not changes:
        raise UserError("No picture was found that would change this model's mind that way.")
    return min(changes, key=lambda change: change.size)


def _onto_planes(
    weights: Weights, image: np.ndarray, answer: int, rivals: list[int]
) -> list[Change]:
    """For each rival that ink can bring to win at all, the nearest picture with which it does."""
    before = seen(weights, image)
    changes = []
    for rival in rivals:
        row = _difference(weights, rival, answer)
        if row[1:].clip(0).sum() + row[0] > PAST:
            after = _onto_plane(before.ravel(), row[1:], row[0]).reshape(SIDE, SIDE)
            changes.append(Change(before, after, answer, rival, exact=True))
    return changes


def _onto_plane(x: np.ndarray, w: np.ndarray, b: float) -> np.ndarray:
    """The point of the box [0, 1]^D with w . x + b >= PAST that is nearest to x."""

    def gap(t: float) -> float:
        return float(w @ np.clip(x + t * w, 0, 1)) + b - PAST

    if gap(0) >= 0:
        return x
    low, high = 0.0, 1.0
    # Once the last pixel is none or full, going on changes nothing.
    most = np.max(((w > 0) - x)[w != 0] / w[w != 0], initial=1)
    while gap(high) < 0 and high < most:
        low, high = high, 2 * high
    t = brentq(gap, low, high) if gap(high) > 0 else high
    return np.clip(x + t * w, 0, 1)


def _walk(weights: Weights, image: np.ndarray, answer: int, rivals: list[int]) -> list[Change]:
    """A change found step by step, each along the steepest way to the nearest rival."""
    before = image.astype(np.float64) / 255
    places = [list(weights.classes).index(digit) for digit in (answer, *rivals)]

    def margins(pictures: np.ndarray) -> np.ndarray:
        scores = _scores(weights, 255 * pictures.reshape(-1, SIDE, SIDE))[:, places]
        return scores[:, 1:] - scores[:, :1]

    x = last = before.ravel()
    nudges = np.eye(x.size) * NUDGE
    for _ in range(STEPS):
        here = margins(x)[0]
        if here.max() >= PAST:
            break
        # Full pixels lose ink instead of gaining it.
        sign = np.where(x > 1 - NUDGE, -1.0, 1.0)
        slopes = (margins(x + sign[:, None] * nudges) - here) / (sign[:, None] * NUDGE)
        distances = (PAST - here) / np.maximum(np.linalg.norm(slopes, axis=0), 1e-9)
        nearest = int(distances.argmin())
        direction = slopes[:, nearest] / max(np.linalg.norm(slopes[:, nearest]), 1e-9)
        last, x = x, np.clip(x + np.clip(BEYOND * distances[nearest], *STRIDES) * direction, 0, 1)
    else:
        return []
    way = x - last
    x = last + brentq(lambda t: margins(last + t * way).max() - PAST, 0, 1, xtol=1e-4) * way
    other = rivals[int(margins(x)[0].argmax())]
    return [Change(before, x.reshape(SIDE, SIDE), answer, other, exact=False)]


def _scores(weights: Weights, images: np.ndarray) -> np.ndarray:
    """The scores of pictures, (n, classes); see `Weights.scores`."""
    return weights.scores(weights.decision_function(extract(weights.features, images)))


def _row(weights: Weights, digit: int) -> np.ndarray:
    """Theta's row for a class, as float64; a binary model's negative class has minus the one."""
    places = np.flatnonzero(weights.classes == digit)
    if not places.size:
        raise UserError(f"{weights.name} does not know the digit {digit}.")
    if weights.binary:
        return (2 * places[0] - 1) * weights.calibrated_theta()[0]
    return weights.calibrated_theta()[places[0]]


def _difference(weights: Weights, digit: int, against: int) -> np.ndarray:
    """What is weighed for one class rather than another, as float64."""
    row, other = _row(weights, digit), _row(weights, against)
    return row if weights.binary else row - other
