"""A score taken apart, and the smallest change that turns an answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrcore.errors import UserError
from lrcore.evidence import PICTURES, Evidence, _onto_plane, explain, smallest_change, stroke_layout
from lrcore.features import FEATURES, extract
from lrcore.logistic import sigmoid
from lrcore.reading import Reader
from lrcore.weights import REST, WEIGHTS_FOLDER, Weights, columns, list_weights, load_weights
from ui.evidence import sum_in_words

SHIPPED = list(list_weights()[0])


def shipped(name):
    return load_weights(WEIGHTS_FOLDER / f"{name}.npz")


@pytest.mark.parametrize("name", SHIPPED)
def test_evidence_adds_up_to_the_score_of_the_reading(name, test_set):
    weights = shipped(name)
    images = test_set.images[:20]
    scores = Reader(weights).read(images).scores
    digits = weights.classes[1:] if weights.binary else weights.classes
    for image, row in zip(images, scores, strict=True):
        for digit, score in zip(digits, row, strict=True):
            found = explain(weights, image, digit)
            assert found.bias + found.parts.sum() == pytest.approx(score, abs=1e-4)
            assert found.score == found.bias + found.parts.sum()


def test_the_sum_explains_the_probability(test_set):
    weights = shipped("pixels")
    image = test_set.images[4]
    readings = Reader(weights).read(image[None])
    found = explain(weights, image, 4)
    assert sigmoid(found.score) == pytest.approx(readings.probabilities[0, 4], abs=1e-6)


def test_evidence_for_one_digit_rather_than_another(test_set):
    weights = shipped("pixels")
    image = test_set.images[0]
    seven, one = explain(weights, image, 7), explain(weights, image, 1)
    both = explain(weights, image, 7, against=1)
    assert both.parts == pytest.approx(seven.parts - one.parts)
    assert both.score == pytest.approx(seven.score - one.score)
    assert both.score > 0


def test_both_classes_of_a_binary_model_have_evidence(test_set):
    weights = shipped("zero-or-one")
    image = test_set.images[3]
    assert explain(weights, image, 0).score == -explain(weights, image, 1).score
    assert explain(weights, image, 0).score > 0


def test_no_ink_no_evidence():
    found = explain(shipped("pixels"), np.zeros((28, 28), np.uint8), 3)
    assert not found.parts.any()
    assert found.score == found.bias


def test_evidence_lies_on_the_picture_that_theta_reads(test_set):
    image = test_set.images[0]
    assert explain(shipped("pixels"), image, 7).picture == pytest.approx(image / 255)
    straight = extract("straightened", image[None]).reshape(28, 28)
    assert explain(shipped("strokes"), image, 7).picture == pytest.approx(straight)


def test_an_unknown_digit_is_named():
    with pytest.raises(UserError, match="does not know the digit 5"):
        explain(shipped("zero-or-one"), np.zeros((28, 28), np.uint8), 5)


def test_layout_fits_the_features():
    at = stroke_layout()
    assert at.x.shape == at.y.shape == at.reach.shape == at.angle.shape == (columns("strokes"),)
    assert (at.x - at.reach).min() >= 0
    assert (at.x + at.reach).max() <= 28


@pytest.mark.parametrize("place", [(7, 7), (7, 21), (21, 7)])
def test_layout_is_where_the_features_look(place):
    """The features that a small blot raises lie around it."""
    row, column = place
    picture = np.zeros((28, 28), np.uint8)
    # A weight in the opposite corner's mirror keeps the centre of mass and the slant still.
    picture[row - 1 : row + 2, column - 1 : column + 2] = 255
    picture[27 - row - 1 : 27 - row + 2, 27 - column - 1 : 27 - column + 2] = 255
    x = extract("strokes", picture[None])[0]
    at = stroke_layout()
    y = (x**2 * np.abs(at.y - 14)).sum() / (x**2).sum()
    assert y == pytest.approx(7, abs=1.5)


@pytest.mark.parametrize("name", [n for n in SHIPPED if shipped(n).features == "pixels"])
def test_the_smallest_change_turns_the_answer(name, test_set):
    weights = shipped(name)
    reader = Reader(weights)
    for image in test_set.images[:20]:
        before = reader.read(image[None])
        change = smallest_change(weights, image)
        assert change.exact
        assert change.answer == before.digits[0]
        assert change.before == pytest.approx(image / 255)
        assert 0 <= change.after.min() <= change.after.max() <= 1
        scores = weights.theta[:, 1:] @ change.after.ravel() + weights.theta[:, 0]
        if weights.binary:
            assert (scores[0] > 0) == (change.other == weights.classes[1])
        else:
            assert weights.classes[scores.argmax()] == change.other != change.answer


def test_the_smallest_change_is_the_closed_form_where_the_ink_allows_it():
    """Half-grey picture, gentle theta: no bound is touched, and -w (w.x + b) / |w|^2 is it."""
    rng = np.random.default_rng(0)
    theta = np.hstack([[[-1.0]], rng.normal(0, 0.1, (1, 784))])
    weights = Weights(theta, np.array([0, 1]))
    image = np.full((28, 28), 128, np.uint8)
    change = smallest_change(weights, image)
    b, w = theta[0, 0], theta[0, 1:]
    score = w @ (image.ravel() / 255) + b
    closed = -w * score / (w @ w)
    assert (change.after - change.before).ravel() == pytest.approx(closed, abs=0.02)
    assert change.size == pytest.approx(abs(score) / np.linalg.norm(w), rel=0.05)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_no_point_of_the_box_beyond_the_plane_is_nearer(seed):
    """Checked against random points of the half-space, as the projection's definition has it."""
    rng = np.random.default_rng(seed)
    x, w = rng.uniform(size=6), rng.normal(size=6)
    b = -rng.uniform(0, 0.9) * w.clip(0).sum()
    if w.clip(0).sum() + b <= 0.06:
        return
    found = _onto_plane(x, w, b)
    assert w @ found + b >= 0.05 - 1e-9
    others = rng.uniform(size=(2000, 6))
    others = others[others @ w + b >= 0.05]
    # The vertex that the plane's far side surely holds is one of them.
    others = np.vstack([others, w > 0])
    assert np.linalg.norm(found - x) <= np.linalg.norm(others - x, axis=1).min() + 1e-9


