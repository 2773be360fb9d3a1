"""The Valley page: guess, look, and what is said of what is seen."""

import numpy as np
import pytest

from lrcore.settings import Settings
from lrcore.training import RunRequest
from lrcore.valley import THERE, Walks, two_number_walks
from tests.helpers import open_page, seen_label
from ui.classroom.guide import LESSON
from ui.state import CHART, RUNS, VALLEY, VALLEY_GROUND, VALLEY_GUESS, VALLEY_PLAYING
from ui.train.runs import Runs
from ui.valley import GUESSES, guess_result, stops
from ui.valley_ground import OWN, RUN, SHORT
from ui.valley_words import stories

PAGE = "pages/valley.py"


def chart(app):
    (found,) = app.get("vega_lite_chart")
    return found.proto


def button(app, label):
    return next(b for b in app.button if seen_label(b) == label)


def words(app):
    return " ".join(item.value for item in (*app.markdown, *app.caption, *app.success, *app.info))


@pytest.fixture(scope="module")
def default(train_set):
    return two_number_walks(Walks(), train_set)


def test_one_guesses_before_anybody_walks(app, default, monkeypatch):
    open_page(app, PAGE)
    assert "Guess first" in words(app)
    assert "Nobody has walked yet" in chart(app).alt
    assert not app.dataframe
    assert "zigzag" not in words(app)
    app.button_group(key=VALLEY_GUESS).set_value(0).run()
    button(app, "Let them walk").click().run()
    assert not app.exception
    passes = default.valley.passes_until(default.ways["gradient-descent"])
    assert passes > GUESSES[0][1]
    assert f"needs **{passes}** passes: your guess was at most 10" in words(app)
    assert app.session_state[VALLEY_PLAYING]
    assert "Guess first" not in words(app)
    # Two presses within less than a second are one.
    monkeypatch.setattr("ui.presses.AGAIN_HERE", 0)
    button(app, "Pause").click().run()
    assert not app.session_state[VALLEY_PLAYING]
    button(app, "Play").click().run()
    assert app.session_state[VALLEY_PLAYING]


def test_a_lesson_asks_before_anything_is_said(app):
    open_page(app, PAGE)
    app.query_params[LESSON] = "zigzag"
    app.run()
    assert "Guess first" not in words(app)
    assert "After 0 passes" in chart(app).alt
    assert not app.dataframe
    assert "Why gradient descent zigzags" not in words(app)
    button(app, "Play").click().run()
    assert not app.exception
    assert "Why gradient descent zigzags" in words(app)


def test_a_link_shows_some_ways_after_some_passes(app, default):
    open_page(app, PAGE, {VALLEY(name="passes"): "7", VALLEY(name="solvers"): "L-BFGS"})
    cost = default.ways["lbfgs"].costs[7]
    assert chart(app).alt.endswith(f"After 7 passes: L-BFGS at {cost:.4g}.")
    table = app.dataframe[0].value
    assert table["solver"].tolist() == list(SHORT.values())
    there = [default.valley.passes_until(way) for way in default.ways.values()]
    assert table["≤ 0.01 %"].tolist() == [str(passes) for passes in there]
    assert table["crossings"].tolist() == [
        default.valley.crossings(way) for way in default.ways.values()
    ]
    app.select_slider(key=VALLEY(name="passes")).set_value(0).run()
    assert "After 0 passes" in chart(app).alt


def test_what_is_said_follows_from_the_numbers(app, default):
    open_page(app, PAGE, {VALLEY(name="passes"): "100"})
    for question, answer in stories(default):
        assert f"**{question}.** {answer}" in words(app)
    app.selectbox(key=VALLEY(name="stretch")).set_value(1).run()
    app.selectbox(key=VALLEY(name="rate")).set_value(0.5).run()
    assert not app.exception
    assert "Why gradient descent does not zigzag here" in words(app)
    app.selectbox(key=VALLEY(name="digit")).set_value(9).run()
    assert "choose two different ones" in app.error[0].value


def test_a_way_that_overshoots_is_said_to(app):
    open_page(app, PAGE, {VALLEY(name="passes"): "100", VALLEY(name="rate"): "8.0"})
    assert app.selectbox(key=VALLEY(name="rate")).value == 8.0
    assert "is stopped after" in words(app)
    assert "overshoots" in words(app)
    # A dash where it has not come: of a missing number Streamlit says 'None'.
    assert app.dataframe[0].value.loc[0, "≤ 0.01 %"] == "–"


def test_a_run_has_its_valley(app, train_set):
    open_page(app, PAGE, **{VALLEY_GROUND: RUN})
    assert "No run of this session" in words(app)
    runs = app.session_state[RUNS] = Runs()
    some = train_set.take(np.arange(400))
    job = runs.start(RunRequest(Settings(images=100, iterations=8, solver="lbfgs"), some), "mine")
    job.join(60)
    app.run()
    assert not app.exception
    assert "Theta of **mine** has 7,850 numbers" in words(app)
    assert f"{OWN} at {job.history[-1].cost:.4g}" in chart(app).alt
    table = app.dataframe[0].value
    assert table["solver"].tolist() == [*SHORT.values(), OWN]
    assert "in the plane" in table
    # The same solver from the same start goes the same way.
    app.select_slider(key=VALLEY(name="passes-run")).set_value(8).run()
    cost = f"{job.history[8].cost:.4g}"
    assert f" L-BFGS at {cost}, " in chart(app).alt
    assert f"{OWN} at {cost}" in chart(app).alt


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, {"Why gradient descent zigzags", "on the other side", "What momentum does"}),
        ({"stretch": 1, "rate": 0.5}, {"does not zigzag here", "does not come to the other side"}),
        ({"momentum": 0.0}, {"Nothing yet: it is set to 0"}),
        ({"rate": 8.0, "momentum": 0.6}, {"the same without momentum overshoots", "is stopped"}),
    ],
)
def test_stories_tell_what_happens(train_set, changes, said):
    found = two_number_walks(Walks(**changes), train_set)
    told = " ".join(f"{question}. {answer}" for question, answer in stories(found))
    assert [words for words in said if words not in told] == []
    for name in ("gradient-descent", "lbfgs", "adam"):
        way = found.ways[name]
        if not way.message and (passes := found.valley.passes_until(way)) is not None:
            assert f"within {THERE:.2%} of the lowest cost after {passes} pass" in told


def test_guesses_are_told_right_and_wrong(default):
    passes = default.valley.passes_until(default.ways["gradient-descent"])
    verdicts = [guess_result(default, place) for place in range(len(GUESSES))]
    right = [low < passes and (high is None or passes <= high) for low, high in GUESSES]
    assert ["as you guessed" in verdict for verdict in verdicts] == right
    assert sum(right) == 1


def test_the_slider_stops_at_each_early_pass_and_at_the_last():
    for last in (1, 8, 33, 40, 100, 203):
        found = stops(last)
        assert found[0] == 0
        assert found[-1] == last
        assert found == sorted(set(found))
        assert found[: min(last, 20) + 1] == list(range(min(last, 20) + 1))
    assert CHART(what="valley")
