"""Settings in the URL: a link opens the Train page just so, and may show only some controls.

A link holds what the controls hold: a text for each setting.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from lrcore.errors import UserError
from lrcore.settings import DEFAULTS, NAMES, setting_text

# The parameter that names the controls a link leaves visible; without it all are.
SHOW = "show"
# Those of a sweep: its values, such as 'C:0.1,1;images:600,6000', and how many seeds.
SWEEP, SEEDS = "sweep", "seeds"
# That of a picture of the test set which is pinned: its number.
PIN = "pin"
TEXTS = {name: setting_text(name, value) for name, value in DEFAULTS.items()}

Labels = Mapping[str, Mapping[str, str]]


def read_link(
    query: Mapping[str, str], labels: Labels
) -> tuple[dict[str, str], list[str] | None, list[str]]:
    """What a link asks for.

    Parameters
    ----------
    query : the parameters of the URL; those that are no settings are not looked at.
    labels : for a setting with named options, the label of each: a link written by hand
        may hold what the page shows as well as the name.

    Returns (texts by setting, names of the controls to show or None for all, sentences
    about controls that there are not).  A text may be one that no setting can have: whoever
    reads it says so.
    """
    texts = {}
    for name in NAMES:
        if name in query:
            named = {label: option for option, label in labels.get(name, {}).items()}
            texts[name] = named.get(query[name], query[name])
    if SHOW not in query:
        return texts, None, []
    asked = [name for name in query[SHOW].split(",") if name]
    known = [name for name in asked if name in NAMES]
    unknown = [name for name in asked if name not in NAMES]
    if not unknown:
        return texts, known, []
    complaint = (
        f"The link asks for controls that do not exist ({', '.join(unknown)[:80]}); "
        f"known are {', '.join(NAMES)}."
    )
    return texts, known or None, [complaint]


def make_query(texts: Mapping[str, str], shown: Collection[str] | None = None) -> dict[str, str]:
    """The parameters of a URL that `read_link` reads these texts back from.

    Defaults are left out; options go by their names, which stay when labels are reworded.
    """
    query = {name: text for name, text in texts.items() if text != TEXTS[name]}
    return query if shown is None else {**query, SHOW: ",".join(shown)}


def make_link(
    base: str,
    texts: Mapping[str, str],
    shown: Collection[str] | None = None,
    more: Mapping[str, str] | None = None,
) -> str:
    """The URL with these parameters, and with more that are no settings."""
    query = make_query(texts, shown) | dict(more or {})
    return base + ("?" + urlencode(query, safe=",") if query else "")


def sweep_query(values: Mapping[str, Sequence[Any]], seeds: int) -> dict[str, str]:
    """The parameters of a URL that `read_sweep` reads these values back from."""
    listed = [
        f"{name}:{','.join(setting_text(name, value) for value in tried)}"
        for name, tried in values.items()
    ]
    return {SWEEP: ";".join(listed)} | ({SEEDS: str(seeds)} if seeds != 1 else {})


def read_sweep(
    text: str, seeds: str | None, offered: Collection[str], most_seeds: int
) -> tuple[dict[str, str], int]:
    """The sweep that a link asks for: the values of one setting or two, as text, and the seeds.

    Raises UserError where it asks for what is not offered.
    """
    values = {}
    for part in text.split(";"):
        name, _, listed = part.partition(":")
        values[name.strip()] = listed.strip()
    unknown = [name for name in values if name not in offered]
    if unknown or not 1 <= len(values) <= 2:
        raise UserError(
            f"The link asks for a sweep that cannot be ({text[:80]}); it takes one or two of "
            f"{', '.join(offered)}."
        )
    count = 1 if seeds is None else int(seeds) if re.fullmatch("[0-9]", seeds) else 0
    if not 1 <= count <= most_seeds:
        raise UserError(f"The link asks for seeds that cannot be; choose 1 to {most_seeds}.")
    return values, count


def read_pin(text: str, pictures: int) -> int | None:
    """The number of the test picture that a link asks for; None where there is no such picture."""
    number = int(text) if re.fullmatch("[0-9]{1,9}", text) else pictures
    return number if number < pictures else None
