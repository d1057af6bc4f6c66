"""A session is known to the table by a digest: what stands there signs nobody in."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from purge.worker.queue import schedules
from users import tasks
from users.models import Session
from users.sessions import SessionStore

pytestmark = pytest.mark.django_db


def with_cookie(value):
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = value
    return client


def is_in(client):
    return client.get(reverse("admin:index")).status_code == 200


def test_what_stands_in_the_table_signs_nobody_in(signed_in):
    cookie = signed_in.cookies[settings.SESSION_COOKIE_NAME].value
    (row,) = Session.objects.all()
    assert is_in(with_cookie(cookie))
    assert not is_in(with_cookie(row.pk))
    assert cookie not in str(Session.objects.values_list())


def test_the_digest_is_sha_256(admin_user):
    Session.objects.create(
        # printf %32s | tr ' ' a | sha256sum
        session_key="3ba3f5f43b92602683c19aee62a20342b084dd5971ddd33808d81a328879a547",
        session_data=SessionStore().encode({"seen": 1}),
        expire_date=timezone.now() + timedelta(days=1),
    )
    assert SessionStore("a" * 32)["seen"] == 1
    assert not SessionStore("b" * 32).exists("b" * 32)


def test_a_session_is_read_changed_renewed_and_ended_by_its_key(signed_in, admin_user):
    key = signed_in.cookies[settings.SESSION_COOKIE_NAME].value
    store = SessionStore(key)
    assert store["_auth_user_id"] == str(admin_user.pk)
    assert store.exists(key)
    assert not store.exists(key[::-1])
    store["seen"] = 1
    store.save()
    assert SessionStore(key)["seen"] == 1
    store.cycle_key()
    assert not store.exists(key)
    assert SessionStore(store.session_key)["seen"] == 1
    assert Session.objects.get().user == admin_user
    store.flush()
    assert not Session.objects.exists()


def test_the_other_way_to_ask_does_the_same(admin_user):
    """By coroutine, which Django's store does in methods of its own."""
    from asgiref.sync import async_to_sync

    async def through():
        store = SessionStore()
        await store.aset("_auth_user_id", str(admin_user.pk))
        await store.asave(must_create=True)
        again = SessionStore(store.session_key)
        return store.session_key, await again.aget("_auth_user_id"), await store.aexists(store.session_key)

    key, whose, there = async_to_sync(through)()
    assert (whose, there) == (str(admin_user.pk), True)
    row = Session.objects.get()
    assert row.user == admin_user
    assert key not in str(Session.objects.values_list())
    async_to_sync(SessionStore(key).adelete)()
    assert not Session.objects.exists()


def test_a_session_that_has_run_out_opens_nothing(signed_in):
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert not is_in(signed_in)


def test_sessions_that_have_run_out_are_removed_every_night(signed_in):
    store = SessionStore()
    store.create()
    Session.objects.filter(user=None).update(expire_date=timezone.now() - timedelta(seconds=1))
    nightly = [each for each in schedules().values() if each["func"] == "users.tasks.clear_sessions"]
    assert [each["minutes"] for each in nightly] == [24 * 60]
    assert tasks.clear_sessions() == 1
    assert Session.objects.count() == 1
    assert is_in(signed_in)
