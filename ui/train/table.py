"""The runs of the Train page side by side, and how their curves are drawn."""

from __future__ import annotations

from dataclasses import fields
from functools import partial

import pandas as pd
import streamlit as st

from lrcore.settings import Settings, knob
from ui.plain import NONE_YET
from ui.presses import acting_button
from ui.state import COST_AXIS, DOOMED, NOTICES, RUN_AXIS, RUN_BUTTON, WATCHED
from ui.style import spoken
from ui.train.charts import AXES
from ui.train.controls import LABELS
from ui.train.runs import Runs


def view_options(runs: Runs) -> tuple[str, bool]:
    """Which run is watched, and how the curves are drawn: (x axis, whether cost is logarithmic)."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        log = st.segmented_control(
            "Cost axis",
            ["linear", "log"],
            default="linear",
            required=True,
            key=COST_AXIS,
            persist_state="session",
            help="A logarithmic axis shows what still happens when the curve looks flat.",
        )
        x = st.segmented_control(
            "Against",
            list(AXES),
            default="iteration",
            required=True,
            format_func={"iteration": "iterations", "seconds": "seconds"}.__getitem__,
            key=RUN_AXIS,
            persist_state="session",
            help="Solvers take different time for an iteration: seconds compare them fairly.",
        )
        if runs.jobs:
            runs.selectbox(
                "Run watched",
                list(runs.jobs),
                WATCHED,
                width=400,
                help="The run that the buttons and curves belong to.",
            )
    return x, log == "log"


def runs_table(runs: Runs) -> list[str]:
    """The table of runs with deletion; returns the names chosen for the overlay."""
    if not runs.jobs:
        st.info("No runs yet. Every run you start is kept here for comparison.")
        return []
    names = list(runs.jobs)
    chosen = st.multiselect(
        "Runs in the picture", names, default=names, help="Overlay as many curves as you like."
    )
    st.dataframe(comparison(runs), width="stretch")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        doomed = st.selectbox(
            "Run to delete", names, key=DOOMED, help="Its curve and its model are lost."
        )
        acting_button(
            f"Delete{spoken(doomed)}",
            RUN_BUTTON["delete"],
            partial(_delete, runs, doomed),
            icon=":material/delete:",
            help="Stops the run if it is still going, and forgets it.",
        )
    return chosen


def _delete(runs: Runs, name: str) -> None:
    st.session_state[NOTICES] = []
    runs.delete(name)


def comparison(runs: Runs) -> pd.DataFrame:
    """A row a run: what each came to, and the settings in which they differ."""
    every = [job.settings for job in runs.jobs.values()]
    differ = [
        item.name
        for item in fields(Settings)
        if len({getattr(settings, item.name) for settings in every}) > 1
    ]
    rows = []
    for job in runs.jobs.values():
        last = job.history[-1] if job.history else None
        tested = job.weights.record.get("test_accuracy") if job.weights else None
        # Numbers as text: of a missing one Streamlit's table says 'None'.  What one compares comes
        # first, then what may be the reason: not all columns fit on every screen.
        row: dict[str, object] = {"Test accuracy": NONE_YET if tested is None else f"{tested:.2%}"}
        row |= {knob(name).label: _plain(name, getattr(job.settings, name)) for name in differ}
        row |= {
            "Training cost": f"{last.cost:.5g}" if last else NONE_YET,
            "Iterations done": last.iteration if last else 0,
            "Seconds": f"{last.seconds:.2f}" if last else NONE_YET,
            "State": job.state,
        }
        rows.append(row)
    return pd.DataFrame(rows, index=pd.Index(list(runs.jobs), name="Run"))


def _plain(name: str, value) -> str:
    if value is None:
        return "automatic"
    return f"{value:g}" if isinstance(value, float) else LABELS.get(name, {}).get(value, str(value))
