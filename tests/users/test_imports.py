"""The user CSV import: files as companies have them."""

import io
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from purge import services as purge
from purge.models import PurgeRequest
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users import imports
from users.imports import loading, mapping
from users.imports.reading import detect_delimiter
from users.models import (
    Account,
    DeletedCount,
    FormerEmail,
    ImportLog,
    ImportNote,
    ImportRowError,
    ImportState,
    User,
    UserRole,
    UserState,
)
from users.services import ServiceError

pytestmark = pytest.mark.django_db
SAMPLE = Path(__file__).parent.parent / "data" / "users-sample.csv"
HEAD = "Name,E-Mail,Unique User ID,Profile,Manager,State,Deletion date\n"


@pytest.fixture
def acme() -> Account:
    account = AccountFactory(time_zone="Europe/Berlin")
    account.boss = AdministratorFactory(account=account, email="boss@acme.example")
    return account


def start(account: Account, content: str | bytes, **extra) -> ImportLog:
    data = content.encode() if isinstance(content, str) else content
    return imports.user_import_start(acting_user=account.boss, account=account, file=io.BytesIO(data), **extra)


def load(account: Account, content: str | bytes, **extra) -> ImportLog:
    log = start(account, content, **extra)
    imports.run_import(log.pk)
    log.refresh_from_db()
    assert log.state == ImportState.COMPLETED
    return log


def counts(log: ImportLog) -> dict[str, int]:
    names = ("added", "updated", "unchanged", "revived", "previously_purged", "failed")
    return {name: getattr(log, name) for name in names if getattr(log, name)}


def errors(log: ImportLog) -> dict[int, str]:
    return dict(ImportRowError.objects.filter(log=log).values_list("line", "reason"))


def user(account: Account, email: str) -> User:
    return User.objects.get(account=account, email_key=email)


# ---------------------------------------------------------------- files


def test_the_customers_sample_goes_in(acme):
    log = load(acme, SAMPLE.read_bytes())
    assert counts(log) == {"added": 5}
    jim = user(acme, "jimsmithprime@gmail.com")
    assert (jim.name, jim.profile, jim.manager.email) == ("Jim Smith", "CEO", "howardwaltersprime@gmail.com")
    assert user(acme, "howardwaltersprime@gmail.com").manager is None


def test_importing_again_is_harmless(acme):
    load(acme, SAMPLE.read_bytes())
    before = list(User.objects.order_by("pk").values())
    log = load(acme, SAMPLE.read_bytes())
    assert counts(log) == {"unchanged": 5}
    assert list(User.objects.order_by("pk").values()) == before


