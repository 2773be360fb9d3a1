"""What hostile files, missing files and rounding cannot do."""

import ast
import functools
import gzip
import io
import struct
import subprocess
import sys
import tomllib
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import streamlit
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from PIL.GifImagePlugin import GifImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from scipy import ndimage
from threadpoolctl import threadpool_limits

from lrcore import datasets, decode, features, labelled, picture, pieces, segment
from lrcore import weights as weights_module
from lrcore.archive import read_whole
from lrcore.containers import scans
from lrcore.corrections import Curvature, load_curvature, theta_hash
from lrcore.data import as_set, idx_bytes, load_dataset, parse_idx
from lrcore.datasets import Bounds, load
from lrcore.errors import UserError
from lrcore.features import extract, extract_cached
from lrcore.own_set import OwnDigits, to_idx, to_zip
from lrcore.reading import Reader, asked
from lrcore.segment import find_digits
from lrcore.training import Run, RunRequest, Settings
from lrcore.weights import (
    FORMAT,
    LARGEST,
    WEIGHTS_FOLDER,
    Weights,
    list_weights,
    load_weights,
    pack_weights,
    save_weights,
)
from tests.files import grey_of, npy, npz, saved, zipped
from tests.helpers import choose_way, open_page, seen_label
from tests.tolerances import same_probabilities
from ui.state import CHOSEN_MODEL, OWN_DIGITS, OWN_MODELS

pytestmark = pytest.mark.filterwarnings("ignore")
quickly = settings(max_examples=120, deadline=None)


ROOT = WEIGHTS_FOLDER.parent
PAGES = [ROOT / "streamlit_app.py", *ROOT.glob("pages/*.py"), *ROOT.glob("ui/**/*.py")]
CODE = [*PAGES, *ROOT.glob("lrcore/*.py")]
# Of the 10,000 test digits (of the 2,115 zeros and ones) so many are read right.
RIGHT = {
    "pixels": 9196,
    "pixels-6000": 9001,
    "straightened": 9538,
    "strokes": 9938,
    "strokes-mnist": 9944,
    "zero-or-one": 2114,
}


def sentence_of(read, *arguments):
    """The sentence with which something is refused; '' where it is answered."""
    try:
        read(*arguments)
        return ""
    except UserError as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert 10 < len(sentence) < 400
    return sentence


@st.composite
def mangled(draw, raw):
    """A file cut short, with bytes changed, or with something in front."""
    raw = bytearray(raw)
    for at, value in draw(
        st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), max_size=6)
    ):
        raw[at] = value
    return draw(st.binary(max_size=3)) + bytes(raw[: draw(st.integers(0, len(raw)))])


SMALL = Weights(np.ones((2, 785), np.float32), np.arange(2), record={"images": 3})
CURVATURE = Curvature(np.eye(785, dtype=np.float32), theta_hash(SMALL)).pack()
TWO = as_set(np.eye(28, dtype=np.uint8)[None] * np.array([[[200]], [[255]]]), [3, 4])


# Files of every kind.


@quickly
@given(mangled(pack_weights(SMALL)))
def test_mangled_weights_load_or_are_refused(raw):
    sentence_of(load_weights, raw)


def test_any_arrays_load_or_are_refused():
    keys = ["format", "theta", "classes", "features", "record", "calibration_slope"]
    anything = st.one_of(
        hnp.arrays(
            st.sampled_from([np.float32, np.float64, np.float16, int, bool, "c16", "M8[s]"]),
            st.sampled_from([(), (0,), (2,), (2, 785), (1, 785), (2, 785, 1)]),
        ),
        st.sampled_from(["", FORMAT, "strokes", "[]", "[" * 100_000, '{"images": null}']).map(
            np.array
        ),
    )
    # What may take the place of what is right, as strange as it looks.
    finite = st.floats(-1e6, 1e6, width=32)
    fitting = st.fixed_dictionaries(
        {},
        optional={
            "theta": st.one_of(
                hnp.arrays(kind, (2, 785), elements=finite, fill=st.just(0.5))
                for kind in (np.float32, np.float64)
            ),
            "classes": st.sampled_from([[9, 0], [3, 4]]).map(np.array),
            "record": st.sampled_from(["{}", '{"images": 1e9}', '{"note": "θ"}']).map(np.array),
        },
    )
    answered, refused = [], []

    @quickly
    @given(st.one_of(st.dictionaries(st.sampled_from(keys), anything, min_size=1), fitting))
    def try_out(changes):
        arrays = {
            "format": np.array(FORMAT),
            "theta": SMALL.theta,
            "classes": SMALL.classes,
            "features": np.array("pixels"),
            "record": np.array("{}"),
        }
        raw = npz(**(arrays | changes))
        sentence = sentence_of(load_weights, raw)
        if not sentence:
            readings = Reader(load_weights(raw)).read(np.zeros((1, 28, 28), np.uint8))
            assert np.isfinite(readings.scores).all()
        (refused if sentence else answered).append(sentence)

    try_out()
    assert min(len(answered), len(refused)) > 5


