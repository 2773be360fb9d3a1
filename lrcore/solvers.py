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
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_factor
from scipy.linalg.blas import strsv

from lrcore.errors import UserError
from lrcore.logistic import OneVsAllLoss


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


# The share of what the slope promises that a step must bring the cost down by (Nocedal and
# Wright, section 3.1).
SUFFICIENT = 1e-4

SolverFunction = Callable[[OneVsAllLoss, np.ndarray, Knobs, np.random.Generator], Iterator[Step]]
# Steps of theta and the changes of the gradient that came with them, each of shape (K, 1 + D).
Pairs = deque[tuple[np.ndarray, np.ndarray]]
FirstInverse = Callable[[np.ndarray, Pairs], np.ndarray]


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

    def scaled_identity(v: np.ndarray, pairs: Pairs) -> np.ndarray:
        scale = _inverse(np.sqrt(_dot(v, v)))  # while nothing is known: try a step of length 1
        if pairs:
            s, y = pairs[-1]
            scale = np.where(_dot(s, y) > 0, _dot(s, y) * _inverse(_dot(y, y)), scale)
        return v * scale[:, None]

    cost, gradient = loss.cost_and_gradient(theta)
    yield from _quasi_newton(loss, theta, cost, gradient, knobs, scaled_identity)


# The first guess is made on every ninth image, in this many steps.  An odd share: MNIST's
# images come by turns from two sources, and every other one would all be from the same.
SHARE, WARM_STEPS = 9, 8
# Of very many images, on an odd share of about this number, as it keeps them as floats.
FEW = 20_000
# Of the first guess's images, every third tells of the pixels' Gram matrix.
GRAM_SHARE = 3
# What w is taken for before there is a model, and how much stronger L2 is made for so few.
TYPICAL_W, STRONGER = 0.1, 3
# Rows that a curvature matrix is estimated from: a few for each pixel will do.
ROWS = 2000
# Keeps an estimate invertible where its rows show no ink, as a share of its mean diagonal.
RIDGE = 0.05
# A pixel is next to never inked where its diagonal entry is below this share of the mean.
FAINT = 0.007
# Rows that are picked out of the images at a time.
PICKED = 128


