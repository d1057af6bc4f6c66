"""A report over a quarter: each number written by hand, and each with exactly its rows behind it."""

import csv
import io
import json
import re
from datetime import date, timedelta
from urllib.parse import unquote

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from purge.choices import Status
from purge.models import LedgerEntry, PatrolPass, PurgeRequest, StaffNamesShown
from purge.reporting.figures import Figure, NoFigure, Rows
from purge.reporting.periods import NoPeriod, Period, period_typed, quarter_of, year_of
from purge.reporting.report import report_of
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory, UserRoleFactory
from users.models import Role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_november")]

REPORT = "/admin/purge/purgerequest/report/"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def quarter(store, at, admin):
    """Nine requests of the account, of which the third quarter has seven accepted and five completed; one elsewhere."""
    rows = {
        "quick": store(at(7, 3), timedelta(minutes=2), people=3, initiator=admin),
        "hours": store(at(7, 20), 5 * HOUR, people=2, initiator=admin),
        "day": store(at(8, 10), 2 * DAY, initiator=admin),
        "late": store(at(8, 12), 40 * DAY, events=("held", "failed"), reopened=True),
        "late, held": store(at(8, 13), 41 * DAY, events=("held",)),
        "overdue": store(at(8, 20), events=("needs_attention",), status=Status.NEEDS_ATTENTION),
        "cancelled": store(at(9, 1), status=Status.CANCELLED, events=("cancelled",)),
        "before": store(at(6, 29), 4 * HOUR),
        "after": store(at(10, 2), HOUR),
    }
    rows["elsewhere"] = store(at(8, 1), 31 * DAY, account_id=AccountFactory(name="Other Ltd").pk, people=4)
    LedgerEntry.objects.create(request=rows["quick"], event="residue", at=at(9, 15))
    return rows


def own_report(account, zone="Asia/Tokyo"):
    requests = PurgeRequest.across_accounts.filter(account_id=account.pk)
    return report_of(requests, period_typed(zone, quarter="2026-3"), own=account.pk, everything=False)


def numbers(report):
    return {str(figure): each.number for figure, each in report.totals.items()}


# ---------------------------------------------------------------- the numbers


def test_a_quarter_is_counted(account, quarter):
    report = own_report(account)
    assert numbers(report) == {
        "accepted": 7,
        "completed": 5,
        "on_time": 3,
        "late": 2,
        "overdue": 1,
        "delayed": 3,
        "cancelled": 1,
        "found": 1,
        "checked": 0,
    }
    assert report.people == 8
    assert report.median == 2 * DAY
    assert report.longest == 41 * DAY
    assert [each.number for each in report.durations] == [1, 0, 1, 1, 0, 2]


def test_late_ones_say_what_their_history_says_and_nothing_else(account, quarter):
    """To their own account it is not told that one was held because of others; to those who see all it is."""
    own = {event: each.number for event, each in own_report(account).why}
    assert own == {"failed": 1, "needs_attention": 1, "none": 1}
    everything = report_of(PurgeRequest.across_accounts.all(), period_typed("UTC", quarter="2026-3"), everything=True)
    assert {event: each.number for event, each in everything.why} == {
        "failed": 1,
        "held": 1,
        "needs_attention": 1,
        "none": 1,
    }


def test_a_report_on_all_accounts_has_a_line_for_each_account_and_type(account, quarter, store, at):
    store(at(9, 9), HOUR, route="other_enterprise")
    report = report_of(PurgeRequest.across_accounts.all(), period_typed("UTC", quarter="2026-3"), everything=True)
    lines = {
        (line.account_id, line.route): (line.figures[Figure.COMPLETED].number, line.people) for line in report.lines
    }
    assert lines == {
        (account.pk, "ui_enterprise"): (5, 8),
        (account.pk, "other_enterprise"): (1, 1),
        (quarter["elsewhere"].account_id, "ui_enterprise"): (1, 4),
    }


def test_checked_again_is_a_later_pass_with_the_same_key(account, quarter, at):
    def passed(fingerprint, started_at, verdict="clean"):
        PatrolPass.objects.create(
            armed_by=f"rules.{fingerprint}", started_at=started_at, finished_at=started_at + HOUR, verdict=verdict
        )

    passed("1", at(11, 1)), passed("0", at(11, 2), "could_not_look")
    assert own_report(account).totals[Figure.CHECKED].number == 0
    passed("0", at(8, 1))
    assert own_report(account).totals[Figure.CHECKED].number == 2


