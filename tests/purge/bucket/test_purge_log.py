"""A bucket as a home of the purge log, beside a folder: whatever holds of a second folder holds of it."""

import io
import json
import logging
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.utils import timezone

from purge import services
from purge.bucket.place import home_of_the_log
from purge.installation.identity import installation
from purge.journal import chains, homes, noticing, site_fence
from purge.journal.stores import bucket as stores_bucket
from purge.journal.stores import folder as stores_folder
from purge.journal.stores.home import HomeAway
from purge.models import JournalAlarm, PurgeRequest, WorkerBeat
from tests.factories.purge_log import UNKNOWN, purge_written
from tests.factories.users import AccountFactory, UserFactory
from tests.purge import world as w
from tests.purge.bucket.store import TestBucket
from users.models import AccountKind, User, UserState

OURS = uuid.UUID("11111111-2222-3333-4444-555555555555")
OTHERS = uuid.UUID("99999999-8888-7777-6666-555555555555")


class LogBucket(TestBucket):
    """A bucket, the part of it that is the log, and the folder beside it."""

    __test__ = False
    folder: Path

    @property
    def url(self) -> str:
        return f"s3://{self.name}/log?region=us-east-1&endpoint={self.store.url}"

    def keys(self) -> list[str]:
        answer = self.client.list_objects_v2(Bucket=self.name, Prefix="log/", MaxKeys=1_000)
        return [each["Key"] for each in answer.get("Contents", ())]

    def content(self) -> bytes:
        """What the objects say, one behind the other."""
        return b"".join(self.client.get_object(Bucket=self.name, Key=key)["Body"].read() for key in self.keys())

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.content().splitlines()]

    def in_folder(self) -> bytes:
        (file,) = self.folder.glob("*.jsonl")
        return file.read_bytes()

    def are_same(self) -> bool:
        return self.in_folder() == self.content()


@pytest.fixture
def log(make_bucket, settings, tmp_path, monkeypatch) -> LogBucket:
    made = LogBucket((bucket := make_bucket()).store, bucket.name)
    made.folder = tmp_path / "one"
    settings.PURGE_JOURNAL_WRITER = "web1"
    settings.PURGE_JOURNAL = [made.folder, made.url]
    monkeypatch.setattr(stores_bucket, "TRIES", 1)
    monkeypatch.setattr(stores_bucket, "ANSWER_SECONDS", 0.3)
    return made


def write(*events: str, to_disk: bool = True) -> None:
    for event in events:
        chains.append(OURS, {"event": event}, to_disk=to_disk)


def anew() -> None:
    """A process that starts knows nothing of what was seen."""
    homes.forget()
    site_fence.forget()
    chains._current.clear()
    stores_folder._tails.clear()


# ---------------------------------------------------------------- the lines


def test_each_line_is_an_object_that_says_where_it_stands(log):
    write("accepted", "committed")
    assert log.are_same()
    lines = log.in_folder().splitlines(keepends=True)
    (name,) = chains.chain_names(OURS)
    digests = [json.loads(line)["prev"] for line in lines[1:]]
    ends = [len(lines[0]), len(lines[0] + lines[1])]
    assert log.keys()[:2] == [
        f"log/{name}/{number:010d}-{end:012d}-{digest}"
        for number, (end, digest) in enumerate(zip(ends, digests, strict=True), start=1)
    ]
    assert len(log.keys()) == 3
    # Each was stored once, and nothing was deleted, in a bucket that would remember it.
    assert [kind for kind, _key, _version in sorted(log.everything())] == ["version"] * 3


def test_several_writers_at_once_and_several_chains(log, monkeypatch):
    write("accepted")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda event: write(event, event), ["a", "b", "c"]))
    assert log.are_same()
    assert sorted(log.events()) == ["a", "a", "accepted", "b", "b", "begun", "c", "c"]
    monkeypatch.setattr(chains, "MOST_BYTES", 700)
    write("accepted", "accepted")
    assert log.events().count("closed") == 1
    assert log.content() == b"".join(chains.path_of(name).read_bytes() for name in chains.chain_names(OURS))


