"""Hostile files by the thousand: each must get an answer or one sentence, soon, in little memory.

    python benchmarks/fuzz.py [--pictures 10000] [--others 2000] [--first 0]

Damaged and odd pictures, weights files, IDX files, ZIPs of own digits and curvature files are made
by rule, each from its number alone, so that one that fails can be made again with --first.  They
are read in a process of its own.  The summary says of each kind how many got an answer and how
many a sentence, the most processor seconds that one took, and by how much it raised the most
memory that the process ever held.  The exit code is 1 if anything but an answer or a UserError of
one line came back, if one took more than 2 s (but for a ZIP of many pictures), or if the process
held more than 500 MB.
"""

from __future__ import annotations

import argparse
import faulthandler
import gzip
import io
import multiprocessing
import pickle
import resource
import struct
import sys
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lrcore.data import idx_bytes, load_dataset, parse_idx
from lrcore.errors import UserError
from lrcore.hand import Curvature, load_curvature, theta_hash
from lrcore.own_set import as_set, load, to_zip
from lrcore.reading import Reader
from lrcore.weights import FORMAT, WEIGHTS_FOLDER, load_weights, pack_arrays

MOST_SECONDS, MOST_MEGABYTES = 2.0, 500
SAVED = {
    "PNG": ("1", "L", "P", "RGB", "RGBA", "LA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "GIF": ("L", "P"),
    "TIFF": ("1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "I", "F"),
    "PPM": ("L", "RGB"),
}
ANIMATED = ("GIF", "WEBP", "PNG", "TIFF")
MANY = "many pictures to prepare"
# One in so many pictures is as large as its format allows, or a little larger.
HUGE_ONCE_IN = 100


@cache
def digits() -> np.ndarray:
    return load_dataset(part="test").images[:200]


@cache
def reader() -> Reader:
    return Reader(load_weights(WEIGHTS_FOLDER / "strokes.npz"))


# Pictures.


def scene(rng) -> Image.Image:
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
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    return image.convert("L").convert(mode)


def saved(image: Image.Image, format: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def picked(rng, options):
    return options[rng.integers(len(options))]


def any_format(rng) -> tuple[str, bytes]:
    format = picked(rng, list(SAVED))
    mode = picked(rng, SAVED[format])
    options = {}
    if format == "TIFF" and mode in ("L", "RGB", "CMYK"):
        options["compression"] = picked(rng, ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"))
    if format == "JPEG":
        options["progressive"] = bool(rng.integers(2))
    return f"{format} {mode}", saved(in_mode(scene(rng), mode), format, **options)


def whole(rng):
    return any_format(rng)


def truncated(rng):
    _, raw = any_format(rng)
    return "truncated", raw[: rng.integers(len(raw))]


def damaged(rng):
    """Bytes changed anywhere, but mostly in the header, where they mean most."""
    _, raw = any_format(rng)
    raw = bytearray(raw)
    for _ in range(rng.integers(1, 8)):
        near = min(len(raw), 200) if rng.integers(3) else len(raw)
        at = int(rng.integers(near))
        values = picked(rng, (b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f", rng.bytes(1)))
        raw[at : at + len(values)] = values
    return "bytes changed", bytes(raw)


def spliced(rng):
    (_, one), (_, other) = any_format(rng), any_format(rng)
    return "two files spliced", one[: rng.integers(len(one))] + other[rng.integers(len(other)) :]


def garbage(rng):
    starts = (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b"GIF89a")
    return "garbage", picked(rng, starts) + rng.bytes(int(rng.integers(3000)))


def other_file(rng):
    texts = (b"", b"<svg/>", b"%PDF-1.4", b"digit\n", pickle.dumps([1]), pack_arrays({"a": [1]}))
    return "no picture", picked(rng, texts)


def tiny(rng):
    size = picked(rng, ((1, 1), (1, 2), (2, 1), (1, 500), (500, 1), (3, 3), (28, 1), (1, 20_000)))
    mode = picked(rng, ("1", "L", "RGB", "RGBA", "LA"))
    pixels = Image.fromarray(rng.integers(0, 256, size[::-1], dtype=np.uint8))
    return "tiny or thin", saved(pixels.convert(mode), picked(rng, ("PNG", "TIFF")))


def wide(rng):
    size = picked(rng, ((30_000, 10), (10, 30_000), (30_000, 300), (20_001, 1)))
    return "30,000 wide", saved(Image.new("L", size, 255), picked(rng, ("PNG", "JPEG", "BMP")))


def not_numbers(rng):
    values = np.asarray(scene(rng), np.float32)
    odd = (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45)
    for _ in range(rng.integers(1, 5)):
        values[rng.integers(len(values)), rng.integers(values.shape[1])] = picked(rng, odd)
    return "NaN in TIFF", saved(Image.fromarray(values), "TIFF")


def animated(rng):
    first = scene(rng)
    frames = [scene(rng).resize(first.size).convert("RGB") for _ in range(rng.integers(2, 5))]
    format = picked(rng, ANIMATED)
    return f"animated {format}", saved(frames[0], format, save_all=True, append_images=frames[1:])


def blocks(rng):
    """Small files that keep a reader busy: empty chunks, scans without end, runs of nothing."""
    n = int(rng.integers(1, 3000)) ** 2 // 8
    kind = picked(rng, ("png", "jpeg", "bmp", "ppm", "ppm16"))
    if kind == "png":
        raw = saved(scene(rng), "PNG")
        chunk = struct.pack(">I4s", 0, b"teSt") + struct.pack(">I", zlib.crc32(b"teSt"))
        return "empty chunks", raw[:33] + chunk * n + raw[33:]
    if kind == "jpeg":
        raw = saved(Image.new("L", (2000, 2000), 128), "JPEG", progressive=True)
        scan = raw[raw.rindex(b"\xff\xda") : -2]
        return "endless scans", raw[:-2] + scan * (n // 50) + raw[-2:]
    if kind == "bmp":
        raw = bytearray(saved(Image.new("P", (999, 999)), "BMP"))
        raw[30] = 1
        return "runs of nothing", bytes(raw[: 14 + 40 + 1024]) + b"\0\0" * n
    if kind == "ppm":
        return "numbers as text", b"P2 900 900 255 " + b"7 " * n
    side = int(n**0.5)
    return "rare depth", b"P5 %d %d 1000 " % (side, side) + bytes(2 * side * side)


@cache
def huge_files() -> list[tuple[str, bytes]]:
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
    add("49 megapixels", 7000, "RGB", "JPEG", quality=30)
    add("49 megapixels", 7000, "CMYK", "JPEG", quality=20)
    add("25 megapixels, progressive", 5000, "RGB", "JPEG", quality=75, progressive=True)
    for format in ("PNG", "GIF", "TIFF", "WEBP"):
        blank = Image.new("1" if format != "WEBP" else "L", (14_000, 14_000))
        files.append((f"bomb {format}", saved(blank, format)))
    # A small picture whose header says that it is enormous, for each of many sizes.
    for side in (4999, 20_000, 65_535, 2**31 - 1):
        header = bytearray(saved(Image.new("L", (28, 28)), "PNG"))
        header[16:24] = struct.pack(">II", side, side)
        header[29:33] = struct.pack(">I", zlib.crc32(bytes(header[12:29])))
        files.append(("bomb: forged PNG header", bytes(header)))
    return files


def huge(rng):
    return picked(rng, huge_files())


PICTURES = (
    *(whole, whole, truncated, truncated, damaged, damaged, damaged, spliced, garbage),
    *(other_file, tiny, wide, not_numbers, animated, blocks),
)


def picture(rng):
    make = huge if rng.integers(HUGE_ONCE_IN) == 0 else picked(rng, PICTURES)
    return make(rng)


def read_picture(raw: bytes):
    found = reader().find(raw)
    return reader().read(np.stack([item.image for item in found])) if found else found


# Weights, IDX files, ZIPs of own digits, curvatures.


def mangled(rng, raw: bytes) -> tuple[str, bytes]:
    kind = rng.integers(3)
    if kind == 0:
        return "truncated", raw[: rng.integers(len(raw))]
    if kind == 1:
        return "something in front", rng.bytes(int(rng.integers(1, 9))) + raw
    changed = bytearray(raw)
    for at in rng.integers(0, len(raw), rng.integers(1, 6)):
        changed[at] = rng.integers(256)
    return "bytes changed", bytes(changed)


def npz(arrays: dict) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zipped(members: dict[str, bytes], method=zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as out:
        for name, content in members.items():
            out.writestr(name, content)
    return file.getvalue()


@cache
def bombs() -> list[tuple[str, bytes]]:
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
    # Not a bomb, but as much work as one ZIP may ask for: it alone may take longer than 2 s.
    wide = saved(Image.fromarray(np.tile(digits()[0], (30, 30))), "PNG")
    found.append((MANY, zipped({f"7/{i}.png": wide for i in range(40)})))
    return found


SHAPES = ((), (0,), (10,), (784,), (10, 784), (10, 785), (1, 785), (10, 814), (0, 785), (9, 785))
DTYPES = ("f2", "f4", "f8", ">f8", "i8", "u1", "c16", "U3", "S0", "O", "?", "M8[s]", "f4,i4")
TEXTS = ("", FORMAT, "../../etc/passwd", "strokes", "pixels", "{}", "[1]", "[" * 100_000, "NaN")
RECORDS = ('{"images": "x"}', '{"images": -1}', '{"C": null}', '{"test_accuracy": [1]}')


def odd_array(rng):
    kind = rng.integers(4)
    if kind == 0:
        return np.array(picked(rng, TEXTS + RECORDS))
    if kind == 1:
        fill = picked(rng, (np.nan, np.inf, 1e300, -1e20, 0.0))
        return np.full(picked(rng, SHAPES), fill, picked(rng, ("f4", "f8")))
    return np.zeros(picked(rng, SHAPES), picked(rng, DTYPES))


def weights_file(rng) -> tuple[str, bytes]:
    path = picked(rng, sorted(WEIGHTS_FOLDER.glob("*.npz")))
    kind = rng.integers(8)
    if kind == 0:
        return picked(rng, bombs())
    if kind == 1:
        return mangled(rng, path.read_bytes())
    if kind == 2:
        return "pickle", picked(rng, (pickle.dumps({"theta": 1}), npz({"theta": [None]})))
    if kind == 3:
        file = io.BytesIO()
        np.save(file, odd_array(rng))
        return "plain .npy", file.getvalue()
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
    with np.load(path) as there:
        arrays = dict(there)
    for _ in range(rng.integers(1, 3)):
        key = picked(rng, list(arrays))
        if kind == 5 and len(arrays) > 1:
            del arrays[key]
        else:
            arrays[key] = odd_array(rng)
    return "keys missing" if kind == 5 else "arrays exchanged", npz(arrays)


def read_weights(raw: bytes):
    return Reader(load_weights(raw)).read(digits()[:3])


@cache
def long_gzips() -> list[bytes]:
    return [gzip.compress(bytes(300 * 2**20)), gzip.compress(b"") * 500_000]


def idx_file(rng) -> tuple[str, bytes]:
    raw = idx_bytes(digits()[: rng.integers(1, 20)])
    kind = rng.integers(4)
    if kind == 0:
        sizes = rng.integers(0, 2**32, rng.integers(0, 6), dtype=np.uint64)
        header = struct.pack(f">HBB{len(sizes)}I", 0, picked(rng, (8, 13)), len(sizes), *sizes)
        return "forged header", header + rng.bytes(50)
    if kind == 1 and rng.integers(10) == 0:
        return "gzip bomb", picked(rng, long_gzips())
    return mangled(rng, gzip.compress(raw) if kind == 1 else raw)


def read_idx(raw: bytes):
    return parse_idx(io.BytesIO(raw), "images")


def own_zip(rng) -> tuple[str, bytes]:
    kind = rng.integers(6)
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


def read_own(raw: bytes):
    loaded = load([("own", raw)])
    if loaded.rejected:
        raise UserError(loaded.rejected[0][1])
    return loaded


@cache
def curvature() -> bytes:
    weights = reader().weights
    side = weights.theta.shape[1]
    return Curvature(np.eye(side, dtype=np.float32), theta_hash(weights)).pack()


def hand_file(rng) -> tuple[str, bytes]:
    kind = rng.integers(3)
    if kind == 0:
        arrays = {"theta": odd_array(rng), "triangle": odd_array(rng)}
        if rng.integers(2):
            arrays["theta"] = np.array(theta_hash(reader().weights))
        return "arrays exchanged", npz(arrays)
    if kind == 1:
        return picked(rng, bombs())
    return mangled(rng, curvature())


def read_hand(raw: bytes):
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(raw)
        return load_curvature(file.name, reader().weights)


@dataclass
class Tally:
    """What came of one kind of file."""

    answers: int = 0
    sentences: int = 0
    slowest: float = 0.0
    grown: float = 0.0


def most_held() -> float:
    """The most memory that this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ready() -> float:
    """Load the model in the process that reads."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    reader()
    return most_held()


def meet(read: Callable, raw: bytes) -> tuple[str, str, float, float]:
    """Read a file: what came of it, the words, processor seconds, and the most memory so far."""
    # Something that hangs for good ends the run, and shows where it hung.
    faulthandler.dump_traceback_later(60, exit=True)
    start = time.process_time()
    try:
        read(raw)
        what, words = "answer", ""
    except UserError as error:
        what, words = "sentence", str(error)
    except Exception as error:
        what, words = "traceback", f"{type(error).__name__}: {error}"
    seconds = time.process_time() - start
    faulthandler.cancel_dump_traceback_later()
    return what, words, seconds, most_held()


KINDS = {
    "pictures": (picture, read_picture),
    "weights": (weights_file, read_weights),
    "IDX files": (idx_file, read_idx),
    "own digits": (own_zip, read_own),
    "curvatures": (hand_file, read_hand),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--others", type=int, default=2_000, help="of each other kind")
    parser.add_argument("--first", type=int, default=0, help="the number to begin with")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    wrong = 0
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        held = began = process.submit(ready).result()
        for kind, (make, read) in KINDS.items():
            count = options.pictures if kind == "pictures" else options.others
            tallies: dict[str, Tally] = {}
            for number in range(options.first, options.first + count):
                name, raw = make(np.random.default_rng(number))
                what, words, seconds, most = process.submit(meet, read, raw).result()
                tally = tallies.setdefault(name, Tally())
                tally.answers += what == "answer"
                tally.sentences += what == "sentence"
                tally.slowest = max(tally.slowest, seconds)
                tally.grown, held = tally.grown + most - held, most
                long = what == "sentence" and ("\n" in words or not 10 < len(words) < 400)
                if what == "traceback" or long or (seconds > MOST_SECONDS and name != MANY):
                    wrong += 1
                    print(f"{kind} {number}, {name}: {seconds:.1f} s, {what}: {words[:300]}")
            summary(kind, tallies)
    print(f"\nThe process held {began:.0f} MB with its model, and never more than {held:.0f} MB.")
    wrong += held > MOST_MEGABYTES
    print(f"{wrong} went wrong." if wrong else "Nothing went wrong.")
    return 1 if wrong else 0


def summary(kind: str, tallies: dict[str, Tally]) -> None:
    answers = sum(tally.answers for tally in tallies.values())
    sentences = sum(tally.sentences for tally in tallies.values())
    print(f"\n{kind}: {answers:,} answers, {sentences:,} sentences")
    print(f"  {'':<42} answers sentences slowest   memory")
    for name, tally in sorted(tallies.items()):
        print(
            f"  {name:<42} {tally.answers:>7} {tally.sentences:>9} {tally.slowest:>5.2f} s "
            f"{tally.grown:>+5.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
