"""``manage.py purge_evidence``"""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from purge.management.base import USAGE, PurgeCommand, needs_you
from purge.rules.periods import STANDARD, Evidence
from purge.services.evidence import evidence_periods_set
from purge.upkeep.evidence import evidence_clear, evidence_due, is_undecided, kept_text, periods


class Command(PurgeCommand):
    help = (
        "For how long evidence is kept: say it, decide it, and let go what is past its period (every night by itself)."
    )
    example = "manage.py purge_evidence --keep sign_ins=180 --keep mails=always"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--standard", action="store_true", help="keep each kind for its standard period from now on"
        )
        parser.add_argument(
            "--keep",
            action="append",
            default=[],
            metavar="KIND=DAYS",
            help=f"days from now on, or “always”; kinds: {', '.join(Evidence.values)} (of requests whole years: 1095)",
        )
        parser.add_argument("--clear", action="store_true", help="let go now what is past its period")

    def handle(self, *args: Any, **options: Any) -> None:
        days: dict[Evidence, int | None] = dict(STANDARD) if options["standard"] else {}
        days |= dict(map(_typed, options["keep"]))
        if days:
            evidence_periods_set(acting_user=None, days=days)
        went = evidence_clear() if options["clear"] else {}
        due = evidence_due()
        kept = periods()
        data = {
            "periods": [{"kind": each.kind, "days": each.days, "decided_at": each.decided_at} for each in kept],
            "went": went,
            "due": due,
        }
        lines = [f"{each.kind:13} {kept_text(each)}" for each in kept]
        lines += [f"gone now: {kind} {number:,}" for kind, number in went.items()]
        lines += [f"goes in the coming night: {kind} {number:,}" for kind, number in due.items()]
        self.show(data, lines, as_json=options["json"])
        if is_undecided():
            needs_you("Nobody has decided about all kinds: --standard, or --keep for each.")


def _typed(text: str) -> tuple[Evidence, int | None]:
    kind, _equals, number = text.partition("=")
    if kind not in Evidence.values or not (number == "always" or (number.isascii() and number.isdigit())):
        raise CommandError(f"Say a kind ({', '.join(Evidence.values)}), “=” and days or “always”.", returncode=USAGE)
    return Evidence(kind), None if number == "always" else int(number[:9])
