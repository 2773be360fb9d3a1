"""Several digits in one picture: found, put in reading order, each made a 28x28 picture.

Most digits are one blob of ink, and that is that.  Where it is doubtful what belongs together, be
it a 5 whose hat hangs loose or two digits that touch, the ink is cut into more pieces than there
are digits, and of all ways to join neighbouring pieces the most likely one is taken: over-segment,
then search for the best path.  How likely a joined piece is to be one digit is judged by its shape
and, if the caller lends it, by a reader of digits.  Sources: R. Casey and E. Lecolinet, "A survey
of methods and strategies in character segmentation", 1996, section 3; the cuts are seams of least
ink from top to bottom, found by dynamic programming (S. Avidan and A. Shamir, "Seam carving for
content-aware image resizing", 2007).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from lrcore.decode import LONGEST, Opened, Source, open_once
from lrcore.drawing import dense, finite, rasterise, redraw
from lrcore.errors import UserError
from lrcore.frame import crop_to_ink, frame
from lrcore.picture import RIM, Ink, find_ink, shrunk, with_mnist_pen

# How many digits a picture shows.
AUTO, ONE, SEVERAL = DIGITS = ("auto", "one", "several")
# All lengths below are in heights of a typical digit of the picture.
# A blob that is wider may be two digits, one that is lower may be a part of one.
WIDE, LOW = 1.1, 0.55
# What a reader is less sure of to be one digit is looked at again.
DOUBTFUL = 0.6
# No digit is wider than this, and so many cuts are tried in a stretch of one height.
WIDEST, CUTS = 1.5, 5
# Seams are sought in a blob brought to no more than this many rows.
SEAM_ROWS = 64
# Bounds on the time that a picture of a lawn takes: blobs looked at, and joined pieces judged.
MOST_BLOBS, MOST_RUNS = 600, 300
# Bounds on their boxes together, in pixels, for rings within rings are few and yet all of them
# large: of the blobs in pictures' worth, of joined pieces as they are.
MOST_PICTURES, MOST_AREA = 4, 40_000_000
# A cut through more ink than this many widths of the pen goes through a digit, not between two.
DEEPEST = 4.0
# Prices in the search for the likeliest path, in units of log probability: of each digit more, of
# each cut through a blob, and of each width of the pen that it goes through.
A_DIGIT, A_CUT, INK_CUT = 0.3, 0.8, 0.5
# Without a reader shape and depth of cut have to say it all, and weigh so many times more.
ALONE = 3
# What is kept of a digit's way for people to see: at most so many pixels a side.
SHOWN = 320
# What was done, in a few words, and what came of it: a uint8 picture.
Step = tuple[str, np.ndarray]
# How likely each of n pictures is to be one digit; see `find_digits`.
Score = Callable[[np.ndarray], np.ndarray]


class Found(NamedTuple):
    """A digit found in a picture, and how it came out of it.

    box : (left, top, right, bottom) in the picture's own pixels.
    image : uint8, shape (28, 28), as MNIST would have it: what a model reads.
    line : number of the line it stands in, counted from 0.
    way : the pictures that it went through, see `steps`, at most SHOWN pixels a side.
    """

    box: tuple[int, int, int, int]
    image: np.ndarray
    line: int
    way: tuple[Step, ...] = ()

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self.image.nbytes + sum(picture.nbytes for _, picture in self.way)

    def steps(self) -> list[Step]:
        """From the picture to what a model reads, the last one being `image` itself.

        The picture where the digit stands, as it is; all ink there; the ink of this digit alone;
        that with MNIST's pen; and in MNIST's frame.  In all but the first ink is bright.
        """
        return [*self.way, ("in MNIST's frame", self.image)]


class _Piece(NamedTuple):
    """A part of the picture's ink: the rows and columns of its box, and its mask in them."""

    rows: slice
    columns: slice
    mask: np.ndarray
    # Ink cut through on its left, in widths of the pen, and whether it is cut at all.
    cut: float = 0.0
    severed: bool = False

    @property
    def height(self) -> int:
        return self.rows.stop - self.rows.start

    @property
    def width(self) -> int:
        return self.columns.stop - self.columns.start


# Neighbouring pieces joined: the first, one past the last, and what they make together.
_Run = tuple[int, int, _Piece]


