"""Whoever is there at the upgrade: an account's people sign in as before, the platform's need a code behind https."""

import io

from django.core.management import call_command
from django.test import Client

from tests.upgrade.test_sessions import KEYS, session_of


def test_nothing_is_demanded_of_an_account_and_the_platforms_own_people_get_codes(old_database, settings):
    account = old_database.account(name="Acme")
    chief = old_database.user(account, "chief@x.org", key="chief@x.org")
    old_database.model("users.UserRole").objects.create(user=chief, role="administrator")
    olga = old_database.user(account, "olga@x.org", key="olga@x.org", is_superuser=True)
    session_of(old_database, chief, KEYS[0])
    session_of(old_database, olga, KEYS[1])

    old_database.upgrade()

    from users.models import Account, EnrolmentCode, IdentityProvider, Session

    assert list(Account.objects.values_list("second_factor_demanded", flat=True).distinct()) == [False]
    assert (EnrolmentCode.objects.count(), IdentityProvider.objects.count()) == (0, 0)
    clients = [Client(), Client()]
    for client, key in zip(clients, KEYS, strict=False):
        client.cookies["sessionid"] = key
        assert client.get("/admin/").status_code == 200
    settings.LMS_HTTPS = True
    assert clients[0].get("/admin/").status_code == 200
    assert clients[1].get("/admin/").url == "/admin/login/"
    assert list(Session.objects.filter(user__isnull=False).values_list("user", flat=True)) == [chief.pk]
    out = io.StringIO()
    call_command("second_factor_code", "--all", stdout=out, stderr=io.StringIO())
    assert [line.split("\t")[0] for line in out.getvalue().splitlines()] == [str(olga.pk)]
