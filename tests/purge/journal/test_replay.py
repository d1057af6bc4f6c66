"""People whom a restored backup brought back are purged again, by one command."""

import io
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from purge import services, tasks
from purge.choices import Origin, Status
from purge.installation.storage import begin_storage
from purge.models import JournalAlarm, PurgeRequest, WorkerBeat
from purge.selectors import request_by_reference
from tests.factories.learning import CommentFactory
from tests.factories.users import UserFactory
from tests.purge import world as w
from users.models import FormerEmail, User, UserState

pytestmark = pytest.mark.django_db(transaction=True)
#: Said once: the databases do not differ in it, and on SQLite a backup is a copied file.
once = pytest.mark.sqlite


@pytest.fixture
def cast(backup) -> w.World:
    """The fixture world in a database that can be backed up, of a web that has started and a worker that is alive."""
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    world = w.build_world()
    assert begin_storage() == ""
    return world


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*words: str) -> Ran:
    """Run a command as the command line does, without its process."""
    out, said, code, last = io.StringIO(), io.StringIO(), 0, ""
    try:
        call_command(*words, stdout=out, stderr=said, no_color=True)
    except CommandError as error:
        code, last = error.returncode, str(error)
    return Ran(code, out.getvalue(), said.getvalue() + last)


def purge(cast, *people):
    purge_request = services.purge_submit(
        acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[person.pk for person in people or (cast.ann,)]
    )
    assert w.completed(w.run_to_end(purge_request))
    return purge_request


def replay(*words: str) -> Ran:
    """Ask again, and do what the worker would do."""
    ran = run("purge_replay", "--yes", *words)
    work()
    return ran


def work() -> None:
    for purge_request in PurgeRequest.objects.open().order_by("pk"):
        w.run_to_end(purge_request)


def purges_go_on() -> bool:
    return not JournalAlarm.objects.exists() and run("purge_journal", "status").code == 0


def written() -> list[dict]:
    (file,) = django_settings.PURGE_JOURNAL.with_name("purge.jsonl.d").glob("*.jsonl")
    return [json.loads(text) for text in file.read_text().splitlines()]


def matches(cast):
    return [cast.alpha_match, cast.beta_login_match, cast.beta_deleted_match, cast.delta_match]


# ---------------------------------------------------------------- back


@pytest.mark.both_databases
def test_whoever_is_back_is_purged_again_and_everybody_else_stays(cast, backup):
    comment = w.mention_in_comment(cast, w.ANN)
    backup.take()
    first = purge(cast, cast.ann)
    backup.put_back()
    ids = [person.pk for person in (cast.ann, *matches(cast))]
    assert User.objects.filter(pk__in=ids).count() == 5
    others = set(User.objects.exclude(pk__in=ids).values_list("pk", flat=True))

    ran = replay()

    assert ran.code == 0, ran.err
    assert not User.objects.filter(pk__in=ids).exists()
    assert set(User.objects.values_list("pk", flat=True)) == others
    comment.refresh_from_db()
    assert "ann@x.org" not in comment.body.replace("joann@x.org", "")
    again = PurgeRequest.objects.get()
    assert again.reference != first.reference
    assert (again.replays, again.origin, again.status) == (first.reference, "replay", Status.COMPLETED)
    assert (again.account_id, again.route, again.selected_count) == (cast.acme.pk, "ui_enterprise", 1)
    assert again.first_due_at == first.due_at
    assert again.due_at == first.due_at, "it is still to come"
    assert again.accepted_at > first.accepted_at
    assert again.first_accepted_at == first.accepted_at
    assert f"{first.reference}: {again.reference}" in ran.out
    assert purges_go_on()
    assert w.completed(w.run_to_end(purge(cast, cast.bob)))


@once
def test_what_was_due_before_is_due_at_once(cast, backup, settings):
    settings.PURGE_DUE_DAYS = 0
    backup.take()
    first = purge(cast)
    backup.put_back()
    assert replay().code == 0
    again = PurgeRequest.objects.get()
    assert again.due_at == again.accepted_at > first.due_at
    assert again.first_due_at == first.due_at


