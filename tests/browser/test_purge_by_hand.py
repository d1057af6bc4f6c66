"""A purge as people do it: click by click, by keyboard alone, and without JavaScript."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from connectors.models import ConnectorState
from messaging.models import Notification
from purge.choices import Status
from purge.models import PurgeRequest
from purge.services import purge_submit
from purge.tasks import run_request
from tests.factories.connectors import ConnectorFactory, FtpSettingsFactory
from tests.factories.learning import EnrolmentFactory
from tests.factories.users import UserFactory
from users.models import User

CLEANUP = "/admin/users/deleteduser/"


def completed(account) -> None:
    """The account's one request is completed, and its people are gone."""
    purge_request = PurgeRequest.objects.get(account_id=account.pk)
    assert purge_request.status == Status.COMPLETED
    people = purge_request.subjects.values_list("person_id", flat=True)
    assert not User.objects.filter(pk__in=people).exists()


def test_from_signing_in_to_the_notification(visit, account, admin, worker):
    people = [UserFactory(account=account, name=f"Leaver {n}", unique_user_id=f"{account.pk}-{n}") for n in range(3)]
    EnrolmentFactory.create_batch(4, user=people[0])
    visitor = visit()
    page = visitor.go("/admin/")
    page.get_by_label("Email").fill(admin.email)
    page.get_by_label("Password").fill("a long pass phrase 1")
    page.get_by_role("button", name="Sign in").click()

    for person in people[:2]:
        visitor.go("/admin/users/internaluser/")
        page.get_by_role("row", name=person.name).get_by_role("checkbox").check()
        page.locator("select[name=action]").select_option(label="Delete User")
        page.get_by_role("button", name="Go", exact=True).click()
        page.get_by_role("button", name="Delete", exact=False).click()
        page.wait_for_load_state()

    page.get_by_role("link", name="User Cleanup").first.click()
    expect(page.get_by_role("row", name=re.compile("Leaver 0"))).to_be_visible()
    page.get_by_role("checkbox", name="Select Leaver 0").check()
    page.get_by_role("checkbox", name="Select Leaver 1").check()
    expect(page.get_by_role("status").filter(has_text="2 selected (up to 50)")).to_be_visible()
    page.get_by_role("button", name="Purge User").click()

    expect(page.get_by_role("heading", name="2 people will be erased for good")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel").first).to_be_focused()
    expect(page.get_by_text("Deleted: enrolments")).to_be_visible()
    page.get_by_role("button", name="Permanently purge 2 people").click()

    expect(page.get_by_text("accepted. We’ll notify you")).to_be_visible()
    expect(page.get_by_text("Waiting for its turn")).to_be_visible()
    worker()
    expect(page.get_by_role("heading", name="Completed and verified")).to_be_visible(timeout=60_000)
    completed(account)
    assert User.objects.filter(pk=people[2].pk).exists()

    visitor.go("/admin/messaging/notification/")
    reference = PurgeRequest.objects.get(account_id=account.pk).reference
    page.get_by_role("link", name=f"Purge {reference} is completed").first.click()
    # It leads to the request, and is read by that.
    expect(page.get_by_role("heading", name=f"Purge request {reference}")).to_be_visible()
    told = Notification.objects.get(recipient=admin, reference=reference)
    assert "2 people were purged." in told.text
    assert told.read_at is not None


def test_by_keyboard_alone(visit, account, admin, deleted):
    """Two people, of whom others notice that one goes: their number is typed."""
    person, _other = deleted(name="Keyboard Leaver"), deleted(name="Other Leaver")
    connector = ConnectorFactory(account=account, name="Night feed", state=ConnectorState.ENABLED)
    FtpSettingsFactory(connector=connector, contact_email=person.email)
    page = visit(admin).go(CLEANUP)
    for name in ("Other Leaver", "Keyboard Leaver"):
        tab_to(page, page.get_by_role("checkbox", name=f"Select {name}"))
        page.keyboard.press("Space")
    expect(page.get_by_text("2 selected (up to 50)")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Purge User"), backwards=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Cancel").first).to_be_focused()
    tab_to(page, page.get_by_label("To confirm, type the number of people listed above (2)."))
    page.keyboard.type("41")
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_be_focused()
    expect(page.locator("#problem")).to_contain_text("You typed 41, but 2 people are listed. Nothing was purged.")
    tab_to(page, page.get_by_label("To confirm, type the number of people listed above (2)."))
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("accepted. We’ll notify you")).to_be_visible()
    assert PurgeRequest.objects.filter(account_id=account.pk).count() == 1


