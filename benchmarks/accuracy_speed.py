"""How soon a model reads well, from MNIST's raw files on: ours against well-known peers.

    python benchmarks/accuracy_speed.py                          about 25 minutes on two processors
    python benchmarks/accuracy_speed.py --hands FILE             and what each makes of real pens
    python benchmarks/accuracy_speed.py --picture docs/accuracy_speed.png

Each learns from MNIST's 60,000 training pictures alone (ours a second time with what it makes of
them and draws besides, as the default model does) in a process of its own, with all processors.
The clock runs from before the files are read until it has learned: features are made anew, and no
cache helps.  It stands still while the test set is read, which is done after each piece of
learning (a step, an epoch, a quarter of one), and while libraries are imported.  "Reads
10,000 in" is what the test set takes at the end.  A peer is stopped once all that is asked is
reached, or by --limit.

The peers are as their own documentation shows them, and nobody tuned them here: scikit-learn's SVC
with its rbf kernel (gamma 'scale', C 10) and its k nearest neighbours (k 3); its MLPClassifier with
one hidden layer of 512; and the network with two convolutions of PyTorch's MNIST example
(github.com/pytorch/examples: Adadelta, rate 1, times 0.7 an epoch, batches of 64).  All but the
network read pixels / 255.

FILE holds digits as benchmarks/real_hands.py describes.  Each goes to 28x28 in two ways: naively,
the whole box shrunk, as most demos do, and by our own path (`lrcore.drawing.to_digit`).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import lrcore.features
from benchmarks.real_hands import BOX, PEN, load_hands
from lrcore.data import Dataset, load_dataset
from lrcore.drawing import naive, to_digit
from lrcore.errors import UserError
from lrcore.features import extract
from lrcore.reading import Reader
from lrcore.settings import Settings
from lrcore.training import Run, RunRequest
from lrcore.weights import DEFAULT, load_weights

TARGETS = (0.99, 0.993, 0.994)
EPOCHS = 14
OURS = "ours"

now = time.perf_counter
workers = os.cpu_count() or 1

# uint8 pictures (n, 28, 28) -> digits (n,)
Read = Callable[[np.ndarray], np.ndarray]
# Loads MNIST and learns; gives a way to read after each piece of it.
Learn = Callable[[], Iterator[Read]]


def pixels(images: np.ndarray) -> np.ndarray:
    """Grey levels from 0 to 1, float32 of shape (n, 784)."""
    return images.reshape(len(images), -1).astype(np.float32) / 255


# --- who learns; what is imported or looked up here does not count ---


def _ours(styles: int = 0, jitter: int = 0) -> Learn:
    known: dict[int, np.ndarray] = {}
    C = load_weights(DEFAULT).record["C"]

    def learn() -> Iterator[Read]:
        settings = Settings(features="strokes", C=C, styles=styles, jitter=jitter)
        run = Run(RunRequest(settings, load_dataset(part="train")), workers=workers)
        for _ in run.steps():
            reader = Reader(run.weights())

            def read(images: np.ndarray, reader: Reader = reader) -> np.ndarray:
                # Once for all steps: the clock stands still, but nobody wants to wait.
                if id(images) not in known:
                    known[id(images)] = extract("strokes", images)
                return reader.judge(known[id(images)]).digits

            yield read
        yield lambda images: Reader(run.weights()).read(images).digits

    return learn


def ours() -> Learn:
    """Ten logistic regressions on strokes, from MNIST alone."""
    return _ours()


def ours_drawn() -> Learn:
    """The default model: with jitter, and with digits drawn by rule."""
    record = load_weights(DEFAULT).record
    return _ours(styles=record["styles"], jitter=record["jitter"])


def _fitted(model) -> Learn:
    def learn() -> Iterator[Read]:
        train = load_dataset(part="train")
        model.fit(pixels(train.images), train.labels)
        yield lambda images: model.predict(pixels(images))

    return learn


def neighbours() -> Learn:
    """The three nearest pictures."""
    from sklearn.neighbors import KNeighborsClassifier

    return _fitted(KNeighborsClassifier(3, n_jobs=workers))


def svc() -> Learn:
    """A support vector machine, one against one."""
    from sklearn.svm import SVC

    return _fitted(SVC(C=10, cache_size=2000))


def mlp() -> Learn:
    """A hidden layer of 512, an epoch a piece."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(512, random_state=0)

    def learn() -> Iterator[Read]:
        train = load_dataset(part="train")
        X = pixels(train.images)
        for _ in range(EPOCHS):
            model.partial_fit(X, train.labels, classes=np.arange(10))
            yield lambda images: model.predict(pixels(images))

    return learn


