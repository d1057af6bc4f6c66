"""The confirmation page and its button: every refusal beside its success."""

import csv
import io
import re
import time
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.models import ConnectorState
from purge.choices import Status
from purge.models import PurgeRequest
from purge.pages.freshness import CONFIRMED_AT, FRESH_SECONDS
from purge.services import purge_submit
from purge.tasks import run_request
from tests.factories.connectors import ApplicationGrantFactory, ConnectorFactory, FtpSettingsFactory
from tests.factories.learning import CourseFactory, EnrolmentFactory, SessionInstructorFactory
from tests.factories.users import (
    AccountFactory,
    AdministratorFactory,
    ImportLogFactory,
    UserFactory,
    trial_with_creator,
)
from tests.pages_at_hand import page_behind
from users.models import Account, Role, User, UserState
from users.services import user_restore

pytestmark = pytest.mark.django_db

LIST = "/admin/users/deleteduser/"
PURGE = f"{LIST}purge/"


def ask(client, *people, **data):
    """The confirmation page of these people."""
    ids = [getattr(person, "pk", person) for person in people]
    return page_behind(client, client.post(PURGE, {"_selected_action": ids, **data}))


def confirm(client, page, **typed):
    """Press the button on a confirmation page."""
    return page_behind(client, client.post(PURGE, {"plan": page.context["plan"], **typed}))


def is_refused(response):
    """The page that says why nothing was purged; it carries no plan that could be confirmed."""
    return response.context is not None and response.context["title"] == "Nothing was purged"


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


# ---------------------------------------------------------------- from the list to "accepted"


def test_two_people_are_confirmed_and_accepted_as_one_request(as_admin, deleted, admin):
    people = [deleted(), deleted()]
    page = ask(as_admin, *people, month="2026-01")
    assert page.status_code == 200
    accepted = confirm(as_admin, page)
    purge_request = PurgeRequest.objects.get()
    assert accepted.url == f"/admin/purge/purgerequest/{purge_request.pk}/change/?accepted=1"
    assert purge_request.initiator_id == admin.pk
    assert {subject.person_id for subject in purge_request.subjects.all()} == {person.pk for person in people}
    shown = as_admin.get(accepted.url)
    assert purge_request.reference in shown.content.decode()
    run_request(purge_request.pk)
    assert not User.objects.filter(pk__in=[person.pk for person in people]).exists()
    purge_request.refresh_from_db()
    assert purge_request.status == Status.COMPLETED


def test_after_acceptance_a_link_offers_the_next_fifty_of_the_same_month(as_admin, deleted):
    people = [deleted() for _n in range(52)]
    month = f'<a href="{LIST}?month=2026-01&amp;select=first">'
    text = text_of(as_admin.get(confirm(as_admin, ask(as_admin, *people[:2], month="2026-01")).url))
    assert f"{month}Select the next 50 users deleted in January 2026</a>" in text
    text = text_of(as_admin.get(confirm(as_admin, ask(as_admin, *people[2:4], month="2026-01")).url))
    assert f"{month}Select the remaining 48 users deleted in January 2026</a>" in text
    text = text_of(as_admin.get(confirm(as_admin, ask(as_admin, *people[4:51])).url))
    assert f'<a href="{LIST}?select=first">Select the remaining deleted user</a>' in text


def test_who_purges_one_person_is_not_told_to_go_on(as_admin, deleted):
    one, _other = deleted(), deleted()
    assert "Select the " not in text_of(as_admin.get(confirm(as_admin, ask(as_admin, one)).url))


def test_no_next_fifty_is_offered_when_the_month_is_empty(as_admin, deleted):
    text = text_of(as_admin.get(confirm(as_admin, ask(as_admin, deleted(), deleted(), month="2026-01")).url))
    assert "Select the next" not in text
    assert "Select the last" not in text
    assert "Select the remaining" not in text


def test_the_page_lists_every_selected_person(as_admin, deleted, admin):
    people = [deleted(unique_user_id=f"U-{n}", deleted_by=admin) for n in range(50)]
    page = ask(as_admin, *people)
    text = text_of(page)
    for person in people:
        assert person.name in text
        assert person.email in text
        assert f'data-label="Unique User ID">{person.unique_user_id}<' in text
    assert text.count("15 Jan 2026</time>") == 50
    assert text.count(">Ada Admin</td>") == 50
    assert "50 people will be erased for good" in text


