"""Whoever was signed in stays so; before the first act that gives power they are asked once who they are."""

from django.test import Client

from tests.upgrade.test_sessions import KEYS, session_of


def test_a_session_from_before_goes_on_and_confirms_nothing(old_database):
    account = old_database.account(name="Acme")
    chief = old_database.user(account, "chief@x.org", key="chief@x.org")
    old_database.model("users.UserRole").objects.create(user=chief, role="administrator")
    session_of(old_database, chief, KEYS[0])

    old_database.upgrade()

    from django.utils import timezone

    from users.models import Session, User

    # Of a day that was left, two hours: unless somebody is seen, it ends.
    assert 7100 < (Session.objects.get().expire_date - timezone.now()).total_seconds() <= 7200
    assert User.objects.get(pk=chief.pk).plans_ended == 0
    client = Client()
    client.cookies["sessionid"] = KEYS[0]
    assert client.get("/admin/").status_code == 200
    assert "Confirm that it is you" in client.get("/admin/users/deleteduser/export/").content.decode()
