"""The drawing canvas: what is on it, pen and eraser, undo and clear, kept through page changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from lrcore.drawing import naive, strokes_from_canvas
from ui.palette import INK, PAPER

PEN, ERASER = "Pen", "Eraser"
# Lasting values, under keys that no widget owns.
BASE, DRAWING, STALE = "canvas_base", "canvas_drawing", "canvas_stale"
WIDGET, WIDTH = "canvas", "pen_width"


@dataclass(frozen=True)
class Drawing:
    """What is on a canvas of `width` x `height` pixels.

    strokes : list of arrays (m, 2), as `lrcore.drawing` takes them; empty for a blank canvas.
    pen : the pen's width in pixels.
    """

    strokes: list[np.ndarray]
    width: int
    height: int
    pen: int

    def shrunk(self) -> np.ndarray:
        """The whole canvas as it is, shrunk to 28x28: what most demos feed their model."""
        return naive(self.strokes, self.width, self.height, self.pen)


def drawing_canvas(width: int, height: int) -> Drawing:
    """Show the canvas with its tools and return what is drawn on it."""
    # Imported in a script run only: registering the component needs one.
    from streamlit_drawable_canvas import st_canvas

    state = st.session_state
    if WIDGET not in state:
        # The page was just opened: put back what was drawn before.
        state[BASE] = _base(state.get(DRAWING, {}).get("objects", []))
    place = st.container()
    tool, pen = _tools()
    with place:
        result = st_canvas(
            stroke_width=2 * pen if tool == ERASER else pen,
            stroke_color=PAPER if tool == ERASER else INK,
            background_color=PAPER,
            initial_drawing=state[BASE],
            width=width,
            height=height,
            key=WIDGET,
        )
    drawn = result.json_data
    # Right after undo or clear the browser has not yet sent the changed drawing.
    if drawn is None or drawn == state.get(STALE):
        drawn = state[BASE]
    else:
        state[STALE] = None
    state[DRAWING] = drawn
    return Drawing(strokes_from_canvas(drawn, PAPER), width, height, pen)


def _tools() -> tuple[str, int]:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        tool = st.segmented_control(
            "Tool",
            [PEN, ERASER],
            default=PEN,
            required=True,
            key="tool",
            persist_state="session",
            label_visibility="collapsed",
            help="The eraser rubs out what it passes over.",
        )
        st.button(
            "Undo",
            on_click=_undo,
            help="Take back the last stroke.",
        )
        st.button(
            "Clear",
            on_click=_clear,
            help="Empty the canvas.",
        )
        with st.popover("", icon=":material/line_weight:", help="How wide the pen is."):
            width = st.slider(
                "Pen width",
                4,
                40,
                16,
                key=WIDTH,
                persist_state="session",
                help="For your eyes only: the model sees your strokes redrawn with MNIST's pen.",
            )
    return tool, width


def _undo() -> None:
    _replace(st.session_state[DRAWING]["objects"][:-1])


def _clear() -> None:
    _replace([])


def _replace(objects: list) -> None:
    state = st.session_state
    state[STALE] = state.get(DRAWING)
    state[BASE] = _base(objects)


def _base(objects: list) -> dict:
    # The canvas reloads only when this dict changes, so each carries a new number.
    state = st.session_state
    state["canvas_version"] = state.get("canvas_version", 0) + 1
    return {"objects": objects, "version": state["canvas_version"]}
