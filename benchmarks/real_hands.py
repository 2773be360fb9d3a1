"""How well real hands are read: python benchmarks/real_hands.py FILE [--json]

FILE (.json or .json.gz) is a list of {"label": 0-9, "writer": id, "strokes": [[[x, y], ...], ...]}
with y downwards, in a box of 500 x 500: the form into which "Pen-Based Recognition of Handwritten
Digits" (Alpaydin and Alimoglu, UCI 1998) is easily brought.  Each digit goes the way of a drawing
on the canvas.  Printed are shares read right, of 1, by the shipped weights:

    naive          the whole box shrunk to 28x28, read by the pixel weights
    pixels         redrawn as MNIST would have it, read by the pixel weights
    straightened   the same, read by the straightened weights
    strokes        the same, read by the default weights
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

from lrcore.drawing import naive, to_digit
from lrcore.errors import UserError
from lrcore.reading import Reader
from lrcore.weights import DEFAULT, WEIGHTS_FOLDER, load_weights

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
        raise UserError(f"{path} can not be read ({error.strerror or error}).") from error
    except (EOFError, zlib.error, ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"{path} is damaged or no list of digits, each with 'label', 'writer' and 'strokes'."
        ) from error
    if not len(labels) or labels.min() < 0 or labels.max() > 9:
        raise UserError(f"{path} must hold at least one digit, and labels from 0 to 9 only.")
    return strokes, labels, writers


def measure(strokes: list, labels: np.ndarray) -> dict[str, np.ndarray]:
    """For each way of reading, what was answered; int arrays of shape (n,)."""
    shrunk = np.stack([naive(s, BOX, BOX, PEN) for s in strokes])
    digits = np.stack([to_digit(s) for s in strokes])
    ways = {
        "naive": (WEIGHTS_FOLDER / "pixels.npz", shrunk),
        "pixels": (WEIGHTS_FOLDER / "pixels.npz", digits),
        "straightened": (WEIGHTS_FOLDER / "straightened.npz", digits),
        "strokes": (DEFAULT, digits),
    }
    return {way: Reader(load_weights(file)).read(x).digits for way, (file, x) in ways.items()}


def shares(right: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """The share that is right in each group."""
    return {str(group): float(right[groups == group].mean()) for group in np.unique(groups)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure how well real pen strokes are read.")
    parser.add_argument("file", type=Path, help="pen strokes, .json or .json.gz")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    try:
        strokes, labels, writers = load_hands(arguments.file)
        answers = measure(strokes, labels)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    right = {way: answer == labels for way, answer in answers.items()}
    if arguments.json:
        figures: dict = {way: float(r.mean()) for way, r in right.items()}
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
