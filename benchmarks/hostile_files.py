"""Hostile files of every kind, each made by rule from a number alone.

What makes a file takes a random generator and returns the kind of file and its bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np
import scipy.io
from PIL import Image

from lrcore.archive import pack_arrays
from lrcore.corrections import Curvature, theta_hash
from lrcore.data import as_set, idx_bytes, load_dataset
from lrcore.own_set import to_zip
from lrcore.weights import DEFAULT, FORMAT, WEIGHTS_FOLDER, load_weights
from tests.files import npy, npz, saved, zipped

Rng = np.random.Generator
Named = tuple[str, bytes]
Option = TypeVar("Option")
SAVED = {
    "PNG": ("1", "L", "P", "RGB", "RGBA", "LA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "GIF": ("L", "P"),
    "TIFF": ("1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "I", "F"),
    "PPM": ("L", "RGB"),
    "AVIF": ("RGB", "RGBA"),
}
ANIMATED = ("GIF", "WEBP", "PNG", "TIFF")
# One in so many pictures is as large as its format allows, or a little larger.
HUGE_ONCE_IN = 100


@cache
def digits() -> np.ndarray:
    """Two hundred test digits, uint8 (200, 28, 28), of which pictures are made."""
    return load_dataset(part="test").images[:200]


# Pictures.


def scene(rng: Rng) -> Image.Image:
    """Some digits on paper, or a pattern that no paper shows."""
    kind = rng.integers(8)
    height, width = (int(v) for v in rng.integers(1, 400, 2))
    rows, columns = np.indices((height, width))
    if kind == 0:
        grey = rng.integers(0, 256, (height, width))
    elif kind == 1:
        grey = (np.hypot(rows - height / 2, columns - width / 2) // rng.integers(1, 30)) % 2 * 255
    elif kind == 2:
        grey = (rows // rng.integers(1, 40) + columns // rng.integers(1, 40)) % 2 * 255
    elif kind == 3:
        grey = np.full((height, width), rng.integers(256))
    else:
        page = Image.new("L", (width, height), 255)
        for _ in range(rng.integers(1, 12)):
            side = int(rng.integers(5, 200))
            digit = Image.fromarray(255 - digits()[rng.integers(200)]).resize((side, side))
            page.paste(digit, (int(rng.integers(width)), int(rng.integers(height))))
        return page
    return Image.fromarray(grey.astype(np.uint8))


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The picture in one of Pillow's modes; "I;16" by way of an array, for Pillow has none."""
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    return image.convert("L").convert(mode)


def picked(rng: Rng, options: Sequence[Option]) -> Option:
    """One of some options."""
    return options[int(rng.integers(len(options)))]


