"""Two digits, two numbers of each picture, and the line that logistic regression draws."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from lrcore.drawing import to_digit
from lrcore.errors import UserError
from lrcore.frame import SIDE as PICTURE_SIDE
from lrcore.logistic import sigmoid
from lrcore.reading import with_article
from lrcore.two_numbers import (
    COMPONENTS,
    ENOUGH,
    INK_SYMMETRY,
    NUMBERS,
    PIXELS,
    TEXTS,
    Choice,
    Line,
    TwoNumbers,
    accuracy,
    choice_texts,
    line_of,
    read_choice,
    two_numbers,
)
from ui.answers import counted, digit_picture
from ui.canvas import SIDE, drawing_canvas, drawn_now
from ui.charts import prepared
from ui.how_charts import falling_cost_chart
from ui.models import errors_said, mnist
from ui.plain import minus, say_error
from ui.plane import MOST_STEEP, Own, dragged, drawing, plane
from ui.state import (
    CANVAS,
    CHART,
    TWO_BUTTON,
    TWO_BUTTONS,
    TWO_DIGIT,
    TWO_GUESS,
    TWO_KIND,
    TWO_LEARNING,
    TWO_LINE,
    TWO_LINK,
    TWO_PIXEL,
    TWO_PIXELS_CHART,
    TWO_POINTED,
    TWO_STEP,
)
from ui.style import spoken
from ui.two_numbers_charts import SPOT, pixels_chart

# The parameter of a link that holds a line: angle, offset and steepness.
LINE = "line"
# The sliders: the largest offset, and the steepness that a line without any gets.
FARTHEST, FIRST_STEEPNESS = 4.0, 2.0
# What one may guess: shares of pictures on the right side.
GUESSES = ((0.0, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.0))
CANVAS_LABEL = "Canvas: draw a digit with mouse, finger or pen; it lands among the dots."
WHAT_THEY_ARE = {
    INK_SYMMETRY: "*Ink* is a picture's mean grey, *symmetry* how little flipping it, left to "
    "right and top to bottom, changes: the two of Abu-Mostafa, Magdon-Ismail and Lin, 'Learning "
    "From Data'.",
    PIXELS: "How much ink there is at two of the 784 places, and nothing else.",
    COMPONENTS: "The two directions in which the pictures of both digits differ most: each number "
    "is a sum over all 784 pixels.",
}


class Slider(NamedTuple):
    """One of the three numbers that make a line; `form` is how Streamlit writes it."""

    label: str
    key: str
    low: float
    high: float
    step: float
    form: str
    help: str


SLIDERS = (
    Slider(
        "Direction of yes",
        TWO_LINE["angle"],
        -180.0,
        180.0,
        1.0,
        "%.0f°",
        "In which direction, across the line, yes lies: 0° is to the right, 90° up.",
    ),
    Slider(
        "Distance",
        TWO_LINE["offset"],
        -FARTHEST,
        FARTHEST,
        0.05,
        "%.2f",
        "How far the line lies from the middle of all dots in that direction, in standard "
        "deviations.",
    ),
    Slider(
        "Steepness",
        TWO_LINE["steepness"],
        0.0,
        MOST_STEEP,
        0.1,
        "%.1f",
        "The length of theta without the bias: how fast the score grows across the line.",
    ),
)


@dataclass
class Learning:
    """Where the line is, and the steps to there.

    thetas : shape (1, 3) each, from the start on.
    by_hand : whether the start was set by hand; else it is zero.
    at : which of the thetas is shown.
    heard : how many lines have been taken over that were dragged.
    walk : from which step on the plane is still to walk to the one shown; None for no walk.
    """

    choice: Choice
    thetas: list[np.ndarray] = field(default_factory=lambda: [np.zeros((1, 3))])
    by_hand: bool = False
    at: int = 0
    heard: int = 0
    walk: int | None = None

    def __bool__(self) -> bool:
        """Whether anything was done to the line."""
        return self.by_hand or len(self.thetas) > 1

    @property
    def theta(self) -> np.ndarray:
        """The theta shown, shape (1, 3)."""
        return self.thetas[self.at]

    def start(self, theta: np.ndarray | None = None) -> None:
        """Begin anew: from a line set by hand, or from zero."""
        self.thetas = [np.zeros((1, 3)) if theta is None else theta]
        self.by_hand, self.at, self.walk = theta is not None, 0, None

    def step(self, found: TwoNumbers) -> None:
        """One step of gradient descent on from what is shown."""
        if self.at + 1 == len(self.thetas):
            self.thetas.append(found.way(steps=1, start=self.theta)[1].theta)
        self.at += 1

    def learn(self, found: TwoNumbers) -> None:
        """Steps until the cost is near its lowest."""
        self.walk = self.at
        self.thetas += [step.theta for step in found.learning(self.thetas[-1])[1:]]
        self.at = len(self.thetas) - 1


@st.cache_resource(max_entries=32, show_spinner="Reducing pictures to two numbers …")
def reduced(choice: Choice) -> TwoNumbers:
    """The pictures of a choice, made once for all who look."""
    return two_numbers(mnist("train"), choice)


@st.cache_resource(max_entries=32, show_spinner=False)
def unseen(choice: Choice) -> tuple[np.ndarray, np.ndarray]:
    """Of all test pictures of the two digits: X, as learning would see them, and y."""
    return reduced(choice).of(mnist("test"))


def take_link() -> None:
    """Take over what the URL asks for, once, or say why that cannot be."""
    state = st.session_state
    asked = {name: st.query_params.get(name) for name in (*TEXTS, LINE)}
    if not any(asked.values()) or state.get(TWO_LINK) == asked:
        return
    state[TWO_LINK] = asked
    try:
        choice, line = read_link({name: text for name, text in asked.items() if text})
    except UserError as error:
        say_error(error)
        return
    state[TWO_DIGIT["no"]], state[TWO_DIGIT["yes"]] = choice.digits
    state[TWO_KIND] = choice.numbers
    _set_pixels(choice.pixels)
    begun = Learning(choice)
    if (before := state.get(TWO_LEARNING)) is not None:
        begun.heard = before.heard
    if line is not None:
        begun.start(line.theta)
    state[TWO_LEARNING] = begun


def read_link(texts: dict[str, str]) -> tuple[Choice, Line | None]:
    """What a link asks for, and the line that it sets; UserError where that cannot be."""
    choice = read_choice({name: text for name, text in texts.items() if name != LINE})
    if LINE not in texts:
        return choice, None
    try:
        angle, offset, steepness = (float(part) for part in texts[LINE].split(","))
    except ValueError:
        angle = offset = steepness = math.nan
    if not (abs(angle) <= 180 and abs(offset) <= FARTHEST and 0 <= steepness <= MOST_STEEP):
        raise UserError(
            f"The line cannot be '{texts[LINE][:40]}': it takes an angle from -180 to 180, an "
            f"offset from -{FARTHEST:g} to {FARTHEST:g} and a steepness from 0 to {MOST_STEEP:g}, "
            "as in 30,0.5,2."
        )
    return choice, Line(angle, offset, steepness)


@st.fragment
@errors_said()
def play() -> None:
    """Everything of the page that moves."""
    choice, guess = _choose()
    found = reduced(choice)
    held = _learning(choice)
    was_dragged = dragged(held.heard)
    if was_dragged is not None:
        theta, held.heard = was_dragged
        held.start(theta)
    own = _own_drawing(found)
    left, right = st.columns([1, 1], gap="medium")
    # From the top down, so that nothing is moved by what comes after it.
    with left:
        _buttons(found, held)
        _plane(found, held, own, whole=was_dragged is None)
    with right:
        _figures(found, held)
        _verdict(found, held, guess)
        by_numbers, by_pen = st.tabs(["The line in numbers", "Your own digit"])
    with by_pen:
        _pen(found, held.theta, own)
    with by_numbers:
        _sliders(held)
        _steps(found, held)
        _link(choice, held)


def _choose() -> tuple[Choice, int | None]:
    """The two digits and the two numbers, and what is guessed of them; UserError where they
    cannot be."""
    state, usual = st.session_state, Choice()
    for name, digit in zip(("no", "yes"), usual.digits, strict=True):
        state.setdefault(TWO_DIGIT[name], digit)
    state.setdefault(TWO_KIND, usual.numbers)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        digits = tuple(
            st.selectbox(
                label,
                range(10),
                key=TWO_DIGIT[name],
                persist_state="session",
                width=130,
                help=words,
            )
            for name, label, words in (
                ("no", "Tell a … (blue)", "Its pictures are the squares: the answer is no, y = 0."),
                ("yes", "from a … (orange)", "Its pictures are the circles: yes, y = 1."),
            )
        )
        kind = st.segmented_control(
            "By",
            list(NUMBERS),
            format_func=NUMBERS.__getitem__,
            required=True,
            key=TWO_KIND,
            persist_state="session",
            help="Which two numbers become of a picture.",
            wrap=True,
        )
        question = st.container(width="content")
    assert kind is not None

    def asked(pixels) -> tuple[Choice, int | None]:
        choice = Choice((digits[0], digits[1]), kind, pixels)
        with question:
            return choice, _question(choice)

    if kind == PIXELS:
        st.caption(WHAT_THEY_ARE[kind])
        return asked(_pick_pixels(digits))
    # Before what stands below it, and would be moved by it.
    chosen = asked(usual.pixels)
    st.caption(WHAT_THEY_ARE[kind])
    return chosen


def _set_pixels(pixels) -> None:
    for number, (row, column) in enumerate(pixels, 1):
        st.session_state[TWO_PIXEL[f"row_{number}"]] = row
        st.session_state[TWO_PIXEL[f"column_{number}"]] = column


def _pick_pixels(digits: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Two pixels, pointed at or chosen by row and column."""
    state = st.session_state
    if TWO_PIXEL["row_1"] not in state:
        _set_pixels(Choice().pixels)
    first, second = (
        (state[TWO_PIXEL[f"row_{number}"]], state[TWO_PIXEL[f"column_{number}"]])
        for number in (1, 2)
    )

    def take_click() -> None:
        clicked = state[TWO_PIXELS_CHART].selection.get(SPOT)
        if clicked:
            number = state.get(TWO_POINTED, 0) + 1
            state[TWO_PIXEL[f"row_{number}"]] = int(clicked[0]["row"])
            state[TWO_PIXEL[f"column_{number}"]] = int(clicked[0]["column"])
            # The next click is for the other one.
            state[TWO_POINTED] = number % 2

    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        chart = prepared(pixels_chart, difference(digits), (first, second))
        st.vega_lite_chart(
            spec=chart,
            width="content",
            key=TWO_PIXELS_CHART,
            on_select=take_click,
            alt=f"Where {with_article(digits[1])} has more ink than {with_article(digits[0])} on "
            "average, orange, and where less, blue. The first pixel is in row "
            f"{first[0]}, column {first[1]}, the second in row {second[0]}, column {second[1]}.",
        )
        with st.container(width=330, gap="xsmall"):
            st.segmented_control(
                "A click sets",
                [0, 1],
                format_func=("the first pixel", "the second").__getitem__,
                default=0,
                required=True,
                key=TWO_POINTED,
                help="Click into the picture: orange is where the second digit has more ink on "
                "average, blue where the first has.",
            )
            for number, which in ((1, "First"), (2, "Second")):
                with st.container(horizontal=True):
                    for axis in ("row", "column"):
                        st.selectbox(
                            f"{which} pixel, {axis}",
                            range(PICTURE_SIDE),
                            key=TWO_PIXEL[f"{axis}_{number}"],
                            persist_state="session",
                            width=150,
                        )
    return first, second


