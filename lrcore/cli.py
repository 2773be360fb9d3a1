"""The command line: `python -m lrcore predict|evaluate|train|sweep|info|curvature`.

The only place in the core that prints.  Answers go to stdout, one sentence a
bad input to stderr; the exit code is 0 only if every input was answered.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from lrcore.calibration_fit import calibrate
from lrcore.command import command_of, flag
from lrcore.corrections import SUFFIX, Curvature, save_curvature
from lrcore.data import Dataset, load_dataset
from lrcore.datasets import Loaded, load_part, load_parts
from lrcore.decode import READS, open_once
from lrcore.errors import UserError
from lrcore.labelled import TEST, TRAIN, WHOLE
from lrcore.marks import COULD_BE
from lrcore.places import MNIST_FOLDER, OWN_WEIGHTS_FOLDER, WEIGHTS_FOLDER
from lrcore.reading import Reader, as_text, with_article
from lrcore.segment import AUTO, ONE, SEVERAL, Found
from lrcore.settings import DEFAULTS, Settings, kind, knob, read_setting, setting_text
from lrcore.sweep import curve, learnable, plan, propose, write_results
from lrcore.sweep import sweep as run_sweep
from lrcore.training import Point, Run, RunRequest, write_history
from lrcore.weights import (
    DEFAULT,
    REST,
    Weights,
    find_weights,
    load_weights,
    own_weights_path,
    save_weights,
)


def main(argv: list[str] | None = None) -> int:
    """Run a command line, by default the process's own; returns the exit code."""
    # What a terminal or a file of its encoding cannot show is no reason to break off.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read what is printed, such as `head`, has had enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def predict(arguments: argparse.Namespace) -> int:
    """Print what each picture shows; 1 if one of them could not be read."""
    reader = Reader(_weights(arguments))
    failed = 0
    for file in arguments.image:
        try:
            opened = open_once(file)
            found = reader.find(opened, arguments.digits)
        except UserError as error:
            print(f"{file}: {error}", file=sys.stderr)
            failed += 1
            continue
        if opened.note:
            print(f"{file}: {opened.note}", file=sys.stderr)
        answer = _answer(file, found, reader)
        print(json.dumps(answer) if arguments.json else _sentence(answer, reader))
    return 1 if failed else 0


def evaluate(arguments: argparse.Namespace) -> int:
    """Print the share of a labelled set that is read right."""
    weights = _weights(arguments)
    data = _data(arguments, arguments.part)
    accuracy, images = Reader(weights).accuracy(data.images, data.labels)
    if images == 0:
        raise UserError(f"{arguments.data} has no picture of a digit that {weights.name} knows.")
    if arguments.json:
        print(json.dumps({"accuracy": accuracy, "images": images}))
    else:
        print(f"{weights.name}: {accuracy:.2%} of {images:,} pictures read right")
    return 0


def train(arguments: argparse.Namespace) -> int:
    """Train a model and write its weights, and its history if asked to."""
    settings = Settings(**{item.name: getattr(arguments, item.name) for item in fields(Settings)})
    data, test = _both_parts(arguments)
    if arguments.calibrate and test is None:
        raise UserError("--calibrate needs a test part, to say how far the result can be trusted.")
    out = own_weights_path(arguments.keep) if arguments.keep else arguments.out
    run = Run(RunRequest(settings, data, test), workers=os.cpu_count() or 1)
    bar = _Bar(settings.iterations)
    for point in run.steps():
        bar.show(point)
    bar.close()
    print(run.message, file=sys.stderr)
    # Kept by its name, a model does not tell where its owner's folders lie.
    destination = (arguments.keep, "--keep") if arguments.keep else (out, "--out")
    command = command_of(settings, destination[0], arguments.calibrate, destination[1])
    weights = run.weights(command=command, name=out.stem)
    if arguments.calibrate and test is not None:
        weights = calibrate(weights, settings, data, test, run.workers)
    _make_folder(out, arguments.keep)
    save_weights(out, weights)
    if arguments.history:
        _write_history(arguments.history, run)
    kinds = {"test_accuracy": "test accuracy", "heldout_accuracy": "held-out accuracy"}
    said = [f"{kinds[k]} {weights.record[k]:.2%}" for k in kinds if k in weights.record][:1]
    print(", ".join([f"{out}: cost {weights.record['cost']:.6f}", *said]))
    return 0


