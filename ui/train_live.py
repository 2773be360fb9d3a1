"""What moves on the Train page: the run's buttons, its progress, its curves, its theta forming."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import pandas as pd
import streamlit as st

from lrcore.errors import UserError
from lrcore.evidence import PICTURES
from lrcore.features import DIRECTIONS
from lrcore.settings import Settings, knob
from lrcore.solvers import SOLVERS
from lrcore.training import write_history
from lrcore.weights import pack_weights
from ui import training_charts as charts
from ui.heatmaps import colour_limit, row_names
from ui.jobs import Job
from ui.models import use_model
from ui.runs import Runs
from ui.train_controls import NOTICES

# Seconds between two frames; a little under a quarter, so that four a second are kept.
FRAME = 0.24
STATES = {
    "waiting": "waiting",
    "preparing": "preparing the pictures",
    "training": "training",
    "paused": "paused",
    "testing": "reading the test set",
    "ended": "ended",
}
BAD_ENDS = ("overshoots", "broke off", "not enough memory")


def live(part, runs: Runs, *arguments) -> None:
    """Draw a part of the page again and again while anything of it may still move."""
    before = _standing(runs)

    @st.fragment(run_every=FRAME if _moving(runs) else None)
    def frame():
        part(runs, *arguments)
        # The rest of the page (buttons, table, downloads) has to hear of an end or a pause.
        if _standing(runs) != before:
            st.rerun()

    # A container of its own: what stands below must not shift as the part grows.
    with st.container():
        frame()


def _moving(runs: Runs) -> bool:
    return any(not job.finished and job.state != "paused" for job in runs.jobs.values())


def _standing(runs: Runs) -> list:
    """What the still parts of the page show of the runs."""
    return [(job.state == "paused", job.message, job.finished) for job in runs.jobs.values()]


def watch(runs: Runs, axes: tuple[str, bool]) -> None:
    """The shown run: its progress, numbers, curves and heatmaps."""
    job = runs.job
    _progress(job)
    x, log = axes
    points = list(job.history) if job else []
    heldout = job.heldout_name if job else "held-out"
    _numbers(job, points, heldout)
    rows = charts.curve_rows(points, x, heldout)
    changes = charts.mark_rows(job.rate_changes() if job else [], x)
    names = row_names(job.settings) if job else [str(digit) for digit in range(10)]
    left, right = st.columns([3, 2])
    with left:
        _chart(
            charts.specification(charts.cost_chart, x, log, heldout),
            {charts.ROWS: rows, charts.MARKS: changes},
            "cost",
            f"Cost on the training and the {heldout} pictures, falling as the run goes on.",
        )
    with right:
        _chart(
            charts.specification(charts.accuracy_chart, x, heldout),
            {charts.ROWS: rows},
            "accuracy",
            f"Share of the {heldout} pictures read right.",
        )
        _chart(
            charts.specification(charts.digits_chart, x, log, tuple(names)),
            {charts.ROWS: charts.digit_rows(points, x, names)},
            "digits",
            "The training cost of each digit's model.",
        )
    _thetas(job, names)


def compare(runs: Runs, axes: tuple[str, bool], names: list[str]) -> None:
    """The chosen runs' costs in one picture."""
    x, log = axes
    rows = [
        charts.curve_rows(list(runs[name].history), x).assign(run=name)
        for name in names
        if name in runs.jobs
    ]
    _chart(
        charts.specification(charts.overlay_chart, x, log, tuple(names)),
        {charts.ROWS: pd.concat(rows) if rows else charts.curve_rows([], x)},
        "overlay",
        "The cost of several runs in one picture.",
    )
    st.caption("Solid lines: the pictures learned from. Dashed: the held-out ones.")


def buttons(runs: Runs, settings: Settings | None, data, beginning=None) -> None:
    """Start, and what can be done to the shown run while it goes.

    `beginning`, when called, gives the `start` and `own` of a new run.
    """
    job = runs.job
    state = job.state if job else "ended"
    ended = state in ("ended", "testing")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        start = st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            disabled=settings is None or data is None,
            help="Begin a new run with the settings on this page.",
            key="start",
        )
        if start and settings:
            _begin(runs, settings, data, beginning)
        if job and state == "paused":
            if st.button(
                "Resume", icon=":material/resume:", help="Go on where it paused.", key="resume"
            ):
                job.go_on()
                st.rerun()
        else:
            pause = st.button(
                "Pause",
                icon=":material/pause:",
                disabled=ended,
                help="Hold the run where it is, even in the middle of a step.",
                key="pause",
            )
            if pause and job:
                job.pause()
                st.rerun()
        for count, label in ((1, "1 step"), (10, "10 steps")):
            if st.button(
                label,
                icon=":material/skip_next:" if count == 1 else ":material/fast_forward:",
                disabled=data is None or (ended and settings is None),
                help=f"Do {count} iteration{'s' * (count > 1)}, then pause. Without an unfinished "
                "run it begins a new one.",
                key=f"step-{count}",
            ):
                if ended and settings:
                    _begin(runs, settings, data, beginning, count)
                elif job:
                    job.step(count)
                st.rerun()
        stop = st.button(
            "Stop",
            icon=":material/stop:",
            disabled=ended,
            help="End the run; what it has learned so far is tested and kept.",
            key="stop",
        )
        if stop and job:
            job.stop()
            # It may be what a run that was refused has waited for.
            st.session_state[NOTICES] = []
            st.rerun()
        reset = st.button(
            "Reset",
            icon=":material/replay:",
            disabled=job is None or data is None,
            help="Put this run back to its start, with the same settings and the same seed: "
            "the same run comes again.",
            key="reset",
        )
        if reset and job:
            runs.reset(job.name, data)
            st.rerun()


