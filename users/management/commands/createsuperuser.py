"""Django's command of this name asks for the opaque login id; this one for what people here sign in with."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from users.second_factor.demand import is_demanded_of
from users.second_factor.enrolment import enrolment_code_make
from users.services import ServiceError, operator_create
from users.wall import across_accounts

PASSWORD = "DJANGO_SUPERUSER_PASSWORD"  # noqa: S105 - the name of the variable


class Command(BaseCommand):
    help = (
        "Makes a superuser, or with --support a support person, in the system account. The password is asked for, or "
        f"read from the environment variable {PASSWORD}. Example: "
        "manage.py createsuperuser --email ops@lms.example --name 'Olga Ops'"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True, help="what the person signs in with")
        parser.add_argument("--name", required=True, help="how the person is called")
        parser.add_argument("--support", action="store_true", help="a support person, who only follows purges")
        parser.add_argument("--noinput", "--no-input", action="store_true", help=f"ask nothing: take {PASSWORD}")

    @across_accounts("an operator's command")
    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get(PASSWORD, "") or self._asked(options["noinput"])
        try:
            user = operator_create(
                email=options["email"], name=options["name"], password=password, support=options["support"]
            )
        except ServiceError as refusal:
            raise CommandError(str(refusal)) from None
        kind = "support person" if user.is_support else "superuser"
        self.stdout.write(self.style.SUCCESS(f"User {user.pk} is a {kind} now and can sign in."))
        if is_demanded_of(user):
            code = enrolment_code_make(acting_user=None, user=user)
            self.stdout.write(f"A second factor is demanded of them. At the first sign-in they type this code: {code}")

    def _asked(self, silent: bool) -> str:
        if silent or not sys.stdin.isatty():
            raise CommandError(f"Set {PASSWORD}, or run the command in a terminal.", returncode=2)
        password = getpass("Password: ")
        if getpass("Once more: ") != password:
            raise CommandError("The two passwords differ.", returncode=2)
        return password
