"""Ten Thetas: ten one-vs-all logistic regressions read handwritten digits.

Start with `streamlit run streamlit_app.py`.  This file only routes.
"""

import streamlit as st
from streamlit.runtime.scriptrunner import StopException

from ui.classroom.guide import follow, pinned
from ui.lost_session import say_if_lost
from ui.models import errors_said, settle_choice
from ui.reload import outlast_reload
from ui.room import room
from ui.routing import fold_navigation, pages
from ui.state import ROUTED
from ui.style import ICON, style
from ui.toasts import have_been_said, name_toasts, say_toasts
from ui.uploads import bound_uploads

st.set_page_config(page_title="Ten Thetas", page_icon=ICON, layout="wide")
style(room())
st.logo(ICON, size="large")

bound_uploads()
page = st.navigation(pages(), position="top")
st.set_page_config(page_title=f"{page.title} · Ten Thetas")
place = page.url_path or "predict"
# What shows nothing stands below the page: a browser keeps some room for it until it has come.
shown, unseen = st.container(), st.container(width=1, gap=None)
with shown:
    follow(place)
    settle_choice()
    say_if_lost()
    say_toasts()
with unseen:
    outlast_reload()
    name_toasts()
    fold_navigation()
with shown:
    pinned(place)
    st.session_state[ROUTED] = True
    with errors_said():
        try:
            page.run()
        except StopException:
            have_been_said()
            raise
    have_been_said()
