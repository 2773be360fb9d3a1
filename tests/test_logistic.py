"""Cost and gradient, against finite differences and scikit-learn."""

import math
import threading

import numpy as np
import pytest

from lrcore.data import load_dataset
from lrcore.errors import UserError
from lrcore.logistic import OneVsAllLoss, cost, curated_labels, gradient, sigmoid, softplus

pytestmark = pytest.mark.numeric


@pytest.fixture
def small():
    rng = np.random.default_rng(1)
    X = rng.random((1100, 7))  # several parts, the last of which is no whole number of pieces
    targets = curated_labels(rng.integers(0, 3, 1100), np.arange(3))
    return X, targets, rng.normal(size=(3, 8))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_and_softplus_are_stable_far_out(dtype):
    z = np.array([-1000, -1, 0, 1, 1000], dtype)
    with np.errstate(all="raise", under="ignore"):
        p, s = sigmoid(z), softplus(z)
    assert p.dtype == s.dtype == dtype
    np.testing.assert_allclose(p, [0, 0.26894142, 0.5, 0.73105858, 1], rtol=1e-6)
    np.testing.assert_allclose(s, [0, 0.31326169, math.log(2), 1.3132617, 1000], rtol=1e-6)


def test_sigmoid_keeps_small_probabilities():
    assert sigmoid(-50.0) == pytest.approx(math.exp(-50), rel=1e-12)


def test_curated_labels_say_one_for_the_class_and_zero_for_the_rest():
    curated = curated_labels([5, 0, 5, 9], np.arange(10))
    assert curated.shape == (4, 10)
    assert curated[:, 5].tolist() == [1, 0, 1, 0]
    assert curated.sum(1).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("C", [1.0, 0.01, math.inf])
def test_gradient_agrees_with_central_differences(small, C):
    X, targets, theta = small
    exact, h = gradient(theta, X, targets, C), 1e-5
    for k, j in np.ndindex(theta.shape):
        nudge = np.zeros_like(theta)
        nudge[k, j] = h
        rise = cost(theta + nudge, X, targets, C) - cost(theta - nudge, X, targets, C)
        assert exact[k, j] == pytest.approx(rise[k] / (2 * h), abs=1e-8)
        assert not np.delete(rise, k).any()  # the classes do not meddle with each other


def test_cost_is_the_mean_log_loss_plus_l2_without_the_bias(small):
    X, targets, theta = small
    p = 1 / (1 + np.exp(-(X @ theta[:, 1:].T + theta[:, 0])))
    log_loss = -np.where(targets, np.log(p), np.log(1 - p)).mean(0)
    l2 = (theta[:, 1:] ** 2).sum(1) / (2 * len(X) * 0.1)
    np.testing.assert_allclose(cost(theta, X, targets, 0.1), log_loss + l2, rtol=1e-12)
    np.testing.assert_allclose(cost(theta, X, targets, math.inf), log_loss, rtol=1e-12)


def test_bias_is_spared_by_l2(small):
    X, targets, theta = small
    change = gradient(theta, X, targets, 0.01) - gradient(theta, X, targets, math.inf)
    assert not change[:, 0].any()
    np.testing.assert_allclose(change[:, 1:], theta[:, 1:] / (len(X) * 0.01), rtol=1e-9)


def test_float32_and_grey_levels_agree_with_float64():
    images = load_dataset(part="test").images[:700].reshape(700, -1)
    targets = curated_labels(load_dataset(part="test").labels[:700], np.arange(10))
    theta = np.random.default_rng(0).normal(size=(10, 785)) / 10
    exact = OneVsAllLoss(images / 255, targets).cost_and_gradient(theta)
    for X in ((images / 255).astype(np.float32), images):
        got = OneVsAllLoss(X, targets).cost_and_gradient(theta)
        np.testing.assert_allclose(got[0], exact[0], rtol=5e-7)
        np.testing.assert_allclose(got[1], exact[1], atol=5e-7)


def test_pieces_make_up_the_whole(small):
    X, targets, theta = small
    loss = OneVsAllLoss(X, targets, 0.5)
    residual = np.empty((loss.K, loss.n))
    at, whole = loss.cost_and_gradient(theta, residual)
    loss.blocks.rows = loss.blocks.piece
    for one, other in zip(loss.cost_and_gradient(theta), (at, whole), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    np.testing.assert_allclose(at, loss.cost(theta), rtol=1e-12)
    p = sigmoid(loss.scores(theta))
    np.testing.assert_allclose(residual, (p - targets).T, rtol=1e-12)
    np.testing.assert_allclose(
        loss.batch_gradient(theta, np.arange(len(X))), whole, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize(
    ("X", "targets", "C", "word"),
    [
        (np.zeros((3, 2)), np.zeros((4, 1)), 1, "3 rows"),
        (np.zeros(3), np.zeros((3, 1)), 1, "dimensions"),
        (np.zeros((0, 2)), np.zeros((0, 1)), 1, "empty"),
        (np.zeros((3, 2), int), np.zeros((3, 1)), 1, "int64"),
        (np.zeros((3, 2)), np.zeros((3, 1)), 0, "above 0"),
        (np.zeros((3, 2)), np.zeros((3, 1)), math.nan, "above 0"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(X, targets, C, word):
    with pytest.raises(UserError, match=word):
        OneVsAllLoss(X, targets, C)


def test_items_are_shared_and_come_back_in_order(small):
    X, targets, _ = small
    each = OneVsAllLoss(X, targets, workers=3).blocks.each
    seen, together = set(), threading.Barrier(3, timeout=20)

    def work(i):
        if i < 3:
            together.wait()  # three are at it at once
        seen.add(threading.get_ident())
        return i * i

    assert each(work, (i for i in range(50))) == [i * i for i in range(50)]
    assert len(seen) == 3
    assert each(lambda i: sum(each(work, [i + 3])), range(5)) == [
        9,
        16,
        25,
        36,
        49,
    ]
    with pytest.raises(ZeroDivisionError):
        each(lambda i: 1 / i, [1, 2, 0, 3])


def test_threads_end_with_the_loss_they_serve(small):
    X, targets, theta = small
    before = set(threading.enumerate())
    loss = OneVsAllLoss(X, targets, workers=4)
    loss.cost(theta)
    started = set(threading.enumerate()) - before
    assert started
    del loss
    for thread in started:
        thread.join(20)
        assert not thread.is_alive()
