"""The marker of the file storage: who sees another storage than the web freezes, erases and proves nothing."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from messaging.models import Notification
from purge import services, tasks
from purge.choices import Status
from purge.database.identity import same_database
from purge.installation import storage
from purge.installation.identity import installation
from purge.installation.storage import adopt_storage, begin_storage, storage_trouble
from purge.models import Installation, PurgeRequest, WorkerBeat
from purge.proof import probe, report, texts
from purge.upkeep import standstill
from tests.factories.users import (
    AccountFactory,
    AdministratorFactory,
    ImportLogFactory,
    UserFactory,
    trial_with_creator,
)
from tests.templates import migrate
from users.models import AccountKind, User, UserState

pytestmark = pytest.mark.django_db

PLAIN = "Nothing is purged at the moment"


@pytest.fixture(autouse=True)
def looked_at_each_time(monkeypatch):
    monkeypatch.setattr(storage, "SEEN_SECONDS", 0.0)


@pytest.fixture
def account():
    return AccountFactory(name="Acme")


@pytest.fixture
def admin_user(account):
    return AdministratorFactory(account=account, email="ada@acme.example")


@pytest.fixture
def eve(account):
    person = UserFactory(account=account, email="eve@acme.example", deleted=True)
    person.avatar.save("eve.png", ContentFile(b"png"))
    return person


@pytest.fixture
def accepted(account, admin_user, eve):
    return services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])


@pytest.fixture
def elsewhere(settings, tmp_path):
    """Points this process at another storage, and back."""
    here = settings.MEDIA_ROOT

    def look(away):
        settings.MEDIA_ROOT = tmp_path / "another" if away else here
        standstill.forget()

    return look


def run(purge_request, slices=30):
    for _slice in range(slices):
        if purge_request.status == Status.COMPLETED:
            break
        PurgeRequest.objects.filter(pk=purge_request.pk).update(lease_until=None, next_attempt_at=None)
        tasks.run_request(purge_request.pk)
        purge_request.refresh_from_db()
    return purge_request


def marker_file(settings) -> Path:
    (file,) = Path(settings.MEDIA_ROOT).glob("lms-purge-*.json")
    return file


# ---------------------------------------------------------------- another storage


def test_a_worker_with_another_storage_completes_nothing_and_one_with_the_right_one_does(accepted, eve, elsewhere):
    avatar = eve.avatar.name
    elsewhere(True)
    run(accepted, slices=4)
    assert accepted.status == Status.QUEUED
    assert User.objects.filter(pk=eve.pk).exists()
    assert (accepted.attempts, accepted.crashes) == (0, 0)

    elsewhere(False)
    assert default_storage.exists(avatar)
    assert run(accepted).status == Status.COMPLETED
    assert not User.objects.filter(pk=eve.pk).exists()
    assert not default_storage.exists(avatar)


def test_a_marker_that_goes_meanwhile_stops_the_work_and_its_return_lets_it_go_on(accepted, eve, settings, monkeypatch):
    file = marker_file(settings)
    kept = file.read_bytes()
    avatar = eve.avatar.name
    from purge.run import engine

    sweep = engine.Sweep.run

    def sweep_then_lose(self, deadline):
        over = sweep(self, deadline)
        file.unlink(missing_ok=True)
        return over

    monkeypatch.setattr(engine.Sweep, "run", sweep_then_lose)
    run(accepted, slices=3)
    assert accepted.status == Status.RUNNING
    assert not User.objects.filter(pk=eve.pk).exists()
    assert default_storage.exists(avatar)
    assert accepted.lease_until is None
    assert not accepted.attempts

    file.write_bytes(kept)
    assert run(accepted).status == Status.COMPLETED
    assert not default_storage.exists(avatar)


def test_whoever_sees_another_storage_accepts_nothing_and_says_so_plainly(accepted, account, admin_user, elsewhere):
    bob = UserFactory(account=account, email="bob@acme.example", deleted=True)
    elsewhere(True)
    for refused in (
        lambda: services.purge_preview(acting_user=admin_user, account_id=account.pk, user_ids=[bob.pk]),
        lambda: services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[bob.pk]),
        lambda: services.purge_submit_address(acting_user=admin_user, account_id=account.pk, address="z@z.example"),
        lambda: services.purge_submit_ims(email="z@z.example", reference="7"),
    ):
        with pytest.raises(services.PurgeRefused, match=PLAIN):
            refused()
    bob.refresh_from_db()
    assert bob.state == UserState.DELETED
    assert PurgeRequest.objects.count() == 1
    elsewhere(False)
    services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[bob.pk])
    bob.refresh_from_db()
    assert bob.state == UserState.PURGING


def test_support_and_operators_are_told_before_the_customers_are_refused_in_vain(
    accepted, account, admin_user, elsewhere
):
    system = AccountFactory(kind=AccountKind.SYSTEM)
    support = UserFactory(account=system, is_support=True)
    operator = UserFactory(account=system, is_superuser=True)
    bob = UserFactory(account=account, email="bob@acme.example", deleted=True)

    def told():
        rows = Notification.objects.filter(kind="paused").order_by("recipient_id")
        return list(rows.values_list("recipient_id", flat=True))

    tasks.remind()
    services.purge_preview(acting_user=admin_user, account_id=account.pk, user_ids=[bob.pk])
    assert told() == []
    elsewhere(True)
    with pytest.raises(services.PurgeRefused, match=PLAIN):
        services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[bob.pk])
    assert told() == [support.pk, operator.pk]
    says = Notification.objects.get(kind="paused", recipient=operator).text
    assert "This process sees another file storage than the web" in says and "MEDIA_ROOT" in says
    # Once a day while it lasts; and nobody has to try a purge for it.
    tasks.remind()
    assert told() == [support.pk, operator.pk]
    Notification.objects.filter(kind="paused").delete()
    tasks.remind()
    assert told() == [support.pk, operator.pk]
    Notification.objects.filter(kind="paused").delete()
    Client().get("/healthz", headers={"host": "localhost"})
    client = Client()
    client.force_login(admin_user)
    client.get("/admin/")
    assert told() == [support.pk, operator.pk]


def test_a_worker_that_starts_before_the_web_alarms_nobody(account):
    """On a fresh installation the storage is marked by the web."""
    UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True)
    assert storage.storage_trouble() == storage.UNMARKED
    tasks.remind()
    assert not Notification.objects.filter(kind="paused").exists()


def test_an_operator_who_sees_another_storage_lets_nothing_begin(account, admin_user, eve, elsewhere, settings):
    settings.PURGE_RATE_GUARD = 0
    for _n in range(2):
        UserFactory(account=trial_with_creator()[0], email=eve.email)
    services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    waiting = PurgeRequest.objects.get(status=Status.HELD)
    elsewhere(True)
    with pytest.raises(services.PurgeRefused, match="MEDIA_ROOT"):
        services.purge_release(acting_user=None, purge_request=waiting)
    assert User.objects.filter(email=eve.email, state=UserState.ACTIVE).count() == 2
    elsewhere(False)
    services.purge_release(acting_user=None, purge_request=waiting)
    assert User.objects.filter(email=eve.email, state=UserState.PURGING).count() == 3


def test_a_verification_in_another_storage_could_not_look(accepted, elsewhere):
    run(accepted)
    elsewhere(True)
    with pytest.raises(report.CouldNotLook, match="this worker sees another file storage than the web"):
        probe.verify(accepted)
    with pytest.raises(report.CouldNotLook):
        texts.patrol_one(accepted)
    elsewhere(False)
    assert probe.verify(accepted).hits == ()


def test_a_storage_with_the_marker_of_another_installation_is_another(accepted, settings, tmp_path):
    """As when two sites' folders are mixed up."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "lms-purge-00000000000040008000000000000000.json").write_text("{}")
    settings.MEDIA_ROOT = other
    assert storage_trouble() == "missing"
    run(accepted, slices=2)
    assert accepted.status == Status.QUEUED


