"""From a photo, a scan or a screenshot of one handwritten digit to its 28x28 picture.

The way has five steps, and `film` shows them: the picture in grey; its ink, after the
background has been levelled and light-on-dark told from dark-on-light; the digit alone; the
digit with its strokes as wide as MNIST's pens draw them; and that in MNIST's frame.

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

import io
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile
from scipy import ndimage

from lrcore.errors import UserError
from lrcore.frame import BOX, crop_to_ink, frame

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
# A picture is worked on at no more than this many pixels a side: a stroke of a digit that fills
# a fiftieth of the page is still two pixels wide, and a photo takes a fraction of a second.
LONGEST = 1600
# What a telephone takes is allowed as JPEG, which is decoded small; others are decoded in full.
# WebP's decoder keeps several copies; some rare formats are decoded in Python.
MOST_PIXELS, MOST_PIXELS_OF_JPEG, MOST_PIXELS_OF_WEBP = 25_000_000, 50_000_000, 12_000_000
MOST_PIXELS_IN_PYTHON, IN_PYTHON = 1_000_000, {"ppm", "ppm_plain", "bmp_rle"}
MOST_SIDE = 20_000
MOST_BYTES = 32 * 2**20
# A JPEG is decoded once for each of its scans: ten are usual, but a file may ask for thousands.
MOST_SCANS = 100
# Pixels round the strokes that still belong to them.
RIM = 2
# Widths of stroke in a frame of 28x28: of MNIST's training digits about one in four is thinner
# than the first, one in eight thicker than the other.  These are brought to the nearer of the two.
THINNEST, THICKEST = 2.1, 3.3


# What a picture may come in.
File = str | os.PathLike | bytes | bytearray | memoryview | BinaryIO
Source = File | Image.Image | np.ndarray


def open_picture(source: Source) -> np.ndarray:
    """A picture in grey: float32 of shape (h, w), 0 black to 1 white, at most LONGEST a side.

    `source` is a path, bytes, an open binary file, a PIL image, or an array: (h, w) grey or
    (h, w, 3 or 4) colour, of integers or of floats.  Turned as EXIF says; where it is
    transparent, paper is put behind it.  Raises UserError for what cannot be read.
    """
    return open_to_scale(source)[0]


def open_to_scale(source: Source) -> tuple[np.ndarray, tuple[int, int]]:
    """`open_picture`, and the (width, height) of the picture in its own pixels, turned upright."""
    if isinstance(source, np.ndarray):
        return _shrunk(_from_array(source))
    if isinstance(source, Image.Image):
        return _shrunk(source)
    raw, name = _bytes(source)
    if len(raw) > MOST_BYTES:
        raise UserError(_too_large(name))
    try:
        image = Image.open(Reads(raw), formats=FORMATS)
    except Image.DecompressionBombError:
        raise UserError(_too_large(name)) from None
    # Pillow's readers meet damage with errors of a dozen kinds; to the user they are one.
    except Exception:
        raise UserError(
            f"{name} is not a picture that can be read: use PNG, JPEG, WebP, BMP, GIF or TIFF."
        ) from None
    with image:
        if image.format in ("JPEG", "MPO") and raw.count(b"\xff\xda") > MOST_SCANS:
            raise UserError(f"{name} is a JPEG of too many scans: save it as an ordinary one.")
        return _shrunk(image, name)


class Reads(io.BytesIO):
    """Bytes as a file that is read from so many times at most.

    A file of millions of empty blocks would keep Pillow's readers busy for minutes.
    """

    left = 400_000

    def read(self, *size: int | None) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise OSError("too many blocks")
        return super().read(*size)


def _bytes(source: File) -> tuple[bytes, str]:
    """What is in a path, bytes or an open file, and what to call it in errors."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), "This file"
    if not isinstance(source, (str, os.PathLike)):
        if source.seekable():
            source.seek(0)
        return source.read(MOST_BYTES + 1), "This file"
    path = Path(source)
    try:
        # Not a pipe or a device, which might never end.
        if not path.is_file():
            raise UserError(f"There is no picture at '{source}'.")
        with open(path, "rb") as file:
            return file.read(MOST_BYTES + 1), f"'{path.name}'"
    except OSError as error:
        raise UserError(f"'{path.name[:80]}' can not be opened: {error.strerror}.") from None


def _too_large(name: str, most: int = MOST_PIXELS) -> str:
    return (
        f"{name} is too large: at most {most / 1e6:g} million pixels of this kind, {MOST_SIDE:,} "
        f"a side and {MOST_BYTES // 2**20} MB are read; make it smaller or save it as JPEG."
    )


