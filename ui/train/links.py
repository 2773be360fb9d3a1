"""Settings in the URL: a link opens the Train page just so, and may show only some controls."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from urllib.parse import urlencode

from lrcore.errors import UserError
from lrcore.settings import DEFAULTS, NAMES, check_setting, kind, knob

# The parameter that names the controls a link leaves visible; without it all are.
SHOW = "show"

Labels = Mapping[str, Mapping[str, str]]


def read_link(query: Mapping[str, str], labels: Labels) -> tuple[dict, list[str] | None, list[str]]:
    """What a link asks for.

    Parameters
    ----------
    query : the parameters of the URL; those that are no settings are not looked at.
    labels : for a setting with named options, the label of each: a link written by hand
        may hold what the page shows as well as the name.

    Returns (values by setting, names of the controls to show or None for all, sentences
    about what could not be understood).
    """
    values, complaints = {}, []
    for name in NAMES:
        if name not in query:
            continue
        try:
            values[name] = _value(name, query[name], labels.get(name, {}))
        except UserError as error:
            default = DEFAULTS[name]
            instead = "the solver's own" if default is None else default
            complaints.append(f"{error} The link's value is left out; {instead} stands instead.")
    shown = None
    if SHOW in query:
        asked = [name for name in query[SHOW].split(",") if name]
        shown = [name for name in asked if name in NAMES]
        if unknown := [name for name in asked if name not in NAMES]:
            complaints.append(
                f"The link asks for controls that do not exist ({', '.join(unknown)[:80]}); "
                f"known are {', '.join(NAMES)}."
            )
            shown = shown or None
    return values, shown, complaints


def make_query(values: Mapping, shown: Collection[str] | None = None) -> dict[str, str]:
    """The parameters of a URL that `read_link` reads these values back from.

    Defaults are left out; options go by their names, which stay when labels are reworded.
    """
    query = {
        name: f"{value:.12g}" if isinstance(value, float) else str(value)
        for name, value in values.items()
        if value != DEFAULTS[name] and value is not None
    }
    if shown is not None:
        query[SHOW] = ",".join(shown)
    return query


def make_link(base: str, values: Mapping, shown: Collection[str] | None = None) -> str:
    """The URL with these parameters."""
    query = make_query(values, shown)
    return base + ("?" + urlencode(query, safe=",") if query else "")


def _value(name: str, text: str, labels: Mapping[str, str]):
    text = {label: option for option, label in labels.items()}.get(text, text)
    try:
        value = kind(name)(text)
    except ValueError:
        raise UserError(f"{knob(name).label} cannot be {text[:40]!r}.") from None
    if isinstance(value, float) and math.isinf(value):
        raise UserError(f"{knob(name).label} has to be a number on this page, not {text[:40]!r}.")
    check_setting(name, value)
    return value
