"""``manage.py purge_ims``"""

from typing import Any

from django.core.management.base import CommandParser

from purge.management.base import (
    PurgeCommand,
    address_given,
    needs_you_if_it_waits,
    request_json,
    request_lines,
    seconds,
)
from purge.management.waiting import wait_until_it_rests
from purge.services import purge_submit_ims


class Command(PurgeCommand):
    help = (
        "Take in a message of the identity provider about a purged identity: one purge over the trial accounts, one "
        "notice to each enterprise account that has such a user."
    )
    example = "manage.py purge_ims --email - --adobe-id 4711@AdobeID --reference SET-4711 < address.txt"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--email", default="", help="the email address; - reads it from standard input")
        parser.add_argument("--adobe-id", default="", help="the login at the identity provider")
        parser.add_argument("--reference", default="", help="the sender's number: the same one again is one request")
        parser.add_argument("--wait", action="store_true", help="wait until the request is completed or needs somebody")
        parser.add_argument(
            "--timeout", type=seconds, default=3_600, help="with --wait: at most so many seconds (3600)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        email = address_given(options["email"])
        purge_request = purge_submit_ims(email=email, adobe_id=options["adobe_id"], reference=options["reference"])
        if options["wait"]:
            wait_until_it_rests(purge_request, seconds=options["timeout"])
        accounts = purge_request.notices.values("account_id").distinct().count()
        lines = [*request_lines(purge_request), f"  notices     to {accounts} enterprise account(s)"]
        self.show(request_json(purge_request) | {"notices": accounts}, lines, as_json=options["json"])
        needs_you_if_it_waits(purge_request, waited=options["wait"])
