"""The mathematics of one-vs-all logistic regression: sigmoid, cost and gradient.

theta has one shape everywhere, (K, 1 + D): one row for each of the K classes,
the bias in column 0 and the D features' weights behind it (binary: K = 1).

The cost, one convention everywhere: with z = theta x the score, p = sigmoid(z)
and y in {0, 1} the curated label, class k costs the mean log loss over the n
images plus L2, which spares the bias:

    cost_k = mean(-y log(p) - (1 - y) log(1 - p)) + sum(theta[k, 1:]**2) / (2 n C)

and the whole costs the sum over the classes.  C is scikit-learn's: the larger,
the weaker the L2; math.inf turns it off.  The gradient of cost_k is
mean((p - y) x) + theta[k] / (n C), the second term again without the bias.
Source: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning",
2nd edition, sections 4.4 and 18.4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lrcore.blocks import Blocks
from lrcore.errors import UserError

Score = Callable[[np.ndarray], np.ndarray]


def sigmoid(z: np.ndarray | float) -> np.ndarray:
    """1 / (1 + exp(-z)), elementwise, without overflow at any z; keeps float32 and float64."""
    z = np.asarray(z)
    with np.errstate(over="ignore"):  # infinity is right: it makes 0 of the whole
        return 1 / (1 + np.exp(-z))


def softplus(z: np.ndarray) -> np.ndarray:
    """log(1 + exp(z)), elementwise, without overflow; the log loss is softplus(z) - y z."""
    # np.logaddexp(0, z) is the same, but takes five times as long in float32: with it, a pass
    # over the images takes 1.24 times as long (python benchmarks/solver_numbers.py blocks).
    z = np.asarray(z)
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def curated_labels(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The labels as each one-vs-all model sees them.

    For digit 5, every 5 becomes 1 and all else 0; likewise for every class.

    Parameters
    ----------
    labels : shape (n,).
    classes : shape (K,).

    Returns a uint8 array of zeros and ones, shape (n, K).
    """
    return (np.asarray(labels)[:, None] == np.asarray(classes)[None, :]).astype(np.uint8)


def as_floats(x: np.ndarray) -> np.ndarray:
    """Features as they are; uint8 stands for grey levels, which become float32 from 0 to 1."""
    return x * np.float32(1 / 255) if x.dtype == np.uint8 else x


