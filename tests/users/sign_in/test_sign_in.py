from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.urls import reverse
from django.utils import timezone

from tests.factories.users import (
    AccountFactory,
    AdministratorFactory,
    UserFactory,
    trial_with_creator,
)
from tests.users.conftest import PASSWORD
from users import services
from users.models import AccountKind, AccountState, LoginEvent, Session, User, UserState

pytestmark = pytest.mark.django_db
WRONG = "or no access to this site"


@pytest.fixture
def sign_in(client):
    def post(email, password=PASSWORD, **more):
        return client.post(reverse("admin:login"), {"username": email, "password": password, **more}, follow=True)

    return post


def is_in(response):
    return response.request["PATH_INFO"] == reverse("admin:index") and response.status_code == 200


def test_email_and_password_are_enough(sign_in, admin_user, client):
    assert b'name="account"' not in client.get(reverse("admin:login")).content
    assert is_in(sign_in(" ADMIN@Acme.example "))
    event = LoginEvent.objects.get()
    assert (event.user, event.success, event.ip_address) == (admin_user, True, "127.0.0.1")


@pytest.mark.parametrize(
    ("email", "password"), [("admin@acme.example", "wrong"), ("nobody@acme.example", PASSWORD), ("a\x00b", PASSWORD)]
)
def test_wrong_words_are_answered_alike(sign_in, admin_user, email, password):
    response = sign_in(email, password)
    assert not is_in(response)
    assert WRONG in response.content.decode() or "Null characters" in response.content.decode()
    assert not LoginEvent.objects.filter(success=True).exists()


def test_a_learner_has_no_access_to_the_admin(sign_in, account):
    UserFactory(account=account, email="learner@acme.example", password=PASSWORD)
    response = sign_in("learner@acme.example")
    assert not is_in(response)
    assert WRONG in response.content.decode()


def test_who_is_signed_in_in_another_tab_signs_in_once_more(sign_in, signed_in, admin_user):
    """Two tabs show the sign-in page, and one was used: what the other one sends is answered as ever."""
    refused = sign_in(admin_user.email, "wrong")
    assert WRONG in refused.content.decode()
    assert is_in(sign_in(admin_user.email))
    # As somebody else, of another account: from then on it is they.
    other = AdministratorFactory(account=AccountFactory(), email="other@elsewhere.example", password=PASSWORD)
    assert is_in(sign_in(other.email))
    assert signed_in.session["_auth_user_id"] == str(other.pk)


@pytest.mark.parametrize("state", [UserState.DELETED, UserState.PURGING])
def test_deleted_and_purging_users_cannot_sign_in(sign_in, admin_user, put_in_state, state):
    put_in_state(admin_user, state)
    assert not is_in(sign_in(admin_user.email))
    put_in_state(admin_user, UserState.ACTIVE)
    assert is_in(sign_in(admin_user.email))


@pytest.mark.parametrize("state", [UserState.DELETED, UserState.PURGING])
def test_a_running_session_of_theirs_is_worth_nothing(signed_in, admin_user, put_in_state, state):
    assert signed_in.get(reverse("admin:index")).status_code == 200
    put_in_state(admin_user, state)
    assert signed_in.get(reverse("admin:index")).status_code == 302


def test_a_session_knows_whose_it_is_and_ends_with_the_person(signed_in, admin_user, account):
    assert signed_in.get(reverse("admin:index")).status_code == 200
    assert list(Session.objects.values_list("user", flat=True)) == [admin_user.pk]
    services.user_delete(acting_user=AdministratorFactory(account=account), user=admin_user)
    assert not Session.objects.exists()
    assert signed_in.get(reverse("admin:index")).status_code == 302
    assert not Session.objects.filter(user=admin_user).exists()