@quickly
@given(
    st.one_of(
        mangled(idx_bytes(TWO.images)), mangled(gzip.compress(idx_bytes(TWO.images), mtime=0))
    )
)
def test_mangled_idx_files_load_or_are_refused(raw):
    sentence_of(parse_idx, io.BytesIO(raw), "images")


@quickly
@given(mangled(to_zip(TWO)))
def test_mangled_sets_never_raise(raw):
    loaded = load([("own", raw)])
    assert loaded.rejected or len(loaded.digits) == 2
    assert all("\n" not in why for _, why in loaded.rejected)


@quickly
@given(mangled(CURVATURE))
def test_mangled_hands_load_or_are_refused(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "mangled.curvature"
    path.write_bytes(raw)
    sentence_of(load_curvature, path, SMALL)


# What would take minutes or all of the memory.


@pytest.mark.parametrize(
    ("format", "side"), [("PNG", 5001), ("GIF", 5001), ("TIFF", 5001), ("WEBP", 3500)]
)
def test_a_bomb_is_refused_before_it_is_decoded(format, side, monkeypatch):
    def decode(self):
        pytest.fail("decoded")

    raw = saved(Image.new("L", (side, side)), format, method=0)
    for image in (PngImageFile, GifImageFile, TiffImageFile, WebPImageFile):
        monkeypatch.setattr(image, "load", decode)
    assert "too large" in sentence_of(grey_of, raw)


def test_a_wrong_extension_does_not_matter(tmp_path):
    page = Image.new("L", (60, 60), 255)
    page.paste(0, (25, 10, 32, 50))
    (tmp_path / "jpeg.png").write_bytes(saved(page, "JPEG"))
    assert len(find_digits(tmp_path / "jpeg.png")) == 1
    (tmp_path / "text.png").write_text("no picture", encoding="utf-8")
    assert "'text.png' is not a picture" in sentence_of(grey_of, tmp_path / "text.png")


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_picture_counts(format):
    first, second = Image.new("RGB", (40, 40), "white"), Image.new("RGB", (40, 40), "black")
    raw = saved(first, format, save_all=True, append_images=[second])
    assert Image.open(io.BytesIO(raw)).n_frames == 2
    np.testing.assert_allclose(grey_of(raw), 1)


def test_a_jpeg_that_is_too_large_is_not_told_to_become_one(monkeypatch):
    monkeypatch.setattr(decode, "MOST_PIXELS_OF_JPEG", 1_000_000)
    large = Image.new("L", (1200, 1000), 255)
    told = sentence_of(grey_of, saved(large, "JPEG"))
    assert told.endswith("are read; make it smaller.")
    monkeypatch.setattr(decode, "MOST_PIXELS", 900_000)
    assert "save it as an ordinary JPEG" in sentence_of(grey_of, saved(large, "PNG"))


def test_a_jpeg_of_endless_scans_is_refused():
    raw = saved(Image.new("L", (64, 64), 128), "JPEG", progressive=True)
    scan = raw[raw.rindex(b"\xff\xda") : -2]
    assert grey_of(raw).shape == (64, 64)
    assert "too many scans" in sentence_of(grey_of, raw[:-2] + scan * 200 + raw[-2:])


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_the_larger_a_jpeg_is_the_fewer_scans_it_may_have(format, monkeypatch):
    page = Image.new("L", (64, 64), 255)
    page.paste(0, (25, 10, 32, 50))
    raw = saved(page, "JPEG", progressive=True)
    if format == "TIFF":
        tags = [(256, 64), (257, 64), (258, 8), (259, 7), (262, 1), (277, 1), (278, 64)]
        tags += [(273, 8 + 2 + 12 * 9 + 4), (279, len(raw))]
        body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags))
        raw = b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + bytes(4) + raw
    assert grey_of(raw).shape == (64, 64)
    monkeypatch.setattr(decode, "MOST_SCANNED", 2 * 64 * 64)
    assert "too many scans" in sentence_of(grey_of, raw)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_film_behind_a_photo_has_no_scans(progressive):
    photo = saved(Image.new("L", (64, 64), 128), "JPEG", progressive=progressive)
    assert grey_of(photo + b"\xff\xda\0\2" * 200).shape == (64, 64)
    # What only looks like an end is none: a comment within the picture.
    assert scans(photo[:2] + b"\xff\xfe\0\4\xff\xd9" + photo[2:]) == scans(photo)


