"""Where files lie: what comes with the program, and what it and its users write.

In a checkout all of them lie in it.  Installed by pip, the package `ten_thetas` holds what a
checkout's root holds, and what is written goes to the user's own folders.
"""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path, user_data_path

PROGRAM = "ten-thetas"

_BESIDE = Path(__file__).resolve().parent.parent
_PACKAGE = _BESIDE / "ten_thetas"
INSTALLED = (_PACKAGE / "weights").is_dir()
# What holds all that comes with the program: the app, trained models and MNIST.
ROOT = _PACKAGE if INSTALLED else _BESIDE

APP = ROOT / "streamlit_app.py"
WEIGHTS_FOLDER = ROOT / "weights"
MNIST_FOLDER = ROOT / "data" / "mnist"
LESSONS_FOLDER = ROOT / "lessons"
# Features of MNIST, which may be deleted at any time.
CACHE_FOLDER = user_cache_path(PROGRAM, appauthor=False) if INSTALLED else ROOT / ".cache"
# The user's own models: whatever lies there is offered like those that come with the program.
OWN_WEIGHTS_FOLDER = (
    user_data_path(PROGRAM, appauthor=False) / "weights" if INSTALLED else WEIGHTS_FOLDER
)
# Where a model is looked for, in this order.
WEIGHTS_FOLDERS = tuple(dict.fromkeys((WEIGHTS_FOLDER, OWN_WEIGHTS_FOLDER)))