def test_the_page_says_what_happens_stops_changes_hands_and_is_not_done(
    as_admin, deleted, account, session_to_come, settings
):
    settings.PURGE_BACKUP_DAYS = 17
    person = deleted()
    EnrolmentFactory.create_batch(2, user=person)
    CourseFactory(account=account, author=person)
    session = session_to_come(title="Fire drill")
    SessionInstructorFactory(session=session, user=person)
    staffed = session_to_come(title="Still staffed")
    SessionInstructorFactory(session=staffed, user=person)
    SessionInstructorFactory(session=staffed, user=UserFactory(account=account))
    connector = ConnectorFactory(account=account, name="Night feed", state=ConnectorState.ENABLED)
    FtpSettingsFactory(connector=connector, contact_email=person.email)
    grant = ApplicationGrantFactory(user=person, application__account=account)
    ImportLogFactory(account=account, content="Name,Email\n")
    text = text_of(ask(as_admin, person))
    assert "Deleted: enrolments</span> <strong>2" in text
    assert "It stays, and goes to: you." in text
    assert "Handed over: courses</span> <strong>1" in text
    assert "Connector “Night feed” stops" in text
    assert "Session “Fire drill”" in text
    assert "Still staffed" not in text
    assert "The link of 1 user import stops working" in text
    assert grant.application.name in text
    assert "Somebody who created their trial account may be kept there." in text
    assert "Outside applications that received data are not reached" in text
    assert "until they expire, after 17 days" in text
    assert "no law or dispute obliges you" in text
    assert "take their rows out before you import it again" in text


def test_cancel_has_the_focus_and_leads_back_to_the_same_filter(as_admin, deleted):
    text = text_of(ask(as_admin, deleted(), month="2026-01", kind="internal"))
    assert re.search(r'href="/admin/users/deleteduser/\?month=2026-01&amp;kind=internal" autofocus>Cancel', text)


def test_the_page_names_no_other_customer(as_admin, deleted):
    trial, _creator = trial_with_creator()
    person = deleted(email="shared@people.example")
    UserFactory(account=trial, email="shared@people.example", name="Twin In Trial")
    text = text_of(ask(as_admin, person))
    assert trial.name not in text
    assert "Twin In Trial" not in text


def test_the_page_asks_the_same_number_of_questions_whatever_the_number_of_people(
    as_admin, deleted, django_assert_max_num_queries
):
    few, many = [deleted() for _n in range(2)], [deleted() for _n in range(40)]
    for person in (*few, *many):
        EnrolmentFactory(user=person)
    ask(as_admin, *few)
    with django_assert_max_num_queries(600) as first:
        ask(as_admin, *few)
    with django_assert_max_num_queries(len(first)):
        ask(as_admin, *many)


# ---------------------------------------------------------------- refusals of a selection


def test_fifty_one_people_are_refused_and_nothing_is_accepted(as_admin, deleted):
    people = [deleted() for _n in range(51)]
    refused = ask(as_admin, *people)
    assert is_refused(refused)
    assert "at most 50" in text_of(refused)
    assert not PurgeRequest.objects.exists()
    assert "plan" in ask(as_admin, *people[:50]).context


def test_an_empty_selection_is_refused(as_admin, deleted):
    person = deleted()
    assert "at least one" in text_of(ask(as_admin))
    assert "plan" in ask(as_admin, person).context


@pytest.mark.parametrize("ids", [["x"], ["-1"], ["1" * 30], ["²"]])
def test_a_selection_that_is_no_list_of_numbers_is_refused(as_admin, ids):
    assert is_refused(ask(as_admin, *ids))


def test_select_across_pages_is_refused(as_admin, deleted):
    assert is_refused(ask(as_admin, deleted(), select_across="1"))


def test_another_accounts_user_and_an_unknown_id_get_the_same_words_and_no_name(as_admin, deleted):
    stranger = deleted(account=AccountFactory(), name="Secret Name")
    answers = [ask(as_admin, each) for each in (stranger.pk, 999_999)]
    assert "Secret Name" not in text_of(answers[0])
    said = [answer.context["message"] for answer in answers]
    assert said[0].replace(str(stranger.pk), "N") == said[1].replace("999999", "N")
    assert is_refused(ask(as_admin, stranger, deleted()))


def test_an_active_user_is_refused_and_named(as_admin, account, deleted):
    active = UserFactory(account=account, name="Still Active")
    refused = ask(as_admin, active, deleted())
    assert is_refused(refused)
    assert "Only deleted users can be purged" in text_of(refused)
    assert "Still Active" in text_of(refused)


