"""Pictures and ZIPs as files, for tests and for the benchmark of hostile ones."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from PIL import Image


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