def test_a_jpeg_of_endless_segments_is_not_walked_to_its_end():
    raw = saved(Image.new("L", (64, 64), 128), "JPEG", progressive=True)
    at = raw.rindex(b"\xff\xda")
    assert "too many scans" in sentence_of(grey_of, raw[:at] + b"\xff\xfe\0\2" * 20_000 + raw[at:])


def test_a_pnm_of_comments_alone_is_refused():
    assert grey_of(b"P2 #one\n 9 9 255 " + b"7 " * 81).shape == (9, 9)
    assert "too many comments" in sentence_of(grey_of, b"P2 9 9 255 " + b"#\n" * 1000)


def test_an_avif_is_bounded_by_its_bytes(monkeypatch):
    raw = saved(Image.new("RGB", (64, 64), "white"), "AVIF")
    assert grey_of(raw).shape == (64, 64)
    monkeypatch.setattr(decode, "MOST_BYTES_OF_AVIF", len(raw) - 1)
    assert "ordinary JPEG" in sentence_of(grey_of, raw)


def test_a_png_of_endless_empty_chunks_is_refused():
    raw = saved(Image.new("L", (64, 64), 128))
    chunk = b"\0\0\0\0teSt\x91\x4f\xb1\xe6"
    few, many = (raw[:33] + chunk * n + raw[33:] for n in (1000, 20_000))
    assert grey_of(few).shape == (64, 64)
    assert "too many pieces" in sentence_of(grey_of, many)


def test_a_gif_of_endless_empty_blocks_is_refused(monkeypatch):
    raw = saved(Image.new("L", (64, 64), 128), "GIF")
    # Behind the header and the colours, of which the lowest three bits of a byte tell the number.
    at = 13 + 3 * 2 ** ((raw[10] & 7) + 1)
    many = raw[:at] + b"!\xfe\1.\0" * 1000 + raw[at:]
    monkeypatch.setattr(decode.Limited, "left", 100)
    assert grey_of(raw).shape == (64, 64)
    assert sentence_of(grey_of, many)


def test_a_file_of_too_many_bytes_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "MOST_BYTES", 2**20)
    path = tmp_path / "large.bmp"
    path.write_bytes(saved(Image.new("RGB", (700, 700)), "BMP"))
    assert "too large" in sentence_of(grey_of, path)


def test_a_small_tiff_of_enormous_tiles_is_refused():
    width, height, tile = 4, 4, 60_000
    tags = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 277: 1, 322: tile, 323: tile}
    tags |= {324: 8, 325: 100}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    raw = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(200)
    assert Image.open(io.BytesIO(raw)).size == (4, 4)
    assert "too large" in sentence_of(grey_of, raw)


def test_a_range_wider_than_floats_hold_is_no_trouble():
    values = np.full((60, 60), 3e38, np.float32)
    values[20:40, 28:32] = -3e38
    grey = grey_of(saved(Image.fromarray(values), "TIFF"))
    assert grey.min() == 0
    assert grey.max() == 1


@pytest.mark.parametrize("seed", range(200))
def test_a_few_pixels_get_an_answer_or_a_sentence(seed):
    rng = np.random.default_rng(seed)
    grey = rng.choice([0, rng.integers(256)], rng.integers(1, 5, 2)).astype(np.uint8)
    sentence_of(find_digits, grey)


