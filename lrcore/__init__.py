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
    # Imported only when asked for.  Modules of the package import the package itself: were they
    # imported here at once, two threads that import it together, such as the first two visitors of
    # a fresh server, would see half-made modules.
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
