"""The look of all charts, and the chart of an answer: pure functions, `alt.Chart` out."""

from __future__ import annotations

import json
from typing import TypeVar

import altair as alt
import numpy as np
import pandas as pd

from ui.palette import AGAINST, FOR, GUIDE

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
        labelPadding=8,
        titlePadding=10,
        titleFontWeight="normal",
    )


def probability_bars(
    names: list[str], probabilities: np.ndarray, answer: str, before: np.ndarray | None = None
) -> alt.LayerChart:
    """One bar a class, from 0 to 1, the answer's in its own colour and a line at one half.

    names : the classes, in order; probabilities : shape (K,); answer : one of the names;
    before : earlier probabilities, shape (K,), to be marked with ticks, or None.
    """
    table = pd.DataFrame({"digit": names, "probability": np.asarray(probabilities, float)})
    table["before"] = np.nan if before is None else np.asarray(before, float)
    table["answer"] = table["digit"] == answer
    # The values stand in the axis, where nothing collides and the theme gives them its colour.
    values = {name: f"{p:.2f}" for name, p in zip(names, table["probability"], strict=True)}
    axis = alt.Axis(
        labelExpr=f"datum.label + '\u2003' + {json.dumps(values)}[datum.label]",
        labelFontSize=14,
        labelFontWeight=alt.condition(
            alt.datum.value == answer, alt.value("bold"), alt.value("normal")
        ),
    )
    base = alt.Chart(table).encode(
        y=alt.Y("digit:N", sort=None, title=None, axis=axis),
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
    half = alt.Chart().mark_rule(strokeDash=[3, 3], color=GUIDE).encode(x=alt.datum(0.5))
    ticks = (
        base.transform_filter("isValid(datum.before)")
        .mark_tick(thickness=3, color=GUIDE, height={"band": 0.9})
        .encode(x=alt.X("before:Q", title=None))
    )
    return in_house_style((bars + half + ticks).properties(height=alt.Step(23)))
