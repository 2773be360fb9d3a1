"""What keeps the project from running on one system alone, looked for in its code.

Some of it is tried here as well: with all that only POSIX has taken away, as on Windows, and in
a locale that knows nothing but ASCII.
"""

import ast
import functools
import os
import re
import subprocess
import sys

import pytest
from PIL import Image

from tests.browser.driver import ROOT

MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
# By the documentation of Python's library: "Availability: Unix" (or less).
NAMES = {
    "os": {
        *("WNOHANG", "chown", "fork", "forkpty", "getgid", "getloadavg", "getpgid", "getuid"),
        *("geteuid", "killpg", "lchown", "mkfifo", "nice", "openpty", "posix_fallocate"),
        *("posix_spawn", "pread", "pwrite", "sched_getaffinity", "sched_setaffinity", "setpgid"),
        *("setsid", "setuid", "statvfs", "sync", "sysconf", "uname", "wait", "wait3", "wait4"),
    },
    "signal": {
        *("SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGSTOP", "SIGTSTP"),
        *("SIGUSR1", "SIGUSR2", "alarm", "pause", "pthread_kill", "setitimer", "sigwait"),
    },
    "time": {"pthread_getcpuclockid", "tzset"},
    # How POSIX's shells read a line, and no other.
    "shlex": {"join", "quote", "split"},
}
# Methods and options of whatever object: Windows lets few users make links.
ANYWHERE = {"hardlink_to", "preexec_fn", "start_new_session", "symlink", "symlink_to"}
PLACES = [f"/{name}" for name in ("bin", "dev/", "etc", "home", "proc", "tmp", "usr", "var")]
SHELLS = {"bash", "sh"}

# What there is of it, and why it does no harm elsewhere.
GUARDED = {
    "lrcore/archive.py": ({"fcntl"}, "behind sys.platform"),
    "lrcore/command.py": ({"shlex.quote"}, "behind sys.platform: `quoted`"),
    "benchmarks/accuracy_speed.py": ({"/proc"}, "only where the file is there"),
    "benchmarks/first_sweep.py": ({"/proc"}, "need_linux() ends it with a sentence"),
    "benchmarks/load.py": (
        {"os.sched_getaffinity", "os.sched_setaffinity", "os.sysconf", "signal.SIGUSR1"}
        | {"signal.SIGUSR2", "/proc"},
        "need_linux() ends it with a sentence",
    ),
    "benchmarks/page_speed.py": ({"/proc"}, "need_linux() ends it with a sentence"),
    "benchmarks/processor.py": (
        {"/proc", "os.sysconf", "resource"},
        "behind need_linux(), or where its import fails",
    ),
    "benchmarks/watched_run.py": (
        {"/proc", "signal.SIGCONT", "signal.SIGSTOP"},
        "need_linux() ends it with a sentence",
    ),
    "benchmarks/hostile_files.py": ({"/etc"}, "a name in a file, never a path"),
    "tests/test_deploy.py": (
        {"sh"},
        "skipped where there is no nginx; the image that it is for is Linux",
    ),
    "tests/test_hostile.py": (
        {"/etc", "symlink_to"},
        "a name that a visitor makes up; skipped where links cannot be made",
    ),
}
LINUX_ONLY = ("first_sweep", "load", "page_speed", "watched_run")

# Python, made to lack what only POSIX has: our modules must load and work all the same.
AS_ON_WINDOWS = """
import importlib, os, signal, sys, time
# What the libraries need of their own system they take before.
import altair, hypothesis, numpy, pandas, PIL.Image, platformdirs, playwright.sync_api, pytest
import scipy.linalg, scipy.ndimage, scipy.optimize, sklearn.linear_model, streamlit.testing.v1
import streamlit.web.cli, tempfile, threadpoolctl, websockets
import asyncio, multiprocessing, concurrent.futures.process, subprocess
from tests.test_anywhere import MODULES, NAMES

for module in MODULES:
    sys.modules[module] = None
for module in (os, signal, time):
    for name in NAMES[module.__name__]:
        if hasattr(module, name):
            delattr(module, name)
sys.platform = "win32"
"""


