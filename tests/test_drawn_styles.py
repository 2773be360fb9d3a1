"""The benchmark of digits drawn by rule, on a few of them."""

import json
import re

from benchmarks import drawn_styles
from lrcore.styles import STYLES


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["drawn_styles.py", *map(str, arguments)])
    code = drawn_styles.main()
    return code, capsys.readouterr()


def test_a_line_a_style_and_the_lowest(monkeypatch, capsys):
    code, printed = run(monkeypatch, capsys, "--digits", 4)
    lines = printed.out.splitlines()
    assert len(lines) == len(STYLES) + 2
    for name, line in zip(STYLES, lines, strict=False):
        assert line.startswith(f"{name} ")
        assert "%" in line
    assert f"{len(STYLES)} styles" in lines[-1]
    assert code == int(any(re.search(r"\d as \d", line) for line in lines[: len(STYLES)]))


def test_a_reader_of_little_fails_and_json_holds_shares(monkeypatch, capsys):
    pixels = drawn_styles.DEFAULT.with_name("pixels-6000.npz")
    code, printed = run(monkeypatch, capsys, "--digits", 2, "--json", "--weights", pixels)
    shares = json.loads(printed.out)
    assert shares.keys() == STYLES.keys()
    assert min(shares.values()) < drawn_styles.GOAL
    assert code == 1


def test_what_is_drawn_is_not_what_was_learned_from():
    assert drawn_styles.SEED != 0


def test_missing_weights_are_a_sentence(monkeypatch, capsys, tmp_path):
    code, printed = run(monkeypatch, capsys, "--weights", tmp_path / "none.npz")
    assert code == 1
    assert "none.npz" in printed.err
    assert not printed.out
