"""pytest -p tests.in_partitions.plugin: the tests' database has the partitions of docs/partitions.sql."""

import pytest

from tests.in_partitions import partition


@pytest.fixture(scope="session", autouse=True)
def in_partitions(django_db_setup, django_db_blocker) -> None:
    with django_db_blocker.unblock():
        partition()
