"""Charts of training: specifications without data, the rows they show, and theta as a picture.

While a run streams only rows travel to the browser, so a chart is built once and
then fed; that is what keeps it from flickering.
"""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable, Sequence

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from lrcore.evidence import PICTURES
from lrcore.features import DIRECTIONS, GRID
from lrcore.frame import SIDE
from lrcore.training import Point
from ui.charts import in_house_style
from ui.heatmaps import colours
from ui.palette import DIGITS, FOR, TRAINING

# How tall each chart is on the screen, in pixels.
HEIGHTS = {"cost": 280, "accuracy": 130, "digits": 130, "overlay": 300}
# No chart shows more points of a curve than about this.
MOST_POINTS = 200
AXES = {"iteration": "iteration", "seconds": "seconds of work"}
ROWS, MARKS = "rows", "marks"
# The picture of thetas: colours of its palette for the maps and for the names below them, the
# room between two maps and that for a name, in screen pixels.
SHADES, INKS, GREY = 240, 16, (128, 128, 128)
GAP, FOOT = 4, 18


def thin(count: int, most: int = MOST_POINTS) -> np.ndarray:
    """Which of `count` points to show: the first ones densely, the rest evenly, the last always.

    The choice moves only when a curve doubles in length, so that points stay where they are.
    """
    if count <= most:
        return np.arange(count)
    stride = 2 ** math.ceil(math.log2(count / most))
    return np.unique(np.r_[0 : most // 4, 0:count:stride, count - 1])


def curve_rows(points: Sequence[Point], x: str, heldout_name: str = "held-out") -> pd.DataFrame:
    """A run's curves: columns x, the two costs ("training" and `heldout_name`) and accuracy."""
    shown = [points[i] for i in thin(len(points))]
    rows = [(getattr(p, x), p.cost, p.heldout_cost, p.heldout_accuracy) for p in shown]
    return _table(rows, ["x", "training", heldout_name, "accuracy"])


def digit_rows(points: Sequence[Point], x: str, digits: Sequence[str]) -> pd.DataFrame:
    """Each digit's own training cost: a column x, and one for each digit."""
    shown = [points[i] for i in thin(len(points), MOST_POINTS // 2)]
    return _table([(getattr(p, x), *p.costs) for p in shown], ["x", *digits])


def mark_rows(changes: Sequence[Point], x: str, looked_at: Point | None = None) -> pd.DataFrame:
    """Where the learning rate was changed, and the point looked back at: columns x and label."""
    marks = [(point, f"rate {point.learning_rate:.3g}") for point in changes]
    if looked_at is not None:
        marks.append((looked_at, f"iteration {looked_at.iteration:,}"))
    return pd.DataFrame(
        {
            "x": [float(getattr(point, x)) for point, _ in marks],
            "label": [label for _, label in marks],
        }
    )


@functools.cache
def specification(chart: Callable[..., alt.TopLevelMixin], *choices, empty: str = "") -> dict:
    """A chart below as its specification, once; Altair checks it too slowly for every frame.

    empty : of a chart that has nothing to show yet, what it says in the place of axes and legends.
    """
    spec = chart(*choices).to_dict()
    if not empty:
        return spec
    title = {"text": empty, "fontSize": 13, "fontWeight": "normal"}
    return _without_guides(spec) | {"title": title}


def _without_guides(spec: dict) -> dict:
    layers = [_without_guides(layer) for layer in spec.get("layer", ())]
    encoding = {}
    for name, channel in spec.get("encoding", {}).items():
        if name in ("x", "y"):
            # Without rows Vega finds no domain, and warns.
            channel = {**channel, "axis": None, "scale": {"domain": [0, 1]}}
        elif "legend" in channel:
            channel = {**channel, "legend": None}
        encoding[name] = channel
    changed = {"layer": layers, "encoding": encoding}
    return spec | {name: value for name, value in changed.items() if value}


def cost_chart(
    x: str, log: bool, heldout_name: str, marked: bool = False, height: int = HEIGHTS["cost"]
) -> alt.Chart:
    """Cost on the training and the held-out pictures.

    marked : with marks where the rate was changed.  Without any Vega would warn at every frame.
    """
    curves = (
        _costs(heldout_name)
        .mark_line(strokeWidth=2, clip=True)
        .encode(
            x=_x(x),
            y=_cost(log),
            color=_curve_colour(heldout_name),
            # Dashed, so that the training curve shows where both run together.
            strokeDash=alt.condition(
                alt.datum.curve == "training", alt.value([1, 0]), alt.value([6, 4])
            ),
            tooltip=[_tip("x", AXES[x]), _tip("cost", "cost"), alt.Tooltip("curve:N")],
        )
    )
    return _finish(alt.layer(curves, *(_marks() if marked else ())), height)


def accuracy_chart(x: str, height: int = HEIGHTS["accuracy"]) -> alt.Chart:
    """Share of the held-out pictures read right."""
    chart = (
        alt.Chart(alt.NamedData(ROWS))
        .mark_line(color=FOR, strokeWidth=2)
        .encode(
            x=_x(x, title=False),
            y=alt.Y(
                "accuracy:Q",
                title="accuracy",
                axis=alt.Axis(format=".0%", tickCount=5),
                scale=alt.Scale(zero=False),
            ),
            tooltip=[_tip("x", AXES[x]), alt.Tooltip("accuracy:Q", format=".2%")],
        )
    )
    return _finish(chart, height)


def digits_chart(
    x: str, log: bool, digits: tuple[str, ...], height: int = HEIGHTS["digits"]
) -> alt.Chart:
    """The training cost of each one-vs-all model by itself."""
    chart = (
        alt.Chart(alt.NamedData(ROWS))
        .transform_fold(list(digits), as_=["digit", "cost"])
        .mark_line(strokeWidth=1.5)
        .encode(
            x=_x(x, title=False),
            y=_cost(log, "digits' costs"),
            color=alt.Color(
                "digit:N",
                scale=alt.Scale(domain=list(digits), range=DIGITS),
                legend=alt.Legend(
                    title=None,
                    orient="right",
                    columns=2,
                    symbolStrokeWidth=3,
                    symbolSize=60,
                    rowPadding=0,
                    columnPadding=4,
                    offset=4,
                ),
            ),
            tooltip=[alt.Tooltip("digit:N"), _tip("x", AXES[x]), _tip("cost", "cost")],
        )
    )
    return _finish(chart, height)


def overlay_chart(
    x: str, log: bool, runs: tuple[str, ...], height: int = HEIGHTS["overlay"]
) -> alt.Chart:
    """Several runs' costs in one picture: a colour a run (column `run`), held-out ones dashed."""
    chart = (
        _costs("held-out")
        .mark_line(strokeWidth=2, clip=True)
        .encode(
            x=_x(x),
            y=_cost(log),
            color=alt.Color(
                "run:N",
                scale=alt.Scale(domain=list(runs), range=DIGITS),
                legend=alt.Legend(title=None, orient="top", columns=1, labelLimit=0),
            ),
            strokeDash=alt.StrokeDash(
                "curve:N",
                scale=alt.Scale(domain=["training", "held-out"], range=[[1, 0], [6, 3]]),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("run:N"),
                alt.Tooltip("curve:N"),
                _tip("x", AXES[x]),
                _tip("cost", "cost"),
            ],
        )
    )
    return _finish(chart, height)


def theta_picture(
    values: np.ndarray, names: Sequence[str], limit: float, across: int = 10, zoom: int = 3
) -> bytes:
    """Thetas side by side as small heatmaps, in a PNG.

    values : shape (k, side, side), one map a row of theta, without the bias.
    names : what to write below each.
    limit : the colours run from -limit to limit.
    across : how many stand side by side before the next row begins.
    zoom : screen pixels to a pixel of a 28x28 map.

    Its pixels are indices into a palette: a frame of true colours takes eight times as long.
    """
    sheet = _named_sheet(tuple(names), across, zoom).copy()
    shades = np.clip(np.nan_to_num(values) / limit, -1, 1) / 2 + 0.5
    tiles = np.rint((SHADES - 1) * shades).astype(np.uint8)
    side = SIDE * zoom
    scale = side // tiles.shape[-1]
    for i, tile in enumerate(tiles.repeat(scale, axis=1).repeat(scale, axis=2)):
        left, top = _corner(i, across, zoom)
        sheet[top : top + side, left : left + side] = tile
    picture = Image.fromarray(sheet)
    palette, opacity = _theta_palette()
    picture.putpalette(palette)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1, transparency=opacity)
    return file.getvalue()


@functools.cache
def _theta_palette() -> tuple[bytes, bytes]:
    """Red, green and blue, and opacity: SHADES from blue to orange, then INKS of the names' grey.

    Where there is no ink the paper is transparent, for a light and a dark page alike.
    """
    shades = colours(np.linspace(-1, 1, SHADES), 1.0)
    opacity = [255] * SHADES + [255 * ink // (INKS - 1) for ink in range(INKS)]
    return shades.tobytes() + bytes(GREY * INKS), bytes(opacity)


@functools.lru_cache(maxsize=32)
def _named_sheet(names: tuple[str, ...], across: int, zoom: int) -> np.ndarray:
    """Palette indices of a sheet that holds the names, and leaves room for the maps."""
    right, _ = _corner(min(across, len(names)), across + 1, zoom)
    _, bottom = _corner(-(-len(names) // across) * across, across, zoom)
    ink = Image.new("L", (right - GAP, bottom))
    pen, font = ImageDraw.Draw(ink), ImageFont.load_default(14)
    for i, name in enumerate(names):
        left, top = _corner(i, across, zoom)
        pen.text((left + SIDE * zoom / 2, top + SIDE * zoom + 1), name, 255, font, anchor="ma")
    return SHADES + np.asarray(ink) // (256 // INKS)


def _corner(i: int, across: int, zoom: int) -> tuple[int, int]:
    """Left and top of the i-th map on the sheet."""
    row, column = divmod(i, across)
    return column * (SIDE * zoom + GAP), row * (SIDE * zoom + FOOT)


def theta_maps(features: str, theta: np.ndarray) -> np.ndarray:
    """Each row of theta as a square map, shape (K, side, side), the bias left out.

    A row over pixels is a picture already; of one over strokes, the weights of the edges are
    summed over all directions.
    """
    weights = theta[:, 1:]
    if features in PICTURES:
        return weights.reshape(-1, SIDE, SIDE)
    edges = weights[:, : DIRECTIONS * GRID * GRID]
    return edges.reshape(-1, DIRECTIONS, GRID, GRID).sum(axis=1)


def _table(rows: list[tuple], columns: list[str]) -> pd.DataFrame:
    values = np.array(rows, float).reshape(len(rows), len(columns))
    # What has overflowed has no place on any axis.
    return pd.DataFrame(np.where(np.isfinite(values), values, np.nan), columns=columns)


def _x(x: str, title: bool = True) -> alt.X:
    return alt.X(
        "x:Q",
        title=AXES[x] if title else None,
        axis=alt.Axis(tickCount=5, titlePadding=4, labelFlush=True),
        scale=alt.Scale(nice=False),
    )


def _cost(log: bool, title: str = "cost") -> alt.Y:
    kind = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False)
    return alt.Y("cost:Q", title=title, scale=kind, axis=alt.Axis(tickCount=5, format=".3~r"))


def _tip(field: str, title: str) -> alt.Tooltip:
    return alt.Tooltip(f"{field}:Q", title=title, format=".5~g")


def _costs(heldout_name: str) -> alt.Chart:
    """Both costs, one below the other: a field cost, and a field curve that names it."""
    return alt.Chart(alt.NamedData(ROWS)).transform_fold(
        ["training", heldout_name], as_=["curve", "cost"]
    )


def _curve_colour(heldout_name: str) -> alt.Color:
    return alt.Color(
        "curve:N",
        scale=alt.Scale(domain=["training", heldout_name], range=[TRAINING, FOR]),
        # Beside the curves: a cost that rises would run through it.
        legend=alt.Legend(title=None, orient="top", symbolStrokeWidth=3, offset=4),
    )


def _marks() -> tuple[alt.Chart, alt.Chart]:
    base = alt.Chart(alt.NamedData(MARKS)).encode(x="x:Q")
    return (
        base.mark_rule(strokeDash=[4, 3], color="gray"),
        base.mark_text(align="left", dx=3, y=8, color="gray", fontSize=11).encode(text="label:N"),
    )


def _finish(chart, height: int):
    return in_house_style(chart).properties(
        height=height,
        background="transparent",
        padding={"left": 0, "right": 12, "top": 4, "bottom": 0},
        # A canvas is redrawn at a fraction of the cost of as many svg elements.
        usermeta={"embedOptions": {"renderer": "canvas"}},
    )
