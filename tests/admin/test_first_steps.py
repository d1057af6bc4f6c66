"""What an empty installation needs, on an operator's Home: it ticks itself, and goes."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from purge.models import WorkerBeat
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import AccountKind, Role, User, UserState

pytestmark = pytest.mark.django_db
KEYS, WORKER, MAIL = "Make the keys, and keep a copy", "Start a worker", "Name a mail server"
BACKUP, ACCOUNT, FIRST = "Back up the database", "Add an account: an enterprise", "Invite its first administrator"


@pytest.fixture
def operator():
    client = Client()
    client.force_login(UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True))
    return client


@pytest.fixture
def empty(settings):
    settings.EMAIL_HOST, settings.PURGE_BACKUP_DAYS = "", None


def left(client) -> list[str]:
    """The steps that are still to do, in order."""
    page = client.get("/admin/").content.decode()
    steps = re.findall(r"<li>\s*<span class=\"status[^>]*>([^<]*)</span>(.*?)</li>", page, re.DOTALL)
    named = [
        (state, next(each for each in (KEYS, WORKER, MAIL, BACKUP, ACCOUNT, FIRST) if each in text))
        for state, text in steps
    ]
    assert [state for state, _name in named if state not in ("Done", "To do")] == []
    return [name for state, name in named if state == "To do"]


def test_it_ticks_itself_and_goes(operator, empty, settings):
    assert left(operator) == [WORKER, MAIL, BACKUP, ACCOUNT, FIRST]
    settings.PURGE_HASH_KEY = ""
    assert left(operator)[0] == KEYS
    settings.PURGE_HASH_KEY = "0123456789" * 5
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    assert left(operator) == [MAIL, BACKUP, ACCOUNT, FIRST]
    acme = AccountFactory(name="Acme")
    assert left(operator) == [MAIL, BACKUP, FIRST]
    UserFactory(account=acme)
    gone = AdministratorFactory(account=acme, state=UserState.DELETED, deleted_at=timezone.now())
    assert left(operator) == [MAIL, BACKUP, FIRST], gone
    AdministratorFactory(account=acme)
    settings.EMAIL_HOST = "mail.example"
    assert left(operator) == [BACKUP]
    settings.PURGE_BACKUP_DAYS = 0  # there are none, and somebody has said so
    assert "First steps" not in operator.get("/admin/").content.decode()


def test_its_links_lead_to_forms_that_are_filled_in(operator, empty):
    acme = AccountFactory(name="Acme")
    page = operator.get("/admin/").content.decode()
    (link,) = re.findall(r'href="(/admin/users/internaluser/add/\?[^"]*)"', page)
    form = operator.get(link.replace("&amp;", "&")).content.decode()
    assert '<option value="administrator" selected>' in form
    assert re.search(r'<input type="checkbox" name="invite"[^>]* checked', form)
    assert f'<option value="{acme.pk}" selected' in form
    # Two clicks and a name and an address.
    said = {"account": acme.pk, "role": "administrator", "invite": "on", "locale": "en", "time_zone": "UTC"}
    answer = operator.post("/admin/users/internaluser/add/", {**said, "name": "Ines", "email": "ines@acme.example"})
    assert answer.status_code == 302
    assert User.objects.get(email="ines@acme.example").has_role(Role.ADMINISTRATOR)


def test_who_hides_it_sees_it_no_more_and_others_do(operator, empty):
    answer = operator.post("/admin/first-steps/hide/", follow=True)
    assert "First steps" not in answer.content.decode()
    cookie = operator.cookies["lms_first_steps"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("hidden", True, "Lax")
    assert operator.get("/admin/first-steps/hide/").cookies.get("lms_first_steps") is None
    other = Client()
    other.force_login(
        UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM, subdomain="second"), is_superuser=True)
    )
    assert "First steps" in other.get("/admin/").content.decode()


def test_it_is_for_operators_alone(empty):
    support = UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_support=True)
    for user in (support, AdministratorFactory()):
        client = Client()
        client.force_login(user)
        assert "First steps" not in client.get("/admin/").content.decode()
