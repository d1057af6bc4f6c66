"""The demo data: loaded once, through the import, with sign-ins that work and a purge that reaches all it should."""

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from lms_purge import demo
from purge import services, tasks
from tests.factories.users import AccountFactory
from tools import prepare
from users.models import Account, DeletedCount, ImportLog, ImportState, User, UserState

pytestmark = pytest.mark.django_db


def test_it_is_loaded_once_and_its_sign_ins_work(capsys):
    call_command("seed_demo")
    people = User.objects.count()
    call_command("seed_demo")
    assert User.objects.count() == people
    printed = capsys.readouterr().out
    for sign_in in demo.SIGN_INS:
        assert sign_in.email in printed
        user = authenticate(None, email=sign_in.email, password=demo.demo_password())
        assert user is not None
        assert user.is_staff
    assert demo.demo_password() in printed


def test_people_came_in_through_the_import_and_one_month_has_more_than_fifty():
    demo.load()
    log = ImportLog.objects.get(account__subdomain="acme")
    assert (log.state, log.failed) == (ImportState.COMPLETED, 0)
    assert log.added == demo.ACTIVE + sum(demo.DELETED.values())
    counts = dict(DeletedCount.objects.filter(account__subdomain="acme").values_list("month", "n"))
    assert sum(counts.values()) == sum(demo.DELETED.values())
    assert max(counts.values()) > 50


def test_a_database_with_other_accounts_is_left_alone(capsys):
    customer = AccountFactory(subdomain="customer")
    with pytest.raises(CommandError, match=r"holds accounts already.*--really"):
        call_command("seed_demo")
    assert Account.objects.count() == 1
    assert not prepare.wants_demo()
    call_command("seed_demo", "--really")
    assert Account.objects.filter(subdomain="acme").exists()
    assert demo.demo_password() in capsys.readouterr().out
    assert not User.objects.filter(account=customer).exists()
    assert prepare.wants_demo()


def test_a_subdomain_that_is_in_use_is_named_and_nothing_is_loaded():
    AccountFactory(subdomain="globex")
    with pytest.raises(CommandError, match="in use here: globex"):
        call_command("seed_demo", "--really")
    assert Account.objects.count() == 1
    assert User.objects.count() == 0


def test_a_site_for_real_people_gets_no_demo_by_mistake(settings, capsys):
    settings.LMS_HTTPS = True
    with pytest.raises(CommandError, match="--really"):
        call_command("seed_demo")
    assert User.objects.count() == 0
    call_command("seed_demo", "--really")
    assert User.objects.filter(email="root@lms.example", is_superuser=True).exists()
    assert demo.demo_password() in capsys.readouterr().out
    # The next start does not print its password again.
    call_command("seed_demo")
    assert demo.demo_password() not in capsys.readouterr().out


def test_a_purge_of_the_demo_reaches_the_trial_and_keeps_its_creator():
    demo.load()
    acme = Account.objects.get(subdomain="acme")
    admin = User.objects.get(email="admin@acme.example")
    first = list(User.objects.filter(account=acme, state=UserState.DELETED).order_by("pk")[:2])
    purge_request = services.purge_submit(acting_user=admin, account_id=acme.pk, user_ids=[user.pk for user in first])
    tasks.run_request(purge_request.pk)
    purge_request.refresh_from_db()
    assert (purge_request.status, purge_request.other_account_count, purge_request.kept_count) == ("completed", 1, 1)
    assert User.objects.filter(account__subdomain="globex", email=first[0].email).exists()
