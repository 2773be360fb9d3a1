"""The Weights page."""

import base64

import numpy as np
import pytest

from lrcore.facts import loudest, roughness
from lrcore.settings import Settings
from lrcore.training import SNAPSHOTS, Run, RunRequest
from lrcore.weights import WEIGHTS_FOLDER, Weights, list_weights, load_weights
from tests.helpers import open_page, seen_label, wait_for
from ui.heatmaps import colour_limit, describe
from ui.state import CHOSEN_MODEL, OWN_MODELS, PLAY, PLAYING, RUNS
from ui.train.charts import theta_maps, theta_picture
from ui.train.runs import Runs
from ui.weights_view import differences

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
    # Which of the two is the louder is seen, unless they weigh other things.
    assert app.toggle[0].value
    app.selectbox(key="weights_other").set_value("straightened").run()
    assert not app.toggle[0].value


def test_theta_forming_needs_a_run(app):
    open_page(app, PAGE, **{CHOSEN_MODEL: "pixels", "weights_view": "Theta forming"})
    assert "No run has been trained" in app.info[0].value


@pytest.fixture
def job(app, train_set):
    """A run of four steps, seen forming."""
    app.run()
    runs = app.session_state[RUNS] = Runs()
    settings = Settings(images=200, solver="gradient-descent", learning_rate=0.5, iterations=4)
    job = runs.start(RunRequest(settings, train_set.take(np.arange(400))), "mine")
    wait_for(lambda: job.finished, 30)
    open_page(app, PAGE, **{CHOSEN_MODEL: "pixels", "weights_view": "Theta forming"})
    return job


def test_theta_forming_shows_a_run_at_each_iteration(app, job):
    assert [iteration for iteration, _ in job.snapshots] == [0, 1, 2, 3, 4]
    app.select_slider(key="kept-iteration-mine-4").set_value(3).run()
    assert not app.exception
    # In the place of the model's ten pictures, not below them.
    assert not charts(app)
    (image,) = app.get("image")
    picture = image.proto.imgs[0].url
    wanted = theta_picture(
        theta_maps("pixels", dict(job.snapshots)[3]),
        [str(digit) for digit in range(10)],
        colour_limit(dict(job.snapshots)[4][:, 1:]),
        across=5,
        zoom=5,
    )
    assert base64.b64decode(picture.split(",")[1]) == wanted
    assert any(f"{job.history[3].cost:.4f}" in text.value for text in app.markdown)


def test_play_goes_on_to_the_end_and_from_there_begins_again(app, job):
    def played(times):
        app.button(key=PLAY).click().run()
        seen = []
        for _ in range(times):
            seen.append(app.select_slider(key="kept-iteration-mine-4").value)
            app.run()
        assert not app.exception
        return seen

    app.select_slider(key="kept-iteration-mine-4").set_value(2).run()
    assert played(3) == [3, 4, 4]
    assert not app.session_state[PLAYING]
    assert seen_label(app.button(key=PLAY)) == "Play"
    assert played(2) == [1, 2]
    assert seen_label(app.button(key=PLAY)) == "Pause"


def test_a_model_whose_theta_is_no_picture_shows_one_first_and_says_why(app):
    open_page(app, PAGE, **{CHOSEN_MODEL: "strokes"})
    assert any("theta is no picture by itself" in text.value for text in app.caption)
    pixels = load_weights(WEIGHTS_FOLDER / "pixels.npz").theta
    assert [chart.proto.alt for chart in charts(app)[:10]] == [
        describe("pixels", row[1:], f"Theta of {digit}") for digit, row in enumerate(pixels)
    ]
    app.button_group(key="weights_part").set_value("openings").run()
    assert not app.exception
    assert all("openings" in chart.proto.alt for chart in charts(app))


def test_what_two_models_differ_in_is_computed_and_names_no_cause_where_two_things_differ():
    one, other = (load_weights(WEIGHTS_FOLDER / f"{n}.npz") for n in ("pixels", "pixels-6000"))
    said = " ".join(differences(one, other))
    assert "pixels learned from 60,000 pictures, pixels-6000 from 6,000." in said
    assert "180,000 for pixels" in said
    assert "holds pixels 30 times less strongly" in said
    assert "Two things differ" in said
    assert (
        f"{np.abs(one.theta[:, 1:]).max():.3g} and {np.abs(other.theta[:, 1:]).max():.3g}" in said
    )
    assert "holds pixels 30 times" in " ".join(differences(other, one))
    alike = Weights(other.theta * 2, other.classes, "pixels", name="mine", record=other.record)
    said = " ".join(differences(other, alike))
    assert "Both learned from 6,000" in said
    assert "holds both equally" in said
    assert "Two things" not in said
    strokes = load_weights(WEIGHTS_FOLDER / "strokes.npz")
    assert "numbers for different things" in differences(one, strokes)[0]


def test_a_weaker_l2_gives_a_louder_and_rougher_theta_and_more_pictures_a_calmer(train_set):
    """What help texts say of C and n, each with nothing else changed."""

    def trained(**changes):
        run = Run(RunRequest(Settings(**{"images": 2000, "C": 1.0} | changes), train_set))
        list(run.steps())
        return run.weights()

    usual, strong = trained(), trained(C=0.01)
    assert roughness(strong.theta) < roughness(usual.theta) / 2
    assert loudest(strong) < loudest(usual) / 2
    # As much L2 for the mean loss: n C stays.
    more = trained(images=20_000, C=0.1)
    assert roughness(more.theta) < roughness(usual.theta)


def test_thetas_on_the_way_are_thinned_evenly(train_set):
    some = train_set.take(np.arange(50))
    run = Run(RunRequest(Settings(images=50, solver="gradient-descent", iterations=150), some))
    list(run.steps())
    iterations = [iteration for iteration, _ in run.snapshots]
    assert iterations[0] == 0
    assert len(set(np.diff(iterations))) == 1
    assert SNAPSHOTS / 2 <= len(iterations) <= SNAPSHOTS
