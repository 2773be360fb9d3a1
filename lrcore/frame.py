"""Ink of any size to the 28x28 picture that MNIST would have made of it.

MNIST's digits were fitted into a box of 20x20, their aspect kept, and placed
in a field of 28x28 with the centre of mass of the ink in its middle (LeCun,
Bottou, Bengio and Haffner, "Gradient-based learning applied to document
recognition", 1998, section III.A).  Everything that becomes a digit here, be
it a drawing, a photo or a page, comes through `frame`; MNIST's own pictures
pass through it unchanged.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

SIDE = 28
BOX = 20
# MNIST's centres of mass scatter evenly about 14.0: it rounds to whole pixels.
CENTRE = 14
# Less than one grey level of 255 is no ink; anything more counts, as it did for MNIST.
FAINT = 0.9 / 255


def crop_to_ink(ink: np.ndarray) -> np.ndarray:
    """The smallest part of `ink` that holds all of it, shape (h, w); (0, 0) where there is none."""
    peak = ink.max(initial=0)
    if peak <= 0:
        return ink[:0, :0]
    there = ink > FAINT * peak
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def frame(ink: np.ndarray) -> np.ndarray:
    """Fit ink into MNIST's frame.

    Parameters
    ----------
    ink : array of shape (h, w), any size, values from 0 (paper) to 1 (full ink).

    Returns a uint8 array of shape (28, 28), ink bright; all zero for no ink.
    """
    cropped = crop_to_ink(np.asarray(ink, np.float32))
    if cropped.size == 0:
        return np.zeros((SIDE, SIDE), np.uint8)
    height, width = cropped.shape
    scale = BOX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Pillow's filters widen with the shrinking factor, so thin strokes do not drop out.
    fitted = Image.fromarray(cropped).resize(size, Image.Resampling.BICUBIC)
    small = np.clip(np.asarray(fitted), 0.0, 1.0)
    total = small.sum()
    if total <= 0:
        return np.zeros((SIDE, SIDE), np.uint8)
    rows, columns = np.indices(small.shape)
    top = _start((rows * small).sum() / total, small.shape[0])
    left = _start((columns * small).sum() / total, small.shape[1])
    out = np.zeros((SIDE, SIDE), np.float32)
    out[top : top + small.shape[0], left : left + small.shape[1]] = small
    return np.rint(out * 255).astype(np.uint8)


def along_sides(picture: np.ndarray) -> np.ndarray:
    """The values along the four sides of a picture, shape (h, w), those of the corners twice."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def _start(mass: float, length: int) -> int:
    """Where a side of `length` begins so that its centre of mass lies mid-frame, kept inside."""
    return int(np.clip(round(CENTRE - mass), 0, SIDE - length))
