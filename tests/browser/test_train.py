"""The Train page in a real browser: curves that grow, runs that outlive pages and connections."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.driver import LATE, go_to, settled

pytestmark = pytest.mark.browser

CHART = "[data-testid=stVegaLiteChart] canvas"
SLOW = "solver=gradient-descent&images=2000&iterations=100000"
# Keeps the page's sockets at hand, so that a test can cut them.
SOCKETS = """
window.sockets = [];
window.WebSocket = class extends window.WebSocket {
  constructor(...given) { super(...given); window.sockets.push(this); }
};
"""


# Adds up how far things have moved on the page, in what the field calls layout shift.
SHIFTS = """
window.shift = 0;
new PerformanceObserver(list => list.getEntries().forEach(entry => window.shift += entry.value))
  .observe({type: 'layout-shift', buffered: true});
"""


def open_train(page, server, query=SLOW):
    page.goto(f"{server.url}/train?{query}")
    page.get_by_text("Nothing runs yet").wait_for()
    settled(page)


def press(page, key):
    page.locator(f".st-key-{key} button:visible").click()


def iteration(page) -> int:
    text = page.get_by_test_id("stProgress").inner_text()
    return int(re.search(r"iteration ([\d,]+)", text)[1].replace(",", ""))


def wait_past(page, number):
    page.wait_for_function(
        """number => {
          const text = document.querySelector('[data-testid=stProgress]')?.innerText ?? '';
          const found = text.match(/iteration ([\\d,]+)/);
          return found && Number(found[1].replaceAll(',', '')) > number;
        }""",
        arg=number,
    )


def curve(page) -> str:
    """What is drawn of the cost, as an image."""
    return page.locator(CHART).first.evaluate("canvas => canvas.toDataURL()")


def height(page) -> int:
    return page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")


def test_the_curve_grows_the_run_outlives_its_page_and_stop_keeps_the_model(page, server):
    open_train(page, server)
    press(page, "start")
    wait_past(page, 2)
    drawn, tall, before = curve(page), height(page), iteration(page)
    thetas = page.locator("[data-testid=stMain] img").first.evaluate("image => image.src")
    wait_past(page, before + 3)
    page.wait_for_function(
        "([chart, drawn]) => document.querySelector(chart).toDataURL() !== drawn",
        arg=[CHART, drawn],
    )
    page.wait_for_function(
        "thetas => document.querySelector('[data-testid=stMain] img').src !== thetas", arg=thetas
    )
    assert height(page) == tall

    go_to(page, "Weights")
    go_to(page, "Train")
    wait_past(page, before + 3)
    again = iteration(page)
    wait_past(page, again)

    press(page, "stop")
    page.get_by_text("Stopped by hand").wait_for()
    page.get_by_text("Test accuracy").wait_for()
    settled(page)
    press(page, "use")
    page.get_by_text("Predict and Weights now use run 1").wait_for()
    settled(page)
    go_to(page, "Predict")
    assert page.get_by_role("combobox", name="Model").input_value().startswith("run 1 · pixels, ")


def test_pause_holds_and_one_step_is_one(page, server):
    open_train(page, server)
    press(page, "start")
    wait_past(page, 2)
    press(page, "pause")
    page.locator(".st-key-resume button:visible").wait_for()
    page.get_by_text("· paused ·").wait_for()
    settled(page)
    held = iteration(page)
    press(page, "step-1")
    wait_past(page, held)
    page.get_by_text("· paused ·").wait_for()
    assert iteration(page) == held + 1


def test_a_run_survives_a_lost_connection(page, server):
    page.add_init_script(SOCKETS)
    open_train(page, server)
    press(page, "start")
    wait_past(page, 2)
    before = iteration(page)
    page.evaluate("window.sockets.forEach(socket => socket.close())")
    page.wait_for_function("window.sockets.length > 1")
    wait_past(page, before + 5)
    press(page, "stop")
    page.get_by_text("Stopped by hand").wait_for()


def test_a_teachers_link_on_a_phone(phone, server):
    open_train(phone, server, SLOW + "&show=learning_rate&seed=x")
    error = phone.get_by_text("Seed cannot be 'x'; choose a value from 0 to 2,147,483,647.")
    error.wait_for()
    assert phone.locator(".st-key-learning_rate input").is_visible()
    assert not phone.locator(".st-key-images").count()
    assert phone.locator(".st-key-start button:visible").is_disabled()
    # What is wrong is shown, asked for or not.
    phone.locator(".st-key-seed input").fill("1")
    phone.locator(".st-key-seed input").press("Enter")
    error.wait_for(state="hidden")
    press(phone, "start")
    wait_past(phone, 2)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    press(phone, "stop")
    phone.get_by_text("Stopped by hand").wait_for()


def test_a_field_out_of_its_range_stays_as_typed_and_nothing_starts(page, server):
    open_train(page, server, "iterations=30")
    field = page.locator(".st-key-images input")
    field.fill("1")
    # Straight to Start, without leaving the field first.
    page.locator(".st-key-start button:visible").click()
    page.get_by_text("Images cannot be '1'; choose a value from 10 to 60,000.").wait_for()
    settled(page)
    assert page.locator(".st-key-start button:visible").is_disabled()
    assert field.input_value() == "1"
    assert not page.get_by_text("run 1").count()
    page.wait_for_url(re.compile(r"images=1(&|$)"))
    page.reload()
    page.get_by_text("Images cannot be '1'; choose a value from 10 to 60,000.").wait_for()
    page.wait_for_function("document.querySelector('.st-key-images input')?.value === '1'")


def test_the_address_follows_a_preset_and_going_back_undoes_it(page, server):
    open_train(page, server, "images=2000&iterations=30")
    page.get_by_role("button", name="Too large a step").click()
    page.wait_for_url("**/train?*solver=gradient-descent*")
    assert "learning_rate=5" in page.url
    # At once: the run that has just begun is drawn, and the address was written, a moment ago.
    page.go_back()
    page.wait_for_url("**/train?images=2000&iterations=30")
    page.wait_for_function("document.querySelector('.st-key-images input')?.value === '2000'")
    settled(page)
    assert page.locator(".st-key-images input").input_value() == "2000"
    assert not page.locator(".st-key-learning_rate").count()


def test_a_story_moves_nothing(page, server):
    page.add_init_script(SHIFTS)
    open_train(page, server, "")
    page.locator(CHART).nth(2).wait_for()
    page.evaluate("window.shift = 0")
    page.get_by_role("button", name="Too large a step").click()
    page.get_by_text("overshoots").first.wait_for()
    settled(page)
    assert page.evaluate("window.shift") < 0.1
    # The run ended at once, and the page ran a second time; the controls show its settings still.
    assert page.locator(".st-key-images input").input_value() == "6000"
    assert page.locator(".st-key-learning_rate input").input_value() == "5"


def test_on_a_phone_the_curve_is_on_the_screen_after_a_story(phone, server):
    open_train(phone, server, "")
    phone.get_by_role("button", name="Only 600 images").click()
    wait_past(phone, 1)
    settled(phone)
    box = phone.locator(CHART).first.bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 844


def test_a_rate_turned_up_too_far_is_taken_back(page, server):
    open_train(page, server, "solver=gradient-descent&images=600&iterations=40&learning_rate=0.2")
    press(page, "step-10")
    wait_past(page, 9)
    page.get_by_text("· paused ·").wait_for()
    settled(page)
    rate = page.get_by_role("textbox", name="Learning rate now")
    rate.fill("100")
    rate.press("Enter")
    settled(page)
    press(page, "resume")
    page.get_by_text("overshoots").first.wait_for()
    page.get_by_role("button", name="Go back to before the jump, with 0.2").click()
    page.get_by_text("all the iterations asked for").wait_for()
    assert iteration(page) == 40


def test_another_run_leaves_the_one_that_goes_on_in_view(page, server):
    open_train(page, server)
    press(page, "start")
    page.get_by_role("button", name="Start another").click()
    page.get_by_text("One more run has begun").wait_for()
    wait_past(page, 2)
    assert "run 1" in page.get_by_test_id("stProgress").inner_text()
    press(page, "stop")
    page.get_by_text("Stopped by hand").wait_for()
    page.get_by_role("button", name="Start a run", exact=True).wait_for()


def test_a_press_that_the_clock_carries_along_acts_once_and_its_run_is_seen(page, server):
    page.add_init_script(LATE)
    # It goes on for some seconds, and then ends by itself.
    open_train(page, server, "solver=gradient-descent&images=2000&iterations=5000")
    press(page, "start")
    wait_past(page, 2)
    page.get_by_role("button", name="Too large a step").click()
    # Of the run in view, which does not change any more.
    page.get_by_text("overshoots").first.wait_for()
    settled(page)
    assert page.get_by_role("textbox", name="Learning rate", exact=True).input_value() == "5"
    assert "learning_rate=5" in page.url
    # One begun at a second telling would be 'Too large a step (2)', and in view.
    expect(page.get_by_role("combobox", name="Run watched")).to_have_value("Too large a step")


def test_a_tap_that_leaves_a_field_is_heard(phone, server):
    open_train(phone, server)
    press(phone, "start")
    wait_past(phone, 2)
    # One message tells of the field, which is drawn by the clock, and of the tap.
    phone.get_by_role("textbox", name="Learning rate now").fill("0.02")
    phone.locator(".st-key-pause button:visible").tap()
    phone.get_by_text("· paused ·").wait_for()
    phone.locator(".st-key-resume button:visible").wait_for()
    settled(phone)
    press(phone, "stop")
    phone.get_by_text("Stopped by hand").wait_for()


def test_at_twice_the_zoom_the_curves_come_before_the_settings(page, server):
    page.set_viewport_size({"width": 640, "height": 400})
    open_train(page, server)

    def top(name) -> float:
        return page.get_by_test_id(name).first.bounding_box()["y"]

    assert top("stProgress") < top("stExpander")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.wait_for_function(
        """() => {
          const top = id => document.querySelector(`[data-testid=${id}]`).getBoundingClientRect().y;
          return top('stExpander') < top('stProgress');
        }"""
    )


def test_what_is_not_there_yet_is_a_dash_in_the_table(page, server):
    page.emulate_media(color_scheme="dark")
    # Ten pictures drawn with this seed hold no 8: it ends before it begins.
    open_train(page, server, "task=one-digit&digit=8&images=10&seed=1")
    press(page, "start")
    page.get_by_text("No picture of an 8").wait_for()
    settled(page)
    page.get_by_role("tab", name="Compare").click()
    table = page.get_by_test_id("stDataFrame")
    table.wait_for()
    settled(page)
    # It is drawn; what a screen reader is given of it is text.
    cells = table.locator("canvas").first.text_content()
    assert "–" in cells
    assert "None" not in cells
    # In the dark a chosen run's cross is seen as well as its name is.
    chosen = page.locator(".stMultiSelect [data-tag]")
    name, cross = (
        chosen.locator(part).evaluate("part => getComputedStyle(part).color")
        for part in ("span", "button")
    )
    assert cross == name
