"""What keeps purges from going on: one banner for those who run the platform, calm words for customers who wait."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from purge import services
from purge.choices import JournalTrouble
from purge.installation.storage import begin_storage
from purge.models import JournalAlarm, Standstill, WorkerBeat
from purge.upkeep import paused, standstill
from tests.factories.users import AccountFactory, ImportLogFactory, UserFactory
from users.models import AccountKind

SINCE = datetime(2026, 1, 15, 12, tzinfo=UTC)
HEAD = "What stops purges"
#: Pages on which a customer waits for something, or is about to.
WAITING = (
    "/admin/",
    "/admin/purge/purgerequest/",
    "/admin/users/deleteduser/",
    "/admin/users/deleteduser/other/",
    "/admin/users/deleteduser/list/",
)
#: Any page: a list, a form, a page of the purge's own.
ANY = ("/admin/", "/admin/users/internaluser/", "/admin/purge/purgerequest/look-up/", "/admin/messaging/notification/")
CALM_KEY = "Purging is paused while we check the installation. Support has been notified."


@pytest.fixture
def people(cast):
    system = AccountFactory(kind=AccountKind.SYSTEM)
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    begin_storage()
    return {
        "admin": cast.admin,
        "support": UserFactory(account=system, is_support=True),
        "operator": UserFactory(account=system, is_superuser=True),
    }


def seen(user, url: str) -> str:
    """What somebody reads on a page now, whatever was seen some seconds ago."""
    paused.forget()
    standstill.forget()
    client = Client()
    client.force_login(user)
    answer = client.get(url)
    assert answer.status_code == 200, url
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())).replace("&#x27;", "'")


# Each: how it comes, how it ends, what operators read, the command, what customers read.


def worker_dies(settings):
    WorkerBeat.objects.update(beat_at=SINCE)


def worker_comes_back(settings):
    WorkerBeat.objects.update(beat_at=timezone.now())


def somebody_makes_a_table(settings):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE hr_link (id integer PRIMARY KEY, person bigint REFERENCES users_user (id))")


def the_table_is_dropped(settings):
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE hr_link")


def the_key_is_gone(settings):
    settings.PURGE_HASH_KEY = ""


def the_key_is_back(settings):
    settings.PURGE_HASH_KEY = "a key of at least thirty-two characters for tests"


def a_backup_is_restored(settings):
    settings.PURGE_SITE_FENCE = False  # which would let no customer in to read anything
    JournalAlarm.objects.create(
        kind=JournalTrouble.UNKNOWN, chain="one", seq=7, reference="PUR-2222-2222-2", event="completed", found_at=SINCE
    )


def it_was_dealt_with(settings):
    JournalAlarm.objects.all().delete()


CAUSES = {
    "worker": (
        worker_dies,
        worker_comes_back,
        "Purges are paused: the background worker does not respond. Start one.",
        "manage.py worker",
        "Purges are paused: the background worker has not responded since 15 Jan 2026, 12:00 UTC. "
        "New requests are queued; nothing is lost.",
    ),
    "gap": (
        somebody_makes_a_table,
        the_table_is_dropped,
        "hr_link",
        "manage.py check --database default",
        "Purging is paused while we check a change to the database. Support has been notified.",
    ),
    "key": (the_key_is_gone, the_key_is_back, "PURGE_HASH_KEY is not set", "manage.py check", CALM_KEY),
    "backup": (
        a_backup_is_restored,
        it_was_dealt_with,
        "This database is older than its purge log: 1 purge is unknown to it.",
        "manage.py purge_replay --dry-run",
        "Purging is paused while we check a backup that was restored. Support has been notified.",
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_is_said_to_each_in_their_own_words_until_it_is_mended(cause, cast, people, settings):
    comes, ends, text, command, calm = CAUSES[cause]
    cast.acme.time_zone = "UTC"
    cast.acme.save()
    for user in people.values():
        assert HEAD not in seen(user, "/admin/")
    comes(settings)
    try:
        for who in ("support", "operator"):
            for url in ANY if who == "operator" else ANY[:1]:
                page = seen(people[who], url)
                assert page.count(HEAD) == 1
                assert text in page
                assert f" {command} " in page
        since = "15 Jan 2026, 12:00 UTC" if cause in ("worker", "backup") else timezone.now().strftime("%-d %b %Y, ")
        assert f"Since {since}" in page
        for url in WAITING:
            page = seen(people["admin"], url)
            assert page.count(calm) == 1, url
            assert HEAD not in page
            assert "manage.py" not in page
            assert "hr_link" not in page
        assert calm not in seen(people["admin"], "/admin/users/internaluser/")
    finally:
        ends(settings)
    for user in people.values():
        page = seen(user, "/admin/")
        assert HEAD not in page
        assert calm not in page
    assert not Standstill.objects.exists()


def test_an_import_that_waits_says_why(cast, people):
    WorkerBeat.objects.update(beat_at=SINCE)
    log = ImportLogFactory(account=cast.acme)
    assert "the background worker has not responded since" in seen(
        cast.admin, f"/admin/users/importlog/{log.pk}/change/"
    )


def test_a_request_says_calmly_that_the_key_is_missing(cast, people, settings):
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    url = f"/admin/purge/purgerequest/{request.pk}/change/"
    assert "Waiting for its turn." in seen(cast.admin, url)
    settings.PURGE_HASH_KEY = ""
    page = seen(cast.admin, url)
    assert f"{CALM_KEY} Your request is safe, nothing has been erased." in page
    assert "PURGE_HASH_KEY" not in page
    page = seen(people["operator"], url)
    assert "PURGE_HASH_KEY is not set (32 characters at least). The request is safe" in page


def test_since_when_is_kept_over_processes(people, settings):
    settings.PURGE_HASH_KEY = ""
    assert standstill.stops(now=True)[0].since == Standstill.objects.get(code="hash_key").since
    Standstill.objects.update(since=SINCE)
    standstill.forget()
    assert [(stop.code, stop.since) for stop in standstill.stops()] == [("hash_key", SINCE)]


def test_nobody_has_ever_started_a_worker(people):
    WorkerBeat.objects.all().delete()
    assert "no worker has ever run here" in seen(people["operator"], "/admin/")
    text = "Purges are not being processed yet. New requests are queued; nothing is lost."
    assert text in seen(people["admin"], "/admin/")


def test_pages_cost_nothing_more_for_some_seconds(people, settings, django_assert_num_queries):
    WorkerBeat.objects.update(beat_at=timezone.now() - timedelta(hours=1))
    paused.reasons()
    with connection.execute_wrapper(counted := Counted()):
        standstill.stops()
    assert counted.n <= 12
    with django_assert_num_queries(0):
        assert standstill.stops()
        assert standstill.stops_for(people["operator"])


class Counted:
    n = 0

    def __call__(self, execute, sql, params, many, context):
        self.n += 1
        return execute(sql, params, many, context)
