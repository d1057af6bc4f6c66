"""What is said where nothing can start: one sentence; and which release it is."""

import os
import subprocess
import sys
import tomllib

import pytest

from keys import folder
from lms_purge import VERSION
from tools.environment import ROOT
from tools.prepare import migrated_line

GOOD = {"SECRET_KEY": "0123456789" * 5, "PURGE_HASH_KEY": "9876543210" * 5, "LMS_ENCRYPTION_KEYS": "QUFB" * 10 + "QUE="}
NO_SERVER = "postgresql://somebody:secret@127.0.0.1:1/nowhere"


def manage(tmp_path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environ = {"LMS_KEYS": str(tmp_path / "keys"), **kept, **environ}
    return subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=environ, capture_output=True, text=True)


def test_a_missing_key_is_one_sentence(tmp_path):
    done = manage(tmp_path, "migrate")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "SECRET_KEY is missing, or shorter than 32 characters: type manage.py keys_make.\n"


def test_a_database_that_is_not_there_is_one_sentence(tmp_path):
    done = manage(tmp_path, "migrate", DATABASE_URL=NO_SERVER, **GOOD)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("The database that DATABASE_URL names does not answer: ")
    assert "refused" in line
    assert "secret" not in line


def test_the_web_server_says_it_once_and_ends(tmp_path):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    words = [sys.executable, "-m", "gunicorn", "--config", "python:tools.gunicorn_config", "--bind", "127.0.0.1:0"]
    done = subprocess.run(
        [*words, "lms_purge.wsgi"],
        cwd=ROOT,
        env={**kept, "LMS_KEYS": str(tmp_path / "keys"), "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "SECRET_KEY is missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_ours(tmp_path):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
    assert f"\n## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()
    for words in (["--version"], ["version"]):
        done = manage(tmp_path, *words)
        assert done.returncode == 0
        assert done.stdout.startswith(f"LMS Purge {VERSION} (Django 5.2.")


def test_a_machine_that_never_had_a_hash_key_reads_how_to_make_one(settings):
    from purge.hashing import HashKeyMissing, fingerprint

    settings.PURGE_HASH_KEY = ""
    with pytest.raises(
        HashKeyMissing, match=r"restore it from its backup, or on a machine .* type manage.py keys_make"
    ):
        fingerprint()
    assert folder.HASH


@pytest.mark.parametrize(("apps", "is_new", "said"), [
    ([], False, ""),
    (["users"], False, "Database upgraded: 1 migration (users 1)."),
    (["purge", "users", "purge"], False, "Database upgraded: 3 migrations (purge 2, users 1)."),
    (["purge", "users"], True, "Database made (2 migrations)."),
])  # fmt: skip
def test_run_says_what_it_migrated_on_one_line(apps, is_new, said):
    assert migrated_line(apps, is_new=is_new) == said
