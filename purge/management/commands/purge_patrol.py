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
        data = {"verdict": record.verdict, "requests": record.requests, "hits": record.hits}
        texts = {
            Verdict.CLEAN: f"Clean: nothing found for {record.requests} request(s).",
            Verdict.RESIDUE: f"Residue: {record.hits} place(s). purge_status tells the requests.",
            Verdict.COULD_NOT_LOOK: "Could not look: the hash key is missing or another. Nothing completes.",
        }
        self.show(data, [texts[Verdict(record.verdict)]], as_json=options["json"])
        if record.verdict != Verdict.CLEAN:
            needs_you()
