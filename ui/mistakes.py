"""What the Mistakes page is made of: a model's answers on the test set, counted and shown."""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from lrcore.features import extract_cached
from lrcore.metrics import confusion, precision, recall, reliability
from lrcore.reading import Reader, asked, relevant
from lrcore.weights import Weights
from ui.answers import class_names, counted, digit_picture
from ui.caching import WEIGHTS_HASH
from ui.charts import in_house_style, prepared
from ui.models import mnist
from ui.palette import AGAINST, DIVERGING, FOR, GUIDE, INK, NEUTRAL, PAPER
from ui.state import (
    CONFUSION,
    GALLERY_ASKED,
    MISTAKE_ANSWER,
    MISTAKE_TRUTH,
    MISTAKES_SEEN,
    OPEN_TEST_PICTURE,
)
from ui.style import spoken

AT_ONCE = 24
# The side of the confusion matrix on the screen; a phone has room for it.
MATRIX = 350


@dataclass(frozen=True)
class Study:
    """A model's answers to the n test pictures that it can be asked about.

    index : their places in the test set.
    truth, answer : places in the model's classes.
    confidence : how probable it is that the answer is right, as the model has it, (n,).
    scores : of each class, shape (n, classes); see `lrcore.weights.Weights.scores`.
    score : the true class's, (n,).
    margin : that score minus the best other's; below zero if read wrong.
    sure : whether the model stands by its answer.
    counts : confusion matrix, truth by answer.
    """

    index: np.ndarray
    truth: np.ndarray
    answer: np.ndarray
    confidence: np.ndarray
    scores: np.ndarray
    score: np.ndarray
    margin: np.ndarray
    sure: np.ndarray
    counts: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Which answers are right; bool (n,)."""
        return self.truth == self.answer

    def behind(self, truth: int, answer: int) -> np.ndarray:
        """Which pictures of one class were read as another, the most confident first."""
        inside = np.flatnonzero((self.truth == truth) & (self.answer == answer))
        return inside[np.argsort(-self.confidence[inside], kind="stable")]


@st.cache_resource(max_entries=16, show_spinner="Reading the test set …", hash_funcs=WEIGHTS_HASH)
def study(weights: Weights) -> Study:
    """Read the whole test set with a model."""
    test = mnist("test")
    index = np.flatnonzero(asked(weights.classes, test.labels))
    _, labels = relevant(weights, test.images, test.labels)
    # Kept on disk, since strokes of the whole test set take longer than one waits.
    X = extract_cached(weights.features, test.images)
    readings = Reader(weights).judge(X[index])
    places = {int(digit): i for i, digit in enumerate(weights.classes)}
    truth = np.array([places[label] for label in labels.tolist()])
    answer = np.array([places[digit] for digit in readings.digits.tolist()])
    rows = np.arange(len(index))
    score, others = readings.scores[rows, truth], readings.scores.copy()
    others[rows, truth] = -np.inf
    return Study(
        index=index,
        truth=truth,
        answer=answer,
        confidence=readings.answer_probability,
        scores=readings.scores,
        score=score,
        margin=score - others.max(axis=1),
        sure=readings.sure,
        counts=confusion(truth, answer, np.arange(len(places))),
    )


def confusion_chart(counts: np.ndarray, names: list[str], side: int = MATRIX) -> alt.LayerChart:
    """The confusion matrix: blue where right, orange where mistaken, the counts written in.

    counts : shape (K, K), truth by answer.  Clicks select 'truth' and 'answer', by name.
    """
    rows, columns = (axis.ravel() for axis in np.indices(counts.shape))
    right = rows == columns
    mistakes = counts[~np.eye(len(counts), dtype=bool)]
    # The square root lets rare mistakes be seen beside frequent ones.
    shade = np.sqrt(counts.ravel() / max(mistakes.max(), 1))
    shade[right] = -0.7 * np.nan_to_num(recall(counts))
    frame = pd.DataFrame(
        {
            "truth": np.array(names)[rows],
            "answer": np.array(names)[columns],
            "count": counts.ravel(),
            "shade": shade,
            "label": [str(n) if n else "" for n in counts.ravel()],
            "dark": (shade < -0.5) | (shade > 0.8),
            "chosen": False,
        }
    )
    axis = alt.Axis(labelAngle=0, labelFlush=False, ticks=False, domain=False, labelFontSize=13)
    base = alt.Chart(frame).encode(
        x=alt.X("answer:N", sort=names, axis=axis, title="read as"),
        y=alt.Y("truth:N", sort=names, axis=axis, title="is"),
        tooltip=[
            alt.Tooltip("truth:N", title="is"),
            alt.Tooltip("answer:N", title="read as"),
            alt.Tooltip("count:Q", title="pictures"),
        ],
    )
    stops = np.linspace(-1, 1, len(DIVERGING)).tolist()
    cells = base.mark_rect(stroke=NEUTRAL, aria=False).encode(
        color=alt.Color(
            "shade:Q",
            scale=alt.Scale(domain=stops, range=DIVERGING, clamp=True, interpolate="rgb"),
            legend=None,
        )
    )
    # Over the numbers, or a click on one would miss its cell.
    frame_of_chosen = alt.condition("datum.chosen", alt.value(INK), alt.value("transparent"))
    touch = (
        base.mark_rect(fillOpacity=0, cursor="pointer", strokeWidth=3)
        .encode(stroke=frame_of_chosen)
        .add_params(alt.selection_point("cell", fields=["truth", "answer"]))
    )
    numbers = base.mark_text(fontSize=11 if len(names) > 2 else 16, aria=False).encode(
        text="label:N",
        color=alt.condition("datum.dark", alt.value(PAPER), alt.value(INK)),
    )
    chart = alt.LayerChart(layer=[cells, numbers, touch], width=side, height=side)
    return in_house_style(chart)


def reliability_chart(table: np.ndarray, side: int = 300) -> alt.LayerChart:
    """How often answers of each confidence came true, against the diagonal of honesty.

    table : as from `lrcore.metrics.reliability`.
    """
    frame = pd.DataFrame(table[table[:, 2] > 0], columns=["said", "came", "count"])
    ends = pd.DataFrame({"said": [0.0, 1.0], "came": [0.0, 1.0]})
    unit = alt.Scale(domain=[0, 1])
    x = alt.X("said:Q", scale=unit, title="probability given to the answer")
    y = alt.Y("came:Q", scale=unit, title="share that was right")
    honest = alt.Chart(ends).mark_line(strokeDash=[4, 4], color=GUIDE).encode(x=x, y=y)
    line = alt.Chart(frame).mark_line(color=AGAINST).encode(x=x, y=y)
    points = (
        alt.Chart(frame)
        .mark_circle(color=FOR, opacity=1)
        .encode(
            x=x,
            y=y,
            size=alt.Size("count:Q", scale=alt.Scale(range=[30, 300]), legend=None),
            tooltip=[
                alt.Tooltip("said:Q", title="said", format=".2f"),
                alt.Tooltip("came:Q", title="came true", format=".2f"),
                alt.Tooltip("count:Q", title="pictures"),
            ],
        )
    )
    return in_house_style(alt.LayerChart(layer=[honest, line, points], height=side))


def figures(found: Study) -> None:
    """Accuracy and its companions, as numbers."""
    right, sure = found.right, found.sure
    with st.container(horizontal=True):
        st.metric("Accuracy", f"{right.mean():.2%}", width=150)
        st.metric("Mistakes", f"{(~right).sum():,} of {len(right):,}", width=190)
        if sure.any() and not sure.all():
            st.metric(
                "When it is sure",
                f"{right[sure].mean():.2%}",
                width=170,
                help=f"It is sure of {sure.mean():.1%} of the pictures.",
            )


def matrix_and_pictures(weights: Weights, found: Study) -> None:
    """The confusion matrix, and the pictures behind the cell that was clicked."""
    names = class_names(weights)
    _start_at_the_commonest_mistake(found, len(names))
    left, right = st.columns([9, 10], gap="medium")
    with left:
        st.vega_lite_chart(
            spec=_with_chosen(prepared(confusion_chart, found.counts, names), names),
            width="content",
            theme=None,
            key=CONFUSION,
            on_select=lambda: _take_click(names),
            alt=_matrix_in_words(found, names),
        )
        st.caption("Click a cell to see its pictures. Blue: read right; orange: mistaken.")
    with right:
        with st.container(horizontal=True):
            for label, key in (("Is", MISTAKE_TRUTH), ("Read as", MISTAKE_ANSWER)):
                st.selectbox(
                    label,
                    range(len(names)),
                    format_func=names.__getitem__,
                    key=key,
                    width=120,
                    on_change=lambda: st.session_state.pop(MISTAKES_SEEN, None),
                )
        _pictures_behind(found, names)


def each_digit(weights: Weights, found: Study) -> None:
    """Precision and recall of each class, and the reliability curve."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Digit by digit**")
        st.dataframe(
            pd.DataFrame(
                {
                    "digit": class_names(weights),
                    "pictures": found.counts.sum(axis=1),
                    "precision": 100 * precision(found.counts),
                    "recall": 100 * recall(found.counts),
                }
            ),
            hide_index=True,
            column_config={
                "precision": st.column_config.NumberColumn(
                    format="%.1f %%",
                    help="Of all the times it read this digit, the share that was right.",
                ),
                "recall": st.column_config.NumberColumn(
                    format="%.1f %%",
                    help="Of all the pictures of this digit, the share that was found.",
                ),
            },
            alt="Precision and recall of each digit.",
        )
    with right:
        table, error = reliability(found.confidence, found.right, bins=10)
        st.markdown("**Are its probabilities honest?**")
        st.vega_lite_chart(
            spec=prepared(reliability_chart, table),
            theme=None,
            alt="Reliability curve. "
            + "; ".join(
                f"said {said:.2f}, came true {came:.2f} ({counted(int(count), 'picture')})"
                for said, came, count in table
                if count
            ),
        )
        st.caption(
            "On the dashed line, answers given with 0.8 are right 8 times in 10; below it the "
            "model boasts, above it is too modest. The mean gap is "
            f"**{error:.3f}** (expected calibration error)."
        )


