"""Runs the tests of takeovers on the first release, in a temporary folder, and writes ``results.json`` beside itself:
each test, what came of it there, and the class of its error. Fails when one of them passes there that is no
counter-check, or the other way about.
"""

from __future__ import annotations

import ast
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
FIRST_RELEASE = "6e010af"
FILES = ("tests/admin/test_takeovers.py",)
RESULTS = Path(__file__).with_name("results.json")
COUNTER_CHECK = "test_counter_check"


def unpack(folder: Path) -> None:
    """The first release, with today's tests of takeovers and what of tests/ they need that was not there then."""
    archive = subprocess.run(["git", "archive", FIRST_RELEASE], cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    for file in FILES:
        shutil.copy(ROOT / file, folder / file)
        for needed in modules_of_tests(ROOT / file):
            if not (folder / needed).exists():
                (folder / needed).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / needed, folder / needed)


def modules_of_tests(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
            yield str(node.module).replace(".", "/") + ".py"


def run(folder: Path) -> dict[str, str]:
    """Test → "passed", or "failed" and the class of the error."""
    report = folder / "report.xml"
    options = ["-n", "0", "--no-migrations", "-q", "--tb=short", "-p", "no:cacheprovider", f"--junitxml={report}"]
    subprocess.run([sys.executable, "-m", "pytest", *options, *FILES], cwd=folder, check=False)
    # Of our own making: nobody else writes into the folder.
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return dict(sorted((case.get("name", ""), outcome(case)) for case in cases))


def outcome(case: ElementTree.Element) -> str:
    for kind in ("failure", "error", "skipped"):
        if (found := case.find(kind)) is not None:
            words = found.get("message", "assert").partition(":")[0].split()
            error = "AssertionError" if words[0] == "assert" else words[0].rpartition(".")[2]
            return {"failure": f"failed: {error}", "error": "error", "skipped": "skipped"}[kind]
    return "passed"


def main() -> int:
    with TemporaryDirectory() as name:
        unpack(Path(name))
        outcomes = run(Path(name))
    written = {"release": FIRST_RELEASE, "database": "sqlite", "outcomes": outcomes}
    RESULTS.write_text(json.dumps(written, indent=1) + "\n")
    wrong = [test for test, came in outcomes.items() if (came == "passed") is not test.startswith(COUNTER_CHECK)]
    sys.stdout.write(f"{len(outcomes)} tests; otherwise than they say: {', '.join(wrong) or 'none'}\n")
    return 1 if wrong or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
