"""``manage.py purge_submit``"""

import sys
from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser

from purge.choices import AskedBy, Basis
from purge.management.asking import ask
from purge.management.base import USAGE, needs_you_if_it_waits, request_json, request_lines, seconds
from purge.management.selecting import SelectingCommand, impact_lines
from purge.management.waiting import wait_until_it_rests
from purge.services import Note, PurgeRefused


class Command(SelectingCommand):
    help = (
        "Purge deleted users of an account, or take the address of somebody who is no user out of it. Shows the impact "
        "and asks, unless --yes is given."
    )
    example = (
        "manage.py purge_submit --account acme --initiator admin@acme.example --user U-1001 --user U-1002 "
        "--yes --wait --json"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
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
        selection = self.selection(options)
        if selection.is_empty:
            self.show(
                {"request": None, "status": "nothing_to_do"},
                ["Nothing to do: no user of this account was deleted in that month."],
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
        if options["wait"]:
            wait_until_it_rests(purge_request, seconds=options["timeout"])
        self.show(request_json(purge_request), request_lines(purge_request), as_json=options["json"])
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