def test_somebody_in_an_open_request_is_refused_naming_the_request(as_admin, deleted, account, admin):
    person = deleted(name="Taken Already")
    purge_request = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[person.pk])
    refused = ask(as_admin, person)
    assert is_refused(refused)
    assert purge_request.reference in text_of(refused)
    assert "Taken Already" in text_of(refused)
    assert PurgeRequest.objects.count() == 1


def test_of_many_ticked_whoever_is_in_another_request_is_named_and_left_out(as_admin, deleted, account, admin):
    taken, rest = deleted(name="Taken Already"), [deleted(), deleted()]
    earlier = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[taken.pk])
    page = ask(as_admin, taken, *rest)
    assert f"Taken Already is in purge request {earlier.reference} already and is left out." in text_of(page)
    assert {person.pk for person in page.context["people"]} == {person.pk for person in rest}
    confirm(as_admin, page)
    purge_request = PurgeRequest.objects.exclude(pk=earlier.pk).get()
    assert {subject.person_id for subject in purge_request.subjects.all()} == {person.pk for person in rest}


def test_a_get_shows_nothing_and_does_nothing(as_admin):
    """Without a plan, such as after signing in again, it leads to the list."""
    assert as_admin.get(PURGE).url == LIST


# ---------------------------------------------------------------- who may


def test_an_administrator_without_the_permission_is_refused(client, account, deleted):
    client.force_login(AdministratorFactory(account=account, may_purge=False))
    assert ask(client, deleted()).status_code == 403
    assert client.post(f"{LIST}other/", {"address": "x@people.example"}).status_code == 403


def test_the_permission_without_the_role_is_refused(client, account, deleted):
    client.force_login(UserFactory(account=account, may_purge=True))
    assert ask(client, deleted()).status_code == 302


def test_support_is_refused(client, deleted):
    client.force_login(UserFactory(is_support=True))
    assert ask(client, deleted()).status_code == 403


def test_another_accounts_administrator_learns_nothing(client, deleted):
    person = deleted(name="Secret Name")
    client.force_login(AdministratorFactory(account=AccountFactory()))
    refused = ask(client, person)
    assert is_refused(refused)
    assert "Secret Name" not in text_of(refused)


def test_somebody_not_signed_in_is_sent_to_sign_in(client, deleted):
    assert ask(client, deleted()).status_code == 302


def test_a_superuser_purges_in_the_account_of_the_selected(client, deleted, account):
    client.force_login(UserFactory(is_superuser=True))
    assert confirm(client, ask(client, deleted())).status_code == 302
    assert PurgeRequest.objects.get().account_id == account.pk


def test_a_plan_of_another_user_or_a_forged_one_is_refused(as_admin, client, account, deleted):
    page = ask(as_admin, deleted())
    forged = page_behind(client, client.post(PURGE, {"plan": f"{uuid.uuid4().hex}.1"}))
    assert is_refused(forged)
    client.force_login(AdministratorFactory(account=account))
    assert is_refused(confirm(client, page))
    assert not PurgeRequest.objects.exists()


def test_permission_taken_away_between_page_and_button_is_refused(as_admin, admin, deleted):
    page = ask(as_admin, deleted())
    Account.objects.filter(pk=admin.account_id).update(purge_with_role=False)
    admin.user_permissions.clear()
    assert confirm(as_admin, page).status_code == 403
    assert not PurgeRequest.objects.exists()


def test_a_form_that_forgets_to_ask_for_the_password_is_stopped_by_the_service(as_admin, account, deleted, monkeypatch):
    monkeypatch.setattr("purge.pages.freshness.sign_in_is_fresh", lambda request: True)
    Account.objects.filter(pk=account.pk).update(support_emails="help@acme.example; partner@outside.example")
    people = ask(as_admin, deleted())
    address = find(as_admin, "partner@outside.example")
    session = as_admin.session
    session[CONFIRMED_AT] = time.time() - FRESH_SECONDS - 60
    session.save()
    asked = confirm(as_admin, people)
    assert "Confirm that it is you" in text_of(asked)
    data = {"plan": address.context["plan"], "address": "partner@outside.example"}
    assert "Confirm that it is you" in text_of(as_admin.post(f"{LIST}other/purge/", data))
    assert not PurgeRequest.objects.exists()
    assert confirm(as_admin, people, confirm_password="pass-word-1").status_code == 302
    assert as_admin.post(f"{LIST}other/purge/", data).status_code == 302
    assert PurgeRequest.objects.count() == 2


# ---------------------------------------------------------------- one request


