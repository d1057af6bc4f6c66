"""``manage.py purge_compact``"""

from typing import Any

from django.core.management.base import CommandParser

from purge.management.base import PurgeCommand, needs_you
from purge.upkeep.compaction import rebuild, ruled_tables, touched_tables


class Command(PurgeCommand):
    help = (
        "Rebuild tables and indexes, so that no bytes of what was erased linger in the database's files. On PostgreSQL "
        "nobody has to wait for it (VACUUM, REINDEX CONCURRENTLY); on SQLite writers wait while the file is rewritten."
    )
    example = "manage.py purge_compact PUR-7Q4M-2KX9-N"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("reference", nargs="?", help="only the tables that this request took something from")

    def handle(self, *args: Any, **options: Any) -> None:
        tables = touched_tables([self.purge_request(options["reference"])]) if options["reference"] else ruled_tables()
        done = rebuild(tables)
        lines = [*(f"rebuilt: {table}" for table in done.tables)]
        self.show({"tables": list(done.tables), "finished": done.finished}, lines, as_json=options["json"])
        if not done.finished:
            needs_you(
                "Somebody is reading: the write-ahead log could not be emptied. Run this again in a quiet minute."
            )
