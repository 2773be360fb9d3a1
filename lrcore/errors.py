"""The one exception that is meant for people, and what its sentences have in common."""

import math


class UserError(ValueError):
    """Bad input from outside: a file, a picture, a setting.

    Its message is one clear sentence that says what is wrong and what to do;
    the app and the command line show it as it stands, without a traceback.
    """


def megabytes(size: float) -> str:
    """So many bytes as people are told them: in MB of 2**20, as Streamlit counts, rounded up."""
    return f"{math.ceil(size / 2**20):,} MB"


def bring_fewer(many: str) -> str:
    """What to do about more digits than are kept; `many` says how many there are of how many."""
    return f"{many}; bring fewer, or train with python -m lrcore train --data."
