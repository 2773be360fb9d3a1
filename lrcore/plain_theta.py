"""Theta as others save it: plain tables, scikit-learn's names, text; told from all else.

Nothing here says what a model was trained on but its shape.  What cannot be read is told how to be
exported where it was made.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np

from lrcore.archive import parse_array
from lrcore.errors import UserError

# What arrays are called: the weights of each class a row, their biases, and which classes these
# are; by scikit-learn, by this package, by the many, and by `np.savez` where nobody said.  Where
# none is there, one may stand behind the name of a layer.
WEIGHTS = ("theta", "coef_", "theta_", "coef", "W", "w", "weights", "weight", "kernel", "arr_0")
BIASES = ("intercept_", "intercept", "b", "bias", "biases", "arr_1")
CLASSES = ("classes_", "classes", "arr_2")
# The digits.
MOST_CLASSES = 10
# The longest text that is read: ten times what ten rows of 785 numbers take with all digits.
MAX_TEXT_BYTES = 2 * 2**20
NAMED = re.compile(r"[A-Za-z_#]")
# How files begin that joblib packed, with zlib at its levels, gzip, bzip2, xz or LZMA.
PACKED = (b"x\x01", b"x^", b"x\x9c", b"x\xda", b"\x1f\x8b", b"BZ", b"\xfd7", b"]\0")
# How people bring the greys of MNIST, 0 to 255, to numbers that are learned from, as (mean, scale)
# of (grey - mean) / scale: to 0 to 1, not at all, to mean 0 and deviation 1, to -1 to 1.
SCALINGS = ((0.0, 255.0), (0.0, 1.0), (33.32, 78.57), (127.5, 127.5))


@dataclass(frozen=True)
class PlainTheta:
    """A model that says nothing of itself.

    coefficients : float64, shape (K, D).
    biases : float64, shape (K,).
    classes : int, (K,) or, of one row, (2,); None where the file does not say.
    """

    coefficients: np.ndarray
    biases: np.ndarray
    classes: np.ndarray | None

    def folded(self, mean: float, scale: float) -> np.ndarray:
        """Theta, (K, 1 + D), that takes brightnesses 0 to 1, whatever this one took.

        It was trained on (grey - mean) / scale with grey from 0 to 255: theta . (255 x - mean) /
        scale, with x in 0..1, is (255 theta / scale) . x - theta . mean / scale.

        Raises UserError where these are no standardisation.
        """
        if not (np.isfinite(mean) and np.isfinite(scale) and scale > 0):
            raise UserError(
                f"Mean {mean} and scale {scale} do not make a standardisation; scale > 0."
            )
        with np.errstate(over="ignore"):  # what overflows is refused, as it is infinite
            bias = self.biases - self.coefficients.sum(axis=1) * (mean / scale)
            return np.column_stack([bias, self.coefficients * (255.0 / scale)])


def parse_plain(raw: bytes, label: str, widths: tuple[int, ...]) -> PlainTheta:
    """The theta of a `.npy` file or of a table of text.

    label : what to call the file in errors.
    widths : the numbers of features that there are models of.

    Raises UserError that says what is wrong with it, or how to export what it holds.
    """
    if raw[:6] == b"\x93NUMPY":
        return plain_theta({"theta": parse_array(raw, label, "theta")}, label, widths)
    return plain_theta({"theta": _table(raw, label)}, label, widths)


def plain_theta(arrays: dict[str, np.ndarray], label: str, widths: tuple[int, ...]) -> PlainTheta:
    """The theta among named arrays; parameters and errors as of `parse_plain`."""
    theta, bias, classes = (_named(arrays, names, label) for names in (WEIGHTS, BIASES, CLASSES))
    if theta is None:
        held = ", ".join(" ".join(key[:20].split()) for key in list(arrays)[:5]) or "nothing"
        raise UserError(
            f"{label} holds no theta but {held}; save theta, or coef_ and intercept_ as "
            "scikit-learn calls them."
        )
    theta = _floats(theta, "theta", label)
    long = {*widths, *(width + 1 for width in widths)}
    if theta.ndim == 2 and theta.shape[0] in long and theta.shape[1] <= MOST_CLASSES:
        # A column a class, as Keras has it.
        theta = theta.T
    if bias is None:
        biased = theta.ndim == 2 and theta.shape[1] - 1 in widths
        theta = _rows(theta, label, widths, also=1)
        if biased:
            _refuse_bias_last(theta, label)
            bias, theta = theta[:, 0], theta[:, 1:]
        else:
            bias = np.zeros(len(theta))
    else:
        theta = _rows(theta, label, widths)
        bias = _floats(bias, "bias", label).ravel()
        if bias.shape != (len(theta),):
            raise UserError(
                f"{label} has {bias.size:,} biases for {len(theta)} rows of weights; one a row is "
                "needed."
            )
    # Only now, for what unpacks to tens of millions is refused by its shape.
    theta, bias = theta.astype(np.float64), bias.astype(np.float64)
    return PlainTheta(theta, bias, None if classes is None else _labels(classes, label))


def is_plain(raw: bytes) -> bool:
    """Whether a file may hold a theta that does not say how its pixels were standardised."""
    if raw[:2] == b"PK":
        names = raw.lower()
        named = any(f"{name.lower()}.npy".encode() in names for name in WEIGHTS)
        return named and b"format.npy" not in names
    return raw[:6] == b"\x93NUMPY" or not (_advice(raw, "") or b"\0" in raw)


def refuse_programs(raw: bytes, label: str) -> None:
    """UserError, with the two lines that export it, where another library must open the file."""
    if advice := _advice(raw, label):
        raise UserError(f"{label} {advice}")


def _advice(raw: bytes, label: str) -> str:
    """How to export what is no plain array, where that can be told; '' otherwise."""
    file, stem = label[:40], label.rpartition("/")[2].partition(".")[0][:40] or "model"
    zipped = raw[:2] == b"PK"
    if zipped and b"data.pkl" in raw:
        return (
            "is PyTorch's, with a pickle in it that is never opened here; export it with "
            f"`s = torch.load('{file}', weights_only=True)` and "
            f"`np.savez('{stem}.npz', W=s['weight'], b=s['bias'])`."
        )
    if raw[:4] == b"\x89HDF" or (zipped and b".weights.h5" in raw):
        return (
            "is a model of Keras; export it with `W, b = model.layers[-1].get_weights()` and "
            f"`np.savez('{stem}.npz', W=W.T, b=b)`."
        )
    pickled = raw[:1] == b"\x80" and raw[1:2] in (b"\2", b"\3", b"\4", b"\5")
    packed = raw[:2] in PACKED
    if not pickled and not packed:
        return ""
    return (
        f"is {'packed as joblib packs ' * packed}a pickle, which could run any program and is "
        f"never opened here; export it with `model = joblib.load('{file}')` and "
        f"`np.savez('{stem}.npz', coef_=model.coef_, intercept_=model.intercept_, "
        "classes_=model.classes_.astype(int))`."
    )


def _named(arrays: dict[str, np.ndarray], names: tuple[str, ...], label: str) -> np.ndarray | None:
    """The array of one of these names, by itself or behind its layer's, as in `fc.weight`."""
    if exact := next((name for name in names if name in arrays), None):
        return arrays[exact]
    wanted = {name.lower() for name in names}
    found = [key for key in arrays if re.split("[./]", key)[-1].lower() in wanted]
    if len(found) > 1:
        held = ", ".join(" ".join(key[:20].split()) for key in found[:5])
        raise UserError(
            f"{label} holds several layers, {held}; a logistic regression has one, theta."
        )
    return arrays[found[0]] if found else None