def test_double_click_back_button_and_resent_form_give_one_request(as_admin, deleted):
    page = ask(as_admin, deleted())
    answers = [confirm(as_admin, page).url for _n in range(3)]
    assert len(set(answers)) == 1
    assert PurgeRequest.objects.count() == 1
    run_request(PurgeRequest.objects.get().pk)
    assert confirm(as_admin, page).url == answers[0]


def test_two_administrators_at_once_exactly_one_wins(as_admin, client, account, deleted, admin):
    person = deleted()
    mine = ask(as_admin, person)
    other = AdministratorFactory(account=account)
    client.force_login(other)
    theirs = ask(client, person)
    assert confirm(client, theirs).status_code == 302
    client.force_login(admin)
    refused = confirm(client, mine)
    assert is_refused(refused)
    assert "is being purged already" in text_of(refused)
    assert PurgeRequest.objects.get().initiator_id == other.pk


# ---------------------------------------------------------------- what changed meanwhile


def test_somebody_restored_meanwhile_is_named_and_the_rest_is_asked_again(as_admin, deleted):
    restored, rest = deleted(name="Back Again"), deleted()
    page = ask(as_admin, restored, rest)
    user_restore(acting_user=None, user=restored)
    again = confirm(as_admin, page)
    assert again.status_code == 200
    assert "Back Again was restored meanwhile" in text_of(again)
    assert not PurgeRequest.objects.exists()
    assert confirm(as_admin, again).status_code == 302
    restored.refresh_from_db()
    assert restored.state == UserState.ACTIVE
    assert [subject.person_id for subject in PurgeRequest.objects.get().subjects.all()] == [rest.pk]


def test_restored_in_the_very_last_moment_is_noticed_under_the_lock(as_admin, deleted, monkeypatch):
    restored, rest = deleted(name="Back Again"), deleted()
    page = ask(as_admin, restored, rest)
    from purge.services import selection

    submit = selection.purge_submit

    def late(**arguments):
        user_restore(acting_user=None, user=restored)
        return submit(**arguments)

    monkeypatch.setattr(selection, "purge_submit", late)
    again = confirm(as_admin, page)
    assert again.status_code == 200
    assert "Back Again was restored meanwhile" in text_of(again)
    assert not PurgeRequest.objects.exists()


def test_everybody_restored_leaves_nobody_to_purge(as_admin, deleted):
    person = deleted()
    page = ask(as_admin, person)
    user_restore(acting_user=None, user=person)
    refused = confirm(as_admin, page)
    assert is_refused(refused)
    assert "Nobody is left to purge" in text_of(refused)


def test_a_connector_that_names_one_of_them_since_is_shown_first(as_admin, account, deleted):
    person = deleted()
    page = ask(as_admin, person)
    connector = ConnectorFactory(account=account, name="Night feed", state=ConnectorState.ENABLED)
    FtpSettingsFactory(connector=connector, contact_email=person.email)
    again = confirm(as_admin, page)
    assert again.status_code == 200
    assert "Connector “Night feed” names one of them now" in text_of(again)
    assert not PurgeRequest.objects.exists()
    assert confirm(as_admin, again).status_code == 302


def test_a_session_that_would_be_left_alone_since_is_shown_first(as_admin, deleted, session_to_come):
    person = deleted()
    page = ask(as_admin, person)
    SessionInstructorFactory(session=session_to_come(title="Fire drill"), user=person)
    again = confirm(as_admin, page)
    assert "Session “Fire drill” would now be left without instructor" in text_of(again)
    assert not PurgeRequest.objects.exists()


def test_growing_row_counts_alone_do_not_ask_again(as_admin, deleted):
    person = deleted()
    page = ask(as_admin, person)
    EnrolmentFactory.create_batch(3, user=person)
    assert confirm(as_admin, page).status_code == 302
    assert PurgeRequest.objects.exists()


# ---------------------------------------------------------------- what is typed


def test_nothing_is_typed_when_nobody_else_is_affected(as_admin, deleted):
    page = ask(as_admin, deleted())
    assert list(page.context["form"].fields) == []


