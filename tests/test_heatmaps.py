"""Theta as charts and as a PNG."""

import io

import numpy as np
import pytest
from PIL import Image

from lrcore.evidence import stroke_layout
from lrcore.features import FEATURES
from lrcore.weights import REST, Weights, columns
from tests.helpers import chart_rows
from ui.heatmaps import (
    SMALL,
    colour_limit,
    colours,
    describe,
    ink_chart,
    parts,
    row_names,
    scale_bar,
    theta_png,
    weight_chart,
)
from ui.palette import AGAINST, DIVERGING, FOR, NEUTRAL


def model(features="pixels", rows=10, classes=None, seed=0):
    theta = np.random.default_rng(seed).normal(size=(rows, 1 + columns(features)))
    return Weights(theta, np.arange(10) if classes is None else np.array(classes), features)


def rgb(colour):
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def rows_of(chart):
    spec = chart.to_dict()
    return chart_rows(spec), spec


def test_each_pixel_carries_its_weight():
    values = np.arange(784.0)
    data, spec = rows_of(weight_chart("pixels", values, 1.0))
    assert len(data) == 784
    assert data[28 * 3 + 5] == {"row": 3, "column": 5, "value": 28 * 3 + 5}
    assert spec["width"] == spec["height"] == SMALL


def test_the_colours_are_centred_on_zero():
    _, spec = rows_of(weight_chart("pixels", np.ones(784), 2.5))
    scale = spec["encoding"]["color"]["scale"]
    assert scale["domain"] == pytest.approx(-np.array(scale["domain"][::-1]))
    assert scale["domain"][len(DIVERGING) // 2] == 0
    assert scale["domain"][-1] == 2.5
    assert scale["range"] == DIVERGING


def test_colours_of_a_png_are_those_of_the_charts():
    assert colours(np.zeros(1), 3.0)[0].tolist() == rgb(NEUTRAL)
    assert colours(np.array([-9.0, 9.0]), 3.0).tolist() == [rgb(DIVERGING[0]), rgb(DIVERGING[-1])]


def test_a_lone_huge_weight_does_not_wash_out_the_rest():
    values = np.ones(784)
    values[0] = 100
    assert colour_limit(values) == pytest.approx(1)
    assert colour_limit(np.zeros(784)) > 0


@pytest.mark.parametrize("features", FEATURES)
def test_every_value_of_every_feature_map_is_shown(features):
    values = np.random.default_rng(1).normal(size=columns(features))
    shown = []
    for part in parts(features):
        spec = weight_chart(part, values, 1.0, selection="spot").to_dict()
        assert [param["name"] for param in spec["params"]] == ["spot"]
        shown += [row["value"] for row in chart_rows(spec) if "value" in row]
    assert sorted(shown) == pytest.approx(sorted(values))


def marks(part, values):
    spec = weight_chart(part, values, 1.0).to_dict()
    return [row for row in chart_rows(spec) if "strength" in row]


def test_an_edge_is_drawn_on_the_side_that_it_bounds():
    """Ink to the right: an upright stroke on the left of its cell; the ring is closed."""
    at = stroke_layout()
    for mark in marks("edges", np.ones(columns("strokes"))):
        middle = (mark["x"] + mark["x2"]) / 2, (mark["y"] + mark["y2"]) / 2
        cell = [14 / 7 * round((m - 2) / 4) * 2 + 2 for m in middle]
        if "→" in mark["place"]:
            assert middle[0] < cell[0]
        if "↑" in mark["place"]:
            assert middle[1] > cell[1]
    right = np.flatnonzero(at.edges & (at.angle == 0))[0]
    values = np.zeros(columns("strokes"))
    values[right] = 1
    strongest = marks("edges", values)[-1]
    assert strongest["value"] == 1
    assert strongest["x"] == pytest.approx(strongest["x2"])


def test_an_opening_points_where_it_opens():
    at = stroke_layout()
    values = np.zeros(columns("strokes"))
    down = np.flatnonzero(~at.edges & np.isclose(at.angle, np.pi / 2))[12]
    values[down] = -1
    mark = marks("openings", values)[-1]
    assert mark["shape"] == "triangle"
    assert mark["turn"] == pytest.approx(180)
    assert "a bay open to the ↓" in mark["place"]
    assert mark["y"] > at.y[down]
    holes = [m for m in marks("openings", values) if m["shape"] == "circle"]
    assert len(holes) == np.isnan(at.angle).sum()


def test_strong_marks_lie_on_top():
    values = np.random.default_rng(2).normal(size=columns("strokes"))
    for part in ("edges", "openings"):
        strengths = [mark["strength"] for mark in marks(part, values)]
        assert strengths == sorted(strengths)


def test_a_drawing_lies_under_the_strokes():
    ink = np.zeros((24, 24))
    ink[3, 5] = 1
    spec = weight_chart("edges", np.zeros(columns("strokes")), 1.0, backdrop=ink).to_dict()
    paper = [row for row in chart_rows(spec) if "colour" in row]
    assert len(paper) == 2
    assert (paper[1]["x"], paper[1]["y"]) == pytest.approx((5 * 28 / 24, 3 * 28 / 24))


def test_words_name_the_strongest_places():
    values = np.zeros(784)
    values[28 * 3 + 5], values[28 * 20 + 9] = 2, -1
    words = describe("pixels", values, "Theta of 7")
    assert words.startswith("Theta of 7.")
    assert "(+2.00): row 3, column 5" in words
    assert "(-1.00): row 20, column 9" in words


def test_names_of_rows():
    assert row_names(model()) == list("0123456789")
    assert row_names(model(rows=1, classes=[0, 1])) == ["1 against 0"]
    assert row_names(model(rows=1, classes=[REST, 5])) == ["5 against the rest"]


@pytest.mark.parametrize(("rows", "classes"), [(10, None), (1, [0, 1])])
@pytest.mark.parametrize(
    ("features", "part"), [(name, part) for name in FEATURES for part in parts(name)]
)
def test_png_shows_theta(features, part, rows, classes):
    weights = model(features, rows, classes)
    png = Image.open(io.BytesIO(theta_png(weights, part, [1.0] * rows, zoom=4)))
    assert png.width == (5 if rows == 10 else 1) * (4 * 30) + 8
    found = {colour for _, colour in png.convert("RGB").getcolors(maxcolors=10**6)}
    assert tuple(rgb(DIVERGING[0])) in found
    assert tuple(rgb(DIVERGING[-1])) in found


def test_a_pixel_of_the_png_has_the_colour_of_its_weight():
    theta = np.zeros((1, 785))
    theta[0, 1 + 28 * 3 + 5] = 1
    png = Image.open(
        io.BytesIO(theta_png(Weights(theta, np.array([0, 1])), "pixels", [1.0], zoom=4))
    )
    left, top = 8, 16
    assert png.getpixel((left + 4 * 5 + 1, top + 4 * 3 + 1)) == tuple(rgb(DIVERGING[-1]))
    assert png.getpixel((left + 4 * 6 + 1, top + 4 * 3 + 1)) == tuple(rgb(NEUTRAL))


def test_ink_and_scale_are_charts_too():
    data, _ = rows_of(ink_chart(np.eye(28)))
    assert data[29]["value"] == 1
    spec = scale_bar(1.5).to_dict()
    axis = spec["encoding"]["x"]["axis"]
    assert axis["values"] == [-1.5, 0, 1.5]
    # Some weights lie beyond: theirs are the colours of the ends.
    assert "'≤ −1.5 against'" in axis["labelExpr"]
    assert "'≥ +1.5 for'" in axis["labelExpr"]


def test_for_and_against_are_blue_and_orange():
    """The pair that every common colour blindness can tell apart."""
    red, _, blue = (a - b for a, b in zip(rgb(FOR), rgb(AGAINST), strict=True))
    assert red > 100
    assert blue < -80
