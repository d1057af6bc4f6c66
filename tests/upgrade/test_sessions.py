"""Nobody is signed out by an upgrade, and what it leaves in the table signs nobody in."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.test import Client
from django.urls import reverse
from django.utils import timezone

KEYS = [f"{number:032d}" for number in (1, 2, 3)]


class SessionStore(DjangosStore):
    """Its name is part of what its rows are signed with."""


def session_of(old_database, user, key, **data):
    from users.models import Account, User

    # Of an account as it was: what is asked of it today has no column yet.
    whole = User(pk=user.pk, password=user.password, account=Account())
    values = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: "users.backends.AccountBackend",
        HASH_SESSION_KEY: whole.get_session_auth_hash(),
        **data,
    }
    old_database.model("users.Session").objects.create(
        session_key=key,
        session_data=SessionStore().encode(values),
        expire_date=timezone.now() + timedelta(days=1),
        user=user,
    )


def answer(cookie):
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie
    return client.get(reverse("admin:index"))


def test_an_earlier_cookie_still_signs_in_and_the_row_does_not(old_database):
    account = old_database.account(name="Acme")
    chief = old_database.user(account, "chief@x.org", key="chief@x.org")
    old_database.model("users.UserRole").objects.create(user=chief, role="administrator")
    other = old_database.user(account, "ann@x.org", key="ann@x.org")
    session_of(old_database, chief, KEYS[0], seen=7)
    session_of(old_database, other, KEYS[1])
    unread = '[["__json_message", 0, 30, "Ann Archer: is no member", ""]]'
    session_of(old_database, chief, KEYS[2], _messages=unread, seen=8)

    old_database.upgrade()

    from users.models import Session

    rows = list(Session.objects.order_by("pk"))
    assert [len(row.pk) for row in rows] == [64, 64, 64]
    assert sorted(row.user_id for row in rows) == sorted([chief.pk, chief.pk, other.pk])
    assert answer(KEYS[0]).status_code == 200
    assert answer(KEYS[1]).status_code == 302
    for row in rows:
        assert answer(row.pk).status_code == 302
    # Messages that named somebody and were not read go; everything else of the session stays.
    kept = answer(KEYS[2])
    assert kept.status_code == 200
    assert "Ann Archer" not in kept.content.decode()
    assert [row.get_decoded().get("seen") for row in rows if row.user_id == chief.pk] in ([7, 8], [8, 7])
    assert not any("_messages" in row.get_decoded() for row in rows)


def test_a_row_that_is_named_by_a_sessions_key_gets_a_number(old_database):
    account = old_database.account(name="Acme")
    purge_request = old_database.model("purge.PurgeRequest").objects.create(
        reference="PUR-7Q4M-2KX9-H",
        route="ui_enterprise",
        origin="admin",
        account_id=account.pk,
        key_fingerprint="0",
        due_at=timezone.now() + timedelta(days=30),
    )
    places = old_database.model("purge.Residue").objects
    places.create(
        request=purge_request, table="users_session", column="session_data", row=KEYS[0][:-1] + "x", ruled=False
    )
    places.create(request=purge_request, table="learning_comment", column="body", row="17")
    old_database.upgrade()
    from purge.models import Residue

    named, numbered = Residue.objects.order_by("pk")
    assert named.row == f"#{named.pk}"
    assert numbered.row == "17"
