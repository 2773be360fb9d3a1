"""What can be said of a model, a picture or a run, computed from it: a word for each, by name.

A lesson asks for facts in a line of words, such as `loud-against pixels-6000 0 middle`; see
`lessons/README.md`.  What the pages themselves say of a model comes from the same functions.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from lrcore.data import Dataset
from lrcore.errors import UserError
from lrcore.features import FEATURES, extract
from lrcore.frame import BOX, CENTRE, SIDE
from lrcore.reading import Reader
from lrcore.settings import NAMES, Settings, read_setting
from lrcore.solvers import SOLVERS
from lrcore.thresholds import Counts, counts_at, roc_auc
from lrcore.training import Point, Run, RunRequest, bars
from lrcore.two_numbers import (
    Choice,
    Line,
    TwoNumbers,
    accuracy,
    line_of,
    read_choice,
    two_numbers,
)
from lrcore.valley import THERE, Walked, Walks, Way, two_number_walks
from lrcore.valley import changed as changed_walks
from lrcore.weights import REST, Weights

# How many weights count as the loudest.
LOUDEST = 12


class Sources(NamedTuple):
    """Where facts come from.

    model : the weights of a name; UserError where there is none.
    mnist : MNIST's 'train' or 'test' part.
    counted : a model's confusion matrix on the test set, truth by answer.
    scored : its scores there, shape (n, classes), and the true classes' places, shape (n,).
    trained : what came of a run.
    settings : those of the lesson's own run.
    walks : down the lesson's own valley; `walked`, what came of some.
    choice : of the lesson's own two numbers.
    """

    model: Callable[[str], Weights]
    mnist: Callable[[str], Dataset]
    counted: Callable[[Weights], np.ndarray]
    scored: Callable[[Weights], tuple[np.ndarray, np.ndarray]]
    trained: Callable[[Settings], Trained]
    settings: Settings = Settings()
    walks: Walks = Walks()
    walked: Callable[[Walks], Walked] | None = None
    choice: Choice = Choice()


@dataclass(frozen=True)
class Trained:
    """A run that has ended.

    history : its points; the costs are in them.
    learned : the labels of the pictures it learned from, shape (n,).
    accuracy : the share of those that it reads right.
    theta : shape (K, 1 + D).
    """

    history: tuple[Point, ...]
    learned: np.ndarray
    accuracy: float
    theta: np.ndarray


def train(settings: Settings, data: Dataset) -> Trained:
    """Train with these settings, as the Train page does."""
    run = Run(RunRequest(settings, data))
    history = tuple(run.steps())
    learned = run.pictures.learned
    reader = Reader(Weights(run.theta, settings.classes, settings.features))
    labels = learned.labels.astype(int)
    truth = np.where(np.isin(labels, settings.classes), labels, REST)
    right = reader.judge(learned.X).digits == truth
    return Trained(history, learned.labels, float(right.mean()), run.theta)


def places() -> dict[str, np.ndarray]:
    """Parts of a 28x28 picture by name, bool (28, 28).

    'middle' is where a 0 has its hole; 'rim' is outside the box of 20x20 that digits are fitted
    into, where ink comes only when the centre of mass is far from the box's own.
    """
    row, column = np.indices((SIDE, SIDE))
    middle = (abs(row + 0.5 - CENTRE) < 5) & (abs(column + 0.5 - CENTRE) < 3)
    rim = np.maximum(abs(row + 0.5 - CENTRE), abs(column + 0.5 - CENTRE)) > BOX / 2
    return {"middle": middle, "rim": rim, "between": ~middle & ~rim}


def loudest_against(weights: Weights, row: int) -> np.ndarray:
    """Where the LOUDEST weights below zero of a row of theta lie, the lowest first."""
    return np.argsort(weights.theta[row, 1:], kind="stable")[:LOUDEST]


def loudest(weights: Weights) -> float:
    """The largest weight of theta by magnitude, the biases aside."""
    return float(np.abs(weights.theta[:, 1:]).max())


def roughness(theta: np.ndarray) -> float:
    """How much theta changes on average from a pixel to the one beside it; shape (K, 785)."""
    maps = theta[:, 1:].reshape(-1, SIDE, SIDE)
    steps = np.concatenate([np.diff(maps, axis=1).ravel(), np.diff(maps, axis=2).ravel()])
    return float(np.abs(steps).mean())


def learned_from(weights: Weights) -> int | None:
    """How many pictures a model learned from, all that were added counted; None if not known."""
    record = weights.record
    images = record.get("learned_from", record.get("images"))
    # Older records count only those of MNIST.
    added = record.get("styles") or record.get("jitter")
    known = isinstance(images, int) and ("learned_from" in record or not added)
    return images if known else None


def l2_divisor(weights: Weights) -> float | None:
    """n C, by which the cost divides half of theta squared; None where the record lacks either."""
    images, C = learned_from(weights), weights.record.get("C")
    if images is None or not isinstance(C, (int, float)):
        return None
    return images * float(C)


def _theta_in(of: Sources, model: str, digit: str, place: str) -> float:
    weights = _picture_model(of, model)
    return float(weights.theta[_row(weights, digit), 1:].reshape(SIDE, SIDE)[_place(place)].mean())


def _loud_against(of: Sources, model: str, digit: str, place: str) -> float:
    weights = _picture_model(of, model)
    return int(_place(place).ravel()[loudest_against(weights, _row(weights, digit))].sum())


def _loudest(of: Sources, model: str) -> float:
    return loudest(of.model(model))


def _roughness(of: Sources, model: str) -> float:
    return roughness(_picture_model(of, model).theta)


def _l2_divisor(of: Sources, model: str) -> float:
    divisor = l2_divisor(of.model(model))
    if divisor is None:
        raise UserError(f"The record of {model} does not say how strong its L2 was.")
    return divisor


def _images(of: Sources, model: str) -> float:
    images = learned_from(of.model(model))
    if images is None:
        raise UserError(f"The record of {model} does not say what it learned from.")
    return images


def _accuracy(of: Sources, model: str) -> float:
    return _recorded(of, model, "test_accuracy")


def _recorded(of: Sources, model: str, name: str) -> float:
    value = of.model(model).record.get(name)
    if not isinstance(value, (int, float)):
        raise UserError(f"The record of {model} has no {name}.")
    return value


def _ink(of: Sources, digit: str, place: str) -> float:
    """Of 'others-than-0', the mean over all digits but 0."""
    data = of.mnist("train")
    others = digit.startswith("others-than-")
    same = data.labels == _digit(digit.removeprefix("others-than-"))
    return float(data.images[~same if others else same][:, _place(place)].mean()) / 255


def _probability(of: Sources, model: str, index: str, rank: str) -> float:
    _, p = _read(of, model, index)
    return float(-np.sort(-p)[_whole(rank, 1, len(p)) - 1])


def _answer(of: Sources, model: str, index: str, rank: str = "1") -> float:
    classes, p = _read(of, model, index)
    return int(classes[np.argsort(-p, kind="stable")[_whole(rank, 1, len(p)) - 1]])


def _label(of: Sources, index: str) -> float:
    labels = of.mnist("test").labels
    return int(labels[_whole(index, 0, len(labels) - 1)])


def _read(of: Sources, model: str, index: str) -> tuple[np.ndarray, np.ndarray]:
    images = of.mnist("test").images
    weights = of.model(model)
    readings = Reader(weights).read(images[[_whole(index, 0, len(images) - 1)]])
    return weights.classes, readings.probabilities[0]


def _mistaken(of: Sources, model: str, truth: str, answer: str) -> float:
    return int(_confusion(of, model)[_digit(truth), _digit(answer)])


def _most_mistaken(of: Sources, model: str, which: str) -> float:
    counts = _confusion(of, model).copy()
    np.fill_diagonal(counts, 0)
    truth, answer = np.unravel_index(counts.argmax(), counts.shape)
    if which not in ("truth", "answer", "count"):
        raise UserError(f"'{which}' is not truth, answer or count.")
    return int({"truth": truth, "answer": answer, "count": counts.max()}[which])


def _confusion(of: Sources, model: str) -> np.ndarray:
    weights = of.model(model)
    if len(weights.classes) != 10:
        raise UserError(f"{model} does not tell ten digits apart.")
    return of.counted(weights)


def _at_the_bar(of: Sources, model: str, digit: str, score: str) -> Counts:
    """What the yes and no of a digit's model come to, yes from this score on."""
    try:
        bar = float(score)
    except ValueError:
        raise UserError(f"'{score}' is no score.") from None
    return counts_at(*_yes_or_no(of, model, digit), bar)


