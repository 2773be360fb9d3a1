"""How it works: five minutes to read and play with, and the lessons."""

import streamlit as st

from ui import how
from ui.models import errors_said
from ui.routing import ensure_routed

ensure_routed()

st.title("How it works")
st.markdown(
    "Ten Thetas reads a digit by multiplying, adding up, and one curve. Nothing else, and nothing "
    "hidden. Five minutes, with something to move in every part."
)
# The way back from a lesson leads to the list of them.
lessons_first = st.query_params.get("part") == "lessons"
if lessons_first:
    how.lessons_section()
for section in (
    how.score_section,
    how.sigmoid_section,
    how.cost_section,
    how.one_vs_all_section,
    how.theta_section,
    how.deskew_section,
):
    # A fragment each: moving a slider redraws its own section alone.
    st.fragment(errors_said()(section))()
if not lessons_first:
    how.lessons_section()
