"""The command line, as its users meet it."""

import csv
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lrcore.cli import main
from lrcore.command import quoted
from lrcore.metrics import reliability
from lrcore.places import ROOT
from lrcore.reading import Reader
from lrcore.styles import make_scribbles
from lrcore.weights import WEIGHTS_FOLDER, list_weights, load_weights, save_weights


def run(capsys, *arguments):
    """Run the command line; returns (exit code, stdout, stderr)."""
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, test_set):
    """A PNG of each of the first ten test digits."""
    folder = tmp_path_factory.mktemp("digits")
    paths = [folder / f"{i}-{test_set.labels[i]}.png" for i in range(10)]
    for i, path in enumerate(paths):
        Image.fromarray(test_set.images[i]).save(path)
    return paths


def test_predict_reads_several_pictures(capsys, pictures):
    code, out, _ = run(capsys, "predict", *pictures, "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [answer["file"] for answer in answers] == [str(path) for path in pictures]
    assert [answer["digit"] for answer in answers] == [int(p.stem[-1]) for p in pictures]
    assert all(len(answer["probabilities"]) == 10 for answer in answers)
    assert [answer["text"] for answer in answers] == [p.stem[-1] for p in pictures]


def test_predict_says_it_in_words(capsys, pictures):
    code, out, _ = run(capsys, "predict", pictures[0])
    assert code == 0
    assert f"{pictures[0]}: 7" in out
    assert "7: 1.00" in out


def test_predict_is_told_how_many_digits_there_are(capsys, tmp_path):
    page = np.full((300, 300), 255, np.uint8)
    page[50:250, 100:120] = page[50:250, 180:200] = 0
    Image.fromarray(page).save(tmp_path / "two.png")
    told = {(): 2, ("--one",): 1, ("--several",): 2}
    for option, digits in told.items():
        _, out, _ = run(capsys, "predict", tmp_path / "two.png", "--json", *option)
        assert len(json.loads(out)["boxes"]) == digits
    with pytest.raises(SystemExit):
        run(capsys, "predict", tmp_path / "two.png", "--one", "--several")


def test_predict_says_which_page_it_reads_and_what_a_folder_is(capsys, tmp_path, test_set):
    seven = Image.fromarray(test_set.images[0])
    blank = Image.new("L", seven.size)
    blank.save(tmp_path / "pages.tiff", save_all=True, append_images=[seven])
    code, out, err = run(capsys, "predict", tmp_path / "pages.tiff", "--json")
    assert (code, json.loads(out)["text"]) == (0, "7")
    assert "page 2 is read" in err
    code, _, err = run(capsys, "predict", tmp_path)
    assert code == 1
    assert "is a folder" in err
    assert len(err.splitlines()) == 1


def test_a_binary_model_answers_in_a_sentence(capsys, pictures):
    one = next(path for path in pictures if path.stem.endswith("1"))
    _, out, _ = run(capsys, "predict", one, "--weights", WEIGHTS_FOLDER / "zero-or-one.npz")
    assert "this is a 1 (1.00)" in out


def test_a_bad_picture_leaves_one_sentence_and_the_others_are_read(capsys, pictures, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture at all")
    code, out, err = run(capsys, "predict", pictures[0], tmp_path / "bad.png", pictures[1])
    assert code != 0
    assert len(err.strip().splitlines()) == 1
    assert "bad.png" in err
    assert f"{pictures[0]}: 7" in out
    assert f"{pictures[1]}: 2" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "x.png", "--weights", "nowhere.npz"),
        ("evaluate", "--weights", "nowhere.npz"),
        ("evaluate", "--data", "nowhere"),
        ("info", "nowhere.npz"),
        ("train", "--out", "nowhere/x.npz", "--images", "100", "--iterations", "1"),
        ("train", "--out", "x.npz", "--images", "3"),
        ("train", "--out", "x.npz", "--solver", "magic"),
        ("train", "--out", "x.npz", "--task", "two-digits", "--digit", "4", "--against", "4"),
        ("train", "--out", "x.npz", "--C", "nan"),
        ("train", "--out", "x.npz", "--C", "-1"),
    ],
)
def test_a_bad_input_is_one_sentence_and_a_non_zero_exit(capsys, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert code != 0
    assert out == ""
    sentences = [line for line in err.splitlines() if not line.startswith("Done")]
    assert len(sentences) == 1
    assert "Traceback" not in err


def test_evaluate_prints_accuracy_and_count(capsys):
    _, out, _ = run(capsys, "evaluate", "--weights", WEIGHTS_FOLDER / "pixels.npz", "--json")
    answer = json.loads(out)
    assert answer["images"] == 10_000
    assert answer["accuracy"] >= 0.919


def test_info_shows_the_record(capsys):
    _, out, _ = run(capsys, "info", WEIGHTS_FOLDER / "pixels.npz")
    assert "60000" in out
    assert "python -m lrcore train" in out


def test_train_writes_weights_and_history(capsys, tmp_path):
    model, history = tmp_path / "m.npz", tmp_path / "h.csv"
    settings = ("--images", 500, "--solver", "gradient-descent", "--iterations", 20, "--seed", 3)
    code, _, _ = run(capsys, "train", *settings, "--out", model, "--history", history)
    assert code == 0
    record = load_weights(model).record
    assert record["images"] == 500
    assert record["test_accuracy"] > 0.6
    with open(history, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == list(range(21))
    costs = [float(row["cost"]) for row in rows]
    assert costs == sorted(costs, reverse=True)
    assert float(rows[-1]["accuracy"]) > 0.6
    assert float(rows[-1]["seconds"]) >= float(rows[1]["seconds"]) > 0


def test_retraining_a_shipped_model_gives_the_shipped_figures(capsys, tmp_path):
    shipped = load_weights(WEIGHTS_FOLDER / "pixels-6000.npz")
    command = shipped.record["command"].split()
    assert command[:3] == ["python", "-m", "lrcore"]
    assert command[-2] == "--out"
    again = tmp_path / "again.npz"
    assert run(capsys, *command[3:-1], again)[0] == 0
    remade = load_weights(again)
    assert remade.record["cost"] == pytest.approx(shipped.record["cost"], abs=2e-6)
    assert remade.record["test_accuracy"] == pytest.approx(
        shipped.record["test_accuracy"], abs=2e-4
    )
    assert np.allclose(remade.theta, shipped.theta, atol=0.02)


@pytest.fixture
def own_folder(monkeypatch, tmp_path):
    """Where the user's own models go, as after an installation: a folder not there yet."""
    folder = tmp_path / "user" / "weights"
    monkeypatch.setattr("lrcore.weights.OWN_WEIGHTS_FOLDER", folder)
    monkeypatch.setattr("lrcore.weights.WEIGHTS_FOLDERS", (WEIGHTS_FOLDER, folder))
    return folder


def test_a_model_that_is_kept_is_found_by_its_name(capsys, own_folder, pictures, monkeypatch):
    few = ("--images", 500, "--iterations", 20)
    code, out, _ = run(capsys, "train", *few, "--keep", "mine")
    assert code == 0
    assert out.startswith(f"{own_folder / 'mine.npz'}: cost")
    assert list_weights()[0]["mine"] == own_folder / "mine.npz"
    _, out, _ = run(capsys, "info", "mine", "--json")
    command = json.loads(out)["command"]
    assert command == "python -m lrcore train --images 500 --iterations 20 --keep mine"
    _, out, _ = run(capsys, "predict", pictures[0], "--weights", "mine", "--json")
    assert json.loads(out)["digit"] == 7
    # A file that lies where the command line says goes before a model of its name.
    monkeypatch.chdir(own_folder)
    save_weights("pixels", load_weights("mine.npz"))
    _, out, _ = run(capsys, "info", "pixels", "--json")
    assert json.loads(out)["images"] == 500


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("pixels", "There is a model called pixels already"),
        ("../mine", "cannot be a model's name"),
        ("mine.npz", "cannot be a model's name"),
        ("m" * 61, "cannot be a model's name"),
        ("méine", "cannot be a model's name"),
    ],
)
def test_a_name_that_is_taken_or_none_is_refused_before_anything_is_trained(
    capsys, own_folder, monkeypatch, name, says
):
    monkeypatch.setattr("lrcore.cli.Run", None)
    code, out, err = run(capsys, "train", "--keep", name)
    assert (code, out) == (1, "")
    assert says in err
    assert not own_folder.exists()


