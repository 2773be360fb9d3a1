"""The drawing canvas: what is on it, pen and eraser, undo and clear, kept through page changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from lrcore.drawing import naive
from lrcore.fabric import is_record, strokes_from_canvas
from ui.palette import INK, PAPER
from ui.presses import once
from ui.state import CANVAS, KEPT_DRAWING, PEN_WIDTH, TOOL
from ui.style import spoken

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

# Side of the canvas for one digit, in pixels.
SIDE = 330
PEN_TOOL, ERASER = "Pen", "Eraser"
UNDO, CLEAR = f"Undo{spoken('the last stroke')}", f"Clear{spoken('the canvas')}"
# The pen's width in pixels, where no other was chosen.
PEN = 16
JS = Path(__file__).with_name("canvas.js")
# Found by its class in browser tests; reached by Tab, so that what it says is heard.
HTML = '<canvas class="drawing" role="img" tabindex="0"></canvas>'
CSS = """
.drawing {
  display: block; box-sizing: border-box; max-width: 100%; cursor: crosshair;
  border-radius: var(--st-base-radius);
  outline: 1px solid var(--st-border-color); outline-offset: -1px;
  touch-action: none; user-select: none; -webkit-user-select: none;
}
.drawing:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: -3px; }
"""
LABEL = (
    "Canvas: draw a digit with mouse, finger or pen. Without these, choose 'Test set' or 'Upload' "
    "above."
)


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


def drawing_canvas(
    width: int, height: int, name: str = CANVAS, choice: bool = True, label: str = LABEL
) -> Drawing:
    """Show a canvas with its tools and return what is drawn on it.

    name : tells canvases apart.
    choice : whether there are an eraser and pens of other widths to choose.
    label : what the canvas is called to those who do not see it.
    """
    kept = _kept(name)
    kept.receive(_sent(name))
    place = st.container()
    tool, pen = _tools(name, choice)
    with place:
        _surface()(
            data={
                "width": width,
                "height": height,
                "paper": PAPER,
                "label": label,
                "colour": PAPER if tool == ERASER else INK,
                "pen": 2 * pen if tool == ERASER else pen,
                "objects": kept.objects,
                "edition": kept.edition,
                "seen": kept.seen,
            },
            key=name,
            width=width,
            height=height,
            on_drawing_change=lambda: None,
        )
    strokes = kept.strokes((width, height))
    return Drawing(strokes, width, height, pen, tool == ERASER)


def drawn_now(name: str, size: tuple[int, int]) -> list[np.ndarray]:
    """The strokes that are on a canvas at this moment: for a callback, which is before the run in
    which `drawing_canvas` would tell."""
    kept = _kept(name)
    kept.receive(_sent(name))
    return kept.strokes(size)


@cache
def _surface() -> ComponentRenderer:
    """The component; registered in a script run, for registering needs one."""
    return st.components.v2.component(
        "drawing_canvas", html=HTML, css=CSS, js=JS.read_text(encoding="utf-8")
    )


def _sent(name: str) -> Any:
    """What the browser last told of a canvas; None while it has told nothing."""
    drawing = dict(st.session_state.get(name) or {}).get("drawing")
    return drawing.get("raw") if isinstance(drawing, Mapping) else None


@dataclass
class Kept:
    """What outlasts the widget: the drawing, and what the canvas was last told to show.

    drawing : the canvas' record, as `lrcore.fabric` reads it.
    edition : how often the drawing was replaced from here, by undo or clear.  The canvas says of
        which edition what it sends is, so that what was undone does not come back.
    seen : how many strokes were known when it was last replaced.
    """

    drawing: dict = field(default_factory=dict)
    edition: int = 0
    seen: int = 0
    # The strokes that were last read, and from what.
    read: tuple[tuple, list[np.ndarray]] | None = None

    def __len__(self) -> int:
        return len(self.objects)

    @property
    def objects(self) -> list:
        """The paths drawn, in order."""
        return self.drawing.get("objects", [])

    def replace(self, objects: list) -> None:
        """Have the canvas show these instead of what it shows now."""
        self.seen = len(self.objects)
        self.drawing = {"objects": objects}
        self.edition += 1

    def come_back(self, session: str) -> None:
        """Have the canvas of a page that was loaded again show the drawing."""
        self.edition += 1
        self.seen = 0

    def receive(self, drawn: Any) -> None:
        """Take over what the canvas says it shows; None while it has said nothing yet."""
        if is_record(drawn) and drawn.get("edition") == self.edition:
            self.drawing = drawn

    def strokes(self, size: tuple[int, int]) -> list[np.ndarray]:
        """The strokes that are left; read once, however often the page runs."""
        key = self.drawing, size
        if self.read is None or self.read[0] != key:
            self.read = key, strokes_from_canvas(self.drawing, size, PAPER)
        return self.read[1]


def _kept(name: str) -> Kept:
    return st.session_state.setdefault(KEPT_DRAWING(canvas=name), Kept())


def _tools(name: str, choice: bool) -> tuple[str, int]:
    tool, width = PEN_TOOL, PEN
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if choice:
            tool = _tool()
        undo = once(f"undo {name}", _undo)
        st.button(UNDO, on_click=undo, args=(name,), help="Take back the last stroke.")
        st.button(CLEAR, on_click=_clear, args=(name,), help="Empty the canvas.")
        if choice:
            width = _width()
    return tool, width


def _tool() -> str:
    return st.segmented_control(
        "Tool",
        [PEN_TOOL, ERASER],
        default=PEN_TOOL,
        required=True,
        key=TOOL,
        persist_state="session",
        label_visibility="collapsed",
        help="The eraser rubs out what it passes over.",
    )


def _width() -> int:
    with st.popover(f"Width{spoken('of the pen')}", help="How wide the pen is."):
        return st.slider(
            "Pen width",
            4,
            40,
            PEN,
            key=PEN_WIDTH,
            persist_state="session",
            help="For your eyes only: the model sees your strokes redrawn with MNIST's pen.",
        )


def _undo(name: str) -> None:
    # The last of what the learner sees now: a stroke may have come with this very press.
    kept = _kept(name)
    kept.receive(_sent(name))
    kept.replace(kept.objects[:-1])


def _clear(name: str) -> None:
    kept = _kept(name)
    kept.receive(_sent(name))
    kept.replace([])
