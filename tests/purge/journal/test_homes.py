"""Several homes of the purge log: each has all of it, and a purge is accepted only when each has taken its line."""

import io
import json
import os
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.utils import timezone

from purge import services
from purge.journal import chains, homes, noticing
from purge.journal.stores import folder as stores_folder
from purge.journal.stores.folder import Folder
from purge.journal.stores.home import HomeAway, Position
from purge.models import JournalAlarm, PurgeRequest, WorkerBeat
from tests.factories.users import AccountFactory, UserFactory
from tests.purge import world as w
from tests.purge.journal.test_chains import OURS
from users.models import AccountKind, User, UserState


@pytest.fixture
def places(settings, tmp_path) -> list[Path]:
    settings.PURGE_JOURNAL_WRITER = "web1"
    settings.PURGE_JOURNAL = [tmp_path / "one" / "purge.jsonl", tmp_path / "two"]
    return [tmp_path / "one" / "purge.jsonl.d", tmp_path / "two"]


def write(*events: str, to_disk: bool = True) -> None:
    for event in events:
        chains.append(OURS, {"event": event}, to_disk=to_disk)


def files(home: Path) -> list[Path]:
    return sorted(home.glob("*.jsonl"))


def contents(home: Path) -> list[bytes]:
    return [file.read_bytes() for file in files(home)]


def events(home: Path) -> list[str]:
    return [json.loads(line)["event"] for file in files(home) for line in file.read_text().splitlines()]


def the_file(home: Path) -> Path:
    (file,) = files(home)
    return file


class Disk:
    """What the system says to those who write in one folder: it takes a part of the line, or does not flush."""

    def __init__(self, monkeypatch, home: Path) -> None:
        self.home, self.takes, self.flushes = home, None, True
        self._write, self._sync = os.write, os.fsync
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "fsync", self.sync)

    def _is_here(self, descriptor: int) -> bool:
        return Path(os.readlink(f"/proc/self/fd/{descriptor}")).parent == self.home

    def write(self, descriptor: int, data: bytes) -> int:
        if self.takes is not None and self._is_here(descriptor):
            return self._write(descriptor, bytes(data)[: self.takes])
        return self._write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        if not self.flushes and self._is_here(descriptor):
            raise OSError(5, "Input/output error")
        self._sync(descriptor)


# ---------------------------------------------------------------- the files


def test_every_home_has_every_line_byte_for_byte(places):
    write("accepted", "committed")
    assert [events(home) for home in places] == [["begun", "accepted", "committed"]] * 2
    assert contents(places[0]) == contents(places[1])
    assert [file.name for file in files(places[0])] == [file.name for file in files(places[1])]


@pytest.mark.parametrize("which", [0, 1], ids=["the first", "the second"])
@pytest.mark.parametrize("trouble", ["takes a part", "takes nothing", "does not flush"])
def test_a_home_that_refuses_takes_the_line_from_all(places, monkeypatch, which, trouble):
    write("accepted")
    before = contents(places[0])
    disk = Disk(monkeypatch, places[which])
    disk.takes, disk.flushes = {"takes a part": (20, True), "takes nothing": (0, True)}.get(trouble, (None, False))
    with pytest.raises(OSError):
        write("accepted")
    assert [contents(home) for home in places] == [before, before]
    disk.takes, disk.flushes = None, True
    write("accepted")
    assert [events(home) for home in places] == [["begun", "accepted", "accepted"]] * 2


@pytest.mark.parametrize("which", [0, 1], ids=["the first", "the second"])
def test_an_outcome_is_written_where_it_can_be_and_the_next_line_brings_the_others_level(places, monkeypatch, which):
    write("accepted")
    disk = Disk(monkeypatch, places[which])
    disk.takes = 7
    write("committed", "completed", to_disk=False)
    assert events(places[which]) == ["begun", "accepted"]
    assert events(places[1 - which]) == ["begun", "accepted", "committed", "completed"]
    (name,) = chains.chain_names(OURS)
    read = [item.event for _position, item in chains.read(name, Position(), chains.settle(name), settled=True)]
    assert read == ["begun", "accepted", "committed", "completed"], "the longest is read"
    disk.takes = None
    write("accepted")
    assert contents(places[0]) == contents(places[1])
    assert events(places[which]) == ["begun", "accepted", "committed", "completed", "accepted"]


