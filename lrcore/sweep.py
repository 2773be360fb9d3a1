"""The same run with several values of a setting: validation and learning curves, and grids.

What scikit-learn calls `validation_curve` (any setting) and `learning_curve` (`images`), with
runs as the Train page and the command line make them, each on its own held-out pictures.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TextIO

import numpy as np

from lrcore.data import Dataset
from lrcore.errors import UserError
from lrcore.reading import asked
from lrcore.settings import DEFAULTS, Settings, kind, knob, setting_text
from lrcore.solvers import SOLVERS
from lrcore.training import HOLDOUT, Run, RunRequest

# More runs than this are no longer something to wait for.
MOST_RUNS = 200
# Iterations after which the preconditioned solver has likely arrived.
ARRIVES = 35
# Where a setting's bounds are this many times apart, ratios matter, whether it is declared `log` or
# not.
WIDE = 100


@dataclass(frozen=True)
class Result:
    """What came of one run.  Costs are summed over the classes and without L2, to be compared.

    values : the settings that the sweep gave it, by name.
    cost, accuracy : on what it learned from.
    heldout_cost, heldout_accuracy, heldout_images : on what it did not; NaN, NaN, 0 where every
        picture was learned from.
    theta : shape (K, 1 + D).
    message : why it ended.
    """

    values: dict[str, Any]
    settings: Settings
    cost: float
    accuracy: float
    heldout_cost: float
    heldout_accuracy: float
    heldout_images: int
    theta: np.ndarray
    message: str


@dataclass(frozen=True)
class Place:
    """A value of the setting, or a pair of values, and the runs with it; one for each seed.

    mean, spread : by the name of a Result's figure, over the seeds; the spread is the standard
        deviation, NaN for a single seed.
    best : whether its mean held-out accuracy is the highest.
    near : whether what it lacks to the best is within the noise of the best.
    """

    values: dict[str, Any]
    results: tuple[Result, ...]
    mean: dict[str, float]
    spread: dict[str, float]
    best: bool
    near: bool


FIGURES = ("cost", "accuracy", "heldout_cost", "heldout_accuracy")


def learnable(settings: Settings, data: Dataset) -> int:
    """How many pictures a sweep may learn from, so that enough are left to compare its runs by.

    HOLDOUT pictures are left out, or a sixth where there are few.  Were all learned from, the runs
    would be compared on the test set, which must judge the choice and not make it.
    """
    usable = int(asked(settings.classes, data.labels).sum())
    return max(usable - min(HOLDOUT, usable // 6), 1)


def passes(settings: Settings) -> tuple[int, int]:
    """How often a run will read all its pictures: probably, and at most.

    The preconditioned solver has most often arrived after ARRIVES iterations: with C from 0.001 to
    1 and 1,000 to 50,000 images of pixels it took 13 to 35, as the records of
    `python -m lrcore train` say.
    """
    likely = ARRIVES if settings.solver == "preconditioned-lbfgs" else settings.iterations
    return min(likely, settings.iterations), settings.iterations


def propose(name: str, settings: Settings, count: int = 7) -> list[Any]:
    """Values of a setting to try, about the one that it has.

    Where it has options, all of them.  Where ratios matter, values ten times apart.  For a number
    of things of which there may be many, that number, its half, its quarter and so on.  Else
    values spread evenly from the least to the largest.
    """
    declared, value = knob(name), getattr(settings, name)
    if value is None:  # the solver's own
        value = getattr(SOLVERS[settings.solver].knobs(), name)
    if declared.options is not None:
        return list(declared.options)
    assert declared.low is not None
    assert declared.high is not None
    low, high = declared.low, declared.high
    if name == "seed":
        return [value + i for i in range(count) if value + i <= high]
    if declared.log:
        middle = value if value and math.isfinite(value) else DEFAULTS[name] or 0.1
        tried = [middle * 10.0**i for i in range(-(count // 2), count - count // 2)]
        return [float(f"{v:.6g}") for v in tried if low <= v <= high]
    if low > 0 and high >= WIDE * low:
        return sorted({max(round(value / 2**i), int(low)) for i in range(count)})
    spaced = np.linspace(low, high, count)
    return sorted({round(v) if kind(name) is int else float(f"{v:.3g}") for v in spaced})


def plan(
    settings: Settings, values: Mapping[str, Sequence[Any]], seeds: int = 1
) -> list[tuple[dict[str, Any], Settings]]:
    """All runs of a sweep: what each is given, and its settings.

    values : of one setting, or of two for a grid.
    seeds : how often each is run, with the settings' seed and those that follow it.

    Raises UserError for values that cannot be, for more than two settings or MOST_RUNS runs.
    """
    if not 1 <= len(values) <= 2:
        raise UserError(f"A sweep is over one or two settings, not {len(values)}.")
    unknown = [name for name in values if name not in DEFAULTS]
    if unknown:
        raise UserError(f"There is no setting {unknown[0]!r}; choose one of {', '.join(DEFAULTS)}.")
    if seeds < 1 or ("seed" in values and seeds > 1):
        raise UserError("Each value is run with at least one seed, and with one if seeds differ.")
    runs = math.prod(len(tried) for tried in values.values()) * seeds
    if not 0 < runs <= MOST_RUNS:
        raise UserError(f"The sweep has {runs:,} runs, but 1 to {MOST_RUNS} are made; try fewer.")
    out = []
    for combination in itertools.product(*values.values()):
        given = dict(zip(values, combination, strict=True))
        changed = replace(settings, **given)
        out += [(given, replace(changed, seed=changed.seed + i)) for i in range(seeds)]
    return out


def sweep(
    settings: Settings,
    train: Dataset,
    values: Mapping[str, Sequence[Any]],
    seeds: int = 1,
    test: Dataset | None = None,
    workers: int = 1,
) -> Iterator[Result]:
    """Each run's Result as soon as it is there, in the order of `plan`, which see."""
    for given, changed in plan(settings, values, seeds):
        run = Run(RunRequest(changed, train, test), workers=workers)
        for _ in run.steps():
            pass
        yield result(given, run)