def find_digits(
    source: Source | Opened, score: Score | None = None, digits: str = AUTO
) -> list[Found]:
    """All digits of a picture in reading order.

    Parameters
    ----------
    source : anything that `lrcore.decode.open_once` takes, or what it gives.
    score : how likely (0 to 1) each of n uint8 images, shape (n, 28, 28), is to be one digit and
        no other thing; `Reader.digit_score` is one.  Without it shape alone decides.
    digits : how many there are, one of DIGITS: 'one' joins what lies close to the largest mark.

    Raises UserError where the picture cannot be read or nothing is written on it.
    """
    if digits not in DIGITS:
        raise UserError(f"How many digits a picture shows is {', '.join(DIGITS)}, not {digits!r}.")
    opened = source if isinstance(source, Opened) else open_once(source)
    ink = find_ink(opened.grey)
    pieces = _blobs(ink)
    if digits == ONE:
        whole = _around_largest(pieces, ink)
        chosen = [(whole, _image(whole, ink))]
    else:
        typical = _typical_height(pieces)
        chosen = _resolved(_clusters(pieces, typical), ink, typical, score)
    return [
        _found(*chosen[k], number, opened, ink)
        for number, line in enumerate(_lines([piece for piece, _ in chosen]))
        for k in line
    ]


def find_drawn_digits(
    strokes: Sequence[np.ndarray],
    width: int,
    height: int,
    pen: float,
    score: Score | None = None,
) -> list[Found]:
    """Several digits on one canvas of `width` x `height`, in reading order.

    They are told apart as in any picture (`find_digits`, which takes `score`
    too); a digit that owns its strokes is then redrawn from them, one that
    shares a stroke with its neighbour is cut out of the picture.

    Raises UserError for an empty canvas.
    """
    strokes = finite(strokes)
    ink = rasterise(strokes, math.ceil(width), math.ceil(height), pen)
    found = find_digits(np.rint(255 * (1 - ink)).astype(np.uint8), score)
    boxes = np.array([item.box for item in found])
    inside = np.array([_share_inside(stroke, boxes, pen / 2) for stroke in strokes])
    digits = []
    for k, item in enumerate(found):
        own = inside[:, k] > 0.9
        shared = (inside[:, k] > 0.1) & ~own
        if own.any() and not shared.any():
            redrawn = redraw([strokes[i] for i in np.flatnonzero(own)])
            step = "redrawn with MNIST's pen", _shown(crop_to_ink(redrawn))
            item = item._replace(image=frame(redrawn), way=(*item.way[:-1], step))
        digits.append(item)
    return digits


def picture_to_digit(source: Source, longest: int = LONGEST) -> np.ndarray:
    """The uint8 picture of shape (28, 28) that MNIST would have made of the one digit in `source`.

    `source` and `longest` are what `open_once` takes.  Raises UserError where it cannot be
    read or nothing is written on it.
    """
    return find_digits(open_once(source, longest), digits=ONE)[0].image


def _blobs(ink: Ink) -> list[_Piece]:
    """Each stretch of connected ink; UserError where there are more than digits have."""
    blobs, count = ndimage.label(ink.written, np.ones((3, 3)))
    if count > MOST_BLOBS:
        raise UserError(
            f"The picture has more than {MOST_BLOBS} marks, too many to be digits: "
            "take a smaller part of the page, in focus and evenly lit."
        )
    places = ndimage.find_objects(blobs)
    covered = sum((r.stop - r.start) * (c.stop - c.start) for r, c in places)
    if covered > MOST_PICTURES * blobs.size:
        raise UserError(
            "The picture's marks lie within each other, which digits do not: "
            "take a smaller part of the page."
        )
    return [_Piece(r, c, blobs[r, c] == k) for k, (r, c) in enumerate(places, 1)]


def _around_largest(pieces: list[_Piece], ink: Ink) -> _Piece:
    """The blob of most ink and what lies close to it."""
    boxes = np.array(
        [(p.rows.start, p.columns.start, p.rows.stop, p.columns.stop) for p in pieces], float
    )
    weight = [ink.level[p.rows, p.columns][p.mask].sum() for p in pieces]
    main = boxes[np.argmax(weight)]
    # A 5's loose hat is less than a quarter of the digit away.
    reach = 0.25 * max(main[2] - main[0], main[3] - main[1])
    gaps = np.maximum(boxes[:, :2], main[:2]) - np.minimum(boxes[:, 2:], main[2:])
    return _joined([pieces[k] for k in np.flatnonzero(gaps.max(1) < reach)])


