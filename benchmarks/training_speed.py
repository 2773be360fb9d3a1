"""How long training takes, against scikit-learn and PyTorch, in one run on this machine.

    python benchmarks/training_speed.py            the table: seconds to near-optimal costs
    python benchmarks/training_speed.py --scaling  seconds per pass, as images and pixels grow

The task is one-vs-all on all 60,000 raw-pixel images (grey levels / 255, float32), L2 with
C = 1.  A solver's time to a cost is when the first of its iterates within that cost was at
hand: for ours and PyTorch's, which can be watched at work, when it asks for that iterate's
cost.  Costs are always evaluated by lrcore, with the clock stopped, and loading and scaling
the pixels counts for nobody.  Ours is timed three times more after every peer, and its median
counts.  Our solvers share their work among as many threads as there are processors, with BLAS
kept to one each.  The fastest peers are timed in a second way as well: scikit-learn's lbfgs
with two classes at a time, PyTorch on one thread.
Where other work shares the processor, waiting threads distort all times: then set
OPENBLAS_NUM_THREADS, MKL_NUM_THREADS and OMP_NUM_THREADS to 1, and count the processor's
seconds instead of the clock's, with --cpu.  Settings that keep OpenBLAS, scikit-learn's and
ours, from the kernels made for this processor are dropped.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median
from unittest import mock

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.processor import most_held
from lrcore.data import load_dataset
from lrcore.logistic import OneVsAllLoss, curated_labels
from lrcore.solvers import SOLVERS

FAST = "preconditioned-lbfgs"
WITHIN = (0.01, 0.0001)
# On all 60,000 images; float64, to a gradient of 1e-8.
OPTIMUM = 0.600402
PEERS = ("lbfgs", "newton-cholesky", "liblinear", "torch")
# The fits of scikit-learn's other solvers: numbers of iterations to try, and settings.
GROWING = [
    ("newton-cholesky", (5, 6, 7, 8, 9, 10), {}),
    # It regularises the bias as well; a large scaling makes that count for little.
    ("liblinear", (10, 12, 14, 17, 20), {"intercept_scaling": 10}),
]

now = time.perf_counter
workers = os.cpu_count() or 1


class Done(Exception):
    """The last target is met, or the time is up."""


class Clock:
    """A stop-watch whose `lap` remembers an iterate, and what it costs, off the clock."""

    def __init__(self, loss: OneVsAllLoss, limit: float = math.inf) -> None:
        self.loss, self.limit = loss, limit
        self.hits: dict[float, float] = {}
        self.excess = math.inf
        self.seconds, self.since = 0.0, now()

    def lap(self, theta: np.ndarray) -> bool:
        """Note the time; True once the last target is met or the time is up."""
        self.seconds += now() - self.since
        self.note(self.seconds, theta)
        self.since = now()
        return WITHIN[-1] in self.hits or self.seconds > self.limit

    def note(self, seconds: float, theta: np.ndarray) -> None:
        """Remember which targets an iterate, at hand after so many seconds, meets."""
        self.excess = self.loss.cost(theta).sum() / OPTIMUM - 1
        for within in WITHIN:
            if self.excess <= within:
                self.hits.setdefault(within, seconds)

    def told(self) -> str:
        """The seconds to each target, as cells of the table's row."""
        times = [f"{self.hits[w]:9.2f}" if w in self.hits else "        -" for w in WITHIN]
        rest = "" if WITHIN[-1] in self.hits else f"  ({self.excess:.2%} above when stopped)"
        return "  ".join(times) + rest


class Timed(OneVsAllLoss):
    """A loss that stops the clock for every theta whose cost it is asked for."""

    clock: Clock

    def cost_and_gradient(self, theta, residual=None):
        if self.clock.lap(theta):
            raise Done
        return super().cost_and_gradient(theta, residual)


def ours(name: str, loss: OneVsAllLoss, limit: float = math.inf) -> Clock:
    """Our solver with its defaults, from zero."""
    timed, solver = Timed(loss.X, loss.targets, loss.C, workers), SOLVERS[name]
    theta = np.zeros((loss.K, 1 + loss.D))
    with threadpool_limits(1, user_api="blas"):
        timed.clock = clock = Clock(OneVsAllLoss(loss.X, loss.targets, loss.C, workers), limit)
        steps = solver.function(timed, theta, solver.knobs(), np.random.default_rng(0))
        with contextlib.suppress(Done):
            for _ in steps:
                pass
    return clock


