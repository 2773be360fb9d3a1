"""How fast the app is on the screen: the first answer, a cold start, changes of page, and how far
things move on a page that is opened.

    python benchmarks/page_speed.py [TRIALS]

A real Chromium, the server beside it on the same processors.  The first answer is compared to
what an app takes that only counts the strokes on streamlit-drawable-canvas (`canvas_echo.py`),
trial by trial in turns.  Times are medians of TRIALS (15), taken inside of the browser.  On a
machine that has other work to do look at the ratio and at the processor times; those need Linux,
for /proc.  The first content of each page is timed beside two processes that burn a processor each.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import permutations
from multiprocessing import Process
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.processor import need_linux, processor_seconds  # noqa: E402
from tests.browser.driver import (  # noqa: E402
    ONE,
    PHONE,
    Server,
    canvas,
    draw,
    find_browser,
    settled,
)

ECHO = "benchmarks/canvas_echo.py"
RATIO, READY, PAINTED, CHANGED = 1.25, 2.0, 3.0, 0.5
STARTS = 5
# What stands at the end of each page, and so tells that all of it is there.
LANDMARKS = {
    "Predict": "canvas.drawing",
    "Train": ".st-key-start button",
    "Weights": ".st-key-ten_thetas > :nth-child(10) canvas",
    "My hand": "#your-own-digits",
    "Mistakes": "[class*='picture-The-most-typical'] button",
    "How it works": "[class*='st-key-open-lesson'] button",
    "Two numbers": ".st-key-two_buttons button",
    "Valley": ".stMain:has(.st-key-walk-button-walk) [data-testid=stVegaLiteChart] canvas",
}
# Each page's first content, and the page from which it is gone to: with no such thing of its own.
HEADINGS = {
    "Predict": (".stHtml h1", "Mistakes"),
    "Train": (".stHtml h1", "Mistakes"),
    "Weights": ("h1#weights", "Predict"),
    "My hand": ("h1#my-hand", "Predict"),
    "Mistakes": ("h1#mistakes", "Predict"),
    "How it works": ("h1#how-it-works", "Predict"),
    "Two numbers": (".stHtml h1", "Mistakes"),
    "Valley": (".stHtml h1", "Mistakes"),
}
FIRST, SHIFTED = 0.5, 0.1
PATHS = ("", "train", "weights", "hand", "mistakes", "how", "two-numbers", "valley", "lesson")
SCREENS = {
    "desk": {"viewport": {"width": 1280, "height": 800}},
    # The same at 200 %.
    "zoom": {"viewport": {"width": 640, "height": 800}},
    "phone": PHONE,
}
# Adds up the layout shifts; apart, those of nothing but the frame that Streamlit puts round pages.
SHIFTS = """
window.shifts = {all: 0, frame: 0};
const FRAME = ['stMainBlockContainer', 'stAppViewContainer', 'stTopNav', 'stToolbar'];
new PerformanceObserver(list => list.getEntries().forEach(entry => {
  if (entry.hadRecentInput) return;
  window.shifts.all += entry.value;
  if (entry.sources.every(source => FRAME.includes(source.node?.dataset?.testid)))
    window.shifts.frame += entry.value;
})).observe({type: 'layout-shift', buffered: true});
"""
# Takes the time from an event on the page until all of some selectors find something.
STOPWATCH = """
// The canvas stands in a tree of its own.
const hosts = () => [...document.querySelectorAll('.st-key-canvas *')].filter(e => e.shadowRoot);
const found = wanted => document.querySelector(wanted)
  || hosts().some(host => host.shadowRoot.querySelector(wanted));
