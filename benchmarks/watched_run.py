"""What watching a training run costs it: frames a second, and the share of its speed it keeps.

    python benchmarks/watched_run.py                     60,000 images, gradient descent
    python benchmarks/watched_run.py "images=6000&solver=adam&iterations=90000"

The app runs as a user starts it, and a real browser shows the Train page.  Again and again the
run's speed is taken with the browser watching, and then with the browser's processes halted.  A
frame counts where the cost chart is drawn afresh.  The run, the server and the browser need about
one and a half processors: where two are not free, look at the second share, for which the time
that the run's thread stood in line for a processor does not count.  Needs Linux, for /proc.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.processor import busy_seconds, descendants, need_linux, processor_seconds
from tests.browser.driver import Server, find_browser, settled

QUERY = "solver=gradient-descent&images=60000&iterations=100000"
ROUNDS, SECONDS = 6, 6.0
FRAMES_A_SECOND, KEPT = 4.0, 0.80
# Counts how often the first chart of the page is drawn; what belongs together comes at once.
COUNT_FRAMES = """
window.frames = 0;
let last = 0;
const clear = CanvasRenderingContext2D.prototype.clearRect;
CanvasRenderingContext2D.prototype.clearRect = function (...where) {
  const first = document.querySelector('[data-testid=stVegaLiteChart] canvas');
  if (this.canvas === first && performance.now() - last > 50) {
    window.frames += 1;
    last = performance.now();
  }
  return clear.apply(this, where);
};
"""


class Times:
    """Processor seconds so far: of the run's thread, the server's others, the browser, others.

    in_line : seconds that the run's thread was ready but had no processor.
    """

    def __init__(self, server: int, browser: list[int]):
        process = Path(f"/proc/{server}")
        thread = max((process / "task").iterdir(), key=processor_seconds)
        self.run = processor_seconds(thread)
        # Source: "Scheduler Statistics" in Linux's documentation; in nanoseconds.
        self.in_line = int((thread / "schedstat").read_text(encoding="utf-8").split()[1]) / 1e9
        # Not the sum of its threads: those that make pages come and go.
        self.pages = processor_seconds(process) - self.run
        self.browser = sum(processor_seconds(Path(f"/proc/{pid}")) for pid in browser)
        self.others = busy_seconds() - self.run - self.pages - self.browser
        self.clock = time.monotonic()

    def speeds(self, later: Times, iterations: int) -> tuple[float, float]:
        """Iterations a second since, and iterations a second not spent in line."""
        seconds = later.clock - self.clock
        return iterations / seconds, iterations / (seconds - (later.in_line - self.in_line))


def iteration(page: Page) -> int:
    """How far the run is, as the page says."""
    text = page.get_by_test_id("stProgress").inner_text()
    found = re.search(r"iteration ([\d,]+)", text)
    return int(found[1].replace(",", "")) if found else 0


@contextmanager
def halted(processes: list[int]) -> Iterator[None]:
    """These processes stand still."""
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


def measure(page: Page, server: int, browser: list[int]) -> None:
    """Print a line a round, then the medians beside their targets."""
    kept, fairly_kept, frames = [], [], []
    print(
        "iterations/s watched, alone | share kept, the same but for standing in line | frames/s |"
    )
    print("processor ms a frame: page, browser | processors that other work took")
    for _ in range(ROUNDS):
        start, at, drawn = Times(server, browser), iteration(page), page.evaluate("window.frames")
        time.sleep(SECONDS)
        drawn = page.evaluate("window.frames") - drawn
        middle, half = Times(server, browser), iteration(page)
        with halted(browser):
            time.sleep(SECONDS)
        page.wait_for_timeout(500)  # until it has caught up
        end, now = Times(server, browser), iteration(page)
        watched, fairly_watched = start.speeds(middle, half - at)
        alone, fairly_alone = middle.speeds(end, now - half)
        kept.append(watched / alone)
        fairly_kept.append(fairly_watched / fairly_alone)
        frames.append(drawn / (middle.clock - start.clock))
        print(
            f"{watched:6.2f} {alone:6.2f} | {kept[-1]:6.1%} {fairly_kept[-1]:6.1%} "
            f"| {frames[-1]:5.2f} | {1000 * (middle.pages - start.pages) / drawn:5.1f} "
            f"{1000 * (middle.browser - start.browser) / drawn:6.1f} "
            f"| {(end.others - start.others) / (end.clock - start.clock):4.2f}",
            flush=True,
        )
    print(
        f"share of its speed kept: {median(kept):.1%}, or {median(fairly_kept):.1%} not counting "
        f"the time in line (target: {KEPT:.0%} or more)"
    )
    print(f"frames a second: {median(frames):.2f} (target: {FRAMES_A_SECOND:g} or more)")


def main() -> None:
    """Start the app, a browser and a run, and measure."""
    need_linux()
    query = sys.argv[1] if len(sys.argv) > 1 else QUERY
    with Server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.add_init_script(COUNT_FRAMES)
        page.goto(f"{server.url}/train?{query}")
        page.get_by_text("Nothing runs yet").wait_for()
        settled(page)
        page.locator(".st-key-start button:visible").click()
        while iteration(page) < 3:
            page.wait_for_timeout(200)
        # Playwright's own driver has to go on, so that it hears of the end.
        chrome = [
            pid
            for pid in descendants(os.getpid())
            if "chrom" in Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").lower()
        ]
        measure(page, server.process.pid, chrome)
        browser.close()


if __name__ == "__main__":
    main()
