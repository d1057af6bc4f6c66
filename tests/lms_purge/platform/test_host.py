"""The platform as the purge sees it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from lms_purge.platform.host import LmsHost
from tests.factories.users import (
    AccountFactory,
    AdministratorFactory,
    ImportLogFactory,
    UserFactory,
    UserRoleFactory,
    trial_with_creator,
)
from users.models import AccountKind, AccountState, DeletedCount, Role, Session, User, UserRole, UserState
from users.sessions import SessionStore

pytestmark = pytest.mark.django_db


@pytest.fixture
def host():
    return LmsHost()


@pytest.fixture
def root(db):
    return UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True)


@pytest.fixture
def support(root):
    return UserFactory(account=root.account, is_support=True)


# ---------------------------------------------------------------- who may


def test_purging_takes_the_role_the_permission_the_account_and_being_active(host, account, admin_user, put_in_state):
    assert host.may_purge(admin_user.pk, account.pk)
    assert not host.may_purge(admin_user.pk, AccountFactory().pk)
    assert not host.may_purge(AdministratorFactory(account=account, may_purge=False).pk, account.pk)
    assert not host.may_purge(UserFactory(account=account, may_purge=True).pk, account.pk)
    assert not host.may_purge(0, account.pk)
    put_in_state(admin_user, UserState.PURGING)
    assert not host.may_purge(admin_user.pk, account.pk)


def test_a_superuser_may_purge_anywhere_and_support_nowhere(host, account, root, support):
    assert host.may_purge(root.pk, account.pk)
    assert not host.may_purge(support.pk, account.pk)


def test_who_may_be_told_is_still_there(host, account, admin_user, ann, root, support, stranger):
    for user in (admin_user, root, support):
        assert host.may_be_notified(user.pk, account.pk)
    for user in (ann, stranger):
        assert not host.may_be_notified(user.pk, account.pk)


def test_accounts_of_who_sees_all_are_none(host, account, admin_user, root, support):
    assert host.account_of(admin_user) == account.pk
    assert host.account_of(root) is None
    assert host.account_of(support) is None
    assert [host.is_support(user) for user in (admin_user, root, support)] == [False, True, True]


# ---------------------------------------------------------------- heirs


def test_the_initiator_inherits_in_his_own_account_only(host, account, admin_user, stranger):
    older = AdministratorFactory(account=account)
    UserRole.objects.filter(user=older).update(given_at=timezone.now() - timedelta(days=9))
    asked = {"initiator_id": admin_user.pk, "requesting_account_id": account.pk}
    assert host.heir(account.pk, **asked) == admin_user.pk
    assert host.heir(stranger.account_id, **asked) is None
    theirs = AdministratorFactory(account=stranger.account)
    assert host.heir(stranger.account_id, **asked) == theirs.pk


@pytest.mark.parametrize("state", [UserState.PURGING, UserState.DELETED])
def test_an_initiator_who_goes_himself_is_followed_by_the_longest_standing(
    host, account, admin_user, put_in_state, state
):
    first, second = AdministratorFactory.create_batch(2, account=account)
    UserRole.objects.filter(user=second).update(given_at=timezone.now() - timedelta(days=9))
    asked = {"initiator_id": admin_user.pk, "requesting_account_id": account.pk}
    put_in_state(admin_user, state)
    assert host.heir(account.pk, **asked) == second.pk
    put_in_state(second, UserState.PURGING)
    assert host.heir(account.pk, **asked) == first.pk
    put_in_state(first, UserState.DELETED)
    assert host.heir(account.pk, **asked) is None


def test_superusers_and_support_never_inherit(host, account, admin_user, root, support):
    UserRoleFactory(user=root, role=Role.ADMINISTRATOR)
    for user in (root, support):
        assert host.heir(account.pk, initiator_id=user.pk, requesting_account_id=account.pk) == admin_user.pk
    asked = {"initiator_id": root.pk, "requesting_account_id": root.account_id}
    assert host.heir(account.pk, **asked) == admin_user.pk


def test_a_trials_creator_inherits_before_its_administrators_if_he_stays(host, put_in_state):
    account, creator = trial_with_creator()
    other = AdministratorFactory(account=account)
    UserRole.objects.filter(user=other).update(given_at=timezone.now() - timedelta(days=9))
    assert host.heir(account.pk, initiator_id=None, requesting_account_id=None) == creator.pk
    put_in_state(creator, UserState.PURGING)
    assert host.heir(account.pk, initiator_id=None, requesting_account_id=None) == other.pk


# ---------------------------------------------------------------- finding people


def test_matches_are_by_either_identifier_in_all_trials_of_any_state(host, put_in_state):
    account, _creator = trial_with_creator()
    closed = AccountFactory(kind=AccountKind.TRIAL, state=AccountState.INACTIVE)
    by_email = UserFactory(account=account, email="ANN@x.org")
    by_login = UserFactory(account=account, email="else@x.org", adobe_id="Ann@X.org")
    deleted = UserFactory(account=closed, email="ann@x.org", deleted=True)
    enterprise = UserFactory(email="ann@x.org")
    for email in ("joann@x.org", "ann@x.org.au", "ann+x@x.org"):
        UserFactory(account=account, email=email)
    found = host.trial_matches(emails=["ann@x.org"])
    assert [person.id for person in found] == [by_email.pk, by_login.pk, deleted.pk]
    assert [person.id for person in host.enterprise_matches(emails=["ann@x.org"], adobe_ids=[])] == [enterprise.pk]


def test_an_absent_identifier_matches_nobody(host):
    account, _creator = trial_with_creator()
    UserFactory.create_batch(2, account=account, adobe_id=None)
    assert host.trial_matches(emails=[""], adobe_ids=[""]) == []
    assert host.trial_matches(emails=[], adobe_ids=[]) == []


def test_users_of_an_account_are_known_by_either_identifier_in_any_state(host, account, ann, stranger):
    UserFactory(account=account, adobe_id="LOGIN-1", deleted=True)
    keys = {ann.email_key, "login-1", stranger.email_key, "nobody@x.org"}
    assert host.users_in_account(account.pk, keys) == {ann.email_key, "login-1"}


def test_people_come_with_their_former_addresses(host, account):
    user = UserFactory(account=account, former=["Old@x.org", "older@x.org"])
    (person,) = host.lock_people([user.pk, 0])
    assert sorted(person.former_keys) == ["old@x.org", "older@x.org"]
    assert person.label == f"user {user.pk}"
    assert host.people([]) == host.lock_people([]) == []


def test_created_accounts_and_members(host):
    account, creator = trial_with_creator()
    learner = UserFactory(account=account)
    assert host.created_accounts([creator.pk, learner.pk]) == {creator.pk: [account.pk]}
    assert host.members(account.pk) == [creator.pk, learner.pk]


# ---------------------------------------------------------------- freezing


def test_freezing_ends_sessions_and_kills_the_links_of_files_stored_before(host, account, ann, admin_user, stranger):
    session = SessionStore()
    session["_auth_user_id"] = str(ann.pk)
    session.save()
    accepted_at = timezone.now()
    before, elsewhere = ImportLogFactory(account=account), ImportLogFactory(account=stranger.account)
    after = ImportLogFactory(account=account, uploaded_at=accepted_at + timedelta(minutes=1))
    type(before).objects.filter(pk=before.pk).update(uploaded_at=accepted_at - timedelta(days=400))
    host.freeze(host.people([ann.pk]), accepted_at=accepted_at)
    assert User.objects.get(pk=ann.pk).state == UserState.PURGING
    assert User.objects.get(pk=admin_user.pk).state == UserState.ACTIVE
    assert not Session.objects.exists()
    dead = {row.pk: row.link_dead_at is not None for row in type(before).objects.all()}
    assert dead == {before.pk: True, elsewhere.pk: False, after.pk: False}


def test_unfreezing_gives_the_earlier_state_back_and_the_counts_stay_right(host, account, ann):
    gone = UserFactory(account=account, deleted=True)
    month = gone.deleted_month
    people = host.people([ann.pk, gone.pk])
    host.freeze(people, accepted_at=timezone.now())
    host.unfreeze([ann.pk, gone.pk])
    gone.refresh_from_db()
    assert User.objects.get(pk=ann.pk).state == UserState.ACTIVE
    assert (gone.state, gone.deleted_month) == (UserState.DELETED, month)
    assert DeletedCount.objects.get(account=account).n == 1


def test_people_who_go_leave_the_counts(host, account, ann):
    gone = UserFactory.create_batch(2, account=account, deleted=True)
    host.people_gone(host.people([gone[0].pk, ann.pk]))
    assert DeletedCount.objects.get(account=account).n == 1
    host.people_gone(host.people([gone[1].pk]))
    assert not DeletedCount.objects.exists()


def test_closing_is_for_trials_alone(host, account):
    trial, _creator = trial_with_creator()
    for each in (trial, account):
        host.close_account(each.pk)
        each.refresh_from_db()
    assert (trial.state, account.state) == (AccountState.INACTIVE, AccountState.ACTIVE)
