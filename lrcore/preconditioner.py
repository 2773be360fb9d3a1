"""The shape of the cost's valley, estimated from few images: a first guess for L-BFGS.

Class k's Hessian, with x starting with a one for the bias, is

    H_k = sum_i w_ik x_i x_i' / n + L2,    w_ik = p_ik (1 - p_ik).

Here it is estimated twice: for all classes alike, before there is a model, and for each class
at a model.  Either way, what comes out solves H_k v = gradient, by the estimate's Cholesky
factor.  An estimate only makes the way to the optimum short; where that lies is the cost's own.

The numbers were chosen by `python benchmarks/solver_numbers.py preconditioner`, which tries
others in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor
from scipy.linalg.blas import strsv

from lrcore.logistic import OneVsAllLoss

# The sample is every ninth image.  An odd share: MNIST's images come by turns from two sources,
# and every other one would all be from the same.
SHARE = 9
# Of very many images the sample is about this many, still an odd number apart, as it is kept as
# floats.
SAMPLE_ROWS = 20_000
# Every third image of the sample goes into the pixels' Gram matrix.
GRAM_SHARE = 3
# What w is taken for before there is a model, and how much stronger L2 is made for so few.
TYPICAL_W, STRONGER_L2 = 0.1, 3
# Rows that a class's Hessian is estimated from: a few for each pixel will do.
HESSIAN_ROWS = 2000
# Keeps an estimate invertible where its rows show no ink, as a share of its mean diagonal.
RIDGE = 0.05
# A pixel is next to never inked where its diagonal entry is below this share of the mean.
FAINT = 0.007
# Rows that are picked out of the images at a time; they fit the cache.
PICKED_ROWS = 128

# v -> inverse of H times v, for one class, shape (1 + D,).
Solve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Sample:
    """A share of the images, of which the pixels that are inked at all are kept.

    x : float32, shape (m, 1 + inked), a one before each row.
    columns : the columns of theta that these belong to, the bias first.
    width : the number of theta's columns, 1 + D.
    loss : the cost of the sample, with stronger L2, since few images are soon learned by heart.
    """

    x: np.ndarray
    columns: np.ndarray
    width: int
    loss: OneVsAllLoss


def take_sample(loss: OneVsAllLoss) -> Sample:
    """Every ninth of the loss's images; of very many, about SAMPLE_ROWS of them."""
    rows = np.arange(0, loss.n, max(SHARE, loss.n // SAMPLE_ROWS | 1))
    columns = np.append(0, 1 + _inked(loss.rows(rows[::GRAM_SHARE])))
    x = np.empty((len(rows), len(columns)), np.float32)
    loss.blocks.each(lambda some: _pick(loss, rows[some], 1, columns, x[some]), _slices(len(x)))
    few = OneVsAllLoss(x[:, 1:], loss.targets[rows], loss.C / STRONGER_L2, loss.blocks.workers)
    return Sample(x, columns, 1 + loss.D, few)


def gram_solve(sample: Sample) -> Solve:
    """The solve that serves all classes before there is a model.

    Its H has the same w, TYPICAL_W, for every image, and so is a multiple of the sample's Gram
    matrix.  This is Böhning's bound (1992), but with less than his 1/4, as most p are far from 1/2.
    """
    x = sample.x
    halves = x[:: 2 * GRAM_SHARE], x[GRAM_SHARE :: 2 * GRAM_SHARE]  # one for each processor
    first, second = sample.loss.blocks.each(lambda half: half.T @ half, halves)
    gram = (first + second) * np.float32(TYPICAL_W / len(x[::GRAM_SHARE]))
    return cholesky_solve(gram, slice(None), sample.width, sample.loss.l2)


def hessian_solves(loss: OneVsAllLoss, columns: np.ndarray, residual: np.ndarray) -> list[Solve]:
    """A solve for each class at a model, with H estimated from about HESSIAN_ROWS images.

    columns : of theta, whose pixels are inked at all.
    residual : p - y at the model, shape (K, n).

    Few images matter: w is near 0 wherever the model is sure.  Image i is taken with probability
    q_ik = min(1, c w_ik), c such that HESSIAN_ROWS come out, and counts w_ik / q_ik, so that the
    estimate is right on average (Xu et al., "Sub-sampled Newton methods with non-uniform
    sampling", 2016).
    """

    def one_class(wrong: np.ndarray) -> Solve:
        wrong = np.abs(wrong)  # p or 1 - p
        rows, weights = _draw(wrong * (1 - wrong))
        x, roots = np.empty((len(rows), len(columns)), np.float32), np.sqrt(weights)[:, None]
        for some in _slices(len(x)):
            _pick(loss, rows[some], roots[some], columns, x[some])
        return cholesky_solve(x.T @ x, columns, 1 + loss.D, loss.l2)

    return loss.blocks.each(one_class, residual)


def cholesky_solve(
    hessian: np.ndarray, columns: slice | np.ndarray, width: int, l2: float
) -> Solve:
    """v -> inverse of (hessian + L2) times v, where hessian tells of these columns of v.

    The others, next to never inked, are taken to have nothing to do with these, and are solved
    for by division.  width, the number of theta's columns, makes the mean of the diagonal one
    over all of them.  float32 will do for a guess.
    """
    ridge = l2 + RIDGE * np.trace(hessian) / width
    hessian.flat[:: 1 + len(hessian)] += ridge
    # Its transpose is the same matrix, laid out as LAPACK wants it.
    factor, _ = cho_factor(hessian.T, lower=True, overwrite_a=True, check_finite=False)

    def solve(v: np.ndarray) -> np.ndarray:
        out = v / ridge
        half = strsv(factor, v[columns], lower=1)
        out[columns] = strsv(factor, half, lower=1, trans=1)
        return out

    return solve


def _draw(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """About HESSIAN_ROWS of the n images, with p (1 - p) as w, and what each counts in H.

    The draw is systematic (every time the running sum of q passes a whole number), so it needs
    no chance.
    """
    w = w + np.float32(1e-12)  # none is ruled out, even where all are sure
    c = HESSIAN_ROWS / w.sum()
    for _ in range(3):  # those that are sure to be taken leave more to the others
        c *= HESSIAN_ROWS / np.minimum(1, c * w).sum()
    q = np.minimum(1, c * w)
    passed = np.cumsum(q, dtype=np.float64)
    rows = np.searchsorted(passed, np.arange(1, int(passed[-1]) + 1))
    return rows, w[rows] / q[rows] / len(w)


def _inked(x: np.ndarray) -> np.ndarray:
    """The features of which the rows x show more than next to nothing, as indices."""
    squares = np.einsum("nd,nd->d", x, x)
    return np.flatnonzero(squares >= FAINT * squares.mean())


def _slices(n: int) -> list[slice]:
    """n rows in slices of PICKED_ROWS."""
    return [slice(start, start + PICKED_ROWS) for start in range(0, n, PICKED_ROWS)]


def _pick(
    loss: OneVsAllLoss,
    rows: np.ndarray,
    roots: float | np.ndarray,
    columns: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write the columns of rows of [1 X], times their roots, shape (rows, 1), into out."""
    out[:, :1] = roots
    np.multiply(loss.rows(rows).take(columns[1:] - 1, 1), roots, out=out[:, 1:])
