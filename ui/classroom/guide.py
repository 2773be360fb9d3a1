"""A lesson on the page that it is about: pinned at its top, from the question to the next one."""

from __future__ import annotations

import streamlit as st

from lrcore.errors import UserError
from lrcore.valley import OPTIONS
from ui.classroom.files import Lesson, lessons
from ui.models import errors_said
from ui.palette import PAGE, either
from ui.plain import plain, say_error
from ui.state import (
    BAR_DIGIT,
    GALLERY_ASKED,
    LESSON_BAR,
    LESSON_BUTTON,
    LESSON_GUESS,
    LESSON_OPEN,
    LESSON_REVEALED,
    MISTAKE_ANSWER,
    MISTAKE_TRUTH,
    NEXT_MODEL,
    PIN_LINK,
    SWEEP_LINK,
    TRAIN_TAB,
    TWO_LEARNING,
    TWO_LINK,
    VALLEY,
    VALLEY_GROUND,
    VALLEY_PLAYING,
    WEIGHTS_ROW,
    WEIGHTS_VIEW,
)
from ui.style import spoken
from ui.train.controls import forget_address
from ui.train.links import SWEEP
from ui.train.runs import session_runs
from ui.train.sweep import TAB, WATCH_TAB
from ui.valley_ground import TWO_NUMBERS

# The parameter of an address that names a lesson, on the page that the lesson is about.
LESSON = "lesson"
# Pages that show lessons in a way of their own.
OWN_WAY = ("how", "lesson")
# The parameter of an address that names what of a page comes first.
PART = "part"
ROWS = {
    "digit": WEIGHTS_ROW,
    "truth": MISTAKE_TRUTH,
    "answer": MISTAKE_ANSWER,
    "bar": BAR_DIGIT,
}
# While there is but a question it stays in sight; an answer is as long as it needs to be.
PINNED = (
    f"<style>.st-key-{LESSON_BAR} {{background: {either(PAGE)}}}"
    "@media (min-width: 900px) and (min-height: 700px) {"
    "[data-testid='stLayoutWrapper']:has(> .st-key-lesson_bar)"
    "{position: sticky; top: 3.75rem; z-index: 100}}"
    "</style>"
)


def follow(page: str) -> None:
    """Open the lesson that the address of this page asks for, once; the page is then set up.

    Comes before the page, and before anything settles which model reads.
    """
    asked = st.query_params.get(LESSON)
    if asked is None or page in OWN_WAY or asked == st.session_state.get(LESSON_OPEN):
        return
    lesson = lessons()[0].get(asked)
    if lesson is None:
        st.warning(f"There is no lesson called {plain(asked)}; *How it works* lists them.")
        return
    st.session_state[LESSON_OPEN] = asked
    if lesson.page == page:
        _set_up(lesson)


def open_lesson(lesson: Lesson) -> None:
    """Go to the page of a lesson, set up for it."""
    # Opened already, it is set up again.
    st.session_state.pop(LESSON_OPEN, None)
    st.switch_page(f"pages/{lesson.page}.py", query_params={LESSON: lesson.name})


def lesson_on(page: str) -> bool:
    """Whether the open lesson is about this page."""
    lesson = lessons()[0].get(st.session_state.get(LESSON_OPEN, ""))
    return lesson is not None and lesson.page == page


def _set_up(lesson: Lesson) -> None:
    state, query = st.session_state, lesson.query
    if lesson.page == "train":
        st.query_params.from_dict({**query, LESSON: lesson.name})
        forget_address()
        # What another lesson showed would answer a question that was not asked.
        runs = session_runs()
        runs.show(None)
        if runs.sweep is not None and runs.sweep.finished:
            runs.sweep = None
        for taken in (PIN_LINK, SWEEP_LINK):
            state.pop(taken, None)
        state[TRAIN_TAB] = TAB if SWEEP in query else WATCH_TAB
        return
    if lesson.page == "valley":
        # All stand still at the start, whatever walked before.
        state.update({VALLEY_GROUND: TWO_NUMBERS, VALLEY(name="passes"): 0, VALLEY_PLAYING: False})
        for name in OPTIONS:
            state[VALLEY(name=name)] = getattr(lesson.walks, name)
        return
    if lesson.page == "two-numbers":
        st.query_params.from_dict({**query, LESSON: lesson.name})
        state.pop(TWO_LINK, None)
        if (line := state.get(TWO_LEARNING)) is not None:
            line.start()
        return
    if "model" in query:
        state[NEXT_MODEL] = query["model"]
    if "test" in query:
        state[GALLERY_ASKED] = int(query["test"])
    if "view" in query:
        state[WEIGHTS_VIEW] = query["view"]
    if "bar" in query:
        st.query_params[PART] = "bar"
    for name, key in ROWS.items():
        if name in query:
            state[key] = int(query[name])