@pytest.mark.parametrize("denied", ["s3:PutObject", "s3:ListBucket"])
def test_a_store_that_refuses_takes_the_line_from_the_folder(log, denied):
    write("accepted")
    before = log.in_folder()
    log.store.denied = {denied}
    with pytest.raises(HomeAway, match=rf"^s3://{log.name}/log: AccessDenied$"):
        write("accepted")
    assert log.in_folder() == before
    log.store.denied = set()
    write("accepted")
    assert log.are_same()
    assert log.events() == ["begun", "accepted", "accepted"]


def test_nobody_needs_the_right_to_delete(log):
    log.store.denied = {"s3:DeleteObject", "s3:DeleteObjectVersion"}
    write("accepted")
    log.store.denied |= {"s3:PutObject"}
    with pytest.raises(HomeAway):
        write("accepted")
    log.store.denied -= {"s3:PutObject"}
    write("accepted")
    assert log.are_same()


def test_a_store_that_does_not_answer_is_given_up_and_left_alone_for_a_while(log):
    write("accepted")
    before = log.in_folder()
    log.store.mood = "hangs"
    with pytest.raises(HomeAway, match="ReadTimeoutError"):
        write("accepted")
    asked = len(log.store.asked)
    with pytest.raises(HomeAway, match="ReadTimeoutError"):
        write("accepted")
    write("committed", to_disk=False)
    assert chains.size_of(chains.chain_names(OURS)[0]) == len(log.in_folder()) > len(before)
    assert len(log.store.asked) == asked
    log.store.comes_back()
    homes.forget()  # half a minute later
    write("accepted")
    assert log.are_same()
    assert log.events() == ["begun", "accepted", "committed", "accepted"]


def test_a_line_that_the_store_took_without_saying_so_is_given_to_the_folder(log):
    """Nothing confirms it: its transaction was rolled back."""
    write("accepted")
    before = log.in_folder()
    log.store.mood = "loses"
    with pytest.raises(HomeAway):
        chains.append(OURS, {"event": "accepted", "request": "PUR-LOST"}, to_disk=True)
    assert log.in_folder() == before
    log.store.comes_back()
    homes.forget()
    write("accepted")
    assert log.are_same()
    lines = [json.loads(line) for line in log.in_folder().splitlines()]
    assert [line.get("request") for line in lines] == [None, None, "PUR-LOST", None]


def test_of_two_lines_of_one_number_the_one_that_the_next_continues_is_the_chain_s(log, tmp_path, settings):
    """The store takes one so late that it was long refused."""
    write("accepted", "committed", "completed")
    key, content = log.keys()[2], log.content()
    for digest in ("0" * 64, "f" * 64):
        log.put(key[:-64] + digest, b'{"v":2,"seq":3,"prev":"","event":"accepted","n":1}\n')
    anew()
    write("accepted")
    assert log.in_folder().startswith(content)
    settings.PURGE_JOURNAL = [tmp_path / "new", log.url]
    assert [each.state for each in homes.copy_between_homes()] == ["filled", "same"]
    assert [file.read_bytes() for file in (tmp_path / "new").glob("*.jsonl")] == [log.in_folder()]


def test_two_lines_of_one_number_at_the_end_refuse_what_is_being_written(log, monkeypatch):
    write("accepted")
    put = stores_bucket.Bucket._put

    def beside_another(home, chain, piece):
        put(home, chain, piece)
        key = f"log/{chain}/{piece.tail.seq:010d}-{piece.tail.size:012d}-{'0' * 64}"
        log.put(key, piece.data)

    with monkeypatch.context() as patched:
        patched.setattr(stores_bucket.Bucket, "_put", beside_another)
        with pytest.raises(HomeAway, match="another line of the same number"):
            write("committed")
    assert len(log.in_folder().splitlines()) == 2


