"""Signing in by the provider of one's account: it signs in its own people, and nobody else, whatever it says."""

import base64
import hashlib
import json
import re
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.factories.allauth_tables import AuthenticatorFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import AccountKind, IdentityProvider, LoginEvent, Session, User, UserState
from users.sessions import digest_of

pytestmark = pytest.mark.django_db
ISSUER = "https://id.acme.example"
PASSWORD = "correct horse battery"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
REFUSED = "Your provider has signed nobody in here."


def jwk(key):
    return {
        **json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())),
        "kid": "1",
        "alg": "RS256",
        "use": "sig",
    }


class Provider(requests.adapters.BaseAdapter):
    """An OpenID provider, written from the specification; it says of a person whatever a test wants it to say."""

    def __init__(self):
        super().__init__()
        self.claims, self.userinfo, self.key, self.issuer, self.asked = {}, {}, KEY, ISSUER, []

    def send(self, request, **options):
        self.asked.append(request)
        path = urlsplit(request.url).path
        documents = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{ISSUER}/auth",
                "token_endpoint": f"{ISSUER}/token",
                "userinfo_endpoint": f"{ISSUER}/me",
                "jwks_uri": f"{ISSUER}/jwks",
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            },
            "/jwks": {"keys": [jwk(KEY)]},
            "/me": self.userinfo,
        }
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = 200, request, request.url
        answer.headers["Content-Type"] = "application/json"
        document = documents[path] if path != "/token" else self._token(request)
        answer._content = json.dumps(document).encode()
        return answer

    def _token(self, request):
        self.exchange = parse_qs(request.body)
        token = jwt.encode(self.claims, self.key, algorithm="RS256", headers={"kid": "1"})
        return {"access_token": "opaque", "token_type": "Bearer", "id_token": token}

    def close(self):
        pass


@pytest.fixture
def provider(monkeypatch):
    provider = Provider()

    def session():
        session = requests.Session()
        session.mount("https://", provider)
        return session

    monkeypatch.setattr("users.identity_provider.adapters.session", session)
    return provider


@pytest.fixture
def acme(db):
    return AccountFactory(name="Acme", subdomain="acme")


@pytest.fixture
def row(acme):
    return IdentityProvider.objects.create(
        account=acme, name="Acme ID", server_url=ISSUER, client_id="lms", secret="very secret"
    )


@pytest.fixture
def ann(acme):
    return AdministratorFactory(account=acme, name="Ann", email="ann@acme.example", password=PASSWORD)


def go_there(client, row, query=""):
    """To the provider; what it is asked."""
    answer = client.get(f"/admin/login/at/{row.public_id}/{query}")
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.url).query).items()}


def come_back(client, row, provider, asked, follow=False, state=None, **said):
    now = int(time.time())
    known = {
        "iss": ISSUER, "aud": "lms", "sub": "17", "nonce": asked["nonce"], "iat": now, "exp": now + 300,
        "email": "ann@acme.example", "email_verified": True,
    }  # fmt: skip
    provider.claims = {name: value for name, value in {**known, **said}.items() if value is not None}
    query = {"code": "once", "state": asked["state"] if state is None else state}
    return client.get(f"/admin/login/at/{row.public_id}/back/", query, follow=follow)


def sign_in(client, row, provider, query="", **said):
    return come_back(client, row, provider, go_there(client, row, query), **said)


def is_in(client):
    return client.get("/admin/").status_code == 200


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


# ---------------------------------------------------------------- its own people


