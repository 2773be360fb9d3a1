"""The plane of two numbers: real pictures as dots, and a line between them to be dragged."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from lrcore.frame import SIDE
from lrcore.logistic import sigmoid
from lrcore.reading import with_article
from lrcore.two_numbers import COMPONENTS, INK_SYMMETRY, TwoNumbers, ends
from ui.images import png_uri
from ui.palette import AGAINST, FOR
from ui.plain import minus
from ui.state import PLANE

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

JS = Path(__file__).with_name("plane.js")
HTML = '<div class="plane"></div>'
# As wide as it gets, in pixels.
MOST_WIDE = 500
CSS = f"""
.plane {{ position: relative; max-width: {MOST_WIDE}px; font-family: var(--st-font); }}
.plane svg {{ display: block; width: 100%; touch-action: pan-y; user-select: none;
  -webkit-user-select: none; }}
.plane text {{ fill: var(--st-text-color); font-size: 11.5px; }}
.plane .middle {{ text-anchor: middle; }}
.plane .end {{ text-anchor: end; }}
.plane .said {{ font-size: 13px; font-weight: 600; }}
.plane .axes line {{ stroke: var(--st-border-color); stroke-width: 0.6; }}
.plane .frame {{ fill: none; stroke: var(--st-border-color); }}
.plane .no, .plane .yes {{ stroke: var(--st-background-color); stroke-width: 0.7; }}
.plane .no {{ fill: {AGAINST}; fill-opacity: 0.9; }}
.plane .yes {{ fill: {FOR}; fill-opacity: 0.9; }}
.plane .own {{ fill: var(--st-text-color); stroke: var(--st-background-color); stroke-width: 1.5; }}
.plane .line {{ stroke: var(--st-text-color); stroke-width: 2.5; }}
.plane .edge {{ stroke: var(--st-text-color); stroke-width: 1; stroke-dasharray: 4 4; }}
.plane .handle {{ cursor: grab; touch-action: none; }}
.plane .dragging, .plane.dragging .handle {{ cursor: grabbing; }}
.plane .handle > * {{ fill: var(--st-background-color); stroke: var(--st-text-color);
  stroke-width: 2; }}
.plane .handle > .reach {{ fill: transparent; stroke: none; }}
.tip {{ position: absolute; pointer-events: none; z-index: 1; padding: 6px; max-width: 180px;
  font-size: 12px; line-height: 1.3; color: var(--st-text-color);
  background: var(--st-background-color); border: 1px solid var(--st-border-color);
  border-radius: 6px; }}
.tip[hidden] {{ display: none; }}
.tip .picture {{ width: 84px; height: 84px; image-rendering: pixelated; margin: 0 auto 4px; }}
"""
# The drawing's own units a side; on the screen it is as wide as its place.
SIZE = 400
# What is shown beyond the outermost dots, of the range of all.
MARGIN = 0.06
# Scores between which the shading changes; 0.1 or 0.9 is where the dashed lines are.
FARTHEST, STOPS = 6.0, 33
EDGE = 0.9
EDGE_SCORE = math.log(EDGE / (1 - EDGE))
# Opacity of the shading where the probability is 0 or 1.
DEEPEST = 0.35
# The steepest line that can be dragged: beyond, the sigmoid is a wall.
MOST_STEEP = 20.0
# Pictures in a row of the sheet that hover shows cut-outs of.
ABREAST = 20


class Own(NamedTuple):
    """One's own drawing: its 28x28 picture, uint8, and its two numbers as they are, shape (2,)."""

    image: np.ndarray
    raw: np.ndarray


def drawing(
    found: TwoNumbers, theta: np.ndarray, said: str, own: Own | None = None, whole: bool = True
) -> dict:
    """All that the plane shows: dots, line and shading.  A pure function, data in and data out.

    theta : shape (1, 3).
    said : what stands above it.
    whole : whether the dots come along, or are known already.
    """
    points = found.X if own is None else np.vstack([found.X, found.standardise(own.raw[None])])
    low, high = corners(points)
    names = titles(found)
    return {
        "size": SIZE,
        "low": low.tolist(),
        "high": high.tolist(),
        "names": names,
        "ticks": [
            [
                [(value - mean) / scale, _number(value)]
                for value in ticks(start * scale + mean, end * scale + mean)
            ]
            for start, end, mean, scale in zip(low, high, found.mean, found.scale, strict=True)
        ],
        "dots": _dots(found) if whole else None,
        "own": None if own is None else _own(found, own),
        "theta": [float(value) for value in theta[0]],
        "stops": stops(),
        "edge": EDGE_SCORE,
        "most": MOST_STEEP,
        "said": said,
        "label": description(found, theta, low, high, own),
    }


