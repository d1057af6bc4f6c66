"""What an import would do, said before."""

import random

import pytest
from django.urls import reverse

from tests.factories.users import UserFactory
from tests.users.imports.at_hand import bad_rows, counts, started
from tests.users.imports.test_any_order import people, rows
from users.imports import loading
from users.imports.services import import_forecast, user_import_run
from users.models import FormerEmail, ImportState, User, UserAudit

pytestmark = pytest.mark.django_db


def rows_of_people(number, name="Person {}", email="p{}@example.com", rest=""):
    return "".join(f"{name.format(n)},{email.format(n)}{rest}\n" for n in range(number))


def test_what_would_change_is_counted_and_nothing_is_done(account, admin_user):
    boss = UserFactory(account=account, name="Bea Boss", email="boss@example.com")
    UserFactory(account=account, name="Al", email="al@example.com", unique_user_id="1", manager=boss, profile="Cook")
    UserFactory(account=account, name="Bo", email="bo@example.com", unique_user_id="2", manager=boss)
    UserFactory(account=account, name="Cy", email="cy@example.com", deleted=True)
    UserFactory(account=account, name="Di", email="di@example.com")
    text = (
        "Name,Email,ID,Profile,Manager,State\n"
        "Al Renamed,al@example.com,1,Chef,boss@example.com,ACTIVE\n"
        "Bo,bo.new@example.com,2,,ROOT,ACTIVE\n"
        "Cy,cy@example.com,,,,ACTIVE\n"
        "Di,di@example.com,,,,DELETED\n"
        "Eve,eve@example.com,,,al@example.com,ACTIVE\n"
        "Bea Boss,boss@example.com,,,,Suspended\n"
        "Fay,fay@example.com,,,,Suspended\n"
        "Gus,gus.example.com,,,,ACTIVE\n"
    )
    log = started(account, text, confirm=True)
    before = list(User.objects.order_by("pk").values())
    seen = import_forecast(acting_user=admin_user, log=log)
    assert {name: number for name, number in seen.counts.items() if number} == {
        "added": 1,
        "updated": 3,
        "deleted": 1,
        "revived": 1,
        "unchanged": 1,
        "left_out": 1,
        "failed": 1,
    }
    assert dict(seen.columns) == {"name": 1, "profile": 1, "email": 1, "manager": 1}
    assert seen.bad == [(9, "Email: not an email address.")]
    assert (seen.rows, seen.is_whole, seen.is_drastic) == (8, True, False)
    assert list(User.objects.order_by("pk").values()) == before
    assert not UserAudit.objects.exists() and not FormerEmail.objects.exists()
    log.refresh_from_db()
    assert (log.state, log.rows_done) == (ImportState.UPLOADED, 0)


@pytest.mark.parametrize("seed", range(12))
def test_the_forecast_is_what_comes(account, monkeypatch, seed):
    dice = random.Random(seed)
    people(account, dice)
    text, renumber = "Name,Email,UID,State\n" + "".join(rows(dice)), dice.random() < 0.2
    monkeypatch.setattr(loading, "BATCH", dice.choice([1, 2, 1_000]))
    log = started(account, text, renumber=renumber)
    seen = import_forecast(acting_user=None, log=log)
    assert user_import_run(log_id=log.pk) == "over"
    log.refresh_from_db()
    shown = {name: number for name, number in seen.counts.items() if number and name not in ("deleted", "left_out")}
    assert shown == counts(log)
    assert seen.bad == bad_rows(log)


def test_a_long_look_ends_and_says_how_far_it_came(account, monkeypatch):
    monkeypatch.setattr(loading, "BATCH", 10)
    log = started(account, "Name,Email\n" + rows_of_people(40), confirm=True)
    seen = import_forecast(acting_user=None, log=log, seconds=0)
    assert (seen.rows, seen.counts["added"], seen.is_whole) == (10, 10, False)


# ---------------------------------------------------------------- the page


def page(name, log):
    return reverse(f"admin:users_importlog_{name}", args=[log.pk])


def test_the_page_with_the_columns_says_what_would_change(signed_in, account):
    UserFactory(account=account, name="Al", email="al@example.com")
    UserFactory(account=account, name="Cy", email="cy@example.com", deleted=True)
    text = "Name,Email,Nickname\nAl Renamed,al@example.com,Ali\nCy,cy@example.com,Cyn\nEve,eve,E\n"
    log = started(account, text, confirm=True)
    shown = signed_in.get(page("columns", log))
    outlook = shown.context["outlook"]
    assert outlook["facts"] == [
        *(("Added", "0"), ("Changed", "1"), ("Brought back (had been deleted)", "1"), ("Bad row", "1")),
    ]
    assert outlook["columns"] == [("Name", "1")]
    assert "Line 4: Email: not an email address." in shown.content.decode()
    # For other columns it is said again, and nothing starts.
    shown = signed_in.post(page("columns", log), {"name": "2", "email": "1", "look": "1"})
    assert shown.status_code == 200 and shown.context["outlook"]["columns"] == [("Name", "2")]
    log.refresh_from_db()
    assert log.state == ImportState.UPLOADED
    # One click starts it, as before.
    assert signed_in.post(page("columns", log), {"name": "0", "email": "1"}).url == page("change", log)
    log.refresh_from_db()
    assert log.state == ImportState.RUNNING


def test_the_page_names_the_export_and_the_column_that_was_not_taken(signed_in, account):
    text = "Name,Email,State\n" + "".join(f"P {n},p{n}@example.com,Bavaria\n" for n in range(3))
    shown = signed_in.get(page("columns", started(account, text, confirm=True))).content.decode()
    assert "The column “State” was not taken for “State (ACTIVE or DELETED)”" in shown
    assert "Recognized" not in shown
    text = "user_id,login_id,full_name,email,status\n1,a,Al,a@example.com,active\n"
    shown = signed_in.get(page("columns", started(account, text, confirm=True))).content.decode()
    assert "Recognized by its headings: Canvas." in shown and "was not taken" not in shown
