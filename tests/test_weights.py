"""Weights files: what comes back, and what is refused."""

import io
import json
import pickle
import re

import numpy as np
import pytest

from lrcore.archive import MAX_ARCHIVE_BYTES
from lrcore.errors import UserError
from lrcore.evidence import explain
from lrcore.features import extract
from lrcore.logistic import sigmoid
from lrcore.plain_theta import MAX_TEXT_BYTES
from lrcore.reading import Reader
from lrcore.styles import STYLES
from lrcore.weights import (
    FORMAT,
    MAX_RECORD,
    REST,
    WEIGHTS_FOLDER,
    Weights,
    list_weights,
    load_weights,
    pack_weights,
    save_weights,
)
from tests.browser.driver import ROOT
from tests.files import npz, zipped
from tests.tolerances import same_probabilities, same_scores

pytestmark = pytest.mark.numeric

SHIPPED = sorted(WEIGHTS_FOLDER.glob("*.npz"))


def some(rows=10, columns=785, **changes):
    rng = np.random.default_rng(0)
    given = {
        "theta": rng.normal(size=(rows, columns)).astype(np.float32),
        "classes": np.arange(rows) if rows > 1 else np.array([0, 1]),
        "record": {"images": 5},
    }
    return Weights(**(given | changes))


def packed(**changes):
    """The bytes of a weights file in which some arrays were exchanged; None leaves one out."""
    arrays = {
        "format": np.array(FORMAT),
        "theta": np.zeros((10, 785), np.float32),
        "classes": np.arange(10),
        "features": np.array("pixels"),
        "record": np.array("{}"),
    } | changes
    return npz(**{key: value for key, value in arrays.items() if value is not None})


def test_saved_weights_come_back(tmp_path):
    weights = some()
    save_weights(tmp_path / "mine.npz", weights)
    back = load_weights(tmp_path / "mine.npz")
    assert np.array_equal(back.theta, weights.theta)
    assert back.classes.tolist() == list(range(10))
    assert (back.features, back.record, back.name) == ("pixels", {"images": 5}, "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.npz"]


def test_the_same_weights_make_the_same_bytes():
    assert pack_weights(some()) == pack_weights(some())


def test_nobody_can_change_a_model_in_place():
    with pytest.raises(ValueError, match="read-only"):
        some().theta[0, 0] = 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"theta": None}, "lacks theta"),
        ({"theta": None, "record": None}, "lacks theta and record"),
        ({"format": np.array("other")}, "another format"),
        ({"format": np.array(7)}, "no text under format"),
        ({"features": np.array("wavelets")}, "'wavelets'"),
        ({"features": np.array("../../etc")}, "not known here"),
        ({"record": np.array("{")}, "damaged record"),
        ({"record": np.array("[1]")}, "no table"),
        ({"theta": np.zeros((10, 784), np.float32)}, "theta of 10 x 784"),
        ({"theta": np.zeros(785, np.float32)}, "theta of 785"),
        ({"theta": np.zeros((0, 785), np.float32)}, "theta of 0 x 785"),
        ({"theta": np.zeros((10, 785), int)}, "theta of int64"),
        ({"theta": np.full((10, 785), np.nan)}, "NaN"),
        ({"theta": np.full((10, 785), np.inf, np.float32)}, "infinity"),
        ({"theta": np.array([[None] * 785] * 10)}, "pickled"),
        ({"classes": np.arange(9)}, "wrong form"),
        ({"classes": np.zeros(10, int)}, "twice"),
        ({"classes": np.arange(1, 11)}, "not digits"),
        ({"classes": np.arange(-1, 9)}, "not digits"),
        ({"classes": np.arange(10.0)}, "wrong form"),
        ({"theta": np.zeros((1, 785)), "classes": np.array([5, REST])}, "not digits"),
        ({"theta": np.zeros((1, 785)), "classes": np.array([5, 5])}, "twice"),
        ({"theta": np.zeros((10, 785), np.longdouble)}, "theta of float128"),
        ({"theta": np.zeros((10, 785), complex)}, "theta of complex128"),
        ({"record": np.array('{"a": "' + "a" * 70_000 + '"}')}, "record of 70,009"),
        ({"record": np.array('{"a": ' * 40 + "0" + "}" * 40)}, "nested"),
        ({"record": np.array('{"images": 0}')}, "'images'"),
        ({"record": np.array('{"test_accuracy": 1e9}')}, "'test_accuracy'"),
        ({"record": np.array('{"images": 1' + "0" * 4000 + "}")}, "'images'"),
        ({"record": np.array('{"C": NaN}')}, "'C'"),
        ({"calibration_slope": np.ones(10)}, "'offset'"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(changes, says):
    with pytest.raises(UserError) as caught:
        load_weights(packed(**changes))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"PK\x03\x04",
        pickle.dumps({"theta": 1}),
        packed()[:-200],
        packed()[:300],
        b"\x93NUMPY\x01\x00",
        b"\x93NUMPY\x09\x00" + bytes(100),
    ],
)
def test_damaged_bytes_get_a_sentence(raw):
    with pytest.raises(UserError):
        load_weights(raw)


