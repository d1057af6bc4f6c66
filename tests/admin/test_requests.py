"""Purge requests, their page and buttons, look-ups, notices, data map and routes: who sees what, and what is said."""

import contextlib
import json
import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from connectors.models import ConnectorState
from purge.choices import NoticeState, Status
from purge.models import FollowUp, ImsNotice, LookUp, PurgeRequest, PurgeStep, Residue
from purge.routes.policy import policies
from purge.rules.registry import get_registry
from purge.services import follow_up_done, purge_cancel, purge_submit, purge_submit_address, purge_submit_ims
from purge.tasks import run_request
from purge.upkeep import paused
from tests.factories.connectors import ApplicationGrantFactory, ConnectorFactory, FtpSettingsFactory
from tests.factories.learning import EnrolmentFactory, SessionInstructorFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory, trial_with_creator
from users.models import User, UserState

pytestmark = pytest.mark.django_db

REQUESTS = "/admin/purge/purgerequest/"
NOTICES = "/admin/purge/imsnotice/"


@pytest.fixture
def support():
    return UserFactory(is_support=True, name="Sam Support")


@pytest.fixture
def operator():
    return UserFactory(is_superuser=True)


@pytest.fixture
def stranger():
    """An administrator of another account."""
    return AdministratorFactory(account=AccountFactory(name="Other Ltd"))


@pytest.fixture
def purge(account, admin, deleted):
    """Accepts the purge of one deleted user, or of those given."""

    def accept(*people):
        people = people or (deleted(),)
        return purge_submit(acting_user=admin, account_id=account.pk, user_ids=[person.pk for person in people])

    return accept


@pytest.fixture
def seen(client):
    """The text of a page, as somebody sees it."""

    def get(user, url, expected=200):
        client.force_login(user)
        response = client.get(url)
        assert response.status_code == expected
        return re.sub(r"\s+", " ", response.content.decode())

    return get


def page_of(purge_request):
    return f"{REQUESTS}{purge_request.pk}/change/"


def troubled(purge_request, **changes):
    PurgeRequest.objects.filter(pk=purge_request.pk).update(**changes)
    purge_request.refresh_from_db()
    return purge_request


# ---------------------------------------------------------------- who sees what


def test_administrators_see_their_accounts_requests_support_sees_all(seen, purge, admin, support, stranger):
    purge_request = purge()
    assert purge_request.reference in seen(admin, REQUESTS)
    assert purge_request.reference not in seen(stranger, REQUESTS)
    text = seen(support, REQUESTS)
    assert purge_request.reference in text
    assert "Acme" in text


def test_support_reads_no_personal_data(seen, purge, support, admin, deleted):
    person = deleted(name="Ann Lee", email="ann@people.example")
    purge_request = purge(person)
    for text in (seen(support, REQUESTS), seen(support, page_of(purge_request))):
        for personal in (person.name, person.email, admin.name, admin.email):
            assert personal not in text


@pytest.mark.parametrize("end", ["change/", "progress/"])
def test_a_request_of_another_account_does_not_exist_for_you(seen, purge, admin, stranger, end):
    purge_request = purge()
    seen(admin, f"{REQUESTS}{purge_request.pk}/{end}")
    seen(stranger, f"{REQUESTS}{purge_request.pk}/{end}", expected=404)
    seen(stranger, f"{REQUESTS}999999/{end}", expected=404)


@pytest.mark.parametrize("button", ["retry", "cancel", "release"])
def test_the_buttons_of_another_accounts_request_do_not_exist_for_you(client, purge, stranger, button):
    purge_request = purge()
    client.force_login(stranger)
    assert client.post(f"{REQUESTS}{purge_request.pk}/{button}/").status_code == 404
    purge_request.refresh_from_db()
    assert purge_request.status == Status.QUEUED


def test_an_ordinary_user_is_sent_away(client, account):
    client.force_login(UserFactory(account=account))
    assert client.get(REQUESTS).status_code == 302


