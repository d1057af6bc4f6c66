"""``manage.py purge_submit``"""

import sys
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from purge.choices import AskedBy, Basis
from purge.management.asking import ask, ask_number
from purge.management.base import USAGE, needs_you_if_it_waits, request_json, request_lines, seconds
from purge.management.selecting import SelectingCommand, impact_lines
from purge.management.waiting import wait_until_it_rests
from purge.models import PurgeRequest
from purge.services import LeftOut, Note, PurgeRefused, purge_submit_batch
from purge.steps.base import MOST_NAMED

NOBODY = "Nothing to do: no user of this account was deleted in that month."
#: Of those who are left out of a batch, by the code of why.
WHY = {
    "unknown": "is no deleted user of this account",
    "same_mailbox": "has the same mailbox as another user (manage.py identity_report)",
    "active": "is not deleted",
}


class Command(SelectingCommand):
    help = (
        "Purge deleted users of an account, or take the address of somebody who is no user out of it. Shows the impact "
        "and asks, unless --yes is given."
    )
    example = (
        "manage.py purge_submit --account acme --initiator admin@acme.example --user U-1001 --user U-1002 "
        "--yes --wait --json"
    )

    asks_initiator = False  # not of a batch

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--batch",
            action="store_true",
            help=f"for operators: one request of up to {settings.PURGE_MAX_BATCH:,} people, on nobody's behalf; who "
            "cannot be purged is left out",
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--wait", action="store_true", help="wait until the request is completed or needs somebody")
        parser.add_argument(
            "--timeout", type=seconds, default=3_600, help="with --wait: at most so many seconds (3600)"
        )

        noted = parser.add_argument_group("a note for the register; all of it can be left out")
        noted.add_argument("--asked-by", default="", choices=AskedBy.values, help="who has asked for the purge")
        noted.add_argument("--basis", default="", choices=Basis.values, help="why these people have to be purged")
        noted.add_argument("--ticket", default="", help="at most 40 characters, without blanks and @")
        noted.add_argument(
            "--received-on", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the day on which a letter came"
        )
        noted.add_argument(
            "--reason", default="", help="in a few words that name nobody; - reads it from standard input, to its end"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch"]:
            self._batch(options)
            return
        selection = self.selection(options)
        if selection.is_empty:
            self.show(
                {"request": None, "status": "nothing_to_do"},
                [NOBODY],
                as_json=options["json"],
            )
            return
        noted = _note(options)
        try:
            shown = None if options["yes"] else selection.preview()
            if shown is not None:
                ask(self, impact_lines(shown), nothing="Nothing was purged")
            purge_request = selection.submit(shown=shown, noted=noted)
        except PurgeRefused as refused:
            raise self.refusal(refused) from None
        self._answer(purge_request, options)

    def _batch(self, options: dict[str, Any]) -> None:
        """Many people at once: what a rule will choose one day. The command line is the operator's."""
        if options["email"] or options["initiator"]:
            raise CommandError("--batch goes with --user or --month, and is on nobody's behalf.", returncode=USAGE)
        self._one_way(options)
        account = self.account(options["account"])
        people = self.chosen(account.id, options, most=settings.PURGE_MAX_BATCH)
        if not people:
            self.show({"request": None, "status": "nothing_to_do"}, [NOBODY], as_json=options["json"])
            return
        if not options["yes"]:
            said = (
                f"Account {account.name}: {len(people):,} deleted user(s) to be erased for good, and who matches them."
            )
            ask_number(self, [said], nothing="Nothing was purged", number=len(people), what="people")
        try:
            batch = purge_submit_batch(acting_user=None, account_id=account.id, user_ids=people, noted=_note(options))
        except PurgeRefused as refused:
            raise self.refusal(refused) from None
        self._answer(batch.purge_request, options, batch.left_out)

    def _answer(
        self, purge_request: PurgeRequest, options: dict[str, Any], left_out: Sequence[LeftOut] | None = None
    ) -> None:
        if options["wait"]:
            wait_until_it_rests(purge_request, seconds=options["timeout"])
        said, lines = request_json(purge_request), request_lines(purge_request)
        if left_out is not None:
            said["left_out"] = [{"user": out.person_id, "why": out.why, "request": out.reference} for out in left_out]
            lines += [f"  left out    {len(left_out):,} of those chosen"] if left_out else []
            lines += [f"  left out    user {out.person_id}: {_why(out)}" for out in left_out[:MOST_NAMED]]
            lines += ["  left out    and others: --json names all"] if len(left_out) > MOST_NAMED else []
        self.show(said, lines, as_json=options["json"])
        needs_you_if_it_waits(purge_request, waited=options["wait"])


def _note(options: dict[str, Any]) -> Note:
    """What the options say for the register."""
    reason = options["reason"]
    if reason == "-":
        try:
            reason = sys.stdin.read()
        except UnicodeDecodeError:
            raise CommandError("What standard input brought is no text: write it as UTF-8.", returncode=USAGE) from None
    return Note(
        asked_by=options["asked_by"],
        basis=options["basis"],
        ticket=options["ticket"].strip(),
        received_on=options["received_on"],
        reason=reason.strip(),
    )


def _why(out: LeftOut) -> str:
    return f"is in purge request {out.reference} already" if out.reference else WHY[out.why]
