"""A training run from its settings to weights, one step at a time.

Every knob a learner may turn is declared once, in `Settings`: the command
line and the Train page build their controls from it.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace

import numpy as np

from lrcore.augment import training_set
from lrcore.calibration import fit_calibration, reliability
from lrcore.data import Dataset
from lrcore.errors import UserError
from lrcore.features import FEATURES, extract, extract_cached
from lrcore.logistic import OneVsAllLoss, curated_labels, softplus
from lrcore.reading import Reader
from lrcore.solvers import SOLVERS, Diverged
from lrcore.weights import REST, Weights

TASKS = {
    "one-vs-all": "Ten digits, one-vs-all",
    "two-digits": "Two digits",
    "one-digit": "One digit against the rest",
}
HOLDOUT = 10_000
# At most so many thetas of a run are kept for looking back.
SNAPSHOTS = 64
# Features of larger sets are not kept on disk: they would fill it.
CACHED = 70_000


@dataclass(frozen=True)
class Knob:
    """How a setting is offered: what it is called, explained and bounded by."""

    label: str
    help: str
    low: float | None = None
    high: float | None = None
    options: tuple | None = None
    log: bool = False


def _knob(default, label, help, **bounds):
    return field(default=default, metadata={"knob": Knob(label, help, **bounds)})


@dataclass(frozen=True)
class Settings:
    """All that a run depends on: the same settings and data, the same theta."""

    task: str = _knob(
        "one-vs-all",
        "Task",
        "What is learned: one model a digit, all ten at once; or a single model that tells two "
        "digits, or one digit and the rest, apart.",
        options=tuple(TASKS),
    )
    digit: int = _knob(
        1, "Digit", "The digit whose label becomes 1.", low=0, high=9, options=tuple(range(10))
    )
    against: int = _knob(
        0,
        "Against",
        "With two digits, the one whose label becomes 0.",
        low=0,
        high=9,
        options=tuple(range(10)),
    )
    images: int = _knob(
        60_000,
        "Images",
        "How many of the training pictures are used, picked at random by the seed.",
        low=10,
        high=60_000,
    )
    features: str = _knob(
        "pixels",
        "Features",
        "What theta reads: the 784 pixels, the pixels straightened, or the directions of the "
        "strokes.",
        options=tuple(FEATURES),
    )
    solver: str = _knob(
        "preconditioned-lbfgs",
        "Solver",
        "The method that walks theta downhill to the smallest cost.",
        options=tuple(SOLVERS),
    )
    learning_rate: float | None = _knob(
        None,
        "Learning rate",
        "How far a step goes along the gradient. Solvers with a line search find it themselves; "
        "empty takes the solver's own default.",
        low=1e-5,
        high=100.0,
        log=True,
    )
    momentum: float | None = _knob(
        None,
        "Momentum",
        "How much of the last step is carried into the next (mini-batch only).",
        low=0.0,
        high=0.999,
    )
    batch_size: int | None = _knob(
        None,
        "Batch size",
        "Pictures a step looks at (mini-batch and Adam).",
        low=1,
        high=60_000,
    )
    C: float = _knob(
        1.0,
        "C (L2)",
        "The inverse strength of L2. Large C trusts the data, small C keeps theta small and "
        "smooth: the cost gains theta^2 / (2 n C), the bias spared.",
        low=1e-6,
        high=1e6,
        log=True,
    )
    iterations: int = _knob(
        200,
        "Iterations",
        "At most so many; one iteration looks at every training picture once. A solver that has "
        "arrived stops earlier.",
        low=1,
        high=100_000,
    )
    styles: int = _knob(
        0,
        "Digits drawn by rule",
        "How many digits to add in each style that MNIST lacks: crossed 7s, flagged 1s, curly 9s.",
        low=0,
        high=5_000,
    )
    jitter: int = _knob(
        0,
        "Jittered copies",
        "How many slanted, stretched, thicker or thinner copies of each picture to add.",
        low=0,
        high=16,
    )
    tolerance: float = _knob(
        1e-5,
        "Tolerance",
        "The run has arrived when the length of the gradient falls below this.",
        low=0.0,
        high=1.0,
        log=True,
    )
    patience: int = _knob(
        0,
        "Early stopping",
        "Stop when the held-out cost has not fallen for so many iterations; 0 never stops early.",
        low=0,
        high=100_000,
    )
    seed: int = _knob(
        0,
        "Seed",
        "Starts the random numbers that pick and shuffle pictures: the same seed, the same run.",
        low=0,
        high=2**31 - 1,
    )

    def __post_init__(self):
        for item in fields(self):
            check_setting(item.name, getattr(self, item.name))
        if self.task == "two-digits" and self.digit == self.against:
            raise UserError(
                f"Two different digits are needed, not {self.digit} twice; change one of them."
            )

    @property
    def classes(self) -> np.ndarray:
        """Which classes the run tells apart, in the form that `Weights` documents."""
        if self.task == "one-vs-all":
            return np.arange(10)
        return np.array([self.against if self.task == "two-digits" else REST, self.digit])


def knob(name: str) -> Knob:
    """The declaration of one setting."""
    return Settings.__dataclass_fields__[name].metadata["knob"]


def check_setting(name: str, value) -> None:
    """Raise UserError, with a sentence on what would do, if a setting can not have this value."""
    declared = knob(name)
    if value is None:
        if Settings.__dataclass_fields__[name].default is None:
            return
        raise UserError(f"{declared.label} is missing; give a value.")
    if declared.options is not None:
        if value not in declared.options:
            raise UserError(
                f"{declared.label} can not be {value!r}; choose among "
                f"{', '.join(map(str, declared.options))}."
            )
        return
    # C may be infinite: no L2 at all.
    above = value > declared.high and not (name == "C" and math.isinf(value))
    if math.isnan(value) or value < declared.low or above:
        raise UserError(
            f"{declared.label} can not be {value:g}; choose a value from {declared.low:g} to "
            f"{declared.high:g}."
        )


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


class Run:
    """A training run: settings and data in, a `Point` a step, `weights` out.

    Parameters
    ----------
    settings : Settings.
    train, test : Datasets.  The test set is reported on at the end, and is what
        the held-out curve follows where every training picture is learned from.
    start : Weights of the same classes and features to begin at; theta zero
        otherwise.
    gate : called again and again in the middle of a step; it may wait, which pauses
        the run, or raise, which ends the step without a trace.
    clock : seconds of work so far, as `time.perf_counter`, but still while gate waits.
    own : digits of the user's own, to learn from and to be read before and after.

    Attributes: `theta`, shape (K, 1 + D), as of the last step; `history`, a list
    of Point; `snapshots`, at most SNAPSHOTS pairs of (iteration, theta in float32), evenly
    spaced from iteration 0 on; `message`, a sentence on why it ended, None while it may go on;
    `knobs`, which may be turned between steps; `rated`, whether there is a learning rate to turn.
    """

    def __init__(
        self,
        settings: Settings,
        train: Dataset,
        test: Dataset | None = None,
        start: Weights | None = None,
        gate: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
        own: Own | None = None,
    ):
        self.settings, self.test = settings, test
        self.start, self.own = start, own
        self._gate, self._clock = gate, clock
        self.history: list[Point] = []
        self.snapshots: list[tuple[int, np.ndarray]] = []
        self._stride = 1
        self.message: str | None = None
        solver = SOLVERS[settings.solver]
        self.knobs = solver.knobs(
            learning_rate=settings.learning_rate,
            momentum=settings.momentum,
            batch_size=settings.batch_size,
        )
        self.rated = "learning_rate" in solver.uses
        rng = np.random.default_rng(settings.seed)
        alone = own is not None and own.alone
        if alone:
            train = own.learned
            chosen, heldout = split(replace(settings, images=knob("images").high), train, rng)
        else:
            chosen, heldout = split(settings, train, rng)
        self.images = len(chosen)
        learned = train
        if settings.styles or settings.jitter:
            learned = training_set(
                train.take(chosen), settings.styles, settings.jitter, settings.seed
            )
            chosen = np.flatnonzero(_asked(settings, learned.labels))
        more = own.learned if own is not None and not alone else None
        self._loss = self._loss_on(learned, chosen, settings.C, more, kept=not alone)
        self._watched, self._watched_labels = None, None
        self.heldout_name = "held-out"
        if not len(heldout) and test is not None:
            train, self.heldout_name = test, "test"
            heldout = np.flatnonzero(_asked(settings, test.labels))
        if len(heldout):
            self._watched = self._loss_on(train, heldout, math.inf)
            self._watched_labels = train.labels[heldout]
        self.theta = self._begin(start)
        self._steps = solver.function(self._loss, self.theta, self.knobs, rng)
        self._best, self._best_at = math.inf, 0

    def steps(self) -> Iterator[Point]:
        """Go on until the run ends; every Point is in `history` as well."""
        while (point := self.step()) is not None:
            yield point

    def step(self) -> Point | None:
        """One iteration; None, with a sentence in `message`, once the run has ended."""
        if self.message is not None:
            return None
        began = self._clock()
        try:
            step = next(self._steps)
        except StopIteration:
            return self._end("Arrived: no step lowers the cost any further.")
        except Diverged as error:
            return self._end(str(error))
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
        self._judge(point)
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
        if self.test is not None:
            accuracy, images = Reader(weights).accuracy(self.test.images, self.test.labels)
            record["test_accuracy"], record["test_images"] = round(accuracy, 6), images
        if self.start is not None:
            record["start"] = self.start.name
        if self.own is not None:
            record |= self._own_figures(weights)
        if command is not None:
            record["command"] = command
        return weights

    def _own_figures(self, weights: Weights) -> dict:
        """How the kept-back digits are read, and were read at the start if that was not zero."""
        kept, figures = self.own.kept_back, {"own_digits": len(self.own.learned)}
        accuracy, images = Reader(weights).accuracy(kept.images, kept.labels)
        if images:
            figures |= {"own_accuracy": round(accuracy, 6), "own_images": images}
            if self.start is not None:
                before, _ = Reader(self.start).accuracy(kept.images, kept.labels)
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
        classes = self.settings.classes
        rows = classes if self.settings.task == "one-vs-all" else classes[1:]
        X = _features(self.settings.features, data.images, chosen, kept)
        labels = data.labels[chosen]
        if more is not None and len(more):
            more = more.take(_asked(self.settings, more.labels))
            X = np.concatenate([X, extract(self.settings.features, more.images)])
            labels = np.concatenate([labels, more.labels])
        loss = _Gated(X, curated_labels(labels, rows), C)
        loss.gate = self._gate
        return loss

    def _begin(self, start: Weights | None) -> np.ndarray:
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
        watched = self._watched
        if watched is None:
            return math.nan, math.nan
        low = theta.astype(watched.dtype)
        z = np.concatenate([watched.rows(b) @ low[:, 1:].T for b in watched.blocks()]) + low[:, 0]
        cost = (softplus(z) - watched.targets * z).mean(axis=0, dtype=np.float64).sum()
        classes = self.settings.classes
        if self.settings.task == "one-vs-all":
            right = classes[z.argmax(axis=1)] == self._watched_labels
        else:
            right = (z[:, 0] > 0) == (self._watched_labels == classes[1])
        return float(cost), float(right.mean())

    def _remember(self, iteration: int) -> None:
        """Keep theta as it forms: each step at first, every second one when they get many."""
        if len(self.snapshots) >= SNAPSHOTS:
            self.snapshots[:] = self.snapshots[::2]
            self._stride *= 2
        if iteration % self._stride == 0:
            self.snapshots.append((iteration, self.theta.astype(np.float32)))

    def _judge(self, point: Point) -> None:
        settings = self.settings
        if point.heldout_cost < self._best:
            self._best, self._best_at = point.heldout_cost, point.iteration
        if point.gradient_norm <= settings.tolerance:
            self._end("Arrived: the gradient is as good as zero.")
        elif settings.patience and point.iteration - self._best_at >= settings.patience:
            self._end(
                f"Stopped early: the {self.heldout_name} cost has not fallen for "
                f"{settings.patience} iterations."
            )
        elif point.iteration >= settings.iterations:
            self._end("Done: all the iterations asked for.")

    def _end(self, message: str) -> None:
        self.message = message
        self._steps.close()


class _Gated(OneVsAllLoss):
    """A loss that passes its run's gate whenever it looks at pictures."""

    gate: Callable[[], None] | None = None

    def rows(self, chosen) -> np.ndarray:
        if self.gate is not None:
            self.gate()
        return super().rows(chosen)


