"""What moves on the Train page: a run's progress, its curves, its theta forming."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from lrcore.errors import UserError
from lrcore.evidence import PICTURES
from lrcore.features import DIRECTIONS
from lrcore.frame import SIDE
from lrcore.settings import read_setting
from lrcore.solvers import SOLVERS
from lrcore.training import Outcome, Point
from ui.answers import counted
from ui.device import on_phone
from ui.heatmaps import colour_limit, row_names
from ui.images import data_uri
from ui.models import errors_said
from ui.pinned import pinned
from ui.plain import NONE_YET, plain, say_error, sentence
from ui.play import PLAY_FRAME
from ui.state import CHART, CHART_PLACE, CONTROLS_SHOWN, LOOK_BACK, RATE_NOW, RUN_BUTTON
from ui.train import charts
from ui.train.jobs import Job
from ui.train.pin import panel
from ui.train.playback import (
    as_it_was,
    at_rest,
    how_often_kept,
    iteration_slider,
    kept_thetas,
    moment,
    play,
    playing,
    stop_playing,
)
from ui.train.runs import Runs
from ui.train.slots import Wait

# Seconds between two frames; a little under a quarter, so that four a second are kept.
FRAME = 0.24
# Height of the cost curve beside the ten bars of a pinned digit.
BESIDE_BARS = 320
STATES = {"preparing": "preparing the pictures", "testing": "reading the test set"}
NOTHING_PINNED = (
    "No digit is pinned yet: *Pin a digit*, and its bars move beside the cost curve with every "
    "iteration."
)
THETAS = "Theta as it forms: orange speaks for the digit, blue against it."


def live(part: Callable[..., None], runs: Runs, *arguments) -> None:
    """Draw a part of the page again and again while anything of it may still move."""
    pace = FRAME if _moving(runs) else PLAY_FRAME if playing() else None
    draw_again(lambda: part(runs, *arguments), pace, lambda: _standing(runs))


def draw_again(part: Callable[[], None], pace: float | None, standing: Callable[[], Any]) -> None:
    """Draw a part of the page every `pace` seconds, and all of the page once `standing` changes."""
    before, drawn = standing(), False

    @st.fragment(run_every=pace)
    def frame():
        nonlocal drawn
        # Asked before it is drawn, so that the last frame shows all there is.
        now = standing()
        with errors_said():
            part()
        # The rest of the page (buttons, table, downloads) has to hear of an end or a pause.  But
        # not before the browser has drawn it: of two runs of a page in a row, it would miss the
        # values that the first one gave to controls, and go on showing the old ones.
        if drawn and now != before:
            st.rerun()
        drawn = True

    # A container of its own: what stands below must not shift as the part grows.
    with st.container():
        frame()


def _moving(runs: Runs) -> bool:
    return any(not job.finished and job.state != "paused" for job in runs.jobs.values())


def _standing(runs: Runs) -> list:
    """What the still parts of the page show of the runs; and whether one is played."""
    states = [(job.state == "paused", job.ending, job.finished) for job in runs.jobs.values()]
    return [playing(), *states]


class _Looked(NamedTuple):
    """What is looked at of a run.

    points : its history.
    thetas, at : at rest, those that it can be looked back at, by iteration, and which it is.
    shown : the point and the theta looked at; None before there is one.
    past : the same where it is not the last.
    """

    points: list[Point]
    thetas: dict[int, np.ndarray]
    at: int | None
    shown: tuple[Point, np.ndarray] | None
    past: tuple[Point, np.ndarray] | None


def _looked_at(job: Job | None) -> _Looked:
    if job is None:
        return _Looked([], {}, None, None, None)
    thetas, points = kept_thetas(job) if at_rest(job) else {}, list(job.history)
    if len(thetas) < 2:
        return _Looked(points, thetas, None, job.reached, None)
    at = moment(job, thetas)
    shown = points[at], thetas[at]
    return _Looked(points, thetas, at, shown, None if at == points[-1].iteration else shown)


def watch(runs: Runs, axes: tuple[str, bool]) -> None:
    """The shown run: its progress, numbers, curves and heatmaps, and what it makes of the digit
    that is pinned; once it rests, as it was after any step of which theta was kept."""
    job, digit = runs.job, pinned()
    x, log = axes
    # All that takes time comes before the first element: those that are sent together are
    # drawn together, and every drawing costs the browser as much as most of the elements.
    points, thetas, at, shown, past = _looked_at(job)
    heldout = job.heldout_name if job else "held-out"
    names = row_names(job.settings) if job else [str(digit) for digit in range(10)]
    rows = charts.curve_rows(points, x, heldout)
    marks = charts.mark_rows(job.rate_changes() if job else [], x, past and past[0])
    digits = charts.digit_rows(points, x, names)
    picture = _theta_picture(job, names, past and past[1])

    # Until there is something to draw, each place says what it is for.
    soon = "The cost will be drawn here", "Here the share read right", "Here each digit's cost"
    cost_to_come, share_to_come, each_to_come = ("", "", "") if points else soon
    marked = not marks.empty
    phone = on_phone()
    tall = BESIDE_BARS if digit is not None and not phone else charts.HEIGHTS["cost"]
    _progress(job)
    if not phone:
        _numbers(job, points, heldout)
    left, right = st.columns([3, 2])
    with left:
        _chart(
            charts.specification(
                charts.cost_chart, x, log, heldout, marked, tall, empty=cost_to_come
            ),
            {charts.ROWS: rows, **({charts.MARKS: marks} if marked else {})},
            "cost",
            f"Cost on the training and the {heldout} pictures, falling as the run goes on.",
        )
        if phone and digit is not None:
            panel(digit, job, shown)
        if job is not None:
            _bad_end(runs, job)
            if phone and job.story:
                st.caption(job.story)
    if phone:
        # Below the curve, which is what one looks at.
        _numbers(job, points, heldout)
    if digit is not None:
        if not phone:
            with right:
                panel(digit, job, shown)
        # Beside the cost curve stand the bars; the two others go below.
        left, right = st.columns(2)
    else:
        left = right
    with left:
        _chart(
            charts.specification(charts.accuracy_chart, x, empty=share_to_come),
            {charts.ROWS: rows},
            "accuracy",
            f"Share of the {heldout} pictures read right.",
        )
    with right:
        _chart(
            charts.specification(charts.digits_chart, x, log, tuple(names), empty=each_to_come),
            {charts.ROWS: digits},
            "digits",
            "The training cost of each digit's model.",
        )
    _look_back(job, thetas, at)
    st.image(
        data_uri(picture),
        width="stretch" if len(names) > 1 else 250,
        alt=f"{THETAS} Shown: {', '.join(names)}.",
    )


def _look_back(job: Job | None, thetas: dict[int, np.ndarray], at: int | None) -> None:
    """The slider over a run at rest; its place is kept while there is none."""
    phone = on_phone()
    with st.container(key=LOOK_BACK):
        if job is None or at is None:
            stop_playing()
            none = "" if pinned() else f"{NOTHING_PINNED} "
            st.caption(f"{none}Once a run rests, its theta can be seen forming again here.")
            return
        with st.container(horizontal=True, gap="medium", wrap=phone):
            with st.container(width="stretch" if phone else 300):
                iteration_slider(job, thetas)
            with st.container(width="content"):
                play(job, thetas)
            st.caption(f"{as_it_was(job, at)} {how_often_kept(thetas)}", width="stretch")


def theta_caption(job: Job | None) -> None:
    """What the heatmaps show."""
    text = THETAS
    if job is not None and job.settings.features not in PICTURES:
        text += (
            f" Strokes are no picture: each map sums theta over the {DIRECTIONS} directions that "
            "an edge can have; the Weights page shows them apart."
        )
    st.caption(text)


def compare(runs: Runs, axes: tuple[str, bool], names: list[str]) -> None:
    """The chosen runs' costs in one picture."""
    stop_playing()
    x, log = axes
    histories = {name: list(runs[name].history) for name in names if name in runs.jobs}
    rows = [charts.curve_rows(history, x).assign(run=name) for name, history in histories.items()]
    empty = ""
    if not any(histories.values()):
        empty = "No chosen run has begun" if histories else "No run is chosen"
    _chart(
        charts.specification(charts.overlay_chart, x, log, tuple(names), empty=empty),
        {charts.ROWS: pd.concat(rows) if rows else charts.curve_rows([], x)},
        "overlay",
        "The cost of several runs in one picture.",
    )
    st.caption("Solid lines: the pictures learned from. Dashed: the held-out ones.")


