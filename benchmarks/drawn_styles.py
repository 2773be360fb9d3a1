"""How well each style drawn by rule is read: python benchmarks/drawn_styles.py [--digits 500]

Draws digits of each of `lrcore.styles.STYLES`, each with a seed of its own, from which no model has
learned, and reads them with the default weights.  Printed are a line a style, the share read right
and what the others were read as, and then the mean and the lowest; 1 is returned where a style is
read right in less than GOAL of all cases.  With --json, one object of shares of 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lrcore.errors import UserError
from lrcore.reading import Reader
from lrcore.styles import STYLES, draw_style
from lrcore.weights import DEFAULT, load_weights

# What the training draws with is 0.
SEED = 20261125
GOAL = 0.97


def measure(reader: Reader, n_per_style: int, seed: int = SEED) -> dict[str, np.ndarray]:
    """What the digits of each style are read as; int arrays of shape (n_per_style,)."""
    answers = {}
    for place, name in enumerate(STYLES):
        rng = np.random.default_rng([seed, place])
        drawn = np.stack([draw_style(name, rng) for _ in range(n_per_style)])
        answers[name] = reader.read(drawn).digits
    return answers


def main() -> int:
    """Measure and print; 1 where a style falls short, or after a sentence on stderr."""
    parser = argparse.ArgumentParser(description="Measure how well digits drawn by rule are read.")
    parser.add_argument("--weights", type=Path, default=DEFAULT)
    parser.add_argument("--digits", type=int, default=500, help="of each style")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    try:
        reader = Reader(load_weights(arguments.weights))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    answers = measure(reader, arguments.digits, arguments.seed)
    right = {name: float(np.mean(a == STYLES[name][0])) for name, a in answers.items()}
    if arguments.json:
        print(json.dumps(right))
    else:
        for name, share in right.items():
            wrong = Counter(answers[name][answers[name] != STYLES[name][0]].tolist())
            read_as = ", ".join(f"{count} as {digit}" for digit, count in wrong.most_common())
            print(f"{name:28} {share:6.1%}  {read_as}".rstrip())
        lowest = min(right, key=right.__getitem__)
        mean = np.mean(list(right.values()))
        print(f"\n{len(right)} styles: mean {mean:.2%}, lowest {right[lowest]:.1%} ({lowest})")
    return 0 if min(right.values()) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
