"""Photo-like pictures made by rule from MNIST's test digits, their text known.

Each picture is built as a photo comes about: paper, rules printed on it, ink drawn over it, the
light that falls on it, the camera's angle, its blur and noise, and the file it is saved as.  What
is hard about it is its `kind`; 'mixed' draws several at once.  Same seed, same pictures.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from lrcore.data import Dataset
from lrcore.frame import crop_to_ink

KINDS = (
    "plain",
    "ruled",
    "squared",
    "shadow",
    "coloured",
    "blurred",
    "jpeg",
    "perspective",
    "pencil",
    "chalk",
    "near the frame",
    "tiny",
    "huge",
    "specks",
    "mixed",
)
MIXABLE = ("ruled", "squared", "shadow", "coloured", "blurred", "jpeg", "perspective", "specks")
# Kinds of pictures of one digit that fills them, or is small, faint, thick or broken; and of rows.
TIGHT = ("tight", "one pixel of paper", "tight, six times")
SMALL = ("16x16", "8x8", "faint 32x32", "felt pen 28x28", "broken")
CLOSED_UP = "closed up"
INKS = {
    "black": (25, 25, 30),
    "blue": (30, 50, 150),
    "red": (190, 30, 40),
    "green": (20, 110, 60),
    "violet": (110, 40, 140),
    "orange": (225, 110, 20),
}
PAPERS = ((250, 250, 248), (238, 236, 230), (246, 236, 200), (215, 232, 245), (245, 220, 228))


@dataclass(frozen=True)
class Made:
    """A picture as the bytes of its file, its text (a space for a new line) and its kind."""

    file: bytes
    text: str
    kind: str


def singles(data: Dataset, count: int, seed: int = 6) -> Iterator[Made]:
    """Pictures of one digit each, the kinds taking turns."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        kind = KINDS[k % len(KINDS)]
        choice = int(rng.integers(len(data.labels)))
        heights = {"tiny": (12, 20), "huge": (1500, 4000)}.get(kind, (40, 500))
        height = np.exp(rng.uniform(*np.log(heights)))
        digit = _drawn(data.images[choice], height)
        near = kind == "near the frame"
        margins = rng.uniform(0.1, 1.2, 4) * (0.15 if kind == "huge" else 1) * height
        if near:
            # On one side the digit all but leaves the picture.
            margins[rng.integers(4)] = rng.uniform(0, 0.02) * height
        top, right, bottom, left = np.rint(margins).astype(int)
        ink = np.pad(digit, ((top, bottom), (left, right)))
        yield Made(_photo(ink, height, kind, rng), str(data.labels[choice]), kind)


def rows(data: Dataset, count: int, seed: int = 60) -> Iterator[Made]:
    """Pictures of one to three lines of 2 to 12 digits, the kinds taking turns."""
    rng = np.random.default_rng(seed)
    kinds = [kind for kind in KINDS if kind != "huge"]
    for k in range(count):
        kind = kinds[k % len(kinds)]
        height = np.exp(rng.uniform(*np.log((16, 24) if kind == "tiny" else (30, 140))))
        lines = [_line(data, height, rng) for _ in range(1 if rng.random() < 0.75 else 3)]
        width = max(ink.shape[1] for ink, _ in lines)
        inks = []
        for ink, _ in lines:
            below = round(height * rng.uniform(0.3, 0.9))
            inks.append(np.pad(ink, ((0, below), (0, width - ink.shape[1]))))
        ink = np.vstack(inks)
        near = 0.02 if kind == "near the frame" else 0.15
        ink = np.pad(ink, [tuple(np.rint(rng.uniform(near, 1, 2) * height).astype(int))] * 2)
        text = " ".join(text for _, text in lines)
        yield Made(_photo(ink, height, kind, rng), text, kind)


