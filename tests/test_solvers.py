"""The five solvers."""

import itertools
import math

import numpy as np
import pytest

from lrcore import preconditioner, solvers
from lrcore.data import load_dataset
from lrcore.errors import UserError
from lrcore.logistic import OneVsAllLoss, curated_labels
from lrcore.solvers import SOLVERS, Diverged, Knobs

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def loss():
    train = load_dataset().take(slice(1200))
    X = (train.images.reshape(-1, 784) / 255).astype(np.float32)
    return OneVsAllLoss(X, curated_labels(train.labels, np.arange(10)), C=1.0)


def run(name, loss, steps, seed=0, theta=None, **settings):
    solver = SOLVERS[name]
    theta = np.zeros((loss.K, 1 + loss.D)) if theta is None else theta
    running = solver.function(loss, theta, solver.knobs(**settings), np.random.default_rng(seed))
    return list(itertools.islice(running, steps + 1))


def total(step):
    return step.cost.sum()


@pytest.fixture(scope="module")
def best(loss):
    return total(run("preconditioned-lbfgs", loss, 50)[-1])


@pytest.mark.parametrize("name", SOLVERS)
def test_steps_tell_the_truth(loss, name):
    steps = run(name, loss, 3)
    assert [step.iteration for step in steps] == [0, 1, 2, 3]
    assert not steps[0].theta.any()
    assert steps[0].step_length == 0
    assert total(steps[0]) == pytest.approx(10 * math.log(2), rel=1e-5)
    for before, step in itertools.pairwise(steps):
        cost, gradient = loss.cost_and_gradient(step.theta)
        np.testing.assert_allclose(step.cost, cost, rtol=1e-4)
        assert step.gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-2)
        length = np.linalg.norm(step.theta - before.theta)
        assert step.step_length == pytest.approx(length, rel=1e-6)
        assert total(step) < total(before)


@pytest.mark.parametrize(
    ("name", "steps", "within"),
    [
        ("gradient-descent", 50, 4.2),
        ("mini-batch", 25, 2.6),
        ("adam", 25, 2.1),
        ("lbfgs", 50, 1.01),
        ("preconditioned-lbfgs", 20, 1.01),
    ],
)
def test_defaults_converge(loss, best, name, steps, within):
    last = run(name, loss, steps)[-1]
    assert best <= total(last) * 1.00001
    assert total(last) < within * best


@pytest.mark.parametrize("name", SOLVERS)
def test_same_seed_same_theta_bit_for_bit(loss, name):
    first, again = run(name, loss, 2)[-1].theta, run(name, loss, 2)[-1].theta
    assert np.array_equal(first, again)
    other = run(name, loss, 2, seed=1)[-1].theta
    assert np.array_equal(first, other) == ("batch_size" not in SOLVERS[name].uses)


@pytest.mark.parametrize("name", ["gradient-descent", "mini-batch", "adam"])
def test_divergence_is_shown_and_then_explained(loss, name):
    solver, costs = SOLVERS[name], []
    steps = solver.function(
        loss, np.zeros((10, 785)), solver.knobs(learning_rate=50.0), np.random.default_rng(0)
    )
    with pytest.raises(Diverged, match=r"The learning rate of 50 overshoots.* try .*5\."):
        costs.extend(total(step) for step in itertools.islice(steps, 50))
    assert issubclass(Diverged, UserError)
    assert len(costs) >= 5  # the page has something to show
    assert costs[-1] > 1.05 * min(costs)


def test_a_cost_that_is_no_number_ends_the_run_at_once():
    loss = OneVsAllLoss(np.array([[1e300], [-1e300]]), np.array([[1], [0]]))
    steps = SOLVERS["gradient-descent"].function(
        loss, np.zeros((1, 2)), Knobs(learning_rate=1e10), np.random.default_rng(0)
    )
    with pytest.raises(Diverged, match="no longer a number"):
        list(itertools.islice(steps, 10))


