"""The ways in which a digit comes to the Predict page: drawn, uploaded, photographed, picked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw
from streamlit.delta_generator import DeltaGenerator

from lrcore.decode import open_to_show
from lrcore.drawing import film as drawing_film
from lrcore.drawing import find_drawn_digits, rasterise, to_digit
from lrcore.errors import UserError
from lrcore.picture import film as picture_film
from lrcore.reading import Reader, Readings, as_text, relevant
from lrcore.segment import Found, trust
from lrcore.weights import Weights
from ui.answers import (
    answer_panel,
    blank_panel,
    counted,
    digit_name,
    digit_picture,
    read,
)
from ui.canvas import Drawing, drawing_canvas
from ui.correction import Model, correction, hand_bar, model_in_hand
from ui.device import on_phone
from ui.evidence import evidence_section
from ui.models import errors_said, mnist
from ui.palette import FOR
from ui.state import (
    BEFORE_ERASING,
    CLOSER,
    GALLERY_MIX,
    GALLERY_PICKED,
    LOOK_AT,
    PICK,
    PICTURES,
    ROW_CANVAS,
    WAY,
)

TYPES = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"]
SIDE = 330
# Pictures that are read at once: each run of the page reads them all.
AT_ONCE = 20
WHY = "Why this answer?"
# Two of the ways in which a digit comes here, and the place of the test set's answer.
UPLOAD, TEST_SET, GALLERY = "Upload", "Test set", "gallery"


@st.fragment
@errors_said()
def draw() -> None:
    """The canvas and, after each stroke, the answer."""
    model = model_in_hand()
    weights = model.corrected
    left, right = _side_by_side(SIDE)
    with left:
        st.markdown("**Draw a digit**")
        drawing = drawing_canvas(SIDE, SIDE)
    with right:
        if not drawing.strokes:
            _invite(weights)
            return
        image = to_digit(drawing.strokes)
        seen = st.session_state.get(BEFORE_ERASING)
        before = seen[1] if drawing.erasing and seen and seen[0] is model.trained else None
        readings = _answer(model, image, "drawn", before)
        if not drawing.erasing:
            st.session_state[BEFORE_ERASING] = model.trained, readings.probabilities[0]
        hand_bar()
    _look_closer(
        {
            WHY: lambda: evidence_section(weights, image, "drawn"),
            "What the model sees, step by step": lambda: film_strip(
                drawing_film(drawing.strokes, drawing.width, drawing.height, drawing.pen)
            ),
            "Compare with naive shrinking": lambda: _naive(weights, drawing, image),
        },
        "drawn",
    )


def _invite(weights: Weights) -> None:
    """What an empty canvas is for, and other ways for those who cannot draw on it."""
    blank_panel(
        weights,
        "Draw a digit on the canvas the way *you* write it: it is read after each stroke.",
    )
    st.markdown("No mouse or pen at hand?")
    with st.container(horizontal=True):
        for way, label, icon in (
            (TEST_SET, "Try a test digit", ":material/grid_view:"),
            (UPLOAD, "Upload a picture", ":material/upload:"),
        ):
            # The choice is above the canvas' fragment, hence the rerun of the whole page.
            if st.button(
                label,
                icon=icon,
                on_click=lambda way=way: st.session_state.update({WAY: way}),
                help=f"The same as '{way}' above.",
            ):
                st.rerun()


@st.fragment
@errors_said()
def draw_row() -> None:
    """A wide canvas for several digits, read in order."""
    model = model_in_hand()
    width = SIDE if on_phone() else 2 * SIDE
    left, right = _side_by_side(width)
    with left:
        st.markdown("**Write several digits**")
        drawing = drawing_canvas(width, 220, ROW_CANVAS)
    if not drawing.strokes:
        right.info("Write a phone number or a date, with a little room between the digits.")
        return
    size = drawing.width, drawing.height, drawing.pen
    found = find_drawn_digits(drawing.strokes, *size, trust(Reader(model.corrected)))
    canvas = Image.fromarray(np.uint8(255 * (1 - rasterise(drawing.strokes, *size))))
    _several(model, canvas, canvas.size, found, "row", "row", left, right)
    hand_bar()


def _side_by_side(width: int) -> tuple[DeltaGenerator, DeltaGenerator]:
    """A part of that width, and beside it one for the answer; below it where there is no room."""
    row = st.container(horizontal=True, gap="medium")
    return row.container(width=width), row.container(width="stretch")


def _answer(
    model: Model, image: np.ndarray, where: str, before: np.ndarray | None = None
) -> Readings:
    """The answer in the user's hand, and 'it's a ...' under it; `where` as `correction` has it."""
    readings = answer_panel(model.corrected, image, before=before)
    correction(model, image, where)
    return readings


def _look_closer(views: dict[str, Callable[[], None]], key: str) -> None:
    """Offer some views and compute only the one that is chosen."""
    view = st.pills(
        "Look closer",
        list(views),
        key=CLOSER(picture=key),
        persist_state="session",
        help="Why it answers so, how the picture got there, and what most demos do instead.",
    )
    if view:
        views[view]()
        st.page_link(
            "pages/how.py", label="How it works, in five minutes", icon=":material/school:"
        )


def _naive(weights: Weights, drawing: Drawing, image: np.ndarray) -> None:
    pair = np.stack([drawing.shrunk(), image])
    readings = read(weights, pair)
    with st.container(horizontal=True, gap="large"):
        for at, name in enumerate(("Shrunk as it is", "As MNIST's are")):
            with st.container(width=150):
                digit_picture(pair[at], name, 112)
                answer = digit_name(weights, readings.digits[at])
                st.markdown(f"reads **{answer}** ({readings.probabilities[at].max():.2f})")
    st.caption(
        "MNIST's digits fill a 20×20 box and are centred by their mass. A model that has never "
        "seen anything else fails on a drawing that is small, thin or off-centre."
    )


def upload() -> None:
    """One or many pictures from the disk."""
    model = model_in_hand()
    files = st.file_uploader(
        "Pictures of digits",
        key=PICTURES,
        type=TYPES,
        accept_multiple_files=True,
        help="PNG, JPEG, WebP, BMP, GIF or TIFF; one digit or many in each picture.",
    )
    if not files:
        st.info(
            "Bring a picture of a digit: a scan, a photo or a screenshot, dark on light or light "
            "on dark. Several files, and several digits in one, are fine."
        )
    for file in files[:AT_ONCE]:
        _picture(model, file.getvalue(), file.name, file.file_id)
    if len(files) > AT_ONCE:
        st.warning(f"The first {AT_ONCE} of {len(files)} pictures are read; remove some to go on.")
    hand_bar()


def camera() -> None:
    """A photo from this device's camera."""
    model = model_in_hand()
    st.caption("On a phone, 'Upload' opens the camera too, with its full resolution.")
    photo = st.camera_input(
        "Photograph a digit",
        width=480,
        help="Good light, a dark pen, and the digit in the middle help.",
    )
    if photo is not None:
        _picture(model, photo.getvalue(), "photo", photo.file_id)
    hand_bar()


