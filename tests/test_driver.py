"""What the tests' own server says of itself."""

import pytest

from tests.browser.driver import Server


def test_a_server_that_does_not_start_shows_what_it_said():
    broken = ("-c", "import sys; print('no such luck'); sys.exit('theta is lost')")
    with (
        pytest.raises(RuntimeError, match="it ended with 1") as caught,
        Server(streamlit=broken),
    ):
        pass
    assert "no such luck" in str(caught.value)
    assert "theta is lost" in str(caught.value)
