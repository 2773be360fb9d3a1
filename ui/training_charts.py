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
from ui.heatmaps import colours
from ui.palette import DIGITS, FOR

# No chart shows more points of a curve than about this.
MOST_POINTS = 200
AXES = {"iteration": "iteration", "seconds": "seconds of work"}
ROWS, MARKS = "rows", "marks"
GREY = (128, 128, 128)
# A blue that stands out on a light and on a dark page.
TRAINING = "#4c8cc4"


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


def mark_rows(changes: Sequence[Point], x: str) -> pd.DataFrame:
    """Where the learning rate was changed: columns x and label."""
    return pd.DataFrame(
        {
            "x": [float(getattr(point, x)) for point in changes],
            "label": [f"rate {point.learning_rate:.3g}" for point in changes],
        }
    )


@functools.cache
def specification(chart: Callable[..., alt.TopLevelMixin], *choices) -> dict:
    """A chart below as its specification, once; Altair checks it too slowly for every frame."""
    return chart(*choices).to_dict()


def cost_chart(x: str, log: bool, heldout_name: str, height: int = 290) -> alt.Chart:
    """Cost on the training and the held-out pictures, with marks where the rate was changed."""
    curves = (
        _costs(heldout_name)
        .mark_line(strokeWidth=2, clip=True)
        .encode(
            x=_x(x),
            y=_cost(log),
            color=_curve_color(heldout_name),
            # Dashed, so that the training curve shows where both run together.
            strokeDash=alt.condition(
                alt.datum.curve == "training", alt.value([1, 0]), alt.value([6, 4])
            ),
            tooltip=[_tip("x", AXES[x]), _tip("cost", "cost"), alt.Tooltip("curve:N")],
        )
    )
    return _finish(alt.layer(curves, *_marks(x)), height)


def accuracy_chart(x: str, heldout_name: str, height: int = 130) -> alt.Chart:
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


def digits_chart(x: str, log: bool, digits: tuple[str, ...], height: int = 130) -> alt.Chart:
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


def overlay_chart(x: str, log: bool, runs: tuple[str, ...], height: int = 300) -> alt.Chart:
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
                legend=alt.Legend(title=None, orient="top", columns=1, labelLimit=300),
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


def theta_picture(values: np.ndarray, names: Sequence[str], limit: float, zoom: int = 3) -> bytes:
    """Thetas side by side as small heatmaps, in a PNG.

    values : shape (k, side, side), one map a row of theta, without the bias.
    names : what to write below each.
    limit : the colours run from -limit to limit.
    zoom : screen pixels to a pixel of a 28x28 map.
    """
    tiles = colours(np.nan_to_num(values), limit)
    side, gap, foot = SIDE * zoom, 4, 18
    # Transparent paper, for a light and a dark page alike.
    sheet = Image.new("RGBA", (len(tiles) * (side + gap) - gap, side + foot))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for i, (tile, name) in enumerate(zip(tiles, names, strict=True)):
        left = i * (side + gap)
        sheet.paste(Image.fromarray(tile).resize((side, side), Image.Resampling.NEAREST), (left, 0))
        pen.text((left + side / 2, side + 1), name, GREY, font, anchor="ma")
    file = io.BytesIO()
    sheet.save(file, "PNG", compress_level=1)
    return file.getvalue()


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


def _curve_color(heldout_name: str) -> alt.Color:
    return alt.Color(
        "curve:N",
        scale=alt.Scale(domain=["training", heldout_name], range=[TRAINING, FOR]),
        legend=alt.Legend(title=None, orient="top-right", symbolStrokeWidth=3),
    )


def _marks(x: str) -> tuple[alt.Chart, alt.Chart]:
    base = alt.Chart(alt.NamedData(MARKS)).encode(x="x:Q")
    return (
        base.mark_rule(strokeDash=[4, 3], color="gray"),
        base.mark_text(align="left", dx=3, y=8, color="gray", fontSize=11).encode(text="label:N"),
    )


def _finish(chart, height: int):
    return chart.properties(
        height=height,
        background="transparent",
        padding={"left": 0, "right": 12, "top": 4, "bottom": 0},
        # A canvas is redrawn at a fraction of the cost of as many svg elements.
        usermeta={"embedOptions": {"renderer": "canvas"}},
    )
