"""Why this digit: the score of a linear model, taken apart into the terms of its sum.

A score is bias + theta[1] x[1] + ... + theta[D] x[D], so each input's share
in it is one product, and the shares add up to the score with nothing left over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lrcore.features import DIRECTIONS, GRID
from lrcore.frame import SIDE

# The feature maps whose columns are the pixels of a picture, row by row.
PICTURES = ("pixels", "straightened")


@dataclass(frozen=True)
class StrokeLayout:
    """Where on the 28x28 picture each column of 'strokes' looks; all arrays have shape (D,).

    x, y : centre of the column's window, in pixels from the upper left corner.
    reach : half the side of its cell, in pixels.
    angle : the direction in which the picture gets inkier across the edge, in
        radians, 0 to the right and growing clockwise; the edge runs at a right
        angle to it, the ink on the side that the angle points to.
    """

    x: np.ndarray
    y: np.ndarray
    reach: np.ndarray
    angle: np.ndarray


def stroke_layout() -> StrokeLayout:
    """The layout of the columns of 'strokes'."""
    shape = (DIRECTIONS, GRID, GRID)
    direction, row, column = (axis.ravel() for axis in np.indices(shape))
    cell = SIDE / GRID
    return StrokeLayout(
        x=(column + 0.5) * cell,
        y=(row + 0.5) * cell,
        reach=np.full(direction.size, cell / 2),
        angle=direction * (2 * np.pi / DIRECTIONS),
    )
