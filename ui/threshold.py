"""Where to put the bar: each of a model's rows of theta as the yes-or-no that it is."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from lrcore.errors import UserError
from lrcore.logistic import sigmoid
from lrcore.reading import with_article
from lrcore.thresholds import Counts, average_precision, best_f1, counts_at, roc_auc
from lrcore.weights import Weights
from ui.answers import class_names, counted
from ui.charts import prepared
from ui.mistakes import Study, picture_that_opens
from ui.models import errors_said
from ui.plain import NONE_YET, minus, plain, say_error
from ui.state import BAR, BAR_CORNER, BAR_DIGIT, CHART
from ui.threshold_charts import histograms, in_corner, precision_recall_chart, roc_chart

# The bar that a logistic regression comes with: there the probability is one half.
OWN_BAR = 0.0
# Pictures of each kind shown of those that change sides.
AT_ONCE = 12


def where_to_put_the_bar(weights: Weights, found: Study) -> None:
    """A threshold to move for one digit's model, what comes of it, and the table of all."""
    st.markdown("**Where to put the bar**")
    st.caption(
        "Each digit's model by itself only says yes or no: yes where its score reaches the bar. "
        "Put the bar higher, and its yes can be trusted more, but it misses more; lower, and the "
        "other way round. No training is needed for that, only a decision."
    )
    _one_bar(weights, found)
    try:
        table = all_bars(weights, found)
    except UserError as error:
        say_error(error)
        return
    with st.expander("The table of all", icon=":material/table:"):
        share = st.column_config.NumberColumn(format="%.1f %%")
        area = st.column_config.NumberColumn(format="%.5f")
        st.dataframe(
            table,
            hide_index=True,
            column_config={
                **dict.fromkeys(("precision", "recall", "F1", "best F1"), share),
                **dict.fromkeys(("ROC area", "PR area"), area),
                "bar of the best F1": st.column_config.NumberColumn(format="%+.2f"),
            },
            alt="Precision, recall and areas of each digit's model.",
        )
        st.caption(
            "Precision, recall and F1 (their harmonic mean) at the model's own bar, score 0. ROC "
            "area: how often a picture of the digit scores above one of another. PR area: average "
            "precision. The best F1 is picked on these very pictures, which flatters it a little."
        )


def asked_about(weights: Weights) -> list[int]:
    """The columns of scores that are a model's own: all, or of a binary model the positive one."""
    return [1] if weights.binary else list(range(len(weights.classes)))


def all_bars(weights: Weights, found: Study) -> pd.DataFrame:
    """A row for each model: its shares at its own bar, its areas, and the bar of its best F1."""
    names, rows = class_names(weights), []
    for place in asked_about(weights):
        scores, yes = found.scores[:, place], found.truth == place
        now = counts_at(scores, yes, OWN_BAR)
        bar, f1 = best_f1(scores, yes)
        rows.append(
            {
                "digit": names[place],
                "precision": 100 * now.precision,
                "recall": 100 * now.recall,
                "F1": 100 * now.f1,
                "ROC area": roc_auc(scores, yes),
                "PR area": average_precision(scores, yes),
                "bar of the best F1": bar,
                "best F1": 100 * f1,
            }
        )
    return pd.DataFrame(rows)


def sides(scores: np.ndarray, yes: np.ndarray, bar: float) -> list[tuple[str, np.ndarray]]:
    """The pictures that change sides as the bar goes from its own place to `bar`.

    Returns what became of the right ones, then of the wrong ones, each with the pictures' places,
    the closest to the new bar first.
    """
    low, high = sorted((OWN_BAR, bar))
    nearest = np.argsort(np.abs(scores - bar), kind="stable")
    moved = nearest[((scores >= low) & (scores < high))[nearest]]
    if bar > OWN_BAR:
        better, worse = ("no longer a false alarm", ~yes), ("now missed", yes)
    else:
        better, worse = ("now found", yes), ("now a false alarm", ~yes)
    return [(what, moved[kind[moved]]) for what, kind in (better, worse)]


