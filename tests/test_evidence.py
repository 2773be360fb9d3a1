"""A score taken apart, and the smallest change that turns an answer."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from lrcore import features
from lrcore.calibration import Calibration
from lrcore.errors import UserError
from lrcore.evidence import (
    PICTURES,
    Evidence,
    _onto_plane,
    explain,
    smallest_change,
    stroke_layout,
)
from lrcore.features import FEATURES, extract
from lrcore.logistic import sigmoid
from lrcore.reading import Reader
from lrcore.weights import REST, WEIGHTS_FOLDER, Weights, columns, list_weights, load_weights
from tests.tolerances import same_probabilities, same_scores
from ui.evidence import sum_in_words

pytestmark = pytest.mark.numeric

SHIPPED = list(list_weights()[0])


def shipped(name):
    return load_weights(WEIGHTS_FOLDER / f"{name}.npz")


@pytest.fixture(scope="module")
def by_strokes(train_set):
    """A model that compares with the mean of each digit's strokes: linear, and quickly made."""
    X = extract("strokes", train_set.images[:1000])
    means = np.stack([X[train_set.labels[:1000] == digit].mean(axis=0) for digit in range(10)])
    theta = np.hstack([-(means**2).sum(axis=1, keepdims=True) / 2, means]) * 20
    return Weights(theta, np.arange(10), "strokes", name="means")


@pytest.fixture(scope="module")
def calibrated_strokes(by_strokes):
    columns = by_strokes.theta.shape[1] - 1
    calibration = Calibration(
        slope=np.linspace(0.5, 1.5, 10),
        offset=np.linspace(1, -1, 10),
        centres=np.zeros((10, columns)),
        basis=np.eye(1, columns),
        variances=np.ones(2),
        shape_weights=np.zeros(1 + columns),
        trust_weights=np.zeros(6),
        threshold=np.array(0.0),
    )
    return Weights(by_strokes.theta, by_strokes.classes, "strokes", {}, calibration)


def adds_up(weights, images):
    """The parts add up to what the sigmoid takes for the probability of the reading."""
    readings = Reader(weights).read(images)
    for image in images:
        found = [explain(weights, image, digit) for digit in weights.classes]
        assert [one.score for one in found] == [one.bias + one.parts.sum() for one in found]
        row = Reader(weights).read(image[None]).probabilities[0]
        same_probabilities(sigmoid(np.array([one.score for one in found])), row)
    return readings


@pytest.mark.parametrize("name", SHIPPED)
def test_evidence_adds_up_to_the_score_of_the_reading(name, test_set):
    weights = shipped(name)
    images = test_set.images[:20]
    readings = adds_up(weights, images)
    same_scores(explain(weights, images[3], weights.classes[-1]).score, readings.scores[3, -1])


def test_evidence_of_strokes_adds_up(by_strokes, test_set):
    adds_up(by_strokes, test_set.images[:20])


def test_evidence_of_calibrated_scores_adds_up(calibrated_strokes, test_set):
    readings = adds_up(calibrated_strokes, test_set.images[:20])
    decision = calibrated_strokes.decision_function(extract("strokes", test_set.images[:20]))
    assert readings.probabilities != pytest.approx(sigmoid(decision), abs=0.01)


def test_the_sum_explains_the_probability(test_set):
    weights = shipped("pixels")
    image = test_set.images[4]
    readings = Reader(weights).read(image[None])
    found = explain(weights, image, 4)
    same_probabilities(sigmoid(found.score), readings.probabilities[0, 4])


def test_evidence_for_one_digit_rather_than_another(test_set):
    weights = shipped("pixels")
    image = test_set.images[0]
    seven, one = explain(weights, image, 7), explain(weights, image, 1)
    both = explain(weights, image, 7, against=1)
    same_scores(both.parts, seven.parts - one.parts)
    same_scores(both.score, seven.score - one.score)
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


def test_evidence_lies_on_the_picture_that_theta_reads(by_strokes, test_set):
    image = test_set.images[0]
    assert explain(shipped("pixels"), image, 7).picture == pytest.approx(image / 255)
    straight = Weights(np.zeros((10, 785)), np.arange(10), "straightened")
    assert explain(straight, image, 7).picture.ravel() == pytest.approx(
        extract("straightened", image[None])[0]
    )
    picture = explain(by_strokes, image, 7).picture
    assert picture.shape[0] == picture.shape[1]
    assert 0.9 < picture.max() <= 1


def test_an_unknown_digit_is_named():
    with pytest.raises(UserError, match="does not know the digit 5"):
        explain(shipped("zero-or-one"), np.zeros((28, 28), np.uint8), 5)


def test_layout_fits_the_features():
    at = stroke_layout()
    for array in (at.edges, at.x, at.y, at.reach, at.angle):
        assert array.shape == (columns("strokes"),)
    assert (at.x - at.reach).min() == pytest.approx(0)
    assert (at.y + at.reach).max() == pytest.approx(28)


def ring(left, top, right, bottom):
    """A picture of a box drawn with a pen."""
    picture = np.zeros((28, 28), np.uint8)
    picture[top:bottom, left:right] = 255
    picture[top + 3 : bottom - 3, left + 3 : right - 3] = 0
    return picture


