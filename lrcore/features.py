"""Three ways to look at a 28x28 picture; training and prediction use the same ones.

A logistic regression weighs its inputs and adds them up, and can do no more.
What it can tell apart is therefore decided here, by what it is given to weigh:

- `pixels`: the picture as MNIST made it, 784 brightnesses.
- `straightened`: the same after the digit's slant is taken out, still a picture.
- `strokes`: how much edge runs in which direction in which part of the digit.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lrcore.archive import load_array, save_array
from lrcore.frame import SIDE
from lrcore.places import CACHE_FOLDER

# Pictures worked on at once: small enough for the processor's cache, large enough for numpy.
EXTRACT_BLOCK = 64
# Blocks that each thread is given at a time.
EXTRACT_ROUND = 4


def pixels(images: np.ndarray) -> np.ndarray:
    """The picture itself: brightness 0 to 1 of each pixel, row by row; shape (n, 784)."""
    return images.reshape(len(images), SIDE * SIDE) / np.float32(255)


def straightened(images: np.ndarray) -> np.ndarray:
    """The picture without its slant, its centre of mass mid-frame; shape (n, 784).

    A digit's slant is the shear that its second moments show: ink at height
    y lies on average at x = (mu11 / mu02) y, both measured from the centre of
    mass.  Moving each row back by that amount stands the digit upright, so
    that writers who lean share one theta with those who do not.  The square
    root of the brightness lets pale, thin strokes count nearly as much as
    thick ones.  Source: LeCun et al. 1998, section III.A (deskewing).
    """
    ink = images.astype(np.float32) / np.float32(255)
    return np.sqrt(_straighten(ink)).reshape(len(images), SIDE * SIDE)


# Width and height, in pixels, of the normalised picture that strokes are looked for in.
FINE = 24
# How far ink lies from the centre there, root mean square, along the longer axis.
SPREAD = 36 / 7
DIRECTIONS = 12
GRID = 7
OPENINGS = 9
OPENINGS_GRID = 5


def strokes(images: np.ndarray) -> np.ndarray:
    """Where edges run in which direction, and where paper lies open; shape (n, 813).

    The straightened digit is first scaled so that its ink spreads equally far
    from its centre whoever wrote it, and narrow digits are widened half-way
    (moment normalisation with aspect ratio r to the power of 1/2).  Of that
    picture two things are summed over a grid of overlapping triangular windows:

    - Edges.  The gradient (Sobel) is shared out among 12 compass directions
      and summed over 7 x 7 windows.  A square root keeps strong edges from
      drowning faint ones, and unit length makes thick and thin pens alike.
    - Openings.  From each place on the paper we look left, right, up and down.
      Where all four looks meet ink, the place lies in a hole, as in 0, 6, 8 and 9;
      where all but one do, in a bay that opens that way, as in 2, 3 and 5; where
      two neighbouring ones do, in a corner.  These nine kinds are summed over 5 x 5 windows.

    A stroke a little to one side, or a thicker pen, hardly changes them, and
    a loop left open tells a 4 from a 9: what a weighted sum of pixels cannot
    see.  Sources: Liu, Nakashima, Sako and Fujisawa, "Handwritten digit
    recognition: benchmarking of state-of-the-art techniques", 2003 (moment
    normalisation, gradient direction features); Dalal and Triggs, "Histograms
    of oriented gradients for human detection", 2005; Favata and Srikantan,
    "A multiple feature/resolution approach to handprinted digit and character
    recognition", 1996 (concavities).
    """
    ink = normalise(images.astype(np.float32) / np.float32(255))
    edges = np.sqrt(_pool(_directions(ink), GRID))
    edges /= np.maximum(np.sqrt((edges * edges).sum(1, keepdims=True)), 1e-6)
    openings = _pool(_openings(ink), OPENINGS_GRID) / (FINE / OPENINGS_GRID) ** 2
    return np.hstack([edges, openings])


def normalise(ink: np.ndarray) -> np.ndarray:
    """The picture in which `strokes` looks for edges: upright, centred and scaled.

    ink : float32, shape (n, 28, 28), 0 to 1.  Returns float32, shape (n, FINE, FINE), where
    the second moments are the same whoever wrote it, as `strokes` explains.
    """
    x, y, xx, xy, yy = _moments(ink)
    slant = xy / np.maximum(yy, 1e-3)
    # Once upright, xy is 0 and xx is what the slant does not explain.  A bare bar has some width.
    wide = np.sqrt(np.maximum(xx - slant * xy, 0.05))
    high = np.sqrt(np.maximum(yy, 0.05))
    longer, shorter = np.maximum(wide, high), np.minimum(wide, high)
    # The longer axis gets SPREAD, the other SPREAD * sqrt(shorter / longer).
    step, other = longer / SPREAD, np.sqrt(shorter * longer) / SPREAD
    upright = high >= wide
    across, down = np.where(upright, other, step), np.where(upright, step, other)
    return _upright(ink, FINE, x, y, slant, across, down)


@dataclass(frozen=True)
class FeatureMap:
    """A way to look at pictures.

    function : uint8 pictures, shape (n, 28, 28), to float32 features, shape (n, D), picture by
        picture; the same in training and in prediction.
    looks_at : what it shows a model, in a learner's words.
    picture : whether the features are the pixels of a picture, so that D = 784 and theta is one.
    """

    function: Callable[[np.ndarray], np.ndarray]
    looks_at: str
    picture: bool


FEATURES: dict[str, FeatureMap] = {
    "pixels": FeatureMap(
        pixels,
        "The picture as MNIST made it: 784 brightnesses from 0 to 1, one weight for each. A stroke "
        "one pixel further to the left is, to this model, another picture.",
        picture=True,
    ),
    "straightened": FeatureMap(
        straightened,
        "The same 784 pixels after the digit's slant is taken out: each row is moved until the ink "
        "stands upright, so that writers who lean share one theta with those who do not. Theta is "
        "still a 28×28 picture.",
        picture=True,
    ),
    "strokes": FeatureMap(
        strokes,
        "Not pixels but what they form: how much edge runs in each of 12 directions in each of 7×7 "
        "parts of the straightened digit, and where paper lies in holes, bays and corners. A "
        "thicker pen or a stroke a little aside hardly changes these 813 numbers. The classifier "
        "is the same as ever: ten logistic regressions.",
        picture=False,
    ),
}


def extract(
    name: str, images: np.ndarray, checkpoint: Callable[[], None] = lambda: None
) -> np.ndarray:
    """Features of pictures, in blocks that bound the memory, on all processors.

    Parameters
    ----------
    name : a key of FEATURES.
    images : uint8 array of shape (n, 28, 28), ink bright.
    checkpoint : called after every round of blocks, when no thread is at work; it may wait, and
        what it raises ends the work.

    Returns a float32 array of shape (n, D).
    """
    compute = FEATURES[name].function
    first = compute(images[:EXTRACT_BLOCK]).astype(np.float32, copy=False)
    if len(images) <= EXTRACT_BLOCK:
        return first
    out = np.empty((len(images), first.shape[1]), np.float32)
    out[:EXTRACT_BLOCK] = first

    def fill(start: int) -> None:
        out[start : start + EXTRACT_BLOCK] = compute(images[start : start + EXTRACT_BLOCK])

    # In rounds: a process that ends waits for all that its threads have been given.
    threads = os.cpu_count() or 1
    size = EXTRACT_BLOCK * EXTRACT_ROUND * threads
    with ThreadPoolExecutor(threads) as pool:
        for start in range(EXTRACT_BLOCK, len(images), size):
            stop = min(start + size, len(images))
            list(pool.map(fill, range(start, stop, EXTRACT_BLOCK)))
            checkpoint()
    return out


def extract_cached(
    name: str, images: np.ndarray, checkpoint: Callable[[], None] = lambda: None
) -> np.ndarray:
    """`extract`, remembered on disk for the same pictures and the same code.

    What is damaged there is made anew; a disk that cannot be written costs the memory of it,
    nothing else.  The app, its runs and the command line may share one folder.
    """
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    digest = hashlib.sha256(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(images).data)
    path = CACHE_FOLDER / f"{name}-{code}-{digest.hexdigest()[:24]}.npz"
    first = FEATURES[name].function(images[:1])
    kept = load_array(path, (len(images), first.shape[1]), np.float32)
    # Those of other pictures are far off; a square root makes much of a last digit.
    if kept is not None and np.allclose(kept[:1], first, atol=0.01):
        return kept
    features = extract(name, images, checkpoint)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_array(path, features)
        # What other code made nobody reads any more; it would be 0.2 GB a change.
        for old in path.parent.glob("*.np[yz]"):
            if f"-{code}-" not in old.name:
                old.unlink(missing_ok=True)
    return features


def _moments(ink: np.ndarray) -> tuple[np.ndarray, ...]:
    """Centre of mass (x, y) and second moments (xx, xy, yy) of each picture, in pixels."""
    at = np.arange(SIDE, dtype=np.float32)
    rows, columns = ink.sum(2), ink.sum(1)
    mass = np.maximum(rows.sum(1), 1e-6)

    # Added up picture by picture: BLAS would add in an order that depends on how many there are.
    def mean(parts: np.ndarray, places: np.ndarray) -> np.ndarray:
        return (parts * places).sum(1) / mass

    x, y = mean(columns, at), mean(rows, at)
    xx = mean(columns, at**2) - x**2
    yy = mean(rows, at**2) - y**2
    xy = mean(ink.reshape(len(ink), SIDE * SIDE), np.outer(at, at).ravel()) - x * y
    return x, y, xx, xy, yy


def _straighten(ink: np.ndarray) -> np.ndarray:
    """Shear each picture upright about its centre of mass; float32 (n, 28, 28) to the same."""
    x, y, _, xy, yy = _moments(ink)
    step = np.ones_like(x)
    return _upright(ink, SIDE, x, y, xy / np.maximum(yy, 1e-3), step, step)


def _upright(
    ink: np.ndarray,
    side: int,
    x: np.ndarray,
    y: np.ndarray,
    slant: np.ndarray,
    across: np.ndarray,
    down: np.ndarray,
) -> np.ndarray:
    """Pictures of `side` pixels about (x, y), slant undone, steps in pixels of the old ones."""
    at = np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)
    rows = down[:, None] * at
    from_y = np.broadcast_to((y[:, None] + rows)[:, :, None], (len(ink), side, side))
    from_x = (x[:, None] + slant[:, None] * rows)[:, :, None] + (across[:, None] * at)[:, None, :]
    return sample(ink, from_x, from_y)


def sample(ink: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
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
    place = left + side * top + (np.arange(n, dtype=np.int32) * side * side)[:, None, None]
    flat = padded.ravel()
    upper = flat[place] * (1 - x) + flat[place + 1] * x
    lower = flat[place + side] * (1 - x) + flat[place + side + 1] * x
    return upper * (1 - y) + lower * y


def _directions(ink: np.ndarray) -> np.ndarray:
    """Gradient strength in each compass direction; (n, h, w) to (n, DIRECTIONS, h, w).

    A gradient of strength m at an angle a to a direction counts there as
    m (cos a - cos w) / (1 - cos w), w the angle between directions, and not
    at all where that is negative: a hump that spans the neighbours.
    """
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    down = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    across = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    gx = down[:, :, 2:] - down[:, :, :-2]
    gy = across[:, 2:] - across[:, :-2]
    foot = np.cos(2 * np.pi / DIRECTIONS)
    floor = np.sqrt(gx * gx + gy * gy) * np.float32(foot / (1 - foot))
    out = np.empty((len(ink), DIRECTIONS, *ink.shape[1:]), np.float32)
    for k in range(DIRECTIONS // 2):
        angle = 2 * np.pi * k / DIRECTIONS
        c, s = (np.array([np.cos(angle), np.sin(angle)]) / (1 - foot)).astype(np.float32)
        along = c * gx + s * gy
        np.maximum(along - floor, 0, out=out[:, k])
        np.maximum(-along - floor, 0, out=out[:, k + DIRECTIONS // 2])
    return out


def _openings(ink: np.ndarray) -> np.ndarray:
    """How much each place is a hole, bay or corner; (n, h, w) to (n, OPENINGS, h, w), 0 to 1."""
    ink = np.minimum(1.5 * ink, 1)
    # What a look meets is the most ink between the place and the edge.
    look = np.maximum.accumulate
    left, right = look(ink, 2), look(ink[:, :, ::-1], 2)[:, :, ::-1]
    up, down = look(ink, 1), look(ink[:, ::-1], 1)[:, ::-1]
    no_left, no_right, no_up, no_down = 1 - left, 1 - right, 1 - up, 1 - down
    paper = 1 - ink
    sideways, upright = paper * left * right, paper * up * down
    kinds = [
        sideways * up * down,
        upright * left * no_right,
        upright * right * no_left,
        sideways * down * no_up,
        sideways * up * no_down,
    ]
    for one, no_other in ((left, no_right), (right, no_left)):
        kinds += [paper * one * no_other * up * no_down, paper * one * no_other * down * no_up]
    return np.stack(kinds, 1)


def _windows(size: int, cells: int) -> np.ndarray:
    """Overlapping triangular windows that share out `size` pixels; shape (size, cells)."""
    at = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * cells / size - np.float32(0.5)
    return np.maximum(1 - np.abs(at[:, None] - np.arange(cells, dtype=np.float32)), 0)


def _pool(maps: np.ndarray, cells: int) -> np.ndarray:
    """Sums over a grid of windows; (n, k, side, side) to (n, k * cells * cells)."""
    n, k, side, _ = maps.shape
    windows = _windows(side, cells)
    # A product a picture: small enough that BLAS starts no threads of its own beside ours.
    halves = maps.reshape(n, k * side, side) @ windows
    halves = halves.reshape(n, k, side, cells).transpose(0, 1, 3, 2)
    return (halves.reshape(n, k * cells, side) @ windows).reshape(n, k * cells * cells)
