"""A database that comes back from a backup, and the purge log outside it that remembers more. Real restores."""

import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connections, transaction
from django.utils import timezone
from django_q.models import OrmQ

from messaging.models import Notification
from purge import services, tasks
from purge.choices import Status
from purge.installation.storage import begin_storage
from purge.models import JournalAlarm, PurgeRequest, WorkerBeat
from tests.factories.users import AccountFactory, UserFactory
from tests.purge import world as w
from tests.templates import as_default, copy_of, migrate
from users.models import AccountKind, User, UserState

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(backup) -> w.World:
    """The fixture world in a database that can be backed up, of a web that has started and a worker that is alive."""
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    world = w.build_world()
    assert begin_storage() == ""
    return world


@pytest.fixture(autouse=True)
def each_request_looks(monkeypatch):
    """What a process has seen of the log is believed for seconds, which no test waits for."""
    monkeypatch.setattr("purge.journal.site_fence.SEEN_SECONDS", 0.0)


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run():
    """Runs a command as the command line does, without its process."""

    def run_command(*words: str) -> Ran:
        out, code, said = io.StringIO(), 0, ""
        try:
            call_command(*words, stdout=out, no_color=True)
        except CommandError as error:
            code, said = error.returncode, str(error)
        return Ran(code, out.getvalue(), said)

    return run_command


