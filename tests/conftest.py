"""What every test shares. Fixtures that only one package needs stand in that package's own conftest."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    from django.db import connection

    for item in items:
        for vendor in {"postgresql", "sqlite"} - {connection.vendor}:
            if item.get_closest_marker(vendor):
                item.add_marker(pytest.mark.skip(reason=f"needs {vendor}"))


@pytest.fixture(autouse=True)
def files_of_its_own(settings, tmp_path: Path) -> None:
    """Each test gets its own media folder and journal, so that none sees another's files."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PURGE_JOURNAL = tmp_path / "journal" / "purge.jsonl"
