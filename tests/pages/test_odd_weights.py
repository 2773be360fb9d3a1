"""Whatever weights load, every page answers with them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from lrcore.calibration import LARGEST as LARGEST_CALIBRATION
from lrcore.calibration import RANK, SMALLEST_VARIANCE, Calibration
from lrcore.data import Dataset
from lrcore.errors import UserError
from lrcore.features import FEATURES
from lrcore.own_set import OwnDigits
from lrcore.weights import (
    LARGEST,
    RECORD_DEPTH,
    REST,
    Weights,
    columns,
    load_weights,
    pack_weights,
)
from tests.browser.driver import ROOT
from tests.helpers import choose_way
from ui.state import CHOSEN_MODEL, GALLERY_PICKED, OWN_DIGITS, OWN_MODELS

PAGES = ["predict", "hand", "mistakes", "weights", "train", "how"]
DEEP = {"start": "*" * 1000}
for _ in range(RECORD_DEPTH - 1):
    DEEP = {"corrected": DEEP, "[a](//b)": ["<b>"]}
RECORDS = [
    {},
    {"images": 1, "test_accuracy": 0, "C": 0},
    {"images": 1e12, "test_accuracy": 1, "C": LARGEST},
    {"images": True, "test_accuracy": True, "C": 1e-300},
    {"images": 10**12, "C": 5e-324},
    {"reliability": None, "command": 3, "cost": "much", "own_images": []},
    DEEP,
]
FILLS = ["zeros", "largest", "alternating", "tiny", "one huge", "plain"]


def filled(how, shape, largest, rng):
    """Numbers of a kind that sums, squares, roots or logarithms might not bear."""
    numbers = rng.normal(size=shape)
    if how == "zeros":
        return numbers * 0
    if how == "largest":
        return np.full(shape, largest)
    if how == "alternating":
        return np.resize([largest, -largest], shape)
    if how == "tiny":
        return numbers * 1e-38
    if how == "one huge":
        numbers.flat[-1] = -largest
    return numbers


@st.composite
def odd_weights(draw):
    """The bytes of a weights file, most of them at a bound, and now and then beyond one."""
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    rows = draw(st.sampled_from([1, 2, 10]))
    classes = rng.permutation(10)[: max(rows, 2)]
    if rows == 1 and (place := draw(st.sampled_from([None, 0, 1]))) is not None:
        classes[place] = REST
    features = draw(st.sampled_from(list(FEATURES)))
    width = columns(features)
    kind = draw(st.sampled_from(["f2", "f4", "f8", ">f4", "g"]))
    largest = 60_000 if kind == "f2" else LARGEST
    theta = filled(draw(st.sampled_from(FILLS)), (rows, 1 + width), largest, rng).astype(kind)
    calibration = None
    if draw(st.booleans()):
        rank = draw(st.sampled_from([1, RANK, RANK + 1]))
        precision = draw(st.sampled_from(["f4", "f8", "g"]))

        def some(*shape):
            how = draw(st.sampled_from(FILLS))
            return filled(how, shape, LARGEST_CALIBRATION, rng).astype(precision)

        calibration = Calibration(
            slope=some(rows),
            offset=some(rows),
            centres=some(rows, width),
            basis=some(rank, width),
            variances=np.abs(some(rank + 1)).clip(2 * SMALLEST_VARIANCE),
            shape_weights=some(1 + width),
            trust_weights=some(6),
            threshold=some(1)[0],
        )
    record = draw(st.sampled_from(RECORDS))
    return pack_weights(Weights(theta, classes, features, record, calibration))


def visit(weights, digits):
    """Go through all pages with a model, one digit corrected; what they said of errors."""
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.session_state[OWN_MODELS] = {"odd": weights}
    app.session_state[CHOSEN_MODEL] = "odd"
    app.session_state[GALLERY_PICKED] = 3
    app.session_state[OWN_DIGITS] = OwnDigits().with_digits(digits, correct=True)
    app.run()
    choose_way(app, "Test set")
    for page in PAGES:
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception, page
        assert app.session_state[CHOSEN_MODEL] == "odd"
        for error in app.error:
            # The one thing that a theta at its bounds may refuse.
            assert "too large to be corrected" in error.value, page


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(odd_weights())
def test_whatever_loads_answers_on_every_page(test_set, raw):
    try:
        weights = load_weights(raw, name="odd")
    except UserError:
        return
    visit(weights, Dataset(test_set.images[:2], np.array([4, 2], np.uint8)))


@pytest.mark.parametrize("rank", [RANK + 1, 19_000])
def test_a_calibration_of_too_many_directions_is_refused(rank):
    width = columns("pixels")
    calibration = Calibration(
        slope=np.ones(10),
        offset=np.zeros(10),
        centres=np.zeros((10, width)),
        basis=np.zeros((rank, width), np.float32),
        variances=np.ones(rank + 1),
        shape_weights=np.zeros(1 + width),
        trust_weights=np.zeros(6),
        threshold=np.array(0.0),
    )
    raw = pack_weights(Weights(np.zeros((10, 1 + width)), np.arange(10), calibration=calibration))
    with pytest.raises(UserError, match=f"{rank:,} directions|unpacks to more"):
        load_weights(raw)
