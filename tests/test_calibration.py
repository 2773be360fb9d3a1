"""Calibrated probabilities, and answers that say that they are unsure."""

import numpy as np
import pytest

from lrcore import calibration_fit
from lrcore.calibration import Calibration, leads
from lrcore.calibration_fit import fit, half_drawn
from lrcore.data import load_dataset
from lrcore.errors import UserError
from lrcore.metrics import reliability
from lrcore.reading import Reader
from lrcore.styles import STYLES, make_digits, make_letters, make_scribbles
from lrcore.weights import DEFAULT, WEIGHTS_FOLDER, load_weights

pytestmark = pytest.mark.numeric

K, D = 3, 8


def world(n, rng, sharp=3.0):
    """Three clouds of points, decision values that are `sharp` times too sure, and labels."""
    labels = rng.integers(K, size=n)
    features = rng.normal(0, 1, (n, D)).astype(np.float32)
    features[np.arange(n), labels] += 4
    logits = 1.5 * (2 * features[:, :K] - 4)
    # The labels are drawn anew from what the model believes, so the truth is known.
    chance = 1 / (1 + np.exp(-logits))
    labels = (rng.random((n, 1)) < np.cumsum(chance / chance.sum(1, keepdims=True), 1)).argmax(1)
    return features, sharp * logits.astype(np.float32), labels


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    features, decision, labels = world(4000, rng)
    strange = rng.normal(0, 6, (500, D)).astype(np.float32)
    strange_decision = 4.5 * (2 * strange[:, :K] - 4)
    return fit(features, decision, labels, strange, strange_decision)


def test_probabilities_become_honest(fitted):
    """Models that are three times too sure: the log loss falls, the mean is the class's share."""
    _, decision, labels = world(20000, np.random.default_rng(1))
    targets = labels[:, None] == np.arange(K)

    def log_loss(p):
        p = np.clip(p, 1e-6, 1 - 1e-6)
        return -np.where(targets, np.log(p), np.log(1 - p)).mean(0)

    probabilities = fitted.probabilities(decision)
    assert (log_loss(probabilities) < 0.7 * log_loss(1 / (1 + np.exp(-decision)))).all()
    np.testing.assert_allclose(probabilities.mean(0), targets.mean(0), atol=0.02)


def test_probabilities_rise_with_the_decision(fitted):
    p = fitted.probabilities(np.linspace(-900, 900, 50)[:, None] * np.ones(K))
    assert np.isfinite(p).all()
    assert (np.diff(p, axis=0) >= 0).all()
    assert (fitted.slope > 0).all()


def test_an_answer_is_right_as_often_as_its_probability_says(fitted):
    """Also where two classes are equally likely, of which neither's own model knows."""
    _, decision, labels = world(20000, np.random.default_rng(5))
    scores = fitted.scores(decision)
    said, right = fitted.answer_probability(scores), scores.argmax(1) == labels
    assert reliability(said, right)[1] < 0.02
    assert reliability(fitted.probabilities(decision).max(1), right)[1] > 0.03
    torn = np.array([[6.0, 6.0, -6.0], [6.0, -6.0, -6.0]])
    assert fitted.answer_probability(torn)[0] < 0.6 < fitted.answer_probability(torn)[1]


def test_leads_are_the_best_score_and_the_logit_of_softmax():
    scores = np.random.default_rng(6).normal(0, 3, (50, K))
    softmax = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    p = softmax.max(1)
    expected = np.column_stack([scores.max(1), np.log(p / (1 - p))])
    np.testing.assert_allclose(leads(scores), expected, rtol=1e-9)


def test_what_is_unlike_all_classes_is_unsure(fitted):
    rng = np.random.default_rng(2)
    features, decision, _ = world(2000, rng)
    yes = fitted.answer_probability(fitted.scores(decision)) >= 0.5
    sure = fitted.sure(features, decision)
    assert sure[yes].mean() > 0.97
    assert not sure[~yes].any()
    strange = rng.normal(0, 6, (2000, D)).astype(np.float32)
    sure = fitted.sure(strange, 4.5 * (2 * strange[:, :K] - 4))
    assert sure.mean() < 0.2


def test_distance_is_about_one_for_what_was_fitted_and_grows_away(fitted):
    features, _, _ = world(2000, np.random.default_rng(3))
    answers = features[:, :K].argmax(1)
    assert 0.5 < fitted.distance(features, answers).mean() < 1.5
    assert fitted.distance(features + 10, answers).min() > 5


def test_arrays_make_the_same_calibration_again(fitted):
    features, decision, _ = world(300, np.random.default_rng(4))
    again = Calibration.from_arrays(fitted.arrays(), np.zeros((K, 1 + D)))
    np.testing.assert_array_equal(again.probabilities(decision), fitted.probabilities(decision))
    np.testing.assert_array_equal(again.sure(features, decision), fitted.sure(features, decision))