def test_learning_rate_can_be_changed_in_the_middle(loss):
    knobs = Knobs(learning_rate=0.01)
    steps = SOLVERS["gradient-descent"].function(
        loss, np.zeros((10, 785)), knobs, np.random.default_rng(0)
    )
    next(steps), next(steps)
    slope = next(steps).gradient_norm
    knobs.learning_rate = 0.02
    assert next(steps).step_length == pytest.approx(0.02 * slope, rel=1e-6)


def test_learning_rate_picked_from_the_data_is_written_where_it_can_be_read(loss):
    knobs = Knobs()
    steps = SOLVERS["gradient-descent"].function(
        loss, np.zeros((10, 785)), knobs, np.random.default_rng(0)
    )
    next(steps)
    assert 0.02 < knobs.learning_rate < 0.5


def test_learning_rate_picked_is_that_of_all_images():
    """One source of MNIST's two is inked more: of every other image, L would be 8 % too small."""
    train = load_dataset()
    X = train.images.reshape(-1, 784) / np.float32(255)
    X = np.column_stack([np.ones(len(X), np.float32), X])
    largest = np.linalg.eigvalsh((X.T @ X).astype(float) / len(X))[-1]
    loss = OneVsAllLoss(X[:, 1:], curated_labels(train.labels, [0]), C=1.0)
    assert solvers.safe_learning_rate(loss) == pytest.approx(4 / largest, rel=0.02)


@pytest.mark.parametrize("C", [math.inf, 1e-3, 100.0])
@pytest.mark.parametrize("name", ["lbfgs", "preconditioned-lbfgs"])
def test_quasi_newton_finds_the_optimum_for_any_l2_shape_and_class_count(name, C):
    rng = np.random.default_rng(3)
    X = rng.random((400, 6) if math.isinf(C) else (40, 60))  # n < D, too
    X[:, 0] = 0  # a pixel never inked
    y = curated_labels(rng.integers(0, 2, len(X)), [1])
    last = run(name, OneVsAllLoss(X, y, C), 200)[-1]
    assert last.gradient_norm < 1e-7
    assert last.theta[0, 1] == 0


@pytest.mark.parametrize("scale", [1e-3, 1e3])
@pytest.mark.parametrize("name", ["lbfgs", "preconditioned-lbfgs"])
def test_no_class_rises_however_the_features_are_scaled(loss, name, scale):
    X = loss.X[:300] * np.float64(scale)
    scaled = OneVsAllLoss(X, loss.targets[:300], 1e-2 / scale**2)
    steps = run(name, scaled, 400)
    assert (np.diff([step.cost for step in steps], axis=0) <= 0).all()
    best = total(run("preconditioned-lbfgs", scaled, 400)[-1])
    assert total(steps[-1]) < 1.001 * best


def test_a_class_waits_for_a_shorter_step_while_the_others_go_on():
    rng = np.random.default_rng(0)
    loss = OneVsAllLoss(rng.normal(size=(200, 5)), (rng.random((200, 2)) < 0.3), 1.0)
    real, tried = loss.cost_and_gradient, []

    def cost_and_gradient(theta, residual=None):
        cost, gradient = real(theta, residual)
        tried.append(theta)
        if len(tried) == 3:
            cost[0] += 9  # as if the second step had overshot for the first class
        return cost, gradient

    loss.cost_and_gradient = cost_and_gradient
    steps = run("lbfgs", loss, 30)
    moved = steps[2].theta - steps[1].theta
    assert not moved[0].any()
    assert moved[1].any()
    assert steps[-1].gradient_norm < 1e-6  # and both arrive


