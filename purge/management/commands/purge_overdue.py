"""``manage.py purge_overdue``"""

from dataclasses import asdict
from typing import Any

from purge.management.base import PurgeCommand, needs_you, status_line
from purge.models import PurgeRequest
from purge.standing import standings
from purge.upkeep.deadlines import remind


class Command(PurgeCommand):
    help = "Send the reminders that are due (half of the thirty days, all of them); exit 1 when a request is overdue."
    example = "manage.py purge_overdue --json"

    def handle(self, *args: Any, **options: Any) -> None:
        reminded = remind()
        lines = [
            f"Reminded at half time: {reminded.half_time}",
            f"Reminded as overdue: {reminded.overdue}",
            f"New reminders of notices of the identity provider: {reminded.notices}",
            f"Overdue now: {reminded.overdue_now}",
        ]
        overdue = list(PurgeRequest.across_accounts.overdue().order_by("due_at"))
        stands = standings(overdue, None)
        lines += [f"  {status_line(purge_request, stands[purge_request.pk])}" for purge_request in overdue]
        requests = [
            {
                "request": purge_request.reference,
                "state": str(stands[purge_request.pk].state),
                "status": str(purge_request.status),
                "due_at": purge_request.due_at,
            }
            for purge_request in overdue
        ]
        self.show(asdict(reminded) | {"requests": requests}, lines, as_json=options["json"])
        if overdue:
            needs_you()
