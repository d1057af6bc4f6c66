"""``manage.py user_import``"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from users.imports import run_import, user_import_start
from users.models import Account, ImportLog, ImportRowError, ImportSource, ImportState
from users.services import ServiceError


class Command(BaseCommand):
    help = "Import users from a CSV file into an account. Example: manage.py user_import acme users.csv --json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="the account's subdomain")
        parser.add_argument("file", help="the CSV file")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        account = Account.objects.filter(subdomain=options["account"].lower()).first()
        if account is None:
            raise CommandError("There is no account with this subdomain.", returncode=2)
        try:
            with Path(options["file"]).open("rb") as file:
                log = user_import_start(
                    acting_user=None, account=account, file=file, source=ImportSource.COMMAND, wait=True
                )
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error.strerror}.", returncode=2) from None
        except ServiceError as refusal:
            raise CommandError(str(refusal)) from None
        run_import(log.pk)
        log.refresh_from_db()
        self._show(log, as_json=options["json"])
        if log.state != ImportState.COMPLETED or log.failed:
            sys.exit(1)

    def _show(self, log: ImportLog, *, as_json: bool) -> None:
        names = ("added", "updated", "unchanged", "revived", "previously_purged", "failed")
        counts = {name: getattr(log, name) for name in names}
        errors = list(ImportRowError.objects.filter(log=log).values("line", "reason"))
        if as_json:
            data = {"import": log.pk, "state": log.state, **counts, "bad_rows": errors}
            self.stdout.write(json.dumps(data, indent=2, default=str))
            return
        for name, number in counts.items():
            self.stdout.write(f"{name.replace('_', ' '):18} {number}")
        for error in errors:
            self.stdout.write(f"line {error['line']}: {error['reason']}")
