"""Lessons as they lie in `lessons/`: read, checked, and filled with facts computed here."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import streamlit as st

from lrcore import facts
from lrcore.errors import UserError
from lrcore.places import LESSONS_FOLDER
from lrcore.settings import NAMES, Settings, read_setting
from lrcore.sweep import plan
from lrcore.two_numbers import TEXTS, Choice
from lrcore.valley import OPTIONS, Walks, changed
from lrcore.weights import Weights
from ui.mistakes import study
from ui.models import get_model, mnist, model_names
from ui.train.controls import LABELS
from ui.train.links import PIN, SEEDS, SHOW, SWEEP, read_link, read_pin, read_sweep
from ui.train.sweep import MOST_SEEDS, OFFERED, read_values
from ui.two_numbers import LINE
from ui.two_numbers import read_link as read_link_of_two
from ui.valley_ground import two_number_ground
from ui.weights_view import VIEWS

# The words of a file, and what each must be.
FIELDS: dict[str, type] = {
    "question": str,
    "task": str,
    "link": str,
    "choices": list,
    "right": int,
    "answer": str,
    "holds": list,
    "picture": list,
}
# What a link may set, by the page that it opens; on Train that is the settings.
PARAMETERS = {
    "predict": ("model", "test"),
    "weights": ("model", "digit", "view"),
    "mistakes": ("model", "truth", "answer", "bar"),
    "hand": ("model",),
    "train": (*NAMES, SHOW, SWEEP, SEEDS, PIN),
    "valley": tuple(OPTIONS),
    "two-numbers": (*TEXTS, LINE),
}
MOST_BYTES = 20_000
# How many MNIST has.
TEST_PICTURES = 10_000


@dataclass(frozen=True)
class Lesson:
    """A question to answer before looking, the page that shows, and the answer.

    name : the file's, without its number; it stands in addresses.
    page, query : what the link opens, and what it sets there.
    choices, right : the guesses offered, and which of them is right, counted from 0.
    answer : with facts in braces, still to be computed; see `lrcore.facts`.
    holds : claims that must be true for the lesson to be.
    picture : what to show with the answer; see `ui.classroom.pictures`.
    """

    name: str
    question: str
    task: str
    page: str
    query: dict[str, str]
    choices: tuple[str, ...]
    right: int
    answer: str
    holds: tuple[str, ...]
    picture: tuple[str, ...]

    @property
    def settings(self) -> Settings:
        """Those of the run that the link is about; the defaults where it is about none."""
        if self.page != "train":
            return Settings()
        return Settings(**{n: read_setting(n, v) for n, v in self.query.items() if n in NAMES})

    @property
    def walks(self) -> Walks:
        """Those down the valley that the link is about; the defaults where it is about none."""
        return changed(Walks(), self.query) if self.page == "valley" else Walks()

    @property
    def page_name(self) -> str:
        """The page as buttons call it."""
        return self.page.replace("-", " ").capitalize()

    @property
    def choice(self) -> Choice:
        """Of the two numbers that the link is about; the defaults where it is about none."""
        return read_link_of_two(self.query)[0] if self.page == "two-numbers" else Choice()

    @property
    def sources(self) -> facts.Sources:
        """Where its facts come from."""
        return facts.Sources(
            _model,
            mnist,
            _counted,
            _scored,
            trained,
            self.settings,
            self.walks,
            lambda walks: two_number_ground(walks, square=False).found,
            self.choice,
        )

    @property
    def swept(self) -> dict[str, list]:
        """The values that the link's sweep tries, by setting; empty where it has none."""
        if SWEEP not in self.query:
            return {}
        texts, _ = read_sweep(self.query[SWEEP], self.query.get(SEEDS), OFFERED, MOST_SEEDS)
        return {name: read_values(name, text) for name, text in texts.items()}

    def answered(self) -> str:
        """The answer with its facts; UserError where one cannot be computed."""
        return facts.filled(self.answer, self.sources)


