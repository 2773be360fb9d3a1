"""The pages, and the way to them."""

from __future__ import annotations

import copy
import functools
import runpy
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.scripts import run_in_browser
from ui.state import NAVIGATION, ROUTED

# Where the window is narrow the navigation is a sheet over the page.  Streamlit folds it away once
# a page was chosen, but on phones alone: at twice the zoom it went on covering the page.
FOLD = """
export default function () {
  if (window.navigationFolds) return;
  window.navigationFolds = true;
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-testid=stSidebarNavLink]")) return;
    setTimeout(() => {
      if (document.querySelector("[data-testid=stExpandSidebarButton]")) return;
      document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
    }, 0);
  });
}
"""
ROUTER = Path(__file__).resolve().parent.parent / "streamlit_app.py"


def pages() -> list:
    """All pages, in the order of the navigation."""
    # A run writes into them; made anew they would look for their files in each run, and each look
    # at a disk is an occasion for other threads to come first.
    return [copy.copy(page) for page in _known()]


@functools.cache
def _known() -> list:
    return [
        st.Page("pages/predict.py", title="Predict", icon=":material/draw:", default=True),
        st.Page("pages/train.py", title="Train", icon=":material/trending_down:"),
        st.Page("pages/weights.py", title="Weights", icon=":material/grid_on:"),
        st.Page("pages/hand.py", title="My hand", icon=":material/back_hand:", url_path="hand"),
        st.Page("pages/mistakes.py", title="Mistakes", icon=":material/rule:"),
        st.Page("pages/how.py", title="How it works", icon=":material/school:", url_path="how"),
        st.Page(
            "pages/two-numbers.py",
            title="Two numbers",
            icon=":material/scatter_plot:",
            url_path="two-numbers",
        ),
        st.Page("pages/valley.py", title="Valley", icon=":material/landscape:"),
        # For the projector: it is linked to, and needs no place in the bar.
        st.Page(
            "pages/lesson.py",
            title="Lesson",
            icon=":material/co_present:",
            url_path="lesson",
            visibility="hidden",
        ),
    ]


def fold_navigation() -> None:
    """Have the sheet of pages folded away once one was chosen; in each run of a page."""
    run_in_browser(NAVIGATION, FOLD)


def ensure_routed() -> None:
    """Make sure that a page came through the router; every page's first line.

    A server that has never yet run `st.navigation` takes a folder named `pages`
    for the older kind of app with many pages: whoever opens a link to a page
    first would get the page alone, without page config, navigation and model.
    """
    if not st.session_state.pop(ROUTED, False):
        runpy.run_path(str(ROUTER))
        st.stop()


def went_back() -> bool:
    """Whether this run is for an address to which the browser went back, or forward again."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation
