"""``manage.py seed_demo``"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lms_purge import demo
from users.wall import across_accounts


class Command(BaseCommand):
    help = "Load demo data once, into a database without accounts, and print the sign-ins. Example: manage.py seed_demo"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--really",
            action="store_true",
            help="on a site with HTTPS, and beside other accounts, too: the password of its sign-ins is printed",
        )

    @across_accounts("an operator's command")
    def handle(self, *args: Any, **options: Any) -> None:
        really = options["really"]
        if not demo.is_loaded():
            if not really and (why := self._for_real_people()):
                raise CommandError(
                    f"{why}, so it is for real people: the demo's operator would have a password that is printed here. "
                    "Nothing was loaded. Type seed_demo --really if that is what you want."
                )
            if taken := demo.taken_subdomains():
                raise CommandError(
                    f"The demo's accounts have subdomains that are in use here: {', '.join(taken)}. Nothing was loaded."
                )
            demo.load()
        elif demo.is_for_real_people() and not really:
            self.stdout.write("The demo data is there. Its password is shown by seed_demo --really.")
            return
        self.stdout.write("Sign in with:")
        for sign_in in demo.SIGN_INS:
            self.stdout.write(f"  {sign_in.email:28} {sign_in.who}")
        self.stdout.write(f"  password: {demo.demo_password()}")

    def _for_real_people(self) -> str:
        if not demo.may_load():
            return "This database holds accounts already"
        return "This site has HTTPS" if demo.is_for_real_people() else ""
