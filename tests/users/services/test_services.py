from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission
from django.contrib.sessions.backends.base import UpdateError

from tests.factories.users import (
    AccountFactory,
    ActiveFieldFactory,
    AdministratorFactory,
    ExternalProfileFactory,
    GroupMemberFactory,
    UserFactory,
    UserGroupFactory,
    UserRoleFactory,
)
from users import services
from users.models import (
    AccountKind,
    ActiveField,
    DeletedCount,
    FormerEmail,
    GroupMember,
    Role,
    User,
    UserAudit,
    UserKind,
    UserSource,
    UserState,
)
from users.services import ServiceError, UserFrozen
from users.sessions import SessionStore

pytestmark = pytest.mark.django_db


def counts(account):
    return dict(DeletedCount.objects.filter(account=account).values_list("month", "n"))


def session_of(user):
    store = SessionStore()
    store["_auth_user_id"] = str(user.pk)
    store.save()
    return store


# ---------------------------------------------------------------- adding


def test_a_new_user_has_normalised_keys_and_no_empty_identifiers(account, admin_user):
    user = services.user_create(
        acting_user=admin_user, account=account, name=" Jürgen ", email=" JÜRGEN@Acme.example ", unique_user_id=" Ä-7 "
    )
    user.refresh_from_db()
    assert (user.name, user.email, user.email_key) == ("Jürgen", "JÜRGEN@Acme.example", "jürgen@acme.example")
    assert (user.unique_user_id, user.unique_id_sort) == ("Ä-7", "ä-7")
    assert (user.adobe_id, user.adobe_key) == (None, None)
    assert not user.has_usable_password()


@pytest.mark.parametrize("email", ["", "ann", "ann@", "@x.org", "a b@x.org", "ann@x.org, bob@x.org"])
def test_a_malformed_address_is_refused(account, admin_user, email):
    with pytest.raises(ServiceError, match="not an email address"):
        services.user_create(acting_user=admin_user, account=account, name="X", email=email)


def test_an_address_in_use_is_refused_in_its_account_only(ann, admin_user, stranger):
    with pytest.raises(ServiceError, match="already in this account"):
        services.user_create(acting_user=admin_user, account=ann.account, name="X", email="Ann@ACME.example")
    assert services.user_create(acting_user=None, account=stranger.account, name="X", email=ann.email).pk != ann.pk


def test_a_unique_user_id_in_use_is_refused(ann, admin_user):
    with pytest.raises(ServiceError, match="already used"):
        services.user_create(
            acting_user=admin_user, account=ann.account, name="X", email="x@acme.example", unique_user_id="U-1"
        )
    assert not User.objects.filter(email_key="x@acme.example").exists()


def test_an_overlong_name_and_a_missing_one_are_refused(account, admin_user):
    for name in ("x" * 201, "  "):
        with pytest.raises(ServiceError, match=r"too long|needs a name"):
            services.user_create(acting_user=admin_user, account=account, name=name, email="x@acme.example")


def test_the_address_of_a_deleted_user_revives_him_as_learner(ann, admin_user):
    UserRoleFactory(user=ann, role=Role.AUTHOR)
    services.user_delete(acting_user=admin_user, user=ann)
    user = services.user_create(acting_user=admin_user, account=ann.account, name="Ann A.", email="ANN@acme.example")
    assert user.pk == ann.pk
    user.refresh_from_db()
    assert (user.state, user.name, user.deleted_at, user.unique_user_id) == (UserState.ACTIVE, "Ann A.", None, "U-1")
    assert not user.given_roles.exists()
    assert counts(ann.account) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"unique_user_id": "U-2"}, "another Unique User ID"),
        ({"source": UserSource.SELF_REGISTRATION}, "administrator can restore"),
    ],
)
def test_reviving_is_refused_where_two_people_may_be_meant(ann, admin_user, arguments, words):
    services.user_delete(acting_user=admin_user, user=ann)
    add = {"acting_user": admin_user, "account": ann.account, "name": "Ann", "email": ann.email}
    with pytest.raises(ServiceError, match=words):
        services.user_create(**add, **arguments)
    ann.refresh_from_db()
    assert ann.state == UserState.DELETED
    assert services.user_create(**add, unique_user_id="U-1").pk == ann.pk


def test_the_address_of_somebody_being_purged_is_refused(ann, admin_user, put_in_state):
    put_in_state(ann, UserState.PURGING)
    with pytest.raises(UserFrozen, match="at the moment"):
        services.user_create(acting_user=admin_user, account=ann.account, name="Ann", email=ann.email)


