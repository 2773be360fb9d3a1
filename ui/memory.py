"""Memory that is free goes back to the system.

glibc gives each thread a heap of its own, as far as there are some, and by itself returns only what
is free at the end of one (mallopt(3): M_ARENA_MAX, M_TRIM_THRESHOLD).  Here each run of a page is a
thread: after `python benchmarks/load.py --attacks 10` half a gigabyte was free, and kept.
"""

from __future__ import annotations

import ctypes
import threading
from contextlib import suppress

# Seconds after a page at which is given back what it, and who left meanwhile, no longer needs.
LATER = 10.0
# glibc, malloc.h
M_ARENA_MAX = -8

_lock, _due = threading.Lock(), False


def _c_library() -> ctypes.CDLL | None:
    """glibc, told to have one heap for all threads; None where there is another C library.

    Python computes in one thread at a time, and large arrays have a place of their own, so that
    nobody waits for that heap.
    """
    with suppress(OSError, TypeError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_ARENA_MAX, 1)
        library.malloc_trim  # noqa: B018 - whether it has one
        return library
    return None


_library = _c_library()


def give_back() -> None:
    """Have the C library return what is free; 1 to 20 ms, 0.1 s where that is much."""
    if _library is not None:
        _library.malloc_trim(0)


def give_back_later() -> None:
    """Do so some seconds from now; many who ask for it in that time get it once."""
    global _due
    with _lock:
        if _due or _library is None:
            return
        timer = threading.Timer(LATER, _now_due)
        timer.daemon = True
        # Where the system has no thread left the next page asks again.
        with suppress(RuntimeError):
            timer.start()
            _due = True


def _now_due() -> None:
    global _due
    with _lock:
        _due = False
    give_back()
