"""The classifiers, against scikit-learn and its conventions."""

import copy
import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from lrcore.data import load_dataset
from lrcore.errors import UserError
from lrcore.estimators import BinaryClassifier, OneVsAllClassifier
from lrcore.logistic import cost, curated_labels, gradient


@pytest.fixture(scope="module")
def digits():
    train = load_dataset().take(slice(500))
    return train.images.reshape(-1, 784) / 255, train.labels


@pytest.fixture(scope="module")
def trained(digits):
    return OneVsAllClassifier(C=0.1, max_iter=200, tol=1e-8).fit(*digits)


def test_optimum_is_scikit_learns(digits, trained):
    X, y = digits
    peer = OneVsRestClassifier(LogisticRegression(C=0.1, solver="lbfgs", tol=1e-9, max_iter=5000))
    peer.fit(X, y)
    theta = np.array([np.append(one.intercept_, one.coef_) for one in peer.estimators_])
    curated = curated_labels(y, np.arange(10))
    np.testing.assert_allclose(trained.theta_, theta, atol=1e-5)
    np.testing.assert_allclose(
        cost(trained.theta_, X, curated, 0.1), cost(theta, X, curated, 0.1), rtol=1e-8
    )
    np.testing.assert_allclose(trained.decision_function(X), peer.decision_function(X), atol=1e-4)
    assert np.abs(gradient(trained.theta_, X, curated, 0.1)).max() < 1e-8


def test_fitted_names_follow_scikit_learn(digits, trained):
    X, y = digits
    assert trained.theta_.shape == (10, 785)
    assert trained.classes_.tolist() == list(range(10))
    assert len(trained.cost_history_) == trained.n_iter_ + 1
    assert trained.cost_history_[0] == pytest.approx(10 * math.log(2))
    assert all(np.diff(trained.cost_history_) <= 1e-12)
    assert trained.score(X, y) == np.mean(trained.predict(X) == y) > 0.9


def test_one_vs_all_probabilities_are_independent(digits, trained):
    p = trained.predict_proba(digits[0])
    assert p.shape == (500, 10)
    assert ((p > 0) & (p < 1)).all()
    assert np.ptp(p.sum(1)) > 0.5  # they need not sum to 1
    np.testing.assert_array_equal(p.argmax(1), trained.predict(digits[0]))


def test_classes_keep_their_labels(digits):
    X, y = digits
    names = np.array(["nought", "one"])[(y % 2)]
    model = OneVsAllClassifier(max_iter=3).fit(X, names)
    assert model.theta_.shape == (2, 785)
    assert set(model.predict(X)) == {"nought", "one"}


def test_binary_tells_two_digits_apart_and_agrees_with_scikit_learn(digits):
    X, y = digits
    two = np.isin(y, (3, 8))
    model = BinaryClassifier(tol=1e-8).fit(X[two], y[two])
    peer = LogisticRegression(tol=1e-9, max_iter=5000).fit(X[two], y[two])
    assert model.theta_.shape == (1, 785)
    assert model.classes_.tolist() == [3, 8]
    np.testing.assert_allclose(model.theta_[:, 1:], peer.coef_, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(X), peer.predict_proba(X), atol=1e-5)
    assert model.decision_function(X).shape == (500,)
    np.testing.assert_array_equal(model.predict(X), peer.predict(X))


@pytest.mark.parametrize("solver", ["gradient-descent", "mini-batch", "lbfgs"])
def test_partial_fit_is_one_step_of_fit(digits, solver):
    X, y = digits
    whole = OneVsAllClassifier(solver, max_iter=3).fit(X, y)
    stepwise = OneVsAllClassifier(solver)
    for done in range(1, 4):
        assert stepwise.partial_fit(X, y).n_iter_ == done
    np.testing.assert_array_equal(stepwise.theta_, whole.theta_)
    assert stepwise.cost_history_ == whole.cost_history_


def test_partial_fit_goes_on_from_theta_with_other_images(digits):
    X, y = digits
    model = OneVsAllClassifier("gradient-descent").partial_fit(X[:30], y[:30], np.arange(10))
    before = model.theta_
    model.partial_fit(X[30:], y[30:])
    expected = before - model.theta_
    slope = gradient(before, X[30:], curated_labels(y[30:], np.arange(10)))
    np.testing.assert_allclose(expected / np.linalg.norm(expected), slope / np.linalg.norm(slope))


def test_same_seed_same_theta(digits):
    def theta(seed):
        return OneVsAllClassifier("mini-batch", max_iter=2, random_state=seed).fit(*digits).theta_

    np.testing.assert_array_equal(theta(7), theta(7))
    assert not np.array_equal(theta(7), theta(8))


def test_a_model_in_training_can_be_copied(digits):
    model = OneVsAllClassifier().partial_fit(*digits)
    np.testing.assert_array_equal(copy.deepcopy(model).theta_, model.theta_)


def test_grey_levels_count_as_pixels(digits):
    X, y = digits
    grey = np.rint(X * 255).astype(np.uint8)
    model = OneVsAllClassifier(max_iter=3).fit(grey, y)
    np.testing.assert_allclose(
        model.decision_function(grey), model.decision_function(X.astype(np.float32)), atol=1e-4
    )


@pytest.mark.parametrize(
    ("model", "X", "y", "word"),
    [
        (OneVsAllClassifier(), np.zeros((3, 2)), [0, 1], "3 rows .* 2 labels"),
        (OneVsAllClassifier(), np.zeros((3, 2)), [4, 4, 4], "All labels are 4"),
        (OneVsAllClassifier(), np.zeros(3), [0, 1, 2], "dimensions"),
        (OneVsAllClassifier(), np.zeros((0, 2)), [], "no labels"),
        (OneVsAllClassifier(), [[0.0], [math.nan]], [0, 1], "not finite"),
        (OneVsAllClassifier(), [[0.0], [math.inf]], [0, 1], "not finite"),
        (OneVsAllClassifier(), np.zeros((2, 2)), [[0], [1]], "flatten"),
        (OneVsAllClassifier("newton"), np.zeros((2, 2)), [0, 1], "choose one of gradient-descent"),
        (OneVsAllClassifier(C=-1), np.zeros((2, 2)), [0, 1], "C is -1"),
        (BinaryClassifier(), np.zeros((3, 2)), [0, 1, 2], "3 different labels"),
    ],
)
def test_bad_input_gets_a_sentence(model, X, y, word):
    with pytest.raises(UserError, match=word):
        model.fit(X, y)


def test_predicting_needs_training_and_the_same_features(digits, trained):
    with pytest.raises(UserError, match="call fit first"):
        OneVsAllClassifier().predict(digits[0])
    with pytest.raises(UserError, match=r"100 features, but .* trained on 784"):
        trained.predict(digits[0][:, :100])
    with pytest.raises(UserError, match=r"10 rows .* 9 labels"):
        trained.score(digits[0][:10], digits[1][:9])


def test_partial_fit_refuses_a_label_it_does_not_know(digits):
    X, y = digits
    model = OneVsAllClassifier().partial_fit(X, y % 5)
    with pytest.raises(UserError, match="not among the classes"):
        model.partial_fit(X[:50], y[:50])
