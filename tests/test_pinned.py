"""The digit that is pinned, and how a run's thetas are looked back at."""

import numpy as np
import pytest

from lrcore.reading import Reader
from lrcore.settings import Settings
from lrcore.training import SNAPSHOTS, Run, RunRequest
from ui.pinned import Pinned
from ui.train.links import read_pin
from ui.train.pin import reading
from ui.train.playback import how_often_kept, kept_thetas
from ui.train.runs import Runs


def ended(settings, train_set):
    run = Run(RunRequest(settings, train_set.take(slice(0, 400))))
    list(run.steps())
    return run


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"features": "strokes"},
        {"task": "one-digit", "digit": 3},
        {"task": "two-digits", "digit": 7, "against": 2},
    ],
    ids=["pixels", "strokes", "one digit", "two digits"],
)
def test_its_bars_are_what_the_model_of_the_run_would_answer(train_set, changes):
    settings = Settings(**{"images": 200, "iterations": 6} | changes)
    run = ended(settings, train_set)
    image = train_set.images[500]
    digit = Pinned(image, "a picture")
    expected = Reader(run.weights()).read(image[None]).probabilities[0]
    bars = digit.bars(settings, run.theta)
    # One row of theta, one bar: that of its yes.
    assert np.array_equal(bars, expected[1:] if settings.binary else expected)
    rows, said = reading(digit, settings, run.theta)
    assert len(rows) == len(run.theta)
    assert f"{max(bars) if len(bars) > 1 else max(bars[0], 1 - bars[0]):.2f}" in said


def test_what_the_bars_say_in_words(train_set):
    digit = Pinned(train_set.images[0], "a picture")
    theta = np.zeros((10, 785))
    rows, said = reading(digit, Settings(), None)
    assert said == "Its bars will move here."
    assert rows["label"].str.endswith("–").all()
    assert reading(digit, Settings(), theta)[1] == "all bars at 0.50."
    theta[:, 0] = -2
    theta[4, 0] = -1
    rows, said = reading(digit, Settings(), theta)
    assert said == "the longest bar is that of **4** (0.27); none says yes."
    assert rows["answer"].tolist() == [n == 4 for n in range(10)]
    theta[4, 0] = 1
    assert reading(digit, Settings(), theta)[1] == "the longest bar is that of **4** (0.73)."
    one = Settings(task="one-digit", digit=4)
    assert reading(digit, one, theta[:1])[1] == "**not 4** (0.88)."
    assert reading(digit, one, theta[4:5])[1] == "**4** (0.73)."
    two = Settings(task="two-digits", digit=4, against=9)
    assert reading(digit, two, theta[:1])[1] == "**9** (0.88)."
    theta[2] = np.nan
    assert reading(digit, Settings(), theta)[1] == "theta has no numbers any more."


def test_a_point_comes_with_its_own_theta_whenever_another_thread_looks(train_set):
    """A step that is ended while its figures are read leaves no trace, in theta either."""

    class Ended(Exception):
        pass

    countdown = [10**6]

    def checkpoint():
        countdown[0] -= 1
        if countdown[0] < 0:
            raise Ended

    request = RunRequest(
        Settings(images=200, solver="gradient-descent", iterations=50, learning_rate=0.1),
        train_set.take(slice(0, 400)),
    )
    run = Run(request, checkpoint)
    assert run.reached is None
    for passed in range(1, 12):
        run.step()
        point, theta = run.reached
        assert (point, run.theta is theta) == (run.history[-1], True)
        countdown[0] = passed % 4
        try:
            run.step()
        except Ended:
            break
        finally:
            countdown[0] = 10**6
    else:
        pytest.fail("no step was ended")
    point, theta = run.reached
    assert run.history[-1] is point
    assert run.theta is theta


def test_the_thetas_to_look_back_at_end_with_the_last_and_say_what_lies_between(train_set):
    settings = Settings(
        images=100, solver="gradient-descent", learning_rate=0.1, iterations=SNAPSHOTS + 37
    )
    runs = Runs()
    job = runs.start(RunRequest(settings, train_set.take(slice(0, 200))), "mine")
    job.join(60)
    thetas = kept_thetas(job)
    steps = list(thetas)
    assert steps == sorted(steps)
    assert steps[0] == 0
    # It is no multiple of what is kept.
    assert steps[-1] == SNAPSHOTS + 37
    assert np.array_equal(thetas[steps[-1]].astype(np.float32), job.weights.theta)
    assert set(np.diff(steps[:-1])) == {2}
    assert how_often_kept(thetas).startswith("Theta was kept after every 2 iterations")
    assert how_often_kept(dict.fromkeys(range(5))) == ""


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("9999", 9999), ("10000", None), ("-1", None), ("x", None), ("9" * 30, None)],
)
def test_a_link_pins_a_picture_that_there_is(text, number):
    assert read_pin(text, 10_000) == number
