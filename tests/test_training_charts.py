"""The Train page's charts and their rows."""

import io

import numpy as np
import pytest
from PIL import Image

from lrcore.training import Point
from ui.train import charts

DIGITS = tuple("0123456789")


def points(count, **changes):
    def point(i):
        given = {
            "iteration": i,
            "seconds": i / 10,
            "cost": 10 / (1 + i),
            "costs": np.full(10, 1 / (1 + i)),
            "heldout_cost": 11 / (1 + i),
            "heldout_accuracy": 0.5,
            "gradient_norm": 1.0,
            "step_length": 1.0,
            "learning_rate": 0.1,
        }
        return Point(**(given | changes))

    return [point(i) for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 199, 200, 201, 5_000, 123_456])
def test_thinning_keeps_few_points_in_order_and_both_ends(count):
    kept = charts.thin(count)
    assert len(kept) <= 1.3 * charts.MOST_POINTS
    assert np.all(np.diff(kept) > 0)
    if count:
        assert (kept[0], kept[-1]) == (0, count - 1)


def test_points_stay_where_they_are_while_a_curve_grows():
    before, after = charts.thin(3_000), charts.thin(3_010)
    assert set(before[:-1]) <= set(after)


def test_curve_rows_hold_both_costs_against_the_axis_asked_for():
    rows = charts.curve_rows(points(3), "seconds", "test")
    assert list(rows) == ["x", "training", "test", "accuracy"]
    assert rows["x"].tolist() == [0.0, 0.1, 0.2]
    assert rows["training"].tolist() == [10, 5, 10 / 3]


def test_a_cost_that_overflowed_is_left_out():
    rows = charts.curve_rows(points(2, cost=np.inf, heldout_cost=np.nan), "iteration")
    assert rows["training"].isna().all()
    assert rows["held-out"].isna().all()


def test_digit_rows_have_a_column_a_digit():
    rows = charts.digit_rows(points(4), "iteration", DIGITS)
    assert list(rows) == ["x", *DIGITS]
    assert len(charts.digit_rows([], "iteration", DIGITS)) == 0


def test_marks_name_the_new_rate():
    marks = charts.mark_rows(points(1, iteration=7, learning_rate=0.25), "iteration")
    assert marks.to_dict("records") == [{"x": 7.0, "label": "rate 0.25"}]


@pytest.mark.parametrize(
    ("chart", "choices"),
    [
        (charts.cost_chart, ("iteration", True, "held-out")),
        (charts.accuracy_chart, ("seconds",)),
        (charts.digits_chart, ("iteration", False, DIGITS)),
        (charts.overlay_chart, ("seconds", True, ("a", "b"))),
    ],
)
def test_a_chart_is_the_same_whatever_it_is_fed(chart, choices):
    spec = charts.specification(chart, *choices)
    assert spec is charts.specification(chart, *choices)
    assert "datasets" not in spec
    assert f"'name': '{charts.ROWS}'" in str(spec)
    assert ("'type': 'log'" in str(spec)) == (True in choices)
    # Without anything to show it says what will be there.
    empty = charts.specification(chart, *choices, empty="soon")
    assert empty["title"]["text"] == "soon"
    assert "'axis': None" in str(empty)


def test_theta_maps_are_pictures_or_sums_over_directions():
    theta = np.arange(2 * 785, dtype=float).reshape(2, 785)
    assert np.array_equal(charts.theta_maps("pixels", theta)[1].ravel(), theta[1, 1:])
    size = charts.DIRECTIONS * charts.GRID**2
    strokes = np.zeros((1, 1 + size))
    strokes[0, 1 :: charts.GRID**2] = 1  # the upper left cell, in every direction
    summed = charts.theta_maps("strokes", strokes)[0]
    assert summed[0, 0] == charts.DIRECTIONS
    assert summed.sum() == charts.DIRECTIONS


def seen(maps, names, **options) -> np.ndarray:
    """A picture of thetas as red, green, blue and opacity."""
    file = io.BytesIO(charts.theta_picture(maps, names, 1.0, zoom=1, **options))
    return np.asarray(Image.open(file).convert("RGBA")).astype(int)


def test_theta_picture_shows_for_in_orange_and_against_in_blue():
    maps = np.zeros((2, 28, 28))
    maps[0], maps[1] = 1, -1
    picture = seen(maps, ["3", "4"])
    assert picture.shape == (28 + charts.FOOT, 2 * 28 + charts.GAP, 4)
    orange, blue = picture[14, 14], picture[14, 28 + charts.GAP + 14]
    assert orange[0] > orange[2] + 80
    assert blue[2] > blue[0] + 50
    assert orange[3] == blue[3] == 255
    foot = picture[28:, :, 3]
    assert foot[-1, 29] == 0  # paper between the names is transparent
    assert foot[:, :28].max() > 200  # and a name is not


def test_theta_pictures_rows_are_as_long_as_asked_for():
    coarse = np.zeros((3, 7, 7))
    coarse[2, 6, 0] = 1  # a map over strokes: its lower left cell
    picture = seen(coarse, ["0", "1", "2"], across=2)
    assert picture.shape[:2] == (2 * (28 + charts.FOOT), 2 * 28 + charts.GAP)
    third = picture[28 + charts.FOOT :, :28]
    assert third[27, 3, 0] > third[27, 3, 2] + 80
    assert abs(third[23, 3, 0] - third[23, 3, 2]) < 20
