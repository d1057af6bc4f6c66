"""What could stay around a purged person: a folder that bears the public id, a reference that says who it was."""

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from purge import services, tasks
from purge.choices import Status
from purge.models import PurgeRequest
from tests.factories.messaging import TranscriptDownloadFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory, trial_with_creator

pytestmark = pytest.mark.django_db


def completed(purge_request):
    for _slice in range(30):
        if purge_request.status == Status.COMPLETED:
            return True
        PurgeRequest.objects.filter(pk=purge_request.pk).update(lease_until=None, next_attempt_at=None)
        tasks.run_request(purge_request.pk)
        purge_request.refresh_from_db()
    return False


def test_the_folders_of_the_purged_go_with_their_files_and_those_of_others_stay(settings):
    account = AccountFactory()
    admin = AdministratorFactory(account=account)
    eve, bob = (UserFactory(account=account, deleted=True) for _n in range(2))
    for person in (eve, bob):
        person.avatar.save("a.png", ContentFile(b"png"), save=False)
        type(person).objects.filter(pk=person.pk).update(avatar=person.avatar.name)
        TranscriptDownloadFactory(account=account, generated_by=person).file.save("t.csv", ContentFile(b"x"))
        default_storage.save(f"people/{person.public_id}/deep/er/stray.txt", ContentFile(b"x"))
    (Path(settings.MEDIA_ROOT) / "people" / str(eve.public_id) / "empty" / "deeper").mkdir(parents=True)

    purge_request = services.purge_submit(acting_user=admin, account_id=account.pk, user_ids=[eve.pk])
    assert completed(purge_request)

    people = Path(settings.MEDIA_ROOT) / "people"
    assert [folder.name for folder in people.iterdir()] == [str(bob.public_id)]
    assert len(list((people / str(bob.public_id)).rglob("*.*"))) == 3


@pytest.fixture
def eve():
    trial, _creator = trial_with_creator()
    return UserFactory(
        account=trial,
        name="Eve Quill",
        email="eve.quill@acme.example",
        adobe_id="XR-LOGIN-9",
        unique_user_id="77031",
    )


@pytest.mark.parametrize(
    "reference",
    [
        "purge of Eve Quill, 9",
        "eve.quill@acme.example",
        "SET 1",
        "SET-1\n2",
        "x" * 201,
        "SET-é",
        "XR-LOGIN-9",
        "set/xr_login_9/1",
        "SET-Quill-1",
        "EveQuill2026",
        "eve.quill",
        "77031",
        "SET:77031",
    ],
)
def test_a_reference_that_says_who_it_was_is_refused(eve, reference):
    with pytest.raises(services.PurgeRefused) as refused:
        services.purge_submit_ims(email=eve.email, reference=reference)
    assert refused.value.code == "reference"
    assert "Quill" not in str(refused.value) and "77031" not in str(refused.value)
    assert not PurgeRequest.objects.exists()


@pytest.mark.parametrize("reference", ["SET-1", "urn:ims/2026.11_29", "2770319", "evening-7", "x" * 200, ""])
def test_an_opaque_reference_is_taken(eve, reference):
    purge_request = services.purge_submit_ims(email=eve.email, reference=reference)
    assert (purge_request.external_reference or "") == reference
    assert purge_request.subjects.get().person_id == eve.pk
