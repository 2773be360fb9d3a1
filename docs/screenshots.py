"""Use the app in a real browser and take pictures of every page and state, to be looked at.

    python docs/screenshots.py [FOLDER]

Desktop (1280x800) and phone (390x844), light and dark, into `screenshots/`; of pages that are
longer than the screen, the whole length.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from lrcore.data import load_dataset  # noqa: E402
from tests.browser.driver import (  # noqa: E402
    ONE,
    PHONE,
    ZERO,
    Server,
    choose_model,
    draw,
    find_browser,
    go_to,
    press,
    settled,
)
from tests.files import saved  # noqa: E402

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
SEVEN = [[(0.25, 0.25), (0.75, 0.22), (0.6, 0.5), (0.5, 0.8)], [(0.38, 0.52), (0.7, 0.5)]]
NO_DIGIT = [[(0.1, 0.1), (0.9, 0.9)], [(0.9, 0.1), (0.1, 0.9)], [(0.05, 0.5), (0.95, 0.5)]]
TEXT_FILE = {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture at all"}


class Album:
    """Takes a page's pictures under names that tell the screen and the colours."""

    def __init__(self, page, folder: Path, kind: str):
        self.page, self.folder, self.kind = page, folder, kind

    def glance(self, name: str) -> None:
        """The screen at this moment, whatever is going on."""
        self.page.screenshot(path=self.folder / f"{name}-{self.kind}.png")

    def take(self, name: str) -> None:
        """The page at rest, all of its length."""
        # The pointer would leave hints and toolbars open.
        self.page.mouse.move(2, self.page.viewport_size["height"] - 2)
        settled(self.page)
        self.page.wait_for_timeout(600)
        size = self.page.viewport_size
        main = self.page.get_by_test_id("stMain")
        length = main.evaluate("main => main.scrollHeight")
        if length > size["height"]:
            self.page.set_viewport_size({**size, "height": min(length + 80, 6000)})
            self.page.wait_for_timeout(600)
        self.glance(name)
        self.page.set_viewport_size(size)


def bring(page, files) -> None:
    """Put files into the uploader of the Predict page."""
    page.locator(".st-key-pictures input[type=file]").set_input_files(files)
    settled(page)


def way(page, name: str) -> None:
    """Choose where the digit comes from."""
    page.get_by_role("radio", name=name).click()
    settled(page)


def look_closer(page, name: str) -> None:
    """Open one of the views under the answer."""
    page.get_by_text(name).click()
    settled(page)


def predict(page, album: Album) -> None:
    """All that the Predict page can look like."""
    album.take("predict-empty")
    draw(page, SEVEN)
    page.wait_for_selector("[data-answer]")
    album.take("predict-drawn")
    for view in ("Why this answer?", "step by step", "naive shrinking"):
        look_closer(page, view)
        album.take(f"predict-{view.split()[0].lower()}")
    look_closer(page, "naive shrinking")
    row = page.locator("[class*='st-key-label-']")
    row.get_by_role("button", name="It's a 1").click()
    album.take("predict-corrected")
    press(page, "Undo correction")
    settled(page)
    press(page, "Clear")
    page.wait_for_selector("text=Draw a digit on the canvas")
    settled(page)
    draw(page, NO_DIGIT)
    page.wait_for_selector("[data-answer]")
    album.take("predict-unsure")
    choose_model(page, "zero-or-one")
    album.take("predict-binary")
    choose_model(page, "strokes")
    page.get_by_test_id("stPopover").filter(has_text="Model").get_by_role("button").click()
    album.take("predict-model")
    page.keyboard.press("Escape")
    way(page, "A row")
    album.take("predict-row-empty")
    draw(page, [[(0.05 + 0.3 * x, y) for x, y in ONE[0]], [(0.4 + 0.3 * x, y) for x, y in ZERO[0]]])
    page.get_by_text("2 digits, in reading order").wait_for()
    album.take("predict-row")
    way(page, "Upload")
    album.take("predict-upload-empty")
    image = load_dataset(part="test").images[0]
    seven = {"name": "seven.png", "mimeType": "image/png", "buffer": saved(image)}
    bring(page, [seven, TEXT_FILE])
    album.take("predict-upload")
    way(page, "Camera")
    album.take("predict-camera")
    way(page, "Test set")
    album.take("predict-gallery-empty")
    press(page, "Read")
    page.wait_for_selector("text=is labelled")
    album.take("predict-gallery")


