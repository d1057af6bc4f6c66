"""Delete, and Delete and purge…, on a person's own page; and what is said of whoever was deleted."""

import html
import re

import pytest
from django.contrib.messages import get_messages

from purge.models import PurgeRequest
from tests.factories.users import AdministratorFactory, UserFactory
from users.models import Session, User, UserState
from users.services import user_delete, user_restore
from users.tenancy.messages import say_restored

pytestmark = pytest.mark.django_db
PEOPLE = "/admin/users/internaluser/"
LIST = "/admin/users/deleteduser/"


def text_of(response):
    return html.unescape(re.sub(r"\s+", " ", response.content.decode()))


def message_of(response):
    """What stands in the list of messages, as words."""
    found = re.search(r'<ul class="messagelist">(.*?)</ul>', text_of(response))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[1])).strip() if found else ""


def leave(client, person, **query):
    return client.post(f"{PEOPLE}{person.pk}/leave/" + ("?then=purge" if query.get("purge") else ""))


def test_an_active_user_is_deleted_and_purged_from_their_own_page(as_admin, account):
    person = UserFactory(account=account, name="Lee Leaver")
    page = text_of(as_admin.get(f"{PEOPLE}{person.pk}/change/"))
    assert f'href="{PEOPLE}{person.pk}/leave/">Delete<' in page
    assert f'href="{PEOPLE}{person.pk}/leave/?then=purge">Delete and purge…<' in page
    asked = as_admin.get(f"{PEOPLE}{person.pk}/leave/?then=purge")
    assert "Lee Leaver" in text_of(asked)
    person.refresh_from_db()
    assert person.state == UserState.ACTIVE
    confirmation = as_admin.post(f"{PEOPLE}{person.pk}/leave/?then=purge", follow=True)
    person.refresh_from_db()
    assert person.state == UserState.DELETED
    assert "1 person will be erased for good" in text_of(confirmation)
    assert not PurgeRequest.objects.exists()  # both are confirmed
    accepted = as_admin.post(confirmation.context["action"], {"plan": confirmation.context["plan"]})
    assert accepted.status_code == 302
    assert [each.person_id for each in PurgeRequest.objects.get().subjects.all()] == [person.pk]


def test_whoever_is_deleted_from_their_page_is_named_and_can_be_restored(as_admin, account):
    person = UserFactory(account=account, name="Lee Leaver")
    deleted = as_admin.post(f"{PEOPLE}{person.pk}/leave/", follow=True)
    assert deleted.request["PATH_INFO"] == PEOPLE
    assert message_of(deleted) == "Lee Leaver is deleted. Restore as Learner · Open in User Cleanup"
    as_admin.post(f"{LIST}restore/", {"_selected_action": [person.pk]})
    person.refresh_from_db()
    assert person.state == UserState.ACTIVE


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (2, "Ada 0 and Ada 1 are deleted."),
        (3, "Ada 0, Ada 1 and Ada 2 are deleted."),
        (5, "Ada 0, Ada 1 and 3 more are deleted."),
    ],
)
def test_several_are_named_from_their_numbers_at_that_moment(as_admin, account, number, said):
    people = [UserFactory(account=account, name=f"Ada {n}") for n in range(number)]
    ids = [person.pk for person in people]
    data = {"action": "delete_people", "_selected_action": ids, "apply": "Delete"}
    answer = as_admin.post(PEOPLE, data)
    kept = str(as_admin.cookies) + str([row.get_decoded() for row in Session.objects.all()])
    assert "Ada" not in kept
    page = as_admin.get(answer.url)
    assert message_of(page).startswith(said)
    assert page.content.decode().count('name="_selected_action" value="') >= number


def test_who_was_restored_meanwhile_is_not_said_to_be_deleted(as_admin, account):
    people = [UserFactory(account=account, name=f"Ada {n}") for n in range(2)]
    data = {"action": "delete_people", "_selected_action": [each.pk for each in people], "apply": "Delete"}
    answer = as_admin.post(PEOPLE, data)
    user_restore(acting_user=None, user=people[0])
    assert message_of(as_admin.get(answer.url)).startswith("Ada 1 is deleted. Restore as Learner")


def test_oneself_has_no_such_button_and_is_refused(as_admin, admin, account):
    AdministratorFactory(account=account)
    assert "/leave/" not in text_of(as_admin.get(f"{PEOPLE}{admin.pk}/change/"))
    assert "cannot delete yourself" in text_of(as_admin.post(f"{PEOPLE}{admin.pk}/leave/", follow=True))
    admin.refresh_from_db()
    assert admin.state == UserState.ACTIVE


def test_who_may_not_purge_deletes_only(client, account):
    client.force_login(AdministratorFactory(account=account, may_purge=False))
    person = UserFactory(account=account)
    page = text_of(client.get(f"{PEOPLE}{person.pk}/change/"))
    assert ("/leave/" in page, "then=purge" in page) == (True, False)
    assert leave(client, person, purge=True).url == PEOPLE
    person.refresh_from_db()
    assert person.state == UserState.DELETED


