"""Several digits in one picture."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sklearn import datasets

import lrcore
from benchmarks.made_pictures import KINDS, rows, singles, small_singles
from benchmarks.real_pictures import edit_distance, read_text, real_cases, try_number
from lrcore import segment
from lrcore.data import load_dataset
from lrcore.decode import open_once
from lrcore.drawing import redraw
from lrcore.errors import UserError
from lrcore.frame import frame
from lrcore.pieces import MOST_BLOBS
from lrcore.reading import Reader
from lrcore.segment import (
    DIGITS,
    SHOWN,
    drawn_as_several,
    find_digits,
    find_drawn_digits,
)
from lrcore.weights import DEFAULT, Weights, load_weights
from tests.helpers import picture_to_digit


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


def drawn(*lines, size=(400, 300), width=10):
    page = Image.new("L", size, 255)
    for line in lines:
        ImageDraw.Draw(page).line(line, fill=0, width=width)
    return page


BODY_OF_5 = [(60, 100), (60, 160), (110, 160), (110, 220), (50, 220)]
HAT_OF_5 = [(62, 80), (120, 80)]
ONE = [(200, 80), (200, 220)]
SEVEN = [(250, 80), (320, 80), (270, 220)]


def test_a_loose_hat_belongs_to_its_digit():
    found = find_digits(drawn(BODY_OF_5, HAT_OF_5, ONE, SEVEN))
    assert len(found) == 3
    left, top, right, bottom = found[0].box
    assert abs(np.array([left, top, right, bottom]) - [50, 75, 120, 225]).max() < 8


def test_a_loose_hat_belongs_to_a_digit_alone_in_its_picture():
    (found,) = find_digits(drawn(BODY_OF_5, HAT_OF_5), digits="one")
    assert np.abs(np.array(found.box) - [50, 75, 120, 225]).max() < 8
    bare = picture_to_digit(drawn(BODY_OF_5))
    assert np.count_nonzero(picture_to_digit(drawn(BODY_OF_5, HAT_OF_5))[4:8, 12:18] > 127) > 3
    assert not np.array_equal(found.image, bare)


def test_dots_and_dashes_are_no_digits():
    dash, dot = [(140, 150), (170, 150)], [(345, 215), (352, 215)]
    assert len(find_digits(drawn(BODY_OF_5, HAT_OF_5, dash, ONE, SEVEN, dot))) == 3


def test_digits_that_touch_are_parted():
    lefts = [50, 152, 254]
    zeros = [[(x, 120), (x + 45, 60), (x + 90, 120), (x + 45, 180), (x, 120)] for x in lefts]
    found = find_digits(drawn(*zeros))
    assert [f.box[0] for f in found] == pytest.approx(lefts, abs=12)


@pytest.mark.parametrize("way", [1, -1], ids=["right", "left"])
def test_digits_that_lean_are_parted_by_a_seam_that_leans_with_them(way):
    # No upright line passes between the two, and a thin bridge makes them one blob.
    left, right = ([(x + 50 * way, 60), (x - 50 * way, 180)] for x in (100, 170))
    page = drawn(left, right)
    ImageDraw.Draw(page).line([(100, 120), (170, 120)], fill=0, width=4)
    one, two = find_digits(page)
    assert np.abs(np.array(one.box) - [45, 57, 155, 183]).max() < 8
    assert np.abs(np.array(two.box) - [115, 57, 225, 183]).max() < 8
    alone = [picture_to_digit(drawn(line)) for line in (left, right)]
    for found, expected in zip((one, two), alone, strict=True):
        assert np.abs(found.image.astype(int) - expected).mean() < 25


def test_a_reader_says_whether_a_wide_digit_is_two():
    wide = drawn([(50, 60), (250, 60), (90, 220)], size=(300, 280))
    sizes = []

    def whole(images):
        sizes.append(len(images))
        # The unlikely cut leaves pieces that touch the box's left and right sides alone.
        return np.where((images[:, 4:24] > 0).any(1).sum(1) >= 18, 0.99, 0.01)

    assert len(find_digits(wide, whole)) == 1
    assert sizes


def test_lines_that_slope_stay_lines(digits):
    page = np.full((330, 700), 255, np.uint8)
    for line in range(2):
        for k in range(10):
            top, left = 30 + 130 * line + 8 * k, 20 + 65 * k
            place = page[top : top + 56, left : left + 56]
            place -= np.asarray(Image.fromarray(digits[10 * line + k]).resize((56, 56)))
    assert [f.line for f in find_digits(page)] == [0] * 10 + [1] * 10


def test_a_page_of_dirt_is_refused():
    rng = np.random.default_rng(0)
    page = np.full((900, 900), 255, np.uint8)
    for y, x in rng.permutation(np.argwhere(np.ones((40, 40))))[: MOST_BLOBS + 50] * 22 + 10:
        page[y : y + 8, x : x + 8] = 0
    with pytest.raises(UserError, match="too many to be digits"):
        find_digits(page)


def test_a_readers_score_is_the_chance_that_one_model_alone_says_yes(monkeypatch):
    def read(reader, images):
        return SimpleNamespace(probabilities=np.array([[0.9, 0.1, 0.2], [0.5, 0.5, 0.5]]))

    monkeypatch.setattr(Reader, "read", read)
    ten = Reader(Weights(np.zeros((10, 785)), np.arange(10)))
    np.testing.assert_allclose(ten.digit_score(None), [0.9 * 0.9 * 0.8, 0.125])
    assert Reader(Weights(np.zeros((1, 785)), np.array([0, 1]))).digit_score is None


@pytest.fixture(scope="module")
def made():
    """Of each kind a digit, and as many rows: the huge one takes seconds to make."""
    data = load_dataset(part="test")
    return [*singles(data, len(KINDS)), *rows(data, len(KINDS))]


@pytest.mark.parametrize("judge", ["shape", "reader"])
def test_steps_end_with_the_very_image_that_is_read(made, judge):
    """Of pencil and all other kinds, of rows and single digits, whoever judges the cuts."""
    score = Reader(load_weights(DEFAULT)).digit_score if judge == "reader" else None
    for picture in made:
        for item in find_digits(picture.file, score):
            *before, (_, last) = item.steps()
            assert last is item.image
            assert len(before) == 4
            assert all(shown.dtype == np.uint8 and shown.any() for _, shown in before)
            # What is shown before makes it, up to bytes; of a large digit a smaller copy is shown.
            if max(before[-1][1].shape) < SHOWN:
                again = frame(before[-1][1] / np.float32(255))
                assert np.abs(again.astype(int) - last).max() <= 2


def test_what_is_kept_of_a_digit_is_bounded(made):
    (found,) = find_digits(next(m for m in made if m.kind == "huge").file, digits="one")
    assert all(max(picture.shape) <= SHOWN for _, picture in found.steps())
    assert found.nbytes == sum(picture.nbytes for _, picture in found.steps())


def test_a_picture_is_opened_but_once(digits, monkeypatch):
    opened = open_once(255 - digits[0])
    monkeypatch.setattr("lrcore.segment.open_once", None)
    (found,) = find_digits(opened)
    assert len(found.steps()) == 5


@pytest.mark.parametrize("sure", [0.01, 1.0])
def test_each_mark_of_a_page_is_redrawn_but_once(monkeypatch, sure):
    redrawn, drawn = segment.with_mnist_pen, []
    monkeypatch.setattr(segment, "with_mnist_pen", lambda ink: drawn.append(1) or redrawn(ink))
    page = np.full((100, 300), 255, np.uint8)
    page[30:70, 30:280:50] = page[30:70, 31:280:50] = 0
    found = find_digits(page, lambda images: np.full(len(images), sure))
    assert len(found) == len(drawn) == 5


def test_drawn_digits_are_redrawn_from_their_own_strokes():
    one, bar = np.array([[40, 30], [40, 150]]), np.array([[110, 30], [110, 150]])
    first, second = find_drawn_digits([one, bar], 220, 180, 12)
    for item, stroke in ((first, one), (second, bar)):
        np.testing.assert_array_equal(item.image, frame(redraw([stroke])))
        left, top, right, bottom = item.box
        assert left < stroke[0, 0] < right
        assert top < stroke[:, 1].min() + 8
        assert bottom > stroke[:, 1].max() - 8


def test_drawn_digits_show_how_they_were_redrawn():
    strokes = [np.array([[30, 30], [90, 30], [50, 150]]), np.array([[150, 30], [150, 150]])]
    for item in find_drawn_digits(strokes, 220, 180, 12):
        caption, redrawn = item.steps()[-2]
        assert caption == "redrawn with MNIST's pen"
        np.testing.assert_array_equal(frame(redrawn / np.float32(255)), item.image)


@pytest.fixture(scope="module")
def reader():
    return Reader(load_weights(DEFAULT))


def share_right(reader, cases):
    """Of (picture, text) pairs, how many are read as that and nothing else."""
    cases = list(cases)
    return np.mean([read_text(picture, reader) == text for picture, text in cases])


FLOORS = {
    "tight": 0.98,
    "one pixel of paper": 0.98,
    "tight, six times": 0.96,
    "16x16": 0.95,
    "8x8": 0.92,
    "faint 32x32": 0.97,
    "felt pen 28x28": 0.92,
    "broken": 0.93,
}


def test_small_tight_faint_thick_and_broken_digits_are_read(reader):
    """benchmarks/real_pictures.py measures more of them; of twenty-five one is 4 %."""
    made = list(small_singles(load_dataset(part="test"), 25 * len(FLOORS)))
    for kind, floor in FLOORS.items():
        right = share_right(reader, [(m.file, m.text) for m in made if m.kind == kind])
        assert right >= floor - 0.04, kind


def test_digits_of_8x8_are_read(reader):
    """scikit-learn's own, of ink 0 to 16."""
    few = datasets.load_digits()
    cases = zip(few.images[:100] / 16, few.target[:100].astype(str), strict=True)
    assert share_right(reader, cases) >= 0.92


