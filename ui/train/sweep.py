"""'Sweep' on the Train page: the same run with several values of a setting, or of two."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from lrcore.data import Dataset
from lrcore.errors import UserError
from lrcore.script import sweep_as_script
from lrcore.settings import Settings, knob, range_words, read_setting, setting_text
from lrcore.solvers import SOLVERS
from lrcore.sweep import Place, curve, passes, propose, write_results
from lrcore.training import Run, RunRequest
from ui.answers import counted
from ui.charts import prepared as chart_spec
from ui.device import on_phone
from ui.heatmaps import colour_limit, row_names
from ui.images import data_uri
from ui.models import mnist
from ui.plain import NONE_YET, plain, say_error, sentence
from ui.presses import acting_button
from ui.state import (
    NOTICES,
    SWEEP_BUTTON,
    SWEEP_CHART,
    SWEEP_LINK,
    SWEEP_LOOKED,
    SWEEP_RUN,
    SWEEP_SECOND,
    SWEEP_SEEDS,
    SWEEP_SETTING,
    SWEEP_VALUES,
    TRAIN_TAB,
)
from ui.style import spoken
from ui.train import charts
from ui.train.controls import LABELS, add_notice, settings_link
from ui.train.in_view import InView
from ui.train.links import SEEDS, SWEEP, read_sweep, sweep_query
from ui.train.runs import Runs
from ui.train.start import BOTH, MNIST_ALONE, OWN_ALONE, Start
from ui.train.sweep_charts import (
    CLICK,
    PLACE,
    curve_chart,
    curve_rows,
    grid_chart,
    grid_rows,
    named,
    short,
)
from ui.train.sweeping import AT_ONCE, WATCHING, Sweeping, Trial, prepared, trials
from ui.train.watch import draw_again

# What may be swept here, and what stands for 'no second one'.
OFFERED = ("C", "images", "learning_rate", "iterations", "styles", "features", "seed")
NONE = ""
# Proposed values: of one setting, and of each of two.
PROPOSED, PROPOSED_OF_TWO = 7, 4
MOST_SEEDS = 5
# What the runs of a sweep have in common, by what they learn from.
LEARNED_FROM = {
    MNIST_ALONE: (
        "All learn from MNIST, from zero, and are compared on pictures that none has learned from."
    ),
    OWN_ALONE: (
        "All learn from three quarters of your own digits, from zero, and are compared on the "
        "quarter that none has learned from; where that is a few, most is chance."
    ),
    BOTH: (
        "All learn from MNIST and from your own digits, from zero, and are compared on pictures "
        "of MNIST that none has learned from; how a run reads the own digits that are kept back, "
        "*Open this run* says."
    ),
}
# Seconds between two looks at a sweep at work.
FRAME = 0.5
TAB, WATCH_TAB = "Sweep", "Watch"


def take_sweep_link() -> None:
    """Take over the sweep that the URL asks for, once; a link to a sweep opens its tab."""
    state, asked = st.session_state, {name: st.query_params.get(name) for name in (SWEEP, SEEDS)}
    text = asked[SWEEP]
    if not text or state.get(SWEEP_LINK) == asked:
        return
    state[SWEEP_LINK] = asked
    try:
        values, seeds = read_sweep(text, asked[SEEDS], OFFERED, MOST_SEEDS)
    except UserError as error:
        add_notice(str(error))
        return
    names = list(values)
    state[SWEEP_SETTING], state[SWEEP_SECOND] = [*names, NONE][:2]
    state[SWEEP_SEEDS], state[TRAIN_TAB] = seeds, TAB
    for name, listed in values.items():
        state[SWEEP_VALUES(setting=name)] = listed


def come_back(runs: Runs) -> None:
    """Open the tab again if a sweep was looked at when the page was left; Streamlit forgets it."""
    if (sweep := runs.sweep) is None:
        return
    tab = st.session_state.get(TRAIN_TAB)
    if tab is not None:
        sweep.in_view = tab == TAB
    elif sweep.in_view:
        st.session_state[TRAIN_TAB] = TAB


def sweep_tab(
    runs: Runs,
    settings: Settings | None,
    data: tuple[Dataset, Dataset] | None,
    start: Start | None,
) -> None:
    """What is tried, what that costs, and what came of it."""
    if settings is None or data is None or start is None:
        st.info("Settings that cannot be leave nothing to try; see the sentence above them.")
        return
    train, _ = data
    st.caption(
        "The run that the settings describe, again and again, with several values of one of them. "
        f"{LEARNED_FROM[start.source]} Guess first: which value will be best?"
    )
    alone = start.own if start.source == OWN_ALONE else 0
    values, seeds = _form(prepared(settings, train, alone=alone))
    ready = None
    if values is not None:
        try:
            base = prepared(settings, train, values, alone)
            ready = trials(base, values, seeds)
            _check_used(base, values)
        except UserError as error:
            say_error(error)
            ready = None
    if ready is not None:
        st.caption(_cost(ready, gauge()))
        if not alone and settings.images > base.images:
            st.caption(
                f"Each learns from {base.images:,} pictures, not {settings.images:,}: the others "
                "are kept to compare by. The test set judges what has been chosen."
            )
    _buttons(runs, settings, train, values, seeds, start if ready is not None else None)
    _live(runs)
    if start.own:
        st.caption(
            "Your own digits are in this session alone, so there is no script of this sweep, and "
            "its link opens it for whoever brings digits of their own."
        )
    elif ready is not None and values is not None:
        _as_python(base, values, seeds)


def _form(settings: Settings) -> tuple[dict[str, list] | None, int]:
    """The controls: the values by setting (None after saying what is wrong), and the seeds."""
    first, second, third = st.columns([2, 2, 1], vertical_alignment="bottom")
    state = st.session_state
    if state.get(SWEEP_SECOND) and state.get(SWEEP_SECOND) == state.get(SWEEP_SETTING, OFFERED[0]):
        state[SWEEP_SECOND] = NONE
    with first:
        name = st.selectbox(
            "Try several values of",
            OFFERED,
            format_func=lambda name: knob(name).label,
            key=SWEEP_SETTING,
            persist_state="session",
            help="All other settings stay as they are.",
        )
    with second:
        other = st.selectbox(
            "In a grid with",
            [NONE, *(option for option in OFFERED if option != name)],
            format_func=lambda name: knob(name).label if name else "nothing else",
            key=SWEEP_SECOND,
            persist_state="session",
            help="With a second setting every value of the one is tried with every one of the "
            "other.",
        )
    names = [name, other] if other else [name]
    with third:
        seeds = st.selectbox(
            "Seeds",
            range(1, MOST_SEEDS + 1),
            key=SWEEP_SEEDS,
            persist_state="session",
            help="How often each value is tried, with other pictures picked each time: so one sees "
            "what is chance.",
        )
    count = PROPOSED_OF_TWO if other else PROPOSED
    values: dict[str, list] = {}
    faults = []
    for setting in names:
        proposed = ", ".join(setting_text(setting, v) for v in propose(setting, settings, count))
        text = st.text_input(
            f"Values of {short(setting)}",
            key=SWEEP_VALUES(setting=setting),
            placeholder=proposed,
            persist_state="session",
            help=f"Parted by commas; empty: those shown. For each, {range_words(knob(setting))}.",
        )
        try:
            values[setting] = read_values(setting, text or proposed)
        except UserError as error:
            faults.append(error)
    for fault in faults:
        say_error(fault)
    return (None if faults else values), seeds


def read_values(name: str, text: str) -> list[Any]:
    """The values that a text lists, each once; UserError where one cannot be."""
    listed = [item.strip() for item in text.split(",") if item.strip()]
    return list(dict.fromkeys(read_setting(name, item) for item in listed))


def _check_used(settings: Settings, values: dict[str, list]) -> None:
    if "learning_rate" in values and "learning_rate" not in SOLVERS[settings.solver].uses:
        raise UserError(
            f"{LABELS['solver'][settings.solver]} chooses its steps by itself: the learning rate "
            "would change nothing. Choose another solver in the settings."
        )


@st.cache_resource(show_spinner=False)
def gauge() -> float:
    """Seconds that this server takes to read a picture's 785 inputs once, there and back."""
    few = mnist("train").take(slice(0, 1000))
    run = Run(RunRequest(Settings(solver="gradient-descent", iterations=10), few))
    run.step()
    taken = []
    while run.ending is None:
        began = time.perf_counter()
        run.step()
        taken.append(time.perf_counter() - began)
    # The quickest: what else the server is at just now says little of later.
    return min(taken) / len(few)


