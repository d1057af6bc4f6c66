"""The file that comes every night: for what is the same nothing is decided, hashed or written."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories.users import UserFactory
from tests.users.imports.at_hand import counts, imported, started
from users.imports import loading
from users.imports.deciding import Decision
from users.imports.parsing import Parser
from users.imports.services import user_import_run
from users.models import User, UserAudit

pytestmark = pytest.mark.django_db

NUMBER = 2_400
HEADINGS = "Name,Email,ID,Profile,Manager,State\n"


def lines(**changed):
    rows = {n: f"Person {n},p{n}@example.com,E{n},Engineer,boss@example.com,ACTIVE" for n in range(NUMBER)}
    return HEADINGS + "\n".join((rows | {int(n[1:]): row for n, row in changed.items()}).values())


@pytest.fixture
def company(account):
    UserFactory(account=account, email="boss@example.com", unique_user_id="boss")
    assert counts(imported(account, lines())) == {"added": NUMBER}
    return account


def spied(monkeypatch, owner, name):
    """The arguments of each call."""
    calls, known = [], getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args, **options: calls.append((args, options)) or known(*args, **options))
    return calls


def test_what_is_the_same_costs_a_look(company, monkeypatch):
    log = started(company, lines())
    understood = spied(monkeypatch, Parser, "person")
    decided = spied(monkeypatch, Decision, "take")
    hashed = spied(monkeypatch, loading, "purged_before")
    before = list(User.objects.order_by("pk").values())
    with CaptureQueriesContext(connection) as queries:
        assert user_import_run(log_id=log.pk) == "over"
    log.refresh_from_db()
    assert counts(log) == {"unchanged": NUMBER}
    # Looked through, foreseen, loaded, and given managers: each row is understood once.
    assert (len(understood), len(decided), len(hashed)) == (NUMBER, 0, 0)
    assert len(queries) <= 110
    written = ('UPDATE "users_user"', 'INSERT INTO "users_user"')
    assert not [query for query in queries if query["sql"].startswith(written)]
    assert list(User.objects.order_by("pk").values()) == before


def test_only_rows_that_say_something_new_are_decided(company, monkeypatch):
    UserFactory(account=company, email="gone@example.com", unique_user_id="G1", deleted=True)
    text = lines(
        n5="Person Five,p5@example.com,E5,Engineer,boss@example.com,ACTIVE",
        n6="Person 6,six@example.com,E6,Engineer,boss@example.com,ACTIVE",
        n7="Person 7,p7@example.com,E8000,Engineer,boss@example.com,ACTIVE",
        n8="Person 8,p8@example.com,E8,Engineer,ROOT,ACTIVE",
        n9="Person 9,p9@example.com,E9,,boss@example.com,ACTIVE",
        n10="Person 10,p10@example.com,,Engineer,boss@example.com,ACTIVE",
        n11="Back,gone@example.com,G1,Engineer,boss@example.com,ACTIVE",
    )
    decided = spied(monkeypatch, Decision, "take")
    log = imported(company, text)
    # Each is decided twice: for the question whether so many may change, and for good.
    assert sorted({row.email_key for (_self, row), _options in decided}) == [
        *("gone@example.com", "p10@example.com", "p5@example.com", "p7@example.com", "p8@example.com"),
        *("p9@example.com", "six@example.com"),
    ]
    assert len(decided) == 14
    assert counts(log) == {"updated": 4, "revived": 1, "failed": 1, "unchanged": NUMBER - 6}
    stored = dict(User.objects.filter(account=company).values_list("unique_user_id", "email"))
    assert (stored["E6"], stored["E7"], stored["E10"]) == ("six@example.com", "p7@example.com", "p10@example.com")
    assert UserAudit.objects.count() == 5
