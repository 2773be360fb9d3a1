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


def stage() -> None:
    """The lesson that the address names, or the first."""
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
