"""Looks at the keys that a start would use. Works before there are settings."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from keys import folder
from keys.management.where import add_folder, chosen_folder, earlier_keys


class Command(BaseCommand):
    help = "Say whether the keys are there, good, and readable by nobody else; and what a loss of each would mean."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_folder(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        where, environ = chosen_folder(options), {**earlier_keys(), **os.environ}
        found = folder.problems(where, environ)
        for problem in found:
            self.stderr.write(problem)
        try:
            present = folder.read(where)
        except folder.UnsafeFolder:
            present = {}
        for key in folder.KEYS:
            prints = ", ".join(map(folder.fingerprint, folder.value_of(key, present, environ))) or "missing"
            self.stdout.write(f"{key.file:15} {prints:10} if it is lost: {key.lost}")
        self.stdout.write(folder.BACKUP)
        if found:
            raise CommandError("The keys need you: see above.")
