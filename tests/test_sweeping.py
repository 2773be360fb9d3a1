"""A sweep at work: its runs in the queue of all, and its charts."""

from dataclasses import replace

import numpy as np
import pytest

from lrcore.errors import UserError
from lrcore.settings import Settings
from lrcore.sweep import curve, learnable, sweep
from tests.helpers import chart_rows, wait_for
from ui.train.links import read_sweep, sweep_query
from ui.train.runs import Runs
from ui.train.slots import Slots
from ui.train.sweep import OFFERED, figures, in_words, read_values, results_csv
from ui.train.sweep_charts import curve_chart, curve_rows, grid_chart, grid_rows, named
from ui.train.sweeping import AT_ONCE, KEPT_THETAS, MOST_TRIALS, Sweeping

SETTINGS = Settings(images=300, iterations=6)
VALUES = {"C": [0.01, 1.0], "images": [100, 300]}
LONG = Settings(solver="gradient-descent", images=2000, iterations=100_000)


@pytest.fixture(scope="module")
def few(train_set):
    return train_set.take(slice(0, 2500))


@pytest.fixture(scope="module")
def done(few):
    sweeping = Sweeping(SETTINGS, few, VALUES, 2, Slots(2))
    sweeping.begin()
    wait_for(lambda: sweeping.finished, 60)
    return sweeping


def test_the_queue_makes_what_the_command_line_makes(few, done):
    expected = list(sweep(SETTINGS, few, VALUES, seeds=2))
    assert [one.values for one in done.results] == [one.values for one in expected]
    assert [one.settings for one in done.results] == [one.settings for one in expected]
    for mine, theirs in zip(done.results, expected, strict=True):
        assert np.array_equal(mine.theta, theirs.theta)
        assert (mine.cost, mine.heldout_accuracy) == (theirs.cost, theirs.heldout_accuracy)


def test_each_run_is_there_with_its_weights_and_a_few_thetas_on_the_way(done):
    for trial in done.trials:
        assert np.array_equal(trial.job.weights.theta, trial.result.theta.astype(np.float32))
        assert 1 < len(trial.job.snapshots) <= KEPT_THETAS
        assert len(trial.job.history) == 7
    names = [trial.name for trial in done.trials]
    assert names[:2] == ["C = 0.01, Images = 100", "C = 0.01, Images = 100, Seed = 1"]
    assert len(set(names)) == len(names)


def test_few_stand_in_the_queue_and_the_shortest_come_first(few):
    slots = Slots(1)
    sweeping = Sweeping(LONG, few, {"images": [2000, 1000, 500, 100]}, 1, slots)
    sweeping.begin()
    try:

        def begun() -> list[int]:
            return [trial.settings.images for trial in sweeping.trials if trial.job._thread.ident]

        wait_for(lambda: any(trial.job.history for trial in sweeping.trials), 30)
        wait_for(lambda: len(begun()) == AT_ONCE, 30)
        assert sorted(begun()) == [100, 500]
    finally:
        sweeping.cancel()
    wait_for(lambda: sweeping.finished, 30)
    assert sweeping.results == []
    assert sweeping.failed == []


def test_cancelled_it_keeps_what_is_there(few):
    values = {"iterations": [2, 100_000]}
    sweeping = Sweeping(LONG, few, values, 2, Slots(2))
    sweeping.begin()
    wait_for(lambda: len(sweeping.results) == 2, 60)
    assert not sweeping.finished
    sweeping.cancel()
    wait_for(lambda: sweeping.finished, 30)
    assert [one.values["iterations"] for one in sweeping.results] == [2, 2]


def test_a_run_that_cannot_be_is_named_and_the_others_go_on(few):
    mixed = replace(SETTINGS, task="one-digit", digit=9, images=10)
    sweeping = Sweeping(mixed, few, {"seed": list(range(12))}, 1, Slots(2))
    sweeping.begin()
    wait_for(lambda: sweeping.finished, 60)
    lacking = [trial for trial in sweeping.trials if "No picture of a 9" in trial.job.message]
    assert lacking
    assert sweeping.failed == lacking
    assert len(sweeping.results) == 12 - len(lacking) > 0


def test_who_has_left_ends_a_sweep(few):
    sweeping = Sweeping(LONG, few, {"C": [0.1, 1.0, 10.0]}, 1, Slots(1, check=0), lambda: True)
    sweeping.begin()
    wait_for(lambda: sweeping.finished, 30)
    assert sweeping.results == []


def test_a_session_has_one_sweep_at_a_time_and_makes_its_runs_its_own(few):
    runs = Runs()
    sweeping = runs.start_sweep(LONG, few, {"iterations": [3, 100_000]})
    with pytest.raises(UserError, match="at work"):
        runs.start_sweep(SETTINGS, few, VALUES)
    wait_for(lambda: sweeping.trials[0].job.finished, 30)
    assert runs.jobs == {}
    runs.adopt(sweeping.trials[0].job)
    runs.adopt(sweeping.trials[0].job)
    assert list(runs.jobs) == ["Iterations = 3"]
    assert runs.job is sweeping.trials[0].job
    sweeping.cancel()


