"""The settings of a training run: the controls, the presets, and the form that makes links."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from lrcore.errors import UserError
from lrcore.settings import TASKS, Settings, kind, knob
from lrcore.solvers import SOLVERS
from ui.state import (
    ADDRESS_WRITTEN,
    CONTROLS_SHOWN,
    LINK_SHOWN,
    NOTICES,
    RUN_NAME,
    SETTINGS_STORE,
    SHOW_ALL,
)
from ui.train.links import DEFAULTS, NAMES, SHOW, make_link, make_query, read_link

# Where settings last: a widget forgets its value once its page, or it, is not shown.
# The URL that was last written, and when; after so many seconds the browser has it.
HEARD = 2.0

LABELS = {
    "task": TASKS,
    "solver": {name: solver.title for name, solver in SOLVERS.items()},
}
# Rows of the panel, and of its second part; what stands side by side belongs together.
ROWS = (
    ("task",),
    ("digit", "against"),
    ("images", "iterations"),
    ("features",),
    ("solver",),
    ("learning_rate", "momentum"),
    ("batch_size",),
    ("C", "seed"),
)
MORE_ROWS = (("patience", "tolerance"), ("styles", "jitter"))


@dataclass(frozen=True)
class Preset:
    """A story told by one run: what its button says, what to watch, and its settings."""

    title: str
    story: str
    changes: dict


PRESETS = (
    Preset(
        "The classic: 5,000 steps of gradient descent",
        "Every step goes straight downhill. Most of the way is done in the first hundred steps; "
        "the other thousands creep along a flat valley. Compare it with *ten steps of a better "
        "method*. Both learn from 6,000 pictures; for all 60,000, which take ten times as long, "
        "set Images and press Start.",
        {"solver": "gradient-descent", "images": 6000, "iterations": 5000},
    ),
    Preset(
        "Too large a step",
        "The same downhill direction, but every step leaps over the valley and lands on the "
        "opposite slope: the cost shoots up, falls back and climbs again, until it is stopped.",
        {"solver": "gradient-descent", "images": 6000, "iterations": 200, "learning_rate": 5.0},
    ),
    Preset(
        "Ten steps of a better method",
        "This method knows how the pixels go together, and is farther down after ten steps than "
        "gradient descent after five thousand.",
        {"solver": "preconditioned-lbfgs", "images": 6000, "iterations": 10},
    ),
    Preset(
        "Only 600 images",
        "With few pictures theta learns them by heart: the training cost goes on falling while "
        "the held-out cost turns and climbs.",
        {"solver": "lbfgs", "images": 600, "iterations": 60, "C": 1000.0},
    ),
)


def take_link() -> None:
    """Take over what the URL asks for: at the first look, and when the browser goes back."""
    state, query = st.session_state, _asked()
    if SETTINGS_STORE in state:
        written, when = state[ADDRESS_WRITTEN]
        # Nothing asked for: another page was looked at.  A browser may also not have heard yet
        # of the URL last written.
        if not query or query == written or time.monotonic() - when < HEARD:
            return
    values, state[CONTROLS_SHOWN], state[NOTICES] = read_link(query, LABELS)
    state[ADDRESS_WRITTEN] = query, time.monotonic()
    set_all(values)


def keep_address() -> None:
    """Bring the URL up to the settings, so that it can be copied, or gone back to.

    Streamlit's own binding of widgets to the URL would write labels, and leave out the controls
    that are not shown.
    """
    query = make_query(st.session_state[SETTINGS_STORE], st.session_state[CONTROLS_SHOWN])
    if st.session_state[ADDRESS_WRITTEN][0] != query:
        st.session_state[ADDRESS_WRITTEN] = query, time.monotonic()
    if _asked() != query:
        others = {name: v for name, v in st.query_params.items() if name not in (*NAMES, SHOW)}
        st.query_params.from_dict(others | query)


def _asked() -> dict[str, str]:
    """What of the URL is about the settings."""
    return {name: v for name, v in st.query_params.items() if name in (*NAMES, SHOW)}


def notices() -> None:
    """Say what of the link could not be used, until a run is started."""
    for notice in st.session_state[NOTICES]:
        st.warning(notice, icon=":material/info:")


def panel(folded: bool = False) -> Settings | None:
    """The controls; returns the settings, or None after saying what is wrong with them."""
    # The few controls that a link leaves are what it is about.
    folded = folded and st.session_state[CONTROLS_SHOWN] is None
    with st.expander("Settings", expanded=not folded, icon=":material/tune:"):
        _rows(ROWS)
        if st.session_state[CONTROLS_SHOWN] is not None:
            st.button(
                "Show all controls",
                type="tertiary",
                icon=":material/visibility:",
                on_click=_show_all,
                key=SHOW_ALL,
                help="The link that opened this page shows only some of them.",
            )
    with st.expander("More settings", icon=":material/settings:"):
        _rows(MORE_ROWS)
        st.text_input(
            "Name of the run",
            key=RUN_NAME,
            placeholder="run 1, run 2, …",
            max_chars=40,
            persist_state="session",
            help="Under this name the run is kept in this session, for comparison.",
        )
    try:
        return Settings(**st.session_state[SETTINGS_STORE])
    except UserError as error:
        st.error(str(error))
        return None


def _rows(rows) -> None:
    store = st.session_state[SETTINGS_STORE]
    for row in rows:
        names = [name for name in row if _visible(name, store)]
        columns = st.columns(len(names), vertical_alignment="bottom") if names else []
        for name, column in zip(names, columns, strict=True):
            with column:
                store[name] = _control(name, store[name])


def set_all(changes: dict) -> None:
    """Put every control to its default, then to these values."""
    st.session_state[SETTINGS_STORE] = DEFAULTS | changes
    # Also of the controls that are on the page already.
    st.session_state.update(st.session_state[SETTINGS_STORE])


def stories(run: str | None, play: Callable[[Preset], None], possible: bool) -> None:
    """The presets as buttons, and what to watch for in the run of that name.

    A link that hides controls tells a story of its own; a preset would turn what it hides.
    """
    if (shown := st.session_state[CONTROLS_SHOWN]) is not None:
        labels = ", ".join(knob(name).label for name in shown)
        about = f"This page is about: **{labels}**. " if shown else ""
        st.caption(f"{about}Press Start and watch; *Show all controls* opens the rest.")
        return
    with st.container(horizontal=True):
        for preset in PRESETS:
            st.button(
                preset.title,
                on_click=play,
                args=(preset,),
                disabled=not possible,
                help=preset.story,
                width="content",
            )
    told = (preset.story for preset in PRESETS if run and run.startswith(preset.title))
    nothing = "Pick a story, or make up your own run: choose its settings and press Start."
    st.caption(next(told, nothing))


def link_form() -> None:
    """A small form that makes a link to the page as it stands."""
    with st.popover(
        "Share as a link",
        icon=":material/link:",
        width="stretch",
        help="Makes a link that opens this page with these settings.",
    ):
        chosen = st.pills(
            "Controls that the link leaves visible",
            NAMES,
            selection_mode="multi",
            format_func=lambda name: knob(name).label,
            key=LINK_SHOWN,
            help="None chosen: all of them. 'Learning rate' alone makes a lesson about it.",
        )
        base = (st.context.url or "").split("?")[0]
        st.code(make_link(base, st.session_state[SETTINGS_STORE], chosen or None), wrap_lines=True)


def _visible(name: str, store: dict) -> bool:
    task, uses = store["task"], SOLVERS[store["solver"]].uses
    needed = {
        "digit": task != "one-vs-all",
        "against": task == "two-digits",
        "learning_rate": "learning_rate" in uses,
        "momentum": "momentum" in uses,
        "batch_size": "batch_size" in uses,
    }.get(name, True)
    shown = st.session_state[CONTROLS_SHOWN]
    return needed and (shown is None or name in shown)


def _control(name: str, value):
    declared = knob(name)
    # A widget that was not on the page in the run before has forgotten its value.
    st.session_state[name] = st.session_state.get(name, value)
    common: dict[str, Any] = {"key": name, "help": declared.help}
    if declared.options is not None:
        labels = LABELS.get(name, {})
        options = list(declared.options)
        return st.selectbox(
            declared.label,
            options,
            index=options.index(DEFAULTS[name]),
            format_func=lambda option: labels.get(option, str(option)),
            **common,
        )
    default = DEFAULTS[name]
    number = kind(name)
    whole = number is int
    return st.number_input(
        declared.label,
        min_value=number(declared.low),
        max_value=number(declared.high),
        value=default,
        step=1 if whole else _step(declared),
        format="%d" if whole else "%g",
        placeholder="auto",
        **common,
    )


def _step(declared) -> float:
    return 0.1 if declared.log else 0.05


def _show_all() -> None:
    st.session_state[CONTROLS_SHOWN] = None
