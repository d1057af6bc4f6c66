"""What every test shares. Fixtures that only one package needs stand in that package's own conftest."""

import contextlib
import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Whoever asks for one of these uses the database; pytest-django refuses it to everybody else.
DATABASE = {"db", "transactional_db", "templates", "live_server"}


#: On which database alone `./test` runs the tests of a place; `./test --whole` runs all on both, as does whoever names
#: tests. Decision 14 says why. Longer beginnings count first; a test with the mark `both_databases` runs on both.
#: What is in no line runs on both where it uses a database, and on SQLite otherwise.
ALONE = {
    # Pages reach the database by Django's queries alone. On PostgreSQL their addresses are asked by the crawl and by
    # made-up inputs, and walked in the browser.
    "tests/admin/": "sqlite",
    "tests/connectors/test_admin.py": "sqlite",
    "tests/languages/": "sqlite",
    "tests/learning/test_admin.py": "sqlite",
    "tests/lms_purge/cleanup/": "sqlite",
    "tests/lms_purge/monitoring/": "sqlite",
    "tests/lms_purge/test_zones.py": "sqlite",
    "tests/messaging/": "sqlite",
    "tests/test_admin_of_the_platform.py": "sqlite",
    "tests/users/admin/": "sqlite",
    "tests/users/imports/test_admin.py": "sqlite",
    "tests/users/invitations/": "sqlite",
    "tests/users/second_factor/": "sqlite",
    "tests/users/sign_in/": "sqlite",
    "tests/users/tenancy/": "sqlite",
    # Files, logs, buckets, words, processes: what is beside the database.
    "tests/bench/": "sqlite",
    "tests/fuzz/test_no_input_breaks_a_command.py": "sqlite",
    "tests/fuzz/test_no_input_breaks_a_page.py::test_every_kind_of_field_answers_whatever_is_typed": "sqlite",
    "tests/lms_purge/process/": "sqlite",
    "tests/purge/bucket/": "sqlite",
    "tests/purge/commands/": "sqlite",
    "tests/purge/commands/test_map.py": "",
    "tests/purge/journal/": "sqlite",
    "tests/purge/steps/test_opened_files.py": "sqlite",
    "tests/purge/steps/test_stored_files.py": "sqlite",
    "tests/purge/upkeep/test_paused.py": "sqlite",
    "tests/purge/upkeep/test_standstill.py": "sqlite",
    "tests/users/imports/": "sqlite",
    "tests/users/imports/test_services.py": "",
    "tests/users/imports/test_services.py::test_memory_is_flat": "sqlite",
    "tests/users/proofs/": "sqlite",
    # Work, its interruptions and its proof: PostgreSQL lets several meet. SQLite has the routes, what each leaves in
    # every row and column, and the plain flow.
    "tests/purge/proof/": "postgresql",
    "tests/purge/routes/": "postgresql",
    "tests/purge/routes/test_exact_rows.py": "",
    "tests/purge/routes/test_routes.py": "",
    "tests/purge/run/": "postgresql",
    "tests/purge/services/": "postgresql",
    "tests/purge/worker/": "postgresql",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--short",
        action="store_true",
        help="leave out what the same run on the other database has: see ALONE in tests/conftest.py",
    )


def uses_database(item: pytest.Item) -> bool:
    names = ("django_db", "postgresql", "sqlite")
    fixtures = getattr(item, "fixturenames", ())
    return any(item.get_closest_marker(name) for name in names) or not DATABASE.isdisjoint(fixtures)