class OneVsAllLoss:
    """Cost and gradient of K logistic regressions that share their images.

    All K are computed as one matrix product, in blocks of rows (`lrcore.blocks`).

    Parameters
    ----------
    X : shape (n, D), float32 or float64, without a column of ones for the bias; the
        products are computed in its precision.  uint8 stands for grey levels, which are
        divided by 255 block by block, so a memory-mapped file larger than memory will do.
    targets : zeros and ones, shape (n, K), as from `curated_labels`.
    C : inverse strength of the L2 regularisation, above 0; math.inf for none.
    workers : threads that share the work; see `lrcore.blocks.Blocks`.

    Raises UserError where these do not fit each other.
    """

    def __init__(
        self, X: np.ndarray, targets: np.ndarray, C: float = 1.0, workers: int = 1
    ) -> None:
        _check(X, targets, C)
        self.dtype = np.dtype(np.float64 if X.dtype == np.float64 else np.float32)
        self.X, self.targets, self.C = X, np.ascontiguousarray(targets, self.dtype), C
        self.n, self.D = X.shape
        self.K = targets.shape[1]
        self.l2 = 1 / (self.n * C)
        self.blocks = Blocks(self.n, self.D, self.K, workers)

    def rows(self, chosen: slice | np.ndarray) -> np.ndarray:
        """The rows of X that a slice or an index array picks out, as floats."""
        return as_floats(self.X[chosen])

    def cost(self, theta: np.ndarray) -> np.ndarray:
        """Each class's cost, shape (K,); the whole's cost is their sum."""
        return self.log_loss(self.scores(theta)) + self.penalty(theta)

    def cost_and_gradient(
        self, theta: np.ndarray, residual: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Each class's cost, shape (K,), and its gradient, shape (K, 1 + D), in one pass.

        residual : an array to write every image's p - y into, shape (K, n).
        """
        score = self._scorer(theta)
        mean = self.blocks.sum(lambda block: self._sums(score, block, residual)) / self.n
        return mean[:, 0] + self.penalty(theta), mean[:, 1:] + self.penalty_gradient(theta)

    def batch_gradient(self, theta: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """The gradient as a batch of rows estimates it, shape (K, 1 + D); L2 counts in full."""
        sums = self._sums(self._scorer(theta), chosen)
        return sums[:, 1:] / len(chosen) + self.penalty_gradient(theta)

    def _sums(
        self, score: Score, chosen: slice | np.ndarray, residual: np.ndarray | None = None
    ) -> np.ndarray:
        """Log losses and, behind, their gradients, summed over chosen images; (K, 2 + D)."""
        x, y = self.rows(chosen), self.targets[chosen]
        z = score(x)
        wrong = sigmoid(z) - y  # p - y, the slope of the log loss along z
        if residual is not None:
            residual[:, chosen] = wrong.T
        out = np.empty((self.K, 2 + self.D))
        out[:, 0] = _total(softplus(z) - y * z)
        out[:, 1] = _total(wrong)
        out[:, 2:] = self.blocks.transposed_product(wrong, x)
        return out

    def scores(self, theta: np.ndarray) -> np.ndarray:
        """z = [1 X] theta' of every image, shape (n, K)."""
        score, z = self._scorer(theta), np.empty((self.n, len(theta)), self.dtype)

        def fill(block: slice) -> None:
            z[block] = score(self.rows(block))

        self.blocks.run(fill)
        return z

    def _scorer(self, theta: np.ndarray) -> Score:
        """The function x -> z = [1 x] theta', from rows (m, D) to scores (m, K)."""
        if not theta.any():  # most runs start at zero
            return lambda x: np.zeros((len(x), len(theta)), self.dtype)
        low = theta.astype(self.dtype)
        bias, weights = low[:, 0], np.ascontiguousarray(low[:, 1:].T)
        return lambda x: self.blocks.product(x, weights) + bias

    def log_loss(self, z: np.ndarray) -> np.ndarray:
        """Each class's mean log loss, shape (K,), where the scores are z, shape (n, K)."""
        return (softplus(z) - self.targets * z).mean(0, dtype=np.float64)

    def penalty(self, theta: np.ndarray) -> np.ndarray:
        """What L2 adds to each class's cost, shape (K,)."""
        return self.l2 / 2 * np.square(theta[:, 1:]).sum(1)

    def penalty_gradient(self, theta: np.ndarray) -> np.ndarray:
        """What L2 adds to the gradient, shape (K, 1 + D); zero for the bias."""
        out = self.l2 * theta
        out[:, 0] = 0
        return out


def _total(a: np.ndarray) -> np.ndarray:
    """The sums of a's columns, in float64: in float32 they would lose digits."""
    return np.ones(len(a)) @ a


def _check(X: np.ndarray, targets: np.ndarray, C: float) -> None:
    if X.ndim != 2 or targets.ndim != 2:
        raise UserError(
            f"X and targets must be tables of shape (n, D) and (n, K), but have {X.ndim} and "
            f"{targets.ndim} dimensions; reshape them first."
        )
    if len(X) != len(targets):
        raise UserError(
            f"X has {len(X):,} rows but there are {len(targets):,} rows of targets; every "
            "image needs its label."
        )
    if X.size == 0:
        raise UserError("There is nothing to learn from: X is empty; give at least one image.")
    if X.dtype not in (np.uint8, np.float32, np.float64):
        raise UserError(
            f"X holds {X.dtype} values; convert it to float32, float64 or uint8 (grey levels)."
        )
    if not C > 0:
        raise UserError(f"C is {C}, but must be above 0; a small C means strong L2.")


def cost(theta: np.ndarray, X: np.ndarray, targets: np.ndarray, C: float = 1.0) -> np.ndarray:
    """Each class's cost at theta, shape (K,); see `OneVsAllLoss` for the parameters."""
    return OneVsAllLoss(X, targets, C).cost(theta)


def gradient(theta: np.ndarray, X: np.ndarray, targets: np.ndarray, C: float = 1.0) -> np.ndarray:
    """The cost's gradient at theta, shape (K, 1 + D); see `OneVsAllLoss` for the parameters."""
    return OneVsAllLoss(X, targets, C).cost_and_gradient(theta)[1]
