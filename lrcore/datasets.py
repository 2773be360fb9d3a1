"""Sets of digits, from whatever files people bring.

IDX files of any name, numpy's and Keras' arrays, Kaggle's tables, ARFF, MATLAB's matrices, and
pictures in folders, with the digit in their names, or in a table beside them; each plain, gzipped
or in a ZIP.  What a file is, its first bytes tell, not its name.  The same reader serves `--data`,
own digits, and training: what comes from outside is bounded in number, size and time, and no name
in it is ever used as a path.
"""

from __future__ import annotations

import difflib
import io
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from lrcore.archive import gunzip, has_more_members, parse_array, read_member, read_whole
from lrcore.data import (
    IDX_TYPES,
    MAX_SET_BYTES,
    Dataset,
    as_set,
    idx_header,
    load_dataset,
    parse_idx,
)
from lrcore.decode import open_once
from lrcore.errors import UserError, bring_fewer, megabytes
from lrcore.frame import SIDE, along_sides
from lrcore.labelled import (
    TRAIN,
    WHOLE,
    as_images,
    as_labels,
    flat,
    is_furniture,
    is_picture,
    label_column,
    label_of,
    names_pictures,
    part_of,
    shows_pictures,
    square_sizes,
    table_of,
    tells_labels,
    written_labels,
)
from lrcore.matlab import MATLAB, load_matrices
from lrcore.reading import Reader
from lrcore.segment import ONE, find_digits
from lrcore.weights import DEFAULT, load_weights

# A digit that fills a third of its picture is then still as large as MNIST's.
FRAMED_AT = 64
# Pictures of a set that are read to see which way up it is; of a set with fewer than
# FEWEST_TO_TELL none, as chance would decide.
SAMPLE, FEWEST_TO_TELL = 300, 10
# A set is turned where less than READ_BADLY of it is read right as it is, but at least READ_WELL,
# and twice as much, when turned.
READ_BADLY, READ_WELL = 0.5, 0.7


