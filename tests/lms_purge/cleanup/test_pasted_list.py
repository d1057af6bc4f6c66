"""A list of people is pasted, sorted by what can be done, and worked off in fifties."""

import re

import pytest
from django.contrib.admin.models import LogEntry

from purge.models import PurgeRequest
from purge.services import purge_submit
from purge.tasks import run_request
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.pages_at_hand import page_behind
from users.models import PurgeDraft, Session, User, UserState

pytestmark = pytest.mark.django_db
LIST = "/admin/users/deleteduser/list/"
PURGE = "/admin/users/deleteduser/purge/"


def paste(client, *lines):
    """The page that says what can be done about these lines."""
    answer = client.post(LIST, {"lines": "\n".join(lines)})
    assert answer.status_code == 302
    assert re.fullmatch(rf"{LIST}\?list=[0-9a-f]{{32}}", answer.url)
    return client.get(answer.url)


def names(people):
    return [person.name for person in people]


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


@pytest.fixture
def purged(account, admin, deleted):
    """Somebody who was purged from the account: the request."""
    person = deleted(email="gone@acme.example", unique_user_id="G-1")
    purge_request = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[person.pk])
    run_request(purge_request.pk)
    return purge_request


def test_each_line_is_sorted_by_what_can_be_done(as_admin, admin, account, deleted, purged):
    deleted(name="Ready One", email="one@acme.example")
    deleted(name="Ready Two", unique_user_id="HR-22")
    UserFactory(account=account, name="Still Here", email="here@acme.example")
    taken = deleted(name="Taken Already", email="taken@acme.example")
    earlier = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[taken.pk])
    twin = deleted(name="Same Mailbox", unique_user_id="TW-1")
    User.objects.filter(pk=twin.pk).update(email_key=None)
    UserFactory(account=AccountFactory(), name="Secret Name", email="other@globex.example", unique_user_id="X-9")
    page = paste(
        as_admin,
        "one@acme.example",
        "",
        "ONE@ACME.EXAMPLE;",  # the same person once more
        "hr-22",
        "here@acme.example",
        "taken@acme.example",
        "TW-1",
        "gone@acme.example",
        "G-1",
        "other@globex.example",
        "X-9",
        "nobody@nowhere.example",
        admin.email,
    )
    pasted = page.context["pasted"]
    assert names(pasted.ready) == ["Ready One", "Ready Two"]
    assert names(pasted.active) == ["Still Here"]
    assert names(pasted.in_request) == ["Taken Already"]
    assert names(pasted.not_now) == ["Same Mailbox", "Ada Admin"]
    assert [(reference, lines) for reference, _link, lines in pasted.purged] == [(purged.reference, 2)]
    assert "the address or ID of these lines: 10–12." in text_of(page)
    assert earlier.reference in text_of(page)
    assert "Secret Name" not in text_of(page)
    assert "Purge 2 people…" in text_of(page)


def test_what_was_purged_by_others_is_unknown(as_admin, purged, client):
    stranger = AdministratorFactory(account=AccountFactory())
    client.force_login(stranger)
    page = paste(client, "gone@acme.example", "G-1")
    assert (page.context["pasted"].purged, page.context["unknown"]) == ([], "1–2")


def test_nothing_that_was_typed_is_kept(as_admin, deleted, account):
    deleted(email="one@acme.example")
    page = paste(as_admin, "one@acme.example", "nobody@nowhere.example", "HR-5566")
    draft = PurgeDraft.objects.get(kind="list")
    kept = [str([draft.people, draft.facts, draft.address]), str(as_admin.cookies)]
    kept += [str(row.get_decoded()) for row in Session.objects.all()]
    assert not [each for each in ("@", "nobody", "HR-5566") if each in "".join(kept)]
    assert "nobody@nowhere.example" not in text_of(page)


