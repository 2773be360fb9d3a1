"""The ways in which a digit comes to the Predict page: drawn, uploaded, photographed, picked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageFont
from streamlit.delta_generator import DeltaGenerator

from lrcore.decode import ENDINGS, HEIC_ENDINGS, READS
from lrcore.drawing import drawing_steps, rasterise, to_digit
from lrcore.errors import UserError, megabytes
from lrcore.reading import Reader, Readings, as_text, relevant
from lrcore.segment import AUTO, ONE, SEVERAL, Found, drawn_as_several, find_drawn_digits
from lrcore.weights import Weights
from ui.answers import (
    SAW,
    answer_panel,
    blank_panel,
    counted,
    digit_name,
    digit_picture,
    read,
)
from ui.brought import MOST_BYTES, Brought, Picture, brought
from ui.canvas import SIDE, Drawing, drawing_canvas, drawn_now
from ui.correction import Model, correction, hand_bar, model_in_hand
from ui.device import on_phone
from ui.evidence import evidence_section
from ui.images import data_uri, png_uri
from ui.models import errors_said, mnist
from ui.palette import FOR, INK
from ui.pinned import remember, remember_test
from ui.plain import plain, say_error
from ui.state import (
    BEFORE_ERASING,
    BESIDE,
    CANVAS,
    CLOSER,
    GALLERY_MIX,
    GALLERY_PICKED,
    HOW_MANY,
    LOOK_AT,
    LOOKED_AT,
    PHOTO,
    PICK,
    PICTURES,
    REMOVE_PICTURE,
    ROW_CANVAS,
    WAY,
)
from ui.style import spoken

TYPES = [*ENDINGS, *HEIC_ENDINGS]
# How many digits a picture shows, by what the switch calls it.
HOW_MANY_DIGITS = {AUTO: "Auto", ONE: "One digit", SEVERAL: "Several"}
# Pictures that are read at once: each run of the page reads them all.
AT_ONCE = 20
# Seconds in which the browser shows the answer to a stroke, before the rest keeps it busy.
BREATH = 0.03
WHY, STEPS = "Why this answer?", "What the model sees, step by step"
# Four of the ways in which a digit comes here; the places of two answers.
ROW, UPLOAD, CAMERA, TEST_SET = "A row", "Upload", "Camera", "Test set"
DRAWN, GALLERY = "drawn", "gallery"
# What the digits of some places are called elsewhere.
PINNED_AS = {DRAWN: "your drawing", ROW_CANVAS: "a digit of your row"}


@st.fragment
@errors_said()
def draw() -> None:
    """The canvas and, after each stroke, the answer."""
    model = model_in_hand()
    weights = model.corrected
    left, right = _side_by_side(SIDE, DRAWN)
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
        readings = _answer(
            *(model, image, DRAWN),
            before=before,
            breath=BREATH,
            # A stroke may have come with the very press of a button.
            newest=lambda: to_digit(drawn_now(CANVAS, (SIDE, SIDE))),
        )
        with left:
            _perhaps_a_row(model, drawing)
        if not drawing.erasing:
            st.session_state[BEFORE_ERASING] = model.trained, readings.probabilities[0]
        hand_bar()
    _look_closer(
        {
            WHY: lambda: evidence_section(weights, image, DRAWN),
            STEPS: lambda: film_strip(
                drawing_steps(drawing.strokes, drawing.width, drawing.height, drawing.pen)
            ),
            "Compare with naive shrinking": lambda: _naive(weights, drawing, image),
        },
        DRAWN,
    )


def _perhaps_a_row(model: Model, drawing: Drawing) -> None:
    """Where the canvas for one digit seems to hold two, the way to the canvas for several."""
    size = drawing.width, drawing.height, drawing.pen
    score = Reader(model.trained).digit_score
    if not score or not drawn_as_several(drawing.strokes, *size, score):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"That looks like two digits: use *{ROW}*.", width="content")
        if st.button(
            ROW,
            icon=":material/view_week:",
            on_click=lambda: st.session_state.update({WAY: ROW}),
            help="A wide canvas for several digits.",
        ):
            st.rerun()


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
    left, right = _side_by_side(width, ROW_CANVAS)
    with left:
        st.markdown("**Write several digits**")
        drawing = drawing_canvas(width, 220, ROW_CANVAS)
    if not drawing.strokes:
        right.info("Write a phone number or a date, with a little room between the digits.")
        return
    size = drawing.width, drawing.height, drawing.pen
    found = find_drawn_digits(drawing.strokes, *size, Reader(model.trained).digit_score)
    readings, answers = _read_all(model, found)
    canvas = Image.fromarray(np.uint8(255 * (1 - rasterise(drawing.strokes, *size))))
    with left:
        alt = f"The row, with a box round each of {len(found)} digits"
        picture = boxed(canvas, canvas.size, found, _marked(answers, readings))
        st.image(png_uri(picture), width="stretch", alt=alt)
    with right:
        at = _several(model, found, readings, answers, ROW_CANVAS)
        hand_bar()
    _look_closer(
        {
            WHY: lambda: evidence_section(model.corrected, found[at].image, ROW_CANVAS),
            STEPS: lambda: film_strip(found[at].steps()),
        },
        ROW_CANVAS,
    )


def _side_by_side(
    width: int | Literal["stretch"], place: str
) -> tuple[DeltaGenerator, DeltaGenerator]:
    """A part of that width, and beside it one for the answer; below it where there is no room
    (`ui.room`)."""
    row = st.container(horizontal=True, gap="medium")
    first = BESIDE(place=f"first-{place}") if width == "stretch" else None
    return (
        row.container(width=width, key=first),
        row.container(width="stretch", key=BESIDE(place=place)),
    )


def _answer(
    model: Model,
    image: np.ndarray,
    where: str,
    saw: str = SAW,
    before: np.ndarray | None = None,
    breath: float = 0.0,
    newest: Callable[[], np.ndarray] | None = None,
    about: str = "",
) -> Readings:
    """The answer in the user's hand, and 'it's a ...' under it; `where`, `newest` and `about` as
    `correction` has them, the others as `answer_panel` has them."""
    readings = answer_panel(model.corrected, image, saw, before, breath)
    remember(image, PINNED_AS.get(where, "your picture"))
    correction(model, image, where, newest, about)
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
                st.markdown(f"reads **{answer}** ({readings.answer_probability[at]:.2f})")
    same = readings.digits[0] == readings.digits[1]
    st.caption(
        "MNIST's digits fill a 20×20 box and are centred by their mass; a model has never seen "
        "anything else. "
        + (
            "This drawing is read alike all the same: draw a small one in a corner."
            if same
            else "So it fails on a drawing that is small, thin or off-centre."
        )
    )


def upload() -> None:
    """One or many pictures from the disk, the newest first."""
    model = model_in_hand()
    pictures = brought(UPLOAD)
    files = st.file_uploader(
        "Pictures of digits",
        key=PICTURES,
        type=TYPES,
        accept_multiple_files=True,
        help=f"{READS}; one digit or many in each picture.",
        on_change=lambda: pictures.change(st.session_state[PICTURES]),
    )
    pictures.offered = frozenset(file.file_id for file in files)
    if not pictures.pictures:
        st.info(
            "Bring a picture of a digit: a scan, a photo or a screenshot, dark on light or light "
            "on dark. Several files, and several digits in one, are fine."
        )
    _pictures(model, pictures)


def camera() -> None:
    """A photo from this device's camera."""
    model = model_in_hand()
    photos = brought(CAMERA)
    st.caption("On a phone, 'Upload' opens the camera too, with its full resolution.")
    photo = st.camera_input(
        "Photograph a digit",
        key=PHOTO,
        width=480,
        help="Good light, a dark pen, and the digit in the middle help.",
        on_change=lambda: photos.change(filter(None, [st.session_state[PHOTO]]), only=True),
    )
    photos.offered = frozenset([photo.file_id] if photo else [])
    _pictures(model, photos)