@pytest.mark.parametrize("side", [28, 48, 64])
def test_one_small_digit_is_never_several(digits, side):
    for digit in digits[:25]:
        page = Image.fromarray(255 - digit).resize((side, side), Image.Resampling.BICUBIC)
        noisy = np.asarray(page) * 0.4 + np.random.default_rng(0).normal(120, 4, (side, side))
        for source in (page, np.clip(noisy, 0, 255).astype(np.uint8)):
            assert len(find_digits(source)) == 1


def test_a_broken_stroke_is_joined_and_two_digits_are_not(reader, digits):
    seven = drawn([(100, 60), (200, 60), (178, 114)], [(168, 138), (130, 230)])
    assert len(reader.find(seven)) == 1
    assert len(reader.find(drawn([(120, 60), (120, 230)], [(220, 60), (220, 230)]))) == 2


def test_how_many_digits_there_are_can_be_said(reader):
    two = drawn([(140, 60), (140, 230)], [(170, 60), (170, 230)])
    assert [len(reader.find(two, how)) for how in DIGITS] == [2, 1, 2]
    assert len(lrcore.read(two, digits="one")) == 1
    small = two.resize((44, 33), Image.Resampling.BOX)
    assert len(reader.find(small, "several")) == 2
    with pytest.raises(UserError, match="auto, one, several"):
        reader.find(two, "many")


