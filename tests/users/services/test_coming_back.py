"""Deleted people come back: added once more by form or by a service, or restored."""

import pytest

from tests.factories.connectors import ApiTokenFactory
from tests.factories.users import AccountFactory, UserFactory, UserRoleFactory
from tests.users.conftest import PASSWORD
from users import services
from users.models import FormerEmail, Role, User, UserKind, UserState
from users.services import ServiceError, user_create, user_delete, user_restore
from users.sessions import SessionStore

pytestmark = pytest.mark.django_db

NEW = "quite another phrase 7"
ADD = "/admin/users/externaluser/add/"


@pytest.fixture
def hugo(account, admin_user):
    """Internal, with a login, a password, a key to the API and a role; deleted."""
    hugo = UserFactory(
        account=account,
        name="Hugo Vidal",
        email="hugo@acme.example",
        unique_user_id="H-1",
        adobe_id="old-login",
        adobe_key="old-login",
    )
    hugo.set_password(PASSWORD)
    hugo.save()
    UserRoleFactory(user=hugo, role=Role.AUTHOR)
    ApiTokenFactory(user=hugo)
    user_delete(acting_user=admin_user, user=hugo)
    return hugo


def form(**values):
    return {
        "name": "Hugo Vidal",
        "email": "hugo@acme.example",
        "unique_user_id": "",
        "adobe_id": "",
        "profile": "",
        "locale": "en",
        "time_zone": "",
        "new_password": "",
        **values,
    }


def text_of(response):
    return response.content.decode()


# ---------------------------------------------------------------- what was typed holds


def test_what_is_said_of_somebody_who_is_added_once_more_holds(account, admin_user, hugo):
    user = user_create(
        acting_user=admin_user,
        account=account,
        name="Hugo Vidal-Roth",
        email="Hugo@acme.example",
        kind=UserKind.EXTERNAL,
        adobe_id="new-login",
        password=NEW,
        profile="Advisor",
    )
    assert user.pk == hugo.pk
    user = User.objects.get(pk=hugo.pk)
    assert (user.state, user.kind, user.name, user.profile) == ("active", "external", "Hugo Vidal-Roth", "Advisor")
    assert (user.email, user.adobe_id, user.adobe_key) == ("Hugo@acme.example", "new-login", "new-login")
    assert user.unique_user_id == "H-1"
    assert user.check_password(NEW) and not user.check_password(PASSWORD)
    assert not user.given_roles.exists() and not user.api_tokens.exists()


def test_nothing_that_opened_anything_before_opens_it_again(account, admin_user, hugo):
    bystander = ApiTokenFactory(user=UserFactory(account=account))
    store = SessionStore()
    store["_auth_user_id"] = str(hugo.pk)
    store.save()
    user_create(acting_user=admin_user, account=account, name="Hugo", email="hugo@acme.example")
    user = User.objects.get(pk=hugo.pk)
    assert user.state == UserState.ACTIVE
    assert not user.has_usable_password() and not user.check_password(PASSWORD)
    assert not user.api_tokens.exists()
    assert not user.sessions.exists()
    assert type(bystander).objects.get() == bystander


def test_a_restored_user_keeps_the_password_and_has_no_keys(account, admin_user, hugo):
    user_restore(acting_user=admin_user, user=hugo)
    user = User.objects.get(pk=hugo.pk)
    assert (user.state, user.adobe_id) == (UserState.ACTIVE, "old-login")
    assert user.check_password(PASSWORD)
    assert not user.api_tokens.exists() and not user.given_roles.exists()


def test_roles_that_are_asked_for_are_refused_or_given(account, admin_user, hugo):
    add = {"acting_user": admin_user, "account": account, "name": "Hugo", "roles": [Role.AUTHOR]}
    with pytest.raises(ServiceError) as refusal:
        user_create(**add, email="hugo@acme.example")
    assert refusal.value.code == "as_learner"
    assert User.objects.get(pk=hugo.pk).state == UserState.DELETED
    assert user_create(**add, email="other@acme.example").has_role(Role.AUTHOR)


