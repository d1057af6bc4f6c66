"""``manage.py seed_demo``"""

from typing import Any

from django.core.management.base import BaseCommand

from lms_purge import demo


class Command(BaseCommand):
    help = "Load demo data once, into a database without accounts, and print the sign-ins. Example: manage.py seed_demo"

    def handle(self, *args: Any, **options: Any) -> None:
        if demo.may_load():
            demo.load()
        elif not demo.is_loaded():
            self.stdout.write("This database holds accounts already: no demo data was loaded.")
            return
        self.stdout.write("Sign in with:")
        for sign_in in demo.SIGN_INS:
            self.stdout.write(f"  {sign_in.email:28} {sign_in.who}")
        self.stdout.write(f"  password: {demo.demo_password()}")
