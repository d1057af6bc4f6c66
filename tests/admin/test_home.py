"""The home page and the frame of every page: tiles, worker, charts, notifications, navigation, log."""

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from lms_purge.backoffice.home import deleted_and_waiting, home_of
from messaging.models import Notification, NotificationKind
from purge.choices import Fate, Reason, Status
from purge.models import PurgeRequest, Subject, WorkerBeat
from purge.reporting.drawing import round_up
from purge.upkeep import standstill
from tests.factories.learning import CourseFactory, SessionFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import AccountKind, LoginEvent, Role, UserState
from users.services import user_delete

pytestmark = pytest.mark.django_db

HOME = "/admin/"


@pytest.fixture
def purge_request(account):
    """Stores a request of the account, with as many erased or waiting people as it selected."""

    def store(status=Status.COMPLETED, *, people=1, took=timedelta(hours=1), accepted_at=None, **fields):
        done = status == Status.COMPLETED
        accepted_at = accepted_at or timezone.now() - took
        row = PurgeRequest.objects.create(
            **{
                "reference": f"PUR-{PurgeRequest.objects.count():04}-AAAA-A",
                "route": "ui_enterprise",
                "origin": "admin",
                "account_id": account.pk,
                "status": status,
                "key_fingerprint": "0",
                "accepted_at": accepted_at,
                "due_at": accepted_at + timedelta(days=30),
                "completed_at": accepted_at + took if done else None,
                "verified_at": accepted_at + took if done else None,
                "planned": done,
                "selected_count": people,
                **fields,
            }
        )
        for number in range(people):
            Subject.objects.create(
                request=row,
                person_id=1_000_000 + row.pk * 100 + number,
                account_id=row.account_id,
                role=Reason.SELECTED,
                fate=Fate.ERASED if done else Fate.WAITING,
                earlier_state=UserState.DELETED,
            )
        return row

    return store


def tile(home, label):
    return next(tile for tile in home.tiles if tile.label == label)


# ---------------------------------------------------------------- tiles


def test_an_empty_account_is_told_what_to_do(as_admin):
    text = as_admin.get(HOME).content.decode()
    assert "Purges are not being processed yet." in text
    assert "New requests are queued; nothing is lost." in text
    assert "No purge requests yet. Delete users first, then select them in User Cleanup." in text
    assert text.count("No data yet.") == 3
    assert 'class="chart"' not in text


def test_who_follows_all_accounts_is_not_told_to_delete_users(client):
    client.force_login(UserFactory(is_support=True))
    text = client.get(HOME).content.decode()
    assert "No purge requests yet." in text
    assert "Delete users first" not in text


@pytest.mark.both_databases
def test_tiles_count_what_waits_and_what_is_late(admin, deleted, purge_request):
    deleted(), deleted()
    purge_request(Status.RUNNING, people=0)
    purge_request(Status.NEEDS_ATTENTION, people=0)
    purge_request(Status.RESIDUE, people=0)
    purge_request(Status.RESIDUE, people=0, accepted_at=timezone.now() - timedelta(days=31))
    purge_request()
    WorkerBeat.objects.create(name="lms", beat_at=timezone.now())
    home = home_of(admin)
    assert {tile.label: tile.value for tile in home.tiles} == {
        "Deleted users": "2",
        "Open requests": "4",
        "Needs help": "3",
        "Overdue": "1",
        "To do": "0",
    }
    assert tile(home, "Open requests").note == "0 waiting, 1 in progress"
    assert tile(home, "Overdue").tone == "error"
    assert tile(home_of(AdministratorFactory()), "Overdue").tone == "success"


def test_people_in_a_request_do_not_wait(admin, account, deleted, purge_request):
    person, _other = deleted(), deleted()
    row = purge_request(Status.RUNNING, people=0)
    assert deleted_and_waiting(admin) == 2
    Subject.objects.create(
        request=row, person_id=person.pk, account_id=account.pk, role=Reason.SELECTED, earlier_state=UserState.DELETED
    )
    assert deleted_and_waiting(admin) == 1
    assert deleted_and_waiting(UserFactory(is_superuser=True)) == 1
    assert deleted_and_waiting(UserFactory(is_support=True)) is None


def test_an_account_sees_its_own_numbers_alone(admin, deleted, purge_request):
    deleted()
    purge_request(people=3)
    elsewhere = AdministratorFactory(account=AccountFactory(name="Other Ltd"))
    home = home_of(elsewhere)
    assert {tile.value for tile in home.tiles} == {"0"}
    assert not home.latest
    assert all(chart.is_empty for chart in home.charts)
    assert not all(chart.is_empty for chart in home_of(admin).charts)


