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

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from lrcore.errors import UserError

# A block of rows stays in the cache between the product that reads it for z
# and the one that reads it for the gradient.
BLOCK = 512
# Sums over the images are taken in so many parts at most, and these are added up in order: so
# they are the same to the last bit, however many workers share the parts.
PARTS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def sigmoid(z: np.ndarray | float) -> np.ndarray:
    """1 / (1 + exp(-z)), elementwise, without overflow at any z; keeps float32 and float64."""
    z = np.asarray(z)
    # exp(z) / (1 + exp(z)) is the same; either form overflows on one side, this one on none.
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def softplus(z: np.ndarray) -> np.ndarray:
    """log(1 + exp(z)), elementwise, without overflow; the log loss is softplus(z) - y z."""
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

    All K are computed as one matrix product, in blocks of rows.

    Parameters
    ----------
    X : shape (n, D), float32 or float64, without a column of ones for the bias; the
        products are computed in its precision.  uint8 stands for grey levels, which are
        divided by 255 block by block, so a memory-mapped file larger than memory will do.
    targets : zeros and ones, shape (n, K), as from `curated_labels`.
    C : inverse strength of the L2 regularisation, above 0; math.inf for none.
    workers : threads that share the work.  Each calls BLAS by itself, so more than one pays
        where BLAS is kept to one thread; numpy lets go of the interpreter meanwhile.

    Raises UserError where these do not fit each other.
    """

    def __init__(
        self, X: np.ndarray, targets: np.ndarray, C: float = 1.0, workers: int = 1
    ) -> None:
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
        self.X, self.targets, self.C = X, np.asfortranarray(targets), C
        self.workers = workers
        self.n, self.D = X.shape
        self.K = targets.shape[1]
        self.l2 = 1 / (self.n * C)
        self.dtype = np.dtype(np.float64 if X.dtype == np.float64 else np.float32)

    def rows(self, chosen: slice | np.ndarray) -> np.ndarray:
        """The rows of X that a slice or an index array picks out, as floats."""
        return as_floats(self.X[chosen])

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """work(item) for every item, in order; the workers share the items."""
        if self.workers == 1:
            return [work(item) for item in items]
        with ThreadPoolExecutor(self.workers) as pool:
            return list(pool.map(work, items))

    def parts(self) -> list[slice]:
        """All rows, in at most PARTS slices of whole blocks."""
        size = BLOCK * -(-self.n // (PARTS * BLOCK))
        return [slice(start, min(start + size, self.n)) for start in range(0, self.n, size)]

    def blocks(self, part: slice | None = None, size: int = BLOCK) -> Iterator[slice]:
        """The rows of a part, or all, in slices."""
        first, last = (part.start, part.stop) if part else (0, self.n)
        for start in range(first, last, size):
            yield slice(start, min(start + size, last))

    def scores(self, theta: np.ndarray) -> np.ndarray:
        """z = theta [1 X]' of every image, shape (K, n)."""
        z = np.zeros((len(theta), self.n), self.dtype)
        if not theta.any():  # most runs start at zero
            return z
        low = theta.astype(self.dtype)
        # Products so narrow are a third faster where the classes fill vectors of 16 numbers.
        width = 16 * -(-len(low) // 16) if len(low) > 1 else 1
        columns = np.zeros((self.D, width), self.dtype)
        columns[:, : len(low)] = low[:, 1:].T

        def fill(part: slice) -> None:
            for block in self.blocks(part):
                z[:, block] = (self.rows(block) @ columns)[:, : len(low)].T + low[:, :1]

        self.each(fill, self.parts())
        return z

    def gradient_of(self, theta: np.ndarray, residual: np.ndarray) -> np.ndarray:
        """The gradient at theta where its residuals p - y (K, n) are known, shape (K, 1 + D)."""

        def gather(part: slice) -> np.ndarray:
            out = np.zeros((len(residual), 1 + self.D))
            out[:, 0] = residual[:, part].sum(1, dtype=np.float64)
            for block in self.blocks(part):
                out[:, 1:] += residual[:, block] @ self.rows(block)
            return out

        sums = np.sum(self.each(gather, self.parts()), axis=0)
        return sums / self.n + self.penalty_gradient(theta)

    def at_scores(self, theta: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each class's cost (K,) and p - y (K, n) where theta's scores z are known."""
        residual = np.empty_like(z)

        def fill(part: slice) -> np.ndarray:
            cost = np.zeros(self.K)
            for block in self.blocks(part, 8 * BLOCK):
                some, y = z[:, block], self.targets[block].T
                cost += (softplus(some) - y * some).sum(1, dtype=np.float64)
                residual[:, block] = sigmoid(some) - y
            return cost

        cost = np.sum(self.each(fill, self.parts()), axis=0)
        return cost / self.n + self.penalty(theta), residual

    def penalty(self, theta: np.ndarray) -> np.ndarray:
        """What L2 adds to each class's cost, shape (K,)."""
        return self.l2 / 2 * np.square(theta[:, 1:]).sum(1)

    def penalty_gradient(self, theta: np.ndarray) -> np.ndarray:
        """What L2 adds to the gradient, shape (K, 1 + D); zero for the bias."""
        out = self.l2 * theta
        out[:, 0] = 0
        return out

    def cost(self, theta: np.ndarray) -> np.ndarray:
        """Each class's cost, shape (K,); the whole's cost is their sum."""
        low = theta.astype(self.dtype)

        def of(part: slice) -> np.ndarray:
            cost = np.zeros(self.K)
            for block in self.blocks(part):
                z = self.rows(block) @ low[:, 1:].T + low[:, 0]
                cost += (softplus(z) - self.targets[block] * z).sum(0, dtype=np.float64)
            return cost

        return np.sum(self.each(of, self.parts()), axis=0) / self.n + self.penalty(theta)

    def cost_and_gradient(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each class's cost, shape (K,), and its gradient, shape (K, 1 + D), in one pass."""
        sums = self.each(lambda part: self._sums(theta, self.blocks(part)), self.parts())
        cost, gradient = (np.sum(sum_, axis=0) / self.n for sum_ in zip(*sums, strict=True))
        return cost + self.penalty(theta), gradient + self.penalty_gradient(theta)

    def batch_gradient(self, theta: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """The gradient as a batch of rows estimates it, shape (K, 1 + D); L2 counts in full."""
        return self._sums(theta, [chosen])[1] / len(chosen) + self.penalty_gradient(theta)

    def _sums(
        self, theta: np.ndarray, blocks: Iterable[slice | np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The log losses, shape (K,), and their gradients, summed over some blocks of rows."""
        low = theta.astype(self.dtype)
        # Sums over many rows would lose digits in float32.
        cost, gradient = np.zeros(self.K), np.zeros((self.K, 1 + self.D))
        for block in blocks:
            x, y = self.rows(block), self.targets[block]
            z = x @ low[:, 1:].T + low[:, 0]
            cost += (softplus(z) - y * z).sum(0, dtype=np.float64)
            residual = sigmoid(z) - y
            gradient[:, 0] += residual.sum(0)
            gradient[:, 1:] += residual.T @ x
        return cost, gradient


def cost(theta: np.ndarray, X: np.ndarray, targets: np.ndarray, C: float = 1.0) -> np.ndarray:
    """Each class's cost at theta, shape (K,); see `OneVsAllLoss` for the parameters."""
    return OneVsAllLoss(X, targets, C).cost(theta)


def gradient(theta: np.ndarray, X: np.ndarray, targets: np.ndarray, C: float = 1.0) -> np.ndarray:
    """The cost's gradient at theta, shape (K, 1 + D); see `OneVsAllLoss` for the parameters."""
    return OneVsAllLoss(X, targets, C).cost_and_gradient(theta)[1]
