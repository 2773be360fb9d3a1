"""A tab that is loaded again holds what it held; no other tab does."""

import pytest

from tests.browser.driver import (
    ONE,
    answered,
    canvas,
    choose_model,
    draw,
    go_to,
    press,
    remembered,
    say,
    settled,
)
from tests.browser.test_drawing import inked

pytestmark = pytest.mark.browser


def refused(page, token):
    """Wait until the server has been asked for what that token is good for, and has answered."""
    page.wait_for_function(
        "had => (sessionStorage.getItem('ten-thetas-tab') ?? had) !== had", arg=token
    )
    canvas(page)
    settled(page)


def test_a_reload_brings_drawing_and_corrections_back_twice(page):
    draw(page, ONE)
    answered(page, "1")
    before = inked(page)
    say(page, 7)
    answered(page, "7")
    for _ in range(2):
        remembered(page)
        page.reload()
        answered(page, "7")
        settled(page)
        assert inked(page) == before
    page.get_by_text("My hand: 1 correction").wait_for()
    # It goes on from there.
    press(page, "Undo correction")
    answered(page, "1")
    press(page, "Undo")
    page.wait_for_selector("text=Draw a digit on the canvas")
    assert inked(page) == 0
    go_to(page, "My hand")
    page.get_by_text("None yet.").wait_for()


def test_of_a_tab_that_held_no_work_nothing_is_said(page):
    go_to(page, "Two numbers")
    page.locator(".plane svg").wait_for()
    go_to(page, "Predict")
    choose_model(page, "pixels")
    token = remembered(page)
    page.reload()
    refused(page, token)
    # It is back, without a word.
    assert page.get_by_role("combobox", name="Model").input_value() == "Reads pixels, 92.0 %"
    assert page.get_by_text("Brought back").count() == 0


def test_a_run_goes_on_through_a_reload(page, server):
    page.goto(f"{server.url}/train?images=60000&solver=gradient-descent&iterations=5000")
    settled(page)
    press(page, "Start")
    # It is there from the beginning, but can be pressed only once the server has begun.
    page.locator(".st-key-stop button:enabled").first.wait_for()
    remembered(page)
    page.reload()
    page.locator(".st-key-stop button:enabled").first.click()
    page.get_by_text("Stopped by hand").wait_for()
    # Loaded again elsewhere, where no address tells of them, it keeps the settings as well.
    settled(page)
    go_to(page, "My hand")
    remembered(page)
    page.reload()
    page.get_by_text("Brought back").wait_for()
    settled(page)
    go_to(page, "Train")
    page.get_by_text("Stopped by hand").wait_for()
    assert page.locator(".st-key-iterations input").input_value() == "5000"
    page.wait_for_url("**/train?*iterations=5000*")


def test_what_an_address_asks_for_goes_over_what_is_brought_back(page, server):
    page.goto(f"{server.url}/train?images=300&iterations=4")
    page.get_by_role("tab", name="Sweep").click()
    field = page.get_by_role("textbox", name="Values of C")
    field.fill("5")
    field.press("Enter")
    page.get_by_text("1 run on 300 pictures").wait_for()
    settled(page)
    token = remembered(page)
    page.goto(f"{server.url}/train?images=300&iterations=4&sweep=C:0.01,0.1,1")
    page.wait_for_function(
        "had => (sessionStorage.getItem('ten-thetas-tab') ?? had) !== had", arg=token
    )
    page.get_by_text("3 runs on 300 pictures").wait_for()
    settled(page)
    assert page.get_by_role("textbox", name="Values of C").input_value() == "0.01,0.1,1"


def test_no_other_tab_gets_it_and_a_token_is_good_once(page, server):
    page.goto(server.url)
    draw(page, ONE)
    answered(page, "1")
    settled(page)
    token = remembered(page)
    assert len(token) > 30
    assert token not in page.url
    assert token not in page.content()
    # A tab made from this one comes with the same token while this one is there.
    thief = page.context.new_page()
    thief.add_init_script(f"sessionStorage.setItem('ten-thetas-tab', {token!r})")
    thief.goto(server.url)
    refused(thief, token)
    assert inked(thief) == 0
    # The tab itself can still be loaded again, and then the token is used up.
    page.reload()
    answered(page, "1")
    page.close()
    thief.reload()
    refused(thief, token)
    assert inked(thief) == 0


def test_a_toast_that_was_closed_is_not_heard_again(page):
    page.wait_for_function("window.toastsHaveNames")
    settled(page)
    # What is said again comes as another toast with the same words, here as soon as one is closed.
    page.evaluate(
        """() => {
          window.added = 0;
          window.addToast = () => {
            const toast = document.createElement('div');
            toast.dataset.testid = 'stToast';
            toast.style = 'position: fixed; top: 9rem; left: 9rem; z-index: 9999999';
            toast.innerHTML = '<div data-testid="stToastText">Brought back</div>'
              + '<button slot="close">Close it</button>';
            toast.querySelector('button').onclick = event => {
              toast.remove();
              if (event.isTrusted) setTimeout(addToast, 20);
            };
            document.body.append(toast);
            window.added += 1;
          };
          window.toastsSaidAgain = true;
          addToast();
        }"""
    )
    page.get_by_role("button", name="Close it").click()
    page.wait_for_function("window.added === 2 && !document.querySelector('[data-testid=stToast]')")
    # Of what nobody says again the same words are news.
    page.evaluate("window.toastsSaidAgain = false; addToast()")
    page.get_by_role("button", name="Close it").click()
    page.wait_for_function("window.added === 4")
    page.get_by_role("button", name="Close it").wait_for()
