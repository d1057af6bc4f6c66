"""The pages of users, groups, profiles and the account, as an administrator uses them."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

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
from users.models import Account, AccountKind, Role, User, UserGroup, UserKind, UserState

pytestmark = pytest.mark.django_db
INTERNAL, EXTERNAL = "internaluser", "externaluser"


def url(name, *args):
    return reverse(f"admin:users_{name}", args=args)


def ids(response):
    return {row.pk for row in response.context["cl"].result_list}


def said(response):
    return " ".join(str(message) for message in response.context["messages"])


@pytest.fixture
def act(signed_in):
    """Runs an action as two clicks: choose it, then answer its page."""

    def run(action, *people, page=INTERNAL, answer=True, **fields):
        data = {"action": action, "_selected_action": [person.pk for person in people], **fields}
        if answer:
            data["apply"] = "yes"
        return signed_in.post(url(f"{page}_changelist"), data, follow=True)

    return run


def fields_of(user, **changes):
    """What the form of a person posts."""
    return {
        "name": user.name,
        "email": user.email,
        "unique_user_id": user.unique_user_id or "",
        "adobe_id": "",
        "profile": user.profile,
        "manager": "",
        "locale": user.locale,
        "time_zone": "",
        "new_password": "",
        "active_values-TOTAL_FORMS": "0",
        "active_values-INITIAL_FORMS": "0",
        **changes,
    }


# ---------------------------------------------------------------- lists


def test_the_lists_show_people_in_use_of_their_kind(signed_in, account, ann, admin_user, put_in_state):
    outside = UserFactory(account=account, kind=UserKind.EXTERNAL)
    UserFactory(account=account, deleted=True)
    put_in_state(UserFactory(account=account), UserState.PURGING)
    assert ids(signed_in.get(url("internaluser_changelist"))) == {ann.pk, admin_user.pk}
    assert ids(signed_in.get(url("externaluser_changelist"))) == {outside.pk}


def test_a_person_has_name_address_id_and_roles(signed_in, ann, account):
    UserRoleFactory(user=ann, role=Role.INSTRUCTOR)
    UserFactory(account=account, manager=ann)
    text = signed_in.get(url("internaluser_changelist")).content.decode()
    for words in ("Ann Archer", "ann@acme.example", "U-1", "Learner, Instructor, Manager"):
        assert words in text


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ann", True),
        ("ARCH", True),
        ("ann@ACME.example", True),
        ("u-1", True),
        ("rcher", False),
        ("acme.example", False),
        ("_nn", False),
        ("\x00", True),
    ],
)
def test_search_begins_with(signed_in, ann, text, found):
    assert (ann.pk in ids(signed_in.get(url("internaluser_changelist"), {"q": text}))) == found


@pytest.mark.both_databases
def test_filters_by_role_and_group(signed_in, account, ann, admin_user):
    report = UserFactory(account=account, manager=ann)
    group = GroupMemberFactory(user=ann).group
    page = url("internaluser_changelist")
    assert ids(signed_in.get(page, {"role": "administrator"})) == {admin_user.pk}
    assert ids(signed_in.get(page, {"role": "manager"})) == {ann.pk}
    assert ids(signed_in.get(page, {"role": "learner"})) == {ann.pk, report.pk}
    assert ids(signed_in.get(page, {"group": group.pk})) == {ann.pk}
    for nonsense in ("x", "9" * 40):
        assert ids(signed_in.get(page, {"group": nonsense})) == set()


@pytest.mark.parametrize(
    "lookup", ["password__startswith", "email__startswith", "email_key", "account__name__startswith"]
)
def test_nothing_is_tried_out_by_url(signed_in, ann, lookup):
    assert signed_in.get(url("internaluser_changelist"), {lookup: "a"}).status_code == 400


@pytest.mark.both_databases
def test_the_list_asks_a_constant_number_of_queries(signed_in, account, ann, django_assert_num_queries):
    def count():
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            signed_in.get(url("internaluser_changelist"))
        return len(queries)

    count()
    before = count()
    UserRoleFactory.create_batch(5, user__account=account)
    assert count() == before


# ---------------------------------------------------------------- one person


def test_adding_a_person(signed_in, account, admin_user):
    data = {"name": "New", "email": "JÜRGEN@acme.example", "unique_user_id": "", "adobe_id": "", "locale": "fr"}
    response = signed_in.post(url("internaluser_add"), data, follow=True)
    assert response.status_code == 200
    user = User.objects.get(email_key="jürgen@acme.example")
    assert (user.account, user.kind, user.unique_user_id, user.adobe_id) == (account, UserKind.INTERNAL, None, None)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr, entry.object_id) == (admin_user, f"user {user.pk}", str(user.pk))


def test_adding_a_deleted_persons_address_brings_him_back(signed_in, account):
    gone = UserFactory(account=account, deleted=True, unique_user_id="U-7")
    data = {"name": "Back", "email": gone.email, "unique_user_id": "U-7", "locale": "en"}
    assert "back as Learner" in signed_in.post(url("internaluser_add"), data).content.decode()
    assert signed_in.post(url("internaluser_add"), {**data, "bring_back": gone.pk}).status_code == 302
    gone.refresh_from_db()
    assert (gone.state, gone.name) == (UserState.ACTIVE, "Back")
    assert LogEntry.objects.get().get_change_message() == "Changed state."


def test_what_the_service_refuses_is_said_on_the_form(signed_in, ann, put_in_state):
    frozen = UserFactory(account=ann.account)
    put_in_state(frozen, UserState.PURGING)
    for email, words in (
        (ann.email, "already in this account"),
        (frozen.email, "at the moment"),
        ("x", "not an email"),
    ):
        response = signed_in.post(url("internaluser_add"), {"name": "X", "email": email, "locale": "en"})
        assert response.status_code == 200
        assert words in response.content.decode()
    assert User.objects.count() == 3


def test_changing_a_person_keeps_the_former_address(signed_in, ann, admin_user):
    data = fields_of(ann, email="new@acme.example", manager=admin_user.pk, new_password="a long pass phrase")
    assert signed_in.post(url("internaluser_change", ann.pk), data).status_code == 302
    ann.refresh_from_db()
    assert (ann.email_key, ann.manager) == ("new@acme.example", admin_user)
    assert ann.check_password("a long pass phrase")
    assert "ann@acme.example" in signed_in.get(url("internaluser_change", ann.pk)).content.decode()


def test_a_refused_change_changes_nothing(signed_in, ann, account):
    taken = UserFactory(account=account, email="taken@acme.example")
    data = fields_of(ann, name="Changed", email=taken.email)
    response = signed_in.post(url("internaluser_change", ann.pk), data)
    assert "already used" in response.content.decode()
    ann.refresh_from_db()
    assert (ann.name, ann.email) == ("Ann Archer", "ann@acme.example")
    assert not LogEntry.objects.exists()


def test_the_admins_log_names_fields_and_never_values(signed_in, ann):
    signed_in.post(url("internaluser_change", ann.pk), fields_of(ann, name="Anna Archer", email="new@acme.example"))
    entry = LogEntry.objects.get()
    assert entry.object_repr == f"user {ann.pk}"
    assert json.loads(entry.change_message) == [{"changed": {"fields": ["name", "email"]}}]


def test_values_of_active_fields_are_edited_with_the_person(signed_in, ann, account):
    field = ActiveFieldFactory(account=account)
    rows = {
        "active_values-TOTAL_FORMS": "1",
        "active_values-0-user": ann.pk,
        "active_values-0-field": field.pk,
        "active_values-0-value": "Berlin",
    }
    assert signed_in.post(url("internaluser_change", ann.pk), fields_of(ann, **rows)).status_code == 302
    assert ann.active_values.get().value == "Berlin"


def test_a_persons_page_has_no_button_that_deletes(signed_in, ann):
    assert "deletelink" not in signed_in.get(url("internaluser_change", ann.pk)).content.decode()
    for page in ("internaluser", "user"):
        assert signed_in.post(url(f"{page}_delete", ann.pk), {"post": "yes"}).status_code == 403
    for page in ("internaluser", "externaluser"):
        actions = signed_in.get(url(f"{page}_changelist")).content.decode()
        assert "delete_selected" not in actions
    assert User.objects.filter(pk=ann.pk).exists()


# ---------------------------------------------------------------- actions


def test_delete_user_asks_once_and_lists_everybody(act, ann, account):
    other = UserFactory(account=account, name="Otto Other")
    text = act("delete_people", ann, other, answer=False).content.decode()
    for words in ("Ann Archer", "ann@acme.example", "Otto Other", "can be restored"):
        assert words in text
    ann.refresh_from_db()
    assert ann.state == UserState.ACTIVE
    response = act("delete_people", ann, other)
    assert "2 users are deleted." in said(response)
    assert "Ann Archer and Otto Other are deleted." in response.content.decode()
    assert User.objects.filter(state=UserState.DELETED).count() == 2
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {f"user {ann.pk}", f"user {other.pk}"}


def test_who_cannot_be_deleted_is_named_and_the_others_go(act, ann, admin_user):
    response = act("delete_people", ann, admin_user)
    assert "cannot delete yourself" in said(response)
    assert "1 user is deleted." in said(response)
    assert "Ann Archer is deleted." in response.content.decode()
    admin_user.refresh_from_db()
    ann.refresh_from_db()
    assert (admin_user.state, ann.state) == (UserState.ACTIVE, UserState.DELETED)


def test_deleting_is_a_permission_of_its_own(client, account, ann, admin_user):
    from users import backends

    client.force_login(admin_user)
    page = url("internaluser_changelist")
    assert "delete_people" in client.get(page).content.decode()
    allowed = backends.ADMINISTRATOR_PERMISSIONS
    backends.ADMINISTRATOR_PERMISSIONS = allowed - {"users.delete_people"}
    try:
        assert "delete_people" not in client.get(page).content.decode()
        client.post(page, {"action": "delete_people", "_selected_action": [ann.pk], "apply": "yes"})
    finally:
        backends.ADMINISTRATOR_PERMISSIONS = allowed
    ann.refresh_from_db()
    assert ann.state == UserState.ACTIVE


def test_roles_are_given_and_taken(act, ann, admin_user):
    assert "Role" in act("assign_role", ann, answer=False).content.decode()
    act("assign_role", ann, role=Role.AUTHOR)
    assert ann.has_role(Role.AUTHOR)
    act("assign_role", ann, role="emperor")
    act("remove_role", ann, role=Role.AUTHOR)
    assert not ann.given_roles.exists()
    assert "last active Administrator" in said(act("remove_role", admin_user, role=Role.ADMINISTRATOR))


def test_each_action_says_in_a_sentence_what_was_done(act, ann, account):
    bob = UserFactory(account=account)
    group = UserGroupFactory(account=account, name="Friends of Hugo Vidal")
    others = [AdministratorFactory(account=account, may_purge=False) for _n in range(2)]
    assert [
        said(act("assign_role", ann, role=Role.AUTHOR)),
        said(act("assign_role", ann, bob, role=Role.INSTRUCTOR)),
        said(act("remove_role", ann, role=Role.AUTHOR)),
        said(act("remove_role", ann, bob, role=Role.INSTRUCTOR)),
        said(act("add_to_group", ann, group=group.pk)),
        said(act("remove_from_group", ann, group=group.pk)),
        said(act("exclude_from_group", ann, bob, group=group.pk)),
        said(act("allow_purging", *others)),
        said(act("withdraw_purging", others[0])),
        said(act("invite_people", ann)),
        said(act("invite_people", ann, bob)),
    ] == [
        "Role “Author” assigned to 1 user.",
        "Role “Instructor” assigned to 2 users.",
        "Role “Author” removed from 1 user.",
        "Role “Instructor” removed from 2 users.",
        "1 user added to the group.",
        "1 user removed from the group.",
        "2 users excluded from the group.",
        "2 Administrators may purge now.",
        "Purge permission revoked from 1 user.",
        "An invitation is on its way to 1 user.",
        "Invitations are on their way to 2 users.",
    ]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", "Rolle „Autorschaft“ ist 2 Personen zugewiesen."),
        ("fr", "Rôle « Rédaction » attribué à 2 personnes."),
    ],
)
def test_it_is_said_in_the_readers_language(act, ann, account, admin_user, language, words):
    User.objects.filter(pk=admin_user.pk).update(locale=language)
    assert said(act("assign_role", ann, UserFactory(account=account), role=Role.AUTHOR)) == words


def test_groups_are_filled_and_left(act, ann, account):
    group = UserGroupFactory(account=account)
    act("add_to_group", ann, group=group.pk)
    assert group.members.count() == 1
    act("exclude_from_group", ann, group=group.pk)
    assert (group.members.count(), group.exclusions.count()) == (0, 1)
    assert "excluded" in said(act("add_to_group", ann, group=group.pk))
    act("remove_from_group", ann, group=group.pk)
    assert group.exclusions.count() == 0


def test_external_users_change_profile_and_become_active(act, account, signed_in):
    outside = UserFactory(account=account, kind=UserKind.EXTERNAL)
    profile = ExternalProfileFactory(account=account)
    assert said(act("change_profile", outside, page=EXTERNAL, profile=profile.pk)) == "Profile changed for 1 user."
    assert said(act("make_active", outside, page=EXTERNAL)) == "1 user is active now."
    outside.refresh_from_db()
    assert (outside.external_profile, outside.registered) == (profile, True)
    assert "make_active" not in signed_in.get(url("internaluser_changelist")).content.decode()


def test_the_permission_to_purge_is_passed_on_by_who_holds_it(act, client, account):
    other = AdministratorFactory(account=account, may_purge=False)
    act("allow_purging", other)
    assert User.objects.get(pk=other.pk).has_perm("purge.purge_people")
    act("withdraw_purging", other)
    client.force_login(User.objects.get(pk=other.pk))
    assert "allow_purging" not in client.get(url("internaluser_changelist")).content.decode()
    act("allow_purging", other)
    assert not User.objects.get(pk=other.pk).has_perm("purge.purge_people")


def test_the_welcome_mail_is_put_into_the_queue_for_people_in_use(act, ann, monkeypatch):
    queued = []
    monkeypatch.setattr("messaging.services.enqueue", lambda task, *arguments: queued.append((task, *arguments)))
    assert "own template" in act("send_welcome_mail", ann, answer=False).content.decode()
    assert queued == []
    assert "A welcome email is on its way to 1 user." in said(act("send_welcome_mail", ann))
    assert queued == [("messaging.tasks.send_welcome", ann.pk)]


def test_too_many_at_once_are_refused(act, ann, admin_user, monkeypatch):
    monkeypatch.setattr("users.admin.people.MOST_AT_ONCE", 1)
    assert "at most 1" in said(act("delete_people", ann, admin_user))
    ann.refresh_from_db()
    assert ann.state == UserState.ACTIVE


def test_people_who_left_the_list_meanwhile_are_told(act, ann, put_in_state):
    put_in_state(ann, UserState.PURGING)
    assert "not in this list any more" in said(act("delete_people", ann))


# ---------------------------------------------------------------- groups and the account


def test_a_group_is_made_in_the_account_of_who_makes_it(signed_in, account, admin_user):
    assert signed_in.post(url("usergroup_add"), {"name": "Sales", "description": ""}).status_code == 302
    group = UserGroup.objects.get()
    assert (group.account, group.creator, group.name) == (account, admin_user, "Sales")
    signed_in.post(url("usergroup_change", group.pk), {"name": "Sales North", "description": "", "retired": "on"})
    group.refresh_from_db()
    assert (group.name, group.retired) == ("Sales North", True)


def settings_of(account, **changes):
    return {
        "name": account.name,
        "time_zone": account.time_zone,
        "support_emails": "",
        "sender_name": "",
        "sender_email": "",
        "footer_links": "[]",
        "peer_admin_email": "",
        "catalog_share_email": "",
        "purge_with_role": "on",
        **changes,
    }


def test_the_settings_are_those_of_the_own_account(signed_in, account):
    page = signed_in.get(url("account_changelist"), follow=True)
    assert page.request["PATH_INFO"] == url("account_change", account.pk)
    data = settings_of(account, time_zone="Asia/Tokyo", support_emails="a@x.org, b@x.org\nc@x.org")
    assert signed_in.post(url("account_change", account.pk), data).status_code == 302
    account.refresh_from_db()
    assert (account.time_zone, account.support_emails) == ("Asia/Tokyo", "a@x.org; b@x.org; c@x.org")


def test_nonsense_in_the_settings_is_refused(signed_in, account):
    for changes in ({"time_zone": "Mars/Base"}, {"support_emails": "a@x.org; nobody"}, {"footer_links": "{"}):
        assert signed_in.post(url("account_change", account.pk), settings_of(account, **changes)).status_code == 200
    account.refresh_from_db()
    assert (account.time_zone, account.support_emails) == ("UTC", "")


def test_footer_links_are_typed_one_per_line(signed_in, account):
    address = url("account_change", account.pk)
    typed = " Help https://acme.example/help \r\n\r\nImprint https://acme.example/imprint"
    assert signed_in.post(address, settings_of(account, footer_links=typed)).status_code == 302
    account.refresh_from_db()
    lines = ["Help https://acme.example/help", "Imprint https://acme.example/imprint"]
    assert account.footer_links == lines
    page = signed_in.get(address).content.decode()
    assert "\n".join(lines) + "</textarea>" in page
    assert signed_in.post(address, settings_of(account, footer_links="")).status_code == 302
    account.refresh_from_db()
    assert account.footer_links == []
    assert ">[]</textarea>" not in signed_in.get(address).content.decode().replace("\n", "")


def test_footer_links_of_another_shape_stay_as_they_are(signed_in, account):
    """What no line can say is shown and typed as it was."""
    links = [{"words": "Help", "link": "https://acme.example/help"}]
    account.footer_links = links
    account.save()
    page = signed_in.get(url("account_change", account.pk)).content.decode()
    assert "[{&quot;words&quot;: &quot;Help&quot;" in page
    data = settings_of(account, footer_links=json.dumps(links), time_zone="Asia/Tokyo")
    assert signed_in.post(url("account_change", account.pk), data).status_code == 302
    account.refresh_from_db()
    assert (account.footer_links, account.time_zone) == (links, "Asia/Tokyo")


def test_an_administrator_changes_neither_kind_nor_state_nor_address(signed_in, account):
    data = settings_of(account, kind="trial", state="inactive", subdomain="mine", creator="")
    assert signed_in.post(url("account_change", account.pk), data).status_code == 302
    account.refresh_from_db()
    assert (account.kind, account.state, account.subdomain) == ("enterprise", "active", "acme")
    assert signed_in.get(url("account_add")).status_code == 403


def test_a_superuser_makes_accounts_and_changes_their_kind(client):
    root = UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True)
    client.force_login(root)
    data = settings_of(AccountFactory.build(), name="New", subdomain="new", kind="trial", state="active", expires_on="")
    data |= {"administrator_name": "Creator", "administrator_email": "creator@new.example"}
    assert client.post(url("account_add"), data).status_code == 302
    account = Account.objects.get(subdomain="new")
    data = settings_of(account, subdomain="new", kind="enterprise", state="active", expires_on="", creator="")
    assert client.post(url("account_change", account.pk), data).status_code == 302
    account.refresh_from_db()
    assert account.kind == AccountKind.ENTERPRISE
    data["kind"] = "system"
    assert client.post(url("account_change", account.pk), data).status_code == 200
    assert ids(client.get(url("account_changelist"))) == {account.pk, root.account_id}
