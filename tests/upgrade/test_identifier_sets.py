"""A request that the first release accepted is searched for by what people are searched for now."""

from datetime import timedelta

import pytest
from django.utils import timezone

from purge.hashing import fingerprint, keyed_hash
from tests.purge import world as w

NOW = timezone.now()
EMAIL = "J\u00fcrgen@b\u00fccher.example"
#: As that release stored it.
KEY = "j\u00fcrgen@b\u00fccher.example"
# printf %s mailto:… | sha1sum
AS_STORED = "07083280de7d9e678d07eedcb2831d6426ae5a1d"
PUBLIC_ID = "3f2c1e9a-7b64-4d5e-8a90-1c2d3e4f5a6b"
HOME = "https://acme.example"


@pytest.fixture
def accepted(old_database):
    """An open request of the first release; its number, and that of somebody else's row which names its people."""
    old = old_database
    account = old.account(name="Acme", subdomain="acme")
    victim = old.user(
        account,
        EMAIL,
        key=KEY,
        state="purging",
        deleted_at=NOW,
        deleted_month="2026-11",
        unique_user_id="E-1001",
        adobe_id="jurgen-login",
        adobe_key="jurgen-login",
        public_id=PUBLIC_ID,
    )
    old.user(account, "admin@acme.example", key="admin@acme.example")
    other = old.user(account, "carl@x.org", key="carl@x.org", bio="x")
    purge_request = old.model("purge.PurgeRequest").objects.create(
        reference="PUR-1",
        route="ui_enterprise",
        origin="admin",
        account_id=account.pk,
        status="queued",
        people_left=1,
        accepted_at=NOW - timedelta(hours=1),
        due_at=NOW + timedelta(days=30),
        key_fingerprint=fingerprint(),
        selected_count=1,
    )
    old.model("purge.Subject").objects.create(
        request=purge_request, person_id=victim.pk, account_id=account.pk, role="selected", earlier_state="deleted"
    )
    for kind, value in (("email", KEY), ("login", "jurgen-login")):
        old.model("purge.Identifier").objects.create(request=purge_request, kind=kind, value=value)
        old.model("purge.SuppressionHash").objects.create(
            request=purge_request, kind=kind, digest=keyed_hash(kind, value), key_fingerprint=fingerprint()
        )
    old.upgrade()
    return purge_request.pk, account.pk, other.pk


def named(account_id, **agent):
    from connectors.models import XapiStatement

    statement = {"actor": {"name": "J\u00fcrgen", **agent}, "object": {"id": "https://acme.example/c/7"}}
    return XapiStatement.objects.create(account_id=account_id, verb="completed", statement=statement)


def test_an_open_request_gets_its_set_at_its_first_work(accepted):
    number, account_id, other = accepted
    from connectors.models import XapiStatement
    from purge.installation.storage import begin_storage
    from purge.models import IdentifierSet, PurgeRequest
    from users.models import User

    assert begin_storage() == ""
    rows = [
        named(account_id, mbox_sha1sum=AS_STORED),
        named(account_id, mbox="mailto:j\u00fcrgen@xn--bcher-kva.example"),
        named(account_id, account={"homePage": HOME, "name": "E-1001"}),
        named(account_id, account={"homePage": HOME, "name": "jurgen-login"}),
    ]
    stays = named(account_id, account={"homePage": HOME, "name": "E-10011"})
    User.objects.filter(pk=other).update(bio=f"see /people/{PUBLIC_ID}/a.png and E-1001")
    assert not IdentifierSet.objects.exists()
    assert w.completed(w.run_to_end(PurgeRequest.objects.get(pk=number)))
    left = dict(XapiStatement.objects.values_list("pk", "statement"))
    erased = {"account": {"homePage": "https://erased.invalid/", "name": "[erased]"}}
    assert [left[row.pk]["actor"] for row in rows] == [erased] * 4
    assert left[stays.pk] == stays.statement
    assert User.objects.get(pk=other).bio == "see /people/[erased]/a.png and E-1001"
    kinds = list(IdentifierSet.objects.filter(request_id=number).values_list("kinds", flat=True))
    assert kinds == [{"email": 1, "login": 1, "unique_id": 1, "public_id": 1}]
    # It is closed: what comes back later is still found, by the keyed hashes alone.
    assert not PurgeRequest.objects.get(pk=number).identifiers.exists()
