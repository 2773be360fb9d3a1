"""The Valley page in a real browser: ways that grow by themselves."""

import re

import pytest

from tests.browser.driver import LATE, settled

pytestmark = pytest.mark.browser


def after(page, passes):
    """The chart, once it shows the ways after so many passes."""
    words = re.compile(f"After {passes} passes: Gradient descent at ")
    return page.get_by_role("img", name=words).or_(page.get_by_label(words)).first


def test_ways_are_played_to_their_end_and_again_from_the_start(page, server):
    # Pause is pressed while the ways are drawn by the clock.
    page.add_init_script(LATE)
    page.goto(f"{server.url}/valley?valley-passes=90")
    play = page.get_by_role("button", name="Play the ways")
    slider = page.get_by_role("slider", name="Passes over the pictures")
    play.wait_for()
    settled(page)
    assert slider.get_attribute("aria-valuetext") == "90"
    play.click()
    # At the end it stops by itself.
    after(page, "100").wait_for()
    play.wait_for()
    assert slider.get_attribute("aria-valuetext") == "100"
    play.click()
    pause = page.get_by_role("button", name="Pause the ways")
    pause.wait_for()
    after(page, r"\d\d?").wait_for()
    pause.click()
    play.wait_for()
    assert int(slider.get_attribute("aria-valuetext")) < 90