def test_the_old_id_with_a_new_address_brings_its_user_back(account, admin_user, hugo):
    user = user_create(
        acting_user=admin_user, account=account, name="Hugo", email="hugo.vidal@acme.example", unique_user_id="H-1"
    )
    assert user.pk == hugo.pk
    user = User.objects.get(pk=hugo.pk)
    assert (user.state, user.email_key, user.unique_user_id) == ("active", "hugo.vidal@acme.example", "H-1")
    assert list(FormerEmail.objects.values_list("user", "email_key")) == [(hugo.pk, "hugo@acme.example")]


def test_an_address_and_an_id_of_two_users_bring_nobody_back(account, admin_user, hugo, ann):
    add = {"acting_user": admin_user, "account": account, "name": "Hugo"}
    for email, unique_user_id in (("hugo@acme.example", "U-1"), ("hugo@acme.example", "H-2"), (ann.email, "H-1")):
        with pytest.raises(ServiceError):
            user_create(**add, email=email, unique_user_id=unique_user_id)
    assert User.objects.get(pk=hugo.pk).state == UserState.DELETED
    assert User.objects.filter(account=account).count() == 3
    assert user_create(**add, email="hugo@acme.example", unique_user_id="H-1").pk == hugo.pk


# ---------------------------------------------------------------- asked first, on the form


def test_the_form_asks_once_and_brings_back_with_one_click(signed_in, account, hugo):
    typed = form(adobe_id="new-login", new_password=NEW)
    page = signed_in.post(ADD, typed)
    assert page.status_code == 200
    assert User.objects.get(pk=hugo.pk).state == UserState.DELETED
    text = text_of(page)
    assert "Bring Hugo Vidal back as Learner" in text and "Use another address" in text
    # Nothing is typed twice: the page holds what the first one said.
    assert f'value="{NEW}"' in text and 'value="new-login"' in text
    done = signed_in.post(ADD, {**typed, "bring_back": hugo.pk}, follow=True)
    assert "is brought back, as Learner" in text_of(done)
    user = User.objects.get(pk=hugo.pk)
    assert (user.state, user.kind, user.adobe_id) == ("active", "external", "new-login")
    assert user.check_password(NEW)
    link = f"/admin/users/externaluser/{hugo.pk}/change/"
    assert link in text_of(done) and signed_in.get(link).status_code == 200


def test_another_address_adds_somebody_else(signed_in, account, hugo):
    signed_in.post(ADD, form())
    # The button of the question, pressed after the address was changed: nobody else comes back by it.
    assert signed_in.post(ADD, form(email="hugo2@acme.example", bring_back=hugo.pk)).status_code == 302
    assert User.objects.get(pk=hugo.pk).state == UserState.DELETED
    assert User.objects.get(account=account, email_key="hugo2@acme.example").state == UserState.ACTIVE


def test_who_is_asked_about_is_who_comes_back(signed_in, account, hugo):
    other = UserFactory(account=account, name="Hugo Other", email="other@acme.example", deleted=True)
    page = signed_in.post(ADD, form(bring_back=other.pk))
    assert page.status_code == 200 and "Bring Hugo Vidal back" in text_of(page)
    assert {user.state for user in User.objects.filter(pk__in=[hugo.pk, other.pk])} == {UserState.DELETED}


def test_the_form_asks_by_the_id_too_and_never_about_another_account(signed_in, account, hugo):
    assert "Bring Hugo Vidal back" in text_of(signed_in.post(ADD, form(email="new@acme.example", unique_user_id="H-1")))
    UserFactory(account=AccountFactory(), email="far@acme.example", unique_user_id="F-1", deleted=True)
    assert signed_in.post(ADD, form(email="far@acme.example", unique_user_id="F-1")).status_code == 302


def test_a_user_in_use_is_no_question(signed_in, ann):
    page = signed_in.post(ADD, form(email=ann.email))
    assert page.status_code == 200
    assert "already in this account" in text_of(page) and "back as Learner" not in text_of(page)


# ---------------------------------------------------------------- only what is changed is checked


