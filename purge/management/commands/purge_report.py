"""``manage.py purge_report``"""

import csv
from typing import Any

from django.core.management.base import CommandError, CommandParser

from purge.management.base import USAGE, PurgeCommand
from purge.models import PurgeRequest
from purge.reporting import words
from purge.reporting.periods import NoPeriod, period_typed
from purge.reporting.report import report_of
from purge.services.evidence import staff_names_show


class Command(PurgeCommand):
    help = "Report on a quarter: how many purges, how fast, late and why, data found after, checked again."
    example = "manage.py purge_report --quarter 2026-3 --account acme"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--quarter", default="", metavar="YEAR-N", help="a quarter; the present one if none is said"
        )
        parser.add_argument(
            "--from", dest="first", default="", metavar="DAY", help="instead: from this day, 2026-07-01"
        )
        parser.add_argument(
            "--to", dest="last", default="", metavar="DAY", help="with --from: to this day; today if none"
        )
        parser.add_argument("--account", metavar="SUBDOMAIN", help="of this account alone, in its time zone (else UTC)")
        parser.add_argument("--csv", action="store_true", help="print one number a line, for a spreadsheet")
        parser.add_argument("--names", action="store_true", help="also who started them; that you asked is noted")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["quarter"] and (options["first"] or options["last"]):
            raise CommandError("Say a quarter, or --from and --to.", returncode=USAGE)
        if options["csv"] and (options["json"] or options["names"]):
            raise CommandError("--csv prints numbers alone: leave --json and --names away.", returncode=USAGE)
        account = self.account(options["account"]) if options["account"] else None
        try:
            period = period_typed(
                account.time_zone if account else "UTC",
                quarter=options["quarter"],
                first=options["first"],
                last=options["last"],
            )
        except NoPeriod as wrong:
            raise CommandError(str(wrong), returncode=USAGE) from None
        account_id = account.id if account else None
        requests = PurgeRequest.across_accounts.all()
        report = report_of(requests, period, account_id=account_id, everything=True)
        if options["csv"]:
            csv.writer(self.stdout, lineterminator="\n").writerows(words.csv_rows(report))
            return
        data, lines = words.as_json(report), words.as_lines(report)
        if options["names"]:
            staff = staff_names_show(acting_user=None, requests=requests, period=period, account_id=account_id)
            data["started_by"] = [
                {"user": each.line.initiator_id, "name": each.name, "accepted": each.line.accepted} for each in staff
            ]
            lines += [f"  {each.name}: {each.line.accepted:,}" for each in staff]
        self.show(data, lines, as_json=options["json"])
