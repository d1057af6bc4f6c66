"""The files of the purge log: their order, their wholeness, and what the disk does to them. No database."""

import hashlib
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from purge.journal import chains
from purge.journal.chains import ChainLine, Damage
from purge.journal.stores import folder as stores_folder
from purge.journal.stores.home import Position

OURS = uuid.UUID("11111111-2222-3333-4444-555555555555")
OTHERS = uuid.UUID("99999999-8888-7777-6666-555555555555")
ROOT = Path(__file__).resolve().parents[3]
#: What a process of its own needs to write.
ALONE = """
import os, sys, uuid
from django.conf import settings
settings.configure(PURGE_JOURNAL=sys.argv[1], PURGE_JOURNAL_WRITER="web1")
from purge.journal import chains
OURS = uuid.UUID("11111111-2222-3333-4444-555555555555")
"""


@pytest.fixture(autouse=True)
def one_machine(settings):
    settings.PURGE_JOURNAL_WRITER = "web1"


@pytest.fixture
def folder(settings) -> Path:
    return settings.PURGE_JOURNAL.with_name("purge.jsonl.d")


def write(*events: str, to_disk: bool = True) -> None:
    for event in events:
        chains.append(OURS, {"event": event}, to_disk=to_disk)


def the_file(folder: Path) -> Path:
    (file,) = folder.glob("*.jsonl")
    return file


def read(chain: str | None = None) -> list[str]:
    """The events of a chain; damage as (number of the text line, words)."""
    name = chain or chains.chain_names(OURS)[0]
    items = chains.read(name, Position(), chains.settle(name), settled=True, installation=OURS)
    return [item.event if isinstance(item, ChainLine) else (item.line, item.why) for _position, item in items]