def result(values: dict[str, Any], run: Run) -> Result:
    """What came of a run that has ended."""
    last, watched = run.history[-1], run.pictures.watched
    return Result(
        values,
        run.settings,
        *run.learned_figures(),
        last.heldout_cost,
        last.heldout_accuracy,
        0 if watched is None else len(watched),
        run.theta,
        run.message or "",
    )


def curve(results: Sequence[Result]) -> list[Place]:
    """The results, gathered by their values in the order in which these came first.

    Noise is the standard error of the best's held-out accuracy: over its seeds, but no less than
    what so many pictures leave to chance, sqrt(p (1 - p) / n).  Source: the "one standard error
    rule" of Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", section 7.10.
    """
    groups: dict[tuple, list[Result]] = {}
    for one in results:
        groups.setdefault(tuple(one.values.items()), []).append(one)
    figures = [np.array([[getattr(r, f) for f in FIGURES] for r in g]) for g in groups.values()]
    means = np.array([table.mean(0) for table in figures]).reshape(-1, len(FIGURES))
    heldout = np.nan_to_num(means[:, FIGURES.index("heldout_accuracy")], nan=-1.0)
    at = int(heldout.argmax()) if len(heldout) else 0
    noise = _noise(list(groups.values())[at]) if groups else 0.0
    out = []
    for i, (group, table) in enumerate(zip(groups.values(), figures, strict=True)):
        spread = table.std(0, ddof=1) if len(table) > 1 else np.full(len(FIGURES), np.nan)
        known = heldout[i] >= 0
        out.append(
            Place(
                group[0].values,
                tuple(group),
                dict(zip(FIGURES, means[i].tolist(), strict=True)),
                dict(zip(FIGURES, spread.tolist(), strict=True)),
                best=bool(known and i == at),
                near=bool(known and heldout[at] - heldout[i] <= noise),
            )
        )
    return out


def write_results(file: TextIO, results: Sequence[Result]) -> None:
    """Write a CSV table, a row for each run: its values, its seed, its figures."""
    out = csv.writer(file)
    names = [name for name in results[0].values if name != "seed"] if results else []
    out.writerow([*names, "seed", *FIGURES])
    for one in results:
        figures = [f"{getattr(one, figure):.6f}" for figure in FIGURES]
        texts = [setting_text(name, one.values[name]) for name in names]
        out.writerow([*texts, one.settings.seed, *figures])


def _noise(best: Sequence[Result]) -> float:
    """The standard error of the mean held-out accuracy of a value's runs."""
    accuracies = np.array([one.heldout_accuracy for one in best])
    p, pictures = accuracies.mean(), sum(one.heldout_images for one in best)
    chance = math.sqrt(p * (1 - p) / pictures) if pictures else 0.0
    if len(best) == 1:
        return chance
    return max(chance, float(accuracies.std(ddof=1) / math.sqrt(len(best))))
