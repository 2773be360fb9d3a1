"""The classifiers, against scikit-learn and its conventions."""

import copy
import math
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from lrcore.data import load_dataset
from lrcore.errors import UserError
from lrcore.estimators import BinaryClassifier, OneVsAllClassifier
from lrcore.logistic import cost, curated_labels, gradient
from tests.browser.driver import ROOT

pytestmark = pytest.mark.numeric


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
    p = trained.independent_proba(digits[0])
    assert p.shape == (500, 10)
    assert ((p > 0) & (p < 1)).all()
    assert np.ptp(p.sum(1)) > 0.5  # they need not sum to 1
    np.testing.assert_array_equal(p.argmax(1), trained.predict(digits[0]))


def test_predict_proba_is_scikit_learns_share_of_their_sum(digits, trained):
    X, y = digits
    independent, p = trained.independent_proba(X), trained.predict_proba(X)
    np.testing.assert_allclose(p, independent / independent.sum(1, keepdims=True), rtol=1e-9)
    peer = OneVsRestClassifier(LogisticRegression(C=0.1, tol=1e-9, max_iter=5000)).fit(X, y)
    np.testing.assert_allclose(p, peer.predict_proba(X), atol=1e-4)
    with pytest.warns(UserWarning, match="of up to 1e"):
        far = trained.predict_proba(1e6 * X)
    np.testing.assert_allclose(far.sum(1), 1)  # where every model says no, too
    assert (trained.decision_function(X) < 0).all(1).any()


