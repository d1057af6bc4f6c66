"""Stored files of every kind: whoever stands in one is found, by the purge and by the proof, each by its own reading.

The files are written by the libraries that write such files in the field (:mod:`tests.purge.addresses.corpus`).
"""

import io
import json

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.urls import reverse

from purge import services, tasks
from purge.choices import Status, Verdict
from purge.models import PurgeRequest, Residue
from purge.proof.opening import looking
from purge.proof.opening.reader import read as read_by_the_proof
from purge.run import engine
from purge.sandbox import child
from purge.sandbox.parent import Sandbox, SandboxBroken
from purge.steps.opening import stored
from purge.steps.opening.reader import read as read_by_the_step
from purge.upkeep.patrol import patrol_all
from tests.factories.learning import CertificateFactory
from tests.factories.messaging import TranscriptDownloadFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory, trial_with_creator
from tests.purge.addresses import corpus

EVE = "eve@acme.example"
#: Other mailboxes, of which the address looks like a part.
NEIGHBOURS = ("jo.eve@acme.example", "r&eve@acme.example", "eve@acme.example.au")

#: By name: the content, and why it cannot be opened.
UNREADABLE = {
    "encrypted workbook": (corpus.encrypted_workbook, "encrypted"),
    "encrypted pdf": (corpus.encrypted_pdf, "encrypted"),
    "encrypted archive": (corpus.encrypted_archive, "encrypted"),
    "damaged pdf": (corpus.damaged_pdf, "damaged"),
    "damaged archive": (corpus.damaged_archive, "damaged"),
    "scan": (corpus.scanned_pdf, "picture"),
    "picture": (corpus.picture, "picture"),
    "bytes": (corpus.unknown, "unknown"),
}


@pytest.fixture
def account(db):
    return AccountFactory(name="Acme")


@pytest.fixture
def admin_user(account):
    return AdministratorFactory(account=account, email="ada@acme.example")


@pytest.fixture
def eve(account):
    return UserFactory(account=account, email=EVE, deleted=True)


@pytest.fixture
def download(account):
    """Stores what somebody of the account has downloaded."""
    person = UserFactory(account=account)

    def store(content, name="file"):
        row = TranscriptDownloadFactory(account=account, generated_by=person, file="")
        row.file.save(name, ContentFile(content))
        return row

    return store


def purged(admin_user, account, eve):
    purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    for _slice in range(20):
        if purge_request.status in (Status.ERASED, Status.COMPLETED, Status.RESIDUE, Status.NEEDS_ATTENTION):
            break
        PurgeRequest.objects.filter(pk=purge_request.pk).update(lease_until=None, next_attempt_at=None)
        tasks.run_request(purge_request.pk)
        purge_request.refresh_from_db()
    return purge_request


def planted(download):
    """Every kind of file with the person in it, and with each neighbour in it; by name."""
    with_eve = {name: download(write(EVE)) for name, write in corpus.WRITERS.items()}
    without = {
        f"{name} {address}": download(write(address))
        for number, (name, write) in enumerate(corpus.WRITERS.items())
        for address in (NEIGHBOURS[number % len(NEIGHBOURS)],)
    }
    return with_eve, without


def is_there(row):
    name = row.file.name
    row.refresh_from_db()
    assert bool(row.file) is default_storage.exists(name)
    return bool(row.file)


# ---------------------------------------------------------------- who stands in them


def test_the_purge_finds_a_person_in_every_kind_of_file(account, admin_user, eve, download, settings):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    with_eve, without = planted(download)
    assert purged(admin_user, account, eve).status == Status.ERASED
    assert [name for name, row in with_eve.items() if is_there(row)] == []
    assert [name for name, row in without.items() if not is_there(row)] == []


