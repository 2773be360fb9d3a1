"""Scripts that the browser runs beside a page, and that show nothing."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.runtime import exists

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer


def run_in_browser(name: str, js: str, **given: Any) -> None:
    """Have the browser run a script; in each run of a page.

    name : the key of its place in the session, too.
    given : what else the component takes: `data` for the script, callbacks for what it tells.
    """
    # Without a server (a test) there is no browser.
    if exists():
        _component(name, js)(key=name, **given)


@cache
def _component(name: str, js: str) -> ComponentRenderer:
    return st.components.v2.component(name, js=js)
