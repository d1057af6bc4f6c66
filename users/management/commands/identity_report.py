"""``manage.py identity_report``"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from purge.management.base import PurgeCommand, needs_you
from users.identity.mailboxes import Shared, outdated_keys, sharing
from users.identity.rekeying import keys_renew
from users.wall import across_accounts


class Command(PurgeCommand):
    help = (
        "Name the users who have one mailbox with another user of their account, by number. Such a user signs in by a "
        "login alone, is matched by nobody, and cannot be purged until somebody gives them an email address of their "
        "own (in the admin: Users, or the pencil in User Cleanup), or the other user is gone. Nothing merges "
        "two users. Where both are one human: delete and purge the other one, type --rekey, then purge this one "
        "as well. Or keep the one that is in use, and give the other an address that nobody has before it is purged."
    )
    example = "manage.py identity_report --rekey"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--rekey",
            action="store_true",
            help="give users a mailbox that nobody else has any more, and everybody the keys of the present tables",
        )

    @across_accounts("an operator's command")
    def handle(self, *args: Any, **options: Any) -> None:
        if options["rekey"]:
            keys_renew()
        shared, outdated = sharing(), outdated_keys()
        lines = [_line(each) for each in shared]
        if outdated:
            lines.append(f"Users whose keys other tables made than those of this release: {outdated:,}. Use --rekey.")
        self.show(
            {"sharing": [asdict(each) for each in shared], "outdated": outdated},
            lines or ["Every user has a mailbox of their own."],
            as_json=options["json"],
        )
        if shared or outdated:
            needs_you()


def _line(shared: Shared) -> str:
    what = f"user {shared.user} ({shared.state}, signs in as {shared.signs_in_as})"
    if shared.same_mailbox_as is None:
        return f"{shared.account}: {what} can have their mailbox back: use --rekey"
    return f"{shared.account}: {what}: same mailbox as user {shared.same_mailbox_as}"
