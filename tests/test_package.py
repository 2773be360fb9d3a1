"""What `import lrcore` gives."""

import subprocess
import sys

import pytest

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