def small_singles(data: Dataset, count: int, seed: int = 17) -> Iterator[Made]:
    """Pictures of one digit each without much paper or of few pixels, the kinds taking turns."""
    rng = np.random.default_rng(seed)
    kinds = TIGHT + SMALL
    for k in range(count):
        kind = kinds[k % len(kinds)]
        choice = int(rng.integers(len(data.labels)))
        page = _small(data.images[choice], kind, rng)
        if rng.random() < 0.5 or kind not in TIGHT:
            page = 1 - page
        file = io.BytesIO()
        Image.fromarray(np.uint8(np.rint(255 * np.clip(page, 0, 1)))).save(file, "PNG")
        yield Made(file.getvalue(), str(data.labels[choice]), kind)


def closed_up_rows(data: Dataset, count: int, seed: int = 170) -> Iterator[Made]:
    """Pictures of a line of 2 to 8 digits so close that about every third touches its neighbour."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        height = np.exp(rng.uniform(*np.log((30, 140))))
        ink, text = _line(data, height, rng, most=8, gaps=(-0.05, 0.1))
        ink = np.pad(ink, [tuple(np.rint(rng.uniform(0.15, 1, 2) * height).astype(int))] * 2)
        yield Made(_photo(ink, height, CLOSED_UP, rng), text, CLOSED_UP)


def _small(digit: np.ndarray, kind: str, rng) -> np.ndarray:
    """The digit on little paper, ink 1 and paper 0, shape (h, w)."""
    ink = crop_to_ink(digit / np.float32(255))
    height, width = ink.shape
    if kind == "tight":
        return ink
    if kind == "one pixel of paper":
        return np.pad(ink, 1)
    if kind == "tight, six times":
        return _fitted(ink, (6 * width, 6 * height))
    if kind in ("16x16", "8x8"):
        side = int(kind.split("x")[0])
        # Scans are as wide as they are high, a 1 at most half as wide.
        wide = side if width > 0.5 * height else max(1, round(side * width / height * 1.4))
        left = (side - wide) // 2
        scan = _fitted(ink, (wide, side), Image.Resampling.BOX)
        return np.pad(scan, ((0, 0), (left, side - wide - left)))
    side = {"faint 32x32": 32, "felt pen 28x28": 28}.get(kind, int(rng.integers(28, 120)))
    fine = 8 if side < 40 else 3
    drawn = _drawn(digit, fine * side * rng.uniform(0.6, 0.9))
    large = max(drawn.shape)
    contrast, noise = rng.uniform(0.5, 0.95), rng.uniform(0, 0.03)
    if kind == "faint 32x32":
        drawn = _pencilled(drawn, large, rng)
        contrast = rng.uniform(0.12, 0.4)
    elif kind == "felt pen 28x28":
        drawn = ndimage.grey_dilation(drawn, size=round(large * rng.uniform(0.04, 0.11)))
    else:
        drawn = _broken(drawn, rng)
    free = fine * side - np.array(drawn.shape)
    free = np.maximum(free, 0)
    top, left = (int(rng.integers(0, side + 1)) for side in free)
    page = np.pad(drawn, ((top, free[0] - top), (left, free[1] - left)))[
        : fine * side, : fine * side
    ]
    page = 0.02 + contrast * _fitted(page, (side, side), Image.Resampling.BOX)
    return page + 0.1 * rng.random() + rng.normal(0, noise, page.shape)


def _broken(ink: np.ndarray, rng) -> np.ndarray:
    """Strokes parted where the pen did not write: one to three gaps across the digit's ink."""
    height = max(ink.shape)
    rows, columns = np.indices(ink.shape)
    places = np.argwhere(ink > 0.5)
    ink = ink.copy()
    for _ in range(rng.integers(1, 4)):
        y, x = places[rng.integers(len(places))]
        angle = rng.uniform(0, np.pi)
        along = np.cos(angle) * (rows - y) + np.sin(angle) * (columns - x)
        across = -np.sin(angle) * (rows - y) + np.cos(angle) * (columns - x)
        gap = height * rng.uniform(0.02, 0.07)
        ink[(np.abs(along) < gap / 2) & (np.abs(across) < 0.2 * height)] = 0
    return ink


def _fitted(ink: np.ndarray, size: tuple[int, int], how=Image.Resampling.BICUBIC) -> np.ndarray:
    """Ink brought to (width, height), values 0 to 1."""
    return np.clip(np.asarray(Image.fromarray(ink).resize(size, how)), 0, 1)


