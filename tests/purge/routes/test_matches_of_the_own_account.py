"""Who else of an account goes because of an address or login is said before; nobody goes by their own click, and no
account is left without an administrator in silence."""

import pytest
from django.core.management import CommandError, call_command

from learning.models import Enrolment
from messaging.models import Notification
from purge import services
from purge.choices import Status
from purge.models import FollowUp, PurgeRequest
from purge.services import PurgeRefused, SelectionChanged
from tests.factories.learning import EnrolmentFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.pages_at_hand import page_behind
from tests.purge import world as w
from users import services as users
from users.models import AccountKind, User, UserState

PURGE = "/admin/users/deleteduser/purge/"


@pytest.fixture
def trial(db):
    return AccountFactory(name="Trial", subdomain="trial", kind=AccountKind.TRIAL)


@pytest.fixture
def admin(trial):
    return AdministratorFactory(account=trial, email="admin@trial.example")


@pytest.fixture
def bob(trial):
    """Active; the address has changed, the login has not."""
    user = UserFactory(account=trial, email="bob.new@trial.example", adobe_id="bob@trial.example", name="Bob Builder")
    EnrolmentFactory.create_batch(5, user=user)
    return user


@pytest.fixture
def old_row(trial):
    return UserFactory(account=trial, email="bob@trial.example", name="Bob Old", unique_user_id="OLD-1", deleted=True)


def submit(admin, *people, **extra):
    return services.purge_submit(
        acting_user=admin, account_id=admin.account_id, user_ids=[each.pk for each in people], **extra
    )


def page_of(client, admin, *people):
    client.force_login(admin)
    return page_behind(client, client.post(PURGE, {"_selected_action": [person.pk for person in people]}))


# ---------------------------------------------------------------- listed


@pytest.mark.both_databases
def test_the_confirmation_names_everybody_whose_row_goes(trial, admin, bob, old_row, client):
    elsewhere = UserFactory(account=AccountFactory(kind=AccountKind.TRIAL), email="bob@trial.example", name="Bob Far")
    page = page_of(client, admin, old_row)
    text = page.content.decode()
    assert "2 people will be erased for good" in text
    assert "Erased too, because they have the same address or login" in text
    assert "Bob Builder" in text and "bob.new@trial.example" in text
    assert "Bob Far" not in text
    # What is shown is what is done: the records of both are counted.
    preview = services.purge_preview(acting_user=admin, account_id=trial.pk, user_ids=[old_row.pk])
    assert {line.key: line.n for line in preview.impact.lines}["learning.Enrolment.user"] == 5
    assert [person.id for person in preview.matches] == [bob.pk]
    sent = page_behind(client, client.post(PURGE, {"plan": page.context["plan"], "number": "2"}))
    assert sent.status_code == 302
    purge_request = PurgeRequest.objects.get()
    assert w.completed(w.run_to_end(purge_request))
    assert not User.objects.filter(pk__in=[bob.pk, old_row.pk, elsewhere.pk]).exists()
    assert not Enrolment.objects.filter(user_id=bob.pk).exists()


def test_without_such_people_the_page_is_as_it_was(admin, old_row, client):
    text = page_of(client, admin, old_row).content.decode()
    assert "1 person will be erased for good" in text
    assert "Erased too" not in text


def test_a_kept_creator_of_the_account_is_named_as_kept(trial, admin, old_row, client):
    trial.creator = UserFactory(account=trial, email="boss@trial.example", adobe_id="bob@trial.example", name="Boss")
    trial.save()
    text = page_of(client, admin, old_row).content.decode()
    assert "Kept, as creator of this account" in text
    assert "Boss" in text
    assert "1 person will be erased for good" in text


def test_somebody_who_comes_to_match_after_the_page_was_shown_is_shown_before(trial, admin, old_row, client):
    page = page_of(client, admin, old_row)
    late = UserFactory(account=trial, email="late@trial.example", adobe_id="bob@trial.example", name="Late Larry")
    again = page_behind(client, client.post(PURGE, {"plan": page.context["plan"]}))
    assert again.status_code == 200
    assert "Late Larry has one of these addresses or logins now, and is erased too." in again.content.decode()
    assert PurgeRequest.objects.count() == 0
    with pytest.raises(SelectionChanged) as changed:
        submit(admin, old_row, confirmed=True, matches=[])
    assert changed.value.people == (late.pk,)
    assert PurgeRequest.objects.count() == 0
    assert client.post(PURGE, {"plan": again.context["plan"]}).status_code == 302


def test_the_command_lists_them_too(trial, admin, bob, old_row, capsys):
    words = ["--account", "trial", "--initiator", "admin@trial.example", "--user", "OLD-1"]
    call_command("purge_preview", *words)
    out = capsys.readouterr().out
    assert "Erased too, because they have the same address or login:" in out
    assert f"user {bob.pk}  (active)" in out
    call_command("purge_preview", *words, "--json")
    import json

    told = json.loads(capsys.readouterr().out)
    assert (told["users"], told["matches"], told["last_administrator"]) == ([old_row.pk], [bob.pk], False)