def _yes_or_no(of: Sources, model: str, digit: str) -> tuple[np.ndarray, np.ndarray]:
    """The scores of a digit's model on the test set, and which pictures are of that digit."""
    weights = of.model(model)
    if len(weights.classes) != 10:
        raise UserError(f"{model} does not tell ten digits apart.")
    scores, truth = of.scored(weights)
    return scores[:, _digit(digit)], truth == _digit(digit)


def _precision(of: Sources, model: str, digit: str, score: str) -> float:
    return _at_the_bar(of, model, digit, score).precision


def _recall(of: Sources, model: str, digit: str, score: str) -> float:
    return _at_the_bar(of, model, digit, score).recall


def _missed(of: Sources, model: str, digit: str, score: str) -> float:
    return _at_the_bar(of, model, digit, score).fn


def _false_alarms(of: Sources, model: str, digit: str, score: str) -> float:
    return _at_the_bar(of, model, digit, score).fp


def _roc_area(of: Sources, model: str, digit: str) -> float:
    return roc_auc(*_yes_or_no(of, model, digit))


def _run_bar(of: Sources, index: str, digit: str, *changes: str) -> float:
    return float(run_bars(of, index, changes)[_digit(digit)])


def _run_answer(of: Sources, index: str, *changes: str) -> float:
    return int(run_bars(of, index, changes).argmax())