_PICTURES = (
    *(b"\x89PNG", b"\xff\xd8", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    *(b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"),
)
# What unpacks or saves it otherwise, by the first bytes.
_OTHERS = {
    b"7z\xbc\xaf": "is a 7z archive; unpack it, and bring the files or a ZIP.",
    b"Rar!": "is a RAR archive; unpack it, and bring the files or a ZIP.",
    b"BZh": "is packed by bzip2; unpack it first.",
    b"\xfd7zXZ": "is packed by xz; unpack it first.",
    b"\x89HDF": "is an HDF5 file, as MATLAB's '-v7.3' is; save it with -v7, or by np.savez.",
    b"\x80": "is a pickle, which is never opened here; save its arrays by "
    "np.savez('digits.npz', x=images, y=labels).",
    b"%PDF": "is a PDF; save its pages as pictures.",
    b"PAR1": "is a Parquet file; save its pictures by np.savez('digits.npz', x=images, y=labels), "
    "or a table of numbers by pandas' to_csv.",
}
# A ZIP that holds one of these is a document.
_DOCUMENTS = {
    "xl/workbook.xml": "is a workbook of Excel; save its sheet as CSV.",
    "word/document.xml": "is a document of Word; save its pictures one by one.",
    "content.xml": "is an OpenDocument file; save a table as CSV, pictures one by one.",
}
# Files that may say which pictures show what are read before the pictures.
_FIRST = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class Bounds:
    """What is read at once, at most.

    digits, files : how many.
    bytes : of all files together, once unpacked; `of_one`, of one picture.
    seconds : of the processor, after which no other file is opened.
    arrays : of pictures and of labels, for each of one kind may belong to each of the other.
    tables : that name pictures.
    """

    digits: int = 10_000
    files: int = 10_000
    bytes: int = 64 * 2**20
    of_one: int = 4 * 2**20
    seconds: float = 60.0
    arrays: int = 100
    tables: int = 10


ON_A_PAGE = Bounds()
# Who starts the command line owns the machine.
ON_THE_COMMAND_LINE = Bounds(2_000_000, 500_000, 4 * 2**30, 32 * 2**20, float("inf"), 1_000, 1_000)
# Of a name so many characters at its end are looked at, which is more than paths have (a ZIP may
# hold names of 65,535); and of two names that are compared.
LONGEST_NAME, COMPARED = 400, 60
# A deflated byte unpacks to no more than so many (zlib's technical details).
MOST_DEFLATED = 1032


class Item(NamedTuple):
    """A file that was brought.

    name : with its folders, which may tell its label and its part.
    read : gives its bytes, within a bound as `lrcore.archive.read_whole` does.
    path : where it lies, if it lies on this machine's disk.
    """

    name: str
    read: Callable[[int], bytes]
    path: Path | None = None


@dataclass
class Loaded:
    """What came out of files.

    parts : Datasets by part, 'train', 'test', or '' where no name tells.
    rejected : (file, why) pairs.
    notes : sentences on what was done to make it fit, such as turning.
    """

    parts: dict[str, Dataset] = field(default_factory=dict)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def digits(self) -> Dataset:
        """All parts in one."""
        return _together([self.parts[part] for part in sorted(self.parts)])


def load(
    files: Iterable[tuple[str, bytes]],
    bounds: Bounds = ON_A_PAGE,
    progress: Callable[[int, int], None] = lambda done, of: None,
    as_is: bool = False,
) -> Loaded:
    """Read digits from files, given as (name, content) pairs; their labels come with them.

    Parameters
    ----------
    bounds : what is read at the most.
    progress : called with how many pictures of how many are through.
    as_is : whether to leave a set that lies on its side, or is inverted, as it is.

    Never raises: what cannot be used is in `rejected`, by name.
    """
    items = [Item(name[-LONGEST_NAME:], partial(_first, raw)) for name, raw in files]
    return _Loading(bounds, progress, as_is).load(items)


def _first(raw: bytes, most: int) -> bytes:
    return raw[: most + 1]


def load_part(path: str | Path, part: str = TRAIN, as_is: bool = False) -> tuple[Dataset, Loaded]:
    """One part of a data set that lies on this machine's disk, and what else came with it.

    Parameters
    ----------
    path : a folder, searched with all in it, or a file.
    part : 'train' or 'test'.  Where no name tells of parts, the whole set is either.

    Raises UserError where there is nothing to use, with what was found instead.
    """
    try:
        return load_dataset(path, part), Loaded()
    except UserError as as_mnist:
        loaded = load_parts(path, as_is, as_mnist)
    data = loaded.parts.get(part, loaded.parts.get(WHOLE))
    if data is None and Path(path).is_file() and len(loaded.parts) == 1:
        # Who names one file means what is in it, whatever it is called.
        (data,) = loaded.parts.values()
    if data is None:
        raise UserError(f"{path} has no {part} part: found {_found(loaded)}.")
    return data, loaded


def load_parts(path: str | Path, as_is: bool = False, or_else: UserError | None = None) -> Loaded:
    """All parts of a data set that lies on this machine's disk; see `load_part`.

    or_else : what to raise where there is nothing that a word could be said about.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"There is no '{path}': point at a file or a folder.")
    loaded = _Loading(ON_THE_COMMAND_LINE, lambda done, of: None, as_is).load(_on_disk(path))
    if not loaded.parts:
        if not loaded.rejected:
            raise or_else or UserError(f"{path} holds no set of digits.")
        name, why = loaded.rejected[0]
        more = f" {len(loaded.rejected) - 1:,} more could not be used." * (len(loaded.rejected) > 1)
        raise UserError(f"{path} holds no set of digits: {name} {why}{more}")
    return loaded


def _found(loaded: Loaded) -> str:
    parts = [f"{len(data):,} digits of its {part} part" for part, data in loaded.parts.items()]
    return ", ".join([*parts, *(f"{name}, which {why[:-1]}" for name, why in loaded.rejected[:3])])


def _on_disk(path: Path) -> list[Item]:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    base = path.parent if path.is_file() else path
    return [Item(p.relative_to(base).as_posix(), partial(read_whole, p), p) for p in files]


class _Array(NamedTuple):
    """An array from a file: of pictures or of labels, which its shape tells."""

    name: str
    values: np.ndarray


class _Loading:
    """One load: its bounds, and what of them is used up."""

    def __init__(self, bounds: Bounds, progress: Callable[[int, int], None], as_is: bool):
        self.bounds, self.progress, self.as_is = bounds, progress, as_is
        self.loaded = Loaded()
        self.files, self.bytes = bounds.files, bounds.bytes
        self.began = time.thread_time()
        self.arrays: list[_Array] = []
        # Pictures of one digit each, by part, and their labels.
        self.pictures: dict[str, list[tuple[np.ndarray, int]]] = {}
        # What tables say of pictures: digit and table by name; and the tables that served nobody.
        self.written: dict[str, tuple[int, str]] = {}
        self.unused: dict[str, int] = {}
        self.tables = 0
        self.seen = self.all = 0

    def load(self, items: list[Item]) -> Loaded:
        self.all = len(items)
        for item in sorted(items, key=_comes_later):
            self._take(item)
        self._add_pictures("the pictures")
        self._pair()
        for name, number in self.unused.items():
            what = "a picture that" if number == 1 else f"{number:,} pictures, none of which"
            came = "did not come" if number == 1 else "came"
            self._reject(name, f"names {what} {came} with it; bring them together, as a ZIP.")
        return self.loaded

    def _add_pictures(self, name: str) -> None:
        for part, pairs in self.pictures.items():
            images, labels = zip(*pairs, strict=True)
            self._add(part, as_set(images, labels), name, turn=False)
        self.pictures = {}

    def _reject(self, name: str, why: str) -> None:
        # Readers of one file say its name first, which stands beside the reason here.
        why = why.removeprefix(name).strip()
        self.loaded.rejected.append((name, " ".join(why.split())))

    def _add(self, part: str, data: Dataset, name: str, turn: bool = True) -> None:
        if turn and not self.as_is:
            data, note = upright(data)
            if note:
                self.loaded.notes.append(f"{name}: {note}")
        if self._too_many(name, len(data)):
            return
        before = [self.loaded.parts[part]] if part in self.loaded.parts else []
        self.loaded.parts[part] = _together([*before, data])

    def _too_many(self, name: str, more: int) -> bool:
        """Whether so many digits more cannot be kept, which is then said."""
        n = more + sum(map(len, self.loaded.parts.values()))
        if n > self.bounds.digits:
            many = f"{n:,} digits are more than the {self.bounds.digits:,} that can be kept"
            self._reject(name, f"is too much: {bring_fewer(many)}")
        return n > self.bounds.digits

    # What a file is.

    def _take(self, item: Item, in_zip: bool = False) -> None:
        self.seen += 1
        self.progress(self.seen, self.all)
        if is_furniture(item.name):
            return
        try:
            if time.thread_time() - self.began > self.bounds.seconds:
                raise UserError(
                    "is one more than can be prepared at once; bring it in another ZIP."
                )
            if item.path is not None and (values := _mapped(item.path)) is not None:
                self._keep(item.name, values)
                return
            raw = item.read(self.bytes)
            if len(raw) > self.bytes:
                raise UserError(
                    f"is more than the {megabytes(self.bounds.bytes)} that are loaded at once; "
                    "split it, or bring it alone."
                )
            self._charge(len(raw))
            name = item.name
            if raw[:2] == b"\x1f\x8b":
                raw, name = self._gunzipped(name, raw), name.removesuffix(".gz")
            self._take_bytes(name, raw, in_zip)
        except UserError as error:
            self._reject(item.name, str(error))

    def _take_bytes(self, name: str, raw: bytes, in_zip: bool) -> None:
        if raw[:2] == b"PK" and not in_zip:
            self._from_zip(name, raw)
            self._add_pictures(name)
        elif raw[:2] == b"PK":
            raise UserError("is a ZIP in a ZIP; unpack it, and bring it alone.")
        elif raw[:2] == b"\0\0" and raw[2:3] and raw[2] in IDX_TYPES:
            self._keep(name, parse_idx(io.BytesIO(raw), name, len(raw)))
        elif raw[:6] == b"\x93NUMPY":
            self._keep(name, parse_array(raw, name, name))
        elif raw[:6] == MATLAB:
            most = max(0, min(MAX_SET_BYTES, self.bytes))
            try:
                matrices = load_matrices(raw, name, most)
            except UserError:
                # However far it was unpacked until then.
                self._charge(min(most, MOST_DEFLATED * len(raw)))
                raise
            self._charge(sum(values.nbytes for values in matrices.values()))
            for key, value in matrices.items():
                self._keep(f"{name}: {key}", value)
        elif raw[257:262] == b"ustar":
            raise UserError("is a tar archive; unpack it, and bring its files or a ZIP of them.")
        elif raw.startswith(_PICTURES) or raw[4:8] == b"ftyp":
            self._from_picture(name, raw)
        else:
            for magic, why in _OTHERS.items():
                if raw.startswith(magic):
                    raise UserError(why)
            self._from_table(name, raw)

    def _keep(self, name: str, values: np.ndarray) -> None:
        if len(self.arrays) >= self.bounds.arrays:
            raise UserError(
                f"is one array more than the {self.bounds.arrays:,} that are read at once; put the "
                "pictures into one, and their labels into another."
            )
        self.arrays.append(_Array(name, values))

    def _charge(self, size: int) -> None:
        self.bytes -= max(size, 4096)

    def _too_large(self) -> str:
        of_one, of_all = megabytes(self.bounds.of_one), megabytes(self.bounds.bytes)
        return f"is too large once unpacked: {of_one} a picture, {of_all} in all."

    def _gunzipped(self, name: str, raw: bytes) -> bytes:
        most = max(0, min(self.bytes, MAX_SET_BYTES))
        unpacked = bytes(gunzip(raw, most, name))
        # What is too large has cost as much to unpack.
        self._charge(len(unpacked))
        if len(unpacked) > most:
            raise UserError(
                f"unpacks to more than {megabytes(most)}; unpack it first, or split the set."
            )
        return unpacked

    # ZIPs.

    def _from_zip(self, name: str, raw: bytes) -> None:
        most = self.bounds.files
        if has_more_members(raw, 2 * most + 100):
            raise UserError(f"holds too many files; up to {most:,} are read at once.")
        try:
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                named = [(m.filename[-LONGEST_NAME:], m) for m in archive.infolist()]
                for path, _ in named:
                    if path in _DOCUMENTS:
                        raise UserError(_DOCUMENTS[path])
                members = [(path, member) for path, member in named if not is_furniture(path)]
                members.sort(key=_comes_later)
                self.files -= len(members)
                if self.files < 0:
                    raise UserError(
                        f"holds {len(members):,} files; up to {most:,} are read at once."
                    )
                self.all += len(members)
                is_npz = all(path.endswith(".npy") for path, _ in members)
                for path, member in members:
                    called = f"{name}: {path.removesuffix('.npy')}" if is_npz else path
                    unpack = partial(self._unpacked, archive, member)
                    self._take(Item(called, unpack), in_zip=True)
        except UserError:
            raise
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
            raise UserError("is damaged: it does not unpack.") from error

    def _unpacked(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, left: int) -> bytes:
        if member.flag_bits & 1:
            raise UserError("is encrypted.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UserError("is packed in a rare way; make the ZIP an ordinary one, by 'deflate'.")
        picture = is_picture(member.filename[-LONGEST_NAME:])
        of_one = self.bounds.of_one if picture else left
        if member.file_size > min(left, of_one):
            raise UserError(self._too_large())
        try:
            return read_member(archive, member)
        except (zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError) as error:
            self._charge(member.file_size)
            raise UserError("is damaged: it does not unpack.") from error

    # Pictures.

    def _from_picture(self, name: str, raw: bytes) -> None:
        label = self._label_of(name)
        if label is None:
            raise UserError(
                "does not say which digit it shows: put it into a folder named 0 to 9, or end its "
                "name in -7; or bring a table with a line for each picture, such as a.png,7."
            )
        if len(raw) > self.bounds.of_one:
            raise UserError(self._too_large())
        image = digit_in(raw)
        self.pictures.setdefault(part_of(name), []).append((image, label))

    def _label_of(self, name: str) -> int | None:
        """What a table says of a picture, by its name with as many folders as it gives; else what
        its folders and name tell."""
        parts = PurePosixPath(name.replace("\\", "/")).parts
        for start in range(len(parts) if self.written else 0):
            if found := self.written.get("/".join(parts[start:])):
                self.unused.pop(found[1], None)
                return found[0]
        return label_of(name)

    # Tables.

    def _from_table(self, name: str, raw: bytes) -> None:
        if names_pictures(raw):
            self.tables += 1
            if self.tables > self.bounds.tables:
                raise UserError(
                    f"is one table more than the {self.bounds.tables:,} that may name pictures."
                )
            labels = written_labels(raw, self.bounds.files)
            for picture, label in labels.items():
                if self.written.get(picture, (label, ""))[0] != label:
                    raise UserError(f"says {label} of a picture, and another table something else.")
            self.written |= {picture: (label, name) for picture, label in labels.items()}
            self.unused[name] = len(labels)
            return
        values, header = table_of(raw, self.bounds.digits)
        if values.shape[1] - 1 in square_sizes():
            at = label_column(values, header)
            self._keep(f"{name}: pixels", np.delete(values, at, axis=1))
            self._keep(f"{name}: labels", values[:, at])
        else:
            self._keep(name, values)

    # Which labels belong to which pictures.

    def _pair(self) -> None:
        pictures = [array for array in self.arrays if shows_pictures(array.values)]
        labels = [array for array in self.arrays if tells_labels(array.values)]
        for array in self.arrays:
            if not shows_pictures(array.values) and not tells_labels(array.values):
                shape = " x ".join(map(str, array.values.shape))
                self._reject(
                    array.name,
                    f"has the shape {shape}, which is neither that of pictures (n x 28 x 28 or "
                    "n x 784) nor of labels (n).",
                )
        likeness = sorted(
            (
                (_alike(p.name, q.name), i, j)
                for i, p in enumerate(pictures)
                for j, q in enumerate(labels)
                if len(p.values) == len(flat(q.values))
            ),
            key=lambda pair: (-pair[0], pair[1], pair[2]),
        )
        paired: dict[int, int] = {}
        for _, i, j in likeness:
            if i not in paired and j not in paired.values():
                paired[i] = j
        for i in sorted(paired):
            self._add_pair(pictures[i], labels[paired[i]])
        alone = [p for i, p in enumerate(pictures) if i not in paired]
        left = [q for j, q in enumerate(labels) if j not in paired.values()]
        for p in alone:
            self._reject(p.name, _without_partner(len(p.values), "pictures", "labels", left))
        for q in left:
            n = len(flat(q.values))
            self._reject(q.name, _without_partner(n, "labels", "pictures", alone))

    def _add_pair(self, pictures: _Array, labels: _Array) -> None:
        names = f"{pictures.name} and {labels.name}"
        # Before any is framed: a small file may unpack to hundreds of thousands.
        if self._too_many(pictures.name, len(pictures.values)):
            return
        try:
            truth, notes = as_labels(labels.values)
            images, more = as_images(pictures.values)
        except UserError as error:
            self._reject(names, f"do not fit: {error}")
            return
        self.loaded.notes += [f"{names}: {note}" for note in (*notes, *more)]
        part = part_of(pictures.name) or part_of(labels.name)
        self._add(part, Dataset(images, truth), pictures.name)


def _comes_later(named: tuple) -> bool:
    return not named[0].lower().removesuffix(".gz").endswith(_FIRST)


def _without_partner(n: int, what: str, partner: str, found: list[_Array]) -> str:
    others = ", ".join(f"{a.name} ({len(flat(a.values)):,})" for a in found[:3])
    near = f" (found {others})" if others else ""
    return (
        f"holds {n:,} {what} without their partner: no file of {n:,} {partner} came with "
        f"it{near}; bring images and labels together."
    )


def _alike(one: str, other: str) -> float:
    same_part = part_of(one) == part_of(other)
    ends = one.lower()[-COMPARED:], other.lower()[-COMPARED:]
    return same_part + difflib.SequenceMatcher(None, ends[0], ends[1]).ratio()


def _together(sets: list[Dataset]) -> Dataset:
    if len(sets) == 1:
        # Not copied: it may be a map of a file.
        return sets[0]
    if not sets:
        return as_set()
    return Dataset(
        np.concatenate([data.images for data in sets]),
        np.concatenate([data.labels for data in sets]),
    )


def digit_in(raw: bytes) -> np.ndarray:
    """The one digit in a picture's file, uint8 (28, 28).

    One of MNIST's own size with bright ink is taken as it is; any other goes the way of an uploaded
    picture.  Raises UserError where it cannot be read or shows nothing.
    """
    opened = open_once(raw, FRAMED_AT)
    if opened.size == (SIDE, SIDE):
        grey = np.asarray(opened.shown.convert("L"))
        # MNIST's paper is black: what has a bright rim is dark ink on light paper.
        if along_sides(grey).mean() < 128:
            if not grey.any():
                raise UserError("shows nothing: all its pixels are black.")
            return grey
    return find_digits(opened, digits=ONE)[0].image


def upright(data: Dataset) -> tuple[Dataset, str]:
    """The set as the default model reads it best, and what was done; '' where nothing was.

    EMNIST's and MATLAB's pictures lie on their side, others are dark on light: an honest reader
    would read one in ten of them, without a word.
    """
    if len(data) < FEWEST_TO_TELL:
        return data, ""
    some = data.take(np.linspace(0, len(data) - 1, min(len(data), SAMPLE)).astype(int))
    reader = Reader(load_weights(DEFAULT))
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "": lambda images: images,
        "turned about their diagonal": lambda images: images.transpose(0, 2, 1),
        "inverted": lambda images: 255 - images,
        "turned about their diagonal and inverted": lambda images: 255 - images.transpose(0, 2, 1),
    }
    right = {
        way: float(np.mean(reader.read(change(some.images)).digits == some.labels))
        for way, change in ways.items()
    }
    best = max(right, key=lambda way: right[way])
    if right[""] >= READ_BADLY or right[best] < max(READ_WELL, 2 * right[""]):
        return data, ""
    note = (
        f"its pictures are {best}, as the default model then reads {right[best]:.0%} of a sample "
        f"right instead of {right['']:.0%}."
    )
    return Dataset(ways[best](data.images), data.labels), note


def _mapped(path: Path) -> np.ndarray | None:
    """A large plain IDX file of bytes as a map of the disk; None for any other file."""
    if path.stat().st_size <= MAX_SET_BYTES:
        return None
    with open(path, "rb") as file:
        head = file.read(64)
    header = idx_header(head, path.name) if head[:3] == b"\0\0\x08" else None
    if header is None:
        return None
    start, shape, _ = header
    if start + int(np.prod(shape, dtype=object)) != path.stat().st_size:
        raise UserError("is not as long as its header says; it is damaged, fetch it again.")
    return np.memmap(path, np.uint8, "r", start, shape)
