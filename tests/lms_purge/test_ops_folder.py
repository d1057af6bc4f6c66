"""The files of ops/ name variables, paths and limits that the code has. ops/verify runs them."""

import re

import pytest
import yaml

from lms_purge.process.middleware import MOST_FOR_IMPORTS, MOST_FROM_ANYBODY, MOST_FROM_PEOPLE
from tools.environment import ROOT

OPS = ROOT / "ops"
#: PostgreSQL's own, for its container.
THEIRS = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}
UNIT = {"K": 1024, "M": 1024 * 1024, "MB": 1_000_000, "KB": 1_000}


def variables(name: str) -> set[str]:
    return set(re.findall(r"^([A-Z_]+)=", (OPS / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", ["lms-purge.env.example", "compose.env.example"])
def test_the_variables_are_those_of_the_settings(name):
    known = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    assert variables(name) - THEIRS <= known
    assert {"DATABASE_URL", "ALLOWED_HOSTS", "LMS_HTTPS", "LMS_BEHIND_PROXY", "PURGE_BACKUP_DAYS"} <= variables(name)


def limits(text: str, pattern: str) -> list[int]:
    return [int(number) * UNIT[unit.upper()] for number, unit in re.findall(pattern, text)]


def test_the_proxies_let_through_what_the_site_takes_and_no_more():
    own = [MOST_FROM_ANYBODY, MOST_FROM_PEOPLE, MOST_FOR_IMPORTS]
    assert limits((OPS / "proxy/nginx.conf").read_text(), r"client_max_body_size (\d+)([a-z]+);") == own
    caddy = limits((OPS / "proxy/Caddyfile").read_text(), r"max_size (\d+)([A-Z]+)")
    # Caddy counts in thousands: a little less, never more.
    assert all(0.9 * most < said <= most for said, most in zip(sorted(caddy), own, strict=True))


def test_units_and_containers_start_what_the_readme_says():
    web, worker = ((OPS / f"systemd/lms-purge-{name}.service").read_text() for name in ("web", "worker"))
    assert "gunicorn --config python:tools.gunicorn_config --bind 127.0.0.1:8000 lms_purge.wsgi" in web
    assert "python manage.py worker" in worker
    for line in ("KillMode=mixed", "Restart=always", "TimeoutStopSec=660"):
        assert line in worker
    services = yaml.safe_load((OPS / "compose.yml").read_text())["services"]
    assert set(services) == {"database", "prepare", "web", "worker"}
    assert services["worker"]["command"] == ["python", "manage.py", "worker"]
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]
    image = (OPS / "Containerfile").read_text()
    assert "pip install --require-hashes" in image
    assert '"python:tools.gunicorn_config"' in image
