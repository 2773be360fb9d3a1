"""Settings as people write them: each text is a setting, or a sentence says what would do."""

import math

import pytest
from hypothesis import example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from lrcore.errors import UserError
from lrcore.settings import (
    DEFAULTS,
    NAMES,
    Settings,
    check_setting,
    kind,
    knob,
    range_words,
    read_setting,
    setting_text,
)

NUMBERS = [name for name in NAMES if knob(name).options is None]


@pytest.mark.parametrize("name", NAMES)
def test_any_text_is_a_setting_or_a_sentence(name):
    @how(deadline=None, max_examples=100)
    @given(st.text() | st.from_regex(r"[-+]?[\d,. _]{0,400}(e[-+]?\d{1,5})?", fullmatch=True))
    @example("1" + 308 * "0")
    @example("9" * 5000)
    @example("1e999")
    @example("nan")
    @example("1,000")
    @example("\x00")
    def reads(text):
        try:
            value, sentence = read_setting(name, text), None
        except UserError as error:
            value, sentence = None, str(error)
        if sentence is None:
            check_setting(name, value)
            assert value is None or type(value) is kind(name)
            assert read_setting(name, setting_text(name, value)) == pytest.approx(value)
        else:
            assert sentence.startswith(knob(name).label)
            assert range_words(knob(name)) in sentence
            assert len(sentence) < 300

    reads()


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [10**400, -(10**400), math.nan, -math.inf])
def test_a_number_that_no_setting_can_be_is_a_sentence(name, value):
    with pytest.raises(UserError, match="choose a value from"):
        Settings(**{name: value})


@pytest.mark.parametrize("name", NUMBERS)
def test_the_bounds_are_settings_and_what_lies_beyond_is_none(name):
    declared = knob(name)
    for bound in (declared.low, declared.high):
        assert read_setting(name, setting_text(name, kind(name)(bound))) == bound
        assert (
            read_setting(
                name,
                f"{bound:,.9f}".rstrip("0").rstrip(".") if kind(name) is int else f"{bound:.9f}",
            )
            == bound
        )
    for beyond in (declared.low - 1, declared.high + 1):
        with pytest.raises(UserError, match="choose a value from"):
            read_setting(name, f"{beyond:.0f}")


def test_defaults_are_settings_and_their_texts_read_back():
    for name, default in DEFAULTS.items():
        assert read_setting(name, setting_text(name, default)) == default


def test_a_whole_number_is_read_as_people_write_it():
    for text in ("60000", "60,000", "60 000", "6e4", " 60000 ", "+60000", "60000.0"):
        assert read_setting("images", text) == 60_000
    with pytest.raises(UserError, match="with a point for decimals"):
        read_setting("learning_rate", "0,5")


def test_c_may_be_infinite_and_nothing_else():
    assert read_setting("C", "inf") == math.inf
    for name in set(NUMBERS) - {"C"}:
        with pytest.raises(UserError):
            read_setting(name, "inf")
