"""A table without a rule, and a missing key: said to whoever can mend it, and calmly to everybody else."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from messaging.models import Notification
from purge import services, tasks
from purge.models import PurgeRequest, WorkerBeat
from purge.upkeep import paused
from tests.factories.users import AccountFactory, UserFactory
from tests.purge import world as w
from users.models import AccountKind, UserState

PURGE = "/admin/users/deleteduser/purge/"
CALM = "Purging is paused while we check a change to the database. Support has been notified."
CALM_KEY = "Purging is paused while we check the installation. Support has been notified."


@pytest.fixture
def people(cast):
    system = AccountFactory(kind=AccountKind.SYSTEM)
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    return {
        "admin": cast.admin,
        "support": UserFactory(account=system, is_support=True),
        "operator": UserFactory(account=system, is_superuser=True),
    }


@pytest.fixture
def forgotten_table(people):
    """What somebody has made by hand, beside everything."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE hr_link (id integer PRIMARY KEY, person bigint REFERENCES users_user (id))")
    yield "hr_link"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS hr_link")


def home(user) -> str:
    client = Client()
    client.force_login(user)
    return client.get("/admin/").content.decode()


def healthz() -> tuple[int, list[str]]:
    answer = Client().get("/healthz", headers={"host": "localhost"})
    return answer.status_code, answer.json()["paused"]


def told() -> list[int]:
    return list(Notification.objects.filter(kind="paused").order_by("recipient_id").values_list("recipient", flat=True))


def submit(cast):
    return services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])


def test_while_all_is_well_nothing_is_said(cast, people):
    assert healthz() == (200, [])
    for user in people.values():
        assert "Purging is paused" not in home(user)
    tasks.remind()
    assert told() == []
    assert submit(cast).status == "queued"


def test_a_table_without_a_rule_is_said_to_everybody_in_their_own_words(people, forgotten_table):
    assert healthz() == (503, ["coverage"])
    assert CALM in home(people["admin"])
    assert "hr_link" not in home(people["admin"])
    assert "manage.py" not in home(people["admin"])
    for who in ("support", "operator"):
        assert "hr_link" in home(people[who])
        assert "add the rule" in home(people[who])


def test_a_purge_is_refused_calmly_and_support_is_told_of_it(cast, people, forgotten_table):
    with pytest.raises(services.PurgeRefused) as refused:
        submit(cast)
    assert str(refused.value) == CALM
    assert "hr_link" in refused.value.details
    assert not PurgeRequest.objects.exists()
    cast.ann.refresh_from_db()
    assert cast.ann.state == UserState.DELETED
    assert told() == sorted([people["support"].pk, people["operator"].pk])
    text = Notification.objects.filter(kind="paused").first().text
    assert "hr_link" in text
    # Once a day, however often somebody tries.
    with pytest.raises(services.PurgeRefused):
        submit(cast)
    tasks.remind()
    assert len(told()) == 2


def test_the_page_of_a_customer_shows_the_calm_words(cast, people, forgotten_table):
    client = Client()
    client.force_login(cast.admin)
    page = client.post(PURGE, {"_selected_action": [cast.ann.pk]}, follow=True).content.decode()
    assert CALM in page
    assert "hr_link" not in page
    client.force_login(people["operator"])
    page = client.post(PURGE, {"_selected_action": [cast.ann.pk]}, follow=True).content.decode()
    assert "hr_link" in page


def test_nobody_has_to_try_a_purge_for_support_to_learn_of_it(people, forgotten_table):
    tasks.remind()
    assert told() == sorted([people["support"].pk, people["operator"].pk])


def test_when_the_table_is_gone_all_is_well_again(cast, people, forgotten_table):
    assert healthz()[0] == 503
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE hr_link")
    assert submit(cast).status == "queued"  # asked anew: what a page has seen lately does not decide
    paused.forget()
    assert healthz() == (200, [])


def test_a_missing_key_is_said_too(cast, people, settings):
    settings.PURGE_HASH_KEY = ""
    assert healthz() == (503, ["hash_key"])
    assert CALM_KEY in home(people["admin"])
    assert "PURGE_HASH_KEY" not in home(people["admin"])
    assert "PURGE_HASH_KEY is not set" in home(people["operator"])
    with pytest.raises(services.PurgeRefused) as refused:
        submit(cast)
    assert str(refused.value) == CALM_KEY
    assert told() == sorted([people["support"].pk, people["operator"].pk])


def test_another_key_stops_no_acceptance_and_is_said(cast, people, settings):
    submit(cast)
    settings.PURGE_HASH_KEY = "another key of at least thirty-two characters"
    paused.forget()
    assert healthz() == (503, ["other_hash_key"])
    assert CALM_KEY in home(people["admin"])
    assert "none of them completes" in home(people["support"])


def test_the_command_line_reads_what_to_do(cast, people, forgotten_table):
    from django.core.management import call_command
    from django.core.management.base import CommandError

    words = ["--account", cast.acme.subdomain, "--initiator", cast.admin.email, "--user", "U-1001", "--yes"]
    with pytest.raises(CommandError, match="hr_link"):
        call_command("purge_submit", *words)


def test_a_page_looks_once_a_minute(people, django_assert_num_queries):
    paused.reasons()
    with django_assert_num_queries(0):
        paused.reasons()


def test_the_news_is_of_no_request_and_names_nobody(people, forgotten_table):
    tasks.remind()
    rows = Notification.objects.filter(kind="paused")
    assert set(rows.values_list("request_id", "reference", "account_id", "link")) == {(0, "", None, "/admin/")}
    for text in rows.values_list("text", flat=True):
        assert w.ANN not in text
