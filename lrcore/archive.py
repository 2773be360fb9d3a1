"""Arrays in files: archives read within bounds, files written whole or not at all.

What is read may come from anybody, so nothing is unpickled, and no more is unpacked than a
header promises and a bound allows.
"""

from __future__ import annotations

import contextlib
import glob
import io
import os
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lrcore.errors import UserError

if sys.platform != "win32":
    import fcntl

# The largest archive of arrays that is read, packed and unpacked, and the members it may have; the
# biggest of ours, a curvature, is far below.
MAX_ARCHIVE_BYTES = 64 * 2**20
MAX_MEMBERS = 32
# What begins a member's entry in the table of a ZIP, and what the extra fields of all may take:
# times, rights and sizes of 64 bits are some 70 bytes a file.
_MEMBER, MOST_EXTRA = b"PK\1\2", 2**20
PART = ".part"
# Seconds after which, on Windows where no lock tells, a file aside counts as left by its writer.
ABANDONED_AFTER = 3600.0


# Reading.


def read_whole(path: Path, most: int) -> bytes:
    """A file's bytes, at most `most` + 1 of them: one too many shows that it is too large.

    Raises UserError where it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise UserError(
            f"{path.name} cannot be read ({error.strerror}); check its name."
        ) from error


def gunzip(packed: bytes | bytearray, most: int, label: str) -> bytearray:
    """What a gzip stream holds, in a file that errors call `label`.

    It is unpacked only until there are more than `most` bytes: who gets more than that knows that
    it is too large.  Python's `gzip` is not used, for it would follow a million empty members, and
    takes twice the memory.

    Raises UserError where the stream is damaged or something follows its end.
    """

    def damaged(why: str) -> UserError:
        return UserError(
            f"{label} is damaged: its gzip stream does not unpack ({why}); fetch it again."
        )

    stream, raw, step = zlib.decompressobj(wbits=31), bytearray(), 2**14
    for at in range(0, len(packed), step):
        try:
            raw += stream.decompress(packed[at : at + step])
        except zlib.error as error:
            raise damaged(str(error)) from error
        if len(raw) > most:
            return raw
        if stream.eof:
            if (stream.unused_data + packed[at + step :]).strip(b"\0"):
                raise damaged("something follows its end")
            return raw
    raise damaged("it ends too early")


def has_more_members(raw: bytes, most: int) -> bool:
    """Whether a ZIP may have more than `most` members, or more beside them than any program adds.

    They are counted before zipfile makes an object of each, which takes long for a million, and
    reads the extra fields of each.
    """
    if raw.count(_MEMBER) > most:
        return True
    extra, at = 0, raw.find(_MEMBER)
    while at >= 0:
        extra += int.from_bytes(raw[at + 30 : at + 32], "little")
        at = raw.find(_MEMBER, at + len(_MEMBER))
    return extra > MOST_EXTRA


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """What one file of a ZIP holds, and never more than its header promises.

    Raises one of zipfile's or zlib's errors where it is damaged, or packed in a way other than
    deflate, whose unpackers cannot be stopped in time.
    """
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile("neither stored nor deflated")
    with archive.open(member) as file:
        # A bare read() would unpack all there is before it looks at what was promised.
        return file.read(member.file_size + 1)


def unpack_arrays(raw: bytes, label: str) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file, never unpickled.

    label : what to call the file in errors.

    Raises UserError where it is damaged or huge.
    """
    too_large = UserError(f"{label} unpacks to more than a file of arrays may hold.")
    if has_more_members(raw, MAX_MEMBERS):
        raise too_large
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if len(members) > MAX_MEMBERS or size > MAX_ARCHIVE_BYTES:
                raise too_large
            # Names are only keys of a dict here, never paths on a disk.
            keys = [member.filename.removesuffix(".npy") for member in members]
            return {
                key: parse_array(read_member(archive, member), label, key)
                for key, member in zip(keys, members, strict=True)
            }
    except UserError:
        raise
    except Exception as error:  # zipfile raises many kinds, zlib's and struct's among them
        raise UserError(f"{label} is damaged: it does not unpack; fetch it again.") from error


def parse_array(raw: bytes, label: str, key: str) -> np.ndarray:
    """One array in numpy's own format, its header checked before any memory is taken.

    label, key : what to call the file and the array in errors.

    Raises UserError where it is damaged, or holds pickled objects.
    """
    file = io.BytesIO(raw)
    try:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = read_header(file)
        if dtype.hasobject:
            raise UserError(
                f"{label} holds pickled objects ({key[:40]}), which are never opened here; "
                "save plain arrays."
            )
        size = dtype.itemsize
        for length in shape:
            size *= length
        if size != len(raw) - file.tell():
            raise UserError(f"{label} is damaged: {key[:40]} is not as long as its header says.")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
    except UserError:
        raise
    except Exception as error:  # a damaged header fails in the parser's own many ways
        raise UserError(f"{label} is damaged: {key[:40]} cannot be read.") from error


# Writing.


def pack_arrays(arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of an `.npz` file; the same arrays, the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(value), allow_pickle=False)
            # A fixed date, so that remaking a model can be checked byte by byte.
            info = zipfile.ZipInfo(f"{key}.npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getvalue())
    return buffer.getvalue()


def write_file(path: str | Path, content: bytes) -> None:
    """Write a file so that a crash in the middle leaves the old one whole.

    Raises UserError where it cannot be written.
    """
    path = Path(path)
    try:
        remove_abandoned(path.parent.glob(f"{glob.escape(path.name)}.????????{PART}"))
        with replacing(path) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); choose another place."
        ) from error


def save_array(path: Path, array: np.ndarray) -> None:
    """Keep an array in a file that `load_array` reads; OSError where it cannot be written.

    A ZIP that is not compressed, for the checksum which that format has and numpy's lacks.
    """
    remove_abandoned(path.parent.glob(f"*{PART}"))
    with replacing(path) as file:
        np.savez(file, array=array)


def load_array(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray | None:
    """What `save_array` kept; None where it is missing, damaged, or of another shape or dtype."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            array = stored["array"]  # zipfile compares the checksum as the last byte is read
    except Exception:  # a damaged file fails in zipfile's and numpy's own many ways
        return None
    return array if array.shape == shape and array.dtype == dtype else None


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` once the block ends without an error.

    Every writer has a file of its own, so two of them never write into one, and who reads
    meanwhile sees the old file or a new one, whole.  A writer that is killed leaves its file
    aside, which `remove_abandoned` knows.

    Raises OSError where it cannot be written, or replaced: on Windows, while another process
    has it open.
    """
    handle, aside = _aside(path)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.chmod(aside, 0o644)
            if sys.platform != "win32":
                os.replace(aside, path)  # while its lock still tells that it has a writer
        if sys.platform == "win32":
            os.replace(aside, path)  # Windows replaces no open file
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(aside)
        raise


def remove_abandoned(parts: Iterable[Path]) -> None:
    """Remove those of the files aside whose writers are dead; never fails."""
    for part in parts:
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                if time.time() - part.stat().st_mtime > ABANDONED_AFTER:
                    part.unlink()
            else:
                with open(part, "r+b") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if its writer lives
                    part.unlink()


def _aside(path: Path) -> tuple[int, str]:
    """A new file beside `path`, open and locked: its descriptor and its name."""
    while True:
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=PART)
        if sys.platform == "win32":
            return handle, aside
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)  # taken for abandoned just now, before it was locked
            continue
        except OSError:
            return handle, aside  # a disk without locks
        if os.fstat(handle).st_nlink:
            return handle, aside
        os.close(handle)
