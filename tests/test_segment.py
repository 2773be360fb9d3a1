import numpy as np
import pytest
from PIL import Image

from lrcore.data import load_dataset
from lrcore.picture import picture_to_digit
from lrcore.segment import find_digits


@pytest.fixture(scope="module")
def digits():
    return load_dataset(part="test").images[:200]


def page_of(digits, columns, gap=6, height=28):
    rows = [digits[k : k + columns] for k in range(0, len(digits), columns)]
    page = np.zeros(((height + gap) * len(rows) + gap, (28 + gap) * columns + gap), np.uint8)
    for r, row in enumerate(rows):
        for c, digit in enumerate(row):
            top, left = gap + r * (height + gap), gap + c * (28 + gap)
            page[top : top + 28, left : left + 28] = digit
    return 255 - page


def test_one_digit_is_a_list_of_one(digits):
    for digit in digits[:20]:
        found = find_digits(digit)
        assert len(found) == 1
        np.testing.assert_array_equal(found[0].image, picture_to_digit(digit))


def test_page_is_read_in_order(digits):
    found = find_digits(page_of(digits[:40], 8))
    assert [f.line for f in found] == [k // 8 for k in range(40)]
    for k, f in enumerate(found):
        left, top, right, bottom = f.box
        assert 6 + k % 8 * 34 <= left < right <= 34 + k % 8 * 34
        assert 6 + k // 8 * 34 <= top < bottom <= 34 + k // 8 * 34


def test_boxes_are_in_the_pixels_of_the_source(digits):
    page = np.full((3000, 4000), 255, np.uint8)
    large = np.asarray(Image.fromarray(255 - digits[0]).resize((600, 600)))
    page[1000:1600, 2000:2600] = large
    (found,) = find_digits(page)
    rows, columns = np.nonzero(page < 128)
    expected = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    np.testing.assert_allclose(found.box, expected, atol=25)
