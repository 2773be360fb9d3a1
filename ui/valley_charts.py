"""The chart of a valley: rows of what it shows, and a pure function from few words to the chart."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd
from contourpy import contour_generator
from scipy.interpolate import RectBivariateSpline

from ui.charts import in_house_style
from ui.palette import AGAINST, DIVERGING, GUIDE, INK, NEUTRAL

CELLS, LINES, FLOOR, WAYS, HERE, ENDS = "cells", "lines", "floor", "ways", "here", "ends"
# Contours: of the height of the start above the bottom, these powers of two.
POWERS = range(-6, 4)
# Places that contours are drawn by, to one of the grid: a cubic spline follows so smooth a cost.
FINER = 4
# The lowest contour that is told apart from the bottom, in shades; in powers of two, too.
FAINTEST = -8.0
# Cells overlap a little, or the seams between them would show.
OVERLAP = 0.15
DASHES = [[1, 0], [6, 3], [2, 2], [9, 3, 2, 3], [12, 4], [1, 0]]
SHAPES = ["circle", "square", "diamond", "triangle-up", "cross", "triangle-down"]
# The paper that all of it lies on, the same in both themes, as below the pictures of theta; and
# how dark the shades get.  The ways are dark enough for all of these.
PAPERS = PALE, DARK = NEUTRAL, DIVERGING[2]
COLOURS = ["#1d4470", "#a8540c", "#1f7a4d", "#a82a68", "#6f42b8", INK]
START, BOTTOM = "start", "bottom"
# Of the square of the page's chart, on a desk and on a phone, and of the axis and the legend that
# stand below and above it, in pixels.
WIDE, NARROW, BEYOND = 430, 280, 75


def side(phone: bool) -> int:
    """Of the square of the page's chart, in pixels."""
    return NARROW if phone else WIDE


class Look(NamedTuple):
    """What of the chart does not move as steps are taken.

    names : of the two directions.
    window : (low, high) across and up.
    shown : the names of the ways shown, in order; each keeps its look, by its place in `all`.
    all : the names of all ways that may be shown.
    size : of the square, in pixels.
    """

    names: tuple[str, str]
    window: tuple[tuple[float, float], tuple[float, float]]
    shown: tuple[str, ...]
    all: tuple[str, ...]
    size: int


def cell_rows(across: np.ndarray, up: np.ndarray, costs: np.ndarray, lowest: float) -> pd.DataFrame:
    """A row for each cell of a grid: its sides, its cost, and its shade from 0, deep, to 1.

    costs : shape (up, across); lowest : the cost at the bottom.
    """
    wide, high = across[1] - across[0], up[1] - up[0]
    x, y = np.meshgrid(across, up)
    return pd.DataFrame(
        {
            "x": (x - wide / 2).ravel(),
            "x2": (x + wide * (0.5 + OVERLAP)).ravel(),
            "y": (y - high / 2).ravel(),
            "y2": (y + high * (0.5 + OVERLAP)).ravel(),
            "across": x.ravel(),
            "up": y.ravel(),
            "cost": costs.ravel(),
            "shade": shades(costs.ravel(), lowest),
        }
    )


def shades(costs: np.ndarray, lowest: float) -> np.ndarray:
    """The logarithm of how far costs are above the lowest, from 0 to 1."""
    above = costs - lowest
    most = float(above.max())
    if most <= 0:
        return np.zeros_like(above)
    powers = np.log2(np.maximum(above / most, 2.0**FAINTEST))
    return 1 - powers / FAINTEST


def contour_rows(
    across: np.ndarray, up: np.ndarray, costs: np.ndarray, levels: Sequence[float]
) -> pd.DataFrame:
    """The contours of a grid of costs, shape (up, across): x, y, line (its number) and cost."""
    found, number = [], 0
    x, y = (np.linspace(at[0], at[-1], FINER * (len(at) - 1) + 1) for at in (across, up))
    generator = contour_generator(x, y, RectBivariateSpline(up, across, costs)(y, x))
    for level in levels:
        for line in generator.lines(level):
            assert isinstance(line, np.ndarray)
            table = pd.DataFrame({"x": line[:, 0], "y": line[:, 1]})
            found.append(table.assign(line=number, cost=level, at=range(len(line))))
            number += 1
    if not found:
        return pd.DataFrame({"x": [], "y": [], "line": [], "cost": [], "at": []})
    return pd.concat(found)


def contour_levels(start: float, lowest: float) -> list[float]:
    """Costs to draw contours at: that of the start, and halves and doubles of its height."""
    return [lowest + (start - lowest) * 2.0**power for power in POWERS]


def way_rows(
    ways: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]], passes: int
) -> pd.DataFrame:
    """A row for each step of ways within the first passes: way, x, y, passes and cost.

    ways : by name, the places (m, 2), the costs and the passes after which they were reached (m,).
    """
    tables = []
    for name, (places, costs, after) in ways.items():
        kept = after <= passes
        table = pd.DataFrame({"x": places[kept, 0], "y": places[kept, 1]})
        tables.append(table.assign(way=name, passes=after[kept], cost=costs[kept]))
    return (
        pd.concat(tables) if tables else pd.DataFrame(columns=["x", "y", "way", "passes", "cost"])
    )


def last_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Of `way_rows`, where each way stands."""
    return rows.groupby("way", sort=False).tail(1)


def end_rows(start: np.ndarray, bottom: np.ndarray) -> pd.DataFrame:
    """The start and the bottom, with their names."""
    places = np.array([start, bottom])
    return pd.DataFrame({"x": places[:, 0], "y": places[:, 1], "label": [START, BOTTOM]})


def floor_rows(bottom: np.ndarray, along: np.ndarray, reach: float) -> pd.DataFrame:
    """The valley's floor: a straight line through the bottom, as far as reach to either side."""
    places = bottom + np.outer([-reach, reach], along)
    return pd.DataFrame({"x": places[:, 0], "y": places[:, 1]})


