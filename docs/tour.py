"""Make the moving picture of the README, with the real app in a real browser.

python docs/tour.py [FILE.gif]
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.driver import (  # noqa: E402
    PHONE,
    Server,
    canvas,
    choose_model,
    find_browser,
    go_to,
    press,
    settled,
)

SIZE = 1280, 800
SHOWN = 768, 480
SEVEN = [
    [(0.27, 0.27), (0.5, 0.24), (0.74, 0.24), (0.66, 0.42), (0.55, 0.62), (0.48, 0.82)],
    [(0.38, 0.52), (0.55, 0.5), (0.7, 0.5)],
]

SWEEP = "train?images=1000&iterations=8&sweep=C:0.001,0.01,0.1,1,10"
# What a phone's screen lies on in the film.
DESK = (0xF2, 0xEF, 0xE8)
# Colours that a GIF's frame may have, one less for what stays as it was; and how many of them are
# the frame's commonest, just as they are.
COLOURS, EXACT = 255, 128


def in_its_colours(frame: Image.Image) -> Image.Image:
    """A frame in a palette of its own.

    Its commonest colours stay as they are, so that paper is not tinted; the others are those that
    cover the rest best, as the thin lines of charts are few pixels, but their colours tell.
    """
    colours, counts = np.unique(np.asarray(frame).reshape(-1, 3), axis=0, return_counts=True)
    common = colours[np.argsort(-counts)][:EXACT]
    rest = frame.quantize(COLOURS - len(common), Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*common.ravel().tolist(), *rest][: 3 * COLOURS])
    return frame.quantize(palette=palette, dither=Image.Dither.NONE)


class Film:
    """Frames of pages, each with how long it stays, in milliseconds."""

    def __init__(self):
        self.frames, self.stays = [], []

    def shoot(self, page, stay: int) -> None:
        """Add a page as it stands; one that is higher than wide in the middle, as a phone lies."""
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        frame = Image.new("RGB", SHOWN, DESK)
        picture.thumbnail(SHOWN, Image.Resampling.LANCZOS)
        frame.paste(picture, ((SHOWN[0] - picture.width) // 2, (SHOWN[1] - picture.height) // 2))
        self.frames.append(frame)
        self.stays.append(stay)

    def save(self, path: Path) -> None:
        """Write the frames as an animated GIF."""
        frames = [in_its_colours(frame) for frame in self.frames]
        frames[0].save(
            path,
            save_all=True,
            append_images=frames[1:],
            duration=self.stays,
            loop=0,
            optimize=True,
        )


def write_seven(page, film: Film) -> None:
    """Draw a 7 with a bar, and see it read."""
    box = canvas(page).bounding_box()
    settled(page)
    film.shoot(page, 800)
    for stroke in SEVEN:
        for at, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
            if at == 0:
                page.mouse.down()
            film.shoot(page, 90)
        page.mouse.up()
        page.wait_for_selector("[data-answer]")
        settled(page)
        film.shoot(page, 900)


def watch(page, film: Film) -> None:
    """Train, and try several values of a setting."""
    go_to(page, "Train")
    film.shoot(page, 700)
    press(page, "The classic")
    # Or the button's hint would lie over the curves.
    page.mouse.move(SIZE[0] - 2, SIZE[1] - 2)
    for _ in range(12):
        page.wait_for_timeout(300)
        film.shoot(page, 180)
    film.shoot(page, 1200)
    page.goto(f"{page.url.split('/train')[0]}/{SWEEP}")
    button = page.get_by_role("button", name="Try them")
    button.wait_for()
    settled(page)
    button.scroll_into_view_if_needed()
    film.shoot(page, 900)
    button.click()
    page.mouse.move(SIZE[0] - 2, SIZE[1] - 2)
    for _ in range(6):
        page.wait_for_timeout(500)
        film.shoot(page, 250)
    page.get_by_text("Best:").wait_for()
    settled(page)
    page.locator("[aria-label^='Validation curve: accuracy']").scroll_into_view_if_needed()
    film.shoot(page, 2200)


def main(path: Path) -> None:
    """Draw, train, sweep and look at weights on a desk, draw on a phone, and film it."""
    film = Film()
    with Server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        page.goto(server.url)
        write_seven(page, film)
        watch(page, film)
        go_to(page, "Weights")
        choose_model(page, "straightened")
        page.wait_for_timeout(800)
        film.shoot(page, 2200)
        page.close()
        phone = browser.new_context(**PHONE).new_page()
        phone.goto(server.url)
        write_seven(phone, film)
        film.shoot(phone, 1500)
        browser.close()
    film.save(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "tour.gif")
