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
from scipy.sparse.csgraph import connected_components

from lrcore.decode import Opened, Source, open_once
from lrcore.drawing import dense, finite, rasterise, redraw
from lrcore.errors import UserError
from lrcore.frame import crop_to_ink, frame
from lrcore.picture import (
    RIM,
    Ink,
    fills_picture,
    find_ink,
    find_lone_ink,
    shrunk,
    with_mnist_pen,
)
from lrcore.pieces import Piece, blobs, boxes, cut_apart, ink_of, joined, seams_sought

# How many digits a picture shows.
AUTO, ONE, SEVERAL = DIGITS = ("auto", "one", "several")
# A picture no larger than SMALL a side, or filled, shows one digit as a rule, unless it is broader
# than this in heights; of fewer pixels than FEWEST nothing can be told.
SMALL, BROADEST, FEWEST = 64, 1.6, 7
# A broken digit is in no more shards than this, of which one at least is lower than this share of
# the whole (broken digits against pairs of digits, 11 among them, in benchmarks/real_pictures.py).
MOST_SHARDS, SHARD = 6, 0.75
# The numbers below were chosen by benchmarks/real_pictures.py (rows, and single digits in pieces),
# whose --set tries others; lengths are in heights of a typical digit of the picture.
# A blob that is wider may be two digits, one that is lower may be a part of one, and lower still
# it is no digit; no digit is wider than WIDEST, few are higher than TALL.
WIDE, LOW, WIDEST, TALL = 1.1, 0.55, 1.5, 1.6
MARK = LOW / 1.5
# Pieces that share a digit are no further apart than this, across and down.
BESIDE, ABOVE = 0.15, 0.35
# ... or one reaches over the other by this share of the narrower one's width.
INTERLOCKED = 0.1
# A loose hat is nearer to its digit than this, in the digit's own heights.
LOOSE = 0.25
# What stands beside a line by more than this share of its height stands in that line.
SAME_LINE = 0.4
# What a reader is less sure of to be one digit is looked at again.
DOUBTFUL = 0.6
# The least probability that counts: a reader that is certain of a mistake may be outvoted.
LEAST = 1e-3
# Prices in the search for the likeliest path, in units of log probability: of each digit more, of
# each cut through a blob, and of each width of the pen that it goes through;
A_DIGIT, A_CUT, INK_CUT = 0.3, 0.8, 0.5
# of each height that a piece is lower than LOW, wider than WIDE, higher than TALL;
TOO_LOW, TOO_WIDE, TOO_TALL = 6.0, 4.0, 4.0
# of calling a low piece dirt, at all and for each height of its size.
DIRT, DIRT_SIZE = 1.0, 3.0
# Without a reader, shape and depth of cut have to decide alone, and weigh this many times more.
ALONE = 3
# Bounds on the time that a picture of a lawn takes: joined pieces judged, the pixels of their boxes
# together, and the seams that are sought, of which a page of thin streaks has tens of thousands.
MOST_RUNS, MOST_AREA, MOST_SEAMS = 300, 40_000_000, 2_000
# Pixels a side, at most, of the pictures that are kept of a digit's way for people to see.
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


class _Digit(NamedTuple):
    """What is taken to be one digit: its ink, that with MNIST's pen for people, its 28x28 image."""

    piece: Piece
    penned: np.ndarray
    image: np.ndarray


class _Run(NamedTuple):
    """Neighbouring pieces joined: the first, one past the last, and what they make together."""

    first: int
    last: int
    piece: Piece


