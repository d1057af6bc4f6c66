"""The register: what a row says, which rows a filter gives, and that no page reads more where there are more."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from purge.hashing import fingerprint
from purge.models import LedgerEntry, LookUp, PurgeRequest, RegisterNote
from purge.references import new_reference
from purge.register import listing
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import UserAudit, UserRole
from users.services import purge_permission_set, role_assign
from users.services.roles import purge_permission

pytestmark = pytest.mark.django_db
REGISTER = "/admin/purge/purgerequest/register/"
DAY = timedelta(days=1)
NEW_YEAR = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def account():
    return AccountFactory(name="Acme", time_zone="Europe/Berlin")


@pytest.fixture
def admin(account):
    return AdministratorFactory(account=account, name="Ada Keller")


@pytest.fixture
def officer(account):
    return UserFactory(account=account, name="Olga Rivera", roles=["data_protection_officer"])


def request(account, at=NEW_YEAR, took=None, due=30, **columns):
    """A request of this account; ``took``: completed after so long."""
    done = at + took if took is not None else None
    state = {"status": "completed", "planned": True, "verified_at": done, "completed_at": done} if done else {}
    return PurgeRequest.objects.create(
        reference=new_reference(),
        account_id=account.pk,
        key_fingerprint=fingerprint(),
        accepted_at=at,
        due_at=at + due * DAY,
        **{"route": "ui_enterprise", "origin": "admin", **state, **columns},
    )


def found(client, **asked):
    return {each["request"] for each in client.get(REGISTER, {**asked, "format": "json"}).json()["requests"]}


def test_a_row_says_all_of_a_request(client, account, admin, officer):
    in_time = request(account, took=3 * DAY, initiator=admin, selected_count=2)
    noted = {"asked_by": "person", "basis": "objection", "ticket": "HR-1", "reason": "By letter"}
    dates = {"received_on": date(2025, 12, 31), "answer_by": date(2026, 1, 31)}
    RegisterNote.objects.create(request=in_time, account_id=account.pk, **noted, **dates)
    client.force_login(officer)
    (row,) = client.get(REGISTER, {"format": "json"}).json()["requests"]
    assert row == {
        "request": in_time.reference,
        "account": account.pk,
        "state": "completed",
        "type": "ui_enterprise",
        "started_by": "admin",
        "initiator": "Ada Keller",
        **noted,
        "received_on": "2025-12-31",
        "answer_by": "2026-01-31",
        "accepted": "2026-01-01T12:00:00+00:00",
        "due": "2026-01-31T12:00:00+00:00",
        "first_completed": None,
        "completed": "2026-01-04T12:00:00+00:00",
        "seconds": 259_200,
        "late": False,
        "people": 2,
    }
    page = client.get(REGISTER).content.decode()
    for words in (
        "Ada Keller",
        "The person",
        "Objection (Art. 17(1)(b)".replace("(b)", "(c)"),
        "HR-1",
        "By letter",
        "31 Dec 2025",
        "31 Jan 2026",
        "1 Jan 2026, 13:00 CET",
        "4 Jan 2026, 13:00 CET",
        "3 days",
        "in time",
        "Users of an enterprise account",
    ):
        assert words in page, words
    lines = list(csv.reader(io.StringIO(client.get(REGISTER, {"format": "csv"}).content.decode("utf-8-sig"))))
    assert lines[0][:4] == ["Request ID", "Account", "State", "Type of purge"]
    assert dict(zip(lines[0], lines[1], strict=True))["Answer the person by"] == "2026-01-31"


def test_a_cell_of_the_file_is_never_reckoned(client, account, admin):
    noted = request(account)
    RegisterNote.objects.create(request=noted, account_id=account.pk, ticket="=1+1", reason="@now")
    client.force_login(admin)
    text = client.get(REGISTER, {"format": "csv"}).content.decode()
    assert "'=1+1" in text
    assert "'@now" in text


def test_each_filter_gives_its_requests_and_no_others(client, account, admin):
    other = AdministratorFactory(account=account)
    in_time = request(account, took=DAY, initiator=admin)
    late = request(account, at=NEW_YEAR + DAY, took=40 * DAY, route="other_enterprise", origin="command")
    soon = timezone.now()
    open_one = request(account, at=soon, initiator=other)
    overdue = request(account, at=NEW_YEAR + 60 * DAY, status="needs_attention")
    RegisterNote.objects.create(
        request=late,
        account_id=account.pk,
        asked_by="hr",
        basis="own_policy",
        ticket="HR-1",
        received_on=date(2026, 1, 2),
        answer_by=date(2026, 2, 2),
    )
    request(AccountFactory(), took=40 * DAY)  # another account's, found by nothing
    client.force_login(admin)
    every = {each.reference for each in (in_time, late, open_one, overdue)}
    assert found(client) == every
    for asked, expected in [
        ({"state": "completed"}, {in_time, late}),
        ({"state": "waiting"}, {open_one}),
        ({"state": "needs_help"}, {overdue}),
        ({"deadline": "overdue"}, {overdue}),
        ({"deadline": "late"}, {late}),
        ({"deadline": "in_time"}, {in_time}),
        ({"route": "other_enterprise"}, {late}),
        ({"origin": "command"}, {late}),
        ({"initiator": admin.pk}, {in_time}),
        ({"initiator": other.pk}, {open_one}),
        ({"asked_by": "hr"}, {late}),
        ({"asked_by": "manager"}, set()),
        ({"basis": "own_policy"}, {late}),
        ({"ticket": "HR-1"}, {late}),
        ({"ticket": "HR"}, set()),
        ({"received_from": "2026-01-02", "received_to": "2026-01-02"}, {late}),
        ({"received_from": "2026-01-03"}, set()),
        ({"accepted_from": "2026-01-02", "accepted_to": "2026-03-31"}, {late, overdue}),
        ({"completed_from": "2026-01-02", "completed_to": "2026-01-02"}, {in_time}),
        ({"completed_from": "2026-01-03"}, {late}),
        ({"deadline": "late", "asked_by": "hr", "state": "completed"}, {late}),
    ]:
        assert found(client, **asked) == {each.reference for each in expected}, asked
    wrong = client.get(REGISTER, {"accepted_from": "yesterday"})
    assert wrong.status_code == 200
    assert "Enter a valid date" in wrong.content.decode()
    assert found(client, accepted_from="yesterday") == set()


def test_a_day_begins_where_the_account_is(client, account, admin):
    # Half past eleven in the evening in London is the next day in Berlin.
    late_evening = request(account, at=datetime(2026, 1, 10, 23, 30, tzinfo=UTC))
    client.force_login(admin)
    assert found(client, accepted_from="2026-01-11", accepted_to="2026-01-11") == {late_evening.reference}
    assert found(client, accepted_to="2026-01-10") == set()


def test_pages_follow_on_one_another_without_a_gap(client, account, admin, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 3)
    made = [request(account, at=NEW_YEAR + (n // 2) * DAY) for n in range(8)]  # two at each moment
    client.force_login(admin)
    shown, address = [], REGISTER
    for _n in range(5):
        page = client.get(address)
        shown.append([row.purge_request.pk for row in page.context["rows"]])
        if not page.context["next_page"]:
            break
        address = f"{REGISTER}?{page.context['next_page']}"
    assert [len(each) for each in shown] == [3, 3, 2]
    assert [pk for page in shown for pk in page] == [each.pk for each in reversed(made)]


def test_a_page_looks_through_so_many_and_says_how_far(client, account, admin, monkeypatch):
    monkeypatch.setattr(listing, "MOST_LOOKED_AT", 5)
    old = request(account, at=NEW_YEAR, origin="command")
    for n in range(1, 12):
        request(account, at=NEW_YEAR + n * DAY)
    client.force_login(admin)
    page = client.get(REGISTER, {"origin": "command"})
    assert page.context["rows"] == []
    assert "Looked through the requests back to 8 Jan 2026, 13:00 CET" in page.content.decode()
    page = client.get(f"{REGISTER}?{page.context['next_page']}")
    assert page.context["rows"] == []
    page = client.get(f"{REGISTER}?{page.context['next_page']}")
    assert [row.purge_request for row in page.context["rows"]] == [old]
    assert not page.context["next_page"]
    # A file is made of all that match.
    assert found(client, origin="command") == {old.reference}


def test_a_page_costs_the_same_statements_with_few_and_with_many(client, account, admin):
    client.force_login(admin)

    def statements(**asked):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(REGISTER, asked)
        return len(queries)

    request(account, took=DAY, initiator=admin)
    client.get(REGISTER)
    before = [statements(), statements(origin="admin"), statements(asked_by="hr")]
    for n in range(60):
        row = request(account, at=NEW_YEAR + n * DAY, took=DAY, initiator=admin)
        RegisterNote.objects.create(request=row, account_id=account.pk, asked_by="hr")
    assert [statements(), statements(origin="admin"), statements(asked_by="hr")] <= [n + 1 for n in before]


def plan_of(rows):
    return rows.explain()


def test_the_order_and_the_days_come_from_an_index(account):
    for n in range(30):
        request(account, at=NEW_YEAR + n * DAY, took=DAY)
    other = request(AccountFactory(), at=NEW_YEAR, took=DAY)
    columns = {field.attname: getattr(other, field.attname) for field in other._meta.fields if field.attname != "id"}
    # As many that the planner, which has counted, takes no way through all of them for the thirty.
    PurgeRequest.objects.bulk_create(PurgeRequest(**{**columns, "reference": new_reference()}) for _ in range(3_000))
    own = PurgeRequest.objects.filter(account_id=account.pk)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute("ANALYZE purge_purgerequest")
    for rows, index in [
        (own.order_by("-accepted_at", "-pk"), "purge_request_account"),
        (own.filter(completed_at__gte=NEW_YEAR).order_by("-completed_at", "-pk"), "purge_request_completed"),
        (PurgeRequest.objects.order_by("-accepted_at", "-pk"), "purge_request_all"),
        (
            PurgeRequest.objects.filter(completed_at__gte=NEW_YEAR).order_by("-completed_at", "-pk"),
            "purge_request_all_completed",
        ),
    ]:
        assert index in plan_of(rows[:51]), rows.query


def test_a_reopened_request_has_both_dates_on_its_page_and_in_the_register(client, account, admin):
    twice = request(account, took=20 * DAY, reopened=True)
    for at in (NEW_YEAR + DAY, NEW_YEAR + 20 * DAY):
        LedgerEntry.objects.create(request=twice, event="completed", at=at)
    once = request(account, took=DAY)
    LedgerEntry.objects.create(request=once, event="completed", at=once.completed_at)
    again = request(account, status="residue", reopened=True)
    LedgerEntry.objects.create(request=again, event="completed", at=NEW_YEAR + DAY)
    client.force_login(admin)
    rows = {row["request"]: row for row in client.get(REGISTER, {"format": "json"}).json()["requests"]}
    assert rows[twice.reference]["first_completed"] == "2026-01-02T12:00:00+00:00"
    assert rows[twice.reference]["completed"] == "2026-01-21T12:00:00+00:00"
    assert rows[once.reference]["first_completed"] is None
    assert rows[again.reference]["first_completed"] == "2026-01-02T12:00:00+00:00"
    page = client.get(f"/admin/purge/purgerequest/{twice.pk}/change/").content.decode()
    assert "21 Jan 2026, 13:00 CET" in page
    assert "First completed on 2 Jan 2026, 13:00 CET" in page


# ---------------------------------------------------------------- who sees it


def test_nobody_reads_anothers_register(client, account, admin):
    RegisterNote.objects.create(request=request(account, initiator=admin), account_id=account.pk, reason="By letter")
    assert client.get(REGISTER).status_code == 302
    client.force_login(AdministratorFactory())
    assert found(client) == set()
    # Support sees that there is one and how it is filed, not the words and not who of the customer's people asked.
    client.force_login(UserFactory(account__kind="system", is_support=True))
    page = client.get(REGISTER).content.decode()
    assert "Acme" in page
    assert "By letter" not in page
    assert "Ada Keller" not in page
    client.force_login(UserFactory(account=account))
    assert client.get(REGISTER).status_code == 302


def test_the_history_names_staff_and_customers_read_no_operators_name(client, account, admin):
    row = request(account)
    operator = UserFactory(account__kind="system", is_superuser=True, name="Otto Op")
    LedgerEntry.objects.create(request=row, event="tried_again", actor=operator)
    LedgerEntry.objects.create(request=row, event="cancelled", actor=admin)
    address = f"/admin/purge/purgerequest/{row.pk}/change/"
    for reader, seen, unseen in [
        (admin, ["Tried again, an operator of the platform", "Cancelled, Ada Keller"], "Otto Op"),
        (operator, ["Tried again, Otto Op", "Cancelled, Ada Keller"], "somebody of the account"),
        (
            UserFactory(account__kind="system", is_support=True),
            ["Tried again, Otto Op", "Cancelled, somebody of the account"],
            "Ada Keller",
        ),
    ]:
        client.force_login(reader)
        page = client.get(address).content.decode()
        assert all(words in page for words in seen), reader
        assert unseen not in page


def test_look_ups_tell_who_asked_and_how_many_were_found(client, account, admin, officer):
    LookUp.objects.create(actor=admin, account_id=account.pk, digest="0" * 32, found=2)
    LookUp.objects.create(account_id=account.pk, digest="1" * 32)
    stranger = AdministratorFactory(name="Sven Stranger")
    LookUp.objects.create(actor=stranger, account_id=stranger.account_id, digest="2" * 32, found=7)
    client.force_login(officer)
    page = client.get(f"{REGISTER}look-ups/")
    assert [(row["who"], row["found"]) for row in page.context["rows"]] == [
        ("somebody who is not here any more", 0),
        ("Ada Keller", 2),
    ]
    assert "Sven" not in page.content.decode()
    # A look-up of one's own is on the list at once.
    client.force_login(admin)
    client.post("/admin/purge/purgerequest/look-up/", {"text": "nobody@x.example"})
    assert client.get(f"{REGISTER}look-ups/").context["rows"][0]["who"] == "Ada Keller"
    assert "nobody@x.example" not in client.get(f"{REGISTER}look-ups/").content.decode()


def test_who_may_purge_since_when_and_by_whom(client, account, admin, officer):
    later = UserFactory(account=account, name="Liv Later")
    role_assign(acting_user=admin, user=later, role="administrator")
    client.force_login(officer)
    rows = {row["name"]: row for row in client.get(f"{REGISTER}who-may-purge/").context["rows"]}
    assert set(rows) == {"Ada Keller", "Liv Later"}
    assert rows["Liv Later"]["by"] == "Ada Keller"
    assert rows["Ada Keller"]["by"] == "not written down"
    assert rows["Ada Keller"]["since"].endswith(" CET")
    # Given one by one, and by whom is written down; of before nobody knows more than that it was before.
    account.purge_with_role = False
    account.save()
    permission = purge_permission()
    admin.user_permissions.add(permission)
    purge_permission_set(acting_user=admin, user=later, allowed=True)
    rows = {row["name"]: row for row in client.get(f"{REGISTER}who-may-purge/").context["rows"]}
    assert rows["Liv Later"]["by"] == "Ada Keller"
    # The tables were made at the upgrade; where no migration ran nobody knows even that.
    assert re.fullmatch(r"not written down|before \d+ \w+ 20\d\d, \d\d:\d\d CES?T", rows["Ada Keller"]["since"])
    purge_permission_set(acting_user=admin, user=later, allowed=False)
    assert "Liv Later" not in client.get(f"{REGISTER}who-may-purge/").content.decode()
    assert UserAudit.objects.filter(event="purge permission given").count() == 1
    assert UserRole.objects.filter(user=later).exists()
