"""The Predict page."""

import io
import pickle
import shutil

import numpy as np
import pytest
import streamlit
from PIL import Image

from lrcore.estimators import OneVsAllClassifier
from lrcore.features import FEATURES
from lrcore.weights import DEFAULT, WEIGHTS_FOLDER
from tests.files import saved
from tests.helpers import choose_way, markup, open_page, seen_label
from ui.canvas import Kept


def test_an_empty_canvas_invites_and_does_not_answer(app):
    app.run()
    assert not app.exception
    assert "Draw a digit on the canvas" in markup(app)
    assert "data-answer" not in markup(app)


def test_a_drawing_is_answered(app):
    path = [["M", 150, 40], ["Q", 150, 100, 150, 160], ["L", 150, 260]]
    one = {"type": "Path", "stroke": "#1f2430", "strokeWidth": 16, "path": path}
    app.session_state["canvas_kept"] = Kept({"objects": [one]})
    app.run()
    assert not app.exception
    assert 'data-answer="1"' in markup(app)


def stroke(*points):
    path = [["ML"[k > 0], *point] for k, point in enumerate(points)]
    return {"type": "Path", "stroke": "#1f2430", "strokeWidth": 16, "path": path}


def test_a_doubt_without_a_number_is_not_told_of_one(app):
    star = [
        stroke((33, 33), (297, 297)),
        stroke((297, 33), (33, 297)),
        stroke((16, 165), (314, 165)),
    ]
    seven = [stroke((80, 80), (250, 75), (200, 165), (165, 265)), stroke((125, 170), (230, 165))]
    for drawn, words, told in ((star, "Unsure", False), (seven, "It reads 7", True)):
        app.session_state["canvas_kept"] = Kept({"objects": drawn})
        app.run()
        assert not app.exception
        assert words in markup(app)
        assert any("beside the digit" in text.value for text in app.caption) == told


@pytest.mark.parametrize(("size", "same"), [(1.0, True), (0.12, False)])
def test_naive_shrinking_is_said_to_fail_where_it_does(app, size, same):
    drawn = [
        stroke(*((size * x, size * y) for x, y in way))
        for way in [((80, 80), (250, 75), (200, 165), (165, 265)), ((125, 170), (230, 165))]
    ]
    app.session_state["canvas_kept"] = Kept({"objects": drawn})
    app.run()
    app.button_group(key="closer-drawn").set_value("Compare with naive shrinking").run()
    assert not app.exception
    reads = [text.value for text in app.markdown if text.value.startswith("reads **")]
    assert (reads[0][:9] == reads[1][:9]) == same
    assert ("alike" in app.caption[-1].value) == same


def test_two_digits_on_the_canvas_for_one_are_shown_the_way_to_a_row(app):
    seven = stroke((180, 60), (280, 60), (220, 260))
    for objects, several in (([seven], False), ([stroke((70, 60), (70, 260)), seven], True)):
        app.session_state["canvas_kept"] = Kept({"objects": objects})
        app.run()
        assert not app.exception
        assert ("That looks like two digits" in markup(app)) == several
    next(button for button in app.button if button.label == "A row").click().run()
    assert not app.exception
    assert app.session_state["way"] == "A row"
    assert "Write several digits" in markup(app)


def test_how_many_digits_a_picture_shows_can_be_said(app):
    page = np.full((300, 300), 255, np.uint8)
    page[50:250, 100:120] = page[50:250, 180:200] = 0
    choose_way(app.run(), "Upload")
    app.file_uploader(key="pictures").set_value([("two.png", saved(page), "image/png")]).run()
    assert "2 digits, in reading order" in markup(app)
    app.button_group(key="how_many").set_value("one").run()
    assert not app.exception
    assert "in reading order" not in markup(app)


def test_which_of_several_pages_is_read_is_said_and_heic_is_told_what_to_do(app, test_set):
    seven = 255 - np.pad(test_set.images[0], 16)
    pages = [Image.fromarray(page) for page in (np.full_like(seven, 255), seven)]
    file = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    heic = b"\0\0\0\x18ftypheic" + bytes(40)
    choose_way(app.run(), "Upload")
    files = [("pages.tiff", file, "image/tiff"), ("phone.heic", heic, "image/heic")]
    app.file_uploader(key="pictures").set_value(files).run()
    assert not app.exception
    assert 'data-answer="7"' in markup(app)
    assert any("page 2 is read" in caption.value for caption in app.caption)
    assert any("share it as JPEG" in error.value for error in app.error)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "TIFF"])
def test_an_upload_is_read(app, test_set, kind):
    choose_way(app.run(), "Upload")
    large = np.kron(255 - test_set.images[0], np.ones((8, 8), np.uint8))
    app.file_uploader(key="pictures").set_value(
        (f"seven.{kind.lower()}", saved(large, kind), "image/*")
    ).run()
    assert not app.exception
    assert 'data-answer="7"' in markup(app)


def test_many_uploads_are_all_answered_and_a_bad_one_is_named(app, test_set):
    choose_way(app.run(), "Upload")
    files = [(f"{i}.png", saved(test_set.images[i]), "image/png") for i in range(2)]
    files.append(("blank.png", saved(np.full((60, 60), 255, np.uint8)), "image/png"))
    files.append(("noise.png", b"this is no picture", "image/png"))
    app.file_uploader(key="pictures").set_value(files).run()
    assert not app.exception
    assert 'data-answer="7"' in markup(app)
    assert 'data-answer="2"' in markup(app)
    errors = [error.value for error in app.error]
    assert len(errors) == 2
    assert any("blank.png" in error for error in errors)
    assert any("noise.png" in error for error in errors)