def run_bars(of: Sources, index: str, changes: tuple[str, ...]) -> np.ndarray:
    """The ten bars of a test picture at the end of the lesson's run, with changes; shape (10,)."""
    settings = changed(of.settings, changes)
    if settings.binary:
        raise UserError("The run of this lesson has no ten bars.")
    images = of.mnist("test").images
    image = images[[_whole(index, 0, len(images) - 1)]]
    return bars(settings, of.trained(settings).theta, extract(settings.features, image))[0]


_OF_A_RUN: dict[str, tuple[Callable[[Trained], float], str]] = {
    "first": (lambda run: run.history[0].cost, "{:.2f}"),
    "last": (lambda run: run.history[-1].cost, "{:.3g}"),
    "highest": (lambda run: max(point.cost for point in run.history), "{:.3g}"),
    "rises": (lambda run: int(sum(np.diff([p.cost for p in run.history]) > 0)), "{:,}"),
    "steps": (lambda run: run.history[-1].iteration, "{:,}"),
    "heldout-first": (lambda run: run.history[0].heldout_cost, "{:.3g}"),
    "heldout-last": (lambda run: run.history[-1].heldout_cost, "{:.3g}"),
    "heldout-lowest": (lambda run: min(p.heldout_cost for p in run.history), "{:.3g}"),
    "heldout-accuracy": (lambda run: run.history[-1].heldout_accuracy, "{:.1%}"),
    "accuracy": (lambda run: run.accuracy, "{:.1%}"),
    "digits": (lambda run: len(np.unique(run.learned)), "{:,}"),
    "loudest": (lambda run: float(np.abs(run.theta[:, 1:]).max()), "{:.1f}"),
    "roughness": (lambda run: roughness(run.theta), "{:.2f}"),
}


def _run(of: Sources, what: str, *changes: str) -> float:
    function, _ = _of(_OF_A_RUN, what, "of a run")
    return function(of.trained(changed(of.settings, changes)))


# Facts of one solver's way; what it never reaches counts as infinitely far.
_OF_A_WAY: dict[str, tuple[Callable[[Walked, str], float], str]] = {
    "passes": (lambda found, name: _arrival(found, name), "{:,.0f}"),
    "crossings": (lambda found, name: found.valley.crossings(found.ways[name]), "{:,}"),
    "off-course": (lambda found, name: _angle(found.valley.off_course, found, name, 0), "{:.0f}"),
    "last-off-course": (lambda found, name: _angle(found.valley.off_course, found, name), "{:.0f}"),
    "slope-off-course": (
        lambda found, name: _angle(functools.partial(_slope, found), found, name),
        "{:.0f}",
    ),
    "above": (
        lambda found, name: float(found.ways[name].costs.min()) / found.valley.lowest - 1,
        "{:.2%}",
    ),
}


