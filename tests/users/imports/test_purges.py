"""Imports and purges: an old file brings nobody back, whenever it is read."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from purge import services, tasks
from purge.choices import Status
from purge.journal import site_fence
from purge.models import JournalAlarm, PurgeRequest
from tests.factories.purge_log import purge_written
from tests.factories.users import AccountFactory, ImportLogFactory, UserAuditFactory, UserFactory, trial_with_creator
from tests.purge.world import run_to_end
from tests.users.imports.at_hand import bad_rows, counts, imported, started
from users.imports.services import (
    ImportGone,
    import_bad_rows,
    import_file_erase,
    import_file_open,
    user_import_confirm,
    user_import_run,
)
from users.models import Account, AccountKind, AccountState, ImportLog, ImportState, User, UserState
from users.services import ServiceError

pytestmark = pytest.mark.django_db

TEXT = "Name,Email\nEve,eve@acme.example\nAnn,new@acme.example\n"


@pytest.fixture
def eve(account):
    return UserFactory(account=account, email="eve@acme.example", deleted=True)


@pytest.fixture
def purge(account, admin_user, eve):
    """Accepts Eve's purge, and does it to the end if asked."""

    def accept(*, done=False):
        purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
        for _slice in range(50):
            if not done or purge_request.status == Status.COMPLETED:
                break
            PurgeRequest.objects.filter(pk=purge_request.pk).update(lease_until=None, next_attempt_at=None)
            tasks.run_request(purge_request.pk)
            purge_request.refresh_from_db()
        assert not done or purge_request.status == Status.COMPLETED
        return purge_request

    return accept


def test_nobody_who_is_being_purged_comes_in(account, eve, purge):
    purge_request = purge()
    log = imported(account, TEXT)
    assert counts(log) == {"added": 1, "failed": 1}
    [(line, reason)] = bad_rows(log)
    assert line == 2 and purge_request.reference in reason
    eve.refresh_from_db()
    assert eve.state == UserState.PURGING


def test_another_accounts_request_is_not_named(account, purge, eve):
    trial, _creator = trial_with_creator()
    match = UserFactory(account=trial, email=eve.email)
    purge()
    log = imported(trial, TEXT)
    assert "PUR-" not in bad_rows(log)[0][1]
    match.refresh_from_db()
    assert match.state == UserState.PURGING


def test_after_the_purge_a_new_file_makes_a_new_user_and_says_so(account, purge, eve):
    purge_request = purge(done=True)
    log = imported(account, TEXT)
    assert counts(log) == {"added": 2, "previously_purged": 1}
    assert list(log.notes.values_list("line", "kind", "reference")) == [
        (2, "previously_purged", purge_request.reference)
    ]
    assert User.objects.get(account=account, email_key=eve.email_key).pk != eve.pk


def test_who_was_purged_before_is_left_out_where_that_is_wanted(signed_in, account, purge, eve):
    request = purge(done=True)
    log = started(account, TEXT, confirm=True)
    columns = reverse("admin:users_importlog_columns", args=[log.pk])
    shown = signed_in.get(columns)
    assert ("Added, but purged before", "1") in shown.context["outlook"]["facts"]
    assert '<input type="checkbox" name="skip_purged">' in shown.content.decode()
    chosen = {"name": "0", "email": "1", "skip_purged": "on"}
    shown = signed_in.post(columns, {**chosen, "look": "1"})
    assert shown.context["outlook"]["facts"] == [("Added", "1"), ("Changed", "0"), ("Left out", "1")]
    signed_in.post(columns, chosen)
    user_import_run(log_id=log.pk)
    log.refresh_from_db()
    assert (counts(log), bad_rows(log)) == ({"added": 1}, [])
    assert list(log.notes.values_list("line", "kind", "reference")) == [(2, "left_out", request.reference)]
    assert not User.objects.filter(account=account, email_key=eve.email_key).exists()


def test_a_file_uploaded_before_brings_nobody_back_however_late_it_is_read(account, purge, eve):
    log = started(account, TEXT.replace("eve@", "EVE@"))
    with default_storage.open(log.file.name, "rb") as stored:
        content = stored.read()
    purge(done=True)
    log.refresh_from_db()
    assert not log.file and log.link_dead_at
    # The worker had the file open already: the purge took it away under his hands.
    log.file.save("again.csv", ContentFile(content))
    assert user_import_run(log_id=log.pk) == "over"
    log.refresh_from_db()
    assert counts(log) == {"added": 1, "failed": 1}
    assert bad_rows(log) == [(2, "This user was purged since the file was uploaded.")]
    assert not User.objects.filter(account=account, email_key=eve.email_key).exists()