def test_requests_are_not_added_changed_or_deleted_by_hand(client, operator, purge):
    purge_request = purge()
    client.force_login(operator)
    assert client.get(f"{REQUESTS}add/").status_code == 403
    assert client.post(f"{REQUESTS}{purge_request.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(page_of(purge_request), {"status": "completed"})
    purge_request.refresh_from_db()
    assert purge_request.status == Status.QUEUED


@pytest.mark.both_databases
@pytest.mark.parametrize("typed", ["{0}", "{1}", "{2}", "pur {3}"])
def test_the_list_is_searched_by_request_id_however_it_is_typed(seen, purge, admin, deleted, typed):
    purge_request, other = purge(), purge()
    body = purge_request.reference.removeprefix("PUR-")
    query = typed.format(purge_request.reference, purge_request.reference.lower(), body, body.replace("-", " "))
    text = seen(admin, f"{REQUESTS}?q={query}")
    assert purge_request.reference in text
    assert other.reference not in text


@pytest.mark.both_databases
def test_the_list_asks_the_same_number_of_questions_whatever_its_length(
    seen, purge, support, django_assert_max_num_queries
):
    purge()
    seen(support, REQUESTS)
    with django_assert_max_num_queries(60) as few:
        seen(support, REQUESTS)
    for _n in range(5):
        purge()
    with django_assert_max_num_queries(len(few)):
        seen(support, REQUESTS)


# ---------------------------------------------------------------- the page


def test_the_page_of_a_queued_request_shows_what_happens_next(seen, purge, admin):
    purge_request = purge()
    text = seen(admin, page_of(purge_request))
    for words in (
        purge_request.reference,
        "Waiting for its turn",
        "Day 1 of 30",
        "nothing for you to do",
        "<dt>Type of purge</dt><dd>Users of an enterprise account</dd>",
        "<dt>Started by</dt><dd>Admin, Ada Admin</dd>",
    ):
        assert words in text
    assert "<dt>Route</dt>" not in text
    assert '<meta http-equiv="refresh" content="5">' in text
    assert "Cancel this request" in text


def test_the_page_of_a_completed_request_shows_the_ledger_and_the_proof(seen, purge, admin, deleted):
    person = deleted()
    EnrolmentFactory.create_batch(3, user=person)
    purge_request = purge(person)
    run_request(purge_request.pk)
    text = seen(admin, page_of(purge_request))
    assert "Completed and verified" in text
    assert "<td>Deleted: enrolments</td><td>3</td><td>3</td><td>0</td>" in text
    assert "other places were checked and contained nothing" in text
    assert "http-equiv" not in text
    assert person.name not in text


def test_a_completed_request_says_how_long_it_took_and_how_many_were_erased(seen, purge, admin, support, deleted):
    """The account reads of its own people, support of all."""
    person, other = deleted(email="ann@people.example"), deleted()
    trial, _creator = trial_with_creator()
    UserFactory(account=trial, email="ann@people.example")
    purge_request = purge(person, other)
    assert "Time to completion" not in seen(admin, page_of(purge_request))
    run_request(purge_request.pk)
    purge_request.refresh_from_db()
    troubled(purge_request, accepted_at=purge_request.completed_at - timedelta(hours=5))
    text = seen(admin, page_of(purge_request))
    assert "<dt>Time to completion</dt><dd>5 hours</dd>" in text
    assert "<dt>People selected</dt><dd>2</dd>" in text
    assert "<p>2 users were erased.</p>" in text
    assert "<p>3 users were erased.</p>" in seen(support, page_of(purge_request))


def test_a_request_about_an_address_alone_counts_no_people(seen, account, admin):
    purge_request = purge_submit_address(acting_user=admin, account_id=account.pk, address="boss@outside.example")
    run_request(purge_request.pk)
    text = seen(admin, page_of(purge_request))
    assert "Completed and verified" in text
    assert "People selected" not in text
    assert "erased.</p>" not in text


def test_owners_outside_are_offered_where_there_are_any(seen, purge, admin, deleted):
    """Also of a request that was reopened: whose people are gone, of them nothing can be listed."""
    person = deleted()
    ApplicationGrantFactory(user=person, application__account=person.account)
    elsewhere = deleted()
    ApplicationGrantFactory(user=elsewhere, application__account=AccountFactory())
    offered = "Save the list of owners now"
    assert offered not in seen(admin, page_of(purge(deleted())))
    assert offered not in seen(admin, page_of(purge(elsewhere)))
    purge_request = purge(person)
    assert offered in seen(admin, page_of(purge_request))
    run_request(purge_request.pk)
    troubled(purge_request, status=Status.RESIDUE, residue_left=1, reopened=True)
    assert offered not in seen(admin, page_of(purge_request))


def test_progress_is_told_in_numbers_and_words(seen, purge, admin, deleted):
    person = deleted()
    EnrolmentFactory.create_batch(3, user=person)
    purge_request = purge(person)
    before = json.loads(seen(admin, f"{REQUESTS}{purge_request.pk}/progress/"))
    assert (before["state"], before["page"], before["percent"]) == ("waiting", "working", 0)
    run_request(purge_request.pk)
    after = json.loads(seen(admin, f"{REQUESTS}{purge_request.pk}/progress/"))
    assert (after["state"], after["page"], after["percent"]) == ("completed", "completed", 100)
    assert ["Deleted: enrolments", "3", "3", "0"] in after["lines"]


def test_time_left_is_said_only_once_it_is_known_well(seen, purge, admin):
    purge_request = troubled(purge(), status=Status.RUNNING, planned=True, rows_planned=1000, rows_done=500)
    PurgeStep.objects.create(
        request=purge_request,
        position=0,
        key="learning.Enrolment.user",
        planned=1000,
        done=500,
        own_planned=1000,
        own_done=500,
    )
    url = f"{REQUESTS}{purge_request.pk}/progress/"
    troubled(purge_request, started_at=timezone.now() - timedelta(seconds=5), steps_left=1)
    assert json.loads(seen(admin, url))["left"] == ""
    troubled(purge_request, started_at=timezone.now() - timedelta(minutes=10))
    answer = json.loads(seen(admin, url))
    assert answer["left"] == "about 10 minutes left"
    assert answer["step"] == "Deleted: enrolments"
    assert answer["rows"] == "500 of 1,000 rows"
    assert 0 < answer["percent"] < 90


def test_the_bar_is_not_full_before_the_proof(seen, purge, admin):
    purge_request = troubled(purge(), status=Status.VERIFYING, planned=True, rows_planned=10, rows_done=10)
    assert json.loads(seen(admin, f"{REQUESTS}{purge_request.pk}/progress/"))["percent"] < 100


def test_an_overdue_request_says_so_on_list_and_page(seen, purge, admin):
    purge_request = purge()
    past = timezone.now() - timedelta(days=40)
    troubled(purge_request, accepted_at=past, due_at=past + timedelta(days=30))
    assert "Overdue" in seen(admin, REQUESTS)
    assert "Overdue: it should have been completed after 30 days" in seen(admin, page_of(purge_request))


def test_kept_creators_are_said_with_how_to_have_them_erased(seen, purge, admin):
    purge_request = purge()
    run_request(purge_request.pk)
    troubled(purge_request, kept_count=2)
    words = "1 row was kept: the creator of a trial account. An administrator"
    # Of other accounts nobody here reads whether somebody was kept.
    purge_request.subjects.create(person_id=8_001, account_id=999_999, role="kept", fate="kept")
    assert "kept: the creator" not in seen(admin, page_of(purge_request))
    purge_request.subjects.create(person_id=8_002, account_id=purge_request.account_id, role="kept", fate="kept")
    assert words in seen(admin, page_of(purge_request))


def test_an_account_reads_one_sentence_about_creators_whether_there_is_one_or_not(seen, purge, admin, support, deleted):
    words = "Whoever created a trial account with one of these addresses keeps their row there."
    trial_with_creator(email="founder@x.example")
    lone, known = purge(deleted(email="lone@x.example")), purge(deleted(email="founder@x.example"))
    for purge_request in (lone, known):
        assert words not in seen(admin, page_of(purge_request))
        run_request(purge_request.pk)
        assert words in seen(admin, page_of(purge_request))
        assert words not in seen(support, page_of(purge_request))
    assert "1 row was kept: the creator of a trial account" in seen(support, page_of(known))
    assert "row was kept" not in seen(support, page_of(lone)) + seen(admin, page_of(known)) + seen(admin, page_of(lone))
    # Where a route keeps nobody for being a creator it says nothing.
    address = purge_submit_address(acting_user=admin, account_id=admin.account_id, address="nobody@x.example")
    run_request(address.pk)
    assert words not in seen(admin, page_of(address))


# ---------------------------------------------------------------- trouble


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("PersonCannotBeDeleted", "the table “odd_table” still refers to them"),
        ("WorkerDied", "The worker stopped again and again"),
        ("HashKeyMissing", "The key that recognises purged addresses"),
        ("OperationalError", "The database could not be reached"),
        ("ZeroDivisionError", "ZeroDivisionError at “odd_table”"),
    ],
)
def test_what_failed_is_said_in_plain_words_with_who_acts_next(seen, purge, admin, error, words):
    purge_request = troubled(
        purge(), status=Status.NEEDS_ATTENTION, error_class=error, error_step="odd_table", planned=True
    )
    text = seen(admin, page_of(purge_request))
    assert words in text
    assert "support: give them the request ID" in text
    assert "Try again" in text


