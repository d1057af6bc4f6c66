"""Signing in and staying signed in, in a browser: every page of it is light, silent and can be heard."""

import re
import time

from django.conf import settings
from playwright.sync_api import expect

from tests.browser.test_every_page import inspect
from tests.factories.users import UserFactory
from users.models import Role, Session, User
from users.sessions import SessionStore
from users.sign_in.forgotten import tokens

PASSWORD = "a long pass phrase 1"
NEW = "a new long pass phrase 2"


def grow_old(visitor) -> None:
    """An hour goes by for what the browser's session has confirmed."""
    (cookie,) = [each for each in visitor.context.cookies() if each["name"] == settings.SESSION_COOKIE_NAME]
    store = SessionStore(cookie["value"])
    store["password_confirmed_at"] = time.time() - 3600
    store.save()


def test_a_role_is_given_after_the_password_and_nothing_is_typed_twice(visit, admin, account):
    ann = UserFactory(account=account, name="Ann Archer")
    visitor = visit(admin)
    page = visitor.go("/admin/users/internaluser/")
    grow_old(visitor)
    page.get_by_role("row", name="Ann Archer").get_by_role("checkbox").check()
    page.locator("select[name=action]").select_option(label="Assign role")
    page.get_by_role("button", name="Go", exact=True).click()
    page.get_by_label("Role").select_option("author")
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    inspect(page, "confirm")
    # The keyboard is where the password goes.
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Role “Author” assigned to 1 user.")).to_be_visible()
    assert User.objects.get(pk=ann.pk).has_role(Role.AUTHOR)


def test_an_export_comes_after_the_password(visit, admin, account):
    UserFactory(account=account, name="Lee Leaver", deleted=True)
    visitor = visit(admin)
    page = visitor.go("/admin/users/deleteduser/")
    grow_old(visitor)
    page.goto(f"{visitor.site}/admin/users/deleteduser/export/")
    page.get_by_label("Your password").fill(PASSWORD)
    with page.expect_download() as download:
        page.get_by_role("button", name="Confirm").click()
    assert download.value.suggested_filename.startswith("deleted-users-")


def test_sessions_are_listed_and_ended(visit, admin):
    here, there = visit(admin), visit(admin)
    there.go("/admin/")
    page = here.go("/admin/")
    page.get_by_role("link", name="Sessions").click()
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
    inspect(page, "sessions")
    page.get_by_role("button", name="End", exact=True).click()
    expect(page.get_by_text("1 session has ended.")).to_be_visible()
    assert Session.objects.filter(user=admin).count() == 1
    expect(there.go("/admin/").get_by_role("button", name="Sign in")).to_be_visible()


def test_nothing_has_failed_before_anything_was_tried(visit):
    page = visit().go("/admin/login/")
    expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    expect(page.get_by_text("has not used a passkey")).to_be_hidden()
    expect(page.get_by_text("A passkey needs JavaScript")).to_be_hidden()
    inspect(page, "sign in")


def test_a_forgotten_password(visit, admin):
    visitor = visit()
    page = visitor.go("/admin/login/")
    inspect(page, "sign in")
    page.get_by_role("link", name="Sign in to a particular account").click()
    expect(page.get_by_label("Account")).to_be_visible()
    inspect(page, "sign in to an account")
    page.get_by_role("link", name="Forgotten your password?").click()
    expect(page.get_by_role("button", name="Send a link")).to_be_visible()
    inspect(page, "forgotten")
    page.get_by_label("Email").fill(admin.email)
    page.get_by_role("button", name="Send a link").click()
    expect(page.get_by_role("status")).to_contain_text("a mail with a link is on its way")
    page = visitor.go(f"/admin/forgotten/new/?user={admin.pk}&token={tokens.make_token(admin)}")
    inspect(page, "a new password")
    page.get_by_label("New password:", exact=True).fill(NEW)
    page.get_by_label(re.compile("New password confirmation")).fill(NEW)
    page.get_by_role("button", name="Set the password").click()
    page.get_by_label("Email").fill(admin.email)
    page.get_by_label("Password").fill(NEW)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
