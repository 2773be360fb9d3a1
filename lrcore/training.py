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

from lrcore.augment import training_set, training_set_labels
from lrcore.data import Dataset
from lrcore.design import Design, Source
from lrcore.errors import UserError
from lrcore.logistic import OneVsAllLoss, curated_labels
from lrcore.reading import Reader, asked, with_article
from lrcore.settings import Settings
from lrcore.solvers import SOLVERS, Diverged
from lrcore.weights import Weights

# Pictures that a run holds out of learning, where that many are left.
HOLDOUT = 10_000
# Thetas of a run that are kept for looking back, at most.
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
    kept_back : only read, before and after; where they are `alone` and there is no test set, they
        are what is watched.
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


@dataclass(frozen=True, eq=False)
class Resume:
    """Where a run stood at some point, to go on from there with a learning rate."""

    history: list[Point]
    snapshots: list[tuple[int, np.ndarray]]
    theta: np.ndarray
    learning_rate: float | None


class Ending(NamedTuple):
    """How a run ended, and a sentence on why."""

    outcome: Outcome
    message: str


class Pictures:
    """Which pictures a request learns from and which it watches; their features are made later.

    rng : draws them; by default, what the request's seed makes.

    Attributes: `images`, how many are learned from, those made of others aside; `learned` and
    `watched`, the latter None where there are none; `tested`, whether the test set is watched.

    Raises UserError where those to learn from leave nothing to tell apart.
    """

    def __init__(self, request: RunRequest, rng: np.random.Generator | None = None):
        settings, own = request.settings, request.own
        rng = np.random.default_rng(settings.seed) if rng is None else rng
        if own is not None and own.alone:
            data = own.learned
            chosen, heldout = split(replace(settings, images=Settings.images), data, rng)
        else:
            data = request.train
            chosen, heldout = split(settings, data, rng)
        self.images = len(chosen)
        if settings.styles or settings.jitter:
            sources = [_made_from(data.take(chosen), settings)]
        else:
            sources = [_taken_from(data, chosen, settings, kept=data is request.train)]
        if own is not None and not own.alone and len(own.learned):
            usable = np.flatnonzero(asked(settings.classes, own.learned.labels))
            sources.append(_taken_from(own.learned, usable, settings, kept=False))
        self.learned = Design(settings.features, sources)
        self.watched: Design | None = None
        self.tested = not len(heldout) and request.test is not None
        if request.test is not None and self.tested:
            data = request.test
            heldout = np.flatnonzero(asked(settings.classes, data.labels))
        if request.test is None and own is not None and own.alone:
            data = own.kept_back
            heldout = np.flatnonzero(asked(settings.classes, data.labels))
        if len(heldout):
            kept = data is request.train or data is request.test
            self.watched = Design(settings.features, [_taken_from(data, heldout, settings, kept)])

    @property
    def heldout_name(self) -> str:
        """What is watched, in a word."""
        return "test" if self.tested else "held-out"

    @property
    def designs(self) -> list[Design]:
        """What is learned from and what is watched."""
        return [self.learned] if self.watched is None else [self.learned, self.watched]

    @property
    def nbytes(self) -> int:
        """What their features take in memory while the run lasts."""
        return sum(design.nbytes for design in self.designs)

    @property
    def making_nbytes(self) -> int:
        """What making the features takes besides, at most."""
        return max(design.making_nbytes for design in self.designs)


def _taken_from(data: Dataset, chosen: np.ndarray, settings: Settings, kept: bool) -> Source:
    """The chosen pictures of `data`; costly features come from the disk after the first time.

    Not so where they may not be `kept`: a user's own digits stay in the session.
    """
    cached = kept and settings.features != "pixels" and len(data) <= CACHED
    return Source(data.labels[chosen], len(data), lambda _: data.images, chosen, cached=cached)


