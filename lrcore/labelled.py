"""What names, numbers and tables mean as pictures of digits and their labels."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from lrcore.data import as_set
from lrcore.errors import UserError, bring_fewer
from lrcore.frame import SIDE, frame

# Squares of other sides than 28 that count as pictures in a table or an array.
SMALLEST_SIDE, LARGEST_SIDE = 8, 64
# Columns that a table of 28x28 pictures has, the label aside.
PIXELS = SIDE * SIDE
# Characters in the first line of a table, at most: more than the longest numbers of the largest
# pictures have.
LONGEST_ROW = 40 * LARGEST_SIDE**2
# Rows of a table that are read at a time, so that all its text and all its numbers are never in
# memory together.
ROWS_AT_ONCE = 500
TRAIN, TEST, WHOLE = "train", "test", ""

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NAMED = re.compile(r"(?:(?:digit|class|label|number|num|no)[ _.-]*)?(\d)", re.I)
_AT_END = re.compile(r"(?:^|[-_ ])(\d)$")
_FURNITURE = {"thumbs.db", "desktop.ini", "__macosx", "license", "readme", "labels.txt"}


# Names.


def is_furniture(name: str) -> bool:
    """Folders, and what operating systems and people add beside the digits."""
    path = PurePosixPath(name.replace("\\", "/"))
    parts = [part.lower() for part in path.parts]
    return (
        name.endswith("/")
        or any(part.startswith(".") and part not in (".", "..") for part in parts)
        or "__macosx" in parts
        or path.name.lower() in _FURNITURE
        or path.stem.lower() in ("readme", "license", "licence", "copying", "changelog")
    )


def is_picture(name: str) -> bool:
    """Whether a file is named as pictures are."""
    return PurePosixPath(name).suffix.lower() in Image.registered_extensions()


def label_of(name: str) -> int | None:
    """The digit that a file's folders or name tell: `7/a.png`, `digit_7/a.png`, `seven/a.png`,
    `class 7/a.png`, `a-7.png`; None where they tell none."""
    path = PurePosixPath(name.replace("\\", "/"))
    for folder in reversed(path.parts[:-1]):
        if match := _NAMED.fullmatch(folder.strip()):
            return int(match[1])
        if folder.strip().lower() in _WORDS:
            return _WORDS.index(folder.strip().lower())
    match = _AT_END.search(path.stem)
    return int(match[1]) if match else None


def part_of(name: str) -> str:
    """Which part of a set a name tells of: 'train', 'test', or '' for neither."""
    # MNIST itself calls its test set t10k.
    if re.search(r"t10k|test", name, re.I):
        return TEST
    return TRAIN if re.search(r"train", name, re.I) else WHOLE


# Values.


def square_sizes() -> set[int]:
    return {side * side for side in range(SMALLEST_SIDE, LARGEST_SIDE + 1)}


def shows_pictures(values: np.ndarray) -> bool:
    if values.ndim == 2:
        return values.shape[1] in square_sizes() and values.shape[1] > 10
    shape = [side for side in values.shape[1:] if side != 1]
    return len(shape) == 2 and shape[0] == shape[1] and SMALLEST_SIDE <= shape[0] <= LARGEST_SIDE


def tells_labels(values: np.ndarray) -> bool:
    # Ten columns are one-hot; eight are QMNIST's, the first of which is the digit.
    return values.ndim == 1 or (
        values.ndim == 2 and (1 in values.shape or values.shape[1] in (8, 10))
    )


def flat(values: np.ndarray) -> np.ndarray:
    """Labels one to a row; pictures as they are."""
    return values.reshape(-1) if values.ndim == 2 and 1 in values.shape else values


def as_labels(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Labels, however they are written, as uint8 (n,), and sentences on how they were taken."""
    notes = []
    values = flat(values)
    if values.dtype.kind not in "buif":
        raise UserError("labels are the numbers 0 to 9.")
    if values.ndim == 2 and values.shape[1] == 10:
        if not ((values == values.max(initial=0)).sum(1) == 1).all():
            raise UserError("ten numbers a label are one-hot, with one of them alone set.")
        values = values.argmax(1)
        notes.append("labels were one-hot")
    elif values.ndim == 2:
        values = values[:, 0]
    if not len(values):
        raise UserError("there are no labels.")
    whole = np.asarray(values, np.float64)
    if not (whole == np.rint(whole)).all():
        raise UserError("a label is no whole number; only the digits 0 to 9 are known.")
    if whole.max() == 10 and whole.min() == 1:
        whole = whole % 10
        notes.append("label 10 is taken as 0")
    if whole.max() > 9 or whole.min() < 0:
        odd = whole.max() if whole.max() > 9 else whole.min()
        raise UserError(f"there is a label {odd:g}; only the digits 0 to 9 are known.")
    return whole.astype(np.uint8), notes


