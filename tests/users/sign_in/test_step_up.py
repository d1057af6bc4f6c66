"""Every act that gives power, or takes people's data out, asks again who it is: by session, for fifteen minutes."""

import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from connectors.models import Webhook
from tests.factories.allauth_tables import AuthenticatorFactory
from tests.factories.connectors import (
    ConnectorFactory,
    ExternalApplicationFactory,
    FtpSettingsFactory,
    WebhookFactory,
)
from tests.factories.users import AccountFactory, AdministratorFactory, ImportLogFactory, UserFactory
from tests.pages_at_hand import _Reader
from users.models import Account, EnrolmentCode, Role, User, UserAudit

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
NEW = "another long pass phrase"
ASKED = "Confirm that it is you"
PEOPLE = "/admin/users/internaluser/"


@pytest.fixture
def acme(db):
    return AccountFactory(name="Acme", subdomain="acme")


@pytest.fixture
def chief(acme):
    return AdministratorFactory(account=acme, name="Chief", email="chief@acme.example", password=PASSWORD)


@pytest.fixture
def ann(acme):
    return UserFactory(account=acme, name="Ann", email="ann@acme.example")


@pytest.fixture
def here(chief):
    """A browser in which the administrator signed in an hour ago, and left."""
    client = Client()
    client.force_login(chief)
    grow_old(client, chief)
    return client


def grow_old(client, user, minutes=60):
    User.objects.filter(pk=user.pk).update(last_login=timezone.now() - timedelta(minutes=minutes))
    session = client.session
    session["password_confirmed_at"] = time.time() - minutes * 60
    session.save()


def read(response):
    page = _Reader()
    page.feed(response.content.decode())
    return page


def is_asked(response):
    if response.streaming:
        return False
    return response.status_code == 200 and ASKED in response.content.decode()


def answer(client, response, url, password=PASSWORD):
    """Type the password on the page, and press its button; what it carries goes along."""
    (form,) = [form for form in read(response).forms if any(button.words == "Confirm" for button in form.buttons)]
    data = {}
    for each in form.inputs:
        data.setdefault(each.name, []).append(each.value)
    data["confirm_password"] = [password]
    return client.post(form.action or url, data)


def form_data(client, page, /, **typed):
    """A change form as it stands there, with some of it typed anew."""
    page = read(client.get(page))
    (form,) = [form for form in page.forms if any(button.name == "_save" for button in form.buttons)]
    data = {each.name: each.value for each in form.inputs if each.kind != "checkbox" or each.checked}
    assert set(typed) <= set(data), set(typed) - set(data)
    return {**data, **typed, "_save": "Save"}


def change(client, page, row, **typed):
    url = f"/admin/{page}/{row.pk}/change/"
    return url, form_data(client, url, **typed)


def action(name, *people, **typed):
    return PEOPLE, {"action": name, "_selected_action": [person.pk for person in people], "apply": "1", **typed}


# ---------------------------------------------------------------- the acts


def a_password(client, world):
    return change(client, "users/internaluser", world["ann"], new_password=NEW)


def a_role(client, world):
    return action("assign_role", world["ann"], role="administrator")


def a_role_taken(client, world):
    return action("remove_role", world["other"], role="administrator")


def purging(client, world):
    return action("allow_purging", world["other"])


def no_purging(client, world):
    world["other"].user_permissions.add(*world["chief"].user_permissions.all())
    return action("withdraw_purging", world["other"])


def email_of_an_administrator(client, world):
    return change(client, "users/internaluser", world["other"], email="mine@evil.example")


def login_of_an_administrator(client, world):
    return change(client, "users/internaluser", world["other"], adobe_id="mine@evil.example")


def ones_own_email(client, world):
    return change(client, "users/internaluser", world["chief"], email="mine@evil.example")


def who_may_purge(client, world):
    url, data = change(client, "users/account", world["acme"])
    return url, {**data, "purge_with_role": "on"}


