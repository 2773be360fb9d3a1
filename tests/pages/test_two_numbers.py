"""The page 'Two numbers': what it says is what the core computes."""

import numpy as np
import pytest

from lrcore.drawing import to_digit
from lrcore.logistic import sigmoid
from lrcore.two_numbers import COMPONENTS, PIXELS, Choice, Line, accuracy, ink, two_numbers
from tests.helpers import chart_rows, open_page
from ui.canvas import SIDE, Kept
from ui.plane import STOPS, Own, corners, drawing, ticks
from ui.state import (
    KEPT_DRAWING,
    PLANE,
    TWO_BUTTON,
    TWO_DIGIT,
    TWO_KIND,
    TWO_LEARNING,
    TWO_LINE,
    TWO_PIXEL,
)
from ui.two_numbers import Learning
from ui.two_numbers_charts import line_chart, lines_of, pixels_chart

PAGE = "pages/two-numbers.py"
# A 1, as the canvas sends it.
STROKE = {
    "type": "path",
    "path": [["M", 165, 60], ["Q", 165, 60, 165, 160], ["L", 165, 270]],
    **{"left": 0, "top": 0, "width": 0, "height": 210, "stroke": "#1f2430", "strokeWidth": 16},
}


@pytest.fixture(scope="module")
def found(train_set):
    return two_numbers(train_set)


def figure(app, label):
    return next(metric.value for metric in app.metric if metric.label == label)


def press(app, what):
    app.button(key=TWO_BUTTON(what=what)).click().run()
    assert not app.exception


def test_it_goes_step_by_step_from_zero_and_back(app, found):
    open_page(app, PAGE)
    assert figure(app, "Cost") == f"{np.log(2):.4f}"
    way = found.way(steps=2)
    for step in way[1:]:
        press(app, "step")
        assert figure(app, "Cost") == f"{step.cost[0]:.4f}"
        assert figure(app, "On the right side") == f"{accuracy(step.theta, found.X, found.y):.1%}"
    assert not any("lie on the right side" in text.value for text in app.markdown)
    app.slider(key="two_step-2").set_value(1).run()
    assert figure(app, "Cost") == f"{way[1].cost[0]:.4f}"
    press(app, "learn")
    assert float(figure(app, "Cost")) <= 1.001 * found.cost(found.optimum) + 1e-4
    right = accuracy(app.session_state[TWO_LEARNING].theta, found.X, found.y)
    assert any(f"**{100 * right:.0f} of 100**" in text.value for text in app.markdown)
    press(app, "zero")
    assert figure(app, "Steps") == "0"
    assert figure(app, "Cost") == f"{np.log(2):.4f}"


def test_a_line_set_by_hand_has_its_cost_and_is_learned_on_from(app, found):
    open_page(app, PAGE)
    press(app, "hand")
    app.slider(key=TWO_LINE["angle"]).set_value(-40.0).run()
    app.slider(key=TWO_LINE["offset"]).set_value(0.5).run()
    app.slider(key=TWO_LINE["steepness"]).set_value(3.0).run()
    theta = Line(-40.0, 0.5, 3.0).theta
    assert figure(app, "Cost") == f"{found.cost(theta):.4f}"
    press(app, "step")
    assert figure(app, "Cost") == f"{found.way(steps=1, start=theta)[1].cost[0]:.4f}"
    # From a theta of zero any slider makes a line.
    press(app, "zero")
    app.slider(key=TWO_LINE["angle"]).set_value(10.0).run()
    assert app.session_state[TWO_LEARNING].theta[0, 1:].any()


def test_a_dragged_line_is_taken_over_once(app, found):
    open_page(app, PAGE)
    theta = Line(20.0, -0.3, 4.0).theta
    app.session_state[PLANE] = {"line": {"theta": theta[0].tolist(), "count": 1}}
    app.run()
    assert figure(app, "Cost") == f"{found.cost(theta):.4f}"
    assert app.slider(key=TWO_LINE["angle"]).value == 20
    press(app, "zero")
    assert figure(app, "Cost") == f"{np.log(2):.4f}"
    for nonsense in (7, {"line": 3}, {"line": {"theta": ["a"], "count": 9}}):
        app.session_state[PLANE] = nonsense if isinstance(nonsense, dict) else {}
        app.run()
        assert not app.exception


def test_another_pair_or_other_numbers_begin_with_no_line(app, train_set):
    open_page(app, PAGE)
    press(app, "learn")
    app.selectbox(key=TWO_DIGIT["no"]).set_value(0).run()
    assert figure(app, "Steps") == "0"
    app.button_group(key=TWO_KIND).set_value(PIXELS).run()
    app.selectbox(key=TWO_PIXEL["row_1"]).set_value(9).run()
    press(app, "step")
    other = two_numbers(train_set, Choice((0, 5), PIXELS, ((9, 14), (7, 17))))
    assert figure(app, "Cost") == f"{other.way(steps=1)[1].cost[0]:.4f}"
    app.selectbox(key=TWO_DIGIT["yes"]).set_value(0).run()
    assert not app.exception
    assert "Both digits are 0" in app.error[0].value


def test_the_drawing_of_predict_lands_as_a_dot(app, found):
    kept = Kept({"objects": [STROKE]})
    open_page(app, PAGE, **{KEPT_DRAWING(canvas="canvas"): kept})
    image = to_digit(kept.strokes((SIDE, SIDE)))
    assert any(f"**{ink(image[None])[0]:.3f}**" in text.value for text in app.markdown)
    assert any("the line gives it **0.50**" in text.value for text in app.markdown)


