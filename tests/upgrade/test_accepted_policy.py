"""A request of the first release keeps the line that it was accepted under; what was shown before it is not kept."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

ACCEPTED = timezone.now() - timedelta(days=3)
#: The first release's line of an enterprise's own users, but for the trials: as if its table had been another.
LINE = {
    "route": "ui_enterprise",
    "delete_selected": True,
    "delete_trial_matches": True,
    "delete_matching_creators": False,
    "delete_users_of_created_trials": False,
    "scrub_requesting_account": True,
    "scrub_trial_accounts": False,
    "notify": "initiator",
}


def request(old, reference, **fields):
    return old.model("purge.PurgeRequest").objects.create(
        reference=reference,
        route="ui_enterprise",
        origin="admin",
        status="running",
        key_fingerprint="k",
        accepted_at=ACCEPTED,
        due_at=ACCEPTED + timedelta(days=30),
        **fields,
    )


def test_open_requests_go_on_under_the_line_that_they_were_accepted_under(old_database):
    released = timezone.now()
    shown = {"lines": [{"key": "learning.Enrolment.user", "n": 7}], "total": 7}
    kept = request(old_database, "PUR-1", policy=LINE, impact=shown, released_at=released, rows_planned=7)
    bare = request(old_database, "PUR-2")
    old_database.upgrade()
    from purge.models import PurgeRequest
    from purge.routes.policy import policy_for

    row = PurgeRequest.objects.get(pk=kept.pk)
    assert (row.reference, row.policy, row.released_at, row.rows_planned) == ("PUR-1", LINE, released, 7)
    line = policy_for(row)
    assert (line.scrub_requesting_account, line.scrub_trial_accounts, line.notify) == (True, False, "initiator")
    today = policy_for(PurgeRequest.objects.get(pk=bare.pk))
    assert (today.scrub_requesting_account, today.scrub_trial_accounts, today.notify) == (True, True, "initiator")
    with connection.cursor() as cursor:
        columns = {each.name for each in connection.introspection.get_table_description(cursor, "purge_purgerequest")}
    assert "impact" not in columns
    assert {"policy", "released_at"} <= columns
