"""A look at a purge that was proved clean changes nothing: it lists the places. Operators have what is nobody's taken
out; what has become somebody's stays."""

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from connectors.models import Connector, ConnectorState, FtpSettings
from learning.models import Comment, Session
from messaging.models import Notification
from purge import services
from purge.choices import Status
from purge.models import LedgerEntry, Residue
from purge.services import NotAllowed, PurgeRefused
from purge.upkeep.patrol import patrol_all
from tests.factories.connectors import FtpSettingsFactory
from tests.factories.learning import CommentFactory, SessionFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.purge import world as w
from tests.users.sign_in.test_step_up import answer, grow_old, is_asked
from users import services as users
from users.models import FormerEmail

OFFICE = "office@acme.example"


@pytest.fixture
def acme(db):
    return AccountFactory(name="Acme", subdomain="acme")


@pytest.fixture
def admin(acme):
    return AdministratorFactory(account=acme, email="admin@acme.example")


@pytest.fixture
def operator(db):
    return users.operator_create(email="ops@platform.example", name="Ops", password="a long pass phrase")


@pytest.fixture
def purged(acme, admin):
    """A completed and patrolled purge of the address."""
    victim = UserFactory(account=acme, email=OFFICE, deleted=True)
    purge_request = services.purge_submit(acting_user=admin, account_id=acme.pk, user_ids=[victim.pk])
    assert w.completed(w.run_to_end(purge_request))
    assert purge_request.patrolled_at is not None
    return purge_request


@pytest.fixture
def department(purged, acme):
    """Later the mailbox is the department's."""
    ftp = FtpSettingsFactory(connector__account=acme, contact_email=OFFICE, user_name="svc")
    session = SessionFactory(course__account=acme, organiser_email=OFFICE)
    acme.support_emails = f"help@acme.example; {OFFICE}"
    acme.save()
    return ftp, session


def told(acme, department):
    ftp, session = department
    acme.refresh_from_db()
    return (
        FtpSettings.objects.get(pk=ftp.pk).contact_email,
        Connector.objects.get(pk=ftp.connector_id).state,
        Session.objects.get(pk=session.pk).organiser_email,
        acme.support_emails,
    )


UNTOUCHED = (OFFICE, ConnectorState.ENABLED, OFFICE, f"help@acme.example; {OFFICE}")
TAKEN_OUT = ("", ConnectorState.DISABLED, "", "help@acme.example")


def verify(purge_request, capsys):
    """What the command says, and its exit code."""
    code = 0
    try:
        call_command("purge_verify", purge_request.reference, "--json")
    except CommandError as error:
        code = error.returncode
    purge_request.refresh_from_db()
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.both_databases
def test_a_look_lists_the_places_and_changes_nothing(purged, acme, department, capsys):
    code, answer = verify(purged, capsys)
    assert (code, answer["verdict"], purged.status) == (1, "residue", Status.RESIDUE)
    assert {(place["table"], place["column"], place["belongs_to"]) for place in answer["places"]} == {
        ("connectors_ftpsettings", "contact_email", None),
        ("learning_session", "organiser_email", None),
        ("users_account", "support_emails", None),
    }
    assert told(acme, department) == UNTOUCHED
    assert Residue.objects.filter(request=purged, gone_at=None).count() == 3
    assert Notification.objects.filter(kind="residue", request_id=purged.pk).exists()
    # Neither does the nightly pass, nor trying again.
    patrol_all()
    services.purge_retry(acting_user=None, purge_request=purged)
    w.run_to_end(purged)
    assert purged.status == Status.RESIDUE
    assert told(acme, department) == UNTOUCHED


def test_take_out_treats_the_listed_places_and_the_request_completes(purged, acme, department, operator, capsys):
    verify(purged, capsys)
    assert services.purge_take_out(acting_user=operator, purge_request=purged) == 3
    assert told(acme, department) == TAKEN_OUT
    assert w.completed(w.run_to_end(purged))
    assert not Residue.objects.filter(gone_at=None).exists()
    entry = LedgerEntry.objects.get(request=purged, event="taken_out")
    assert (entry.actor_id, entry.facts) == (operator.pk, {"rows": 3})


def test_an_open_session_takes_nothing_out_before_the_password_was_asked_again(
    purged, acme, department, operator, client, capsys
):
    verify(purged, capsys)
    url = f"/admin/purge/purgerequest/{purged.pk}/take-out/"
    client.force_login(operator)
    grow_old(client, operator)
    page = client.post(url)
    assert is_asked(page)
    assert is_asked(answer(client, page, url, "wrong"))
    assert told(acme, department) == UNTOUCHED
    assert not LedgerEntry.objects.filter(request=purged, event="taken_out").exists()
    assert answer(client, page, url, "a long pass phrase").status_code == 302
    assert told(acme, department) == TAKEN_OUT
    assert LedgerEntry.objects.get(request=purged, event="taken_out").actor_id == operator.pk


@pytest.mark.both_databases
def test_take_out_spares_what_has_become_somebodys_since_it_was_listed(
    purged, acme, admin, department, operator, capsys
):
    verify(purged, capsys)
    users.user_create(acting_user=admin, account=acme, email=OFFICE, name="Front Office")
    assert services.purge_take_out(acting_user=operator, purge_request=purged) == 0
    assert told(acme, department) == UNTOUCHED
    assert w.completed(w.run_to_end(purged))


