"""Logistic regressions after scikit-learn's conventions, on feature matrices."""

from __future__ import annotations

import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np

from lrcore.errors import UserError
from lrcore.logistic import OneVsAllLoss, as_floats, curated_labels, sigmoid, softplus
from lrcore.solvers import SOLVERS, Knobs, Step

if TYPE_CHECKING:
    from sklearn.utils import Tags

# Features this many times larger or smaller than those fitted to are of another scale.
# The nearest pair of scales in use is 0 to 16, as in scikit-learn's load_digits, and 0 to 1.
OTHER_SCALE = 10


@dataclass(eq=False)
class _Classifier(ABC):
    """What the binary and the one-vs-all classifier share.

    Parameters
    ----------
    solver : a name in `lrcore.solvers.SOLVERS`.
    C : inverse strength of the L2 regularisation; math.inf for none.
    max_iter : iterations, at most; each is about one pass over the images.
    tol : training ends where the gradient's norm is no larger.
    learning_rate, momentum, batch_size, memory : see `lrcore.solvers.Knobs`; None leaves the
        solver's default.
    random_state : seed of the shuffling; the same seed gives the same theta, None a new one.

    After fit
    ---------
    theta_ : float64, shape (K, 1 + D), the bias in column 0.
    classes_ : the distinct labels, sorted.
    cost_history_ : the total cost before and after every iteration, shape (n_iter_ + 1,).
    n_iter_ : iterations done.
    n_features_in_ : D.

    Works in scikit-learn's pipelines, searches and scores, and does not need it.  Warns where
    features come in another scale, or grey levels where floats did, than it was fitted to.
    """

    solver: str = "preconditioned-lbfgs"
    C: float = 1.0
    max_iter: int = 100
    tol: float = 1e-4
    learning_rate: float | None = None
    momentum: float | None = None
    batch_size: int | None = None
    memory: int | None = None
    random_state: int | None = 0

    _positive: ClassVar[slice]
    _most_classes: ClassVar[int | None]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name, as scikit-learn's `clone` and searches ask for them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Change parameters by name; UserError where there is none of that name."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise UserError(
                    f"{type(self).__name__} has no parameter {name!r}; choose one of "
                    f"{', '.join(known)}."
                )
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn, the only one to ask, may expect of this classifier."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(multi_class=self._most_classes is None),
            input_tags=InputTags(),
        )

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Train from scratch on features X, shape (n, D), and labels y, shape (n,)."""
        X, y = _features(X), _labels(y)
        self._begin(X, y, _classes(y))
        for _ in range(self.max_iter):
            if self._norm <= self.tol or not self._advance():
                break
        del self._run
        return self

    def partial_fit(self, X: np.ndarray, y: np.ndarray, classes: np.ndarray | None = None) -> Self:
        """Train for one step, from where the last call or `fit` left theta.

        As long as the same two arrays come again, the solver goes on where it was,
        momentum and memory included; other arrays start it anew from theta.
        classes, needed where the first y lacks some, are all the labels to come.
        """
        given = getattr(self, "_given", (None, None))
        if getattr(self, "_run", None) is None or X is not given[0] or y is not given[1]:
            features, labels = _features(X), _labels(y)
            if hasattr(self, "theta_"):
                self._check_features(features)
                self._go_on(features, labels)
            else:
                self._begin(features, labels, _classes(labels if classes is None else classes))
            self._given: tuple[np.ndarray, np.ndarray] = X, y
        self._advance()
        return self

    def _scores(self, X: np.ndarray) -> np.ndarray:
        """theta x of every row, shape (n, number of models)."""
        if not hasattr(self, "theta_"):
            raise _not_fitted("This classifier knows nothing yet; call fit first.")
        X = _features(X)
        self._check_features(X)
        X = as_floats(X)
        return X @ self.theta_[:, 1:].T.astype(X.dtype) + self.theta_[:, 0].astype(X.dtype)

    @abstractmethod
    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """What `predict` goes by."""

    @abstractmethod
    def predict(self, X: np.ndarray) -> np.ndarray:
        """One of classes_ for each row, shape (n,)."""

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        """The share of rows that are predicted right, 0 to 1."""
        predicted = self.predict(X)
        if len(predicted) != len(y):
            raise UserError(_mismatch(len(predicted), len(y)))
        return float(np.mean(predicted == np.asarray(y)))

    def _begin(self, X: np.ndarray, y: np.ndarray, classes: np.ndarray) -> None:
        """Set theta to zero, and the solver at its start."""
        if len(X) != len(y):
            raise UserError(_mismatch(len(X), len(y)))
        self._check_classes(classes)
        models = len(classes[self._positive])
        loss, knobs = self._loss(X, y, classes), self._knobs()
        self.classes_, self.n_features_in_ = classes, X.shape[1]
        self._fitted_range = _Range.of(X)
        step = self._start(loss, knobs, np.zeros((models, 1 + X.shape[1])))
        self.n_iter_, self.cost_history_ = 0, [float(step.cost.sum())]

    def _go_on(self, X: np.ndarray, y: np.ndarray) -> None:
        """Leave theta as it is, and set the solver at a start on other images."""
        if len(X) != len(y):
            raise UserError(_mismatch(len(X), len(y)))
        self._start(self._loss(X, y, self.classes_), self._knobs(), self.theta_)

    def _loss(self, X: np.ndarray, y: np.ndarray, classes: np.ndarray) -> OneVsAllLoss:
        strange = np.setdiff1d(y, classes)
        if len(strange):
            raise UserError(f"y holds the label {strange[0]}, which is not among the classes.")
        return OneVsAllLoss(X, curated_labels(y, classes[self._positive]), self.C)

    def _knobs(self) -> Knobs:
        if self.solver not in SOLVERS:
            raise UserError(
                f"There is no solver named {self.solver!r}; choose one of {', '.join(SOLVERS)}."
            )
        return SOLVERS[self.solver].knobs(
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            batch_size=self.batch_size,
            memory=self.memory,
        )

    def _start(self, loss: OneVsAllLoss, knobs: Knobs, theta: np.ndarray) -> Step:
        """Start the solver; its first step is where it stands."""
        rng = np.random.default_rng(self.random_state)
        self._run: Iterator[Step] = SOLVERS[self.solver].function(loss, theta, knobs, rng)
        step = next(self._run)
        self.theta_: np.ndarray = step.theta
        self._norm: float = step.gradient_norm
        return step

    def _advance(self) -> bool:
        """Take one step; False where the solver has converged."""
        step = next(self._run, None)
        if step is None:
            return False
        self.theta_, self._norm = step.theta, step.gradient_norm
        self.cost_history_.append(float(step.cost.sum()))
        self.n_iter_ += 1
        return True

    def __getstate__(self) -> dict:
        """For pickle and copy: all but the run in progress, which cannot be copied."""
        return {k: v for k, v in vars(self).items() if k not in ("_run", "_given")}

    def _check_classes(self, classes: np.ndarray) -> None:
        if len(classes) < 2:
            raise UserError(
                f"All labels are {classes[0]}: with one class there is nothing to tell apart, give "
                "at least two different labels."
            )
        if self._most_classes and len(classes) > self._most_classes:
            raise UserError(
                "Only binary classification is supported. The type of the target is multiclass: "
                f"there are {len(classes)} different labels; use OneVsAllClassifier."
            )

    def _check_features(self, X: np.ndarray) -> None:
        """UserError for features that theta does not fit, a warning for another scale."""
        if X.shape[1] != self.n_features_in_:
            raise UserError(
                f"X has {X.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input, as it was trained on "
                f"{self.n_features_in_}; prepare both alike."
            )
        came, fitted = _Range.of(X), self._fitted_range
        if came.differs(fitted):
            warnings.warn(
                f"X holds {came}, but {type(self).__name__} was fitted to {fitted}; prepare both "
                "alike.",
                UserWarning,
                stacklevel=4,
            )


class _Range(NamedTuple):
    """What tells one scale of features from another.

    typical : the root of the mean square, for a single outlier says little.
    """

    dtype: np.dtype
    largest: float
    typical: float

    @classmethod
    def of(cls, X: np.ndarray) -> _Range:
        some = as_floats(X[:: len(X) // 1000 | 1]).astype(np.float64)
        with np.errstate(over="ignore"):
            typical = np.sqrt(np.square(some).mean()) if some.size else 0.0
        return cls(X.dtype, _largest(X), float(typical))

    def differs(self, other: _Range) -> bool:
        """Whether the two are not of one scale, or grey levels and something else."""
        if (self.dtype == np.uint8) != (other.dtype == np.uint8):
            return True
        smaller, larger = sorted([self.typical, other.typical])
        return smaller > 0 and larger >= OTHER_SCALE * smaller  # a blank picture fits any scale

    def __str__(self) -> str:
        if self.dtype == np.uint8:
            return "uint8, grey levels that count as 0 to 1"
        return f"{self.dtype} of up to {self.largest:.3g}"


class OneVsAllClassifier(_Classifier):
    """One logistic regression per class, each telling its class from all the others.

    Also known as one-vs-rest.  With two classes there are two models, too.
    """

    _positive = slice(None)
    _most_classes = None

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """The models' scores theta x, shape (n, K); above 0, a model says yes.

        Of two classes, as is scikit-learn's way, one number a row, shape (n,): the logarithm of
        how many times likelier the second class is by `predict_proba`.
        """
        z = self._scores(X)
        return softplus(-z[:, 0]) - softplus(-z[:, 1]) if z.shape[1] == 2 else z

    def independent_proba(self, X: np.ndarray) -> np.ndarray:
        """Each model's own probability that a row is its class, shape (n, K).

        These are K independent answers to K yes-or-no questions; they need not sum to 1.
        """
        return sigmoid(self._scores(X))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """The same, divided by their sum in every row, shape (n, K).

        So scikit-learn's OneVsRestClassifier does, and its searches and scores ask for it.
        """
        logarithms = -softplus(-self._scores(X))  # where all are next to 0, too, they have ratios
        p = np.exp(logarithms - logarithms.max(1, keepdims=True))
        return p / p.sum(1, keepdims=True)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The class whose model is surest, shape (n,)."""
        z = self._scores(X)
        return self.classes_[z.argmax(1)]