def _progress(job: Job | None) -> None:
    if job is None:
        # A link that hides controls hides the stories as well.
        hidden = st.session_state[CONTROLS_SHOWN] is not None
        other = "" if hidden else ", or one of the stories above"
        st.progress(0.0, f"Nothing runs yet: press Start{other}.")
        return
    done = job.history[-1].iteration if job.history else 0
    total = job.settings.iterations
    ending = job.ending
    bad = ending is not None and ending.outcome.bad
    said = STATES.get(job.state, job.state) if ending is None or bad else ending.message
    # One of several things that are said in a row.
    text = f"**{plain(job.name)}** · {sentence(said.removesuffix('.'))}"
    if wait := job.wait:
        text += _waiting(wait)
    text += f" · iteration {done:,} of {total:,}"
    if job.history:
        text += f" · {_duration(job.history[-1].seconds)} of work"
    if job.state == "training" and (left := job.seconds_left()) is not None:
        text += f" · at most {_duration(left)} left"
    # Where no step helps any more, all of the way is done, however few iterations it took.
    arrived = ending is not None and ending.outcome is Outcome.ARRIVED
    st.progress(1.0 if arrived else min(1.0, done / total), text)


def _bad_end(runs: Runs, job: Job) -> None:
    """What went wrong; and a run whose rate was turned up too far need not end there.

    It stands below the curve: above, it would push away what is just looked at.
    """
    ending, jump = job.ending, job.jump
    if ending is None or not ending.outcome.bad:
        return
    st.error(sentence(ending.message), icon=":material/error:")
    if ending.outcome is not Outcome.DIVERGED or jump is None or not job.finished:
        return
    if st.button(
        f"Go back to before the jump, with {jump.learning_rate:.3g}",
        icon=":material/undo:",
        key=RUN_BUTTON["go-back"],
        help=f"Go on from iteration {jump.history[-1].iteration:,}, where the learning rate was "
        "turned, with the rate that it had.",
    ):
        runs.go_back(job.name)
        st.rerun()


