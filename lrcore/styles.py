"""Digits drawn by rule, in the styles that MNIST lacks, and things that are no digits.

MNIST's writers were Americans (LeCun et al. 1998: Census Bureau employees and
high-school students): their 1 is a bare bar, their 7 has no cross, their 9 a
straight stem.  Half of the world writes otherwise.

A style is a digit and some extreme forms of it, each a list of pen strokes
through given places.  What is drawn is a random mixture of these forms, each
place a little off, leaning, turned and stretched, with a random pen.
`python docs/draw_styles.py` draws docs/styles.png, a sheet of them all.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lrcore.data import Dataset
from lrcore.drawing import PEN, to_digit

# Each line is one extreme form: strokes parted by "/", places "x,y" in a box of 100 x 100 with
# y downwards, joined by a smooth curve; "!" makes a place a corner. All forms of a style have
# the same strokes with equally many places, so that they can be mixed.
STYLES: dict[str, tuple[int, list[str]]] = {
    "0 slashed": (
        0,
        [
            "50,0 15,20 10,70 50,100 88,70 85,20 50,0 / 95,0 5,100",
            "50,0 10,30 10,70 50,100 90,70 90,30 50,0 / 75,20 25,80",
        ],
    ),
    "0 dotted": (0, ["50,0 10,30 10,70 50,100 90,70 90,30 50,0 / 48,50 53,53"]),
    "0 overrun": (
        0,
        [
            "60,5 18,20 10,65 45,100 88,70 82,20 50,8 20,0",
            "35,10 10,35 15,80 55,100 90,65 80,15 45,0 25,15",
            "75,5 30,10 10,60 40,100 85,75 85,30 55,5 35,20",
        ],
    ),
    "1 flagged": (
        1,
        [
            "0,55 55,0! 45,50 42,100",
            "33,22 50,0! 50,50 50,100",
            "10,40 50,0! 50,50 50,100",
            "5,62 70,0! 50,50 35,100",
            "0,42 75,0! 50,50 30,100",
            "30,45 50,0! 50,50 50,100",
            "28,62 55,0! 52,50 45,100",
        ],
    ),
    "1 hooked": (
        1,
        [
            "20,40 42,22 55,0! 50,50 48,100",
            "15,35 40,5 54,6 50,50 40,100",
            "0,50 35,35 60,0! 50,50 40,100",
            "0,30 40,12 72,0! 50,50 30,100",
            "15,30 38,5 60,8 48,50 25,100",
            "22,42 48,10 62,2 55,50 45,100",
        ],
    ),
    "1 flagged with a foot": (
        1,
        [
            "10,40 50,0! 50,100 / 15,100 85,100",
            "33,22 50,0! 50,100 / 30,100 75,100",
            "10,22 50,0! 50,100 / 0,100 95,98",
        ],
    ),
    "1 with a foot": (1, ["50,0 50,100 / 20,100 80,100"]),
    "2 looped": (
        2,
        [
            "12,22 42,0 78,20 58,60 20,95 10,82 28,76 60,95 95,88",
            "15,15 50,0 72,22 50,65 18,98 5,85 25,80 65,100 100,85",
        ],
    ),
    "2 flat": (
        2,
        [
            "10,20 45,0 80,20 55,60 5,98! 50,97 95,97",
            "20,15 50,0 72,18 50,60 0,90! 50,95 100,100",
        ],
    ),
    "3 flat": (
        3,
        [
            "8,3 85,3! 42,40! 82,60 78,90 42,100 8,88",
            "15,0 75,5! 45,35! 85,55 88,85 50,100 0,95",
        ],
    ),
    "3 round": (
        3,
        [
            "10,18 45,0 80,18 50,42 35,45! 75,50 85,75 50,100 8,88",
            "20,10 55,0 72,20 55,40 40,42! 60,45 70,70 45,100 15,95",
            "0,12 40,2 65,15 55,35 48,42! 65,48 72,75 60,92 40,100",
        ],
    ),
    "3 looped": (
        3,
        [
            "12,15 48,0 75,20 45,45 32,50 45,42 85,65 60,98 8,88",
            "20,5 60,0 70,25 40,48 35,42 55,45 80,72 50,100 5,92",
        ],
    ),
    "4 open, short stem": (
        4,
        [
            "35,0 22,30 10,58! 45,60 85,58 / 62,35 55,100",
            "45,0 25,30 12,55 40,62 85,50 / 68,28 55,100",
            "30,0 22,35 18,65 45,62 80,48 / 65,40 60,100",
            "40,0 25,25 20,55 45,58 70,50 / 65,42 50,100",
        ],
    ),
    "4 open, very short stem": (
        4,
        [
            "55,0 35,40 15,74! 45,78 78,74 / 62,52 58,100",
            "45,0 30,40 22,72! 48,76 70,66 / 60,50 52,100",
            "50,0 38,40 32,66 50,72 66,62 / 62,55 54,100",
            "40,0 25,35 18,62! 50,68 85,64 / 66,45 64,100",
        ],
    ),
    "4 at a stroke": (
        4,
        [
            "45,0 30,30 20,60 45,58 65,35! 62,60 52,100",
            "50,0 22,40 12,62 45,62 75,25! 65,60 50,100",
            "30,0 25,30 25,58 45,60 60,45! 58,70 55,100",
            "35,0 20,25 12,48 40,52 78,15! 72,50 60,100",
        ],
    ),
    "4 open": (
        4,
        [
            "20,0 15,25 8,52! 45,52 90,50 / 75,8 70,100",
            "35,0 25,25 5,62! 45,62 95,58 / 75,0 60,100",
            "15,5 10,30 22,52 45,52 75,40 / 80,0 72,100",
        ],
    ),
    "4 closed": (
        4,
        [
            "62,100 62,50 62,0! 5,65! 50,65 98,65",
            "50,100 58,50 70,0! 0,70! 50,68 90,62",
        ],
    ),
    "5 with a hat": (
        5,
        [
            "25,4 18,42! 55,36 88,65 58,98 8,90 / 25,3 90,0",
            "30,12 22,45! 58,40 82,68 55,100 10,95 / 38,2 95,0",
            "22,10 20,48! 55,45 80,70 50,98 5,88 / 30,0 80,5",
        ],
    ),
    "5 at a stroke": (
        5,
        [
            "88,2 22,4! 18,44! 55,38 88,66 58,98 8,90",
            "90,0 35,8! 20,42! 60,45 75,72 45,100 0,92",
        ],
    ),
    "6": (
        6,
        [
            "70,0 25,35 12,75 45,100 80,80 58,54 18,72",
            "58,0 28,45 15,85 42,100 68,82 52,65 20,80",
            "90,5 40,15 10,60 45,100 88,75 55,48 15,65",
        ],
    ),
    "6 with a flag": (
        6,
        [
            "60,0 40,40 25,75 45,100 70,82 50,65 0,68",
            "70,0 45,35 30,80 50,100 75,85 55,62 5,75",
            "65,0 38,45 28,88 48,100 62,85 45,72 28,85",
        ],
    ),
    "7": (
        7,
        [
            "8,5 45,5 88,5! 60,45 40,100",
            "5,20 35,3 85,6! 62,40 50,100",
            "10,15 40,12 90,0! 50,45 20,100",
        ],
    ),
    "7 with a serif": (7, ["8,28 10,3! 50,4 88,4! 58,45 42,100"]),
    "7 crossed": (
        7,
        [
            "8,5 45,5 88,5! 60,45 40,100 / 25,52 80,48",
            "5,22 25,2 82,6! 62,40 48,100 / 15,58 95,45",
            "12,10 45,12 80,0! 58,50 48,100 / 30,50 78,50",
        ],
    ),
    "7 crossed, round": (
        7,
        [
            "8,22 28,2 55,12 82,2! 65,40 40,100 / 20,56 85,48",
            "12,22 30,2 62,2 72,20 60,50 40,100 / 25,60 85,50",
            "5,15 30,5 75,0 85,8 60,50 30,100 / 15,55 90,52",
            "25,15 45,0 65,5 68,22 60,60 45,100 / 10,65 85,55",
            "0,25 25,5 60,15 88,5 70,45 40,100 / 10,72 100,62",
            "15,18 35,2 65,5 70,25 60,62 50,100 / 20,76 95,72",
        ],
    ),
    "8 from two rings": (
        8,
        ["50,0 20,20 50,45 80,20 50,0 / 50,45 10,75 50,100 90,75 50,45"],
    ),
    "8 open": (
        8,
        [
            "85,8 42,2 18,25 52,50 82,75 48,100 15,78 45,52 90,5",
            "75,15 45,0 20,20 50,48 85,78 50,100 12,78 45,50 72,25",
            "90,0 40,8 20,30 50,52 72,78 45,100 22,80 50,48 100,8",
        ],
    ),
    "8 begun aside": (
        8,
        [
            "0,15 30,22 60,65 45,100 25,85 45,50 75,15 55,0 25,12",
            "10,25 20,5 40,45 60,85 40,100 25,80 45,50 80,10 90,5",
            "15,5 25,30 62,70 50,100 22,85 40,55 85,25 75,5 45,10",
        ],
    ),
    "9 curled": (
        9,
        [
            "75,15 45,0 15,20 32,42 60,38 78,12! 76,60 58,96 28,100 5,84",
            "70,10 40,0 20,18 35,35 55,28 70,8! 74,60 60,90 35,100 0,96",
            "80,20 50,0 10,15 20,40 55,42 80,18 85,60 70,95 30,98 0,75",
            "65,12 45,2 25,15 32,32 52,30 66,12 75,55 62,95 40,100 10,90",
        ],
    ),
    "9 open, curled": (
        9,
        [
            "70,5 35,2 15,25 40,45 75,32 72,60 55,96 28,100 5,86",
            "75,12 45,0 25,22 45,38 68,28 80,60 65,95 30,100 0,85",
            "60,8 40,2 28,22 50,38 68,40 75,65 60,98 30,100 0,92",
            "90,0 40,5 20,25 45,42 70,35 65,60 50,90 20,100 0,85",
        ],
    ),
    "9 small, curled": (
        9,
        [
            "68,15 50,2 32,15 50,32 68,18! 78,50 72,85 45,100 0,82",
            "64,12 50,0 36,14 50,28 64,14! 75,42 80,75 50,100 5,90",
            "74,22 52,4 28,24 50,44 74,24! 72,55 55,90 30,100 15,95",
        ],
    ),
    "9 from a swing": (
        9,
        [
            "85,5 45,0 15,20 30,35 60,25 85,5! 65,40 40,75 20,100",
            "95,10 50,0 10,25 30,38 65,25 95,0! 70,40 45,70 10,100",
        ],
    ),
    "9 straight": (
        9,
        [
            "78,15 45,0 12,22 35,46 70,32 80,8! 78,50 76,100",
            "70,10 40,0 20,18 35,40 60,28 72,6! 60,50 40,100",
        ],
    ),
}

# Capitals and small letters that no reader would take for a digit.
LETTERS: list[str] = [
    "0,100 50,0! 100,100 / 22,60 78,60",  # A
    "90,0 0,0! 0,100! 90,100 / 0,50 70,50",  # E
    "90,0 0,0! 0,100 / 0,50 65,50",  # F
    "0,0 0,100 / 85,0 85,100 / 0,50 85,50",  # H
    "0,0 0,100 / 80,0 0,55! 85,100",  # K
    "0,100 0,0! 50,70! 100,0! 100,100",  # M
    "0,100 0,0! 85,100! 85,0",  # N
    "0,100 0,0 60,0 85,25 60,50 0,52",  # P
    "0,100 0,0 60,0 85,25 60,50 0,52! 90,100",  # R
    "0,0 100,0 / 50,0 50,100",  # T
    "0,0 5,80 45,100 85,80 90,0",  # U
    "0,0 25,100! 50,30! 75,100! 100,0",  # W
    "0,0 100,100 / 100,0 0,100",  # X
    "75,20 40,0 5,30 10,75 45,90 75,60 78,10! 80,90 100,95",  # a
    "5,0 5,100 / 5,60 40,45 70,60 72,100",  # h
    "0,40 0,100 / 0,55 25,40 45,60 45,100! 45,60 70,40 95,55 98,100",  # m
    "0,40 0,100 / 0,60 40,38 75,55 78,100",  # n
    "0,40 15,100! 45,55! 70,100! 95,40",  # w
    "0,30 30,30 50,0 50,90 80,100 / 15,30 85,30",  # t
]


def make_digits(
    n_per_style: int, rng: np.random.Generator, checkpoint: Callable[[], None] = lambda: None
) -> Dataset:
    """Draw this many digits in each of the STYLES; n = n_per_style * len(STYLES) in all.

    checkpoint : called again and again meanwhile; what it raises ends the work.
    """
    labels = style_labels(n_per_style)
    images = np.empty((len(labels), 28, 28), np.uint8)
    each = (forms for _, forms in STYLES.values() for _ in range(n_per_style))
    for image, forms in zip(images, each, strict=True):
        checkpoint()
        image[:] = draw(forms, rng)
    return Dataset(images, labels)


def style_labels(n_per_style: int) -> np.ndarray:
    """The labels of so many digits in each of the STYLES, in the order of `make_digits`; uint8."""
    return np.repeat([label for label, _ in STYLES.values()], n_per_style).astype(np.uint8)


def make_letters(n: int, rng: np.random.Generator) -> np.ndarray:
    """Letters that look like no digit; uint8 (n, 28, 28)."""
    return np.stack([draw([LETTERS[i]], rng) for i in rng.integers(len(LETTERS), size=n)])


def make_scribbles(n: int, rng: np.random.Generator) -> np.ndarray:
    """Pens that wander at random, a few strokes each; uint8 (n, 28, 28)."""
    return np.stack([_scribble(rng) for _ in range(n)])


def draw(forms: list[str], rng: np.random.Generator) -> np.ndarray:
    """One picture, uint8 (28, 28), of a random mixture of a style's forms, as in STYLES."""
    strokes = draw_strokes(forms, rng)
    return to_digit(strokes, _pen(rng))


