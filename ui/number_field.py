"""A field for a number that runs by what stands in it, or not at all."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lrcore.errors import UserError
from lrcore.settings import Knob, range_words, read_number
from ui.plain import say_error


def number_field(
    declared: Knob, number: type, wrong: DeltaGenerator | None = None, **field: Any
) -> Any:
    """The int or float typed, or None after saying why it cannot be.

    Of Streamlit's own number field with bounds, what lies outside stays in the browser: it turns
    red, and the app goes on with the value before.  Here the text is all there is.

    declared : what it is called, its help and its bounds.
    number : int or float.
    wrong : where to say what is wrong, if not under the field.
    field : what else `st.text_input` takes.
    """
    text = st.text_input(
        declared.label, help=f"{declared.help} {range_words(declared).capitalize()}.", **field
    )
    try:
        return read_number(declared, number, text)
    except UserError as error:
        with wrong or st.container():
            say_error(error)
        return None
