"""Nothing moves as the parts of a page come: what draws them is held back, then let go."""

import re
import urllib.request

import pytest

from tests.browser.driver import settled

pytestmark = pytest.mark.browser

# A desk's screen at 200 %.
ZOOM = {"width": 640, "height": 800}
# What the browser loads to draw charts.
DRAWS = "**/ArrowVegaLiteChart*.js"
# Pixels that a thing may move: of a field the bar of one line that stands for it may be there yet.
LITTLE = 40
# Of a page that is opened by its own address, Streamlit first looks for its server under it.
LOOKED_FOR = ("/_stcore/health", "/_stcore/host-config")
# What keeps the room has come.
KEPT = "[...document.querySelectorAll('style')].some(e => e.textContent.includes('min-height'))"
# For each page, what stands below its charts.
BELOW = {
    "weights": "text=Pictures (PNG)",
    "train": "[data-testid=stImage]",
    "mistakes": "text=Click a cell to see its pictures",
    "how": "text=Added up:",
}
# Where rows of controls break, a canvas or figures come, or type is large.
ROWS = (
    *(("hand", "desk"), ("", "zoom"), ("", "phone"), ("train", "zoom"), ("weights", "zoom")),
    *(("two-numbers", "desk"), ("two-numbers", "zoom"), ("two-numbers", "phone")),
    *(("valley", "zoom"), ("valley", "phone"), ("lesson", "desk"), ("lesson", "phone")),
)
# How much of the screen moves how far, as browsers add it up (web.dev/cls): good is below 0.1.
MOST_SHIFT = 0.1
# Adds that up from now on, and keeps what moved from which height to which.
SHIFTS = """
window.shifted = 0;
window.moved = [];
new PerformanceObserver(list => list.getEntries().forEach(entry => {
  if (entry.hadRecentInput) return;
  window.shifted += entry.value;
  for (const {node, previousRect, currentRect} of entry.sources)
    window.moved.push([node?.textContent?.slice(0, 30), previousRect.y, currentRect.y]);
})).observe({type: 'layout-shift'});
"""
# All has come in the place of the bars that stood for it, and was painted.
DRAWN = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  const bars = [...main.querySelectorAll('[data-testid=stSkeleton]')];
  const charts = [...main.querySelectorAll('[data-testid=stVegaLiteChart]')];
  return bars.every(bar => !bar.offsetHeight)
    && charts.every(chart => !chart.offsetHeight || chart.querySelector('canvas, svg'));
}"""
PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def height_of(page, what):
    """Where something stands on the page, in pixels from its top, as soon as that is at rest."""
    box = page.get_by_test_id("stMain").locator(what).first
    box.wait_for()
    settled(page)
    page.wait_for_function("document.fonts.status === 'loaded'")
    # What draws a formula or a picture above comes late on a busy machine.
    seen = [box.bounding_box()["y"]]
    while len(set(seen[-4:])) > 1 or len(seen) < 4:
        assert len(seen) < 240, "it never comes to rest"
        page.wait_for_timeout(250)
        seen.append(box.bounding_box()["y"])
    return seen[-1]


@pytest.fixture
def tab(request):
    """An empty tab on the `screen` of the test, for which nothing may be missing."""
    screen = request.getfixturevalue("screen")
    page = request.getfixturevalue("phone" if screen == "phone" else "page")
    if screen == "zoom":
        page.set_viewport_size(ZOOM)
    lost = []
    page.on("response", lambda r: lost.append(r.url) if r.status >= 400 else None)
    yield page
    assert [url for url in lost if not url.endswith(LOOKED_FOR)] == []


@pytest.mark.parametrize("screen", ["desk", "phone"])
@pytest.mark.parametrize("path", BELOW)
def test_charts_have_their_room_before_they_can_be_drawn(server, tab, screen, path):
    page = tab
    held = []
    page.route(DRAWS, lambda route: held.append(route))
    page.goto(f"{server.url}/{path}")
    page.wait_for_function(KEPT)
    before = height_of(page, BELOW[path])
    assert held
    assert not page.get_by_test_id("stVegaLiteChart").count()
    for route in held:
        route.continue_()
    charts = page.get_by_test_id("stVegaLiteChart").filter(visible=True)
    charts.first.locator("canvas, svg").wait_for(state="attached")
    assert abs(height_of(page, BELOW[path]) - before) <= LITTLE


@pytest.mark.parametrize("screen", ["zoom"])
def test_controls_are_not_seen_in_the_place_of_curves_that_have_not_come(server, tab, screen):
    tab.goto(f"{server.url}/train")
    tab.get_by_text("Nothing runs yet").wait_for()
    settled(tab)
    settings = tab.get_by_test_id("stExpander").filter(has_text="Settings").first
    curves = tab.get_by_test_id("stColumn").filter(has=tab.get_by_role("tablist"))
    curves.evaluate("column => column.replaceChildren()")
    assert settings.bounding_box()["y"] > ZOOM["height"]


@pytest.mark.parametrize(("path", "screen"), ROWS)
def test_little_moves_as_all_that_is_held_back_comes_at_once(server, tab, path, screen):
    page = tab
    start = urllib.request.urlopen(server.url).read().decode()
    at_once = set(re.findall(r"/js/([\w.-]+\.js)", start))
    held, let_go = [], []

    def pick(route):
        name = route.request.url.rsplit("/", 1)[1]
        # What applies our own styles is not held back: how soon it comes is the machine's business.
        if let_go or name in at_once or name.startswith(("Html.", "purify.")):
            route.continue_()
        else:
            held.append(route)

    page.route("**/static/js/*.js", pick)
    page.goto(f"{server.url}/{path}")
    page.wait_for_function(KEPT)
    settled(page)
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.evaluate(SHIFTS)
    assert held
    let_go.append(True)
    for route in held:
        route.continue_()
    page.wait_for_function(DRAWN)
    page.evaluate(PAINTED)
    shifted, moved = page.evaluate("[shifted, moved]")
    assert shifted < MOST_SHIFT, moved
