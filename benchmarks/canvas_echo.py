"""The least that an app with this canvas can do: say how many strokes are on it.

What `page_speed.py` compares the Predict page to.
"""

import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ui.canvas import drawing_canvas

st.html(f'<div data-strokes="{len(drawing_canvas(330, 330).strokes)}"></div>')