def test_the_account_is_asked_for_only_after_a_refusal_or_on_demand(sign_in, admin_user, client):
    """Whether an address is in several accounts is told to nobody: the account is asked for after every refusal."""
    other = AdministratorFactory(
        account=AccountFactory(name="Globex", subdomain="globex"), email=admin_user.email, password=PASSWORD
    )
    first = client.get(reverse("admin:login"))
    assert b'name="account"' not in first.content
    assert "Sign in to a particular account" in first.content.decode()
    assert b'name="account"' in client.get(reverse("admin:login"), {"account": ""}).content
    for email in ("nobody@acme.example", admin_user.email):
        refused = sign_in(email, "wrong")
        assert b'name="account"' in refused.content
        assert b"Globex" not in refused.content
    assert is_in(sign_in(admin_user.email, account="globex"))
    assert LoginEvent.objects.filter(user=other, success=True).count() == 1


def test_an_account_that_is_named_must_be_the_right_one(sign_in, admin_user):
    AccountFactory(subdomain="globex")
    assert not is_in(sign_in(admin_user.email, account="globex"))
    assert is_in(sign_in(admin_user.email, account=" ACME "))


def test_several_accounts_are_told_apart_by_the_account(admin_user):
    """One password is looked at: of the account that is named, else of the one that was last signed in to."""
    other = AdministratorFactory(
        account=AccountFactory(subdomain="globex"), email=admin_user.email, password="another pass phrase"
    )
    assert authenticate(None, email=admin_user.email, password=PASSWORD) == admin_user
    assert authenticate(None, email=admin_user.email, password="another pass phrase") is None
    assert authenticate(None, email=admin_user.email, password="another pass phrase", account="globex") == other
    User.objects.filter(pk=other.pk).update(last_login=timezone.now())
    assert authenticate(None, email=admin_user.email, password="another pass phrase") == other
    assert authenticate(None, email=admin_user.email, password=PASSWORD, account="acme") == admin_user


@pytest.mark.parametrize("closing", [{"state": AccountState.INACTIVE}, {"expires_on": timezone.localdate()}])
def test_a_trial_that_has_ended_lets_only_its_creator_in(closing):
    if "expires_on" in closing:
        closing = {"expires_on": timezone.localdate() - timedelta(days=1)}
    account, creator = trial_with_creator(email="creator@try.example", password=PASSWORD)
    AdministratorFactory(account=account, email="other@try.example", password=PASSWORD)
    assert authenticate(None, email="other@try.example", password=PASSWORD)
    type(account).objects.filter(pk=account.pk).update(**closing)
    assert authenticate(None, email="creator@try.example", password=PASSWORD) == creator
    assert authenticate(None, email="other@try.example", password=PASSWORD) is None


def test_an_inactive_enterprise_account_lets_nobody_in(admin_user, account):
    account.creator, account.state = admin_user, AccountState.INACTIVE
    account.save()
    assert authenticate(None, email=admin_user.email, password=PASSWORD) is None


# ---------------------------------------------------------------- what roles allow


def test_administrators_have_the_ordinary_permissions_and_not_the_one_to_purge(account):
    user = AdministratorFactory(account=account, may_purge=False)
    assert user.has_perms(["users.change_internaluser", "learning.add_course", "purge.view_purgerequest"])
    assert not user.has_perm("purge.purge_people")
    assert not user.has_perm("purge.operate_requests")
    assert not user.has_perm("auth.change_group")


def test_support_follows_requests_and_sees_no_account(account):
    support = UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_support=True)
    assert support.is_staff
    assert support.has_perm("purge.follow_requests")
    for perm in ("users.view_internaluser", "purge.purge_people", "purge.operate_requests"):
        assert not support.has_perm(perm)


def test_a_learner_may_nothing_and_a_superuser_everything(ann):
    assert ann.get_all_permissions() == set()
    root = UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True)
    assert root.has_perm("purge.operate_requests")
    User.objects.filter(pk=root.pk).update(state=UserState.DELETED, deleted_at=timezone.now(), deleted_month="2026-01")
    assert not User.objects.get(pk=root.pk).has_perm("purge.operate_requests")