def _pictures(model: Model, brought: Brought) -> None:
    """All pictures of a list that are read at once, and what became of the others."""
    digits = st.segmented_control(
        "Digits in a picture",
        list(HOW_MANY_DIGITS),
        format_func=lambda name: HOW_MANY_DIGITS[name],
        default=AUTO,
        required=True,
        key=HOW_MANY,
        persist_state="session",
        help="*Auto* takes a small or tight picture for one digit. *One digit* joins a broken one, "
        "*Several* parts those that it took for one.",
    )
    if len(brought.pictures) > AT_ONCE:
        st.warning(
            f"The first {AT_ONCE} of {len(brought.pictures)} pictures are read; remove some to "
            "go on."
        )
    for number, picture in enumerate(brought.pictures[:AT_ONCE], 1):
        # Its number, since two files may have one name.
        _picture(model, picture, brought, digits, f"picture {number}, {picture.name}")
    brought.bound()
    if brought.let_go:
        st.warning(
            f"{counted(brought.let_go, 'older picture')} had to go: {megabytes(MOST_BYTES)} of "
            "pictures are kept at once."
        )
    hand_bar()


def _picture(model: Model, picture: Picture, brought: Brought, digits: str, about: str) -> None:
    """A picture's answer: one digit in full, several boxed and in reading order.

    about : what tells its buttons from those of the others.
    """
    # A phone has no width to spare for a frame.
    with st.container(border=not on_phone()):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            st.markdown(f"**{plain(picture.name)}**")
            # What the widget above still holds is taken out there.
            if picture.key not in brought.offered:
                st.button(
                    f"Remove{spoken(about)}",
                    icon=":material/close:",
                    key=REMOVE_PICTURE(picture=picture.key),
                    type="tertiary",
                    on_click=brought.drop,
                    args=(picture.key,),
                    help=f"Take {plain(picture.name)} off this page.",
                )
        try:
            # As trained, so that a correction leaves the digits where they were found.
            seen = picture.read(model.trained, digits)
        except UserError as error:
            say_error(error, picture.name)
            return
        if seen.note:
            st.caption(seen.note)
        several = len(seen.found) > 1
        if several:
            left, right = _side_by_side("stretch", picture.key)
            readings, answers = _read_all(model, seen.found)
            with left:
                st.image(
                    data_uri(seen.marked(_marked(answers, readings), boxed), "jpeg"),
                    width="stretch",
                    alt=f"{picture.name}, with a box round each of {len(seen.found)} digits",
                )
            with right:
                at = _several(model, seen.found, readings, answers, picture.key, about)
        else:
            left, right = _side_by_side(SIDE, picture.key)
            with left:
                st.image(
                    data_uri(seen.marked([], boxed), "jpeg"),
                    # The answer is to be seen below it on a phone.
                    width=SIDE // 2 if on_phone() else SIDE,
                    alt=f"The picture {picture.name}",
                )
            with right:
                _answer(model, seen.found[0].image, picture.key, about=about)
            at = 0
        _look_closer(
            {
                WHY: lambda: evidence_section(model.corrected, seen.found[at].image, picture.key),
                STEPS: lambda: film_strip(seen.found[at].steps()),
            },
            picture.key,
        )


