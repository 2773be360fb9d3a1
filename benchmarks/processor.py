"""What Linux says of the processors' time; needs /proc."""

from __future__ import annotations

import os
from pathlib import Path

# Of the clock that Linux counts in, a second.
TICK = os.sysconf("SC_CLK_TCK")


def stat(folder: Path) -> list[str]:
    """The `stat` of a process or thread, `folder` in /proc, in fields from its state on."""
    return (folder / "stat").read_text().rpartition(")")[2].split()


def processor_seconds(folder: Path) -> float:
    """What a process or thread has used up of the processors."""
    fields = stat(folder)
    return (int(fields[11]) + int(fields[12])) / TICK
