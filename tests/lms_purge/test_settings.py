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
        ("LMS_METRICS_TOKEN", "short", "LMS_METRICS_TOKEN is shorter than 32 characters"),
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


@pytest.mark.parametrize("hosts", ["lms.example", "127.0.0.1,10.0.0.4", "*", ".example.org", "0.0.0.0"])
def test_a_site_that_others_reach_does_not_start_without_https(hosts):
    refused = settings_with(ALLOWED_HOSTS=hosts)
    assert refused.returncode == 1
    assert "LMS_HTTPS=1" in refused.stderr.splitlines()[-1]
    assert settings_with(ALLOWED_HOSTS=hosts, LMS_HTTPS="1").returncode == 0


def test_this_machine_needs_none():
    assert settings_with(ALLOWED_HOSTS="127.0.0.1,127.8.9.1,localhost,lms.localhost,[::1]").returncode == 0
    assert settings_with(ALLOWED_HOSTS="lms.example", DEBUG="1").returncode == 0


@pytest.mark.parametrize(("address", "https", "starts"), [
    (("127.0.0.1", 8000), "", True),
    (("0.0.0.0", 8000), "", False),
    (("::", 8000), "0", False),
    (("10.0.0.4", 80), "", False),
    (("0.0.0.0", 8000), "1", True),
    ("/run/lms.sock", "", True),
])  # fmt: skip
def test_the_web_server_listens_to_nobody_else_without_https(monkeypatch, address, https, starts):
    from types import SimpleNamespace

    from tools import gunicorn_config

    monkeypatch.setenv("LMS_HTTPS", https)
    server = SimpleNamespace(cfg=SimpleNamespace(address=[address]))
    if starts:
        gunicorn_config.on_starting(server)
    else:
        with pytest.raises(SystemExit, match="without HTTPS"):
            gunicorn_config.on_starting(server)
