"""Corrections under an answer: the session's own digits, and the model as they move it.

Own digits are in the session alone, as one table: every picture that was labelled or loaded, with
what it shows, and whether it is a correction.  The theta of the hand is learned anew from these
whenever they change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from lrcore.corrections import CURVATURE_SAMPLE, Curvature, learn, shipped_curvature
from lrcore.data import Dataset, as_set
from lrcore.errors import UserError
from lrcore.own_set import OwnDigits
from lrcore.reading import article, relevant
from lrcore.weights import Weights
from ui.answers import counted, digit_name, read
from ui.caching import WEIGHTS_HASH
from ui.models import mnist, model_or_stop
from ui.plain import sentence
from ui.state import HAND_MEMO, HAND_NOTE, HAND_ON, LABEL, OWN_DIGITS, UNDO_CORRECTION
from ui.style import spoken

NO_NOTE = (None, "", None)
KEPT = ":material/check:"


@dataclass(frozen=True)
class Model:
    """The model that a page reads with, resolved once in each of its runs.

    trained : as it was trained.
    corrected : with all corrections learned, which is what reads; as trained while 'my hand' is
        switched off, or nothing is corrected.
    """

    trained: Weights
    corrected: Weights


def model_in_hand() -> Model:
    """The chosen model in the user's hand; without any the page ends here and says what to do."""
    trained = model_or_stop()
    return Model(trained, learned(trained) if hand_is_on() else trained)


def hand_is_on() -> bool:
    """Whether corrections are learned, or kept for later."""
    return st.session_state.get(HAND_ON, True)


def own_digits() -> OwnDigits:
    """All digits that the user labelled or loaded, corrections among them."""
    return st.session_state.setdefault(OWN_DIGITS, OwnDigits())


def keep_digits(digits: OwnDigits) -> None:
    """Have these as the session's own digits."""
    st.session_state[OWN_DIGITS] = digits
    unsay()


def unsay() -> None:
    """Say no more what came of the last press: it was true of other corrections, or of a hand that
    was on."""
    st.session_state[HAND_NOTE] = NO_NOTE


def learned(weights: Weights) -> Weights:
    """The weights with all corrections learned, whether 'my hand' is on or off."""
    corrections = own_digits().corrections
    if not len(corrections):
        return weights
    memo = st.session_state.get(HAND_MEMO)
    if memo is None or memo[0] is not weights or not _same(memo[1], corrections):
        memo = weights, corrections, learn(weights, _curvature(weights), corrections)
        st.session_state[HAND_MEMO] = memo
    return memo[2]


def _same(a: Dataset, b: Dataset) -> bool:
    return np.array_equal(a.labels, b.labels) and np.array_equal(a.images, b.images)


@st.cache_resource(
    max_entries=4, hash_funcs=WEIGHTS_HASH, show_spinner="Measuring how firmly theta is held …"
)
def _curvature(weights: Weights) -> Curvature:
    shipped = shipped_curvature(weights)
    return shipped or Curvature.measure(weights, mnist("train").images[:CURVATURE_SAMPLE])


def correction(
    model: Model,
    image: np.ndarray,
    where: str,
    newest: Callable[[], np.ndarray] | None = None,
    about: str = "",
) -> None:
    """'It's a ...': ten buttons under an answer; `where` tells the answers on a page apart.

    newest : the picture that the learner sees at the moment of a press, where it may be another
        than `image`, the one that was answered.
    about : what tells these buttons, to those who hear them, from others on the page.
    """
    row = _row(model, image, where)
    label = own_digits().label_of(image)
    st.markdown(
        "It's a …",
        help="Say what you drew. A wrong answer is learned from at once; right or wrong, the "
        "picture joins your own digits. Press the same digit again to take it back.",
    )
    with st.container(horizontal=True, gap="xxsmall"):
        for digit in range(10):
            st.button(
                f"{heard(digit)}{spoken(about) if about else ''}",
                key=LABEL(where=where, model=row[1], picture=row[2], digit=digit),
                type="primary" if digit == label else "secondary",
                # So that ten fit the width of a phone.
                width=32,
                on_click=_label,
                args=(model, newest or (lambda: image), digit, where),
            )
    said_of, text, icon = st.session_state.get(HAND_NOTE, NO_NOTE)
    if said_of == row:
        st.success(text, icon=icon)


def heard(digit: int) -> str:
    """The label of such a button: the digit is seen, all that it says of the picture heard."""
    return f":gray-badge[It's {article(digit)}] {digit}"


def digest(image: np.ndarray) -> str:
    """What tells a picture from all others, in a few characters."""
    return hashlib.sha256(image.tobytes()).hexdigest()[:16]


def _row(model: Model, image: np.ndarray, where: str) -> tuple[str, str, str]:
    # With the model in it: what is said of one model's answer is not true of another's.
    return where, model.trained.name, digest(image)


def _label(model: Model, newest: Callable[[], np.ndarray], label: int, where: str) -> None:
    image = newest()
    if label == own_digits().label_of(image):
        keep_digits(own_digits().without(image))
        note = "Taken back: the picture is no longer among your digits.", ":material/undo:"
    else:
        try:
            note = _keep(model, image, label)
        except UserError as error:
            note = sentence(error), ":material/warning:"
    st.session_state[HAND_NOTE] = (_row(model, image, where), *note)


def _keep(model: Model, image: np.ndarray, label: int) -> tuple[str, str]:
    """Keep a labelled picture, learn from it where it was read wrong, and say what changed."""
    one, weights = as_set([image], [label]), model.trained
    _, truth = relevant(weights, one.images, one.labels)
    before = read(model.corrected, one.images)
    right = len(truth) and before.digits[0] == truth[0] and not own_digits().is_corrected(image)
    keep_digits(own_digits().with_digits(one, correct=bool(len(truth) and not right)))
    kept = f"Kept: {counted(len(own_digits()), 'digit')} of your own."
    if not len(truth):
        return f"{kept} This model knows no {label}, so it learns nothing from it.", KEPT
    if right:
        return f"Right. {kept}", KEPT
    held = f"{counted(len(own_digits().corrections), 'correction')} held"
    if not hand_is_on():
        return f"{held.capitalize()}, but 'my hand' is switched off.", ":material/back_hand:"
    after = read(learned(weights), one.images)
    column = list(weights.classes).index(truth[0])
    return (
        f"**{digit_name(weights, truth[0])}** now reads {after.probabilities[0, column]:.2f} "
        f"instead of {before.probabilities[0, column]:.2f}; {held}.",
        ":material/back_hand:",
    )


def hand_bar(link: bool = True) -> None:
    """Switch the hand off, take the last correction back, or go and look at it all."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if held := len(own_digits().corrections):
            st.toggle(
                f"My hand: {counted(held, 'correction')}",
                value=True,
                key=HAND_ON,
                persist_state="session",
                on_change=unsay,
                help="On, theta has learned your corrections. Off, it is as it was trained.",
            )
            st.button(
                "Undo correction",
                icon=":material/undo:",
                key=UNDO_CORRECTION,
                on_click=_undo,
                help="Take back the last correction.",
            )
        if link and len(own_digits()):
            st.page_link("pages/hand.py", label="Your digits", icon=":material/back_hand:")


def _undo() -> None:
    keep_digits(own_digits().without_last_correction())
