"""Purges that are over are asked again when more may be found than before, and a user who was purged and is back is
found by keyed hash."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from purge import services
from purge.choices import Status, Verdict
from purge.database import dialect_of
from purge.installation.identity import installation
from purge.models import Installation, PatrolPass, PurgeRequest, Residue
from purge.selectors import checked_again
from purge.upkeep import arming
from purge.upkeep.patrol import look_at, patrol_all
from tests.factories.learning import CommentFactory
from tests.factories.users import UserFactory
from tests.purge import world as w
from users.models import User

#: Said once: the databases do not differ in it.
once = pytest.mark.sqlite


@pytest.fixture
def done(cast):
    """A purge of Bob's that is completed and proved, and a pass for all purges after it."""
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.bob.pk])
    assert w.completed(w.run_to_end(purge_request))
    first = patrol_all()
    assert (first.verdict, first.requests, first.earlier) == (Verdict.CLEAN, 0, 1)
    return purge_request


def plant(cast):
    return CommentFactory(post__board__account=cast.acme, author=cast.witness, body="Ask böb@x.org about it")


def came_back(cast, **columns):
    """Bob's row, as a backup of the users alone brings it back."""
    columns = {"pk": cast.bob.pk, "added_at": cast.bob.added_at, "deleted_at": timezone.now(), **columns}
    return UserFactory(account=cast.acme, email="böb@x.org", **columns)


@once
def test_nobody_is_asked_again_while_nothing_has_changed(done, cast, django_assert_max_num_queries):
    comment = plant(cast)
    again = patrol_all()
    assert (again.verdict, again.requests, again.earlier, again.armed_by) == (Verdict.CLEAN, 0, 0, "")
    comment.refresh_from_db()
    assert comment.body == "Ask böb@x.org about it"


def other_rules(monkeypatch):
    monkeypatch.setattr(arming, "rules_fingerprint", lambda: "0123456789abcdef")


def other_decoders(monkeypatch):
    monkeypatch.setattr(arming, "_code", lambda: "another release")


def other_forms(monkeypatch):
    monkeypatch.setattr(arming, "IDENTITY_KEY_VERSION", "exact-9/16.0")


def another_key(monkeypatch):
    monkeypatch.setattr(arming, "fingerprint", lambda: "01234567")


def a_restore(monkeypatch):
    Installation.objects.update(restored_at=timezone.now())


def another_server(monkeypatch):
    Installation.objects.update(server_changed_at=timezone.now())


def another_database(monkeypatch):
    monkeypatch.setattr(type(dialect_of(connection)), "identity", lambda _self: {"kind": "elsewhere"})


