"""The line between two numbers in a real browser: dragged, learned on, and one's own dot."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.driver import ONE, draw, press, settled

pytestmark = pytest.mark.browser


def cost(page):
    """The cost that the page says."""
    return float(page.get_by_test_id("stMetricValue").first.inner_text())


def middle(page, handle):
    box = page.locator(f".plane [data-handle={handle}] .reach").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_line_is_dragged_its_cost_is_seen_meanwhile_and_it_learns_on_from_there(page, server):
    page.goto(f"{server.url}/two-numbers?line=90,0,2")
    page.locator(".plane [data-handle=shift]").scroll_into_view_if_needed()
    settled(page)
    said, before = page.locator(".plane .said"), cost(page)
    x, y = middle(page, "shift")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 40, steps=5)
    # The pen is still down: the line lies there, and Python has said what it costs.
    page.wait_for_function(
        "was => !document.querySelector('[data-testid=stMetricValue]').innerText.includes(was)",
        arg=f"{before:.4f}",
    )
    assert middle(page, "shift")[1] == pytest.approx(y + 40, abs=2)
    page.mouse.up()
    settled(page)
    assert middle(page, "shift")[1] == pytest.approx(y + 40, abs=2)
    by_hand = cost(page)
    assert said.text_content().startswith(f"cost {by_hand:.4f}")
    x, y = middle(page, "turn")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 60, steps=5)
    page.mouse.up()
    settled(page)
    # Turned about its middle, the sliders follow.
    slider = page.get_by_role("slider", name="Direction of yes")
    expect(slider).not_to_have_value("90", timeout=60_000)
    press(page, "Let it learn")
    page.get_by_text("lie on the right side").wait_for()
    page.get_by_text("Step, from the line set by hand").wait_for()
    assert cost(page) < by_hand


def test_ones_own_drawing_lands_as_a_star_and_dots_show_their_pictures(phone, server):
    phone.goto(f"{server.url}/two-numbers")
    phone.get_by_role("tab", name="Your own digit").click()
    draw(phone, ONE)
    star = phone.locator(".plane .own")
    star.wait_for(state="attached")
    phone.get_by_role("img", name=re.compile("Your drawing is at ink")).wait_for()
    settled(phone)
    star.tap()
    phone.get_by_text(re.compile("Yours: ink")).wait_for()
    assert phone.locator(".plane circle.yes").count() == 150
    plane = phone.locator(".plane svg").bounding_box()
    assert plane["x"] >= 0
    assert plane["x"] + plane["width"] <= 390
