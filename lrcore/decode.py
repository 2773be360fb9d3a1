"""Whatever a picture comes in, opened: within bounds, upright, grey, and no larger than is needed.

Files come from anybody, so what decoding one may cost is known before it begins: from its bytes
and its header alone.
"""

from __future__ import annotations

import ctypes
import io
import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile
from scipy import ndimage

from lrcore.containers import MOST_EXIF, MOST_SCANNED, MOST_SCANS, checked, scans
from lrcore.errors import UserError, megabytes

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM")
# How files of these formats end; and of HEIC, which is not read, but told what to do instead.
ENDINGS = ("png", "jpg", "jpeg", "jfif", "webp", "avif", "bmp", "gif", "tif", "tiff")
HEIC_ENDINGS = ("heic", "heif")
READS = "PNG, JPEG, WebP, AVIF, BMP, GIF or TIFF"
# What several pictures in one file of a format are called.
PAGES = {"TIFF": "page", "GIF": "frame", "PNG": "frame", "WEBP": "frame", "AVIF": "frame"}
# So many blank ones are passed over; blank is what differs by less, of the whole range of greys.
MOST_BLANK, BLANK = 10, 0.03
# A picture is worked on at no more than this many pixels a side: a stroke of a digit that fills
# a fiftieth of the page is still two pixels wide, and a photo takes a fraction of a second.
LONGEST = 1600
# What a telephone takes is allowed as JPEG, which is decoded small; others are decoded in full.
# The decoders of WebP and AVIF keep several copies; some rare formats are decoded in Python.
MOST_PIXELS, MOST_PIXELS_OF_JPEG, MOST_PIXELS_OF_WEBP = 25_000_000, 50_000_000, 12_000_000
MOST_PIXELS_IN_PYTHON, IN_PYTHON = 1_000_000, {"ppm", "ppm_plain", "bmp_rle"}
MOST_SIDE = 20_000
MOST_BYTES, MOST_BYTES_OF_AVIF = 32 * 2**20, 12 * 2**20
# What Pillow calls the compressions of a TIFF that are JPEG's, and what begins a progressive one
# and each of its scans.
JPEGS_IN_TIFF, PROGRESSIVE, SCAN = ("jpeg", "tiff_jpeg"), b"\xff\xc2", b"\xff\xda"

# The brands of files that telephones save as HEIC or HEIF.
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

# What a picture may come in.
File = str | os.PathLike | bytes | bytearray | memoryview | BinaryIO
Source = File | Image.Image | np.ndarray

# Our sentence says already what is damaged: Pillow need not warn, nor libtiff write to stderr.
warnings.filterwarnings("ignore", module="PIL")
with suppress(OSError, AttributeError):
    ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)


class Opened(NamedTuple):
    """A picture opened: all that is wanted of it, from one decoding.

    grey : float32, shape (h, w), 0 black to 1 white, at most `longest` a side.
    shown : the same picture for people to see, in its colours: grey or RGB, as large.
    size : (width, height) in its own pixels, before it was shrunk.
    note : which of several pages or frames it is, in a sentence, or "".
    """

    grey: np.ndarray
    shown: Image.Image
    size: tuple[int, int]
    note: str = ""

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        width, height = self.shown.size
        return self.grey.nbytes + width * height * len(self.shown.getbands())


class _Decoded(NamedTuple):
    """A decoded picture: as L, RGB, RGBA or, beyond 8 bits, F, and shrunk; EXIF's orientation,
    still to be applied; its own (width, height) before it was shrunk, once upright; and which of
    several it is, in a sentence."""

    image: Image.Image
    orientation: int
    size: tuple[int, int]
    note: str = ""


