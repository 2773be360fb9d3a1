"""'It's a ...' under an answer, the page of one's hand, and one's own digits."""

import io
import zipfile

import numpy as np
import pytest

from lrcore.data import as_set
from lrcore.datasets import load
from lrcore.own_set import OwnDigits, to_idx, to_zip
from lrcore.weights import DEFAULT, load_weights
from tests.files import saved
from tests.helpers import choose_way, markup, open_page, say
from ui.canvas import Kept
from ui.hand import change_chart
from ui.plain import plain

PATH = [["M", 150, 40], ["Q", 150, 100, 150, 160], ["L", 150, 260]]
TRAIN = "pages/train.py"
ONE = {"type": "Path", "stroke": "#1f2430", "strokeWidth": 16, "path": PATH}


@pytest.fixture
def drawn(app):
    app.session_state["canvas_kept"] = Kept({"objects": [ONE]})
    return app.run()


@pytest.fixture
def page(app):
    return open_page(app, "pages/hand.py")


def own(digits, correct=False):
    """A session's own digits."""
    return OwnDigits().with_digits(digits, correct)


def notes(app):
    return " ".join(item.value for item in app.success)


def held(app):
    return app.session_state["own_digits"].corrections.labels.tolist()


def kept(app):
    return app.session_state["own_digits"].digits.labels.tolist()


def test_ten_buttons_stand_under_an_answer_and_none_without(app, drawn):
    assert sum(str(b.key).startswith("label-drawn") for b in drawn.button) == 10
    choose_way(drawn, "Test set")
    assert not any(str(b.key).startswith("label-") for b in drawn.button)


def test_a_correction_changes_the_answer_at_once_and_says_how(drawn):
    assert 'data-answer="1"' in markup(drawn)
    say(drawn, 7)
    assert 'data-answer="7"' in markup(drawn)
    assert "now reads 0." in notes(drawn)
    assert "1 correction held" in notes(drawn)
    assert (held(drawn), kept(drawn)) == ([7], [7])


def test_a_right_answer_is_kept_and_nothing_is_learned(drawn):
    say(drawn, 1)
    assert "Right. Kept: 1 digit" in notes(drawn)
    assert (held(drawn), kept(drawn)) == ([], [1])


def test_the_same_button_takes_a_correction_back(drawn):
    say(say(drawn, 7), 7)
    assert 'data-answer="1"' in markup(drawn)
    assert (held(drawn), kept(drawn)) == ([], [])


def test_another_button_corrects_the_correction(drawn):
    say(say(drawn, 7), 4)
    assert 'data-answer="4"' in markup(drawn)
    assert (held(drawn), kept(drawn)) == ([4], [4])


def test_undo_and_off_bring_the_trained_answer_back(drawn):
    say(drawn, 7)
    drawn.toggle(key="hand_on").set_value(False).run()
    assert 'data-answer="1"' in markup(drawn)
    assert held(drawn) == [7]
    drawn.toggle(key="hand_on").set_value(True).run()
    assert 'data-answer="7"' in markup(drawn)
    drawn.button(key="undo-correction").click().run()
    assert 'data-answer="1"' in markup(drawn)
    assert held(drawn) == []


def test_what_a_correction_did_is_said_only_while_it_is_true(drawn):
    say(drawn, 7)
    drawn.toggle(key="hand_on").set_value(False).run()
    # The bars are those of theta as trained.
    assert notes(drawn) == ""
    drawn.toggle(key="hand_on").set_value(True).run()
    say(drawn, 4)
    assert "1 correction held" in notes(drawn)
    drawn.switch_page("pages/hand.py").run()
    (delete,) = (b for b in drawn.button if str(b.key).startswith("delete-"))
    delete.click().run()
    drawn.switch_page("pages/predict.py").run()
    assert 'data-answer="1"' in markup(drawn)
    assert notes(drawn) == ""


