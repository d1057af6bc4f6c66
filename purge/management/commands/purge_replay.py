"""``manage.py purge_replay``"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from purge.choices import OPEN_STATUSES, Status
from purge.installation.storage import TEXTS, begin_storage
from purge.journal import chains, noticing
from purge.management.asking import ask_number
from purge.management.base import NEEDS_YOU, USAGE, PurgeCommand, needs_you, seconds, table
from purge.management.waiting import wait_until_it_rests
from purge.models import PurgeRequest
from purge.services import (
    Decisions,
    Finding,
    Judged,
    Judgement,
    PurgeRefused,
    Task,
    purge_replay,
    replay_judge,
)

NOTHING = "Nothing was asked for again"
HEAD = ("Purge", "Accepted", "People", "Gone already", "Back", "Needs a decision", "Cannot tell", "What is done")
#: Lines of progress where there is no terminal: one for so many.
EVERY = 50


class Command(PurgeCommand):
    help = (
        "After a backup was restored: purge the people again whom it brought back. Asks first, and can be stopped at "
        "any moment and run again. --dry-run shows what each purge of the purge log would need, and changes nothing."
    )
    example = "manage.py purge_replay --dry-run"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only show what would be done, as a Markdown table")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument(
            "--since",
            default="",
            help="also look at purges that this database knows, accepted on this day (YYYY-MM-DD) or later: after a "
            "backup was put in in part",
        )
        for name, what in (("--erase", "goes too"), ("--leave", "stays")):
            said = f"a user who needs a decision {what}; may be given again"
            parser.add_argument(name, type=int, action="append", default=[], metavar="USER", help=said)
        parser.add_argument(
            "--past-damage", action="store_true", help="read on behind lines of the purge log that cannot be read"
        )
        parser.add_argument("--wait", action="store_true", help="wait until all are completed or need somebody")
        parser.add_argument(
            "--timeout", type=seconds, default=3_600, help="with --wait: at most so many seconds (3600)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        decisions = Decisions(frozenset(options["erase"]), frozenset(options["leave"]))
        if decisions.erase & decisions.leave:
            raise CommandError("The same user cannot go and stay.", returncode=USAGE)
        try:
            judgement = replay_judge(since=_since(options["since"]), past_damage=options["past_damage"])
        except OSError as error:
            raise CommandError(
                f"The purge log cannot be read ({type(error).__name__}): {chains.folder()}", returncode=NEEDS_YOU
            ) from None
        self._check(judgement, decisions, past_damage=options["past_damage"])
        to_do = [judged for judged in judgement.purges if _has_work(judged)]
        if options["dry_run"]:
            self.show(_json(judgement, decisions), _lines(judgement, decisions), as_json=options["json"])
            if to_do:
                needs_you("This is what would be done; nothing has changed.")
            return
        if to_do:
            self._confirm(judgement, to_do, decisions, options)
        asked, refused = self._ask_again(to_do, decisions)
        if options["wait"] and not noticing.paused():
            self._wait(options["timeout"])
        self._tell(judgement, decisions, asked, refused, options)

    # ------------------------------------------------------------ before

    def _check(self, judgement: Judgement, decisions: Decisions, *, past_damage: bool) -> None:
        if judgement.damage and not past_damage:
            for line in judgement.damage:
                self.stderr.write(f"{line.chain} cannot be read from line {line.line} on: {line.why}")
            raise CommandError(
                "The purge log cannot be read: nothing was asked for again. Put back the file as it was, from another "
                "home of the log; if nobody has it, --past-damage does what the lines behind say.",
                returncode=NEEDS_YOU,
            )
        if not judgement.chains or (judgement.missing and not judgement.purges):
            raise CommandError(
                f"There is no purge log of this installation in {chains.folder()}, or it is not whole. Mount it first.",
                returncode=NEEDS_YOU,
            )
        asked_about = {person.id for judged in judgement.purges for person in judged.people(Finding.SOMEBODY_ELSE)}
        unknown = sorted(decisions.all - asked_about)
        if unknown:
            raise CommandError(
                f"Nobody has to decide about user {', '.join(map(str, unknown))}. {NOTHING}.", returncode=USAGE
            )

    def _confirm(
        self, judgement: Judgement, to_do: Sequence[Judged], decisions: Decisions, options: dict[str, Any]
    ) -> None:
        if trouble := begin_storage():
            raise CommandError(str(TEXTS[trouble]), returncode=NEEDS_YOU)
        ready = [judged for judged in to_do if not judged.undecided(decisions.all)]
        if options["yes"] or not ready:
            return
        ask_number(self, _lines(judgement, decisions), nothing=NOTHING, number=len(ready), what="purges above")

    # ------------------------------------------------------------ doing it

    def _ask_again(
        self, to_do: Sequence[Judged], decisions: Decisions
    ) -> tuple[dict[str, PurgeRequest], dict[str, str]]:
        """Request ID of the log → what does it now; and those that were refused, with the reason."""
        asked: dict[str, PurgeRequest] = {}
        refused: dict[str, str] = {}
        for number, judged in enumerate(to_do, start=1):
            try:
                request = purge_replay(judged, decisions)
            except PurgeRefused as refusal:
                refused[judged.purge.reference] = refusal.details
            else:
                if request is not None:
                    asked[judged.purge.reference] = request
            self._progress("asked again", number, len(to_do))
        return asked, refused

    def _wait(self, seconds: float) -> None:
        """Until everything that asks again is over, or waits for somebody. Those of an earlier run too."""
        until = time.monotonic() + seconds
        again = (
            PurgeRequest.across_accounts.exclude(replays="")
            .filter(status__in=OPEN_STATUSES)
            .exclude(status=Status.HELD)
        )
        waiting = list(again.order_by("pk"))
        for number, request in enumerate(waiting, start=1):
            wait_until_it_rests(request, seconds=max(0.0, until - time.monotonic()))
            self._progress("completed", number, len(waiting))

    def _progress(self, what: str, number: int, total: int) -> None:
        """A bar at a terminal; elsewhere a line now and then."""
        if self.stderr.isatty():
            done = 30 * number // total
            self.stderr.write(
                f"\r{what} [{'#' * done}{'.' * (30 - done)}] {number:,} of {total:,}", ending="\n" * (number == total)
            )
        elif number % EVERY == 0 or number == total:
            self.stderr.write(f"{what}: {number:,} of {total:,}")

    # ------------------------------------------------------------ after

    def _tell(
        self,
        judgement: Judgement,
        decisions: Decisions,
        asked: dict[str, PurgeRequest],
        refused: dict[str, str],
        options: dict[str, Any],
    ) -> None:
        lines = [f"{reference}: {request.reference}" for reference, request in asked.items() if request.replays]
        lines += [f"{reference}: goes on" for reference, request in asked.items() if not request.replays]
        lines += [f"{reference}: {why}" for reference, why in refused.items()]
        undecided = sorted({p.id for judged in judgement.purges for p in judged.undecided(decisions.all)})
        if undecided:
            lines.append(f"Say --erase USER or --leave USER of each: user {', '.join(map(str, undecided))}.")
        left = noticing.trouble()
        if left:
            lines += left.sentences
            lines.append(f"Of these nobody can tell more. Look, then type purge_journal acknowledge {left.number}.")
        elif not judgement.purges:
            lines.append("There is nothing to purge again: the purge log and this database agree.")
        open_still = [
            request.reference
            for request in PurgeRequest.across_accounts.filter(pk__in=[each.pk for each in asked.values()])
            if request.status not in (Status.COMPLETED, Status.CANCELLED)
        ]
        if asked and not left and not options["wait"]:
            lines.append("The worker does the rest. purge_status tells how far it is.")
        data = _json(judgement, decisions)
        data["asked"] = {reference: request.reference for reference, request in asked.items()}
        data["refused"] = refused
        data["left"] = left.number
        self.show(data, lines, as_json=options["json"])
        if undecided or left or refused:
            needs_you("Somebody has to act: purges wait.")
        if options["wait"] and open_still:
            needs_you(f"Not completed: {', '.join(sorted(open_still))}.")


def _since(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = parse_datetime(text if len(text) > len("2026-11-29") else f"{text} 00:00")
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError("--since: a day, YYYY-MM-DD.", returncode=USAGE)
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def _has_work(judged: Judged) -> bool:
    return judged.alarmed or judged.task != Task.NOTHING


def _what(judged: Judged, decisions: Decisions) -> str:
    if judged.undecided(decisions.all):
        return "waits for a decision"
    if judged.asked is not None and judged.task == Task.ASK:
        return f"asked again: {judged.asked.reference}"
    return str(judged.task.value)


def _lines(judgement: Judgement, decisions: Decisions) -> list[str]:
    """Numbers and public ids, nobody's name or address."""
    if not judgement.purges:
        return ["There is nothing to purge again: the purge log and this database agree."]
    lines = table(HEAD, (_row(judged, decisions) for judged in judgement.purges))
    lines += _totals(judgement)
    why = list(_reasons(judgement, decisions))
    if why:
        lines += ["", *table(("Purge", "User", "Account", "Why", "Decided"), why)]
    return lines