def test_the_worker_brings_them_level_too(places, monkeypatch):
    write("accepted")
    disk = Disk(monkeypatch, places[1])
    disk.takes = 0
    write("committed", to_disk=False)
    disk.takes = None
    chains.level(chains.chain_names(OURS)[0])
    assert contents(places[0]) == contents(places[1])


def test_what_a_crash_cut_in_one_home_is_cut_away_and_the_chain_goes_on(places):
    write("accepted")
    with the_file(places[0]).open("ab") as file:
        file.write(b'{"v":2,"seq":3,"prev":"0000')
    write("committed")
    assert contents(places[0]) == contents(places[1])
    assert events(places[0]) == ["begun", "accepted", "committed"]


def test_a_crash_between_two_homes_leaves_a_line_that_the_other_gets(places):
    """Nothing confirms it: its transaction was never committed."""
    write("accepted", "accepted")
    whole = the_file(places[1]).read_bytes()
    the_file(places[1]).write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    stores_folder._tails.clear()
    write("accepted")
    assert contents(places[0]) == contents(places[1])
    assert events(places[1]) == ["begun", "accepted", "accepted", "accepted"]


def test_a_home_that_is_not_mounted_gets_no_files_of_its_own(places):
    write("accepted")
    away = places[1].rename(places[1].with_name("away"))
    with pytest.raises(HomeAway):
        write("accepted")
    places[1].mkdir()  # the place where it is mounted, on another disk
    with pytest.raises(HomeAway):
        write("accepted")
    write("committed", to_disk=False)
    assert files(places[1]) == []
    places[1].rmdir()
    away.rename(places[1])
    write("accepted")
    assert events(places[0]) == ["begun", "accepted", "committed", "accepted"]
    assert contents(places[0]) == contents(places[1])


def test_a_new_chain_is_begun_in_all_homes_or_in_none(places, settings, monkeypatch):
    write("accepted")
    settings.PURGE_JOURNAL_WRITER = "web2"
    chains._current.clear()
    disk = Disk(monkeypatch, places[1])
    disk.takes = 0
    with pytest.raises(OSError):
        write("accepted")
    assert [len(files(home)) for home in places] == [1, 1]
    disk.takes = None
    write("accepted")
    assert [len(files(home)) for home in places] == [2, 2]
    assert contents(places[0]) == contents(places[1])


def test_a_big_chain_is_closed_in_all_homes(places, monkeypatch):
    monkeypatch.setattr(chains, "MOST_BYTES", 700)
    write(*["accepted"] * 8)
    assert contents(places[0]) == contents(places[1])
    assert len(files(places[0])) > 1
    assert events(places[1]).count("accepted") == 8
    assert events(places[1]).count("closed") == len(files(places[1])) - 1


def test_homes_that_tell_otherwise_take_nothing(places):
    write("accepted", "committed")
    text = the_file(places[1]).read_bytes()
    the_file(places[1]).write_bytes(text.replace(b"committed", b"cancelled"))
    stores_folder._tails.clear()
    with pytest.raises(HomeAway, match="otherwise"):
        write("accepted")


# ---------------------------------------------------------------- before the next purge, and what is done about it


@pytest.fixture
def cast(places, db) -> w.World:
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    return w.build_world()


@pytest.fixture
def operator(db):
    return UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True)


@pytest.fixture
def run():
    def run_command(*words: str) -> tuple[int, str]:
        out = io.StringIO()
        try:
            call_command(*words, stdout=out, no_color=True)
        except CommandError as error:
            return error.returncode, out.getvalue() + str(error)
        return 0, out.getvalue()

    return run_command


def submit(cast, person=None):
    return services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[(person or cast.ann).pk])


def seconds_later() -> None:
    """What was seen of the homes is believed for seconds."""
    homes.forget()


def check_says() -> str:
    try:
        call_command("check", databases=["default"])
    except SystemCheckError as error:
        return str(error)
    return ""


def own(home: Path) -> Path:
    """The chain of the test's database."""
    return Folder(home).file(next(iter(noticing.chains_of_this_database())))


