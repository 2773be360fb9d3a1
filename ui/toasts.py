"""Names for Streamlit's toasts, which are dialogs to a screen reader."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime import exists

from ui.state import TOASTS

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

# Each says to be named by a title that it does not have: its text is made that.
JS = """
export default function () {
  if (window.toastsHaveNames) return;
  window.toastsHaveNames = true;
  const name = () => {
    for (const toast of document.querySelectorAll("[data-testid=stToast]")) {
      const text = toast.querySelector("[data-testid=stToastText]");
      if (text && !text.id) text.id = toast.getAttribute("aria-labelledby");
    }
  };
  new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
  name();
}
"""


def name_toasts() -> None:
    """Have each toast of this tab named by what it says; in each run of a page."""
    # Without a server (a test) there is no browser.
    if exists():
        _component()(key=TOASTS)


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("toasts", js=JS)
