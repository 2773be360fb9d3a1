"""A walk through all pages in a real browser: what axe-core finds, and what the console says."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.driver import (
    ONE,
    PHONE,
    answered,
    canvas,
    draw,
    press,
    settled,
)

pytestmark = pytest.mark.browser

DESK = {"viewport": {"width": 1280, "height": 800}}
# Of a page that is opened by its own address, Streamlit first looks for its server under it.
LOOKED_FOR = ("/_stcore/health", "/_stcore/host-config")
STYLED = "[...document.querySelectorAll('style')].some(e => e.textContent.includes('light-dark('))"
# The uploader's dropzone is Streamlit's own: a presentation that has a name.  Its button is
# reached and named.
EXEMPT = {"presentation-role-conflict": "stFileUploaderDropzone"}


def faults(page):
    """What axe-core finds, but for what is Streamlit's own."""
    # A hint that is open lies outside of all landmarks.
    page.mouse.move(2, page.viewport_size["height"] - 2)
    settled(page)
    page.wait_for_function(STYLED)
    page.get_by_test_id("stTooltipContent").wait_for(state="hidden")
    return [
        f"{found['id']} ({found['impact']}): {node['html'][:200]}"
        for found in Axe().run(page).response["violations"]
        for node in found["nodes"]
        if EXEMPT.get(found["id"], "\0") not in node["html"]
    ]


def states(page, server):
    """Go through the pages; yields the name of each state."""
    canvas(page)
    settled(page)
    yield "Predict, empty"
    draw(page, ONE)
    answered(page, "1")
    yield "an answer"
    page.get_by_text("Why this answer?").click()
    yield "why"
    page.get_by_text("What the model sees, step by step").click()
    yield "step by step"
    for way in ("A row", "Upload", "Camera", "Test set"):
        page.get_by_role("radio", name=way).click()
        yield way
    page.get_by_role("button", name="Read").first.click()
    yield "a test digit"
    page.goto(f"{server.url}/train?images=600&iterations=5")
    page.get_by_text("Nothing runs yet").wait_for()
    yield "Train, empty"
    page.locator(".st-key-start button:visible").click()
    page.get_by_text("Test accuracy").wait_for()
    yield "a run"
    page.get_by_role("tab", name="Compare").click()
    yield "runs compared"
    page.get_by_role("tab", name="Python").click()
    yield "the script"
    page.goto(f"{server.url}/train?images=1")
    page.get_by_text("Images cannot be '1'").wait_for()
    yield "a setting out of its range"
    page.goto(f"{server.url}/weights")
    page.get_by_role("heading", name="A closer look").wait_for()
    yield "Weights"
    for view in ("Digit against digit", "Two models", "Theta forming"):
        page.get_by_role("radio", name=view).click()
        yield view
    page.goto(f"{server.url}/hand")
    page.get_by_role("heading", name="Your own digits").wait_for()
    yield "My hand"
    page.goto(f"{server.url}/mistakes")
    page.get_by_text("Click a cell").wait_for()
    yield "Mistakes"
    page.goto(f"{server.url}/how")
    page.get_by_role("heading", name="Four short lessons").wait_for()
    yield "How it works"


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_the_console_is_silent(chromium, server, screen, scheme):
    context = chromium.new_context(color_scheme=scheme, **screen)
    page = context.new_page()
    page.set_default_timeout(60_000)
    said, lost = [], []
    page.on("console", lambda m: said.append(m.text) if m.type in ("warning", "error") else None)
    page.on("response", lambda r: lost.append(r.url) if r.status >= 400 else None)
    page.goto(server.url)
    found = {state: some for state in states(page, server) if (some := faults(page))}
    context.close()
    assert found == {}
    assert [url for url in lost if not url.endswith(LOOKED_FOR)] == []
    assert [text for text in said if "status of 404" not in text] == []


def test_every_page_has_its_title_in_the_tab_and_one_heading(page, server):
    for path, title in {
        "": "Predict",
        "train": "Train",
        "weights": "Weights",
        "hand": "My hand",
        "mistakes": "Mistakes",
        "how": "How it works",
    }.items():
        page.goto(f"{server.url}/{path}")
        page.wait_for_function("title => document.title === title", arg=f"{title} · Ten Thetas")
        page.get_by_role("heading", level=1).wait_for()
        assert page.get_by_role("heading", level=1).count() == 1


def test_the_probability_chart_is_no_stop_of_the_keyboard(page):
    draw(page, ONE)
    answered(page, "1")
    settled(page)
    inside = page.get_by_test_id("stVegaLiteChart").locator("[tabindex], a, button, summary")
    assert [stop.get_attribute("outerHTML") for stop in inside.all() if stop.is_visible()] == []


def test_a_first_visit_says_what_this_is_and_how_well_it_reads(page):
    canvas(page)
    assert page.get_by_role("heading", name="Ten Thetas reads handwritten digits").is_visible()
    assert page.get_by_role("combobox", name="Model").input_value() == "Reads strokes, 99.3 %"
    press(page, "Try a test digit")
    page.get_by_text("Pick a digit of the test set").wait_for()
