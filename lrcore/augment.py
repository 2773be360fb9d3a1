"""The training set, made larger: digits drawn by rule and jittered copies of MNIST's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lrcore.data import Dataset
from lrcore.features import sample
from lrcore.frame import SIDE
from lrcore.styles import make_digits, style_labels

BLOCK = 1000
# Standard deviations of what another hand changes: turn and shear (radians), stretch (log),
# pen width (half of it, in pixels), and places of a KNOTS x KNOTS net (pixels).
TURN, SHEAR, STRETCH, PEN, WOBBLE = 0.08, 0.1, 0.08, 0.35, 0.8
KNOTS = 4


def training_set(
    dataset: Dataset,
    styles: int = 0,
    jitter: int = 0,
    seed: int = 0,
    checkpoint: Callable[[], None] = lambda: None,
) -> Dataset:
    """A data set and what is added to it, in that order.

    Parameters
    ----------
    dataset : the pictures to start from, n of them.
    styles : how many digits to draw by rule in each style, see `lrcore.styles`.
    jitter : how many jittered copies of each picture to add.
    seed : the same seed, the same pictures.
    checkpoint : called again and again meanwhile; what it raises ends the work.
    """
    rng = np.random.default_rng(seed)
    n, labels = len(dataset), training_set_labels(dataset.labels, styles, jitter)
    # One room for all: the parts and the whole side by side would be the set twice.
    images = np.empty((len(labels), SIDE, SIDE), np.uint8)
    images[:n] = dataset.images
    for start in range(n, n * (1 + jitter), n):
        images[start : start + n] = jittered(dataset.images, rng, checkpoint)
    if styles:
        images[n * (1 + jitter) :] = make_digits(styles, rng, checkpoint).images
    return Dataset(images, labels)


def training_set_labels(labels: np.ndarray, styles: int = 0, jitter: int = 0) -> np.ndarray:
    """The labels of a `training_set` of pictures so labelled, and so its size, without making it.

    Every picture comes 1 + `jitter` times; those in styles come once, `styles` in each.
    """
    return np.concatenate([np.tile(labels, 1 + jitter), style_labels(styles)])


def jittered(
    images: np.ndarray, rng: np.random.Generator, checkpoint: Callable[[], None] = lambda: None
) -> np.ndarray:
    """Each picture as another hand might have written it; uint8 (n, 28, 28) to the same.

    A small rotation, shear and stretch, a smooth wobble, a thinner or thicker
    pen.  Source of the idea: Simard, Steinkraus and Platt, "Best practices for convolutional
    neural networks applied to visual document analysis", 2003.
    """
    out = np.empty_like(images)
    for start in range(0, len(images), BLOCK):
        checkpoint()
        part = slice(start, start + BLOCK)
        out[part] = _jitter(images[part], rng)
    return out


def _jitter(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n = len(images)
    ink = _pen_width(images.astype(np.float32) / 255, rng.normal(0, PEN, (n, 1, 1)))
    at = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    turn, lean = rng.normal(0, TURN, (n, 1, 1)), rng.normal(0, SHEAR, (n, 1, 1))
    wide, high = np.exp(rng.normal(0, STRETCH, (2, n, 1, 1)))
    x = wide * at + (lean - turn) * at[:, None]
    y = turn * at + high * at[:, None]
    knots = rng.normal(0, WOBBLE, (2, n, KNOTS, KNOTS))
    spread = _spread()
    dx, dy = spread @ knots @ spread.T
    middle = (SIDE - 1) / 2
    moved = sample(ink, (x + dx + middle).astype(np.float32), (y + dy + middle).astype(np.float32))
    return np.rint(moved * 255).astype(np.uint8)


def _spread() -> np.ndarray:
    """Smooth interpolation from KNOTS values to SIDE pixels; shape (SIDE, KNOTS)."""
    at = np.linspace(0, KNOTS - 1, SIDE)[:, None]
    away = np.minimum(np.abs(at - np.arange(KNOTS)), 1)
    return (1 + np.cos(np.pi * away)) / 2


def _pen_width(ink: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Ink with its pen about 2 * `change` pixels wider (thinner where negative)."""
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    up, down = padded[:, :-2, 1:-1], padded[:, 2:, 1:-1]
    left, right = padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]
    around = np.stack([ink, up, down, left, right])
    to = np.where(change > 0, around.max(0), around.min(0))
    return ink + np.minimum(np.abs(change), 1) * (to - ink)
