"""What the Valley page is made of: a cost seen from above, and the five solvers' ways on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from lrcore.errors import UserError
from lrcore.two_numbers import NUMBERS
from lrcore.valley import (
    NEAR,
    OPTIONS,
    PASSES,
    THERE,
    Walked,
    Walks,
)
from ui.classroom.guide import lesson_on
from ui.device import on_phone
from ui.models import errors_said
from ui.plain import NONE_YET, plain, say_error
from ui.play import PLAY_FRAME, is_playing, next_step, play_button
from ui.state import (
    CHART,
    VALLEY,
    VALLEY_BESIDE,
    VALLEY_BUTTON,
    VALLEY_GROUND,
    VALLEY_GUESS,
    VALLEY_PLAYING,
    VALLEY_RUN,
    VALLEY_SHOWN,
)
from ui.train.jobs import Job
from ui.train.runs import session_runs
from ui.valley_charts import side
from ui.valley_ground import (
    GROUNDS,
    MOST_PICTURES,
    OWN,
    TWO_NUMBERS,
    Ground,
    run_ground,
    run_key,
    two_number_ground,
)
from ui.valley_words import stories

# Adam's rate in a run's valley: of many weights each needs to move less.
RUN_ADAM_RATE = 0.03
# What may be guessed of gradient descent, in passes: more than, at most.
GUESSES = ((0, 10), (10, 30), (30, 100), (100, None))


def play() -> None:
    """All of the page below its heading."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = _pick_ground()
    if picked is None:
        return
    walks, job = picked
    of = _suffix(job)
    words, row = st.container(), st.container(horizontal=True, gap="medium")
    left = row.container(width=side(on_phone()) + 115, gap="small")
    above, below = left.container(), left.container()
    square = below.toggle(
        "Same scale both ways",
        key=VALLEY(name="square"),
        bind="query-params",
        persist_state="session",
        help="On, what is square to the contours looks so: straight downhill is. Off, what is "
        "narrow is drawn as wide as there is room.",
    )
    try:
        if job is None:
            seen = two_number_ground(walks, square)
        else:
            seen = run_ground(run_key(job), walks, square, job)
    except UserError as error:
        say_error(error)
        return
    with words:
        if job is not None:
            _what_is_seen_of_a_run(seen, job)
        else:
            _what_is_seen(seen)
        walking = job is not None or _guessed()
    with below:
        _say_if_stretched(seen)
    if not walking:
        with above:
            _chart(seen, (), 0)
        return
    with above:
        _walking(seen, of)
    with row.container(width="stretch", key=VALLEY_BESIDE):
        if is_playing(VALLEY_PLAYING) or st.session_state[VALLEY(name=f"passes{of}")]:
            _beside(seen)
        else:
            st.caption("All stand at the start: press *Play*, and what comes of it stands here.")


def _pick_ground() -> tuple[Walks, Job | None] | None:
    """How the solvers are sent down which valley, and the run that it is of, if it is one's own.

    None where there is no run yet to look at.
    """
    ground = st.segmented_control(
        "The valley of",
        GROUNDS,
        default=TWO_NUMBERS,
        required=True,
        key=VALLEY_GROUND,
        bind="query-params",
        persist_state="session",
    )
    if ground == TWO_NUMBERS:
        return _how_they_walk(_two_numbers(), _suffix(None)), None
    job = _pick_run()
    if job is None:
        return None
    return _how_they_walk(Walks(adam_rate=RUN_ADAM_RATE), _suffix(job)), job


def _suffix(job: Job | None) -> str:
    """What tells the keys of controls for a run's valley from those for the two-number model's."""
    return "" if job is None else "-run"


def _say_if_stretched(seen: Ground) -> None:
    """A caption where one axis is drawn larger than the other."""
    (left, right), (low, high) = seen.window
    larger = (high - low) / (right - left)
    if 0.995 <= larger <= 1.005:
        return
    names = ("across", "up") if larger > 1 else ("up", "across")
    st.caption(
        f"Drawn {max(larger, 1 / larger):.2g} times as large {names[0]} as {names[1]}, so that "
        "what is square to a contour does not look it."
    )


def _two_numbers() -> Walks:
    """Which two-number model."""
    return Walks(
        digit=_choice("digit", "Tell a …", width=85),
        against=_choice("against", "… from a …", width=85),
        numbers=_choice("numbers", "By", NUMBERS.__getitem__, width=220),
        stretch=_choice(
            "stretch",
            "First number times",
            help="Both numbers are standardised; then the first is multiplied by this, as if it "
            "had been told in a smaller unit. 1 leaves them alike.",
            width=150,
        ),
    )


