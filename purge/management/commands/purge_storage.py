"""``manage.py purge_storage``"""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from purge.installation.identity import installation
from purge.installation.storage import (
    FILES_MISSING,
    TEXTS,
    adopt_storage,
    forget_marker,
    read_marker,
    sample_of_files,
    storage_trouble,
)
from purge.journal.copies import begin_copy
from purge.management.base import NEEDS_YOU, USAGE, PurgeCommand


class Command(PurgeCommand):
    help = (
        "Say whether the file storage that this process sees (MEDIA_ROOT, LMS_FILES) is the one that belongs to the "
        "database. “adopt”: they belong together from now on, for a database that was moved or restored. “begin "
        "--copy”: this is a copy of a database, for tests: it gets an id of its own, sends no notifications, and marks "
        "a storage of its own."
    )
    example = "manage.py purge_storage adopt"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", nargs="?", choices=("status", "adopt", "begin"), default="status")
        parser.add_argument("--copy", action="store_true", help="with begin: this database is a copy of another")
        parser.add_argument(
            "--files-are-copied",
            action="store_true",
            help="with begin --copy: this storage is a copy too, although it has the original's marker",
        )
        parser.add_argument(
            "--files-are-lost", action="store_true", help="with adopt: files that the database knows are not here"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        match options["action"]:
            case "adopt":
                self._adopt(lost=options["files_are_lost"])
            case "begin":
                self._begin(copy=options["copy"], copied=options["files_are_copied"])
        trouble = storage_trouble(now=True)
        row, sample = installation(), sample_of_files()
        data = {
            "installation": str(row.pk),
            "copy_of": str(row.copy_of) if row.copy_of else None,
            "file_storage": trouble or "ok",
            "marked_at": row.storage_marked_at,
            "files_looked_for": sample.known,
            "files_found": sample.found,
        }
        lines = [
            f"installation  {row.pk}" + (f"  (a copy of {row.copy_of})" if row.copy_of else ""),
            f"file storage  {str(TEXTS[trouble]) if trouble else 'the one that belongs to this database'}",
            f"files         {sample.found} of {sample.known} that were looked for are here",
        ]
        self.show(data, lines, as_json=options["json"])
        if trouble:
            raise CommandError("Nothing is purged until this is mended.", returncode=NEEDS_YOU)

    def _adopt(self, *, lost: bool) -> None:
        if not lost and not sample_of_files().is_convincing:
            raise CommandError(str(TEXTS[FILES_MISSING]), returncode=NEEDS_YOU)
        adopt_storage()

    def _begin(self, *, copy: bool, copied: bool) -> None:
        if not copy:
            raise CommandError("Only a copy begins anew: purge_storage begin --copy.", returncode=USAGE)
        original = installation()
        has_marker = original.storage_mark is not None and read_marker(original.pk) is not None
        if has_marker and not copied:
            raise CommandError(
                "This file storage has the original's marker. Purges of a copy would erase the original's files: give "
                "the copy a storage of its own (MEDIA_ROOT, LMS_FILES). If the storage is a copy as well, say "
                "--files-are-copied.",
                returncode=NEEDS_YOU,
            )
        if has_marker:
            forget_marker(original.pk)
        begin_copy()
        adopt_storage()
