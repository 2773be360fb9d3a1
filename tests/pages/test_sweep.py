"""'Sweep' on the Train page."""

import csv
import io

import numpy as np
import pytest

from lrcore.augment import training_set
from lrcore.data import load_dataset
from lrcore.own_set import OwnDigits, split_off
from lrcore.script import LINES
from lrcore.settings import Settings
from lrcore.sweep import plan
from lrcore.training import Own, Run, RunRequest
from tests.helpers import open_page, wait_for
from ui.state import (
    LEARN_FROM,
    NOTICES,
    OWN_COPIES,
    OWN_DIGITS,
    RUNS,
    SWEEP_BUTTON,
    SWEEP_RUN,
    SWEEP_SECOND,
    SWEEP_SETTING,
    SWEEP_VALUES,
    TRAIN_TAB,
)
from ui.train.start import BOTH, OWN_ALONE
from ui.train.sweep import results_csv

PAGE = "pages/train.py"
LINK = {"images": "300", "iterations": "4", "sweep": "C:0.01,1"}


@pytest.fixture
def linked(app):
    """The page as a link to a small sweep opens it."""
    yield open_page(app, PAGE, LINK)
    if RUNS in app.session_state and (sweep := app.session_state[RUNS].sweep):
        sweep.cancel()


def press(app, what):
    app.button(key=SWEEP_BUTTON(what=what)).click().run()
    assert not app.exception
    return app.session_state[RUNS].sweep


def swept(app):
    sweep = press(app, "start")
    wait_for(lambda: sweep.finished, 60)
    app.run()
    assert not app.exception
    return sweep


def texts(app):
    return [text.value for text in (*app.markdown, *app.caption)]


def test_a_link_sets_a_sweep_up_and_its_cost_is_said_before(linked):
    assert linked.session_state[TRAIN_TAB] == "Sweep"
    assert linked.selectbox(key=SWEEP_SETTING).value == "C"
    assert any(text.startswith("**2 runs** on 300 pictures: about **") for text in texts(linked))
    assert linked.session_state[RUNS].sweep is None


def test_a_sweep_shows_the_best_and_opens_a_run(linked):
    sweep = swept(linked)
    expected = [settings for _, settings in plan(Settings(images=300, iterations=4), sweep.values)]
    assert [one.settings for one in sweep.results] == expected
    best = max(sweep.results, key=lambda one: one.heldout_accuracy)
    told = f"which reads {best.heldout_accuracy:.2%} of 10,000 held-out pictures right"
    assert any(text.startswith("Best: **C") and told in text for text in texts(linked))
    box = linked.selectbox(key=SWEEP_RUN(sweep=id(sweep), brought=1))
    assert sweep.trials[box.value].result is best
    assert sweep.trials[box.proto.default].result is best
    box.set_value(0).run()
    assert any(text.startswith(r"Theta of C \= 0.01") for text in texts(linked))
    # A browser that has missed a value that was set shows the default.
    assert linked.selectbox(key=SWEEP_RUN(sweep=id(sweep), brought=1)).proto.default == 0
    press(linked, "open")
    assert linked.session_state[TRAIN_TAB] == "Watch"
    runs = linked.session_state[RUNS]
    assert runs.job is sweep.trials[0].job
    assert not linked.button(key="use").disabled
    linked.button(key="use").click().run()
    assert linked.session_state["chosen_model"] == "C = 0.01"


def test_a_grid_has_a_run_for_each_pair_and_a_table_of_them(linked):
    linked.selectbox(key=SWEEP_SECOND).set_value("images").run()
    linked.text_input(key=SWEEP_VALUES(setting="images")).set_value("100, 200, 200").run()
    sweep = swept(linked)
    assert len(sweep.results) == 4
    table = next(table.value for table in linked.dataframe if "Held-out cost" in table.value)
    assert table["Images"].tolist() == ["100", "200"] * 2
    rows = list(csv.DictReader(io.StringIO(results_csv(sweep))))
    assert [row["C"] for row in rows] == ["0.01", "0.01", "1", "1"]


def test_a_sweep_goes_on_while_the_page_is_left(linked):
    linked.text_input(key=SWEEP_VALUES(setting="C")).set_value("0.01, 0.1, 1, 10").run()
    sweep = press(linked, "start")
    linked.switch_page("pages/predict.py").run()
    assert TRAIN_TAB not in linked.session_state
    assert not linked.exception
    wait_for(lambda: sweep.finished, 60)
    linked.switch_page(PAGE).run()
    assert not linked.exception
    assert linked.session_state[TRAIN_TAB] == "Sweep"
    assert any("Best: **C" in text for text in texts(linked))
    assert linked.text_input(key=SWEEP_VALUES(setting="C")).value == "0.01, 0.1, 1, 10"