window.stopwatch = ([event, ...selectors]) => {
  window.taken = null;
  window.addEventListener(event, () => {
    const start = performance.now();
    const look = () => {
      const there = selectors.every(found);
      if (there) window.taken = performance.now() - start;
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, {once: true, capture: true});
};
"""
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


def opened(browser: Browser, url: str) -> Page:
    """A page of its own with the canvas on it."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.add_init_script(STOPWATCH)
    page.goto(url)
    canvas(page)
    return page


def taken(page: Page) -> float:
    """What the stopwatch says, in seconds, as soon as it has stopped."""
    return page.wait_for_function("window.taken").json_value() / 1000


def after_stroke(page: Page, strokes: list, there: str) -> float:
    """Seconds from the end of a stroke until something is there."""
    page.evaluate("selectors => stopwatch(selectors)", ["pointerup", there])
    draw(page, strokes)
    return taken(page)


def used_by(server: Server) -> float:
    """Processor seconds of a server so far."""
    return processor_seconds(Path(f"/proc/{server.process.pid}"))


def strokes_against_echo(browser: Browser, trials: int) -> None:
    """Print how long the answer to a first stroke takes, and its echo."""
    with Server() as app, Server(ECHO) as echo:
        marks = {app: "[data-answer]", echo: "[data-strokes='1']"}
        first: dict[Server, list[float]] = {app: [], echo: []}
        busy: dict[Server, list[float]] = {app: [], echo: []}
        for trial in range(trials + 2):
            for server in (app, echo):
                page = opened(browser, server.url)
                settled(page)
                before = used_by(server)
                seconds = after_stroke(page, ONE, marks[server])
                settled(page)
                # The first of all fill the caches.
                if trial >= 2:
                    first[server].append(seconds)
                    busy[server].append(used_by(server) - before)
                page.context.close()
    ratio = median(first[app]) / median(first[echo])
    print(f"First answer after a stroke    {1000 * median(first[app]):6.0f} ms")
    print(f"The same, a bare canvas' echo  {1000 * median(first[echo]):6.0f} ms")
    print(f"Ratio                          {ratio:6.2f}     target {RATIO}")
    print(
        f"Server's processor time        {1000 * sum(busy[app]) / trials:6.0f} ms, the echo's "
        f"{1000 * sum(busy[echo]) / trials:.0f} ms"
    )


def cold_starts(browser: Browser) -> None:
    """Print how long it takes from the start of the process to its readiness and to the canvas."""
    ready, painted, busy = [], [], []
    for _ in range(STARTS):
        start = time.monotonic()
        with Server() as server:
            ready.append(time.monotonic() - start)
            page = opened(browser, server.url)
            painted.append(time.monotonic() - start)
            busy.append(used_by(server))
            page.context.close()
    print(f"Server ready                   {median(ready):6.2f} s   target {READY}")
    print(f"Canvas painted, cold start     {median(painted):6.2f} s   target {PAINTED}")
    print(f"Server's processor time till then {median(busy):4.2f} s")


def page_changes(browser: Browser, trials: int) -> None:
    """Print how long each change of page takes once all pages have been seen."""
    with Server() as server:
        page = opened(browser, server.url)
        changes = list(permutations(LANDMARKS, 2))
        times: dict[tuple[str, str], list[float]] = {change: [] for change in changes}
        for title in (*LANDMARKS, *LANDMARKS):
            change_page(page, title)
        for _ in range(max(1, trials // 5)):
            for change in changes:
                change_page(page, change[0])
                times[change].append(change_page(page, change[1]))
    medians = {change: median(values) for change, values in times.items()}
    print("Change of page, ms, from the left to the top")
    print(" " * 13 + "".join(f"{title:>13}" for title in LANDMARKS))
    for old in LANDMARKS:
        cells = (f"{1000 * medians[old, new]:.0f}" if new != old else "" for new in LANDMARKS)
        print(f"{old:13}" + "".join(f"{cell:>13}" for cell in cells))
    slowest = max(medians, key=medians.__getitem__)
    print(
        f"Slowest: {' to '.join(slowest)}  {medians[slowest]:6.2f} s   target {CHANGED}; "
        f"median of all {median(medians.values()):.2f} s"
    )


def change_page(page: Page, title: str) -> float:
    """Go to a page and return the seconds until it is all there."""
    link = page.locator("[data-testid=stTopNavLink]", has_text=title)
    if link.get_attribute("aria-current") == "page":
        return 0.0
    page.evaluate("selectors => stopwatch(selectors)", ["click", LANDMARKS[title], IDLE])
    link.click()
    seconds = taken(page)
    settled(page)
    return seconds


def _burn() -> None:
    while True:
        pass


@contextmanager
def busy_machine(processes: int) -> Iterator[None]:
    """So many processes that each burn a processor."""
    burning = [Process(target=_burn, daemon=True) for _ in range(processes)]
    for process in burning:
        process.start()
    try:
        yield
    finally:
        for process in burning:
            process.terminate()


def first_contents(browser: Browser, trials: int) -> None:
    """Print how long after a change of page its heading is there, on a busy machine."""
    with Server() as server:
        page = opened(browser, server.url)
        for title in (*LANDMARKS, *LANDMARKS):
            change_page(page, title)
        with busy_machine(2):
            for title, (heading, before) in HEADINGS.items():
                times = []
                for _ in range(max(3, trials // 5)):
                    change_page(page, before)
                    page.evaluate("selectors => stopwatch(selectors)", ["click", heading])
                    page.locator("[data-testid=stTopNavLink]", has_text=title).click()
                    times.append(taken(page))
                    settled(page)
                print(f"First content, busy: {title:14} {median(times):6.2f} s   target {FIRST}")


def shifts(browser: Browser) -> None:
    """Print the layout shift of each page that is opened by its address, in a new browser."""
    with Server() as server:
        for screen, size in SCREENS.items():
            for path in PATHS:
                context = browser.new_context(**size)
                page = context.new_page()
                page.add_init_script(SHIFTS)
                page.goto(f"{server.url}/{path}")
                page.locator("h1").first.wait_for()
                settled(page)
                page.wait_for_load_state("networkidle")
                page.wait_for_timeout(1000)
                moved = page.evaluate("window.shifts")
                context.close()
                print(
                    f"Layout shift, {screen:5} /{path:11} {moved['all'] - moved['frame']:6.3f}   "
                    f"target {SHIFTED}; Streamlit's frame {moved['frame']:.3f}"
                )


def main(trials: int) -> None:
    """Print all figures, each beside its target."""
    need_linux()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        strokes_against_echo(browser, trials)
        cold_starts(browser)
        page_changes(browser, trials)
        first_contents(browser, trials)
        shifts(browser)
        browser.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
