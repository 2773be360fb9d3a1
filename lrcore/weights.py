"""Trained models as files: theta, what it reads, and the record of how it was made.

A weights file is an `.npz` of plain arrays, never unpickled.  What a file
claims is checked in full before anything else sees it, since users bring
files of their own.
"""

from __future__ import annotations

import functools
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lrcore.archive import (
    MAX_ARCHIVE_BYTES,
    pack_arrays,
    read_whole,
    unpack_arrays,
    write_file,
)
from lrcore.calibration import Calibration
from lrcore.errors import UserError, megabytes
from lrcore.features import FEATURES, extract
from lrcore.nesting import shallow
from lrcore.places import OWN_WEIGHTS_FOLDER, WEIGHTS_FOLDER, WEIGHTS_FOLDERS
from lrcore.plain_theta import PlainTheta, parse_plain, plain_theta, refuse_programs

DEFAULT = WEIGHTS_FOLDER / "strokes.npz"
KINDS = (".npz", ".npy")
# Names under which a model can be kept: each is a valid file name on every system.
NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")

FORMAT = "ten-thetas-1"
# What stands for "any other digit" where one digit is told from the rest.
REST = -1
# A larger number in theta would overflow where scores are added up or squared.
LARGEST = 1e15
CALIBRATION_PREFIX = "calibration_"
REQUIRED = ("format", "theta", "classes", "features", "record")
# By any of these a file of this program is known, damaged or not.
OWN_KEYS = ("format", "features", "record")
# Bounds on a record, far above what a run writes: its characters, tables within each other (each
# hand learned on top of another is one), and between what lies that pages and corrections use.
MAX_RECORD, RECORD_DEPTH = 65_536, 32
RECORD_RANGES = {
    "images": (1, 1e12),
    "learned_from": (1, 1e12),
    "test_accuracy": (0, 1),
    "C": (0, LARGEST),
}


@dataclass(frozen=True)
class Weights:
    """A trained model.

    theta : float array, shape (K, 1 + D): one row a class, the bias in column 0,
        then a weight for each of the D features.  K = 10 for one-vs-all over
        the ten digits; a binary model has K = 1, the row of its positive class.
    classes : int array.  One-vs-all: the K digits, row by row.  Binary: two
        entries, the negative class and then the positive one; the negative
        is `REST` (-1) where one digit is told from all others.
    features : name of the feature map that theta reads, a key of `FEATURES`.
    record : how theta came to be (training images, solver, cost, accuracy,
        the command that made it); free of meaning to the code.
    calibration : maps scores to calibrated probabilities and tells an unsure
        answer, or None.
    name : what to call the model on a page.
    """

    theta: np.ndarray
    classes: np.ndarray
    features: str = "pixels"
    record: dict = field(default_factory=dict)
    calibration: Calibration | None = None
    name: str = "unnamed"

    def __post_init__(self) -> None:
        # Shared between sessions: nobody may change a model in place.
        self.theta.setflags(write=False)
        self.classes.setflags(write=False)

    @property
    def binary(self) -> bool:
        """Whether a single model tells two classes apart."""
        return len(self.theta) == 1

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """theta . x with the bias, (n, K), of features (n, D); as trained, before any calibration.

        Only `scores` are compared and shown; these are what a calibration is fitted to.
        """
        return X @ self.theta[:, 1:].T + self.theta[:, 0]

    def scores(self, decision: np.ndarray) -> np.ndarray:
        """What the sigmoid takes for each class's probability, of decision values (n, K).

        Calibrated, if there is a calibration; the answer is the class of the highest.  As many
        columns as classes: a binary model's negative class has minus the positive one's score.
        """
        z = decision if self.calibration is None else self.calibration.scores(decision)
        return np.hstack([-z, z]) if self.binary else z

    def calibrated_theta(self) -> np.ndarray:
        """Theta with the calibration worked in, float64 (K, 1 + D), whose products are `scores`.

        A calibration takes slope * decision + offset for the score, and so a multiple of
        theta with another bias for theta: the score stays a sum.
        """
        theta = self.theta.astype(np.float64)
        if self.calibration is not None:
            theta *= self.calibration.slope[:, None]
            theta[:, 0] += self.calibration.offset
        return theta


