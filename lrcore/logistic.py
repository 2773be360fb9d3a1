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

# A block of rows, of about so many numbers, stays in the cache between the product that reads it
# for z and the one that reads it for the gradient; and it is long enough for the steps between.
BLOCK = 600_000
# OpenBLAS packs the matrices of a product before it multiplies them, unless the product takes
# at most so many multiplications (kernel/x86_64/sgemm_small_kernel_permit_skylakex.c).  Where
# only ten classes use what is packed, that takes as long as the product itself; so blocks are
# multiplied in pieces, of at most so many rows.
UNPACKED, PIECE = 1_000_000, 128
# Sums over the images are taken in so many parts at most, and these are added up in order: so
# they are the same to the last bit, however many workers share the parts.
PARTS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def sigmoid(z: np.ndarray | float) -> np.ndarray:
    """1 / (1 + exp(-z)), elementwise, without overflow at any z; keeps float32 and float64."""
    z = np.asarray(z)
    with np.errstate(over="ignore"):  # infinity is right: it makes 0 of the whole
        return 1 / (1 + np.exp(-z))


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
        self.dtype = np.dtype(np.float64 if X.dtype == np.float64 else np.float32)
        self.X, self.targets, self.C = X, np.ascontiguousarray(targets, self.dtype), C
        self.workers = workers
        # Ends its threads when it is forgotten.
        self._helpers = ThreadPoolExecutor(workers - 1) if workers > 1 else None
        self.n, self.D = X.shape
        self.K = targets.shape[1]
        rows = min(UNPACKED // (self.D * self.K), PIECE)
        self.piece = rows if rows >= PIECE // 16 else PIECE  # in tinier ones, nothing is won
        self.block = self.piece * max(1, BLOCK // (self.D * self.piece))
        self.l2 = 1 / (self.n * C)

    def rows(self, chosen: slice | np.ndarray) -> np.ndarray:
        """The rows of X that a slice or an index array picks out, as floats."""
        return as_floats(self.X[chosen])

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """work(item) for every item, in order; the workers share the items."""
        if self._helpers is None:
            return [work(item) for item in items]
        waiting = iter(list(enumerate(items)))  # each takes the next one: no two get the same
        done: dict[int, Result] = {}

        def take() -> None:
            for i, item in waiting:
                done[i] = work(item)

        helpers = [self._helpers.submit(take) for _ in range(self.workers - 1)]
        try:
            take()
        finally:
            for helper in helpers:
                if not helper.cancel():  # one that has not begun finds nothing left
                    helper.result()
        return [done[i] for i in range(len(done))]

    def parts(self) -> list[slice]:
        """All rows, in at most PARTS slices of whole pieces."""
        size = self.piece * -(-self.n // (PARTS * self.piece))
        return [slice(start, min(start + size, self.n)) for start in range(0, self.n, size)]

    def blocks(self, part: slice) -> Iterator[slice]:
        """The rows of a part, in slices."""
        for start in range(part.start, part.stop, self.block):
            yield slice(start, min(start + self.block, part.stop))

    def scores(self, theta: np.ndarray) -> np.ndarray:
        """z = [1 X] theta' of every image, shape (n, K)."""
        score, z = self._scorer(theta), np.empty((self.n, len(theta)), self.dtype)

        def fill(part: slice) -> None:
            for block in self.blocks(part):
                z[block] = score(self._piled(block))

        self.each(fill, self.parts())
        return z

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

    def cost(self, theta: np.ndarray) -> np.ndarray:
        """Each class's cost, shape (K,); the whole's cost is their sum."""
        return self.log_loss(self.scores(theta)) + self.penalty(theta)

    def cost_and_gradient(
        self, theta: np.ndarray, residual: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Each class's cost, shape (K,), and its gradient, shape (K, 1 + D), in one pass.

        residual : an array to write every image's p - y into, shape (K, n).
        """
        sums = self.each(lambda part: self._sums(theta, self.blocks(part), residual), self.parts())
        mean = np.sum(sums, axis=0) / self.n
        return mean[:, 0] + self.penalty(theta), mean[:, 1:] + self.penalty_gradient(theta)

    def batch_gradient(self, theta: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """The gradient as a batch of rows estimates it, shape (K, 1 + D); L2 counts in full."""
        return self._sums(theta, [chosen])[:, 1:] / len(chosen) + self.penalty_gradient(theta)

    def _piled(self, chosen: slice | np.ndarray) -> np.ndarray:
        """The chosen rows, in pieces to be multiplied one by one, shape (pieces, rows, D)."""
        x = self.rows(chosen)
        return x[None] if len(x) % self.piece else x.reshape(-1, self.piece, self.D)

    def _scorer(self, theta: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """A function that gives piled rows their scores, shape (rows in all, K)."""
        K = len(theta)
        if not theta.any():  # most runs start at zero
            return lambda x: np.zeros((x.shape[0] * x.shape[1], K), self.dtype)
        low = theta.astype(self.dtype)
        columns = np.ascontiguousarray(low[:, 1:].T)
        return lambda x: (x @ columns).reshape(-1, K) + low[:, 0]

    def _sums(
        self,
        theta: np.ndarray,
        blocks: Iterable[slice | np.ndarray],
        residual: np.ndarray | None = None,
    ) -> np.ndarray:
        """The log losses and, behind, their gradients, summed over blocks; shape (K, 2 + D)."""
        score = self._scorer(theta)
        out = np.zeros((self.K, 2 + self.D))
        for block in blocks:
            x, y = self._piled(block), self.targets[block]
            ones, z = np.ones(len(y)), score(x)  # sums over rows would lose digits in float32
            wrong = sigmoid(z) - y
            if residual is not None:
                residual[:, block] = wrong.T
            out[:, 0] += ones @ (softplus(z) - y * z)
            out[:, 1] += ones @ wrong
            pieces = wrong.reshape(len(x), -1, self.K)
            out[:, 2:] += (pieces.swapaxes(1, 2) @ x).sum(0)
        return out


def cost(theta: np.ndarray, X: np.ndarray, targets: np.ndarray, C: float = 1.0) -> np.ndarray:
    """Each class's cost at theta, shape (K,); see `OneVsAllLoss` for the parameters."""
    return OneVsAllLoss(X, targets, C).cost(theta)


def gradient(theta: np.ndarray, X: np.ndarray, targets: np.ndarray, C: float = 1.0) -> np.ndarray:
    """The cost's gradient at theta, shape (K, 1 + D); see `OneVsAllLoss` for the parameters."""
    return OneVsAllLoss(X, targets, C).cost_and_gradient(theta)[1]
