"""``manage.py user_import``"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from purge.addresses import identity_key
from purge.journal.site_fence import site_is_fenced
from purge.management.base import NEEDS_YOU, USAGE, PurgeCommand, needs_you
from users.imports.forecast import words_of
from users.imports.mapping import FIELDS
from users.imports.services import user_import_discard, user_import_run, user_import_start
from users.models import Account, ImportLog, ImportSource, ImportState, User
from users.services import ServiceError
from users.wall import within_account

#: Bad rows that are printed; all are in the admin.
SHOWN = 20


class Command(PurgeCommand):
    help = (
        "Import users from a CSV file into an account, as the admin's upload does: any encoding and delimiter, columns "
        "taken for what their headings say (--map corrects). Without --queue it is done at once, without a worker."
    )
    example = 'manage.py user_import --account acme --map "profile=Job family" people.csv'

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="the CSV file")
        parser.add_argument("--account", required=True, help="the account's subdomain")
        parser.add_argument("--initiator", help="email of the user of this account who is noted as having started it")
        parser.add_argument("--map", action="append", default=[], metavar="FIELD=HEADING", help="a column's meaning")
        parser.add_argument(
            "--renumber",
            action="store_true",
            help="the company has changed its Unique User IDs: rows give active users new ones, by their addresses",
        )
        parser.add_argument(
            "--yes",
            action="store_true",
            help="it may rename, renumber, delete or take the manager from more than a fifth of the active users",
        )
        parser.add_argument("--skip-purged", action="store_true", help="leave out people who were purged before")
        parser.add_argument("--queue", action="store_true", help="leave the work to the worker")

    def handle(self, *args: Any, **options: Any) -> None:
        account = Account.objects.filter(subdomain=options["account"].strip().lower()).first()
        if account is None:
            raise CommandError("No account has this subdomain.", returncode=NEEDS_YOU)
        with within_account(account.pk):
            self._import(account, options)

    def _import(self, account: Account, options: dict[str, Any]) -> None:
        initiator = self._initiator(account, options["initiator"])
        try:
            with options["file"].open("rb") as file:
                log = user_import_start(
                    acting_user=initiator,
                    account=account,
                    file=file,
                    source=ImportSource.COMMAND,
                    mapping=_mapping(options["map"]),
                    renumber=options["renumber"],
                    sure=options["yes"],
                    skip_purged=options["skip_purged"],
                )
        except OSError as error:
            raise CommandError(f"The file cannot be read ({error.strerror}).", returncode=USAGE) from None
        except ServiceError as refusal:
            raise CommandError(str(refusal), returncode=NEEDS_YOU) from None
        if not options["queue"]:
            self._run(log)
        self.show(_json(log), _lines(log), as_json=options["json"])
        if log.state == ImportState.ASKING:
            user_import_discard(acting_user=initiator, log=log)
            raise CommandError(
                f"{words_of(log.mapping['foreseen'])} Nothing was imported. If that is meant, add --yes.",
                returncode=NEEDS_YOU,
            )
        if log.state == ImportState.FAILED:
            raise CommandError(log.failure, returncode=NEEDS_YOU)
        if log.failed:
            needs_you(f"Rows with problems: {log.failed:,}. The others are in.")
        if cells := log.row_errors.count() - log.failed:
            needs_you(f"Rows whose manager was not understood: {cells:,}. The rest of each went in.")

    def _initiator(self, account: Account, email: str | None) -> User | None:
        if not email:
            return None
        user: User | None = User.objects.active().filter(account=account, email_key=identity_key(email)).first()
        if user is None:
            raise CommandError("The initiator is no active user of this account.", returncode=NEEDS_YOU)
        return user

    def _run(self, log: ImportLog) -> None:
        """To the end. A worker that has taken it from the queue meanwhile is waited for."""
        while log.state == ImportState.RUNNING:
            # Nothing goes in while a restored backup is looked at.
            if user_import_run(log_id=log.pk) == "taken over" or site_is_fenced():
                time.sleep(0.5)
            log.refresh_from_db()


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        name, equals, heading = pair.partition("=")
        if not equals:
            raise CommandError('Write --map as FIELD=HEADING, e.g. --map "profile=Job family".', returncode=USAGE)
        mapping[name.strip()] = heading.strip()
    return mapping


def _json(log: ImportLog) -> dict[str, Any]:
    errors = list(log.row_errors.order_by("line").values("line", "reason"))
    return {
        "import": log.pk,
        "state": str(log.state),
        "rows": log.total_rows,
        "added": log.added,
        "updated": log.updated,
        "unchanged": log.unchanged,
        "revived": log.revived,
        "previously_purged": log.previously_purged,
        "left_out": log.notes.filter(kind="left_out").count(),
        "failed": log.failed,
        "would_change": log.mapping.get("foreseen"),
        "columns": log.mapping.get("columns", {}),
        "bad_rows": errors,
    }


def _lines(log: ImportLog) -> list[str]:
    lines = [
        f"Import {log.pk}: {ImportState(log.state).label}, {log.rows_done:,} of {log.total_rows:,} rows",
        f"  added {log.added:,}, updated {log.updated:,}, unchanged {log.unchanged:,}, revived {log.revived:,}, "
        f"previously purged {log.previously_purged:,}, bad rows {log.failed:,}",
    ]
    against = log.mapping.get("against", {}).values()
    if against:
        fields = ", ".join(str(FIELDS[name]) for name in against)
        lines.append(f"  not taken, since the cells say something else: {fields} (--map corrects)")
    bad = list(log.row_errors.order_by("line").values_list("line", "reason")[: SHOWN + 1])
    lines += [f"  line {line}: {reason}" for line, reason in bad[:SHOWN]]
    if len(bad) > SHOWN:
        lines.append("  … the others are in the admin, under Import Logs")
    return lines
