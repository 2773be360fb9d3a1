"""The charts of two numbers beside the plane itself: data in, chart out."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from lrcore.frame import SIDE
from ui.palette import DIVERGING, INK

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
    table = [
        {"name": str(number), "x": at[1] + 0.5, "y": at[0] + 0.5}
        for number, at in enumerate(pixels, 1)
    ]
    places = alt.Chart(pd.DataFrame(table)).encode(
        x=alt.X("x:Q", scale=across, axis=None), y=alt.Y("y:Q", scale=down, axis=None)
    )
    marks = places.mark_square(size=90, filled=False, color=INK, strokeWidth=2, opacity=1)
    names = places.mark_text(color=INK, fontWeight="bold", fontSize=14, dx=11, dy=-9)
    layers = [field, marks, names.encode(text="name:N")]
    return alt.LayerChart(layer=layers, width=WIDTH, height=WIDTH).configure_view(strokeWidth=0)