def test_support_sees_every_request_and_no_people(client, purge_request, deleted):
    deleted()
    row = purge_request(people=3)
    support = UserFactory(is_support=True)
    home = home_of(support)
    assert [row.reference for row, _standing, _account in home.latest] == [row.reference]
    assert "Deleted users" not in {tile.label for tile in home.tiles}
    client.force_login(support)
    text = client.get(HOME).content.decode()
    assert row.reference in text
    assert "<td>Acme</td>" in text


def test_an_account_does_not_read_its_own_name_beside_each_request(as_admin, purge_request):
    row = purge_request()
    text = as_admin.get(HOME).content.decode()
    assert row.reference in text
    assert "<td>Acme</td>" not in text


# ---------------------------------------------------------------- worker


def test_operators_read_of_the_worker_and_customers_of_their_purges(as_admin, client):
    assert "manage.py worker" not in as_admin.get(HOME).content.decode()
    beat = WorkerBeat.objects.create(name="lms", beat_at=timezone.now())
    client.force_login(UserFactory(is_superuser=True, account__kind="system"))
    assert "Worker running since" in client.get(HOME).content.decode()
    WorkerBeat.objects.filter(pk=beat.pk).update(beat_at=timezone.now() - timedelta(hours=1))
    standstill.forget()
    text = client.get(HOME).content.decode()
    assert "Purges are paused: the background worker does not respond. Start one." in text
    assert "<code>manage.py worker</code>" in text


def test_operators_read_when_the_worker_was_last_seen(client):
    now = timezone.now()
    beat = WorkerBeat.objects.create(name="lms", beat_at=now - timedelta(seconds=20))
    client.force_login(UserFactory(is_support=True))
    assert ", last seen just now." in client.get(HOME).content.decode()
    WorkerBeat.objects.filter(pk=beat.pk).update(beat_at=now - timedelta(seconds=80))
    assert ", last seen 1\xa0minute ago." in client.get(HOME).content.decode()


def test_the_worker_is_alive_or_has_fallen_silent(as_admin):
    beat = WorkerBeat.objects.create(name="lms", beat_at=timezone.now())
    text = as_admin.get(HOME).content.decode()
    assert "Purges are being processed." in text
    assert "Worker running since" not in text
    WorkerBeat.objects.filter(pk=beat.pk).update(beat_at=timezone.now() - timedelta(hours=1))
    standstill.forget()
    text = as_admin.get(HOME).content.decode()
    assert "Purges are paused: the background worker has not responded since" in text
    assert "Purges are being processed." not in text


# ---------------------------------------------------------------- charts


def chart_of(home, name):
    return next(chart for chart in home.charts if chart.name == name)


def rows_of(chart):
    return {row[0].text: tuple(cell.text for cell in row[1:]) for row in chart.rows}


@pytest.mark.both_databases
def test_months_are_those_of_the_account(admin, purge_request):
    """Completed on the last evening of October in London: in Tokyo, where the account is, it is November already."""
    now = datetime(2025, 11, 15, 12, tzinfo=UTC)
    evening = datetime(2025, 10, 31, 20, tzinfo=UTC)
    purge_request(people=4, took=timedelta(hours=1), accepted_at=evening - timedelta(hours=1))
    purge_request(people=1, took=timedelta(days=31), accepted_at=evening - timedelta(days=40))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.utils.timezone.now", lambda: now)
        chart = chart_of(home_of(admin), "months")
    assert len(chart.rows) == 12
    assert chart.heads == ("Month", "Requests completed on time", "Requests completed late", "People erased")
    assert rows_of(chart)["November 2025"] == ("1", "0", "4")
    assert rows_of(chart)["October 2025"] == ("0", "1", "1")
    assert chart.period == "Dec 2024 to Nov 2025"
    assert [label.text for label in chart.labels][:3] == ["Dec 24", "Jan 25", "Feb"]
    assert chart.summary == "2 requests completed, late: 1. People erased: 5."


@pytest.mark.both_databases
def test_times_to_completion_are_grouped(admin, purge_request):
    for took in (timedelta(minutes=2), timedelta(minutes=3), timedelta(hours=5), timedelta(days=40)):
        purge_request(took=took)
    purge_request(Status.RUNNING)
    chart = chart_of(home_of(admin), "durations")
    assert [row[1].text for row in chart.rows] == ["2", "0", "1", "0", "0", "1"]
    assert chart.summary == "4 requests completed, 3 of them within a day."