def _line(
    data: Dataset, height: float, rng, most: int = 12, gaps: tuple[float, float] | None = None
) -> tuple[np.ndarray, str]:
    """Digits side by side as one hand writes them; one gap in eight is none: they touch.

    gaps : the range of all gaps, in heights, where they are to be others.
    """
    count = int(rng.integers(2, most + 1))
    chosen = rng.integers(len(data.labels), size=count)
    sizes = height * rng.uniform(0.88, 1.12, count)
    digits = [_drawn(data.images[c], size) for c, size in zip(chosen, sizes, strict=True)]
    tall = round(height * 1.5)
    line = np.zeros((tall, sum(d.shape[1] for d in digits) + round(count * height)), np.float32)
    right = 0
    for k, digit in enumerate(digits):
        if gaps:
            gap = rng.uniform(*gaps) * height
        else:
            gap = rng.uniform(0.12, 0.55) * height if rng.random() < 0.875 else -0.01 * height
        left = right + round(gap) if k else 0
        top = round((tall - digit.shape[0]) / 2 + rng.normal(0, 0.04) * height)
        top = int(np.clip(top, 0, tall - digit.shape[0]))
        place = line[top : top + digit.shape[0], max(left, 0) : max(left, 0) + digit.shape[1]]
        np.maximum(place, digit, out=place)
        right = max(left, 0) + digit.shape[1]
    return line[:, :right], "".join(str(data.labels[c]) for c in chosen)


def _drawn(digit: np.ndarray, height: float) -> np.ndarray:
    """The digit enlarged so that its longer side is `height`, its strokes given a sharp edge."""
    ink = crop_to_ink(digit / np.float32(255))
    scale = height / max(ink.shape)
    size = tuple(max(1, round(side * scale)) for side in ink.shape[::-1])
    large = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BICUBIC))
    # Between two of MNIST's pixels lie `scale` of ours; the edge is to be about one wide.
    return np.clip((large - 0.45) * max(1.0, 0.5 * scale) + 0.45, 0, 1)


def _photo(ink: np.ndarray, height: float, kind: str, rng) -> bytes:
    traits = {kind}
    if kind == "mixed":
        traits = set(rng.choice(MIXABLE, size=3, replace=False))
    pad = round(0.25 * max(ink.shape)) if "perspective" in traits else 0
    ink = np.pad(ink, pad)
    rows, columns = np.indices(ink.shape, dtype=np.float32)
    paper = np.array(PAPERS[0 if kind == "plain" else rng.integers(len(PAPERS))], np.float32)
    colour = np.array(INKS["black"], np.float32)
    if "coloured" in traits:
        colour = np.array(INKS[rng.choice(list(INKS)[1:])], np.float32)
    page = np.broadcast_to(paper, (*ink.shape, 3)).copy()
    if traits & {"ruled", "squared"}:
        page *= _rules(ink.shape, height, "squared" in traits, rng)
    if "pencil" in traits:
        ink = _pencilled(ink, height, rng)
        colour = paper * rng.uniform(0.45, 0.7)
    ink = ink[:, :, None]
    page = page * (1 - ink) + colour * ink * page / paper
    if "specks" in traits:
        page = _specked(page, height, pad, rng)
    if "chalk" in traits:
        page = 255 - page
    page *= _light(rows, columns, "shadow" in traits, rng)[:, :, None]
    if "perspective" in traits:
        page = _tilted(page, rng)
    if "blurred" in traits:
        page = ndimage.gaussian_filter(page, (*2 * [height * rng.uniform(0.015, 0.04)], 0))
    noise = 0.0 if kind == "plain" else rng.uniform(0.5, 4)
    # A tile of noise, repeated: in a picture of 4,000 pixels a side nothing tells.
    grain = rng.normal(0, noise, (256, 256)).astype(np.float32)
    page += np.pad(grain, [(0, max(0, side - 256)) for side in ink.shape[:2]], mode="wrap")[
        : ink.shape[0], : ink.shape[1], None
    ]
    image = Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))
    file = io.BytesIO()
    if "jpeg" in traits:
        image.save(file, "JPEG", quality=int(rng.integers(12, 35)))
    elif kind in ("plain", "tiny", "chalk"):
        image.save(file, "PNG")
    else:
        image.save(file, "JPEG", quality=88)
    return file.getvalue()


