"""'How to add' of docs/house.md, followed to the letter in a copy of the project."""

import csv
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from tests.browser.driver import ROOT

PARTS = ("lrcore", "ui", "pages", "weights", "data/mnist", ".streamlit", "streamlit_app.py")
# What a visitor of the app in the copy would find, as JSON.
VISIT = """
import json
from streamlit.testing.v1 import AppTest

app = AppTest.from_file("streamlit_app.py", default_timeout=60).run()
app.switch_page("pages/train.py").run()
solvers, features = (app.selectbox(key=key).options for key in ("solver", "features"))
app.selectbox(key="solver").set_value("bold-driver").run()
offered = [box.label for box in app.text_input]
app.switch_page("pages/average.py").run()
assert not app.exception, app.exception
print(json.dumps({
    "solvers": solvers,
    "features": features,
    "offered": offered,
    "title": app.title[0].value,
    "pictures": len(app.get("image")),
}))
"""
# A run and its script, in the copy.
SCRIPT = """
from lrcore.data import load_dataset
from lrcore.script import as_script
from lrcore.settings import Settings
from lrcore.training import Run, RunRequest

settings = Settings(solver="bold-driver", images=600, iterations=10)
run = Run(RunRequest(settings, load_dataset()))
assert len(list(run.steps())) == 11, run.message
exec(as_script(settings), names := {})
print(abs(names["theta"] - run.theta).max() / abs(run.theta).max())
"""


@dataclass
class Recipe:
    """One of these recipes: the file that it is about, and what to write there."""

    path: str
    code: str

    def follow(self, copy: Path) -> None:
        with open(copy / self.path, "a", encoding="utf-8") as file:
            file.write("\n\n" + self.code)


SECTION = re.search(
    r"^## How to add\n(.*)", (ROOT / "docs" / "house.md").read_text(encoding="utf-8"), re.M | re.S
)[1]
BLOCK = re.compile(r"`(\S+)`:\n```python\n(.*?)```", re.S)
RECIPES = [Recipe(*found) for found in BLOCK.findall(SECTION)]
ROUTING, ENTRY = re.search(r"in the list of `(\S+)`: `(.+)`", SECTION).groups()


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the project in which all the recipes have been followed."""
    folder = tmp_path_factory.mktemp("copy")
    for part in PARTS:
        copied = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copied(ROOT / part, folder / part)
    for recipe in RECIPES:
        recipe.follow(folder)
    routing = (folder / ROUTING).read_text(encoding="utf-8")
    assert routing.count("    ]\n") == 1
    (folder / ROUTING).write_text(
        routing.replace("    ]\n", f"        {ENTRY}\n    ]\n"), encoding="utf-8"
    )
    return folder


def python(copy: Path, *arguments: str) -> str:
    """What Python, started in the copy, prints."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=copy, capture_output=True, encoding="utf-8", timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def lrcore(copy: Path, *arguments: str) -> str:
    """What the copy's command line prints."""
    return python(copy, "-m", "lrcore", *arguments)


@pytest.fixture(scope="module")
def visit(copy):
    """What a visitor of the copy's app finds."""
    return json.loads(python(copy, "-c", VISIT))


def costs(copy: Path, solver: str) -> list[float]:
    """The cost after each of thirty iterations."""
    history = copy / f"{solver}.csv"
    few = ("--images", "600", "--iterations", "30", "--out", f"{solver}.npz")
    lrcore(copy, "train", "--solver", solver, *few, "--history", history.name)
    with open(history, newline="", encoding="utf-8") as file:
        return [float(row["cost"]) for row in csv.DictReader(file)]


def test_each_takes_under_ten_lines_and_says_where_they_go():
    paths = [recipe.path for recipe in RECIPES]
    assert paths == ["lrcore/solvers.py", "lrcore/features.py", "pages/average.py"]
    assert [(ROOT / path).is_file() for path in paths] == [True, True, False]
    solver, features, page = (len(recipe.code.splitlines()) for recipe in RECIPES)
    assert max(solver, features, page + 1) < 10


def test_the_new_solver_trains_and_gets_farther_than_gradient_descent(copy):
    new, old = costs(copy, "bold-driver"), costs(copy, "gradient-descent")
    assert new[0] == old[0]
    assert new[-1] < 0.8 * old[-1]


def test_the_new_solver_has_a_script(copy):
    assert float(python(copy, "-c", SCRIPT).splitlines()[-1]) < 1e-4


def test_the_new_feature_map_trains_and_predicts(copy, test_set):
    lrcore(copy, "train", "--features", "black-and-white", "--images", "600", "--out", "bw.npz")
    assert json.loads(lrcore(copy, "info", "bw.npz", "--json"))["features"] == "black-and-white"
    Image.fromarray(test_set.images[0]).resize((280, 280)).save(copy / "digit.png")
    said = json.loads(lrcore(copy, "predict", "digit.png", "--weights", "bw.npz", "--json"))
    assert said["digit"] == test_set.labels[0]


def test_both_can_be_chosen_on_the_train_page(visit):
    assert "Bold driver" in visit["solvers"]
    assert "black-and-white" in visit["features"]
    # It reads no knob, so none is shown.
    assert not {"Learning rate", "Momentum", "Batch size"} & set(visit["offered"])
    assert "Iterations" in visit["offered"]


def test_the_new_page_can_be_reached_through_the_router(visit):
    assert visit["title"] == "Average"
    assert visit["pictures"] == 1
