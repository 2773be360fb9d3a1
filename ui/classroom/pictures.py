"""What an answer shows where there is no page to show it: charts from a lesson's few words."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from lrcore import facts
from lrcore.errors import UserError
from lrcore.reading import Reader, with_article
from lrcore.sweep import Result, curve, plan
from lrcore.training import HOLDOUT
from lrcore.two_numbers import NUMBERS
from lrcore.valley import PASSES
from lrcore.weights import Weights
from ui.answers import class_names, counted
from ui.charts import (
    bars_in_words,
    in_house_style,
    prepared,
    probability_chart,
    probability_rows,
)
from ui.classroom.files import Lesson
from ui.device import on_phone
from ui.heatmaps import LARGE, colour_limit, describe, ink_chart, parts, row_names, weight_chart
from ui.palette import DIGITS
from ui.plain import minus
from ui.plane import corners, description, titles
from ui.threshold_charts import histograms
from ui.train.sweep_charts import curve_chart, curve_rows
from ui.two_numbers_charts import line_chart, lines_of
from ui.valley_ground import SHORT, two_number_ground
from ui.weights_view import mean_image

# The highest cost drawn, so that one leap does not flatten all else.
TALLEST = 20.0
# Pixels of a chart's letters on a projector.
LETTERS = 17


class Picture(NamedTuple):
    """A chart's specification, its title and its words; whether its size is its own."""

    spec: dict
    title: str
    alt: str
    square: bool


def pictures(lesson: Lesson) -> list[Picture]:
    """All pictures of a lesson; UserError where one cannot be."""
    runs = [words.split()[1:] for words in lesson.picture if words.split()[0] == "run"]
    found = [_picture(lesson, words) for words in lesson.picture if words.split()[0] != "run"]
    return found + ([_curves(lesson, runs)] if runs else [])


def show(lesson: Lesson) -> None:
    """Put a lesson's pictures side by side, or one below the other where there is no room."""
    with st.container(horizontal=True, horizontal_alignment="center"):
        for picture in pictures(lesson):
            with st.container(width=LARGE if picture.square else 640, gap="xsmall"):
                st.markdown(f"**{picture.title}**")
                st.vega_lite_chart(
                    spec=picture.spec if picture.square or on_phone() else larger(picture.spec),
                    theme=None,
                    alt=picture.alt,
                    width="content" if picture.square else "stretch",
                )


def larger(spec: dict) -> dict:
    """The same chart with letters for the last row of a class."""
    config = spec.get("config", {})
    sizes = {"labelFontSize": LETTERS, "titleFontSize": LETTERS}
    return {
        **spec,
        "config": config | {of: config.get(of, {}) | sizes for of in ("axis", "legend")},
    }


def _picture(lesson: Lesson, words: str) -> Picture:
    name, *rest = words.split()
    if name == "run-bars" and rest:
        return _run_bars(lesson, *rest)
    if name == "two-numbers":
        return _two_numbers(lesson, *rest)
    if name == "valley":
        return _valley(lesson, rest)
    if name not in KINDS or len(rest) != KINDS[name][0]:
        known = ", ".join([*KINDS, "run", "run-bars", "valley", "two-numbers"])
        raise UserError(f"'{words}' is no picture of a lesson; known are {known}.")
    return KINDS[name][1](lesson, *rest)


def _theta(lesson: Lesson, model: str, digit: str) -> Picture:
    weights, values = _row(lesson, model, digit)
    part = parts(weights.features)[0]
    title = f"Theta of {row_names(weights)[int(digit)]}, {model}"
    chart = prepared(weight_chart, part, values, _theta_limit(lesson, weights), LARGE)
    return Picture(chart, title, describe(part, values, title), True)


def _row(lesson: Lesson, model: str, digit: str) -> tuple[Weights, np.ndarray]:
    """A model, and one of its thetas without the bias."""
    weights = lesson.sources.model(model)
    if not digit.isdigit() or int(digit) >= len(weights.theta):
        raise UserError(f"{model} has no theta of {digit}.")
    return weights, weights.theta[int(digit), 1:]


def _theta_limit(lesson: Lesson, weights: Weights) -> float:
    """Where the colours end: at one place for all thetas of a lesson that weigh the same, since
    they are compared and no legend tells them apart."""
    rows = [
        _row(lesson, *rest)
        for name, *rest in (words.split() for words in lesson.picture)
        if name == "theta" and len(rest) == KINDS[name][0]
    ]
    return max(colour_limit(row) for other, row in rows if other.features == weights.features)


def _mean(lesson: Lesson, digit: str) -> Picture:
    if digit not in list("0123456789"):
        raise UserError(f"'{digit}' is no digit.")
    chart = prepared(ink_chart, mean_image(int(digit), straight=False))
    return Picture(chart, f"The mean of all {digit}s", f"The mean of all {digit}s.", True)


def _test(lesson: Lesson, index: str) -> Picture:
    label = with_article(facts.in_words(f"label {index}", lesson.sources)).capitalize()
    image = lesson.sources.mnist("test").images[int(index)]
    return Picture(prepared(ink_chart, image / 255), f"{label} of the test set", f"{label}.", True)


def _valley(lesson: Lesson, solvers: list[str]) -> Picture:
    if not solvers or set(solvers) - set(SHORT):
        raise UserError(f"A valley's picture needs some of {', '.join(SHORT)}.")
    seen = two_number_ground(lesson.walks, square=False)
    spec, said = seen.chart([SHORT[name] for name in solvers], PASSES, LARGE)
    return Picture(spec, "The valley of the cost", said, True)


