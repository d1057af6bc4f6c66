"""The confirmation of a purge: what its page has shown, what has changed since, and what has to be typed.

It is kept on the server (:class:`users.models.PurgeDraft`), for one user and their account: numbers alone, for a day,
and no longer than until they sign out, change the password or may not purge any more. A session that runs out does not
end it. Its token is in the page's address (one token, one request, however often the form is sent). The sets that ask
again when they change are kept with it: people, and what the purge would leave for others to do, such as connectors and
sessions. Growing counts do not ask again.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils.formats import number_format
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.selectors import OutsideCopy, outside_copies
from learning.selectors import sessions_taught
from purge.host import get_host
from purge.models import PurgeRequest
from purge.register.notes import Note
from purge.rules import Consequence, Foretold
from purge.rules.registry import get_registry
from purge.selectors import open_request_of
from purge.services import Preview, Selection
from purge.steps.impact import COUNT_CAP, Impact, ImpactLine
from users.drafts import draft_change, draft_of
from users.models import DeletedUser, DraftKind, ImportLog, PurgeDraft, User, UserRole

AUTHORSHIP = "learning.Course.author"


@dataclass(frozen=True)
class Shown:
    """What a confirmation page has shown. ``left``: kind of consequence → rows that it would change."""

    people: tuple[int, ...] = ()
    matches: tuple[int, ...] = ()
    left: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, preview: Preview, effects: Effects) -> Shown:
        return cls(
            people=tuple(sorted(person.id for person in preview.people)),
            matches=tuple(sorted(person.id for person in preview.matches)),
            left={kind: tuple(sorted(each.row.pk for each in rows)) for kind, rows in effects.foretold.items() if rows},
        )

    @classmethod
    def read(cls, facts: Any) -> Shown | None:
        """From what :meth:`written` has given; None where nothing was shown yet."""
        if not facts:
            return None
        left = {kind: tuple(pks) for kind, pks in facts["left"].items()}
        return cls(tuple(facts["people"]), tuple(facts["matches"]), left)

    def written(self) -> dict[str, Any]:
        left = {kind: list(pks) for kind, pks in self.left.items()}
        return {"people": list(self.people), "matches": list(self.matches), "left": left}


class Confirmation:
    """A draft as its page reads it. ``first``: what was shown first, from which changes are told; ``last``: what was
    shown last, under ``version``, which the form says; ``errors``: by the names of fields, what the form was answered.
    """

    def __init__(self, draft: PurgeDraft) -> None:
        self.draft = draft

    @classmethod
    def found(cls, plan: str, user: Any) -> Confirmation | None:
        """By what a form or an address says of it: its token, and behind a dot the version that was shown."""
        draft = draft_of(user=user, kind=DraftKind.CONFIRMATION, token=plan.partition(".")[0])
        return cls(draft) if draft is not None and (draft.people or draft.address) else None

    @property
    def plan(self) -> str:
        return f"{self.draft.token.hex}.{self.version}"

    @property
    def version(self) -> int:
        return int(self.draft.facts.get("version", 0))

    @property
    def first(self) -> Shown | None:
        return Shown.read(self.draft.facts.get("first"))

    @property
    def last(self) -> Shown | None:
        return Shown.read(self.draft.facts.get("last"))

    @property
    def errors(self) -> dict[str, str]:
        return dict(self.draft.facts.get("errors", {}))

    @property
    def typed(self) -> dict[str, str]:
        return dict(self.draft.facts.get("typed", {}))

    @property
    def note(self) -> Note:
        """What was typed for the register."""
        return Note.read(self.draft.note)

    @property
    def note_errors(self) -> dict[str, str]:
        return dict(self.draft.facts.get("note_errors", {}))

    def keep_note(self, note: Note, errors: Mapping[str, str]) -> None:
        """Keep what was typed for the register, for the page that is shown next. ``note``: it names nobody."""
        draft_change(self.draft, note=note.as_json(), facts={**self.draft.facts, "note_errors": dict(errors)})

    @property
    def back(self) -> dict[str, str]:
        """The list's filter, for the way back."""
        return dict(self.draft.facts.get("back", {}))

    def was_shown_as(self, plan: str) -> bool:
        """Whether the form that says this stands on the page that was shown last."""
        return self.version > 0 and plan == self.plan

    def now(self, user: Any) -> tuple[Selection, list[str]]:
        """Who of the people can still be purged, and who was left out, in words. The first time nobody is left out who
        was restored: that they are in use is a refusal."""
        account_id = self.draft.account_id or 0
        if self.draft.address:
            return Selection(user, account_id, address=self.draft.address), []
        ids, texts = without_held(self.draft.people, account_id)
        if self.first is not None:
            now = people_now(ids, account_id)
            ids, texts = list(now.rest), texts + now.texts
        return Selection(user, account_id, tuple(ids)), texts

    def show(self, shown: Shown) -> None:
        """Remember what the page shows; another version where that is something new."""
        if shown == self.last:
            return
        facts = {**self.draft.facts, "last": shown.written(), "version": self.version + 1}
        facts.setdefault("first", shown.written())
        draft_change(self.draft, facts=facts)

    def answer(self, errors: Mapping[str, str], typed: Mapping[str, str]) -> None:
        """Keep what the form was answered, for the page that is shown next. ``typed``: nothing personal."""
        draft_change(self.draft, facts={**self.draft.facts, "errors": dict(errors), "typed": dict(typed)})


