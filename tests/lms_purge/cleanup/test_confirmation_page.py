"""The confirmation has an address of its own: back, reload, signing in in between and a form sent again all work."""

import re
import time

import pytest

from connectors.models import ConnectorState, WebhookState
from purge.models import PurgeRequest
from purge.pages.freshness import CONFIRMED_AT, FRESH_SECONDS
from purge.tasks import run_request
from tests.factories.connectors import (
    ApplicationGrantFactory,
    ConnectorFactory,
    FtpSettingsFactory,
    WebhookFactory,
)
from tests.factories.learning import EnrolmentFactory, SessionInstructorFactory
from tests.factories.users import AdministratorFactory, UserFactory
from users.models import PurgeDraft, Session
from users.services import user_restore

pytestmark = pytest.mark.django_db
LIST = "/admin/users/deleteduser/"
PURGE = f"{LIST}purge/"


def begin(client, *people, **data):
    """Where the list's button leads."""
    answer = client.post(PURGE, {"_selected_action": [person.pk for person in people], **data})
    assert answer.status_code == 302
    return answer.url


def press(client, url, **typed):
    """The button of the page at this address: where it leads."""
    page = client.get(url)
    answer = client.post(page.context["action"], {"plan": page.context["plan"], **typed})
    assert answer.status_code == 302
    return answer.url


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


def test_its_address_is_a_token_that_says_nothing(as_admin, deleted):
    person = deleted(name="Lee Leaver", email="lee@leaver.example", unique_user_id="U-77")
    url = begin(as_admin, person)
    assert re.fullmatch(r"/admin/users/deleteduser/purge/\?plan=[0-9a-f]{32}", url)
    assert "Lee Leaver" in text_of(as_admin.get(url))
    other = as_admin.post(f"{LIST}other/", {"address": "boss@outside.example"}).url
    assert re.fullmatch(r"/admin/users/deleteduser/other/\?plan=[0-9a-f]{32}", other)
    assert "boss@outside.example" in text_of(as_admin.get(other))
    kept = str(dict(as_admin.session)) + str(as_admin.cookies)
    assert not [each for each in ("Lee", "leaver", "U-77", "boss") if each in kept]


def test_reload_and_back_show_it_again_and_after_the_purge_its_request(as_admin, deleted):
    url = begin(as_admin, deleted(name="Lee Leaver"))
    assert ["Lee Leaver" in text_of(as_admin.get(url)) for _n in range(3)] == [True] * 3
    accepted = press(as_admin, url)
    purge_request = PurgeRequest.objects.get()
    assert accepted == f"/admin/purge/purgerequest/{purge_request.pk}/change/?accepted=1"
    assert as_admin.get(url).url == accepted
    run_request(purge_request.pk)
    assert as_admin.get(url).url == accepted


def test_a_button_pressed_after_the_session_has_ended_leads_back_to_the_page(client, admin, deleted):
    client.force_login(admin)
    url = begin(client, deleted(name="Lee Leaver"))
    page = client.get(url)
    Session.objects.all().delete()  # as one that has run out
    to_sign_in = client.post(page.context["action"], {"plan": page.context["plan"]})
    assert to_sign_in.url.startswith("/admin/login/?next=")
    again = client.post(to_sign_in.url, {"username": admin.email, "password": "pass-word-1"}, follow=True)
    assert (again.status_code, again.request["PATH_INFO"]) == (200, PURGE)
    assert "Lee Leaver" in text_of(again)
    assert not PurgeRequest.objects.exists()
    assert press(client, url).startswith("/admin/purge/purgerequest/")


def test_a_selection_sent_after_the_session_has_ended_leads_to_the_list(client, admin, deleted):
    person = deleted()
    to_sign_in = client.post(PURGE, {"_selected_action": [person.pk]}).url
    again = client.post(to_sign_in, {"username": admin.email, "password": "pass-word-1"}, follow=True)
    assert (again.status_code, again.request["PATH_INFO"]) == (200, LIST)
    assert not PurgeRequest.objects.exists()