def test_a_torn_marker_is_no_marker(accepted, settings):
    marker_file(settings).write_text('{"mark": ')
    assert storage_trouble() == "another"


# ---------------------------------------------------------------- the first start, and an upgrade


def test_a_fresh_installation_marks_its_storage_and_asks_nothing(settings):
    assert storage_trouble() == "unmarked"
    assert begin_storage() == ""
    content = json.loads(marker_file(settings).read_text())
    assert content["installation"] == str(installation().pk)
    assert content["mark"] == str(Installation.objects.get().storage_mark)
    assert str(settings.BASE_DIR) not in marker_file(settings).read_text()
    assert begin_storage() == ""
    assert json.loads(marker_file(settings).read_text()) == content


def test_an_upgraded_installation_marks_a_storage_in_which_its_files_are(account):
    for _n in range(4):
        ImportLogFactory(account=account, content="Name,Email\n")
    default_storage.delete(ImportLogFactory(account=account, content="Name,Email\n").file.name)
    assert begin_storage() == ""


def test_an_upgraded_installation_asks_where_its_files_are_not(account, admin_user, eve, settings, tmp_path, capsys):
    for _n in range(4):
        ImportLogFactory(account=account, content="Name,Email\n")
    right = settings.MEDIA_ROOT
    settings.MEDIA_ROOT = tmp_path / "empty"
    assert begin_storage() == "files_missing"
    assert storage_trouble() == "unmarked"
    with pytest.raises(services.PurgeRefused, match=PLAIN):
        services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    with pytest.raises(CommandError, match="adopt --files-are-lost"):
        call_command("purge_storage", "adopt")
    assert not list(Path(settings.MEDIA_ROOT).glob("*")) if Path(settings.MEDIA_ROOT).exists() else True

    settings.MEDIA_ROOT = right
    assert begin_storage() == ""
    settings.MEDIA_ROOT = tmp_path / "empty"
    call_command("purge_storage", "adopt", "--files-are-lost")
    assert storage_trouble() == ""


