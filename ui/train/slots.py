"""The queue of runs: who works, who waits, and whose features are in memory.

    new ──► paused ◄────────── pause ──────────┐
              │  ▲                             │
       resume │  │ pause                       │
              ▼  │                             │
            waiting ── place and memory ──► working ── its end ──► left
               ▲                               │
               └──── its turn is over, ────────┘
                     and others wait

A place is one of `size`; memory is a share of `budget`, which a run takes at its first turn and
keeps until it leaves.  Where it runs short, features are dropped: those of paused runs first, then
those of runs that wait and have had them for HOLD seconds.  At its next turn a run makes them
again.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ui.train.jobs import Job

# Seconds that a run works before it gives its place to one that waits, if one does.
TURN = 4.0
# Seconds that a run keeps its features, from when they are made, while others wait for memory.
HOLD = 20.0
# Seconds between two checks of whether a user is still there.
CHECK = 2.0
# Megabytes of features for all the runs of a process: two on all of MNIST's strokes, one of them in
# the making.  With fifty who draw, the process takes up to 1.3 GB then (`benchmarks/load.py`).
MEGABYTES = 600


class Wait(NamedTuple):
    """What a run waits for.

    before : runs before it in the queue, those at work included.
    memory : whether memory is what the queue waits for, rather than a place.
    seconds : about how long it will be.
    """

    before: int
    memory: bool
    seconds: float


class Slots:
    """So many runs at a time, in turns, and so much memory; see the top of this module.

    `changed` guards all that the runs' threads and the pages share.
    """

    def __init__(
        self,
        size: int,
        megabytes: int = MEGABYTES,
        turn: float = TURN,
        hold: float = HOLD,
        check: float = CHECK,
    ):
        self.changed, self.check = threading.Condition(), check
        self._size, self._budget, self._turn, self._hold = size, megabytes * 2**20, turn, hold
        self._working: dict[Job, float] = {}  # and since when
        self._waiting: list[Job] = []
        self._memory: dict[Job, int] = {}  # in bytes
        self._prepared: dict[Job, float] = {}  # and since when

    # --- what the runs' threads call ---

    def enter(self, job: Job) -> None:
        """Give the place up; return once the job has one again, must stop, or must let go."""
        with self.changed:
            self._working.pop(job, None)
            self.changed.notify_all()
            while not (job.stopping or job.letting_go or self._may_work(job)):
                self.changed.wait(self.check)
                job.check_presence()

    def turn_is_over(self, job: Job) -> bool:
        """Whether a job at work should give its place to one that waits for it."""
        if not self._waiting:  # seen without the lock, since it is asked for every block
            return False
        with self.changed:
            over = time.monotonic() - self._working.get(job, 0) > self._turn
            return over and bool(self._waiting) and self._to_drop(self._waiting[0], job) is not None

    def prepared(self, job: Job) -> None:
        """The job's features are made: what making them took besides is free."""
        with self.changed:
            self._memory[job], self._prepared[job] = job.nbytes, time.monotonic()
            self.changed.notify_all()

    def leave(self, job: Job) -> None:
        """Forget the job, and all that it has."""
        with self.changed:
            self._working.pop(job, None)
            self._unqueue(job)
            self._memory.pop(job, None)
            self._prepared.pop(job, None)
            self.changed.notify_all()

    # --- what pages call ---

    def wait(self, job: Job) -> Wait | None:
        """What the job waits for; None if it does not."""
        with self.changed:
            if job not in self._waiting:
                return None
            now, at = time.monotonic(), self._waiting.index(job)
            left = [max(0.0, self._turn - (now - since)) for since in self._working.values()]
            turns = sorted([0.0] * (self._size - len(left)) + left)
            seconds = turns[at % self._size] + at // self._size * self._turn
            memory = self._to_drop(self._waiting[0]) is None
            if memory:
                held = [self._hold - (now - since) for since in self._prepared.values()]
                seconds += max(0.0, min(held, default=self._hold))
            return Wait(at + len(left), memory, seconds)

    # --- how it is decided; all of it with the lock held ---

    def _may_work(self, job: Job) -> bool:
        """Put the job where it belongs: paused, waiting or at work; True for the last."""
        if job.allowed <= 0:
            self._unqueue(job)
            return False
        if job not in self._waiting:
            self._waiting.append(job)
        if self._waiting[0] is not job or len(self._working) >= self._size:
            return False
        drop = self._to_drop(job)
        if drop is None:
            return False
        for other in drop:
            self._drop(other)
        self._waiting.remove(job)
        self._working[job] = time.monotonic()
        self._memory.setdefault(job, job.nbytes + job.making_nbytes)
        self.changed.notify_all()  # another may be the first in the queue now
        return True

    def _to_drop(self, job: Job, leaving: Job | None = None) -> list[Job] | None:
        """Whose features have to go so that the job's fit in; None where they cannot.

        What fits in nowhere may be there alone.

        leaving : a job at work, as if it waited.
        """
        if job in self._memory:
            return []
        short = sum(self._memory.values()) + job.nbytes + job.making_nbytes - self._budget
        drop = []
        idle = [other for other in self._memory if other not in self._working or other is leaving]
        for other in sorted(idle, key=lambda other: other.allowed > 0):  # the paused ones first
            if short <= 0:
                break
            if other.allowed <= 0 or self._held_long(other):
                drop.append(other)
                short -= self._memory[other]
        return drop if short <= 0 or len(drop) == len(self._memory) else None

    def _held_long(self, job: Job) -> bool:
        since = self._prepared.get(job)
        return since is not None and time.monotonic() - since > self._hold

    def _drop(self, job: Job) -> None:
        del self._memory[job]
        self._prepared.pop(job, None)
        job.drop_features()

    def _unqueue(self, job: Job) -> None:
        if job in self._waiting:
            self._waiting.remove(job)
            self.changed.notify_all()
