"""Files written whole or not at all, whoever else writes, and read only as they were kept."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from lrcore import archive, features
from lrcore.archive import (
    ABANDONED_AFTER,
    PART,
    gunzip,
    load_array,
    replacing,
    save_array,
    write_file,
)
from lrcore.errors import UserError
from lrcore.features import extract, extract_cached
from tests.browser.driver import ROOT

ARRAY = np.arange(2400, dtype=np.float32).reshape(40, 60)
# Writes half a file and waits to be killed.
HALF = """
import sys, time
from pathlib import Path
from lrcore.archive import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(bytes(1000))
    file.flush()
    print("half", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def half_written(tmp_path):
    """A process that has written half of tmp_path/a.npz, and lives until it is killed."""
    command = [sys.executable, "-c", HALF, str(tmp_path / "a.npz")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8") as writer:
        assert writer.stdout.readline() == "half\n"
        yield writer
        writer.kill()


@pytest.fixture
def windows(monkeypatch):
    """The archive as it goes about on Windows."""
    monkeypatch.setattr(archive, "sys", SimpleNamespace(platform="win32"))


def parts(folder):
    return sorted(path.name for path in folder.glob(f"*{PART}"))


def test_many_threads_and_a_cold_cache(monkeypatch, tmp_path, test_set):
    """Two sets, read by eight threads at once again and again, while the cache is thrown away."""
    monkeypatch.setattr(features, "CACHE_FOLDER", tmp_path / "cache")
    sets = [test_set.images[:40], test_set.images[40:80]]
    wanted = [extract("strokes", images) for images in sets]

    def read(i):
        if i % 5 == 0:
            for path in (tmp_path / "cache").glob("*.npz"):
                path.unlink(missing_ok=True)
        return np.array_equal(extract_cached("strokes", sets[i % 2]), wanted[i % 2])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(120)))
    assert len(list((tmp_path / "cache").iterdir())) <= 2


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "a.npz"
    with replacing(path) as one, replacing(path) as other:
        assert len(parts(tmp_path)) == 2
        one.write(b"one")
        other.write(b"other")
        assert not path.exists()
    # The inner block ends first.
    assert path.read_bytes() == b"one"
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def test_what_a_killed_writer_leaves_is_gone_with_the_next_write(tmp_path, half_written):
    assert len(parts(tmp_path)) == 1
    save_array(tmp_path / "b.npz", ARRAY)
    write_file(tmp_path / "a.npz", b"whole")
    assert len(parts(tmp_path)) == 1, "its writer lives"
    half_written.kill()
    half_written.wait()
    assert len(parts(tmp_path)) == 1
    save_array(tmp_path / "b.npz", ARRAY)
    assert parts(tmp_path) == []
    assert (tmp_path / "a.npz").read_bytes() == b"whole"


def test_a_written_file_clears_up_after_its_own_dead_writers_alone(tmp_path, half_written):
    half_written.kill()
    half_written.wait()
    other = tmp_path / f"other.npz.abcdefgh{PART}"
    other.write_bytes(b"")
    write_file(tmp_path / "a.npz", b"whole")
    assert parts(tmp_path) == [other.name]


def test_a_write_that_fails_leaves_nothing_aside(tmp_path):
    def fail():
        with replacing(tmp_path / "a.npz") as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def flipped(raw, at):
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


