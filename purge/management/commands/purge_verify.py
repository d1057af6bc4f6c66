"""``manage.py purge_verify``"""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from purge.choices import Verdict
from purge.management.base import NEEDS_YOU, PurgeCommand, needs_you
from purge.patrol import look_at
from purge.standing import standing
from purge.verifier import CouldNotLook


class Command(PurgeCommand):
    help = (
        "Look now, in every table and file, whether anything of a request's people is left. What is found in a "
        "completed request reopens it as residue; a request that is still under way is only looked at."
    )
    example = "manage.py purge_verify PUR-7Q4M-2KX9-H"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("reference", help="the request ID")

    def handle(self, *args: Any, **options: Any) -> None:
        request = self.request(options["reference"])
        try:
            hits = look_at(request)
        except CouldNotLook as error:
            raise CommandError(f"Could not look: {error}. Nothing completes before.", returncode=NEEDS_YOU) from None
        request.refresh_from_db()
        stands = standing(request, None)
        data = {
            "request": request.reference,
            "state": str(stands.state),
            "status": str(request.status),
            "verdict": str(Verdict.RESIDUE if hits else Verdict.CLEAN),
            "places": [{"table": hit.table, "column": hit.column, "row": hit.row, "ruled": hit.ruled} for hit in hits],
        }
        lines = [
            f"found: {hit.table}.{hit.column} row {hit.row}{'' if hit.ruled else '  (no rule treats this column)'}"
            for hit in hits
        ]
        lines.append(f"{request.reference} is {stands.label.lower()}.")
        self.show(data, lines if hits else ["Clean: nothing is left.", *lines], as_json=options["json"])
        if hits:
            needs_you(f"{request.reference}: personal data was found in {len(hits)} place(s).")
