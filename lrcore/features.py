"""Three ways to look at a 28x28 picture; training and prediction use the same ones.

A logistic regression weighs its inputs and adds them up, and can do no more.
What it can tell apart is therefore decided here, by what it is given to weigh:

- `pixels`: the picture as MNIST made it, 784 brightnesses.
- `straightened`: the same after the digit's slant is taken out, still a picture.
- `strokes`: how much edge runs in which direction in which part of the digit.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from lrcore.frame import SIDE

CACHE_FOLDER = Path(__file__).resolve().parent.parent / ".cache"
# Pictures worked on at once: small enough for the processor's cache, large enough for numpy.
BLOCK = 256
MIDDLE = (SIDE - 1) / 2


def pixels(images: np.ndarray) -> np.ndarray:
    """The picture itself: brightness 0 to 1 of each pixel, row by row; shape (n, 784)."""
    return images.reshape(len(images), SIDE * SIDE) / np.float32(255)


def straightened(images: np.ndarray) -> np.ndarray:
    """The picture without its slant, its centre of mass mid-frame; shape (n, 784).

    A digit's slant is the shear that its second moments show: ink at height
    y lies on average at x = (mu11 / mu02) y, both measured from the centre of
    mass.  Moving each row back by that amount stands the digit upright, so
    that writers who lean share one theta with those who do not.  Source:
    LeCun et al. 1998, table I ("deskewing").
    """
    ink = images.astype(np.float32) / np.float32(255)
    return _straighten(ink).reshape(len(images), SIDE * SIDE)


DIRECTIONS = 8
GRID = 7


def strokes(images: np.ndarray) -> np.ndarray:
    """Edge strength by direction and place; shape (n, 8 * 7 * 7).

    Of the straightened picture the gradient is taken (Sobel), its strength
    shared out between the two nearest of 8 compass directions, and summed over
    a 7x7 grid of overlapping triangular windows.  A square root keeps thick
    pens from counting double, and each digit is scaled to unit length.  It
    is invariant to what pixels are not: a stroke a little to one side, a
    thicker pen.  Sources: Dalal and Triggs, "Histograms of oriented gradients",
    2005; Liu et al., "Handwritten digit recognition: benchmarking of
    state-of-the-art techniques", 2003 (gradient direction features).
    """
    ink = _straighten(images.astype(np.float32) / np.float32(255))
    energy = _pool(_directions(ink))
    features = np.sqrt(energy).reshape(len(images), DIRECTIONS * GRID * GRID)
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(length, 1e-6)


FEATURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "pixels": pixels,
    "straightened": straightened,
    "strokes": strokes,
}


def extract(name: str, images: np.ndarray) -> np.ndarray:
    """Features of pictures, in blocks that bound the memory, on all processors.

    Parameters
    ----------
    name : a key of FEATURES.
    images : uint8 array of shape (n, 28, 28), ink bright.

    Returns a float32 array of shape (n, D).
    """
    compute = FEATURES[name]
    first = compute(images[:BLOCK])
    if len(images) <= BLOCK:
        return first
    out = np.empty((len(images), first.shape[1]), np.float32)
    out[:BLOCK] = first

    def fill(start: int) -> None:
        out[start : start + BLOCK] = compute(images[start : start + BLOCK])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(fill, range(BLOCK, len(images), BLOCK)))
    return out


def extract_cached(name: str, images: np.ndarray) -> np.ndarray:
    """`extract`, remembered on disk for the same pictures and the same code.

    A disk that can not be written costs the memory of it, nothing else.
    """
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(images))
    path = CACHE_FOLDER / f"{name}-{digest.hexdigest()[:24]}.npy"
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        features = extract(name, images)
    try:
        path.parent.mkdir(exist_ok=True)
        # Written aside and renamed: another process never sees half a file.
        part = path.with_suffix(f".{os.getpid()}.part")
        with open(part, "wb") as file:
            np.save(file, features)
        part.replace(path)
    except OSError:
        pass
    return features


def _moments(ink: np.ndarray) -> tuple[np.ndarray, ...]:
    """Centre of mass (x, y) and second moments (xx, xy, yy) of each picture, in pixels."""
    at = np.arange(SIDE, dtype=np.float32)
    rows, columns = ink.sum(2), ink.sum(1)
    mass = np.maximum(rows.sum(1), 1e-6)
    x, y = columns @ at / mass, rows @ at / mass
    xx = columns @ at**2 / mass - x**2
    yy = rows @ at**2 / mass - y**2
    xy = ink.reshape(len(ink), SIDE * SIDE) @ np.outer(at, at).ravel() / mass - x * y
    return x, y, xx, xy, yy


def _straighten(ink: np.ndarray) -> np.ndarray:
    """Shear each picture upright about its centre of mass; float32 (n, 28, 28) to the same."""
    x, y, _, xy, yy = _moments(ink)
    slant = xy / np.maximum(yy, 1e-3)
    at = np.arange(SIDE, dtype=np.float32) - MIDDLE
    from_y = np.broadcast_to((y[:, None] + at)[:, :, None], ink.shape)
    from_x = x[:, None, None] + slant[:, None, None] * at[:, None] + at
    return _sample(ink, from_x, from_y)


def _sample(ink: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Read pictures between their pixels, bilinearly; paper beyond the edge.

    ink : (n, 28, 28); x, y : (n, h, w) places in pixels.  Returns (n, h, w).
    """
    n = len(ink)
    side = SIDE + 2
    padded = np.zeros((n, side, side), np.float32)
    padded[:, 1:-1, 1:-1] = ink
    x, y = np.clip(x + 1, 0, side - 1.001), np.clip(y + 1, 0, side - 1.001)
    left, top = x.astype(np.int32), y.astype(np.int32)
    x, y = x - left, y - top
    place = (
        left + side * top + (np.arange(n, dtype=np.int32) * side * side)[:, None, None]
    )
    flat = padded.ravel()
    upper = flat[place] * (1 - x) + flat[place + 1] * x
    lower = flat[place + side] * (1 - x) + flat[place + side + 1] * x
    return upper * (1 - y) + lower * y


def _directions(ink: np.ndarray) -> np.ndarray:
    """Gradient strength in each compass direction; (n, 28, 28) to (n, DIRECTIONS, 28, 28)."""
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    down = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    across = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    gx = down[:, :, 2:] - down[:, :, :-2]
    gy = across[:, 2:] - across[:, :-2]
    strength = np.hypot(gx, gy)
    turn = np.arctan2(gy, gx) * np.float32(DIRECTIONS / (2 * np.pi))
    wheel = np.arange(DIRECTIONS, dtype=np.float32)[:, None, None]
    away = np.abs(
        (turn[:, None] - wheel + DIRECTIONS / 2) % DIRECTIONS - DIRECTIONS / 2
    )
    return strength[:, None] * np.maximum(1 - away, 0)


def _windows(size: int, cells: int) -> np.ndarray:
    """Overlapping triangular windows that share out `size` pixels; shape (cells, size)."""
    at = (np.arange(size, dtype=np.float32) + 0.5) * cells / size - 0.5
    return np.maximum(1 - np.abs(at - np.arange(cells, dtype=np.float32)[:, None]), 0)


def _pool(maps: np.ndarray) -> np.ndarray:
    """Sum (n, k, 28, 28) over a grid of windows; returns (n, k, GRID, GRID)."""
    windows = _windows(SIDE, GRID)
    return windows @ (maps @ windows.T)