def pinned(page: str) -> None:
    """The open lesson, if there is one, at the top of a page."""
    name = st.session_state.get(LESSON_OPEN)
    if name is None or page in OWN_WAY or name not in (known := lessons()[0]):
        return
    # A fragment of its own, so that a guess does not draw the page anew.
    with st.container(key=LESSON_BAR):
        st.fragment(errors_said()(_bar))(known[name], list(known), page)


def _bar(lesson: Lesson, names: list[str], page: str) -> None:
    if not st.session_state.get(LESSON_REVEALED(lesson=lesson.name)):
        st.html(PINNED)
    number = names.index(lesson.name) + 1
    with st.container(border=True, gap="xsmall"):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            with st.container(width="content"):
                st.markdown(f"**Lesson {number} · {lesson.question}**")
            with st.container(horizontal=True, width="content", gap="small"):
                if lesson.page != page and _button("there", f"To {lesson.page_name}"):
                    open_lesson(lesson)
                if (later := following(lesson, names)) and _button("next", "Next lesson"):
                    open_lesson(lessons()[0][later])
                if _button("list", "Back to the lessons"):
                    close()
                    st.switch_page("pages/how.py", query_params={PART: "lessons"})
                if _button("close", f"Close{spoken('the lesson')}"):
                    close()
                    st.rerun()
        st.markdown(lesson.task)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            guess_and_reveal(lesson)
        answer(lesson)


def guess_and_reveal(lesson: Lesson) -> None:
    """The choices, and the button that shows or hides the answer."""
    st.segmented_control(
        "Your guess",
        range(len(lesson.choices)),
        format_func=lesson.choices.__getitem__,
        key=LESSON_GUESS(lesson=lesson.name),
        persist_state="session",
        wrap=True,
    )
    key = LESSON_REVEALED(lesson=lesson.name)
    shown = st.session_state.get(key, False)
    st.button(
        "Hide the answer" if shown else f"Reveal{spoken('the answer')}",
        key=LESSON_BUTTON(what="reveal"),
        type="secondary" if shown else "primary",
        on_click=lambda: st.session_state.update({key: not shown}),
    )


def answer(lesson: Lesson) -> bool:
    """The answer, once it is revealed; returns whether it is."""
    if not st.session_state.get(LESSON_REVEALED(lesson=lesson.name)):
        return False
    guess = st.session_state.get(LESSON_GUESS(lesson=lesson.name))
    right = lesson.choices[lesson.right]
    if guess is None:
        st.markdown(f"**{right}.**")
    elif guess == lesson.right:
        st.markdown(f":green[**{right}**, as you guessed.]")
    else:
        st.markdown(f"You guessed *{lesson.choices[guess]}*; it is **{right}**.")
    try:
        st.markdown(lesson.answered())
    except UserError as error:
        say_error(error)
    return True


def following(lesson: Lesson, names: list[str]) -> str | None:
    """The name of the lesson after this one; None after the last."""
    place = names.index(lesson.name) + 1
    return names[place] if place < len(names) else None


def close() -> None:
    """Take the lesson off the pages."""
    st.session_state.pop(LESSON_OPEN, None)
    if LESSON in st.query_params:
        del st.query_params[LESSON]


def _button(what: str, label: str) -> bool:
    return st.button(label, key=LESSON_BUTTON(what=what), type="tertiary")