def _how_they_walk(default: Walks, of: str) -> Walks:
    """Rates, momentum and batches."""
    with st.popover("How they walk", icon=":material/tune:"):
        return replace(
            default,
            rate=_choice(
                "rate",
                "Learning rate, times the safe one",
                help="Of gradient descent, with and without momentum. The safe rate, 1/L, is small "
                "enough wherever the cost bends most; at more than twice as much, gradient descent "
                "may overshoot.",
            ),
            momentum=_choice("momentum", "Momentum", help="How much of the last step is kept."),
            batch_size=_choice(
                "batch_size",
                "Batches of momentum and Adam",
                lambda size: str(size) if size else "all pictures at a time",
            ),
            adam_rate=_choice(
                "adam_rate", "Adam's learning rate", default=default.adam_rate, of=of
            ),
        )


def _choice(
    name: str,
    label: str,
    format_func: Callable[[Any], str] = str,
    default: Any = None,
    of: str = "",
    **looks: Any,
) -> Any:
    options = OPTIONS[name]
    chosen = getattr(Walks(), name) if default is None else default
    return st.selectbox(
        label,
        options,
        options.index(chosen),
        format_func=format_func,
        key=VALLEY(name=name + of),
        bind="query-params",
        persist_state="session",
        **looks,
    )


def _pick_run() -> Job | None:
    jobs = {name: job for name, job in session_runs().jobs.items() if len(job.snapshots) > 2}
    if not jobs:
        st.info(
            "No run of this session has taken two steps yet: start one on Train, then come back. "
            "Its theta moves through hundreds of dimensions; the two in which it moved most make "
            "the plane that is seen here."
        )
        st.page_link("pages/train.py", label="Train", icon=":material/trending_down:")
        return None
    name = st.selectbox("Run", list(jobs), len(jobs) - 1, key=VALLEY_RUN, width=280)
    return jobs[name]


def _what_is_seen(seen: Ground) -> None:
    bed = seen.found.valley
    st.markdown(
        "The cost seen from above. Each place is one model, known by its two weights; the darker "
        f"the place, the higher that model's cost on {seen.pictures:,} real pictures. (The bias is "
        "not drawn: each place shows the cost with the bias that is best there.) From one contour "
        "to the next the height above the bottom halves. Near the bottom the valley is "
        f"**{bed.elongation:.1f} times as long as wide**; a dotted line marks its floor."
    )


def _what_is_seen_of_a_run(seen: Ground, job: Job) -> None:
    bed = seen.found.valley
    share = bed.plane.share(seen.ways[OWN].thetas)
    st.markdown(
        f"Theta of **{plain(job.name)}** has {seen.ways[OWN].thetas[0].size:,} numbers. The two "
        "directions in which it moved most, from start to end, make the plane seen here; they "
        f"hold **{share:.1%}** of its movement. The cost in the plane is exact, on the "
        f"{seen.pictures:,} pictures of the run. The solvers' ways leave this plane, and are drawn "
        "as seen from above: point at a step for the cost that it really has. *Bottom* is the "
        f"lowest place in the plane, at {bed.floor:.4g}; the lowest cost of all is "
        f"{bed.lowest:.4g}."
    )
    if len(seen.ways) == 1:
        st.caption(
            f"The five solvers are sent along where a run learned from {MOST_PICTURES:,} pictures "
            "or fewer; this one had more."
        )


