"""How passes over all the images are cut: into blocks that fit the cache, shared among threads.

Nothing here changes what is computed, only how soon it is there.  The numbers were chosen by
`python benchmarks/solver_numbers.py blocks`, which tries others in their place.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

# A block of about this many numbers stays in the cache between the product that reads it for z
# and the one that reads it for the gradient; and it is long enough for the steps between.
CACHED_NUMBERS = 600_000
# OpenBLAS packs the matrices of a product before it multiplies them, unless the product takes
# at most this many multiplications (kernel/x86_64/sgemm_small_kernel_permit_skylakex.c).  Where
# only ten classes use what is packed, that takes as long as the product itself; so blocks are
# multiplied in pieces of at most PIECE_ROWS rows.
UNPACKED_MULTIPLICATIONS, PIECE_ROWS = 1_000_000, 128
# Smaller pieces would be too many for anything to be won.
FEWEST_PIECE_ROWS = 8
# Sums over the images are taken in at most this many parts, which are added up in order.  So they
# are the same to the last bit, however many workers share the parts.
MOST_PARTS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


class Blocks:
    """n rows of D features in blocks, to be multiplied with what has K columns.

    workers : threads that share the blocks.  Each calls BLAS by itself, so more than one pays
        where BLAS is kept to one thread; numpy lets go of the interpreter meanwhile.
    """

    def __init__(self, n: int, D: int, K: int, workers: int = 1) -> None:
        self.n, self.workers = n, workers
        rows = min(UNPACKED_MULTIPLICATIONS // (D * K), PIECE_ROWS)
        self.piece = rows if rows >= FEWEST_PIECE_ROWS else PIECE_ROWS
        self.rows = self.piece * max(1, CACHED_NUMBERS // (D * self.piece))
        # Ends its threads when it is forgotten.
        self._helpers = ThreadPoolExecutor(workers - 1) if workers > 1 else None

    def sum(self, work: Callable[[slice], np.ndarray]) -> np.ndarray:
        """work(block), a fresh array, of every block of rows, added up."""
        return _added(self.each(lambda part: _added(map(work, self.of(part))), self.parts()))

    def run(self, work: Callable[[slice], None]) -> None:
        """Do work(block) for every block of rows."""

        def run_part(part: slice) -> None:
            for block in self.of(part):
                work(block)

        self.each(run_part, self.parts())

    def parts(self) -> list[slice]:
        """All rows, in at most MOST_PARTS slices of whole pieces."""
        size = self.piece * -(-self.n // (MOST_PARTS * self.piece))
        return [slice(start, min(start + size, self.n)) for start in range(0, self.n, size)]

    def of(self, part: slice) -> Iterator[slice]:
        """The rows of a part, block by block."""
        for start in range(part.start, part.stop, self.rows):
            yield slice(start, min(start + self.rows, part.stop))

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

    def product(self, x: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """x @ columns, of shapes (rows, D) and (D, K)."""
        return (self._piled(x) @ columns).reshape(len(x), -1)

    def transposed_product(self, a: np.ndarray, x: np.ndarray) -> np.ndarray:
        """a' @ x, of shapes (rows, K) and (rows, D)."""
        return (self._piled(a).swapaxes(1, 2) @ self._piled(x)).sum(0)

    def _piled(self, x: np.ndarray) -> np.ndarray:
        """Rows in pieces to be multiplied one by one, shape (pieces, rows of each, columns)."""
        return x[None] if len(x) % self.piece else x.reshape(-1, self.piece, x.shape[1])


def _added(arrays: Iterable[np.ndarray]) -> np.ndarray:
    return functools.reduce(operator.iadd, arrays)
