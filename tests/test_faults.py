"""What a killed process, a broken run and a visitor leave behind on the disk and on the page."""

import os
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from lrcore.weights import Weights, list_weights, load_weights, pack_weights, save_weights
from tests.browser.driver import ROOT
from tests.files import saved
from tests.helpers import markup, open_page, wait_for
from ui.plain import plain

# How a process ends that nobody lets clean up, on any system.
KILLED = 77
# Saves one model after another and says each one's number, or is gone when it comes to a call.
SAVER = """
import itertools, os, sys
from lrcore.weights import save_weights
from tests.test_faults import KILLED, model

def die(*_):
    os._exit(KILLED)

def half_written(handle, mode):
    file = open(handle, mode, buffering=0)
    class Half:
        __enter__ = lambda self: self
        __exit__ = lambda self, *_: None
        def write(self, content):
            file.write(content[: len(content) // 2])
            die()
    return Half()

path, call = sys.argv[1:]
if call == "write":
    os.fdopen = half_written
elif call:
    setattr(os, call, die)
print(0, flush=True)
for number in itertools.count(1):
    save_weights(path, model(number))
    print(number, flush=True)
"""


def model(number: int) -> Weights:
    """A model of its own for each number, none of whose bytes can be packed away."""
    theta = np.random.default_rng(number).random((10, 785), np.float32)
    return Weights(theta, np.arange(10))


@contextmanager
def saver(path, call: str = ""):
    command = [sys.executable, "-c", SAVER, str(path), call]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8") as process:
        try:
            assert process.stdout.readline() == "0\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("call", ["fdopen", "write", "fsync", "chmod", "replace"])
def test_a_process_killed_while_it_saves_leaves_the_old_file_whole(tmp_path, call):
    path = tmp_path / "model.npz"
    save_weights(path, model(0))
    with saver(path, call) as process:
        assert process.wait(60) == KILLED, "it never came to that call"
    assert path.read_bytes() == pack_weights(model(0))
    # It did begin: what it had written so far lies there, and is no model.
    assert [file.suffix for file in tmp_path.iterdir() if file != path] == [".part"]
    good, bad = list_weights(tmp_path)
    assert (list(good), bad) == (["model"], {})


@pytest.mark.parametrize("saved", [1, 2, 5, 20])
def test_a_process_killed_at_any_time_leaves_the_last_file_or_the_next_one_whole(tmp_path, saved):
    path = tmp_path / "model.npz"
    with saver(path) as process:
        while int(process.stdout.readline()) < saved:
            pass
        process.kill()
        # It went on until it was killed.
        *_, last = [saved, *map(int, process.stdout.read().splitlines())]
    theta = load_weights(path).theta
    assert any(np.array_equal(theta, model(number).theta) for number in (last, last + 1))
    good, bad = list_weights(tmp_path)
    assert (list(good), bad) == (["model"], {})


def test_a_run_that_breaks_says_so_on_its_page_and_the_next_one_works(app, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("by a test")

    open_page(app, "pages/train.py", {"images": "600", "iterations": "3"})
    with monkeypatch.context() as patch:
        patch.setattr("lrcore.training.Run.step", broken)
        train(app)
    assert plain("The run broke off (ZeroDivisionError: by a test)") in markup(app)
    train(app)
    assert "broke off" not in markup(app)
    assert app.session_state["training_runs"].job.weights is not None


def train(app) -> None:
    app.button(key="start").click().run()
    wait_for(lambda: app.session_state["training_runs"].job.finished, 60)
    app.run()
    assert not app.exception


class Written:
    """The files that this process opens to write, makes or renames while `on`."""

    def __init__(self):
        self.on, self.paths = False, set()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple) -> None:
        if not self.on:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, int) or not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
            self.paths.add(os.fsdecode(path))
        elif event in ("os.mkdir", "os.rename"):
            self.paths.add(os.fsdecode(arguments[event == "os.rename"]))


def test_a_visit_writes_nothing_to_the_disk_but_the_cache(app, test_set, monkeypatch, tmp_path):
    monkeypatch.setattr("lrcore.features.CACHE_FOLDER", tmp_path / "cache")
    # That Python keeps what it has compiled is its own affair.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    written = Written()
    written.on = True
    try:
        open_page(app, "pages/train.py", {"images": "600", "iterations": "3"})
        app.text_input(key="run_name").set_value("../../weights/strokes").run()
        train(app)
        app.button(key="use").click().run()
        app.switch_page("pages/predict.py").run()
        app.button_group(key="way").set_value("Upload").run()
        picture = ("../weights/strokes.npz.png", saved(test_set.images[0]), "image/png")
        app.file_uploader(key="pictures").set_value(picture).run()
        assert "data-answer" in markup(app)
        for page in ("weights", "hand", "mistakes", "how"):
            app.switch_page(f"pages/{page}.py").run()
            assert not app.exception
    finally:
        written.on = False
    assert written.paths, "the cache of features is written: if nothing was heard, nothing listens"
    assert {path for path in written.paths if not path.startswith(str(tmp_path))} == set()