def test_two_classes_have_one_decision_value_each(digits):
    X, y = digits
    model = OneVsAllClassifier(tol=1e-8).fit(X, y == 3)
    p = model.predict_proba(X)
    assert model.theta_.shape == (2, 785)
    np.testing.assert_allclose(model.decision_function(X), np.log(p[:, 1] / p[:, 0]), rtol=1e-6)
    # Two mirrored models say what one would say.
    binary = BinaryClassifier(tol=1e-8).fit(X, y == 3)
    np.testing.assert_allclose(model.decision_function(X), binary.decision_function(X), atol=1e-4)


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
    with pytest.warns(UserWarning, match="grey levels"):
        floats = model.decision_function(X.astype(np.float32))
    np.testing.assert_allclose(model.decision_function(grey), floats, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "X", "y", "word"),
    [
        (OneVsAllClassifier(), np.zeros((3, 2)), [0, 1], "3 rows .* 2 labels"),
        (OneVsAllClassifier(), np.zeros((3, 2)), [4, 4, 4], "All labels are 4"),
        (OneVsAllClassifier(), np.zeros(3), [0, 1, 2], "dimensions"),
        (OneVsAllClassifier(), np.zeros((0, 2)), [], "no labels"),
        (OneVsAllClassifier(), [[0.0], [math.nan]], [0, 1], "not finite"),
        (OneVsAllClassifier(), [[0.0], [math.inf]], [0, 1], "not finite"),
        (OneVsAllClassifier(), np.zeros((2, 2)), [[0, 2], [1, 1]], "flatten"),
        (OneVsAllClassifier(), np.zeros((2, 2)), np.eye(2), r"one-hot.*argmax"),
        (BinaryClassifier(), np.zeros((2, 2)), np.eye(2, dtype=bool), r"one-hot.*argmax"),
        (OneVsAllClassifier(), np.zeros((3, 2)), [0, None, 1], "None, first at row 1"),
        (OneVsAllClassifier(), np.zeros((3, 2)), ["a", "b", None], "None, first at row 2"),
        (OneVsAllClassifier(), np.zeros((2, 2)), None, "label for each row"),
        (OneVsAllClassifier(), np.zeros((2, 2)), [0.5, 1], r"holds 0\.5"),
        (OneVsAllClassifier(), np.zeros((2, 2)), [math.nan, 1], "every row a label"),
        (OneVsAllClassifier(), np.zeros((2, 2)), np.array(["a", 1], object), "one kind"),
        (OneVsAllClassifier(), [["a", "b"]] * 2, [0, 1], "no number"),
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
    with pytest.raises(UserError, match=r"100 features, but .* trained on 784"):
        copy.deepcopy(trained).partial_fit(digits[0][:, :100], digits[1])
    with pytest.raises(UserError, match=r"10 rows .* 9 labels"):
        trained.score(digits[0][:10], digits[1][:9])


def test_partial_fit_refuses_a_label_it_does_not_know(digits):
    X, y = digits
    model = OneVsAllClassifier().partial_fit(X, y % 5)
    with pytest.raises(UserError, match="not among the classes"):
        model.partial_fit(X[:50], y[:50])


@parametrize_with_checks([OneVsAllClassifier(), BinaryClassifier()])
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


def test_the_tags_say_what_each_can():
    tags = OneVsAllClassifier().__sklearn_tags__(), BinaryClassifier().__sklearn_tags__()
    assert [tag.classifier_tags.multi_class for tag in tags] == [True, False]
    assert is_classifier(OneVsAllClassifier())


def test_parameters_can_be_read_set_and_cloned():
    model = OneVsAllClassifier("lbfgs", C=0.1)
    assert model.get_params()["C"] == 0.1
    assert model.set_params(C=3.0, max_iter=5) is model
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert (copied.C, copied.max_iter, copied.solver) == (3.0, 5, "lbfgs")
    with pytest.raises(UserError, match="no parameter 'c'; choose one of solver, C"):
        model.set_params(c=1)


def test_cross_validation_agrees_with_the_peers(digits):
    X, y = digits
    peer = OneVsRestClassifier(LogisticRegression(C=0.1, tol=1e-8, max_iter=5000))
    mine = cross_val_score(OneVsAllClassifier(C=0.1, tol=1e-8, max_iter=500), X, y, cv=3)
    np.testing.assert_allclose(mine, cross_val_score(peer, X, y, cv=3), atol=0.007)
    log_loss = cross_val_score(OneVsAllClassifier(max_iter=5), X, y, cv=3, scoring="neg_log_loss")
    assert (log_loss > -1).all()


def test_a_grid_search_through_a_pipeline_finds_the_better_c(digits):
    X, y = digits
    pipeline = make_pipeline(StandardScaler(), OneVsAllClassifier(max_iter=8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a pixel that is rarely inked alone is no other scale
        search = GridSearchCV(pipeline, {"onevsallclassifier__C": [1e-6, 0.01]}, cv=3).fit(X, y)
    assert search.best_params_ == {"onevsallclassifier__C": 0.01}
    assert search.best_estimator_[-1].C == 0.01
    assert search.score(X, y) > 0.9


def test_before_fit_scikit_learns_own_error_is_raised(digits):
    with pytest.raises(NotFittedError, match="call fit first"):
        BinaryClassifier().predict_proba(digits[0])


def test_a_column_of_labels_is_taken_with_a_warning(digits):
    X, y = digits
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model = OneVsAllClassifier(max_iter=2).fit(X, y[:, None])
    np.testing.assert_array_equal(model.theta_, OneVsAllClassifier(max_iter=2).fit(X, y).theta_)


GREY = "uint8, grey levels"


@pytest.mark.parametrize(
    ("fitted", "seen", "words"),
    [
        ("scaled", "greys as floats", r"up to 255, .*fitted to float64 of up to 1;"),
        ("greys as floats", "scaled", r"up to 1, .*fitted to float64 of up to 255"),
        ("greys as integers", "scaled", r"up to 1, .*fitted to float64 of up to 255"),
        ("greys", "greys as floats", rf"up to 255, .*fitted to {GREY}"),
        ("greys as floats", "greys", rf"{GREY}.*fitted to float64 of up to 255"),
        ("scaled", "greys", rf"{GREY}.*fitted to float64 of up to 1;"),
        ("scaled", "single", None),
        ("greys as integers", "greys as floats", None),
        ("scaled", "blank", None),
    ],
)
def test_another_dtype_or_range_than_was_fitted_to_warns(digits, fitted, seen, words):
    X, y = digits
    greys = np.rint(255 * X).astype(np.uint8)
    kinds = {
        "scaled": X,
        "single": X.astype(np.float32),
        "blank": np.zeros((1, 784)),
        "greys": greys,
        "greys as floats": greys.astype(float),
        "greys as integers": greys.astype(int),
    }
    model = OneVsAllClassifier(max_iter=1).fit(kinds[fitted], y)
    uses = [model.predict, model.predict_proba, model.decision_function]
    uses += [lambda X: model.score(X, y[: len(X)])]
    if seen != "blank":
        uses += [lambda X: copy.deepcopy(model).partial_fit(X, y)]
    for use in uses:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            use(kinds[seen])
        assert len(told) == (words is not None)
        if words:
            with pytest.warns(UserWarning, match=words):
                use(kinds[seen])


def test_a_pickle_predicts_alike_and_warns_alike(digits):
    X, y = digits
    model = pickle.loads(pickle.dumps(OneVsAllClassifier(max_iter=2).fit(X, y)))
    with pytest.warns(UserWarning, match="fitted to"):
        model.predict(X * 255)


def test_scikit_learn_need_not_be_there():
    """Where it cannot be imported, all goes as before, down to a sentence before fit."""
    script = """
import sys
sys.modules["sklearn"] = None
import numpy as np
from lrcore.estimators import BinaryClassifier, OneVsAllClassifier
X, y = np.random.default_rng(0).random((40, 3)), np.arange(40) % 2
for model in (OneVsAllClassifier(), BinaryClassifier()):
    try:
        model.predict(X)
    except ValueError as error:
        assert "call fit first" in str(error)
    assert model.set_params(C=2.0).fit(X, y[:, None]).predict(X).shape == (40,)
    assert model.get_params()["C"] == 2
assert not [name for name in sys.modules if name.startswith("sklearn.")]
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