def test_the_active_ones_are_deleted_here_with_one_question(as_admin, account):
    people = [UserFactory(account=account, name=f"Still {n}", email=f"still{n}@acme.example") for n in range(3)]
    page = paste(as_admin, *(person.email for person in people[:2]))
    question = as_admin.get(page.context["delete_link"])
    assert names(question.context["people"]) == ["Still 0", "Still 1"]
    assert User.objects.filter(state=UserState.DELETED).count() == 0
    # Somebody who was not on the page that asked is not deleted, whatever is sent.
    done = as_admin.post(page.context["delete_link"], {"person": [person.pk for person in people]}, follow=True)
    assert names(done.context["pasted"].ready) == ["Still 0", "Still 1"]
    people[2].refresh_from_db()
    assert people[2].state == UserState.ACTIVE
    assert "Still 0 and Still 1 are deleted." in text_of(done)
    assert LogEntry.objects.count() == 2


def test_it_is_worked_off_in_fifties(as_admin, account, deleted):
    people = [deleted(email=f"p{n}@acme.example") for n in range(53)]
    page = paste(as_admin, *(person.email for person in people))
    for left, button in ((53, "Purge the first 50 of 53…"), (3, "Purge 3 people…")):
        assert button in text_of(page)
        ids = [person.pk for person in page.context["next_ready"]]
        token = page.context["pasted"].token
        confirmation = page_behind(as_admin, as_admin.post(PURGE, {"_selected_action": ids, "list": token}))
        assert f'href="{LIST}?list={token}"' in text_of(confirmation)  # Cancel leads back
        accepted = as_admin.post(PURGE, {"plan": confirmation.context["plan"]}, follow=True)
        go_on = "Go on with your list: 3 are ready"
        assert (go_on in text_of(accepted)) is (left == 53)
        page = as_admin.get(f"{LIST}?list={token}")
    assert page.context["pasted"].ready == []
    assert len(page.context["pasted"].in_request) == 53
    assert sorted(PurgeRequest.objects.values_list("selected_count", flat=True)) == [3, 50]


def test_a_thousand_lines_are_looked_up_and_one_more_is_refused(as_admin, deleted):
    deleted(name="Ready One", email="p999@acme.example")
    lines = [f"p{n}@acme.example" for n in range(1000)]
    assert names(paste(as_admin, *lines).context["pasted"].ready) == ["Ready One"]
    refused = as_admin.post(LIST, {"lines": "\n".join([*lines, "one@more.example"])})
    assert refused.status_code == 200
    assert "There are 1001 lines; at most 1,000 can be looked up at once. Nothing was looked up." in text_of(refused)
    assert "one@more.example" in refused.content.decode()  # as it was typed
    assert PurgeDraft.objects.filter(kind="list").count() == 1


def test_the_number_of_queries_does_not_depend_on_the_lines(as_admin, deleted, django_assert_max_num_queries):
    for n in range(30):
        deleted(email=f"p{n}@acme.example")
    paste(as_admin, "warm@up.example")

    def both(number):
        paste(as_admin, "nobody@nowhere.example", *(f"p{n}@acme.example" for n in range(number)))

    with django_assert_max_num_queries(80) as few:
        both(2)
    with django_assert_max_num_queries(len(few)):
        both(999)


def test_it_is_one_users_and_for_those_who_may_purge(client, admin, account, deleted):
    deleted(name="Ready One", email="one@acme.example")
    client.force_login(admin)
    url = client.post(LIST, {"lines": "one@acme.example"}).url
    assert "Ready One" in text_of(client.get(url))
    client.force_login(AdministratorFactory(account=account))
    assert client.get(url).url == LIST
    client.force_login(AdministratorFactory(account=account, may_purge=False))
    assert client.get(LIST).status_code == 403
    assert "Paste a list" not in text_of(client.get("/admin/users/deleteduser/"))
    client.force_login(admin)
    assert "Paste a list" in text_of(client.get("/admin/users/deleteduser/"))
    assert "Ready One" in text_of(client.get(url))
