"""What the browser is shown on."""

import streamlit as st


def on_phone() -> bool:
    """Whether the page is likely read on a phone's narrow screen."""
    # What Mozilla advises to look for, "Browser detection using the user agent".
    return "Mobi" in st.context.headers.get("User-Agent", "")