def test_the_system_account_has_no_external_users():
    system = AccountFactory(kind=AccountKind.SYSTEM)
    add = {"acting_user": None, "account": system, "name": "X", "email": "x@ops.example"}
    with pytest.raises(ServiceError, match="no external users"):
        services.user_create(**add, kind=UserKind.EXTERNAL)
    assert services.user_create(**add).account == system


# ---------------------------------------------------------------- changing


def test_a_changed_address_becomes_a_former_one(ann, admin_user):
    services.user_update(acting_user=admin_user, user=ann, email="ann.archer@acme.example")
    assert ann.email_key == "ann.archer@acme.example"
    assert list(ann.former_emails.values_list("email_key", flat=True)) == ["ann@acme.example"]
    services.user_update(acting_user=admin_user, user=ann, email="ann@acme.example")
    assert list(ann.former_emails.values_list("email_key", flat=True)) == ["ann.archer@acme.example"]


def test_another_writing_of_the_same_address_is_no_change_of_it(ann, admin_user):
    services.user_update(acting_user=admin_user, user=ann, email="Ann@ACME.example")
    assert ann.email == "Ann@ACME.example"
    assert not FormerEmail.objects.exists()


def test_the_pencil_corrects_a_deleted_user(ann, admin_user):
    services.user_delete(acting_user=admin_user, user=ann)
    services.user_update(acting_user=admin_user, user=ann, email="right@acme.example", unique_user_id="U-9")
    assert (ann.email_key, ann.unique_user_id, ann.state) == ("right@acme.example", "U-9", UserState.DELETED)


def test_a_taken_address_or_id_is_refused_and_nothing_changes(ann, admin_user):
    other = UserFactory(account=ann.account, unique_user_id="U-2")
    for fields in ({"email": other.email}, {"unique_user_id": "U-2"}):
        with pytest.raises(ServiceError, match="already used"):
            services.user_update(acting_user=admin_user, user=ann, name="Changed", **fields)
    ann.refresh_from_db()
    assert (ann.name, ann.email, ann.unique_user_id) == ("Ann Archer", "ann@acme.example", "U-1")
    assert not FormerEmail.objects.exists()


def test_taking_the_address_of_somebody_being_purged_is_refused(ann, admin_user, put_in_state):
    other = UserFactory(account=ann.account)
    put_in_state(other, UserState.PURGING)
    with pytest.raises(UserFrozen):
        services.user_update(acting_user=admin_user, user=ann, email=other.email)


def test_a_manager_is_an_active_user_of_the_account_and_no_circle(ann, admin_user, stranger):
    gone = UserFactory(account=ann.account, deleted=True)
    for manager in (stranger, gone, ann):
        with pytest.raises(ServiceError, match="manager"):
            services.user_update(acting_user=admin_user, user=ann, manager=manager)
    services.user_update(acting_user=admin_user, user=ann, manager=admin_user)
    with pytest.raises(ServiceError, match="own manager"):
        services.user_update(acting_user=admin_user, user=admin_user, manager=ann)


@pytest.mark.parametrize(
    "change",
    [
        lambda admin, ann: services.user_update(acting_user=admin, user=ann, name="X"),
        lambda admin, ann: services.user_delete(acting_user=admin, user=ann),
        lambda admin, ann: services.user_restore(acting_user=admin, user=ann),
        lambda admin, ann: services.role_assign(acting_user=admin, user=ann, role=Role.AUTHOR),
        lambda admin, ann: services.role_remove(acting_user=admin, user=ann, role=Role.AUTHOR),
        lambda admin, ann: services.password_set(acting_user=admin, user=ann, password="a long pass phrase"),
        lambda admin, ann: services.group_member_add(group=UserGroupFactory(account=ann.account), user=ann),
        lambda admin, ann: services.group_exclude(group=UserGroupFactory(account=ann.account), user=ann),
        lambda admin, ann: services.active_value_set(
            acting_user=admin, user=ann, field=ActiveFieldFactory(account=ann.account), value="x"
        ),
        lambda admin, ann: services.purge_permission_set(acting_user=admin, user=ann, allowed=True),
    ],
)
def test_nothing_is_written_for_somebody_being_purged(ann, admin_user, put_in_state, change):
    # ``ann`` in hand still says "active": another process has frozen her.
    put_in_state(ann, UserState.PURGING)
    with pytest.raises(UserFrozen, match="at the moment"):
        change(admin_user, ann)
    current = User.objects.get(pk=ann.pk)
    assert (current.state, current.name) == (UserState.PURGING, "Ann Archer")
    assert not UserAudit.objects.exists()


def test_the_audit_names_fields_and_never_values(ann, admin_user):
    services.user_update(acting_user=admin_user, user=ann, email="new@acme.example", bio="about me")
    audit = UserAudit.objects.get(user=ann)
    assert (audit.actor, audit.event) == (admin_user, "changed")
    assert set(audit.fields.split(", ")) == {"email", "email_key", "bio"}


