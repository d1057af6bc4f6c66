"""Reads of accounts and people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Permission
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from purge.addresses import identity_beginnings, identity_key
from purge.database.lookups import Begins, BeginsInLowerCase
from purge.models import PurgeRequest
from purge.routes.suppression import known_by, purged_before
from purge.selectors import held_by_requests, requests_seen_by
from users.expressions import AfterFirstWord, ByCodePoint, LastWord
from users.models import Account, Role, User, UserAudit, UserGroup, UserRole, UserState
from users.permissions import PURGE_PERMISSION

#: With this migration whoever comes to the permission in any way is written down.
RECORDED_SINCE = "0024_officer"
#: With more letters beyond ASCII in a search, not each is asked for in either case.
MOST_CASED = 3


def people_in_use(people: QuerySet[User]) -> QuerySet[User]:
    """Those of the people who are not deleted, with their roles and whether they manage somebody.

    Whom a purge has frozen stays what they were: that another customer purges them is not to be seen here.
    """
    reports = User.objects.filter(manager=OuterRef("pk"), state=UserState.ACTIVE)
    in_use = people.filter(deleted_at__isnull=True)
    return in_use.prefetch_related("given_roles").annotate(is_manager=Exists(reports))


def deleted_and_free(people: QuerySet[Any]) -> QuerySet[Any]:
    """Those of the deleted people who can be selected for a purge: all whom no open request of their account holds, and
    who share no mailbox with another user.

    A request of another account makes no difference.
    """
    held = held_by_requests(account=OuterRef("account_id")).filter(person_id=OuterRef("pk"))
    return people.filter(~Exists(held), state__in=(UserState.DELETED, UserState.PURGING), email_key__isnull=False)


def mailbox_text(user: User) -> str:
    """What stands beside a user who shares a mailbox with another of the account; else nothing."""
    if user.email_key is not None:
        return ""
    if user.same_mailbox_as_id is None:
        return _("Had the same mailbox as a user who is gone")
    return _("Same mailbox as user %(id)d") % {"id": user.same_mailbox_as_id}


def requests_that_purged(user: User, *, reader: Any) -> list[PurgeRequest]:
    """The requests of the user's own account that purged somebody with an address, login or Unique User ID which is the
    user's now, of those that the reader may follow; the earliest first."""
    known = known_by(addresses=[user.email_key or ""], login=user.adobe_key, unique_user_id=user.unique_user_id)
    references = set(purged_before(account_id=user.account_id, known=known).values()) - {""}
    if not references:
        return []
    seen = requests_seen_by(reader).filter(account_id=user.account_id, reference__in=references)
    return list(seen.order_by("pk"))


def people_found(people: QuerySet[User], text: str) -> QuerySet[User]:
    """Those whose name, last name, email or Unique User ID begins with the text, in whatever case.

    By indexes, however many people there are (``users_by_...`` of the model). A last name is the last word of a name,
    or all that follows the first.
    """
    text = text.replace("\x00", "").strip()
    if not text:
        return people
    addresses = Q()
    for beginning in identity_beginnings(text):
        addresses |= Q(Begins(F("email_key"), beginning))
    names = Q()
    for beginning in in_either_case(text):
        for words in (Lower("name"), AfterFirstWord(Lower("name")), LastWord(Lower("name"))):
            names |= Q(BeginsInLowerCase(ByCodePoint(words), beginning))
    return people.filter(addresses | Q(Begins(F("unique_id_sort"), text.casefold())) | names)


def in_either_case(text: str) -> list[str]:
    """A text with each letter beyond ASCII small and capital: SQLite, and PostgreSQL under the locale C, know no lower
    case of those. With many of them, as it is typed, small, capital, and with a capital first letter."""
    cased = [place for place, letter in enumerate(text) if not letter.isascii() and letter.lower() != letter.upper()]
    if len(cased) > MOST_CASED:
        return list(dict.fromkeys((text, text.lower(), text.upper(), text[:1].upper() + text[1:].lower())))
    found = [text]
    for place in cased:
        small, capital = text[place].lower(), text[place].upper()
        # What has no capital of one letter (ß) is as it is.
        cases = dict.fromkeys(each for each in (small, capital) if len(each) == 1)
        found = [f"{each[:place]}{letter}{each[place + 1 :]}" for each in found for letter in cases or text[place]]
    return found


