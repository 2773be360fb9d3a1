"""What each map promises, checked on real digits."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from lrcore import features
from lrcore.data import load_dataset
from tests.browser.driver import ROOT

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def digits():
    return load_dataset(part="test").take(slice(600))


@pytest.mark.parametrize("name", features.FEATURES)
def test_a_picture_alone_and_in_company_gives_the_same_features(name, digits):
    together = features.extract(name, digits.images)
    assert together.dtype == np.float32
    assert together.shape[0] == len(digits)
    for company in (1, 3, 50):
        for i in (0, features.EXTRACT_BLOCK, len(digits) - company):
            few = features.extract(name, digits.images[i : i + company])
            assert few.dtype == np.float32
            np.testing.assert_array_equal(few, together[i : i + company])


@pytest.mark.parametrize("name", features.FEATURES)
def test_blank_pictures_and_no_pictures_are_fine(name):
    blank = features.extract(name, np.zeros((1, 28, 28), np.uint8))
    assert np.isfinite(blank).all()
    none = features.extract(name, np.zeros((0, 28, 28), np.uint8))
    assert none.shape == (0, blank.shape[1])


def test_pixels_are_brightnesses_row_by_row(digits):
    X = features.extract("pixels", digits.images)
    assert X[7, 28 * 10 + 3] == np.float32(digits.images[7, 10, 3] / 255)


def test_straightened_digits_stand_upright_mid_frame(digits):
    ink = features.extract("straightened", digits.images).reshape(-1, 28, 28) ** 2
    x, y, _, xy, yy = features._moments(ink)
    assert np.abs(x - 13.5).max() < 0.6
    assert np.abs(y - 13.5).max() < 0.6
    before = features._moments(digits.images / np.float32(255))
    assert np.abs(xy / yy).mean() < 0.05 * np.abs(before[3] / before[4]).mean()


def test_straightened_forgets_a_shear(digits):
    """A digit and the same digit leaning come out alike; their pixels do not."""
    image = digits.images[0]
    leaning = ndimage.affine_transform(image.astype(float), [[1, 0], [0.4, 1]], [0, -5.6])
    pair = np.stack([image, leaning.clip(0, 255).astype(np.uint8)])

    def apart(name):
        a, b = features.extract(name, pair)
        return np.linalg.norm(a - b)

    assert apart("straightened") < 0.4 * apart("pixels")


def test_openings_are_told_apart():
    """A ring has a hole; cut open on the right, a bay that opens right; on top, upwards."""
    ring = np.zeros((24, 24), np.float32)
    ring[4:20, 4:20] = 1
    ring[6:18, 6:18] = 0
    right, top = ring.copy(), ring.copy()
    right[6:18, 18:20] = 0
    top[4:6, 6:18] = 0
    kinds = features._openings(np.stack([ring, right, top]))[:, :, 6:18, 6:18].mean((2, 3))
    hole, opens_right, opens_up = 0, 1, 3
    assert kinds[0].argmax() == hole
    assert kinds[1].argmax() == opens_right
    assert kinds[2].argmax() == opens_up
    assert kinds.max(1).min() > 0.9


@pytest.mark.parametrize("size", [(14, 6), (20, 8)])
def test_strokes_forget_size(size):
    """The same bar, small and large, is nearly the same to the stroke features."""
    picture = np.zeros((2, 28, 28), np.uint8)
    for i, (high, wide) in enumerate([(14, 6), size]):
        top, left = 14 - high // 2, 14 - wide // 2
        picture[i, top : top + high, left : left + wide] = 255
    small, large = features.extract("strokes", picture)
    assert np.linalg.norm(small - large) < 0.25 * np.linalg.norm(small)


def test_strokes_tell_directions_apart():
    picture = np.zeros((2, 28, 28), np.uint8)
    picture[0, 5:23, 12:16] = 255
    picture[1, 12:16, 5:23] = 255
    upright, lying = features.extract("strokes", picture)
    assert upright @ lying < 0.6 * (upright @ upright)


def test_the_cache_remembers_and_a_read_only_disk_costs_only_the_cache(
    tmp_path, monkeypatch, digits
):
    monkeypatch.setattr(features, "CACHE_FOLDER", tmp_path / "cache")
    expected = features.extract("strokes", digits.images)
    np.testing.assert_array_equal(features.extract_cached("strokes", digits.images), expected)
    (stored,) = (tmp_path / "cache").iterdir()

    monkeypatch.setattr(features, "extract", lambda *_: pytest.fail("computed again"))
    np.testing.assert_array_equal(features.extract_cached("strokes", digits.images), expected)

    monkeypatch.setattr(features, "extract", lambda *_: expected)
    stored.write_bytes(b"damaged")
    np.testing.assert_array_equal(features.extract_cached("strokes", digits.images), expected)

    (tmp_path / "file").write_text("a file cannot hold a folder", encoding="utf-8")
    monkeypatch.setattr(features, "CACHE_FOLDER", tmp_path / "file" / "cache")
    np.testing.assert_array_equal(features.extract_cached("strokes", digits.images), expected)


# Makes features for as long as it is let; the first time that some are there, it says so.
ENDLESS = """
import signal, sys, threading
import numpy as np
from lrcore.features import extract

begun = threading.Event()
def checkpoint():
    if not begun.is_set():
        begun.set()
        print("begun", flush=True)

# As the app's server does, which then ends as every Python process does.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
pictures = np.zeros((400_000, 28, 28), np.uint8)
threading.Thread(target=extract, args=("strokes", pictures, checkpoint), daemon=True).start()
threading.Event().wait()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
def test_a_process_that_is_asked_to_end_does_not_finish_its_features_first():
    command = [sys.executable, "-c", ENDLESS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout.readline() == "begun\n"
        process.terminate()
        # All of them would take most of a minute; this is what Docker leaves a process.
        process.wait(timeout=10)
