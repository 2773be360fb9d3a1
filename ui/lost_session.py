"""A word to those whose session the server has lost."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime import exists
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.models import errors_said
from ui.state import LOST_TOLD
from ui.toasts import say


def lost_session(protocols: str, session: str) -> bool:
    """Whether a browser that comes back was given another session than the one it had.

    protocols : the header Sec-WebSocket-Protocol of the browser's connection.  Streamlit puts
        three things there: its name, a token and, where the page has been connected before,
        the session that it then had.
    session : the session that it has now.
    """
    had = [part.strip() for part in protocols.split(",")][2:]
    return bool(had) and had[0] != session


def say_if_lost() -> None:
    """Tell that all is lost but what was downloaded; once, until clicked away.

    A session lives in one process.  It is gone when that process ends, or when the browser was
    away for longer than `server.disconnectedSessionTTL`.
    """
    _run_when_connected_again()
    # Without a server (a test) there is no connection that could have been lost.
    context = get_script_run_ctx()
    if context is None or not exists() or LOST_TOLD in st.session_state:
        return
    protocols = st.context.headers.get("Sec-WebSocket-Protocol", "")
    st.session_state[LOST_TOLD] = True
    if not lost_session(protocols, context.session_id):
        return
    # A toast moves nothing on the page: a canvas that moves would lose what is drawn on it.
    say(
        "**The server has lost this session**: its runs, models and digits. Load again what "
        "you downloaded.",
        icon=":material/restart_alt:",
        duration="infinite",
    )


@st.fragment(run_every=86_400)
@errors_said()
def _run_when_connected_again() -> None:
    """Have the page run again as soon as a lost connection is back.

    Streamlit does so only for pages with a timer.  The others would stand there as if nothing
    had happened, and their buttons would do nothing, or act on a session that knows of nothing.
    """