def _read_all(model: Model, found: Sequence[Found]) -> tuple[Readings, list[str]]:
    """What each of several digits is read as, and how that is called."""
    readings = read(model.corrected, np.stack([item.image for item in found]))
    return readings, [digit_name(model.corrected, digit) for digit in readings.digits]


def _marked(answers: list[str], readings: Readings) -> list[str]:
    """The answers, with a question mark where they are unsure."""
    return [
        answer if sure else f"{answer}?"
        for answer, sure in zip(answers, readings.sure, strict=True)
    ]


def _several(
    model: Model,
    found: Sequence[Found],
    readings: Readings,
    answers: list[str],
    key: str,
    about: str = "",
) -> int:
    """Several digits as text, and the one looked at with its answer; returns its place."""
    st.markdown(f"{counted(len(found), 'digit')}, in reading order")
    st.code(as_text(found, answers), language=None)
    unsure = int((~readings.sure).sum())
    if unsure:
        st.caption(f"{unsure} of them unsure, marked with a question mark.")
    at = _look_at_one(found, _marked(answers, readings), key)
    _answer(model, found[at].image, key, about=about)
    return at


def _look_at_one(found: Sequence[Found], answers: list[str], key: str) -> int:
    """The choice of one of several digits, which follows the digit wherever it stands."""
    looked_at: dict[str, Found] = st.session_state.setdefault(LOOKED_AT, {})
    names = [f"{i + 1}: {answer}" for i, answer in enumerate(answers)]
    # A browser goes on showing the words that were chosen: with other words it is another widget.
    said = hashlib.sha256("|".join(names).encode()).hexdigest()[:8]
    at = st.selectbox(
        "Look at one",
        range(len(found)),
        place_of(looked_at.get(key), found),
        format_func=names.__getitem__,
        key=LOOK_AT(picture=key, said=said),
        help="Shows what the model saw of that digit, and its probabilities.",
    )
    looked_at[key] = found[at]
    return at


