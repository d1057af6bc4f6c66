"""``manage.py purge_take_out``"""

from typing import Any

from django.core.management.base import CommandParser

from purge.choices import Status
from purge.management.base import PurgeCommand, needs_you, request_json, request_lines, seconds
from purge.management.waiting import wait_until_it_rests
from purge.services import purge_take_out


class Command(PurgeCommand):
    help = (
        "Take the listed places of a request with data found after the purge out. Each is read again, and what belongs "
        "to somebody now stays. Then everything is looked at once more."
    )
    example = "manage.py purge_take_out PUR-7Q4M-2KX9-N --wait"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("reference", help="the request ID")
        parser.add_argument("--wait", action="store_true", help="wait until the request is completed or needs somebody")
        parser.add_argument(
            "--timeout", type=seconds, default=3_600, help="with --wait: at most so many seconds (3600)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        purge_request = self.purge_request(options["reference"])
        changed = purge_take_out(acting_user=None, purge_request=purge_request)
        if options["wait"]:
            wait_until_it_rests(purge_request, seconds=options["timeout"])
        data = {**request_json(purge_request), "rows_changed": changed}
        lines = [f"{changed} row(s) changed.", *request_lines(purge_request)]
        self.show(data, lines, as_json=options["json"])
        if options["wait"] and purge_request.status != Status.COMPLETED:
            needs_you(f"{purge_request.reference} is not completed.")
