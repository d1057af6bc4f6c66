"""An invitation: a role, a mail with a link without a name in it, a first password, and nothing by it afterwards."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from messaging.models import MailLog
from purge.pages.freshness import CONFIRMED_AT
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory, trial_with_creator
from users.invitations.services import TRIAL_INVITATIONS_A_DAY, account_open, user_invite
from users.invitations.tokens import invitations
from users.models import Account, AccountKind, Role, User, UserAudit, UserState
from users.services import ServiceError

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
NEW = "another long pass phrase"
ADD = "/admin/users/internaluser/add/"
OVER = "not valid any more"


@pytest.fixture
def operator(db):
    return UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True, password=PASSWORD)


@pytest.fixture
def chief(db):
    return AdministratorFactory(account=AccountFactory(name="Acme"), password=PASSWORD)


def browser(user, *, minutes_ago: int = 0) -> Client:
    client = Client()
    client.force_login(user)
    if minutes_ago:
        session = client.session
        session[CONFIRMED_AT] = time.time() - 60 * minutes_ago
        session.save()
    return client


def work() -> None:
    for task in OrmQ.objects.order_by("pk"):
        function, args = task.task["func"], task.task["args"]
        task.delete()
        import_string(function)(*args)


def link() -> str:
    """The link of the only mail, as path and query."""
    (message,) = mail.outbox
    (found,) = re.findall(r"https?://\S+", message.body)
    parts = urlsplit(found)
    return f"{parts.path}?{parts.query}"


def set_password(url: str) -> Client:
    client = Client()
    hidden = dict(
        re.findall(r'<input type="hidden" name="(user|token)" value="([^"]+)">', client.get(url).content.decode())
    )
    client.post(urlsplit(url).path, {**hidden, "new_password1": NEW, "new_password2": NEW})
    return client


def typed(**more) -> dict[str, object]:
    said = {"name": "Ines", "email": "ines@acme.example", "locale": "en", "time_zone": "UTC", "role": "administrator"}
    return {**said, "invite": "on", **more}


def test_an_administrator_is_added_with_role_and_invitation_in_one_form(chief):
    client = browser(chief)
    answer = client.post(ADD, typed())
    assert answer.status_code == 302, re.findall(r"errornote.*|errorlist.*", answer.content.decode())
    ines = User.objects.get(email="ines@acme.example")
    assert (ines.account_id, ines.has_role(Role.ADMINISTRATOR), ines.has_usable_password()) == (
        chief.account_id,
        True,
        False,
    )
    work()
    (message,) = mail.outbox
    assert message.to == ["ines@acme.example"]
    assert "You have been added to Acme as: Administrator." in message.body
    assert "It is good for 7 days, and once:" in message.body
    # Nothing of her stands in the address, nor what the mail said in the log of mails.
    said = parse_qs(urlsplit(link()).query)
    assert said.keys() == {"user", "token"}
    assert said["user"] == [str(ines.pk)]
    assert [(row.subject, row.body) for row in MailLog.objects.filter(about_id=ines.pk)] == [("You are invited", "")]
    url = link()
    set_password(url)
    hers = Client()
    assert hers.post("/admin/login/", {"username": ines.email, "password": NEW}).status_code == 302
    assert hers.get("/admin/users/deleteduser/").status_code == 200
    assert User.objects.get(pk=ines.pk).has_perm("purge.purge_people")
    # Once.
    assert OVER in Client().get(url).content.decode()


def test_without_them_the_form_adds_a_learner_and_sends_nothing(chief):
    answer = browser(chief).post(ADD, typed(role="", invite=""))
    assert answer.status_code == 302
    ines = User.objects.get(email="ines@acme.example")
    assert not ines.given_roles.exists()
    work()
    assert mail.outbox == []


def test_a_role_is_given_by_who_is_still_there(chief):
    client = browser(chief, minutes_ago=20)
    page = client.post(ADD, typed()).content.decode()
    assert "Confirm that it is you" in page
    assert not User.objects.filter(email="ines@acme.example").exists()
    assert client.post(ADD, typed(confirm_password=PASSWORD)).status_code == 302
    assert User.objects.get(email="ines@acme.example").has_role(Role.ADMINISTRATOR)
    # A learner is added without the question.
    other = browser(chief, minutes_ago=20).post(ADD, typed(role="", email="learner@acme.example"))
    assert other.status_code == 302


def test_a_password_and_an_invitation_exclude_each_other(chief):
    answer = browser(chief).post(ADD, typed(new_password=NEW))
    assert "not both" in answer.content.decode()
    assert not User.objects.filter(email="ines@acme.example").exists()


def test_the_form_of_who_is_there_takes_neither(chief):
    ines = UserFactory(account=chief.account, email="ines@acme.example", name="Ines", password=None)
    answer = browser(chief).post(
        f"/admin/users/internaluser/{ines.pk}/change/",
        typed(
            **{
                "active_values-TOTAL_FORMS": "0",
                "active_values-INITIAL_FORMS": "0",
            }
        ),
    )
    assert answer.status_code in (200, 302)
    assert not ines.given_roles.exists()
    work()
    assert mail.outbox == []


def test_who_comes_back_does_so_as_learner_and_may_be_invited(chief):
    gone = UserFactory(
        account=chief.account, email="ines@acme.example", state=UserState.DELETED, deleted_at=timezone.now()
    )
    client = browser(chief)
    assert "was deleted and can come back" in client.post(ADD, typed(role="")).content.decode()
    assert client.post(ADD, typed(bring_back=gone.pk)).status_code == 302
    gone.refresh_from_db()
    assert (gone.state, gone.given_roles.count()) == (UserState.ACTIVE, 0)
    work()
    assert "as: Learner" in mail.outbox[0].body


# ---------------------------------------------------------------- the link


def token_made(user, days: float) -> str:
    """A link's token as it was made some days ago."""
    seconds = invitations._num_seconds(invitations._now()) - int(days * 86_400)
    return invitations._make_token_with_timestamp(user, seconds, invitations.secret)