def draw_strokes(forms: list[str], rng: np.random.Generator) -> list[np.ndarray]:
    """The strokes, each (m, 2), of a random mixture of a style's forms, in a box of about 100."""
    parsed = [_parse(form) for form in forms]
    share = rng.dirichlet(np.ones(len(forms)))
    stretch = np.exp(rng.normal(0, 0.2))
    lean, turn = rng.normal(0.15, 0.2), rng.normal(0, 0.08)
    # Columns say where the x and the y axis go.
    way = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    way = way @ np.array([[stretch, -lean], [0, 1]])
    strokes = []
    for versions in zip(*parsed, strict=True):
        places = sum(s * points for s, (points, _) in zip(share, versions, strict=True))
        corner = versions[rng.choice(len(versions), p=share)][1]
        places = places + rng.normal(0, 4, places.shape)
        strokes.append(_curve(places, corner) @ way.T)
    return strokes


def _parse(form: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """A form's strokes as (places (m, 2), which of them are corners (m,))."""
    strokes = [stroke.split() for stroke in form.split("/")]
    return [
        (
            np.array([place.rstrip("!").split(",") for place in stroke], float),
            np.array([place.endswith("!") for place in stroke]),
        )
        for stroke in strokes
    ]


def _curve(places: np.ndarray, corner: np.ndarray, pieces: int = 6) -> np.ndarray:
    """A smooth line through places (m, 2), broken at the corners.

    Cubic Bezier curves whose handles follow the neighbours; source: Catmull
    and Rom, "A class of local interpolating splines", 1974.
    """
    along = np.zeros_like(places)
    along[1:-1] = (places[2:] - places[:-2]) / 6
    ends = corner.copy()
    ends[[0, -1]] = True
    along[ends] = 0
    a, d = places[:-1], places[1:]
    b, c = a + along[:-1], d - along[1:]
    t = np.linspace(0, 1, pieces, endpoint=False)[:, None, None]
    line = a * (1 - t) ** 3 + 3 * b * t * (1 - t) ** 2 + 3 * c * t**2 * (1 - t) + d * t**3
    return np.concatenate([line.transpose(1, 0, 2).reshape(-1, 2), places[-1:]])


def _scribble(rng: np.random.Generator) -> np.ndarray:
    strokes = []
    for _ in range(rng.integers(1, 4)):
        places = rng.uniform(0, 100, (rng.integers(4, 12), 2))
        strokes.append(_curve(places, rng.random(len(places)) < 0.2))
    return to_digit(strokes, _pen(rng))


def _pen(rng: np.random.Generator) -> float:
    """The width of a pen, in pixels of the 28x28 picture: MNIST's, a fifth more or less."""
    return float(np.exp(rng.normal(np.log(PEN), 0.2)))


def sheet(columns: int = 20, seed: int = 0) -> np.ndarray:
    """All styles, a row each, dark on light as in a book; uint8 (30 * rows, 30 * columns)."""
    rng = np.random.default_rng(seed)
    images = make_digits(columns, rng).images.reshape(len(STYLES), columns, 28, 28)
    cells = np.pad(255 - images, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=225)
    return cells.transpose(0, 2, 1, 3).reshape(len(STYLES) * 30, columns * 30)
