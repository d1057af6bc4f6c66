"""The upgrade to keys that tell mailboxes apart, on a database of the first release with rows."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import checks
from django.db import IntegrityError, transaction

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def rows():
    from users.models import User

    columns = ("pk", "email", "email_key", "adobe_key", "same_mailbox_as_id")
    return {pk: tuple(rest) for pk, *rest in User.objects.values_list(*columns)}


def test_keys_become_exact_and_every_row_stays(old_database):
    acme, trial = old_database.account(), old_database.account(kind="trial")
    plain = old_database.user(acme, "Ann@X.org", key="ann@x.org", adobe_id="ANN", adobe_key="ann")
    sharp = old_database.user(acme, "weiß@firma.example", key="weiss@firma.example")
    street = old_database.user(acme, "x@straße.example", key="x@strasse.example")
    books = old_database.user(trial, "Jürgen@Bücher.example", key="jürgen@bücher.example")
    host = old_database.user(trial, "a@my_host.example", key="a@my_host.example", adobe_id="ＷＥＩß", adobe_key="weiss")
    old_database.upgrade()
    assert rows() == {
        plain.pk: ("Ann@X.org", "ann@x.org", "ann", None),
        sharp.pk: ("weiß@firma.example", "weiß@firma.example", None, None),
        street.pk: ("x@straße.example", "x@xn--strae-oqa.example", None, None),
        books.pk: ("Jürgen@Bücher.example", "jürgen@xn--bcher-kva.example", None, None),
        host.pk: ("a@my_host.example", "a@~my_host.example", "ｗｅｉß", None),
    }
    # By today's tables, and this is known.
    assert checks.run_checks(tags=[checks.Tags.database], databases=["default"]) == []


def test_of_two_rows_with_one_mailbox_the_older_keeps_the_key(old_database):
    acme, other = old_database.account(), old_database.account()
    young = old_database.user(
        acme, "j@xn--bcher-kva.example", key="j@xn--bcher-kva.example", added_at=DAY + timedelta(days=9)
    )
    old = old_database.user(acme, "j@bücher.example", key="j@bücher.example", added_at=DAY)
    elsewhere = old_database.user(other, "j@bücher.example", key="j@bücher.example", added_at=DAY)
    old_database.upgrade()
    assert rows() == {
        old.pk: ("j@bücher.example", "j@xn--bcher-kva.example", None, None),
        young.pk: ("j@xn--bcher-kva.example", None, None, old.pk),
        elsewhere.pk: ("j@bücher.example", "j@xn--bcher-kva.example", None, None),
    }


def test_three_rows_with_one_mailbox_name_the_oldest(old_database):
    acme = old_database.account()
    spellings = ("j@bücher.küche.example", "j@xn--bcher-kva.küche.example", "j@bücher.xn--kche-0ra.example")
    people = [
        old_database.user(acme, email, key=email, added_at=DAY + timedelta(days=9 - number))
        for number, email in enumerate(spellings)
    ]
    old_database.upgrade()
    key = "j@xn--bcher-kva.xn--kche-0ra.example"
    assert [rows()[person.pk][1:] for person in people] == [
        (None, None, people[2].pk),
        (None, None, people[2].pk),
        (key, None, None),
    ]


def test_two_people_who_had_one_key_may_now_be_in_one_account(old_database):
    acme = old_database.account()
    old_database.user(acme, "weiß@firma.example", key="weiss@firma.example")
    old_database.upgrade()
    from users.models import User

    with transaction.atomic():
        User.objects.create(account_id=acme.pk, name="W", email="weiss@firma.example", email_key="weiss@firma.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(account_id=acme.pk, name="W", email="weiß@firma.example", email_key="weiß@firma.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(account_id=acme.pk, name="W", email="w@firma.example", email_key="")


def test_former_addresses_get_keys_and_absent_ones_are_null(old_database):
    acme = old_database.account()
    ann = old_database.user(acme, "ann@x.org", key="ann@x.org")
    former = old_database.model("users.FormerEmail")
    for email, key in (
        ("j@bücher.example", "j@bücher.example"),
        ("j@xn--bcher-kva.example", "j@xn--bcher-kva.example"),
        ("weiß@x.org", "weiss@x.org"),
        ("", ""),
        ("", ""),
    ):
        former.objects.create(user=ann, email=email, email_key=key)
    old_database.upgrade()
    from users.models import FormerEmail

    assert list(FormerEmail.objects.order_by("pk").values_list("email", "email_key")) == [
        ("j@bücher.example", None),
        ("j@xn--bcher-kva.example", "j@xn--bcher-kva.example"),
        ("weiß@x.org", "weiß@x.org"),
        (None, None),
        (None, None),
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        FormerEmail.objects.create(user_id=ann.pk, email="", email_key=None)


def test_an_interrupted_upgrade_goes_on(old_database, monkeypatch):
    from users.identity import rekeying

    acme = old_database.account()
    people = [
        old_database.user(acme, f"{letter}@bücher.example", key=f"{letter}@bücher.example") for letter in "abcdefg"
    ]
    monkeypatch.setattr(rekeying, "BATCH", 2)
    given = rekeying._given_key

    def killed_at_the_fifth(users, pk):
        if pk == people[4].pk:
            raise KeyboardInterrupt
        return given(users, pk)

    monkeypatch.setattr(rekeying, "_given_key", killed_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        old_database.upgrade()
    assert rows_done() == 4
    monkeypatch.setattr(rekeying, "_given_key", given)
    old_database.upgrade()
    assert [key for _email, key, *_rest in rows().values()] == [
        f"{letter}@xn--bcher-kva.example" for letter in "abcdefg"
    ]


def rows_done():
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM users_user WHERE email_key LIKE %s", ["%@xn--bcher-kva.example"])
        return cursor.fetchone()[0]


def test_who_was_purged_before_the_upgrade_is_still_known(old_database):
    """Old digests are of the one loose key; they are asked for in that form, too."""
    from purge.hashing import fingerprint, keyed_hash

    acme = old_database.account()
    purge_request = old_database.model("purge.PurgeRequest").objects.create(
        reference="PUR-7Q4M-2KX9-H",
        route="ui_enterprise",
        origin="admin",
        account_id=acme.pk,
        status="running",
        key_fingerprint=fingerprint(),
        accepted_at=DAY,
        due_at=DAY + timedelta(days=30),
    )
    old_database.model("purge.Subject").objects.create(
        request=purge_request, person_id=11, account_id=acme.pk, role="selected"
    )
    for folded in ("jürgen@bücher.example", "weiss@firma.example"):
        old_database.model("purge.SuppressionHash").objects.create(
            request=purge_request, kind="email", digest=keyed_hash("email", folded), key_fingerprint=fingerprint()
        )
    old_database.model("purge.Identifier").objects.create(
        request=purge_request, kind="email", value="jürgen@bücher.example"
    )
    old_database.upgrade()
    from purge.models import Identifier, SuppressionHash
    from purge.routes.scope import scope_of
    from purge.routes.suppression import Known, purged_before

    asked = ["jürgen@xn--bcher-kva.example", "weiß@firma.example", "weiss@firma.example", "ann@x.org"]
    known = [Known("email", key) for key in asked]
    assert purged_before(account_id=acme.pk, known=known) == dict.fromkeys(known[:3], "PUR-7Q4M-2KX9-H")
    assert set(SuppressionHash.objects.values_list("form", flat=True)) == {"folded-1"}
    scope = scope_of(Identifier.objects.get().request)
    assert {key for key in scope.all_addresses() if "@" in key} == {
        "jürgen@bücher.example",
        "jürgen@xn--bcher-kva.example",
    }
