"""A file of people is no way around what asks who it is, nor to the sign-in of somebody who may do more."""

import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.factories.users import AccountFactory, AdministratorFactory
from tests.users.imports.at_hand import bad_rows, counts, imported
from users.models import ImportLog, ImportState, User

pytestmark = pytest.mark.django_db
FILE = "Name,Email,Adobe ID,Unique User ID\nHolder,{email},{login},H-1\nLee,lee@acme.example,,L-1\n"


@pytest.fixture
def acme(db):
    account = AccountFactory(subdomain="acme", purge_with_role=False)
    AdministratorFactory(account=account, name="Holder", email="holder@acme.example", unique_user_id="H-1")
    return account


def holder():
    return User.objects.get(unique_user_id="H-1")


@pytest.mark.parametrize(("email", "login"), [("mine@evil.example", ""), ("holder@acme.example", "mine@evil.example")])
def test_who_may_not_purge_changes_no_sign_in_of_one_who_may(acme, email, login):
    lesser = AdministratorFactory(account=acme, may_purge=False)
    log = imported(acme, FILE.format(email=email, login=login), by=lesser)
    assert counts(log) == {"added": 1, "failed": 1}
    ((line, why),) = bad_rows(log)
    assert line == 2
    assert "may do more than you" in why
    assert (holder().email, holder().adobe_id) == ("holder@acme.example", None)
    # With the address as it is, the rest of the row goes in; and so does all of it from one who may purge too.
    log = imported(acme, FILE.format(email="holder@acme.example", login="").replace("Holder", "New Name"), by=lesser)
    assert (counts(log), holder().name) == ({"updated": 1, "unchanged": 1}, "New Name")
    equal = AdministratorFactory(account=acme)
    imported(acme, FILE.format(email=email, login=login), by=equal)
    assert (holder().email, holder().adobe_id) == (email, login or None)


def test_a_job_of_the_operators_changes_it(acme):
    imported(acme, FILE.format(email="new@acme.example", login=""))
    assert holder().email == "new@acme.example"


def test_starting_one_asks_again_who_it_is(acme):
    client = Client()
    client.force_login(holder())
    session = client.session
    session["password_confirmed_at"] = time.time() - 3600
    session.save()
    file = SimpleUploadedFile("people.csv", FILE.format(email="holder@acme.example", login="").encode())
    columns = client.post("/admin/users/importlog/add/", {"file": file}).url
    page = client.post(columns, {"name": "0", "email": "1"})
    assert "Confirm that it is you" in page.content.decode()
    assert ImportLog.objects.get().state == ImportState.UPLOADED
