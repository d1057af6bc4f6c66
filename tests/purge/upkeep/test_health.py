"""/healthz: 200 while all is well, 503 when it is not, and nobody's name."""

from datetime import timedelta

import pytest
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from purge import services
from purge.models import PurgeRequest, WorkerBeat
from purge.upkeep import health


@pytest.fixture
def alive(db):
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now() - timedelta(seconds=5))


def test_all_is_well(client, alive):
    answer = client.get("/healthz", headers={"host": "localhost"})
    assert answer.status_code == 200
    report = answer.json()
    assert 5 <= report.pop("worker_seconds_ago") < 60
    assert report == {
        "ok": True,
        "database": True,
        "migrations_pending": 0,
        "paused": [],
        "file_storage": "ok",
        "workers_without_files": 0,
        "oldest_queued_seconds": None,
        "open": 0,
        "overdue": 0,
        "held": 0,
        "needs_attention": 0,
        "residue": 0,
        "patrol_seconds_ago": None,
        "purge_log": "agrees",
        "purge_log_homes": "ok",
        "unknown_purges": 0,
        "site_paused": False,
        "next_command": "",
        "not_cleaned_up": 0,
        "clean_up_waits_for": [],
    }
    assert "no-store" in answer["Cache-Control"] or "no-cache" in answer["Cache-Control"]


def test_no_worker_is_not_well(client, db):
    answer = client.get("/healthz", headers={"host": "localhost"})
    assert answer.status_code == 503
    assert answer.json()["worker_seconds_ago"] is None
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now() - timedelta(hours=1))
    answer = client.get("/healthz", headers={"host": "localhost"})
    assert answer.status_code == 503
    assert answer.json()["worker_seconds_ago"] >= 3600


def test_what_waits_and_what_is_overdue(client, alive, cast):
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    accepted = timezone.now() - timedelta(days=31)
    PurgeRequest.objects.filter(pk=purge_request.pk).update(accepted_at=accepted, due_at=accepted + timedelta(days=30))
    answer = client.get("/healthz", headers={"host": "localhost"})
    report = answer.json()
    assert (report["open"], report["overdue"]) == (1, 1)
    assert report["oldest_queued_seconds"] >= 31 * 86_400
    assert answer.status_code == 200
    assert "@" not in answer.content.decode()
    assert purge_request.reference not in answer.content.decode()


@pytest.mark.parametrize("error", [OperationalError("password=secret"), InterfaceError("gone")])
def test_a_database_that_is_gone(client, monkeypatch, error):
    def gone():
        raise error

    monkeypatch.setattr(health, "health", gone)
    answer = client.get("/healthz", headers={"host": "localhost"})
    assert (answer.status_code, answer.json()) == (503, {"ok": False, "database": False})


def test_migrations_that_have_not_run(client, alive, monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    assert health.pending_migrations() == 0
    assert health.pending_migrations() == 0
    monkeypatch.setattr(health, "pending_migrations", lambda: 2)
    answer = client.get("/healthz", headers={"host": "localhost"})
    assert (answer.status_code, answer.json()["migrations_pending"]) == (503, 2)


def test_it_takes_no_sign_in_and_no_other_method(client, alive):
    assert client.post("/healthz").status_code == 405
    assert client.head("/healthz").status_code == 200


def test_it_asks_little(client, alive, django_assert_max_num_queries):
    client.get("/healthz", headers={"host": "localhost"})
    with django_assert_max_num_queries(12):
        client.get("/healthz", headers={"host": "localhost"})
