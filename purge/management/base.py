"""What the purge's commands share: an example in the help, refusals as sentences, JSON, exit codes.

Exit codes: 0 done, or nothing to do; 1 somebody has to act; 2 the command was typed wrongly. No traceback for what a
user can cause, and no address in any message: what stands on standard error ends in logs.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError
from django.db.models import Sum

from purge.addresses import emails_in
from purge.choices import Reason, Status
from purge.hashing import HashKeyMissing
from purge.host import AccountFacts, get_host
from purge.installation.identity import done_in_copy_of
from purge.models import PurgeRequest
from purge.pages.possible import PossibleLine, PossibleLines, listed_of, possible_of
from purge.pages.requests import next_step_text, progress_of, unopened_of
from purge.pages.trouble import technical_text, trouble_of
from purge.proof.report import CouldNotLook
from purge.references import MistypedReference
from purge.selectors import checked_again, request_by_reference, to_dos_left
from purge.services import PurgeRefused
from purge.standing import Standing, moment_text, standing, standings
from purge.thoroughness.telling import Thoroughness, thoroughness_of

NEEDS_YOU, USAGE = 1, 2
#: How long a command may be told to wait, in seconds: no purge takes longer than these thirty days.
LONGEST_WAIT = 30 * 24 * 60 * 60
EXIT_CODES = "exit code: 0 done, or nothing to do; 1 somebody has to act; 2 wrong usage"


class ExampleFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Django's formatter, with the line of the example left as it is."""


def seconds(typed: str) -> float:
    """How long to wait, as an option says it. Raises ArgumentTypeError."""
    try:
        number = float(typed)
    except ValueError:
        number = -1.0
    if not 0 <= number <= LONGEST_WAIT:  # "nan" is neither
        raise ArgumentTypeError(f"give a number of seconds from 0 to {LONGEST_WAIT:,}")
    return number


class PurgeCommand(BaseCommand):
    """A thin caller of services. ``example``: what somebody would type, for the help.

    With ``--json`` standard output is one JSON document and nothing else.
    """

    example = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs |= {"formatter_class": ExampleFormatter, "epilog": f"example:\n  {self.example}\n\n{EXIT_CODES}"}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document instead of text")

    def execute(self, *args: Any, **options: Any) -> str | None:
        for name, value in options.items():
            for text in value if isinstance(value, list | tuple) else (value,):
                if isinstance(text, str) and not is_text(text):
                    said = name.replace("_", "-")
                    raise CommandError(f"What was typed for {said} is no text: write it as UTF-8.", returncode=USAGE)
        try:
            with quiet_queue():
                return super().execute(*args, **options)
        except BrokenPipeError:
            # The reader has seen enough (`| head`); what is still buffered must not fail once more at the exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None
        except (PurgeRefused, HashKeyMissing, CouldNotLook) as refusal:
            raise CommandError(getattr(refusal, "details", str(refusal)), returncode=NEEDS_YOU) from None
        except DatabaseError as error:
            # Its own words may repeat a row.
            raise CommandError(
                f"The database refused or did not answer ({type(error).__name__}). Is it up, and migrated?",
                returncode=NEEDS_YOU,
            ) from None

    def show(self, data: Any, lines: Iterable[object], *, as_json: bool) -> None:
        """The answer: ``data`` for programs, ``lines`` for people."""
        if as_json:
            lines = [json.dumps(data, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)]
        for line in lines:
            self.stdout.write(str(line))
        self.stdout.flush()

    def purge_request(self, text: str) -> PurgeRequest:
        """The request of an ID that was typed. A mistyped ID is wrong usage; an unknown one is not."""
        try:
            purge_request = request_by_reference(text)
        except MistypedReference as mistake:
            raise CommandError(str(mistake), returncode=USAGE) from None
        if purge_request is None:
            raise CommandError("There is no purge request with this ID.", returncode=NEEDS_YOU)
        return purge_request

    def account(self, subdomain: str) -> AccountFacts:
        account = get_host().account_by_subdomain(subdomain)
        if account is None:
            raise CommandError(f"No account has the subdomain {quoted(subdomain)}.", returncode=NEEDS_YOU)
        return account


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table whose columns stand one below another: lines, without line ends."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in (head, *rows)]
    widths = [max(3, *(len(row[number]) for row in cells)) for number in range(len(head))]
    cells.insert(1, ["-" * width for width in widths])
    return [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |".rstrip()
        for row in cells
    ]


@contextlib.contextmanager
def quiet_queue() -> Iterator[None]:
    """Without the queue's remarks on each task that is put in: somebody at a terminal, or cron, asked for none."""
    logger = logging.getLogger("django-q")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def needs_you(message: object = "Somebody has to act: see above.") -> NoReturn:
    """End with exit code 1, after the answer was printed."""
    raise CommandError(str(message), returncode=NEEDS_YOU)