def _rules(shape, height: float, squared: bool, rng) -> np.ndarray:
    """What printed lines leave of the light, of shape (h, w, 3)."""
    spacing = height * (rng.uniform(0.3, 0.55) if squared else rng.uniform(0.9, 1.4))
    thick = max(1.0, height * rng.uniform(0.006, 0.015))
    line = 1 - rng.uniform(0.15, 0.35) * np.array([1.0, 0.75, 0.45], np.float32)
    slope = rng.normal(0, 0.01)
    rows, columns = np.indices(shape, dtype=np.float32)
    out = np.ones((*shape, 3), np.float32)
    across = (rows + slope * columns + rng.uniform(0, spacing)) % spacing < thick
    out[across] = line
    if squared:
        down = (columns - slope * rows + rng.uniform(0, spacing)) % spacing < thick
        out[down] = line
    return out


def _pencilled(ink: np.ndarray, height: float, rng) -> np.ndarray:
    """Thinner, and with the paper's grain showing through."""
    thin = np.minimum(ndimage.grey_erosion(ink, size=max(1, round(height * 0.03))), ink)
    grain = ndimage.gaussian_filter(rng.normal(0, 1, ink.shape), 0.8)
    return thin * np.clip(0.8 + 0.5 * grain, 0, 1).astype(np.float32)


def _specked(page: np.ndarray, height: float, pad: int, rng) -> np.ndarray:
    """Dots of dirt, each less than a fourteenth of a digit wide, anywhere on the page."""
    h, w = page.shape[:2]
    rows, columns = np.ogrid[:h, :w]
    for _ in range(rng.integers(3, 12)):
        y, x = rng.uniform(pad, h - pad), rng.uniform(pad, w - pad)
        radius = height * rng.uniform(0.005, 0.035)
        dot = (rows - y) ** 2 + (columns - x) ** 2 < max(radius, 0.5) ** 2
        page[dot] *= rng.uniform(0.2, 0.6)
    return page


def _light(rows, columns, shadow: bool, rng) -> np.ndarray:
    h, w = rows.shape
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * (columns / w - 0.5) + np.sin(angle) * (rows / h - 0.5)
    if not shadow:
        return 1 - 0.12 * (along + 0.7)
    # A hand or a phone: a soft edge across the page, beside light that falls off.
    soft = rng.uniform(0.01, 0.15)
    hand = 1 / (1 + np.exp(-np.clip((along - rng.uniform(-0.2, 0.2)) / soft, -50, 50)))
    return (1 - rng.uniform(0.2, 0.5) * (along + 0.7)) * (1 - rng.uniform(0.2, 0.5) * hand)


def _tilted(page: np.ndarray, rng) -> np.ndarray:
    """Seen at an angle; beyond the sheet lies a dark table."""
    h, w = page.shape[:2]
    corners = np.array([(0, 0), (w, 0), (w, h), (0, h)], float)
    moved = corners + rng.uniform(-0.06, 0.06, (4, 2)) * (w, h)
    turn = np.deg2rad(rng.uniform(-6, 6))
    middle = np.array([w, h]) / 2
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = (moved - middle) @ turned.T * 0.98 + middle
    # Pillow wants the way back: from where a pixel lands to where it came from.
    a, b = [], []
    for (x, y), (u, v) in zip(moved, corners, strict=True):
        a += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        b += [u, v]
    image = Image.fromarray(np.clip(page, 0, 255).astype(np.uint8)).transform(
        (w, h),
        Image.Transform.PERSPECTIVE,
        np.linalg.solve(a, b).tolist(),
        Image.Resampling.BICUBIC,
        fillcolor=(70, 52, 40),
    )
    return np.array(image, np.float32)
