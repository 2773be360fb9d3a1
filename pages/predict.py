"""Draw, upload, photograph or pick a digit, and see it read."""

import streamlit as st

from ui.model_choice import beside_choice
from ui.predict import (
    CAMERA,
    GALLERY,
    ROW,
    TEST_SET,
    UPLOAD,
    WHY,
    camera,
    draw,
    draw_row,
    gallery,
    upload,
)
from ui.routing import ensure_routed
from ui.state import CLOSER, GALLERY_ASKED, GALLERY_PICKED, WAY
from ui.style import heading

ensure_routed()

WAYS = {
    "Draw": draw,
    ROW: draw_row,
    UPLOAD: upload,
    CAMERA: camera,
    TEST_SET: gallery,
}

if GALLERY_ASKED in st.session_state:
    st.session_state[GALLERY_PICKED] = st.session_state.pop(GALLERY_ASKED)
    st.session_state[WAY], st.session_state[CLOSER(picture=GALLERY)] = TEST_SET, WHY
heading(
    "Ten Thetas reads handwritten digits",
    "by adding up alone, and shows why. Draw one!",
)
with beside_choice():
    way = st.segmented_control(
        "Where the digit comes from",
        list(WAYS),
        default="Draw",
        required=True,
        key=WAY,
        persist_state="session",
        label_visibility="collapsed",
        help="Draw a digit, bring pictures, photograph one, or try one that no model learned from.",
    )
WAYS[way]()