def test_it_signs_in_a_user_of_its_account_and_keeps_nothing_of_what_it_says(client, provider, row, ann):
    asked = go_there(client, row, "?next=/admin/users/internaluser/%3Fq%3Dann@acme.example")
    assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", "lms", "S256")
    assert set(asked["scope"].split()) == {"openid", "email"}
    assert asked["redirect_uri"] == f"http://localhost:8000/admin/login/at/{row.public_id}/back/"
    waiting = Session.objects.get(pk=digest_of(client.cookies["sessionid"].value))
    assert "@" not in str(waiting.get_decoded())
    answer = come_back(client, row, provider, asked, sub="ann@acme.example")
    assert answer.url == "/admin/users/internaluser/"
    assert client.get(answer.url).status_code == 200
    verifier = provider.exchange["code_verifier"][0]
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    assert challenge == asked["code_challenge"]
    (link,) = SocialAccount.objects.values()
    assert (link["user_id"], link["provider"], link["extra_data"]) == (ann.pk, row.public_id, {})
    assert re.fullmatch("[0-9a-f]{64}", link["uid"])
    assert EmailAddress.objects.count() == SocialToken.objects.count() == SocialApp.objects.count() == 0
    assert "ann@" not in str(client.session.items())
    assert list(LoginEvent.objects.values_list("user", "success")) == [(ann.pk, True)]
    # By the link from now on, whatever becomes of the address, and whoever gets it.
    User.objects.filter(pk=ann.pk).update(email="new@acme.example", email_key="new@acme.example")
    AdministratorFactory(account=row.account, email="ann@acme.example")
    provider.userinfo = {"sub": "ann@acme.example"}
    again = Client()
    sign_in(again, row, provider, sub="ann@acme.example", email=None, email_verified=None)
    assert int(again.session["_auth_user_id"]) == ann.pk
    # An address of somebody whom the provider has named otherwise before: it may have been given to another person.
    provider.userinfo = {}
    assert REFUSED in text_of(sign_in(Client(), row, provider, follow=True, sub="18", email="new@acme.example"))


def test_by_the_login_and_by_what_the_provider_says_of_the_same_person_elsewhere(client, provider, row, acme):
    user = AdministratorFactory(account=acme, email="x@private.example", adobe_id="sso-ann@acme.example")
    provider.userinfo = {"sub": "17", "email": "SSO-Ann@Acme.example", "email_verified": "true"}
    sign_in(client, row, provider, email=None, email_verified=None)
    assert int(client.session["_auth_user_id"]) == user.pk


def test_a_second_factor_is_asked_for_here_too(client, provider, row, ann):
    AuthenticatorFactory(user=ann)
    assert sign_in(client, row, provider).url == "/admin/login/second/"
    assert not is_in(client)
    assert not LoginEvent.objects.exists()


# ---------------------------------------------------------------- nobody else


def test_whoever_else_it_names_is_refused_in_the_same_words(provider, row, acme, ann):
    """The address of another account's administrator, of who runs the platform, of who is deleted or being purged, of
    who has no access; an address that nobody has looked at; one of two people."""
    platform = AccountFactory(kind=AccountKind.SYSTEM, name="Platform", subdomain="platform")
    globex = AccountFactory(name="Globex", subdomain="globex")
    deleted = timezone.now() - timedelta(days=1)
    AdministratorFactory(account=globex, email="chief@globex.example")
    UserFactory(account=platform, email="olga@lms.example", is_superuser=True)
    UserFactory(account=platform, email="sam@lms.example", is_support=True)
    AdministratorFactory(account=acme, email="root@acme.example", is_superuser=True)
    AdministratorFactory(account=acme, email="help@acme.example", is_support=True)
    AdministratorFactory(account=acme, email="gone@acme.example", deleted_at=deleted)
    going = AdministratorFactory(account=acme, email="going@acme.example")
    User.objects.filter(pk=going.pk).update(state=UserState.PURGING)
    UserFactory(account=acme, email="learner@acme.example")
    AdministratorFactory(account=acme, email="one@acme.example", adobe_id="both@acme.example")
    AdministratorFactory(account=acme, email="both@acme.example")
    cases = [
        {"email": address}
        for address in (
            "chief@globex.example", "olga@lms.example", "sam@lms.example", "root@acme.example", "help@acme.example",
            "gone@acme.example", "going@acme.example", "learner@acme.example", "both@acme.example",
            "nobody@acme.example", "", "not an address",
        )
    ]  # fmt: skip
    cases += [{"email_verified": value} for value in (None, False, "false", 1.5, "yes", [])]
    for said in cases:
        client = Client()
        answer = sign_in(client, row, provider, follow=True, sub="someone", **said)
        assert REFUSED in text_of(answer), said
        assert not is_in(client), said
    assert SocialAccount.objects.count() == LoginEvent.objects.count() == 0
    # Beside them, its own.
    good = Client()
    sign_in(good, row, provider)
    assert is_in(good)


