"""purge_status, purge_retry, purge_release, purge_verify, purge_patrol, purge_overdue."""

import re
import sys
from datetime import timedelta

import pytest
from django.core.management import get_commands, load_command_class
from django.db import OperationalError
from django.utils import timezone

from purge import services
from purge.choices import Status
from purge.management.commands import purge_status
from purge.models import FollowUp, PurgeRequest, Residue
from purge.references import MistypedReference, check_character, parse_reference
from tests.factories.learning import CommentFactory
from tests.factories.users import UserFactory
from tests.purge import world as w


@pytest.fixture
def request_of_ann(cast):
    return services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])


def test_status_tells_where_a_request_stands(run, request_of_ann):
    ran = run("purge_status", request_of_ann.reference.lower().replace("-", " "), "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["request"], ran.json["status"]) == (request_of_ann.reference, Status.QUEUED)
    assert ran.json["acts_next"] == "worker"
    text = run("purge_status", request_of_ann.reference).out
    assert "due" in text
    assert "@" not in text + ran.out


def test_status_without_an_id_lists_what_is_open(run, request_of_ann):
    assert request_of_ann.reference in run("purge_status").out
    assert w.completed(w.run_to_end(request_of_ann))
    assert "No request is open" in run("purge_status").out
    assert run("purge_status", "--json").json == []


def test_status_lists_what_is_completed_and_has_left_something_to_do(run, request_of_ann, cast):
    assert w.completed(w.run_to_end(request_of_ann))
    left = [
        FollowUp.objects.create(
            request=request_of_ann, account_id=account.pk, kind="session", model="learning.Session", row=row
        )
        for account, row in ((cast.acme, 1), (cast.acme, 2), (cast.globex, 3))
    ]
    # What is left elsewhere is for others.
    line = f"{request_of_ann.reference}  Completed     next: the account's administrators, 2 to-dos"
    assert run("purge_status").out.splitlines() == [line]
    assert [each["request"] for each in run("purge_status", "--json").json] == [request_of_ann.reference]
    FollowUp.objects.filter(pk__in=[each.pk for each in left[:2]]).update(done_at=timezone.now())
    assert "none has left anything to do" in run("purge_status").out


def test_a_mistyped_id_is_told_apart_from_an_unknown_one(run, db):
    unknown = "23456789"
    mistyped = f"PUR-2345-6789-{'2' if check_character(unknown) != '2' else '3'}"
    assert run("purge_status", mistyped).code == 2
    assert "last character" in run("purge_status", mistyped).err
    ran = run("purge_status", f"PUR-2345-6789-{check_character(unknown)}")
    assert (ran.code, "no purge request" in ran.err) == (1, True)


def test_status_needs_you_when_a_request_is_overdue(run, request_of_ann):
    PurgeRequest.objects.filter(pk=request_of_ann.pk).update(
        accepted_at=timezone.now() - timedelta(days=31), due_at=timezone.now() - timedelta(days=1)
    )
    ran = run("purge_status", request_of_ann.reference)
    assert ran.code == 1
    assert "OVERDUE" in ran.out


def test_retry_takes_up_what_needed_attention(run, request_of_ann):
    PurgeRequest.objects.filter(pk=request_of_ann.pk).update(
        status=Status.NEEDS_ATTENTION, error_class="WorkerDied", attempts=5
    )
    assert run("purge_status", request_of_ann.reference).code == 1
    ran = run("purge_retry", request_of_ann.reference, "--yes", "--wait", "--json")
    assert (ran.code, ran.json["status"]) == (0, Status.COMPLETED), ran.err
    again = run("purge_retry", request_of_ann.reference)
    assert (again.code, "nothing to try again" in again.err) == (1, True)


def test_release_lets_a_held_request_go_on(run, cast, settings):
    settings.PURGE_RATE_GUARD = 1
    first = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    purge_request = PurgeRequest.objects.get(part_of=first)
    assert purge_request.status == Status.HELD
    assert run("purge_status", purge_request.reference).code == 1
    ran = run("purge_release", purge_request.reference, "--yes", "--wait", "--json")
    assert (ran.code, ran.json["status"]) == (0, Status.COMPLETED), ran.err
    again = run("purge_release", purge_request.reference)
    assert (again.code, "does not wait for the platform's check" in again.err) == (1, True)


def test_verify_of_a_clean_request(run, request_of_ann):
    assert w.completed(w.run_to_end(request_of_ann))
    ran = run("purge_verify", request_of_ann.reference, "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["verdict"], ran.json["status"], ran.json["places"]) == ("clean", Status.COMPLETED, [])


def test_verify_reopens_a_completed_request_and_names_the_place(run, cast, request_of_ann):
    assert w.completed(w.run_to_end(request_of_ann))
    comment = CommentFactory(post__board__account=cast.acme, author=cast.witness, body=f"Ask {w.ANN}")
    ran = run("purge_verify", request_of_ann.reference, "--json")
    assert (ran.code, ran.json["verdict"], ran.json["status"]) == (1, "residue", Status.RESIDUE)
    place = {"table": "learning_comment", "column": "body", "row": str(comment.pk), "ruled": True}
    assert ran.json["places"] == [{**place, "belongs_to": None}]
    assert run("purge_status", request_of_ann.reference, "--json").json["residue"] == [place]
    assert w.ANN not in ran.out + ran.err
    # It was proved clean before: the place is named and stands, until somebody has decided.
    assert run("purge_verify", request_of_ann.reference).code == 1
    type(comment).objects.filter(pk=comment.pk).update(body="Ask somebody else")
    ran = run("purge_verify", request_of_ann.reference)
    assert ran.code == 0, ran.out
    assert w.completed(request_of_ann)


def test_verify_only_looks_at_a_request_that_is_under_way(run, request_of_ann, cast):
    CommentFactory(post__board__account=cast.acme, author=cast.witness, body=f"Ask {w.ANN}")
    ran = run("purge_verify", request_of_ann.reference)
    assert ran.code == 1
    request_of_ann.refresh_from_db()
    assert (request_of_ann.status, Residue.objects.count()) == (Status.QUEUED, 0)


def test_verify_with_another_key_could_not_look(run, request_of_ann, settings):
    assert w.completed(w.run_to_end(request_of_ann))
    settings.PURGE_HASH_KEY = "another-key-that-made-none-of-the-hashes-0123456789"
    ran = run("purge_verify", request_of_ann.reference)
    assert (ran.code, "Could not look" in ran.err) == (1, True)


def test_patrol_says_what_it_found(run, cast, request_of_ann, settings):
    assert w.completed(w.run_to_end(request_of_ann))
    # As an earlier release left it on a large database.
    PurgeRequest.objects.filter(pk=request_of_ann.pk).update(patrolled_at=None)
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    comment = CommentFactory(post__board__account=cast.acme, author=cast.witness, body=f"Ask {w.ANN}")
    found = run("purge_patrol", "--json")
    assert (found.code, found.json["verdict"], found.json["hits"]) == (1, "residue", 1)
    assert Residue.objects.get().row == str(comment.pk)
    assert run("purge_patrol", "--json").json["verdict"] == "residue"
    type(comment).objects.filter(pk=comment.pk).update(body="Ask somebody else")
    clean = run("purge_patrol", "--json")
    assert (clean.code, clean.json["verdict"], clean.json["requests"]) == (0, "clean", 1)
    assert run("purge_patrol").code == 0


def test_patrol_that_could_not_look_needs_you(run, request_of_ann, settings):
    assert w.completed(w.run_to_end(request_of_ann))
    # As an earlier release left it on a large database.
    PurgeRequest.objects.filter(pk=request_of_ann.pk).update(patrolled_at=None)
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    settings.PURGE_HASH_KEY = ""
    ran = run("purge_patrol", "--json", "--skip-checks")
    assert (ran.code, ran.json["verdict"]) == (1, "could_not_look")


def test_overdue_names_the_requests(run, request_of_ann):
    assert run("purge_overdue", "--json").json["overdue_now"] == 0
    PurgeRequest.objects.filter(pk=request_of_ann.pk).update(
        accepted_at=timezone.now() - timedelta(days=31), due_at=timezone.now() - timedelta(days=1)
    )
    ran = run("purge_overdue", "--json")
    assert ran.code == 1
    assert (ran.json["overdue"], ran.json["overdue_now"]) == (1, 1)
    assert [each["request"] for each in ran.json["requests"]] == [request_of_ann.reference]
    assert run("purge_overdue", "--json").json["overdue"] == 0


def test_a_database_that_does_not_answer_is_a_sentence(run, request_of_ann, monkeypatch):
    def gone(*args, **kwargs):
        raise OperationalError(f"DETAIL: Key (email)=({w.ANN})")

    monkeypatch.setattr(purge_status.PurgeRequest.across_accounts, "open", gone)
    ran = run("purge_status")
    assert ran.code == 1
    assert "did not answer" in ran.err
    assert w.ANN not in ran.err


def test_a_reader_who_has_seen_enough_is_no_error(run, request_of_ann, monkeypatch, tmp_path):
    def closed(*args, **kwargs):
        raise BrokenPipeError

    monkeypatch.setattr(purge_status.Command, "show", closed)
    with (tmp_path / "out").open("w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        ran = run("purge_status")
    assert (ran.code, ran.err) == (0, "")


def test_the_id_of_an_example_is_one_that_could_be():
    """A newcomer who types what the help says reads that there is no such request, not that the ID is mistyped."""
    names = [name for name, app in get_commands().items() if app == "purge" and name not in ("worker", "migrate")]
    examples = [load_command_class("purge", name).example for name in names]
    shown = {text for example in examples for text in re.findall(r"PUR-\S+", example)}
    with pytest.raises(MistypedReference) as mistake:
        parse_reference("hello")
    shown |= set(re.findall(r"PUR-\w+-\w+-\w", str(mistake.value)))
    assert len(shown) == 1
    assert parse_reference(shown.pop()) == "PUR-7Q4M-2KX9-N"


def test_every_command_of_the_purge_has_an_example_and_its_exit_codes():
    names = [name for name, app in get_commands().items() if app == "purge" and name not in ("worker", "migrate")]
    assert len(names) >= 12
    for name in names:
        command = load_command_class("purge", name)
        text = command.create_parser("manage.py", name).format_help()
        assert f"manage.py {name}" in command.example
        assert command.example.split(" --")[0] in text
        assert "exit code:" in text
        assert "--json" in text


@pytest.fixture
def held(cast):
    for _n in range(51):
        UserFactory(account=cast.gamma)
    return services.purge_submit_ims(email=w.ANN)


def test_release_shows_whom_and_asks(run, cast, held):
    ran = run("purge_release", held.reference)
    assert (ran.code, ran.out) == (2, "")
    # 51 more, the creator, somebody who was there, and the matches in three other trials.
    assert "57 people will be erased for good." in ran.err
    assert f"53  in account {cast.gamma.name}: user" in ran.err
    assert str(cast.alpha_match.pk) in ran.err
    assert "Nothing was released: there is no terminal to ask at." in ran.err
    for personal in (w.ANN, "Archer"):
        assert personal not in ran.err
    held.refresh_from_db()
    assert held.status == Status.HELD


@pytest.mark.parametrize(("typed", "code", "status"), [("purge\n", 0, "queued"), ("yes\n", 1, "held"), ("", 1, "held")])
def test_at_a_terminal_the_word_releases(run, held, typed, code, status):
    ran = run("purge_release", held.reference, stdin=typed, terminal=True)
    assert ran.code == code
    assert "Type purge to go on:" in ran.err
    held.refresh_from_db()
    assert held.status == status


def test_retry_shows_whom_and_asks(run, request_of_ann):
    PurgeRequest.objects.filter(pk=request_of_ann.pk).update(status=Status.NEEDS_ATTENTION, error_class="WorkerDied")
    ran = run("purge_retry", request_of_ann.reference)
    assert (ran.code, "Nothing was tried again" in ran.err) == (2, True)
    assert "5 people will be erased for good." in ran.err
    request_of_ann.refresh_from_db()
    assert request_of_ann.status == Status.NEEDS_ATTENTION
    assert run("purge_retry", request_of_ann.reference, "--yes").code == 0
    request_of_ann.refresh_from_db()
    assert request_of_ann.status == Status.QUEUED


def test_what_cannot_be_done_is_refused_without_a_question(run, request_of_ann):
    for command in ("purge_release", "purge_retry"):
        ran = run(command, request_of_ann.reference, stdin="purge\n", terminal=True)
        assert (ran.code, "Type purge" in ran.err) == (1, False)
