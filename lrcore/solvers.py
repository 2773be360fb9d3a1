"""Solvers, side by side: each a small generator of steps, all interchangeable.

A solver is called as `solver(loss, theta, knobs, rng)` and yields a `Step` after
every pass over all the images, the first being the start itself.  It ends where
it can improve no further; until then the caller decides how far to go.  Knobs
are read afresh at every step, so they may be turned in the middle of a run.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from lrcore.errors import UserError
from lrcore.logistic import OneVsAllLoss
from lrcore.preconditioner import Sample, gram_solve, hessian_solves, take_sample


@dataclass(frozen=True)
class Step:
    """Where a run stands after one iteration.

    iteration : 0 for the start.
    theta : float64, shape (K, 1 + D); a fresh array, safe to keep.
    cost : each class's cost at theta on all training images, shape (K,).
    gradient_norm : Euclidean norm of the whole gradient at theta.
    step_length : Euclidean norm of the change of theta since the step before; 0 at the start.
    """

    iteration: int
    theta: np.ndarray
    cost: np.ndarray
    gradient_norm: float
    step_length: float


@dataclass
class Knobs:
    """What can be set, before a run or while it goes; a solver reads what it uses.

    learning_rate : above 0; None picks one from the data (`safe_learning_rate`) at the start
        and writes it here.
    momentum : share of the last step that is kept, from 0 to below 1.
    batch_size : images in a mini-batch.
    memory : how many past steps L-BFGS remembers.
    """

    learning_rate: float | None = None
    momentum: float = 0.9
    batch_size: int = 128
    memory: int = 10

    def __post_init__(self) -> None:
        rate = self.learning_rate
        if rate is not None and not 0 < rate < float("inf"):
            raise UserError(f"The learning rate is {rate}, but must be above 0; try 0.1.")
        if not 0 <= self.momentum < 1:
            raise UserError(f"The momentum is {self.momentum}, but must be from 0 to below 1.")
        if self.batch_size < 1:
            raise UserError(f"The batch size is {self.batch_size}, but must be at least 1.")
        if self.memory < 1:
            raise UserError(f"The memory is {self.memory}, but must be at least 1 step.")

    @property
    def rate(self) -> float:
        """The learning rate, once it has been set or picked."""
        assert self.learning_rate is not None
        return self.learning_rate


SolverFunction = Callable[[OneVsAllLoss, np.ndarray, Knobs, np.random.Generator], Iterator[Step]]


class Diverged(UserError):
    """The learning rate overshoots: the cost has risen, and would go on rising.

    what : says so, without what to try instead, which ends the message.
    """

    def __init__(self, what: str, rate: float):
        super().__init__(f"{what}; try a tenth of it, {rate / 10:.2g}.")
        self.what = what


# The cost counts as visibly risen where it stands this far above its best: at a learning rate
# that serves, batches make it waver by 3 % (python benchmarks/solver_numbers.py wavering) ...
VISIBLE = 1.05
# ... and a run is stopped when that has been so for this many steps: a few may yet come down.
PATIENCE = 5


def safe_learning_rate(loss: OneVsAllLoss) -> float:
    """1 / L, the step with which gradient descent is sure to descend.

    L, the largest curvature, is at most a quarter of the largest eigenvalue of [1 X]'[1 X] / n,
    plus L2, since p (1 - p) <= 1/4.  It is found by power iteration on about two thousand of the
    images, an odd number apart for the reason given at `lrcore.preconditioner.SHARE`.
    Source: Nesterov, "Introductory Lectures on Convex Optimization", section 1.2.3; the
    bound is Böhning's (1992).
    """
    x = loss.rows(slice(None, None, loss.n // 2000 | 1))
    x = np.column_stack([np.ones(len(x), x.dtype), x])
    v = np.ones(x.shape[1], x.dtype)
    for _ in range(20):  # five are enough for pixels; the rest is for other features
        v = (v / np.linalg.norm(v)) @ x.T @ x
    return float(1 / (np.linalg.norm(v) / len(x) / 4 + loss.l2))


def _watched(solver: SolverFunction) -> SolverFunction:
    """Stop a solver with `Diverged` once its learning rate has shown itself too large."""

    @functools.wraps(solver)
    def watched(
        loss: OneVsAllLoss, theta: np.ndarray, knobs: Knobs, rng: np.random.Generator
    ) -> Iterator[Step]:
        if knobs.learning_rate is None:
            knobs.learning_rate = safe_learning_rate(loss)
        best, risen, rate = np.inf, 0, knobs.rate
        steps = solver(loss, theta, knobs, rng)
        while True:
            with np.errstate(over="ignore", invalid="ignore"):  # it is told in words below
                step = next(steps)
            cost = step.cost.sum()
            yield step
            if knobs.rate != rate:  # turned down, it gets a new chance
                best, rate = np.inf, knobs.rate
            risen = 0 if cost <= VISIBLE * best else risen + 1
            best = min(best, cost)
            if not np.isfinite(cost):
                raise Diverged(
                    f"The learning rate of {rate:g} overshoots: every step lands farther up the "
                    "opposite slope, until the cost is no longer a number",
                    rate,
                )
            if risen >= PATIENCE:
                raise Diverged(
                    f"The learning rate of {rate:g} overshoots: steps so long land on the "
                    f"opposite slope, and the cost rose from {best:.4g} to {cost:.4g} instead of "
                    "falling",
                    rate,
                )

    return watched


@_watched
def gradient_descent(
    loss: OneVsAllLoss, theta: np.ndarray, knobs: Knobs, rng: np.random.Generator
) -> Iterator[Step]:
    """Gradient descent (Cauchy, 1847): a step straight down the slope, scaled by learning_rate."""
    cost, gradient = loss.cost_and_gradient(theta)
    yield Step(0, theta, cost, _norm(gradient), 0.0)
    for iteration in itertools.count(1):
        step = -knobs.rate * gradient
        theta = theta + step
        cost, gradient = loss.cost_and_gradient(theta)
        yield Step(iteration, theta, cost, _norm(gradient), _norm(step))


def _epochs(
    loss: OneVsAllLoss,
    theta: np.ndarray,
    knobs: Knobs,
    rng: np.random.Generator,
    update: Callable[[np.ndarray], np.ndarray],
) -> Iterator[Step]:
    """Yield a step after every epoch: all images once, in shuffled batches, update(gradient)."""
    cost, gradient = loss.cost_and_gradient(theta)
    yield Step(0, theta, cost, _norm(gradient), 0.0)
    for iteration in itertools.count(1):
        before, order = theta, rng.permutation(loss.n)
        for start in range(0, loss.n, knobs.batch_size):
            batch = order[start : start + knobs.batch_size]
            theta = theta + update(loss.batch_gradient(theta, batch))
        cost, gradient = loss.cost_and_gradient(theta)
        yield Step(iteration, theta, cost, _norm(gradient), _norm(theta - before))


@_watched
def mini_batch(
    loss: OneVsAllLoss, theta: np.ndarray, knobs: Knobs, rng: np.random.Generator
) -> Iterator[Step]:
    """Mini-batch gradient descent with momentum (Robbins and Monro, 1951; Polyak, 1964).

    The velocity is a running mean of the gradients, so learning_rate means the same
    with and without momentum.
    """
    velocity = np.zeros_like(theta)

    def update(gradient: np.ndarray) -> np.ndarray:
        nonlocal velocity
        velocity = knobs.momentum * velocity + (1 - knobs.momentum) * gradient
        return -knobs.rate * velocity

    return _epochs(loss, theta, knobs, rng, update)


@_watched
def adam(
    loss: OneVsAllLoss, theta: np.ndarray, knobs: Knobs, rng: np.random.Generator
) -> Iterator[Step]:
    """Adam (Kingma and Ba, 2015, algorithm 1): momentum, each weight with its own step size."""
    mean, square, t = np.zeros_like(theta), np.zeros_like(theta), 0
    decay = 0.999

    def update(gradient: np.ndarray) -> np.ndarray:
        nonlocal mean, square, t
        t += 1
        mean = knobs.momentum * mean + (1 - knobs.momentum) * gradient
        square = decay * square + (1 - decay) * gradient**2
        unbiased = mean / (1 - knobs.momentum**t), square / (1 - decay**t)
        return -knobs.rate * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8)

    return _epochs(loss, theta, knobs, rng, update)


def lbfgs(
    loss: OneVsAllLoss, theta: np.ndarray, knobs: Knobs, rng: np.random.Generator
) -> Iterator[Step]:
    """L-BFGS (Nocedal and Wright, "Numerical Optimization", 2nd ed., algorithms 7.4 and 7.5)."""
    cost, gradient = loss.cost_and_gradient(theta)
    yield from _quasi_newton(loss, theta, cost, gradient, _Memory(knobs, _scaled_identity))


# Steps on the sample, with which preconditioned L-BFGS begins; chosen like the preconditioner's
# numbers, by benchmarks/solver_numbers.py.
WARM_STEPS = 8


def preconditioned_lbfgs(
    loss: OneVsAllLoss, theta: np.ndarray, knobs: Knobs, rng: np.random.Generator
) -> Iterator[Step]:
    """L-BFGS on all images, started well and with a good first guess at the inverse Hessians.

    Neighbouring pixels go together, so the cost is a long, narrow valley, in which L-BFGS from
    the identity needs hundreds of passes over the images.  `lrcore.preconditioner` estimates
    the valley's shape from few of them:

    1. a sample of the images leads to a good start;
    2. there, each class's Hessian is estimated;
    3. from there L-BFGS goes over all the images, with these as its first inverse Hessians
       (Nocedal and Wright, "Numerical Optimization", 2nd ed., algorithm 7.4, H_k^0 so chosen).

    The optimum is the full problem's own, whatever the estimates: they only make the way short.
    Iteration 1 is the start so found, and costs about six passes over the images.
    """
    cost, gradient = loss.cost_and_gradient(theta)
    yield Step(0, theta, cost, _norm(gradient), 0.0)

    sample = take_sample(loss)
    start = _learned_from(sample, theta, gradient, knobs)

    residual = np.empty((loss.K, loss.n), loss.dtype)
    cost, gradient = loss.cost_and_gradient(start, residual)
    memory = _Memory(knobs, _class_by_class(hessian_solves(loss, sample.columns, residual)))

    for step in _quasi_newton(loss, start, cost, gradient, memory):
        length = step.step_length if step.iteration else _norm(start - theta)
        yield replace(step, iteration=step.iteration + 1, step_length=length)


def _learned_from(
    sample: Sample, theta: np.ndarray, gradient: np.ndarray, knobs: Knobs
) -> np.ndarray:
    """theta after a Newton step with all images' gradient, and a few of L-BFGS on the sample.

    Both take the sample's Gram matrix for every class's Hessian.  The weights of pixels that
    show next to no ink are left as they are.
    """
    first_inverse = _class_by_class([gram_solve(sample)] * len(theta))
    few = theta[:, sample.columns] - first_inverse(gradient[:, sample.columns], [])
    cost, gradient = sample.loss.cost_and_gradient(few)
    steps = _quasi_newton(sample.loss, few, cost, gradient, _Memory(knobs, first_inverse))
    for step in itertools.islice(steps, 1 + WARM_STEPS):
        few = step.theta
    out = theta.copy()
    out[:, sample.columns] = few
    return out


# The share of what the slope promises that a step must bring the cost down by (Nocedal and
# Wright, section 3.1).
SUFFICIENT = 1e-4
# How far a length may be from the one before, after a step that went too far and after a good
# one: Nocedal and Wright, section 3.5, want such bounds, which matter little.
SHORTEN, LENGTHEN = (0.1, 0.5), (0.5, 2.0)
# The errors of the images' losses cancel in part: rounding hides this share of the last digit.
ROUNDING = 0.1


def _quasi_newton(
    loss: OneVsAllLoss,
    theta: np.ndarray,
    cost: np.ndarray,
    gradient: np.ndarray,
    memory: _Memory,
) -> Iterator[Step]:
    """L-BFGS on each class by itself, all classes at once, from theta, its cost and gradient.

    Where a step does not bring a class's cost down by a share of what its slope promises, the
    class tries a shorter one, while the others go on (Nocedal and Wright, algorithm 3.1).
    Steps need no more than that where the cost is convex, and a search along them would take a
    second pass over X.  Ends where no class's cost can be brought down any more.
    """
    yield Step(0, theta, cost, _norm(gradient), 0.0)
    lengths, iteration = np.ones(len(cost)), 0
    while lengths.any():
        direction = -memory.inverse_times(gradient)
        slope = _dot(gradient, direction)
        step = lengths[:, None] * direction
        cost_there, gradient_there = loss.cost_and_gradient(theta + step)
        better = cost_there < cost + SUFFICIENT * lengths * slope
        slope_there = _dot(gradient_there, direction)
        hidden = ROUNDING * np.spacing(cost.astype(loss.dtype))
        lengths = _next_lengths(lengths, slope, slope_there, better, hidden)
        if not better.any():
            continue
        memory.add(step, gradient_there - gradient, better)
        cost, better = np.where(better, cost_there, cost), better[:, None]
        step = np.where(better, step, 0)
        theta, gradient = theta + step, np.where(better, gradient_there, gradient)
        iteration += 1
        yield Step(iteration, theta, cost, _norm(gradient), _norm(step))


def _next_lengths(
    lengths: np.ndarray,
    slope: np.ndarray,
    slope_there: np.ndarray,
    better: np.ndarray,
    hidden: np.ndarray,
) -> np.ndarray:
    """How long each class's next step shall be, given the slopes at both ends of the last.

    After a good step: what would have been best for it, by the secant of its slopes.  After one
    that went too far: shorter.  0, the end, where not even that could promise more than rounding
    hides.  All of shape (K,).
    """
    best = -slope * _inverse(slope_there - slope)  # as a share of the step
    shorter = lengths * np.nan_to_num(np.clip(best, *SHORTEN), nan=SHORTEN[0])
    lowest = -shorter * slope < hidden
    return np.where(better, np.clip(lengths * best, *LENGTHEN), np.where(lowest, 0, shorter))


# A step of theta and the change of the gradient that came with it, each of shape (K, 1 + D).
Pair = tuple[np.ndarray, np.ndarray]
# Applies a first guess at the inverse Hessians to v, shape (K, 1 + D).
FirstInverse = Callable[[np.ndarray, list[Pair]], np.ndarray]


class _Memory:
    """What L-BFGS knows of the K inverse Hessians: a first guess, and the latest steps."""

    def __init__(self, knobs: Knobs, first_inverse: FirstInverse) -> None:
        self.knobs, self.first_inverse = knobs, first_inverse
        self.pairs: list[Pair] = []

    def add(self, step: np.ndarray, change: np.ndarray, moved: np.ndarray) -> None:
        """Remember a step that some classes have moved by, and its change of the gradient."""
        # A class that did not move repeats its last pair, which changes nothing.
        last, moved = self.pairs[-1] if self.pairs else (0, 0), moved[:, None]
        pair = np.where(moved, step, last[0]), np.where(moved, change, last[1])
        self.pairs = [*self.pairs, pair][-self.knobs.memory :]

    def inverse_times(self, gradient: np.ndarray) -> np.ndarray:
        """The inverse Hessians times the gradient (Nocedal and Wright, algorithm 7.4)."""
        q, alphas = gradient, []
        for s, y in reversed(self.pairs):
            rho = _inverse(_dot(s, y))
            alpha = rho * _dot(s, q)
            q = q - alpha[:, None] * y
            alphas.append((rho, alpha))
        r = self.first_inverse(q, self.pairs)
        for (s, y), (rho, alpha) in zip(self.pairs, reversed(alphas), strict=True):
            r = r + (alpha - rho * _dot(y, r))[:, None] * s
        return r


def _scaled_identity(v: np.ndarray, pairs: list[Pair]) -> np.ndarray:
    """The identity, as long as the last pair says (Nocedal and Wright, equation 7.20)."""
    scale = _inverse(np.sqrt(_dot(v, v)))  # while nothing is known: try a step of length 1
    if pairs:
        s, y = pairs[-1]
        scale = np.where(_dot(s, y) > 0, _dot(s, y) * _inverse(_dot(y, y)), scale)
    return v * scale[:, None]


def _class_by_class(solves: list[Callable[[np.ndarray], np.ndarray]]) -> FirstInverse:
    """The first guess at the inverse Hessians, where each of solves applies one class's own."""
    return lambda v, _: np.array([solve(row) for solve, row in zip(solves, v, strict=True)])


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Row by row dot products of two arrays with K rows, shape (K,)."""
    return np.einsum("kd,kd->k", a, b)


def _inverse(x: np.ndarray) -> np.ndarray:
    """1 / x where x > 0, else 0: a pair without positive curvature does not count."""
    return np.divide(1.0, x, out=np.zeros_like(x), where=x > 0)


def _norm(a: np.ndarray) -> float:
    return float(np.linalg.norm(a))


@dataclass(frozen=True)
class Solver:
    """A solver, what to call it, and which knobs matter to it.

    function : as the module's first lines describe.
    defaults : the knobs that it starts from where they differ from `Knobs`'s own.
    uses : names of the knobs that it reads.
    """

    function: SolverFunction
    title: str
    defaults: dict
    uses: tuple[str, ...]

    def knobs(self, **settings: float | None) -> Knobs:
        """Fresh knobs: the solver's defaults, changed by those settings that are not None."""
        given: dict = {name: value for name, value in settings.items() if value is not None}
        return Knobs(**(self.defaults | given))


SOLVERS: dict[str, Solver] = {
    "gradient-descent": Solver(
        gradient_descent,
        "Gradient descent",
        {},
        ("learning_rate",),
    ),
    "mini-batch": Solver(
        mini_batch,
        "Mini-batch gradient descent with momentum",
        {},
        ("learning_rate", "momentum", "batch_size"),
    ),
    "adam": Solver(
        adam,
        "Adam",
        {"learning_rate": 0.003},
        ("learning_rate", "momentum", "batch_size"),
    ),
    "lbfgs": Solver(
        lbfgs,
        "L-BFGS",
        {},
        ("memory",),
    ),
    "preconditioned-lbfgs": Solver(
        preconditioned_lbfgs,
        "Preconditioned L-BFGS",
        {},
        ("memory",),
    ),
}
