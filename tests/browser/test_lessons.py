"""Lessons in a real browser: pinned on their page, and alone for the projector."""

import pytest

from tests.browser.driver import ONE, answered, draw, remembered, settled

pytestmark = pytest.mark.browser

BAR = ".st-key-lesson_bar"


def test_a_lesson_stays_in_sight_from_the_question_to_the_next(page, server):
    page.goto(f"{server.url}/how?part=lessons")
    page.get_by_role("button", name="Open lesson 2 on Weights").click()
    bar = page.locator(BAR)
    bar.get_by_text("Which pixels does the theta of 0 dislike most?").wait_for()
    page.get_by_role("heading", name="A closer look").scroll_into_view_if_needed()
    settled(page)
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, main.scrollHeight)")
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollTop") > 100
    assert 0 < bar.bounding_box()["y"] < 100
    bar.get_by_role("radio", name="The rim of the picture").click()
    bar.get_by_role("button", name="Reveal").click()
    bar.get_by_text("You guessed The rim of the picture; it is The middle.").wait_for()
    assert "lesson=theta-of-zero" in page.url
    bar.get_by_role("button", name="Next lesson").click()
    bar.get_by_text("Trained on ten images").wait_for()
    page.get_by_role("tab", name="Watch").wait_for()
    assert "lesson=ten-images" in page.url
    bar.get_by_role("button", name="Back to the lessons").click()
    page.get_by_role("heading", name="Short lessons").wait_for()
    assert page.locator(BAR).count() == 0


def test_one_link_fills_a_projector_with_a_lesson_and_nothing_else(page, server):
    page.goto(f"{server.url}/lesson?lesson=two-bars")
    page.get_by_role("heading", name="Two of ten probabilities").wait_for()
    settled(page)
    assert not page.get_by_test_id("stHeader").is_visible()
    size = "text => parseFloat(getComputedStyle(text).fontSize)"
    assert page.get_by_role("heading", name="Two of ten").evaluate(size) > 40
    page.get_by_role("radio", name="Yes, a mistake").click()
    page.get_by_role("button", name="Reveal").click()
    page.get_by_text("You guessed").wait_for()
    assert page.get_by_text("They would sum to 1").evaluate(size) > 22
    page.locator("[role='graphics-document']").nth(1).wait_for()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="Which theta has the louder").wait_for()
    assert "lesson=louder" in page.url


def test_a_lesson_fits_a_phone(phone, server):
    for way in ("weights", "lesson"):
        phone.goto(f"{server.url}/{way}?lesson=two-bars")
        choice = phone.get_by_role("radio", name="Only if it misreads")
        choice.wait_for()
        settled(phone)
        box = choice.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        main = phone.get_by_test_id("stMain")
        assert main.evaluate("main => main.scrollWidth <= main.clientWidth")


def test_a_link_to_a_lesson_sets_its_page_up_in_a_tab_that_had_another_model(page, server):
    page.goto(server.url)
    # The tab brings back what it held, its model among it; the lesson's goes over that.
    draw(page, ONE)
    answered(page, "1")
    settled(page)
    remembered(page)
    page.goto(f"{server.url}/mistakes?lesson=where-to-put-the-bar")
    page.get_by_text("Brought back").wait_for()
    page.get_by_text("pixels (ten digits").wait_for()
    bar = page.get_by_role("combobox", name="The model of")
    bar.wait_for()
    assert bar.input_value() == "8"
