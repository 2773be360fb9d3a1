"""Runs in threads: the queue, pauses and stops, and whom they belong to."""

import gc
import os
import sys
import threading
import time
import weakref

import numpy as np
import pytest

from lrcore.errors import UserError
from lrcore.settings import Settings
from lrcore.training import Outcome, Run, RunRequest
from tests.helpers import wait_for
from ui.priority import NICENESS, page_in_turn, wait_for_pages
from ui.train import runs as module
from ui.train.jobs import Job
from ui.train.runs import MOST_UNENDED, Runs
from ui.train.slots import Slots

FOREVER = {"solver": "gradient-descent", "images": 500, "iterations": 100_000, "tolerance": 0.0}


@pytest.fixture
def runs():
    """A session's runs, all stopped in the end."""
    runs = Runs()
    yield runs
    for job in runs.jobs.values():
        job.stop()
    for job in runs.jobs.values():
        job.join(20)


@pytest.fixture
def slots(monkeypatch):
    """Two places, whatever the machine."""
    return use(Slots(2, turn=3600), monkeypatch)


def use(slots, monkeypatch):
    """Have all runs stand in this queue."""
    monkeypatch.setattr(module, "slots", lambda: slots)
    return slots


@pytest.fixture
def data(train_set, test_set):
    return train_set, test_set


def test_a_run_in_a_thread_is_the_run_itself_bit_for_bit(runs, data):
    settings = Settings(solver="mini-batch", images=600, iterations=5, seed=3)
    job = runs.start(RunRequest(settings, *data))
    job.join(30)
    alone = Run(RunRequest(settings, *data))
    list(alone.steps())
    assert np.array_equal(job.theta, alone.theta)
    assert job.weights.record == alone.weights().record | {"command": job.weights.record["command"]}
    assert "--seed 3" in job.weights.record["command"]


def test_pausing_stepping_and_going_on_change_nothing(runs, data):
    settings = Settings(solver="mini-batch", images=600, iterations=14, seed=3)
    job = runs.start(RunRequest(settings, *data), allowed=0)
    assert job.state == "paused"
    job.step(1)
    wait_for(lambda: job.state == "paused")
    assert job.history[-1].iteration == 1
    job.step(10)
    wait_for(lambda: job.state == "paused")
    assert job.history[-1].iteration == 11
    job.go_on()
    job.join(30)
    alone = Run(RunRequest(settings, *data))
    list(alone.steps())
    assert np.array_equal(job.theta, alone.theta)
    assert job.ending == alone.ending


def test_reset_brings_the_same_run_again(runs, data):
    settings = Settings(solver="adam", images=600, iterations=4)
    first = runs.start(RunRequest(settings, *data))
    first.join(30)
    runs.reset(first.name)
    again = runs.job
    assert (again.name, again.state, again.history) == (first.name, "paused", [])
    again.go_on()
    again.join(30)
    assert np.array_equal(again.theta, first.theta)


def test_a_pause_holds_in_the_middle_of_a_step_and_does_not_count_as_work(runs, slots, data):
    # One step of this takes far longer than the pause needs to be seen.
    job = runs.start(
        RunRequest(Settings(solver="mini-batch", batch_size=1, images=3_000, iterations=1), *data)
    )
    wait_for(lambda: len(job.history) == 1)
    began = time.perf_counter()
    job.pause()
    wait_for(lambda: job not in slots._working)
    held = time.perf_counter()
    # Meanwhile another one does all of its work.
    other = runs.start(RunRequest(Settings(solver="mini-batch", images=3_000, iterations=9), *data))
    other.join(30)
    assert len(other.history) == 10
    assert len(job.history) == 1
    paused = time.perf_counter() - held
    job.go_on()
    job.join(30)
    assert len(job.history) == 2
    first, last = job.history
    assert last.seconds - first.seconds <= time.perf_counter() - began - paused


def test_stopping_answers_at_once_and_an_unfinished_step_leaves_no_trace(runs, data):
    job = runs.start(RunRequest(Settings(solver="mini-batch", batch_size=1, images=60_000), *data))
    wait_for(lambda: len(job.history) == 1)
    job.stop()
    assert job.ending == (Outcome.STOPPED, "Stopped by hand.")
    job.join(5)
    assert job.finished
    assert len(job.history) == 1
    assert job.weights is None  # not one iteration was completed


