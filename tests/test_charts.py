"""The chart of an answer."""

import numpy as np

from tests.helpers import chart_rows
from ui.charts import probability_bars


def rows(chart):
    """The rows of the bars; the line at one half has a table of its own."""
    return [row for row in chart_rows(chart.to_dict()) if "digit" in row]


def test_the_answer_is_marked_and_every_class_has_its_bar():
    names = [str(digit) for digit in range(10)]
    p = np.linspace(0, 0.9, 10)
    table = rows(probability_bars(names, p, "9"))
    assert [row["digit"] for row in table] == names
    assert np.allclose([row["probability"] for row in table], p)
    assert [row["digit"] for row in table if row["answer"]] == ["9"]
    assert all(row["before"] is None for row in table)


def test_the_scale_is_zero_to_one_however_small_the_bars_are():
    spec = probability_bars(["0", "1"], np.array([0.01, 0.02]), "1").to_dict()
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 1]


def test_earlier_probabilities_are_ticks():
    chart = probability_bars(["0", "1"], np.array([0.1, 0.8]), "1", np.array([0.6, 0.3]))
    assert [row["before"] for row in rows(chart)] == [0.6, 0.3]
    assert any(layer["mark"].get("type") == "tick" for layer in chart.to_dict()["layer"])
