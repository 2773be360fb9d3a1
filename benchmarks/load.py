"""A class of learners on one server: how soon it answers, what it keeps apart, what it keeps.

    python benchmarks/load.py                                     about nine minutes
    python benchmarks/load.py --sessions 10 --seconds 15 --visitors 50 --idle 50

The app runs as a user starts it, on a port of this machine, on the first two processors.  This
script is its learners: websocket sessions that say what a browser says (tests/learner.py).

1. The class: so many sessions, each of which clears its canvas every 3 seconds and draws a digit,
   while two more sessions train, and watch, gradient descent on 60,000 pictures.  Drawings are
   styles of `lrcore.styles`, no two alike.  Every session labels its first drawing, every fifth
   session wrongly, so that it has a hand of its own.  An answer is right where it is what
   `lrcore` says of this drawing with this session's corrections, and of no other.
2. They leave: memory, threads and objects after Streamlit's time to live for lost sessions.
3. While fifty draw, a stranger tries one attack after the other (`benchmarks/attacks.py`).
4. Visitors come, draw, label and go, some of whom leave a run behind.
5. Others open the page and do nothing.
6. The server is asked to end (SIGTERM) while a run makes its features.

Processor time is what Linux says of the server's process, less that of its runs' threads.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import math
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
from streamlit import config

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.attacks import ATTACKS, prepared
from benchmarks.processor import need_linux, processor_seconds
from lrcore.corrections import learn, shipped_curvature
from lrcore.data import as_set
from lrcore.drawing import to_digit
from lrcore.fabric import strokes_from_canvas
from lrcore.places import CACHE_FOLDER
from lrcore.reading import Reader
from lrcore.styles import STYLES, draw_strokes
from lrcore.weights import DEFAULT, Weights, load_weights
from tests.browser.driver import Server
from tests.learner import Answer, Learner, canvas_state
from ui.canvas import SIDE
from ui.memory import LATER

EVERY = 3.0
# A picture and the digit that a learner says it is.
Taught = tuple[np.ndarray, int]
TRAINING = "solver=gradient-descent&images=60000&iterations=100000&tolerance=0"
# Pictures whose features nobody has stored: making them takes several seconds.
UNSEEN = "solver=gradient-descent&images=59000"
COUNTED = ("AppSession", "SessionState", "Runs", "Job", "Run", "Drawing", "Kept", "Weights")
# Tables that pages remember of what was shown last: so many, whoever comes (`max_entries`).
REMEMBERED = {"arrays": 200, "array MB": 2}
# Seconds that ten steps on 6,000 pictures need at most.
FIRST_RUN = 8.0
# Streamlit's own, which grow to a fixed size.
POOLS = ("ThreadPoolExecutor", "AnyIO", "asyncio")


# --- the server, and what it tells of itself ---


def inspected(report: Path) -> None:
    """Run Streamlit's command on two processors; at SIGUSR1 and SIGUSR2 it tells of itself."""
    from streamlit.web import cli

    def tell(thing: dict | list) -> None:
        new = report.with_suffix(".new")
        new.write_text(json.dumps(thing), encoding="utf-8")
        new.replace(report)

    def threads(*_) -> None:
        tell([(thread.name, thread.native_id) for thread in threading.enumerate()])

    def count(*_) -> None:
        gc.collect()
        objects = gc.get_objects()
        alive = Counter(type(thing).__name__ for thing in objects)
        # Arrays are unknown to the collector, but not to those who hold them.
        arrays = {id(a): a for a in gc.get_referents(*objects) if isinstance(a, np.ndarray)}
        own = [array for array in arrays.values() if array.base is None]
        counts = {name: alive[name] for name in COUNTED}
        tell(counts | {"arrays": len(own), "array MB": sum(a.nbytes for a in own) / 2**20})

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    signal.signal(signal.SIGUSR1, threads)
    signal.signal(signal.SIGUSR2, count)
    cli.main()