def test_the_third_run_waits_for_a_place_and_a_pause_gives_one_up(runs, slots, data):
    first, second, third = (runs.start(RunRequest(Settings(**FOREVER), *data)) for _ in range(3))
    wait_for(lambda: first.history and second.history and third.wait)
    assert third.state == "waiting"
    assert third.wait.before == 2
    assert not third.wait.memory
    assert 0 <= third.wait.seconds <= 3600
    first.pause()
    wait_for(lambda: third.history)
    first.go_on()
    wait_for(lambda: first.wait)
    second.stop()
    wait_for(lambda: first.state == "training")


def test_a_stopped_run_keeps_and_tests_what_it_learned(runs, data):
    job = runs.start(RunRequest(Settings(**FOREVER), *data))
    wait_for(lambda: len(job.history) > 3)
    job.stop()
    assert job.state in ("testing", "ended")
    job.join(20)
    assert job.weights.record["test_images"] == 10_000
    assert job.weights.record["iterations"] == job.history[-1].iteration
    assert f"--iterations {job.history[-1].iteration} " in job.weights.record["command"]


def test_the_learning_rate_turned_in_the_middle_is_marked_and_no_command_claims_the_run(runs, data):
    job = runs.start(RunRequest(Settings(**FOREVER, learning_rate=0.05), *data), allowed=3)
    wait_for(lambda: job.state == "paused" and job.history)
    job.set_learning_rate(0.1)
    job.step(3)
    wait_for(lambda: job.state == "paused" and len(job.history) == 7)
    assert [point.iteration for point in job.rate_changes()] == [4]
    assert job.rate_changes()[0].learning_rate == 0.1
    job.stop()
    job.join(20)
    assert "command" not in job.weights.record


def test_a_run_ends_when_its_user_is_gone(data):
    slots = Slots(2, check=0.05)
    gone = threading.Event()
    jobs = [
        Job(name, RunRequest(Settings(**FOREVER), *data), slots, gone.is_set, allowed)
        for name, allowed in (("busy", np.inf), ("paused", 0))
    ]
    for job in jobs:
        job.begin()
    wait_for(lambda: len(jobs[0].history) > 2)
    gone.set()
    for job in jobs:
        job.join(20)
        assert job.finished
        assert job.outcome is Outcome.STOPPED
        assert "browser" in job.message
        assert job.weights is None


def test_a_run_that_fits_in_nowhere_works_alone(data):
    slots = Slots(2, megabytes=0)
    first, second = (Job(name, RunRequest(Settings(**FOREVER), *data), slots) for name in "ab")
    try:
        first.begin()
        wait_for(lambda: len(first.history) > 2)
        second.begin()
        wait_for(lambda: second.wait is not None)
        assert second.wait.memory
        first.stop()
        wait_for(lambda: len(second.history) > 2)
    finally:
        for job in (first, second):
            job.stop()
            job.join(20)


@pytest.fixture
def endless_page():
    """A page that is in the making until this event is set."""
    begun, over = threading.Event(), threading.Event()

    def page():
        with page_in_turn():
            begun.set()
            over.wait()

    thread = threading.Thread(target=page)
    thread.start()
    begun.wait()
    yield over
    over.set()
    thread.join()


def test_a_run_gives_way_to_a_page(runs, data, endless_page, monkeypatch):
    asked = threading.Event()

    def waits(seconds):
        asked.set()
        wait_for_pages(seconds)

    monkeypatch.setattr("ui.train.jobs.GIVE_WAY", 3600)
    monkeypatch.setattr("ui.train.jobs.wait_for_pages", waits)
    began = time.perf_counter()
    job = runs.start(RunRequest(Settings(**FOREVER), *data))
    assert asked.wait(60)
    waited = time.perf_counter()
    time.sleep(0.2)
    assert not job.history
    waited = time.perf_counter() - waited
    endless_page.set()
    wait_for(lambda: len(job.history) > 3)
    assert job.history[3].seconds < time.perf_counter() - began - waited


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a priority on Linux alone")
def test_a_run_stands_back(runs, data, monkeypatch):
    ranks = []
    monkeypatch.setattr(
        "ui.train.jobs.wait_for_pages",
        lambda seconds: ranks.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())),
    )
    runs.start(RunRequest(Settings(**FOREVER), *data))
    wait_for(lambda: ranks)
    assert ranks[0] == os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) + NICENESS


def test_a_run_keeps_a_share_of_the_time_however_many_pages(runs, data, endless_page):
    job = runs.start(RunRequest(Settings(**FOREVER), *data))
    wait_for(lambda: len(job.history) > 5)


def test_a_lost_connection_counts_only_after_a_while(monkeypatch):
    active = [True]

    class Server:
        def is_active_session(self, session):
            assert session == "mine"
            return active[0]

    now = [0.0]
    monkeypatch.setattr(module, "exists", lambda: True)
    monkeypatch.setattr(module, "get_instance", Server)
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    presence = module.Presence("mine")
    active[0], now[0] = False, module.AWAY - 1
    assert not presence.gone()
    active[0] = True
    assert not presence.gone()
    active[0], now[0] = False, 2 * module.AWAY
    assert presence.gone()


