"""What the tests share: MNIST once a run, the app under AppTest, and the app in a real browser."""

from __future__ import annotations

import os

import hypothesis
import pytest

from lrcore.data import load_dataset
from tests.browser.driver import PHONE, ROOT, Server, find_browser
from tests.helpers import skip_without

# Where nobody is there to look into it, a test must not fail today that passed yesterday.
hypothesis.settings.register_profile(
    "ci", derandomize=True, database=None, deadline=None, print_blob=True
)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


# Whose tests start servers and measure nothing else beside them.
SERVED = ("test_deploy", "test_many_learners", "test_install")


# Before pytest-xdist looks for the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two processes share the tests: one drives the browser, which mostly waits, one computes.

    A file's other tests stay together, since they share what its fixtures make.
    """

    def served(item: pytest.Item) -> bool:
        return item.get_closest_marker("browser") is not None or item.path.stem in SERVED

    # What takes longest in one piece begins first.
    items.sort(key=lambda item: not served(item))
    for item in items:
        group = "served" if served(item) else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def train_set():
    return load_dataset(part="train")


@pytest.fixture(scope="session")
def test_set():
    return load_dataset(part="test")


@pytest.fixture
def app():
    """The app under AppTest, at its entry point; `app.switch_page('pages/train.py')` goes on."""
    from streamlit.testing.v1 import AppTest

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
        skip_without("no Chromium or Chrome found; install one (Debian: apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, server):
    """A fresh desktop-sized page on the running app."""
    yield from _opened(chromium, server, viewport={"width": 1280, "height": 800})


@pytest.fixture
def phone(chromium, server):
    """A fresh page with the size and the touch screen of a phone."""
    yield from _opened(chromium, server, **PHONE)


def _opened(chromium, server, **screen):
    context = chromium.new_context(**screen)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(server.url)
    yield page
    context.close()
