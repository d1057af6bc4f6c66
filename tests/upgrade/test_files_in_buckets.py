"""Files that an earlier release was about to erase are still to be erased, and nothing says that a store kept them."""

from datetime import timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from purge.hashing import fingerprint
from purge.installation.storage import begin_storage
from purge.models import DoomedFile, PurgeRequest
from purge.run.engine import erase_remembered_files

NOW = timezone.now()


def test_what_was_doomed_stays_so_and_goes(old_database):
    account = old_database.account()
    common = {"route": "ui_enterprise", "origin": "admin", "account_id": account.pk, "key_fingerprint": fingerprint()}
    common |= {"accepted_at": NOW - timedelta(days=3), "due_at": NOW + timedelta(days=27), "planned": True}
    requests = old_database.model("purge.PurgeRequest").objects
    waiting = requests.create(reference="PUR-1", status="queued", **common)
    stopped = requests.create(reference="PUR-2", status="needs_attention", **common)
    names = [default_storage.save(f"imports/{number}.csv", ContentFile(b"email\n")) for number in range(3)]
    doomed = old_database.model("purge.DoomedFile").objects
    for request, name in ((waiting, names[0]), (stopped, names[1])):
        doomed.create(request=request, name=name)

    old_database.upgrade()

    assert list(DoomedFile.objects.order_by("name").values_list("request_id", "name", "erased_at")) == [
        (waiting.pk, names[0], None),
        (stopped.pk, names[1], None),
    ]
    assert set(PurgeRequest.objects.values_list("status", "files_locked_until")) == {
        ("queued", None),
        ("needs_attention", None),
    }
    assert begin_storage() == ""
    erase_remembered_files(waiting.pk)
    assert [default_storage.exists(name) for name in names] == [False, True, True], "its own alone"
    assert DoomedFile.objects.get(request_id=waiting.pk).erased_at is not None
    assert DoomedFile.objects.get(request_id=stopped.pk).erased_at is None