def request_of_token(plan: str, user: Any) -> PurgeRequest | None:
    """The request that this confirmation has become already."""
    try:
        token = uuid.UUID(plan.partition(".")[0])
    except ValueError:
        return None
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
        """Only where others are affected: a habit protects nobody. Of one person there is no number to type."""
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


def first_line(preview: Preview, effects: Effects) -> list[tuple[str, str]]:
    """(id of the part of the page, what it counts): the whole page in one line. What is none is left out."""
    people = len(preview.people) + len(preview.matches)
    parts = [("who", ngettext("%(n)d person", "%(n)d people", people) % {"n": people})] if people else []
    for kind, consequence in get_registry().consequences.items():
        number = sum(each.counts for each in effects.foretold.get(kind, ()))
        if number and consequence.counted:
            parts.append(("stops", str(consequence.counted % {"n": number})))
    if effects.imports:
        number = min(effects.imports, COUNT_CAP)
        text = ngettext("%(n)s import link dies", "%(n)s import links die", number)
        parts.append(("stops", text % {"n": _number(number, more=effects.more_imports)}))
    if number := len(effects.outside):
        parts.append(("outside", ngettext("%(n)d outside copy", "%(n)d outside copies", number) % {"n": number}))
    if number := _rows(effects.handed_over):
        text = ngettext("%(n)s row changes hands", "%(n)s rows change hands", number)
        parts.append(("hands", text % {"n": _number(number, more=any(line.more for line in effects.handed_over))}))
    if number := _rows(effects.erased):
        text = ngettext("%(n)s row", "%(n)s rows", number)
        parts.append(("what", text % {"n": _number(number, more=any(line.more for line in effects.erased))}))
    return parts


def _rows(lines: Sequence[ImpactLine]) -> int:
    return sum(min(line.n, COUNT_CAP) for line in lines)


def _number(number: int, *, more: bool) -> str:
    """In the reader's digits; "more than" where not all were counted."""
    text = number_format(number, force_grouping=True)
    return _("more than %(n)s") % {"n": text} if more else text


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


# ---------------------------------------------------------------- what has changed


def differences(shown: Shown, effects: Effects, preview: Preview) -> list[str]:
    """What the reader has to see again: people, and what is left to do, that came or went since it was shown."""
    came = {person.id for person in preview.matches} - set(shown.matches)
    others = User.objects.filter(pk__in=came, account_id=preview.account.id).order_by("name", "pk")
    texts = [
        _("%(name)s has one of these addresses or logins now, and is erased too.") % {"name": user.name}
        for user in others
    ]
    for kind, consequence in get_registry().consequences.items():
        if consequence.came:
            now = {each.row.pk: str(each.row) for each in effects.foretold.get(kind, ())}
            texts += _came_and_went(consequence, set(shown.left.get(kind, ())), now, preview.account.id)
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
    """The people of a confirmation, sorted by what has become of them since."""

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


def backup_days() -> int | None:
    """For how long backups are kept; None: nobody has said."""
    return settings.PURGE_BACKUP_DAYS


def due_after() -> timedelta:
    """How long a purge may take."""
    return timedelta(days=int(settings.PURGE_DUE_DAYS))