def _begin(runs: Runs, settings: Settings, data, beginning, allowed: float = math.inf) -> None:
    name = st.session_state.get("run_name") or ""
    begin(runs, settings, data, name, allowed, **vars(beginning()) if beginning else {})
    st.rerun()


def begin(
    runs: Runs, settings: Settings, data, name: str = "", allowed: float = math.inf, **beginning
) -> None:
    """Start a run of that name; where it may not, keep the sentence for the page to show.

    beginning : `start` and `own`, as `Runs.start` takes them.
    """
    try:
        runs.start(settings, data, name, allowed, **beginning)
        st.session_state[NOTICES] = []
    except UserError as error:
        st.session_state[NOTICES] = [str(error)]


def _progress(job: Job | None) -> None:
    if job is None:
        st.progress(0.0, "Nothing runs yet: press Start, or one of the stories above.")
        return
    done = job.history[-1].iteration if job.history else 0
    total = job.settings.iterations
    bad = job.message is not None and any(mark in job.message for mark in BAD_ENDS)
    happy = job.message is not None and not bad
    text = f"**{job.name}** · {job.message if happy else STATES[job.state]}"
    if job.before:
        text += f": {job.before} run{'s' * (job.before > 1)} before you"
    text += f" · iteration {done:,} of {total:,}"
    if job.history:
        text += f" · {_duration(job.history[-1].seconds)} of work"
    if job.state == "training" and (left := job.seconds_left()) is not None:
        text += f" · at most {_duration(left)} left"
    st.progress(min(1.0, done / total), text)
    if bad:
        st.error(job.message, icon=":material/error:")


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
                "–" if last is None else f"{last.heldout_accuracy:.2%}",
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
    if job is not None and not SOLVERS[job.settings.solver].uses.count("learning_rate"):
        st.metric(
            "Step length",
            _number(job.history[-1].step_length if job.history else None),
            width=145,
            help="How far the last step moved theta. This solver finds it by a line search.",
        )
        return
    key = f"rate-{id(job)}"
    # Shown afresh once the solver has picked a rate by itself.
    if rate is not None and st.session_state.get(key) is None:
        st.session_state[key] = float(f"{rate:.3g}")

    def change():
        if job and st.session_state[key] is not None:
            job.set_learning_rate(st.session_state[key])

    declared = knob("learning_rate")
    st.number_input(
        "Learning rate now",
        min_value=declared.low,
        max_value=declared.high,
        value=None,
        step=0.1,
        format="%g",
        placeholder="–",
        disabled=rate is None,
        key=key,
        width=145,
        on_change=change,
        help="Change it in the middle of the run: the next step uses it, and the curve is marked.",
    )


def _thetas(job: Job | None, names: list[str]) -> None:
    theta = job.theta if job else None
    if theta is None:
        theta = np.zeros((len(names), 785))
    features = job.settings.features if job and job.theta is not None else "pixels"
    maps = charts.theta_maps(features, theta)
    text = "Theta as it forms: orange speaks for the digit, blue against it."
    halves = st.columns(2) if len(names) > 5 else st.columns([1, 3])[:1]
    per = -(-len(names) // len(halves))
    limit = colour_limit(maps)
    for i, column in enumerate(halves):
        part = slice(i * per, (i + 1) * per)
        picture = charts.theta_picture(maps[part], names[part], limit)
        column.image(
            # In the message itself: a file of its own is gone before a slow browser asks for it.
            f"data:image/png;base64,{base64.b64encode(picture).decode()}",
            width="stretch",
            alt=f"{text} Shown: {', '.join(names[part])}.",
        )
    if features not in PICTURES:
        text += (
            f" Strokes are no picture: each map sums theta over the {DIRECTIONS} directions that "
            "an edge can have; the Weights page shows them apart."
        )
    st.caption(text)


def take_away(runs: Runs) -> None:
    """What can be done with the shown run once it has ended."""
    job = runs.job
    done = job is not None and job.finished
    weights = job.weights if job and done else None
    with st.container(horizontal=True):
        use = st.button(
            "Use this model",
            icon=":material/check:",
            disabled=weights is None,
            help="Predict and Weights then work with what this run has learned.",
            key="use",
        )
        if use and weights:
            st.session_state["train_used"] = use_model(weights)
            st.rerun()
        st.download_button(
            "Weights",
            pack_weights(weights) if weights else b"",
            f"{job.name}.npz" if job else None,
            "application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
            disabled=weights is None,
            help="An .npz that this app and `python -m lrcore` can load.",
            key="download-weights",
        )
        st.download_button(
            "History",
            history_csv(job) if job and done else "",
            f"{job.name}.csv" if job else None,
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=not done,
            help="A CSV file: a line an iteration, with seconds, costs and accuracy.",
            key="download-history",
        )
    if used := st.session_state.pop("train_used", None):
        st.toast(f"Predict and Weights now use {used}", icon=":material/check:")


def history_csv(job: Job) -> str:
    """The run's history as CSV text."""
    file = io.StringIO(newline="")
    write_history(file, job.history, job.settings)
    return file.getvalue()


def _chart(spec: dict, data: dict[str, pd.DataFrame], key: str, alt: str) -> None:
    # The specification stays the same from frame to frame, so only the rows are replaced.
    spec = {**spec, "datasets": data}
    st.vega_lite_chart(spec=spec, key=f"chart-{key}", alt=alt, width="stretch", height="content")


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.5g}" if math.isfinite(value) else "not a number"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s"
