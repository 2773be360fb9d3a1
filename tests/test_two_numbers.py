"""Pictures reduced to two numbers, and the line between them, against scikit-learn's."""

import math

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from lrcore import logistic
from lrcore.data import as_set
from lrcore.errors import UserError
from lrcore.logistic import sigmoid
from lrcore.solvers import SOLVERS
from lrcore.two_numbers import (
    COMPONENTS,
    NUMBERS,
    PIXELS,
    Choice,
    Line,
    accuracy,
    choice_texts,
    ends,
    ink,
    line_of,
    principal_components,
    read_choice,
    symmetry,
    two_numbers,
)


@pytest.fixture(scope="module")
def problem(train_set):
    return two_numbers(train_set)


def picture(*places):
    """A picture of paper with full ink at these places."""
    grey = np.zeros((1, 28, 28), np.uint8)
    for row, column in places:
        grey[0, row, column] = 255
    return grey


def test_ink_is_the_mean_grey():
    assert ink(np.full((2, 28, 28), 255, np.uint8)).tolist() == [1, 1]
    assert ink(picture((3, 4), (9, 9)))[0] == pytest.approx(2 / 784)


def test_symmetry_is_what_flipping_changes():
    four = picture((3, 4), (3, 23), (24, 4), (24, 23))
    assert symmetry(four)[0] == 0
    # Flipped left to right nothing changes, top to bottom four pixels do; the mean over both.
    assert symmetry(picture((3, 4), (3, 23)))[0] == pytest.approx(-(4 / 784) / 2)
    # A lone pixel is missed at its place and found at another, both ways.
    assert symmetry(picture((3, 4)))[0] == pytest.approx(-2 / 784)


def test_principal_components_are_scikit_learns(train_set):
    images = train_set.images[:2000]
    middle, axes = principal_components(images)
    theirs = PCA(2, svd_solver="full").fit(images.reshape(2000, -1) / 255)
    np.testing.assert_allclose(middle, theirs.mean_, atol=1e-6)
    for mine, reference in zip(axes.T, theirs.components_, strict=True):
        assert abs(mine @ reference) == pytest.approx(1, abs=1e-5)
        assert mine[np.abs(mine).argmax()] > 0


@pytest.mark.parametrize("numbers", NUMBERS)
def test_the_cost_is_the_cores_and_its_lowest_point_scikit_learns(train_set, numbers):
    found = two_numbers(train_set, Choice(numbers=numbers))
    np.testing.assert_allclose(found.X, StandardScaler().fit_transform(found.raw), atol=1e-9)
    theta = np.array([[0.3, -1.2, 0.4]])
    assert found.cost(theta) == logistic.cost(theta, found.X, found.y[:, None], 1.0)[0]
    reference = LogisticRegression(C=1.0, tol=1e-12).fit(found.X, found.y)
    theirs = [*reference.intercept_, *reference.coef_[0]]
    np.testing.assert_allclose(found.optimum[0], theirs, atol=1e-4)
    assert accuracy(found.optimum, found.X, found.y) == reference.score(found.X, found.y)


def test_the_pictures_are_as_many_of_both_and_their_numbers_are_theirs(train_set):
    choice = Choice((4, 9), PIXELS, ((10, 10), (20, 14)), of_each=40, seed=3)
    found = two_numbers(train_set, choice)
    assert np.bincount(found.pictures.labels, minlength=10)[[4, 9]].tolist() == [40, 40]
    assert (found.y == (found.pictures.labels == 9)).all()
    assert (found.raw == found.pictures.images[:, [10, 20], [10, 14]] / 255).all()
    assert (found.reduce(found.pictures.images) == found.raw).all()
    again = two_numbers(train_set, choice)
    assert (again.pictures.images == found.pictures.images).all()
    as_they_are = two_numbers(train_set, Choice(standardised=False))
    assert (as_they_are.raw == as_they_are.X).all()


