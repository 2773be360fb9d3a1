"""A press of a button acts once: not twice where the server hears of it twice, and not never.

Streamlit's browser side keeps a press until it is sent, a moment later.  Whatever else is sent in
that moment carries it along: a turn of a part of the page that is drawn again by the clock
(`run_every`) or, as a finger goes from a field of such a part to the button, what was typed there.
Such a message asks for a run of that part alone.  Callbacks are called in it, the script itself is
not run; and in the first case the press is sent once more, and then the whole page is run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from time import monotonic
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.exceptions import ScriptControlException
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

from ui.state import PRESSES_CARRIED, PRESSES_WAITING

# Seconds within which a press that was carried along is sent once more, if it is: to the run of
# another part, where a busy server takes 3 s to hear of it, and to that of its own, where nobody
# can tell; and for which one waits for the run of the page that acts on it.
AGAIN, AGAIN_HERE, WAITS = 6.0, 0.7, 10.0


def once(name: str, act: Callable[..., None], clocked: bool = False) -> Callable[..., None]:
    """What a button is given as `on_click`, so that a press acts once.

    name : tells the button from all others.
    act : ends with what must not be done twice.  Wherever it reads or sets the session's state
        before that, the run may be ended for the next one, which then calls it anew.
    clocked : whether the button stands in a part that is drawn by the clock until it is pressed.
    """

    def press(*args: Any) -> None:
        # By button: until when a press is taken for one that was acted on.
        carried: dict[str, float] = st.session_state.setdefault(PRESSES_CARRIED, {})
        strange = run_of_another_part()
        if monotonic() < carried.get(name, -math.inf):
            if not strange:
                del carried[name]
            return
        act(*args)
        if strange or clocked:
            carried[name] = monotonic() + (AGAIN if strange else AGAIN_HERE)
        if strange:
            # All of the page shows what was done.
            st.rerun()

    return press


def acting_button(label: str, key: str, act: Callable[[], None] | None, **looks: Any) -> None:
    """A button outside of fragments that acts in the run of the page, which then is run anew: on
    what the page holds now, and not on what it held when the button was drawn.

    act : as `once` has it; None where it can do nothing.
    looks : what else `st.button` takes.
    """
    waiting: dict[str, float] = st.session_state.setdefault(PRESSES_WAITING, {})

    def note() -> None:
        waiting[key] = monotonic()

    st.button(label, key, on_click=once(key, note), disabled=act is None, **looks)
    # Taken out first: a run that is being ended for the next one may come here at the same time.
    pressed = waiting.pop(key, -math.inf)
    if act is None or monotonic() - pressed > WAITS:
        return
    try:
        act()
    except ScriptControlException:
        waiting[key] = pressed
        raise
    st.rerun()


def run_of_another_part() -> bool:
    """In a callback: whether this is a run of parts of the page that the button is not in."""
    context = get_script_run_ctx()
    parts = context.fragment_ids_this_run if context else None
    return bool(parts) and ThreadState.get().fragment_id not in (parts or ())
