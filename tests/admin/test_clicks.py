"""What the tasks of a day cost: clicks and ticks, and fields that are filled in or chosen, from the signed-in Home.

The numbers are counted by hand, as somebody works without script; beside them stands what the best other product asks
for, of which only clicks are known. They may get smaller, never larger.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from connectors.models import ConnectorState
from messaging.models import Notification
from purge.models import PurgeRequest
from purge.services import purge_submit
from purge.tasks import run_request
from tests.factories.connectors import FtpSettingsFactory
from tests.factories.users import AccountFactory, UserFactory
from tests.pages_at_hand import Visit
from users.models import AccountKind, Role, User

pytestmark = pytest.mark.django_db

#: Task: clicks and ticks here, fields here, clicks in the best other product (None: nobody has it).
TASKS = {
    "one deleted user": (4, 0, 6),
    "a month of fifty": (6, 0, 8),
    "forty named people": (5, 1, 8),
    "an active ex-employee": (5, 0, 5),
    "an address of nobody": (4, 1, None),
    "the request of a notification": (1, 0, 1),
    "a stopped connector, by its request": (3, 1, None),
    "a request by its ID": (2, 1, None),
    "a report over a quarter, as a file": (4, 1, 4),
    "the first administrator of an account": (2, 2, 3),
}


class Hand(Visit):
    """Somebody at Home, whose clicks are counted."""

    def __init__(self, user) -> None:
        super().__init__()
        self.client.force_login(user)
        self.open("/admin/")
        self.clicks = 0

    def follow(self, words: str) -> Visit:
        self.clicks += 1
        return super().follow(words)

    def press(self, button: str, *, fill=None, tick=()) -> Visit:
        self.clicks += 1 + len(tick)
        return super().press(button, fill=fill, tick=tick)

    def unfold(self, words: str) -> None:
        """A click that opens a part of the page."""
        assert words in self.text
        self.clicks += 1

    def took(self, task: str) -> None:
        clicks, fields, elsewhere = TASKS[task]
        assert (self.clicks, len(self.typed)) == (clicks, fields)
        assert elsewhere is None or clicks <= elsewhere

    def has_request(self) -> PurgeRequest:
        purge_request = PurgeRequest.objects.get()
        assert f"Purge request {purge_request.reference}" in self.text
        return purge_request


def test_one_deleted_user(admin, deleted):
    person = deleted()
    hand = Hand(admin)
    hand.follow("User Cleanup")
    hand.press("Purge User", tick=(str(person.pk),))
    hand.press("Permanently purge 1 person")
    assert hand.has_request().selected_count == 1
    hand.took("one deleted user")


def test_a_month_of_fifty(admin, deleted):
    for _n in range(51):
        deleted(deleted_at=datetime(timezone.now().year, 1, 1, 12, tzinfo=UTC))
    hand = Hand(admin)
    hand.follow("User Cleanup")
    hand.unfold("Select Deletion Month")
    hand.follow("January 51")
    hand.follow("Select first 50 users in the list")
    hand.press("Purge User")
    hand.press("Permanently purge 50 people")
    assert hand.has_request().selected_count == 50
    hand.took("a month of fifty")


def test_forty_named_people(admin, deleted):
    people = [deleted() for _n in range(40)]
    deleted()
    hand = Hand(admin)
    hand.follow("User Cleanup")
    hand.follow("Paste a list")
    hand.press("Look them up", fill={"lines": "\n".join(person.email for person in people)})
    hand.press("Purge 40 people…")
    hand.press("Permanently purge 40 people")
    chosen = set(hand.has_request().subjects.values_list("person_id", flat=True))
    assert chosen == {person.pk for person in people}
    hand.took("forty named people")


def test_an_active_ex_employee(admin, account):
    person = UserFactory(account=account, name="Lee Leaver")
    hand = Hand(admin)
    hand.follow("Internal Users")
    hand.follow(next(words for words, _url in hand.links if words.startswith("Lee Leaver")))
    hand.follow("Delete and purge…")
    hand.press("Delete, then purge…")
    hand.press("Permanently purge 1 person")
    assert hand.has_request().subjects.get().person_id == person.pk
    hand.took("an active ex-employee")


def test_an_address_of_nobody(admin, account):
    account.support_emails = "partner@outside.example"
    account.save()
    hand = Hand(admin)
    hand.follow("User Cleanup")
    hand.follow("Other Users")
    hand.press("Find the address", fill={"address": "partner@outside.example"})
    hand.press("Permanently purge this address")
    assert hand.has_request().selected_count == 0
    hand.took("an address of nobody")


@pytest.fixture
def done(admin, account, deleted):
    """A completed purge that has stopped a connector."""
    person = deleted()
    feed = {"account": account, "name": "Night feed", "state": ConnectorState.ENABLED}
    FtpSettingsFactory(contact_email=person.email, **{f"connector__{name}": value for name, value in feed.items()})
    purge_request = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[person.pk])
    run_request(purge_request.pk)
    return purge_request


def test_the_request_of_a_notification(done, admin):
    hand = Hand(admin)
    hand.follow(f"Unread: Purge {done.reference} is completed")
    hand.has_request()
    hand.took("the request of a notification")
    assert Notification.objects.get(recipient=admin, kind="completed").read_at is not None


def test_a_stopped_connector_by_its_request(done, admin, account):
    hand = Hand(admin)
    hand.follow(done.reference)
    hand.follow("Night feed")
    hand.press("Save and enable", fill={"ftpsettings-0-contact_email": "it@acme.example"})
    assert "The connector is enabled." in hand.text
    assert account.connectors.get().state == ConnectorState.ENABLED
    hand.took("a stopped connector, by its request")


def test_a_request_by_its_id(done):
    hand = Hand(UserFactory(is_support=True))
    hand.follow("Look up")
    hand.press("Look up", fill={"text": done.reference.replace("-", " ").lower()})
    hand.has_request()
    hand.took("a request by its ID")


def test_a_report_over_a_quarter(done, admin):
    now = timezone.now()
    hand = Hand(admin)
    hand.follow("Requests")
    hand.follow("Report")
    hand.press("Show", fill={"quarter": f"{now.year}-Q{(now.month - 1) // 3 + 1}"})
    address = next(url for words, url in hand.links if words == "Save as CSV")
    hand.clicks += 1
    answer = hand.client.get(f"{hand.url.partition('?')[0]}{address}")
    assert answer["Content-Type"].startswith("text/csv")
    hand.took("a report over a quarter, as a file")


def test_the_first_administrator_of_an_account():
    account = AccountFactory(name="New Ltd")
    system = AccountFactory(kind=AccountKind.SYSTEM)
    hand = Hand(UserFactory(account=system, is_superuser=True))
    hand.follow("Invite its first administrator")
    hand.press("Save", fill={"name": "Nia New", "email": "nia@new.example"})
    made = User.objects.get(email="nia@new.example")
    assert made.account == account
    assert made.has_role(Role.ADMINISTRATOR)
    hand.took("the first administrator of an account")