@pytest.mark.parametrize(
    ("towards", "sides"),
    [
        (np.pi / 4, (np.s_[8:11, 8:20], np.s_[8:20, 8:11])),
        (3 * np.pi / 4, (np.s_[8:11, 8:20], np.s_[8:20, 17:20])),
        (5 * np.pi / 4, (np.s_[17:20, 8:20], np.s_[8:20, 17:20])),
        (7 * np.pi / 4, (np.s_[17:20, 8:20], np.s_[8:20, 8:11])),
    ],
)
def test_corners_open_where_the_layout_says(towards, sides):
    """Of two strokes that meet, the corner opens away from both; clockwise from the right."""
    angle = np.zeros((28, 28), np.uint8)
    for side in sides:
        angle[side] = 255
    # As `strokes` sees it but not straightened, which would shear a corner.
    seen = features._openings(angle[None] / np.float32(255))[0, :, 11:17, 11:17].mean((1, 2))
    at = stroke_layout()
    opens = at.angle[~at.edges].reshape(len(seen), -1)[:, 0]
    assert opens[seen.argmax()] == pytest.approx(towards)


@pytest.mark.parametrize(
    ("towards", "gap"),
    [
        (0, np.s_[10:18, 17:20]),
        (np.pi / 2, np.s_[17:20, 10:18]),
        (np.pi, np.s_[10:18, 8:11]),
        (3 * np.pi / 2, np.s_[8:11, 10:18]),
    ],
)
def test_bays_open_where_the_layout_says(towards, gap):
    box = ring(8, 8, 20, 20)
    box[gap] = 0
    x = extract("strokes", box[None])[0]
    at = stroke_layout()
    strongest = np.where(at.edges | np.isnan(at.angle), -1, x).argmax()
    assert at.angle[strongest] == pytest.approx(towards)


def test_a_closed_ring_has_a_hole_in_its_middle():
    x = extract("strokes", ring(8, 8, 20, 20)[None])[0]
    at = stroke_layout()
    strongest = np.where(at.edges, -1, x).argmax()
    assert np.isnan(at.angle[strongest])
    assert (at.x[strongest], at.y[strongest]) == pytest.approx((14, 14))


def test_edges_have_their_ink_where_the_layout_says():
    """Of a bar, edges with the ink to the right lie left of the others, and so on round."""
    at = stroke_layout()
    for picture, place, towards in [
        (ring(6, 6, 22, 22), at.x, at.angle == 0),
        (ring(6, 6, 22, 22), at.y, np.isclose(at.angle, np.pi / 2)),
    ]:
        x = extract("strokes", picture[None])[0]
        outside = np.abs(place - 14) > 5
        chosen = at.edges & towards & outside
        opposite = at.edges & np.isclose(at.angle, at.angle[towards][0] + np.pi) & outside
        assert np.average(place[chosen], weights=x[chosen] ** 2) < 14
        assert np.average(place[opposite], weights=x[opposite] ** 2) > 14


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
        theta = weights.calibrated_theta()
        scores = theta[:, 1:] @ change.after.ravel() + theta[:, 0]
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


def test_a_change_of_strokes_is_found_and_small(by_strokes, test_set):
    weights = by_strokes
    image = test_set.images[2]
    change = smallest_change(weights, image)
    assert not change.exact
    np.testing.assert_array_equal(change.before, image / 255)
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


@pytest.mark.parametrize("seed", range(20))
def test_the_numbers_of_the_sum_add_up_as_they_stand(seed):
    bias, *parts = np.random.default_rng(seed).normal(0, 3, 41)
    found = Evidence(bias, np.array(parts), np.zeros((28, 28)))
    numbers = re.fullmatch(
        r"bias (\S+) \+ for (\S+) − against (\S+) = \*\*(\S+)\*\*", sum_in_words(found)
    )
    said = [float(number.replace("−", "-")) for number in numbers.groups()]
    assert round(said[0] + said[1] - said[2], 2) == said[3]
    exact = [bias, sum(x for x in parts if x > 0), -sum(x for x in parts if x < 0), found.score]
    assert np.abs(np.subtract(said, exact)).max() < 0.01


def _section(weights, image):
    from ui.evidence import evidence_section

    evidence_section(weights, image)


def open_section(weights, image):
    arguments = {"weights": weights, "image": image}
    app = AppTest.from_function(_section, kwargs=arguments, default_timeout=60).run()
    assert not app.exception
    return app


def charts(app):
    return [chart.proto.alt for chart in app.get("vega_lite_chart")]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_section_shows_the_evidence_for_the_answer(name, test_set):
    image = test_set.images[3]
    app = open_section(shipped(name), image)
    found = explain(shipped(name), image, 0)
    assert sum_in_words(found) in [text.value for text in app.markdown]
    assert any(alt.startswith("Evidence on the drawing for 0") for alt in charts(app))


def test_the_section_tells_one_digit_from_another_and_changes_the_mind(test_set):
    image = test_set.images[3]
    app = open_section(shipped("pixels"), image)
    app.selectbox(key="evidence-against-evidence").set_value(6).run()
    found = explain(shipped("pixels"), image, 0, against=6)
    assert sum_in_words(found) in [text.value for text in app.markdown]
    assert any("overtake 0" in text.value for text in app.caption)


def test_the_section_shows_edges_and_openings(by_strokes, test_set):
    app = open_section(by_strokes, test_set.images[3])
    for part in ("edges", "openings"):
        assert any(alt.startswith(f"Evidence on the drawing for 0, {part}") for alt in charts(app))
    app.toggle(key="evidence-search-evidence").set_value(True).run()
    assert not app.exception
    assert any("A small change that lets" in text.value for text in app.caption)
