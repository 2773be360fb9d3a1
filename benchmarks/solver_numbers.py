"""What the solvers' unexplained numbers are worth: others in their place, against the chosen.

    python benchmarks/solver_numbers.py blocks          how passes are cut (lrcore/blocks.py)
    python benchmarks/solver_numbers.py preconditioner  the first guess (lrcore/preconditioner.py)
    python benchmarks/solver_numbers.py wavering        how far a healthy cost rises (VISIBLE)

The first two do the task of training_speed.py, one-vs-all on all 60,000 raw-pixel images at
C = 1.  Printed are the processor's seconds as a share of those with the chosen numbers, measured by
turns with them, the median of several; in the second table, to within 1 % and 0.01 % of the
optimum, and the passes over all images to the latter.  More than 1 is slower.  Everything goes
on one thread, BLAS's too.

The third trains on 6,000 images in shuffled batches and prints how far the cost ever stood above
its best, at the solver's own learning rate and at larger ones: what is healthy must stay below
`lrcore.solvers.VISIBLE`, or last no longer than PATIENCE.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import ModuleType
from unittest import mock

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.training_speed import OPTIMUM
from lrcore import blocks, logistic, preconditioner, solvers
from lrcore.data import load_dataset
from lrcore.logistic import OneVsAllLoss, curated_labels

# Module, name of the number, what is tried in its place.
BLOCKS: list[tuple[ModuleType, str, tuple]] = [
    (blocks, "CACHED_NUMBERS", (75_000, 300_000, 1_200_000, 4_800_000)),
    (blocks, "UNPACKED_MULTIPLICATIONS", (250_000, 500_000, 2_000_000, 100_000_000)),
    (blocks, "PIECE_ROWS", (32, 64, 256)),
    (logistic, "softplus", (lambda z: np.logaddexp(0, z),)),
]
PRECONDITIONER: list[tuple[ModuleType, str, tuple]] = [
    (preconditioner, "SHARE", (5, 15, 25)),
    (preconditioner, "GRAM_SHARE", (1, 2, 6)),
    (preconditioner, "TYPICAL_W", (0.02, 0.05, 0.2, 0.25)),
    (preconditioner, "STRONGER_L2", (1, 2, 6)),
    (preconditioner, "HESSIAN_ROWS", (1000, 1500, 3000, 4000)),
    (preconditioner, "RIDGE", (0.005, 0.02, 0.1, 0.3)),
    (preconditioner, "FAINT", (0.0, 0.002, 0.02)),
    (preconditioner, "PICKED_ROWS", (32, 512, 100_000)),
    (solvers, "WARM_STEPS", (4, 6, 12, 16)),
    (solvers, "ROUNDING", (0.01, 1.0)),
    (solvers, "SHORTEN", ((0.01, 0.9), (0.3, 0.3))),
    (solvers, "LENGTHEN", ((1.0, 1.0), (0.1, 10.0))),
]
REPEATS = 5
WITHIN = (0.01, 0.0001)


def a_pass(loss: OneVsAllLoss) -> tuple[float, ...]:
    """The seconds of one pass."""
    theta = np.random.default_rng(0).normal(size=(loss.K, 1 + loss.D)) / 100
    fresh = OneVsAllLoss(loss.X, loss.targets, loss.C)
    start = time.process_time()
    fresh.cost_and_gradient(theta)
    return (time.process_time() - start,)


def to_the_optimum(loss: OneVsAllLoss) -> tuple[float, ...]:
    """The seconds until the cost is WITHIN its optimum, and how many passes the last took."""
    solver, seconds = solvers.SOLVERS["preconditioned-lbfgs"], [np.nan] * len(WITHIN)
    start, passes = time.process_time(), 0
    real = OneVsAllLoss.cost_and_gradient

    def counted(self: OneVsAllLoss, *arguments):
        nonlocal passes
        passes += self.n == loss.n
        return real(self, *arguments)

    theta = np.zeros((loss.K, 1 + loss.D))
    with mock.patch.object(OneVsAllLoss, "cost_and_gradient", counted):
        for step in solver.function(loss, theta, solver.knobs(), np.random.default_rng(0)):
            excess = step.cost.sum() / OPTIMUM - 1
            for i, within in enumerate(WITHIN):
                if excess <= within and np.isnan(seconds[i]):
                    seconds[i] = time.process_time() - start
            if excess <= WITHIN[-1] or step.iteration > 40:
                break
    return *seconds, float(passes)


def compare(
    numbers: list[tuple[ModuleType, str, tuple]],
    measure: Callable[[OneVsAllLoss], tuple[float, ...]],
    names: str,
) -> None:
    """Print a line for each try."""
    train = load_dataset()
    X = train.images.reshape(len(train), -1) / np.float32(255)
    loss = OneVsAllLoss(X, curated_labels(train.labels, np.arange(10)), C=1.0)
    chosen = [measure(loss)]
    print(f"{'':32}{'tried':>20}{names}")
    for module, name, tries in numbers:
        for tried in tries:
            ratios = []
            for _ in range(REPEATS):
                with mock.patch.object(module, name, tried):
                    other = measure(loss)
                chosen.append(measure(loss))
                ratios.append([a / b for a, b in zip(other, chosen[-1], strict=True)])
            told = "np.logaddexp" if callable(tried) else str(tried)
            middle = [median(column) for column in zip(*ratios, strict=True)]
            print(f"{name:32}{told:>20}" + "".join(f"{m:9.2f}" for m in middle), flush=True)
    print(
        "with the chosen numbers:", " ".join(f"{median(c):.3g}" for c in zip(*chosen, strict=True))
    )


def wavering() -> None:
    """Print the cost's greatest height above its best, for batches and learning rates."""
    train = load_dataset().take(slice(6000))
    X = train.images.reshape(len(train), -1) / np.float32(255)
    loss = OneVsAllLoss(X, curated_labels(train.labels, np.arange(10)), C=1.0)
    print(f"{'':14}{'batch':>6}{'rate times':>12}{'above its best':>16}")
    for name, size, times in itertools.product(("mini-batch", "adam"), (16, 128, 1000), (1, 4, 16)):
        solver = solvers.SOLVERS[name]
        knobs = solver.knobs(batch_size=size)
        rate = knobs.learning_rate or solvers.safe_learning_rate(loss)
        knobs.learning_rate = times * rate
        steps = solver.function(
            loss, np.zeros((loss.K, 1 + loss.D)), knobs, np.random.default_rng(0)
        )
        costs: list[float] = []
        end = ""
        try:
            costs.extend(float(step.cost.sum()) for step in itertools.islice(steps, 25))
        except solvers.Diverged:
            end = "  stopped"
        above = max(costs / np.minimum.accumulate(costs)) - 1
        print(f"{name:14}{size:6}{times:12}{above:16.1%}{end}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("which", choices=("blocks", "preconditioner", "wavering"))
    which = parser.parse_args().which
    with threadpool_limits(1, user_api="blas"):
        if which == "blocks":
            compare(BLOCKS, a_pass, "   a pass")
        elif which == "wavering":
            wavering()
        else:
            compare(PRECONDITIONER, to_the_optimum, "      1 %   0.01 %   passes")
