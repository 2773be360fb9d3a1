"""Theta as pictures: charts of it, words for it, and a PNG.  Pure functions, no Streamlit.

For features that are pixels theta is itself a 28x28 picture.  For 'strokes' it
is a field: in every cell a ring of short edges, one for each direction, each
drawn on the side of the cell that it bounds when the ink is inside.
"""

from __future__ import annotations

import io

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from lrcore.evidence import PICTURES, stroke_layout
from lrcore.frame import SIDE
from lrcore.weights import REST, Weights
from ui.palette import DIVERGING, INK, NEUTRAL, PAPER

# Whole numbers of screen pixels to a picture's pixel leave no seams between the squares.
SMALL, LARGE = 5 * SIDE, 12 * SIDE
ACROSS = alt.Scale(domain=[0, SIDE], nice=False)
DOWN = alt.Scale(domain=[SIDE, 0], nice=False)
ARROWS = "→↘↓↙←↖↑↗"
# The few weights beyond this share of all would wash the others out; they get the darkest colour.
WITHIN = 0.995


def row_names(weights: Weights) -> list[str]:
    """What each row of theta stands for: '3', or for a binary model '1 against 0'."""
    if not weights.binary:
        return [str(digit) for digit in weights.classes]
    negative, positive = weights.classes
    return [f"{positive} against {'the rest' if negative == REST else negative}"]


def colour_limit(values: np.ndarray) -> float:
    """Where the colours end: 99.5 % of the weights lie between minus and plus this."""
    limit = float(np.quantile(np.abs(values), WITHIN))
    return limit if limit > 0 else 1.0


def weight_chart(
    features: str,
    values: np.ndarray,
    limit: float,
    side: int = SMALL,
    what: str = "theta",
    backdrop: np.ndarray | None = None,
    selection: str | None = None,
) -> alt.Chart | alt.LayerChart:
    """One row of theta, or anything else with a value for each feature, as a picture.

    Parameters
    ----------
    features : the feature map that the values belong to.
    values : shape (D,), the bias left out.
    limit : the colours run from -limit to limit, zero in the middle.
    side : the chart's width and height on the screen.
    what : names the value on hover.
    backdrop : float (28, 28), 0 to 1; a drawing to show faintly under a field of strokes.
    selection : name of a point selection, where clicks on the chart matter.
    """
    if features in PICTURES:
        chart = _squares(values, limit, what, side)
        return chart.add_params(alt.selection_point(name=selection)) if selection else chart
    paper = _paper(np.zeros((SIDE, SIDE)) if backdrop is None else backdrop)
    if selection:
        paper = paper.add_params(alt.selection_point(name=selection))
    return alt.layer(paper, _edges(values, limit, what, side), **_frame(side))


def ink_chart(ink: np.ndarray, side: int = LARGE) -> alt.Chart:
    """A picture, float (28, 28) from 0 to 1, as dark ink on paper with its values on hover."""
    frame = _grid().assign(value=ink.ravel())
    return (
        alt.Chart(frame, **_frame(side))
        .mark_rect()
        .encode(
            **_places(),
            color=alt.Color(
                "value:Q",
                scale=alt.Scale(domain=[0, 1], range=[NEUTRAL, INK], interpolate="rgb"),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("row:Q"),
                alt.Tooltip("column:Q"),
                alt.Tooltip("value:Q", title="ink", format=".2f"),
            ],
        )
    )


def scale_bar(limit: float, low: str = "against", high: str = "for") -> alt.Chart:
    """The legend that all pictures of one scale share."""
    frame = pd.DataFrame({"from": [-limit], "to": [limit]})
    stops = [
        alt.GradientStop(color=colour, offset=i / (len(DIVERGING) - 1))
        for i, colour in enumerate(DIVERGING)
    ]
    axis = alt.Axis(
        values=[-limit, 0, limit],
        labelExpr=(
            f"datum.value < 0 ? '−{limit:.2g} {low}' : "
            f"datum.value > 0 ? '{high} +{limit:.2g}' : '0'"
        ),
        labelFlush=True,
        title=None,
        ticks=False,
        domain=False,
        grid=False,
    )
    return (
        alt.Chart(frame, width=SMALL * 2, height=36)
        .mark_rect(color=alt.Gradient(gradient="linear", stops=stops, x1=0, x2=1, y1=0, y2=0))
        .encode(
            x=alt.X("from:Q", axis=axis, scale=alt.Scale(domain=[-limit, limit], nice=False)),
            x2=alt.X2("to:Q"),
        )
        .configure_view(strokeWidth=0)
        .properties(usermeta={"embedOptions": {"padding": {"bottom": 0}}})
    )


