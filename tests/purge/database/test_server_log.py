"""PostgreSQL's own log: with values sent apart from their statements it names nobody who is purged."""

from pathlib import Path

import psycopg
import pytest
from django.apps import apps as django_apps
from django.core import checks
from django.db import connection, connections

from lms_purge.process.database import database_from_url
from purge import services, tasks
from purge.models import PurgeRequest
from tests.factories.users import UserFactory
from tests.purge import world as w

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

#: Every statement is logged, none of its values.
LOGGING = "-c%20log_min_duration_statement%3D0%20-c%20log_parameter_max_length%3D0"


@pytest.fixture
def logged():
    """The test's connection as `DATABASE_URL` gives it; what the server has logged meanwhile, as a function."""
    usual, config = connections["default"], connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        log = Path(cursor.fetchone()[0]).parent / "log"
    place = f"{config['USER']}@{config['HOST']}:{config['PORT']}/{config['NAME']}"
    entry = database_from_url(f"postgres://{place}?options={LOGGING}", base_dir=Path("/"))
    before = log.stat().st_size
    connections["default"] = type(usual)({**config, **entry}, alias="default")
    try:
        yield lambda: log.read_bytes()[before:].decode()
    finally:
        connections["default"].close()
        connections["default"] = usual


def test_a_purge_that_waits_for_a_lock_leaves_nobody_in_the_servers_log(logged, settings):
    settings.PURGE_RETRY_SECONDS = 0
    cast = w.build_world()
    victim = UserFactory(account=cast.acme, email="zzv@x.org", name="zzv Archer", former=["zzw@x.org"], deleted=True)
    comment = w.mention_in_comment(cast, "zzv@x.org")
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[victim.pk])
    config = connection.settings_dict
    with psycopg.connect(host=config["HOST"], port=config["PORT"], user=config["USER"], dbname=config["NAME"]) as other:
        other.execute("LOCK TABLE learning_comment IN ACCESS EXCLUSIVE MODE")
        tasks.run_request(request.pk)
        other.rollback()
    PurgeRequest.objects.update(next_attempt_at=None)
    assert w.completed(w.run_to_end(request))
    assert tasks.compact() is True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'zzcontrol@x.org'")
    text = logged()
    assert "zzcontrol@x.org" in text
    assert "canceling statement due to lock timeout" in text
    assert "zzv" not in text
    assert "zzw" not in text
    done = {tuple(step.key.split("#")[0].split(".")[:2]) for step in request.steps.filter(done__gt=0)}
    assert {("learning", "Comment"), ("users", "FormerEmail")} <= done
    for label in done:
        assert f'"{django_apps.get_model(*label)._meta.db_table}"' in text, label
    for statement in ('UPDATE "learning_comment"', 'DELETE FROM "users_user"', "VACUUM", "pg_stats"):
        assert statement in text, statement
    comment.refresh_from_db()
    assert "zzv" not in comment.body


@pytest.mark.parametrize(
    ("settings_of_server", "warned"),
    [({}, False), ({"log_statement": "all"}, True), ({"log_min_duration_statement": "250"}, True)],
)
def test_a_check_says_that_the_server_logs_what_is_sent_to_it(settings_of_server, warned):
    with connection.cursor() as cursor:
        try:
            for name, value in settings_of_server.items():
                cursor.execute(f"SET {name} = '{value}'")
            found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
        finally:
            cursor.execute("RESET ALL")
    assert ("lms_purge.W002" in {message.id for message in found}) is warned
