"""The script of a run, run."""

import numpy as np
import pytest

from lrcore.data import MNIST_FOLDER, load_dataset
from lrcore.script import as_script
from lrcore.settings import Settings
from lrcore.solvers import SOLVERS
from lrcore.training import Run

CASES = [
    (Settings(solver="gradient-descent", images=600, iterations=20), 1e-4),
    (Settings(solver="gradient-descent", images=600, iterations=5, learning_rate=0.05), 1e-4),
    (Settings(solver="mini-batch", images=600, iterations=3, momentum=0.5, seed=4), 1e-4),
    (Settings(solver="adam", images=600, iterations=3, batch_size=50), 1e-3),
    (Settings(solver="lbfgs", images=600, iterations=12, C=0.1), 1e-2),
    (Settings(solver="preconditioned-lbfgs", images=600, C=0.1, tolerance=1e-5), 1e-3),
    (Settings(task="two-digits", images=300, iterations=9, solver="lbfgs", C=float("inf")), 1e-2),
    (Settings(task="one-digit", digit=5, images=300, C=0.1), 1e-3),
    (Settings(features="strokes", images=300, iterations=4, solver="gradient-descent"), 1e-4),
]


@pytest.mark.parametrize(("settings", "close"), CASES)
def test_script_arrives_where_the_run_does(settings, close, monkeypatch):
    run = Run(settings, load_dataset())
    for _ in run.steps():
        pass
    script = as_script(settings)
    assert len(script.splitlines()) <= 40
    assert max(map(len, script.splitlines())) <= 100
    monkeypatch.chdir(MNIST_FOLDER.parent.parent)
    names = {}
    exec(script, names)
    error = np.linalg.norm(names["theta"] - run.theta) / np.linalg.norm(run.theta)
    assert error < close


def test_every_solver_has_its_script():
    assert {settings.solver for settings, _ in CASES} == set(SOLVERS)


def test_script_takes_the_rate_that_the_run_picked():
    script = as_script(Settings(solver="gradient-descent"), learning_rate=0.098)
    assert "rate = 0.098\n" in script
    assert "power iteration" not in script
