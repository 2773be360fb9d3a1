"""Where a model goes wrong on the test set, and how."""

import streamlit as st

from ui.mistakes import each_digit, figures, hardest_and_typical, matrix_and_pictures, study
from ui.models import chosen_model, facts
from ui.routing import ensure_routed

ensure_routed()

st.title("Mistakes")
weights = chosen_model()
if weights is None:
    st.info("There are no weights to test yet: train a model on the Train page.")
    st.stop()

st.markdown(
    f"**{weights.name}** ({facts(weights)}) reads MNIST's test set: pictures that it has not "
    "learned from, by writers whom it has never seen."
)
found = study(weights)
figures(found)
matrix_and_pictures(weights, found)
st.divider()
each_digit(weights, found)
st.divider()
hardest_and_typical(weights, found)
