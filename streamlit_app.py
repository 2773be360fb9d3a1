"""Ten Thetas: ten one-vs-all logistic regressions read handwritten digits.

Start with `streamlit run streamlit_app.py`.  This file only routes.
"""

import streamlit as st

from ui.models import model_sidebar

st.set_page_config(page_title="Ten Thetas", page_icon="ui/icon.png", layout="wide")

page = st.navigation(
    [
        st.Page("pages/predict.py", title="Predict", icon=":material/draw:", default=True),
        st.Page("pages/train.py", title="Train", icon=":material/trending_down:"),
        st.Page("pages/weights.py", title="Weights", icon=":material/grid_on:"),
    ]
)
model_sidebar()
page.run()
