"""Toasts: names for Streamlit's, which are dialogs to a screen reader; and some that must be heard.

Streamlit throws away what a run has put into a browser's queue where the next run begins before it
was sent, as happens when a browser comes back to a busy server.  A toast that must be heard is
therefore said again by each run, until SENT seconds after one of them has come to its end.  The
browser shows it once all the same: while it stands there, and not again once it has been closed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import monotonic

import streamlit as st

from ui.scripts import run_in_browser
from ui.state import TOASTS, TOASTS_SAID

# Seconds after which what a run has said at its end has been sent.
SENT = 1.0
# Each says to be named by a title that it does not have: its text is made that.  What is said once
# more (`again`) within 3 s after the user has closed it is closed.
JS = """
export default function ({ data }) {
  window.toastsSaidAgain = data.again;
  if (window.toastsHaveNames) return;
  window.toastsHaveNames = true;
  const closed = new Map();
  const note = event => {
    const toast = event.isTrusted && event.target.closest?.("[data-testid=stToast]");
    if (!toast || !event.target.closest("[slot=close]")) return;
    if (event.type === "pointerdown" || event.key === "Enter" || event.key === " ")
      closed.set(toast.innerText, { toast, at: performance.now() });
  };
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, note, true);
  const name = () => {
    for (const toast of document.querySelectorAll("[data-testid=stToast]")) {
      const text = toast.querySelector("[data-testid=stToastText]");
      if (text && !text.id) text.id = toast.getAttribute("aria-labelledby");
      const before = closed.get(toast.innerText);
      const heard = before && before.toast !== toast && performance.now() - before.at < 3000;
      if (heard && window.toastsSaidAgain) toast.querySelector("[slot=close]").click();
    }
  };
  new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
  name();
}
"""


@dataclass
class _Said:
    text: str
    options: dict
    until: float | None = None


def say(text: str, **options) -> None:
    """Show a toast, options as st.toast's, that no run which begins meanwhile takes away."""
    st.session_state.setdefault(TOASTS_SAID, []).append(_Said(text, options))


def say_toasts() -> None:
    """Show what is to be said; in each run of a page, before it."""
    now = monotonic()
    due = [said for said in st.session_state.get(TOASTS_SAID, ()) if now < (said.until or math.inf)]
    st.session_state[TOASTS_SAID] = due
    for said in due:
        st.toast(said.text, **said.options)


def have_been_said() -> None:
    """Note that a run has come to its end."""
    for said in st.session_state.get(TOASTS_SAID, ()):
        said.until = said.until or monotonic() + SENT


def name_toasts() -> None:
    """Have each toast of this tab named by what it says; in each run of a page."""
    again = bool(st.session_state.get(TOASTS_SAID))
    run_in_browser(TOASTS, JS, data={"again": again})
