"""What waits in a cookie or in a session for the next page names nobody."""

import pytest
from django.contrib.messages import get_messages
from django.core import signing
from django.urls import reverse
from django.utils import timezone

from tests.factories import users as factories
from tests.factories.users import UserFactory
from users.models import ExternalProfile, ProvedDomain, Session, User, UserGroup, UserKind

pytestmark = pytest.mark.django_db

NAME = "Zuleika Dobson"


def url(name, *args):
    return reverse(f"admin:users_{name}", args=args)


def waiting(client, response):
    """What was said, and all that the browser or the database keeps of it."""
    said = [str(message) for message in get_messages(response.wsgi_request)]
    kept = [cookie.value for cookie in client.cookies.values()]
    kept += [str(signing.loads(each, salt="django.contrib.sessions.SessionStore")) for each in stored()]
    return said, " ".join([*said, *kept])


def stored():
    return Session.objects.values_list("session_data", flat=True)


def form_of(user, **changes):
    data = {"name": user.name, "email": user.email, "locale": "en", "manager": "", "external_profile": ""}
    return {**data, "active_values-TOTAL_FORMS": "0", "active_values-INITIAL_FORMS": "0", **changes}


@pytest.mark.both_databases
@pytest.mark.parametrize("button", ["_save", "_continue", "_addanother"])
def test_a_saved_row_is_named_by_its_number(signed_in, ann, button):
    response = signed_in.post(url("internaluser_change", ann.pk), form_of(ann, name=NAME, **{button: "1"}))
    assert response.status_code == 302
    ann.refresh_from_db()
    assert ann.name == NAME
    said, kept = waiting(signed_in, response)
    assert said == [f'<a href="{url("internaluser_change", ann.pk)}">Internal user {ann.pk}</a> is changed.']
    assert "Zuleika" not in kept


@pytest.mark.parametrize("button", ["_save", "_continue", "_addanother"])
def test_an_added_row_is_named_by_its_number(signed_in, button):
    data = {"name": NAME, "email": "zuleika@judas.example", "locale": "en", button: "1"}
    response = signed_in.post(url("internaluser_add"), data)
    assert response.status_code == 302
    added = User.objects.get(name=NAME)
    said, kept = waiting(signed_in, response)
    assert said == [f'<a href="{url("internaluser_change", added.pk)}">Internal user {added.pk}</a> is added.']
    assert "Zuleika" not in kept
    assert "zuleika" not in kept


def test_rows_that_people_name_are_said_by_number_as_well(signed_in, account):
    """A group, a profile: their names are typed, and may be somebody's."""
    response = signed_in.post(url("usergroup_add"), {"name": f"Team of {NAME}", "description": ""})
    group = UserGroup.objects.get()
    said, kept = waiting(signed_in, response)
    assert said == [f'<a href="{url("usergroup_change", group.pk)}">User group {group.pk}</a> is added.']
    assert "Zuleika" not in kept
    profile = factories.ExternalProfileFactory(account=account, name=f"Friends of {NAME}")
    response = signed_in.post(url("externalprofile_delete", profile.pk), {"post": "yes"})
    if response.status_code == 302:
        assert not ExternalProfile.objects.exists()
        assert "Zuleika" not in waiting(signed_in, response)[1]


@pytest.mark.both_databases
def test_refusals_of_many_are_said_by_number_and_counted(signed_in, account):
    group = factories.UserGroupFactory(account=account)
    people = [UserFactory(account=account, name=f"{NAME} {number}") for number in range(14)]
    for person in people[:13]:
        factories.GroupExclusionFactory(user=person, group=group)
    data = {
        "action": "add_to_group",
        "_selected_action": [person.pk for person in people],
        "apply": "yes",
        "group": group.pk,
    }
    response = signed_in.post(url("internaluser_changelist"), data)
    said, kept = waiting(signed_in, response)
    assert group.members.count() == 1
    assert len(said) == 12
    numbers = {person.pk for person in people[:13]}
    named = [next(number for number in numbers if f">User {number}</a>: " in each) for each in said[:10]]
    assert len(set(named)) == 10
    assert all("is excluded from this group" in each for each in said[:10])
    assert said[10] == "3 more users were refused."
    assert said[11] == "1 user added to the group."
    assert "Zuleika" not in kept


def test_the_page_itself_still_shows_the_name(signed_in, account, ann):
    outside = UserFactory(account=account, kind=UserKind.EXTERNAL, name=NAME)
    response = signed_in.post(url("externaluser_change", outside.pk), form_of(outside, profile="Heroine"), follow=True)
    text = response.content.decode()
    assert NAME in text
    assert f"External user {outside.pk}</a> is changed." in text


def test_a_refusal_about_a_domain_is_said_by_number(signed_in, account):
    """A domain can be a person's."""
    row = ProvedDomain.objects.create(account=account, domain="zuleika-dobson.example", looked_at=timezone.now())
    asked = {"action": "look", "_selected_action": [row.pk]}
    said, kept = waiting(signed_in, signed_in.post(url("proveddomain_changelist"), asked))
    assert said[0] == f"Proved domain {row.pk}: It was looked for a moment ago. Try again in ten seconds."
    assert "zuleika" not in kept
