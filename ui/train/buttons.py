"""What can be done with a run: begin it, hold it, step, stop, and take away what it learned."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lrcore.errors import UserError
from lrcore.training import RunRequest, write_history
from lrcore.weights import Weights, pack_weights
from ui.models import use_model
from ui.plain import plain
from ui.presses import acting_button
from ui.state import NOTICES, RUN_BUTTON, RUN_BUTTONS, RUN_NAME, USED
from ui.style import spoken
from ui.train.jobs import Job
from ui.train.runs import Runs

# What each button says: its label, its icon, its help text.  What it acts on is heard.
BUTTONS = {
    "start": ("Start", "play_arrow", "Begin a new run with the settings on this page."),
    "another": (
        "Start another",
        "add",
        "Begin one more run, with the settings on this page. This one goes on and stays in view; "
        "*Run watched* below the curves shows the other.",
    ),
    "resume": ("Resume", "resume", "Go on where it paused."),
    "pause": ("Pause", "pause", "Hold the run where it is, even in the middle of a step."),
    "step-1": (
        "1 step",
        "skip_next",
        "Do one iteration, then pause. Without an unfinished run it begins a new one.",
    ),
    "step-10": (
        "10 steps",
        "fast_forward",
        "Do ten iterations, then pause. Without an unfinished run it begins a new one.",
    ),
    "stop": ("Stop", "stop", "End the run; what it has learned so far is tested and kept."),
    "reset": (
        "Reset",
        "replay",
        "Put this run back to its start, with the same settings and the same seed: the same run "
        "comes again.",
    ),
}


def buttons(runs: Runs, make_request: Callable[[], RunRequest] | None) -> DeltaGenerator:
    """Start, and what can be done to the shown run while it goes; returns their row.

    make_request : gives what a new run is started from; None where none can be started.
    """
    job = runs.job
    running = None if job is None or job.state in ("ended", "testing") else job
    start = None if make_request is None else partial(_start, runs, make_request)

    def steps(count: int) -> Callable[[], None] | None:
        return partial(running.step, count) if running else start and partial(start, count)

    hold = {"pause": running.pause if running else None}
    if job is not None and job.state == "paused":
        hold = {"resume": job.go_on}
    # What each does; None where it can do nothing.
    actions: dict[str, Callable[[], None] | None] = {
        "start": start,
        **hold,
        "step-1": steps(1),
        "step-10": steps(10),
        "stop": partial(_stop, running) if running else None,
        "reset": partial(runs.reset, job.name) if job else None,
    }
    row = st.container(horizontal=True, vertical_alignment="bottom", key=RUN_BUTTONS)
    with row:
        for key, act in actions.items():
            # Start begins one more beside a run that has not ended.
            more = key == "start" and running is not None
            label, icon, help = BUTTONS["another" if more else key]
            if key == "start":
                about = "run" if more else "a run"
            elif key.startswith("step"):
                about = f"of {running.name if running else 'a new run'}"
            else:
                about = job.name if job else "the run"
            acting_button(
                *(f"{label}{spoken(about)}", RUN_BUTTON[key], act),
                help=help,
                type="primary" if key == "start" and not more else "secondary",
                icon=f":material/{icon}:",
            )
    if runs.begun_beside:
        runs.begun_beside = False
        st.toast(
            "One more run has begun: *Run watched* below the curves shows it.",
            icon=":material/add:",
        )
    return row


def _start(runs: Runs, make_request: Callable[[], RunRequest], allowed: float = math.inf) -> None:
    begin(runs, make_request, st.session_state.get(RUN_NAME) or "", allowed)


def _stop(job: Job) -> None:
    # It may be what a run that was refused has waited for.
    st.session_state[NOTICES] = []
    job.stop()


def begin(
    runs: Runs,
    make_request: Callable[[], RunRequest],
    name: str = "",
    allowed: float = math.inf,
    story: str = "",
) -> None:
    """Start a run of that name; where it may not, keep the sentence for the page to show.

    What must not be done twice comes last: see `ui.presses.once`.
    """
    st.session_state[NOTICES] = []
    try:
        runs.start(make_request(), name, allowed, story)
    except UserError as error:
        st.session_state[NOTICES] = [str(error)]


def _use(weights: Weights) -> None:
    st.session_state[USED] = use_model(weights)


def take_away(runs: Runs) -> None:
    """What can be done with the shown run once it has ended."""
    job = runs.job
    done = job is not None and job.finished
    weights = job.weights if job and done else None
    of = f"of {job.name}" if job else "of a run"
    with st.container(horizontal=True):
        st.button(
            f"Use this model{spoken(of)}",
            icon=":material/check:",
            disabled=weights is None,
            help="Predict and Weights then work with what this run has learned.",
            key=RUN_BUTTON["use"],
            on_click=_use,
            args=(weights,),
        )
        st.download_button(
            f"Weights{spoken(f'{of}, a file')}",
            pack_weights(weights) if weights else b"",
            f"{job.name}.npz" if job else None,
            "application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
            disabled=weights is None,
            help="An .npz that this app and `python -m lrcore` can load.",
            key=RUN_BUTTON["download-weights"],
        )
        st.download_button(
            f"History{spoken(f'{of}, a file')}",
            history_csv(job) if job and done else "",
            f"{job.name}.csv" if job else None,
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=not done,
            help="A CSV file: a line an iteration, with seconds, costs and accuracy.",
            key=RUN_BUTTON["download-history"],
        )
    if used := st.session_state.pop(USED, None):
        st.toast(f"Predict and Weights now use {plain(used)}", icon=":material/check:")


def history_csv(job: Job) -> str:
    """The run's history as CSV text."""
    file = io.StringIO(newline="")
    write_history(file, job.history, job.settings)
    return file.getvalue()