DAMAGE = {
    "empty": lambda raw: b"",
    "cut": lambda raw: raw[: len(raw) // 2],
    "last byte lost": lambda raw: raw[:-1],
    "a bit of the numbers": lambda raw: flipped(raw, len(raw) // 2),
    "a bit of the header": lambda raw: flipped(raw, raw.index(b"'shape'") + 11),
    "a bit of the checksum": lambda raw: flipped(raw, raw.index(b"PK\1\2") + 16),
    "text": lambda raw: b"damaged",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_array_is_none(tmp_path, damage):
    path = tmp_path / "a.npz"
    save_array(path, ARRAY)
    np.testing.assert_array_equal(load_array(path, ARRAY.shape, np.float32), ARRAY)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    assert load_array(path, ARRAY.shape, np.float32) is None


def test_whatever_bit_is_damaged_no_number_is_wrong(tmp_path):
    path, rng = tmp_path / "a.npz", np.random.default_rng(0)
    save_array(path, ARRAY)
    raw, refused = path.read_bytes(), 0
    for at in [*range(200), *range(len(raw) - 150, len(raw)), *rng.integers(len(raw), size=100)]:
        path.write_bytes(flipped(raw, at))
        back = load_array(path, ARRAY.shape, np.float32)
        refused += back is None
        assert back is None or np.array_equal(back, ARRAY), at
    assert refused > 250


def test_an_array_of_another_shape_or_kind_is_none(tmp_path):
    path = tmp_path / "a.npz"
    save_array(path, ARRAY)
    assert load_array(path, (60, 40), np.float32) is None
    assert load_array(path, ARRAY.shape, np.float64) is None
    np.savez(path, another=ARRAY)
    assert load_array(path, ARRAY.shape, np.float32) is None
    np.savez(path, array=np.array([[None] * 60] * 40))
    assert load_array(path, ARRAY.shape, np.float32) is None
    with open(path, "wb") as file:
        np.save(file, ARRAY)
    assert load_array(path, ARRAY.shape, np.float32) is None
    assert load_array(tmp_path / "none.npz", ARRAY.shape, np.float32) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path, X: path.write_bytes(path.read_bytes()[:-100]),
        lambda path, X: save_array(path, X[:-1]),
        lambda path, X: save_array(path, X[:, :-1]),
        lambda path, X: save_array(path, X.astype(np.float64)),
        lambda path, X: save_array(path, X[::-1].copy()),  # those of other pictures
    ],
    ids=["cut", "fewer", "narrower", "float64", "others"],
)
def test_a_spoilt_cache_is_made_anew(monkeypatch, tmp_path, test_set, spoil):
    monkeypatch.setattr(features, "CACHE_FOLDER", tmp_path)
    images = test_set.images[:30]
    wanted = extract_cached("strokes", images)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    spoil(path, wanted)
    np.testing.assert_array_equal(extract_cached("strokes", images), wanted)
    assert len(path.read_bytes()) == len(whole), "and it is whole again"
    monkeypatch.setattr(features, "extract", lambda *_: pytest.fail("computed again"))
    np.testing.assert_array_equal(extract_cached("strokes", images), wanted)


def test_what_other_code_cached_goes(monkeypatch, tmp_path, test_set):
    monkeypatch.setattr(features, "CACHE_FOLDER", tmp_path)
    for name in ("strokes-0123456789abcdef01234567.npy", "strokes-0123456789ab-0123.npz"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    extract_cached("strokes", test_set.images[:3])
    extract_cached("straightened", test_set.images[:3])
    kept = sorted(path.name.partition("-")[0] for path in tmp_path.iterdir())
    assert kept == ["notes.txt", "straightened", "strokes"]


def test_a_cache_that_can_not_be_replaced_costs_itself_alone(monkeypatch, tmp_path, test_set):
    """As on Windows, while another process reads the file."""

    def in_use(*_):
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(features, "CACHE_FOLDER", tmp_path)
    monkeypatch.setattr(os, "replace", in_use)
    images = test_set.images[:3]
    np.testing.assert_array_equal(extract_cached("strokes", images), extract("strokes", images))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="cannot access"):
        write_file(tmp_path / "a.npz", b"")


def test_windows_replaces_a_file_that_is_closed(windows, monkeypatch, tmp_path):
    closed, replace = [], os.replace

    def watched(*paths):
        closed.append(file.closed)
        replace(*paths)

    monkeypatch.setattr(os, "replace", watched)
    with replacing(tmp_path / "a.npz") as file:
        file.write(b"whole")
    assert closed == [True]
    assert (tmp_path / "a.npz").read_bytes() == b"whole"


def test_windows_takes_an_old_part_for_abandoned(windows, tmp_path):
    old, new = (tmp_path / f"{name}{PART}" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    long_ago = time.time() - ABANDONED_AFTER - 10
    os.utime(old, (long_ago, long_ago))
    save_array(tmp_path / "a.npz", ARRAY)
    assert parts(tmp_path) == [new.name]


def test_a_gzip_stream_that_is_cut_says_so():
    with pytest.raises(UserError, match=r"^mine.gz is damaged: .* \(it ends too early\); fetch"):
        gunzip(b"\x1f\x8b\x08" + bytes(7), 100, "mine.gz")
