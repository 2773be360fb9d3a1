"""Lone marks that could be a digit or part of one: a bar, a slash, a level bar, a dot.

A model of ten digits has to call a bar something.  Whoever made MNIST wrote a bare bar for a 1;
others may have forgotten, or be about to draw, the hat of a 7.  No weighing of ink can tell.
"""

from __future__ import annotations

import numpy as np

from lrcore.frame import SIDE

# A bar is at least LONG times as long as wide, and at most STRAIGHT widths of its pen wide.
LONG, STRAIGHT = 4.0, 1.2
# A bar as drawn along a ruler: its PARTS lie in line, within IN_LINE pixels, and hold the same ink,
# within the share EVEN (both standard deviations). The pen of a canvas draws such bars; of MNIST's
# training digits 0.3 % are as even.
PARTS, IN_LINE, EVEN = 6, 0.15, 0.035
# Degrees from upright. MNIST's 1s lean up to 46, and 99 of 100 of them at most 41.
UPRIGHT, LEVEL = 46, 70
# A dot is at most ROUND times as long as wide, and at least the share FILLED of its ellipse is
# inked: all of it, but for soft edges.
ROUND, FILLED = 1.35, 0.97

# What each kind of mark could be.
COULD_BE = {
    "ruled bar": "a bar: a 1, or a 7 without its hat",
    "bar": "a bar: a 1, or a 7 without its hat",
    "slash": "a slash: a 1 that leans far, or a 7 without its hat",
    "level bar": "a level bar: a 1 that lies down, or the hat of a 5 or 7",
    "dot": "a dot: a point, or a 0 that was filled in",
}
# Two in three of MNIST's 1s are bars, by an uneven hand; next to none of its digits is one of
# these, so that who writes one may mean anything.
UNUSUAL = ("ruled bar", "slash", "level bar", "dot")


def marks(images: np.ndarray) -> np.ndarray:
    """What lone mark each picture is, a key of COULD_BE, or ''; str array, shape (n,).

    images : uint8 (n, 28, 28), framed as MNIST's.
    """
    ink = np.asarray(images, np.float64).reshape(-1, SIDE, SIDE) / 255
    at = np.arange(SIDE)
    mass = np.maximum(ink.sum((1, 2)), 1e-9)
    rows, columns = ink.sum(2), ink.sum(1)
    x, y = columns @ at / mass, rows @ at / mass
    xx, yy = columns @ at**2 / mass - x**2, rows @ at**2 / mass - y**2
    xy = np.einsum("nyx,y,x->n", ink, at, at) / mass - x * y
    # The axes of the ellipse with the same second moments, as standard deviations.
    middle, apart = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    long = np.sqrt(middle + apart)
    short = np.sqrt(np.maximum(middle - apart, 1e-9))
    from_level = np.arctan2(2 * xy, xx - yy) / 2
    lean = 90 - np.degrees(np.abs(from_level))
    # A line's area is its pen's width times its length, whose deviation is length / sqrt(12).
    pen = mass / np.maximum(long * np.sqrt(12), 1e-9)
    slim = long > LONG * short
    ruled = slim.copy()
    ruled[slim] = _ruled(ink[slim], x[slim], y[slim], from_level[slim], long[slim])
    bar = ruled | (slim & (short * np.sqrt(12) < STRAIGHT * pen))
    dot = (mass > 1) & (long < ROUND * short) & (mass > FILLED * 4 * np.pi * long * short)
    upright = lean <= UPRIGHT
    kinds = [ruled & upright, bar & upright, bar & (lean < LEVEL), bar, dot]
    return np.select(kinds, list(COULD_BE), "")


def _ruled(
    ink: np.ndarray, x: np.ndarray, y: np.ndarray, angle: np.ndarray, long: np.ndarray
) -> np.ndarray:
    """Which slim pictures are as by a ruler; bool (n,).

    ink : (n, 28, 28), 0 to 1.
    x, y, angle, long : (n,), the middle, and the long axis with the ink's deviation along it.
    """
    at = np.arange(SIDE)
    right, down = at - x[:, None, None], at[:, None] - y[:, None, None]
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    # A line reaches sqrt(3) deviations to either side of its middle: from -1 to 1.
    half = np.sqrt(3) * long[:, None, None]
    along, across = (right * cos + down * sin) / half, down * cos - right * sin
    # Each part fades out within half a pixel more than it is long, so that it matters little where
    # it meets the pixels.
    centres = (2 * np.arange(PARTS) + 1) / PARTS - 1
    reach = (1 / PARTS + 0.5 / half)[:, None]
    near = np.maximum(1 - np.abs(along[:, None] - centres[:, None, None]) / reach, 0)
    weight = near * ink[:, None]
    mass = np.maximum(weight.sum((2, 3)), 1e-9)
    off = np.einsum("npyx,nyx->np", weight, across) / mass
    uneven = mass.std(1) / mass.mean(1)
    return (off.std(1) < IN_LINE) & (uneven < EVEN)
