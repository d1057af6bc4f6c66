"""What a run leaves out because the machine lacks something stands at its end."""

import subprocess
import sys
from pathlib import Path

from django.conf import settings

TESTS = """
import pytest

def test_with_node():
    pytest.skip("NOT TESTED against a real provider: there is no node here")

@pytest.mark.skipif(True, reason="NOT TESTED in a browser: there is none")
@pytest.mark.parametrize("n", [1, 2])
def test_in_a_browser(n): ...

def test_elsewhere():
    pytest.skip("needs postgresql")

def test_here(): ...
"""


def summary(folder: Path, tests: str) -> str:
    file = folder / "test_something.py"
    file.write_text(tests)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-c", "pyproject.toml", "-p", "tests.conftest"]
    ran = subprocess.run([*command, str(file)], cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_what_was_not_tested_is_said_with_its_reason(tmp_path):
    said = summary(tmp_path, TESTS)
    assert "not tested here" in said
    assert "NOT TESTED against a real provider: there is no node here (1)\n" in said
    assert "NOT TESTED in a browser: there is none (2)\n" in said
    assert "needs postgresql" not in said