def hardest_and_typical(weights: Weights, found: Study) -> None:
    """For each class the picture it fails worst on, and the one that looks most like it."""
    names = class_names(weights)
    rows = [
        ("The hardest of each digit", found.margin, np.argmin, "{truth} → {answer}"),
        ("The most typical of each digit", found.score, np.argmax, "{truth} ({score:+.1f})"),
    ]
    for title, values, pick, words in rows:
        st.markdown(f"**{title}**")
        with st.container(horizontal=True, gap="small"):
            for place in range(len(names)):
                mine = np.flatnonzero(found.truth == place)
                if not mine.size:
                    continue
                at = int(mine[pick(values[mine])])
                caption = words.format(
                    truth=names[place], answer=names[found.answer[at]], score=found.score[at]
                )
                picture_that_opens(found, at, caption, title)


def _start_at_the_commonest_mistake(found: Study, classes: int) -> None:
    state = st.session_state
    if state.get(MISTAKE_TRUTH) in range(classes) and state.get(MISTAKE_ANSWER) in range(classes):
        # Written back so that the choice outlives a visit to another page.
        state[MISTAKE_TRUTH], state[MISTAKE_ANSWER] = state[MISTAKE_TRUTH], state[MISTAKE_ANSWER]
        return
    mistakes = found.counts * ~np.eye(classes, dtype=bool)
    state[MISTAKE_TRUTH], state[MISTAKE_ANSWER] = (
        int(i) for i in np.unravel_index(mistakes.argmax(), mistakes.shape)
    )


