"""The Weights page."""

import numpy as np
import pytest

from lrcore.settings import Settings
from lrcore.training import SNAPSHOTS, Run, RunRequest
from lrcore.weights import WEIGHTS_FOLDER, Weights, list_weights, load_weights
from tests.helpers import open_page, wait_for
from ui.heatmaps import describe
from ui.state import CHOSEN_MODEL, OWN_MODELS, RUNS
from ui.train.runs import Runs

PAGE = "pages/weights.py"


def charts(app):
    return [block for block in app.get("vega_lite_chart") if block.proto.alt.startswith("Theta")]


@pytest.mark.parametrize("name", list_weights()[0])
def test_shows_every_row_of_every_shipped_model(app, name):
    open_page(app, PAGE, **{CHOSEN_MODEL: name})
    rows = len(load_weights(WEIGHTS_FOLDER / f"{name}.npz").theta)
    # One chart a row, and the one that is looked at closely.
    assert len(charts(app)) == rows + 1


def test_shows_the_model_just_trained(app):
    theta = np.zeros((1, 785), np.float32)
    theta[0, 1 + 28 * 3 + 5] = 2
    mine = Weights(theta, np.array([3, 8]), name="mine")
    open_page(app, PAGE, **{OWN_MODELS: {"mine": mine}, CHOSEN_MODEL: "mine"})
    assert "8 against 3" in charts(app)[0].proto.alt
    assert "(+2.00): row 3, column 5" in charts(app)[0].proto.alt


def test_one_scale_for_all_or_one_each(app):
    def limits():
        return {
            repr(chart.proto.spec).split("domain")[1].split("]")[0] for chart in charts(app)[:10]
        }

    open_page(app, PAGE, **{CHOSEN_MODEL: "pixels"})
    assert len(limits()) == 1
    app.button_group(key="weights_scale").set_value("each its own scale").run()
    assert len(limits()) == 10


def test_digit_against_digit(app):
    open_page(app, PAGE, **{CHOSEN_MODEL: "pixels", "weights_view": "Digit against digit"})
    shown = [chart.proto.alt for chart in app.get("vega_lite_chart")]
    assert any(alt.startswith("Theta of 3 rather than 8") for alt in shown)


def test_two_models_side_by_side(app):
    open_page(app, PAGE, **{CHOSEN_MODEL: "pixels", "weights_view": "Two models"})
    assert app.selectbox(key="weights_other").value == "pixels-6000"
    shown = [chart.proto.alt for chart in charts(app)]
    assert sum("in pixels." in alt for alt in shown) == 1
    assert sum("in pixels-6000." in alt for alt in shown) == 1


def test_theta_forming_needs_a_run(app):
    open_page(app, PAGE, **{CHOSEN_MODEL: "pixels", "weights_view": "Theta forming"})
    assert "No run has been trained" in app.info[0].value


def test_theta_forming_shows_a_run_at_each_iteration(app, train_set):
    app.run()
    runs = app.session_state[RUNS] = Runs()
    settings = Settings(images=200, solver="gradient-descent", learning_rate=0.5, iterations=4)
    job = runs.start(RunRequest(settings, train_set.take(np.arange(400))), "mine")
    wait_for(lambda: job.finished, 30)
    open_page(app, PAGE, **{CHOSEN_MODEL: "pixels", "weights_view": "Theta forming"})
    assert [iteration for iteration, _ in job.snapshots] == [0, 1, 2, 3, 4]
    app.select_slider(key="weights_iteration_mine").set_value(3).run()
    assert not app.exception
    alts = [chart.proto.alt for chart in app.get("vega_lite_chart")]
    theta = dict(job.snapshots)[3]
    for digit in range(10):
        title = f"Theta of {digit} after 3 iterations"
        assert describe("pixels", theta[digit, 1:], title) in alts
    assert any(f"{job.history[3].cost:.4f}" in text.value for text in app.markdown)


def test_thetas_on_the_way_are_thinned_evenly(train_set):
    some = train_set.take(np.arange(50))
    run = Run(RunRequest(Settings(images=50, solver="gradient-descent", iterations=150), some))
    list(run.steps())
    iterations = [iteration for iteration, _ in run.snapshots]
    assert iterations[0] == 0
    assert len(set(np.diff(iterations))) == 1
    assert SNAPSHOTS / 2 <= len(iterations) <= SNAPSHOTS
