"""A training run as the command that repeats it, for records and the command line alike."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from lrcore.settings import Settings


def command_of(
    settings: Settings, out: str | Path, calibrated: bool = False, option: str = "--out"
) -> str:
    """The shortest `train` command that repeats these settings.

    out : the file that it writes, or with the option '--keep' the name that it keeps it under.
    """
    parts = ["python -m lrcore train"]
    for item in fields(Settings):
        value = getattr(settings, item.name)
        # How many images is what a reader looks for first, so it is always said.
        if value != item.default or item.name == "images":
            text = f"{value:g}" if isinstance(value, float) else str(value)
            parts.append(f"{flag(item.name)} {text}")
    if calibrated:
        parts.append("--calibrate")
    return " ".join([*parts, option, quoted(str(out))])


def quoted(argument: str, windows: bool = sys.platform == "win32") -> str:
    """One argument as the system's own shell takes it: on Windows cmd.exe or PowerShell."""
    return subprocess.list2cmdline([argument]) if windows else shlex.quote(argument)


def flag(name: str) -> str:
    """The command line's option for a setting."""
    return "--" + name.replace("_", "-")
