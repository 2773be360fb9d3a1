"""The drawing canvas in a real browser: no stroke is lost, and a press acts on what is seen."""

from itertools import pairwise

import pytest

from tests.browser.driver import (
    ONE,
    answered,
    canvas,
    choose_model,
    draw,
    go_to,
    new_context,
    press,
    settled,
)

pytestmark = pytest.mark.browser

# How many pixels of a region, given as shares of the canvas, are inked.
INKED = """(surface, [left, top, right, bottom]) => {
  const {width, height} = surface, at = (share, side) => Math.round(share * side);
  const [x, y] = [at(left, width), at(top, height)];
  const seen = surface.getContext("2d").getImageData(
    x, y, at(right, width) - x, at(bottom, height) - y).data;
  let inked = 0;
  for (let i = 0; i < seen.length; i += 4) inked += seen[i] < 120;
  return inked;
}"""
ALL = (0, 0, 1, 1)
FOUR = [[(0.62, 0.03), (0.25, 0.6), (0.85, 0.6)], [(0.64, 0.35), (0.64, 0.95)]]


def inked(page, region=ALL):
    return canvas(page).evaluate(INKED, region)


def stroke(page, points):
    """One stroke of the mouse, as quick as can be."""
    box = canvas(page).bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()


def test_nothing_lies_over_the_canvas(page):
    surface = canvas(page)
    box = surface.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 40, box["y"] + 12)
    page.wait_for_timeout(500)
    over = surface.evaluate(
        """surface => {
          const {left, top, width, height} = surface.getBoundingClientRect();
          const inside = (root, x, y) => {
            const found = root.elementFromPoint(x, y);
            const deeper = found?.shadowRoot && found !== root.host;
            return deeper ? inside(found.shadowRoot, x, y) : found;
          };
          const others = [];
          for (let i = 1; i < 20; i++) for (let j = 1; j < 20; j++) {
            const found = inside(document, left + i * width / 20, top + j * height / 20);
            if (found !== surface) others.push(found?.outerHTML.slice(0, 80));
          }
          return others;
        }"""
    )
    assert over == []


def test_a_stroke_that_begins_at_the_top_right_is_drawn(page):
    for step in range(5):
        x = 0.6 + 0.09 * step
        stroke(page, [(x, 0.02 + 0.01 * step), (x - 0.02, 0.5)])
    settled(page)
    for step in range(5):
        x = 0.6 + 0.09 * step
        assert inked(page, (x - 0.03, 0.08, x + 0.03, 0.4)) > 20


def test_a_stroke_is_drawn_where_the_text_round_the_canvas_is_selected(page):
    draw(page, ONE)
    answered(page, "1")
    before = inked(page)
    page.keyboard.press("Control+a")
    # The browser would drag the text that is selected, and take the pointer from the canvas.
    stroke(page, [(0.15, 0.9), (0.85, 0.9)])
    settled(page)
    assert inked(page, (0.7, 0.8, 0.9, 1)) > 300
    assert inked(page) > before


def test_a_finger_that_begins_at_the_top_right_draws(phone):
    box = canvas(phone).bounding_box()
    touch = phone.context.new_cdp_session(phone)

    def send(kind, *place):
        points = [{"x": place[0], "y": place[1]}] if place else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for way in FOUR:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in way]
        send("touchStart", *places[0])
        for (x, y), (to_x, to_y) in pairwise(places):
            for step in range(1, 11):
                send("touchMove", x + (to_x - x) * step / 10, y + (to_y - y) * step / 10)
        send("touchEnd")
    answered(phone, "4")


def test_a_second_finger_draws_nothing(phone):
    box = canvas(phone).bounding_box()
    touch = phone.context.new_cdp_session(phone)
    one, two = (
        {"x": box["x"] + share * box["width"], "y": box["y"] + 60, "id": k}
        for k, share in enumerate((0.25, 0.75))
    )
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [one]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [one, two]})
    for step in range(10):
        for finger in (one, two):
            finger["y"] = box["y"] + 60 + 15 * step
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [one, two]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert inked(phone, (0.15, 0, 0.35, 1)) > 500
    assert inked(phone, (0.5, 0, 1, 1)) == 0


