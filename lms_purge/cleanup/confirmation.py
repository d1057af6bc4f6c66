"""The confirmation of a purge: a sealed selection, what has changed since it was shown, and what has to be typed.

It travels in the form, signed for one user and their account: numbers alone, for a day, and no longer than until they
sign out, change the password or may not purge any more. A session that runs out does not end it. It holds the form
token (one selection, one request, however often it is sent) and the sets that ask again when they change: people,
and what the purge would leave for others to do, such as connectors and sessions. Growing counts do not ask again.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from connectors.selectors import OutsideCopy, outside_copies
from learning.selectors import sessions_taught
from purge.host import get_host
from purge.models import PurgeRequest
from purge.rules import Consequence, Foretold
from purge.rules.registry import get_registry
from purge.selectors import open_request_of
from purge.services import Preview
from purge.steps.impact import COUNT_CAP, Impact, ImpactLine
from users.models import DeletedUser, ImportLog, User, UserRole

SALT = "lms_purge.cleanup.plan"
AUTHORSHIP = "learning.Course.author"
#: How long a page may lie open before its selection is worth nothing.
SELECTION_LIVES = timedelta(hours=24)


class BadSelection(Exception):
    """The form's selection is not one of ours, or another user's."""


@dataclass(frozen=True)
class SealedSelection:
    """What a confirmation page has shown. ``left``: kind of consequence → rows that it would change. ``month``,
    ``kind``: the list's filter, for the way back."""

    token: uuid.UUID
    account_id: int
    people: tuple[int, ...] = ()
    left: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    month: str = ""
    kind: str = ""
    matches: tuple[int, ...] = ()

    def signed(self, user: Any) -> str:
        values = [self.token.hex, self.account_id, self.people, self.left, self.month, self.kind, self.matches]
        return signing.dumps(values, salt=_salt(user), compress=True)

    @classmethod
    def opened(cls, text: str, user: Any) -> SealedSelection:
        try:
            values = signing.loads(text, salt=_salt(user), max_age=SELECTION_LIVES)
            token, account_id, people, left, month, kind, matches = values
        except (signing.BadSignature, ValueError):
            # Another user's, one from before yesterday, one that has ended, or one that an earlier release has sealed.
            raise BadSelection from None
        rows = {word: tuple(pks) for word, pks in left.items()}
        return cls(uuid.UUID(token), account_id, tuple(people), rows, month, kind, tuple(matches))

    @property
    def back(self) -> dict[str, str]:
        """The list's filter again."""
        return {name: value for name, value in (("month", self.month), ("kind", self.kind)) if value}


def _salt(user: Any) -> str:
    """It belongs to a user and their account, until it is ended; not to the session in which it was shown."""
    return f"{SALT}.{user.pk}.{get_host().plans_of(user)}"


def request_of_token(token: uuid.UUID, user: Any) -> PurgeRequest | None:
    """The request that this selection has become already."""
    return PurgeRequest.across_accounts.filter(token=token, initiator_id=user.pk).first()


# ---------------------------------------------------------------- what stops and changes hands


@dataclass
class Effects:
    """What a purge does beyond erasing, by name. ``foretold``: by kind of consequence."""

    foretold: dict[str, list[Foretold]] = field(default_factory=dict)
    handed_over: list[ImpactLine] = field(default_factory=list)
    erased: list[ImpactLine] = field(default_factory=list)
    heir: str = ""
    role_holders: int = 0
    teaching: int = 0
    imports: int = 0
    latest_import: ImportLog | None = None
    outside: list[OutsideCopy] = field(default_factory=list)

    @property
    def stops(self) -> list[str]:
        """A sentence for each row that stops working."""
        return [each.sentence for rows in self.foretold.values() for each in rows]

    @property
    def affects_others(self) -> bool:
        return any(each.affects_others for rows in self.foretold.values() for each in rows)

    @property
    def more_imports(self) -> bool:
        return self.imports > COUNT_CAP

    @property
    def authorship(self) -> bool:
        return any(line.key == AUTHORSHIP for line in self.handed_over)

    @property
    def must_type(self) -> bool:
        """Only where others are affected: a habit protects nobody."""
        return bool(self.role_holders or self.teaching or self.affects_others or self.authorship)


def effects_of(preview: Preview, user: Any) -> Effects:
    """The named effects of a preview in its account; the number of queries does not depend on how many people go."""
    ids = [person.id for person in (*preview.people, *preview.matches)]
    account_id, impact = preview.account.id, preview.impact
    roles = UserRole.objects.filter(user_id__in=ids, user__account=account_id)
    return Effects(
        foretold=_foretold(impact, ids, account_id),
        handed_over=[line for line in impact.lines if line.handed_over],
        erased=[line for line in impact.lines if not line.handed_over],
        heir=_heir(account_id, user),
        role_holders=roles.values("user_id").distinct().count(),
        teaching=sessions_taught(ids, account_ids=[account_id]).values("user_id").distinct().count(),
        imports=_imports(preview),
        latest_import=_latest_import(account_id),
        outside=outside_copies(ids, account_id=account_id),
    )


def _foretold(impact: Impact, ids: Collection[int], account_id: int) -> dict[str, list[Foretold]]:
    """What the apps say would happen to their rows, in the order of the registry."""
    found = {}
    for kind, consequence in get_registry().consequences.items():
        if consequence.foretold and (pks := impact.consequences.get(consequence.path)):
            foretell = import_string(consequence.foretold)
            found[kind] = list(foretell(pks=pks, people=ids, account_id=account_id))
    return found


