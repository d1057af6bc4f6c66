"""A purge that an earlier release completed says that nobody wrote down how far it had looked."""

from datetime import timedelta
from io import StringIO

from django.core.management import call_command
from django.utils import timezone

from purge.hashing import fingerprint
from purge.models import FollowUp, PurgeRequest
from purge.references import new_reference

NOW = timezone.now()


def test_an_earlier_purge_says_not_recorded_and_one_under_way_is_as_it_was(old_database):
    account = old_database.account()
    requests = old_database.model("purge.PurgeRequest").objects
    common = {"route": "ui_enterprise", "origin": "admin", "account_id": account.pk, "key_fingerprint": fingerprint()}
    common |= {"accepted_at": NOW - timedelta(days=3), "due_at": NOW + timedelta(days=27)}
    moments = dict.fromkeys(("verified_at", "patrolled_at", "completed_at", "compacted_at"), NOW - timedelta(days=2))
    over = requests.create(reference=new_reference(), status="completed", planned=True, **common, **moments)
    open_one = requests.create(reference=new_reference(), status="queued", **common)
    task = {"kind": "connector_disabled", "account_id": account.pk, "model": "connectors.Connector"}
    left = old_database.model("purge.FollowUp").objects
    left.create(request=over, row=1, **task)
    left.create(request=over, row=2, done_at=NOW, **task)
    old_database.upgrade()
    assert list(FollowUp.across_accounts.order_by("row").values_list("row", "done_at", "marked")) == [
        (1, None, ""),
        (2, NOW, ""),
    ]
    assert set(PurgeRequest.objects.values_list("pk", "status")) == {(over.pk, "completed"), (open_one.pk, "queued")}
    out = StringIO()
    call_command("purge_status", over.reference, stdout=out)
    said = out.getvalue()
    assert "checked     how far: not recorded by the release that completed it" in said
    # What later releases set beside it claims nothing.
    for word in ("record gone", "texts searched", "statistics cleared", "overwritten"):
        assert word not in said
