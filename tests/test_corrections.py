"""One hand learned: against the cost it minimises, against forgetting, and its file."""

import numpy as np
import pytest
from scipy.optimize import minimize

from benchmarks.real_hands import stream
from lrcore import corrections
from lrcore.archive import pack_arrays
from lrcore.cli import main
from lrcore.corrections import Curvature, learn, load_curvature, save_curvature, shipped_curvature
from lrcore.data import Dataset, as_set
from lrcore.errors import UserError
from lrcore.estimators import OneVsAllClassifier
from lrcore.features import extract
from lrcore.logistic import sigmoid
from lrcore.reading import Reader
from lrcore.weights import DEFAULT, REST, WEIGHTS_FOLDER, Weights, load_weights, save_weights
from tests.files import write_idx
from tests.tolerances import same_theta

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def default():
    return load_weights(DEFAULT)


@pytest.fixture(scope="module")
def curvature(default, train_set):
    return shipped_curvature(default) or Curvature.measure(default, train_set.images[:3000])


@pytest.fixture(scope="module")
def mistaken(default, test_set):
    """The first test pictures that the default weights read wrong."""
    some = test_set.take(slice(0, 3000))
    return some.take(Reader(default).read(some.images).digits != some.labels)


@pytest.fixture(scope="module")
def small():
    """Two classes of a binary model on pixels with its curvature, small enough to check."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300, 28, 28), np.uint8)
    images[:, 3:] = 0
    truth = (images[:, 0, :14].mean(1) > images[:, 0, 14:].mean(1)).astype(np.uint8)
    theta = np.zeros((1, 785))
    theta[0, 1:15], theta[0, 15:29] = 2.0, -2.0
    weights = Weights(theta, np.array([0, 1]), "pixels", {"C": 1.0, "images": 300}, None, "small")
    return weights, Dataset(images, truth)


def test_a_corrected_digit_reads_right(default, curvature, mistaken):
    learned = learn(default, curvature, mistaken)
    assert len(mistaken) > 5
    assert (Reader(learned).read(mistaken.images).digits == mistaken.labels).all()
    assert learned.record["corrections"] == len(mistaken)


def test_a_handful_of_corrections_forgets_hardly_anything(default, curvature, mistaken, test_set):
    rest = test_set.take(slice(5000, 8000))
    before, _ = Reader(default).accuracy(rest.images, rest.labels)
    learned = learn(default, curvature, mistaken.take(slice(0, 10)))
    after, _ = Reader(learned).accuracy(rest.images, rest.labels)
    assert after >= before - 0.002
    # Without the curvature, the same pull would.
    flat = Curvature(np.eye(len(curvature.inverse_root), dtype=np.float32), "")
    careless, _ = Reader(learn(default, flat, mistaken.take(slice(0, 10)))).accuracy(
        rest.images, rest.labels
    )
    assert careless < after


def test_the_trained_weights_stay_as_they_were(default, curvature, mistaken):
    before = default.theta.copy()
    learn(default, curvature, mistaken)
    np.testing.assert_array_equal(default.theta, before)
    assert learn(default, curvature, as_set()) is default


def test_a_stream_corrects_every_mistake_and_nothing_else(default, curvature, mistaken, test_set):
    same = mistaken.take(np.zeros(2, int))
    digits = Dataset(
        np.concatenate([test_set.images[:5], same.images, mistaken.images[1:2]]),
        np.concatenate([test_set.labels[:5], same.labels, mistaken.labels[1:2]]),
    )
    right, corrections, corrected = stream(default, curvature, digits)
    # The same picture the second time is no mistake any more.
    assert right[:7].tolist() == [True] * 5 + [False, True]
    assert corrections == (~right).sum()
    expected = learn(default, curvature, digits.take(~right))
    np.testing.assert_array_equal(corrected.theta, expected.theta)


def test_order_does_not_matter_and_learning_without_one_undoes_it(default, curvature, mistaken):
    three, two = mistaken.take(slice(0, 3)), mistaken.take(slice(0, 2))
    forward, backward = (
        learn(default, curvature, three),
        learn(default, curvature, three.take([2, 1, 0])),
    )
    same_theta(forward.theta, backward.theta)
    assert np.abs(forward.theta - learn(default, curvature, two).theta).max() > 1e-2


def test_it_finds_the_minimum_that_scipy_finds(small):
    weights, data = small
    images, labels = data.images[:6], 1 - data.labels[:6]
    curvature = Curvature.measure(weights, data.images)
    learned = learn(weights, curvature, Dataset(images, labels))
    x = np.hstack([np.ones((6, 1)), extract("pixels", images)])
    root = curvature.inverse_root.astype(float)

    def cost(v):
        # theta = trained + root v, so that the quadratic is v'v / 2.
        z = x @ (weights.theta[0] + root @ v)
        value = corrections.WEIGHT * (np.logaddexp(0, z) - labels * z).sum() + v @ v / 2
        return value, root.T @ (x.T @ (corrections.WEIGHT * (sigmoid(z) - labels))) + v

    best = minimize(
        cost,
        np.zeros(785),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 5000, "ftol": 1e-14, "gtol": 1e-8},
    )
    np.testing.assert_allclose(learned.theta[0], weights.theta[0] + root @ best.x, atol=5e-7)


def test_the_curvature_is_the_hessian_of_the_training_cost(small):
    weights, data = small
    root = Curvature.measure(weights, data.images).inverse_root.astype(float)
    x = np.hstack([np.ones((300, 1)), extract("pixels", data.images)])
    direction = root @ root.T @ x[0]

    def slope(theta):
        return x.T @ sigmoid(x @ theta) + theta

    # Along this direction the gradient of the summed cost grows by H H^-1 x = x.
    step, theta = 1e-4, weights.theta[0]
    grown = (slope(theta + step * direction) - slope(theta - step * direction)) / (2 * step)
    np.testing.assert_allclose(grown, x[0], atol=0.02)


def test_a_model_of_one_digit_learns_yes_and_no(small):
    weights, data = small
    rest = Weights(weights.theta, np.array([REST, 7]), "pixels", weights.record, None, "seven")
    curvature = Curvature.measure(rest, data.images)
    yes, no = data.images[data.labels == 0][:1], data.images[data.labels == 1][:1]
    hand = Dataset(np.concatenate([yes, no]), np.array([7, 4], np.uint8))
    assert Reader(learn(rest, curvature, hand)).read(hand.images).digits.tolist() == [7, REST]


def test_a_model_of_two_digits_ignores_others(small):
    weights, data = small
    curvature = Curvature.measure(weights, data.images)
    assert learn(weights, curvature, Dataset(data.images[:1], np.array([5], np.uint8))) is weights


def test_learning_ten_corrections_of_one_picture_is_sound(default, curvature, mistaken):
    # The same picture again and again makes the system singular but for the prior.
    same = mistaken.take(np.zeros(10, int))
    learned = learn(default, curvature, same)
    assert np.isfinite(learned.theta).all()
    assert (Reader(learned).read(same.images).digits == same.labels).all()


def test_too_many_corrections_are_refused(default, curvature, test_set):
    with pytest.raises(UserError, match="train on your own digits"):
        learn(default, curvature, test_set.take(slice(0, corrections.MAX_CORRECTIONS + 1)))


def test_a_curvature_file_comes_back_and_knows_its_theta(small, tmp_path):
    weights, data = small
    curvature = Curvature.measure(weights, data.images)
    path = tmp_path / "small.curvature"
    save_curvature(path, curvature)
    np.testing.assert_array_equal(
        load_curvature(path, weights).inverse_root, curvature.inverse_root
    )
    np.testing.assert_array_equal(
        shipped_curvature(weights, tmp_path).inverse_root, curvature.inverse_root
    )
    other = Weights(weights.theta + 1, weights.classes, "pixels", {}, None, "small")
    with pytest.raises(UserError, match="another theta"):
        load_curvature(path, other)
    assert shipped_curvature(other, tmp_path) is None
    named = Weights(weights.theta, weights.classes, "pixels", {}, None, "../small")
    assert shipped_curvature(named, tmp_path / "below") is None


@pytest.mark.parametrize("damage", ["cut", "shape", "nan", "none", "text"])
def test_a_damaged_curvature_file_is_refused(small, tmp_path, damage):
    weights, data = small
    curvature = Curvature.measure(weights, data.images)
    path, raw = tmp_path / "small.curvature", curvature.pack()
    if damage == "cut":
        raw = raw[: len(raw) // 2]
    elif damage == "shape":
        raw = Curvature(curvature.inverse_root[1:, 1:], curvature.theta_hash).pack()
    elif damage == "nan":
        raw = Curvature(curvature.inverse_root * np.float32("nan"), curvature.theta_hash).pack()
    elif damage == "none":
        raw = pack_arrays({"theta": np.array(curvature.theta_hash)})
    else:
        raw = b"hello"
    path.write_bytes(raw)
    with pytest.raises(UserError, match=r"small\.curvature"):
        load_curvature(path, weights)


def test_the_shipped_curvature_belongs_to_the_default_weights(default):
    assert load_curvature(DEFAULT.with_suffix(corrections.SUFFIX), default)
    assert (WEIGHTS_FOLDER / "strokes.curvature").stat().st_size < 3 * 2**20


def test_the_command_line_keeps_a_curvature_beside_its_weights(train_set, tmp_path, capsys):
    some = train_set.take(slice(0, 200))
    theta = OneVsAllClassifier(max_iter=5).fit(extract("pixels", some.images), some.labels).theta_
    weights = Weights(theta, np.arange(10), "pixels", {}, None, "few")
    save_weights(tmp_path / "few.npz", weights)
    write_idx(tmp_path / "train-images-idx3-ubyte", some.images)
    write_idx(tmp_path / "train-labels-idx1-ubyte", some.labels)
    assert main(["curvature", str(tmp_path / "few.npz"), "--data", str(tmp_path)]) == 0
    assert "200 pictures" in capsys.readouterr().out
    assert shipped_curvature(weights, tmp_path) is not None
    assert main(["curvature", str(tmp_path / "none.npz")]) == 1


def test_a_curvature_that_has_no_cholesky_factor_is_one_sentence(small, monkeypatch):
    weights, data = small

    def fail(_):
        raise np.linalg.LinAlgError("Matrix is not positive definite")

    monkeypatch.setattr(np.linalg, "cholesky", fail)
    with pytest.raises(UserError, match="has a theta too large to be corrected; train the model"):
        Curvature.measure(weights, data.images)
