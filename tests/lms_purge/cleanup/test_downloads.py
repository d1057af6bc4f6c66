"""The files that User Cleanup and the register give away: what they are called, and how they write a time."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from purge.models import PurgeRequest
from purge.pages.moments import file_name
from tests.factories.learning import EnrolmentFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.pages_at_hand import page_behind

pytestmark = pytest.mark.django_db
LIST = "/admin/users/deleteduser/"
REGISTER = "/admin/purge/purgerequest/register/"


@pytest.fixture
def account():
    return AccountFactory(name="Hugo Vidal’s Träume", subdomain="acme-eu", time_zone="Asia/Tokyo")


@pytest.fixture
def operator(client):
    return UserFactory(is_superuser=True)


def name_of(answer):
    """What a browser calls the file; the day as a word."""
    assert answer.status_code == 200
    found = re.fullmatch(r'attachment; filename="([\x21-\x7e]+)"', answer["Content-Disposition"])
    return re.sub(r"\d{4}-\d\d-\d\d(?=\.)", "DAY", found[1])


def rows_of(response):
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


def plan_of(client, *people):
    ids = [person.pk for person in people]
    return page_behind(client, client.post(f"{LIST}purge/", {"_selected_action": ids})).context["plan"]


def test_the_day_is_that_of_the_account(monkeypatch, account):
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 29, 23, 30, tzinfo=UTC))
    berlin = AccountFactory(subdomain="globex", time_zone="Europe/Berlin")
    honolulu = AccountFactory(subdomain="initech", time_zone="Pacific/Honolulu")
    assert [file_name("outside-copies", "csv", account_id=pk) for pk in (account.pk, berlin.pk, honolulu.pk, None)] == [
        "outside-copies-acme-eu-2026-11-30.csv",
        "outside-copies-globex-2026-11-30.csv",
        "outside-copies-initech-2026-11-29.csv",
        "outside-copies-2026-11-29.csv",
    ]


def test_each_file_is_called_by_what_it_has_its_account_and_the_day(as_admin, deleted):
    plan = plan_of(as_admin, deleted(name="Hugo Vidal"))
    names = {
        name_of(answer)
        for answer in (
            as_admin.get(f"{LIST}export/"),
            as_admin.get(f"{LIST}export/?month=2026-01"),
            as_admin.post(f"{LIST}outside/", {"plan": plan}),
            as_admin.post(f"{LIST}transcripts/", {"plan": plan}),
            as_admin.get(REGISTER, {"format": "csv"}),
            as_admin.get(REGISTER, {"format": "json"}),
        )
    }
    assert names == {
        "deleted-users-acme-eu-DAY.csv",
        "deleted-users-2026-01-acme-eu-DAY.csv",
        "outside-copies-acme-eu-DAY.csv",
        "transcripts-acme-eu-DAY.csv",
        "purge-register-acme-eu-DAY.csv",
        "purge-register-acme-eu-DAY.json",
    }


def test_while_a_request_is_open_the_list_has_the_same_name(as_admin, deleted):
    page = page_behind(as_admin, as_admin.post(f"{LIST}purge/", {"_selected_action": [deleted().pk]}))
    as_admin.post(page.context["action"], {"plan": page.context["plan"]})
    link = f"{LIST}recipients/{PurgeRequest.objects.get().pk}/"
    assert name_of(as_admin.get(link)) == "outside-copies-acme-eu-DAY.csv"


def test_what_is_of_several_accounts_names_none_and_what_is_of_one_does(client, operator, account, deleted):
    person = deleted()
    UserFactory(account=AccountFactory(subdomain="globex"), deleted=True)
    client.force_login(operator)
    plan = plan_of(client, person)
    assert name_of(client.get(f"{LIST}export/")) == "deleted-users-DAY.csv"
    assert name_of(client.get(REGISTER, {"format": "csv"})) == "purge-register-DAY.csv"
    assert name_of(client.post(f"{LIST}transcripts/", {"plan": plan})) == "transcripts-acme-eu-DAY.csv"


def test_times_are_those_of_the_account_with_their_offset(client, operator, account, deleted):
    kolkata = AccountFactory(time_zone="Asia/Kolkata")
    deleted(email="a@people.example")  # 15 Jan 2026, 12:00 UTC
    summer = datetime(2026, 7, 1, 12, 10, 59, tzinfo=UTC)
    berlin = AccountFactory(time_zone="Europe/Berlin")
    deleted(account=berlin, email="b@people.example")
    deleted(account=berlin, email="c@people.example", deleted_at=summer)
    deleted(account=kolkata, email="d@people.example")
    client.force_login(operator)
    rows = rows_of(client.get(f"{LIST}export/"))
    assert {row[1]: row[4] for row in rows[1:]} == {
        "a@people.example": "2026-01-15T21:00+09:00",
        "b@people.example": "2026-01-15T13:00+01:00",
        "c@people.example": "2026-07-01T14:10+02:00",
        "d@people.example": "2026-01-15T17:30+05:30",
    }


def test_times_of_transcripts_too(as_admin, deleted):
    person = deleted()
    enrolment = EnrolmentFactory(user=person)
    moments = {"enrolled_at": datetime(2026, 3, 1, 8, 5, tzinfo=UTC), "completed_at": None}
    type(enrolment).objects.filter(pk=enrolment.pk).update(**moments)
    rows = rows_of(as_admin.post(f"{LIST}transcripts/", {"plan": plan_of(as_admin, person)}))
    assert [row[6] for row in rows] == ["Date", "2026-03-01T17:05+09:00"]


def test_another_accounts_administrator_gets_their_own_name(client, account, deleted):
    deleted()
    client.force_login(AdministratorFactory(account=AccountFactory(subdomain="globex")))
    answer = client.get(f"{LIST}export/")
    assert name_of(answer) == "deleted-users-globex-DAY.csv"
    assert len(rows_of(answer)) == 1