def test_files_from_before_answers_had_a_probability_are_read_as_ever(test_set):
    """The answer's own probability stands for it, and two scores tell whether it is sure."""
    weights = load_weights(WEIGHTS_FOLDER / "strokes-mnist.npz")
    calibration = weights.calibration
    assert calibration.answer_weights is None
    assert calibration.trust_weights.shape == (6,)
    readings = Reader(weights).read(test_set.images[:500])
    np.testing.assert_array_equal(readings.answer_probability, readings.probabilities.max(1))
    assert readings.sure.mean() > 0.97
    again = Calibration.from_arrays(calibration.arrays(), weights.theta)
    assert again.answer_weights is None


def test_files_keep_their_keys_whatever_the_code_calls_them():
    with np.load(DEFAULT) as stored:
        keys = {key for key in stored.files if key.startswith("calibration_")}
        calibration = load_weights(DEFAULT).calibration
        assert keys == {f"calibration_{key}" for key in calibration.arrays()}
        for key, value in calibration.arrays().items():
            np.testing.assert_array_equal(stored[f"calibration_{key}"], value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slope", None),
        ("centres", np.zeros((K, D + 1))),
        ("floor", np.array(np.nan)),
        ("trust", np.zeros(5, int)),
        ("spread", np.zeros(D)),
        ("basis", np.zeros(D)),
        ("answer", np.zeros(2)),
        ("answer", np.full(3, np.inf)),
    ],
)
def test_damaged_arrays_are_named(fitted, name, value):
    arrays = fitted.arrays() | {name: value}
    if value is None:
        del arrays[name]
    with pytest.raises(UserError, match=name if name != "basis" else "basis|spread"):
        Calibration.from_arrays(arrays, np.zeros((K, 1 + D)))


def test_the_shipped_weights_doubt_what_is_no_digit_and_little_else():
    """Of 1,000 scribbles, letters and blanks at most 5 % get a confident digit; of the test
    digits at most 2 % lose theirs."""
    reader = Reader(load_weights(DEFAULT))
    rng = np.random.default_rng(2024)
    blank = np.zeros((100, 28, 28), np.uint8)
    strange = np.concatenate([make_scribbles(450, rng), make_letters(450, rng), blank])
    assert reader.read(strange).sure.mean() <= 0.05
    readings = reader.read(load_dataset(part="test").images)
    assert readings.sure.mean() >= 0.98


def test_the_shipped_answers_are_right_as_often_as_they_say():
    """On average within 0.004, and within 0.1 for any probability that 30 answers had."""
    test = load_dataset(part="test")
    readings = Reader(load_weights(DEFAULT)).read(test.images)
    for bins in (10, 15):
        right = readings.digits == test.labels
        table, error = reliability(readings.answer_probability, right, bins)
        assert error < 0.004
        said, held, _ = table[table[:, 2] >= 30].T
        assert np.abs(said - held).max() < 0.1
        assert len(said) > 1


def test_the_shipped_answers_to_other_hands_are_right_as_often_as_they_say():
    """Digits drawn anew in every style, most of them 0.99 sure: on average within 0.01."""
    drawn = make_digits(20, np.random.default_rng(77))
    readings = Reader(load_weights(DEFAULT)).read(drawn.images)
    _, error = reliability(readings.answer_probability, readings.digits == drawn.labels)
    assert error < 0.01


def test_digits_drawn_by_rule_weigh_as_much_as_peoples_where_answers_are_learned(monkeypatch):
    monkeypatch.setattr(calibration_fit, "ANSWERED", 2)
    weights = load_weights(WEIGHTS_FOLDER / "pixels.npz")
    decision, labels = np.zeros((30, 10), np.float32), np.repeat(np.arange(10), 3)
    answered = half_drawn(weights, decision, labels, np.random.default_rng(0))
    assert len(answered.labels) == len(answered.decision) == 30 + 2 * len(STYLES)
    assert answered.shares[:30].sum() == pytest.approx(0.5)
    assert answered.shares.sum() == pytest.approx(1)


def test_who_is_wrong_oftener_weighs_less_where_shares_say_so():
    """Two crowds of the same scores, one of which is never right."""
    rng = np.random.default_rng(8)
    features, decision, labels = world(1000, rng)
    strange = rng.normal(0, 6, (200, D)).astype(np.float32)
    wrong = (labels + 1) % K
    both = np.concatenate([decision, decision]), np.concatenate([decision.argmax(1), wrong])
    said = []
    for share in (0.1, 0.9):
        shares = np.repeat([(1 - share) / 1000, share / 1000], 1000)
        answered = calibration_fit.Answered(*both, shares)
        strange_decision = 4.5 * (2 * strange[:, :K] - 4)
        found = fit(features, decision, labels, strange, strange_decision, answered=answered)
        said.append(found.answer_probability(found.scores(decision)).mean())
    assert said[0] > said[1] + 0.3


def test_reliability_on_a_case_counted_by_hand():
    said, right = np.array([0.9, 0.9, 0.6, 0.95]), np.array([True, False, True, True])
    table, error = reliability(said, right, bins=2)
    # All four answers are in the upper bin: said 0.8375 on average, right in 3 of 4.
    assert table[1] == pytest.approx([0.8375, 0.75, 4])
    assert np.isnan(table[0, 0])
    assert error == pytest.approx(0.0875)
