"""``manage.py purge_journal``"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from purge.choices import JournalTrouble
from purge.installation.identity import installation
from purge.journal import chains, noticing
from purge.journal.brought_back import brought_back
from purge.journal.chains import Damage
from purge.journal.homes import (
    ABSENT,
    AWAY,
    BEHIND,
    DAMAGED,
    FILLED,
    SAME,
    UNLIKE,
    InHome,
    compare_homes,
    copy_between_homes,
    home_troubles,
)
from purge.journal.stores.home import HomeAway, Position
from purge.management.base import USAGE, PurgeCommand, needs_you
from purge.models import JournalAlarm, JournalChain, PurgeRequest
from purge.services import journal_acknowledge
from purge.standing import moment_text

LABELS = {
    JournalTrouble.UNKNOWN: "unknown here",
    JournalTrouble.BEHIND: "had come further",
    JournalTrouble.MISSING: "missing or too short",
    JournalTrouble.DAMAGED: "cannot be read from",
}
DAMAGED_WAY_OUT = (
    "Where a file cannot be read: if another home of the log has it whole, move this one away and type manage.py "
    "purge_journal copy; it is read on by itself then. If nobody has it, acknowledge: what follows is read, and told."
)
WAY_OUT = (
    "Put in a newer backup if there is one. If not, type manage.py purge_replay --dry-run: it purges whoever is back "
    "again. What nobody can tell in the end is acknowledged (purge_journal acknowledge %d)."
)

SERVER_CHANGED = (
    "Note: the database's server has changed (seen on %s): a failover, a recovery to a point in time, or a move. What "
    "was lost by it, if anything was, is said above."
)


class Command(PurgeCommand):
    help = (
        "Compare this database with the purge log outside it (status), check the log's files line by line and its "
        "homes with each other (verify), fill homes with what they lack of another (copy), say that a restored backup "
        "has been dealt with (acknowledge N), or that this database is a copy (begin)."
    )
    example = "manage.py purge_journal status"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", choices=("status", "verify", "copy", "acknowledge", "begin"))
        parser.add_argument("number", nargs="?", type=int, help="acknowledge: how many differences status tells")
        parser.add_argument("--copy", action="store_true", help="begin: this database is a copy, for tests or the like")
        parser.add_argument("--files-are-copied", action="store_true", help="begin --copy: as of purge_storage")

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        if (options["number"] is not None) != (action == "acknowledge"):
            raise CommandError("Type acknowledge with the number of differences, the others without.", returncode=USAGE)
        if options["copy"] != (action == "begin"):
            raise CommandError("Type begin --copy, and the others without --copy.", returncode=USAGE)
        try:
            getattr(self, f"_{action}")(options)
        except OSError as error:
            raise CommandError(
                f"The purge log cannot be read or written ({_what(error)}): {_places()}", returncode=1
            ) from None

    def _status(self, options: dict[str, Any]) -> None:
        trouble = noticing.look(thorough=True)
        files = [{"chain": row.name, "lines": row.seq, "bytes": row.offset} for row in _chains()]
        alarms = list(JournalAlarm.objects.order_by("kind", "chain", "seq"))
        back = brought_back({alarm.reference for alarm in alarms}, noticing.chains_of_this_database())
        earlier = _earlier()
        homes, own = home_troubles(now=True), installation()
        data = {
            "installation": str(own.pk),
            "copy_of": str(own.copy_of) if own.copy_of else None,
            "folder": str(chains.folder()),
            "server_changed_at": own.server_changed_at,
            "homes": [str(home) for home in chains.homes()],
            "home_troubles": [{"home": str(each.home), "kind": each.kind, "files": each.files} for each in homes],
            "agrees": not trouble,
            "unknown": trouble.unknown,
            "behind": trouble.behind,
            "missing": trouble.missing,
            "damaged": trouble.damaged,
            "chains": files,
            "earlier_format": earlier,
            "differences": [
                {
                    "kind": alarm.kind,
                    "request": alarm.reference or None,
                    "event": alarm.event or None,
                    "chain": alarm.chain,
                    "line": _line(alarm),
                    "users_who_are_back": back.get(alarm.reference, []),
                }
                for alarm in alarms
            ],
        }
        lines = [f"installation  {own.pk}" + (f"  (a copy of {own.copy_of})" if own.copy_of else "")]
        lines += [f"folder        {home}" for home in chains.homes()]
        lines += [f"file          {each['chain']}: {each['lines']:,} lines" for each in files]
        if earlier["lines"]:
            lines.append(
                f"earlier file  {earlier['lines']:,} lines; {earlier['unknown']:,} of requests that this database does "
                "not know. They tell no outcome: these were rolled back, or are older than a restored backup."
            )
        lines += [_alarm_text(alarm, back.get(alarm.reference, [])) for alarm in alarms]
        lines += trouble.sentences or ["The purge log and this database agree."]
        if trouble.damaged:
            lines.append(DAMAGED_WAY_OUT)
        if trouble:
            lines.append(WAY_OUT % trouble.number)
        lines += [each.text for each in homes]
        if own.server_changed_at:
            lines.append(SERVER_CHANGED % moment_text(own.server_changed_at, settings.TIME_ZONE))
        self.show(data, lines, as_json=options["json"])
        if trouble:
            needs_you("Purges wait.")
        if homes:
            needs_you("The purge log is not whole everywhere.")

    def _verify(self, options: dict[str, Any]) -> None:
        own = installation().pk
        names = noticing.chains_of_this_database()
        report = [_verified(name, own) for name in names]
        lines = []
        for each in report:
            lines.append(f"{each['chain']}: {each['lines']:,} lines, {'whole' if not each['damage'] else 'DAMAGED'}")
            lines += [f"  cannot be read from line {place['line']} on: {place['why']}" for place in each["damage"]]
            if each["torn"]:
                lines.append(f"  {each['torn']} cut off by a crash and passed over")
        unlike = [each for each in compare_homes() if each.state != SAME] if len(chains.homes()) > 1 else []
        for each in report:
            each["homes"] = {str(state.home): state.state for state in unlike if state.name == each["chain"]}
        lines += [_home_text(each) for each in unlike]
        self.show(report, lines or ["There is no purge log yet."], as_json=options["json"])
        if any(each["damage"] for each in report):
            needs_you("The purge log is damaged.")
        if unlike:
            needs_you("Its homes are not the same.")

    def _copy(self, options: dict[str, Any]) -> None:
        if len(chains.homes()) < 2:
            raise CommandError("PURGE_JOURNAL names one place: there is nothing to copy between.", returncode=USAGE)
        done = [each for each in copy_between_homes() if each.state != SAME]
        data = [
            {"file": each.name, "home": str(each.home), "state": each.state, "bytes": each.missing} for each in done
        ]
        lines = [_home_text(each) for each in done] or ["Every home has everything."]
        self.show(data, lines, as_json=options["json"])
        if any(each.state == AWAY for each in done):
            needs_you("A home does not answer: type the same again when it does.")
        if any(each.state != FILLED for each in done):
            needs_you("What is damaged, or tells otherwise, was left as it is: see manage.py purge_journal verify.")

    def _acknowledge(self, options: dict[str, Any]) -> None:
        trouble = journal_acknowledge(number=options["number"])
        left = noticing.trouble()
        said = f"Acknowledged: {trouble.number}. It is written in the purge log"
        lines = (
            [f"{said}.", f"Behind what could not be read: {left.for_operators}"] if left else [f"{said}; purges go on."]
        )
        self.show({"acknowledged": trouble.number, "left": left.number}, lines, as_json=options["json"])
        if left:
            needs_you("Purges wait.")

    def _begin(self, options: dict[str, Any]) -> None:
        """A copy has neither its original's log nor its files."""
        call_command(
            "purge_storage",
            "begin",
            copy=True,
            files_are_copied=options["files_are_copied"],
            json=options["json"],
            stdout=self.stdout,
        )