@pytest.mark.parametrize("path", ["x" * 5000, "/", "", "no\0name"])
def test_odd_paths_get_a_sentence(path):
    assert sentence_of(grey_of, path)


def test_rings_within_rings_are_refused_before_they_take_all_memory():
    rows, columns = np.indices((900, 900)) - 450
    rings = (np.hypot(rows, columns) // 12 % 2 * 255).astype(np.uint8)
    assert "within each other" in sentence_of(find_digits, rings)


def test_a_page_full_of_dust_is_not_joined_in_a_million_ways(monkeypatch):
    made, redrawn = [], segment.with_mnist_pen
    monkeypatch.setattr(segment, "with_mnist_pen", lambda ink: made.append(1) or redrawn(ink))
    page = np.full((400, 520), 255, np.uint8)
    # Large marks, beside which specks that lie close are parts of a digit.
    for left in range(10, 450, 64):
        page[10:70, left : left + 60] = 0
    for row, column in np.ndindex(10, 25):
        page[100 + 18 * row :, 10 + 18 * column :][:10, :10] = 0
    sentence_of(find_digits, page)
    assert 0 < len(made) <= segment.MOST_RUNS + pieces.MOST_BLOBS


def test_a_page_of_thin_streaks_is_not_cut_into_thousands_of_parts(monkeypatch):
    sought, cut = [], segment.cut_apart

    def counted(piece, ink, typical):
        sought.append(pieces.seams_sought(piece, typical))
        return cut(piece, ink, typical)

    monkeypatch.setattr(segment, "cut_apart", counted)
    rows, columns = np.indices((400, 800))
    page = np.where((rows % 12 < 3) & (columns % 400 < 380), 0, 255).astype(np.uint8)
    assert find_digits(page)
    assert 0 < sum(sought) <= segment.MOST_SEAMS


def test_the_sides_of_a_hundred_thousand_specks_are_those_that_scipy_finds():
    written = np.random.default_rng(0).random((120, 90)) < 0.3
    written[5:9, 3:80] = True
    blobs, count = ndimage.label(written, np.ones((3, 3)))
    found = [(r.stop - r.start, c.stop - c.start) for r, c in ndimage.find_objects(blobs)]
    np.testing.assert_array_equal(picture._sides(blobs, count), found)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_can_not_be_stopped_are_not_unpacked(method):
    raw = zipped({"theta.npy": bytes(1000), "7/a.png": bytes(1000)}, method)
    assert sentence_of(load_weights, raw)
    rejected = load([("own", raw)]).rejected
    assert [name for name, _ in rejected] == ["theta.npy", "7/a.png"]
    assert all("make the ZIP an ordinary one" in why for _, why in rejected)


def zip_of(images):
    """Pictures that all say that they are a 7."""
    return zipped({f"7/{i}.png": saved(image) for i, image in enumerate(images)})


def test_what_is_prepared_of_own_digits_has_its_price_in_all_files_together(monkeypatch):
    blank = Image.new("L", (200, 200), 255)
    clock = iter(range(100))
    monkeypatch.setattr(datasets.time, "thread_time", lambda: next(clock))
    files = [("one", zip_of([blank] * 2)), ("other", zip_of([blank] * 2))]
    # Looked at before each file, the ZIPs themselves too.
    rejected = load(files, Bounds(seconds=5)).rejected
    assert ["another ZIP" in why for _, why in rejected] == [False, False, False, True]


def test_the_files_of_one_load_are_bounded_together():
    images, labels = to_idx(TWO)
    files = [("images", images), ("labels", labels), ("more", labels)]
    loaded = load(files, Bounds(bytes=2 * 4096))
    assert len(loaded.digits) == 2
    assert [name for name, _ in loaded.rejected] == ["more"]
    loaded = load([("one", to_zip(TWO)), ("other", to_zip(TWO))], Bounds(files=3))
    assert len(loaded.digits) == 2
    assert [name for name, _ in loaded.rejected] == ["other"]


def test_arrays_without_end_are_not_all_compared_with_each_other(monkeypatch):
    compared, alike = [], datasets._alike
    monkeypatch.setattr(datasets, "_alike", lambda *names: compared.append(names) or alike(*names))
    images, labels = npy(TWO.images), npy(TWO.labels)
    members = {
        f"{what}{i}.npy": raw for i in range(9) for what, raw in (("x", images), ("y", labels))
    }
    loaded = load([("own", zipped(members))], Bounds(arrays=4))
    assert len(loaded.digits) == 4
    assert len(compared) == 4
    assert all("than the 4 that are read" in why for _, why in loaded.rejected)


def test_small_pictures_by_the_hundred_thousand_are_counted_before_they_are_framed(monkeypatch):
    monkeypatch.setattr(datasets, "as_images", lambda values: pytest.fail("framed"))
    pair = {"x.npy": npy(np.zeros((20, 8, 8))), "y.npy": npy(np.zeros(20))}
    (_, why), *_ = load([("own", zipped(pair))], Bounds(19)).rejected
    assert "20 digits are more than the 19" in why


@pytest.mark.parametrize("shape", [(0, 2**32 - 1, 2**32 - 1), (2**32 - 1, 0), (2**32 - 1,) * 5])
def test_sides_that_numpy_can_not_count_are_refused(shape):
    raw = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    sentence_of(parse_idx, io.BytesIO(raw), "images")
    assert load([("own", raw)]).rejected


def test_of_a_name_without_end_the_last_part_is_looked_at(monkeypatch):
    looked_at, label_of = [], datasets.label_of
    monkeypatch.setattr(datasets, "label_of", lambda name: looked_at.append(name) or label_of(name))
    raw = zipped({"3/" * 30_000 + "7/a.png": saved(TWO.images[0])})
    loaded = load([("x" * 60_000, raw)])
    assert loaded.digits.labels.tolist() == [7]
    assert [len(name) for name in looked_at] == [datasets.LONGEST_NAME]


@pytest.mark.parametrize("packed", [False, True])
def test_rows_without_end_are_counted_before_they_are_parted(packed):
    raw = b"1,2\n" * 50
    (_, why), *_ = load(
        [("t.csv", gzip.compress(raw, mtime=0) if packed else raw)], Bounds(9)
    ).rejected
    assert "holds 49 digits; up to 9" in why
    blank = b"\r\n\r\n".join([b"7," + b",".join([b"9"] * 784)] * 9)
    assert len(load([("t.csv", blank)], Bounds(9)).digits) == 9
    (_, why), *_ = load([("t.csv", b"1," * labelled.LONGEST_ROW)]).rejected
    assert "neither a picture" in why


def test_extra_fields_without_end_are_refused_before_they_are_read(monkeypatch):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for number in range(20):
            member = zipfile.ZipInfo(f"{number}.npy")
            member.extra = struct.pack("<HH", 0x7777, 0) * 15_000
            archive.writestr(member, b"")
    monkeypatch.setattr(zipfile, "ZipFile", lambda file: pytest.fail("read"))
    assert "more than" in sentence_of(load_weights, raw.getvalue())
    assert "too many files" in load([("own", raw.getvalue())]).rejected[0][1]


def test_what_is_unpacked_in_vain_has_its_price():
    bomb = gzip.compress(bytes(2**20), mtime=0)
    rejected = load(
        [("own", zipped({f"{i}.gz": bomb for i in range(9)}))], Bounds(bytes=2**19)
    ).rejected
    whys = ["unpacks to more than" in why for _, why in rejected]
    assert whys == [True] + 8 * [False]


def test_a_gzip_bomb_is_not_unpacked_to_its_end():
    bomb = io.BytesIO(gzip.compress(bytes(100 * 2**20), mtime=0))
    tracemalloc.start()
    assert "larger than 1 MB" in sentence_of(parse_idx, bomb, "images", 2**20)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # What a block of it unpacks to, 16 MB, is there twice.
    assert most < 50 * 2**20


def test_a_huge_weights_file_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(weights_module, "MAX_ARCHIVE_BYTES", 100)
    path = tmp_path / "huge.npz"
    save_weights(path, SMALL)
    assert "too large" in sentence_of(load_weights, path)
    assert len(read_whole(path, 100)) == 101


def test_gzip_members_without_end_are_not_followed():
    endless = gzip.compress(b"", mtime=0) * 1000
    assert "something follows" in sentence_of(parse_idx, io.BytesIO(endless), "images")


def test_numbers_that_would_overflow_are_refused():
    theta = SMALL.theta.astype(np.float64) * LARGEST * 10
    assert "beyond" in sentence_of(load_weights, pack_weights(Weights(theta, np.arange(2))))
    assert "beyond" in sentence_of(load_weights, npy(np.ones((10, 784))), 1e20, 1.0)


@pytest.mark.parametrize(
    "record", [{"images": "many"}, {"images": -1}, {"test_accuracy": [1]}, {"C": float("inf")}]
)
def test_a_record_that_pages_can_not_reckon_with_is_refused(record):
    raw = pack_weights(Weights(SMALL.theta, SMALL.classes, record=record))
    assert "makes sense" in sentence_of(load_weights, raw)


def test_names_in_a_zip_write_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = saved(Image.new("L", (28, 28), 255))
    names = ("../../theta.npy", f"{tmp_path}/theta.npy", "../7/a.png")
    raw = zipped(dict.fromkeys(names, picture))
    sentence_of(load_weights, raw)
    load([("../../own", raw)])
    assert list(tmp_path.iterdir()) == []


def damaged_tiffs():
    """One of which libtiff writes to stderr, and one of which Pillow warns."""
    rows = np.random.default_rng(0).integers(0, 256, (60, 60), dtype=np.uint8)
    raw = saved(Image.fromarray(rows), "TIFF", compression="tiff_lzw")
    return raw[:8] + b"\xff" * 900 + raw[908:], raw[:-40]


@pytest.mark.parametrize("raw", damaged_tiffs(), ids=["pixels", "tags"])
def test_the_command_line_says_one_sentence_of_a_damaged_tiff(tmp_path, raw):
    (tmp_path / "half.tif").write_bytes(raw)
    command = [sys.executable, "-m", "lrcore", "predict", str(tmp_path / "half.tif")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=WEIGHTS_FOLDER.parent)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "half.tif" in done.stderr


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_ever_unpickled(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names]
            assert not {"pickle", "shelve", "marshal", "joblib", "dill"} & set(names)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("np"):
            refused = [ast.unparse(keyword) for keyword in node.keywords]
            reads = ast.unparse(node.func).endswith((".load", ".read_array"))
            assert not reads or "allow_pickle=False" in refused, f"line {node.lineno}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_app_writes_no_file_and_leaves_bounds_to_the_server(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        name = called.rpartition(".")[2]
        assert called != "open", f"line {node.lineno}"
        assert name not in ("save_weights", "write_file", "write_bytes", "write_text", "mkdir")
        # A widget's own bound would be promised, but the server keeps to its own.
        bounds = [keyword.arg for keyword in node.keywords]
        assert "max_upload_size" not in bounds, f"line {node.lineno}"


def test_the_server_bounds_what_is_brought():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    # The camera has no bound of its own.
    assert config["server"]["maxUploadSize"] * 2**20 <= decode.MOST_BYTES


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "evil\0", "e" * 5000, "", "<b>*"])
def test_a_name_of_weights_is_only_ever_a_name(app, name):
    mine = Weights(SMALL.theta, SMALL.classes, name=name)
    open_page(app, "pages/weights.py", **{OWN_MODELS: {name: mine}, CHOSEN_MODEL: name})
    assert app.selectbox(key=CHOSEN_MODEL).value == name


