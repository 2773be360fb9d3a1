"""What browsers may leave on the server in files, all together."""

from __future__ import annotations

import threading
from typing import Any

from starlette.exceptions import HTTPException
from streamlit import runtime
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from lrcore.errors import megabytes

# Of one session: five files of the largest size that `server.maxUploadSize` lets pass, or as many
# single digits as a set may hold.  Of all sessions of a process, in bytes.
MOST_BYTES, MOST_FILES, MOST_BYTES_OF_ALL = 100 * 2**20, 11_000, 400 * 2**20
_BOUNDED = "_ten_thetas_bounded"
_lock = threading.Lock()


def bound_uploads() -> None:
    """See to it that no upload goes beyond these bounds; called by each run, it acts once.

    Streamlit keeps whatever is sent to a session's address, asked for by a widget or not, until the
    session ends.  What is too much is answered by 413, which the widget shows beside the file.
    """
    # Without a server (a test) there are no uploads.
    if runtime.exists():
        bound(runtime.get_instance().uploaded_file_mgr)


def bound(manager: Any) -> None:
    """Have this upload manager of Streamlit's refuse what is beyond the bounds."""
    with _lock:
        if getattr(manager, _BOUNDED, False):
            return
        add = manager.add_file

        def add_within_bounds(session_id: str, file: UploadedFileRec) -> None:
            with _lock:
                _check(manager.file_storage, session_id, file)
                add(session_id, file)

        manager.add_file = add_within_bounds
        setattr(manager, _BOUNDED, True)


def _check(storage: dict, session_id: str, file: UploadedFileRec) -> None:
    others = {
        session: [len(rec.data) for key, rec in files.items() if key != file.file_id]
        for session, files in storage.items()
    }
    own = others.get(session_id, [])
    if sum(own) + len(file.data) > MOST_BYTES or len(own) >= MOST_FILES:
        raise HTTPException(
            413,
            f"The files of this visit are more than {megabytes(MOST_BYTES)} or {MOST_FILES:,} "
            "files in all: take some away first.",
        )
    if sum(map(sum, others.values())) + len(file.data) > MOST_BYTES_OF_ALL:
        raise HTTPException(413, "The server has no room for more files now: try again later.")
