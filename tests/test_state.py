"""Every key of the session is declared in ui/state.py, and lasts as long as it says there."""

import ast
import string

import numpy as np
import pytest

from lrcore.data import as_set
from lrcore.own_set import OwnDigits
from lrcore.two_numbers import Choice
from tests.browser.driver import ROOT
from tests.helpers import choose_way, open_page, wait_for
from ui import state
from ui.brought import Brought, Picture
from ui.canvas import Kept
from ui.state import KEPT_DRAWING, TABLE, Declared, Lasts, declared
from ui.train.runs import Runs
from ui.two_numbers import Learning

STATE = ROOT / "ui" / "state.py"
FILES = [
    path
    for path in (
        ROOT / "streamlit_app.py",
        *sorted((ROOT / "pages").glob("*.py")),
        *sorted((ROOT / "ui").rglob("*.py")),
    )
    if path != STATE
]


def is_state(node, aliases):
    return ast.unparse(node) == "st.session_state" or (
        isinstance(node, ast.Name) and node.id in aliases
    )


def keys_used(tree):
    """The expressions that stand for a key: of a widget, and of the session."""
    aliases = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == "st.session_state"
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (word.value for word in node.keywords if word.arg == "key")
            if isinstance(node.func, ast.Attribute) and is_state(node.func.value, aliases):
                for word in node.keywords:
                    yield ast.Constant(word.arg or "**", lineno=node.lineno)
                given = node.args[:1]
                if node.func.attr == "update":
                    given = [key for table in given for key in getattr(table, "keys", [])]
                yield from given
        elif isinstance(node, ast.Subscript) and is_state(node.value, aliases):
            yield node.slice
        elif isinstance(node, ast.Compare) and any(
            is_state(part, aliases) for part in node.comparators
        ):
            yield node.left
        elif (
            isinstance(node, ast.Attribute)
            and is_state(node.value, aliases)
            and not hasattr(dict, node.attr)
        ):
            yield ast.Constant(node.attr, lineno=node.lineno)


def bare(tree):
    """Keys that are spelt where they are used, or in a constant of the same module."""
    spelt = (ast.Constant, ast.JoinedStr, ast.BinOp)
    own = {
        name.id
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for name in (target.elts if isinstance(target, ast.Tuple) else [target])
        if isinstance(name, ast.Name)
    }
    return [
        (node.lineno, ast.unparse(node))
        for node in keys_used(tree)
        if isinstance(node, spelt) or (isinstance(node, ast.Name) and node.id in own)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_key_is_spelt_outside_the_table(path):
    assert bare(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "st.button('x', key='a')",
        "st.button('x', key=f'a-{i}')",
        "st.session_state['a'] = 1",
        "st.session_state.a = 1",
        "st.session_state.get('a', 0)",
        "st.session_state.update(a=1)",
        "st.session_state.update({'a': 1})",
        "'a' in st.session_state",
        "state = st.session_state\nstate['a']",
        "A = 'a'\nst.session_state[A]",
    ],
)
def test_a_spelt_key_is_found(line):
    assert len(bare(ast.parse(line))) == 1


def test_each_key_is_declared_once_and_says_what_it_is():
    patterns = [entry.pattern for entry in TABLE]
    assert len(patterns) == len(set(patterns))
    for entry in TABLE:
        assert entry.holds
        assert entry.writer
        assert isinstance(entry.lasts, Lasts)


def test_a_key_belongs_to_one_declaration():
    for entry in TABLE:
        parts = {name: "7" for _, name, *_ in string.Formatter().parse(entry.pattern) if name}
        key = entry.pattern.format(**parts)
        assert [other.pattern for other in TABLE if other.covers(key)] == [entry.pattern]
    assert Declared("a-{b}", "", "", Lasts.PAGE).covers("a-1\n2")
    assert not Declared("a-{b}", "", "", Lasts.PAGE).covers("xa-1")
    assert declared("nonsense") is None