def test_adopting_stops_whoever_sees_the_storage_of_before(accepted, settings, tmp_path):
    before = settings.MEDIA_ROOT
    shutil.copytree(before, tmp_path / "moved")
    settings.MEDIA_ROOT = tmp_path / "moved"
    assert storage_trouble() == ""  # moved with its marker: nobody is asked
    call_command("purge_storage", "adopt")
    assert storage_trouble() == ""
    settings.MEDIA_ROOT = before
    assert storage_trouble() == "another"
    run(accepted, slices=2)
    assert accepted.status == Status.QUEUED


# ---------------------------------------------------------------- who says so


def test_home_healthz_and_check_say_so(accepted, admin_user, elsewhere, settings):
    support = UserFactory(is_support=True)
    WorkerBeat.objects.create(name="w1", beat_at=accepted.accepted_at)

    def told(user):
        client = Client()
        client.force_login(user)
        return client.get("/admin/").content.decode()

    assert Client().get("/healthz", headers={"host": "localhost"}).json()["file_storage"] == "ok"
    assert Client().get("/healthz", headers={"host": "localhost"}).status_code == 200
    assert PLAIN not in told(admin_user)
    call_command("check", databases=["default"])

    elsewhere(True)
    answer = Client().get("/healthz", headers={"host": "localhost"})
    assert (answer.status_code, answer.json()["file_storage"]) == (503, "missing")
    assert PLAIN in told(admin_user) and "MEDIA_ROOT" not in told(admin_user)
    assert "manage.py purge_storage adopt" in told(support)
    with pytest.raises(CommandError, match=r"purge\.E008"):
        call_command("check", databases=["default"])
    with pytest.raises(CommandError, match="until this is mended"):
        call_command("purge_storage")

    elsewhere(False)
    WorkerBeat.objects.update(trouble="missing")
    answer = Client().get("/healthz", headers={"host": "localhost"})
    assert (answer.status_code, answer.json()["workers_without_files"]) == (503, 1)
    assert "1 worker sees another file storage than the web" in told(support)


# ---------------------------------------------------------------- copies of a database


@pytest.mark.parametrize(
    ("now", "same"),
    [
        ({"kind": "postgresql", "system": "7", "database": 5}, True),
        ({"kind": "postgresql", "system": None, "database": 5}, True),
        ({"kind": "postgresql", "system": "7", "database": 6}, False),
        ({"kind": "postgresql", "system": "8", "database": 5}, False),
        ({"kind": "sqlite", "file": 1, "device": 1, "path": "a"}, False),
    ],
)
def test_a_postgresql_database_is_told_by_server_and_number(now, same):
    assert same_database({"kind": "postgresql", "system": "7", "database": 5}, now) is same


