"""The valley: planes through theta's space, exact costs over them, and the five solvers' ways."""

import numpy as np
import pytest

from lrcore.errors import UserError
from lrcore.logistic import OneVsAllLoss, cost
from lrcore.settings import Settings
from lrcore.solvers import SOLVERS, safe_learning_rate
from lrcore.training import Run, RunRequest
from lrcore.valley import (
    NEAR,
    OPTIONS,
    THERE,
    Walks,
    Way,
    best_biases,
    changed,
    cost_over,
    curvature,
    moved_plane,
    run_loss,
    two_number_walks,
    valley,
    walk,
    walked,
    weights_plane,
)


def some_loss(n=200, D=2, K=1, dtype=np.float64, stretch=1.0):
    """Features that overlap, so that there is an optimum not far away."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, D)).astype(dtype)
    X[:, 0] *= stretch
    slopes = np.linspace(-1, 1, D * K).reshape(D, K) + 0.3
    targets = (X @ slopes + rng.normal(scale=2, size=(n, K)) > 0).astype(np.uint8)
    return OneVsAllLoss(X, targets, 1.0)


@pytest.fixture(scope="module")
def default(train_set):
    return two_number_walks(Walks(), train_set)


@pytest.fixture(scope="module")
def even(train_set):
    return two_number_walks(Walks(stretch=1, rate=1.0), train_set)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_costs_of_a_grid_are_the_cores_at_those_thetas(dtype):
    loss = some_loss(n=90, D=6, K=3, dtype=dtype)
    plane = moved_plane(np.random.default_rng(1).normal(size=(7, 3, 7)))
    across, up = np.linspace(-1, 2, 4), np.linspace(-2, 1, 3)
    found = cost_over(loss, plane, across, up)
    assert found.shape == (3, 4)
    targets = loss.targets.astype(np.uint8)
    for row, y in enumerate(up):
        for column, x in enumerate(across):
            asked = cost(plane.theta((x, y)), loss.X, targets).sum()
            assert found[row, column] == pytest.approx(
                asked, rel=1e-5 if dtype == np.float32 else 1e-12
            )


def test_at_the_best_bias_a_grid_is_the_floor_of_all_costs_with_these_weights():
    loss = some_loss()
    plane = weights_plane()
    found = cost_over(loss, plane, np.array([-1.0, 0.5]), np.array([0.25]))
    for column, x in enumerate((-1.0, 0.5)):
        theta = plane.theta((x, 0.25))
        assert theta.tolist() == [[0, x, 0.25]]
        costs = [
            loss.cost(theta + np.array([[bias, 0, 0]])).sum() for bias in np.linspace(-3, 3, 6001)
        ]
        assert found[0, column] == pytest.approx(min(costs), abs=1e-6)
        assert found[0, column] <= min(costs) + 1e-12


def test_best_biases_are_found_far_out_as_well():
    loss = some_loss(n=50)
    scores = [loss.scores(np.array([[0.0, 1, -1]])) * far for far in (0, 1, 30, 300)]
    for z, bias in zip(scores, best_biases(loss, scores), strict=True):
        here = loss.log_loss(z + bias)[0]
        for off in (-1e-3, 1e-3):
            assert here <= loss.log_loss(z + bias + off)[0] + 1e-12


@pytest.mark.parametrize("best_bias", [False, True])
def test_the_curvature_is_that_of_the_cost(best_bias):
    loss = some_loss()
    flat = valley(loss)
    plane = (
        flat.plane if best_bias else moved_plane(np.random.default_rng(1).normal(size=(5, 1, 3)))
    )
    theta = flat.deepest if best_bias else plane.origin
    found = curvature(loss, plane, theta)
    h, (x, y) = 1e-3, plane.places(theta[None])[0]
    grid = cost_over(loss, plane, x + np.array([-h, 0, h]), y + np.array([-h, 0, h]))
    assert found[0, 0] == pytest.approx((grid[1] @ [1, -2, 1]) / h**2, rel=1e-3)
    assert found[1, 1] == pytest.approx((grid[:, 1] @ [1, -2, 1]) / h**2, rel=1e-3)
    mixed = (grid[2, 2] - grid[2, 0] - grid[0, 2] + grid[0, 0]) / (4 * h**2)
    assert found[0, 1] == pytest.approx(mixed, rel=1e-3, abs=1e-6)


def test_a_way_is_placed_in_the_plane_that_it_moved_in_most():
    directions = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 3)))[0].T.reshape(3, 2, 4)
    along = np.column_stack([np.linspace(3, 0, 10), np.sin(np.arange(10)), np.zeros(10)])
    along[:, 2] = 0.01 * np.random.default_rng(1).normal(size=10)
    thetas = np.tensordot(along, directions, 1)
    plane = moved_plane(thetas)
    flat = plane.directions.reshape(2, -1)
    assert np.allclose(flat @ flat.T, np.eye(2), atol=1e-12)
    assert np.allclose(plane.origin, thetas[-1], rtol=1e-6, atol=1e-9)
    places = plane.places(thetas)
    assert np.allclose(places[-1], 0)
    assert (places[0] <= 0).all()
    assert 0.999 < plane.share(thetas) < 1
    # Where the plane says, but for what lies off it.
    off = [np.linalg.norm(plane.theta(p) - t) for p, t in zip(places, thetas, strict=True)]
    assert max(off) < 0.1
    # No other plane holds more.
    other = moved_plane(np.random.default_rng(1).normal(size=(5, 2, 4)))
    other = type(other)(plane.origin, other.directions)
    assert other.share(thetas) < plane.share(thetas)


def test_a_plane_needs_two_steps():
    start = np.random.default_rng(1).normal(size=(1, 2, 4))
    for thetas in (start, np.repeat(start, 5, axis=0), np.concatenate([start, start + 1])):
        with pytest.raises(UserError, match="two steps"):
            moved_plane(thetas)


def test_all_five_ways_start_at_zero_and_end_at_the_optimum(default):
    assert list(default.ways) == list(SOLVERS)
    for way in default.ways.values():
        assert not way.thetas[0].any()
        assert np.allclose(default.valley.plane.places(way.thetas[:1]), 0, rtol=1e-6, atol=1e-9)
        assert way.message == ""
        assert way.costs[-1] < (1 + 10 * THERE) * default.valley.lowest
        assert np.abs(way.thetas[-1] - default.valley.deepest).max() < 0.1
        assert np.allclose(
            way.costs[3], default.loss.cost(way.thetas[3]).sum(), rtol=1e-6, atol=1e-9
        )
    assert default.valley.lowest <= min(way.costs.min() for way in default.ways.values()) + 1e-12


def test_the_optimum_is_where_scikit_learn_has_it(default):
    from sklearn.linear_model import LogisticRegression

    loss = default.loss
    theirs = LogisticRegression(C=loss.C, tol=1e-10).fit(loss.X, loss.targets[:, 0])
    found = np.append(theirs.intercept_, theirs.coef_)
    assert np.allclose(default.valley.deepest[0], found, atol=1e-4)


def test_a_way_lies_nowhere_below_the_valley(default):
    for way in default.ways.values():
        x, y = default.valley.plane.places(way.thetas[[5]])[0]
        floor = cost_over(default.loss, default.valley.plane, np.array([x]), np.array([y]))
        assert floor[0, 0] <= way.costs[5] + 1e-12


def test_gradient_descent_zigzags_where_the_valley_is_narrow_and_steps_are_long(default, even):
    assert default.valley.elongation > 2 * even.valley.elongation
    narrow, slow = (w.valley.crossings(w.ways["gradient-descent"]) for w in (default, even))
    # Each step across the floor leaves this share of the way to it, on the other side.
    left = 1 - default.rates["gradient-descent"] * default.valley.curvatures[1]
    assert left < 0
    assert narrow >= 5 > slow


def test_momentum_crosses_less_and_arrives_sooner_at_the_same_rate(default):
    way, plain = default.ways["mini-batch"], default.plain
    assert default.rates["mini-batch"] == default.rates["gradient-descent"]
    assert np.allclose(plain.thetas, default.ways["gradient-descent"].thetas, rtol=1e-6, atol=1e-9)
    assert default.valley.crossings(way) < default.valley.crossings(plain)
    assert default.valley.passes_until(way) < default.valley.passes_until(plain)


def test_lbfgs_needs_about_ten_passes_where_gradient_descent_needs_many(default):
    passes = {name: default.valley.passes_until(way) for name, way in default.ways.items()}
    assert passes["lbfgs"] <= 10
    assert passes["preconditioned-lbfgs"] <= passes["lbfgs"]
    assert passes["gradient-descent"] > 5 * passes["lbfgs"]


def test_passes_and_crossings_are_counted_to_the_bottom():
    loss = some_loss()
    found = valley(loss)
    beside = found.axes[1]
    places = np.array([4, -3, 2, -0.0, -1, 0.5, 1e-9, -1e-9])[:, None] * beside
    thetas = np.zeros((8, 1, 3))
    thetas[:, 0, 1:] = found.bottom + places
    costs = found.lowest * np.array([2, 1.5, 1.2, 1.1, 1.005, 1.00005, 1, 1])
    way = Way("lbfgs", thetas, costs, np.arange(8))
    assert np.allclose(found.across(way), [4, -3, 2, 0, -1, 0.5, 0, 0])
    assert found.passes_until(way, NEAR) == 4
    assert found.passes_until(way) == 5
    assert found.crossings(way) == 4
    away = Way("lbfgs", thetas[:3], costs[:3], np.arange(3))
    assert found.passes_until(away) is None
    assert found.crossings(away) == 2


def test_a_rate_that_overshoots_ends_the_way_with_a_sentence():
    loss = some_loss(stretch=3)
    way = walk(loss, "gradient-descent", 50, {"learning_rate": 60 * safe_learning_rate(loss)})
    assert "overshoots" in way.message
    assert 1 < len(way.costs) < 50
    assert np.isfinite(way.thetas).all()


def test_the_window_holds_start_and_bottom_but_not_whoever_strays():
    loss = some_loss(stretch=3)
    found = valley(loss)
    calm = walk(loss, "lbfgs", 20)
    wild = walk(loss, "gradient-descent", 50, {"learning_rate": 60 * safe_learning_rate(loss)})
    for ways in ([calm], [calm, wild]):
        (left, right), (low, high) = found.window(ways)
        assert right - left == pytest.approx(high - low)
        for x, y in ((0, 0), found.bottom):
            assert left < x < right
            assert low < y < high
    (left, right), (low, high) = found.window([calm], square=False)
    places = found.plane.places(calm.thetas)
    assert left < places[:, 0].min() < places[:, 0].max() < right
    assert (right - left < high - low) == (np.ptp(places[:, 0]) < np.ptp(places[:, 1]))
    (left, right), _ = found.window([calm, wild])
    assert np.abs(found.plane.places(wild.thetas)).max() > right - left


def test_a_run_of_ten_classes_has_a_valley_too():
    loss = some_loss(n=300, D=12, K=10, dtype=np.float32)
    way = walk(loss, "lbfgs", 30)
    plane = moved_plane(way.thetas)
    found = walked(Walks(), loss, ("first", "second"), plane, passes=30)
    assert found.valley.elongation >= 1
    (left, right), (low, high) = found.valley.window(list(found.ways.values()))
    grid = cost_over(loss, plane, np.linspace(left, right, 9), np.linspace(low, high, 9))
    assert found.valley.lowest <= found.valley.floor <= grid.min() + 1e-5
    here = loss.cost(plane.theta(found.valley.bottom)).sum()
    assert abs(found.valley.floor - here) < 1e-5
    assert 0.5 < plane.share(found.ways["lbfgs"].thetas) <= 1


def test_what_can_be_asked_for_is_told():
    assert changed(Walks(), {"stretch": "8", "rate": "0.5", "numbers": "pixels"}) == Walks(
        stretch=8, rate=0.5, numbers="pixels"
    )
    for name, text in (("stretch", "3"), ("colour", "red"), ("rate", "nan"), ("digit", "10")):
        with pytest.raises(UserError, match=r"choose among|known are"):
            changed(Walks(), {name: text})
    with pytest.raises(UserError, match="choose among"):
        Walks(momentum=2)
    defaults = Walks()
    assert all(getattr(defaults, name) in offered for name, offered in OPTIONS.items())


def test_the_same_digit_twice_is_one_sentence(train_set):
    with pytest.raises(UserError, match="two different ones"):
        two_number_walks(Walks(digit=3, against=3), train_set)


def test_a_way_misses_the_bottom_by_the_angle_between_its_step_and_the_straight_line():
    loss = some_loss()
    found = valley(loss)
    thetas = np.zeros((3, 1, 3))
    thetas[:, 0, 1:] = found.bottom + np.array([[2.0, 0], [1.0, 0], [1.0, 1.0]])
    way = Way("lbfgs", thetas, np.ones(3), np.arange(3))
    assert np.allclose(found.off_course(way), [0, 90])
    slope = -loss.cost_and_gradient(thetas[0])[1][0, 1:]
    expected = np.degrees(np.arccos(-slope[0] / np.linalg.norm(slope)))
    assert found.slope_off_course(way, loss)[0] == pytest.approx(expected)


def test_a_step_of_gradient_descent_goes_straight_downhill_and_lbfgs_learns_not_to(default):
    bed, ways = default.valley, default.ways
    descent = ways["gradient-descent"]
    assert np.allclose(bed.off_course(descent)[0], bed.slope_off_course(descent, default.loss)[0])
    end = bed.passes_until(ways["lbfgs"])
    assert (
        bed.off_course(ways["lbfgs"])[end - 1]
        < bed.slope_off_course(ways["lbfgs"], default.loss)[end - 1]
    )


def test_momentum_bears_a_larger_rate():
    """(1 + m) / (1 - m) times that of gradient descent, on all pictures at a time."""
    loss = some_loss(n=400, stretch=3)
    found = valley(loss)
    for momentum in (0.0, 0.6):
        most = 2 / found.curvatures[1] * (1 + momentum) / (1 - momentum)
        for share, stays in ((0.9, True), (1.15, False)):
            knobs = {"learning_rate": share * most, "momentum": momentum, "batch_size": loss.n}
            way = walk(loss, "mini-batch", 200, knobs, found.deepest + 1e-3)
            beside = np.abs(found.across(way))
            assert (beside[-1] < beside[0]) == stays


def test_the_loss_of_a_run_is_its_own(train_set):
    request = RunRequest(Settings(images=60, iterations=5, solver="lbfgs"), train_set)
    run = Run(request)
    points = list(run.steps())
    loss = run_loss(request)
    assert loss.cost(run.theta).sum() == pytest.approx(points[-1].cost, rel=1e-6)