def test_no_answer_of_its_button_is_a_page_that_a_reload_would_send_again(as_admin, account, deleted):
    """A mistyped number, a password that is wrong, somebody restored: each leads back to the page."""
    people = [deleted(), deleted(name="Back Again"), deleted()]
    connector = ConnectorFactory(account=account, state=ConnectorState.ENABLED)
    FtpSettingsFactory(connector=connector, contact_email=people[0].email)
    url = begin(as_admin, *people)
    assert press(as_admin, url, number="41") == url
    session = as_admin.session
    session[CONFIRMED_AT] = time.time() - FRESH_SECONDS - 1
    session.save()
    assert press(as_admin, url, number="3", password="wrong") == url
    page = as_admin.get(url)
    assert page.context["form"].summary == [("id_password", "This is not your password.")]
    user_restore(acting_user=None, user=people[1])
    stale = as_admin.post(page.context["action"], {"plan": page.context["plan"], "number": "3"})
    assert stale.url == url
    assert "Back Again was restored meanwhile and is left out." in text_of(as_admin.get(url))
    assert not PurgeRequest.objects.exists()
    assert press(as_admin, url, number="2", password="pass-word-1").startswith("/admin/purge/purgerequest/")
    assert PurgeRequest.objects.get().subjects.count() == 2


def test_a_page_shown_earlier_confirms_nothing_that_it_did_not_show(as_admin, account, deleted):
    person = deleted()
    url = begin(as_admin, person)
    earlier = as_admin.get(url)
    connector = ConnectorFactory(account=account, name="Night feed", state=ConnectorState.ENABLED)
    FtpSettingsFactory(connector=connector, contact_email=person.email)
    assert "Night feed" in text_of(as_admin.get(url))  # in another tab
    assert as_admin.post(earlier.context["action"], {"plan": earlier.context["plan"]}).url == url
    assert not PurgeRequest.objects.exists()
    assert press(as_admin, url) != url


def test_what_was_mistyped_is_said_at_the_top_with_the_focus_on_it(as_admin, deleted):
    people = [deleted(), deleted()]
    people[0].given_roles.create(role="author")
    url = begin(as_admin, *people)
    page = text_of(as_admin.get(url))
    assert "To confirm, type the number of people listed above (2)." in page
    assert re.search(r"autofocus>Cancel", page)
    press(as_admin, url, number="41")
    page = text_of(as_admin.get(url))
    said = "You typed 41, but 2 people are listed. Nothing was purged."
    problem = page.index('id="problem" role="alert" tabindex="-1" autofocus')
    assert problem < page.index(f'<a href="#id_number">{said}</a>') < page.index('id="who"')
    assert page.count("autofocus") == 1


@pytest.mark.parametrize("people", [1, 2])
def test_a_number_is_typed_of_two_people_never_of_one(as_admin, account, deleted, people):
    chosen = [deleted() for _n in range(people)]
    connector = ConnectorFactory(account=account, state=ConnectorState.ENABLED)
    FtpSettingsFactory(connector=connector, contact_email=chosen[0].email)
    form = as_admin.get(begin(as_admin, *chosen)).context["form"]
    assert list(form.fields) == ([] if people == 1 else ["number"])


def test_the_first_line_counts_what_the_page_says_and_leads_to_it(as_admin, account, deleted, session_to_come):
    people = [deleted() for _n in range(3)]
    for person in people:
        EnrolmentFactory.create_batch(2, user=person)
    for title in ("Fire drill", "First aid"):
        SessionInstructorFactory(session=session_to_come(title=title), user=people[0])
    for name, state in (("Night feed", ConnectorState.ENABLED), ("Draft feed", ConnectorState.DRAFT)):
        connector = ConnectorFactory(account=account, name=name, state=state)
        FtpSettingsFactory(connector=connector, contact_email=people[1].email)
    WebhookFactory(account=account, state=WebhookState.ENABLED, user_name=people[1].email)
    ApplicationGrantFactory(user=people[2], application__account=account)
    page = as_admin.get(begin(as_admin, *people))
    line = dict(page.context["first_line"])
    assert (line["who"], line["outside"]) == ("3 people", "1 outside copy")
    stops = [text for anchor, text in page.context["first_line"] if anchor == "stops"]
    assert stops == ["1 connector stops", "1 webhook stops", "2 sessions lose their instructor"]
    text = text_of(page)
    # Enrolments 6, links to the sessions 2, settings of connectors 2, the webhook, the grant.
    assert line["what"] == "12 rows"
    for anchor, words in page.context["first_line"]:
        assert f'<a href="#{anchor}">{words}</a>' in text
        assert text.count(f'id="{anchor}"') == 1
    # Before the first thing that has the focus: no more Tabs to the button than there were.
    assert text.index('class="pg-first-line"') < text.index("autofocus")


