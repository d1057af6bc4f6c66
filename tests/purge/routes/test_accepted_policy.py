"""A purge runs by the line of the route table that it was accepted under, whatever the table says by then."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from learning.models import Comment
from messaging.models import Notification
from purge import services
from purge.choices import Notify, Reach, Route
from purge.models import PurgeRequest
from purge.routes import policy
from tests.factories.learning import CommentFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.purge import world as w
from users.models import AccountKind, User


@pytest.fixture
def narrower(monkeypatch):
    """From now on a purge of an enterprise's users leaves trials alone and tells nobody."""

    def change():
        table = policy._TABLE
        # users, matches, creators, creators' trials, requesting account, trial accounts, told
        changed = (Route.UI_ENTERPRISE, True, False, False, False, True, False, None)
        monkeypatch.setattr(policy, "_TABLE", (changed, *table[1:]))

    return change


@pytest.fixture
def people(db):
    """Two deleted users of an enterprise, each with a match in a trial account and mentioned in it."""
    acme, trial = AccountFactory(), AccountFactory(kind=AccountKind.TRIAL)
    admin = AdministratorFactory(account=acme)
    made = []
    for name in ("ann", "bob"):
        address = f"{name}@policy.example"
        victim = UserFactory(account=acme, email=address, deleted=True)
        match = UserFactory(account=trial, email=address)
        text = CommentFactory(post__board__account=trial, body=f"Ask {address}, please.")
        made.append((victim, match, text))
    return admin, made


def purged(admin, victim) -> PurgeRequest:
    return services.purge_submit(acting_user=admin, account_id=admin.account_id, user_ids=[victim.pk])


def told(purge_request: PurgeRequest) -> int:
    return Notification.objects.filter(request_id=purge_request.pk, kind="completed").count()


def test_a_request_is_run_by_the_line_that_it_was_accepted_under(people, narrower):
    admin, ((ann, ann_there, about_ann), (bob, bob_there, about_bob)) = people
    before = purged(admin, ann)
    narrower()
    after = purged(admin, bob)
    assert w.completed(w.run_to_end(before))
    assert w.completed(w.run_to_end(after))
    # Accepted while trials were cleaned and the initiator told.
    assert not User.objects.filter(pk__in=[ann.pk, ann_there.pk]).exists()
    assert Comment.objects.get(pk=about_ann.pk).body == "Ask [erased], please."
    assert told(before) == 1
    # Accepted under the new line.
    assert not User.objects.filter(pk=bob.pk).exists()
    assert User.objects.get(pk=bob_there.pk).state == "active"
    assert Comment.objects.get(pk=about_bob.pk).body == "Ask bob@policy.example, please."
    assert told(after) == 0


def row(route: Route, reach: Reach, line: dict) -> PurgeRequest:
    return PurgeRequest(route=route, reach=reach, policy=line)


def test_what_a_line_does_not_say_is_todays(db):
    whole = policy.policies()[Route.IMS_TRIAL]
    assert policy.policy_for(row(Route.IMS_TRIAL, Reach.EVERYWHERE, {})) == whole
    partly = {"route": "ims_trial", "delete_matching_creators": False, "notify": "initiator", "gone_since": True}
    assert policy.policy_for(row(Route.IMS_TRIAL, Reach.EVERYWHERE, partly)) == replace(
        whole, delete_matching_creators=False, notify=Notify.INITIATOR
    )


@pytest.mark.parametrize("route", Route.values)
@pytest.mark.parametrize("reach", [Reach.EVERYWHERE, Reach.OWN, Reach.OTHERS])
def test_a_stored_line_is_read_as_it_was_written(route, reach):
    line = policy.within(policy.policy_of(route), reach)
    read = policy.policy_for(row(Route(route), reach, line.as_json()))
    assert read == line
    assert [type(getattr(read, each.name)) for each in fields(read)] == [
        type(getattr(line, each.name)) for each in fields(line)
    ]
