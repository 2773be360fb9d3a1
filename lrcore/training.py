"""A training run from its settings to weights, one step at a time."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import NamedTuple, TextIO

import numpy as np

from lrcore.augment import training_set
from lrcore.data import Dataset
from lrcore.errors import UserError
from lrcore.features import extract, extract_cached
from lrcore.logistic import OneVsAllLoss, curated_labels
from lrcore.reading import Reader, asked
from lrcore.settings import Settings
from lrcore.solvers import SOLVERS, Diverged
from lrcore.weights import Weights

# Pictures that a run does not learn from, where so many are left.
HOLDOUT = 10_000
# At most so many thetas of a run are kept for looking back.
SNAPSHOTS = 64
# Features of larger sets are not kept on disk: they would fill it.
CACHED = 70_000


@dataclass(frozen=True)
class Point:
    """One row of a run's history.

    iteration : 0 is the start.
    seconds : work so far; pauses and watching do not count.
    cost : the total on the training pictures, and `costs`, shape (K,), by class.
    heldout_cost, heldout_accuracy : on pictures that the run does not learn
        from; NaN where there are none.
    gradient_norm, step_length : Euclidean lengths, as in `lrcore.solvers.Step`.
    learning_rate : that led here; None for solvers that search for it.
    """

    iteration: int
    seconds: float
    cost: float
    costs: np.ndarray
    heldout_cost: float
    heldout_accuracy: float
    gradient_norm: float
    step_length: float
    learning_rate: float | None


@dataclass(frozen=True)
class Own:
    """Digits of one's own in a run.

    learned : learned from, beside the training pictures or, if `alone`, in their place.
    kept_back : only read, before and after.
    """

    learned: Dataset
    kept_back: Dataset
    alone: bool = False


@dataclass(frozen=True, eq=False)
class RunRequest:
    """All that a run is started from; the same request, the same run, bit for bit.

    train, test : The test set is reported on at the end, and is what the held-out curve follows
        where every training picture is learned from.
    start : weights of the same classes and features to begin at; theta zero otherwise.
    own : digits of the user's own, to learn from and to be read before and after.
    """

    settings: Settings
    train: Dataset
    test: Dataset | None = None
    start: Weights | None = None
    own: Own | None = None


class Outcome(StrEnum):
    """How a run ended."""

    ARRIVED = "arrived"  # no step lowers the cost any further
    DONE = "done"  # all the iterations asked for
    EARLY = "early"  # the held-out cost has not fallen for `patience` iterations
    STOPPED = "stopped"  # from outside: by hand, or for want of anyone who looks
    DIVERGED = "diverged"  # the learning rate overshoots
    FAILED = "failed"  # it could not begin, or broke off

    @property
    def bad(self) -> bool:
        """Whether something went wrong, which its message says."""
        return self in (Outcome.DIVERGED, Outcome.FAILED)


class Ending(NamedTuple):
    """How a run ended, and a sentence on why."""

    outcome: Outcome
    message: str


class _CheckedLoss(OneVsAllLoss):
    """A loss that passes its run's checkpoint whenever it reads pictures."""

    def __init__(
        self,
        X: np.ndarray,
        targets: np.ndarray,
        C: float,
        workers: int,
        checkpoint: Callable[[], None],
    ):
        super().__init__(X, targets, C, workers)
        self._checkpoint = checkpoint

    def rows(self, chosen: slice | np.ndarray) -> np.ndarray:
        self._checkpoint()
        return super().rows(chosen)


