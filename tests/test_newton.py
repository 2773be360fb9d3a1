"""The Newton loop, against scipy's optimisers."""

import numpy as np
import pytest
import scipy.optimize

from lrcore.logistic import sigmoid
from lrcore.newton import newton

pytestmark = pytest.mark.numeric


@pytest.fixture
def problems():
    """Three ridge logistic regressions on 60 points: costs, and both derivatives."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.random((3, 60)) < [[0.5], [0.1], [0.9]]
    l2 = 1e-2

    def cost(theta):
        z = theta @ X.T
        return (np.logaddexp(0, z) - y * z).sum(1) + l2 / 2 * (theta**2).sum(1)

    def derivatives(theta):
        p = sigmoid(theta @ X.T)
        hessian = (X.T * (p * (1 - p))[:, None]) @ X + l2 * np.eye(4)
        return (p - y) @ X + l2 * theta, hessian

    return cost, derivatives


def reference(cost, K, D):
    """Each problem's lowest point as scipy's L-BFGS finds it, with derivatives of its own."""

    def one(k):
        def alone(theta):
            return cost(np.repeat(theta[None], K, 0))[k]

        options = {"ftol": 1e-15, "gtol": 1e-9}
        return scipy.optimize.minimize(alone, np.zeros(D), method="L-BFGS-B", options=options).x

    return np.array([one(k) for k in range(K)])


@pytest.mark.parametrize("far", [0.0, 5.0, -30.0])
def test_finds_scipys_optimum_from_anywhere(problems, far):
    cost, derivatives = problems
    found = newton(np.full((3, 4), far), cost, derivatives, 1e-10)
    np.testing.assert_allclose(found, reference(cost, 3, 4), atol=1e-4)
    assert np.abs(derivatives(found)[0]).max() < 1e-6


def test_a_step_that_overshoots_is_halved_while_the_others_go_on():
    """Full steps on log(cosh x) fly away from beyond 1.09; the second problem is a parabola."""

    def cost(x):
        return np.array([np.logaddexp(x[0, 0], -x[0, 0]), (x[1, 0] - 3) ** 2])

    def derivatives(x):
        tried.append(x)
        a, b = x[:, 0]
        gradient = np.array([[np.tanh(a)], [2 * (b - 3)]])
        return gradient, np.array([[[1 / np.cosh(a) ** 2]], [[2.0]]])

    tried = []
    found = newton(np.array([[2.0], [10.0]]), cost, derivatives, 1e-12)
    np.testing.assert_allclose(found, [[0], [3]], atol=1e-6)
    assert tried[1][1, 0] == pytest.approx(3)  # in one step, while the other waits
    assert len(tried) < 10


def test_every_problem_is_solved_as_if_it_were_alone(problems):
    cost, derivatives = problems
    together = newton(np.zeros((3, 4)), cost, derivatives, 1e-10)
    for k in range(3):
        alone = newton(
            np.zeros((1, 4)),
            lambda theta, k=k: cost(np.repeat(theta, 3, 0))[[k]],
            lambda theta, k=k: [part[[k]] for part in derivatives(np.repeat(theta, 3, 0))],
            1e-10,
        )
        np.testing.assert_allclose(together[[k]], alone, atol=1e-6)


def test_nothing_is_done_where_it_starts_at_the_bottom(problems):
    cost, derivatives = problems
    bottom = newton(np.zeros((3, 4)), cost, derivatives, 1e-12)
    looks = []

    def counted(theta):
        looks.append(1)
        return derivatives(theta)

    np.testing.assert_allclose(newton(bottom, cost, counted, 1e-12), bottom, atol=1e-9)
    assert len(looks) == 1
