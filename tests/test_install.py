"""What pip installs, used from another folder: in an environment made for it, which borrows its
libraries from this one; or in the one that INSTALLED_IN names, where pip fetched them all.
"""

import asyncio
import json
import os
import subprocess
import sys
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lrcore.features import FEATURES
from lrcore.weights import WEIGHTS_FOLDER, load_weights
from tests.browser.driver import IN_THE_BAR, ONE, ROOT, Server, draw
from tests.learner import Learner

WINDOWS = sys.platform == "win32"


class Installed:
    """An environment that the program is installed in, and a user's folders.

    folder : the environment.
    home : where everything that a user has of their own lies.
    here : where commands are run, a folder in the home.
    """

    def __init__(self, folder: Path, home: Path):
        self.folder, self.home, self.here = folder, home, home / "elsewhere Ü θ"
        self.here.mkdir()
        self.programs = folder / ("Scripts" if WINDOWS else "bin")
        # Nothing of this process may lead to the checkout, or to this user's own folders.
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "XDG_", "STREAMLIT_"))
        } | {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}

    def command(self, *arguments: object) -> list[str]:
        """A program of the environment with its arguments, as subprocess takes them."""
        name, *rest = map(str, arguments)
        return [str(self.programs / (f"{name}.exe" if WINDOWS else name)), *rest]

    def start(self, *arguments: object, **options) -> subprocess.Popen:
        """Start a program of the environment in the user's folder."""
        return subprocess.Popen(
            self.command(*arguments), cwd=self.here, env=self.environment, **options
        )

    def run(self, *arguments: object, fails: bool = False) -> str:
        """What a program prints, to stdout or where it should fail to stderr."""
        pipe = subprocess.PIPE
        with self.start(*arguments, stdout=pipe, stderr=pipe, encoding="utf-8") as process:
            out, err = process.communicate(timeout=240)
        assert (process.returncode != 0) == fails, err
        assert "Traceback" not in err
        return err if fails else out

    def lrcore(self, *arguments: object) -> str:
        """What `python -m lrcore` prints."""
        return self.run("python", "-m", "lrcore", *arguments)

    def python(self, code: str) -> str:
        """What a piece of Python prints."""
        return self.run("python", "-c", code).strip()

    def files(self) -> set[Path]:
        """All that lies in the environment."""
        return set(self.folder.rglob("*"))


