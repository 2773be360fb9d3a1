"""A pinned digit on the Train page: how it gets there, and what the shown run makes of it."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import streamlit as st

from lrcore.data import Dataset
from lrcore.drawing import to_digit
from lrcore.settings import Settings
from lrcore.training import Point
from lrcore.weights import REST
from ui.answers import digit_picture
from ui.canvas import drawing_canvas
from ui.charts import bars_in_words, probability_chart, probability_rows
from ui.heatmaps import row_names
from ui.models import errors_said
from ui.pinned import Pinned, last_read, pin, pinned, test_picture
from ui.plain import sentence
from ui.state import CHART, PIN_BUTTON, PIN_CANVAS, PIN_DRAWN, PIN_LINK, PINNED_PANEL
from ui.style import PROBABILITIES, spoken
from ui.train.controls import add_notice
from ui.train.jobs import Job
from ui.train.links import PIN, read_pin
from ui.train.playback import iterations

# Side of the canvas here, in pixels.
SIDE = 200
NOTHING = (
    "**No digit is pinned yet.** Pin one, and whatever run is looked at reads it at every "
    "iteration: its bars move beside the cost curve, and can be played again afterwards."
)


def take_pin_link(test: Dataset | None) -> None:
    """Pin the test picture that the URL asks for, once."""
    asked = st.query_params.get(PIN)
    if asked is None or test is None or st.session_state.get(PIN_LINK) == asked:
        return
    st.session_state[PIN_LINK] = asked
    number = read_pin(asked, len(test))
    if number is None:
        notice = f"The link asks for a test picture that there is not ({asked[:20]})."
        add_notice(notice)
    else:
        pin(test_picture(test, number))


def pin_form(test: Dataset | None) -> None:
    """What is pinned, and the ways to pin another."""
    with st.popover(
        "Pin a digit",
        icon=":material/keep:",
        help="Have a digit read by the run at every iteration: its bars move as theta forms.",
    ):
        st.fragment(errors_said()(_ways))(test)


def _ways(test: Dataset | None) -> None:
    before = now = pinned()
    if now is None:
        st.markdown(NOTHING)
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            digit_picture(now.image, None, 56)
            st.markdown(f"Pinned: {sentence(now.words)}.", width="stretch")
    with st.container(horizontal=True):
        seen = last_read()
        if st.button(
            f"The last one of Predict{spoken('to pin')}",
            key=PIN_BUTTON(what="last"),
            icon=":material/draw:",
            disabled=seen is None,
            help="What the Predict page has read last."
            if seen
            else "Draw or bring a digit on the Predict page first.",
        ):
            now = seen
        if st.button(
            f"A test digit{spoken('to pin')}",
            key=PIN_BUTTON(what="test"),
            icon=":material/shuffle:",
            disabled=test is None,
            help="One of the 10,000 that no run learns from, by chance; again for another.",
        ):
            assert test is not None
            now = test_picture(test, random.randrange(len(test)))
        if st.button(
            f"Unpin{spoken('the digit')}",
            key=PIN_BUTTON(what="off"),
            icon=":material/keep_off:",
            disabled=now is None,
            help="Take it off; runs go on as they are.",
        ):
            now = None
    st.markdown("Or draw one here:")
    drawing = drawing_canvas(SIDE, SIDE, PIN_CANVAS, choice=False)
    drawn = to_digit(drawing.strokes) if drawing.strokes else None
    # Pinned as it changes, not as long as it stands there: another may have been pinned since.
    last = st.session_state.get(PIN_DRAWN)
    if drawn is not None and (last is None or not np.array_equal(drawn, last)):
        st.session_state[PIN_DRAWN] = drawn
        now = Pinned(drawn, "your drawing")
    if now is not before:
        pin(now)
        # What shows it stands outside of this fragment.
        st.rerun()


def panel(digit: Pinned, job: Job | None, shown: tuple[Point, np.ndarray] | None) -> None:
    """The pinned digit's bars in a run.

    shown : after which point, and the theta it had; None before there is one.
    """
    settings = job.settings if job else Settings()
    point, theta = shown or (None, None)
    rows, said = reading(digit, settings, theta)
    with st.container(key=PINNED_PANEL, gap="xsmall"):
        with st.container(
            horizontal=True,
            vertical_alignment="center",
            gap="small",
            wrap=False,
        ):
            digit_picture(digit.image, None, 56)
            done = point.iteration if point else 0
            when = f"After **{done:,}** {iterations(done)}: " if point else ""
            st.markdown(f"{when}{said}", width="stretch")
        st.vega_lite_chart(
            spec=probability_chart(rows),
            key=CHART(what="pinned"),
            theme=None,
            alt=f"{PROBABILITIES} that the run finds in the pinned digit, {digit.words}: "
            + bars_in_words(rows),
        )


def reading(
    digit: Pinned, settings: Settings, theta: np.ndarray | None
) -> tuple[pd.DataFrame, str]:
    """The digit's bars as rows of `probability_bars`, and what they say in words.

    Without a theta the bars have no values.
    """
    names = row_names(settings)
    if theta is None:
        return probability_rows(names, np.full(len(names), np.nan), ""), "Its bars will move here."
    with np.errstate(over="ignore", invalid="ignore"):  # of a run that has overflowed
        p = digit.bars(settings, theta)
    if not np.isfinite(p).all():
        return probability_rows(names, p, ""), "theta has no numbers any more."
    best = int(p.argmax())
    if settings.binary:
        no, yes = (int(c) for c in settings.classes)
        other = f"not {yes}" if no == REST else str(no)
        said = f"**{yes if p[0] >= 0.5 else other}** ({max(p[0], 1 - p[0]):.2f})."
        return probability_rows(names, p, names[0] if p[0] >= 0.5 else ""), said
    if (p == p[0]).all():
        return probability_rows(names, p, ""), f"all bars at {p[0]:.2f}."
    said = f"the longest bar is that of **{names[best]}** ({p[best]:.2f})"
    said += "." if p[best] >= 0.5 else "; none says yes."
    return probability_rows(names, p, names[best]), said
