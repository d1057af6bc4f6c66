"""Stored files: which go with a purge, from when their links are dead, and what is found that came meanwhile."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone

from purge import services, tasks
from purge.choices import Status, Verdict
from purge.models import PurgeRequest
from purge.proof import probe
from purge.steps import files
from purge.upkeep.patrol import patrol_all
from tests.factories.messaging import TranscriptDownloadFactory
from tests.factories.users import (
    AccountFactory,
    AdministratorFactory,
    ImportLogFactory,
    UserFactory,
    trial_with_creator,
)
from tests.users.imports.at_hand import started
from users.imports.services import ImportGone, import_bad_rows, import_file_open, user_import_run
from users.models import ImportLog, ImportState, User

pytestmark = pytest.mark.django_db

EVE = "eve@acme.example"
MENTIONS = f"Name,Email,Manager\nAnn,ann@x.org,{EVE}\n"
NEUTRAL = "Name,Email\nJo,joeve@acme.example\nEve,eve@acme.example.au\n"


@pytest.fixture
def account():
    return AccountFactory(name="Acme")


@pytest.fixture
def admin_user(account):
    return AdministratorFactory(account=account, email="ada@acme.example")


@pytest.fixture
def eve(account):
    return UserFactory(account=account, email=EVE, deleted=True)


@pytest.fixture
def trial():
    return trial_with_creator()[0]


def worked_through(purge_request, *, slices=40):
    for _slice in range(slices):
        if purge_request.status in (Status.ERASED, Status.COMPLETED, Status.RESIDUE, Status.NEEDS_ATTENTION):
            break
        PurgeRequest.objects.filter(pk=purge_request.pk).update(lease_until=None, next_attempt_at=None)
        tasks.run_request(purge_request.pk)
        purge_request.refresh_from_db()
    return purge_request


def is_dead(log):
    try:
        import_file_open(acting_user=None, log=log).close()
    except ImportGone as gone:
        assert gone.status == 410
        return True
    return False


def earlier_import(account, content, **options):
    return ImportLogFactory(account=account, content=content, uploaded_at=timezone.now() - timedelta(days=3), **options)


# ---------------------------------------------------------------- by account, not by file


@pytest.mark.both_databases
@pytest.mark.parametrize("route", ["users", "address", "ims"])
def test_one_file_that_mentions_the_address_takes_all_earlier_imports_of_its_account(account, admin_user, trial, route):
    """A trial in which nobody goes."""
    mentions, other = earlier_import(trial, MENTIONS), earlier_import(trial, NEUTRAL)
    elsewhere = earlier_import(trial_with_creator()[0], NEUTRAL)
    names = {log.pk: log.file.name for log in (mentions, other, elsewhere)}
    assert not any(is_dead(log) for log in (mentions, other, elsewhere))
    match route:
        case "users":
            eve = UserFactory(account=account, email=EVE, deleted=True)
            purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
        case "address":
            purge_request = services.purge_submit_address(acting_user=admin_user, account_id=account.pk, address=EVE)
        case "ims":
            purge_request = services.purge_submit_ims(email=EVE, reference="SET-1")
    # From the moment it begins, before any worker has looked.
    assert is_dead(mentions) and is_dead(other)
    assert not is_dead(elsewhere)
    later = ImportLogFactory(account=trial, content=NEUTRAL, uploaded_at=timezone.now() + timedelta(seconds=1))

    assert worked_through(purge_request).status == Status.COMPLETED

    assert is_dead(mentions) and is_dead(other)
    assert not is_dead(elsewhere) and not is_dead(later)
    assert [default_storage.exists(names[log.pk]) for log in (mentions, other, elsewhere)] == [False, False, True]


def test_on_the_other_user_route_the_requesting_account_loses_all_earlier_imports_too(account, admin_user):
    mentions, other = earlier_import(account, MENTIONS), earlier_import(account, NEUTRAL)
    enterprise = earlier_import(AccountFactory(), MENTIONS)
    names = {log.pk: log.file.name for log in (mentions, other, enterprise)}
    purge_request = services.purge_submit_address(acting_user=admin_user, account_id=account.pk, address=EVE)
    assert is_dead(mentions) and is_dead(other) and not is_dead(enterprise)

    assert worked_through(purge_request).status == Status.COMPLETED

    assert [default_storage.exists(names[log.pk]) for log in (mentions, other, enterprise)] == [False, False, True]
    assert not is_dead(enterprise)


def test_the_plan_counts_what_the_run_erases(account, admin_user, trial, eve):
    for content in (NEUTRAL, MENTIONS, NEUTRAL):
        earlier_import(trial, content)
    earlier_import(account, NEUTRAL)
    purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    assert worked_through(purge_request).status == Status.COMPLETED
    step = purge_request.steps.get(key="users.ImportLog#files")
    assert (step.planned, step.done) == (4, 4)


# ---------------------------------------------------------------- written while it runs


@pytest.mark.both_databases
def test_an_import_with_the_person_that_is_uploaded_after_acceptance_is_erased(account, admin_user, eve):
    purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    log = started(account, f"Name,Email\nEve,{EVE}\nNew,new@acme.example\n")
    assert user_import_run(log_id=log.pk) == "over"
    log.refresh_from_db()
    name = log.file.name
    assert log.row_errors.count() == 1
    assert is_dead(log)
    with pytest.raises(ImportGone):
        list(import_bad_rows(acting_user=None, log=log))
    neutral = started(account, NEUTRAL)

    assert worked_through(purge_request).status == Status.COMPLETED

    assert not default_storage.exists(name)
    assert is_dead(log) and not is_dead(neutral)
    assert User.objects.filter(account=account, email="new@acme.example").exists()


@pytest.mark.parametrize("is_small", [True, False])
def test_a_file_that_is_stored_after_the_files_were_looked_at_is_found(
    account, admin_user, eve, trial, monkeypatch, settings, is_small
):
    """On a large database, too, where the pass over every text comes by night."""
    settings.PURGE_PATROL_AT_ONCE_ROWS = 1_000_000_000 if is_small else 0
    before = TranscriptDownloadFactory(account=trial, generated_by=UserFactory(account=trial))
    before.file.save("t.csv", ContentFile(NEUTRAL.encode()))
    empty = TranscriptDownloadFactory(account=trial, generated_by=before.generated_by, file="")
    purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    written = []
    verify = probe.verify

    def write_first(looked_at):
        if not written:
            # A row that was passed before, a new row, and one that was clean with another file now.
            empty.file.save("t.csv", ContentFile(MENTIONS.encode()))
            fresh = TranscriptDownloadFactory(account=trial, generated_by=before.generated_by)
            fresh.file.save("t.csv", ContentFile(MENTIONS.encode()))
            error_file = earlier_import(account, "")
            ImportLog.objects.filter(pk=error_file.pk).update(file="", uploaded_at=timezone.now())
            error_file.error_file.save("e.csv", ContentFile(MENTIONS.encode()))
            written.extend([empty.file.name, fresh.file.name, error_file.error_file.name])
        return verify(looked_at)

    monkeypatch.setattr(probe, "verify", write_first)

    assert worked_through(purge_request).status == (Status.COMPLETED if is_small else Status.ERASED)

    assert len(written) == 3
    assert not any(default_storage.exists(name) for name in written)
    assert default_storage.exists(before.file.name)
    before.refresh_from_db()
    assert before.file.name


def test_what_was_read_is_not_read_again_to_prove_it(account, admin_user, eve, trial, monkeypatch, settings):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    person = UserFactory(account=trial)
    late = TranscriptDownloadFactory(account=trial, generated_by=person, file="")
    for _n in range(5):
        TranscriptDownloadFactory(account=trial, generated_by=person).file.save("t.csv", ContentFile(b"ann@x.org"))
    purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    opened = []
    proving, verify = [], probe.verify
    original = FileSystemStorage.open

    def opening(self, name, mode="rb"):
        if not name.startswith("lms-purge-"):  # the storage's marker
            opened.append((bool(proving), name))
        return original(self, name, mode)

    def watched(looked_at):
        late.file.save("t.csv", ContentFile(b"jo@x.org"))
        proving.append(True)
        try:
            return verify(looked_at)
        finally:
            proving.clear()

    monkeypatch.setattr("django.core.files.storage.FileSystemStorage.open", opening)
    monkeypatch.setattr(probe, "verify", watched)
    assert worked_through(purge_request).status == Status.ERASED
    # Five files and the late one are one range of rows, which has changed: read again, once.
    assert len([name for while_proving, name in opened if while_proving]) == 6
    assert patrol_all().verdict == Verdict.CLEAN
    assert not purge_request.file_readings.exists()


def test_without_a_change_the_proof_opens_no_file(account, admin_user, eve, trial, monkeypatch, settings):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    person = UserFactory(account=trial)
    for _n in range(5):
        TranscriptDownloadFactory(account=trial, generated_by=person).file.save("t.csv", ContentFile(b"ann@x.org"))
    purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    opened, original, verify = [], FileSystemStorage.open, probe.verify

    def opening(self, name, mode="rb"):
        opened.append(name)
        return original(self, name, mode)

    def watched(looked_at):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(FileSystemStorage, "open", opening)
            return verify(looked_at)

    monkeypatch.setattr(probe, "verify", watched)
    assert worked_through(purge_request).status == Status.ERASED
    # The storage's marker alone.
    assert {name.split("-")[0] for name in opened} == {"lms"}


def test_the_nightly_pass_reads_every_file_and_lists_what_came_after_completion(
    account, admin_user, eve, trial, settings
):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    rows = [TranscriptDownloadFactory(account=trial, generated_by=UserFactory(account=trial)) for _n in range(2)]
    enterprise = TranscriptDownloadFactory()
    purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    assert worked_through(purge_request).status == Status.ERASED
    # As an earlier release left it: completed before the pass.
    assert patrol_all().verdict == Verdict.CLEAN
    PurgeRequest.objects.filter(pk=purge_request.pk).update(patrolled_at=None)
    for row, content in ((rows[0], NEUTRAL), (rows[1], MENTIONS), (enterprise, MENTIONS)):
        row.file.save("t.csv", ContentFile(content.encode()))

    patrol_all()

    purge_request.refresh_from_db()
    assert purge_request.status == Status.RESIDUE
    place = purge_request.residues.get()
    assert (place.table, place.column, place.row) == ("messaging_transcriptdownload", "file", str(rows[1].pk))
    assert [default_storage.exists(row.file.name) for row in (*rows, enterprise)] == [True, True, True]

    assert services.purge_take_out(acting_user=None, purge_request=purge_request) == 1
    assert [default_storage.exists(row.file.name) for row in (*rows, enterprise)] == [True, False, True]
    assert worked_through(purge_request).status == Status.COMPLETED


@pytest.mark.parametrize(
    ("content", "goes"),
    [
        (f"a;{EVE};b".encode(), True),
        (f"a;{EVE.upper()};b".encode("utf-16"), True),
        (f"a;{EVE};b".encode("utf-16-le"), True),
        (f"a;{EVE};b".encode("utf-16-be"), True),
        (f"a;{EVE};b".encode("utf-32"), True),
        (f"Müller;{EVE};b".encode("cp1252"), True),
        (b"x" * 65_530 + b" " + EVE.encode() + b"\n", True),
        (b"y " * 32_766 + EVE.encode() + b"\n", True),
        (b"x" * 65_530 + b"jo" + EVE.encode() + b"\n" + b"z " * 70_000, False),
        (b"y " * 32_760 + EVE.encode() + b".au" + b"\n", False),
        (f"joeve@acme.example {EVE}.au".encode(), False),
    ],
    ids=[
        "utf-8",
        "utf-16",
        "le",
        "be",
        "utf-32",
        "cp1252",
        "border",
        "inside",
        "longer-before",
        "longer-after",
        "near",
    ],
)
@pytest.mark.parametrize("late", [False, True], ids=["by the step", "by the proof"])
def test_files_are_read_in_every_encoding_and_no_address_is_cut(
    account, admin_user, eve, trial, monkeypatch, content, goes, late
):
    row = TranscriptDownloadFactory(account=trial, generated_by=UserFactory(account=trial), file="")
    if not late:
        row.file.save("t.csv", ContentFile(content))
    purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    verify = probe.verify

    def write_first(looked_at):
        row.refresh_from_db()
        if late and not row.file and not purge_request.ledger.filter(event="verified").exists():
            row.file.save("t.csv", ContentFile(content))
        return verify(looked_at)

    monkeypatch.setattr(probe, "verify", write_first)
    assert worked_through(purge_request).status == Status.COMPLETED
    row.refresh_from_db()
    assert bool(row.file) is not goes


# ---------------------------------------------------------------- imports at work


def half_way_through(log):
    """The time slice of a worker ends after the first thousand rows."""
    with pytest.MonkeyPatch.context() as patch:
        clock = iter([0.0, 0.0])
        patch.setattr("users.imports.services.time.monotonic", lambda: next(clock, 1_000.0))
        assert user_import_run(log_id=log.pk) == "more"
    log.refresh_from_db()
    assert log.rows_done == 1_000


def test_an_import_at_work_that_does_not_name_the_person_goes_on(account, admin_user, eve, monkeypatch):
    rows = "".join(f"P{n},p{n}@acme.example,p0@acme.example\n" for n in range(1, 2_500))
    log = started(account, f"Name,Email,Manager\nP0,p0@acme.example,\n{rows}")
    half_way_through(log)
    queued = started(account, "Name,Email\nQ,q@acme.example\n")
    idle = earlier_import(account, NEUTRAL)
    names = [log.file.name, queued.file.name, idle.file.name]
    purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    assert is_dead(log) and is_dead(queued)

    assert worked_through(purge_request).status == Status.COMPLETED
    assert not default_storage.exists(names[2])
    while user_import_run(log_id=log.pk) == "more":
        pass
    assert user_import_run(log_id=queued.pk) == "over"

    log.refresh_from_db()
    queued.refresh_from_db()
    assert (log.state, log.added, log.failed) == (ImportState.COMPLETED, 2_500, 0)
    assert (queued.state, queued.added) == (ImportState.COMPLETED, 1)
    chief = User.objects.get(account=account, email="p0@acme.example")
    assert User.objects.filter(account=account, manager=chief).count() == 2_499
    # And now the files go as well: by the queue, since their links are dead.
    from users import tasks as users_tasks

    assert users_tasks.erase_import_file(log.pk) is True
    assert users_tasks.erase_import_file(queued.pk) is True
    assert [default_storage.exists(name) for name in names] == [False, False, False]
    assert is_dead(log) and is_dead(queued)
    assert users_tasks.erase_import_file(log.pk) is False


def test_an_import_at_work_that_names_the_person_stops_and_says_what_is_missing(account, admin_user, eve):
    rows = "".join(f"P{n},p{n}@acme.example\n" for n in range(2_000))
    log = started(account, f"Name,Email\n{rows}Eve,{EVE}\n")
    half_way_through(log)
    name = log.file.name
    purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    assert worked_through(purge_request).status == Status.COMPLETED
    assert not default_storage.exists(name)
    assert user_import_run(log_id=log.pk) == "over"
    log.refresh_from_db()
    assert log.state == ImportState.FAILED
    assert "1001 of its 2001 rows are missing" in log.failure
    assert not User.objects.filter(account=account, email=EVE).exists()


def test_an_import_that_ends_between_the_look_and_the_lock_is_erased_by_the_purge(
    account, admin_user, eve, monkeypatch
):
    log = started(account, "Name,Email\nQ,q@acme.example\n")
    name = log.file.name
    purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    look = files.look

    def look_then_end(*args, **kwargs):
        found = look(*args, **kwargs)
        ImportLog.objects.filter(pk=log.pk).update(state=ImportState.COMPLETED)
        return found

    monkeypatch.setattr(files, "look", look_then_end)
    assert worked_through(purge_request).status == Status.COMPLETED
    assert not default_storage.exists(name)
