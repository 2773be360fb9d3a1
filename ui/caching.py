"""How Streamlit's caches tell models apart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from lrcore.weights import Weights, pack_weights


def _digest(weights: Weights) -> str:
    """All of a model but its name, in a few characters."""
    return hashlib.sha256(pack_weights(weights)).hexdigest()


WEIGHTS_HASH: dict[str | type, Callable[[Any], Any]] = {Weights: _digest}
