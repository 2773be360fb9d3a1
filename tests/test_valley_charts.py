"""The chart of a valley, and its rows."""

import numpy as np
import pytest

from tests.test_palette import contrast
from ui import valley_charts as charts

ACROSS, UP = np.linspace(-1, 1, 21), np.linspace(-2, 2, 31)


def bowl(x, y):
    return 0.5 + x**2 + 4 * y**2


COSTS = bowl(*np.meshgrid(ACROSS, UP))


def fields(spec):
    """All fields that a specification draws, by the table that they are of."""
    found = {}

    def look(part, data):
        data = part.get("data", {}).get("name", data)
        for channel in part.get("encoding", {}).values():
            for one in channel if isinstance(channel, list) else [channel]:
                if "field" in one:
                    found.setdefault(data, set()).add(one["field"])
        for layer in part.get("layer", ()):
            look(layer, data)

    look(spec, None)
    return found


def test_cells_have_their_cost_and_their_shade():
    rows = charts.cell_rows(ACROSS, UP, COSTS, 0.5)
    assert len(rows) == COSTS.size
    assert np.allclose(rows["cost"], bowl(rows["across"], rows["up"]))
    assert rows["shade"].between(0, 1).all()
    assert rows["shade"].iloc[rows["cost"].argmax()] == 1
    assert rows["shade"].iloc[rows["cost"].argmin()] == 0
    # Each holds its place, and reaches over its right and its upper edge.
    assert (rows["x"] < rows["across"]).all()
    assert (rows["x2"] > rows["across"] + 0.05).all()
    assert (charts.shades(np.full(3, 0.5), 0.5) == 0).all()


def test_a_contour_lies_where_the_cost_is_its_level():
    levels = charts.contour_levels(bowl(0.5, 0.5), 0.5)
    rows = charts.contour_rows(ACROSS, UP, COSTS, levels)
    assert len(rows)
    assert np.allclose(bowl(rows["x"], rows["y"]), rows["cost"], rtol=0.02)
    heights = np.diff(np.log2(np.array(levels) - 0.5))
    assert np.allclose(heights, 1)
    assert bowl(0.5, 0.5) in levels
    assert len(charts.contour_rows(ACROSS, UP, COSTS, [0.1])) == 0


def test_ways_are_drawn_as_far_as_they_have_got():
    places = np.arange(10.0).reshape(5, 2)
    ways = {"a": (places, np.ones(5), np.arange(5)), "b": (places, np.ones(5), np.arange(5) * 3)}
    rows = charts.way_rows(ways, 3)
    assert rows["way"].tolist() == ["a"] * 4 + ["b"] * 2
    last = charts.last_rows(rows)
    assert last[["way", "x", "passes"]].values.tolist() == [["a", 6.0, 3], ["b", 2.0, 3]]
    assert list(charts.way_rows({}, 3)) == list(rows)


@pytest.mark.parametrize("shown", [(), ("b",), ("a", "b")])
def test_every_field_that_is_drawn_is_in_the_rows(shown):
    look = charts.Look(("one", "two"), ((-1, 1), (-2, 2)), shown, ("a", "b"), 280)
    spec = charts.valley_chart(look)
    assert spec is not charts.valley_chart(look._replace(size=281))
    rows = charts.way_rows({"a": (np.zeros((1, 2)), np.ones(1), np.zeros(1))}, 0)
    tables = {
        charts.CELLS: charts.cell_rows(ACROSS, UP, COSTS, 0.5),
        charts.LINES: charts.contour_rows(ACROSS, UP, COSTS, [1]),
        charts.FLOOR: charts.floor_rows(np.zeros(2), np.array([1, 0]), 3),
        charts.ENDS: charts.end_rows(np.ones(2), np.zeros(2)),
        charts.WAYS: rows,
        charts.HERE: charts.last_rows(rows),
    }
    drawn = fields(spec)
    assert (charts.WAYS in drawn) == bool(shown)
    for name, used in drawn.items():
        assert used <= set(tables[name]), name
    assert (spec["width"], spec["height"]) == (280, 280)


def test_a_way_keeps_its_look_whoever_else_is_shown():
    def looks(shown):
        look = charts.Look(("one", "two"), ((-1, 1), (-2, 2)), shown, ("a", "b", "c"), 280)
        ways = next(layer for layer in charts.valley_chart(look)["layer"] if "layer" in layer)
        point = ways["layer"][1]["encoding"]
        scales = [point[channel]["scale"] for channel in ("color", "shape")]
        return [dict(zip(s["domain"], s["range"], strict=True)) for s in scales]

    for all_of_them, alone in zip(looks(("a", "b", "c")), looks(("b",)), strict=True):
        assert alone == {"b": all_of_them["b"]}


def test_ways_differ_in_colour_and_shape_and_are_seen_on_all_shades():
    assert len(set(charts.COLOURS)) == len(set(charts.SHAPES)) == len(charts.COLOURS)
    assert len({str(dash) for dash in charts.DASHES[:-1]}) == len(charts.DASHES) - 1
    for colour in charts.COLOURS:
        for paper in charts.PAPERS:
            assert contrast(colour, paper) >= 3, (colour, paper)
