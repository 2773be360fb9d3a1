"""Solvers, side by side: each a small generator of steps, all interchangeable.

A solver is called as `solver(loss, theta, knobs, rng)` and yields a `Step` after
every look at all the images, the first being the start itself.  It ends where
it can improve no further; until then the caller decides how far to go.  Knobs
are read afresh at every step, so they may be turned in the middle of a run.
"""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from lrcore.errors import UserError
from lrcore.logistic import OneVsAllLoss, sigmoid, softplus


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


class Diverged(UserError):
    """The learning rate overshoots: the cost has risen, and would go on rising."""


# The cost counts as visibly risen where it stands this far above its best ...
VISIBLE = 1.05
# ... and a run is stopped when that has been so for this many steps.
PATIENCE = 5


def safe_learning_rate(loss: OneVsAllLoss) -> float:
    """1 / L, the step with which gradient descent is sure to descend.

    L, the largest curvature, is at most a quarter of the largest eigenvalue of [1 X]'[1 X] / n,
    plus L2, since p (1 - p) <= 1/4; found by power iteration on 2,000 evenly spaced images.
    Source: Nesterov, "Introductory Lectures on Convex Optimization", section 1.2.3; the
    bound is Böhning's (1992).
    """
    x = loss.rows(slice(None, None, max(1, loss.n // 2000)))
    x = np.column_stack([np.ones(len(x), x.dtype), x])
    v = np.ones(x.shape[1], x.dtype)
    for _ in range(20):
        v = (v / np.linalg.norm(v)) @ x.T @ x
    return float(1 / (np.linalg.norm(v) / len(x) / 4 + loss.l2))


def _watched(solver):
    """Stop a solver with `Diverged` once its learning rate has shown itself too large."""

    @functools.wraps(solver)
    def watched(loss, theta, knobs, rng):
        if knobs.learning_rate is None:
            knobs.learning_rate = safe_learning_rate(loss)
        best, risen, rate = np.inf, 0, knobs.learning_rate
        with np.errstate(over="ignore", invalid="ignore"):
            steps = solver(loss, theta, knobs, rng)
        while True:
            with np.errstate(over="ignore", invalid="ignore"):
                step = next(steps)
            cost = step.cost.sum()
            yield step
            if knobs.learning_rate != rate:  # turned down, it gets a new chance
                best, rate = np.inf, knobs.learning_rate
            risen = 0 if cost <= VISIBLE * best else risen + 1
            best = min(best, cost)
            if not np.isfinite(cost):
                raise Diverged(
                    f"The learning rate of {rate:g} overshoots: every step lands farther up the "
                    "opposite slope, until the cost is no longer a number; try a tenth of it, "
                    f"{rate / 10:.2g}."
                )
            if risen >= PATIENCE:
                raise Diverged(
                    f"The learning rate of {rate:g} overshoots: steps so long land on the "
                    f"opposite slope, and the cost rose from {best:.4g} to {cost:.4g} instead of "
                    f"falling; try a tenth of it, {rate / 10:.2g}."
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
        step = -knobs.learning_rate * gradient
        theta = theta + step
        cost, gradient = loss.cost_and_gradient(theta)
        yield Step(iteration, theta, cost, _norm(gradient), _norm(step))


def _epochs(loss, theta, knobs, rng, update) -> Iterator[Step]:
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

    def update(gradient):
        nonlocal velocity
        velocity = knobs.momentum * velocity + (1 - knobs.momentum) * gradient
        return -knobs.learning_rate * velocity

    return _epochs(loss, theta, knobs, rng, update)


@_watched
def adam(
    loss: OneVsAllLoss, theta: np.ndarray, knobs: Knobs, rng: np.random.Generator
) -> Iterator[Step]:
    """Adam (Kingma and Ba, 2015, algorithm 1): momentum, each weight with its own step size."""
    mean, square, t = np.zeros_like(theta), np.zeros_like(theta), 0
    decay = 0.999

    def update(gradient):
        nonlocal mean, square, t
        t += 1
        mean = knobs.momentum * mean + (1 - knobs.momentum) * gradient
        square = decay * square + (1 - decay) * gradient**2
        unbiased = mean / (1 - knobs.momentum**t), square / (1 - decay**t)
        return -knobs.learning_rate * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8)

    return _epochs(loss, theta, knobs, rng, update)


def lbfgs(
    loss: OneVsAllLoss, theta: np.ndarray, knobs: Knobs, rng: np.random.Generator
) -> Iterator[Step]:
    """L-BFGS (Nocedal and Wright, "Numerical Optimization", 2nd ed., algorithms 7.4 and 7.5)."""
    rate = safe_learning_rate(loss)

    def scaled_identity(v, pairs):
        if not pairs:
            return rate * v
        s, y = pairs[-1]
        return v * (_dot(s, y) * _inverse(_dot(y, y)))[:, None]

    return _quasi_newton(loss, theta, knobs, scaled_identity)


def preconditioned_lbfgs(
    loss: OneVsAllLoss, theta: np.ndarray, knobs: Knobs, rng: np.random.Generator
) -> Iterator[Step]:
    """L-BFGS whose first guess at the inverse Hessian is one shared by all the classes."""
    gram = np.zeros((1 + loss.D, 1 + loss.D))
    for block in loss.blocks():
        x = loss.rows(block)
        x = np.column_stack([np.ones(len(x), x.dtype), x])
        gram += x.T @ x
    hessian = 0.05 * gram / loss.n
    hessian.flat[2 + loss.D :: 2 + loss.D] += loss.l2
    hessian.flat[:: 2 + loss.D] += 1e-6 * hessian.trace() / len(hessian)
    inverse = np.linalg.inv(hessian)

    def precondition(v, pairs):
        return v @ inverse

    return _quasi_newton(loss, theta, knobs, precondition)


def _quasi_newton(loss, theta, knobs, first_inverse) -> Iterator[Step]:
    """L-BFGS on each class by itself, all classes at once.

    first_inverse(v, pairs) applies the first guess at the inverse Hessian to v, shape
    (K, 1 + D).  z = [1 X] theta' is kept, so that a line search needs no pass over X.
    """
    z = loss.products(theta)
    cost, residual = _at(loss, theta, z)
    gradient = loss.transposed_products(residual) / loss.n + loss.penalty_gradient(theta)
    yield Step(0, theta, cost, _norm(gradient), 0.0)
    pairs: deque = deque(maxlen=knobs.memory)
    for iteration in itertools.count(1):
        direction = -_two_loops(gradient, pairs, first_inverse)
        moved = loss.products(direction)
        lengths, new_cost, residual = _line_search(loss, theta, direction, z, moved, cost, gradient)
        if not lengths.any():
            return
        step = lengths[:, None] * direction
        theta = theta + step
        z += lengths.astype(z.dtype) * moved
        before, cost = gradient, new_cost
        gradient = loss.transposed_products(residual) / loss.n + loss.penalty_gradient(theta)
        pairs.append((step, gradient - before))
        yield Step(iteration, theta, cost, _norm(gradient), _norm(step))


def _two_loops(gradient, pairs, first_inverse) -> np.ndarray:
    """The inverse Hessian times the gradient, class by class (Nocedal and Wright, alg. 7.4)."""
    q, alphas = gradient, []
    for s, y in reversed(pairs):
        rho = _inverse(_dot(s, y))
        alpha = rho * _dot(s, q)
        q = q - alpha[:, None] * y
        alphas.append((rho, alpha))
    r = first_inverse(q, pairs)
    for (s, y), (rho, alpha) in zip(pairs, reversed(alphas), strict=True):
        r = r + (alpha - rho * _dot(y, r))[:, None] * s
    return r


def _at(loss, theta, z) -> tuple[np.ndarray, np.ndarray]:
    """Cost (K,) and residual p - y (n, K) where the scores are z."""
    cost, residual = np.zeros(loss.K), np.empty_like(z)
    for block in loss.blocks():
        zb, y = z[block], loss.targets[block]
        cost += (softplus(zb) - y * zb).sum(0, dtype=np.float64)
        residual[block] = sigmoid(zb) - y
    return cost / loss.n + loss.penalty(theta), residual


def _line_search(loss, theta, direction, z, moved, cost, gradient):
    """Step lengths (K,) that meet Wolfe's conditions; 0 for a class that can not improve.

    Every class searches by itself, from length 1, by bisection with doubling; the scores are
    linear in the length, so a trial needs no pass over X.
    """
    slope = _dot(gradient, direction)
    low, high = np.zeros(loss.K), np.full(loss.K, np.inf)
    lengths = np.where(slope < 0, 1.0, 0.0)
    for _ in range(20):
        trial, residual = _at(
            loss, theta + lengths[:, None] * direction, z + lengths.astype(z.dtype) * moved
        )
        now = np.einsum("nk,nk->k", residual, moved).astype(float) / loss.n + _dot(
            loss.penalty_gradient(theta + lengths[:, None] * direction), direction
        )
        long = trial > cost + 1e-4 * lengths * slope
        short = ~long & (now < 0.9 * slope)
        if not (long | short)[lengths > 0].any():
            break
        high, low = np.where(long, lengths, high), np.where(short, lengths, low)
        middle = np.where(np.isinf(high), 2 * lengths, (low + high) / 2)
        lengths = np.where(long | short, middle, lengths)
    else:
        lengths = np.where(long, low, lengths)
        trial, residual = _at(
            loss, theta + lengths[:, None] * direction, z + lengths.astype(z.dtype) * moved
        )
    return lengths, trial, residual


def _dot(a, b) -> np.ndarray:
    """Row by row dot products of two (K, 1 + D) arrays, shape (K,)."""
    return np.einsum("kd,kd->k", a, b)


def _inverse(x) -> np.ndarray:
    """1 / x where x > 0, else 0: a pair without positive curvature does not count."""
    return np.divide(1.0, x, out=np.zeros_like(x), where=x > 0)


def _norm(a) -> float:
    return float(np.linalg.norm(a))


@dataclass(frozen=True)
class Solver:
    """A solver and what a page or a command line says about it.

    defaults : the knobs that it starts from where they differ from `Knobs`'s own.
    uses : names of the knobs that it reads.
    stochastic : whether the seed matters.
    """

    function: Callable[[OneVsAllLoss, np.ndarray, Knobs, np.random.Generator], Iterator[Step]]
    title: str
    description: str
    source: str
    defaults: dict
    uses: tuple[str, ...]
    stochastic: bool

    def knobs(self, **settings) -> Knobs:
        """Fresh knobs: the solver's defaults, changed by those settings that are not None."""
        given = {name: value for name, value in settings.items() if value is not None}
        return Knobs(**(self.defaults | given))


SOLVERS: dict[str, Solver] = {
    "gradient-descent": Solver(
        gradient_descent,
        "Gradient descent",
        "Looks at every image, then takes one step straight down the slope.",
        "Cauchy (1847); Nocedal and Wright, Numerical Optimization, section 2.2",
        {},
        ("learning_rate",),
        False,
    ),
    "mini-batch": Solver(
        mini_batch,
        "Mini-batch gradient descent with momentum",
        "Takes a step after every few images, and keeps rolling the way it went.",
        "Robbins and Monro (1951); Polyak (1964)",
        {},
        ("learning_rate", "momentum", "batch_size"),
        True,
    ),
    "adam": Solver(
        adam,
        "Adam",
        "Mini-batches with momentum, where every weight finds its own step size.",
        "Kingma and Ba (2015), Adam: A Method for Stochastic Optimization",
        {"learning_rate": 0.003},
        ("learning_rate", "momentum", "batch_size"),
        True,
    ),
    "lbfgs": Solver(
        lbfgs,
        "L-BFGS",
        "Learns the curvature from its last steps, and finds its step lengths by itself.",
        "Nocedal and Wright, Numerical Optimization, 2nd ed., section 7.2",
        {},
        ("memory",),
        False,
    ),
    "preconditioned-lbfgs": Solver(
        preconditioned_lbfgs,
        "Preconditioned L-BFGS",
        "L-BFGS that knows from the start how the pixels go together.",
        "Nocedal and Wright, section 7.2; Böhning (1992)",
        {},
        ("memory",),
        False,
    ),
}
