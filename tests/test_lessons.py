"""Every lesson in `lessons/`: its link, its facts, its claims, its pictures; and what a file may
hold.
"""

import re
import tomllib

import numpy as np
import pytest

from lrcore import facts
from lrcore.errors import UserError
from lrcore.places import LESSONS_FOLDER
from lrcore.settings import Settings
from lrcore.training import Run, RunRequest
from lrcore.two_numbers import Choice, choice_texts, line_of, two_numbers
from lrcore.valley import OPTIONS
from lrcore.weights import WEIGHTS_FOLDER, Weights, load_weights
from tests.browser.driver import ROOT
from tests.helpers import open_page, seen_label
from ui.classroom.files import PARAMETERS, lessons, read_lesson
from ui.classroom.guide import LESSON
from ui.classroom.pictures import LETTERS, larger, pictures
from ui.state import (
    BAR_DIGIT,
    CHOSEN_MODEL,
    GALLERY_PICKED,
    LESSON_GUESS,
    LESSON_OPEN,
    MISTAKE_ANSWER,
    MISTAKE_TRUTH,
    PINNED,
    RUNS,
    SWEEP_SETTING,
    TRAIN_TAB,
    TWO_LEARNING,
    VALLEY,
    VALLEY_PLAYING,
    WEIGHTS_ROW,
    WEIGHTS_VIEW,
)
from ui.train.runs import Runs
from ui.train.sweep import read_values

KNOWN, FAULTS = lessons()
NAMES = list(KNOWN)
GOOD = """
question = "How many?"
task = "Guess."
link = "weights?model=pixels&digit=7"
choices = ["One", "Two"]
right = 2
answer = "It reads {accuracy pixels}."
"""


def button(app, label):
    return next(b for b in app.button if seen_label(b) == label)


def test_every_file_is_a_lesson():
    assert FAULTS == []
    assert len(NAMES) == len(list(LESSONS_FOLDER.glob("*.toml"))) >= 12
    assert NAMES[0] == "learning-rate"
    assert NAMES.index("all-say-no") > NAMES.index("better-steps")


@pytest.mark.parametrize("name", NAMES)
def test_what_a_lesson_says_is_true(name):
    lesson = KNOWN[name]
    assert lesson.holds
    assert [claim for claim in lesson.holds if not facts.holds(claim, lesson.sources)] == []
    answer = lesson.answered()
    assert not set(answer) & set("{}")
    # Whatever figure of a model the answer states is computed.
    assert "{" in lesson.answer
    for picture in pictures(lesson):
        assert picture.alt
        assert picture.spec["$schema"]
        # As large as a class needs, what else is set of it as it was.
        config = picture.spec.get("config", {}).get("axis", {})
        assert larger(picture.spec)["config"]["axis"] == config | {
            "labelFontSize": LETTERS,
            "titleFontSize": LETTERS,
        }


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_sets_its_page_up_and_is_pinned_there(app, name):
    lesson = KNOWN[name]
    app.run()
    app.switch_page(f"pages/{lesson.page}.py").run()
    app.query_params[LESSON] = name
    app.session_state[LESSON_OPEN] = ""
    app.run()
    assert not app.exception
    assert any(lesson.question in text.value for text in app.markdown)
    state, query = app.session_state, lesson.query
    held = {
        "model": CHOSEN_MODEL,
        "digit": WEIGHTS_ROW,
        "view": WEIGHTS_VIEW,
        "test": GALLERY_PICKED,
        "truth": MISTAKE_TRUTH,
        "answer": MISTAKE_ANSWER,
        "bar": BAR_DIGIT,
    }
    if "pin" in query:
        assert state[PINNED].test == int(query["pin"])
    if lesson.page == "train":
        assert state[TRAIN_TAB] == ("Sweep" if "sweep" in query else "Watch")
    for setting, values in lesson.swept.items():
        assert state[SWEEP_SETTING] == setting
        text = next(box.value for box in app.text_input if box.label.startswith("Values of"))
        assert read_values(setting, text) == values
    if "bar" in query:
        # First of what there is on the page.
        headings = [text.value for text in app.markdown if text.value.startswith("**")]
        assert headings.index("**Where to put the bar**") < headings.index("**Digit by digit**")
    if lesson.page == "valley":
        held = {name: VALLEY(name=name) for name in OPTIONS}
        assert state[VALLEY(name="passes")] == 0
    for parameter, value in query.items():
        if lesson.page == "two-numbers":
            assert choice_texts(state[TWO_LEARNING].choice)[parameter] == value
        elif parameter not in ("show", "pin", "sweep"):
            assert str(state[held.get(parameter, parameter)]) == value
    shown = [text.value for text in app.markdown]
    app.button_group(key=LESSON_GUESS(lesson=name)).set_value(lesson.right).run()
    assert [text.value for text in app.markdown] == shown
    button(app, "Reveal").click().run()
    assert any("as you guessed" in text.value for text in app.markdown)
    assert any(lesson.answered() in text.value for text in app.markdown)
    button(app, "Hide the answer").click().run()
    assert not any("as you guessed" in text.value for text in app.markdown)