def test_of_two_models_with_one_name_the_second_is_named_and_skipped(own_folder):
    own_folder.mkdir(parents=True)
    shutil.copy(WEIGHTS_FOLDER / "zero-or-one.npz", own_folder / "pixels.npz")
    good, bad = list_weights()
    assert good["pixels"] == WEIGHTS_FOLDER / "pixels.npz"
    assert bad == {"pixels": "Another model is called pixels; give pixels.npz a new name."}


def test_a_name_that_no_model_has_is_one_sentence(capsys):
    code, out, err = run(capsys, "predict", "x.png", "--weights", "n" * 5000)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("windows", "path", "written"),
    [
        (False, "mine.npz", "mine.npz"),
        (False, "my own/it's.npz", "'my own/it'\"'\"'s.npz'"),
        (True, r"C:\mine.npz", r"C:\mine.npz"),
        (True, r"C:\my own\it's.npz", r'"C:\my own\it' + "'" + r's.npz"'),
    ],
)
def test_a_path_is_quoted_as_the_systems_own_shell_takes_it(windows, path, written):
    assert quoted(path, windows) == written


def test_a_model_that_is_calibrated_knows_what_it_does_not_know(
    capsys, tmp_path, pictures, test_set, monkeypatch
):
    model = tmp_path / "m.npz"
    # Drawing takes its time, and thousands more tell little more.
    monkeypatch.setattr("lrcore.calibration_fit.ANSWERED", 20)
    monkeypatch.setattr("lrcore.calibration_fit.STRANGE", 600)
    # Few images and weak L2 make models that are far too sure.
    settings = ("--images", 1000, "--iterations", 20, "--C", 100, "--seed", 1)
    code, out, _ = run(capsys, "train", *settings, "--calibrate", "--out", model)
    assert code == 0
    weights = load_weights(model)
    record = weights.record
    assert f"test accuracy {record['test_accuracy']:.2%}" in out
    assert " --calibrate --out " in record["command"]
    assert 0.6 < record["test_accuracy"] < 0.95
    bare, calibrated = (
        Reader(each).read(test_set.images) for each in (replace(weights, calibration=None), weights)
    )
    truth = test_set.labels[:, None] == np.arange(10)

    def log_loss(readings):
        p = np.clip(readings.probabilities, 1e-6, 1 - 1e-6)
        return -np.where(truth, np.log(p), np.log(1 - p)).sum(1).mean()

    # Learned from pictures that the models were not fitted to, it holds for others.
    assert log_loss(calibrated) < 0.8 * log_loss(bare)
    right = calibrated.digits == test_set.labels
    _, error = reliability(calibrated.answer_probability, right)
    assert record["calibration_error"] == pytest.approx(error, abs=1e-5)
    assert sum(count for _, _, count in record["reliability"]) == 10_000
    assert record["test_unsure"] == pytest.approx(np.mean(~calibrated.sure), abs=1e-5)
    assert bare.sure.mean() > calibrated.sure.mean() > 0.5
    _, out, _ = run(capsys, "evaluate", "--weights", model, "--json")
    assert json.loads(out)["accuracy"] == pytest.approx(record["test_accuracy"], abs=1e-6)
    scribbles = Reader(weights).read(make_scribbles(300, np.random.default_rng(5)))
    assert scribbles.sure.mean() < 0.5 * calibrated.sure.mean()
    _, out, _ = run(capsys, "predict", pictures[0], "--weights", model, "--json")
    assert json.loads(out)["sure"]


