"""Runs from settings to weights."""

import math

import numpy as np
import pytest

from lrcore.augment import training_set, training_set_labels
from lrcore.errors import UserError
from lrcore.settings import Settings
from lrcore.styles import STYLES
from lrcore.training import Outcome, Own, Pictures, Run, RunRequest, split
from lrcore.weights import REST

pytestmark = pytest.mark.numeric


def small(**changes):
    given = {"images": 600, "iterations": 15, "solver": "gradient-descent"}
    return Settings(**(given | changes))


def test_the_same_seed_gives_the_same_theta_bit_for_bit(train_set):
    runs = [Run(RunRequest(small(solver="mini-batch", seed=5), train_set)) for _ in range(2)]
    for run in runs:
        list(run.steps())
    assert np.array_equal(runs[0].theta, runs[1].theta)
    other = Run(RunRequest(small(solver="mini-batch", seed=6), train_set))
    list(other.steps())
    assert not np.array_equal(runs[0].theta, other.theta)


def test_held_out_pictures_are_not_learned_from(train_set):
    chosen, heldout = split(small(), train_set, np.random.default_rng(0))
    assert len(chosen) == 600
    assert len(heldout) == 10_000
    assert not np.intersect1d(chosen, heldout).size


def test_with_every_picture_in_use_the_curve_follows_the_test_set(train_set, test_set):
    run = Run(RunRequest(small(images=60_000), train_set, test_set))
    assert run.pictures.heldout_name == "test"
    assert run.step().heldout_cost > 0


def test_two_digits_see_only_those_two(train_set, test_set):
    run = Run(RunRequest(small(task="two-digits", digit=7, against=1), train_set, test_set))
    list(run.steps())
    weights = run.weights()
    assert weights.theta.shape == (1, 785)
    assert weights.classes.tolist() == [1, 7]
    assert weights.record["test_images"] == int(np.isin(test_set.labels, [1, 7]).sum())
    assert weights.record["test_accuracy"] > 0.95


@pytest.mark.parametrize(
    ("changes", "asked_for", "yes"),
    [
        ({"task": "two-digits", "digit": 7, "against": 1}, [1, 7], 7),
        ({"task": "one-digit", "digit": 7}, range(10), 7),
    ],
)
def test_the_held_out_accuracy_of_one_model_is_that_of_its_answers(
    train_set, changes, asked_for, yes
):
    run = Run(RunRequest(small(**changes), train_set))
    last = list(run.steps())[-1]
    _, heldout = split(run.settings, train_set, np.random.default_rng(run.settings.seed))
    data = train_set.take(heldout)
    data = data.take(np.isin(data.labels, asked_for))
    scores = data.images.reshape(len(data), 784) / 255 @ run.theta[0, 1:] + run.theta[0, 0]
    truth = data.labels == yes
    assert last.heldout_accuracy == pytest.approx(np.mean((scores > 0) == truth), abs=2e-4)
    log_loss = np.logaddexp(0, np.where(truth, -scores, scores)).mean()
    assert last.heldout_cost == pytest.approx(log_loss, rel=1e-5)


def test_one_digit_against_the_rest(train_set, test_set):
    run = Run(RunRequest(small(task="one-digit", digit=0, iterations=40), train_set, test_set))
    list(run.steps())
    weights = run.weights()
    assert weights.classes.tolist() == [REST, 0]
    assert weights.record["test_images"] == 10_000
    assert weights.record["test_accuracy"] > 0.95


def test_a_run_that_diverges_shows_it_and_says_why(train_set):
    run = Run(RunRequest(small(learning_rate=50.0, iterations=500), train_set))
    points = list(run.steps())
    assert points[-1].cost > points[0].cost
    assert run.outcome is Outcome.DIVERGED
    assert "learning rate of 50" in run.message
    assert len(points) < 500


def test_early_stopping_stops_when_held_out_cost_rises(train_set):
    run = Run(
        RunRequest(
            small(solver="lbfgs", images=100, C=1e6, iterations=300, patience=3, tolerance=0.0),
            train_set,
        )
    )
    points = list(run.steps())
    assert run.outcome is Outcome.EARLY
    costs = [point.heldout_cost for point in points]
    assert int(np.argmin(costs)) == len(costs) - 1 - 3


