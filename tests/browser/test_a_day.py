"""A day with it, in a browser: what went wrong in between frightens nobody, and nothing that was chosen is lost."""

import re

from playwright.sync_api import expect

from connectors.models import ConnectorState
from purge.models import PurgeRequest
from tests.browser.test_every_page import inspect
from tests.browser.test_plain_flow_in_a_browser import Hand
from tests.browser.test_purge_by_hand import tab_to
from tests.factories.connectors import ConnectorFactory, FtpSettingsFactory
from tests.factories.users import UserFactory
from users.models import Session, UserState

CLEANUP = "/admin/users/deleteduser/"


def test_back_reload_and_signing_in_again_show_the_confirmation_and_then_its_request(visit, account, admin, deleted):
    person = deleted(name="Ann Lee")
    connector = ConnectorFactory(account=account, name="Night feed", state=ConnectorState.ENABLED)
    FtpSettingsFactory(connector=connector, contact_email=person.email)
    for n in range(11):
        deleted(name=f"Leaver {n}")
    page = visit(admin).go(CLEANUP)
    page.get_by_role("button", name="Select all 12").click()
    page.get_by_role("button", name="Purge User").click()
    heading = page.get_by_role("heading", name="12 people will be erased for good")
    expect(heading).to_be_visible()

    # The buttons are in sight from the beginning, on a phone too, and the first line leads down.
    for size in ({"width": 360, "height": 640}, {"width": 1280, "height": 700}):
        page.set_viewport_size(size)
        button = page.get_by_role("button", name="Permanently purge 12 people")
        expect(button).to_be_in_viewport(ratio=1)
    page.get_by_role("link", name="1 connector stops").click()
    expect(page.get_by_text("Connector “Night feed” stops")).to_be_in_viewport()
    expect(button).to_be_in_viewport(ratio=1)

    page.reload()
    expect(heading).to_be_visible()
    page.get_by_label("To confirm, type the number of people listed above (12).").fill("41")
    page.get_by_role("button", name="Permanently purge 12 people").click()
    problem = page.locator("#problem")
    expect(problem).to_be_focused()
    expect(problem).to_be_in_viewport()
    page.reload()
    expect(heading).to_be_visible()
    inspect(page, "a confirmation that was mistyped")
    page.set_viewport_size({"width": 1280, "height": 900})

    Session.objects.filter(user=admin).delete()  # as one that has run out while somebody read
    page.get_by_role("button", name="Permanently purge 12 people").click()
    page.get_by_label("Email").fill(admin.email)
    page.get_by_label("Password").fill("a long pass phrase 1")
    page.get_by_role("button", name="Sign in").click()
    expect(heading).to_be_visible()
    assert not PurgeRequest.objects.filter(account_id=account.pk).exists()

    page.get_by_label("To confirm, type the number of people listed above (12).").fill("12")
    page.get_by_role("button", name="Permanently purge 12 people").click()
    accepted = page.get_by_text("accepted. We’ll notify you")
    expect(accepted).to_be_visible()
    purge_request = PurgeRequest.objects.get(account_id=account.pk)
    page.go_back()
    expect(page.get_by_text(purge_request.reference).first).to_be_visible()
    assert re.search(rf"/purgerequest/{purge_request.pk}/change/", page.url)
    assert PurgeRequest.objects.filter(account_id=account.pk).count() == 1


def test_an_active_ex_employee_is_five_clicks(visit, account, admin):
    """From Home: Internal Users, the name, Delete and purge…, the deletion, the purge. Nothing is typed."""
    person = UserFactory(account=account, name="Lee Leaver", email=f"lee-{account.pk}@aurora.example")
    hand = Hand(visit(admin))
    page = hand.page
    hand.click(page.get_by_role("link", name="Internal Users").first)
    hand.click(page.get_by_role("link", name=re.compile("^Lee Leaver")))
    inspect(page, "a person's page")
    page.set_viewport_size({"width": 1280, "height": 900})
    hand.click(page.get_by_role("link", name="Delete and purge…"))
    inspect(page, "delete and purge?")
    page.set_viewport_size({"width": 1280, "height": 900})
    hand.click(page.get_by_role("button", name="Delete, then purge…"))
    expect(page.get_by_text("Lee Leaver is deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel").first).to_be_focused()
    hand.click(page.get_by_role("button", name="Permanently purge 1 person"))
    expect(page.get_by_text("accepted. We’ll notify you")).to_be_visible()
    assert (hand.clicks, hand.typed) == (5, [])
    [subject] = PurgeRequest.objects.get(account_id=account.pk).subjects.all()
    assert subject.person_id == person.pk


