"""The Mistakes page."""

import numpy as np
import pytest

from lrcore.metrics import reliability
from lrcore.reading import Reader
from lrcore.weights import REST, WEIGHTS_FOLDER, Weights, list_weights, load_weights
from tests.helpers import chart_rows, open_page
from tests.tolerances import same_probabilities
from ui.mistakes import confusion_chart, reliability_chart, study
from ui.state import CHOSEN_MODEL, MISTAKE_ANSWER, MISTAKE_TRUTH

pytestmark = pytest.mark.numeric

PAGE = "pages/mistakes.py"
SHIPPED = list(list_weights()[0])


@pytest.fixture(scope="module")
def pixels():
    return load_weights(WEIGHTS_FOLDER / "pixels.npz")


def figure(app, label):
    return next(metric.value for metric in app.metric if metric.label == label)


@pytest.mark.parametrize("name", SHIPPED)
def test_accuracy_is_that_of_the_record(app, name):
    open_page(app, PAGE, **{CHOSEN_MODEL: name})
    accuracy = load_weights(WEIGHTS_FOLDER / f"{name}.npz").record["test_accuracy"]
    assert figure(app, "Accuracy") == f"{accuracy:.2%}"


def test_the_cell_chosen_shows_its_pictures_and_opens_them_in_predict(app, pixels, test_set):
    open_page(app, PAGE, **{CHOSEN_MODEL: "pixels"})
    found = study(pixels)
    app.selectbox(key=MISTAKE_TRUTH).set_value(4).run()
    app.selectbox(key=MISTAKE_ANSWER).set_value(9).run()
    behind = found.behind(4, 9)
    assert any(
        text.value.startswith(f"**{len(behind)}** of 982 pictures of 4") for text in app.markdown
    )
    keys = [str(button.key) for button in app.button]
    buttons = [key for key in keys if key.startswith("test-picture-cell-")]
    assert buttons == [f"test-picture-cell-{i}" for i in found.index[behind][:24]]
    assert (test_set.labels[found.index[behind]] == 4).all()
    app.button(key=buttons[0]).click().run()
    assert not app.exception
    opened = f"Test picture {found.index[behind[0]]} is labelled 4: read wrong."
    assert any(caption.value.startswith(opened) for caption in app.caption)


def test_pictures_come_the_most_confident_first(pixels, test_set):
    found = study(pixels)
    behind = found.behind(4, 9)
    readings = Reader(pixels).read(test_set.images[found.index[behind]])
    assert (readings.digits == 9).all()
    same_probabilities(readings.answer_probability, found.confidence[behind])
    assert (np.diff(found.confidence[behind]) <= 0).all()


@pytest.mark.parametrize("name", SHIPPED)
def test_counts_and_margins_agree_with_the_answers(name):
    found = study(load_weights(WEIGHTS_FOLDER / f"{name}.npz"))
    assert found.counts.sum() == len(found.truth)
    assert np.diag(found.counts).sum() == found.right.sum()
    assert ((found.margin > 0) == found.right).all()


def test_one_digit_against_the_rest_is_asked_about_every_picture(test_set):
    theta = np.zeros((1, 785))
    theta[0, 0] = -1
    found = study(Weights(theta, np.array([REST, 5])))
    assert found.counts.tolist() == [[10_000 - 892, 0], [892, 0]]


def test_a_click_on_a_number_is_a_click_on_its_cell():
    """The layer that takes clicks lies over the one with the numbers."""
    spec = confusion_chart(np.array([[5, 2], [0, 7]]), ["a", "b"]).to_dict()
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["rect", "text", "rect"]
    (param,) = spec["params"]
    assert param["select"]["fields"] == ["truth", "answer"]
    assert spec["layer"][-1]["name"] in param["views"]
    data = chart_rows(spec)
    assert {(row["truth"], row["answer"]): row["count"] for row in data}["a", "b"] == 2
    assert all(
        (row["shade"] < 0) == (row["truth"] == row["answer"]) for row in data if row["count"]
    )


def test_reliability_chart_shows_the_curve():
    table, _ = reliability(np.array([0.95, 0.95, 0.55]), np.array([True, False, True]))
    data = chart_rows(reliability_chart(table).to_dict())
    points = {row["said"]: (row["came"], row["count"]) for row in data if "count" in row}
    assert points == {0.55: (1.0, 1.0), 0.95: (0.5, 2.0)}