def _bars(lesson: Lesson, model: str, index: str) -> Picture:
    answer = facts.in_words(f"answer {model} {index}", lesson.sources)
    weights = lesson.sources.model(model)
    image = lesson.sources.mnist("test").images[[int(index)]]
    rows = probability_rows(
        class_names(weights), Reader(weights).read(image).probabilities[0], answer
    )
    said = bars_in_words(rows)
    spec = probability_chart(rows)
    return Picture(spec, f"What {model} says", f"Probability of each digit: {said}", False)


def _run_bars(lesson: Lesson, index: str, *changes: str) -> Picture:
    """A test picture's ten bars at the end of the lesson's run, with changes."""
    p = facts.run_bars(lesson.sources, index, changes)
    names = [str(digit) for digit in range(len(p))]
    rows = probability_rows(names, p, names[int(p.argmax())])
    said = bars_in_words(rows)
    steps = facts.changed(lesson.settings, changes).iterations
    label = with_article(facts.in_words(f"label {index}", lesson.sources)).capitalize()
    spec = probability_chart(rows)
    title = f"{label} after {counted(steps, 'iteration')}"
    return Picture(spec, title, f"{title}. Probability of each digit: {said}", False)


def _sweep(lesson: Lesson) -> Picture:
    """What the sweep of the lesson's link comes to."""
    if len(lesson.swept) != 1:
        raise UserError("The link of this lesson sweeps no setting by itself.")
    ((name, _),) = lesson.swept.items()
    results = []
    for given, settings in plan(lesson.settings, lesson.swept):
        run = lesson.sources.trained(settings)
        last = run.history[-1]
        heldout = last.heldout_cost, last.heldout_accuracy, HOLDOUT
        results.append(Result(given, settings, math.nan, run.accuracy, *heldout, run.theta, ""))
    rows = curve_rows(curve(results), name, "accuracy")
    said = "; ".join(f"{row.place}, {row.curve}: {row.y:.1%}" for row in rows.itertuples())
    return Picture(
        prepared(curve_chart, rows, name, "accuracy"), "Read right", f"Accuracy. {said}", False
    )


def _scores(lesson: Lesson, model: str, digit: str, score: str) -> Picture:
    """The scores that a digit's model gives, and a bar at one of them."""
    missed, alarms = (
        facts.in_words(f"{what} {model} {digit} {score}", lesson.sources)
        for what in ("missed", "false-alarms")
    )
    scores, truth = lesson.sources.scored(lesson.sources.model(model))
    yes = truth == int(digit)
    chart = prepared(histograms, scores[:, int(digit)], yes, float(score), with_article(digit))
    title = f"The bar at {minus(f'{float(score):g}')}: {missed} missed, {alarms} false alarms"
    return Picture(chart, title, f"Histograms of scores. {title}.", False)


def _two_numbers(lesson: Lesson, *changes: str) -> Picture:
    found, theta = facts.learned_line(lesson.sources.mnist("train"), lesson.choice, changes)
    no, yes = found.choice.digits
    title = f"{no} and {yes}, {NUMBERS[found.choice.numbers].lower()}"
    for steps in (change for change in changes if change.startswith("steps=")):
        title += f", after {counted(int(steps.removeprefix('steps=')), 'step')}"
    chart = prepared(
        line_chart,
        found.raw,
        found.pictures.labels,
        found.choice.digits,
        titles(found),
        lines_of(found, theta),
    )
    return Picture(chart, title, description(found, theta, *corners(found.X)), True)


KINDS: dict[str, tuple[int, Callable[..., Picture]]] = {
    "theta": (2, _theta),
    "mean": (1, _mean),
    "test": (1, _test),
    "bars": (2, _bars),
    "scores": (3, _scores),
    "sweep": (0, _sweep),
}


def _curves(lesson: Lesson, changes: list[list[str]]) -> Picture:
    tables, said = [], []
    for words in changes:
        run = lesson.sources.trained(facts.changed(lesson.settings, tuple(words)))
        name = ", ".join(words) or "as asked"
        for which, costs in (
            ("training", [point.cost for point in run.history]),
            ("held-out", [point.heldout_cost for point in run.history]),
        ):
            table = pd.DataFrame({"iteration": range(len(costs)), "cost": costs, "of": which})
            tables.append(table.assign(run=name))
            said.append(f"{name}, {which}: {costs[0]:.2f} at first, {costs[-1]:.3g} at last")
    chart = prepared(curves_chart, pd.concat(tables))
    return Picture(chart, "Cost", "Cost. " + "; ".join(said), False)


def curves_chart(rows: pd.DataFrame) -> alt.Chart:
    """The costs of some runs; a row an iteration: run, iteration, cost, of 'training' or not."""
    names = list(dict.fromkeys(rows["run"]))
    chart = (
        alt.Chart(rows, height=320)
        .mark_line(strokeWidth=3, clip=True)
        .encode(
            x=alt.X("iteration:Q", title="iterations"),
            y=alt.Y(
                "cost:Q",
                title="cost",
                scale=alt.Scale(domain=[0, min(TALLEST, float(rows["cost"].max()))]),
            ),
            color=alt.Color(
                "run:N", title=None, scale=alt.Scale(domain=names, range=DIGITS[: len(names)])
            ),
            strokeDash=alt.StrokeDash(
                "of:N", title=None, scale=alt.Scale(domain=["training", "held-out"])
            ),
        )
    )
    return in_house_style(chart)
