"""Two digits, two numbers of each picture, and one line."""

import streamlit as st

from ui.routing import ensure_routed
from ui.style import heading
from ui.two_numbers import play, take_link

ensure_routed()

heading(
    "Two numbers, one line",
    "is logistic regression small enough to be seen whole: each dot a real picture, theta a line.",
)
take_link()
play()
st.page_link("pages/how.py", label="How it works, in five minutes", icon=":material/school:")
st.page_link("pages/valley.py", label="The valley of such a cost", icon=":material/landscape:")