def test_a_failed_attempt_says_when_it_is_tried_again(seen, purge, admin):
    later = timezone.now() + timedelta(minutes=8, seconds=30)
    purge_request = troubled(purge(), next_attempt_at=later, attempts=2, error_class="OperationalError")
    text = seen(admin, page_of(purge_request))
    assert "tried again by itself in about 8 minutes (attempt 3)" in text
    assert json.loads(seen(admin, f"{REQUESTS}{purge_request.pk}/progress/"))["page"] == "waiting-2"


def test_residue_names_its_places_and_their_number_to_support_alone(seen, purge, admin, support):
    """They may be another account's."""
    purge_request = troubled(purge(), status=Status.RESIDUE, residue_left=1, planned=True, reopened=True)
    Residue.objects.create(request=purge_request, table="odd_table", column="odd_text", row="77", ruled=False)
    own, theirs = seen(admin, page_of(purge_request)), seen(support, page_of(purge_request))
    assert "found in 1 place that should have none" in theirs
    assert "personal data was found where there should be none" in own
    assert "1 place" not in own
    assert "odd_table" not in own
    assert "odd_table.odd_text" in theirs
    assert "Write one in the purge_rules.py" in theirs


@pytest.mark.parametrize("who", ["admin", "support", "operator"])
def test_administrators_support_and_operators_try_again(client, purge, who, request):
    user = request.getfixturevalue(who)
    row = troubled(purge(), status=Status.NEEDS_ATTENTION, error_class="WorkerDied", planned=True)
    client.force_login(user)
    assert "Try again" in client.get(page_of(row)).content.decode()
    page = client.post(f"{REQUESTS}{row.pk}/retry/")
    answer = client.post(f"{REQUESTS}{row.pk}/retry/", {"plan": page.context["plan"], "number": "1"}, follow=True)
    assert "is tried again" in answer.content.decode()
    row.refresh_from_db()
    assert row.status == Status.QUEUED


