"""What there is to see of a valley, computed once: its grid, its contours and the ways in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st

from lrcore.errors import UserError, megabytes
from lrcore.valley import (
    Walked,
    Walks,
    Way,
    cost_over,
    moved_plane,
    run_loss,
    two_number_walks,
    walked,
)
from ui import valley_charts as charts
from ui.models import mnist
from ui.train.jobs import Job

GROUNDS = TWO_NUMBERS, RUN = ("Two weights", "A run of mine")
# What the ways are called; a run's own comes beside those of the five.
SHORT = {
    "gradient-descent": "Gradient descent",
    "mini-batch": "With momentum",
    "adam": "Adam",
    "lbfgs": "L-BFGS",
    "preconditioned-lbfgs": "Preconditioned L-BFGS",
}
OWN = "this run"
ALL = (*SHORT.values(), OWN)
# Places along each side of the grid; COARSE where a place takes long, more than MANY_SCORES scores.
FINE, COARSE, MANY_SCORES = 51, 25, 100_000
# The five solvers are sent down a run's valley only where it learned from at most MOST_PICTURES
# pictures, and for RUN_PASSES passes: more would keep one waiting.
MOST_PICTURES, RUN_PASSES = 6_000, 40
# Features of a run's pictures that are looked at, in bytes.
MOST_BYTES = 200 * 2**20


@dataclass(frozen=True, eq=False)
class Ground:
    """What there is to see of a valley, computed once.

    found : the valley and the five ways, in order of `SHORT`; the latter none in a run's valley
        that is too large.
    ways : by the names that they are called.
    window : what is shown, (low, high) across and up.
    tables : of the chart, what stays as steps are taken.
    pictures : how many the cost is the mean over.
    """

    found: Walked
    ways: dict[str, Way]
    window: tuple[tuple[float, float], tuple[float, float]]
    tables: dict[str, pd.DataFrame]
    pictures: int

    def chart(self, shown: Sequence[str], passes: int, size: int) -> tuple[dict, str]:
        """The chart of some ways after some passes, and what it shows in words.

        shown : names of ways; size : of its square, in pixels.
        """
        bed = self.found.valley
        ways = {name: self.ways[name] for name in shown}
        rows = charts.way_rows(
            {n: (bed.plane.places(w.thetas), w.costs, w.iterations) for n, w in ways.items()},
            passes,
        )
        last = charts.last_rows(rows)
        tables = {**self.tables, **({charts.WAYS: rows, charts.HERE: last} if ways else {})}
        first, second = (
            f"weight of {name}" if bed.plane.best_bias else name for name in self.found.names
        )
        look = charts.Look((first, second), self.window, tuple(shown), ALL, size)
        (left, right), (low, high) = self.window
        costs = ", ".join(f"{row.way} at {row.cost:.4g}" for row in last.itertuples())
        said = (
            f"The valley of the cost, {bed.elongation:.1f} times as long as wide, over {first} "
            f"from {left:.2g} to {right:.2g} and {second} from {low:.2g} to {high:.2g}; its "
            f"lowest cost is {bed.floor:.4g}. "
        )
        said += f"After {passes} passes: {costs}." if costs else "Nobody has walked yet."
        return {**charts.valley_chart(look), "datasets": tables}, said


@st.cache_resource(max_entries=24, show_spinner="Walking down the valley …")
def two_number_ground(walks: Walks, square: bool) -> Ground:
    """The valley of the two-number model."""
    found = two_number_walks(walks, mnist("train"))
    return _ground(found, {SHORT[name]: way for name, way in found.ways.items()}, square)


def run_key(job: Job) -> str:
    """What tells a run, as far as it has got, from all others."""
    iteration, theta = job.snapshots[-1]
    return f"{job.name} {iteration} {hashlib.sha256(theta.tobytes()).hexdigest()}"


# A user's own digits may be among what a run learned from: they stay in the session.
@st.cache_resource(max_entries=2, scope="session", show_spinner="Walking down the run's valley …")
def run_ground(key: str, walks: Walks, square: bool, _job: Job) -> Ground:
    """The valley in which a run moved, with its way; key is the run's.

    Raises UserError where it has not moved in two directions yet, or looks at too much.
    """
    if _job.nbytes > MOST_BYTES:
        raise UserError(
            f"The features of this run's pictures take {megabytes(_job.nbytes)}, and "
            f"{megabytes(MOST_BYTES)} are looked at here; train one on fewer images, or on raw "
            "pixels."
        )
    snapshots = list(_job.snapshots)
    thetas = np.stack([theta for _, theta in snapshots]).astype(np.float64)
    plane = moved_plane(thetas)
    after = np.array([iteration for iteration, _ in snapshots])
    costs = np.array([_job.history[iteration].cost for iteration in after])
    own = Way(_job.settings.solver, thetas, costs, after)
    loss = run_loss(_job.request)
    names = ("where it moved most", "second most")
    few = loss.n <= MOST_PICTURES
    found = walked(walks, loss, names, plane, RUN_PASSES if few else 0, thetas[0])
    ways = {SHORT[name]: way for name, way in found.ways.items()} if few else {}
    ground = _ground(found, {**ways, OWN: own}, square)
    # The pictures' features are not held on to.
    return replace(ground, found=replace(found, loss=None))


def _ground(found: Walked, ways: dict[str, Way], square: bool) -> Ground:
    bed, loss = found.valley, found.loss
    assert loss is not None
    window = bed.window([ways[OWN]] if OWN in ways else list(ways.values()), square)
    side = FINE if loss.n * loss.K <= MANY_SCORES else COARSE
    across, up = (np.linspace(low, high, side) for low, high in window)
    costs = cost_over(loss, bed.plane, across, up)
    first = next(iter(ways.values()))
    levels = charts.contour_levels(float(first.costs[0]), bed.floor)
    tables = {
        charts.CELLS: charts.cell_rows(across, up, costs, bed.floor),
        charts.LINES: charts.contour_rows(across, up, costs, levels),
        charts.FLOOR: charts.floor_rows(bed.bottom, bed.axes[0], max(map(np.ptp, window))),
        charts.ENDS: charts.end_rows(bed.plane.places(first.thetas[:1])[0], bed.bottom),
    }
    return Ground(found, ways, window, tables, loss.n)