def plane(shown: dict, heard: int, way: Mapping[str, Any] | None = None) -> None:
    """Put a `drawing` on the page.

    heard : how many lines have been taken over that were dragged there.
    way : thetas, one after the other, and what is said at each, to be walked along; or None.
    """
    _surface()(
        data={**shown, "heard": heard, "way": way},
        key=PLANE,
        width="stretch",
        on_line_change=lambda: None,
    )


def dragged(heard: int) -> tuple[np.ndarray, int] | None:
    """The theta (1, 3) that was last dragged there and its number, unless it was heard already."""
    line: Any = dict(st.session_state.get(PLANE) or {}).get("line")
    try:
        count, theta = int(line["count"]), np.asarray(line["theta"], float)
    except (TypeError, KeyError, ValueError, OverflowError):
        return None
    # Whatever a browser may send.
    if count <= heard or theta.shape != (3,) or not (np.abs(theta) < 1e6).all():
        return None
    return theta[None], count


@cache
def _surface() -> ComponentRenderer:
    return st.components.v2.component("plane", html=HTML, css=CSS, js=JS.read_text("utf-8"))


def titles(found: TwoNumbers) -> list[str]:
    """What the axes are called."""
    first, second = found.choice.names
    if found.choice.numbers == INK_SYMMETRY:
        return ["ink: the mean grey", "symmetry: 0 is perfect"]
    if found.choice.numbers == COMPONENTS:
        return ["along the first principal component", "along the second"]
    return [f"ink at {first}", f"ink at {second}"]


def corners(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners of what is shown of points (m, 2): all of them, with a margin."""
    low, high = points.min(0), points.max(0)
    room = np.where(high > low, high - low, 1.0) * MARGIN
    return low - room, high + room


def ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Round numbers from low to high, at most `most` of them."""
    if not high > low:
        return []
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10, 20) if power * times >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(at * step, 10) for at in range(first, last + 1)]


def stops() -> list[list]:
    """The shading across the line: score, colour, and the deeper the surer."""
    scores = np.linspace(-FARTHEST, FARTHEST, STOPS)
    return [
        [float(z), FOR if z > 0 else AGAINST, round(float(DEEPEST * abs(2 * p - 1)), 4)]
        for z, p in zip(scores, sigmoid(scores), strict=True)
    ]


def description(
    found: TwoNumbers, theta: np.ndarray, low: np.ndarray, high: np.ndarray, own: Own | None = None
) -> str:
    """What is seen, in words."""
    no, yes = found.choice.digits
    first, second = found.choice.names
    words = (
        f"{len(found.y)} pictures as dots by {first} and {second}: squares are {no}s, circles "
        f"{yes}s."
    )
    line = ends(theta, low, high)
    if not theta[0, 1:].any():
        words += " There is no line: every probability is the same."
    elif line is None:
        words += " The line lies outside of what is shown."
    else:
        (x, y), (to_x, to_y) = line * found.scale + found.mean
        words += (
            f" The line runs from {first} {_number(x)}, {second} {_number(y)} to {first} "
            f"{_number(to_x)}, {second} {_number(to_y)}."
        )
    if own is not None:
        words += f" Your drawing is at {first} {_number(own.raw[0])}, {second} "
        words += f"{_number(own.raw[1])}."
    return words


# Made once: it is the most of what a press costs, and the same until other digits are chosen.
@lru_cache(maxsize=32)
def _dots(found: TwoNumbers) -> dict:
    first, second = found.choice.names
    rows = zip(found.X.tolist(), found.raw, found.y.tolist(), found.pictures.labels, strict=True)
    points = [
        [
            round(x, 3),
            round(y, 3),
            kind,
            f"{with_article(label).capitalize()}: {first} {_number(raw[0])}, "
            f"{second} {_number(raw[1])}",
        ]
        for (x, y), raw, kind, label in rows
    ]
    key = hashlib.sha256(repr(points).encode()).hexdigest()[:16]
    sheet = _sheet(found.pictures.images)
    return {"key": key, "points": points, "sheet": sheet, "across": ABREAST}


def _own(found: TwoNumbers, own: Own) -> dict:
    ((x, y),) = found.standardise(own.raw[None]).tolist()
    first, second = found.choice.names
    words = f"Yours: {first} {_number(own.raw[0])}, {second} {_number(own.raw[1])}"
    return {"x": x, "y": y, "picture": png_uri(own.image), "words": words}


def _sheet(images: Sequence[np.ndarray] | np.ndarray) -> str:
    down = -(-len(images) // ABREAST)
    sheet = np.zeros((down * SIDE, ABREAST * SIDE), np.uint8)
    for at, image in enumerate(images):
        top, left = (SIDE * place for place in divmod(at, ABREAST))
        sheet[top : top + SIDE, left : left + SIDE] = image
    return png_uri(sheet)


def _number(value: float) -> str:
    return minus(f"{value:.3g}")