@once
def test_nobody_is_touched_by_looking(cast, backup):
    backup.take()
    first = purge(cast)
    backup.put_back()
    run("purge_journal", "status")
    before = w.dump()
    lines = written()
    ran = run("purge_replay", "--dry-run")
    assert ran.code == 1
    head, _line, row = ([cell.strip() for cell in line.split("|")[1:-1]] for line in ran.out.splitlines()[:3])
    assert head == [
        "Purge",
        "Accepted",
        "People",
        "Gone already",
        "Back",
        "Needs a decision",
        "Cannot tell",
        "What is done",
    ]
    assert row == [first.reference, first.accepted_at.date().isoformat(), "5", "0", "5", "0", "0", "ask again"]
    assert "Purges: 1. People who are back: 5." in ran.out
    assert "@" not in ran.out
    told = run("purge_replay", "--dry-run", "--json").json["purges"][0]
    assert (told["request"], told["people"], told["gone"], told["what_is_done"]) == (
        first.reference,
        5,
        0,
        "ask again",
    )
    assert sorted(told["back"]) == sorted(person.pk for person in (cast.ann, *matches(cast)))
    assert w.dump() == before
    assert written() == lines


@once
def test_somebody_at_no_terminal_has_to_say_yes(cast, backup):
    backup.take()
    purge(cast)
    backup.put_back()
    ran = run("purge_replay")
    assert ran.code == 2
    assert "add --yes" in ran.err
    assert not PurgeRequest.objects.exists()


@once
@pytest.mark.parametrize(("typed", "asked"), [("1\n", True), ("2\n", False), ("purge\n", False)])
def test_the_number_is_typed_at_a_terminal(cast, backup, monkeypatch, typed, asked):
    backup.take()
    purge(cast)
    backup.put_back()
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    ran = run("purge_replay")
    assert "Type 1, the number of purges above, to go on:" in ran.err
    assert ran.code == (0 if asked else 1)
    assert PurgeRequest.objects.filter(origin="replay").exists() is asked


@once
def test_an_active_user_of_the_backup_is_taken_out_of_use_at_once(cast, backup):
    """The backup is from before they were deleted: they could sign in."""
    ann = User.objects.filter(pk=cast.ann.pk)
    deleted = ann.values("deleted_at", "deleted_month", "state").get()
    ann.update(deleted_at=None, deleted_month=None, state=UserState.ACTIVE)
    backup.take()
    ann.update(**deleted)
    purge(cast)
    backup.put_back()
    assert User.objects.get(pk=cast.ann.pk).state == UserState.ACTIVE
    assert run("purge_replay", "--yes").code == 0
    assert User.objects.get(pk=cast.ann.pk).state == UserState.PURGING
    work()
    assert not User.objects.filter(pk=cast.ann.pk).exists()


@once
def test_the_id_of_before_still_leads_to_the_purge(cast, backup):
    backup.take()
    first = purge(cast)
    backup.put_back()
    assert replay().code == 0
    again = PurgeRequest.objects.get()
    assert request_by_reference(first.reference) == again
    assert request_by_reference(again.reference) == again


@once
def test_the_page_says_until_when_it_was_due_at_first(cast, backup, client, settings):
    settings.PURGE_DUE_DAYS = 0
    backup.take()
    first = purge(cast)
    backup.put_back()
    assert run("purge_replay", "--yes").code == 0
    again = PurgeRequest.objects.get()
    client.force_login(cast.admin)
    page = client.get(f"/admin/purge/purgerequest/{again.pk}/change/").content.decode()
    assert "Asked again after a restore" in page
    assert "First due" in page
    assert first.reference in page
    told = run("purge_status", again.reference)
    assert f"asks again  for {first.reference}" in told.out


@once
def test_nobody_is_told_of_its_end_twice(cast, backup):
    from messaging.models import Notification

    backup.take()
    purge(cast)
    backup.put_back()
    assert replay().code == 0
    assert not Notification.objects.filter(kind="completed").exists()


@once
def test_whoever_still_waits_for_its_end_is_told(cast, backup):
    from messaging.models import Notification

    backup.take()
    services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    backup.put_back()
    assert replay().code == 0
    again = PurgeRequest.objects.get()
    assert w.completed(again)
    assert again.initiator_id == cast.admin.pk
    assert [note.recipient_id for note in Notification.objects.filter(kind="completed")] == [cast.admin.pk]


# ---------------------------------------------------------------- gone already