def _arrival(found: Walked, solver: str) -> float:
    passes = found.valley.passes_until(found.ways[solver], THERE)
    return math.inf if passes is None else passes


def _slope(found: Walked, way: Way) -> np.ndarray:
    assert found.loss is not None
    return found.valley.slope_off_course(way, found.loss)


def _angle(
    of: Callable[..., np.ndarray], found: Walked, solver: str, step: int | None = None
) -> float:
    """Of one step of a solver; of that which arrives, or is the last, by default."""
    angles = of(found.ways[solver])
    if step is None:
        step = int(min(_arrival(found, solver), len(angles))) - 1
    return float(angles[step])


def _valley(of: Sources, what: str, *words: str) -> float:
    solver = [word for word in words if "=" not in word]
    texts = dict(word.split("=", 1) for word in words if "=" in word)
    walks = changed_walks(of.walks, texts)
    walked = of.walked or (lambda asked: two_number_walks(asked, of.mnist("train")))
    if what == "longer" and not solver:
        return walked(walks).valley.elongation
    function, _ = _of(_OF_A_WAY, what, "of a way")
    if len(solver) != 1 or solver[0] not in SOLVERS:
        raise UserError(f"'valley {what}' needs one of {', '.join(SOLVERS)}.")
    return function(walked(walks), solver[0])


_OF_TWO_NUMBERS: dict[str, tuple[Callable[[TwoNumbers, np.ndarray, Sources], float], str]] = {
    "cost": (lambda two, theta, of: two.cost(theta), "{:.3f}"),
    "accuracy": (lambda two, theta, of: accuracy(theta, two.X, two.y), "{:.1%}"),
    "unseen-accuracy": (lambda two, theta, of: _unseen_accuracy(two, theta, of), "{:.1%}"),
    "angle": (lambda two, theta, of: _line(theta).angle, "{:.0f}°"),
    "steepness": (lambda two, theta, of: _line(theta).steepness, "{:.1f}"),
}


def _two_numbers(of: Sources, what: str, *changes: str) -> float:
    function, _ = _of(_OF_TWO_NUMBERS, what, "of two numbers")
    two, theta = learned_line(of.mnist("train"), of.choice, changes)
    return float(function(two, theta, of))


def learned_line(
    data: Dataset, choice: Choice, changes: tuple[str, ...]
) -> tuple[TwoNumbers, np.ndarray]:
    """Two numbers, and the theta (1, 3) learned of them.

    changes : of the choice, such as 'digits=3,8'; 'steps=3' asks for where gradient descent from
        zero is by then, in place of where it has learned.
    """
    texts = dict(change.partition("=")[::2] for change in changes)
    steps = texts.pop("steps", None)
    two = two_numbers(data, read_choice(texts, choice))
    if steps is None:
        return two, two.learning()[-1].theta
    return two, two.way(steps=_whole(steps, 0, 1000))[-1].theta


def _line(theta: np.ndarray) -> Line:
    line = line_of(theta)
    if line is None:
        raise UserError("Where theta is zero there is no line.")
    return line


def _unseen_accuracy(two: TwoNumbers, theta: np.ndarray, of: Sources) -> float:
    return accuracy(theta, *two.of(of.mnist("test")))


def changed(settings: Settings, changes: tuple[str, ...]) -> Settings:
    """Settings with changes such as 'learning_rate=0.5'; UserError where they cannot be."""
    values = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or name not in NAMES:
            raise UserError(f"'{change}' is no setting of a run; known are {', '.join(NAMES)}.")
        values[name] = read_setting(name, text)
    return replace(settings, **values)


