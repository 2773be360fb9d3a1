"""Theta as pictures: charts of it, words for it, and a PNG.  Pure functions, no Streamlit.

For features that are pixels theta is itself a 28x28 picture.  For 'strokes' it
is a field in two parts.  Edges: in every cell a ring of short strokes, one for each
direction, each on the side of the cell that it bounds when the ink is inside.
Openings: in every cell a dot for a hole, and round it wedges that point where a
bay or a corner opens.
"""

from __future__ import annotations

import functools
import io

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from lrcore.evidence import PICTURES, stroke_layout
from lrcore.frame import SIDE
from lrcore.settings import Settings
from lrcore.weights import REST, Weights
from ui.charts import in_house_style
from ui.palette import DIVERGING, INK, NEUTRAL, PAPER
from ui.style import COLOUR_SCALE

# Whole numbers of screen pixels to a picture's pixel leave no seams between the squares.
# Ten of the middling stand in rows of five on a desk and of two on a phone.
SMALL, MIDDLE, LARGE = 5 * SIDE, 6 * SIDE, 12 * SIDE
# The room of a title above one, which is kept from the start: nothing moves as pictures come.
TITLE = 36
ACROSS = alt.Scale(domain=[0, SIDE], nice=False)
DOWN = alt.Scale(domain=[SIDE, 0], nice=False)
PIXELS, EDGES, OPENINGS = "pixels", "edges", "openings"
ARROWS = "→↘↓↙←↖↑↗"
# The few weights beyond this share of all would wash the others out; they get the darkest colour.
WITHIN = 0.995


def class_name(digit: int) -> str:
    """'7', or 'the rest' where one digit is told from all others."""
    return "the rest" if digit == REST else str(digit)


def row_names(model: Weights | Settings) -> list[str]:
    """What each row of theta stands for: '3', or for a binary model '1 against 0'."""
    names = [class_name(digit) for digit in model.classes]
    return [f"{names[1]} against {names[0]}"] if model.binary else names


def parts(features: str) -> tuple[str, ...]:
    """The parts of theta that are looked at one by one."""
    return (PIXELS,) if features in PICTURES else (EDGES, OPENINGS)


def in_part(part: str, values: np.ndarray) -> np.ndarray:
    """The values that belong to a part; the last axis is that of the features."""
    if part == PIXELS:
        return values
    return values[..., stroke_layout().edges == (part == EDGES)]


def colour_limit(values: np.ndarray) -> float:
    """Where the colours end: 99.5 % of the weights lie between minus and plus this."""
    limit = float(np.quantile(np.abs(values), WITHIN)) if values.size else 0.0
    return limit if limit > 0 else 1.0


