"""The Predict page's layout and its use without a mouse, in a real browser."""

from itertools import pairwise

import pytest

from tests.browser.driver import (
    IN_THE_BAR,
    ONE,
    answered,
    canvas,
    choose_model,
    draw,
    go_to,
    settled,
)

pytestmark = pytest.mark.browser

# What could show that something is focused: its own look and that of what holds it, since some
# widgets light up their frame.  Looks into the canvas' shadow tree, too.
LOOKS = """
const look = part => {
  const style = getComputedStyle(part);
  return [style.outline, style.boxShadow, style.borderColor, style.backgroundColor].join();
};
const inside = e => e?.shadowRoot?.activeElement ? inside(e.shadowRoot.activeElement) : e;
const still = () => !document.getAnimations().some(
  change => change instanceof CSSTransition && change.playState === 'running');
const frame = () => new Promise(requestAnimationFrame);
"""
# Keeps how everything looks while nothing is focused.
KEEP_LOOKS = (
    """async () => {"""
    + LOOKS
    + """
  while (!still()) await frame();
  window.unfocused = new Map();
  const keep = root => {
    for (const part of root.querySelectorAll('*')) {
      window.unfocused.set(part, look(part));
      if (part.shadowRoot) keep(part.shadowRoot);
    }
  };
  keep(document);
}"""
)
# The name of what is focused, and whether that is seen: by its look, as soon as nothing fades in or
# out, or by the hint that stays open beside it.
FOCUSED = (
    """async () => {"""
    + LOOKS
    + """
  const now = inside(document.activeElement);
  if (!now || now === document.body) return {name: null};
  // The page itself can be scrolled by the arrow keys: nothing to press there.
  if (now.dataset.testid === 'stMain') return {name: 'the page', shown: true};
  const name = (now.ariaLabel || now.innerText || '').trim();
  const parts = [];
  for (let part = now; part && parts.length < 12; part = part.parentElement) parts.push(part);
  const before = window.unfocused;
  for (const end = performance.now() + 3000; performance.now() < end;) {
    await frame();
    if (still() && parts.some(part => before.has(part) && before.get(part) !== look(part)))
      return {name, shown: true};
  }
  const hints = document.querySelectorAll('[data-testid=stTooltipContent]');
  return {name, shown: [...hints].some(hint => hint.checkVisibility())};
}"""
)
MAIN_JOB = (
    "canvas.drawing",
    "[data-answer]",
    "[data-testid='stVegaLiteChart']",
    "[class*='st-key-label-']",
)


def box(page, selector):
    found = page.locator(selector).first.bounding_box()
    return found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"]


def test_the_main_job_fits_a_desk_without_scrolling(page):
    draw(page, ONE)
    answered(page, "1")
    settled(page)
    boxes = [box(page, selector) for selector in MAIN_JOB]
    for left, top, right, bottom in boxes:
        assert left >= 0
        assert top >= 0
        assert right <= 1280
        assert bottom <= 800
    # Canvas left, answer and bars right.
    assert all(left > boxes[0][2] for left, *_ in boxes[1:])


def test_on_a_phone_the_answer_follows_the_canvas(phone):
    draw(phone, ONE)
    answered(phone, "1")
    settled(phone)
    boxes = [box(phone, selector) for selector in MAIN_JOB]
    assert all(left >= 0 and right <= 390 for left, _, right, _ in boxes)
    for (*_, bottom), (_, top, *_) in pairwise(boxes):
        assert top >= bottom
    # The first screen holds the canvas and the answer.
    assert boxes[1][3] - boxes[0][1] < 844


def test_on_a_phone_nothing_lies_over_the_page_that_was_chosen(phone):
    canvas(phone)
    go_to(phone, "Weights")
    phone.get_by_test_id("stExpandSidebarButton").wait_for()
    title = phone.get_by_role("heading", name="Weights", exact=True)
    # Without force this waits until nothing else would get the touch.
    title.tap(timeout=10_000)
    choose_model(phone, "pixels")
    assert phone.get_by_role("combobox", name="Model").input_value().startswith("Reads pixels, ")
    title.tap(timeout=10_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_is_reached_by_tab_in_order_and_shows_it(page, scheme):
    page.emulate_media(color_scheme=scheme)
    draw(page, ONE)
    answered(page, "1")
    settled(page)
    # The place from which Tab goes on: before everything.
    page.evaluate("document.body.prepend(Object.assign(document.createElement('i'), {id: 'top'}))")
    page.locator("#top").evaluate("top => { top.tabIndex = -1; top.focus(); top.remove(); }")
    page.evaluate(KEEP_LOOKS)
    names = []
    for _ in range(80):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop["name"] is None:
            break
        assert stop["name"], f"what follows {names[-1]!r} has no name"
        assert stop["shown"], stop["name"]
        names.append(stop["name"])
    wanted = [
        *IN_THE_BAR,
        *("Draw", "Model", "Pen", "Undo", "Clear", "Width"),
        *(str(digit) for digit in range(10)),
        "Why this answer?",
    ]
    order = iter(names)
    missing = [name for name in wanted if not any(name in reached for reached in order)]
    assert not missing, names


def test_who_can_not_draw_finds_a_digit_by_keyboard(page):
    canvas(page)
    button = page.get_by_role("button", name="Try a test digit")
    button.focus()
    page.keyboard.press("Enter")
    read = page.get_by_role("button", name="Read").first
    read.wait_for()
    read.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-answer]")


def test_links_to_pages_are_read_whole_on_a_phone(phone, server):
    phone.goto(f"{server.url}/how")
    links = phone.get_by_test_id("stMain").get_by_test_id("stPageLink").locator("p")
    links.filter(has_text="in large type for the projector").wait_for()
    settled(phone)
    cut = "links => links.filter(p => p.scrollWidth > p.clientWidth + 1).map(p => p.textContent)"
    assert links.evaluate_all(cut) == []