def test_of_whoever_is_gone_the_texts_are_searched_by_keyed_hash(cast, backup):
    """Data came back without the users: a purge that is known by hashes alone finds the address and takes it out."""
    comment = w.mention_in_comment(cast, w.ANN)
    backup.take()
    purge(cast)
    backup.put_back()
    # As a restore of some tables leaves it.
    FormerEmail.objects.all()._raw_delete("default")
    for person in (cast.ann, *matches(cast)):
        User.objects.filter(pk=person.pk)._raw_delete("default")
    comment.refresh_from_db()
    assert "ann@x.org" in comment.body
    ran = replay()
    assert ran.code == 0, ran.err
    again = PurgeRequest.objects.get()
    assert w.completed(again)
    assert again.subjects.count() == 0
    comment.refresh_from_db()
    assert comment.body.count("ann@x.org") == comment.body.count("joann@x.org")
    assert purges_go_on()


@once
def test_an_address_that_was_no_users_is_taken_out_again(cast, backup):
    comment = CommentFactory(post__board__account=cast.acme, author=cast.witness, body="Call guest@visitor.example.")
    backup.take()
    request = services.purge_submit_address(
        acting_user=cast.admin, account_id=cast.acme.pk, address="guest@visitor.example"
    )
    assert w.completed(w.run_to_end(request))
    backup.put_back()
    comment.refresh_from_db()
    assert "guest@visitor.example" in comment.body
    assert replay().code == 0
    comment.refresh_from_db()
    assert "guest@visitor.example" not in comment.body
    assert w.completed(PurgeRequest.objects.get())


@once
def test_who_was_purged_is_known_again_although_they_are_gone(cast, backup):
    from purge.routes.suppression import known_by, purged_before

    backup.take()
    purge(cast, cast.bob)
    backup.put_back()
    User.objects.filter(pk=cast.bob.pk)._raw_delete("default")
    known = known_by(addresses=["böb@x.org"])
    assert purged_before(account_id=cast.acme.pk, known=known) == {}
    assert replay().code == 0
    again = PurgeRequest.objects.get()
    assert set(purged_before(account_id=cast.acme.pk, known=known).values()) == {again.reference}
    assert purged_before(account_id=cast.globex.pk, known=known) == {}


# ---------------------------------------------------------------- somebody else


@once
def test_a_row_number_alone_is_nobody(cast, backup):
    backup.take()
    purge(cast, cast.bob)
    backup.put_back()
    User.objects.filter(pk=cast.bob.pk)._raw_delete("default")
    stranger = UserFactory(pk=cast.bob.pk, account=cast.acme, email="stranger@x.org")
    ran = replay()
    assert ran.code == 0, ran.err
    stranger.refresh_from_db()
    assert stranger.state == UserState.ACTIVE
    assert stranger.email == "stranger@x.org"


@once
def test_an_address_that_somebody_has_now_needs_a_decision(cast, backup):
    backup.take()
    first = purge(cast, cast.bob)
    backup.put_back()
    User.objects.filter(pk=cast.bob.pk)._raw_delete("default")
    new = UserFactory(account=cast.acme, email="böb@x.org")
    ran = replay()
    assert ran.code == 1
    assert f"Say --erase USER or --leave USER of each: user {new.pk}." in ran.out
    assert User.objects.filter(pk=new.pk, state=UserState.ACTIVE).exists()
    assert not PurgeRequest.objects.exists()
    assert JournalAlarm.objects.exists(), "purges wait until it is decided"
    table = run("purge_replay", "--dry-run").out
    assert "has an address of somebody purged, and was added later" in table

    assert run("purge_replay", "--yes", "--leave", str(cast.witness.pk)).code == 2, "nobody asks about them"
    assert replay("--leave", str(new.pk)).code == 0
    assert User.objects.filter(pk=new.pk, state=UserState.ACTIVE).exists()
    assert PurgeRequest.objects.get().replays == first.reference
    assert w.completed(PurgeRequest.objects.get())
    assert purges_go_on()


