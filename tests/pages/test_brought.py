"""Uploads as a list: read once, newest first, kept; and which of several digits is looked at."""

import io

import numpy as np
import pytest
from PIL import Image

from lrcore import decode
from lrcore.segment import Found
from lrcore.weights import DEFAULT, load_weights
from tests.files import saved
from tests.helpers import choose_way, markup, open_page, say
from tests.pages.test_odd_pictures import page_of
from ui import brought
from ui.brought import Brought, Picture
from ui.canvas import Kept
from ui.predict import place_of

UPLOADS = "brought-Upload"


@pytest.fixture
def upload(app):
    choose_way(open_page(app, "pages/predict.py"), "Upload")

    def bring(*files):
        """What the widget holds from now on, (name, bytes) each."""
        app.file_uploader(key="pictures").set_value([(*file, "image/png") for file in files]).run()
        assert not app.exception
        return app

    return bring


@pytest.fixture
def decoded(monkeypatch):
    """Each time that a picture of a learner's is opened, its format."""
    opened, way = [], decode.Image.open

    def counting(*args, **options):
        # Streamlit itself looks at the head of what it shows; only ours says which formats.
        opened.extend(["picture"] * ("formats" in options))
        return way(*args, **options)

    monkeypatch.setattr(decode.Image, "open", counting)
    return opened


def names(app):
    said = (item.value.replace("\\", "") for item in app.markdown)
    return [name.strip("*") for name in said if name.endswith(".png**")]


def test_a_press_decodes_nothing(upload, decoded, test_set):
    files = [(f"{i}.png", saved(page_of(test_set.images[i : i + 1 + i % 2]))) for i in range(5)]
    app = upload(*files)
    once = len(decoded)
    say(app, 8)
    assert 'data-answer="8"' in markup(app)
    app.toggle(key="hand_on").set_value(False).run()
    assert len(decoded) == once


def test_another_model_cuts_anew_and_a_correction_does_not(upload, decoded, test_set):
    app = upload(("page.png", saved(page_of(test_set.images[:3]))))
    assert app.code[0].value == "721"
    once = len(decoded)
    say(app, 4)
    assert app.code[0].value.startswith("4")
    assert len(decoded) == once
    app.selectbox(key="chosen_model").set_value("straightened").run()
    assert len(decoded) > once


class File(io.BytesIO):
    """A file as an upload widget hands it over."""

    def __init__(self, name):
        super().__init__(b"content")
        self.name, self.file_id = name, name


def test_a_list_follows_its_widget():
    one, two, three = map(File, "123")
    pictures = Brought()

    def held(*files, **options):
        pictures.change(files, **options)
        pictures.offered = frozenset(file.file_id for file in files)
        return "".join(picture.name for picture in pictures.pictures)

    assert held(one, two) == "12"
    # What is new comes first, what is taken out of the widget goes.
    assert held(one, two, three) == "312"
    assert held(one, three) == "31"
    # The widget of a page that was opened again holds nothing, the list all it did.
    pictures.offered = frozenset()
    assert held(two) == "231"
    assert held() == "31"
    pictures.drop("1")
    assert held(two, only=True) == "2"
    assert held(only=True) == ""


def test_the_newest_come_first_and_outlast_a_change_of_page(upload, test_set):
    one, two, three = ((f"{i}.png", saved(page_of(test_set.images[i : i + 1]))) for i in range(3))
    app = upload(one, two)
    assert names(app) == ["0.png", "1.png"]
    # The widget above still holds them: there they can be taken out.
    assert not [b for b in app.button if str(b.key).startswith("remove-")]
    app.switch_page("pages/weights.py").run()
    app.switch_page("pages/predict.py").run()
    assert not app.exception
    assert names(app) == ["0.png", "1.png"]
    upload(three)
    assert names(app) == ["2.png", "0.png", "1.png"]
    next(b for b in app.button if "Take 0" in b.help).click().run()
    assert names(app) == ["2.png", "1.png"]


def test_what_is_kept_is_bounded_in_bytes(monkeypatch, test_set):
    raw = saved(page_of(test_set.images[:1]))
    judge = load_weights(DEFAULT)
    kept = Brought([Picture(str(i), f"{i}.png", raw) for i in range(3)])
    for picture in kept.pictures:
        before = picture.nbytes
        assert picture.read(judge) is picture.read(judge)
        assert picture.nbytes > before + 90 * 90
    monkeypatch.setattr(brought, "MOST_BYTES", 2 * kept.pictures[0].nbytes)
    kept.bound()
    assert [picture.key for picture in kept.pictures] == ["0", "1"]
    assert kept.let_go == 1
    monkeypatch.setattr(brought, "MOST_BYTES", 1)
    kept.bound()
    assert [picture.key for picture in kept.pictures] == ["0"]


