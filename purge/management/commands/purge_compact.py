"""``manage.py purge_compact``"""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser
from django.db import OperationalError, connection

from purge.database import dialect_of
from purge.database.horizon import Holder
from purge.management.base import PurgeCommand, needs_you
from purge.upkeep.compaction import LOCK_SECONDS, holder_text, rebuild, ruled_tables, touched_tables


class Command(PurgeCommand):
    help = (
        "Vacuum tables and build their indexes anew, so that what was erased lingers in no index. On PostgreSQL nobody "
        "has to wait for it (VACUUM, REINDEX CONCURRENTLY), and rows that were deleted stay as gaps in the tables' "
        "files until they are overwritten. SQLite's file is rewritten as a whole while writers wait."
    )
    example = "manage.py purge_compact PUR-7Q4M-2KX9-N"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--wait",
            type=float,
            default=LOCK_SECONDS,
            metavar="SECONDS",
            help="how long transactions that may need the old rows, and locks, are waited for (%(default)s)",
        )
        parser.add_argument("reference", nargs="?", help="only the tables that this request took something from")

    def handle(self, *args: Any, **options: Any) -> None:
        tables = touched_tables([self.purge_request(options["reference"])]) if options["reference"] else ruled_tables()
        try:
            done = rebuild(tables, wait=options["wait"], told=self._tell)
        except OperationalError as error:
            if not dialect_of(connection).may_pass(error):
                raise
            needs_you("Somebody keeps a table busy: nothing is lost. Run this again in a quiet minute.")
        lines = [*(f"rebuilt: {table}" for table in done.tables)]
        self.show({"tables": list(done.tables), "finished": done.finished}, lines, as_json=options["json"])
        if done.holders:
            needs_you("Nothing was done, since old rows could not be removed: " + self._text(done.holders))
        if not done.finished:
            needs_you(
                "Somebody is reading: the write-ahead log could not be emptied. Run this again in a quiet minute."
            )

    def _tell(self, holders: Sequence[Holder]) -> None:
        self.stderr.write(f"Waiting: {self._text(holders)}")

    @staticmethod
    def _text(holders: Sequence[Holder]) -> str:
        return " ".join(holder_text(holder) for holder in holders)