# ---------------------------------------------------------------- deleting and restoring


def test_deleting_ends_sessions_and_memberships_and_counts(ann, admin_user):
    GroupMemberFactory(user=ann)
    session = session_of(ann)
    bystanders = session_of(admin_user)
    services.user_delete(acting_user=admin_user, user=ann)
    assert (ann.state, ann.deleted_by) == (UserState.DELETED, admin_user)
    assert not GroupMember.objects.exists()
    assert not session.exists(session.session_key)
    assert bystanders.exists(bystanders.session_key)
    assert counts(ann.account) == {ann.deleted_month: 1}


def test_a_session_ended_meanwhile_is_not_written_again(ann, admin_user):
    session = session_of(ann)
    services.user_delete(acting_user=admin_user, user=ann)
    session["more"] = 1
    with pytest.raises(UpdateError):
        session.save()


def test_the_month_of_a_deletion_is_the_accounts():
    account = AccountFactory(time_zone="Asia/Tokyo")
    user = UserFactory(account=account)
    services.user_delete(acting_user=None, user=user, moment=datetime(2026, 1, 31, 20, 0, tzinfo=UTC))
    assert user.deleted_month == "2026-02"
    services.account_update(acting_user=None, account=account, time_zone="Europe/Berlin")
    user.refresh_from_db()
    assert user.deleted_month == "2026-01"
    assert counts(account) == {"2026-01": 1}


def test_nobody_deletes_himself(account, admin_user):
    AdministratorFactory(account=account)
    with pytest.raises(ServiceError, match="cannot delete yourself"):
        services.user_delete(acting_user=admin_user, user=admin_user)
    admin_user.refresh_from_db()
    assert admin_user.state == UserState.ACTIVE


def test_the_last_active_administrator_stays_until_there_is_another(account, admin_user, ann):
    AdministratorFactory(account=account, deleted=True)
    AdministratorFactory()
    with pytest.raises(ServiceError, match="last active Administrator"):
        services.user_delete(acting_user=ann, user=admin_user)
    with pytest.raises(ServiceError, match="last active Administrator"):
        services.role_remove(acting_user=ann, user=admin_user, role=Role.ADMINISTRATOR)
    services.role_assign(acting_user=admin_user, user=ann, role=Role.ADMINISTRATOR)
    services.user_delete(acting_user=ann, user=admin_user)
    assert admin_user.state == UserState.DELETED


def test_deleting_twice_is_refused_and_counted_once(ann, admin_user):
    services.user_delete(acting_user=admin_user, user=ann)
    with pytest.raises(ServiceError, match="deleted already"):
        services.user_delete(acting_user=admin_user, user=ann)
    assert counts(ann.account) == {ann.deleted_month: 1}


def test_a_restored_user_is_a_learner_without_any_permission(account, admin_user):
    other = AdministratorFactory(account=account)
    services.user_delete(acting_user=admin_user, user=other)
    services.user_restore(acting_user=admin_user, user=other)
    assert (other.state, other.deleted_at, other.deleted_month, other.deleted_by) == (
        UserState.ACTIVE,
        None,
        None,
        None,
    )
    assert not other.given_roles.exists()
    assert not other.user_permissions.exists()
    assert counts(account) == {}


def test_restoring_somebody_in_use_is_refused(ann, admin_user):
    with pytest.raises(ServiceError, match="is not deleted"):
        services.user_restore(acting_user=admin_user, user=ann)


# ---------------------------------------------------------------- roles, permission, password


def test_a_role_given_twice_is_one(ann, admin_user):
    for _time in range(2):
        services.role_assign(acting_user=admin_user, user=ann, role=Role.AUTHOR)
    assert list(ann.given_roles.values_list("role", flat=True)) == [Role.AUTHOR]


def test_deleted_users_get_no_role(ann, admin_user):
    services.user_delete(acting_user=admin_user, user=ann)
    with pytest.raises(ServiceError, match="active users only"):
        services.role_assign(acting_user=admin_user, user=ann, role=Role.AUTHOR)


def may_purge(user):
    return User.objects.get(pk=user.pk).has_perm("purge.purge_people")


def test_the_permission_to_purge_is_given_by_who_holds_it_to_administrators(account, admin_user, ann):
    other = AdministratorFactory(account=account, may_purge=False)
    assert not may_purge(other)
    with pytest.raises(ServiceError, match="Only somebody who may purge"):
        services.purge_permission_set(acting_user=other, user=other, allowed=True)
    with pytest.raises(ServiceError, match="Only active Administrators"):
        services.purge_permission_set(acting_user=admin_user, user=ann, allowed=True)
    assert services.purge_permission_set(acting_user=admin_user, user=other, allowed=True)
    assert may_purge(other)
    assert not services.purge_permission_set(acting_user=admin_user, user=other, allowed=True)
    services.purge_permission_set(acting_user=admin_user, user=other, allowed=False)
    assert not may_purge(other)


