"""What a pen makes of the strokes that a hand meant to write: calm, slow, fast, or a finger.

A function of PENS takes strokes, each a float array (m, 2) of places in a box of about 100,
and returns them as they come out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter1d

from lrcore.drawing import lengths_along

Strokes = list[np.ndarray]


def calm(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Just as they were meant."""
    return strokes


def slow(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """A pen that reports few points, which are joined by straight lines."""
    step = rng.uniform(8, 24)
    few = [_along(stroke, step) for stroke in strokes]
    return [stroke + rng.normal(0, 0.7, stroke.shape) for stroke in few]


def fast(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """A hand in a hurry: corners become bends, and strokes begin and end with a flick."""
    width, hurried = rng.uniform(0.7, 4), []
    for stroke in strokes:
        even = _along(stroke, 3)
        if len(even) > 4:
            soft = gaussian_filter1d(even, width, axis=0, mode="nearest")
            # The ends stay where they were meant to be.
            near = np.minimum(np.arange(len(even)), np.arange(len(even))[::-1])[:, None]
            even = soft + np.exp(-near / width) * (even - soft)
        flicks = [even[end] + rng.normal(0, 4, 2) for end in (0, -1)]
        before, after = ([flick] if rng.random() < 0.3 else [] for flick in flicks)
        hurried.append(np.array([*before, *even, *after]))
    return hurried


def finger(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """A finger on glass, which trembles."""
    size, shaken = rng.uniform(0, 6), []
    for stroke in strokes:
        even = _along(stroke, 4)
        shaken.append(
            even
            + size * gaussian_filter1d(rng.normal(0, 1, even.shape), 1.5, axis=0, mode="nearest")
        )
    return shaken


# How often each of them writes, and how much thicker it may be than a pen.
PENS: list[tuple[float, Callable[[Strokes, np.random.Generator], Strokes], float]] = [
    (0.5, calm, 1.0),
    (0.2, slow, 1.0),
    (0.15, fast, 1.0),
    (0.15, finger, 1.6),
]


def write(strokes: Strokes, width: float, rng: np.random.Generator) -> tuple[Strokes, float]:
    """The strokes as one of PENS, picked at random, writes them; and how wide it is."""
    kind = rng.choice(len(PENS), p=[share for share, _, _ in PENS])
    _, pen, thicker = PENS[kind]
    return pen(strokes, rng), width * rng.uniform(1, thicker)


def _along(stroke: np.ndarray, step: float) -> np.ndarray:
    """Points about `step` apart along a stroke (m, 2), its ends among them."""
    length = lengths_along(stroke)
    at = np.linspace(0, length[-1], max(2, round(length[-1] / step) + 1))
    return np.column_stack([np.interp(at, length, stroke[:, i]) for i in (0, 1)])
