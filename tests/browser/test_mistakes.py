"""The Mistakes page in a real browser."""

import pytest

from lrcore.weights import WEIGHTS_FOLDER, load_weights
from tests.browser.driver import choose_model, go_to, settled
from ui.mistakes import study

pytestmark = pytest.mark.browser


def test_a_click_on_a_cell_shows_its_pictures_and_each_opens_in_predict(page):
    found = study(load_weights(WEIGHTS_FOLDER / "pixels.npz"))
    choose_model(page, "pixels")
    go_to(page, "Mistakes")
    cells = page.locator("[aria-label^='Confusion matrix'] path[aria-label*='pictures']")
    # Row by row: fives that were read as threes.
    cells.nth(53).click()
    count = found.counts[5, 3]
    page.get_by_text(f"{count} of 892 pictures of 5 were read as 3").wait_for()
    settled(page)
    index = found.index[found.behind(5, 3)[0]]
    page.locator(f".st-key-test-picture-cell-{index} button").first.click()
    page.get_by_text(f"Test picture {index} is labelled 5: read wrong.").wait_for()
