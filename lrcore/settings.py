"""What can be set of a training run: each knob declared once, with its words and bounds.

The command line, the Train page and its links all build on these declarations.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Any, get_args, get_type_hints

import numpy as np

from lrcore.errors import UserError
from lrcore.features import FEATURES
from lrcore.solvers import SOLVERS
from lrcore.weights import REST

TASKS = {
    "one-vs-all": "Ten digits, one-vs-all",
    "two-digits": "Two digits",
    "one-digit": "One digit against the rest",
}


@dataclass(frozen=True)
class Knob:
    """How a setting is offered.

    label, help : what it is called, and a sentence or two on what it does.
    low, high : the least and the largest value; None where there are options.
    options : the values to choose among, or None for any number within the bounds.
    log : whether values are better told apart by their ratio than by their difference.
    """

    label: str
    help: str
    low: float | None = None
    high: float | None = None
    options: tuple | None = None
    log: bool = False


def _knob(default: Any, label: str, help: str, **bounds: Any) -> Any:
    return field(default=default, metadata={"knob": Knob(label, help, **bounds)})


@dataclass(frozen=True)
class Settings:
    """All that a run depends on: the same settings and data, the same theta."""

    task: str = _knob(
        "one-vs-all",
        "Task",
        "What is learned: one model a digit, all ten at once; or a single model that tells two "
        "digits, or one digit and the rest, apart.",
        options=tuple(TASKS),
    )
    digit: int = _knob(1, "Digit", "The digit whose label becomes 1.", options=tuple(range(10)))
    against: int = _knob(
        0,
        "Against",
        "With two digits, the one whose label becomes 0.",
        options=tuple(range(10)),
    )
    images: int = _knob(
        60_000,
        "Images",
        "How many of the training pictures are used, picked at random by the seed.",
        low=10,
        high=60_000,
    )
    features: str = _knob(
        "pixels",
        "Features",
        "What theta reads: the 784 pixels, the pixels straightened, or the directions of the "
        "strokes.",
        options=tuple(FEATURES),
    )
    solver: str = _knob(
        "preconditioned-lbfgs",
        "Solver",
        "The method that walks theta downhill to the smallest cost.",
        options=tuple(SOLVERS),
    )
    learning_rate: float | None = _knob(
        None,
        "Learning rate",
        "How far a step goes along the gradient. The two L-BFGS solvers choose it themselves; "
        "empty takes the solver's own default.",
        low=1e-5,
        high=100.0,
        log=True,
    )
    momentum: float | None = _knob(
        None,
        "Momentum",
        "How much of the last step is carried into the next (mini-batch and Adam).",
        low=0.0,
        high=0.999,
    )
    batch_size: int | None = _knob(
        None,
        "Batch size",
        "Pictures a step looks at (mini-batch and Adam).",
        low=1,
        high=60_000,
    )
    C: float = _knob(
        1.0,
        "C (L2)",
        "The inverse strength of L2. Large C trusts the data, small C keeps theta small and "
        "smooth: the cost gains theta^2 / (2 n C), the bias spared.",
        low=1e-6,
        high=1e6,
        log=True,
    )
    iterations: int = _knob(
        200,
        "Iterations",
        "The most there will be; each looks at every training picture once. A solver that has "
        "arrived stops earlier.",
        low=1,
        high=100_000,
    )
    styles: int = _knob(
        0,
        "Digits drawn by rule",
        "How many digits to add in each style that MNIST lacks: crossed 7s, flagged 1s, curly 9s.",
        low=0,
        high=5_000,
    )
    jitter: int = _knob(
        0,
        "Jittered copies",
        "How many slanted, stretched, thicker or thinner copies of each picture to add.",
        low=0,
        high=16,
    )
    tolerance: float = _knob(
        1e-5,
        "Tolerance",
        "The run has arrived when the length of the gradient falls below this.",
        low=0.0,
        high=1.0,
        log=True,
    )
    patience: int = _knob(
        0,
        "Early stopping",
        "Stop when the held-out cost has not fallen for this many iterations; 0 never stops early.",
        low=0,
        high=100_000,
    )
    seed: int = _knob(
        0,
        "Seed",
        "Starts the random numbers that pick and shuffle pictures: the same seed, the same run.",
        low=0,
        high=2**31 - 1,
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            check_setting(item.name, getattr(self, item.name))
        if self.task == "two-digits" and self.digit == self.against:
            raise UserError(
                f"Two different digits are needed, not {self.digit} twice; change one of them."
            )

    @property
    def classes(self) -> np.ndarray:
        """Which classes the run tells apart, in the form that `Weights` documents."""
        if not self.binary:
            return np.arange(10)
        return np.array([self.against if self.task == "two-digits" else REST, self.digit])

    @property
    def binary(self) -> bool:
        """Whether a single model tells two classes apart."""
        return self.task != "one-vs-all"

    @property
    def positives(self) -> np.ndarray:
        """The class that each row of theta says yes to, shape (K,)."""
        return self.classes[1:] if self.binary else self.classes


NAMES = tuple(item.name for item in fields(Settings))
DEFAULTS: dict[str, Any] = {item.name: item.default for item in fields(Settings)}
# The type of each, such as int | None.
TYPES = get_type_hints(Settings)
# Characters of a number as people write it; more is not read, nor said again.
LONGEST = 40


def knob(name: str) -> Knob:
    """The declaration of one setting."""
    return Settings.__dataclass_fields__[name].metadata["knob"]


def kind(name: str) -> type:
    """What a setting's values are, None aside: str, int or float."""
    (declared,) = {*(get_args(TYPES[name]) or [TYPES[name]])} - {NoneType}
    return declared


