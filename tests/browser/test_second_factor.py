"""A passkey and an authenticator app, set up and used in a browser."""

import base64
import hashlib
import hmac
import struct
import time

from playwright.sync_api import expect

from tests.browser.test_every_page import inspect

PASSWORD = "a long pass phrase 1"


def code_of(secret: str) -> str:
    """RFC 6238: what an app shows now."""
    key = base64.b32decode(secret.replace(" ", ""))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def sign_in(page, email):
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_passkey_is_made_asked_for_and_enough_by_itself(visit, admin):
    visitor = visit()
    # A passkey belongs to a name.
    visitor.site = visitor.site.replace("127.0.0.1", "localhost")
    device = visitor.context.new_cdp_session(visitor.page)
    device.send("WebAuthn.enable")
    known = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options = {**known, "isUserVerified": True, "automaticPresenceSimulation": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page = visitor.go("/admin/login/")
    sign_in(page, admin.email)
    page.get_by_role("link", name="Second factor").click()
    expect(page.get_by_text("You have none yet")).to_be_visible()
    inspect(page, "second factor, none")
    page.get_by_role("link", name="Add a passkey").click()
    expect(page.get_by_role("button", name="Make a passkey")).to_be_visible()
    expect(page.get_by_text("A passkey needs JavaScript")).to_be_hidden()
    inspect(page, "a passkey")
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    inspect(page, "recovery codes")
    page.get_by_role("link", name="Go on").click()
    expect(page.get_by_role("row", name="Passkey")).to_be_visible()
    inspect(page, "second factor, one")
    page.get_by_role("button", name="Sign out").click()
    # After the password.
    visitor.go("/admin/login/")
    sign_in(page, admin.email)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    inspect(page, "one more step")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    # Without one.
    visitor.go("/admin/login/?next=/admin/users/internaluser/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Internal Users")).to_be_visible()


def test_an_app_is_set_up_without_javascript_on_a_phone_in_the_dark(visit, admin):
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "java_script_enabled": False}
    visitor = visit(**phone)
    page = visitor.go("/admin/login/")
    expect(page.get_by_text("A passkey needs JavaScript")).to_be_visible()
    sign_in(page, admin.email)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Second factor").click()
    page.get_by_role("link", name="Set up an authenticator app").click()
    secret = page.locator("code").text_content()
    page.get_by_label("The code that the app shows").fill(code_of(secret))
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    codes = page.locator("code").all_text_contents()
    assert len(codes) == 10
    other = visit(**phone)
    page = other.go("/admin/login/")
    sign_in(page, admin.email)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    page.get_by_label("The code that your app shows, or a recovery code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
