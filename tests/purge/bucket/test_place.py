"""How settings name a bucket."""

import pytest

from purge.bucket.place import Place, is_place, place_of


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://acme-lms", Place("acme-lms")),
        ("s3://acme-lms/files/", Place("acme-lms", "files")),
        (
            "s3://acme.lms/a/b%20c?endpoint=https://store.example:9000&region=eu-central-1",
            Place("acme.lms", "a/b c", "https://store.example:9000", "eu-central-1"),
        ),
    ],
)
def test_a_bucket_is_named_by_a_url(url, place):
    assert is_place(url)
    assert place_of(url) == place


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://", "must name a bucket"),
        ("s3://Acme", "must name a bucket"),
        ("s3://key:secret@acme-lms/files", "must name a bucket"),
        ("gs://acme-lms", "must name a bucket"),
        ("/var/media", "must name a bucket"),
        ("s3://acme-lms?acl=public-read", "knows endpoint and region behind the question mark, not acl"),
        ("s3://acme-lms?endpoint=store.example", "has an endpoint that is none"),
    ],
)
def test_what_names_none_is_refused_without_being_repeated(url, says):
    with pytest.raises(ValueError, match=says) as refused:
        place_of(url)
    assert "secret" not in str(refused.value)
