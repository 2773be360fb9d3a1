"""The least that an app with a ready-made canvas can do: say how many strokes are on it.

What `page_speed.py` compares the Predict page to; it needs what `benchmarks/requirements.txt` adds.
"""

import streamlit as st
from streamlit_drawable_canvas import st_canvas

drawing = st_canvas(stroke_width=16, width=330, height=330, key="canvas").json_data
st.html(f'<div data-strokes="{len((drawing or {}).get("objects", []))}"></div>')
