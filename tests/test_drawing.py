"""From the canvas' record of what was drawn to the digit that the model sees."""

import numpy as np
import pytest

from lrcore import drawing

SEVEN = [np.array([[100, 60], [200, 60], [130, 240]], float)]
WHITE = "#ffffff"


def path(commands, stroke="#000000", wide=12, **more):
    """A free-hand path as Fabric.js records it: placed by its top left corner, pen included."""
    points = np.array([number[-2:] for number in commands], float)
    low, size = points.min(0), np.ptp(points, axis=0)
    return {
        "type": "Path",
        "path": commands,
        "stroke": stroke,
        "strokeWidth": wide,
        "originX": "left",
        "originY": "top",
        "left": low[0] - wide / 2,
        "top": low[1] - wide / 2,
        "width": size[0],
        "height": size[1],
        "scaleX": 1,
        "scaleY": 1,
        **more,
    }


def line(*points, **more):
    return path([["M" if i == 0 else "L", *p] for i, p in enumerate(points)], **more)


def canvas(*objects):
    return {"version": "7.4.0", "objects": list(objects), "background": WHITE}


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
    assert drawing.film(strokes, 280, 280, 12)[-1][1].shape == (28, 28)


def test_the_film_ends_with_what_the_model_sees():
    film = drawing.film(SEVEN, 280, 280, 12)
    assert len(film) == 4
    assert all(picture.dtype == np.uint8 and picture.any() for _, picture in film)
    np.testing.assert_array_equal(film[-1][1], drawing.to_digit(SEVEN))


def test_strokes_are_read_from_curves_and_lines():
    curve = path([["M", 10, 10], ["Q", 20, 10, 20, 20], ["L", 20, 40]])
    (stroke,) = drawing.strokes_from_canvas(canvas(curve))
    np.testing.assert_allclose(stroke[0], [10, 10])
    np.testing.assert_allclose(stroke[-1], [20, 40])
    # Half-way, a quadratic Bezier curve is a quarter of each end and half of its control point.
    middle = [17.5, 12.5]
    assert np.linalg.norm(stroke - middle, axis=1).min() < 1e-6


def test_a_tap_is_a_dot_not_a_bar():
    tap = path([["M", 199.988, 200], ["L", 200.012, 200]])
    (stroke,) = drawing.strokes_from_canvas(canvas(tap))
    assert stroke.shape == (1, 2)
    rows, columns = np.nonzero(drawing.to_digit([stroke]))
    assert np.ptp(rows) == np.ptp(columns)


def test_an_empty_canvas_has_no_strokes():
    assert drawing.strokes_from_canvas(None) == []
    assert drawing.strokes_from_canvas(canvas()) == []
    assert drawing.strokes_from_canvas(canvas({"type": "Rect"}, line((5, 5)))) != []


@pytest.mark.parametrize("origin", ["left", "center"])
def test_a_moved_and_scaled_path_lies_where_it_is_seen(origin):
    thing = line((10, 10), (30, 50), wide=4, scaleX=2, scaleY=0.5, angle=90)
    # Fabric turns a path about its origin: (x, y) from there goes to (-y, x).
    thing |= {"originX": origin, "originY": origin, "left": 100, "top": 100}
    (stroke,) = drawing.strokes_from_canvas(canvas(thing))
    corner = np.array([[4, 1], [44, 21]]) if origin == "left" else np.array([[-20, -10], [20, 10]])
    expected = 100 + np.column_stack([-corner[:, 1], corner[:, 0]])
    np.testing.assert_allclose(stroke, expected)


def test_the_eraser_rubs_out_what_lies_under_it_and_only_what_came_before():
    first = line((0, 50), (200, 50))
    eraser = line((100, 0), (100, 100), stroke="#FFFFFF", wide=20)
    after = line((100, 0), (100, 100))
    left, right, upright = drawing.strokes_from_canvas(canvas(first, eraser, after))
    assert left[:, 0].max() == pytest.approx(90, abs=3)
    assert right[:, 0].min() == pytest.approx(110, abs=3)
    assert len(upright) == 2


def test_erasing_all_leaves_an_empty_canvas():
    drawn = line((0, 50), (20, 50))
    eraser = line((0, 50), (20, 50), stroke=WHITE, wide=20)
    assert drawing.strokes_from_canvas(canvas(drawn, eraser)) == []


def test_the_eraser_may_have_a_colour_of_its_own():
    drawn, eraser = (
        line((0, 50), (20, 50)),
        line((0, 50), (20, 50), stroke="#123456", wide=20),
    )
    assert drawing.strokes_from_canvas(canvas(drawn, eraser), eraser="#123456") == []
    assert len(drawing.strokes_from_canvas(canvas(drawn, eraser))) == 2
