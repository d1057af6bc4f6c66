"""Where is this person, and was this person purged? What was typed is hashed for the record, and stored nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from purge.addresses import IDENTITY_KEY_VERSION, identity_key
from purge.choices import Route, Status
from purge.hashing import HashKeyMissing, asked_digests, form_of, keyed_hash
from purge.host import Holder, PersonState, TenantKind, get_host
from purge.models import LookUp, PurgeRequest, SuppressionHash
from purge.references import LENGTH, PREFIX, MistypedReference
from purge.routes.policy import policy_of
from purge.routes.scope import build_scope
from purge.selectors import open_request_of, request_by_reference
from purge.services.checking import route_for
from purge.services.following import may_follow
from purge.services.refusals import NotAllowed, PurgeRefused
from purge.standing import FOLLOW, Standing, standings
from purge.steps.impact import in_account_only, measure_impact

#: Requests that one answer lists.
MOST_REQUESTS = 50


@dataclass(frozen=True)
class FoundPerson:
    """A user who has what was typed, or had it until ``until``.

    ``state``: active or deleted; what another account's purge does to them is not said. ``request``: ID of the open
    request of their own account that holds them, or ''. ``name`` and ``deleted_at`` are known within an account alone.
    """

    person_id: int
    account_id: int
    state: PersonState
    until: datetime | None = None
    name: str = ""
    deleted_at: datetime | None = None
    request: str = ""


@dataclass(frozen=True)
class FoundRequest:
    """A request that purged, or is going to purge, whoever was known by what was typed; and where it stands."""

    pk: int
    reference: str
    account_id: int | None
    accepted_at: datetime
    completed_at: datetime | None
    standing: Standing


@dataclass(frozen=True)
class Mention:
    """How many rows of a kind mention what was typed; ``more``: and there are more."""

    noun: str
    n: int
    more: bool = False


@dataclass(frozen=True)
class Whereabouts:
    """The answer. ``account_id``: of this account alone; None: of all accounts, then people are counted and not named,
    and ``mentions`` is None: the texts of customers are not looked through.

    ``mistake``: why what was typed is no request ID, where it looks like one and nothing was found; or ''.
    """

    account_id: int | None
    at: datetime
    people: list[FoundPerson] = field(default_factory=list)
    requests: list[FoundRequest] = field(default_factory=list)
    mentions: list[Mention] | None = None
    mistake: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.people or self.requests or self.mentions)


def look_up(*, acting_user: Any, text: str, account_id: int | None = None) -> PurgeRequest | Whereabouts:
    """What is known of a request ID, an address, a login or a Unique User ID: the request of that ID, or who and what.

    What was typed of a person is hashed and compared, never stored; that it was asked is stored. Administrators get
    what is in their own account, support staff and operators (``acting_user`` None: the command line) all accounts, or
    the one of ``account_id``. Raises :class:`PurgeRefused`.
    """
    own = None if acting_user is None else get_host().account_of(acting_user)
    everything = acting_user is None or acting_user.has_perm(FOLLOW)
    if not everything and (own is None or not acting_user.has_perm("purge.view_purgerequest")):
        raise NotAllowed("permission", _("You may not look people up."))
    account = account_id if everything else own
    key = identity_key(text)
    if not key:
        raise PurgeRefused("empty", _("Type a request ID, an email address or a Unique User ID."))
    request, mistake = _by_reference(text, acting_user)
    if request is not None:
        return request
    requests = _requests(key, acting_user, account)
    people = _people(key, account)
    found = Whereabouts(
        account_id=account,
        at=_note(acting_user, own, key, len(requests)),
        people=people,
        requests=requests,
        mentions=None if account is None else _mentions(key, account),
        mistake=mistake,
    )
    if mistake and found.is_empty and _begins_as_request(text):
        raise PurgeRefused("reference", mistake)
    return found


# ---------------------------------------------------------------- a request's ID


def _by_reference(text: str, acting_user: Any) -> tuple[PurgeRequest | None, str]:
    """The request of this ID, or what is wrong with it where it looks like one. Raises :class:`PurgeRefused` for the
    well-formed ID of no request that the reader may follow."""
    if not _looks_like_request(text):
        return None, ""
    try:
        request = request_by_reference(text)
    except MistypedReference as mistake:
        return None, str(mistake)
    if request is not None and (acting_user is None or may_follow(acting_user, request)):
        return request, ""
    unknown = _("No purge request has this ID. It is well formed, so ask where it was noted down.")
    if _begins_as_request(text):
        raise PurgeRefused("reference", unknown)
    return None, unknown


def _letters(text: str) -> str:
    return "".join(character for character in text.upper() if character.isalnum())


def _begins_as_request(text: str) -> bool:
    return "@" not in text and _letters(text).startswith(PREFIX)


def _looks_like_request(text: str) -> bool:
    """Whether it was meant as one, perhaps: a Unique User ID may have nine characters too."""
    return "@" not in text and (_begins_as_request(text) or len(_letters(text)) == LENGTH + 1)


# ---------------------------------------------------------------- a person


def _requests(key: str, acting_user: Any, account_id: int | None) -> list[FoundRequest]:
    """Requests that purged whoever was known by this, the latest first."""
    try:
        asked = {(kind, *each) for kind in ("email", "login", "unique_id") for each in asked_digests(kind, [key])}
    except HashKeyMissing as error:
        raise PurgeRefused("hash_key", str(error)) from None
    hashes = SuppressionHash.objects.filter(digest__in={digest for _kind, _form, digest in asked})
    if account_id is not None:
        # Also of their own requests only what was known here: others' identifiers are no business of theirs.
        hashes = hashes.filter(account_id=account_id, request__account_id=account_id)
    ids = {
        request_id
        for request_id, kind, form, digest in hashes.values_list("request_id", "kind", "form", "digest")
        if (kind, form_of(form), digest) in asked
    }
    rows = PurgeRequest.across_accounts.filter(pk__in=ids).exclude(status=Status.CANCELLED)
    requests = list(rows.select_related("part_of").order_by("-accepted_at", "-pk")[:MOST_REQUESTS])
    stand = standings(requests, acting_user)
    return [
        FoundRequest(each.pk, each.reference, each.account_id, each.accepted_at, each.completed_at, stand[each.pk])
        for each in requests
    ]


def _people(key: str, account_id: int | None) -> list[FoundPerson]:
    """Users who have this as address, login or Unique User ID, and who had it as an address before."""
    host = get_host()
    if account_id is None:
        holders = [*host.holders(None, [key]).get(key, []), *host.id_holders_anywhere(key)]
    else:
        by_id = host.id_holders({account_id: [key]}).get((account_id, key), [])
        holders = [*host.holders(account_id, [key]).get(key, []), *by_id]
    each: dict[int, Holder] = {}
    for holder in sorted(holders, key=lambda holder: not holder.is_current):
        each.setdefault(holder.person_id, holder)
    if account_id is None:
        return [FoundPerson(pk, holder.account_id, _state(holder), holder.until) for pk, holder in each.items()]
    lines = {line.id: line for line in host.person_lines(each)}
    held = open_request_of(each, account_id=account_id)
    return [
        FoundPerson(
            person_id=pk,
            account_id=account_id,
            state=_state(holder),
            until=holder.until,
            name=lines[pk].name if pk in lines else "",
            deleted_at=lines[pk].deleted_at if pk in lines else None,
            request=held.get(pk, ""),
        )
        for pk, holder in sorted(each.items())
    ]


def _state(holder: Holder) -> PersonState:
    """Whom a purge has frozen is what they were before."""
    return holder.earlier_state


def _mentions(key: str, account_id: int) -> list[Mention]:
    """Rows of one account that mention it: what a purge of it alone would change there. Changes nothing."""
    account = get_host().accounts([account_id]).get(account_id)
    if account is None or account.kind == TenantKind.SYSTEM:
        return []
    is_address = "@" in key
    scope = build_scope(
        policy_of(route_for(account, Route.OTHER_ENTERPRISE, Route.OTHER_TRIAL)),
        people=[],
        addresses=[key] if is_address else [],
        logins=[] if is_address else [key],
        ids={} if is_address else {account_id: [key]},
        matched=[key],
        account_id=account_id,
    )
    lines = measure_impact(in_account_only(scope, account_id)).lines
    return [Mention(str(line.noun), line.n, line.more) for line in lines]


def _note(acting_user: Any, account_id: int | None, key: str, found: int) -> datetime:
    """That it was asked, with the hash alone, by somebody of this account."""
    row = LookUp.objects.create(
        actor=acting_user,
        account_id=account_id,
        digest=keyed_hash("email", key),
        form=IDENTITY_KEY_VERSION,
        found=found,
    )
    return row.at