def _most_pixels(image: Image.Image) -> int:
    """How large a picture may be for its decoder to be done in about a second."""
    if image.format in ("JPEG", "MPO") and "progressive" not in image.info:
        return MOST_PIXELS_OF_JPEG
    if image.format == "WEBP":
        return MOST_PIXELS_OF_WEBP
    if any(tile[0] in IN_PYTHON for tile in getattr(image, "tile", ())):
        return MOST_PIXELS_IN_PYTHON
    return MOST_PIXELS


def _decoded_pixels(image: Image.Image) -> int:
    """How many pixels are decoded: of a TIFF the tiles, which may be larger than the picture."""
    width, height = image.size
    if isinstance(image, TiffImageFile):
        width = max(width, int(image.tag_v2.get(322, 0)))
        height = max(height, int(image.tag_v2.get(323, 0)))
    return width * height


def _from_array(array: np.ndarray) -> Image.Image:
    colour = array.ndim == 3 and array.shape[2] in (3, 4)
    if array.size == 0 or not (array.ndim == 2 or colour) or array.dtype.kind not in "buif":
        raise UserError(
            f"An array of shape {array.shape} and type {array.dtype} is not a picture: "
            "give (height, width) or (height, width, 3 or 4) numbers."
        )
    if max(array.shape[:2]) > MOST_SIDE or array.shape[0] * array.shape[1] > MOST_PIXELS:
        raise UserError(_too_large("The array"))
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    if array.dtype == np.uint8:
        return Image.fromarray(array)
    if not colour:
        return Image.fromarray(array.astype(np.float32))
    top = np.iinfo(array.dtype).max if array.dtype.kind in "ui" else 1.0
    # Clipped before it is scaled: the largest floats would overflow.
    return Image.fromarray((np.clip(np.nan_to_num(array) / top, 0, 1) * 255).astype(np.uint8))


def _shrunk(image: Image.Image, name: str = "The picture") -> tuple[np.ndarray, tuple[int, int]]:
    width, height = image.size
    if min(width, height) == 0:
        raise UserError(f"{name} has no pixels.")
    most = _most_pixels(image)
    try:
        if max(width, height) > MOST_SIDE or _decoded_pixels(image) > most:
            raise UserError(_too_large(name, most))
        turn = image.getexif().get(0x0112, 1)
        scale = max(width, height) / LONGEST
        # JPEG can be decoded at a half, a quarter or an eighth for a fraction of the price.
        if scale > 1:
            image.draft(None, (round(width / scale), round(height / scale)))
        image.load()
        flat = _in_few_modes(image)
        if scale > 1:
            flat = flat.resize(
                (max(1, round(width / scale)), max(1, round(height / scale))),
                Image.Resampling.BOX,
                reducing_gap=1.0,
            )
        finite = flat.mode != "F" or np.isfinite(np.asarray(flat)).all()
        grey = _grey(flat) if finite else None
    except UserError:
        raise
    except MemoryError:
        raise UserError(_too_large(name, most)) from None
    except Exception:
        raise UserError(f"{name} is damaged: it could not be read to its end.") from None
    if grey is None:
        raise UserError(f"{name} holds values that are not numbers.")
    upright = _turned(grey, turn)
    return upright, ((height, width) if turn in (5, 6, 7, 8) else (width, height))


def _in_few_modes(image: Image.Image) -> Image.Image:
    """The same picture as L, RGB, RGBA or, beyond 8 bits, F."""
    if image.mode[0] in "IF":
        return image.convert("F")
    if image.mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB")


def _grey(image: Image.Image) -> np.ndarray:
    if image.mode == "F":
        # In double precision, for the range of floats may be too wide for a float.
        values = np.asarray(image, np.float64)
        low, high = values.min(), values.max()
        # What the numbers meant is not known (12 bits in 16, metres, ...): their range serves.
        grey = (values - low) / (high - low) if high > low else np.ones_like(values)
        return grey.astype(np.float32)
    if image.mode == "RGBA":
        image = _on_paper(image)
    if image.mode == "L":
        return np.asarray(image, np.float32) / 255
    return _along_ink(np.asarray(image, np.float32) / 255)


