"""Files that hold much besides their picture."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageSequence, PngImagePlugin

from lrcore import containers
from lrcore.containers import PNG, checked, chunks
from lrcore.errors import UserError
from tests.files import saved

INK = np.full((28, 28), 255, np.uint8)
INK[6:22, 12:16] = 0


def chunk(kind, content):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png_with(*more):
    """A PNG with these chunks before its picture."""
    raw = saved(INK)
    at = next(start for kind, start, _ in chunks(raw) if kind == b"IDAT")
    return raw[:at] + b"".join(more) + raw[at:]


def pixels(raw):
    return np.asarray(Image.open(io.BytesIO(raw)).convert("RGBA"))


def test_metadata_of_a_png_is_left_out_and_the_picture_is_not():
    profile = b"icc\0\0" + zlib.compress(bytes(2**20))
    raw = png_with(*[chunk(b"iCCP", profile)] * 30, *[chunk(b"zTXt", b"a\0\0" + profile)] * 30)
    lean = checked(raw, "It")
    assert len(lean) < 1000 < len(raw)
    np.testing.assert_array_equal(pixels(lean), pixels(saved(INK)))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_every_kind_of_png_stays_the_same_picture(mode):
    grey = Image.fromarray(INK)
    image = Image.fromarray(INK.astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    raw = saved(image, transparency=3) if mode == "P" else saved(image)
    np.testing.assert_array_equal(pixels(checked(raw, "It")), pixels(raw))


def test_an_animation_keeps_its_frames_and_a_photo_its_orientation():
    frames = [Image.fromarray(np.roll(INK, k, 1)) for k in range(3)]
    raw = checked(saved(frames[0], save_all=True, append_images=frames[1:]), "It")
    shown = [
        np.asarray(f.convert("L")) for f in ImageSequence.Iterator(Image.open(io.BytesIO(raw)))
    ]
    np.testing.assert_array_equal(shown, [np.asarray(f) for f in frames])
    exif = Image.Exif()
    exif[0x0112] = 6
    assert Image.open(io.BytesIO(checked(saved(INK, exif=exif), "It"))).getexif()[0x0112] == 6


def test_endless_exif_is_left_out():
    raw = png_with(chunk(b"eXIf", b"II*\0" + bytes(containers.MOST_EXIF)))
    assert b"eXIf" not in checked(raw, "It")


def test_what_follows_the_end_of_a_png_is_left_out():
    assert checked(saved(INK) + bytes(10_000), "It") == saved(INK)


@pytest.mark.parametrize("kind", [b"tEXt", b"IDAT", b"eXIf", b"abcd"])
def test_a_png_in_ever_so_many_pieces_is_refused_in_a_sentence(kind):
    raw = png_with(chunk(kind, b"") * containers.MOST_CHUNKS)
    with pytest.raises(UserError, match="in too many pieces: save it as an ordinary one"):
        checked(raw, "It")


def test_damage_is_left_to_whoever_opens_it():
    for raw in (PNG, PNG + b"\xff" * 50, saved(INK)[:40], b"II*\0", b"MM\0*\0\0\0\x08\xff"):
        assert raw.startswith(checked(raw, "It")) or checked(raw, "It") == raw


def tiff(*entries, order="<", big=False):
    """A TIFF with one directory of (tag, type, count) entries, which all point to its end."""
    word, count = ("Q", "Q") if big else ("I", "H")
    head = b"II" if order == "<" else b"MM"
    head += struct.pack(order + "H", 43 if big else 42)
    head += struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8)
    body = struct.pack(order + count, len(entries))
    body += b"".join(struct.pack(order + "HH" + word * 2, *entry, 0) for entry in entries)
    return head + body + struct.pack(order + word, 0)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("tag", [273, 279, 324, 325])
@pytest.mark.parametrize("type", [1, 3, 4, 16])
def test_a_tiff_of_ever_so_many_strips_is_refused_in_a_sentence(order, big, tag, type):
    few, many = (tiff((tag, type, n), order=order, big=big) for n in (20_000, 20_001))
    assert checked(few, "It") == few
    with pytest.raises(UserError, match="It is a TIFF in too many pieces: save it as an ordinary"):
        checked(many, "It")


def test_a_tiff_of_ever_so_many_numbers_or_entries_is_refused():
    for raw in (tiff((258, 3, 10**6)), tiff(*[(40_000, 4, 1)] * 1001)):
        with pytest.raises(UserError, match="too many pieces"):
            checked(raw, "It")
    profile = tiff((34675, 7, 10**6))
    assert checked(profile, "It") == profile


def test_a_tiff_whose_second_page_is_the_trap_is_refused():
    raw = bytearray(saved(INK, "TIFF"))
    trap = tiff((273, 4, 10**6))[8:]
    (first,) = struct.unpack_from("<I", raw, 4)
    (entries,) = struct.unpack_from("<H", raw, first)
    struct.pack_into("<I", raw, first + 2 + 12 * entries, len(raw))
    with pytest.raises(UserError, match="too many pieces"):
        checked(bytes(raw) + trap, "It")


def test_directories_that_go_round_in_a_circle_come_to_an_end():
    raw = bytearray(tiff((256, 4, 1)))
    struct.pack_into("<I", raw, len(raw) - 4, 8)
    assert checked(bytes(raw), "It") == raw


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "group4"])
def test_ordinary_tiffs_pass(compression):
    image = Image.fromarray(INK).convert("1" if compression == "group4" else "L")
    raw = saved(image, "TIFF", compression=compression, save_all=True, append_images=[image])
    assert checked(raw, "It") == raw


def test_texts_of_a_png_that_pillow_writes_are_left_out():
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "A digit", zip=True)
    assert checked(saved(INK, pnginfo=info), "It") == saved(INK)
