"""Own digits from files: the widget that takes them in, and what came of it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from lrcore.datasets import Loaded, load
from lrcore.errors import UserError
from ui.answers import counted
from ui.correction import keep_digits, own_digits
from ui.plain import plain, sentence
from ui.priority import aside
from ui.state import FILES_USED, LEAVE_AS_IT_IS, LOAD, LOAD_NOTES, REJECTED_FILES

# Reasons why files could not be used that are told in sentences.
MOST_REASONS = 6
FORMS = (
    "Pictures in folders 0 to 9 (as a ZIP), named as in a-7.png, or with a table that names them "
    "as in 'a.png,7'; two IDX files, a table (CSV, ARFF) of a label and 784 pixels a line, an .npz "
    "as Keras has it, or a .mat."
)


def set_loader(what: str, label: str, help: str) -> None:
    """A widget that takes files in as soon as they are here.

    what : where the page has it; what is loaded as 'hand' corrects.
    """
    as_hand = what == "hand"
    key = LOAD(what=what)
    st.file_uploader(
        label,
        accept_multiple_files=True,
        key=key,
        help=f"{help} It is taken in as soon as it is here.",
        on_change=_load,
        args=(what, as_hand),
    )
    if not as_hand:
        st.toggle(
            "Leave pictures as they lie",
            key=LEAVE_AS_IT_IS(what=what),
            persist_state="session",
            help="Otherwise a set whose pictures lie on their side, or are dark on light, is "
            "turned: this shows by what the default model can read of it.",
        )


def _load(what: str, as_hand: bool) -> None:
    """Take in the files that just came; those of an uploader that were used are not used again."""
    used = st.session_state.setdefault(FILES_USED, set())
    files = [file for file in st.session_state[LOAD(what=what)] if file.file_id not in used]
    bar = st.progress(0.0, "Reading what you brought …")

    def show(done: int, of: int) -> None:
        bar.progress(min(1.0, done / max(1, of)), f"Reading {done:,} of {counted(of, 'file')} …")

    as_is = bool(st.session_state.get(LEAVE_AS_IT_IS(what=what)))
    contents = [(file.name, file.getvalue()) for file in files]
    loaded = aside(lambda: load(contents, progress=_every(20, show), as_is=as_is))
    bar.empty()
    # An IDX file without its partner waits for it.
    if len(loaded.digits):
        used |= {file.file_id for file in files}
    _take_in(loaded, as_hand)


def _every(step: int, show: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """The same, called for every so-manieth alone: each call redraws in the browser."""
    return lambda done, of: show(done, of) if done % step == 0 else None


def _take_in(loaded: Loaded, as_hand: bool) -> None:
    """Add what was loaded; what was rejected is shown until the next time."""
    st.session_state[REJECTED_FILES] = loaded.rejected
    st.session_state[LOAD_NOTES] = loaded.notes
    try:
        keep_digits(own_digits().with_digits(loaded.digits, correct=as_hand))
    except UserError as error:
        loaded.rejected.append(("all of it", str(error)))
        return
    if len(loaded.digits):
        st.toast(f"{counted(len(loaded.digits), 'digit')} loaded")


def load_report() -> None:
    """What was done to make it fit, and which files could not be used and why."""
    for note in st.session_state.get(LOAD_NOTES, []):
        st.info(plain(note, 300), icon=":material/info:")
    rejected = st.session_state.get(REJECTED_FILES)
    if not rejected:
        return
    names: dict[str, list[str]] = {}
    for name, why in rejected:
        names.setdefault(why, []).append(name)
    # In sentences, which are whole on a phone, too; a table's cells would cut them.
    lines = [
        f"- **{plain(name)}**{f' (and {len(others):,} more)' if others else ''} {sentence(why)}"
        for why, (name, *others) in list(names.items())[:MOST_REASONS]
    ]
    st.warning("\n".join([f"{counted(len(rejected), 'file')} could not be used:\n", *lines]))
    if len(rejected) > len(lines):
        with st.expander("All of them"):
            st.dataframe(pd.DataFrame(rejected, columns=["file", "why"]), hide_index=True)
