"""Bars, slashes and dots: said to be no more than that, and what they could be."""

import numpy as np
import pytest

from lrcore.drawing import to_digit
from lrcore.marks import COULD_BE, UNUSUAL, marks
from lrcore.reading import Reader
from lrcore.weights import DEFAULT, WEIGHTS_FOLDER, load_weights
from ui.answers import beside_the_digit, verdict


def bar(lean, wobble=0.0, seed=0):
    """A line that leans so many degrees to the right, 200 long; by a hand that is a little off."""
    a = np.radians(lean)
    end = 100 * np.array([np.sin(a), -np.cos(a)])
    off = np.random.default_rng(seed).normal(0, wobble, (9, 2)) if wobble else 0
    return to_digit([np.linspace(-end, end, 9) + off])


DOT = to_digit([np.array([[5.0, 5.0]])])


@pytest.fixture(scope="module")
def default():
    return load_weights(DEFAULT)


@pytest.mark.parametrize("wobble", [0, 1, 2])
@pytest.mark.parametrize(
    ("lean", "kind"),
    [
        *[(lean, "bar") for lean in (-40, -20, 0, 15, 30, 40)],
        *[(lean, "slash") for lean in (-62, -55, 52, 58, 64)],
        *[(lean, "level bar") for lean in (-80, 80, 88, 90, 100)],
    ],
)
def test_lines_are_known_whichever_way_they_lean(lean, kind, wobble):
    assert marks(bar(lean, wobble)[None]) == [kind]


def test_dots_are_known_and_blank_paper_is_no_mark():
    thick = to_digit([np.random.default_rng(0).normal(0, 1, (40, 2))], pen=10)
    np.testing.assert_array_equal(marks(np.stack([DOT, thick])), ["dot", "dot"])
    assert marks(np.zeros((1, 28, 28), np.uint8)) == [""]
    assert marks(np.zeros((0, 28, 28), np.uint8)).shape == (0,)


def test_no_digit_of_mnist_is_a_mark_but_ones_are_bars(test_set):
    found = marks(test_set.images)
    assert not np.isin(found, UNUSUAL).any()
    assert (found[test_set.labels != 1] == "").all()
    assert (found[test_set.labels == 1] == "bar").mean() > 0.5


def test_slashes_and_dots_are_unsure_and_the_answer_says_what_they_could_be(default):
    readings = Reader(default).read(np.stack([bar(58), bar(90), DOT]))
    assert not readings.sure.any()
    for at, kind in enumerate(UNUSUAL):
        assert verdict(default, readings, at).startswith("Unsure")
        assert COULD_BE[kind] in verdict(default, readings, at)


def test_a_bar_is_the_one_of_mnist_and_a_seven_without_its_hat(default):
    readings = Reader(default).read(bar(10)[None])
    assert readings.digits == [1]
    assert "a 1, or a 7 without its hat" in verdict(default, readings)


def test_a_digit_is_no_mark_and_a_model_of_two_knows_none(default, test_set):
    readings = Reader(default).read(test_set.images[:1])
    assert readings.mark == [""]
    said = readings.answer_probability[0]
    assert verdict(default, readings) == f"It reads 7 ({said:.2f})."
    binary = load_weights(WEIGHTS_FOLDER / "zero-or-one.npz")
    assert Reader(binary).read(bar(10)[None]).mark == [""]


def test_the_number_beside_the_digit_is_told_from_the_ten(default):
    assert "ten together" in beside_the_digit(default)
    plain = load_weights(WEIGHTS_FOLDER / "pixels.npz")
    assert "longest bar" in beside_the_digit(plain)
