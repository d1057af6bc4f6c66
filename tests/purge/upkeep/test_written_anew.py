"""purge_compact writes tables anew, and reads PostgreSQL's files before and after: left over before, nothing after."""

import json
import re
import shutil
import time
from itertools import cycle

import pytest
from django.core.checks import ERROR, run_checks
from django.core.management import CommandError, call_command
from django.db import connection

from purge import services, tasks
from purge.database import dialect_of
from purge.models import PurgeRequest
from purge.upkeep.compaction import wait_for_holders
from tests.factories.learning import CommentFactory
from tests.factories.messaging import MailLogFactory
from tests.factories.users import UserFactory
from tests.purge import world as w
from tests.purge.upkeep.test_compaction import another_session, in_the_end

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

NOTHING_DONE = "Nothing was done, since old rows could not be removed"
STATISTICS_LEFT = "pg_catalog.pg_statistic was in use all the time"
VICTIM, SHARED, TYPED = "zzv@x.io", "zzs@x.io", "zztyped@x.io"


@pytest.fixture
def completed() -> PurgeRequest:
    """A completed purge of somebody of whom texts spoke, and of one whose address another enterprise has, too."""
    cast = w.build_world()
    victim = UserFactory(account=cast.acme, email=VICTIM, name="zzv Archer", former=["zzf@x.io"], deleted=True)
    shared = UserFactory(account=cast.acme, email=SHARED, deleted=True)
    UserFactory(account=cast.globex, email=SHARED)
    w.mention_in_comment(cast, VICTIM)
    MailLogFactory(account=cast.acme, recipient=victim, recipient_email=VICTIM)
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[victim.pk, shared.pk])
    assert w.completed(w.run_to_end(request))
    assert in_the_end(tasks.compact)
    # Which gaps are overwritten at once is chance; this is one that is not.
    type(comment := w.mention_in_comment(cast, VICTIM)).objects.filter(pk=comment.pk)._raw_delete("default")
    return request


def run(capsys, *words: str) -> tuple[int, str, str]:
    code, last = 0, ""
    try:
        call_command("purge_compact", *words)
    except CommandError as error:
        code, last = error.returncode, str(error)
    told = capsys.readouterr()
    return code, told.out, told.err + last


def run_alone(capsys, *words: str, others: tuple[str, ...] = (NOTHING_DONE, STATISTICS_LEFT)) -> tuple[int, str, str]:
    """The same once no other test of the server is in one transaction all the time, which ``others`` say."""
    for _n in range(300):
        code, out, err = run(capsys, *words)
        if not any(each in out + err for each in others):
            break
        time.sleep(0.2)
    return code, out, err


