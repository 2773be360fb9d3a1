"""Sweeps, against scikit-learn's validation and learning curves through our estimators."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import learning_curve, validation_curve

from lrcore.cli import main
from lrcore.errors import UserError
from lrcore.estimators import OneVsAllClassifier
from lrcore.script import sweep_as_script
from lrcore.settings import Settings
from lrcore.sweep import Result, curve, plan, propose, sweep
from lrcore.training import split

SETTINGS = Settings(images=800, iterations=60, tolerance=1e-6)
ESTIMATOR = OneVsAllClassifier(max_iter=60, tol=1e-6)


@pytest.fixture(scope="module")
def few(train_set):
    return train_set.take(slice(0, 1100))


def by_scikit_learn(few, settings):
    """X and y, and one fold: what a run learns from, and what it watches."""
    fold = split(settings, few, np.random.default_rng(settings.seed))
    return few.images.reshape(-1, 784) / np.float32(255), few.labels, [fold]


def test_numbers_are_scikit_learns_validation_curve(few):
    values = [1e-3, 0.1, 10.0]
    X, y, fold = by_scikit_learn(few, SETTINGS)
    peers = validation_curve(ESTIMATOR, X, y, param_name="C", param_range=values, cv=fold)
    mine = curve(list(sweep(SETTINGS, few, {"C": values})))
    assert [place.values for place in mine] == [{"C": value} for value in values]
    ours = [[place.mean["accuracy"], place.mean["heldout_accuracy"]] for place in mine]
    np.testing.assert_allclose(ours, np.hstack(peers), atol=0.004)  # a picture on the edge
    assert [place.best for place in mine].count(True) == 1
    costs = [place.mean["cost"] for place in mine]
    assert costs == sorted(costs, reverse=True)  # weaker L2, closer to the data


def test_numbers_are_scikit_learns_learning_curve(few):
    sizes = [100, 400, 800]
    for size, place in zip(
        sizes, curve(list(sweep(SETTINGS, few, {"images": sizes}))), strict=True
    ):
        settings = replace(SETTINGS, images=size)
        X, y, fold = by_scikit_learn(few, settings)
        _, learned, watched = learning_curve(ESTIMATOR, X, y, train_sizes=[size], cv=fold)
        assert place.mean["accuracy"] == pytest.approx(learned[0, 0], abs=0.004)
        assert place.mean["heldout_accuracy"] == pytest.approx(watched[0, 0], abs=0.004)


def test_seeds_spread_and_a_grid_has_all_pairs(few):
    settings = replace(SETTINGS, images=200, iterations=5)
    values = {"C": [0.01, 1.0], "images": [50, 100]}
    places = curve(list(sweep(settings, few, values, seeds=3)))
    pairs = [(0.01, 50), (0.01, 100), (1.0, 50), (1.0, 100)]
    assert [tuple(place.values.values()) for place in places] == pairs
    for place in places:
        assert [one.settings.seed for one in place.results] == [0, 1, 2]
        accuracies = [one.heldout_accuracy for one in place.results]
        assert place.mean["heldout_accuracy"] == pytest.approx(np.mean(accuracies))
        spread = np.std(accuracies, ddof=1)
        assert place.spread["heldout_accuracy"] == pytest.approx(spread)
        assert spread > 0


def some(C, accuracy, pictures=1000):
    return Result({"C": C}, SETTINGS, 1.0, 1.0, 1.0, accuracy, pictures, np.zeros((1, 2)), "")


def test_what_is_within_noise_of_the_best_is_marked():
    """Of 1000 pictures, 0.9 is known to 0.0095 only."""
    places = curve([some(1, 0.85), some(2, 0.892), some(3, 0.9), some(4, 0.889)])
    assert [place.best for place in places] == [False, False, True, False]
    assert [place.near for place in places] == [False, True, True, False]
    spread = curve([some(1, 0.8), some(1, 0.98), some(2, 0.82), some(2, 0.82)])
    assert [place.near for place in spread] == [True, True]  # 0.89, give or take 0.09
    nothing = curve([some(1, math.nan, 0)])
    assert (nothing[0].best, nothing[0].near) == (False, False)
    assert curve([]) == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("C", [0.001, 0.01, 0.1, 1, 10, 100, 1000]),
        ("learning_rate", [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100]),
        ("batch_size", [2, 4, 8, 16, 32, 64, 128]),
        ("images", [12, 25, 50, 100, 200, 400, 800]),
        ("seed", [0, 1, 2, 3, 4, 5, 6]),
        ("features", ["pixels", "straightened", "strokes"]),
        ("jitter", [0, 3, 5, 8, 11, 13, 16]),
    ],
)
def test_values_are_proposed_on_the_settings_own_scale(name, values):
    assert sorted(propose(name, SETTINGS), key=str) == sorted(values, key=str)


@pytest.mark.parametrize("name", vars(SETTINGS))
def test_every_value_proposed_can_be_set(name):
    values = propose(name, SETTINGS)
    assert len(values) > 1
    for value in values:
        replace(SETTINGS, **{name: value})


@pytest.mark.parametrize(
    ("values", "seeds", "words"),
    [
        ({}, 1, "one or two"),
        ({"c": [1]}, 1, "no setting 'c'"),
        ({"C": []}, 1, "0 runs"),
        ({"C": [1.0] * 21, "images": [50] * 10}, 1, "210 runs"),
        ({"C": [1.0]}, 0, "at least one seed"),
        ({"seed": [1, 2]}, 2, "seed"),
        ({"C": [-1.0]}, 1, "C"),
    ],
)
def test_what_cannot_be_swept_gets_a_sentence(values, seeds, words):
    with pytest.raises(UserError, match=words):
        plan(SETTINGS, values, seeds)


def test_the_command_line_prints_and_writes_the_curve(tmp_path, capsys, few):
    table = tmp_path / "curve.csv"
    few_words = ["--images", "300", "--iterations", "8", "--seeds", "2", "--csv", str(table)]
    assert main(["sweep", "C=0.001,1", *few_words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["C", "0.001", "1"]
    assert sum(line.endswith(" best") for line in lines) >= 1
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["C"], row["seed"]) for row in rows] == [
        ("0.001", "0"), ("0.001", "1"), ("1", "0"), ("1", "1")
    ]  # fmt: skip
    mean = np.mean([float(row["heldout_accuracy"]) for row in rows[2:]])
    assert f"{mean:.2%}" in lines[2]
    assert main(["sweep", "c=1"]) == 1
    assert "no setting 'c'" in capsys.readouterr().err
    assert main(["sweep", "C=-1"]) == 1
    assert "C (L2) cannot be" in capsys.readouterr().err


def test_the_command_line_sweeps_any_set_and_leaves_some_of_it_to_compare_by(tmp_path, capsys, few):
    np.savez(tmp_path / "own.npz", x=few.images[:400], y=few.labels[:400])
    data = ["--data", str(tmp_path / "own.npz")]
    assert main(["sweep", "C=0.01,1", "--iterations", "4", *data]) == 0
    said = capsys.readouterr()
    assert "no test part" in said.err
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines] == ["C", "0.01", "1"]
    assert any(line.endswith(" best") for line in lines)
    assert "nan" not in said.out


def test_a_sweep_as_a_script_makes_the_same_sweep(train_set, test_set, capsys):
    settings = replace(SETTINGS, images=150, iterations=4, solver="lbfgs", C=0.1)
    values = {"C": [0.01, math.inf], "images": [100, 150]}
    script = sweep_as_script(settings, values, seeds=2)
    assert script.count("\n") <= 40
    exec(script, names := {})
    assert capsys.readouterr().out.count("\n") == 4
    expected = list(sweep(settings, train_set, values, 2, test_set))
    for one, other in zip(names["results"], expected, strict=True):
        assert one.settings == other.settings
        np.testing.assert_array_equal(one.theta, other.theta)
