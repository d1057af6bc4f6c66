import os
import signal
import socket
import subprocess
import sys
import textwrap

import pytest

from tools.environment import ROOT, Problem
from tools.serve import USAGE, Stop, address_of, descendants, free_port_or_problem, parents_by_pid, run, supervise


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_said_in_one_sentence_with_what_to_type(taken_port):
    with pytest.raises(Problem) as refused:
        free_port_or_problem({"PORT": str(taken_port)})
    assert f"Port {taken_port} is taken" in str(refused.value)
    assert f"PORT={taken_port + 1} ./run" in str(refused.value)


def test_a_free_port_is_taken_from_the_environment(taken_port):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert free_port_or_problem({"PORT": str(free)}) == free


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "80 80"])
def test_a_port_that_is_none_is_refused(text):
    with pytest.raises(Problem, match="no port number"):
        free_port_or_problem({"PORT": text})


@pytest.mark.parametrize("words", [["serve"], ["--port", "80"], ["--postgres", "shell"]])
def test_unknown_words_are_answered_with_the_usage(words):
    with pytest.raises(Problem) as refused:
        run(words)
    assert str(refused.value) == USAGE


def test_a_problem_is_one_line_and_no_traceback(taken_port):
    done = subprocess.run(
        [sys.executable, "-m", "tools.dev", "run"],
        cwd=ROOT,
        env={**os.environ, "PORT": str(taken_port)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"Port {taken_port} is taken: stop what listens there, or type PORT={taken_port + 1} ./run."
    ]


# Supervising. The children are real processes; each says in a file what happened to it.

CHILD = """
import pathlib, signal, sys, time
folder, name, way = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
def stopped(*_):
    (folder / f"{name}.stopped").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if way == "deaf" else stopped)
(folder / f"{name}.up").touch()
if way == "dies":
    while not (folder / "other.up").exists():
        time.sleep(0.01)
    sys.exit(3)
time.sleep(60)
"""


def child(folder, name, way="waits"):
    return [sys.executable, "-c", textwrap.dedent(CHILD), str(folder), name, way]


def stop_when(stop, *files):
    """A `ready` that asks for the stop once the children have written `files`."""

    def ready():
        if all(file.exists() for file in files):
            stop.count = 1
            return True
        return False

    return ready


def test_a_stop_that_was_asked_for_ends_both_children_and_is_a_success(tmp_path, capfd):
    stop = Stop()
    commands = {"web": child(tmp_path, "one"), "worker": child(tmp_path, "other")}

    code = supervise(
        commands,
        os.environ,
        stop=stop,
        ready=stop_when(stop, tmp_path / "one.up", tmp_path / "other.up"),
        welcome="It is up.",
    )

    assert code == 0
    assert (tmp_path / "one.stopped").exists()
    assert (tmp_path / "other.stopped").exists()
    assert "It is up." in capfd.readouterr().out


def test_when_one_child_dies_the_other_is_stopped_and_it_is_a_failure(tmp_path, capfd):
    commands = {"web": child(tmp_path, "one", "dies"), "worker": child(tmp_path, "other")}

    code = supervise(commands, os.environ, stop=Stop(), ready=lambda: False, welcome="")

    assert code == 1
    assert (tmp_path / "other.stopped").exists()
    assert "The web process ended by itself (exit code 3)" in capfd.readouterr().err


def test_descendants_are_killed_before_their_parents():
    parents = {2: 1, 3: 1, 4: 2, 5: 4, 9: 8}
    assert descendants(1, parents) == [5, 4, 2, 3]


def test_the_real_process_table_knows_our_children():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        assert child.pid in descendants(os.getpid(), parents_by_pid())
    finally:
        child.communicate()


def test_a_child_that_will_not_stop_is_killed(tmp_path, capfd):
    stop = Stop()

    code = supervise(
        {"worker": child(tmp_path, "one", "deaf")},
        os.environ,
        stop=stop,
        ready=stop_when(stop, tmp_path / "one.up"),
        welcome="",
        stop_seconds=0.2,
    )

    assert code == 0
    assert not (tmp_path / "one.stopped").exists()
    assert "did not stop in time and is killed" in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_signals_of_a_terminal_and_of_a_service_manager_ask_for_a_stop(number):
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    stop = Stop()
    try:
        stop.listen()
        signal.raise_signal(number)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert stop.count == 1


def test_the_address_is_printed_by_name_since_a_passkey_belongs_to_one(taken_port):
    assert address_of(8123) == "http://localhost:8123"
    # It leads to where the site listens.
    with socket.create_connection(("localhost", taken_port), timeout=2):
        pass