def test_a_completed_request_is_not_tried_again(client, purge, admin):
    purge_request = purge()
    run_request(purge_request.pk)
    client.force_login(admin)
    assert "nothing to try again" in client.post(f"{REQUESTS}{purge_request.pk}/retry/", follow=True).content.decode()
    purge_request.refresh_from_db()
    assert purge_request.status == Status.COMPLETED


def test_cancelling_gives_the_people_back_as_long_as_nothing_has_begun(client, purge, admin, deleted):
    person = deleted()
    purge_request = purge(person)
    client.force_login(admin)
    client.post(f"{REQUESTS}{purge_request.pk}/cancel/")
    purge_request.refresh_from_db()
    person.refresh_from_db()
    assert (purge_request.status, person.state) == (Status.CANCELLED, UserState.DELETED)
    assert "Cancel this request" not in client.get(page_of(purge_request)).content.decode()


def test_a_request_that_has_begun_is_not_cancelled(client, purge, admin):
    purge_request = purge()
    run_request(purge_request.pk)
    client.force_login(admin)
    assert "cannot be cancelled" in client.post(f"{REQUESTS}{purge_request.pk}/cancel/", follow=True).content.decode()


@pytest.mark.parametrize("may_purge", [False])
def test_without_the_purge_permission_nobody_cancels(client, account, purge, may_purge):
    purge_request = purge()
    client.force_login(AdministratorFactory(account=account, may_purge=may_purge))
    assert "Cancel this request" not in client.get(page_of(purge_request)).content.decode()
    assert client.post(f"{REQUESTS}{purge_request.pk}/cancel/").status_code == 403
    purge_request.refresh_from_db()
    assert purge_request.status == Status.QUEUED


def test_an_operator_releases_a_held_request_and_nobody_else(client, purge, admin, support, operator):
    purge_request = troubled(purge(), status=Status.HELD, held_reason="rate")
    for user in (admin, support):
        client.force_login(user)
        text = client.get(page_of(purge_request)).content.decode()
        assert ("reach unusually many users" in text) is (user is support)
        assert "Waiting for the platform&#x27;s check" in text
        assert "an operator of the platform" in text
        assert client.post(f"{REQUESTS}{purge_request.pk}/release/").status_code == 403
    client.force_login(operator)
    assert "Release" in client.get(page_of(purge_request)).content.decode()
    page = client.post(f"{REQUESTS}{purge_request.pk}/release/")
    client.post(f"{REQUESTS}{purge_request.pk}/release/", {"plan": page.context["plan"], "number": "1"})
    purge_request.refresh_from_db()
    assert purge_request.status == Status.QUEUED


# ---------------------------------------------------------------- left for people to do


@pytest.fixture
def left_over(purge, account, deleted, session_to_come):
    """A completed request that stopped a connector and left a session alone."""
    person = deleted()
    connector = ConnectorFactory(account=account, name="Night feed", state=ConnectorState.ENABLED)
    FtpSettingsFactory(connector=connector, contact_email=person.email)
    SessionInstructorFactory(session=session_to_come(title="Fire drill"), user=person)
    purge_request = purge(person)
    run_request(purge_request.pk)
    purge_request.refresh_from_db()
    assert purge_request.status == Status.COMPLETED
    return purge_request


