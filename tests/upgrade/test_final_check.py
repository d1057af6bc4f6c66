"""The first release completed a request on a large database before any pass over every text."""

from datetime import timedelta

from django.utils import timezone

from purge.hashing import fingerprint

NOW = timezone.now()


def test_what_was_completed_without_a_pass_gets_one_and_stays_completed(old_database):
    requests = old_database.model("purge.PurgeRequest").objects
    completed = requests.create(
        reference="PUR-1",
        route="ims_trial",
        origin="ims",
        status="completed",
        planned=True,
        accepted_at=NOW - timedelta(days=3),
        due_at=NOW + timedelta(days=27),
        verified_at=NOW,
        completed_at=NOW,
        key_fingerprint=fingerprint(),
    )
    old_database.model("purge.PatrolPass").objects.create(finished_at=NOW, verdict="clean", requests=4)

    old_database.upgrade()

    from purge.installation.storage import begin_storage
    from purge.models import PatrolPass, PurgeRequest
    from purge.upkeep.patrol import patrol_all

    assert list(PatrolPass.objects.values_list("verdict", "requests", "unopened")) == [("clean", 4, 0)]
    assert begin_storage() == ""  # as the web does when it starts
    assert patrol_all().verdict == "clean"
    now = PurgeRequest.objects.get(pk=completed.pk)
    assert (now.status, now.completed_at) == ("completed", completed.completed_at)
    assert now.patrolled_at is not None
    assert not now.unopened_files.exists()