def lie_in_files(word: str) -> set[str]:
    """The tables whose own file holds this word, read as an operator reads it: by hand."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'i') AND NOT c.relisshared"
            " AND position(%s::bytea in pg_read_binary_file(pg_relation_filepath(c.oid), 0, 100000000, true)) > 0",
            [word.encode()],
        )
        return {name for (name,) in cursor.fetchall()}


def left_over(looked: dict) -> set[str]:
    return {
        each["relation"].removeprefix("public.")
        for each in looked["relations"]
        if each["heap"] + each["index"] + each["free"]
    }


def test_the_files_hold_the_person_before_and_nobody_after(completed, capsys, monkeypatch):
    # Somebody whom no request knows: typed unseen, and kept nowhere.
    typed = UserFactory(email=TYPED)
    type(typed).objects.filter(pk=typed.pk).update(email="zznew@x.io", email_key="zznew@x.io")
    lay = lie_in_files(VICTIM)
    assert "learning_comment" in lay
    code, out, err = run(capsys, "--prove", "--only-look")
    assert (code, "rebuilt:" in out, "left over before" in out) == (1, False, True)
    assert lie_in_files(VICTIM) == lay
    asked = cycle([TYPED, ""])
    monkeypatch.setattr("purge.management.commands.purge_compact.getpass", lambda prompt: next(asked))
    code, said, told = run_alone(capsys, completed.reference, "--prove", "--ask", "--json")
    assert code == 0, [left_over(json.loads(said)[when]) for when in ("before", "after")]
    for word in (VICTIM, SHARED, TYPED, "zzv"):
        assert word not in out + err + said + told
    before, after = json.loads(said)["before"], json.loads(said)["after"]
    assert (before["reached"], after["reached"], after["pages"] > 100) == (True, True, True)
    assert "learning_comment" in left_over(before)
    assert any(name.startswith("purge_address_") for name in left_over(before))
    assert left_over(after) == set()
    # A user of another enterprise has one of the addresses: in two columns of their row, and in the indexes on it.
    rows = {each["relation"]: each["rows"] for each in after["relations"]}
    assert rows["public.users_user"] == 2
    assert lie_in_files(VICTIM) == lie_in_files(TYPED) == set()
    assert "users_user" in lie_in_files(SHARED)


def test_what_could_not_be_written_anew_is_named_with_what_helps_and_the_others_are(completed, capsys, monkeypatch):
    from purge.database.rewriting import Rewriting

    real = Rewriting.free_space
    kept = {name for name in lie_in_files(VICTIM) if "users_user" in name}
    with monkeypatch.context() as patched, another_session(autocommit=True) as other:
        patched.setattr(
            Rewriting, "free_space", lambda self, piece: 10_000 if piece.name == "users_user" else real(self, piece)
        )
        other.execute("BEGIN")
        other.execute("LOCK TABLE learning_comment IN ACCESS SHARE MODE")
        code, out, err = run_alone(capsys, completed.reference, "--wait", "0.5")
        other.execute("ROLLBACK")
    assert code == 1
    assert "learning_comment was in use all the time: run this again in a quiet minute." in out
    assert re.search(r"users_user was not written anew: that takes up to \d MB on the disk for a while, and there", out)
    assert "rebuilt: purge_identifier" in out
    assert "rebuilt: learning_comment" not in out
    assert re.search(r"\d+ of \d+: users_user \(\d MB\)", err)
    assert kept
    assert kept <= lie_in_files(VICTIM)
    code, out, _err = run_alone(capsys, completed.reference)
    assert (code, "rebuilt: learning_comment" in out, "rebuilt: users_user" in out) == (0, True, True)
    assert lie_in_files(VICTIM) == set()


def test_whoever_writes_in_another_database_of_the_server_is_waited_for(completed, capsys):
    with another_session(dbname="postgres") as away:
        away.execute("SELECT pg_current_xact_id()")
        # Deleted while the other one is open.
        comment = CommentFactory(body=f"Please ask {VICTIM} instead.")
        type(comment).objects.filter(pk=comment.pk)._raw_delete("default")
        code, out, err = run(capsys, completed.reference, "--wait", "0.3")
        assert (code, NOTHING_DONE in out + err, "rebuilt:" in out) == (1, True, False)
        assert re.search(r"Transaction \d+ in another database of this server has been open", out + err)
        assert "learning_comment" in lie_in_files(VICTIM)
        away.rollback()
    assert run_alone(capsys, completed.reference)[0] == 0
    assert lie_in_files(VICTIM) == set()


def test_whoever_comes_while_tables_are_written_is_waited_for_before_the_statistics_are(completed, capsys, monkeypatch):
    """ANALYZE has just replaced what the planner remembered: a writer who came meanwhile would have it carried over."""
    from purge.database.rewriting import Rewriting

    real = Rewriting.rewrite
    with monkeypatch.context() as patched, another_session(dbname="postgres") as away:

        def rewrite(self, piece, *, wait):
            away.execute("SELECT pg_current_xact_id()")
            return real(self, piece, wait=wait)

        patched.setattr(Rewriting, "rewrite", rewrite)
        code, out, err = run_alone(capsys, completed.reference, "--wait", "0.5", others=(NOTHING_DONE,))
        away.rollback()
    assert code == 1, out + err
    assert f"{STATISTICS_LEFT}: run this again in a quiet minute." in out
    assert ("rebuilt: pg_catalog.pg_statistic" in out, "rebuilt: learning_comment" in out) == (False, True)
    code, out, err = run_alone(capsys, completed.reference)
    assert (code, "rebuilt: pg_catalog.pg_statistic" in out) == (0, True), out + err


def test_what_the_disk_has_left_is_asked_where_the_server_is_this_machine():
    from purge.database.rewriting import Rewriting

    piece, *_more = Rewriting(connection).pieces(["users_user"])
    assert (piece.name, piece.size > 0) == ("users_user", True)
    assert (Rewriting(connection).free_space(piece) or 0) > 1_000_000


def test_whoever_may_not_read_the_files_is_told_that_nothing_was_reached(capsys):
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE zzproduct")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO zzproduct")
        cursor.execute("SET ROLE zzproduct")
    try:
        code, out, err = run(capsys, "--prove", "--only-look")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP OWNED BY zzproduct")
            cursor.execute("DROP ROLE zzproduct")
    assert code == 1
    assert "not reached" in out + err
    assert "left over" not in out


def test_a_partition_is_written_anew_by_itself():
    from purge.database.rewriting import Outcome, Rewriting

    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA zzops")
        cursor.execute("CREATE TABLE zzlog (at int, say text) PARTITION BY RANGE (at)")
        cursor.execute('CREATE TABLE zzops."A B" PARTITION OF zzlog FOR VALUES FROM (1) TO (2)')
        cursor.execute("INSERT INTO zzlog VALUES (1, 'zzv@x.io')")
        cursor.execute("DELETE FROM zzlog")
        try:
            rewriting = Rewriting(connection)
            piece, *rest = rewriting.pieces(["zzlog"])
            assert [piece.name, *(each.name for each in rest)] == [
                'zzops."A B"',
                "pg_catalog.pg_statistic",
                "pg_catalog.pg_statistic_ext_data",
            ]
            assert "A B" in lie_in_files(VICTIM)
            assert wait_for_holders(dialect_of(connection).horizon(), 60, of_a_copy=True) == []
            assert rewriting.rewrite(piece, wait=1) == Outcome.DONE
            assert "A B" not in lie_in_files(VICTIM)
        finally:
            cursor.execute("DROP TABLE zzlog")
            cursor.execute("DROP SCHEMA zzops")


@pytest.fixture
def repack(transactional_db):
    """pg_repack, the program and the extension, of the version that belongs to this server."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT default_version FROM pg_available_extensions WHERE name = 'pg_repack'")
        offered = cursor.fetchone()
        if offered is None or shutil.which("pg_repack") is None:
            pytest.skip("pg_repack is not installed (Debian: postgresql-NN-repack)")
        cursor.execute("CREATE EXTENSION pg_repack")
        yield
        cursor.execute("DROP EXTENSION pg_repack CASCADE")