def any_format(rng: Rng) -> Named:
    """A sound file of any format and mode."""
    format = picked(rng, list(SAVED))
    mode = picked(rng, SAVED[format])
    options: dict[str, str | bool | int] = {}
    if format == "TIFF" and mode in ("L", "RGB", "CMYK"):
        options["compression"] = picked(rng, ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"))
    if format == "JPEG":
        options["progressive"] = bool(rng.integers(2))
    if format == "AVIF":
        options["speed"] = 10
    return f"{format} {mode}", saved(in_mode(scene(rng), mode), format, **options)


def truncated(rng: Rng) -> Named:
    """A file that ends too early."""
    _, raw = any_format(rng)
    return "truncated", raw[: rng.integers(len(raw))]


def damaged(rng: Rng) -> Named:
    """Bytes changed anywhere, but mostly in the header, where they mean most."""
    raw = bytearray(any_format(rng)[1])
    for _ in range(rng.integers(1, 8)):
        near = min(len(raw), 200) if rng.integers(3) else len(raw)
        at = int(rng.integers(near))
        values = picked(rng, (b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f", rng.bytes(1)))
        raw[at : at + len(values)] = values
    return "bytes changed", bytes(raw)


def spliced(rng: Rng) -> Named:
    """The beginning of one file and the end of another."""
    (_, one), (_, other) = any_format(rng), any_format(rng)
    return "two files spliced", one[: rng.integers(len(one))] + other[rng.integers(len(other)) :]


def garbage(rng: Rng) -> Named:
    """Bytes at random, mostly after the first ones of a format."""
    starts = (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b"GIF89a")
    return "garbage", picked(rng, starts) + rng.bytes(int(rng.integers(3000)))


def other_file(rng: Rng) -> Named:
    """What is no picture at all, whatever its name says."""
    texts = (
        b"",
        b"<svg/>",
        b"%PDF-1.4",
        b"digit\n",
        pickle.dumps([1]),
        pack_arrays({"a": np.ones(1)}),
    )
    return "no picture", picked(rng, texts)


def tiny(rng: Rng) -> Named:
    """Pictures of a pixel, or as thin as one."""
    size = picked(rng, ((1, 1), (1, 2), (2, 1), (1, 500), (500, 1), (3, 3), (28, 1), (1, 20_000)))
    mode = picked(rng, ("1", "L", "RGB", "RGBA", "LA"))
    pixels = Image.fromarray(rng.integers(0, 256, size[::-1], dtype=np.uint8))
    return "tiny or thin", saved(pixels.convert(mode), picked(rng, ("PNG", "TIFF")))


def wide(rng: Rng) -> Named:
    """Pictures longer than what is read."""
    size = picked(rng, ((30_000, 10), (10, 30_000), (30_000, 300), (20_001, 1)))
    return "30,000 wide", saved(Image.new("L", size, 255), picked(rng, ("PNG", "JPEG", "BMP")))


def not_numbers(rng: Rng) -> Named:
    """Floats of which some are no numbers, or hardly any."""
    values = np.asarray(scene(rng), np.float32)
    odd = (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45)
    for _ in range(rng.integers(1, 5)):
        values[rng.integers(len(values)), rng.integers(values.shape[1])] = picked(rng, odd)
    return "NaN in TIFF", saved(Image.fromarray(values), "TIFF")


def animated(rng: Rng) -> Named:
    """A film of pictures; the first one counts."""
    first = scene(rng)
    frames = [scene(rng).resize(first.size).convert("RGB") for _ in range(rng.integers(2, 5))]
    format = picked(rng, ANIMATED)
    return f"animated {format}", saved(frames[0], format, save_all=True, append_images=frames[1:])


def fine(rng: Rng) -> Named:
    """A picture of marks without end: dots, streaks, zigzags and grain as fine as pixels."""
    side = int(rng.integers(200, 1601))
    rows, columns = np.indices((side, side))
    pitch, thick = int(rng.integers(2, 30)), int(rng.integers(1, 5))
    patterns = (
        (rows % pitch < thick) & (columns % pitch < thick),
        (rows % (pitch + 2) < thick) & (columns % (side // 2) < side // 2 - 20),
        (rows + np.abs(columns % (2 * pitch) - pitch)) % (2 * pitch + 8) < thick,
        rng.random((side, side)) < 10 ** rng.uniform(-3, -0.5),
        np.repeat(rng.random((side, side // 40 + 1)) < 0.3, 40, axis=1)[:, :side],
    )
    written = picked(rng, patterns)
    return "marks without end", saved(np.where(written, 0, 255).astype(np.uint8), "PNG")


def blocks(rng: Rng) -> Named:
    """Small files that keep a reader busy: empty chunks, scans without end, runs of nothing."""
    n = int(rng.integers(1, 3000)) ** 2 // 8
    kind = picked(rng, ("png", "jpeg", "large jpeg", "tiff", "bmp", "ppm", "comments", "ppm16"))
    if kind == "png":
        raw = saved(scene(rng), "PNG")
        return "empty chunks", raw[:33] + chunk(b"teSt") * n + raw[33:]
    if kind == "jpeg":
        raw = saved(Image.new("L", (2000, 2000), 128), "JPEG", progressive=True)
        scan = raw[raw.rindex(b"\xff\xda") : -2]
        return "endless scans", raw[:-2] + scan * (n // 50) + raw[-2:]
    if kind in ("large jpeg", "tiff"):
        raw = progressive(4900)
        scan = raw[raw.rindex(b"\xff\xda") : -2]
        raw = raw[:-2] + scan * int(rng.integers(1, 95)) + raw[-2:]
        if kind == "large jpeg":
            return "scans of a large JPEG", raw
        return "scans in a TIFF", jpeg_in_tiff(raw, 4900)
    if kind == "comments":
        return "comments as text", b"P2 900 900 255 " + b"#\n" * n
    if kind == "bmp":
        header = bytearray(saved(Image.new("P", (999, 999)), "BMP")[: 14 + 40 + 1024])
        header[30] = 1
        return "runs of nothing", bytes(header) + b"\0\0" * n
    if kind == "ppm":
        return "numbers as text", b"P2 900 900 255 " + b"7 " * n
    side = int(n**0.5)
    return "rare depth", b"P5 %d %d 1000 " % (side, side) + bytes(2 * side * side)


@cache
def progressive(side: int) -> bytes:
    """A large grey JPEG in several scans, made once."""
    return saved(Image.new("L", (side, side), 128), "JPEG", progressive=True)


def jpeg_in_tiff(raw: bytes, side: int) -> bytes:
    """A grey JPEG as the only strip of a TIFF."""
    tags = [(256, side), (257, side), (258, 8), (259, 7), (262, 1), (273, 122), (277, 1)]
    tags += [(278, side), (279, len(raw))]
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    # Behind the header, the number of entries, these, and where the next directory is: none.
    assert 8 + 2 + len(body) + 4 == 122
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + bytes(4) + raw


@cache
def huge_files() -> list[Named]:
    """Bombs, and pictures just within the limits: made once, since that takes its time."""
    rng = np.random.default_rng(0)
    tile = rng.integers(0, 256, (500, 500), dtype=np.uint8)
    files = []

    def add(name, side, mode, format, **options):
        repeat = -(-side // 500)
        page = Image.fromarray(np.tile(tile, (repeat, repeat))[:side, :side])
        raw = saved(in_mode(page, mode), format, **options)
        files.append((f"{name} {format} {mode}", raw))

    for mode in ("1", "P", "RGB", "RGBA", "I;16"):
        add("25 megapixels", 5000, mode, "PNG", compress_level=1)
    add("25 megapixels", 5000, "L", "GIF")
    for mode in ("CMYK", "RGB", "I;16"):
        add("25 megapixels", 5000, mode, "TIFF", compression="tiff_adobe_deflate")
    add("7 megapixels", 2700, "F", "TIFF")
    add("12 megapixels", 3460, "RGBA", "WEBP", lossless=True, method=0, quality=0)
    add("12 megapixels", 3460, "RGB", "WEBP", method=0)
    add("12 megapixels", 3460, "RGBA", "WEBP", method=0, quality=60)
    add("12 megapixels", 3460, "RGB", "AVIF", speed=10, quality=90)
    add("49 megapixels", 7000, "RGB", "JPEG", quality=30)
    add("49 megapixels", 7000, "CMYK", "JPEG", quality=20)
    add("25 megapixels, progressive", 5000, "RGB", "JPEG", quality=75, progressive=True)
    for format in ("PNG", "GIF", "TIFF", "WEBP"):
        blank = Image.new("1" if format != "WEBP" else "L", (14_000, 14_000))
        files.append((f"bomb {format}", saved(blank, format)))
    page = Image.new("L", (7000, 7000), 255)
    for k in range(9):
        digit = Image.fromarray(255 - digits()[k]).resize((1500, 1500))
        page.paste(digit, (600 + k % 3 * 2200, 600 + k // 3 * 2200))
    for mode in ("L", "RGB", "CMYK"):
        files.append((f"49 megapixels of digits, {mode}", saved(in_mode(page, mode), "JPEG")))
    page = page.resize((5000, 5000))
    for mode in ("1", "P", "RGBA", "I;16"):
        files.append((f"25 megapixels of digits, {mode}", saved(in_mode(page, mode), "PNG")))
    # A small picture whose header says that it is enormous, for each of many sizes.
    for side in (4999, 20_000, 65_535, 2**31 - 1):
        header = bytearray(saved(Image.new("L", (28, 28)), "PNG"))
        header[16:24] = struct.pack(">II", side, side)
        header[29:33] = struct.pack(">I", zlib.crc32(bytes(header[12:29])))
        files.append(("bomb: forged PNG header", bytes(header)))
    return files


def huge(rng: Rng) -> Named:
    """One of `huge_files`."""
    return picked(rng, huge_files())


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    """A chunk of a PNG."""
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


@cache
def inflated() -> bytes:
    """A megabyte of nothing, deflated."""
    return zlib.compress(bytes(2**20), 9)


def laden_png(rng: Rng, most: int = 4 * 2**20) -> bytes:
    """A small PNG that carries metadata without end, or of great size once inflated."""
    raw = saved(Image.fromarray(255 - digits()[rng.integers(200)]), "PNG")
    more = picked(
        rng,
        (
            chunk(b"iCCP", b"icc\0\0" + inflated()),
            chunk(b"zTXt", b"text\0\0" + inflated()),
            chunk(b"iTXt", b"text\0\1\0\0\0" + inflated()),
            chunk(b"tEXt", b"text\0" + bytes(60_000)),
            chunk(b"eXIf", b"MM\0*" + rng.bytes(60_000)),
            chunk(b"abcd"),
            chunk(b"IDAT"),
            chunk(b"fcTL", bytes(26)),
        ),
    )
    size = min(most, 12 * 9_000) if len(more) < 40 else most
    return raw[:33] + more * (int(rng.integers(1, size)) // len(more)) + raw[33:]


def laden(rng: Rng) -> Named:
    """A picture whose metadata is most of it."""
    return "laden with metadata", laden_png(rng)


def endless_tiff(rng: Rng) -> Named:
    """A small TIFF whose directory has offsets, numbers, entries or pages without end."""
    order = picked(rng, "<>")
    head = {"<": b"II*\0", ">": b"MM\0*"}[order]
    many = int(10 ** rng.uniform(3, 6))
    kind = rng.integers(4)
    entries = [(256, 4, 1, 28), (257, 4, 1, 28), (258, 3, 1, 8), (262, 3, 1, 1)]
    if kind == 0:
        entries += [(273, 4, many, 8), (279, 4, many, 8)]
    elif kind == 1:
        entries += [(322, 4, 1, 1), (323, 4, 1, 1), (324, 4, many, 8), (325, 4, many, 8)]
    elif kind == 2:
        entries += [(int(rng.integers(400, 60_000)), int(rng.integers(1, 17)), many, 8)]
    else:
        entries *= many // 1000
    body = struct.pack(order + "H", len(entries) % 2**16)
    body += b"".join(struct.pack(order + "HHII", *entry) for entry in entries)
    after = picked(rng, (0, 8, 2**31))
    return "endless TIFF", head + struct.pack(order + "I", 8) + body + struct.pack(
        order + "I", after
    ) + bytes(picked(rng, (100, 4 * 2**20)))


PICTURES = (
    *(laden, endless_tiff),
    *(any_format, any_format, truncated, truncated, damaged, damaged, damaged, spliced, garbage),
    *(other_file, tiny, wide, not_numbers, animated, blocks, fine),
)


def picture(rng: Rng) -> Named:
    """A hostile or odd picture of any kind."""
    make = huge if rng.integers(HUGE_ONCE_IN) == 0 else picked(rng, PICTURES)
    return make(rng)


# Weights, IDX files, ZIPs of own digits, curvatures.


def mangled(rng: Rng, raw: bytes) -> Named:
    """A file cut short, with bytes changed, or with something in front."""
    kind = rng.integers(3)
    if kind == 0:
        return "truncated", raw[: rng.integers(len(raw))]
    if kind == 1:
        return "something in front", rng.bytes(int(rng.integers(1, 9))) + raw
    changed = bytearray(raw)
    for at in rng.integers(0, len(raw), rng.integers(1, 6)):
        changed[at] = rng.integers(256)
    return "bytes changed", bytes(changed)


@cache
def bombs() -> list[Named]:
    """ZIPs of much nothing, and of members without end."""
    zeros = bytes(80 * 2**20)
    found = [("bomb", zipped({"theta.npy": zeros, "7/a.png": zeros}))]
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        found.append(("bomb", zipped({"theta.npy": zeros, "7/a.png": zeros}, method)))
    # Headers that promise little and hold much.
    for _, raw in list(found):
        lying = bytearray(raw)
        for magic, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
            place = 0
            while (place := lying.find(magic, place)) >= 0:
                lying[place + at : place + at + 4] = struct.pack("<I", 1000)
                place += 4
        found.append(("bomb with a lying header", bytes(lying)))
    found.append(("bombs", zipped({f"7/{i}.png": zeros[: 4 * 2**20] for i in range(200)})))
    found.append(("members without end", zipped({f"7/{i}": b"" for i in range(60_000)})))
    return [*found, *busy_sets()]


def busy_sets() -> list[Named]:
    """ZIPs of own digits that are as much work as one may ask for."""
    rng = np.random.default_rng(0)
    noise = rng.integers(-9, 10, (200, 200, 3))
    small = np.asarray(Image.fromarray(255 - digits()[0]).resize((200, 200)), int)
    grainy = np.clip(small[..., None] + noise, 0, 255).astype(np.uint8)
    large = np.tile(digits()[0], (30, 30))
    grain = rng.integers(0, 256, (28, 28), dtype=np.uint8)
    sets = {"grainy": (grainy, 600), "large": (large, 60), "inverted": (255 - digits()[0], 10_000)}
    sets |= {"MNIST's size": (digits()[0], 10_000), "noise": (grain, 10_000)}
    found = []
    for name, (image, count) in sets.items():
        png = saved(Image.fromarray(image), "PNG")
        found.append((f"many pictures, {name}", zipped({f"7/{i}.png": png for i in range(count)})))
    return found


SHAPES = ((), (0,), (10,), (784,), (10, 784), (10, 785), (1, 785), (10, 814), (0, 785), (9, 785))
DTYPES = ("f2", "f4", "f8", ">f8", "i8", "u1", "c16", "U3", "S0", "O", "?", "M8[s]", "f4,i4")
TEXTS = ("", FORMAT, "../../etc/passwd", "strokes", "pixels", "{}", "[1]", "[" * 100_000, "NaN")
RECORDS = ('{"images": "x"}', '{"images": -1}', '{"C": null}', '{"test_accuracy": [1]}')


def odd_array(rng: Rng):
    """An array of a shape, type or value that a weights file should not hold."""
    kind = rng.integers(4)
    if kind == 0:
        return np.array(picked(rng, TEXTS + RECORDS))
    if kind == 1:
        fill = picked(rng, (np.nan, np.inf, 1e300, -1e20, 0.0))
        with np.errstate(over="ignore"):
            return np.full(picked(rng, SHAPES), fill, picked(rng, ("f4", "f8")))
    return np.zeros(picked(rng, SHAPES), picked(rng, DTYPES))


def table(rng: Rng) -> Named:
    """A theta as text, or what begins like one."""
    shape = picked(rng, ((10, 785), (785, 10), (10, 784), (1, 785), (3, 3), (400, 785)))
    between = picked(rng, (",", ";", "\t", " "))
    values = rng.normal(0, 10.0 ** rng.integers(-3, 20), shape)
    text = "\n".join(between.join(f"{value:.4g}" for value in row) for row in values)
    ends = ("", "x", "\n" * 2_000_000, "1," * 900_000, '"' * 1_000_000, "\n1e999", "#" * 100)
    return "table", (picked(rng, ends) * rng.integers(2) + text + picked(rng, ends)).encode()


def at_its_bounds(rng: Rng, arrays: dict[str, np.ndarray]) -> Named:
    """Weights whose numbers are as large, small or many as any file's."""
    rows, columns = arrays["theta"].shape[0], arrays["theta"].shape[1] - 1
    rank = int(picked(rng, (1, 64, 64, 65, 19_000)))
    shapes = {"slope": rows, "offset": rows, "centres": (rows, columns), "basis": (rank, columns)}
    shapes |= {"spread": rank + 1, "shape": 1 + columns, "trust": 6, "floor": ()}
    beyond = picked(rng, [*shapes, None, None, None])
    for key, shape in shapes.items():
        value = picked(rng, (1.0, 1e5, 1e-9) if key == "spread" else (0.0, 1.0, -1e5, 1e5))
        if key == beyond:
            value = picked(rng, (-1.0, 2e5, 1e15, np.nan, 1e300))
        arrays[f"calibration_{key}"] = np.full(shape, value, "f4" if rank > 64 else "f8")
    arrays["theta"] = arrays["theta"] * picked(rng, (0, 1, 1e3, 1e13, 1e-30))
    if rows == 1:
        arrays["classes"] = np.array(picked(rng, ([5, -1], [-1, 5], [5, 5])))
    return "at its bounds", npz(**arrays)


@cache
def by_the_million() -> list[Named]:
    """Plain thetas with more classes or biases than anything has, packed small."""
    found = []
    many = {"S1": np.full(60_000_000, b"1"), "f2": np.zeros(30_000_000, "f2")}
    for dtype, values in many.items():
        for key in ("classes_", "intercept_", "coef_"):
            arrays = {"coef_": np.zeros((10, 784)), "intercept_": np.zeros(10)} | {key: values}
            found.append(
                (f"millions of {dtype}", zipped({f"{k}.npy": npy(v) for k, v in arrays.items()}))
            )
    return found


def weights_file(rng: Rng) -> Named:
    """A hostile weights file."""
    path = picked(rng, sorted(WEIGHTS_FOLDER.glob("*.npz")))
    kind = rng.integers(12)
    if kind == 0:
        return picked(rng, bombs())
    if kind == 11:
        return picked(rng, by_the_million())
    if kind == 1:
        return mangled(rng, path.read_bytes())
    if kind == 2:
        return "pickle", picked(rng, (pickle.dumps({"theta": 1}), npz(theta=[None])))
    if kind == 3:
        return "plain .npy", npy(odd_array(rng))
    if kind == 4:
        names = (
            "../theta.npy",
            "/etc/theta.npy",
            "theta.npy/../x",
            "C:\\theta.npy",
            "a\0b",
            "a" * 999,
        )
        return "path tricks", zipped({name: rng.bytes(20) for name in names})
    if kind == 8:
        return table(rng)
    with np.load(path) as there:
        arrays = dict(there)
    if kind == 9:
        return at_its_bounds(rng, arrays)
    if kind == 10:
        deep, times = int(rng.integers(1, 5000)), int(rng.integers(1, 200_000))
        records = ('{"a":' * deep + "1" + "}" * deep, '{"a": "' + "a" * times + '"}', "[]," * times)
        arrays["record"] = np.array(picked(rng, records))
        return "record", npz(**arrays)
    for _ in range(rng.integers(1, 3)):
        key = picked(rng, list(arrays))
        if kind == 5 and len(arrays) > 1:
            del arrays[key]
        else:
            arrays[key] = odd_array(rng)
    return "keys missing" if kind == 5 else "arrays exchanged", npz(**arrays)


@cache
def long_gzips() -> list[bytes]:
    """Gzips of much nothing: one long member, and members without end."""
    return [gzip.compress(bytes(300 * 2**20)), gzip.compress(b"") * 500_000]


def idx_file(rng: Rng) -> Named:
    """A hostile IDX file, gzipped or not."""
    raw = idx_bytes(digits()[: rng.integers(1, 20)])
    kind = rng.integers(4)
    if kind == 0:
        sizes = rng.integers(0, 2**32, rng.integers(0, 6), dtype=np.uint64)
        sizes[rng.random(len(sizes)) < 0.3] = picked(rng, (0, 28, 2**32 - 1))
        header = struct.pack(f">HBB{len(sizes)}I", 0, picked(rng, (8, 13)), len(sizes), *sizes)
        return "forged header", header + rng.bytes(50)
    if kind == 1 and rng.integers(10) == 0:
        return "gzip bomb", picked(rng, long_gzips())
    return mangled(rng, gzip.compress(raw) if kind == 1 else raw)


def labelled_table(rng: Rng) -> bytes:
    """A table in text that is none, or far too much."""
    cells = int(10 ** rng.uniform(0, 4))
    cell = picked(rng, (b"1", b"255", b"1e308", b"nan", b"x", b"", b'"', b"-1", b"0.5"))
    row = picked(rng, (b",", b";", b"\t", b" ")).join([cell] * cells)
    return b"\n".join([row] * min(int(10 ** rng.uniform(0, 5)), 20 * 2**20 // (len(row) + 1)))


def matrices(rng: Rng) -> bytes:
    """A file of MATLAB's that lies about its matrices, or unpacks without end."""
    file = io.BytesIO()
    rows = int(10 ** rng.uniform(0, 4))
    content = {"X": np.zeros((rows, picked(rng, (400, 784, 3)))), "y": np.ones((rows, 1))}
    scipy.io.savemat(file, content, do_compression=bool(rng.integers(2)))
    return mangled(rng, file.getvalue())[1]


@cache
def crowded_sets() -> list[Named]:
    """Sets that are more in number than in size: arrays, names, extra fields, rows, pictures."""
    images, labels = npy(digits()[:3]), npy(np.arange(3))
    pairs = {
        f"{name}{i}.npy": raw for i in range(2000) for name, raw in (("x", images), ("y", labels))
    }
    small = {
        "x.npy": npy(np.zeros((700_000, 8, 8), "u1")),
        "y.npy": npy(np.zeros(700_000, "u1")),
    }
    png = saved(Image.fromarray(digits()[0]), "PNG")
    extra = io.BytesIO()
    with zipfile.ZipFile(extra, "w") as archive:
        for number in range(200):
            member = zipfile.ZipInfo(f"7/{number}.png")
            member.extra = struct.pack("<HH", 0x7777, 0) * 15_000
            archive.writestr(member, png)
    table = b"".join(b"%05d.png,7\n" % number for number in range(15_000))
    return [
        ("arrays without end", zipped(pairs)),
        ("names without end", zipped({"7/" + "a/" * 32_000 + f"{i}.png": png for i in range(150)})),
        ("pictures of 8 x 8 without end", zipped(small)),
        ("extra fields without end", extra.getvalue()),
        ("rows without end", gzip.compress(b"1,2\n" * 15_000_000)),
        ("columns without end", gzip.compress(b"1," * 30_000_000)),
        ("tables of names without end", zipped({f"{i}.csv": table for i in range(300)})),
        ("a table of one long line", gzip.compress(b"a.png,7\n" + b"," * 9_000_000)),
        (
            "gzips without end",
            zipped({f"7/{i}.gz": gzip.compress(bytes(2**26)) for i in range(40)}),
        ),
    ]


def own_zip(rng: Rng) -> Named:
    """A hostile file of own digits, a ZIP or whatever else a set may come in."""
    kind = rng.integers(10)
    if kind == 9:
        return picked(rng, crowded_sets())
    if kind == 6:
        count = int(rng.integers(1, 60))
        laden_ones = {f"7/{i}.png": laden_png(rng, 2**16) for i in range(count)}
        return "holds metadata", zipped(laden_ones)
    if kind == 7:
        raw = labelled_table(rng)
        return "table", picked(rng, (raw, gzip.compress(raw, 1), zipped({"train.csv": raw})))
    if kind == 8:
        return "matrices", matrices(rng)
    if kind == 0:
        return picked(rng, bombs())
    if kind == 1:
        name, raw = picture(rng)
        names = ("7/a.png", "../../7/a.png", "/7/a.png", "7\\a.png", "7/\0.png", "8/" * 500 + "a")
        return f"holds {name}", zipped({picked(rng, names): raw})
    if kind == 2:
        return idx_file(rng)
    images = digits()[rng.integers(0, 200, 5)]
    return mangled(rng, to_zip(as_set(images, rng.integers(0, 10, 5))))


@cache
def curvature() -> bytes:
    """A sound curvature file of the default model."""
    weights = load_weights(DEFAULT)
    side = weights.theta.shape[1]
    return Curvature(np.eye(side, dtype=np.float32), theta_hash(weights)).pack()


def hand_file(rng: Rng) -> Named:
    """A hostile curvature file."""
    kind = rng.integers(3)
    if kind == 0:
        arrays = {"theta": odd_array(rng), "triangle": odd_array(rng)}
        if rng.integers(2):
            arrays["theta"] = np.array(theta_hash(load_weights(DEFAULT)))
        return "arrays exchanged", npz(**arrays)
    if kind == 1:
        return picked(rng, bombs())
    return mangled(rng, curvature())


# Canvas messages.


def canvas_message(rng: Rng) -> Named:
    """What somebody sends in place of a drawing, as JSON."""
    names = (
        *("scribbles", "far away", "high degree", "very many", "odd values", "no record"),
        *("lines apart", "curves", "nothings", "nested"),
    )
    kind = int(rng.integers(len(names)))
    name = names[kind]
    colours = ("#ffffff", "#000000")
    if kind == 0:
        things = [scribble(rng, colours[k % 2], int(10 ** rng.uniform(0, 3))) for k in range(30)]
    elif kind == 1:
        far = [float(10 ** rng.uniform(2, 300)) * picked(rng, (1, -1)) for _ in range(2)]
        way = [["M", 100, 100], ["L", *far], ["Q", *far, 50, 50]]
        things = [fabric_path(way, picked(rng, colours), float(10 ** rng.uniform(-3, 9)))]
    elif kind == 2:
        degree = int(10 ** rng.uniform(1, 5))
        control = rng.uniform(0, 300, 2 * degree).tolist()
        things = [fabric_path([["M", 1, 1], [picked(rng, "QCL"), *control]], "#000000", 9)]
    elif kind == 3:
        count = int(10 ** rng.uniform(2, 5.5))
        way = [["M", 1, 1], *[["L", *rng.uniform(0, 330, 2).tolist()]] * (count % 50_000)]
        things = [fabric_path(way, picked(rng, colours), 200)] * max(1, count // 50_000)
    elif kind == 6:
        ways = [[["M", x, y], ["L", x + 3, y]] for y in range(0, 330, 2) for x in range(0, 660, 5)]
        count = int(10 ** rng.uniform(2, 4.3))
        things = [fabric_path([step for way in ways[:count] for step in way], "#000000", 2)]
        stripes = [
            fabric_path([["M", x, 0], ["L", x, 330]], "#ffffff", 2) for x in range(0, 660, 3)
        ]
        things = picked(rng, (things, [scribble(rng, "#000000", 3000), *stripes]))
    elif kind == 7:
        count = int(10 ** rng.uniform(2, 4.8))
        way = [["M", 0, 0], *[["C", 1, 1, 2, 2, 3, k % 3] for k in range(count)]]
        things = [fabric_path([["M", 9, 9], ["L", 300, 300]], "#000000", 9)]
        things += [fabric_path(way, picked(rng, colours), 200)]
    elif kind == 8:
        nothings: tuple[Any, ...] = ({}, [], 0)
        things = [picked(rng, nothings)] * int(10 ** rng.uniform(3, 6))
    elif kind == 9:
        deep: list = []
        for _ in range(int(rng.integers(1, 300))):
            deep = [deep]
        things = [scribble(rng, "#000000", 5) | {"more": deep}]
    else:
        odd = picked(rng, ([None], {"a": []}, "x" * 1000, [[]] * 50, -1, 1e308, [["M", "1", 2]]))
        key = picked(rng, ("path", "scaleX", "strokeWidth", "left", "angle", "originX", "type"))
        things = [scribble(rng, "#000000", 5) | {key: odd}]
    record: Any = {"objects": things, "background": "#ffffff"}
    if kind == 5:
        none: tuple[Any, ...] = ([], 3, {"objects": 7}, {"objects": [7, None]}, {"background": []})
        record = picked(rng, none)
    return name, json.dumps(record).encode()


def scribble(rng: Rng, colour: str, points: int) -> dict:
    """A path as a canvas would write it."""
    places = np.abs((np.cumsum(rng.normal(0, 8, (points, 2)), axis=0) + 165) % 660 - 330)
    way = [["M", *places[0]], *(["Q", *place, *place] for place in places)]
    return fabric_path(way, colour, picked(rng, (8, 16, 80)))


def fabric_path(way: list, colour: str, width: float) -> dict:
    """A path of Fabric's, placed where it was drawn."""
    return {"type": "Path", "path": way, "stroke": colour, "strokeWidth": width}
