"""The drawing canvas: what is on it, pen and eraser, undo and clear, kept through page changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from lrcore.drawing import naive
from lrcore.fabric import is_record, strokes_from_canvas
from ui.palette import INK, PAPER
from ui.state import CANVAS, KEPT_DRAWING, PEN_WIDTH, TOOL

PEN_TOOL, ERASER = "Pen", "Eraser"


@dataclass(frozen=True)
class Drawing:
    """What is on a canvas of `width` x `height` pixels.

    strokes : list of arrays (m, 2), as `lrcore.drawing` takes them; empty for a blank canvas.
    pen : the pen's width in pixels.
    erasing : whether the eraser is the tool in hand.
    """

    strokes: list[np.ndarray]
    width: int
    height: int
    pen: int
    erasing: bool

    def shrunk(self) -> np.ndarray:
        """The whole canvas as it is, shrunk to 28x28: what most demos feed their model."""
        return naive(self.strokes, self.width, self.height, self.pen)


def drawing_canvas(width: int, height: int, name: str = CANVAS) -> Drawing:
    """Show a canvas with its tools and return what is drawn on it; `name` tells canvases apart."""
    # Imported in a script run only: registering the component needs one.
    from streamlit_drawable_canvas import st_canvas

    kept = _kept(name)
    if name not in st.session_state:
        # The page was just opened: put back what was drawn before.
        kept.load(kept.drawing.get("objects", []))
    place = st.container()
    tool, pen = _tools(name)
    with place:
        result = st_canvas(
            stroke_width=2 * pen if tool == ERASER else pen,
            stroke_color=PAPER if tool == ERASER else INK,
            background_color=PAPER,
            initial_drawing=kept.base,
            width=width,
            height=height,
            key=name,
        )
    kept.receive(result.json_data)
    strokes = kept.strokes((width, height))
    return Drawing(strokes, width, height, pen, tool == ERASER)


@dataclass
class Kept:
    """What outlasts the widget: the drawing, and what the canvas was last told to show."""

    drawing: dict
    base: dict
    stale: dict | None = None
    version: int = 0
    # The strokes that were last read, and from what.
    read: tuple[tuple, list[np.ndarray]] | None = None

    def load(self, objects: list) -> None:
        """Have the canvas show these; it reloads only when `base` changes, hence the number."""
        self.version += 1
        self.base = {"objects": objects, "version": self.version}

    def replace(self, objects: list) -> None:
        """Have the canvas show these instead of what it shows now."""
        self.stale = self.drawing
        self.load(objects)

    def receive(self, drawn: dict | None) -> None:
        """Take over what the canvas says it shows; None while it has said nothing yet."""
        # Right after undo or clear the browser has not yet sent the changed drawing.
        if drawn is None or not is_record(drawn) or drawn == self.stale:
            self.drawing = self.base
        else:
            self.drawing, self.stale = drawn, None

    def strokes(self, size: tuple[int, int]) -> list[np.ndarray]:
        """The strokes that are left; read once, however often the page runs."""
        key = self.drawing, size
        if self.read is None or self.read[0] != key:
            self.read = key, strokes_from_canvas(self.drawing, size, PAPER)
        return self.read[1]


def _kept(name: str) -> Kept:
    return st.session_state.setdefault(KEPT_DRAWING(canvas=name), Kept({}, {}))


def _tools(name: str) -> tuple[str, int]:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        tool = st.segmented_control(
            "Tool",
            [PEN_TOOL, ERASER],
            default=PEN_TOOL,
            required=True,
            key=TOOL,
            persist_state="session",
            label_visibility="collapsed",
            help="The eraser rubs out what it passes over.",
        )
        st.button("Undo", on_click=_undo, args=(name,), help="Take back the last stroke.")
        st.button("Clear", on_click=_clear, args=(name,), help="Empty the canvas.")
        with st.popover("Width", help="How wide the pen is."):
            width = st.slider(
                "Pen width",
                4,
                40,
                16,
                key=PEN_WIDTH,
                persist_state="session",
                help="For your eyes only: the model sees your strokes redrawn with MNIST's pen.",
            )
    return tool, width


def _undo(name: str) -> None:
    kept = _kept(name)
    kept.replace(kept.drawing.get("objects", [])[:-1])


def _clear(name: str) -> None:
    _kept(name).replace([])