def test_by_keyboard_a_list_is_pasted_and_an_ex_employee_goes(visit, account, admin, deleted):
    """No mouse: each link and button is reached by Tab and pressed by Enter; nothing keeps the focus to itself."""
    person = deleted(name="Paul Pasted", email=f"paul-{account.pk}@aurora.example")
    still = UserFactory(account=account, name="Lee Leaver", email=f"lee-{account.pk}@aurora.example")
    page = visit(admin).go(CLEANUP)

    def press(target) -> None:
        tab_to(page, target)
        page.keyboard.press("Enter")

    press(page.get_by_role("link", name="Paste a list"))
    tab_to(page, page.get_by_label("Email addresses or Unique User IDs, one per line"))
    page.keyboard.insert_text(person.email)
    press(page.get_by_role("button", name="Look them up"))
    press(page.get_by_role("button", name="Purge 1 person…"))
    press(page.get_by_role("button", name="Permanently purge 1 person"))
    expect(page.get_by_text("accepted. We’ll notify you")).to_be_visible()

    page.goto(f"{page.url.partition('/admin/')[0]}/admin/users/internaluser/{still.pk}/change/")
    press(page.get_by_role("link", name="Delete and purge…"))
    press(page.get_by_role("button", name="Delete, then purge…"))
    expect(page.get_by_role("link", name="Cancel").first).to_be_focused()
    press(page.get_by_role("button", name="Permanently purge 1 person"))
    expect(page.get_by_text("accepted. We’ll notify you")).to_be_visible()
    asked = PurgeRequest.objects.filter(account_id=account.pk)
    assert {each.subjects.get().person_id for each in asked} == {person.pk, still.pk}


def test_forty_of_a_month_are_seven_clicks(visit, account, admin, deleted):
    """From Home: User Cleanup, the months, the month, the first, the fortieth with Shift, Purge User, the purge."""
    for n in range(56):
        deleted(name=f"Leaver {n:02}")
    hand = Hand(visit(admin))
    page = hand.page
    hand.click(page.get_by_role("link", name="User Cleanup").first)
    hand.click(page.get_by_text("Select Deletion Month"))
    hand.click(page.get_by_role("link", name=re.compile(r"\b56$")))
    boxes = page.locator("tbody input[type=checkbox]")
    hand.click(boxes.nth(0))
    boxes.nth(39).click(modifiers=["Shift"])
    expect(page.get_by_text("40 selected (up to 50)")).to_be_visible()
    hand.click(page.get_by_role("button", name="Purge User"))
    hand.click(page.get_by_role("button", name="Permanently purge 40 people"))
    expect(page.get_by_text("accepted. We’ll notify you")).to_be_visible()
    assert (hand.clicks, hand.typed) == (7, [])
    assert PurgeRequest.objects.get(account_id=account.pk).selected_count == 40