class Run:
    """A training run: a request in, a `Point` a step, `weights` out.

    Parameters
    ----------
    request : RunRequest.
    checkpoint : called again and again, while features are prepared and in the middle of a step;
        it may wait, which pauses the run, or raise, which ends the step without a trace.
    clock : seconds of work so far, as `time.perf_counter`, but still while checkpoint waits.
    workers : threads that share the work; see `OneVsAllLoss`.

    Attributes: `theta`, shape (K, 1 + D), as of the last step; `history`, a list
    of Point; `snapshots`, at most SNAPSHOTS pairs of (iteration, theta in float32), evenly
    spaced from iteration 0 on; `ending`, None while it may go on; `knobs`, which may be turned
    between steps; `rated`, whether there is a learning rate to turn.

    Raises UserError where the request cannot be met.
    """

    def __init__(
        self,
        request: RunRequest,
        checkpoint: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
        workers: int = 1,
    ):
        self.request, self.settings, self.workers = request, request.settings, workers
        self._checkpoint, self._clock = checkpoint, clock
        self.history: list[Point] = []
        self.snapshots: list[tuple[int, np.ndarray]] = []
        self._stride = 1
        self.ending: Ending | None = None
        settings, train, own = request.settings, request.train, request.own
        solver = SOLVERS[settings.solver]
        self.knobs = solver.knobs(
            learning_rate=settings.learning_rate,
            momentum=settings.momentum,
            batch_size=settings.batch_size,
        )
        self.rated = "learning_rate" in solver.uses
        rng = np.random.default_rng(settings.seed)
        alone = own is not None and own.alone
        if own is not None and own.alone:
            train = own.learned
            chosen, heldout = split(replace(settings, images=Settings.images), train, rng)
        else:
            chosen, heldout = split(settings, train, rng)
        self.images = len(chosen)
        learned = train
        if settings.styles or settings.jitter:
            learned = training_set(
                train.take(chosen), settings.styles, settings.jitter, settings.seed, checkpoint
            )
            chosen = np.flatnonzero(asked(settings.classes, learned.labels))
        more = own.learned if own is not None and not alone else None
        self._loss = self._loss_on(learned, chosen, settings.C, more, kept=not alone)
        self._watch(train, heldout)
        self.theta = self._begin(request.start)
        self._steps = solver.function(self._loss, self.theta, self.knobs, rng)
        self._best, self._best_at = math.inf, 0

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None while it may go on."""
        return self.ending and self.ending.outcome

    @property
    def message(self) -> str | None:
        """A sentence on why it ended; None while it may go on."""
        return self.ending and self.ending.message

    def steps(self) -> Iterator[Point]:
        """Go on until the run ends; every Point is in `history` as well."""
        while (point := self.step()) is not None:
            yield point

    def step(self) -> Point | None:
        """One iteration; None once the run has ended."""
        if self.ending is not None:
            return None
        began = self._clock()
        try:
            step = next(self._steps)
        except StopIteration:
            self._end(Outcome.ARRIVED, "Arrived: no step lowers the cost any further.")
            return None
        except Diverged as error:
            self._end(Outcome.DIVERGED, str(error))
            return None
        seconds = self._clock() - began
        if self.history:
            seconds += self.history[-1].seconds
        self.theta = step.theta
        point = Point(
            step.iteration,
            seconds,
            float(step.cost.sum()),
            step.cost,
            *self._held_out(step.theta),
            step.gradient_norm,
            step.step_length,
            self.knobs.learning_rate if self.rated else None,
        )
        self.history.append(point)
        self._remember(point.iteration)
        self._end_if_due(point)
        return point

    def weights(self, name: str = "trained", command: str | None = None) -> Weights:
        """The model as of the last step, with the record of how it was made."""
        last, settings = self.history[-1], self.settings
        record = {
            "images": self.images,
            **({"styles": settings.styles} if settings.styles else {}),
            **({"jitter": settings.jitter} if settings.jitter else {}),
            "solver": SOLVERS[settings.solver].title,
            "iterations": last.iteration,
            "C": settings.C,
            "seed": settings.seed,
            "cost": round(last.cost, 6),
        }
        if self.heldout_name == "held-out" and self._watched is not None:
            record["heldout_accuracy"] = round(last.heldout_accuracy, 6)
            record["heldout_images"] = len(self._watched_labels)
        weights = Weights(
            self.theta.astype(np.float32), settings.classes, settings.features, record, None, name
        )
        if (test := self.request.test) is not None:
            accuracy, images = Reader(weights).accuracy(test.images, test.labels)
            record["test_accuracy"], record["test_images"] = round(accuracy, 6), images
        if self.request.start is not None:
            record["start"] = self.request.start.name
        if self.request.own is not None:
            record |= self._own_figures(weights, self.request.own)
        if command is not None:
            record["command"] = command
        return weights

    def _own_figures(self, weights: Weights, own: Own) -> dict[str, float]:
        """How the kept-back digits are read, and were read at the start if that was not zero."""
        kept = own.kept_back
        figures: dict[str, float] = {"own_digits": len(own.learned)}
        accuracy, images = Reader(weights).accuracy(kept.images, kept.labels)
        if images:
            figures |= {"own_accuracy": round(accuracy, 6), "own_images": images}
            if self.request.start is not None:
                before, _ = Reader(self.request.start).accuracy(kept.images, kept.labels)
                figures["own_accuracy_before"] = round(before, 6)
        return figures

    def _loss_on(
        self,
        data: Dataset,
        chosen: np.ndarray,
        C: float,
        more: Dataset | None = None,
        kept: bool = True,
    ) -> OneVsAllLoss:
        """The loss on the chosen pictures of `data`, and on all of `more`; see `_features`."""
        settings = self.settings
        X = _features(settings.features, data.images, chosen, kept, self._checkpoint)
        labels = data.labels[chosen]
        if more is not None and len(more):
            more = more.take(asked(settings.classes, more.labels))
            X = np.concatenate([X, extract(settings.features, more.images, self._checkpoint)])
            labels = np.concatenate([labels, more.labels])
        targets = curated_labels(labels, settings.positives)
        return _CheckedLoss(X, targets, C, self.workers, self._checkpoint)

    def _watch(self, data: Dataset, heldout: np.ndarray) -> None:
        """Follow the held-out pictures of `data` or, where there are none, the test set."""
        self._watched: OneVsAllLoss | None = None
        self.heldout_name = "held-out"
        if not len(heldout) and self.request.test is not None:
            data, self.heldout_name = self.request.test, "test"
            heldout = np.flatnonzero(asked(self.settings.classes, data.labels))
        if len(heldout):
            self._watched = self._loss_on(data, heldout, math.inf)
        self._watched_labels = data.labels[heldout]

    def _begin(self, start: Weights | None) -> np.ndarray:
        """The theta to start from; UserError for weights of another task or other features."""
        shape = (self._loss.K, 1 + self._loss.D)
        if start is None:
            return np.zeros(shape)
        if start.features != self.settings.features or not np.array_equal(
            start.classes, self.settings.classes
        ):
            raise UserError(
                f"{start.name} does not fit these settings; start from weights of the same task "
                "and features, or from zero."
            )
        return start.theta.astype(np.float64)

    def _held_out(self, theta: np.ndarray) -> tuple[float, float]:
        """Cost, without L2, and accuracy on the watched pictures; NaN where there are none."""
        watched = self._watched
        if watched is None:
            return math.nan, math.nan
        z = watched.scores(theta)
        cost = watched.log_loss(z).sum()
        if self.settings.binary:
            right = (z[:, 0] > 0) == (self._watched_labels == self.settings.digit)
        else:
            right = self.settings.classes[z.argmax(axis=1)] == self._watched_labels
        return float(cost), float(right.mean())

    def _remember(self, iteration: int) -> None:
        """Keep theta as it forms: each step at first, every second one when they get many."""
        if len(self.snapshots) >= SNAPSHOTS:
            self.snapshots[:] = self.snapshots[::2]
            self._stride *= 2
        if iteration % self._stride == 0:
            self.snapshots.append((iteration, self.theta.astype(np.float32)))

    def _end_if_due(self, point: Point) -> None:
        settings = self.settings
        if point.heldout_cost < self._best:
            self._best, self._best_at = point.heldout_cost, point.iteration
        if point.gradient_norm <= settings.tolerance:
            self._end(Outcome.ARRIVED, "Arrived: the gradient is as good as zero.")
        elif settings.patience and point.iteration - self._best_at >= settings.patience:
            self._end(
                Outcome.EARLY,
                f"Stopped early: the {self.heldout_name} cost has not fallen for "
                f"{settings.patience} iterations.",
            )
        elif point.iteration >= settings.iterations:
            self._end(Outcome.DONE, "Done: all the iterations asked for.")

    def _end(self, outcome: Outcome, message: str) -> None:
        self.ending = Ending(outcome, message)
        # What the solver holds in memory goes with it.
        self._steps = iter(())


def split(
    settings: Settings, data: Dataset, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Which pictures are learned from and which are held out: two sorted arrays of indices.

    Raises UserError where those to learn from leave nothing to tell apart.
    """
    usable = np.flatnonzero(asked(settings.classes, data.labels))
    mixed = rng.permutation(usable)
    chosen = np.sort(mixed[: settings.images])
    present = np.unique(data.labels[chosen])
    if len(present) < 2:
        raise UserError(
            "The pictures chosen are all of one digit, so there is nothing to tell apart; "
            "use more pictures or another seed."
        )
    if settings.task == "one-digit" and settings.digit not in present:
        raise UserError(
            f"No picture of a {settings.digit} is among those chosen; use more pictures."
        )
    return chosen, np.sort(mixed[settings.images :][:HOLDOUT])


def _features(
    name: str, images: np.ndarray, chosen: np.ndarray, kept: bool, checkpoint: Callable[[], None]
) -> np.ndarray:
    """Features of the chosen pictures; the costly maps come from the disk after the first time.

    Not so where they may not be `kept`: a user's own digits stay in the session.
    """
    if name == "pixels" or len(images) > CACHED or not kept:
        return extract(name, images if len(chosen) == len(images) else images[chosen], checkpoint)
    X = extract_cached(name, images, checkpoint)
    return X if len(chosen) == len(images) else X[chosen]


def write_history(file: TextIO, history: list[Point], settings: Settings) -> None:
    """A run's history as CSV: a header line, then a line an iteration.

    The column `accuracy` is that on held-out pictures.

    file : open for text, with newline="".
    """
    rows = csv.writer(file, lineterminator="\n")
    plain = [item.name for item in fields(Point) if item.name != "costs"]
    heads = ["accuracy" if name == "heldout_accuracy" else name for name in plain]
    rows.writerow([*heads, *(f"cost_{digit}" for digit in settings.positives)])
    for point in history:
        rows.writerow(
            ["" if (value := getattr(point, name)) is None else value for name in plain]
            + [float(cost) for cost in point.costs]
        )