@st.cache_resource(max_entries=100, show_spinner=False)
def difference(digits: tuple[int, ...]) -> np.ndarray:
    """How much more ink the second digit has than the first on average, float (28, 28)."""
    data = mnist("train")
    no, yes = (data.images[data.labels == digit].mean(0) / 255 for digit in digits)
    return yes - no


def _learning(choice: Choice) -> Learning:
    """This session's line; another choice begins with none."""
    held: Learning | None = st.session_state.get(TWO_LEARNING)
    if held is None or held.choice != choice:
        heard = 0 if held is None else held.heard
        held = st.session_state[TWO_LEARNING] = Learning(choice, heard=heard)
    return held


def _question(choice: Choice) -> int | None:
    """What to guess before anything is learned."""
    no, yes = map(with_article, choice.digits)
    return st.segmented_control(
        "Guess: of 100, how many will the learned line put on the right side?",
        range(len(GUESSES)),
        format_func=[_guess_in_words(low, high) for low, high in GUESSES].__getitem__,
        key=TWO_GUESS(choice=urlencode(choice_texts(choice))),
        persist_state="session",
        help=f"Of 100 pictures of {no} or {yes}. Guess, then put the line where you would have it, "
        "or let it learn.",
        wrap=True,
    )


def _guess_in_words(low: float, high: float) -> str:
    if low == 0:
        return f"under {100 * high:.0f}"
    return f"over {100 * low:.0f}" if high == 1 else f"{100 * low:.0f} to {100 * high:.0f}"