def test_a_file_that_a_purge_took_is_not_read(account, purge, eve):
    log = started(account, TEXT)
    purge(done=True)
    assert user_import_run(log_id=log.pk) == "over"
    log.refresh_from_db()
    assert log.state == ImportState.FAILED
    assert not User.objects.filter(account=account, email_key="new@acme.example").exists()


# ---------------------------------------------------------------- downloads


def test_a_purge_closes_the_download_from_the_moment_of_acceptance(account, purge):
    log = ImportLogFactory(account=account, content="Name,Email\nAnn,ann@x.org\n")
    with import_file_open(acting_user=None, log=log) as stored:
        assert stored.read().startswith(b"Name")
    purge()
    with pytest.raises(ImportGone, match="no longer available since a purge"):
        import_file_open(acting_user=None, log=log)


def test_a_file_that_mentions_the_address_is_closed_although_nobody_of_its_account_goes(account, purge, eve):
    """Trial accounts are cleaned of the address: no worker has looked into their files yet."""
    trial, _creator = trial_with_creator()
    mentions = ImportLogFactory(account=trial, content=f"Name,Email,Manager\nAnn,ann@x.org,{eve.email}\n")
    other = ImportLogFactory(account=trial, content="Name,Email\nJo,jo-eve@acme.example\n")
    purge()
    after = timezone.now() + timedelta(seconds=1)
    again = ImportLogFactory(account=trial, content=f"Name,Email\nEve,{eve.email}\n", uploaded_at=after)
    later = ImportLogFactory(account=trial, content="Name,Email\nJo,jo-eve@acme.example\n", uploaded_at=after)
    assert not ImportLog.objects.filter(account=trial, link_dead_at__isnull=False).exists()
    for log, gone in ((mentions, True), (other, True), (again, True), (later, False)):
        if gone:
            with pytest.raises(ImportGone):
                import_file_open(acting_user=None, log=log)
            with pytest.raises(ImportGone):
                import_bad_rows(acting_user=None, log=log)
        else:
            import_file_open(acting_user=None, log=log).close()


def test_bad_rows_come_as_a_file_to_mend(account):
    log = imported(account, 'Fill in;;\nName;E-mail;Profile\n;a@x.org;x\nAnn;ann@x.org;"A;B"\nBob;\n"Cy\nC";c.org\n')
    text = "".join(import_bad_rows(acting_user=None, log=log))
    assert text.splitlines() == [
        "\ufeffName,E-mail,Profile,Line,Reason",
        ",a@x.org,x,3,Name: empty.",
        "Bob,,,5,Email: empty.",
        '"Cy',
        'C",c.org,,6,Email: not an email address.',
    ]


# ---------------------------------------------------------------- whose a purge was, and by what


@pytest.fixture
def several(account, admin_user):
    """Three people of one request, of whom the first is also a user of a trial account."""
    trial, _creator = trial_with_creator()
    people = [
        UserFactory(account=account, email=f"{name}@acme.example", unique_user_id=name.upper(), deleted=True)
        for name in ("one", "two", "three")
    ]
    match = UserFactory(account=trial, email="one@acme.example", unique_user_id="T-1")
    before = {
        each: started(
            each,
            "Name,Email\nOne,one@acme.example\nTwo,two@acme.example\nThree,three@acme.example\n",
        )
        for each in (account, trial)
    }
    purged(account, admin_user, people)
    return trial, match, before


def purged(account, admin_user, people):
    purge_request = services.purge_submit(
        acting_user=admin_user, account_id=account.pk, user_ids=[person.pk for person in people]
    )
    for _slice in range(50):
        PurgeRequest.objects.filter(pk=purge_request.pk).update(lease_until=None, next_attempt_at=None)
        tasks.run_request(purge_request.pk)
        purge_request.refresh_from_db()
        if purge_request.status == Status.COMPLETED:
            break
    assert purge_request.status == Status.COMPLETED
    return purge_request


def read_again(log, text):
    """As a worker reads on who has had the file open since before the purge."""
    ImportLog.objects.filter(pk=log.pk).update(state=ImportState.RUNNING, rows_done=0, link_dead_at=None)
    log.refresh_from_db()
    log.file.save("again.csv", ContentFile(text.encode()))
    assert user_import_run(log_id=log.pk) == "over"
    log.refresh_from_db()
    return log


