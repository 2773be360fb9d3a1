"""The house rules that a reader could break without noticing."""

import ast
import graphlib
import re
import subprocess
import sys
import tomllib

import pytest

from lrcore.weights import list_weights, load_weights
from tests.browser.driver import ROOT

CORE = sorted((ROOT / "lrcore").glob("*.py"))
PAGES = sorted((ROOT / "pages").glob("*.py"))
ROOMS = (
    *(".ci", ".streamlit", "benchmarks", "data", "docs", "lessons", "lrcore", "pages"),
    *("ten_thetas", "tests", "ui", "weights"),
)
VENV_ON_WINDOWS = ".venv\\Scripts\\"
FOREIGN = re.compile(
    r"(?<![\w.])/(?:work|home|root|tmp|var|opt|mnt|Users)\b"
    r"|pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|deb\.debian\.org"
)


def name_of(path):
    return str(path.relative_to(ROOT))


def texts():
    """All text files of the project with their content, those that are made on the way aside."""
    # In a worktree of git, .git is a file, too.
    files = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    for room in ROOMS:
        files += [path for path in (ROOT / room).rglob("*") if path.is_file()]
    for path in files:
        try:
            yield name_of(path), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_no_number_field_keeps_what_it_does_not_tell():
    # Of Streamlit's, what lies outside of its bounds stays in the browser: see ui/number_field.py.
    users = [*PAGES, *(ROOT / "ui").rglob("*.py")]
    calls = {
        f"{name_of(path)}:{node.lineno}"
        for path in users
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "number_input"
    }
    assert calls == set()


def test_nothing_is_kept_until_a_time():
    # What Streamlit's caches find fresh may be gone as they take it out: a KeyError on the page.
    kept = {
        f"{name_of(path)}:{node.value.lineno}"
        for path in (*PAGES, *(ROOT / "ui").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "ttl"
    }
    assert kept == set()


def test_what_fails_in_a_fragment_is_said():
    # Its later runs do not pass the router, which does so for whole pages.
    said, fragments = [], []
    for path in (*PAGES, *(ROOT / "ui").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Attribute) and ast.unparse(node) == "st.fragment"):
                continue
            while not isinstance(node, ast.stmt):
                node = parents[node]
            fragments.append(f"{name_of(path)}:{node.lineno}")
            if "errors_said()" in ast.unparse(node):
                said.append(fragments[-1])
    assert fragments == said
    assert len(said) > 5


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_knows_no_user_interface(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    assert not imported & {"streamlit", "altair", "pandas", "ui", "pages"}


@pytest.mark.parametrize("path", [path for path in CORE if path.name != "cli.py"], ids=name_of)
def test_the_core_never_prints(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not (isinstance(node, ast.Name) and node.id == "print"), node.lineno
        assert not (isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr")), (
            node.lineno
        )


def test_no_circle_of_imports_in_the_core():
    """Neither when it runs nor in its types: each module is understood from those below it."""
    below = {path.stem: set() for path in CORE}
    for path in CORE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "lrcore":
                below[path.stem] |= {alias.name for alias in node.names} & set(below)
            elif isinstance(node, ast.ImportFrom) and node.module.startswith("lrcore."):
                below[path.stem].add(node.module.split(".")[1])
            elif isinstance(node, ast.Import):
                names = [alias.name.split(".") for alias in node.names]
                below[path.stem] |= {name[1] for name in names if name[0] == "lrcore" and name[1:]}
    assert "weights" in below["reading"]
    # Raises CycleError, which names the circle.
    list(graphlib.TopologicalSorter(below).static_order())


def test_weights_are_read_without_what_finds_or_draws_digits():
    script = (
        "import sys, lrcore.weights; print(*(name for name in sys.modules if 'lrcore' in name))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    ).stdout.split()
    assert "lrcore.weights" in loaded
    assert not set(loaded) & {
        f"lrcore.{name}" for name in ("segment", "styles", "drawing", "picture")
    }


@pytest.mark.parametrize("folder", ["lrcore", "ui", "pages", "benchmarks", "docs"])
def test_private_names_stay_in_their_module(folder):
    taken = [
        f"{name_of(path)} takes {alias.name} of {node.module}"
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_")
    ]
    assert taken == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_pages_are_thin_and_come_through_the_router(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    # The first statement after the docstring and the imports.
    body = ast.parse(text).body[1:]
    first = next(node for node in body if not isinstance(node, (ast.Import, ast.ImportFrom)))
    assert ast.unparse(first) == "ensure_routed()"


def test_two_commands_set_everything_up_and_the_checks_run_the_readmes_own():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert commands[0].endswith("/streamlit run streamlit_app.py")
    for command in commands:
        (requirements,) = re.findall(r"-r (\S+)", command)
        assert (ROOT / requirements).is_file()
    on_windows = [line for line in lines if line.startswith("py -m venv")]
    assert on_windows == [
        "py"
        + line.removeprefix("python3").replace(" &&", ";").replace(".venv/bin/", VENV_ON_WINDOWS)
        for line in commands
    ]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (wanted,) = re.findall(r"grep -m1 -- '(.+)' README\.md", script)
    assert [line for line in lines if re.search(wanted, line)] == commands[1:]
    assert 'bash -c "$test_command"' in script


def test_the_plan_of_the_house_names_each_room_of_the_core_once():
    plan, _, _ = (ROOT / "docs" / "house.md").read_text(encoding="utf-8").partition("## How to add")
    core = plan.partition("| everything else |")[0]
    named = sorted(re.findall(r"`(\w+\.py)`", core))
    assert named == [path.name for path in CORE if not path.name.startswith("__")]


def test_the_newest_version_is_the_one_that_the_changelog_tells_of():
    released = re.findall(
        r"^## (\d+\.\d+\.\d+) ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M
    )
    assert released == sorted(released, reverse=True)
    assert (
        tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        == released[0]
    )


def test_what_contributing_names_is_there_and_its_checks_run_in_ci():
    text, script = (
        (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
        (ROOT / ".ci" / "run").read_text(encoding="utf-8"),
    )
    named = re.findall(r"[\w./-]+\.(?:py|md|txt)\b", text)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).is_file()] == []
    for check in ("ruff check", "ruff format", "mypy"):
        assert f"`{check}" in text
        assert f".venv/bin/{check}" in script


def test_the_project_names_no_machine_and_no_package_host():
    found = [f"{name}: {match[0]}" for name, text in texts() for match in FOREIGN.finditer(text)]
    assert found == []


def test_no_record_of_weights_names_a_machine():
    good, bad = list_weights()
    assert bad == {}
    for path in good.values():
        assert not FOREIGN.search(str(load_weights(path).record)), path.name


def test_no_test_is_named_by_what_bytes_hold(request):
    """It may differ between processes, which then agree on no list of tests."""
    given = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    named = [
        spec.id
        for spec in given
        for value in spec.params.values()
        if isinstance(value, bytes) and len(value) > 3 and repr(value)[2:-1] in spec.id
    ]
    assert named == []