def test_a_lesson_is_left_by_the_next_the_list_or_close(app):
    first, second = NAMES[:2]
    open_page(app, f"pages/{KNOWN[first].page}.py", {LESSON: first})
    app.query_params[LESSON] = first
    app.run()
    button(app, "Next lesson").click().run()
    assert not app.exception
    assert app.session_state[LESSON_OPEN] == second
    assert any(KNOWN[second].question in text.value for text in app.markdown)
    # It stays on other pages, and leads back.
    app.switch_page("pages/train.py").run()
    assert any(KNOWN[second].question in text.value for text in app.markdown)
    button(app, f"To {KNOWN[second].page_name}").click().run()
    button(app, "Back to the lessons").click().run()
    assert app.title[0].value == "How it works"
    assert LESSON_OPEN not in app.session_state
    app.switch_page("pages/weights.py").run()
    assert not any(KNOWN[second].question in text.value for text in app.markdown)


def test_a_lesson_on_training_does_not_open_on_another_curve(app, train_set):
    app.run()
    runs = app.session_state[RUNS] = Runs()
    some = train_set.take(np.arange(100))
    runs.start(RunRequest(Settings(images=50, iterations=2), some), "of the lesson before")
    app.switch_page("pages/train.py").run()
    assert runs.shown == "of the lesson before"
    app.query_params[LESSON] = "ten-images"
    app.run()
    assert not app.exception
    assert runs.shown is None
    assert list(runs.jobs) == ["of the lesson before"]


def test_the_next_lesson_of_a_page_finds_it_at_rest(app):
    open_page(app, "pages/valley.py")
    app.session_state[VALLEY_PLAYING] = True
    app.query_params[LESSON] = "ten-passes"
    app.run()
    assert not app.exception
    assert not app.session_state[VALLEY_PLAYING]
    assert app.session_state[VALLEY(name="passes")] == 0
    # A line that has learned would answer what the first step is asked.
    for _ in range(2):
        app.switch_page("pages/how.py").run()
        app.button(key="open-lesson-first-step").click().run()
        assert not app.session_state[TWO_LEARNING].theta.any()
        button(app, "Let it learn").click().run()
        assert app.session_state[TWO_LEARNING].theta.any()


def test_the_stage_shows_thetas_in_one_scale():
    colours = [picture.spec["encoding"]["color"] for picture in pictures(KNOWN["louder"])]
    assert colours[0]["scale"]["domain"] == colours[1]["scale"]["domain"]


def test_the_stage_shows_one_lesson_and_goes_on(app):
    open_page(app, "pages/lesson.py")
    for name in [*NAMES, NAMES[0]]:
        lesson = KNOWN[name]
        assert app.title[0].value == lesson.question
        assert not app.get("vega_lite_chart")
        if name == "two-bars":
            button(app, "Reveal").click().run()
            assert not app.exception
            assert len(app.get("vega_lite_chart")) == len(lesson.picture)
        button(app, "Next").click().run()
        assert not app.exception
    app.query_params[LESSON] = "nonsense [a](//b)"
    app.run()
    assert "no lesson called" in app.warning[0].value
    app.query_params[LESSON] = "louder"
    app.run()
    button(app, "See it live").click().run()
    assert app.session_state[LESSON_OPEN] == "louder"


