"""The design matrix of a run: the features of its pictures, in memory that can be let go of.

A run that waits needs its features only once it goes on.  They are the largest thing by far that
it holds, and can be made again from the pictures at any time.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lrcore.features import extract, extract_cached
from lrcore.frame import SIDE
from lrcore.weights import columns

# Pictures whose features are made at a time.
MADE = 4096

Checkpoint = Callable[[], None]


@dataclass(frozen=True, eq=False)
class Source:
    """Some pictures of a design.

    labels : shape (n,), of those that are chosen.
    size : of how many pictures they are chosen.
    images : gives all of them, uint8 (size, 28, 28); the checkpoint is passed meanwhile.
    chosen : the indices of those that are, shape (n,).
    drawn : whether the pictures themselves are made on the way.
    cached : whether the features of all of them are kept on the disk.
    """

    labels: np.ndarray
    size: int
    images: Callable[[Checkpoint], np.ndarray]
    chosen: np.ndarray
    drawn: bool = False
    cached: bool = False


class Design:
    """Features and labels of pictures from one source or several, one below the other.

    `X`, float32 (n, D), is zeros until `prepare`; `labels`, shape (n,), are there at once.
    """

    def __init__(self, features: str, sources: Sequence[Source]):
        self._features, self._sources = features, sources
        self.labels = np.concatenate([source.labels for source in sources])
        self.D = columns(features)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def nbytes(self) -> int:
        """What X takes in memory."""
        return 4 * len(self) * self.D

    @property
    def making_nbytes(self) -> int:
        """What making X takes besides, at most, and only so long."""
        sizes = [
            source.size * (source.drawn * 2 * SIDE * SIDE + source.cached * 4 * self.D)
            for source in self._sources
        ]
        return max(sizes)

    @cached_property
    def X(self) -> np.ndarray:
        """The features; room for them, before they are made."""
        return np.frombuffer(self._room, np.float32).reshape(len(self), self.D)

    @cached_property
    def _room(self) -> mmap.mmap | bytearray:
        # Memory of our own rather than numpy's, since it can be given back while there are still
        # views of it: in the middle of a step, a solver may hold one.
        try:
            if not hasattr(mmap, "MAP_PRIVATE"):  # Windows: it is kept
                return bytearray(self.nbytes)
            room = mmap.mmap(-1, self.nbytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except OSError as error:
            raise MemoryError(str(error)) from error
        if hasattr(mmap, "MADV_HUGEPAGE"):
            room.madvise(mmap.MADV_HUGEPAGE)  # as numpy asks for its own
        return room

    def prepare(self, checkpoint: Checkpoint) -> None:
        """Make the features; what the checkpoint raises ends that, and then they are not there."""
        at = 0
        for source in self._sources:
            rows = self.X[at : at + len(source.labels)]
            images, chosen = source.images(checkpoint), source.chosen
            if source.cached:
                kept = extract_cached(self._features, images, checkpoint)
                # Any other mode copies what it takes before it stores it.
                np.take(kept, chosen, axis=0, out=rows, mode="clip")
            else:
                for start in range(0, len(chosen), MADE):
                    some = slice(start, start + MADE)
                    rows[some] = extract(self._features, images[chosen[some]], checkpoint)
                    checkpoint()
            at += len(source.labels)

    def release(self) -> None:
        """Give the memory of X back, where the system can; `prepare` makes it again in place."""
        room = self.__dict__.get("_room")
        if isinstance(room, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            room.madvise(mmap.MADV_DONTNEED)
