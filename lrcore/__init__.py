"""Ten one-vs-all logistic regressions that read handwritten digits, in numpy."""

from lrcore.errors import UserError
from lrcore.estimators import BinaryClassifier, OneVsAllClassifier
from lrcore.reading import Reader, read
from lrcore.weights import Weights, load_weights, save_weights

__all__ = [
    "BinaryClassifier",
    "OneVsAllClassifier",
    "Reader",
    "UserError",
    "Weights",
    "load_weights",
    "read",
    "save_weights",
]
