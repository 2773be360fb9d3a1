"""Theta as others save it: read right, or told how to be saved."""

import gzip
import io
import pickle
import tracemalloc
import warnings
import zlib

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from lrcore.cli import main
from lrcore.errors import UserError
from lrcore.estimators import BinaryClassifier, OneVsAllClassifier
from lrcore.features import extract
from lrcore.plain_theta import MAX_TEXT_BYTES, SCALINGS, is_plain, plain_theta
from lrcore.reading import Reader
from lrcore.weights import list_weights, load_weights
from tests.files import npy, npz, zipped


@pytest.fixture(scope="module")
def few(train_set):
    return train_set.take(slice(0, 1000))


@pytest.fixture(scope="module")
def estimator(few):
    return OneVsAllClassifier(max_iter=30).fit(extract("pixels", few.images), few.labels)


@pytest.fixture(scope="module")
def theirs(few):
    """scikit-learn's, with the labels as OpenML has them."""
    X = few.images.reshape(-1, 784) / 255
    return LogisticRegression(C=0.01).fit(X, few.labels.astype(str))


@pytest.fixture(scope="module")
def expected(theirs, test_set):
    """What it makes of the first 300 test pictures."""
    return theirs.predict(test_set.images[:300].reshape(-1, 784) / 255).astype(int)


def text(table, **options):
    file = io.StringIO()
    np.savetxt(file, table, **options)
    return file.getvalue().encode()


def csv(table, **options):
    return pd.DataFrame(table).to_csv(**options).encode()


def digits_of(raw, images, **options):
    return Reader(load_weights(raw, **options)).read(images).digits


def refusal(raw, **options):
    with pytest.raises(UserError) as caught:
        load_weights(raw, **options)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    return str(caught.value)


