"""The question before an import that would change much of an account: on the page, by the worker, by the command."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.factories.users import ImportLogFactory, UserFactory
from tests.users.imports.at_hand import counts, imported, started
from users import tasks
from users.imports.services import user_import_confirm, user_import_run
from users.models import ImportLog, ImportState, User

pytestmark = pytest.mark.django_db


def rows_of_people(number, name="Person {}", email="p{}@example.com", rest=""):
    return "".join(f"{name.format(n)},{email.format(n)}{rest}\n" for n in range(number))


@pytest.fixture
def staff(account):
    """Thirty active users with a manager, and an import that has gone before."""
    text = "Name,Email,ID,Manager\nBea Boss,boss@example.com,100,ROOT\n"
    imported(account, text + "".join(f"Person {n},p{n}@example.com,{n},boss@example.com\n" for n in range(29)))
    return account


def test_a_run_that_would_rename_everybody_asks_first(staff):
    log = started(staff, "Name,Email\n" + rows_of_people(29, name="Full-time {}"))
    assert tasks.run_import(log.pk) == "asks"
    log.refresh_from_db()
    assert log.state == "asking"
    assert log.mapping["foreseen"] == {
        "people": 29,
        "in_use": 30,
        "renamed": 29,
        "renumbered": 0,
        "deleted": 0,
        "unmanaged": 0,
    }
    assert not User.objects.filter(name__startswith="Full-time").exists()
    # Delivered again, it is no other question; answered, it goes in.
    assert tasks.run_import(log.pk) == "nothing to do"
    user_import_confirm(acting_user=None, log=log, sure=True)
    assert tasks.run_import(log.pk) == "over"
    assert User.objects.filter(name__startswith="Full-time").count() == 29


@pytest.mark.parametrize(
    ("case", "text", "kind", "number"),
    [
        ("deleted", "Name,Email,State\n" + rows_of_people(29, rest=",DELETED"), "deleted", 29),
        ("unmanaged", "Name,Email,Manager\n" + rows_of_people(29, rest=",ROOT"), "unmanaged", 29),
    ],
)
def test_so_does_one_that_would_delete_or_unmanage(staff, case, text, kind, number):
    log = started(staff, text)
    assert user_import_run(log_id=log.pk) == "asks"
    log.refresh_from_db()
    assert (log.mapping["foreseen"][kind], log.mapping["foreseen"]["people"]) == (number, number)
    assert User.objects.filter(account=staff, state="active", manager__name="Bea Boss").count() == 29


def test_so_does_one_that_would_renumber(staff):
    text = "Name,Email,ID\n" + "".join(f"Person {n},p{n}@example.com,X{n}\n" for n in range(29))
    log = started(staff, text, renumber=True)
    assert user_import_run(log_id=log.pk) == "asks"
    log.refresh_from_db()
    assert log.mapping["foreseen"]["renumbered"] == 29
    assert User.objects.filter(unique_user_id__startswith="X").count() == 0


@pytest.mark.parametrize(("renamed", "outcome"), [(19, "over"), (20, "asks")])
def test_fewer_than_twenty_people_are_not_asked_about(staff, renamed, outcome):
    log = started(staff, "Name,Email\n" + rows_of_people(renamed, name="Other {}"))
    assert user_import_run(log_id=log.pk) == outcome


@pytest.mark.parametrize(("renamed", "outcome"), [(25, "over"), (26, "asks")])
def test_a_fifth_of_the_active_users_is_not_asked_about(staff, renamed, outcome):
    """125 in use; the deleted do not count."""
    UserFactory.create_batch(95, account=staff)
    UserFactory.create_batch(3, account=staff, deleted=True)
    assert User.objects.filter(account=staff, state="active").count() == 125
    log = started(staff, "Name,Email\n" + rows_of_people(renamed, name="Other {}"))
    assert user_import_run(log_id=log.pk) == outcome


@pytest.mark.parametrize(
    "text",
    [
        "Name,Email,Profile\n" + rows_of_people(29, rest=",Chemist"),
        "Name,Email\n" + rows_of_people(300, name="New {}", email="new{}@example.com"),
    ],
    ids=["another profile for all", "many more people"],
)
def test_what_can_be_put_right_is_not_asked_about(staff, text):
    log = started(staff, text)
    assert user_import_run(log_id=log.pk) == "over"


def test_a_run_that_has_no_time_to_load_is_looked_at_once(staff):
    log = started(staff, "Name,Email\n" + rows_of_people(5, name="Other {}"))
    assert user_import_run(log_id=log.pk, seconds=-1) == "more"
    log.refresh_from_db()
    assert (log.rows_done, log.mapping["foreseen"]["renamed"]) == (0, 5)
    # What has changed meanwhile is not asked about again: it goes on where it was.
    assert user_import_run(log_id=log.pk) == "over"
    assert User.objects.filter(name__startswith="Other").count() == 5


def test_an_accounts_first_import_asks_nothing(account):
    UserFactory.create_batch(1, account=account)
    for n in range(29):
        UserFactory(account=account, name=f"Person {n}", email=f"p{n}@example.com")
    text = "Name,Email\n" + rows_of_people(29, name="Other {}")
    ImportLogFactory(account=account, state=ImportState.FAILED)
    log = started(account, text)
    assert user_import_run(log_id=log.pk) == "over"
    assert counts(ImportLog.objects.get(pk=log.pk)) == {"updated": 29}


# ---------------------------------------------------------------- pages and command


def page(name, log):
    return reverse(f"admin:users_importlog_{name}", args=[log.pk])


def test_the_question_on_the_page_and_its_answers(signed_in, staff):
    text = "Name,Email\n" + rows_of_people(29, name="Full-time {}")
    log = started(staff, text, confirm=True)
    words = "Of 31 active users, 29 would be renamed."
    assert words in signed_in.get(page("columns", log)).content.decode()
    signed_in.post(page("columns", log), {"name": "0", "email": "1"})
    assert tasks.run_import(log.pk) == "asks"
    shown = signed_in.get(page("change", log))
    assert words in shown.content.decode() and "Refresh" not in shown.headers
    # Other columns can be chosen instead; the old ones are what they were.
    assert signed_in.get(page("columns", log)).status_code == 200
    assert signed_in.post(page("change", log)).url == page("change", log)
    assert tasks.run_import(log.pk) == "over"
    assert User.objects.filter(name__startswith="Full-time").count() == 29
    # And discarded it is gone, with its file.
    log = started(staff, "Name,Email\n" + rows_of_people(29, name="Part-time {}"))
    tasks.run_import(log.pk)
    log.refresh_from_db()
    signed_in.post(page("change", log), {"discard": "1"})
    assert not ImportLog.objects.filter(pk=log.pk).exists()
    assert not User.objects.filter(name__startswith="Part-time").exists()


def test_nobody_else_answers(client, staff, stranger):
    log = started(staff, "Name,Email\n" + rows_of_people(29, name="Full-time {}"))
    tasks.run_import(log.pk)
    client.force_login(UserFactory(account=stranger.account, roles=["administrator"]))
    assert client.post(page("change", log)).status_code == 404
    client.force_login(UserFactory(account=staff))
    assert client.post(page("change", log)).status_code == 302
    log.refresh_from_db()
    assert log.state == "asking"


def test_the_command_needs_yes(staff, tmp_path, capsys):
    file = tmp_path / "people.csv"
    file.write_text("Name,Email\n" + rows_of_people(29, name="Full-time {}"))
    number = ImportLog.objects.count()
    with pytest.raises(CommandError, match="Of 30 active users, 29 would be renamed") as refusal:
        call_command("user_import", "--account", "acme", "--json", str(file))
    assert refusal.value.returncode == 1
    assert '"renamed": 29' in capsys.readouterr().out
    assert not User.objects.filter(name__startswith="Full-time").exists()
    assert ImportLog.objects.count() == number
    call_command("user_import", "--account", "acme", "--yes", str(file))
    assert User.objects.filter(name__startswith="Full-time").count() == 29
