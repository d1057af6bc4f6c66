"""A time of day is never written without its zone: on no page, in no mail, in no file, in the output of no
command. Numbers are grouped for whoever reads them, and never in what a browser sends back."""

import contextlib
import re
from io import StringIO

import pytest
from django.contrib import admin as site
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from messaging.models import Notification
from messaging.services import mail_send
from purge import services
from purge.models import PatrolPass, WorkerBeat
from tests.factories.learning import CertificateFactory, EnrolmentFactory
from tests.factories.users import UserFactory
from tests.pages_at_hand import Visit, _Reader
from tests.purge import world as w

#: A time of day without a zone behind it; such as "12:10 CET", "12:10 UTC+0530" and "12:10:00+01:00" are complete.
ALONE = re.compile(
    r"(?<![\d:.+-])(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?![\d:])(?!(?: [A-Z]{2,5}\b| UTC|Z|[+-]\d\d))"
)


#: A number of `lived_in` in an attribute, with the separator of one of the languages in it.
SENT_BACK_GROUPED = re.compile(r'\w+="[^"<>]*\b1[,. \u00a0\u202f]23[45][,. \u00a0\u202f]\d{3}\b[^"<>]*"')
REQUESTS = "/admin/purge/purgerequest/"
CLEANUP = "/admin/users/deleteduser/"


def times_without_zone(text: str) -> list[str]:
    return [text[max(0, each.start() - 30) : each.end() + 12] for each in ALONE.finditer(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Completed on 29 Nov 2026, 12:10 CET.", 0),
        ("29 Nov 2026, 12:10 UTC+0530", 0),
        ("2026-11-29T12:10:00+01:00", 0),
        ("Completed on 29 Nov 2026, 12:10.", 1),
        ("since Nov. 29, 2026, 12:10 a.m.", 1),
        ("at 9:05, and at 23:59:59", 2),
        ("PUR-12:99 and 25:10", 0),
    ],
)
def test_a_time_without_its_zone_is_found(text, found):
    assert len(times_without_zone(text)) == found


@pytest.fixture(scope="module")
def lived_in(django_db_setup, django_db_blocker, tmp_path_factory):
    """A world with rows in every column, in which somebody was purged and something is under way."""
    folder = tmp_path_factory.mktemp("zones")
    places = {"MEDIA_ROOT": folder / "media", "PURGE_JOURNAL": folder / "journal" / "purge.jsonl"}
    far = {"PURGE_RATE_GUARD": 1_000_000, "PURGE_RATE_GUARD_TRIAL": 1_000_000}
    with django_db_blocker.unblock(), transaction.atomic(), override_settings(**places, **far):
        begin_at(1_234_000)
        cast = w.build_world()
        w.furnish(cast)
        over = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
        w.run_to_end(over)
        waits = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.bob.pk])
        WorkerBeat.objects.create(name="lms", beat_at=timezone.now())
        PatrolPass.objects.create(finished_at=timezone.now(), verdict="clean")
        yield cast, over, waits
        transaction.set_rollback(True)


