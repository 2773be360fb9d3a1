"""Each digit's theta, looked at."""

import streamlit as st

from lrcore.evidence import PICTURES
from ui.models import chosen_model, facts
from ui.routing import ensure_routed
from ui.weights_view import closer_look, downloads, ten_heatmaps

ensure_routed()

st.title("Weights")
weights = chosen_model()
if weights is None:
    st.info("There are no weights to look at yet: train a model on the Train page.")
    st.stop()

inputs = "pixel" if weights.features in PICTURES else "edge in each direction"
st.markdown(
    f"All that **{weights.name}** ({facts(weights)}) has learned is one number for each {inputs}: "
    "its *theta*. Where theta is :orange[**orange**], ink there speaks *for* the digit; where it "
    "is :blue[**blue**], ink there speaks *against* it. Click a picture to look closer."
)
ten_heatmaps(weights)
closer_look(weights)
downloads(weights)
