"""What the people of an account read of their own purge are the counts of that account. Support reads the total."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from messaging.models import Notification
from purge import services
from purge.models import PurgeRequest
from tests.factories.connectors import FtpSettingsFactory
from tests.factories.learning import EnrolmentFactory
from tests.factories.messaging import AnnouncementFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.purge import world as w
from users.models import AccountKind

pytestmark = pytest.mark.django_db

ADDRESS = "somebody@people.example"


@pytest.fixture
def acme():
    return AccountFactory(name="Acme")


@pytest.fixture
def admin(acme):
    return AdministratorFactory(account=acme)


@pytest.fixture
def trial():
    return AccountFactory(kind=AccountKind.TRIAL)


@pytest.fixture
def support():
    return UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_support=True)


def read_by(person, purge_request):
    client = Client()
    client.force_login(person)
    page = client.get(reverse("admin:purge_purgerequest_change", args=[purge_request.pk]))
    progress = client.get(reverse("admin:purge_purgerequest_progress", args=[purge_request.pk]))
    assert page.status_code == progress.status_code == 200
    return page, json.loads(progress.content)


@pytest.mark.both_databases
def test_an_address_that_stands_elsewhere_only_counts_as_nothing_here(acme, admin, trial, support):
    FtpSettingsFactory(connector__account=trial, contact_email=ADDRESS)
    AnnouncementFactory(account=trial, body=f"Ask {ADDRESS}")
    purge_request = services.purge_submit_address(acting_user=admin, account_id=acme.pk, address=ADDRESS)
    assert w.completed(w.run_to_end(purge_request))
    page, progress = read_by(admin, purge_request)
    assert progress["lines"] == []
    assert progress["rows"].startswith("0 of 0 ") or not progress["rows"]
    assert "FTP" not in page.content.decode()
    assert "row" not in Notification.objects.get(recipient=admin, kind="completed").text
    page, progress = read_by(support, purge_request)
    assert sorted(line[2] for line in progress["lines"]) == ["1", "1"]
    assert progress["rows"] == "2 of 2 rows"
    assert "FTP" in page.content.decode()


def test_rows_of_both_accounts_are_told_apart_as_they_are_treated(acme, admin, trial, support):
    ann = UserFactory(account=acme, email=ADDRESS, deleted=True)
    match = UserFactory(account=trial, email=ADDRESS)
    for person, number in ((ann, 3), (match, 4)):
        for _each in range(number):
            EnrolmentFactory(user=person)
    AnnouncementFactory(account=acme, body=f"Ask {ADDRESS}")
    AnnouncementFactory(account=trial, body=f"Ask {ADDRESS}")
    AnnouncementFactory(account=trial, body=f"Ask {ADDRESS} again")
    # Handed over and taken off: rows that are locked and looked up one by one.
    AnnouncementFactory(account=acme, author=ann)
    AnnouncementFactory(account=trial, author=match)
    AnnouncementFactory(account=trial, author=match)
    purge_request = services.purge_submit(acting_user=admin, account_id=acme.pk, user_ids=[ann.pk])
    assert w.completed(w.run_to_end(purge_request))
    steps = {
        step.key: (step.planned, step.done, step.own_planned, step.own_done)
        for step in PurgeRequest.objects.get(pk=purge_request.pk).steps.all()
    }
    assert steps["learning.Enrolment.user"] == (7, 7, 3, 3)
    assert steps["messaging.Announcement#addresses"] == (3, 3, 1, 1)
    assert steps["messaging.Announcement.author"] == (3, 3, 1, 1)
    page, progress = read_by(admin, purge_request)
    assert sorted(line[2] for line in progress["lines"]) == ["1", "1", "3"]
    assert progress["rows"] == "5 of 5 rows"
    assert "Matching users of trial accounts" not in page.content.decode()
    text = Notification.objects.get(recipient=admin, kind="completed").text
    assert "1 person was purged." in text
    assert "5 rows were erased or changed." in text
    assert "further user" not in text
    page, progress = read_by(support, purge_request)
    assert sorted(line[2] for line in progress["lines"]) == ["3", "3", "7"]
    assert progress["rows"] == "13 of 13 rows"
    assert "Matching users of trial accounts" in page.content.decode()


def test_people_of_one_account_cost_no_further_look(acme, admin, django_assert_max_num_queries):
    """Nobody elsewhere goes: all rows that point at the people are the account's own."""
    ann = UserFactory(account=acme, email=ADDRESS, deleted=True)
    for _each in range(3):
        EnrolmentFactory(user=ann)
    purge_request = services.purge_submit(acting_user=admin, account_id=acme.pk, user_ids=[ann.pk])
    assert w.completed(w.run_to_end(purge_request))
    step = PurgeRequest.objects.get(pk=purge_request.pk).steps.get(key="learning.Enrolment.user")
    assert (step.done, step.own_done) == (3, 3)


def test_matches_in_the_own_account_are_its_own(trial, support):
    chief = AdministratorFactory(account=trial)
    gone = UserFactory(account=trial, email=ADDRESS, deleted=True)
    match = UserFactory(account=trial, email="other@people.example", adobe_id=ADDRESS)
    for person in (gone, match):
        EnrolmentFactory(user=person)
    purge_request = services.purge_submit(acting_user=chief, account_id=trial.pk, user_ids=[gone.pk])
    assert w.completed(w.run_to_end(purge_request))
    text = Notification.objects.get(recipient=chief, kind="completed").text
    assert "1 further user was purged with them." in text
    assert "2 rows were erased or changed." in text