@pytest.mark.parametrize(
    ("changes", "outcome"), [({}, Outcome.DONE), ({"tolerance": 1.0}, Outcome.ARRIVED)]
)
def test_a_run_says_how_it_ended(train_set, changes, outcome):
    run = Run(RunRequest(small(**changes), train_set))
    assert run.outcome is run.message is None
    list(run.steps())
    assert run.outcome is outcome
    assert run.message == run.ending.message
    assert not outcome.bad
    assert run.step() is None


def test_a_run_can_start_from_weights(train_set):
    first = Run(RunRequest(small(), train_set))
    list(first.steps())
    second = Run(RunRequest(small(iterations=5), train_set, start=first.weights()))
    assert second.step().cost == pytest.approx(first.history[-1].cost, abs=1e-10)
    with pytest.raises(UserError, match="does not fit"):
        Run(RunRequest(small(task="one-digit"), train_set, start=first.weights()))


def test_no_pictures_to_tell_apart_is_said(train_set):
    with pytest.raises(UserError, match="all of one digit"):
        Run(RunRequest(small(), train_set.take(train_set.labels == 4)))
    with pytest.raises(UserError, match="No picture of a 9"):
        Run(RunRequest(small(task="one-digit", digit=9), train_set.take(train_set.labels < 9)))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"images": 5}, "[Ii]mages"),
        ({"C": 0}, "C "),
        ({"learning_rate": math.nan}, "Learning rate"),
        ({"features": "wavelets"}, "Features"),
        ({"iterations": None}, "missing"),
        ({"task": "two-digits", "digit": 3, "against": 3}, "different digits"),
    ],
)
def test_a_bad_setting_is_said_by_name(changes, says):
    with pytest.raises(UserError, match=says):
        Settings(**changes)


@pytest.mark.parametrize("task", [{}, {"task": "two-digits"}, {"task": "one-digit"}])
@pytest.mark.parametrize("features", ["pixels", "strokes"])
@pytest.mark.parametrize(("images", "styles", "jitter"), [(700, 0, 0), (300, 2, 0), (200, 3, 2)])
@pytest.mark.parametrize("own", [None, False, True])
def test_the_size_of_a_run_is_known_before_it_is_made(
    train_set, test_set, task, features, images, styles, jitter, own
):
    settings = Settings(images=images, styles=styles, jitter=jitter, features=features, **task)
    train, some = train_set.take(slice(0, 1500)), test_set.take(slice(0, 400))
    own = None if own is None else Own(some.take(slice(0, 90)), some, alone=own)
    request = RunRequest(settings, train, some, own=own)
    known = Pictures(request)
    run = Run(request)
    run.prepare()
    made = [design.X for design in run.pictures.designs]
    assert known.nbytes == sum(X.nbytes for X in made)
    # None of what was counted is missing: no picture is without ink.
    assert all(X.any(axis=1).all() for X in made)
    assert known.nbytes > 0


def test_the_size_of_a_training_set_is_known_before_it_is_made(train_set):
    some = train_set.take(slice(0, 40))
    for styles in (0, 1, 3):
        for jitter in (0, 1, 4):
            made = training_set(some, styles, jitter)
            labels = training_set_labels(some.labels, styles, jitter)
            assert len(made.images) == len(labels) == 40 * (1 + jitter) + styles * len(STYLES)
            np.testing.assert_array_equal(made.labels, labels)


class Halt(Exception):
    """What a checkpoint raises in these tests."""


@pytest.mark.parametrize(
    ("settings", "passed"),
    [
        ({"jitter": 3, "images": 2500}, 9),
        ({"styles": 2, "images": 600}, 20),
        ({"features": "strokes", "jitter": 1, "images": 640}, 5),
    ],
)
def test_the_checkpoint_is_passed_while_pictures_are_made_and_features_prepared(
    train_set, settings, passed
):
    calls = 0

    def checkpoint():
        nonlocal calls
        calls += 1
        if calls == passed:
            raise Halt

    with pytest.raises(Halt):
        Run(RunRequest(Settings(**settings), train_set), checkpoint=checkpoint).prepare()
    assert calls == passed


def test_a_run_knows_the_rate_before_it_was_last_turned_up(train_set):
    run = Run(RunRequest(small(images=100, learning_rate=0.2), train_set))
    run.step()
    run.step()
    assert run.jump is None
    # Turned down is no jump: nothing is gained by going back to more.
    run.knobs.learning_rate = 0.1
    run.step()
    assert run.jump is None
    run.knobs.learning_rate = 0.15
    run.step()
    assert run.jump.learning_rate == 0.1
    assert [point.iteration for point in run.jump.history] == [0, 1, 2]