def _floats(array: np.ndarray, key: str, label: str) -> np.ndarray:
    """The array as it is; UserError where it is not of floats of this machine."""
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise UserError(
            f"{label} has a {key} of {array.dtype}; floats of up to 64 bits are needed, as of "
            f"{key}.astype(float)."
        )
    return array


def _rows(theta: np.ndarray, label: str, widths: tuple[int, ...], also: int = 0) -> np.ndarray:
    """Theta as it is; UserError where it is no table of a row a class."""
    fit = {*widths, *(width + 1 for width in widths if also)}
    if theta.ndim == 2 and theta.shape[1] in fit and 1 <= len(theta) <= MOST_CLASSES:
        return theta
    shape = " x ".join(map(str, theta.shape)) or "a single number"
    if theta.ndim == 1 and theta.size % 10 == 0 and theta.size // 10 in fit:
        raise UserError(
            f"{label} has {theta.size:,} numbers in one row; save theta.reshape(10, -1), a row a "
            "class."
        )
    raise UserError(
        f"{label} has a theta of {shape}, but a row a class is needed, of {min(widths)} weights"
        f"{' or one more, the bias first' if also else ''}."
    )


def _refuse_bias_last(theta: np.ndarray, label: str) -> None:
    """The corners of MNIST's pictures are blank: their weights stay at zero, which no bias does."""
    if not theta[:, 0].any() and theta[:, -1].all():
        raise UserError(
            f"{label} seems to have its biases in the last column, as the first is all zero; save "
            "np.roll(theta, 1, axis=1), the bias first."
        )


def _labels(classes: np.ndarray, label: str) -> np.ndarray:
    """Classes as int; scikit-learn keeps the digits of OpenML's MNIST as text."""
    classes = classes.ravel()
    if classes.size > MOST_CLASSES:
        raise UserError(f"{label} names {classes.size:,} classes; the digits 0 to 9 are known.")
    if classes.dtype.kind in "iu":
        return classes
    texts = [str(value) for value in classes.tolist()] if classes.dtype.kind in "fUS" else []
    texts = [text.removeprefix("b'").removesuffix("'").removesuffix(".0") for text in texts]
    if not texts or not all(text in tuple("0123456789") for text in texts):
        raise UserError(f"{label} names classes that are no digits, 0 to 9.")
    return np.array(texts).astype(int)


def _table(raw: bytes, label: str) -> np.ndarray:
    """The numbers of a text, with or without a line of names over them and a column before."""
    useless = UserError(
        f"{label} is not a weights file; bring an .npz made by this program, scikit-learn's coef_ "
        "and intercept_ as .npz, or theta, a row a digit, as .npy, text or CSV."
    )
    if len(raw) > MAX_TEXT_BYTES or b"\0" in raw:
        raise useless
    try:
        lines = raw.decode("utf-8-sig").replace('"', "").split("\n")
    except UnicodeDecodeError as error:
        raise useless from error
    lines = [line.strip("\r") for line in lines if line.strip() and line[0] != "#"]
    if not lines or not any(character in "0123456789" for character in lines[-1]):
        raise useless
    between = next((mark for mark in ",;\t" if mark in lines[-1]), None)
    head = lines[0].split(between)
    indexed = head[0].strip() == ""  # as pandas writes a table with its index
    if indexed or NAMED.search(re.sub(r"[eE][+-]?\d", "", lines[0])):
        lines = lines[1:]
    try:
        table = np.loadtxt(io.StringIO("\n".join(lines)), delimiter=between, ndmin=2)
    except ValueError as error:
        raise useless from error
    if indexed:
        table = table[:, 1:]
    # A table without names still gets a line of them from pandas: 0, 1, 2, ...
    if len(table) > 1 and np.array_equal(table[0], np.arange(table.shape[1])):
        table = table[1:]
    return table
