"""Two digits, each picture reduced to two numbers: logistic regression that one can draw.

The pictures are some of MNIST's training set, as many of the one digit as of the other, drawn by a
seed.  They are all there is: the cost is the mean over these very pictures.  What makes two numbers
of a picture, as `NUMBERS` names it:

- ink and symmetry: ink is the mean grey, from 0 for paper to 1 for ink.  Symmetry is minus the mean
  absolute difference between a picture and its flipped versions, left to right and top to bottom,
  the mean over both; 0 is perfect.  Source: Abu-Mostafa, Magdon-Ismail and Lin, "Learning From
  Data" (2012), example 3.1; which flips are meant it leaves open.
- two pixels: the greys at two places.
- two principal components: how far a picture lies from the mean picture along the two directions
  in which the two digits' training pictures, all of them, differ most.  Source: Hastie, Tibshirani
  and Friedman, "The Elements of Statistical Learning", 2nd edition, section 14.5.1.

Before learning the two numbers are standardised: their mean over the pictures is taken off, and
they are divided by their standard deviation, so that a step means as much along the one as along
the other.  Cost and gradient are `lrcore.logistic`'s, the steps are `lrcore.solvers`'.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from lrcore.data import Dataset
from lrcore.errors import UserError
from lrcore.frame import SIDE
from lrcore.logistic import OneVsAllLoss, curated_labels
from lrcore.solvers import SOLVERS, Step

INK_SYMMETRY, PIXELS, COMPONENTS = "ink-symmetry", "pixels", "components"
NUMBERS = {
    INK_SYMMETRY: "Ink and symmetry",
    PIXELS: "Two pixels",
    COMPONENTS: "Two principal components",
}
# What of a choice is read from texts; see `read_choice`.
TEXTS = ("digits", "numbers", "pixels")
# More pictures of each digit than any other has in MNIST's training set cannot be had.
MOST_OF_EACH = 5000
# L-BFGS comes to its end by itself long before.
MOST_STEPS = 1000
# Who learns goes on until the cost is above its lowest by no more than the share NEAR, or for
# ENOUGH steps.
NEAR, ENOUGH = 1e-3, 200

Pixel = tuple[int, int]


@dataclass(frozen=True)
class Choice:
    """What is looked at.

    digits : the digit of 'no' (y = 0), then that of 'yes' (y = 1).
    numbers : one of `NUMBERS`.
    pixels : (row, column) of the two pixels, from 0; for 'pixels' alone.
    of_each : how many pictures of each digit, at random by `seed`.
    standardised : whether learning sees the two numbers standardised or as they are.
    C : inverse strength of the L2 regularisation, as in `lrcore.logistic`.

    Raises UserError where this cannot be.
    """

    digits: tuple[int, int] = (1, 5)
    numbers: str = INK_SYMMETRY
    pixels: tuple[Pixel, Pixel] = ((14, 14), (7, 17))
    of_each: int = 150
    seed: int = 0
    standardised: bool = True
    C: float = 1.0

    def __post_init__(self) -> None:
        if len(self.digits) != 2 or not all(digit in range(10) for digit in self.digits):
            raise UserError(f"The digits are {self.digits}, but must be two from 0 to 9.")
        if self.digits[0] == self.digits[1]:
            raise UserError(f"Both digits are {self.digits[0]}; choose two different ones.")
        if self.numbers not in NUMBERS:
            raise UserError(f"There are no numbers '{self.numbers}'; choose {', '.join(NUMBERS)}.")
        places = [place for pixel in self.pixels for place in pixel]
        if len(places) != 4 or not all(place in range(SIDE) for place in places):
            raise UserError(
                f"The pixels are {self.pixels}, but must be two of row and column, each from 0 to "
                f"{SIDE - 1}."
            )
        if self.numbers == PIXELS and self.pixels[0] == self.pixels[1]:
            raise UserError("Both pixels are the same; choose two different ones.")
        if not 1 <= self.of_each <= MOST_OF_EACH:
            raise UserError(f"Choose from 1 to {MOST_OF_EACH:,} pictures of each digit.")

    @property
    def names(self) -> tuple[str, str]:
        """What the two numbers are called."""
        if self.numbers == PIXELS:
            first, second = (f"pixel {row}, {column}" for row, column in self.pixels)
            return first, second
        if self.numbers == COMPONENTS:
            return "first component", "second component"
        return "ink", "symmetry"


def read_choice(texts: Mapping[str, str], base: Choice | None = None) -> Choice:
    """The choice that texts such as digits=1,5, numbers=pixels, pixels=14,14,7,17 ask for.

    What they leave out is as in `base`.  Raises UserError where they cannot be read.
    """
    changes: dict = {}
    for name, text in texts.items():
        if name == "digits":
            changes[name] = _whole(name, text, 2, "1,5")
        elif name == "pixels":
            row, column, second_row, second_column = _whole(name, text, 4, "14,14,7,17")
            changes[name] = (row, column), (second_row, second_column)
        elif name == "numbers":
            changes[name] = text
        else:
            raise UserError(f"'{name}' is nothing to choose; known are {', '.join(TEXTS)}.")
    return replace(base or Choice(), **changes)


def choice_texts(choice: Choice) -> dict[str, str]:
    """The texts that `read_choice` reads a choice back from; pixels where they matter."""
    texts = {"digits": "{},{}".format(*choice.digits), "numbers": choice.numbers}
    if choice.numbers == PIXELS:
        texts["pixels"] = ",".join(str(place) for pixel in choice.pixels for place in pixel)
    return texts


def _whole(name: str, text: str, count: int, example: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != count or not all(re.fullmatch("[0-9]{1,2}", part) for part in parts):
        raise UserError(f"{name} cannot be '{text[:40]}'; an example is {example}.")
    return tuple(int(part) for part in parts)


@dataclass(frozen=True, eq=False)
class TwoNumbers:
    """Pictures of two digits as two numbers each, ready to learn from.

    choice : what was asked for.
    pictures : the m pictures and their labels.
    raw : the two numbers of each, float64 (m, 2).
    X : the same as learning sees them, float64 (m, 2).
    y : 1 for the second digit of the choice and 0 for the first, uint8 (m,).
    mean, scale : what makes X of raw, (raw - mean) / scale; shape (2,).
    middle, axes : the mean picture (784,) and the two directions (784, 2) that numbers are taken
        along; None where the numbers are no such sum.
    loss : the cost, of theta with the shape (1, 3), the bias first.
    """

    choice: Choice
    pictures: Dataset
    raw: np.ndarray
    X: np.ndarray
    y: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    middle: np.ndarray | None
    axes: np.ndarray | None
    loss: OneVsAllLoss

    def reduce(self, images: np.ndarray) -> np.ndarray:
        """Two numbers of each of some uint8 pictures (k, 28, 28), as they are; (k, 2)."""
        return _reduced(images, self.choice, self.middle, self.axes)

    def standardise(self, raw: np.ndarray) -> np.ndarray:
        """Two numbers as learning sees them, (k, 2)."""
        return (raw - self.mean) / self.scale

    def of(self, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
        """Of all pictures of the two digits in another set: X (k, 2) and y, bool (k,)."""
        mine = data.take(np.isin(data.labels, self.choice.digits))
        yes = mine.labels == self.choice.digits[1]
        return self.standardise(self.reduce(mine.images)), yes

    def cost(self, theta: np.ndarray) -> float:
        """The cost at theta, shape (1, 3)."""
        return float(self.loss.cost(theta)[0])

    @functools.cached_property
    def optimum(self) -> np.ndarray:
        """The theta of the lowest cost, shape (1, 3), as L-BFGS finds it from zero."""
        return self.way("lbfgs", MOST_STEPS)[-1].theta

    def learned(self, theta: np.ndarray) -> bool:
        """Whether the cost at theta, shape (1, 3), is as near its lowest as learning goes."""
        return self.cost(theta) <= (1 + NEAR) * self.cost(self.optimum)

    def learning(self, start: np.ndarray | None = None) -> list[Step]:
        """Gradient descent from `start` until it has learned, ENOUGH steps at most; as `way`."""
        steps = self.way(steps=ENOUGH, start=start)
        ends = (at for at, step in enumerate(steps) if self.learned(step.theta))
        return steps[: next(ends, len(steps)) + 1]

    def way(
        self,
        solver: str = "gradient-descent",
        steps: int = 100,
        start: np.ndarray | None = None,
        **knobs: float | None,
    ) -> list[Step]:
        """The first `steps` iterations of a solver, its start before them.

        start : theta to start from, shape (1, 3); zero by default.
        knobs : of the solver, where they differ from its defaults.

        Shorter where the solver ends before.  Raises lrcore.solvers.Diverged where the learning
        rate is too large for it.
        """
        chosen = SOLVERS[solver]
        theta = np.zeros((1, 3)) if start is None else np.asarray(start, float)
        rng = np.random.default_rng(self.choice.seed)
        ways = chosen.function(self.loss, theta, chosen.knobs(**knobs), rng)
        return list(itertools.islice(ways, 1 + steps))


def two_numbers(data: Dataset, choice: Choice | None = None) -> TwoNumbers:
    """Reduce pictures of two digits of a set, MNIST's training part, to two numbers each.

    Raises UserError where the set has too few pictures of a digit.
    """
    choice = choice or Choice()
    rng = np.random.default_rng(choice.seed)
    places = [np.flatnonzero(data.labels == digit) for digit in choice.digits]
    for digit, found in zip(choice.digits, places, strict=True):
        if len(found) < choice.of_each:
            raise UserError(
                f"There are {len(found):,} pictures of {digit}, fewer than {choice.of_each:,}."
            )
    middle = axes = None
    if choice.numbers == COMPONENTS:
        middle, axes = principal_components(data.images[np.concatenate(places)])
    picked = np.concatenate([rng.choice(found, choice.of_each, replace=False) for found in places])
    pictures = data.take(np.sort(picked))
    raw = _reduced(pictures.images, choice, middle, axes)
    mean, scale = np.zeros(2), np.ones(2)
    if choice.standardised:
        mean, scale = raw.mean(0), raw.std(0)
        # A number that is the same in all pictures is left as it is, as scikit-learn's
        # StandardScaler leaves it: it says nothing, and its theta stays zero.
        scale = np.where(scale > 0, scale, 1)
    X = (raw - mean) / scale
    targets = curated_labels(pictures.labels, np.array(choice.digits[1:]))
    loss = OneVsAllLoss(X, targets, choice.C)
    return TwoNumbers(choice, pictures, raw, X, targets[:, 0], mean, scale, middle, axes, loss)


def ink(images: np.ndarray) -> np.ndarray:
    """The mean grey of pictures (k, h, w), uint8; 0 for paper to 1 for ink, shape (k,)."""
    return images.mean((1, 2)) / 255


def symmetry(images: np.ndarray) -> np.ndarray:
    """Minus the mean absolute difference to both flipped versions, shape (k,); 0 is perfect."""
    grey = images.astype(np.float64) / 255
    flipped = grey[:, :, ::-1], grey[:, ::-1]
    return -np.mean([np.abs(grey - other).mean((1, 2)) for other in flipped], axis=0)


def principal_components(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean picture (D,) and the two directions (D, 2) in which pictures differ most.

    images : uint8, shape (k, h, w), D = h w; their greys count from 0 to 1.

    A direction's sign is such that its entry farthest from zero is above it, as in scikit-learn.
    """
    grey = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    middle = grey.mean(0, dtype=np.float64)
    covariance = (grey.T @ grey).astype(np.float64) / len(grey) - np.outer(middle, middle)
    last = len(middle) - 1
    axes = scipy.linalg.eigh(covariance, subset_by_index=[last - 1, last])[1][:, ::-1]
    loudest = np.abs(axes).argmax(0)
    return middle, axes * np.sign(axes[loudest, [0, 1]])