def preconditioned_lbfgs(
    loss: OneVsAllLoss, theta: np.ndarray, knobs: Knobs, rng: np.random.Generator
) -> Iterator[Step]:
    """L-BFGS on all images, started well and with a good first guess at the inverse Hessians.

    Neighbouring pixels go together, so the cost is a long, narrow valley, in which L-BFGS from
    the identity needs hundreds of looks at the images.  Class k's Hessian tells the valley's
    shape: with x starting with a one for the bias,

        H_k = sum_i w_ik x_i x_i' / n + L2,    w_ik = p_ik (1 - p_ik).

    1. With w replaced by TYPICAL_W, H_k is the images' Gram matrix, the same for all classes
       (Böhning's bound, 1992, with less than his 1/4, as most p are far from 1/2).  One Newton
       step with it from theta, and a few of L-BFGS with it as first inverse Hessian on every
       ninth image, make the start.  L2 is made stronger there, as few images are soon learned
       by heart, and pixels that show next to no ink are left as they are.
    2. There, each H_k is estimated from about ROWS images.  Few matter: w is near 0 wherever
       the model is sure.  Image i is taken with probability q_ik = min(1, c w_ik), c such that
       ROWS come out, and counts w_ik / q_ik, so that the estimate is right on average
       (Xu et al., "Sub-sampled Newton methods with non-uniform sampling", 2016).  The draw is
       systematic (every time the running sum of q passes a whole number), so needs no chance.
    3. Its Cholesky factor is the first inverse Hessian of L-BFGS on all the images (Nocedal and
       Wright, "Numerical Optimization", 2nd ed., algorithm 7.4, with H_k^0 so chosen).

    The optimum is the full problem's own, whatever the estimates: they only make the way short.
    Iteration 1 is the start so found, and costs about six looks at the images.
    """
    start = theta
    cost, gradient = loss.cost_and_gradient(theta)
    yield Step(0, theta, cost, _norm(gradient), 0.0)

    every = np.arange(0, loss.n, max(SHARE, loss.n // FEW | 1))
    inked = _inked(loss.rows(every[::GRAM_SHARE]))
    chosen = np.append(0, 1 + inked)
    x = np.empty((len(every), len(chosen)), np.float32)
    loss.each(lambda some: _pick(loss, every[some], 1, inked, x[some]), _slices(len(x)))
    few = OneVsAllLoss(x[:, 1:], loss.targets[every], loss.C / STRONGER, loss.workers)
    halves = x[:: 2 * GRAM_SHARE], x[GRAM_SHARE :: 2 * GRAM_SHARE]
    first, second = few.each(lambda half: half.T @ half, halves)
    gram = (first + second) * np.float32(TYPICAL_W / len(x[::GRAM_SHARE]))
    shared = _solver_of(gram, slice(None), few.l2, loss.D)

    precondition_alike = _row_by_row([shared] * loss.K)
    guess = theta[:, chosen] - precondition_alike(gradient[:, chosen], deque())
    cost, gradient = few.cost_and_gradient(guess)
    warm = _quasi_newton(few, guess, cost, gradient, knobs, precondition_alike)
    for step in itertools.islice(warm, 1 + WARM_STEPS):
        guess = step.theta
    theta = theta.copy()
    theta[:, chosen] = guess

    residual = np.empty((loss.K, loss.n), loss.dtype)
    cost, gradient = loss.cost_and_gradient(theta, residual)

    def own(wrong: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        wrong = np.abs(wrong)  # p or 1 - p
        rows, weights = _draw(wrong * (1 - wrong))
        x, roots = np.empty((len(rows), len(chosen)), np.float32), np.sqrt(weights)[:, None]
        for some in _slices(len(x)):
            _pick(loss, rows[some], roots[some], inked, x[some])
        return _solver_of(x.T @ x, chosen, loss.l2, loss.D)

    precondition = _row_by_row(loss.each(own, residual))
    for step in _quasi_newton(loss, theta, cost, gradient, knobs, precondition):
        length = step.step_length if step.iteration else _norm(theta - start)
        yield replace(step, iteration=step.iteration + 1, step_length=length)


def _row_by_row(solves: list[Callable[[np.ndarray], np.ndarray]]) -> FirstInverse:
    """The first guess at the inverse Hessians, where each of solves applies one class's own."""
    return lambda v, _: np.array([solve(row) for solve, row in zip(solves, v, strict=True)])


def _draw(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """About ROWS of the n images, with p (1 - p) as w, and what each counts in H."""
    w = w + np.float32(1e-12)  # none is ruled out, even where all are sure
    c = ROWS / w.sum()
    for _ in range(3):  # those that are sure to be taken leave more to the others
        c *= ROWS / np.minimum(1, c * w).sum()
    q = np.minimum(1, c * w)
    passed = np.cumsum(q, dtype=np.float64)
    rows = np.searchsorted(passed, np.arange(1, int(passed[-1]) + 1))
    return rows, w[rows] / q[rows] / len(w)


def _inked(x: np.ndarray) -> np.ndarray:
    """The features of which the rows x show more than next to nothing, as indices."""
    squares = np.einsum("nd,nd->d", x, x)
    return np.flatnonzero(squares >= FAINT * squares.mean())


def _slices(n: int) -> list[slice]:
    """n rows in slices; what is made of each fits the cache."""
    return [slice(start, start + PICKED) for start in range(0, n, PICKED)]


def _pick(
    loss: OneVsAllLoss,
    rows: np.ndarray,
    roots: float | np.ndarray,
    inked: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write rows' inked features, a one before them, times their roots, (rows, 1), into out."""
    out[:, :1] = roots
    np.multiply(loss.rows(rows).take(inked, 1), roots, out=out[:, 1:])


def _solver_of(
    hessian: np.ndarray, chosen: slice | np.ndarray, l2: float, D: int
) -> Callable[[np.ndarray], np.ndarray]:
    """v -> inverse of (hessian + L2) times v, where hessian tells of the chosen entries of v.

    The others, next to never inked, are taken to have nothing to do with these, and are solved
    for by division.  float32 will do for a guess.
    """
    ridge = l2 + RIDGE * np.trace(hessian) / (1 + D)
    hessian.flat[:: 1 + len(hessian)] += ridge
    # Its transpose is the same matrix, laid out as LAPACK wants it.
    factor, _ = cho_factor(hessian.T, lower=True, overwrite_a=True, check_finite=False)

    def solve(v: np.ndarray) -> np.ndarray:
        out = v / ridge
        half = strsv(factor, v[chosen], lower=1)
        out[chosen] = strsv(factor, half, lower=1, trans=1)
        return out

    return solve


def _quasi_newton(
    loss: OneVsAllLoss,
    theta: np.ndarray,
    cost: np.ndarray,
    gradient: np.ndarray,
    knobs: Knobs,
    first_inverse: FirstInverse,
) -> Iterator[Step]:
    """L-BFGS on each class by itself, all classes at once, from theta, its cost and gradient.

    first_inverse(v, pairs) applies the first guess at the inverse Hessians to v, shape
    (K, 1 + D).  The first step's length is 1, every other's what would have been best for the
    one before, by the secant of the slopes at its two ends.  Where a step does not bring a
    class's cost down by a share of what its slope promises, the class tries a shorter one,
    while the others go on (Nocedal and Wright, algorithm 3.1).  Steps need no more than that
    where the cost is convex, and a search along them would take a second pass over X.  Ends
    where no class's cost can be brought down any more.
    """
    yield Step(0, theta, cost, _norm(gradient), 0.0)
    pairs: Pairs = deque(maxlen=knobs.memory)
    lengths, iteration = np.ones(len(cost)), 0
    while lengths.any():
        direction = -_two_loops(gradient, pairs, first_inverse)
        slope = _dot(gradient, direction)
        step = lengths[:, None] * direction
        trial, gradient_there = loss.cost_and_gradient(theta + step)
        better = trial < cost + SUFFICIENT * lengths * slope
        secant = -slope * _inverse(_dot(gradient_there, direction) - slope)
        shorter = lengths * np.nan_to_num(np.clip(secant, 0.1, 0.5), nan=0.1)
        best = np.clip(lengths * secant, 0.5, 2)
        # Where a step cannot promise more than rounding hides, the cost is at its lowest.  The
        # errors of the images' losses cancel in part.
        lowest = -shorter * slope < 0.1 * np.spacing(cost.astype(loss.dtype))
        lengths = np.where(better, best, np.where(lowest, 0, shorter))
        if not better.any():
            continue
        cost, better = np.where(better, trial, cost), better[:, None]
        # A class that did not move repeats its last pair, which changes nothing.
        last = pairs[-1] if pairs else (0, 0)
        pairs.append(
            (np.where(better, step, last[0]), np.where(better, gradient_there - gradient, last[1]))
        )
        step = np.where(better, step, 0)
        theta, gradient = theta + step, np.where(better, gradient_there, gradient)
        iteration += 1
        yield Step(iteration, theta, cost, _norm(gradient), _norm(step))


def _two_loops(gradient: np.ndarray, pairs: Pairs, first_inverse: FirstInverse) -> np.ndarray:
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