@once
def test_an_operator_decides_that_they_go(cast, backup):
    backup.take()
    purge(cast, cast.bob)
    backup.put_back()
    User.objects.filter(pk=cast.bob.pk)._raw_delete("default")
    new = UserFactory(account=cast.acme, email="böb@x.org")
    assert replay("--erase", str(new.pk)).code == 0
    assert not User.objects.filter(pk=new.pk).exists()
    assert User.objects.filter(pk=cast.witness.pk).exists()
    assert purges_go_on()


def test_without_its_public_id_a_row_is_known_by_hash_and_date(cast, backup):
    """A restore that gives out public ids anew."""
    from uuid import uuid4

    backup.take()
    purge(cast, cast.bob)
    backup.put_back()
    User.objects.filter(pk=cast.bob.pk).update(public_id=uuid4())
    assert replay().code == 0
    assert not User.objects.filter(pk=cast.bob.pk).exists()


@once
def test_a_public_id_with_another_date_is_no_proof(cast, backup):
    backup.take()
    purge(cast, cast.bob)
    backup.put_back()
    User.objects.filter(pk=cast.bob.pk).update(added_at=timezone.now() - timedelta(days=9))
    ran = replay()
    assert ran.code == 1
    assert User.objects.filter(pk=cast.bob.pk, state=UserState.DELETED).exists()
    assert "has the public id, and was added at another moment" in run("purge_replay", "--dry-run").out


# ---------------------------------------------------------------- cannot tell


@once
def test_hashes_of_another_key_cannot_be_compared_and_who_is_back_is_purged_all_the_same(cast, backup, settings):
    backup.take()
    purge(cast)
    backup.put_back()
    settings.PURGE_HASH_KEY = "another key, which is long enough for it"
    ran = replay()
    assert ran.code == 1
    assert "Of these nobody can tell more. Look, then type purge_journal acknowledge 1." in ran.out
    assert "its keyed hashes were made with another key" in run("purge_replay", "--dry-run").out
    assert User.objects.get(pk=cast.ann.pk).state == UserState.PURGING, "out of use at least"
    assert run("purge_journal", "acknowledge", "1").code == 0
    work()
    assert w.completed(PurgeRequest.objects.get())
    assert not User.objects.filter(pk=cast.ann.pk).exists()
    assert purges_go_on()


@once
def test_a_damaged_line_stops_with_its_number(cast, backup):
    backup.take()
    purge(cast, cast.ann)
    purge(cast, cast.bob)
    (file,) = django_settings.PURGE_JOURNAL.with_name("purge.jsonl.d").glob("*.jsonl")
    text = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(text[0] + b"?" * 30 + b"\n" + b"".join(text[2:]))
    backup.put_back()
    ran = replay()
    assert ran.code == 1
    assert "cannot be read from line 2 on: a line cannot be read" in ran.err
    assert not PurgeRequest.objects.exists()
    assert User.objects.filter(pk=cast.bob.pk).exists()
    table = run("purge_replay", "--dry-run", "--past-damage").out
    assert "the line that says whom it was about is missing" in table

    ran = replay("--past-damage")
    assert ran.code == 1
    assert run("purge_journal", "acknowledge", "2").code == 0, "the damage, and the purge of which nobody can tell"
    work()
    assert not User.objects.filter(pk=cast.bob.pk).exists()
    assert User.objects.filter(pk=cast.ann.pk).exists(), "of whom that line was nobody can tell"


@once
def test_a_log_of_another_installation_is_damage(cast, backup):
    from purge.installation.identity import installation

    backup.take()
    purge(cast)
    (file,) = django_settings.PURGE_JOURNAL.with_name("purge.jsonl.d").glob("*.jsonl")
    backup.put_back()
    own = installation().pk
    lines = file.read_text().replace(str(own), "11111111-2222-3333-4444-555555555555")
    file.unlink()
    file.with_name(f"{own.hex}.elsewhere.20261129T000000000000Z.jsonl").write_text(lines)
    ran = replay()
    assert ran.code == 1
    assert "it belongs to another installation" in ran.err
    assert not PurgeRequest.objects.exists()


@once
def test_no_log_and_nothing_to_do_are_said(cast, settings, tmp_path):
    purge(cast)
    agrees = run("purge_replay")
    assert agrees.code == 0
    assert "There is nothing to purge again: the purge log and this database agree." in agrees.out
    settings.PURGE_JOURNAL = tmp_path / "nowhere" / "purge.jsonl"
    gone = run("purge_replay")
    assert gone.code == 1
    assert "There is no purge log of this installation in" in gone.err
    assert run("purge_replay", "--since", "yesterday").code == 2
    assert run("purge_replay", "--erase", "1", "--leave", "1").code == 2


