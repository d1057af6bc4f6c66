"""A purge whose files lie in a bucket: every version of them goes, and nothing of anybody else's."""

import pytest
from django.core.files.storage import default_storage

from purge import services
from purge.proof.stored import look_at
from purge.steps.erasing import bucket as erasing
from tests.factories.users import ImportLogFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[(True, 13), (False, 8)], ids=["versions", "no versions"])
def store_and_number(request, make_bucket, use):
    """With how many versions, markers and uploads :func:`plant` puts into it that have to go."""
    made = make_bucket(versions=request.param[0])
    made.store.page = 2
    use(made)
    return made, request.param[1]


def plant(store, eve, bob, account):
    """Files of both in every shape; what of them has to stay."""
    mine, others = f"lms/people/{eve.public_id}", f"lms/people/{bob.public_id}"
    picture = f"lms/{eve.avatar.name}"
    for content in (b"an older picture", b"an old picture"):
        store.put(picture, content)
    for name in ("stray", "deep/er/stray", "ü +%?&#'é", "gone", ""):
        store.put(f"{mine}/{name}")
    store.client.delete_object(Bucket=store.name, Key=f"{mine}/gone")
    store.upload_half(f"{mine}/half")
    for key in (
        f"{mine}x",
        f"{mine}x/y",
        f"{mine}.old/y",
        f"{others}/stray",
        f"{others}/stray",
        f"people/{eve.public_id}/beside",
    ):
        store.put(key)
    store.upload_half(f"{others}/half")
    named = ImportLogFactory(account=account, content="Name,Email\nEve,eve@acme.example\n")
    store.put(f"lms/{named.file.name}", b"an older list with eve@acme.example")
    store.upload_half(f"lms/{named.file.name}")
    store.put(f"lms/{named.file.name}.bak", b"begins alike")
    staying = ImportLogFactory(content="Name,Email\nBob,bob@acme.example\n")
    store.put(f"lms/{staying.file.name}", b"Name,Email\nBob,bob@acme.example\n")
    goes = (mine + "/", f"lms/{named.file.name}")
    return {each for each in store.everything() if not (each[1].startswith(goes[0]) or each[1] == goes[1])}


def test_every_version_marker_and_unfinished_upload_goes_and_nothing_of_others(
    store_and_number, account, ada, person_with_picture, run
):
    store, going = store_and_number
    eve, bob = person_with_picture("eve@acme.example"), person_with_picture("bob@acme.example")
    stays = plant(store, eve, bob, account)
    assert len(store.everything()) - len(stays) == going
    purge_request = services.purge_submit(acting_user=ada, account_id=account.pk, user_ids=[eve.pk])

    assert run(purge_request) == "completed"

    assert store.everything() == stays
    assert not purge_request.files.exists()
    with default_storage.open(bob.avatar.name) as picture:
        assert picture.read() == b"png"


def _versions(page, *, all_of_them):
    return ((v["Key"], v["VersionId"]) for v in page.get("Versions", ()) if all_of_them or v["IsLatest"])


#: What an eraser sees that forgets something.
FORGETS = {
    "old versions": lambda page: _versions(page, all_of_them=False),
    "markers": lambda page: _versions(page, all_of_them=True),
}


@pytest.mark.parametrize("what", FORGETS)
def test_an_eraser_that_forgets_something_does_not_complete(
    bucket, account, ada, person_with_picture, run, monkeypatch, what
):
    eve = person_with_picture("eve@acme.example")
    bucket.put(f"lms/{eve.avatar.name}", b"another")
    bucket.client.delete_object(Bucket=bucket.name, Key=f"lms/{eve.avatar.name}")
    purge_request = services.purge_submit(acting_user=ada, account_id=account.pk, user_ids=[eve.pk])
    with monkeypatch.context() as patched:
        patched.setattr(erasing, "_versions_on", FORGETS[what])
        assert run(purge_request) == "residue"
    services.purge_retry(acting_user=None, purge_request=purge_request)
    assert run(purge_request) == "completed"


def test_the_proof_counts_whatever_is_left(bucket):
    look = look_at(default_storage)
    assert list(look.under("people/p")) == []
    bucket.put("lms/people/p/a")
    bucket.put("lms/people/p/a")
    bucket.client.delete_object(Bucket=bucket.name, Key="lms/people/p/a")
    bucket.upload_half("lms/people/p/b")
    bucket.put("lms/people/px/a")
    bucket.put("lms/people/q")
    assert sorted(look.under("people/p")) == ["lms/people/p/a"] * 3 + ["lms/people/p/b"]
    assert not default_storage.exists("people/p/a")
    names = ["people/p/a", "people/p/b", "people/p/c", "people/p", "people/q"]
    assert look.left_of(names) == {"people/p/a", "people/p/b", "people/q"}
    assert (look.has_folder("people/p"), look.has_folder("people/q")) == (False, True)


def test_a_file_that_somebody_writes_again_meanwhile_is_found_and_goes(
    bucket, account, ada, person_with_picture, run, monkeypatch
):
    eve = person_with_picture("eve@acme.example")
    log = ImportLogFactory(account=account, content="Name,Email\nEve,eve@acme.example\n")
    key = f"lms/{log.file.name}"
    purge_request = services.purge_submit(acting_user=ada, account_id=account.pk, user_ids=[eve.pk])
    from purge.run import engine

    erase, times = engine._erase_stray_files, []

    def then_somebody_writes(claim):
        times.append(1)
        if len(times) == 1:
            bucket.put(key, b"a late upload of eve@acme.example")
        return erase(claim)

    monkeypatch.setattr(engine, "_erase_stray_files", then_somebody_writes)
    assert run(purge_request) == "completed"
    assert len(times) == 2
    assert not [each for each in bucket.everything() if each[1] == key]
