"""The product as it comes, with no setting changed: from signing in to the notification, and what each route reaches.

What stands here by hand (pages, fields, buttons, words) is what the flow cost when it was first measured. It may get
shorter; nothing that is built may make it longer for somebody who has changed no setting. How many clicks it takes is
counted in a browser (``tests/browser/test_plain_flow_in_a_browser.py``), how long in the bench (figure ``plain``).
"""

from __future__ import annotations

import json
import re

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone
from django.utils.dates import MONTHS
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from lms_purge import demo
from messaging.models import Notification
from purge import services
from purge.choices import Status
from purge.models import ImsNotice, PurgeRequest
from tests.pages_at_hand import Visit
from users.models import Account, AccountState, User, UserState
from users.services import user_create, user_delete

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(db) -> None:
    """What ``./run`` leaves on a machine that never had it: the demo. Nothing else is prepared."""
    demo.load()
    OrmQ.objects.all().delete()


#: Gives space back to the file system, outside a transaction: a test's own transaction is in its way.
HOUSEKEEPING = "purge.tasks.compact"


def work() -> None:
    """What the worker does: everything that the queue holds, until it is empty. Nobody helps."""
    for _n in range(200):
        task = OrmQ.objects.order_by("pk").first()
        if task is None:
            return
        path, arguments = str(task.task["func"]), task.task["args"]
        task.delete()
        if path != HOUSEKEEPING:
            import_string(path)(*arguments)
    raise AssertionError("the queue never empties")


def signed_in(email: str) -> Visit:
    """From the sign-in page to Home, with the demo's password."""
    visit = Visit().open("/admin/login/")
    visit.press("Sign in", fill={"username": email, "password": demo.demo_password()})
    assert visit.url == "/admin/"
    visit.pages.clear()
    visit.typed.clear()
    return visit


def last_month() -> str:
    """The demo's fullest month, as the page calls it: last month."""
    today = timezone.localdate()
    return str(MONTHS[(today.month - 2) % 12 + 1])


def accepted_on(visit: Visit) -> PurgeRequest:
    """The request whose ID stands on the page."""
    assert "Purge request PUR-" in visit.text
    references = set(re.findall(r"PUR-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]", visit.text))
    assert len(references) == 1
    return PurgeRequest.objects.get(reference=references.pop())


def completed_and_told(visit: Visit, purge_request: PurgeRequest, email: str) -> None:
    """The worker alone brings it to its end, and the initiator is told in the admin and by mail."""
    work()
    visit.open(visit.url)
    assert "Completed and verified" in visit.text
    purge_request.refresh_from_db()
    assert purge_request.status == Status.COMPLETED
    assert not PurgeRequest.objects.exclude(status=Status.COMPLETED).exists()  # nothing else waits for anybody
    assert f"Purge {purge_request.reference} is completed" in visit.open("/admin/messaging/notification/").text
    mails = [each.subject for each in mail.outbox if each.to == [email]]
    assert mails.count(f"Purge {purge_request.reference} is completed") == 1
    assert Notification.objects.filter(request_id=purge_request.pk, kind="completed").count() == 1


DELETING = ["/admin/users/internaluser/", "/admin/users/internaluser/", "/admin/users/internaluser/"]
PURGING = [
    "/admin/users/deleteduser/",
    "/admin/users/deleteduser/purge/",
    "/admin/purge/purgerequest/N/change/",
]


