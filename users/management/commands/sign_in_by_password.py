"""``manage.py sign_in_by_password``"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from purge.management.base import is_text
from users.models import Account
from users.services import account_update
from users.wall import within_account


class Command(BaseCommand):
    help = (
        "Lets the people of an account sign in with their passwords again, where it has them sign in at its identity "
        "provider alone: for a provider that fails for good. Every session of the account ends. Example: "
        "manage.py sign_in_by_password acme"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="the subdomain of the account")

    def handle(self, *args: Any, **options: Any) -> None:
        # Bytes that are no UTF-8 come in as lone surrogates, which no database can be asked for.
        said = options["account"]
        account = Account.objects.filter(subdomain=said).first() if is_text(said) else None
        if account is None:
            raise CommandError("There is no such account.")
        if not account.provider_demanded:
            raise CommandError("Passwords sign people in there already.")
        with within_account(account.pk):
            account_update(acting_user=None, account=account, provider_demanded=False)
        self.stdout.write(f"account {account.pk}: passwords sign people in again")