def test_a_correction_while_off_is_held_for_later(drawn):
    say(drawn, 7)
    drawn.toggle(key="hand_on").set_value(False).run()
    say(drawn, 9)
    assert "switched off" in notes(drawn)
    assert 'data-answer="1"' in markup(drawn)


def test_the_hand_outlasts_a_change_of_page_and_of_model(drawn):
    say(drawn, 7)
    drawn.switch_page("pages/hand.py").run()
    assert not drawn.exception
    assert [m.value for m in drawn.metric][:2] == ["1", "1 of 1"]
    drawn.switch_page("pages/predict.py").run()
    assert 'data-answer="7"' in markup(drawn)
    drawn.selectbox(key="chosen_model").set_value("pixels").run()
    assert not drawn.exception
    assert 'data-answer="7"' in markup(drawn)


def test_the_shipped_weights_stay_as_they_are(drawn):
    before = DEFAULT.read_bytes()
    say(drawn, 7)
    assert DEFAULT.read_bytes() == before
    drawn.toggle(key="hand_on").set_value(False).run()
    assert 'data-answer="1"' in markup(drawn)


def test_a_binary_model_learns_its_two_answers_only(drawn):
    drawn.selectbox(key="chosen_model").set_value("zero-or-one").run()
    say(drawn, 5)
    assert "knows no 5" in notes(drawn)
    say(drawn, 0)
    assert 'data-answer="0"' in markup(drawn)


def test_a_full_hand_points_to_training(drawn, test_set):
    full = own(test_set.take(slice(0, 200)), correct=True)
    drawn.session_state["own_digits"] = full
    drawn.session_state["hand_on"] = False
    drawn.run()
    say(drawn, 7)
    assert "holds 200 corrections" in notes(drawn)
    assert len(held(drawn)) == 200


def test_an_uploaded_digit_can_be_corrected(app, test_set):
    choose_way(app.run(), "Upload")
    large = np.kron(255 - test_set.images[0], np.ones((8, 8), np.uint8))
    app.file_uploader(key="pictures").set_value(("seven.png", saved(large), "image/png")).run()
    say(app, 2)
    assert 'data-answer="2"' in markup(app)


def test_the_page_invites_where_nothing_is_kept(page):
    assert not page.exception
    said = markup(page)
    assert "Nothing yet" in said
    assert "None yet" in said


def test_before_and_after_on_the_users_digits(page, test_set):
    digits = own(test_set.take(slice(0, 12)))
    # The seven is a 2 by the later word.
    digits = digits.with_digits(as_set([test_set.images[0]], [2]), correct=True)
    page.session_state["own_digits"] = digits
    page.run()
    assert not page.exception
    assert page.metric[0].value == "1"
    assert page.metric[1].value.endswith(" of 12")
    assert page.metric[2].value.endswith("%")


def test_own_digits_read_wrong_can_be_corrected_at_once(page, test_set):
    page.session_state["own_digits"] = own(as_set(test_set.images[:3], [7, 2, 4]))
    page.run()
    assert "reads 2 of your 3 right" in markup(page)
    next(b for b in page.button if b.label == "Correct 1 digit read wrong").click().run()
    assert not page.exception
    assert held(page) == [4]
    assert page.metric[1].value == "3 of 3"
    assert not any(b.label.startswith("Correct") for b in page.button)


def test_before_and_after_with_a_model_of_two_digits(page, test_set):
    digits = own(test_set.take(slice(0, 30)))
    seven_as_zero = as_set(test_set.images[:1], [0])
    page.session_state["own_digits"] = digits.with_digits(seven_as_zero, correct=True)
    page.selectbox(key="chosen_model").set_value("zero-or-one").run()
    assert not page.exception
    zeros_and_ones = int(np.isin(test_set.labels[:30], (0, 1)).sum()) + 1
    assert page.metric[1].value == f"{zeros_and_ones} of {zeros_and_ones}"


