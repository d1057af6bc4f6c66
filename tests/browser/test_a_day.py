"""A day with it, in a browser: what went wrong in between frightens nobody, and nothing that was chosen is lost."""

import re

from playwright.sync_api import expect

from connectors.models import ConnectorState
from purge.models import PurgeRequest
from tests.browser.test_every_page import inspect
from tests.factories.connectors import ConnectorFactory, FtpSettingsFactory
from users.models import Session

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
        button = page.get_by_role("button", name="Purge 12 people for good")
        expect(button).to_be_in_viewport(ratio=1)
    page.get_by_role("link", name="1 connector stops").click()
    expect(page.get_by_text("Connector “Night feed” stops")).to_be_in_viewport()
    expect(button).to_be_in_viewport(ratio=1)

    page.reload()
    expect(heading).to_be_visible()
    page.get_by_label("To confirm, type the number of people listed above (12).").fill("41")
    page.get_by_role("button", name="Purge 12 people for good").click()
    problem = page.locator("#problem")
    expect(problem).to_be_focused()
    expect(problem).to_be_in_viewport()
    page.reload()
    expect(heading).to_be_visible()
    inspect(page, "a confirmation that was mistyped")
    page.set_viewport_size({"width": 1280, "height": 900})

    Session.objects.filter(user=admin).delete()  # as one that has run out while somebody read
    page.get_by_role("button", name="Purge 12 people for good").click()
    page.get_by_label("Email").fill(admin.email)
    page.get_by_label("Password").fill("a long pass phrase 1")
    page.get_by_role("button", name="Sign in").click()
    expect(heading).to_be_visible()
    assert not PurgeRequest.objects.filter(account_id=account.pk).exists()

    page.get_by_label("To confirm, type the number of people listed above (12).").fill("12")
    page.get_by_role("button", name="Purge 12 people for good").click()
    accepted = page.get_by_text("accepted. We’ll notify you")
    expect(accepted).to_be_visible()
    purge_request = PurgeRequest.objects.get(account_id=account.pk)
    page.go_back()
    expect(page.get_by_text(purge_request.reference).first).to_be_visible()
    assert re.search(rf"/purgerequest/{purge_request.pk}/change/", page.url)
    assert PurgeRequest.objects.filter(account_id=account.pk).count() == 1
