"""Pictures of rare kinds, and many at once, on the Predict page."""

import numpy as np
import pytest
from PIL import Image

from tests.files import saved
from tests.helpers import choose_way, open_page
from ui.predict import AT_ONCE


@pytest.fixture
def upload(app):
    """Upload files, (name, bytes) each, and look at the page."""

    def bring(*files):
        choose_way(open_page(app, "pages/predict.py"), "Upload")
        app.file_uploader(key="pictures").set_value([(*file, "image/png") for file in files]).run()
        assert not app.exception
        assert not app.error
        return app

    return bring


def page_of(digits):
    """Digits in a row, dark on light."""
    row = Image.new("L", (100 * len(digits), 100), 255)
    for k, digit in enumerate(digits):
        row.paste(Image.fromarray(255 - digit).resize((90, 90)), (100 * k, 5))
    return row


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("mode", ["I;16", "F", "I", "LA", "CMYK"])
def test_pictures_of_rare_depths_are_read_and_shown(upload, test_set, mode, count):
    page = page_of(test_set.images[:count])
    if mode == "I;16":
        page = Image.fromarray(np.asarray(page).astype(np.uint16) * 257)
    app = upload(("page.tif", saved(page if mode == "I;16" else page.convert(mode), "TIFF")))
    if count == 3:
        assert app.code[0].value == "721"


@pytest.mark.parametrize("count", [1, 3])
def test_two_files_of_one_name_are_two_pictures(upload, test_set, count):
    raw = saved(page_of(test_set.images[:count]))
    app = upload(("image.png", raw), ("image.png", raw))
    assert [item.value for item in app.markdown].count("**image.png**") == 2


def test_more_pictures_than_are_read_at_once_are_counted(upload, test_set):
    raw = saved(page_of(test_set.images[:1]))
    app = upload(*[(f"{i}.png", raw) for i in range(AT_ONCE + 1)])
    assert len([item for item in app.markdown if item.value.endswith(".png**")]) == AT_ONCE
    assert any(f"The first {AT_ONCE} of {AT_ONCE + 1}" in item.value for item in app.warning)