def _heir(account_id: int, user: Any) -> str:
    heir = get_host().heir(account_id, initiator_id=user.pk, requesting_account_id=account_id)
    if heir == user.pk:
        return _("you")
    name = User.objects.filter(pk=heir).values_list("name", flat=True).first() if heir else None
    return name or _("nobody; they are shown as by a former author")


def _imports(preview: Preview) -> int:
    """Import links that die: all of an account that loses somebody, otherwise those that mention the address."""
    if not preview.people:
        return preview.impact.files.get(ImportLog._meta.label, 0)
    alive = ImportLog.objects.filter(account_id=preview.account.id, link_dead_at=None)
    return alive.order_by()[: COUNT_CAP + 1].count()


def _latest_import(account_id: int) -> ImportLog | None:
    alive = ImportLog.objects.filter(account_id=account_id, link_dead_at=None).exclude(file="")
    return alive.order_by("-uploaded_at", "-pk").first()


def sealed_selection(
    preview: Preview, effects: Effects, *, token: uuid.UUID, month: str = "", kind: str = ""
) -> SealedSelection:
    return SealedSelection(
        token=token,
        account_id=preview.account.id,
        people=tuple(sorted(person.id for person in preview.people)),
        left={kind: tuple(sorted(each.row.pk for each in rows)) for kind, rows in effects.foretold.items()},
        month=month,
        kind=kind,
        matches=tuple(sorted(person.id for person in preview.matches)),
    )


# ---------------------------------------------------------------- what has changed


def differences(shown: SealedSelection, effects: Effects, preview: Preview) -> list[str]:
    """What the reader has to see again: people, and what is left to do, that came or went since it was shown."""
    came = {person.id for person in preview.matches} - set(shown.matches)
    others = User.objects.filter(pk__in=came, account_id=shown.account_id).order_by("name", "pk")
    texts = [
        _("%(name)s has one of these addresses or logins now, and is erased too.") % {"name": user.name}
        for user in others
    ]
    for kind, consequence in get_registry().consequences.items():
        if consequence.came:
            now = {each.row.pk: str(each.row) for each in effects.foretold.get(kind, ())}
            texts += _came_and_went(consequence, set(shown.left.get(kind, ())), now, shown.account_id)
    return texts


def _came_and_went(consequence: Consequence, shown: set[int], now: Mapping[int, str], account_id: int) -> list[str]:
    gone = sorted(shown - set(now))
    names = _names_of(consequence.model, gone, account_id) if gone else {}
    texts = [str(consequence.came) % {"name": now[pk]} for pk in sorted(set(now) - shown)]
    return texts + [str(consequence.went) % {"name": names.get(pk, _("deleted meanwhile"))} for pk in gone]


def _names_of(label: str, pks: Collection[int], account_id: int) -> dict[int, str]:
    """What an account's own rows are called."""
    entry = get_registry().entries[label]
    rows = entry.model._base_manager.filter(pk__in=pks)
    if entry.rules.account is not None:
        rows = rows.filter(**{entry.rules.account: account_id})
    return {row.pk: str(row) for row in rows}


@dataclass(frozen=True)
class PeopleNow:
    """The people of a sealed selection, sorted by what has become of them since."""

    rest: tuple[int, ...]
    restored: tuple[str, ...]
    purging: tuple[str, ...]
    gone: int

    @property
    def texts(self) -> list[str]:
        texts = [_("%(name)s was restored meanwhile and is left out.") % {"name": name} for name in self.restored]
        texts += [_("%(name)s is being purged already and is left out.") % {"name": name} for name in self.purging]
        if self.gone:
            texts.append(_("%(n)d of them are not there any more.") % {"n": self.gone})
        return texts


def people_now(ids: Sequence[int], account_id: int) -> PeopleNow:
    found = list(User.objects.filter(pk__in=ids, account_id=account_id).order_by("name", "pk"))
    held = open_request_of([user.pk for user in found], account_id=account_id)
    return PeopleNow(
        rest=tuple(user.pk for user in found if user.deleted_at is not None and user.pk not in held),
        restored=tuple(user.name for user in found if user.deleted_at is None),
        purging=tuple(user.name for user in found if user.deleted_at is not None and user.pk in held),
        gone=len(ids) - len(found),
    )


def without_held(ids: Sequence[int], account_id: int) -> tuple[list[int], list[str]]:
    """Those of the ticked people whom no other request of the account holds, and who is left out, in words.

    Where all are held nobody is left out: the refusal then names the request.
    """
    held = open_request_of(ids, account_id=account_id)
    rest = [pk for pk in ids if pk not in held]
    if not rest or not held:
        return list(ids), []
    names = User.objects.filter(pk__in=held, account_id=account_id).order_by("name", "pk").values_list("pk", "name")
    text = _("%(name)s is in purge request %(reference)s already and is left out.")
    return rest, [text % {"name": name, "reference": held[pk]} for pk, name in names]


def rows_of(ids: Collection[int], account_id: int) -> list[DeletedUser]:
    """The people of the page, by name."""
    rows = DeletedUser.objects.filter(pk__in=ids, account=account_id)
    return list(rows.select_related("account", "deleted_by").order_by("name", "pk"))


def backup_days() -> int:
    return int(settings.PURGE_BACKUP_DAYS)
