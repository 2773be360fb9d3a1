"""My hand: what corrections changed, and the set of one's own digits, in and out."""

from __future__ import annotations

from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from lrcore.corrections import MAX_CORRECTIONS
from lrcore.data import Dataset
from lrcore.features import extract_cached
from lrcore.own_set import IMAGES, LABELS, OwnDigits, to_idx, to_zip
from lrcore.reading import Reader, asked, relevant
from lrcore.weights import Weights
from ui.answers import counted, digit_name, digit_picture, read
from ui.caching import WEIGHTS_HASH
from ui.correction import digest, hand_bar, hand_is_on, keep_digits, learned, own_digits
from ui.loading import FORMS, load_report, set_loader
from ui.models import errors_said, mnist, use_model
from ui.palette import AGAINST, FOR, GUIDE
from ui.plain import plain
from ui.state import DELETE_OWN, OWN_DIGITS_SHOWN
from ui.style import spoken
from ui.toasts import say

AT_ONCE = 24


def before_and_after(weights: Weights) -> None:
    """What the corrections changed, on the user's own digits and on MNIST's test set."""
    st.header("Before and after")
    own = own_digits()
    if not len(own):
        st.info(
            "Nothing yet. Draw a digit, and say under the answer what it is: where the answer "
            "was wrong, theta learns it at once."
        )
        st.page_link("pages/predict.py", label="Draw a digit", icon=":material/draw:")
        return
    corrected = learned(weights)
    images, truth = relevant(weights, own.digits.images, own.digits.labels)
    if not len(truth):
        st.info(
            f"{plain(weights.name)} knows nothing of the digits that you kept so far: it has "
            f"learned from {weights.classes[0]}s and {weights.classes[1]}s alone."
        )
        return
    first, then = read(weights, images), read(corrected, images)
    old, new = first.digits == truth, then.digits == truth
    known = asked(weights.classes, own.digits.labels)
    _offer(own.digits.take(known).take(~new))
    if not len(own.corrections):
        st.info(
            f"No corrections yet. {plain(weights.name)} reads {new.sum()} of your {len(new)} right."
        )
        return
    hand_bar(link=False)
    _figures(weights, corrected, old, new)
    columns = {int(c): i for i, c in enumerate(weights.classes)}
    at = np.arange(len(truth)), np.array([columns[int(t)] for t in truth], int)
    before, after = first.probabilities[at], then.probabilities[at]
    names = [digit_name(weights, t) for t in truth]
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.altair_chart(
            change_chart(names, before, after, own.corrects[known]),
            alt="The probability of what each picture shows, before and after the corrections",
        )
    with right:
        _largest_changes(images, names, before, after, new)


def _figures(weights: Weights, corrected: Weights, old: np.ndarray, new: np.ndarray) -> None:
    """How many corrections there are, and what reads now; old, new : own digits read right.

    While 'my hand' is off that is theta as trained, and beside it what switching on would change.
    """
    on = hand_is_on()
    held = len(own_digits().corrections)
    with st.container(horizontal=True):
        st.metric("Corrections", held, width=150, help="Learned all together, in any order.")
        _metric(
            "Your digits read right",
            f"{(new if on else old).sum()} of {len(new)}",
            f"{new.sum() - old.sum():+d}",
            "Corrected digits are among them, so this is no test: draw new ones to test it.",
        )
        with errors_said():
            was, now = _on_mnist(weights), _on_mnist(corrected)
            _metric(
                "MNIST's test set",
                f"{now if on else was:.2%}",
                f"{now - was:+.2%}",
                "Learning your hand should not unlearn others: this is what it costs.",
            )


def _largest_changes(
    images: np.ndarray, names: list[str], before: np.ndarray, after: np.ndarray, right: np.ndarray
) -> None:
    """The pictures whose probability, of what they show, changed most; green where read right."""
    st.caption(
        "Probability of what each picture really shows, from before to after; the largest "
        f"changes first{'' if len(names) <= AT_ONCE else f', {AT_ONCE} of {len(names)}'}."
    )
    with st.container(horizontal=True, gap="small"):
        for i in np.argsort(-np.abs(after - before), kind="stable")[:AT_ONCE]:
            with st.container(width=86):
                digit_picture(images[i], None, 56)
                colour = "green" if right[i] else "red"
                st.markdown(f"**{names[i]}** :{colour}[{before[i]:.2f} → {after[i]:.2f}]")


def _offer(wrong: Dataset) -> None:
    """Offer to correct own digits that are read wrong, such as those loaded from a file."""
    wrong = wrong.take(slice(0, MAX_CORRECTIONS - len(own_digits().corrections)))
    if len(wrong):
        st.button(
            f"Correct {counted(len(wrong), 'digit')} read wrong",
            icon=":material/back_hand:",
            on_click=lambda: keep_digits(own_digits().with_digits(wrong, correct=True)),
            help="Own digits that are still read wrong become corrections, all at once.",
        )


def _metric(label: str, value: str, change: str, help: str) -> None:
    """A figure, and what the corrections change about it, or would while 'my hand' is off."""
    off = not hand_is_on() or float(change.rstrip("%")) == 0
    st.metric(
        label,
        value,
        change if hand_is_on() else f"{change} in your hand, which is off",
        delta_color="off" if off else "normal",
        width="content",
        help=help,
    )


@st.cache_data(max_entries=32, hash_funcs=WEIGHTS_HASH, show_spinner="Reading the test set …")
def _on_mnist(weights: Weights) -> float:
    test = mnist("test")
    X = extract_cached(weights.features, test.images)[asked(weights.classes, test.labels)]
    _, truth = relevant(weights, test.images, test.labels)
    return float(np.mean(Reader(weights).judge(X).digits == truth))


