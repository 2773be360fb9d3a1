"""How well pictures of handwriting are read: python benchmarks/real_pictures.py [FOLDER] [--json]

With `--set segment.A_CUT=1.2` a number of lrcore's segment, pieces or picture is another one.

FOLDER holds `labels.csv` with the columns file, text, kind and source (a space in text is a new
line) and the pictures that it names; without it only the made pictures of made_pictures.py are
measured.  Printed are shares of 1:

    single, made_single           pictures of one digit, read as that digit alone
    row_digits, made_row_digits   digits of pictures of several, read in order (1 - edit distance)
    rows_whole, made_rows_whole   pictures of several digits without any error, lines included
    small_single                  made pictures of one digit without paper, or small, faint, thick
                                  or broken; beside each kind stands the GOAL that it is to reach
    closed_rows_whole             made rows whose digits all but touch, or do
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.made_pictures import closed_up_rows, rows, singles, small_singles
from lrcore import picture, pieces, segment
from lrcore.data import load_dataset
from lrcore.errors import UserError
from lrcore.reading import Reader, as_text
from lrcore.weights import DEFAULT, load_weights

MODULES = {"picture": picture, "pieces": pieces, "segment": segment}
SINGLES, ROWS, SMALL, CLOSED = 300, 200, 800, 100
GOALS = {
    "tight": 0.98,
    "one pixel of paper": 0.98,
    "tight, six times": 0.98,
    "16x16": 0.95,
    "8x8": 0.92,
    "faint 32x32": 0.97,
    "felt pen 28x28": 0.97,
    "broken": 0.97,
    "closed up": 0.9,
}


def read_text(source, reader: Reader) -> str:
    """The digits of a picture, a space for a new line; '' where none is found."""
    try:
        found = reader.find(source)
    except UserError:
        return ""
    digits = reader.read(np.stack([item.image for item in found])).digits
    return as_text(found, digits.astype(str).tolist()).replace("\n", " ")


def edit_distance(one: str, other: str) -> int:
    """The fewest characters to insert, delete or change to make `other` of `one` (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


def measure(cases, reader: Reader, prefix: str = "") -> tuple[dict[str, Any], list[str]]:
    """Shares read right of `cases`, (source, text, kind) each, and what was read wrong."""
    single, row_digits, whole = [], [], []
    by_kind = defaultdict(list)
    errors = []
    for source, text, kind in cases:
        read = read_text(source, reader)
        by_kind[kind].append(read == text)
        if read != text:
            name = source.name if isinstance(source, Path) else kind
            errors.append(f"{name}: {text!r} read as {read!r}")
        if len(text) == 1:
            single.append(read == text)
            continue
        truth, mine = text.replace(" ", ""), read.replace(" ", "")
        row_digits.append((len(truth), max(0, len(truth) - edit_distance(truth, mine))))
        whole.append(read == text)
    figures: dict[str, Any] = {}
    if single:
        figures[f"{prefix}single"] = float(np.mean(single))
    if whole:
        total, right = np.sum(row_digits, axis=0)
        figures[f"{prefix}row_digits"] = float(right / total)
        figures[f"{prefix}rows_whole"] = float(np.mean(whole))
    figures[f"{prefix}kinds"] = {k: float(np.mean(v)) for k, v in sorted(by_kind.items())}
    return figures, errors


def real_cases(folder: Path) -> list[tuple[Path, str, str]]:
    """What labels.csv of `folder` names; UserError where it or a picture is missing."""
    labels = folder / "labels.csv"
    if not labels.is_file():
        raise UserError(f"{folder} holds no labels.csv with the columns file, text and kind.")
    with open(labels, newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    if not table or not {"file", "text", "kind"} <= table[0].keys():
        raise UserError(f"{labels} must have the columns file, text and kind, and a picture a row.")
    for line in table:
        if not (folder / line["file"]).is_file():
            raise UserError(f"{labels} names {line['file']}, which is not there.")
    return [(folder / line["file"], line["text"], line["kind"]) for line in table]


def try_number(text: str) -> None:
    """Change a number of the modules that find digits, given as 'module.NAME=value'."""
    place, _, value = text.partition("=")
    module, _, name = place.partition(".")
    if module not in MODULES or not isinstance(getattr(MODULES[module], name, None), int | float):
        raise UserError(f"There is no number {place!r}; one is segment.A_CUT.")
    try:
        setattr(MODULES[module], name, float(value))
    except ValueError:
        raise UserError(f"{value!r} is no number for {place}.") from None


def main() -> int:
    """Measure and print; 1, after a sentence on stderr, where the input cannot be read."""
    parser = argparse.ArgumentParser(description="Measure how well pictures are read.")
    parser.add_argument("folder", nargs="?", type=Path, help="real pictures with a labels.csv")
    parser.add_argument("--weights", type=Path, default=DEFAULT)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--errors", action="store_true", help="list what was read wrong, on stderr")
    parser.add_argument(
        "--set", action="append", default=[], metavar="MODULE.NAME=VALUE", help="try another number"
    )
    arguments = parser.parse_args()
    try:
        for text in arguments.set:
            try_number(text)
        reader = Reader(load_weights(arguments.weights))
        figures: dict[str, Any] = {}
        errors: list[str] = []
        if arguments.folder:
            figures, errors = measure(real_cases(arguments.folder), reader)
        test = load_dataset(part="test")
        for prefix, pictures in (
            ("made_", [*singles(test, SINGLES), *rows(test, ROWS)]),
            ("small_", small_singles(test, SMALL)),
            ("closed_", closed_up_rows(test, CLOSED)),
        ):
            more = measure([(m.file, m.text, m.kind) for m in pictures], reader, prefix)
            figures |= more[0]
            errors += more[1]
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.errors:
        print("\n".join(errors), file=sys.stderr)
    if arguments.json:
        print(json.dumps(figures))
        return 0
    for name, value in figures.items():
        if isinstance(value, dict):
            for kind, share in value.items():
                goal = f"   (goal {GOALS[kind]:.0%})" if kind in GOALS else ""
                print(f"    {kind:<18} {share:.1%}{goal}")
        else:
            print(f"{name:<18} {value:.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