def runs_on(item: pytest.Item) -> set[str]:
    """The databases on which a short run has this test."""
    if item.get_closest_marker("whole"):
        return set()
    for vendor in ("postgresql", "sqlite"):
        if item.get_closest_marker(vendor):
            return {vendor}
    both = {"postgresql", "sqlite"}
    if item.get_closest_marker("both_databases"):
        return both
    begins = max((place for place in ALONE if item.nodeid.startswith(place)), key=len, default="")
    if alone := ALONE.get(begins, ""):
        return {alone}
    return both if uses_database(item) else {"sqlite"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    from django.db import connection

    if config.getoption("--short"):
        config.hook.pytest_deselected(items=[item for item in items if connection.vendor not in runs_on(item)])
        items[:] = [item for item in items if connection.vendor in runs_on(item)]

    for item in items:
        for vendor in {"postgresql", "sqlite"} - {connection.vendor}:
            if item.get_closest_marker(vendor):
                item.add_marker(pytest.mark.skip(reason=f"needs {vendor}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was left out because something is missing on this machine (node, a browser) is said, however quiet the run:
    such a reason begins with NOT TESTED."""
    reasons = Counter()
    for report in terminalreporter.getreports("skipped"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if (said := reason.removeprefix("Skipped: ")).startswith("NOT TESTED"):
            reasons[said] += 1
    if reasons:
        terminalreporter.section("not tested here", sep="=", yellow=True)
        for reason, number in sorted(reasons.items()):
            terminalreporter.write_line(f"{reason} ({number})")


def pytest_collection_finish() -> None:
    """The garbage collector leaves out what is there before the first test (models, pages, the tests themselves), which
    stays to the end; and comes less often than where memory is dear."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 10)


@pytest.fixture(scope="session")
def templates(tmp_path_factory, request: pytest.FixtureRequest):
    """Databases that all workers of this run share, to be copied."""
    from tests.templates import Templates

    folder = tmp_path_factory.getbasetemp()
    return Templates(folder.parent if hasattr(request.config, "workerinput") else folder)


@pytest.fixture(scope="session")
def _migrated(
    templates, django_db_modify_db_settings, django_test_environment, django_db_use_migrations, django_db_blocker
) -> Iterator[None]:
    """Migrations run once, not in each worker."""
    from tests.templates import begun_from, migrate

    if not django_db_use_migrations:
        yield
        return
    with django_db_blocker.unblock():
        made = templates.get("migrated", migrate)
    with begun_from(made):
        yield


@pytest.fixture(scope="session")
def django_db_setup(_migrated, django_db_setup, django_db_blocker) -> Iterator[None]:
    """pytest-django's own, on a copy; what a test has committed is taken away table by table."""
    from unittest import mock

    from django.core.management.commands import flush
    from django.db import connection
    from django.test import TransactionTestCase

    from tests.templates import FirstRows, statements_that_empty

    with django_db_blocker.unblock():
        first = FirstRows()
    empty = TransactionTestCase._fixture_teardown

    def begin_again(test: TransactionTestCase) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(flush, "emit_post_migrate_signal", first.put_back))
            if connection.vendor == "postgresql":
                stack.enter_context(mock.patch.object(type(connection.ops), "sql_flush", statements_that_empty))
            empty(test)

    with mock.patch.object(TransactionTestCase, "_fixture_teardown", begin_again):
        yield


@pytest.fixture(autouse=True)
def files_of_its_own(settings, tmp_path: Path) -> None:
    """Each test gets its own media folder and journal, and remembers nothing of the database before."""
    from purge.journal import homes, site_fence
    from purge.upkeep import paused, standstill

    paused.forget()
    standstill.forget()
    site_fence.forget()
    homes.forget()
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PURGE_JOURNAL = tmp_path / "journal" / "purge.jsonl"


@pytest.fixture
def put_in_state():
    """Sets somebody's state behind the back of objects in hand, as another process does."""
    from django.utils import timezone

    from users.models import UserState

    def put(user, state):
        gone = state != UserState.ACTIVE
        deleted_at, month = (timezone.now(), "2026-01") if gone else (None, None)
        type(user).objects.filter(pk=user.pk).update(state=state, deleted_at=deleted_at, deleted_month=month)

    return put


@pytest.fixture
def follow_up():
    """Stores a fact of a consequence as a purge stores it."""
    from datetime import timedelta

    from django.utils import timezone

    from purge.choices import Origin, Route
    from purge.models import FollowUp, PurgeRequest

    def store(fact, *, pk=None):
        purge_request, _created = PurgeRequest.objects.get_or_create(
            reference="PUR-7Q4M-2KX9-H",
            defaults={
                "route": Route.UI_ENTERPRISE,
                "origin": Origin.ADMIN,
                "key_fingerprint": "0",
                "due_at": timezone.now() + timedelta(days=30),
            },
        )
        return FollowUp.objects.create(
            request=purge_request, kind=fact.kind, account_id=fact.account_id, model=fact.model, row=pk or fact.pk
        )

    return store
