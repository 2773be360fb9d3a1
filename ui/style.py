"""What of the look no setting of Streamlit's reaches, and the heading of a page without a title."""

import time
from pathlib import Path

import streamlit as st
from streamlit.runtime import exists

from ui.images import data_uri
from ui.palette import ON_BLUE, either
from ui.plain import plain
from ui.state import (
    BESIDE,
    FORMING_THETAS,
    LOOK_BACK,
    PINNED_PANEL,
    STAGE,
    TEN_THETAS,
    THIS_TAB,
    TRAIN_SIDES,
)

# Seconds in which a browser that is new here fetches what applies the styles.
FETCHED = 0.25

# As an address of its own: as a file it would be read, twice, in each run.
ICON = data_uri(Path(__file__).with_name("icon.png").read_bytes())
# How the words begin that stand for a probability chart, a 28x28 picture and a colour scale.
PROBABILITIES = "Probability of each digit"
PIXELS = "A handwritten digit"
COLOUR_SCALE = "Colour scale"

# Streamlit's own rules are the more specific ones, hence the !important.
# Formulas fit their place, but for a pixel or two: without this they would count as boxes to be
# scrolled, which a keyboard could not reach.
FORMULAS = ".katex-display { overflow: visible !important; }"
# The same of a line of code that wraps, but for a word longer than the line.
CODE = "[data-testid='stCode'] code * { overflow-wrap: anywhere; }"
# The buttons that Streamlit lays over a chart or a picture are stops of the keyboard, each of them.
# Of the chart that comes with every answer one is left, its data; of 28x28 pixels, of a colour
# scale and of ten heatmaps, whose pictures can be had below, none.
STOPS = f"""
[data-testid="stBaseButton-elementToolbar"]:is(
  [aria-label*=": {PROBABILITIES}"]:not([aria-label^="Show data"]),
  [aria-label*=": {PIXELS}"], [aria-label*=": {COLOUR_SCALE}"]),
.st-key-{TEN_THETAS} [data-testid="stElementToolbar"],
.st-key-{FORMING_THETAS} [data-testid="stElementToolbar"] {{ display: none; }}
"""
# Words that change from frame to frame keep their place, however long; more of them make it taller,
# since a box that scrolls could not be reached by keyboard.
ROOMS = f"""
.st-key-{PINNED_PANEL} > :first-child {{ min-height: 64px; }}
.st-key-{LOOK_BACK} {{ min-height: 100px; }}
.st-key-{PINNED_PANEL} [data-testid="stHorizontalBlock"],
.st-key-{LOOK_BACK} [data-testid="stHorizontalBlock"] {{ overflow: visible !important; }}
"""
# The bars of an answer stand in a place of their height; what is laid over them shows beyond it.
ANSWERS = f"""
[class*="st-key-{BESIDE(place="")}"] [data-testid="stVerticalBlock"]
  {{ overflow: visible !important; }}
"""
# Part of a button's name, but not of what is seen of it.
SPOKEN = """
button .stMarkdownBadge { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
"""
# A link to a page is read whole, in as many lines as it takes.
LINKS = "[data-testid='stPageLink'] p { white-space: normal; overflow-wrap: anywhere; }"
# Streamlit's colours for code are too pale on light paper, 2.8 and 3.6 where 4.5 is needed, and so
# is its white on the theme's light blue in the dark, 2.3.
COLOURS = f"""
.token.string, .token.triple-quoted-string {{ color: light-dark(#1d6b45, #7cc7a5) !important; }}
.token.keyword, .token.function, .token.decorator, .token.builtin
  {{ color: light-dark(#1f5a96, #8fbde4) !important; }}
.token.number, .token.boolean, .token.operator {{ color: light-dark(#8a4a08, #efa263) !important; }}
.token.comment, .linenumber {{ color: light-dark(#565d69, #a9b0bc) !important; }}
[data-testid="stBaseButton-primary"]:not(:disabled) *,
.stMultiSelect span[title], .stMultiSelect [data-tag] button
  {{ color: {either(ON_BLUE)} !important; }}
"""
# At the top a toast would lie over what one has come for: a lesson's question and the way to the
# next, the choice of the model, the headings.
TOASTED = "[data-testid='stToastContainer'] { top: auto; bottom: 1rem; }"
# Where both do not fit side by side, as on a desktop at twice its size, the curves come first: what
# is begun above them is to be seen, and the controls are long.  Controls, and what stands below the
# tabs, have come before the curves, and would be seen in their place: that is kept, as tall as
# that of the lowest tab.
NARROW = f"""
@media (max-width: 640px) {{
  .st-key-{TRAIN_SIDES} > [data-testid='stLayoutWrapper'] > [data-testid='stHorizontalBlock']
    > [data-testid='stColumn']:last-child {{ order: -1; min-height: 680px; }}
  .st-key-{TRAIN_SIDES} [data-testid='stTabs'] {{ min-height: 456px; }}
}}
"""
# On a projector type grows with the picture, and whatever else a page has is left out.
LARGE_TYPE = f"""
[data-testid='stApp']:has(.st-key-{STAGE}) [data-testid='stHeader'] {{ display: none; }}
[data-testid='stMainBlockContainer']:has(.st-key-{STAGE}) {{ max-width: 1500px; }}
.st-key-{STAGE} h1 {{ font-size: clamp(1.8rem, 3.6vw, 4rem); line-height: 1.15; }}
.st-key-{STAGE} p, .st-key-{STAGE} button p {{ font-size: clamp(1.15rem, 1.9vw, 2.1rem); }}
.st-key-{STAGE} button {{ padding: 0.5em 1em; height: auto; }}
"""


def style(more: str = "") -> None:
    """Put the styles on the page, and more rules; in each run, before anything else."""
    parts = (FORMULAS, CODE, STOPS, ROOMS, ANSWERS, SPOKEN, LINKS, TOASTED, NARROW, LARGE_TYPE)
    st.html(f"<style>{''.join(parts)}{COLOURS}{more}</style>")
    if exists() and THIS_TAB not in st.session_state:
        # What is there before its rules is moved by them.
        time.sleep(FETCHED)


def spoken(words: str) -> str:
    """The end of a button's label that is heard only: what it acts on, where the page shows it."""
    return f" :gray-badge[{plain(words)}]"


def heading(title: str, line: str) -> None:
    """A page's heading, of one line with what it is about, where a large one would be in the way.

    title, line : our own words, not anybody else's: they are HTML.
    """
    look = "display:inline;font-size:1rem;padding:0;margin:0"
    # As tall as what stands in its place while it is loaded, in one line or two.
    place = "display:grid;align-content:center;min-height:2.5rem;line-height:1.25"
    st.html(f'<div style="{place}"><div><h1 style="{look}">{title}</h1> {line}</div></div>')
