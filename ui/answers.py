"""An answer on the page: the digit, big; the probabilities; what the model saw."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import streamlit as st

from lrcore.evidence import PICTURES
from lrcore.marks import COULD_BE
from lrcore.reading import Reader, Readings, with_article
from lrcore.weights import REST, Weights
from ui.charts import bars_height, bars_in_words, probability_chart, probability_rows
from ui.images import png_uri
from ui.style import PIXELS, PROBABILITIES


def read(weights: Weights, images: np.ndarray) -> Readings:
    """Read 28x28 pictures with a model."""
    return Reader(weights).read(images)


def class_names(weights: Weights) -> list[str]:
    """The classes in order, the way a page calls them."""
    return [digit_name(weights, c) for c in weights.classes]


def digit_name(weights: Weights, digit: int) -> str:
    """'7', or 'not 7' for the negative answer of a model that knows one digit."""
    return f"not {weights.classes[1]}" if digit == REST else str(digit)


def counted(n: int, thing: str) -> str:
    """'1 digit', '2 digits'."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def one_input(weights: Weights) -> str:
    """What a model has one theta for: a pixel, or something in a direction or corner."""
    return "pixel" if weights.features in PICTURES else "edge or opening"


def verdict(weights: Weights, readings: Readings, at: int = 0) -> str:
    """The answer in a sentence, doubts included."""
    p, right = readings.probabilities[at], readings.answer_probability[at]
    if weights.binary:
        positive = weights.classes[1]
        if readings.digits[at] == REST:
            return f"This is not {with_article(positive)} ({right:.2f})."
        return f"This is {with_article(readings.digits[at])} ({right:.2f})."
    mark = COULD_BE.get(readings.mark[at])
    if mark and not readings.sure[at]:
        return f"Unsure. There is nothing but {mark}."
    if mark:
        return f"It reads {readings.digits[at]} ({right:.2f}), yet there is nothing but {mark}."
    # How often such an answer is right was learned from digits: it says nothing where the doubt is
    # whether this is one.
    likely = f" ({right:.2f})" if right < 0.8 else ""
    if p.max() < 0.5 and not readings.sure[at]:
        return (
            "None of the models says yes: its shape is not quite like those that they have learned "
            f"from. The closest is {readings.digits[at]}{likely}."
        )
    if not readings.sure[at]:
        second = weights.classes[np.argsort(p)[-2]]
        if likely:
            return f"Unsure: {readings.digits[at]} perhaps{likely}, or {second}."
        return (
            f"Unsure: {readings.digits[at]} fits best, but this is not quite like the digits that "
            "it has learned from."
        )
    return f"It reads {readings.digits[at]} ({right:.2f})."


def beside_the_digit(weights: Weights) -> str:
    """What the number beside an answer is, which is none of the ten, in a sentence."""
    if weights.calibration is None or weights.calibration.answer_weights is None:
        return "The number beside the digit is the longest bar's."
    return (
        "The number beside the digit asks another question of all ten together: how often is "
        "such an answer right?"
    )


def one_of_two(weights: Weights) -> str:
    """What a binary model cannot do, in a sentence."""
    negative, positive = weights.classes
    if negative == REST:
        return f"One model, one question: is it {with_article(positive)}, or any other digit?"
    return (
        f"This model has learned from {negative}s and {positive}s alone: whatever it is shown, it "
        "answers one of the two."
    )


SAW = "What it sees, 28×28"


def answer_panel(
    weights: Weights,
    image: np.ndarray,
    saw: str = SAW,
    before: np.ndarray | None = None,
    breath: float = 0.0,
) -> Readings:
    """The whole answer to one 28x28 picture; returns the readings it shows.

    before : probabilities to be marked beside those of now, or None.
    breath : seconds in which the browser can show the verdict before more of the page comes.
    """
    readings = read(weights, image[None])
    answer = digit_name(weights, readings.digits[0])
    rows = probability_rows(class_names(weights), readings.probabilities[0], answer, before)
    with _panel(image, saw, rows):
        big_digit(answer, bool(readings.sure[0]))
        said = verdict(weights, readings)
        st.markdown(said, width="stretch")
        if breath:
            time.sleep(breath)
    if before is not None:
        st.caption(
            "Erase and see: the grey ticks mark the probabilities before you took the eraser."
        )
    elif weights.binary:
        st.caption(one_of_two(weights))
    else:
        st.caption(
            "Ten models answer ten separate questions, 'is it a 0?', 'is it a 1?' …, "
            "so the bars need not sum to 1. " + (beside_the_digit(weights) if "(" in said else "")
            # Some doubts are said without a number.
        )
    return readings


def blank_panel(weights: Weights, words: str) -> None:
    """The panel before there is anything to answer, with an invitation.

    Of the same elements as an answer, so that the browser has loaded all of them by then.
    """
    names = class_names(weights)
    nothing = probability_rows(names, np.full(len(names), np.nan), "")
    with _panel(np.zeros((28, 28), np.uint8), SAW, nothing):
        _large("?", 'aria-hidden="true"', 0.5)
        st.markdown(words, width="stretch")
    st.caption(
        "Ten Thetas reads with logistic regression alone. The bars will tell how probable it finds "
        "each answer, from 0 to 1."
    )


@contextmanager
def _panel(image: np.ndarray, saw: str, rows: pd.DataFrame) -> Iterator[None]:
    """What is put inside, beside the picture that the model saw; the probabilities below."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", wrap=False):
        yield
        digit_picture(image, saw, 112)
    with st.container(height=bars_height(len(rows)), border=False):
        st.vega_lite_chart(
            spec=probability_chart(rows),
            theme=None,
            alt=f"{PROBABILITIES}: " + bars_in_words(rows),
        )


def big_digit(answer: str, sure: bool) -> None:
    """The answer in large type, paler where it is unsure."""
    said = f'role="status" aria-label="Answer: {answer}" data-answer="{answer}"'
    _large(answer, said, 1 if sure else 0.5)


def _large(text: str, attributes: str, opacity: float) -> None:
    size = "5.5rem" if len(text) == 1 else "3rem"
    st.html(
        f'<div {attributes} style="font-size:{size};font-weight:700;line-height:1.1;'
        f'opacity:{opacity}">{text}</div>',
        width="content",
    )


def digit_picture(image: np.ndarray, caption: str | None, width: int) -> None:
    """A 28x28 picture enlarged without smoothing, so that its pixels can be seen."""
    times = max(1, round(width / image.shape[1]))
    large = image.repeat(times, 0).repeat(times, 1)
    alt = f"{PIXELS}, {caption}" if caption else PIXELS
    st.image(png_uri(large), caption=caption, width=width, alt=alt)