# Faults.


@pytest.fixture
def fresh_caches():
    yield streamlit.cache_resource.clear()
    streamlit.cache_resource.clear()
    streamlit.cache_data.clear()


@pytest.fixture
def no_mnist(monkeypatch, tmp_path, fresh_caches):
    monkeypatch.setattr(load_dataset, "__defaults__", (tmp_path, "train"))
    streamlit.cache_data.clear()


def said(app):
    assert not app.exception
    return [error.value for error in app.error]


@pytest.mark.parametrize("page", ["train", "weights", "mistakes", "how", "hand"])
def test_without_mnist_every_page_says_so(app, no_mnist, page):
    digits = OwnDigits().with_digits(as_set([np.eye(28, dtype=np.uint8) * 255], [3]), correct=True)
    open_page(app, f"pages/{page}.py", **{OWN_DIGITS: digits})
    assert any("MNIST cannot be read" in error for error in said(app))
    if page == "train":
        (start,) = [button for button in app.button if seen_label(button) == "Start"]
        assert start.disabled
    if page == "how":
        assert [header.value[0] for header in app.header][:6] == list("123456")
    if page == "weights":
        assert app.get("download_button")


def test_without_mnist_prediction_works(app, no_mnist):
    app.run()
    assert said(app) == []
    choose_way(app, "Test set")
    assert any("MNIST cannot be read" in error for error in said(app))
    choose_way(app, "Upload")
    assert said(app) == []