def test_another_account_does_not_learn_who_else_was_purged(several, account):
    trial, _match, _before = several
    later = imported(trial, "Name,Email\nOne,one@acme.example\nTwo,two@acme.example\nThree,three@acme.example\n")
    assert counts(later) == {"added": 3, "previously_purged": 1}
    assert list(later.notes.values_list("line", "reference")) == [(2, "")]
    own = imported(account, "Name,Email\nTwo,two@acme.example\nNew,new@acme.example\n")
    assert counts(own) == {"added": 2, "previously_purged": 1}


def test_another_accounts_earlier_file_is_refused_for_its_own_people_only(several):
    trial, _match, before = several
    log = read_again(before[trial], "Name,Email\nOne,one@acme.example\nTwo,two@acme.example\n")
    assert counts(log) == {"added": 1, "failed": 1}
    assert bad_rows(log) == [(2, "This user was purged since the file was uploaded.")]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "row",
    [
        "New Name,new.name@acme.example,E100,",
        "New Name,eve.before@acme.example,,",
        "New Name,new.name@acme.example,,EVE-LOGIN",
        "New Name,EVE@acme.example,E999,",
    ],
)
def test_an_earlier_file_brings_nobody_back_by_any_identifier(account, admin_user, row):
    head = "Name,Email,Unique User ID,Adobe ID\n"
    eve = UserFactory(
        account=account,
        email="eve@acme.example",
        unique_user_id="E100",
        adobe_id="eve-login",
        former=["eve.before@acme.example"],
        deleted=True,
    )
    text = f"{head}{row}\nJo,jo@acme.example,E1001,eve-login-2\n"
    log = started(account, text)
    purge_request = purged(account, admin_user, [eve])
    log = read_again(log, text)
    assert counts(log) == {"added": 1, "failed": 1}
    assert bad_rows(log) == [(2, "This user was purged since the file was uploaded.")]
    assert not User.objects.filter(account=account, name="New Name").exists()
    # A file of today makes a new person from nothing, and says so.
    later = imported(account, text.replace("jo@", "jo2@").replace("E1001", "E1002").replace("login-2", "login-3"))
    assert counts(later) == {"added": 2, "previously_purged": 1}
    assert list(later.notes.values_list("line", "reference")) == [(2, purge_request.reference)]


def test_a_match_is_not_brought_back_by_what_only_their_own_account_knew(account, admin_user, eve):
    """Found by the login: the trial's own address and ID of theirs stand in no list of the purging account."""
    trial, _creator = trial_with_creator()
    UserFactory(account=trial, email="eve@home.example", adobe_id=eve.email, unique_user_id="T-7")
    text = "Name,Email,Unique User ID\nEve,eve@home.example,\nEve,eve.new@home.example,T-7\nJo,jo@home.example,T-8\n"
    log = started(trial, text)
    purged(account, admin_user, [eve])
    log = read_again(log, text)
    assert counts(log) == {"added": 1, "failed": 2}
    assert [line for line, _reason in bad_rows(log)] == [2, 3]
    assert {reason for _line, reason in bad_rows(log)} == {"This user was purged since the file was uploaded."}
    # In the account that purged, those are nobody's.
    assert counts(imported(account, text)) == {"added": 3}


def test_a_former_address_that_somebody_else_has_now_is_theirs(account, admin_user, eve):
    holder = UserFactory(account=account, email="shared@acme.example", name="Holder")
    eve.former_emails.create(email="shared@acme.example", email_key="shared@acme.example")
    text = "Name,Email\nHolder Renamed,shared@acme.example\n"
    log = started(account, text)
    purged(account, admin_user, [eve])
    log = read_again(log, text)
    assert counts(log) == {"updated": 1}
    holder.refresh_from_db()
    assert holder.name == "Holder Renamed"


def test_an_address_that_was_no_users_is_known_in_the_account_that_purged_it(account, admin_user):
    trial, _creator = trial_with_creator()
    purge_request = services.purge_submit_address(
        acting_user=admin_user, account_id=account.pk, address="old@out.example"
    )
    tasks.run_request(purge_request.pk)
    text = "Name,Email\nOld,old@out.example\n"
    assert counts(imported(account, text)) == {"added": 1, "previously_purged": 1}
    assert counts(imported(trial, text)) == {"added": 1}


def test_who_looks_somebody_up_learns_of_their_own_accounts_people_only(account, admin_user, eve):
    trial, _creator = trial_with_creator()
    UserFactory(account=trial, email="eve@home.example", adobe_id=eve.email, unique_user_id="T-7")
    support = UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_support=True)
    purge_request = purged(account, admin_user, [eve])

    def found(who, text):
        return [each.reference for each in services.look_up(acting_user=who, text=text).requests]

    assert found(admin_user, "eve@acme.example") == [purge_request.reference]
    assert found(admin_user, "eve@home.example") == []
    assert found(admin_user, "T-7") == []
    assert found(support, "eve@home.example") == [purge_request.reference]