def read_setting(name: str, text: str) -> Any:
    """The value that a text stands for, as typed or in a link; UserError where it cannot be."""
    declared, default = knob(name), DEFAULTS[name]
    if declared.options is not None:
        named = {str(option): option for option in declared.options}
        if text not in named:
            raise UserError(f"{declared.label} cannot be {_quoted(text)}; {range_words(declared)}.")
        return named[text]
    if not text.strip() and default is None:
        return None
    value = read_number(declared, kind(name), text, infinite=name == "C")
    check_setting(name, value)
    return value


def setting_text(name: str, value: Any) -> str:
    """The text that `read_setting` reads this value back from."""
    if value is None:
        return ""
    return f"{value:.12g}" if kind(name) is float else str(value)


def read_number(declared: Knob, number: type, text: str, infinite: bool = False) -> Any:
    """The int or float that a text stands for; UserError where it is none within the bounds.

    A whole number may have its thousands set apart, as the bounds are when they are said, and
    may be written 6e4.
    """
    try:
        if len(text) > LONGEST:
            raise ValueError
        if number is float:
            value = float(text)
        elif re.fullmatch(r"[\s\d+-]+", plain := re.sub("[,\u00a0 ]", "", text)):
            value = int(plain)
        elif not (value := float(plain)).is_integer():
            raise ValueError
        else:
            value = int(value)
    except (ValueError, OverflowError):
        if not text.strip():
            raise UserError(f"{declared.label} is empty; {range_words(declared)}.") from None
        point = ", with a point for decimals" if "," in text and number is float else ""
        raise UserError(
            f"{declared.label} cannot be {_quoted(text)}; {range_words(declared)}{point}."
        ) from None
    # Written as such: 1e999 is infinite to Python, but meant to be a number.
    meant = infinite and value == math.inf and "inf" in text.lower()
    if not _within(declared, value) and not meant:
        raise UserError(f"{declared.label} cannot be {_quoted(text)}; {range_words(declared)}.")
    return value


def range_words(declared: Knob) -> str:
    """'choose a value from 10 to 60,000', or the options to choose among."""
    if declared.options is not None:
        return f"choose among {', '.join(map(str, declared.options))}"
    return f"choose a value from {_figure(declared.low)} to {_figure(declared.high)}"


def check_setting(name: str, value: Any) -> None:
    """Raise UserError, with a sentence on what would do, if a setting cannot have this value."""
    declared = knob(name)
    if value is None:
        if DEFAULTS[name] is None:
            return
        raise UserError(f"{declared.label} is missing; {range_words(declared)}.")
    if declared.options is not None:
        fits = value in declared.options
    else:
        # C may be infinite: no L2 at all.
        fits = _within(declared, value) or (name == "C" and value == math.inf)
    if not fits:
        given = repr(value) if isinstance(value, str) else str(value)
        raise UserError(f"{declared.label} cannot be {_short(given)}; {range_words(declared)}.")


def _within(declared: Knob, value: float) -> bool:
    assert declared.low is not None
    assert declared.high is not None
    return declared.low <= value <= declared.high  # which nan is not


def _figure(value: float | None) -> str:
    assert value is not None
    whole = float(value).is_integer()
    return f"{int(value):,}" if whole else np.format_float_positional(value, trim="-")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _quoted(text: str) -> str:
    return repr(_short(text))