def test_it_ends_after_seven_days_with_a_password_and_with_another_address(chief):
    ines = UserFactory(account=chief.account, password=None)
    assert invitations.check_token(ines, token_made(ines, 6.9))
    assert not invitations.check_token(ines, token_made(ines, 7.1))
    young = token_made(ines, 0)
    for wrong in ("", "x", "-", young[:-1], f"{young}x", None):
        assert not invitations.check_token(ines, wrong), wrong
    assert not invitations.check_token(UserFactory(account=chief.account, password=None), young)
    moved = User.objects.get(pk=ines.pk)
    moved.email = "other@acme.example"
    assert not invitations.check_token(moved, young)
    ines.set_password(NEW)
    assert not invitations.check_token(ines, young)
    assert not invitations.check_token(ines, token_made(ines, 0))


def test_who_is_deleted_meanwhile_gets_no_mail_and_no_way_in(chief, put_in_state):
    ines = UserFactory(account=chief.account, password=None)
    user_invite(acting_user=chief, user=ines)
    work()
    url = link()
    user_invite(acting_user=chief, user=ines)
    put_in_state(ines, UserState.DELETED)
    work()
    assert len(mail.outbox) == 1
    assert OVER in Client().get(url).content.decode()


# ---------------------------------------------------------------- who invites whom


def test_administrators_invite_those_of_their_own_account_and_operators_everybody(chief, operator):
    ines = UserFactory(account=chief.account, password=None)
    user_invite(acting_user=chief, user=ines)
    user_invite(acting_user=operator, user=ines)
    assert list(UserAudit.objects.filter(user=ines).values_list("actor", "event").order_by("pk")) == [
        (chief.pk, "invited"),
        (operator.pk, "invited"),
    ]
    for stranger in (AdministratorFactory(), UserFactory(account=chief.account)):
        with pytest.raises(ServiceError) as refusal:
            user_invite(acting_user=stranger, user=ines)
        assert refusal.value.code == "permission"
    assert OrmQ.objects.count() == 2


