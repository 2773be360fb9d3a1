"""Logistic regressions after scikit-learn's conventions, on feature matrices."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from lrcore.errors import UserError
from lrcore.logistic import OneVsAllLoss, as_floats, curated_labels, sigmoid
from lrcore.solvers import SOLVERS, Step


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
    random_state : seed of the shuffling; the same seed gives the same theta.

    After fit
    ---------
    theta_ : float64, shape (K, 1 + D), the bias in column 0.
    classes_ : the distinct labels, sorted.
    cost_history_ : the total cost before and after every iteration, shape (n_iter_ + 1,).
    n_iter_ : iterations done.
    """

    solver: str = "preconditioned-lbfgs"
    C: float = 1.0
    max_iter: int = 100
    tol: float = 1e-4
    learning_rate: float | None = None
    momentum: float | None = None
    batch_size: int | None = None
    memory: int | None = None
    random_state: int = 0

    _positive: ClassVar[slice]

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Train from scratch on features X, shape (n, D), and labels y, shape (n,)."""
        X, y = _features(X), np.asarray(y)
        self._start(X, y, _classes(y))
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
        if (
            getattr(self, "_run", None) is None
            or X is not self._given[0]
            or y is not self._given[1]
        ):
            known = getattr(self, "classes_", None)
            if known is None:
                known = _classes(np.asarray(y) if classes is None else np.asarray(classes))
            self._start(_features(X), np.asarray(y), known, getattr(self, "theta_", None))
            self._given: tuple[np.ndarray, np.ndarray] = X, y
        self._advance()
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """The scores theta x; above 0 means yes."""
        if not hasattr(self, "theta_"):
            raise UserError("This classifier knows nothing yet; call fit first.")
        X = as_floats(_features(X))
        if X.shape[1] != self.theta_.shape[1] - 1:
            raise UserError(
                f"X has {X.shape[1]:,} features, but this classifier was trained on "
                f"{self.theta_.shape[1] - 1:,}; prepare both alike."
            )
        return X @ self.theta_[:, 1:].T.astype(X.dtype) + self.theta_[:, 0].astype(X.dtype)

    @abstractmethod
    def predict(self, X: np.ndarray) -> np.ndarray:
        """One of classes_ for each row, shape (n,)."""

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        """The share of rows that are predicted right, 0 to 1."""
        predicted = self.predict(X)
        if len(predicted) != len(y):
            raise UserError(_mismatch(len(predicted), len(y)))
        return float(np.mean(predicted == np.asarray(y)))

    def _start(
        self,
        X: np.ndarray,
        y: np.ndarray,
        classes: np.ndarray,
        theta: np.ndarray | None = None,
    ) -> None:
        if self.solver not in SOLVERS:
            raise UserError(
                f"There is no solver named {self.solver!r}; choose one of {', '.join(SOLVERS)}."
            )
        if y.ndim != 1:
            raise UserError(f"y has {y.ndim} dimensions, but labels are one row; flatten them.")
        if len(X) != len(y):
            raise UserError(_mismatch(len(X), len(y)))
        strange = np.setdiff1d(y, classes)
        if len(strange):
            raise UserError(f"y holds the label {strange[0]}, which is not among the classes.")
        self._check_classes(classes)
        targets = curated_labels(y, classes[self._positive])
        loss = OneVsAllLoss(X, targets, self.C)
        if theta is None:
            theta = np.zeros((loss.K, 1 + loss.D))
        elif theta.shape[1] != 1 + loss.D:
            raise UserError(
                f"X has {loss.D:,} features, but training began with {theta.shape[1] - 1:,}; "
                "prepare all batches alike."
            )
        solver = SOLVERS[self.solver]
        knobs = solver.knobs(
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            batch_size=self.batch_size,
            memory=self.memory,
        )
        rng = np.random.default_rng(self.random_state)
        self._run: Iterator[Step] = solver.function(loss, theta, knobs, rng)
        fresh = not hasattr(self, "theta_") or theta is not self.theta_
        self.classes_ = classes
        step = next(self._run)
        if fresh:
            self.n_iter_, self.cost_history_ = 0, [float(step.cost.sum())]
        self.theta_: np.ndarray = step.theta
        self._norm: float = step.gradient_norm

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
                f"All labels are {classes[0]}; there is nothing to tell apart, give at least two "
                "different labels."
            )


class OneVsAllClassifier(_Classifier):
    """One logistic regression per class, each telling its class from all the others.

    Also known as one-vs-rest.  With two classes there are two models, too: the
    probabilities are independent, and both or neither may say yes.
    """

    _positive = slice(None)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Each model's own probability that a row is its class, shape (n, K).

        These are K independent answers to K yes-or-no questions; they need not sum to 1.
        """
        return sigmoid(self.decision_function(X))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The class whose model is surest, shape (n,)."""
        z = self.decision_function(X)
        return self.classes_[z.argmax(1)]


class BinaryClassifier(_Classifier):
    """One logistic regression that tells two classes apart; theta_ has the shape (1, 1 + D)."""

    _positive = slice(1, 2)

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """The scores theta x, shape (n,); above 0 means the second class."""
        return super().decision_function(X)[:, 0]

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """The two classes' probabilities, shape (n, 2), in the order of classes_."""
        p = sigmoid(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The likelier class, shape (n,)."""
        z = self.decision_function(X)
        return self.classes_[(z > 0).astype(int)]

    def _check_classes(self, classes: np.ndarray) -> None:
        super()._check_classes(classes)
        if len(classes) > 2:
            raise UserError(
                f"There are {len(classes)} different labels, but a binary classifier tells two "
                "apart; use OneVsAllClassifier."
            )


def _features(X: np.ndarray) -> np.ndarray:
    X = np.asarray(X)
    if X.ndim != 2:
        raise UserError(
            f"X has {X.ndim} dimensions, but features are a table of shape (n, D); reshape it."
        )
    if X.dtype not in (np.float32, np.uint8):
        X = X.astype(np.float64)
    if X.size and not (math.isfinite(X.min()) and math.isfinite(X.max())):
        raise UserError("X holds values that are not finite (NaN or infinity); mend or drop them.")
    return X


def _classes(labels: np.ndarray) -> np.ndarray:
    if len(labels) == 0:
        raise UserError("There is nothing to learn from: no labels came; give at least two.")
    return np.unique(labels)


def _mismatch(rows: int, labels: int) -> str:
    return f"X has {rows:,} rows but there are {labels:,} labels; every row needs its label."
