"""Stored files in a bucket."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from django.core.files.base import ContentFile

from purge.bucket.place import place_of
from purge.choices import Status
from purge.installation import storage
from purge.installation.storage import begin_storage
from purge.models import PurgeRequest
from purge.tasks import run_request
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.purge.bucket.store import ObjectStore, TestBucket

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    store = ObjectStore()
    yield store
    store.stop()


@pytest.fixture(autouse=True)
def signs_in_with(monkeypatch):
    """Nobody's own: what a developer has in the environment is not used."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(storage, "SEEN_SECONDS", 0.0)


@pytest.fixture
def make_bucket(object_store):
    def make(*, versions: bool = True, lock: bool = False) -> TestBucket:
        name = f"files-{next(_numbers)}"
        object_store.client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=lock)
        if versions and not lock:
            object_store.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return TestBucket(object_store, name)

    yield make
    object_store.denied, object_store.page = set(), 0
    object_store.comes_back()


@pytest.fixture
def use(db, settings):
    """Point the product's stored files at a bucket, as its own, or at another store."""

    def point(bucket: TestBucket, *, url: str = "", mark: bool = True) -> None:
        place = place_of(f"s3://{bucket.name}/lms?region=us-east-1&endpoint={url or bucket.store.url}")
        settings.STORAGES = {
            **settings.STORAGES,
            "default": {"BACKEND": "lms_purge.process.files.BucketFiles", "OPTIONS": {"place": place}},
        }
        if mark:
            assert begin_storage() == ""

    return point


@pytest.fixture
def bucket(make_bucket, use) -> TestBucket:
    """The product's, which keeps versions."""
    made = make_bucket()
    use(made)
    return made


@pytest.fixture
def account(db):
    return AccountFactory(name="Acme")


@pytest.fixture
def ada(account):
    return AdministratorFactory(account=account, email="ada@acme.example")


@pytest.fixture
def person_with_picture(account):
    def make(email: str):
        person = UserFactory(account=account, email=email, deleted=True)
        person.avatar.save("a.png", ContentFile(b"png"), save=False)
        type(person).objects.filter(pk=person.pk).update(avatar=person.avatar.name)
        return person

    return make


@pytest.fixture
def run():
    """Works on a request until nothing happens by itself any more."""

    def work(purge_request: PurgeRequest, slices: int = 12) -> str:
        for _slice in range(slices):
            PurgeRequest.objects.filter(pk=purge_request.pk).update(lease_until=None, next_attempt_at=None)
            run_request(purge_request.pk)
            purge_request.refresh_from_db()
            if purge_request.status in (Status.COMPLETED, Status.NEEDS_ATTENTION, Status.RESIDUE):
                break
        return purge_request.status

    return work