def sweep(arguments: argparse.Namespace) -> int:
    """Print a validation curve, or a grid: a line for each value of a setting, or pair of two."""
    settings = Settings(**{item.name: getattr(arguments, item.name) for item in fields(Settings)})
    values: dict[str, list] = {}
    for text in arguments.over:
        name, _, listed = text.partition("=")
        if name not in DEFAULTS:
            raise UserError(f"There is no setting {name!r}; choose one of {', '.join(DEFAULTS)}.")
        values[name] = (
            [read_setting(name, item) for item in listed.split(",")]
            if listed
            else (propose(name, settings))
        )
    data, test = _both_parts(arguments)
    if test is None:
        # Some have to be left to compare by.
        settings = replace(settings, images=min(settings.images, learnable(settings, data)))
    total, results = len(plan(settings, values, arguments.seeds)), []
    for one in run_sweep(settings, data, values, arguments.seeds, test, os.cpu_count() or 1):
        results.append(one)
        print(f"run {len(results)} of {total}: {one.message}", file=sys.stderr)
    print("  ".join([*(f"{name:>16}" for name in values), "   cost  held-out  accuracy  held-out"]))
    for place in curve(results):
        told = [f"{setting_text(*item):>16}" for item in place.values.items()]
        told.append("{cost:7.4f}  {heldout_cost:8.4f}".format(**place.mean))
        told.append("{accuracy:8.2%}  {heldout_accuracy:8.2%}".format(**place.mean))
        if arguments.seeds > 1:
            told.append("give or take {heldout_accuracy:.2%}".format(**place.spread))
        told.append("best" if place.best else "within noise of the best" if place.near else "")
        print("  ".join(told).rstrip())
    if arguments.csv:
        _write(arguments.csv, lambda file: write_results(file, results))
    return 0


def info(arguments: argparse.Namespace) -> int:
    """Print what a weights file says of itself."""
    weights = _weights(arguments)
    table = {
        "name": weights.name,
        "task": "binary" if weights.binary else "one-vs-all",
        "classes": ["rest" if c == REST else int(c) for c in weights.classes],
        "features": weights.features,
        "theta": list(weights.theta.shape),
        **weights.record,
    }
    if arguments.json:
        print(json.dumps(table))
    else:
        width = max(map(len, table))
        for key, value in table.items():
            print(f"{key:<{width}}  {value}")
    return 0


def curvature(arguments: argparse.Namespace) -> int:
    """Measure how firmly theta is held, and write it beside the weights."""
    file = find_weights(arguments.weights)
    weights = load_weights(file)
    path = file.with_suffix(SUFFIX)
    images = _data(arguments, TRAIN).images
    save_curvature(path, Curvature.measure(weights, images))
    print(f"{path}: how firmly {len(images):,} pictures hold the theta of {weights.name}")
    return 0


def _data(arguments: argparse.Namespace, part: str) -> Dataset:
    """A part of the set asked for; what was done to make it fit is said."""
    data, loaded = load_part(arguments.data, part, arguments.as_is)
    _say_of(loaded)
    return data


def _both_parts(arguments: argparse.Namespace) -> tuple[Dataset, Dataset | None]:
    """What to train and what to test on; None, and a word, where the set has no test part."""
    if arguments.data == MNIST_FOLDER:
        return load_dataset(part=TRAIN), load_dataset(part=TEST)
    loaded = load_parts(arguments.data, arguments.as_is)
    _say_of(loaded)
    parts = dict(loaded.parts)
    test = parts.pop(TEST, None)
    if not parts:
        raise UserError(f"{arguments.data} has a test part alone, and nothing to learn from.")
    if test is None:
        print(
            f"{arguments.data} has no test part: what is held out of training is reported on.",
            file=sys.stderr,
        )
    return parts.get(TRAIN, parts.get(WHOLE, next(iter(parts.values())))), test


def _say_of(loaded: Loaded) -> None:
    for note in loaded.notes:
        print(f"{note} (--as-is leaves it)" if "default model" in note else note, file=sys.stderr)
    for name, why in loaded.rejected:
        print(f"{name}: {why}", file=sys.stderr)


