"""Runs that learn from one's own digits, and runs that start from weights."""

import numpy as np
import pytest

from lrcore.data import as_set
from lrcore.own_set import split_off
from lrcore.settings import Settings
from lrcore.training import Own, Run, RunRequest
from ui.train.runs import Runs

QUICK = {"images": 1000, "iterations": 20}


@pytest.fixture(scope="module")
def mirrored(test_set):
    """A hand that writes as nobody does: test digits upside down, no 0, 1 or 8 among them."""
    some = test_set.take(slice(0, 200))
    odd = some.take(~np.isin(some.labels, (0, 1, 8)))
    return as_set(odd.images[:, ::-1], odd.labels)


def finished(settings, train, test, **more):
    run = Run(RunRequest(settings, train.take(slice(0, 2000)), test, **more))
    for _ in run.steps():
        pass
    return run


def test_own_digits_beside_mnist_are_learned(train_set, test_set, mirrored):
    settings, test = Settings(**QUICK), test_set.take(slice(0, 1000))
    learned, kept_back = split_off(mirrored)
    without = finished(settings, train_set, test, own=Own(as_set(), kept_back)).weights().record
    beside = finished(settings, train_set, test, own=Own(learned, kept_back)).weights().record
    assert without["own_digits"] == 0
    assert beside["own_digits"] == len(learned)
    assert beside["own_images"] == without["own_images"] == len(kept_back)
    assert beside["own_accuracy"] > without["own_accuracy"] + 0.2
    assert beside["test_accuracy"] > 0.75


def test_own_digits_alone_need_no_mnist(train_set, test_set, mirrored):
    learned, kept_back = split_off(mirrored)
    own = Own(learned, kept_back, alone=True)
    test = test_set.take(slice(0, 1000))
    run = finished(Settings(images=10, iterations=20), train_set, test, own=own)
    assert run.pictures.images == len(learned)
    assert run.pictures.heldout_name == "test"
    assert run.weights().record["own_accuracy"] > 0.6


def test_a_run_starts_from_weights_and_says_what_they_read(train_set, test_set, mirrored):
    test = test_set.take(slice(0, 1000))
    settings = Settings(**QUICK)
    start = finished(settings, train_set, test).weights("before")
    learned, kept_back = split_off(mirrored)
    run = Run(RunRequest(settings, train_set, test, start=start, own=Own(learned, kept_back)))
    np.testing.assert_array_equal(run.theta, start.theta)
    for _ in run.steps():
        pass
    record = run.weights("after").record
    assert record["start"] == "before"
    assert record["own_accuracy"] > record["own_accuracy_before"]
    assert run.history[0].cost < 2


def test_own_digits_are_never_written_to_the_disk(
    train_set, test_set, mirrored, tmp_path, monkeypatch
):
    monkeypatch.setattr("lrcore.features.CACHE_FOLDER", tmp_path)
    own = Own(mirrored, as_set(), alone=True)
    finished(Settings(features="straightened", iterations=1), train_set, None, own=own)
    assert list(tmp_path.iterdir()) == []


def test_a_job_keeps_its_beginning_through_a_reset(train_set, test_set, mirrored):
    data = train_set.take(slice(0, 2000)), test_set.take(slice(0, 500))
    own = Own(*split_off(mirrored), alone=True)
    runs = Runs()
    job = runs.start(RunRequest(Settings(**QUICK), *data, own=own))
    job.join(60)
    assert job.weights.record["own_images"] == len(own.kept_back)
    # No command could repeat what a session's own digits have made.
    assert "command" not in job.weights.record
    runs.reset(job.name)
    again = runs.job
    again.go_on()
    again.join(60)
    np.testing.assert_array_equal(again.weights.theta, job.weights.theta)
