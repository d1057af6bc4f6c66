"""Where a request stands: one state, one sentence, one who acts, for every cause and every reader."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from purge.choices import Actor, Origin, Reader, Route, State, Status
from purge.models import PurgeRequest, WorkerBeat
from purge.references import new_reference
from purge.standing import (
    Wait,
    in_state,
    is_late,
    moment_text,
    only_chosen,
    reader_of,
    sentence_for,
    shown_wait,
    standing,
    standings,
)
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 29, 11, 10, tzinfo=UTC)
DUE = "29 Dec 2026, 12:10 CET"


@pytest.fixture
def account():
    return AccountFactory(time_zone="Europe/Berlin")


@pytest.fixture
def readers(account):
    """One of each kind, by the name of the kind."""
    return {
        "initiator": AdministratorFactory(account=account),
        "administrator": AdministratorFactory(account=account),
        "support": UserFactory(is_support=True),
        "operator": UserFactory(is_superuser=True),
        "command_line": None,
    }


@pytest.fixture
def alive(db):
    """Says when a worker was last seen; None: never."""

    def seen(moment, *, trouble=""):
        WorkerBeat.objects.all().delete()
        if moment is not None:
            WorkerBeat.objects.create(name="w", beat_at=moment, trouble=trouble)

    seen(NOW)
    return seen


@pytest.fixture
def make(account, readers):
    """A stored request of the account, past all services."""

    def request(status, **fields):
        done = {"planned": True, "verified_at": NOW, "completed_at": NOW} if status == Status.COMPLETED else {}
        return PurgeRequest.objects.create(
            **{
                "reference": new_reference(),
                "route": Route.UI_ENTERPRISE,
                "origin": Origin.ADMIN,
                "account_id": account.pk,
                "initiator": readers["initiator"],
                "status": status,
                "accepted_at": NOW,
                "due_at": NOW + timedelta(days=30),
                "key_fingerprint": "k",
                **done,
                **fields,
            }
        )

    return request


# ---------------------------------------------------------------- the table

LATER = NOW + timedelta(minutes=8)
SILENT = datetime(2026, 11, 29, 10, 10, tzinfo=UTC)
FAILED = {"error_class": "OperationalError", "error_step": "learning.Enrolment.user", "attempts": 2}

#: What has happened → (state, who acts, what customers read, what support reads, what operators read).
TABLE = {
    "just accepted": (
        {"status": Status.QUEUED},
        State.WAITING,
        Actor.WORKER,
        "Waiting for its turn. It starts by itself, there is nothing to do. Due 29 Dec 2026, 12:10 CET.",
        "Waiting for its turn. It starts by itself, there is nothing to do. Due 29 Dec 2026, 12:10 CET.",
        "Waiting for its turn. It starts by itself, there is nothing to do. Due 29 Dec 2026, 12:10 CET.",
    ),
    "held: unusually many elsewhere": (
        {"status": Status.HELD, "held_reason": "rate"},
        State.WAITING,
        Actor.OPERATOR,
        "Waiting for the platform's check. An operator ends it, there is nothing for you to do. "
        "Due 29 Dec 2026, 12:10 CET.",
        "Waiting for the platform's check: The purges of its account, or of whoever asked for it, reach unusually many "
        "users and rows of other accounts today. An operator releases it, or cancels it. Due 29 Dec 2026, 12:10 CET.",
        "Waiting for the platform's check: The purges of its account, or of whoever asked for it, reach unusually many "
        "users and rows of other accounts today. Release it, or cancel it. Due 29 Dec 2026, 12:10 CET.",
    ),
    "held: it would empty accounts": (
        {"status": Status.HELD, "held_reason": "members"},
        State.WAITING,
        Actor.OPERATOR,
        "Waiting for the platform's check. An operator ends it, there is nothing for you to do. "
        "Due 29 Dec 2026, 12:10 CET.",
        "Waiting for the platform's check: It would empty trial accounts of more than fifty other people. "
        "An operator releases it, or cancels it. Due 29 Dec 2026, 12:10 CET.",
        "Waiting for the platform's check: It would empty trial accounts of more than fifty other people. "
        "Release it, or cancel it. Due 29 Dec 2026, 12:10 CET.",
    ),
    "accepted, and no worker": (
        {"status": Status.QUEUED, "beat": SILENT},
        State.WAITING,
        Actor.OPERATOR,
        "No worker has answered since 29 Nov 2026, 11:10 CET. Your request is safe, nothing has been erased. "
        "It goes on by itself once an operator has started a worker. Due 29 Dec 2026, 12:10 CET.",
        "No worker has answered since 29 Nov 2026, 11:10 CET. The request is safe, nothing has been erased. "
        "It goes on by itself once an operator has started a worker. Due 29 Dec 2026, 12:10 CET.",
        "No worker has answered since 29 Nov 2026, 11:10 CET. The request is safe, nothing has been erased. "
        "Start a worker (manage.py worker). Due 29 Dec 2026, 12:10 CET.",
    ),
    "accepted, and the worker sees another file storage": (
        {"status": Status.QUEUED, "trouble": "missing"},
        State.WAITING,
        Actor.OPERATOR,
        "The platform's file storage has to be looked at by those who run it. Your request is safe, nothing has been "
        "erased. It goes on by itself once an operator has mended that. Due 29 Dec 2026, 12:10 CET.",
        "The worker sees another file storage than the web. The request is safe, nothing has been erased. "
        "It goes on by itself once an operator has mended that. Due 29 Dec 2026, 12:10 CET.",
        "The worker sees another file storage than the web. The request is safe, nothing has been erased. "
        "See manage.py purge_storage. Due 29 Dec 2026, 12:10 CET.",
    ),
    "begun, and no worker": (
        {"status": Status.RUNNING, "planned": True, "started_at": SILENT, "beat": SILENT},
        State.WAITING,
        Actor.OPERATOR,
        "No worker has answered since 29 Nov 2026, 11:10 CET. The request is safe, nothing is lost. "
        "It goes on by itself once an operator has started a worker. Due 29 Dec 2026, 12:10 CET.",
        "No worker has answered since 29 Nov 2026, 11:10 CET. The request is safe, nothing is lost. "
        "It goes on by itself once an operator has started a worker. Due 29 Dec 2026, 12:10 CET.",
        "No worker has answered since 29 Nov 2026, 11:10 CET. The request is safe, nothing is lost. "
        "Start a worker (manage.py worker). Due 29 Dec 2026, 12:10 CET.",
    ),
    "accepted long ago, and never a worker": (
        {"status": Status.QUEUED, "beat": None, "accepted_at": NOW - timedelta(hours=1)},
        State.WAITING,
        Actor.OPERATOR,
        "No worker is running. Your request is safe, nothing has been erased. "
        "It goes on by itself once an operator has started a worker. Due 29 Dec 2026, 12:10 CET.",
        "No worker is running. The request is safe, nothing has been erased. "
        "It goes on by itself once an operator has started a worker. Due 29 Dec 2026, 12:10 CET.",
        "No worker is running. The request is safe, nothing has been erased. "
        "Start a worker (manage.py worker). Due 29 Dec 2026, 12:10 CET.",
    ),
    "accepted a moment ago, and never a worker": (
        {"status": Status.QUEUED, "beat": None},
        State.WAITING,
        Actor.WORKER,
        "Waiting for its turn. It starts by itself, there is nothing to do. Due 29 Dec 2026, 12:10 CET.",
        "Waiting for its turn. It starts by itself, there is nothing to do. Due 29 Dec 2026, 12:10 CET.",
        "Waiting for its turn. It starts by itself, there is nothing to do. Due 29 Dec 2026, 12:10 CET.",
    ),
    "held, and no worker: who releases it comes first": (
        {"status": Status.HELD, "held_reason": "rate", "beat": SILENT},
        State.WAITING,
        Actor.OPERATOR,
        "Waiting for the platform's check. An operator ends it, there is nothing for you to do. "
        "Due 29 Dec 2026, 12:10 CET.",
        "Waiting for the platform's check: The purges of its account, or of whoever asked for it, reach unusually many "
        "users and rows of other accounts today. An operator releases it, or cancels it. Due 29 Dec 2026, 12:10 CET.",
        "Waiting for the platform's check: The purges of its account, or of whoever asked for it, reach unusually many "
        "users and rows of other accounts today. Release it, or cancel it. Due 29 Dec 2026, 12:10 CET.",
    ),
    "an attempt failed": (
        {"status": Status.RUNNING, "next_attempt_at": LATER, **FAILED},
        State.WAITING,
        Actor.WORKER,
        "An attempt failed. The next one begins by itself on 29 Nov 2026, 12:18 CET, nothing is lost.",
        "An attempt failed (OperationalError at “learning.Enrolment.user”). Attempt 3 begins by itself on "
        "29 Nov 2026, 12:18 CET, or with “Try again”.",
        "An attempt failed (OperationalError at “learning.Enrolment.user”). Attempt 3 begins by itself on "
        "29 Nov 2026, 12:18 CET, or with “Try again”.",
    ),
    "an attempt failed, and no worker: a person comes first": (
        {"status": Status.RUNNING, "next_attempt_at": LATER, "started_at": SILENT, "beat": SILENT, **FAILED},
        State.WAITING,
        Actor.OPERATOR,
        "No worker has answered since 29 Nov 2026, 11:10 CET. The request is safe, nothing is lost. "
        "It goes on by itself once an operator has started a worker. Due 29 Dec 2026, 12:10 CET.",
        "No worker has answered since 29 Nov 2026, 11:10 CET. The request is safe, nothing is lost. "
        "It goes on by itself once an operator has started a worker. Due 29 Dec 2026, 12:10 CET.",
        "No worker has answered since 29 Nov 2026, 11:10 CET. The request is safe, nothing is lost. "
        "Start a worker (manage.py worker). Due 29 Dec 2026, 12:10 CET.",
    ),
    "at work": (
        {"status": Status.RUNNING, "planned": True},
        State.IN_PROGRESS,
        Actor.WORKER,
        "The purge is running by itself. There is nothing to do. Due 29 Dec 2026, 12:10 CET.",
        "The purge is running by itself. There is nothing to do. Due 29 Dec 2026, 12:10 CET.",
        "The purge is running by itself. There is nothing to do. Due 29 Dec 2026, 12:10 CET.",
    ),
    "at work by a command, without a worker": (
        {"status": Status.RUNNING, "planned": True, "beat": SILENT, "lease_until": LATER},
        State.IN_PROGRESS,
        Actor.WORKER,
        "The purge is running by itself. There is nothing to do. Due 29 Dec 2026, 12:10 CET.",
        "The purge is running by itself. There is nothing to do. Due 29 Dec 2026, 12:10 CET.",
        "The purge is running by itself. There is nothing to do. Due 29 Dec 2026, 12:10 CET.",
    ),
    "looking for what is left": (
        {"status": Status.VERIFYING, "planned": True},
        State.IN_PROGRESS,
        Actor.WORKER,
        "Everything is erased. Now the database is searched for anything left, by itself. Due 29 Dec 2026, 12:10 CET.",
        "Everything is erased. Now the database is searched for anything left, by itself. Due 29 Dec 2026, 12:10 CET.",
        "Everything is erased. Now the database is searched for anything left, by itself. Due 29 Dec 2026, 12:10 CET.",
    ),
    "stopped": (
        {"status": Status.NEEDS_ATTENTION, "planned": True, **FAILED},
        State.NEEDS_HELP,
        Actor.SUPPORT,
        "The purge stopped, nothing is lost. Support has to help: give them the request ID. "
        "Due 29 Dec 2026, 12:10 CET.",
        "The purge stopped (OperationalError at “learning.Enrolment.user”). You, the support, have to look into it. "
        "Due 29 Dec 2026, 12:10 CET.",
        "The purge stopped (OperationalError at “learning.Enrolment.user”). Support has to look into it. "
        "Due 29 Dec 2026, 12:10 CET.",
    ),
    "data found": (
        {"status": Status.RESIDUE, "planned": True, "residue_left": 2},
        State.NEEDS_HELP,
        Actor.SUPPORT,
        "Data was found after the purge. Support has to clear it: give them the request ID. "
        "Due 29 Dec 2026, 12:10 CET.",
        "Data was found after the purge. You, the support, have to clear it and try again. Due 29 Dec 2026, 12:10 CET.",
        "Data was found after the purge. Support has to clear it and try again. Due 29 Dec 2026, 12:10 CET.",
    ),
    "completed": (
        {"status": Status.COMPLETED},
        State.COMPLETED,
        Actor.NOBODY,
        "Completed and checked on 29 Nov 2026, 12:10 CET.",
        "Completed and checked on 29 Nov 2026, 12:10 CET.",
        "Completed and checked on 29 Nov 2026, 12:10 CET.",
    ),
    "cancelled": (
        {"status": Status.CANCELLED},
        State.CANCELLED,
        Actor.NOBODY,
        "Cancelled. Nothing was erased, and everybody is as they were before.",
        "Cancelled. Nothing was erased, and everybody is as they were before.",
        "Cancelled. Nothing was erased, and everybody is as they were before.",
    ),
}
#: Which column of the table somebody reads.
COLUMNS = {"initiator": 0, "administrator": 0, "support": 1, "operator": 2, "command_line": 2}


@pytest.mark.parametrize("who", COLUMNS)
@pytest.mark.parametrize("cause", TABLE)
def test_each_cause_has_one_state_one_sentence_and_one_who_acts(make, readers, alive, cause, who):
    fields, state, actor, *sentences = TABLE[cause]
    fields = dict(fields)
    alive(fields.pop("beat", NOW), trouble=fields.pop("trouble", ""))
    purge_request = make(**fields)
    answer = standing(purge_request, readers[who], now=NOW)
    assert (answer.state, answer.who, answer.sentence) == (state, actor, sentences[COLUMNS[who]])
    assert sentence_for(purge_request, Reader(who), now=NOW) == answer.sentence
    assert (answer.zone, answer.overdue) == ("Europe/Berlin", False)


def test_every_combination_is_in_exactly_one_state_and_the_filter_agrees(make, readers, alive):
    combinations = itertools.product(
        Status.values, (None, LATER), (None, LATER, SILENT), (False, True), (NOW, NOW - timedelta(hours=1))
    )
    requests = [
        make(
            status,
            next_attempt_at=attempt,
            lease_until=lease,
            planned=planned or status == Status.COMPLETED,
            accepted_at=accepted,
            released_at=accepted if planned else None,
        )
        for status, attempt, lease, planned, accepted in combinations
    ]
    for beat in (NOW, SILENT, None):
        alive(beat)
        found = {
            state: set(PurgeRequest.objects.filter(in_state(state, NOW)).values_list("pk", flat=True))
            for state in State.values
        }
        assert sum(len(pks) for pks in found.values()) == len(requests) == 9 * 2 * 3 * 2 * 2
        for reader in readers.values():
            for pk, answer in standings(requests, reader, now=NOW).items():
                assert pk in found[answer.state]
                assert answer.sentence
                assert answer.who in Actor
        # Nobody reads anything about why, or about other accounts, who may not know.
        for reader in ("initiator", "administrator"):
            for answer in standings(requests, readers[reader], now=NOW).values():
                assert "other accounts" not in answer.sentence
                assert not any(wait.over for wait in answer.waits)


def test_one_worker_that_sees_the_files_is_enough(make, readers, alive):
    alive(NOW, trouble="missing")
    WorkerBeat.objects.create(name="another", beat_at=NOW - timedelta(seconds=30))
    assert standing(make(Status.QUEUED), readers["initiator"], now=NOW).who == Actor.WORKER
    assert standing(make(Status.RUNNING), readers["initiator"], now=NOW).state == State.IN_PROGRESS


# ---------------------------------------------------------------- waits side by side


def wait(kind, actor, until=None, **more):
    return Wait(kind, kind, actor, until=until, **more)


def test_shown_is_the_wait_that_a_person_ends_else_the_one_that_ends_last():
    attempt, turn = wait("attempt", Actor.WORKER, LATER), wait("turn", Actor.WORKER)
    day = wait("day", Actor.WORKER, NOW + timedelta(days=1))
    check = wait("check", Actor.OPERATOR)
    assert shown_wait([attempt, check, day]) is check
    assert shown_wait([attempt, day, turn]) is day
    assert shown_wait([wait("check", Actor.OPERATOR, over=True), attempt]) is attempt
    assert shown_wait([wait("check", Actor.OPERATOR, over=True)]) is None
    assert shown_wait([]) is None


def test_a_chosen_wait_is_no_lateness_as_long_as_nothing_else_is_left():
    chosen = wait("day", Actor.WORKER, LATER, chosen=True)
    assert only_chosen([chosen])
    assert only_chosen([chosen, wait("check", Actor.OPERATOR, over=True)])
    assert not only_chosen([chosen, wait("check", Actor.OPERATOR)])
    assert not only_chosen([wait("day", Actor.WORKER, LATER, chosen=True, over=True)])
    assert not only_chosen([])


def test_what_else_it_waits_or_waited_for_is_listed(make, readers, alive):
    alive(SILENT)
    purge_request = make(Status.RUNNING, next_attempt_at=LATER, released_at=SILENT, started_at=SILENT, **FAILED)
    listed = {
        who: [(each.label, each.over) for each in standing(purge_request, reader, now=NOW).others]
        for who, reader in readers.items()
    }
    attempt = ("The next attempt, 29 Nov 2026, 12:18 CET", False)
    checked = ("The platform's check", True)
    assert listed["initiator"] == listed["administrator"] == [attempt]
    assert listed["support"] == listed["operator"] == listed["command_line"] == [checked, attempt]


# ---------------------------------------------------------------- late


def test_late_is_said_beside_every_open_state_and_by_the_filter(make, readers, alive):
    past = {"accepted_at": NOW - timedelta(days=31), "due_at": NOW - timedelta(days=1)}
    for status in Status.values:
        purge_request = make(status, **past)
        late = status not in (Status.COMPLETED, Status.CANCELLED)
        assert standing(purge_request, readers["support"], now=NOW).overdue is late
        assert PurgeRequest.objects.filter(is_late(NOW), pk=purge_request.pk).exists() is late
        in_time = make(status)
        assert not standing(in_time, readers["support"], now=NOW).overdue
        assert not PurgeRequest.objects.filter(is_late(NOW), pk=in_time.pk).exists()


# ---------------------------------------------------------------- what a reader may do


@pytest.mark.parametrize(
    ("status", "may"),
    [
        (Status.HELD, {"initiator": "c", "administrator": "c", "support": "", "operator": "cr", "command_line": "cr"}),
        (Status.QUEUED, {"initiator": "c", "administrator": "c", "support": "", "operator": "c", "command_line": "c"}),
        (Status.RUNNING, dict.fromkeys(COLUMNS, "")),
        (Status.RESIDUE, dict.fromkeys(COLUMNS, "t")),
        (Status.NEEDS_ATTENTION, dict.fromkeys(COLUMNS, "t")),
        (Status.COMPLETED, dict.fromkeys(COLUMNS, "")),
        (Status.CANCELLED, dict.fromkeys(COLUMNS, "")),
    ],
)
def test_what_each_reader_may_do(make, readers, alive, status, may):
    purge_request = make(status)
    for who, reader in readers.items():
        answer = standing(purge_request, reader, now=NOW)
        can = {"c": answer.can_cancel, "r": answer.can_release, "t": answer.can_retry}
        assert "".join(letter for letter, yes in can.items() if yes) == may[who], who


def test_who_lacks_the_permission_and_who_comes_too_late_cannot_cancel(make, account, readers, alive):
    assert not standing(make(Status.QUEUED), AdministratorFactory(account=account, may_purge=False), now=NOW).can_cancel
    assert not standing(make(Status.QUEUED, planned=True), readers["initiator"], now=NOW).can_cancel


def test_who_reads(make, readers):
    purge_request = make(Status.QUEUED)
    assert {who: reader_of(reader, purge_request) for who, reader in readers.items()} == {
        "initiator": Reader.INITIATOR,
        "administrator": Reader.ADMINISTRATOR,
        "support": Reader.SUPPORT,
        "operator": Reader.OPERATOR,
        "command_line": Reader.COMMAND_LINE,
    }


# ---------------------------------------------------------------- dates


def test_everybody_reads_the_same_due_date_in_the_accounts_zone(make, readers, alive):
    late_evening = datetime(2026, 11, 28, 23, 10, tzinfo=UTC)
    purge_request = make(Status.QUEUED, accepted_at=late_evening, due_at=late_evening + timedelta(days=30))
    for reader in readers.values():
        assert "Due 29 Dec 2026, 00:10 CET." in standing(purge_request, reader, now=late_evening).sentence


def test_a_request_of_no_account_is_told_in_utc(make, readers, alive):
    purge_request = make(Status.QUEUED, account_id=None, initiator=None, origin=Origin.IMS, route=Route.IMS_TRIAL)
    assert "Due 29 Dec 2026, 11:10 UTC." in standing(purge_request, readers["support"], now=NOW).sentence


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berlin", "29 Nov 2026, 12:10 CET"),
        ("Asia/Tokyo", "29 Nov 2026, 20:10 JST"),
        ("America/Sao_Paulo", "29 Nov 2026, 08:10 UTC-03"),
        ("Asia/Kathmandu", "29 Nov 2026, 16:55 UTC+0545"),
        ("No/Where", "29 Nov 2026, 11:10 UTC"),
    ],
)
def test_a_moment_is_written_with_its_zone(zone, words):
    assert moment_text(NOW, zone) == words


def test_many_requests_ask_no_more_questions_than_one(make, readers, alive, django_assert_max_num_queries):
    requests = [make(Status.QUEUED) for _n in range(6)]
    for who in ("initiator", "support"):
        standings(requests[:1], readers[who], now=NOW)  # what a user may do is remembered
        with django_assert_max_num_queries(8) as few:
            standings(requests[:1], readers[who], now=NOW)
        with django_assert_max_num_queries(len(few)):
            assert len(standings(requests, readers[who], now=NOW)) == 6
