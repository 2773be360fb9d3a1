"""The Weights page in a real browser."""

from itertools import pairwise

import pytest

from lrcore.weights import WEIGHTS_FOLDER, load_weights
from tests.browser.driver import choose_model, go_to, settled

pytestmark = pytest.mark.browser

TEN = ".st-key-ten_thetas [role='graphics-document']"
# Keeps each number of iterations that the page says, in the order in which it says them.
FRAMES = r"""
window.framesSeen = new Set();
new MutationObserver(() => {
  for (const [, at] of document.body.innerText.matchAll(/After (\d+) iterations/g))
    window.framesSeen.add(Number(at));
}).observe(document.body, {subtree: true, childList: true, characterData: true});
"""


def test_ten_heatmaps_with_values_on_hover_and_a_closer_look(page):
    choose_model(page, "pixels")
    go_to(page, "Weights")
    page.locator(TEN).nth(9).locator("canvas").wait_for()
    assert page.locator(TEN).count() == 10
    for digit in range(10):
        assert (
            page.locator(TEN)
            .nth(digit)
            .get_attribute("aria-label")
            .startswith(f"Theta of {digit}.")
        )
    three = page.locator(TEN).nth(3).locator("canvas")
    box = three.bounding_box()
    assert abs(box["width"] - box["height"]) < 2
    row, column = 12, 17
    spot = {
        "x": (column + 0.5) * box["width"] / 28,
        "y": (row + 0.5) * box["height"] / 28,
    }
    three.hover(position=spot)
    value = load_weights(WEIGHTS_FOLDER / "pixels.npz").theta[3, 1 + 28 * row + column]
    tooltip = page.locator("#vg-tooltip-element")
    tooltip.wait_for()
    assert f"{value:+.3f}".replace("-", "−") in tooltip.inner_text()
    three.click(position=spot)
    page.get_by_text("The average 3").wait_for()


def test_a_binary_model_shows_its_one_and_fits_a_phone(phone):
    choose_model(phone, "zero-or-one")
    go_to(phone, "Weights")
    phone.locator(TEN).locator("canvas").wait_for()
    assert phone.locator(TEN).count() == 1
    assert phone.locator(TEN).get_attribute("aria-label").startswith("Theta of 1 against 0.")
    main = phone.locator("[data-testid='stMain']")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")


def test_the_closer_look_stands_beside_the_ten_and_nothing_is_wider_than_the_page(page):
    go_to(page, "Weights")
    page.get_by_text("theta is no picture by itself").wait_for()
    settled(page)
    ten = page.locator(".st-key-ten_thetas").bounding_box()
    closer = page.locator(".st-key-closer_look").bounding_box()
    assert closer["x"] >= ten["x"] + ten["width"]
    assert abs(closer["y"] - ten["y"]) < 40
    # No third of the desk is empty.
    assert closer["x"] + closer["width"] > 1150
    levels = page.locator("main h1, main h2, main h3, main h4").evaluate_all(
        "all => all.map(heading => Number(heading.tagName[1]))"
    )
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_theta_forming_plays(page, server):
    page.goto(f"{server.url}/train?images=200&iterations=40&solver=gradient-descent")
    page.locator(".st-key-start button:visible").click()
    page.get_by_text("Test accuracy").wait_for()
    go_to(page, "Weights")
    page.get_by_role("radio", name="Theta forming").click()
    page.get_by_text("After 40 iterations").wait_for()
    assert page.locator(TEN).count() == 0
    # A slow browser may show a frame too shortly to be met by one who looks now and then.
    page.evaluate(FRAMES)
    page.get_by_role("button", name="Play theta forming").click()
    page.wait_for_function("window.framesSeen.size >= 4")
    seen = [at for at in page.evaluate("[...window.framesSeen]") if at != 40]
    assert len(seen) >= 3
    assert seen == sorted(seen)
