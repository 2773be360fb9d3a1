"""The ink of a photo, a scan or a screenshot, and strokes as wide as MNIST's pens draw them.

The way from a picture to its digits has five steps, which `lrcore.segment.Found.steps` shows: the
picture in grey; its ink, after the background has been levelled and light-on-dark told from
dark-on-light; a digit alone; the digit with its strokes as wide as MNIST's; and that in MNIST's
frame.  The second and the fourth are here.

Sources of the methods:

- Levelling: a morphological closing wider than any stroke leaves the paper without its ink
  (J. Serra, "Image Analysis and Mathematical Morphology", 1982); what divides by it no longer
  knows shadows, since light reflected is paper times illumination.
- Threshold: the mean level weighted by edge strength, which, unlike a threshold taken from the
  histogram, does not mind how little of a page is ink (J. Kittler, J. Illingworth and J. Föglein,
  "Threshold selection based on a simple image statistic", 1985).
- Stroke width: the mean distance to the edge inside a stroke of width w is w / 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from lrcore.errors import UserError
from lrcore.frame import BOX, along_sides, crop_to_ink

# Pixels round the strokes that still belong to them.
RIM = 2
# Widths of stroke in a frame of 28x28: of MNIST's training digits about one in four is thinner
# than the first, one in eight thicker than the other.  These are brought to the nearer of the two.
THINNEST, THICKEST = 2.1, 3.3
# A digit that fills its picture covers at most this share of its frame, and its strokes are this
# wide in longer sides.  Of made pictures (benchmarks/real_pictures.py: tight against shadow,
# perspective, mixed) digits have 0.07 to 0.32 and 0.12 to 0.30, others more of one of the two.
ALONG, THIN, THICK = 0.35, 0.06, 0.35
# Ink that differs from paper by less, of the whole range of greys, is none.
FAINTEST = 0.03
# What the median of distances to the middle is multiplied by for the deviation of a normal law.
NORMAL = 1.4826
NO_INK = "No ink was found in the picture: write larger or darker, or take it in better light."


class Ink(NamedTuple):
    """What is written: float32 `level` of shape (h, w), 0 for paper to 1 for full ink; the mask
    `written` of the same shape, the strokes without their soft rims; their mean width `pen`."""

    level: np.ndarray
    written: np.ndarray
    pen: float


def find_ink(grey: np.ndarray) -> Ink:
    """The ink of a picture, without ruled lines, specks, and what lies beyond the paper.

    `grey` is that of `lrcore.decode.open_once`, written dark on light or light on dark, on paper
    however lit.  Raises UserError where nothing is written.
    """
    grey = np.asarray(grey, np.float32)
    vote = _dark_on_light(grey)
    ink = _dark_ink(grey if vote >= 0 else 1 - grey)
    # A sheet on a dark table may pass for light ink: it covers more than a digit can.
    if abs(vote) < 2 and ink.written.mean() > 0.45:
        try:
            return min(ink, _dark_ink(1 - grey if vote >= 0 else grey), key=lambda found: found.pen)
        except UserError:
            pass
    return ink


def find_lone_ink(grey: np.ndarray) -> Ink:
    """The ink of a picture that one digit all but fills, or of too few pixels to level.

    There is hardly any paper to learn from: what lies in the corners and along the frame is taken
    for it, in one shade.  Raises UserError where nothing is written.
    """
    grey = np.asarray(grey, np.float32)
    if np.ptp(grey) < FAINTEST:
        raise UserError(NO_INK)
    parted = _parted(grey)
    dark = _ink_is_dark(grey, parted)
    page, parted = (1 - grey, 1 - parted) if dark else (grey, parted)
    thin, thick = page[page <= parted], page[page > parted]
    # Where most is paper its middle shade is; where most is ink only the palest of its rim.
    paper = np.median(thin) if len(thin) > page.size / 2 else np.quantile(page, 0.05)
    noise = NORMAL * np.median(paper - thin[thin <= paper])
    contrast = (np.quantile(thick, 0.9) if len(thick) else paper) - paper
    if contrast < max(FAINTEST, 5 * noise):
        raise UserError(NO_INK)
    # Black enough is black: MNIST's own pictures pass as they are.
    level = (page - paper) / (1 - paper if contrast > 0.95 else contrast)
    level = np.where(level > 2 * noise / contrast, np.minimum(level, 1), 0)
    # Half as dark as what surely is ink counts, as far as it stands out of the noise.
    edge = (parted - paper) / contrast
    written = level > min(edge, max(edge / 2, 3 * noise / contrast))
    written = _without_specks(written, level)
    near = ndimage.binary_dilation(written, np.ones((3, 3)), iterations=RIM)
    return Ink(np.where(near, level, 0).astype(np.float32), written, stroke_width(written))


def fills_picture(ink: Ink) -> bool:
    """Whether what is written is a digit's strokes that reach all but one of the picture's sides.

    So do a shadow, a table round the sheet, a thumb: they are too thick for strokes, or too thin,
    or lie along the frame, which a digit only touches.
    """
    written = ink.written
    rows, columns = (np.flatnonzero(written.any(axis)) for axis in (1, 0))
    height, width = written.shape
    longest = max(height, width)
    margins = rows[0], height - 1 - rows[-1], columns[0], width - 1 - columns[-1]
    reached = sum(margin <= max(1, 0.02 * longest) for margin in margins)
    along = along_sides(written).mean()
    return reached >= 3 and along <= ALONG and THIN <= ink.pen / longest <= THICK


def _parted(grey: np.ndarray) -> float:
    """The level that parts a picture into dark and light best (N. Otsu, 1979)."""
    count, edges = np.histogram(grey, 256)
    middle = (edges[:-1] + edges[1:]) / 2
    below = count.cumsum()
    above = grey.size - below
    sums = (count * middle).cumsum()
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    best = np.flatnonzero(apart == np.nanmax(apart))
    return float(edges[1 + best].mean())


def _ink_is_dark(grey: np.ndarray, parted: float) -> bool:
    """Whether ink is the darker part: paper is in the corners, along the frame, and the more."""
    corners = grey[[0, 0, -1, -1], [0, -1, 0, -1]].mean()
    frame = along_sides(grey).mean()
    extent = np.ptp(grey) + 1e-9
    light_ink = (parted - corners + grey.mean() - frame) / extent + 0.5 - (grey > parted).mean()
    return bool(light_ink < 0)


def _without_specks(written: np.ndarray, level: np.ndarray) -> np.ndarray:
    """The mask without blobs that have less than a twentieth of the ink of the largest."""
    blobs, count = ndimage.label(written, np.ones((3, 3)))
    weight = ndimage.sum_labels(level, blobs, np.arange(1, count + 1))
    return np.concatenate([[False], weight > 0.05 * weight.max(initial=0)])[blobs]


def _dark_ink(dark: np.ndarray) -> Ink:
    # Once with a window that no stroke fills, then, its width known, as close as it allows:
    # the closer the window, the better it follows the edge of a shadow.
    level, edge = _above_paper(dark, window=0.4 * min(dark.shape))
    firm = level > edge
    writing = _only_writing(firm)
    beyond = firm & ~writing
    level, edge = _above_paper(dark, window=6 * stroke_width(writing))
    written = _only_writing(level > edge, beyond)
    pen = stroke_width(written)
    full = np.quantile(level[written], 0.9)
    # Black enough is black: MNIST's own pictures pass as they are.
    full = 1.0 if full > 0.95 else full
    # The soft rim of a stroke is part of it, the same faint grey far from any stroke is paper.
    # Where a stroke is many pixels wide its rim holds no shape, only blur and JPEG's ripples.
    near = ndimage.binary_dilation(written, iterations=RIM)
    near &= level > (0.25 * full if pen > 5 else 0)
    level = np.where(near, np.clip(level / full, 0, 1), 0).astype(np.float32)
    return Ink(level, written, pen)


def shrunk(grey: np.ndarray, longest: int) -> np.ndarray:
    """`grey` with its longer side shrunk to `longest` where it is longer, by area."""
    shrink = max(1.0, max(grey.shape) / longest)
    size = tuple(max(1, round(side / shrink)) for side in grey.shape[::-1])
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX))


def _dark_on_light(grey: np.ndarray) -> float:
    """Above 0 where the strokes are darker than the paper round them; from 2 up that is certain.

    What departs most from the median of its neighbourhood is ink, for ink is the smaller part
    of any neighbourhood wider than a stroke.  Three widths vote, for strokes thick and thin.
    """
    vote = 0.0
    for longest, part, step in ((64, 0.67, 3), (64, 0.33, 2), (128, 0.12, 2)):
        small = shrunk(grey, longest)
        reach = max(1, int(min(small.shape) * part) // 2)
        # Every third or second pixel has nearly the same median as all, for a fraction of the time.
        looked_at = np.arange(-reach, reach + 1) % min(step, reach) == 0
        median = ndimage.median_filter(
            small, footprint=np.outer(looked_at, looked_at), mode="nearest"
        )
        residue = small - median
        light, dark = (np.clip(s * residue, 0, None) ** 3 for s in (1, -1))
        vote += np.log10((dark.sum() + 1e-9) / (light.sum() + 1e-9))
    return vote


def _above_paper(dark: np.ndarray, window: float) -> tuple[np.ndarray, float]:
    """How much darker than the paper each pixel is (0 to 1), and the level that parts the two."""
    # Paper varies slowly: a coarse copy will do, and averaging takes the noise out of the maximum.
    coarse = shrunk(dark, 400)
    scale = max(dark.shape) / max(coarse.shape)
    size = 2 * max(1, round(window / scale / 2)) + 1
    paper = ndimage.grey_closing(coarse, size=size, mode="nearest")
    # Never brighter than what was seen, or a dark table would be ink along the paper's edge.
    smooth = ndimage.gaussian_filter(paper, size / 6, mode="nearest")
    paper = np.minimum(smooth, ndimage.grey_erosion(paper, size=3, mode="nearest"))
    paper = np.asarray(Image.fromarray(paper).resize(dark.shape[::-1], Image.Resampling.BILINEAR))
    ink = np.clip(1 - dark / np.maximum(paper, 1e-3), 0, 1)
    smooth = ndimage.gaussian_filter(ink, 1.0) if scale > 1 else ink
    edges = np.hypot(*np.gradient(smooth)) if min(ink.shape) > 1 else np.zeros_like(ink)
    # Of noise alone (a Rayleigh law) not one edge in ten thousand is 4 medians high.
    weight = np.maximum(edges - 4 * np.median(edges), 0) ** 2
    edge = float((weight * ink).sum() / weight.sum()) if weight.any() else 0.0
    # An edge that is the same everywhere may lie, rounded, on the ink's own level.
    if edge < 0.02 or not (ink > edge).any():
        raise UserError(NO_INK)
    return ink, edge


def stroke_width(written: np.ndarray) -> float:
    """The mean width of the strokes, in pixels, of a mask of shape (h, w).

    A stroke has two sides: its area is half its outline times its width.  The outline is counted
    where rows and columns cross it (Crofton's formula for two directions).
    """
    mask = np.pad(written, 1)
    crossings = sum(np.count_nonzero(np.diff(mask, axis=axis)) for axis in (0, 1))
    return 2 * np.count_nonzero(mask) / (np.pi / 4 * crossings) if crossings else 0.0


def _only_writing(written: np.ndarray, beyond: np.ndarray | None = None) -> np.ndarray:
    """The mask without specks and without what reaches in from beyond the paper.

    What touches the frame goes if it lies in the mask `beyond`.
    """
    blobs, count = ndimage.label(written, np.ones((3, 3)))
    sides = _sides(blobs, count)
    # A thumb or a table lies along the frame; of a digit that touches it, less than half does.
    frame = np.concatenate([blobs[0], blobs[-1], blobs[1:-1, 0], blobs[1:-1, -1]])
    contact = np.bincount(frame, minlength=count + 1)[1:]
    within = contact <= 0.5 * sides.sum(1)
    if beyond is not None:
        inside = ndimage.mean(beyond, blobs, np.arange(1, count + 1))
        within &= (contact == 0) | (inside < 0.5)
    longest = sides.max(1)
    if longest[within].max(initial=0) < 0.03 * max(written.shape):
        within[:] = True
    kept = within & (longest > 0.15 * longest[within].max())
    return np.concatenate([[False], kept])[blobs]


def _sides(blobs: np.ndarray, count: int) -> np.ndarray:
    """Heights and widths, (count, 2), of the boxes round labelled blobs.

    By whole arrays: of the finest grain there are hundreds of thousands, an object for each of
    which takes seconds and much memory.
    """
    places = np.nonzero(blobs)
    number = blobs[places] - 1
    sides = np.empty((count, 2), int)
    for axis, at in enumerate(places):
        low, high = np.full(count, blobs.shape[axis]), np.full(count, -1)
        np.minimum.at(low, number, at)
        np.maximum.at(high, number, at)
        sides[:, axis] = high - low + 1
    return sides


def with_mnist_pen(ink: np.ndarray) -> np.ndarray:
    """The same digit, cropped, drawn with a pen as wide as MNIST's; unchanged where it is."""
    ink = crop_to_ink(ink)
    longest = 5 * BOX
    scale = longest / max(ink.shape)
    size = tuple(max(1, round(side * scale)) for side in ink.shape[::-1])
    fine = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BICUBIC))
    # A hair of a stroke is nowhere full ink once the digit is shrunk.
    hair = min(1.0, scale * stroke_width(ink > 0.5))
    written = np.pad(fine > 0.5 * hair, longest // 4)
    width = stroke_width(written) / longest
    wanted = np.clip(width, THINNEST / BOX, THICKEST / BOX)
    if width == wanted:
        return ink
    # Paring a stroke shrinks the digit's box too, hence the denominator.
    pared = longest * (width - wanted) / (2 * (1 - wanted))
    # How deep in the ink a pixel lies, negative outside.  To pare a stroke the outside does not
    # count, to thicken it the inside does not, and half of the time is saved.
    if pared > 0:
        depth = ndimage.distance_transform_edt(written)
    else:
        depth = np.where(written, 1, -ndimage.distance_transform_edt(~written))
    return crop_to_ink(np.clip(depth - pared, 0, 1).astype(np.float32))