def a_connectors_secret(client, world):
    connector = ConnectorFactory(account=world["acme"], kind="ftp")
    world["ftp"] = FtpSettingsFactory(connector=connector, host="ours.example")
    (name,) = [
        name
        for name in form_data(client, f"/admin/connectors/connector/{connector.pk}/change/")
        if name.endswith("-0-host")
    ]
    return change(client, "connectors/connector", connector, **{name: "evil.example"})


def a_webhook(client, world):
    world["webhook"] = WebhookFactory(account=world["acme"], url="https://ours.example/", created_by=None)
    return change(client, "connectors/webhook", world["webhook"], url="https://evil.example/")


def a_new_webhook(client, world):
    page = "/admin/connectors/webhook/add/"
    return page, form_data(client, page, name="Evil", event="enrolled", url="https://evil.example/")


def an_applications_redirect(client, world):
    world["application"] = ExternalApplicationFactory(account=world["acme"], owner=None)
    return change(client, "connectors/externalapplication", world["application"], redirect_url="https://evil.example/")


def a_new_user_with_a_password(client, world):
    page = f"{PEOPLE}add/"
    return page, form_data(client, page, name="New", email="new@acme.example", new_password=NEW)


def a_second_factor_demanded(client, world):
    AuthenticatorFactory(user=world["chief"])
    url, data = change(client, "users/account", world["acme"])
    return url, {**data, "second_factor_demanded": "on"}


def fresh(row):
    return type(row).objects.get(pk=row.pk)


ACTS = {
    "password": (a_password, lambda w: fresh(w["ann"]).check_password(NEW)),
    "role": (a_role, lambda w: fresh(w["ann"]).has_role(Role.ADMINISTRATOR)),
    "role taken": (a_role_taken, lambda w: not fresh(w["other"]).has_role(Role.ADMINISTRATOR)),
    "purging": (purging, lambda w: fresh(w["other"]).has_perm("purge.purge_people")),
    "no purging": (no_purging, lambda w: not fresh(w["other"]).has_perm("purge.purge_people")),
    "email": (email_of_an_administrator, lambda w: fresh(w["other"]).email == "mine@evil.example"),
    "login": (login_of_an_administrator, lambda w: fresh(w["other"]).adobe_id == "mine@evil.example"),
    "own email": (ones_own_email, lambda w: fresh(w["chief"]).email == "mine@evil.example"),
    "who may purge": (who_may_purge, lambda w: fresh(w["acme"]).purge_with_role),
    "connector": (a_connectors_secret, lambda w: fresh(w["ftp"]).host == "evil.example"),
    "new webhook": (a_new_webhook, lambda w: Webhook.objects.filter(url="https://evil.example/").exists()),
    "application": (
        an_applications_redirect,
        lambda w: fresh(w["application"]).redirect_url == "https://evil.example/",
    ),
    "new user": (a_new_user_with_a_password, lambda w: User.objects.filter(email="new@acme.example").exists()),
    "second factor": (a_second_factor_demanded, lambda w: fresh(w["acme"]).second_factor_demanded),
    "webhook": (a_webhook, lambda w: fresh(w["webhook"]).url == "https://evil.example/"),
}


@pytest.fixture
def world(acme, chief, ann):
    """An account that gives the permission to purge one by one."""
    type(acme).objects.filter(pk=acme.pk).update(purge_with_role=False)
    other = AdministratorFactory(account=acme, name="Other", email="other@acme.example", may_purge=False)
    for each in (chief, ann, other):
        each.account.refresh_from_db()
    return {"acme": acme, "chief": chief, "ann": ann, "other": other}


@pytest.mark.parametrize("act", ACTS)
def test_an_open_session_is_not_enough(here, world, act):
    do, happened = ACTS[act]
    url, data = do(here, world)
    before = happened(world)
    assert not before
    page = here.post(url, data)
    assert is_asked(page)
    assert "no-store" in page.headers["Cache-Control"]
    assert not happened(world)
    # The wrong answer, and none: nothing happens, and what was typed is still there.
    for wrong in ("", "wrong"):
        page = answer(here, page, url, wrong)
        assert is_asked(page)
        assert not happened(world)
    done = answer(here, page, url)
    assert done.status_code == 302
    assert happened(world)