def test_the_queue_keeps_nothing_of_the_page_that_first_asked_for_it():
    module.slots.clear()
    page = threading.Thread(target=module.slots)
    page.start()
    page.join()
    left = weakref.ref(page)
    del page
    gc.collect()
    assert left() is None


def test_a_run_that_breaks_says_so_and_the_next_one_works(runs, slots, data, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("by a test")

    with monkeypatch.context() as patch:
        patch.setattr("lrcore.training.Run.step", broken)
        job = runs.start(RunRequest(Settings(**FOREVER), *data))
        job.join(20)
    assert job.outcome is Outcome.FAILED
    assert "ZeroDivisionError: by a test" in job.message
    assert job.weights is None
    after = runs.start(RunRequest(Settings(images=500, iterations=3), *data))
    after.join(20)
    assert after.weights is not None


def test_a_run_of_impossible_data_says_what_to_do(runs, data):
    # Ten pictures drawn with this seed hold no 8.
    job = runs.start(RunRequest(Settings(task="one-digit", digit=8, images=10, seed=1), *data))
    job.join(20)
    assert job.outcome is Outcome.FAILED
    assert "use more pictures" in job.message


def test_too_many_unended_runs_and_too_large_ones_are_refused(runs, slots, data):
    with pytest.raises(UserError, match="MB"):
        runs.start(RunRequest(Settings(jitter=16), *data))
    # 60,000, and 5,000 in each of 69 styles: 1,256 MB, and 31 for the test set, which is watched.
    with pytest.raises(UserError, match=r"1,2\d\d MB"):
        runs.start(RunRequest(Settings(styles=5000, features="strokes"), *data))
    assert not runs.jobs
    for _ in range(MOST_UNENDED):
        runs.start(RunRequest(Settings(**FOREVER), *data), allowed=0)
    with pytest.raises(UserError, match="stop or delete"):
        runs.start(RunRequest(Settings(**FOREVER), *data))


def test_where_runs_wait_each_has_its_turn(runs, data, monkeypatch):
    use(Slots(1, turn=0.05), monkeypatch)
    jobs = [runs.start(RunRequest(Settings(**FOREVER), *data)) for _ in range(3)]
    wait_for(lambda: all(job.history for job in jobs))
    before = [len(job.history) for job in jobs]
    wait_for(
        lambda: all(len(job.history) > seen + 3 for job, seen in zip(jobs, before, strict=True))
    )


# A run of these takes 34 MB: 3 for what it learns from, and 31 for what is held out.
LARGE = {**FOREVER, "images": 1_000, "solver": "mini-batch", "seed": 3}


def test_paused_features_are_dropped_for_a_new_run_and_made_again(runs, data, monkeypatch):
    use(Slots(2, megabytes=80), monkeypatch)
    settings = Settings(**LARGE | {"iterations": 6})
    paused = []
    for _ in range(2):
        # One after the other: what was made first is dropped first.
        job = runs.start(RunRequest(settings, *data), allowed=2)
        wait_for(lambda job=job: job.state == "paused" and job.history)
        paused.append(job)
    third = runs.start(RunRequest(settings, *data))
    third.join(30)
    assert [job._dropped for job in paused] == [True, False]
    assert not paused[0]._run.pictures.learned.X.any()
    for job in paused:
        job.go_on()
        job.join(30)
        np.testing.assert_array_equal(job.theta, third.theta)
        assert job.history[-1].cost == third.history[-1].cost


def test_features_dropped_in_the_middle_of_a_step_change_nothing(runs, data, monkeypatch):
    slots = use(Slots(1), monkeypatch)
    settings = Settings(solver="mini-batch", batch_size=1, images=3_000, iterations=1)
    job = runs.start(RunRequest(settings, *data))
    wait_for(lambda: job.history)
    job.pause()
    wait_for(lambda: job not in slots._working)
    assert len(job.history) == 1
    with slots.changed:
        slots._drop(job)
    assert not job._run.pictures.learned.X.any()
    job.go_on()
    job.join(30)
    alone = Run(RunRequest(settings, *data))
    list(alone.steps())
    np.testing.assert_array_equal(job.theta, alone.theta)


def test_features_dropped_while_they_are_made_are_made_anew(runs, data, monkeypatch):
    slots = use(Slots(1), monkeypatch)
    settings = Settings(images=600, iterations=2, jitter=1, styles=8)
    job = runs.start(RunRequest(settings, *data))
    wait_for(lambda: job._making)
    job.pause()
    wait_for(lambda: job not in slots._working)
    assert not job.history
    with slots.changed:
        slots._drop(job)
        slots.changed.notify_all()
    # It has left its half-made pictures behind.
    wait_for(lambda: not job._dropped)
    job.go_on()
    job.join(30)
    alone = Run(RunRequest(settings, *data))
    list(alone.steps())
    np.testing.assert_array_equal(job.theta, alone.theta)


def test_where_no_memory_is_left_a_new_run_waits_and_then_has_its_turn(runs, data, monkeypatch):
    use(Slots(2, megabytes=50, turn=0.05, hold=0.5), monkeypatch)
    first = runs.start(RunRequest(Settings(**LARGE), *data))
    wait_for(lambda: first.history)
    second = runs.start(RunRequest(Settings(**LARGE), *data))
    wait_for(lambda: second.wait and second.wait.memory)
    wait_for(lambda: second.history)
    seen = len(first.history)
    wait_for(lambda: len(first.history) > seen + 1)


def test_an_allocation_that_fails_ends_in_a_sentence(runs, data, monkeypatch):
    def nothing_left(*_):
        raise OSError(12, "Cannot allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr("lrcore.design.mmap.mmap", nothing_left)
        job = runs.start(RunRequest(Settings(**FOREVER), *data))
        job.join(20)
    assert job.outcome is Outcome.FAILED
    assert "not enough memory" in job.message

    def no_room(*_, **__):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("lrcore.training.Run.weights", no_room)
        job = runs.start(RunRequest(Settings(images=500, iterations=2), *data))
        job.join(20)
    assert job.finished
    assert job.outcome is Outcome.FAILED
    assert "not enough memory" in job.message

    def no_thread(_):
        raise RuntimeError("can't start new thread")

    shown = runs.shown
    with monkeypatch.context() as patch:
        patch.setattr("threading.Thread.start", no_thread)
        with pytest.raises(UserError, match="too much to do"):
            runs.start(RunRequest(Settings(**FOREVER), *data))
    assert runs.shown == shown


def test_a_run_goes_back_to_before_its_rate_was_turned_up(runs, data):
    settings = Settings(**FOREVER | {"iterations": 30}, learning_rate=0.2)
    job = runs.start(RunRequest(settings, *data), allowed=5)
    wait_for(lambda: job.state == "paused" and len(job.history) == 6)
    job.set_learning_rate(50.0)
    job.go_on()
    job.join(20)
    assert job.outcome is Outcome.DIVERGED
    # A tenth of it, 5, would be too large as well.
    assert job.message.endswith("instead of falling; before it was 0.2.")
    runs.go_back(job.name)
    again = runs.job
    assert again.name == job.name
    again.join(20)
    assert again.outcome is Outcome.DONE
    assert [point.iteration for point in again.history] == list(range(31))
    assert {point.learning_rate for point in again.history} == {0.2}
    # Gradient descent remembers nothing but theta: as if the rate had never been turned.
    alone = Run(RunRequest(settings, *data))
    list(alone.steps())
    np.testing.assert_array_equal(again.theta, alone.theta)
    # No command could repeat what was done by hand.
    assert "command" not in again.weights.record


def test_names_are_kept_apart_and_deleting_shows_another_run(runs, data):
    settings = Settings(images=500, iterations=1)
    names = []
    for name in ("", "mine", "mine", " "):
        job = runs.start(RunRequest(settings, *data), name)
        job.join(20)
        names.append(job.name)
    assert names == ["run 1", "mine", "mine (2)", "run 4"]
    assert runs.shown == "run 4"
    runs.delete("run 4")
    assert runs.shown == "mine (2)"
    for name in names[:3]:
        runs.delete(name)
    assert runs.job is None


def test_one_more_run_beside_one_that_goes_on_does_not_hide_it(runs, data):
    first = runs.start(RunRequest(Settings(**FOREVER), *data))
    runs.start(RunRequest(Settings(images=500, iterations=1), *data))
    assert runs.job is first
    told = runs.start(RunRequest(Settings(images=500, iterations=1), *data), story="Watch it.")
    assert runs.job is told
    told.join(20)
    after = runs.start(RunRequest(Settings(images=500, iterations=1), *data))
    assert runs.job is after


def test_an_ended_run_gives_its_pictures_back(runs, data):
    job = runs.start(RunRequest(Settings(images=500, iterations=2), *data))
    job.join(20)
    assert job._run is None
    assert job.theta.shape == (10, 785)
