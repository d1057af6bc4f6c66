"""What the tests of the import share."""

from __future__ import annotations

import io

from users.imports.services import user_import_run, user_import_start
from users.models import ImportLog


def started(account, content, **options):
    """An import of a text (or bytes), taken in and queued."""
    data = content if isinstance(content, bytes) else content.encode()
    return user_import_start(acting_user=options.pop("by", None), account=account, file=io.BytesIO(data), **options)


def imported(account, content, **options):
    """An import of a text (or bytes), run to its end."""
    log = started(account, content, **options)
    assert user_import_run(log_id=log.pk) == "over"
    log.refresh_from_db()
    return log


def counts(log: ImportLog) -> dict[str, int]:
    """The counts that are not zero."""
    names = ("added", "updated", "unchanged", "revived", "previously_purged", "failed")
    return {name: getattr(log, name) for name in names if getattr(log, name)}


def bad_rows(log: ImportLog) -> list[tuple[int, str]]:
    return list(log.row_errors.order_by("line").values_list("line", "reason"))