def _made_from(data: Dataset, settings: Settings) -> Source:
    """All of `data` with what the settings add to it."""
    labels = training_set_labels(data.labels, settings.styles, settings.jitter)
    usable = np.flatnonzero(asked(settings.classes, labels))

    def images(checkpoint: Callable[[], None]) -> np.ndarray:
        extra = settings.styles, settings.jitter, settings.seed
        return training_set(data, *extra, checkpoint).images

    return Source(labels[usable], len(labels), images, usable, drawn=True)


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
    resume : where another run of this request stood.  What its solver had gathered, such as
        momentum, is gone.

    Attributes: `theta`, shape (K, 1 + D), as of the last step; `history`, a list
    of Point; `reached`, the last Point with its theta, which another thread may read at any time;
    None before the first; `snapshots`, at most SNAPSHOTS pairs of (iteration, theta in float32),
    evenly spaced from iteration 0 on; `ending`, None while it may go on; `knobs`, which may be
    turned between steps; `rated`, whether there is a learning rate to turn; `jump`, where it stood
    before that was turned the last time, None if it never was.

    Raises UserError where the request cannot be met.
    """

    def __init__(
        self,
        request: RunRequest,
        checkpoint: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
        workers: int = 1,
        resume: Resume | None = None,
    ):
        self.request, self.settings, self.workers = request, request.settings, workers
        self._checkpoint, self._clock = checkpoint, clock
        self.history: list[Point] = []
        self.snapshots: list[tuple[int, np.ndarray]] = []
        self._stride = 1
        self.ending: Ending | None = None
        settings = request.settings
        solver = SOLVERS[settings.solver]
        self.knobs = solver.knobs(
            learning_rate=settings.learning_rate,
            momentum=settings.momentum,
            batch_size=settings.batch_size,
        )
        self.rated = "learning_rate" in solver.uses
        rng = np.random.default_rng(settings.seed)
        self.pictures = Pictures(request, rng)
        self._loss = self._loss_on(self.pictures.learned, settings.C)
        watched = self.pictures.watched
        self._watched = None if watched is None else self._loss_on(watched, math.inf)
        self._prepared = False
        self.theta = _first_theta(request, self._loss)
        self._best, self._best_at = math.inf, 0
        self.reached: tuple[Point, np.ndarray] | None = None
        self.jump: Resume | None = None
        if resume is not None:
            self._take_up(resume)
        self._steps = solver.function(self._loss, self.theta, self.knobs, rng)

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None while it may go on."""
        return self.ending and self.ending.outcome

    @property
    def message(self) -> str | None:
        """A sentence on why it ended; None while it may go on."""
        return self.ending and self.ending.message

    def _take_up(self, resume: Resume) -> None:
        self.history, self.snapshots = list(resume.history), list(resume.snapshots)
        if len(self.snapshots) > 1:
            self._stride = self.snapshots[1][0] - self.snapshots[0][0]
        self.theta, self.knobs.learning_rate = resume.theta, resume.learning_rate
        if self.history:
            self.reached = self.history[-1], resume.theta
        for point in self.history:
            self._note_best(point)

    def prepare(self) -> None:
        """Make the pictures' features; the first step does so by itself."""
        for design in self.pictures.designs:
            design.prepare(self._checkpoint)
        self._prepared = True

    def release(self) -> None:
        """Let go of the features, at rest or at a checkpoint; `prepare` before it goes on."""
        self._prepared = False
        for design in self.pictures.designs:
            design.release()

    def steps(self) -> Iterator[Point]:
        """Go on until the run ends; every Point is in `history` as well."""
        while (point := self.step()) is not None:
            yield point

    def step(self) -> Point | None:
        """One iteration; None once the run has ended."""
        if self.ending is not None:
            return None
        if not self._prepared:
            self.prepare()
        began, before = self._clock(), self.theta
        try:
            step = next(self._steps)
            if self.history and not step.iteration:  # taken up: this point is there already
                step = next(self._steps)
        except StopIteration:
            self._end(Outcome.ARRIVED, "Arrived: no step lowers the cost any further.")
            return None
        except Diverged as error:
            # A tenth of a rate that was turned up far may be too large as well.
            known = self.jump and f"{error.what}; before it was {self.jump.learning_rate:.3g}."
            self._end(Outcome.DIVERGED, known or str(error))
            return None
        seconds = self._clock() - began
        iteration = 0
        rate = self.knobs.learning_rate if self.rated else None
        if self.history:
            last = self.history[-1]
            iteration, seconds = last.iteration + 1, last.seconds + seconds
            if rate is not None and rate > (last.learning_rate or 0):
                seen = list(self.history), list(self.snapshots)
                self.jump = Resume(*seen, before, last.learning_rate)
        # Its figures first: a checkpoint that ends the step leaves no trace of it.
        point = Point(
            iteration,
            seconds,
            float(step.cost.sum()),
            step.cost,
            *self._held_out(step.theta),
            step.gradient_norm,
            step.step_length,
            rate,
        )
        self.theta = step.theta
        self.history.append(point)
        self.reached = point, step.theta
        self._remember(point.iteration)
        self._end_if_due(point)
        return point

    def weights(self, name: str = "trained", command: str | None = None) -> Weights:
        """The model as of the last step, with the record of how it was made."""
        last, settings = self.history[-1], self.settings
        record = {
            "images": self.pictures.images,
            # With those made of others and one's own: what the cost is the mean over.
            "learned_from": len(self.pictures.learned),
            **({"styles": settings.styles} if settings.styles else {}),
            **({"jitter": settings.jitter} if settings.jitter else {}),
            "solver": SOLVERS[settings.solver].title,
            "iterations": last.iteration,
            "C": settings.C,
            "seed": settings.seed,
            "cost": round(last.cost, 6),
        }
        watched = self.pictures.watched
        if watched is not None and not self.pictures.tested:
            record["heldout_accuracy"] = round(last.heldout_accuracy, 6)
            record["heldout_images"] = len(watched)
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

    def _loss_on(self, design: Design, C: float) -> OneVsAllLoss:
        targets = curated_labels(design.labels, self.settings.positives)
        return _CheckedLoss(design.X, targets, C, self.workers, self._checkpoint)

    def _held_out(self, theta: np.ndarray) -> tuple[float, float]:
        """Cost, without L2, and accuracy on the watched pictures; NaN where there are none."""
        watched, design = self._watched, self.pictures.watched
        if watched is None or design is None:
            return math.nan, math.nan
        return self._figures(watched, design, theta)

    def learned_figures(self) -> tuple[float, float]:
        """Cost, without L2, and accuracy on what is learned from, as of the last step."""
        return self._figures(self._loss, self.pictures.learned, self.theta)

    def _figures(
        self, loss: OneVsAllLoss, design: Design, theta: np.ndarray
    ) -> tuple[float, float]:
        z = loss.scores(theta)
        cost = loss.log_loss(z).sum()
        labels = design.labels
        if self.settings.binary:
            right = (z[:, 0] > 0) == (labels == self.settings.digit)
        else:
            right = self.settings.classes[z.argmax(axis=1)] == labels
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
        self._note_best(point)
        if point.gradient_norm <= settings.tolerance:
            self._end(Outcome.ARRIVED, "Arrived: the gradient is as good as zero.")
        elif settings.patience and point.iteration - self._best_at >= settings.patience:
            self._end(
                Outcome.EARLY,
                f"Stopped early: the {self.pictures.heldout_name} cost has not fallen for "
                f"{settings.patience} iterations.",
            )
        elif point.iteration >= settings.iterations:
            self._end(Outcome.DONE, "Done: all the iterations asked for.")

    def _note_best(self, point: Point) -> None:
        if point.heldout_cost < self._best:
            self._best, self._best_at = point.heldout_cost, point.iteration

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
            f"No picture of {with_article(settings.digit)} is among those chosen; use more "
            "pictures."
        )
    return chosen, np.sort(mixed[settings.images :][:HOLDOUT])


def bars(settings: Settings, theta: np.ndarray, X: np.ndarray) -> np.ndarray:
    """How probable each row of a run's theta, (K, 1 + D), finds pictures of these features, (n, D).

    Shape (n, K), read as the finished model would; a binary one has one row: that of its yes.
    """
    weights = Weights(theta.astype(np.float32), settings.classes, settings.features)
    return Reader(weights).judge(X).probabilities[:, -len(theta) :]


def _first_theta(request: RunRequest, loss: OneVsAllLoss) -> np.ndarray:
    """The theta to start from; UserError for weights of another task or other features."""
    start, settings = request.start, request.settings
    if start is None:
        return np.zeros((loss.K, 1 + loss.D))
    if start.features != settings.features or not np.array_equal(start.classes, settings.classes):
        raise UserError(
            f"{start.name} does not fit these settings; start from weights of the same task "
            "and features, or from zero."
        )
    return start.theta.astype(np.float64)


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
