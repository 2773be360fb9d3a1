"""28x28 digits -> features -> theta -> probabilities -> answer: the one reading path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lrcore.decode import Opened, Source
from lrcore.errors import UserError
from lrcore.features import extract
from lrcore.frame import SIDE
from lrcore.logistic import sigmoid
from lrcore.marks import UNUSUAL, marks
from lrcore.segment import AUTO, Found, Score, find_digits
from lrcore.weights import DEFAULT, REST, Weights, load_weights

# Features of this many pictures at a time keep the memory of a large set small.
READ_BLOCK = 2048


@dataclass(frozen=True)
class Readings:
    """What a model makes of n pictures.

    classes : int array; the classes that the probabilities belong to, as in `Weights`.
    digits : int array, shape (n,); the answer, `REST` (-1) for 'not this digit'.
    scores : float array, a column for each class; what the sigmoid takes, see `Weights.scores`.
    probabilities : float array, sigmoid(scores).  One-vs-all: shape (n, K), K independent
        answers to 'is it this digit?', which need not sum to 1.  Binary:
        shape (n, 2), for the negative and the positive class, summing to 1.
    answer_probability : float array, shape (n,); how probable it is that the answer is right.
        Calibrated from all scores, where there is a calibration that has learned to; otherwise
        the answer's own probability.
    sure : bool array, shape (n,); False where the model should rather say that it
        does not know.
    mark : str array, shape (n,); which lone mark a picture is, as in `lrcore.marks`; '' for
        none, for models that do not tell all the digits apart, and where only features are known.
    """

    classes: np.ndarray
    digits: np.ndarray
    scores: np.ndarray
    probabilities: np.ndarray
    answer_probability: np.ndarray
    sure: np.ndarray
    mark: np.ndarray

    def __len__(self) -> int:
        return len(self.digits)


class Reader:
    """Reads 28x28 pictures with one set of weights."""

    def __init__(self, weights: Weights):
        self.weights = weights

    def read(self, images: np.ndarray) -> Readings:
        """Read pictures of shape (n, 28, 28), ink bright as in MNIST.

        They are grey levels, uint8, or floats from 0 to 1; rows of 784 will do, and a single
        picture.  Raises UserError for others, which would be read as something else.
        """
        images = _grey_levels(images)
        # No pictures are one empty block, for the shapes.
        starts = range(0, max(len(images), 1), READ_BLOCK)
        blocks = [self._read(images[i : i + READ_BLOCK]) for i in starts]
        parts = [np.concatenate(part) for part in zip(*blocks, strict=True)]
        return Readings(self.weights.classes, *parts)

    def find(self, source: Source | Opened, digits: str = AUTO) -> list[Found]:
        """The digits in a picture, in reading order, doubtful cuts judged by this very model.

        Parameters and errors as in `lrcore.segment.find_digits`.
        """
        return find_digits(source, self.digit_score, digits)

    @property
    def digit_score(self) -> Score | None:
        """What tells `find_digits` how likely each of n pictures is to be one digit.

        That is the chance that one of the ten independent models says yes and all others say no.
        None for a binary model, which sees one of its two digits in everything.
        """
        return None if self.weights.binary else self._one_alone

    def _one_alone(self, images: np.ndarray) -> np.ndarray:
        p = np.clip(self.read(images).probabilities, 0, 1 - 1e-6)
        best = p.max(axis=1)
        return best / (1 - best) * np.prod(1 - p, axis=1)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
        """Share of right answers and how many pictures it is a share of.

        A binary model of two digits is asked about pictures of those two only.
        """
        images, truth = relevant(self.weights, images, labels)
        if not len(truth):
            return float("nan"), 0
        return float(np.mean(self.read(images).digits == truth)), len(truth)

    def judge(self, X: np.ndarray) -> Readings:
        """Read pictures by their features, as from `lrcore.features.extract`; shape (n, D)."""
        parts = (*self._judge(X), np.full(len(X), ""))
        return Readings(self.weights.classes, *parts)

    def _read(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        *judged, sure = self._judge(extract(self.weights.features, images))
        if self.weights.binary:
            return *judged, sure, np.full(len(images), "")
        mark = marks(images)
        return *judged, sure & ~np.isin(mark, UNUSUAL), mark

    def _judge(self, X: np.ndarray) -> tuple[np.ndarray, ...]:
        weights = self.weights
        decision = weights.decision_function(X)
        scores = weights.scores(decision)
        digits = weights.classes[scores.argmax(axis=1)]
        calibration = weights.calibration
        p = sigmoid(scores)
        if calibration is None:
            # The plain rule: some model must say yes.
            return digits, scores, p, p.max(1), scores.max(1) >= 0
        right = calibration.answer_probability(scores)
        return digits, scores, p, right, calibration.sure(X, decision)


def _grey_levels(images: np.ndarray) -> np.ndarray:
    """Pictures as uint8, shape (n, 28, 28); UserError where it is not sure what they are."""
    try:
        images = np.asarray(images)
    except ValueError as error:  # a list of pictures of several sizes
        raise UserError("The pictures are not all of one size; make each one 28x28.") from error
    if images.size == 0:
        return np.zeros((0, SIDE, SIDE), np.uint8)
    shape = images.shape[:-1] if images.shape[-1:] == (1,) else images.shape  # one channel
    if shape[-2:] != (SIDE, SIDE) and shape[-1:] != (SIDE**2,):
        raise UserError(
            f"Pictures of shape {images.shape} were given, but (n, 28, 28) is read; give other "
            "pictures to lrcore.read, which finds and resizes digits."
        )
    if images.dtype.kind == "f":
        # `not` catches NaN as well.
        if not (images.min() >= 0 and images.max() <= 1):
            raise UserError(
                f"The pictures hold {images.dtype} from {images.min():g} to {images.max():g}, but "
                "floats are taken from 0 to 1 only; give grey levels from 0 to 255 as uint8."
            )
        images = np.rint(255 * images).astype(np.uint8)
    if images.dtype != np.uint8:
        raise UserError(
            f"The pictures hold {images.dtype} values; give grey levels from 0 to 255 as uint8, "
            "or floats from 0 to 1."
        )
    return images.reshape(-1, SIDE, SIDE)


def read(source: Source, weights: Weights | str | Path = DEFAULT, digits: str = AUTO) -> Readings:
    """Read the digits in a picture, in reading order.

    Parameters
    ----------
    source : a path, bytes, an open file, a PIL image or a numpy array.
    weights : Weights, or the path of a weights file.
    digits : how many there are: 'one', 'several', or 'auto', which leans to one where the
        picture's size and shape say so.

    Raises UserError where the picture or the weights cannot be read, or nothing is written.
    """
    if isinstance(source, list | tuple):
        raise UserError(
            f"read takes one picture, not a {type(source).__name__}; call it for each in turn, or "
            "give an array of grey levels to Reader.read."
        )
    if not isinstance(weights, Weights):
        weights = load_weights(weights)
    reader = Reader(weights)
    return reader.read(np.stack([found.image for found in reader.find(source, digits)]))


def as_text(found: Sequence[Found], names: Sequence[str]) -> str:
    """What is written: the name of each digit found, line below line.

    Names of more than one character, such as 'not 5', are parted by commas.
    """
    lines: dict[int, list[str]] = {}
    for item, name in zip(found, names, strict=True):
        lines.setdefault(item.line, []).append(name)
    between = "" if max(map(len, names)) == 1 else ", "
    return "\n".join(between.join(line) for line in lines.values())


def article(name: int | str) -> str:
    """The article before a digit's name: 'an' before 8, else 'a'."""
    return "an" if str(name) == "8" else "a"


def with_article(name: int | str) -> str:
    """'a 7', 'an 8'."""
    return f"{article(name)} {name}"


def asked(classes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which pictures a model of these classes can be asked about, by their labels; bool (n,)."""
    if REST in classes:
        return np.ones(len(labels), bool)
    return np.isin(labels, classes)


def relevant(
    weights: Weights, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The pictures that a model can be asked about, with the answers it should give, int."""
    known = asked(weights.classes, labels)
    images, truth = images[known], labels[known].astype(int)
    if REST in weights.classes:
        truth[truth != weights.classes[1]] = REST
    return images, truth
