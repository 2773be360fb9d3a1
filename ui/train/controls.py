"""The settings of a training run: the controls, the presets, and the form that makes links."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import streamlit as st

from lrcore.errors import UserError
from lrcore.settings import (
    DEFAULTS,
    NAMES,
    TASKS,
    Settings,
    knob,
    range_words,
    read_setting,
    setting_text,
)
from lrcore.solvers import SOLVERS
from ui.device import on_phone
from ui.pinned import pin_query
from ui.plain import say_error, sentence, visible
from ui.presses import once
from ui.routing import went_back
from ui.state import (
    ADDRESS_WRITTEN,
    BARE_ADDRESS,
    CONTROLS_SHOWN,
    LINK_SHOWN,
    NOTICES,
    RUN_NAME,
    SETTINGS_SET,
    SHOW_ALL,
    STORIES,
    TRAIN_TAB,
)
from ui.train.links import SHOW, TEXTS, make_link, make_query, read_link

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
        "The classic: 5,000 steps",
        "Every step goes straight downhill. Most of the way is done in the first hundred steps; "
        "the other thousands creep along a flat valley. Compare it with *ten steps of a better "
        "method*. Both learn from 6,000 pictures; for all 60,000, ten times the work a step, set "
        "Images and press Start.",
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
        "the held-out cost turns, climbs, and never again comes near its lowest.",
        {"solver": "lbfgs", "images": 600, "iterations": 60, "C": 1000.0},
    ),
)


# Seconds in which a browser may go on telling what the settings were before they were set.
ECHOES = 3.0


def take_link() -> None:
    """Take over what the URL asks for: at the first look, and when the browser goes back."""
    state, query = st.session_state, _asked()
    _hold_settings()
    last: dict[str, str] | None = state.get(ADDRESS_WRITTEN)
    if last is None:
        # Of a tab that was loaded again on another page the settings are here already.
        wished = bool(query) or any(name not in state for name in NAMES)
    else:
        if last and not query and TRAIN_TAB not in state and not went_back():
            # The bar of pages has led here, without an address; one can go back to that, too.
            state[BARE_ADDRESS] = True
        # Without a step back an address that is not the last is no wish: the browser has not
        # heard of that yet.
        wished = query != last and went_back() and not (not query and BARE_ADDRESS in state)
    if wished:
        texts, state[CONTROLS_SHOWN], state[NOTICES] = read_link(query, LABELS)
        _set_texts(texts)
    state.setdefault(CONTROLS_SHOWN, None)
    state.setdefault(NOTICES, [])
    state[ADDRESS_WRITTEN] = query if wished else last or {}


def keep_address() -> None:
    """Bring the URL up to the settings, so that it can be copied, or gone back to.

    Streamlit's own binding of widgets to the URL would write labels, and leave out the controls
    that are not shown.
    """
    st.session_state[ADDRESS_WRITTEN] = query = make_query(
        _texts(), st.session_state[CONTROLS_SHOWN]
    )
    if _asked() != query:
        others = {name: v for name, v in st.query_params.items() if name not in (*NAMES, SHOW)}
        st.query_params.from_dict(others | query)


def forget_address() -> None:
    """Have the next look at the page take its settings from the URL, as the first one does."""
    for key in (ADDRESS_WRITTEN, SETTINGS_SET, *NAMES):
        st.session_state.pop(key, None)


def _asked() -> dict[str, str]:
    """What of the URL is about the settings."""
    return {name: v for name, v in st.query_params.items() if name in (*NAMES, SHOW)}


def _texts() -> dict[str, str]:
    """What each control holds, whether it is on the page or not: the settings' one home."""
    return {name: st.session_state[name] for name in NAMES}


def _set_texts(changes: dict[str, str]) -> None:
    """Put every control to its default, then to these texts."""
    state, now = st.session_state, monotonic()
    at, known, _ = state.get(SETTINGS_SET, (-math.inf, {}, {}))
    before = known if now - at < ECHOES else {}
    held = {name: state[name] for name in NAMES if name in state}
    before = {name: before.get(name, set()) | {text} for name, text in held.items()}
    texts = TEXTS | changes
    state.update(texts)
    state[SETTINGS_SET] = now, before, texts


def _hold_settings() -> None:
    """Set once more what was set right before, unless it has been changed since.

    Of two runs of the page in a row a browser may miss what the first one has set, show what was
    there before, and tell that with whatever is pressed next.
    """
    state = st.session_state
    at, before, texts = state.get(SETTINGS_SET, (-math.inf, {}, {}))
    if monotonic() - at < ECHOES:
        for name in before:
            if state.get(name) in {*before[name], texts[name]}:
                state[name] = texts[name]


def set_all(changes: dict) -> None:
    """Put every control to its default, then to these values."""
    _set_texts({name: setting_text(name, value) for name, value in changes.items()})


def add_notice(text: str) -> None:
    """Have `notices` say this as well."""
    st.session_state[NOTICES] = [*st.session_state.get(NOTICES, []), text]


def notices() -> None:
    """Say what of the link could not be used, until a run is started."""
    for notice in st.session_state[NOTICES]:
        st.warning(sentence(notice), icon=":material/info:")


