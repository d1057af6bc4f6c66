"""Evidence goes when its period is over, not before, and never what an open request needs; counts of requests stay."""

import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from messaging.models import MailLog, TranscriptDownload
from purge import services, tasks
from purge.choices import Fate, Reason, Status
from purge.models import (
    EvidenceCount,
    EvidencePeriod,
    FollowUp,
    JournalMark,
    LedgerEntry,
    LookUp,
    PurgeRequest,
    StaffNamesShown,
    Subject,
    SuppressionHash,
)
from purge.reporting.periods import period_typed
from purge.reporting.report import report_of
from purge.rules.periods import Evidence
from purge.services.evidence import evidence_periods_set
from purge.upkeep import evidence
from purge.worker import queue
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import ImportLog, LoginEvent, UserAudit

pytestmark = pytest.mark.django_db

#: The standard, as plain.md has it: kind → days; of requests three years.
STANDARD = {"requests": 1095, "sign_ins": 180, "mails": 365, "look_ups": 365, "exports": 365, "import_files": 365}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def nobody_has_decided(db):
    """As in an installation that was upgraded; a new one begins with the standard."""
    EvidencePeriod.objects.all().delete()


@pytest.fixture
def account(db):
    return AccountFactory(name="Acme", subdomain="acme", time_zone="Asia/Tokyo")


@pytest.fixture
def person(account):
    return UserFactory(account=account)


@pytest.fixture
def decided(db):
    evidence_periods_set(acting_user=None, days={Evidence(kind): days for kind, days in STANDARD.items()})


@pytest.fixture
def in_2030(monkeypatch):
    """On 1 March 2030 whatever ended in 2026 is three years past the end of its year."""
    monkeypatch.setattr(timezone, "now", lambda: datetime(2030, 3, 1, 2, tzinfo=UTC))


@pytest.fixture
def ended(account):
    """Stores a request that is over, with a person, a hash and a history."""

    def store(completed_at, *, took=HOUR, status=Status.COMPLETED, owner=account, events=(), own=True, **fields):
        done = status == Status.COMPLETED
        accepted_at = completed_at - took
        row = PurgeRequest.across_accounts.create(
            **{
                "reference": f"PUR-{PurgeRequest.across_accounts.count():04}-AAAA-A",
                "route": "ui_enterprise",
                "origin": "admin",
                "account_id": owner.pk if owner else None,
                "status": status,
                "key_fingerprint": "0",
                "accepted_at": accepted_at,
                "due_at": accepted_at + 30 * DAY,
                "completed_at": completed_at if done else None,
                "verified_at": completed_at if done else None,
                "planned": done,
                **fields,
            }
        )
        Subject.objects.create(
            request=row, person_id=row.pk, account_id=account.pk if own else 0, role=Reason.SELECTED, fate=Fate.ERASED
        )
        SuppressionHash.objects.create(
            request=row, account_id=account.pk, kind="email", digest="d", key_fingerprint="0"
        )
        for event in ("accepted", *events):
            LedgerEntry.objects.create(request=row, event=event, at=completed_at)
        return row

    return store


def references():
    return set(PurgeRequest.across_accounts.values_list("reference", flat=True))


# ---------------------------------------------------------------- rows and files


def plant(person, age):
    """A row of each kind, so many days old."""
    at = timezone.now() - age * DAY
    account = person.account
    files = {name: ContentFile(b"x", f"{name}.csv") for name in ("file", "error_file")}
    rows = {
        "sign-in": LoginEvent.objects.create(user=person, at=at),
        "mail": MailLog.objects.create(account=account, kind="welcome", sent_at=at),
        "look-up": LookUp.objects.create(actor=person, digest="d", at=at),
        "names": StaffNamesShown.objects.create(
            actor=person, account_id=account.pk, first_day=at.date(), last_day=at.date(), at=at
        ),
        "export": UserAudit.objects.create(user=person, actor=person, event="data taken out", at=at),
        "download": TranscriptDownload.objects.create(
            account=account, generated_by=person, created_at=at, file=files["file"]
        ),
        "import": ImportLog.objects.create(account=account, uploaded_at=at, state="completed", **files),
    }
    rows["change"] = UserAudit.objects.create(user=person, actor=person, event="changed", at=at)
    return rows


