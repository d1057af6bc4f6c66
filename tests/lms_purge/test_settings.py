import os
import subprocess
import sys

import pytest

from tools.environment import ROOT

GOOD = {"SECRET_KEY": "0123456789" * 5, "PURGE_HASH_KEY": "9876543210" * 5}


def settings_with(**environ: str) -> subprocess.CompletedProcess[str]:
    """Import the settings in a fresh process, with nothing but `environ` in its environment, and print a few."""
    names = [
        "LMS_HTTPS",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SECURE_SSL_REDIRECT",
        "EMAIL_BACKEND",
        "DEBUG",
    ]
    code = f"from lms_purge import settings as s; print({{name: getattr(s, name) for name in {names}}})"
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**kept, **GOOD, **environ}, capture_output=True, text=True
    )


def test_keys_alone_are_enough_and_debug_is_off():
    done = settings_with()
    assert done.returncode == 0, done.stderr
    assert "'DEBUG': False" in done.stdout
    assert "'SESSION_COOKIE_SECURE': False" in done.stdout
    assert "console.EmailBackend" in done.stdout


def test_https_makes_cookies_and_redirects_secure():
    done = settings_with(LMS_HTTPS="1")
    assert done.stdout.count("True") == 4


def test_a_mail_server_replaces_the_console():
    assert "smtp.EmailBackend" in settings_with(EMAIL_HOST="mail.example").stdout


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SECRET_KEY", "short", "SECRET_KEY"),
        ("DEBUG", "perhaps", "DEBUG"),
        ("PURGE_DUE_DAYS", "0", "PURGE_DUE_DAYS"),
        ("PURGE_DUE_DAYS", "thirty", "PURGE_DUE_DAYS"),
        ("PURGE_MAX_PEOPLE", "51", "PURGE_MAX_PEOPLE"),
        ("DATABASE_URL", "mysql://host/name", "DATABASE_URL must begin with"),
        ("LMS_BASE_URL", "somewhere", "LMS_BASE_URL"),
        ("LMS_PROVIDER_NETWORKS", "our own", "LMS_PROVIDER_NETWORKS must name networks"),
        ("Q_RETRY", "630", "Q_RETRY must be above 630"),
        ("Q_WORKERS", "1", "Q_RETRY must be above 930"),
        ("PURGE_SLICE_SECONDS", "300", "PURGE_SLICE_SECONDS must be below"),
        ("PURGE_LEASE_SECONDS", "120", "PURGE_LEASE_SECONDS must be above"),
    ],
)
def test_nonsense_is_refused_by_name(name, value, said):
    done = settings_with(**{name: value})
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]
