"""The nightly pass: what it finds reopens the request, and only a clean pass completes it.

Before a request has ever been completed what is found is treated at once; afterwards it is listed, and people decide.
"""

import base64
import io
import pickle
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from learning.models import Comment
from messaging.models import Notification
from purge import services, tasks
from purge.choices import Status, Verdict
from purge.models import LedgerEntry, PatrolPass, PurgeRequest, Residue
from purge.proof.report import Hit, Report
from purge.proof.texts import _worth_a_look_together, patrol
from purge.rules.registry import Registry, set_registry
from purge.run.treating import was_proved
from purge.upkeep.patrol import patrol_all, take_out, treat_hits
from tests.factories.learning import CommentFactory
from tests.factories.users import UserFactory
from tests.purge import world as w
from users.models import User, UserState
from users.sessions import SessionStore


@pytest.fixture
def on_a_large_database(settings):
    """So large that every request waits for the nightly pass."""
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0


@pytest.fixture
def request_of_ann(cast, settings):
    """Completed before any pass over every text, as an earlier release did on a large database."""
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(purge_request))
    PurgeRequest.objects.filter(pk=purge_request.pk).update(patrolled_at=None)
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    purge_request.refresh_from_db()
    return purge_request


def plant(cast, text=f"Ask {w.ANN} about it"):
    return CommentFactory(post__board__account=cast.acme, author=cast.witness, body=text)


def test_a_clean_pass_dates_the_request_and_is_not_made_twice(request_of_ann):
    record = patrol_all()
    assert (record.verdict, record.requests, record.hits) == (Verdict.CLEAN, 1, 0)
    assert record.columns > 50
    assert record.finished_at >= record.started_at
    request_of_ann.refresh_from_db()
    assert request_of_ann.patrolled_at is not None
    assert request_of_ann.status == Status.COMPLETED
    assert patrol_all().requests == 0


@pytest.mark.both_databases
def test_what_is_found_is_treated_named_and_reopens_the_request(request_of_ann, cast):
    comment = plant(cast)
    record = patrol_all()
    assert (record.verdict, record.hits) == (Verdict.RESIDUE, 1)
    comment.refresh_from_db()
    # It was proved clean: the address may be somebody else's by now. So it is named, and stands.
    assert comment.body == f"Ask {w.ANN} about it"
    request_of_ann.refresh_from_db()
    assert (request_of_ann.status, request_of_ann.residue_left, request_of_ann.completed_at) == (
        Status.RESIDUE,
        1,
        None,
    )
    residue = Residue.objects.get()
    assert (residue.table, residue.column, residue.row, residue.ruled) == (
        "learning_comment",
        "body",
        str(comment.pk),
        True,
    )
    assert Notification.objects.filter(kind="residue", recipient=cast.admin, request_id=request_of_ann.pk).count() == 1
    stored = [*Residue.objects.values_list(), *LedgerEntry.objects.values_list(), *PatrolPass.objects.values_list()]
    assert w.ANN not in str(stored)


def test_what_is_found_before_completion_is_treated_at_once(cast, on_a_large_database, monkeypatch):
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    found = Report(Verdict.RESIDUE, (Hit("learning_comment", "body", "0", ruled=False),))
    with monkeypatch.context() as patched:
        patched.setattr("purge.proof.probe.verify", lambda purge_request: found)
        w.run_to_end(purge_request)
    assert purge_request.status == Status.RESIDUE
    comment = plant(cast)
    theirs = CommentFactory(post__board__account=cast.acme, author=cast.witness, body="Ask witness@acme.example")
    assert patrol_all().verdict == Verdict.RESIDUE
    assert Comment.objects.get(pk=comment.pk).body == "Ask [erased] about it"
    assert Comment.objects.get(pk=theirs.pk).body == "Ask witness@acme.example"
    assert patrol_all().verdict == Verdict.CLEAN
    assert w.completed(purge_request)


