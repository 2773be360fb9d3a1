"""How much does a correction count?  What odd hands gain and the others lose, for a grid.

    python benchmarks/choose_weight.py [--weights 20 50 100 200 500 1000]

The default model's features and C, learned from 50,000 of MNIST's training pictures alone.  A made
hand writes sixty digits of the other 10,000 and forty of one digit in a style that MNIST hardly
has, mixed; every mistake is corrected.  Printed are means over the hands: the share read right
of the last half of a hand, how many corrections that took, and the share of 5,000 further digits
held out that are then read right.  The test set is not looked at.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.choose_calibration import stand_in
from benchmarks.real_hands import stream
from lrcore.corrections import CURVATURE_SAMPLE, Curvature
from lrcore.data import Dataset, load_dataset
from lrcore.features import extract
from lrcore.reading import Reader
from lrcore.styles import make_digits

ODD, PLAIN, JUDGED = 40, 60, 5000


def hands(digits: Dataset) -> list[Dataset]:
    """For every third style a writer who has it."""
    rng = np.random.default_rng(0)
    styled = make_digits(ODD, rng)
    made = []
    for start in range(0, len(styled), 3 * ODD):
        odd = styled.take(slice(start, start + ODD))
        plain = digits.take(rng.choice(len(digits), PLAIN, replace=False))
        plain = plain.take(plain.labels != odd.labels[0])
        images, labels = (
            np.concatenate(pair)
            for pair in ((odd.images, plain.images), (odd.labels, plain.labels))
        )
        made.append(Dataset(images, labels).take(rng.permutation(len(labels))))
    return made


def main() -> None:
    """Correct every hand with each weight, and print what that does."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", type=float, nargs="+", default=[20, 50, 100, 200, 500, 1000])
    grid = parser.parse_args().weights
    weights, heldout = stand_in()
    curvature = Curvature.measure(weights, load_dataset().images[:CURVATURE_SAMPLE])
    judged, rest = heldout.take(slice(0, JUDGED)), heldout.take(slice(JUDGED, None))
    X, writers = extract(weights.features, judged.images), hands(rest)
    before = np.mean(Reader(weights).judge(X).digits == judged.labels)
    print(f"{len(writers)} hands; before any correction {before:.2%} of the others are read right")
    print(f"{'weight':>8}  last half right  corrections  others right")
    for weight in grid:
        rows = []
        for writer in writers:
            right, count, corrected = stream(weights, curvature, writer, weight)
            after = np.mean(Reader(corrected).judge(X).digits == judged.labels)
            rows.append((right[len(right) // 2 :].mean(), count, after))
        late, count, after = np.mean(rows, axis=0)
        print(f"{weight:>8g}  {late:>15.2%}  {count:>11.1f}  {after:>12.2%}", flush=True)


if __name__ == "__main__":
    main()