def _along_ink(colour: np.ndarray) -> np.ndarray:
    """Grey, shape (h, w), in the direction of colour in which ink and paper differ most.

    Orange on white is faint in lightness, and red on green may be none; it is what sticks out of
    its neighbourhood that gives the direction (its principal axis).
    """
    step = max(1, max(colour.shape) // 200)
    small = colour[::step, ::step]
    residue = small - ndimage.gaussian_filter(small, (8, 8, 0))
    # By its square each pixel counts once more: a little ink outweighs much grain.
    weight = (residue**2).sum(2, keepdims=True)
    axis = np.linalg.eigh(np.einsum("hwi,hwj->ij", weight * residue, residue))[1][:, -1]
    axis *= np.sign(axis.sum()) / np.abs(axis).sum()
    return colour @ axis - np.minimum(axis, 0).sum()


def _on_paper(image: Image.Image) -> Image.Image:
    """Behind a picture with holes goes its own colour; behind mere ink goes what it shows on."""
    opaque = np.asarray(image.getchannel("A")) > 127
    if opaque.all() or not opaque.any():
        return image.convert("RGB")
    seen = np.asarray(image.convert("RGB"))[opaque]
    if opaque.mean() > 0.5:
        paper = tuple(int(c) for c in np.median(seen, axis=0))
    else:
        paper = (0, 0, 0) if seen.mean() > 127 else (255, 255, 255)
    behind = Image.new("RGBA", image.size, paper)
    behind.alpha_composite(image)
    return behind.convert("RGB")


def _turned(grey: np.ndarray, orientation: int) -> np.ndarray:
    """Upright, by the eight orientations of EXIF (tag 0x0112)."""
    if orientation in (2, 4, 5, 7):
        grey = grey[:, ::-1]
    quarters = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(grey, quarters))


class Ink(NamedTuple):
    """What is written: float32 `level` of shape (h, w), 0 for paper to 1 for full ink; the mask
    `written` of the same shape, the strokes without their soft rims; their mean width `pen`."""

    level: np.ndarray
    written: np.ndarray
    pen: float


def find_ink(grey: np.ndarray) -> Ink:
    """The ink of a picture, without ruled lines, specks, and what lies beyond the paper.

    `grey` is what `open_picture` gives, written dark on light or light on dark, on paper however
    lit.  Raises UserError where nothing is written.
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


def _resized(grey: np.ndarray, longest: int) -> np.ndarray:
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
    for longest, part in ((64, 0.67), (64, 0.33), (128, 0.12)):
        small = _resized(grey, longest)
        window = max(3, int(min(small.shape) * part) // 2 * 2 + 1)
        residue = small - ndimage.median_filter(small, size=window, mode="nearest")
        light, dark = (np.clip(s * residue, 0, None) ** 3 for s in (1, -1))
        vote += np.log10((dark.sum() + 1e-9) / (light.sum() + 1e-9))
    return vote


def _above_paper(dark: np.ndarray, window: float) -> tuple[np.ndarray, float]:
    """How much darker than the paper each pixel is (0 to 1), and the level that parts the two."""
    # Paper varies slowly: a coarse copy will do, and averaging takes the noise out of the maximum.
    coarse = _resized(dark, 400)
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
        raise UserError(
            "No ink was found in the picture: write larger or darker, or take it in better light."
        )
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
    places = ndimage.find_objects(blobs)
    sides = np.array([(r.stop - r.start, c.stop - c.start) for r, c in places])
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


def main_digit(ink: Ink) -> np.ndarray:
    """The level, cropped, of one digit's ink: the largest blob and what lies close to it."""
    blobs, count = ndimage.label(ink.written, np.ones((3, 3)))
    boxes = np.array(
        [(r.start, c.start, r.stop, c.stop) for r, c in ndimage.find_objects(blobs)], float
    )
    weight = ndimage.sum_labels(ink.level, blobs, np.arange(1, count + 1))
    main = boxes[weight.argmax()]
    # A 5's loose hat is less than a quarter of the digit away.
    reach = 0.25 * max(main[2] - main[0], main[3] - main[1])
    gaps = np.maximum(boxes[:, :2], main[:2]) - np.minimum(boxes[:, 2:], main[2:])
    ours = np.concatenate([[False], gaps.max(1) < reach])[blobs]
    return crop_to_ink(np.where(ndimage.binary_dilation(ours, iterations=RIM), ink.level, 0))


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
    depth = ndimage.distance_transform_edt(written) - ndimage.distance_transform_edt(~written)
    return crop_to_ink(np.clip(depth - pared, 0, 1).astype(np.float32))


def film(source: Source) -> list[tuple[str, np.ndarray]]:
    """What the model sees, step by step: (caption, grey image in 0 to 1), the last one 28x28."""
    grey = open_picture(source)
    ink = find_ink(grey)
    digit = main_digit(ink)
    penned = with_mnist_pen(digit)
    return [
        ("the picture in grey", grey),
        ("its ink", ink.level),
        ("the digit", digit),
        ("strokes as wide as MNIST's", penned),
        ("in MNIST's frame", frame(penned) / np.float32(255)),
    ]


def picture_to_digit(source: Source) -> np.ndarray:
    """The uint8 picture of shape (28, 28) that MNIST would have made of the digit in `source`.

    `source` is anything that `open_picture` takes.  Raises UserError where it cannot be read or
    nothing is written on it.
    """
    return frame(with_mnist_pen(main_digit(find_ink(open_picture(source)))))
