"""One's own digits: the table of them, written to files, and read back, every file checked.

A set goes out as a ZIP of PNGs in folders 0 to 9 or as a pair of IDX files, and
comes back from either.  What comes from outside is bounded in number, size and
time, and no name in it is ever used as a path.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from PIL import Image

from lrcore.corrections import MAX_CORRECTIONS
from lrcore.data import Dataset, as_set, idx_bytes
from lrcore.datasets import ON_A_PAGE
from lrcore.errors import UserError

# As many as are loaded at once.
MOST = ON_A_PAGE.digits
IMAGES, LABELS = "own-images-idx3-ubyte", "own-labels-idx1-ubyte"


@dataclass(frozen=True, eq=False)
class OwnDigits:
    """Every digit that somebody labelled or loaded, each picture once: one table, never changed.

    digits : the pictures with their labels, in the order in which they were last labelled.
    corrects : bool array, shape (n,); which of them theta is to learn, as they were read wrong.

    Each method that says so returns another table.  Raises UserError for more than MOST digits,
    or more corrections than are learned at once.
    """

    digits: Dataset = field(default_factory=as_set)
    corrects: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def __post_init__(self) -> None:
        if len(self.corrects) != len(self.digits):
            raise ValueError("each digit either corrects or does not")
        if len(self.digits) > MOST:
            raise UserError(_too_many(len(self.digits)))
        if (held := int(self.corrects.sum())) > MAX_CORRECTIONS:
            raise UserError(
                f"A hand holds {MAX_CORRECTIONS} corrections at most, for all are learned at "
                f"once; this would make {held:,}. With so many digits of your own, train on them: "
                "the Train page does."
            )

    def __len__(self) -> int:
        return len(self.digits)

    @cached_property
    def corrections(self) -> Dataset:
        """The digits that correct, the newest last."""
        return self.digits.take(self.corrects)

    def label_of(self, image: np.ndarray) -> int | None:
        """The label under which this very picture is kept; None if it is not."""
        at = np.flatnonzero(self._is(image))
        return int(self.digits.labels[at[0]]) if len(at) else None

    def is_corrected(self, image: np.ndarray) -> bool:
        """Whether this very picture is kept as a correction."""
        return bool(self.corrects[self._is(image)].any())

    def with_digits(self, more: Dataset, correct: bool = False) -> OwnDigits:
        """With these as well, or under their new labels; corrections stay corrections.

        correct : whether all of `more` are corrections.
        """
        rows = {
            image.tobytes(): (label, bool(corrects))
            for (image, label), corrects in zip(_pairs(self.digits), self.corrects, strict=True)
        }
        for image, label in _pairs(more):
            _, corrected = rows.pop(image.tobytes(), (label, False))
            rows[image.tobytes()] = label, correct or corrected
        return OwnDigits(
            as_set(
                (np.frombuffer(raw, np.uint8) for raw in rows), (row[0] for row in rows.values())
            ),
            np.array([row[1] for row in rows.values()], bool),
        )

    def without(self, image: np.ndarray) -> OwnDigits:
        """Without this very picture."""
        return self._take(~self._is(image))

    def without_corrections(self) -> OwnDigits:
        """With the same digits, none of which corrects."""
        return OwnDigits(self.digits, np.zeros(len(self), bool))

    def without_last_correction(self) -> OwnDigits:
        """Without the picture that was corrected last; the same table where none was."""
        at = np.flatnonzero(self.corrects)
        return self._take(np.arange(len(self)) != at[-1]) if len(at) else self

    def _is(self, image: np.ndarray) -> np.ndarray:
        return (self.digits.images == image).all((1, 2))

    def _take(self, chosen: np.ndarray) -> OwnDigits:
        return OwnDigits(self.digits.take(chosen), self.corrects[chosen])


def _too_many(n: int) -> str:
    return (
        f"{n:,} digits are more than the {MOST:,} that can be kept; delete some first, or train "
        "with python -m lrcore train --data."
    )


def split_off(digits: Dataset, share: float = 0.25, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Digits to learn from, and a share of each digit, at least one if it has two, to test on."""
    mixed = np.random.default_rng(seed).permutation(len(digits))
    labels = digits.labels[mixed].astype(int)
    # How many of its own digit come before each one, and how many there are.
    order = np.array([(labels[:i] == label).sum() for i, label in enumerate(labels)], int)
    of = np.bincount(labels, minlength=10)[labels]
    back = order < np.maximum(np.rint(share * of), of > 1)
    return digits.take(np.sort(mixed[~back])), digits.take(np.sort(mixed[back]))


def to_zip(digits: Dataset) -> bytes:
    """A ZIP of PNGs in folders 0 to 9, numbered in the order of the set."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, (image, label) in enumerate(_pairs(digits)):
            png = io.BytesIO()
            Image.fromarray(image).save(png, "PNG")
            info = zipfile.ZipInfo(f"{label}/{number:05d}.png", (1980, 1, 1, 0, 0, 0))
            archive.writestr(info, png.getvalue())
    return buffer.getvalue()


def to_idx(digits: Dataset) -> tuple[bytes, bytes]:
    """The set as two IDX files: images and labels."""
    return idx_bytes(digits.images), idx_bytes(digits.labels)


def _pairs(digits: Dataset) -> Iterable[tuple[np.ndarray, int]]:
    return zip(digits.images, digits.labels.tolist(), strict=True)
