"""Looking back over a run: its thetas as they formed, one by one or played."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from ui.play import is_playing, next_step, play_button
from ui.state import KEPT_ITERATION, PLAY, PLAYING
from ui.train.jobs import Job


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
    return is_playing(PLAYING)


def stop_playing() -> None:
    """Where there is nothing to be played."""
    st.session_state[PLAYING] = False


def play(job: Job, thetas: dict[int, np.ndarray]) -> bool:
    """The button that has it play or pause; returns whether it was pressed just now."""
    return play_button("theta forming", PLAY, PLAYING, _key(job), list(thetas))


def moment(job: Job, thetas: dict[int, np.ndarray]) -> int:
    """The iteration looked at; while it plays, the next one at each call, up to the last."""
    at = next_step(PLAYING, list(thetas), _looked_at(job, thetas))
    # The slider shows what stands there.
    st.session_state[_key(job)] = at
    return at


def _looked_at(job: Job, thetas: dict[int, np.ndarray]) -> int:
    """Where the slider stands; at the last where that iteration is no longer among those kept."""
    last = max(thetas)
    at = st.session_state.get(_key(job), last)
    return at if at in thetas else last


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
    """'iteration' or 'iterations'."""
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
