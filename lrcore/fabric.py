"""What a drawing canvas sends to the strokes that are left on it.

A canvas in a browser keeps its drawing as Fabric.js does, a path an object, and sends that record
with every change: the page's own does, and so does streamlit-drawable-canvas.  It comes from
anybody: nothing in it is taken to be what a canvas would have written, and what reading it may cost
is known before it begins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from lrcore.drawing import bezier, dense, lengths_along
from lrcore.errors import UserError
from lrcore.nesting import shallow

# A curve of the canvas becomes this many straight pieces.
PIECES = 6
# How many numbers follow the letter of a command: a canvas draws with these alone.
NUMBERS = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}
_CURVES = (["Q"], ["C"])
# Who fills a canvas of 660 pixels with a hundred lines and rubs them all out again leaves some
# hundred paths of some ten thousand curves, along 100,000 pixels.
MOST_PATHS, MOST_POINTS, MOST_LENGTH = 2_000, 100_000, 200_000
# Lines apart from each other, as a path may hold many, leave the canvas often, or be rubbed out
# here and there.
MOST_LINES = 5_000
# Lists and tables within each other: the record, its objects, one of these, its path, a command;
# Fabric's own records hold no more in what is not read here.
DEEPEST = 10
# ... and all that is in these together: a line to each of MOST_POINTS has four.
MOST_VALUES = 500_000
# In pixels: the widest pen on the page is 40 wide, its eraser 80.
WIDEST_PEN = 200
# Places on the canvas that the eraser tells apart in each pixel, along each side.
FINENESS = 2

_ORIGIN = {"left": -0.5, "top": -0.5, "center": 0.0, "right": 0.5, "bottom": 0.5}
# What odd values in a record lead to.
_MALFORMED = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError)


class _Path(NamedTuple):
    """Lines, float arrays (m, 2) in canvas pixels; the width of the pen; whether it erases."""

    lines: list[np.ndarray]
    width: float
    erases: bool


def strokes_from_canvas(
    json_data: Any, size: tuple[float, float], eraser: str | None = None
) -> list[np.ndarray]:
    """The strokes that are left on a canvas.

    Parameters
    ----------
    json_data : the drawing as Fabric.js records it, such as what `st_canvas(...).json_data`
        holds; None while nothing was drawn.
    size : (width, height) of the canvas; of what lies beyond it nothing is taken.
    eraser : the stroke colour that the eraser paints with; by default the
        canvas' background colour.

    A path in the eraser's colour rubs out what it covers of the strokes drawn
    before it.  What was undone is no longer in the record, and what no canvas
    would write counts as absent.  Returns float arrays of shape (m, 2), in the
    canvas' pixels, in the order of writing.

    Raises UserError for more than MOST_PATHS paths, MOST_POINTS points, MOST_LENGTH pixels of line,
    or where these fall apart into more than MOST_LINES.
    """
    if not is_record(json_data):
        return []
    colour = str(eraser if eraser is not None else json_data.get("background") or "").lower()
    paths = _paths(json_data.get("objects", []), size, colour)
    last_erased = _last_erased(paths, size)
    strokes: list[np.ndarray] = []
    for number, path in enumerate(paths):
        if path.erases:
            continue
        for line in path.lines:
            stroke = line[:1] if _is_tap(line, path.width) else line
            strokes += [stroke] if last_erased is None else _left(stroke, number, last_erased)
            _bound_lines(len(strokes))
    return strokes


def is_record(json_data: Any) -> bool:
    """Whether this is a canvas' record at all: a mapping whose `objects`, if any, are a list."""
    return (
        isinstance(json_data, dict)
        and isinstance(json_data.get("objects", []), list)
        and shallow(json_data, DEEPEST, MOST_VALUES)
    )