@pytest.mark.parametrize("email", ["admin@acme.example", "admin@northwind.example"])
def test_one_user_from_signing_in_to_the_notification(email):
    """An administrator of an enterprise account, and one of a trial."""
    account = User.objects.get(email=email).account
    person = user_create(acting_user=None, account=account, email="lee.leaver@plain.example", name="Lee Leaver")
    visit = signed_in(email)

    visit.follow("Internal Users")
    visit.press("Go", fill={"action": "delete_people"}, tick=(str(person.pk),))
    assert visit.form("Delete")[0].typed == []
    visit.press("Delete")
    assert visit.pages == DELETING
    assert visit.typed == ["action"]

    visit.pages.clear()
    visit.follow("User Cleanup")
    visit.press("Purge User", tick=(str(person.pk),))
    confirmation, _button = visit.form("Permanently purge 1 person")
    assert (confirmation.typed, confirmation.ticks) == ([], [])
    visit.press("Permanently purge 1 person")
    assert visit.pages == PURGING
    assert visit.typed == ["action"]

    purge_request = accepted_on(visit)
    assert purge_request.status == Status.QUEUED
    assert list(purge_request.subjects.values_list("person_id", flat=True)) == [person.pk]
    completed_and_told(visit, purge_request, email)
    assert not User.objects.filter(pk=person.pk).exists()


def test_the_first_fifty_of_a_month():
    visit = signed_in("admin@acme.example")
    month = last_month()
    before = User.objects.filter(state=UserState.DELETED).count()

    visit.follow("User Cleanup")
    visit.follow(f"{month} 56")
    visit.follow("Select first 50 users in the list")
    form, _button = visit.form("Purge User")
    assert len([box for box in form.ticks if box.checked]) == 50
    visit.press("Purge User")
    # A connector stops and sessions are taught by them: the number of people is typed, and nothing else.
    confirmation, _button = visit.form("Permanently purge 50 people")
    assert (confirmation.typed, confirmation.ticks) == (["number"], [])
    visit.press("Permanently purge 50 people", fill={"number": "50"})
    assert visit.pages == [
        "/admin/users/deleteduser/",
        "/admin/users/deleteduser/",
        "/admin/users/deleteduser/",
        "/admin/users/deleteduser/purge/",
        "/admin/purge/purgerequest/N/change/",
    ]
    assert visit.typed == ["number"]
    assert f"Select the remaining 6 users deleted in {month}" in visit.text

    purge_request = accepted_on(visit)
    assert purge_request.subjects.count() == 50
    completed_and_told(visit, purge_request, "admin@acme.example")
    assert User.objects.filter(state=UserState.DELETED).count() == before - 50


@pytest.mark.parametrize("email", ["admin@acme.example", "admin@northwind.example"])
def test_an_address_in_other_users(email):
    account = User.objects.get(email=email).account
    witness = user_create(
        acting_user=None,
        account=account,
        email="wit@plain.example",
        name="Wit Ness",
        profile="Reports to boss@outside.example",
    )
    visit = signed_in(email)

    visit.follow("User Cleanup")
    visit.follow("Other Users")
    assert visit.form("Find the address")[0].typed == ["address"]
    visit.press("Find the address", fill={"address": "boss@outside.example"})
    confirmation, _button = visit.form("Permanently purge this address")
    assert (confirmation.typed, confirmation.ticks) == ([], [])
    visit.press("Permanently purge this address")
    assert visit.pages == [
        "/admin/users/deleteduser/",
        "/admin/users/deleteduser/other/",
        "/admin/users/deleteduser/other/",
        "/admin/purge/purgerequest/N/change/",
    ]
    assert visit.typed == ["address"]

    purge_request = accepted_on(visit)
    completed_and_told(visit, purge_request, email)
    witness.refresh_from_db()
    assert witness.profile == "Reports to [erased]"


# ---------------------------------------------------------------- what each route reaches, as it comes

ANN = "ann@plain.example"
SAYS = f"ask {ANN}!"
TAKEN_OUT = "ask [erased]!"