SAVED = {
    "npy": npy,
    "npy, Fortran's order": lambda theta: npy(np.asfortranarray(theta)),
    "npy, big-endian": lambda theta: npy(theta.astype(">f8")),
    "npy, float32": lambda theta: npy(theta.astype(np.float32)),
    "npz, theta alone": lambda theta: npz(theta=theta),
    "npz, theta_": lambda theta: npz(theta_=theta),
    "npz, unnamed": npz,
    "npz, coef_": lambda theta: npz(coef_=theta[:, 1:], intercept_=theta[:, 0]),
    "npz, W and b": lambda theta: npz(W=theta[:, 1:], b=theta[:, :1]),
    "npz, unnamed pair": lambda theta: npz(theta[:, 1:], theta[:, 0]),
    "text": text,
    "text, commas": lambda theta: text(theta, delimiter=","),
    "text, a header": lambda theta: text(theta, delimiter=",", header="bias and weights"),
    "csv of pandas": csv,
    "csv, no index": lambda theta: csv(theta, index=False),
    "csv, bare": lambda theta: csv(theta, index=False, header=False),
    "csv, names": lambda theta: pd.DataFrame(theta).add_prefix("w").to_csv(index=False).encode(),
    "csv, semicolons": lambda theta: csv(theta, sep=";"),
    "csv, tabs and quotes": lambda theta: csv(theta, sep="\t", quoting=2),
    "csv, byte order mark": lambda theta: b"\xef\xbb\xbf" + csv(theta),
    "npy, a column a class": lambda theta: npy(theta.T),
    "text, a column a class": lambda theta: text(theta.T),
    "npz of Keras' layer": lambda theta: npz(W=theta[:, 1:].T, b=theta[:, 0]),
    "npz of PyTorch's layer": lambda theta: npz(
        **{"fc.weight": theta[:, 1:], "fc.bias": theta[:, 0]}
    ),
    "npz, Theta": lambda theta: npz(Theta=theta),
    "npz, kernel and bias": lambda theta: npz(kernel=theta[:, 1:].T, bias=theta[:, 0]),
    "csv of Windows": lambda theta: csv(theta).replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize("way", SAVED)
def test_theta_of_our_own_estimators_reads_as_the_estimator(way, estimator, test_set):
    images = test_set.images[:300]
    expected = estimator.predict(extract("pixels", images))
    raw = SAVED[way](estimator.theta_)
    assert (digits_of(raw, images) == expected).all()
    assert is_plain(raw)


@pytest.mark.parametrize("way", ["npy", "npz, unnamed", "text", "csv of pandas"])
def test_theta_without_biases_has_none(way, estimator, test_set):
    theta, images = estimator.theta_[:, 1:], test_set.images[:300]
    expected = (extract("pixels", images) @ theta.T).argmax(1)
    assert (digits_of(SAVED[way](theta), images) == expected).all()


def test_half_precision_is_read_without_a_warning(estimator, test_set):
    images = test_set.images[:300]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = digits_of(npy(estimator.theta_.astype(np.float16)), images)
    assert (found == estimator.predict(extract("pixels", images))).mean() > 0.98


def test_theta_of_strokes_is_known_by_its_length(few, test_set):
    X = extract("strokes", few.images)
    estimator = OneVsAllClassifier(max_iter=20).fit(X, few.labels)
    weights = load_weights(npy(estimator.theta_), mean=7, scale=9)
    assert weights.features == "strokes"
    images = test_set.images[:300]
    expected = estimator.predict(extract("strokes", images))
    assert (Reader(weights).read(images).digits == expected).all()


def test_scikit_learns_coefficients_read_as_scikit_learn(theirs, expected, test_set):
    images = test_set.images[:300]
    mixed = np.random.default_rng(0).permutation(10)
    for classes in (theirs.classes_, theirs.classes_.astype(int), theirs.classes_.astype("S1")):
        raw = npz(
            coef_=theirs.coef_[mixed], intercept_=theirs.intercept_[mixed], classes_=classes[mixed]
        )
        assert (digits_of(raw, images) == expected).all()
    alone = npz(coef_=theirs.coef_, intercept_=theirs.intercept_)
    assert (digits_of(alone, images) == expected).all()


@pytest.mark.parametrize(("mean", "scale"), [(0, 1), (33.3, 78.6), (127.5, 127.5)])
def test_a_model_reads_as_it_was_trained(theirs, expected, test_set, mean, scale):
    """With the standardisation that makes of its own the one it was trained with."""
    coefficients = theirs.coef_ * scale / 255
    biases = theirs.intercept_ + theirs.coef_.sum(1) * mean / 255
    raw = npz(coef_=coefficients, intercept_=biases)
    assert (digits_of(raw, test_set.images[:300], mean=mean, scale=scale) == expected).all()


def test_two_classes_need_to_be_named(few, test_set):
    zero_or_one = few.take(few.labels < 2)
    X = extract("pixels", zero_or_one.images)
    theta = BinaryClassifier(max_iter=20).fit(X, zero_or_one.labels).theta_
    assert "does not say of which digits" in refusal(npy(theta))
    asked = test_set.take(test_set.labels < 2).take(slice(0, 200))
    found = digits_of(npz(theta=theta, classes=np.array([0, 1])), asked.images)
    assert (found == asked.labels).mean() > 0.97


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (
            npz(**{"fc1.weight": np.ones((10, 784)), "fc2.weight": np.ones((10, 10))}),
            "holds several layers, fc1.weight, fc2.weight;",
        ),
        (npy(np.ones((700, 10))), "a theta of 700 x 10, but a row a class is needed"),
        (npy(np.ones(7850)), "theta.reshape(10, -1)"),
        (npy(np.ones((10, 700))), "of 784 weights or one more, the bias first"),
        (npz(coef_=np.ones((10, 785)), intercept_=np.ones(10)), "of 784 weights."),
        (npz(coef_=np.ones((10, 784)), intercept_=np.ones(9)), "9 biases for 10 rows"),
        (npy(np.hstack([np.zeros((10, 1)), np.ones((10, 784))])), "np.roll(theta, 1, axis=1)"),
        (npy(np.ones((10, 785), int)), "theta.astype(float)"),
        (npy(np.ones((10, 785), np.longdouble)), "floats of up to 64 bits"),
        (npy(np.full((10, 785), np.nan)), "NaN"),
        (npy(np.full((10, 785), 1e300)), "beyond 1e+15"),
        (npz(images=np.ones(3), labels=np.ones(3)), "holds no theta but images, labels"),
        (npz(), "holds no theta but nothing"),
        (npz(coef_=np.ones((10, 784)), classes_=np.array(list("abcdefghij"))), "no digits"),
        (npz(coef_=np.ones((10, 784)), classes_=np.arange(1, 11)), "not digits"),
        (npz(coef_=np.ones((10, 784)), classes_=np.zeros(10, int)), "twice"),
        (b"1,2,3\n4,5\n", "is not a weights file"),
        (b"hello\nworld", "is not a weights file"),
        (b"0" * (MAX_TEXT_BYTES + 1), "is not a weights file"),
        (b"", "is not a weights file"),
        ("ä".encode("latin-1"), "is not a weights file"),
    ],
)
def test_what_is_not_so_is_told_what_to_do(raw, says):
    assert says in refusal(raw)


