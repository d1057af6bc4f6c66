"""How often a password may be tried. Everything through the sign-in page, as somebody outside sees it."""

import logging
import threading
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users import tasks
from users.models import LoginEvent, Tries, User, UserAudit, UserState

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PASSWORD = "correct horse battery"
TOO_MANY = "Too many tries."


@pytest.fixture
def acme(db):
    return AccountFactory(name="Acme", subdomain="acme")


@pytest.fixture
def chief(acme):
    return AdministratorFactory(account=acme, email="chief@acme.example", password=PASSWORD)


def attempt(email="chief@acme.example", password="wrong", address="203.0.113.7", **more):
    """One try from a browser that was never here before."""
    client = Client(REMOTE_ADDR=address)
    return client.post(reverse("admin:login"), {"username": email, "password": password, **more})


def is_in(response):
    return response.status_code == 302


def later(**much):
    """Let time go by for what is counted."""
    for row in Tries.objects.all():
        row.at -= timedelta(**much)
        row.save()


def test_five_wrong_passwords_for_a_name_then_one_a_minute(chief):
    for _n in range(5):
        assert attempt().status_code == 200
    # From anywhere: it is the name that is counted. Even the right one waits.
    refused = attempt(password=PASSWORD, address="198.51.100.9")
    assert refused.status_code == 429
    assert TOO_MANY in refused.content.decode()
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    # Slower, not locked: what was refused for being too soon has added nothing.
    for _n in range(20):
        assert attempt().status_code == 429
    later(seconds=61)
    assert attempt().status_code == 200
    assert attempt().status_code == 429
    later(seconds=61)
    assert is_in(attempt(password=PASSWORD))


def test_a_name_that_nobody_has_is_counted_alike(chief):
    for email in ("chief@acme.example", "nobody@acme.example"):
        answers = [attempt(email, address="203.0.113.8").status_code for _n in range(6)]
        assert answers == [200, 200, 200, 200, 200, 429]
        later(hours=1)


def test_a_name_is_one_however_it_is_written(chief):
    for email in (
        "chief@acme.example",
        "CHIEF@acme.example",
        " Chief@ACME.example ",
        "chief@Acme.Example",
        "cHief@acme.example",
    ):
        assert attempt(email).status_code == 200
    assert attempt("chieF@acme.example").status_code == 429


def test_ten_tries_a_minute_from_an_address_whatever_the_names(chief):
    for number in range(10):
        assert attempt(f"guess{number}@acme.example").status_code == 200
    assert attempt("guess11@acme.example").status_code == 429
    assert attempt(password=PASSWORD).status_code == 429
    assert is_in(attempt(password=PASSWORD, address="198.51.100.9"))
    later(seconds=7)
    assert attempt("guess12@acme.example").status_code == 200
    assert attempt("guess13@acme.example").status_code == 429


def test_a_household_of_version_six_is_one_address(chief):
    for number in range(10):
        assert attempt(f"guess{number}@acme.example", address=f"2001:db8:1:2::{number:x}").status_code == 200
    assert attempt("other@acme.example", address="2001:db8:1:2:ffff::1").status_code == 429
    assert attempt("other@acme.example", address="2001:db8:1:3::1").status_code == 200


def test_who_has_signed_in_from_there_is_not_slowed_by_others(chief):
    """The name alone would let anybody keep somebody out. By name and address together the limit stays."""
    assert is_in(attempt(password=PASSWORD, address="198.51.100.9"))
    for number in range(5):
        assert attempt(address=f"203.0.113.{number}").status_code == 200
    assert attempt(password=PASSWORD, address="203.0.113.77").status_code == 429
    for _n in range(3):
        assert is_in(attempt(password=PASSWORD, address="198.51.100.9"))
    for _n in range(5):
        assert attempt(address="198.51.100.9").status_code == 200
    assert attempt(password=PASSWORD, address="198.51.100.9").status_code == 429


