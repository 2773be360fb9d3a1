"""Starts the app and finds a browser: for the browser tests and the screenshots alike."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent.parent
# Seconds that a server may take until it answers, or is gone.
PATIENCE = 60
# Strokes to `draw`.
ONE = [[(0.5, 0.2), (0.5, 0.5), (0.5, 0.8)]]
ZERO = [
    [
        *((0.5, 0.2), (0.36, 0.28), (0.3, 0.5), (0.36, 0.72), (0.5, 0.8)),
        *((0.64, 0.72), (0.7, 0.5), (0.64, 0.28), (0.5, 0.2)),
    ]
]
# Streamlit's own phone ways, such as a navigation that folds away, go by what the browser says.
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "user_agent": "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Mobile Safari/537.36",
}
# Has the browser wait with what it would do at once, such as telling of a press, until the clock
# has had its turn by which a part of the page is drawn.
LATE = """
const later = window.setTimeout;
window.setTimeout = (act, wait, ...more) => later(act, wait || 400, ...more);
"""
# Keeps count of what a page is about to send (Streamlit waits up to 200 ms for more of the same)
# and of what the server has yet to answer, for `settled`.
WATCH = """
(() => {
  const page = window.unsettled = {soon: new Set(), asked: false};
  const {setTimeout: after, clearTimeout: forget, WebSocket: Socket} = window;
  window.setTimeout = (act, wait, ...given) => {
    const id = after(() => { page.soon.delete(id); act(...given); }, wait);
    if (wait > 0 && wait <= 400) page.soon.add(id);
    return id;
  };
  window.clearTimeout = id => { page.soon.delete(id); forget(id); };
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      page.asked = false;
      this.addEventListener('message', () => { page.asked = false; });
    }
    send(...given) { page.asked = true; super.send(...given); }
  };
})();
"""
# Nothing runs, no answer is awaited, and nothing was about to be sent for a while; or, where
# something always is, or nobody keeps count, for as long as anything waits to be sent.
SETTLED = """
call => {
  const now = performance.now(), page = window.unsettled ??= {soon: new Set(['unknown'])};
  if (page.call !== call) Object.assign(page, {call, began: now, quiet: now});
  const state = document.querySelector('[data-testid=stApp]')?.dataset.testScriptState;
  // The server forgets a picture that is shown no more, whether it has been fetched or not.
  const fetching = [...document.images].some(image => !image.complete);
  if (state !== 'notRunning' || page.asked || page.soon.size || fetching) page.quiet = now;
  const long = now - page.quiet > 200 || now - page.began > 400;
  return state === 'notRunning' && !page.asked && !fetching && long;
}
"""
_calls = count()
# What stands in the tab of a page, and its one heading of the first level beside it.
TITLES = {
    "/": "Predict",
    "/train": "Train",
    "/weights": "Weights",
    "/hand": "My hand",
    "/mistakes": "Mistakes",
    "/how": "How it works",
    "/two-numbers": "Two numbers",
    "/valley": "Valley",
    "/lesson": "Lesson",
}
# Those that the navigation leads to.
IN_THE_BAR = [title for path, title in TITLES.items() if path != "/lesson"]
FORWARD = """
address => {
  history.pushState({}, '', address);
  dispatchEvent(new PopStateEvent('popstate'));
}
"""
# The first link of a phone's navigation lies within the screen.
SLID_IN = """
() => document.querySelector('[data-testid=stSidebarNavLink]')?.getBoundingClientRect().left >= 0
"""
# The first is the same engine without the browser's own windows, and takes a quarter less of the
# processor for the same tests; Playwright's own Chromium is of this kind.
BROWSERS = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome", "google-chrome-stable", "chrome"),
)


def find_browser() -> str | None:
    """The path of an installed Chromium or Chrome; CHROME names one that is elsewhere."""
    named = os.environ.get("CHROME")
    if named:
        return named
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """The app, or another script, as `streamlit run` starts it, on a free port of this machine.

    streamlit : what stands for Streamlit's command on Python's command line.
    log : takes all that the server says: a file open to read and append; by default a nameless one.
    """

    def __init__(
        self,
        script: str = "streamlit_app.py",
        streamlit: tuple[str, ...] = ("-m", "streamlit"),
        log: IO | None = None,
    ):
        self.script, self.streamlit, self.log = script, streamlit, log

    def command(self, port: int) -> list[str]:
        """The command line that starts it."""
        return [
            *(sys.executable, *self.streamlit, "run", self.script),
            *("--server.port", str(port), "--server.address", "127.0.0.1"),
            *("--server.headless", "true", "--server.fileWatcherType", "none"),
        ]

    def start(self, port: int) -> subprocess.Popen:
        """The process that is to listen."""
        return subprocess.Popen(self.command(port), cwd=ROOT, stdout=self.log, stderr=self.log)

    def __enter__(self) -> Server:
        self._open = ExitStack()
        if self.log is None:
            # Written at its end, wherever the one that reads it has got to.
            self.log = self._open.enter_context(tempfile.TemporaryFile("a+b"))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = self.start(port)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                    return self
            except OSError:
                time.sleep(0.02)
        code, said = self.process.poll(), self.said()
        self.__exit__()
        why = f"not within {PATIENCE} s" if code is None else f"it ended with {code}"
        raise RuntimeError(f"The app did not start: {why}. It said:\n{said}")

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)
        self._open.close()

    def said(self) -> str:
        """The last of what the server said."""
        assert self.log is not None, "it has not been started"
        with open(self.log.fileno(), "rb", closefd=False) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 10_000))
            return file.read().decode(errors="replace")


def new_context(browser, **screen):
    """A window of its own in the browser, whose pages tell `settled` when they are at rest."""
    context = browser.new_context(**screen)
    context.add_init_script(WATCH)
    return context


def settled(page) -> None:
    """Wait until what was just done has reached the server, and Streamlit has no more to run."""
    page.wait_for_function(SETTLED, arg=next(_calls))


def remembered(page) -> str:
    """Wait until a reload would find this tab's session again; the token by which it does."""
    return page.wait_for_function("sessionStorage.getItem('ten-thetas-tab')").json_value()


