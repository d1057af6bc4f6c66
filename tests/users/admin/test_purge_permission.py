"""Who may purge: every Administrator, or those to whom it was given one by one. Both hold in every door."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from lms_purge.platform.host import LmsHost
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.users.imports.at_hand import imported
from users import services
from users.models import Account, AccountKind, Role, User, UserAudit
from users.selectors import who_may_purge
from users.services import ServiceError

HEAD = "Name,E-Mail,State\n"
CLEANUP = "/admin/users/deleteduser/"


def may(user) -> bool:
    """As the page and the port answer, which must not disagree."""
    current = User.objects.get(pk=user.pk)
    allowed = current.has_perm("purge.purge_people")
    assert LmsHost().may_purge(current.pk, current.account_id) == allowed
    return allowed


@pytest.fixture(params=["with the role", "separately"])
def mode(request, account):
    """Both kinds of account; whether the role is enough."""
    with_role = request.param == "with the role"
    Account.objects.filter(pk=account.pk).update(purge_with_role=with_role)
    account.refresh_from_db()
    return with_role


# ---------------------------------------------------------------- the doors


def test_giving_and_taking_the_role(mode, account, admin_user, ann):
    services.role_assign(acting_user=admin_user, user=ann, role=Role.ADMINISTRATOR)
    assert may(ann) is mode
    services.role_remove(acting_user=admin_user, user=ann, role=Role.ADMINISTRATOR)
    assert may(ann) is False
    services.role_assign(acting_user=admin_user, user=ann, role=Role.AUTHOR)
    assert may(ann) is False


def test_by_the_actions_of_the_list(mode, signed_in, ann):
    def act(action, **fields):
        data = {"action": action, "_selected_action": [ann.pk], "apply": "yes", **fields}
        signed_in.post(reverse("admin:users_internaluser_changelist"), data)

    act("assign_role", role="administrator")
    assert may(ann) is mode
    act("remove_role", role="administrator")
    assert may(ann) is False


def test_a_new_account_and_a_trial_begin_with_the_role(db):
    account = services.account_create(acting_user=None, name="New", subdomain="new", kind=AccountKind.ENTERPRISE)
    first = services.user_create(
        acting_user=None, account=account, email="first@new.example", name="First", roles=[Role.ADMINISTRATOR]
    )
    trial = services.trial_account_create(
        name="Try", subdomain="try", email="me@try.example", creator_name="Me", password="a long pass phrase"
    )
    assert (may(first), may(trial.creator)) == (True, True)


def test_somebody_added_with_the_role(mode, account):
    user = services.user_create(
        acting_user=None, account=account, email="chief@acme.example", name="Chief", roles=[Role.ADMINISTRATOR]
    )
    assert may(user) is mode


@pytest.mark.parametrize("door", ["restored", "added again", "imported"])
def test_somebody_brought_back_is_a_learner_who_may_not_purge(mode, account, admin_user, door):
    other = AdministratorFactory(account=account, email="other@acme.example", name="Other Chief")
    assert may(other) is True
    services.user_delete(acting_user=admin_user, user=other)
    assert may(other) is False
    if door == "restored":
        services.user_restore(acting_user=admin_user, user=other)
    elif door == "added again":
        services.user_create(acting_user=admin_user, account=account, email="other@acme.example", name="Other Chief")
    else:
        imported(account, f"{HEAD}Other Chief,other@acme.example,ACTIVE\n")
    other.refresh_from_db()
    assert (other.is_active, may(other)) == (True, False)
    services.role_assign(acting_user=admin_user, user=other, role=Role.ADMINISTRATOR)
    assert may(other) is mode


def test_an_import_gives_nobody_the_permission(mode, account):
    imported(account, f"{HEAD}New Face,new.face@acme.example,ACTIVE\n")
    assert may(User.objects.get(email="new.face@acme.example")) is False


def test_the_system_account_has_no_administrators_who_purge(db):
    system = AccountFactory(kind=AccountKind.SYSTEM)
    assert system.purge_with_role is True
    assert may(UserFactory(account=system, roles=[Role.ADMINISTRATOR])) is False


def test_an_administrator_of_one_account_may_not_purge_in_another(mode, admin_user):
    other = AccountFactory()
    assert LmsHost().may_purge(admin_user.pk, admin_user.account_id) is True  # given one by one, too
    assert LmsHost().may_purge(admin_user.pk, other.pk) is False


# ---------------------------------------------------------------- one by one


def test_where_it_comes_with_the_role_it_is_neither_given_nor_withdrawn(account, admin_user):
    other = UserFactory(account=account, roles=[Role.ADMINISTRATOR])
    assert services.purge_permission_set(acting_user=admin_user, user=other, allowed=True) is False
    with pytest.raises(ServiceError, match="every Administrator may purge"):
        services.purge_permission_set(acting_user=admin_user, user=other, allowed=False)
    assert may(other) is True
    assert not other.user_permissions.exists()


@pytest.mark.parametrize("separately", [True, False])
def test_the_actions_to_give_it_are_offered_where_it_is_given_separately(signed_in, account, ann, separately):
    Account.objects.filter(pk=account.pk).update(purge_with_role=not separately)
    text = signed_in.get(reverse("admin:users_internaluser_changelist")).content.decode()
    assert ("allow_purging" in text, "withdraw_purging" in text) == (separately, separately)
    assert "assign_role" in text


# ---------------------------------------------------------------- the switch


def test_who_switches_it_off_keeps_it_and_the_others_need_it_given(account, ann):
    first = UserFactory(account=account, roles=[Role.ADMINISTRATOR])
    second = UserFactory(account=account, roles=[Role.ADMINISTRATOR])
    services.account_update(acting_user=first, account=account, purge_with_role=False)
    assert (may(first), may(second), may(ann)) == (True, False, False)
    # They were given it once, and that is noted once.
    given = UserAudit.objects.filter(event="purge permission given")
    assert list(given.values_list("user", "actor")) == [(first.pk, first.pk)]
    first = User.objects.get(pk=first.pk)
    assert services.purge_permission_set(acting_user=first, user=second, allowed=True) is True
    assert may(second) is True
    services.account_update(acting_user=first, account=account, purge_with_role=True)
    assert (may(first), may(second), may(ann)) == (True, True, False)


def test_only_who_may_purge_changes_the_switch(account, admin_user):
    Account.objects.filter(pk=account.pk).update(purge_with_role=False)
    without = UserFactory(account=account, roles=[Role.ADMINISTRATOR])
    with pytest.raises(ServiceError, match="Only somebody who may purge"):
        services.account_update(acting_user=without, account=account, purge_with_role=True)
    account.refresh_from_db()
    assert account.purge_with_role is False
    # Everything else stays theirs to change.
    services.account_update(acting_user=without, account=account, name="Acme Ltd")
    services.account_update(acting_user=admin_user, account=account, purge_with_role=True)
    account.refresh_from_db()
    assert (account.name, account.purge_with_role) == ("Acme Ltd", True)


def _settings(account, **changes):
    names = ("name", "time_zone", "support_emails", "sender_name", "sender_email", "peer_admin_email")
    return {
        **{name: getattr(account, name) for name in names},
        "footer_links": "[]",
        "catalog_share_email": "",
        **changes,
    }


def test_the_switch_stands_in_account_settings(signed_in, account, admin_user):
    page = reverse("admin:users_account_change", args=[account.pk])
    text = signed_in.get(page).content.decode()
    assert 'name="purge_with_role"' in text
    assert "Every Administrator may purge" in text
    assert signed_in.post(page, _settings(account)).status_code == 302
    account.refresh_from_db()
    assert account.purge_with_role is False
    assert may(admin_user) is True
    assert signed_in.post(page, _settings(account, purge_with_role="on")).status_code == 302
    account.refresh_from_db()
    assert account.purge_with_role is True


def test_without_the_permission_the_switch_is_shown_and_cannot_be_posted(client, account):
    without = AdministratorFactory(account=account, may_purge=False)
    client.force_login(without)
    page = reverse("admin:users_account_change", args=[account.pk])
    text = client.get(page).content.decode()
    assert "Every Administrator may purge" in text
    assert 'name="purge_with_role"' not in text
    assert client.post(page, _settings(account, name="Acme Ltd", purge_with_role="on")).status_code == 302
    account.refresh_from_db()
    assert (account.name, account.purge_with_role) == ("Acme Ltd", False)


# ---------------------------------------------------------------- whom to ask


def _cleanup(client, user, path=CLEANUP):
    client.force_login(user)
    return client.get(path).content.decode()


@pytest.mark.parametrize("path", [CLEANUP, f"{CLEANUP}other/"])
def test_the_greyed_button_says_whom_to_ask(client, account, admin_user, path):
    UserFactory(account=account, deleted=True)
    User.objects.filter(pk=admin_user.pk).update(name="Robin Chief")
    AdministratorFactory(account=AccountFactory(name="Globex"), name="Somebody Elsewhere")
    without = AdministratorFactory(account=account, may_purge=False, name="Sam Second")
    text = _cleanup(client, without, path)
    assert "You may not purge. Ask the Administrator who may: Robin Chief." in text
    assert "Somebody Elsewhere" not in text
    # Who may is asked nothing and told nothing.
    text = _cleanup(client, User.objects.get(pk=admin_user.pk), path)
    assert "You may not purge" not in text
    assert "whom-to-ask" not in text


def test_the_button_is_there_and_greyed(client, account):
    UserFactory(account=account, deleted=True)
    without = AdministratorFactory(account=account, may_purge=False)
    text = _cleanup(client, without)
    assert (
        '<button type="submit" class="pg-button pg-danger" disabled aria-describedby="whom-to-ask">Purge User' in text
    )
    assert "nobody in this account may. Ask the operator of this site." in text


def test_of_many_who_may_three_are_named(client, account, admin_user):
    names = ["Robin Chief", "Kim Second", "Alex Third", "Jo Fourth"]
    User.objects.filter(pk=admin_user.pk).update(name=names[0])
    for name in names[1:]:
        AdministratorFactory(account=account, name=name)
    UserFactory(account=account, deleted=True)
    text = _cleanup(client, AdministratorFactory(account=account, may_purge=False))
    assert (
        "You may not purge. 4 Administrators of this account may; ask one of them, "
        "such as Robin Chief, Kim Second, Alex Third." in text
    )


def test_deleted_people_and_other_accounts_are_not_asked(account, admin_user):
    gone = AdministratorFactory(account=account)
    AdministratorFactory(account=AccountFactory())
    services.user_delete(acting_user=admin_user, user=gone)
    assert list(who_may_purge(account.pk)) == [admin_user]
    Account.objects.filter(pk=account.pk).update(purge_with_role=False)
    UserFactory(account=account, roles=[Role.ADMINISTRATOR])
    assert list(who_may_purge(account.pk)) == [admin_user]
    assert Permission.objects.filter(codename="purge_people", user=admin_user).exists()
