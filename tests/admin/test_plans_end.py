"""The plan of a confirmation page belongs to a user and their account, and ends when it should."""

import json
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from purge.models import PurgeRequest
from tests.factories.users import AccountFactory, AdministratorFactory
from tests.pages_at_hand import page_behind
from users.models import Account, PurgeDraft, Session, User
from users.services import password_set, purge_permission_set, role_assign, role_remove, user_delete, user_restore

pytestmark = pytest.mark.django_db
LIST = "/admin/users/deleteduser/"
PURGE = f"{LIST}purge/"
PASSWORD = "pass-word-1"


def ask(client, person):
    page = page_behind(client, client.post(PURGE, {"_selected_action": [person.pk]}))
    return page.context["plan"]


def confirm(client, plan):
    return page_behind(client, client.post(PURGE, {"plan": plan}))


def is_over(response):
    return "not valid any more" in response.content.decode() and not PurgeRequest.objects.exists()


def is_accepted(response):
    return response.status_code == 302 and PurgeRequest.objects.count() == 1


def sign_in(client, user):
    client.force_login(User.objects.get(pk=user.pk))


def test_it_lives_for_a_day(as_admin, deleted):
    person = deleted()
    for hours, expected in ((25, is_over), (23, is_accepted)):
        plan = ask(as_admin, person)
        PurgeDraft.objects.update(created_at=timezone.now() - timedelta(hours=hours))
        assert expected(confirm(as_admin, plan)), hours


def test_signing_out_ends_it_and_a_sessions_end_does_not(client, admin, deleted):
    sign_in(client, admin)
    person = deleted()
    plan = ask(client, person)
    client.post("/admin/logout/")
    sign_in(client, admin)
    assert is_over(confirm(client, plan))

    plan = ask(client, person)
    Session.objects.all().delete()  # as a session that has run out
    assert confirm(client, plan).status_code == 302
    assert not PurgeRequest.objects.exists()
    sign_in(client, admin)
    assert is_accepted(confirm(client, plan))


def test_a_changed_password_ends_it(client, admin, deleted):
    sign_in(client, admin)
    plan = ask(client, deleted())
    new = "another long pass phrase"
    typed = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/admin/password_change/", typed).status_code == 302
    assert is_over(confirm(client, plan))


def test_a_password_that_somebody_else_sets_ends_it(client, admin, deleted):
    sign_in(client, admin)
    plan = ask(client, deleted())
    root = AdministratorFactory(account=AccountFactory(kind="system"), is_superuser=True)
    password_set(acting_user=root, user=admin, password="another long pass phrase")
    sign_in(client, admin)
    assert is_over(confirm(client, plan))


@pytest.mark.parametrize("how", ["role", "permission", "setting", "deleted"])
def test_losing_the_permission_ends_it_also_when_it_comes_back(client, admin, account, deleted, how):
    colleague = AdministratorFactory(account=account)
    Account.objects.filter(pk=account.pk).update(purge_with_role=how == "setting")
    sign_in(client, admin)
    plan = ask(client, deleted())
    if how == "role":
        role_remove(acting_user=colleague, user=admin, role="administrator")
        role_assign(acting_user=colleague, user=admin, role="administrator")
        purge_permission_set(acting_user=colleague, user=admin, allowed=True)
    elif how == "permission":
        for allowed in (False, True):
            purge_permission_set(acting_user=colleague, user=admin, allowed=allowed)
    elif how == "setting":
        from users.services import account_update

        account.refresh_from_db()
        for given in (False, True):
            account_update(acting_user=colleague, account=account, purge_with_role=given)
    else:
        admin.refresh_from_db()
        user_delete(acting_user=colleague, user=admin)
        user_restore(acting_user=colleague, user=admin)
        role_assign(acting_user=colleague, user=admin, role="administrator")
        purge_permission_set(acting_user=colleague, user=admin, allowed=True)
    sign_in(client, admin)
    assert is_over(confirm(client, plan))
    assert is_accepted(confirm(client, ask(client, deleted())))


def test_it_is_one_users(client, admin, account, deleted):
    sign_in(client, admin)
    plan = ask(client, deleted())
    sign_in(client, AdministratorFactory(account=account))
    assert is_over(confirm(client, plan))


def test_it_is_used_once(client, admin, deleted):
    sign_in(client, admin)
    plan = ask(client, deleted())
    first, again = confirm(client, plan), confirm(client, plan)
    assert first.url == again.url
    assert PurgeRequest.objects.count() == 1


def test_it_holds_numbers_and_no_name_or_address(client, admin, deleted):
    sign_in(client, admin)
    plan = ask(client, deleted(name="Lee Leaver", email="lee@leaver.example"))
    draft = PurgeDraft.objects.get()
    assert draft.token.hex == plan.partition(".")[0]
    text = json.dumps([draft.people, draft.facts, draft.address])
    assert "Lee" not in text
    assert "@" not in text


@pytest.mark.parametrize("how", ["signed out", "password", "used"])
def test_nothing_is_left_of_it_when_it_has_ended(client, admin, deleted, how):
    sign_in(client, admin)
    plan = ask(client, deleted())
    client.post(f"{LIST}other/", {"address": "somebody@outside.example"})
    if how == "used":
        confirm(client, plan)
        assert list(PurgeDraft.objects.values_list("address", flat=True)) == ["somebody@outside.example"]
        return
    assert PurgeDraft.objects.count() == 2
    if how == "signed out":
        client.post("/admin/logout/")
    else:
        root = AdministratorFactory(account=AccountFactory(kind="system"), is_superuser=True)
        password_set(acting_user=root, user=admin, password="another long pass phrase")
    assert not PurgeDraft.objects.exists()


def test_the_browsers_selection_is_kept_under_user_account_and_sign_in(client, admin, account, deleted):
    deleted()

    def scope():
        return re.search(r'data-scope="([0-9a-f]+)"', client.get(LIST).content.decode())[1]

    sign_in(client, admin)
    mine = scope()
    assert scope() == mine
    sign_in(client, AdministratorFactory(account=account))
    assert scope() != mine
    sign_in(client, admin)
    assert scope() == mine
    client.post("/admin/logout/")
    sign_in(client, admin)
    assert scope() != mine
