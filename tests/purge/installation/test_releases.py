"""While workers are replaced one by one, an older release leaves alone what a newer one has begun."""

import pytest
from django.db import DatabaseError, connection, transaction

from purge import services
from purge.apps import begin_release
from purge.choices import Status
from purge.installation import releases
from purge.models import Installation, PurgeRequest
from purge.run import claims, transitions
from tests.factories.users import UserFactory
from tests.purge import world as w

pytestmark = pytest.mark.django_db

OLDER, NEWER = "0" * 16, "f" * 16


@pytest.fixture
def running(monkeypatch):
    """This process is now one of that release, which has just started."""

    def start(release, *, migrates=False):
        for module in (releases, claims, transitions):
            monkeypatch.setattr(module, "this_release", lambda: release)
        monkeypatch.setattr(releases, "_noted", set())
        if migrates:
            begin_release(using="default")

    Installation.objects.update(releases="")
    return start


@pytest.fixture
def submit():
    cast = w.build_world()

    def one():
        person = UserFactory(account=cast.acme, deleted=True)
        return services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[person.pk])

    return one


def state(purge_request):
    columns = ("status", "fence", "crashes", "lease_until", "begun_by")
    return PurgeRequest.across_accounts.values_list(*columns).get(pk=purge_request.pk)


def test_an_older_worker_claims_nothing_that_a_newer_release_accepted(running, submit):
    running(OLDER, migrates=True)
    own = submit()
    running(NEWER, migrates=True)
    newer = submit()

    running(OLDER)
    assert claims.claim_request(newer.pk) is None
    assert state(newer) == ("queued", 0, 0, None, NEWER)
    assert claims.claim_request(own.pk) is not None

    running(NEWER)
    claim = claims.claim_request(newer.pk)
    assert claim is not None
    assert claim.fence == 1


def test_what_a_newer_worker_has_planned_an_older_one_leaves_alone_when_it_is_given_back(running, submit):
    running(OLDER, migrates=True)
    request = submit()
    running(NEWER)  # its worker was started before anybody migrated
    claims.lay_down_claim(claims.claim_request(request.pk))
    assert state(request)[-1] == NEWER

    running(OLDER)
    assert claims.claim_request(request.pk) is None
    running(NEWER)
    assert claims.claim_request(request.pk) is not None


def test_an_earlier_release_that_is_put_back_by_migrating_goes_on_with_everything(running, submit):
    running(OLDER, migrates=True)
    running(NEWER, migrates=True)
    request = submit()
    running(OLDER)
    assert claims.claim_request(request.pk) is None
    running(OLDER, migrates=True)
    assert claims.claim_request(request.pk) is not None


def test_what_was_accepted_before_there_was_a_mark_is_taken_and_gets_one(running, submit):
    request = submit()
    PurgeRequest.across_accounts.filter(pk=request.pk).update(begun_by="")
    running(NEWER, migrates=True)
    assert claims.claim_request(request.pk) is not None
    assert state(request)[-1] == NEWER


def test_the_first_release_cannot_claim_what_is_queued_here(submit):
    """It knows no mark. Its claim is one transaction: this update, then this look at a column that is gone."""
    request = submit()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE purge_purgerequest SET fence = fence + 1, crashes = crashes + 1, next_attempt_at = NULL"
            " WHERE id = %s AND status IN ('queued', 'running', 'verifying')",
            [request.pk],
        )
        assert cursor.rowcount == 1
        cursor.execute(
            "SELECT id, reference, status, fence, impact FROM purge_purgerequest WHERE id = %s", [request.pk]
        )
    request.refresh_from_db()
    assert (request.status, request.fence, request.crashes) == (Status.QUEUED, 0, 0)
    assert claims.claim_request(request.pk) is not None