def _picture(model: Model, data: bytes, name: str, key: str) -> None:
    """A picture's answer: one digit in full, several boxed and in reading order.

    `key` tells pictures apart that have the same name.
    """
    weights = model.corrected
    try:
        found = Reader(weights).find(data)
        picture, size = open_to_show(data)
    except UserError as error:
        st.error(f"**{name}**: {error}")
        return
    # A phone has no width to spare for a frame.
    with st.container(border=not on_phone()):
        st.markdown(f"**{name}**")
        if len(found) > 1:
            columns = st.columns([3, 2], gap="large")
            _several(model, picture, size, found, name, key, *columns)
            return
        image = found[0].image
        left, right = _side_by_side(SIDE)
        with left:
            st.image(picture, width=SIDE, alt=f"The picture {name}")
        with right:
            _answer(model, image, key)
        _look_closer(
            {
                WHY: lambda: evidence_section(weights, image, key),
                "What the model sees, step by step": lambda: film_strip(picture_film(data)),
            },
            key,
        )


def _several(
    model: Model,
    picture: Image.Image,
    size: tuple[int, int],
    found: list[Found],
    name: str,
    key: str,
    left: DeltaGenerator,
    right: DeltaGenerator,
) -> None:
    """Several digits: boxed on the picture, at the left; as text, and one by one, at the right."""
    weights = model.corrected
    readings = read(weights, np.stack([item.image for item in found]))
    answers = [digit_name(weights, digit) for digit in readings.digits]
    with left:
        alt = f"{name}, with a box round each of {len(found)} digits"
        st.image(boxed(picture, size, found, answers), width="stretch", alt=alt)
    with right:
        st.markdown(f"{counted(len(found), 'digit')}, in reading order")
        st.code(as_text(found, answers), language=None)
        unsure = int((~readings.sure).sum())
        if unsure:
            st.caption(f"{unsure} of them unsure.")
        at = st.selectbox(
            "Look at one",
            range(len(found)),
            format_func=lambda i: f"{i + 1}: {answers[i]}",
            key=LOOK_AT(picture=key),
            help="Shows what the model saw of that digit, and its probabilities.",
        )
        _answer(model, found[at].image, key)


