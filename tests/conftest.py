"""What the tests share: MNIST once a run, the app under AppTest, and the app in a real browser."""

from __future__ import annotations

import inspect
import os
import re

# Before numpy is loaded: processes with two threads each would wait for one another on two
# processors.  CI's second run of what is marked `numeric` has more threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import pytest

from lrcore.data import load_dataset
from tests.browser.driver import PHONE, ROOT, Server, find_browser, new_context
from tests.helpers import skip_without

# Where nobody is there to look into it, a test must not fail today that passed yesterday.
hypothesis.settings.register_profile(
    "ci", derandomize=True, database=None, deadline=None, print_blob=True
)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


# Each of these tests stands by itself; those of the first file take longer than most files do.
BROWSER, LONGEST = "tests/browser/", "tests/browser/test_walk.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are told by their argument's name and a number, never by what is in them.

    A gzip stream holds the second in which it was made: a process that collected a second later
    had another name for the test, and no test ran at all.
    """
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Processes share the tests: one drives the browser, which mostly waits, the others compute.

    Those begin with the first one's when they have none left.  A file's tests stay together, since
    they share what its fixtures make; those in a browser share what lasts for the whole run.
    """
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid if nodeid.startswith(BROWSER) else super()._split_scope(nodeid)

        def _assign_work_unit(self, node) -> None:
            # The browser's come first in the queue; whoever computes takes from its end.
            first = min(self.assigned_work, key=lambda other: other.gateway.id)
            if node is not first and self.workqueue:
                self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
            super()._assign_work_unit(node)

    return Scheduling(config, log)


@pytest.fixture(scope="session")
def train_set():
    return load_dataset(part="train")


@pytest.fixture(scope="session")
def test_set():
    return load_dataset(part="test")


@pytest.fixture
def app(monkeypatch):
    """The app under AppTest, at its entry point; `app.switch_page('pages/train.py')` goes on."""
    from streamlit.testing.v1 import AppTest

    # No browser is there that would have to fetch anything.
    monkeypatch.setattr("ui.style.FETCHED", 0)
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)


@pytest.fixture(scope="session")
def server():
    """The app, running on a port of its own until the tests end."""
    with Server() as running:
        yield running


@pytest.fixture(scope="session")
def chromium():
    """A real browser; without one these tests skip, or fail where REQUIRE_BROWSER is set."""
    path = find_browser()
    if path is None:
        skip_without("no Chromium or Chrome found; Debian: apt-get install chromium-headless-shell")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        args = ["--no-sandbox", "--renderer-process-limit=1"]
        browser = playwright.chromium.launch(executable_path=path, args=args)
        yield browser
        browser.close()


# What a browser's console may say: of a page opened by its own address Streamlit first looks for
# its server under it; it says when a field that is drawn by the clock and a press elsewhere come
# in one message; a test that cuts the connection hears of that, and one that reads pixels of that.
NO_FAULT = re.compile(
    "status of 404|Multiple different fragmentIds|WebSocket|when disconnected|Multiple readback"
)


# What Streamlit itself is made of is loaded and compiled once for each kind of screen.
@pytest.fixture(scope="session")
def desk_window(chromium, server):
    """A window of a desktop's size."""
    yield from _window(chromium, server, viewport={"width": 1280, "height": 800})


@pytest.fixture(scope="session")
def phone_window(chromium, server):
    """A window with the size and the touch screen of a phone."""
    yield from _window(chromium, server, **PHONE)


@pytest.fixture
def page(request, desk_window, server):
    """A fresh tab on the running app, at a desk: a session of its own, and nothing kept.

    A test that asks for the `server` as well has it empty, and goes to an address of its own.
    """
    yield from _opened(desk_window, server, request.function)


@pytest.fixture
def phone(request, phone_window, server):
    """The same on a phone."""
    yield from _opened(phone_window, server, request.function)


def _window(chromium, server, **screen):
    context = new_context(chromium, **screen)
    # A tab that stays keeps the one process of all tabs of this window, and what it has compiled:
    # without it each tab begins anew.
    context.new_page().goto(f"{server.url}/_stcore/health")
    yield context
    context.close()


def _opened(window, server, test):
    page = window.new_page()
    page.set_default_timeout(60_000)
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type in ("warning", "error") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    if "server" not in inspect.signature(test).parameters:
        page.goto(server.url)
    yield page
    for tab in window.pages[1:]:
        tab.close()
    window.clear_cookies()
    assert [text for text in said if not NO_FAULT.search(text)] == [], "the browser's console"
