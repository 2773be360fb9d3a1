"""Each digit's theta, looked at."""

import streamlit as st

from ui.model_choice import beside_choice
from ui.models import model_or_stop
from ui.routing import ensure_routed
from ui.weights_view import look, pick_part

ensure_routed()

with beside_choice():
    st.title("Weights")
weights, part = pick_part(model_or_stop())
look(weights, part)
st.page_link("pages/how.py", label="How theta comes about", icon=":material/school:")