def test_an_unknown_lesson_is_one_sentence(app):
    open_page(app, "pages/weights.py")
    app.query_params[LESSON] = "nonsense"
    app.run()
    assert "no lesson called nonsense" in app.warning[0].value


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ('task = "Guess."', "", "needs 'task', a text"),
        ("right = 2", "right = 3", "choice 3 is right, of 2"),
        ("right = 2", 'right = "2"', "needs 'right', a number"),
        ('"Two"]', '"One"]', "two different choices"),
        ('choices = ["One", "Two"]', 'choices = "One"', "a list of texts"),
        ("weights?", "//elsewhere?", "the pages are predict"),
        ("weights?", "nowhere?", "the pages are predict"),
        ("digit=7", "digit=12", "is no digit"),
        ("digit=7", "colour=red", "nothing it can set there"),
        ("digit=7", "view=Nothing", "no view 'Nothing'"),
        ("model=pixels", "model=nothing", "no model 'nothing'"),
        ("weights?model=pixels&digit=7", "train?images=5", "choose a value from 10"),
        ("weights?model=pixels&digit=7", "train?show=nothing", "do not exist"),
        ("weights?model=pixels&digit=7", "two-numbers?digits=3,3", "Both digits are 3"),
        ("weights?model=pixels&digit=7", "two-numbers?steps=3", "nothing it can set there"),
        ("weights?model=pixels&digit=7", "predict?test=10000", "no test picture"),
        ("weights?model=pixels&digit=7", "train?pin=10000", "no test picture to pin"),
        ("weights?model=pixels&digit=7", "train?sweep=task:1", "a sweep that cannot be"),
        ("weights?model=pixels&digit=7", "train?sweep=C:0.1,x", "C (L2) cannot be 'x'"),
        ("weights?model=pixels&digit=7", "mistakes?bar=12", "is no digit"),
        ("weights?model=pixels&digit=7", "valley?stretch=3", "choose among 1, 2, 4, 8"),
        ("weights?model=pixels&digit=7", "valley?colour=red", "nothing it can set there"),
        ("question =", "questions =", "has 'questions'"),
        ("question =", "question", "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(line, instead, said):
    assert line in GOOD
    assert read_lesson(GOOD, "mine").answered() == "It reads 91.96%."
    with pytest.raises(UserError, match=re.escape(said)):
        read_lesson(GOOD.replace(line, instead), "mine")


@pytest.mark.parametrize(
    "asked",
    [
        "nonsense",
        "accuracy",
        "accuracy pixels strokes",
        "accuracy nothing",
        "theta strokes 0 middle",
        "theta pixels 0 top",
        "theta pixels 11 middle",
        "probability pixels 10000 1",
        "mistaken zero-or-one 0 1",
        "l2-divisor straightened now",
        "run nonsense",
        "run last images",
        "run last images=3",
        "missed pixels 8 high",
        "recall zero-or-one 1 0",
        "run-bar 10000 1",
        "run-bar 0 1 task=one-digit",
        "two-numbers nonsense",
        "two-numbers cost digits=3",
        "two-numbers cost steps=-1",
        "two-numbers angle steps=0",
    ],
)
def test_a_fact_that_there_is_not_is_one_sentence(asked):
    with pytest.raises(UserError):
        facts.in_words(asked, KNOWN["louder"].sources)


def test_facts_of_a_bar_are_counted_by_hand():
    of = KNOWN["where-to-put-the-bar"].sources
    weights = of.model("pixels")
    test = of.mnist("test")
    scores = weights.scores(weights.decision_function(test.images.reshape(-1, 784) / 255.0))
    said, eight = scores[:, 8] >= 1.5, test.labels == 8
    assert facts.fact("missed pixels 8 1.5", of) == (eight & ~said).sum()
    assert facts.fact("false-alarms pixels 8 1.5", of) == (said & ~eight).sum()
    assert facts.fact("precision pixels 8 1.5", of) == pytest.approx(eight[said].mean())
    assert facts.fact("recall pixels 8 1.5", of) == pytest.approx(said[eight].mean())


def test_claims_are_of_numbers_and_facts():
    of = KNOWN["louder"].sources
    assert facts.holds("accuracy pixels > 0.9", of)
    assert not facts.holds("accuracy pixels < 0.9", of)
    assert facts.holds("images pixels = 10 * images pixels-6000", of)
    with pytest.raises(UserError, match="with <, > or ="):
        facts.holds("accuracy pixels", of)


def test_facts_are_what_they_are_said_to_be(train_set):
    theta = np.zeros((2, 785))
    theta[1, 1 + 28 * 14 + 14] = -3
    theta[1, 1:13] = -1
    weights = Weights(theta, np.array([0, 1]), record={"images": 100, "C": 2.0})
    where = facts.loudest_against(weights, 1)
    assert where[0] == 28 * 14 + 14
    assert sorted(where[1:]) == list(range(11))
    assert facts.loudest(weights) == 3
    # Four neighbours of the lone one, and a row of twelve: one end and twelve below.
    assert facts.roughness(theta) == pytest.approx((4 * 3 + 1 + 12) / (2 * 2 * 28 * 27), rel=1e-9)
    assert facts.l2_divisor(weights) == 200
    assert facts.l2_divisor(Weights(theta, np.array([0, 1]))) is None
    assert sum(place.sum() for place in facts.places().values()) == 784
    # MNIST's digits lie in the box, but for what their centre of mass pushes out.
    ink = train_set.images.mean(axis=0) / 255
    assert ink[facts.places()["rim"]].mean() < 0.05 < ink[facts.places()["middle"]].mean()
    run = Run(RunRequest(Settings(images=200, iterations=5), train_set))
    costs = [point.cost for point in run.steps()]
    trained = facts.train(Settings(images=200, iterations=5), train_set)
    assert [point.cost for point in trained.history] == costs
    assert len(trained.learned) == 200
    assert trained.accuracy > 0.8
    assert np.array_equal(trained.theta, run.theta)


def test_the_readmes_lesson_is_one_and_it_names_every_fact():
    text = (LESSONS_FOLDER / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    lesson = read_lesson(example, "example")
    assert facts.holds(lesson.holds[0], lesson.sources)
    assert lesson.answered() == "Straightened, 95.38%; raw pixels read 91.96%."
    assert len(pictures(lesson)) == 2
    assert [name for name in facts.FACTS if f"`{name}" not in text] == []
    assert [page for page in PARAMETERS if f"`{page}`" not in text] == []
    assert tomllib.loads(example)["right"] == 2


def test_links_lead_to_pages_that_there_are():
    assert [page for page in PARAMETERS if not (ROOT / "pages" / f"{page}.py").is_file()] == []


def test_the_weights_that_the_pages_compare_differ_as_they_say():
    pixels, fewer = (
        load_weights(WEIGHTS_FOLDER / f"{name}.npz") for name in ("pixels", "pixels-6000")
    )
    assert facts.l2_divisor(pixels) == 30 * facts.l2_divisor(fewer)
    assert facts.loudest(pixels) > 2 * facts.loudest(fewer)


def test_facts_of_two_numbers_are_the_cores(train_set, test_set):
    lesson = KNOWN["which-numbers"]
    found = two_numbers(train_set, Choice((1, 5)))
    of, changed = lesson.sources, "digits=1,5"
    # What 'Let it learn' comes to, for that is what the page shows beside the words.
    learned = found.learning()[-1].theta
    assert found.cost(found.optimum) < found.cost(learned) < 1.001 * found.cost(found.optimum)
    assert facts.fact(f"two-numbers cost {changed}", of) == found.cost(learned)
    third = found.way(steps=3)[-1]
    assert facts.fact(f"two-numbers cost {changed} steps=3", of) == third.cost[0]
    assert (
        facts.fact(f"two-numbers steepness {changed} steps=3", of) == line_of(third.theta).steepness
    )
    mine = np.isin(test_set.labels, (1, 5))
    X = found.standardise(found.reduce(test_set.images[mine]))
    right = (X @ learned[0, 1:] + learned[0, 0] >= 0) == (test_set.labels[mine] == 5)
    assert facts.fact(f"two-numbers unseen-accuracy {changed}", of) == right.mean()