def open_once(source: Source, longest: int = LONGEST) -> Opened:
    """A picture from wherever it comes, turned upright as EXIF says.

    `source` is a path, bytes, an open binary file, a PIL image, or an array: (h, w) grey or
    (h, w, 3 or 4) colour, of integers or of floats.  Where it is transparent, paper is put
    behind it.  Raises UserError for what cannot be read.
    """
    frames = _frames(source, longest)
    opened = first = _finished(next(frames))
    # A blank first page or frame goes on to the next; a later one that is damaged is none.
    with suppress(UserError, StopIteration):
        while np.ptp(opened.grey) < BLANK:
            opened = _finished(next(frames))
    return opened if np.ptp(opened.grey) >= BLANK else first


def _finished(decoded: _Decoded) -> Opened:
    """Grey, upright, and to be shown."""
    image, orientation, size, note = decoded
    if image.mode == "RGBA":
        image = _on_paper(image)
    grey = _grey(image)
    if image.mode == "F":
        image = Image.fromarray(np.uint8(255 * grey))
    shown = Image.fromarray(_turned(np.asarray(image), orientation))
    return Opened(_turned(grey, orientation), shown, size, note)


class Limited(io.BytesIO):
    """Bytes as a file that can be read from only a limited number of times.

    A file of millions of empty blocks would keep Pillow's readers busy for minutes.
    """

    left = 400_000

    def read(self, *size: int | None) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise OSError("too many blocks")
        return super().read(*size)


def _frames(source: Source, longest: int) -> Iterator[_Decoded]:
    """The picture, and where a file holds several the next ones, as long as they are asked for."""
    if isinstance(source, np.ndarray):
        yield _decoded(_from_array(source), "The array", longest)
        return
    if isinstance(source, Image.Image):
        yield _decoded(source, "The picture", longest)
        return
    raw, name = _bytes(source)
    if len(raw) > MOST_BYTES:
        raise UserError(_too_large(name))
    if raw[4:11] == b"ftypavi" and len(raw) > MOST_BYTES_OF_AVIF:
        # Each of its bytes is much work: a second for so many.
        most = megabytes(MOST_BYTES_OF_AVIF)
        raise UserError(f"{name} is an AVIF of more than {most}: save it as an ordinary JPEG.")
    raw = checked(raw, name)
    try:
        image = Image.open(Limited(raw), formats=FORMATS)
    except Image.DecompressionBombError:
        raise UserError(_too_large(name)) from None
    # Pillow's readers meet damage with errors of a dozen kinds; to the user they are one.
    except Exception:
        raise UserError(_not_read(raw, name)) from None
    with image:
        if not _has_frames(image):
            _refuse_scans(image, raw, name)
            yield _decoded(image, name, longest)
            return
        kind, pixels = PAGES[str(image.format)], 0
        for number in range(MOST_BLANK):
            pixels += _decoded_pixels(image)
            if number and (pixels > _most_pixels(image) or not _at_frame(image, number)):
                return
            _refuse_scans(image, raw, name)
            decoded = _decoded(image, name, longest)
            blank = ", as what comes before is blank" if number else ""
            note = f"It holds several {kind}s: {kind} {number + 1} is read{blank}."
            # A copy, for the next one may be decoded into the same memory.
            yield decoded._replace(image=decoded.image.copy(), note=note)


def _has_frames(image: Image.Image) -> bool:
    """Whether there are more pages or frames than one, told without decoding any."""
    if image.format == "TIFF":
        several = _at_frame(image, 1)
        return _at_frame(image, 0) and several
    try:
        return image.format in PAGES and image.is_animated  # type: ignore[attr-defined]
    except Exception:  # damaged after the first, for which each format has its own errors
        _at_frame(image, 0)
        return False


def _at_frame(image: Image.Image, number: int) -> bool:
    """Go to a page or frame, counted from 0; False where there is none that can be read."""
    try:
        image.seek(number)
    except Exception:  # it ends before, or is damaged, for which each format has its own errors
        return False
    return True


