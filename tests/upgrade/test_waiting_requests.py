"""The first release froze people of requests that waited, and gave no links back when a request was called off."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

NOW = timezone.now()


@pytest.fixture
def old(old_database):
    """Makes rows of the first release."""
    serial = iter(range(1, 1000))

    def request(status, **fields):
        return old_database.model("purge.PurgeRequest").objects.create(
            **{
                "reference": f"PUR-{next(serial)}",
                "route": "ims_trial",
                "origin": "ims",
                "status": status,
                "accepted_at": NOW - timedelta(days=3),
                "due_at": NOW + timedelta(days=27),
                "key_fingerprint": "k",
                **fields,
            }
        )

    def person(account, *requests, **fields):
        number = next(serial)
        user = old_database.user(account, f"u{number}@x.org", key=f"u{number}@x.org", **fields)
        for each in requests:
            old_database.model("purge.Subject").objects.create(
                request=each, person_id=user.pk, account_id=account.pk, role="match", earlier_state="purging"
            )
        return user

    def log(account, **fields):
        return old_database.model("users.ImportLog").objects.create(
            **{
                "account": account,
                "file": "a.csv",
                "uploaded_at": NOW - timedelta(days=9),
                "link_dead_at": NOW,
                **fields,
            }
        )

    old_database.request, old_database.person, old_database.log = request, person, log
    return old_database


def test_people_of_a_waiting_request_are_what_they_were_and_links_live(old):
    quiet, busy = old.account(kind="trial"), old.account(kind="trial")
    held, running = old.request("held", held_reason="members"), old.request("running")
    active = old.person(quiet, held, state="purging")
    deleted = old.person(quiet, held, state="purging", deleted_at=NOW, deleted_month="2026-11")
    both = old.person(busy, held, running, state="purging")
    goes = old.person(busy, running, state="purging")
    living = old.log(quiet)
    taken = old.log(busy)
    newer = old.log(busy, uploaded_at=NOW - timedelta(days=1))
    erased = old.log(quiet, file="")
    old.upgrade()
    from purge.models import PurgeRequest, Subject
    from users.models import ImportLog, User

    states = dict(User.objects.values_list("pk", "state"))
    assert states == {active.pk: "active", deleted.pk: "deleted", both.pk: "purging", goes.pk: "purging"}
    frozen = {(row.request_id, row.person_id): row.frozen_at is not None for row in Subject.objects.all()}
    assert frozen == {
        (held.pk, active.pk): False,
        (held.pk, deleted.pk): False,
        (held.pk, both.pk): False,
        (running.pk, both.pk): True,
        (running.pk, goes.pk): True,
    }
    dead = dict(ImportLog.objects.values_list("pk", "link_dead_at"))
    assert {pk for pk, at in dead.items() if at is None} == {living.pk, newer.pk}
    assert dead[taken.pk] is not None
    assert dead[erased.pk] is not None
    assert set(PurgeRequest.objects.values_list("reach", "part_of")) == {("everywhere", None)}


def test_links_that_a_cancelled_request_left_dead_live_again(old):
    account = old.account()
    old.person(account, old.request("cancelled"), state="active")
    log = old.log(account)
    old.upgrade()
    from users.models import ImportLog

    assert ImportLog.objects.get(pk=log.pk).link_dead_at is None


def test_a_cancelled_message_may_come_again_under_its_reference(old):
    old.request("cancelled", external_reference="SET-9")
    old.upgrade()
    from django.db import IntegrityError, transaction

    from purge.models import PurgeRequest

    fields = {"route": "ims_trial", "origin": "ims", "due_at": NOW + timedelta(days=30), "external_reference": "SET-9"}
    PurgeRequest.objects.create(reference="PUR-A", **fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        PurgeRequest.objects.create(reference="PUR-B", **fields)


def test_whoever_has_run_it_under_its_earlier_name_does_not_run_it_again(old):
    """Links that died since then stay dead, and whoever is frozen since then stays so."""
    account = old.account(kind="trial")
    frozen = old.person(account, old.request("held", held_reason="members"), state="purging")
    dead = old.log(account)
    MigrationRecorder(connection).record_applied("users", "0005_thaw_who_waits")
    old.upgrade()
    from users.models import ImportLog, User

    assert User.objects.get(pk=frozen.pk).state == "purging"
    assert ImportLog.objects.get(pk=dead.pk).link_dead_at is not None
