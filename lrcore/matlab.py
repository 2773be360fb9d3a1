"""Matrices from MATLAB's files of version 5, within bounds; scipy reads them."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import scipy.io

from lrcore.errors import UserError, megabytes

MATLAB = b"MATLAB"
# Pictures and labels, as machine-learning courses call them.
NAMES = ("X", "y")
_HEADER, _COMPRESSED = 128, 15


def load_matrices(raw: bytes, label: str, most: int) -> dict[str, np.ndarray]:
    """X and y of a file, y flat; label : what to call the file in errors.

    Raises UserError where it is damaged, has neither, or unpacks to more than `most` bytes.
    """
    try:
        plain = _inflated(raw, most)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = scipy.io.loadmat(io.BytesIO(plain), variable_names=NAMES)
    except UserError:
        raise
    except Exception as error:  # scipy meets damage with errors of many kinds
        raise UserError("is damaged: its matrices cannot be read; save it again.") from error
    matrices = {name: found[name] for name in NAMES if name in found}
    if len(matrices) < 2 or not all(
        isinstance(m, np.ndarray) and m.dtype.kind in "buif" for m in matrices.values()
    ):
        raise UserError("holds no matrices X and y of numbers; save the pictures and labels so.")
    return {"X": matrices["X"], "y": matrices["y"].reshape(-1)}


def _inflated(raw: bytes, most: int) -> bytes:
    """The same file with its elements unpacked, so that none is longer than it says.

    Source: MathWorks, "MAT-File Format", level 5.
    """
    order = ">" if raw[126:128] == b"MI" else "<"
    parts, at, size = [raw[:_HEADER]], _HEADER, _HEADER
    while at + 8 <= len(raw):
        kind, length = struct.unpack_from(order + "II", raw, at)
        element = raw[at : at + 8 + length]
        if kind == _COMPRESSED:
            element = zlib.decompressobj().decompress(element[8:], most - size + 1)
        size += len(element)
        if size > most:
            raise UserError(f"unpacks to more than {megabytes(most)}; save fewer digits in it.")
        parts.append(element)
        at += 8 + length
    return b"".join(parts)
