"""Ten Thetas: ten one-vs-all logistic regressions read handwritten digits.

Start with `streamlit run streamlit_app.py`.  This file only routes.
"""

import streamlit as st

from ui.forgotten import say_if_forgotten
from ui.models import errors_said, settle_choice
from ui.routing import ROUTED, pages

st.set_page_config(page_title="Ten Thetas", page_icon="ui/icon.png", layout="wide")

st.logo("ui/icon.png", size="large")

page = st.navigation(pages(), position="top")
settle_choice()
say_if_forgotten()
st.session_state[ROUTED] = True
with errors_said():
    page.run()
