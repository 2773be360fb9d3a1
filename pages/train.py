"""Train a model and watch it learn."""

import streamlit as st

from lrcore.errors import UserError
from lrcore.settings import Settings
from lrcore.training import RunRequest
from ui.device import on_phone
from ui.models import mnist
from ui.plain import say_error
from ui.routing import ensure_routed
from ui.state import TRAIN_SIDES, TRAIN_TAB
from ui.style import heading
from ui.train.buttons import begin, buttons, take_away
from ui.train.controls import (
    keep_address,
    link_form,
    notices,
    panel,
    stories,
    take_link,
)
from ui.train.explanations import explanations, python_tab
from ui.train.pin import pin_form, take_pin_link
from ui.train.runs import session_runs
from ui.train.start import own_result, start_controls
from ui.train.sweep import TAB, come_back, sweep_tab, take_sweep_link
from ui.train.table import runs_table, view_options
from ui.train.watch import compare, live, theta_caption, watch

ensure_routed()
heading("Train", "a model yourself, and watch its theta walk downhill.")
take_link()
take_sweep_link()
runs = session_runs()
come_back(runs)
data = None
try:
    data = mnist("train"), mnist("test")
except UserError as error:
    say_error(error, "Training is switched off, since there is no data to learn from")
take_pin_link(data and data[1])


def play(preset) -> None:
    if data is not None:
        settings = Settings(**preset.changes)
        begin(runs, lambda: RunRequest(settings, *data), preset.title, story=preset.story)


stories(runs.job.story if runs.job else "", play, data is not None)
notices()

phone = on_phone()
with st.container(key=None if phone else TRAIN_SIDES):
    controls, curves = st.columns([1, 2.8], gap="medium")
# On a phone all of this above the curves would push them off the screen, even folded.
rest = st.container() if phone else controls
with controls:
    settings = panel(folded=phone)
    keep_address()
with rest:
    start = start_controls(settings, data)
    link_form()

with curves:
    tabs = st.tabs(["Watch", "Compare", TAB, "Python"], key=TRAIN_TAB, on_change="rerun")
    below = st.container()
    with below:
        axes = view_options(runs) if tabs[0].open or tabs[1].open else ("iteration", False)
    with tabs[0]:
        if tabs[0].open:
            row = buttons(runs, start.request if start else None)
            live(watch, runs, axes)
            # On a phone it would push the curve off the screen.
            with st.container() if phone else row:
                pin_form(data and data[1])
            theta_caption(runs.job)
            take_away(runs)
            own_result(runs.job)
    with tabs[1]:
        if tabs[1].open:
            live(compare, runs, axes, runs_table(runs))
    with tabs[2]:
        if tabs[2].open:
            sweep_tab(runs, settings, data, start)
    with tabs[3]:
        if tabs[3].open:
            python_tab(settings)
    with below:
        # After what stands above it, which would push it down as it comes.
        explanations()
