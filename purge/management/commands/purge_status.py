"""``manage.py purge_status``"""

from typing import Any

from django.core.management.base import CommandParser

from purge.choices import Status
from purge.management.base import PurgeCommand, needs_you, request_json, request_lines
from purge.models import PurgeRequest

TROUBLE = (Status.NEEDS_ATTENTION, Status.RESIDUE, Status.HELD)


class Command(PurgeCommand):
    help = "Tell where a request stands; without an ID, where all open requests stand."
    example = "manage.py purge_status PUR-7Q4M-2KX9-H"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("reference", nargs="?", help="a request ID")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["reference"]:
            request = self.request(options["reference"])
            self.show(request_json(request), request_lines(request), as_json=options["json"])
            requests = [request]
        else:
            requests = list(PurgeRequest.objects.open().order_by("accepted_at"))
            lines = [f"{each.reference}  {each.status:16} due {each.due_at:%Y-%m-%d}" for each in requests]
            self.show(
                [request_json(each) for each in requests], lines or ["No request is open."], as_json=options["json"]
            )
        if any(each.status in TROUBLE or each.is_overdue for each in requests):
            needs_you()