def test_a_link_signs_in_nobody_who_has_gone_or_is_another_accounts(provider, row, ann):
    sign_in(Client(), row, provider)
    stranger = AdministratorFactory(account=AccountFactory(name="Globex"))
    link = SocialAccount.objects.get()
    now = timezone.now()
    for state in (UserState.DELETED, UserState.PURGING):
        User.objects.filter(pk=ann.pk).update(state=state, deleted_at=now, deleted_month="2026-01")
        assert REFUSED in text_of(sign_in(Client(), row, provider, follow=True))
    User.objects.filter(pk=ann.pk).update(state=UserState.ACTIVE, deleted_at=None, deleted_month=None)
    SocialAccount.objects.filter(pk=link.pk).update(user=stranger)
    assert REFUSED in text_of(sign_in(Client(), row, provider, follow=True))
    SocialAccount.objects.filter(pk=link.pk).update(user=ann)
    IdentityProvider.objects.update(enabled=False)
    assert Client().get(f"/admin/login/at/{row.public_id}/").status_code == 404
    IdentityProvider.objects.update(enabled=True)
    good = Client()
    sign_in(good, row, provider)
    assert is_in(good)


def test_what_is_not_to_be_believed_is_refused(provider, row, acme, ann):
    other = IdentityProvider.objects.create(account=acme, name="Other", server_url=ISSUER, client_id="other")
    now = int(time.time())
    for said in (
        {"nonce": "another"}, {"nonce": None}, {"aud": "another"}, {"iss": "https://id.other.example"},
        {"exp": now - 60}, {"sub": None}, {"state": "another"}, {"state": ""},
    ):  # fmt: skip
        client = Client()
        assert REFUSED in text_of(sign_in(client, row, provider, follow=True, **said)), said
        assert not is_in(client)
    client = Client()
    asked = go_there(client, row)
    # A state of one provider at another; the same one twice; an answer without a code; somebody else's browser.
    assert REFUSED in text_of(come_back(client, other, provider, asked, follow=True, aud="other"))
    assert REFUSED in text_of(come_back(Client(), row, provider, asked, follow=True))
    assert come_back(client, row, provider, asked).url == "/admin/"
    client.post("/admin/logout/")
    assert REFUSED in text_of(come_back(client, row, provider, asked, follow=True))
    asked = go_there(client, row)
    refused = client.get(f"/admin/login/at/{row.public_id}/back/", {"error": "access_denied", "state": asked["state"]})
    assert refused.url == "/admin/login/"
    # Signed with another key; of another person than the token; a discovery document of somebody else.
    provider.key = OTHER_KEY
    assert REFUSED in text_of(sign_in(client, row, provider, follow=True))
    provider.key, provider.userinfo = KEY, {"sub": "18", "email": "ann@acme.example", "email_verified": True}
    assert REFUSED in text_of(sign_in(client, row, provider, follow=True, email=None))
    provider.issuer = "https://evil.example"
    assert client.get(f"/admin/login/at/{row.public_id}/").url == "/admin/login/"
    assert not is_in(client)


# ---------------------------------------------------------------- confirming


def test_who_has_no_password_confirms_at_the_provider_in_another_tab(client, provider, row, acme, ann):
    ann.set_unusable_password()
    ann.save()
    other = AdministratorFactory(account=acme, email="other@acme.example", may_purge=False)
    sign_in(client, row, provider)

    def grow_old():
        session = client.session
        session["password_confirmed_at"] = time.time() - 3600
        session.save()

    grow_old()
    data = {"action": "remove_role", "_selected_action": [other.pk], "apply": "1", "role": "administrator"}
    page = text_of(client.post("/admin/users/internaluser/", data))
    assert f"/admin/login/at/{row.public_id}/?confirm=1" in page
    assert "Confirm at Acme ID" in page
    # Nothing typed, a wrong code: nothing done.
    for typed in ("", "123456"):
        answer = client.post("/admin/users/internaluser/", {**data, "confirm_password": typed})
        assert "Confirm that it is you" in text_of(answer)
    asked = go_there(client, row, "?confirm=1")
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    now = int(time.time())
    # Another person, and one who has not been asked again.
    other_says = {"sub": "18", "email": "other@acme.example", "auth_time": now}
    assert REFUSED in text_of(come_back(client, row, provider, asked, follow=True, **other_says))
    assert is_in(client)
    stale = sign_in(client, row, provider, "?confirm=1", auth_time=now - 3600)
    assert stale.url == "/admin/login/"
    assert User.objects.get(pk=other.pk).has_role("administrator")
    assert "It is you" in text_of(sign_in(client, row, provider, "?confirm=1", auth_time=now))
    client.post("/admin/users/internaluser/", {**data, "confirm_password": ""})
    assert not User.objects.get(pk=other.pk).has_role("administrator")


