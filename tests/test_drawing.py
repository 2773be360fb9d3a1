"""From strokes to the digit that the model sees."""

import numpy as np
import pytest

from lrcore import drawing

SEVEN = [np.array([[100, 60], [200, 60], [130, 240]], float)]


@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (0.1, 3), (3, 500)])
def test_place_and_size_do_not_matter(scale, shift):
    moved = [stroke * scale + shift for stroke in SEVEN]
    np.testing.assert_array_equal(drawing.to_digit(moved), drawing.to_digit(SEVEN))


def test_a_digit_fills_the_box_of_20_with_the_pen_of_mnist():
    digit = drawing.to_digit(SEVEN)
    assert digit.shape == (28, 28)
    rows = np.flatnonzero(digit.max(1) > 40)
    assert rows[-1] - rows[0] + 1 == 20
    bar = digit[: rows[0] + 3].max(0) > 128
    thickness = digit[:, np.flatnonzero(bar)[2]].sum() / 255
    assert abs(thickness - drawing.PEN) < 0.5


def test_naive_shrinks_the_canvas_as_it_is():
    small = drawing.naive(SEVEN, 280, 280, pen=20)
    rows, columns = np.nonzero(small > 128)
    assert abs(rows.min() - 5) <= 1
    assert abs(rows.max() - 24) <= 1
    assert abs(columns.max() - 20) <= 1


@pytest.mark.parametrize(
    "strokes",
    [[], [np.empty((0, 2))], [np.array([[5.0, 5.0]])], [np.full((2, 2), 7.0)]],
)
def test_nothing_and_a_tap_do_not_crash(strokes):
    digit = drawing.to_digit(strokes)
    assert digit.shape == (28, 28)
    assert digit.any() == bool(strokes and len(strokes[0]))
    assert drawing.naive(strokes, 280, 280, 12).shape == (28, 28)
    assert drawing.drawing_steps(strokes, 280, 280, 12)[-1][1].shape == (28, 28)


def test_the_film_ends_with_what_the_model_sees():
    film = drawing.drawing_steps(SEVEN, 280, 280, 12)
    assert len(film) == 4
    assert all(picture.dtype == np.uint8 and picture.any() for _, picture in film)
    np.testing.assert_array_equal(film[-1][1], drawing.to_digit(SEVEN))
