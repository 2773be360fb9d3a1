"""What the Weights page is made of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from lrcore.evidence import PICTURES
from lrcore.features import extract
from lrcore.frame import SIDE
from lrcore.weights import Weights, pack_weights
from ui.answers import one_input
from ui.charts import prepared
from ui.heatmaps import (
    EDGES,
    LARGE,
    MIDDLE,
    colour_limit,
    describe,
    in_part,
    ink_chart,
    parts,
    row_names,
    scale_bar,
    scale_words,
    theta_png,
    weight_chart,
)
from ui.models import errors_said, facts, get_model, mnist, model_names
from ui.plain import plain
from ui.state import (
    FORMING_THETAS,
    TEN_THETAS,
    THETA_CHART,
    WEIGHTS_FIRST,
    WEIGHTS_ITERATION,
    WEIGHTS_OTHER,
    WEIGHTS_PART,
    WEIGHTS_ROW,
    WEIGHTS_RUN,
    WEIGHTS_SCALE,
    WEIGHTS_SECOND,
    WEIGHTS_VIEW,
)
from ui.train.runs import session_runs

# Five pictures and the gaps between them, in pixels.
FIVE_ABREAST = 5 * MIDDLE + 4 * 16
SHARED_SCALE, OWN_SCALE = "one scale for all", "each its own scale"
VIEWS = ONE, PAIR, MODELS, FORMING = (
    "One digit",
    "Digit against digit",
    "Two models",
    "Theta forming",
)


def colour_limits(weights: Weights, part: str, shared: bool) -> list[float]:
    """The colour limit of each row of theta."""
    theta = in_part(part, weights.theta[:, 1:])
    return [colour_limit(theta)] * len(theta) if shared else [colour_limit(row) for row in theta]


def pick_part(weights: Weights) -> str:
    """Which part of theta to look at; pictures have but one."""
    choice = parts(weights.features)
    if len(choice) == 1:
        return choice[0]
    part = st.segmented_control("Show", choice, default=EDGES, required=True, key=WEIGHTS_PART)
    st.caption(
        "In each cell a ring of edges: the one on the left has its ink to the right of it, and so "
        "on round."
        if part == EDGES
        else "Paper between strokes: a dot for a hole, as in 0, 6, 8 and 9; a wedge points where "
        "a bay or a corner opens, as the bays of 2, 3 and 5 do."
    )
    return part


def ten_heatmaps(weights: Weights, part: str) -> None:
    """Every row of theta as a picture; a click chooses one for the closer look."""
    shared = True
    if not weights.binary:
        scale = st.segmented_control(
            "Colours",
            [SHARED_SCALE, OWN_SCALE],
            default=SHARED_SCALE,
            required=True,
            key=WEIGHTS_SCALE,
        )
        shared = scale == SHARED_SCALE
    limits = colour_limits(weights, part, shared)
    side = MIDDLE if len(limits) > 1 else LARGE
    with st.container(horizontal=True, gap="small", width=FIVE_ABREAST, key=TEN_THETAS):
        for i, name in enumerate(row_names(weights)):
            values = weights.theta[i, 1:]
            chart = prepared(weight_chart, part, values, limits[i], side, "theta", None, "spot")
            with st.container(width=side, gap="xxsmall", horizontal_alignment="center"):
                st.markdown(f"**{name}**")
                st.vega_lite_chart(
                    spec=chart,
                    width="content",
                    key=THETA_CHART(row=i, model=weights.name),
                    on_select=lambda i=i: st.session_state.update({WEIGHTS_ROW: i}),
                    alt=describe(part, values, f"Theta of {name}"),
                )
    if shared:
        _scale(limits[0])


def closer_look(weights: Weights, part: str) -> None:
    """One of four ways to look closer."""
    st.header("A closer look")
    views = {
        ONE: _one_row,
        PAIR: _two_rows,
        MODELS: _two_models,
        FORMING: _forming,
    }
    if weights.binary:
        del views[PAIR]
    view = st.segmented_control(
        "View",
        list(views),
        default=ONE,
        required=True,
        key=WEIGHTS_VIEW,
        label_visibility="collapsed",
    )
    st.fragment(errors_said()(views[view]))(weights, part)


def downloads(weights: Weights, part: str) -> None:
    """The model as a file, and its pictures."""
    with st.container(horizontal=True):
        st.download_button(
            "Pictures (PNG)",
            lambda: theta_png(weights, part, colour_limits(weights, part, shared=True)),
            f"{weights.name}.png",
            "image/png",
            icon=":material/image:",
            on_click="ignore",
        )
        st.download_button(
            "Weights (.npz)",
            lambda: pack_weights(weights),
            f"{weights.name}.npz",
            "application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
        )


@st.cache_data(max_entries=40, show_spinner="Averaging …")
def mean_image(digit: int, straight: bool) -> np.ndarray:
    """The average training picture of a digit, as theta gets to see it; float (28, 28)."""
    data = mnist("train")
    images = data.images[data.labels == digit]
    return (
        extract("straightened" if straight else "pixels", images).mean(axis=0).reshape(SIDE, SIDE)
    )


def _pick_row(label: str, names: list[str], key: str, default: int) -> int:
    """A choice among rows of theta that outlives a change of page or model."""
    if len(names) == 1:
        return 0
    # The clicks on the ten pictures write the same key.
    if st.session_state.get(key) not in range(len(names)):
        st.session_state[key] = default
    row = st.segmented_control(
        label, range(len(names)), format_func=names.__getitem__, required=True, key=key
    )
    return row or 0


def _one_row(weights: Weights, part: str) -> None:
    names = row_names(weights)
    row = _pick_row("Digit", names, WEIGHTS_ROW, 0)
    values, bias = weights.theta[row, 1:], weights.theta[row, 0]
    limit = colour_limit(in_part(part, values))
    digit = int(weights.classes[-1] if weights.binary else weights.classes[row])
    with st.container(horizontal=True):
        with st.container(width=LARGE, gap="xsmall"):
            st.markdown(f"**Theta of {names[row]}**")
            _large(part, values, limit, f"Theta of {names[row]}")
            _scale(limit)
        with st.container(width=LARGE, gap="xsmall"):
            st.markdown(f"**The average {digit}**")
            with errors_said():
                straight = weights.features != "pixels"
                st.vega_lite_chart(
                    spec=prepared(ink_chart, mean_image(digit, straight)),
                    width="content",
                    alt=f"The average of all training pictures of a {digit}.",
                )
                st.caption(
                    f"The mean of all {digit}s{', straightened' if straight else ''}. Theta is not "
                    "a picture of the digit: it is where ink makes the *difference*. Ink that "
                    "every digit has tells nothing, and gets a theta near zero."
                )
    st.markdown(
        f"The bias is **{bias:+.2f}**: the score of an empty picture, before any "
        f"{one_input(weights)} has spoken."
    )
    if weights.features in PICTURES:
        with st.expander("Every number of this theta"):
            st.dataframe(
                pd.DataFrame(values.reshape(SIDE, SIDE)).style.format("{:+.2f}"),
                alt=f"Theta of {names[row]} as a table of 28 rows and 28 columns.",
            )


def _two_rows(weights: Weights, part: str) -> None:
    names = row_names(weights)
    one = _pick_row("What tells a …", names, WEIGHTS_FIRST, min(3, len(names) - 1))
    two = _pick_row("… from a …", names, WEIGHTS_SECOND, len(names) - 2)
    if one == two:
        st.info("Choose two different digits.")
        return
    values = weights.theta[one, 1:] - weights.theta[two, 1:]
    limit = colour_limit(in_part(part, values))
    told = f"{names[one]} rather than {names[two]}"
    _large(part, values, limit, f"Theta of {told}", "difference")
    _scale(limit, f"for {names[two]}", f"for {names[one]}")
    st.caption(
        f"Theta of {names[one]} minus theta of {names[two]}. What a picture has of each place, "
        f"times this, added up, with {weights.theta[one, 0] - weights.theta[two, 0]:+.2f} from the "
        f"biases: above zero the {names[one]} wins over the {names[two]}, below it loses."
    )


def _same_part(part: str, model: Weights) -> str:
    """The part of another model to show beside this one: the same if it has it."""
    choice = parts(model.features)
    return part if part in choice else choice[0]


def _two_models(weights: Weights, part: str) -> None:
    others = [name for name in model_names() if get_model(name) is not weights]
    if not others:
        st.info("There is only this one model; train another on the Train page.")
        return
    likely = [name for name in others if get_model(name).features == weights.features]
    other = get_model(
        st.selectbox(
            "Beside it",
            others,
            others.index(likely[0] if likely else others[0]),
            key=WEIGHTS_OTHER,
        )
    )
    same = st.toggle(
        "Same colours for both",
        value=False,
        help="Off, each model has its own scale: shapes compare. On, strengths compare too.",
    )
    row = _pick_row("Digit", row_names(weights), WEIGHTS_ROW, 0)
    pair = [weights, other]
    rows = [min(row, len(weights.theta) - 1), min(row, len(other.theta) - 1)]
    parts_shown = [_same_part(part, model) for model in pair]
    limits = [
        colour_limit(in_part(shown, model.theta[:, 1:]))
        for model, shown in zip(pair, parts_shown, strict=True)
    ]
    if same:
        limits = [max(limits)] * 2
    with st.container(horizontal=True):
        for model, shown, row, limit in zip(pair, parts_shown, rows, limits, strict=True):
            name, values = row_names(model)[row], model.theta[row, 1:]
            with st.container(width=LARGE, gap="xsmall"):
                st.markdown(f"**{plain(model.name)}**, {name}")
                _large(shown, values, limit, f"Theta of {name} in {model.name}")
                _scale(limit)
                st.caption(facts(model))
    st.caption(
        "More pictures, or a stronger L2 (a smaller C), calm the noise: single loud pixels turn "
        "into shapes."
    )


def _forming(weights: Weights, part: str) -> None:
    """Theta as it was on the way, in one of the runs of this session."""
    jobs = {name: job for name, job in session_runs().jobs.items() if len(job.snapshots) > 1}
    if not jobs:
        st.info("No run has been trained in this session yet: start one, then come back here.")
        st.page_link("pages/train.py", label="Train", icon=":material/trending_down:")
        return
    name = st.selectbox("Run", list(jobs), len(jobs) - 1, key=WEIGHTS_RUN, width=320)
    job = jobs[name]
    snapshots = dict(job.snapshots)
    iteration = st.select_slider(
        "Iteration", list(snapshots), max(snapshots), key=WEIGHTS_ITERATION(run=name)
    )
    point = job.history[iteration]
    st.markdown(
        f"After **{iteration}** iterations the cost is **{point.cost:.4f}**, and "
        f"**{point.heldout_accuracy:.2%}** of the {job.heldout_name} pictures are read right."
    )
    model = Weights(snapshots[iteration], job.settings.classes, job.settings.features)
    shown = _same_part(part, model)
    limit = colour_limit(in_part(shown, model.theta[:, 1:]))
    with st.container(horizontal=True, gap="small", width=FIVE_ABREAST, key=FORMING_THETAS):
        for title, row in zip(row_names(model), model.theta[:, 1:], strict=True):
            with st.container(width=MIDDLE, gap="xxsmall"):
                st.markdown(f"**{title}**")
                st.vega_lite_chart(
                    spec=prepared(weight_chart, shown, row, limit, MIDDLE),
                    width="content",
                    alt=describe(shown, row, f"Theta of {title} after {iteration} iterations"),
                )
    _scale(limit)


def _large(part: str, values: np.ndarray, limit: float, title: str, what: str = "theta") -> None:
    st.vega_lite_chart(
        spec=prepared(weight_chart, part, values, limit, LARGE, what),
        width="content",
        alt=describe(part, values, title),
    )


def _scale(limit: float, *ends: str) -> None:
    st.vega_lite_chart(
        spec=prepared(scale_bar, limit, *ends),
        width="content",
        theme=None,
        alt=scale_words(limit),
    )