def find_digits(
    source: Source | Opened, score: Score | None = None, digits: str = AUTO
) -> list[Found]:
    """All digits of a picture in reading order.

    Parameters
    ----------
    source : anything that `lrcore.decode.open_once` takes, or what it gives.
    score : how likely (0 to 1) each of n uint8 images, shape (n, 28, 28), is to be one digit and
        no other thing; `Reader.digit_score` is one.  Without it shape alone decides.
    digits : how many there are, one of DIGITS.  'one' joins what lies close to the largest mark;
        'auto' leans to one where the picture is small, or filled, or as broad as one digit is.

    Raises UserError where the picture cannot be read or nothing is written on it.
    """
    if digits not in DIGITS:
        raise UserError(f"How many digits a picture shows is {', '.join(DIGITS)}, not {digits!r}.")
    opened = source if isinstance(source, Opened) else open_once(source)
    ink, chosen = _looked_for(opened.grey, score, digits)
    return [
        _found(chosen[k], number, opened, ink)
        for number, line in enumerate(_lines([digit.piece for digit in chosen]))
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


def drawn_as_several(
    strokes: Sequence[np.ndarray], width: int, height: int, pen: float, score: Score
) -> bool:
    """Whether a canvas meant for one digit rather shows several: each is one, all are none."""
    strokes = finite(strokes)
    if len(strokes) < 2 or score(frame(redraw(strokes))[None])[0] > DOUBTFUL:
        return False
    try:
        found = find_drawn_digits(strokes, width, height, pen, score)
    except UserError:
        return False
    images = np.stack([item.image for item in found])
    return len(found) > 1 and bool((score(images) > DOUBTFUL).all())


def _looked_for(grey: np.ndarray, score: Score | None, digits: str) -> tuple[Ink, list[_Digit]]:
    """The ink of a picture and its digits, as many as `digits` says."""
    if max(grey.shape) < FEWEST:
        raise UserError(
            f"The picture is only {grey.shape[1]} x {grey.shape[0]} pixels large, too small for a "
            f"digit to be told: bring one of {FEWEST} x {FEWEST} at least."
        )
    lone = None if digits == SEVERAL else _lone(grey, score)
    if lone and (digits == ONE or not score):
        return lone
    try:
        ink = find_ink(grey)
        pieces = blobs(ink)
        if digits == ONE:
            return ink, [_as_digit(_around_largest(pieces, ink), ink)]
        typical = _typical_height(pieces)
        found = _resolved(_clusters(pieces, typical), ink, typical, score)
    except UserError:
        if lone:
            return lone
        raise
    if score and digits == AUTO and len(found) > 1:
        if lone:
            return (ink, found) if _several(found, lone[1][0], score) else lone
        found = _shards_joined(found, ink, score)
    return lone or (ink, found)


def _lone(grey: np.ndarray, score: Score | None) -> tuple[Ink, list[_Digit]] | None:
    """The one digit of a picture that is small or that it fills; None where neither seems so."""
    height, width = grey.shape
    if width > BROADEST * height:
        return None
    small = max(height, width) <= SMALL
    try:
        if not small and not fills_picture(find_lone_ink(shrunk(grey, SMALL))):
            return None
        ink = find_lone_ink(grey)
        digit = _as_digit(joined(blobs(ink)), ink)
    except UserError:
        return None
    if not small and score and score(digit.image[None])[0] < DOUBTFUL:
        return None
    return ink, [digit]


def _several(found: list[_Digit], lone: _Digit, score: Score) -> bool:
    """Whether a small picture shows several digits all the same: each is one, and all are none."""
    sure = score(np.stack([digit.image for digit in (*found, lone)])) > DOUBTFUL
    return bool(sure[:-1].all() and not sure[-1])


def _shards_joined(found: list[_Digit], ink: Ink, score: Score) -> list[_Digit]:
    """The parts of one broken digit as that digit, where that is likelier; else all as they are."""
    piece = joined([digit.piece for digit in found])
    if len(found) > MOST_SHARDS or piece.width > WIDE * piece.height:
        return found
    whole = _as_digit(piece, ink)
    likely = np.log(np.clip(score(np.stack([d.image for d in (*found, whole)])), LEAST, 1))
    # Parts as tall as the whole, each of them a digit, stand side by side.
    tall = all(digit.piece.height > SHARD * piece.height for digit in found)
    if tall and (likely[:-1] > np.log(DOUBTFUL)).all():
        return found
    several = likely[:-1].sum() - A_DIGIT * (len(found) - 1)
    return [whole] if likely[-1] > several else found


def _around_largest(pieces: list[Piece], ink: Ink) -> Piece:
    """The blob of most ink and what lies close to it."""
    weight = [ink.level[p.rows, p.columns][p.mask].sum() for p in pieces]
    largest = pieces[int(np.argmax(weight))]
    reach = LOOSE * max(largest.height, largest.width)
    near = _gaps(boxes([largest]), boxes(pieces)).max(0)[0] < reach
    return joined([piece for piece, ours in zip(pieces, near, strict=True) if ours])


def _as_digit(piece: Piece, ink: Ink) -> _Digit:
    penned = with_mnist_pen(ink_of(piece, ink))
    return _Digit(piece, _shown(penned), frame(penned))


def _found(digit: _Digit, line: int, opened: Opened, ink: Ink) -> Found:
    """A digit with its box in the picture's own pixels and its way for people to see."""
    piece, grey = digit.piece, opened.grey
    width, height = opened.size
    scale = np.array([width / grey.shape[1], height / grey.shape[0]] * 2)
    box = piece.columns.start, piece.rows.start, piece.columns.stop, piece.rows.stop
    left, top, right, bottom = np.rint(box * scale).astype(int).tolist()
    margin = max(RIM, max(piece.height, piece.width) // 4)
    rows = slice(max(0, piece.rows.start - margin), piece.rows.stop + margin)
    columns = slice(max(0, piece.columns.start - margin), piece.columns.stop + margin)
    way = (
        ("the picture in grey", grey[rows, columns]),
        ("its ink", ink.level[rows, columns]),
        ("the digit", ink_of(piece, ink)),
    )
    shown = [(caption, _shown(picture)) for caption, picture in way]
    shown.append(("strokes as wide as MNIST's", digit.penned))
    return Found((left, top, right, bottom), digit.image, line, tuple(shown))


def _shown(picture: np.ndarray) -> np.ndarray:
    """A picture of values from 0 to 1 for people to see."""
    return np.rint(np.clip(shrunk(picture, SHOWN), 0, 1) * 255).astype(np.uint8)


def _share_inside(stroke: np.ndarray, boxes: np.ndarray, margin: float) -> np.ndarray:
    """Which share of a stroke's length lies in each (left, top, right, bottom) box, shape (k,)."""
    points = dense(stroke, 1.0)[:, None]
    low, high = boxes[:, :2] - margin, boxes[:, 2:] + margin
    return ((points >= low) & (points <= high)).all(axis=2).mean(axis=0)


def _typical_height(pieces: list[Piece]) -> float:
    """The median height of blobs, each counted as often as its box is large: specks do not."""
    heights = np.array([piece.height for piece in pieces])
    areas = heights * [piece.width for piece in pieces]
    order = np.argsort(heights)
    return float(heights[order][np.searchsorted(areas[order].cumsum(), areas.sum() / 2)])


def _gaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far apart boxes are, across and down: shape (2, n, m); negative where they overlap."""
    one, other = one[:, None], other[None]
    apart = np.maximum(one[..., :2], other[..., :2]) - np.minimum(one[..., 2:], other[..., 2:])
    return np.moveaxis(apart, -1, 0)


def _clusters(pieces: list[Piece], typical: float) -> list[list[Piece]]:
    """Pieces sorted into sets that may share digits: close by, and one of them not a whole one."""
    places = boxes(pieces)
    across, down = _gaps(places, places)
    width, height = places[:, 2] - places[:, 0], places[:, 3] - places[:, 1]
    low = height < LOW * typical
    near = (across < BESIDE * typical) & (down < ABOVE * typical)
    narrower = np.minimum(width[:, None], width)
    interlocked = (across < -INTERLOCKED * narrower) & (down < 0)
    near &= low[:, None] | low | interlocked
    count, of = connected_components(near)
    return [[pieces[k] for k in np.flatnonzero(of == c)] for c in range(count)]


def _resolved(
    clusters: list[list[Piece]], ink: Ink, typical: float, score: Score | None
) -> list[_Digit]:
    """The digits of all clusters."""
    plain, doubtful, made = _plain(clusters, ink, typical, score)
    # One call of the reader for all that is doubtful on the page: many small ones are slow.
    lattices = _lattices(doubtful, ink, typical)
    # A blob that is left whole has its image already.
    known = {id(digit.piece): digit for digit in made}
    pieces = [run.piece for runs in lattices for run in runs]
    candidates = [known[id(p)] if id(p) in known else _as_digit(p, ink) for p in pieces]
    likely = np.zeros(len(candidates))
    if score and candidates:
        images = np.stack([digit.image for digit in candidates])
        likely = np.log(np.clip(score(images), LEAST, 1))
    at = 0
    for runs in lattices:
        path = _best_path(runs, likely[at : at + len(runs)], typical, 1 if score else ALONE)
        plain += [candidates[at + k] for k in path]
        at += len(runs)
    return plain


def _plain(
    clusters: list[list[Piece]], ink: Ink, typical: float, score: Score | None
) -> tuple[list[_Digit], list[list[Piece]], list[_Digit]]:
    """What is a digit beyond doubt, by its shape and by the reader, and the clusters that are not;
    and all that was framed to know that.

    Of single blobs that are too low for a digit nothing is left.
    """
    plain, doubtful = [], []
    for cluster in clusters:
        if len(cluster) > 1 or cluster[0].width > WIDE * typical:
            doubtful.append(cluster)
        elif cluster[0].height > MARK * typical:
            plain.append(_as_digit(cluster[0], ink))
    if not score or not plain:
        return plain, doubtful, plain
    sure = np.asarray(score(np.stack([digit.image for digit in plain]))) > DOUBTFUL
    doubtful += [[digit.piece] for digit, fine in zip(plain, sure, strict=True) if not fine]
    return [digit for digit, fine in zip(plain, sure, strict=True) if fine], doubtful, plain


def _lattices(clusters: list[list[Piece]], ink: Ink, typical: float) -> list[list[_Run]]:
    """All that may be a digit in each cluster; each piece as it is where that would be too much."""
    lattices, judged, area, seams = [], 0, 0, 0
    for cluster in clusters:
        more = sum(seams_sought(piece, typical) for piece in cluster)
        runs = None
        if seams + more <= MOST_SEAMS:
            seams += more
            runs = _runs(cluster, ink, typical, MOST_RUNS - judged, MOST_AREA - area)
        if runs is None:
            runs = [_Run(k, k + 1, piece) for k, piece in enumerate(cluster)]
        lattices.append(runs)
        judged += len(runs)
        area += sum(run.piece.mask.size for run in runs)
    return lattices


def _runs(
    cluster: list[Piece], ink: Ink, typical: float, most: int, most_area: int
) -> list[_Run] | None:
    """All stretches of neighbouring pieces, cut apart before, that may be a digit.

    None where they would be more than `most`, or their boxes have more than `most_area` pixels.
    """
    atoms: list[Piece] = []
    for piece in cluster:
        atoms += [piece] if piece.height < LOW * typical else cut_apart(piece, ink, typical)
    atoms.sort(key=lambda atom: atom.columns.start + atom.columns.stop)
    runs: list[_Run] = []
    for first in range(len(atoms)):
        for last in range(first + 1, len(atoms) + 1):
            run = _Run(first, last, joined(atoms[first:last]))
            most_area -= run.piece.mask.size
            if most_area < 0 or len(runs) >= most:
                return None
            if run.piece.width > WIDEST * typical and last > first + 1:
                break
            runs.append(run)
    if (0, len(atoms)) not in [(run.first, run.last) for run in runs]:
        runs.append(_Run(0, len(atoms), joined(atoms)))
    return runs


def _best_path(runs: list[_Run], likely: np.ndarray, typical: float, weight: float) -> list[int]:
    """Which runs together use each piece once and are likeliest to be digits, left to right.

    likely : log probability of each run to be a digit; `weight` is that of its shape.
    """
    places = 1 + max(run.last for run in runs)
    # For each place between pieces the value of the best way there, and the run it ends with:
    # where that begins, and its number, or None for dirt.
    value = np.full(places, -np.inf)
    value[0] = 0.0
    taken: list[tuple[int, int | None]] = [(0, None)] * places
    for k in sorted(range(len(runs)), key=lambda k: runs[k][:2]):
        first, last, piece = runs[k]
        ways: list[tuple[float, int | None]] = [
            (likely[k] - _price(piece, first > 0, typical, weight), k)
        ]
        if last == first + 1 and not piece.severed:
            ways.append((-_price_as_dirt(piece, typical), None))
        for gain, run in ways:
            if value[first] + gain > value[last]:
                value[last], taken[last] = value[first] + gain, (first, run)
    path, at = [], places - 1
    while at:
        at, run = taken[at]
        if run is not None:
            path.append(run)
    return path[::-1]


def _price(piece: Piece, inside: bool, typical: float, weight: float) -> float:
    """What calling a piece a digit costs; `inside` a cluster its left side may be a cut."""
    height, width = piece.height / typical, piece.width / typical
    price = TOO_LOW * max(0, LOW - height)
    price += TOO_WIDE * max(0, width - WIDE) + TOO_TALL * max(0, height - TALL)
    if not inside or piece.cut == 0:
        return A_DIGIT + weight * price
    return A_DIGIT + A_CUT + weight * (price + INK_CUT * piece.cut)


def _price_as_dirt(piece: Piece, typical: float) -> float:
    """What calling a piece no digit nor a part of one costs: dirt, a dash, a dot."""
    size = max(piece.height, piece.width) / typical
    return DIRT + DIRT_SIZE * size if size < LOW else np.inf


def _lines(pieces: list[Piece]) -> list[list[int]]:
    """The lines of a page, top to bottom, each a list of its digits from left to right."""
    lines: list[list[int]] = []
    for k in sorted(range(len(pieces)), key=lambda k: pieces[k].columns.start):
        shared = [_shared_height(pieces[line[-1]], pieces[k]) for line in lines]
        if shared and max(shared) > SAME_LINE:
            lines[int(np.argmax(shared))].append(k)
        else:
            lines.append([k])
    middle = [np.mean([pieces[k].rows.start + pieces[k].rows.stop for k in line]) for line in lines]
    return [lines[k] for k in np.argsort(middle)]


def _shared_height(one: Piece, other: Piece) -> float:
    """How much of the lower of the two pieces lies beside the other, 0 to 1."""
    shared = min(one.rows.stop, other.rows.stop) - max(one.rows.start, other.rows.start)
    return shared / min(one.height, other.height)
