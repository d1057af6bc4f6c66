"""``manage.py purge_routes``"""

from typing import Any

from purge.management.base import PurgeCommand
from purge.routes.policy import policies

COLUMNS = (
    "delete_selected",
    "delete_trial_matches",
    "delete_matching_creators",
    "delete_users_of_created_trials",
    "scrub_requesting_account",
    "scrub_trial_accounts",
    "notify",
)


class Command(PurgeCommand):
    help = "Print the six routes: what a purge reaches, depending on where it begins."
    example = "manage.py purge_routes --json"

    def handle(self, *args: Any, **options: Any) -> None:
        table = [policy.as_json() for policy in policies().values()]
        lines = []
        for row in table:
            lines.append(str(row["route"]))
            lines += [f"  {name.replace('_', ' '):32} {_words(row[name])}" for name in COLUMNS]
        self.show(table, lines, as_json=options["json"])


def _words(value: Any) -> str:
    if value is None:
        return "nobody"
    return {True: "yes", False: "no"}.get(value, str(value))
