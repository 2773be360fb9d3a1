"""How well real hands are read: python benchmarks/real_hands.py FILE [--json]

FILE (.json or .json.gz) is a list of {"label": 0-9, "writer": id, "strokes": [[[x, y], ...], ...]}
with y downwards, in a box of 500 x 500: the form into which "Pen-Based Recognition of Handwritten
Digits" (Alpaydin and Alimoglu, UCI 1998) is easily brought.  Each digit goes the way of a drawing
on the canvas.  Printed are shares read right, of 1, by the shipped weights:

    naive          the whole box shrunk to 28x28, read by the pixel weights
    pixels         redrawn as MNIST would have it, read by the pixel weights
    straightened   the same, read by the straightened weights
    strokes        the same, read by the default weights

and how fast the default weights learn a hand.  Each writer's digits come in the order of writing,
and every mistake is corrected, as on the Predict page:

    corrected_last_100      share read right of a writer's last 100 digits, mean over the writers
    corrections_per_writer  how many mistakes there were to correct, mean over the writers
    mnist_after             share of MNIST's test set read right after that, mean over the writers
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import zlib
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lrcore.corrections import WEIGHT, Curvature, learn, shipped_curvature
from lrcore.data import Dataset, load_dataset
from lrcore.drawing import naive, to_digit
from lrcore.errors import UserError
from lrcore.features import extract_cached
from lrcore.reading import Reader
from lrcore.weights import DEFAULT, WEIGHTS_FOLDER, Weights, load_weights

BOX = 500
# As wide in the box as the canvas' pen is on the canvas.
PEN = BOX * 14 / 280


def load_hands(path: Path) -> tuple[list[list[np.ndarray]], np.ndarray, np.ndarray]:
    """Strokes, labels and writers of a file; UserError where it is missing or damaged."""
    try:
        raw = path.read_bytes()
        digits = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        strokes = [[np.array(s, float).reshape(-1, 2) for s in d["strokes"]] for d in digits]
        labels = np.array([int(d["label"]) for d in digits])
        writers = np.array([str(d["writer"]) for d in digits])
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (EOFError, zlib.error, ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"{path} is damaged or no list of digits, each with 'label', 'writer' and 'strokes'."
        ) from error
    if not len(labels) or labels.min() < 0 or labels.max() > 9:
        raise UserError(f"{path} must hold at least one digit, and labels from 0 to 9 only.")
    return strokes, labels, writers


def measure(strokes: list, digits: np.ndarray) -> dict[str, np.ndarray]:
    """For each way of reading, what was answered; int arrays of shape (n,).

    digits : the strokes redrawn, uint8 (n, 28, 28).
    """
    shrunk = np.stack([naive(s, BOX, BOX, PEN) for s in strokes])
    ways = {
        "naive": (WEIGHTS_FOLDER / "pixels.npz", shrunk),
        "pixels": (WEIGHTS_FOLDER / "pixels.npz", digits),
        "straightened": (WEIGHTS_FOLDER / "straightened.npz", digits),
        "strokes": (DEFAULT, digits),
    }
    return {way: Reader(load_weights(file)).read(x).digits for way, (file, x) in ways.items()}


def stream(
    weights: Weights, curvature: Curvature, digits: Dataset, weight: float = WEIGHT
) -> tuple[np.ndarray, int, Weights]:
    """Read one writer's digits in order and correct every mistake, each counting as `weight`.

    Returns which were read right at first sight, bool (n,); how many corrections were
    made; and the weights after the last of them.
    """
    right = np.ones(len(digits), bool)
    at, corrected = 0, weights
    while at < len(digits):
        rest = digits.take(slice(at, None))
        wrong = np.flatnonzero(Reader(corrected).read(rest.images).digits != rest.labels)
        if not len(wrong):
            break
        right[at + wrong[0]] = False
        at += wrong[0] + 1
        corrected = learn(weights, curvature, digits.take(~right), weight)
    return right, int((~right).sum()), corrected


def corrected_hands(digits: Dataset, writers: np.ndarray) -> dict[str, float]:
    """How well the default weights read when every mistake of every writer is corrected."""
    weights, test = load_weights(DEFAULT), load_dataset(part="test")
    curvature = shipped_curvature(weights)
    if curvature is None:
        curvature = Curvature.measure(weights, load_dataset().images)
    X = extract_cached(weights.features, test.images)
    last, corrections, after = [], [], []
    for writer in np.unique(writers):
        right, count, corrected = stream(weights, curvature, digits.take(writers == writer))
        last.append(right[-100:].mean())
        corrections.append(count)
        after.append(np.mean(Reader(corrected).judge(X).digits == test.labels))
    before = np.mean(Reader(weights).judge(X).digits == test.labels)
    return {
        "corrected_last_100": float(np.mean(last)),
        "corrections_per_writer": float(np.mean(corrections)),
        "mnist_before": float(before),
        "mnist_after": float(np.mean(after)),
    }


def shares(right: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """The share that is right in each group."""
    return {str(group): float(right[groups == group].mean()) for group in np.unique(groups)}


def main() -> int:
    """Measure and print; 1, after a sentence on stderr, where the input cannot be read."""
    parser = argparse.ArgumentParser(description="Measure how well real pen strokes are read.")
    parser.add_argument("file", type=Path, help="pen strokes, .json or .json.gz")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    try:
        strokes, labels, writers = load_hands(arguments.file)
        digits = np.stack([to_digit(s) for s in strokes])
        answers = measure(strokes, digits)
        corrected = corrected_hands(Dataset(digits, labels), writers)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    right = {way: answer == labels for way, answer in answers.items()}
    if arguments.json:
        figures: dict = {way: float(r.mean()) for way, r in right.items()}
        figures |= corrected
        figures["digits"] = len(labels)
        figures["by_digit"] = {way: shares(r, labels) for way, r in right.items()}
        figures["by_writer"] = {way: shares(r, writers) for way, r in right.items()}
        print(json.dumps(figures))
        return 0
    print(f"{len(labels):,} digits of {len(np.unique(writers))} writers, read right (%)\n")
    print(" " * 14 + "   all" + "".join(f"{digit:6d}" for digit in range(10)))
    for way, r in right.items():
        by_digit = shares(r, labels)
        cells = [r.mean(), *(by_digit.get(str(digit), float("nan")) for digit in range(10))]
        print(f"{way:14}" + "".join(f"{100 * cell:6.1f}" for cell in cells))
    by_writer = sorted(shares(right["strokes"], writers).items(), key=lambda item: item[1])
    print("\nstrokes, writer by writer: " + ", ".join(f"{w} {100 * s:.1f}" for w, s in by_writer))
    print(
        "\nevery mistake corrected: {corrected_last_100:.2%} of each writer's last 100 digits read "
        "right after {corrections_per_writer:.1f} corrections; MNIST's test set {mnist_after:.2%}, "
        "before {mnist_before:.2%}".format(**corrected)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
