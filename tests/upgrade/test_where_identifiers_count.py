"""What an earlier release looked for in the requesting account alone names that account now."""

from datetime import timedelta

from django.utils import timezone

from purge.models import Identifier, SuppressionHash


def test_local_identifiers_and_hashes_name_their_account(old_database):
    account = old_database.account()
    purge_request = old_database.model("purge.PurgeRequest").objects.create(
        reference="PUR-7Q4M-2KX9-H",
        route="ui_enterprise",
        origin="admin",
        account_id=account.pk,
        key_fingerprint="0",
        due_at=timezone.now() + timedelta(days=30),
    )
    identifiers, hashes = old_database.model("purge.Identifier"), old_database.model("purge.SuppressionHash")
    identifiers.objects.create(request=purge_request, kind="email", value="ann@x.org", local=False, match=True)
    identifiers.objects.create(request=purge_request, kind="email", value="old@x.org", local=True, match=False)
    for digest, local in (("a" * 32, False), ("b" * 32, True)):
        hashes.objects.create(request=purge_request, kind="email", digest=digest, local=local, key_fingerprint="0")
    old_database.upgrade()
    assert list(Identifier.objects.order_by("value").values_list("value", "account_id", "match")) == [
        ("ann@x.org", None, True),
        ("old@x.org", account.pk, False),
    ]
    assert list(SuppressionHash.objects.order_by("digest").values_list("digest", "only_account_id", "match")) == [
        ("a" * 32, None, False),
        ("b" * 32, account.pk, False),
    ]