def test_what_is_left_to_do_is_a_checklist_that_is_ticked_with_who_and_when(client, left_over, admin):
    client.force_login(admin)
    text = client.get(page_of(left_over)).content.decode()
    assert "Night feed" in text
    assert "Fire drill" in text
    assert "2 open" in text
    for task in left_over.follow_ups.all():
        client.post(f"{REQUESTS}{left_over.pk}/follow-ups/{task.pk}/done/")
    text = client.get(page_of(left_over)).content.decode()
    assert "0 open" in text
    assert text.count("done by Ada Admin") == 2


def test_what_is_left_to_do_is_in_sight_until_it_is_done(client, left_over, admin, support, stranger):
    def seen_by(user, url):
        client.force_login(user)
        return re.sub(r"\s+", " ", client.get(url).content.decode())

    def said():
        out = StringIO()
        with contextlib.suppress(CommandError):
            call_command("purge_status", left_over.reference, stdout=out)
        return out.getvalue()

    tile = 'To do</span> <span class="tile-value">%s</span>'
    assert tile % 2 in seen_by(admin, "/admin/")
    assert tile % 0 in seen_by(stranger, "/admin/")
    assert "you, 2 to-dos" in seen_by(admin, REQUESTS)
    assert left_over.reference in seen_by(admin, f"{REQUESTS}?todo=open")
    assert "you, 2 to-dos" in seen_by(admin, page_of(left_over))
    for url in (REQUESTS, page_of(left_over)):
        assert "the account&#x27;s administrators, 2 to-dos" in seen_by(support, url)
    assert "acts next   the account's administrators, 2 to-dos\n" in said()
    for task in left_over.follow_ups.all():
        follow_up_done(acting_user=admin, follow_up=task, why="not_needed")
    assert tile % 0 in seen_by(admin, "/admin/")
    assert "to-dos" not in seen_by(admin, REQUESTS)
    assert left_over.reference not in seen_by(admin, f"{REQUESTS}?todo=open").split("changelist-form")[-1]
    assert "acts next   nobody: the purge is over\n" in said()


def test_a_to_do_is_marked_with_a_reason_and_opened_again_and_the_history_says_both(client, left_over, admin):
    client.force_login(admin)
    task = left_over.follow_ups.order_by("pk").first()
    at = f"{REQUESTS}{left_over.pk}/follow-ups/{task.pk}"
    client.post(f"{at}/done/", {"why": "Ask ann@x.org"})
    task.refresh_from_db()
    assert (task.done_at, task.marked) == (None, "")
    client.post(f"{at}/done/", {"why": "elsewhere"})
    text = client.get(page_of(left_over)).content.decode()
    assert "(somebody else takes care of it)" in text
    assert "Marked as done: something that was left to do" in text
    client.post(f"{at}/undone/")
    task.refresh_from_db()
    assert (task.done_at, task.done_by, task.marked) == (None, None, "")
    assert "Opened again: something that was left to do" in client.get(page_of(left_over)).content.decode()
    events = left_over.ledger.filter(event__startswith="follow_up").order_by("pk")
    assert list(events.values_list("event", "actor_id", "facts")) == [
        ("follow_up_done", admin.pk, {}),
        ("follow_up_undone", admin.pk, {}),
    ]


def test_what_was_done_by_doing_it_has_no_undo(client, left_over, admin, stranger):
    task = left_over.follow_ups.order_by("pk").first()
    FollowUp.objects.filter(pk=task.pk, account_id=task.account_id).update(done_by=admin, done_at=timezone.now())
    client.force_login(admin)
    assert "undone/" not in client.get(page_of(left_over)).content.decode()
    client.post(f"{REQUESTS}{left_over.pk}/follow-ups/{task.pk}/undone/")
    task.refresh_from_db()
    assert task.done_by == admin
    client.force_login(stranger)
    assert client.post(f"{REQUESTS}{left_over.pk}/follow-ups/{task.pk}/undone/").status_code == 404


def test_steps_that_never_were_say_why(seen, purge, admin):
    purge_request = purge()
    assert "The steps are listed here as soon as the plan is made." in seen(admin, page_of(purge_request))
    purge_cancel(acting_user=admin, purge_request=purge_request)
    text = seen(admin, page_of(purge_request))
    assert "The request was cancelled before any step was done." in text
    assert "as soon as the plan is made" not in text
    troubled(
        purge_request,
        status=Status.COMPLETED,
        planned=True,
        people_left=0,
        verified_at=timezone.now(),
        completed_at=timezone.now(),
    )
    assert "No step had a row to erase or change." in seen(admin, page_of(purge_request))


def test_only_the_accounts_administrators_tick(client, left_over, support, stranger):
    task = left_over.follow_ups.first()
    for user, answer in ((support, 403), (stranger, 404)):
        client.force_login(user)
        assert client.post(f"{REQUESTS}{left_over.pk}/follow-ups/{task.pk}/done/").status_code == answer
    task.refresh_from_db()
    assert task.done_at is None