def test_the_proof_finds_a_person_in_every_kind_of_file_that_the_purge_does_not_read(
    account, admin_user, eve, download, settings, monkeypatch
):
    """With the reading of the treatments switched off."""
    settings.PURGE_PATROL_AT_ONCE_ROWS = 1_000_000_000
    with_eve, without = planted(download)
    monkeypatch.setattr(stored.Opener, "look", lambda *_args, **_options: stored.Found())
    with monkeypatch.context() as once:
        once.setattr(engine, "MAX_RERUNS", 0)
        purge_request = purged(admin_user, account, eve)
    assert purge_request.status == Status.RESIDUE
    found = set(purge_request.residues.values_list("row", flat=True))
    assert [name for name, row in with_eve.items() if str(row.pk) not in found] == []
    assert [name for name, row in without.items() if str(row.pk) in found] == []
    assert {place.column for place in Residue.objects.all()} == {"file"}


def test_what_only_the_proof_finds_is_treated_before_the_request_completes(
    account, admin_user, eve, download, settings, monkeypatch
):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 1_000_000_000
    row, neighbour = download(corpus.zipped(EVE)), download(corpus.zipped(NEIGHBOURS[0]))
    monkeypatch.setattr(stored.Opener, "look", lambda *_args, **_options: stored.Found())
    assert purged(admin_user, account, eve).status == Status.COMPLETED
    assert not is_there(row) and is_there(neighbour)


def test_without_the_proofs_reading_nothing_would_be_noticed(account, admin_user, eve, download, settings, monkeypatch):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 1_000_000_000
    row = download(corpus.zipped(EVE))
    monkeypatch.setattr(stored.Opener, "look", lambda *_args, **_options: stored.Found())
    monkeypatch.setattr(looking.Looker, "look", lambda *_args, **_options: looking.Seen())
    assert purged(admin_user, account, eve).status == Status.COMPLETED
    assert is_there(row)


def addresses_of(read, content):
    return {word["address"] for word in read(content) if "address" in word}


ENCODINGS = {
    # An encoding of what Excel and LibreOffice save as text, and an address with a letter of it.
    "müller@bücher.example": (
        "utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 utf-7 cp1252 cp1250 cp1254 cp1257 iso8859-1 iso8859-2 "
        "iso8859-15 cp437 cp850 cp852 cp857 cp865 mac-roman mac-latin2 mac-iceland"
    ),
    "żółć@x.example": "cp1250 iso8859-2 cp852 iso8859-16 mac-latin2",
    "иван@почта.example": "cp1251 koi8-r koi8-u iso8859-5 cp866 cp855 mac-cyrillic kz1048 ptcp154",
    "λόγον@ξ.example": "cp1253 iso8859-7 cp737 cp869 mac-greek",
    "şehir@x.example": "cp1254 iso8859-9 cp857 mac-turkish",
    "דנה@x.example": "cp1255 iso8859-8 cp862",
    "หนู@x.example": "cp874 tis-620",
}


@pytest.mark.parametrize("read", [read_by_the_step, read_by_the_proof], ids=["step", "proof"])
def test_text_in_every_encoding_that_office_programs_write(read):
    missed = [
        (address, encoding)
        for address, encodings in ENCODINGS.items()
        for encoding in encodings.split()
        if address not in addresses_of(read, f'"Name";{address};1\r\n'.encode(encoding))
    ]
    assert missed == []


@pytest.mark.parametrize("read", [read_by_the_step, read_by_the_proof], ids=["step", "proof"])
def test_a_letter_in_no_known_encoding_is_a_part_of_the_address(read):
    """Else another mailbox would be taken for the shorter one: müeve@… is not eve@…"""
    for encoding in ("utf-8", "cp1252", "mac-roman", "cp850", "cp437"):
        assert EVE not in addresses_of(read, f"Name;mü{EVE};1\r\n".encode(encoding))
    for encoding in ("gb18030", "cp932", "euc-jp", "cp950", "cp949", "iso2022-jp-2"):
        assert EVE in addresses_of(read, f"日本{EVE}\r\n".encode(encoding)), encoding