def test_the_guess_is_judged_once_it_is_learned(app):
    open_page(app, PAGE)
    (guess,) = [group for group in app.button_group if str(group.key).startswith("two-guess")]
    guess.set_value(3).run()
    press(app, "learn")
    assert any("You guessed over 95" in text.value for text in app.markdown)


def test_a_link_sets_digits_numbers_and_line(app, train_set):
    query = {"digits": "3,8", "numbers": "pixels", "pixels": "10,8,17,8", "line": "180,0.5,3"}
    open_page(app, PAGE)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    choice = Choice((3, 8), PIXELS, ((10, 8), (17, 8)))
    theta = Line(180.0, 0.5, 3.0).theta
    assert figure(app, "Cost") == f"{two_numbers(train_set, choice).cost(theta):.4f}"
    assert any("line=180,0.50,3.0" in code.value for code in app.code)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("digits", "1", "digits cannot be"),
        ("digits", "5,5", "Both digits are 5"),
        ("numbers", "![](//b)", "There are no numbers"),
        ("pixels", "1,2,3,99", "must be two of row and column"),
        ("line", "1,2", "The line cannot be"),
        ("line", "nan,0,1", "The line cannot be"),
    ],
)
def test_a_link_that_cannot_be_is_one_sentence(app, name, text, said):
    open_page(app, PAGE)
    app.query_params[name] = text
    app.run()
    assert not app.exception
    assert said in app.error[0].value
    assert figure(app, "Cost") == f"{np.log(2):.4f}"


def test_the_drawing_holds_every_dot_the_line_and_ones_own(found):
    theta = Line(30.0, 0.2, 2.0).theta
    blank = np.zeros((28, 28), np.uint8)
    own = Own(blank, np.array([0.9, -0.1]))
    shown = drawing(found, theta, "said", own)
    assert len(shown["dots"]["points"]) == len(found.y)
    for (x, y, kind, words), number, label in zip(
        shown["dots"]["points"], found.X, found.pictures.labels, strict=True
    ):
        assert (x, y) == pytest.approx(tuple(number), abs=1e-3)
        assert words.startswith(f"A {label}: ink ")
        assert kind == (label == 5)
    low, high = np.array(shown["low"]), np.array(shown["high"])
    star = np.array([shown["own"]["x"], shown["own"]["y"]])
    for points in (found.X, star[None]):
        assert (points >= low).all()
        assert (points <= high).all()
    # Ticks stand where the two numbers have these values.
    for axis, marks in enumerate(shown["ticks"]):
        assert len(marks) >= 3
        for at, text in marks:
            value = at * found.scale[axis] + found.mean[axis]
            assert value == pytest.approx(float(text.replace("−", "-")), abs=1e-6)
    assert len(shown["stops"]) == STOPS
    assert shown["stops"][STOPS // 2][2] == 0
    assert "The line runs from ink" in shown["label"]
    assert "Your drawing is at ink 0.9" in shown["label"]
    assert "There is no line" in drawing(found, np.zeros((1, 3)), "")["label"]
    assert "outside" in drawing(found, Line(0.0, 99.0, 1.0).theta, "")["label"]
    assert drawing(found, theta, "", whole=False)["dots"] is None


def test_axes_have_round_numbers_and_room():
    assert ticks(-0.31, 0.02) == [-0.3, -0.25, -0.2, -0.15, -0.1, -0.05, 0]
    assert ticks(1.0, 1.0) == []
    low, high = corners(np.array([[0.0, 5.0], [2.0, 5.0]]))
    assert low[0] < 0 < 2 < high[0]
    assert low[1] < 5 < high[1]


def test_two_pixels_are_marked_where_they_are():
    spec = pixels_chart(np.eye(28), ((3, 20), (9, 9))).to_dict()
    rows = chart_rows(spec)
    assert [(row["x"], row["y"]) for row in rows if "name" in row] == [(20.5, 3.5), (9.5, 9.5)]
    assert sum(row.get("difference", 0) for row in rows) == 28


def test_the_chart_of_a_lesson_has_the_dots_and_ends_its_lines_on_the_frame(found):
    theta = found.optimum
    lines = lines_of(found, theta)
    assert set(lines) == {"line", "low", "high"}
    for name, p in (("line", 0.5), ("low", 0.1), ("high", 0.9)):
        ends = found.standardise(lines[name])
        z = ends @ theta[0, 1:] + theta[0, 0]
        np.testing.assert_allclose(sigmoid(z), p, atol=1e-9)
    assert lines_of(found, np.zeros((1, 3))) == {}
    spec = line_chart(found.raw, found.pictures.labels, (1, 5), ("a", "b"), lines).to_dict()
    rows = chart_rows(spec)
    dots = [row for row in rows if "digit" in row]
    assert len(dots) == len(found.y)
    assert {row["digit"] for row in dots} == {"a 1", "a 5"}
    assert len(rows) == len(dots) + 2 * len(lines)


def test_learning_goes_on_until_it_is_near_the_lowest_cost(train_set):
    for choice in (Choice(), Choice((0, 1), COMPONENTS)):
        problem, held = two_numbers(train_set, choice), Learning(choice)
        held.learn(problem)
        assert problem.learned(held.theta)
        assert held.at == len(held.thetas) - 1 < 200
        before = len(held.thetas)
        held.learn(problem)
        assert len(held.thetas) == before
