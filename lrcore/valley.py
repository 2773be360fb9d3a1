"""The valley: what a cost looks like over a plane through theta's space, and solvers' ways in it.

A plane is a point of theta's space and two directions.  Scores are linear in theta, so those of
the point and of the directions, computed once, give those of every theta in the plane; the cost of
each is then `lrcore.logistic`'s own.  A model of two weights and a bias has one number more than a
plane: there each place shows the cost with the best bias for its two weights (`Plane.best_bias`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lrcore.data import Dataset
from lrcore.errors import UserError
from lrcore.logistic import OneVsAllLoss, curated_labels, sigmoid, softplus
from lrcore.newton import newton
from lrcore.solvers import SOLVERS, Diverged, safe_learning_rate
from lrcore.training import Pictures, RunRequest
from lrcore.two_numbers import INK_SYMMETRY, NUMBERS, Choice, two_numbers

# What counts as near the bottom, and as there: a cost higher than the optimum's by this share.
NEAR, THERE = 0.01, 0.0001
# Passes in which the optimum is looked for, at most; small problems take about ten.
MOST_PASSES = 300
# Passes that solvers are followed for.
PASSES = 100
# Pictures of each digit: enough for a cost that hardly hangs on which, and soon computed.
OF_EACH = 500
# A gain of cost that is too small to go on for, and a curvature that is as good as none.
FINEST = 1e-12
# What float32 may make of a cost.
ROUNDING = 1e-6
# Cells of a grid whose best biases are sought at a time, so that their scores fit in memory.
TOGETHER = 64
# What is shown, as shares of the distance from the start to the bottom: how far a solver may stray
# before it is left out of sight, and how far is shown at least; and the margin round it all.
MOST_REACH, LEAST_REACH, MARGIN = 1.4, 0.1, 1.2


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane through theta's space.

    origin : the theta at (0, 0), shape (K, 1 + D).
    directions : two of length 1 and at right angles, shape (2, K, 1 + D).
    best_bias : whether the bias is not the plane's own, but the best one for the rest of theta.
    """

    origin: np.ndarray
    directions: np.ndarray
    best_bias: bool = False

    def theta(self, place: Sequence[float] | np.ndarray) -> np.ndarray:
        """The theta at (across, up), shape (K, 1 + D)."""
        return self.origin + np.tensordot(np.asarray(place, float), self.directions, 1)

    def places(self, thetas: np.ndarray) -> np.ndarray:
        """Where thetas (m, K, 1 + D) are in the plane, or right above it; shape (m, 2)."""
        return np.tensordot(thetas - self.origin, self.directions, ((1, 2), (1, 2)))

    def share(self, thetas: np.ndarray) -> float:
        """How much of these thetas' movement about the origin lies in the plane, from 0 to 1.

        As shares of variance are told: of the sum of squared distances.  A bias that is always
        the best one does not count.
        """
        moved = thetas - self.origin
        if self.best_bias:
            moved = moved[:, :, 1:]
        whole = float(np.square(moved).sum())
        return float(np.square(self.places(thetas)).sum()) / whole if whole else 1.0


def weights_plane() -> Plane:
    """The plane of the two weights of a model of two numbers, across and up, at the best bias."""
    directions = np.zeros((2, 1, 3))
    directions[0, 0, 1] = directions[1, 0, 2] = 1
    return Plane(np.zeros((1, 3)), directions, best_bias=True)


def moved_plane(thetas: np.ndarray) -> Plane:
    """The plane through a way's end that holds most of its movement about that; from (m, K, 1 + D).

    Its directions are the first two principal ones of the thetas, taken about the last of them
    (Li et al., "Visualizing the loss landscape of neural nets", 2018, section 7); the way comes
    from where both are below zero.

    Raises UserError where there are no two steps to be seen.
    """
    moved = (thetas - thetas[-1]).reshape(len(thetas), -1)
    if len(np.unique(moved, axis=0)) < 3:
        raise UserError("A plane needs a way of two steps or more; let the run take some first.")
    _, _, axes = np.linalg.svd(moved.astype(np.float64), full_matrices=False)
    axes = axes[:2] * np.where(axes[:2] @ moved[0] > 0, -1, 1)[:, None]
    return Plane(thetas[-1].astype(np.float64), axes.reshape(2, *thetas.shape[1:]))


