"""purge_preview and purge_submit: whom, whether, and what is answered."""

from datetime import UTC, date, datetime

import pytest
from django.utils import timezone

from learning.models import Comment
from messaging.models import Notification
from purge import services
from purge.choices import Origin, Route, Status
from purge.management import waiting
from purge.models import PurgeRequest, RegisterNote, WorkerBeat
from tests.factories.learning import CommentFactory, EnrolmentFactory
from tests.factories.users import UserFactory
from tests.purge import world as w
from users.models import User, UserState


@pytest.fixture
def submit(run, cast):
    def submit_command(*words, account="", initiator="admin@acme.example", command="purge_submit", **kwargs):
        where = ["--account", account or cast.acme.subdomain, "--initiator", initiator]
        return run(command, *where, *words, **kwargs)

    return submit_command


def test_users_are_purged_and_waited_for_without_a_worker(submit, cast):
    EnrolmentFactory(user=cast.ann)
    ran = submit("--user", "U-1001", "--user", "U-1002", "--yes", "--wait", "--json")
    assert ran.code == 0, ran.err
    purge_request = PurgeRequest.objects.get()
    assert ran.json["request"] == purge_request.reference
    assert ran.json["status"] == purge_request.status == Status.COMPLETED
    assert (purge_request.origin, purge_request.initiator, purge_request.route) == (
        Origin.COMMAND,
        cast.admin,
        Route.UI_ENTERPRISE,
    )
    assert (ran.json["selected"], ran.json["kept"], ran.json["people_left"]) == (2, 1, 0)
    assert not User.objects.filter(pk__in=[cast.ann.pk, cast.bob.pk, cast.alpha_match.pk]).exists()
    assert Notification.objects.filter(kind="completed", recipient=cast.admin).count() == 1
    assert "@" not in ran.out + ran.err


def test_a_note_for_the_register_is_given_by_options_and_refused_where_it_names_somebody(submit, cast):
    said = ("--asked-by", "hr", "--basis", "own_policy", "--ticket", "HR-1", "--received-on", "2026-01-31")
    ran = submit("--user", "U-1001", "--yes", *said, "--reason", "as ann@x.org wrote")
    assert ran.code == 1
    assert "names somebody" in ran.err
    assert "ann@x.org" not in ran.out + ran.err
    assert not PurgeRequest.objects.exists()
    assert submit("--user", "U-1001", "--yes", "--asked-by", "nobody").code == 1
    assert submit("--user", "U-1001", "--yes", "--received-on", "31.1.2026").code == 1
    ran = submit("--user", "U-1001", "--yes", *said, "--reason", "-", stdin="Left the company\n")
    assert ran.code == 0, ran.err
    row = RegisterNote.objects.get()
    assert (row.asked_by, row.basis, row.ticket, row.reason) == ("hr", "own_policy", "HR-1", "Left the company")
    assert row.answer_by == date(2026, 2, 28)
    assert "Left" not in ran.out


def test_without_waiting_it_is_accepted_and_the_people_are_frozen(submit, cast):
    ran = submit("--user", "U-1001", "--yes")
    assert ran.code == 0, ran.err
    purge_request = PurgeRequest.objects.get()
    assert ran.out.startswith(f"{purge_request.reference}  Waiting")
    cast.ann.refresh_from_db()
    assert cast.ann.state == UserState.PURGING


def test_without_yes_and_without_a_terminal_it_shows_the_impact_and_refuses(submit, cast):
    EnrolmentFactory(user=cast.ann)
    ran = submit("--user", "U-1001")
    assert ran.code == 2
    assert "add --yes" in ran.err
    assert "enrolments" in ran.err
    assert f"user {cast.ann.pk}" in ran.err
    assert (ran.out, PurgeRequest.objects.count()) == ("", 0)


@pytest.mark.parametrize(("typed", "accepted"), [("purge\n", 1), ("yes\n", 0), ("", 0)])
def test_at_a_terminal_the_word_has_to_be_typed(submit, typed, accepted):
    ran = submit("--user", "U-1001", "--json", stdin=typed, terminal=True)
    assert PurgeRequest.objects.count() == accepted
    assert ran.code == (0 if accepted else 1)
    assert bool(ran.out) == bool(accepted)


