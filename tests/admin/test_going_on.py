"""Release and Try again: behind the red page, which shows whom and what, and takes a number and a password."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from messaging.models import Notification
from purge import services
from purge.choices import Fate, Status
from purge.models import PurgeRequest, Subject
from purge.pages.freshness import CONFIRMED_AT, FRESH_SECONDS
from purge.run.notifications import notify_trouble
from tests.factories.learning import CourseFactory, EnrolmentFactory
from tests.factories.users import AccountFactory, UserFactory, trial_with_creator
from users.models import AccountKind, User

pytestmark = pytest.mark.django_db

REQUESTS = "/admin/purge/purgerequest/"
EMAIL = "founder@trial.example"


@pytest.fixture
def platform():
    return AccountFactory(kind=AccountKind.SYSTEM, name="Platform")


@pytest.fixture
def operator(platform):
    return UserFactory(account=platform, is_superuser=True, password="pass-word-1")


@pytest.fixture
def support(platform):
    return UserFactory(account=platform, is_support=True, password="pass-word-1")


@pytest.fixture
def held(account):
    """A message of the identity provider over a trial of 52 other people, and one match elsewhere: 54 people."""
    trial, _founder = trial_with_creator(email=EMAIL, name="Fran Founder")
    type(trial).objects.filter(pk=trial.pk).update(name="Big Trial")
    members = [UserFactory(account=trial, name=f"Member {n:02}") for n in range(52)]
    EnrolmentFactory(user=members[0], course=CourseFactory(account=trial, author=None))
    other, _creator = trial_with_creator(email="else@trial.example")
    type(other).objects.filter(pk=other.pk).update(name="Small Trial")
    UserFactory(account=other, email=EMAIL, name="Fran Again")
    purge_request = services.purge_submit_ims(email=EMAIL)
    assert purge_request.status == Status.HELD
    return purge_request


@pytest.fixture
def stopped(account, admin, deleted):
    """A request of two people of the account and a match in a trial that has stopped."""
    people = [deleted(name="Lee Leaver", email="lee@leaver.example"), deleted(name="Sam Leaver")]
    EnrolmentFactory(user=people[0])
    trial, _creator = trial_with_creator()
    type(trial).objects.filter(pk=trial.pk).update(name="Somebody’s Trial")
    match = UserFactory(account=trial, email="lee@leaver.example", name="Lee In Trial")
    EnrolmentFactory.create_batch(3, user=match)
    purge_request = services.purge_submit(
        acting_user=admin, account_id=account.pk, user_ids=[each.pk for each in people]
    )
    PurgeRequest.objects.filter(pk=purge_request.pk).update(status=Status.NEEDS_ATTENTION, error_class="WorkerDied")
    return purge_request


def ask(client, purge_request, way):
    return client.post(f"{REQUESTS}{purge_request.pk}/{way}/")


def confirm(client, purge_request, way, page, **typed):
    return client.post(f"{REQUESTS}{purge_request.pk}/{way}/", {"plan": page.context["plan"], **typed}, follow=True)


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def status_of(purge_request) -> str:
    return PurgeRequest.objects.values_list("status", flat=True).get(pk=purge_request.pk)


# ---------------------------------------------------------------- release


def test_of_one_person_no_number_is_asked(client, operator):
    """There is nothing to count; of two there is."""
    _trial, _founder = trial_with_creator(email=EMAIL, name="Fran Founder")
    one = services.purge_submit_ims(email=EMAIL)
    PurgeRequest.objects.filter(pk=one.pk).update(status=Status.HELD)
    client.force_login(operator)
    page = ask(client, one, "release")
    assert "1 person will be erased for good" in text_of(page)
    assert 'name="number"' not in text_of(page)
    assert "is released and goes on" in text_of(confirm(client, one, "release", page))
    assert status_of(one) == Status.QUEUED


@pytest.mark.both_databases
def test_one_click_releases_nothing(client, operator, held):
    client.force_login(operator)
    page = ask(client, held, "release")
    assert page.status_code == 200
    assert (status_of(held), held.ledger.filter(event="released").count()) == (Status.HELD, 0)
    assert User.objects.filter(email=EMAIL).count() == 2


@pytest.mark.both_databases
def test_the_page_shows_people_by_account_counts_and_takes_the_number(client, operator, held):
    client.force_login(operator)
    page = ask(client, held, "release")
    text = text_of(page)
    assert "54 people will be erased for good" in text
    assert "Big Trial: 53 people" in text
    assert "Small Trial: 1 person" in text
    for name in ("Fran Founder", "Fran Again", "Member 00", "Member 51"):
        assert name in text
    assert EMAIL in text
    assert re.search(r"Deleted: enrolments</span> <strong>1 ?<", text)
    assert f'href="/admin/purge/purgerequest/{held.pk}/change/" autofocus>Cancel' in text
    assert "Go back" not in text
    wrong = confirm(client, held, "release", page, number="53")
    assert "You typed 53, but the page says 54. Nothing was erased." in text_of(wrong)
    assert status_of(held) == Status.HELD
    done = confirm(client, held, "release", wrong, number="54")
    assert "is released and goes on" in text_of(done)
    assert status_of(held) == Status.QUEUED


def test_who_comes_to_be_erased_after_the_page_is_shown_is_asked_about_again(client, operator, held):
    client.force_login(operator)
    page = ask(client, held, "release")
    late = UserFactory(account=AccountFactory(kind=AccountKind.TRIAL, name="Late Trial"), name="Late Comer")
    Subject.objects.create(request=held, person_id=late.pk, account_id=late.account_id, role="match")
    again = confirm(client, held, "release", page, number="54")
    assert "Something has changed since this page was shown" in text_of(again)
    assert "Late Comer" in text_of(again)
    assert status_of(held) == Status.HELD
    confirm(client, held, "release", again, number="55")
    assert status_of(held) == Status.QUEUED


def test_a_plan_of_another_user_button_or_request_is_asked_again(client, operator, platform, held, stopped):
    client.force_login(operator)
    release, retry = ask(client, held, "release"), ask(client, stopped, "retry")
    again = confirm(client, held, "release", retry, number="54")
    assert "Something has changed" in text_of(again)
    client.force_login(UserFactory(account=platform, is_superuser=True))
    assert "Something has changed" in text_of(confirm(client, held, "release", release, number="54"))
    assert status_of(held) == Status.HELD


def test_signing_out_and_a_day_end_what_was_shown(client, operator, held, monkeypatch, settings):
    from django.core import signing

    # A session that outlives what was shown.
    settings.LMS_SESSION_IDLE = settings.SESSION_COOKIE_AGE = 48 * 3600

    client.force_login(operator)
    page = ask(client, held, "release")
    client.post("/admin/logout/")
    client.force_login(User.objects.get(pk=operator.pk))
    again = confirm(client, held, "release", page, number="54")
    assert "Something has changed" in text_of(again)
    now = time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + 25 * 3600)
    session = client.session
    session[CONFIRMED_AT] = now + 25 * 3600
    session.save()
    assert "Something has changed" in text_of(confirm(client, held, "release", again, number="54"))
    assert status_of(held) == Status.HELD


def test_the_password_is_asked_by_the_same_rule_as_before_a_purge(client, operator, held):
    client.force_login(operator)
    session = client.session
    session[CONFIRMED_AT] = time.time() - FRESH_SECONDS - 60
    session.save()
    page = ask(client, held, "release")
    assert "Your password" in text_of(page)
    assert "This is not your password." in text_of(confirm(client, held, "release", page, number="54", password="no"))
    assert "This field is required." in text_of(confirm(client, held, "release", page, number="54"))
    assert status_of(held) == Status.HELD
    confirm(client, held, "release", page, number="54", password="pass-word-1")
    assert status_of(held) == Status.QUEUED


def test_within_fifteen_minutes_it_is_not_asked(client, operator, held):
    client.force_login(operator)
    User.objects.filter(pk=operator.pk).update(last_login=timezone.now() - timedelta(days=1))
    session = client.session
    session[CONFIRMED_AT] = time.time() - 60
    session.save()
    page = ask(client, held, "release")
    assert "Your password" not in text_of(page)
    confirm(client, held, "release", page, number="54")
    assert status_of(held) == Status.QUEUED


def test_a_form_that_forgets_to_ask_is_stopped_by_the_service(client, operator, admin, held, stopped, monkeypatch):
    """The page "Confirm that it is you" comes instead, carries what was typed, and goes on with the password."""
    monkeypatch.setattr("purge.pages.freshness.sign_in_is_fresh", lambda request: True)
    for request, way, number in ((held, "release", "54"), (stopped, "retry", "3")):
        before = status_of(request)
        client.force_login(operator)
        session = client.session
        session[CONFIRMED_AT] = time.time() - FRESH_SECONDS - 60
        session.save()
        page = ask(client, request, way)
        asked = confirm(client, request, way, page, number=number)
        assert "Confirm that it is you" in text_of(asked)
        assert f'name="number" value="{number}"' in text_of(asked)
        assert status_of(request) == before
        confirm(client, request, way, page, number=number, confirm_password="no")
        assert status_of(request) == before
        confirm(client, request, way, page, number=number, confirm_password="pass-word-1")
        assert status_of(request) == Status.QUEUED


@pytest.mark.parametrize("who", ["admin", "support"])
def test_nobody_else_releases_or_reads_the_page(client, held, stopped, who, request):
    PurgeRequest.objects.filter(pk=stopped.pk).update(status=Status.HELD, held_reason="rate")
    client.force_login(request.getfixturevalue(who))
    refused = ask(client, stopped, "release")
    assert refused.status_code == 403
    assert "Lee In Trial" not in refused.content.decode()
    assert status_of(stopped) == Status.HELD


def test_what_does_not_wait_is_not_released(client, operator, stopped):
    client.force_login(operator)
    answer = client.post(f"{REQUESTS}{stopped.pk}/release/", follow=True)
    assert "does not wait for the platform" in text_of(answer)
    assert status_of(stopped) == Status.NEEDS_ATTENTION


# ---------------------------------------------------------------- try again


def test_an_administrator_reads_their_own_people_and_nothing_of_other_accounts(client, admin, stopped):
    client.force_login(admin)
    page = ask(client, stopped, "retry")
    text = text_of(page)
    assert "2 people will be erased for good" in text
    assert "Acme: 2 people" in text
    assert "Lee Leaver" in text
    assert re.search(r"Deleted: enrolments</span> <strong>1 ?<", text)
    assert "Lee In Trial" not in text
    assert "Somebody’s Trial" not in text
    assert status_of(stopped) == Status.NEEDS_ATTENTION
    confirm(client, stopped, "retry", page, number="2")
    assert status_of(stopped) == Status.QUEUED


def test_support_reads_numbers_by_account_and_no_name(client, support, stopped):
    client.force_login(support)
    page = ask(client, stopped, "retry")
    text = text_of(page)
    assert "3 people will be erased for good" in text
    assert "Acme: 2 people" in text
    assert "Somebody’s Trial: 1 person" in text
    assert re.search(r"Deleted: enrolments</span> <strong>4 ?<", text)
    for personal in ("Lee Leaver", "Lee In Trial", "lee@leaver.example"):
        assert personal not in text
    confirm(client, stopped, "retry", page, number="3")
    assert status_of(stopped) == Status.QUEUED


def test_when_everybody_is_gone_the_number_is_that_of_the_places(client, support, stopped):
    stopped.subjects.update(fate=Fate.ERASED)
    PurgeRequest.objects.filter(pk=stopped.pk).update(status=Status.RESIDUE, residue_left=2, people_left=0)
    client.force_login(support)
    page = ask(client, stopped, "retry")
    text = text_of(page)
    assert "The people are erased already" in text
    assert "Something was found in 2 places." in text
    confirm(client, stopped, "retry", page, number="1")
    assert status_of(stopped) == Status.RESIDUE
    confirm(client, stopped, "retry", page, number="2")
    assert status_of(stopped) == Status.QUEUED


def test_an_account_reads_no_number_of_places_since_they_may_be_others(client, admin, support, stopped):
    """Page, red page and notification; support reads how many on each."""
    Subject.objects.filter(request=stopped).update(fate=Fate.ERASED)
    PurgeRequest.objects.filter(pk=stopped.pk).update(status=Status.RESIDUE, residue_left=7, people_left=0)
    stopped.refresh_from_db()
    notify_trouble(stopped, "residue")
    told = {each.recipient_id: each.text for each in Notification.objects.filter(kind="residue")}
    seen = {}
    for reader in (admin, support):
        client.force_login(reader)
        own = client.get(f"{REQUESTS}{stopped.pk}/change/").content.decode()
        red = ask(client, stopped, "retry")
        seen[reader.pk] = [re.sub(r"<[^>]+>", " ", own), text_of(red), told[reader.pk]]
    assert all(re.search(r"\b7 places\b", text) for text in seen[support.pk])
    for text in seen[admin.pk]:
        assert re.search(r"(?i)data was found|erased already", text)
        assert not re.search(r"\b7 place|\bin \d+ place", text)
    client.force_login(admin)
    confirm(client, stopped, "retry", ask(client, stopped, "retry"))
    assert status_of(stopped) == Status.QUEUED


def test_a_person_of_another_account_reads_nothing(client, stopped):
    client.force_login(UserFactory(account=AccountFactory(), roles=["administrator"]))
    assert ask(client, stopped, "retry").status_code == 404


def test_a_get_shows_nothing(client, operator, held):
    client.force_login(operator)
    assert client.get(f"{REQUESTS}{held.pk}/release/")["Location"] == f"{REQUESTS}{held.pk}/change/"
    assert status_of(held) == Status.HELD