@pytest.mark.parametrize("what", ["role", "teaches", "connector", "course"])
def test_the_number_is_typed_when_others_are_affected(as_admin, account, deleted, session_to_come, what):
    person, other = deleted(), deleted()
    if what == "role":
        person.given_roles.create(role=Role.AUTHOR)
    elif what == "teaches":
        SessionInstructorFactory(session=session_to_come(), user=person)
    elif what == "connector":
        connector = ConnectorFactory(account=account, state=ConnectorState.ENABLED)
        FtpSettingsFactory(connector=connector, contact_email=person.email)
    else:
        CourseFactory(account=account, author=person)
    page = ask(as_admin, person, other)
    for wrong in ("", "1", "fifty"):
        again = confirm(as_admin, page, number=wrong)
        assert again.status_code == 200
        assert again.context["form"].errors["number"]
    assert not PurgeRequest.objects.exists()
    assert confirm(as_admin, again, number="2").status_code == 302
    assert PurgeRequest.objects.count() == 1


def test_an_old_sign_in_is_asked_for_the_password_again(as_admin, admin, deleted):
    session = as_admin.session
    session[CONFIRMED_AT] = time.time() - FRESH_SECONDS - 1
    session.save()
    page = ask(as_admin, deleted())
    assert list(page.context["form"].fields) == ["password"]
    for wrong in ("", "wrong"):
        again = confirm(as_admin, page, password=wrong)
        assert again.status_code == 200
        assert again.context["form"].errors["password"]
    assert not PurgeRequest.objects.exists()
    assert confirm(as_admin, again, password="pass-word-1").status_code == 302
    assert list(ask(as_admin, deleted()).context["form"].fields) == []


def test_a_password_typed_long_ago_is_not_enough(as_admin, admin, deleted):
    User.objects.filter(pk=admin.pk).update(last_login=timezone.now() - timedelta(days=1))
    session = as_admin.session
    session[CONFIRMED_AT] = time.time() - FRESH_SECONDS - 1
    session.save()
    assert list(ask(as_admin, deleted()).context["form"].fields) == ["password"]


# ---------------------------------------------------------------- what is saved first


def rows_of(response):
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


def test_owners_of_outside_copies_can_be_saved_before_and_while_it_is_open(as_admin, account, deleted):
    person = deleted(name="Ann Lee", email="ann@people.example")
    grant = ApplicationGrantFactory(
        user=person, application__account=account, application__contact_email="owner@outside.example"
    )
    page = ask(as_admin, person)
    assert "Email text for" in text_of(page)
    line = ["Ann Lee", "ann@people.example", grant.application.name, grant.application.organisation]
    before = rows_of(as_admin.post(f"{LIST}outside/", {"plan": page.context["plan"]}))
    assert before[1:] == [[*line, "owner@outside.example"]]
    confirm(as_admin, page)
    purge_request = PurgeRequest.objects.get()
    link = f"{LIST}recipients/{purge_request.pk}/"
    assert link in text_of(as_admin.get(f"/admin/purge/purgerequest/{purge_request.pk}/change/"))
    assert rows_of(as_admin.get(link))[1:] == before[1:]
    run_request(purge_request.pk)
    assert as_admin.get(link).status_code == 404


def test_recipients_are_not_given_to_others(as_admin, client, deleted):
    confirm(as_admin, ask(as_admin, deleted()))
    link = f"{LIST}recipients/{PurgeRequest.objects.get().pk}/"
    for stranger in (AdministratorFactory(account=AccountFactory()), UserFactory(is_support=True)):
        client.force_login(stranger)
        assert client.get(link).status_code in (403, 404)


def test_transcripts_of_the_selected_can_be_saved(as_admin, deleted):
    person = deleted(name="Ann Lee")
    enrolment = EnrolmentFactory(user=person)
    EnrolmentFactory(user=deleted())
    page = ask(as_admin, person)
    rows = rows_of(as_admin.post(f"{LIST}transcripts/", {"plan": page.context["plan"]}))
    assert [row[0] for row in rows[1:]] == ["Ann Lee"]
    assert rows[1][3:5] == ["Enrolment", enrolment.course.title]


def test_the_downloads_refuse_a_forged_plan(as_admin):
    for page in ("outside", "transcripts"):
        assert as_admin.post(f"{LIST}{page}/", {"plan": "forged"}).status_code == 404


def test_a_plan_is_opened_only_by_whom_it_was_sealed_for(as_admin, client, account, deleted):
    """Its downloads too."""
    person = deleted(name="Ann Lee")
    EnrolmentFactory(user=person)
    plan = ask(as_admin, person).context["plan"]
    assert [row[0] for row in rows_of(as_admin.post(f"{LIST}transcripts/", {"plan": plan}))[1:]] == ["Ann Lee"]
    client.force_login(AdministratorFactory(account=account))
    assert client.post(f"{LIST}transcripts/", {"plan": plan}).status_code == 404


