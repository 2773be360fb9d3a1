"""How much what came as JSON holds, and how deep it is nested: Python walks it by recursion."""

from __future__ import annotations

from collections.abc import Sequence


def shallow(value: object, depth: int, most: float = float("inf")) -> bool:
    """Whether lists and tables are nested no deeper than `depth`, with at most `most` in all."""
    level: Sequence[dict | list] = [value] if isinstance(value, (dict, list)) else []
    for _ in range(depth):
        most -= sum(map(len, level))
        if most < 0:
            return False
        inside = (item.values() if isinstance(item, dict) else item for item in level)
        level = [item for items in inside for item in items if isinstance(item, (dict, list))]
    return not level
