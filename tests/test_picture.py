"""Pictures of every kind brought to ink, and what is refused."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw, ImageOps

from lrcore.data import load_dataset
from lrcore.decode import LONGEST, MOST_BLANK, open_once
from lrcore.errors import UserError
from lrcore.picture import find_ink
from lrcore.segment import find_digits
from tests.files import grey_of, saved
from tests.helpers import difference, picture_to_digit


@pytest.fixture(scope="module")
def digits():
    return load_dataset(part="test").images[:200]


def scene(size=(300, 300), paper=255, ink=0, mode="L"):
    """A hand-drawn 7, high up and to the left, so that a turn or a flip shows."""
    image = Image.new(mode, size, paper)
    pen = ImageDraw.Draw(image)
    w, h = size
    pen.line(
        [(0.1 * w, 0.1 * h), (0.4 * w, 0.1 * h), (0.2 * w, 0.6 * h)],
        fill=ink,
        width=max(1, h // 30),
    )
    return image


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "TIFF"])
def test_every_format_gives_the_same_digit(format):
    image = scene()
    assert difference(picture_to_digit(saved(image, format)), picture_to_digit(image)) < 6


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "I", "F"])
def test_every_mode_gives_the_same_digit(mode):
    image = scene()
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 200)
    else:
        image = image.convert(mode)
    other = saved(image, "TIFF")
    assert difference(picture_to_digit(other), picture_to_digit(scene())) < 1


@pytest.mark.parametrize("ink", [0, 255])
def test_transparent_paper(ink):
    image = scene(mode="LA", paper=(128, 0), ink=(ink, 255))
    assert difference(picture_to_digit(image), picture_to_digit(scene())) < 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation):
    image = scene((200, 300))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = saved(image, "PNG", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    np.testing.assert_allclose(grey_of(file) * 255, np.asarray(expected), atol=0.01)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"", "not a picture"),
        (b"hello, I am a text", "not a picture"),
        (saved(Image.effect_noise((300, 300), 50))[:2000], "damaged"),
        (saved(Image.new("1", (30_000, 2))), "too large"),
        (saved(Image.new("1", (15_000, 15_000))), "too large"),
        (np.zeros((0, 5)), "not a picture"),
        (np.zeros((5, 5, 7)), "not a picture"),
        (np.array([["a"]]), "not a picture"),
        (np.full((9, 9), np.nan), "not numbers"),
        (
            saved(Image.fromarray(np.full((9, 9), np.nan, np.float32)), "TIFF"),
            "not numbers",
        ),
        (Image.new("L", (200, 100), 240), "No ink"),
        (Image.new("L", (9, 9)), "No ink"),
        (Image.new("L", (6, 3)), "only 6 x 3 pixels"),
        ("no/such/file.png", "There is no picture"),
    ],
)
def test_bad_pictures_get_one_sentence(source, words):
    with pytest.raises(UserError, match=words) as error:
        picture_to_digit(source)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


def test_large_pictures_are_worked_on_small():
    grey = grey_of(scene((4000, 3000)))
    assert max(grey.shape) == LONGEST
    assert grey.dtype == np.float32
    assert grey.min() >= 0
    assert grey.max() <= 1


def test_mnist_passes_nearly_unchanged(digits):
    read = np.stack([picture_to_digit(saved(Image.fromarray(d))) for d in digits])
    # But for pens thinner or thicker than most of MNIST's own.
    assert (read == digits).all(axis=(1, 2)).mean() > 0.5
    assert np.abs(read.astype(int) - digits).mean() < 4


@pytest.mark.parametrize("height", [12, 60, 400, 3000])
def test_size_and_place_do_not_matter(digits, height):
    for digit in digits[:5]:
        small = Image.fromarray(255 - digit).resize((height, height), Image.Resampling.BICUBIC)
        page = Image.new("L", (2 * height, height + 5), 250)
        page.paste(small, (height // 3, 5))
        assert difference(picture_to_digit(page), picture_to_digit(digit)) < (
            30 if height < 28 else 11
        )


def test_light_and_shadow_are_levelled():
    page = np.asarray(scene(), float)
    rows, columns = np.indices(page.shape)
    shade = 0.25 + 0.75 * columns / 300 * rows / 300
    lit = Image.fromarray((page * shade).astype(np.uint8))
    assert difference(picture_to_digit(lit), picture_to_digit(scene())) < 6
    chalk = ImageOps.invert(scene())
    np.testing.assert_array_equal(picture_to_digit(chalk), picture_to_digit(scene()))


def test_shadows_are_levelled_in_pictures_larger_than_the_copy_they_are_sought_in():
    page = np.asarray(scene((1300, 1100)), np.float32) / 255
    columns = np.indices(page.shape)[1]
    # A band of shadow, wider than any window that a stroke calls for, lies across the page.
    shade = 1 - 0.7 / (1 + ((columns - 600) / 260) ** 16)
    shade += np.random.default_rng(0).normal(0, 0.02, page.shape)
    expected, found = page < 0.5, find_ink(page * shade.astype(np.float32))
    assert np.count_nonzero(found.written & expected) > 0.97 * np.count_nonzero(expected)
    assert np.count_nonzero(found.written & ~expected) < 0.03 * np.count_nonzero(expected)
    assert found.pen == pytest.approx(36, rel=0.1)
    assert difference(picture_to_digit(page * shade), picture_to_digit(page)) < 3


def test_a_sheet_on_a_dark_table_is_paper_and_not_ink():
    # So much table lies round it that the sheet passes for something light on dark.
    table = np.full((300, 300), 0.25, np.float32)
    table[30:270, 30:270] = 0.95
    page = np.asarray(scene((240, 240)), np.float32) / 255
    table[30:270, 30:270][page < 0.5] = 0.2
    written = find_ink(table).written
    expected = np.zeros_like(written)
    expected[30:270, 30:270] = page < 0.5
    np.testing.assert_array_equal(written, expected)


def test_thick_and_thin_pens_come_out_alike():
    reads = []
    for width in (2, 40):
        page = Image.new("L", (300, 300), 255)
        ImageDraw.Draw(page).line([(80, 60), (220, 60), (120, 250)], fill=0, width=width)
        reads.append((picture_to_digit(page) > 127).sum())
    assert reads[1] < 3 * reads[0]


def test_ink_is_found_and_nothing_else():
    ink = find_ink(grey_of(scene()))
    np.testing.assert_array_equal(ink.written, np.asarray(scene()) < 128)
    np.testing.assert_array_equal(ink.level, ink.written)
    assert ink.pen == pytest.approx(10, rel=0.25)


def test_specks_and_the_table_are_not_ink():
    page = scene()
    pen = ImageDraw.Draw(page)
    pen.polygon([(260, 300), (300, 0), (300, 300)], fill=60)
    for x, y in [(150, 250), (20, 280), (200, 40)]:
        pen.ellipse([x, y, x + 6, y + 6], fill=30)
    expected = np.asarray(scene()) < 128
    np.testing.assert_array_equal(find_ink(grey_of(page)).written, expected)


@pytest.mark.parametrize(
    ("paper", "ink"),
    [
        ((250, 250, 250), (255, 200, 90)),
        ((90, 200, 90), (230, 115, 80)),
        # The same grey to the last level, so that only who looks at colours sees anything.
        ((90, 200, 90), (255, 110, 120)),
    ],
)
def test_ink_that_differs_from_paper_in_colour_alone(paper, ink):
    page = scene(mode="RGB", paper=paper, ink=ink)
    assert difference(picture_to_digit(page), picture_to_digit(scene())) < 1


def film(format, *pages):
    first, *others = (page.convert("RGB") for page in pages)
    return saved(first, format, save_all=True, append_images=others, lossless=True, quality=95)


BLANK = Image.new("L", (300, 300), 255)
OTHER = ImageOps.flip(scene())


@pytest.mark.parametrize("format", ["GIF", "TIFF", "WEBP", "PNG", "AVIF"])
def test_of_several_pages_the_first_that_is_not_blank_is_read_and_named(format):
    kind = "page" if format == "TIFF" else "frame"
    first = open_once(film(format, scene(), OTHER))
    assert first.note == f"It holds several {kind}s: {kind} 1 is read."
    # Nearly, for two of these formats lose a little.
    np.testing.assert_allclose(first.grey, grey_of(scene()), atol=0.15)
    second = open_once(film(format, BLANK, scene(), OTHER))
    assert (
        second.note == f"It holds several {kind}s: {kind} 2 is read, as what comes before is blank."
    )
    np.testing.assert_allclose(second.grey, grey_of(scene()), atol=0.15)
    assert open_once(saved(scene().convert("RGB"), format)).note == ""


def test_of_blank_pages_few_are_looked_at():
    shades = [Image.new("L", (9, 9), 255 - (k % 2)) for k in range(MOST_BLANK + 5)]
    opened = open_once(film("TIFF", *shades, scene()))
    assert opened.note.startswith("It holds several pages: page 1 ")
    assert np.ptp(opened.grey) == 0


def test_a_damaged_second_page_leaves_the_first():
    file = film("GIF", scene(), OTHER)
    for end in range(len(file) - 400, len(file), 37):
        assert np.ptp(grey_of(file[:end])) > 0.9


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_heic_is_told_what_to_do(brand):
    with pytest.raises(UserError, match="share it as JPEG"):
        open_once(b"\0\0\0\x18ftyp" + brand + bytes(40))


def test_a_folder_is_called_a_folder(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        open_once(tmp_path)


def test_one_opening_gives_grey_and_picture_and_size():
    exif = Image.Exif()
    exif[0x0112] = 6
    opened = open_once(saved(scene((4000, 3000), mode="RGB", ink=(90, 0, 0)), "JPEG", exif=exif))
    assert opened.size == (3000, 4000)
    assert opened.grey.shape == (LONGEST, LONGEST * 3 // 4) == opened.shown.size[::-1]
    assert opened.shown.mode == "RGB"
    assert opened.nbytes == opened.grey.nbytes + np.asarray(opened.shown).nbytes
    deep = open_once(np.array([[0, 1000], [4000, 0]], np.uint16))
    np.testing.assert_array_equal(np.asarray(deep.shown), np.uint8(255 * deep.grey))


def test_large_files_of_few_bytes_are_refused_before_they_are_decoded():
    with pytest.raises(UserError, match="too large"):
        grey_of(saved(Image.new("L", (6000, 6000))))
    assert max(grey_of(saved(Image.new("L", (6000, 6000)), "JPEG")).shape) == LONGEST


SAMPLES = [
    saved(scene((90, 120)).convert(mode), format)
    for mode, format in [
        ("RGB", "PNG"),
        ("P", "PNG"),
        ("RGBA", "PNG"),
        ("RGB", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGB", "WEBP"),
        ("L", "BMP"),
        ("P", "GIF"),
        ("F", "TIFF"),
        ("CMYK", "TIFF"),
    ]
]


def answer(read, source):
    """What `read` makes of `source`, and the sentence with which it refuses it."""
    try:
        return read(source), ""
    except UserError as error:
        return None, str(error)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_files_get_an_answer_or_one_sentence():
    answered, refused = [], []

    @settings(max_examples=250, deadline=None)
    @given(st.sampled_from(SAMPLES), st.data())
    def read(file, data):
        file = bytearray(file)
        places = st.tuples(st.integers(0, len(file) - 1), st.binary(max_size=4))
        for place, garbage in data.draw(st.lists(places, max_size=6)):
            file[place : place + len(garbage)] = garbage
        # Cut short no more often than not: hardly any reader has an answer to half a file.
        end = data.draw(st.one_of(st.just(len(file)), st.integers(0, len(file))))
        found, sentence = answer(find_digits, bytes(file[:end]))
        assert found or sentence
        assert "\n" not in sentence
        assert len(sentence) < 200
        assert all(item.image.shape == (28, 28) for item in found or ())
        (answered if found else refused).append(sentence)

    read()
    assert min(len(answered), len(refused)) > 20


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.float32, bool]),
        hnp.array_shapes(min_dims=1, max_dims=3, max_side=12),
    )
)
def test_any_array_gets_an_answer_or_one_sentence(array):
    digit, sentence = answer(picture_to_digit, array)
    assert "\n" not in sentence
    assert sentence or (digit.shape == (28, 28) and digit.dtype == np.uint8)
