"""Training runs at work: each in a thread of its own, so many at a time, the others in a queue.

A run outlives a page and a lost connection, since it is no part of a script run:
its thread takes the steps, and pages only look at it and turn its knobs.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import numpy as np

from lrcore.command import command_of
from lrcore.errors import UserError
from lrcore.training import Ending, Outcome, Pictures, Point, Resume, Run, RunRequest
from lrcore.weights import Weights
from ui.memory import give_back
from ui.priority import stand_back, wait_for_pages
from ui.train.slots import Slots, Wait

# Seconds for which a run gives way to pages, and for what share of them it then works at least.
GIVE_WAY, AT_LEAST = 0.1, 0.3


class _Stopped(Exception):
    """Ends a step in the middle."""


class _Dropped(Exception):
    """Ends the making of features that have been dropped."""


class Job:
    """A run at work in a thread of its own, from `begin` on.

    Parameters
    ----------
    name : what the run is called.
    request : what is run.
    slots : the queue that it stands in.
    gone : says whether nobody is there any more who could want the run.
    allowed : how many iterations it may do at first; infinity to run on, 0 to begin paused.
    resume : where another run of the same request stood, to go on from there.
    story : what to watch for in it, if anything.
    at_end : is given the run once it has come to its end by itself, while its features are there.

    Attributes that a page may read at any time: `history`, `snapshots` (thetas on the way, as
    `Run` keeps them), `theta` (None before the first step), `ending` (None before it), `weights`
    (once it has ended and been tested, None if there are none), `finished` (the thread has
    nothing left to do), `jump` (as of `Run`).  `nbytes` is what its features take in memory,
    `making_nbytes` what making them takes besides.
    """

    def __init__(
        self,
        name: str,
        request: RunRequest,
        slots: Slots,
        gone: Callable[[], bool] = lambda: False,
        allowed: float = math.inf,
        resume: Resume | None = None,
        story: str = "",
        at_end: Callable[[Run], None] = lambda run: None,
    ):
        self.story, self._at_end = story, at_end
        self.name, self.request, self.settings = name, request, request.settings
        self.nbytes = self.making_nbytes = 0
        with suppress(UserError):  # the run's thread says what is wrong
            pictures = Pictures(request)
            self.nbytes, self.making_nbytes = pictures.nbytes, pictures.making_nbytes
        self.allowed, self.stopping = allowed, False
        self.history: list[Point] = list(resume.history) if resume else []
        self.snapshots: list[tuple[int, np.ndarray]] = list(resume.snapshots) if resume else []
        self.ending: Ending | None = None
        self.weights: Weights | None = None
        self.finished = False
        self.heldout_name = "held-out"
        self.jump: Resume | None = None
        self._slots, self._gone, self._resume = slots, gone, resume
        self._run: Run | None = None
        self._placed = self._making = self._dropped = False
        self._turned = resume is not None
        self._keeps_on_until = 0.0
        self._waited, self._checked = 0.0, time.monotonic()
        # What the clock showed after the first step, and which that was.
        self._began: tuple[float, int] | None = None
        self._last_theta: np.ndarray | None = None
        self._last_reached: tuple[Point, np.ndarray] | None = None
        self._thread = threading.Thread(target=self._work, name=f"run {name}", daemon=True)

    def begin(self) -> None:
        """Start the thread; UserError where the system has none left."""
        try:
            self._thread.start()
        except RuntimeError as error:
            raise UserError("The server has too much to do for another run; try later.") from error

    # --- what pages call ---

    @property
    def state(self) -> str:
        """'waiting', 'preparing', 'training', 'paused', 'testing' or 'ended'."""
        if self.finished:
            return "ended"
        if self.ending is not None:
            return "testing"
        if self.allowed <= 0:
            return "paused"
        if self.wait:
            return "waiting"
        return "preparing" if self._making or not self.history else "training"

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None before."""
        ending = self.ending
        return ending and ending.outcome

    @property
    def message(self) -> str | None:
        """A sentence on why it ended; None before."""
        ending = self.ending
        return ending and ending.message

    @property
    def wait(self) -> Wait | None:
        """What it waits for in the queue; None where it does not."""
        return self._slots.wait(self)

    @property
    def theta(self) -> np.ndarray | None:
        """Theta as of the last step, shape (K, 1 + D)."""
        run = self._run
        return self._last_theta if run is None else run.theta

    @property
    def reached(self) -> tuple[Point, np.ndarray] | None:
        """The last point and the very theta that it is about; None before the first."""
        run = self._run
        return self._last_reached if run is None else run.reached

    @property
    def learning_rate(self) -> float | None:
        """The learning rate now; None where the solver has none, or none yet."""
        run = self._run
        return run.knobs.learning_rate if run is not None and run.rated else None

    def set_learning_rate(self, rate: float) -> None:
        """Go on with another learning rate from the next step on."""
        run = self._run
        if run is not None:
            run.knobs.learning_rate = rate
            self._turned = True

    def go_on(self) -> None:
        """Run on to the end, paused or not."""
        self._allow(math.inf)

    def pause(self) -> None:
        """Hold the run where it is, even in the middle of a step."""
        self._allow(0)

    def step(self, count: int = 1) -> None:
        """Do so many iterations, then pause."""
        self._allow(count)

    def stop(self, why: str = "Stopped by hand.") -> None:
        """End the run; answers at once, though the thread may need a moment to wind up."""
        with self._slots.changed:
            if self.ending is None:
                self.ending = Ending(Outcome.STOPPED, why)
            self.stopping = True
            self._slots.changed.notify_all()

    def seconds_left(self) -> float | None:
        """How long all its iterations would still take, at the pace so far; None before one."""
        if self._began is None or self.ending is not None:
            return None
        began, first = self._began
        last = self.history[-1].iteration
        if last == first:
            return None
        return (self._clock() - began) / (last - first) * (self.settings.iterations - last)

    def rate_changes(self) -> list[Point]:
        """The first points reached with another learning rate than the ones before them."""
        # Pages ask for every frame, and a history may be long.
        points = list(self.history) if self._turned else []
        return [
            after
            for before, after in pairwise(points)
            if before.learning_rate != after.learning_rate
        ]

    def join(self, timeout: float | None = None) -> None:
        """Wait until the thread has nothing left to do, or for so many seconds."""
        self._thread.join(timeout)

    # --- what the thread does ---

    def _allow(self, count: float) -> None:
        with self._slots.changed:
            self.allowed = count
            self._slots.changed.notify_all()

    def _work(self) -> None:
        stand_back()
        try:
            self._train()
        except _Stopped:
            pass
        except UserError as error:
            self._fail(str(error))
        except MemoryError:
            self._fail("There is not enough memory for this run; use fewer images.")
        except Exception as error:
            logging.getLogger(__name__).exception("A run broke off")
            self._fail(
                f"The run broke off ({type(error).__name__}: {error}); "
                "the curve so far is kept. Change the settings and start again."
            )
        try:
            if self._run is not None:
                # By far the largest part of a run, and no longer needed.
                self._run.release()
            self._wind_up()
        except MemoryError:
            self._fail("There is not enough memory to test this run; its curve is kept.")
        finally:
            self._last_theta, self._last_reached = self.theta, self.reached
            self._run = None
            give_back()
            self._slots.leave(self)
            self.finished = True

    def _fail(self, message: str) -> None:
        self.ending = Ending(Outcome.FAILED, message)

    def _train(self) -> None:
        self._checkpoint()
        self._run = run = Run(self.request, self._checkpoint, self._clock, resume=self._resume)
        self.history, self.snapshots = run.history, run.snapshots
        self.heldout_name = run.pictures.heldout_name
        self._prepare(run)
        before = len(self.history)
        while run.ending is None:
            self._checkpoint()
            point = run.step()
            if len(self.history) == before + 1:
                self._began = self._clock(), self.history[-1].iteration
            if point is not None and point.iteration:
                with self._slots.changed:
                    self.allowed -= 1
        self.jump = run.jump
        self._at_end(run)
        self.ending = self.ending or run.ending

    def _prepare(self, run: Run) -> None:
        """Make the features, and again as often as they are dropped meanwhile."""
        began, self._making = self._clock(), True
        while True:
            try:
                self._dropped = False
                run.prepare()
                break
            except _Dropped:
                self._dropped = False
                self._wait()
        self._making = False
        self._slots.prepared(self)
        self._waited += self._clock() - began

    def _wind_up(self) -> None:
        """Test the model that came out."""
        if self._run is None or len(self.history) < 2 or self._gone():
            return
        if not np.isfinite(self._run.theta.astype(np.float32)).all():
            return
        command = None
        # A command knows nothing of rates turned on the way, or of what a session holds.
        request = self.request
        if not self._turned and request.start is None and request.own is None:
            done = replace(self.settings, iterations=self.history[-1].iteration)
            command = command_of(done, f"{self.name}.npz")
        self.weights = self._run.weights(self.name, command)

    def _checkpoint(self) -> None:
        """Passed between blocks of pictures: waits while paused, raises once stopped."""
        self.check_presence()
        self._give_way()
        if self.allowed <= 0 or not self._placed or self._slots.turn_is_over(self):
            self._wait()
        if self.stopping:
            raise _Stopped
        if self._dropped:
            if self._run is None or self._making:
                raise _Dropped
            self._prepare(self._run)

    def _wait(self) -> None:
        began = time.perf_counter()
        self._slots.enter(self)
        self._placed = True
        self._waited += time.perf_counter() - began
        if self.stopping:
            raise _Stopped

    # --- what the queue calls, with its lock held, while the thread waits in it ---

    @property
    def letting_go(self) -> bool:
        """Whether it has to leave what it makes half done, since that has been dropped."""
        return self._dropped and self._making

    def drop_features(self) -> None:
        """Give their memory back; they are made again before the run goes on."""
        self._dropped = True
        if self._run is not None:
            self._run.release()

    def _give_way(self) -> None:
        """Leave the interpreter to pages in the making, but keep a share of the time.

        A page takes it a hundred times, and each time a run that computes would be in its way.
        """
        began = time.perf_counter()
        if began < self._keeps_on_until:
            return
        wait_for_pages(GIVE_WAY)
        given = time.perf_counter() - began
        self._waited += given
        self._keeps_on_until = began + (1 + AT_LEAST) * given

    def _clock(self) -> float:
        return time.perf_counter() - self._waited

    def check_presence(self) -> None:
        """Stop if nobody is there any more."""
        if time.monotonic() - self._checked > self._slots.check:
            self._checked = time.monotonic()
            if self._gone():
                self.stop("Stopped: its browser has been gone for a minute.")