# ---------------------------------------------------------------- known, and not so far


@once
def test_a_request_that_had_come_further_goes_on(cast, backup):
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    backup.take()
    assert w.completed(w.run_to_end(request))
    backup.put_back()
    assert tasks.run_request(request.pk) == "nothing to do"
    ran = replay()
    assert ran.code == 0, ran.err
    assert f"{request.reference}: goes on" in ran.out
    assert PurgeRequest.objects.get().status == Status.COMPLETED
    assert not User.objects.filter(pk=cast.ann.pk).exists()
    assert purges_go_on()


@once
def test_what_an_operator_had_let_through_goes_on_too(cast, backup, settings):
    settings.PURGE_RATE_GUARD = 0
    first = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    part = first.parts.get()
    backup.take()
    services.purge_release(acting_user=None, purge_request=part)
    work()
    assert w.completed(part)
    backup.put_back()
    assert PurgeRequest.objects.get(pk=part.pk).status == Status.HELD
    assert replay().code == 0
    assert w.completed(PurgeRequest.objects.get(pk=first.pk))
    assert w.completed(PurgeRequest.objects.get(pk=part.pk))
    assert not User.objects.filter(pk__in=[match.pk for match in matches(cast)]).exists()
    assert purges_go_on()


@once
def test_who_was_let_go_after_the_backup_is_let_go_again(cast, backup, settings):
    """The plan had more rows of other accounts than the guard lets through: they became a part, which waits."""
    settings.PURGE_RATE_GUARD = 4
    CommentFactory(post__board__account=cast.alpha, author=cast.nobody[3], body=f"Ask {w.ANN}")
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    backup.take()
    assert w.completed(w.run_to_end(request))
    part = request.parts.get()
    assert (part.status, User.objects.get(pk=cast.alpha_match.pk).state) == (Status.HELD, UserState.ACTIVE)
    backup.put_back()
    assert User.objects.get(pk=cast.alpha_match.pk).state == UserState.PURGING
    ran = replay()
    assert ran.code == 0, ran.err
    assert w.completed(PurgeRequest.objects.get(reference=request.reference))
    assert not User.objects.filter(pk=cast.ann.pk).exists()
    for match in matches(cast):
        assert User.objects.get(pk=match.pk).state != UserState.PURGING
    waiting = PurgeRequest.objects.get(replays=part.reference)
    assert (waiting.status, waiting.people_left) == (Status.HELD, 4)
    services.purge_release(acting_user=None, purge_request=waiting)
    work()
    assert not User.objects.filter(pk__in=[match.pk for match in matches(cast)]).exists()
    assert purges_go_on()


@once
def test_a_request_that_was_called_off_is_called_off_again(cast, backup):
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    backup.take()
    services.purge_cancel(acting_user=cast.admin, purge_request=request)
    backup.put_back()
    assert replay().code == 0
    assert PurgeRequest.objects.get().status == Status.CANCELLED
    assert User.objects.get(pk=cast.ann.pk).state == UserState.DELETED
    assert purges_go_on()


@once
def test_an_unknown_purge_that_was_called_off_purges_nobody(cast, backup):
    backup.take()
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    services.purge_cancel(acting_user=cast.admin, purge_request=request)
    backup.put_back()
    assert replay().code == 0
    assert not PurgeRequest.objects.exists()
    assert User.objects.get(pk=cast.ann.pk).state == UserState.DELETED
    assert purges_go_on()


def test_a_part_that_waits_elsewhere_waits_again(cast, backup, settings):
    settings.PURGE_RATE_GUARD = 0
    backup.take()
    first = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    part = first.parts.get()
    assert w.completed(w.run_to_end(first))
    backup.put_back()
    ran = replay()
    assert ran.code == 0, ran.err
    again = PurgeRequest.objects.get(replays=first.reference)
    assert w.completed(again)
    assert again.reach == "own"
    waiting = PurgeRequest.objects.get(replays=part.reference)
    assert (waiting.status, waiting.held_reason, waiting.part_of) == (Status.HELD, "rate", again)
    assert (waiting.origin, waiting.account_id, waiting.reach) == (Origin.ELSEWHERE, None, "others")
    assert User.objects.get(pk=cast.alpha_match.pk).state == UserState.ACTIVE
    assert services.purge_release(acting_user=None, purge_request=waiting).status == Status.QUEUED
    work()
    assert not User.objects.filter(pk__in=[match.pk for match in matches(cast)]).exists()


