"""Play: steps that go by themselves, from where one looks to the last, and end there."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ui.presses import once
from ui.style import spoken

# Seconds between two steps.
PLAY_FRAME = 0.3


def is_playing(playing: str) -> bool:
    """Whether it plays just now; `playing` is the key of the session that says so."""
    return bool(st.session_state.get(playing))


def play_button(what: str, key: str, playing: str, place: str, steps: Sequence[int]) -> bool:
    """Play, or Pause while it plays; returns whether it was pressed just now.

    After a press all of the page has to run, as the clock of a fragment is set by that.

    what : plays, to those who hear the button's name.
    key, playing, place : keys of the session: of the button, of whether it plays (`is_playing`),
        and of the step looked at, which is the last where there is none.
    steps : all there are.  Pressed at the last, it begins again from the first.
    """
    plays = is_playing(playing)

    def press() -> None:
        st.session_state[playing] = not plays
        # As it is at the press: an address may have set it since the button was drawn.
        if not plays and st.session_state.get(place) not in steps[:-1]:
            st.session_state[place] = steps[0]

    label, icon = ("Pause", "pause") if plays else ("Play", "play_arrow")
    return st.button(
        f"{label}{spoken(what)}",
        key=key,
        icon=f":material/{icon}:",
        on_click=once(key, press, clocked=plays),
        help="Goes on step by step to the last one; pressed there, it begins again from the first.",
    )


def next_step(playing: str, steps: Sequence[int], at: int) -> int:
    """The step after the one looked at while it plays, which ends at the last; else that one."""
    if not is_playing(playing):
        return at
    if at == steps[-1]:
        st.session_state[playing] = False
        return at
    return steps[steps.index(at) + 1]