def test_a_home_that_is_away_refuses_the_submission_and_is_told_before(cast, places, client, operator, run):
    submit(cast)
    away = places[1].rename(places[1].with_name("away"))
    seconds_later()
    # Before anybody asks for a purge:
    answer = client.get("/healthz", headers={"host": "localhost"})
    assert (answer.status_code, answer.json()["purge_log_homes"]) == (503, ["lacks_files"])
    assert answer.json()["site_paused"] is False
    assert str(places[1]) not in answer.content.decode()
    assert f"1 file of the purge log is missing or much too short in {places[1]}" in check_says()
    client.force_login(operator)
    assert "type manage.py purge_journal copy. Nothing is accepted meanwhile." in client.get("/admin/").content.decode()
    client.force_login(cast.admin)
    assert "Purging is paused while we check the installation." in client.get("/admin/").content.decode()
    code, said = run("purge_journal", "status")
    assert code == 1
    assert "1 file of the purge log is missing or much too short" in said
    # And then:
    with pytest.raises(services.PurgeRefused) as refusal:
        submit(cast, cast.bob)
    assert refusal.value.code == "purge_log"
    assert "Purging is paused while we check the installation. Support has been notified." in str(refusal.value)
    assert User.objects.get(pk=cast.bob.pk).state == UserState.DELETED
    assert PurgeRequest.objects.count() == 1
    # It comes back as it went:
    away.rename(places[1])
    seconds_later()
    assert client.get("/healthz", headers={"host": "localhost"}).json()["purge_log_homes"] == "ok"
    assert check_says() == ""
    submit(cast, cast.bob)
    assert own(places[0]).read_bytes() == own(places[1]).read_bytes()


def test_one_that_refuses_in_the_moment_itself_is_refused_in_plain_words(cast, places, monkeypatch):
    """What was seen some seconds ago is not true any more: the disk is full now."""
    submit(cast)
    homes.home_troubles(now=True)
    monkeypatch.setattr(homes, "_trouble_of", lambda *words: None)
    disk = Disk(monkeypatch, places[1])
    disk.takes = 50
    with pytest.raises(services.PurgeRefused) as refusal:
        submit(cast, cast.bob)
    assert str(refusal.value) == (
        "The purge log of this site cannot be written at the moment (its disk may be full). Nothing was accepted and "
        "nothing has changed. Please tell the operators, and try again later."
    )
    assert own(places[0]).read_bytes() == own(places[1]).read_bytes()
    disk.takes = None
    submit(cast, cast.bob)


@pytest.mark.parametrize("which", [0, 1], ids=["the first", "the second"])
def test_a_disk_that_takes_nothing_is_found_by_the_probe(cast, places, monkeypatch, client, which, caplog):
    submit(cast)
    disk = Disk(monkeypatch, places[which])
    disk.takes = 100
    noticing.look_thoroughly()  # the start of web and worker, and the night
    assert f"The purge log cannot be written to {places[which]} (ChainCut)" in caplog.text
    assert client.get("/healthz", headers={"host": "localhost"}).json()["purge_log_homes"] == ["unwritable"]
    assert "purge.E012" in check_says()
    assert not list(places[which].glob("probe*"))
    assert not JournalAlarm.objects.exists()
    disk.takes = None
    assert homes.home_troubles(now=True) == ()


def test_a_home_that_refuses_after_the_commit_is_no_error_to_the_customer(
    cast, places, monkeypatch, client, django_capture_on_commit_callbacks, caplog
):
    disk = Disk(monkeypatch, places[1])
    with django_capture_on_commit_callbacks() as callbacks:
        purge_request = submit(cast)
    disk.takes = 10
    for callback in callbacks:
        callback()
    assert PurgeRequest.objects.get() == purge_request
    assert events(places[0])[-1] == "committed"
    assert events(places[1])[-1] == "accepted"
    assert "one of its homes does not take a line" in caplog.text
    seconds_later()
    assert client.get("/healthz", headers={"host": "localhost"}).json()["purge_log_homes"] == ["unwritable"]
    disk.takes = None
    noticing.reconcile()
    assert own(places[0]).read_bytes() == own(places[1]).read_bytes()