@functools.cache
def modules() -> list[tuple[str, ast.Module]]:
    """The project's own modules: names and syntax trees."""
    paths = [ROOT / "streamlit_app.py"]
    for room in ("lrcore", "ten_thetas", "ui", "pages", "benchmarks", "docs", "tests"):
        paths += sorted((ROOT / room).rglob("*.py"))
    return [
        (path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for path in paths
    ]


def posix_only(tree: ast.AST) -> set[str]:
    """What a module names that only POSIX has."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} & MODULES
            names = {alias.name for alias in node.names} & NAMES.get(node.module, set())
            found |= {f"{node.module}.{name}" for name in names}
        elif isinstance(node, ast.Attribute):
            home = getattr(node.value, "id", None)
            if node.attr in NAMES.get(home, ()):
                found.add(f"{home}.{node.attr}")
            found |= {node.attr} & ANYWHERE
        elif isinstance(node, ast.keyword):
            found |= {node.arg} & ANYWHERE
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {place for place in PLACES if node.value.startswith(place)}
            found |= {node.value} & SHELLS
    return found


def python(code: str, **environment: str) -> str:
    """What a piece of Python prints, started in the project."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("code", "finds"),
    [
        ("import resource", {"resource"}),
        ("from fcntl import flock", {"fcntl"}),
        ("from os import fork, path", {"os.fork"}),
        ("import os; os.sched_getaffinity(0); os.getpid()", {"os.sched_getaffinity"}),
        ("process.send_signal(signal.SIGKILL)", {"signal.SIGKILL"}),
        ("path.symlink_to('elsewhere')", {"symlink_to"}),
        ("Popen(['sh', 'x'], start_new_session=True)", {"sh", "start_new_session"}),
        ("open(f'/proc/{pid}/stat')", {"/proc"}),
        ("print('and/or', 'she')", set()),
    ],
)
def test_what_only_posix_has_is_found(code, finds):
    assert posix_only(ast.parse(code)) == finds


def test_nothing_that_only_posix_has_is_used_without_a_guard():
    # This module names it all.
    named = {name: posix_only(tree) for name, tree in modules() if name != "tests/test_anywhere.py"}
    assert {name: found for name, found in named.items() if found} == {
        name: found for name, (found, _) in GUARDED.items()
    }


def test_without_what_only_posix_has_everything_loads_and_the_core_trains_and_reads(tmp_path):
    every = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name, _ in modules()
        # Scripts, which do something as they load.
        if not name.startswith(("pages/", "streamlit_app", "benchmarks/canvas_echo"))
        and "__main__" not in name
    ]
    use = f"""
for name in {every}:
    importlib.import_module(name)
from lrcore.cli import main
out = {str(tmp_path / "model.npz")!r}
for _ in range(2):
    assert main(["train", "--images", "300", "--iterations", "2", "--features", "straightened",
                 "--out", out]) == 0
assert main(["info", out]) == 0
"""
    assert "--out" in python(AS_ON_WINDOWS + use)
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]


@pytest.mark.parametrize("name", LINUX_ONLY)
def test_a_benchmark_that_needs_linux_says_so_in_one_sentence(name):
    away = "import benchmarks.processor as p; p.PROC = p.Path('nowhere');"
    run = f"import sys, benchmarks.{name} as b; sys.argv = ['b'];"
    # A main() that takes something takes how often.
    call = "b.main(*[1] * b.main.__code__.co_argcount)"
    with pytest.raises(AssertionError, match="This benchmark needs Linux") as caught:
        python(away + run + call)
    assert len(str(caught.value).splitlines()[0].split(". ")) == 1
    assert "Traceback" not in str(caught.value)


