"""A word to those whose session the server has forgotten."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime import exists
from streamlit.runtime.scriptrunner import get_script_run_ctx

READ = "forgotten_read"


def forgotten(protocols: str, session: str) -> bool:
    """Whether a browser that comes back was given another session than the one it had.

    protocols : the header Sec-WebSocket-Protocol of the browser's connection.  Streamlit puts
        three things there: its name, a token and, where the page has been connected before,
        the session that it then had.
    session : the session that it has now.
    """
    had = [part.strip() for part in protocols.split(",")][2:]
    return bool(had) and had[0] != session


def say_if_forgotten() -> None:
    """Tell what is lost, and what can be brought back, until it has been read.

    A session lives in one process.  It is gone when that process ends, or when the browser was
    away for longer than `server.disconnectedSessionTTL`.
    """
    # Without a server (a test) there is no connection that could have been lost.
    if not exists() or READ in st.session_state:
        return
    protocols = st.context.headers.get("Sec-WebSocket-Protocol", "")
    if not forgotten(protocols, get_script_run_ctx().session_id):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(
            "The server was restarted, or this page was away for too long: its runs, models, "
            "corrections and digits are gone. Load again what you downloaded: weights under "
            "*Model*, digits on *My hand*.",
            icon=":material/restart_alt:",
        )
        st.button("Understood", on_click=st.session_state.setdefault, args=(READ, True))
