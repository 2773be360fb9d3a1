"""Pictures that were brought: kept in the session, and read no oftener than it takes.

A picture is decoded once, and its digits are found once for each model that judges where to cut.
A correction leaves both as they are: only the 28x28 digits are read again.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field

import streamlit as st
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from lrcore.decode import open_once
from lrcore.errors import UserError
from lrcore.reading import Reader
from lrcore.segment import AUTO, Found
from lrcore.weights import Weights
from ui.priority import aside
from ui.state import BROUGHT

# Of all pictures of a list together: their files, what was found in them, what is shown.
MOST_BYTES = 128 * 2**20
# Of one picture that is shown, unless it is all grain: in a message to the browser it is a third
# longer, and these have a bound (`server.maxMessageSize`).
MOST_SENT = 2 * 2**20
# A picture of one digit is shown so wide, one of several at most so wide, in pixels.
NARROW, WIDE = 330, 1460


@dataclass
class Picture:
    """One file that was brought.

    key : apart for each, even where name and content are the same.
    """

    key: str
    name: str
    data: bytes
    _read: Read | None = None

    def read(self, judge: Weights, digits: str = AUTO) -> Read:
        """What is in it, by a model that judges where to cut, as `find_digits` has `digits`.

        Raises UserError where nothing can be read.
        """
        read = self._read
        if read is None or read.judge is not judge or read.digits != digits:
            self._read = aside(lambda: _read(self.data, judge, digits))
        assert self._read is not None
        if self._read.error:
            raise UserError(self._read.error)
        return self._read

    @property
    def nbytes(self) -> int:
        """Bytes that are kept of it."""
        return len(self.data) + (self._read.nbytes if self._read else 0)


@dataclass
class Read:
    """A picture once it was read.

    judge : the model that judged doubtful cuts.
    digits : how many it was asked for.
    size : (width, height) of the picture in its own pixels, upright.
    shown : the picture for people to see, no larger than it takes.
    found : its digits, in reading order.
    error : why there are none, or "".
    note : which of several pages it is, or "".
    """

    judge: Weights
    digits: str
    size: tuple[int, int] = (0, 0)
    shown: Image.Image = field(default_factory=lambda: Image.new("L", (1, 1)))
    found: list[Found] = field(default_factory=list)
    error: str = ""
    note: str = ""
    _marked: tuple[list[str], bytes] | None = None

    @property
    def nbytes(self) -> int:
        shown = self.shown.width * self.shown.height * len(self.shown.getbands())
        return shown + sum(item.nbytes for item in self.found)

    def marked(self, answers: list[str], mark) -> bytes:
        """The picture as a file, after `mark(picture, size, found, answers)` where there are more
        digits than one; made anew only for other answers."""
        if self._marked is None or self._marked[0] != answers:
            several = len(self.found) > 1
            picture = mark(self.shown, self.size, self.found, answers) if several else self.shown
            self._marked = answers, _as_file(picture)
        return self._marked[1]


@dataclass
class Brought:
    """The pictures of one list, the newest first.

    let_go : how many older ones had to go since MOST_BYTES were kept.
    offered : the keys that the widget which brings them holds at present.
    """

    pictures: list[Picture] = field(default_factory=list)
    let_go: int = 0
    offered: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.pictures)

    def change(self, files: Iterable[UploadedFile], only: bool = False) -> None:
        """Take in what is new among the files of a widget, and drop what was taken out of it.

        only : whether what is new replaces all that was there.
        """
        kept = {picture.key for picture in self.pictures}
        files = list(files)
        now = {file.file_id for file in files}
        new = [
            Picture(file.file_id, file.name, file.getvalue())
            for file in files
            if file.file_id not in kept
        ]
        self.drop(*(kept if only and new else self.offered - now))
        self.pictures = new + self.pictures
        self.bound()

    def drop(self, *keys: str) -> None:
        """Forget the pictures of these keys."""
        self.pictures = [picture for picture in self.pictures if picture.key not in keys]
        self.let_go = 0

    def bound(self) -> None:
        """Let the oldest go where more bytes are kept than MOST_BYTES, the newest excepted."""
        while len(self.pictures) > 1 and sum(p.nbytes for p in self.pictures) > MOST_BYTES:
            self.pictures.pop()
            self.let_go += 1


def brought(way: str) -> Brought:
    """What was brought to this session in this way."""
    return st.session_state.setdefault(BROUGHT(way=way), Brought())


def _read(data: bytes, judge: Weights, digits: str) -> Read:
    try:
        opened = open_once(data)
        found = Reader(judge).find(opened, digits)
    except UserError as error:
        return Read(judge, digits, error=str(error))
    wide = WIDE if len(found) > 1 else NARROW
    opened.shown.thumbnail((wide, 2 * wide))
    return Read(judge, digits, opened.size, opened.shown, found, note=opened.note)


def _as_file(picture: Image.Image) -> bytes:
    # PNG keeps screenshots and scans crisp, but of a photo it takes ten times as long and as much.
    raw = b""
    for quality in (90, 70, 40):
        file = io.BytesIO()
        picture.convert("RGB").save(file, "JPEG", quality=quality)
        raw = file.getvalue()
        if len(raw) <= MOST_SENT:
            break
    return raw