def weight_chart(
    part: str,
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
    part : what to show, one of `parts` of the features that the values belong to.
    values : shape (D,), the bias left out.
    limit : the colours run from -limit to limit, zero in the middle.
    side : the chart's width and height on the screen.
    what : names the value on hover.
    backdrop : float, square, 0 to 1; a drawing to show faintly under edges or openings.
    selection : name of a point selection, where clicks on the chart matter.
    """
    if part == PIXELS:
        chart = _squares(values, limit, what, side)
        return (
            chart.add_params(alt.selection_point(name=selection, encodings=["x", "y"]))
            if selection
            else chart
        )
    paper = _paper(np.zeros((0, 0)) if backdrop is None else backdrop)
    if selection:
        paper = paper.add_params(_clicks(selection))
    marks = (_edges if part == EDGES else _openings)(values, limit, what, side)
    if backdrop is not None:
        # What says next to nothing would only whiten the drawing.
        marks = marks.transform_filter(f"datum.strength > {0.04 * limit}")
    return alt.LayerChart(layer=[paper, marks], **_frame(side))


def _clicks(name: str) -> alt.Parameter:
    # By the place alone: of tooltips, which are no fields, Vega-Lite would complain.
    return alt.selection_point(name=name, encodings=["x", "y"])


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
    """The legend that all pictures of one scale share; what lies beyond has the colours of its
    ends."""
    frame = pd.DataFrame({"from": [-limit], "to": [limit]})
    stops = [
        alt.GradientStop(color=colour, offset=i / (len(DIVERGING) - 1))
        for i, colour in enumerate(DIVERGING)
    ]
    axis = alt.Axis(
        values=[-limit, 0, limit],
        labelExpr=(
            f"datum.value < 0 ? '≤ −{limit:.2g} {low}' : "
            f"datum.value > 0 ? '≥ +{limit:.2g} {high}' : '0'"
        ),
        labelFlush=True,
        title=None,
        ticks=False,
        domain=False,
        grid=False,
    )
    bar = (
        alt.Chart(frame, width=SMALL * 2, height=36)
        .mark_rect(color=alt.Gradient(gradient="linear", stops=stops, x1=0, x2=1, y1=0, y2=0))
        .encode(
            x=alt.X("from:Q", axis=axis, scale=alt.Scale(domain=[-limit, limit], nice=False)),
            x2=alt.X2("to:Q"),
        )
        .properties(usermeta={"embedOptions": {"padding": {"bottom": 0}}})
    )
    return in_house_style(bar)


def scale_words(limit: float) -> str:
    """A text alternative to `scale_bar`."""
    ends = f"{-limit:.2g} or less, over zero to orange, {limit:.2g} or more"
    return f"{COLOUR_SCALE}, from blue, {ends}."


def describe(part: str, values: np.ndarray, title: str) -> str:
    """A text alternative: where a picture of weights speaks loudest for and against."""
    places, values = _place_names(part), in_part(part, values)
    top, bottom = int(values.argmax()), int(values.argmin())
    return (
        f"{title}{'' if part == PIXELS else f', {part}'}. Orange speaks for, blue against. "
        f"Strongest for ({values[top]:+.2f}): {places[top]}; "
        f"strongest against ({values[bottom]:+.2f}): {places[bottom]}."
    )


def theta_png(weights: Weights, part: str, limits: list[float], zoom: int = 8) -> bytes:
    """A part of each row of theta in one PNG, five abreast, under its name, to its colour limit."""
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
        sheet.paste(_drawn(part, row, limit, zoom), (left, top + head))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def colours(values: np.ndarray, limit: float) -> np.ndarray:
    """The diverging palette at each value, as uint8 with a last axis of red, green and blue."""
    stops = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in DIVERGING])
    at = np.linspace(-limit, limit, len(stops))
    channels = [np.interp(values, at, stops[:, i]) for i in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _drawn(part: str, values: np.ndarray, limit: float, zoom: int) -> Image.Image:
    if part == PIXELS:
        picture = Image.fromarray(colours(values.reshape(SIDE, SIDE), limit))
        return picture.resize((SIDE * zoom, SIDE * zoom), Image.Resampling.NEAREST)
    picture = Image.new("RGB", (SIDE * zoom, SIDE * zoom), NEUTRAL)
    pen = ImageDraw.Draw(picture)
    frame = _edge_frame(values) if part == EDGES else _opening_frame(values)
    shades = map(tuple, colours(frame.value.to_numpy(), limit).tolist())
    for mark, shade in zip(frame.itertuples(), shades, strict=True):
        strength = min(1, mark.strength / limit)
        if part == EDGES:
            ends = [mark.x * zoom, mark.y * zoom, mark.x2 * zoom, mark.y2 * zoom]
            pen.line(ends, shade, max(1, round(_thickness(zoom)[1] * strength)))
        else:
            # A wedge, as three corners; a hole gets many.
            corners = 3 if mark.shape == "triangle" else 24
            radius = max(0.5, 0.9 * zoom * strength**0.5)
            pen.regular_polygon((mark.x * zoom, mark.y * zoom, radius), corners, -mark.turn, shade)
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
                alt.Tooltip("place:N", title="place"),
                alt.Tooltip("value:Q", title=what, format="+.3f"),
            ],
        )
    )


def _thickness(pixel: float) -> tuple[float, float]:
    """The thinnest and the thickest edge, on a screen that shows a pixel at this size."""
    return 0.05 * pixel, 0.9 * pixel


def _openings(values: np.ndarray, limit: float, what: str, side: int) -> alt.Chart:
    most = 2.4 * (side / SIDE) ** 2
    return (
        alt.Chart(_opening_frame(values))
        .mark_point(filled=True, opacity=1)
        .encode(
            x=alt.X("x:Q", axis=None, scale=ACROSS),
            y=alt.Y("y:Q", axis=None, scale=DOWN),
            shape=alt.Shape("shape:N", scale=None),
            angle=alt.Angle("turn:Q", scale=alt.Scale(domain=[0, 360], range=[0, 360])),
            color=alt.Color("value:Q", scale=_colours(limit), legend=None),
            size=alt.Size(
                "strength:Q",
                scale=alt.Scale(domain=[0, limit], range=[0.1 * most, most], clamp=True),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("place:N", title="place"),
                alt.Tooltip("value:Q", title=what, format="+.3f"),
            ],
        )
    )


def _edge_frame(values: np.ndarray) -> pd.DataFrame:
    """The two ends of each edge, in pixels of the picture: together a ring in each cell."""
    layout = stroke_layout()
    x, y, reach, angle = (
        in_part(EDGES, a) for a in (layout.x, layout.y, layout.reach, layout.angle)
    )
    radius, across, down = 0.75 * reach, np.cos(angle), np.sin(angle)
    x, y = x - radius * across, y - radius * down
    half = radius * np.tan(np.pi / len(np.unique(angle)))
    ends = {
        "x": x - half * down,
        "y": y + half * across,
        "x2": x + half * down,
        "y2": y - half * across,
    }
    return _strong_last(ends, in_part(EDGES, values), _place_names(EDGES))


def _opening_frame(values: np.ndarray) -> pd.DataFrame:
    """The place and the turn, in degrees from upright, of each opening's mark."""
    layout = stroke_layout()
    x, y, reach, angle = (
        in_part(OPENINGS, a) for a in (layout.x, layout.y, layout.reach, layout.angle)
    )
    hole = np.isnan(angle)
    # On a grid of three by three in each cell: a hole in the middle, what opens round it.
    step = np.where(hole, 0, 0.62 * reach)
    angle = np.where(hole, 0, angle)
    marks = {
        "x": x + step * np.round(np.cos(angle)),
        "y": y + step * np.round(np.sin(angle)),
        "turn": np.where(hole, 0, (np.degrees(angle) + 90) % 360),
        "shape": np.where(hole, "circle", "triangle"),
    }
    return _strong_last(marks, in_part(OPENINGS, values), _place_names(OPENINGS))


def _strong_last(marks: dict, values: np.ndarray, places: list[str]) -> pd.DataFrame:
    """A table of marks in which the strong ones come last, and so are drawn on top."""
    frame = pd.DataFrame(marks | {"value": values, "strength": np.abs(values), "place": places})
    return frame.sort_values("strength", kind="stable")


@functools.cache
def _place_names(part: str) -> list[str]:
    if part == PIXELS:
        return [f"row {row}, column {column}" for row in range(SIDE) for column in range(SIDE)]
    layout = stroke_layout()
    x, y, angle = (in_part(part, a) for a in (layout.x, layout.y, layout.angle))
    eighth = np.round(np.nan_to_num(angle) / (np.pi / 4)).astype(int) % 8
    kinds = [
        f"an edge with ink to the {ARROWS[turn]}"
        if part == EDGES
        else "a hole"
        if np.isnan(a)
        else f"a {'corner' if turn % 2 else 'bay'} open to the {ARROWS[turn]}"
        for a, turn in zip(angle, eighth, strict=True)
    ]
    return [
        f"{kind} near row {b:.0f}, column {a:.0f}" for kind, a, b in zip(kinds, x, y, strict=True)
    ]


def _paper(ink: np.ndarray) -> alt.Chart:
    """What edges are drawn on: one sheet of paper, with a drawing faintly on it."""
    row, column = (axis.ravel() for axis in np.indices(ink.shape))
    pixel = SIDE / max(len(ink), 1)
    grid = pd.DataFrame({"x": column * pixel, "y": row * pixel, "side": pixel})
    grid = grid.assign(opacity=0.3 * ink.ravel(), colour=INK)[ink.ravel() > 0]
    sheet = pd.DataFrame({"x": [0.0], "y": [0.0], "side": SIDE, "opacity": 1.0, "colour": NEUTRAL})
    frame = pd.concat([sheet, grid]) if len(grid) else sheet
    return (
        alt.Chart(frame.assign(x2=frame.x + frame.side, y2=frame.y + frame.side))
        .mark_rect(tooltip=None)
        .encode(
            x=alt.X("x:Q", axis=None, scale=ACROSS),
            x2=alt.X2("x2:Q"),
            y=alt.Y("y:Q", axis=None, scale=DOWN),
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