def alone(code: str, settings) -> subprocess.Popen:
    words = [sys.executable, "-c", ALONE + code, str(settings.PURGE_JOURNAL)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


# ---------------------------------------------------------------- the format


def test_each_line_has_its_number_and_the_hash_of_the_line_before(folder):
    write("accepted", "committed")
    texts = the_file(folder).read_bytes().split(b"\n")
    assert texts.pop() == b""
    begun, accepted, committed = (json.loads(text) for text in texts)
    assert (begun["v"], begun["seq"], begun["prev"], begun["event"]) == (2, 1, "", "begun")
    assert (begun["installation"], begun["machine"]) == ("11111111-2222-3333-4444-555555555555", "web1")
    assert (accepted["seq"], accepted["prev"]) == (2, hashlib.sha256(texts[0]).hexdigest())
    assert (committed["seq"], committed["prev"]) == (3, hashlib.sha256(texts[1]).hexdigest())


def test_the_file_is_named_by_installation_machine_and_start_and_read_by_its_owner_alone(folder, settings):
    settings.PURGE_JOURNAL_WRITER = "web.1/ö"
    write("accepted")
    file = the_file(folder)
    installation, machine, start, suffix = file.name.split(".")
    assert (installation, machine, suffix) == ("11111111222233334444555555555555", "web-1-", "jsonl")
    assert len(start) == len("20261129T020501123456Z")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_path_without_a_suffix_is_the_folder_itself(settings, tmp_path):
    settings.PURGE_JOURNAL = tmp_path / "log"
    write("accepted")
    assert the_file(tmp_path / "log").is_file()


def test_a_file_of_the_earlier_format_stays_as_it_is_and_is_read(settings, folder):
    settings.PURGE_JOURNAL.parent.mkdir(parents=True)
    text = '{"event":"accepted","request":"PUR-1"}\n{"event":"acc\n{"event":"accepted","request":"PUR-2"}\n'
    settings.PURGE_JOURNAL.write_text(text)
    write("accepted")
    assert settings.PURGE_JOURNAL.read_text() == text
    lines = list(chains.earlier_lines())
    assert [line and line["request"] for line in lines] == ["PUR-1", None, "PUR-2"]


# ---------------------------------------------------------------- one chain, many processes


def test_four_processes_at_once_write_one_whole_chain(settings, folder):
    code = "for n in range(25): chains.append(OURS, {'event': f'{os.getpid()}', 'n': n}, to_disk=n % 2 == 0)"
    writers = [alone(code, settings) for _n in range(4)]
    assert [(writer.wait(timeout=120), writer.communicate()[0]) for writer in writers] == [(0, "")] * 4
    events = read()
    assert events[0] == "begun"
    assert len(events) == 1 + 100
    assert {events.count(event) for event in set(events[1:])} == {25}
    assert len(list(folder.glob("*.jsonl"))) == 1


def test_a_process_that_starts_continues_the_chain_and_another_machine_begins_its_own(settings, folder):
    write("accepted")
    other = alone("chains.append(OURS, {'event': 'committed'}, to_disk=True)", settings)
    assert (other.communicate(timeout=60)[0], other.returncode) == ("", 0)
    write("completed")
    assert read() == ["begun", "accepted", "committed", "completed"]
    settings.PURGE_JOURNAL_WRITER = "web2"
    chains._current.clear()  # what the process of another machine has not got
    write("accepted")
    assert sorted(name.split(".")[1] for name in chains.chain_names(OURS)) == ["web1", "web2"]
    assert read(chains.chain_names(OURS)[1]) == ["begun", "accepted"]


def test_installations_share_a_folder_and_no_chain(folder):
    write("accepted")
    chains.append(OTHERS, {"event": "accepted"}, to_disk=True)
    assert len(list(folder.glob("*.jsonl"))) == 2
    assert chains.chain_names(OURS) != chains.chain_names(OTHERS)
    (name,) = chains.chain_names(OURS)
    (other,) = chains.chain_names(OTHERS)
    os.replace(chains.path_of(other), chains.path_of(name))
    assert read(name) == [(1, "it belongs to another installation")]


def test_a_big_chain_is_closed_and_the_next_one_names_it(folder, monkeypatch):
    monkeypatch.setattr(chains, "MOST_BYTES", 700)
    for _n in range(8):
        write("accepted")
    names = chains.chain_names(OURS)
    assert len(names) > 1
    first, second = names[:2]
    assert read(first)[-1] == "closed"
    last_line = chains.path_of(first).read_bytes().splitlines()[-1]
    begun = json.loads(chains.path_of(second).read_bytes().splitlines()[0])
    assert begun["after"] == [first, hashlib.sha256(last_line).hexdigest()]
    assert sum(read(name).count("accepted") for name in names) == 8


def test_who_waits_too_long_for_the_lock_gives_up(folder, settings, monkeypatch):
    write("accepted")
    holder = alone(
        "import fcntl, time; fd = os.open(chains.path_of(chains.chain_names(OURS)[0]), os.O_RDWR);"
        "fcntl.flock(fd, fcntl.LOCK_EX); print('held', flush=True); time.sleep(600)",
        settings,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        monkeypatch.setattr(stores_folder, "LOCK_SECONDS", 0.1)
        with pytest.raises(TimeoutError):
            write("committed")
    finally:
        holder.kill()
        holder.communicate()
    # The lock of a killed process is gone with it.
    write("committed")
    assert read() == ["begun", "accepted", "committed"]


def test_a_folder_that_is_cleared_away_under_a_running_process_gets_a_new_chain(folder):
    write("accepted")
    the_file(folder).unlink()
    write("accepted")
    assert read() == ["begun", "accepted"]


# ---------------------------------------------------------------- what the disk does


def test_a_line_that_a_crash_cut_stays_beside_and_the_chain_goes_on(folder):
    write("accepted")
    with the_file(folder).open("ab") as file:
        file.write(b'{"v":2,"seq":3,"prev":"0000')
    write("committed", "completed")
    assert read() == ["begun", "accepted", "committed", "completed"]
    texts = the_file(folder).read_bytes().split(b"\n")
    assert texts[2] == b'{"v":2,"seq":3,"prev":"0000'
    assert json.loads(texts[3])["prev"] == hashlib.sha256(texts[1]).hexdigest()


def test_a_cut_line_at_the_end_is_waited_for_and_no_damage(folder):
    write("accepted")
    before = the_file(folder).stat().st_size
    with the_file(folder).open("ab") as file:
        file.write(b'{"v":2,"seq":3,')
    (name,) = chains.chain_names(OURS)
    *_lines, (position, _line) = chains.read(name, Position(), chains.settle(name), settled=True)
    assert position.offset == before


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            lambda lines: [lines[0], b"\x00" * 40, *lines[2:]],
            ["begun", (2, "a line cannot be read")],
        ),
        (
            lambda lines: [lines[0], *lines[2:]],
            ["begun", (2, "line 3 follows line 1")],
        ),
        (
            lambda lines: [lines[0], lines[2], lines[1], lines[3]],
            ["begun", (2, "line 3 follows line 1")],
        ),
        (
            lambda lines: [lines[0], lines[1].replace(b"accepted", b"rejected"), *lines[2:]],
            ["begun", "rejected", (3, "line 3 does not fit the line before it")],
        ),
        (
            lambda lines: lines[1:],
            [(1, "line 2 follows line 0")],
        ),
        (
            lambda lines: [*lines[:3], b"{}"],
            ["begun", "accepted", "committed", (4, "its last line cannot be read")],
        ),
        (
            lambda lines: [*lines[:3], lines[3].replace(b'"seq":4', b'"seq":99999999999999999999')],
            ["begun", "accepted", "committed", (4, "its last line cannot be read")],
        ),
    ],
    ids=[
        "zeros",
        "a line gone",
        "two lines changed places",
        "another word",
        "no beginning",
        "the last line",
        "no number",
    ],
)
def test_damage_stops_the_reading_with_the_number_of_its_line(folder, change, found):
    write("accepted", "committed", "completed")
    lines = the_file(folder).read_bytes().splitlines()
    the_file(folder).write_bytes(b"\n".join(change(lines)) + b"\n")
    assert read() == found


