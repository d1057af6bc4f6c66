"""An administrator of one account tries to see and to post what belongs to another."""

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from tests.factories import users as factories
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import (
    Account,
    AccountKind,
    ExternalUser,
    InternalUser,
    Role,
    SelfRegistrationProfile,
    User,
    UserKind,
    UserState,
)

pytestmark = pytest.mark.django_db

#: Page → a row of it, of somebody's account.
ROWS = {
    "internaluser": lambda user: InternalUser.objects.get(pk=user.pk),
    "externaluser": lambda user: ExternalUser.objects.get(
        pk=UserFactory(account=user.account, kind=UserKind.EXTERNAL, name="Theirs").pk
    ),
    "usergroup": lambda user: factories.UserGroupFactory(account=user.account, name="Theirs"),
    "externalprofile": lambda user: factories.ExternalProfileFactory(account=user.account, name="Theirs"),
    "selfregistrationprofile": lambda user: factories.SelfRegistrationProfileFactory(account=user.account),
    "activefield": lambda user: factories.ActiveFieldFactory(account=user.account, name="Theirs"),
    "loginevent": lambda user: factories.LoginEventFactory(user=user),
    "useraudit": lambda user: factories.UserAuditFactory(user=user),
}


def url(name, *args):
    return reverse(f"admin:users_{name}", args=args)


@pytest.fixture(params=sorted(ROWS))
def page(request):
    return request.param


def listed(response):
    return {row.pk for row in response.context["cl"].result_list}


def test_lists_pages_histories_and_actions_know_only_the_own_account(signed_in, page, ann, stranger):
    mine, theirs = ROWS[page](ann), ROWS[page](stranger)
    response = signed_in.get(url(f"{page}_changelist"))
    assert mine.pk in listed(response)
    assert theirs.pk not in listed(response)
    assert "Theirs" not in signed_in.get(url(f"{page}_changelist"), {"q": "Bob"}).content.decode().replace(
        str(mine), ""
    )
    for view in ("change", "history"):
        assert signed_in.get(url(f"{page}_{view}", mine.pk)).status_code == 200
        assert signed_in.get(url(f"{page}_{view}", theirs.pk)).status_code == 404


def test_the_settings_of_another_account_do_not_exist(signed_in, stranger):
    for view in ("change", "history"):
        assert signed_in.get(url(f"account_{view}", stranger.account_id)).status_code == 404
    assert signed_in.post(url("account_change", stranger.account_id), {"name": "Mine now"}).status_code == 404
    assert Account.objects.get(pk=stranger.account_id).name == "Globex"


@pytest.mark.parametrize("action", ["assign_role", "delete_people", "allow_purging"])
def test_a_forged_selection_reaches_nobody_of_another_account(signed_in, stranger, action):
    data = {"action": action, "_selected_action": [stranger.pk], "apply": "yes", "role": Role.ADMINISTRATOR}
    signed_in.post(url("internaluser_changelist"), data)
    stranger.refresh_from_db()
    assert stranger.state == UserState.ACTIVE
    assert not stranger.given_roles.exists()
    assert not LogEntry.objects.exists()


def test_a_forged_group_or_profile_is_no_choice(signed_in, ann, stranger):
    factories.UserGroupFactory(account=ann.account)
    group = factories.UserGroupFactory(account=stranger.account, name="Theirs")
    data = {"action": "add_to_group", "_selected_action": [ann.pk], "apply": "yes", "group": group.pk}
    response = signed_in.post(url("internaluser_changelist"), data)
    assert "Theirs" not in response.content.decode()
    assert not group.members.exists()
    assert listed(signed_in.get(url("internaluser_changelist"), {"group": group.pk})) == set()


def form_of(user, **changes):
    data = {"name": user.name, "email": user.email, "locale": "en", "manager": "", "external_profile": ""}
    return {**data, "active_values-TOTAL_FORMS": "0", "active_values-INITIAL_FORMS": "0", **changes}