def _plane(found: TwoNumbers, held: Learning, own: Own | None, whole: bool) -> None:
    way = None
    if held.walk is not None:
        shown = range(held.walk, held.at + 1)
        way = {
            "thetas": [held.thetas[at][0].tolist() for at in shown],
            "said": [_said(found, held.thetas[at], at) for at in shown],
        }
        held.walk = None
    plane(
        drawing(found, held.theta, _said(found, held.theta, held.at), own, whole), held.heard, way
    )
    star = "" if own is None else " A star is your own drawing."
    if not held.theta[0, 1:].any():
        st.caption(
            "Theta is zero: there is no line, every picture gets one half. Press *A line by hand*, "
            f"or let it learn. Hover over a dot, or tap it, to see its picture.{star}"
        )
    else:
        no, yes = map(with_article, found.choice.digits)
        st.caption(
            f"On the line the probability of {yes} is one half, on the dashed lines 0.1 and 0.9. "
            f"The deeper the colour, the surer the model: orange of {yes}, blue of {no}. Drag the "
            "circles to turn the line, the square to move it, the diamond to make it steeper. "
            f"Hover over a dot, or tap it, to see its picture.{star}"
        )


def _said(found: TwoNumbers, theta: np.ndarray, at: int) -> str:
    right = accuracy(theta, found.X, found.y)
    steps = f"step {at} · " if at else ""
    return f"{steps}cost {found.cost(theta):.4f} · {right:.1%} on the right side"


