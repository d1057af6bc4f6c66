"""Of earlier purges each account knows its own people; of other accounts only what can be told is known there."""

from datetime import timedelta

import pytest
from django.utils import timezone

from purge.hashing import keyed_hash

NOW = timezone.now()
ACME, TRIAL, OTHER_TRIAL = 901, 902, 903


@pytest.fixture
def old(old_database):
    """Makes a request of the first release: whom it selected and found, and the hashes that it kept."""

    def request(reference, *, route="ui_enterprise", account=ACME, selected=(), found=(), hashes=()):
        made = old_database.model("purge.PurgeRequest").objects.create(
            reference=reference,
            route=route,
            origin="admin",
            account_id=account,
            status="cancelled",
            accepted_at=NOW,
            due_at=NOW + timedelta(days=30),
            key_fingerprint="k",
        )
        subjects = old_database.model("purge.Subject").objects
        for person_id in selected:
            subjects.create(request=made, person_id=person_id, account_id=account, role="selected")
        for person_id, account_id, role in found:
            subjects.create(request=made, person_id=person_id, account_id=account_id, role=role)
        for kind, value, local in hashes:
            old_database.model("purge.SuppressionHash").objects.create(
                request=made, kind=kind, digest=keyed_hash(kind, value), local=local, key_fingerprint="k"
            )

    old_database.request = request
    return old_database


def answers(kind, value):
    """(request, account, person) of everybody whom the list names for this."""
    from purge.models import SuppressionHash

    rows = SuppressionHash.objects.filter(kind=kind, digest=keyed_hash(kind, value), account_id__isnull=False)
    return sorted(rows.values_list("request__reference", "account_id", "person_id"), key=str)


def test_hashes_are_told_apart_as_far_as_can_be_told(old):
    old.request(
        "one",
        selected=[11],
        found=[(21, TRIAL, "match"), (22, OTHER_TRIAL, "kept")],
        hashes=[
            ("email", "ann@x.org", False),
            ("email", "ann.before@x.org", True),
            ("unique_id", "e100", True),
            ("public_id", "p-11", False),
        ],
    )
    old.request(
        "two",
        selected=[12, 13],
        found=[(23, TRIAL, "match")],
        hashes=[("email", "bob@x.org", False), ("email", "cy@x.org", False)],
    )
    old.request("address", route="other_enterprise", hashes=[("email", "dee@x.org", False)])
    old.request(
        "message",
        route="ims_trial",
        account=None,
        found=[(24, TRIAL, "creator"), (25, TRIAL, "member")],
        hashes=[("email", "eve@x.org", False)],
    )
    old.upgrade()
    assert answers("email", "ann@x.org") == [("one", ACME, 11), ("one", TRIAL, 21)]
    assert answers("email", "ann.before@x.org") == [("one", ACME, 11)]
    assert answers("unique_id", "e100") == [("one", ACME, 11)]
    assert answers("email", "bob@x.org") == [("two", ACME, None)]
    assert answers("email", "cy@x.org") == [("two", ACME, None)]
    assert answers("email", "dee@x.org") == [("address", ACME, None)]
    assert answers("email", "eve@x.org") == [("message", TRIAL, 24)]
    from purge.models import SuppressionHash

    # What the patrol looks for is what it was.
    assert SuppressionHash.objects.filter(taken_out=True).count() == 8
