"""Files that visitors leave on the server are bounded, all together."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from ui import uploads


def record(key, megabytes=0.0):
    return UploadedFileRec(key, key, "image/png", bytes(int(megabytes * 2**20)))


@pytest.fixture
def manager():
    made = MemoryUploadedFileManager("/upload")
    uploads.bound(made)
    return made


def held(manager, session):
    return len(manager.file_storage[session])


def test_a_session_keeps_a_hundred_megabytes_and_no_more(manager):
    for k in range(5):
        manager.add_file("mine", record(f"{k}", 20))
    with pytest.raises(HTTPException, match="take some away first") as refused:
        manager.add_file("mine", record("one more", 0.1))
    assert refused.value.status_code == 413
    assert held(manager, "mine") == 5
    # The same file again is no second one, and what was taken away makes room.
    manager.add_file("mine", record("0", 20))
    manager.remove_file("mine", "1")
    manager.add_file("mine", record("one more", 19))


def test_small_files_are_bounded_in_number(manager, monkeypatch):
    monkeypatch.setattr(uploads, "MOST_FILES", 3)
    for k in range(3):
        manager.add_file("mine", record(f"{k}"))
    with pytest.raises(HTTPException, match="take some away first"):
        manager.add_file("mine", record("3"))
    manager.add_file("another", record("3"))


def test_many_sessions_share_what_the_process_has(manager):
    for session in range(4):
        for k in range(5):
            manager.add_file(f"{session}", record(f"{k}", 20))
    with pytest.raises(HTTPException, match="no room for more files now"):
        manager.add_file("late", record("one", 1))
    manager.remove_session_files("0")
    manager.add_file("late", record("one", 1))


def test_to_bound_twice_is_to_bound_once(manager):
    before = manager.add_file
    uploads.bound(manager)
    assert manager.add_file is before


def test_the_server_bounds_what_is_sent_to_it(server):
    """By the way that a browser's widget takes, and by one that no widget asked for."""
    from tests.learner import Learner

    async def flood():
        async with Learner(server.url) as learner:
            return [await learner.upload(f"made-up-{k}", bytes(19 * 2**20)) for k in range(7)]

    # Where a browser's tests came before there is a loop at work in this thread.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, flood()).result() == [204] * 5 + [413] * 2
