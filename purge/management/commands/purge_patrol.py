"""``manage.py purge_patrol``"""

from typing import Any

from purge.choices import Verdict
from purge.management.base import PurgeCommand, needs_you
from purge.upkeep.patrol import patrol_all


class Command(PurgeCommand):
    help = "Pass over every text of the database for all purges that have not had a clean pass. Runs every night."
    example = "manage.py purge_patrol --json"

    def handle(self, *args: Any, **options: Any) -> None:
        record = patrol_all()
        data = {
            "verdict": record.verdict,
            "requests": record.requests,
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
        self.show(data, [texts[Verdict(record.verdict)]], as_json=options["json"])
        if record.verdict not in (Verdict.CLEAN, Verdict.UNOPENED):
            needs_you()