def left(rows):
    found = {name for name, row in rows.items() if type(row)._base_manager.filter(pk=row.pk).exists()}
    log = ImportLog.objects.get(pk=rows["import"].pk)
    return found, bool(log.file), bool(log.error_file)


def test_each_kind_goes_after_its_own_period(decided, person):
    fresh, half, old = plant(person, 170), plant(person, 190), plant(person, 366)
    stored = [(file.storage, file.name) for row in (old["download"], old["import"]) for file in [row.file]]
    assert evidence.evidence_due() == {"sign_ins": 2, "mails": 1, "look_ups": 2, "exports": 2, "import_files": 1}
    assert evidence.evidence_clear() == {"sign_ins": 2, "mails": 1, "look_ups": 2, "exports": 2, "import_files": 1}
    everything = {"sign-in", "mail", "look-up", "names", "export", "download", "import", "change"}
    assert left(fresh) == (everything, True, True)
    assert left(half) == (everything - {"sign-in"}, True, True)
    # The import's line stays, with its counts; other entries of the user audit have no period.
    assert left(old) == ({"import", "change"}, False, False)
    assert not any(storage.exists(name) for storage, name in stored)
    kept = half["download"].file
    assert kept.storage.exists(kept.name)
    assert evidence.evidence_due() == evidence.evidence_clear() == {}


def test_nothing_goes_where_nobody_has_decided_or_without_an_end(person):
    rows = plant(person, 4_000)
    assert evidence.is_undecided()
    assert evidence.evidence_due() == evidence.evidence_clear() == {}
    evidence_periods_set(acting_user=None, days=dict.fromkeys(Evidence))
    assert not evidence.is_undecided()
    assert evidence.evidence_clear() == {}
    assert len(left(rows)[0]) == 8
    evidence_periods_set(acting_user=None, days={Evidence.MAILS: 365})
    assert evidence.evidence_clear() == {"mails": 1}


def test_files_of_an_account_in_an_open_request_stay(decided, person, ended):
    old = plant(person, 400)
    elsewhere = plant(UserFactory(), 400)
    ended(timezone.now(), status=Status.RUNNING)
    evidence.evidence_clear()
    assert left(old) == ({"download", "import", "change"}, True, True)
    assert left(elsewhere) == ({"import", "change"}, False, False)


def test_a_running_import_keeps_its_file(decided, person):
    rows = plant(person, 400)
    ImportLog.objects.filter(pk=rows["import"].pk).update(state="running")
    evidence.evidence_clear()
    assert left(rows)[1:] == (True, True)


def test_small_chunks_reach_everything_past_what_has_to_stay(decided, person, ended, monkeypatch):
    monkeypatch.setattr(evidence, "ROWS", 2)
    monkeypatch.setattr(evidence, "FEW", 2)
    ended(timezone.now(), status=Status.RUNNING)
    first = [plant(person, 400) for _number in range(3)]
    last = [plant(UserFactory(), 400) for _number in range(3)]
    evidence.evidence_clear()
    assert {left(rows)[1] for rows in first} == {True}
    assert {left(rows)[1] for rows in last} == {False}
    assert not LoginEvent.objects.exists()


def test_whoever_is_killed_between_file_and_row_is_followed_by_somebody_who_ends_it(decided, person, monkeypatch):
    rows = plant(person, 400)
    monkeypatch.setattr(evidence.transaction, "atomic", None)
    with pytest.raises(TypeError):
        evidence.evidence_clear()
    monkeypatch.undo()
    evidence.evidence_clear()
    assert left(rows) == ({"import", "change"}, False, False)


# ---------------------------------------------------------------- requests


