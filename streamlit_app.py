"""Ten Thetas: ten one-vs-all logistic regressions read handwritten digits.

Start with `streamlit run streamlit_app.py`.  This file only routes.
"""

import streamlit as st

from ui.models import errors_said, model_sidebar
from ui.routing import ROUTED, pages

st.set_page_config(page_title="Ten Thetas", page_icon="ui/icon.png", layout="wide")

page = st.navigation(pages())
model_sidebar()
st.session_state[ROUTED] = True
with errors_said():
    page.run()