def cost_over(loss: OneVsAllLoss, plane: Plane, across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """The cost at each place of a grid over a plane, all classes summed; shape (up, across).

    across, up : the grid's coordinates along the two directions.
    """
    base, right, above = (loss.scores(theta) for theta in (plane.origin, *plane.directions))
    out = np.empty((len(up), len(across)))
    for row, y in enumerate(up):
        begun = base + loss.dtype.type(y) * above
        for start in range(0, len(across), TOGETHER):
            some = across[start : start + TOGETHER]
            biases = np.zeros((len(some), loss.K))
            if plane.best_bias:
                biases = best_biases(loss, [begun + loss.dtype.type(x) * right for x in some])
            for column, (x, bias) in enumerate(zip(some, biases, strict=True), start):
                z = begun + loss.dtype.type(x) * right + bias.astype(loss.dtype)
                penalty = loss.penalty(plane.theta((x, y)))
                out[row, column] = (loss.log_loss(z) + penalty).sum()
    return out


def best_biases(loss: OneVsAllLoss, scores: Sequence[np.ndarray]) -> np.ndarray:
    """What to add to each class's scores for the lowest log loss, shape (m, K); L2 spares it.

    scores : m times those of all images, shape (n, K).
    """
    z = np.concatenate([each.T for each in scores]).astype(np.float64)
    targets = np.tile(loss.targets.T, (len(scores), 1)).astype(np.float64)

    def cost(bias: np.ndarray) -> np.ndarray:
        return (softplus(z + bias) - targets * (z + bias)).mean(1)

    def derivatives(bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = sigmoid(z + bias)
        curvature = np.maximum((p * (1 - p)).mean(1), FINEST)
        return (p - targets).mean(1, keepdims=True), curvature[:, None, None]

    return newton(np.zeros((len(z), 1)), cost, derivatives, FINEST).reshape(len(scores), loss.K)


def curvature(loss: OneVsAllLoss, plane: Plane, theta: np.ndarray) -> np.ndarray:
    """The cost's second derivatives along the plane's directions at a theta; shape (2, 2).

    Where the bias is always the best one, it goes along: the Schur complement (Boyd and
    Vandenberghe, "Convex Optimization", appendix A.5.5).
    """
    p = sigmoid(loss.scores(theta).astype(np.float64))
    w = p * (1 - p) / loss.n
    along = np.stack([loss.scores(way) for way in plane.directions]).astype(np.float64)
    out = np.einsum("ink,nk,jnk->ij", along, w, along)
    weights = plane.directions[:, :, 1:].reshape(2, -1)
    out += loss.l2 * weights @ weights.T
    if plane.best_bias:
        mixed = np.einsum("ink,nk->ik", along, w)
        out -= np.einsum("ik,jk->ij", mixed / w.sum(0), mixed)
    return out


@dataclass(frozen=True, eq=False)
class Way:
    """Where a solver went.

    solver : its name in `SOLVERS`.
    thetas : shape (m, K, 1 + D), the start first, one after each pass over the images.
    costs : all classes' together at each, shape (m,).
    iterations : how many passes each came after, shape (m,).
    message : why it was stopped, where the learning rate overshot; '' otherwise.
    """

    solver: str
    thetas: np.ndarray
    costs: np.ndarray
    iterations: np.ndarray
    message: str = ""

    def passes_until(self, lowest: float, share: float) -> int | None:
        """After how many passes the cost was at most (1 + share) lowest; None if it never was."""
        arrived = np.flatnonzero(self.costs <= (1 + share) * lowest)
        return int(self.iterations[arrived[0]]) if len(arrived) else None


def walk(
    loss: OneVsAllLoss,
    solver: str,
    passes: int,
    knobs: Mapping[str, float | None] | None = None,
    start: np.ndarray | None = None,
    seed: int = 0,
) -> Way:
    """A solver's way from a start, theta zero by default, for some passes or until it ends.

    knobs : of the solver, where they differ from its defaults; see `lrcore.solvers.Knobs`.
    """
    chosen = SOLVERS[solver]
    knobs_set, rng = chosen.knobs(**(knobs or {})), np.random.default_rng(seed)
    theta = np.zeros((loss.K, 1 + loss.D)) if start is None else start.astype(np.float64)
    steps = chosen.function(loss, theta, knobs_set, rng)
    found, message = [], ""
    try:
        for step in itertools.islice(steps, 1 + passes):
            if np.isfinite(step.cost).all() and np.isfinite(step.theta).all():
                found.append(step)
    except Diverged as error:
        message = str(error)
    thetas = np.stack([step.theta for step in found])
    costs = np.array([step.cost.sum() for step in found])
    return Way(solver, thetas, costs, np.array([step.iteration for step in found]), message)


@dataclass(frozen=True, eq=False)
class Valley:
    """A cost over a plane, its lowest point and its shape there.

    plane : as in `cost_over`.
    lowest : the lowest cost that there is, in the plane or out of it.
    deepest : the theta of the lowest cost in the plane, shape (K, 1 + D), with the best bias
        where the plane has that; `floor`, its cost.
    curvatures : the cost's second derivative along the valley's floor, and across it; shape (2,).
    axes : these two directions in the plane, in rows, (2, 2); the former comes from below zero.
    """

    plane: Plane
    lowest: float
    deepest: np.ndarray
    floor: float
    curvatures: np.ndarray
    axes: np.ndarray

    @property
    def elongation(self) -> float:
        """How many times as long as wide the contours are near the lowest point."""
        return math.sqrt(self.curvatures[1] / self.curvatures[0])

    @property
    def bottom(self) -> np.ndarray:
        """The lowest place in the plane, shape (2,)."""
        return self.plane.places(self.deepest[None])[0]

    def across(self, way: Way) -> np.ndarray:
        """How far beside the valley's floor a way was, after each pass; shape (m,)."""
        return (self.plane.places(way.thetas) - self.bottom) @ self.axes[1]

    def crossings(self, way: Way) -> int:
        """How often a way went from one side of the floor to the other before it was there."""
        end = self.passes_until(way, THERE)
        kept = way.iterations <= (way.iterations[-1] if end is None else end)
        beside = np.sign(self.across(way)[kept])
        return int(np.count_nonzero(np.diff(beside[beside != 0])))

    def passes_until(self, way: Way, share: float = THERE) -> int | None:
        """After how many passes a way's cost was within this share of the lowest; None if never."""
        return way.passes_until(self.lowest, share)

    def off_course(self, way: Way) -> np.ndarray:
        """By which angle each step of a way missed the bottom, in degrees; shape (m - 1,).

        Between the step, as it is seen in the plane, and the straight line to the bottom from
        where it began.
        """
        places = self.plane.places(way.thetas)
        return _angles(np.diff(places, axis=0), self.bottom - places[:-1])

    def slope_off_course(self, way: Way, loss: OneVsAllLoss) -> np.ndarray:
        """The same of the way straight downhill, from where each step of a way began."""
        places = self.plane.places(way.thetas)
        uphill = [loss.cost_and_gradient(theta)[1] for theta in way.thetas[:-1]]
        downhill = -self.plane.places(self.plane.origin + np.array(uphill))
        return _angles(downhill, self.bottom - places[:-1])

    def window(
        self, ways: Sequence[Way], square: bool = True
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """What to show: (low, high) across and up, round the starts and the bottom.

        It holds the ways as well, as long as they do not stray too far.

        square : as far across as up, so that right angles are seen as such.
        """
        starts = np.concatenate([self.plane.places(way.thetas[:1]) for way in ways])
        middle = (starts.mean(0) + self.bottom) / 2
        apart = max(float(np.abs(starts - self.bottom).max()), 1e-9)
        places = np.concatenate([self.plane.places(way.thetas) for way in ways])
        near = np.abs(places - middle).max(1) <= MOST_REACH * apart
        kept = np.concatenate([places[near], starts, [self.bottom]])
        low, high = kept.min(0), kept.max(0)
        middle, reach = (low + high) / 2, MARGIN * np.maximum((high - low) / 2, LEAST_REACH * apart)
        if square:
            reach = reach.max()
        low, high = middle - reach, middle + reach
        return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def _angles(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The angles between arrows (m, 2) and others, in degrees from 0 to 180; shape (m,)."""
    lengths = np.linalg.norm(ones, axis=1) * np.linalg.norm(others, axis=1)
    cosines = (ones * others).sum(1) / np.where(lengths > 0, lengths, 1)
    return np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def valley(loss: OneVsAllLoss, plane: Plane | None = None) -> Valley:
    """The valley of a cost over a plane; by default that of the two weights there are."""
    plane = plane or weights_plane()
    way = walk(loss, "preconditioned-lbfgs", MOST_PASSES)
    # With two weights and the best bias, the plane holds all there is.
    deepest = way.thetas[-1] if plane.best_bias else _deepest(loss, plane)
    floor = float(loss.cost(deepest).sum())
    curvatures, axes = np.linalg.eigh(curvature(loss, plane, deepest))
    axes = axes.T
    towards = plane.places(deepest[None])[0] - plane.places(way.thetas[:1])[0]
    axes[0] *= -1 if axes[0] @ towards < 0 else 1
    lowest = min(float(way.costs[-1]), floor)
    return Valley(plane, lowest, deepest, floor, np.maximum(curvatures, FINEST), axes)


def _deepest(loss: OneVsAllLoss, plane: Plane) -> np.ndarray:
    """The theta of the lowest cost in a plane, whose biases are its own."""

    def cost(places: np.ndarray) -> np.ndarray:
        return np.array([loss.cost(plane.theta(place)).sum() for place in places])

    def derivatives(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        theta = plane.theta(places[0])
        slope = loss.cost_and_gradient(theta)[1]
        return plane.places(plane.origin + slope[None]), curvature(loss, plane, theta)[None]

    return plane.theta(newton(np.zeros((1, 2)), cost, derivatives, ROUNDING)[0])


# What the page offers, and so what a link may ask for, by the field of `Walks`.
OPTIONS: dict[str, tuple] = {
    "digit": tuple(range(10)),
    "against": tuple(range(10)),
    "numbers": tuple(NUMBERS),
    "stretch": (1, 2, 4, 8),
    "rate": (0.5, 1.0, 1.5, 1.9, 4.0, 8.0),
    "momentum": (0.0, 0.3, 0.6, 0.9),
    "batch_size": (0, 128, 32),
    "adam_rate": (0.003, 0.01, 0.03, 0.1, 0.3),
}


@dataclass(frozen=True)
class Walks:
    """How the five solvers are sent down a valley, and down which; see `OPTIONS`.

    digit, against, numbers : of the two-number model, see `lrcore.two_numbers.Choice`: the digits
        of 'yes' and of 'no', and which two numbers.
    stretch : what the first number is multiplied by after both have been standardised, as if it
        were told in a smaller unit.
    rate : the learning rate of gradient descent with and without momentum, in safe ones
        (`lrcore.solvers.safe_learning_rate`).
    momentum, batch_size : see `lrcore.solvers.Knobs`; 0 makes a batch of all pictures.
    adam_rate : Adam's learning rate.

    Raises UserError where these are not offered.
    """

    digit: int = 7
    against: int = 9
    numbers: str = INK_SYMMETRY
    stretch: int = 4
    rate: float = 1.9
    momentum: float = 0.9
    batch_size: int = 0
    adam_rate: float = 0.1

    def __post_init__(self) -> None:
        for name, offered in OPTIONS.items():
            if getattr(self, name) not in offered:
                raise UserError(
                    f"{name} cannot be {getattr(self, name)}; choose among "
                    f"{', '.join(map(str, offered))}."
                )

    def knobs(self, solver: str, loss: OneVsAllLoss) -> dict[str, float]:
        """Of one solver, for one cost."""
        adam = solver == "adam"
        given = {
            "learning_rate": self.adam_rate if adam else self.rate * safe_learning_rate(loss),
            "momentum": self.momentum,
            "batch_size": self.batch_size or loss.n,
        }
        return {name: value for name, value in given.items() if name in SOLVERS[solver].uses}

    def way(
        self,
        loss: OneVsAllLoss,
        solver: str,
        passes: int = PASSES,
        start: np.ndarray | None = None,
    ) -> Way:
        """Of one solver."""
        return walk(loss, solver, passes, self.knobs(solver, loss), start)


def changed(walks: Walks, texts: Mapping[str, str]) -> Walks:
    """Other walks, by texts such as {'stretch': '8'}; UserError where they cannot be."""
    values = {}
    for name, text in texts.items():
        if name not in OPTIONS:
            raise UserError(f"'{name}' is nothing of a valley; known are {', '.join(OPTIONS)}.")
        offered = {
            f"{option:g}" if name != "numbers" else option: option for option in OPTIONS[name]
        }
        if text not in offered:
            raise UserError(f"{name} cannot be '{text}'; choose among {', '.join(offered)}.")
        values[name] = offered[text]
    return replace(walks, **values)


@dataclass(frozen=True, eq=False)
class Walked:
    """The five solvers' ways in one valley.

    loss : the cost; None where it is not held on to.
    names : what the valley lies across and up: the two numbers.
    ways : by solver, in the order of `SOLVERS`.
    rates : the learning rate of those that have one.
    plain : the way with momentum, walked without it: the same batches at the same rate.
    """

    walks: Walks
    loss: OneVsAllLoss | None
    names: tuple[str, str]
    valley: Valley
    ways: dict[str, Way]
    rates: dict[str, float]
    plain: Way


def two_number_walks(walks: Walks, train: Dataset) -> Walked:
    """Send the five solvers down the valley of the two-number model.

    Raises UserError where both digits are the same.
    """
    choice = Choice((walks.against, walks.digit), walks.numbers, of_each=OF_EACH)
    found = two_numbers(train, choice)
    loss = OneVsAllLoss(found.X * [walks.stretch, 1], found.loss.targets, found.loss.C)
    return walked(walks, loss, choice.names)


def walked(
    walks: Walks,
    loss: OneVsAllLoss,
    names: tuple[str, str],
    plane: Plane | None = None,
    passes: int = PASSES,
    start: np.ndarray | None = None,
) -> Walked:
    """Send the five solvers down the valley of a cost, over a plane as `valley` takes it.

    start : from which theta; zero by default.
    """
    return Walked(
        walks,
        loss,
        names,
        valley(loss, plane),
        {solver: walks.way(loss, solver, passes, start) for solver in SOLVERS},
        {
            solver: knobs["learning_rate"]
            for solver in SOLVERS
            if "learning_rate" in (knobs := walks.knobs(solver, loss))
        },
        replace(walks, momentum=0.0).way(loss, "mini-batch", passes, start),
    )


def run_loss(request: RunRequest) -> OneVsAllLoss:
    """The cost that a run makes small, on the very pictures that it learns from."""
    design = Pictures(request).learned
    design.prepare(lambda: None)
    targets = curated_labels(design.labels, request.settings.positives)
    return OneVsAllLoss(design.X, targets, request.settings.C)
