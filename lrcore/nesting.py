"""How deep what came as JSON is nested: Python walks it by recursion, which has an end."""

from __future__ import annotations


def shallow(value: object, depth: int) -> bool:
    """Whether lists and tables are nested no deeper than `depth`."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 0 and all(
        shallow(item, depth - 1) for item in inside if isinstance(item, (dict, list))
    )