def test_an_attackers_own_account_forgives_nothing(chief):
    """Somebody puts the address into an account of theirs, and signs in there between two guesses."""
    theirs = AccountFactory(subdomain="theirs")
    AdministratorFactory(account=theirs, email="chief@acme.example", password="a password of theirs")
    for _n in range(5):
        assert attempt(account="acme").status_code == 200
    attempt(password="a password of theirs", account="theirs")
    assert attempt(password=PASSWORD, account="acme", address="192.0.2.1").status_code == 429


def test_signing_in_often_is_no_trying(chief):
    for _n in range(15):
        assert is_in(attempt(password=PASSWORD))


def test_the_person_is_told_and_it_stands_in_the_history(chief, caplog):
    attempt(password=PASSWORD)
    with caplog.at_level(logging.WARNING):
        for _n in range(9):
            attempt(address="198.51.100.9")
    slowed = UserAudit.objects.filter(event="sign-in slowed")
    assert [event.user for event in slowed] == [chief]
    assert sum("sign-in slowed" in line for line in caplog.messages) == 1
    assert "chief" not in caplog.text
    assert "198.51" not in caplog.text
    client = Client(REMOTE_ADDR="203.0.113.7")
    page = client.post(reverse("admin:login"), {"username": chief.email, "password": PASSWORD}, follow=True)
    assert "5 tries to sign in as you were refused" in page.content.decode()
    client = Client(REMOTE_ADDR="203.0.113.7")
    page = client.post(reverse("admin:login"), {"username": chief.email, "password": PASSWORD}, follow=True)
    assert "to sign in as you" not in page.content.decode()


def test_neither_name_nor_address_is_kept(chief):
    attempt()
    attempt("nobody@elsewhere.example")
    text = str(list(Tries.objects.values_list()))
    assert Tries.objects.count() == 6  # one of them written for nobody
    for word in ("chief", "acme", "nobody", "203.0.113"):
        assert word not in text
    # Nor by trying: without the site's key nobody can make the digest.
    import hashlib

    for word in ("chief@acme.example", "203.0.113.7"):
        assert hashlib.sha256(word.encode()).hexdigest() not in text


def test_what_is_counted_goes_within_a_day(chief):
    attempt()
    tasks.clear_sessions()
    assert Tries.objects.count() == 3
    later(hours=25)
    tasks.clear_sessions()
    assert not Tries.objects.exists()


# ---------------------------------------------------------------- one hash, whoever it is


class Counting(MD5PasswordHasher):
    algorithm = "counting"
    calls = 0

    def encode(self, password, salt):
        type(self).calls += 1
        return super().encode(password, salt)


@pytest.fixture
def hashes(settings):
    """How often a password was hashed by what is called."""
    settings.PASSWORD_HASHERS = [f"{__name__}.Counting"]
    Counting.calls = 0

    def during(call):
        before = Counting.calls
        answer = call()
        return answer, Counting.calls - before

    return during


def in_many_accounts(number, email="many@acme.example"):
    return [AdministratorFactory(email=email, password=f"pass phrase {n}") for n in range(number)]


@pytest.mark.parametrize("who", ["unknown", "one", "two", "thirty", "learner", "deleted", "unusable", "shut", "named"])
def test_every_refusal_costs_exactly_one_hash(hashes, acme, who, put_in_state):
    email, password, more = "many@acme.example", "wrong", {}
    if who in ("one", "two", "thirty", "named"):
        in_many_accounts({"one": 1, "two": 2, "thirty": 30, "named": 3}[who])
    if who == "named":
        more = {"account": "no-such-account"}
    if who == "learner":
        UserFactory(account=acme, email=email, password=PASSWORD)
        password = PASSWORD
    if who == "deleted":
        put_in_state(AdministratorFactory(email=email, password=PASSWORD), UserState.DELETED)
        password = PASSWORD
    if who == "unusable":
        AdministratorFactory(email=email)
    if who == "shut":
        AdministratorFactory(email=email, password=PASSWORD, account__state="inactive")
        password = PASSWORD
    response, calls = hashes(lambda: attempt(email, password, **more))
    assert response.status_code == 200
    assert "or no access to this site" in response.content.decode()
    assert calls == 1


