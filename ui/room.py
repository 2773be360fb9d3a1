"""The room of what a browser draws late, kept from the start: nothing moves as it comes.

Streamlit loads what draws a chart, a field or a picture only when the first one is met, and shows
a bar of one line till then.
"""

from __future__ import annotations

from collections.abc import Iterator

from lrcore.settings import NAMES
from ui.device import on_phone
from ui.heatmaps import LARGE, MIDDLE, SMALL
from ui.how_charts import HEIGHT
from ui.mistakes import MATRIX
from ui.plane import MOST_WIDE
from ui.state import (
    BESIDE,
    CHART,
    CHART_PLACE,
    CLOSER_LOOK,
    CONFUSION,
    COST_AXIS,
    HOW_CHART,
    HOW_DIGIT,
    HOW_LABEL,
    HOW_LEAN,
    HOW_PROBABILITY,
    HOW_SCORE,
    HOW_STEP,
    LARGE_THETA,
    MISTAKE_ANSWER,
    MISTAKE_TRUTH,
    NAVIGATION,
    PLANE,
    RATE_NOW,
    RUN_AXIS,
    RUN_BUTTONS,
    STORIES,
    TAB,
    TEN_THETAS,
    TOASTS,
    TWO_BUTTONS,
    TWO_DIGIT,
    TWO_GUESS,
    TWO_KIND,
    TWO_LINE,
    VALLEY,
    VALLEY_GROUND,
    VALLEY_GUESS,
    WAY,
    WEIGHTS_PART,
    WEIGHTS_ROW,
    WEIGHTS_SCALE,
    WEIGHTS_VIEW,
)
from ui.train.charts import HEIGHTS
from ui.valley_charts import BEYOND, side

# How tall a field is under its name, and a choice of several, in pixels.
FIELD, CHOICE, BARE_CHOICE = 64, 56, 30
# The same in two rows, as on a phone; of buttons, too.
TWO_ROWS = 90
# How wide an answer is at least: ten buttons in a row.
ANSWER = 400
# How wide choices are that stand in a row with others, in pixels: what has no room beside them is
# below them from the start.
WIDTHS = {
    WAY: 338,
    WEIGHTS_VIEW: 413,
    WEIGHTS_SCALE: 246,
    TWO_KIND: 395,
    TWO_GUESS(choice=""): 383,
    VALLEY_GROUND: 204,
    VALLEY_GUESS: 337,
}
# The large digit of an answer, and the picture beside it with its words.
DIGIT, PICTURE = 91, 142


def heights(phone: bool) -> dict[str, int]:
    """How tall each of them is at least, in pixels, by its key or the beginning of it."""
    fields = (
        *(name for name in NAMES if len(name) > 1),
        *(*HOW_DIGIT.values(), HOW_SCORE, HOW_PROBABILITY, HOW_STEP, HOW_LEAN),
        *(MISTAKE_TRUTH, MISTAKE_ANSWER, WEIGHTS_ROW, RATE_NOW(job="")),
        *(*TWO_DIGIT.values(), *TWO_LINE.values()),
        *(VALLEY(name=name) for name in ("digit", "against", "numbers", "stretch")),
    )
    choices = (WEIGHTS_PART, WEIGHTS_SCALE, HOW_LABEL, VALLEY_GROUND, COST_AXIS, RUN_AXIS)
    wrapping = (WEIGHTS_VIEW, TWO_KIND, TWO_GUESS(choice=""))
    return {
        **dict.fromkeys(fields, FIELD),
        **dict.fromkeys(choices, CHOICE),
        **dict.fromkeys(wrapping, TWO_ROWS if phone else CHOICE),
        **(dict.fromkeys((RUN_BUTTONS, TWO_BUTTONS), TWO_ROWS) if phone else {}),
        VALLEY_GUESS: FIELD if phone else BARE_CHOICE,
        CHART(what="valley"): side(phone) + BEYOND,
        LARGE_THETA: LARGE + 24,
        CONFUSION: MATRIX,
        **{HOW_CHART(what=what): HEIGHT for what in ("sigmoid", "cost", "falling")},
        **{CHART_PLACE(what=what): height for what, height in HEIGHTS.items()},
    }


def room() -> str:
    """The rules that keep it all, for `ui.style.style`: what those take is far smaller than what
    draws a chart, and is there before that."""
    return " ".join(_rules(on_phone()))


def _rules(phone: bool) -> Iterator[str]:
    for key, height in heights(phone).items():
        yield f"[class*='st-key-{key}'] {{min-height: {height}px}}"
    for key, width in WIDTHS.items():
        # Of the screen's width, since their places are as wide as they are.
        yield f"[class*='st-key-{key}'] {{min-width: min({width}px, 100vw - 2rem)}}"
    # Without a name over it it is less tall than what Streamlit shows in its place.
    yield f".st-key-{WAY} [data-testid='stSkeleton'] {{height: {BARE_CHOICE}px}}"
    small = MIDDLE if phone else SMALL
    # In the middle of its place, and so in its place from the start.
    yield f".st-key-{TEN_THETAS} [class*='st-key-theta_'] {{min-width: {small}px}}"
    yield f".st-key-{TEN_THETAS} [class*='st-key-theta_'] {{min-height: {small}px}}"
    # As tall as wide, up to its greatest width.
    yield f".st-key-{PLANE} {{aspect-ratio: 1; max-height: {MOST_WIDE}px}}"
    # The longest story in so many lines.
    yield f".st-key-{STORIES} {{min-height: 57px}}"
    yield f"@media (max-width: 800px) {{.st-key-{STORIES} {{min-height: 78px}}}}"
    # In two rows where the window is narrow; the last of the buttons is one that comes late.
    yield f"@media (max-width: 767px) {{.st-key-{RUN_BUTTONS} {{min-height: {TWO_ROWS}px}}}}"
    # In a row a narrow bar stands for each that is not here yet, and what is here stands beside it:
    # neither is seen before all have their places.
    bars = "[data-testid='stElementContainer']:has(> [data-testid='stSkeleton'])"
    yield f"[data-testid='stHorizontalBlock'] > {bars} {{visibility: hidden}}"
    row = f".st-key-{RUN_BUTTONS}:has([data-testid='stSkeleton'])"
    yield f"{row} [data-testid='stLayoutWrapper'] {{visibility: hidden}}"
    # Of an answer, or of what invites to one: the digit, and what the model saw.
    beside = (
        f"[class*='st-key-{BESIDE(place='')}'] > :first-child > [data-testid='stHorizontalBlock']"
    )
    yield f"{beside} > :first-child:has([data-testid='stSkeleton']) {{min-height: {DIGIT}px}}"
    yield f"{beside} > :last-child:not(:first-child) {{min-height: {PICTURE}px}}"
    yield f".st-key-{CONFUSION} {{min-width: min({MATRIX}px, 100%)}}"
    yield (
        f"[data-testid='stLayoutWrapper']:has(> .st-key-{CLOSER_LOOK})"
        f" {{min-width: min({LARGE}px, 100%)}}"
    )
    # By itself Streamlit would leave beside a canvas what is left, be it a column of 40 pixels.
    yield (
        f"[data-testid='stLayoutWrapper']:has(> [class*='st-key-{BESIDE(place='')}'])"
        f" {{min-width: min({ANSWER}px, 100%)}}"
    )
    # What shows nothing takes no room.
    unseen = ", ".join(f".st-key-{key}" for key in (TAB, TOASTS, NAVIGATION))
    yield f"{unseen} {{position: absolute; width: 1px}}"
