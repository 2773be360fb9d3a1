"""Which C?  Accuracy on a validation split of the training set, for a grid of C.

    python benchmarks/choose_c.py [--features pixels] [--C 0.03 0.1 0.3 1 3 10]

Learns from 50,000 of MNIST's training pictures and judges by the other 10,000; the
test set is not looked at.  Prints one line a C, and then the best.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lrcore.data import load_dataset
from lrcore.features import FEATURES
from lrcore.settings import Settings
from lrcore.training import Run, RunRequest


def main() -> None:
    """Train with each C, and print how well the held-out pictures are read."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", choices=FEATURES, default="pixels")
    parser.add_argument("--C", type=float, nargs="+", default=[0.03, 0.1, 0.3, 1, 3, 10])
    parser.add_argument("--images", type=int, default=50_000)
    arguments = parser.parse_args()
    train = load_dataset(part="train")
    results = {}
    print(f"{arguments.features}, {arguments.images:,} images\n{'C':>10}  cost      held out")
    for C in arguments.C:
        settings = Settings(
            features=arguments.features, images=arguments.images, C=C, tolerance=1e-4
        )
        run = Run(RunRequest(settings, train))
        last = list(run.steps())[-1]
        results[C] = last.heldout_accuracy
        print(f"{C:>10g}  {last.cost:.6f}  {last.heldout_accuracy:.2%}")
    print(f"best on the held-out pictures: C = {max(results, key=results.__getitem__):g}")


if __name__ == "__main__":
    main()
