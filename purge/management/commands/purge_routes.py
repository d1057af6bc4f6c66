"""``manage.py purge_routes``"""

from typing import Any

from purge.management.base import PurgeCommand, table
from purge.pages.data_map import TICKS, route_lines
from purge.routes.policy import policies


class Command(PurgeCommand):
    help = "Print the six routes as a table: what a purge reaches, depending on where it begins."
    example = "manage.py purge_routes --json"

    def handle(self, *args: Any, **options: Any) -> None:
        head = ["A purge begins with", *(str(label) for _name, label in TICKS), "Told"]
        rows = [[line.name, *("yes" if tick else "no" for tick in line.ticks), line.told] for line in route_lines()]
        data = [policy.as_json() for policy in policies().values()]
        self.show(data, table(head, rows), as_json=options["json"])
