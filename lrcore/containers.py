"""What a picture's file says of itself, checked before the library that opens it is asked.

Pillow does much before it hands over a picture: of a PNG every text and colour profile is inflated,
of a TIFF each offset becomes a piece to decode.  A small file may hold very many of either.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from lrcore.errors import UserError

PNG, TIFFS = b"\x89PNG\r\n\x1a\n", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# The picture itself, its animation, and how the camera was held; all else of a PNG is left out.
PICTURE_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT", b"eXIf"}
# Programs write pieces of 8 kB at least, which in the largest file read makes four thousand.
MOST_CHUNKS = 10_000
# Comments in a PNM whose numbers are text: Pillow copies what it has read for each.
PLAIN_PNMS, MOST_COMMENTS = (b"P1", b"P2", b"P3"), 100
# A JPEG is decoded once for each of its scans: ten are usual, but a file may ask for thousands.
# Each costs in proportion to the picture: so many pixels are gone through in all.
MOST_SCANS, MOST_SCANNED = 100, 500_000_000
MOST_SEGMENTS = 10_000
# The marker of a JPEG's segment; zeros, further 0xFFs and restarts are within what is coded.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_SCAN, _END, _BARE = 0xDA, 0xD9, (0x01, 0xD8)
# EXIF fits into one segment of a JPEG.
MOST_EXIF = 64 * 2**10
# In one directory of a TIFF: its entries; its strips or tiles, at most one for each row; and the
# numbers in any other entry, of which a colour map of 16 bits has the most.
MOST_ENTRIES, MOST_STRIPS, MOST_NUMBERS = 1_000, 20_000, 3 * 2**16
# Directories that are looked into, which is as many pages as anybody reads here.
MOST_PAGES = 20
_STRIPS = {273, 279, 324, 325}
# Types whose values stay the bytes they are: BYTE, ASCII, UNDEFINED, and the signed BYTE.
_BYTES = {1, 2, 6, 7}


def checked(raw: bytes, name: str) -> bytes:
    """The file, of a PNG only what makes the picture; `name` is what errors call it.

    Raises UserError for a PNG or TIFF that would cost more to open than its picture does.
    """
    if raw.startswith(PNG):
        return _lean_png(raw, name)
    if raw.startswith(TIFFS):
        _check_tiff(raw, name)
    if raw.startswith(PLAIN_PNMS) and raw.count(b"#") > MOST_COMMENTS:
        raise UserError(f"{name} is a PNM of too many comments: save it as PNG.")
    return raw


def chunks(raw: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a PNG, as (kind, start, end) with length and checksum included."""
    at = len(PNG)
    while at + 12 <= len(raw):
        (length,) = struct.unpack_from(">I", raw, at)
        end = min(at + 12 + length, len(raw))
        yield raw[at + 4 : at + 8], at, end
        at = end


def scans(raw: bytes) -> int:
    """How many scans a JPEG has, counted no further than MOST_SCANS + 1.

    What follows its end, such as the film that some telephones append, is not looked at.
    Source: ITU-T T.81, annex B.
    """
    count = at = 0
    for _ in range(MOST_SEGMENTS):
        found = _MARKER.search(raw, at)
        if found is None or (marker := raw[found.end() - 1]) == _END:
            return count
        at = found.end()
        count += marker == _SCAN
        if count > MOST_SCANS:
            return count
        if marker not in _BARE and at + 2 <= len(raw):
            at += struct.unpack_from(">H", raw, at)[0]
    return MOST_SCANS + 1


def _lean_png(raw: bytes, name: str) -> bytes:
    kept = [PNG]
    for number, (kind, start, end) in enumerate(chunks(raw)):
        if number >= MOST_CHUNKS:
            raise UserError(f"{name} is a PNG in too many pieces: save it as an ordinary one.")
        if kind in PICTURE_CHUNKS and not (kind == b"eXIf" and end - start > MOST_EXIF):
            kept.append(raw[start:end])
        if kind == b"IEND":
            break
    return b"".join(kept)


def _check_tiff(raw: bytes, name: str) -> None:
    """Follow the directories of a TIFF, as Aldus' "TIFF 6.0", 1992, lays them out, and BigTIFF."""
    order = "<" if raw[:2] == b"II" else ">"
    big = raw[2:4] in (b"+\0", b"\0+")
    count, word, size = ("Q", "Q", 20) if big else ("H", "I", 12)
    start = 8 if big else 4
    seen: set[int] = set()
    try:
        (at,) = struct.unpack_from(order + word, raw, start)
        while at and at not in seen and len(seen) < MOST_PAGES:
            seen.add(at)
            (entries,) = struct.unpack_from(order + count, raw, at)
            at += struct.calcsize(count)
            if entries > MOST_ENTRIES:
                raise UserError(_odd_tiff(name))
            for _ in range(entries):
                tag, kind, numbers = struct.unpack_from(order + "HH" + word, raw, at)
                most = MOST_STRIPS if tag in _STRIPS else MOST_NUMBERS
                if numbers > most and (kind not in _BYTES or tag in _STRIPS):
                    raise UserError(_odd_tiff(name))
                at += size
            (at,) = struct.unpack_from(order + word, raw, at)
    except struct.error:
        # It ends too soon: whoever opens it says so.
        return


def _odd_tiff(name: str) -> str:
    return f"{name} is a TIFF in too many pieces: save it as an ordinary one, or as PNG."
