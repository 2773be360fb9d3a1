"""Several learners on one server: each is answered about their own drawings, corrections, runs."""

import asyncio
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import numpy as np
import pytest

from lrcore.drawing import to_digit
from lrcore.fabric import strokes_from_canvas
from lrcore.reading import Reader
from lrcore.weights import DEFAULT, load_weights
from tests.browser.driver import ONE, ZERO
from tests.learner import Answer, Learner, canvas_state
from ui.canvas import SIDE
from ui.palette import PAPER

SEVEN = [[(0.3, 0.25), (0.5, 0.25), (0.7, 0.25), (0.6, 0.5), (0.5, 0.8)]]
DRAWINGS = {
    digit: [330 * np.array(stroke) for stroke in strokes]
    for digit, strokes in (("1", ONE), ("0", ZERO), ("7", SEVEN))
}


@pytest.fixture(scope="module")
def weights():
    return load_weights(DEFAULT)


def together(server, visit):
    """What `visit(learners)` gives of three learners who are there at the same time."""

    async def run():
        async with AsyncExitStack() as stack:
            learners = [await stack.enter_async_context(Learner(server.url)) for _ in DRAWINGS]
            result = await visit(learners)
            assert not [error for learner in learners for error in learner.errors]
            return result

    # In a thread of its own: the browser that other tests hold has an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, run()).result()


async def draw_at_once(learners: list[Learner]) -> list[Answer]:
    drawings = zip(learners, DRAWINGS.values(), strict=True)
    return await asyncio.gather(*(learner.draw(strokes) for learner, strokes in drawings))


def check(answers: list[Answer], weights) -> None:
    """Each answer is what the untouched weights say of that drawing, and of no other."""
    for answer, (digit, strokes) in zip(answers, DRAWINGS.items(), strict=True):
        raw = json.loads(canvas_state(strokes))["drawing"]["raw"]
        image = to_digit(strokes_from_canvas(raw, (SIDE, SIDE), PAPER))
        assert answer.digit == digit
        assert answer.picture == hashlib.sha256(image.tobytes()).hexdigest()[:16]
        known = Reader(weights).read(image[None]).probabilities[0]
        assert np.abs(answer.probabilities - known).max() < 0.006


def test_each_is_answered_about_the_own_drawing(server, weights):
    async def visit(learners):
        first = await draw_at_once(learners)
        return first, await draw_at_once(learners)

    for answers in together(server, visit):
        check(answers, weights)


def test_a_correction_is_learned_in_one_session_alone(server, weights):
    async def visit(learners):
        answers = await draw_at_once(learners)
        await learners[0].label(answers[0], 4)
        corrected = learners[0].text()
        return corrected, await draw_at_once(learners), [one.text() for one in learners]

    corrected, answers, texts = together(server, visit)
    assert "1 correction held" in corrected
    assert ["Undo correction" in text for text in texts] == [True, False, False]
    assert answers[0].digit == "4"
    newcomer = together(server, draw_at_once)[0]
    check([newcomer, *answers[1:]], weights)


def test_a_run_is_seen_in_one_session_alone(server):
    async def visit(learners):
        for learner in learners:
            await learner.go_to("Train")
        await learners[0].press("Only 600 images")
        await learners[0].watch(0.5)
        for learner in learners:
            await learner.go_to("Train")
        return ["Nothing runs yet" in learner.text() for learner in learners]

    assert together(server, visit) == [False, True, True]
