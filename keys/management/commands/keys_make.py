"""Makes what is missing in the folder of keys. Works before there are settings."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from keys import folder
from keys.management.where import add_folder, chosen_folder, earlier_keys


class Command(BaseCommand):
    help = "Make the keys that the folder of keys lacks; those that the environment gives are taken over."
    requires_system_checks: list[str] = []
    rotating = {key.file: key for key in folder.KEYS if key.rotates}

    def add_arguments(self, parser: CommandParser) -> None:
        add_folder(parser)
        parser.add_argument(
            "--new",
            choices=sorted(self.rotating),
            help="make a new one of this key and use it from now on; what was made with the one before stays readable",
        )
        parser.add_argument(
            "--drop-earlier",
            choices=sorted(self.rotating),
            help="forget earlier ones of this key (of the encryption key: after secrets_rotate)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        where = chosen_folder(options)
        try:
            given = {**earlier_keys(), **os.environ}
            for key in folder.make_missing(where, given):
                taken_over = "taken over from the environment" if given.get(key.variable) else "made"
                self.stdout.write(f"{where / key.file}: {taken_over}")
            if options["new"]:
                folder.begin_new(where, self.rotating[options["new"]])
                self.stdout.write(f"{where / options['new']}: a new key is in use once all processes are started anew")
                if options["new"] == folder.ENCRYPTION.file:
                    self.stdout.write("Then: manage.py secrets_rotate, and keys_make --drop-earlier encryption_key.")
            if options["drop_earlier"]:
                number = folder.drop_earlier(where, self.rotating[options["drop_earlier"]])
                self.stdout.write(f"{where / options['drop_earlier']}: {number} earlier dropped")
        except folder.UnsafeFolder as trouble:
            raise CommandError(str(trouble)) from None
        except OSError as trouble:
            raise CommandError(f"{where} cannot be written to: {trouble.strerror}.") from None
        self.stdout.write(folder.BACKUP)