def test_the_first_line_leaves_out_what_is_none(as_admin, deleted):
    page = as_admin.get(begin(as_admin, deleted()))
    assert [anchor for anchor, _words in page.context["first_line"]] in (["who"], ["who", "what"])
    assert page.context["first_line"][0] == ("who", "1 person")


def test_it_says_until_when_it_is_done(as_admin, deleted, monkeypatch):
    from datetime import UTC, datetime

    monkeypatch.setattr("django.utils.timezone.now", lambda: datetime(2026, 11, 27, 23, 30, tzinfo=UTC))
    session = as_admin.session
    session[CONFIRMED_AT] = time.time()
    session.save()
    # The account is in Tokyo. Before and after, the same.
    said = "Usually done in a minute; at most 30 days (by 28 Dec 2026)."
    url = begin(as_admin, deleted())
    assert said in text_of(as_admin.get(url))
    assert said in text_of(as_admin.get(press(as_admin, url)))
    run_request(PurgeRequest.objects.get().pk)
    assert said not in text_of(as_admin.get(url, follow=True))


def test_another_administrators_token_is_no_token(client, admin, account, deleted):
    client.force_login(admin)
    url = begin(client, deleted(name="Lee Leaver"))
    client.force_login(AdministratorFactory(account=account))
    page = client.get(url)
    assert "This page is not valid any more." in text_of(page)
    assert "Lee Leaver" not in text_of(page)
    client.force_login(admin)
    assert "Lee Leaver" in text_of(client.get(url))


def test_a_purge_of_the_address_takes_it_out_of_what_others_have_not_confirmed(as_admin, client, admin, account):
    """Nothing of it outlives the purge, and the other page says that it is not valid any more."""
    other = AdministratorFactory(account=account)
    client.force_login(other)
    theirs = client.post(f"{LIST}other/", {"address": "boss@outside.example"}).url
    client.force_login(admin)
    press(client, client.post(f"{LIST}other/", {"address": "boss@outside.example"}).url)
    run_request(PurgeRequest.objects.get().pk)
    assert PurgeRequest.objects.get().status == "completed"
    assert list(PurgeDraft.objects.values_list("user", "address")) == [(other.pk, "")]
    client.force_login(other)
    assert "This page is not valid any more." in text_of(client.get(theirs))


def test_the_planning_is_done_once(as_admin, deleted, monkeypatch):
    """The form of the list only keeps what was ticked; its page plans."""
    from purge.services import submission

    planned = []
    measure = submission.measure_impact
    monkeypatch.setattr(
        submission, "measure_impact", lambda *args, **more: planned.append(more) or measure(*args, **more)
    )
    url = begin(as_admin, deleted())
    assert planned == []
    as_admin.get(url)
    assert planned == [{"in_full": True}]


def test_drafts_of_a_user_who_is_purged_go_with_them(client, account, admin):
    leaver = AdministratorFactory(account=account, name="Lee Leaver")
    client.force_login(leaver)
    client.post(PURGE, {"_selected_action": [UserFactory(account=account, deleted=True).pk]})
    assert PurgeDraft.objects.filter(user=leaver).exists()
    from purge.services import purge_submit
    from users.services import user_delete

    user_delete(acting_user=admin, user=leaver)
    purge_submit(acting_user=admin, account_id=account.pk, user_ids=[leaver.pk])
    run_request(PurgeRequest.objects.get().pk)
    assert PurgeRequest.objects.get().status == "completed"
    assert not PurgeDraft.objects.exists()