def _cost(planned: Sequence[Trial], each: float) -> str:
    """What a sweep will take, in a sentence."""
    most = sum(passes(trial.settings)[1] * (trial.settings.images + WATCHING) for trial in planned)
    likely, longest = (work * each for work in (sum(trial.work for trial in planned), most))
    images = sorted({trial.settings.images for trial in planned})
    pictures = f"{images[0]:,}" if len(images) == 1 else f"{images[0]:,} to {images[-1]:,}"
    told = f"**{counted(len(planned), 'run')}** on {pictures} pictures: about "
    told += f"**{_duration(likely)}** of work on this server"
    if longest > 1.5 * likely:
        told += f", {_duration(longest)} if each takes all its iterations"
    told += f"; {AT_ONCE} are at work at a time."
    if any(trial.settings.features != "pixels" for trial in planned):
        told += " Features other than pixels take more the first time that they are made."
    return told


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "a second"
    return f"{math.ceil(seconds)} s" if seconds < 100 else f"{math.ceil(seconds / 60)} min"


def _buttons(
    runs: Runs,
    settings: Settings,
    train: Dataset,
    values: dict[str, list] | None,
    seeds: int,
    start: Start | None,
) -> None:
    """Try them, cancel, and the link; `start` is None where they cannot be tried."""
    possible = start is not None
    working = runs.sweep is not None and not runs.sweep.finished

    def try_them() -> None:
        assert values is not None
        assert start is not None
        # Without own digits in it, as the command line would make it.
        own = start.request().own if start.own else None
        st.session_state.pop(SWEEP_LOOKED, None)
        st.session_state[NOTICES] = []
        try:
            runs.start_sweep(settings, train, values, seeds, own)
        except UserError as error:
            add_notice(str(error))

    with st.container(horizontal=True, vertical_alignment="bottom"):
        acting_button(
            f"Try them{spoken('all in a sweep')}",
            SWEEP_BUTTON(what="start"),
            try_them if possible and not working else None,
            type="primary",
            icon=":material/play_arrow:",
            help="The runs go through the queue of all runs; you can leave the page meanwhile.",
        )
        acting_button(
            f"Cancel{spoken('the sweep')}",
            SWEEP_BUTTON(what="cancel"),
            runs.sweep.cancel if runs.sweep and working else None,
            icon=":material/stop:",
            help="Ends all runs of the sweep; what is there already is kept.",
        )
        if possible and values is not None:
            with st.popover(
                f"Link{spoken('to this sweep')}",
                icon=":material/link:",
                help="Opens this page with the same sweep set up.",
            ):
                st.code(settings_link(sweep_query(values, seeds)), wrap_lines=True)