def test_a_purge_that_the_identity_provider_began_is_asked_again(cast, backup):
    backup.take()
    request = services.purge_submit_ims(email=w.ANN, reference="m-1")
    assert w.completed(w.run_to_end(request))
    survivors = set(User.objects.values_list("pk", flat=True))
    backup.put_back()
    assert User.objects.filter(pk=cast.gamma_creator.pk).exists()
    assert replay().code == 0
    assert w.completed(PurgeRequest.objects.get())
    assert set(User.objects.values_list("pk", flat=True)) == survivors
    cast.gamma.refresh_from_db()
    assert cast.gamma.state == "inactive"


# ---------------------------------------------------------------- in part, and again


@once
def test_who_is_back_although_the_purge_is_known_is_asked_about_by_date(cast, backup):
    """A restore of the users' table alone: the requests are there, and completed."""
    first = purge(cast, cast.bob)
    row = {"account": cast.acme, "pk": cast.bob.pk, "public_id": cast.bob.public_id, "added_at": cast.bob.added_at}
    UserFactory(email="böb@x.org", deleted_at=timezone.now(), **row)
    agrees = run("purge_replay")
    assert agrees.code == 0
    assert "agree" in agrees.out
    assert run("purge_replay", "--dry-run", "--since", "2999-01-01").code == 0
    ran = replay("--since", first.accepted_at.date().isoformat())
    assert ran.code == 0, ran.err
    assert not User.objects.filter(pk=cast.bob.pk).exists()
    assert w.completed(PurgeRequest.objects.get(replays=first.reference))
    again = run("purge_replay", "--since", first.accepted_at.date().isoformat())
    assert again.code == 0
    assert PurgeRequest.objects.count() == 2
    # And once more, though the purge and the one that asked for it again are both known, and completed.
    UserFactory(email="böb@x.org", deleted_at=timezone.now(), **row)
    assert replay("--since", first.accepted_at.date().isoformat()).code == 0
    assert not User.objects.filter(pk=cast.bob.pk).exists()
    assert PurgeRequest.objects.count() == 3


@once
def test_somebody_added_again_after_the_purge_is_a_new_user_as_always(cast):
    first = purge(cast, cast.bob)
    new = UserFactory(account=cast.acme, email="böb@x.org")
    ran = replay("--since", first.accepted_at.date().isoformat())
    assert ran.code == 0
    assert User.objects.filter(pk=new.pk).exists()
    assert PurgeRequest.objects.count() == 1


@once
def test_restored_once_more_it_is_asked_once_more(cast, backup):
    backup.take()
    first = purge(cast)
    backup.put_back()
    assert replay().code == 0
    second = PurgeRequest.objects.get()
    backup.put_back()
    assert User.objects.filter(pk=cast.ann.pk).exists()
    ran = replay()
    assert ran.code == 0, ran.err
    assert not User.objects.filter(pk=cast.ann.pk).exists()
    assert set(PurgeRequest.objects.values_list("replays", flat=True)) == {first.reference, second.reference}
    assert {request.status for request in PurgeRequest.objects.all()} == {Status.COMPLETED}
    assert purges_go_on()


@once
@pytest.mark.parametrize("after", [0, 1, 2])
def test_killed_between_two_purges_it_goes_on_with_the_rest(cast, backup, monkeypatch, after):
    from purge.management.commands import purge_replay as command

    backup.take()
    requests = [purge(cast, person) for person in (cast.ann, cast.bob)]
    backup.put_back()
    real, done = command.purge_replay, []

    def killed(*words):
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(1)
        return real(*words)

    monkeypatch.setattr(command, "purge_replay", killed)
    if after < 2:
        with pytest.raises(KeyboardInterrupt):
            run("purge_replay", "--yes")
    else:
        assert run("purge_replay", "--yes").code == 0
    assert PurgeRequest.objects.count() == after
    monkeypatch.setattr(command, "purge_replay", real)
    assert replay().code == 0
    assert sorted(PurgeRequest.objects.values_list("replays", flat=True)) == sorted(
        request.reference for request in requests
    )
    assert not User.objects.filter(pk__in=[cast.ann.pk, cast.bob.pk]).exists()
    assert purges_go_on()


