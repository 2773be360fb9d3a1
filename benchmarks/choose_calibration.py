"""Which calibration?  What is sure and what is not, for a grid of each of its constants.

    python benchmarks/choose_calibration.py

The default model as it is made, but from 50,000 of MNIST's training pictures; calibrated on half of
the other 10,000 and judged by the other half, and by scribbles and letters of another seed.  The
test set is not looked at.  Prints a line for each value of RANK, SHAPE_L2, UNSURE and STRANGE,
the others as they are: the share of digits that would be unsure, of things that are no digits that
would be sure, and how far the answers' probabilities are from what comes true.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lrcore.calibration import RANK
from lrcore.calibration_fit import SHAPE_L2, STRANGE, STYLED, UNSURE, fit, half_drawn
from lrcore.data import Dataset, load_dataset
from lrcore.features import extract
from lrcore.metrics import reliability
from lrcore.settings import Settings
from lrcore.styles import make_digits, make_letters, make_scribbles
from lrcore.training import Run, RunRequest, split
from lrcore.weights import Weights

FEATURES, C, HELDOUT = "strokes", 50, 10_000
# What else it learns from.
STYLES, JITTER = 750, 1
GRIDS = {
    "rank": (4, 16, 32, 48, RANK),
    "shape_l2": (1e-6, SHAPE_L2, 1e-4, 1e-3, 1e-2),
    "unsure": (0.004, 0.008, UNSURE, 0.032),
    "strange": (100, 500, 1500, STRANGE),
}


def strange(n: int, seed: int) -> np.ndarray:
    """Features of things that are no digits, n of each kind, mixed."""
    rng = np.random.default_rng(seed)
    pictures = np.concatenate([make_scribbles(n, rng), make_letters(n, rng)])
    return extract(FEATURES, rng.permutation(pictures))


def stand_in(styles: int = 0, jitter: int = 0) -> tuple[Weights, Dataset]:
    """The default model's features and C without the digits held out, and those digits."""
    train = load_dataset(part="train")
    settings = Settings(
        features=FEATURES, C=C, images=len(train) - HELDOUT, styles=styles, jitter=jitter
    )
    run = Run(RunRequest(settings, train))
    for _ in run.steps():
        pass
    _, heldout = split(settings, train, np.random.default_rng(settings.seed))
    return run.weights("stand-in"), train.take(heldout)


def main() -> None:
    """Train once, then fit and judge a calibration for each value."""
    weights, heldout = stand_in(STYLES, JITTER)
    X, labels = extract(FEATURES, heldout.images), heldout.labels.astype(int)
    half = len(X) // 2
    rng = np.random.default_rng(0)
    styled = make_digits(STYLED, rng)
    fit_X = np.concatenate([X[:half], extract(FEATURES, styled.images)])
    fit_labels = np.concatenate([labels[:half], styled.labels])
    known, unknown = strange(STRANGE, 0), strange(STRANGE, 1)
    decision = weights.decision_function
    answered = half_drawn(weights, decision(X[:half]), labels[:half], rng)
    print(f"{'':>22}  digits unsure  others sure  calibration error")
    for name, values in GRIDS.items():
        for value in values:
            few = known[: 2 * value] if name == "strange" else known
            knobs: dict[str, Any] = {} if name == "strange" else {name: value}
            knobs["answered"] = answered
            found = fit(fit_X, decision(fit_X), fit_labels, few, decision(few), **knobs)
            sure = found.sure(X[half:], decision(X[half:]))
            fooled = found.sure(unknown, decision(unknown))
            scores = found.scores(decision(X[half:]))
            right = scores.argmax(1) == labels[half:]
            _, error = reliability(found.answer_probability(scores), right)
            print(
                f"{name:>12} {value:>9g}  {1 - sure.mean():>13.2%}  {fooled.mean():>11.2%}  "
                f"{error:>17.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
