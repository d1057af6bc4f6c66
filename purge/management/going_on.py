"""What lets a waiting request go on, at the command line: shown, asked, done, and waited for."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from django.core.management.base import CommandParser

from purge.choices import Status
from purge.management.asking import ask
from purge.management.base import PurgeCommand, needs_you, request_json, request_lines, seconds
from purge.management.waiting import wait_until_it_rests
from purge.models import PurgeRequest
from purge.pages.going_on import going_on, plain_lines
from purge.standing import Standing, standing


class GoOnCommand(PurgeCommand):
    """``nothing``: what is said when the answer is no."""

    nothing: ClassVar[str]

    @abstractmethod
    def may(self, stands: Standing) -> bool:
        """Whether there is something to ask about; else the service says why not."""

    @abstractmethod
    def go_on(self, purge_request: PurgeRequest) -> PurgeRequest:
        """Do it. Raises :class:`purge.services.PurgeRefused`."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("reference", help="the request ID")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--wait", action="store_true", help="wait until the request is completed or needs somebody")
        parser.add_argument(
            "--timeout", type=seconds, default=3_600, help="with --wait: at most so many seconds (3600)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        purge_request = self.purge_request(options["reference"])
        if not options["yes"] and self.may(standing(purge_request, None)):
            ask(self, plain_lines(going_on(purge_request, None)), nothing=self.nothing)
        purge_request = self.go_on(purge_request)
        if options["wait"]:
            wait_until_it_rests(purge_request, seconds=options["timeout"])
        self.show(request_json(purge_request), request_lines(purge_request), as_json=options["json"])
        if options["wait"] and purge_request.status != Status.COMPLETED:
            needs_you(f"{purge_request.reference} is not completed: {standing(purge_request, None).label}.")