@pytest.mark.parametrize("act", ACTS)
def test_right_after_signing_in_nothing_is_asked(world, chief, act):
    client = Client()
    client.force_login(chief)
    do, happened = ACTS[act]
    url, data = do(client, world)
    assert client.post(url, data).status_code == 302
    assert happened(world)


def test_a_code_for_a_colleagues_second_factor_is_not_given_by_an_open_session(here, world, chief):
    world["other"].user_permissions.add(_purge_permission())
    Account.objects.filter(pk=world["acme"].pk).update(second_factor_demanded=True)
    session = here.session
    session["second_factor"] = True
    session.save()
    url, data = action("second_factor_codes", world["other"])
    asked = here.post(url, data)
    assert is_asked(asked)
    assert not EnrolmentCode.objects.exists()
    given = answer(here, asked, url)
    assert EnrolmentCode.objects.get().user == world["other"]
    assert "Other" in given.content.decode()


def test_one_answer_serves_all_acts_for_fifteen_minutes(here, world, chief):
    url, data = a_role(here, world)
    answer(here, here.post(url, data), url)
    url, data = a_password(here, {**world, "ann": UserFactory(account=world["acme"])})
    assert here.post(url, data).status_code == 302
    grow_old(here, chief, minutes=16)
    url, data = purging(here, world)
    assert is_asked(here.post(url, data))


def test_a_sign_in_elsewhere_confirms_nothing_here(here, world, chief):
    elsewhere = Client()
    elsewhere.post("/admin/login/", {"username": chief.email, "password": PASSWORD})
    assert (timezone.now() - fresh(chief).last_login).total_seconds() < 60
    url, data = a_role(here, world)
    assert is_asked(here.post(url, data))
    assert not fresh(world["ann"]).has_role(Role.ADMINISTRATOR)


def test_what_gives_no_power_is_not_asked(here, world, ann):
    for typed in ({"name": "Ann Archer"}, {"email": "ann.archer@acme.example"}):
        url, data = change(here, "users/internaluser", ann, **typed)
        assert here.post(url, data).status_code == 302
    ann.refresh_from_db()
    assert (ann.name, ann.email) == ("Ann Archer", "ann.archer@acme.example")
    url, data = action("delete_people", ann)
    assert here.post(url, data).status_code == 302


# ---------------------------------------------------------------- who has more rights


def test_who_may_not_purge_takes_over_nobody_who_may(world, chief, acme):
    """By email or login neither: the password of one who may purge is their own business, too."""
    for row in (chief, world["other"]):
        assert not fresh(row).has_perm("purge.purge_people") or row == chief
    chief.user_permissions.add(_purge_permission())
    lesser = Client()
    lesser.force_login(world["other"])
    for typed in ({"email": "mine@evil.example"}, {"adobe_id": "mine@evil.example"}):
        url, data = change(lesser, "users/internaluser", chief, **typed)
        refused = lesser.post(url, data)
        assert refused.status_code == 200
        assert "may do more than you" in refused.content.decode()
    assert (fresh(chief).email, fresh(chief).adobe_id) == ("chief@acme.example", None)
    url, data = change(lesser, "users/internaluser", chief, name="Chief Officer")
    assert lesser.post(url, data).status_code == 302
    # The other way round it is allowed, as between equals.
    greater = Client()
    greater.force_login(fresh(chief))
    url, data = change(greater, "users/internaluser", world["other"], email="new@acme.example")
    assert greater.post(url, data).status_code == 302
    assert fresh(world["other"]).email == "new@acme.example"


def _purge_permission():
    from django.contrib.auth.models import Permission

    return Permission.objects.get(codename="purge_people")


# ---------------------------------------------------------------- one's own password