def test_preview_counts_what_the_run_then_does_in_the_account(submit, cast):
    EnrolmentFactory(user=cast.ann)
    CommentFactory(post__board__account=cast.acme, author=cast.witness, body=f"Ask {w.ANN}")
    ran = submit("--user", "U-1001", "--json", command="purge_preview")
    assert ran.code == 0, ran.err
    assert ran.json["users"] == [cast.ann.pk]
    counts = {line["key"]: line["n"] for line in ran.json["impact"]}
    assert counts["learning.Enrolment.user"] == 1
    assert counts["learning.Comment#addresses"] == 1
    assert PurgeRequest.objects.count() == 0
    text = submit("--user", "U-1001", command="purge_preview").out
    assert "enrolments" in text
    assert "@" not in text


def test_an_address_of_no_user_can_be_read_from_standard_input(submit, cast):
    comment = CommentFactory(post__board__account=cast.acme, author=cast.witness, body="Ask guest@else.example please")
    ran = submit("--email", "-", "--yes", "--wait", "--json", stdin="Guest@else.example\n")
    assert ran.code == 0, ran.err
    assert ran.json["route"] == Route.OTHER_ENTERPRISE
    assert "guest@else.example" not in Comment.objects.get(pk=comment.pk).body
    assert "else.example" not in ran.out + ran.err


def test_a_month_takes_the_oldest_deletions_first(submit, cast):
    late = UserFactory(account=cast.acme, deleted_at=datetime(2026, 1, 31, 23, 45, tzinfo=UTC))
    ran = submit("--month", "2026-01", "--limit", "2", "--yes", "--json")
    assert ran.code == 0, ran.err
    states = dict(User.objects.filter(account=cast.acme).values_list("pk", "state"))
    assert states[late.pk] == UserState.DELETED
    assert states[cast.ann.pk] == states[cast.bob.pk] == UserState.PURGING


def test_a_month_in_which_nobody_was_deleted_is_nothing_to_do(submit):
    ran = submit("--month", "2020-02", "--yes", "--json")
    assert (ran.code, ran.json) == (0, {"request": None, "status": "nothing_to_do"})
    assert submit("--month", "2020-02", command="purge_preview").code == 0


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--user", "U-1001", "--month", "2026-01"),
        ("--user", "U-1001", "--limit", "3"),
        ("--month", "2026-13"),
        ("--month", "May"),
        ("--month", "2026-01", "--kind", "nobody"),
        ("--month", "2026-01", "--limit", "51"),
        ("--month", "2026-01", "--limit", "0"),
        ("--email", "-"),
    ],
)
def test_wrong_usage_ends_with_2_and_accepts_nothing(submit, words):
    ran = submit(*words, "--yes")
    assert ran.code == 2, ran.err
    assert (ran.out, PurgeRequest.objects.count()) == ("", 0)


def test_a_refusal_names_what_was_typed_and_accepts_nothing(submit, cast):
    UserFactory(account=cast.acme, unique_user_id="U-7")
    cases = [
        (submit("--user", "U-1001", "--user", "U-9", "--yes"), "“U-9”"),
        (submit("--user", "U-1001", "--user", "U-7", "--yes"), "“U-7”"),
        (submit("--user", "U-1001", "--yes", account="nowhere"), "“nowhere”"),
        (submit("--user", "U-1001", "--yes", initiator="nobody@acme.example"), "initiator"),
        (submit("--user", "U-1001", "--yes", initiator="witness@acme.example"), "permission"),
        (submit("--email", "admin@acme.example", "--yes"), "Delete the user"),
        (submit("--email", "no address", "--yes"), "not an email address"),
    ]
    for ran, named in cases:
        assert ran.code == 1
        assert named in ran.err
        assert "acme.example" not in ran.err
        assert ran.out == ""
    assert PurgeRequest.objects.count() == 0


def test_an_address_given_as_an_id_is_not_repeated(submit):
    ran = submit("--user", "who@acme.example", "--yes")
    assert (ran.code, "who@" in ran.err) == (1, False)


def test_51_people_are_refused(submit, cast, settings):
    people = [UserFactory(account=cast.acme, unique_user_id=f"M-{n}", deleted=True) for n in range(51)]
    words = [word for person in people for word in ("--user", person.unique_user_id)]
    ran = submit(*words, "--yes")
    assert ran.code == 1
    assert "at most 50" in ran.err
    assert PurgeRequest.objects.count() == 0
    assert submit(*words[:100], "--yes").code == 0


