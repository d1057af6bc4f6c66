"""An account whose people sign in at its identity provider alone; and that the way in is never shut for good."""

import io
import re

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.management import CommandError, call_command
from django.test import Client

from tests.factories.users import AccountFactory, AdministratorFactory, IdentityProviderFactory
from users.identity_provider.services import provider_delete, provider_update
from users.models import Account, AccountKind, Role, User, UserAudit
from users.services import ServiceError, account_update

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
CLEAR = "In your account passwords open nothing"


@pytest.fixture
def acme(db):
    return AccountFactory(name="Acme", subdomain="acme")


@pytest.fixture
def chief(acme):
    return AdministratorFactory(account=acme, email="chief@acme.example", password=PASSWORD)


@pytest.fixture
def row(acme):
    return IdentityProviderFactory(account=acme, name="Acme ID")


def link(user, row):
    SocialAccount.objects.create(user=user, provider=row.public_id, uid=f"{user.pk:064}")


def sign_in(client, email="chief@acme.example", password=PASSWORD):
    return client.post("/admin/login/", {"username": email, "password": password, "next": "/admin/"})


def is_in(client):
    return client.get("/admin/").status_code == 200


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


def settings_page(client, account, **data):
    page = f"/admin/users/account/{account.pk}/change/"
    said = {"name": account.name, "time_zone": "UTC", "footer_links": "[]", "purge_with_role": "on", **data}
    return client.post(page, said)


def test_passwords_open_nothing_there_any_more_and_the_words_say_where_to_go(acme, chief, row):
    link(chief, row)
    here, elsewhere = Client(), Client()
    other = AdministratorFactory(account=AccountFactory(), email="other@x.example", password=PASSWORD)
    assert sign_in(here).url == sign_in(elsewhere).url == "/admin/"
    assert settings_page(here, acme, provider_demanded="on").status_code == 302
    acme.refresh_from_db()
    assert acme.provider_demanded is True
    # Every session from before ends, and the password is refused in words, to who knows it alone.
    assert [is_in(here), is_in(elsewhere)] == [False, False]
    answer = sign_in(Client())
    assert answer.status_code == 200
    assert CLEAR in text_of(answer)
    assert f'<a href="/admin/login/at/{row.public_id}/">Acme ID</a>' in text_of(answer)
    for password, email in (("wrong", "chief@acme.example"), (PASSWORD, "nobody@acme.example")):
        answer = text_of(sign_in(Client(), email, password))
        assert CLEAR not in answer
        assert "Wrong email or password" in answer
    # Nobody else is concerned.
    assert sign_in(Client(), other.email).url == "/admin/"
    # A forgotten password is renewed by nobody; an old link for it is worth nothing.
    from users.sign_in.forgotten import links_for, tokens, user_of_link

    chief.refresh_from_db()
    assert links_for([chief.pk]) == ([], None)
    assert [link.user_id for link in links_for([other.pk])[0]] == [other.pk]
    assert user_of_link(str(chief.pk), tokens.make_token(chief)) is None
    # Who came by the provider is in, and confirms there or by an app, not by the password.
    by_provider = Client()
    by_provider.force_login(User.objects.get(pk=chief.pk))
    assert is_in(by_provider)
    session = by_provider.session
    session["password_confirmed_at"] = 0
    session.save()
    page = by_provider.post(f"/admin/users/account/{acme.pk}/change/", {"name": "Acme", "time_zone": "UTC",
                            "footer_links": "[]", "purge_with_role": "on"})  # fmt: skip
    assert "Confirm at Acme ID" in text_of(page)
    assert "Your password" not in text_of(page)
    again = by_provider.post(f"/admin/users/account/{acme.pk}/change/", {"name": "Acme", "time_zone": "UTC",
                             "footer_links": "[]", "purge_with_role": "on", "confirm_password": PASSWORD,
                             "confirm_method": "POST"})  # fmt: skip
    assert "not right" in text_of(again)
    acme.refresh_from_db()
    assert acme.provider_demanded is True
    assert UserAudit.objects.filter(event="sign-in at the provider demanded", user=chief).count() == 1


def test_a_passkey_of_this_site_opens_nothing_there_either(client, acme, chief, monkeypatch):
    monkeypatch.setattr("users.second_factor.sign_in_pages.passkey_fits", lambda *_args: User.objects.get(pk=chief.pk))
    client.post("/admin/login/passkey/", {"credential": "{}"})
    assert is_in(client)
    client.logout()
    Account.objects.filter(pk=acme.pk).update(provider_demanded=True)
    client.post("/admin/login/passkey/", {"credential": "{}"})
    assert not is_in(client)


def test_it_is_demanded_only_where_somebody_gets_in(acme, chief):
    def demand(acting_user=chief, account=acme):
        account_update(acting_user=acting_user, account=account, provider_demanded=True)

    with pytest.raises(ServiceError, match="no identity provider"):
        demand()
    row = IdentityProviderFactory(account=acme, enabled=False)
    link(chief, row)
    with pytest.raises(ServiceError, match="no identity provider"):
        demand()
    other = IdentityProviderFactory(account=acme)
    with pytest.raises(ServiceError, match="Sign in at the identity provider yourself"):
        demand()
    # Somebody else who does is not enough for who shuts the way behind themself.
    somebody = AdministratorFactory(account=acme)
    link(somebody, other)
    with pytest.raises(ServiceError, match="yourself"):
        demand()
    powerless = AdministratorFactory(account=acme)
    Account.objects.filter(pk=acme.pk).update(purge_with_role=False)
    powerless.user_permissions.clear()
    link(powerless, other)
    with pytest.raises(ServiceError, match="may purge"):
        demand(acting_user=User.objects.get(pk=powerless.pk))
    with pytest.raises(ServiceError, match="runs the site"):
        demand(None, AccountFactory(kind=AccountKind.SYSTEM))
    acme.refresh_from_db()
    assert acme.provider_demanded is False
    link(chief, other)
    demand(acting_user=User.objects.get(pk=chief.pk))
    acme.refresh_from_db()
    assert acme.provider_demanded is True


def test_the_last_way_in_stays_and_an_operator_opens_the_other(acme, chief, row):
    root = AdministratorFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True)
    link(chief, row)
    account_update(acting_user=chief, account=acme, provider_demanded=True)
    for act in (
        lambda: provider_delete(acting_user=root, row=row),
        lambda: provider_update(acting_user=root, row=row, enabled=False),
    ):
        with pytest.raises(ServiceError, match="nobody would get in"):
            act()
    second = IdentityProviderFactory(account=acme)
    provider_update(acting_user=root, row=row, enabled=False)
    with pytest.raises(ServiceError, match="nobody would get in"):
        provider_delete(acting_user=root, row=second)
    # The provider fails for good: a command on the machine.
    assert CLEAR in text_of(sign_in(Client()))
    out = io.StringIO()
    call_command("sign_in_by_password", "acme", stdout=out)
    assert "passwords sign people in again" in out.getvalue()
    assert sign_in(Client()).url == "/admin/"
    provider_delete(acting_user=root, row=second)
    with pytest.raises(CommandError, match="already"):
        call_command("sign_in_by_password", "acme")
    with pytest.raises(CommandError, match="no such account"):
        call_command("sign_in_by_password", "nobody")
    assert User.objects.get(pk=chief.pk).has_role(Role.ADMINISTRATOR)