def test_people_of_other_accounts_are_not_counted_for_a_customer(account, quarter):
    subject = quarter["quick"].subjects.first()
    subject.account_id = quarter["elsewhere"].account_id
    subject.save()
    assert own_report(account).people == 7


def test_the_number_of_statements_is_fixed(account, quarter, store, at):
    def statements():
        with CaptureQueriesContext(connection) as seen:
            own_report(account)
        return len(seen)

    few = statements()
    for day in range(1, 25):
        store(at(7, day), HOUR, people=2, events=("failed",), route="other_enterprise" if day % 2 else "ui_enterprise")
    assert statements() == few <= 10


def test_an_empty_quarter_is_a_report_of_noughts(account):
    report = own_report(account)
    assert set(numbers(report).values()) == {0}
    assert (report.people, report.median, report.longest, report.why, report.lines) == (0, None, None, [], [])


# ---------------------------------------------------------------- periods


def test_a_quarter_begins_and_ends_in_the_accounts_zone(account, store, at):
    """The evening of 30 September in London is October in Tokyo."""
    store(at(9, 30, hour=14), HOUR)
    store(at(9, 30, hour=16), HOUR)
    assert own_report(account).totals[Figure.ACCEPTED].number == 1
    assert own_report(account, zone="UTC").totals[Figure.ACCEPTED].number == 2


@pytest.mark.parametrize(
    ("typed", "first", "last", "label"),
    [
        ({"quarter": "2026-3"}, date(2026, 7, 1), date(2026, 9, 30), "3rd quarter of 2026"),
        ({"quarter": "2026Q4"}, date(2026, 10, 1), date(2026, 12, 31), "4th quarter of 2026"),
        ({}, date(2026, 10, 1), date(2026, 12, 31), "4th quarter of 2026"),
        ({"first": "2026-02-01", "last": "2026-02-28"}, date(2026, 2, 1), date(2026, 2, 28), "February 2026"),
        ({"first": "2025-01-01", "last": "2025-12-31"}, date(2025, 1, 1), date(2025, 12, 31), "2025"),
        ({"first": "2026-11-18"}, date(2026, 11, 18), date(2026, 11, 20), "18 Nov 2026 to 20 Nov 2026"),
    ],
)
def test_periods_are_typed_and_named(typed, first, last, label):
    period = period_typed("UTC", **typed)
    assert (period.first, period.last, period.label) == (first, last, label)


@pytest.mark.parametrize(
    "typed",
    [
        {"quarter": "2026-5"},
        {"quarter": "third"},
        {"quarter": "0000-1"},
        {"first": "2026-02-30"},
        {"first": "yesterday"},
        {"first": "2026-03-02", "last": "2026-03-01"},
        {"last": "2026-03-01"},
        {"first": "2010-01-01", "last": "2026-01-01"},
    ],
)
def test_what_is_no_period_is_refused(typed):
    with pytest.raises(NoPeriod):
        period_typed("UTC", **typed)


def test_the_months_of_a_period_are_whole_but_at_its_ends():
    period = Period(date(2025, 12, 15), date(2026, 2, 3), "UTC")
    assert [(month.first, month.last) for month in period.months()] == [
        (date(2025, 12, 15), date(2025, 12, 31)),
        (date(2026, 1, 1), date(2026, 1, 31)),
        (date(2026, 2, 1), date(2026, 2, 3)),
    ]
    assert len(year_of(2026, "UTC").months()) == 12


# ---------------------------------------------------------------- each number is exactly its rows


def followed(client, url):
    answer = client.get(url)
    assert answer.status_code == 200, url
    return answer.context["cl"].result_count


def links(page):
    """Address → the number that stands on it."""
    found = re.findall(r'<a href="([^"]+figure=[^"]+)"(?: aria-label="[^"]*: ([\d,]+) [^"]*")?>(?:([\d,]+)</a>)?', page)
    return {address.replace("&amp;", "&"): int((bar or cell).replace(",", "")) for address, bar, cell in found}