def test_two_digits_on_a_canvas_for_one_are_noticed(reader):
    one = np.array([[60, 50], [60, 250]])
    seven = [[160, 50], [260, 50], [200, 250]]
    hat, five = [[120, 60], [210, 60]], [[120, 60], [115, 140], [200, 160], [190, 240], [110, 250]]
    for strokes, several in (([one, seven], True), ([hat, five], False), ([seven], False)):
        strokes = [np.array(stroke, float) for stroke in strokes]
        assert drawn_as_several(strokes, 330, 330, 14, reader.digit_score) == several


def test_made_pictures_are_the_same_each_time():
    data = load_dataset(part="test")
    once, twice = (list(singles(data, 12)) + list(rows(data, 14)) for _ in range(2))
    assert once == twice
    assert {made.kind for made in once} == set(KINDS) - {"huge"}
    assert all(2 <= len(line) <= 12 for made in once[12:] for line in made.text.split())


def test_other_numbers_can_be_tried(monkeypatch):
    monkeypatch.setattr(segment, "A_CUT", segment.A_CUT)
    try_number("segment.A_CUT=1.2")
    assert segment.A_CUT == 1.2
    for wrong in ("segment.NONE=1", "os.path=1", "segment.A_CUT=much", "A_CUT", "segment.np=1"):
        with pytest.raises(UserError):
            try_number(wrong)


def test_edit_distance_counts_what_to_change():
    assert edit_distance("12345", "12345") == 0
    assert edit_distance("12345", "1345") == 1
    assert edit_distance("", "123") == 3
    assert edit_distance("123", "321") == 2


def test_folders_without_labels_are_named(tmp_path):
    with pytest.raises(UserError, match="holds no labels"):
        real_cases(tmp_path)
    (tmp_path / "labels.csv").write_text("file,text\n", encoding="utf-8")
    with pytest.raises(UserError, match="columns"):
        real_cases(tmp_path)
    (tmp_path / "labels.csv").write_text(
        "file,text,kind,source\na.png,1,photo,me\n", encoding="utf-8"
    )
    with pytest.raises(UserError, match="not there"):
        real_cases(tmp_path)


def test_benchmark_refuses_a_bad_folder_in_one_sentence(tmp_path):
    script = Path(__file__).parent.parent / "benchmarks" / "real_pictures.py"
    run = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "none"), "--json"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode != 0
    assert run.stdout == ""
    assert len(run.stderr.strip().splitlines()) == 1
