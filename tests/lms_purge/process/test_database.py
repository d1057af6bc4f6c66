import os
from pathlib import Path

import pytest
from django.core import checks
from django.db import connection, connections
from django.db.backends.base.base import RAN_DB_VERSION_CHECK

import manage
from lms_purge.process.database import SQLITE_OPTIONS, database_from_url

BASE = Path("/site")


def test_a_sqlite_file_is_relative_to_the_project_or_absolute():
    assert database_from_url("sqlite:///var/lms.sqlite3", base_dir=BASE)["NAME"] == "/site/var/lms.sqlite3"
    assert database_from_url("sqlite:////data/my%20lms.db", base_dir=BASE)["NAME"] == "/data/my lms.db"


def test_sqlite_takes_its_lock_at_the_start_and_overwrites_what_it_deletes():
    options = database_from_url("sqlite:///a", base_dir=BASE)["OPTIONS"]
    assert options == SQLITE_OPTIONS
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "secure_delete=ON" in options["init_command"]


def test_behind_a_pooler_no_cursor_outlives_its_transaction():
    url = "postgres://lms@db.example/lms"
    assert database_from_url(url, base_dir=BASE, behind_pooler=True)["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert "DISABLE_SERVER_SIDE_CURSORS" not in database_from_url(url, base_dir=BASE)
    assert "DISABLE_SERVER_SIDE_CURSORS" not in database_from_url("sqlite:///a", base_dir=BASE, behind_pooler=True)


def test_postgresql_with_every_part():
    entry = database_from_url("postgres://a%40b:p%2Fw@db.example:5433/lms?sslmode=require", base_dir=BASE)
    assert entry == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "lms",
        "USER": "a@b",
        "PASSWORD": "p/w",
        "HOST": "db.example",
        "PORT": "5433",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"sslmode": "require", "server_side_binding": True},
    }


def test_several_hosts_for_a_failover_and_what_else_the_driver_takes():
    url = (
        "postgres://lms:p%40w@one.example:5432,[fd00::2]:5433,three.example/lms"
        "?target_session_attrs=read-write&options=-c%20search_path%3Dlms"
    )
    entry = database_from_url(url, base_dir=BASE)
    assert (entry["USER"], entry["PASSWORD"]) == ("lms", "p@w")
    assert (entry["HOST"], entry["PORT"]) == ("one.example,fd00::2,three.example", "5432,5433,")
    assert entry["OPTIONS"] == {
        "target_session_attrs": "read-write",
        "options": "-c search_path=lms",
        "server_side_binding": True,
    }
    entry = database_from_url("postgres:///lms?host=/run/postgresql&server_side_binding=0", base_dir=BASE)
    assert (entry["HOST"], entry["PORT"]) == ("", "")
    assert entry["OPTIONS"] == {"host": "/run/postgresql", "server_side_binding": False}


@pytest.mark.postgresql
@pytest.mark.django_db
def test_the_first_host_that_answers_is_taken():
    config = connection.settings_dict
    url = f"postgres://{config['USER']}@127.0.0.1:1,127.0.0.1:{config['PORT']}/{config['NAME']}"
    entry = database_from_url(f"{url}?target_session_attrs=read-write", base_dir=BASE)
    other = type(connections["default"])({**config, **entry}, alias="other")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
    finally:
        other.close()


@pytest.fixture
def first_connection(monkeypatch):
    """Says which release is needed, and has the next connection be the process's first, which alone is asked."""
    usual = connections["default"]
    made = type(usual)(usual.settings_dict, alias="default")

    def begin(needed):
        monkeypatch.setattr(made.features, "minimum_database_version", (needed,))
        RAN_DB_VERSION_CHECK.discard("default")
        connections["default"] = made

    try:
        yield begin
    finally:
        made.close()
        connections["default"] = usual
        RAN_DB_VERSION_CHECK.add("default")


@pytest.mark.postgresql
@pytest.mark.django_db
@pytest.mark.parametrize(("needed", "refused"), [(14, False), (99, True)])
def test_a_server_that_nobody_mends_any_more_is_refused_in_one_sentence(first_connection, needed, refused, monkeypatch):
    """PostgreSQL 13: Django refuses the first connection alone, and `check` swallowed that."""
    first_connection(needed)
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    said = [message.msg for message in found if "newer is needed" in message.msg]
    assert [text.partition(" is ")[0] for text in said] == (["PostgreSQL 99 or newer"] if refused else [])
    connections["default"].close()
    RAN_DB_VERSION_CHECK.discard("default")
    monkeypatch.setattr("sys.argv", ["manage.py", "showmigrations", "purge"])
    if refused:
        with pytest.raises(SystemExit) as ended:
            manage.main()
        assert str(ended.value).startswith("PostgreSQL 99 or newer is needed, and this server is ")
    else:
        manage.main()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://u:secret@h/n",
        "postgres://u:secret@h",
        "postgres://u:secret@h:port/n",
        "postgres://u:secret@h:1,i:99999/n",
        "sqlite://",
        "sqlite:///",
    ],
)
def test_anything_else_is_refused_without_repeating_a_password(url):
    with pytest.raises(ValueError) as refused:
        database_from_url(url, base_dir=BASE)
    assert "secret" not in str(refused.value)


def test_these_tests_run_on_the_database_that_was_asked_for():
    assert connection.vendor == ("postgresql" if os.environ.get("DB") == "pg" else "sqlite")


@pytest.mark.sqlite
@pytest.mark.django_db
def test_sqlite_really_overwrites_what_it_deletes():
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA secure_delete").fetchone() == (1,)
