"""Encrypts all stored secrets with the key in use."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from keys.rotation import other_places, places, reseal, rotate
from purge.fields import Unreadable


class Command(BaseCommand):
    help = "Encrypt stored secrets with the first of the encryption keys, where they are under an earlier one or none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="only count those in columns of their own; exit code 1 if there are any",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        counts: dict[str, int] = {}
        unreadable: list[str] = []
        work = {place.name: partial(rotate, place, only_count=options["check"]) for place in places()}
        if not options["check"]:
            work |= {name: partial(function, reseal) for name, function in other_places().items()}
        for name, rotate_there in work.items():
            try:
                counts[name] = rotate_there()
            except Unreadable as trouble:
                unreadable.append(f"{name}: {trouble}")
        verb = "are under an earlier key or none" if options["check"] else "encrypted anew"
        if options["json"]:
            self.stdout.write(json.dumps({"places": counts, "unreadable": unreadable}))
        else:
            for name, number in counts.items():
                self.stdout.write(f"{name}: {number} {verb}")
        if unreadable:
            raise CommandError("\n".join(unreadable))
        if options["check"] and any(counts.values()):
            raise CommandError("Type manage.py secrets_rotate.")
