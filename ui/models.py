"""Which model reads: the shipped weights, a file of the user's own, or one just trained.

The choice is shared by all pages and lasts through the session.  Models that a
user brings or trains live in that user's session alone.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from lrcore.data import Dataset, load_dataset
from lrcore.errors import UserError
from lrcore.weights import DEFAULT, REST, WEIGHTS_FOLDER, Weights, list_weights, load_weights

UPLOAD_TYPES = ["npz", "npy"]
OWN, CHOSEN, NEXT = "own_models", "chosen_model", "next_model"
MAX_MB = 64

# What each feature map shows a model, in a learner's words; lrcore.features has the details.
LOOKS_AT = {
    "pixels": "The picture as MNIST made it: 784 brightnesses from 0 to 1, one weight for each. "
    "A stroke one pixel further to the left is, to this model, another picture.",
    "straightened": "The same 784 pixels after the digit's slant is taken out: each row is moved "
    "until the ink stands upright, so that writers who lean share one theta with those who do "
    "not. Theta is still a 28×28 picture.",
    "strokes": "Not pixels but what they form: how much edge runs in each of 12 directions in "
    "each of 7×7 parts of the straightened digit, and where paper lies in holes, bays and "
    "corners. A thicker pen or a stroke a little aside hardly changes these 813 numbers. The "
    "classifier is the same as ever: ten logistic regressions.",
}


@st.cache_resource(max_entries=64, show_spinner=False)
def _load(path: str, changed_ns: int) -> Weights:
    return load_weights(path)


@st.cache_resource(max_entries=4, show_spinner=False)
def _listed(stamps: tuple) -> tuple[dict[str, Path], dict[str, str]]:
    return list_weights()


def _shipped() -> tuple[dict[str, Path], dict[str, str]]:
    """The files in `weights/`, looked at again whenever one of them changes."""
    files = sorted(WEIGHTS_FOLDER.glob("*.np[yz]"))
    return _listed(tuple((path.name, path.stat().st_mtime_ns) for path in files))


@st.cache_resource(max_entries=2, show_spinner="Loading MNIST …")
def mnist(part: str) -> Dataset:
    """MNIST's 'train' or 'test' part, shared by all sessions and read-only."""
    try:
        return load_dataset(part=part)
    except UserError as error:
        raise UserError(f"MNIST can not be read: {error}") from error


@contextmanager
def errors_said():
    """What bad input, or MNIST missing, keeps from being shown: a sentence takes its place.

    Also a decorator, for a section of a page that should not take the others with it.
    """
    try:
        yield
    except UserError as error:
        st.error(str(error))


def model_names() -> list[str]:
    """All models that can be chosen, the user's own first."""
    shipped = sorted(_shipped()[0], key=lambda name: (name != DEFAULT.stem, name))
    return [*_own(), *shipped]


def get_model(name: str) -> Weights:
    """The weights of that name."""
    if name in _own():
        return _own()[name]
    path = _shipped()[0][name]
    return _load(str(path), path.stat().st_mtime_ns)


def chosen_model() -> Weights | None:
    """The model that the pages use; None where there is none at all."""
    names = model_names()
    if not names:
        return None
    name = st.session_state.get(CHOSEN)
    return get_model(name if name in names else names[0])


def use_model(weights: Weights) -> str:
    """Keep a model in this session, under a name not yet taken, and choose it."""
    own, name, number = _own(), weights.name, 2
    while name in own or name in _shipped()[0]:
        if own.get(name) is weights:
            break
        name, number = f"{weights.name} ({number})", number + 1
    own[name] = weights
    # The choice is a widget, which may not be changed once it is drawn: the next run does.
    st.session_state[NEXT] = name
    return name


def facts(weights: Weights) -> str:
    """A line on what a model is and how well it reads."""
    record = weights.record
    parts = [task_name(weights), weights.features]
    if "images" in record:
        parts.append(f"{record['images']:,} images")
    if "test_accuracy" in record:
        parts.append(f"{record['test_accuracy']:.2%} on the test set")
    return " · ".join(parts)


def task_name(weights: Weights) -> str:
    """'ten digits', '0 or 1', '5 or not'."""
    if not weights.binary:
        return "ten digits" if len(weights.theta) == 10 else f"{len(weights.theta)} digits"
    negative, positive = weights.classes
    return f"{positive} or not" if negative == REST else f"{negative} or {positive}"


def model_sidebar() -> None:
    """The choice of model, on every page."""
    with st.sidebar:
        names = model_names()
        if names:
            if NEXT in st.session_state:
                st.session_state[CHOSEN] = st.session_state.pop(NEXT)
            if st.session_state.get(CHOSEN) not in names:
                st.session_state[CHOSEN] = names[0]
            picked = st.selectbox(
                "Model",
                names,
                key=CHOSEN,
                persist_state="session",
                help="Which trained weights read your digits. Each file in `weights/` keeps a "
                "record of how it was made; models you train or bring appear here too.",
            )
            st.caption(facts(get_model(picked)))
            with st.expander("What it looks at"):
                st.markdown(LOOKS_AT[get_model(picked).features])
        else:
            st.warning("No usable weights in `weights/`. Train a model, or bring a file.")
        with st.expander("Bring your own weights"):
            _upload()
        for name, why in _shipped()[1].items():
            st.warning(f"Skipped `{name}`: {why}", icon=":material/warning:")


def _upload() -> None:
    file = st.file_uploader(
        "Weights file",
        type=UPLOAD_TYPES,
        max_upload_size=MAX_MB,
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


def _own() -> dict[str, Weights]:
    return st.session_state.setdefault(OWN, {})
