"""How thoroughly a purge was checked, and what is not covered: of what each installation has, and of nothing else."""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors.models import ApplicationGrant, ExternalApplication
from purge import services, tasks
from purge.choices import Status, Verdict
from purge.database.looking import copies
from purge.database.postgresql import PostgreSQL
from purge.database.sqlite import SQLite
from purge.hashing import fingerprint
from purge.models import PurgeRequest, Residue, UnopenedFile
from purge.proof.report import Hit, Report
from purge.references import new_reference
from purge.run.engine import set_residue
from purge.thoroughness.recording import note_applications, note_completion
from tests.factories.connectors import ApplicationGrantFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.purge import world as w

pytestmark = pytest.mark.django_db

POSTGRESQL = connection.vendor == "postgresql"


@pytest.fixture
def account():
    return AccountFactory(name="Acme", time_zone="Europe/Berlin")


@pytest.fixture
def admin(account):
    return AdministratorFactory(account=account)


@pytest.fixture
def person(account):
    return UserFactory(account=account, deleted_at=datetime(2026, 1, 15, 12, tzinfo=UTC))


@pytest.fixture
def purged(account, admin, person):
    def purge():
        request = services.purge_submit(acting_user=admin, account_id=account.pk, user_ids=[person.pk])
        assert w.completed(w.run_to_end(request))
        return request

    return purge


@pytest.fixture
def looked_at(account, person):
    """The same, as far as it is about what is written down: nothing is erased, the two looks alone are made."""

    def look():
        now = timezone.now()
        request = PurgeRequest.objects.create(
            reference=new_reference(),
            route="ui_enterprise",
            origin="admin",
            account_id=account.pk,
            status="completed",
            planned=True,
            due_at=now + timedelta(days=30),
            verified_at=now,
            completed_at=now,
            key_fingerprint=fingerprint(),
        )
        request.subjects.create(person_id=person.pk, account_id=account.pk, role="selected")
        note_applications(request)
        note_completion(request)
        return request

    return look


def told(request: PurgeRequest) -> dict:
    out = StringIO()
    with contextlib.suppress(CommandError):  # one that somebody has to look at
        call_command("purge_status", request.reference, "--json", stdout=out)
    return json.loads(out.getvalue())["thoroughness"]


def in_words(request: PurgeRequest) -> str:
    out = StringIO()
    call_command("purge_status", request.reference, stdout=out)
    return out.getvalue()


def levels(request: PurgeRequest) -> dict[str, str | None]:
    return {line["store"]: line["level"] for line in told(request)["stores"]}


# ---------------------------------------------------------------- stores


def test_each_store_says_how_far_and_when_and_nothing_more_than_was_looked_at(purged):
    before = timezone.now()
    request = purged()
    after = timezone.now()
    said = told(request)
    assert said["recorded"] is True
    assert [(line["store"], line["level"]) for line in said["stores"]] == [
        ("rows", "record_gone"),
        ("texts", "texts_searched"),
        ("space", None),
        ("files", "texts_searched"),
        ("cache", "texts_searched"),
        ("purge_log", "outside"),
        ("applications", "outside"),
    ]
    for line in said["stores"]:
        if line["level"] is None:
            assert line["at"] is None
        else:
            assert before - timedelta(seconds=1) <= datetime.fromisoformat(line["at"]) <= after + timedelta(seconds=1)
    words = in_words(request)
    assert "checked     Database rows: record gone, " in words
    assert "checked     Disk space of the database: not yet overwritten\n" in words
    assert " CET\n" in words


def test_a_request_under_way_says_nothing_of_it_and_one_of_before_says_not_recorded(
    account, admin, person, purged, settings
):
    request = services.purge_submit(acting_user=admin, account_id=account.pk, user_ids=[person.pk])
    assert told(request) is None
    assert "checked " not in in_words(request)
    assert w.completed(w.run_to_end(request))
    request.established.all().delete()  # as the release before left it
    request.not_covered.all().delete()
    said = told(request)
    assert (said["recorded"], said["stores"]) == (False, [])
    assert [line["kind"] for line in said["not_covered"]] == ["backups"]
    assert "checked     how far: not recorded by the release that completed it" in in_words(request)


def test_what_is_found_later_takes_back_what_was_established(purged):
    request = purged()
    set_residue(request, Report(Verdict.RESIDUE, (Hit("learning_comment", "body", "7", ruled=True),), patrolled=True))
    request.refresh_from_db()
    assert request.status == Status.RESIDUE
    assert told(request) is None
    assert set(request.established.values_list("store", flat=True)) == {"applications"}
    assert Residue.objects.filter(request=request).count() == 1