@once
@pytest.mark.parametrize("place", ["before the line", "after the line", "before the freeze"])
def test_killed_within_a_purge_nothing_of_it_is_done(cast, backup, monkeypatch, place):
    """What was written ahead and has no outcome is void."""
    from lms_purge.platform.host import LmsHost
    from purge.journal import chains

    class Killed(BaseException):
        pass

    real = chains.append

    def kill(*words, **options):
        if place == "after the line":
            real(*words, **options)
        raise Killed

    backup.take()
    purge(cast, cast.bob)
    backup.put_back()
    run("purge_journal", "status")
    with monkeypatch.context() as patch:
        patch.setattr(*((LmsHost, "freeze") if place == "before the freeze" else (chains, "append")), kill)
        with pytest.raises(Killed):
            run("purge_replay", "--yes")
    assert not PurgeRequest.objects.exists()
    assert User.objects.get(pk=cast.bob.pk).state == UserState.DELETED
    assert replay().code == 0
    assert PurgeRequest.objects.count() == 1
    assert not User.objects.filter(pk=cast.bob.pk).exists()


@once
def test_it_waits_until_all_is_done(cast, backup):
    backup.take()
    purge(cast, cast.ann)
    purge(cast, cast.bob)
    backup.put_back()
    WorkerBeat.objects.all().delete()
    ran = run("purge_replay", "--yes", "--wait")
    assert ran.code == 0, ran.err
    assert "completed: 2 of 2" in ran.err
    assert {request.status for request in PurgeRequest.objects.all()} == {Status.COMPLETED}


@once
def test_what_was_called_off_again_is_asked_again(cast, backup):
    backup.take()
    purge(cast, cast.bob)
    backup.put_back()
    assert run("purge_replay", "--yes").code == 0
    again = PurgeRequest.objects.get()
    services.purge_cancel(acting_user=None, purge_request=again)
    assert User.objects.get(pk=cast.bob.pk).state == UserState.DELETED
    assert replay("--since", again.first_accepted_at.date().isoformat()).code == 0
    assert not User.objects.filter(pk=cast.bob.pk).exists()


class Terminal(io.StringIO):
    def isatty(self):
        return True


@once
def test_a_terminal_gets_a_bar(cast, backup):
    backup.take()
    purge(cast, cast.ann)
    purge(cast, cast.bob)
    backup.put_back()
    said = Terminal()
    call_command("purge_replay", "--yes", stdout=io.StringIO(), stderr=said, no_color=True)
    assert said.getvalue() == (
        "\rasked again [###############...............] 1 of 2\rasked again [##############################] 2 of 2\n"
    )


@once
def test_a_line_of_an_earlier_release_is_read(cast, backup):
    """No dates, no reach, hashes without places."""
    backup.take()
    purge(cast)
    (file,) = django_settings.PURGE_JOURNAL.with_name("purge.jsonl.d").glob("*.jsonl")
    lines = [json.loads(text) for text in file.read_text().splitlines()]
    for line in lines:
        for key in ("reach", "due", "by", "rules"):
            line.pop(key, None)
        line["people"] = [each[:3] for each in line.get("people", [])]
        line["hashes"] = [list(each) for each in sorted({tuple(each[:3]) for each in line.get("hashes", [])})]
    rewrite(file, lines)
    backup.put_back()
    ran = replay()
    assert ran.code == 0, ran.err
    assert not User.objects.filter(pk__in=[person.pk for person in (cast.ann, *matches(cast))]).exists()
    assert w.completed(PurgeRequest.objects.get())


def rewrite(file, lines: list[dict]) -> None:
    """The same chain with other lines: each names the hash of the one before."""
    import hashlib

    before, text = "", b""
    for line in lines:
        line["prev"] = before
        raw = json.dumps(line, separators=(",", ":")).encode()
        before = hashlib.sha256(raw).hexdigest()
        text += raw + b"\n"
    file.write_bytes(text)
