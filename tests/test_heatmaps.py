"""Theta as charts and as a PNG."""

import io

import numpy as np
import pytest
from PIL import Image

from lrcore.features import FEATURES, extract
from lrcore.weights import REST, Weights, columns
from ui.heatmaps import (
    SMALL,
    colour_limit,
    colours,
    describe,
    ink_chart,
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
    return next(iter(spec["datasets"].values())), spec


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
def test_every_feature_map_has_a_picture(features):
    values = np.random.default_rng(1).normal(size=columns(features))
    spec = weight_chart(features, values, 1.0, selection="spot").to_dict()
    shown = [row["value"] for data in spec["datasets"].values() for row in data if "value" in row]
    assert sorted(shown) == pytest.approx(sorted(values))
    assert [param["name"] for param in spec["params"]] == ["spot"]


@pytest.mark.parametrize(("side", "arrow"), [("left", "←"), ("right", "→"), ("top", "↑")])
def test_an_edge_is_drawn_along_the_border_of_the_ink(side, arrow):
    """Half a picture of ink has one border; theta's pen draws the strongest edge along it."""
    picture = np.zeros((28, 28), np.uint8)
    half = {"left": np.s_[:, :14], "right": np.s_[:, 14:], "top": np.s_[:14, :]}[side]
    picture[half] = 255
    values = extract("strokes", picture[None])[0]
    spec = weight_chart("strokes", values, 1.0).to_dict()
    edges = [row for data in spec["datasets"].values() for row in data if "strength" in row]
    # Straightening centres the ink, so its outer borders are strong edges as well.
    strong = [row for row in edges if row["value"] > 0.8 * values.max()]
    along = [row for row in strong if row["place"].endswith(arrow)]
    assert along
    for row in along:
        upright = abs(row["x"] - row["x2"]) < 1e-6
        assert upright == (side != "top")


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
@pytest.mark.parametrize("features", FEATURES)
def test_png_shows_theta(features, rows, classes):
    weights = model(features, rows, classes)
    png = Image.open(io.BytesIO(theta_png(weights, [1.0] * rows, zoom=4)))
    assert png.width == (5 if rows == 10 else 1) * (4 * 30) + 8
    found = {colour for _, colour in png.convert("RGB").getcolors(maxcolors=10**6)}
    assert tuple(rgb(DIVERGING[0])) in found
    assert tuple(rgb(DIVERGING[-1])) in found


def test_a_pixel_of_the_png_has_the_colour_of_its_weight():
    theta = np.zeros((1, 785))
    theta[0, 1 + 28 * 3 + 5] = 1
    png = Image.open(io.BytesIO(theta_png(Weights(theta, np.array([0, 1])), [1.0], zoom=4)))
    left, top = 8, 16
    assert png.getpixel((left + 4 * 5 + 1, top + 4 * 3 + 1)) == tuple(rgb(DIVERGING[-1]))
    assert png.getpixel((left + 4 * 6 + 1, top + 4 * 3 + 1)) == tuple(rgb(NEUTRAL))


def test_ink_and_scale_are_charts_too():
    data, _ = rows_of(ink_chart(np.eye(28)))
    assert data[29]["value"] == 1
    spec = scale_bar(1.5).to_dict()
    assert spec["encoding"]["x"]["axis"]["values"] == [-1.5, 0, 1.5]


def test_for_and_against_are_blue_and_orange():
    """The pair that every common colour blindness can tell apart."""
    red, _, blue = (a - b for a, b in zip(rgb(FOR), rgb(AGAINST), strict=True))
    assert red > 100
    assert blue < -80