def _live(runs: Runs) -> None:
    """The results, drawn again while more may come."""
    if (sweep := runs.sweep) is not None:
        draw_again(
            lambda: _results(runs, sweep, sweep.finished),
            None if sweep.finished else FRAME,
            lambda: sweep.finished,
        )


def _results(runs: Runs, sweep: Sweeping, ended: bool) -> None:
    results = sweep.results
    total, done = len(sweep.trials), len(results)
    _progress(sweep, done, total, ended)
    for trial in sweep.failed:
        st.error(sentence(f"{trial.name}: {trial.job.message}"), icon=":material/error:")
    places = curve(results)
    if not places:
        return
    names = list(sweep.values)
    if len(names) == 1:
        for column, figure in zip(st.columns(2), ("accuracy", "cost"), strict=True):
            with column:
                rows = curve_rows(places, names[0], figure)
                _chart(
                    chart_spec(curve_chart, rows, names[0], figure, sweep.values[names[0]]),
                    figure,
                    sweep,
                    f"Validation curve: {figure} on the pictures learned from and on held-out "
                    f"ones, against {short(names[0])}. {in_words(places, ended, shown=False)}",
                )
    else:
        pair = (names[0], names[1])
        _chart(
            chart_spec(grid_chart, grid_rows(places, pair), pair, tuple(sweep.values.values())),
            "grid",
            sweep,
            f"Heat map of held-out accuracy against {short(pair[0])} and {short(pair[1])}. "
            f"{in_words(places, ended, shown=False)}",
        )
    st.markdown(in_words(places, ended))
    if ended or SWEEP_LOOKED in st.session_state:
        _one_run(runs, sweep, places)
    _table(sweep, places, ended)


