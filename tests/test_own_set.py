"""A set of one's own digits: in and out of files, and what is not let in."""

import gzip
import io
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lrcore import own_set
from lrcore.data import idx_bytes
from lrcore.errors import UserError
from lrcore.own_set import OwnDigits, as_set, joined, load, split_off, to_idx, to_zip
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
        [("b", gzip.compress(labels)), ("a", gzip.compress(images))],
    ):
        loaded = load(files)
        assert not loaded.rejected
        np.testing.assert_array_equal(loaded.digits.images, own.images)
        np.testing.assert_array_equal(loaded.digits.labels, own.labels)


def test_the_same_picture_is_kept_once_with_its_last_label(own):
    again = joined(own, as_set([own.images[3]], [9]))
    assert len(again) == len(own)
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
    assert [len(part) for part in split_off(joined(one, own.take([17])))] == [1, 1]
    assert [len(part) for part in split_off(as_set())] == [0, 0]


def test_a_set_has_its_limit(own, monkeypatch):
    monkeypatch.setattr(own_set, "MOST", 20)
    with pytest.raises(UserError, match="21 digits are more than the 20"):
        joined(own, as_set([255 - own.images[0]], [1]))
    with pytest.raises(UserError, match="21 digits are more than the 20"):
        OwnDigits().with_digits(own).with_digits(as_set([255 - own.images[0]], [1]))
    loaded = load(
        [("own.zip", to_zip(own)), ("again.zip", to_zip(as_set(255 - own.images[:1], [1])))]
    )
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


def test_each_rejected_file_is_named_and_the_others_are_kept(own):
    good = saved(own.images[0])
    members = {
        "7/good.png": good,
        "readme.txt": b"hello",
        "eleven/x.png": good,
        "../../10/x.png": good,
        "3/no.png": b"not a picture",
        "3/half.png": good[:60],
        "3/black.png": saved(np.zeros((28, 28), np.uint8)),
        "3/blank.png": saved(np.full((90, 90), 255, np.uint8)),
        "3/huge.png": saved(np.zeros((2000, 10), np.uint8)),
        "__MACOSX/7/._good.png": b"",
        "7/.DS_Store": b"",
    }
    loaded = load([("own.zip", zipped(members))])
    assert loaded.digits.labels.tolist() == [7]
    rejected = dict(loaded.rejected)
    assert set(rejected) == {
        *("readme.txt", "eleven/x.png", "../../10/x.png", "3/no.png", "3/half.png"),
        *("3/black.png", "3/blank.png", "3/huge.png"),
    }
    assert "0 to 9" in rejected["../../10/x.png"]
    assert "2000" in rejected["3/huge.png"]


def test_bombs_do_not_unpack(own, monkeypatch):
    monkeypatch.setattr(own_set, "MOST_OF_ONE", 100_000)
    zeros = bytes(10_000_000)
    loaded = load([("bomb.zip", zipped({"7/bomb.png": zeros, "7/fine.png": saved(own.images[0])}))])
    assert loaded.digits.labels.tolist() == [7]
    assert loaded.rejected == [
        ("7/bomb.png", "is too large once unpacked: 4 MiB a picture, 64 MiB in all.")
    ]
    # A small PNG that claims to be enormous.
    header = bytearray(saved(own.images[0]))
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(header[12:29]).to_bytes(4, "big")
    loaded = load([("bomb.zip", zipped({"7/wide.png": bytes(header)}))])
    assert loaded.rejected[0][0] == "7/wide.png"
    monkeypatch.setattr(own_set, "MOST", 10)
    loaded = load([("images.gz", gzip.compress(bytes(4) + zeros)), ("labels", to_idx(own)[1])])
    assert loaded.rejected[0][0] == "images.gz"
    assert "MiB" in loaded.rejected[0][1]
    loaded = load([("many.zip", zipped({f"7/{i}.png": b"" for i in range(11)}))])
    assert loaded.rejected == [("many.zip", "holds 11 files; up to 10 are read at once.")]


def test_damaged_files_and_lone_halves_are_named(own):
    packed, (images, labels) = to_zip(own), to_idx(own)
    encrypted = bytearray(zipped({"7/a.png": saved(own.images[0])}))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    cases = [
        ([("cut.zip", packed[: len(packed) // 2])], "cut.zip"),
        ([("text", b"hello")], "text"),
        ([("lone", images)], "lone"),
        ([("images", images), ("labels", labels[:-1])], "labels"),
        ([("images", images), ("labels", idx_bytes(own.labels[:-1]))], "images and labels"),
        ([("images", images), ("labels", idx_bytes(own.labels + 10))], "images and labels"),
        ([("locked.zip", bytes(encrypted))], "7/a.png"),
    ]
    for files, named in cases:
        loaded = load(files)
        assert not len(loaded.digits)
        assert [name for name, _ in loaded.rejected] == [named], files[0][0]


@pytest.mark.parametrize("seed", range(30))
def test_no_damage_to_a_zip_raises(own, seed):
    rng = np.random.default_rng(seed)
    raw = bytearray(to_zip(own.take(slice(0, 3))))
    for at in rng.integers(0, len(raw), 5):
        raw[at] = rng.integers(256)
    loaded = load([("own.zip", b"PK" + bytes(raw[2:]))])
    assert len(loaded.digits) <= 3
