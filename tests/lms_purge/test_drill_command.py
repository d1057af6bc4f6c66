"""``purge_drill``: a backup restored beside the site, and a dated test of the way back."""

import contextlib
import io
import json
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from purge.models import JournalAlarm, PurgeRequest, RestoreDrill
from tests.drills.drill import journal_in, prepare, purge_all
from tests.drills.servers import as_default
from users.models import User


def run(*words):
    out = io.StringIO()
    try:
        call_command("purge_drill", *words, stdout=out, no_color=True)
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), ""


@pytest.fixture
def in_this_process(monkeypatch):
    """What the command runs in processes of its own, in this one: each takes seconds to start. The tables are there."""

    def as_told(words, *, env, **_options):
        out, code, said = io.StringIO(), 0, ""
        if words[2] != "migrate":
            database = env["DATABASE_URL"].removeprefix("sqlite:///")
            places = {"MEDIA_ROOT": Path(env["MEDIA_ROOT"]), "PURGE_JOURNAL": Path(env["PURGE_JOURNAL"])}
            with as_default(NAME=database), override_settings(**places):
                try:
                    call_command(*words[2:], stdout=out, stderr=io.StringIO(), no_color=True)
                except CommandError as error:
                    code, said = error.returncode, str(error)
        return subprocess.CompletedProcess(words, code, out.getvalue(), said)

    # The backup is so young that its worker seems to be alive.
    monkeypatch.setattr("purge.management.waiting.UNCLAIMED_SECONDS", 0)
    monkeypatch.setattr("lms_purge.management.commands.purge_drill.subprocess.run", as_told)


@pytest.fixture
def site(transactional_db, tmp_path):
    """A site in a file of SQLite's, with a backup from before somebody was purged."""
    database, backup = tmp_path / "lms.sqlite3", tmp_path / "backup.sqlite3"
    connection.ensure_connection()
    with contextlib.closing(sqlite3.connect(database)) as tables:
        connection.connection.backup(tables)
    with as_default(NAME=str(database)), journal_in(tmp_path):
        cast = prepare(1)
        with contextlib.closing(sqlite3.connect(database)) as opened:
            opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(database, backup)
        purge_all(cast)
        yield cast, backup


@pytest.mark.sqlite
def test_a_backup_is_drilled_and_the_site_only_read(site, in_this_process):
    cast, backup = site
    requests = list(PurgeRequest.objects.values_list("reference", "status"))
    lines = [path.read_bytes() for path in sorted(backup.parent.rglob("*.jsonl"))]

    code, said, _error = run("--restored", f"sqlite:///{backup}", "--json")

    told = json.loads(said)
    assert told["complaints"] == []
    assert code == 0
    drill = RestoreDrill.objects.get()
    assert (drill.passed, drill.purges, drill.back, drill.left) == (True, 1, 1, 0)
    assert (drill.undecided, drill.cannot_tell) == (0, 0)
    assert drill.backup_at is not None
    assert drill.backup_at < drill.at
    with contextlib.closing(sqlite3.connect(backup)) as restored:
        (left,) = restored.execute("SELECT count(*) FROM users_user WHERE email LIKE '%resurrected.example'").fetchone()
        (again,) = restored.execute("SELECT count(*) FROM purge_purgerequest WHERE status = 'completed'").fetchone()
    assert (left, again) == (0, 1)
    assert list(PurgeRequest.objects.values_list("reference", "status")) == requests
    assert [path.read_bytes() for path in sorted(backup.parent.rglob("*.jsonl"))] == lines
    assert not JournalAlarm.objects.exists()
    assert User.objects.filter(pk=cast.witness).exists()
    assert "passed: a backup of" in run("--list")[1]


@pytest.mark.sqlite
def test_what_is_no_backup_of_this_site_is_refused(site, tmp_path):
    _cast, backup = site
    own = connection.settings_dict["NAME"]
    (tmp_path / "empty.sqlite3").touch()
    for url, why in (
        (f"sqlite:///{own}", "This is the database of the site itself."),
        (f"sqlite:///{tmp_path / 'nothing.sqlite3'}", "there is no such file"),
        (f"sqlite:///{tmp_path / 'empty.sqlite3'}", "has no tables of this site"),
        ("nonsense://", "this is no DATABASE_URL"),
    ):
        code, _said, error = run("--restored", url)
        assert code in (1, 2)
        assert why in error
    with contextlib.closing(sqlite3.connect(backup)) as restored:
        restored.execute("UPDATE purge_installation SET id = '00000000000040008000000000000000'")
        restored.commit()
    code, _said, error = run("--restored", f"sqlite:///{backup}")
    assert (code, "it has another installation id" in error) == (2, True)
    assert run()[0] == 2
    assert run("--list", "--restored", "x")[0] == 2
    assert not RestoreDrill.objects.exists()


def test_no_drill_has_been_made_yet(db):
    assert run("--list") == (0, "There has been no drill yet.\n", "")
