"""Make the moving picture of the README, with the real app in a real browser.

python docs/tour.py [FILE.gif]
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.driver import Server, canvas, choose_model, find_browser, go_to, press, settled  # noqa: E402

SIZE = 1280, 800
SHOWN = 768, 480
SEVEN = [
    [(0.27, 0.27), (0.5, 0.24), (0.74, 0.24), (0.66, 0.42), (0.55, 0.62), (0.48, 0.82)],
    [(0.38, 0.52), (0.55, 0.5), (0.7, 0.5)],
]


class Film:
    """Frames of a page, each with how long it stays, in milliseconds."""

    def __init__(self, page):
        self.page, self.frames, self.stays = page, [], []

    def shoot(self, stay: int) -> None:
        """Add the page as it stands."""
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        self.frames.append(picture.resize(SHOWN, Image.Resampling.LANCZOS))
        self.stays.append(stay)

    def save(self, path: Path) -> None:
        """Write the frames as an animated GIF."""
        # One palette for all frames, so that nothing flickers.
        strip = Image.new("RGB", (SHOWN[0], SHOWN[1] * 3))
        for at, frame in enumerate((self.frames[len(self.frames) // 3], *self.frames[-2:])):
            strip.paste(frame, (0, SHOWN[1] * at))
        palette = strip.quantize(128)
        frames = [f.quantize(palette=palette, dither=Image.Dither.NONE) for f in self.frames]
        frames[0].save(
            path,
            save_all=True,
            append_images=frames[1:],
            duration=self.stays,
            loop=0,
            optimize=True,
        )


def main(path: Path) -> None:
    """Draw, train and look at weights, and film it."""
    with Server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        page.goto(server.url)
        box = canvas(page).bounding_box()
        settled(page)
        film = Film(page)
        film.shoot(800)
        for stroke in SEVEN:
            for at, (x, y) in enumerate(stroke):
                page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
                if at == 0:
                    page.mouse.down()
                film.shoot(90)
            page.mouse.up()
            page.wait_for_selector("[data-answer]")
            settled(page)
            film.shoot(900)
        go_to(page, "Train")
        film.shoot(700)
        press(page, "The classic")
        # Or the button's hint would lie over the curves.
        page.mouse.move(SIZE[0] - 2, SIZE[1] - 2)
        for _ in range(14):
            page.wait_for_timeout(300)
            film.shoot(200)
        film.shoot(1500)
        go_to(page, "Weights")
        choose_model(page, "straightened")
        page.wait_for_timeout(800)
        film.shoot(2500)
        film.save(path)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "tour.gif")
