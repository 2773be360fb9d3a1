"""Train a model and watch it learn."""

import streamlit as st

from lrcore.errors import UserError
from lrcore.training import Settings
from ui.models import mnist
from ui.runs import session_runs
from ui.train_controls import PRESETS, link_form, notices, panel, set_all, take_link
from ui.train_live import begin, compare, live, outcome, watch
from ui.train_runs import explanations, python_tab, runs_table, view_options

take_link()
runs = session_runs()
try:
    data = mnist("train"), mnist("test")
except UserError as error:
    st.error(f"Training is switched off, since there is no data to learn from: {error}")
    data = None


def play(preset) -> None:
    set_all(preset.changes)
    begin(runs, Settings(**preset.changes), data, preset.title)


with st.container(horizontal=True):
    for preset in PRESETS:
        st.button(
            preset.title,
            on_click=play,
            args=(preset,),
            disabled=data is None,
            help=preset.story,
            type="secondary",
        )
notices()

controls, curves = st.columns([1, 2.6], gap="medium")
with controls, st.container(border=True, gap="xsmall"):
    settings = panel()
    st.text_input(
        "Name of the run",
        key="run_name",
        placeholder="run 1",
        max_chars=40,
        persist_state="session",
        help="Under this name the run is kept in this session, for comparison.",
    )
    link_form()

with curves:
    tabs = st.tabs(["Watch", "Compare", "Python"], key="train_tab", on_change="rerun")
    view_options(runs)
    with tabs[0]:
        if tabs[0].open:
            outcome(runs)
            live(watch, runs, settings, data)
    with tabs[1]:
        if tabs[1].open:
            live(compare, runs, runs_table(runs))
    with tabs[2]:
        if tabs[2].open:
            python_tab(settings)
    explanations()