def test_ones_own_password_needs_the_old_one(chief):
    client, elsewhere = Client(), Client()
    for browser in (client, elsewhere):
        browser.force_login(chief)
    url = f"{PEOPLE}{chief.pk}/change/"
    assert 'name="new_password"' not in client.get(url).content.decode()
    client.post(url, {**form_data(client, url), "new_password": NEW})
    assert fresh(chief).check_password(PASSWORD)
    page = "/admin/password_change/"
    typed = {"new_password1": NEW, "new_password2": NEW}
    assert client.post(page, {"old_password": "wrong", **typed}).status_code == 200
    assert fresh(chief).check_password(PASSWORD)
    assert client.post(page, {"old_password": PASSWORD, **typed}).status_code == 302
    assert fresh(chief).check_password(NEW)
    assert [event.event for event in UserAudit.objects.filter(user=chief)] == ["confirmation refused", "password set"]
    # Here it goes on; everywhere else it has ended.
    assert client.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302


# ---------------------------------------------------------------- wrong answers


@pytest.mark.parametrize("where", ["page", "password", "purge"])
def test_wrong_answers_are_counted_together_and_slowed(here, world, chief, where):
    deleted = UserFactory(account=world["acme"], deleted_at=timezone.now())
    world["chief"].user_permissions.add(_purge_permission())

    def wrong(password="wrong"):
        if where == "page":
            url, data = a_role(here, world)
            return here.post(url, {**data, "confirm_password": password})
        if where == "password":
            typed = {"new_password1": NEW, "new_password2": NEW}
            return here.post("/admin/password_change/", {"old_password": password, **typed})
        page = here.post("/admin/users/deleteduser/purge/", {"_selected_action": [deleted.pk]}, follow=True)
        typed = {"plan": page.context["plan"], "password": password}
        return here.post("/admin/users/deleteduser/purge/", typed, follow=True)

    for _n in range(5):
        assert "This is not your password." in wrong().content.decode()
    assert "Too many tries." in wrong(PASSWORD).content.decode()
    assert UserAudit.objects.filter(user=chief, event="confirmation refused").count() == 5
    # Nor at another page: they are one count.
    url, data = a_role(here, world)
    assert "Too many tries." in here.post(url, {**data, "confirm_password": PASSWORD}).content.decode()
    assert not fresh(world["ann"]).has_role(Role.ADMINISTRATOR)


# ---------------------------------------------------------------- exports of people


def test_exports_of_people_ask_and_then_come(here, world, chief):
    UserFactory(account=world["acme"], name="Lee Leaver", deleted_at=timezone.now())
    log = ImportLogFactory(account=world["acme"], content="Name,Email\nLee,lee@acme.example\n")
    for url in ("/admin/users/deleteduser/export/", f"/admin/users/importlog/{log.pk}/file/"):
        grow_old(here, chief)
        page = here.get(url)
        assert is_asked(page), url
        again = answer(here, page, url)
        assert (again.status_code, again.url) == (302, url)
        file = here.get(url)
        assert "attachment" in file.headers["Content-Disposition"]
        assert b"".join(file.streaming_content)


def test_lists_made_of_a_plan_ask_too(here, world, chief):
    world["chief"].user_permissions.add(_purge_permission())
    leaver = UserFactory(account=world["acme"], name="Lee Leaver", deleted_at=timezone.now())
    page = here.post("/admin/users/deleteduser/purge/", {"_selected_action": [leaver.pk]}, follow=True)
    for name in ("outside", "transcripts"):
        grow_old(here, chief)
        url = f"/admin/users/deleteduser/{name}/"
        asked = here.post(url, {"plan": page.context["plan"]})
        assert is_asked(asked)
        file = answer(here, asked, url)
        assert "attachment" in file.headers["Content-Disposition"]
        assert b"".join(file.streaming_content)


# ---------------------------------------------------------------- not around it


def test_the_answer_is_no_way_around_the_token_of_the_page(world, chief):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(chief)
    grow_old(strict, chief)
    url, data = action("assign_role", world["ann"], role="administrator")
    assert strict.post(url, {**data, "confirm_password": PASSWORD}).status_code == 403
    assert not fresh(world["ann"]).has_role(Role.ADMINISTRATOR)
