"""Image data sets in the IDX format, MNIST's own.

An IDX file is a big-endian header (two zero bytes, a type code, the number of
dimensions, one 32-bit size per dimension) and then the raw values.  Source:
the format's description on LeCun, Cortes and Burges' MNIST page.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lrcore.archive import gunzip
from lrcore.errors import UserError, megabytes
from lrcore.places import MNIST_FOLDER, ROOT

UINT8 = 0x08
# What the type code of an IDX file stands for.
IDX_TYPES = {UINT8: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
# A set of films in colour has no more.
MOST_DIMENSIONS = 5
# More than twice MNIST, and low enough that a small file cannot unpack to all of the memory.
MAX_SET_BYTES = 128 * 2**20

# Values of an array, at most: more than any disk holds, and less than overflows.
LARGEST_SIZE = 2**48

_PREFIX = {"train": "train", "test": "t10k"}


@dataclass(frozen=True)
class Dataset:
    """Pictures and their labels.

    images : uint8 array, shape (n, 28, 28); ink is bright (255), paper is 0.
    labels : uint8 array, shape (n,); which digit each picture shows, 0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: int | slice | np.ndarray) -> Dataset:
        """The pictures that an index, slice or mask picks out."""
        return Dataset(self.images[chosen], self.labels[chosen])


def as_set(images: Iterable[np.ndarray] = (), labels: Iterable[int] = ()) -> Dataset:
    """Pictures of 28x28 and their labels as a Dataset, which may be empty."""
    return Dataset(
        np.array(list(images), np.uint8).reshape(-1, 28, 28), np.array(list(labels), np.uint8)
    )


