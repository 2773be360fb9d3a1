"""The room of what a browser draws late, kept from the start: nothing moves as it comes.

Streamlit loads what draws a chart, a field or a picture only when the first one is met, and shows
a bar of one line till then.
"""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from lrcore.settings import NAMES
from ui.device import on_phone
from ui.heatmaps import LARGE, MIDDLE, SMALL
from ui.how_charts import HEIGHT
from ui.mistakes import MATRIX
from ui.state import (
    CHART_PLACE,
    CLOSER_LOOK,
    CONFUSION,
    HOW_CHART,
    HOW_DIGIT,
    HOW_LEAN,
    HOW_PROBABILITY,
    HOW_SCORE,
    HOW_STEP,
    LARGE_THETA,
    MISTAKE_ANSWER,
    MISTAKE_TRUTH,
    TAB,
    TEN_THETAS,
    TOASTS,
    WEIGHTS_PART,
    WEIGHTS_ROW,
    WEIGHTS_SCALE,
    WEIGHTS_VIEW,
)
from ui.train.charts import HEIGHTS

# How tall a field is under its name, and a choice of several, in pixels.
FIELD, CHOICE = 64, 68


def heights(phone: bool) -> dict[str, int]:
    """How tall each of them is at least, in pixels, by its key or the beginning of it."""
    fields = (
        *(name for name in NAMES if len(name) > 1),
        *(*HOW_DIGIT.values(), HOW_SCORE, HOW_PROBABILITY, HOW_STEP, HOW_LEAN),
        *(MISTAKE_TRUTH, MISTAKE_ANSWER, WEIGHTS_ROW),
    )
    return {
        **dict.fromkeys(fields, FIELD),
        **dict.fromkeys((WEIGHTS_PART, WEIGHTS_SCALE), CHOICE),
        # On a phone the four stand in two rows.
        WEIGHTS_VIEW: 90 if phone else CHOICE,
        LARGE_THETA: LARGE + 24,
        CONFUSION: MATRIX,
        **{HOW_CHART(what=what): HEIGHT for what in ("sigmoid", "cost", "falling")},
        **{CHART_PLACE(what=what): height for what, height in HEIGHTS.items()},
    }


def keep_room() -> None:
    """Keep it all, in each run; what it takes is far smaller than what draws a chart, and is there
    before that."""
    st.html(f"<style>{' '.join(_rules(on_phone()))}</style>")


def _rules(phone: bool) -> Iterator[str]:
    for key, height in heights(phone).items():
        yield f"[class*='st-key-{key}'] {{min-height: {height}px}}"
    side = MIDDLE if phone else SMALL
    # In the middle of its place, and so in its place from the start.
    yield f".st-key-{TEN_THETAS} [class*='st-key-theta_'] {{min-width: {side}px}}"
    yield f".st-key-{TEN_THETAS} [class*='st-key-theta_'] {{min-height: {side}px}}"
    yield f".st-key-{CONFUSION} {{min-width: min({MATRIX}px, 100%)}}"
    yield (
        f"[data-testid='stLayoutWrapper']:has(> .st-key-{CLOSER_LOOK})"
        f" {{min-width: min({LARGE}px, 100%)}}"
    )
    # What shows nothing takes no room.
    yield f".st-key-{TAB}, .st-key-{TOASTS} {{position: absolute; width: 1px}}"