def test_cancel_ends_all_runs_together(app):
    open_page(
        app,
        PAGE,
        {
            "solver": "gradient-descent",
            "images": "6000",
            "iterations": "100000",
            "sweep": "learning_rate:0.001,0.01,0.1",
        },
    )
    sweep = press(app, "start")
    assert app.button(key=SWEEP_BUTTON(what="start")).disabled
    press(app, "cancel")
    wait_for(lambda: sweep.finished, 30)
    app.run()
    assert not app.button(key=SWEEP_BUTTON(what="start")).disabled
    assert sweep.results == []


def test_python_and_link_say_the_same_sweep(linked):
    (script,) = [code.value for code in linked.code if "lrcore.sweep" in code.value]
    assert script.count("\n") <= LINES
    assert "images=300" in script
    assert '{"C": [0.01, 1.0]}' in script
    (link,) = [code.value for code in linked.code if "sweep=" in code.value]
    assert "images=300" in link
    assert "sweep=C%3A0.01,1" in link


@pytest.mark.parametrize("source", [OWN_ALONE, BOTH])
def test_own_digits_are_swept_as_they_are_learned_from_in_runs(linked, test_set, source):
    some = test_set.take(slice(0, 80))
    linked.session_state[OWN_DIGITS] = OwnDigits().with_digits(some)
    linked.run()
    linked.selectbox(key=LEARN_FROM).set_value(source).run()
    linked.text_input(key=OWN_COPIES).set_value("2").run()
    sweep = swept(linked)
    learned, kept_back = split_off(some, seed=0)
    own = Own(training_set(learned, jitter=1, seed=0), kept_back, source == OWN_ALONE)
    for one, trial in zip(sweep.results, sweep.trials, strict=True):
        request = RunRequest(one.settings, load_dataset(), own=own)
        run = Run(request)
        list(run.steps())
        assert np.array_equal(run.theta, one.theta)
        assert trial.job.weights.record["own_images"] == len(kept_back)
    heldout = len(kept_back) if source == OWN_ALONE else 10_000
    assert sweep.results[0].heldout_images == heldout > 0
    assert any("no script of this sweep" in text for text in texts(linked))
    assert not [code for code in linked.code if "lrcore.sweep" in code.value]
    if source == OWN_ALONE:
        said = f"**2 runs** on {2 * len(learned)} pictures"
        assert any(text.startswith(said) for text in texts(linked))
        linked.selectbox(key=SWEEP_SETTING).set_value("images").run()
        assert any("All of your own digits" in error.value for error in linked.error)
        assert linked.button(key=SWEEP_BUTTON(what="start")).disabled


@pytest.mark.parametrize(
    ("setting", "typed", "said"),
    [
        ("C", "0.1, many", "cannot be 'many'"),
        ("images", "600, 60000", "50,000 pictures at most"),
        ("learning_rate", "0.1", "would change nothing"),
        ("seed", ", ".join(map(str, range(60))), "60 runs"),
    ],
)
def test_what_cannot_be_tried_is_said_and_not_begun(linked, setting, typed, said):
    linked.selectbox(key=SWEEP_SETTING).set_value(setting).run()
    linked.text_input(key=SWEEP_VALUES(setting=setting)).set_value(typed).run()
    assert not linked.exception
    assert any(said in error.value.replace("\\", "") for error in linked.error)
    assert linked.button(key=SWEEP_BUTTON(what="start")).disabled


def test_values_are_proposed_for_every_setting(linked):
    for setting in linked.selectbox(key=SWEEP_SETTING).options:
        linked.selectbox(key=SWEEP_SETTING).select(setting).run()
        assert not linked.exception
        (field,) = [box for box in linked.text_input if box.label.startswith("Values of")]
        assert field.placeholder.count(",") >= 2 or field.value


def test_a_sweep_learns_from_so_many_that_some_are_left_and_says_so(app):
    open_page(app, PAGE, {"sweep": "C:1"})
    assert any("50,000 pictures, not 60,000" in text for text in texts(app))


def test_a_link_to_no_sweep_says_so(app):
    open_page(app, PAGE, {"sweep": "task:[a](//b)"})
    assert any("asks for a sweep" in notice for notice in app.session_state[NOTICES])
    assert any("asks for a sweep" in warning.value for warning in app.warning)


def test_every_control_of_the_sweep_has_a_help_text(linked):
    swept(linked)
    kinds = ("button", "download_button", "selectbox", "text_input")
    controls = [element for kind in kinds for element in linked.main.get(kind)]
    assert [c.proto.label for c in controls if not c.proto.help] == []