def test_without_mnist_and_curvature_a_correction_says_so(app, no_mnist):
    digits = OwnDigits().with_digits(as_set([np.eye(28, dtype=np.uint8) * 255], [3]), correct=True)
    mine = {"mine": Weights(np.zeros((10, 785), np.float32), np.arange(10))}
    open_page(app, "pages/hand.py", **{OWN_DIGITS: digits, OWN_MODELS: mine, CHOSEN_MODEL: "mine"})
    assert any("MNIST cannot be read" in error for error in said(app))


def link(path, target: str) -> None:
    """Make a link, or skip where the system lets this user make none, as Windows does."""
    try:
        path.symlink_to(target)
    except (OSError, NotImplementedError) as error:
        pytest.skip(f"links cannot be made here: {error}")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"nonsense"),
        lambda path: link(path, "nowhere.npz"),
        lambda path: path.mkdir(),
    ],
    ids=["nonsense", "broken link", "folder"],
)
def test_what_is_broken_in_weights_is_named_and_skipped(
    app, monkeypatch, tmp_path, fresh_caches, spoil
):
    save_weights(tmp_path / "good.npz", SMALL)
    spoil(tmp_path / "broken.npz")
    monkeypatch.setattr("lrcore.weights.WEIGHTS_FOLDERS", (tmp_path,))
    app.run()
    assert said(app) == []
    assert app.selectbox(key=CHOSEN_MODEL).options == ["good · pixels"]
    missing, skipped = [warning.value for warning in app.warning]
    assert "default model, strokes, is missing" in missing
    assert "Skipped **broken**" in skipped
    assert str(tmp_path) not in skipped + missing


