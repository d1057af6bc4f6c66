"""The folder of keys, by the commands that make it and look at it, before there are any settings."""

import os
import stat
import subprocess
import sys

import pytest

from tools.environment import ROOT

FILES = ("secret_key", "hash_key", "encryption_key")
FERNET = "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="
ANOTHER_FERNET = "YW5vdGhlci10ZXN0cy1vbmx5LWFub3RoZXItdGVzdHM="


def run(*words, **environ):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env={**kept, **environ}, capture_output=True, text=True
    )


def contents(folder):
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_keys_are_made_and_found_good_without_any_setting(tmp_path):
    folder = tmp_path / "keys"
    before = run("keys_check", LMS_KEYS=str(folder))
    assert before.returncode == 1
    assert before.stderr.count("is missing") == 3

    made = run("keys_make", LMS_KEYS=str(folder), SECRET_KEY="the secret key that was there before, in a variable")
    assert made.returncode == 0, made.stderr
    assert "apart from the backups of the database" in made.stdout
    first = contents(folder)
    assert sorted(first) == sorted(FILES)
    assert first["secret_key"] == "the secret key that was there before, in a variable\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in FILES} == {0o600}

    good = run("keys_check", LMS_KEYS=str(folder))
    assert (good.returncode, good.stderr) == (0, "")
    assert not any(line.strip() in good.stdout for line in first.values())
    assert run("keys_make", "--folder", str(folder)).returncode == 0
    assert contents(folder) == first

    # A new key comes before the old one, which stays until it is dropped.
    assert run("keys_make", "--new", "encryption_key", LMS_KEYS=str(folder)).returncode == 0
    lines = (folder / "encryption_key").read_text().splitlines()
    assert lines[1:] == [first["encryption_key"].strip()]
    assert lines[0] != lines[1]
    assert run("keys_make", "--drop-earlier", "encryption_key", LMS_KEYS=str(folder)).returncode == 0
    assert (folder / "encryption_key").read_text() == f"{lines[0]}\n"
    # The hash key is for good: what it made is compared for years.
    assert run("keys_make", "--new", "hash_key", LMS_KEYS=str(folder)).returncode == 2


def settings_with(**environ):
    names = ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "PURGE_HASH_KEY", "LMS_ENCRYPTION_KEYS"]
    code = f"from lms_purge import settings as s; print([getattr(s, name) for name in {names}])"
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**kept, **environ}, capture_output=True, text=True
    )


def test_settings_take_the_folders_keys_and_a_variable_goes_first(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    for name, text in {
        "secret_key": f"{'new' * 12}\n{'old' * 12}\n",
        "hash_key": f"{'hash' * 10}\n",
        "encryption_key": f"{FERNET}\n{ANOTHER_FERNET}\n",
    }.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    found = settings_with(LMS_KEYS=str(folder))
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == str(["new" * 12, ["old" * 12], "hash" * 10, [FERNET, ANOTHER_FERNET]])
    mixed = settings_with(LMS_KEYS=str(folder), PURGE_HASH_KEY="its own " * 5, LMS_ENCRYPTION_KEYS=ANOTHER_FERNET)
    assert mixed.stdout.strip() == str(["new" * 12, ["old" * 12], "its own " * 5, [ANOTHER_FERNET]])


@pytest.mark.parametrize("what", ["keys", "keys/secret_key"])
def test_what_others_can_read_is_refused_by_all(tmp_path, what):
    folder = tmp_path / "keys"
    assert run("keys_make", LMS_KEYS=str(folder)).returncode == 0
    path = tmp_path / what
    usual = stat.S_IMODE(path.stat().st_mode)
    path.chmod(usual | 0o004)
    for refused in (
        run("keys_check", LMS_KEYS=str(folder)),
        run("keys_make", LMS_KEYS=str(folder)),
        settings_with(LMS_KEYS=str(folder)),
    ):
        assert refused.returncode == 1
        assert f"Others can read {path}: type chmod" in refused.stderr
    path.chmod(usual)
    assert settings_with(LMS_KEYS=str(folder)).returncode == 0


def test_no_good_key_is_refused_in_a_sentence(tmp_path):
    nowhere = {"LMS_KEYS": str(tmp_path / "none")}
    missing = settings_with(**nowhere)
    assert "SECRET_KEY is missing" in missing.stderr.splitlines()[-1]
    assert "keys_make" in missing.stderr.splitlines()[-1]
    unfit = settings_with(**nowhere, SECRET_KEY="s" * 40, LMS_ENCRYPTION_KEYS=f"{FERNET},too-short")
    assert "LMS_ENCRYPTION_KEYS" in unfit.stderr.splitlines()[-1]
    same = run("keys_check", **nowhere, SECRET_KEY="s" * 40, PURGE_HASH_KEY="s" * 40, LMS_ENCRYPTION_KEYS=FERNET)
    assert (same.returncode, "are the same" in same.stderr) == (1, True)


def test_without_an_encryption_key_migrate_stops_before_its_first_step(tmp_path):
    environ = {
        "LMS_KEYS": str(tmp_path / "none"),
        "SECRET_KEY": "s" * 40,
        "PURGE_HASH_KEY": "h" * 40,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'lms.sqlite3'}",
    }
    stopped = run("migrate", **environ)
    assert stopped.returncode == 1
    assert "keys.E001" in stopped.stderr
    assert "keys_make" in stopped.stderr
    assert "Applying" not in stopped.stdout