def test_take_out_reads_each_place_again(purged, acme, department, operator, capsys):
    verify(purged, capsys)
    ftp, session = department
    FtpSettings.objects.filter(pk=ftp.pk).update(contact_email="it@acme.example")
    # What is not listed is not touched either: nobody has looked at it.
    other = CommentFactory(post__board__account=acme, body=f"ask {OFFICE}")
    assert services.purge_take_out(acting_user=operator, purge_request=purged) == 2
    assert FtpSettings.objects.get(pk=ftp.pk).contact_email == "it@acme.example"
    assert Connector.objects.get(pk=ftp.connector_id).state == ConnectorState.ENABLED
    assert Session.objects.get(pk=session.pk).organiser_email == ""
    assert Comment.objects.get(pk=other.pk).body == f"ask {OFFICE}"
    w.run_to_end(purged)
    assert purged.status == Status.RESIDUE
    assert services.purge_take_out(acting_user=operator, purge_request=purged) == 1
    assert w.completed(w.run_to_end(purged))


def test_a_former_address_of_somebody_who_came_back_is_theirs_and_the_look_says_so(purged, acme, admin, capsys):
    again = users.user_create(acting_user=admin, account=acme, email=OFFICE, name="Ann Again")
    users.user_update(acting_user=admin, user=again, email="married@acme.example")
    ftp = FtpSettingsFactory(connector__account=acme, contact_email=OFFICE, user_name="svc")
    code, answer = verify(purged, capsys)
    assert (code, answer["verdict"], purged.status) == (0, "clean", Status.COMPLETED)
    assert {(place["table"], place["belongs_to"]["user"]) for place in answer["places"]} == {
        ("connectors_ftpsettings", again.pk),
        ("users_formeremail", again.pk),
    }
    assert all(place["belongs_to"]["since"] and place["belongs_to"]["until"] for place in answer["places"])
    call_command("purge_verify", purged.reference)
    assert f"(belongs to user {again.pk} since " in capsys.readouterr().out
    assert FtpSettings.objects.get(pk=ftp.pk).contact_email == OFFICE
    assert FormerEmail.objects.get(user=again).email == OFFICE


def test_a_nightly_pass_spares_the_next_holder(purged, acme, admin):
    type(purged).objects.filter(pk=purged.pk).update(patrolled_at=None)
    again = users.user_create(acting_user=admin, account=acme, email=OFFICE, name="Front Office")
    ftp = FtpSettingsFactory(connector__account=acme, contact_email=OFFICE, user_name="svc")
    assert patrol_all().verdict == "clean"
    assert FtpSettings.objects.get(pk=ftp.pk).contact_email == OFFICE
    again.refresh_from_db()
    assert again.email == OFFICE


def test_who_may_take_out(purged, acme, admin, department, operator, capsys):
    with pytest.raises(PurgeRefused) as refusal:
        services.purge_take_out(acting_user=operator, purge_request=purged)
    assert refusal.value.code == "nothing_listed"
    verify(purged, capsys)
    support = UserFactory(account=operator.account, is_support=True)
    for somebody in (admin, support):
        with pytest.raises(NotAllowed):
            services.purge_take_out(acting_user=somebody, purge_request=purged)
    assert told(acme, department) == UNTOUCHED
    assert services.purge_take_out(acting_user=None, purge_request=purged) == 3


def test_the_button_is_the_operators(purged, acme, admin, department, operator, client, capsys):
    page = f"/admin/purge/purgerequest/{purged.pk}/"
    client.force_login(operator)
    assert "Take out" not in client.get(f"{page}change/").content.decode()
    verify(purged, capsys)
    client.force_login(admin)
    assert "Take out" not in client.get(f"{page}change/").content.decode()
    client.post(f"{page}take-out/")
    assert told(acme, department) == UNTOUCHED
    client.force_login(operator)
    assert "Take out" in client.get(f"{page}change/").content.decode()
    assert client.get(f"{page}take-out/")["Location"] == f"{page}change/"
    assert told(acme, department) == UNTOUCHED
    assert client.post(f"{page}take-out/").status_code == 302
    assert told(acme, department) == TAKEN_OUT
    assert w.completed(w.run_to_end(purged))


def test_the_command_takes_out(purged, acme, department, capsys):
    with pytest.raises(CommandError) as refusal:
        call_command("purge_take_out", purged.reference)
    assert refusal.value.returncode == 1
    verify(purged, capsys)
    call_command("purge_take_out", purged.reference, "--json")
    answer = json.loads(capsys.readouterr().out)
    assert (answer["rows_changed"], answer["request"]) == (3, purged.reference)
    assert told(acme, department) == TAKEN_OUT


def test_a_login_that_stands_in_settings_again_is_listed_and_taken_out(acme, admin, operator, capsys):
    victim = UserFactory(account=acme, email="ann@x.example", adobe_id="CORP\\ann", deleted=True)
    purge_request = services.purge_submit(acting_user=admin, account_id=acme.pk, user_ids=[victim.pk])
    assert w.completed(w.run_to_end(purge_request))
    ftp = FtpSettingsFactory(connector__account=acme, user_name="corp\\ann", contact_email="")
    near = FtpSettingsFactory(connector__account=acme, user_name="corp\\annika", contact_email="")
    code, answer = verify(purge_request, capsys)
    assert code == 1
    assert [(place["column"], place["row"]) for place in answer["places"]] == [("user_name", str(ftp.pk))]
    assert services.purge_take_out(acting_user=operator, purge_request=purge_request) == 1
    assert FtpSettings.objects.get(pk=ftp.pk).user_name == ""
    assert FtpSettings.objects.get(pk=near.pk).user_name == "corp\\annika"