def test_with_pg_repack_nobody_has_to_wait_for_a_table(repack, completed, capsys):
    """Its own views need no rule, it leaves nothing behind, and what it cannot do VACUUM FULL does."""
    assert [each for each in run_checks(databases=["default"]) if each.level >= ERROR] == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM learning_comment")
        (rows,) = cursor.fetchone()
    written = []

    def note(execute, sql, params, many, context):
        if sql.startswith("VACUUM (FULL"):
            written.append(sql.rpartition(" ")[2])
        return execute(sql, params, many, context)

    assert "learning_comment" in lie_in_files(VICTIM)
    with connection.execute_wrapper(note):
        # It waits for everybody who writes on this server, other tests too.
        for _n in range(20):
            code, out, err = run_alone(capsys, completed.reference, "--prove", "--wait", "30")
            if "was in use all the time" not in out:
                break
    assert (code, "rebuilt: learning_comment" in out, "rebuilt: users_user" in out) == (0, True, True), out + err
    assert [table for table in written if not table.startswith("pg_catalog.")] == []
    assert lie_in_files(VICTIM) == set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM learning_comment")
        assert cursor.fetchone() == (rows,)
        cursor.execute(
            "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'repack' AND relkind = 'r'"
        )
        assert cursor.fetchall() == []


def test_a_table_that_pg_repack_cannot_get_is_named_too(repack, completed, capsys):
    with another_session(autocommit=True) as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE learning_comment IN ACCESS SHARE MODE")
        code, out, _err = run_alone(capsys, completed.reference, "--wait", "0.5")
        other.execute("ROLLBACK")
    assert code == 1
    assert "learning_comment was in use all the time: run this again in a quiet minute." in out
    code, out, _err = run_alone(capsys, completed.reference)
    assert (code, "rebuilt: learning_comment" in out) == (0, True)