def calibrate(weights: Weights, settings: Settings, train: Dataset, test: Dataset) -> Weights:
    """Give one-vs-all weights calibrated probabilities and a sense of what they do not know.

    Both must be learned from pictures that theta has not seen, and `weights`
    may have seen all of them: so a stand-in learns with the same settings from
    all but HOLDOUT pictures, and is calibrated on those, and on scribbles, letters
    and digits drawn by rule.  The test set's reliability goes into the record.
    """
    stand_in = replace(settings, images=min(settings.images, len(train) - HOLDOUT))
    run = Run(stand_in, train)
    for _ in run.steps():
        pass
    _, heldout = split(stand_in, train, np.random.default_rng(settings.seed))
    calibration = fit_calibration(
        settings.features, run.weights().theta, train.take(heldout), settings.seed
    )
    record = dict(weights.record)
    calibrated = replace(weights, calibration=calibration, record=record)
    readings = Reader(calibrated).read(test.images)
    table, error = reliability(readings.probabilities, test.labels)
    # Calibration may turn an answer where two digits are about equally likely.
    record["test_accuracy"] = round(float(np.mean(readings.digits == test.labels)), 6)
    record["calibration_error"] = round(error, 5)
    record["reliability"] = [[round(float(x), 4) for x in row] for row in table if row[2]]
    record["test_unsure"] = round(float(np.mean(~readings.sure)), 5)
    return calibrated


