"""What the plain flow costs in a browser: clicks from the signed-in home page, pages, fields. With no setting changed.

The numbers and lists are those of the day when they were first counted. They may get smaller, never larger.
"""

import re
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from django.utils.dates import MONTHS
from playwright.sync_api import expect

from messaging.models import Notification
from purge.choices import Status
from purge.models import PurgeRequest
from tests.factories.users import AdministratorFactory, UserFactory, trial_with_creator
from users.models import User

#: What counts a person's own clicks, on every page, before any script of the page can stop them.
COUNT_CLICKS = """
document.addEventListener('click', event => {
    if (event.isTrusted && event.detail > 0) {
        sessionStorage.setItem('clicks', Number(sessionStorage.getItem('clicks') || 0) + 1);
    }
}, true);
"""
#: Controls that somebody would have to fill in, choose or tick before the form can be sent.
TO_FILL_IN = (
    "form => [...form.elements].filter(each => each.name && !['hidden', 'submit', 'button'].includes(each.type))"
    # What is folded has no place among the tabs, and nobody has to know of it.
    ".filter(each => !each.closest('details:not([open])'))"
    ".map(each => each.name)"
)


class Hand:
    """Somebody with a mouse at Home. ``pages``: the documents that were opened since; ``typed``: fields filled in."""

    def __init__(self, visitor) -> None:
        visitor.context.add_init_script(COUNT_CLICKS)
        self.page = visitor.go("/admin/")
        self.pages: list[str] = []
        self.typed: list[str] = []
        self.page.on("framenavigated", lambda frame: self.pages.append(_shape(frame.url)))

    def click(self, target) -> None:
        target.click()
        self.page.wait_for_load_state()

    def type(self, target, text: str) -> None:
        """With the keyboard; the field has the focus already, or gets it by Tab, which is no click."""
        self.typed.append(target.get_attribute("name"))
        target.focus()
        self.page.keyboard.type(text)

    @property
    def clicks(self) -> int:
        return int(self.page.evaluate("sessionStorage.getItem('clicks') || '0'"))

    def asks_for(self, button) -> list[str]:
        """What the form of this button wants before it can be pressed."""
        return button.locator("xpath=ancestor::form").evaluate(TO_FILL_IN)


def _shape(url: str) -> str:
    return re.sub(r"/\d+/", "/N/", urlsplit(url).path)


@pytest.fixture(params=["enterprise", "trial"])
def home(request, account, admin, site):
    """(account, its administrator) of either kind."""
    if request.param == "enterprise":
        return account, admin
    trial, _creator = trial_with_creator()
    return trial, AdministratorFactory(account=trial, name="Tria Admin", email=f"tria-{trial.pk}@trial.example")


def completed_on(page, account, admin, worker) -> None:
    """The worker alone brings it to its end; the page says so by itself, and the initiator is told."""
    expect(page.get_by_text("accepted. We’ll notify you")).to_be_visible()
    worker()
    expect(page.get_by_role("heading", name="Completed and verified")).to_be_visible(timeout=60_000)
    purge_request = PurgeRequest.objects.get(account_id=account.pk)
    assert purge_request.status == Status.COMPLETED
    people = list(purge_request.subjects.values_list("person_id", flat=True))
    assert not User.objects.filter(pk__in=people).exists()
    assert Notification.objects.filter(request_id=purge_request.pk, recipient=admin, kind="completed").count() == 1


def test_one_deleted_user_is_four_clicks(visit, home, worker):
    account, admin = home
    UserFactory(account=account, name="Lee Leaver", deleted_at=timezone.now())
    hand = Hand(visit(admin))
    page = hand.page

    hand.click(page.get_by_role("link", name="User Cleanup").first)
    hand.click(page.get_by_role("checkbox", name="Select Lee Leaver"))
    hand.click(page.get_by_role("button", name="Purge User"))
    button = page.get_by_role("button", name="Permanently purge 1 person")
    assert hand.asks_for(button) == []
    hand.click(button)
    expect(page.get_by_text("accepted. We’ll notify you")).to_be_visible()

    assert hand.clicks == 4
    assert hand.typed == []
    assert hand.pages == [
        "/admin/users/deleteduser/",
        "/admin/users/deleteduser/purge/",
        "/admin/purge/purgerequest/N/change/",
    ]
    completed_on(page, account, admin, worker)


def test_a_month_of_fifty_is_six_clicks(visit, home, worker):
    account, admin = home
    UserFactory.create_batch(52, account=account, deleted_at=timezone.now())
    month = str(MONTHS[timezone.localdate().month])
    hand = Hand(visit(admin))
    page = hand.page

    hand.click(page.get_by_role("link", name="User Cleanup").first)
    hand.click(page.get_by_text("Select Deletion Month"))
    hand.click(page.get_by_role("link", name=re.compile(f"^{month} 52$")))
    hand.click(page.get_by_role("button", name="Select first 50 users in the list"))
    hand.click(page.get_by_role("button", name="Purge User"))
    button = page.get_by_role("button", name="Permanently purge 50 people")
    assert hand.asks_for(button) == []
    hand.click(button)
    expect(page.get_by_text("accepted. We’ll notify you")).to_be_visible()

    assert hand.clicks == 6
    assert hand.typed == []
    assert hand.pages == [
        "/admin/users/deleteduser/",
        "/admin/users/deleteduser/",
        "/admin/users/deleteduser/purge/",
        "/admin/purge/purgerequest/N/change/",
    ]
    completed_on(page, account, admin, worker)


def test_an_address_in_other_users_is_four_clicks_and_the_address(visit, home, worker):
    account, admin = home
    address = f"boss-{account.pk}@outside.example"
    witness = UserFactory(account=account, profile=f"Reports to {address}")
    hand = Hand(visit(admin))
    page = hand.page

    hand.click(page.get_by_role("link", name="User Cleanup").first)
    hand.click(page.get_by_role("link", name="Other Users"))
    find = page.get_by_role("button", name="Find the address")
    assert hand.asks_for(find) == ["address"]
    hand.type(page.get_by_role("textbox", name="Email address"), address)
    hand.click(find)
    button = page.get_by_role("button", name="Permanently purge this address")
    assert hand.asks_for(button) == []
    hand.click(button)
    expect(page.get_by_text("accepted. We’ll notify you")).to_be_visible()

    assert hand.clicks == 4
    assert hand.typed == ["address"]
    assert hand.pages == [
        "/admin/users/deleteduser/",
        "/admin/users/deleteduser/other/",
        "/admin/users/deleteduser/other/",
        "/admin/purge/purgerequest/N/change/",
    ]
    completed_on(page, account, admin, worker)
    witness.refresh_from_db()
    assert witness.profile == "Reports to [erased]"


def test_deleting_somebody_is_four_clicks_and_a_choice(visit, home):
    """From Home: Internal Users, the tick, the action, Go, Delete."""
    account, admin = home
    UserFactory(account=account, name="Lee Leaver")
    hand = Hand(visit(admin))
    page = hand.page

    hand.click(page.get_by_role("link", name="Internal Users").first)
    hand.click(page.get_by_role("row", name="Lee Leaver").get_by_role("checkbox"))
    page.locator("select[name=action]").select_option(label="Delete User")
    hand.click(page.get_by_role("button", name="Go", exact=True))
    button = page.get_by_role("button", name="Delete", exact=True)
    assert hand.asks_for(button) == []
    hand.click(button)
    expect(page.get_by_text("Lee Leaver is deleted.")).to_be_visible()

    assert hand.clicks == 4  # the choice in the list of actions is made with the keyboard
    assert hand.pages == ["/admin/users/internaluser/"] * 3