def stroke(points, left):
    path = [["M" if i == 0 else "L", left + x, y] for i, (x, y) in enumerate(points)]
    return {"type": "Path", "stroke": "#1f2430", "strokeWidth": 12, "path": path}


SEVEN = [(0, 50), (50, 50), (25, 170)]
ONE = [(20, 40), (20, 170)]
FOUR = [[(30, 40), (0, 120), (60, 120)], [(45, 80), (45, 170)]]


def choice(app):
    """The choice of one of several digits."""
    (box,) = (item for item in app.selectbox if item.label == "Look at one")
    return box


def test_the_digit_looked_at_is_the_one_named(app):
    row = [stroke(ONE, 330), stroke(SEVEN, 480)]
    app.session_state["row_kept"] = Kept({"objects": row})
    choose_way(app.run(), "A row")

    def looked_at():
        return choice(app).options[choice(app).index]

    assert app.code[0].value == "17"
    choice(app).select_index(1).run()
    assert looked_at() == "2: 7"
    assert 'data-answer="7"' in markup(app)
    # After a correction it says what is read now.
    say(app, 4)
    assert 'data-answer="4"' in markup(app)
    assert looked_at() == "2: 4"
    # A digit that is added at the left moves it on, and the panel with it.
    row = [*(stroke(part, 120) for part in FOUR), *row]
    app.session_state["row_kept"].replace(row)
    app.run()
    assert not app.exception
    assert len(app.code[0].value) == 3
    assert looked_at() == "3: 4"
    seven = app.session_state["own_digits"].digits.images[0]
    shown = app.session_state["looked_at"]["row"].image
    np.testing.assert_array_equal(shown, seven)
    # What is pressed now labels that very picture.
    say(app, 7)
    assert len(app.session_state["own_digits"]) == 1
    assert app.session_state["own_digits"].digits.labels.tolist() == [7]


def test_which_of_several_is_unsure_is_marked(app):
    star = [[(0, 40), (60, 160)], [(60, 40), (0, 160)], [(-10, 100), (70, 100)]]
    row = [*(stroke(part, 120) for part in star), stroke(SEVEN, 480)]
    app.session_state["row_kept"] = Kept({"objects": row})
    choose_way(app.run(), "A row")
    assert "1 of them unsure, marked with a question mark." in [c.value for c in app.caption]
    first, second = choice(app).options
    assert first.endswith("?")
    assert second == "2: 7"
    # The text is taken elsewhere: it has digits alone.
    assert app.code[0].value.isdigit()


def test_the_digit_is_followed_by_picture_then_by_place():
    def found(left, ink):
        return Found((left, 0, left + 20, 30), np.full((28, 28), ink, np.uint8), 0)

    ones = [found(0, 1), found(100, 1), found(200, 1)]
    assert place_of(None, ones) == 0
    assert [place_of(one, ones) for one in ones] == [0, 1, 2]
    # The first is gone: of equal ones the nearest.
    assert place_of(ones[2], [ones[1], found(196, 1)]) == 1
    # The same picture elsewhere, rather than another in its place.
    assert place_of(found(100, 7), [found(90, 1), found(300, 7)]) == 1
    # Drawn over: what stands in its place now; and the first where nothing does.
    assert place_of(found(100, 7), [found(0, 1), found(104, 2)]) == 1
    assert place_of(found(100, 7), [found(0, 1), found(300, 2)]) == 0


def test_a_test_digit_can_be_corrected(app, test_set):
    app.session_state["gallery_image"] = 0
    app.run()
    assert 'data-answer="7"' in markup(app)
    say(app, 2)
    assert 'data-answer="2"' in markup(app)
    np.testing.assert_array_equal(
        app.session_state["own_digits"].corrections.images[0], test_set.images[0]
    )


def test_a_large_photo_is_shown_no_larger_than_it_takes(upload, test_set):
    page = page_of(test_set.images[:1]).resize((2000, 2000), Image.Resampling.BICUBIC)
    app = upload(("large.png", saved(page)))
    (picture,) = app.session_state[UPLOADS].pictures
    assert picture.read(load_weights(DEFAULT)).shown.size == (330, 330)
