"""What a slow pen, a fast one and a finger make of strokes."""

import numpy as np
import pytest

from lrcore import pens

CORNER = [np.array([[0.0, 0], [50, 0], [100, 0], [100, 50], [100, 100]])]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_calm_pen_changes_nothing(rng):
    np.testing.assert_array_equal(pens.calm(CORNER, rng)[0], CORNER[0])


def test_a_slow_pen_reports_few_points_near_the_line(rng):
    curve = [np.column_stack([np.linspace(0, 100, 200), np.zeros(200)])]
    for _ in range(20):
        (few,) = pens.slow(curve, rng)
        assert 4 <= len(few) <= 14
        assert np.abs(few[:, 1]).max() < 4


def test_a_fast_pen_bends_corners_and_keeps_the_ends(rng):
    for _ in range(20):
        (bent,) = pens.fast(CORNER, rng)
        steps = np.diff(bent[2:-2], axis=0)
        turns = np.abs(np.diff(np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))))
        # The right angle is taken in several steps.
        assert turns.max() < 1.4
        for end, meant in ((bent[:2], CORNER[0][0]), (bent[-2:], CORNER[0][-1])):
            assert np.linalg.norm(end - meant, axis=1).min() < 1


def test_a_finger_trembles_and_is_thicker(rng):
    line = [np.column_stack([np.linspace(0, 100, 9), np.zeros(9)])]
    off = [np.abs(pens.finger(line, rng)[0][:, 1]).max() for _ in range(40)]
    assert 0.5 < np.median(off) < 8
    widths = [pens.write(line, 2.0, rng)[1] for _ in range(400)]
    assert min(widths) >= 2
    assert 2.6 < max(widths) <= 3.2


def test_a_dot_is_written_by_all_of_them(rng):
    for _, pen, _ in pens.PENS:
        (dot,) = pen([np.array([[5.0, 5.0]])], rng)
        assert np.isfinite(dot).all()
        assert len(dot)