def _reduced(
    images: np.ndarray, choice: Choice, middle: np.ndarray | None, axes: np.ndarray | None
) -> np.ndarray:
    if choice.numbers == INK_SYMMETRY:
        return np.column_stack([ink(images), symmetry(images)])
    if choice.numbers == PIXELS:
        return np.column_stack([images[:, row, column] / 255 for row, column in choice.pixels])
    assert middle is not None
    assert axes is not None
    return (images.reshape(len(images), -1) / 255 - middle) @ axes


def accuracy(theta: np.ndarray, X: np.ndarray, y: np.ndarray) -> float:
    """The share of points X (k, 2) on the right side of theta's line; on it counts as 'yes'."""
    said = X @ theta[0, 1:] + theta[0, 0] >= 0
    return float((said == (y > 0)).mean())


@dataclass(frozen=True)
class Line:
    """Theta as one draws it: where its line lies, and how steeply the probability rises across it.

    angle : the direction towards 'yes', across the line; degrees from the first axis towards the
        second, from -180 to 180.
    offset : how far the line lies from the origin in that direction.
    steepness : how much the score grows for each unit in that direction, 0 or more; the
        probability rises by up to a quarter of that.

    Lengths are in units of X.
    """

    angle: float
    offset: float
    steepness: float

    @property
    def theta(self) -> np.ndarray:
        """Shape (1, 3)."""
        turned = math.radians(self.angle)
        across = math.cos(turned), math.sin(turned)
        return self.steepness * np.array([[-self.offset, *across]])


def line_of(theta: np.ndarray) -> Line | None:
    """The line of theta, shape (1, 3); None where both weights are zero, so that there is none."""
    bias, first, second = (float(value) for value in theta[0])
    steepness = math.hypot(first, second)
    if not steepness:
        return None
    return Line(math.degrees(math.atan2(second, first)), -bias / steepness, steepness)


def ends(theta: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray | None:
    """Where theta's line enters and leaves a box of X, shape (2, 2); None where it is not in it.

    low, high : the box' corners, shape (2,).
    """
    line = line_of(theta)
    if line is None:
        return None
    turned = math.radians(line.angle)
    across = np.array([math.cos(turned), math.sin(turned)])
    along, foot = np.array([-across[1], across[0]]), line.offset * across
    # Liang and Barsky (1984): of each pair of sides, between which lengths the line is inside.
    first, last = -math.inf, math.inf
    for at, way, near, far in zip(foot, along, low, high, strict=True):
        if abs(way) < 1e-12:
            if not near <= at <= far:
                return None
            continue
        enters, leaves = sorted(((near - at) / way, (far - at) / way))
        first, last = max(first, enters), min(last, leaves)
    return None if first >= last else np.array([foot + first * along, foot + last * along])