def _progress(sweep: Sweeping, done: int, total: int, ended: bool) -> None:
    told = f"{done} of {counted(total, 'run')}"
    if sweep.cancelled:
        told += " · cancelled"
    elif not ended:
        left = sweep.seconds_left()
        wait = next((t.job.wait for t in sweep.trials if t.job.wait), None)
        if left is not None:
            told += f" · about {_duration(left)} left"
        elif wait is not None:
            told += f" · waiting for its turn, about {math.ceil(wait.seconds)} s"
        else:
            told += " · at work"
    st.progress(done / total, told)


def in_words(places: Sequence[Place], ended: bool, shown: bool = True) -> str:
    """Which value is best, or has been so far, and which cannot be told from it; as Markdown, or
    to be heard only."""
    name = plain if shown else str
    best = next((place for place in places if place.best), None)
    if best is None:
        return "No picture was held out, so there is nothing to compare by."
    share, spread = best.mean["heldout_accuracy"], best.spread["heldout_accuracy"]
    give = "" if math.isnan(spread) else f" (give or take {spread:.2%} over the seeds)"
    pictures = best.results[0].heldout_images
    bold = "**" if shown else ""
    told = (
        f"{'Best' if ended else 'Best so far'}: {bold}{name(named(best.values))}{bold}, which "
        f"reads {share:.2%}{give} of {pictures:,} held-out pictures right."
    )
    near = [name(named(place.values)) for place in places if place.near and not place.best]
    if near:
        told += f" Within the noise of it, so just as good for all one can tell: {'; '.join(near)}."
    return told


def _chart(spec: dict, what: str, sweep: Sweeping, description: str) -> None:
    key = SWEEP_CHART(what=what)

    def take_click() -> None:
        clicked = st.session_state[key].selection.get(CLICK)
        if clicked:
            told = clicked[0][PLACE]
            _looked().show(
                next(
                    trial.number
                    for trial in sweep.trials
                    if trial.result is not None and named(trial.values) == told
                )
            )

    st.vega_lite_chart(
        spec=spec, key=key, on_select=take_click, alt=description, width="stretch", theme=None
    )


def _looked() -> InView[int]:
    """Which run of the sweep is looked at, by its number."""
    return st.session_state.setdefault(SWEEP_LOOKED, InView[int]())