def test_the_command_shows_before_who_comes_to_match_while_it_asks(trial, admin, bob, old_row, monkeypatch):
    class Terminal:
        """Types the word; while it is typed, somebody comes to match."""

        def isatty(self):
            return True

        def readline(self):
            if self.late:
                UserFactory(account=trial, email="late@trial.example", adobe_id="bob@trial.example")
            return "purge\n"

    words = ["--account", "trial", "--initiator", "admin@trial.example", "--user", "OLD-1"]
    terminal = Terminal()
    terminal.late = True
    monkeypatch.setattr("sys.stdin", terminal)
    with pytest.raises(CommandError, match="has one of these addresses or logins now"):
        call_command("purge_submit", *words)
    assert PurgeRequest.objects.count() == 0
    terminal.late = False
    call_command("purge_submit", *words)
    assert PurgeRequest.objects.count() == 1


# ---------------------------------------------------------------- oneself


@pytest.mark.both_databases
@pytest.mark.parametrize("by", ["login", "address"])
def test_nobody_purges_themself_through_an_old_row_of_theirs(trial, admin, client, by):
    mine = {"login": {"email": "eve.new@trial.example", "adobe_id": "eve@trial.example"}}.get(by)
    eve = AdministratorFactory(account=trial, **(mine or {"email": "eve.two@trial.example"}))
    old = UserFactory(account=trial, email="eve@trial.example", deleted=True)
    if by == "address":
        # Somebody else's row that is selected with hers.
        eve = AdministratorFactory(account=trial, email="eve3@trial.example", adobe_id="EVE@trial.example")
    with pytest.raises(PurgeRefused) as refusal:
        submit(eve, old)
    assert refusal.value.code == "self"
    assert "You would erase yourself" in str(refusal.value)
    assert "You would erase yourself" in page_of(client, eve, old).content.decode()
    assert User.objects.get(pk=eve.pk).state == UserState.ACTIVE
    assert PurgeRequest.objects.count() == 0
    # Without the link between the two rows it can be done.
    users.user_update(acting_user=admin, user=eve, adobe_id="")
    assert submit(eve, old).status == Status.QUEUED
    assert User.objects.get(pk=eve.pk).state == UserState.ACTIVE


def test_another_administrator_can(trial, admin):
    eve = AdministratorFactory(account=trial, email="eve.new@trial.example", adobe_id="eve@trial.example")
    old = UserFactory(account=trial, email="eve@trial.example", deleted=True)
    assert w.completed(w.run_to_end(submit(admin, old)))
    assert not User.objects.filter(pk__in=[eve.pk, old.pk]).exists()
    assert not FollowUp.objects.filter(kind="account_without_administrator").exists()


# ---------------------------------------------------------------- nobody left to administer


@pytest.fixture
def operator(db):
    return users.operator_create(email="ops@platform.example", name="Ops", password="a long pass phrase")


def test_that_the_account_loses_its_last_administrator_is_said_before(trial, operator, old_row, client):
    only = AdministratorFactory(account=trial, email="only@trial.example", adobe_id="bob@trial.example")
    preview = services.purge_preview(acting_user=operator, account_id=trial.pk, user_ids=[old_row.pk])
    assert preview.last_administrator
    words = "Afterwards this account has no active Administrator"
    assert words in page_of(client, operator, old_row).content.decode()
    AdministratorFactory(account=trial, email="second@trial.example")
    assert words not in page_of(client, operator, old_row).content.decode()
    assert User.objects.get(pk=only.pk).state == UserState.ACTIVE


def test_another_account_that_loses_its_last_administrator_is_told_to_support(operator):
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    victim = UserFactory(account=acme, email="boss@x.example", deleted=True)
    headless, led = AccountFactory(kind=AccountKind.TRIAL), AccountFactory(kind=AccountKind.TRIAL)
    for account in (headless, led):
        account.creator = UserFactory(account=account)  # only a Learner
        account.save()
        AdministratorFactory(account=account, email="boss@x.example")
    AdministratorFactory(account=led)
    support = UserFactory(account=operator.account, is_support=True)
    purge_request = submit(admin, victim)
    assert w.completed(w.run_to_end(purge_request))
    assert list(FollowUp.objects.values_list("kind", "account_id", "model", "row")) == [
        ("account_without_administrator", headless.pk, "users.Account", headless.pk)
    ]
    told = Notification.objects.filter(kind="follow_ups")
    assert set(told.values_list("recipient_id", flat=True)) == {operator.pk, support.pk}
    assert "no active Administrator" in told[0].text
    assert not Notification.objects.filter(recipient=admin, kind="follow_ups").exists()


def test_support_sees_the_account_on_the_requests_page_and_the_customer_does_not(operator, client):
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    victim = UserFactory(account=acme, email="boss@x.example", deleted=True)
    headless = AccountFactory(kind=AccountKind.TRIAL, name="Headless Ltd")
    AdministratorFactory(account=headless, email="boss@x.example")
    purge_request = submit(admin, victim)
    assert w.completed(w.run_to_end(purge_request))
    page = f"/admin/purge/purgerequest/{purge_request.pk}/change/"
    client.force_login(operator)
    assert "Headless Ltd" in client.get(page).content.decode()
    client.force_login(admin)
    assert "Headless Ltd" not in client.get(page).content.decode()