def split(settings: Settings, data: Dataset, rng: np.random.Generator):
    """Which pictures are learned from and which are held out: two sorted arrays of indices."""
    usable = np.flatnonzero(_asked(settings, data.labels))
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


def _asked(settings: Settings, labels: np.ndarray) -> np.ndarray:
    if settings.task == "two-digits":
        return np.isin(labels, settings.classes)
    return np.ones(len(labels), bool)


def _features(name: str, images: np.ndarray, chosen: np.ndarray, kept: bool) -> np.ndarray:
    """Features of the chosen pictures; the costly maps come from the disk after the first time.

    Not so where they may not be `kept`: a user's own digits stay in the session.
    """
    if name == "pixels" or len(images) > CACHED or not kept:
        return extract(name, images if len(chosen) == len(images) else images[chosen])
    X = extract_cached(name, images)
    return X if len(chosen) == len(images) else X[chosen]


def write_history(file, history: list[Point], classes) -> None:
    """A run's history as CSV: a header line, then a line an iteration."""
    rows = csv.writer(file, lineterminator="\n")
    plain = [item.name for item in fields(Point) if item.name != "costs"]
    rows.writerow([*plain, *(f"cost_{digit}" for digit in classes)])
    for point in history:
        rows.writerow(
            ["" if (value := getattr(point, name)) is None else value for name in plain]
            + [float(cost) for cost in point.costs]
        )
