"""The charts of two numbers beside the plane itself: data in, chart out."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from lrcore.frame import SIDE
from lrcore.reading import with_article
from lrcore.two_numbers import TwoNumbers, ends
from ui.charts import in_house_style
from ui.heatmaps import LARGE
from ui.palette import AGAINST, DIVERGING, FOR, GUIDE, INK, PAPER
from ui.plane import EDGE_SCORE, corners

# The point selection of a click.
SPOT = "spot"
# Whole numbers of screen pixels to a picture's pixel leave no seams between the squares.
WIDTH = 8 * SIDE


def pixels_chart(difference: np.ndarray, pixels: Sequence[tuple[int, int]]) -> alt.LayerChart:
    """Where one digit has more ink than another, with two pixels marked; a click picks one.

    difference : float (28, 28), from -1 to 1; pixels : (row, column) of each.
    """
    row, column = np.indices((SIDE, SIDE)).reshape(2, -1)
    limit = float(np.abs(difference).max()) or 1.0
    squares = pd.DataFrame({"row": row, "column": column, "difference": difference.ravel()}).assign(
        right=column + 1, below=row + 1
    )
    across, down = (alt.Scale(domain=domain, nice=False) for domain in ([0, SIDE], [SIDE, 0]))
    field = (
        alt.Chart(squares)
        .mark_rect(cursor="pointer")
        .encode(
            x=alt.X("column:Q", scale=across, axis=None),
            x2="right:Q",
            y=alt.Y("row:Q", scale=down, axis=None),
            y2="below:Q",
            color=alt.Color(
                "difference:Q",
                scale=alt.Scale(domain=[-limit, limit], range=DIVERGING, interpolate="rgb"),
                legend=None,
            ),
            tooltip=["row:Q", "column:Q", alt.Tooltip("difference:Q", format="+.2f")],
        )
        .add_params(alt.selection_point(name=SPOT, fields=["row", "column"]))
    )
    layers = [field, *_pixel_marks(pixels, across, down)]
    # Room kept below for the axis titles that there are not would squash the squares.
    spare = {"embedOptions": {"padding": {"bottom": 0}}}
    chart = alt.LayerChart(layer=layers, width=WIDTH, height=WIDTH, usermeta=spare)
    return chart.configure_view(strokeWidth=0)


def _pixel_marks(
    pixels: Sequence[tuple[int, int]], across: alt.Scale, down: alt.Scale
) -> list[alt.Chart]:
    """A square round each of the two pixels, with its number."""
    table = [
        {"name": str(number), "x": at[1] + 0.5, "y": at[0] + 0.5}
        for number, at in enumerate(pixels, 1)
    ]
    places = alt.Chart(pd.DataFrame(table)).encode(
        x=alt.X("x:Q", scale=across, axis=None), y=alt.Y("y:Q", scale=down, axis=None)
    )
    text = places.encode(text="name:N")
    # On paper first: ink alone would be lost where the colours are dark.
    return [
        mark
        for colour, more in ((PAPER, 3), (INK, 0))
        for mark in (
            places.mark_square(
                size=90, filled=False, color=colour, strokeWidth=2 + more, opacity=1, aria=False
            ),
            text.mark_text(
                color=colour,
                stroke=colour,
                strokeWidth=more,
                aria=False,
                fontWeight="bold",
                fontSize=14,
                dx=11,
                dy=-9,
            ),
        )
    ]


def lines_of(found: TwoNumbers, theta: np.ndarray) -> dict[str, np.ndarray]:
    """Where theta's line, shape (1, 3), is seen, and those of probability 0.1 and 0.9.

    Returns their two ends each, shape (2, 2), in the two numbers as they are.
    """
    low, high = corners(found.X)
    lines = {}
    for name, score in (("line", 0.0), ("high", EDGE_SCORE), ("low", -EDGE_SCORE)):
        # Where the score is that, theta with another bias has its line.
        line = ends(theta - np.array([[score, 0, 0]]), low, high)
        if line is not None and theta[0, 1:].any():
            lines[name] = line * found.scale + found.mean
    return lines


def line_chart(
    raw: np.ndarray,
    labels: np.ndarray,
    digits: tuple[int, int],
    titles: Sequence[str],
    lines: dict[str, np.ndarray],
) -> alt.LayerChart:
    """Dots and a line, for where nothing is dragged.

    raw : the two numbers as they are, (m, 2); labels : which digit each is, (m,).
    lines : as `lines_of` returns them; all but 'line' are dashed.
    """
    low, high = corners(raw)
    no, yes = map(with_article, digits)
    dots = pd.DataFrame(raw, columns=["x", "y"]).assign(
        digit=np.where(labels == digits[1], yes, no)
    )
    x, y = (
        axis(
            f"{field}:Q",
            title=title,
            scale=alt.Scale(domain=[float(start), float(end)], nice=False),
            axis=alt.Axis(tickCount=5),
        )
        for axis, field, title, start, end in zip(
            (alt.X, alt.Y), "xy", titles, low, high, strict=True
        )
    )
    legend = alt.Legend(title=None, orient="top")
    points = (
        alt.Chart(dots)
        .mark_point(filled=True, opacity=0.9, size=45)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "digit:N", scale=alt.Scale(domain=[no, yes], range=[AGAINST, FOR]), legend=legend
            ),
            shape=alt.Shape(
                "digit:N",
                scale=alt.Scale(domain=[no, yes], range=["square", "circle"]),
                legend=legend,
            ),
        )
    )
    layers: list = [points]
    for name, line in lines.items():
        mark = {"strokeWidth": 3} if name == "line" else {"strokeDash": [4, 4]}
        table = pd.DataFrame(line, columns=["x", "y"])
        layers.append(alt.Chart(table).mark_line(color=GUIDE, clip=True, **mark).encode(x=x, y=y))
    return in_house_style(alt.LayerChart(layer=layers, width=LARGE, height=LARGE))