def test_a_history_that_cannot_be_written_is_one_sentence(capsys, tmp_path):
    few = ("--images", 100, "--iterations", 1, "--out", tmp_path / "m.npz")
    code, _, err = run(capsys, "train", *few, "--history", tmp_path / "nowhere" / "h.csv")
    assert code == 1
    assert err.splitlines()[-1] == (
        f"{tmp_path / 'nowhere' / 'h.csv'} cannot be written (No such file or directory); "
        "choose another place."
    )
    # What was trained is not lost with it.
    assert load_weights(tmp_path / "m.npz").record["images"] == 100


def test_a_terminal_sees_how_far_a_run_is(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    # A clock on which each point comes a second after the last.
    ticks = itertools.count(1.0)
    monkeypatch.setattr("lrcore.cli.time", SimpleNamespace(monotonic=lambda: next(ticks)))
    few = ("--images", 100, "--iterations", 4, "--solver", "gradient-descent")
    code, _, err = run(capsys, "train", *few, "--out", tmp_path / "m.npz")
    assert code == 0
    bar, *_ = err.split("\n")
    shown = re.findall(r"\r\[(#*)(\.*)\] (\d)/4  cost (\d\.\d{6})  \d+\.\d s ", bar)
    assert [int(iteration) for *_, iteration, _ in shown] == [0, 1, 2, 3, 4]
    assert [len(done) for done, *_ in shown] == [0, 8, 15, 22, 30]
    assert {len(done) + len(left) for done, left, *_ in shown} == {30}
    costs = [float(cost) for *_, cost in shown]
    assert costs == sorted(costs, reverse=True)


def test_who_is_no_terminal_sees_no_bar(capsys, tmp_path):
    few = ("--images", 100, "--iterations", 4, "--out", tmp_path / "m.npz")
    _, _, err = run(capsys, "train", *few)
    assert "\r" not in err


def test_whoever_reads_on_no_longer_gets_no_traceback(tmp_path, test_set):
    Image.fromarray(test_set.images[0]).save(tmp_path / "seven.png")
    command = [sys.executable, "-m", "lrcore", "predict", *["seven.png"] * 3]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait(60)