def test_a_task_of_another_request_is_not_ticked_through_this_one(client, left_over, purge, admin):
    client.force_login(admin)
    task = left_over.follow_ups.first()
    assert client.post(f"{REQUESTS}{purge().pk}/follow-ups/{task.pk}/done/").status_code == 404


# ---------------------------------------------------------------- look-ups


def look_up(client, **data):
    return client.post(f"{REQUESTS}look-up/", data)


def test_support_finds_a_request_by_its_id_as_it_was_heard(client, purge, support):
    purge_request = purge()
    client.force_login(support)
    found = look_up(client, text=purge_request.reference.lower().replace("-", " "))
    assert found.url == page_of(purge_request)


def test_a_mistyped_id_is_told_apart_from_an_unknown_one(client, purge, support):
    from purge.references import new_reference

    purge_request = purge()
    client.force_login(support)
    swapped = purge_request.reference[:-1] + ("2" if purge_request.reference[-1] != "2" else "3")
    assert "last character" in look_up(client, text=swapped).content.decode()
    unknown = look_up(client, text=new_reference()).content.decode()
    assert "No purge request has this ID" in unknown
    assert "never occurs" in look_up(client, text="PUR-0000-0000-0").content.decode()


def test_another_accounts_id_is_unknown_to_an_administrator(client, purge, stranger):
    purge_request = purge()
    client.force_login(stranger)
    found = look_up(client, text=purge_request.reference)
    assert found.status_code == 200
    assert "No purge request has this ID" in found.content.decode()


@pytest.mark.parametrize("typed", ["ann@people.example", " ANN@People.example ", "u-77", "U-77"])
def test_was_this_person_purged_answers_with_ids_and_dates(client, purge, support, deleted, typed):
    purge_request = purge(deleted(email="Ann@people.example", unique_user_id="U-77"))
    run_request(purge_request.pk)
    client.force_login(support)
    found = look_up(client, text=typed).content.decode()
    assert purge_request.reference in found
    assert "Completed" in found


def test_the_question_is_kept_hashed_only(client, purge, support, deleted):
    purge(deleted(email="ann@people.example"))
    client.force_login(support)
    look_up(client, text="ann@people.example")
    asked = LookUp.objects.get()
    assert (asked.actor_id, asked.found) == (support.pk, 1)
    assert "ann" not in asked.digest


def test_administrators_look_up_their_own_account_only(client, purge, admin, stranger, deleted):
    purge(deleted(email="ann@people.example"))
    client.force_login(admin)
    assert "PUR-" in look_up(client, text="ann@people.example").content.decode().split("role=")[-1]
    client.force_login(stranger)
    answer = look_up(client, text="ann@people.example").content.decode()
    assert "No purge found for this address or ID." in answer


def test_an_empty_question_is_refused(client, support):
    client.force_login(support)
    assert 'role="alert"' in look_up(client, text="  ").content.decode()
    assert not LookUp.objects.exists()


# ---------------------------------------------------------------- notices


@pytest.fixture
def notice(account, admin):
    UserFactory(account=account, name="Ann Lee", email="ann@people.example")
    purge_submit_ims(email="ann@people.example")
    return ImsNotice.objects.get()


def test_a_notice_links_to_the_user_and_says_what_to_do(seen, notice, admin):
    assert f"Notice {notice.pk}: Ann Lee</a>" in seen(admin, NOTICES)
    assert f"Notice {notice.pk}</a>" in seen(UserFactory(is_superuser=True), NOTICES)
    text = seen(admin, f"{NOTICES}{notice.pk}/change/")
    assert "Ann Lee" in text
    assert f"/admin/users/internaluser/{notice.user_id}/change/" in text
    assert "Once the user is deleted and purged, the notice closes by itself." in text


def test_the_purge_of_a_notices_user_begins_on_its_page(client, notice, account, admin):
    begins = f'href="/admin/users/internaluser/{notice.user_id}/leave/?then=purge">Delete and purge…</a>'
    client.force_login(AdministratorFactory(account=account, may_purge=False))
    assert "purge…" not in client.get(f"{NOTICES}{notice.pk}/change/").content.decode().lower()
    client.force_login(admin)
    assert begins in client.get(f"{NOTICES}{notice.pk}/change/").content.decode()
    deleted = client.post(f"/admin/users/internaluser/{notice.user_id}/leave/")
    assert deleted.status_code == 302
    # Deleted already: its button sends what a tick in User Cleanup sends, and the confirmation asks.
    page = client.get(f"{NOTICES}{notice.pk}/change/").content.decode()
    assert begins not in page
    assert '<button type="submit" class="pg-button">Purge…</button>' in page
    assert f'<input type="hidden" name="_selected_action" value="{notice.user_id}">' in page
    asked = client.post("/admin/users/deleteduser/purge/", {"_selected_action": notice.user_id}, follow=True)
    plan = asked.context["plan"]
    assert client.post(asked.context["action"], {"plan": plan}).status_code == 302
    purge_request = PurgeRequest.objects.latest("pk")
    assert [each.person_id for each in purge_request.subjects.all()] == [notice.user_id]
    assert run_request(purge_request.pk) == "over"
    notice.refresh_from_db()
    assert notice.state == NoticeState.PURGED


