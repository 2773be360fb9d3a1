"""Nothing moves as the parts of a page come: what draws them is held back, then let go."""

import pytest

from tests.browser.driver import PHONE, settled

pytestmark = pytest.mark.browser

DESK = {"viewport": {"width": 1280, "height": 800}}
# What the browser loads to draw charts.
DRAWS = "**/ArrowVegaLiteChart*.js"
# Pixels that a thing may move: of a field the bar of one line that stands for it may be there yet.
LITTLE = 40
# What keeps the room has come.
KEPT = "[...document.querySelectorAll('style')].some(e => e.textContent.includes('min-height'))"
# For each page, what stands below its charts.
BELOW = {
    "weights": "text=Pictures (PNG)",
    "train": "[data-testid=stImage]",
    "mistakes": "text=Click a cell to see its pictures",
    "how": "text=Added up:",
}


def height_of(page, what):
    """Where something stands on the page, in pixels from its top, as soon as that is at rest."""
    box = page.get_by_test_id("stMain").locator(what).first
    box.wait_for()
    settled(page)
    page.wait_for_function("document.fonts.status === 'loaded'")
    return box.bounding_box()["y"]


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("path", BELOW)
def test_charts_have_their_room_before_they_can_be_drawn(chromium, server, screen, path):
    context = chromium.new_context(**screen)
    page = context.new_page()
    page.set_default_timeout(60_000)
    held = []
    page.route(DRAWS, lambda route: held.append(route))
    page.goto(f"{server.url}/{path}")
    page.wait_for_function(KEPT)
    before = height_of(page, BELOW[path])
    assert held
    assert not page.get_by_test_id("stVegaLiteChart").count()
    for route in held:
        route.continue_()
    charts = page.get_by_test_id("stVegaLiteChart").filter(visible=True)
    charts.first.locator("canvas, svg").wait_for(state="attached")
    assert abs(height_of(page, BELOW[path]) - before) <= LITTLE
    context.close()
