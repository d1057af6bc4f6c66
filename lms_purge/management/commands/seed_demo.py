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
            help="on a site with HTTPS too: the password of its sign-ins is printed",
        )

    @across_accounts("an operator's command")
    def handle(self, *args: Any, **options: Any) -> None:
        if demo.may_load():
            if demo.is_for_real_people() and not options["really"]:
                raise CommandError(
                    "This site has HTTPS, so it is for real people: the demo's operator would have a password that is "
                    "printed here. Type seed_demo --really if that is what you want."
                )
            demo.load()
        elif not demo.is_loaded():
            self.stdout.write("This database holds accounts already: no demo data was loaded.")
            return
        elif demo.is_for_real_people() and not options["really"]:
            self.stdout.write("The demo data is there. Its password is shown by seed_demo --really.")
            return
        self.stdout.write("Sign in with:")
        for sign_in in demo.SIGN_INS:
            self.stdout.write(f"  {sign_in.email:28} {sign_in.who}")
        self.stdout.write(f"  password: {demo.demo_password()}")
