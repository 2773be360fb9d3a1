"""Lone marks that could be a digit or part of one: a bar, a slash, a level bar, a dot.

A model of ten digits has to call a bar something.  Whoever made MNIST wrote a bare bar for a 1;
others may have forgotten, or be about to draw, the hat of a 7.  No weighing of ink can tell.
"""

from __future__ import annotations

import numpy as np

from lrcore.frame import SIDE

# A bar is at least so much longer than wide, and no wider than so many of its pen's widths.
LONG, STRAIGHT = 4.0, 1.2
# Degrees from upright. MNIST's 1s lean up to 46, and 99 of 100 of them at most 41.
UPRIGHT, LEVEL = 46, 70
# A dot is at most so much longer than wide, and at least so much of its ellipse is inked: all
# of it, but for soft edges.
ROUND, FILLED = 1.35, 0.97

# What each kind of mark could be.
COULD_BE = {
    "bar": "a bar: a 1, or a 7 without its hat",
    "slash": "a slash: a 1 that leans far, or a 7 without its hat",
    "level bar": "a level bar: a 1 that lies down, or the hat of a 5 or 7",
    "dot": "a dot: a point, or a 0 that was filled in",
}
# Two in three of MNIST's 1s are bars; none of its digits is one of these.
UNUSUAL = ("slash", "level bar", "dot")


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
    from_level = np.degrees(np.arctan2(2 * xy, xx - yy)) / 2
    lean = 90 - np.abs(from_level)
    # A line's area is its pen's width times its length, whose deviation is length / sqrt(12).
    pen = mass / np.maximum(long * np.sqrt(12), 1e-9)
    bar = (long > LONG * short) & (short * np.sqrt(12) < STRAIGHT * pen)
    dot = (mass > 1) & (long < ROUND * short) & (mass > FILLED * 4 * np.pi * long * short)
    kinds = [bar & (lean <= UPRIGHT), bar & (lean < LEVEL), bar, dot]
    return np.select(kinds, list(COULD_BE), "")
