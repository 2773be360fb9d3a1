"""A walk through all pages in a real browser: what axe-core finds, and what is not found."""

import re
from collections import Counter
from urllib.parse import urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from lrcore.data import as_set
from lrcore.own_set import to_zip
from tests.browser.driver import (
    ONE,
    TITLES,
    answered,
    canvas,
    draw,
    go_to,
    move_on,
    press,
    say,
    settled,
)
from tests.files import saved

pytestmark = pytest.mark.browser

STYLED = "[...document.querySelectorAll('style')].some(e => e.textContent.includes('light-dark('))"
# The page has followed the system's theme, and no colour is on its way to another.
IN_COLOUR = """
scheme => getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme === scheme
  && !document.getAnimations().some(a => a instanceof CSSTransition && a.playState === 'running')
"""
AXE = Axe().axe_script
NO_HINT = "!document.querySelector('[data-testid=stTooltipContent]')"
# The uploader's dropzone is Streamlit's own: a presentation that has a name.  Its button is
# reached and named.
EXEMPT = {"presentation-role-conflict": "stFileUploaderDropzone"}
# The names of the buttons that Tab comes to.  A choice of one among several is no button: its group
# has a name; and what closes a toast stands in it, which has one, too.
BUTTONS = """
[...document.querySelectorAll('button:not([role=radio])')]
  .filter(button => button.offsetParent && button.tabIndex >= 0)
  .filter(button => !button.closest('[data-testid=stToast]'))
  .map(button => {
    if (button.ariaLabel) return button.ariaLabel;
    const seen = button.cloneNode(true);
    seen.querySelectorAll('[data-testid=stIconMaterial]').forEach(icon => icon.remove());
    return seen.textContent.trim();
  })
"""
# What is done without a word on what it is done to.
BARE = re.compile(
    "Start|Start another|Pause|Resume|Stop|Reset|1 step|10 steps|Step|Play|Open|Remove|Delete|Close"
    "|Undo|Clear|Width|Model|Reveal|Next|Cancel|Link|Script|CSV|ZIP|Weights|History|Show more|[0-9]"
)
# Of these each does the same: the same picture opens, the same hint is read.
SAME = re.compile(r"No\. \d+|Help( for .*)?|Navigate to home page")
# Where the keyboard is, and whether that is in or over a chart.
STOP = """
(() => {
  let stop = document.activeElement;
  while (stop.shadowRoot?.activeElement) stop = stop.shadowRoot.activeElement;
  const element = stop.closest('[data-testid=stElementContainer]');
  return {
    canvas: stop.matches('canvas.drawing'),
    chart: Boolean(element?.querySelector('[data-testid=stVegaLiteChart]')),
    digit: Boolean(stop.closest("[class*='st-key-label-']")),
  };
})()
"""


def close_hints(page):
    """Wait until the page is at rest and no hint is open: one lies outside of all landmarks."""
    corner = page.viewport_size["height"] - 2
    page.mouse.move(30, corner)
    page.mouse.move(2, corner, steps=3)
    # One that came with the focus goes with it; one whose place was drawn anew under the mouse,
    # which then never left it, is put away by a key.
    page.evaluate("document.activeElement?.blur()")
    settled(page)
    page.keyboard.press("Escape")
    page.wait_for_function(NO_HINT)