def _weights(arguments: argparse.Namespace) -> Weights:
    return load_weights(find_weights(arguments.weights), arguments.mean, arguments.scale)


def _answer(file: str, found: list[Found], reader: Reader) -> dict:
    """What is printed of one picture; with several digits, `digit` is the largest one's."""
    readings = reader.read(np.stack([item.image for item in found]))
    boxes: list[dict[str, Any]] = [
        {
            "digit": int(readings.digits[i]),
            "box": [int(side) for side in item.box],
            "probabilities": _rounded(readings.probabilities[i]),
            "answer_probability": round(float(readings.answer_probability[i]), 6),
            "sure": bool(readings.sure[i]),
            "mark": str(readings.mark[i]),
        }
        for i, item in enumerate(found)
    ]
    largest = max(boxes, key=lambda b: _area(b["box"]))
    return {
        "file": str(file),
        "digit": largest["digit"],
        "probabilities": largest["probabilities"],
        "answer_probability": largest["answer_probability"],
        "sure": largest["sure"],
        "mark": largest["mark"],
        "text": as_text(found, [_name(box["digit"]) for box in boxes]),
        "boxes": boxes,
    }


def _sentence(answer: dict, reader: Reader) -> str:
    file, digit, p = answer["file"], answer["digit"], answer["probabilities"]
    if len(answer["boxes"]) > 1:
        return f"{file}: {len(answer['boxes'])} digits\n{answer['text']}"
    if reader.weights.binary:
        positive = int(reader.weights.classes[1])
        if digit == REST:
            return f"{file}: this is not {with_article(positive)} ({max(p):.2f})"
        return f"{file}: this is {with_article(digit)} ({max(p):.2f})"
    doubt = "" if answer["sure"] else ", but unsure"
    if answer["mark"]:
        doubt += f"; there is nothing but {COULD_BE[answer['mark']]}"
    each = "  ".join(f"{c}: {q:.2f}" for c, q in zip(reader.weights.classes, p, strict=True))
    return f"{file}: {digit} ({answer['answer_probability']:.2f}){doubt}\n  {each}"


def _name(digit: int) -> str:
    return "-" if digit == REST else str(digit)


def _area(box: list[int]) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 6) for value in values]


class _Bar:
    """One line on stderr that shows how far a run is; silent where stderr is no terminal."""

    WIDTH = 30

    def __init__(self, iterations: int):
        self.iterations = iterations
        self.there = sys.stderr.isatty()
        self.last = 0.0

    def show(self, point: Point) -> None:
        now = time.monotonic()
        if not self.there or now - self.last < 0.1:
            return
        self.last = now
        done = round(self.WIDTH * point.iteration / self.iterations)
        print(
            f"\r[{'#' * done}{'.' * (self.WIDTH - done)}] {point.iteration}/{self.iterations}  "
            f"cost {point.cost:.6f}  {point.seconds:.1f} s ",
            end="",
            file=sys.stderr,
        )

    def close(self) -> None:
        if self.there:
            print(file=sys.stderr)


def _make_folder(path: Path, wanted: str | None) -> None:
    """The user's own folder of models, which nobody has made before the first of them."""
    if wanted:
        # What keeps it from being made keeps the file from being written, which says so.
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)


def _write_history(path: Path, run: Run) -> None:
    _write(path, lambda file: write_history(file, run.history, run.settings))


def _write(path: Path, table: Callable[[TextIO], None]) -> None:
    """Write a CSV file; UserError where it cannot be written."""
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            table(file)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); choose another place."
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lrcore",
        description="Ten one-vs-all logistic regressions read handwritten digits.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        _predict_command,
        _evaluate_command,
        _info_command,
        _curvature_command,
        _train_command,
        _sweep_command,
    ):
        add(commands)
    return parser


def _predict_command(commands: argparse._SubParsersAction) -> None:
    reading = commands.add_parser("predict", help="read the digits in pictures")
    reading.set_defaults(run=predict)
    reading.add_argument("image", nargs="+", help=f"a picture: {READS}")
    several = reading.add_mutually_exclusive_group()
    reading.set_defaults(digits=AUTO)
    for name, words in ((ONE, "a single digit, whole or broken"), (SEVERAL, "several digits")):
        several.add_argument(
            f"--{name}", dest="digits", action="store_const", const=name, help=f"each shows {words}"
        )
    _weights_options(reading, "--weights")


