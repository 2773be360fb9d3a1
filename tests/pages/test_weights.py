"""The Weights page."""

import numpy as np
import pytest

from lrcore.weights import WEIGHTS_FOLDER, Weights, list_weights, load_weights
from ui.models import CHOSEN, OWN

PAGE = "pages/weights.py"


def open_page(app, **state):
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    app.switch_page(PAGE).run()
    assert not app.exception
    return app


def charts(app):
    return [block for block in app.get("vega_lite_chart") if block.proto.alt.startswith("Theta")]


@pytest.mark.parametrize("name", list_weights()[0])
def test_shows_every_row_of_every_shipped_model(app, name):
    open_page(app, **{CHOSEN: name})
    rows = len(load_weights(WEIGHTS_FOLDER / f"{name}.npz").theta)
    # One chart a row, and the one that is looked at closely.
    assert len(charts(app)) == rows + 1


def test_shows_the_model_just_trained(app):
    theta = np.zeros((1, 785), np.float32)
    theta[0, 1 + 28 * 3 + 5] = 2
    mine = Weights(theta, np.array([3, 8]), name="mine")
    open_page(app, **{OWN: {"mine": mine}, CHOSEN: "mine"})
    assert "8 against 3" in charts(app)[0].proto.alt
    assert "(+2.00): row 3, column 5" in charts(app)[0].proto.alt


def test_one_scale_for_all_or_one_each(app):
    def limits():
        return {
            repr(chart.proto.spec).split("domain")[1].split("]")[0] for chart in charts(app)[:10]
        }

    open_page(app, **{CHOSEN: "pixels"})
    assert len(limits()) == 1
    app.button_group(key="weights_scale").set_value("each its own scale").run()
    assert len(limits()) == 10


def test_digit_against_digit(app):
    open_page(app, **{CHOSEN: "pixels", "weights_view": "Digit against digit"})
    shown = [chart.proto.alt for chart in app.get("vega_lite_chart")]
    assert any(alt.startswith("Theta of 3 rather than 8") for alt in shown)


def test_two_models_side_by_side(app):
    open_page(app, **{CHOSEN: "pixels", "weights_view": "Two models"})
    assert app.selectbox(key="weights_other").value == "pixels-6000"
    shown = [chart.proto.alt for chart in charts(app)]
    assert sum("in pixels." in alt for alt in shown) == 1
    assert sum("in pixels-6000." in alt for alt in shown) == 1