def _paths(objects: list, size: tuple[float, float], eraser: str) -> list[_Path]:
    """All that was drawn, in order, clipped to the canvas."""
    if len(objects) > MOST_PATHS:
        raise UserError(_too_much(f"{len(objects):,} strokes", MOST_PATHS))
    paths, points, apart, length = [], 0, 0, 0.0
    for thing in objects:
        if not isinstance(thing, Mapping) or str(thing.get("type", "")).lower() != "path":
            continue
        way = thing.get("path")
        points += _points_of(way)
        if points > MOST_POINTS:
            raise UserError(_too_much(f"more than {MOST_POINTS:,} points", MOST_POINTS))
        try:
            with np.errstate(all="ignore"):
                lines, width = _polylines(thing)
        except _MALFORMED:
            continue
        _bound_lines(apart + len(lines))
        lines = [part for line in lines for part in _clipped(line, size, width / 2)]
        apart += len(lines)
        _bound_lines(apart)
        length += sum(np.linalg.norm(np.diff(line, axis=0), axis=1).sum() for line in lines)
        if length > MOST_LENGTH:
            raise UserError(_too_much(f"more than {MOST_LENGTH:,} pixels of line", MOST_LENGTH))
        erases = bool(eraser) and str(thing.get("stroke", "")).lower() == eraser
        paths.append(_Path(lines, width, erases))
    return paths


def _points_of(way: Any) -> int:
    """How many points the commands of a path make, whatever they are; a curve makes PIECES."""
    if not isinstance(way, list):
        return 0
    curves = sum(isinstance(command, list) and command[:1] in _CURVES for command in way)
    return len(way) + (PIECES - 1) * curves


def _bound_lines(count: int) -> None:
    if count > MOST_LINES:
        raise UserError(_too_much(f"more than {MOST_LINES:,} lines", MOST_LINES))


def _too_much(what: str, most: int) -> str:
    return f"The canvas holds {what}, and up to {most:,} are read: clear it, and draw again."


def _polylines(path: Mapping) -> tuple[list[np.ndarray], float]:
    """The lines of a Fabric.js path in canvas pixels, and the width of its pen.

    Raises one of _MALFORMED for what is no path.
    """
    lines = _drawn(path.get("path") or [])
    if not lines:
        return [], 0.0
    points = np.concatenate(lines)
    middle = (points.min(0) + points.max(0)) / 2
    # Fabric places a path by the middle of its points.  As long as nobody moved or scaled it,
    # what follows changes nothing.
    scale = np.array([path.get("scaleX", 1), path.get("scaleY", 1)], float)
    wide = float(path.get("strokeWidth") or 1)
    if "width" in path and "left" in path:
        size = (np.array([path["width"], path["height"]], float) + wide) * scale
        origin = [
            _ORIGIN[path.get("originX", "left")],
            _ORIGIN[path.get("originY", "top")],
        ]
        angle = math.radians(path.get("angle", 0))
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        centre = np.array([path["left"], path["top"]], float) - (size * origin) @ turn
        flip = np.where([path.get("flipX", False), path.get("flipY", False)], -1, 1)
        lines = [((line - middle) * scale * flip) @ turn + centre for line in lines]
    wide *= float(np.sqrt(abs(scale.prod())))
    if not (0 < wide < math.inf and all(np.isfinite(line).all() for line in lines)):
        raise ValueError("not finite")
    return lines, min(wide, WIDEST_PEN)


def _drawn(commands: list) -> list[np.ndarray]:
    """The lines of a path where it was drawn, curves as straight pieces; each line (m, 2)."""
    ends: list = []
    first = 0
    for letter, *numbers in commands:
        if len(numbers) != NUMBERS[letter]:
            raise ValueError(letter)
        if letter == "M":
            first = len(ends)
        ends.append(ends[first] if letter == "Z" else numbers[-2:])
    places = np.array(ends, float).reshape(-1, 2)
    letters = np.array([command[0] for command in commands])
    if len(letters):
        letters[0] = "M"
    # What stands between two ends, for all curves of a degree at once.
    between: list[np.ndarray] = [place[None] for place in places]
    for letter in ("Q", "C"):
        at = np.flatnonzero(letters == letter)
        if len(at):
            inner = np.array([commands[k][1:-2] for k in at], float).reshape(len(at), -1, 2)
            control = np.concatenate([places[at - 1, None], inner, places[at, None]], axis=1)
            for k, curve in zip(at, bezier(control, PIECES)[:, 1:], strict=True):
                between[k] = curve
    starts = np.flatnonzero(letters == "M").tolist()
    stops = [*starts[1:], len(between)]
    return [np.concatenate(between[a:b]) for a, b in zip(starts, stops, strict=True)]


