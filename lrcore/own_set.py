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
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from lrcore.archive import has_more_members, read_member
from lrcore.containers import checked
from lrcore.corrections import MAX_CORRECTIONS
from lrcore.data import Dataset, idx_bytes, paired, parse_idx
from lrcore.decode import Reads
from lrcore.errors import UserError
from lrcore.frame import SIDE
from lrcore.segment import picture_to_digit

MOST = 10_000
# Of all files that are loaded at once, and of what they unpack to.
MOST_BYTES = 64 * 2**20
# Of one picture, unpacked: far above any PNG of a digit.
MOST_OF_ONE = 4 * 2**20
WIDEST = 1000
# A digit that fills a third of its picture is then still as large as MNIST's.
FRAMED_AT = 64
# Pictures that are not 28x28 must be framed: so many milliseconds of that are spent at once.
MOST_MILLISECONDS = 1000
IMAGES, LABELS = "own-images-idx3-ubyte", "own-labels-idx1-ubyte"


@dataclass
class Loaded:
    """What came out of files: digits, and what was rejected as (file, why) pairs."""

    digits: Dataset
    rejected: list[tuple[str, str]] = field(default_factory=list)


def as_set(images: Iterable[np.ndarray] = (), labels: Iterable[int] = ()) -> Dataset:
    """Pictures of 28x28 and their labels as a Dataset, which may be empty."""
    return Dataset(
        np.array(list(images), np.uint8).reshape(-1, SIDE, SIDE), np.array(list(labels), np.uint8)
    )


def joined(digits: Dataset, more: Dataset) -> Dataset:
    """Both sets; a picture that is in both keeps its place and gets the new label.

    Raises UserError where that makes more than MOST.
    """
    labels = {image.tobytes(): label for image, label in _pairs(digits)}
    labels |= {image.tobytes(): label for image, label in _pairs(more)}
    if len(labels) > MOST:
        raise UserError(_too_many(len(labels)))
    return as_set((np.frombuffer(raw, np.uint8) for raw in labels), labels.values())


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
    # The how-manieth of its digit each one is, and how many of its digit there are.
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


def load(files: Iterable[tuple[str, bytes]]) -> Loaded:
    """Read digits from files, given as (name, content) pairs.

    ZIPs of PNGs in folders 0 to 9, or two IDX files, images and labels, in
    either order and gzipped or not.  A PNG of 28x28 with bright ink is taken as
    it is; any other goes the way of an uploaded picture.  Never raises: what
    cannot be used is in `rejected`, by name.
    """
    loaded, idx, size = Loaded(as_set()), [], 0
    budget = _Budget(MOST, MOST_BYTES, MOST_MILLISECONDS)
    for name, raw in files:
        size += len(raw)
        if size > MOST_BYTES:
            why = "is more than the 64 MiB that are loaded at once; split it, or bring it alone."
            loaded.rejected.append((name, why))
        elif raw[:2] == b"PK":
            _from_zip(name, raw, loaded, budget)
        elif raw[:2] in (b"\x1f\x8b", b"\0\0"):
            idx.append((name, raw))
        else:
            loaded.rejected.append((name, "is neither a ZIP nor an IDX file."))
    if idx:
        _from_idx(idx, loaded)
    return loaded


def _pairs(digits: Dataset) -> Iterable[tuple[np.ndarray, int]]:
    return zip(digits.images, digits.labels.tolist(), strict=True)


def _add(loaded: Loaded, more: Dataset, name: str) -> None:
    try:
        loaded.digits = joined(loaded.digits, more)
    except UserError as error:
        loaded.rejected.append((name, f"is too much: {error}"))


def _from_idx(files: list[tuple[str, bytes]], loaded: Loaded) -> None:
    if len(files) != 2:
        why = "is an IDX file without its partner; bring images and labels together, two files."
        loaded.rejected += [(name, why) for name, _ in files]
        return
    arrays = []
    for name, raw in files:
        try:
            arrays.append((parse_idx(io.BytesIO(raw), name, MOST * SIDE * SIDE + 16), name))
        except UserError as error:
            loaded.rejected.append((name, f"cannot be used: {error}"))
            return
    (labels, labels_name), (images, images_name) = sorted(arrays, key=lambda item: item[0].ndim)
    try:
        more = paired(images, labels, images_name, labels_name)
    except UserError as error:
        loaded.rejected.append((f"{images_name} and {labels_name}", f"do not fit: {error}"))
        return
    _add(loaded, more, images_name)


