"""Runs in threads: the queue, pauses and stops, and whom they belong to."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lrcore.errors import UserError
from lrcore.settings import Settings
from lrcore.training import Outcome, Run, RunRequest
from tests.helpers import wait_for
from ui.train import runs as module
from ui.train.jobs import PAGE_THREAD, Job, Slots, page_in_the_making
from ui.train.runs import MOST_UNENDED, Runs

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
    slots = Slots(2)
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


def test_a_pause_holds_in_the_middle_of_a_step_and_does_not_count_as_work(runs, data):
    # One step of this takes far longer than the pause needs to be seen.
    job = runs.start(
        RunRequest(Settings(solver="mini-batch", batch_size=1, images=3_000, iterations=1), *data)
    )
    wait_for(lambda: len(job.history) == 1)
    job.pause()
    began = time.monotonic()
    time.sleep(1.5)
    assert len(job.history) == 1
    job.go_on()
    job.join(30)
    assert len(job.history) == 2
    assert job.history[1].seconds < time.monotonic() - began - 1.4


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
    wait_for(lambda: first.history and second.history and third.before == 1)
    assert third.state == "waiting"
    assert not third.history
    first.pause()
    wait_for(lambda: third.history)
    first.go_on()
    wait_for(lambda: first.before == 1)
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


def test_a_run_ends_when_its_user_is_gone(slots, data, monkeypatch):
    monkeypatch.setattr("ui.train.jobs.PRESENCE_CHECK", 0.05)
    gone = threading.Event()
    jobs = [
        Job(name, RunRequest(Settings(**FOREVER), *data), slots, gone.is_set, allowed)
        for name, allowed in (("busy", np.inf), ("paused", 0))
    ]
    wait_for(lambda: len(jobs[0].history) > 2)
    gone.set()
    for job in jobs:
        job.join(20)
        assert job.finished
        assert job.outcome is Outcome.STOPPED
        assert "browser" in job.message
        assert job.weights is None


def test_a_page_in_the_making_is_seen():
    def script():
        import streamlit as st

        from ui.train.jobs import page_in_the_making

        st.text(page_in_the_making())

    assert not page_in_the_making()
    assert AppTest.from_function(script).run().text[0].value == "True"
    assert not page_in_the_making()


@pytest.fixture
def endless_page():
    """A page that is in the making until this event is set."""
    over = threading.Event()
    threading.Thread(target=over.wait, name=PAGE_THREAD).start()
    yield over
    over.set()


def test_a_run_gives_way_to_a_page(runs, data, endless_page, monkeypatch):
    monkeypatch.setattr("ui.train.jobs.GIVE_WAY", 3600)
    began = time.monotonic()
    job = runs.start(RunRequest(Settings(**FOREVER), *data))
    time.sleep(0.5)
    assert not job.history
    endless_page.set()
    wait_for(lambda: len(job.history) > 3)
    assert job.history[3].seconds < time.monotonic() - began - 0.4


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
    for _ in range(MOST_UNENDED):
        runs.start(RunRequest(Settings(**FOREVER), *data), allowed=0)
    with pytest.raises(UserError, match="stop or delete"):
        runs.start(RunRequest(Settings(**FOREVER), *data))
    runs.delete(runs.shown)
    with pytest.raises(UserError, match="MB"):
        runs.start(RunRequest(Settings(jitter=16), *data))
    large = {**FOREVER, "images": 60_000}
    for _ in range(3):
        runs.delete(runs.shown)
    for _ in range(3):
        runs.start(RunRequest(Settings(**large), *data), allowed=0)
    with pytest.raises(UserError, match="one of them first"):
        runs.start(RunRequest(Settings(**large), *data))


def test_names_are_kept_apart_and_deleting_shows_another_run(runs, data):
    settings = Settings(images=500, iterations=1)
    names = [
        runs.start(RunRequest(settings, *data), name).name for name in ("", "mine", "mine", " ")
    ]
    assert names == ["run 1", "mine", "mine (2)", "run 4"]
    assert runs.shown == "run 4"
    runs.delete("run 4")
    assert runs.shown == "mine (2)"
    for name in names[:3]:
        runs.delete(name)
    assert runs.job is None


def test_an_ended_run_gives_its_pictures_back(runs, data):
    job = runs.start(RunRequest(Settings(images=500, iterations=2), *data))
    job.join(20)
    assert job._run is None
    assert job.theta.shape == (10, 785)
