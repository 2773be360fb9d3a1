"""Settings in the URL: a link opens the Train page just so, and may show only some controls."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from urllib.parse import urlencode

from lrcore.errors import UserError
from lrcore.training import Settings, check_setting, knob

# The parameter that names the controls a link leaves visible; without it all are.
SHOW = "show"
NAMES = tuple(item.name for item in fields(Settings))
DEFAULTS = {item.name: item.default for item in fields(Settings)}


def read_link(query: Mapping[str, str], labels: Mapping[str, Mapping[str, str]]):
    """What a link asks for.

    Parameters
    ----------
    query : the parameters of the URL; those that are no settings are not looked at.
    labels : for a setting with named options, the label of each, which a link may hold
        instead of the name.

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


def make_link(base: str, values: Mapping, shown: Collection[str] | None = None) -> str:
    """A URL that opens the page with these settings; `shown` as `read_link` returns it."""
    query = {
        name: f"{v:g}" if isinstance(v, float) else v
        for name, v in values.items()
        if v != DEFAULTS[name]
    }
    if shown is not None:
        query[SHOW] = ",".join(shown)
    return base + ("?" + urlencode(query, safe=",") if query else "")


def _value(name: str, text: str, labels: Mapping[str, str]):
    declared = knob(name)
    text = {label: option for option, label in labels.items()}.get(text, text)
    kind = type(DEFAULTS[name]) if DEFAULTS[name] is not None else _kind_without_default(name)
    try:
        value = kind(text)
    except ValueError:
        raise UserError(f"{declared.label} can not be {text[:40]!r}.") from None
    check_setting(name, value)
    return value


def _kind_without_default(name: str) -> type:
    return int if "int" in str(Settings.__dataclass_fields__[name].type) else float