def go_to(page, title: str) -> None:
    """Change the page by the navigation: a bar, or on a phone a sheet that folds away."""
    expand = page.locator("[data-testid='stExpandSidebarButton']")
    if expand.is_visible():
        expand.click()
        # A link counts as visible while it still slides in from outside of the screen.
        page.wait_for_function(SLID_IN)
        page.locator("[data-testid='stSidebarNavLink']", has_text=title).click()
    else:
        page.locator("[data-testid='stTopNavLink']", has_text=title).click()
    settled(page)


def move_on(page, address: str) -> None:
    """Go to an address of the app as the browser's Forward does: in the same session, with nothing
    loaded anew.
    """
    page.evaluate(FORWARD, address)
    settled(page)


def press(page, name: str) -> None:
    """Press one of the app's own buttons; the canvas has some with the same names."""
    buttons = page.locator("[data-testid='stButton'] button", has_text=name)
    buttons.filter(visible=True).first.click()


def canvas(page):
    """The drawing surface, once it is there to be drawn on."""
    surface = page.locator("canvas.drawing, canvas.upper-canvas").first
    surface.wait_for(state="visible")
    surface.scroll_into_view_if_needed()
    return surface


def draw(page, strokes) -> None:
    """Draw strokes with the mouse; each is a list of (x, y) as shares of the canvas."""
    box = canvas(page).bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for x, y in points[1:]:
            page.mouse.move(x, y, steps=4)
        page.mouse.up()


def answered(page, digit: str) -> None:
    """Wait until the app answers so."""
    page.wait_for_selector(f"[data-answer='{digit}']")


def say(page, digit: int) -> None:
    """Press one of the ten buttons under the answer."""
    row = page.locator("[class*='st-key-label-']")
    row.get_by_role("button", name=f"It's a {digit}").click()
    settled(page)


def choose_model(page, name: str) -> None:
    """Choose the model that reads, on a page that reads with one."""
    page.get_by_role("combobox", name="Model").click()
    called = re.compile(rf"^({re.escape(name)}( ·.*)?|Reads {re.escape(name)}(,.*)?)$")
    page.get_by_role("option", name=called).click()
    settled(page)
