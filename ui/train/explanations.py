"""What the Train page says besides: the run as a script, and answers to a first run's questions."""

from __future__ import annotations

import streamlit as st

from lrcore.script import MNIST_FILES, MNIST_URL, as_script
from lrcore.settings import Settings
from ui.state import RUN_BUTTON
from ui.style import spoken


def python_tab(settings: Settings | None) -> None:
    """The run as a script of its own."""
    if settings is None:
        return
    script = as_script(settings)
    alone = "everything that learns stands here, in numpy alone"
    helped = "all but what it takes from `lrcore` stands here"
    st.markdown(
        "The run that the settings describe, on MNIST and from zero. Where it ends, `theta` is the "
        f"run's, so nothing is hidden: {helped if 'lrcore' in script else alone}."
    )
    if settings.styles or settings.jitter:
        st.caption("Digits drawn by rule and jittered copies are left out.")
    if settings.patience:
        st.caption("Early stopping is left out.")
    # No caption: its links would be too pale.
    st.markdown(
        "It reads MNIST's four files from `data/mnist/`, where this project keeps them. From "
        "elsewhere: " + ", ".join(f"[{name}]({MNIST_URL}{name})" for name in MNIST_FILES) + "."
    )
    st.code(script, language="python", line_numbers=True, wrap_lines=True)
    st.download_button(
        f"Script{spoken('of the run, a file')}",
        script,
        "train.py",
        "text/x-python",
        icon=":material/download:",
        on_click="ignore",
        help="Run it where data/mnist/ is: python train.py",
        key=RUN_BUTTON["download-script"],
    )


def explanations() -> None:
    """The three questions that a first run raises, each answered shortly, with its formula."""
    with st.expander("What does one-vs-all do with the labels?", icon=":material/label:"):
        st.markdown(
            "A logistic regression answers one yes-or-no question. Ten digits make ten questions, "
            "so there are ten models, each with labels of its own. For the model of digit $k$ "
            "every $k$ becomes 1, and all else 0:"
        )
        st.latex(r"y^{(k)}_i = 1 \text{ if picture } i \text{ shows a } k, \text{ else } 0")
        st.markdown(
            "All ten see the same pictures, and none knows of the others. To read a digit, each "
            "is asked, and the surest wins. (The literature calls it one-vs-rest, too.)"
        )
    with st.expander("What does the cost measure?", icon=":material/straighten:"):
        st.markdown(
            "How surprised the models are by the right answers. With $p_i$ the probability that a "
            "model gives to 'yes', a right answer costs $-\\log p_i$: nothing where the model was "
            "sure and right, much where it was sure and wrong. This is averaged over the $n$ "
            "pictures and summed over the ten models:"
        )
        st.latex(
            r"J(\theta)=\sum_{k=0}^{9}\Big[\,\frac1n\sum_{i=1}^{n}"
            r"-y_i\log p_i-(1-y_i)\log(1-p_i)\;+\;\frac{\lVert\theta_k\rVert^2}{2nC}\Big]"
            r",\qquad p_i=\frac1{1+e^{-\theta_k\cdot x_i}}"
        )
        st.markdown(
            "At the start theta is 0 and every $p_i$ is ½, so each model costs $\\log 2$ and all "
            "ten together 6.93: that is where every curve begins. The last term, L2, holds theta "
            "small (all of it but the bias); $C$ sets how loosely."
        )
    with st.expander("Why does the curve flatten?", icon=":material/trending_flat:"):
        st.markdown("A step of gradient descent goes straight down the slope, $\\alpha$ far:")
        st.latex(
            r"\theta \leftarrow \theta-\alpha\,\nabla J(\theta),\qquad "
            r"\nabla J(\theta)=\frac1n\sum_{i=1}^{n}(p_i-y_i)\,x_i+\frac{\theta}{nC}"
        )
        st.markdown(
            "The more pictures are read right, the smaller $p_i-y_i$, and with it the slope and "
            "the step. The cost is also a valley with steep walls and a nearly level floor: a step "
            "short enough for the walls creeps along the floor. Solvers that learn the curvature, "
            "such as L-BFGS, stretch the floor and arrive in a few steps. Look at the logarithmic "
            "axis to see what still happens."
        )
