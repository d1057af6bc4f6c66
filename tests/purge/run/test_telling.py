"""Who is told of a request that needs somebody: its account, support, operators; each time, and nothing personal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from messaging.models import Notification
from messaging.services import mail_send
from purge import services, tasks
from purge.choices import Status, Verdict
from purge.models import PurgeRequest
from purge.proof.report import Hit, Report
from purge.run import claims, engine, sweep
from purge.upkeep import deadlines, patrol
from tests.factories.users import AccountFactory, UserFactory
from tests.purge import world as w
from users.models import AccountKind, User, UserState


@pytest.fixture
def platform(cast) -> dict[str, User]:
    """A support person, an operator, and two who are told nothing: deleted ones."""
    system = AccountFactory(kind=AccountKind.SYSTEM, name="Platform")
    return {
        "support": UserFactory(account=system, name="Sue Support", is_support=True),
        "operator": UserFactory(account=system, name="Otto Operator", is_superuser=True),
        "left": UserFactory(account=system, is_support=True, deleted=True),
        "left too": UserFactory(account=system, is_superuser=True, deleted=True),
    }


def told(kind: str, purge_request: PurgeRequest) -> list[tuple[int | None, int]]:
    """(recipient, occurrence) of what was told."""
    rows = Notification.objects.filter(kind=kind, request_id=purge_request.pk).order_by("recipient_id", "occurrence")
    return list(rows.values_list("recipient_id", "occurrence"))


def text_for(user: User, kind: str, purge_request: PurgeRequest) -> str:
    row = Notification.objects.filter(kind=kind, request_id=purge_request.pk, recipient=user).latest("pk")
    return f"{row.title}\n{row.text}"


def each(times: int, *people: User) -> list[tuple[int, int]]:
    return sorted((person.pk, time) for person in people for time in range(1, times + 1))


def submit(cast, *people):
    people = people or (cast.ann,)
    return services.purge_submit(
        acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[person.pk for person in people]
    )


@pytest.fixture
def failing(monkeypatch):
    """Every attempt fails; ``until_it_stops`` lets all five of them fail."""

    def fails(step, run, **kwargs):
        raise ZeroDivisionError(f"{w.ANN} divided")

    monkeypatch.setattr(sweep, "run_step", fails)

    def until_it_stops(purge_request):
        for _n in range(claims.MAX_ATTEMPTS):
            assert tasks.run_request(purge_request.pk) == "failed"
            PurgeRequest.objects.filter(pk=purge_request.pk).update(next_attempt_at=None)
        purge_request.refresh_from_db()
        assert purge_request.status == Status.NEEDS_ATTENTION

    return until_it_stops


@pytest.mark.both_databases
def test_a_stopped_request_reaches_the_initiator_support_and_operators_each_time(cast, platform, failing):
    purge_request = submit(cast)
    failing(purge_request)
    everybody = (cast.admin, platform["support"], platform["operator"])
    assert told("needs_attention", purge_request) == each(1, *everybody)
    services.purge_retry(acting_user=cast.admin, purge_request=purge_request)
    failing(purge_request)
    assert told("needs_attention", purge_request) == each(2, *everybody)
    assert Notification.objects.filter(kind="needs_attention", read_at=None).count() == 6


def test_each_reads_what_is_theirs_to_do_and_nothing_personal(cast, platform, failing):
    purge_request = submit(cast)
    failing(purge_request)
    texts = {
        name: text_for(user, "needs_attention", purge_request)
        for name, user in {**platform, "initiator": cast.admin}.items()
        if user.state == UserState.ACTIVE
    }
    assert "Support has to help: give them the request ID." in texts["initiator"]
    assert "You, the support, have to look into it." in texts["support"]
    assert "ZeroDivisionError" in texts["support"]
    for text in texts.values():
        assert purge_request.reference in text
        for personal in ("ann@", "Archer", "U-1001", "Acme"):
            assert personal.lower() not in text.lower()
    rows = Notification.objects.filter(request_id=purge_request.pk, recipient__in=platform.values())
    assert set(rows.values_list("account_id", flat=True)) == {None}
    assert set(rows.values_list("link", flat=True)) == {f"/admin/purge/purgerequest/{purge_request.pk}/change/"}


def test_other_administrators_are_told_where_the_initiator_cannot_act(cast, platform, failing, put_in_state):
    purge_request = submit(cast)
    put_in_state(cast.admin, UserState.DELETED)
    failing(purge_request)
    assert told("needs_attention", purge_request) == each(1, cast.admin2, platform["support"], platform["operator"])


def test_a_request_of_the_identity_provider_that_is_held_reaches_support_and_operators(cast, platform):
    for _n in range(51):
        UserFactory(account=cast.gamma)
    purge_request = services.purge_submit_ims(email=w.ANN)
    assert purge_request.status == Status.HELD
    assert told("held", purge_request) == each(1, platform["support"], platform["operator"])
    text = text_for(platform["operator"], "held", purge_request)
    assert "waits for the platform's check" in text
    assert "more than fifty other people" in text
    assert "ann@" not in text


def test_one_that_is_not_held_tells_nobody_so(cast, platform):
    purge_request = services.purge_submit_ims(email=w.ANN)
    assert purge_request.status == Status.QUEUED
    assert told("held", purge_request) == []


def test_a_request_of_no_account_that_stops_or_is_late_reaches_support_and_operators(cast, platform, failing):
    purge_request = services.purge_submit_ims(email=w.ANN)
    failing(purge_request)
    assert told("needs_attention", purge_request) == each(1, platform["support"], platform["operator"])
    PurgeRequest.objects.filter(pk=purge_request.pk).update(
        accepted_at=timezone.now() - timedelta(days=40), due_at=timezone.now() - timedelta(days=10)
    )
    deadlines.remind()
    deadlines.remind()
    assert told("overdue", purge_request) == each(1, platform["support"], platform["operator"])


def test_an_overdue_request_reaches_the_initiator_support_and_operators_once(cast, platform):
    purge_request = submit(cast)
    PurgeRequest.objects.filter(pk=purge_request.pk).update(
        accepted_at=timezone.now() - timedelta(days=40), due_at=timezone.now() - timedelta(days=10)
    )
    deadlines.remind()
    deadlines.remind()
    assert told("overdue", purge_request) == each(1, cast.admin, platform["support"], platform["operator"])
    assert "Give support the request ID." in text_for(cast.admin, "overdue", purge_request)
    assert "Give support" not in text_for(platform["support"], "overdue", purge_request)


def test_half_the_time_is_told_to_the_initiator_alone(cast, platform):
    purge_request = submit(cast)
    PurgeRequest.objects.filter(pk=purge_request.pk).update(accepted_at=timezone.now() - timedelta(days=20))
    PurgeRequest.objects.filter(pk=purge_request.pk).update(due_at=timezone.now() + timedelta(days=10))
    deadlines.remind()
    assert told("half_time", purge_request) == each(1, cast.admin)


# ---------------------------------------------------------------- data found


def found(row: str) -> Report:
    return Report(Verdict.RESIDUE, (Hit(table="learning_course", column="code", row=row, ruled=False),))


def reopen(purge_request: PurgeRequest, report: Report) -> None:
    with transaction.atomic():
        engine.set_residue(PurgeRequest.objects.select_for_update().get(pk=purge_request.pk), report)


def test_data_found_is_told_when_it_begins_when_more_is_found_and_when_it_comes_back(cast, platform):
    purge_request = submit(cast)
    assert w.completed(w.run_to_end(purge_request))
    everybody = (cast.admin, platform["support"], platform["operator"])
    reopen(purge_request, found("7"))
    assert [pk for pk, _time in told("residue", purge_request)] == sorted(user.pk for user in everybody)
    # The next night finds the same place: nobody has to be told twice of one and the same thing.
    reopen(purge_request, found("7"))
    assert len(told("residue", purge_request)) == 3
    reopen(purge_request, found("8"))
    assert len(told("residue", purge_request)) == 6
    assert patrol.patrol_all().verdict == Verdict.CLEAN
    purge_request.refresh_from_db()
    assert purge_request.status == Status.COMPLETED
    reopen(purge_request, found("7"))
    assert len(told("residue", purge_request)) == 9


# ---------------------------------------------------------------- completed, once


def test_completed_is_told_once_however_often_it_completes(cast, platform):
    purge_request = submit(cast)
    assert w.completed(w.run_to_end(purge_request))
    assert told("completed", purge_request) == [(cast.admin.pk, 1)]
    reopen(purge_request, found("7"))
    patrol.patrol_all()
    assert w.completed(purge_request)
    assert told("completed", purge_request) == [(cast.admin.pk, 1)]


# ---------------------------------------------------------------- the operators' mailbox


def mails_of(purge_request: PurgeRequest) -> list[tuple[list[str], str]]:
    mail.outbox.clear()
    for pk in Notification.objects.filter(request_id=purge_request.pk).order_by("pk").values_list("pk", flat=True):
        mail_send(pk)
    return [(each.to, each.extra_headers["Message-ID"]) for each in mail.outbox]


def test_the_operators_share_a_mailbox_if_they_say_so(cast, platform, failing, settings):
    settings.OPERATORS_EMAIL = "ops@platform.example"
    settings.LMS_BASE_URL = "https://lms.platform.example"
    purge_request = submit(cast)
    failing(purge_request)
    services.purge_retry(acting_user=cast.admin, purge_request=purge_request)
    failing(purge_request)
    shared = [message_id for to, message_id in mails_of(purge_request) if to == ["ops@platform.example"]]
    assert shared == [
        f"<purge-{purge_request.pk}.needs_attention.operators@lms.platform.example>",
        f"<purge-{purge_request.pk}.needs_attention.operators.2@lms.platform.example>",
    ]
    assert mails_of(purge_request) == []


def test_without_a_shared_mailbox_nothing_goes_there(cast, platform, failing):
    purge_request = submit(cast)
    failing(purge_request)
    recipients = [to for to, _message_id in mails_of(purge_request)]
    assert sorted(recipients) == sorted(
        [user.email] for user in (cast.admin, platform["support"], platform["operator"])
    )


def test_the_mailbox_is_told_once_for_each_time_whoever_writes_it(db):
    row = {"recipient": None, "kind": "held", "request_id": 7, "title": "t", "text": "x"}
    Notification.objects.create(**row)
    Notification.objects.create(**row, occurrence=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification.objects.create(**row)
    assert Notification.objects.count() == 2


# ---------------------------------------------------------------- the pages of support


@pytest.mark.parametrize("who", ["support", "operator"])
def test_support_and_operators_find_it_in_their_notifications(client, cast, platform, failing, who):
    client.force_login(platform[who])
    empty = client.get("/admin/").content.decode()
    assert "When a purge waits for the platform&#x27;s check, stops, is overdue" in empty or (
        "When a purge waits for the platform's check, stops, is overdue" in empty
    )
    purge_request = submit(cast)
    failing(purge_request)
    page = client.get("/admin/messaging/notification/").content.decode()
    assert f"Purge {purge_request.reference} needs help" in page
    assert client.get(f"/admin/purge/purgerequest/{purge_request.pk}/change/").status_code == 200
