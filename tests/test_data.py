"""IDX files and data sets."""

import gzip
import hashlib
import io
import struct

import numpy as np
import pytest

from lrcore import data
from lrcore.data import MNIST_FOLDER, load_dataset, parse_idx, read_idx
from lrcore.errors import UserError
from tests.files import write_idx

MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


@pytest.fixture
def small_set(tmp_path):
    """A folder with a data set of four pictures, both parts."""
    images = np.arange(4 * 784, dtype=np.uint32).reshape(4, 28, 28).astype(np.uint8)
    for prefix in ("train", "t10k"):
        write_idx(tmp_path / f"{prefix}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"{prefix}-labels-idx1-ubyte", np.array([3, 1, 4, 1], np.uint8))
    return tmp_path


@pytest.mark.parametrize("name", MD5)
def test_the_embedded_files_are_mnist_bit_for_bit(name):
    raw = gzip.decompress((MNIST_FOLDER / f"{name}.gz").read_bytes())
    assert hashlib.md5(raw).hexdigest() == MD5[name]


def test_mnist_loads(train_set, test_set):
    assert train_set.images.shape == (60_000, 28, 28)
    assert test_set.images.shape == (10_000, 28, 28)
    assert np.bincount(train_set.labels).tolist() == [
        *(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
    ]


def test_any_folder_in_the_format_is_read_plain_or_gzipped(small_set):
    data = load_dataset(small_set, "test")
    assert data.labels.tolist() == [3, 1, 4, 1]
    assert data.images[0, 0, :3].tolist() == [0, 1, 2]


def header(kind=8, shape=(2, 3)):
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "too few for an IDX header"),
        (b"PK\x03\x04 something else", "not an IDX file"),
        (header(kind=10) + bytes(24), "type 0x0a"),
        (header()[:7], "ends inside its IDX header"),
        (header() + bytes(5), "should hold 2 x 3 = 6 bytes of values by its header, but 5 follow"),
        (header() + bytes(7), "but 7 follow"),
        (header(shape=(2**31, 2**31, 2**31)) + bytes(8), "but 8 follow"),
        # Nothing is missing here, but no array has so many.
        (header(shape=(0,) * 255), "has 255 dimensions by its header"),
        (gzip.compress(header() + bytes(6), mtime=0)[:-9], "does not unpack"),
        (b"\x1f\x8b\x08\x00 this is no gzip stream", "does not unpack"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(tmp_path, raw, says):
    path = tmp_path / "damaged-idx"
    path.write_bytes(raw)
    with pytest.raises(UserError, match="damaged-idx") as caught:
        read_idx(path)
    assert says in str(caught.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_that_is_too_large_is_refused_before_all_of_it_is_read(pack):
    raw = header(shape=(2, 500)) + bytes(1000)
    assert parse_idx(io.BytesIO(pack(raw)), "large", len(raw)).shape == (2, 500)
    file = io.BytesIO(pack(raw) + bytes(10_000))
    with pytest.raises(UserError, match="large is larger than"):
        parse_idx(file, "large", len(raw) - 1)
    if pack is bytes:
        assert file.tell() == len(raw)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="train-images-idx3-ubyte"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        ((4, 28, 28), [1, 2, 3], "4 images but .* 3 labels"),
        ((4, 20, 20), [1, 2, 3, 4], "28 x 28"),
        ((4,), [1, 2, 3, 4], "28 x 28"),
        ((4, 28, 28), [[1, 2], [3, 4]], "labels are one row"),
        ((4, 28, 28), [1, 2, 3, 10], "label 10"),
        ((0, 28, 28), [], "no images"),
    ],
)
def test_images_and_labels_must_fit_each_other(tmp_path, images, labels, says):
    write_idx(tmp_path / "train-images-idx3-ubyte", np.zeros(images, np.uint8))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array(labels, np.uint8))
    with pytest.raises(UserError, match=says):
        load_dataset(tmp_path)


def test_a_missing_file_is_named_without_the_place_of_the_project(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "ROOT", tmp_path)
    with pytest.raises(UserError, match=r"^data/mnist has no train-images"):
        load_dataset(tmp_path / "data" / "mnist")
    with pytest.raises(UserError, match=r"^elsewhere has no train-images"):
        load_dataset("elsewhere")