@pytest.fixture
def report(account, admin_user):
    """Somebody whose manager has been deleted."""
    boss = UserFactory(account=account, name="Boss", email="boss@acme.example")
    report = UserFactory(account=account, email="report@acme.example", manager=boss, kind=UserKind.EXTERNAL)
    user_delete(acting_user=admin_user, user=boss)
    return report


def test_a_deleted_manager_blocks_nobodys_form(signed_in, admin_user, report):
    services.user_update(acting_user=admin_user, user=report, name="Renamed")
    services.user_make_active(acting_user=admin_user, user=report)
    report.refresh_from_db()
    assert (report.name, report.registered, report.manager.name) == ("Renamed", True, "Boss")
    changed = form(name="By form", email=report.email, manager=report.manager_id)
    changed |= {"active_values-TOTAL_FORMS": "0", "active_values-INITIAL_FORMS": "0"}
    assert signed_in.post(f"/admin/users/externaluser/{report.pk}/change/", changed).status_code == 302
    report.refresh_from_db()
    assert (report.name, report.manager.name) == ("By form", "Boss")


def test_the_pencil_corrects_who_was_deleted_before_their_manager(account, admin_user):
    boss = UserFactory(account=account)
    report = UserFactory(account=account, manager=boss)
    for user in (report, boss):
        user_delete(acting_user=admin_user, user=user)
    services.user_update(acting_user=admin_user, user=report, email="right@acme.example", unique_user_id="R-1")
    report.refresh_from_db()
    assert (report.email_key, report.unique_user_id, report.state) == ("right@acme.example", "R-1", UserState.DELETED)


def test_a_manager_who_is_newly_named_is_active_all_the_same(admin_user, report, ann):
    gone = UserFactory(account=report.account, deleted=True)
    with pytest.raises(ServiceError, match="active user of the same account"):
        services.user_update(acting_user=admin_user, user=report, manager=gone)
    services.user_update(acting_user=admin_user, user=report, manager=ann)
    report.refresh_from_db()
    assert report.manager == ann


def test_who_comes_back_with_a_new_manager_and_without_is_as_typed(signed_in, admin_user, account, ann):
    boss = UserFactory(account=account)
    gone = UserFactory(account=account, email="gone@acme.example", manager=boss)
    for user in (gone, boss):
        user_delete(acting_user=admin_user, user=user)
    user_create(acting_user=admin_user, account=account, name="Gone", email="gone@acme.example", manager=None)
    gone.refresh_from_db()
    assert (gone.state, gone.manager) == (UserState.ACTIVE, None)


def test_a_circle_through_somebody_deleted_is_broken_there(account, admin_user):
    """Bo's manager is Di, Di's is Al. Once Di is deleted nobody sees her manager: Al may be managed by Bo."""
    al, di = UserFactory(account=account), UserFactory(account=account)
    bo = UserFactory(account=account, manager=di)
    services.user_update(acting_user=admin_user, user=di, manager=al)
    with pytest.raises(ServiceError, match="own manager"):
        services.user_update(acting_user=admin_user, user=al, manager=bo)
    user_delete(acting_user=admin_user, user=di)
    services.user_update(acting_user=admin_user, user=al, manager=bo)
    user_restore(acting_user=admin_user, user=di)
    found = {user: User.objects.get(pk=user.pk).manager for user in (al, bo, di)}
    assert found == {al: bo, bo: di, di: None}


# ---------------------------------------------------------------- whose an identifier is, is said


@pytest.mark.parametrize("said", [{"email": "hugo@acme.example"}, {"unique_user_id": "H-1"}])
def test_an_identifier_of_a_deleted_user_is_refused_with_where_to_look(admin_user, ann, hugo, said):
    with pytest.raises(ServiceError, match="User Cleanup"):
        services.user_update(acting_user=admin_user, user=ann, **said)
    ann.refresh_from_db()
    assert (ann.email, ann.unique_user_id) == ("ann@acme.example", "U-1")
    services.user_update(acting_user=admin_user, user=hugo, email="hugo.old@acme.example", unique_user_id="H-old")
    services.user_update(acting_user=admin_user, user=ann, **said)
