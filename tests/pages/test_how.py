"""The 'How it works' page and its lessons."""

import numpy as np
import pytest

from lrcore.evidence import explain
from lrcore.features import extract
from lrcore.logistic import OneVsAllLoss, curated_labels, sigmoid
from lrcore.settings import Settings
from lrcore.training import Run, RunRequest
from lrcore.weights import WEIGHTS_FOLDER, load_weights
from tests.helpers import open_page
from ui.classroom.files import lessons
from ui.evidence import sum_in_words
from ui.how import STEPS, descent, leaned
from ui.how_charts import cost_chart, falling_cost_chart, log_loss, sigmoid_chart
from ui.state import LESSON_OPEN

PAGE = "pages/how.py"


@pytest.fixture
def how(app):
    return open_page(app, PAGE)


def points(chart):
    """The data of a curve's point, which is the smallest data set."""
    return min(chart.to_dict()["datasets"].values(), key=len)


def test_the_score_is_added_up_before_the_readers_eyes(how, test_set):
    how.selectbox(key="how_picture").set_value(7).run()
    how.selectbox(key="how_asked").set_value(7).run()
    image = test_set.images[np.flatnonzero(test_set.labels == 7)[0]]
    found = explain(load_weights(WEIGHTS_FOLDER / "pixels.npz"), image, 7)
    assert any(sum_in_words(found) in text.value for text in how.markdown)


def test_the_sliders_move_the_numbers(how):
    how.slider(key="how_z").set_value(-1.0).run()
    assert how.metric[0].value == f"{sigmoid(np.array(-1.0)):.4f}"
    how.slider(key="how_p").set_value(0.9).run()
    how.button_group(key="how_y").set_value(0).run()
    assert how.metric[1].value == f"{-np.log(0.1):.3f}"


def test_the_curated_table_is_live(how, train_set):
    how.selectbox(key="how_curated").set_value(1).run()
    table = how.dataframe[0].value
    assert table["y for 1"].tolist() == (train_set.labels[:8] == 1).astype(int).tolist()
    assert table[[c for c in table if c not in ("picture", "label")]].sum(axis=1).eq(1).all()
    next(button for button in how.button if button.label == "Eight other pictures").click().run()
    assert how.dataframe[0].value["label"].tolist() == train_set.labels[8:16].tolist()


def test_every_section_has_a_control_and_every_chart_its_words(how):
    assert len(how.header) == 7
    assert len(how.latex) == 6
    assert all(chart.proto.alt for chart in how.get("vega_lite_chart"))


def test_curves_hold_the_formulas():
    assert points(sigmoid_chart(2.0))[0]["p"] == pytest.approx(1 / (1 + np.exp(-2)))
    assert points(cost_chart(0.25, 1))[0]["cost"] == pytest.approx(-np.log(0.25))
    assert log_loss(np.array([0.25]), 0)[0] == pytest.approx(-np.log(0.75))
    assert points(falling_cost_chart(np.array([3.0, 2.0, 1.5]), 1))[0]["cost"] == 2


def test_theta_is_really_trained(train_set):
    thetas, costs = descent()
    assert len(thetas) == len(costs) == STEPS + 1
    assert not thetas[0].any()
    assert costs[0] == pytest.approx(np.log(2))
    assert (costs[-1] < 0.3 * costs[0]).all()
    # The words say that the first step is nearly all blue.
    assert (thetas[1][:, 1:] < 0).sum() > 10 * (thetas[1][:, 1:] > 0).sum()
    run = Run(
        RunRequest(Settings(images=1000, solver="gradient-descent", learning_rate=0.5), train_set)
    )
    run.step()
    run.step()
    assert thetas[1] == pytest.approx(run.theta, abs=1e-5)


def test_leaning_is_undone_by_straightening(test_set):
    image = test_set.images[0]
    assert leaned(image, 0.0).tolist() == image.tolist()
    upright, straight = (
        extract("straightened", picture[None])[0] for picture in (image, leaned(image, 0.3))
    )
    assert np.corrcoef(upright, straight)[0, 1] > 0.97
    assert np.corrcoef(image.ravel(), leaned(image, 0.3).ravel())[0, 1] < 0.9


def test_the_digit_that_leans_first_shows_what_straightening_helps(how):
    assert "**pixels** reads it as 3; for 2 it says 0.19." in [text.value for text in how.markdown]
    assert any(text.value.startswith("**straightened** reads it as 2") for text in how.markdown)


def test_each_lesson_opens_from_the_list(how):
    for lesson in lessons()[0].values():
        how.switch_page(PAGE).run()
        how.button(key=f"open-lesson-{lesson.name}").click().run()
        assert not how.exception
        assert how.session_state[LESSON_OPEN] == lesson.name
        assert any(lesson.question in text.value for text in how.markdown)


def test_the_list_of_lessons_comes_first_where_it_is_asked_for(app):
    open_page(app, PAGE)
    assert app.header[-1].value == "Short lessons"
    app.query_params["part"] = "lessons"
    app.run()
    assert app.header[0].value == "Short lessons"


def test_gradient_reads_like_the_advice_it_is_said_to_be(train_set):
    """From theta = 0 the downhill way is (y - 1/2) x, as section 5 reads its formula."""
    X = extract("pixels", train_set.images[:50])
    y = curated_labels(train_set.labels[:50], np.arange(10))
    _, gradient = OneVsAllLoss(X, y, 1.0).cost_and_gradient(np.zeros((10, 785)))
    assert -gradient[:, 1:] == pytest.approx((y - 0.5).T @ X / 50, abs=1e-5)
