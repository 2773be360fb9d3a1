"""Settings in the URL: a link opens the Train page just so, and may show only some controls.

A link holds what the controls hold: a text for each setting.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlencode

from lrcore.settings import DEFAULTS, NAMES, setting_text

# The parameter that names the controls a link leaves visible; without it all are.
SHOW = "show"
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


def make_link(base: str, texts: Mapping[str, str], shown: Collection[str] | None = None) -> str:
    """The URL with these parameters."""
    query = make_query(texts, shown)
    return base + ("?" + urlencode(query, safe=",") if query else "")
