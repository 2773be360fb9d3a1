"""The charts of the 'How it works' page: pure functions, data in and `alt.Chart` out."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from lrcore.logistic import sigmoid, softplus
from ui.charts import in_house_style
from ui.palette import AGAINST, FOR

HEIGHT = 240


def sigmoid_chart(z: float) -> alt.LayerChart:
    """The sigmoid from -8 to 8, with the point at z."""
    at = np.linspace(-8, 8, 161)
    return _curve_with_point(
        pd.DataFrame({"z": at, "p": sigmoid(at)}),
        pd.DataFrame({"z": [z], "p": sigmoid(np.array([z]))}),
        alt.X("z:Q", title="score z", scale=alt.Scale(domain=[-8, 8])),
        alt.Y("p:Q", title="probability p", scale=alt.Scale(domain=[0, 1])),
    )


def cost_chart(p: float, label: int) -> alt.LayerChart:
    """The log loss of a probability for a label of 0 or 1, with the point at p."""
    at = np.linspace(0.005, 0.995, 199)
    return _curve_with_point(
        pd.DataFrame({"p": at, "cost": log_loss(at, label)}),
        pd.DataFrame({"p": [p], "cost": [log_loss(np.array([p]), label)[0]]}),
        alt.X("p:Q", title="probability p that the model gives", scale=alt.Scale(domain=[0, 1])),
        alt.Y("cost:Q", title="cost", scale=alt.Scale(domain=[0, 5.5])),
    )


def log_loss(p: np.ndarray, label: int) -> np.ndarray:
    """-log(p) for a label of 1, -log(1 - p) for a label of 0; p between 0 and 1."""
    z = np.log(p) - np.log1p(-p)
    return softplus(z) - label * z


def falling_cost_chart(costs: np.ndarray, step: int) -> alt.LayerChart:
    """The cost after each step of gradient descent, with a point at one of them."""
    frame = pd.DataFrame({"step": np.arange(len(costs)), "cost": costs})
    return _curve_with_point(
        frame,
        frame.iloc[[step]],
        alt.X("step:Q", title="steps", axis=alt.Axis(tickMinStep=1), scale=alt.Scale(nice=False)),
        alt.Y("cost:Q", title="cost", scale=alt.Scale(domainMin=0)),
    )


def _curve_with_point(curve, point, x: alt.X, y: alt.Y) -> alt.LayerChart:
    names = [x.shorthand.split(":")[0], y.shorthand.split(":")[0]]
    line = alt.Chart(curve).mark_line(color=AGAINST, strokeWidth=2.5).encode(x=x, y=y)
    dot = (
        alt.Chart(point)
        .mark_circle(color=FOR, size=160, opacity=1)
        .encode(x=x, y=y, tooltip=[alt.Tooltip(f"{name}:Q", format=".3f") for name in names])
    )
    return in_house_style(alt.LayerChart(layer=[line, dot], height=HEIGHT))