def test_a_hand_can_be_loaded_kept_as_a_model_and_forgotten(page, test_set):
    two = as_set([test_set.images[0]], [2])
    page.file_uploader(key="load-hand").set_value(("my-hand.zip", to_zip(two), "application/zip"))
    page.run()
    assert not page.exception
    assert (held(page), kept(page)) == ([2], [2])
    next(b for b in page.button if b.label == "Keep as a model").click().run()
    name = f"{load_weights(DEFAULT).name}, my hand"
    assert page.selectbox(key="chosen_model").value == name
    assert page.session_state["own_models"][name].record["corrections"] == 1
    next(b for b in page.button if b.label == "Forget all corrections").click().run()
    assert (held(page), kept(page)) == ([], [2])


def test_own_digits_are_loaded_with_each_rejected_file_named(page, test_set):
    five = test_set.take(slice(0, 5))
    raw = io.BytesIO(to_zip(five))
    with zipfile.ZipFile(raw, "a") as archive:
        archive.writestr("notes.txt", "hello")
        for number in range(30):
            archive.writestr(f"8/{number}.png", saved(np.zeros((28, 28), np.uint8)))
        for number in range(1, 8):
            archive.writestr(f"[{number}](b).csv", "".join(f"x{k}.png,7\n" for k in range(number)))
    page.file_uploader(key="load-own").set_value(("mine.zip", raw.getvalue(), "application/zip"))
    page.run()
    assert not page.exception
    assert kept(page) == five.labels.tolist()
    said, rejected = page.warning[0].value, page.session_state["rejected_files"]
    assert said.startswith("38 files could not be used:")
    assert f"- **{plain('notes.txt')}** is neither a picture" in said
    assert f"- **{plain('8/0.png')}** (and 29 more) shows nothing" in said
    assert f"- **{plain('[1](b).csv')}** names a picture that did not come" in said
    assert len(said.splitlines()) == 2 + 6
    assert page.dataframe[0].value["file"].tolist() == [name for name, _ in rejected]
    raw = io.BytesIO(to_zip(five.take([0])))
    with zipfile.ZipFile(raw, "a") as archive:
        archive.writestr("notes.txt", "hello")
    page.file_uploader(key="load-own").set_value(("more.zip", raw.getvalue(), "application/zip"))
    page.run()
    assert page.warning[0].value.startswith("1 file could not be used:")
    assert not page.dataframe


def test_an_idx_pair_is_loaded(page, test_set):
    five = test_set.take(slice(0, 5))
    images, labels = to_idx(five)
    kind = "application/octet-stream"
    page.file_uploader(key="load-own").set_value([("a", images, kind), ("b", labels, kind)]).run()
    assert kept(page) == five.labels.tolist()
    assert load([("a", images), ("b", labels)]).rejected == []


def test_digits_are_filtered_and_deleted(page, test_set):
    page.session_state["own_digits"] = own(test_set.take(slice(0, 30)))
    page.run()
    assert sum(str(b.key).startswith("delete-") for b in page.button) == 24
    page.button_group(key="own_shown").set_value([7]).run()
    sevens = [b for b in page.button if str(b.key).startswith("delete-")]
    assert [b.label[:2] for b in sevens] == ["7 "] * int((test_set.labels[:30] == 7).sum())
    # To those who hear them, each has a name of its own.
    assert len({b.label for b in sevens}) == len(sevens)
    sevens[0].click().run()
    assert not page.exception
    assert len(kept(page)) == 29
    next(b for b in page.button if b.label == "Delete all my digits").click().run()
    assert kept(page) == []


def test_many_digits_are_shown_sheet_by_sheet(page, test_set):
    page.session_state["own_digits"] = own(test_set.take(slice(0, 30)))
    page.run()
    sheet = next(item for item in page.selectbox if item.label == "Sheet")
    assert sheet.options == ["1 of 2", "2 of 2"]
    sheet.set_value(1).run()
    assert sum(str(b.key).startswith("delete-") for b in page.button) == 6