def is_text(typed: str) -> bool:
    """Whether both databases can be asked for it: bytes that are no UTF-8 come in as lone surrogates."""
    return "\x00" not in typed and not any("\ud800" <= character <= "\udfff" for character in typed)


def address_given(text: str) -> str:
    """An address from the command line, or with "-" the first line of standard input (so it is in no history)."""
    if text != "-":
        return text
    try:
        address = sys.stdin.readline().strip()
    except UnicodeDecodeError:
        address = "\x00"
    if not is_text(address):
        raise CommandError("What standard input brought is no text: write it as UTF-8.", returncode=USAGE)
    if not address:
        raise CommandError("Standard input brought no address.", returncode=USAGE)
    return address


def quoted(text: str) -> str:
    """What was typed, to name it in a message; unless it is an address, which stands in no message."""
    return "(an address)" if emails_in(text) else f"“{text}”"


# ---------------------------------------------------------------- a request


def request_json(purge_request: PurgeRequest) -> dict[str, Any]:
    """Everything about a request that a program may want to know: numbers and its ID, nobody's name."""
    reasons = list(purge_request.subjects.values_list("role", flat=True))
    stuck = purge_request.subjects.exclude(stuck_table="").values_list("person_id", "stuck_table")
    stands = standing(purge_request, None)
    unopened = unopened_of(purge_request, everything=True)
    possible = possible_of(purge_request, everything=True)
    thoroughness = thoroughness_of(purge_request, zone=stands.zone, listed=listed_of(unopened, possible))
    return {
        "request": purge_request.reference,
        **stands.as_json(),
        "status": str(purge_request.status),
        "route": str(purge_request.route),
        "came_by": str(purge_request.origin),
        "account": purge_request.account_id,
        "part_of": purge_request.part_of.reference if purge_request.part_of else None,
        "parts": [{"request": part.reference, "state": str(stand.state)} for part, stand in parts_of(purge_request)],
        "replays": purge_request.replays or None,
        "first_accepted_at": purge_request.first_accepted_at,
        "first_due_at": purge_request.first_due_at,
        "in_copy_of": done_in_copy_of(purge_request.completed_at),
        "accepted_at": purge_request.accepted_at,
        "due_at": purge_request.due_at,
        "progress_at": purge_request.progress_at,
        "verified_at": purge_request.verified_at,
        "patrolled_at": purge_request.patrolled_at,
        "completed_at": purge_request.completed_at,
        "checked_again_at": checked_again(purge_request),
        "selected": purge_request.selected_count,
        "matches": sum(1 for reason in reasons if reason not in (Reason.SELECTED, Reason.KEPT)),
        "kept": purge_request.kept_count,
        "people_left": purge_request.people_left,
        "rows_planned": purge_request.rows_planned,
        "rows_done": purge_request.steps.aggregate(total=Sum("done"))["total"] or 0,
        "steps_left": purge_request.steps_left,
        "attempts": purge_request.attempts,
        "next_attempt_at": purge_request.next_attempt_at,
        "error": purge_request.error_class or None,
        "error_step": purge_request.error_step or None,
        "held": purge_request.held_reason or None,
        "to_dos": to_dos_left([purge_request]).get(purge_request.pk, 0),
        "stuck": [{"user": person_id, "table": table} for person_id, table in stuck],
        "unopened": [file.as_json() for file in unopened],
        "possible": [place.as_json() for place in _places(possible)],
        "ids_not_looked_for": purge_request.ids_unsought,
        "thoroughness": None if thoroughness is None else thoroughness.as_json(),
        "residue": [
            {"table": place.table, "column": place.column, "row": place.row, "ruled": place.ruled}
            for place in purge_request.residues.filter(gone_at=None).order_by("table", "column", "row")
        ],
    }


