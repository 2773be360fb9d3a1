"""A drawing inside the training, in a real browser."""

import re

import pytest

from tests.browser.driver import ONE, answered, draw, go_to, remembered, settled

pytestmark = pytest.mark.browser

PANEL = ".st-key-pinned_panel"
# Whether the bars are those of a later iteration than the one given.
LATER = """
([panel, before]) => {
  const found = document.querySelector(panel)?.innerText.match(/After ([\\d,]+) iteration/);
  return found && Number(found[1].replaceAll(',', '')) > before;
}
"""


def bars(page):
    """What the pinned digit's bars say, as a screen reader hears it."""
    return page.locator(PANEL).get_by_test_id("stVegaLiteChart").get_attribute("aria-label")


def iteration(page):
    return int(re.search(r"After ([\d,]+) iter", page.locator(PANEL).inner_text())[1])


def test_a_drawing_is_read_at_every_iteration_and_played_again(page, server):
    page.goto(server.url)
    draw(page, ONE)
    answered(page, "1")
    go_to(page, "Train")
    page.get_by_role("button", name="Pin a digit").click()
    page.get_by_role("button", name="The last one of Predict").click()
    page.get_by_text("Its bars will move here").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="The classic").click()
    page.wait_for_function(LATER, arg=[PANEL, 0])
    # Beside the cost curve, not below it.
    curve = page.get_by_test_id("stVegaLiteChart").first.bounding_box()
    panel = page.locator(PANEL).bounding_box()
    assert panel["x"] >= curve["x"] + curve["width"]
    assert panel["y"] < curve["y"] + curve["height"]
    seen, before = bars(page), iteration(page)
    page.wait_for_function(LATER, arg=[PANEL, before])
    page.wait_for_function(
        "([panel, seen]) => document.querySelector(`${panel} [data-testid=stVegaLiteChart]`)"
        "?.ariaLabel !== seen",
        arg=[PANEL, seen],
    )
    # Through other pages, and a reload.  The button's hint lies over the navigation.
    page.mouse.move(2, 700, steps=4)
    page.get_by_test_id("stTooltipContent").wait_for(state="hidden")
    go_to(page, "Weights")
    go_to(page, "Train")
    page.wait_for_function(LATER, arg=[PANEL, before])
    remembered(page)
    page.reload()
    page.wait_for_function(LATER, arg=[PANEL, before])
    page.locator(".st-key-stop button:visible").click()
    page.get_by_text("Test accuracy").wait_for()
    settled(page)
    slider = page.locator(".st-key-look_back").get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    page.get_by_text("all bars at 0.50").wait_for()
    page.locator(".st-key-look_back").get_by_role("button", name="Play theta forming").click()
    page.wait_for_function(LATER, arg=[PANEL, 0])
    played = iteration(page)
    page.wait_for_function(LATER, arg=[PANEL, played])


def test_a_digit_drawn_on_train_is_pinned_there(page, server):
    page.goto(f"{server.url}/train?images=300&iterations=5")
    page.get_by_text("Nothing runs yet").wait_for()
    settled(page)
    page.get_by_role("button", name="Pin a digit").click()
    page.get_by_role("button", name="Clear").wait_for()
    settled(page)
    draw(page, ONE)
    page.get_by_text("Pinned: your drawing").wait_for()
    page.keyboard.press("Escape")
    page.locator(".st-key-start button:visible").click()
    page.get_by_text("After 5 iterations: the longest bar is that of 1").wait_for()