def _row(judged: Judged, decisions: Decisions) -> tuple[str, ...]:
    purge = judged.purge
    return (
        purge.reference,
        purge.accepted_at.date().isoformat() if purge.accepted_at else "–",
        str(len(purge.people)),
        str(judged.number(Finding.GONE)),
        str(judged.number(Finding.BACK)),
        str(len(judged.people(Finding.SOMEBODY_ELSE))),
        str(judged.number(Finding.CANNOT_TELL)),
        _what(judged, decisions),
    )


def _totals(judgement: Judgement) -> list[str]:
    back = {person.id for judged in judgement.purges for person in judged.people(Finding.BACK)}
    return ["", f"Purges: {len(judgement.purges):,}. People who are back: {len(back):,}."]


def _reasons(judgement: Judgement, decisions: Decisions) -> Iterable[tuple[str, ...]]:
    for judged in judgement.purges:
        for answer in judged.answers:
            if answer.finding not in (Finding.SOMEBODY_ELSE, Finding.CANNOT_TELL):
                continue
            person = answer.person
            decided = "–"
            if person is not None:
                decided = "goes" if person.id in decisions.erase else "stays" if person.id in decisions.leave else ""
            yield (
                judged.purge.reference,
                str(person.id) if person else "–",
                str(person.account_id) if person else "–",
                answer.why,
                decided,
            )


def _json(judgement: Judgement, decisions: Decisions) -> dict[str, Any]:
    return {
        "damage": [{"chain": each.chain, "line": each.line, "why": each.why} for each in judgement.damage],
        "missing": judgement.missing,
        "purges": [
            {
                "request": judged.purge.reference,
                "accepted_at": judged.purge.accepted_at,
                "outcome": judged.purge.event,
                "people": len(judged.purge.people),
                "gone": judged.number(Finding.GONE),
                "back": [person.id for person in judged.people(Finding.BACK)],
                "needs_a_decision": [
                    {"user": answer.person.id, "account": answer.person.account_id, "why": answer.why}
                    for answer in judged.answers
                    if answer.finding == Finding.SOMEBODY_ELSE and answer.person
                ],
                "cannot_tell": [answer.why for answer in judged.answers if answer.finding == Finding.CANNOT_TELL],
                "what_is_done": _what(judged, decisions),
            }
            for judged in judgement.purges
        ],
    }