def _places() -> str:
    return ", ".join(map(str, chains.homes()))


def _what(error: OSError) -> str:
    return str(error) if isinstance(error, HomeAway) else type(error).__name__


def _home_text(each: InHome) -> str:
    words = {
        BEHIND: f"lacks {each.missing:,} bytes at its end",
        ABSENT: "has no such file",
        UNLIKE: "TELLS OTHERWISE than another home",
        DAMAGED: "is DAMAGED there, and was copied nowhere",
        AWAY: f"does not answer ({each.why})",
        FILLED: f"filled: {each.missing:,} bytes, read again and compared",
    }
    return f"{each.name}  {each.home}: {words[each.state]}"


def _chains() -> list[JournalChain]:
    return list(JournalChain.objects.order_by("pk"))


def _alarm_text(alarm: JournalAlarm, back: list[int]) -> str:
    what = f"{alarm.reference} ({alarm.event})  " if alarm.reference else ""
    users = f"  in this database: user {', '.join(map(str, back))}" if back else ""
    on = " on" if alarm.kind == JournalTrouble.DAMAGED else ""
    return f"{LABELS[JournalTrouble(alarm.kind)]:20}  {what}{alarm.chain} line {_line(alarm)}{on}{users}"


def _line(alarm: JournalAlarm) -> int:
    """Of damage, the first line that cannot be read."""
    return alarm.seq + (alarm.kind == JournalTrouble.DAMAGED)


def _earlier() -> dict[str, int]:
    """The file of the earlier format: how many lines, and how many of requests that this database does not know."""
    references = [line.get("request") for line in chains.earlier_lines() if line is not None]
    known = 0
    for first in range(0, len(references), 500):
        known += PurgeRequest.across_accounts.filter(reference__in=references[first : first + 500]).count()
    return {"lines": len(references), "unknown": len(references) - known}


def _verified(name: str, owner: UUID) -> dict[str, Any]:
    """Up to the first line at fault."""
    if chains.size_of(name) is None:
        return {"chain": name, "lines": 0, "torn": 0, "damage": [{"line": 0, "why": "the file is missing"}]}
    last, lines, torn, damage = Position(), 0, 0, []
    belongs = owner if name.startswith(owner.hex) else None
    size = chains.settle(name)
    for position, item in chains.read(name, last, size, settled=True, installation=belongs):
        if isinstance(item, Damage):
            damage.append({"line": item.line, "why": item.why})
        else:
            lines, torn = lines + 1, torn + item.torn
        last = position
    torn += last.offset < size and not damage
    return {"chain": name, "lines": lines, "torn": torn, "damage": damage}
