"""Pieces of a picture's ink: taken apart where digits may touch, joined where they may belong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from lrcore.errors import UserError
from lrcore.frame import crop_to_ink
from lrcore.picture import RIM, Ink

# Bound on the time that a picture of a lawn takes: blobs looked at.
MOST_BLOBS = 600
# Bound on their boxes together, in pictures' worth of pixels: rings within rings are few and yet
# all of them large.
MOST_PICTURES = 4
# The numbers below were chosen by benchmarks/real_pictures.py (rows), whose --set tries others.  In
# heights of a typical digit of the picture: how many cuts are tried in a stretch of one, how far a
# seam may wander, how far apart two seams are at least.
CUTS, WANDER, APART = 5, 0.15, 0.07
# A cut through more ink than this many widths of the pen goes through a digit, not between two.
DEEPEST = 4.0
# Seams are sought in a blob brought to no more than this many rows.
SEAM_ROWS = 64
# Going aside costs a seam as much as a trifle of ink: where there is none it is straight.
ASIDE = 0.03


class Piece(NamedTuple):
    """A part of a picture's ink.

    rows, columns : its box in the picture.
    mask : bool, the shape of the box; which pixels of it are its own.
    cut : ink cut through on its left, in widths of the pen.
    severed : whether it was cut off another piece at all.
    """

    rows: slice
    columns: slice
    mask: np.ndarray
    cut: float = 0.0
    severed: bool = False

    @property
    def height(self) -> int:
        return self.rows.stop - self.rows.start

    @property
    def width(self) -> int:
        return self.columns.stop - self.columns.start


class _Seam(NamedTuple):
    """A way from top to bottom: the ink it crosses, in pixels, and its column in each row."""

    crossed: float
    columns: np.ndarray


def blobs(ink: Ink) -> list[Piece]:
    """Each stretch of connected ink; UserError where there are more than digits have."""
    numbers, count = ndimage.label(ink.written, np.ones((3, 3)))
    if count > MOST_BLOBS:
        raise UserError(
            f"The picture has more than {MOST_BLOBS} marks, too many to be digits: "
            "take a smaller part of the page, in focus and evenly lit."
        )
    places = ndimage.find_objects(numbers)
    covered = sum((r.stop - r.start) * (c.stop - c.start) for r, c in places)
    if covered > MOST_PICTURES * numbers.size:
        raise UserError(
            "The picture's marks lie within each other, which digits do not: "
            "take a smaller part of the page."
        )
    return [Piece(r, c, numbers[r, c] == k) for k, (r, c) in enumerate(places, 1)]


def boxes(pieces: Sequence[Piece]) -> np.ndarray:
    """Their boxes (left, top, right, bottom), int array of shape (n, 4)."""
    return np.array([(p.columns.start, p.rows.start, p.columns.stop, p.rows.stop) for p in pieces])


def joined(pieces: Sequence[Piece]) -> Piece:
    """All pieces as one."""
    if len(pieces) == 1:
        return pieces[0]
    left, top = boxes(pieces)[:, :2].min(0).tolist()
    right, bottom = boxes(pieces)[:, 2:].max(0).tolist()
    mask = np.zeros((bottom - top, right - left), bool)
    for p in pieces:
        rows = slice(p.rows.start - top, p.rows.stop - top)
        mask[rows, p.columns.start - left : p.columns.stop - left] |= p.mask
    return Piece(slice(top, bottom), slice(left, right), mask, pieces[0].cut)


def ink_of(piece: Piece, ink: Ink) -> np.ndarray:
    """The piece's level, cropped, with the soft rim of its strokes."""
    near = ndimage.binary_dilation(np.pad(piece.mask, RIM), iterations=RIM)
    top, left = piece.rows.start - RIM, piece.columns.start - RIM
    level = ink.level[max(0, top) : piece.rows.stop + RIM, max(0, left) : piece.columns.stop + RIM]
    near = near[max(0, -top) :, max(0, -left) :][: level.shape[0], : level.shape[1]]
    return crop_to_ink(np.where(near, level, 0))


def seams_sought(piece: Piece, typical: float) -> int:
    """How many seams are sought in a piece: CUTS in each stretch as wide as a `typical` digit is
    high."""
    return int(CUTS * piece.width / typical)