@st.fragment
@errors_said()
def _one_bar(weights: Weights, found: Study) -> None:
    names, places = class_names(weights), asked_about(weights)
    place = places[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(places) > 1:
            place = st.selectbox(
                "The model of",
                places,
                format_func=names.__getitem__,
                key=BAR_DIGIT,
                width=120,
                help="Whose yes or no is looked at.",
            )
        scores, yes, name = (
            found.scores[:, place],
            found.truth == place,
            with_article(names[place]),
        )
        low, high = math.floor(scores.min()), math.ceil(scores.max())
        if not yes.any() or yes.all():
            st.info(f"Without pictures of {plain(name)} and of others there is no bar to move.")
            return
        bar = st.slider(
            "The bar (score)",
            float(min(low, -1)),
            float(max(high, 1)),
            OWN_BAR,
            0.1,
            format="%.1f",
            # Another model's scores have another range.
            key=BAR(place=place, low=low, high=high),
            help="Yes from this score on. Score 0 is probability one half, the model's own bar.",
        )
    counts = counts_at(scores, yes, bar)
    _figures(counts, bar, name)
    _chart(
        prepared(histograms, scores, yes, bar, name),
        "bar-scores",
        f"Histograms of the scores of pictures that are {name} and of those that are not; the bar "
        f"at {bar:.1f} leaves {counts.fn:,} of the first and takes {counts.fp:,} of the second.",
    )
    _two_curves(scores, yes, bar, counts, place)
    _changing_sides(found, scores, yes, bar, name)


def _two_curves(
    scores: np.ndarray, yes: np.ndarray, bar: float, counts: Counts, place: int
) -> None:
    """The ROC and the precision-recall curve, with the bar on each."""
    # Of a model that does not come so far the corner would be empty.
    inside = in_corner(counts_at(scores, yes, OWN_BAR))
    corner = st.toggle(
        "Only the corner where the curves bend",
        value=inside,
        key=BAR_CORNER(place=place, inside=inside),
        help="The best fifth of either axis. Off: the whole curves, from 0 to 1.",
    )
    left, right = st.columns(2, gap="medium")
    with left:
        area = roc_auc(scores, yes)
        st.markdown(f"ROC curve · area **{area:.5f}**")
        _chart(
            prepared(roc_chart, scores, yes, bar, corner),
            "bar-roc",
            f"ROC curve with area {area:.5f}; the bar is at recall {counts.recall:.3f} and false "
            f"positive rate {counts.false_positive_rate:.4f}.",
        )
    with right:
        area = average_precision(scores, yes)
        st.markdown(f"Precision-recall curve · area **{area:.5f}**")
        _chart(
            prepared(precision_recall_chart, scores, yes, bar, corner),
            "bar-pr",
            f"Precision-recall curve with area {area:.5f}; the bar is at recall "
            f"{counts.recall:.3f} and precision {_share(counts.precision)}.",
        )
    if corner:
        st.caption("The orange dot is the bar, where it is in this corner.")
    else:
        st.caption("The orange dot is the bar. Dashed: what guessing would come to.")


def _figures(counts: Counts, bar: float, name: str) -> None:
    with st.container(horizontal=True):
        st.metric(
            "Precision",
            _share(counts.precision),
            width=110,
            help=f"It says yes to {counted(counts.tp + counts.fp, 'picture')}; the share of them "
            f"that is {plain(name)}.",
        )
        st.metric(
            "Recall",
            _share(counts.recall),
            width=110,
            help=f"There are {counted(counts.tp + counts.fn, 'picture')} of {plain(name)}; the "
            "share of them that gets a yes.",
        )
        st.metric(
            "Missed", f"{counts.fn:,}", width=90, help=f"Pictures of {plain(name)} that get a no."
        )
        st.metric(
            "False alarms",
            f"{counts.fp:,}",
            width=120,
            help=f"Pictures that are not {plain(name)}, but get a yes.",
        )
        st.metric(
            "Probability at the bar",
            f"{sigmoid(bar):.3f}",
            width=190,
            help="What the sigmoid makes of the bar's score.",
        )


def _changing_sides(
    found: Study, scores: np.ndarray, yes: np.ndarray, bar: float, name: str
) -> None:
    """The pictures that change sides, or where the bar is in its own place those next to it."""
    groups = sides(scores, yes, bar)
    if bar == OWN_BAR:
        nearest = np.argsort(np.abs(scores - bar), kind="stable")
        st.markdown("The pictures nearest to the bar, the first to change sides when it moves:")
        groups = [("", nearest)]
    elif not any(len(moved) for _, moved in groups):
        st.info("No picture changes sides.")
    for what, moved in groups:
        if not len(moved):
            continue
        if what:
            some = f"; the {AT_ONCE} nearest to the bar" if len(moved) > AT_ONCE else ""
            kind = "each is" if yes[moved[0]] else "none is"
            st.markdown(f"**{len(moved):,}** {what} ({kind} {plain(name)}){some}:")
        with st.container(horizontal=True, gap="small"):
            for at in moved[:AT_ONCE]:
                picture_that_opens(found, int(at), minus(f"{scores[at]:+.3f}"), "bar")


def _share(value: float) -> str:
    return NONE_YET if math.isnan(value) else f"{value:.2%}"


def _chart(spec: dict, key: str, alt: str) -> None:
    st.vega_lite_chart(spec=spec, key=CHART(what=key), alt=alt, width="stretch", theme=None)
