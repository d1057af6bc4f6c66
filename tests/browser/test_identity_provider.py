"""Signing in at an account's own provider, and confirming there who it is, in a browser; the provider is a real one."""

from ipaddress import ip_network
from uuid import uuid4

from playwright.sync_api import expect

from tests.browser.test_every_page import inspect
from tests.browser.test_signing_in import grow_old
from tests.factories.users import UserFactory
from tests.users.identity_provider.test_real_provider import real_provider
from users.models import IdentityProvider


def sign_in_there(page, name, *, again=False):
    """The provider's own pages: who it is, and, the first time, that this site may know it."""
    page.get_by_placeholder("Enter any login").fill(name)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    if not again:
        page.get_by_role("button", name="Continue").click()


def test_signing_in_and_confirming_at_a_provider(visit, account, site, settings, tmp_path):
    public_id = uuid4().hex
    settings.LMS_BASE_URL, settings.LMS_PROVIDER_NETWORKS = site, [ip_network("127.0.0.0/8")]
    ann = UserFactory(account=account, email="ann@acme.example", roles=["administrator"])
    ann.set_unusable_password()
    ann.save()
    UserFactory(account=account, name="Lee Leaver", deleted=True)
    with real_provider(tmp_path, f"{site}/admin/login/at/{public_id}/back/") as issuer:
        IdentityProvider.objects.create(
            account=account,
            public_id=public_id,
            name="Acme ID",
            server_url=issuer,
            client_id="lms",
            secret="very secret",
        )
        visitor = visit()
        # Somebody whom the provider knows, and this account does not, gets in nowhere.
        page = visitor.go(f"/admin/login/at/{public_id}/")
        sign_in_there(page, "chief")
        expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
        inspect(page, "refused from the provider")
        visitor.context.clear_cookies()
        page = visitor.go(f"/admin/login/at/{public_id}/")
        sign_in_there(page, "ann")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        # An hour later an export asks who it is; the provider can say so, in a tab of its own.
        grow_old(visitor)
        page.goto(f"{site}/admin/users/deleteduser/export/")
        expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
        inspect(page, "confirm, without a password")
        with visitor.context.expect_page() as opened:
            page.get_by_role("link", name="Confirm at Acme ID").click()
        tab = opened.value
        sign_in_there(tab, "ann", again=True)
        expect(tab.get_by_text("Close this tab")).to_be_visible()
        tab.close()
        with page.expect_download() as download:
            page.get_by_role("button", name="Confirm", exact=True).click()
        assert download.value.suggested_filename.startswith("deleted-users-")
        # What the provider's own pages ask (letters of another host) and complain of is not ours; ours are inspected.
        visitor.noise.clear()