@pytest.mark.parametrize("as_whom", ["admin", "support"])
def test_every_number_and_every_bar_leads_to_exactly_its_rows(client, admin, quarter, as_whom):
    reader = admin if as_whom == "admin" else UserFactory(is_support=True)
    client.force_login(reader)
    found = links(client.get(f"{REPORT}?quarter=2026-3&year=2026").content.decode())
    assert len(found) >= (17 if as_whom == "admin" else 20)
    for address, number in found.items():
        rows = Rows.from_code(unquote(address.partition("figure=")[2]), "Asia/Tokyo" if as_whom == "admin" else "UTC")
        theirs = rows.among(PurgeRequest.across_accounts.all(), everything=as_whom == "support")
        if as_whom == "admin":
            theirs = theirs.filter(account_id=admin.account_id)
        assert theirs.count() == number > 0, address
    # And the list itself shows them, says what they are, and how to see all again.
    late = next(address for address in found if "figure=late" in address and address.endswith("09-30"))
    page = client.get(late)
    assert page.context["cl"].result_count == found[late] == (2 if as_whom == "admin" else 3)
    assert "Completed late · 3rd quarter of 2026" in page.content.decode()


def test_a_slow_requests_bar_leads_to_it(client, admin, quarter):
    client.force_login(admin)
    page = client.get(REPORT).content.decode()
    row = quarter["overdue"]
    assert f'<a href="/admin/purge/purgerequest/{row.pk}/change/" aria-label="{row.reference}: 92 ' in page


def test_the_rows_of_a_figure_survive_the_way_through_an_address():
    rows = Rows(Figure.COMPLETED, quarter_of(date(2026, 8, 8), "UTC"), route="ui_trial", account_id=7, took=3)
    assert Rows.from_code(rows.code, "UTC") == rows
    assert Rows.from_code("late~2026-07-01~2026-09-30~~~~failed", "UTC").why == "failed"


@pytest.mark.parametrize(
    "code",
    [
        "",
        "late",
        "nothing~2026-07-01~2026-09-30",
        "late~2026-07-01~2026-13-01",
        "late~0001-07-01~9999-12-31",
        "late~2026-07-01~2026-09-30~road",
        "late~2026-07-01~2026-09-30~~one",
        "late~2026-07-01~2026-09-30~~~9",
        "late~2026-07-01~2026-09-30~~~~because",
    ],
)
def test_what_is_no_figure_is_refused(code, client, admin):
    with pytest.raises(NoFigure):
        Rows.from_code(code, "UTC")
    client.force_login(admin)
    if code:
        assert client.get("/admin/purge/purgerequest/", {"figure": code}).status_code == 302


# ---------------------------------------------------------------- who reads it


def test_a_customer_reads_of_no_other_account(client, quarter, admin):
    other = quarter["elsewhere"].account_id
    client.force_login(admin)
    for address in (f"{REPORT}?quarter=2026-3", f"{REPORT}?quarter=2026-3&account=other"):
        page = client.get(address)
        assert page.context["report"].totals[Figure.COMPLETED].number == 5
        assert "Other Ltd" not in page.content.decode()
    code = Rows(Figure.COMPLETED, quarter_of(date(2026, 8, 8), "UTC"), account_id=other).code
    assert followed(client, f"/admin/purge/purgerequest/?figure={code}") == 0


def test_support_reads_all_accounts_or_one_in_its_zone(client, quarter, account):
    client.force_login(UserFactory(is_support=True))
    page = client.get(f"{REPORT}?quarter=2026-3")
    assert page.context["report"].totals[Figure.COMPLETED].number == 6
    assert page.context["report"].period.zone == "UTC"
    page = client.get(f"{REPORT}?quarter=2026-3&account=acme")
    assert page.context["report"].totals[Figure.COMPLETED].number == 5
    assert page.context["report"].period.zone == "Asia/Tokyo"
    assert "There is no account of this subdomain." in client.get(f"{REPORT}?account=nobody").content.decode()


def test_whoever_may_not_see_requests_reads_no_report(client, account):
    client.force_login(UserFactory(account=account))
    assert client.get(REPORT).status_code in (302, 403)
    client.logout()
    assert client.get(REPORT).status_code == 302


