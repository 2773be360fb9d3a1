"""A press of a button acts once: whatever carries it along, and whatever ends its run."""

import pytest
from streamlit.testing.v1 import AppTest

from ui import presses


def script():
    import streamlit as st
    from streamlit.runtime.scriptrunner import StopException

    from ui.presses import acting_button, once

    state = st.session_state
    state.setdefault("acted", [])
    state.setdefault("ended_early", 0)

    def act(name):
        # The next run ends this one, before anything is done.
        if state["ended_early"]:
            state["ended_early"] -= 1
            raise StopException
        state["acted"].append(name)

    st.button("By callback", on_click=once("callback", act), args=("callback",))
    acting_button("In the run", "in-the-run", lambda: act("run") if state["can"] else None)
    acting_button("Not now", "not-now", (lambda: act("late")) if state["can"] else None)


@pytest.fixture
def page():
    app = AppTest.from_function(script)
    app.session_state["can"] = True
    return app.run()


def press(page, label):
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception


@pytest.mark.parametrize(("label", "acts"), [("By callback", "callback"), ("In the run", "run")])
def test_a_press_acts_once_and_the_next_one_again(page, label, acts):
    press(page, label)
    page.run()
    assert page.session_state["acted"] == [acts]
    press(page, label)
    assert page.session_state["acted"] == [acts, acts]


@pytest.mark.parametrize(("label", "acts"), [("By callback", "callback"), ("In the run", "run")])
def test_a_press_that_comes_in_the_run_of_another_part_and_again_acts_once(
    page, label, acts, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(presses, "run_of_another_part", lambda: True)
        press(page, label)
        press(page, label)
    press(page, label)
    assert page.session_state["acted"] == [acts]
    press(page, label)
    assert page.session_state["acted"] == [acts, acts]


def test_a_press_that_came_with_another_part_alone_hinders_no_later_one(page, monkeypatch):
    monkeypatch.setattr(presses, "AGAIN", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(presses, "run_of_another_part", lambda: True)
        press(page, "By callback")
    press(page, "By callback")
    assert page.session_state["acted"] == ["callback"] * 2


def test_a_press_whose_run_is_ended_by_the_next_is_not_lost(page):
    page.session_state["ended_early"] = 1
    press(page, "In the run")
    assert page.session_state["acted"] == []
    page.run()
    page.run()
    assert page.session_state["acted"] == ["run"]


def test_a_press_does_not_wait_until_its_button_can_do_something(page):
    page.session_state["can"] = False
    press(page, "Not now")
    page.session_state["can"] = True
    page.run()
    assert page.session_state["acted"] == []
