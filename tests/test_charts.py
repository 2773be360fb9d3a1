"""The chart of an answer."""

import numpy as np

from ui.charts import probability_bars, probability_rows

DIGITS = [str(digit) for digit in range(10)]


def test_the_answer_is_marked_and_every_class_has_its_bar():
    p = np.linspace(0, 0.9, 10)
    table = probability_rows(DIGITS, p, "9")
    assert table["digit"].tolist() == DIGITS
    assert np.allclose(table["probability"], p)
    assert table["digit"][table["answer"]].tolist() == ["9"]
    assert table["label"].iloc[-1].split() == ["9", "0.90"]
    assert table["before"].isna().all()


def test_before_an_answer_there_are_no_bars():
    table = probability_rows(["0", "1"], np.full(2, np.nan), "")
    assert not table["probability"].any()
    assert not table["answer"].any()
    assert [label.split() for label in table["label"]] == [["0", "–"], ["1", "–"]]


def test_the_scale_is_zero_to_one_however_small_the_bars_are():
    assert probability_bars(10)["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 1]


def test_earlier_probabilities_are_ticks():
    table = probability_rows(["0", "1"], np.array([0.1, 0.8]), "1", np.array([0.6, 0.3]))
    assert table["before"].tolist() == [0.6, 0.3]
    assert any(layer["mark"].get("type") == "tick" for layer in probability_bars(10)["layer"])


def test_every_field_that_is_drawn_is_in_the_rows():
    table = probability_rows(DIGITS, np.linspace(0, 0.9, 10), "9")
    fields = {
        part["field"]
        for layer in probability_bars(10)["layer"]
        for part in layer["encoding"].values()
        if isinstance(part, dict) and "field" in part
    }
    assert fields == {"label", "probability", "before"}
    assert fields < set(table)