def cut_apart(piece: Piece, ink: Ink, typical: float) -> list[Piece]:
    """A piece cut along seams of little ink, left to right; itself where there are none.

    Sought are `seams_sought`.
    """
    count = seams_sought(piece, typical)
    if count < 2:
        return [piece]
    # Looked for on a copy of few rows; lengths with it.
    shrink = min(1.0, SEAM_ROWS / piece.height)
    width, height = (max(2, round(side * shrink)) for side in (piece.width, piece.height))
    level = np.where(piece.mask, ink.level[piece.rows, piece.columns], 0)
    level = np.asarray(Image.fromarray(level).resize((width, height), Image.Resampling.BOX))
    pen, typical = ink.pen * shrink, typical * shrink
    middles = np.linspace(0, width, count + 2)[1:-1]
    seams = [s for s in _seams(level, middles, WANDER * typical) if s.crossed <= DEEPEST * pen]
    seams = _apart(seams, APART * typical)
    if not seams:
        return [piece]
    # How many seams lie to the left of each pixel says which part it belongs to: all seams at once,
    # as there may be hundreds.
    passed = np.zeros((height, width + 1), int)
    for seam in seams:
        passed[np.arange(height), seam.columns.astype(int)] += 1
    rows = (np.arange(piece.height) * shrink).astype(int).clip(max=height - 1)
    columns = np.ceil(np.arange(piece.width) * shrink).astype(int).clip(max=width)
    # To the left of a pixel's column, its own not included.
    passed = np.pad(passed.cumsum(axis=1), ((0, 0), (1, 0)))
    part = np.where(piece.mask, 1 + passed[rows[:, None], columns], 0)
    depths = [0.0, *(seam.crossed / pen for seam in seams)]
    places = ndimage.find_objects(part, len(depths))
    # The first part has nothing cut on its left, even where a seam left nothing of the one before.
    kept = [k for k, place in enumerate(places) if place]
    return [
        _trimmed(piece, part[places[k]] == k + 1, places[k], depths[k] if n else 0.0)
        for n, k in enumerate(kept)
    ]


def _trimmed(piece: Piece, mask: np.ndarray, place: tuple[slice, slice], cut: float) -> Piece:
    """A part of a piece in a box of its own, which lies at `place` in the piece's."""
    rows, columns = place
    top, left = piece.rows.start, piece.columns.start
    return Piece(
        slice(top + rows.start, top + rows.stop),
        slice(left + columns.start, left + columns.stop),
        mask,
        cut,
        severed=True,
    )


def _apart(seams: list[_Seam], distance: float) -> list[_Seam]:
    """Of seams closer together than `distance` the one of least ink; from left to right."""
    kept: list[_Seam] = []
    # All that are kept at once: a page of scrawls has seams by the thousand.
    columns = np.empty((len(seams), len(seams[0].columns) if seams else 0))
    for seam in sorted(seams, key=lambda seam: seam.crossed):
        if (np.abs(columns[: len(kept)] - seam.columns).mean(1) > distance).all():
            columns[len(kept)] = seam.columns
            kept.append(seam)
    return sorted(kept, key=lambda seam: seam.columns.mean())


def _seams(level: np.ndarray, middles: np.ndarray, reach: float) -> list[_Seam]:
    """For each column in `middles` the way down of least ink that keeps within `reach` of it."""
    height, width = level.shape
    reach = max(1, round(reach))
    columns = np.rint(middles).astype(int)[:, None] + np.arange(-reach, reach + 1)
    inside = (columns >= 0) & (columns < width)
    cost = np.where(inside, level[:, columns.clip(0, width - 1)], np.inf)
    total = cost[0]
    steps = np.zeros(cost.shape, int)
    for row in range(1, height):
        ways = np.full((3, *total.shape), np.inf)
        ways[0, :, 1:] = total[:, :-1] + ASIDE
        ways[1] = total
        ways[2, :, :-1] = total[:, 1:] + ASIDE
        steps[row] = ways.argmin(0) - 1
        total = ways.min(0) + cost[row]
    return [_way_back(columns[k], total[k], cost[:, k], steps[:, k]) for k in range(len(middles))]


def _way_back(columns: np.ndarray, total: np.ndarray, cost: np.ndarray, steps: np.ndarray) -> _Seam:
    """The cheapest way's columns, followed from the bottom up."""
    at = int(total.argmin())
    seam = np.zeros(len(cost))
    crossed = 0.0
    for row in range(len(cost) - 1, -1, -1):
        seam[row] = columns[at]
        crossed += cost[row, at]
        at += steps[row, at]
    return _Seam(crossed, seam)
