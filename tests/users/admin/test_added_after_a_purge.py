"""Whoever is added with an address or ID of somebody who was purged from the account is added, and it is said."""

import pytest

from purge.models import PurgeRequest
from purge.services import purge_submit
from tests.factories.users import AdministratorFactory, UserFactory, trial_with_creator
from tests.purge.world import completed, run_to_end
from users.models import User

pytestmark = pytest.mark.django_db
ADD = "/admin/users/internaluser/add/"


def purged(by, *people) -> PurgeRequest:
    purge_request = purge_submit(acting_user=by, account_id=by.account_id, user_ids=[person.pk for person in people])
    run_to_end(purge_request)
    assert completed(purge_request)
    return purge_request


def added(client, email, **fields):
    """What is said after somebody was added, in one post without a question."""
    before = User.objects.count()
    answer = client.post(ADD, {"name": "New", "email": email, "unique_user_id": "", "adobe_id": "", **fields})
    assert answer.status_code == 302
    assert User.objects.count() == before + 1
    page = client.get(answer.url)
    said = [str(message) for message in page.context["messages"]]
    assert all(f">{message}</li>" in page.content.decode() for message in said)
    return said


def sentence(purge_request):
    link = f'<a href="/admin/purge/purgerequest/{purge_request.pk}/change/">{purge_request.reference}</a>'
    return f"Purge request {link} of this account erased somebody with this address or ID."


def test_it_is_said_by_address_and_by_id_once_for_each_request(signed_in, account, admin_user):
    eve = UserFactory(account=account, email="eve@acme.example", unique_user_id="E-100", deleted=True)
    ray = UserFactory(account=account, email="ray@acme.example", unique_user_id="R-200", deleted=True)
    of_eve, of_ray = purged(admin_user, eve), purged(admin_user, ray)
    assert added(signed_in, "EVE@acme.example")[1:] == [sentence(of_eve)]
    assert added(signed_in, "other@acme.example", unique_user_id="E-100")[1:] == [sentence(of_eve)]
    assert added(signed_in, "ray@acme.example", unique_user_id="R-200")[1:] == [sentence(of_ray)]
    assert len(added(signed_in, "nobody.before@acme.example", unique_user_id="E-1001")) == 1


def test_of_two_requests_both_are_named(signed_in, account, admin_user):
    eve = UserFactory(account=account, email="eve@acme.example", deleted=True)
    ray = UserFactory(account=account, unique_user_id="R-200", deleted=True)
    of_eve, of_ray = purged(admin_user, eve), purged(admin_user, ray)
    said = added(signed_in, "eve@acme.example", unique_user_id="R-200")
    assert said[1:] == [sentence(of_eve), sentence(of_ray)]


def test_another_accounts_purge_is_told_to_nobody_and_hides_no_own_one(client, account, admin_user):
    """A purge of an enterprise takes the matching users of trials too: whose request it was is not theirs to know."""
    trial, creator = trial_with_creator()
    chief = AdministratorFactory(account=trial, email="chief@trial.example")
    eve = UserFactory(account=account, email="eve@acme.example", deleted=True)
    own = UserFactory(account=trial, email="eve@acme.example", deleted=True)
    UserFactory(account=trial, email="ray@acme.example")
    ray = UserFactory(account=account, email="ray@acme.example", deleted=True)
    of_trial = purged(chief, own)
    client.force_login(chief)
    assert added(client, "eve@acme.example")[1:] == [sentence(of_trial)]
    of_account = purged(admin_user, eve, ray)
    assert not User.objects.filter(account=trial).exclude(pk__in=[creator.pk, chief.pk]).exists()
    assert added(client, "eve@acme.example")[1:] == [sentence(of_trial)]
    assert len(added(client, "ray@acme.example")) == 1
    client.force_login(admin_user)
    assert added(client, "eve@acme.example")[1:] == [sentence(of_account)]


def test_what_is_still_going_on_is_not_said_to_be_over(signed_in, account, admin_user):
    eve = UserFactory(account=account, email="eve@acme.example", unique_user_id="E-100", deleted=True)
    purge_request = purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    User.objects.filter(pk=eve.pk)._raw_delete("default")
    [_added, said] = added(signed_in, "other@acme.example", unique_user_id="E-100")
    assert purge_request.reference in said
    assert "of this account is erasing somebody with this address or ID." in said