class BinaryClassifier(_Classifier):
    """One logistic regression that tells two classes apart; theta_ has the shape (1, 1 + D)."""

    _positive = slice(1, 2)
    _most_classes = 2

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """The scores theta x, shape (n,); above 0 means the second class."""
        return self._scores(X)[:, 0]

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """The two classes' probabilities, shape (n, 2), in the order of classes_."""
        p = sigmoid(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The likelier class, shape (n,)."""
        z = self.decision_function(X)
        return self.classes_[(z > 0).astype(int)]


def _features(X: np.ndarray) -> np.ndarray:
    """X as a table of uint8, float32 or float64 that are finite; UserError otherwise.

    Some sentences begin with words by which scikit-learn's checks know them.
    """
    if hasattr(X, "tocsr"):
        raise UserError("X is a sparse matrix, but a dense one is needed; give X.toarray().")
    X = np.asarray(X)
    if np.iscomplexobj(X):
        raise UserError("Complex data not supported: X holds complex numbers; give real ones.")
    if X.ndim != 2:
        raise UserError(
            f"X has {X.ndim} dimensions, but features are a table of shape (n, D). Reshape your "
            "data, one row for each picture: X.reshape(n, -1)."
        )
    if X.shape[1] == 0:
        raise UserError(
            f"There is nothing to learn from: X has 0 feature(s) (shape={X.shape}) while a "
            "minimum of 1 is required."
        )
    if X.dtype not in (np.float32, np.uint8):
        try:
            X = X.astype(np.float64)
        except TypeError as error:
            raise _NotANumber(f"X holds what is no number: {error}; mend or drop it.") from error
        except ValueError as error:
            raise UserError(f"X holds what is no number: {error}; mend or drop it.") from error
    if X.dtype != np.uint8 and not np.isfinite(_largest(X)):
        raise UserError("X holds values that are not finite (NaN or infinity); mend or drop them.")
    return X


def _labels(y: np.ndarray) -> np.ndarray:
    """y as labels, shape (n,); UserError where they are none."""
    if y is None:
        raise UserError(
            "This classifier requires y to be passed, but the target y is None; give a label "
            "for each row."
        )
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected; give y.ravel().",
            _sklearns("DataConversionWarning", UserWarning),
            stacklevel=3,
        )
        y = y[:, 0]
    if y.ndim == 2 and np.isin(y, (0, 1)).all() and (y.sum(1) == 1).all():
        raise UserError(
            f"y has {y.shape[1]} columns with a single one in each row, which is one-hot, but "
            "labels are one row; give y.argmax(axis=1)."
        )
    if y.ndim != 1:
        raise UserError(f"y has {y.ndim} dimensions, but labels are one row; flatten them.")
    if y.dtype == object:
        missing = [i for i, label in enumerate(y) if label is None or label != label]
        if missing:
            raise UserError(
                f"Among the labels is {y[missing[0]]}, first at row {missing[0]}; give every row "
                "a label, or drop it."
            )
        if len({type(label) for label in y}) == 1:
            return np.array(y.tolist())  # what they are
        if any(isinstance(label, str) for label in y):
            raise UserError("Among the labels are both text and numbers; make them all one kind.")
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise UserError(
                "Unknown label type: Input y contains NaN, infinity or a value too large; give "
                "every row a label, or drop it."
            )
        broken = y != np.floor(y)
        if broken.any():
            raise UserError(
                f"Unknown label type: continuous. y holds {y[broken][0]}, but labels name classes; "
                "a classifier learns no quantities."
            )
    return y


def _classes(labels: np.ndarray) -> np.ndarray:
    if len(labels) == 0:
        raise UserError("There is nothing to learn from: no labels came; give at least two.")
    return np.unique(_labels(labels))


def _mismatch(rows: int, labels: int) -> str:
    return f"X has {rows:,} rows but there are {labels:,} labels; every row needs its label."


def _largest(X: np.ndarray) -> float:
    """The largest magnitude in X, NaN where it holds one."""
    return float(np.maximum(np.abs(X.min()), np.abs(X.max()))) if X.size else 0.0


class _NotANumber(UserError, TypeError):
    """Bad input of a wrong type; scikit-learn's checks want a TypeError."""


def _not_fitted(message: str) -> UserError:
    """The error that scikit-learn's callers catch, where it is at work."""
    bases = (UserError, _sklearns("NotFittedError", AttributeError))
    return type("NotFittedError", bases, {})(message)


def _sklearns(name: str, otherwise: type) -> type:
    """scikit-learn's own exception of a name, if scikit-learn is at work; it need not be there."""
    return getattr(sys.modules.get("sklearn.exceptions"), name, otherwise)