def a_table_more(monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE added_by_hand (id integer PRIMARY KEY, note text)")


@pytest.mark.parametrize(
    "changed",
    [
        other_rules,
        other_decoders,
        other_forms,
        another_key,
        a_restore,
        another_server,
        another_database,
        a_table_more,
    ],
)
def test_what_a_pass_is_made_under_is_another_one(db, monkeypatch, changed):
    installation()
    before = arming.armed_by()
    PatrolPass.objects.create(armed_by=before, verdict=Verdict.CLEAN)
    assert arming.armed_by() == before
    assert not arming.must_ask_again(before)
    changed(monkeypatch)
    assert arming.must_ask_again(arming.armed_by())


def test_they_are_asked_again_once_when_something_has_changed(done, cast, monkeypatch):
    comment = plant(cast)
    other_rules(monkeypatch)
    again = patrol_all()
    assert (again.verdict, again.earlier, again.hits) == (Verdict.RESIDUE, 1, 1)
    done.refresh_from_db()
    assert done.status == Status.RESIDUE
    comment.refresh_from_db()
    assert comment.body == "Ask böb@x.org about it", "it was proved: people decide"
    comment.body = "Ask somebody about it"
    comment.save()
    third = patrol_all()
    assert (third.verdict, third.requests, third.earlier) == (Verdict.CLEAN, 1, 0)
    assert w.completed(done)


@once
def test_another_key_leaves_out_what_it_cannot_compare(done, cast, settings):
    settings.PURGE_HASH_KEY = "another key, which is long enough for it"
    again = patrol_all()
    assert (again.verdict, again.earlier, again.left_out) == (Verdict.CLEAN, 0, 1)
    assert checked_again(done) is None or checked_again(done) < again.started_at


@once
def test_a_pass_that_could_not_look_counts_for_nothing(done, cast, settings, monkeypatch):
    other_rules(monkeypatch)
    key, settings.PURGE_HASH_KEY = settings.PURGE_HASH_KEY, ""
    assert patrol_all().verdict == Verdict.COULD_NOT_LOOK
    settings.PURGE_HASH_KEY = key
    assert patrol_all().earlier == 1


@once
def test_one_entry_for_the_pass_and_none_for_a_request(done, cast, monkeypatch):
    before = (done.ledger.count(), PurgeRequest.objects.values_list("patrolled_at", flat=True).get())
    other_rules(monkeypatch)
    assert patrol_all().earlier == 1
    assert (done.ledger.count(), PurgeRequest.objects.values_list("patrolled_at", flat=True).get()) == before
    assert PatrolPass.objects.exclude(armed_by="").count() == 2


@once
def test_the_page_says_when_it_was_checked_again(done, cast, client, monkeypatch, capsys):
    PatrolPass.objects.all().delete()
    client.force_login(cast.admin)
    address = f"/admin/purge/purgerequest/{done.pk}/change/"
    assert "Checked again on" not in client.get(address).content.decode()
    again = patrol_all()
    page = client.get(address).content.decode()
    assert "Checked again on" in page
    assert f"{again.finished_at:%-d %b %Y}" in page
    call_command("purge_status", done.reference)
    assert "again       checked on" in capsys.readouterr().out


def test_more_purges_than_one_pass_takes_are_asked_in_several(done, cast, monkeypatch):
    monkeypatch.setattr("purge.upkeep.patrol.EARLIER_AT_ONCE", 1)
    second = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(second))
    plant(cast)
    CommentFactory(post__board__account=cast.acme, author=cast.witness, body=f"Ask {w.ANN} about it")
    again = patrol_all(everything=True)
    assert (again.verdict, again.earlier, again.hits) == (Verdict.RESIDUE, 2, 2)


@once
def test_an_operator_can_have_them_asked_again_at_any_time(done, cast, capsys):
    call_command("purge_patrol", "--everything")
    assert "Asked again of those that were over: 1." in capsys.readouterr().out


# ---------------------------------------------------------------- identity columns


def test_somebody_who_was_purged_and_has_a_row_again_is_found(done, cast, client):
    row = came_back(cast)
    assert patrol_all(everything=True).verdict == Verdict.RESIDUE
    done.refresh_from_db()
    assert done.status == Status.RESIDUE
    residue = Residue.objects.get()
    assert (residue.table, residue.column, residue.row) == ("users_user", "id", str(row.pk))
    client.force_login(UserFactory(is_superuser=True))
    page = client.get(f"/admin/purge/purgerequest/{done.pk}/change/").content.decode()
    assert "This user was purged and is back, from a backup or another system" in page
    row.delete_for_good() if hasattr(row, "delete_for_good") else User.objects.filter(pk=row.pk)._raw_delete("default")
    assert patrol_all().verdict == Verdict.CLEAN
    assert w.completed(done)


@once
def test_a_look_at_one_request_finds_them_too(done, cast):
    row = came_back(cast)
    assert [(hit.table, hit.column, hit.row) for hit in look_at(done)] == [("users_user", "id", str(row.pk))]


@once
def test_somebody_who_was_added_after_the_purge_is_a_new_user(done, cast):
    came_back(cast, added_at=timezone.now() + timedelta(seconds=1), deleted_at=None)
    assert patrol_all(everything=True).verdict == Verdict.CLEAN


@once
def test_whoever_was_let_go_has_not_come_back(done, cast):
    row = came_back(cast)
    done.subjects.filter(person_id=row.pk).update(fate="released")
    assert patrol_all(everything=True).verdict == Verdict.CLEAN


@once
def test_nobody_has_come_back_who_still_waits_to_go(cast, settings):
    settings.PURGE_RATE_GUARD = 0
    first = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert look_at(first.parts.get()) == ()


@once
def test_who_has_the_address_in_another_account_is_another_user(done, cast):
    UserFactory(account=cast.globex, email="böb@x.org", added_at=cast.bob.added_at)
    assert patrol_all(everything=True).verdict == Verdict.CLEAN


@once
def test_a_creator_who_was_kept_has_not_come_back(cast):
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(purge_request))
    assert User.objects.filter(pk=cast.gamma_creator.pk).exists()
    assert User.objects.filter(pk=cast.globex_ann.pk).exists()
    assert patrol_all(everything=True).verdict == Verdict.CLEAN