def _take_click(names: list[str]) -> None:
    clicked = st.session_state[CONFUSION].selection.get("cell")
    if clicked:
        st.session_state[MISTAKE_TRUTH] = names.index(clicked[0]["truth"])
        st.session_state[MISTAKE_ANSWER] = names.index(clicked[0]["answer"])
        st.session_state.pop(MISTAKES_SEEN, None)


def _with_chosen(spec: dict, names: list[str]) -> dict:
    """The matrix with a frame round the cell that is looked at, clicked or chosen in words."""
    truth, answer = names[st.session_state[MISTAKE_TRUTH]], names[st.session_state[MISTAKE_ANSWER]]
    # Only the rows change from one choice to the next, so the chart stays where it is.
    return spec | {
        "datasets": {
            name: rows.assign(chosen=(rows["truth"] == truth) & (rows["answer"] == answer))
            for name, rows in spec["datasets"].items()
        }
    }


def _matrix_in_words(found: Study, names: list[str]) -> str:
    mistakes = found.counts * ~np.eye(len(names), dtype=bool)
    worst = np.argsort(-mistakes, axis=None)[:5]
    listed = [
        f"{names[truth]} read as {names[answer]}: {mistakes[truth, answer]}"
        for truth, answer in zip(*np.unravel_index(worst, mistakes.shape), strict=True)
        if mistakes[truth, answer]
    ]
    return f"Confusion matrix. Commonest mistakes: {'; '.join(listed) or 'none'}."


def _pictures_behind(found: Study, names: list[str]) -> None:
    truth, answer = st.session_state[MISTAKE_TRUTH], st.session_state[MISTAKE_ANSWER]
    behind = found.behind(truth, answer)
    if not behind.size:
        st.info(f"No {names[truth]} was read as {names[answer]}.")
        return
    shown = st.session_state.get(MISTAKES_SEEN, AT_ONCE)
    st.markdown(
        f"**{len(behind):,}** of {found.counts[truth].sum():,} pictures of {names[truth]} were "
        f"read as {names[answer]}; the most confident first."
    )
    with st.container(horizontal=True, gap="small"):
        for at in behind[:shown]:
            picture_that_opens(found, at, f"{found.confidence[at]:.2f}", "cell")
    if len(behind) > shown:
        st.button(
            f"Show more{spoken('of these pictures')}",
            on_click=lambda: st.session_state.update({MISTAKES_SEEN: shown + AT_ONCE}),
        )


def picture_that_opens(found: Study, at: int, caption: str, where: str) -> None:
    """A test picture that opens in Predict."""
    index = int(found.index[at])
    with st.container(width=68, gap="xxsmall", horizontal_alignment="center"):
        digit_picture(mnist("test").images[index], caption, 56)
        if st.button(
            # Its number, since each button has to be told from the others.
            f"No. {index}",
            key=OPEN_TEST_PICTURE(where=where, index=index),
            type="tertiary",
            help=f"Open test picture {index} in Predict, with its evidence.",
        ):
            st.session_state[GALLERY_ASKED] = index
            st.switch_page("pages/predict.py")
