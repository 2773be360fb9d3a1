"""Lessons for a class and its projector: one of them, in large type, and nothing else."""

from __future__ import annotations

import streamlit as st

from lrcore.errors import UserError
from ui.classroom import pictures
from ui.classroom.files import lessons
from ui.classroom.guide import LESSON, answer, following, guess_and_reveal, open_lesson
from ui.plain import plain, say_error
from ui.state import LESSON_BUTTON, STAGE
from ui.style import spoken

# Type grows with the projector's picture; whatever else a page has is left out.
LARGE_TYPE = """<style>
header[data-testid='stHeader'] {display: none}
[data-testid='stMainBlockContainer'] {padding-top: 2.5rem; max-width: 1500px}
.st-key-stage h1 {font-size: clamp(1.8rem, 3.6vw, 4rem); line-height: 1.15}
.st-key-stage p, .st-key-stage button p {font-size: clamp(1.15rem, 1.9vw, 2.1rem)}
.st-key-stage button {padding: 0.5em 1em; height: auto}
</style>"""


def stage() -> None:
    """The lesson that the address names, or the first."""
    st.html(LARGE_TYPE)
    known, _ = lessons()
    asked = st.query_params.get(LESSON)
    if not known:
        st.info("There are no lessons in the folder `lessons`.")
        return
    if asked is not None and asked not in known:
        st.warning(f"There is no lesson called {plain(asked)}; this is the first.")
    lesson = known.get(asked or "") or next(iter(known.values()))
    with st.container(key=STAGE):
        st.title(lesson.question)
        st.markdown(lesson.task)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            guess_and_reveal(lesson)
            if st.button(
                f"See it live{spoken(f'on {lesson.page_name}')}", key=LESSON_BUTTON(what="live")
            ):
                open_lesson(lesson)
            later = following(lesson, list(known)) or next(iter(known))
            if st.button(f"Next{spoken('lesson')}", key=LESSON_BUTTON(what="next")):
                st.query_params[LESSON] = later
                st.rerun()
        if answer(lesson):
            try:
                pictures.show(lesson)
            except UserError as error:
                say_error(error)