@pytest.mark.both_databases
def test_the_slowest_open_requests_come_in_the_order_of_their_deadlines(admin, purge_request):
    purge_request(Status.RUNNING, reference="PUR-NEWB-AAAA-A", accepted_at=timezone.now() - timedelta(days=2))
    old = purge_request(
        Status.NEEDS_ATTENTION, reference="PUR-OLDA-AAAA-A", accepted_at=timezone.now() - timedelta(days=33, hours=1)
    )
    purge_request(took=timedelta(days=50))
    chart = chart_of(home_of(admin), "slowest")
    assert {name: cells[0] for name, cells in rows_of(chart).items()} == {
        "PUR-OLDA-AAAA-A": "33",
        "PUR-NEWB-AAAA-A": "2",
    }
    assert [label.text for label in chart.labels] == ["OLDA", "NEWB"]
    assert [bar.kind for bar in chart.bars] == ["late", "purged"]
    assert chart.bars[0].url == f"/admin/purge/purgerequest/{old.pk}/change/"
    # The thirty days are a line across, above the bar of two days and below the top of that of thirty-three.
    assert chart.mark.text == "30"
    assert chart.bars[0].y < chart.mark.y < chart.bars[1].y


def test_a_chart_stays_inside_its_drawing_and_says_what_it_shows(admin, as_admin, purge_request):
    for _number in range(3):
        purge_request(people=7)
    purge_request(Status.RUNNING, accepted_at=timezone.now() - timedelta(days=400))
    for chart in home_of(admin).charts:
        highest = max(chart.bars, key=lambda bar: bar.height)
        assert highest.height > 0
        assert all(bar.x >= 0 and bar.x + bar.width <= chart.width for bar in chart.bars)
        assert all(bar.y >= 0 and round(bar.y + bar.height, 1) <= chart.floor for bar in chart.bars)
        # Words at the foot are beside no other: the next but one stands in the same line.
        assert all(chart.floor < label.y < chart.height for label in chart.labels)
        assert all(one.y != other.y for one, other in pairwise(chart.labels))
    text = as_admin.get(HOME).content.decode()
    assert ": 3 Requests completed on time</title>" in text
    assert text.count('<svg class="chart"') == 3
    assert text.count("Show as a table") == 3
    # A bar is a link, by keyboard too; the drawing is no picture, which would hide its links.
    assert text.count('<a href="/admin/purge/purgerequest/?figure=') == 4
    assert 'role="img"' not in text


@pytest.mark.parametrize(
    ("number", "end"), [(0, 2), (1, 2), (7, 8), (10, 10), (11, 15), (23, 25), (101, 150), (950, 950)]
)
def test_axes_end_on_round_numbers(number, end):
    assert round_up(number) == end


# ---------------------------------------------------------------- notifications


def test_the_bell_counts_what_is_unread(as_admin, admin, account):
    assert "bell-count" not in as_admin.get(HOME).content.decode()
    for number in range(3):
        Notification.objects.create(
            recipient=admin, kind=NotificationKind.COMPLETED, request_id=number, title=f"News {number}", text="…"
        )
    Notification.objects.create(
        recipient=AdministratorFactory(account=account),
        kind=NotificationKind.COMPLETED,
        request_id=9,
        title="Not yours",
        text="…",
    )
    text = as_admin.get(HOME).content.decode()
    assert re.search(r'bell-count">\s*3\s*<', text)
    assert "unread notifications" in text
    assert "Not yours" not in text
    as_admin.post(reverse("admin:messaging_notification_read_all"))
    assert "bell-count" not in as_admin.get(HOME).content.decode()


# ---------------------------------------------------------------- navigation


def groups(response):
    return [
        (str(app["name"]), [str(entry["name"]) for entry in app["models"]])
        for app in response.context["available_apps"]
    ]


def test_the_navigation_is_in_the_order_people_think_in(as_admin):
    found = groups(as_admin.get(HOME))
    assert [name for name, _entries in found] == ["Users", "Purges", "Account", "Learning", "Messaging", "Connectors"]
    assert found[0][1] == ["Internal Users", "External Users", "User Cleanup", "Import Logs", "User groups"]
    assert found[2][1][0] == "Account settings"
    assert {"Active fields", "User audit log", "Sign-in log"} < set(found[2][1])
    assert found[1][1] == ["Requests", "Look up", "Personal data map", "Purge types", "Identity provider notices"]


PEOPLE = ["Internal Users", "External Users", "User Cleanup", "Import Logs", "User groups"]
PURGES = ["Requests", "Look up", "Personal data map", "Purge types"]
NOTICES = ["Identity provider notices"]
#: What stands in the header of a wide screen, and here on a narrow one.
OWN = ["Password", "Sessions", "Second factor"]


