"""From a canvas' record of what was drawn, whoever sent it, to strokes."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrcore import fabric
from lrcore.drawing import to_digit
from lrcore.errors import UserError
from lrcore.fabric import strokes_from_canvas

SIZE = (330, 330)
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


def strokes_on(record, **more):
    return strokes_from_canvas(record, SIZE, **more)


def test_strokes_are_read_from_curves_and_lines():
    curve = path([["M", 10, 10], ["Q", 20, 10, 20, 20], ["L", 20, 40]])
    (stroke,) = strokes_on(canvas(curve))
    np.testing.assert_allclose(stroke[0], [10, 10])
    np.testing.assert_allclose(stroke[-1], [20, 40])
    # Half-way, a quadratic Bezier curve is a quarter of each end and half of its control point.
    middle = [17.5, 12.5]
    assert np.linalg.norm(stroke - middle, axis=1).min() < 1e-6


def test_a_tap_is_a_dot_not_a_bar():
    tap = path([["M", 199.988, 200], ["L", 200.012, 200]])
    (stroke,) = strokes_on(canvas(tap))
    assert stroke.shape == (1, 2)
    rows, columns = np.nonzero(to_digit([stroke]))
    assert np.ptp(rows) == np.ptp(columns)


def test_an_empty_canvas_has_no_strokes():
    assert strokes_from_canvas(None, SIZE) == []
    assert strokes_on(canvas()) == []
    assert strokes_on(canvas({"type": "Rect"}, line((5, 5)))) != []


@pytest.mark.parametrize("origin", ["left", "center"])
def test_a_moved_and_scaled_path_lies_where_it_is_seen(origin):
    thing = line((10, 10), (30, 50), wide=4, scaleX=2, scaleY=0.5, angle=90)
    # Fabric turns a path about its origin: (x, y) from there goes to (-y, x).
    thing |= {"originX": origin, "originY": origin, "left": 100, "top": 100}
    (stroke,) = strokes_on(canvas(thing))
    corner = np.array([[4, 1], [44, 21]]) if origin == "left" else np.array([[-20, -10], [20, 10]])
    expected = 100 + np.column_stack([-corner[:, 1], corner[:, 0]])
    np.testing.assert_allclose(stroke, expected)


def test_the_eraser_rubs_out_what_lies_under_it_and_only_what_came_before():
    first = line((0, 50), (200, 50))
    eraser = line((100, 0), (100, 100), stroke="#FFFFFF", wide=20)
    after = line((100, 0), (100, 100))
    left, right, upright = strokes_on(canvas(first, eraser, after))
    assert left[:, 0].max() == pytest.approx(90, abs=3)
    assert right[:, 0].min() == pytest.approx(110, abs=3)
    assert len(upright) == 2


def test_erasing_all_leaves_an_empty_canvas():
    drawn = line((0, 50), (20, 50))
    eraser = line((0, 50), (20, 50), stroke=WHITE, wide=20)
    assert strokes_on(canvas(drawn, eraser)) == []


def test_the_eraser_may_have_a_colour_of_its_own():
    drawn, eraser = (
        line((0, 50), (20, 50)),
        line((0, 50), (20, 50), stroke="#123456", wide=20),
    )
    assert strokes_on(canvas(drawn, eraser), eraser="#123456") == []
    assert len(strokes_on(canvas(drawn, eraser))) == 2


def test_only_what_came_before_is_rubbed_out_however_often_it_goes_to_and_fro():
    bars = [line((0, 10 * k + 5), (300, 10 * k + 5)) for k in range(20)]
    eraser = line((150, 0), (150, 330), stroke=WHITE, wide=10)
    things = [thing for bar in bars for thing in (bar, eraser)]
    assert len(strokes_on(canvas(*things))) == 40
    assert len(strokes_on(canvas(*things, bars[0]))) == 41
    assert len(strokes_on(canvas(eraser, *bars))) == 20


def test_rubbing_out_is_exact_to_a_pixel():
    across = line((0, 100), (330, 100))
    for wide in (3, 8, 16, 80):
        eraser = line((170, 20), (170, 100), stroke=WHITE, wide=wide)
        left, right = strokes_on(canvas(across, eraser))
        assert right[:, 0].min() == pytest.approx(170 + wide / 2, abs=1.2)
        assert left[:, 0].max() == pytest.approx(170 - wide / 2, abs=1.2)


@pytest.mark.parametrize("far", [1e4, 3e7, 1e300, -3e7])
@pytest.mark.parametrize("stroke", ["#000000", WHITE])
def test_of_what_lies_beyond_the_canvas_nothing_is_taken(far, stroke):
    drawn = line((10, 100), (300, 100))
    away = path([["M", 50, 50], ["L", far, far]], stroke=stroke)
    strokes = strokes_on(canvas(drawn, away))
    assert sum(len(part) for part in strokes) < 1000
    for part in strokes:
        assert part.min() >= -6
        assert part.max() <= 330 + 6


def test_a_stroke_that_leaves_the_canvas_and_returns_is_two():
    loop = line((300, 50), (400, 50), (400, 150), (300, 150))
    first, second = strokes_on(canvas(loop))
    np.testing.assert_allclose(first, [[300, 50], [336, 50]])
    np.testing.assert_allclose(second, [[336, 150], [300, 150]])
    within = line((300, 50), (320, 50), (320, 150), (300, 150))
    (whole,) = strokes_on(canvas(within))
    assert len(whole) == 4


ODD = [
    [["M", 1, 2, 3]],
    [None],
    [["M", 1, 2], ["L", "a", 3]],
    [["M", 1, 2], ["L", [1], 3]],
    [["M", 1, 2], ["L", float("nan"), 3]],
    [["M", 1, 2], ["Q", 1, 2]],
    [["M", 1, 2], ["C", *range(40_000)]],
    [["B", 1, 2]],
    [["Z"]],
    [[]],
    ["M"],
    "M 1 2",
    7,
    {"M": 1},
    [[["M"], 1, 2]],
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_what_no_canvas_would_write_is_absent(odd):
    good = line((10, 10), (20, 20))
    (stroke,) = strokes_on(canvas(dict(good, path=odd), good))
    np.testing.assert_allclose(stroke, [[10, 10], [20, 20]])


@pytest.mark.parametrize(
    "change",
    [
        {"scaleX": "text"},
        {"scaleY": None},
        {"scaleX": 1e308, "scaleY": 1e308},
        {"scaleX": 0},
        {"strokeWidth": "wide"},
        {"strokeWidth": -3},
        {"strokeWidth": float("inf")},
        {"left": {}},
        {"angle": "north"},
        {"angle": float("inf")},
        {"originX": "middle"},
        {"originX": []},
        {"width": None},
    ],
    ids=str,
)
def test_a_path_placed_as_no_canvas_would_is_absent(change):
    good = line((10, 10), (20, 20))
    assert len(strokes_on(canvas(good | change, good))) == 1


@pytest.mark.parametrize("record", [None, [], "text", 3, {"objects": 5}, {"objects": [5, None]}])
def test_a_record_that_is_none_has_no_strokes(record):
    assert strokes_on(record) == []


def test_an_eraser_is_never_wider_than_a_page_offers_many_times_over():
    drawn = line((0, 300), (330, 300))
    eraser = line((0, 10), (330, 10), stroke=WHITE, wide=1e9)
    assert strokes_on(canvas(drawn, eraser))


STRIPES = [line((x, 0), (x, 330), stroke=WHITE, wide=2) for x in range(0, 330, 3)]


@pytest.mark.parametrize(
    "record",
    [
        canvas(*[{}] * (fabric.MOST_PATHS + 1)),
        canvas(line(*[(1, 1)] * (fabric.MOST_POINTS + 1))),
        canvas(
            path([["M", 1, 1], *[["Q", 2, 2, 3, 3]] * (1 + fabric.MOST_POINTS // fabric.PIECES)])
        ),
        canvas(path([["M", 1, 1], ["L", 2, 2]] * (fabric.MOST_LINES + 1))),
        # Out of the canvas and in again; rubbed out here and there.
        canvas(line(*[(5, 2), (5, -5)] * (fabric.MOST_LINES + 1), wide=1)),
        canvas(*[line((0, y), (330, y)) for y in range(60)], *STRIPES),
        canvas(line(*[(0, 0), (300, 300)] * math.ceil(fabric.MOST_LENGTH / 800))),
    ],
    ids=["paths", "points", "curves", "lines", "beyond", "rubbed out", "length"],
)
def test_a_drawing_beyond_all_bounds_is_told_to_be_cleared(record):
    with pytest.raises(UserError, match="clear it, and draw again"):
        strokes_on(record)


def test_what_is_nested_deeper_than_any_drawing_is_no_record():
    good = canvas(line((10, 10), (20, 20)))
    assert fabric.is_record(good)
    deep = []
    for _ in range(fabric.DEEPEST):
        deep = [deep]
    assert not fabric.is_record(good | {"more": deep})
    assert strokes_on(good | {"more": deep}) == []


@pytest.mark.parametrize("item", [{}, [], 1])
def test_a_record_of_a_million_things_is_none(item):
    assert not fabric.is_record(canvas(*[item] * (fabric.MOST_VALUES + 1)))
    drawn = canvas(line(*[(1, 1)] * fabric.MOST_POINTS))
    assert fabric.is_record(drawn)


LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3)
# Nothing looks deeper; to make up what is nested at will takes longer than all that is tested.
ANY = (
    LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(st.text(max_size=3), LEAVES, max_size=2)
)
COMMAND = st.tuples(st.sampled_from("MLQCZAz"), ANY, ANY).map(list) | st.lists(ANY, max_size=7)
NUMBER = st.floats(-1e5, 1e5) | st.floats()
PLAIN = st.one_of(
    st.tuples(st.sampled_from("ML"), NUMBER, NUMBER),
    st.tuples(st.just("Q"), NUMBER, NUMBER, NUMBER, NUMBER),
).map(list)
PLACED = ("left", "top", "width", "height", "scaleX", "scaleY", "angle", "strokeWidth", "originX")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(PLAIN | COMMAND, max_size=5), max_size=4),
    st.dictionaries(st.sampled_from(PLACED), ANY | NUMBER, max_size=4),
    st.sampled_from([WHITE, "#000000", None, 3]),
)
def test_whatever_is_sent_gives_strokes_on_the_canvas(paths, change, stroke):
    things = [{"type": "Path", "path": p, "stroke": stroke, "strokeWidth": 9} for p in paths]
    record = canvas(*(thing | change for thing in things), line((10, 10), (20, 20)))
    most = fabric.WIDEST_PEN / 2
    for part in strokes_on(json.loads(json.dumps(record))):
        assert part.ndim == 2
        assert len(part)
        assert np.isfinite(part).all()
        assert part.min() >= -most - 1e-6
        assert part.max() <= 330 + most + 1e-6
        to_digit([part])
