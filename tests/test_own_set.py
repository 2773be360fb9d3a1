"""A set of one's own digits: in and out of files, and what is not let in."""

import gzip
import io
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lrcore import own_set
from lrcore.data import as_set
from lrcore.datasets import Bounds, load
from lrcore.errors import UserError
from lrcore.own_set import OwnDigits, split_off, to_idx, to_zip
from tests.files import saved, zipped


@pytest.fixture
def own(test_set):
    return test_set.take(slice(0, 20))


def test_a_zip_of_pngs_in_ten_folders_comes_back_as_it_was(own):
    packed = to_zip(own)
    names = zipfile.ZipFile(io.BytesIO(packed)).namelist()
    assert names[:2] == ["7/00000.png", "2/00001.png"]
    loaded = load([("own.zip", packed)])
    assert not loaded.rejected
    np.testing.assert_array_equal(loaded.digits.images, own.images)
    np.testing.assert_array_equal(loaded.digits.labels, own.labels)


def test_an_idx_pair_comes_back_in_either_order_and_gzipped(own):
    images, labels = to_idx(own)
    for files in (
        [("a", images), ("b", labels)],
        [("b", gzip.compress(labels, mtime=0)), ("a", gzip.compress(images, mtime=0))],
    ):
        loaded = load(files)
        assert not loaded.rejected
        np.testing.assert_array_equal(loaded.digits.images, own.images)
        np.testing.assert_array_equal(loaded.digits.labels, own.labels)


def test_the_same_picture_is_kept_once_with_its_last_label(own):
    table = OwnDigits().with_digits(own)
    more = table.with_digits(as_set([own.images[3]], [9]))
    assert len(more) == len(own)
    assert (table.label_of(own.images[3]), more.label_of(own.images[3])) == (own.labels[3], 9)
    fewer = more.without(own.images[3])
    assert len(fewer) == len(own) - 1
    assert fewer.label_of(own.images[3]) is None
    assert OwnDigits().label_of(own.images[3]) is None


def test_a_correction_is_a_digit_that_is_also_learned(own):
    table = OwnDigits().with_digits(own).with_digits(own.take([5, 3]), correct=True)
    assert len(table) == len(own)
    assert table.is_corrected(own.images[3])
    assert not table.is_corrected(own.images[4])
    np.testing.assert_array_equal(table.corrections.images, own.images[[5, 3]])
    # Another label leaves it a correction, and makes it the last.
    table = table.with_digits(as_set(own.images[5:6], [9]))
    assert table.corrections.labels.tolist() == [own.labels[3], 9]
    undone = table.without_last_correction()
    assert undone.corrections.labels.tolist() == [own.labels[3]]
    assert undone.label_of(own.images[5]) is None
    forgotten = table.without_corrections()
    assert (len(forgotten), len(forgotten.corrections)) == (len(own), 0)
    assert len(forgotten.without_last_correction()) == len(own)


def test_a_table_never_changes_and_holds_what_it_says(own):
    table = OwnDigits().with_digits(own)
    table.with_digits(own.take([0]), correct=True)
    table.without(own.images[0])
    assert len(table) == len(own)
    assert not table.corrects.any()
    with pytest.raises(ValueError, match="either corrects"):
        OwnDigits(own, np.zeros(3, bool))


def test_a_share_of_each_digit_is_kept_back(test_set):
    own = test_set.take(slice(0, 100))
    learned, kept_back = split_off(own)
    assert len(learned) + len(kept_back) == 100
    for digit in range(10):
        of = (own.labels == digit).sum()
        assert (kept_back.labels == digit).sum() == max(round(of / 4), of > 1)
    assert not {i.tobytes() for i in learned.images} & {i.tobytes() for i in kept_back.images}
    one = own.take(own.labels == 7).take(slice(0, 1))
    assert [len(part) for part in split_off(one)] == [1, 0]
    two = own.take([np.flatnonzero(own.labels == 7)[0], 17])
    assert [len(part) for part in split_off(two)] == [1, 1]
    assert [len(part) for part in split_off(as_set())] == [0, 0]


def test_a_set_has_its_limit(own, monkeypatch):
    monkeypatch.setattr(own_set, "MOST", 20)
    with pytest.raises(UserError, match="21 digits are more than the 20"):
        OwnDigits().with_digits(own).with_digits(as_set([255 - own.images[0]], [1]))
    more = ("again.zip", to_zip(as_set(255 - own.images[:1], [1])))
    loaded = load([("own.zip", to_zip(own)), more], Bounds(digits=20))
    assert len(loaded.digits) == 20
    assert loaded.rejected[0][0] == "again.zip"


def test_a_hand_has_its_limit(test_set):
    full = OwnDigits().with_digits(test_set.take(slice(0, 200)), correct=True)
    assert len(full.corrections) == 200
    more = full.with_digits(test_set.take(slice(200, 210)))
    assert (len(more), len(more.corrections)) == (210, 200)
    with pytest.raises(UserError, match=r"holds 200 corrections at most.* would make 201"):
        more.with_digits(test_set.take([205]), correct=True)


def test_pictures_of_other_sizes_and_dark_ink_are_framed_as_uploads_are(own):
    seven = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(seven).line([(90, 60), (210, 60), (130, 240)], fill=0, width=14)
    inverted = saved(255 - own.images[0])
    loaded = load([("a.zip", zipped({"my/7/big.png": saved(seven), "7\\dark.png": inverted}))])
    assert not loaded.rejected
    assert loaded.digits.labels.tolist() == [7, 7]
    for image in loaded.digits.images:
        # Ink is bright, the frame's rim is paper.
        assert image.max() > 200
        assert image[:3].max() == 0
