"""Use the app in a real browser and take pictures of every page, to be looked at.

    python docs/screenshots.py [FOLDER]

Desktop (1280x800) and phone (390x844), light and dark, into `screenshots/`.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.driver import Server, draw, find_browser, go_to, press, settled  # noqa: E402

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
SEVEN = [[(0.25, 0.25), (0.75, 0.22), (0.6, 0.5), (0.5, 0.8)], [(0.38, 0.52), (0.7, 0.5)]]


def tour(page, shoot) -> None:
    """Walk through the app as a newcomer would."""
    page.wait_for_selector("text=Draw a digit on the canvas")
    settled(page)
    shoot("predict-empty")
    draw(page, SEVEN)
    page.wait_for_selector("[data-answer]")
    settled(page)
    shoot("predict-drawn")
    page.get_by_role("radio", name="Test set").click()
    settled(page)
    press(page, "Read")
    page.wait_for_selector("text=is labelled")
    settled(page)
    shoot("predict-gallery")
    for title in ("Train", "Weights", "Mistakes", "My hand", "How it works"):
        if page.locator("[data-testid='stSidebarNavLink']", has_text=title).count():
            go_to(page, title)
            page.wait_for_timeout(1500)
            shoot(title.lower().replace(" ", "-"))
            if title == "Train":
                press(page, "Start")
                page.wait_for_timeout(4000)
                shoot("train-running")


def main(folder: Path) -> None:
    """Take the tour at every size and in both colour schemes."""
    folder.mkdir(exist_ok=True)
    with Server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        for size, (width, height) in SIZES.items():
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,
                    has_touch=size == "phone",
                    is_mobile=size == "phone",
                )
                page = context.new_page()
                page.goto(server.url)

                def shoot(name, page=page, size=size, scheme=scheme):
                    page.screenshot(path=folder / f"{name}-{size}-{scheme}.png")

                tour(page, shoot)
                context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "screenshots")
