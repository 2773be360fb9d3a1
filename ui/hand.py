"""My hand: corrections under an answer, what they change, and the set of one's own digits.

Both live in the session alone: the hand as the pictures that were read wrong
with what they really show, the own digits as everything that was labelled.
The theta of the hand is learned anew from these whenever they change.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from lrcore.corrections import MOST, SAMPLE, Curvature, learn, shipped_curvature
from lrcore.data import Dataset
from lrcore.errors import UserError
from lrcore.features import extract_cached
from lrcore.own_set import IMAGES, LABELS, Loaded, as_set, joined, label_of, load, to_idx, to_zip
from lrcore.own_set import without as set_without
from lrcore.reading import Reader, asked, relevant
from lrcore.weights import Weights
from ui.answers import counted, digit_name, digit_picture, read
from ui.caching import WEIGHTS_HASH
from ui.models import errors_said, mnist, use_model
from ui.palette import AGAINST, FOR, GUIDE

HAND, OWN_DIGITS, HAND_ON = "hand", "own_digits", "hand_on"
NOTE, MEMO, REJECTED, SHOWN = "hand_note", "hand_memo", "rejected_files", "own_shown"
AT_ONCE = 24
KEPT = ":material/check:"


def hand() -> Dataset:
    """The corrections held: pictures that were read wrong, with what they show."""
    return st.session_state.setdefault(HAND, as_set())


def own_digits() -> Dataset:
    """All digits that the user labelled or loaded."""
    return st.session_state.setdefault(OWN_DIGITS, as_set())


def in_my_hand(weights: Weights) -> Weights:
    """The weights with all corrections learned; as they are while 'my hand' is off."""
    return _learned(weights) if st.session_state.get(HAND_ON, True) else weights


def _learned(weights: Weights) -> Weights:
    if not len(hand()):
        return weights
    memo = st.session_state.get(MEMO)
    if memo is None or memo[0] is not weights or memo[1] is not hand():
        memo = weights, hand(), learn(weights, _curvature(weights), hand())
        st.session_state[MEMO] = memo
    return memo[2]


@st.cache_resource(
    max_entries=4, hash_funcs=WEIGHTS_HASH, show_spinner="Measuring how firmly theta is held …"
)
def _curvature(weights: Weights) -> Curvature:
    shipped = shipped_curvature(weights)
    return shipped or Curvature.measure(weights, mnist("train").images[:SAMPLE])


def correction(weights: Weights, image: np.ndarray, where: str) -> None:
    """'It's a ...': ten buttons under an answer; `weights` as trained, `where` tells rows apart."""
    # With the model in it: what is said of one model's answer is not true of another's.
    key = f"label-{where}-{weights.name}-{hashlib.sha256(image.tobytes()).hexdigest()[:16]}"
    label = label_of(own_digits(), image)
    st.markdown(
        "It's a …",
        help="Say what you drew. A wrong answer is learned from at once; right or wrong, the "
        "picture joins your own digits. Press the same digit again to take it back.",
    )
    with st.container(horizontal=True, gap="xxsmall"):
        for digit in range(10):
            st.button(
                str(digit),
                key=f"{key}-{digit}",
                type="primary" if digit == label else "secondary",
                # So that ten fit the width of a phone.
                width=32,
                on_click=_label,
                args=(weights, image, digit, key),
            )
    about, text, icon = st.session_state.get(NOTE, ("", "", None))
    if about == key:
        st.success(text, icon=icon)


def _label(weights: Weights, image: np.ndarray, label: int, key: str) -> None:
    if label == label_of(own_digits(), image):
        _forget(image)
        note = "Taken back: the picture is no longer among your digits.", ":material/undo:"
    else:
        try:
            note = _keep(weights, image, label)
        except UserError as error:
            note = str(error), ":material/warning:"
    st.session_state[NOTE] = (key, *note)


def _keep(weights: Weights, image: np.ndarray, label: int) -> tuple[str, str]:
    """Keep a labelled picture, learn from it where it was read wrong, and say what changed."""
    one = as_set([image], [label])
    st.session_state[OWN_DIGITS] = joined(own_digits(), one)
    _, truth = relevant(weights, one.images, one.labels)
    before = read(in_my_hand(weights), one.images)
    kept = f"Kept: {counted(len(own_digits()), 'digit')} of your own."
    if not len(truth):
        return f"{kept} This model knows no {label}, so it learns nothing from it.", KEPT
    if before.digits[0] == truth[0] and label_of(hand(), image) is None:
        return f"Right. {kept}", KEPT
    longer = joined(hand(), one)
    if len(longer) > MOST:
        raise UserError(
            f"Your hand holds {MOST} corrections, and no more are learned at once. With so many "
            "digits of your own, train on them: the Train page does."
        )
    st.session_state[HAND] = longer
    held = f"{counted(len(longer), 'correction')} held"
    if not st.session_state.get(HAND_ON, True):
        return f"{held.capitalize()}, but 'my hand' is switched off.", ":material/back_hand:"
    after = read(in_my_hand(weights), one.images)
    column = list(weights.classes).index(truth[0])
    return (
        f"**{digit_name(weights, truth[0])}** now reads {after.probabilities[0, column]:.2f} "
        f"instead of {before.probabilities[0, column]:.2f}; {held}.",
        ":material/back_hand:",
    )