@pytest.mark.parametrize("read", [read_by_the_step, read_by_the_proof], ids=["step", "proof"])
def test_a_folded_calendar_is_read_unfolded_alone(read):
    folded = f"BEGIN:VCALENDAR\r\nATTENDEE:mailto:jo.\r\n {EVE}\r\nCOMMENT:{EVE}\r\n .au\r\nEND:VCALENDAR\r\n"
    assert addresses_of(read, folded.encode()) == {"jo.eve@acme.example", "eve@acme.example.au"}
    folded = "BEGIN:VCALENDAR\r\nATTENDEE;CN=J\xfc\r\n rgen:mailto:e\r\n\tve@acme.example\r\nEND:VCALENDAR\r\n"
    assert EVE in addresses_of(read, folded.encode())


# ---------------------------------------------------------------- what cannot be opened


@pytest.mark.parametrize("read", [read_by_the_step, read_by_the_proof], ids=["step", "proof"])
def test_what_cannot_be_read_is_said_by_kind(read):
    said = {
        name: {word["unopened"] for word in read(write()) if "unopened" in word}
        for name, (write, _kind) in UNREADABLE.items()
    }
    assert said == {name: {kind} for name, (_write, kind) in UNREADABLE.items()}
    # The logo of a message is no file that could not be opened, nor is anything that can be read.
    for write in (corpus.message_with_picture, *(lambda write=write: write(EVE) for write in corpus.WRITERS.values())):
        assert not [word for word in read(write()) if "unopened" in word]


def test_what_cannot_be_opened_goes_or_stays_as_its_column_says_and_is_listed(
    account, admin_user, eve, download, settings, client
):
    """Downloads go; the rest of the test is about a column whose rule says that they stay."""
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    rows = {name: download(write()) for name, (write, _kind) in UNREADABLE.items()}
    readable = download(corpus.pdf_by_reportlab("jo@q.example"))
    purge_request = purged(admin_user, account, eve)
    assert purge_request.status == Status.ERASED
    assert not any(is_there(row) for row in rows.values())
    assert is_there(readable)
    listed = {"encrypted": 3, "damaged": 2, "picture": 2, "unknown": 1}
    assert _kinds(purge_request) == {kind: (number, number) for kind, number in listed.items()}


