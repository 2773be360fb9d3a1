"""Models that answer yes or no, on the pages that were made for ten digits."""

import io

import numpy as np
import pytest
from PIL import Image

from lrcore.data import as_set
from lrcore.own_set import OwnDigits
from lrcore.weights import REST, Weights
from ui.answers import one_of_two
from ui.canvas import Kept
from ui.state import OWN_MODELS


@pytest.fixture
def says_no(app):
    """The app with a model that answers 'not 5' to everything, and a 1 on the canvas."""
    theta = np.r_[-3.0, np.zeros(784)][None]
    weights = Weights(theta, np.array([REST, 5]), "pixels", {}, name="five")
    path = [["M", 150, 40], ["Q", 150, 100, 150, 160], ["L", 150, 260]]
    one = {"type": "Path", "stroke": "#1f2430", "strokeWidth": 16, "path": path}
    app.session_state["canvas_kept"] = Kept({"objects": [one]})
    app.session_state[OWN_MODELS] = {"five": weights}
    app.run()
    assert app.selectbox(key="chosen_model").value == "five"
    return app


@pytest.fixture
def zero_or_one(app):
    app.run()
    app.selectbox(key="chosen_model").set_value("zero-or-one").run()
    return app


def captions(app):
    return " ".join(item.value for item in app.caption)


def open_test_picture(app, index):
    app.session_state["gallery_image"] = index
    app.run()
    assert not app.exception
    return captions(app)


def test_a_no_is_judged_by_what_was_asked(says_no, test_set):
    seven, five = 0, int(np.flatnonzero(test_set.labels == 5)[0])
    assert "is labelled 7: read right." in open_test_picture(says_no, seven)
    assert "is labelled 5: read wrong." in open_test_picture(says_no, five)


def test_a_digit_unknown_to_the_model_is_no_mistake(zero_or_one):
    said = open_test_picture(zero_or_one, 0)
    assert "is labelled 7: a digit that this model knows nothing of." in said
    assert "learned from 0s and 1s alone" in said


def test_a_row_of_noes_can_be_told_apart(says_no, test_set):
    row = np.hstack([np.pad(image, 10) for image in test_set.images[:2]])
    file = io.BytesIO()
    Image.fromarray(255 - row.repeat(4, 0).repeat(4, 1)).save(file, "PNG")
    says_no.button_group(key="way").set_value("Upload").run()
    says_no.file_uploader(key="pictures").set_value(("row.png", file.getvalue(), "image/png")).run()
    assert not says_no.exception
    assert says_no.code[0].value == "not 5, not 5"


def test_my_hand_says_so_where_the_model_knows_no_digit_kept(zero_or_one, test_set):
    zero_or_one.session_state["own_digits"] = OwnDigits().with_digits(
        as_set(test_set.images[:1], [7])
    )
    zero_or_one.switch_page("pages/hand.py").run()
    assert not zero_or_one.exception
    assert "learned from 0s and 1s alone" in " ".join(i.value for i in zero_or_one.info)


def test_what_is_said_of_one_models_answer_is_not_said_of_anothers(says_no):
    key = next(str(b.key) for b in says_no.button if str(b.key).endswith("-5"))
    says_no.button(key=key).click().run()
    assert "now reads" in says_no.success[0].value
    says_no.selectbox(key="chosen_model").set_value("pixels").run()
    assert not says_no.success


@pytest.mark.parametrize(
    ("classes", "words"), [([REST, 5], "any other digit"), ([3, 8], "3s and 8s alone")]
)
def test_a_binary_answer_says_what_was_asked(classes, words):
    assert words in one_of_two(Weights(np.zeros((1, 785)), np.array(classes)))