def hand_bar(link: bool = True) -> None:
    """Switch the hand off, take the last correction back, or go and look at it all."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if len(hand()):
            st.toggle(
                f"My hand: {counted(len(hand()), 'correction')}",
                value=True,
                key=HAND_ON,
                persist_state="session",
                help="On, theta has learned your corrections. Off, it is as it was trained.",
            )
            st.button(
                "Undo correction",
                icon=":material/undo:",
                key="undo-correction",
                on_click=_undo,
                help="Take back the last correction.",
            )
        if link and len(own_digits()):
            st.page_link("pages/hand.py", label="Your digits", icon=":material/back_hand:")


def _undo() -> None:
    last = hand().images[-1]
    _forget(last)
    st.session_state[NOTE] = ("", "", None)


def _forget(image: np.ndarray) -> None:
    st.session_state[HAND] = set_without(hand(), image)
    st.session_state[OWN_DIGITS] = set_without(own_digits(), image)


def before_and_after(weights: Weights) -> None:
    """What the corrections changed, on the user's own digits and on MNIST's test set."""
    st.subheader("Before and after")
    digits = joined(own_digits(), hand())
    if not len(digits):
        st.info(
            "Nothing yet. Draw a digit, and say under the answer what it is: where the answer "
            "was wrong, theta learns it at once."
        )
        st.page_link("pages/predict.py", label="Draw a digit", icon=":material/draw:")
        return
    learned = _learned(weights)
    images, truth = relevant(weights, digits.images, digits.labels)
    if not len(truth):
        st.info(
            f"{weights.name} knows nothing of the digits that you kept so far: it has learned "
            f"from {weights.classes[0]}s and {weights.classes[1]}s alone."
        )
        return
    first, then = read(weights, images), read(learned, images)
    old, new = first.digits == truth, then.digits == truth
    _offer(as_set(images[~new], digits.labels[asked(weights.classes, digits.labels)][~new]))
    if not len(hand()):
        st.info(f"No corrections yet. {weights.name} reads {new.sum()} of your {len(new)} right.")
        return
    hand_bar(link=False)
    _figures(weights, learned, old, new)
    columns = {int(c): i for i, c in enumerate(weights.classes)}
    at = np.arange(len(truth)), np.array([columns[int(t)] for t in truth], int)
    before, after = first.probabilities[at], then.probabilities[at]
    names = [digit_name(weights, t) for t in truth]
    left, right = st.columns([2, 3], gap="large")
    with left:
        corrected = np.array([label_of(hand(), image) is not None for image in images], bool)
        st.altair_chart(
            change_chart(names, before, after, corrected),
            alt="The probability of what each picture shows, before and after the corrections",
        )
    with right:
        _largest_changes(images, names, before, after, new)


def _figures(weights: Weights, learned: Weights, old: np.ndarray, new: np.ndarray) -> None:
    """How many corrections there are, and what they changed; old, new : own digits read right."""
    with st.container(horizontal=True):
        st.metric("Corrections", len(hand()), width=150, help="Learned all together, in any order.")
        _metric(
            "Your digits read right",
            f"{new.sum()} of {len(new)}",
            f"{new.sum() - old.sum():+d}",
            "Corrected digits are among them, so this is no test: draw new ones to test it.",
        )
        with errors_said():
            was, now = _on_mnist(weights), _on_mnist(learned)
            _metric(
                "MNIST's test set",
                f"{now:.2%}",
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
    wrong = wrong.take(slice(0, MOST - len(hand())))
    if len(wrong):
        st.button(
            f"Correct {counted(len(wrong), 'digit')} read wrong",
            icon=":material/back_hand:",
            on_click=lambda: _set(HAND, joined(hand(), wrong)),
            help="Own digits that are still read wrong become corrections, all at once.",
        )


def _metric(label: str, value: str, delta: str, help: str) -> None:
    flat = float(delta.rstrip("%")) == 0
    st.metric(
        label, value, delta, delta_color="off" if flat else "normal", width="content", help=help
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
        if len(hand()):
            _download(
                "My hand", to_zip(hand()), "my-hand.zip", "The corrections, as a ZIP of pictures."
            )
            if weights is not None and st.button(
                "Keep as a model",
                icon=":material/neurology:",
                help="A copy of its own, which the Weights and Mistakes pages can look at.",
            ):
                name = use_model(replace(_learned(weights), name=f"{weights.name}, my hand"))
                st.toast(f"Now reading with '{name}'")
                st.rerun()
            with st.popover("Forget my hand", icon=":material/delete:"):
                st.markdown("All corrections are lost; your own digits stay.")
                st.button("Forget all corrections", on_click=_set, args=(HAND, as_set()))
        with st.popover("Load a hand", icon=":material/upload:"):
            _loader(
                "A hand saved before",
                "Learn these",
                "hand",
                "The ZIP that 'My hand' saved. Each picture in it counts as a correction.",
            )


def own_section() -> None:
    """The own digits: how many of each, their pictures, and their way out and in."""
    st.subheader("Your own digits")
    digits = own_digits()
    counts = np.bincount(digits.labels, minlength=10)
    if not len(digits):
        st.info(
            "None yet. Every digit that you label on the Predict page is kept here, until you "
            "close this tab. You can also load a set."
        )
    else:
        shown = st.pills(
            "Digits kept",
            range(10),
            format_func=lambda digit: f"{digit} ({counts[digit]})",
            selection_mode="multi",
            key=SHOWN,
            persist_state="session",
            help="How many there are of each. Choose some to see only these.",
        )
        at = np.flatnonzero(np.isin(digits.labels, shown)) if shown else np.arange(len(digits))
        _thumbnails(digits, at[::-1])
    with st.container(horizontal=True):
        if len(digits):
            _download("ZIP", to_zip(digits), "my-digits.zip", "PNGs in folders 0 to 9.")
            for name, content in zip((IMAGES, LABELS), to_idx(digits), strict=True):
                kind = "IDX images" if name == IMAGES else "IDX labels"
                _download(kind, content, name, "MNIST's own format: two files, take both.")
            with st.popover("Delete all", icon=":material/delete:"):
                st.markdown(f"{counted(len(digits), 'digit')} will be lost; corrections stay.")
                st.button("Delete all my digits", on_click=_set, args=(OWN_DIGITS, as_set()))
        with st.popover("Load digits", icon=":material/upload:"):
            _loader(
                "Digits to add",
                "Add these",
                "own",
                "A ZIP of PNGs in folders 0 to 9, or two IDX files, images and labels.",
            )
    rejected = st.session_state.get(REJECTED)
    if rejected:
        st.warning(f"{counted(len(rejected), 'file')} could not be used:")
        st.dataframe(pd.DataFrame(rejected, columns=["file", "why"]), hide_index=True)


def _thumbnails(digits: Dataset, at: np.ndarray) -> None:
    """The newest first, each with a button that deletes it."""
    pages = -(-len(at) // AT_ONCE)
    page = 0
    if pages > 1:
        page = (
            st.number_input("Sheet", 1, pages, help=f"{AT_ONCE} pictures a sheet.", width=150) - 1
        )
    with st.container(horizontal=True, gap="small"):
        for i in at[page * AT_ONCE : (page + 1) * AT_ONCE]:
            with st.container(width=78):
                digit_picture(digits.images[i], None, 56)
                st.button(
                    f"{digits.labels[i]}",
                    icon=":material/close:",
                    key=f"delete-{hashlib.sha256(digits.images[i]).hexdigest()[:16]}",
                    on_click=_delete,
                    args=(digits.images[i],),
                    help=f"Delete this {digits.labels[i]} from your digits.",
                )


def _delete(image: np.ndarray) -> None:
    st.session_state[OWN_DIGITS] = set_without(own_digits(), image)


def _loader(label: str, button: str, what: str, help: str) -> None:
    files = st.file_uploader(label, accept_multiple_files=True, key=f"load-{what}", help=help)
    if files and st.button(button, key=f"loaded-{what}"):
        loaded = load([(file.name, file.getvalue()) for file in files])
        _take_in(loaded, what == "hand")
        st.rerun()


def _take_in(loaded: Loaded, as_hand: bool) -> None:
    """Add what was loaded; what was rejected is shown until the next time."""
    st.session_state[REJECTED] = loaded.rejected
    try:
        more = joined(hand(), loaded.digits)
        if as_hand and len(more) > MOST:
            raise UserError(
                f"A hand holds up to {MOST} corrections; this would make {len(more):,}."
            )
        st.session_state[OWN_DIGITS] = joined(own_digits(), loaded.digits)
    except UserError as error:
        loaded.rejected.append(("all of it", str(error)))
        return
    if as_hand:
        st.session_state[HAND] = more
    st.toast(f"{counted(len(loaded.digits), 'digit')} loaded")


def _download(label: str, content: bytes, name: str, help: str) -> None:
    st.download_button(
        label, content, name, on_click="ignore", icon=":material/download:", help=help
    )


def _set(key: str, value) -> None:
    st.session_state[key] = value