def test_declining_closes_the_notice_and_takes_the_address_out(client, notice, admin):
    client.force_login(admin)
    client.post(f"{NOTICES}{notice.pk}/decline/")
    notice.refresh_from_db()
    assert (notice.state, notice.identifier, notice.closed_by_id) == (NoticeState.DECLINED, "", admin.pk)
    assert User.objects.filter(name="Ann Lee", state=UserState.ACTIVE).exists()
    again = client.post(f"{NOTICES}{notice.pk}/decline/", follow=True)
    assert "closed already" in again.content.decode()


def test_notices_are_seen_and_declined_in_their_own_account_only(client, notice, account, stranger, support):
    client.force_login(stranger)
    assert f"Notice {notice.pk}" not in client.get(NOTICES).content.decode()
    assert client.get(f"{NOTICES}{notice.pk}/change/").status_code == 404
    assert client.post(f"{NOTICES}{notice.pk}/decline/").status_code == 404
    client.force_login(support)
    assert client.get(NOTICES).status_code == 403
    client.force_login(AdministratorFactory(account=account, may_purge=False))
    assert client.post(f"{NOTICES}{notice.pk}/decline/").status_code == 403
    notice.refresh_from_db()
    assert notice.state == NoticeState.OPEN


# ---------------------------------------------------------------- data map and routes


def test_the_data_map_lists_every_column_with_its_treatment(seen, admin):
    text = seen(admin, f"{REQUESTS}data-map/")
    columns = list(get_registry().columns())
    assert f"each of {len(columns)} columns" in text
    assert text.count("<td>row deleted</td>") > 10
    assert "the customer&#x27;s address on this platform: small letters, digits, dashes" in text


def test_the_routes_page_is_the_policy_table(client, support):
    client.force_login(support)
    response = client.get(f"{REQUESTS}routes/")
    ticks = [route.ticks for route in response.context["routes"]]
    assert ticks == [
        [
            policy.delete_selected,
            policy.delete_trial_matches,
            policy.delete_matching_creators,
            policy.delete_users_of_created_trials,
            policy.scrub_requesting_account,
            policy.scrub_trial_accounts,
        ]
        for policy in policies().values()
    ]
    assert response.content.decode().count(">Yes<") == sum(map(sum, ticks))


def test_the_data_map_does_not_call_itself_complete_while_a_place_has_no_rule(seen, admin):
    page, complete = f"{REQUESTS}data-map/", "so this page is complete"
    assert complete in seen(admin, page)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE forgotten_people (id integer PRIMARY KEY, who text)")
    try:
        paused.forget()
        text = seen(admin, page)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE forgotten_people")
        paused.forget()
    assert complete not in text
    assert "This page is not complete: some places that may hold personal data have no rule yet." in text
    assert "forgotten_people" not in text


@pytest.mark.parametrize("page", ["look-up/", "data-map/", "routes/"])
def test_the_other_pages_are_for_who_may_follow_purges(client, account, page):
    client.force_login(UserFactory(account=account))
    assert client.get(f"{REQUESTS}{page}").status_code == 302


def test_support_finds_look_up_data_map_and_routes_in_the_navigation(seen, support):
    text = seen(support, REQUESTS)
    for page in ("look-up/", "data-map/", "routes/"):
        assert f'href="{REQUESTS}{page}"' in text


# ---------------------------------------------------------------- one state in every place