def test_a_chain_that_the_store_refuses_at_its_beginning_leaves_nothing(log):
    log.store.denied = {"s3:PutObject"}
    with pytest.raises(HomeAway):
        write("accepted")
    assert (list(log.folder.glob("*.jsonl")), log.keys()) == ([], [])
    log.store.denied = set()
    # Taken without an answer, it stays there with a first line, which nobody misses.
    log.store.mood = "loses"
    with pytest.raises(HomeAway):
        write("accepted")
    assert (list(log.folder.glob("*.jsonl")), log.events()) == ([], ["begun"])
    log.store.comes_back()
    homes.forget()
    write("accepted")
    assert log.events() == ["begun", "begun", "accepted"]
    assert len(log.in_folder().splitlines()) == 2


def test_an_outcome_is_written_to_the_folder_and_the_store_gets_it_later(log, caplog):
    write("accepted")
    log.store.denied = {"s3:PutObject"}
    with caplog.at_level(logging.WARNING):
        write("committed", to_disk=False)
    assert "one of its homes does not take a line (AccessDenied)" in caplog.text
    assert log.events() == ["begun", "accepted"]
    log.store.denied = set()
    chains.level(chains.chain_names(OURS)[0])
    assert log.are_same()


def test_what_a_crash_cut_before_the_bucket_came_is_in_it_too(log, settings):
    settings.PURGE_JOURNAL = [log.folder]
    write("accepted")
    (file,) = log.folder.glob("*.jsonl")
    with file.open("ab") as opened:
        opened.write(b'{"v":2,"seq":3,"prev":"0000')
    write("committed")
    settings.PURGE_JOURNAL = [log.folder, log.url]
    assert [each.state for each in homes.copy_between_homes()] == ["same", "filled"]
    assert log.are_same()
    write("completed")
    assert log.are_same()
    assert len(log.keys()) == 4


def test_long_lists_come_in_pages(log):
    log.store.page = 2
    write(*["accepted"] * 6)
    anew()
    write("committed")
    assert len(log.in_folder().splitlines()) == 8
    assert [each.state for each in homes.compare_homes()] == ["same", "same"]


# ---------------------------------------------------------------- settings


def test_a_bucket_alone_is_no_home(log, settings):
    settings.PURGE_JOURNAL = [log.url]
    with pytest.raises(ImproperlyConfigured, match="must name a folder beside its buckets"):
        write("accepted")


def test_what_names_no_bucket_is_refused_without_repeating_it():
    assert home_of_the_log(" /log/a ") == Path("/log/a")
    assert home_of_the_log(" s3://acme-log/lms?region=eu-central-1") == "s3://acme-log/lms?region=eu-central-1"
    for url in ("s3://key:secret@acme-log/lms", "s3://acme-log/lms?password=secret", "s3://acme-log?endpoint=secret"):
        with pytest.raises(ValueError) as refusal:
            home_of_the_log(url)
        assert "secret" not in str(refusal.value)


# ---------------------------------------------------------------- before the next purge, and what is done about it


@pytest.fixture
def cast(log, db) -> w.World:
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    return w.build_world()


@pytest.fixture
def operator(db):
    return UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True)


def command(*words: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command(*words, stdout=out, no_color=True)
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()


def submit(cast, person=None):
    return services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[(person or cast.ann).pk])


