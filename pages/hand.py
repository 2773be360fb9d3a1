"""What was learned from the user's own hand, and the set of the user's own digits."""

import streamlit as st

from ui.hand import before_and_after, keep_hand, own_section
from ui.model_choice import beside_choice
from ui.models import chosen_model
from ui.routing import ensure_routed

ensure_routed()

with beside_choice():
    st.title("My hand")
st.markdown(
    "Nobody writes like everybody. Under each answer on the Predict page you can say what you "
    "really drew: a wrong answer moves theta at once, as far as the training pictures let it, and "
    "no further. All of it is in the memory of the server for this browser tab alone: a reload "
    "brings it back, and two minutes after you close the tab it is gone, unless you download it."
)
weights = chosen_model()
if weights is not None:
    before_and_after(weights)
keep_hand(weights)
st.divider()
own_section()
