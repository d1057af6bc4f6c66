"""User Cleanup, the list: what it shows, sorts, filters, pages, exports, and how few questions it asks."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from purge.services import purge_submit
from tests.factories.connectors import ConnectorFactory
from tests.factories.learning import SessionFactory, SessionInstructorFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import DeletedUser, Role, UserKind, UserState

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LIST = "/admin/users/deleteduser/"
JANUARY = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def account():
    return AccountFactory(time_zone="Asia/Tokyo")


@pytest.fixture
def admin(account):
    return AdministratorFactory(account=account)


@pytest.fixture
def page(client, admin):
    client.force_login(admin)

    def get(query="", expected=200):
        response = client.get(LIST + query)
        assert response.status_code == expected
        return response

    return get


def deleted(account, **fields):
    return UserFactory(account=account, **{"deleted_at": JANUARY, **fields})


def session_to_come(account):
    tomorrow = timezone.now() + timedelta(days=1)
    return SessionFactory(course__account=account, starts_at=tomorrow, ends_at=tomorrow + timedelta(hours=1))


def ids(response):
    return [row.pk for row in response.context["listing"].rows]


def test_shows_deleted_users_of_the_account_and_nobody_else(page, account):
    gone = deleted(account, unique_user_id="U-1")
    UserFactory(account=account, name="Still Here")
    deleted(AccountFactory(), name="Somebody Elsewhere")
    response = page()
    assert ids(response) == [gone.pk]
    text = response.content.decode()
    assert gone.name in text
    assert gone.email in text
    assert "U-1" in text
    assert "Still Here" not in text
    assert "Somebody Elsewhere" not in text


def test_internal_and_external_users_stand_together(page, account):
    people = [deleted(account, kind=kind) for kind in (UserKind.INTERNAL, UserKind.EXTERNAL)]
    assert set(ids(page())) == {person.pk for person in people}
    assert ids(page("?kind=external")) == [people[1].pk]


def test_the_date_is_in_the_accounts_time_zone_with_the_exact_time_on_hover(page, account):
    deleted(account, deleted_at=datetime(2026, 1, 31, 20, 30, tzinfo=UTC))
    text = page().content.decode()
    assert "1 Feb 2026</time>" in text
    assert "1 Feb 2026, 05:30 JST" in text
    assert ids(page("?month=2026-01")) == []


def test_sorts_by_unique_user_id_by_code_point_with_empty_last_both_ways(page, account):
    values = ["b-1", "A-2", None, "a-1", "Ä-1", "z", None, "_x"]
    people = {deleted(account, unique_user_id=value).pk: value for value in values}
    upwards = [people[pk] for pk in ids(page("?sort=uid"))]
    assert upwards == ["_x", "a-1", "A-2", "b-1", "z", "Ä-1", None, None]
    downwards = [people[pk] for pk in ids(page("?sort=-uid"))]
    assert downwards == ["Ä-1", "z", "b-1", "A-2", "a-1", "_x", None, None]


def test_sorts_by_date_deleted_the_newest_first(page, account):
    people = [deleted(account, deleted_at=JANUARY + timedelta(days=day)) for day in (1, 0, 2)]
    newest_first = [people[2].pk, people[0].pk, people[1].pk]
    assert ids(page()) == newest_first
    assert ids(page("?sort=date")) == newest_first[::-1]


@pytest.mark.parametrize("sort", ["-date", "date", "uid", "-uid"])
def test_pages_forth_and_back_show_everybody_once(page, account, sort):
    for n in range(123):
        deleted(
            account,
            unique_user_id=f"U-{n % 60:03}{'' if n < 60 else 'x'}" if n < 100 else None,
            deleted_at=JANUARY + timedelta(hours=n // 3),
        )
    everybody = [row.pk for row in in_order(account, sort)]
    seen, query, pages = [], f"?sort={sort}", 0
    while query:
        response = page(query)
        seen.append(ids(response))
        query, pages = response.context["listing"].next_query, pages + 1
    assert [len(each) for each in seen] == [50, 50, 23]
    assert [pk for each in seen for pk in each] == everybody
    back = page(response.context["listing"].previous_query)
    assert ids(back) == seen[1]
    assert ids(page(back.context["listing"].previous_query)) == seen[0]
    assert not page(back.context["listing"].previous_query).context["listing"].previous_query


def in_order(account, sort):
    rows = list(DeletedUser.objects.deleted().filter(account=account))
    if sort.endswith("date"):
        return sorted(rows, key=lambda row: (row.deleted_at, row.pk), reverse=sort.startswith("-"))
    with_id = sorted(
        (row for row in rows if row.unique_id_sort),
        key=lambda row: (row.unique_id_sort, row.pk),
        reverse=sort.startswith("-"),
    )
    return with_id + sorted((row for row in rows if not row.unique_id_sort), key=lambda row: row.pk)


def test_addresses_of_pages_hold_numbers_only(page, account):
    for n in range(60):
        deleted(account, unique_user_id=f"SECRET-{n}")
    shown = page("?sort=uid").context["listing"]
    assert "SECRET" not in shown.next_query
    assert "SECRET" not in page(shown.next_query).context["listing"].previous_query


def test_a_place_that_is_gone_begins_at_the_top_and_says_so(page, account):
    person = deleted(account)
    response = page("?after=999999")
    assert ids(response) == [person.pk]
    assert "begins at the top" in response.content.decode()


@pytest.mark.parametrize(
    "query", ["?after=x", "?before=²", "?sort=name", "?year=99999999", "?select=all", "?unknown=1"]
)
def test_nonsense_in_the_address_is_passed_over(page, account, query):
    person = deleted(account)
    assert ids(page(query)) == [person.pk]


@pytest.mark.parametrize("query", ["?month=2026-13", "?month=January", "?kind=robot"])
def test_a_filter_that_makes_no_sense_shows_nobody_and_says_why(page, account, query):
    deleted(account)
    response = page(query)
    assert ids(response) == []
    assert 'role="alert"' in response.content.decode()


def test_the_month_picker_counts_from_the_summary(page, account):
    deleted(account)
    deleted(account)
    deleted(account, deleted_at=datetime(2025, 12, 3, tzinfo=UTC))
    deleted(AccountFactory())
    response = page()
    shown = response.context["listing"]
    assert [month.n for month in shown.months] == [2] + [0] * 11
    assert [year for year, _query, _shown in shown.years] == [2026, 2025]
    assert shown.total == 3
    last_year = page("?year=2025")
    assert [month.n for month in last_year.context["listing"].months][-1] == 1
    assert '<details class="pg-months" open>' in last_year.content.decode()


def test_choosing_a_month_shows_a_chip_that_clears_it(page, account):
    person = deleted(account)
    deleted(account, deleted_at=datetime(2025, 12, 3, tzinfo=UTC))
    response = page("?month=2026-01&sort=uid")
    assert ids(response) == [person.pk]
    assert "Showing users deleted in January 2026" in response.content.decode()
    assert response.context["listing"].chips[0][1] == "?sort=uid"
    assert response.context["listing"].total == 1


@pytest.mark.parametrize("text", ["ann", "ANN", "lee", "ann.lee@", "u-77"])
def test_search_finds_by_the_beginning_of_name_last_name_address_or_id(page, account, text):
    person = deleted(account, name="Ann Lee", email="Ann.Lee@people.example", unique_user_id="U-77")
    deleted(account, name="Joann Berlee", email="joann@people.example", unique_user_id="XU-77")
    assert ids(page(f"?q={text}")) == [person.pk]


@pytest.mark.parametrize("text", ["ana", "de la", "de la cruz", "DE LA C", "cruz", "ana de", "Cruz"])
def test_a_last_name_is_the_last_word_or_all_after_the_first(page, account, text):
    person = deleted(account, name="Ana de la Cruz")
    deleted(account, name="Cr_zana Dela")
    assert ids(page(f"?q={text}")) == [person.pk]


@pytest.mark.parametrize("text", ["%", "a%", "an_", "\\", "100%"])
def test_search_takes_signs_as_they_stand(page, account, text):
    person = deleted(account, name="Ann Lee", unique_user_id="x")
    odd = [
        deleted(account, name=name, unique_user_id=f"y-{n}")
        for n, name in enumerate(("% sign", "a% b", "an_", "\\ c", "100% d"))
    ]
    found = ids(page(f"?q={quote(text)}"))
    assert person.pk not in found
    assert found == [each.pk for each in odd if each.name.startswith(text)]


def test_hints_name_roles_sessions_connectors_and_the_request(page, account, admin):
    person = deleted(account, roles=[Role.AUTHOR])
    SessionInstructorFactory(session=session_to_come(account), user=person)
    connector = ConnectorFactory(account=account, name="Night feed", contact=person)
    held = deleted(account)
    purge_request = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[held.pk])
    response = page()
    text = response.content.decode()
    assert "Roles: Author" in text
    assert "Teaches 1 session to come" in text
    assert f"Named in: {connector.name}" in text
    assert f"In request {purge_request.reference}" in text
    assert reverse("admin:purge_purgerequest_change", args=[purge_request.pk]) in text


def test_people_in_an_open_request_cannot_be_ticked_and_do_not_count_among_the_first(page, account, admin):
    people = [deleted(account, deleted_at=JANUARY - timedelta(hours=n)) for n in range(54)]
    purge_submit(acting_user=admin, account_id=account.pk, user_ids=[people[0].pk, people[1].pk])
    response = page("?select=first")
    shown = response.context["listing"]
    assert shown.first_ids == [person.pk for person in people[2:52]]
    assert shown.beyond_page == [people[50].pk, people[51].pk]
    text = response.content.decode()
    assert text.count(" disabled>") == 2
    assert text.count(" checked>") == 48
    assert text.count('class="pg-beyond"') == 2


def test_the_button_reads_select_all_when_there_are_fewer(page, account):
    deleted(account)
    assert "Select all 1<" in page().content.decode()
    for _n in range(50):
        deleted(account)
    assert "Select first 50 users in the list" in page().content.decode()


def test_a_smaller_limit_of_the_installation_is_the_limit_of_the_page(page, account, settings):
    settings.PURGE_MAX_PEOPLE = 3
    for _n in range(5):
        deleted(account)
    response = page("?select=first")
    assert len(response.context["listing"].first_ids) == 3
    assert 'data-most="3"' in response.content.decode()
    assert "3 selected (up to 3)" in response.content.decode()


def test_there_is_no_select_across_pages(page, account):
    for _n in range(60):
        deleted(account)
    assert "select_across" not in page().content.decode()


def test_the_number_of_queries_does_not_depend_on_the_people(page, account, django_assert_max_num_queries):
    def many(number):
        for _n in range(number):
            person = deleted(account, roles=[Role.AUTHOR], unique_user_id=None)
            SessionInstructorFactory(user=person, session=session_to_come(account))

    many(3)
    page("?sort=uid")
    with django_assert_max_num_queries(60) as few:
        page("?sort=uid")
    many(30)
    with django_assert_max_num_queries(len(few)):
        page("?sort=uid")


def test_no_query_counts_or_skips_rows(page, account, django_assert_max_num_queries):
    for _n in range(60):
        deleted(account)
    with django_assert_max_num_queries(60) as asked:
        page()
    people = [query["sql"] for query in asked.captured_queries if "users_user" in query["sql"]]
    assert people
    assert not [sql for sql in people if "COUNT(" in sql or "OFFSET" in sql]


def test_the_export_is_the_list_as_it_is_filtered_and_safe_in_a_spreadsheet(page, client, account):
    deleted(account, name="=cmd|' /C calc'!A0", email="evil@people.example", unique_user_id="+1")
    deleted(account, deleted_at=datetime(2025, 12, 3, tzinfo=UTC))
    deleted(AccountFactory())
    page()
    response = client.get(f"{LIST}export/?month=2026-01")
    assert response["Content-Disposition"].startswith('attachment; filename="deleted-users-2026-01-')
    rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))
    assert rows[0] == ["Name", "Email", "Unique User ID", "Kind", "Date deleted", "Deleted by"]
    assert rows[1:] == [
        ["'=cmd|' /C calc'!A0", "evil@people.example", "'+1", "Internal", "2026-01-15T21:00+09:00", ""],
    ]


def test_without_the_purge_permission_the_purge_button_is_greyed(client, account):
    client.force_login(AdministratorFactory(account=account, may_purge=False))
    deleted(account)
    text = client.get(LIST).content.decode()
    assert "Restore User" in text
    assert re.search(r"<button[^>]* disabled[^>]*>Purge User", text)
    assert text.count("Purge User") == 1


def test_an_empty_list_says_what_to_do_next(page):
    assert "No deleted users" in page().content.decode()
    assert "No deleted users match" in page("?month=2026-01").content.decode()


@pytest.mark.parametrize("fields", [{"is_support": True}, {}, {"roles": [Role.AUTHOR]}])
def test_support_and_people_without_the_role_do_not_see_it(client, account, fields):
    client.force_login(UserFactory(account=account, **fields))
    assert client.get(LIST).status_code in (302, 403)


def test_a_superuser_sees_every_account_with_its_name(client):
    client.force_login(UserFactory(is_superuser=True))
    person = deleted(AccountFactory(name="Aurora Ltd"))
    response = client.get(LIST)
    assert ids(response) == [person.pk]
    assert "Aurora Ltd" in response.content.decode()


# ---------------------------------------------------------------- restore and correct


def test_restoring_brings_people_back_as_learners(page, client, account):
    person = deleted(account, roles=[Role.AUTHOR])
    page()
    response = client.post(f"{LIST}restore/", {"_selected_action": [person.pk], "month": "2026-01"}, follow=True)
    assert response.redirect_chain[0][0] == f"{LIST}?month=2026-01"
    person.refresh_from_db()
    assert person.state == UserState.ACTIVE
    assert not person.given_roles.exists()
    assert "as Learner" in response.content.decode()


def test_somebody_being_purged_is_not_restored_and_the_message_names_the_request(page, client, account, admin):
    person, other = deleted(account), deleted(account)
    purge_request = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[person.pk])
    page()
    response = client.post(f"{LIST}restore/", {"_selected_action": [person.pk, other.pk]}, follow=True)
    assert purge_request.reference in response.content.decode()
    person.refresh_from_db()
    other.refresh_from_db()
    assert (person.state, other.state) == (UserState.PURGING, UserState.ACTIVE)


def test_restoring_another_accounts_user_is_refused_and_nobody_comes_back(page, client, account):
    person, stranger = deleted(account), deleted(AccountFactory(), name="Secret Name")
    page()
    response = client.post(f"{LIST}restore/", {"_selected_action": [person.pk, stranger.pk]})
    assert response.context["title"] == "Nobody was restored"
    assert "Secret Name" not in response.content.decode()
    assert set(DeletedUser.objects.values_list("state", flat=True)) >= {UserState.DELETED}
    person.refresh_from_db()
    assert person.state == UserState.DELETED


def test_the_pencil_corrects_address_and_id_and_keeps_the_former_address(page, client, account):
    person = deleted(account, email="typo@people.example", unique_user_id="U-1")
    page()
    response = client.post(f"{LIST}{person.pk}/change/", {"email": "right@people.example", "unique_user_id": "U-2"})
    assert response.status_code == 302
    person.refresh_from_db()
    assert (person.email, person.email_key, person.unique_user_id) == ("right@people.example",) * 2 + ("U-2",)
    assert list(person.former_emails.values_list("email_key", flat=True)) == ["typo@people.example"]


def test_the_pencil_refuses_what_is_taken_and_changes_nothing(page, client, account):
    deleted(account, unique_user_id="U-1")
    person = deleted(account, unique_user_id="U-2")
    page()
    response = client.post(f"{LIST}{person.pk}/change/", {"email": person.email, "unique_user_id": "U-1"})
    assert response.status_code == 200
    assert "already used" in response.content.decode()
    person.refresh_from_db()
    assert person.unique_user_id == "U-2"


def test_the_pencil_does_not_reach_another_account_or_somebody_being_purged(page, client, account, admin):
    stranger, held = deleted(AccountFactory()), deleted(account, email="old@people.example")
    purge_submit(acting_user=admin, account_id=account.pk, user_ids=[held.pk])
    page()
    data = {"email": "new@people.example", "unique_user_id": ""}
    assert client.post(f"{LIST}{stranger.pk}/change/", data).status_code == 404
    assert client.post(f"{LIST}{held.pk}/change/", data).status_code == 302
    held.refresh_from_db()
    assert held.email == "old@people.example"


def test_the_admins_log_holds_numbers_and_names_of_fields_only(page, client, account):
    from django.contrib.admin.models import LogEntry

    person = deleted(account, name="Ann Lee", email="typo@people.example")
    page()
    client.post(f"{LIST}{person.pk}/change/", {"email": "right@people.example", "unique_user_id": ""})
    client.post(f"{LIST}restore/", {"_selected_action": [person.pk]})
    entries = list(LogEntry.objects.values_list("object_repr", "change_message"))
    assert len(entries) == 2
    assert not [entry for entry in entries if "Ann" in str(entry) or "@" in str(entry)]


def test_sorting_is_the_same_whatever_the_databases_collation_is(page, account):
    deleted(account, unique_user_id="B")
    page()
    if connection.vendor == "postgresql":
        rows = DeletedUser.objects.all()
        from lms_purge.cleanup.listing import segments

        assert 'COLLATE "C"' in str(segments(rows, "uid")[0].ordered(backwards=False).query)


# ---------------------------------------------------------------- one mailbox, two users


def test_who_shares_a_mailbox_is_named_and_cannot_be_ticked(page, account, client, admin):
    older = deleted(account, email="j@bücher.example")
    younger = deleted(account, email="j@xn--bcher-kva.example", email_key=None, same_mailbox_as=older)
    other = deleted(account, email="k@bücher.example")
    response = page()
    ticks = {row.pk: row.can_tick for row in response.context["listing"].rows}
    assert ticks == {older.pk: True, younger.pk: False, other.pk: True}
    text = response.content.decode()
    assert text.count(f"Same mailbox as user {older.pk}") == 1
    assert re.search(rf'id="tick-{younger.pk}"[^>]* disabled', text)
    # The pencil is how they get an address of their own.
    assert reverse("admin:users_deleteduser_change", args=[younger.pk]) in text
    assert set(page("?select=first").context["listing"].selected) == {older.pk, other.pk}
    posted = {"name": younger.name, "email": "j2@bücher.example", "unique_user_id": ""}
    assert client.post(reverse("admin:users_deleteduser_change", args=[younger.pk]), posted).status_code == 302
    response = page()
    assert {row.pk: row.can_tick for row in response.context["listing"].rows}[younger.pk]
    assert "Same mailbox" not in response.content.decode()


def test_internal_users_say_whose_mailbox_it_is(client, admin, account):
    older = UserFactory(account=account, email="j@bücher.example")
    UserFactory(account=account, email="j@xn--bcher-kva.example", email_key=None, same_mailbox_as=older)
    client.force_login(admin)
    text = client.get("/admin/users/internaluser/").content.decode()
    assert text.count(f"j@xn--bcher-kva.example · Same mailbox as user {older.pk}") == 1
    assert text.count("Same mailbox") == 1
