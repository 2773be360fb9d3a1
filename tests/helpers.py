"""What several tests use: skips, patience, charts' tables, pages under AppTest."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NoReturn

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lrcore.segment import find_digits


def skip_without(why: str) -> NoReturn:
    """Skip for want of a program; fail where REQUIRE_BROWSER makes all of them mandatory."""
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(why)
    pytest.skip(why)


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds that a thread brings about; fail if it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def chart_rows(spec: dict) -> list[dict]:
    """All rows of all tables that a chart's specification carries."""
    return [row for table in spec["datasets"].values() for row in table]


def open_page(app: AppTest, page: str, query: dict[str, str] | None = None, **state) -> AppTest:
    """Go to a page by the router, with a query in its URL and values in the session."""
    for name, value in (query or {}).items():
        app.query_params[name] = value
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    app.switch_page(page).run()
    assert not app.exception
    return app


def choose_way(app: AppTest, way: str) -> AppTest:
    """Choose where the digit comes from on the Predict page."""
    return app.button_group(key="way").set_value(way).run()


def say(app: AppTest, digit: int, nth: int = 0) -> AppTest:
    """Press one of the ten buttons under the nth answer."""
    keys = [str(button.key) for button in app.button if str(button.key).startswith("label-")]
    app.button(key=[key for key in keys if key.endswith(f"-{digit}")][nth]).click().run()
    assert not app.exception
    return app


def seen_label(button) -> str:
    """What is seen of a button's label: what it acts on may be heard only."""
    return button.label.split(" :gray-badge")[0]


def markup(app: AppTest) -> str:
    """All text that a page shows, the big digit included."""
    return " ".join(
        [item.value for item in (*app.markdown, *app.error, *app.info, *app.warning)]
        + [item.proto.body for item in app.get("html")]
    )


def difference(one, other):
    """Mean grey levels of 255 between two digits, one of them moved by a pixel if that helps."""
    one = np.asarray(one, int)
    shifts = [np.roll(other, (r, c), (0, 1)) for r in (-1, 0, 1) for c in (-1, 0, 1)]
    return min(np.abs(one - shifted).mean() for shifted in shifts)


def picture_to_digit(source):
    """The one digit of a picture, as MNIST would have it."""
    return find_digits(source, digits="one")[0].image