def test_list_page_progress_command_and_home_say_the_same_of_a_request(seen, purge, admin, support):
    """Each place on its own would drift from the others; all of them ask one function."""
    held = troubled(purge(), status=Status.HELD, held_reason="rate")
    for user in (admin, support):
        answer = json.loads(seen(user, f"{REQUESTS}{held.pk}/progress/"))
        assert (answer["state"], answer["label"], answer["acts_next"]) == ("waiting", "Waiting", "operator")
        page = seen(user, page_of(held)).replace("&#x27;", "'")
        assert answer["sentence"] in page
        assert "Waiting</span>" in page
        assert "Waiting</span>" in seen(user, REQUESTS)
        assert answer["sentence"] in seen(user, "/admin/").replace("&#x27;", "'")
        for text in (page, seen(user, REQUESTS)):
            assert "Held" not in text


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("waiting", {Status.HELD, Status.QUEUED}),
        ("in_progress", {Status.RUNNING, Status.VERIFYING, Status.ERASED}),
        ("needs_help", {Status.NEEDS_ATTENTION, Status.RESIDUE}),
        ("completed", set()),
        ("cancelled", {Status.CANCELLED}),
    ],
)
def test_the_list_is_filtered_by_the_five_states(seen, purge, admin, state, shown):
    rows = {
        status: troubled(purge(), status=status, lease_until=timezone.now() + timedelta(minutes=5))
        for status in Status.values
        if status != Status.COMPLETED
    }
    text = seen(admin, f"{REQUESTS}?state={state}")
    assert {status for status, row in rows.items() if row.reference in text} == shown
    assert "?state=needs_help" in text


@pytest.mark.both_databases
def test_the_list_is_filtered_by_what_is_overdue(seen, purge, admin):
    late, other = purge(), purge()
    past = timezone.now() - timedelta(days=40)
    troubled(late, accepted_at=past, due_at=past + timedelta(days=30))
    text = seen(admin, f"{REQUESTS}?deadline=overdue")
    assert late.reference in text
    assert other.reference not in text


@pytest.mark.both_databases
def test_the_list_is_filtered_by_account_for_support_and_by_date_for_everybody(seen, purge, admin, support, stranger):
    mine, old = purge(), purge()
    troubled(old, accepted_at=timezone.now() - timedelta(days=9))
    person = UserFactory(account=stranger.account, deleted=True)
    theirs = purge_submit(acting_user=stranger, account_id=stranger.account_id, user_ids=[person.pk])

    def listed(user, query):
        text = seen(user, f"{REQUESTS}?{query}")
        return {row for row in (mine, old, theirs) if row.reference in text}

    text = seen(support, REQUESTS)
    assert f'<a href="?account={stranger.account_id}">Other Ltd</a>' in text
    week = re.search(r'<a href="\?([^"]*)"> *Past 7 days', text).group(1).replace("&amp;", "&")
    assert listed(support, f"account={stranger.account_id}") == {theirs}
    assert listed(support, "account=0") == listed(support, "account=x") == set()
    assert listed(support, week) == {mine, theirs}
    assert listed(admin, week) == {mine}
    assert "By account" not in seen(admin, REQUESTS)


def test_support_reads_what_the_customer_reads(seen, purge, admin, support):
    held = troubled(purge(), status=Status.HELD, held_reason="rate")
    own = json.loads(seen(admin, f"{REQUESTS}{held.pk}/progress/"))["sentence"]
    text = seen(support, page_of(held)).replace("&#x27;", "'")
    assert f"You can tell the customer: {own}" in text
    assert "You can tell the customer" not in seen(admin, page_of(held))


def test_every_moment_of_the_page_is_in_the_accounts_zone_for_everybody(seen, purge, admin, support):
    late = datetime(2026, 11, 28, 23, 10, tzinfo=UTC)
    purge_request = troubled(purge(), accepted_at=late, due_at=late + timedelta(days=30), progress_at=late)
    purge_request.ledger.update(at=late)
    for user in (admin, support):
        text = seen(user, page_of(purge_request))
        assert text.count("29 Nov 2026, 08:10 JST") == 3
        assert "Due</dt><dd>29 Dec 2026, 08:10 JST" in text
        assert "28 Nov" not in text
        assert '29 Dec 2026, 08:10 JST">29 Dec 2026</time>' in seen(user, REQUESTS)


def test_the_page_says_what_is_searched_for_by_kind_and_never_by_name(seen, purge, account, admin, deleted, support):
    person = deleted(email="Ann@x.org", unique_user_id="U-1001", adobe_id="ann-login")
    other_account, _creator = trial_with_creator()
    UserFactory(account=other_account, email="ann@x.org", unique_user_id="T-7")
    purge_request = purge(person, deleted())
    page = seen(admin, page_of(purge_request))
    assert '<h2 id="searched-for">Searched for</h2>' in page
    assert "Not covered: salted hashes of an address, as in badges, that come after the purge" in page
    assert "2 email addresses, in any writing, and their MD5, SHA-1 and SHA-256" in page
    assert "1 login, whole," in page
    assert "1 Unique User ID, in its own account," in page
    assert not any(word.lower() in page.lower() for word in ("Ann@x.org", "U-1001", "ann-login"))
    # Of the match in another account support alone reads.
    assert "2 Unique User IDs, in their own account," in seen(support, page_of(purge_request))
    run_request(purge_request.pk)
    assert "1 login, whole," in seen(admin, page_of(purge_request))