def test_a_change_towards_a_chosen_digit(test_set):
    weights = shipped("pixels")
    image = test_set.images[0]
    nearest = smallest_change(weights, image)
    chosen = smallest_change(weights, image, other=0)
    assert chosen.other == 0
    assert chosen.size >= nearest.size
    scores = Reader(weights).read(np.round(255 * chosen.after).astype(np.uint8)[None]).scores[0]
    assert scores[0] > scores[7]
    with pytest.raises(UserError, match="reads 7 already"):
        smallest_change(weights, image, other=7)


def test_a_change_of_strokes_is_found_and_small(test_set):
    weights = shipped("strokes")
    image = test_set.images[2]
    change = smallest_change(weights, image)
    assert not change.exact
    after = np.round(255 * change.after).astype(np.uint8)
    assert Reader(weights).read(after[None]).digits[0] == change.other != change.answer
    assert change.size < np.linalg.norm(change.before) / 2


def test_a_model_that_nothing_could_change_says_so():
    theta = np.zeros((1, 785))
    theta[0, 0] = 1
    with pytest.raises(UserError, match="No picture"):
        smallest_change(Weights(theta, np.array([REST, 5])), np.zeros((28, 28), np.uint8))


def test_every_feature_map_can_be_explained():
    """A new map in FEATURES needs a place on the picture."""
    assert set(FEATURES) == {*PICTURES, "strokes"}


def test_the_sum_in_words_is_the_score():
    found = Evidence(-1.25, np.array([3.0, -0.5, 2.0]), np.zeros((28, 28)))
    assert sum_in_words(found) == "bias −1.25 + for 5.00 − against 0.50 = **+3.25**"


def _section(name, image):
    from lrcore.weights import WEIGHTS_FOLDER, load_weights
    from ui.evidence import evidence_section

    evidence_section(load_weights(WEIGHTS_FOLDER / f"{name}.npz"), image)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_section_shows_the_evidence_for_the_answer(name, test_set):
    from streamlit.testing.v1 import AppTest

    image = test_set.images[3]
    app = AppTest.from_function(_section, kwargs={"name": name, "image": image}, default_timeout=60)
    app.run()
    assert not app.exception
    found = explain(shipped(name), image, 0)
    assert sum_in_words(found) in [text.value for text in app.markdown]
    alts = [chart.proto.alt for chart in app.get("vega_lite_chart")]
    assert any(alt.startswith("Evidence on the drawing for 0") for alt in alts)
    if name == "pixels":
        app.selectbox(key="evidence_against").set_value(6).run()
        found = explain(shipped(name), image, 0, against=6)
        assert sum_in_words(found) in [text.value for text in app.markdown]
        assert any("overtake 0" in text.value for text in app.caption)
