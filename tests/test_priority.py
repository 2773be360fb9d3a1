"""Pages go first: a few at a time; what was brought, and what trains, stands back."""

from __future__ import annotations

import os
import sys
import threading

import pytest
from streamlit.testing.v1 import AppTest

from ui import priority

LONG = 30.0


def niceness() -> int:
    """How far the calling thread stands back."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


linux = pytest.mark.skipif(sys.platform != "linux", reason="threads have a priority on Linux alone")


@linux
def test_what_is_done_aside_stands_back_and_the_page_does_not():
    before = niceness()
    inside, started = priority.aside(lambda: (niceness(), in_thread(niceness)))
    assert inside == started == before + priority.NICENESS
    assert niceness() == before


def test_what_goes_wrong_aside_goes_wrong_on_the_page():
    with pytest.raises(ZeroDivisionError):
        priority.aside(lambda: 1 / 0)
    # And the place is free again.
    assert [priority.aside(lambda: 5) for _ in range(2 * priority.BROUGHT_AT_ONCE)] == [5] * 4


def test_no_thread_left_is_no_memory(monkeypatch):
    def none_left(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(MemoryError):
        priority.aside(lambda: 5)


def test_what_is_done_aside_writes_on_its_page():
    def page():
        import streamlit as st

        from ui.priority import aside

        st.text(aside(lambda: st.caption("on the way") and "done"))

    shown = AppTest.from_function(page).run()
    assert [shown.caption[0].value, shown.text[0].value] == ["on the way", "done"]


def test_so_many_at_once():
    going, most, lock = 0, 0, threading.Lock()
    full = threading.Event()

    def work():
        nonlocal going, most
        with lock:
            going += 1
            most = max(most, going)
            if going == priority.BROUGHT_AT_ONCE:
                full.set()
        full.wait(LONG)
        with lock:
            going -= 1

    threads = [threading.Thread(target=priority.aside, args=(work,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert full.is_set()
    assert (most, going) == (priority.BROUGHT_AT_ONCE, 0)


def test_a_page_waits_for_its_turn_but_not_for_long(monkeypatch):
    monkeypatch.setattr(priority, "SLICE", LONG)
    order, held, leave = [], threading.Semaphore(0), threading.Event()

    def hold():
        with priority.page_in_turn():
            held.release()
            leave.wait(LONG)

    def come():
        with priority.page_in_turn(), priority.page_in_turn():  # a part of it is no other page
            order.append("came")

    holders = [threading.Thread(target=hold) for _ in range(priority.PAGES_AT_ONCE)]
    for thread in holders:
        thread.start()
        assert held.acquire(timeout=LONG)
    late = threading.Thread(target=come)
    late.start()
    late.join(0.1)
    assert order == []
    monkeypatch.setattr(priority, "SLICE", 0.01)
    in_thread(come)
    assert order == ["came"]
    leave.set()
    for thread in (late, *holders):
        thread.join(LONG)
    assert order == ["came", "came"]
    # All turns are free again, and no more than there were.
    assert turns_free() == priority.PAGES_AT_ONCE


def test_others_have_the_turn_of_a_page_that_waits_for_what_was_brought():
    with priority.page_in_turn():
        assert turns_free() == priority.PAGES_AT_ONCE - 1
        assert priority.aside(turns_free) == priority.PAGES_AT_ONCE
        with pytest.raises(ZeroDivisionError):
            priority.aside(lambda: 1 / 0)
        assert turns_free() == priority.PAGES_AT_ONCE - 1
    assert turns_free() == priority.PAGES_AT_ONCE


def test_runs_wait_while_a_page_is_made_and_no_longer(monkeypatch):
    waited = []
    monkeypatch.setattr(priority._idle, "wait", lambda seconds: waited.append(seconds))
    priority.wait_for_pages(5.0)
    assert waited == [5.0]
    assert priority._idle.is_set()
    with priority.page_in_turn():
        assert not priority._idle.is_set()
        with pytest.raises(KeyError), priority.page_in_turn():
            raise KeyError
        assert not priority._idle.is_set()
    assert priority._idle.is_set()


def turns_free() -> int:
    """How many more pages could be made at once."""
    free = 0
    while priority._turns.acquire(blocking=False):
        free += 1
    priority._turns.release(free)
    return free


def in_thread(work):
    """What a thread of its own makes of it."""
    done = []
    thread = threading.Thread(target=lambda: done.append(work()))
    thread.start()
    thread.join(LONG)
    return done[0]