def faults(page, scheme, rules=None):
    """What axe-core finds, but for what is Streamlit's own; by all of its rules, or by some."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    page.wait_for_function(STYLED)
    page.wait_for_function(IN_COLOUR, arg=scheme)
    # Where all is well needs no list of each element.
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    return [
        f"{found['id']} ({found['impact']}): {node['html'][:200]}"
        for found in page.evaluate("options => axe.run(options)", options)["violations"]
        for node in found["nodes"]
        if EXEMPT.get(found["id"], "\0") not in node["html"]
    ]


def unclear_names(page):
    """The names that do not say what a button acts on, or that several have which do not do the
    same."""
    names = Counter(page.evaluate(BUTTONS))
    shared = {name for name, number in names.items() if number > 1 and not SAME.fullmatch(name)}
    return shared | {name for name in names if BARE.fullmatch(name)}


def two_uploads():
    """Two pictures: of two digits, and of one."""
    seven = np.full((120, 90), 255, np.uint8)
    seven[20:30, 20:70] = seven[20:100, 60:70] = 0
    one = np.full((120, 90), 255, np.uint8)
    one[20:100, 40:50] = 0
    return [
        {"name": name, "mimeType": "image/png", "buffer": saved(picture)}
        for name, picture in (("two.png", np.hstack([seven, seven])), ("one.png", one))
    ]


def tab_until(page, reached, most=60):
    """Press Tab until that stop; the stops on the way to it."""
    stops = []
    while not stops or not stops[-1][reached]:
        assert len(stops) < most, stops
        page.keyboard.press("Tab")
        stops.append(page.evaluate(STOP))
    return stops


def states(page):
    """Go through the pages, in one session; yields the name of each state."""
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
    for digit in (1, 7):
        say(page, digit)
    for way in ("A row", "Camera", "Test set", "Upload"):
        page.get_by_role("radio", name=way).click()
        yield way
    page.locator("input[type=file]").first.set_input_files(two_uploads())
    page.get_by_text("2 digits, in reading order").wait_for()
    yield "uploads"
    page.get_by_role("radio", name="Test set").click()
    page.get_by_role("button", name="Read").first.click()
    yield "a test digit"
    go_to(page, "My hand")
    page.get_by_role("heading", name="Your own digits").wait_for()
    yield "a hand"
    move_on(page, "/train?images=600&iterations=5")
    page.get_by_text("Nothing runs yet").wait_for()
    yield "Train, empty"
    page.locator(".st-key-start button:visible").click()
    page.get_by_text("Test accuracy").wait_for()
    yield "a run"
    page.get_by_role("button", name="Pin a digit").click()
    page.get_by_role("button", name="A test digit").click()
    page.get_by_text("Pinned: test picture").wait_for()
    page.keyboard.press("Escape")
    slider = page.locator(".st-key-look_back").get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    page.get_by_text("all bars at 0.50").wait_for()
    yield "a digit pinned, looked back at"
    page.get_by_role("tab", name="Compare").click()
    yield "runs compared"
    page.get_by_role("tab", name="Python").click()
    yield "the script"
    for name, tried in (("sweep", "C:0.01,1"), ("grid", "C:0.01,1;images:100,300")):
        move_on(page, f"/train?images=300&iterations=4&sweep={tried}")
        start = page.get_by_role("button", name="Try them")
        start.wait_for()
        yield f"a {name} to come"
        start.click()
        page.get_by_text("Best: ").wait_for()
        yield f"a {name}"
    move_on(page, "/train?images=1")
    page.get_by_text("Images cannot be '1'").wait_for()
    yield "a setting out of its range"
    move_on(page, "/weights")
    page.get_by_role("heading", name="A closer look").wait_for()
    # Each chart that can be clicked is, where something is and where nothing is.
    thetas = page.locator(".st-key-ten_thetas").get_by_test_id("stVegaLiteChart")
    for x, y in ((70, 70), (1, 1)):
        thetas.nth(3).click(position={"x": x, "y": y})
        settled(page)
    page.get_by_text("Theta of 3").wait_for()
    yield "Weights"
    for view in ("Digit against digit", "Two models", "Theta forming"):
        page.get_by_role("radio", name=view).click()
        yield view
    move_on(page, "/hand")
    page.get_by_role("heading", name="Your own digits").wait_for()
    yield "My hand"
    move_on(page, "/mistakes")
    page.get_by_text("Click a cell").wait_for()
    for x, y in ((100, 100), (2, 2)):
        # What is replaced while it is loaded would be said to be missing.
        page.wait_for_function("[...document.images].every(image => image.complete)")
        page.get_by_test_id("stVegaLiteChart").first.click(position={"x": x, "y": y})
        settled(page)
    yield "Mistakes"
    move_on(page, "/mistakes?part=bar")
    page.get_by_role("slider", name="The bar (score)").focus()
    page.keyboard.press("PageUp")
    page.get_by_text("now missed").wait_for()
    yield "the bar, moved"
    move_on(page, "/valley")
    page.get_by_text("Guess first").wait_for()
    yield "Valley, before the guess"
    move_on(page, "/valley?valley-passes=40")
    page.get_by_text("Why gradient descent zigzags").wait_for()
    page.get_by_test_id("stVegaLiteChart").locator("canvas").wait_for()
    yield "Valley"
    move_on(page, "/how")
    page.get_by_role("heading", name="Short lessons").wait_for()
    yield "How it works"
    move_on(page, "/two-numbers?numbers=pixels&line=30,0.5,2")
    page.get_by_role("img", name=re.compile("The line runs from")).wait_for()
    yield "Two numbers, a line by hand"
    page.get_by_role("tab", name="Your own digit").click()
    draw(page, ONE)
    page.get_by_role("img", name=re.compile("Your drawing is at")).wait_for()
    yield "Two numbers, one's own digit"
    move_on(page, "/weights?lesson=theta-of-zero")
    page.get_by_role("button", name="Reveal").click()
    page.get_by_text("The middle.", exact=True).wait_for()
    yield "a lesson"
    move_on(page, "/lesson?lesson=two-bars")
    page.get_by_role("button", name="Reveal").click()
    page.get_by_text("They would sum to 1").wait_for()
    yield "a lesson for a class"


@pytest.mark.parametrize(("screen", "scheme"), [("desk", "light"), ("phone", "dark")])
def test_axe_finds_nothing_titles_are_right_and_nothing_is_missing(request, server, screen, scheme):
    """By all rules, each state at a desk in the light and on a phone in the dark.  Colours know
    nothing of a screen's size, but each page has parts on one that it has not on the other: once a
    page, its contrasts are looked at in the other colours as well."""
    other = "dark" if scheme == "light" else "light"
    page = request.getfixturevalue("phone" if screen == "phone" else "page")
    page.emulate_media(color_scheme=scheme)
    lost = []
    page.on("response", lambda r: lost.append(r.url) if r.status >= 400 else None)
    page.goto(server.url)
    found, unclear, titles = {}, {}, {}
    for state in states(page):
        close_hints(page)
        found[state], unclear[state] = faults(page, scheme), unclear_names(page)
        if (path := urlsplit(page.url).path) not in titles:
            titles[path] = page.title(), page.get_by_role("heading", level=1).count()
            # The page follows the system's theme as soon as that changes, in its colours alone.
            page.emulate_media(color_scheme=other)
            found[f"{state}, {other}"] = faults(page, other, ["color-contrast"])
            page.emulate_media(color_scheme=scheme)
    assert {state: some for state, some in found.items() if some} == {}
    assert {state: some for state, some in unclear.items() if some} == {}
    assert titles == {path: (f"{title} · Ten Thetas", 1) for path, title in TITLES.items()}
    assert lost == []


def test_the_keyboard_comes_from_the_canvas_to_the_digits_past_one_stop_in_the_chart(page):
    draw(page, ONE)
    answered(page, "1")
    settled(page)
    page.locator("canvas.drawing").focus()
    stops = tab_until(page, "digit")
    assert sum(stop["chart"] for stop in stops) <= 1


def test_the_canvas_is_reached_by_keyboard_and_says_where_to_go_instead(page):
    canvas(page)
    settled(page)
    tab_until(page, "canvas")
    page.get_by_role("img", name=re.compile("choose 'Test set' or 'Upload' above")).wait_for()
    for way in ("Test set", "Upload"):
        assert page.get_by_role("radio", name=way).is_visible()


def test_a_toast_is_named_by_what_it_says(page, server):
    page.goto(f"{server.url}/hand")
    page.get_by_role("heading", name="Your own digits").wait_for()
    settled(page)
    digits = to_zip(as_set(np.eye(28, dtype=np.uint8)[None] * 255, [1]))
    page.get_by_text("Load digits").click()
    file = {"name": "digits.zip", "mimeType": "application/zip", "buffer": digits}
    page.locator("input[type=file]").last.set_input_files(file)
    page.get_by_role("alertdialog", name="1 digit loaded").wait_for()


def test_a_first_visit_says_what_this_is_and_how_well_it_reads(page):
    canvas(page)
    assert page.get_by_role("heading", name="Ten Thetas reads handwritten digits").is_visible()
    model = page.get_by_role("combobox", name="Model").input_value()
    assert re.fullmatch(r"Reads strokes, 99\.\d %", model)
    press(page, "Try a test digit")
    page.get_by_text("Pick a digit of the test set").wait_for()