# By name: how it is computed, and how it is written in a sentence.
FACTS: dict[str, tuple[Callable[..., float], str]] = {
    "theta": (_theta_in, "{:+.2f}"),
    "loud-against": (_loud_against, "{:,}"),
    "loudest": (_loudest, "{:.1f}"),
    "roughness": (_roughness, "{:.2f}"),
    "l2-divisor": (_l2_divisor, "{:,.0f}"),
    "images": (_images, "{:,}"),
    "accuracy": (_accuracy, "{:.2%}"),
    "ink": (_ink, "{:.2f}"),
    "probability": (_probability, "{:.2f}"),
    "answer": (_answer, "{}"),
    "label": (_label, "{}"),
    "mistaken": (_mistaken, "{:,}"),
    "most-mistaken": (_most_mistaken, "{}"),
    "precision": (_precision, "{:.1%}"),
    "recall": (_recall, "{:.1%}"),
    "missed": (_missed, "{:,}"),
    "false-alarms": (_false_alarms, "{:,}"),
    "roc-area": (_roc_area, "{:.3f}"),
    "run-bar": (_run_bar, "{:.2f}"),
    "run-answer": (_run_answer, "{}"),
    "run": (_run, "{:.3g}"),
    "valley": (_valley, "{:.1f}"),
    "two-numbers": (_two_numbers, "{:.3g}"),
}
# Those whose first word says how they are written.
_FORMS: dict[str, Mapping[str, tuple[Callable[..., float], str]]] = {
    "run": _OF_A_RUN,
    "valley": _OF_A_WAY,
    "two-numbers": _OF_TWO_NUMBERS,
}


def fact(asked: str, of: Sources) -> float:
    """The number that words such as 'accuracy pixels' ask for; UserError where they cannot be."""
    name, *words = asked.split() or [""]
    function, _ = _of(FACTS, name, "to compute")
    try:
        return function(of, *words)
    except TypeError as error:
        if re.search(r"\d positional|required positional", str(error)) is None:
            raise
        raise UserError(f"'{asked}' has too few words or too many.") from None


def in_words(asked: str, of: Sources) -> str:
    """The same, as it is written in a sentence; 'ratio A / B' is how many times B goes into A."""
    if (ratio := re.fullmatch(r"ratio (.+) / (.+)", asked)) is not None:
        return f"{fact(ratio[1], of) / fact(ratio[2], of):.3g}"
    value = fact(asked, of)
    name, *words = asked.split()
    _, form = _FORMS.get(name, FACTS).get(words[0] if words else "", FACTS[name])
    return form.format(value).replace("-", "−")


def filled(text: str, of: Sources) -> str:
    """A text with each fact in braces computed."""
    return re.sub(r"\{([^{}]+)\}", lambda match: in_words(match[1], of), text)


def holds(claim: str, of: Sources) -> bool:
    """Whether a claim is true, such as 'accuracy pixels > 0.9'; facts or numbers at both sides."""
    match = re.fullmatch(r"\s*(.+?)\s+(<|>|=)\s+(.+?)\s*", claim)
    if match is None:
        raise UserError(f"'{claim}' is not two facts or numbers with <, > or = between them.")
    left, right = (_side(side, of) for side in (match[1], match[3]))
    return left < right if match[2] == "<" else left > right if match[2] == ">" else left == right


def _side(text: str, of: Sources) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    if (times := re.fullmatch(r"(\S+)\s+\*\s+(.+)", text)) is not None:
        return _side(times[1], of) * _side(times[2], of)
    return fact(text, of)


def _of(table: Mapping, name: str, what: str) -> tuple:
    if name not in table:
        raise UserError(f"There is nothing {what} called '{name}'; known are {', '.join(table)}.")
    return table[name]


def _picture_model(of: Sources, name: str) -> Weights:
    weights = of.model(name)
    if not FEATURES[weights.features].picture:
        raise UserError(f"The theta of {name} is no picture.")
    return weights


def _row(weights: Weights, digit: str) -> int:
    return _whole(digit, 0, len(weights.theta) - 1)


def _place(name: str) -> np.ndarray:
    known = places()
    if name not in known:
        raise UserError(f"'{name}' is no part of a picture; known are {', '.join(known)}.")
    return known[name]


def _digit(text: str) -> int:
    return _whole(text, 0, 9)


def _whole(text: str, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
        raise UserError(f"'{text}' is no number from {low} to {high}.")
    return int(text)
