"""A sweep in a real browser."""

import pytest

from tests.browser.driver import settled

pytestmark = pytest.mark.browser


def test_a_sweep_by_a_link_is_run_and_a_click_opens_its_run(page, server):
    page.goto(f"{server.url}/train?images=300&iterations=5&sweep=C:0.01,0.1,1")
    page.get_by_role("button", name="Try them").click()
    page.get_by_text("3 of 3 runs").wait_for()
    settled(page)
    page.get_by_text("Best: C =").wait_for()
    chart = page.locator("[aria-label^='Validation curve: accuracy']")
    dots = chart.locator("path[aria-label*='on pictures: held-out']")
    dots.nth(2).click()
    settled(page)
    page.get_by_text("Theta of C = 1:").wait_for()
    page.get_by_role("button", name="Open this run").click()
    settled(page)
    # Under Watch, as a run among the others.
    page.get_by_text("iteration 5 of 5").wait_for()
    page.get_by_role("combobox", name="Run watched").wait_for()


def test_a_grid_is_read_on_a_phone(phone, server):
    phone.goto(f"{server.url}/train?images=300&iterations=5&sweep=C:0.01,1;images:100,300")
    phone.get_by_role("button", name="Try them").click()
    phone.get_by_text("4 of 4 runs").wait_for()
    settled(phone)
    chart = phone.locator("[aria-label^='Heat map of held-out accuracy']").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert chart.locator("path[aria-label*='held-out accuracy']").count() == 4