def test_somebody_already_selected_is_refused_with_the_request_that_holds_him(submit, cast):
    first = submit("--user", "U-1001", "--yes", "--json").json["request"]
    ran = submit("--user", "U-1001", "--yes")
    assert ran.code == 1
    assert first in ran.err


def test_what_waits_because_of_other_accounts_needs_an_operator(submit, cast, settings):
    settings.PURGE_RATE_GUARD = 1
    ran = submit("--user", "U-1001", "--yes", "--wait", "--json")
    part = PurgeRequest.objects.get(part_of__reference=ran.json["request"])
    assert ran.code == 1
    assert f"{part.reference} is not completed: Waiting." in ran.err
    assert ran.json["state"] == "completed"
    assert ran.json["parts"] == [{"request": part.reference, "state": "waiting"}]
    assert not User.objects.filter(pk=cast.ann.pk).exists()
    cast.alpha_match.refresh_from_db()
    assert cast.alpha_match.state == UserState.ACTIVE


def test_waiting_leaves_the_work_to_a_worker_that_is_alive(submit, cast, monkeypatch):
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    WorkerBeat.objects.create(name="elsewhere", beat_at=timezone.now())
    looks = []

    def the_worker_works(_seconds):
        looks.append(PurgeRequest.objects.get().status)
        w.run_to_end(purge_request)

    monkeypatch.setattr(waiting.time, "sleep", the_worker_works)
    waiting.wait_until_it_rests(purge_request, seconds=60)
    assert looks == [Status.QUEUED]
    assert purge_request.status == Status.COMPLETED


def test_waiting_has_an_end(cast):
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    waiting.wait_until_it_rests(purge_request, seconds=0)
    assert purge_request.status == Status.QUEUED


# ---------------------------------------------------------------- a batch


def test_a_batch_purges_on_nobodys_behalf_and_names_who_is_left_out(run, cast):
    words = ["--account", cast.acme.subdomain, "--batch", "--user", "U-1001", "--user", "U-1002"]
    first = run("purge_submit", *words[:5], "--yes", "--json")
    earlier = first.json["request"]
    assert (first.code, first.json["came_by"], first.json["left_out"]) == (0, "rule", [])
    ran = run("purge_submit", *words, "--yes", "--wait", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["status"], ran.json["selected"]) == (Status.COMPLETED, 1)
    assert ran.json["left_out"] == [{"user": cast.ann.pk, "why": "in_request", "request": earlier}]
    assert not User.objects.filter(pk=cast.bob.pk).exists()
    assert User.objects.filter(pk=cast.ann.pk).exists()


def test_a_batch_of_a_month_takes_more_than_fifty(run, cast, settings):
    settings.PURGE_RATE_GUARD = 1_000
    moment = datetime(2025, 7, 10, 12, tzinfo=UTC)
    many = [UserFactory(account=cast.acme, deleted_at=moment) for _n in range(52)]
    where = ["--account", cast.acme.subdomain, "--batch", "--month", "2025-07", "--yes"]
    ran = run("purge_submit", *where, "--limit", "51")
    assert ran.code == 0, ran.err
    assert PurgeRequest.objects.get().selected_count == 51
    rest = run("purge_submit", *where)
    assert rest.code == 0, rest.err
    assert set(PurgeRequest.objects.latest("pk").subjects.values_list("person_id", flat=True)) == {many[51].pk}


@pytest.mark.parametrize("extra", [["--initiator", "admin@acme.example"], ["--email", "ann@x.org"]])
def test_a_batch_is_of_no_administrator_and_of_no_address(run, cast, extra):
    people = [] if "--email" in extra else ["--user", "U-1001"]
    ran = run("purge_submit", "--account", cast.acme.subdomain, "--batch", "--yes", *people, *extra)
    assert (ran.code, PurgeRequest.objects.count()) == (2, 0)
    assert "--batch goes with --user or --month" in ran.err


def test_without_a_batch_somebody_has_to_ask_for_it(run, cast):
    ran = run("purge_submit", "--account", cast.acme.subdomain, "--user", "U-1001", "--yes")
    assert (ran.code, PurgeRequest.objects.count()) == (2, 0)
    assert "--initiator" in ran.err


def test_a_batch_asks_for_its_number_at_a_terminal(run, cast):
    ran = run("purge_submit", "--account", cast.acme.subdomain, "--batch", "--user", "U-1001")
    assert (ran.code, PurgeRequest.objects.count()) == (2, 0)
    assert "1 deleted user(s) to be erased for good" in ran.err
    assert "add --yes" in ran.err