def _waiting(wait: Wait) -> str:
    """What a run waits for, and for how long."""
    what = "memory that other runs hold" if wait.memory else "its turn"
    before = f", {counted(wait.before, 'run')} before it" if wait.before else ""
    return f" for {what}{before}, about {math.ceil(wait.seconds)} s"


def _numbers(job: Job | None, points: list, heldout: str) -> None:
    last = points[-1] if points else None
    tested = job.weights.record.get("test_accuracy") if job and job.weights else None
    with st.container(horizontal=True, gap="small"):
        st.metric(
            "Training cost",
            _number(last.cost if last else None),
            width=125,
            help="What the run makes small: the log losses summed over the digits, averaged over "
            "the training pictures, with the L2 term.",
        )
        st.metric(
            f"{heldout} cost".capitalize(),
            _number(last.heldout_cost if last else None),
            width=125,
            help="The same on pictures that the run does not learn from, without the L2 term.",
        )
        if tested is None:
            st.metric(
                f"{heldout} accuracy".capitalize(),
                NONE_YET if last is None else f"{last.heldout_accuracy:.2%}",
                width=145,
                help="The share of those pictures that are read right.",
            )
        else:
            st.metric(
                "Test accuracy",
                f"{tested:.2%}",
                width=145,
                help="The share of MNIST's test pictures read right. No run learns from them.",
            )
        _learning_rate(job)


def _learning_rate(job: Job | None) -> None:
    rate = job.learning_rate if job else None
    if job is not None and "learning_rate" not in SOLVERS[job.settings.solver].uses:
        st.metric(
            "Step length",
            _number(job.history[-1].step_length if job.history else None),
            width=145,
            help="How far the last step moved theta. This solver chooses it by itself.",
        )
        return
    key = RATE_NOW(job=id(job))
    shown = "" if rate is None else f"{rate:.3g}"
    # Shown afresh once the solver has picked a rate by itself.
    if rate is not None and not st.session_state.get(key):
        st.session_state[key] = shown

    def change():
        # What a browser tells late, or what is as it was, turns nothing: it is rounded.
        if st.session_state[key] == shown:
            return
        with suppress(UserError):  # which is said below
            if job and (rate := read_setting("learning_rate", st.session_state[key])) is not None:
                job.set_learning_rate(rate)

    # As text: of a number field with bounds, what lies outside would stay in the browser.
    st.text_input(
        "Learning rate now",
        placeholder=NONE_YET,
        disabled=rate is None,
        key=key,
        width=145,
        on_change=change,
        help="Change it in the middle of the run: the next step uses it, and the curve is marked.",
    )
    if rate is not None:
        try:
            read_setting("learning_rate", st.session_state[key])
        except UserError as error:
            say_error(error)


def _theta_picture(job: Job | None, names: list[str], past: np.ndarray | None) -> bytes:
    """The thetas of a run now, or in the past, in the colours of now: theta is seen to grow."""
    if job is None or (theta := job.theta) is None:
        maps = np.zeros((len(names), SIDE, SIDE))
    else:
        maps = charts.theta_maps(job.settings.features, theta)
    limit = colour_limit(maps)
    if job is not None and past is not None:
        maps = charts.theta_maps(job.settings.features, past)
    return charts.theta_picture(maps, names, limit, across=5 if on_phone() else 10)


def _chart(spec: dict, data: dict[str, pd.DataFrame], key: str, alt: str) -> None:
    # The specification stays the same from frame to frame, so only the rows are replaced.
    spec = {**spec, "datasets": data}
    with st.container(key=CHART_PLACE(what=key)):
        st.vega_lite_chart(
            spec=spec, key=CHART(what=key), alt=alt, width="stretch", height="content", theme=None
        )


def _number(value: float | None) -> str:
    if value is None:
        return NONE_YET
    return f"{value:.5g}" if math.isfinite(value) else "not a number"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s"
