"""The cost as a valley, and the five solvers' ways down."""

import streamlit as st

from ui.routing import ensure_routed
from ui.style import heading
from ui.valley import play

ensure_routed()

heading("Valley", "of the cost, seen from above: five solvers walk down it, each in its own way.")
play()
st.page_link("pages/train.py", label="Train with each of the five", icon=":material/trending_down:")