def test_a_reopened_request_completes_through_the_next_clean_pass_only(request_of_ann, cast):
    plant(cast)
    patrol_all()
    request_of_ann.refresh_from_db()
    assert request_of_ann.status == Status.RESIDUE
    assert tasks.run_request(request_of_ann.pk) == "nothing to do"
    assert patrol_all().verdict == Verdict.RESIDUE
    Comment.objects.update(body="Ask somebody else")
    assert patrol_all().verdict == Verdict.CLEAN
    assert w.completed(request_of_ann)
    assert request_of_ann.patrolled_at is not None
    assert not Residue.objects.filter(gone_at=None).exists()
    assert Notification.objects.filter(kind="completed", request_id=request_of_ann.pk).count() == 1


def test_what_comes_back_before_the_next_pass_is_found_again(request_of_ann, cast):
    comment = plant(cast)
    patrol_all()
    Comment.objects.filter(pk=comment.pk).update(body=f"again {w.ANN}")
    assert patrol_all().verdict == Verdict.RESIDUE
    request_of_ann.refresh_from_db()
    assert request_of_ann.status == Status.RESIDUE
    assert Residue.objects.count() == 1


def test_a_column_that_nobody_ruled_is_named_as_such_and_left_for_people(request_of_ann, cast, monkeypatch):
    comment = plant(cast)

    class Unruled:
        RULES = [rules for rules in _rules() if rules.model != "learning.Comment"]
        EXEMPT = []

    set_registry(Registry([Unruled]))
    try:
        patrol_all()
        residue = Residue.objects.get()
        assert (residue.table, residue.ruled) == ("learning_comment", False)
        assert w.ANN in Comment.objects.get(pk=comment.pk).body
        assert patrol_all().verdict == Verdict.RESIDUE
    finally:
        set_registry(None)
    assert patrol_all().verdict == Verdict.RESIDUE  # now there is a rule: found, and can be taken out
    assert take_out(request_of_ann) == 1
    assert patrol_all().verdict == Verdict.CLEAN
    assert w.completed(request_of_ann)


def _rules():
    from purge.rules.registry import get_registry

    return [entry.rules for entry in get_registry().entries.values()]


def test_rows_of_other_enterprises_and_of_people_who_are_back_are_no_residue(request_of_ann, cast):
    CommentFactory(post__board__account=cast.globex, author=cast.nobody[1], body=f"Ask {w.ANN}")
    assert patrol_all().verdict == Verdict.CLEAN
    PurgeRequest.objects.update(patrolled_at=None)
    UserFactory(account=cast.acme, email=w.ANN)
    plant(cast)
    assert patrol_all().verdict == Verdict.CLEAN


def test_a_pass_that_cannot_look_says_so_and_completes_nothing(request_of_ann, cast, settings):
    plant(cast)
    patrol_all()
    for key in ("", "another-key-that-made-none-of-the-hashes-0123456789"):
        settings.PURGE_HASH_KEY = key
        record = patrol_all()
        assert (record.verdict, record.hits) == (Verdict.COULD_NOT_LOOK, 0)
        request_of_ann.refresh_from_db()
        assert request_of_ann.status == Status.RESIDUE


def test_several_requests_are_served_by_one_pass(cast, on_a_large_database):
    first = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    second = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.bob.pk])
    for purge_request in (first, second):
        assert w.run_to_end(purge_request).status == Status.ERASED
    comment = plant(cast, "Ask BÖB@x.org")
    record = patrol_all()
    # What it met of one of them was taken out, and looked for again.
    assert (record.requests, record.hits, record.verdict) == (2, 0, Verdict.CLEAN)
    assert w.completed(first) and w.completed(second)
    assert first.patrolled_at is not None
    assert Comment.objects.get(pk=comment.pk).body == "Ask [erased]"


def test_a_hit_is_treated_in_its_own_row_only(request_of_ann, cast):
    one, other = plant(cast), plant(cast)
    hits = list(patrol([request_of_ann]))
    assert treat_hits(request_of_ann, [hit for hit in hits if hit.row == str(one.pk)]) == 1
    assert w.ANN not in Comment.objects.get(pk=one.pk).body
    assert w.ANN in Comment.objects.get(pk=other.pk).body


