"""``manage.py purge_status``"""

from typing import Any

from django.core.management.base import CommandParser

from purge.choices import Actor, Status
from purge.management.base import PurgeCommand, needs_you, request_json, request_lines, status_line
from purge.models import PurgeRequest
from purge.selectors import something_to_do, to_dos_left
from purge.standing import standings

#: Those who have to do something before a request goes on.
PEOPLE = (Actor.OPERATOR, Actor.SUPPORT)
#: Completed requests that are listed because something is left to do.
MOST_COMPLETED = 50


class Command(PurgeCommand):
    help = (
        "Tell where a request stands; without an ID, where all open requests stand, and which completed ones have left "
        f"something to do (the newest {MOST_COMPLETED}). For operators: the numbers are of all accounts together, "
        "which no customer may learn."
    )
    example = "manage.py purge_status PUR-7Q4M-2KX9-N"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("reference", nargs="?", help="a request ID")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["reference"]:
            purge_request = self.purge_request(options["reference"])
            self.show(request_json(purge_request), request_lines(purge_request), as_json=options["json"])
            requests = [purge_request]
        else:
            requests = [*PurgeRequest.across_accounts.open().order_by("accepted_at"), *_with_to_dos()]
            stands, to_dos = standings(requests, None), to_dos_left(requests)
            lines = [status_line(each, stands[each.pk], to_dos.get(each.pk, 0)) for each in requests]
            self.show(
                [request_json(each) for each in requests],
                lines or ["No request is open, and none has left anything to do."],
                as_json=options["json"],
            )
        if any(each.overdue or each.who in PEOPLE for each in standings(requests, None).values()):
            needs_you()


def _with_to_dos() -> list[PurgeRequest]:
    completed = PurgeRequest.across_accounts.filter(something_to_do(), status=Status.COMPLETED)
    return list(completed.order_by("-accepted_at", "-pk")[:MOST_COMPLETED])
