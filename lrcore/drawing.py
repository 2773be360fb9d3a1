"""Pen strokes to the 28x28 digit that MNIST would have made of them.

A stroke is a float array of shape (m, 2): the points x, y that the pen went
through, y downwards, in any unit.  Since only the pen's way counts, it makes
no difference where, how large or with how thick a pen a digit was drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from lrcore.frame import BOX, SIDE, crop_to_ink, frame

# Width of the pen in pixels of the 28x28 picture. Measured as 2 * area / length of outline (the
# outline's length is the picture's total variation), MNIST's training digits have a median of 2.6;
# so have digits that are drawn with this pen.
PEN = 2.4
# Drawn this much larger than the 28x28 picture, then shrunk, for smooth edges.
FINE = 8


def to_digit(strokes: Sequence[np.ndarray], pen: float = PEN) -> np.ndarray:
    """Redraw strokes as one of MNIST's pictures.

    pen : width of the pen in pixels of the 28x28 picture.

    Returns a uint8 array of shape (28, 28), ink bright; all zero for no strokes.
    """
    return frame(redraw(strokes, pen))


def redraw(strokes: Sequence[np.ndarray], pen: float = PEN) -> np.ndarray:
    """The strokes large and with MNIST's pen, FINE times the size of the digit; values 0 to 1."""
    strokes = finite(strokes)
    if not strokes:
        return np.zeros((SIDE * FINE, SIDE * FINE), np.float32)
    points = np.concatenate(strokes)
    low, extent = points.min(0), np.ptp(points, axis=0)
    # The box of 20 holds the ink, that is, the pen's way and half a pen on either side.  A
    # mere dot stays a dot.
    scale = (BOX - pen) * FINE / max(extent.max(), 1e-9)
    size = np.ceil(extent * scale + (pen + 2) * FINE).astype(int)
    placed = [(stroke - low) * scale + (pen / 2 + 1) * FINE for stroke in strokes]
    return rasterise(placed, size[0], size[1], pen * FINE)


def naive(
    strokes: Sequence[np.ndarray], width: int, height: int, pen: float | Sequence[float]
) -> np.ndarray:
    """What most demos do: the whole canvas, as it is, shrunk to 28x28.

    width, height : the canvas in the strokes' units.
    pen : the pen's width in those units, one for all strokes or one for each.

    Returns a uint8 array of shape (28, 28), ink bright.
    """
    ink = rasterise(strokes, math.ceil(width), math.ceil(height), pen)
    small = Image.fromarray(ink).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.rint(np.asarray(small) * 255).astype(np.uint8)


def drawing_steps(
    strokes: Sequence[np.ndarray], width: int, height: int, pen: float
) -> list[tuple[str, np.ndarray]]:
    """The steps from canvas to digit as (caption, uint8 picture with bright ink) pairs."""
    canvas = rasterise(strokes, math.ceil(width), math.ceil(height), pen)
    drawn = redraw(strokes)
    steps = [
        ("As drawn", canvas),
        ("Cropped to the ink", crop_to_ink(canvas)),
        ("Redrawn with MNIST's pen", crop_to_ink(drawn)),
    ]
    shown = [(caption, np.rint(ink * 255).astype(np.uint8)) for caption, ink in steps if ink.size]
    return [*shown, ("Scaled to 20×20, centred by mass in 28×28", frame(drawn))]


def rasterise(
    strokes: Sequence[np.ndarray], width: int, height: int, pen: float | Sequence[float]
) -> np.ndarray:
    """Draw strokes with a round pen; float32 array of shape (height, width), 0 or 1."""
    picture = Image.new("L", (max(1, int(width)), max(1, int(height))))
    draw = ImageDraw.Draw(picture)
    for stroke, wide in zip(strokes, np.broadcast_to(pen, len(strokes)), strict=True):
        points = [(float(x), float(y)) for x, y in stroke]
        draw.line(points, fill=1, width=max(1, round(wide)))
        radius = max(1, round(wide)) / 2
        for x, y in points:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    return np.asarray(picture, np.float32)


def finite(strokes: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The strokes that have points, all of them numbers."""
    strokes = (np.asarray(stroke, float).reshape(-1, 2) for stroke in strokes)
    return [stroke for stroke in strokes if len(stroke) and np.isfinite(stroke).all()]


def bezier(control: Sequence | np.ndarray, pieces: int) -> np.ndarray:
    """Points along Bezier curves of any degree; control (..., k, 2), returns (..., pieces + 1, 2).

    Source: de Casteljau's construction, repeated straight interpolation.
    """
    points = np.asarray(control, float)[..., None, :]
    t = np.linspace(0, 1, pieces + 1)[:, None]
    while points.shape[-3] > 1:
        points = points[..., :-1, :, :] * (1 - t) + points[..., 1:, :, :] * t
    first = points[..., 0, :, :]
    return np.broadcast_to(first, (*first.shape[:-2], pieces + 1, 2))


def lengths_along(line: np.ndarray) -> np.ndarray:
    """How far each point (m, 2) of a line is from its first, along the line; shape (m,)."""
    return np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])


def dense(line: np.ndarray, step: float) -> np.ndarray:
    """The same line with points at most `step` apart."""
    if len(line) < 2:
        return line
    along = lengths_along(line)
    count = int(np.ceil(along[-1] / max(step, 1e-3))) + 1
    at = np.union1d(along, np.linspace(0, along[-1], count))
    return np.column_stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])])