# ---------------------------------------------------------------- Other Users


def find(client, address, **data):
    return page_behind(client, client.post(f"{LIST}other/", {"address": address, **data}))


def test_an_address_of_nobody_is_found_counted_and_purged(as_admin, account):
    account.support_emails = "help@acme.example; Partner@Outside.example"
    account.save()
    page = find(as_admin, "partner@outside.example")
    text = text_of(page)
    assert page.status_code == 200
    assert "Addresses taken out of account settings</span> <strong>1" in text
    assert "also taken out of all trial accounts" in text
    data = {"plan": page.context["plan"], "address": "partner@outside.example"}
    answers = [as_admin.post(f"{LIST}other/purge/", data).url for _n in range(2)]
    assert len(set(answers)) == 1
    run_request(PurgeRequest.objects.get().pk)
    account.refresh_from_db()
    assert account.support_emails.strip() == "help@acme.example"


@pytest.mark.parametrize("address", ["", "nobody", "a@b@c", "two@x.example, three@x.example"])
def test_a_malformed_address_is_refused_with_what_to_do(as_admin, address):
    refused = find(as_admin, address)
    assert 'role="alert"' in text_of(refused)
    assert "plan" not in refused.context


def test_an_address_of_a_user_of_the_account_is_refused_with_what_to_do_instead(as_admin, account):
    user = UserFactory(account=account)
    refused = find(as_admin, user.email)
    assert "plan" not in refused.context
    assert "Delete the user, then purge them" in text_of(refused)
    elsewhere = UserFactory()
    assert "plan" in find(as_admin, elsewhere.email).context


def test_an_address_of_somebody_who_is_deleted_already_says_where_they_are(as_admin, account, admin, deleted):
    """Also while another account's purge holds them, of which nobody here learns."""
    gone = deleted(email="gone@acme.example")
    here = "This address belongs to a deleted user of this account. Select them in Deleted Users and purge them."
    assert here in text_of(find(as_admin, "gone@acme.example"))
    User.objects.filter(pk=gone.pk).update(state=UserState.PURGING)
    assert here in text_of(find(as_admin, "gone@acme.example"))


def test_an_address_of_somebody_in_a_request_names_the_request(as_admin, account, admin, deleted):
    gone = deleted(email="gone@acme.example")
    purge_request = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[gone.pk])
    words = f"This address belongs to a user who is in purge request {purge_request.reference} already."
    assert words in text_of(find(as_admin, "gone@acme.example"))


def test_an_address_that_became_a_users_meanwhile_is_refused(as_admin, account):
    page = find(as_admin, "partner@outside.example")
    UserFactory(account=account, email="partner@outside.example")
    data = {"plan": page.context["plan"], "address": "partner@outside.example"}
    assert "Delete the user, then purge them" in text_of(as_admin.post(f"{LIST}other/purge/", data, follow=True))
    assert not PurgeRequest.objects.exists()


def test_the_address_is_typed_again_when_a_connector_stops(as_admin, account):
    connector = ConnectorFactory(account=account, state=ConnectorState.ENABLED)
    FtpSettingsFactory(connector=connector, contact_email="partner@outside.example")
    page = find(as_admin, "partner@outside.example")
    assert "Connector" in text_of(page)
    data = {"plan": page.context["plan"], "address": "partner@outside.example"}
    again = as_admin.post(f"{LIST}other/purge/", {**data, "address_again": "other@outside.example"}, follow=True)
    assert "This is not the address that you looked up." in text_of(again)
    assert not PurgeRequest.objects.exists()
    accepted = as_admin.post(f"{LIST}other/purge/", {**data, "address_again": "Partner@Outside.example"})
    assert accepted.status_code == 302


def test_the_address_is_never_in_an_address_bar(as_admin):
    page = find(as_admin, "partner@outside.example")
    data = {"plan": page.context["plan"], "address": "partner@outside.example"}
    assert "partner" not in as_admin.post(f"{LIST}other/purge/", data).url
    assert 'method="get"' not in text_of(as_admin.get(f"{LIST}other/"))


def test_a_superuser_names_the_account(client, account):
    client.force_login(UserFactory(is_superuser=True))
    assert "plan" not in find(client, "partner@outside.example").context
    page = find(client, "partner@outside.example", account=account.pk)
    data = {"plan": page.context["plan"], "address": "partner@outside.example", "account": account.pk}
    assert client.post(f"{LIST}other/purge/", data).status_code == 302
    assert PurgeRequest.objects.get().account_id == account.pk