def open_entries(text: str) -> list[str]:
    """What stands in the navigation without anything being unfolded."""
    navigation = text[text.index('<nav id="lms-nav"') : text.index("</nav>", text.index('<nav id="lms-nav"'))]
    unfolded = re.sub(r"<details(?![^>]* open>)[^>]*>.*?</details>", "", navigation, flags=re.DOTALL)
    assert navigation.count("<a ") >= unfolded.count("<a ")
    return re.findall(r"<a [^>]*>([^<]+)</a>", unfolded)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("administrator", ["Home", *PEOPLE, *PURGES, *NOTICES, *OWN]),
        ("officer", ["Home", *PEOPLE, *PURGES, *NOTICES, *OWN]),
        ("operator", ["Home", *PEOPLE, *PURGES, *NOTICES, *OWN]),
        ("support", ["Home", *PURGES, *OWN]),
    ],
)
def test_at_most_fourteen_entries_of_the_navigation_are_open(client, account, role, expected):
    """On Home, and where the work is done."""
    system = {"account": AccountFactory(kind=AccountKind.SYSTEM), "password": "pass-word-1"}
    client.force_login(
        {
            "administrator": lambda: AdministratorFactory(account=account, password="pass-word-1"),
            "officer": lambda: UserFactory(
                account=account, roles=[Role.DATA_PROTECTION_OFFICER], password="pass-word-1"
            ),
            "operator": lambda: UserFactory(**system, is_superuser=True),
            "support": lambda: UserFactory(**system, is_support=True),
        }[role]()
    )
    assert len(expected) <= 14
    assert open_entries(client.get(HOME).content.decode()) == expected
    assert open_entries(client.get("/admin/purge/purgerequest/").content.decode()) == expected


def test_a_page_of_a_folded_group_unfolds_it(as_admin):
    text = as_admin.get("/admin/users/activefield/").content.decode()
    assert "Active fields" in open_entries(text)
    assert "Courses" not in open_entries(text)


def test_every_entry_leads_somewhere_and_is_marked_there(as_admin):
    for app in as_admin.get(HOME).context["available_apps"]:
        for entry in app["models"]:
            page = as_admin.get(entry["admin_url"], follow=True)
            assert page.status_code == 200, entry["admin_url"]
            if not page.redirect_chain:
                marked = re.findall(r'<a href="([^"]+)" aria-current="page"', page.content.decode())
                assert entry["admin_url"] in marked


def test_a_day_is_written_in_one_way_everywhere(as_admin, admin):
    news = Notification.objects.create(recipient=admin, kind=NotificationKind.COMPLETED, title="News", text="…")
    Notification.objects.filter(pk=news.pk).update(created_at=datetime(2026, 11, 9, 12, tzinfo=UTC))
    assert ">9 Nov 2026</time>" in as_admin.get(HOME).content.decode()


def test_support_is_offered_purges_and_its_own_notifications(client):
    client.force_login(UserFactory(is_support=True))
    purges, messages = groups(client.get(HOME))
    assert purges[0] == "Purges"
    assert messages == ("Messaging", ["Notifications"])


def test_no_page_of_the_frame_needs_an_exception_from_the_policy(as_admin, deleted, purge_request):
    deleted(), purge_request()
    for address in (HOME, "/admin/users/internaluser/", "/admin/users/usergroup/", "/admin/users/internaluser/add/"):
        answer = as_admin.get(address)
        text = answer.content.decode()
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)(?![^>]*application/json)|\son[a-z]+=", text), (
            address
        )
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text), address


def test_times_are_those_of_the_account(as_admin, admin):
    LoginEvent.objects.create(user=admin, at=datetime(2026, 3, 1, 20, tzinfo=UTC))
    assert "2 Mar 2026, 05:00 JST" in as_admin.get("/admin/users/loginevent/").content.decode()


def test_a_moment_stands_with_its_zone(as_admin, admin):
    Notification.objects.create(recipient=admin, account=admin.account, kind=NotificationKind.COMPLETED)
    Notification.objects.update(created_at=datetime(2026, 11, 29, 3, 10, tzinfo=UTC))
    assert 'title="29 Nov 2026, 12:10 JST"' in as_admin.get(HOME).content.decode()
    assert "29 Nov 2026, 12:10 JST" in as_admin.get("/admin/messaging/notification/").content.decode()


# ---------------------------------------------------------------- getting in


def test_a_refused_sign_in_is_noted_for_the_known_person(client, admin):
    for email in (admin.email.upper(), "nobody@acme.example"):
        client.post("/admin/login/", {"username": email, "password": "wrong"})
    event = LoginEvent.objects.get()
    assert (event.user, event.success) == (admin, False)