def test_a_zip_bomb_is_refused_before_it_unpacks():
    with pytest.raises(UserError, match="unpacks to more"):
        load_weights(zipped({"theta.npy": bytes(100 * 2**20)}))


def test_a_header_that_promises_too_much_takes_no_memory():
    npy = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        npy, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
    )
    with pytest.raises(UserError, match="not as long as its header says"):
        load_weights(npy.getvalue())


def test_a_plain_theta_reads_with_its_own_standardisation(tmp_path, test_set):
    theta = np.random.default_rng(1).normal(size=(10, 784))
    np.save(tmp_path / "old.npy", theta)
    weights = load_weights(tmp_path / "old.npy", mean=33.3, scale=78.6)
    images = test_set.images[:20]
    standardised = (images.reshape(20, 784) - 33.3) / 78.6
    same_scores(Reader(weights).read(images).scores, standardised @ theta.T)


@pytest.mark.parametrize("shape", [(786, 10), (784, 11), (10, 786), (10,), (1, 784), (11, 784)])
def test_a_plain_theta_of_another_shape_is_refused(tmp_path, shape):
    np.save(tmp_path / "old.npy", np.zeros(shape))
    with pytest.raises(UserError):
        load_weights(tmp_path / "old.npy")


def test_a_plain_theta_wants_a_sensible_standardisation(tmp_path):
    np.save(tmp_path / "old.npy", np.zeros((10, 784)))
    with pytest.raises(UserError, match="standardisation"):
        load_weights(tmp_path / "old.npy", scale=0)


def test_a_broken_file_in_the_folder_is_named_and_skipped(tmp_path):
    save_weights(tmp_path / "good.npz", some())
    (tmp_path / "broken.npz").write_bytes(b"nonsense")
    good, bad = list_weights(tmp_path)
    assert list(good) == ["good"]
    assert "broken.npz is not a weights file" in bad["broken"]


def test_a_failing_write_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    save_weights(path, some())
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(UserError, match="No space left"):
        save_weights(path, some(rows=5))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.npz"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_weights_read_the_test_set_as_their_record_says(path, test_set):
    weights = load_weights(path)
    accuracy, images = Reader(weights).accuracy(test_set.images, test_set.labels)
    assert images == weights.record["test_images"]
    assert accuracy == pytest.approx(weights.record["test_accuracy"], abs=2e-4)
    for key in ("images", "solver", "iterations", "C", "cost", "command"):
        assert key in weights.record
    assert f"weights/{path.name}" in weights.record["command"]
    assert json.dumps(weights.record)


def test_one_digit_against_the_rest_answers_rest(test_set):
    theta = np.zeros((1, 785), np.float32)
    theta[0, 0] = -5
    readings = Reader(some(theta=theta, classes=np.array([REST, 5]))).read(test_set.images[:3])
    assert readings.digits.tolist() == [REST] * 3
    same_probabilities(readings.probabilities.sum(1), np.ones(3))


def test_one_vs_all_probabilities_are_independent(test_set):
    weights = load_weights(WEIGHTS_FOLDER / "pixels.npz")
    readings = Reader(weights).read(test_set.images[:500])
    assert readings.probabilities.shape == (500, 10)
    assert np.ptp(readings.probabilities.sum(1)) > 0.1


def test_the_page_on_safety_tells_the_bounds():
    said = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    assert f"| weights | {MAX_ARCHIVE_BYTES // 2**20} MB unpacked" in said
    assert (
        f"a record of {MAX_RECORD:,} characters, or a text of {MAX_TEXT_BYTES // 2**20} MB" in said
    )


def test_the_readme_of_the_weights_tells_how_many_styles_there_are():
    text = (WEIGHTS_FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"(\d+) styles", text) == [str(len(STYLES))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_score_has_one_meaning_everywhere(path, test_set):
    """What the sigmoid takes, a column for each class; the answer is the class of the highest."""
    weights, images = load_weights(path), test_set.images[:200]
    readings = Reader(weights).read(images)
    assert readings.scores.shape == (200, len(weights.classes))
    np.testing.assert_array_equal(readings.probabilities, sigmoid(readings.scores))
    best = weights.classes[readings.scores.argmax(1)]
    np.testing.assert_array_equal(readings.digits, best)
    theta = weights.calibrated_theta()
    products = extract(weights.features, images) @ theta[:, 1:].T + theta[:, 0]
    np.testing.assert_allclose(readings.scores[:, -len(theta) :], products, atol=1e-3)
    parts = explain(weights, images[0], int(weights.classes[0]))
    assert parts.score == pytest.approx(readings.scores[0, 0], abs=1e-3)


def test_no_pictures_no_answers():
    readings = Reader(some()).read(np.empty((0, 28, 28), np.uint8))
    assert len(readings) == 0