ROWS = (
    ["Employee's Name", "Employee's E-mail*", "UUID"],
    ["Jürgen Groß", "jürgen@acme.example", "U-1"],
    ["Ann", "ann@acme.example", "U-2"],
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_line_ends_and_separators(acme, encoding, end, delimiter):
    content = end.join(delimiter.join(row) for row in ROWS) + end
    log = load(acme, content.encode(encoding))
    assert counts(log) == {"added": 2}, errors(log)
    assert user(acme, "jürgen@acme.example").name == "Jürgen Groß"


def test_quoted_line_breaks_extra_empty_columns_and_titles_above_the_heading(acme):
    content = (
        "People of Acme,,,\n,,,\n"
        'Name,E-Mail,,"Job\ntitle",,\n'
        '"Archer,\nAnn",ann@acme.example,,"Head of\nTraining",,\n\n'
        "Bob,bob@acme.example\n"
    )
    log = load(acme, content)
    assert counts(log) == {"added": 2}, errors(log)
    assert user(acme, "ann@acme.example").profile == "Head of\nTraining"


def test_a_delimiter_inside_quotes_does_not_count():
    assert detect_delimiter('"a,b,c";"d,e"\n"f,g";h\n') == ";"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04 rest of a spreadsheet", "spreadsheet"),
        (b"Name,Phone\nAnn,123\n", "heading"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_nothing_is_stored(acme, content, words):
    with pytest.raises(ServiceError, match=words):
        start(acme, content)
    assert not ImportLog.objects.exists()


# ---------------------------------------------------------------- columns


@pytest.mark.parametrize(
    ("headings", "fields"),
    [
        (
            ["Employee Name", "Employee's E-mail", "Employee's Designation", "Email of the Employee's Manager"],
            ["name", "email", "profile", "manager"],
        ),
        (["E-Mail*", "NAME", "Unique User ID"], ["email", "name", "unique_id"]),
        (
            ["email", "name", "employee id", "status", "date of deletion"],
            ["email", "name", "unique_id", "state", "deleted_on"],
        ),
        (["Manager's email", "Mail", "Full name"], ["manager", "email", "name"]),
    ],
)
def test_columns_are_proposed_from_headings_as_people_write_them(headings, fields):
    proposed = mapping.propose(headings)
    assert [next(f for f, at in proposed.items() if at == position) for position in range(len(headings))] == fields


def test_a_corrected_column_is_remembered_for_the_account(acme):
    content = "Name,E-Mail,Badge\nAnn,ann@acme.example,B-1\n"
    log = start(acme, content, wait=True)
    assert log.mapping["positions"] == {"email": 1, "name": 0}
    imports.user_import_confirm(acting_user=acme.boss, log=log, positions={"email": 1, "name": 0, "unique_id": 2})
    imports.run_import(log.pk)
    assert user(acme, "ann@acme.example").unique_user_id == "B-1"
    acme.refresh_from_db()
    acme.boss = User.objects.get(pk=acme.boss.pk)
    again = load(acme, "Badge,Name,E-Mail\nB-2,Bob,bob@acme.example\n")
    assert counts(again) == {"added": 1}
    assert user(acme, "bob@acme.example").unique_user_id == "B-2"


def test_a_mapping_that_lacks_a_column_or_uses_one_twice_is_refused(acme):
    log = start(acme, "Name,E-Mail\nAnn,ann@acme.example\n", wait=True)
    for positions in ({"name": 0}, {"name": 0, "email": 0}, {"name": 0, "email": 7}):
        with pytest.raises(ServiceError):
            imports.user_import_confirm(acting_user=acme.boss, log=log, positions=positions)
    imports.user_import_confirm(acting_user=acme.boss, log=log, positions={"name": 0, "email": 1})
    imports.run_import(log.pk)
    with pytest.raises(ServiceError, match="begun"):
        imports.user_import_confirm(acting_user=acme.boss, log=log, positions={"name": 0, "email": 1})


# ---------------------------------------------------------------- rows


def test_good_rows_go_in_and_each_bad_one_is_reported_with_line_and_reason(acme):
    future = (timezone.now() + timedelta(days=3)).date().isoformat()
    UserFactory(account=acme, email="other@acme.example", unique_user_id="U-9")
    lines = [
        "Ann,ann@acme.example,U-1,CEO,ROOT,ACTIVE,",
        "Bob,not an address,U-2,,,,",
        ",nameless@acme.example,U-3,,,,",
        "Ann again,ANN@acme.example,U-4,,,,",
        "Eve,eve@acme.example,U-5,,,GONE,",
        f"Fay,fay@acme.example,U-6,,,DELETED,{future}",
        "Gus,gus@acme.example,U-7,,,DELETED,yesterday",
        f"{'x' * 300},long@acme.example,U-8,,,,",
        "Ida,ida@acme.example,U-9,,,,",
        "Own,own@acme.example,U-10,,own@acme.example,,",
        "Kim,kim@acme.example,U-11,,nobody@acme.example,,",
        "Lee,lee@acme.example,U-12,,ann@acme.example,DELETED,2026-01-31",
    ]
    log = load(acme, HEAD + "\n".join(lines) + "\n")
    found = errors(log)
    assert sorted(found) == [3, 4, 5, 6, 7, 8, 9, 11, 12]
    for line, word in {
        3: "E-mail",
        4: "Name",
        5: "earlier",
        6: "ACTIVE or DELETED",
        7: "future",
        8: "2026-01-31",
        9: "longer",
        11: "own manager",
        12: "Manager",
    }.items():
        assert word in found[line], found[line]
    assert "@" not in str(found)
    # The row with the ID of somebody who is there is about him: his address changed.
    assert FormerEmail.objects.get(user__unique_user_id="U-9").email == "other@acme.example"
    assert user(acme, "kim@acme.example").manager is None
    lee = user(acme, "lee@acme.example")
    assert (lee.state, lee.deleted_month) == (UserState.DELETED, "2026-01")
    assert DeletedCount.objects.get(account=acme, month="2026-01").n == 1
    assert log.failed + log.added + log.updated + log.unchanged >= log.total_rows


def test_managers_may_stand_later_in_the_file_and_circles_are_refused(acme):
    log = load(
        acme,
        "Name,E-Mail,Manager\nA,a@acme.example,b@acme.example\nB,b@acme.example,c@acme.example\n"
        "C,c@acme.example,Acme Ltd.\nX,x@acme.example,y@acme.example\nY,y@acme.example,x@acme.example\n",
    )
    assert user(acme, "a@acme.example").manager == user(acme, "b@acme.example")
    assert user(acme, "b@acme.example").manager == user(acme, "c@acme.example")
    assert user(acme, "c@acme.example").manager is None
    assert user(acme, "x@acme.example").manager is None
    assert sorted(errors(log)) == [5, 6]


def test_two_rows_with_one_unique_user_id_do_not_stop_the_batch(acme):
    log = load(acme, HEAD + "A,a@acme.example,U-1,,,,\nB,b@acme.example,U-2,,,,\nC,c@acme.example,U-2,,,,\n")
    assert User.objects.filter(account=acme, email_key__in=["a@acme.example", "b@acme.example"]).count() >= 1
    assert User.objects.filter(account=acme, unique_user_id="U-2").count() == 1
    assert log.state == ImportState.COMPLETED


def test_an_active_person_is_deleted_by_a_row_but_never_the_last_administrator(acme):
    UserFactory(account=acme, email="ann@acme.example")
    log = load(
        acme,
        HEAD + "Ann,ann@acme.example,,,,DELETED,2026-02-10\nBoss,boss@acme.example,,,,DELETED,2026-02-10\n",
    )
    assert user(acme, "ann@acme.example").deleted_month == "2026-02"
    assert user(acme, "boss@acme.example").state == UserState.ACTIVE
    assert list(errors(log)) == [3]


# ---------------------------------------------------------------- people who were here before


def test_a_deleted_person_is_revived_as_learner_and_refused_only_when_both_ids_differ(acme):
    old = UserFactory(account=acme, email="ann@acme.example", unique_user_id="U-1", roles=["author"], deleted=True)
    other = UserFactory(account=acme, email="bob@acme.example", unique_user_id="U-2", deleted=True)
    log = load(acme, "Name,E-Mail,UUID\nAnn,ann@acme.example,U-1\nBob,bob@acme.example,U-77\n")
    assert counts(log) == {"revived": 1, "failed": 1}
    old.refresh_from_db()
    other.refresh_from_db()
    assert (old.state, other.state) == (UserState.ACTIVE, UserState.DELETED)
    assert not UserRole.objects.filter(user=old).exists()
    assert ImportNote.objects.get(log=log).kind == "revived"
    assert "Unique User ID" in errors(log)[3]


def purge_now(account: Account, person: User) -> PurgeRequest:
    from purge import tasks

    request = purge.purge_submit(acting_user=account.boss, account_id=account.pk, user_ids=[person.pk])
    tasks.run_request(request.pk)
    request.refresh_from_db()
    assert request.status == "completed"
    return request


def test_a_person_being_purged_is_refused_and_a_purged_one_is_new_from_nothing(acme):
    person = UserFactory(account=acme, email="ann@acme.example", deleted=True)
    content = "Name,E-Mail\nAnn,ann@acme.example\n"
    request = purge.purge_submit(acting_user=acme.boss, account_id=acme.pk, user_ids=[person.pk])
    frozen = load(acme, content)
    assert counts(frozen) == {"failed": 1}
    assert "being purged" in errors(frozen)[2]
    from purge import tasks

    tasks.run_request(request.pk)
    log = load(acme, content)
    assert counts(log) == {"added": 1, "previously_purged": 1}
    assert ImportNote.objects.get(log=log).reference == request.reference
    assert user(acme, "ann@acme.example").pk != person.pk


def test_a_file_uploaded_before_a_purge_brings_nobody_back_however_late_it_is_processed(acme):
    person = UserFactory(account=acme, email="ann@acme.example", deleted=True)
    content = "Name,E-Mail\nAnn,ann@acme.example\nBob,bob@acme.example\n"
    early = start(acme, content)
    purge_now(acme, person)
    imports.run_import(early.pk)
    early.refresh_from_db()
    # The stored file went with the purge, so the whole import says so.
    assert early.state == ImportState.FAILED
    assert not User.objects.filter(account=acme, email_key="ann@acme.example").exists()


def test_a_row_of_somebody_purged_since_the_upload_is_refused(acme):
    person = UserFactory(account=acme, email="ann@acme.example", deleted=True)
    purge_now(acme, person)
    log = start(acme, "Name,E-Mail\nAnn,ann@acme.example\nBob,bob@acme.example\n")
    ImportLog.objects.filter(pk=log.pk).update(uploaded_at=datetime(2020, 1, 1, tzinfo=UTC))
    imports.run_import(log.pk)
    log.refresh_from_db()
    assert counts(log) == {"added": 1, "failed": 1}
    assert "purged after" in errors(log)[2]


def test_links_die_with_the_acceptance_of_a_purge(acme):
    person = UserFactory(account=acme, email="ann@acme.example", deleted=True)
    log = load(acme, "Name,E-Mail\nAnn Other,ann2@acme.example\n")
    with imports.import_file_open(log=log) as stored:
        assert b"ann2@" in stored.read()
    purge.purge_submit(acting_user=acme.boss, account_id=acme.pk, user_ids=[person.pk])
    log.refresh_from_db()
    with pytest.raises(imports.LinkDead, match="no longer available since a purge"):
        imports.import_file_open(log=log)


def test_a_link_dies_at_once_when_its_file_mentions_the_address_of_an_other_user(acme):
    mentions = load(acme, "Name,E-Mail,Manager\nAnn,ann@acme.example,outsider@x.example\n")
    harmless = load(acme, "Name,E-Mail\nBob,bob@acme.example\n")
    purge.purge_submit_address(acting_user=acme.boss, account_id=acme.pk, address="outsider@x.example")
    with pytest.raises(imports.LinkDead):
        imports.import_file_open(log=mentions)
    imports.import_file_open(log=harmless).close()


# ---------------------------------------------------------------- killed, twice, large


class Killed(BaseException):
    pass


def test_killed_in_the_middle_and_delivered_again_each_row_counts_once(acme, monkeypatch):
    monkeypatch.setattr(loading, "BATCH", 10)
    content = "Name,E-Mail\n" + "".join(f"P {n},p{n}@acme.example\n" for n in range(35))
    log = start(acme, content)
    real, calls = loading._in_transaction, {"n": 0}

    def killed(*args, **kwargs):
        calls["n"] += 1
        if calls["n"] == 3:
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(loading, "_in_transaction", killed)
    with pytest.raises(Killed):
        imports.run_import(log.pk)
    log.refresh_from_db()
    assert (log.rows_done, log.state) == (20, ImportState.RUNNING)
    imports.run_import(log.pk)
    imports.run_import(log.pk)
    log.refresh_from_db()
    assert (log.added, log.unchanged, log.rows_done, log.total_rows) == (35, 0, 35, 35)


def test_memory_stays_flat_and_progress_is_told(acme):
    rows = 20_000
    content = ("Name,E-Mail,UUID\n" + "".join(f"P {n},p{n}@acme.example,U-{n}\n" for n in range(rows))).encode()
    log = start(acme, content)
    del content
    tracemalloc.start()
    imports.run_import(log.pk)
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    log.refresh_from_db()
    assert (log.added, log.rows_done) == (rows, rows)
    # A thousand rows are in hand at a time; all of them would be sixty megabytes.
    assert most < 30_000_000


# ---------------------------------------------------------------- the command


def test_the_command_imports_and_tells_bad_rows(acme, tmp_path, capsys):
    file = tmp_path / "users.csv"
    file.write_text("Name,E-Mail\nAnn,ann@acme.example\nBob,nonsense\n")
    with pytest.raises(SystemExit) as end:
        call_command("user_import", acme.subdomain, str(file), "--json")
    assert end.value.code == 1
    assert '"added": 1' in capsys.readouterr().out
    file.write_text("Name,E-Mail\nAnn,ann@acme.example\n")
    call_command("user_import", acme.subdomain, str(file))
    for arguments in (["nowhere", str(file)], [acme.subdomain, str(tmp_path / "missing.csv")]):
        with pytest.raises(CommandError):
            call_command("user_import", *arguments)