def test_with_the_role_goes_the_permission_to_purge(account, admin_user):
    services.account_update(acting_user=None, account=account, purge_with_role=False)
    other = AdministratorFactory(account=account)
    services.role_remove(acting_user=admin_user, user=other, role=Role.ADMINISTRATOR)
    services.role_assign(acting_user=admin_user, user=other, role=Role.ADMINISTRATOR)
    assert not may_purge(other)


def test_an_administrators_password_is_his_own_business(account, admin_user, ann):
    other = AdministratorFactory(account=account)
    with pytest.raises(ServiceError, match="themselves"):
        services.password_set(acting_user=admin_user, user=other, password="a long pass phrase")
    with pytest.raises(ServiceError, match="too short"):
        services.password_set(acting_user=admin_user, user=ann, password="short")
    services.password_set(acting_user=admin_user, user=ann, password="a long pass phrase")
    ann.refresh_from_db()
    assert ann.check_password("a long pass phrase")


# ---------------------------------------------------------------- external users, groups, fields, accounts


def test_making_active_and_changing_the_profile_are_for_external_users(ann, admin_user):
    outside = UserFactory(account=ann.account, kind=UserKind.EXTERNAL)
    profile = ExternalProfileFactory(account=ann.account)
    services.user_make_active(acting_user=admin_user, user=outside)
    services.profile_change(acting_user=admin_user, user=outside, profile=profile)
    assert (outside.registered, outside.external_profile) == (True, profile)
    with pytest.raises(ServiceError, match="external users"):
        services.user_make_active(acting_user=admin_user, user=ann)
    with pytest.raises(ServiceError, match="external user"):
        services.profile_change(acting_user=admin_user, user=ann, profile=profile)
    with pytest.raises(ServiceError, match="same account"):
        services.profile_change(acting_user=admin_user, user=outside, profile=ExternalProfileFactory())


def test_a_group_takes_active_people_of_its_account(ann, stranger):
    group = UserGroupFactory(account=ann.account)
    for _time in range(2):
        services.group_member_add(group=group, user=ann)
    assert group.members.count() == 1
    for user in (stranger, UserFactory(account=ann.account, deleted=True)):
        with pytest.raises(ServiceError, match="active users of the same account"):
            services.group_member_add(group=group, user=user)
    with pytest.raises(ServiceError, match="retired"):
        services.group_member_add(group=UserGroupFactory(account=ann.account, retired=True), user=ann)


def test_an_excluded_user_leaves_the_group_until_the_exclusion_ends(ann):
    group = GroupMemberFactory(user=ann).group
    services.group_exclude(group=group, user=ann)
    assert not group.members.exists()
    with pytest.raises(ServiceError, match="excluded"):
        services.group_member_add(group=group, user=ann)
    services.group_exclusion_end(group=group, user=ann)
    services.group_member_add(group=group, user=ann)
    assert group.members.get().user == ann


def test_an_active_field_takes_its_fixed_values_only(ann, admin_user, stranger):
    field = ActiveFieldFactory(account=ann.account, kind=ActiveField.Kind.CHOICE, allowed_values="North\nSouth")

    def set_to(value, **other):
        services.active_value_set(**{"acting_user": admin_user, "user": ann, "field": field, "value": value, **other})

    set_to("North")
    set_to("South")
    assert ann.active_values.get().value == "South"
    with pytest.raises(ServiceError, match="fixed values"):
        set_to("West")
    with pytest.raises(ServiceError, match="another account"):
        set_to("North", user=stranger)
    set_to("")
    assert not ann.active_values.exists()


def test_a_trial_has_its_creator_as_administrator():
    account = services.trial_account_create(
        name="Try", subdomain="try", email="me@try.example", creator_name="Me", password="a long pass phrase"
    )
    assert account.kind == AccountKind.TRIAL
    assert account.creator.has_role(Role.ADMINISTRATOR)
    assert account.creator.account == account


def test_an_unusable_subdomain_is_refused():
    with pytest.raises(ServiceError, match="small letters"):
        services.account_create(acting_user=None, name="X", subdomain="Not Good", kind=AccountKind.TRIAL)


def test_given_separately_no_service_gives_the_permission_to_purge_by_itself(account, admin_user, ann):
    services.account_update(acting_user=None, account=account, purge_with_role=False)
    services.role_assign(acting_user=admin_user, user=ann, role=Role.ADMINISTRATOR)
    assert not may_purge(ann)
    assert Permission.objects.filter(codename="purge_people", user=admin_user).exists()