def read_idx(path: str | Path) -> np.ndarray:
    """Read one IDX file, gzipped or not.

    Returns a read-only array with the shape and the type that the header states; those of
    MNIST are uint8.
    Raises UserError that says what is wrong with a damaged file.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            return parse_idx(file, path.name)
    except OSError as error:
        raise UserError(
            f"{path.name} cannot be read ({error.strerror}); check the file and its folder."
        ) from error


def parse_idx(file: BinaryIO, name: str, most: int = MAX_SET_BYTES) -> np.ndarray:
    """`read_idx` of an open file, called `name` in errors, at most `most` bytes when unpacked."""
    raw = _read_bytes(file, name, most)
    header, shape, dtype = idx_header(raw, name)
    # Python integers: a forged header must not overflow to a small product.
    expected = math.prod(shape) * dtype.itemsize
    if expected != len(raw) - header:
        sizes = " x ".join(map(str, shape))
        raise UserError(
            f"{name} should hold {sizes} = {expected:,} bytes of values by its header, "
            f"but {len(raw) - header:,} follow; the file is damaged, fetch it again."
        )
    values = np.frombuffer(raw, dtype, offset=header).reshape(shape)
    values.setflags(write=False)
    return values


def idx_header(raw: bytes | bytearray, name: str) -> tuple[int, tuple[int, ...], np.dtype]:
    """Where the values of an IDX file begin, their shape and their type, by its first bytes.

    Raises UserError, which calls the file `name`, where they are not those of an IDX file.
    """
    if len(raw) < 4:
        raise UserError(
            f"{name} has {len(raw)} bytes, too few for an IDX header; fetch the file again."
        )
    zero, kind, ndim = struct.unpack(">HBB", raw[:4])
    if zero != 0:
        raise UserError(
            f"{name} is not an IDX file: it starts with {raw[:4].hex()} where the magic "
            "number's two zero bytes belong; check that this is the right file."
        )
    if kind not in IDX_TYPES:
        raise UserError(
            f"{name} holds values of IDX type 0x{kind:02x}, which is none of the format's; "
            "fetch the file again."
        )
    if ndim > MOST_DIMENSIONS:
        raise UserError(
            f"{name} has {ndim} dimensions by its header, where a set of digits has three; "
            "the file is damaged, fetch it again."
        )
    header = 4 + 4 * ndim
    if ndim == 0 or len(raw) < header:
        raise UserError(
            f"{name} ends inside its IDX header (magic {raw[:4].hex()}); fetch the file again."
        )
    shape = struct.unpack(f">{ndim}I", raw[4:header])
    # Of no values, which fit any file, the sides may be more than numpy counts.
    if 0 in shape and math.prod(max(side, 1) for side in shape) > LARGEST_SIZE:
        raise UserError(
            f"{name} has sides of {' x '.join(map(str, shape))} by its header, which no set of "
            "digits has; the file is damaged, fetch it again."
        )
    return header, shape, np.dtype(IDX_TYPES[kind])


def idx_bytes(values: np.ndarray) -> bytes:
    """A uint8 array in the IDX format."""
    values = np.ascontiguousarray(values, dtype=np.uint8)
    header = struct.pack(f">HBB{values.ndim}I", 0, UINT8, values.ndim, *values.shape)
    return header + values.tobytes()


def load_dataset(folder: str | Path = MNIST_FOLDER, part: str = "train") -> Dataset:
    """Load one part of a data set from a folder of IDX files.

    Parameters
    ----------
    folder : the folder that holds `train-images-idx3-ubyte`,
        `train-labels-idx1-ubyte` and, for the test part, the two `t10k-` files,
        each plain or with `.gz` behind its name.  MNIST itself is the default.
    part : 'train' or 'test'.

    Raises UserError where a file is missing or damaged, or where images and
    labels do not fit each other.
    """
    prefix = _PREFIX[part]
    images_path = _find(folder, f"{prefix}-images-idx3-ubyte")
    labels_path = _find(folder, f"{prefix}-labels-idx1-ubyte")
    return paired(read_idx(images_path), read_idx(labels_path), images_path.name, labels_path.name)


def paired(images: np.ndarray, labels: np.ndarray, images_name: str, labels_name: str) -> Dataset:
    """Images and labels as one Dataset; UserError, by these names, where they do not fit."""
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise UserError(
            f"{images_name} has the shape {_shape(images)}, but pictures of 28 x 28 "
            "(n x 28 x 28) are needed; resize them first."
        )
    if images.dtype != np.uint8 or labels.dtype != np.uint8:
        raise UserError(
            f"{images_name} and {labels_name} hold {images.dtype} and {labels.dtype}; only "
            "unsigned bytes are read, so convert the values to the range 0 to 255."
        )
    if labels.ndim != 1:
        raise UserError(
            f"{labels_name} has the shape {_shape(labels)}, but labels are one row of "
            "numbers; check that images and labels were not swapped."
        )
    if len(images) != len(labels):
        raise UserError(
            f"{images_name} holds {len(images):,} images but {labels_name} holds "
            f"{len(labels):,} labels; use the two files of one set."
        )
    if len(labels) == 0:
        raise UserError(f"{images_name} holds no images; use a set with at least one.")
    if labels.max() > 9:
        raise UserError(
            f"{labels_name} has a label {labels.max()}; only the digits 0 to 9 are known."
        )
    return Dataset(images, labels)


def _find(folder: str | Path, name: str) -> Path:
    folder = Path(folder)
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    # A page shows this: where the project lies on a server is nobody's business.
    shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    raise UserError(
        f"{shown} has no {name} (nor {name}.gz); point at a folder that holds the IDX files."
    )


def _read_bytes(file: BinaryIO, name: str, most: int) -> bytes | bytearray:
    raw: bytes | bytearray = file.read(most + 1)
    if raw[:2] == b"\x1f\x8b":
        raw = gunzip(raw, most, name)
    if len(raw) > most:
        raise UserError(
            f"{name} is larger than {megabytes(most)}; split the set into smaller ones."
        )
    return raw


def _shape(array: np.ndarray) -> str:
    return " x ".join(map(str, array.shape))
