"""What a reader takes for pictures, and what it refuses."""

import numpy as np
import pytest

import lrcore
from lrcore.errors import UserError
from lrcore.reading import Reader
from lrcore.weights import WEIGHTS_FOLDER, load_weights


@pytest.fixture(scope="module")
def reader():
    return Reader(load_weights(WEIGHTS_FOLDER / "pixels.npz"))


@pytest.mark.parametrize(
    "given",
    [
        lambda x: x / 255.0,
        lambda x: (x / 255).astype(np.float32),
        lambda x: x.reshape(len(x), 784),
        lambda x: x.reshape(len(x), 784) / 255,
        lambda x: x[..., None],
        lambda x: [*x],
    ],
)
def test_pictures_are_read_alike_however_they_are_given(reader, test_set, given):
    images = test_set.images[:300]
    readings = reader.read(given(images))
    np.testing.assert_array_equal(readings.scores, reader.read(images).scores)
    assert np.mean(readings.digits == test_set.labels[:300]) > 0.9


def test_one_picture_is_a_set_of_one(reader, test_set):
    assert reader.read(test_set.images[0]).digits.tolist() == [7]
    assert reader.read(test_set.images[0] / 255).digits.tolist() == [7]
    assert len(reader.read([])) == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda x: x.astype(float), "float64 from 0 to 255.* from 0 to 1 only"),
        (lambda x: x / 127.5 - 1, "from -1 to 1"),
        (lambda x: np.full(x.shape, np.nan), "from nan"),
        (lambda x: x.astype(int), "int64.* as uint8"),
        (lambda x: x > 127, "bool"),
        (lambda x: x.astype(str), "<U.* as uint8"),
        (lambda x: x[:, 10:18, 10:18], r"\(49, 8, 8\)"),
        (lambda x: x[0, 0], r"\(28,\)"),
        (lambda x: [x[0], x[1, :20]], "one size"),
        (lambda x: 7, r"shape \(\)"),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(reader, test_set, given, words):
    with pytest.raises(UserError, match=words):
        reader.read(given(test_set.images[:49]))


def test_read_of_a_list_says_what_to_do(test_set):
    with pytest.raises(UserError, match="one picture, not a list; call it for each"):
        lrcore.read(["one.png", "two.png"])
    with pytest.raises(UserError, match="not a tuple"):
        lrcore.read((test_set.images[0],))