class InstalledServer(Server):
    """The app as `ten-thetas` starts it."""

    def __init__(self, installed: Installed):
        super().__init__()
        self.installed = installed

    def start(self, port: int) -> subprocess.Popen:
        arguments = ("ten-thetas", "--no-browser", "--port", port, "--address", "127.0.0.1")
        return self.installed.start(*arguments, stdout=self.log, stderr=self.log)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    pip("wheel", *options, "--wheel-dir", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(request, tmp_path_factory):
    """The program, installed."""
    home = tmp_path_factory.mktemp("home")
    if made := os.environ.get("INSTALLED_IN"):
        return Installed(Path(made).resolve(), home)
    made = tmp_path_factory.mktemp("environment")
    venv.EnvBuilder(symlinks=not WINDOWS).create(made)
    result = Installed(made, home)
    (python,) = result.command("python")
    options = ("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
    pip("--python", python, "install", *options, request.getfixturevalue("wheel"))
    place = "import sysconfig; print(sysconfig.get_path('purelib'))"
    libraries = {str(Path(module.__file__).parent.parent) for module in (np, pytest)}
    Path(result.python(place), "borrowed.pth").write_text("\n".join(libraries), encoding="utf-8")
    return result


@pytest.fixture(scope="module")
def served(installed):
    """The installed app, running."""
    with InstalledServer(installed) as server:
        yield server


@pytest.fixture(scope="module")
def seven(installed, test_set):
    """A picture of a 7 in the user's folder."""
    path = installed.here / "seven.png"
    Image.fromarray(test_set.images[0]).resize((140, 140)).save(path)
    return path


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_the_wheel_holds_what_the_checkout_has(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.getinfo(name).file_size for name in archive.namelist()}
    code = [*ROOT.glob("lrcore/*.py"), *ROOT.glob("ten_thetas/*.py")]
    app = [ROOT / "streamlit_app.py", ROOT / ".streamlit" / "config.toml", ROOT / "ui" / "icon.png"]
    app += [*ROOT.glob("pages/*.py"), *ROOT.glob("ui/**/*.py")]
    app += [*ROOT.glob("weights/*.npz"), *ROOT.glob("weights/*.curvature")]
    app += [*ROOT.glob("data/mnist/*.gz"), *ROOT.glob("lessons/*.toml")]
    wanted = {path.relative_to(ROOT).as_posix(): path for path in code}
    wanted |= {f"ten_thetas/{path.relative_to(ROOT).as_posix()}": path for path in app}
    assert len(list(ROOT.glob("data/mnist/*.gz"))) == 4
    assert {name: held.get(name) for name in wanted} == {
        name: path.stat().st_size for name, path in wanted.items()
    }
    # Nothing comes to lie beside other people's packages but these two.
    assert {name.split("/")[0] for name in held if ".dist-info/" not in name} == {
        "lrcore",
        "ten_thetas",
    }


def test_it_asks_for_the_libraries_that_requirements_list(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = archive.read(name).decode()
    asked = [line.split(": ")[1] for line in metadata.splitlines() if line.startswith("Requires-D")]
    listed = (ROOT / "requirements.txt").read_text(encoding="utf-8").split()

    def parts(line):
        name = line.replace(">", "<").split("<")[0]
        return name, frozenset(line.removeprefix(name).split(","))

    assert set(map(parts, asked)) == set(map(parts, listed))


def test_it_lies_in_the_environment_and_not_in_the_checkout(installed):
    place = Path(installed.python("import lrcore; print(lrcore.__file__)"))
    assert place.is_relative_to(installed.folder)


def test_a_picture_is_read_from_any_folder(installed, seven):
    (answer,) = map(json.loads, installed.lrcore("predict", seven.name, "--json").splitlines())
    assert (answer["digit"], answer["file"]) == (7, seven.name)
    assert installed.python("import lrcore; print(lrcore.read('seven.png').digits)") == "[7]"


def test_all_models_and_mnist_are_there(installed):
    shipped = sorted(path.stem for path in WEIGHTS_FOLDER.glob("*.npz"))
    code = "from lrcore.weights import list_weights; print(*list_weights()[0], list_weights()[1])"
    assert sorted(installed.python(code).split()) == sorted([*shipped, "{}"])
    said = json.loads(installed.lrcore("evaluate", "--weights", "pixels", "--json"))
    record = load_weights(WEIGHTS_FOLDER / "pixels.npz").record
    assert said == {"accuracy": pytest.approx(record["test_accuracy"], abs=2e-4), "images": 10_000}


def test_corrections_find_the_curvature(installed):
    code = (
        "from lrcore.corrections import shipped_curvature as shipped; from lrcore.weights import *;"
        "print(shipped(load_weights(find_weights('strokes'))).inverse_root.shape)"
    )
    assert installed.python(code) == "(814, 814)"


def test_what_is_written_goes_to_the_users_own_folders(installed, seven):
    before = installed.files()
    few = ("--images", 300, "--iterations", 2, "--features", "straightened")
    said = installed.lrcore("train", *few, "--keep", "mine")
    kept = Path(said.split(".npz: ")[0] + ".npz")
    assert kept.is_file()
    if not WINDOWS:  # There, the user's folders do not hang on a variable.
        assert kept.is_relative_to(installed.home)
        code = "from lrcore.places import CACHE_FOLDER; print(CACHE_FOLDER)"
        cached = Path(installed.python(code))
        assert cached.is_relative_to(installed.home)
        assert {path.name.split("-")[0] for path in cached.iterdir()} == {"straightened"}
    info = json.loads(installed.lrcore("info", "mine", "--json"))
    assert info["name"] == "mine"
    # No word in the file on where this user's folders lie.
    assert info["command"].endswith("--keep mine")
    assert "digit" in json.loads(
        installed.lrcore("predict", seven.name, "--weights", "mine", "--json")
    )
    again = ("python", "-m", "lrcore", "train", *few, "--keep", "mine")
    assert "There is a model called mine already" in installed.run(*again, fails=True)
    assert installed.files() == before
    assert [path.name for path in installed.here.iterdir()] == [seven.name]


def test_the_command_says_what_it_does_and_where_things_lie(installed):
    said = "".join(installed.run("ten-thetas", "--help").split())
    code = "from lrcore.places import *; print(OWN_WEIGHTS_FOLDER, CACHE_FOLDER, sep='\\n')"
    for word in ("--port", "--address", "--no-browser", *installed.python(code).splitlines()):
        assert "".join(word.split()) in said


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "8501.5", "²"])
def test_a_port_that_is_none_is_one_sentence(installed, port):
    said = installed.run("ten-thetas", f"--port={port}", fails=True)
    assert f"'{port}' is no port; choose one from 1 to 65535" in said


def test_the_command_opens_the_app_which_reads(served):
    async def visit():
        async with Learner(served.url) as learner:
            answer = await learner.draw([330 * np.array(stroke) for stroke in ONE])
            pages = {}
            for page in IN_THE_BAR[1:]:
                await learner.go_to(page)
                pages[page] = learner.text()
            return answer, pages, learner.errors

    # In a thread of its own: the browser that other tests hold has an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        answer, pages, errors = pool.submit(asyncio.run, visit()).result()
    assert answer.digit == "1"
    assert errors == []
    # Each feature map of the core can be trained with, so the app found the same core.
    assert all(name in pages["Train"] for name in FEATURES)


@pytest.mark.browser
def test_it_looks_as_in_the_checkout(served, page, chromium):
    looks = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    draw(page, ONE)
    other = chromium.new_page()
    try:
        other.goto(served.url)
        draw(other, ONE)
        other.wait_for_selector("[data-answer='1']")
        assert other.evaluate(looks) == page.evaluate(looks) != "rgb(255, 255, 255)"
    finally:
        other.close()