@pytest.mark.django_db(transaction=True)
def test_statistics_and_space_are_told_when_they_were_cleared_and_overwritten(purged):
    request = purged()
    assert levels(request).get("statistics") is None
    assert {line["kind"] for line in told(request)["not_covered"]} >= {"space"}
    assert any(tasks.compact() for _n in range(50))
    cleared = levels(request)
    # SQLite's statistics hold no values: there is nothing to clear.
    assert cleared.get("statistics") == ("statistics_cleared" if POSTGRESQL else None)
    assert cleared["space"] is None
    assert "space" in {line["kind"] for line in told(request)["not_covered"]}
    call_command("purge_compact", request.reference, stdout=StringIO(), stderr=StringIO())
    assert levels(request)["space"] == "space_overwritten"
    assert "space" not in {line["kind"] for line in told(request)["not_covered"]}


# ---------------------------------------------------------------- not covered: each source, and without it


CACHE = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
MOMENT = datetime(2026, 11, 29, 11, 10, tzinfo=UTC)

#: Source → (kind, its line in the account's zone).
SOURCES = {
    "backups": ("backups", "Backups that were made before: nobody has said how long they are kept."),
    "standby": (
        "standby",
        "Standby “berlin” of the database: it erases what it is told to, when it is told.",
    ),
    "slot": ("slot", "Replication slot “warehouse”: whoever reads from it keeps what they have read."),
    "archive": (
        "archive",
        "The archive of the database's changes (archive_mode); it last took some on 29 Nov 2026, 12:10 CET.",
    ),
    "statements": (
        "statements",
        "The database server's log, which takes down statements with their values (see manage.py check).",
    ),
    "cache": ("cache", "Cache “default”, which is kept outside of the database."),
    "sessions": ("sessions", "Sessions, which are kept outside of the database."),
    "application": ("application", "Outside application Payroll (Wages Ltd): ask dpo@wages.example."),
    "files": ("files", "2 stored files that could not be opened: encrypted."),
    "unique_ids": ("unique_ids", "3 Unique User IDs that were not looked for as words."),
}


@pytest.fixture
def installation(settings, monkeypatch, person, account):
    """An installation with these sources, and what is said after a purge in it."""

    def purge_with(sources, purged):
        settings.PURGE_BACKUP_DAYS = None if "backups" in sources else 0
        if "cache" in sources:
            settings.CACHES = CACHE
        if "sessions" in sources:
            settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
        known = {"standby": ("berlin", None), "slot": ("warehouse", None), "archive": ("", MOMENT)}
        seen = [copies.Copy(copies.CopyKind(kind), name, at) for kind, (name, at) in known.items() if kind in sources]
        for dialect in (PostgreSQL, SQLite):
            monkeypatch.setattr(dialect, "copies", lambda self: seen)
            monkeypatch.setattr(dialect, "logs_values", lambda self: "statements" in sources)
        if "application" in sources:
            ApplicationGrantFactory(
                user=person,
                application__account=account,
                application__name="Payroll",
                application__organisation="Wages Ltd",
                application__contact_email="dpo@wages.example",
            )
        request = purged()
        if "files" in sources:
            for row in (1, 2):
                UnopenedFile.objects.create(
                    request=request, table="t", column="c", row=row, account_id=account.pk, kind="encrypted"
                )
            # One that went names nobody any more.
            UnopenedFile.objects.create(request=request, table="t", column="c", row=3, kind="damaged", erased=True)
        if "unique_ids" in sources:
            PurgeRequest.objects.filter(pk=request.pk).update(ids_unsought=3)
            request.refresh_from_db()
        return request

    return purge_with


#: In every installation, until an operator has the space overwritten.
ALWAYS = ("space", "Free space in the database's files, until it is written again or an operator has it overwritten.")


@pytest.mark.parametrize("missing", ["", *SOURCES])
def test_each_source_that_is_not_there_takes_its_line_away(installation, looked_at, missing):
    request = installation(set(SOURCES) - {missing}, looked_at)
    said = [(line["kind"], line["text"]) for line in told(request)["not_covered"]]
    assert sorted(said) == sorted([line for source, line in SOURCES.items() if source != missing] + [ALWAYS])
    assert levels(request)["cache"] == "outside"


def test_a_purge_notes_all_of_them_itself(installation, purged):
    request = installation(set(SOURCES), purged)
    said = [(line["kind"], line["text"]) for line in told(request)["not_covered"]]
    assert sorted(said) == sorted([*SOURCES.values(), ALWAYS])