def test_a_selection_survives_searches_and_signing_in_again(visit, account, admin, deleted):
    for n in range(8):
        deleted(name=f"Leaver {n}", unique_user_id=f"{account.pk}-{n}")
    for name in ("Hugo Vidal", "Olga Roth"):
        deleted(name=name)
    page = visit(admin).go(f"{CLEANUP}?q=Hugo")
    page.get_by_role("checkbox", name="Select Hugo Vidal").check()
    page.goto(f"{page.url.partition('?')[0]}?q=nobody")
    Session.objects.filter(user=admin).delete()
    page.goto(f"{page.url.partition('?')[0]}?q=Olga")
    page.get_by_label("Email").fill(admin.email)
    page.get_by_label("Password").fill("a long pass phrase 1")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("1 selected (up to 50), 0 in this list")).to_be_visible()
    page.get_by_role("checkbox", name="Select Olga Roth").check()
    expect(page.get_by_text("2 selected (up to 50), 1 in this list")).to_be_visible()

    # Shift ticks all between two clicks, and unticks them.
    page.goto(f"{page.url.partition('?')[0]}?q=Leaver&sort=uid")
    boxes = page.locator("tbody input[type=checkbox]")
    boxes.nth(1).click()
    boxes.nth(6).click(modifiers=["Shift"])
    expect(page.get_by_text("8 selected (up to 50), 6 in this list")).to_be_visible()
    boxes.nth(5).click(modifiers=["Shift"])
    expect(page.get_by_text("6 selected (up to 50), 4 in this list")).to_be_visible()

    # What is unselected is of this list; who is not in it stays, until all are cleared.
    expect(page.get_by_role("button", name="Clear")).to_be_visible()
    page.get_by_role("button", name="Unselect").click()
    expect(page.get_by_text("2 selected (up to 50), 0 in this list")).to_be_visible()
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    page.get_by_role("button", name="Select all 8").click()
    expect(page.get_by_text("8 selected (up to 50)", exact=True)).to_be_visible()
    assert asked == ["Replace your selection (2) by the first of this list?"]
    page.goto(f"{page.url.partition('?')[0]}?q=Olga")
    page.get_by_role("checkbox", name="Select Olga Roth").check()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("0 selected (up to 50)", exact=True)).to_be_visible()
    expect(page.get_by_role("checkbox", name="Select Olga Roth")).not_to_be_checked()
    for query, several in (("Hugo", 1), ("Olga", 1), ("Leaver", 4)):
        page.goto(f"{page.url.partition('?')[0]}?q={query}&sort=uid")
        for n in range(several):
            page.locator("tbody input[type=checkbox]").nth(n).check()
    expect(page.get_by_text("6 selected (up to 50), 4 in this list")).to_be_visible()

    # Another list: its first replace them after one question, which can be refused.
    page.goto(f"{page.url.partition('?')[0]}?q=Olga")
    page.get_by_role("checkbox", name="Select Olga Roth").uncheck()
    expect(page.get_by_text("5 selected (up to 50), 0 in this list")).to_be_visible()
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.get_by_role("button", name="Select all 1").click()
    expect(page.get_by_text("5 selected (up to 50), 0 in this list")).to_be_visible()
    assert asked == ["Replace your selection (5) by the first of this list?"]
    inspect(page, "a selection elsewhere")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name="Purge User").click()
    expect(page.get_by_role("heading", name="5 people will be erased for good")).to_be_visible()
    expect(page.get_by_text("Hugo Vidal")).to_be_visible()


def test_forty_named_people_are_pasted_without_a_script_too(visit, account, admin, deleted):
    """From Home: User Cleanup, Paste a list, look up, purge, confirm: five clicks and the list."""
    people = [deleted(name=f"Leaver {n:02}", email=f"l{n}-{account.pk}@aurora.example") for n in range(40)]
    lines = "\n".join(person.email for person in people)
    hand = Hand(visit(admin))
    page = hand.page
    hand.click(page.get_by_role("link", name="User Cleanup").first)
    hand.click(page.get_by_role("link", name="Paste a list"))
    box = page.get_by_label("Email addresses or Unique User IDs, one per line")
    inspect(page, "paste a list")
    page.set_viewport_size({"width": 1280, "height": 900})
    box.fill(lines)
    hand.click(page.get_by_role("button", name="Look them up"))
    expect(page.get_by_text("Leaver 39")).to_be_visible()
    inspect(page, "a pasted list", long=True)
    page.set_viewport_size({"width": 1280, "height": 900})
    hand.click(page.get_by_role("button", name="Purge 40 people…"))
    hand.click(page.get_by_role("button", name="Permanently purge 40 people"))
    expect(page.get_by_text("accepted. We’ll notify you")).to_be_visible()
    assert hand.clicks == 5
    assert PurgeRequest.objects.get(account_id=account.pk).selected_count == 40

    still = UserFactory(account=account, name="Still Here", email=f"still-{account.pk}@aurora.example")
    page = visit(admin, java_script_enabled=False, viewport={"width": 360, "height": 740}).go(f"{CLEANUP}list/")
    page.get_by_label("Email addresses or Unique User IDs, one per line").fill(f"{still.email}\nnobody")
    page.get_by_role("button", name="Look them up").click()
    expect(page.get_by_text("the address or ID of these lines: 2.")).to_be_visible()
    page.get_by_role("link", name="Delete 1 user…").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Still Here is deleted.")).to_be_visible()
    page.get_by_role("button", name="Purge 1 person…").click()
    expect(page.get_by_role("heading", name="1 person will be erased for good")).to_be_visible()
    expect(page.get_by_role("button", name="Permanently purge 1 person")).to_be_in_viewport()
    page.get_by_role("link", name="Cancel").first.click()
    expect(page.get_by_role("heading", name=re.compile("^Ready"))).to_be_visible()
    still.refresh_from_db()
    assert still.state == UserState.DELETED
