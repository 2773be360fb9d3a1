"""Colours that can be told from what they stand on, by the contrast of WCAG 2.2."""

import tomllib

import pytest

from tests.browser.driver import ROOT
from ui.palette import AGAINST, DIGITS, FOR, GUIDE, ON_BLUE, PAGE

THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
SCHEMES = ("light", "dark")
HUES = ("red", "orange", "yellow", "blue", "green")
# Streamlit writes captions at this opacity.
CAPTION = 0.6


def channels(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def luminance(rgb: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(colour: str, paper: str, opacity: float = 1.0) -> float:
    """WCAG's contrast ratio of a colour, laid on at an opacity, to its paper: 1 to 21."""
    below = channels(paper)
    seen = [opacity * c + (1 - opacity) * p for c, p in zip(channels(colour), below, strict=True)]
    dark, bright = sorted((luminance(seen), luminance(below)))
    return (bright + 0.05) / (dark + 0.05)


def papers(scheme: str) -> list[str]:
    """All that texts and charts stand on."""
    part = THEME[scheme]
    return [part["backgroundColor"], part["sidebar"]["backgroundColor"]]


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    # The standard's well-known edge: the lightest grey that passes on white.
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_texts_and_captions_reach_4_5(scheme):
    part = THEME[scheme]
    for paper in papers(scheme):
        assert contrast(part["textColor"], paper) >= 7
        assert contrast(part["textColor"], paper, CAPTION) >= 4.5
        assert contrast(part["linkColor"], paper) >= 4.5
        for hue in HUES:
            assert contrast(part[f"{hue}TextColor"], paper) >= 4.5, hue
    for hue in HUES:
        on_own = contrast(part[f"{hue}TextColor"], part[f"{hue}BackgroundColor"])
        assert on_own >= 4.5, hue


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("colour", [AGAINST, FOR, GUIDE, *DIGITS])
def test_marks_of_charts_reach_3(scheme, colour):
    assert contrast(colour, THEME[scheme]["backgroundColor"]) >= 3


def test_words_on_the_themes_blue_reach_4_5():
    for scheme, words in zip(SCHEMES, ON_BLUE, strict=True):
        assert contrast(words, THEME[scheme]["primaryColor"]) >= 4.5


def test_the_theme_has_the_palette_of_the_charts():
    assert THEME["chartCategoricalColors"] == DIGITS
    assert tuple(THEME[scheme]["backgroundColor"] for scheme in SCHEMES) == PAGE
