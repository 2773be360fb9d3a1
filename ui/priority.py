"""Who has the processors first: the pages of those who are here.

A process computes in Python on one processor at a time, and nobody who draws should wait for what
somebody else brings, trains, or opens.  So pages are made a few at a time, one after the other;
runs stand back from them, and so does the reading of what was brought.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from ui.memory import give_back_later

# So many pages are made at a time, but for those that have waited for SLICE seconds: while one
# writes to its browser another computes, and of more all would be ready late
# (`python benchmarks/load.py`: with fifty learners, while two train, p95 is 0.5 s so, 0.6 s where
# each is made alone, and 1.7 s where all are made at once).
PAGES_AT_ONCE, SLICE = 2, 0.25
# What was brought is worked on so many at a time, which bounds the memory too.
BROUGHT_AT_ONCE = 2
# How much less than a page a thread is given that stands back: a tenth (Linux, sched(7)).
NICENESS = 10

_turns, _brought = threading.Semaphore(PAGES_AT_ONCE), threading.Semaphore(BROUGHT_AT_ONCE)
# Of a thread that makes a page: whether it does (`making`), and has a turn (`turn`).
_this = threading.local()
_lock, _making, _idle = threading.Lock(), 0, threading.Event()
_idle.set()

Result = TypeVar("Result")


@contextmanager
def page_in_turn() -> Iterator[None]:
    """Around what makes a page, or a part of one: wait for a turn, but never for long."""
    if getattr(_this, "making", False):
        yield
        return
    _begin()
    try:
        yield
    finally:
        _end()
        give_back_later()


def wait_for_pages(seconds: float) -> None:
    """Return once no page is in the making, or after so many seconds."""
    _idle.wait(seconds)


def aside(work: Callable[[], Result]) -> Result:
    """work(), by a thread that stands back; raises what it raises.

    Meanwhile other pages have this one's turn.  `work` may write on the page, but not ask for the
    session's state: a callback holds that until it has come to its end.
    """
    done: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        stand_back()
        try:
            done.append(work())
        except BaseException as error:  # Streamlit ends a run by one, too
            failed.append(error)

    thread = threading.Thread(target=run, name="brought", daemon=True)
    add_script_run_ctx(thread, get_script_run_ctx(suppress_warning=True))
    in_the_making = getattr(_this, "making", False)
    if in_the_making:
        _end()
    try:
        with _brought:
            try:
                thread.start()
            except RuntimeError as error:
                raise MemoryError("no threads are left") from error
            thread.join()
    finally:
        if in_the_making:
            _begin()
    if failed:
        raise failed[0]
    return done[0]


def stand_back() -> None:
    """Have this thread, and those that it starts, compute where no other wants the processor.

    On Linux alone: elsewhere threads have no priority of their own that anybody may lower.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            me = os.PRIO_PROCESS, threading.get_native_id()
            os.setpriority(*me, os.getpriority(*me) + NICENESS)


def _begin() -> None:
    _count(1)
    _this.making, _this.turn = True, _turns.acquire(timeout=SLICE)


def _end() -> None:
    _this.making = False
    if _this.turn:
        _turns.release()
    _count(-1)


def _count(more: int) -> None:
    global _making
    with _lock:
        _making += more
        if _making:
            _idle.clear()
        else:
            _idle.set()