def check_says() -> str:
    try:
        call_command("check", tags=["purge"], databases=["default"])
    except SystemCheckError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ("denied", "AccessDenied"),
        ("unreadable", "AccessDenied"),
        ("gone", "NoSuchBucket"),
        ("away", "ReadTimeoutError"),
    ],
)
def test_a_store_that_would_refuse_is_told_before_and_refuses_the_submission(
    cast, log, client, operator, settings, trouble, why
):
    submit(cast)
    log.store.denied = {"denied": {"s3:PutObject"}, "unreadable": {"s3:GetObject"}}.get(trouble, set())
    if trouble == "gone":
        settings.PURGE_JOURNAL = [log.folder, log.url.replace(log.name, "no-such-bucket")]
    log.store.mood = "hangs" if trouble == "away" else ""
    homes.forget()
    # Before anybody asks for a purge:
    answer = client.get("/healthz", headers={"host": "localhost"})
    assert (answer.status_code, answer.json()["purge_log_homes"]) == (503, ["unwritable"])
    assert log.name not in answer.content.decode()
    said = check_says()
    assert (
        f"The purge log cannot be written to s3://{'no-such-bucket' if trouble == 'gone' else log.name}/log ({why})"
        in said
    )
    assert "Nothing is accepted meanwhile." in said
    assert not {"127.0.0.1", "test"} & set(said.replace("/", " ").replace(":", " ").split())
    client.force_login(operator)
    assert f"({why}): look at the way to the store" in client.get("/admin/").content.decode()
    # And then:
    with pytest.raises(services.PurgeRefused) as refusal:
        submit(cast, cast.bob)
    assert refusal.value.code == "purge_log"
    assert "s3://" not in str(refusal.value)
    assert User.objects.get(pk=cast.bob.pk).state == UserState.DELETED
    assert PurgeRequest.objects.count() == 1
    # It comes back as it went:
    log.store.denied = set()
    settings.PURGE_JOURNAL = [log.folder, log.url]
    log.store.comes_back()
    homes.forget()
    assert client.get("/healthz", headers={"host": "localhost"}).json()["purge_log_homes"] == "ok"
    assert check_says() == ""
    submit(cast, cast.bob)
    assert log.are_same()


def test_one_that_refuses_in_the_moment_itself_is_refused_in_plain_words(cast, log, caplog, monkeypatch):
    submit(cast)
    monkeypatch.setattr(homes, "_trouble_of", lambda *words: None)  # what was seen some seconds ago
    before = log.in_folder()
    log.store.denied = {"s3:PutObject"}
    with pytest.raises(services.PurgeRefused, match="cannot be written at the moment"):
        submit(cast, cast.bob)
    assert f"purge log: s3://{log.name}/log: AccessDenied" in caplog.text
    assert User.objects.get(pk=cast.bob.pk).state == UserState.DELETED
    assert log.in_folder() == before
    log.store.denied = set()
    submit(cast, cast.bob)