def test_by_keyboard_from_signing_in_to_completed(visit, account, admin, deleted, worker):
    deleted(name="Keyboard Only")
    page = visit().go("/admin/login/")
    tab_to(page, page.get_by_label("Email"))
    page.keyboard.type(admin.email)
    tab_to(page, page.get_by_label("Password"))
    page.keyboard.type("a long pass phrase 1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=account.name)).to_be_visible()
    tab_to(page, page.get_by_role("link", name="User Cleanup").first)
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("checkbox", name="Select Keyboard Only"))
    page.keyboard.press("Space")
    tab_to(page, page.get_by_role("button", name="Purge User"), backwards=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Cancel").first).to_be_focused()
    tab_to(page, page.get_by_role("button", name="Permanently purge 1 person"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("accepted. We’ll notify you")).to_be_visible()
    worker()
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=60_000)


def tab_to(page, target, *, backwards: bool = False) -> None:
    """Press Tab until the target has the focus."""
    for _n in range(150):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
    pytest.fail("the target is not reached by Tab")


def test_without_javascript(visit, account, admin, deleted):
    for n in range(53):
        deleted(name=f"Leaver {n:02}", unique_user_id=f"{account.pk}-{n:02}")
    visitor = visit(admin, java_script_enabled=False)
    page = visitor.go(f"{CLEANUP}?sort=uid")
    page.get_by_role("button", name="Select first 50 users in the list").click()
    expect(page.get_by_text("50 selected (up to 50)")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Select Leaver 49")).to_be_checked()
    page.get_by_role("button", name="Unselect").click()
    expect(page.get_by_role("checkbox", name="Select Leaver 49")).not_to_be_checked()

    page.get_by_text("Select Deletion Month").click()
    page.get_by_role("link", name=re.compile("^January")).click()
    expect(page.get_by_text("Showing users deleted in January 2026")).to_be_visible()
    page.get_by_role("button", name="Select first 50 users in the list").click()
    page.get_by_role("button", name="Purge User").click()
    expect(page.get_by_role("heading", name="50 people will be erased for good")).to_be_visible()
    page.get_by_role("button", name="Permanently purge 50 people").click()
    expect(page.get_by_text("This page shows how far it is every five seconds.")).to_be_visible()
    more = page.get_by_role("link", name="Select the remaining 3 users deleted in January 2026")
    expect(more).to_be_visible()
    target = more.get_attribute("href")
    run_request(PurgeRequest.objects.get(account_id=account.pk).pk)
    page.get_by_role("link", name="Refresh now").click()
    expect(page.get_by_role("heading", name="Completed and verified")).to_be_visible()
    completed(account)
    visitor.go(target)
    expect(page.get_by_text("3 selected (up to 50)")).to_be_visible()


def test_the_selection_survives_sorting_and_paging_within_the_filter_and_has_a_limit(visit, account, admin, deleted):
    for n in range(60):
        deleted(name=f"Leaver {n:02}", unique_user_id=f"{account.pk}-{n:02}")
    page = visit(admin).go(f"{CLEANUP}?sort=uid")
    page.get_by_role("checkbox", name="Select Leaver 07").check()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("1 selected (up to 50)")).to_be_visible()
    page.get_by_role("checkbox", name="Select Leaver 55").check()
    page.get_by_role("link", name="Date deleted").click()
    expect(page.get_by_text("2 selected (up to 50)")).to_be_visible()

    page.get_by_role("button", name="Unselect").click()
    expect(page.get_by_text("0 selected (up to 50)")).to_be_visible()
    page.get_by_role("link", name="Unique User ID").click()
    page.get_by_role("button", name="Select first 50 users in the list").click()
    expect(page.get_by_text("50 selected (up to 50)")).to_be_visible()
    page.get_by_role("link", name="Next").click()
    box = page.get_by_role("checkbox", name="Select Leaver 55")
    box.click()
    expect(box).not_to_be_checked()
    expect(page.get_by_role("alert")).to_contain_text("At most 50 users can be purged in one request.")
    expect(page.get_by_text("50 selected (up to 50)")).to_be_visible()

    # A search and a month keep it too: what is selected is not in this list, and one click gives it up.
    deleted(name="Somebody Else", deleted_at=datetime(2025, 11, 3, 12, tzinfo=UTC))
    page.goto(f"{page.url.partition('?')[0]}?month=2025-11")
    expect(page.get_by_text("50 selected (up to 50), 0 in this list")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("0 selected (up to 50)")).to_be_visible()
    expect(page.get_by_role("button", name="Clear")).to_be_hidden()


def test_nothing_is_pressed_with_nobody_selected(visit, account, admin, deleted):
    """With a script; without one the page after the button says it."""
    deleted(name="Ann Lee")
    page = visit(admin).go(CLEANUP)
    purge, restore = (
        page.get_by_role("button", name=re.compile(f"^{name}")) for name in ("Purge User", "Restore User")
    )
    expect(purge).to_be_disabled()
    expect(restore).to_be_disabled()
    expect(purge).to_have_accessible_description("0 selected (up to 50)")
    page.get_by_role("checkbox", name="Select Ann Lee").check()
    expect(purge).to_be_enabled()
    expect(restore).to_be_enabled()
    # Somebody selected who is not in this list can be purged from it.
    deleted(name="Bob Ray")
    page.goto(f"{page.url.partition('?')[0]}?q=Bob")
    expect(page.get_by_text("1 selected (up to 50), 0 in this list")).to_be_visible()
    expect(purge).to_be_enabled()
    page.get_by_role("button", name="Clear").click()
    expect(purge).to_be_disabled()


def test_the_months_are_closed_by_escape_and_by_a_click_beside_them(visit, admin, deleted):
    deleted(name="Ann Lee")
    page = visit(admin).go(CLEANUP)
    summary = page.locator(".pg-months summary")
    january = page.get_by_role("link", name=re.compile("^January"))
    summary.click()
    expect(january).to_be_visible()
    january.focus()
    page.keyboard.press("Escape")
    expect(january).to_be_hidden()
    expect(summary).to_be_focused()
    summary.click()
    expect(january).to_be_visible()
    page.get_by_role("heading", name="User Cleanup").click()
    expect(january).to_be_hidden()
    expect(summary).to_be_focused()
    # What is clicked beside it has the focus, if it takes it.
    summary.click()
    search = page.get_by_label("Name, email or Unique User ID begins with")
    search.click()
    expect(january).to_be_hidden()
    expect(search).to_be_focused()


def test_somebody_in_an_open_request_cannot_be_ticked_and_links_to_it(visit, account, admin, deleted):
    held, _free = deleted(name="Held Leaver"), deleted(name="Free Leaver")
    purge_request = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[held.pk])
    page = visit(admin).go(CLEANUP)
    expect(page.get_by_role("checkbox", name="Select Held Leaver")).to_be_disabled()
    expect(page.get_by_role("button", name="Select all 1")).to_be_visible()
    page.get_by_role("link", name=f"In request {purge_request.reference}").click()
    expect(page.get_by_text(purge_request.reference).first).to_be_visible()


def test_progress_is_shown_live_and_ends_by_itself(visit, account, admin, deleted):
    purge_request = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[deleted().pk])
    page = visit(admin).go(f"/admin/purge/purgerequest/{purge_request.pk}/change/")
    expect(page.locator("#request-state")).to_have_text("Waiting")
    expect(page.locator("#request-sentence")).to_contain_text("Waiting for its turn")
    purge_request.steps.create(
        position=0, key="learning.Enrolment.user", planned=1000, done=400, own_planned=1000, own_done=400
    )
    PurgeRequest.objects.filter(pk=purge_request.pk).update(
        status=Status.RUNNING, planned=True, rows_planned=1000, rows_done=400, steps_left=1
    )
    expect(page.locator("#request-step")).to_have_text("Deleted: enrolments")
    expect(page.locator("#request-rows")).to_have_text("400 of 1,000 rows")
    expect(page.locator("#request-state")).to_have_text("In progress")
    expect(page.locator("#request-sentence")).to_contain_text("The purge is running by itself")
    expect(page.get_by_role("row", name="Deleted: enrolments 1,000 400 600")).to_be_visible()
    PurgeRequest.objects.filter(pk=purge_request.pk).update(status=Status.NEEDS_ATTENTION, error_class="WorkerDied")
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