@pytest.fixture
def alone(database_url, settings):
    """Runs Python in a process of its own, with the apps ready, on the test's database and purge log."""

    def run_alone(code: str) -> subprocess.CompletedProcess:
        begin = "import os, signal, django; django.setup()\n"
        environ = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": database_url,
            "MEDIA_ROOT": str(settings.MEDIA_ROOT),
            "PURGE_JOURNAL": str(settings.PURGE_JOURNAL),
        }
        return subprocess.run(
            [sys.executable, "-c", begin + textwrap.dedent(code)],
            cwd=django_settings.BASE_DIR,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run_alone


def submit(cast, *people):
    return services.purge_submit(
        acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[person.pk for person in people or (cast.ann,)]
    )


def purge(cast, *people):
    purge_request = submit(cast, *people)
    assert w.completed(w.run_to_end(purge_request))
    return purge_request


def check_says() -> str:
    """What ``manage.py check --database default`` says about the purge log; nothing when all is well."""
    try:
        call_command("check", databases=["default"])
    except SystemCheckError as error:
        return str(error)
    return ""


def health(client) -> tuple[int, dict]:
    answer = client.get("/healthz", headers={"host": "localhost"})
    return answer.status_code, answer.json()


def agrees(client) -> bool:
    """Nothing anywhere speaks of an older database, and a purge is accepted as ever."""
    status, report = health(client)
    said = (status, report["purge_log"], report["unknown_purges"], report["site_paused"], check_says())
    return said == (200, "agrees", 0, False, "")


def as_seen_by(user, client, purge_request) -> str:
    """A request's page."""
    client.force_login(user)
    return client.get(f"/admin/purge/purgerequest/{purge_request.pk}/change/").content.decode()


def scribble_over(number: int) -> list[bytes]:
    """One line of the log's file cannot be read any more. Returns the lines as they were."""
    lines = the_file().read_bytes().splitlines(keepends=True)
    the_file().write_bytes(b"".join([*lines[: number - 1], b"?" * 30 + b"\n", *lines[number:]]))
    return lines


def look() -> None:
    """What worker and web do at their start, the worker every few seconds and the clock each night."""
    from purge.journal import noticing

    noticing.look_thoroughly()
    noticing.reconcile()


# ---------------------------------------------------------------- a restored backup


@pytest.mark.both_databases
def test_a_purge_that_the_restored_database_does_not_know_is_noticed_everywhere(cast, backup, client):
    backup.take()
    purge(cast, cast.ann)
    backup.put_back()
    assert User.objects.filter(pk=cast.ann.pk, state=UserState.DELETED).exists(), "the person is back"

    status, report = health(client)
    assert status == 503
    assert report["purge_log"] == "This database is older than its purge log: 1 purge is unknown to it."
    assert report["unknown_purges"] == 1
    assert report["paused"] == ["purge_log"]
    assert report["site_paused"] is True
    assert report["next_command"] == "manage.py purge_replay --dry-run"
    assert "This database is older than its purge log: 1 purge is unknown to it." in check_says()
    with pytest.raises(services.PurgeRefused) as refusal:
        submit(cast, cast.bob)
    assert str(refusal.value) == (
        "Purging is paused while we check a backup that was restored. Support has been notified."
    )
    assert refusal.value.code == "purge_log"
    assert not PurgeRequest.objects.exists()
    assert User.objects.get(pk=cast.bob.pk).state == UserState.DELETED


def test_a_restored_database_that_knows_every_purge_is_no_alarm(cast, backup, client):
    purge(cast, cast.ann)
    look()
    backup.take()
    backup.put_back()
    look()
    assert agrees(client)
    purge(cast, cast.bob)
    assert agrees(client)


def test_three_purges_are_counted_as_three_and_the_one_in_the_backup_is_not(cast, backup, client):
    purge(cast, cast.ann)
    look()
    backup.take()
    purge(cast, cast.bob)
    for number in (1, 2):
        services.purge_submit_address(
            acting_user=cast.admin, account_id=cast.acme.pk, address=f"nobody{number}@elsewhere.example"
        )
    backup.put_back()
    look()
    _status, report = health(client)
    assert report["purge_log"] == "This database is older than its purge log: 3 purges are unknown to it."
    assert report["unknown_purges"] == 3


def test_a_request_that_had_come_further_waits_until_somebody_has_looked(cast, backup, client, run, settings):
    purge_request = submit(cast, cast.ann)
    backup.take()
    assert w.completed(w.run_to_end(purge_request))
    backup.put_back()
    look()
    sentence = "This database is older than its purge log: 1 purge had come further than it knows."
    assert health(client)[1]["purge_log"] == sentence
    assert tasks.run_request(purge_request.pk) == "nothing to do"
    purge_request.refresh_from_db()
    assert purge_request.status == Status.QUEUED
    page = as_seen_by(cast.admin, client, purge_request)
    assert "This site is paused" in page
    assert purge_request.reference not in page
    settings.PURGE_SITE_FENCE = False
    page = as_seen_by(cast.admin, client, purge_request)
    assert "Purging is paused on this site: an older backup was restored" in page
    assert "Your request is safe, nothing has been erased. It goes on by itself once they have." in page
    assert "1 purge had come further" not in page
    settings.PURGE_SITE_FENCE = True
    page = as_seen_by(UserFactory(is_superuser=True), client, purge_request)
    assert "This database is older than its purge log: 1 purge had come further than it knows." in page
    assert "Type manage.py purge_replay --dry-run." in page

    assert run("purge_journal", "acknowledge", "1").code == 0
    assert agrees(client)
    assert w.completed(w.run_to_end(purge_request))
    look()
    assert agrees(client)


def test_a_command_that_works_itself_looks_first(cast, backup, client, run):
    """Neither web nor worker has been started on the restored database."""
    purge_request = submit(cast, cast.ann)
    look()
    backup.take()
    assert w.completed(w.run_to_end(purge_request))
    backup.put_back()
    assert tasks.run_request(purge_request.pk) == "nothing to do"
    assert PurgeRequest.objects.get().status == Status.QUEUED
    assert User.objects.get(pk=cast.ann.pk).state == UserState.PURGING
    assert run("purge_journal", "acknowledge", "1").code == 0
    assert w.completed(w.run_to_end(PurgeRequest.objects.get()))
    assert not User.objects.filter(pk=cast.ann.pk).exists()


def test_a_log_that_cannot_be_read_lets_nothing_begin(cast, client):
    purge_request = submit(cast, cast.ann)
    file = the_file()
    away = file.rename(file.with_name("kept"))
    (file / "full").mkdir(parents=True)  # what root cannot read either
    assert tasks.run_request(purge_request.pk) == "nothing to do"
    shutil.rmtree(file)
    away.rename(file)
    assert w.completed(w.run_to_end(purge_request))


def test_nothing_is_released_or_taken_out_meanwhile(cast, backup, client, settings, run):
    settings.PURGE_RATE_GUARD = 0
    first = submit(cast, cast.ann)
    part = first.parts.get()
    look()
    backup.take()
    assert w.completed(w.run_to_end(first))
    backup.put_back()
    operator = UserFactory(is_superuser=True)
    sentence = "This database is older than its purge log: 1 purge had come further than it knows."
    for service in (services.purge_release, services.purge_take_out):
        with pytest.raises(services.PurgeRefused) as refusal:
            service(acting_user=operator, purge_request=part)
        assert refusal.value.code == "purge_log"
        assert sentence in str(refusal.value)
    part.refresh_from_db()
    assert part.status == Status.HELD
    assert User.objects.get(pk=cast.alpha_match.pk).state == UserState.ACTIVE
    assert run("purge_journal", "acknowledge", "1").code == 0
    assert services.purge_release(acting_user=operator, purge_request=part).status == Status.QUEUED
    assert User.objects.get(pk=cast.alpha_match.pk).state == UserState.PURGING


def test_a_request_that_was_called_off_is_not_carried_out_by_an_older_database(cast, backup, client, run):
    purge_request = submit(cast, cast.ann)
    backup.take()
    services.purge_cancel(acting_user=cast.admin, purge_request=purge_request)
    backup.put_back()
    look()
    assert tasks.run_request(purge_request.pk) == "nothing to do"
    refused = run("purge_journal", "acknowledge", "1")
    assert refused.code == 1
    assert f"{purge_request.reference} was called off after the backup, and is open again here" in refused.err

    services.purge_cancel(acting_user=cast.admin, purge_request=PurgeRequest.objects.get())
    look()
    assert agrees(client)
    assert User.objects.get(pk=cast.ann.pk).state == UserState.DELETED


def test_putting_in_the_newer_backup_after_all_ends_the_alarm(cast, backup, client, tmp_path):
    from tests.purge.conftest import Backup

    newer = Backup(tmp_path / "newer")
    backup.take()
    purge(cast, cast.ann)
    newer.take()
    backup.put_back()
    look()
    assert not agrees(client)
    newer.put_back()
    look()
    assert agrees(client)


def test_a_backup_from_before_the_first_look_is_noticed_too(cast, backup, client):
    """The database then remembers nothing at all of the log; no worker has run either."""
    backup.take()
    submit(cast, cast.ann)
    backup.put_back()
    assert health(client)[1]["unknown_purges"] == 1


def test_a_backup_from_before_the_database_had_an_id_is_known_by_its_requests(cast, backup, client):
    from purge.models import Installation, JournalChain, JournalMark

    purge(cast, cast.ann)
    look()
    # As a database of an earlier release, whose upgrade gives it an id of its own.
    JournalChain.objects.all().delete()
    JournalMark.objects.update(chain="", seq=0, written=0)
    Installation.objects.all().delete()
    backup.take()
    backup.put_back()
    look()
    assert agrees(client)
    purge(cast, cast.bob)
    look()
    backup.put_back()
    look()
    assert health(client)[1]["unknown_purges"] == 1


# ---------------------------------------------------------------- no restored backup


def test_an_emptied_database_begins_anew_beside_the_old_log(cast, client):
    purge(cast, cast.ann)
    look()
    call_command("flush", interactive=False, verbosity=0)
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    look()
    assert agrees(client)
    purge(w.build_world())
    look()
    assert agrees(client)


def test_another_database_at_the_same_log_and_back_again(cast, client, tmp_path, templates):
    purge(cast, cast.ann)
    look()
    with copy_of(templates.get("migrated", migrate), tmp_path / "another.sqlite3") as name, as_default(name):
        call_command("migrate", verbosity=0)
        WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
        look()
        assert agrees(client)
        purge(w.build_world())
        look()
        assert agrees(client)
    purge(cast, cast.bob)
    look()
    assert agrees(client)


def test_a_declared_copy_is_an_installation_of_its_own_in_the_same_folder(cast, backup, client, run):
    purge_request = submit(cast, cast.ann)
    look()
    backup.take()
    assert w.completed(w.run_to_end(purge_request))
    look()
    # The backup becomes a copy for tests, on a machine that sees the same folder.
    backup.put_back()
    assert not agrees(client)
    declared = run("purge_journal", "begin", "--copy", "--files-are-copied", "--json")
    assert declared.code == 0
    assert declared.json["installation"] != declared.json["copy_of"]
    look()
    assert agrees(client)
    again = PurgeRequest.objects.get()
    assert w.completed(w.run_to_end(again))
    look()
    assert agrees(client)
    # What the copy has done is said to be the copy's; what was completed before, the original's.
    said = "This site is a copy of another one: what is erased here is gone from the copy alone."
    assert said in as_seen_by(cast.admin, client, again)
    assert run("purge_status", again.reference, "--json").json["in_copy_of"] == declared.json["copy_of"]
    assert f"this is a copy of installation {declared.json['copy_of']}" in run("purge_status", again.reference).out
    PurgeRequest.objects.update(completed_at=timezone.now() - timedelta(days=1))
    assert said not in as_seen_by(cast.admin, client, again)
    assert run("purge_status", again.reference, "--json").json["in_copy_of"] is None


def test_a_copy_that_nobody_declared_misses_its_log(cast, client, settings, tmp_path, run):
    purge(cast, cast.ann)
    look()
    settings.PURGE_JOURNAL = tmp_path / "empty" / "purge.jsonl"
    status, report = health(client)
    assert status == 503
    assert report["purge_log"] == ("1 file of the purge log that this database remembers is missing or too short.")
    with pytest.raises(services.PurgeRefused, match="Purging is paused while we check the installation"):
        submit(cast, cast.bob)
    assert run("purge_journal", "begin", "--copy", "--files-are-copied").code == 0
    look()
    assert agrees(client)
    purge(cast, cast.bob)
    assert agrees(client)


# ---------------------------------------------------------------- work in progress


def test_a_submission_that_is_rolled_back_leaves_a_line_and_no_alarm(cast, client):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        submit(cast, cast.ann)
        raise ZeroDivisionError
    assert events() == ["begun", "accepted"]
    look()
    assert agrees(client)


def test_a_line_that_is_written_and_whose_commit_is_pending_is_no_alarm(cast, client):
    with transaction.atomic():
        submit(cast, cast.ann)
        seen = elsewhere(lambda: health(client)[1])
        assert events() == ["begun", "accepted"]
    assert (seen["purge_log"], seen["unknown_purges"]) == ("agrees", 0)
    assert events() == ["begun", "accepted", "committed"]
    look()
    assert agrees(client)


def test_a_submission_between_the_two_readings_is_no_alarm(cast, client, monkeypatch):
    """The log is read, then somebody submits and completes, then the database is asked."""
    from purge.journal import noticing

    purge(cast, cast.ann)
    real, between = noticing._differences, []

    def later(name, news):
        if not between:
            between.append("now")
            between.append(purge(cast, cast.bob))
        return real(name, news)

    monkeypatch.setattr(noticing, "_differences", later)
    assert not noticing.glance()
    assert len(between) == 2
    monkeypatch.undo()
    look()
    assert agrees(client)


def test_a_process_that_committed_and_was_not_yet_able_to_write_is_no_alarm(cast, client, monkeypatch):
    from purge.journal import lines, noticing

    monkeypatch.setattr(lines, "_append", lambda owner, line: None)
    purge(cast, cast.ann)
    assert events() == ["begun", "accepted"]
    look()
    assert agrees(client)
    assert events() == ["begun", "accepted"], "the process itself is given time"

    assert lines.add_missing(grace=timedelta(0)) == 1
    assert events() == ["begun", "accepted", "completed"]
    noticing.look()
    assert lines.add_missing(grace=timedelta(0)) == 0
    assert agrees(client)


def test_what_a_killed_process_did_not_write_is_added_and_a_restore_is_noticed_then(cast, backup, client, alone):
    """Killed between commit and line, in a process of its own."""
    from purge.journal import lines

    backup.take()
    killed = alone(
        f"""
        from purge import services
        from purge.journal import lines
        from users.models import User
        lines._append = lambda owner, line: os.kill(os.getpid(), signal.SIGKILL)
        admin = User.objects.get(pk={cast.admin.pk})
        services.purge_submit(acting_user=admin, account_id={cast.acme.pk}, user_ids=[{cast.ann.pk}])
        """
    )
    assert killed.returncode == -9
    purge_request = PurgeRequest.objects.get()
    assert events() == ["begun", "accepted"]
    assert lines.add_missing(grace=timedelta(0)) == 1
    assert events() == ["begun", "accepted", "committed"]
    assert written()[-1]["request"] == purge_request.reference
    look()
    assert agrees(client)
    backup.put_back()
    look()
    assert health(client)[1]["unknown_purges"] == 1


@pytest.mark.both_databases
def test_a_process_that_was_killed_between_line_and_commit_has_accepted_nothing(cast, client, alone):
    killed = alone(
        f"""
        from purge import services
        from purge.services import accepting
        from users.models import User
        real = accepting.write_ahead
        def then_die(*words):
            real(*words)
            os.kill(os.getpid(), signal.SIGKILL)
        accepting.write_ahead = then_die
        admin = User.objects.get(pk={cast.admin.pk})
        services.purge_submit(acting_user=admin, account_id={cast.acme.pk}, user_ids=[{cast.ann.pk}])
        """
    )
    assert killed.returncode == -9
    assert events() == ["begun", "accepted"]
    assert not PurgeRequest.objects.exists()
    look()
    assert agrees(client)
    purge(cast, cast.ann)
    assert agrees(client)


# ---------------------------------------------------------------- the log itself


def test_a_full_disk_refuses_in_plain_words_and_leaves_nothing_half_done(cast, client, alone):
    from purge.installation.identity import installation
    from purge.journal import chains

    purge(cast, cast.bob)
    for _n in range(8):
        # Beyond SQLite's own files, which the limit of a file's size is for as well.
        chains.append(installation().pk, {"event": "padding", "text": "-" * 1_000_000}, to_disk=False)
    size = the_file().stat().st_size
    tried = alone(
        f"""
        import resource
        from purge import services
        from users.models import User
        resource.setrlimit(resource.RLIMIT_FSIZE, ({size + 100}, {size + 100}))
        admin = User.objects.get(pk={cast.admin.pk})
        try:
            services.purge_submit(acting_user=admin, account_id={cast.acme.pk}, user_ids=[{cast.ann.pk}])
        except services.PurgeRefused as refusal:
            print(refusal.code, refusal)
        """
    )
    assert tried.stdout.strip() == (
        "journal The purge log of this site cannot be written at the moment (its disk may be full). Nothing was "
        "accepted and nothing has changed. Please tell the operators, and try again later."
    )
    assert the_file().stat().st_size == size
    assert PurgeRequest.objects.count() == 1
    assert User.objects.get(pk=cast.ann.pk).state == UserState.DELETED
    look()
    assert agrees(client)
    purge(cast, cast.ann)


def test_a_lost_log_is_noticed_and_its_return_too(cast, client, settings, run):
    purge(cast, cast.ann)
    look()
    folder = the_file().parent
    folder.rename(folder.with_name("away"))
    look()
    status, report = health(client)
    assert status == 503
    assert report["purge_log"] == "1 file of the purge log that this database remembers is missing or too short."
    folder.with_name("away").rename(folder)
    look()
    assert agrees(client)


def test_a_log_that_is_lost_for_good_can_be_left_behind(cast, client, run):
    purge(cast, cast.ann)
    look()
    the_file().unlink()
    assert run("purge_journal", "acknowledge", "1").code == 0
    assert agrees(client)
    assert written()[-1]["event"] == "acknowledged"
    purge(cast, cast.bob)
    look()
    assert agrees(client)


def test_a_shorter_log_is_noticed(cast, client, run):
    purge(cast, cast.ann)
    look()
    text = the_file().read_bytes().splitlines(keepends=True)
    the_file().write_bytes(b"".join(text[:2]))
    look()
    assert not agrees(client)
    assert health(client)[1]["unknown_purges"] == 0
    assert run("purge_journal", "acknowledge", "1").code == 0
    look()
    assert agrees(client)


def test_a_log_that_was_put_back_shorter_before_anybody_had_read_it(cast, client):
    purge_request = submit(cast, cast.ann)
    look()
    submit(cast, cast.bob)
    text = the_file().read_bytes().splitlines(keepends=True)
    assert events() == ["begun", "accepted", "committed", "accepted", "committed"]
    the_file().write_bytes(b"".join(text[:3]))
    look()
    assert not agrees(client)
    assert PurgeRequest.objects.exclude(pk=purge_request.pk).count() == 1


def test_reading_stops_at_a_bad_line_which_is_an_alarm_of_its_own(cast, backup, client, run):
    """What stands behind it is read by nobody, so no purge is called unknown and the site is not paused for it."""
    backup.take()
    purge(cast, cast.ann)
    lines = scribble_over(2)
    backup.put_back()
    look()
    chain = the_file().name.removesuffix(".jsonl")
    (alarm,) = JournalAlarm.objects.values_list("kind", "chain", "seq", "reference")
    assert alarm == ("damaged", chain, 1, "")
    status, report = health(client)
    assert (status, report["unknown_purges"], report["site_paused"]) == (503, 0, False)
    assert report["purge_log"] == (
        f"The purge log cannot be read from line 2 of {chain} on: what follows there is not known."
    )
    with pytest.raises(services.PurgeRefused, match="Purging is paused while we check the installation"):
        submit(cast, cast.bob)
    verified = run("purge_journal", "verify", "--json")
    assert verified.code == 1
    assert verified.json[0]["lines"] == 1
    assert verified.json[0]["damage"] == [{"line": 2, "why": "a line cannot be read"}]
    said = run("purge_journal", "status").out
    assert f"cannot be read from   {chain} line 2 on" in said
    assert "unknown here" not in said

    # Put back as it was it is read on by itself: then the purge is unknown, and the site is paused.
    the_file().write_bytes(b"".join(lines))
    look()
    assert list(JournalAlarm.objects.values_list("kind", "seq").order_by("seq")) == [("unknown", 3), ("unknown", 4)]
    assert health(client)[1]["site_paused"] is True


def test_what_follows_a_bad_line_is_told_when_an_operator_goes_past_it(cast, backup, client, run):
    backup.take()
    purge(cast, cast.ann)
    scribble_over(2)
    backup.put_back()
    look()
    acknowledged = run("purge_journal", "acknowledge", "1")
    assert acknowledged.code == 1
    assert "This database is older than its purge log: 1 purge is unknown to it." in acknowledged.out
    assert health(client)[1]["site_paused"] is True
    assert not JournalAlarm.objects.filter(kind="damaged").exists()
    assert run("purge_journal", "acknowledge", "1").code == 0
    look()
    assert agrees(client)
    assert run("purge_journal", "verify").code == 1, "it is damaged all the same"


def test_what_is_written_after_a_bad_line_stands_in_a_file_of_its_own(cast, backup, client, run):
    cat = UserFactory(account=cast.acme, state=UserState.DELETED, deleted_at=timezone.now())
    purge(cast, cast.ann)
    the_first = the_file()
    before = the_first.read_bytes().splitlines(keepends=True)
    the_first.write_bytes(b"".join(before[:-1]) + before[-1].replace(b"completed", b"committed"))
    look()
    assert agrees(client), "nothing follows that could tell it"
    submit(cast, cast.bob)
    look()
    (alarm,) = JournalAlarm.objects.values_list("kind", "seq")
    assert alarm == ("damaged", 4), "bob's line does not fit the one before it"
    assert json.loads(the_first.read_bytes().splitlines()[-1])["event"] == "closed"
    assert run("purge_journal", "acknowledge", "1").code == 0
    backup.take()
    purge(cast, cat)
    first, second = sorted(the_first.parent.glob("*.jsonl"))
    assert first == the_first
    told = [json.loads(line) for line in second.read_bytes().splitlines()]
    assert [line["event"] for line in told] == ["begun", "acknowledged", "accepted", "committed", "completed"]
    assert told[0]["after"][0] == the_first.name.removesuffix(".jsonl")
    backup.put_back()
    look()
    assert health(client)[1]["unknown_purges"] == 1, "cat's, which can be read"


def test_a_cut_line_is_no_alarm(cast, client, run):
    purge(cast, cast.ann)
    with the_file().open("ab") as file:
        file.write(b'{"v":2,"seq":5')
    look()
    assert agrees(client)
    purge(cast, cast.bob)
    look()
    assert agrees(client)
    verified = run("purge_journal", "verify", "--json")
    assert verified.code == 0
    (chain,) = verified.json
    assert (chain["lines"], chain["torn"], chain["damage"]) == (7, 1, [])


@pytest.mark.both_databases
def test_what_was_read_is_not_read_again(cast, monkeypatch):
    from purge.journal import chains, noticing

    purge(cast, cast.ann)
    look()
    size = the_file().stat().st_size
    purge(cast, cast.bob)
    starts, real = [], chains.read

    def reading(chain, start, *words, **options):
        starts.append(start.offset)
        return real(chain, start, *words, **options)

    monkeypatch.setattr(chains, "read", reading)
    noticing.look()
    noticing.look()
    assert starts == [size]


# ---------------------------------------------------------------- what stands in it


def test_the_lines_of_a_request_name_nobody(cast):
    purge_request = purge(cast, cast.ann)
    begun, accepted, committed, completed = written()
    assert [line["event"] for line in (begun, accepted, committed, completed)] == [
        "begun",
        "accepted",
        "committed",
        "completed",
    ]
    assert {line["request"] for line in (accepted, committed, completed)} == {purge_request.reference}
    assert [line["n"] for line in (accepted, committed, completed)] == [1, 1, 2]
    assert committed["confirms"] == completed["confirms"] == [the_file().name.removesuffix(".jsonl"), 2]
    going = {
        person.pk: (str(person.public_id), person.account_id)
        for person in (cast.ann, cast.alpha_match, cast.beta_login_match, cast.beta_deleted_match, cast.delta_match)
    }
    assert {row: (public_id, account) for row, public_id, account, _added in accepted["people"]} == going
    added = {person.pk: person.added_at.isoformat() for person in (cast.ann, cast.delta_match)}
    assert {row: moment for row, _id, _account, moment in accepted["people"] if row in added} == added
    assert len(accepted["rules"]) == 16
    assert accepted["accounts"][str(cast.acme.pk)] == str(cast.acme.public_id)
    assert accepted["account"] == cast.acme.pk
    assert accepted["key"] == purge_request.key_fingerprint
    kinds = {digest[0] for digest in accepted["hashes"]}
    assert kinds == {"email", "login", "public_id", "unique_id"}
    text = the_file().read_text()
    assert "@" not in text
    assert "ann" not in text.lower().replace("channel", "")


def test_people_who_come_in_or_leave_later_are_written_ahead_too(cast, client):
    from purge.host import get_host
    from purge.journal.brought_back import brought_back
    from purge.journal.lines import LATE, LET_GO, journal_people

    purge_request = submit(cast, cast.ann)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        journal_people(purge_request, LATE, people=get_host().people([cast.witness.pk]))
        raise ZeroDivisionError
    with transaction.atomic():
        journal_people(purge_request, LATE, people=get_host().people([cast.bob.pk]))
        assert events()[-1] == "late"
    with transaction.atomic():
        journal_people(purge_request, LET_GO, people=get_host().people([cast.bob.pk]))
    assert w.completed(w.run_to_end(purge_request))
    assert [(line["event"], line["n"]) for line in written()[1:]] == [
        ("accepted", 1),
        ("committed", 1),
        ("late", 2),  # rolled back: no outcome confirms it
        ("late", 2),
        ("committed", 2),
        ("let_go", 3),
        ("committed", 3),
        ("completed", 4),
    ]
    chain = the_file().name.removesuffix(".jsonl")
    late = written()[4]
    assert late["people"] == [[cast.bob.pk, str(cast.bob.public_id), cast.acme.pk, cast.bob.added_at.isoformat()]]
    assert late["rules"] == written()[1]["rules"]
    assert late["changes"] == [chain, 2]
    assert written()[5]["confirms"] == written()[6]["changes"] == [chain, 5]
    assert written()[7]["confirms"] == written()[8]["confirms"] == [chain, 7]
    # Who is asked about is here again: the witness was never part of it, Bob has left it.
    back = brought_back({purge_request.reference}, {chain: 0})
    assert back == {purge_request.reference: []}
    UserFactory(pk=cast.ann.pk, account=cast.acme)
    assert brought_back({purge_request.reference}, {chain: 0}) == {purge_request.reference: []}, (
        "another person under this number"
    )
    look()
    assert agrees(client)


def test_who_was_overlooked_at_acceptance_is_written_ahead_before_they_go(cast, client):
    """Added by a transaction that had not committed when the request was accepted."""
    purge_request = submit(cast, cast.ann)
    trial = AccountFactory(kind="trial")
    late = UserFactory(account=trial, email="ann@x.org", added_at=purge_request.accepted_at - timedelta(days=1))
    row, public_id = late.pk, str(late.public_id)
    w.run_to_end(purge_request)
    assert not User.objects.filter(pk=row).exists()
    (line,) = [line for line in written() if line["event"] == "late"]
    assert line["people"] == [[row, public_id, trial.pk, late.added_at.isoformat()]]
    assert line["accounts"][str(trial.pk)] == str(trial.public_id)
    look()
    assert agrees(client)


@pytest.mark.postgresql
def test_two_that_look_at_once_find_each_difference_once(cast, backup, client):
    from purge.journal import noticing

    backup.take()
    for person in (cast.ann, cast.bob):
        purge(cast, person)
    backup.put_back()
    start = threading.Barrier(3, timeout=30)

    def look_together():
        start.wait()
        return noticing.look()

    results = []
    threads = [threading.Thread(target=lambda: results.append(elsewhere(look_together))) for _n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [(found.unknown, found.number) for found in results] == [(2, 2)] * 3
    # Two purges, each committed and completed.
    assert JournalAlarm.objects.count() == 4


def test_a_look_that_finds_nothing_new_writes_nothing(cast, django_assert_max_num_queries):
    from purge.journal import noticing

    purge(cast, cast.ann)
    look()
    with django_assert_max_num_queries(8) as asked:
        noticing.look()
    assert [query["sql"][:6] for query in asked.captured_queries if not query["sql"].startswith("SELECT")] == []
    with django_assert_max_num_queries(3):
        noticing.glance()


# ---------------------------------------------------------------- saying it


def test_operators_read_what_to_do_on_the_home_page_and_customers_that_somebody_is_at_it(
    cast, backup, client, settings
):
    backup.take()
    purge(cast, cast.ann)
    backup.put_back()
    client.force_login(UserFactory(is_superuser=True))
    page = client.get("/admin/").content.decode()
    assert "This database is older than its purge log: 1 purge is unknown to it." in page
    assert "manage.py purge_replay --dry-run" in page
    client.force_login(cast.admin)
    assert client.get("/admin/").status_code == 503
    settings.PURGE_SITE_FENCE = False
    page = client.get("/admin/").content.decode()
    assert "Purging is paused while we check a backup that was restored. Support has been notified." in page
    assert "purge log" not in page
    assert "manage.py" not in page


def test_status_tells_which_and_acknowledging_takes_their_number(cast, backup, client, run):
    backup.take()
    first, second = purge(cast, cast.ann), purge(cast, cast.bob)
    backup.put_back()
    told = run("purge_journal", "status")
    assert told.code == 1
    assert "This database is older than its purge log: 2 purges are unknown to it." in told.out
    assert first.reference in told.out
    assert second.reference in told.out
    back = {
        each["request"]: set(each["users_who_are_back"])
        for each in run("purge_journal", "status", "--json").json["differences"]
    }
    matches = {cast.alpha_match, cast.beta_login_match, cast.beta_deleted_match, cast.delta_match}
    assert back == {first.reference: {cast.ann.pk} | {match.pk for match in matches}, second.reference: {cast.bob.pk}}
    wrong = run("purge_journal", "acknowledge", "1")
    assert (wrong.code, agrees(client)) == (1, False)
    assert "There are 2 differences, not 1." in wrong.err
    assert run("purge_journal", "acknowledge", "2").code == 0
    assert agrees(client)
    line = written()[-1]
    assert line["event"] == "acknowledged"
    assert line["unknown"] == sorted([first.reference, second.reference])
    again = run("purge_journal", "acknowledge", "2")
    assert again.code == 1
    assert "there is nothing to acknowledge" in again.err
    assert run("purge_journal", "status").code == 0
    # Restored once more, to before it was acknowledged: they are back, and so is the alarm.
    backup.put_back()
    assert health(client)[1]["unknown_purges"] == 2


def test_the_command_says_how_it_is_used(run):
    for words in (("acknowledge",), ("begin",), ("status", "3"), ("verify", "--copy")):
        assert run("purge_journal", *words).code == 2


def test_the_start_of_the_web_says_it(cast, backup, alone):
    backup.take()
    purge(cast, cast.ann)
    backup.put_back()
    started = alone(
        """
        import time
        began = time.monotonic()
        import lms_purge.wsgi
        from django.test import Client
        first = Client(headers={"host": "localhost"}).get("/admin/")
        print(first.status_code, time.monotonic() - began < 5)
        """
    )
    assert (started.returncode, started.stdout) == (0, "503 True\n")
    assert "This database is older than its purge log: 1 purge is unknown to it." in started.stderr


def test_the_worker_says_it_and_delivers_nothing(cast, backup, caplog, monkeypatch, settings):
    settings.OPERATORS_EMAIL = "ops@lms.example"
    from purge.worker import supervisor

    submit(cast, cast.bob)
    look()
    backup.take()
    purge(cast, cast.ann)
    backup.put_back()
    made = supervisor.Supervisor(command=["true"], name="here:1")
    delivered = []
    monkeypatch.setattr(supervisor, "deliver", lambda: delivered.append(1))
    monkeypatch.setattr(made, "_start", lambda: setattr(made, "stopping", True))
    monkeypatch.setattr(made, "_listen", lambda: None)
    assert made.run() == 0
    assert "1 purge is unknown to it" in caplog.text
    made.look_after()
    made.look_after()
    assert delivered == []
    # Operators hear of it at once, and once; nobody else does.
    remind = [row.task["func"] for row in OrmQ.objects.all()].count("purge.tasks.remind")
    assert remind == 1
    system = AccountFactory(kind=AccountKind.SYSTEM)
    operator = UserFactory(account=system, is_superuser=True)
    Notification.objects.all().delete()
    late = timezone.now() - timedelta(days=1)
    PurgeRequest.objects.update(accepted_at=late - timedelta(days=30), due_at=late)
    assert tasks.remind() == 0
    assert set(Notification.objects.values_list("recipient", "kind")) == {(operator.pk, "paused"), (None, "paused")}
    assert "manage.py purge_replay --dry-run" in Notification.objects.get(recipient=operator).text
    assert tasks.patrol() != "under way"
    assert caplog.text.count("1 purge is unknown to it") == 2


# ---------------------------------------------------------------- hands


def the_file() -> Path:
    (file,) = django_settings.PURGE_JOURNAL.with_name("purge.jsonl.d").glob("*.jsonl")
    return file


def written() -> list[dict]:
    return [json.loads(text) for text in the_file().read_text().splitlines() if text.endswith("}")]


def events() -> list[str]:
    return [line["event"] for line in written()]


def elsewhere(action):
    """Do something on another connection; what it returned."""
    results = []

    def act():
        try:
            results.append(action())
        finally:
            connections.close_all()

    thread = threading.Thread(target=act)
    thread.start()
    thread.join(timeout=60)
    return results[0]