@functools.lru_cache(maxsize=32)
def valley_chart(look: Look) -> dict:
    """The specification, without its tables: shaded cells, contours, the floor, and ways.

    A step has its way's colour, dash and shape; the last one of each is large.
    """
    x, y = _axes(look)
    # Without any way Vega finds no domain, and warns.
    ways = [_ways(look, x, y)] if look.shown else []
    layers = [*_ground(look, x, y), *ways, *_ends(x, y)]
    chart = in_house_style(
        alt.LayerChart(layer=layers, width=look.size, height=look.size)
    ).resolve_scale(color="independent", shape="independent", strokeDash="independent")
    return _on_paper(chart.to_dict())


def _axes(look: Look) -> tuple[alt.X, alt.Y]:
    (left, right), (low, high) = look.window
    x_scale = alt.Scale(domain=[left, right], nice=False, zero=False)
    y_scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    axis = alt.Axis(tickCount=5, format="~g", grid=False)
    return (
        alt.X("x:Q", title=look.names[0], scale=x_scale, axis=axis),
        alt.Y("y:Q", title=look.names[1], scale=y_scale, axis=axis),
    )


def _place(look: Look, across: str, up: str) -> list[alt.Tooltip]:
    """Where something is, by these two fields, and what it costs there."""
    first, second = look.names
    return [
        alt.Tooltip(f"{across}:Q", title=first, format=".3f"),
        alt.Tooltip(f"{up}:Q", title=second, format=".3f"),
        alt.Tooltip("cost:Q", format=".5f"),
    ]


def _ground(look: Look, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """What the ways lie on: shaded cells, contours, and the valley's floor."""
    cells = (
        alt.Chart(alt.NamedData(CELLS))
        .mark_rect(clip=True, aria=False)
        .encode(
            x=x,
            x2="x2:Q",
            y=y,
            y2="y2:Q",
            # One hue from pale to less pale: what lies on it has to be seen everywhere.
            color=alt.Color(
                "shade:Q",
                scale=alt.Scale(domain=[0, 1], range=[PALE, DARK], interpolate="rgb"),
                legend=None,
            ),
            tooltip=_place(look, "across", "up"),
        )
    )
    lines = (
        alt.Chart(alt.NamedData(LINES))
        .mark_line(clip=True, strokeWidth=1, color=AGAINST, opacity=0.75, tooltip=None, aria=False)
        .encode(x=x, y=y, detail="line:N", order="at:Q")
    )
    floor = (
        alt.Chart(alt.NamedData(FLOOR))
        .mark_line(clip=True, strokeWidth=1.5, strokeDash=[2, 5], color=GUIDE, aria=False)
        .encode(x=x, y=y)
    )
    return [cells, lines, floor]


def _ways(look: Look, x: alt.X, y: alt.Y) -> alt.LayerChart:
    """The ways, a mark at each step, and a larger one where each stands."""
    shown = [look.all.index(name) for name in look.shown]
    legend = alt.Legend(title=None, orient="bottom", columns=2, symbolStrokeWidth=0, labelLimit=0)

    def scale(looks: Sequence[Any]) -> alt.Scale:
        return alt.Scale(domain=list(look.shown), range=[looks[i] for i in shown])

    colour = alt.Color("way:N", scale=scale(COLOURS), legend=legend)
    dash = alt.StrokeDash("way:N", scale=scale(DASHES), legend=legend)
    shape = alt.Shape("way:N", scale=scale(SHAPES), legend=legend)
    told = [
        alt.Tooltip("way:N", title="solver"),
        alt.Tooltip("passes:Q", title="passes"),
        *_place(look, "x", "y"),
    ]
    walked = alt.Chart(alt.NamedData(WAYS)).encode(x=x, y=y, color=colour, order="passes:Q")
    lines = walked.mark_line(clip=True, strokeWidth=2).encode(strokeDash=dash)
    steps = walked.mark_point(clip=True, filled=True, opacity=1, size=28).encode(
        shape=shape, tooltip=told
    )
    here = (
        alt.Chart(alt.NamedData(HERE))
        .mark_point(clip=True, filled=True, opacity=1, size=150, stroke=PALE, strokeWidth=1)
        .encode(x=x, y=y, color=colour, shape=shape, tooltip=told)
    )
    return alt.LayerChart(layer=[lines, steps, here])


def _ends(x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Rings round the start and the bottom, with their names."""
    ends = alt.Chart(alt.NamedData(ENDS)).encode(x=x, y=y)
    rings = ends.mark_point(filled=False, size=170, strokeWidth=2, color=INK, opacity=1)
    names = [
        ends.transform_filter(alt.datum.label == label)
        .mark_text(dy=dy, fontSize=13, fontWeight="bold", color=INK)
        .encode(text="label:N")
        for label, dy in ((START, -16), (BOTTOM, 18))
    ]
    return [rings, *names]


def _on_paper(spec: dict) -> dict:
    """The chart on pale paper with dark words, in either theme of the page."""
    ink = {"labelColor": INK, "titleColor": INK}
    config = {**spec["config"], "axis": {**spec["config"]["axis"], **ink}, "legend": ink}
    return {
        **spec,
        "config": config,
        "background": PALE,
        # The size is that of the square itself, whatever stands beside and below it.
        "autosize": "pad",
        "padding": {"left": 10, "right": 14, "top": 24, "bottom": 10},
        # A canvas draws thousands of cells at once, where svg would keep an element for each.
        "usermeta": {"embedOptions": {"renderer": "canvas"}},
    }
