"""The digit that is pinned: a run on the Train page reads it at every iteration."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from lrcore.data import Dataset
from lrcore.features import extract
from lrcore.settings import Settings
from lrcore.training import bars
from ui.state import LAST_READ, PINNED
from ui.train.links import PIN


@dataclass(frozen=True, eq=False)
class Pinned:
    """A picture to be read again and again.

    image : uint8, shape (28, 28).
    words : what it is, such as 'your drawing'.
    test : its number, if it is a picture of the test set.
    """

    image: np.ndarray
    words: str
    test: int | None = None
    _features: dict[str, np.ndarray] = field(default_factory=dict)

    def features(self, name: str) -> np.ndarray:
        """Its features, made once; shape (1, D)."""
        if name not in self._features:
            self._features[name] = extract(name, self.image[None])
        return self._features[name]

    def bars(self, settings: Settings, theta: np.ndarray) -> np.ndarray:
        """How probable each row of a run's theta finds it, shape (K,)."""
        return bars(settings, theta, self.features(settings.features))[0]


def pinned() -> Pinned | None:
    """What this session has pinned."""
    return st.session_state.get(PINNED)


def pin(digit: Pinned | None) -> None:
    """Pin it in the place of what was; None takes that off."""
    st.session_state[PINNED] = digit


def last_read() -> Pinned | None:
    """What the Predict page has answered last."""
    return st.session_state.get(LAST_READ)


def remember(image: np.ndarray, words: str) -> None:
    """Keep what the Predict page answers, should it be pinned."""
    st.session_state[LAST_READ] = Pinned(image, words)


def remember_test(test: Dataset, number: int) -> None:
    """The same of a picture of the test set."""
    st.session_state[LAST_READ] = test_picture(test, number)


def test_picture(test: Dataset, number: int) -> Pinned:
    """A picture of the test set, to be pinned."""
    words = f"test picture {number}, labelled {test.labels[number]}"
    return Pinned(test.images[number], words, number)


def pin_query() -> dict[str, str]:
    """The parameter of a URL that pins what is pinned now; none for what no link can carry."""
    digit = pinned()
    return {} if digit is None or digit.test is None else {PIN: str(digit.test)}
