"""``manage.py purge_patrol``"""

from typing import Any

from django.core.management.base import CommandParser

from purge.choices import Verdict
from purge.management.base import PurgeCommand, needs_you
from purge.upkeep.patrol import patrol_all


class Command(PurgeCommand):
    help = (
        "Pass over every text of the database for all purges that have not had a clean pass; under other rules, "
        "tables, decoders or keys, and after a restore, for all that are over too. Runs every night."
    )
    example = "manage.py purge_patrol --json"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--everything", action="store_true", help="for all purges that are over too, though not due"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        record = patrol_all(everything=options["everything"])
        data = {
            "verdict": record.verdict,
            "requests": record.requests,
            "asked_again": record.earlier,
            "left_out": record.left_out,
            "hits": record.hits,
            "unopened": record.unopened,
        }
        unopened = f"{record.unopened} stored file(s) could not be opened. purge_status tells the requests."
        texts = {
            Verdict.CLEAN: f"Clean: nothing found for {record.requests} request(s).",
            Verdict.UNOPENED: f"Nothing found for {record.requests} request(s), but {unopened}",
            Verdict.RESIDUE: f"Residue: {record.hits} place(s). purge_status tells the requests.",
            Verdict.COULD_NOT_LOOK: "Could not look: the hash key is missing or another. Nothing completes.",
        }
        lines = [texts[Verdict(record.verdict)]]
        if record.armed_by:
            lines.append(f"Asked again of those that were over: {record.earlier}.")
        if record.left_out:
            lines.append(f"{record.left_out} could not be asked again: their hashes were made with another key.")
        self.show(data, lines, as_json=options["json"])
        if record.verdict not in (Verdict.CLEAN, Verdict.UNOPENED):
            needs_you()