def sklearn_lbfgs(loss: OneVsAllLoss, limit: float) -> tuple[Clock, dict[float, int]]:
    """LogisticRegression(solver='lbfgs'), class after class, and the iterations that it took.

    scikit-learn has no callback, but the optimiser beneath it has: it shows when each
    class's iterates were at hand.  After i iterations, the whole's time is the sum over the
    classes, as with max_iter=i.
    """
    import scipy.optimize
    from sklearn.linear_model import LogisticRegression

    traces = []

    def minimize(*args, **kwargs):
        trace, start = [], now()
        traces.append(trace)

        def callback(w):
            trace.append((now() - start, np.append(w[-1], w[:-1])))

        return real(*args, **(kwargs | {"callback": callback}))

    real = scipy.optimize.minimize
    with mock.patch("scipy.optimize.minimize", minimize):
        for y in loss.targets.T:
            LogisticRegression(solver="lbfgs", max_iter=400, tol=1e-6).fit(loss.X, y)
    clock = Clock(loss, limit)
    needed: dict[float, int] = {}
    for i in range(0, max(map(len, traces)), 2):
        reached = [trace[min(i, len(trace) - 1)] for trace in traces]
        clock.note(sum(t for t, _ in reached), np.array([theta for _, theta in reached]))
        for within in clock.hits:
            needed.setdefault(within, i + 1)
        if WITHIN[-1] in clock.hits:
            break
    return clock, needed


def sklearn_lbfgs_parallel(loss: OneVsAllLoss, limit: float, needed: dict) -> Clock:
    """The same with as many iterations as it needed, two classes at a time."""
    from joblib import Parallel, delayed
    from sklearn.linear_model import LogisticRegression

    clock = Clock(loss, limit)
    os.environ["PYTHONWARNINGS"] = "ignore"  # for the processes that this starts
    for iterations in needed.values():
        start = now()
        fits = Parallel(n_jobs=2)(
            delayed(LogisticRegression(solver="lbfgs", max_iter=iterations, tol=1e-6).fit)(
                loss.X, y
            )
            for y in loss.targets.T
        )
        clock.note(now() - start, _theta(fits))
    return clock


def sklearn_growing(loss: OneVsAllLoss, limit: float, tries, **settings) -> Clock:
    """Another solver of LogisticRegression, fitted afresh with more and more iterations."""
    from sklearn.linear_model import LogisticRegression

    clock = Clock(loss, limit)
    for max_iter in tries:
        start, fits = now(), []
        for y in loss.targets.T:
            fits.append(LogisticRegression(max_iter=max_iter, **settings).fit(loss.X, y))
        seconds = now() - start
        clock.note(seconds, _theta(fits))
        if WITHIN[-1] in clock.hits or seconds > limit:
            break
    return clock


def torch_lbfgs(loss: OneVsAllLoss, limit: float, threads: int) -> Clock:
    """torch.optim.LBFGS with its line search, all ten classes in one, its longest memory."""
    import torch

    torch.set_num_threads(threads)
    X = torch.from_numpy(loss.X)
    y = torch.from_numpy(loss.targets.astype(np.float32))
    weights = torch.zeros(loss.K, loss.D, requires_grad=True)
    bias = torch.zeros(loss.K, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weights, bias], max_iter=10_000, max_eval=100_000, history_size=100,
        line_search_fn="strong_wolfe", tolerance_grad=0, tolerance_change=0,
    )  # fmt: skip
    clock = Clock(loss, limit)

    def closure():
        theta = np.column_stack([bias.detach().numpy(), weights.detach().numpy()])
        if clock.lap(theta):
            raise Done
        optimiser.zero_grad()
        z = torch.addmm(bias, X, weights.T)
        cost = torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="sum")
        cost = cost / loss.n + loss.l2 / 2 * (weights * weights).sum()
        cost.backward()
        return cost

    with contextlib.suppress(Done):
        optimiser.step(closure)
    return clock


def _theta(fits) -> np.ndarray:
    return np.array([np.append(fit.intercept_, fit.coef_) for fit in fits])


def table(limit: float, chosen: list[str]) -> None:
    """Time the chosen peers and our solvers, and print the seconds and the ratios."""
    train = load_dataset()
    X = train.images.reshape(len(train), -1) / np.float32(255)
    loss = OneVsAllLoss(X, curated_labels(train.labels, np.arange(10)), C=1.0)
    _say_machine()
    print(f"{'seconds to within':34}" + "  ".join(f"{w:>9.2%}" for w in WITHIN))
    fast = [ours(FAST, loss) for _ in range(3)]
    peers: dict[str, Clock] = {}

    def peer(name: str, clock: Clock) -> None:
        peers[name] = clock
        fast.extend(ours(FAST, loss) for _ in range(3))
        print(f"{name:34}{clock.told()}", flush=True)

    if "lbfgs" in chosen:
        clock, needed = sklearn_lbfgs(loss, limit)
        peer("scikit-learn lbfgs", clock)
        if now is time.perf_counter:
            peer("scikit-learn lbfgs, n_jobs=2", sklearn_lbfgs_parallel(loss, limit, needed))
    for solver, tries, settings in GROWING:
        if solver in chosen:
            peer(
                f"scikit-learn {solver}",
                sklearn_growing(loss, limit, tries, solver=solver, tol=1e-9, **settings),
            )
    if "torch" in chosen:
        for threads in sorted({1, workers}):
            name = f"PyTorch L-BFGS, {threads} thread" + "s" * (threads > 1)
            peer(name, torch_lbfgs(loss, limit, threads))
    for name in SOLVERS:
        if name != FAST:
            print(f"{'ours: ' + name:34}{ours(name, loss, limit).told()}", flush=True)
    mine = {w: [clock.hits[w] for clock in fast] for w in WITHIN}
    print(f"{'ours: ' + FAST:34}" + "  ".join(f"{median(mine[w]):9.3f}" for w in WITHIN))
    print(f"{'  the fastest of ' + str(len(fast)):34}", end="")
    print("  ".join(f"{min(mine[w]):9.3f}" for w in WITHIN))
    for w in WITHIN:
        there = [(c.hits[w], name) for name, c in peers.items() if w in c.hits]
        if not there:
            print(f"to within {w:.2%}: no peer came there in time")
            continue
        best = min(there)
        ratio = best[0] / median(mine[w])
        print(f"to within {w:.2%}: {ratio:.1f} times as fast as the best peer, {best[1]}")


