"""Which of several things is shown: chosen by a control, or brought into view by the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import streamlit as st

T = TypeVar("T")


class InView(Generic[T]):
    """What is shown of several, and the control that chooses it.

    shown : the one that is; None for none.  `show` brings one into view.
    brought : how often that was done.
    """

    def __init__(self) -> None:
        self.shown: T | None = None
        self.brought = 0

    def show(self, what: T | None) -> None:
        """Bring one into view, or none, by anything but the control that chooses one."""
        self.shown = what
        self.brought += 1

    def selectbox(
        self, label: str, options: Sequence[T], key: Callable[..., str], **looks: Any
    ) -> None:
        """The control: one of its own for each that is brought into view.

        A browser that has not heard of that yet goes on telling of the one before, which is no
        choice.  And what it shows is its default: a value that is set reaches the browser only if
        the run that sets it comes to its end.

        key : makes the key of the session, of `brought`.
        looks : what else `st.selectbox` takes.
        """
        brought = self.brought
        own = key(brought=brought)

        def choose() -> None:
            if brought == self.brought:
                self.shown = st.session_state[own]

        place = None if self.shown is None else options.index(self.shown)
        st.selectbox(label, options, place, key=own, on_change=choose, **looks)