@pytest.mark.usefixtures("in_2030", "decided")
def test_requests_become_counts_three_years_after_their_years_end(account, ended):
    old = ended(datetime(2026, 12, 31, 14, tzinfo=UTC), took=40 * DAY, events=("residue",))
    ended(datetime(2026, 3, 5, tzinfo=UTC), own=False)
    ended(datetime(2026, 3, 7, tzinfo=UTC), status=Status.CANCELLED, events=("cancelled",))
    young = ended(datetime(2027, 1, 1, tzinfo=UTC))
    assert evidence.evidence_due() == {"requests": 3}
    assert evidence.evidence_clear() == {"requests": 3}
    assert references() == {young.reference}
    assert SuppressionHash.objects.get().request == young
    assert not LedgerEntry.objects.filter(request_id=old.pk).exists()
    counts = EvidenceCount.across_accounts.order_by("month").values_list(
        "month", "accepted", "completed", "late", "cancelled", "found", "people", "own"
    )
    assert list(counts) == [
        (date(2026, 3, 1), 2, 1, 0, 1, 0, 1, 0),
        (date(2026, 11, 1), 1, 0, 0, 0, 0, 0, 0),
        (date(2026, 12, 1), 0, 1, 1, 0, 1, 1, 1),
    ]
    assert {row.account_id for row in EvidenceCount.across_accounts.all()} == {account.pk}


@pytest.mark.usefixtures("in_2030", "decided")
def test_a_report_goes_on_counting_them(account, ended):
    ended(datetime(2026, 8, 5, tzinfo=UTC))
    ended(datetime(2026, 8, 6, tzinfo=UTC), owner=AccountFactory())
    evidence.evidence_clear()
    requests = PurgeRequest.across_accounts.filter(account_id=account.pk)
    period = period_typed("Asia/Tokyo", quarter="2026-3")
    own = report_of(requests, period, own=account.pk, everything=False)
    assert own.counts_only == {"accepted": 1, "completed": 1, "erased": 1}
    everything = report_of(PurgeRequest.across_accounts.all(), period, everything=True)
    assert everything.counts_only == {"accepted": 2, "completed": 2, "erased": 2}
    half = report_of(
        requests, period_typed("UTC", first="2026-08-02", last="2026-09-30"), own=account.pk, everything=False
    )
    assert half.counts_only == {}


@pytest.mark.usefixtures("in_2030", "decided")
def test_a_request_that_something_needs_stays_with_its_hashes(account, ended):
    at = datetime(2026, 8, 5, tzinfo=UTC)

    def part(of, **fields):
        when = fields.pop("completed_at", at)
        return ended(when, owner=None, origin="elsewhere", reach="others", part_of=of, **fields)

    running = ended(at, status=Status.NEEDS_ATTENTION)
    whole = ended(at)
    part(whole, status=Status.HELD)
    late = ended(at)
    part(late, completed_at=datetime(2027, 2, 2, tzinfo=UTC))
    to_do = ended(at)
    FollowUp.across_accounts.create(request=to_do, kind="k", account_id=account.pk, model="m", row=1)
    again = ended(at)
    ended(datetime(2030, 2, 2, tzinfo=UTC), status=Status.RUNNING, replays=again.reference)
    unwritten = ended(at)
    JournalMark.objects.create(request=unwritten, reached=3, written=2)
    before = references()
    assert evidence.evidence_clear() == {}
    assert references() == before
    # Each goes as soon as nothing needs it any more.
    gone = ended(at)
    part(gone)
    JournalMark.objects.filter(pk=unwritten.pk).update(written=3)
    FollowUp.across_accounts.update(done_at=at)
    assert evidence.evidence_clear() == {"requests": 4}
    assert references() == before - {unwritten.reference, to_do.reference}
    assert SuppressionHash.objects.filter(request=running).exists()