def _from_zip(name: str, raw: bytes, loaded: Loaded, budget: _Budget) -> None:
    if has_more_members(raw, 2 * MOST + 100):
        loaded.rejected.append((name, f"holds too many files; up to {MOST:,} are read at once."))
        return
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = [m for m in archive.infolist() if not _furniture(m.filename)]
            budget.files -= len(members)
            if budget.files < 0:
                why = f"holds {len(members):,} files; up to {MOST:,} are read at once."
                loaded.rejected.append((name, why))
                return
            images, labels = [], []
            for member in members:
                try:
                    label = _folder(member.filename)
                    image = _digit(_unpacked(archive, member, budget), budget)
                except UserError as error:
                    loaded.rejected.append((member.filename, str(error)))
                    continue
                images.append(image)
                labels.append(label)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError):
        loaded.rejected.append((name, "is damaged: it does not unpack."))
        return
    _add(loaded, as_set(images, labels), name)


def _furniture(filename: str) -> bool:
    """Folders, and what operating systems add unasked."""
    path = PurePosixPath(filename)
    return filename.endswith("/") or path.parts[:1] == ("__MACOSX",) or path.name.startswith(".")


def _folder(filename: str) -> int:
    folder = PurePosixPath(filename.replace("\\", "/")).parent.name
    if folder not in tuple("0123456789"):
        raise UserError("does not lie in a folder named 0 to 9.")
    return int(folder)


@dataclass
class _Budget:
    """What may still be read, unpacked and framed in one load; what fails has its price, too."""

    files: int
    bytes: int
    milliseconds: float

    def frame(self, width: int, height: int, packed: int) -> None:
        """Pay for a picture by its pixels and its packed bytes; UserError if it is too dear."""
        pixels = width * height
        # As measured with pictures of noise in colour, which take the longest.
        framing, unpacking = 1 + min(pixels, FRAMED_AT**2) / 256, pixels / 300_000 + packed / 25_000
        self.milliseconds -= framing + unpacking
        if self.milliseconds < 0:
            raise UserError(
                "is not 28 x 28, and no more of such pictures are prepared at once; bring it in "
                "another ZIP."
            )


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: _Budget) -> bytes:
    if member.flag_bits & 1:
        raise UserError("is encrypted.")
    most = min(budget.bytes, MOST_OF_ONE)
    if member.file_size > most:
        raise UserError("is too large once unpacked: 4 MiB a picture, 64 MiB in all.")
    budget.bytes -= max(member.file_size, 4096)
    try:
        return read_member(archive, member)
    except Exception as error:
        raise UserError("is damaged: it does not unpack.") from error


def _digit(content: bytes, budget: _Budget) -> np.ndarray:
    """A PNG as a digit."""
    try:
        content = checked(content, "This file")
        image = Image.open(Reads(content), formats=("PNG",))
        size = image.size
        if max(size) > WIDEST:
            raise UserError(f"is {size[0]} x {size[1]} pixels; up to {WIDEST} a side are read.")
        if size != (SIDE, SIDE):
            budget.frame(*size, len(content))
        image.load()
    except UserError:
        raise
    except Exception as error:  # Pillow's readers meet damage with errors of many kinds
        raise UserError("is not a PNG that can be read.") from error
    if size == (SIDE, SIDE) and image.mode in ("L", "1", "P", "RGB"):
        grey = np.array(image.convert("L"))
        rim = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
        # MNIST's paper is black: what has a bright rim is dark ink on light paper.
        if rim.mean() < 128:
            if not grey.any():
                raise UserError("shows nothing: all its pixels are black.")
            return grey
    if size == (SIDE, SIDE):
        budget.frame(*size, len(content))
    return picture_to_digit(image, FRAMED_AT)