def test_a_chain_whose_end_is_damaged_is_not_continued(folder):
    write("accepted")
    with the_file(folder).open("ab") as file:
        file.write(b"what is this\n")
    stores_folder._tails.clear()
    write("committed")
    first, second = chains.chain_names(OURS)
    assert read(first) == ["begun", "accepted", (3, "its last line cannot be read")]
    assert read(second) == ["begun", "committed"]


def test_a_chain_that_is_damaged_before_its_end_is_not_continued_by_a_process_that_starts(folder):
    write("accepted", "committed")
    the_file(folder).write_bytes(the_file(folder).read_bytes().replace(b'"accepted"', b'"rejected"'))
    chains._current.clear()  # what a process that starts has not got
    write("completed")
    first, second = chains.chain_names(OURS)
    assert read(first) == ["begun", "rejected", (3, "line 3 does not fit the line before it")]
    assert read(second) == ["begun", "completed"]


def test_nobody_goes_on_in_a_chain_that_was_closed_because_of_damage(folder):
    write("accepted", "committed")
    the_file(folder).write_bytes(the_file(folder).read_bytes().replace(b'"accepted"', b'"rejected"'))
    (name,) = chains.chain_names(OURS)
    chains.close(name)
    chains.close(name)
    write("completed")
    events = [json.loads(line)["event"] for line in chains.path_of(name).read_bytes().splitlines()]
    assert events == ["begun", "rejected", "committed", "closed"]
    assert read(chains.chain_names(OURS)[1]) == ["begun", "completed"]


def test_whoever_goes_past_damage_reads_all_that_stands_behind(folder):
    write("accepted", "committed", "completed")
    lines = the_file(folder).read_bytes().splitlines(keepends=True)
    the_file(folder).write_bytes(lines[0] + b"?\n" + b"".join(lines[2:]))
    (name,) = chains.chain_names(OURS)
    size = chains.settle(name)
    *_lines, (before, damage) = chains.read(name, Position(), size, settled=True)
    assert (before.seq, damage.after, damage.line) == (1, 1, 2)
    assert damage.behind.offset == len(lines[0]) + 2
    behind = [item.event for _p, item in chains.read(name, damage.behind, size, settled=True)]
    assert behind == ["committed", "completed"]
    past = [getattr(item, "event", "?") for _p, item in chains.read(name, Position(), size, settled=True, past=size)]
    assert past == ["begun", "?", "committed", "completed"]


#: Who counts branches writes to the full disk as well, and says so.
not_counted = pytest.mark.skipif("coverage" in sys.modules, reason="the counter of branches needs the disk, too")


@not_counted
def test_a_full_disk_leaves_whole_lines_only(settings, folder):
    """A real limit of the file's size: the kernel takes the part of a line that fits, and refuses the next one."""
    write("accepted")
    size = the_file(folder).stat().st_size
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({size + 50}, {size + 50}))
for _n in range(2):
    try:
        chains.append(OURS, {{"event": "accepted", "hashes": ["0" * 100]}}, to_disk=True)
    except OSError as error:
        print(type(error).__name__)
"""
    writer = alone(code, settings)
    out, _err = writer.communicate(timeout=60)
    assert (writer.returncode, out) == (0, "ChainCut\nChainCut\n")
    assert the_file(folder).stat().st_size == size
    write("accepted")
    assert read() == ["begun", "accepted", "accepted"]


@not_counted
def test_a_full_disk_refuses_the_first_line_and_leaves_no_empty_chain(settings, folder):
    code = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
try:
    chains.append(OURS, {"event": "accepted"}, to_disk=True)
except OSError as error:
    print(type(error).__name__)
"""
    writer = alone(code, settings)
    out, _err = writer.communicate(timeout=60)
    assert (writer.returncode, out) == (0, "ChainCut\n")
    assert list(folder.glob("*.jsonl")) == []


def test_a_disk_that_does_not_flush_refuses_and_the_line_is_taken_back(folder, monkeypatch):
    write("accepted")

    def broken(descriptor):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="Input/output"):
            write("accepted")
        write("committed", to_disk=False)
    assert read() == ["begun", "accepted", "committed"]


def test_reading_goes_on_where_it_was(folder):
    write("accepted", "committed")
    (name,) = chains.chain_names(OURS)
    items = list(chains.read(name, Position(), chains.settle(name), settled=True))
    position = items[-1][0]
    assert (position.offset, position.seq) == (the_file(folder).stat().st_size, 3)
    write("completed")
    later = list(chains.read(name, position, chains.settle(name), settled=True))
    assert [(item.seq, item.event) for _position, item in later] == [(4, "completed")]


def test_what_was_read_and_then_rewritten_is_damage(folder):
    write("accepted", "committed")
    (name,) = chains.chain_names(OURS)
    position = list(chains.read(name, Position(), chains.settle(name), settled=True))[-1][0]
    text = the_file(folder).read_bytes().splitlines()
    the_file(folder).write_bytes(text[0] + b"\n")
    stores_folder._tails.clear()
    write("accepted", "a", "b")
    (item,) = [
        item for _p, item in chains.read(name, position, chains.settle(name), settled=True) if isinstance(item, Damage)
    ]
    assert item.after == 3