def load_weights(
    source: str | Path | bytes | bytearray | memoryview,
    mean: float = 0.0,
    scale: float = 255.0,
    name: str | None = None,
    label: str | None = None,
) -> Weights:
    """Read a weights file.

    Parameters
    ----------
    source : path or bytes of an `.npz` made by `save_weights`; or of a plain theta, as `.npy`,
        `.npz` or a table of text, (10, 784) without biases or (10, 785) with the biases first, as
        `np.save` of an estimator's `theta_`; or of `coef_`, `intercept_` and `classes_`, as
        scikit-learn calls them, in an `.npz`.  Without classes, ten rows are the digits 0 to 9.
    mean, scale : for a plain theta of pixels only (see `lrcore.plain_theta.is_plain`): the
        standardisation it was trained with, x = (grey - mean) / scale with grey from 0 to 255.
        It is folded into theta and the bias, so such a model then reads like any other.
    name : what to call the model; the file's own stem by default.
    label : what to call the file in errors; its own name by default.

    Raises UserError that says what is wrong with the file.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        raw, label = bytes(source), label or name or "the uploaded file"
    else:
        path = Path(source)
        label, name = label or path.name, name or path.stem
        raw = read_whole(path, MAX_ARCHIVE_BYTES)
    if len(raw) > MAX_ARCHIVE_BYTES:
        raise UserError(
            f"{label} is larger than {megabytes(MAX_ARCHIVE_BYTES)}, too large for a weights file."
        )
    name = name or "uploaded"
    widths = {columns(features): features for features in reversed(FEATURES)}
    refuse_programs(raw, label)
    if raw[:2] != b"PK":
        plain = parse_plain(raw, label, tuple(widths))
    else:
        arrays = unpack_arrays(raw, label)
        if not arrays.keys().isdisjoint(OWN_KEYS):
            return _from_own(arrays, label, name)
        plain = plain_theta(arrays, label, tuple(widths))
    return _from_plain(plain, widths[plain.coefficients.shape[1]], label, name, mean, scale)


def pack_weights(weights: Weights) -> bytes:
    """The bytes of the `.npz` file that `load_weights` reads; the same weights, the same bytes."""
    arrays = {
        "format": np.array(FORMAT),
        "theta": weights.theta,
        "classes": weights.classes,
        "features": np.array(weights.features),
        "record": np.array(json.dumps(weights.record)),
    }
    if weights.calibration is not None:
        for key, value in weights.calibration.arrays().items():
            arrays[CALIBRATION_PREFIX + key] = value
    return pack_arrays(arrays)


def save_weights(path: str | Path, weights: Weights) -> None:
    """Write a weights file."""
    write_file(path, pack_weights(weights))


@functools.cache
def columns(features: str) -> int:
    """How many columns a feature map makes of a picture."""
    return extract(features, np.zeros((1, 28, 28), np.uint8)).shape[1]


def weights_files(*folders: str | Path) -> list[Path]:
    """The files in these folders that should be weights; by default, all that are offered."""
    return [
        path
        for folder in folders or WEIGHTS_FOLDERS
        for path in sorted(Path(folder).glob("*"))
        if path.suffix.lower() in KINDS
    ]


def list_weights(*folders: str | Path) -> tuple[dict[str, Path], dict[str, str]]:
    """The weights in folders: (usable ones by name, sentences about the others by name).

    Without a folder: those that come with the program, and then the user's own.
    """
    good: dict[str, Path] = {}
    bad: dict[str, str] = {}
    for path in weights_files(*folders):
        try:
            if path.stem in good:
                raise UserError(
                    f"Another model is called {path.stem}; give {path.name} a new name."
                )
            load_weights(path)
            good[path.stem] = path
        except UserError as error:
            bad[path.stem] = str(error)
    return good, bad


def find_weights(name: str | Path) -> Path:
    """The path of a weights file: a path itself, or the bare name of one that is offered.

    A file that lies where the path says goes before a model of that name.
    """
    path = Path(name)
    if path.name != str(name) or path.suffix or os.path.exists(path):
        return path
    return next((file for file in weights_files() if file.stem == path.name), path)


def own_weights_path(name: str) -> Path:
    """Where a new model of the user's own goes.

    Raises UserError for a name that is taken, or that cannot be one.
    """
    path = OWN_WEIGHTS_FOLDER / f"{name}.npz"
    if not NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot be a model's name; use letters, digits, '-' and '_', up to 60."
        )
    if any(file.stem == name for file in weights_files()):
        raise UserError(f"There is a model called {name} already; choose another name.")
    return path


def _from_own(arrays: dict[str, np.ndarray], label: str, name: str) -> Weights:
    """Weights as `pack_weights` packs them."""
    missing = [key for key in REQUIRED if key not in arrays]
    if missing:
        raise UserError(
            f"{label} lacks {' and '.join(missing)}; bring an .npz made by this program."
        )
    if _text(arrays["format"], "format", label) != FORMAT:
        raise UserError(f"{label} is of another format than {FORMAT}; train the model again.")
    features = _text(arrays["features"], "features", label)
    if features not in FEATURES:
        raise UserError(
            f"{label} reads the features {features[:40]!r}, which are not known here; "
            f"known are {', '.join(FEATURES)}."
        )
    record = _record(_text(arrays["record"], "record", label), label)
    theta = _checked_theta(arrays["theta"], 1 + columns(features), label)
    classes = _checked_classes(arrays["classes"], len(theta), label)
    stored = {
        key.removeprefix(CALIBRATION_PREFIX): value
        for key, value in arrays.items()
        if key.startswith(CALIBRATION_PREFIX)
    }
    try:
        calibration = Calibration.from_arrays(stored, theta) if stored else None
    except UserError as error:
        raise UserError(f"{label}: {error}") from error
    return Weights(theta, classes, features, record, calibration, name)


def _from_plain(
    plain: PlainTheta, features: str, label: str, name: str, mean: float, scale: float
) -> Weights:
    """Weights of a theta that says nothing of itself."""
    if plain.classes is None and len(plain.coefficients) != 10:
        raise UserError(
            f"{label} has {len(plain.coefficients)} rows and does not say of which digits; save an "
            ".npz of coef_, intercept_ and classes_."
        )
    if features == "pixels":
        theta = plain.folded(mean, scale)
        note = f"a plain theta; pixels standardised by ({mean:g}, {scale:g})"
    else:
        theta = np.column_stack([plain.biases, plain.coefficients])
        note = f"a plain theta of {features}"
    theta = _checked_theta(theta, 1 + columns(features), label)
    classes = np.arange(10) if plain.classes is None else plain.classes
    classes = _checked_classes(classes, len(theta), label)
    return Weights(theta, classes, features, {"note": note}, None, name)


def _text(array: np.ndarray, key: str, label: str) -> str:
    if array.shape != () or array.dtype.kind != "U":
        raise UserError(f"{label} has no text under {key}; bring an .npz made by this program.")
    return str(array)


def _checked_theta(theta: np.ndarray, columns: int, label: str) -> np.ndarray:
    """Theta in single or double precision, as this machine keeps numbers."""
    if theta.ndim != 2 or theta.shape[1] != columns or not 1 <= len(theta) <= 10:
        shape = " x ".join(map(str, theta.shape)) or "a single number"
        raise UserError(
            f"{label} has a theta of {shape}, but one row a class and {columns} columns are needed."
        )
    if theta.dtype.kind != "f" or theta.dtype.itemsize > 8:
        raise UserError(f"{label} has a theta of {theta.dtype}; 32 or 64 bit floats are needed.")
    theta = np.ascontiguousarray(theta, np.float64 if theta.dtype.itemsize == 8 else np.float32)
    if not np.isfinite(theta).all():
        raise UserError(f"{label} has a theta with NaN or infinity; train the model again.")
    if np.abs(theta).max() > LARGEST:
        raise UserError(f"{label} has numbers beyond {LARGEST:g} in theta; train the model again.")
    return theta


def _record(text: str, label: str) -> dict:
    """The record, small and shallow enough to be shown, and with sense in what is reckoned with."""
    if len(text) > MAX_RECORD:
        raise UserError(f"{label} has a record of {len(text):,} characters; {MAX_RECORD:,} may be.")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{label} has a damaged record; train the model again.") from error
    if not isinstance(record, dict):
        raise UserError(f"{label} has a record that is no table; train the model again.")
    if not shallow(record, RECORD_DEPTH):
        raise UserError(
            f"{label} has a record nested more than {RECORD_DEPTH} deep; train the model again."
        )
    for key, (lowest, highest) in RECORD_RANGES.items():
        value = record.get(key, lowest)
        # A comparison with NaN is false, too.
        if not isinstance(value, (int, float)) or not lowest <= value <= highest:
            raise UserError(f"{label} has a record whose '{key}' is no number that makes sense.")
    return record


def _checked_classes(classes: np.ndarray, rows: int, label: str) -> np.ndarray:
    """Classes as int64."""
    wanted = 2 if rows == 1 else rows
    if classes.shape != (wanted,) or classes.dtype.kind not in "iu":
        raise UserError(f"{label} names its classes in a wrong form; {wanted} numbers are needed.")
    digits = [int(digit) for digit in classes]
    # The rest may only be what a binary model says no with.
    known = digits[1:] if rows == 1 and digits[0] == REST else digits
    if not set(known) <= set(range(10)) or len(set(digits)) != wanted:
        raise UserError(f"{label} names classes that are not digits, or one of them twice.")
    return np.array(digits, np.int64)