def test_what_stays_unopened_is_never_called_clean(
    account, admin_user, eve, download, settings, client, monkeypatch, capsys
):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    _let_unopened_stay(monkeypatch)
    rows = [download(corpus.encrypted_pdf()), download(corpus.encrypted_archive()), download(corpus.picture())]
    elsewhere = TranscriptDownloadFactory(account=trial_with_creator()[0], file="")
    elsewhere.file.save("file", ContentFile(corpus.picture()))
    purge_request = purged(admin_user, account, eve)
    assert purge_request.status == Status.ERASED
    assert all(is_there(row) for row in (*rows, elsewhere))

    assert patrol_all().verdict == Verdict.UNOPENED
    purge_request.refresh_from_db()
    assert purge_request.status == Status.COMPLETED

    assert _kinds(purge_request) == {"encrypted": (2, 0), "picture": (2, 0)}
    call_command("purge_verify", purge_request.reference, "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == "unopened"
    assert {file["kind"]: file["files"] for file in said["unopened"]} == {"encrypted": 2, "picture": 2}
    call_command("purge_status", purge_request.reference)
    assert "unopened    2 files: encrypted" in capsys.readouterr().out
    # Their administrator learns nothing of other accounts' files.
    client.force_login(admin_user)
    page = client.get(reverse("admin:purge_purgerequest_change", args=[purge_request.pk])).content.decode()
    assert "Files that could not be opened" in page
    assert "2 files: encrypted" in page and "1 file: picture, scan, sound or film" in page
    assert "found no remaining data. What stands in the files listed below cannot be said." in page

    # Once they have gone a later look lists them no more.
    for row in (*rows, elsewhere):
        row.file.delete()
    call_command("purge_verify", purge_request.reference, "--json")
    assert json.loads(capsys.readouterr().out)["verdict"] == "clean"
    assert _kinds(purge_request) == {}


def _kinds(purge_request):
    kinds = {}
    for kind, erased in purge_request.unopened_files.values_list("kind", "erased"):
        number, gone = kinds.get(kind, (0, 0))
        kinds[kind] = number + 1, gone + erased
    return kinds


def _let_unopened_stay(monkeypatch):
    from dataclasses import replace

    from messaging.models import TranscriptDownload
    from purge.rules.registry import get_registry

    entry = get_registry().entry_of(TranscriptDownload)
    column = entry.columns["file"]
    stays = replace(column, rule=replace(column.rule, goes_unopened=False))
    monkeypatch.setitem(entry.columns, "file", stays)


# ---------------------------------------------------------------- within limits


def test_a_child_has_nothing_of_its_parent_and_ends_with_what_it_cannot_do(monkeypatch, tmp_path):
    """What a library does with a hostile file: too much memory, too much time, a crash, an error."""
    reader = tmp_path / "hostile_reader.py"
    reader.write_text(
        "import os, sys\n"
        "from purge.sandbox.child import serve\n"
        "def read(content):\n"
        "    yield {'said': 'first'}\n"
        "    match bytes(content):\n"
        "        case b'memory': held = bytearray(3_000_000_000)\n"
        "        case b'time':\n"
        "            while True: pass\n"
        "        case b'crash': os.abort()\n"
        "        case b'error': raise KeyError\n"
        "        case b'missing': import a_library_that_is_not_there\n"
        "        case b'killed': os.kill(os.getpid(), 9)\n"
        f"        case b'write': open({str(tmp_path / 'written')!r}, 'wb', 0).write(b'x')\n"
        "        case b'environment': yield sorted(os.environ)\n"
        "if __name__ == '__main__':\n"
        "    from purge.sandbox import child\n"
        "    child.MOST_SECONDS = 1\n"
        "    serve(read)\n"
    )
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    with Sandbox(str(reader)) as sandbox:
        answers = {
            what: sandbox.read(io.BytesIO(what.encode()))
            for what in ("memory", "time", "crash", "error", "write", "fine", "environment")
        }
        for what in ("missing", "killed"):
            with pytest.raises(SandboxBroken):
                sandbox.read(io.BytesIO(what.encode()))
    assert {what: answer.trouble for what, answer in answers.items()} == {
        "memory": child.LIMIT,
        "time": child.LIMIT,
        "crash": child.LIMIT,
        "error": child.FAILED,
        "write": child.FAILED,
        "fine": "",
        "environment": "",
    }
    assert all(answer.said[0] == {"said": "first"} for answer in answers.values())
    assert not {name for name in answers["environment"].said[1] if "DATABASE" in name or "SECRET" in name}
    assert not (tmp_path / "written").exists() or not (tmp_path / "written").read_text()


def test_without_its_libraries_nothing_is_concluded(account, admin_user, eve, download, settings, monkeypatch):
    """Else every file would be one that cannot be opened, and go."""
    settings.PURGE_PATROL_AT_ONCE_ROWS = 0
    row = download(corpus.zipped("jo@q.example"))
    monkeypatch.setattr(stored, "READER", "purge.steps.opening.no_such_reader")
    purge_request = services.purge_submit(acting_user=admin_user, account_id=account.pk, user_ids=[eve.pk])
    tasks.run_request(purge_request.pk)
    purge_request.refresh_from_db()
    assert (purge_request.error_class, purge_request.attempts) == ("SandboxBroken", 1)
    assert is_there(row) and not purge_request.unopened_files.exists()
    monkeypatch.undo()
    PurgeRequest.objects.filter(pk=purge_request.pk).update(next_attempt_at=None)
    tasks.run_request(purge_request.pk)
    assert is_there(row)


@pytest.mark.parametrize("reader", ["purge.steps.opening.reader", "purge.proof.opening.reader"])
def test_a_file_that_swells_is_left_at_its_limit(reader):
    with Sandbox("-m", reader) as sandbox:
        answer = sandbox.read(io.BytesIO(corpus.swelling()))
        assert {"unopened": "limit"} in answer.said or answer.trouble == child.LIMIT
        # And the next file is read.
        assert {"address": EVE, "identities": [EVE]} in sandbox.read(io.BytesIO(corpus.zipped(EVE))).said


# ---------------------------------------------------------------- whose address it is

#: Who goes → who stays, and is the same to whoever looks for an address in a text.
LOOK_ALIKE = ("weiss@acme.example", "wei\u00df@acme.example")


def test_a_file_that_names_somebody_who_only_looks_like_the_person_stays(account, admin_user, download, settings):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 1_000_000_000
    goes, stays = LOOK_ALIKE
    person = UserFactory(account=account, email=goes, deleted=True)
    UserFactory(account=account, email=stays)
    wrote = (corpus.comma_separated, corpus.zipped, corpus.openpyxl_cell, corpus.message_in_base64, corpus.calendar)
    kept = [download(write(stays)) for write in wrote]
    gone = [download(write(goes)) for write in wrote]
    both = download(f"{stays}; {goes}".encode())
    assert purged(admin_user, account, person).status == Status.COMPLETED
    assert [is_there(row) for row in kept] == [True] * len(wrote)
    assert [is_there(row) for row in (*gone, both)] == [False] * (len(wrote) + 1)


def test_the_proof_too_asks_how_an_address_is_written_in_a_file(account, admin_user, download, settings, monkeypatch):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 1_000_000_000
    goes, stays = LOOK_ALIKE
    person = UserFactory(account=account, email=goes, deleted=True)
    UserFactory(account=account, email=stays)
    rows = {address: download(corpus.zipped(address)) for address in LOOK_ALIKE}
    monkeypatch.setattr(stored.Opener, "look", lambda *_args, **_options: stored.Found())
    monkeypatch.setattr(engine, "MAX_RERUNS", 0)
    purge_request = purged(admin_user, account, person)
    assert purge_request.status == Status.RESIDUE
    assert list(purge_request.residues.values_list("row", flat=True)) == [str(rows[goes].pk)]


# ---------------------------------------------------------------- other people's own


def test_files_of_others_stay_and_are_listed_where_they_name_somebody_or_cannot_be_opened(
    account, admin_user, eve, client, settings, capsys
):
    """A certificate says who taught: it is the learner's own, and nobody else's to erase."""
    settings.PURGE_PATROL_AT_ONCE_ROWS = 1_000_000_000
    learner = UserFactory(account=account)

    def certificate(content, user=learner):
        row = CertificateFactory(user=user, file="")
        row.file.save("file", ContentFile(content))
        return row

    names = [certificate(corpus.pdf_by_reportlab(EVE)), certificate(f"taught by {EVE}".encode())]
    twins = [certificate(corpus.pdf_by_reportlab("joeve@acme.example")), certificate(b"taught by nobody")]
    closed = [certificate(corpus.encrypted_pdf()), certificate(corpus.picture())]
    own = certificate(corpus.pdf_by_reportlab(EVE), user=eve)
    elsewhere = certificate(f"taught by {EVE}".encode(), user=UserFactory())
    own_name = own.file.name
    purge_request = purged(admin_user, account, eve)
    assert purge_request.status == Status.COMPLETED
    assert all(is_there(row) for row in (*names, *twins, *closed, elsewhere))
    assert not default_storage.exists(own_name)
    listed = purge_request.possible_mentions.values_list("table", "column", "row")
    assert set(listed) == {("learning_certificate", "file", str(row.pk)) for row in names}
    assert _kinds(purge_request) == {"encrypted": (1, 0), "picture": (1, 0)}
    call_command("purge_status", purge_request.reference)
    said = capsys.readouterr().out
    assert f"learning_certificate.file row {names[0].pk}: another user's own file mentions their address" in said
    assert "unopened    1 file: encrypted" in said
    client.force_login(admin_user)
    page = client.get(reverse("admin:purge_purgerequest_change", args=[purge_request.pk])).content.decode()
    assert "These files are other users’ own and mention an address of a purged user." in page
    assert "1 file: encrypted" in page
    # One that is stored later is noticed too, and what was listed stays so.
    late = certificate(f"taught by {EVE}".encode())
    call_command("purge_verify", purge_request.reference, "--json")
    assert json.loads(capsys.readouterr().out)["verdict"] == "unopened"
    assert {int(row) for row in listed.values_list("row", flat=True)} == {row.pk for row in (*names, late)}