# ---------------------------------------------------------------- whom an import changes while a purge is open


@pytest.fixture
def elsewhere():
    """A trial account of another customer, with people who have been there for long."""
    trial, _creator = trial_with_creator()
    long_before = timezone.now() - timedelta(days=30)

    def add(**fields):
        return UserFactory(account=trial, added_at=long_before, **fields)

    return SimpleNamespace(account=trial, add=add)


@pytest.mark.parametrize("gone", [False, True], ids=["in use", "brought back"])
def test_who_gets_the_login_by_an_import_after_acceptance_is_no_part_of_the_purge(
    account, purge, eve, elsewhere, gone, admin_user
):
    other = elsewhere.add(email="olga@trial.example", name="Olga", deleted=gone)
    had_it = elsewhere.add(email="ove@trial.example", adobe_id="eve@acme.example")
    purge_request = purge()
    log = imported(elsewhere.account, "Name,Email,Adobe ID\nOlga,olga@trial.example,eve@acme.example\n")
    assert counts(log) == ({"revived": 1} if gone else {"updated": 1})
    run_to_end(purge_request)
    assert not User.objects.filter(pk__in=[eve.pk, had_it.pk]).exists()
    other.refresh_from_db()
    assert (other.state, other.adobe_id) == (UserState.ACTIVE, "eve@acme.example")
    assert purge_request.subjects.filter(person_id=other.pk).count() == 0


def test_who_was_brought_back_by_an_earlier_release_is_given_the_benefit_of_the_doubt(purge, eve, elsewhere):
    """It did not write down what the import had changed."""
    other = elsewhere.add(email="olga@trial.example", name="Olga")
    purge_request = purge()
    User.objects.filter(pk=other.pk).update(adobe_id="eve@acme.example", adobe_key="eve@acme.example")
    UserAuditFactory(user=other, event="revived", fields="")
    run_to_end(purge_request)
    assert User.objects.filter(pk=other.pk, state=UserState.ACTIVE).exists()


def test_an_import_at_work_when_its_account_is_closed_stops_and_says_so(account):
    trial, _creator = trial_with_creator(email="eve@acme.example")
    rows = "".join(f"P {n},p{n}@trial.example\n" for n in range(5))
    log = started(trial, f"Name,Email\n{rows}")
    name = log.file.name
    going_on = started(account, f"Name,Email\n{rows}")
    purge_request = services.purge_submit_ims(email="eve@acme.example")
    run_to_end(purge_request)
    assert user_import_run(log_id=log.pk) == "over"
    log.refresh_from_db()
    assert (log.state, log.failure) == (
        ImportState.FAILED,
        "The account is closed since a purge, so nobody else comes in.",
    )
    assert not User.objects.filter(account=trial).exists()
    import_file_erase(log_id=log.pk)
    assert not default_storage.exists(name)
    # Another account's goes on, and so does that of a trial which has only run out.
    assert user_import_run(log_id=going_on.pk) == "over"
    assert User.objects.filter(account=account, email__startswith="p").count() == 5
    expired, _creator = trial_with_creator()
    Account.objects.filter(pk=expired.pk).update(state=AccountState.INACTIVE)
    assert counts(imported(expired, f"Name,Email\n{rows}")) == {"added": 5}


@pytest.mark.django_db(transaction=True)
def test_nobody_is_imported_while_a_restored_backup_is_looked_at(account):
    """The database does not know any more who was purged: a list would bring them back once more."""
    half = started(account, TEXT)
    waiting = started(account, TEXT, confirm=True)
    purge_written()
    for refused in (lambda: started(account, TEXT), lambda: user_import_confirm(acting_user=None, log=waiting)):
        with pytest.raises(ServiceError, match="This site is paused: an old backup was restored") as refusal:
            refused()
        assert refusal.value.code == "paused"
    # One that was begun before goes on after it, where it was.
    assert user_import_run(log_id=half.pk) == "more"
    half.refresh_from_db()
    assert (half.state, half.rows_done, User.objects.filter(account=account).count()) == ("running", 0, 0)
    JournalAlarm.objects.all().delete()
    site_fence.forget()
    assert user_import_run(log_id=half.pk) == "over"
    assert user_import_confirm(acting_user=None, log=waiting).state == "running"
    assert User.objects.filter(account=account).count() == 2