def test_a_forged_manager_profile_or_field_is_refused_without_saying_whose_it_is(signed_in, account, stranger):
    outside = UserFactory(account=account, kind=UserKind.EXTERNAL)
    profile = factories.ExternalProfileFactory(account=stranger.account, name="Theirs")
    field = factories.ActiveFieldFactory(account=stranger.account, name="Theirs")
    value = {
        "active_values-TOTAL_FORMS": "1",
        "active_values-0-user": outside.pk,
        "active_values-0-field": field.pk,
        "active_values-0-value": "x",
    }
    for changes in ({"manager": stranger.pk}, {"external_profile": profile.pk}, value):
        response = signed_in.post(url("externaluser_change", outside.pk), form_of(outside, name="Changed", **changes))
        assert response.status_code == 200, changes
        text = response.content.decode()
        assert "Bob Bowman" not in text
        assert "Theirs" not in text
    outside.refresh_from_db()
    assert outside.name != "Changed"
    assert not outside.active_values.exists()


def test_a_forged_account_is_ignored(signed_in, account, stranger):
    data = {"name": "Sales", "description": "", "account": stranger.account_id}
    assert signed_in.post(url("usergroup_add"), data).status_code == 302
    data = {"name": "Ours", "manager": stranger.pk, "enabled": "on"}
    assert signed_in.post(url("selfregistrationprofile_add"), data).status_code == 200
    data = {"name": "New", "email": "new@x.org", "locale": "en", "account": stranger.account_id}
    assert signed_in.post(url("internaluser_add"), data).status_code == 302
    assert account.groups.get().name == "Sales"
    assert not SelfRegistrationProfile.objects.exists()
    assert User.objects.get(email_key="new@x.org").account == account


def test_autocomplete_offers_people_in_use_of_the_own_account(signed_in, ann, stranger, account):
    UserFactory(account=account, name="Ann Deleted", deleted=True)
    UserFactory(account=stranger.account, name="Ann Elsewhere")
    for model, field in (("internaluser", "manager"), ("selfregistrationprofile", "manager")):
        asked = {"app_label": "users", "model_name": model, "field_name": field, "term": "ann"}
        answer = signed_in.get(reverse("admin:autocomplete"), asked).json()
        assert [result["text"] for result in answer["results"]] == ["Ann Archer"]


def test_filters_offer_the_own_accounts_rows(signed_in, ann, stranger):
    for account, name in ((ann.account, "Ours"), (stranger.account, "Theirs")):
        for n in (1, 2):
            factories.UserGroupFactory(account=account, name=f"{name} group {n}")
            factories.ExternalProfileFactory(account=account, name=f"{name} profile {n}")
    text = signed_in.get(url("externaluser_changelist")).content.decode()
    assert "Ours group 1" in text
    assert "Ours profile 2" in text
    assert "Theirs" not in text


def test_support_sees_no_people(client, ann):
    support = UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_support=True)
    client.force_login(support)
    for page in (*ROWS, "account", "user"):
        assert client.get(url(f"{page}_changelist")).status_code == 403
    assert client.get(url("internaluser_change", ann.pk)).status_code == 404


def test_a_superuser_sees_all_and_a_row_stays_in_its_account(client, ann, stranger):
    client.force_login(UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True))
    assert listed(client.get(url("internaluser_changelist"))) >= {ann.pk, stranger.pk}
    data = form_of(ann, account=stranger.account_id, name="Changed")
    assert client.post(url("internaluser_change", ann.pk), data).status_code == 302
    ann.refresh_from_db()
    assert (ann.name, ann.account.name) == ("Changed", "Acme")
    response = client.post(url("internaluser_change", ann.pk), form_of(ann, manager=stranger.pk))
    assert "same account" in response.content.decode()


def test_links_to_a_person_lead_to_the_right_page(signed_in, account, ann, stranger):
    outside = UserFactory(account=account, kind=UserKind.EXTERNAL)
    assert signed_in.get(url("user_change", ann.pk)).url == url("internaluser_change", ann.pk)
    assert signed_in.get(url("user_change", outside.pk)).url == url("externaluser_change", outside.pk)
    assert signed_in.get(url("user_change", stranger.pk)).status_code == 404


def test_another_accounts_administrator_is_as_foreign_as_a_learner(client, ann, stranger):
    client.force_login(AdministratorFactory(account=stranger.account))
    assert client.get(url("internaluser_change", ann.pk)).status_code == 404
    assert client.post(url("internaluser_change", ann.pk), form_of(ann, name="Changed")).status_code == 404
    ann.refresh_from_db()
    assert ann.name == "Ann Archer"
