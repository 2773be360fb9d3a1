"""The top of each page that reads with a model: what the page puts there, and the choice of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from lrcore.errors import UserError
from lrcore.features import FEATURES
from lrcore.plain_theta import SCALINGS, is_plain, refuse_programs
from lrcore.reading import Reader
from lrcore.settings import Knob
from lrcore.weights import Weights, load_weights
from ui.models import (
    chosen_model,
    default_missing,
    facts,
    in_words,
    mnist,
    model_names,
    skipped,
    use_model,
)
from ui.number_field import number_field
from ui.plain import plain, say_error, sentence
from ui.state import CHOSEN_MODEL, WEIGHTS_FILE, WEIGHTS_TRIED
from ui.style import spoken
from ui.toasts import say

# The latter are told how to be exported.
UPLOAD_TYPES = ["npz", "npy", "csv", "tsv", "txt", "pkl", "pickle", "joblib", "sav", "pt", "pth"]
UPLOAD_TYPES += ["h5", "keras"]
# So many test digits tell a standardisation that fits from one that does not.
TRIED = 1000
# x = (grey - mean) / scale: how the pixels of a plain theta were standardised.
MEAN = Knob("Mean", "0 if the greys were only divided.", low=-1e6, high=1e6)
SCALE = Knob("Scale", "255 for pixels from 0 to 1.", low=1e-6, high=1e6)


@contextmanager
def beside_choice() -> Iterator[None]:
    """Put something at the top left of the page; the choice of model is at its right."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        with st.container(width="content"):
            yield
        with st.container(horizontal=True, width="content", gap="xsmall"):
            _choice()
    if missing := default_missing():
        st.warning(missing, icon=":material/warning:")
    for name, why in skipped().items():
        st.warning(f"Skipped **{plain(name)}**: {sentence(why)}", icon=":material/warning:")


def _choice() -> None:
    if names := model_names():
        # Options of a list are no Markdown, whoever named the model.
        words = {name: in_words(name) for name in names}
        st.selectbox(
            "Model",
            names,
            format_func=words.__getitem__,
            key=CHOSEN_MODEL,
            label_visibility="collapsed",
            icon=":material/neurology:",
            width=270,
            help="Which trained weights read your digits.",
        )
    with st.popover(
        f"Model{spoken('in use, or one of your own')}",
        help="What this model looks at; bring one of your own.",
    ):
        if (weights := chosen_model()) is not None:
            st.markdown(f"**{plain(weights.name)}**: {facts(weights)}")
            st.markdown(FEATURES[weights.features].looks_at)
            st.caption("Models that you train appear in the list beside this button, too.")
            st.divider()
        st.markdown("**Bring your own weights**")
        _upload()


def _upload() -> None:
    file = st.file_uploader(
        "Weights file",
        type=UPLOAD_TYPES,
        key=WEIGHTS_FILE,
        help="An .npz saved by this app; scikit-learn's coef_ and intercept_ as .npz; or theta, a "
        "row a digit, (10, 784) or (10, 785) with the bias first, as .npy, .txt or .csv.",
    )
    if file is None:
        return
    raw, stem = file.getvalue(), Path(file.name).stem
    try:
        refuse_programs(raw, file.name)
        if is_plain(raw):
            weights = _plain(raw, stem, file.name)
            if weights:
                st.button(
                    f"Use this file{spoken(stem)}",
                    on_click=_say_use,
                    args=(weights,),
                    width="stretch",
                )
        else:
            _use_once(file.file_id, raw, stem, file.name)
    except UserError as error:
        say_error(error)


def _use_once(file_id: str, raw: bytes, name: str, label: str) -> None:
    """Use a file that says all of itself as soon as it is here, once; UserError if it is bad."""
    tried, error = st.session_state.get(WEIGHTS_TRIED, ("", None))
    if tried != file_id:
        try:
            weights = load_weights(raw, name=name, label=label)
        except UserError as why:
            st.session_state[WEIGHTS_TRIED] = file_id, why
            raise
        st.session_state[WEIGHTS_TRIED] = file_id, None
        _use(weights)
    if error is not None:
        raise error


def _plain(raw: bytes, name: str, label: str) -> Weights | None:
    """A theta that does not say how its pixels were standardised: asked for, and tried out.

    None where what is said of it cannot be.
    """
    weights = load_weights(raw, name=name, label=label)
    if not FEATURES[weights.features].picture:
        return weights
    st.caption("How were its pixels standardised? x = (grey − mean) / scale, grey 0 to 255")
    with st.container(horizontal=True, gap="small"):
        mean = number_field(MEAN, float, value="0")
        scale = number_field(SCALE, float, value="255")
    if mean is None or scale is None:
        return None
    weights = load_weights(raw, mean, scale, name, label)
    st.caption(_tried(raw, weights))
    return weights


def _tried(raw: bytes, weights: Weights) -> str:
    """How many test digits it reads so, and with which other standardisation many more."""
    try:
        digits = mnist("test").take(slice(0, TRIED))
    except UserError:
        return ""
    share, number = Reader(weights).accuracy(digits.images, digits.labels)
    best, (mean, scale) = max(
        (Reader(load_weights(raw, *way)).accuracy(digits.images, digits.labels)[0], way)
        for way in SCALINGS
    )
    said = f"So it reads {share:.0%} of {number:,} of MNIST's test digits."
    if best > share + 0.05:
        said += f" With mean {mean:g} and scale {scale:g} it reads {best:.0%}."
    return said


def _use(weights: Weights) -> None:
    _say_use(weights)
    st.rerun()


def _say_use(weights: Weights) -> None:
    say(f"Reading with {plain(use_model(weights))}")
