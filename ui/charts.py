"""Charts of answers: pure functions, data in and `alt.Chart` out."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from ui.palette import AGAINST, FOR


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
    base = alt.Chart(table).encode(
        y=alt.Y("digit:N", sort=None, title=None, axis=alt.Axis(labelFontSize=14, ticks=False)),
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
    # Written inside the bar's end where there is room, beside it where there is not.
    inside = (
        base.transform_filter("datum.probability >= 0.15")
        .mark_text(align="right", dx=-5, color="white", fontWeight=600)
        .encode(x=x, text=alt.Text("probability:Q", format=".2f"))
    )
    beside = (
        base.transform_filter("datum.probability < 0.15")
        .mark_text(align="left", dx=5, color="#8a8f99")
        .encode(x=x, text=alt.Text("probability:Q", format=".2f"))
    )
    half = alt.Chart().mark_rule(strokeDash=[3, 3], opacity=0.6, color="#8a8f99")
    half = half.encode(x=alt.datum(0.5))
    ticks = (
        base.transform_filter("isValid(datum.before)")
        .mark_tick(thickness=3, color="#8a8f99", height={"band": 0.9})
        .encode(x=alt.X("before:Q", title=None))
    )
    return (bars + half + ticks + inside + beside).properties(height=alt.Step(24))