def test_a_request_that_is_tried_again_meanwhile_is_not_called_residue(request_of_ann, cast, monkeypatch):
    plant(cast)
    patrol_all()
    plant(cast)
    request_of_ann.refresh_from_db()
    real = was_proved

    def somebody_retries(purge_request):
        services.purge_retry(acting_user=None, purge_request=PurgeRequest.objects.get(pk=purge_request.pk))
        return real(purge_request)

    monkeypatch.setattr("purge.run.treating.was_proved", somebody_retries)
    patrol_all()
    Comment.objects.update(body="Ask somebody else")
    request_of_ann.refresh_from_db()
    assert request_of_ann.status == Status.QUEUED
    assert w.completed(w.run_to_end(request_of_ann))


def test_the_nightly_task_makes_one_pass_at_a_time(request_of_ann):
    PatrolPass.objects.create()
    assert tasks.patrol() == "under way"
    PatrolPass.objects.update(started_at="2026-01-01T00:00Z")
    assert tasks.patrol() == Verdict.CLEAN


def test_a_request_with_people_left_is_not_completed_by_a_clean_pass(request_of_ann, cast):
    plant(cast)
    patrol_all()
    PurgeRequest.objects.filter(pk=request_of_ann.pk).update(people_left=1)
    patrol_all()
    request_of_ann.refresh_from_db()
    assert request_of_ann.status == Status.RESIDUE
    assert User.objects.filter(state=UserState.PURGING).count() == 0


# ---------------------------------------------------------------- rows that open something, or were made for the moment


def session_that_says(text, user=None):
    store = SessionStore()
    store["said"] = text
    if user is not None:
        store["_auth_user_id"] = str(user.pk)
    store.create()
    return store


def test_a_session_in_which_an_address_stands_ends_and_holds_nothing_up(cast):
    """Somebody else's browser, which may come back in two weeks or never."""
    witness = session_that_says(f"Ask {w.ANN} about it", cast.witness)
    bystander = session_that_says("Ask joann@acme.example about it", cast.admin)
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(purge_request))
    assert not witness.exists(witness.session_key)
    assert bystander.exists(bystander.session_key)
    assert not Residue.objects.exists()


def test_a_session_that_is_met_at_night_reopens_nothing(request_of_ann, cast):
    met = session_that_says(f"Ask {w.ANN} about it")
    other = session_that_says("Nobody is named here")
    assert patrol_all().verdict == Verdict.CLEAN
    assert not met.exists(met.session_key)
    assert other.exists(other.session_key)
    request_of_ann.refresh_from_db()
    assert request_of_ann.status == Status.COMPLETED
    assert request_of_ann.patrolled_at is not None


def test_a_place_of_which_the_key_is_a_text_is_named_by_a_number(request_of_ann):
    """The cache's keys are texts of the code's, which nobody has promised to say nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO lms_cache (cache_key, value, expires) VALUES (%s, %s, %s)",
            [
                f"about {w.ANN}",
                base64.b64encode(pickle.dumps(f"Ask {w.ANN}")).decode(),
                timezone.now() + timedelta(days=1),
            ],
        )
    assert patrol_all().verdict == Verdict.RESIDUE
    places = Residue.objects.filter(table="lms_cache")
    assert {place.column for place in places} == {"cache_key", "value"}
    for place in places:
        assert re.fullmatch("#[0-9]+", place.row)
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("purge_status", request_of_ann.reference, stdout=out)
    assert places[0].row in out.getvalue()
    assert w.ANN not in out.getvalue()


# ---------------------------------------------------------------- short texts, asked about together


class NoIds:
    def may_be_in(self, text):
        return "u-1044" in text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.org",
        "YW5uQGV4YW1wbGUub3Jn",  # in base64
        "ann%40example.org",
        '{"to": "nobody"}',
        "a long text " * 40,
        "as U-1044 said",
    ],
)
@pytest.mark.parametrize("place", [0, 63, 64, 99, 129])
def test_nothing_is_lost_among_short_texts(text, place):
    """Where one of many plain texts may mention something, it is read; and where none does, none."""
    rows = [(0, number, "draft", None) for number in range(130)]
    rows[place] = (0, place, text, None)
    assert rows[place] in list(_worth_a_look_together(iter(rows), NoIds()))
    others = [row for row in _worth_a_look_together(iter(rows), NoIds()) if row[1] // 64 != place // 64]
    assert others == []