def _figures(found: TwoNumbers, held: Learning) -> None:
    with st.container(horizontal=True):
        st.metric(
            "Cost",
            f"{found.cost(held.theta):.4f}",
            width=100,
            help=f"The mean log loss over the {len(found.y)} pictures shown, and L2 at C = "
            f"{found.choice.C:g}: all that learning makes small.",
        )
        st.metric(
            "On the right side",
            f"{accuracy(held.theta, found.X, found.y):.1%}",
            width=140,
            help=f"Of the {len(found.y)} pictures shown; on the line itself counts as yes.",
        )
        st.metric("Steps", f"{held.at:,}", width=80, help="Of gradient descent since the start.")


def _buttons(found: TwoNumbers, held: Learning) -> None:
    with st.container(horizontal=True, key=TWO_BUTTONS):
        st.button(
            f"Let it learn{spoken('the line')}",
            key=TWO_BUTTON(what="learn"),
            type="primary",
            icon=":material/play_arrow:",
            on_click=held.learn,
            args=(found,),
            disabled=found.learned(held.theta) and held.at + 1 == len(held.thetas),
            help="Gradient descent from where the line is, until the cost is within 0.1 % of its "
            f"lowest, {ENOUGH} steps at most.",
        )
        st.button(
            f"Step{spoken('of gradient descent')}",
            key=TWO_BUTTON(what="step"),
            icon=":material/skip_next:",
            on_click=held.step,
            args=(found,),
            help="One step of gradient descent.",
        )
        st.button(
            f"Back to zero{spoken('with theta')}",
            key=TWO_BUTTON(what="zero"),
            icon=":material/restart_alt:",
            on_click=held.start,
            help="Theta is zero again, and there is no line.",
        )
        if not held.theta[0, 1:].any():
            st.button(
                "A line by hand",
                key=TWO_BUTTON(what="hand"),
                icon=":material/edit:",
                on_click=lambda: held.start(Line(90.0, 0.0, FIRST_STEEPNESS).theta),
                help="Puts a line across the middle, to be dragged.",
            )