def test_what_is_work_is_said_by_the_table_and_nothing_is_none():
    guess, line, runs = "lesson-guess-a", Learning(Choice()), Runs()
    assert [declared(guess).is_work(value) for value in (None, 0, 2)] == [False, True, True]
    for key, empty in (
        ("own_models", {}),
        ("own_digits", OwnDigits()),
        ("canvas_kept", Kept()),
        ("brought-Upload", Brought()),
        ("training_runs", runs),
        ("two_learning", line),
    ):
        assert not declared(key).is_work(empty)
    line.start(np.ones((1, 3)))
    runs.sweep = object()
    for key, full in (
        ("own_models", {"mine": None}),
        ("own_digits", OwnDigits(as_set([np.zeros((28, 28))], [1]), np.zeros(1, bool))),
        ("canvas_kept", Kept({"objects": [ONE]})),
        ("brought-Upload", Brought([Picture("a", "a.png", b"")])),
        ("training_runs", runs),
        ("two_learning", line),
    ):
        assert declared(key).is_work(full)
    # A choice of how to look, and what only tells of the browser, are none.
    assert not declared("chosen_model").is_work("pixels")
    assert not declared("this_tab").is_work(object())


def test_who_only_looks_at_the_pages_has_done_no_work(app):
    app.run()
    seen = set()
    for way in ("A row", "Upload", "Test set"):
        choose_way(app, way)
    for page in ("train", "weights", "hand", "how", "two-numbers", "valley"):
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception
        kinds = [(key, declared(key)) for key in app.session_state]
        work = {key: app.session_state[key] for key, entry in kinds if entry.work}
        seen |= work.keys()
        assert [key for key, value in work.items() if declared(key).is_work(value)] == []
    # Much of it is there, with nothing in it.
    assert len(seen) > 4


LABELLED = next(entry for entry in TABLE if entry.pattern.startswith("label-"))
ONE = {
    "type": "path",
    "path": [["M", 165, 60], ["Q", 165, 60, 165, 160], ["L", 165, 270]],
    **{"left": 0, "top": 0, "width": 0, "height": 210, "stroke": "#1f2430", "strokeWidth": 16},
}


def test_all_keys_of_a_walk_through_the_pages_are_declared(app):
    app.session_state[KEPT_DRAWING(canvas="canvas")] = Kept({"objects": [ONE]})
    seen = set()

    def look():
        assert not app.exception
        for key in app.session_state:
            entry = declared(key)
            assert entry is not None, key
            assert entry.lasts is not Lasts.RUN, key
            seen.add(entry.pattern)

    open_page(app, "pages/train.py", {"images": "600", "iterations": "3"})
    app.button(key="start").click().run()
    wait_for(lambda: app.session_state["training_runs"].job.finished, 60)
    app.run()
    look()
    for tab in ("Compare", "Python"):
        app.session_state["train_tab"] = tab
        app.run()
        look()
    app.switch_page("pages/predict.py").run()
    app.button_group(key="closer-drawn").set_value("Why this answer?").run()
    labels = [b for b in app.button if declared(str(b.key)) is LABELLED]
    next(b for b in labels if b.label.endswith(" 7")).click().run()
    look()
    for way in ("A row", "Upload", "Camera", "Test set"):
        choose_way(app, way)
        look()
    for page in ("weights", "hand", "mistakes", "how", "two-numbers", "valley"):
        app.switch_page(f"pages/{page}.py").run()
        look()
    assert len(seen) > 60


# Widgets without `persist_state`, whose choice a script writes back in each run instead.
WRITTEN_BACK = {"CHOSEN_MODEL"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_widget_keeps_its_value_through_a_change_of_page_where_the_table_says_so(path):
    """Streamlit forgets a widget's value with its page, unless it is told otherwise."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        words = {word.arg: word.value for word in getattr(node, "keywords", [])}
        key = words.get("key")
        name = getattr(getattr(key, "func", key), "id", None)
        made = getattr(state, name or "", None)
        # What makes a family's keys is the `format` of its pattern.
        pattern = getattr(made, "__self__", made)
        if not isinstance(node, ast.Call) or not isinstance(pattern, str):
            continue
        entry = next(entry for entry in TABLE if entry.pattern == pattern)
        lasting = entry.lasts in (Lasts.SESSION, Lasts.ADDRESS)
        assert name in WRITTEN_BACK or lasting == ("persist_state" in words), (node.lineno, name)
