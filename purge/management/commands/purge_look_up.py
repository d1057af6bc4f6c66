"""``manage.py purge_look_up``"""

import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from purge.management.base import USAGE, PurgeCommand, address_given, request_json, request_lines
from purge.models import PurgeRequest
from purge.services import Whereabouts, look_up, sentences_of


class Command(PurgeCommand):
    help = (
        "Look up a request ID, an email address or a Unique User ID, in the words of the page. It is asked for, or "
        "read from standard input: what is typed behind a command stays in the shell's history."
    )
    example = "manage.py purge_look_up --account acme"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--account", metavar="SUBDOMAIN", help="in this account alone, as its people see it")

    def handle(self, *args: Any, **options: Any) -> None:
        account = self.account(options["account"]) if options["account"] else None
        found = look_up(acting_user=None, text=self._typed(), account_id=None if account is None else account.id)
        if isinstance(found, PurgeRequest):
            if account is not None and found.account_id != account.id:
                raise CommandError("No purge request of this account has this ID.", returncode=1)
            self.show(request_json(found), request_lines(found), as_json=options["json"])
            return
        self.show(_as_json(found), sentences_of(found), as_json=options["json"])

    def _typed(self) -> str:
        if sys.stdin.isatty():
            self.stderr.write("Request ID, email address or Unique User ID: ", ending="")
        typed = address_given("-")
        if len(typed) > 400:
            raise CommandError("This is longer than any ID or address.", returncode=USAGE)
        return typed


def _as_json(found: Whereabouts) -> dict[str, Any]:
    """Numbers, states and times; nobody's name."""
    return {
        "account": found.account_id,
        "at": found.at,
        "people": [
            {
                "user": person.person_id,
                "account": person.account_id,
                "state": str(person.state),
                "until": person.until,
                "deleted_at": person.deleted_at,
                "request": person.request or None,
            }
            for person in found.people
        ],
        "requests": [
            {
                "request": each.reference,
                "account": each.account_id,
                "accepted_at": each.accepted_at,
                "completed_at": each.completed_at,
                **each.standing.as_json(),
            }
            for each in found.requests
        ],
        "mentions": None if found.mentions is None else [asdict(mention) for mention in found.mentions],
    }
