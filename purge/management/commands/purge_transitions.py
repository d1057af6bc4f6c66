"""``manage.py purge_transitions``"""

from typing import Any

from purge.management.base import PurgeCommand
from purge.run.transitions import LETTERED


class Command(PurgeCommand):
    help = "Print the life of a request: every move from one status to another, as a Markdown page with a diagram."
    example = "manage.py purge_transitions > docs/life-of-a-request.md"

    def handle(self, *args: Any, **options: Any) -> None:
        data = [
            {"arrow": letter, "from": arrow.source, "to": arrow.target, "verb": arrow.verb, "when": arrow.when}
            for letter, arrow in LETTERED.items()
        ]
        self.show(data, _page(), as_json=options["json"])


def _page() -> list[str]:
    lines = [
        "# The life of a request",
        "",
        "Printed by `manage.py purge_transitions` from the table in `purge/run/transitions.py`, which everything that",
        "changes a status goes through; a test compares. These statuses are the engine's own. Readers see the five",
        "states of `purge/standing.py`.",
        "",
        "```mermaid",
        "stateDiagram-v2",
    ]
    for letter, arrow in LETTERED.items():
        lines.append(f"    {arrow.source or '[*]'} --> {arrow.target}: {letter}")
    lines += ["```", "", "| arrow | from | to | when |", "|---|---|---|---|"]
    for letter, arrow in LETTERED.items():
        source = f"`{arrow.source}`" if arrow.source else ""
        lines.append(f"| {letter} | {source} | `{arrow.target}` | {arrow.when} |")
    return lines
