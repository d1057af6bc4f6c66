"""The rest of a day in a browser: what a purge leaves to do, the register, one question, an operator's desk.

Each by mouse and keyboard, looked at wide and narrow; and on a phone without a script where the page has buttons.
"""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from connectors.models import Connector, ConnectorKind, ConnectorState
from purge.models import FollowUp, PurgeRequest
from purge.services import purge_submit
from purge.tasks import run_request
from tests.browser.test_every_page import REQUESTS, inspect, overflow
from tests.browser.test_purge_by_hand import tab_to
from tests.factories.connectors import ConnectorFactory, FtpSettingsFactory
from tests.factories.learning import SessionFactory, SessionInstructorFactory
from tests.factories.users import AccountFactory, UserFactory, trial_with_creator
from users.models import AccountKind

PHONE = {"viewport": {"width": 360, "height": 740}, "java_script_enabled": False}
WIDE = {"width": 1280, "height": 900}


@pytest.fixture
def done(account, admin, deleted):
    """A purge that has stopped two connectors and left two sessions without instructor."""
    person = deleted(name="Lee Leaver", email=f"lee-{account.pk}@people.example")
    for name in ("Day feed", "Night feed"):
        connector = ConnectorFactory(account=account, name=name, state=ConnectorState.ENABLED, kind=ConnectorKind.FTP)
        FtpSettingsFactory(connector=connector, contact_email=person.email)
    begins = timezone.now() + timedelta(days=3)
    for title in ("First aid", "Fire drill"):
        session = SessionFactory(
            course__account=account, title=title, starts_at=begins, ends_at=begins + timedelta(hours=1)
        )
        SessionInstructorFactory(session=session, user=person)
    purge_request = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[person.pk])
    run_request(purge_request.pk)
    purge_request.refresh_from_db()
    return purge_request


def test_what_is_left_to_do_is_marked_opened_again_and_done(visit, admin, done):
    page = visit(admin).go("/admin/")
    page.locator(".tile", has_text="left to do after purges").get_by_role("link").click()
    page.get_by_role("link", name=done.reference).click()
    left = page.locator("section", has=page.locator("#left-to-do"))
    expect(left.get_by_text("4 open")).to_be_visible()
    inspect(page, "what is left to do, and how thoroughly")
    page.set_viewport_size(WIDE)
    # How thoroughly: a table that is scrolled by keyboard where it is wider than a phone.
    stores = page.get_by_role("region", name="Each store: how far, and when")
    tab_to(page, stores)
    expect(stores.get_by_role("columnheader", name="How far")).to_be_visible()

    why = page.get_by_label(re.compile("^Why it is done: First aid"))
    tab_to(page, why)
    page.keyboard.type("not needed")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Mark as done – First aid")).to_be_focused()
    page.keyboard.press("Enter")
    expect(left.get_by_text("3 open")).to_be_visible()
    expect(left.get_by_text("(not needed any more)")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Undo – First aid"))
    page.keyboard.press("Enter")
    expect(left.get_by_text("4 open")).to_be_visible()

    # The connector: fill in and enable, on one page; then it is ticked off by itself.
    left.get_by_role("link", name="Night feed").click()
    expect(page.get_by_text("named a purged person and were blanked")).to_be_visible()
    inspect(page, "a stopped connector")
    page.set_viewport_size(WIDE)
    page.get_by_role("textbox", name="Contact email:").fill("it@aurora.example")
    page.get_by_role("button", name="Save and enable").click()
    expect(page.get_by_text("The connector is enabled.")).to_be_visible()
    page.goto(f"{page.url.partition('/admin/')[0]}{REQUESTS}{done.pk}/change/")
    expect(left.get_by_text("3 open")).to_be_visible()
    expect(left.get_by_text("✓ done by Ada Admin")).to_be_visible()


def test_what_is_left_to_do_on_a_phone_without_script(visit, account, admin, done):
    page = visit(admin, **PHONE).go(f"{REQUESTS}{done.pk}/change/")
    page.get_by_label(re.compile("^Why it is done: Fire drill")).select_option(label="somebody else takes care of it")
    page.get_by_role("button", name="Mark as done – Fire drill").click()
    expect(page.get_by_text("3 open")).to_be_visible()
    expect(page.get_by_text("(somebody else takes care of it)")).to_be_visible()
    assert overflow(page) == 0
    page.get_by_role("link", name="Day feed").click()
    page.get_by_role("button", name=re.compile("^Confirm: contact email")).click()
    expect(page.get_by_text("Confirmed.")).to_be_visible()
    page.get_by_role("button", name="Save and enable").click()
    expect(page.get_by_text("The connector is enabled.")).to_be_visible()
    assert overflow(page) == 0
    connectors = Connector.objects.filter(account=account)
    assert dict(connectors.values_list("name", "state")) == {
        "Day feed": ConnectorState.ENABLED,
        "Night feed": ConnectorState.DISABLED,
    }
    assert FollowUp.objects.filter(request=done, account_id=account.pk, done_at=None).count() == 2


def test_the_register_is_filtered_and_one_question_is_answered(visit, account, admin, done, deleted):
    open_one = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[deleted().pk])
    page = visit(admin).go(REQUESTS)
    page.get_by_role("link", name="Register", exact=True).click()
    for each in (done, open_one):
        expect(page.get_by_role("link", name=each.reference)).to_be_visible()
    tab_to(page, page.locator("summary", has_text="Filter"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label(re.compile("^State")))
    page.keyboard.type("Completed")
    tab_to(page, page.get_by_role("button", name="Show", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=open_one.reference)).to_be_hidden()
    expect(page.get_by_role("link", name=done.reference)).to_be_visible()
    inspect(page, "register, filtered")
    page.set_viewport_size(WIDE)

    page.get_by_role("link", name="Look up").first.click()
    tab_to(page, page.get_by_label("Request ID, email address or Unique User ID"))
    page.keyboard.type(f"lee-{account.pk}@people.example")
    page.keyboard.press("Enter")
    expect(page.locator(".pg-answer")).to_contain_text(done.reference)
    inspect(page, "an answer")


def test_register_report_and_question_on_a_phone_without_script(visit, account, admin, done):
    page = visit(admin, **PHONE).go(f"{REQUESTS}register/")
    page.locator("summary", has_text="Filter").click()
    page.get_by_label(re.compile("^State")).select_option(label="Cancelled")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("link", name=done.reference)).to_be_hidden()
    page.get_by_role("link", name="Show all requests").first.click()
    expect(page.get_by_role("link", name=done.reference)).to_be_visible()
    assert overflow(page) == 0
    site = page.url.partition("/admin/")[0]
    page.goto(f"{site}{REQUESTS}report/")
    page.get_by_label("Quarter", exact=True).select_option(index=0)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("row", name=re.compile("^People erased 1"))).to_be_visible()
    assert overflow(page) == 0
    page.goto(f"{site}{REQUESTS}look-up/")
    page.get_by_label("Request ID, email address or Unique User ID").fill(done.reference.lower().replace("-", " "))
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("heading", name=f"Purge request {done.reference}")).to_be_visible()
    assert overflow(page) == 0


