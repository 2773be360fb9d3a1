"""Which model reads: the shipped weights, a file of the user's own, or one just trained.

The choice is shared by all pages and lasts through the session.  Models that a
user brings or trains live in that user's session alone.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import streamlit as st

import lrcore.weights
from lrcore.data import Dataset, load_dataset
from lrcore.errors import UserError
from lrcore.weights import DEFAULT, REST, Weights, list_weights, load_weights, weights_files
from ui.plain import say_error
from ui.priority import page_in_turn
from ui.state import CHOSEN_MODEL, NEXT_MODEL, OWN_MODELS

# Seconds for which the files of models are taken to be as they were.
FRESH = 1.0
NO_MEMORY = (
    "The server has no memory left for this just now. What you drew, trained and kept is still "
    "there: try again in a minute, or with fewer or smaller pictures."
)


@st.cache_resource(max_entries=64, show_spinner=False)
def _load(path: str, changed_ns: int) -> Weights:
    return load_weights(path)


@st.cache_resource(max_entries=4, show_spinner=False)
def _listed(stamps: tuple) -> tuple[dict[str, Path], dict[str, str]]:
    return list_weights()


# Not by `ttl`: what Streamlit finds still fresh may have gone by the moment it is taken out, which
# ends the page with a KeyError.
@st.cache_resource(max_entries=8, show_spinner=False)
def _looked_at(folders: tuple[Path, ...], moment: int) -> dict[str, int]:
    """`_stamps` of these folders, looked at once in each `moment`.

    A run of a page asks several times, and each look at a disk is an occasion to wait for others.
    """
    return {str(path): _changed(path) for path in weights_files(*folders)}


def _stamps() -> dict[str, int]:
    """The files of models, and when each last changed, in ns."""
    return _looked_at(lrcore.weights.WEIGHTS_FOLDERS, int(monotonic() / FRESH))


def _shipped() -> tuple[dict[str, Path], dict[str, str]]:
    """The models that lie in files, looked at again whenever one of them changes."""
    return _listed(tuple(_stamps().items()))


def _changed(path: Path) -> int:
    """When a file last changed; 0 where there is none, as behind a broken link."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_resource(max_entries=2, show_spinner="Loading MNIST …")
def mnist(part: str) -> Dataset:
    """MNIST's 'train' or 'test' part, shared by all sessions and read-only."""
    try:
        return load_dataset(part=part)
    except UserError as error:
        raise UserError(f"MNIST cannot be read: {error}") from error


@contextmanager
def errors_said():
    """What bad input, MNIST missing or want of memory keeps from being shown: a sentence instead.

    Also a decorator, for a section of a page that should not take the others with it.  Every
    fragment has it, since a fragment's later runs do not pass the router
    (tests/test_house.py).
    """
    try:
        with page_in_turn():
            yield
    except UserError as error:
        say_error(error)
    except MemoryError:
        logging.getLogger(__name__).warning("No memory for a part of a page", exc_info=True)
        st.error(NO_MEMORY)


def model_names() -> list[str]:
    """All models that can be chosen, the user's own first."""
    shipped = sorted(_shipped()[0], key=lambda name: (name != DEFAULT.stem, name))
    return [*_own(), *shipped]


def get_model(name: str) -> Weights:
    """The weights of that name."""
    if name in _own():
        return _own()[name]
    path = str(_shipped()[0][name])
    return _load(path, _stamps()[path])


def settle_choice() -> None:
    """Make the choice one that there is; in each run before anything shows or uses it."""
    names = model_names()
    wanted = st.session_state.pop(NEXT_MODEL, st.session_state.get(CHOSEN_MODEL))
    if not names:
        return
    if wanted is not None and wanted not in names:
        st.toast(f"The model {wanted} is no longer there; {names[0]} reads instead.")
    # Written back even where it is the same: a page without the widget would lose it.
    st.session_state[CHOSEN_MODEL] = wanted if wanted in names else names[0]


def chosen_model() -> Weights | None:
    """The model that the pages use; None where there is none at all."""
    return get_model(st.session_state[CHOSEN_MODEL]) if model_names() else None


def model_or_stop() -> Weights:
    """The model that the pages use; without one the page ends here, and says what to do."""
    weights = chosen_model()
    if weights is None:
        st.info("There are no weights to read with yet. Train a model, or bring a weights file.")
        st.page_link("pages/train.py", label="Train a model", icon=":material/trending_down:")
        st.stop()
    return weights


def skipped() -> dict[str, str]:
    """The models that lie in files but could not be used, and why."""
    return _shipped()[1]


def default_missing() -> str:
    """A sentence where the model that reads by default is not there; '' otherwise."""
    if DEFAULT.stem in _shipped()[0] or not model_names():
        return ""
    return (
        f"The default model, {DEFAULT.stem}, is missing: the one named above reads instead, and "
        f"other figures hold for it. Put {DEFAULT.name} back into the folder `weights`, whose "
        "README says how it is made."
    )


def use_model(weights: Weights) -> str:
    """Keep a model in this session, under a name not yet taken, and choose it."""
    own, name, number = _own(), weights.name, 2
    while name in own or name in _shipped()[0]:
        if own.get(name) is weights:
            break
        name, number = f"{weights.name} ({number})", number + 1
    own[name] = weights
    # The choice is a widget, which may not be changed once it is drawn: the next run does.
    st.session_state[NEXT_MODEL] = name
    return name


def facts(weights: Weights) -> str:
    """A line on what a model is and how well it reads."""
    record = weights.record
    parts = [task_name(weights), weights.features]
    # A file of somebody else's may hold anything there.
    if isinstance(images := record.get("learned_from", record.get("images")), int):
        parts.append(f"{images:,} images")
    if isinstance(accuracy := record.get("test_accuracy"), float):
        parts.append(f"{accuracy:.2%} on the test set")
    return " · ".join(parts)


def in_words(name: str) -> str:
    """A model as a choice calls it: 'Reads strokes, 99.3 %', or by its own name."""
    weights = get_model(name)
    reads = task_name(weights) if weights.binary else weights.features
    accuracy = weights.record.get("test_accuracy")
    if isinstance(accuracy, float):
        reads += f", {100 * accuracy:.1f} %"
    return f"Reads {reads}" if name == weights.features else f"{name} · {reads}"


def task_name(weights: Weights) -> str:
    """'ten digits', '0 or 1', '5 or not'."""
    if not weights.binary:
        return "ten digits" if len(weights.theta) == 10 else f"{len(weights.theta)} digits"
    negative, positive = weights.classes
    return f"{positive} or not" if negative == REST else f"{negative} or {positive}"


def _own() -> dict[str, Weights]:
    return st.session_state.setdefault(OWN_MODELS, {})