def test_pictures_are_left_to_compare_by(train_set, few):
    assert learnable(Settings(), train_set) == 50_000
    two = Settings(task="two-digits", digit=1, against=0)
    usable = np.isin(train_set.labels, [0, 1]).sum()
    assert learnable(two, train_set) == usable - usable // 6
    assert Sweeping(Settings(), few, {"C": [1.0]}, 1, Slots(1)).settings.images == 2500 - 2500 // 6
    with pytest.raises(UserError, match="to compare by"):
        Sweeping(Settings(), few, {"images": [100, 2500]}, 1, Slots(1))
    with pytest.raises(UserError, match=f"{MOST_TRIALS} are made"):
        Sweeping(SETTINGS, few, {"seed": list(range(MOST_TRIALS + 1))}, 1, Slots(1))


def test_a_curve_shows_both_costs_their_spread_and_the_best(few):
    values = {"C": [0.001, 0.1, 10.0]}
    places = curve(list(sweep(SETTINGS, few, values, seeds=3)))
    rows = curve_rows(places, "C", "accuracy")
    assert len(rows) == 6
    heldout = rows[rows["curve"] == "held-out"]
    assert heldout["y"].tolist() == [place.mean["heldout_accuracy"] for place in places]
    assert heldout["mark"].tolist().count("best") == 1
    assert heldout["mark"].tolist()[heldout["y"].argmax()] == "best"
    assert np.allclose(
        heldout["high"] - heldout["low"], [2 * p.spread["heldout_accuracy"] for p in places]
    )
    spec = curve_chart(rows, "C", "accuracy").to_dict()
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["line", "rule", "point", "point"]
    assert all(layer["encoding"]["x"]["scale"]["type"] == "log" for layer in spec["layer"])
    (param,) = spec["params"]
    assert param["select"]["fields"] == ["place"]
    assert spec["layer"][-1]["name"] in param["views"]


def test_without_seeds_there_is_no_spread_and_options_stand_as_words(few):
    places = curve(list(sweep(SETTINGS, few, {"features": ["pixels", "straightened"]})))
    rows = curve_rows(places, "features", "cost")
    assert (rows["high"] == rows["low"]).all()
    spec = curve_chart(rows, "features", "cost").to_dict()
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["line", "point", "point"]
    assert spec["layer"][0]["encoding"]["x"]["type"] == "nominal"


def test_a_grid_has_a_cell_for_each_pair_and_frames_the_best(done):
    places = curve(done.results)
    rows = grid_rows(places, ("C", "images"))
    assert rows[["x", "y"]].to_numpy().tolist() == [
        ["0.01", "100"],
        ["0.01", "300"],
        ["1", "100"],
        ["1", "300"],
    ]
    assert rows["label"].tolist() == [f"{100 * p.mean['heldout_accuracy']:.1f}" for p in places]
    data = chart_rows(grid_chart(rows, ("C", "images")).to_dict())
    assert {row["place"] for row in data} == {named(place.values) for place in places}


def test_the_table_and_the_csv_have_all(done):
    table = figures(curve(done.results))
    assert table["C (L2)"].tolist() == ["0.01", "0.01", "1", "1"]
    assert all("±" in text for text in table["Held-out accuracy"])
    assert table[""].tolist().count("best") == 1
    lines = results_csv(done).splitlines()
    assert lines[0].startswith("C,images,seed,cost,accuracy")
    assert len(lines) == 9


def test_each_value_has_its_place_while_others_are_to_come(done):
    few = curve(done.results[:2])
    rows, tried = grid_rows(few, ("C", "images")), tuple(done.values.values())
    for layer in grid_chart(rows, ("C", "images"), tried).to_dict()["layer"]:
        domains = [layer["encoding"][axis]["scale"]["domain"] for axis in "xy"]
        assert domains == [["0.01", "1"], ["100", "300"]]
    spec = curve_chart(curve_rows(few, "C", "cost"), "C", "cost", [0.001, 0.01, 1]).to_dict()
    x = spec["layer"][0]["encoding"]["x"]
    assert (x["scale"]["domain"], x["axis"]["values"]) == ([0.001, 1], [0.001, 0.01, 1])
    assert in_words(few, ended=False).startswith("Best so far: **C")
    assert in_words(few, ended=True).startswith("Best: **C")


def test_a_link_makes_the_same_sweep():
    values = {"C": [0.01, float("inf")], "images": [600, 6000]}
    query = sweep_query(values, 3)
    texts, seeds = read_sweep(query["sweep"], query["seeds"], OFFERED, 5)
    assert {name: read_values(name, text) for name, text in texts.items()} == values
    assert seeds == 3
    assert sweep_query({"features": ["pixels"]}, 1) == {"sweep": "features:pixels"}


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("", "1"), ("task:one", "1"), ("C:1;images:2;seed:1", "1"), ("C:1", "9"), ("C:1", "x")],
)
def test_a_link_to_what_is_not_offered_is_refused_in_a_sentence(text, seeds):
    with pytest.raises(UserError, match="link"):
        read_sweep(text, seeds, OFFERED, 5)
