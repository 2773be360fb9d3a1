"""What names, numbers and tables mean as pictures of digits and their labels."""

from __future__ import annotations

import csv
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
# What is written over a column of labels, and over one that only counts rows, in lower case.
_LABEL = ("label", "labels", "y", "class", "digit", "target")
_COUNTS = ("", "unnamed: 0", "index", "id", "imageid")
# The bytes in which an ARFF file has its head.
_ARFF_HEAD = 2**18
# Characters in a line of a table of pictures' names, at most.
LONGEST_LINE = 1_000
# As `5 153:0.01 154:0.2` is written.
_SPARSE = re.compile(rb"\S+ \d+:\S+")
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
# What Windows, and those who copy, put behind a name: `7 (12).png`, `7 - Copy.png`.
_COPY = re.compile(r"(?: ?\(\d+\)| - copy| copy(?: \d+)?)+$", re.I)
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
    `class 7/a.png`, `a-7.png`, `7 (2).png`; None where they tell none."""
    path = PurePosixPath(name.replace("\\", "/"))
    for folder in reversed(path.parts[:-1]):
        if match := _NAMED.fullmatch(folder.strip()):
            return int(match[1])
        if folder.strip().lower() in _WORDS:
            return _WORDS.index(folder.strip().lower())
    stem = _COPY.sub("", path.stem)
    if stem.lower() in _WORDS:
        return _WORDS.index(stem.lower())
    # `digit7.png` may show a 7, or be the seventh of all.
    match = _AT_END.search(stem)
    return int(match[1]) if match else None


def names_pictures(raw: bytes) -> bool:
    """Whether a file is a table that names pictures, as one with a line `a.png,7` is."""
    # The first line may hold the names of the columns, the second one does not.
    begin = raw[: 2 * LONGEST_LINE].decode("utf-8", "replace").splitlines()[:2]
    mark = (_mark(begin[0]) if begin else None) or " "
    cells = mark.join(begin).split(mark)
    return any(is_picture(cell.strip(' "')) for cell in cells)


def written_labels(raw: bytes, most: int) -> dict[str, int]:
    """The digit of each picture that a table names.

    most : how many it may name.

    Raises UserError where it names more, or what is no digit.
    """
    raw = _plain_lines(raw)
    if raw.count(b"\n") > 2 * most or len(raw) > most * LONGEST_LINE:
        raise UserError(f"names too many pictures; up to {most:,} are read at once.")
    lines = raw.decode("utf-8", "replace").split("\n")
    if max(map(len, lines)) > LONGEST_LINE:
        raise UserError(f"is no table: a line of it has more than {LONGEST_LINE:,} characters.")
    try:
        found = csv.reader(lines, delimiter=_mark(lines[0]) or " ")
        rows = [[cell.strip() for cell in row] for row in found if row]
    except csv.Error:
        raise UserError("is no table: a quotation mark in it is never closed.") from None
    header = [] if any(map(is_picture, rows[0])) else [cell.lower() for cell in rows[0]]
    rows = rows[1:] if header else rows
    if not rows:
        raise UserError("names no picture.")
    name_at = next((at for at, cell in enumerate(rows[0]) if is_picture(cell)), 0)
    # Where no name tells, the label stands behind the picture's name, or before it.
    beside = name_at + 1 if name_at + 1 < len(rows[0]) else name_at - 1
    label_at = next((at for at, name in enumerate(header) if name in _LABEL), beside)
    labels = {}
    for number, row in enumerate(rows, 1):
        label = row[label_at] if len(row) > max(name_at, label_at) else ""
        if not re.fullmatch(r"[0-9](\.0)?", label):
            raise UserError(f"has no digit, 0 to 9, beside the picture in its row {number:,}.")
        labels[row[name_at].replace("\\", "/").removeprefix("./")] = int(label[0])
    return labels


def _plain_lines(raw: bytes) -> bytes:
    """A text without a byte order mark, its lines ended as Unix does."""
    return raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _mark(line: str) -> str | None:
    """What stands between the cells of a line of a table; None where blanks do."""
    return next((mark for mark in ",;\t" if mark in line), None)


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
    if values.dtype.kind in "US" and np.isin(values, np.arange(10).astype(values.dtype)).all():
        # As OpenML has MNIST's.
        values = values.astype(int)
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
    raw = _plain_lines(raw).strip()
    neither = UserError("is neither a picture nor a set of digits in a form that is known here.")
    raw, header = _without_arff(raw)
    first = raw.split(b"\n", 1)[0].decode("latin-1")
    if b"\0" in raw[:4096] or len(first) > LONGEST_ROW:
        raise neither
    if _SPARSE.match(raw[:200]):
        raise UserError(
            "is in LIBSVM's form, which does not tell how large its pictures are; save them by "
            "np.savez('digits.npz', x=images, y=labels)."
        )
    mark = _mark(first)
    cells = [cell.strip().strip("\"'") for cell in (first.split(mark) if mark else first.split())]
    body = raw
    if not header and not all(map(_is_number, cells)):
        header, body = cells, raw.split(b"\n", 1)[1] if b"\n" in raw else b""
    if len(cells) < 2 or not body:
        raise neither
    if header and len(header) != len(cells):
        raise UserError(f"is no table: {len(header):,} names for {len(cells):,} columns.")
    counted = bool(header) and header[0].lower() in _COUNTS
    columns = len(cells)
    told = columns - counted
    if told - 1 not in square_sizes() and told not in square_sizes() and told > 10:
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
    return values[:, int(counted) :], header[int(counted) :]


def _without_arff(raw: bytes) -> tuple[bytes, list[str]]:
    """The rows of an ARFF file and the names of its attributes, as OpenML keeps MNIST
    (https://www.cs.waikato.ac.nz/ml/weka/arff.html); of any other file all that it holds."""
    head = raw[:_ARFF_HEAD]
    data = re.search(rb"(?im)^@data\b.*\n", head)
    if data is None or not re.search(rb"(?im)^@relation\b", head[: data.start()]):
        return raw, []
    names = re.findall(rb"(?im)^@attribute\s+(\S+)", head[: data.start()])
    return raw[data.end() :].lstrip(), [name.decode("latin-1").strip("'\"") for name in names]


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
        if name.lower() in _LABEL:
            return at
    first, last = (len(np.unique(values[:, at])) for at in (0, -1))
    small = [bool(np.isin(values[:, at], np.arange(11)).all()) for at in (0, -1)]
    # A corner of the picture is hardly ever inked: its column knows no more than one number.
    return -1 % values.shape[1] if small[1] and (last > first or not small[0]) else 0