def test_another_accounts_person_and_a_deleted_one_have_no_such_page(as_admin, account):
    stranger, gone, own = UserFactory(), UserFactory(account=account), UserFactory(account=account)
    user_delete(acting_user=None, user=gone)
    assert [leave(as_admin, each).status_code for each in (stranger, gone, own)] == [404, 404, 302]
    assert User.objects.get(pk=stranger.pk).state == UserState.ACTIVE


# ---------------------------------------------------------------- whoever was restored

GONE = "Earlier roles and keys to the API are not given back."


def restore(client, *people):
    """The answer to the button, and all that waits for the next page, as one text."""
    answer = client.post(f"{LIST}restore/", {"_selected_action": [person.pk for person in people]})
    assert answer.status_code == 302
    waiting = [f"{message} {message.extra_tags}" for message in get_messages(answer.wsgi_request)]
    kept = [row.get_decoded() for row in Session.objects.all()]
    return answer, f"{waiting} {kept}"


def leavers(account, number, **fields):
    return [UserFactory(account=account, name=f"Ada {n}", deleted=True, **fields) for n in range(number)]


def test_whoever_is_restored_is_named_with_what_can_be_done_next(as_admin, account):
    [person] = leavers(account, 1)
    answer, kept = restore(as_admin, person)
    assert "Ada" not in kept and f"users-{person.pk}" in kept
    page = as_admin.get(answer.url)
    said = f"Ada 0 is restored, as Learner. {GONE} Open their page · Delete again"
    assert message_of(page) == said
    assert f'<a href="{PEOPLE}{person.pk}/change/">Open their page</a>' in text_of(page)
    assert message_of(as_admin.get(answer.url)) == ""


def test_whoever_was_restored_by_mistake_is_deleted_again_and_can_be_restored(as_admin, account):
    people, stays = leavers(account, 2), UserFactory(account=account)
    answer, _kept = restore(as_admin, *people)
    assert f'action="{LIST}delete-again/"' in text_of(as_admin.get(answer.url))
    deleted = as_admin.post(f"{LIST}delete-again/", {"_selected_action": [each.pk for each in people]}, follow=True)
    assert message_of(deleted).startswith("Ada 0 and Ada 1 are deleted. Restore as Learner")
    states = [User.objects.get(pk=each.pk).state for each in (*people, stays)]
    assert states == [UserState.DELETED, UserState.DELETED, UserState.ACTIVE]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (2, "Ada 0 and Ada 1 are restored, as Learners."),
        (3, "Ada 0, Ada 1 and Ada 2 are restored, as Learners."),
        (5, "Ada 0, Ada 1 and 3 more are restored, as Learners."),
    ],
)
def test_several_restored_are_named_and_their_lists_linked(as_admin, account, number, said):
    answer, _kept = restore(as_admin, *leavers(account, number))
    page = as_admin.get(answer.url)
    assert message_of(page) == f"{said} {GONE} Open in Internal Users · Delete again"
    outside = UserFactory(account=account, name="Zoe", kind="external", deleted=True)
    answer, _kept = restore(as_admin, outside, UserFactory(account=account, name="Ada", deleted=True))
    said = (
        f"Ada and Zoe are restored, as Learners. {GONE} Open in Internal Users · Open in External Users · Delete again"
    )
    assert message_of(as_admin.get(answer.url)) == said


def test_who_was_deleted_meanwhile_is_not_said_to_be_restored(as_admin, account):
    people = leavers(account, 2)
    answer, _kept = restore(as_admin, *people)
    user_delete(acting_user=None, user=User.objects.get(pk=people[0].pk))
    assert message_of(as_admin.get(answer.url)).startswith("Ada 1 is restored, as Learner.")


def test_nobody_deletes_again_whom_they_may_not_delete(client, as_admin, account, admin):
    stranger = UserFactory()
    answer = as_admin.post(f"{LIST}delete-again/", {"_selected_action": [stranger.pk]}, follow=True)
    assert message_of(answer) == "These users are not in use any more."
    assert "cannot delete yourself" in text_of(
        as_admin.post(f"{LIST}delete-again/", {"_selected_action": [admin.pk]}, follow=True)
    )
    officer = UserFactory(account=account, roles=["data_protection_officer"])
    person = UserFactory(account=account)
    client.force_login(officer)
    assert client.post(f"{LIST}delete-again/", {"_selected_action": [person.pk]}).status_code == 403
    states = {User.objects.get(pk=each.pk).state for each in (stranger, admin, person)}
    assert states == {UserState.ACTIVE}


def test_of_more_than_can_be_listed_only_the_number_waits(rf):
    request = rf.post("/")
    request._messages = Kept()
    say_restored(request, range(1, 201))
    say_restored(request, range(1, 202))
    said = [(text, tags.count("-") > 100) for text, tags in request._messages.all]
    assert said == [
        (f"200 users are restored, as Learners. {GONE}", True),
        (f"201 users are restored, as Learners. {GONE}", False),
    ]


class Kept:
    """Messages as a request carries them."""

    def __init__(self):
        self.all = []

    def add(self, level, text, extra_tags):
        self.all.append((text, extra_tags))
