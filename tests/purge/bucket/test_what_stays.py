"""What the object store does not give away: locks, missing rights, a store that is away, and whose bucket it is."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from messaging.models import Notification
from purge import services, tasks
from purge.choices import Reader, State
from purge.installation.bucket_rights import bucket_troubles
from purge.installation.storage import begin_storage, storage_trouble
from purge.models import Installation, PurgeRequest
from purge.standing import sentence_for, standing
from purge.upkeep.checks import check_database
from tests.factories.users import AccountFactory, ImportLogFactory, UserFactory
from users.models import AccountKind

pytestmark = pytest.mark.django_db

#: Nobody listens there.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def locking(make_bucket, use):
    made = make_bucket(lock=True)
    use(made)
    return made


def keep(bucket, key, **lock):
    (number,) = {version for kind, name, version in bucket.everything() if name == key and kind == "version"}
    client = bucket.client
    if lock:
        client.put_object_retention(Bucket=bucket.name, Key=key, VersionId=number, Retention=lock)
    else:
        client.put_object_legal_hold(Bucket=bucket.name, Key=key, VersionId=number, LegalHold={"Status": "ON"})
    return number


def left(bucket):
    return {key for _kind, key, _version in bucket.everything() if "lms-purge-" not in key}


def test_a_locked_file_waits_for_its_date_and_goes_then_by_itself(locking, account, ada, person_with_picture, run):
    support = UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_support=True)
    eve = person_with_picture("eve@acme.example")
    log = ImportLogFactory(account=account, content="Name,Email\nEve,eve@acme.example\n")
    picture = f"lms/{eve.avatar.name}"
    until = datetime(2031, 12, 3, 10, 0, tzinfo=UTC)
    number = keep(locking, picture, Mode="GOVERNANCE", RetainUntilDate=until)
    purge_request = services.purge_submit(acting_user=ada, account_id=account.pk, user_ids=[eve.pk])

    assert run(purge_request) == "needs_attention"

    assert left(locking) == {picture}
    assert not default_storage.exists(log.file.name)
    for reader in (ada, support, None):
        assert standing(purge_request, reader).state == State.NEEDS_HELP
        assert standing(purge_request, reader).until == until
    due = timezone.localtime(purge_request.due_at).strftime("%-d %b %Y, %H:%M UTC")
    assert sentence_for(purge_request, Reader.INITIATOR) == (
        "Stored files could not be erased until 3 Dec 2031, 10:00 UTC: the file storage keeps them until then. It goes "
        f"on by itself, and support has been told. Due {due}."
    )
    assert sentence_for(purge_request, Reader.SUPPORT) == (
        "Stored files could not be erased until 3 Dec 2031, 10:00 UTC: an object lock of the bucket keeps them. It is "
        f"tried again by itself then, or with “Try again”. Due {due}."
    )
    told = Notification.objects.filter(recipient=support)
    assert [each.reference for each in told] == [purge_request.reference]

    tasks.remind()
    purge_request.refresh_from_db()
    assert purge_request.status == "needs_attention"
    # The years go by.
    locking.client.put_object_retention(
        Bucket=locking.name, Key=picture, VersionId=number, Retention={}, BypassGovernanceRetention=True
    )
    PurgeRequest.objects.filter(pk=purge_request.pk).update(files_locked_until=timezone.now() - timedelta(hours=1))
    tasks.remind()
    assert run(purge_request) == "completed"
    assert left(locking) == set()
    assert purge_request.files_locked_until is None


def test_a_legal_hold_has_no_date(locking, account, ada, person_with_picture, run):
    eve = person_with_picture("eve@acme.example")
    key = f"lms/people/{eve.public_id}/stray"
    locking.put(key)
    number = keep(locking, key)
    purge_request = services.purge_submit(acting_user=ada, account_id=account.pk, user_ids=[eve.pk])
    assert run(purge_request) == "needs_attention"
    assert sentence_for(purge_request, Reader.OPERATOR).startswith(
        "Stored files could not be erased until a legal hold on them is lifted in the bucket."
    )
    assert sentence_for(purge_request, Reader.ADMINISTRATOR).startswith(
        "Stored files could not be erased, everything else is. Support has to help"
    )
    locking.client.put_object_legal_hold(Bucket=locking.name, Key=key, VersionId=number, LegalHold={"Status": "OFF"})
    services.purge_retry(acting_user=None, purge_request=purge_request)
    assert run(purge_request) == "completed"


@pytest.mark.parametrize("right", ["s3:DeleteObjectVersion", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"])
def test_without_a_right_nothing_completes_and_the_right_is_named(
    bucket, account, ada, person_with_picture, run, right
):
    eve = person_with_picture("eve@acme.example")
    purge_request = services.purge_submit(acting_user=ada, account_id=account.pk, user_ids=[eve.pk])
    before = bucket.everything()
    assert (bucket_troubles(), bucket.everything()) == ([], before)
    bucket.store.denied = {right}
    says = f"Stored files cannot be erased: grant {right} on the bucket of LMS_FILES."
    assert bucket_troubles() == [says]
    assert [each.msg for each in check_database(None, ["default"]) if each.id == "purge.E015"] == [says]

    assert run(purge_request) == "needs_attention"
    assert (purge_request.error_class, purge_request.error_step) == ("FilesRefused", right)
    assert f"until the product has the right {right} on the bucket" in sentence_for(purge_request, Reader.OPERATOR)
    bucket.store.denied = set()
    services.purge_retry(acting_user=None, purge_request=purge_request)
    assert run(purge_request) == "completed"
    assert left(bucket) == set()


def test_an_unfinished_upload_that_may_not_be_ended_is_no_completed_purge(
    bucket, account, ada, person_with_picture, run
):
    eve = person_with_picture("eve@acme.example")
    bucket.upload_half(f"lms/people/{eve.public_id}/half")
    purge_request = services.purge_submit(acting_user=ada, account_id=account.pk, user_ids=[eve.pk])
    bucket.store.denied = {"s3:AbortMultipartUpload"}
    assert run(purge_request) == "needs_attention"
    assert purge_request.error_step == "s3:AbortMultipartUpload"


def test_the_check_says_that_a_bucket_locks_whatever_is_stored(make_bucket, use):
    locking = make_bucket(lock=True)
    use(locking, mark=False)
    assert bucket_troubles() == []
    locking.client.put_object_lock_configuration(
        Bucket=locking.name,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 90}},
        },
    )
    assert bucket_troubles() == [
        "The bucket of LMS_FILES locks each file for 90 days: no purge with files completes before."
    ]


def test_while_the_store_is_away_nothing_is_accepted_and_what_was_waits(
    bucket, use, account, ada, person_with_picture, run
):
    eve, bob = person_with_picture("eve@acme.example"), person_with_picture("bob@acme.example")
    purge_request = services.purge_submit(acting_user=ada, account_id=account.pk, user_ids=[eve.pk])
    use(bucket, url=NOWHERE, mark=False)
    assert storage_trouble() == "unreachable"
    with pytest.raises(services.PurgeRefused) as refused:
        services.purge_submit(acting_user=ada, account_id=account.pk, user_ids=[bob.pk])
    assert refused.value.code == "storage"
    assert run(purge_request, slices=2) == "queued"
    assert purge_request.attempts == 0
    use(bucket)
    assert run(purge_request) == "completed"


def test_the_marker_says_whose_bucket_it_is(bucket, make_bucket, use, account, ada, person_with_picture, run):
    eve = person_with_picture("eve@acme.example")
    purge_request = services.purge_submit(acting_user=ada, account_id=account.pk, user_ids=[eve.pk])
    another = make_bucket()
    use(another, mark=False)
    assert (storage_trouble(), begin_storage()) == ("missing", "missing")
    assert run(purge_request, slices=2) == "queued"
    marker = f"lms/lms-purge-{Installation.objects.get().pk.hex}.json"
    content = json.loads(bucket.client.get_object(Bucket=bucket.name, Key=marker)["Body"].read())
    another.put(marker, json.dumps({**content, "mark": "d5c3b1a0-0000-4000-8000-000000000000"}).encode())
    assert storage_trouble() == "another"
    use(bucket)
    assert run(purge_request) == "completed"


def test_what_the_product_deletes_is_gone_with_all_versions_or_hidden_at_least(locking):
    name = default_storage.save("people/p/a", ContentFile(b"1"))
    locking.put("lms/people/p/a", b"2")
    locking.put("lms/people/p/ab", b"3")
    default_storage.delete(name)
    assert left(locking) == {"lms/people/p/ab"}
    keep(locking, "lms/people/p/ab", Mode="GOVERNANCE", RetainUntilDate=datetime(2031, 1, 1, tzinfo=UTC))
    default_storage.delete("people/p/ab")
    assert not default_storage.exists("people/p/ab")
    assert {kind for kind, key, _version in locking.everything() if key == "lms/people/p/ab"} == {"version", "marker"}
