"""Where a model goes wrong on the test set, and how."""

import streamlit as st

from ui.mistakes import each_digit, figures, hardest_and_typical, matrix_and_pictures, study
from ui.model_choice import beside_choice
from ui.models import facts, model_or_stop
from ui.plain import plain
from ui.routing import ensure_routed
from ui.threshold import where_to_put_the_bar

ensure_routed()

with beside_choice():
    st.title("Mistakes")
weights = model_or_stop()

st.markdown(
    f"**{plain(weights.name)}** ({facts(weights)}) reads MNIST's test set: pictures that it has "
    "not learned from, by writers whom it has never seen."
)
found = study(weights)
figures(found)
matrix_and_pictures(weights, found)
st.divider()
each_digit(weights, found)
st.divider()
where_to_put_the_bar(weights, found)
st.divider()
hardest_and_typical(weights, found)