def scaling() -> None:
    """Print what a pass over the images and a step cost, as images and pixels grow."""
    train = load_dataset()
    targets = curated_labels(train.labels, np.arange(10))
    X = train.images.reshape(len(train), -1) / np.float32(255)
    _say_machine()
    print(
        f"{'images':>8}{'features':>10}  {'a pass':>10}  {'per image':>10}  {FAST + ', a step':>28}"
    )
    # Shuffled, so that fewer features are as inked as all.
    mixed = np.random.default_rng(0).permutation(X.shape[1])
    for n, D in [(6000, 784), (15000, 784), (30000, 784), (60000, 784), (60000, 392), (60000, 196)]:
        some = np.ascontiguousarray(X[:n, mixed[:D]])
        _measure(OneVsAllLoss(some, targets[:n], workers=workers))
    del X
    print("480,000 images, shifted copies, as grey levels in a file on the disk:")
    with tempfile.TemporaryDirectory() as folder:
        shifts = [(0, 0), *((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx)][:8]
        shape = (len(shifts) * len(train), 784)
        file = np.memmap(Path(folder) / "images", np.uint8, "w+", shape=shape)
        for i, shift in enumerate(shifts):
            part = slice(i * len(train), (i + 1) * len(train))
            file[part] = np.roll(train.images, shift, axis=(1, 2)).reshape(-1, 784)
        file.flush()
        grey = np.memmap(Path(folder) / "images", np.uint8, "r", shape=shape)
        _measure(OneVsAllLoss(grey[: len(train)], targets, workers=workers))
        _measure(OneVsAllLoss(grey, np.tile(targets, (len(shifts), 1)), workers=workers))
    peak = most_held() / 2**10
    print(f"peak memory of this process, the file's cached pages included: {peak:.2f} GiB")


def _measure(loss: OneVsAllLoss) -> None:
    theta = np.random.default_rng(0).normal(size=(loss.K, 1 + loss.D)) / 100
    passes = []
    for _ in range(5):
        start = now()
        loss.cost_and_gradient(theta)
        passes.append(now() - start)
    solver = SOLVERS[FAST]
    steps = solver.function(loss, np.zeros_like(theta), solver.knobs(), np.random.default_rng(0))
    list(itertools.islice(steps, 2))  # the start and the first guess, which cost more
    start = now()
    count = len(list(itertools.islice(steps, 4)))
    step = (now() - start) / count
    a_pass = min(passes)
    print(
        f"{loss.n:8,}{loss.D:10,}  {a_pass * 1e3:7.1f} ms  {a_pass / loss.n * 1e9:7.0f} ns"
        f"  {step * 1e3:25.1f} ms",
        flush=True,
    )


def _say_machine() -> None:
    threads = {p["internal_api"]: p["num_threads"] for p in threadpool_info()}
    print(f"numpy {np.__version__}, threads: {threads}")


def _drop_kernel_settings() -> None:
    """Start again without what keeps OpenBLAS from choosing its kernels by the processor."""
    dropped = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"} & os.environ.keys()
    if dropped:
        print("without", *sorted(dropped), flush=True)
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        os.execve(sys.executable, [sys.executable, *sys.argv], kept)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scaling", action="store_true", help="seconds per pass instead")
    parser.add_argument(
        "--limit", type=float, default=120, help="give a solver up after so many seconds"
    )
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="only these")
    parser.add_argument(
        "--cpu", action="store_true", help="count processor time; for single-threaded runs"
    )
    arguments = parser.parse_args()
    _drop_kernel_settings()
    if arguments.cpu:
        now, workers = time.process_time, 1
    warnings.filterwarnings("ignore", message=".*failed to converge")
    warnings.filterwarnings("ignore", message=".*did not converge|.*[Cc]onvergence")
    if arguments.scaling:
        with threadpool_limits(1, user_api="blas"):
            scaling()
    else:
        table(arguments.limit, arguments.peers)