def test_nobody_is_invited_who_has_a_password_or_needs_none(chief):
    with pytest.raises(ServiceError) as refusal:
        user_invite(acting_user=chief, user=UserFactory(account=chief.account, password=PASSWORD))
    assert refusal.value.code == "no_need"
    Account.objects.filter(pk=chief.account_id).update(provider_demanded=True)
    ines = User.objects.get(pk=UserFactory(account=chief.account, password=None).pk)
    with pytest.raises(ServiceError) as refusal:
        user_invite(acting_user=chief, user=ines)
    assert refusal.value.code == "provider"


def test_a_trial_invites_fifty_a_day(chief):
    trial, creator = trial_with_creator()
    ines = UserFactory(account=trial, password=None)
    row = {"user": ines, "actor": creator, "event": "invited"}
    UserAudit.objects.bulk_create(UserAudit(**row) for _n in range(TRIAL_INVITATIONS_A_DAY - 1))
    UserAudit.objects.bulk_create(UserAudit(**row, at=timezone.now() - timedelta(hours=25)) for _n in range(9))
    user_invite(acting_user=creator, user=ines)
    with pytest.raises(ServiceError, match="at most 50 users a day"):
        user_invite(acting_user=creator, user=ines)


# ---------------------------------------------------------------- an account and its first administrator

ACCOUNT_ADD = "/admin/users/account/add/"


def account_typed(**more) -> dict[str, object]:
    said = {
        "name": "Globex",
        "subdomain": "globex",
        "kind": "enterprise",
        "state": "active",
        "time_zone": "Europe/Berlin",
    }
    said |= {"footer_links": "[]", "purge_with_role": "on"}
    return {**said, "administrator_name": "Ines", "administrator_email": "ines@globex.example", **more}


@pytest.mark.parametrize("kind", ["enterprise", "trial"])
def test_an_account_is_added_with_its_first_administrator(operator, kind):
    answer = browser(operator).post(ACCOUNT_ADD, account_typed(kind=kind))
    assert answer.status_code == 302, re.findall(r"errornote.*|errorlist.*", answer.content.decode())
    account = Account.objects.get(subdomain="globex")
    ines = User.objects.get(email="ines@globex.example")
    assert (ines.account_id, ines.has_role(Role.ADMINISTRATOR)) == (account.pk, True)
    assert account.creator_id == (ines.pk if kind == "trial" else None)
    work()
    assert "You have been added to Globex as: Administrator." in mail.outbox[0].body
    set_password(link())
    assert Client().post("/admin/login/", {"username": ines.email, "password": NEW}).status_code == 302


def test_an_enterprise_may_begin_empty_and_a_trial_has_a_creator(operator):
    nobody = {"administrator_name": "", "administrator_email": ""}
    page = browser(operator).post(ACCOUNT_ADD, account_typed(kind="trial", **nobody)).content.decode()
    assert "A trial has a creator" in page
    assert not Account.objects.filter(subdomain="globex").exists()
    assert browser(operator).post(ACCOUNT_ADD, account_typed(**nobody)).status_code == 302
    assert not User.objects.filter(account__subdomain="globex").exists()


def test_nothing_is_added_where_the_administrator_is_refused(operator):
    page = browser(operator).post(ACCOUNT_ADD, account_typed(administrator_email="no address")).content.decode()
    assert "This is not an email address" in page
    assert not Account.objects.filter(subdomain="globex").exists()


def test_accounts_are_added_by_operators_alone(chief):
    with pytest.raises(ServiceError) as refusal:
        account_open(acting_user=chief, name="X", subdomain="x", kind=AccountKind.ENTERPRISE)
    assert refusal.value.code == "permission"
    assert browser(chief).get(ACCOUNT_ADD).status_code == 403