def _is_tap(line: np.ndarray, pen: float) -> bool:
    """Whether the pen did not really move: Fabric records a tap as a tiny line to the right."""
    return bool(np.ptp(line, axis=0).max() < pen / 10)


def _clipped(line: np.ndarray, size: tuple[float, float], margin: float) -> list[np.ndarray]:
    """The parts of a line that lie on the canvas, or beyond its edge by the margin at most.

    Source: Liang and Barsky, "A new concept and method for line clipping", 1984, for all
    segments at once.
    """
    low, high = np.full(2, -margin), np.array(size, float) + margin
    if ((line >= low) & (line <= high)).all():
        return [line]
    start, way = line[:-1], np.diff(line, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (low - start) / way, (high - start) / way
    # Along a side that a segment runs parallel to it is inside all the way, or nowhere.
    still, within = way == 0, (start >= low) & (start <= high)
    enter = np.where(still, np.where(within, 0, np.inf), np.minimum(a, b)).max(1, initial=0)
    leave = np.where(still, np.where(within, 1, -np.inf), np.maximum(a, b)).min(1, initial=1)
    parts: list[list[np.ndarray]] = []
    ends = -1
    for k in np.flatnonzero(enter <= leave):
        # Rounding may carry the ends of a very long segment outside: hence the bounds once more.
        first, last = (np.clip(start[k] + way[k] * at, low, high) for at in (enter[k], leave[k]))
        if enter[k] > 0 or ends != k:
            parts.append([first])
        parts[-1].append(last)
        # Where it reaches its end inside, the next segment goes on from there.
        ends = int(k) + 1 if leave[k] == 1 else -1
    return [np.array(part) for part in parts]


def _last_erased(paths: Sequence[_Path], size: tuple[float, float]) -> np.ndarray | None:
    """Which path rubbed out each place of the canvas last, by its number; -1 for none.

    An int array with FINENESS places a pixel along each side; None where nothing erases.
    """
    if not any(path.erases for path in paths):
        return None
    width, height = (max(1, math.ceil(side) * FINENESS) for side in size)
    picture = Image.new("I", (width, height), -1)
    draw = ImageDraw.Draw(picture)
    for number, path in enumerate(paths):
        if not path.erases:
            continue
        radius = path.width / 2 * FINENESS
        for line in path.lines:
            places = line * FINENESS
            draw.line([tuple(p) for p in places.tolist()], fill=number, width=round(2 * radius))
            # Round at its ends and wherever it turns, which no eraser does within half of itself.
            for x, y in _thinned(places, radius / 2).tolist():
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=number)
    return np.asarray(picture)


def _thinned(line: np.ndarray, step: float) -> np.ndarray:
    """A line without the points that are closer than `step` to the one kept before."""
    along = lengths_along(line)
    kept = np.diff(np.floor(along / max(step, 1)), prepend=-1) > 0
    kept[-1] = True
    return line[kept]


def _left(stroke: np.ndarray, number: int, last_erased: np.ndarray) -> list[np.ndarray]:
    """What of the stroke of that number was not rubbed out later; it may fall apart."""
    fine = dense(stroke, 1.0)
    place = np.floor(fine * FINENESS).astype(int)
    height, width = last_erased.shape
    keep = last_erased[place[:, 1].clip(0, height - 1), place[:, 0].clip(0, width - 1)] < number
    if keep.all():
        return [stroke]
    edges = np.flatnonzero(np.diff(keep)) + 1
    parts = zip(np.split(fine, edges), np.split(keep, edges), strict=True)
    return [part for part, kept in parts if kept[0]]
