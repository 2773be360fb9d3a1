"""The Mistakes page in a real browser."""

import pytest

from lrcore.weights import WEIGHTS_FOLDER, load_weights
from tests.browser.driver import choose_model, go_to, settled
from ui.mistakes import study
from ui.threshold import sides

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


def test_the_bar_moved_by_keys_shows_what_changes_sides_and_opens_it(page):
    found = study(load_weights(WEIGHTS_FOLDER / "pixels.npz"))
    choose_model(page, "pixels")
    go_to(page, "Mistakes")
    slider = page.get_by_role("slider", name="The bar (score)")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    settled(page)
    scores, yes = found.scores[:, 0], found.truth == 0
    bar = float(slider.input_value())
    assert bar == pytest.approx(0.5)
    missed = ((scores >= 0) & (scores < bar) & yes).sum()
    page.get_by_text(f"{missed} now missed (each is a 0)").wait_for()
    (_, better), _ = sides(scores, yes, bar)
    index = found.index[better[0]]
    page.locator(f".st-key-test-picture-bar-{index} button").first.click()
    page.get_by_text(f"Test picture {index} is labelled").wait_for()