def train(page, album: Album) -> None:
    """Before, during and after a run."""
    go_to(page, "Train")
    album.take("train-empty")
    press(page, "The classic")
    page.wait_for_timeout(1500)
    album.glance("train-running")
    page.locator(".st-key-stop button:visible").click()
    page.get_by_text("Stopped by hand").wait_for()
    album.take("train-finished")
    page.get_by_role("button", name="Pin a digit").click()
    page.get_by_role("button", name="A test digit").click()
    page.get_by_text("Pinned: test picture").wait_for()
    album.glance("train-pin")
    page.keyboard.press("Escape")
    album.take("train-pinned")
    slider = page.locator(".st-key-look_back").get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    album.take("train-looked-back")
    query = "images=1000&iterations=8&sweep=C:0.01,0.1,1"
    for name, more in (("sweep", ""), ("grid", ";images:300,1000")):
        page.goto(f"{page.url.split('/train')[0]}/train?{query}{more}")
        page.get_by_role("button", name="Try them").wait_for()
        album.take(f"train-{name}-empty")
        press(page, "Try them")
        page.get_by_text("Best:").wait_for()
        settled(page)
        album.take(f"train-{name}")


def weights(page, album: Album) -> None:
    """Edges, pixels, one model for two digits, and the closer looks."""
    go_to(page, "Weights")
    album.take("weights-strokes")
    choose_model(page, "pixels")
    for view in ("One digit", "Digit against digit", "Two models", "Theta forming"):
        page.get_by_role("radio", name=view).click()
        album.take(f"weights-{view.lower().replace(' ', '-')}")
    choose_model(page, "strokes")


def others(page, album: Album) -> None:
    """The pages that are read rather than used."""
    go_to(page, "My hand")
    album.take("hand-empty")
    go_to(page, "Predict")
    way(page, "Draw")
    row = page.locator("[class*='st-key-label-']")
    row.get_by_role("button", name="It's a 1").click()
    settled(page)
    go_to(page, "My hand")
    album.take("hand")
    go_to(page, "Mistakes")
    album.take("mistakes")
    go_to(page, "Two numbers")
    page.locator(".plane svg").wait_for()
    album.take("two-numbers-empty")
    press(page, "Let it learn")
    page.get_by_text("lie on the right side").wait_for()
    # The line walks there.
    page.wait_for_timeout(4000)
    album.take("two-numbers")
    page.get_by_role("tab", name="Your own digit").click()
    page.get_by_text("the star").wait_for()
    album.take("two-numbers-own")
    page.get_by_role("radio", name="Two pixels").click()
    settled(page)
    press(page, "A line by hand")
    album.take("two-numbers-pixels")
    go_to(page, "Valley")
    page.get_by_text("Guess first").wait_for()
    album.take("valley-guess")
    page.get_by_text("31 to 100").click()
    press(page, "Let them walk")
    page.wait_for_timeout(4000)
    album.glance("valley-walking")
    page.get_by_role("button", name="Play the ways").wait_for()
    album.take("valley")
    page.get_by_role("radio", name="A run of mine").click()
    page.get_by_text("of its movement").wait_for()
    album.take("valley-run")
    go_to(page, "How it works")
    album.take("how")


def main(folder: Path) -> None:
    """Take the tour at every size and in both colour schemes."""
    folder.mkdir(exist_ok=True)
    with Server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        for size, screen in (("desktop", DESKTOP), ("phone", PHONE)):
            for scheme in ("light", "dark"):
                context = browser.new_context(**screen, color_scheme=scheme)
                page = context.new_page()
                page.goto(server.url)
                page.wait_for_selector("text=Draw a digit on the canvas")
                for part in (predict, train, weights, others):
                    part(page, Album(page, folder, f"{size}-{scheme}"))
                context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "screenshots")
