"""Whom a command is about: options that name people, an address, or a month."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from purge.choices import Origin
from purge.host import get_host
from purge.management.base import NEEDS_YOU, USAGE, PurgeCommand, address_given, quoted
from purge.services import Preview, PurgeRefused, Selection
from purge.steps.impact import COUNT_CAP


class SelectingCommand(PurgeCommand):
    """A command about people of an account, on behalf of an administrator who may purge there.

    ``typed``: row id → the Unique User ID by which it was named.
    """

    typed: dict[int, str]
    #: Whether the people are chosen on behalf of somebody of their account.
    asks_initiator = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        most = settings.PURGE_MAX_PEOPLE
        parser.add_argument("--account", required=True, help="the account's subdomain")
        parser.add_argument("--initiator", required=self.asks_initiator, help="email of the administrator who purges")
        parser.add_argument("--user", action="append", default=[], help="a Unique User ID; may be given again")
        parser.add_argument(
            "--email", default="", help="the address of somebody who is no user; - reads it from standard input"
        )
        parser.add_argument("--month", default="", help="users deleted in this month, YYYY-MM, oldest deletion first")
        parser.add_argument("--kind", default="", help="with --month: internal or external users only")
        parser.add_argument("--limit", type=int, help=f"with --month: how many at most (default {most})")

    def selection(self, options: dict[str, Any]) -> Selection:
        """What the options name. Raises CommandError, exit code 2, when that is nothing or too much at once."""
        self._one_way(options)
        account = self.account(options["account"])
        if not options["initiator"]:
            raise CommandError("Say on whose behalf: --initiator.", returncode=USAGE)
        actor = get_host().actor_by_email(options["initiator"], account.id)
        if actor is None:
            raise CommandError(
                "The initiator is no active user of this account. Give the email of an administrator who holds the "
                "purge permission.",
                returncode=NEEDS_YOU,
            )
        asked = Selection(actor, account.id, origin=Origin.COMMAND)
        if options["email"]:
            return replace(asked, address=address_given(options["email"]))
        return asked.only(self.chosen(account.id, options, most=settings.PURGE_MAX_PEOPLE))

    def chosen(self, account_id: int, options: dict[str, Any], *, most: int) -> tuple[int, ...]:
        """Ids of the people whom --user or --month names, ``most`` at most of a month."""
        self.typed = {}
        if options["month"]:
            return tuple(self._oldest(account_id, options, most))
        self.typed = self._named(account_id, options["user"])
        return tuple(self.typed)

    def _one_way(self, options: dict[str, Any]) -> None:
        self.typed = {}
        ways = [name for name in ("user", "email", "month") if options[name]]
        if len(ways) != 1:
            raise CommandError("Say whom: --user (again and again), or --email, or --month.", returncode=USAGE)
        if not options["month"] and (options["kind"] or options["limit"] is not None):
            raise CommandError("--kind and --limit go with --month.", returncode=USAGE)

    def refusal(self, refused: PurgeRefused) -> CommandError:
        """The refusal in words, with the Unique User IDs that were typed for the rows it names."""
        named = [f"user {pk} is {quoted(self.typed[pk])}" for pk in refused.people if pk in self.typed]
        known = f" ({', '.join(named)})" if named else ""
        return CommandError(f"{refused.details}{known}", returncode=NEEDS_YOU)

    def _oldest(self, account_id: int, options: dict[str, Any], most: int) -> list[int]:
        limit = most if options["limit"] is None else options["limit"]
        if not 1 <= limit <= most:
            raise CommandError(f"--limit: from 1 to {most}; at most {most} in one request.", returncode=USAGE)
        try:
            return get_host().oldest_deleted(account_id, month=options["month"], kind=options["kind"], limit=limit)
        except ValueError as error:
            raise CommandError(str(error), returncode=USAGE) from None

    def _named(self, account_id: int, unique_ids: list[str]) -> dict[int, str]:
        """Row id → Unique User ID, in the order they were typed."""
        wanted = list(dict.fromkeys(text.strip() for text in unique_ids))
        found = get_host().ids_by_unique_id(account_id, wanted)
        unknown = [quoted(unique_id) for unique_id in wanted if unique_id not in found]
        if unknown:
            raise CommandError(
                f"This account has no user with the Unique User ID {', '.join(unknown)}. Nothing was accepted.",
                returncode=NEEDS_YOU,
            )
        return {found[unique_id]: unique_id for unique_id in wanted}


def impact_json(preview: Preview) -> dict[str, Any]:
    return {
        "account": preview.account.id,
        "route": str(preview.policy.route),
        "users": [person.id for person in preview.people],
        "matches": [person.id for person in preview.matches],
        "kept": [person.id for person in preview.kept],
        "last_administrator": preview.last_administrator,
        "impact": [
            {"key": line.key, "kind": line.noun, "what": line.label, "n": line.n, "more": line.more}
            for line in preview.impact.lines
        ],
        "consequences": {
            path.rpartition(".")[2]: dict(sorted(by_model.items()))
            for path, by_model in preview.impact.consequences.items()
        },
    }


def impact_lines(preview: Preview) -> list[str]:
    lines = [f"Account {preview.account.name}: {len(preview.people)} deleted user(s) to be erased for good."]
    lines += [f"  {_person_line(person)}" for person in preview.people]
    if preview.matches:
        lines.append("Erased too, because they have the same address or login:")
        lines += [f"  {_person_line(person)}  ({person.earlier_state})" for person in preview.matches]
    if preview.kept:
        lines.append("Kept, as creator of this account:")
        lines += [f"  {_person_line(person)}" for person in preview.kept]
    if preview.last_administrator:
        lines.append("Afterwards this account has no active Administrator. Give somebody else the role first.")
    lines.append("In this account:")
    counts: dict[str, int] = {}
    for line in preview.impact.lines:  # a kind of record may have two columns that are treated alike
        counts[line.label] = counts.get(line.label, 0) + line.n
    for label, number in counts.items():
        lines.append(f"  {'more than 10,000' if number > COUNT_CAP else f'{number:,}':>16}  {label}")
    if not counts:
        lines.append("  nothing else")
    for path, by_model in preview.impact.consequences.items():
        for model, pks in sorted(by_model.items()):
            rows = ", ".join(str(pk) for pk in pks)
            lines.append(f"  then {path.rpartition('.')[2].replace('_', ' ')}: {model} {rows}")
    if preview.policy.scrub_trial_accounts:
        lines.append("The address is also taken out of all trial accounts.")
    if preview.policy.delete_trial_matches:
        kept = "" if preview.policy.delete_matching_creators else "; one who created that trial account is kept"
        lines.append(f"Matching users of trial accounts go too{kept}.")
    lines.append("Import links of the account die. Outside applications are not touched.")
    if settings.PURGE_BACKUP_DAYS is None:
        lines.append("Backups keep what was erased until they expire; nobody has said after how long.")
    elif settings.PURGE_BACKUP_DAYS:
        lines.append(f"Backups keep what was erased until they expire ({settings.PURGE_BACKUP_DAYS} days).")
    return lines


def _person_line(person: Any) -> str:
    unique_id = f"  Unique User ID {quoted(person.unique_user_id)}" if person.unique_user_id else ""
    return f"{person.label}{unique_id}"