def test_a_disk_that_can_not_be_written_costs_the_cache_alone(monkeypatch, tmp_path, test_set):
    images = test_set.images[:3]
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file" / "cache", tmp_path / "file" / "no" / "such" / "folder"):
        monkeypatch.setattr(features, "CACHE_FOLDER", folder)
        cached = extract_cached("strokes", images)
        np.testing.assert_array_equal(cached, extract("strokes", images))
        assert not folder.exists()
    with pytest.raises(UserError, match="cannot be written"):
        save_weights(tmp_path / "file" / "model.npz", SMALL)


# Numbers.


@pytest.fixture(scope="module")
def columns_of(test_set):
    """The features of the whole test set, by their name."""
    return functools.cache(lambda name: extract(name, test_set.images))


@pytest.mark.numeric
@pytest.mark.parametrize("name", sorted(RIGHT))
def test_shipped_weights_answer_alike_in_single_and_double_precision(name, test_set, columns_of):
    weights = load_weights(WEIGHTS_FOLDER / f"{name}.npz")
    X, theta = columns_of(weights.features), weights.theta
    one = Reader(replace(weights, theta=theta.astype(np.float32))).judge(X)
    two = Reader(replace(weights, theta=theta.astype(np.float64))).judge(X.astype(np.float64))
    np.testing.assert_array_equal(one.digits, two.digits)
    same_probabilities(one.probabilities, two.probabilities)
    known = asked(weights.classes, test_set.labels)
    assert np.count_nonzero(one.digits[known] == test_set.labels[known]) == RIGHT[name]


def test_the_results_of_all_shipped_weights_are_known():
    assert sorted(RIGHT) == sorted(list_weights()[0])


@pytest.mark.numeric
def test_theta_is_the_same_on_one_thread_and_on_two(train_set, test_set):
    thetas, settings = [], Settings(images=600, iterations=10, features="pixels")
    for threads in (1, 2):
        with threadpool_limits(threads):
            run = Run(
                RunRequest(settings, train_set.take(slice(0, 1200)), test_set.take(slice(0, 50)))
            )
            for _ in run.steps():
                pass
            thetas.append(run.theta)
    # Sums in another order: measured, 3e-6 where the largest weight is 8.9.
    np.testing.assert_allclose(*thetas, atol=1e-4)
