"""What the stories of the Train page say, held against runs with their settings."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lrcore.settings import Settings
from lrcore.training import Outcome, Run, RunRequest
from ui.train.controls import PRESETS

CLASSIC, TOO_LARGE, BETTER, FEW = PRESETS
# Words of each story, by what the test below holds them against; all others are about what to do.
TOLD = (
    (CLASSIC, "Most of the way is done in the first hundred steps"),
    (CLASSIC, "the other thousands creep along"),
    (CLASSIC, "Both learn from 6,000 pictures"),
    (CLASSIC, "for all 60,000, ten times the work a step"),
    (TOO_LARGE, "the cost shoots up, falls back and climbs again, until it is stopped"),
    (BETTER, "farther down after ten steps than gradient descent after five thousand"),
    (FEW, "and never again comes near its lowest"),
    (FEW, "the training cost goes on falling while the held-out cost turns, climbs"),
)


def trained(train_set, preset, **changes):
    """The run of a story, with changes; the pictures that it does not learn from are watched."""
    run = Run(RunRequest(replace(Settings(**preset.changes), **changes), train_set))
    list(run.steps())
    return run


def costs(run):
    return np.array([point.cost for point in run.history])


@pytest.mark.parametrize(("preset", "words"), TOLD, ids=lambda value: str(value)[:20])
def test_the_stories_still_say_what_is_held_against_runs_here(preset, words):
    assert words in preset.story


def test_titles_and_words_name_the_settings():
    classic, better = Settings(**CLASSIC.changes), Settings(**BETTER.changes)
    assert f"{classic.iterations:,} steps" in CLASSIC.title
    assert "Ten steps" in BETTER.title
    assert better.iterations == 10
    assert classic.images == better.images == 6000
    assert BETTER.title.lower() in CLASSIC.story
    assert f"{Settings(**FEW.changes).images} images" in FEW.title
    # Work goes by the pictures that are read.
    assert Settings.images == 10 * classic.images


def test_the_classic_is_nearly_done_in_a_hundred_steps_and_creeps_from_there(train_set):
    # What thousands of steps come to lies between here and the optimum.
    some = train_set.take(slice(0, 6000))
    down = costs(trained(some, CLASSIC, iterations=100))
    lowest = costs(trained(some, CLASSIC, solver="preconditioned-lbfgs", iterations=200))[-1]
    assert down[0] == pytest.approx(10 * math.log(2))
    way, rest = down[0] - down[-1], down[-1] - lowest
    assert way > 4 * rest > 0
    steps = Settings(**CLASSIC.changes).iterations - 100
    assert rest / steps < way / 100 / 100
    assert (np.diff(down) < 0).all()


def test_too_large_a_step_leaps_falls_back_climbs_and_is_stopped(train_set):
    run = trained(train_set, TOO_LARGE)
    assert run.outcome is Outcome.DIVERGED
    down = costs(run)
    top = int(down.argmax())
    low = top + int(down[top:].argmin())
    assert down[top] > 2 * down[0]
    assert down[low] < down[0]
    assert len(down) - 1 > low
    assert down[-1] > 2 * down[low]


def test_ten_better_steps_lead_farther_than_five_thousand(train_set):
    # Of few pictures, since five thousand steps are many.  Of all 6,000 they come to 0.629, and the
    # ten to 0.503: `python -m lrcore train --images 6000 --solver gradient-descent --iterations
    # 5000`, and `--solver preconditioned-lbfgs --iterations 10`.
    few = train_set.take(slice(0, 300))
    ten = costs(trained(few, BETTER, images=300))
    many = costs(trained(few, CLASSIC, images=300))
    assert (len(ten), len(many)) == (11, 5001)
    assert ten[-1] < many[-1] < many[100]


def test_few_images_are_learned_by_heart(train_set):
    run = trained(train_set, FEW)
    assert (np.diff(costs(run)) < 0).all()
    heldout = np.array([point.heldout_cost for point in run.history])
    turn = int(heldout.argmin())
    assert 0 < turn < len(heldout) / 3
    assert heldout[turn:].max() > 2 * heldout[turn]
    # It does not come back to where it turned, once it has left.
    left = turn + int(np.argmax(heldout[turn:] > 1.5 * heldout[turn]))
    assert turn < left < 2 * turn
    assert heldout[left:].min() > 1.5 * heldout[turn]
    assert run.learned_figures()[1] == 1