def read_lesson(text: str, name: str) -> Lesson:
    """A lesson from its file's text; UserError, with a sentence on what to mend."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The lesson {name} cannot be read: {error}.") from error
    if unknown := set(found) - set(FIELDS):
        raise UserError(f"The lesson {name} has '{min(unknown)}'; known are {', '.join(FIELDS)}.")
    found = {"holds": [], "picture": []} | found
    for field, kind in FIELDS.items():
        value = found.get(field)
        listed = kind is list and isinstance(value, list) and all(isinstance(v, str) for v in value)
        if not (listed or (kind is not list and type(value) is kind)):
            what = {str: "a text", int: "a number", list: "a list of texts"}[kind]
            raise UserError(f"The lesson {name} needs '{field}', {what}.")
    if len(found["choices"]) < 2 or len(set(found["choices"])) < len(found["choices"]):
        raise UserError(f"The lesson {name} needs two different choices or more.")
    if not 1 <= found["right"] <= len(found["choices"]):
        raise UserError(
            f"The lesson {name} says that choice {found['right']} is right, of "
            f"{len(found['choices'])}; they are counted from 1."
        )
    link = urlsplit(found.pop("link"))
    if link.scheme or link.netloc or link.path not in PARAMETERS:
        raise UserError(
            f"The lesson {name} links to '{link.path}'; the pages are {', '.join(PARAMETERS)}."
        )
    query = dict(parse_qsl(link.query, keep_blank_values=True))
    lesson = Lesson(
        name=name,
        page=link.path,
        query=query,
        **found
        | {field: tuple(found[field]) for field in ("choices", "holds", "picture")}
        | {"right": found["right"] - 1},
    )
    if faults := _link_faults(lesson):
        raise UserError(f"The link of the lesson {name}: {faults[0]}")
    return lesson


def _link_faults(lesson: Lesson) -> list[str]:
    """Sentences on what the link's page would not understand."""
    known = PARAMETERS[lesson.page]
    if unknown := set(lesson.query) - set(known):
        return [f"'{min(unknown)}' is nothing it can set there; known are {', '.join(known)}."]
    if lesson.page == "train":
        texts, _, faults = read_link(lesson.query, LABELS)
        for name, text in texts.items():
            try:
                read_setting(name, text)
            except UserError as error:
                faults.append(str(error))
        if not faults:
            try:
                plan(lesson.settings, lesson.swept) if lesson.swept else lesson.settings
            except UserError as error:
                faults.append(str(error))
        if PIN in lesson.query and read_pin(lesson.query[PIN], TEST_PICTURES) is None:
            faults.append(f"'{lesson.query[PIN]}' is the number of no test picture to pin.")
        return faults
    faults = []
    try:
        # Reading these is what tells.
        _ = lesson.walks, lesson.choice
    except UserError as error:
        faults.append(str(error))
    for name, text in lesson.query.items():
        if name == "view" and text not in VIEWS:
            faults.append(f"there is no view '{text}'; known are {', '.join(VIEWS)}.")
        if name in ("digit", "truth", "answer", "bar") and text not in list("0123456789"):
            faults.append(f"'{text}' is no digit.")
        if name == "test" and read_pin(text, TEST_PICTURES) is None:
            faults.append(f"'{text}' is the number of no test picture, from 0 to 9999.")
        if name == "model" and text not in model_names():
            faults.append(f"there is no model '{text}'.")
    return faults


def lessons() -> tuple[dict[str, Lesson], list[str]]:
    """All lessons by name, in the order of their files, and sentences on those that are wrong."""
    stamps = tuple((str(path), path.stat().st_mtime_ns) for path in _files())
    return _lessons(stamps, tuple(model_names()))


def _files() -> list[Path]:
    return sorted(LESSONS_FOLDER.glob("*.toml"), key=_place)


def _place(path: Path) -> tuple[float, str]:
    """By which a lesson stands among the others: its number, then its name."""
    number = re.match(r"\d+", path.stem)
    return (int(number[0]) if number else math.inf), path.stem


@st.cache_resource(max_entries=8, show_spinner=False)
def _lessons(stamps: tuple, models: tuple) -> tuple[dict[str, Lesson], list[str]]:
    found, faults = {}, []
    for file, _ in stamps:
        path = Path(file)
        name = path.stem.lstrip("0123456789").lstrip("-") or path.stem
        try:
            with path.open(encoding="utf-8") as text:
                found[name] = read_lesson(text.read(MOST_BYTES), name)
        except (UserError, OSError, UnicodeDecodeError) as error:
            faults.append(str(error))
    return found, faults


def _model(name: str) -> Weights:
    if name not in model_names():
        raise UserError(f"There is no model {name}.")
    return get_model(name)


def _counted(weights: Weights) -> np.ndarray:
    return study(weights).counts


def _scored(weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    found = study(weights)
    return found.scores, found.truth


@st.cache_resource(max_entries=32, show_spinner="Training for the answer …")
def trained(settings: Settings) -> facts.Trained:
    """A run of the lesson's, made once for all who look."""
    return facts.train(settings, mnist("train"))
