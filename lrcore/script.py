"""A training run as a short numpy script of its own, to read, keep and change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lrcore.settings import DEFAULTS, Settings
from lrcore.solvers import SOLVERS

LINES = 40
# Where MNIST's four files can be had, by their own names.
MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST_FILES = tuple(
    f"{part}-{what}-ubyte.gz"
    for part in ("train", "t10k")
    for what in ("images-idx3", "labels-idx1")
)
_HEAD = '''\
"""{title}, in numpy{and_lrcore}; run it where data/mnist/ is."""
import gzip
import numpy as np
{more_imports}
def read(name, header):  # MNIST's files: {mnist}
    return np.frombuffer(gzip.open(f"data/mnist/{{name}}-ubyte.gz").read()[header:], np.uint8)
def inputs(x):  # of images: a one for the bias, and their features
    return np.column_stack([np.ones(len(x)), {features}]).astype(np.float32)

labels, rng = read("train-labels-idx1", 8), np.random.default_rng({seed})
chosen = np.sort(rng.permutation({usable})[:{images}])
X = inputs(read("train-images-idx3", 16).reshape(-1, 28, 28)[chosen])
y = labels[chosen] == {ones}[:, None]
l2 = np.append(0, np.full(X.shape[1] - 1, {l2}))  # spares the bias
theta = np.zeros((len(y), X.shape[1]))
def gradient(theta, rows=slice(None)):
    p = np.exp(-np.logaddexp(0, -theta.astype(np.float32) @ X[rows].T))  # the sigmoid
    return (p - y[:, rows]) @ X[rows] / p.shape[1] + l2 * theta

'''
_POWER_ITERATION = """\
few, v = X[:: len(X) // 2000 | 1], np.ones(X.shape[1], np.float32)
for _ in range(20):  # the largest curvature, by power iteration
    v = v / np.linalg.norm(v) @ few.T @ few
rate = 1 / (np.linalg.norm(v) / len(few) / 4 + l2[1])
"""
_BODIES = {
    "gradient-descent": """\
for _ in range({iterations}):
    theta -= rate * gradient(theta)
""",
    "mini-batch": """\
velocity = np.zeros_like(theta)
for _ in range({iterations}):
    order = rng.permutation(len(X))
    for start in range(0, len(X), {batch_size}):
        g = gradient(theta, order[start : start + {batch_size}])
        velocity = {momentum} * velocity + (1 - {momentum}) * g
        theta -= rate * velocity
""",
    "adam": """\
mean, square, t = np.zeros_like(theta), np.zeros_like(theta), 0
for _ in range({iterations}):
    order = rng.permutation(len(X))
    for start in range(0, len(X), {batch_size}):
        g, t = gradient(theta, order[start : start + {batch_size}]), t + 1
        mean, square = {momentum} * mean + (1 - {momentum}) * g, 0.999 * square + 0.001 * g**2
        scale = np.sqrt(square / (1 - 0.999**t)) + 1e-8
        theta -= rate * mean / (1 - {momentum}**t) / scale
""",
    "lbfgs": """\
def cost(theta):
    z = theta.astype(np.float32) @ X.T
    return (np.logaddexp(0, z) - y * z).mean(1, keepdims=True) + dot(l2 * theta, theta) / 2
pairs, g, t = [(0 * theta, 0 * theta)], gradient(theta), np.ones((len(y), 1))
for _ in range({iterations}):
    d, alphas, tiny, (u, w) = -g, [], 1e-30, pairs[-1]
    for s, v in reversed(pairs):
        alphas.append(dot(s, d) / (dot(s, v) + tiny))
        d = d - alphas[-1] * v
    d = d * np.where(dot(u, w) > 0, dot(u, w) / (dot(w, w) + tiny), dot(d, d) ** -0.5)
    for (s, v), alpha in zip(pairs, reversed(alphas)):
        d = d + (alpha - dot(v, d) / (dot(s, v) + tiny)) * s
    better, new = cost(theta + t * d) < cost(theta), gradient(theta + t * d)
    pairs.append([np.where(better, *two) for two in zip((t * d, new - g), (u, w))])
    ratio = dot(g, d) / (dot(g, d) - dot(new, d))  # of the best length to this one, about
    theta, g, pairs = theta + better * t * d, np.where(better, new, g), pairs[-{memory}:]
    t = t * np.clip(ratio, np.where(better, 0.5 / t, 0.1), np.where(better, 2 / t, 0.5))
""",
    "preconditioned-lbfgs": """\
# Newton's method: what the preconditioned L-BFGS comes near in less time; both end at one theta.
for _ in range({iterations}):
    z, g, step = theta.astype(np.float32) @ X.T, gradient(theta), theta.copy()
    for k, w in enumerate(np.exp(-np.logaddexp(0, z) - np.logaddexp(0, -z))):  # w is p (1 - p)
        step[k] = -np.linalg.solve((X.T * w) @ X / len(X) + np.diag(l2 + 1e-7), g[k])
    t = np.ones((len(y), 1))  # halved for a class while it leads past the lowest point
    while (past := (gradient(theta + t * step) * step).sum(1) > 1e-9).any() and t.min() > 1e-6:
        t[past] /= 2
    theta += t * step
""",
}
# A solver that has no body here takes its steps from lrcore.
_BY_LRCORE = """\
from itertools import islice
from lrcore.logistic import OneVsAllLoss
from lrcore.solvers import SOLVERS, Knobs
steps = SOLVERS["{solver}"].function(OneVsAllLoss(X[:, 1:], y.T, {C}), theta, {knobs}, rng)
for step in islice(steps, 1 + {iterations}):
    theta = step.theta
"""
_DOT = """\
def dot(a, b): return (a * b).sum(1, keepdims=True)
"""
_ACCURACY = """\
z = theta @ inputs(read("t10k-images-idx3", 16).reshape(-1, 28, 28)).T
labels = read("t10k-labels-idx1", 8)
print("test accuracy:", {right}.mean())
"""
_STOP = """\
    if np.linalg.norm(gradient(theta)) <= {tolerance}:
        break
"""


def as_script(settings: Settings, learning_rate: float | None = None) -> str:
    """The run that these settings make, as Python source of at most 40 lines.

    It needs numpy and MNIST's files alone; only features other than the pixels, and the steps of a
    solver that has no body here, come from lrcore.  At its end `theta` is that of the run, and its
    accuracy on the test set is printed.  For the preconditioned solver the script has Newton's
    method, which takes other steps to the same optimum: the two agree once the run has arrived.
    Early stopping, and settings that were changed in the middle of a run, are left out.

    learning_rate : what the run picked by itself; by default the script picks it as well.
    """
    solver = SOLVERS[settings.solver]
    knobs = solver.knobs(
        learning_rate=settings.learning_rate or learning_rate,
        momentum=settings.momentum,
        batch_size=settings.batch_size,
    )
    pixels = settings.features == "pixels"
    body = _BODIES.get(settings.solver, _BY_LRCORE) + _STOP + _ACCURACY
    if settings.solver == "lbfgs":
        body = _DOT + body
    if "learning_rate" in solver.uses and settings.solver in _BODIES:
        picked = knobs.learning_rate is None
        body = (_POWER_ITERATION if picked else f"rate = {knobs.learning_rate!r}\n") + body
    values = {
        "title": solver.title,
        "and_lrcore": " alone" if pixels and settings.solver in _BODIES else " and lrcore",
        "solver": settings.solver,
        "C": "np.inf" if math.isinf(settings.C) else repr(settings.C),
        "knobs": knobs,
        "more_imports": "" if pixels else "from lrcore.features import extract\n",
        "seed": settings.seed,
        "usable": f"np.flatnonzero(np.isin(labels, {settings.classes.tolist()}))"
        if settings.task == "two-digits"
        else "len(labels)",
        "images": settings.images,
        "mnist": MNIST_URL,
        "features": "x.reshape(-1, 784) / 255" if pixels else f'extract("{settings.features}", x)',
        "right": _right(settings),
        "ones": f"np.array({settings.positives.tolist()})" if settings.binary else "np.arange(10)",
        "l2": "0.0" if math.isinf(settings.C) else f"1 / ({settings.C!r} * len(X))",
        "iterations": settings.iterations,
        "tolerance": settings.tolerance,
        "momentum": knobs.momentum,
        "batch_size": knobs.batch_size,
        "memory": knobs.memory,
    }
    script = (_HEAD + body).format(**values)
    # The longest fits without its blank lines.
    return script if script.count("\n") <= LINES else script.replace("\n\n", "\n")


def _right(settings: Settings) -> str:
    """Which test pictures are read right, in the script's words."""
    if not settings.binary:
        return "(z.argmax(0) == labels)"
    right = f"((z[0] > 0) == (labels == {settings.digit}))"
    if settings.task == "one-digit":
        return right
    return f"{right}[np.isin(labels, {settings.classes.tolist()})]"


_SWEEP = '''\
"""The same run with several values of {names}; run it where data/mnist/ is."""
from lrcore.data import load_dataset
from lrcore.settings import Settings
from lrcore.sweep import curve, sweep

settings = Settings({changed})
values = {values}
results = list(sweep(settings, load_dataset(), values, {seeds}, load_dataset(part="test")))
places = curve(results)
for place in places:
    mark = "best" if place.best else "within noise of the best" if place.near else ""
    print(place.values, place.mean, place.spread, mark)
'''


def sweep_as_script(settings: Settings, values: Mapping[str, Sequence[Any]], seeds: int = 1) -> str:
    """A sweep, see `lrcore.sweep.plan`, as Python source of at most 40 lines, with lrcore."""
    changed = [
        f"{name}={_source(getattr(settings, name))}"
        for name, default in DEFAULTS.items()
        if getattr(settings, name) != default and name not in values
    ]
    tried = [f'"{name}": [{", ".join(map(_source, some))}]' for name, some in values.items()]
    return _SWEEP.format(
        names=" and ".join(values),
        changed=", ".join(changed),
        values=f"{{{', '.join(tried)}}}",
        seeds=seeds,
    )


def _source(value: Any) -> str:
    return 'float("inf")' if value == math.inf else repr(value)