def cnn() -> Learn:
    """PyTorch's example with two convolutions, a quarter of an epoch a piece."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.manual_seed(1)
    torch.set_num_threads(workers)
    layers = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Dropout(0.25), nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5)]
    network = nn.Sequential(*layers, nn.Linear(128, 10))

    def prepared(images: np.ndarray):
        grey = torch.from_numpy(images.astype(np.float32) / 255)
        return ((grey - 0.1307) / 0.3081)[:, None]

    def read(images: np.ndarray) -> np.ndarray:
        network.eval()
        with torch.no_grad():
            parts = [network(part).argmax(1) for part in prepared(images).split(1000)]
        return torch.cat(parts).numpy()

    def learn() -> Iterator[Read]:
        train = load_dataset(part="train")
        X, y = prepared(train.images), torch.from_numpy(train.labels.astype(np.int64))
        steps = torch.optim.Adadelta(network.parameters(), lr=1.0)
        slower = torch.optim.lr_scheduler.StepLR(steps, 1, gamma=0.7)
        for _ in range(EPOCHS):
            for part in torch.randperm(len(X)).chunk(4):
                network.train()
                for batch in part.split(64):
                    steps.zero_grad()
                    functional.cross_entropy(network(X[batch]), y[batch]).backward()
                    steps.step()
                yield read
            slower.step()

    return learn


CONTENDERS: dict[str, tuple[str, Callable[[], Learn]]] = {
    OURS: ("our logistic regressions on strokes", ours),
    "ours, drawn": ("... with digits drawn by rule, the default", ours_drawn),
    "neighbours": ("scikit-learn's 3 nearest neighbours", neighbours),
    "mlp": ("scikit-learn's MLPClassifier, 512 hidden", mlp),
    "svc": ("scikit-learn's SVC, rbf", svc),
    "cnn": ("PyTorch's example network, 2 convolutions", cnn),
}


# --- the measurement ---


class Hands(NamedTuple):
    """Real pen digits, made 28x28 naively and by our path."""

    naive: np.ndarray
    ours: np.ndarray
    labels: np.ndarray


def load(path: Path) -> Hands:
    """Both ways of a file."""
    strokes, labels, _ = load_hands(path)
    shrunk = np.stack([naive(stroke, BOX, BOX, PEN) for stroke in strokes])
    return Hands(shrunk, np.stack([to_digit(stroke) for stroke in strokes]), labels)


def right(read: Read, images: np.ndarray, labels: np.ndarray) -> float:
    """The share that is read right."""
    return float(np.mean(read(images) == labels))


def measure(name: str, limit: float, hands: Hands | None) -> dict:
    """Let one learn; its points (seconds, share of the test set) and what it ends with."""
    test: Dataset = load_dataset(part="test")
    with tempfile.TemporaryDirectory() as empty:
        lrcore.features.CACHE_FOLDER = Path(empty)
        learn = CONTENDERS[name][1]()
        points, seconds, since = [], 0.0, now()
        for read in learn():
            seconds += now() - since
            points.append((seconds, right(read, test.images, test.labels)))
            if seconds > limit or (name not in (OURS, "ours, drawn") and done(points)):
                break
            since = now()
        since = now()
        read(test.images.copy())
        found = {"points": points, "reads_in": now() - since}
        if hands is not None:
            found["naive"] = right(read, hands.naive, hands.labels)
            found["own"] = right(read, hands.ours, hands.labels)
    return found


def done(points: list[tuple[float, float]]) -> bool:
    """Whether nothing is left to reach."""
    return points[-1][1] >= TARGETS[-1]


def _child(name: str, limit: float, hands: Hands | None, result) -> None:
    result.send(measure(name, limit, hands))


def alone(name: str, limit: float, hands: Hands | None) -> dict:
    """`measure` in a process of its own."""
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe()
    process = context.Process(target=_child, args=(name, limit, hands, its))
    process.start()
    # Its end is its own, so that its death is heard of here.
    its.close()
    try:
        return mine.recv()
    except EOFError:
        sys.exit(f"{name} broke off.")
    finally:
        process.join()


def first(points: list[tuple[float, float]], target: float) -> float | None:
    """Seconds until that share was read right; None if it never was."""
    return next((seconds for seconds, share in points if share >= target), None)


def machine() -> str:
    """Processor, processors and versions, in a line."""
    model = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        model = next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model n")), model)
    kept = ("numpy", "scipy", "scikit-learn", "torch")
    versions = [f"{kind} {importlib.metadata.version(kind)}" for kind in kept]
    return f"{model}, {workers} processors; Python {platform.python_version()}, " + ", ".join(
        versions
    )


def table(found: dict[str, dict]) -> str:
    """What was found, as Markdown."""
    pens = all("own" in one for one in found.values())
    heads = [
        "",
        *(f"{100 * target:.1f} %" for target in TARGETS),
        "ends at",
        "after",
        "reads 10,000 in",
    ]
    heads += ["pens, naively", "pens, our path"] if pens else []
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for name, one in found.items():
        took, last = one["points"][-1]
        reached = [first(one["points"], target) for target in TARGETS]
        cells = [CONTENDERS[name][0], *("-" if s is None else f"{s:.1f} s" for s in reached)]
        cells += [f"{100 * last:.2f} %", f"{took:.1f} s", f"{one['reads_in']:.1f} s"]
        cells += [f"{100 * one[way]:.1f} %" for way in ("naive", "own")] if pens else []
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(found: dict[str, dict], path: Path) -> None:
    """Accuracy against seconds, on scales that give both the tenth and the hundredth room."""
    import altair as alt
    import pandas as pd

    rows = [
        {"who": CONTENDERS[name][0].replace("... ", "ours, "), "seconds": s, "misread": 1 - share}
        for name, one in found.items()
        for s, share in one["points"]
        # Half of all misread and more would only push the rest together.
        if share > 0.9
    ]
    order = list(dict.fromkeys(row["who"] for row in rows))
    colours = ["#d9731a", "#a8540c", "#6b7280", "#3a8f6b", "#7a5ea8", "#3a6ea5"]
    dashes = [[1, 0], [6, 3], [1, 0], [6, 3], [1, 0], [2, 2]]
    ticks = [0.1, 0.05, 0.02, 0.01, 0.007, 0.006, 0.005, 0.004]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("seconds:Q", title="seconds from the raw files on")
        .scale(type="log", nice=False)
        .axis(values=[0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], format="~g"),
        y=alt.Y("misread:Q", title="of MNIST's test set read right")
        .scale(type="log", reverse=True, domain=[0.9 * min(row["misread"] for row in rows), 0.1])
        .axis(values=ticks, labelExpr="format(1 - datum.value, '.1%')"),
        color=alt.Color("who:N", title=None, sort=order).scale(domain=order, range=colours),
        strokeDash=alt.StrokeDash("who:N", title=None, sort=order).scale(
            domain=order, range=dashes
        ),
        shape=alt.Shape("who:N", title=None, sort=order).scale(domain=order),
    )
    chart = base.mark_line(strokeWidth=2) + base.mark_point(size=36, filled=True)
    chart = chart.properties(width=560, height=320, background="white").configure_legend(
        labelLimit=400, symbolSize=80, orient="bottom", columns=2
    )
    chart.save(path, scale_factor=2)


def main() -> int:
    """Measure one after the other and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--limit", type=float, default=600, help="seconds of learning for each")
    parser.add_argument("--hands", type=Path, help="pen strokes, .json or .json.gz")
    parser.add_argument("--picture", type=Path, help="draw it there as well (.png, .svg)")
    parser.add_argument("--json", type=Path, help="keep all points there")
    chosen = parser.parse_args()
    try:
        hands = load(chosen.hands) if chosen.hands else None
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(machine(), flush=True)
    found = {}
    for name in chosen.only:
        found[name] = alone(name, chosen.limit, hands)
        if chosen.json:
            chosen.json.write_text(json.dumps(found), encoding="utf-8")
        print(
            f"{CONTENDERS[name][0]}: {found[name]['points'][-1][1]:.2%}",
            file=sys.stderr,
            flush=True,
        )
    print(table(found))
    if chosen.picture:
        draw(found, chosen.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