@pytest.mark.usefixtures("in_2030", "decided")
def test_a_request_is_counted_once_whoever_is_killed(ended, monkeypatch):
    ended(datetime(2026, 8, 5, tzinfo=UTC))

    def killed(*_row):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(evidence, "_month", killed)
        evidence.evidence_clear()
    assert len(references()) == 1
    assert not EvidenceCount.across_accounts.exists()
    evidence.evidence_clear()
    assert EvidenceCount.across_accounts.get().completed == 1


# ---------------------------------------------------------------- who decides, and when it is done


def test_operators_alone_decide_and_only_for_a_sensible_time(account):
    admin, support = AdministratorFactory(account=account), UserFactory(is_support=True)
    for somebody in (admin, support):
        with pytest.raises(services.NotAllowed):
            evidence_periods_set(acting_user=somebody, days={Evidence.MAILS: 365})
    root = UserFactory(is_superuser=True, account__kind="system")
    for kind, days in (
        (Evidence.MAILS, 29),
        (Evidence.REQUESTS, 364),
        (Evidence.REQUESTS, 400),
        (Evidence.MAILS, 36_501),
    ):
        with pytest.raises(services.PurgeRefused):
            evidence_periods_set(acting_user=root, days={kind: days})
    assert not EvidencePeriod.objects.exists()
    evidence_periods_set(acting_user=root, days={Evidence.MAILS: 30})
    assert EvidencePeriod.objects.get().days == 30


def test_the_night_does_it(decided, person):
    plant(person, 400)
    nightly = queue.schedules()["purge: evidence"]
    assert (nightly["func"], nightly["minutes"]) == ("purge.tasks.clear_evidence", 1_440)
    assert tasks.clear_evidence() == 7


def test_an_operator_is_asked_once_on_home_and_decides_on_the_data_map(client, account):
    home, page = "/admin/", "/admin/purge/purgerequest/data-map/"
    question = "For how long is evidence kept here?"
    client.force_login(AdministratorFactory(account=account))
    assert question not in client.get(home).content.decode()
    text = client.get(page).content.decode()
    assert "without an end: nobody has decided yet" in text
    assert "Keep evidence so long" not in text
    assert client.post(f"{page}periods/", {"mails": "365"}).status_code == 403

    client.force_login(UserFactory(is_superuser=True, account__kind="system"))
    assert question in client.get(home).content.decode()
    assert 'name="requests" value="3"' in client.get(page).content.decode()
    wrong = client.post(f"{page}periods/", {"mails": "3"})
    assert wrong.status_code == 200
    assert "greater than or equal to 30" in wrong.content.decode()
    typed = {
        "requests": "3",
        "sign_ins": "180",
        "mails": "",
        "look_ups": "365",
        "exports": "365",
        "import_files": "365",
    }
    assert client.post(f"{page}periods/", typed).status_code == 302
    assert {row.kind: row.days for row in EvidencePeriod.objects.all()} == {**STANDARD, "mails": None}
    assert question not in client.get(home).content.decode()
    text = client.get(page).content.decode()
    assert "3 years after the end of the year in which they ended, then counts only" in text
    assert "<td>180 days</td>" in text
    assert "<td>without an end</td>" in text


def ran(*arguments):
    out = io.StringIO()
    call_command("purge_evidence", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_decides_and_does(person):
    with pytest.raises(CommandError) as undecided:
        ran()
    assert undecided.value.returncode == 1
    for wrong in (("--keep", "mails"), ("--keep", "nothing=3"), ("--keep", "mails=x")):
        with pytest.raises(CommandError) as refused:
            ran(*wrong)
        assert refused.value.returncode == 2
    rows = plant(person, 400)
    told = json.loads(ran("--standard", "--keep", "mails=always", "--json"))
    assert {each["kind"]: each["days"] for each in told["periods"]} == {**STANDARD, "mails": None}
    assert told["due"] == {"sign_ins": 1, "look_ups": 2, "exports": 2, "import_files": 1}
    assert len(left(rows)[0]) == 8
    assert json.loads(ran("--clear", "--json"))["went"] == told["due"]
