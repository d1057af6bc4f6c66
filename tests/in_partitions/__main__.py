"""`./test --partitioned`: python -m tests.in_partitions [pytest arguments]

The tests of the routes, and what a purge must do to every row, with the expectations that they have anywhere, on the
partitions of docs/partitions.sql. What came out goes to ``tests/in_partitions/results.json``; with arguments of one's
own nothing is written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.versions.__main__ import counted
from tools.environment import ROOT

HERE = Path(__file__).resolve().parent
TESTS = ("tests/purge/routes/test_routes.py", "tests/purge/expected/test_expected_rows.py")


def main(words: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory() as name:
        begun, report = time.monotonic(), Path(name) / "report.xml"
        pytest = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            "0",
            "--no-migrations",
            "-p",
            "tests.in_partitions.plugin",
        ]
        code = subprocess.run(
            [*pytest, f"--junitxml={report}", *(words or TESTS)],
            cwd=ROOT,
            env={**os.environ, "DB": "pg"},
            check=False,
        ).returncode
        if not words and report.exists():
            found = counted(report) | {"seconds": round(time.monotonic() - begun)}
            (HERE / "results.json").write_text(json.dumps({"tests": TESTS, **found}, indent=1) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
