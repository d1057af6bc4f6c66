"""Look-ups of an earlier release belong to the account of whoever asked, and its requests have no note yet."""

from datetime import timedelta

from django.utils import timezone

from purge.hashing import fingerprint
from purge.models import IdentifierSet, LookUp, PurgeRequest, RegisterNote
from purge.references import new_reference

NOW = timezone.now()


def test_look_ups_are_their_accounts_and_nobody_has_a_note(old_database):
    account = old_database.account()
    staff = old_database.account(kind="system")
    people = [
        old_database.user(account, "admin@x.example", key="admin@x.example"),
        old_database.user(staff, "support@x.example", key="support@x.example", is_support=True),
        old_database.user(staff, "root@x.example", key="root@x.example", is_superuser=True),
    ]
    look_ups = old_database.model("purge.LookUp").objects
    for number, actor in enumerate((*people, None)):
        look_ups.create(actor=actor, digest=f"{number:032}", found=number)
    old = old_database.model("purge.PurgeRequest").objects.create(
        reference=new_reference(),
        status="queued",
        route="ui_enterprise",
        origin="admin",
        account_id=account.pk,
        key_fingerprint=fingerprint(),
        accepted_at=NOW,
        due_at=NOW + timedelta(days=30),
    )
    old_database.upgrade()
    found = LookUp.objects.order_by("found").values_list("account_id", "found")
    assert list(found) == [(account.pk, 0), (None, 1), (None, 2), (None, 3)]
    assert not RegisterNote.objects.exists()
    assert not IdentifierSet.objects.exclude(names=b"").exists()
    assert PurgeRequest.objects.get().pk == old.pk
