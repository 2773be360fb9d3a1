"""A correction in a real browser: the answer turns at once, and the page shows it."""

import io
import re
import zipfile

import pytest

from tests.browser.driver import ONE, ZERO, answered, draw, go_to, press, say, settled

pytestmark = pytest.mark.browser


def test_a_correction_turns_the_answer_and_undo_turns_it_back(page):
    draw(page, ONE)
    answered(page, "1")
    say(page, 7)
    answered(page, "7")
    page.get_by_text(
        re.compile(r"now reads 0\.\d\d instead of 0\.\d\d; 1 correction held")
    ).wait_for()
    # The same stroke drawn anew is read in the hand just learned.
    press(page, "Clear")
    page.wait_for_selector("text=Draw a digit on the canvas")
    draw(page, ONE)
    answered(page, "7")
    press(page, "Undo correction")
    answered(page, "1")


def test_own_digits_go_out_as_a_zip_and_come_back(page):
    draw(page, ZERO)
    answered(page, "0")
    say(page, 0)
    say(page, 6)
    answered(page, "6")
    go_to(page, "My hand")
    page.get_by_text("1 of 1").wait_for()
    with page.expect_download() as taken:
        page.get_by_role("button", name="ZIP of your digits").click()
    path = taken.value.path()
    assert zipfile.ZipFile(path).namelist() == ["6/00000.png"]
    page.get_by_role("button", name="Delete all", exact=False).first.click()
    page.get_by_role("button", name="Delete all my digits").click()
    page.get_by_text("None yet.").wait_for()
    page.get_by_role("button", name="Load digits").click()
    mixed = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(mixed, "a") as archive:
        archive.writestr("6/broken.png", b"no picture")
    page.locator("[data-testid='stPopoverBody'] input[type=file]").set_input_files(
        {"name": "mine.zip", "mimeType": "application/zip", "buffer": mixed.getvalue()}
    )
    page.get_by_text("6 (1)").wait_for()
    page.get_by_text("1 file could not be used:").wait_for()


def test_ten_buttons_fit_a_phone(phone):
    draw(phone, ONE)
    answered(phone, "1")
    settled(phone)
    buttons = phone.locator("[class*='st-key-label-'] button")
    assert buttons.count() == 10
    boxes = [buttons.nth(i).bounding_box() for i in range(10)]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    assert len({round(box["y"]) for box in boxes}) == 1
    assert all(box["width"] >= 28 for box in boxes)
