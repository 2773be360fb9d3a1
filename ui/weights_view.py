"""What the Weights page is made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lrcore.evidence import PICTURES
from lrcore.facts import l2_divisor, learned_from, loudest, roughness
from lrcore.features import extract
from lrcore.frame import SIDE
from lrcore.reading import with_article
from lrcore.weights import Weights, pack_weights
from ui.answers import one_input
from ui.charts import prepared
from ui.device import on_phone
from ui.heatmaps import (
    EDGES,
    LARGE,
    MIDDLE,
    OPENINGS,
    PIXELS,
    SMALL,
    TITLE,
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
from ui.how_charts import falling_cost_chart
from ui.images import data_uri
from ui.models import errors_said, facts, get_model, mnist, model_names
from ui.plain import SENTENCE, minus, plain
from ui.play import PLAY_FRAME
from ui.state import (
    CLOSER_LOOK,
    FORMING_THETAS,
    LARGE_THETA,
    TEN_THETAS,
    THETA_CHART,
    WEIGHTS_FIRST,
    WEIGHTS_OTHER,
    WEIGHTS_PART,
    WEIGHTS_ROW,
    WEIGHTS_RUN,
    WEIGHTS_SCALE,
    WEIGHTS_SECOND,
    WEIGHTS_VIEW,
)
from ui.style import spoken
from ui.train.charts import theta_maps, theta_picture
from ui.train.jobs import Job
from ui.train.playback import (
    as_it_was,
    how_often_kept,
    iteration_slider,
    kept_thetas,
    moment,
    play,
    playing,
)
from ui.train.runs import session_runs

# Between two of the five heatmaps in a row, in pixels.
GAP = 8
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


def pick_part(reading: Weights) -> tuple[Weights, str]:
    """Which theta to look at, and which part of it, for the model that reads; says what it is.

    Where that one's theta is no picture, a model's whose theta is one comes first.
    """
    choice = parts(reading.features)
    part, first = choice[0], None
    if len(choice) > 1:
        first = _picture_model(reading)
        options = [*([] if first is None else [PIXELS]), *choice]
        part = st.segmented_control(
            "Show",
            options,
            default=options[0],
            required=True,
            format_func=lambda option: "pictures: raw pixels" if option == PIXELS else option,
            key=WEIGHTS_PART,
            wrap=True,
        )
    shown = first if part == PIXELS and first is not None else reading
    st.markdown(
        f"All that **{plain(shown.name)}** ({facts(shown)}) has learned is one number for each "
        f"{one_input(shown)}: its *theta*. What is :orange[**orange**] speaks *for* the digit "
        "wherever it is found in a picture, what is :blue[**blue**] speaks *against* it. "
        "Click a picture to look closer."
    )
    if shown is not reading:
        st.caption(
            f"**{plain(reading.name)}**, which reads your digits, weighs edges and openings. Its "
            "theta is no picture by itself (*edges* and *openings* show it drawn), so a model that "
            "weighs the 28×28 pixels comes first."
        )
    elif part in (EDGES, OPENINGS):
        st.caption(
            "In each cell a ring of edges: the one on the left has its ink to the right of it, "
            "and so on round."
            if part == EDGES
            else "Paper between strokes: a dot for a hole, as in 0, 6, 8 and 9; a wedge points "
            "where a bay or a corner opens, as the bays of 2, 3 and 5 do."
        )
    return shown, part


def _picture_model(reading: Weights) -> Weights | None:
    """A model of the same classes whose theta is a picture, on raw pixels if there is one."""
    found = [
        model
        for name in model_names()
        if (model := get_model(name)).features in PICTURES
        and np.array_equal(model.classes, reading.classes)
    ]
    return min(found, key=lambda model: model.features != PIXELS, default=None)


def look(weights: Weights, part: str) -> None:
    """All rows of theta, and beside them a closer look; or what a view has in their place."""
    views: dict[str, Callable[[Weights, str], None]] = {ONE: _one_row, PAIR: _two_rows}
    if weights.binary:
        del views[PAIR]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        view = st.segmented_control(
            "View",
            [*views, MODELS, FORMING],
            default=ONE,
            required=True,
            key=WEIGHTS_VIEW,
            wrap=True,
        )
        shared = True
        if view in (ONE, PAIR) and not weights.binary:
            scale = st.segmented_control(
                "Colours",
                [SHARED_SCALE, OWN_SCALE],
                default=SHARED_SCALE,
                required=True,
                key=WEIGHTS_SCALE,
            )
            shared = scale == SHARED_SCALE
    if view not in views:
        # Their own pictures stand in the place of those of this model.
        st.fragment(errors_said()(_two_models if view == MODELS else _forming))(weights, part)
        return
    left, right = _side_by_side()
    with left:
        ten_heatmaps(weights, part, shared)
        downloads(weights, part)
    with right:
        st.header("A closer look")
        st.fragment(errors_said()(views[view]))(weights, part)


def _side_by_side() -> tuple[DeltaGenerator, DeltaGenerator]:
    """The place of five heatmaps abreast, and one beside it, or below where there is no room."""
    row = st.container(horizontal=True, gap="medium")
    left = row.container(width=5 * SMALL + 4 * GAP, gap="small")
    return left, row.container(width="stretch", key=CLOSER_LOOK, gap="small")


def _side() -> int:
    """Of one of ten heatmaps: five abreast on a desk, two as wide as they can be on a phone."""
    return MIDDLE if on_phone() else SMALL


def ten_heatmaps(weights: Weights, part: str, shared: bool) -> None:
    """Every row of theta as a picture; a click chooses one for the closer look."""
    limits = colour_limits(weights, part, shared)
    side = _side() if len(limits) > 1 else LARGE
    with st.container(horizontal=True, gap="xsmall", key=TEN_THETAS):
        for i, name in enumerate(row_names(weights)):
            values = weights.theta[i, 1:]
            chart = prepared(weight_chart, part, values, limits[i], side, "theta", None, "spot")
            place = st.container(
                width=side,
                height=side + TITLE,
                gap="xxsmall",
                horizontal_alignment="center",
                border=False,
            )
            with place:
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


def downloads(weights: Weights, part: str) -> None:
    """The model as a file, and its pictures."""
    with st.container(horizontal=True):
        st.download_button(
            f"Pictures (PNG){spoken(f'of theta of {weights.name}, a file')}",
            lambda: theta_png(weights, part, colour_limits(weights, part, shared=True)),
            f"{weights.name}.png",
            "image/png",
            icon=":material/image:",
            on_click="ignore",
        )
        st.download_button(
            f"Weights (.npz){spoken(f'of {weights.name}, a file')}",
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
    # Ten buttons in a row would be wider than a phone.
    return st.selectbox(label, range(len(names)), format_func=names.__getitem__, key=key, width=140)


def _one_row(weights: Weights, part: str) -> None:
    names = row_names(weights)
    row = _pick_row("Digit", names, WEIGHTS_ROW, 0)
    values, bias = weights.theta[row, 1:], weights.theta[row, 0]
    limit = colour_limit(in_part(part, values))
    digit = int(weights.classes[-1] if weights.binary else weights.classes[row])
    with st.container(width=LARGE, gap="xsmall", key=LARGE_THETA):
        st.markdown(f"**Theta of {names[row]}**")
        _large(part, values, limit, f"Theta of {names[row]}")
        _scale(limit)
    st.markdown(
        f"The bias is **{minus(f'{bias:+.2f}')}**: the score of an empty picture, before any "
        f"{one_input(weights)} has spoken."
    )
    straight = weights.features != "pixels"
    with st.container(horizontal=True, wrap=False), errors_said():
        with st.container(width=SMALL, gap="xxsmall"):
            st.markdown(f"**The average {digit}**")
            st.vega_lite_chart(
                spec=prepared(ink_chart, mean_image(digit, straight), SMALL),
                width="content",
                alt=f"The average of all training pictures of {with_article(digit)}.",
            )
        st.caption(
            f"The mean of all {digit}s{', straightened' if straight else ''}. Theta is not a "
            "picture of the digit: it is where ink makes the *difference*. Ink that every digit "
            "has tells nothing, and gets a theta near zero."
        )
    if weights.features in PICTURES:
        with st.expander("Every number of this theta"):
            st.dataframe(
                pd.DataFrame(values.reshape(SIDE, SIDE)).style.format("{:+.2f}"),
                alt=f"Theta of {names[row]} as a table of 28 rows and 28 columns.",
            )


def _two_rows(weights: Weights, part: str) -> None:
    names = row_names(weights)
    with st.container(horizontal=True):
        one = _pick_row("What tells a …", names, WEIGHTS_FIRST, min(3, len(names) - 1))
        two = _pick_row("… from a …", names, WEIGHTS_SECOND, len(names) - 2)
    if one == two:
        st.info("Choose two different digits.")
        return
    values = weights.theta[one, 1:] - weights.theta[two, 1:]
    limit = colour_limit(in_part(part, values))
    biases = minus(f"{weights.theta[one, 0] - weights.theta[two, 0]:+.2f}")
    told = f"{names[one]} rather than {names[two]}"
    _large(part, values, limit, f"Theta of {told}", "difference")
    _scale(limit, f"for {names[two]}", f"for {names[one]}")
    st.caption(
        f"Theta of {names[one]} minus theta of {names[two]}. What a picture has of each place, "
        f"times this, added up, with {biases} from the biases: above zero the {names[one]} wins "
        f"over the {names[two]}, below it loses."
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
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = get_model(
            st.selectbox(
                "Beside it",
                others,
                others.index(likely[0] if likely else others[0]),
                key=WEIGHTS_OTHER,
                width=280,
            )
        )
        row = _pick_row("Digit", row_names(weights), WEIGHTS_ROW, 0)
        same = st.toggle(
            "Same colours for both",
            # Of the same numbers of a picture; theta of others is on another scale by itself.
            value=other.features == weights.features,
            help="On, strengths compare. Off, each model has its own scale: shapes compare.",
        )
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
        with st.container(width=LARGE):
            st.header("What differs")
            for said in differences(weights, other):
                st.markdown(plain(said, SENTENCE))


def differences(one: Weights, other: Weights) -> list[str]:
    """Sentences on what differs between two models, computed from both; plain words.

    They name no cause where more than one thing differs.
    """
    names = [one.name, other.name]
    if one.features != other.features:
        return [
            f"{names[0]} looks at {one.features}, {names[1]} at {other.features}: their thetas are "
            "numbers for different things, and no larger or smaller than one another."
        ]
    said, learned = [], [learned_from(model) for model in (one, other)]
    differ = learned[0] != learned[1]
    if None not in learned:
        many = [f"{count:,}" for count in learned]
        said.append(
            f"{names[0]} learned from {many[0]} pictures, {names[1]} from {many[1]}."
            if differ
            else f"Both learned from {many[0]} pictures."
        )
    divisors = [d for model in (one, other) if (d := l2_divisor(model)) is not None]
    if len(divisors) == 2:
        weaker, ratio = int(divisors[0] < divisors[1]), max(divisors) / min(divisors)
        said.append(
            "L2 divides half of theta squared by n C, pictures times C: "
            f"{divisors[0]:,.0f} for {names[0]}, {divisors[1]:,.0f} for {names[1]}. "
            + (
                f"So it holds {names[weaker]} {ratio:.3g} times less strongly."
                if ratio > 1.001
                else "So it holds both equally."
            )
        )
        if differ and ratio > 1.001:
            said.append("Two things differ, then: what the one does, and what the other, is mixed.")
    said.append(
        f"Their loudest weights are {loudest(one):.3g} and {loudest(other):.3g}."
        + (
            f" From one pixel to the next theta changes by {roughness(one.theta):.2g} and "
            f"{roughness(other.theta):.2g} on average."
            if one.features in PICTURES
            else ""
        )
    )
    return said


def _forming(weights: Weights, part: str) -> None:
    """Theta as it was on the way, in one of the runs of this session."""
    jobs = {name: job for name, job in session_runs().jobs.items() if len(job.snapshots) > 1}
    if not jobs:
        st.info("No run has been trained in this session yet: start one, then come back here.")
        st.page_link("pages/train.py", label="Train", icon=":material/trending_down:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Run", list(jobs), len(jobs) - 1, key=WEIGHTS_RUN, width=280)
        if play(jobs[name], kept_thetas(jobs[name])):
            st.rerun()
    pace = PLAY_FRAME if playing() else None
    st.fragment(errors_said()(_forming_frame), run_every=pace)(jobs[name])


def _forming_frame(job: Job) -> None:
    """Theta of a run after some of its steps; while it plays, of the next ones."""
    thetas, played = kept_thetas(job), playing()
    at = moment(job, thetas)
    if played and not playing():
        # The button above says so, and no clock runs any more.
        st.rerun()
    with st.container(width=5 * SMALL + 4 * GAP):
        iteration_slider(job, thetas)
    if kept := how_often_kept(thetas):
        st.caption(kept)
    names = row_names(job.settings)
    maps = theta_maps(job.settings.features, thetas[at])
    # The colours of the end: theta is seen to grow.
    limit = colour_limit(theta_maps(job.settings.features, thetas[max(thetas)]))
    picture = theta_picture(maps, names, limit, across=2 if on_phone() else 5, zoom=5)
    left, right = _side_by_side()
    with left.container(key=FORMING_THETAS):
        st.image(
            data_uri(picture),
            width="stretch" if len(names) > 1 else SMALL,
            alt=f"Theta after {at} iterations, of {', '.join(names)}: orange speaks for, blue "
            "against.",
        )
        _scale(limit)
    with right:
        st.header("A closer look")
        st.markdown(as_it_was(job, at))
        point, costs = job.history[at], np.array([passed.cost for passed in job.history])
        st.vega_lite_chart(
            spec=falling_cost_chart(costs, at).to_dict(),
            theme=None,
            alt=f"The cost from {costs[0]:.3g} at the start to {costs[-1]:.3g}; after {at} "
            f"iterations {point.cost:.3g}.",
        )


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