@pytest.fixture
def operator(site):
    system = AccountFactory(kind=AccountKind.SYSTEM)
    return UserFactory(account=system, is_superuser=True, name="Opal Operator")


def test_an_operator_takes_in_a_message_of_the_identity_provider(visit, operator):
    trial, _creator = trial_with_creator()
    person = UserFactory(account=trial, name="Tria Leaver", email=f"tria-{trial.pk}@people.example")
    page = visit(operator).go("/admin/")
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()
    expect(page.locator(".first-steps").get_by_text("manage.py worker")).to_be_visible()
    inspect(page, "first steps", long=True)
    page.set_viewport_size(WIDE)
    page.get_by_role("link", name="Identity provider notices").click()
    page.get_by_role("link", name="Take in a message").click()
    inspect(page, "a message")
    page.set_viewport_size(WIDE)
    tab_to(page, page.get_by_role("textbox", name="Email:"))
    page.keyboard.type(person.email)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 person will be erased for good")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel").first).to_be_focused()
    inspect(page, "whom a message reaches")
    page.set_viewport_size(WIDE)
    if (number := page.locator("input[name=number]")).count():
        number.fill("1")
    tab_to(page, page.get_by_role("button", name="Take in"))
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("^Purge request PUR-.* accepted"))).to_be_visible()
    assert PurgeRequest.objects.get(route="ims_trial", subjects__person_id=person.pk).origin == "ims"


def test_an_operators_desk_on_a_phone_without_script(visit, operator):
    page = visit(operator, **PHONE).go("/admin/purge/imsnotice/message/")
    page.get_by_role("button", name="Show whom it reaches").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    assert overflow(page) == 0
    page.goto(f"{page.url.partition('/admin/')[0]}/admin/")
    assert overflow(page) == 0
    page.get_by_role("button", name="Hide").click()
    expect(page.get_by_text("The first steps are hidden in this browser.")).to_be_visible()
    expect(page.get_by_role("heading", name="First steps")).to_be_hidden()
