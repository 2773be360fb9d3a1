"""The benchmark on real hands, on a few digits drawn by rule in its file's form."""

import gzip
import json

import numpy as np
import pytest

from benchmarks import real_hands
from lrcore.errors import UserError

ONE = [[[250, 100], [250, 400]]]
SEVEN = [[[150, 100], [350, 100], [220, 400]]]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "hands.json.gz"
    digits = [
        {"label": 1, "writer": "a", "strokes": ONE},
        {"label": 7, "writer": "b", "strokes": SEVEN},
        {"label": 0, "writer": "b", "strokes": SEVEN},
    ]
    path.write_bytes(gzip.compress(json.dumps(digits).encode(), mtime=0))
    return path


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["real_hands.py", *map(str, arguments)])
    code = real_hands.main()
    return code, capsys.readouterr()


def test_json_prints_one_object_of_shares(file, monkeypatch, capsys):
    code, printed = run(monkeypatch, capsys, file, "--json")
    assert code == 0
    figures = json.loads(printed.out)
    assert {"naive", "pixels", "straightened", "strokes"} <= figures.keys()
    # The third digit is labelled wrongly, so no reader can get it.
    assert figures["strokes"] == pytest.approx(2 / 3)
    # That one mistake is corrected, and hardly changes how the test set of MNIST is read.
    assert figures["corrected_last_100"] == pytest.approx(0.75)
    assert figures["corrections_per_writer"] == pytest.approx(0.5)
    assert figures["mnist_after"] == pytest.approx(figures["mnist_before"], abs=0.005)
    assert figures["by_digit"]["strokes"] == {"0": 0.0, "1": 1.0, "7": 1.0}
    assert figures["by_writer"]["strokes"] == {"a": 1.0, "b": 0.5}


def test_the_table_names_every_way_and_writer(file, monkeypatch, capsys):
    code, printed = run(monkeypatch, capsys, file)
    assert code == 0
    assert "3 digits of 2 writers" in printed.out
    assert "b 50.0, a 100.0" in printed.out


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\x1f\x8bdamaged",
        b"{}",
        b"[]",
        b'[{"label": 12, "writer": 1, "strokes": [[[1, 2]]]}]',
        b'[{"label": 1, "writer": 1, "strokes": [[[1, 2, 3]]]}]',
    ],
)
def test_missing_and_damaged_files_get_a_sentence(content, tmp_path, monkeypatch, capsys):
    path = tmp_path / "hands.json"
    if content is not None:
        path.write_bytes(content)
    code, printed = run(monkeypatch, capsys, path)
    assert code != 0
    assert printed.out == ""
    assert "hands.json" in printed.err
    assert "Traceback" not in printed.err
    with pytest.raises(UserError):
        real_hands.load_hands(path)


def test_strokes_keep_their_shape(file):
    strokes, labels, writers = real_hands.load_hands(file)
    np.testing.assert_array_equal(strokes[1][0], SEVEN[0])
    assert labels.tolist() == [1, 7, 0]
    assert writers.tolist() == ["a", "b", "b"]
