"""Where a model goes wrong on the test set, and how."""

import streamlit as st

from ui.classroom.guide import PART
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
sections = [matrix_and_pictures, each_digit, where_to_put_the_bar, hardest_and_typical]
if st.query_params.get(PART) == "bar":
    # What an address or a lesson is about comes first.
    sections.insert(0, sections.pop(2))
for section in sections:
    if section is not sections[0]:
        st.divider()
    section(weights, found)
