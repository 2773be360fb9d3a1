"""Foreign words, such as a file's name or a link's value, as plain text on a page.

Whatever Streamlit is given to say is Markdown to it: `![](//elsewhere/a)` asks another server for a
picture, `[Log in again](//elsewhere)` is a link on our page.  All that comes from outside goes
through here first; `tests/test_plain.py` looks for what does not.
"""

from __future__ import annotations

import re

import streamlit as st

# Characters of a name that are shown; the rest is cut.
MOST = 120
# The same of a sentence that may hold foreign words.
SENTENCE = 600
# What stands where there is no number, yet or ever.
NONE_YET = "–"
# What Markdown, formulas, HTML and Streamlit's own `:red[...]` begin or end with.
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+!|~$&^=\"'-])")
# Addresses, `:smile:` and `:material/...:` are looked for in the words themselves, after Markdown
# has been read, where no backslash helps: a character without width parts them.
_PARTED = re.compile(r"(:|@|\bwww)", re.IGNORECASE)
_NOTHING = "\u200c"
# As Python quotes a text, and what stands between two marks of code elsewhere.
_CODE = re.compile(r"""(?<!\w)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?!\w)|`([^`]+)`""")


def plain(text: object, most: int = MOST) -> str:
    """Markdown that shows a text just as it is, in one line, cut after `most` characters."""
    line = " ".join(visible(text).split())
    line = line if len(line) <= most else f"{line[: most - 1]}…"
    line = _PARTED.sub(rf"\1{_NOTHING}", _MARKS.sub(r"\\\1", line))
    # A number with a point at the very beginning would be a list's first.
    return re.sub(r"^(\d+)\.", r"\1\\.", line)


def sentence(text: object) -> str:
    """The same for a sentence of ours that may hold foreign words; `code` in it stays code.

    What stands in quotation marks is somebody's own words, where no mark means anything.
    """
    parts = _CODE.split(str(text)[:SENTENCE])
    # By turns what is plain, what is quoted, and what is code.
    return "".join(
        f"`{visible(part)}`" if at % 3 == 2 else _spaced(part)
        for at, part in enumerate(parts)
        if part
    )


def _spaced(part: str) -> str:
    """Plain, with the blanks at both ends that part it from what stands beside it."""
    before = " " * part[:1].isspace()
    return f"{before}{plain(part, SENTENCE)}{' ' * part[-1:].isspace()}"


def visible(text: object) -> str:
    """A text without what cannot be seen, such as marks that turn the writing's direction."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def minus(numbers: str) -> str:
    """The same numbers with a minus sign, which is as wide as a plus, in place of the hyphen."""
    return numbers.replace("-", "\u2212")


def say_error(error: Exception, about: str = "") -> None:
    """An error's sentence, which may hold foreign words, under what it is about."""
    st.error(f"**{plain(about)}**: {sentence(error)}" if about else sentence(error))
