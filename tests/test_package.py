"""What `import lrcore` gives."""

import re
import subprocess
import sys

import pytest
from PIL import Image

import lrcore
from tests.browser.driver import ROOT


@pytest.mark.parametrize("name", lrcore.__all__)
def test_every_name_is_there(name):
    assert getattr(lrcore, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'wrong'"):
        _ = lrcore.wrong


def test_the_package_imports_none_of_its_modules_by_itself():
    code = "import sys, lrcore; print([m for m in sys.modules if m.startswith('lrcore.')])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_a_picture_is_read_as_the_readme_shows(tmp_path, test_set, monkeypatch, capsys):
    (recipe,) = re.findall(
        r"^import lrcore\n\n(?:[^`\n]+\n)+", (ROOT / "README.md").read_text(encoding="utf-8"), re.M
    )
    monkeypatch.chdir(tmp_path)
    Image.fromarray(test_set.images[0]).resize((140, 140)).save("seven.png")
    exec(recipe, {})
    assert capsys.readouterr().out == "[7]\n"
    readings = lrcore.read("seven.png")
    assert readings.probabilities.shape == (1, 10)
    assert readings.probabilities[0].argmax() == 7
