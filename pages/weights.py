"""Each digit's theta, looked at."""

import streamlit as st

from ui.answers import one_input
from ui.model_choice import beside_choice
from ui.models import facts, model_or_stop
from ui.plain import plain
from ui.routing import ensure_routed
from ui.weights_view import closer_look, downloads, pick_part, ten_heatmaps

ensure_routed()

with beside_choice():
    st.title("Weights")
weights = model_or_stop()

st.markdown(
    f"All that **{plain(weights.name)}** ({facts(weights)}) has learned is one number for each "
    f"{one_input(weights)}: its *theta*. What is :orange[**orange**] speaks *for* the digit "
    "wherever it is found in a picture, what is :blue[**blue**] speaks *against* it. "
    "Click a picture to look closer."
)
st.page_link("pages/how.py", label="How theta comes about", icon=":material/school:")
part = pick_part(weights)
ten_heatmaps(weights, part)
closer_look(weights, part)
downloads(weights, part)
