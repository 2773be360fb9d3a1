"""A sweep at work: its runs go through the queue of all runs, a few at a time.

It outlives a page like a run does (`ui/train/jobs.py`), and is looked at and cancelled as one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from lrcore.data import Dataset
from lrcore.errors import UserError
from lrcore.settings import Settings, knob
from lrcore.sweep import Result, learnable, passes, plan, result
from lrcore.training import Outcome, Own, Run, RunRequest
from ui.train.jobs import Job
from ui.train.slots import Slots
from ui.train.sweep_charts import named

# Runs of one sweep that stand in the queue at a time: those of others get their turns.
AT_ONCE = 2
# Runs that a sweep of the page may have, since it keeps the thetas of all: seven by seven.
MOST_TRIALS = 49
# Thetas on the way that are kept of each.
KEPT_THETAS = 8
# Pictures beside the training ones whose costs are read at each step, in work of a pass.
WATCHING = 4_000
# What a run takes before its first step, in pictures read.
BEGINNING = 200_000


@dataclass
class Trial:
    """One run of a sweep.

    number : its place in the plan.
    values : what the sweep gives it.
    result : what came of it; None before, and where nothing did.
    """

    number: int
    values: dict[str, Any]
    settings: Settings
    job: Job = field(init=False)
    result: Result | None = None

    @property
    def name(self) -> str:
        """Such as 'C = 0.1, Seed = 2'."""
        told = {**self.values, "seed": self.settings.seed} if self.settings.seed else self.values
        return named(told)

    @property
    def work(self) -> int:
        """About how many pictures it will read, over all its passes."""
        return BEGINNING + passes(self.settings)[0] * (self.settings.images + WATCHING)


class Sweeping:
    """The runs of a sweep, from `begin` on at work.

    settings : of every run, but for what the sweep gives it; where they ask for more images than
        `lrcore.sweep.learnable`, that number is taken.
    train : what is learned from, and what is compared on.
    values, seeds : see `lrcore.sweep.plan`.
    slots, gone : as of `Job`.
    own : digits of one's own, learned from besides, or alone; those are compared on what of them is
        kept back.

    Attributes: `trials`, in the order of the plan; `cancelled`; `in_view`, whether
    the page shows it, or did when it was left.

    Raises UserError for values that cannot be.
    """

    def __init__(
        self,
        settings: Settings,
        train: Dataset,
        values: Mapping[str, Sequence[Any]],
        seeds: int,
        slots: Slots,
        gone: Callable[[], bool] = lambda: False,
        own: Own | None = None,
    ):
        alone = len(own.learned) if own is not None and own.alone else 0
        self.settings = prepared(settings, train, values, alone)
        self.values, self.seeds = values, seeds
        self.trials = trials(self.settings, values, seeds)
        self.cancelled = self.in_view = False
        for trial in self.trials:
            request = RunRequest(trial.settings, train, own=own)
            trial.job = Job(trial.name, request, slots, gone, at_end=partial(_keep, trial))
        self._gone = gone
        # The shortest first, so that there is something to see soon.
        self._left = sorted(self.trials, key=lambda trial: trial.work)
        self._lock, self._began = threading.Lock(), time.monotonic()
        self._threads = [
            threading.Thread(target=self._work, name="sweep", daemon=True) for _ in range(AT_ONCE)
        ]

    def begin(self) -> None:
        """Start; UserError where the system has no threads left."""
        try:
            for thread in self._threads:
                thread.start()
        except RuntimeError as error:
            self.cancel()
            raise UserError("The server has too much to do for a sweep; try later.") from error

    def cancel(self) -> None:
        """End all runs that have not ended; what came of the others is kept."""
        self.cancelled = True
        for trial in self.trials:
            if not trial.job.finished:
                trial.job.stop("Stopped: the sweep was cancelled.")

    @property
    def results(self) -> list[Result]:
        """What is there already, in the order of the plan."""
        return [trial.result for trial in self.trials if trial.result is not None]

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def failed(self) -> list[Trial]:
        """The runs that could not begin, or broke off; why, their jobs' messages say."""
        return [trial for trial in self.trials if trial.job.outcome is Outcome.FAILED]

    def seconds_left(self) -> float | None:
        """How long the rest would take, at the pace so far; None before the first result."""
        done = sum(trial.work for trial in self.trials if trial.result is not None)
        if not done or self.finished:
            return None
        total = sum(trial.work for trial in self.trials)
        return (time.monotonic() - self._began) * (total - done) / done

    def _work(self) -> None:
        while not self.cancelled and not self._gone():
            with self._lock:
                trial = self._left.pop(0) if self._left else None
            if trial is None:
                return
            try:
                trial.job.begin()
            except UserError as error:
                trial.job.stop(str(error))
                return
            trial.job.join()
            # All are kept, so each but thinly.
            kept = trial.job.snapshots
            trial.job.snapshots = kept[:: max(1, -(-len(kept) // KEPT_THETAS))]


def prepared(
    settings: Settings,
    train: Dataset,
    values: Mapping[str, Sequence[Any]] | None = None,
    alone: int = 0,
) -> Settings:
    """The settings that a sweep runs with: see `Sweeping`.

    alone : how many own digits all runs learn from, and from nothing else.

    Raises UserError where the values ask for more images than there are to learn from.
    """
    if alone:
        if "images" in (values or {}):
            raise UserError(
                "All of your own digits are learned from, however many images are asked for: try "
                "several values of something else, or learn from MNIST."
            )
        return replace(settings, images=max(alone, int(knob("images").low or 0)))
    most = learnable(settings, train)
    if (asked := max((values or {}).get("images", [0]))) > most:
        raise UserError(
            f"A sweep learns from {most:,} pictures at most, not {asked:,}: the others are kept to "
            "compare by."
        )
    return replace(settings, images=min(settings.images, most))


def trials(settings: Settings, values: Mapping[str, Sequence[Any]], seeds: int) -> list[Trial]:
    """The plan as trials; UserError for values that cannot be, or too many."""
    planned = plan(settings, values, seeds)
    if len(planned) > MOST_TRIALS:
        raise UserError(
            f"That would be {len(planned)} runs, and {MOST_TRIALS} are made here at most; try "
            "fewer values or seeds. The command line makes more."
        )
    return [Trial(number, given, changed) for number, (given, changed) in enumerate(planned)]


def _keep(trial: Trial, run: Run) -> None:
    trial.result = result(trial.values, run)