@pytest.mark.parametrize("name", ["lbfgs", "preconditioned-lbfgs"])
def test_ends_where_rounding_hides_what_a_step_would_gain(loss, name):
    X, targets = loss.X[:300], loss.targets[:300]
    exact = run(name, OneVsAllLoss(X.astype(np.float64), targets, 0.01), 5000)
    rough = run(name, OneVsAllLoss(X, targets, 0.01), 5000)
    assert len(rough) <= len(exact) < 1000
    assert exact[-1].gradient_norm < 1e-7
    assert total(rough[-1]) == pytest.approx(total(exact[-1]), rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"learning_rate": 0.0}, "learning rate"),
        ({"learning_rate": math.nan}, "learning rate"),
        ({"momentum": 1.0}, "momentum"),
        ({"batch_size": 0}, "batch size"),
        ({"memory": 0}, "memory"),
    ],
)
def test_impossible_knobs_are_refused_in_a_sentence(settings, word):
    with pytest.raises(UserError, match=word):
        Knobs(**settings)


def test_preconditioning_saves_most_of_the_passes(loss, best):
    def passes(name):
        return next(step.iteration for step in run(name, loss, 150) if total(step) < 1.001 * best)

    assert passes("preconditioned-lbfgs") <= passes("lbfgs") / 2


def test_images_drawn_stand_for_all():
    rng = np.random.default_rng(0)
    p = rng.beta(0.05, 0.5, size=50_000)  # mostly sure, as a trained model is
    rows, counts = preconditioner._draw(p * (1 - p))
    x, w = rng.normal(size=50_000), p * (1 - p)
    assert abs(len(rows) - preconditioner.HESSIAN_ROWS) < 10
    assert np.sum(counts) == pytest.approx(w.mean(), rel=0.01)
    assert np.sum(counts * x[rows] ** 2) == pytest.approx(np.mean(w * x**2), rel=0.1)


def test_grey_levels_are_read_from_disk(tmp_path):
    train = load_dataset().take(slice(800))
    grey = np.memmap(tmp_path / "images", np.uint8, "w+", shape=(800, 784))
    grey[:] = train.images.reshape(-1, 784)
    targets = curated_labels(train.labels, np.arange(10))
    floats = (train.images.reshape(-1, 784) / 255).astype(np.float32)
    for name in ("gradient-descent", "mini-batch", "preconditioned-lbfgs"):
        from_disk = run(name, OneVsAllLoss(grey, targets, 0.1), 3)[-1]
        in_memory = run(name, OneVsAllLoss(floats, targets, 0.1), 3)[-1]
        assert total(from_disk) == pytest.approx(total(in_memory), rel=1e-6)


@pytest.mark.parametrize("name", ["gradient-descent", "lbfgs", "preconditioned-lbfgs"])
def test_any_number_of_workers_goes_the_same_way(loss, name):
    X, targets = np.tile(loss.X, (4, 1)), np.tile(loss.targets, (4, 1))
    alone, shared = (run(name, OneVsAllLoss(X, targets, 1.0, workers), 3) for workers in (1, 3))
    assert len(OneVsAllLoss(X, targets).blocks.parts()) > 3
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one.theta, other.theta)
        np.testing.assert_array_equal(one.cost, other.cost)


@pytest.mark.parametrize("columns", [slice(None), np.array([0, 2, 3])], ids=["all", "some"])
def test_an_estimate_is_solved_with_its_ridge(columns):
    """Of rows too few to be inverted without it; what they do not tell of is divided by it."""
    x, l2 = np.random.default_rng(0).normal(size=(2, 5)).astype(np.float32), 0.01
    h = (x.T @ x)[columns][:, columns]
    ridge = l2 + preconditioner.RIDGE * np.trace(h) / 5
    assert np.linalg.matrix_rank(h) < len(h)
    full = ridge * np.eye(5)
    places = np.arange(5)[columns]
    full[np.ix_(places, places)] += h
    v = np.arange(1, 6, dtype=np.float32)
    solve = preconditioner.cholesky_solve(h.copy(), columns, 5, l2)
    np.testing.assert_allclose(solve(v), np.linalg.solve(full, v), rtol=1e-4)
