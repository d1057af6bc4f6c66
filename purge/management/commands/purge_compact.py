"""``manage.py purge_compact``"""

from collections.abc import Sequence
from dataclasses import asdict
from getpass import getpass
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import OperationalError, connection

from purge.addresses import is_address
from purge.choices import Status
from purge.database import dialect_of
from purge.database.horizon import Holder
from purge.database.rewriting import Piece
from purge.management.base import USAGE, PurgeCommand, needs_you, seconds, table
from purge.models import PurgeRequest
from purge.proof.remembered import pages
from purge.upkeep.compaction import (
    LOCK_SECONDS,
    BehindPooler,
    Rewritten,
    holder_text,
    left_text,
    rewrite,
    ruled_tables,
    size_text,
    touched_tables,
)


class Command(PurgeCommand):
    help = (
        "Write tables and their indexes anew, so that no bytes of what was erased linger in the database's files. "
        "PostgreSQL: one by one (VACUUM FULL); each cannot be used meanwhile, unless pg_repack is installed, and needs "
        "room for a second copy. SQLite: the whole file, while writers wait. With --prove the files are read before "
        "and after. The write-ahead log, archives, standbys and backups keep what they hold until they expire."
    )
    example = "manage.py purge_compact PUR-7Q4M-2KX9-N --prove"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--wait",
            type=seconds,
            default=LOCK_SECONDS,
            metavar="SECONDS",
            help="how long transactions that may need the old rows, and locks, are waited for (%(default)s)",
        )
        parser.add_argument(
            "--prove",
            action="store_true",
            help="read the files of all tables and indexes before and after, and say how often addresses that were "
            "purged lie in them, found by their keyed hashes",
        )
        parser.add_argument(
            "--ask",
            action="store_true",
            help="with --prove: ask for addresses to look for besides; they are kept nowhere",
        )
        parser.add_argument("--only-look", action="store_true", help="with --prove: read the files and change nothing")
        parser.add_argument("reference", nargs="?", help="only what this request took something from")

    def handle(self, *args: Any, **options: Any) -> None:
        prove = options["prove"]
        if (options["ask"] or options["only_look"]) and not prove:
            raise CommandError("--ask and --only-look say how --prove is done.", returncode=USAGE)
        request = self.purge_request(options["reference"]) if options["reference"] else None
        requests = [request] if request else list(PurgeRequest.across_accounts.filter(status=Status.COMPLETED))
        typed = _addresses() if options["ask"] else []
        before = self._look(requests, typed) if prove else None
        done = Rewritten()
        if not options["only_look"]:
            done = self._rewrite(touched_tables([request]) if request else ruled_tables(), requests, options["wait"])
        after = self._look(requests, typed) if prove and done.tables else None
        left = [left_text(*each) for each in done.left]
        lines = [*(f"rebuilt: {name}" for name in done.tables), *left, *_proof_lines(before, after)]
        data: dict[str, Any] = {"tables": list(done.tables), "finished": done.finished, "left": left}
        if prove:
            data |= {"before": _data(before), "after": _data(after)}
        self.show(data, lines, as_json=options["json"])
        self._end(done, before, after)

    def _rewrite(self, tables: Sequence[str], requests: Sequence[PurgeRequest], wait: float) -> Rewritten:
        try:
            return rewrite(tables, requests=requests, wait=wait, told=self._tell, begun=self._begun)
        except BehindPooler:
            needs_you(
                "Tables are not written anew behind a pooler: run this with DATABASE_URL naming the server itself."
            )
        except OperationalError as error:
            if not dialect_of(connection).may_pass(error):
                raise
            needs_you("Somebody keeps a table busy: nothing is lost. Run this again in a quiet minute.")

    def _look(self, requests: Sequence[PurgeRequest], typed: Sequence[str]) -> pages.Looked:
        self.stderr.write("Reading the files …")
        looked = pages.look(requests, typed)
        if looked.busy:
            needs_you(_LOG_IN_USE)
        return looked

    def _end(self, done: Rewritten, before: pages.Looked | None, after: pages.Looked | None) -> None:
        if done.holders:
            needs_you("Nothing was done, since old rows could not be removed: " + self._text(done.holders))
        if done.left:
            needs_you(f"{len(done.left)} table(s) were not written anew.")
        if not done.finished:
            needs_you(_LOG_IN_USE)
        last = after or before
        if last is not None and not last.reached:
            needs_you(_NOT_REACHED)
        if last is not None and last.left:
            needs_you("Purged addresses lie in the files.")

    def _begun(self, number: int, count: int, piece: Piece) -> None:
        self.stderr.write(f"{number} of {count}: {piece.name} ({size_text(piece.size)})")

    def _tell(self, holders: Sequence[Holder]) -> None:
        self.stderr.write(f"Waiting: {self._text(holders)}")

    @staticmethod
    def _text(holders: Sequence[Holder]) -> str:
        return " ".join(holder_text(holder) for holder in holders)


_LOG_IN_USE = "Somebody is reading: the write-ahead log could not be emptied. Run this again in a quiet minute."
_NOT_REACHED = (
    "The files could not be read: not reached. It takes a superuser, or a role that may run CHECKPOINT and "
    "pg_read_binary_file; managed servers mostly let nobody."
)


def _addresses() -> list[str]:
    """Typed unseen: never an argument, which would stand in the shell's history and in the list of processes."""
    typed: list[str] = []
    while text := getpass("Address (Enter ends): ").strip():
        if not is_address(text):
            raise CommandError("Enter a valid email address.", returncode=USAGE)
        typed.append(text)
    return typed


def _data(looked: pages.Looked | None) -> dict[str, Any] | None:
    if looked is None:
        return None
    return {"reached": looked.reached, "pages": looked.pages, "relations": [asdict(each) for each in looked.found]}


def _proof_lines(before: pages.Looked | None, after: pages.Looked | None) -> list[str]:
    if before is None:
        return []
    if not before.reached:
        return [_NOT_REACHED]
    was = {each.relation: each for each in before.found}
    now = {each.relation: each for each in after.found} if after is not None else {}
    nothing = pages.Mentions("")
    rows = []
    for name in sorted(was.keys() | now.keys()):
        old, new = was.get(name, nothing), now.get(name, nothing)
        said = [str(new.left), str(new.rows)] if after is not None else ["", ""]
        rows.append([name, str(old.heap), str(old.index), str(old.free), *said])
    head = ["Relation", "Before: table", "index", "free space", "After: left over", "in rows that are there"]
    total = f"Purged addresses in the files: {before.left} left over before"
    total += f", {after.left} after ({after.pages} pages)." if after is not None else f" ({before.pages} pages)."
    return [*table(head, rows), total] if rows else [total]
