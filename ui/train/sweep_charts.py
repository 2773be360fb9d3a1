"""Charts of a sweep: the rows they show, and pure functions from rows to a chart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from lrcore.settings import knob, setting_text
from lrcore.sweep import WIDE, Place
from ui.charts import in_house_style
from ui.palette import DIVERGING, FOR, GUIDE, INK, NEUTRAL, PAPER, TRAINING

# The name by which a click on a chart is known, and the field that says on which place.
CLICK, PLACE = "place", "place"
TRAINED, HELDOUT = "training", "held-out"
# What is drawn of a figure: its two fields in a Result, and the axis's title.
FIGURES = {
    "cost": ("cost", "heldout_cost", "cost without L2"),
    "accuracy": ("accuracy", "heldout_accuracy", "accuracy"),
}
BEST, NEAR = "best", "within its noise"


def short(name: str) -> str:
    """A setting in a word."""
    return "C" if name == "C" else knob(name).label


def named(values: Mapping[str, Any]) -> str:
    """What some values are called: 'C = 0.1, Images = 600'."""
    return ", ".join(f"{short(name)} = {setting_text(name, v)}" for name, v in values.items())


def curve_rows(places: Sequence[Place], name: str, figure: str) -> pd.DataFrame:
    """A row for each place and each of the two curves of a figure.

    Columns: place (its name), number (in their order), text and value (of the setting `name`),
    curve, y, low and high (y less and plus the spread over seeds; y itself without), mark (BEST,
    NEAR or '').
    """
    rows = []
    for number, place in enumerate(places):
        value = place.values[name]
        for curve, field in zip((TRAINED, HELDOUT), FIGURES[figure], strict=False):
            y, spread = place.mean[field], place.spread[field]
            spread = 0.0 if math.isnan(spread) else spread
            rows.append(
                {
                    "place": named(place.values),
                    "number": number,
                    "text": setting_text(name, value),
                    "value": value,
                    "curve": curve,
                    "y": y if math.isfinite(y) else None,
                    "low": y - spread,
                    "high": y + spread,
                    "mark": _mark(place) if curve == HELDOUT else "",
                }
            )
    return pd.DataFrame(rows)


def grid_rows(places: Sequence[Place], names: tuple[str, str]) -> pd.DataFrame:
    """A row for each pair: place (its name), x, y (the values as text), accuracy, label, mark."""
    across, down = names
    return pd.DataFrame(
        [
            {
                "place": named(place.values),
                "x": setting_text(across, place.values[across]),
                "y": setting_text(down, place.values[down]),
                "accuracy": place.mean["heldout_accuracy"],
                "label": f"{100 * place.mean['heldout_accuracy']:.1f}",
                "mark": _mark(place),
            }
            for place in places
        ]
    )


def curve_chart(
    rows: pd.DataFrame, name: str, figure: str, tried: Sequence[Any] = (), height: int = 250
) -> alt.LayerChart:
    """A figure on the pictures learned from and on others, against the value of a setting.

    tried : all values, so that each has its place from the beginning, while some are to come.
    rows : of `curve_rows`.  The best value has a full ring, those within its noise a thin one;
    bars reach as far as the spread over seeds.  A click selects CLICK, with the place's name.
    """
    tried = list(dict.fromkeys([*tried, *rows["value"]]))
    x = _value_axis(tried, name)
    base = alt.Chart(rows).encode(x=x)
    y = alt.Y(
        "y:Q",
        title=FIGURES[figure][2],
        scale=alt.Scale(zero=False),
        axis=alt.Axis(format="~%" if figure == "accuracy" else ".3~r", tickCount=5),
    )
    colour = alt.Color(
        "curve:N",
        scale=alt.Scale(domain=[TRAINED, HELDOUT], range=[TRAINING, FOR]),
        legend=alt.Legend(title=None, orient="top", symbolStrokeWidth=3),
    )
    dash = alt.condition(alt.datum.curve == TRAINED, alt.value([1, 0]), alt.value([6, 4]))
    order = "number:Q" if rows.empty or _by_text(tried, name) else "value:Q"
    layers = [base.mark_line(strokeWidth=2).encode(y=y, color=colour, strokeDash=dash, order=order)]
    # Vega warns of a layer that has nothing to show.
    if len(spread := rows[rows["high"] > rows["low"]]):
        bars = alt.Chart(spread).mark_rule(strokeWidth=2, opacity=0.7)
        layers.append(bars.encode(x=x, y="low:Q", y2="high:Q", color=colour))
    if len(marked := rows[rows["mark"] != ""]):
        rings = alt.Chart(marked).mark_point(filled=False, opacity=1, color=GUIDE, size=220)
        width = alt.condition(alt.datum.mark == BEST, alt.value(3), alt.value(1))
        layers.append(rings.encode(x=x, y=y, strokeWidth=width))
    dots = (
        base.mark_point(filled=True, opacity=1, size=70, cursor="pointer")
        .encode(
            y=y,
            color=colour,
            tooltip=[
                alt.Tooltip("text:N", title=knob(name).label),
                alt.Tooltip("curve:N", title="on pictures"),
                alt.Tooltip("y:Q", title=figure, format=".2%" if figure == "accuracy" else ".4f"),
                alt.Tooltip("mark:N", title="held-out"),
            ],
        )
        .add_params(alt.selection_point(CLICK, fields=[PLACE]))
    )
    return in_house_style(alt.LayerChart(layer=[*layers, dots], height=height))


def grid_chart(
    rows: pd.DataFrame,
    names: tuple[str, str],
    tried: tuple[Sequence[Any], Sequence[Any]] = ((), ()),
    height: int = 330,
) -> alt.LayerChart:
    """Held-out accuracy of a grid's pairs, the darker the better, the percentage written in.

    tried : all values of both, so that each pair has its place from the beginning.
    rows : of `grid_rows`.  The best cell has a thick border, those within its noise a thin one.
    A click selects CLICK, with the place's name.
    """
    accuracy = rows["accuracy"]
    middle = (accuracy.min() + accuracy.max()) / 2
    # Written on a cell: light on the darker half of the scale.
    rows = rows.assign(light=accuracy > middle)
    axis = alt.Axis(labelAngle=0, labelLimit=90)
    across, down = (
        alt.Scale(domain=list(dict.fromkeys([*(setting_text(n, v) for v in some), *rows[column]])))
        for n, some, column in zip(names, tried, ("x", "y"), strict=True)
    )
    base = alt.Chart(rows).encode(
        x=alt.X("x:N", sort=None, title=knob(names[0]).label, axis=axis, scale=across),
        y=alt.Y("y:N", sort=None, title=knob(names[1]).label, axis=axis, scale=down),
        tooltip=[
            alt.Tooltip("x:N", title=knob(names[0]).label),
            alt.Tooltip("y:N", title=knob(names[1]).label),
            alt.Tooltip("accuracy:Q", title="held-out accuracy", format=".2%"),
            alt.Tooltip("mark:N", title="among all"),
        ],
    )
    cells = base.mark_rect(aria=False).encode(
        color=alt.Color(
            "accuracy:Q",
            # One hue from pale to dark: lightness alone tells the order.
            scale=alt.Scale(range=[NEUTRAL, DIVERGING[2], DIVERGING[1], DIVERGING[0]]),
            legend=None,
        )
    )
    frames = (
        alt.Chart(rows[rows["mark"] != ""])
        .mark_rect(filled=False, stroke=FOR, aria=False)
        .encode(
            x=alt.X("x:N", sort=None, scale=across),
            y=alt.Y("y:N", sort=None, scale=down),
            strokeWidth=alt.condition(alt.datum.mark == BEST, alt.value(4), alt.value(1.5)),
        )
    )
    numbers = base.mark_text(fontSize=12, aria=False).encode(
        text="label:N", color=alt.condition("datum.light", alt.value(PAPER), alt.value(INK))
    )
    # Over the numbers, or a click on one would miss its cell.
    touch = base.mark_rect(fillOpacity=0, cursor="pointer").add_params(
        alt.selection_point(CLICK, fields=[PLACE])
    )
    return in_house_style(alt.LayerChart(layer=[cells, frames, numbers, touch], height=height))


def _mark(place: Place) -> str:
    return BEST if place.best else NEAR if place.near else ""


def _by_text(tried: Sequence[Any], name: str) -> bool:
    """Whether values stand side by side as words: options, or a number that has no place."""
    words = knob(name).options is not None or name == "seed"
    return words or not all(math.isfinite(value) for value in tried)


def _value_axis(tried: Sequence[Any], name: str) -> alt.X:
    """The axis of a setting's values, each with its place."""
    declared = knob(name)
    if _by_text(tried, name):
        return alt.X(
            "text:N",
            sort=None,
            title=declared.label,
            axis=alt.Axis(labelAngle=0),
            scale=alt.Scale(domain=[setting_text(name, value) for value in tried]),
        )
    low, high = declared.low or 0, declared.high or 0
    wide = declared.log or (low > 0 and high >= WIDE * low)
    by_ratio = wide and all(value > 0 for value in tried)
    # A mark at each value tried: the axis hides those that have no room.
    marks = sorted({float(value) for value in tried})
    return alt.X(
        "value:Q",
        title=declared.label,
        scale=alt.Scale(
            type="log" if by_ratio else "linear",
            nice=False,
            padding=14,
            domain=[marks[0], marks[-1]],
        ),
        axis=alt.Axis(format="~g" if declared.log else ",~d", values=marks),
    )
