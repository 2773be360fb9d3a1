"""Charts of a yes-or-no model at every threshold: data in, chart out."""

from __future__ import annotations

import math

import altair as alt
import numpy as np
import pandas as pd

from lrcore.thresholds import Counts, counts_at, precision_recall_curve, roc_curve
from ui.charts import in_house_style
from ui.palette import AGAINST, FOR, GUIDE

BINS = 50
# Points of a curve that are drawn; more would lie upon each other.
MOST_POINTS = 300
# The share of either axis that is shown where the whole says little.
CORNER, WHOLE = 0.2, ((0, 1), (0, 1))


def in_corner(counts: Counts) -> bool:
    """Whether a bar is seen on both curves where only their corner is shown."""
    best = 1 - CORNER
    inside = counts.recall >= best, counts.precision >= best, counts.false_positive_rate <= CORNER
    return all(inside)


# A margin, or a line along the edge would be cut in half.
EDGE = 0.003
SHARE = ".0%"


def histograms(
    scores: np.ndarray, yes: np.ndarray, bar: float, name: str, height: int = 200
) -> alt.LayerChart:
    """How both kinds of pictures score, each as a share of its kind, and a line at the bar.

    scores : shape (n,); yes : bool (n,), which pictures show `name`.
    """
    edges = np.linspace(scores.min(), scores.max(), BINS + 1)
    tables = []
    for kind, mine in ((f"is {name}", scores[yes]), (f"is not {name}", scores[~yes])):
        counts, _ = np.histogram(mine, edges)
        table = {"from": edges[:-1], "to": edges[1:], "pictures": counts, "kind": kind}
        tables.append(pd.DataFrame({**table, "share": counts / max(len(mine), 1)}))
    shown = pd.concat(tables)
    # Room for the words above the bars.
    heights = alt.Scale(domainMax=1.2 * shown["share"].max())
    kinds = alt.Scale(domain=[f"is not {name}", f"is {name}"], range=[AGAINST, FOR])
    bars = (
        alt.Chart(shown)
        .mark_bar(opacity=0.7)
        .encode(
            x=alt.X("from:Q", title="score: the model's log odds of yes"),
            x2="to:Q",
            y=alt.Y(
                "share:Q",
                stack=None,
                title="of its kind",
                axis=alt.Axis(format=SHARE, tickCount=4),
                scale=heights,
            ),
            y2=alt.datum(0),
            color=alt.Color("kind:N", scale=kinds, legend=alt.Legend(title=None, orient="top")),
            tooltip=[
                alt.Tooltip("kind:N", title="picture"),
                alt.Tooltip("from:Q", title="score from", format=".1f"),
                alt.Tooltip("to:Q", title="to", format=".1f"),
                alt.Tooltip("pictures:Q"),
            ],
        )
    )
    at = alt.Chart(pd.DataFrame({"bar": [bar], "label": ["yes →"]})).encode(x="bar:Q")
    rule = at.mark_rule(color=GUIDE, strokeWidth=3)
    words = at.mark_text(color=GUIDE, align="left", dx=5, fontSize=13).encode(
        text="label:N", y=alt.value(8)
    )
    return in_house_style(alt.LayerChart(layer=[bars, rule, words], height=height))


def roc_chart(
    scores: np.ndarray, yes: np.ndarray, bar: float, corner: bool = False, height: int = 220
) -> alt.LayerChart:
    """The ROC curve, the diagonal of guessing, and where the bar is.

    corner : only the best fifth of either axis, where the curve of a good model bends.
    """
    fpr, tpr, _ = roc_curve(scores, yes)
    now = counts_at(scores, yes, bar)
    return _curve(
        (fpr, tpr),
        ([0.0, 1.0], [0.0, 1.0]),
        (now.false_positive_rate, now.recall),
        ("false positive rate", "recall"),
        ((-EDGE, CORNER), (1 - CORNER, 1 + EDGE)) if corner else WHOLE,
        height,
    )


def precision_recall_chart(
    scores: np.ndarray, yes: np.ndarray, bar: float, corner: bool = False, height: int = 220
) -> alt.LayerChart:
    """Precision against recall, the level of guessing, and where the bar is; `corner` as above."""
    precision, recall, _ = precision_recall_curve(scores, yes)
    now, guessing = counts_at(scores, yes, bar), float(yes.mean())
    return _curve(
        (recall[::-1], precision[::-1]),
        ([0.0, 1.0], [guessing, guessing]),
        (now.recall, now.precision),
        ("recall", "precision"),
        ((1 - CORNER, 1 + EDGE), (1 - CORNER, 1 + EDGE)) if corner else WHOLE,
        height,
    )


def thinned(x: np.ndarray, y: np.ndarray, most: int = MOST_POINTS) -> np.ndarray:
    """Which points of a curve to draw, evenly along its way; both ends always."""
    if len(x) <= most:
        return np.arange(len(x))
    way = np.append(0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    places = np.searchsorted(way, np.linspace(0, way[-1], most - 1))
    return np.unique(np.append(places, len(x) - 1))


def _curve(points, guessing, now, titles: tuple[str, str], domains, height: int) -> alt.LayerChart:
    """A curve, (x, y) of its points, with those of a dashed guide and the bar, within domains."""
    kept = thinned(*points)
    # A dot is not cut at the edge, but has no place outside of it.
    if not all(low <= value <= high for value, (low, high) in zip(now, domains, strict=True)):
        now = (math.nan, math.nan)
    tables = [
        pd.DataFrame(dict(zip(titles, pair, strict=True))).assign(at=range(len(pair[0])))
        for pair in (guessing, [values[kept] for values in points], [[value] for value in now])
    ]
    across, up = (alt.Scale(domain=list(domain), nice=False) for domain in domains)
    axis = alt.Axis(format=".2~f", tickCount=5)
    guide, curve, bar = (
        alt.Chart(table).encode(
            x=alt.X(f"{titles[0]}:Q", scale=across, axis=axis),
            y=alt.Y(f"{titles[1]}:Q", scale=up, axis=axis),
            tooltip=[alt.Tooltip(f"{title}:Q", format=".4f") for title in titles],
        )
        for table in tables
    )
    layers = [  # the curve in the order of its points: precision goes up and down
        guide.mark_line(strokeDash=[4, 4], color=GUIDE, clip=True),
        curve.mark_line(color=AGAINST, strokeWidth=2, clip=True).encode(order="at:O"),
        bar.mark_point(color=FOR, filled=True, opacity=1, size=130),
    ]
    return in_house_style(alt.LayerChart(layer=layers, height=height))
