"""Ten one-vs-all logistic regressions that read handwritten digits, in numpy."""

from importlib import import_module
from typing import Any

_HOMES = {
    "BinaryClassifier": "estimators",
    "OneVsAllClassifier": "estimators",
    "Reader": "reading",
    "UserError": "errors",
    "Weights": "weights",
    "load_weights": "weights",
    "read": "reading",
    "save_weights": "weights",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    # Only when asked for: modules that import the package, which imports them, are seen half made
    # where two threads import at once, as the first two visitors of a fresh server do.
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
