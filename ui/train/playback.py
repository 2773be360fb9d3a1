"""Looking back over a run: its thetas as they formed, one by one or played."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from ui.state import KEPT_ITERATION, PLAYING
from ui.train.jobs import Job

# Seconds between two steps of theta forming.
PLAY_FRAME = 0.35


def at_rest(job: Job) -> bool:
    """Whether nothing of a run moves by itself."""
    return job.finished or job.state == "paused"


def kept_thetas(job: Job) -> dict[int, np.ndarray]:
    """Theta by iteration, the first one first: those that a run has kept, and its last."""
    reached = job.reached
    thetas = dict(job.snapshots)
    if reached is not None:
        thetas.setdefault(reached[0].iteration, reached[1])
    return dict(sorted(thetas.items()))


def playing() -> bool:
    """Whether theta is seen forming just now."""
    return bool(st.session_state.get(PLAYING))


def play_toggle() -> bool:
    """The switch that has it play."""
    return st.toggle(
        "Play",
        key=PLAYING,
        help="Goes through the steps of the run, from the start again once it is at its end.",
    )


def moment(job: Job, thetas: dict[int, np.ndarray]) -> int:
    """The iteration looked at; while it plays, the next one at each call."""
    steps, key = list(thetas), _key(job)
    at = st.session_state.get(key, steps[-1])
    if at not in thetas:  # a run that goes on keeps fewer of its first ones
        at = steps[-1]
    if playing():
        at = steps[(steps.index(at) + 1) % len(steps)]
    # The slider shows what stands there.
    st.session_state[key] = at
    return at


def iteration_slider(job: Job, thetas: dict[int, np.ndarray]) -> None:
    """Of `moment`, which comes before it in a run of the page."""
    st.select_slider(
        "Iteration",
        list(thetas),
        key=_key(job),
        help="Those after which theta was kept.",
    )


def as_it_was(job: Job, at: int) -> str:
    """The run's cost and accuracy after so many iterations, in a sentence."""
    point = job.history[at]
    said = f"After **{at:,}** {iterations(at)} the cost is **{point.cost:.4f}**"
    if math.isnan(point.heldout_accuracy):
        return f"{said}."
    return (
        f"{said}, and **{point.heldout_accuracy:.2%}** of the {job.heldout_name} pictures are "
        "read right."
    )


def iterations(count: int) -> str:
    """The word for so many."""
    return "iteration" if count == 1 else "iterations"


def how_often_kept(thetas: dict[int, np.ndarray]) -> str:
    """What the slider leaves out, in a sentence; '' where it leaves out nothing."""
    steps = list(thetas)
    if len(steps) < 2 or (stride := steps[1] - steps[0]) == 1:
        return ""
    return (
        f"Theta was kept after every {stride} iterations, and after the last: nothing in between "
        "is shown."
    )


def _key(job: Job) -> str:
    """Where a run's slider stands: at the end again once the run has gone on from a rest."""
    rested = job.history[-1].iteration if at_rest(job) and job.history else "on"
    return KEPT_ITERATION(run=job.name, rested=rested)
