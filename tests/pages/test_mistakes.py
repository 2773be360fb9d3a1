"""The Mistakes page."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.metrics import roc_curve as reference_roc_curve

from lrcore.metrics import reliability
from lrcore.reading import Reader
from lrcore.weights import REST, WEIGHTS_FOLDER, Weights, list_weights, load_weights
from tests.helpers import chart_rows, open_page
from tests.tolerances import same_probabilities
from ui.mistakes import confusion_chart, reliability_chart, study
from ui.models import NO_MEMORY
from ui.state import BAR_DIGIT, CHOSEN_MODEL, MISTAKE_ANSWER, MISTAKE_TRUTH, OWN_MODELS
from ui.threshold import all_bars, sides
from ui.threshold_charts import MOST_POINTS, histograms, precision_recall_chart, roc_chart

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


def bar_of(app):
    return next(slider for slider in app.slider if slider.label == "The bar (score)")


def test_the_corner_is_shown_first_where_the_bar_lies_in_it(app):
    open_page(app, PAGE, **{CHOSEN_MODEL: "pixels"})
    shown = {}
    for digit in (0, 8):
        app.selectbox(key=BAR_DIGIT).set_value(digit).run()
        assert not app.exception
        shown[digit] = next(box for box in app.toggle if box.label.startswith("Only the corner"))
    assert shown[0].value
    # Its recall is 0.74: both charts would be without their bar, one without its curve.
    assert not shown[8].value
    # What is nearest to the bar has no score of zero, let alone one below it.
    assert not any(text.value in ("+0.000", "−0.000", "-0.0") for text in app.caption)


def test_the_bar_moved_changes_precision_recall_and_shows_what_changes_sides(app, pixels):
    open_page(app, PAGE, **{CHOSEN_MODEL: "pixels"})
    found = study(pixels)
    app.selectbox(key=BAR_DIGIT).set_value(4).run()
    scores, yes = found.scores[:, 4], found.truth == 4
    shares = {}
    for bar in (0.0, 2.0, -2.0):
        bar_of(app).set_value(bar).run()
        assert not app.exception
        said = scores >= bar
        assert figure(app, "Precision") == f"{(said & yes).sum() / said.sum():.2%}"
        assert figure(app, "Recall") == f"{(said & yes).sum() / yes.sum():.2%}"
        assert figure(app, "False alarms") == f"{(said & ~yes).sum():,}"
        shares[bar] = figure(app, "Precision"), figure(app, "Recall")
        texts = [text.value for text in app.markdown]
        if bar > 0:
            count = ((scores >= 0) & (scores < bar) & yes).sum()
            assert any(text.startswith(f"**{count}** now missed (each is a 4)") for text in texts)
        if bar < 0:
            count = ((scores >= bar) & (scores < 0) & ~yes).sum()
            expected = f"**{count}** now a false alarm (none is a 4)"
            assert any(text.startswith(expected) for text in texts)
    assert len(set(shares.values())) == 3


@pytest.mark.parametrize("bar", [-3.0, -0.1, 0.1, 3.0])
def test_those_that_change_sides_are_those_whose_answer_differs(pixels, bar):
    found = study(pixels)
    scores, yes = found.scores[:, 8], found.truth == 8
    (_, better), (_, worse) = sides(scores, yes, bar)
    before, after = scores >= 0, scores >= bar
    assert sorted(better) == np.flatnonzero((before != after) & (after == yes)).tolist()
    assert sorted(worse) == np.flatnonzero((before != after) & (after != yes)).tolist()
    assert (np.diff(np.abs(scores[worse] - bar)) >= 0).all()


def test_the_table_of_all_bars_agrees_with_scikit_learn(pixels):
    found, table = study(pixels), all_bars(pixels, study(pixels))
    assert table["digit"].tolist() == [str(digit) for digit in range(10)]
    for place, row in enumerate(table.itertuples(index=False)):
        scores, yes = found.scores[:, place], found.truth == place
        assert row.precision == pytest.approx(100 * precision_score(yes, scores >= 0), rel=1e-9)
        assert row.recall == pytest.approx(100 * recall_score(yes, scores >= 0), rel=1e-9)
        assert table["ROC area"][place] == pytest.approx(roc_auc_score(yes, scores), rel=1e-9)
        assert table["PR area"][place] == pytest.approx(
            average_precision_score(yes, scores), rel=1e-9
        )


def test_a_model_of_one_question_has_one_bar(app, test_set):
    theta = np.random.default_rng(0).normal(size=(1, 785)) / 100
    weights = Weights(theta, np.array([REST, 5]))
    weights = replace(weights, name="five")
    open_page(app, PAGE, **{OWN_MODELS: {"five": weights}, CHOSEN_MODEL: "five"})
    assert not [box for box in app.selectbox if box.key == BAR_DIGIT]
    assert bar_of(app).value == 0
    assert all_bars(weights, study(weights))["digit"].tolist() == ["5"]


def test_curves_of_the_bar_are_drawn_with_few_points_that_lie_on_them(pixels):
    found = study(pixels)
    scores, yes = found.scores[:, 8], found.truth == 8
    x, y, _ = reference_roc_curve(yes, scores, drop_intermediate=False)
    curve = {tuple(pair) for pair in np.column_stack([x, y]).round(9).tolist()}
    for chart, field in ((roc_chart, "false positive rate"), (precision_recall_chart, "precision")):
        rows = [row for row in chart_rows(chart(scores, yes, 0.0).to_dict()) if field in row]
        assert 20 < len(rows) < MOST_POINTS + 10
        if chart is roc_chart:
            on = [(round(row[field], 9), round(row["recall"], 9)) for row in rows]
            assert set(on) - {(0.0, 0.0), (1.0, 1.0)} <= curve


def test_histograms_count_every_picture_once(pixels):
    found = study(pixels)
    scores, yes = found.scores[:, 3], found.truth == 3
    rows = chart_rows(histograms(scores, yes, 0.0, "a 3").to_dict())
    for kind, count in (("is a 3", yes.sum()), ("is not a 3", (~yes).sum())):
        assert sum(row["pictures"] for row in rows if row.get("kind") == kind) == count


@pytest.mark.parametrize("bar", [0.0, 9.0, 99.0])
@pytest.mark.parametrize("corner", [False, True])
@pytest.mark.parametrize("chart", [roc_chart, precision_recall_chart])
def test_the_dot_is_where_the_bar_is_or_outside_of_the_corner(pixels, chart, corner, bar):
    found = study(pixels)
    scores, yes = found.scores[:, 8], found.truth == 8
    spec = chart(scores, yes, bar, corner).to_dict()
    dot = spec["layer"][-1]
    (row,) = spec["datasets"][dot["data"]["name"]]
    recall = ((scores >= bar) & yes).sum() / yes.sum()
    if row["recall"] is None:
        assert corner or not (scores >= bar).any()
    else:
        assert row["recall"] == pytest.approx(recall, rel=1e-9)
        assert recall >= 0.8 or not corner


def test_want_of_memory_ends_in_a_sentence_on_a_page_and_in_a_part_of_it(app, monkeypatch):
    def fails(*_):
        # What numpy raises, and some libraries.
        return np.empty(2**50)

    with monkeypatch.context() as wants:
        wants.setattr("ui.threshold.histograms", fails)
        open_page(app, PAGE)
        assert [error.value for error in app.error] == [NO_MEMORY]
        # The rest of the page is there.
        assert any("The hardest of each digit" in text.value for text in app.markdown)
    with monkeypatch.context() as wants:
        wants.setattr("ui.mistakes.study", fails)
        app.run()
        assert [error.value for error in app.error] == [NO_MEMORY]
        assert not app.exception
    app.run()
    assert not app.error