def describe(features: str, values: np.ndarray, title: str) -> str:
    """A text alternative: where a picture of weights speaks loudest for and against."""
    place = _place_names(features)
    top, bottom = int(values.argmax()), int(values.argmin())
    return (
        f"{title}. Orange speaks for, blue against. "
        f"Strongest for ({values[top]:+.2f}): {place(top)}; "
        f"strongest against ({values[bottom]:+.2f}): {place(bottom)}."
    )


def theta_png(weights: Weights, limits: list[float], zoom: int = 8) -> bytes:
    """All rows of theta in one PNG, five abreast, each under its name, up to its colour limit."""
    names = row_names(weights)
    side, gap, head = SIDE * zoom, 2 * zoom, 4 * zoom
    abreast = min(5, len(names))
    down = -(-len(names) // abreast)
    sheet = Image.new("RGB", (gap + abreast * (side + gap), down * (head + side) + gap), PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=2.5 * zoom)
    for i, (name, row, limit) in enumerate(zip(names, weights.theta[:, 1:], limits, strict=True)):
        left, top = gap + i % abreast * (side + gap), i // abreast * (head + side)
        pen.text((left, top + zoom / 2), name, INK, font)
        sheet.paste(_drawn(weights.features, row, limit, zoom), (left, top + head))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def colours(values: np.ndarray, limit: float) -> np.ndarray:
    """The diverging palette at each value, as uint8 with a last axis of red, green and blue."""
    stops = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in DIVERGING])
    at = np.linspace(-limit, limit, len(stops))
    channels = [np.interp(values, at, stops[:, i]) for i in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _drawn(features: str, values: np.ndarray, limit: float, zoom: int) -> Image.Image:
    if features in PICTURES:
        picture = Image.fromarray(colours(values.reshape(SIDE, SIDE), limit))
        return picture.resize((SIDE * zoom, SIDE * zoom), Image.Resampling.NEAREST)
    picture = Image.new("RGB", (SIDE * zoom, SIDE * zoom), NEUTRAL)
    pen = ImageDraw.Draw(picture)
    edges = _edge_frame(values)
    for edge, colour in zip(
        edges.itertuples(), colours(edges.value.to_numpy(), limit).tolist(), strict=True
    ):
        ends = [edge.x * zoom, edge.y * zoom, edge.x2 * zoom, edge.y2 * zoom]
        width = max(1, round(_thickness(zoom)[1] * min(1, abs(edge.value) / limit)))
        pen.line(ends, tuple(colour), width)
    return picture


def _grid() -> pd.DataFrame:
    row, column = (axis.ravel() for axis in np.indices((SIDE, SIDE)))
    return pd.DataFrame({"row": row, "column": column})


def _places() -> dict:
    band = alt.Scale(paddingInner=0, paddingOuter=0)
    return {
        "x": alt.X("column:O", axis=None, scale=band),
        "y": alt.Y("row:O", axis=None, scale=band),
    }


def _colours(limit: float) -> alt.Scale:
    stops = np.linspace(-limit, limit, len(DIVERGING)).tolist()
    return alt.Scale(domain=stops, range=DIVERGING, clamp=True, interpolate="rgb")


def _squares(values: np.ndarray, limit: float, what: str, side: int) -> alt.Chart:
    return (
        alt.Chart(_grid().assign(value=values), **_frame(side))
        .mark_rect()
        .encode(
            **_places(),
            color=alt.Color("value:Q", scale=_colours(limit), legend=None),
            tooltip=[
                alt.Tooltip("row:Q"),
                alt.Tooltip("column:Q"),
                alt.Tooltip("value:Q", title=what, format="+.3f"),
            ],
        )
    )


def _edges(values: np.ndarray, limit: float, what: str, side: int) -> alt.Chart:
    thin, thick = _thickness(side / SIDE)
    return (
        alt.Chart(_edge_frame(values))
        .mark_rule(strokeCap="round")
        .encode(
            x=alt.X("x:Q", axis=None, scale=ACROSS),
            y=alt.Y("y:Q", axis=None, scale=DOWN),
            x2=alt.X2("x2:Q"),
            y2=alt.Y2("y2:Q"),
            color=alt.Color("value:Q", scale=_colours(limit), legend=None),
            strokeWidth=alt.StrokeWidth(
                "strength:Q",
                scale=alt.Scale(domain=[0, limit], range=[thin, thick], clamp=True),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("place:N", title="edge"),
                alt.Tooltip("value:Q", title=what, format="+.3f"),
            ],
        )
    )


def _thickness(pixel: float) -> tuple[float, float]:
    """The thinnest and the thickest edge, on a screen that shows a pixel at this size."""
    return 0.05 * pixel, 0.9 * pixel


def _edge_frame(values: np.ndarray) -> pd.DataFrame:
    """The two ends of each edge, in pixels of the picture: together a ring in each cell."""
    at = stroke_layout()
    towards = np.cos(at.angle), np.sin(at.angle)
    radius = 0.75 * at.reach
    x, y = at.x - radius * towards[0], at.y - radius * towards[1]
    half = radius * np.tan(np.pi / len(np.unique(at.angle)))
    place = _place_names("strokes")
    return pd.DataFrame(
        {
            "x": x - half * towards[1],
            "y": y + half * towards[0],
            "x2": x + half * towards[1],
            "y2": y - half * towards[0],
            "value": values,
            "strength": np.abs(values),
            "place": [place(i) for i in range(len(values))],
        }
    ).sort_values("strength", kind="stable")  # the strong ones are drawn last, on top


def _place_names(features: str):
    if features in PICTURES:
        return lambda i: f"row {i // SIDE}, column {i % SIDE}"
    at = stroke_layout()
    turn = np.round(at.angle / (2 * np.pi / len(ARROWS))).astype(int) % len(ARROWS)
    return lambda i: f"near row {at.y[i]:.0f}, column {at.x[i]:.0f}, ink to the {ARROWS[turn[i]]}"


def _paper(ink: np.ndarray) -> alt.Chart:
    """What edges are drawn on: one sheet of paper, with a drawing faintly on it."""
    grid = _grid().assign(opacity=0.3 * ink.ravel(), colour=INK)
    grid = grid.assign(x2=grid.column + 1, y2=grid.row + 1)[grid.opacity > 0]
    sheet = pd.DataFrame(
        {"column": [0], "row": [0], "x2": [SIDE], "y2": [SIDE], "opacity": [1.0], "colour": NEUTRAL}
    )
    return (
        alt.Chart(pd.concat([sheet, grid]))
        .mark_rect(tooltip=None)
        .encode(
            x=alt.X("column:Q", axis=None, scale=ACROSS),
            x2=alt.X2("x2:Q"),
            y=alt.Y("row:Q", axis=None, scale=DOWN),
            y2=alt.Y2("y2:Q"),
            color=alt.Color("colour:N", scale=None),
            opacity=alt.Opacity("opacity:Q", scale=None),
        )
    )


def _frame(side: int) -> dict:
    return {
        "width": side,
        "height": side,
        "config": alt.Config(view=alt.ViewConfig(fill=NEUTRAL, strokeWidth=0)),
        # A canvas draws thousands of squares at once, where svg would keep an element for each;
        # the room that is kept below a chart for axis titles would squash the squares.
        "usermeta": {"embedOptions": {"renderer": "canvas", "padding": {"bottom": 0}}},
    }
