"""MNIST's frame."""

import numpy as np
import pytest
from PIL import Image

from lrcore.frame import BOX, frame


def test_mnists_own_pictures_pass_unchanged(test_set):
    same = [np.array_equal(frame(image / 255), image) for image in test_set.images[:1000]]
    assert np.mean(same) >= 0.999


@pytest.mark.parametrize("size", [56, 77, 400])
def test_where_and_how_large_makes_no_difference(test_set, size):
    digit = test_set.images[0]
    large = np.asarray(Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC)) / 255
    paper = np.zeros((2 * size, 3 * size))
    paper[size // 3 : size // 3 + size, size : 2 * size] = large
    difference = np.abs(frame(paper).astype(float) - digit)
    assert difference.mean() < 12


def test_ink_fills_the_box_and_is_centred_by_mass():
    ink = np.zeros((300, 300))
    ink[40:240, 100:120] = 1
    ink[220:240, 100:200] = 1
    out = frame(ink).astype(float)
    rows, columns = np.flatnonzero(out.any(1)), np.flatnonzero(out.any(0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == BOX
    at = np.arange(28)
    assert abs((out.sum(1) @ at) / out.sum() - 14) <= 0.5
    assert abs((out.sum(0) @ at) / out.sum() - 14) <= 0.5


@pytest.mark.parametrize("shape", [(0, 0), (5, 0), (28, 28)])
def test_no_ink_is_an_empty_picture(shape):
    assert not frame(np.zeros(shape)).any()


def test_a_single_pixel_of_ink_is_read_without_failing():
    ink = np.zeros((9, 9))
    ink[4, 4] = 1
    assert frame(ink).max() == 255