def test_a_number_that_is_the_same_in_all_pictures_says_nothing(train_set):
    found = two_numbers(train_set, Choice(numbers=PIXELS, pixels=((0, 0), (14, 14))))
    assert not found.X[:, 0].any()
    assert found.optimum[0, 1] == 0
    assert found.optimum[0, 2] != 0


def test_a_way_starts_where_it_is_told_and_goes_down(problem):
    start = Line(80.0, 1.0, 2.0).theta
    steps = problem.way(steps=30, start=start)
    assert len(steps) == 31
    assert (steps[0].theta == start).all()
    costs = [step.cost[0] for step in steps]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == pytest.approx(problem.cost(problem.optimum), rel=0.01)
    assert problem.way(steps=3)[0].cost[0] == pytest.approx(math.log(2))
    for solver in SOLVERS:
        (_, step) = problem.way(solver, 1, learning_rate=0.1)
        assert step.cost[0] < math.log(2)


@pytest.mark.parametrize(("angle", "offset"), [(0, 0.5), (90, -1), (-135, 0), (179, 2)])
def test_a_line_is_theta_and_back(angle, offset):
    line = Line(angle, offset, 3.0)
    back = line_of(line.theta)
    assert (back.angle, back.offset, back.steepness) == pytest.approx((angle, offset, 3))
    across = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    score = line.theta[0, 1:] @ ((offset + 0.2) * across) + line.theta[0, 0]
    # On the line one half; beyond it, towards 'yes', more.
    assert sigmoid(score) == pytest.approx(sigmoid(0.6), abs=1e-9)


def test_a_line_ends_at_the_sides_of_its_box():
    low, high = np.array([-1.0, -2.0]), np.array([1.0, 2.0])
    found = ends(Line(0.0, 0.5, 1.0).theta, low, high)
    assert sorted(found.tolist()) == [[0.5, -2], [0.5, 2]]
    theta = np.array([[0.2, 1.0, -0.7]])
    for point in ends(theta, low, high):
        assert theta[0, 1:] @ point + theta[0, 0] == pytest.approx(0, abs=1e-12)
        assert np.isclose(np.abs(point), high).any()
    assert ends(Line(0.0, 1.5, 1.0).theta, low, high) is None
    assert ends(Line(45.0, 9.0, 1.0).theta, low, high) is None
    assert ends(np.array([[1.0, 0.0, 0.0]]), low, high) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"digits": (1, 10)}, "two from 0 to 9"),
        ({"digits": (5, 5)}, "Both digits are 5"),
        ({"numbers": "nothing"}, "no numbers 'nothing'"),
        ({"pixels": ((0, 0), (28, 0))}, "each from 0 to 27"),
        ({"numbers": PIXELS, "pixels": ((3, 3), (3, 3))}, "Both pixels are the same"),
        ({"of_each": 0}, "from 1 to 5,000"),
    ],
)
def test_what_cannot_be_is_one_sentence(change, said):
    with pytest.raises(UserError, match=said):
        Choice(**change)


def test_a_set_without_enough_pictures_is_one_sentence():
    few = as_set(np.zeros((4, 28, 28), np.uint8), [1, 1, 5, 5])
    assert len(two_numbers(few, Choice(of_each=2)).y) == 4
    with pytest.raises(UserError, match="2 pictures of 1, fewer than 150"):
        two_numbers(few, Choice(numbers=COMPONENTS))


def test_a_choice_is_read_from_texts_and_back():
    for choice in (
        Choice(),
        Choice((3, 8), PIXELS, ((0, 27), (14, 2))),
        Choice((9, 4), COMPONENTS),
    ):
        assert read_choice(choice_texts(choice)) == choice
    assert read_choice({"digits": "7, 9"}, Choice(seed=4)) == Choice((7, 9), seed=4)
    for texts in ({"digits": "1"}, {"pixels": "1,2,3"}, {"digits": "-1,5"}, {"colour": "red"}):
        with pytest.raises(UserError):
            read_choice(texts)