def _one_run(runs: Runs, sweep: Sweeping, places: Sequence[Place]) -> None:
    """The run that was clicked, or the best: its thetas, and a way to all that Train shows."""
    there = {trial.number: trial for trial in sweep.trials if trial.result is not None}
    looked = _looked()
    if looked.shown not in there:
        best = next((place for place in places if place.best), places[0])
        of_best = (n for n, trial in there.items() if trial.result is best.results[0])
        looked.show(next(of_best))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        looked.selectbox(
            "Run",
            list(there),
            partial(SWEEP_RUN, sweep=id(sweep)),
            format_func=lambda number: there[number].name,
            width=260,
            help="A click on a dot or a cell chooses it, too.",
        )
        assert looked.shown is not None
        trial = there[looked.shown]
        if st.button(
            f"Open this run{spoken(trial.name)}",
            key=SWEEP_BUTTON(what="open"),
            icon=":material/open_in_full:",
            disabled=not trial.job.finished,
            on_click=_open,
            args=(runs, trial),
            help="Its curves and its thetas as they formed, under Watch; there it can be used or "
            "downloaded, too.",
        ):
            # All of the page: another tab is open now.
            st.rerun()
    one = trial.result
    assert one is not None
    maps = charts.theta_maps(one.settings.features, one.theta)
    names = row_names(one.settings)
    picture = charts.theta_picture(maps, names, colour_limit(maps), 5 if on_phone() else 10)
    st.image(
        data_uri(picture),
        width="stretch" if len(names) > 1 else 250,
        alt=f"Thetas of {trial.name}: {', '.join(names)}.",
    )
    st.caption(
        f"Theta of {plain(trial.name)}: {one.accuracy:.2%} of the pictures learned from, "
        f"{one.heldout_accuracy:.2%} of the others. {sentence(one.message)}"
    )


def _open(runs: Runs, trial: Trial) -> None:
    runs.adopt(trial.job)
    st.session_state[TRAIN_TAB] = WATCH_TAB


def _table(sweep: Sweeping, places: Sequence[Place], ended: bool) -> None:
    with st.expander("All figures", icon=":material/table:"):
        st.dataframe(figures(places), hide_index=True, alt="Figures of all values tried.")
        st.download_button(
            f"CSV{spoken('of the sweep, a file')}",
            results_csv(sweep),
            "sweep.csv",
            "text/csv",
            key=SWEEP_BUTTON(what="csv"),
            icon=":material/download:",
            on_click="ignore",
            disabled=not ended,
            help="A line a run: its values, its seed, its costs and accuracies.",
        )


def figures(places: Sequence[Place]) -> pd.DataFrame:
    """A row for each value or pair, as text: its figures, with the spread over seeds."""

    def told(place: Place, figure: str) -> str:
        mean, spread = place.mean[figure], place.spread[figure]
        form = ".2%" if "accuracy" in figure else ".4f"
        if math.isnan(mean):
            return NONE_YET
        return f"{mean:{form}}" + ("" if math.isnan(spread) else f" ± {spread:{form}}")

    return pd.DataFrame(
        [
            {
                **{knob(n).label: setting_text(n, value) for n, value in place.values.items()},
                "Held-out accuracy": told(place, "heldout_accuracy"),
                "Training accuracy": told(place, "accuracy"),
                "Held-out cost": told(place, "heldout_cost"),
                "Training cost": told(place, "cost"),
                "": "best" if place.best else "within noise" if place.near else "",
            }
            for place in places
        ]
    )


def results_csv(sweep: Sweeping) -> str:
    """The results as CSV text."""
    file = io.StringIO(newline="")
    write_results(file, sweep.results)
    return file.getvalue()


def _as_python(settings: Settings, values: dict[str, list], seeds: int) -> None:
    script = sweep_as_script(settings, values, seeds)
    with st.expander("As Python", icon=":material/code:"):
        st.code(script, language="python", line_numbers=True)
        st.download_button(
            f"Script{spoken('of the sweep, a file')}",
            script,
            "sweep.py",
            "text/x-python",
            key=SWEEP_BUTTON(what="script"),
            icon=":material/download:",
            on_click="ignore",
            help="Run it where the project is: python sweep.py",
        )