def request_lines(purge_request: PurgeRequest) -> list[str]:
    """The same in words."""
    progress = progress_of(purge_request, list(purge_request.steps.all()), everything=True)
    stands = standing(purge_request, None)
    lines = [
        f"{purge_request.reference}  {stands.label}{'  OVERDUE' if stands.overdue else ''}",
        f"  {stands.sentence}",
        f"  type        {purge_request.get_route_display()}; started by: {purge_request.get_origin_display()}",
        f"  accepted    {moment_text(purge_request.accepted_at, stands.zone)}",
        f"  due         {moment_text(purge_request.due_at, stands.zone)}",
    ]
    if purge_request.replays:
        first = moment_text(purge_request.first_due_at, stands.zone)
        lines.append(f"  asks again  for {purge_request.replays}, which a restored backup undid; first due {first}")
    if original := done_in_copy_of(purge_request.completed_at):
        lines.append(f"  copy        this is a copy of installation {original}, which keeps what is erased here")
    if purge_request.completed_at:
        lines.append(f"  completed   {moment_text(purge_request.completed_at, stands.zone)}, {progress.done:,} rows")
        if (again := checked_again(purge_request)) is not None:
            lines.append(f"  again       checked on {moment_text(again, stands.zone)}: nothing was found")
    elif progress.step:
        lines.append(f"  step        {progress.step} ({progress.label})")
    for part, stand in parts_of(purge_request):
        lines.append(f"  elsewhere   {part.reference}  {stand.label}: {stand.sentence}")
    if purge_request.part_of is not None:
        lines.append(f"  split off   from {purge_request.part_of.reference}, because of other accounts")
    if purge_request.kept_count:
        lines.append(f"  kept        {purge_request.kept_count} (creator of a trial account)")
    to_dos = to_dos_left([purge_request]).get(purge_request.pk, 0)
    lines.append(f"  acts next   {next_step_text(stands, to_dos, own=False) if to_dos else stands.who_label}")
    if (trouble := trouble_of(purge_request)) is not None:
        lines += [f"  {trouble.what}", f"  {trouble.next}"]
    if technical := technical_text(purge_request):
        lines.append(f"  error       {technical}")
    for place in purge_request.residues.filter(gone_at=None).order_by("table", "column", "row"):
        why = "" if place.ruled else "  (no rule treats this column)"
        lines.append(f"  found       {place.table}.{place.column} row {place.row}{why}")
    unopened = unopened_of(purge_request, everything=True)
    lines += [f"  unopened    {file.label}" for file in unopened]
    possible = possible_of(purge_request, everything=True)
    lines += _thoroughness_lines(
        thoroughness_of(purge_request, zone=stands.zone, listed=listed_of(unopened, possible)), stands.zone
    )
    lines += [
        f"  may be      {place.table}.{place.column} row {place.row}: holds a Unique User ID of theirs as a word, "
        f"which was not taken out. Look at it."
        for place in possible.words
    ]
    lines += [
        f"  may be      {place.table}.{place.column} row {place.row}: another user's own file mentions their address. "
        f"Replace it if it should not."
        for place in possible.files
    ]
    if possible.unsought:
        lines.append(f"  may be      {possible.unsought:,} Unique User IDs were too many to be looked for as words")
    if possible.more:
        lines.append("  may be      more places were not listed")
    for person_id, table in purge_request.subjects.exclude(stuck_table="").values_list("person_id", "stuck_table"):
        lines.append(f"  stuck       user {person_id}: table {table}")
    return lines


def _thoroughness_lines(thoroughness: Thoroughness | None, zone: str) -> list[str]:
    if thoroughness is None:
        return []
    lines = [] if thoroughness.recorded else ["  checked     how far: not recorded by the release that completed it"]
    for line in thoroughness.stores:
        when = "" if line.at is None else f", {moment_text(line.at, zone)}"
        lines.append(f"  checked     {line.label}: {line.how_far}{when}")
    return lines + [f"  not covered {line.text}" for line in thoroughness.not_covered]


def _places(possible: PossibleLines) -> list[PossibleLine]:
    return [*possible.words, *possible.files]


def parts_of(purge_request: PurgeRequest) -> list[tuple[PurgeRequest, Standing]]:
    """What was split off from a request because of other accounts, with where it stands."""
    parts = list(purge_request.parts.select_related("part_of").order_by("pk"))
    stands = standings(parts, None)
    return [(part, stands[part.pk]) for part in parts]


def needs_you_if_it_waits(purge_request: PurgeRequest, *, waited: bool) -> None:
    """Exit code 1 when the request, or a part of it, waits for somebody (``waited``: or is not completed)."""
    for each, stands in [(purge_request, standing(purge_request, None)), *parts_of(purge_request)]:
        if each.status == Status.HELD or (waited and each.status != Status.COMPLETED):
            needs_you(f"{each.reference} is not completed: {stands.label}.")


def status_line(purge_request: PurgeRequest, stands: Standing, to_dos: int = 0) -> str:
    """A request as one line of a list. ``to_dos``: how much it left to do for people of its account."""
    parts = [f"{purge_request.reference}  {stands.label:12}"]
    if purge_request.is_open:
        parts.append(f"due {moment_text(purge_request.due_at, stands.zone)}")
    if stands.overdue:
        parts.append("OVERDUE")
    if to_dos:
        parts.append(f"next: {next_step_text(stands, to_dos, own=False)}")
    return "  ".join(parts)