class Inspected(Server):
    """The app on two processors, and what can be learned of it from outside."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._report = Path(self._folder.name, "report.json")
        self._log = Path(self._folder.name, "log")
        self._writes = self._log.open("a+", encoding="utf-8")
        command = (str(Path(__file__).resolve()), "--inspected", str(self._report))
        super().__init__(streamlit=command, log=self._writes)

    def __enter__(self) -> Inspected:
        super().__enter__()
        self._proc = Path(f"/proc/{self.process.pid}")
        return self

    def __exit__(self, *_) -> None:
        super().__exit__()
        self._writes.close()
        self._folder.cleanup()

    def threads(self) -> list[tuple[str, int]]:
        """The names and numbers of the server's threads."""
        return self._told(signal.SIGUSR1)

    def alive(self) -> dict[str, float]:
        """How many there are of what could be left behind, after a collection."""
        return self._told(signal.SIGUSR2)

    def _told(self, asked: signal.Signals):
        self._report.unlink(missing_ok=True)
        self.process.send_signal(asked)
        while not self._report.exists():
            time.sleep(0.01)
        return json.loads(self._report.read_text(encoding="utf-8"))

    def runs(self) -> list[int]:
        """The threads that train."""
        return [number for name, number in self.threads() if name.startswith("run ")]

    def own_threads(self) -> int:
        """How many threads there are but those of Streamlit's pools."""
        return sum(not name.startswith(POOLS) for name, _ in self.threads())

    def megabytes(self) -> float:
        """The memory that the server takes."""
        pages = int((self._proc / "statm").read_text(encoding="utf-8").split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 2**20

    def pages_seconds(self) -> float:
        """Processor seconds so far of everything but the training runs at work."""
        runs = sum(processor_seconds(self._proc / "task" / str(number)) for number in self.runs())
        return processor_seconds(self._proc) - runs

    def errors(self) -> list[str]:
        """Lines of the server's log that tell of something wrong."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if "Error" in line or "Traceback" in line]


class Standing:
    """What a server holds at some time."""

    def __init__(self, server: Inspected):
        self.alive, self.threads = server.alive(), server.own_threads()
        self.megabytes = server.megabytes()


# --- the learners ---


class Pupil:
    """A learner who draws, and who knows what has to be answered."""

    def __init__(self, number: int, url: str, weights: Weights):
        self.number, self.weights = number, weights
        self.learner = Learner(url)
        self.times: list[float] = []
        self.strangers: list[str] = []
        self._rng = np.random.default_rng(number)
        self._drawn: deque[tuple[list[np.ndarray], np.ndarray]] = deque()
        self._answers: list[tuple[Answer, np.ndarray, Taught | None]] = []
        # What it corrected, if anything; what that makes of theta is reckoned in `check`.
        self._taught: Taught | None = None
        self._reckoned: Taught | None = None

    def think(self, count: int) -> None:
        """Make drawings beforehand: on a learner's own machine they cost the server nothing."""
        for _ in range(count):
            _, forms = list(STYLES.values())[self._rng.integers(len(STYLES))]
            strokes = on_canvas(draw_strokes(forms, self._rng), self._rng)
            raw = json.loads(canvas_state(strokes))["drawing"]["raw"]
            image = to_digit(strokes_from_canvas(raw, (SIDE, SIDE), raw["background"]))
            self._drawn.append((strokes, image))

    async def draw(self) -> tuple[Answer, np.ndarray]:
        """Clear, draw another digit, and keep the answer for `check`."""
        if self.times:
            await self.learner.clear()
        if not self._drawn:
            self.think(1)
        strokes, image = self._drawn.popleft()
        answer = await self.learner.draw(strokes)
        self.times.append(answer.seconds)
        self._answers.append((answer, image, self._taught))
        return answer, image

    def check(self) -> None:
        """Compare all answers so far with what they have to be; afterwards, as that takes time."""
        for answer, image, taught in self._answers:
            if taught is not None and taught is not self._reckoned:
                curvature = shipped_curvature(self.weights)
                assert curvature is not None, "the default weights come with theirs"
                self.weights = learn(self.weights, curvature, as_set([taught[0]], [taught[1]]))
                self._reckoned = taught
            known = Reader(self.weights).read(image[None]).probabilities[0]
            if answer.picture != hashlib.sha256(image.tobytes()).hexdigest()[:16]:
                self.strangers.append(f"session {self.number}: the answer is to another drawing")
            elif np.abs(answer.probabilities - known).max() > 0.006:
                self.strangers.append(f"session {self.number}: {answer.probabilities}, not {known}")
        self._answers.clear()

    async def label(self, wrongly: bool) -> None:
        """Draw, and say what it is; wrongly, it is the next digit, which theta has to learn."""
        answer, image = await self.draw()
        digit = int(answer.digit)
        if wrongly:
            digit = (digit + 1) % 10
            self._taught = image, digit
        await self.learner.label(answer, digit)
        said = "1 correction held" if wrongly else "Kept: 1 digit of your own"
        if said not in self.learner.text():
            self.strangers.append(f"session {self.number}: {said!r} is not what it was told")


def on_canvas(strokes: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Strokes somewhere on the canvas, at some size."""
    points = np.concatenate(strokes)
    scale = rng.uniform(150, 260) / np.ptp(points, axis=0).max()
    corner = rng.uniform(20, 310 - scale * np.ptp(points, axis=0))
    return [(stroke - points.min(0)) * scale + corner for stroke in strokes]


async def draw_on(pupil: Pupil, end: float) -> None:
    """Label the first drawing, then draw every three seconds."""
    await asyncio.sleep(pupil.number % 50 / 50 * EVERY)
    await pupil.label(wrongly=pupil.number % 5 == 0)
    due = time.monotonic()
    while (due := due + EVERY) < end:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await pupil.draw()


async def train_and_watch(learner: Learner, seconds: float) -> int:
    """Start a run and look at it; how many frames there were."""
    await learner.press("start")
    return await learner.watch(seconds)


async def visit(number: int, url: str, weights: Weights) -> Pupil:
    """Come, draw, label, perhaps start a run, and leave without a word."""
    pupil = Pupil(number, url, weights)
    async with pupil.learner as learner:
        await pupil.label(wrongly=number % 5 == 0)
        if number % 50 == 0:
            await learner.go_to("Train")
            await learner.press("start")
    return pupil


# --- what is measured ---


async def one_alone(server: Inspected, weights: Weights) -> None:
    """Print what an answer costs where nobody else is there."""
    pupil = Pupil(0, server.url, weights)
    async with pupil.learner as learner:
        await pupil.label(wrongly=True)
        # Once for all: MNIST, and what a run's model is tested with.
        await learner.go_to("Train")
        await learner.press("Ten steps of a better method")
        await learner.watch(FIRST_RUN)
        await learner.go_to("Predict")
        used, times = server.pages_seconds(), len(pupil.times)
        for _ in range(40):
            await pupil.draw()
        used, times = server.pages_seconds() - used, len(pupil.times) - times
        answered = np.median(pupil.times[-times:])
        told("processor time to clear, draw and be answered", f"{1000 * used / times:.0f} ms")
        told("time to the answer, median", f"{1000 * answered:.0f} ms")


async def the_class(
    server: Inspected, sessions: int, seconds: float, weights: Weights, before: float
) -> None:
    """Print how soon a class is answered, and what it costs."""
    pupils = [Pupil(number, server.url, weights) for number in range(sessions)]
    watchers = [Learner(server.url, "train", TRAINING) for _ in range(2)]
    learners = [pupil.learner for pupil in pupils] + watchers
    for pupil in pupils:
        pupil.think(1 + math.ceil(seconds / EVERY))
    async with AsyncExitStack() as stack:
        await asyncio.gather(*map(stack.enter_async_context, learners))
        used, began = server.pages_seconds(), time.monotonic()
        end = began + seconds
        _, (mine, theirs) = await asyncio.gather(
            asyncio.gather(*(draw_on(pupil, end) for pupil in pupils)),
            asyncio.gather(*(train_and_watch(watcher, seconds) for watcher in watchers)),
        )
        used, took = server.pages_seconds() - used, time.monotonic() - began
        more = server.megabytes() - before
        iterations = [progress(watcher) for watcher in watchers]
        for watcher in watchers:
            await watcher.press("stop")
        while server.runs():
            await asyncio.sleep(0.1)
        alone = (server.megabytes() - before) / (sessions + 2)
        for pupil in pupils:
            await pupil.learner.go_to("Train")
            if "Nothing runs yet" not in pupil.learner.text():
                pupil.strangers.append(f"session {pupil.number} sees a run that is not its own")
    times = np.array([t for pupil in pupils for t in pupil.times])
    half, most, worst = np.percentile(times, [50, 95, 100])
    told(f"answers to {sessions} learners in {took:.0f} s", f"{len(times)}")
    told("from the pen's rising to the answer, p50", f"{half:.2f} s")
    told("from the pen's rising to the answer, p95", f"{most:.2f} s", "under 1 s", most < 1)
    told("from the pen's rising to the answer, max", f"{worst:.2f} s")
    wrong(learners, pupils)
    told("frames a second of the two who watch", f"{mine / took:.1f}, {theirs / took:.1f}")
    told("iterations of the two runs", ", ".join(map(str, iterations)))
    told("processors that pages kept busy", f"{used / took:.2f}")
    each = more / (sessions + 2)
    told("memory for each session, runs included", f"{each:.1f} MB", "under 15 MB", each < 15)
    told("memory for each session, once the runs are over", f"{alone:.1f} MB")


async def under_attack(server: Inspected, sessions: int, seconds: float, weights: Weights) -> None:
    """Print how soon the class is answered while one stranger tries each attack in turn."""
    async with AsyncExitStack() as stack:
        pupils = [Pupil(number, server.url, weights) for number in range(sessions)]
        await asyncio.gather(*(stack.enter_async_context(pupil.learner) for pupil in pupils))
        await asyncio.gather(*(draw_on(pupil, time.monotonic() + 2 * EVERY) for pupil in pupils))
        prepared()
        for name, attack in ATTACKS.items():
            for pupil in pupils:
                pupil.check()
                pupil.times.clear()
                pupil.think(1 + math.ceil(seconds / EVERY))
                # A server that hears nothing for twenty seconds takes a learner for gone.
                await asyncio.sleep(0)
            end = time.monotonic() + seconds
            drawing = asyncio.gather(*(go_on_drawing(pupil, end) for pupil in pupils))
            async with asyncio.TaskGroup() as attackers:
                attackers.create_task(attack(server.url, end))
                most = await highest(server, drawing)
            times = np.array([t for pupil in pupils for t in pupil.times])
            late = float(np.percentile(times, 95))
            told(f"{name}: p95", f"{late:.2f} s", "under 1 s", late < 1)
            told(f"{name}: memory", f"{most:.0f} MB", "under 1,500 MB", most < 1500)
        wrong([pupil.learner for pupil in pupils], pupils)


async def go_on_drawing(pupil: Pupil, end: float) -> None:
    """Draw every three seconds."""
    due = time.monotonic() + pupil.number % 50 / 50 * EVERY
    while due < end:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await pupil.draw()
        due += EVERY


async def highest(server: Inspected, drawing: asyncio.Future) -> float:
    """The most memory that the server took until the class is through, in MB."""
    most = server.megabytes()
    while not drawing.done():
        await asyncio.sleep(0.1)
        most = max(most, server.megabytes())
    await drawing
    return most


def progress(watcher: Learner) -> int:
    """How far the watched run is."""
    found = re.search(r"iteration ([\d,]+) of", watcher.text())
    return int(found[1].replace(",", "")) if found else 0


def wrong(learners: list[Learner], pupils: list[Pupil]) -> None:
    """Print errors and answers that belong to somebody else."""
    for pupil in pupils:
        pupil.check()
    errors = [error for learner in learners for error in learner.errors]
    strangers = [stranger for pupil in pupils for stranger in pupil.strangers]
    told("errors", f"{len(errors)}", "0", not errors)
    told("answers, corrections and runs of others", f"{len(strangers)}", "0", not strangers)
    for line in [*errors, *strangers][:5]:
        print(f"    {line}")


async def after_they_left(server: Inspected, weights: Weights, before: Standing, who: int) -> None:
    """Print what is still there once Streamlit has given up waiting for lost sessions."""
    await asyncio.sleep(config.get_option("server.disconnectedSessionTTL") + 5)
    # Streamlit looks for those whose time is up when another leaves.
    await visit(1, server.url, weights)
    await asyncio.sleep(LATER + 2)
    for name, now in server.alive().items():
        was = before.alive[name]
        kept = REMEMBERED.get(name, 0)
        aim = f"at most {kept} more" if kept else "no more"
        told(f"{name}, then and now", f"{was:.0f} {now:.0f}", aim, now <= was + kept)
    now = server.own_threads()
    told("threads, then and now", f"{before.threads} {now}", "no more", now <= before.threads)
    more = (server.megabytes() - before.megabytes) / who
    told("memory still held for each who left", f"{more:.2f} MB", "under 2 MB", more < 2)


async def visitors(server: Inspected, count: int, weights: Weights) -> None:
    """Many come and go, eight at a time."""
    numbers, pupils = iter(range(count)), []

    async def door() -> None:
        for number in numbers:
            pupils.append(await visit(number, server.url, weights))

    began = time.monotonic()
    await asyncio.gather(*(door() for _ in range(8)))
    told(f"time that {count} visits took", f"{time.monotonic() - began:.0f} s")
    wrong([pupil.learner for pupil in pupils], pupils)


async def idle(server: Inspected, count: int, seconds: float) -> None:
    """Print what those cost who do nothing."""
    empty = await _idle_share(server, seconds)
    async with AsyncExitStack() as stack:
        for _ in range(count):
            await stack.enter_async_context(Learner(server.url))
        await asyncio.sleep(5)
        full = await _idle_share(server, seconds)
    told("processor time a minute, empty", f"{60 * empty:.2f} s")
    told(
        f"processor time a minute, {count} idle",
        f"{60 * full:.2f} s",
        "+0.6 s",
        full - empty < 0.01,
    )


async def asked_to_end(server: Inspected) -> None:
    """Print how soon the server ends in the middle of a run's features, and what it leaves."""
    print("Asked to end")
    before = set(CACHE_FOLDER.glob("*"))
    async with Learner(server.url, "train", UNSEEN) as learner:
        await learner.press("start")
        while not server.runs():
            await asyncio.sleep(0.05)
        await asyncio.sleep(2)
        began = time.monotonic()
        server.process.terminate()
        await asyncio.to_thread(server.process.wait)
        took = time.monotonic() - began
    told("from SIGTERM to its end", f"{took:.2f} s", "under 3 s", took < 3)
    left = set(CACHE_FOLDER.glob("*")) - before
    told("files that it leaves", f"{len(left)}", "0", not left)


async def _idle_share(server: Inspected, seconds: float) -> float:
    used = server.pages_seconds()
    await asyncio.sleep(seconds)
    return (server.pages_seconds() - used) / seconds


def told(what: str, value: str, target: str = "", good: bool = True) -> None:
    """Print a line of the report."""
    aim = f"(target: {target}){'' if good else '  MISSED'}" if target else ""
    print(f"{what:46} {value:>12}  {aim}", flush=True)


def main() -> None:
    """Measure one thing after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=50, help="who draw at once")
    parser.add_argument("--seconds", type=float, default=60, help="how long they draw")
    parser.add_argument("--attacks", type=float, default=20, help="seconds of each attack")
    parser.add_argument("--visitors", type=int, default=500, help="who come and go")
    parser.add_argument("--idle", type=int, default=200, help="who do nothing")
    chosen = parser.parse_args()
    need_linux()
    with Inspected() as server:
        asyncio.run(everything(server, chosen))
        lines = server.errors()
        told("lines of the server's log that tell of errors", f"{len(lines)}", "0", not lines)
        for line, often in Counter(lines).most_common(5):
            print(f"    {often} x {line}")
    with Inspected() as server:
        asyncio.run(asked_to_end(server))


async def everything(server: Inspected, chosen: argparse.Namespace) -> None:
    """The class, its leaving, the visitors, the idle."""
    weights = load_weights(DEFAULT)
    print("One learner")
    await one_alone(server, weights)
    first = Standing(server)
    print("The class")
    await the_class(server, chosen.sessions, chosen.seconds, weights, first.megabytes)
    if chosen.attacks:
        print("The class, while a stranger does his worst")
        await under_attack(server, chosen.sessions, chosen.attacks, weights)
    print("The class has left")
    await after_they_left(server, weights, first, chosen.sessions + 2)
    if chosen.visitors:
        print("Visitors")
        first = Standing(server)
        await visitors(server, chosen.visitors, weights)
        await after_they_left(server, weights, first, chosen.visitors)
    if chosen.idle:
        print("The idle")
        await idle(server, chosen.idle, max(15.0, chosen.seconds))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inspected"]:
        _, _, report, *sys.argv[1:] = sys.argv
        inspected(Path(report))
    else:
        main()