def _found(piece: _Piece, image: np.ndarray, line: int, opened: Opened, ink: Ink) -> Found:
    """A digit with its box in the picture's own pixels and its way for people to see."""
    grey = opened.grey
    width, height = opened.size
    scale = np.array([width / grey.shape[1], height / grey.shape[0]] * 2)
    box = piece.columns.start, piece.rows.start, piece.columns.stop, piece.rows.stop
    left, top, right, bottom = np.rint(box * scale).astype(int).tolist()
    margin = max(RIM, max(piece.height, piece.width) // 4)
    rows = slice(max(0, piece.rows.start - margin), piece.rows.stop + margin)
    columns = slice(max(0, piece.columns.start - margin), piece.columns.stop + margin)
    alone = _ink_of(piece, ink)
    way = (
        ("the picture in grey", grey[rows, columns]),
        ("its ink", ink.level[rows, columns]),
        ("the digit", alone),
        ("strokes as wide as MNIST's", with_mnist_pen(alone)),
    )
    shown = tuple((caption, _shown(picture)) for caption, picture in way)
    return Found((left, top, right, bottom), image, line, shown)


def _shown(picture: np.ndarray) -> np.ndarray:
    """A picture of values from 0 to 1 for people to see."""
    return np.rint(np.clip(shrunk(picture, SHOWN), 0, 1) * 255).astype(np.uint8)


def _share_inside(stroke: np.ndarray, boxes: np.ndarray, margin: float) -> np.ndarray:
    """Which share of a stroke's length lies in each (left, top, right, bottom) box, shape (k,)."""
    points = dense(stroke, 1.0)[:, None]
    low, high = boxes[:, :2] - margin, boxes[:, 2:] + margin
    return ((points >= low) & (points <= high)).all(axis=2).mean(axis=0)


def _typical_height(pieces: list[_Piece]) -> float:
    """The median height of blobs, each counted as often as its box is large: specks do not."""
    heights = np.array([piece.height for piece in pieces])
    areas = heights * [piece.width for piece in pieces]
    order = np.argsort(heights)
    return float(heights[order][np.searchsorted(areas[order].cumsum(), areas.sum() / 2)])


def _clusters(pieces: list[_Piece], typical: float) -> list[list[_Piece]]:
    """Pieces sorted into sets that may share digits: close by, and one of them not a whole one."""
    boxes = np.array([(p.columns.start, p.rows.start, p.columns.stop, p.rows.stop) for p in pieces])
    low = np.array([p.height for p in pieces]) < LOW * typical
    gaps = [
        np.maximum(boxes[:, None, side], boxes[None, :, side])
        - np.minimum(boxes[:, None, side + 2], boxes[None, :, side + 2])
        for side in (0, 1)
    ]
    narrow = np.minimum(*np.meshgrid(boxes[:, 2] - boxes[:, 0], boxes[:, 2] - boxes[:, 0]))
    near = (gaps[0] < 0.15 * typical) & (gaps[1] < 0.35 * typical)
    interlocked = (gaps[0] < -0.1 * narrow) & (gaps[1] < 0)
    near &= low[:, None] | low[None, :] | interlocked
    count, of = connected_components(near)
    return [[pieces[k] for k in np.flatnonzero(of == c)] for c in range(count)]


def _resolved(
    clusters: list[list[_Piece]], ink: Ink, typical: float, score: Score | None
) -> list[tuple[_Piece, np.ndarray]]:
    """The digits of all clusters, each with its 28x28 image."""
    plain, doubtful = [], []
    for cluster in clusters:
        whole = _joined(cluster)
        if len(cluster) > 1 or whole.width > WIDE * typical:
            doubtful.append(cluster)
        elif whole.height > LOW / 1.5 * typical:
            plain.append((whole, _image(whole, ink)))
    if score and plain:
        sure = np.asarray(score(np.stack([image for _, image in plain]))) > DOUBTFUL
        doubtful += [[piece] for (piece, _), fine in zip(plain, sure, strict=True) if not fine]
        plain = [digit for digit, fine in zip(plain, sure, strict=True) if fine]
    # One call of the reader for all that is doubtful on the page: many small ones are slow.
    lattices, tried, left = [], 0, MOST_AREA
    for cluster in doubtful:
        runs = _runs(cluster, ink, typical, MOST_RUNS - tried, left)
        if runs is None:
            runs = [(k, k + 1, piece) for k, piece in enumerate(cluster)]
        lattices.append(runs)
        tried += len(runs)
        left -= sum(run.mask.size for *_, run in runs)
    images = [_image(run, ink) for runs in lattices for *_, run in runs]
    if score and images:
        likely = np.log(np.clip(score(np.stack(images)), 1e-3, 1))
    else:
        likely = np.zeros(len(images))
    at = 0
    for runs in lattices:
        here = slice(at, at + len(runs))
        plain += _best_path(runs, images[here], likely[here], typical, 1 if score else ALONE)
        at += len(runs)
    return plain


def _runs(
    cluster: list[_Piece], ink: Ink, typical: float, most: int, most_area: int
) -> list[_Run] | None:
    """All stretches of neighbouring pieces that may be a digit: (first, one past last, joined).

    None where they would be more than `most`, or their boxes have more than `most_area` pixels.
    """
    atoms = [atom for piece in cluster for atom in _cut(piece, ink, typical)]
    atoms.sort(key=lambda atom: atom.columns.start + atom.columns.stop)
    runs: list[_Run] = []
    for first in range(len(atoms)):
        for last in range(first + 1, len(atoms) + 1):
            joined = _joined(atoms[first:last])
            most_area -= joined.mask.size
            if most_area < 0 or len(runs) >= most:
                return None
            if joined.width > WIDEST * typical and last > first + 1:
                break
            runs.append((first, last, joined))
    if (whole := (0, len(atoms))) not in [run[:2] for run in runs]:
        runs.append((*whole, _joined(atoms)))
    return runs


def _best_path(
    runs: list[_Run], images: list[np.ndarray], likely: np.ndarray, typical: float, weight: float
) -> list[tuple[_Piece, np.ndarray]]:
    """The runs that together use each piece once and are likeliest to be digits."""
    end = max(last for _, last, _ in runs)
    best: list[tuple[float, int, int | None]] = [(-np.inf, 0, None)] * (end + 1)
    best[0] = (0.0, 0, None)
    for k, (first, last, run) in sorted(enumerate(runs), key=lambda item: item[1][:2]):
        height, width = run.height / typical, run.width / typical
        shape = -6 * max(0, LOW - height) - 4 * max(0, width - WIDE) - 4 * max(0, height - 1.6)
        cut = run.cut > 0 and first > 0
        value = best[first][0] + likely[k] - A_DIGIT - A_CUT * cut
        value += weight * (shape - INK_CUT * run.cut * cut)
        if value > best[last][0]:
            best[last] = (value, first, k)
        # A low piece may also be no digit nor a part of one: dirt, a dash, a dot.
        dropped = best[first][0] - 1 - 3 * max(height, width)
        if (
            last == first + 1
            and max(height, width) < LOW
            and not run.severed
            and dropped > best[last][0]
        ):
            best[last] = (dropped, first, None)
    path, at = [], end
    while at:
        _, before, taken = best[at]
        if taken is not None:
            path.append((runs[taken][2], images[taken]))
        at = before
    return path[::-1]


def _cut(piece: _Piece, ink: Ink, typical: float) -> list[_Piece]:
    """A piece cut along seams of little ink, left to right; itself where it is too narrow."""
    count = int(CUTS * piece.width / typical)
    if count < 2 or piece.height < LOW * typical:
        return [piece]
    shrink = min(1.0, SEAM_ROWS / piece.height)
    size = max(2, round(piece.width * shrink)), max(2, round(piece.height * shrink))
    level = np.where(piece.mask, ink.level[piece.rows, piece.columns], 0)
    level = np.asarray(Image.fromarray(level).resize(size, Image.Resampling.BOX))
    pen, typical = ink.pen * shrink, typical * shrink
    seams = _seams(level, np.linspace(0, size[0], count + 2)[1:-1], 0.15 * typical)
    kept: list[tuple[float, np.ndarray]] = []
    for cost, seam in sorted(seams, key=lambda s: s[0]):
        far = all(np.abs(seam - other).mean() > 0.07 * typical for _, other in kept)
        if cost <= DEEPEST * pen and far:
            kept.append((cost, seam))
    kept.sort(key=lambda s: s[1].mean())
    rows = (np.arange(piece.height) * shrink).astype(int).clip(max=size[1] - 1)
    columns = np.arange(piece.width) * shrink
    side = np.zeros(piece.mask.shape, int)
    for _, seam in kept:
        side += columns > seam[rows, None]
    atoms: list[_Piece] = []
    for k in range(len(kept) + 1):
        mask = piece.mask & (side == k)
        if mask.any():
            cut = kept[k - 1][0] / pen if atoms else 0.0
            atoms.append(_trimmed(piece.rows.start, piece.columns.start, mask, cut))
    return [atom._replace(severed=True) for atom in atoms] if kept else [piece]


def _seams(level: np.ndarray, middles: np.ndarray, reach: float) -> list[tuple[float, np.ndarray]]:
    """For each column in `middles` the way down of least ink that keeps within `reach` of it.

    Returns (ink crossed, in pixels, and the column in each row).
    """
    height, width = level.shape
    reach = max(1, round(reach))
    columns = np.rint(middles).astype(int)[:, None] + np.arange(-reach, reach + 1)
    inside = (columns >= 0) & (columns < width)
    cost = np.where(inside, level[:, columns.clip(0, width - 1)], np.inf)
    # Going aside costs a trifle, so that where there is no ink seams run straight.
    aside = 0.03
    total = cost[0]
    steps = np.zeros(cost.shape, int)
    for row in range(1, height):
        ways = np.full((3, *total.shape), np.inf)
        ways[0, :, 1:] = total[:, :-1] + aside
        ways[1] = total
        ways[2, :, :-1] = total[:, 1:] + aside
        steps[row] = ways.argmin(0) - 1
        total = ways.min(0) + cost[row]
    seams = []
    for k in range(len(middles)):
        at = int(total[k].argmin())
        seam = np.zeros(height)
        crossed = 0.0
        for row in range(height - 1, -1, -1):
            seam[row] = columns[k, at]
            crossed += cost[row, k, at]
            at += steps[row, k, at]
        seams.append((crossed, seam))
    return seams


def _joined(pieces: list[_Piece]) -> _Piece:
    if len(pieces) == 1:
        return pieces[0]
    top = min(p.rows.start for p in pieces)
    left = min(p.columns.start for p in pieces)
    height = max(p.rows.stop for p in pieces) - top
    width = max(p.columns.stop for p in pieces) - left
    mask = np.zeros((height, width), bool)
    for p in pieces:
        rows = slice(p.rows.start - top, p.rows.stop - top)
        mask[rows, p.columns.start - left : p.columns.stop - left] |= p.mask
    return _Piece(slice(top, top + height), slice(left, left + width), mask, pieces[0].cut)


def _trimmed(top: int, left: int, mask: np.ndarray, cut: float) -> _Piece:
    rows, columns = ndimage.find_objects(mask.astype(np.uint8))[0]
    return _Piece(
        slice(top + rows.start, top + rows.stop),
        slice(left + columns.start, left + columns.stop),
        mask[rows, columns],
        cut,
    )


def _ink_of(piece: _Piece, ink: Ink) -> np.ndarray:
    """The piece's level, cropped, with the soft rim of its strokes."""
    near = ndimage.binary_dilation(np.pad(piece.mask, RIM), iterations=RIM)
    top, left = piece.rows.start - RIM, piece.columns.start - RIM
    level = ink.level[max(0, top) : piece.rows.stop + RIM, max(0, left) : piece.columns.stop + RIM]
    near = near[max(0, -top) :, max(0, -left) :][: level.shape[0], : level.shape[1]]
    return crop_to_ink(np.where(near, level, 0))


def _image(piece: _Piece, ink: Ink) -> np.ndarray:
    """The piece as MNIST would have it; uint8 (28, 28)."""
    return frame(with_mnist_pen(_ink_of(piece, ink)))


def _lines(pieces: list[_Piece]) -> list[list[int]]:
    """The lines of a page, top to bottom, each a list of its digits from left to right."""
    lines: list[list[int]] = []
    for k in sorted(range(len(pieces)), key=lambda k: pieces[k].columns.start):
        shared = [_shared_height(pieces[line[-1]], pieces[k]) for line in lines]
        if shared and max(shared) > 0.4:
            lines[int(np.argmax(shared))].append(k)
        else:
            lines.append([k])
    middle = [np.mean([pieces[k].rows.start + pieces[k].rows.stop for k in line]) for line in lines]
    return [lines[k] for k in np.argsort(middle)]


def _shared_height(one: _Piece, other: _Piece) -> float:
    """How much of the lower of the two pieces lies beside the other, 0 to 1."""
    shared = min(one.rows.stop, other.rows.stop) - max(one.rows.start, other.rows.start)
    return shared / min(one.height, other.height)
