"""The purge log of a database of the first release, which had one file without outcomes."""

import json
from datetime import timedelta

from django.utils import timezone


def test_requests_of_before_get_their_outcomes_written(old_database, settings):
    account = old_database.account()
    requests = old_database.model("purge.PurgeRequest").objects
    ledger = old_database.model("purge.LedgerEntry").objects
    now = timezone.now()

    def request(reference, status, *events, **columns):
        made = requests.create(
            reference=reference,
            route="ui_enterprise",
            origin="admin",
            account_id=account.pk,
            status=status,
            key_fingerprint="0",
            accepted_at=now,
            due_at=now + timedelta(days=30),
            **columns,
        )
        for event in ("accepted", *events):
            ledger.create(request=made, event=event)

    request("PUR-QUEUED", "queued")
    proved = {"planned": True, "verified_at": now, "completed_at": now}
    request("PUR-COMPLETED", "completed", "planned", "completed", **proved)
    request("PUR-AGAIN", "residue", "completed", "residue")
    request("PUR-CANCELLED", "cancelled", "cancelled")
    old_database.model("purge.PatrolPass").objects.create(finished_at=now, verdict="clean")
    settings.PURGE_JOURNAL.parent.mkdir(parents=True)
    settings.PURGE_JOURNAL.write_text('{"event":"accepted","request":"PUR-QUEUED"}\n')

    old_database.upgrade()

    from purge.journal import lines, noticing
    from purge.models import JournalMark, PatrolPass, PurgeRequest
    from purge.upkeep.arming import armed_by, must_ask_again

    assert list(PatrolPass.objects.values_list("armed_by", "earlier", "left_out")) == [("", 0, 0)]
    assert must_ask_again(armed_by()), "what is over is asked again under the new release"
    assert PurgeRequest.objects.filter(replays="", first_accepted_at=None, first_due_at=None).count() == 4
    marks = dict(JournalMark.objects.values_list("request__reference", "reached"))
    assert marks == {"PUR-QUEUED": 1, "PUR-COMPLETED": 2, "PUR-AGAIN": 2, "PUR-CANCELLED": 2}
    assert not noticing.look(thorough=True)
    assert lines.add_missing(grace=timedelta(0)) == 4
    (chain,) = settings.PURGE_JOURNAL.with_name("purge.jsonl.d").glob("*.jsonl")
    written = [json.loads(line) for line in chain.read_text().splitlines()]
    assert {(line["request"], line["event"], line["n"]) for line in written[1:]} == {
        ("PUR-QUEUED", "committed", 1),
        ("PUR-COMPLETED", "completed", 2),
        ("PUR-AGAIN", "committed", 2),
        ("PUR-CANCELLED", "cancelled", 2),
    }
    assert not noticing.look(thorough=True)
    assert lines.add_missing(grace=timedelta(0)) == 0
