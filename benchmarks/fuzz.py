"""Hostile files by the thousand: each must get an answer or one sentence, soon, in little memory.

    python benchmarks/fuzz.py [--pictures 10000] [--others 2000] [--first 0]

Damaged and odd pictures, weights, IDX files, sets of own digits, curvatures and drawings are made
by rule, each from its number alone, so that one that fails can be made again with --first.  They
are read in a process of its own.  The summary says of each kind how many got an answer and how
many a sentence, the most processor seconds that one took (its own, whatever else the machine does),
and by how much it raised the most memory that the process ever held.  The exit code is 1 if
anything but an answer or a UserError of one line came back, if one took more than 2 s, or if the
process held more than 500 MB.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import json
import math
import multiprocessing
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.hostile_files import (
    canvas_message,
    digits,
    hand_file,
    idx_file,
    own_zip,
    picture,
    weights_file,
)
from benchmarks.processor import most_held
from lrcore.corrections import Curvature, learn, load_curvature
from lrcore.data import Dataset, parse_idx
from lrcore.datasets import Bounds, Loaded, load
from lrcore.decode import open_once
from lrcore.drawing import to_digit
from lrcore.errors import UserError
from lrcore.evidence import explain
from lrcore.fabric import strokes_from_canvas
from lrcore.reading import Reader, Readings
from lrcore.segment import find_drawn_digits
from lrcore.weights import DEFAULT, load_weights

MOST_SECONDS, MOST_MEGABYTES = 2.0, 500


@cache
def reader() -> Reader:
    """The default model, loaded once."""
    return Reader(load_weights(DEFAULT))


def read_picture(raw: bytes) -> Readings:
    """What the Predict page does with a picture: find digits, read them, show it."""
    found = reader().find(open_once(raw))
    for item in found:
        item.steps()
    return reader().read(np.stack([item.image for item in found]))


def read_weights(raw: bytes) -> Readings:
    """What the app does with weights that are brought: read, explain, be corrected."""
    weights = load_weights(raw)
    readings = Reader(weights).read(digits()[:3])
    explain(weights, digits()[0], int(weights.classes[-1]))
    curvature = Curvature.measure(weights, digits()[:100])
    learn(weights, curvature, Dataset(digits()[:3], weights.classes[[-1, 0, -1]].clip(0)))
    return readings


def read_idx(raw: bytes) -> np.ndarray:
    """What the app does with an IDX file."""
    return parse_idx(io.BytesIO(raw), "images")


def read_own(raw: bytes) -> Loaded:
    """What the app does with own digits; the first one rejected is the sentence."""
    # As long as it takes is a matter of how many are brought; what is over must end it in time.
    loaded = load([("own", raw)], Bounds(seconds=1))
    if loaded.rejected:
        raise UserError(loaded.rejected[0][1])
    return loaded


def read_hand(raw: bytes) -> Curvature:
    """What the app does with a curvature file beside weights."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "brought.curvature")
        path.write_bytes(raw)
        return load_curvature(path, reader().weights)


def read_canvas(raw: bytes) -> Readings:
    """What the two canvases of the Predict page do with what a browser sends."""
    record, size = json.loads(raw), (660, 330)
    strokes = strokes_from_canvas(record, size, "#ffffff")
    readings = reader().read(to_digit(strokes)[None])
    if strokes:
        find_drawn_digits(strokes, *size, 16, reader().digit_score)
    return readings


@dataclass
class Tally:
    """What came of one kind of file."""

    answers: int = 0
    sentences: int = 0
    slowest: float = 0.0
    grown: float = 0.0


def ready() -> float:
    """Load the model in the process that reads."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    reader()
    return most_held()


def meet(read: Callable, raw: bytes) -> tuple[str, str, float, float]:
    """Read a file: what came of it, the words, processor seconds, and the most memory so far."""
    # Something that hangs for good ends the run, and shows where it hung.
    faulthandler.dump_traceback_later(60, exit=True)
    start = time.process_time()
    try:
        read(raw)
        what, words = "answer", ""
    except UserError as error:
        what, words = "sentence", str(error)
    except Exception as error:
        what, words = "traceback", f"{type(error).__name__}: {error}"
    seconds = time.process_time() - start
    faulthandler.cancel_dump_traceback_later()
    return what, words, seconds, most_held()


KINDS = {
    "pictures": (picture, read_picture),
    "weights": (weights_file, read_weights),
    "IDX files": (idx_file, read_idx),
    "own digits": (own_zip, read_own),
    "curvatures": (hand_file, read_hand),
    "canvas messages": (canvas_message, read_canvas),
}


def main() -> int:
    """Make, read and judge; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--others", type=int, default=2_000, help="of each other kind")
    parser.add_argument("--first", type=int, default=0, help="the number to begin with")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    wrong = 0
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        held = began = process.submit(ready).result()
        for kind, (make, read) in KINDS.items():
            count = options.pictures if kind == "pictures" else options.others
            tallies: dict[str, Tally] = {}
            for number in range(options.first, options.first + count):
                name, raw = make(np.random.default_rng(number))
                what, words, seconds, most = process.submit(meet, read, raw).result()
                tally = tallies.setdefault(name, Tally())
                tally.answers += what == "answer"
                tally.sentences += what == "sentence"
                tally.slowest = max(tally.slowest, seconds)
                tally.grown, held = tally.grown + most - held, most
                long = what == "sentence" and ("\n" in words or not 10 < len(words) < 400)
                if what == "traceback" or long or seconds > MOST_SECONDS:
                    wrong += 1
                    print(f"{kind} {number}, {name}: {seconds:.1f} s, {what}: {words[:300]}")
            summary(kind, tallies)
    if math.isnan(held):
        print("\nHow much memory the process held is not known: Windows does not say.")
    else:
        print(f"\nThe process held {began:.0f} MB with its model, and at most {held:.0f} MB.")
    wrong += held > MOST_MEGABYTES
    print(f"{wrong} went wrong." if wrong else "Nothing went wrong.")
    return 1 if wrong else 0


def summary(kind: str, tallies: dict[str, Tally]) -> None:
    """Print what came of one kind of file."""
    answers = sum(tally.answers for tally in tallies.values())
    sentences = sum(tally.sentences for tally in tallies.values())
    print(f"\n{kind}: {answers:,} answers, {sentences:,} sentences")
    print(f"  {'':<42} answers sentences slowest   memory")
    for name, tally in sorted(tallies.items()):
        print(
            f"  {name:<42} {tally.answers:>7} {tally.sentences:>9} {tally.slowest:>5.2f} s "
            f"{tally.grown:>+5.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