def _not_read(raw: bytes, name: str) -> str:
    """Why a file is no picture that can be read."""
    # ISO base media: its brands, the first of which names the kind of file.
    if raw[4:8] == b"ftyp" and raw[8:12] in HEIC:
        return f"{name} is a HEIC photo, which is not read here: share it as JPEG."
    return f"{name} is not a picture that can be read: use {READS}."


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
        if path.is_dir():
            raise UserError(f"'{source}' is a folder: give the pictures in it, one by one.")
        # Not a pipe or a device, which might never end.
        if not path.is_file():
            raise UserError(f"There is no picture at '{source}'.")
        with open(path, "rb") as file:
            return file.read(MOST_BYTES + 1), f"'{path.name}'"
    except OSError as error:
        raise UserError(f"'{path.name[:80]}' cannot be opened: {error.strerror}.") from None


def _too_large(name: str, most: int = MOST_PIXELS) -> str:
    # Ordinary JPEGs may be larger than anything else.
    otherwise = "" if most == MOST_PIXELS_OF_JPEG else " or save it as an ordinary JPEG"
    return (
        f"{name} is too large: at most {most / 1e6:g} million pixels of this kind, {MOST_SIDE:,} "
        f"a side and {megabytes(MOST_BYTES)} are read; make it smaller{otherwise}."
    )


def _most_pixels(image: Image.Image) -> int:
    """How large a picture may be for its decoder to be done in about a second."""
    if image.format in ("JPEG", "MPO") and "progressive" not in image.info:
        return MOST_PIXELS_OF_JPEG
    if image.format in ("WEBP", "AVIF"):
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


def _refuse_scans(image: Image.Image, raw: bytes, name: str) -> None:
    """UserError for a JPEG, in a TIFF too, that is gone through too often."""
    times = 1
    if image.format in ("JPEG", "MPO"):
        times = scans(raw)
    elif image.info.get("compression") in JPEGS_IN_TIFF and PROGRESSIVE in raw:
        # Many strips may share one, of which libtiff follows as many.
        times = min(MOST_SCANS, raw.count(SCAN))
    # Of one that is too large that is said instead.
    pixels = min(_decoded_pixels(image), MOST_PIXELS)
    if times > MOST_SCANS or times * pixels > MOST_SCANNED:
        raise UserError(f"{name} is a JPEG of too many scans: save it as an ordinary one.")


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


def _decoded(image: Image.Image, name: str, longest: int) -> _Decoded:
    width, height = image.size
    if min(width, height) == 0:
        raise UserError(f"{name} has no pixels.")
    most = _most_pixels(image)
    try:
        if max(width, height) > MOST_SIDE or _decoded_pixels(image) > most:
            raise UserError(_too_large(name, most))
        # More than fits into a camera's own segment is no camera's.
        small_exif = len(image.info.get("exif", b"")) <= MOST_EXIF
        orientation = image.getexif().get(0x0112, 1) if small_exif else 1
        scale = max(width, height) / longest
        small = max(1, round(width / scale)), max(1, round(height / scale))
        # JPEG can be decoded at a half, a quarter or an eighth for a fraction of the price.
        if scale > 1:
            image.draft(None, small)
        image.load()
        flat = _in_few_modes(image)
        if scale > 1:
            flat = flat.resize(small, Image.Resampling.BOX, reducing_gap=1.0)
        finite = flat.mode != "F" or np.isfinite(np.asarray(flat)).all()
    except UserError:
        raise
    except MemoryError:
        raise UserError(_too_large(name, most)) from None
    except Exception:
        raise UserError(f"{name} is damaged: it could not be read to its end.") from None
    if not finite:
        raise UserError(f"{name} holds values that are not numbers.")
    upright = (height, width) if orientation in (5, 6, 7, 8) else (width, height)
    return _Decoded(flat, orientation, upright)


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


def _turned(picture: np.ndarray, orientation: int) -> np.ndarray:
    """Upright, by the eight orientations of EXIF (tag 0x0112)."""
    if orientation in (2, 4, 5, 7):
        picture = picture[:, ::-1]
    quarters = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(picture, quarters))