def _evaluate_command(commands: argparse._SubParsersAction) -> None:
    judging = commands.add_parser("evaluate", help="measure accuracy on a labelled set")
    judging.set_defaults(run=evaluate)
    _weights_options(judging, "--weights")
    _data_options(judging)
    judging.add_argument("--part", choices=("train", "test"), default="test")


def _info_command(commands: argparse._SubParsersAction) -> None:
    showing = commands.add_parser("info", help="show what a weights file says of itself")
    showing.set_defaults(run=info)
    _weights_options(showing, "weights")


def _curvature_command(commands: argparse._SubParsersAction) -> None:
    measuring = commands.add_parser(
        "curvature", help="keep beside weights how firmly theta is held, for corrections"
    )
    measuring.set_defaults(run=curvature)
    measuring.add_argument("weights", type=Path, help="a weights file, .npz, or a model's name")
    _data_options(measuring)


def _train_command(commands: argparse._SubParsersAction) -> None:
    training = commands.add_parser("train", help="train a model and write its weights")
    training.set_defaults(run=train)
    for item in fields(Settings):
        _setting_option(training, item)
    _data_options(training)
    destination = training.add_mutually_exclusive_group(required=True)
    destination.add_argument("--out", type=Path, help="the .npz file to write")
    destination.add_argument(
        "--keep",
        metavar="NAME",
        help="keep the model under this name among your own, in "
        f"{OWN_WEIGHTS_FOLDER}, where the app finds it".replace("%", "%%"),
    )
    training.add_argument(
        "--calibrate",
        action="store_true",
        help="also learn how far the ten probabilities can be trusted, and when to say 'unsure'",
    )
    training.add_argument("--history", type=Path, help="a .csv file for the cost, step by step")


def _sweep_command(commands: argparse._SubParsersAction) -> None:
    sweeping = commands.add_parser(
        "sweep", help="train with several values of a setting, or of two, and compare"
    )
    sweeping.set_defaults(run=sweep)
    sweeping.add_argument(
        "over",
        nargs="+",
        metavar="SETTING[=VALUE,VALUE...]",
        help="the setting, by its name below, and the values to try; without them, some are "
        "proposed; two settings make a grid",
    )
    for item in fields(Settings):
        _setting_option(sweeping, item)
    sweeping.add_argument("--seeds", type=int, default=1, help="seeds for each value (default: 1)")
    _data_options(sweeping)
    sweeping.add_argument("--csv", type=Path, help="a .csv file for the figures, run by run")


def _data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        default=MNIST_FOLDER,
        help="a set of digits: a folder or a file of IDX, CSV, ARFF, .npz or .mat, or "
        "pictures in folders 0 to 9 (default: MNIST)",
    )
    parser.add_argument(
        "--as-is",
        action="store_true",
        help="leave a set that lies on its side, or is inverted, as it is",
    )


def _weights_options(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        name,
        type=Path,
        default=DEFAULT,
        help="a weights file (.npz, or a plain theta, (10, 784) or (10, 785) with the bias first, "
        "as .npy, text or CSV, or scikit-learn's coef_ and intercept_ as .npz), or the name of a "
        f"model in {WEIGHTS_FOLDER} or among your own".replace("%", "%%"),
    )
    parser.add_argument(
        "--mean", type=float, default=0.0, help="for a plain theta: mean of the greys (0..255)"
    )
    parser.add_argument(
        "--scale", type=float, default=255.0, help="for a plain theta: what greys were divided by"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def _setting_option(parser: argparse.ArgumentParser, item: Field) -> None:
    declared = knob(item.name)
    limits = (
        f"one of {', '.join(map(str, declared.options))}"
        if declared.options
        else f"{declared.low:g} to {declared.high:g}"
    )
    default = "the solver's own" if item.default is None else item.default
    parser.add_argument(
        flag(item.name),
        dest=item.name,
        type=kind(item.name),
        default=item.default,
        metavar=item.name.upper(),
        help=f"{declared.help} ({limits}; default: {default})".replace("%", "%%"),
    )