class Cast:
    """Users added to the demo's accounts, and nothing else: in each a bystander, and a witness who mentions Ann."""

    def __init__(self) -> None:
        self.accounts = {account.subdomain: account for account in Account.objects.all()}
        self.acme_admin = User.objects.get(email="admin@acme.example")
        self.trial_admin = User.objects.get(email="admin@northwind.example")
        self.bystanders = {name: self.add(name, f"by@{name}.example") for name in CUSTOMERS}
        self.witness = {name: self.add(name, f"wit@{name}.example", profile=SAYS) for name in CUSTOMERS}

    def add(self, account: str, email: str, **fields) -> User:
        return user_create(
            acting_user=None,
            account=self.accounts[account],
            email=email,
            name=fields.pop("name", "Somebody"),
            **fields,
        )

    def leaver(self, account: str, email: str = ANN, **fields) -> User:
        user = self.add(account, email, **fields)
        return user_delete(acting_user=None, user=user)

    def matches(self) -> tuple[User, User, User]:
        """In trials: active by email, active by login, deleted by email in an expired one."""
        return (
            self.add("sandbox", ANN),
            self.add("northwind", "other@plain.example", adobe_id=ANN.upper()),
            self.leaver("old-trial"),
        )

    def creator_of(self, account: str) -> User:
        """Who signed up for a trial of the demo."""
        return User.objects.get(pk=self.accounts[account].creator_id)

    def says(self, account: str) -> str:
        self.witness[account].refresh_from_db()
        return self.witness[account].profile

    def everybody_else_is_here(self) -> None:
        assert there(*self.bystanders.values(), *self.witness.values()) == [True] * (2 * len(CUSTOMERS))


CUSTOMERS = ("acme", "globex", "northwind", "sandbox", "old-trial")


@pytest.fixture
def cast(fresh) -> Cast:
    return Cast()


def there(*people: User) -> list[bool]:
    present = set(User.objects.filter(pk__in=[each.pk for each in people]).values_list("pk", flat=True))
    return [each.pk in present for each in people]


def to_its_end(purge_request: PurgeRequest) -> PurgeRequest:
    work()
    purge_request.refresh_from_db()
    assert purge_request.status == Status.COMPLETED
    return purge_request


def purge(actor: User, *people: User) -> PurgeRequest:
    return to_its_end(
        services.purge_submit(acting_user=actor, account_id=actor.account_id, user_ids=[person.pk for person in people])
    )


def purge_address(actor: User, address: str = ANN) -> PurgeRequest:
    return to_its_end(services.purge_submit_address(acting_user=actor, account_id=actor.account_id, address=address))


def purge_ims(**message: str) -> PurgeRequest:
    return to_its_end(services.purge_submit_ims(**message))


def told_of(purge_request: PurgeRequest) -> list[tuple[str, int]]:
    rows = Notification.objects.filter(request_id=purge_request.pk).order_by("recipient_id")
    return list(rows.values_list("kind", "recipient_id"))


# An administrator of an enterprise account.


def test_row_01_ui_enterprise_deletes_the_selected_user_from_the_requesting_account(cast):
    selected, same_person_elsewhere = cast.leaver("acme"), cast.add("globex", ANN)
    purge(cast.acme_admin, selected)
    assert there(selected, same_person_elsewhere) == [False, True]
    cast.everybody_else_is_here()


def test_row_02_ui_enterprise_deletes_matches_from_all_trials(cast):
    selected, matches, near = cast.leaver("acme"), cast.matches(), cast.add("sandbox", f"jo{ANN}")
    purge(cast.acme_admin, selected)
    assert there(*matches, near) == [False, False, False, True]
    cast.everybody_else_is_here()


def test_row_03_ui_enterprise_keeps_a_match_who_created_the_trial(cast):
    # The demo has a deleted user of Acme who signed up for the trial "sandbox".
    creator = cast.creator_of("sandbox")
    selected = User.objects.get(account=cast.accounts["acme"], email=creator.email)
    purge_request = purge(cast.acme_admin, selected)
    assert there(selected, creator) == [False, True]
    assert purge_request.kept_count == 1
    assert Account.objects.get(subdomain="sandbox").state == AccountState.ACTIVE


def test_row_04_ui_enterprise_takes_the_email_out_of_its_account_and_all_trials(cast):
    purge(cast.acme_admin, cast.leaver("acme"))
    assert {name: cast.says(name) for name in CUSTOMERS} == {
        "acme": TAKEN_OUT,
        "globex": SAYS,
        "northwind": TAKEN_OUT,
        "sandbox": TAKEN_OUT,
        "old-trial": TAKEN_OUT,
    }


