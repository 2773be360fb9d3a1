"""The 'How it works' page: sections to read and play with, and the list of lessons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from lrcore.evidence import explain
from lrcore.features import extract
from lrcore.logistic import OneVsAllLoss, curated_labels, sigmoid
from lrcore.reading import Reader, with_article
from lrcore.settings import Settings
from lrcore.solvers import SOLVERS
from lrcore.training import split
from lrcore.weights import Weights
from ui.charts import prepared
from ui.classroom.files import lessons
from ui.classroom.guide import open_lesson
from ui.evidence import sum_in_words
from ui.heatmaps import PIXELS, SMALL, TITLE, colour_limit, describe, ink_chart, weight_chart
from ui.how_charts import cost_chart, falling_cost_chart, log_loss, sigmoid_chart
from ui.images import png_uri
from ui.models import get_model, mnist, model_names
from ui.plain import plain, sentence
from ui.state import (
    HOW_CHART,
    HOW_DIGIT,
    HOW_LABEL,
    HOW_LEAN,
    HOW_PICTURES,
    HOW_PROBABILITY,
    HOW_SCORE,
    HOW_STEP,
    OPEN_LESSON,
)
from ui.weights_view import mean_image

DIGITS = list(range(10))
# The model that the sections speak of: its theta is a picture.
PLAIN = "pixels"
# Steps of the gradient descent that the section on theta shows.
STEPS = 40
# What straightening helps: so far as this leans, the plain model misreads it.
LEANS, LEAN = 2, 0.5


def plain_model() -> Weights | None:
    """The model on raw pixels, if it is there."""
    return get_model(PLAIN) if PLAIN in model_names() else None


def score_section() -> None:
    """A score is a sum."""
    st.header("1 · A score is a sum")
    st.markdown(
        "A picture is 28×28 = 784 numbers $x_j$, from 0 for paper to 1 for ink. A model holds one "
        "number for each of them, $\\theta_j$, and one more, the *bias* $\\theta_0$. It multiplies "
        "pair by pair and adds up:"
    )
    st.latex(r"z = \theta_0 + \theta_1 x_1 + \theta_2 x_2 + \dots + \theta_{784}\, x_{784}")
    model = plain_model()
    if model is None:
        return
    with st.container(horizontal=True):
        shown = _digit("A picture of a", HOW_DIGIT["picture"], 4)
        asked = _digit("seen by the model of", HOW_DIGIT["asked"], 9)
    test = mnist("test")
    image = test.images[np.flatnonzero(test.labels == shown)[0]]
    found = explain(model, image, asked)
    theta = model.theta[asked, 1:]
    limit = colour_limit(model.theta[:, 1:])
    evidence_limit = float(np.abs(found.parts).max()) or 1.0
    _in_a_row(
        (
            "the picture x",
            prepared(ink_chart, found.picture, SMALL),
            f"A test picture of {with_article(shown)}.",
        ),
        (
            f"theta of {asked}",
            prepared(weight_chart, PIXELS, theta, limit),
            describe(PIXELS, theta, f"Theta of {asked}"),
        ),
        (
            "theta times x",
            prepared(weight_chart, PIXELS, found.parts, evidence_limit, SMALL, "theta times x"),
            describe(PIXELS, found.parts, f"Theta of {asked} times the picture"),
        ),
    )
    st.markdown(
        f"Added up: {sum_in_words(found)}. Orange is theta above zero, where ink speaks for a "
        f"{asked}; blue is below, where it speaks against."
    )


def sigmoid_section() -> None:
    """From a score to a probability."""
    st.header("2 · The sigmoid makes it a probability")
    st.markdown(
        "A score can be any number. The *sigmoid* squeezes it between 0 and 1: far below zero is "
        "'surely not', far above is 'surely', and zero is one half, the fence."
    )
    st.latex(r"p = \sigma(z) = \frac{1}{1 + e^{-z}}")
    left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
    with left:
        z = st.slider("Score z", -8.0, 8.0, 2.0, 0.1, key=HOW_SCORE)
        p = float(sigmoid(np.array(z)))
        st.metric("Probability p", f"{p:.4f}")
        st.caption(
            "Each step of 1 in the score multiplies the odds p : (1 − p) by e ≈ 2.72. Near zero "
            "that moves p a lot, far out hardly at all."
        )
    with right, st.container(key=HOW_CHART(what="sigmoid")):
        st.vega_lite_chart(
            spec=prepared(sigmoid_chart, z),
            theme=None,
            alt=f"The sigmoid, an S from 0 to 1; at score {z:.1f} it is {p:.3f}.",
        )


def cost_section() -> None:
    """What learning makes small."""
    st.header("3 · The cost says how wrong it was")
    st.markdown(
        "Learning needs a number to make smaller. For a picture whose right answer is $y$ (1 for "
        "'yes, it is this digit', 0 for 'no') the *log loss* is small if $p$ was near $y$, and "
        "grows without end the more sure the model was of the wrong thing:"
    )
    st.latex(r"-\,y \log p \;-\; (1 - y) \log (1 - p)")
    left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
    with left:
        label = st.segmented_control(
            "Right answer y", [1, 0], default=1, required=True, key=HOW_LABEL
        )
        p = st.slider("The model says p", 0.01, 0.99, 0.7, 0.01, key=HOW_PROBABILITY)
        cost = float(log_loss(np.array([p]), label)[0])
        st.metric("Cost", f"{cost:.3f}")
    with right, st.container(key=HOW_CHART(what="cost")):
        st.vega_lite_chart(
            spec=prepared(cost_chart, p, label),
            theme=None,
            alt=f"The log loss for label {label}; at p = {p:.2f} it is {cost:.2f}.",
        )
    st.markdown(
        "The cost of a model is the mean of this over all $n$ training pictures. *L2* is added, "
        "which makes large thetas costly: without need, no pixel shall shout. It is divided by "
        "$nC$: a small $C$ means a strong L2, and so do few pictures at the same $C$. The bias is "
        "spared."
    )
    st.latex(
        # In two lines, to fit a phone.
        r"\begin{aligned} J(\theta) = {} & \frac{1}{n} \sum_{i=1}^{n} -y_i \log p_i"
        r" - (1-y_i) \log (1-p_i) \\ & {} + \frac{1}{2nC} \sum_{j \ge 1} \theta_j^2"
        r" \end{aligned}"
    )


def one_vs_all_section() -> None:
    """Ten models, ten sets of labels."""
    st.header("4 · One-vs-all: ten yes-or-no models")
    st.markdown(
        "Logistic regression answers yes or no, and there are ten digits. So ten models learn, "
        "each from labels *curated* for it: for digit 5, every 5 becomes 1 and all else 0. (The "
        "books call it one-vs-all or one-vs-rest.) The digit whose model gives the highest "
        "probability is the answer. The questions are separate: the ten need not sum to 1."
    )
    digit = _digit("Labels for the model of", HOW_DIGIT["curated"], 5)
    train = mnist("train")
    start = st.session_state.setdefault(HOW_PICTURES, 0)
    rows = np.arange(start, start + 8)
    labels = train.labels[rows]
    curated = curated_labels(labels, np.array(DIGITS))
    table = pd.DataFrame(
        {
            "picture": [png_uri(image) for image in train.images[rows]],
            "label": labels,
            f"y for {digit}": curated[:, digit],
        }
        | {f"{d}": curated[:, d] for d in DIGITS if d != digit}
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={"picture": st.column_config.ImageColumn("picture", width="small")},
        alt=f"Eight training pictures with their labels, and the label of each for each of the ten "
        f"models, that of {digit} first.",
    )
    st.button(
        "Eight other pictures",
        icon=":material/refresh:",
        on_click=lambda: st.session_state.update({HOW_PICTURES: (start + 8) % 59_000}),
    )
    ones = int((train.labels == digit).sum())
    st.markdown(
        f"Of the {len(train):,} training pictures, **{ones:,}** get a 1 from the model of {digit}, "
        f"and **{len(train) - ones:,}** a 0."
    )


def theta_section() -> None:
    """Theta forming."""
    st.header("5 · Theta is what gradient descent leaves")
    st.markdown(
        "Theta starts at zero: every score is 0, every probability one half. The *gradient* says "
        "which way is uphill, so each step goes the other way. Its formula reads like advice: for "
        "every picture, add its ink where the model said too little, take it away where it said "
        "too much."
    )
    st.latex(
        r"\begin{aligned} \theta & \leftarrow \theta - \alpha \nabla J \\"
        r" \nabla J & = \frac{1}{n} \sum_{i=1}^{n} (p_i - y_i)\, x_i + \frac{\theta}{nC}"
        r" \end{aligned}"
    )
    with st.container(horizontal=True):
        digit = _digit("Theta of", HOW_DIGIT["theta"], 0)
        step = st.slider("Steps of gradient descent", 0, STEPS, 3, key=HOW_STEP, width=320)
    thetas, costs = descent()
    values = thetas[step][digit, 1:]
    left, right = st.columns([1, 2], gap="large", vertical_alignment="center")
    with left:
        st.vega_lite_chart(
            spec=prepared(weight_chart, PIXELS, values, colour_limit(values), 7 * 28),
            width="content",
            alt=describe(PIXELS, values, f"Theta of {digit} after {step} steps"),
        )
    with right, st.container(key=HOW_CHART(what="falling")):
        st.vega_lite_chart(
            spec=prepared(falling_cost_chart, costs[:, digit], step),
            theme=None,
            alt=f"The cost of the model of {digit}: {costs[0, digit]:.2f} at the start, "
            f"{costs[step, digit]:.2f} after {step} steps.",
        )
    st.caption(
        "Really trained just now, on 1,000 pictures, with a learning rate of 0.5. The first step "
        "adds the ink of this digit and takes away that of all others; since nine pictures in ten "
        "are others, it is nearly all blue. The steps that follow find where they differ."
    )
    st.page_link(
        "pages/two-numbers.py",
        label="The same with two numbers in place of 784, where theta is a line to be dragged",
        icon=":material/scatter_plot:",
    )
    st.page_link(
        "pages/valley.py",
        label="The valley that it walks down, seen from above",
        icon=":material/landscape:",
    )


def deskew_section() -> None:
    """Why straightening helps."""
    st.header("6 · Why straightening helps")
    st.markdown(
        "Theta is nailed to its pixels. A digit that leans lays its ink on *other* pixels, and "
        "theta cannot follow. So the slant is measured, and each row is moved back by it. In the "
        "picture's moments around its middle, $\\mu_{11}$ says how much x goes with y, and "
        "$\\mu_{02}$ how tall it is:"
    )
    st.latex(r"x' = x - \frac{\mu_{11}}{\mu_{02}}\, y")
    with st.container(horizontal=True):
        digit = _digit("Lean a", HOW_DIGIT["leaning"], LEANS)
        lean = st.slider("Lean", -0.8, 0.8, LEAN, 0.05, key=HOW_LEAN, width=320)
    test = mnist("test")
    upright = test.images[np.flatnonzero(test.labels == digit)[0]]
    leaning = leaned(upright, lean)
    straight = extract("straightened", leaning[None]).reshape(28, 28)
    _in_a_row(
        (
            "leaning",
            prepared(ink_chart, leaning / 255, SMALL),
            f"{with_article(digit).capitalize()} that leans by {lean:.2f}.",
        ),
        ("straightened", prepared(ink_chart, straight, SMALL), "The same, straightened."),
        (
            f"mean of all {digit}s",
            prepared(ink_chart, mean_image(digit, straight=False), SMALL),
            f"The mean of all training pictures of {with_article(digit)}: blurred.",
        ),
        (
            "mean, straightened",
            prepared(ink_chart, mean_image(digit, straight=True), SMALL),
            "The same mean after straightening: sharper.",
        ),
    )
    for name in (PLAIN, "straightened"):
        if name in model_names():
            readings = Reader(get_model(name)).read(leaning[None])
            st.markdown(
                f"**{plain(name)}** reads it as {readings.digits[0]}; for {digit} it says "
                f"{readings.probabilities[0, digit]:.2f}."
            )
    st.caption("The sharper the mean, the more the writers agree on the pixels that theta counts.")


def lessons_section() -> None:
    """The lessons, one after the other."""
    known, faults = lessons()
    st.header("Short lessons")
    st.markdown(
        "Guess first, then look: each opens the real page, set up for the question, which stays "
        "pinned there with your guess and the answer."
    )
    for fault in faults:
        st.error(sentence(fault))
    for number, lesson in enumerate(known.values(), 1):
        with st.container(
            border=True,
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
        ):
            st.markdown(f"**{number}. {lesson.question}**", width="content")
            if st.button(
                f"Open lesson {number} on {lesson.page_name}",
                key=OPEN_LESSON(lesson=lesson.name),
            ):
                open_lesson(lesson)
    st.page_link(
        "pages/lesson.py",
        label="For a class: question, guess, answer, next, in large type for the projector",
        icon=":material/co_present:",
    )
    st.caption(
        "A lesson is a short text file in the folder `lessons`, whose README says how to write one."
    )


def leaned(image: np.ndarray, lean: float) -> np.ndarray:
    """A 28x28 picture sheared by `lean` pixels a row about its middle; uint8."""
    shear = (1, lean, -lean * 13.5, 0, 1, 0)
    picture = Image.fromarray(image)
    return np.asarray(
        picture.transform(picture.size, Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR)
    )


@st.cache_resource(show_spinner="Training a little …")
def descent() -> tuple[np.ndarray, np.ndarray]:
    """Gradient descent on 1,000 pictures: theta (STEPS + 1, 10, 785) and the cost of each digit."""
    train, rng = mnist("train"), np.random.default_rng(0)
    chosen, _ = split(Settings(images=1000), train, rng)
    X = extract("pixels", train.images[chosen])
    loss = OneVsAllLoss(X, curated_labels(train.labels[chosen], np.array(DIGITS)), 1.0)
    solver = SOLVERS["gradient-descent"]
    steps = solver.function(loss, np.zeros((10, 785)), solver.knobs(learning_rate=0.5), rng)
    path = [next(steps) for _ in range(STEPS + 1)]
    return np.stack([step.theta for step in path]), np.stack([step.cost for step in path])


def _digit(label: str, key: str, default: int) -> int:
    return st.selectbox(label, DIGITS, default, key=key, width=160)


def _in_a_row(*charts) -> None:
    with st.container(horizontal=True):
        for title, chart, words in charts:
            with st.container(width=SMALL, height=SMALL + TITLE, gap="xxsmall", border=False):
                st.markdown(f"**{title}**")
                st.vega_lite_chart(spec=chart, width="content", alt=words)