def test_one_that_refuses_after_the_commit_is_an_alarm_and_no_error_to_the_customer(
    cast, log, client, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as callbacks:
        purge_request = submit(cast)
    log.store.denied = {"s3:PutObject"}
    for callback in callbacks:
        callback()
    assert PurgeRequest.objects.get() == purge_request
    assert log.events()[-1] == "accepted"
    assert b'"committed"' in log.in_folder()
    homes.forget()
    assert client.get("/healthz", headers={"host": "localhost"}).json()["purge_log_homes"] == ["unwritable"]
    log.store.denied = set()
    homes.forget()
    noticing.reconcile()
    assert log.are_same()


def test_a_new_bucket_is_filled_by_copy_and_then_a_purge_is_accepted(cast, log, settings):
    settings.PURGE_JOURNAL = [log.folder]
    submit(cast)
    settings.PURGE_JOURNAL = [log.folder, log.url]
    homes.forget()
    with pytest.raises(services.PurgeRefused):
        submit(cast, cast.bob)
    assert "see whether it is the right bucket" in command("purge_journal", "status")[1]
    assert command("purge_journal", "verify")[0] == 1
    code, said = command("purge_journal", "copy")
    assert (code, "read again and compared" in said) == (0, True)
    assert log.are_same()
    assert command("purge_journal", "copy") == (0, "Every home has everything.\n")
    assert command("purge_journal", "verify")[0] == 0
    homes.forget()
    submit(cast, cast.bob)
    assert log.are_same()


def test_a_folder_that_is_lost_gets_everything_back_from_the_bucket(cast, log):
    submit(cast)
    before = log.in_folder()
    shutil.rmtree(log.folder)
    anew()
    assert [trouble.kind for trouble in homes.home_troubles()] == ["lacks_files"]
    with pytest.raises(services.PurgeRefused):
        submit(cast, cast.bob)
    assert not noticing.glance(), "the bucket has what this database remembers"
    assert command("purge_journal", "copy")[0] == 0
    assert log.in_folder() == before
    anew()
    submit(cast, cast.bob)
    assert log.are_same()


def test_a_bucket_that_is_shorter_is_said_and_filled(cast, log):
    submit(cast)
    log.client.delete_object(Bucket=log.name, Key=log.keys()[-1])
    anew()
    code, said = command("purge_journal", "verify")
    assert (code, "bytes at its end" in said) == (1, True)
    assert command("purge_journal", "copy")[0] == 0
    assert log.are_same()


def test_a_bucket_that_tells_otherwise_or_has_a_hole_is_left_as_it_is(cast, log):
    submit(cast)
    submit(cast, cast.bob)
    key = log.keys()[1]
    good = log.client.get_object(Bucket=log.name, Key=key)["Body"].read()
    log.put(key, good.replace(b'"accepted"', b'"rejected"'))
    anew()
    assert command("purge_journal", "verify")[0] == 1
    code, said = command("purge_journal", "copy")
    assert (code, f"s3://{log.name}/log: TELLS OTHERWISE than another home" in said) == (1, True)
    log.client.delete_object(Bucket=log.name, Key=key)
    assert "TELLS OTHERWISE" in command("purge_journal", "verify")[1]
    log.put(key, good)
    assert command("purge_journal", "verify")[0] == 0


def test_a_bucket_of_another_installation_is_said(cast, log, settings):
    chains.append(OTHERS, {"event": "accepted"}, to_disk=True)
    settings.PURGE_JOURNAL = [log.folder]
    submit(cast)
    settings.PURGE_JOURNAL = [log.folder, log.url]
    homes.forget()
    (trouble,) = homes.home_troubles()
    assert (trouble.kind, trouble.files) == ("others_alone", 1)
    assert trouble.text.startswith(
        f"s3://{log.name}/log holds the purge log of another installation, and nothing of this"
    )
    with pytest.raises(services.PurgeRefused):
        submit(cast, cast.bob)


def test_a_store_that_is_away_is_named_by_the_commands(cast, log):
    submit(cast)
    log.store.mood = "hangs"
    homes.forget()
    code, said = command("purge_journal", "verify")
    assert (code, f"s3://{log.name}/log: does not answer (ReadTimeoutError)" in said) == (1, True)
    assert command("purge_journal", "copy")[0] == 1
    assert command("purge_journal", "status")[0] == 1


def test_a_copy_begins_a_log_of_its_own_in_the_bucket_too(cast, log):
    submit(cast)
    before = str(installation().pk)
    assert command("purge_journal", "begin", "--copy", "--files-are-copied")[0] == 0
    anew()
    now = installation().pk
    assert str(now) != before
    keys = log.keys()
    assert [key.split("/")[1].split(".")[0] for key in keys].count(now.hex) == 1


# ---------------------------------------------------------------- a machine that is put back as a whole


def test_a_machine_that_is_put_back_with_its_folder_is_found_out_by_the_bucket(cast, log, client):
    submit(cast)
    noticing.look()
    (file,) = log.folder.glob("*.jsonl")
    backup = file.read_bytes()
    purge_written(cast.bob)
    file.write_bytes(backup)
    anew()
    assert noticing.is_older()
    assert client.get("/healthz", headers={"host": "localhost"}).json()["purge_log_homes"] == "ok"
    found = noticing.look()
    assert (found.unknown, found.missing, found.damaged) == (1, 0, 0)
    assert JournalAlarm.objects.values_list("reference", flat=True).distinct().get() == UNKNOWN
    assert UNKNOWN in command("purge_replay", "--dry-run")[1]
    # The folder gets the lines as well, and the fence stays.
    noticing.reconcile()
    assert log.are_same()
    assert noticing.is_older()


def test_without_the_bucket_nobody_would_know(cast, log, settings):
    submit(cast)
    noticing.look()
    (file,) = log.folder.glob("*.jsonl")
    backup = file.read_bytes()
    purge_written(cast.bob)
    file.write_bytes(backup)
    settings.PURGE_JOURNAL = [log.folder]
    anew()
    assert not noticing.is_older()
