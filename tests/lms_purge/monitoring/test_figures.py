"""/metrics and the rest of /healthz: what they say, and to whom."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import yaml
from django.conf import settings as site
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from purge import services
from purge.choices import Status
from purge.models import PatrolPass, PurgeRequest, WorkerBeat
from purge.upkeep import health
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import AccountKind, User, UserState

HERE = {"host": "localhost"}
TOKEN = "t0ken" * 8
#: Everything that /metrics can say, by hand.
ALL = {
    "lms_purge_build_info",
    "lms_purge_database",
    "lms_purge_horizon_seconds",
    "lms_purge_migrations_pending",
    "lms_purge_needs_somebody",
    "lms_purge_not_cleaned_up",
    "lms_purge_ok",
    "lms_purge_patrol_age_seconds",
    "lms_purge_paused",
    "lms_purge_queue_age_seconds",
    "lms_purge_requests_attention",
    "lms_purge_requests_data_found",
    "lms_purge_requests_open",
    "lms_purge_requests_overdue",
    "lms_purge_requests_waiting",
    "lms_purge_site_paused",
    "lms_purge_unknown_purges",
    "lms_purge_worker_silence_seconds",
    "lms_purge_workers_without_files",
}


@pytest.fixture
def alive(db):
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now() - timedelta(seconds=7))


@pytest.fixture
def admin(db) -> User:
    return AdministratorFactory()


def submit(admin: User) -> PurgeRequest:
    gone = UserFactory(account=admin.account, state=UserState.DELETED, deleted_at=timezone.now())
    return services.purge_submit(acting_user=admin, account_id=admin.account_id, user_ids=[gone.pk])


def figures(client: Client, **more) -> dict[str, float]:
    """What /metrics says to this machine, read by the parser of Prometheus' own library."""
    answer = client.get("/metrics", headers={**HERE, **more})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    said = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        assert family.type == "gauge", family.name
        assert family.documentation, family.name
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            said[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return said


def three_requests(admin) -> None:
    """One that is overdue in the queue, one that waits for the platform, one with data found."""
    now = timezone.now()
    queued, waits, found = (submit(admin) for _n in range(3))
    for request, values in (
        (queued, {"accepted_at": now - timedelta(days=31), "due_at": now - timedelta(days=1)}),
        (waits, {"status": Status.HELD}),
        (found, {"status": Status.RESIDUE}),
    ):
        PurgeRequest.objects.filter(pk=request.pk).update(**values)


def test_an_idle_site(client, alive):
    said = figures(client)
    assert 7 <= said.pop("lms_purge_worker_silence_seconds") < 60
    assert said == {
        "lms_purge_build_info{version=0.1.0}": 1,
        "lms_purge_database": 1,
        "lms_purge_ok": 1,
        "lms_purge_needs_somebody": 0,
        "lms_purge_migrations_pending": 0,
        "lms_purge_site_paused": 0,
        "lms_purge_unknown_purges": 0,
        "lms_purge_workers_without_files": 0,
        "lms_purge_queue_age_seconds": 0,
        "lms_purge_requests_open": 0,
        "lms_purge_requests_overdue": 0,
        "lms_purge_requests_waiting": 0,
        "lms_purge_requests_attention": 0,
        "lms_purge_requests_data_found": 0,
        "lms_purge_not_cleaned_up": 0,
        "lms_purge_horizon_seconds": 0,
        "lms_purge_paused{reason=coverage}": 0,
        "lms_purge_paused{reason=hash_key}": 0,
        "lms_purge_paused{reason=other_hash_key}": 0,
        "lms_purge_paused{reason=purge_log}": 0,
        "lms_purge_paused{reason=file_storage}": 0,
    }


def test_what_waits_is_late_and_was_found(client, alive, admin):
    three_requests(admin)
    PatrolPass.objects.create(finished_at=timezone.now() - timedelta(hours=3))
    said = figures(client)
    assert 31 * 86_400 <= said["lms_purge_queue_age_seconds"] < 31 * 86_400 + 60
    assert 3 * 3_600 <= said["lms_purge_patrol_age_seconds"] < 3 * 3_600 + 60
    counts = {name: said[f"lms_purge_requests_{name}"] for name in ("open", "overdue", "waiting", "data_found")}
    assert counts == {"open": 3, "overdue": 1, "waiting": 1, "data_found": 1}
    assert said["lms_purge_requests_attention"] == 0
    assert (said["lms_purge_ok"], said["lms_purge_needs_somebody"]) == (1, 1)


def test_why_it_is_paused(client, alive, settings):
    settings.PURGE_HASH_KEY = ""
    said = figures(client)
    paused = {name for name, value in said.items() if name.startswith("lms_purge_paused{") and value}
    assert (paused, said["lms_purge_ok"]) == ({"lms_purge_paused{reason=hash_key}"}, 0)


def test_a_database_that_is_gone(client, monkeypatch):
    def gone():
        raise OperationalError("password=secret")

    monkeypatch.setattr(health, "health", gone)
    assert figures(client) == {
        "lms_purge_build_info{version=0.1.0}": 1,
        "lms_purge_database": 0,
        "lms_purge_ok": 0,
    }


def test_before_the_migrations_there_is_nothing_to_count(client, alive, monkeypatch):
    monkeypatch.setattr(health, "pending_migrations", lambda: 2)
    said = figures(client)
    assert (said["lms_purge_migrations_pending"], said["lms_purge_ok"]) == (2, 0)
    assert "lms_purge_requests_open" not in said


def test_openmetrics_is_spoken_to_who_asks_for_it(client, alive):
    answer = client.get("/metrics", headers={**HERE, "accept": "application/openmetrics-text;version=1.0.0"})
    assert answer["Content-Type"].startswith("application/openmetrics-text")
    assert answer.content.decode().endswith("# EOF\n")


def test_the_alert_rules_name_figures_that_are_said_and_every_kind_that_matters(client, alive, admin):
    three_requests(admin)
    PatrolPass.objects.create(finished_at=timezone.now())
    said = {name.partition("{")[0] for name in figures(client)}
    assert said == ALL
    rules = yaml.safe_load((site.BASE_DIR / "ops/prometheus/alerts.yml").read_text())["groups"][0]["rules"]
    named = {name for rule in rules for name in re.findall(r"lms_purge_\w+", rule["expr"])}
    assert named <= ALL
    assert ALL - named == {"lms_purge_build_info", "lms_purge_needs_somebody", "lms_purge_requests_open"}
    assert all(rule["annotations"]["summary"] and rule["annotations"]["command"] for rule in rules)
    assert {rule["labels"]["severity"] for rule in rules} == {"page", "ticket"}


# ---------------------------------------------------------------- who reads what

#: From elsewhere; by a proxy of this machine, in each way in which one shows; and by one that speaks through a socket.
OUTSIDE = {
    "elsewhere": {"REMOTE_ADDR": "203.0.113.5", "HTTP_HOST": "localhost"},
    "who says that it is this machine": {
        "REMOTE_ADDR": "203.0.113.5",
        "HTTP_HOST": "localhost",
        "HTTP_X_FORWARDED_FOR": "127.0.0.1",
    },
    "through a proxy, saying so": {
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "HTTP_X_FORWARDED_FOR": "127.0.0.1, 127.0.0.1",
    },
    "through a proxy that names itself": {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost", "HTTP_VIA": "1.1 x"},
    "through a proxy for https": {
        "REMOTE_ADDR": "::1",
        "HTTP_HOST": "localhost",
        "HTTP_X_FORWARDED_PROTO": "https",
    },
    "through one that adds nothing": {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "testserver"},
    "through a socket": {"REMOTE_ADDR": "", "HTTP_HOST": "localhost"},
}


@pytest.mark.parametrize("behind", [False, True])
def test_others_read_whether_it_is_well_and_nothing_else(alive, admin, settings, behind):
    settings.LMS_TRUSTED_PROXIES = ["127.0.0.0/8", "::1", "socket"] if behind else []
    three_requests(admin)
    for who, said in OUTSIDE.items():
        answer = Client().get("/healthz", **said)
        assert (answer.status_code, answer.json()) == (200, {"ok": True}), who
        for path in ("/metrics", "/healthz?strict", "/healthz?strict=1"):
            answer = Client().get(path, **said)
            assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer"), (who, path)
            assert not re.search(r"\d", answer.content.decode())
    WorkerBeat.objects.all().delete()
    answer = Client().get("/healthz", **OUTSIDE["elsewhere"])
    assert (answer.status_code, answer.json()) == (503, {"ok": False})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]", "[::1]:8000"])
def test_this_machine_reads_all(alive, host):
    answer = Client().get("/healthz", HTTP_HOST=host)
    assert answer.json()["open"] == 0
    assert Client().get("/metrics", HTTP_HOST=host).status_code == 200


def test_whoever_has_the_token_reads_all(alive, settings):
    far = {"REMOTE_ADDR": "203.0.113.5", "HTTP_X_FORWARDED_FOR": "198.51.100.7"}
    none_is_set = Client().get("/metrics", HTTP_AUTHORIZATION="Bearer ", **far)
    assert none_is_set.status_code == 401
    settings.LMS_METRICS_TOKEN = TOKEN
    for shown in (f"Bearer {TOKEN}x", "Bearer ", f"Basic {TOKEN}", TOKEN, "Bearer ünï"):
        assert Client().get("/metrics", HTTP_AUTHORIZATION=shown, **far).status_code == 401, shown
    right = {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}", **far}
    assert Client().get("/metrics", **right).status_code == 200
    assert Client().get("/healthz", **right).json()["overdue"] == 0
    assert Client().get("/healthz?strict", **right).status_code == 200


def test_operators_and_support_read_all_and_customers_nothing(alive):
    system = AccountFactory(kind=AccountKind.SYSTEM)
    for user, reads in (
        (UserFactory(account=system, is_superuser=True), True),
        (UserFactory(account=system, is_support=True), True),
        (AdministratorFactory(), False),
        (UserFactory(), False),
    ):
        client = Client()
        client.force_login(user)
        assert ("open" in client.get("/healthz").json()) is reads
        assert client.get("/metrics").status_code == (200 if reads else 401)


def test_strictly_it_is_unwell_while_somebody_has_to_act(client, alive, admin):
    assert client.get("/healthz?strict", headers=HERE).status_code == 200
    request = submit(admin)
    assert client.get("/healthz?strict", headers=HERE).status_code == 200  # a worker does it
    rows = PurgeRequest.objects.filter(pk=request.pk)
    late = {"accepted_at": timezone.now() - timedelta(days=31), "due_at": timezone.now() - timedelta(days=1)}
    for values in (
        {"status": Status.HELD},
        {"status": Status.NEEDS_ATTENTION},
        {"status": Status.RESIDUE},
        {"status": Status.QUEUED, **late},
    ):
        rows.update(**values)
        assert client.get("/healthz?strict", headers=HERE).status_code == 503, values
        assert client.get("/healthz", headers=HERE).status_code == 200, values
    assert client.get("/healthz?strict", headers=HERE).json()["ok"] is True


def test_it_takes_no_other_method(client, alive):
    assert client.post("/metrics").status_code == 405
    assert client.head("/metrics", headers=HERE).status_code == 200
    assert "no-store" in client.get("/metrics", headers=HERE)["Cache-Control"]
