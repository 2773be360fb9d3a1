"""The look of all charts, how they get to a page quickly, and the chart of an answer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import TypeVar

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from ui.palette import AGAINST, FOR, GUIDE
from ui.plain import NONE_YET

ROWS = "rows"
# Between a class and its probability, on the axis.
SPACE = "\u2003"
# What an axis below takes of a chart's height, in pixels.  A height by the step of its rows would
# leave that to Vega-Lite, which then warns that it cannot fit it.
AXIS = 32
Chart = TypeVar("Chart", alt.Chart, alt.LayerChart)


def in_house_style(chart: Chart) -> Chart:
    """A chart to be shown with `theme=None`: Streamlit's theme paints labels too pale to read.

    Without it they have the colour of the page's text, light or dark; what else it sets is here.
    """
    return chart.configure_view(strokeWidth=0).configure_axis(
        domain=False,
        ticks=False,
        labelOverlap=True,
        labelSeparation=8,
        # The first and the last lie within the chart, or their last pixel would be cut off.
        labelFlushOffset=-2,
        labelPadding=8,
        titlePadding=10,
        titleFontWeight="normal",
    )


def prepared(chart: Callable[..., alt.Chart | alt.LayerChart], *data) -> dict:
    """A chart of these data for `st.vega_lite_chart`, made once: Altair takes 30 ms for each."""
    # Streamlit takes the tables out of what it is given.
    return {**_prepared(chart, *data)}


def _name(function: FunctionType) -> str:
    return f"{function.__module__}.{function.__qualname__}"


@st.cache_resource(max_entries=256, show_spinner=False, hash_funcs={FunctionType: _name})
def _prepared(chart: Callable[..., alt.Chart | alt.LayerChart], *data) -> dict:
    spec = chart(*data).to_dict()
    tables = {name: pd.DataFrame(rows) for name, rows in spec["datasets"].items()}
    return {**spec, "datasets": tables}


def probability_rows(
    names: list[str], probabilities: np.ndarray, answer: str, before: np.ndarray | None = None
) -> pd.DataFrame:
    """What `probability_bars` show: a row a class.

    names : the classes, in order; probabilities : shape (K,), nan for none; answer : one of the
    names;
    before : earlier probabilities, shape (K,), to be marked with ticks, or None.
    """
    p = np.asarray(probabilities, float)
    return pd.DataFrame(
        {
            "digit": names,
            # Vega-Lite would leave a class without a bar out of the axis, too.
            "probability": np.nan_to_num(p),
            "before": np.full(len(p), np.nan) if before is None else before,
            "answer": [name == answer for name in names],
            # In the axis nothing collides, and the theme gives the values its colour.
            "label": [
                f"{name}{SPACE}{_two_places(value)}" for name, value in zip(names, p, strict=True)
            ],
        }
    )


def _two_places(value: float) -> str:
    return NONE_YET if np.isnan(value) else f"{value:.2f}"


def bars_in_words(rows: pd.DataFrame) -> str:
    """What the bars say, for a text alternative: '0 0.01, 1 0.97' and so on."""
    return ", ".join(rows["label"].str.replace(SPACE, " "))


def probability_chart(rows: pd.DataFrame) -> dict:
    """The specification of `probability_bars` with their rows."""
    return {**probability_bars(len(rows)), "datasets": {ROWS: rows}}


def bars_height(classes: int) -> int:
    """How tall `probability_bars` are on the screen, in pixels."""
    return 23 * classes + AXIS


@functools.cache
def probability_bars(classes: int) -> dict:
    """One bar a class, from 0 to 1, the answer's in its own colour and a line at one half.

    A specification without its rows: Altair would take longer to make it than the answer takes.
    """
    base = alt.Chart(alt.NamedData(ROWS)).encode(
        y=alt.Y(
            "label:N", sort=None, title=None, axis=alt.Axis(labelFontSize=14, labelOverlap=False)
        ),
        tooltip=[
            alt.Tooltip("digit:N", title="digit"),
            alt.Tooltip("probability:Q", title="probability", format=".4f"),
        ],
    )
    x = alt.X(
        "probability:Q",
        scale=alt.Scale(domain=[0, 1]),
        title=None,
        axis=alt.Axis(values=[0, 0.5, 1], format=".1f"),
    )
    colour = alt.condition("datum.answer", alt.value(FOR), alt.value(AGAINST))
    bars = base.mark_bar(cornerRadiusEnd=3, height={"band": 0.7}).encode(x=x, color=colour)
    # What only guides the eye has no name to be told by.
    half = alt.Chart().mark_rule(strokeDash=[3, 3], color=GUIDE, aria=False)
    half = half.encode(x=alt.datum(0.5))
    ticks = (
        base.transform_filter("isValid(datum.before)")
        .mark_tick(thickness=3, color=GUIDE, height={"band": 0.9}, aria=False)
        .encode(x=alt.X("before:Q", title=None))
    )
    chart = alt.LayerChart(layer=[bars, half, ticks], height=bars_height(classes))
    return in_house_style(chart).to_dict()