def without_encoding(tree: ast.AST) -> list[int]:
    """The lines where text is read or written in whatever encoding the system has."""
    lines = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        options = {keyword.arg: keyword.value for keyword in node.keywords}
        name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
        words = [
            value.value
            for value in (*node.args, *options.values())
            if isinstance(value, ast.Constant) and isinstance(value.value, str)
        ]
        modes = [word for word in words if word and set(word) <= set("rwxabt+")]
        opens = modes and not any("b" in mode for mode in modes)
        opens = opens or (isinstance(node.func, ast.Name) and not modes)
        text = (
            (name == "read_text" and not node.args)
            or (name == "write_text" and len(node.args) < 2)
            or (name in ("open", "fdopen", "NamedTemporaryFile", "TemporaryFile") and opens)
            or (
                {"text", "universal_newlines"} & options.keys() & {"text", "universal_newlines"}
                and name in ("run", "Popen", "check_output")
            )
        )
        if text and "encoding" not in options:
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("path.read_text()\npath.read_text('utf-8')\npath.read_text(encoding='utf-8')", [1]),
        ("path.write_text('a')\npath.write_text('a', encoding='utf-8')", [1]),
        ("open(path)\nopen(path, 'rb')\nopen(path, 'w')\nopen(path, encoding='utf-8')", [1, 3]),
        ("path.open('w')\npath.open('rb')\nImage.open(path)", [1]),
        ("run(a, text=True)\nrun(a, encoding='utf-8')\nrun(a)", [1]),
    ],
)
def test_text_without_an_encoding_is_found(code, lines):
    assert without_encoding(ast.parse(code)) == lines


def test_text_is_read_and_written_in_utf_8_whatever_the_system_has():
    found = {name: without_encoding(tree) for name, tree in modules()}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_what_tests_start_does_not_depend_on_where_they_were_started():
    starts = {
        f"{name}:{node.lineno}": {keyword.arg for keyword in node.keywords}
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and getattr(node.func.value, "id", None) == "subprocess"
        and node.func.attr in ("run", "Popen", "check_output", "check_call")
    }
    assert len(starts) > 5
    assert {place for place, options in starts.items() if "cwd" not in options} == set()


def test_a_name_that_the_terminal_cannot_show_is_no_traceback(tmp_path, test_set):
    path = tmp_path / "sieben θ.png"
    Image.fromarray(test_set.images[0]).save(path)
    code = f"from lrcore.cli import main; main(['predict', {str(path)!a}])"
    # As where what a program prints goes into a file on Windows.
    said = python(code, PYTHONUTF8="1", PYTHONIOENCODING="cp1252")
    assert r"sieben \u03b8.png: 7" in said


# Results in float32: what is reached by another route differs in the last digits.
FLOAT32 = re.compile(
    r"(?:.*_)?(?:confidence|decision|probabilit(?:y|ies)|predict_proba|thetas?)(?:_.*)?|scores?"
)
COMPARISONS = {"allclose", "approx", "assert_allclose", "assert_almost_equal", "isclose"}
BOUNDS = {"abs", "atol", "rel", "rtol"}


def bare_comparisons(tree: ast.AST) -> list[int]:
    """The lines where such results are compared within whatever is the library's default."""
    lines = []
    for node in ast.walk(tree):
        # What `approx` is compared to stands outside of its call.
        calls = [node, *node.comparators] if isinstance(node, ast.Compare) else [node]
        for call in calls:
            if not isinstance(call, ast.Call) or BOUNDS & {word.arg for word in call.keywords}:
                continue
            name = getattr(call.func, "attr", None) or getattr(call.func, "id", "")
            named = {
                getattr(part, "attr", None) or getattr(part, "id", "") for part in ast.walk(node)
            }
            if name in COMPARISONS and any(map(FLOAT32.fullmatch, named)):
                lines.append(call.lineno)
    return sorted(set(lines))


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("assert readings.scores == approx(other)\nassert scores == approx(other, abs=1e-4)", [1]),
        ("assert one == pytest.approx(found.confidence[behind])", [1]),
        ("np.testing.assert_allclose(one.theta, two.theta)", [1]),
        ("assert np.allclose(p.probabilities.sum(1), 1)\nsame_scores(scores, other)", [1]),
        ("assert cost == approx(3)\nassert confident == approx(1)", []),
    ],
)
def test_a_bare_comparison_is_found(code, lines):
    assert bare_comparisons(ast.parse(code)) == lines


def test_results_in_float32_meet_no_bare_comparison():
    found = {name: bare_comparisons(tree) for name, tree in modules() if name.startswith("tests/")}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_whatever_compares_such_results_is_tried_on_another_kernel():
    users = {
        name: tree
        for name, tree in modules()
        if any(
            isinstance(node, ast.ImportFrom) and node.module == "tests.tolerances"
            for node in ast.walk(tree)
        )
    }
    assert len(users) > 3
    assert {
        name for name, tree in users.items() if "pytest.mark.numeric" not in ast.unparse(tree)
    } == set()