def test_a_deleted_persons_refused_sign_in_leaves_no_row(client, deleted):
    client.post("/admin/login/", {"username": deleted(email="gone@acme.example").email, "password": "wrong"})
    assert not LoginEvent.objects.exists()


@pytest.mark.parametrize("state", [UserState.DELETED, UserState.PURGING])
def test_a_running_session_ends_with_the_person(client, account, admin, state, put_in_state):
    second = AdministratorFactory(account=account)
    client.force_login(second)
    assert client.get(HOME).status_code == 200
    if state == UserState.DELETED:
        user_delete(acting_user=admin, user=second)
    else:
        put_in_state(second, state)
    answer = client.get(HOME)
    assert (answer.status_code, answer.url) == (302, "/admin/login/?next=/admin/")


# ---------------------------------------------------------------- log


def test_the_admins_log_names_rows_by_model_and_id(as_admin, account):
    as_admin.post("/admin/users/usergroup/add/", {"name": "Secret group", "description": "", "_save": "1"})
    group = account.groups.get()
    as_admin.post(f"/admin/users/usergroup/{group.pk}/change/", {"name": "Other name", "description": "of Ann"})
    added, changed = LogEntry.objects.order_by("pk")
    assert {added.object_repr, changed.object_repr} == {f"usergroup {group.pk}"}
    assert json.loads(changed.change_message) == [{"changed": {"fields": ["name", "description"]}}]
    page = as_admin.get(f"/admin/users/usergroup/{group.pk}/history/").content.decode()
    assert "Ada Admin" in page
    assert "Changed" in page


def test_a_superusers_name_is_not_told_to_a_customer(as_admin, account, client, admin):
    group = account.groups.create(name="Sales")
    client.force_login(UserFactory(is_superuser=True, name="Rosa Root"))
    client.post(
        f"/admin/users/usergroup/{group.pk}/change/", {"name": "Sales", "description": "Changed by the platform"}
    )
    client.force_login(admin)
    page = client.get(f"/admin/users/usergroup/{group.pk}/history/").content.decode()
    assert "LMS support" in page
    assert "Rosa Root" not in page


# ---------------------------------------------------------------- asking for a person, a course, a session


def test_a_person_is_named_by_email_where_there_is_no_script(as_admin, account):
    manager = UserFactory(account=account, name="Mara", email="mara@acme.example", unique_user_id="M-1")
    stranger = UserFactory(email="stranger@other.example", unique_user_id="X-1")
    address = "/admin/users/selfregistrationprofile/add/"
    assert '<noscript><label class="typed-choice">' in as_admin.get(address).content.decode()
    for typed in ("Mara@ACME.example", "M-1"):
        assert as_admin.post(address, {"name": "Staff", "manager": "", "manager-typed": typed}).status_code == 302
        profile = account.self_registration_profiles.get()
        assert profile.manager == manager
        profile.delete()
    for typed in (stranger.email, "X-1", str(manager.pk), "nonsense"):
        refused = as_admin.post(address, {"name": "Staff", "manager": "", "manager-typed": typed})
        assert "manager" in refused.context["adminform"].form.errors
    assert not account.self_registration_profiles.exists()


def test_a_course_and_a_session_are_typed_where_there_is_no_script(as_admin, account):
    course = CourseFactory(account=account, code="SAFE-1")
    session = SessionFactory(course=course)
    learner = UserFactory(account=account, email="lea@acme.example")
    others = SessionFactory(course=CourseFactory(code="OTHER-1"))
    address = "/admin/learning/enrolment/add/"
    shown = as_admin.get(address).content.decode()
    assert "or type the course&#x27;s code" in shown
    assert "or type its number" in shown
    chosen = {"user-typed": learner.email, "course-typed": "SAFE-1", "session-typed": str(session.pk), "comment": ""}
    for wrong in (
        {"course-typed": "OTHER-1"},
        {"course-typed": "nonsense"},
        {"session-typed": str(others.pk)},
        {"session-typed": "9" * 40},
        {"session-typed": "²"},
    ):
        refused = as_admin.post(address, {**chosen, **wrong})
        assert refused.status_code == 200
        assert next(iter(wrong)).removesuffix("-typed") in refused.context["adminform"].form.errors
    assert not learner.enrolments.exists()
    assert as_admin.post(address, chosen).status_code == 302
    enrolment = learner.enrolments.get()
    assert (enrolment.course, enrolment.session) == (course, session)


def test_no_setting_of_an_account_promises_what_nothing_does(as_admin, account):
    assert "are kept for (days)" not in as_admin.get(f"/admin/users/account/{account.pk}/change/").content.decode()
