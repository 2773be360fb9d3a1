"""A learner's browser without the browser: what it says to the app's websocket, and what it hears.

A hundred real browsers do not fit into one machine, a hundred of these do.  What they send was
recorded from a real one: the drawing as the canvas reports it, presses, and a timer's ticks.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from ui.palette import INK, PAPER

# Longer than any answer should take; then it counts as none.
PATIENCE = 60.0
NAMED = re.compile(r"\$\$ID-[0-9a-f]{32}-(.+)", re.DOTALL)
# The key of the buttons under an answer tells which picture they would label.
LABELS = re.compile(r"label-drawn-(.+)-([0-9a-f]{16})-7")


@dataclass
class Answer:
    """What the Predict page answered to a drawing.

    digit, probabilities : what is read, and how sure each class is, to two decimals.
    picture : the first 16 characters of the SHA-256 of the 28x28 picture that was read.
    seconds : from sending the drawing to the digit; infinite if none came.
    """

    digit: str = ""
    probabilities: np.ndarray = field(default_factory=lambda: np.zeros(0))
    picture: str = ""
    seconds: float = math.inf


class Learner:
    """One session of the app; use it with `async with`.

    heard : the elements that came since the last request.
    errors : what went wrong: exceptions and errors shown on the page.
    """

    def __init__(self, url: str, page: str = "", query: str = ""):
        self.url, self.page, self.query = url, page, query
        self.heard: list[Element] = []
        self.errors: list[str] = []
        self._ids: dict[str, str] = {}
        self._fragment, self._timer = "", ""
        self._pages: dict[str, str] = {}
        self._here = self.session = ""
        self._drawing, self._cleared, self._brought = "", 0, 0
        # Where the digit comes from.
        self.way = "Draw"
        self._sent, self._answered = 0.0, math.inf
        self._finished = asyncio.Event()

    async def __aenter__(self) -> Learner:
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        self._socket: ClientConnection = await connect(
            address,
            subprotocols=["streamlit"],
            origin=self.url,
            max_size=None,
            open_timeout=PATIENCE,
        )
        self._listening = asyncio.create_task(self._listen())
        await self._rerun(page_name=self.page, query_string=self.query)
        return self

    async def __aexit__(self, *_) -> None:
        self._listening.cancel()
        await self._socket.close()

    async def draw(self, strokes: list[np.ndarray]) -> Answer:
        """Have these strokes, arrays (m, 2) in the canvas' pixels, on the canvas and read."""
        self._drawing = canvas_state(strokes, self._cleared)
        self._answered = math.inf
        await self._rerun(fragment_id=self._fragment)
        answer = Answer(seconds=self._answered - self._sent)
        for element in self.heard:
            kind = element.WhichOneof("type")
            if kind == "html" and (found := re.search('data-answer="(.+?)"', element.html.body)):
                answer.digit = found[1]
            elif kind == "vega_lite_chart":
                said = element.vega_lite_chart.alt
                answer.probabilities = np.array(re.findall(r"[01]\.\d\d", said), float)
            elif kind == "button" and (found := LABELS.search(element.button.id)):
                answer.picture = found[2]
        return answer

    async def clear(self) -> None:
        """Press the page's 'Clear'; what is drawn from then on is of the next edition."""
        await self.press("Clear", in_canvas=True)
        self._cleared += 1

    async def press(self, button: str, in_canvas: bool = False) -> None:
        """Press a button by its key or, if it has none, its label."""
        fragment = self._fragment if in_canvas else ""
        await self._rerun(pressed=self._ids[button], fragment_id=fragment)

    async def label(self, answer: Answer, digit: int) -> None:
        """Press '`digit`' under 'It's a ...'."""
        ending = f"-{answer.picture}-{digit}"
        key = next(key for key in self._ids if key.endswith(ending))
        await self.press(key, in_canvas=True)

    async def press_nothing(self) -> None:
        """Have the page run again."""
        await self._rerun()

    async def press_if_there(self, button: str) -> None:
        """Press a button that the page may have, or not."""
        if button in self._ids:
            await self.press(button)
        else:
            await self.press_nothing()

    async def send(self, record: str) -> None:
        """Send a canvas' record, whatever it is."""
        self._drawing = f'{{"drawing": {{"raw": {record}}}}}'
        await self._rerun(fragment_id=self._fragment)

    async def bring(self, widget: str, name: str, content: bytes) -> int:
        """Bring a file to the upload widget of that key; the status of its upload."""
        self._brought += 1
        key = f"file-{self._brought}"
        status = await self.upload(key, content, name)
        if status == 204:
            await self._rerun(files={widget: (key, name, len(content))})
        return status

    async def go_to(self, title: str) -> None:
        """Go to another page."""
        self._drawing = ""
        await self._rerun(page_script_hash=self._pages[title])

    async def upload(self, key: str, content: bytes, name: str = "picture.png") -> int:
        """Send a file to an address of this session, whoever asked for it; the answer's status."""
        return await asyncio.to_thread(self._upload, key, content, name)

    def _upload(self, key: str, content: bytes, name: str) -> int:
        with urllib.request.urlopen(f"{self.url}/_stcore/health") as answer:
            cookie = answer.headers["Set-Cookie"].split(";")[0]
        boundary = "a-line-that-no-file-holds"
        named = f'Content-Disposition: form-data; name="f"; filename="{name}"'
        head = f"--{boundary}\r\n{named}\r\n\r\n"
        request = urllib.request.Request(
            f"{self.url}/_stcore/upload_file/{self.session}/{key}",
            head.encode() + content + f"\r\n--{boundary}--\r\n".encode(),
            {
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Cookie": cookie,
                "X-Xsrftoken": cookie.split("=", 1)[1],
            },
            method="PUT",
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError as error:
            # Refused before all of it was sent, the answer to that is lost with the connection.
            if isinstance(error.reason, ConnectionError):
                return 413
            raise

    async def watch(self, seconds: float) -> int:
        """Stay on a page that draws itself anew again and again; how often it did."""
        frames, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            await self._rerun(fragment_id=self._timer, is_auto_rerun=True)
            frames += 1
            await asyncio.sleep(max(0.0, 0.24 - (time.monotonic() - began)))
        return frames

    def text(self) -> str:
        """All that was heard since the last request."""
        return " ".join(str(element) for element in self.heard)

    async def _rerun(
        self,
        pressed: str = "",
        files: Mapping[str, tuple[str, str, int]] = MappingProxyType({}),
        **request,
    ) -> None:
        """Ask for a run of the script, as a browser does, and wait until it is through."""
        message = BackMsg()
        message.rerun_script.page_script_hash = self._here
        for name, value in request.items():
            setattr(message.rerun_script, name, value)
        widgets = message.rerun_script.widget_states.widgets
        for key, words in (("way", [self.way]), ("tool", ["Pen"]), ("closer-drawn", [])):
            if key in self._ids:
                widgets.add(id=self._ids[key]).string_array_value.data.extend(words)
        if self._drawing:
            widgets.add(id=self._ids["canvas"], json_value=self._drawing)
        for widget, (key, name, size) in files.items():
            state = widgets.add(id=self._ids[widget]).file_uploader_state_value
            info = state.uploaded_file_info.add(name=name, size=size, file_id=key)
            info.file_urls.file_id = key
        if pressed:
            widgets.add(id=pressed, trigger_value=True)
        self.heard = []
        self._finished.clear()
        self._sent = time.monotonic()
        await self._socket.send(message.SerializeToString())
        try:
            await asyncio.wait_for(self._finished.wait(), PATIENCE)
        except TimeoutError:
            self.errors.append(f"the page was not made within {PATIENCE:.0f} s")

    async def _listen(self) -> None:
        async for data in self._socket:
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "delta":
                self._take(message.delta)
            elif kind == "navigation":
                pages = message.navigation.app_pages
                self._pages = {page.page_name: page.page_script_hash for page in pages}
                self._here = message.navigation.page_script_hash
            elif kind == "auto_rerun" and message.auto_rerun.interval < PATIENCE:
                self._timer = message.auto_rerun.fragment_id
            elif kind == "new_session":
                self.session = message.new_session.initialize.session_id
            elif kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    self.errors.append("the script could not be read")
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    self._finished.set()

    def _take(self, delta: Delta) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        self.heard.append(element)
        kind = element.WhichOneof("type")
        content = getattr(element, kind)
        if found := NAMED.match(getattr(content, "id", "")):
            # Of a label what is seen, without what is heard only.
            name = content.label.split(" :")[0] if found[1] == "None" else found[1]
            self._ids[name] = content.id
        if kind == "bidi_component":
            self._fragment = delta.fragment_id
        elif kind == "html" and "data-answer" in content.body:
            self._answered = time.monotonic()
        elif kind == "exception":
            self.errors.append(f"{content.type}: {content.message}")
        elif kind == "alert" and content.format == content.ERROR:
            self.errors.append(content.body)


def canvas_state(strokes: list[np.ndarray], edition: int = 0) -> str:
    """What the canvas sends of some strokes: arrays (m, 2), in pixels."""
    objects = [_path(np.round(stroke, 1)) for stroke in strokes]
    raw = {"background": PAPER, "edition": edition, "objects": objects}
    return json.dumps({"drawing": {"raw": raw}}, separators=(",", ":"))


def _path(stroke: np.ndarray) -> dict:
    middles = (stroke[1:-1] + stroke[2:]) / 2
    curves = [["Q", *place, *middle] for place, middle in zip(stroke[1:-1], middles, strict=True)]
    path = [["M", *stroke[0]], *curves, ["L", *stroke[-1]]]
    return {"type": "path", "path": path, "stroke": INK, "strokeWidth": 16}
