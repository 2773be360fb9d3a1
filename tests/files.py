"""Pictures, arrays, ZIPs and IDX as files, for tests and for the benchmark of hostile ones."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lrcore.data import idx_bytes
from lrcore.decode import Source, open_once


def saved(image: Image.Image | np.ndarray, format: str = "PNG", **options) -> bytes:
    """The bytes of a picture's file."""
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(
        file, format, **options
    )
    return file.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The bytes of a ZIP of files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as out:
        for name, content in members.items():
            out.writestr(name, content)
    return file.getvalue()


def npy(array: Any) -> bytes:
    """The bytes of a `.npy` file, pickles included."""
    file = io.BytesIO()
    np.save(file, np.asarray(array))
    return file.getvalue()


def npz(*arrays: Any, **named: Any) -> bytes:
    """The bytes of an `.npz` file, pickles included."""
    file = io.BytesIO()
    np.savez(file, *arrays, **named)
    return file.getvalue()


def grey_of(source: Source) -> np.ndarray:
    """A picture opened, as what finds ink takes it."""
    return open_once(source).grey


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write a uint8 array as an IDX file, gzipped if its name says .gz."""
    raw = idx_bytes(values)
    path.write_bytes(gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw)
