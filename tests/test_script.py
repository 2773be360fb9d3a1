"""The script of a run, run."""

import re

import numpy as np
import pytest

from lrcore import script
from lrcore.data import MNIST_FOLDER, load_dataset
from lrcore.features import FEATURES
from lrcore.reading import Reader
from lrcore.script import as_script
from lrcore.settings import Settings
from lrcore.solvers import SOLVERS
from lrcore.training import Run, RunRequest

pytestmark = pytest.mark.numeric

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
def test_script_arrives_where_the_run_does_and_says_how_good_that_is(
    settings, close, test_set, monkeypatch, capsys
):
    run = Run(RunRequest(settings, load_dataset()))
    for _ in run.steps():
        pass
    source = as_script(settings)
    assert len(source.splitlines()) <= 40
    assert max(map(len, source.splitlines())) <= 100
    monkeypatch.chdir(MNIST_FOLDER.parent.parent)
    names = {}
    exec(source, names)
    error = np.linalg.norm(names["theta"] - run.theta) / np.linalg.norm(run.theta)
    assert error < close
    accuracy, _ = Reader(run.weights()).accuracy(test_set.images, test_set.labels)
    said = re.fullmatch(r"test accuracy: (0\.\d+)\n", capsys.readouterr().out)
    # A few pictures lie on the border of two digits.
    assert abs(float(said[1]) - accuracy) <= 0.001


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("features", FEATURES)
def test_a_script_fits_a_page(solver, features):
    lines = as_script(Settings(solver=solver, features=features)).splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100


def test_the_files_that_a_script_reads_are_named_as_they_lie_here():
    assert sorted(script.MNIST_FILES) == sorted(path.name for path in MNIST_FOLDER.glob("*.gz"))
    source = as_script(Settings())
    assert script.MNIST_URL in source
    for name in script.MNIST_FILES:
        assert f'"{name.removesuffix("-ubyte.gz")}"' in source


def test_every_body_of_a_script_is_tried():
    assert {settings.solver for settings, _ in CASES} == set(script._BODIES)


def test_a_solver_without_a_script_lends_its_own_steps(monkeypatch):
    settings = Settings(solver="adam", images=600, iterations=3, batch_size=50)
    alone = as_script(settings)
    monkeypatch.delitem(script._BODIES, "adam")
    lent = as_script(settings)
    assert "lrcore" not in alone
    assert "and lrcore" in lent
    monkeypatch.chdir(MNIST_FOLDER.parent.parent)
    thetas = []
    for source in (alone, lent):
        exec(source, names := {})
        thetas.append(names["theta"])
    np.testing.assert_allclose(*thetas, atol=1e-6 * np.abs(thetas[0]).max())


def test_script_takes_the_rate_that_the_run_picked():
    source = as_script(Settings(solver="gradient-descent"), learning_rate=0.098)
    assert "rate = 0.098\n" in source
    assert "power iteration" not in source
