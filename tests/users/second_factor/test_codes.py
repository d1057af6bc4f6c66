"""Signing in with a second factor: codes of an app, recovery codes, and whom they are demanded of."""

import base64
import hashlib
import hmac
import io
import re
import struct
import time
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import Account, AccountKind, EnrolmentCode, LoginEvent, Session, User, UserAudit
from users.second_factor.enrolment import enrolment_code_give
from users.services import ServiceError
from users.sessions import digest_of

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
LOGIN = "/admin/login/"
SECOND = "/admin/login/second/"
ENROL = "/admin/login/enrol/"
PEOPLE = "/admin/users/internaluser/"
OWN = "/admin/second-factor/"


def code_at(secret: str, moment: float) -> str:
    """RFC 6238, written from the standard: what an app shows at a moment."""
    key = base64.b32decode(secret.replace(" ", ""))
    digest = hmac.new(key, struct.pack(">Q", int(moment) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def test_the_app_of_this_test_shows_what_the_standard_says():
    seed = base64.b32encode(b"12345678901234567890").decode()
    assert [code_at(seed, moment) for moment in (59, 1111111109, 1234567890)] == ["287082", "081804", "005924"]


@pytest.fixture
def clock(monkeypatch):
    """Stands still; `clock(seconds)` lets time go by."""
    now = [time.time()]
    monkeypatch.setattr("time.time", lambda: now[0])

    def go_on(seconds=0.0):
        now[0] += seconds
        return now[0]

    return go_on


@pytest.fixture
def acme(db):
    return AccountFactory(name="Acme", subdomain="acme")


@pytest.fixture
def chief(acme):
    return AdministratorFactory(account=acme, name="Chief", email="chief@acme.example", password=PASSWORD)


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


def sign_in(client, email="chief@acme.example", password=PASSWORD, **data):
    return client.post(LOGIN, {"username": email, "password": password, "next": "/admin/", **data})


def is_in(client):
    return client.get("/admin/").status_code == 200


def secret_on(page):
    return re.search(r"<code>([A-Z2-7 ]{30,})</code>", page.content.decode())[1]


def set_up_app(client, clock):
    """As the page says: scan, type the code. Returns the app's secret."""
    secret = secret_on(client.get(f"{OWN}app/"))
    done = client.post(f"{OWN}app/", {"code": code_at(secret, clock())})
    assert done.status_code == 302, text_of(done)
    return secret


def recovery_codes(client):
    return re.findall(r"<code>(\d{10})</code>", client.get(f"{OWN}codes/").content.decode())


@pytest.fixture
def here(chief):
    client = Client()
    assert sign_in(client).url == "/admin/"
    return client


def test_with_default_settings_a_password_signs_in_as_before(client, chief):
    answer = sign_in(client, next="/admin/users/internaluser/")
    assert answer.url == "/admin/users/internaluser/"
    assert client.get(answer.url).status_code == 200
    assert list(LoginEvent.objects.values_list("user", "success")) == [(chief.pk, True)]


def test_a_code_of_the_app_is_asked_for_and_is_good_once(here, chief, clock):
    elsewhere = Client()
    sign_in(elsewhere)
    secret = set_up_app(here, clock)
    # Sessions that have shown a password alone end, but the one in which it was set up.
    assert is_in(here)
    assert not is_in(elsewhere)
    before = LoginEvent.objects.count()
    assert sign_in(elsewhere).url == SECOND
    assert not is_in(elsewhere)
    assert LoginEvent.objects.count() == before
    assert "One more step" in text_of(elsewhere.get(SECOND))
    used = code_at(secret, clock())
    assert "was used before" in text_of(elsewhere.post(SECOND, {"code": used}))
    clock(90)
    # The half minute before and after this one are good, no other.
    for wrong in ("000000" if code_at(secret, clock()) != "000000" else "111111", code_at(secret, clock() + 90), ""):
        assert elsewhere.post(SECOND, {"code": wrong}).status_code == 200
    assert not is_in(elsewhere)
    assert LoginEvent.objects.filter(success=False).count() == 3
    assert UserAudit.objects.filter(user=chief, event="second factor refused").count() == 3
    good = code_at(secret, clock())
    assert elsewhere.post(SECOND, {"code": f" {good[:3]} {good[3:]} "}).url == "/admin/"
    page = elsewhere.get("/admin/")
    assert "3 tries to sign in as you were refused" in text_of(page)
    assert LoginEvent.objects.filter(success=True).count() == before + 1
    # The same code again, in another browser.
    third = Client()
    sign_in(third)
    assert third.post(SECOND, {"code": good}).status_code == 200
    assert not is_in(third)
    # A wrong password is told as ever, whatever comes behind it.
    assert "Wrong email or password" in text_of(sign_in(Client(), password="wrong"))


def test_tries_are_counted_slowed_down_and_never_locked_for_good(here, chief, clock, monkeypatch):
    secret = set_up_app(here, clock)
    LoginEvent.objects.all().delete()
    thief = Client(REMOTE_ADDR="192.0.2.66")
    sign_in(thief)
    answers = [thief.post(SECOND, {"code": "abc"}) for _n in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    clock(60)
    # Not even a right one while it has to wait.
    assert thief.post(SECOND, {"code": code_at(secret, clock())}).status_code == 429
    later = timezone.now() + timedelta(seconds=61)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    assert thief.post(SECOND, {"code": code_at(secret, clock())}).url == "/admin/"


def test_an_unfinished_sign_in_is_its_users_and_holds_no_address(here, chief, clock):
    set_up_app(here, clock)
    waiting = Client()
    sign_in(waiting, next="/admin/users/internaluser/?q=ann@acme.example")
    assert waiting.session["unfinished_sign_in"]["next"] == "/admin/users/internaluser/"
    key = waiting.cookies["sessionid"].value
    row = Session.objects.get(pk=digest_of(key))
    assert row.user_id == chief.pk
    assert set(row.get_decoded()) == {"unfinished_sign_in"}
    assert "@" not in str(row.get_decoded())
    assert row.expire_date < timezone.now() + timedelta(minutes=11)
    listed = text_of(here.get("/admin/sessions/"))
    assert "not finished" in listed
    assert "127.0.0.1" in listed
    # It ends with a new password, with its user, and by itself.
    good = dict(waiting.session["unfinished_sign_in"])
    for changed in ({"at": time.time() - 601}, {"hash": "another"}, {"user": 10**30}, {"user": 0}):
        session = waiting.session
        session["unfinished_sign_in"] = {**good, **changed}
        session.save()
        assert waiting.get(SECOND, follow=True).redirect_chain[0][0] == LOGIN
        assert waiting.post(ENROL, {"code": "x"}).url == LOGIN
    assert not is_in(waiting)


def test_each_recovery_code_is_good_once_and_new_ones_end_the_old(here, chief, clock):
    set_up_app(here, clock)
    codes = recovery_codes(here)
    assert len(set(codes)) == 10
    other = Client()
    sign_in(other)
    assert other.post(SECOND, {"code": codes[3]}).url == "/admin/"
    assert UserAudit.objects.filter(user=chief, event="recovery code used").count() == 1
    assert recovery_codes(here) == codes[:3] + codes[4:]
    assert "9 recovery codes are left" in text_of(here.get(OWN))
    again = Client()
    sign_in(again)
    assert again.post(SECOND, {"code": codes[3]}).status_code == 200
    assert here.post(OWN, {"renew": "1"}).url == f"{OWN}codes/"
    assert not set(recovery_codes(here)) & set(codes)
    assert again.post(SECOND, {"code": codes[4]}).status_code == 200
    assert again.post(SECOND, {"code": recovery_codes(here)[0]}).url == "/admin/"


def test_no_secret_is_stored_as_it_is_and_no_page_of_it_is_stored_by_the_browser(here, chief, clock):
    page = here.get(f"{OWN}app/")
    secret = secret_on(page).replace(" ", "")
    assert "no-store" in page.headers["Cache-Control"]
    assert secret not in str(here.session.items())
    set_up_app(here, clock)
    codes = recovery_codes(here)
    stored = str(list(Authenticator.objects.values()))
    assert secret not in stored
    assert not [code for code in codes if code in stored]
    assert chief.email not in stored
    assert "second_factor_secret" not in here.session
    assert EmailAddress.objects.count() == SocialAccount.objects.count() == 0


def test_it_is_set_up_and_taken_away_by_who_has_just_confirmed(here, chief, clock):
    """An open session is not enough; and nobody takes away another one's."""
    secret = set_up_app(here, clock)
    row = Authenticator.objects.get(user=chief, type="totp")
    other = AdministratorFactory(account=chief.account, email="other@acme.example", password=PASSWORD)
    stranger = Client()
    sign_in(stranger, other.email)
    stranger.post(OWN, {"remove": row.pk})
    assert Authenticator.objects.filter(pk=row.pk).exists()
    session = here.session
    session["password_confirmed_at"] = time.time() - 3600
    session.save()
    for asked in (
        here.get(f"{OWN}app/"),
        here.get(f"{OWN}passkey/"),
        here.get(f"{OWN}codes/"),
        here.post(OWN, {"remove": row.pk}),
        here.post(OWN, {"renew": "1"}),
    ):
        assert "Confirm that it is you" in text_of(asked)
    assert Authenticator.objects.filter(user=chief).count() == 2
    assert here.post(OWN, {"remove": row.pk, "confirm_password": PASSWORD}).url == OWN
    assert not Authenticator.objects.filter(user=chief).exists()
    assert "You have none yet" in text_of(here.get(OWN))
    # From now on the password is enough again.
    assert sign_in(Client()).url == "/admin/"
    assert secret


def test_its_owner_is_told(here, chief, clock, mailoutbox, django_capture_on_commit_callbacks):
    from users.tasks import tell_of_second_factor

    set_up_app(here, clock)
    assert tell_of_second_factor(chief.pk) is True
    (mail,) = mailoutbox
    assert mail.to == ["chief@acme.example"]
    assert mail.subject == "Your second factor has changed"


# ---------------------------------------------------------------- demanded


def enrolment_code(*arguments):
    out, err = io.StringIO(), io.StringIO()
    call_command("second_factor_code", *arguments, stdout=out, stderr=err)
    return dict(line.split("\t") for line in out.getvalue().splitlines())


def test_an_account_demands_it_of_whoever_may_purge(here, acme, chief, clock):
    without = AdministratorFactory(account=acme, email="without@acme.example", password=PASSWORD, may_purge=False)
    third = Client()
    form = f"/admin/users/account/{acme.pk}/change/"
    settings = {
        "name": "Acme",
        "time_zone": "UTC",
        "footer_links": "[]",
        "purge_with_role": "on",
        "second_factor_demanded": "on",
    }
    refused = here.post(form, settings)
    assert "Set up your own second factor first" in text_of(refused)
    assert Account.objects.get(pk=acme.pk).second_factor_demanded is False
    theirs = Client()
    sign_in(theirs, without.email)
    secret = set_up_app(here, clock)
    assert here.post(form, settings).status_code == 302
    assert Account.objects.get(pk=acme.pk).second_factor_demanded is True
    assert is_in(here)
    # A session that has shown a password alone goes no further, and a password does not sign in.
    thrown_out = theirs.get("/admin/users/internaluser/", follow=True)
    assert thrown_out.redirect_chain == [(LOGIN, 302)]
    assert "A second factor is demanded of you" in text_of(thrown_out)
    assert sign_in(theirs, without.email).url == SECOND
    assert theirs.get(SECOND).url == ENROL
    assert "gives you a code for setting it up" in text_of(theirs.get(ENROL))
    assert not is_in(theirs)
    # Somebody who may purge hands over the code; for themselves, a learner and another account's people there is none.
    learner, stranger = UserFactory(account=acme), AdministratorFactory(account=AccountFactory())
    ticked = [each.pk for each in (without, chief, learner, stranger)]
    given = here.post(PEOPLE, {"action": "second_factor_codes", "_selected_action": ticked})
    assert "no-store" in given.headers["Cache-Control"]
    codes = re.findall("<code>([A-Z2-7-]{19})</code>", given.content.decode())
    assert len(codes) == 1
    assert set(EnrolmentCode.objects.values_list("user", flat=True)) == {without.pk}
    assert theirs.post(ENROL, {"code": codes[0]}).url == ENROL
    EnrolmentCode.objects.all().delete()
    with pytest.raises(ServiceError):
        enrolment_code_give(acting_user=stranger, user=without)
    with pytest.raises(ServiceError):
        enrolment_code_give(acting_user=learner, user=without)
    # Only whoever may purge: another administrator of an account that gives it one by one signs in as before.
    Account.objects.filter(pk=acme.pk).update(purge_with_role=False)
    assert sign_in(third, without.email).url == "/admin/"
    assert is_in(third)
    page = text_of(third.get(PEOPLE))
    assert 'value="assign_role"' in page
    assert "second_factor_codes" not in page
    # The last one is not taken away while it is demanded.
    Account.objects.filter(pk=acme.pk).update(purge_with_role=True)
    here.post(OWN, {"remove": Authenticator.objects.get(user=chief, type="totp").pk})
    assert Authenticator.objects.filter(user=chief).count() == 2
    clock(60)
    assert sign_in(Client()).url == SECOND
    assert secret


def test_whoever_is_there_at_the_upgrade_sets_up_the_first_one_with_a_code(client, acme, chief, clock, settings):
    """Behind https the platform's own people need one. Their password sets up nothing, nor does another's code."""
    platform = AccountFactory(kind=AccountKind.SYSTEM, name="Platform", subdomain="platform")
    olga = UserFactory(account=platform, email="olga@lms.example", is_superuser=True, password=PASSWORD)
    sam = UserFactory(account=platform, email="sam@lms.example", is_support=True, password=PASSWORD)
    assert sign_in(Client(), olga.email).url == "/admin/"
    settings.LMS_HTTPS = True
    codes = enrolment_code("--all")
    assert set(codes) == {str(olga.pk), str(sam.pk)}
    assert all(re.fullmatch(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}", code) for code in codes.values())
    assert not [code for code in codes.values() if code.replace("-", "") in str(list(EnrolmentCode.objects.values()))]
    assert sign_in(client, olga.email).url == SECOND
    page = client.post(ENROL, {"code": codes[str(sam.pk)]})
    assert "This code is not right, or too old." in text_of(page)
    assert "<code>" not in text_of(page)
    # Nor by going round the question.
    assert "A second factor is needed" in text_of(client.post(ENROL, {"credential": "{}"}))
    assert client.get(f"{OWN}app/").status_code == 302
    assert not Authenticator.objects.exists()
    assert client.post(ENROL, {"code": codes[str(olga.pk)].lower().replace("-", " ")}).url == ENROL
    secret = secret_on(client.get(ENROL))
    assert "This is not the code that your app should show" in text_of(client.post(ENROL, {"code": "12345"}))
    done = client.post(ENROL, {"code": code_at(secret, clock())})
    assert done.url == f"{OWN}codes/"
    assert len(recovery_codes(client)) == 10
    assert is_in(client)
    # It is used up; with the next sign-in the app is asked.
    assert set(EnrolmentCode.objects.values_list("user", flat=True)) == {sam.pk}
    assert set(enrolment_code("--all")) == {str(sam.pk)}
    clock(60)
    assert sign_in(client, olga.email).url == SECOND
    assert client.post(SECOND, {"code": code_at(secret, clock())}).url == "/admin/"
    # An account's people are none of the platform's business.
    assert sign_in(Client()).url == "/admin/"
    # Lost: all of it goes, the sessions end, and a new code is needed.
    (number, code) = next(iter(enrolment_code("--user", str(olga.pk), "--lost").items()))
    assert number == str(olga.pk)
    assert not is_in(client)
    assert not Authenticator.objects.filter(user=olga).exists()
    assert sign_in(client, olga.email).url == SECOND
    later = timezone.now() + timedelta(hours=25)
    EnrolmentCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "too old" in text_of(client.post(ENROL, {"code": code}))
    assert later > timezone.now()


def test_a_new_operator_gets_the_code_with_the_account(client, clock, settings, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    settings.LMS_HTTPS = True
    out = io.StringIO()
    call_command("createsuperuser", email="new@lms.example", name="New", noinput=True, stdout=out)
    code = re.search(r"type this code: (\S+)", out.getvalue())[1]
    sign_in(client, "new@lms.example")
    assert client.post(ENROL, {"code": code}).url == ENROL
    settings.LMS_HTTPS = False
    out = io.StringIO()
    call_command("createsuperuser", email="other@lms.example", name="Other", noinput=True, stdout=out)
    assert "code" not in out.getvalue()


def test_the_command_refuses_who_is_not_there(acme):
    gone = UserFactory(account=acme, deleted=True)
    for arguments in (("--user", "999999"), ("--user", str(gone.pk)), ("--all", "--lost")):
        with pytest.raises(CommandError):
            enrolment_code(*arguments)
    assert not EnrolmentCode.objects.exists()


def test_a_purge_takes_all_of_it(here, acme, chief, clock):
    from purge.services import purge_submit
    from purge.tasks import run_request

    other = AdministratorFactory(account=acme, email="other@acme.example")
    set_up_app(here, clock)
    waiting = Client()
    sign_in(waiting)
    enrolment_code("--user", str(chief.pk))
    User.objects.filter(pk=chief.pk).update(
        state="deleted", deleted_at=timezone.now() - timedelta(days=1), deleted_month="2026-01"
    )
    request = purge_submit(acting_user=other, account_id=acme.pk, user_ids=[chief.pk])
    run_request(request.pk)
    request.refresh_from_db()
    assert request.status == "completed"
    assert not User.objects.filter(pk=chief.pk).exists()
    assert Authenticator.objects.count() == EnrolmentCode.objects.count() == 0
    assert not Session.objects.filter(user=chief.pk).exists()


def test_nonsense_of_a_browser_is_no_passkey_and_no_error(here, chief, clock):
    deep = "[" * 19_000
    handle = '{"response": {"userHandle": "AA"}}'
    for answer in ("", "{}", "[]", "null", deep, '{"id": 1}', handle, "x" * 30_000, "\x00"):
        assert here.post(f"{OWN}passkey/", {"credential": answer}).status_code == 200
        assert Client().post("/admin/login/passkey/", {"credential": answer}).url == LOGIN
    set_up_app(here, clock)
    waiting = Client()
    sign_in(waiting)
    for answer in ("{}", deep, '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}'):
        assert waiting.post(SECOND, {"credential": answer}).status_code == 200
    assert not is_in(waiting)


def test_who_is_restored_keeps_it_and_who_is_brought_back_has_nothing_of_before(here, acme, chief, clock):
    """Restored by somebody who knows that it is the same person; brought back by an address, which may be another's."""
    from users.services import user_create, user_delete, user_restore

    other = AdministratorFactory(account=acme, email="other@acme.example")
    set_up_app(here, clock)
    SocialAccount.objects.create(user=chief, provider="0" * 32, uid="0" * 64)
    user_delete(acting_user=other, user=chief)
    user_restore(acting_user=other, user=chief)
    assert (Authenticator.objects.filter(user=chief).count(), SocialAccount.objects.count()) == (2, 0)
    user_delete(acting_user=other, user=chief)
    user_create(acting_user=other, account=acme, email=chief.email, name="Chief")
    assert (Authenticator.objects.filter(user=chief).count(), SocialAccount.objects.count()) == (0, 0)


def test_a_new_key_is_put_under_what_is_there_and_the_app_goes_on(here, chief, clock, settings):
    from cryptography.fernet import Fernet

    secret = set_up_app(here, clock)
    codes = recovery_codes(here)
    new = Fernet.generate_key().decode()
    settings.LMS_ENCRYPTION_KEYS = [new, *settings.LMS_ENCRYPTION_KEYS]
    call_command("secrets_rotate", stdout=io.StringIO())
    settings.LMS_ENCRYPTION_KEYS = [new]
    assert recovery_codes(here) == codes
    clock(60)
    other = Client()
    sign_in(other)
    assert other.post(SECOND, {"code": code_at(secret, clock())}).url == "/admin/"