def test_a_picture_from_the_test_set_is_read(app):
    choose_way(app.run(), "Test set")
    assert "Pick a digit" in markup(app)
    next(button for button in app.button if button.label.startswith("Read ")).click().run()
    assert not app.exception
    assert "data-answer" in markup(app)
    assert any("is labelled" in caption.value for caption in app.caption)


def test_another_page_can_open_a_test_picture_here(app):
    app.session_state["gallery_image"] = 0
    app.run()
    assert 'data-answer="7"' in markup(app)


def test_a_binary_model_answers_too(app):
    app.run()
    app.selectbox(key="chosen_model").set_value("zero-or-one")
    app.session_state["gallery_image"] = 2
    app.run()
    assert not app.exception
    assert 'data-answer="1"' in markup(app)


def bring_weights(app, name, content):
    """Put a weights file in, and use it: what says all of itself is used at once."""
    app.file_uploader(key="weights_file").set_value((name, content, "application/x")).run()
    ask = [button for button in app.button if seen_label(button) == "Use this file"]
    assert bool(ask) == (not name.endswith(".npz"))
    for button in ask:
        button.click().run()


def test_own_weights_are_used_and_bad_ones_get_a_sentence(app):
    app.run()
    theta = io.BytesIO()
    np.save(theta, np.zeros((10, 784)))
    bring_weights(app, "mine.npy", theta.getvalue())
    assert not app.exception
    assert app.selectbox(key="chosen_model").value == "mine"
    bring_weights(app, "bad.npz", b"PK nonsense")
    assert not app.exception
    assert "damaged" in app.error[0].value
    assert app.selectbox(key="chosen_model").value == "mine"
    app.run()
    assert "damaged" in app.error[0].value
    bring_weights(app, "good.npz", DEFAULT.read_bytes())
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="chosen_model").value == "good"
    # Used once: another model can be chosen though the file is still there.
    app.selectbox(key="chosen_model").set_value("pixels").run()
    assert app.selectbox(key="chosen_model").value == "pixels"


@pytest.fixture(scope="module")
def plain(train_set):
    """Theta of pixels 0 to 1, (10, 785)."""
    some = train_set.take(slice(0, 1000))
    X = some.images.reshape(-1, 784) / 255
    return OneVsAllClassifier(max_iter=20).fit(X, some.labels).theta_


@pytest.mark.parametrize("name", ["theta.npy", "THETA.NPY"])
def test_a_plain_theta_is_asked_for_its_standardisation_and_tried_out(app, plain, name):
    app.run()
    npy = io.BytesIO()
    np.save(npy, plain)
    app.file_uploader(key="weights_file").set_value((name, npy.getvalue(), "application/x")).run()
    mean, scale = app.text_input
    assert (mean.label, scale.label) == ("Mean", "Scale")

    def tried():
        (said,) = [item.value for item in app.caption if "of MNIST's test digits" in item.value]
        return said

    right = tried()
    assert "So it reads 8" in right
    assert "With mean" not in right
    # With another scale it says how many, and which one fits.
    scale.set_value("0.01").run()
    mean = next(item for item in app.text_input if item.label == "Mean")
    mean.set_value("250").run()
    assert right.split("reads ")[1].split(" of")[0] in tried().split("With mean 0 and scale 255")[1]
    assert not app.exception
    # With none that can be there is nothing to use.
    next(item for item in app.text_input if item.label == "Scale").set_value("0").run()
    assert [error.value.replace("\\", "") for error in app.error] == [
        "Scale cannot be '0'; choose a value from 0.000001 to 1,000,000."
    ]
    assert not [button for button in app.button if seen_label(button) == "Use this file"]


def test_a_pickle_is_told_how_to_export(app):
    app.run()
    brought = "clf.joblib", pickle.dumps({"model": 1}), "application/x"
    app.file_uploader(key="weights_file").set_value(brought).run()
    assert "model = joblib.load('clf.joblib')" in app.error[0].value
    assert app.selectbox(key="chosen_model").value == "strokes"


def test_a_model_that_is_gone_is_not_replaced_without_a_word(app):
    app.session_state["chosen_model"] = "mine"
    app.run()
    assert [toast.value for toast in app.toast] == [
        "The model mine is no longer there; strokes reads instead."
    ]
    app.run()
    assert not app.toast


def test_without_the_default_model_another_answers_and_it_is_said(app, monkeypatch, tmp_path):
    shutil.copy(WEIGHTS_FOLDER / "pixels.npz", tmp_path)
    monkeypatch.setattr("lrcore.weights.WEIGHTS_FOLDERS", (tmp_path,))
    try:
        app.run()
        assert app.selectbox(key="chosen_model").value == "pixels"
        assert any("default model, strokes, is missing" in item.value for item in app.warning)
    finally:
        streamlit.cache_resource.clear()


def test_where_no_model_says_yes_the_page_says_so(app):
    app.run()
    theta = io.BytesIO()
    np.save(theta, np.full((10, 784), -0.1))
    bring_weights(app, "no.npy", theta.getvalue())
    app.session_state["gallery_image"] = 0
    app.run()
    assert "None of the models says yes" in markup(app)


def test_every_control_has_a_help_text(app):
    app.run()
    for way in ("Draw", "Upload", "Test set"):
        choose_way(app, way)
        for kind in ("button", "selectbox", "slider", "toggle", "file_uploader", "button_group"):
            for widget in app.get(kind):
                assert widget.proto.help, f"{kind} {widget.label!r} has no help"


def test_what_the_model_looks_at_is_explained_beside_it(app):
    for name in ("straightened", "strokes"):
        open_page(app, "pages/predict.py", chosen_model=name)
        assert FEATURES[name].looks_at in [text.value for text in app.markdown]