def change_chart(
    names: list[str], before: np.ndarray, after: np.ndarray, corrected: np.ndarray
) -> alt.LayerChart:
    """A dot a picture: the probability of what it shows before and after, each 0 to 1, (n,)."""
    kinds = ["corrected", "not corrected"]
    table = pd.DataFrame(
        {
            "digit": names,
            "before": before,
            "after": after,
            "kind": np.where(corrected, *kinds),
        }
    )
    axis = alt.Axis(values=[0, 0.5, 1], format=".1f")
    scale = alt.Scale(domain=[0, 1])
    dots = (
        alt.Chart(table)
        .mark_circle(size=90, opacity=0.8, clip=False)
        .encode(
            x=alt.X("before:Q", scale=scale, axis=axis, title="before"),
            y=alt.Y("after:Q", scale=scale, axis=axis, title="after"),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=kinds, range=[FOR, AGAINST]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=[
                "digit:N",
                alt.Tooltip("before:Q", format=".3f"),
                alt.Tooltip("after:Q", format=".3f"),
            ],
        )
    )
    ends = pd.DataFrame({"before": [0, 1], "after": [0, 1]})
    same = alt.Chart(ends).mark_line(strokeDash=[3, 3], color=GUIDE, opacity=0.7)
    return (same.encode(x="before:Q", y="after:Q") + dots).properties(height=300)


def keep_hand(weights: Weights | None) -> None:
    """Take the hand along, bring it back, make it a model, or forget it."""
    with st.container(horizontal=True):
        if len(corrections := own_digits().corrections):
            _download(
                f"My hand{spoken('as a file')}",
                to_zip(corrections),
                "my-hand.zip",
                "The corrections, as a ZIP of pictures.",
            )
            if weights is not None:
                st.button(
                    "Keep as a model",
                    icon=":material/neurology:",
                    on_click=_keep_as_model,
                    args=(weights,),
                    help="A copy of its own, which the Weights and Mistakes pages can look at.",
                )
            with st.popover("Forget my hand", icon=":material/delete:"):
                st.markdown("All corrections are lost; your own digits stay.")
                st.button(
                    "Forget all corrections",
                    on_click=lambda: keep_digits(own_digits().without_corrections()),
                )
        with st.popover("Load a hand", icon=":material/upload:"):
            set_loader(
                "hand",
                "A hand saved before",
                "The ZIP that 'My hand' saved. Each picture in it counts as a correction.",
            )


def own_section() -> None:
    """The own digits: how many of each, their pictures, and their way out and in."""
    st.header("Your own digits")
    own = own_digits()
    digits = own.digits
    counts = np.bincount(digits.labels, minlength=10)
    if not len(digits):
        st.info(
            "None yet. Every digit that you label on the Predict page is kept here, while "
            "this tab is open. You can also load a set."
        )
    else:
        shown = st.pills(
            "Digits kept",
            range(10),
            format_func=lambda digit: f"{digit} ({counts[digit]})",
            selection_mode="multi",
            key=OWN_DIGITS_SHOWN,
            persist_state="session",
            help="How many there are of each. Choose some to see only these.",
        )
        at = np.flatnonzero(np.isin(digits.labels, shown)) if shown else np.arange(len(digits))
        _thumbnails(digits, at[::-1])
    with st.container(horizontal=True):
        if len(digits):
            _download(
                f"ZIP{spoken('of your digits')}",
                to_zip(digits),
                "my-digits.zip",
                "PNGs in folders 0 to 9.",
            )
            for name, content in zip((IMAGES, LABELS), to_idx(digits), strict=True):
                kind = "IDX images" if name == IMAGES else "IDX labels"
                _download(
                    f"{kind}{spoken('of your digits')}",
                    content,
                    name,
                    "MNIST's own format: two files, take both.",
                )
            with st.popover(f"Delete all{spoken('your digits')}", icon=":material/delete:"):
                lost, learned_from = counted(len(digits), "digit"), len(own.corrections)
                among = f", {counted(learned_from, 'correction')} among them" * bool(learned_from)
                st.markdown(f"{lost} will be lost{among}.")
                st.button("Delete all my digits", on_click=keep_digits, args=(OwnDigits(),))
        with st.popover("Load digits", icon=":material/upload:"):
            set_loader(
                "own",
                "Digits to add",
                FORMS,
            )
    load_report()


def _thumbnails(digits: Dataset, at: np.ndarray) -> None:
    """The newest first, each with a button that deletes it."""
    pages = -(-len(at) // AT_ONCE)
    page = 0
    if pages > 1:
        page = st.selectbox(
            "Sheet",
            range(pages),
            format_func=lambda sheet: f"{sheet + 1} of {pages}",
            help=f"{AT_ONCE} pictures a sheet.",
            width=150,
        )
    with st.container(horizontal=True, gap="small"):
        for i in at[page * AT_ONCE : (page + 1) * AT_ONCE]:
            with st.container(width=78):
                digit_picture(digits.images[i], None, 56)
                st.button(
                    f"{digits.labels[i]}{spoken(f'no. {i + 1}, to be deleted')}",
                    icon=":material/close:",
                    key=DELETE_OWN(picture=digest(digits.images[i])),
                    on_click=_delete,
                    args=(digits.images[i],),
                    help=f"Delete this {digits.labels[i]} from your digits.",
                )


def _keep_as_model(weights: Weights) -> None:
    name = use_model(replace(learned(weights), name=f"{weights.name}, my hand"))
    say(f"Now reading with '{plain(name)}'")


def _delete(image: np.ndarray) -> None:
    keep_digits(own_digits().without(image))


def _download(label: str, content: bytes, name: str, help: str) -> None:
    st.download_button(
        label, content, name, on_click="ignore", icon=":material/download:", help=help
    )
