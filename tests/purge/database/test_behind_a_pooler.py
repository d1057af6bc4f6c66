"""Behind a pooler that gives each transaction another session of the server: a real PgBouncer.

Debian's `pgbouncer` is installed by .ci/run; where there is none these tests are skipped, and say so.
"""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from learning.models import Comment
from lms_purge.process.database import database_from_url
from purge import services, tasks
from purge.database.postgresql import PostgreSQL
from purge.models import Lease, PurgeRequest
from purge.upkeep import compaction
from purge.upkeep.patrol import look_at
from tests.factories.users import UserFactory
from tests.purge import world as w
from tools.postgres import free_port, server_account
from users.models import User

PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.skipif(
        PGBOUNCER is None, reason="no PgBouncer: apt-get install pgbouncer (tests of a pooler left out)"
    ),
]


@pytest.fixture(scope="module")
def port(django_db_setup) -> Iterator[int]:
    """A PgBouncer with two sessions of the server, for the tests' database; the port at which it listens."""
    folder = Path(tempfile.mkdtemp(prefix="lms-purge-pgbouncer-"))
    target, port = connection.settings_dict, free_port()
    users = folder / "users.txt"
    users.write_text(f'"{target["USER"]}" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{target['NAME']} = host=127.0.0.1 port={target['PORT']} dbname={target['NAME']}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {users}\npool_mode = transaction\ndefault_pool_size = 2\n"
    )
    account = server_account()
    if account:
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755)
    program = subprocess.Popen(
        [PGBOUNCER, "-q", str(folder / "pgbouncer.ini")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **(account.subprocess_options() if account else {}),
    )
    try:
        until = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(_conninfo(port)).close()
                break
            except psycopg.OperationalError:
                assert program.poll() is None and time.monotonic() < until, "PgBouncer did not start"
                time.sleep(0.05)
        yield port
    finally:
        program.terminate()
        program.wait(20)
        shutil.rmtree(folder)


def _conninfo(port: int) -> str:
    target = connection.settings_dict
    return f"host=127.0.0.1 port={port} dbname={target['NAME']} user={target['USER']}"


@contextmanager
def pooled(port: int) -> Iterator[None]:
    """The default connection through the pooler, with the settings of LMS_BEHIND_POOLER=1."""
    target = connection.settings_dict
    url = f"postgres://{target['USER']}@127.0.0.1:{port}/{target['NAME']}"
    wanted = database_from_url(url, base_dir=Path("/"), behind_pooler=True)
    before = {name: target.get(name) for name in ("HOST", "PORT", "DISABLE_SERVER_SIDE_CURSORS")}
    connection.close()
    target.update({name: wanted[name] for name in before})
    try:
        yield
    finally:
        connection.close()
        target.update(before)


def purged(world: w.World, *people: User) -> PurgeRequest:
    ids = [person.pk for person in people]
    purge_request = services.purge_submit(acting_user=world.admin, account_id=world.acme.pk, user_ids=ids)
    return w.run_to_end(purge_request)


def test_a_whole_purge_its_patrol_and_its_vacuum_work_behind_a_pooler(port, settings):
    # More rows in other accounts than a day's guard lets through; it is not what is tested.
    settings.PURGE_RATE_GUARD = settings.PURGE_RATE_GUARD_TRIAL = 1_000_000
    world = w.build_world()
    w.furnish(world)
    with pooled(port):
        purge_request = purged(world, world.ann)
        assert w.completed(purge_request)
        with CaptureQueriesContext(connection) as captured:
            assert look_at(purge_request) == ()
        assert any(query["sql"].startswith("DECLARE patrolled") for query in captured)
        assert tasks.compact() is True
    assert PurgeRequest.objects.get(pk=purge_request.pk).compacted_at is not None
    assert not User.objects.filter(pk=world.ann.pk).exists()


def test_a_vacuum_leaves_nothing_behind_that_keeps_the_next_one_away(port, monkeypatch):
    """While it works somebody else gets the session with which it began, and keeps it."""
    world = w.build_world()
    bob = UserFactory(account=world.acme, deleted=True)
    with pooled(port):
        first = purged(world, world.ann)
        with another_client_from_the_first_statement(port, monkeypatch):
            tasks.compact()
            assert PurgeRequest.objects.get(pk=first.pk).compacted_at is not None
            second = purged(world, bob)
            tasks.compact()
            assert PurgeRequest.objects.get(pk=second.pk).compacted_at is not None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert cursor.fetchone() == (0,)


@contextmanager
def another_client_from_the_first_statement(port: int, monkeypatch) -> Iterator[None]:
    real, others = PostgreSQL.vacuum, []

    def vacuum(dialect, table):
        if not others:
            other = psycopg.connect(_conninfo(port))
            other.execute("SELECT 1")
            others.append(other)
        real(dialect, table)

    monkeypatch.setattr(PostgreSQL, "vacuum", vacuum)
    try:
        yield
    finally:
        for other in others:
            other.close()


def test_two_workers_purge_side_by_side_while_others_write(port):
    """Four clients, and two sessions of the server for them."""
    world = w.build_world()
    bob = UserFactory(account=world.acme, deleted=True)
    mine, others = w.mention_in_comment(world, bob.email), w.mention_in_comment(world, "somebody.else@x.org")
    over = threading.Event()
    with pooled(port):
        requests = [
            services.purge_submit(acting_user=world.admin, account_id=world.acme.pk, user_ids=[person.pk])
            for person in (world.ann, bob)
        ]
        workers = [in_thread(lambda each=each: w.run_to_end(each).pk) for each in requests]
        writer = in_thread(lambda: keep_writing(others.pk, over))
        ended = [worker() for worker in workers]
        over.set()
        written = writer()
        assert ended == [each.pk for each in requests]
        assert all(w.completed(PurgeRequest.across_accounts.get(pk=pk)) for pk in ended)
    assert not User.objects.filter(pk__in=[world.ann.pk, bob.pk]).exists()
    mine.refresh_from_db()
    others.refresh_from_db()
    assert bob.email not in mine.body
    assert written > 0
    assert others.body == f"somebody.else@x.org {written}"


def keep_writing(comment_id: int, over: threading.Event) -> int:
    """How often it has written: each time in a transaction of its own."""
    written = 0
    while not over.is_set():
        with transaction.atomic():
            comment = Comment.objects.select_for_update().get(pk=comment_id)
            comment.body = f"somebody.else@x.org {written + 1}"
            comment.save(update_fields=["body"])
        written += 1
        time.sleep(0.005)
    return written


def in_thread(action: Callable[[], Any]) -> Callable[[], Any]:
    """Begin it now; what is returned waits for its end, and gives its answer or raises its error."""
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(action())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            answers.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()

    def end() -> Any:
        thread.join(timeout=120)
        assert not thread.is_alive()
        if isinstance(answers[0], BaseException):
            raise answers[0]
        return answers[0]

    return end


def test_what_a_dead_one_left_is_done_by_the_next(port):
    world = w.build_world()
    with pooled(port):
        purge_request = purged(world, world.ann)
        Lease.objects.all().delete()
        holder = compaction.leased(compaction.LEASE, 600)
        assert holder.__enter__() is not None  # and never gives it back
        tasks.compact()
        assert PurgeRequest.objects.get(pk=purge_request.pk).compacted_at is None
        Lease.objects.update(until="2020-01-01T00:00:00Z")
        tasks.compact()
        assert PurgeRequest.objects.get(pk=purge_request.pk).compacted_at is not None