def people_signing_in(typed: str) -> QuerySet[User]:
    """Whom somebody can mean who types this to sign in: users by their address, of whatever account and state.

    Who shares a mailbox with an older user of the account signs in by a login: the identity provider's, or the opaque
    one of the row, which an operator can tell them.
    """
    key = identity_key(typed)
    people: QuerySet[User] = User.objects.all()
    by_login = Q(adobe_key=key) | Q(login_id=key)
    return people.filter(Q(email_key=key) | (Q(email_key__isnull=True) & by_login)) if key else people.none()


def with_role(people: QuerySet[User], role: str) -> QuerySet[User]:
    """Those who have a role, among them the derived ones: "manager", and "learner" for who has no other."""
    if role == "manager":
        return people.filter(Exists(User.objects.filter(manager=OuterRef("pk"), state=UserState.ACTIVE)))
    if role == "learner":
        return people.filter(given_roles=None)
    return people.filter(given_roles__role=role)


def role_names(user: User) -> list[str]:
    """All roles of a user, as they are shown: Learner first, then the given ones, then Manager."""
    given = {each.role for each in user.given_roles.all()}
    names = [_("Learner"), *(str(role.label) for role in Role if role.value in given)]
    manages = getattr(user, "is_manager", None)
    if manages is None:
        manages = User.objects.filter(manager=user, state=UserState.ACTIVE).exists()
    return [*names, _("Manager")] if manages else names


def who_may_purge(account_id: int) -> QuerySet[User]:
    """The active users of an account who may purge there, the longest-standing Administrator first."""
    account = Account.objects.get(pk=account_id)
    people: QuerySet[User] = User.objects.filter(
        state=UserState.ACTIVE, account=account, given_roles__role=Role.ADMINISTRATOR
    )
    if not account.purge_with_role:
        app_label, codename = PURGE_PERMISSION.split(".")
        holders = Permission.objects.filter(content_type__app_label=app_label, codename=codename).values("user")
        people = people.filter(pk__in=holders)
    return people.order_by("given_roles__given_at", "pk")


@dataclass(frozen=True)
class PowerToPurge:
    """Who may purge, since when and by whom. ``recorded_from``: when it began to be written down in every case."""

    user: User
    since: datetime | None
    by: User | None
    recorded_from: datetime | None


def _recorded_from() -> datetime | None:
    """When this installation was upgraded to the release that writes it down in every case."""
    recorder = MigrationRecorder(connection)
    if not recorder.has_table():
        return None
    upgraded = recorder.migration_qs.filter(app="users", name=RECORDED_SINCE)
    return upgraded.values_list("applied", flat=True).first()


def powers_to_purge(account_id: int) -> list[PowerToPurge]:
    """Who may purge in an account, and what is written down of how they came to it. The number of queries does not
    depend on how many they are."""
    with_role = Account.objects.filter(pk=account_id).values_list("purge_with_role", flat=True).first()
    people = list(who_may_purge(account_id))
    roles = UserRole.objects.filter(user__in=people, user__account=account_id, role=Role.ADMINISTRATOR)
    given = dict(roles.values_list("user_id", "given_at"))
    event = Q(event="role given", fields=Role.ADMINISTRATOR) if with_role else Q(event="purge permission given")
    audits = UserAudit.objects.filter(event, user__in=people, user__account=account_id).select_related("actor")
    last = {row.user_id: row for row in audits.order_by("at", "pk")}
    recorded_from = _recorded_from()
    lines = []
    for user in people:
        row = last.get(user.pk)
        since = row.at if row is not None else (given.get(user.pk) if with_role else None)
        lines.append(PowerToPurge(user, since, row.actor if row is not None else None, recorded_from))
    return lines


def groups_in_use(account_id: int) -> QuerySet[UserGroup]:
    """The groups of an account that are not retired, by name."""
    return UserGroup.objects.filter(account_id=account_id, retired=False).order_by("name", "pk")
