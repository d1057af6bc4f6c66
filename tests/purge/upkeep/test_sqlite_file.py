"""purge_compact --prove reads SQLite's file as it lies there: left over before, nothing after."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from purge import services
from purge.models import PurgeRequest
from tests.factories.messaging import MailLogFactory
from tests.factories.users import UserFactory
from tests.purge import world as w

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

VICTIM, SHARED = "zzv@x.io", "zzs@x.io"


@pytest.fixture
def completed(database_url) -> PurgeRequest:
    """A purge of somebody, and of one whose address another enterprise has: in a row, and in one that fills pages."""
    cast = w.build_world()
    victim = UserFactory(account=cast.acme, email=VICTIM, deleted=True)
    shared = UserFactory(account=cast.acme, email=SHARED, deleted=True)
    UserFactory(account=cast.globex, email=SHARED)
    MailLogFactory(account=cast.globex, body=f"{'-' * 20_000} {SHARED} {'-' * 20_000}")
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[victim.pk, shared.pk])
    assert w.completed(w.run_to_end(request))
    return request


def run(capsys, *words: str) -> tuple[int, str]:
    code, said = 0, ""
    try:
        call_command("purge_compact", *words)
    except CommandError as error:
        code, said = error.returncode, str(error)
    told = capsys.readouterr()
    return code, told.out if not said or "--json" in words else told.out + said


def leave_traces() -> None:
    """What a program does that deletes without overwriting: in gaps of pages, in free pages, and over several pages."""
    with contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("PRAGMA secure_delete = OFF")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.execute("CREATE TABLE zz_left (id INTEGER PRIMARY KEY, text)")
        other.execute("CREATE INDEX zz_index ON zz_left (text)")
        other.execute("CREATE TABLE zz_free (text)")
        rows = [(f"{number:04d} {VICTIM if number % 3 == 0 else 'else@x.io'}",) for number in range(60)]
        other.executemany("INSERT INTO zz_left (text) VALUES (?)", rows)
        other.execute("DELETE FROM zz_left WHERE text LIKE ?", [f"%{VICTIM}"])
        other.execute("INSERT INTO zz_free VALUES (?)", [f"{'-' * 9_000} {VICTIM} {'-' * 9_000}"])
        other.execute("DROP TABLE zz_free")


def by_hand(word: str) -> int:
    with contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(connection.settings_dict["NAME"]).read_bytes().count(word.encode())


def test_the_file_holds_the_person_before_and_nobody_after(completed, capsys):
    connection.close()
    leave_traces()
    lay = by_hand(VICTIM)
    assert lay > 20
    code, said = run(capsys, "--prove", "--only-look", "--json")
    before = json.loads(said)["before"]
    assert code == 1
    of = {each["relation"]: each for each in before["relations"]}
    assert of["zz_left"]["heap"] > 0
    assert of["zz_index"]["index"] > 0
    assert of["free pages"]["free"] == 1
    assert sum(sum(each[kind] for kind in ("rows", "heap", "index", "free")) for each in of.values()) >= lay
    assert by_hand(VICTIM) == lay, "it only looked"

    code, said = run(capsys, completed.reference, "--prove", "--json")
    assert code == 0
    after = json.loads(said)["after"]
    assert {(each["heap"], each["index"], each["free"]) for each in after["relations"]} == {(0, 0, 0)}
    # A user of another enterprise has one of the addresses, and a mail there: rows, and indexes on them.
    assert {"messaging_maillog", "users_user"} < {each["relation"] for each in after["relations"]}
    assert sum(each["rows"] for each in after["relations"]) == by_hand(SHARED)
    assert (by_hand(VICTIM), by_hand(SHARED) > 0) == (0, True)
    for word in (VICTIM, SHARED, "zzv"):
        assert word not in said


def test_a_reader_of_its_log_is_waited_for(completed, capsys):
    with contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM users_user")
        UserFactory()
        code, said = run(capsys, "--prove", "--only-look")
        assert (code, "the write-ahead log could not be emptied" in said) == (1, True)
    assert run(capsys, "--prove", "--only-look")[0] in (0, 1)
