"""``manage.py purge_preview``"""

from typing import Any

from purge.management.selecting import SelectingCommand, impact_json, impact_lines
from purge.services import PurgeRefused


class Command(SelectingCommand):
    help = "Show what a purge would do in an account, by kind of record. Changes nothing."
    example = "manage.py purge_preview --account acme --initiator admin@acme.example --user U-1001"

    def handle(self, *args: Any, **options: Any) -> None:
        selection = self.selection(options)
        if selection.is_empty:
            nothing = ["Nothing to do: no user of this account was deleted in that month."]
            self.show({"users": [], "impact": []}, nothing, as_json=options["json"])
            return
        try:
            preview = selection.preview()
        except PurgeRefused as refused:
            raise self.refusal(refused) from None
        self.show(impact_json(preview), impact_lines(preview), as_json=options["json"])
