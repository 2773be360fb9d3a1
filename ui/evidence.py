"""Why a digit was read: the evidence on the drawing, and the change that would turn the answer."""

from __future__ import annotations

import numpy as np
import streamlit as st

from lrcore.errors import UserError
from lrcore.evidence import PICTURES, Change, Evidence, explain, smallest_change
from lrcore.logistic import sigmoid
from lrcore.reading import Reader, with_article
from lrcore.weights import Weights
from ui.answers import one_input
from ui.caching import WEIGHTS_HASH
from ui.heatmaps import (
    PIXELS,
    SMALL,
    class_name,
    colour_limit,
    describe,
    in_part,
    ink_chart,
    parts,
    scale_bar,
    scale_words,
    weight_chart,
)
from ui.plain import minus, sentence
from ui.state import EVIDENCE_AGAINST, EVIDENCE_DIGIT, EVIDENCE_SEARCH, EVIDENCE_TOWARDS

# Two of these stand side by side on a page, and one on a phone.
SIDE = 10 * 28
ALONE = "nothing: its score alone"


def evidence_section(weights: Weights, image: np.ndarray, key: str = "evidence") -> None:
    """The evidence for one reading, and what would have changed it.

    image : uint8, shape (28, 28), ink bright.
    key : apart for each section on a page.
    """
    answer = int(Reader(weights).read(image[None]).digits[0])
    digit, against = _question(weights, answer, key)
    if digit == against:
        st.info("Choose two different digits.")
        return
    found = explain(weights, image, digit, against)
    _evidence(weights, digit, against, found)
    st.markdown("**What would have changed its mind?**")
    _change_of_mind(weights, image, key)


def sum_in_words(found: Evidence) -> str:
    """The score as the sum that it is: 'bias −1.20 + for 8.41 − against 3.17 = +4.04'.

    The numbers are rounded so that they add up as they stand, by the largest remainders: each is
    less than 0.01 off, the score at most 0.005.
    """
    parts = found.parts
    exact = 100 * np.array([found.bias, parts.clip(0).sum(), parts.clip(max=0).sum()])
    rounded = np.floor(exact)
    left = round(100 * found.score) - int(rounded.sum())
    rounded[np.argsort(rounded - exact, kind="stable")[: max(left, 0)]] += 1
    bias, speaks_for, against = rounded / 100
    return minus(
        f"bias {bias:+.2f} + for {speaks_for:.2f} − against {-against:.2f} = **{found.score:+.2f}**"
    )


def _question(weights: Weights, answer: int, key: str) -> tuple[int, int | None]:
    """'Why a 7, and not a 1?'"""
    classes = [int(digit) for digit in weights.classes]
    if weights.binary:
        return answer, next(digit for digit in classes if digit != answer)
    with st.container(horizontal=True):
        digit = st.selectbox(
            "Why a",
            classes,
            classes.index(answer),
            width=140,
            key=EVIDENCE_DIGIT(picture=key, answer=answer),
        )
        against = st.selectbox(
            "rather than",
            [None, *classes],
            format_func=lambda other: ALONE if other is None else str(other),
            width=220,
            key=EVIDENCE_AGAINST(picture=key),
        )
    return digit, against


