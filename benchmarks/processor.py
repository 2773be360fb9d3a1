"""What a system says of the time and memory that processes take."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

PROC = Path("/proc")


def need_linux() -> None:
    """End with a sentence where there is no /proc, which the figures come from."""
    if not (PROC / "self" / "stat").is_file():
        sys.exit("This benchmark needs Linux: it reads processors' time and memory in /proc.")


def most_held() -> float:
    """The most memory, in MB, that this process ever held; NaN on Windows, which does not say."""
    try:
        import resource
    except ImportError:
        return math.nan
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes, but on macOS bytes.
    return held / 2**20 if sys.platform == "darwin" else held / 2**10


def ticks() -> int:
    """Of the clock that Linux counts in, a second."""
    return os.sysconf("SC_CLK_TCK")


def stat(folder: Path) -> list[str]:
    """The `stat` of a process or thread, `folder` in /proc, in fields from its state on."""
    return (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def processor_seconds(folder: Path) -> float:
    """What a process or thread has used up of the processors."""
    fields = stat(folder)
    return (int(fields[11]) + int(fields[12])) / ticks()


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    parents = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(stat(folder)[1])
        except OSError:  # it has ended meanwhile
            continue
    found, new = [], [pid]
    while new:
        new = [child for child, parent in parents.items() if parent in new]
        found += new
    return found


def busy_seconds() -> float:
    """What all processes together have used up of the processors."""
    user, nice, system, _, _, irq, soft, *_ = map(
        int, (PROC / "stat").read_text(encoding="utf-8").split()[1:9]
    )
    return (user + nice + system + irq + soft) / ticks()
