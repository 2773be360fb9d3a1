"""How long the first result of a sweep takes to stand on the page, from the press of 'Try them'.

    python benchmarks/first_sweep.py                          seven values of C, 50,000 images
    python benchmarks/first_sweep.py "images=6000&sweep=C:0.1,1" ...

The app runs as a user starts it, and a real browser looks.  Beside the seconds stands how busy the
machine was meanwhile, in processors that others took: at rest that is next to nothing, and only
then do the seconds say anything of the app.  What the server itself works meanwhile is less moved
by others.  Target: 2 s at rest.  Needs Linux, for /proc.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.processor import busy_seconds, descendants, need_linux, processor_seconds
from tests.browser.driver import Server, find_browser, settled

# The page's own proposal, and a smaller one.
QUERIES = ("sweep=C:0.001,0.01,0.1,1,10,100,1000", "images=6000&sweep=C:0.001,0.01,0.1,1,10,100")
TARGET, ROUNDS = 2.0, 3


def ours() -> float:
    """Processor seconds of this process and all that it has started."""
    pids = [os.getpid(), *descendants(os.getpid())]
    return sum(processor_seconds(Path(f"/proc/{pid}")) for pid in pids)


def first_result(page: Page, url: str, server: Path) -> tuple[float, float, float]:
    """Seconds until the first result is on the page, and meanwhile: processors that others took,
    processor seconds of the server."""
    page.goto(url)
    button = page.get_by_role("button", name="Try them")
    button.wait_for()
    settled(page)
    began, busy, own, work = time.monotonic(), busy_seconds(), ours(), processor_seconds(server)
    button.click()
    page.get_by_text("Best: ").wait_for()
    seconds = time.monotonic() - began
    work = processor_seconds(server) - work
    others = (busy_seconds() - busy - (ours() - own)) / seconds
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Open this run").wait_for()
    return seconds, max(0.0, others), work


def main() -> None:
    """Start the app and a browser, and measure each sweep in visits of its own."""
    need_linux()
    with Server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        for query in sys.argv[1:] or QUERIES:
            measured = []
            for _ in range(ROUNDS):
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.set_default_timeout(120_000)
                process = Path(f"/proc/{server.process.pid}")
                measured.append(first_result(page, f"{server.url}/train?{query}", process))
                page.close()
            print(f"{query}: the first result after")
            for seconds, others, work in measured:
                print(
                    f"  {seconds:.2f} s (target {TARGET:g} at rest), of which the server worked "
                    f"{work:.2f} processor seconds; others took {others:.1f} processors"
                )
        browser.close()


if __name__ == "__main__":
    main()