def as_images(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Pictures, however they are kept, as uint8 (n, 28, 28), and sentences on what was done."""
    side = round((values[0].size if len(values) else PIXELS) ** 0.5)
    values = values.reshape(len(values), side, side)
    notes = []
    if values.dtype != np.uint8 or side != SIDE:
        values, note = _as_greys(values)
        notes += [note] * bool(note)
    if side != SIDE:
        notes.append(f"pictures of {side} x {side} are framed as MNIST's are")
        values = _framed(values)
    return values, notes


def _as_greys(values: np.ndarray) -> tuple[np.ndarray, str]:
    if values.dtype.kind not in "buif" or values.dtype.itemsize > 8:
        raise UserError("pictures are numbers, 0 to 255 or 0 to 1.")
    if not np.isfinite(values).all():
        raise UserError("there are values that are not numbers.")
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    # Resized pictures overshoot black and white by a little.
    if low >= -0.5 and high <= 1.5:
        return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8), "greys of 0 to 1 are 0 to 255"
    if low == 0 and high <= 17 and values.shape[1] != SIDE:
        # As many levels as scikit-learn's digits have, counts of 4x4 bits.
        return np.rint(values * (255 / high)).astype(
            np.uint8
        ), f"greys of 0 to {high:g} are 0 to 255"
    if low < 0 or high > 255:
        raise UserError(
            f"its values go from {low:g} to {high:g}; greys are 0 to 255 or 0 to 1, so undo what "
            "standardised them."
        )
    return np.rint(values).astype(np.uint8), ""


def _framed(values: np.ndarray) -> np.ndarray:
    rim = np.concatenate([values[:, 0], values[:, -1], values[:, :, 0], values[:, :, -1]], axis=1)
    # Ink on light paper would fill the frame with its paper.
    if rim.mean() > 127:
        values = 255 - values
    return (
        np.stack([frame(picture / 255) for picture in values]) if len(values) else as_set().images
    )


def table_of(raw: bytes, most_rows: int) -> tuple[np.ndarray, list[str]]:
    """The numbers of a table in text, float32 (rows, columns), and the names over its columns.

    Raises UserError where it is none, or has more rows than that.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip()
    neither = UserError("is neither a picture nor a set of digits in a form that is known here.")
    first = raw.split(b"\n", 1)[0].decode("latin-1")
    if b"\0" in raw[:4096] or len(first) > LONGEST_ROW:
        raise neither
    mark = next((mark for mark in ",;\t" if mark in first), None)
    cells = [cell.strip().strip("\"'") for cell in (first.split(mark) if mark else first.split())]
    header = cells if not all(map(_is_number, cells)) else []
    body = raw.split(b"\n", 1)[1] if header and b"\n" in raw else b"" if header else raw
    if len(cells) < 2 or not body:
        raise neither
    columns = len(cells)
    if columns - 1 not in square_sizes() and columns not in square_sizes() and columns > 10:
        raise UserError(
            f"is a table of {columns:,} columns; a label and the {PIXELS} pixels of a picture "
            f"make {PIXELS + 1}."
        )
    # Counted before a line is made of each, which takes long for ten million, and much memory; a
    # blank one may follow each that is none.
    if (count := body.count(b"\n")) > 2 * most_rows:
        raise _too_many(count, most_rows)
    lines = [line for line in body.split(b"\n") if line.strip()]
    if len(lines) > most_rows:
        raise _too_many(len(lines), most_rows)
    spaces = bytes.maketrans(f"{mark or ' '}\t\"'".encode(), b"    ")
    values = np.empty((len(lines), columns), np.float32)
    for at in range(0, len(lines), ROWS_AT_ONCE):
        some = lines[at : at + ROWS_AT_ONCE]
        try:
            numbers = np.fromstring(b" ".join(some).translate(spaces), np.float32, sep=" ")
        except ValueError:
            raise UserError("has something among its numbers that is none.") from None
        if len(numbers) != len(some) * columns:
            raise UserError(
                f"is no table: {len(some):,} rows of {columns:,} columns would be "
                f"{len(some) * columns:,} numbers, and there are {len(numbers):,}."
            )
        values[at : at + len(some)] = numbers.reshape(-1, columns)
    return values, header


def _too_many(rows: int, most: int) -> UserError:
    return UserError(bring_fewer(f"holds {rows:,} digits; up to {most:,} can be kept"))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def label_column(values: np.ndarray, header: list[str]) -> int:
    """Which column of a table is the label: one that says so, else the first or the last."""
    for at, name in enumerate(header):
        if name.lower() in ("label", "labels", "y", "class", "digit", "target"):
            return at
    first, last = (len(np.unique(values[:, at])) for at in (0, -1))
    small = [bool(np.isin(values[:, at], np.arange(11)).all()) for at in (0, -1)]
    # A corner of the picture is hardly ever inked: its column knows no more than one number.
    return -1 % values.shape[1] if small[1] and (last > first or not small[0]) else 0
