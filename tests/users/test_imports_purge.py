"""Imports and purges: an old file brings nobody back, whenever it is read."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from purge import services, tasks
from purge.choices import Status
from purge.models import PurgeRequest
from tests.factories.users import ImportLogFactory, UserFactory, trial_with_creator
from tests.users.imports_at_hand import bad_rows, counts, imported, started
from users.imports.services import ImportGone, import_bad_rows, import_file_open, user_import_run
from users.models import ImportLog, ImportState, User, UserState

pytestmark = pytest.mark.django_db

TEXT = "Name,Email\nEve,eve@acme.example\nAnn,new@acme.example\n"


@pytest.fixture
def eve(account):
    return UserFactory(account=account, email="eve@acme.example", deleted=True)


@pytest.fixture
def purge(account, admin_user, eve):
    """Accepts Eve's purge, and does it to the end if asked."""

    def accept(*, done=False):
        request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
        for _slice in range(50):
            if not done or request.status == Status.COMPLETED:
                break
            PurgeRequest.objects.filter(pk=request.pk).update(lease_until=None, next_attempt_at=None)
            tasks.run_request(request.pk)
            request.refresh_from_db()
        assert not done or request.status == Status.COMPLETED
        return request

    return accept


def test_nobody_who_is_being_purged_comes_in(account, eve, purge):
    request = purge()
    log = imported(account, TEXT)
    assert counts(log) == {"added": 1, "failed": 1}
    [(line, reason)] = bad_rows(log)
    assert line == 2 and request.reference in reason
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
    request = purge(done=True)
    log = imported(account, TEXT)
    assert counts(log) == {"added": 2, "previously_purged": 1}
    assert list(log.notes.values_list("line", "kind", "reference")) == [(2, "previously_purged", request.reference)]
    assert User.objects.get(account=account, email_key=eve.email_key).pk != eve.pk


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
        "Bob,,,5,E-mail: empty.",
        '"Cy',
        'C",c.org,,6,E-mail: no e-mail address.',
    ]