def _guessed() -> bool:
    """Whether the ways may be seen: guess first, then look."""
    followed = VALLEY(name="passes") in st.query_params
    if followed or lesson_on("valley") or st.session_state.get(VALLEY_SHOWN):
        return True
    with st.container(border=True, gap="small"):
        st.markdown(
            f"**Guess first.** Five solvers start at theta zero. After how many passes over the "
            f"pictures will *gradient descent* be within {THERE:.2%} of the lowest cost?"
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.pills(
                "Passes of gradient descent",
                range(len(GUESSES)),
                format_func=lambda place: _guess_words(*GUESSES[place]),
                key=VALLEY_GUESS,
                persist_state="session",
                label_visibility="collapsed",
                wrap=True,
            )
            st.button(
                "Let them walk",
                type="primary",
                icon=":material/directions_walk:",
                key=VALLEY_BUTTON(what="walk"),
                on_click=_let_walk,
            )
    return False


def _guess_words(low: int, high: int | None) -> str:
    if high is None:
        return f"more than {low}"
    return f"{low + 1} to {high}" if low else f"at most {high}"


def guess_result(found: Walked, guess: int) -> str:
    """What became of a guess, the place of one of GUESSES."""
    passes = found.valley.passes_until(found.ways["gradient-descent"])
    low, high = GUESSES[guess]
    if found.ways["gradient-descent"].message:
        return "None of the guesses: at this rate gradient descent overshoots, and never arrives."
    right = (passes is None and high is None) or (
        passes is not None and low < passes and (high is None or passes <= high)
    )
    came = f"more than {PASSES}" if passes is None else str(passes)
    said = "as you guessed" if right else f"your guess was {_guess_words(low, high)}"
    return f"Gradient descent needs **{came}** passes: {said}."


def _let_walk() -> None:
    st.session_state.update({VALLEY_SHOWN: True, VALLEY_PLAYING: True})
    st.session_state[VALLEY(name="passes")] = 0


def _walking(seen: Ground, of: str) -> None:
    """The ways, as far as they have got."""
    shown = st.pills(
        "Ways",
        list(seen.ways),
        label_visibility="collapsed",
        selection_mode="multi",
        default=list(seen.ways),
        key=VALLEY(name=f"solvers{of}"),
        bind="query-params",
        persist_state="session",
    )
    pace = PLAY_FRAME if is_playing(VALLEY_PLAYING) else None
    st.fragment(errors_said()(_frame), run_every=pace)(
        seen, tuple(name for name in seen.ways if name in shown), of
    )


def stops(last: int) -> list[int]:
    """The passes that the slider stops at: each of the first, then fewer."""
    return sorted(
        {*range(0, 21), *range(20, 41, 2), *range(40, last + 1, 5), last} & {*range(last + 1)}
    )


def _frame(seen: Ground, shown: tuple[str, ...], of: str) -> None:
    """The chart after some passes; while it plays, after the next ones."""
    passes = stops(max(int(way.iterations[-1]) for way in seen.ways.values()))
    key, state = VALLEY(name=f"passes{of}"), st.session_state
    at = state.get(key, passes[-1])
    at = at if at in passes else passes[-1]
    row = st.container(horizontal=True, vertical_alignment="bottom")
    slider = row.container(width="stretch")
    with row:
        pressed = play_button("the ways", VALLEY_BUTTON(what="play"), VALLEY_PLAYING, key, passes)
    before = is_playing(VALLEY_PLAYING)
    if not pressed:
        at = next_step(VALLEY_PLAYING, passes, at)
    # All of the page goes on from here, so that it runs by the clock, or no longer does.  Before
    # the slider is drawn, and after its last value has been: of two runs of a page in a row, the
    # browser misses the values that the first one gave to controls.
    if pressed or is_playing(VALLEY_PLAYING) != before:
        st.rerun()
    state[key] = at
    at = slider.select_slider(
        "Passes over the pictures",
        passes,
        key=key,
        bind="query-params",
        persist_state="session",
    )
    _chart(seen, shown, at)


def _chart(seen: Ground, shown: Sequence[str], passes: int) -> None:
    spec, said = seen.chart(shown, passes, side(on_phone()))
    st.vega_lite_chart(spec=spec, key=CHART(what="valley"), width="content", theme=None, alt=said)


def _beside(seen: Ground) -> None:
    guess = st.session_state.get(VALLEY_GUESS)
    whole = seen.found.valley.plane.best_bias
    if whole and guess is not None:
        st.success(guess_result(seen.found, guess), icon=":material/flag:")
    reached = [_within(NEAR), _within(THERE)]
    table = way_table(seen)
    # As text: of a missing number Streamlit's table says 'None'.
    table[reached] = table[reached].astype("string").fillna(NONE_YET)
    st.dataframe(
        table,
        hide_index=True,
        # Together as wide as a phone.
        column_config={
            "solver": st.column_config.TextColumn(width=148),
            _within(NEAR): st.column_config.TextColumn(alignment="right", width=54),
            _within(THERE): st.column_config.TextColumn(alignment="right", width=70),
            "crossings": st.column_config.NumberColumn(format="%d", width=78),
            "in the plane": st.column_config.TextColumn(width=78),
        },
        alt="For each solver, the passes until its cost is near the lowest.",
    )
    st.caption(
        f"Passes over the pictures until the cost is within {NEAR:.0%} and {THERE:.2%} of the "
        f"lowest that there is ({NONE_YET}: not in this time)"
        + (", and how often the way crossed the floor before." if whole else ".")
    )
    if whole:
        for question, answer in stories(seen.found):
            st.markdown(f"**{question}.** {answer}")


def _within(share: float) -> str:
    return f"≤ {100 * share:g} %"


def way_table(seen: Ground) -> pd.DataFrame:
    """A row for each way: passes until near the bottom and there, crossings; in a run's valley
    how much of it lies in the plane.
    """
    bed, rows = seen.found.valley, []
    for name, way in seen.ways.items():
        row: dict[str, Any] = {"solver": name}
        row |= {_within(share): bed.passes_until(way, share) for share in (NEAR, THERE)}
        if bed.plane.best_bias:
            row["crossings"] = bed.crossings(way)
        else:
            row["in the plane"] = f"{bed.plane.share(way.thetas):.0%}"
        rows.append(row)
    return pd.DataFrame(rows).astype({_within(share): "Int64" for share in (NEAR, THERE)})
