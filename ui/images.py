"""Pictures as a browser takes them inside a message.

A file of its own, which Streamlit makes of a picture, is gone before a slow browser asks for it.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image


def data_uri(file: bytes, kind: str = "png") -> str:
    """The address that holds a picture itself: a file of that kind."""
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}"


def png_uri(picture: Image.Image | np.ndarray) -> str:
    """The same of a picture, or of a uint8 array: grey, shape (h, w), or RGB, shape (h, w, 3)."""
    file = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(file, "PNG")
    return data_uri(file.getvalue())
