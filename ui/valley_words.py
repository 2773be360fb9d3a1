"""What a valley page says of the ways it shows: sentences that follow from the numbers computed."""

from __future__ import annotations

import math

from lrcore.solvers import Knobs
from lrcore.valley import THERE, Valley, Walked, Way
from ui.plain import SENTENCE, plain

# Less than that left of the distance to the floor after a step is as good as none.
STRAIGHT = 0.05


def stories(found: Walked) -> list[tuple[str, str]]:
    """Questions on the five ways, each with an answer in Markdown."""
    return [
        descent_story(found),
        momentum_story(found),
        lbfgs_story(found),
        preconditioned_story(found),
        adam_story(found),
    ]


def descent_story(found: Walked) -> tuple[str, str]:
    """Whether gradient descent zigzags, and why."""
    bed, way = found.valley, found.ways["gradient-descent"]
    rate, crossings = found.rates["gradient-descent"], found.valley.crossings(way)
    across, along = (1 - rate * float(bend) for bend in bed.curvatures[::-1])
    zigzags = crossings > 2
    question = (
        "Why gradient descent zigzags" if zigzags else "Why gradient descent does not zigzag here"
    )
    downhill = (
        "It goes straight downhill, square to the contours. In a valley "
        f"{bed.elongation:.1f} times as long as wide that is not the way to the bottom: its first "
        f"step points {bed.off_course(way)[0]:.0f}° beside it. "
    )
    if across < -STRAIGHT:
        steps = (
            f"Near the bottom a step of this rate ({rate:.3g}) goes {1 - across:.2f} times as far "
            f"across the valley as to its floor, so {-across:.0%} of the distance is left, on the "
            "other side"
        )
    elif across <= STRAIGHT:
        steps = (
            f"Near the bottom a step of this rate ({rate:.3g}) goes just as far across the valley "
            "as to its floor"
        )
    else:
        steps = (
            f"Near the bottom a step of this rate ({rate:.3g}) goes only {1 - across:.0%} of the "
            "distance across the valley to its floor, and does not come to the other side"
        )
    creep = f"; along the floor it goes {_share(1 - along)} of what is left to go. "
    return question, downhill + steps + creep + _outcome(bed, way, "It")


def momentum_story(found: Walked) -> tuple[str, str]:
    """What momentum changes, against the same without it."""
    bed, way, plain_way = found.valley, found.ways["mini-batch"], found.plain
    kept, question = found.walks.momentum, "What momentum does"
    if not kept:
        return question, (
            "Nothing yet: it is set to 0. With 0.9, nine tenths of each step are carried into the "
            "next."
        )
    text = (
        f"Each step keeps {kept:.0%} of the last one: what points to and fro across the valley "
        "cancels, what points along it adds up. "
    )
    with_it, without = (_passes(bed, each) for each in (way, plain_way))
    crossed = bed.crossings(way), bed.crossings(plain_way)
    ends = bed.passes_until(way), bed.passes_until(plain_way)
    if plain_way.message and not way.message:
        text += "At this rate the same without momentum overshoots and is stopped; with it "
        text += f"it {with_it}, {_crossed(crossed[0])}. "
    elif way.message:
        text += (
            f"Here it {with_it}; without momentum, at the same rate, it {without}. It was not "
            "slowed down in time: try a smaller rate or less momentum. "
        )
    else:
        text += (
            f"Here it {with_it}, {_crossed(crossed[0])}; the same without momentum {without}, "
            f"{_crossed(crossed[1])}. "
        )
        if (ends[0] or math.inf) > (ends[1] or math.inf):
            text += "Here that does not pay: it rolls past the bottom, and has to come back. "
    if not found.walks.batch_size:
        bears = (1 + kept) / (1 - kept)
        text += (
            f"And near the bottom it bears a rate {bears:.3g} times as large before it overshoots."
        )
    return question, text


def lbfgs_story(found: Walked) -> tuple[str, str]:
    """How many passes L-BFGS needs, and why no more."""
    bed, way = found.valley, found.ways["lbfgs"]
    end, descent = (bed.passes_until(found.ways[name]) for name in ("lbfgs", "gradient-descent"))
    question = (
        "Why L-BFGS is not there yet" if end is None else f"Why L-BFGS needs only {_in_passes(end)}"
    )
    text = (
        "It remembers its last steps, at most "
        f"{Knobs().memory}, and how the slope changed along each. That tells how the valley is "
        "curved: along the floor the slope hardly changes, so steps may be long; across it changes "
        "fast, so they are short. "
    )
    if end and found.loss is not None:
        step, slope = bed.off_course(way)[end - 1], bed.slope_off_course(way, found.loss)[end - 1]
        text += (
            f"Its step number {end} points {step:.0f}° beside the bottom, where straight downhill "
            f"would be {slope:.0f}° beside it. "
        )
    text += _outcome(bed, way, "It")
    if end and descent:
        text += f" Gradient descent takes {descent / end:.2g} times as many passes."
    last = int(way.iterations[-1])
    if not way.message and end is not None:
        text += f" To the last digit of the cost it takes {last}."
    return question, text


def preconditioned_story(found: Walked) -> tuple[str, str]:
    """What knowing the valley beforehand is worth."""
    bed, way = found.valley, found.ways["preconditioned-lbfgs"]
    return "What the preconditioner knows", (
        "How the valley is curved, before the first step, from a few of the pictures. Its first "
        f"step points {bed.off_course(way)[0]:.0f}° beside the bottom, and leaves the cost "
        f"{way.costs[1] / bed.lowest - 1:.2%} above the lowest. "
        f"{_outcome(bed, way, 'It')}"
    )


def adam_story(found: Walked) -> tuple[str, str]:
    """What Adam makes of a stretched axis."""
    bed, way = found.valley, found.ways["adam"]
    return "What Adam does", (
        "It divides each weight's step by the size of that weight's slopes so far, so that a "
        f"weight's unit matters little: its first step points {bed.off_course(way)[0]:.0f}° "
        "beside the bottom. A valley that lies aslant between the two weights is no narrower for "
        f"that. {_outcome(bed, way, 'It')}"
    )


def _outcome(bed: Valley, way: Way, who: str) -> str:
    """'It is within 0.01 % of the lowest cost after 7 passes, having crossed the floor twice.'"""
    if way.message:
        return f"{who} {_passes(bed, way)}. {plain(way.message, SENTENCE)}"
    return f"{who} {_passes(bed, way)}, {_crossed(bed.crossings(way))}."


def _passes(bed: Valley, way: Way) -> str:
    end, last = bed.passes_until(way), int(way.iterations[-1])
    if way.message:
        return f"is stopped after {_in_passes(last)}, as it overshoots"
    if end is None:
        return f"is not within {THERE:.2%} of the lowest cost after {_in_passes(last)}"
    return f"is within {THERE:.2%} of the lowest cost after {_in_passes(end)}"


def _in_passes(count: int) -> str:
    return "1 pass" if count == 1 else f"{count:,} passes"


def _crossed(times: int) -> str:
    often = {0: "without crossing the floor", 1: "having crossed the floor once"}
    return often.get(times, f"having crossed the floor {times} times")


def _share(part: float) -> str:
    return f"{part:.2g} times" if part >= 1 else f"{part:.1%}"