def place_of(digit: Found | None, found: Sequence[Found]) -> int:
    """Where a digit that was looked at stands now: the same picture, the nearest if there are
    several, or else what is now found in its place; the first where it is gone."""
    if digit is None:
        return 0
    middle = np.mean(np.reshape(digit.box, (2, 2)), axis=0)
    middles = np.array([np.mean(np.reshape(item.box, (2, 2)), axis=0) for item in found])
    far = np.linalg.norm(middles - middle, axis=1)
    same = np.array([np.array_equal(item.image, digit.image) for item in found])
    if same.any():
        return int(np.where(same, far, np.inf).argmin())
    (left, top), (right, bottom) = np.reshape(digit.box, (2, 2))
    x, y = middles.T
    there = (left <= x) & (x <= right) & (top <= y) & (y <= bottom)
    return int(np.where(there, far, np.inf).argmin()) if there.any() else 0


def boxed(
    picture: Image.Image, size: tuple[int, int], found: list[Found], answers: list[str]
) -> Image.Image:
    """The picture with a box and an answer at each digit, found where it was `size` large.

    The answers are written on labels of their own colour, to be read on any paper, and as large as
    a phone needs, where all of the picture is 340 pixels wide.
    """
    picture, scale = picture.convert("RGB"), picture.width / size[0]
    pen = ImageDraw.Draw(picture)
    line = max(2, max(picture.size) // 300)
    font = ImageFont.load_default(12 * line)
    for item, answer in zip(found, answers, strict=True):
        left, top, right, bottom = (scale * side for side in item.box)
        pen.rectangle((left, top, right, bottom), outline=FOR, width=line)
        _, _, wide, high = pen.textbbox((0, 0), answer, font)
        # Above the box, or in it where there is no room.
        at = left, max(0, top - high - line)
        pen.rectangle((*at, at[0] + wide + 2 * line, at[1] + high + line), fill=FOR)
        pen.text((at[0] + line, at[1]), answer, INK, font)
    return picture


def gallery() -> None:
    """A dozen digits of the test set, which no model has learned from."""
    model = model_in_hand()
    weights = model.corrected
    test = mnist("test")
    mix = st.session_state.setdefault(GALLERY_MIX, 0)
    picks = np.random.default_rng(mix).permutation(len(test))[:12]
    left, right = _side_by_side(SIDE, GALLERY)
    with left:
        st.markdown("**Pick a digit of the test set**: no model has learned from these")
        with st.container(horizontal=True, gap="small"):
            for index in picks:
                with st.container(width=70):
                    digit_picture(test.images[index], None, 56)
                    if st.button(
                        f"Read{spoken(f'test picture {index}')}",
                        key=PICK(index=index),
                        help=f"Read test picture {index}.",
                    ):
                        st.session_state[GALLERY_PICKED] = int(index)
        if st.button(
            f"Show others{spoken('of the test set')}",
            icon=":material/shuffle:",
            help="Twelve other test pictures",
        ):
            st.session_state[GALLERY_MIX] = mix + 1
            st.rerun()
    with right:
        index = st.session_state.get(GALLERY_PICKED)
        if index is None:
            st.info("Press *Read* under a digit: some are harder than one thinks.")
            return
        readings = _answer(model, test.images[index], GALLERY, "Test picture, 28×28")
        remember_test(test, index)
        _, truth = relevant(weights, test.images[[index]], test.labels[[index]])
        if not len(truth):
            judged = "a digit that this model knows nothing of"
        else:
            judged = "read right" if readings.digits[0] == truth[0] else "read wrong"
        st.caption(
            f"Test picture {index} is labelled {test.labels[index]}: {judged}. Corrected, it is "
            "one of your own digits, and tests your hand no more."
        )
        hand_bar()
    _look_closer({WHY: lambda: evidence_section(weights, test.images[index], GALLERY)}, GALLERY)


def film_strip(steps: list) -> None:
    """Pictures in a row, each with what was done to get there."""
    with st.container(horizontal=True, gap="small"):
        for caption, picture in steps:
            st.image(png_uri(picture), caption=caption, width=150, alt=caption)