def test_row_05_ui_enterprise_notifies_the_initiator(cast):
    purge_request = purge(cast.acme_admin, cast.leaver("acme"))
    assert told_of(purge_request) == [("completed", cast.acme_admin.pk)]


# An administrator of a trial account.


def test_row_06_ui_trial_deletes_the_selected_user_from_the_requesting_account(cast):
    selected, in_enterprises = cast.leaver("northwind"), (cast.leaver("acme"), cast.add("globex", ANN))
    purge(cast.trial_admin, selected)
    assert there(selected, *in_enterprises) == [False, True, True]
    cast.everybody_else_is_here()


def test_row_07_ui_trial_deletes_matches_from_all_trials(cast):
    selected = cast.leaver("northwind")
    matches = (
        cast.add("sandbox", ANN),
        cast.add("sandbox", "login@plain.example", adobe_id=ANN),
        cast.leaver("old-trial"),
    )
    purge(cast.trial_admin, selected)
    assert there(*matches) == [False] * 3
    cast.everybody_else_is_here()


def test_row_08_ui_trial_keeps_a_match_who_created_the_trial(cast):
    creator = cast.creator_of("sandbox")
    selected = cast.leaver("northwind", creator.email)
    purge_request = purge(cast.trial_admin, selected)
    assert there(selected, creator) == [False, True]
    assert purge_request.kept_count == 1


def test_row_09_ui_trial_takes_the_email_out_of_all_trials_and_no_enterprise(cast):
    purge(cast.trial_admin, cast.leaver("northwind"))
    assert {name: cast.says(name) for name in CUSTOMERS} == {
        "acme": SAYS,
        "globex": SAYS,
        "northwind": TAKEN_OUT,
        "sandbox": TAKEN_OUT,
        "old-trial": TAKEN_OUT,
    }


def test_row_10_ui_trial_notifies_the_initiator(cast):
    purge_request = purge(cast.trial_admin, cast.leaver("northwind"))
    assert told_of(purge_request) == [("completed", cast.trial_admin.pk)]


# An address of no user.


def test_row_11_other_enterprise_takes_the_address_out_of_its_account_and_all_trials(cast):
    purge_address(cast.acme_admin)
    assert {name: cast.says(name) for name in CUSTOMERS} == {
        "acme": TAKEN_OUT,
        "globex": SAYS,
        "northwind": TAKEN_OUT,
        "sandbox": TAKEN_OUT,
        "old-trial": TAKEN_OUT,
    }


def test_row_12_other_enterprise_deletes_no_user(cast):
    elsewhere = (cast.add("globex", ANN), *cast.matches())
    before = User.objects.count()
    purge_address(cast.acme_admin)
    assert (there(*elsewhere), User.objects.count()) == ([True] * 4, before)


def test_row_13_other_enterprise_notifies_the_initiator(cast):
    purge_request = purge_address(cast.acme_admin)
    assert told_of(purge_request) == [("completed", cast.acme_admin.pk)]


def test_row_14_other_trial_takes_the_address_out_of_all_trials_and_no_enterprise(cast):
    purge_address(cast.trial_admin)
    assert {name: cast.says(name) for name in CUSTOMERS} == {
        "acme": SAYS,
        "globex": SAYS,
        "northwind": TAKEN_OUT,
        "sandbox": TAKEN_OUT,
        "old-trial": TAKEN_OUT,
    }


def test_row_15_other_trial_deletes_no_user(cast):
    elsewhere = (cast.add("globex", ANN), cast.add("sandbox", ANN), cast.leaver("old-trial"))
    before = User.objects.count()
    purge_address(cast.trial_admin)
    assert (there(*elsewhere), User.objects.count()) == ([True] * 3, before)


