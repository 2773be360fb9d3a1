"""A reload keeps what a tab had: a new session takes over from the one that the tab just left.

Streamlit gives a page that is loaded again a new session, and keeps the old one for the time that
`server.disconnectedSessionTTL` says.  Each session therefore gives its tab a token, random and
kept in the tab's own sessionStorage: not in an address, not in a cookie, and not in other tabs.
Whoever comes with the token of a session that the server still has, and that nobody is connected
to, is that tab, and takes over all that is said in `ui/state.py` to outlast a change of page.
A token is good for that once.
"""

from __future__ import annotations

import secrets
import time
import weakref
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state import SessionState

from ui.scripts import run_in_browser
from ui.state import (
    ADDRESS_WRITTEN,
    BARE_ADDRESS,
    LESSON_OPEN,
    LOST_TOLD,
    PIN_LINK,
    SETTINGS_SET,
    SWEEP_LINK,
    TAB,
    THIS_TAB,
    TOASTS_SAID,
    TWO_LINK,
    Lasts,
    declared,
)
from ui.toasts import say

# Seconds in which a connection that a reload ends is seen to have ended.
PATIENCE = 2.0
JS = """
const NAME = "ten-thetas-tab";
export default function ({ data, setTriggerValue }) {
  let had;
  try {
    had = sessionStorage.getItem(NAME);
    sessionStorage.setItem(NAME, data.token);
  } catch {
    return; // A browser that keeps nothing has nothing to bring back.
  }
  if (had && had !== data.token) setTriggerValue("had", had);
}
"""


@dataclass(eq=False)
class Tab:
    """A session, by a token that its tab alone knows.  It is kept in that very session, so that
    the server decides how long there is one."""

    token: str
    session: str
    state: SessionState


_tabs: weakref.WeakValueDictionary[str, Tab] = weakref.WeakValueDictionary()


# What was last taken over from an address: a lesson, a sweep, a digit to pin, a line.
LINKS = (LESSON_OPEN, SWEEP_LINK, PIN_LINK, TWO_LINK)
# Of the connection as it is now, whatever the tab held before.
NOT_BROUGHT = (THIS_TAB, LOST_TOLD, TOASTS_SAID, ADDRESS_WRITTEN, BARE_ADDRESS, SETTINGS_SET)


def outlast_reload() -> None:
    """Have this tab find again what it holds, should it be loaded again; in each run of a page."""
    context = get_script_run_ctx()
    # Without a server (a test) there is nothing to come back to.
    if context is None or not exists():
        return
    tab = st.session_state.get(THIS_TAB)
    if tab is None:
        state = context.session_state._state
        tab = Tab(secrets.token_urlsafe(32), context.session_id, state)
        _tabs[tab.token] = st.session_state[THIS_TAB] = tab
    run_in_browser(TAB, JS, data={"token": tab.token}, on_had_change=_come_back)


def _come_back() -> None:
    """Take over what the session held whose token came."""
    context = get_script_run_ctx()
    state = None if context is None else take(str(st.session_state[TAB].get("had")))
    if context is None or state is None:
        return
    # What the address asks for is taken over once more, over what is brought back, unless the tab
    # had taken the same over before.
    for asked_for in LINKS:
        st.session_state.pop(asked_for, None)
    work = False
    for key, value in state.filtered_state.items():
        entry = declared(key)
        if entry is None or key in NOT_BROUGHT:
            continue
        # What the address of the page says of that page is here already.
        held = entry.lasts is Lasts.ADDRESS and key not in st.session_state
        if entry.lasts is not Lasts.SESSION and not held:
            continue
        st.session_state[key] = value
        work = work or entry.is_work(value)
        # What knows of its session or its browser is told of the new one.
        if hasattr(value, "come_back"):
            value.come_back(context.session_id)
    # Of what every visit holds nothing is said: it is as if nothing had happened.
    if work:
        say("Brought back: what this tab held before it was loaded again.")


def take(token: str) -> SessionState | None:
    """What the session of this token holds, and the token is good no more; None where there is no
    such session, or somebody is connected to it: a second tab that was made from the first."""
    end = time.monotonic() + PATIENCE
    while (tab := _tabs.get(token)) is not None:
        if not get_instance().is_active_session(tab.session):
            # Of two who come at once with the same token one gets it.
            tab = _tabs.pop(token, None)
            return tab.state if tab is not None else None
        if time.monotonic() > end:
            return None
        time.sleep(0.05)
    return None