# ---------------------------------------------------------------- who chooses it


def form(**values):
    return {
        "name": "Acme ID",
        "server_url": ISSUER,
        "client_id": "lms",
        "secret": "hush-hush",
        "enabled": "on",
        **values,
    }


def test_whoever_may_purge_chooses_it_and_nobody_reads_its_secret(client, acme, ann, provider):
    add, rows = "/admin/users/identityprovider/add/", IdentityProvider.objects
    acme.purge_with_role = False
    acme.save()
    without = AdministratorFactory(account=acme, may_purge=False)
    client.force_login(without)
    assert client.post(add, form()).status_code == 403
    client.force_login(AdministratorFactory(account=AccountFactory(name="Globex"), may_purge=True))
    assert client.post(add, form(account=acme.pk)).status_code == 302
    assert rows.get().account.name == "Globex"
    rows.all().delete()
    client.force_login(ann)
    session = client.session
    session["password_confirmed_at"] = time.time() - 3600
    session.save()
    assert "Confirm that it is you" in text_of(client.post(add, form()))
    assert not rows.exists()
    assert client.post(add, form(confirm_password=PASSWORD)).status_code == 302
    row = rows.get()
    assert (row.account_id, row.secret) == (acme.pk, "hush-hush")
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM users_identityprovider")
        assert "hush" not in cursor.fetchone()[0]
    change = f"/admin/users/identityprovider/{row.pk}/change/"
    page = text_of(client.get(change))
    assert "hush" not in page
    assert f"http://localhost:8000/admin/login/at/{row.public_id}/back/" in page
    # Blank keeps the secret; another issuer ends the links of its people.
    SocialAccount.objects.create(user=ann, provider=row.public_id, uid="0" * 64)
    client.post(change, form(secret="", name="Acme"))
    row.refresh_from_db()
    assert (row.name, row.secret, SocialAccount.objects.count()) == ("Acme", "hush-hush", 1)
    client.post(change, form(secret="", name="Acme", server_url="https://id2.acme.example"))
    assert SocialAccount.objects.count() == 0
    assert "Acme" in text_of(client.get(f"/admin/users/account/{acme.pk}/change/"))
    client.force_login(without)
    assert client.get(change).status_code in (403, 404)
    client.force_login(ann)
    client.post(f"/admin/users/identityprovider/{row.pk}/delete/", {"post": "yes"})
    assert not rows.exists()


def test_a_purge_takes_the_links_and_the_librarys_unused_rows(provider, row, acme, ann):
    from allauth.account.models import EmailConfirmation

    from purge.services import purge_submit
    from purge.tasks import run_request

    sign_in(Client(), row, provider)
    link = SocialAccount.objects.get()
    SocialToken.objects.create(account=link, token="t")
    address = EmailAddress.objects.create(user=ann, email="ann@acme.example")
    EmailConfirmation.objects.create(email_address=address, key="k")
    other = AdministratorFactory(account=acme)
    theirs = EmailAddress.objects.create(user=other, email="theirs@acme.example")
    day = timezone.now() - timedelta(days=1)
    User.objects.filter(pk=ann.pk).update(state="deleted", deleted_at=day, deleted_month="2026-01")
    request = purge_submit(acting_user=other, account_id=acme.pk, user_ids=[ann.pk])
    run_request(request.pk)
    request.refresh_from_db()
    assert request.status == "completed"
    assert not User.objects.filter(pk=ann.pk).exists()
    counted = [model.objects.count() for model in (SocialAccount, SocialToken, EmailConfirmation, Authenticator)]
    assert counted == [0, 0, 0, 0]
    assert list(EmailAddress.objects.values_list("pk", flat=True)) == [theirs.pk]
