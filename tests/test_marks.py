"""Bars, slashes and dots: said to be no more than that, and what they could be."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lrcore.drawing import PEN, to_digit
from lrcore.marks import COULD_BE, UNUSUAL, marks
from lrcore.reading import Reader
from lrcore.segment import find_digits
from lrcore.weights import DEFAULT, WEIGHTS_FOLDER, load_weights
from ui.answers import beside_the_digit, verdict


def bar(lean, wobble=0.0, seed=0, pen=PEN):
    """A line that leans so many degrees to the right, 200 long; by a hand that is a little off."""
    a = np.radians(lean)
    end = 100 * np.array([np.sin(a), -np.cos(a)])
    off = np.random.default_rng(seed).normal(0, wobble, (9, 2)) if wobble else 0
    return to_digit([np.linspace(-end, end, 9) + off], pen)


DOT = to_digit([np.array([[5.0, 5.0]])])
STAR = [((33, 33), (297, 297)), ((297, 33), (33, 297)), ((16, 165), (314, 165))]


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
    (found,) = marks(bar(lean, wobble)[None])
    assert found.removeprefix("ruled ") == kind


@pytest.mark.parametrize("pen", [1.5, 2, 2.4, 3, 3.5])
def test_an_even_bar_is_ruled_whichever_way_it_leans_and_however_thick(pen):
    bars = np.stack([bar(lean, pen=pen) for lean in range(-45, 46, 5)])
    assert (marks(bars) == "ruled bar").all()


def test_a_bar_by_an_unsteady_hand_is_not_ruled():
    """One that bends, and one whose pen was pressed at its upper end."""
    bent = to_digit([np.array([[0.0, 0], [6, 50], [0, 100]])])
    pressed = np.zeros((28, 28), np.uint8)
    pressed[4:24, 13:15] = 255
    pressed[4:9, 12] = 160
    np.testing.assert_array_equal(marks(np.stack([bent, pressed])), ["bar", "bar"])


def a_bar_on(medium):
    """An upright bar, as drawn, photographed or put into an array; 28x28."""
    if medium == "canvas":
        return to_digit([np.array([[140.0, 50], [141, 130], [140, 230]])])
    if medium == "paper":
        paper = Image.new("L", (300, 400), 245)
        ImageDraw.Draw(paper).line([(160, 90), (150, 310)], fill=30, width=16)
        (found,) = find_digits(paper)
        return found.image
    array = np.zeros((28, 28), np.uint8)
    array[4:24, 12:15] = 255
    return array


@pytest.mark.parametrize("medium", ["canvas", "paper", "array"])
def test_a_clean_bar_is_unsure_and_the_answer_says_what_it_could_be(default, medium):
    readings = Reader(default).read(a_bar_on(medium)[None])
    assert not readings.sure.any()
    words = "There is nothing but a bar: a 1, or a 7 without its hat."
    assert verdict(default, readings) == f"Unsure. {words}"


def test_dots_are_known_and_blank_paper_is_no_mark():
    thick = to_digit([np.random.default_rng(0).normal(0, 1, (40, 2))], pen=10)
    np.testing.assert_array_equal(marks(np.stack([DOT, thick])), ["dot", "dot"])
    assert marks(np.zeros((1, 28, 28), np.uint8)) == [""]
    assert marks(np.zeros((0, 28, 28), np.uint8)).shape == (0,)


def test_no_digit_of_mnist_is_a_mark_but_ones_are_bars(test_set):
    found = marks(test_set.images)
    assert not np.isin(found, [kind for kind in UNUSUAL if kind != "ruled bar"]).any()
    assert (found[test_set.labels != 1] == "").all()
    assert (found[test_set.labels == 1] == "bar").mean() > 0.5
    # Each of these is a 1 that loses its answer.
    assert (found == "ruled bar").mean() < 0.005


def test_slashes_and_dots_are_unsure_and_the_answer_says_what_they_could_be(default):
    readings = Reader(default).read(np.stack([bar(10), bar(58), bar(90), DOT]))
    assert not readings.sure.any()
    for at, kind in enumerate(UNUSUAL):
        assert verdict(default, readings, at).startswith("Unsure")
        assert COULD_BE[kind] in verdict(default, readings, at)


def test_a_bar_by_hand_is_the_one_of_mnist_and_a_seven_without_its_hat(default, test_set):
    ones = test_set.images[test_set.labels == 1]
    readings = Reader(default).read(ones[marks(ones) == "bar"][:1])
    assert readings.digits == [1]
    assert readings.sure.all()
    assert "It reads 1" in verdict(default, readings)
    assert "a 1, or a 7 without its hat" in verdict(default, readings)


def test_a_digit_is_no_mark_and_a_model_of_two_knows_none(default, test_set):
    readings = Reader(default).read(test_set.images[:1])
    assert readings.mark == [""]
    said = readings.answer_probability[0]
    assert verdict(default, readings) == f"It reads 7 ({said:.2f})."
    binary = load_weights(WEIGHTS_FOLDER / "zero-or-one.npz")
    assert Reader(binary).read(bar(10)[None]).mark == [""]


def test_who_doubts_that_it_is_a_digit_does_not_say_how_often_it_is_right(default):
    # A star of three strokes: near to a 4, and to no digit.
    star = to_digit([np.linspace(*ends, 30) for ends in STAR])
    readings = Reader(default).read(star[None])
    assert not readings.sure[0]
    assert readings.answer_probability[0] > 0.8
    words = verdict(default, readings)
    assert words.startswith("Unsure: 4 fits best, but this is not quite like the digits")
    assert "(" not in words


def test_the_number_beside_the_digit_is_told_from_the_ten(default):
    assert "ten together" in beside_the_digit(default)
    plain = load_weights(WEIGHTS_FOLDER / "pixels.npz")
    assert "longest bar" in beside_the_digit(plain)
