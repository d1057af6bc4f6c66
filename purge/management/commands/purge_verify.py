"""``manage.py purge_verify``"""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from purge.choices import Verdict
from purge.management.base import NEEDS_YOU, PurgeCommand, needs_you
from purge.pages.requests import unopened_of
from purge.proof.report import CouldNotLook, Hit
from purge.standing import standing
from purge.upkeep.patrol import look_at


class Command(PurgeCommand):
    help = (
        "Look now, in every table and file, whether anything of a request's people is left. What was proved clean "
        "before is not changed: the places are listed, and a completed request is open again until they are taken out "
        "(purge_take_out) or changed by people. A request that only waits for its final check completes when "
        "nothing is found. One that is still under way is only looked at."
    )
    example = "manage.py purge_verify PUR-7Q4M-2KX9-N"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("reference", help="the request ID")

    def handle(self, *args: Any, **options: Any) -> None:
        purge_request = self.purge_request(options["reference"])
        try:
            hits = look_at(purge_request)
        except CouldNotLook as error:
            raise CommandError(f"Could not look: {error}. Nothing completes before.", returncode=NEEDS_YOU) from None
        left = [hit for hit in hits if hit.owner is None]
        purge_request.refresh_from_db()
        stands = standing(purge_request, None)
        unopened = unopened_of(purge_request, everything=True)
        data = {
            "request": purge_request.reference,
            "state": str(stands.state),
            "status": str(purge_request.status),
            "verdict": str(Verdict.RESIDUE if left else Verdict.UNOPENED if unopened else Verdict.CLEAN),
            "places": [_place(hit) for hit in hits],
            "unopened": [file.as_json() for file in unopened],
        }
        lines = [f"found: {hit.table}.{hit.column} row {hit.row}{_remark(hit)}" for hit in hits]
        lines.append(f"{purge_request.reference} is {stands.label.lower()}.")
        nothing = "Nothing was found." if unopened else "Clean: nothing is left."
        remarks = [*([] if left else [nothing]), *(f"could not be opened: {file.label}" for file in unopened)]
        self.show(data, [*lines[:-1], *remarks, lines[-1]], as_json=options["json"])
        if left:
            needs_you(f"{purge_request.reference}: personal data was found in {len(left)} place(s).")


def _place(hit: Hit) -> dict[str, Any]:
    owner = hit.owner
    belongs = {"user": owner.person_id, "since": owner.since, "until": owner.until} if owner else None
    return {"table": hit.table, "column": hit.column, "row": hit.row, "ruled": hit.ruled, "belongs_to": belongs}


def _remark(hit: Hit) -> str:
    if hit.owner is None:
        return "" if hit.ruled else "  (no rule treats this column)"
    since = f" since {hit.owner.since:%Y-%m-%d %H:%M %Z}" if hit.owner.since else ""
    until = f", until {hit.owner.until:%Y-%m-%d %H:%M %Z}" if hit.owner.until else ""
    return f"  (belongs to user {hit.owner.person_id}{since}{until}: it stays)"
