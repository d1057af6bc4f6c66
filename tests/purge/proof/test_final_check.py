"""On a large database a request completes with the first pass over every text that finds nothing, and not before."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from messaging.models import Notification
from purge import services
from purge.choices import Reader, State, Status, Verdict
from purge.models import PatrolPass, PurgeRequest
from purge.run import treating
from purge.selectors import pass_is_due
from purge.standing import in_state, sentence_for, standing
from purge.steps.opening import stored
from purge.upkeep.patrol import patrol_all
from purge.worker.queue import enqueue_pass
from tests.factories.messaging import TranscriptDownloadFactory
from tests.purge import world as w


@pytest.fixture
def erased(cast, settings):
    """A request whose people are erased, on a large database."""
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.run_to_end(purge_request).status == Status.ERASED
    return purge_request


def told(purge_request):
    return Notification.objects.filter(kind="completed", request_id=purge_request.pk).count()


def hidden_file(cast, monkeypatch):
    """A file that the purge's own reading does not open and no index knows; the pass does."""
    row = TranscriptDownloadFactory(account=cast.acme, generated_by=cast.witness)
    row.file.save("t.csv", ContentFile(f"Name;{w.ANN}\n".encode()))
    monkeypatch.setattr(stored.Opener, "look", lambda *_args, **_options: stored.Found())
    return row.file.name


def test_it_is_in_progress_until_the_pass_and_completes_with_it(erased, cast, client):
    sentence = "Everything is erased. The final check of every text follows by itself, tonight at the latest."
    assert standing(erased, cast.admin).state == State.IN_PROGRESS
    assert {sentence_for(erased, reader) for reader in Reader} == {sentence}
    assert list(PurgeRequest.objects.filter(in_state(State.IN_PROGRESS))) == [erased]
    assert not PurgeRequest.objects.filter(in_state(State.WAITING)).exists()
    client.force_login(cast.admin)
    page = client.get(reverse("admin:purge_purgerequest_change", args=[erased.pk])).content.decode()
    assert sentence in page and "Waiting for the final check of every text" in page and "Completed" not in page
    assert erased.identifiers.exists() and told(erased) == 0

    record = patrol_all()

    assert (record.verdict, record.requests, record.hits) == (Verdict.CLEAN, 1, 0)
    assert w.completed(erased)
    assert erased.patrolled_at is not None
    assert not erased.identifiers.exists() and told(erased) == 1
    assert list(erased.ledger.filter(event__in=("erased", "completed")).values_list("event", flat=True)) == [
        "erased",
        "completed",
    ]
    assert patrol_all().requests == 0
    assert told(erased) == 1


def test_what_only_the_pass_finds_is_taken_out_and_looked_for_again_before_it_completes(cast, settings, monkeypatch):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    name = hidden_file(cast, monkeypatch)
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.run_to_end(purge_request).status == Status.ERASED
    assert default_storage.exists(name)

    assert patrol_all().verdict == Verdict.CLEAN

    assert not default_storage.exists(name)
    assert w.completed(purge_request)
    assert not purge_request.residues.exists()


def test_what_the_pass_finds_and_cannot_take_out_is_residue(cast, settings, monkeypatch):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    name = hidden_file(cast, monkeypatch)
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.run_to_end(purge_request).status == Status.ERASED
    with monkeypatch.context() as patch:
        patch.setattr(treating, "treat_hits", lambda _purge_request, _hits: 0)
        assert patrol_all().verdict == Verdict.RESIDUE
    purge_request.refresh_from_db()
    assert (purge_request.status, told(purge_request)) == (Status.RESIDUE, 0)
    assert default_storage.exists(name)
    assert patrol_all().verdict == Verdict.RESIDUE  # taken out now
    assert patrol_all().verdict == Verdict.CLEAN
    assert w.completed(purge_request)


def test_who_waits_at_the_command_line_does_not_wait_for_the_night(erased, cast, settings, capsys):
    call_command("purge_verify", erased.reference)
    assert "is completed." in capsys.readouterr().out
    assert w.completed(erased)


def test_a_pass_begins_as_soon_as_nobody_has_anything_else_to_do(erased, cast):
    PatrolPass.objects.all().delete()
    assert pass_is_due()

    PurgeRequest.objects.filter(pk=erased.pk).update(status=Status.COMPLETED, planned=True, **_proved())
    assert not pass_is_due()  # nobody waits for one
    PurgeRequest.objects.filter(pk=erased.pk).update(status=Status.ERASED)

    other = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.bob.pk])
    assert not pass_is_due()  # something else is to be done
    PurgeRequest.objects.filter(pk=other.pk).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    assert pass_is_due()

    now = timezone.now()
    PatrolPass.objects.create(started_at=now)
    assert not pass_is_due()  # one is under way
    # One that took ten minutes is followed by a pause of fifty.
    for ended, due in ((49, False), (51, True)):
        ended_at = now - timedelta(minutes=ended)
        PatrolPass.objects.update(started_at=ended_at - timedelta(minutes=10), finished_at=ended_at)
        assert pass_is_due() is due


def test_a_pass_is_put_in_once(db):
    OrmQ.objects.all().delete()
    enqueue_pass()
    enqueue_pass()
    assert [row.task["func"] for row in OrmQ.objects.all()] == ["purge.tasks.patrol"]


def _proved():
    return {"verified_at": timezone.now(), "completed_at": timezone.now()}
