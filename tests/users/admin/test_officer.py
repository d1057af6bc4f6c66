"""The data protection officer: reads every page of their account, and finds no button that changes anything."""

import html
import re
from urllib.parse import urljoin

import pytest
from django.apps import apps
from django.urls import NoReverseMatch, reverse

from purge.models import FollowUp, PurgeRequest
from tests.factories.account_world import AccountWorld
from tests.factories.users import UserFactory
from users.models import Role, User, UserAudit
from users.services import ServiceError, purge_permission_set, role_assign, user_delete

pytestmark = pytest.mark.django_db
#: Forms that change nothing of the account: leaving, having read what one was told, a search that is posted so that it
#: is in no address, and names in a report, which are written down.
HARMLESS = re.compile(r"/admin/(logout|purge/purgerequest/look-up|messaging/notification/read)/|#staff$")
#: User Cleanup has its form for everybody; its button is there for whoever may purge.
INERT = {"/admin/users/deleteduser/purge/"}
PAGES = ("purge_register", "purge_look_ups", "purge_who_may_purge", "purge_report", "purge_data_map", "purge_routes")


@pytest.fixture
def world():
    return AccountWorld("quokka")


@pytest.fixture
def officer(world):
    return UserFactory(account=world.account, name="Olga Rivera", roles=[Role.DATA_PROTECTION_OFFICER])


def addresses(world):
    """Every list and every row of the account that has a page."""
    yield reverse("admin:index")
    for name in PAGES:
        yield reverse(f"admin:{name}")
    for model, row in world.rows.items():
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for name, args in ((f"{base}_changelist", ()), (f"{base}_change", (row.pk,)), (f"{base}_history", (row.pk,))):
            try:
                yield reverse(name, args=args)
            except NoReverseMatch:
                continue


def status_of(client, address):
    answer = client.get(address)
    answer.close()  # a download's file
    return answer.status_code


def links(page, address):
    """Where the links of a page lead within the site, without what narrows a list."""
    found = {urljoin(address, html.unescape(each)) for each in re.findall(r'<a\b[^>]*href="([^"]*)"', page)}
    paths = {re.split("[?#]", each)[0] for each in found}
    return {path for path in paths if path.startswith("/admin/")}


def buttons(page):
    """Where the forms of a page lead that are sent, but for the harmless ones."""
    forms = re.findall(r"<form\b[^>]*>", page)
    posted = [form for form in forms if 'method="post"' in form.lower()]
    where = [re.search(r'action="([^"]*)"', form) for form in posted]
    return [found.group(1) if found else "" for found in where if not (found and HARMLESS.match(found.group(1)))]


def test_pages_of_the_account_are_read_and_none_has_a_button(client, world, officer):
    client.force_login(officer)
    application = world.rows[apps.get_model("connectors", "ExternalApplication")]
    apps.get_model("connectors", "ApplicationGrant").objects.update(application=application)
    shown, unreadable, led = set(), set(), {}
    for address in addresses(world):
        answer = client.get(address)
        if answer.status_code == 302:
            continue
        if answer.status_code != 200:
            unreadable.add(answer.status_code)
            continue
        page = answer.content.decode()
        shown.add(address)
        led |= dict.fromkeys(links(page, address) - led.keys(), address)
        assert 'name="_save"' not in page, address
        assert '<button type="submit" class="pg-button pg-danger">' not in page, address
        assert "data-needs-selection" not in page, address
        assert "pg-pencil" not in page, address
        assert 'name="action"' not in page, address
        assert "addlink" not in page, address
        led_to = [form for form in buttons(page) if form and form not in INERT]
        assert led_to == [], (address, led_to)
    assert len(shown) > 60
    # Pages that are nothing but a form are refused, and what others were told is not theirs; nothing breaks.
    assert unreadable <= {403, 404}
    # No link of these pages leads to a refusal. Of the pages of a model, one row's is enough.
    assert len(led) > 100
    kinds = {re.sub(r"\d+", "N", address): address for address in led}
    answered = {address: status_of(client, address) for address in set(kinds.values()) - shown}
    assert {address: led[address] for address, status in answered.items() if status in (403, 404)} == {}


def test_what_is_sent_all_the_same_is_refused(client, world, officer):
    client.force_login(officer)
    person, purge_request = world.rows[apps.get_model("users", "InternalUser")], PurgeRequest.objects.first()
    row = FollowUp.objects.filter(request=purge_request).first()
    deleted = world.rows[apps.get_model("users", "DeletedUser")]
    before = UserAudit.objects.count()
    for address, data in [
        (f"/admin/users/internaluser/{person.pk}/change/", {"name": "Other"}),
        ("/admin/users/internaluser/", {"action": "delete_people", "_selected_action": [person.pk]}),
        ("/admin/users/internaluser/add/", {"name": "New", "email": "new@x.example"}),
        ("/admin/users/deleteduser/purge/", {"_selected_action": [deleted.pk]}),
        ("/admin/users/deleteduser/restore/", {"_selected_action": [deleted.pk]}),
        ("/admin/users/deleteduser/delete-again/", {"_selected_action": [person.pk]}),
        ("/admin/users/importlog/add/", {}),
        (f"/admin/purge/purgerequest/{purge_request.pk}/cancel/", {}),
        (f"/admin/purge/purgerequest/{purge_request.pk}/retry/", {}),
        (f"/admin/purge/purgerequest/{purge_request.pk}/note/", {"note-ticket": "HR-1"}),
        (f"/admin/purge/purgerequest/{purge_request.pk}/follow-ups/{row.pk}/done/", {}),
        (f"/admin/users/account/{world.account.pk}/change/", {"name": "Other"}),
    ]:
        answer = client.post(address, data)
        # The list is shown again: there is no such action for them.
        assert answer.status_code in ((200,) if "action" in data else (302, 403)), address
    row.refresh_from_db()
    purge_request.refresh_from_db()
    assert row.done_at is None
    assert purge_request.status == "queued"
    assert not hasattr(purge_request, "register_note")
    assert User.objects.get(pk=person.pk).name == "quokka One"
    assert User.objects.get(pk=deleted.pk).deleted_at is not None
    assert UserAudit.objects.count() == before


def test_the_role_is_given_as_any_other_and_gives_no_power(client, world, officer):
    other = UserFactory(account=world.account)
    client.force_login(other)
    assert client.get("/admin/").status_code == 302
    role_assign(acting_user=world.administrator, user=other, role=Role.DATA_PROTECTION_OFFICER)
    assert client.get("/admin/").status_code == 200
    assert not User.objects.get(pk=other.pk).has_perm("purge.purge_people")
    with pytest.raises(ServiceError):
        purge_permission_set(acting_user=world.administrator, user=officer, allowed=True)
    # Somebody else's rows are not theirs to read.
    client.force_login(officer)
    theirs = AccountWorld("zebra")
    stranger = theirs.rows[apps.get_model("users", "InternalUser")]
    assert client.get(f"/admin/users/internaluser/{stranger.pk}/change/").status_code == 404
    assert "zebra" not in client.get("/admin/users/internaluser/").content.decode()
    # Without the role, the door is shut again.
    user_delete(acting_user=world.administrator, user=officer)
    assert client.get("/admin/").status_code == 302