@pytest.mark.parametrize(
    ("now", "same"),
    [
        ({"kind": "sqlite", "file": 10, "device": 1, "path": "a"}, True),
        ({"kind": "sqlite", "file": 10, "device": 1, "path": "b"}, True),  # moved
        ({"kind": "sqlite", "file": 10, "device": 2, "path": "a"}, True),  # mounted anew
        ({"kind": "sqlite", "file": 11, "device": 1, "path": "a"}, False),  # another file in its place
        ({"kind": "sqlite", "file": 10, "device": 2, "path": "b"}, False),  # by chance
    ],
)
def test_a_sqlite_database_is_told_by_its_file(now, same):
    assert same_database({"kind": "sqlite", "file": 10, "device": 1, "path": "a"}, now) is same


ROOT = Path(__file__).resolve().parents[3]


def manage(url, media, *words):
    """A process of its own: (exit code, what it said)."""
    settings = {**os.environ, "DATABASE_URL": url, "MEDIA_ROOT": str(media), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=settings, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def start_web(url, media):
    settings = {**os.environ, "DATABASE_URL": url, "MEDIA_ROOT": str(media), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    code = "import lms_purge.wsgi"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=settings, capture_output=True, text=True).stderr


@pytest.mark.sqlite
def test_a_copied_sqlite_file_stops_until_an_operator_has_said_which_it_is(tmp_path, templates):
    original, copy, media = tmp_path / "lms.sqlite3", tmp_path / "copy.sqlite3", tmp_path / "media"
    at, at_copy = f"sqlite:///{original}", f"sqlite:///{copy}"
    shutil.copyfile(templates.get("migrated", migrate), original)
    assert "nothing is purged" not in start_web(at, media)
    assert manage(at, media, "purge_storage")[0] == 0
    with closing(sqlite3.connect(original)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)

    assert "nothing is purged: This database is a copy" in start_web(at_copy, media)
    code, said = manage(at_copy, media, "purge_storage")
    assert code == 1 and "begin --copy" in said
    # Its original's files are not the copy's to erase.
    code, said = manage(at_copy, media, "purge_storage", "begin", "--copy")
    assert code == 1 and "has the original's marker" in said
    assert manage(at, media, "purge_storage")[0] == 0

    own = tmp_path / "own"
    code, said = manage(at_copy, own, "purge_storage", "begin", "--copy")
    assert code == 0 and "a copy of" in said
    assert manage(at, media, "purge_storage")[0] == 0
    assert manage(at_copy, media, "purge_storage")[0] == 1

    # The original is moved away and back: nobody is asked. A backup in its place: the operator is.
    original.rename(tmp_path / "away.sqlite3")
    assert manage(f"sqlite:///{tmp_path / 'away.sqlite3'}", media, "purge_storage")[0] == 0
    shutil.copy(tmp_path / "away.sqlite3", original)
    assert manage(at, media, "purge_storage")[0] == 1
    assert manage(at, media, "purge_storage", "adopt")[0] == 0
    assert manage(f"sqlite:///{tmp_path / 'away.sqlite3'}", media, "purge_storage")[0] == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_database_that_was_copied_under_another_name_stops(settings):
    from django.db import connections

    adopt_storage()
    assert storage_trouble() == ""
    name = connection.settings_dict["NAME"]
    connections.close_all()
    import psycopg

    config = connection.settings_dict
    server = {"host": config["HOST"], "port": config["PORT"], "user": config["USER"], "password": config["PASSWORD"]}
    with psycopg.connect(dbname="postgres", autocommit=True, **server) as maintenance:
        maintenance.execute('DROP DATABASE IF EXISTS "restored"')
        maintenance.execute(f'CREATE DATABASE "restored" TEMPLATE "{name}"')
    try:
        config["NAME"] = "restored"
        assert storage_trouble() == "copy"
        adopt_storage()
        assert storage_trouble() == ""
        connections.close_all()
        config["NAME"] = name
        assert storage_trouble() == "another"
    finally:
        connections.close_all()
        config["NAME"] = name
        with psycopg.connect(dbname="postgres", autocommit=True, **server) as maintenance:
            maintenance.execute('DROP DATABASE IF EXISTS "restored" WITH (FORCE)')