def verbs(call):
    """What a call asks of the database, statement by statement: SELECT, INSERT, ..."""
    with CaptureQueriesContext(connection) as queries:
        answer = call()
    return answer, [query["sql"].split()[0] for query in queries]


@pytest.mark.parametrize("who", ["one", "two", "thirty", "learner", "deleted", "unusable", "shut", "named"])
def test_every_refusal_asks_and_writes_as_much_as_one_of_nobodys_address(acme, who, put_in_state):
    email, more = "many@acme.example", {"account": "no-such-account"} if who == "named" else {}
    if who in ("one", "two", "thirty", "named"):
        in_many_accounts({"one": 1, "two": 2, "thirty": 30, "named": 3}[who])
    elif who == "learner":
        UserFactory(account=acme, email=email, password=PASSWORD)
    else:
        user = AdministratorFactory(email=email, password=None if who == "unusable" else PASSWORD)
        if who == "deleted":
            put_in_state(user, UserState.DELETED)
        if who == "shut":
            type(user.account).objects.filter(pk=user.account_id).update(state="inactive")
    # Up to the first that is told to wait, which is noted once, and one more.
    for number in range(7):
        nobodys, as_for_nobody = verbs(lambda: attempt("nobody@acme.example", address="203.0.113.8", **more))
        theirs, as_for_them = verbs(lambda: attempt(email, **more))
        assert theirs.status_code == nobodys.status_code == (200 if number < 5 else 429)
        assert as_for_them == as_for_nobody, number
        assert as_for_them.count("INSERT") == {5: 2, 6: 1}.get(number, 2)


def test_what_is_written_for_nobody_goes_within_a_day():
    attempt("nobody@acme.example")
    assert (LoginEvent.objects.count(), Tries.objects.count()) == (0, 4)
    later(hours=25)
    tasks.clear_sessions()
    assert not Tries.objects.exists()


def test_the_right_one_costs_one_too(hashes):
    in_many_accounts(1)
    response, calls = hashes(lambda: attempt("many@acme.example", "pass phrase 0"))
    assert is_in(response)
    assert calls == 1


def test_who_waits_costs_nothing(hashes, acme):
    AdministratorFactory(account=acme, email="chief@acme.example", password=PASSWORD)
    for _n in range(5):
        attempt()
    response, calls = hashes(lambda: attempt(password=PASSWORD))
    assert response.status_code == 429
    assert calls == 0


# ---------------------------------------------------------------- an address in many accounts


def test_many_rows_of_an_address_hide_nobody(acme):
    """Somebody has put the address into thirty accounts of theirs, before and after its owner came."""
    for row in in_many_accounts(15, email="chief@acme.example"):
        User.objects.filter(pk=row.pk).update(last_login=timezone.now())
    AdministratorFactory(account=acme, email="chief@acme.example", password=PASSWORD)
    in_many_accounts(15, email="chief@acme.example")
    client = Client()
    named = client.post(
        reverse("admin:login"), {"username": "chief@acme.example", "password": PASSWORD, "account": "Acme "}
    )
    assert is_in(named)
    # From then on this browser finds it by itself.
    client.logout()
    plain = client.post(reverse("admin:login"), {"username": "chief@acme.example", "password": PASSWORD})
    assert is_in(plain)
    assert client.get("/admin/").context["user"].account == acme


def test_a_refused_try_is_noted_for_the_one_who_was_tried(acme, chief):
    in_many_accounts(25, email="chief@acme.example")
    attempt(account="acme")
    assert [(event.user, event.success) for event in LoginEvent.objects.all()] == [(chief, False)]


# ---------------------------------------------------------------- at once


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_moment_are_counted_one_by_one():
    AdministratorFactory(account=AccountFactory(subdomain="acme"), email="chief@acme.example", password=PASSWORD)
    answers = []

    def one(number):
        answers.append(attempt(address=f"203.0.113.{number}").status_code)
        connections.close_all()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert connection.vendor == "postgresql"
    assert sorted(answers) == [200] * 5 + [429] * 7
