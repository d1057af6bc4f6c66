"""The suppression list: who was purged, by keyed hashes of what they were known by in their own account.

Each hash belongs to one person and one account, and answers for that account alone. Who else was in the same request is
nobody's answer, and that a person was purged elsewhere is no customer's business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import F

from purge.addresses import identity_key
from purge.choices import IdentifierKind, Status
from purge.database.lookups import AnyOf
from purge.hashing import asked_digests, form_of, keyed_hash
from purge.host import Person
from purge.models import PurgeRequest, SuppressionHash
from purge.routes.ownership import not_shared

MEMBERS_AT_ONCE = 1_000


class Known(NamedTuple):
    """What somebody is known by. ``kind``: of :class:`purge.choices.IdentifierKind`; ``key``: an identity key."""

    kind: str
    key: str


def known_by(
    *, addresses: Iterable[str] = (), login: str | None = None, unique_user_id: str | None = None
) -> set[Known]:
    """What somebody is remembered by. ``addresses`` and ``login``: identity keys.

    A login that is an address counts as one: it may be anybody's address in the next file.
    """
    keys = [*addresses, *([login] if login else [])]
    known = {Known(IdentifierKind.EMAIL if "@" in key else IdentifierKind.LOGIN, key) for key in keys if key}
    if unique_user_id:
        known.add(Known(IdentifierKind.UNIQUE_ID, identity_key(unique_user_id)))
    return known


# ---------------------------------------------------------------- what is remembered


def remember_people(purge_request: PurgeRequest, people: Sequence[Person], *, going: Collection[int]) -> None:
    """Put the people of a request whose rows go on the list, each for their own account, by all that they are known by.

    ``going``: ids of everybody who goes with the request. A login or former address that another user of the account
    holds now, or had later, is that user's.
    """
    shared: dict[int, set[str]] = {}
    for person in people:
        shared.setdefault(person.account_id, set()).update(
            key for key in (*person.former_keys, person.adobe_key) if key
        )
    theirs = not_shared(shared, going) if any(shared.values()) else {}
    rows = []
    for person in people:
        own = theirs.get(person.account_id, frozenset())
        known = known_by(
            addresses=[person.email_key or "", *(key for key in person.former_keys if key in own)],
            login=person.adobe_key if person.adobe_key in own else None,
            unique_user_id=person.unique_user_id,
        )
        rows += [
            SuppressionHash(
                request=purge_request,
                kind=each.kind,
                digest=keyed_hash(each.kind, each.key),
                key_fingerprint=purge_request.key_fingerprint,
                local=True,
                person_id=person.id,
                account_id=person.account_id,
                taken_out=False,
            )
            for each in sorted(known)
        ]
    SuppressionHash.objects.bulk_create(rows, batch_size=MEMBERS_AT_ONCE, ignore_conflicts=True)


# ---------------------------------------------------------------- what is asked


def purged_before(
    *, account_id: int, known: Collection[Known], accepted_after: datetime | None = None
) -> dict[Known, str]:
    """Which of these were somebody's who was purged from this account: identifier → request ID.

    The ID is that of the account's own latest request; empty where every purge began in another account: no customer
    learns about another. With ``accepted_after`` only purges accepted after that moment (a file uploaded before
    must not bring its people back).
    """
    if not known:
        return {}
    asked: dict[tuple[str, str, str], list[Known]] = {}
    for kind in {each.kind for each in known}:
        for (form, digest), keys in asked_digests(kind, [each.key for each in known if each.kind == kind]).items():
            asked[kind, form, digest] = [Known(kind, key) for key in keys]
    hashes = (
        SuppressionHash.objects.filter(
            AnyOf(F("digest"), sorted({digest for _kind, _form, digest in asked})), account_id=account_id
        )
        .exclude(request__status=Status.CANCELLED)
        .exclude(request__status=Status.HELD, request__started_at=None)
    )
    if accepted_after is not None:
        hashes = hashes.filter(request__accepted_at__gt=accepted_after)
    found: dict[Known, str] = {}
    for kind, form, digest, owner, reference in hashes.order_by("request__accepted_at").values_list(
        "kind", "form", "digest", "request__account_id", "request__reference"
    ):
        for each in asked.get((kind, form_of(form), digest), ()):
            if owner == account_id:
                found[each] = reference
            else:
                found.setdefault(each, "")
    return found
