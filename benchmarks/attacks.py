"""What a stranger may do to an open server, for `benchmarks/load.py`: each until the clock says so.

One browser's worth of it: a session (or several, where that is the attack) that sends as fast as it
is answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import cache
from itertools import cycle
from typing import Any

import numpy as np

from benchmarks.hostile_files import (
    canvas_message,
    endless_tiff,
    laden_png,
    own_zip,
    weights_file,
)
from tests.files import saved
from tests.learner import Learner

# What a pupil is, too: many sessions from one address are a class.
SESSIONS = 9


async def drawings(url: str, end: float) -> None:
    """Send what no canvas would."""
    rng = np.random.default_rng(0)
    async with Learner(url) as stranger:
        while time.monotonic() < end:
            await stranger.send(canvas_message(rng)[1].decode())


@cache
def prepared() -> dict[str, list[tuple[str, bytes]]]:
    """What is brought, by kind: made before, so that making it takes nothing from anybody."""
    rng = np.random.default_rng(0)
    pictures = [laden_png(rng) for _ in range(8)] + [endless_tiff(rng)[1] for _ in range(8)]
    grain = np.tile(rng.integers(0, 256, (500, 500, 3), dtype=np.uint8), (10, 10, 1))
    pictures += [saved(grain, "JPEG", quality=30), saved(grain[:2200, :2200], "PNG")]
    return {
        "pictures": [("picture.png", raw) for raw in pictures],
        "sets": [("own.zip", own_zip(rng)[1]) for _ in range(40)],
        "models": [("w.npz", weights_file(rng)[1]) for _ in range(40)],
    }


async def _files(url: str, end: float, page: str, widget: str, kind: str) -> None:
    files = cycle(prepared()[kind])
    async with Learner(url) as stranger:
        if page:
            await stranger.go_to(page)
        else:
            stranger.way = "Upload"
            await stranger.press_nothing()
        while time.monotonic() < end:
            name, content = next(files)
            if await stranger.bring(widget, name, content) != 204:
                # What was brought before has filled what a session may hold: a new one, then.
                break
    if time.monotonic() < end:
        await _files(url, end, page, widget, kind)


async def pictures(url: str, end: float) -> None:
    """Bring pictures that are laden, endless, or as large as is allowed."""
    await _files(url, end, "", "pictures", "pictures")


async def sets(url: str, end: float) -> None:
    """Bring sets of own digits."""
    await _files(url, end, "My hand", "load-own", "sets")


async def models(url: str, end: float) -> None:
    """Bring weights."""
    await _files(url, end, "Weights", "weights_file", "models")


async def uploads(url: str, end: float) -> None:
    """Leave files that no widget asked for."""
    content = bytes(19 * 2**20)
    async with AsyncExitStack() as stack:
        for _ in range(SESSIONS):
            stranger = await stack.enter_async_context(Learner(url))
            for number in range(40):
                if time.monotonic() > end or await stranger.upload(f"x{number}", content) != 204:
                    break


async def paused_runs(url: str, end: float) -> None:
    """Start runs on all pictures, pause them, and start more."""
    query = "images=60000&iterations=100000&tolerance=0&features=strokes&solver=gradient-descent"
    async with AsyncExitStack() as stack:
        while time.monotonic() < end - 2:
            for _ in range(SESSIONS):
                stranger = await stack.enter_async_context(Learner(url, "train", query))
                for button in ("start", "pause") * 3:
                    if time.monotonic() < end:
                        await stranger.press_if_there(button)
            await asyncio.sleep(max(0.0, end - time.monotonic()))


async def links(url: str, end: float) -> None:
    """Follow links whose values are foreign words, or numbers without end."""
    values = ("1" + "0" * 308, "![](//elsewhere/a)", "[Log in](//elsewhere)", "x" * 5000, "-1")
    names = ("images", "show", "C", "seed", "learning_rate", "features", "iterations")
    number = 0
    while time.monotonic() < end:
        name, value = names[number % len(names)], values[number % len(values)]
        async with Learner(url, "train", f"{name}={value}"):
            number += 1


async def crowd(url: str, end: float) -> None:
    """Connect and leave, again and again."""
    while time.monotonic() < end:
        async with AsyncExitStack() as stack:
            await asyncio.gather(
                *(stack.enter_async_context(Learner(url)) for _ in range(SESSIONS))
            )


ATTACKS: dict[str, Callable[[str, float], Coroutine[Any, Any, None]]] = {
    "drawings": drawings,
    "pictures": pictures,
    "sets": sets,
    "models": models,
    "uploads": uploads,
    "paused runs": paused_runs,
    "links": links,
    "a crowd": crowd,
}