def _evidence(weights: Weights, digit: int, against: int | None, found: Evidence) -> None:
    name, other = class_name(digit), None if against is None else class_name(against)
    asked = name if other is None else f"{name} rather than {other}"
    shown = parts(weights.features)
    with st.container(horizontal=True, gap="medium"):
        for part in shown:
            limit = colour_limit(np.trim_zeros(np.sort(np.abs(in_part(part, found.parts)))))
            with st.container(width=SIDE, gap="xsmall"):
                if len(shown) > 1:
                    st.markdown(f"**{part.capitalize()}**: {_sum_of(part, found)}")
                st.altair_chart(
                    weight_chart(part, found.parts, limit, SIDE, "evidence", found.picture),
                    width="content",
                    alt=describe(part, found.parts, f"Evidence on the drawing for {asked}"),
                )
                st.altair_chart(
                    scale_bar(limit, f"for {other}" if other else "against", f"for {name}"),
                    width="content",
                    theme=None,
                    alt=scale_words(limit),
                )
        with st.container(width="stretch", gap="xsmall"):
            if weights.features in PICTURES:
                st.altair_chart(
                    ink_chart(found.picture, SMALL), width="content", alt="The drawing itself."
                )
            st.markdown(
                f":orange[**Orange**] speaks for {name}, :blue[**blue**] "
                f"{'against' if other is None else f'for {other}'}. Each "
                f"{one_input(weights)} counts its "
                "theta times how much of it there is; added up, with the bias:"
            )
            st.markdown(sum_in_words(found))
            st.caption(_meaning(weights, digit, against, found.score))


def _sum_of(part: str, found: Evidence) -> str:
    return minus(f"{in_part(part, found.parts).sum():+.2f} in all")


def _meaning(weights: Weights, digit: int, against: int | None, score: float) -> str:
    if against is not None and not weights.binary:
        above, preferred = ("above", digit) if score > 0 else ("below", against)
        return (
            f"The score of {digit} minus the score of {against}: {above} zero, so "
            f"{with_article(preferred)} is preferred."
        )
    return f"The sigmoid turns this score into the probability {sigmoid(score):.3f}."


def _change_of_mind(weights: Weights, image: np.ndarray, key: str) -> None:
    classes = [int(digit) for digit in weights.classes]
    towards = None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if not weights.binary:
            towards = st.selectbox(
                "Make it read",
                [None, *classes],
                format_func=lambda d: "whatever is nearest" if d is None else with_article(d),
                width=200,
                key=EVIDENCE_TOWARDS(picture=key),
            )
        # A search takes seconds, a formula none.
        if weights.features not in PICTURES and not st.toggle(
            "Search for a small change (some seconds)", key=EVIDENCE_SEARCH(picture=key)
        ):
            return
    try:
        _show_change(weights, _changed(weights, image, towards))
    except UserError as error:
        st.info(sentence(error))


@st.cache_resource(
    max_entries=64, show_spinner="Looking for a small change …", hash_funcs=WEIGHTS_HASH
)
def _changed(weights: Weights, image: np.ndarray, towards: int | None) -> Change:
    return smallest_change(weights, image, towards)


def _show_change(weights: Weights, change: Change) -> None:
    difference = change.after - change.before
    shown = [
        (f"Before: {class_name(change.answer)}", ink_chart(change.before, SMALL), "Before."),
        (
            "The change",
            weight_chart(PIXELS, difference.ravel(), np.abs(difference).max(), SMALL, "ink"),
            "The change: orange pixels gain ink, blue ones lose it.",
        ),
        (f"After: {class_name(change.other)}", ink_chart(change.after, SMALL), "After."),
    ]
    with st.container(horizontal=True):
        for title, chart, words in shown:
            with st.container(width=SMALL, gap="xxsmall"):
                st.markdown(f"**{title}**")
                st.altair_chart(chart, width="content", alt=words)
    share = change.size / np.linalg.norm(change.before)
    where = ", in the straightened picture that theta reads" * (weights.features == "straightened")
    how = (
        "It is exact: the boundary between two linear models is a plane, and the shortest way to "
        "a plane runs at a right angle to it, as far as ink between none and full allows."
        if change.exact
        else "It was found step by step, since edges do not depend on pixels linearly."
    )
    st.caption(
        f"{'The smallest' if change.exact else 'A small'} change that lets "
        f"{class_name(change.other)} overtake {class_name(change.answer)}{where}: its length is "
        f"{change.size:.2f}, {share:.0%} of the drawing's own. Orange pixels gain ink, blue ones "
        f"lose it. {how}"
    )
