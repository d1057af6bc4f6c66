"""``manage.py account_proofs``"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from purge.management.base import address_given, is_text
from users.models import Account, ProvedAddress, ProvedDomain, Purpose
from users.proofs.records import record_name, record_value
from users.proofs.services import (
    address_proof_ask,
    address_proof_remove,
    domain_proof_ask,
    domain_proof_look,
    domain_proof_remove,
)
from users.services import ServiceError
from users.wall import within_account


class Command(BaseCommand):
    help = (
        "What an account has proved to be its own: lists it; asks for a domain, and says which record has to be "
        "published; looks for the record; has a link mailed to an address, read from standard input so that it is in "
        "no shell history; removes. Example: manage.py account_proofs acme --domain acme.example --look"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="the subdomain of the account")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--domain", help="a domain")
        what.add_argument("--address", action="store_true", help="an address, from standard input")
        what.add_argument("--remove-address", type=int, metavar="NUMBER", help="remove this one of the list")
        parser.add_argument("--look", action="store_true", help="look for the domain's record now")
        parser.add_argument("--remove", action="store_true", help="remove the domain")
        parser.add_argument(
            "--for", dest="purpose", choices=Purpose.values, default=Purpose.PURGE, help="what the address is for"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Bytes that are no UTF-8 come in as lone surrogates, which no database can be asked for.
        said = options["account"]
        account = Account.objects.filter(subdomain=said).first() if is_text(said) else None
        if account is None:
            raise CommandError("There is no such account.")
        try:
            with within_account(account.pk):
                self._do(account, options)
        except ServiceError as refusal:
            raise CommandError(str(refusal)) from None

    def _do(self, account: Account, options: dict[str, Any]) -> None:
        if options["domain"]:
            self._domain(account, options)
        elif options["address"]:
            address_proof_ask(acting_user=None, account=account, email=address_given("-"), purpose=options["purpose"])
            self.stderr.write("A link is on its way.")
        elif options["remove_address"] is not None:
            row = ProvedAddress.objects.filter(account=account, pk=options["remove_address"]).first()
            if row is None:
                raise CommandError("There is no such address.")
            address_proof_remove(acting_user=None, row=row)
        else:
            self._list(account)

    def _domain(self, account: Account, options: dict[str, Any]) -> None:
        row = domain_proof_ask(acting_user=None, account=account, domain=options["domain"])
        if options["remove"]:
            domain_proof_remove(acting_user=None, row=row)
            return
        if options["look"] and not domain_proof_look(acting_user=None, row=row):
            raise CommandError(f"No such record is there: {_record(row)}")
        self.stdout.write(_domain_line(row))

    def _list(self, account: Account) -> None:
        for row in ProvedDomain.objects.filter(account=account).order_by("domain"):
            self.stdout.write(_domain_line(row))
        for address in ProvedAddress.objects.filter(account=account).order_by("pk"):
            # By number: what is printed may be kept.
            self.stdout.write(f"address\t{address.pk}\t{address.purpose}\t{_until(address)}")


def _domain_line(row: ProvedDomain) -> str:
    return f"domain\t{row.domain}\t{_until(row)}\t{_record(row)}"


def _record(row: ProvedDomain) -> str:
    return f'{record_name(row.domain)} TXT "{record_value(row.token)}"'


def _until(row: ProvedDomain | ProvedAddress) -> str:
    return "not proved" if row.valid_until is None else f"proved until {row.valid_until.date().isoformat()}"