def test_the_officer_reads_the_report_of_their_account(client, quarter, account):
    officer = UserFactory(account=account)
    UserRoleFactory(user=officer, role=Role.DATA_PROTECTION_OFFICER)
    client.force_login(officer)
    assert client.get(f"{REPORT}?quarter=2026-3").context["report"].totals[Figure.COMPLETED].number == 5
    client.post(REPORT, {"quarter": "2026-3"})
    assert StaffNamesShown.across_accounts.get().actor == officer


def test_names_are_shown_only_to_whoever_asks_and_it_is_noted(client, admin, quarter):
    client.force_login(admin)
    before = client.get(f"{REPORT}?quarter=2026-3").content.decode()
    assert before.count("Ada Admin") == 2  # who is signed in, and who prints
    assert not StaffNamesShown.across_accounts.exists()
    shown = client.post(REPORT, {"quarter": "2026-3"})
    assert [(each.name, each.line.accepted) for each in shown.context["staff"]] == [
        ("nobody, or nobody who is still here", 4),
        ("Ada Admin", 3),
    ]
    row = StaffNamesShown.across_accounts.get()
    assert (row.actor, row.account_id, row.people) == (admin, admin.account_id, 1)
    assert (row.first_day, row.last_day) == (date(2026, 7, 1), date(2026, 9, 30))
    assert "Who had names shown" in client.get(REPORT).content.decode()
    other = AdministratorFactory(account=AccountFactory())
    client.force_login(other)
    assert "Who had names shown" not in client.get(REPORT).content.decode()


def test_the_platforms_own_people_have_no_name_for_a_customer(client, admin, quarter, store, at):
    root = UserFactory(is_superuser=True, name="Rosa Root", account__kind="system")
    store(at(9, 20), HOUR, initiator=root)
    client.force_login(admin)
    page = client.post(REPORT, {"quarter": "2026-3"}).content.decode()
    assert "LMS support" in page
    assert "Rosa Root" not in page
    client.force_login(root)
    assert "Rosa Root" in client.post(REPORT, {"quarter": "2026-3"}).content.decode()


# ---------------------------------------------------------------- paper, tables, the command


def test_a_sheet_says_whose_it_is_who_printed_it_and_when(client, admin, quarter):
    client.force_login(admin)
    page = " ".join(client.get(REPORT).content.decode().split())
    sheet = re.search(r'<p class="print-only">(.*?)</p>', page)[1]
    assert re.fullmatch(r"Acme · Printed by Ada Admin on \d+ \w{3} \d{4}, \d\d:\d\d JST", sheet)


def test_the_report_is_saved_as_csv(client, admin, quarter):
    client.force_login(admin)
    answer = client.get(f"{REPORT}?quarter=2026-3&format=csv")
    assert answer["Content-Disposition"] == 'attachment; filename="purge-report-own-2026-07-01-2026-09-30.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode())))
    assert rows[0] == ["figure", "type", "account", "detail", "number"]
    assert ["late", "", "", "", "2"] in rows
    assert ["not_by_the_day_due", "", "", "failed", "1"] in rows
    assert ["completed_within", "", "", "longer", "2"] in rows


def ran(*arguments):
    out = io.StringIO()
    call_command("purge_report", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_the_same(account, quarter):
    told = json.loads(ran("--quarter", "2026-3", "--account", "acme", "--json"))
    assert (told["completed"], told["late"], told["overdue"], told["people_erased"]) == (5, 2, 1, 8)
    assert told["not_by_the_day_due"] == {"failed": 1, "held": 1, "needs_attention": 1}
    assert (told["median_seconds"], told["longest_seconds"]) == (172_800, 3_542_400)
    assert "Completed late: 2" in ran("--from", "2026-07-01", "--to", "2026-09-30", "--account", "acme")
    assert "late,,,,3" in ran("--quarter", "2026-3", "--csv")
    assert not StaffNamesShown.across_accounts.exists()
    assert "Ada Admin: 3" in ran("--quarter", "2026-3", "--names")
    assert StaffNamesShown.across_accounts.get().actor is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("--quarter", "2026-9"),
        ("--quarter", "2026-1", "--from", "2026-01-01"),
        ("--csv", "--json"),
        ("--account", "nobody"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(arguments):
    with pytest.raises(CommandError) as refused:
        ran(*arguments)
    assert refused.value.returncode == (1 if "nobody" in arguments else 2)
