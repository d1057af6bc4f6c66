"""Managers by file: a cell that is not understood is not a cell that says nobody."""

import pytest

from tests.factories.users import AccountFactory, UserFactory
from tests.users.imports.at_hand import bad_rows, counts, imported
from users.imports import loading
from users.models import User
from users.services import user_delete, user_update

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(account):
    return UserFactory(account=account, name="Bob Boss", email="boss@x.org")


@pytest.fixture
def report(account, boss):
    return UserFactory(account=account, name="Ray", email="ray@x.org", manager=boss)


def manager_of(user):
    return User.objects.get(pk=user.pk).manager


@pytest.mark.parametrize("cell", ["Bob Boss", "bos@x.org", "boss@", "gone@x.org", "far@globex.example", "frozen@x.org"])
def test_a_cell_that_names_nobody_is_a_bad_cell_and_the_manager_stays(account, boss, report, cell, put_in_state):
    UserFactory(account=account, email="gone@x.org", deleted=True)
    UserFactory(account=AccountFactory(), email="far@globex.example")
    put_in_state(UserFactory(account=account, email="frozen@x.org"), "purging")
    log = imported(account, f"Name,Email,Reporting Manager\nRay Renamed,ray@x.org,{cell}\n")
    assert manager_of(report) == boss
    assert User.objects.get(pk=report.pk).name == "Ray Renamed"
    [(line, reason)] = bad_rows(log)
    assert line == 2 and "The manager stays" in reason and cell not in reason
    assert counts(log) == {"updated": 1}


@pytest.mark.parametrize("cell", ["", "ROOT", "root", "-", "none", "Acme", "ACME", "Company name"])
def test_a_cell_that_says_nobody_empties_the_manager(account, report, cell):
    log = imported(account, f"Name,Email,Manager\nRay,ray@x.org,{cell}\n")
    assert manager_of(report) is None
    assert (counts(log), bad_rows(log)) == ({"updated": 1}, [])


def test_a_former_address_of_a_manager_is_known(account, admin_user, boss, report):
    user_update(acting_user=admin_user, user=boss, email="bob.boss@x.org")
    user_update(acting_user=admin_user, user=report, manager=None)
    log = imported(account, "Name,Email,Manager\nRay,ray@x.org,boss@x.org\n")
    assert manager_of(report) == boss
    assert bad_rows(log) == []
    # Whose it is now goes first; and of two who had it, nobody can say which is meant.
    new = UserFactory(account=account, email="boss@x.org")
    imported(account, "Name,Email,Manager\nRay,ray@x.org,boss@x.org\n")
    assert manager_of(report) == new


def test_a_row_that_names_the_deleted_manager_changes_nothing(account, admin_user, boss, report):
    user_delete(acting_user=admin_user, user=boss)
    log = imported(account, "Name,Email,Manager\nRay,ray@x.org,boss@x.org\n")
    assert manager_of(report) == boss
    assert (counts(log), [line for line, _reason in bad_rows(log)]) == ({"unchanged": 1}, [2])


@pytest.mark.parametrize("size", [1_000, 1])
@pytest.mark.parametrize("turned", [False, True])
def test_two_change_places_wherever_a_batch_ends(account, monkeypatch, boss, report, size, turned):
    """Boss managed Ray; now Ray manages Boss, and has nobody above."""
    monkeypatch.setattr(loading, "BATCH", size)
    rows = ["Bob Boss,boss@x.org,ray@x.org\n", "Ray,ray@x.org,ROOT\n"]
    log = imported(account, "Name,Email,Manager\n" + "".join(reversed(rows) if turned else rows))
    assert (manager_of(boss), manager_of(report)) == (report, None)
    assert bad_rows(log) == []


@pytest.mark.parametrize("size", [1_000, 1])
def test_a_circle_that_the_file_itself_makes_loses_one_link(account, monkeypatch, size):
    monkeypatch.setattr(loading, "BATCH", size)
    log = imported(account, "Name,Email,Manager\nAl,a@x.org,b@x.org\nBo,b@x.org,c@x.org\nCy,c@x.org,a@x.org\n")
    assert len(bad_rows(log)) == 1
    assert User.objects.filter(account=account, manager=None).count() == 1


def test_a_circle_through_somebody_deleted_is_broken_there(account, admin_user, boss, report):
    """Ray → Boss → Top; Boss is deleted, and Top is to be managed by Ray."""
    top = UserFactory(account=account, email="top@x.org")
    user_update(acting_user=admin_user, user=boss, manager=top)
    user_delete(acting_user=admin_user, user=boss)
    log = imported(account, "Name,Email,Manager\nTop,top@x.org,ray@x.org\n")
    assert (manager_of(top), manager_of(report), manager_of(boss)) == (report, boss, None)
    assert bad_rows(log) == []