def test_a_drawing_stays_through_a_change_of_model_and_widths_by_keys(page):
    draw(page, ONE)
    answered(page, "1")
    before = inked(page)
    for turn, model in enumerate(["straightened", "pixels", "strokes"]):
        choose_model(page, model)
        page.get_by_role("button", name="Width").click()
        slider = page.get_by_role("slider")
        slider.focus()
        # As quick as a held key, and slower.
        for _ in range(5):
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout((0, 50, 130)[turn])
        page.keyboard.press("Escape")
        settled(page)
        assert inked(page) == before
    answered(page, "1")
    draw(page, [[(0.2, 0.9), (0.8, 0.9)]])
    settled(page)
    # The next stroke joins what was drawn.
    assert inked(page, (0.45, 0.15, 0.55, 0.7)) > 500


def test_undo_right_after_the_pen_takes_back_that_stroke_alone(page):
    draw(page, ONE)
    answered(page, "1")
    settled(page)
    for _ in range(4):
        before = inked(page)
        stroke(page, [(0.15, 0.85), (0.9, 0.85)])
        assert inked(page) > before
        press(page, "Undo")
        settled(page)
        assert inked(page) == before
        answered(page, "1")


def test_a_stroke_right_after_undo_stays(page):
    draw(page, [*ONE, [(0.15, 0.85), (0.9, 0.85)]])
    settled(page)
    press(page, "Undo")
    stroke(page, [(0.1, 0.1), (0.1, 0.5)])
    settled(page)
    page.wait_for_timeout(500)
    assert inked(page, (0.12, 0.8, 0.4, 0.95)) == 0
    assert inked(page, (0.05, 0.05, 0.15, 0.55)) > 500
    assert inked(page, (0.45, 0.15, 0.55, 0.7)) > 500
    # Python knows of the same two strokes.
    press(page, "Undo")
    settled(page)
    assert inked(page, (0.05, 0.05, 0.15, 0.55)) == 0
    assert inked(page, (0.45, 0.15, 0.55, 0.7)) > 500


def test_clear_right_after_the_pen_empties_all(page):
    draw(page, ONE)
    answered(page, "1")
    stroke(page, [(0.15, 0.85), (0.9, 0.85)])
    press(page, "Clear")
    page.wait_for_selector("text=Draw a digit on the canvas")
    assert inked(page) == 0


def test_a_label_pressed_right_after_the_pen_is_of_what_is_drawn_by_then(page):
    draw(page, [[(0.6, 0.1), (0.25, 0.6), (0.85, 0.6)]])
    page.wait_for_selector("[data-answer]")
    settled(page)
    stroke(page, FOUR[1])
    page.locator("[class*='st-key-label-']").get_by_role("button", name="It's a 4").click()
    settled(page)
    # The very picture on the canvas is kept: its 4 is marked as the one pressed.
    marked = page.locator("[class*='st-key-label-'] button[kind=primary]")
    assert [text.split() for text in marked.all_inner_texts()] == [["It's", "a", "4"]]
    answered(page, "4")


def test_the_canvas_is_reached_by_keyboard_and_says_where_to_go_instead(page):
    surface = canvas(page)
    assert surface.get_attribute("role") == "img"
    assert "Test set" in surface.evaluate("surface => surface.ariaLabel")
    surface.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    outline = surface.evaluate("surface => getComputedStyle(surface).outlineWidth")
    assert outline == "3px"


@pytest.mark.parametrize("width", [640, 700])
def test_at_twice_the_zoom_answer_and_buttons_have_room(chromium, server, width):
    context = new_context(chromium, viewport={"width": width, "height": 400})
    page = context.new_page()
    page.goto(server.url)
    draw(page, ONE)
    answered(page, "1")
    settled(page)
    words = page.get_by_text("a 1, or a 7 without its hat").bounding_box()
    assert words["width"] >= 150
    buttons = page.locator("[class*='st-key-label-'] button")
    boxes = [buttons.nth(i).bounding_box() for i in range(10)]
    assert len({round(box["y"]) for box in boxes}) == 1
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    # The sheet of pages lies over the page until one is chosen, and no longer.
    go_to(page, "How it works")
    page.locator("[data-testid='stExpandSidebarButton']").wait_for()
    context.close()