def test_a_new_home_is_filled_by_copy_and_then_a_purge_is_accepted(cast, places, settings, run, tmp_path):
    submit(cast)
    settings.PURGE_JOURNAL = [*settings.PURGE_JOURNAL, tmp_path / "three"]
    seconds_later()
    assert run("purge_journal", "verify")[0] == 1
    with pytest.raises(services.PurgeRefused):
        submit(cast, cast.bob)
    code, said = run("purge_journal", "copy")
    assert code == 0
    assert "read again and compared" in said
    assert contents(tmp_path / "three") == contents(places[0])
    assert the_file(tmp_path / "three").stat().st_mode & 0o777 == 0o600
    assert run("purge_journal", "copy") == (0, "Every home has everything.\n")
    assert run("purge_journal", "verify")[0] == 0
    seconds_later()
    submit(cast, cast.bob)
    assert contents(tmp_path / "three") == contents(places[0]) == contents(places[1])


def test_one_that_was_away_for_long_gets_the_end_of_each_file(cast, places, run):
    submit(cast)
    before = own(places[1]).read_bytes()
    own(places[1]).write_bytes(b"".join(before.splitlines(keepends=True)[:1]))
    _code, said = run("purge_journal", "verify")
    assert "lacks" in said
    code, said = run("purge_journal", "copy")
    assert (code, own(places[1]).read_bytes()) == (0, before)


def test_a_damaged_file_is_copied_nowhere_and_one_that_tells_otherwise_is_left(cast, places, run):
    submit(cast)
    good = own(places[0]).read_bytes()
    own(places[1]).unlink()
    own(places[0]).write_bytes(good.replace(b'"machine":"web1"', b'"machine":"web7"'))
    code, said = run("purge_journal", "copy")
    assert code == 1
    assert "is DAMAGED there, and was copied nowhere" in said
    assert not own(places[1]).exists()
    own(places[0]).write_bytes(good)
    own(places[1]).write_bytes(good.replace(b'"event":"accepted"', b'"event":"rejected"'))
    code, said = run("purge_journal", "copy")
    assert code == 1
    assert "TELLS OTHERWISE than another home" in said
    assert run("purge_journal", "verify")[0] == 1
    homes.forget()
    assert [trouble.kind for trouble in homes.home_troubles()] == ["tells_otherwise", "tells_otherwise"]


def test_a_file_that_cannot_be_read_is_put_back_from_the_home_that_has_it_whole(cast, places, run):
    submit(cast)
    good = own(places[0]).read_bytes()
    own(places[0]).write_bytes(good.replace(b'"machine":"web1"', b'"machine":"web7"'))
    assert noticing.look().places == ((own(places[0]).name.removesuffix(".jsonl"), 2),)
    assert noticing.must_wait()
    assert own(places[1]).read_bytes() == good
    assert run("purge_journal", "copy")[0] == 1, "nothing is copied over it, and it is copied nowhere"
    own(places[0]).rename(places[0].parent / "kept for whoever asks why")
    assert not noticing.look()
    assert run("purge_journal", "copy")[0] == 0
    assert run("purge_journal", "verify")[0] == 0
    seconds_later()
    submit(cast, cast.bob)
    assert own(places[0]).read_bytes() == own(places[1]).read_bytes()
    assert own(places[0]).read_bytes().startswith(good)


def test_the_file_of_earlier_versions_is_copied_too(places, settings, run, db):
    settings.PURGE_JOURNAL[0].parent.mkdir(parents=True)
    settings.PURGE_JOURNAL[0].write_text('{"event":"accepted","request":"PUR-1"}\n')
    assert [line["request"] for line in chains.earlier_lines()] == ["PUR-1"]
    assert run("purge_journal", "copy")[0] == 0
    assert (places[1] / "purge.jsonl").read_text() == settings.PURGE_JOURNAL[0].read_text()
    shutil.rmtree(settings.PURGE_JOURNAL[0].parent)
    assert [line["request"] for line in chains.earlier_lines()] == ["PUR-1"]


def test_a_lost_home_is_no_lost_log(cast, places):
    """Its lines are read in the other one, and nothing is taken for a restored backup."""
    submit(cast)
    noticing.look(thorough=True)
    shutil.rmtree(places[0])
    assert not noticing.look(thorough=True)
    assert list(noticing.chains_of_this_database()) == chains.chain_names()
    shutil.rmtree(places[1])
    assert noticing.look(thorough=True).missing == 1


def test_one_place_has_nothing_to_copy(settings, run, db):
    assert run("purge_journal", "copy")[0] == 2


def test_a_site_that_begins_has_no_trouble(places, db, client, operator):
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    assert client.get("/healthz", headers={"host": "localhost"}).json()["purge_log_homes"] == "ok"
    assert not places[0].exists(), "a look makes nothing"