def boxed(
    picture: Image.Image, size: tuple[int, int], found: list[Found], answers: list[str]
) -> Image.Image:
    """The picture with a box and an answer at each digit, found where it was `size` large."""
    picture, scale = picture.convert("RGB"), picture.width / size[0]
    pen = ImageDraw.Draw(picture)
    line = max(2, max(picture.size) // 300)
    for item, answer in zip(found, answers, strict=True):
        left, top, right, bottom = (scale * side for side in item.box)
        pen.rectangle((left, top, right, bottom), outline=FOR, width=line)
        pen.text((left, max(0, top - 8 * line)), answer, fill=FOR, font_size=8 * line)
    return picture


def gallery() -> None:
    """A dozen digits of the test set, which no model has learned from."""
    model = model_in_hand()
    weights = model.corrected
    test = mnist("test")
    mix = st.session_state.setdefault(GALLERY_MIX, 0)
    picks = np.random.default_rng(mix).permutation(len(test))[:12]
    left, right = _side_by_side(SIDE)
    with left:
        st.markdown("**Pick a digit of the test set**: no model has learned from these")
        with st.container(horizontal=True, gap="small"):
            for index in picks:
                with st.container(width=70):
                    digit_picture(test.images[index], None, 56)
                    if st.button("Read", key=PICK(index=index), help=f"Read test picture {index}."):
                        st.session_state[GALLERY_PICKED] = int(index)
        if st.button("Show others", icon=":material/shuffle:", help="Twelve other test pictures"):
            st.session_state[GALLERY_MIX] = mix + 1
            st.rerun()
    with right:
        index = st.session_state.get(GALLERY_PICKED)
        if index is None:
            st.info("Press *Read* under a digit: some are harder than one thinks.")
            return
        readings = answer_panel(weights, test.images[index], "Test picture, 28×28")
        _, truth = relevant(weights, test.images[[index]], test.labels[[index]])
        if not len(truth):
            judged = "a digit that this model knows nothing of"
        else:
            judged = "read right" if readings.digits[0] == truth[0] else "read wrong"
        st.caption(f"Test picture {index} is labelled {test.labels[index]}: {judged}.")
    _look_closer({WHY: lambda: evidence_section(weights, test.images[index], GALLERY)}, GALLERY)


def film_strip(steps: list) -> None:
    """Pictures in a row, each with what was done to get there."""
    with st.container(horizontal=True, gap="small"):
        for caption, picture in steps:
            st.image(picture, caption=caption, width=150, alt=caption)
