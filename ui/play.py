"""Play: steps that go by themselves, from where one looks to the last, and end there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

# Seconds between two steps.
PLAY_FRAME = 0.3


def is_playing(playing: str) -> bool:
    """Whether it plays just now; `playing` is the key of the session that says so."""
    return bool(st.session_state.get(playing))


def play_button(
    key: str, playing: str, steps: Sequence[int], at: int, go_to: Callable[[int], None]
) -> bool:
    """Play, or Pause while it plays; returns whether it was pressed just now.

    After a press all of the page has to run, as the clock of a fragment is set by that.

    key : of the button; playing : see `is_playing`.
    steps, at : all there are, and the one looked at.
    go_to : goes to a step, which is the first where Play is pressed at the last.
    """
    plays = is_playing(playing)

    def press() -> None:
        st.session_state[playing] = not plays
        if not plays and at == steps[-1]:
            go_to(steps[0])

    label, icon = ("Pause", "pause") if plays else ("Play", "play_arrow")
    return st.button(
        label,
        key=key,
        icon=f":material/{icon}:",
        on_click=press,
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