def _sliders(held: Learning) -> None:
    """The line in three numbers, for those who do not drag; they follow wherever it goes."""
    state, line = st.session_state, line_of(held.theta)
    angle, offset, steepness = TWO_LINE["angle"], TWO_LINE["offset"], TWO_LINE["steepness"]
    if line is not None:
        state[angle] = float(round(line.angle))
        state[offset] = min(max(round(line.offset, 2), -FARTHEST), FARTHEST)
        state[steepness] = min(round(line.steepness, 1), MOST_STEEP)
    else:
        state[angle], state[offset] = state.get(angle, 0.0), state.get(offset, 0.0)
        state[steepness] = 0.0

    def by_hand(moved: str) -> None:
        # A line without steepness is none: to turn or move it, it must be one first.
        steep = state[steepness] or (0.0 if moved == steepness else FIRST_STEEPNESS)
        held.start(Line(state[angle], state[offset], steep).theta)

    for column, slider in zip(st.columns(3), SLIDERS, strict=True):
        with column:
            st.slider(
                slider.label,
                slider.low,
                slider.high,
                step=slider.step,
                format=slider.form,
                key=slider.key,
                on_change=by_hand,
                args=(slider.key,),
                help=slider.help,
            )


def _steps(found: TwoNumbers, held: Learning) -> None:
    """The way so far: the falling cost, and any step of it to go back to."""
    last = len(held.thetas) - 1
    if not last:
        return
    key = TWO_STEP(steps=last)
    st.session_state[key] = held.at

    def go_to() -> None:
        held.at = st.session_state[key]

    begun = "the line set by hand" if held.by_hand else "zero"
    st.slider(f"Step, from {begun}", 0, last, key=key, on_change=go_to)
    costs = np.array([found.cost(theta) for theta in held.thetas])
    st.vega_lite_chart(
        spec=prepared(falling_cost_chart, costs, held.at),
        theme=None,
        key=CHART(what="two-cost"),
        alt=f"The cost step by step: {costs[0]:.3f} at the start, {costs[held.at]:.3f} after "
        f"{counted(held.at, 'step')}.",
    )


def _verdict(found: TwoNumbers, held: Learning, guess: int | None) -> None:
    """Once it is learned: how many lie on the right side, and whether that was guessed."""
    if not found.learned(held.theta):
        return
    right = accuracy(held.theta, found.X, found.y)
    told = f"**{100 * right:.0f} of 100** lie on the right side. "
    if guess is not None:
        low, high = GUESSES[guess]
        as_guessed = low <= right < high or right == high == 1
        told += "As you guessed. " if as_guessed else f"You guessed {_guess_in_words(low, high)}. "
    X, y = unseen(found.choice)
    told += (
        f"Of all {len(y):,} test pictures of these digits, which it has not learned from: "
        f"**{accuracy(held.theta, X, y):.1%}**."
    )
    st.markdown(told)


def _own_drawing(found: TwoNumbers) -> Own | None:
    """One's own drawing, the same as on Predict, and the two numbers that become of it."""
    strokes = drawn_now(CANVAS, (SIDE, SIDE))
    if not strokes:
        return None
    image = to_digit(strokes)
    return Own(image, found.reduce(image[None])[0])


def _pen(found: TwoNumbers, theta: np.ndarray, own: Own | None) -> None:
    """The canvas for one's own drawing, and what becomes of what is on it."""
    no, yes = map(with_article, found.choice.digits)
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=SIDE):
            drawing_canvas(SIDE, SIDE, label=CANVAS_LABEL)
        with st.container(width="stretch"):
            if own is None:
                st.info(
                    f"Draw {no} or {yes}: it is reduced to its two numbers like all the others, "
                    "and lands among the dots as a star. What you drew on Predict is here, too."
                )
                return
            digit_picture(own.image, "Your drawing, 28×28", 112)
            (x,) = found.standardise(own.raw[None])
            p = float(sigmoid(theta[0, 0] + theta[0, 1:] @ x))
            first, second = found.choice.names
            st.markdown(
                f"{first.capitalize()} **{_number(own.raw[0])}**, {second} "
                f"**{_number(own.raw[1])}**: the star. For {yes} and not {no} the line gives "
                f"it **{p:.2f}**."
            )


def _number(value: float) -> str:
    return minus(f"{value:.3f}")


def _link(choice: Choice, held: Learning) -> None:
    with st.popover(
        f"Link{spoken('to this line')}",
        icon=":material/link:",
        help="Opens this page with these digits and numbers.",
    ):
        base = (st.context.url or "").split("?")[0]
        query = choice_texts(choice)
        line = line_of(held.theta)
        if held.by_hand and held.at == 0 and line is not None:
            query[LINE] = f"{line.angle:.0f},{line.offset:.2f},{min(line.steepness, 20):.1f}"
        st.code(f"{base}?{urlencode(query, safe=',')}", wrap_lines=True)
