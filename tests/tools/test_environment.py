import importlib.util
import json
import stat
import subprocess
import sys

import pytest

from tools import environment
from tools.environment import Problem, digest, ensure_keys, ensure_venv, installed, is_current, python_of

pytestmark = pytest.mark.usefixtures("no_pip")


@pytest.fixture
def no_pip(monkeypatch):
    """Nothing is downloaded in a test: what pip is asked to install is noted instead."""
    asked = []
    monkeypatch.setattr(environment, "_pip", lambda python, requirements: asked.append(requirements.name))
    return asked


@pytest.fixture
def project(tmp_path):
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    (tmp_path / "requirements-dev.txt").write_text("# nothing more\n")
    return tmp_path


@pytest.fixture
def fake_venv(project, monkeypatch):
    """An environment whose Python is this one, so that none has to be made."""
    venv = project / ".venv"
    python_of(venv).parent.mkdir(parents=True)
    python_of(venv).symlink_to(sys.executable)
    return venv


def test_the_environment_is_made_once_and_then_left_alone(project, fake_venv, no_pip):
    ensure_venv("requirements.txt", root=project, venv=fake_venv)
    ensure_venv("requirements.txt", root=project, venv=fake_venv)

    assert no_pip == ["requirements.txt"]
    assert installed(fake_venv) == {"requirements.txt": digest(project / "requirements.txt")}


def test_a_changed_requirements_file_is_installed(project, fake_venv, no_pip):
    ensure_venv("requirements.txt", root=project, venv=fake_venv)
    (project / "requirements.txt").write_text("# something else\n")

    assert not is_current(fake_venv, project / "requirements.txt")
    ensure_venv("requirements.txt", root=project, venv=fake_venv)
    assert no_pip == ["requirements.txt", "requirements.txt"]


def test_the_development_environment_serves_run_too_but_not_the_other_way_round(project, fake_venv, no_pip):
    ensure_venv("requirements.txt", root=project, venv=fake_venv)
    assert not is_current(fake_venv, project / "requirements-dev.txt")

    ensure_venv("requirements-dev.txt", root=project, venv=fake_venv)
    ensure_venv("requirements.txt", root=project, venv=fake_venv)
    assert no_pip == ["requirements.txt", "requirements-dev.txt"]


def test_an_environment_whose_python_is_gone_counts_as_none(project, fake_venv, no_pip):
    ensure_venv("requirements.txt", root=project, venv=fake_venv)
    python_of(fake_venv).unlink()
    python_of(fake_venv).symlink_to(project / "uninstalled-python")

    assert installed(fake_venv) == {}


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_broken_stamp_counts_as_none(fake_venv, content):
    (fake_venv / "installed.json").write_text(content)

    assert installed(fake_venv) == {}


def test_without_ensurepip_it_says_what_to_install(project, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(Problem, match="apt-get install python3-venv"):
        ensure_venv("requirements.txt", root=project, venv=project / ".venv")
    assert not (project / ".venv").exists()


def test_every_locked_requirement_has_a_hash_and_no_file_names_a_registry():
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (environment.ROOT / name).read_text()
        pins = [entry for entry in text.replace("\\\n", " ").splitlines() if "==" in entry]
        assert pins
        assert all("--hash=sha256:" in pin for pin in pins)
        assert "://" not in text
        assert "index-url" not in text


def test_run_and_test_install_the_same_versions():
    def pins(name):
        lines = (environment.ROOT / name).read_text().splitlines()
        return {line.split()[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}

    assert pins("requirements.txt") <= pins("requirements-dev.txt")


# Keys


FILES = ("secret_key", "hash_key", "encryption_key")


def test_keys_are_made_once_and_only_for_their_owner(tmp_path):
    assert ensure_keys({}, folder=tmp_path) == {"LMS_KEYS": str(tmp_path / "keys")}
    first = {name: (tmp_path / "keys" / name).read_text() for name in FILES}
    ensure_keys({}, folder=tmp_path)

    assert {name: (tmp_path / "keys" / name).read_text() for name in FILES} == first
    assert len(set(first.values())) == 3
    assert min(len(first["secret_key"]), len(first["hash_key"])) >= 50
    assert {stat.S_IMODE((tmp_path / "keys" / name).stat().st_mode) for name in FILES} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_two_installations_have_different_keys(tmp_path):
    for name in "ab":
        ensure_keys({}, folder=tmp_path / name)
    for file in FILES:
        assert (tmp_path / "a" / "keys" / file).read_text() != (tmp_path / "b" / "keys" / file).read_text()


def test_no_key_is_made_that_the_environment_gives(tmp_path):
    ensure_keys({"SECRET_KEY": "s", "PURGE_HASH_KEY": "p"}, folder=tmp_path)
    assert [file.name for file in (tmp_path / "keys").iterdir()] == ["encryption_key"]


def test_a_key_that_the_environment_stops_giving_is_added_and_the_others_kept(tmp_path):
    ensure_keys({"PURGE_HASH_KEY": "theirs"}, folder=tmp_path)
    secret = (tmp_path / "keys" / "secret_key").read_text()
    assert not (tmp_path / "keys" / "hash_key").exists()

    ensure_keys({}, folder=tmp_path)
    assert (tmp_path / "keys" / "secret_key").read_text() == secret
    assert len((tmp_path / "keys" / "hash_key").read_text()) >= 50


def test_the_keys_of_an_earlier_version_are_taken_over(tmp_path):
    (tmp_path / "keys.env").write_text("SECRET_KEY=the-old-secret\nPURGE_HASH_KEY=the-old-hash-key\n")
    ensure_keys({}, folder=tmp_path)
    assert (tmp_path / "keys" / "secret_key").read_text() == "the-old-secret\n"
    assert (tmp_path / "keys" / "hash_key").read_text() == "the-old-hash-key\n"
    assert len((tmp_path / "keys" / "encryption_key").read_text()) == 45


def test_a_folder_of_keys_that_others_can_read_is_refused(tmp_path):
    ensure_keys({}, folder=tmp_path)
    (tmp_path / "keys").chmod(0o755)
    with pytest.raises(Problem, match="chmod 700"):
        ensure_keys({}, folder=tmp_path)


# The scripts themselves


@pytest.mark.parametrize("script", ["run", "test"])
def test_a_machine_with_too_old_a_python_is_told_what_to_install(script, tmp_path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")

    done = subprocess.run(
        ["/bin/sh", environment.ROOT / script], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "Python 3.11 or newer is needed: sudo apt-get install python3" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_stamp_is_written_last(project, fake_venv, monkeypatch):
    def fails(python, requirements):
        raise Problem("no network")

    monkeypatch.setattr(environment, "_pip", fails)

    with pytest.raises(Problem):
        ensure_venv("requirements.txt", root=project, venv=fake_venv)
    assert not is_current(fake_venv, project / "requirements.txt")
    (fake_venv / "installed.json").write_text(json.dumps({"requirements.txt": digest(project / "requirements.txt")}))
    assert is_current(fake_venv, project / "requirements.txt")