def test_what_was_loaded_and_deleted_stays_deleted_when_more_comes(page, test_set):
    first = ("a.zip", to_zip(test_set.take(slice(0, 2))), "application/zip")
    page.file_uploader(key="load-own").set_value([first]).run()
    page.button(key=next(b.key for b in page.button if str(b.key).startswith("delete-"))).click()
    page.run()
    assert len(kept(page)) == 1
    page.session_state["own_digits"] = OwnDigits()
    images, labels = to_idx(test_set.take(slice(2, 5)))
    kind = "application/octet-stream"
    page.file_uploader(key="load-own").set_value([("images", images, kind)]).run()
    assert kept(page) == []
    assert "1 file could not be used" in markup(page)
    page.file_uploader(key="load-own").set_value(
        [("images", images, kind), ("labels", labels, kind)]
    ).run()
    assert kept(page) == test_set.labels[2:5].tolist()
    assert "could not be used" not in markup(page)


def test_the_figures_are_of_what_reads_now(page, test_set):
    digits = as_set(test_set.images[:3], [7, 2, 4])
    page.session_state["own_digits"] = own(digits).with_digits(digits.take([2]), correct=True)
    page.run()
    on = [(m.value, m.delta) for m in page.metric]
    assert on[1] == ("3 of 3", "+1")
    page.toggle(key="hand_on").set_value(False).run()
    off = [(m.value, m.delta) for m in page.metric]
    assert off[1] == ("2 of 3", "+1 in your hand, which is off")
    assert off[2] != on[2]


def test_the_chart_tells_corrected_pictures_from_others():
    chart = change_chart(
        ["7", "1"], np.array([0.1, 0.9]), np.array([0.8, 0.9]), np.array([True, False])
    )
    data = chart.layer[1].data
    assert data["kind"].tolist() == ["corrected", "not corrected"]
    assert data["after"].tolist() == [0.8, 0.9]


def run_and_wait(app):
    app.button(key="start").click().run()
    app.session_state["training_runs"].job.join(60)
    app.run()
    assert not app.exception
    return app.session_state["training_runs"].job.weights.record


def test_train_offers_mnist_alone_while_nothing_is_kept(app):
    open_page(app, TRAIN)
    assert app.selectbox(key="train_source").disabled
    assert app.selectbox(key="train_start").options[0] == "theta zero"


def test_a_number_of_copies_that_cannot_be_starts_nothing(app, test_set):
    open_page(app, TRAIN, own_digits=own(test_set.take(slice(0, 60))))
    app.selectbox(key="train_source").set_value("MNIST and my own").run()
    app.text_input(key="train_copies").set_value("101").run()
    assert [error.value.replace("\\", "") for error in app.error] == [
        "Copies of each own digit cannot be '101'; choose a value from 1 to 100."
    ]
    assert app.button(key="start").disabled
    assert app.text_input(key="train_copies").value == "101"
    # It counts for nothing where only MNIST is learned from.
    app.selectbox(key="train_source").set_value("MNIST").run()
    assert not app.error
    assert not app.button(key="start").disabled


def test_train_learns_from_own_digits_and_starts_from_weights(app, test_set):
    open_page(app, TRAIN, own_digits=own(test_set.take(slice(0, 60))))
    app.text_input(key="iterations").set_value("3").run()
    app.selectbox(key="train_source").set_value("my own digits").run()
    app.text_input(key="train_copies").set_value("2").run()
    assert "strokes" not in app.selectbox(key="train_start").options
    app.selectbox(key="train_start").set_value("pixels").run()
    record = run_and_wait(app)
    assert record["start"] == "pixels"
    assert record["own_digits"] == 2 * (60 - record["own_images"])
    assert f"Of **{record['own_images']} own digits**" in markup(app)
    assert "started from read" in markup(app)