def test_row_16_other_trial_notifies_the_initiator(cast):
    purge_request = purge_address(cast.trial_admin)
    assert told_of(purge_request) == [("completed", cast.trial_admin.pk)]


# A message of the identity provider.


def test_row_17_ims_enterprise_notifies_the_administrators_of_every_enterprise_with_such_a_user(cast):
    users = (cast.add("acme", ANN), cast.leaver("globex"))
    purge_request = purge_ims(email=ANN)
    assert there(*users) == [True, True]
    assert set(ImsNotice.objects.filter(request=purge_request).values_list("account_id", "user_id")) == {
        (cast.accounts["acme"].pk, users[0].pk),
        (cast.accounts["globex"].pk, users[1].pk),
    }
    admins = User.objects.filter(
        email__in=("admin@acme.example", "second@acme.example", "admin@globex.example")
    ).order_by("pk")
    assert told_of(purge_request) == [("ims_notice", admin.pk) for admin in admins]


def test_row_18_ims_enterprise_looks_at_no_email_field_for_whom_to_notify(cast):
    purge_request = purge_ims(email=ANN)
    assert told_of(purge_request) == []
    assert (cast.says("acme"), cast.says("globex")) == (SAYS, SAYS)


def test_row_19_ims_trial_deletes_matches_by_either_identifier_from_all_trials(cast):
    by_login = cast.add("sandbox", "login@plain.example", adobe_id="ann-login")
    matches, in_enterprise = cast.matches(), cast.add("acme", ANN, adobe_id="ann-login")
    purge_ims(email=ANN, adobe_id="ann-login")
    assert there(*matches, by_login, in_enterprise) == [False, False, False, False, True]
    cast.everybody_else_is_here()


def test_row_20_ims_trial_deletes_all_users_of_a_trial_that_the_person_created_there_only(cast):
    creator = cast.creator_of("sandbox")
    member_elsewhere = cast.add("northwind", creator.email)
    purge_ims(email=creator.email)
    assert there(creator, cast.bystanders["sandbox"], cast.witness["sandbox"], member_elsewhere) == [False] * 4
    assert there(cast.bystanders["northwind"], cast.bystanders["acme"]) == [True, True]
    assert not User.objects.filter(account=cast.accounts["sandbox"]).exists()
    states = dict(Account.objects.values_list("subdomain", "state"))
    assert (states["sandbox"], states["northwind"]) == (AccountState.INACTIVE, AccountState.ACTIVE)


def test_row_21_ims_trial_takes_the_email_out_of_all_trials(cast):
    purge_ims(email=ANN)
    assert {name: cast.says(name) for name in CUSTOMERS} == {
        "acme": SAYS,
        "globex": SAYS,
        "northwind": TAKEN_OUT,
        "sandbox": TAKEN_OUT,
        "old-trial": TAKEN_OUT,
    }


#: The lines of ``purge_routes --json``, in this order.
COLUMNS = (
    "route",
    "delete_selected",
    "delete_trial_matches",
    "delete_matching_creators",
    "delete_users_of_created_trials",
    "scrub_requesting_account",
    "scrub_trial_accounts",
    "notify",
)
LINES = (
    ("ui_enterprise", True, True, False, False, True, True, "initiator"),
    ("ui_trial", True, True, False, False, True, True, "initiator"),
    ("other_enterprise", False, False, False, False, True, True, "initiator"),
    ("other_trial", False, False, False, False, True, True, "initiator"),
    ("ims_enterprise", False, False, False, False, False, False, "administrators"),
    ("ims_trial", False, True, True, True, False, True, None),
)


@pytest.mark.parametrize("line", LINES, ids=[line[0] for line in LINES])
def test_purge_routes_prints_this_line(line, capsys):
    call_command("purge_routes", "--json")
    printed = json.loads(capsys.readouterr().out)
    assert [row["route"] for row in printed] == [each[0] for each in LINES]
    [mine] = [row for row in printed if row["route"] == line[0]]
    assert mine == dict(zip(COLUMNS, line, strict=True))