def panel(folded: bool = False) -> Settings | None:
    """The controls; returns the settings, or None after saying what is wrong with them."""
    # The few controls that a link leaves are what it is about.
    folded = folded and st.session_state[CONTROLS_SHOWN] is None
    # Above the controls, where it is seen even while they are folded away.
    wrong = st.container()
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
    values, faults = _read()
    if not faults:
        try:
            return Settings(**values)
        except UserError as error:
            faults["task"] = error
    with wrong:
        for fault in faults.values():
            say_error(fault)
    return None


def _read() -> tuple[dict[str, Any], dict[str, UserError]]:
    """The settings by name, and what is wrong with those that cannot be."""
    values: dict[str, Any] = {}
    faults = {}
    for name, text in _texts().items():
        try:
            values[name] = read_setting(name, text)
        except UserError as error:
            faults[name] = error
    return values, faults


def _rows(rows) -> None:
    values, faults = _read()
    for row in rows:
        names = [name for name in row if name in faults or _visible(name, values)]
        columns = st.columns(len(names), vertical_alignment="bottom") if names else []
        for name, column in zip(names, columns, strict=True):
            with column:
                _control(name)


def stories(told: str, play: Callable[[Preset], None], possible: bool) -> None:
    """The presets as buttons, and what to watch for in the shown run, if that has a story.

    play : begins the run of a preset; its settings are set already.

    A link that hides controls tells a story of its own; a preset would turn what it hides.
    """
    if (shown := st.session_state[CONTROLS_SHOWN]) is not None:
        labels = ", ".join(knob(name).label for name in shown)
        about = f"This page is about: **{labels}**. " if shown else ""
        st.caption(f"{about}Press Start and watch; *Show all controls* opens the rest.")
        return
    # On a phone each line above the curve counts.
    with st.container(horizontal=True, gap="xsmall" if on_phone() else "small"):
        for preset in PRESETS:
            st.button(
                preset.title,
                on_click=_tell,
                args=(preset, once(preset.title, play)),
                disabled=not possible,
                help=preset.story,
                # Known beforehand they stand two by two at once on a phone; one is a long one.
                width=(180 if len(preset.title) > 24 else 165) if on_phone() else "content",
            )
    if on_phone():
        return  # it stands below the curve there, so that the curve is on the screen
    nothing = "Pick a story, or make up your own run: choose its settings and press Start."
    # All lie in one place, as tall as the tallest: what stands below stays where it is whichever
    # is told.
    others = [preset.story for preset in PRESETS if preset.story != told]
    place = '<span style="grid-area: 1 / 1; visibility: {seen}" {more}>{text}</span>'
    texts = [place.format(seen="visible", more="", text=told or nothing)]
    texts += [place.format(seen="hidden", more='aria-hidden="true"', text=text) for text in others]
    with st.container(key=STORIES):
        st.caption(f'<span style="display: grid">{"".join(texts)}</span>', unsafe_allow_html=True)


def _tell(preset: Preset, play: Callable[[Preset], None]) -> None:
    # Heard twice, a press comes the second time with what the browser still held of the settings
    # before the first: they are set again.
    set_all(preset.changes)
    play(preset)


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
        st.code(settings_link(pin_query(), chosen or None), wrap_lines=True)


def settings_link(
    more: Mapping[str, str] | None = None, shown: Collection[str] | None = None
) -> str:
    """The URL of this page with these settings, and with `more` parameters."""
    base = (st.context.url or "").split("?")[0]
    return make_link(base, _texts(), shown, more)


def _visible(name: str, values: dict) -> bool:
    task = values.get("task", DEFAULTS["task"])
    uses = SOLVERS[values.get("solver", DEFAULTS["solver"])].uses
    needed = {
        "digit": task != "one-vs-all",
        "against": task == "two-digits",
        "learning_rate": "learning_rate" in uses,
        "momentum": "momentum" in uses,
        "batch_size": "batch_size" in uses,
    }.get(name, True)
    shown = st.session_state[CONTROLS_SHOWN]
    return needed and (shown is None or name in shown)


def _control(name: str) -> None:
    """The control of a setting; what it holds may be nothing that the setting can have.

    Numbers are typed as text: of a number field with bounds Streamlit keeps what lies outside in
    the browser, and a run would silently go by the value before.
    """
    declared, held = knob(name), st.session_state[name]
    if declared.options is None:
        st.text_input(
            declared.label,
            key=name,
            persist_state="session",
            placeholder="auto" if DEFAULTS[name] is None else None,
            help=f"{declared.help} {range_words(declared).capitalize()}.",
        )
        return
    labels = LABELS.get(name, {})
    options = [str(option) for option in declared.options]
    st.selectbox(
        declared.label,
        # A link may ask for what there is not: shown as it stands, until another is chosen.
        options if held in options else [held, *options],
        format_func=lambda option: labels.get(option, visible(option)),
        key=name,
        persist_state="session",
        help=declared.help,
    )


def _show_all() -> None:
    st.session_state[CONTROLS_SHOWN] = None
