"""The top of each page that reads with a model: what the page puts there, and the choice of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from lrcore.errors import UserError
from lrcore.features import FEATURES
from lrcore.weights import load_weights
from ui.models import chosen_model, facts, model_names, skipped, use_model
from ui.state import CHOSEN_MODEL, WEIGHTS_FILE

UPLOAD_TYPES = ["npz", "npy"]


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
    for name, why in skipped().items():
        st.warning(f"Skipped `{name}`: {why}", icon=":material/warning:")


def _choice() -> None:
    if names := model_names():
        st.selectbox(
            "Model",
            names,
            key=CHOSEN_MODEL,
            label_visibility="collapsed",
            icon=":material/neurology:",
            width=210,
            help="Which trained weights read your digits.",
        )
    with st.popover("Model", help="What this model looks at; bring one of your own."):
        if (weights := chosen_model()) is not None:
            st.markdown(f"**{weights.name}**: {facts(weights)}")
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
        help="An .npz saved by this app, or a plain .npy theta of shape (10, 784) without bias.",
    )
    mean, scale = 0.0, 255.0
    if file is not None and file.name.endswith(".npy"):
        st.caption("How were its pixels standardised? x = (grey − mean) / scale, grey 0 to 255")
        mean = st.number_input("Mean", value=0.0, help="0 if the greys were only divided.")
        scale = st.number_input(
            "Scale", value=255.0, min_value=1e-6, help="255 for pixels from 0 to 1."
        )
    if file is None or not st.button("Use this file", width="stretch"):
        return
    try:
        name = use_model(load_weights(file.getvalue(), mean, scale, Path(file.name).stem))
    except UserError as error:
        st.error(str(error))
        return
    st.toast(f"Reading with {name}")
    st.rerun()
