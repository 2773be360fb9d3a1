"""Memory that is free goes back to the system."""

import subprocess
import sys
import threading

import pytest

from lrcore.places import ROOT
from ui import memory
from ui.priority import page_in_turn

pytestmark = pytest.mark.skipif(memory._library is None, reason="this is not glibc")

# What is kept lies between what is not, as after a class, and in a heap of a thread.
HOLES = """
import sys, threading
from pathlib import Path
from ui.memory import give_back

def megabytes():
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * 4096 / 2**20

kept = []
def fill():
    both = [(bytes(100_000), bytes(3_000)) for _ in range(1_000)]
    kept.extend(small for _, small in both)

for _ in range(2):
    thread = threading.Thread(target=fill)
    thread.start()
    thread.join()
before = megabytes()
give_back()
print(before - megabytes())
"""


def test_what_is_free_between_what_is_kept_goes_back():
    told = subprocess.run(
        [sys.executable, "-c", HOLES], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    )
    # 100 MB, or twice that: whether the second thread fills the first one's holes is not ours.
    assert float(told.stdout) > 60


def test_pages_ask_for_it_once_in_a_while(monkeypatch):
    given, done = [], threading.Event()

    def give_back():
        given.append(1)
        done.set()

    monkeypatch.setattr(memory, "LATER", 0.2)
    monkeypatch.setattr(memory, "_due", False)
    monkeypatch.setattr(memory, "give_back", give_back)
    for _ in range(3):
        with page_in_turn():
            pass
    assert done.wait(30)
    assert len(given) == 1
    done.clear()
    with page_in_turn():
        pass
    assert done.wait(30), "and again after that"