def test_an_installation_with_none_of_them_has_one_line_alone(installation, purged):
    request = installation(set(), purged)
    assert [(line["kind"], line["text"]) for line in told(request)["not_covered"]] == [ALWAYS]
    assert levels(request)["cache"] == "texts_searched"


def test_backups_are_told_until_their_day_and_not_after_it(installation, looked_at, settings):
    request = installation(set(), looked_at)
    PurgeRequest.objects.filter(pk=request.pk).update(completed_at=timezone.now() - timedelta(days=9))
    request.refresh_from_db()
    settings.PURGE_BACKUP_DAYS = 10
    (line, _space) = told(request)["not_covered"]
    until = request.completed_at + timedelta(days=10)
    assert abs(datetime.fromisoformat(line["until"]) - until) < timedelta(seconds=1)
    assert line["text"].startswith("Backups that were made before, until ")
    settings.PURGE_BACKUP_DAYS = 9
    assert [line["kind"] for line in told(request)["not_covered"]] == ["space"]


def test_an_application_is_named_as_it_is_when_somebody_reads_it(installation, purged):
    request = installation({"application"}, purged)
    assert not ApplicationGrant.objects.exists()
    application = ExternalApplication.objects.get()
    stored = request.not_covered.get(kind="application")
    assert (stored.name, stored.number) == ("", application.pk)
    number = application.pk
    application.delete()
    (_space, line) = told(request)["not_covered"]
    assert line["text"] == f"Outside application {number}, which is not registered here any more."


def test_a_purge_that_was_planned_before_does_not_pretend_that_there_were_no_applications(installation, looked_at):
    request = installation(set(), looked_at)
    request.established.filter(store="applications").delete()
    assert ("applications_not_recorded", "Outside applications: which of them had data was not recorded.") in [
        (line["kind"], line["text"]) for line in told(request)["not_covered"]
    ]


# ---------------------------------------------------------------- who reads what


def test_the_page_has_it_for_each_reader_in_a_few_queries(installation, looked_at, client, admin):
    request = installation(set(SOURCES), looked_at)
    strange = ApplicationGrantFactory(application__name="Elsewhere Inc").application
    request.not_covered.create(kind="application", number=strange.pk, account_id=strange.account_id)
    url = f"/admin/purge/purgerequest/{request.pk}/change/"
    client.force_login(admin)
    own = client.get(url).content.decode()
    assert "How thoroughly checked" in own
    assert "<td>Database rows</td><td>record gone</td>" in own
    assert "Outside application Payroll (Wages Ltd): ask dpo@wages.example." in own
    assert "A replication slot of the database: whoever reads from it keeps what they have read." in own
    # The names of the platform's machines, and what is in other accounts, are no business of a customer.
    for word in ("warehouse", "berlin", "Elsewhere"):
        assert word not in own
    client.force_login(UserFactory(is_superuser=True))
    with CaptureQueriesContext(connection) as captured:
        everything = client.get(url).content.decode()
    for word in ("warehouse", "berlin", "Elsewhere Inc"):
        assert word in everything
    mine = [
        query["sql"] for query in captured if "purge_notcovered" in query["sql"] or "purge_established" in query["sql"]
    ]
    assert len(mine) == 2
    assert len([query for query in captured if "connectors_externalapplication" in query["sql"]]) == 1


# ---------------------------------------------------------------- a real server


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_real_standby_and_a_real_slot_are_seen_by_name(purged, settings):
    settings.PURGE_BACKUP_DAYS = 0
    config = connection.settings_dict
    where = f"host={config['HOST']} port={config['PORT']} user={config['USER']}"
    with contextlib.ExitStack() as stack:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_create_physical_replication_slot('to_paris')")
        stack.callback(_drop_slot)
        standby = psycopg.pq.PGconn.connect(f"{where} replication=true application_name=in_paris".encode())
        stack.callback(standby.finish)
        named = psycopg.pq.PGconn.connect(f"{where} replication=true application_name=ann@x.org".encode())
        stack.callback(named.finish)
        assert standby.status == psycopg.pq.ConnStatus.OK, standby.error_message
        request = purged()
        seen = {(line["kind"], line.get("name")) for line in told(request)["not_covered"]}
        assert {("standby", "in_paris"), ("slot", "to_paris"), ("log", None)} <= seen
        assert ("standby", str(named.backend_pid)) in seen
        assert not request.not_covered.filter(name__contains="@").exists()


def _drop_slot() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_drop_replication_slot('to_paris')")
