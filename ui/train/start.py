"""What a run on the Train page learns from, and where it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from lrcore.augment import training_set
from lrcore.data import Dataset, as_set
from lrcore.own_set import split_off
from lrcore.settings import Knob, Settings
from lrcore.training import Own, RunRequest
from ui.answers import counted
from ui.correction import own_digits
from ui.loading import FORMS, load_report, set_loader
from ui.models import get_model, model_names
from ui.number_field import number_field
from ui.state import LEARN_FROM, OWN_COPIES, START_FROM
from ui.train.jobs import Job

MNIST_ALONE, OWN_ALONE, BOTH = "MNIST", "my own digits", "MNIST and my own"
ZERO = "theta zero"
COPIES = Knob(
    "Copies of each own digit",
    "How often each counts: once as it is, then slightly slanted, stretched, thicker or thinner. A "
    "few digits would be lost among 60,000.",
    low=1,
    high=100,
)
# Copies in all: more would take seconds to make.
MOST_COPIED = 20_000


@dataclass(frozen=True)
class Start:
    """What the controls say of a run to come.

    request : makes what it is started from.
    source : MNIST_ALONE, OWN_ALONE or BOTH.
    own : how many own pictures it would learn from, copies counted.
    """

    request: Callable[[], RunRequest]
    source: str
    own: int


def start_controls(settings: Settings | None, data: tuple[Dataset, Dataset] | None) -> Start | None:
    """The controls; None where no run can be started.

    data : the training and the test set; without them, or settings, there is nothing to start.
    """
    # Above what may be folded.
    wrong = st.container()
    with st.expander("Learn from, start from", icon=":material/stylus_note:"):
        digits = own_digits().digits
        source = st.selectbox(
            "Learn from",
            [MNIST_ALONE, OWN_ALONE, BOTH],
            disabled=not len(digits),
            key=LEARN_FROM,
            persist_state="session",
            help="Your own digits are those that you labelled on the Predict page, or loaded. A "
            "quarter of them is kept back, to be read before and after.",
        )
        if not len(digits):
            source = MNIST_ALONE
            st.page_link(
                "pages/hand.py", label="No digits of your own yet", icon=":material/back_hand:"
            )
        with st.popover("Bring digits", icon=":material/upload:"):
            set_loader("train", "A set of digits", FORMS)
        load_report()
        copies: int | None = 1
        if source != MNIST_ALONE:
            copies = number_field(
                COPIES, int, wrong, value="20", key=OWN_COPIES, persist_state="session"
            )
        names = [ZERO, *_fitting(settings)]
        if st.session_state.get(START_FROM) not in names:
            st.session_state[START_FROM] = ZERO
        name = st.selectbox(
            "Start from",
            names,
            key=START_FROM,
            persist_state="session",
            help="Theta zero knows nothing. Weights of the same task and features are a head "
            "start: what they know is kept as far as the pictures support it.",
        )

    def make() -> RunRequest:
        assert settings is not None
        assert data is not None
        assert copies is not None
        start = None if name == ZERO else get_model(name)
        return RunRequest(settings, *data, start, as_own(source, copies, settings.seed))

    if settings is None or data is None or copies is None:
        return None
    own = 0
    if source != MNIST_ALONE:
        learned, _ = split_off(digits, seed=settings.seed)
        own = len(learned) * _bounded(copies, len(learned))
    return Start(make, source, own)


def as_own(source: str, copies: int, seed: int) -> Own | None:
    """The own digits in their two roles; None where there are none."""
    digits = own_digits().digits
    if not len(digits):
        return None
    if source == MNIST_ALONE:
        return Own(as_set(), digits)
    learned, kept_back = split_off(digits, seed=seed)
    copied = training_set(learned, jitter=_bounded(copies, len(learned)) - 1, seed=seed)
    return Own(copied, kept_back, source == OWN_ALONE)


def _bounded(copies: int, digits: int) -> int:
    """How often each digit counts, so that all copies together do not become too many."""
    return max(1, min(copies, MOST_COPIED // max(digits, 1)))


def _fitting(settings: Settings | None) -> list[str]:
    """The models that a run with these settings can start from."""
    if settings is None:
        return []
    return [
        name
        for name in model_names()
        if (weights := get_model(name)).features == settings.features
        and np.array_equal(weights.classes, settings.classes)
    ]


def own_result(job: Job | None) -> None:
    """How the kept-back own digits were read before the run, and are now."""
    record = job.weights.record if job is not None and job.weights else {}
    if "own_images" not in record:
        return
    images, after = record["own_images"], record["own_accuracy"]
    before = record.get("own_accuracy_before")
    st.info(
        f"Of **{counted(images, 'own digit')}** that this run did not learn from, "
        f"it reads **{round(after * images)}** right"
        + (
            "; it began at zero, which reads nothing."
            if before is None
            else f"; the weights that it started from read {round(before * images)}."
        ),
        icon=":material/back_hand:",
    )
