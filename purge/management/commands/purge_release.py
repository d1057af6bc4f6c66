"""``manage.py purge_release``"""

from typing import Any

from django.core.management.base import CommandParser

from purge.choices import Status
from purge.management.asking import ask
from purge.management.base import PurgeCommand, needs_you, request_json, request_lines
from purge.management.waiting import wait_until_it_rests
from purge.pages.going_on import going_on, plain_lines
from purge.services import purge_release
from purge.standing import standing


class Command(PurgeCommand):
    help = "Let a request begin that waits for the platform's check. Shows the impact and asks, unless --yes is given."
    example = "manage.py purge_release PUR-7Q4M-2KX9-N --yes --wait"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("reference", help="the request ID")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--wait", action="store_true", help="wait until the request is completed or needs somebody")
        parser.add_argument("--timeout", type=int, default=3_600, help="with --wait: seconds at most (default 3600)")

    def handle(self, *args: Any, **options: Any) -> None:
        purge_request = self.purge_request(options["reference"])
        if not options["yes"] and standing(purge_request, None).can_release:
            ask(self, plain_lines(going_on(purge_request, None)), nothing="Nothing was released")
        purge_request = purge_release(acting_user=None, purge_request=purge_request)
        if options["wait"]:
            wait_until_it_rests(purge_request, seconds=options["timeout"])
        self.show(request_json(purge_request), request_lines(purge_request), as_json=options["json"])
        if options["wait"] and purge_request.status != Status.COMPLETED:
            needs_you(f"{purge_request.reference} is not completed: {standing(purge_request, None).label}.")