class Evil:
    def __reduce__(self):
        return pytest.fail, ("unpickled",)


def dumped(compress):
    file = io.BytesIO()
    joblib.dump({"model": np.ones(3)}, file, compress=compress)
    return file.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        pickle.dumps(Evil(), 2),
        pickle.dumps(Evil(), 5),
        zlib.compress(pickle.dumps(Evil())),
        gzip.compress(pickle.dumps(Evil()), mtime=0),
        dumped(0),
        dumped(3),
        dumped(("lzma", 3)),
        dumped(("bz2", 3)),
    ],
    ids=["pickle 2", "pickle 5", "zlib", "gzip", "joblib", "joblib z", "joblib xz", "joblib bz2"],
)
def test_a_pickle_is_not_opened_but_told_how_to_export(raw):
    said = refusal(raw, name="clf", label="clf.joblib")
    assert "a pickle, which could run any program" in said
    assert "never opened" in said
    assert "`model = joblib.load('clf.joblib')`" in said
    assert "`np.savez('clf.npz', coef_=model.coef_, intercept_=model.intercept_, " in said
    assert not is_plain(raw)


def test_the_lines_that_export_do_so(theirs, expected, tmp_path, monkeypatch, test_set):
    """The two lines of the sentence, run as they stand, make a file that is read."""
    monkeypatch.chdir(tmp_path)
    joblib.dump(theirs, "clf.joblib")
    said = refusal((tmp_path / "clf.joblib").read_bytes(), label="clf.joblib")
    first, second = said.split("`")[1::2]
    exec(f"{first}\n{second}", {"joblib": joblib, "np": np})
    assert (digits_of(tmp_path / "clf.npz", test_set.images[:300]) == expected).all()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (zipped({"archive/data.pkl": b"\x80\2", "archive/version": b"3"}), "W=s['weight']"),
        (zipped({"config.json": b"{}", "model.weights.h5": b""}), "get_weights"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "get_weights"),
    ],
    ids=["PyTorch", "Keras", "HDF5"],
)
def test_models_of_other_libraries_are_told_how_to_export(raw, says):
    assert says in refusal(raw, label="net.bin")
    assert "'net.npz'" in refusal(raw, label="net.bin")
    assert not is_plain(raw)


def test_arrays_of_objects_are_not_unpickled():
    raw = npz(coef_=np.array([Evil()]))
    assert "pickled objects" in refusal(raw)


def test_every_scaling_that_is_tried_can_be_asked_for(estimator):
    raw = npy(estimator.theta_)
    for mean, scale in SCALINGS:
        assert load_weights(raw, mean, scale).theta.shape == (10, 785)


def test_the_name_in_capitals_counts(tmp_path, estimator, test_set, capsys):
    path = tmp_path / "THETA.NPY"
    path.write_bytes(npy(estimator.theta_))
    assert list(list_weights(tmp_path)[0]) == ["THETA"]
    assert main(["info", str(path)]) == 0
    assert "[10, 785]" in capsys.readouterr().out
    (tmp_path / "coef.csv").write_bytes(csv(estimator.theta_))
    assert main(["info", str(tmp_path / "coef.csv")]) == 0


@pytest.mark.parametrize(
    "more", [{"classes_": np.full(10**6, b"1")}, {"intercept_": np.zeros(10**6, np.float16)}]
)
def test_what_there_are_a_million_of_is_refused_by_its_shape(more):
    tracemalloc.start()
    with pytest.raises(UserError, match="1,000,000"):
        plain_theta({"coef_": np.zeros((10, 784))} | more, "w.npz", (784,))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**20


def test_the_name_of_an_array_is_said_in_one_line():
    with pytest.raises(UserError, match=r"holds no theta but a b, c;"):
        plain_theta({"a\nb": np.zeros(1), "c": np.zeros(1)}, "w.npz", (784,))