def begin_at(number: int) -> None:
    """The next row of each table has a number that is written with separators where people read it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'")
        tables = [name for (name,) in cursor.fetchall()]
        cursor.executemany("DELETE FROM sqlite_sequence WHERE name = %s", [(name,) for name in tables])
        cursor.executemany("INSERT INTO sqlite_sequence VALUES (%s, %s)", [(name, number) for name in tables])


def pages_of(client: Client) -> list[str]:
    """Every list that somebody may see, the page of one row of each, and the pages that are no lists."""
    names = ("index", "purge_look_up", "purge_data_map", "purge_routes", "own_sessions")
    urls = [reverse(f"admin:{name}") for name in names]
    for model in site.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        answer = client.get(reverse(f"{name}_changelist"))
        if answer.status_code != 200:
            continue
        urls.append(reverse(f"{name}_changelist"))
        changes = getattr(answer.context_data.get("cl"), "result_list", None) if answer.context_data else None
        urls += [reverse(f"{name}_change", args=[row.pk]) for row in list(changes or [])[:1]]
    return urls


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize("who", ["administrator", "support", "operator"])
def test_no_page_writes_a_time_without_its_zone(lived_in, who):
    cast, over, waits = lived_in
    reader = (
        cast.admin
        if who == "administrator"
        else UserFactory(**{"support": {"is_support": True}}.get(who, {"is_superuser": True}))
    )
    visit = Visit()
    visit.client.force_login(reader)
    # An operator sees every list; to the others the same pages show less, but for what is about a request.
    urls = pages_of(visit.client) if who == "operator" else [reverse("admin:index"), REQUESTS]
    urls += [reverse("admin:purge_purgerequest_change", args=[each.pk]) for each in (over, waits)]
    assert len(urls) > (40 if who == "operator" else 3)
    found, grouped, numbers = {}, {}, 0
    for url in urls:
        answer = visit.client.get(url, follow=True)
        assert answer.status_code in (200, 403), url
        html = answer.content.decode()
        page = _Reader()
        page.feed(html)
        if times := times_without_zone(page.text):
            found[url] = times
        numbers += len(re.findall(r'="[^"]*123[45]\d{3}', html))
        if sent := SENT_BACK_GROUPED.findall(html):
            grouped[url] = sent
    assert found == {}
    assert numbers > (100 if who == "operator" else 0)
    assert grouped == {}


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize("who", ["administrator", "operator"])
def test_no_file_of_people_or_requests_writes_one(lived_in, who):
    cast, over, _waits = lived_in
    client = Client()
    client.force_login(cast.admin if who == "administrator" else UserFactory(is_superuser=True))
    person = UserFactory(account=cast.acme, deleted=True)
    EnrolmentFactory(user=person)
    CertificateFactory(user=person)
    begun = client.post(f"{CLEANUP}purge/", {"_selected_action": [person.pk]})
    plan = begun.url.partition("plan=")[2]
    answers = {
        "the list": client.get(f"{CLEANUP}export/"),
        "outside": client.post(f"{CLEANUP}outside/", {"plan": plan}),
        "transcripts": client.post(f"{CLEANUP}transcripts/", {"plan": plan}),
        "register": client.get(f"{REQUESTS}register/", {"format": "csv"}),
        "register as JSON": client.get(f"{REQUESTS}register/", {"format": "json"}),
    }
    files = {name: answer.getvalue().decode() for name, answer in answers.items()}
    assert all(answer.status_code == 200 for answer in answers.values())
    assert over.reference in files["register"] and person.email in files["the list"]
    assert len(files["transcripts"].splitlines()) == 3
    assert all(re.search(r"T\d\d:\d\d", files[name]) for name in ("the list", "transcripts", "register"))
    assert {name: times for name, text in files.items() if (times := times_without_zone(text))} == {}


@pytest.mark.sqlite
@pytest.mark.django_db
def test_no_mail_and_no_command_writes_one(lived_in):
    _cast, over, waits = lived_in
    for pk in Notification.objects.filter(recipient__isnull=False).values_list("pk", flat=True):
        mail_send(pk)
    assert mail.outbox
    said = {f"mail {number}": f"{each.subject} {each.body}" for number, each in enumerate(mail.outbox)}
    for words in (
        ["purge_status", over.reference],
        ["purge_status", waits.reference],
        ["purge_status"],
        ["purge_overdue"],
        ["purge_verify", over.reference],
        ["purge_journal", "status"],
        ["purge_storage", "status"],
    ):
        out = StringIO()
        with contextlib.suppress(CommandError):
            call_command(*words, stdout=out, stderr=out)
        said[" ".join(words)] = out.getvalue()
    assert sum(1 for text in said.values() if text) > 5
    assert {place: times for place, text in said.items() if (times := times_without_zone(text))} == {}
