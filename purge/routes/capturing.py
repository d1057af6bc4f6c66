"""What a request remembers of identifiers: plain while it is open, as keyed hashes for good.

Of people who go without having been selected (matches, creators, members of emptied accounts) the addresses, present
and former, are taken out in their own account, their logins in every account that is cleaned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from purge.addresses import IDENTITY_KEY_VERSION, address_key, emails_in, identity_key, search_keys, trimmed
from purge.choices import IdentifierKind
from purge.hashing import SEARCHED, keyed_hash
from purge.host import Person
from purge.models import Identifier, PurgeRequest, SuppressionHash
from purge.routes.ownership import not_shared
from purge.routes.scope import current_key


@dataclass(frozen=True)
class Captured:
    """An identity key, and where it is taken out: in one account, or (None) wherever the route cleans.

    ``match``: the route chose its people by it.
    """

    kind: IdentifierKind
    key: str
    account_id: int | None = None
    match: bool = False


def store(
    purge_request: PurgeRequest,
    plain: Collection[Captured],
    *,
    only_hashed: Collection[Captured] = (),
    listed_in: int | None = None,
) -> None:
    """Store identifiers and hashes with a request; what is there already is left as it is.

    ``listed_in``: the account on whose suppression list they are, where they are nobody's
    (:mod:`purge.routes.suppression`).
    """
    Identifier.objects.bulk_create(
        [
            Identifier(
                request=purge_request,
                kind=each.kind,
                value=each.key,
                account_id=each.account_id,
                local=each.account_id is not None,
                match=each.match,
            )
            for each in plain
        ],
        ignore_conflicts=True,
        batch_size=1_000,
    )
    # By whatever is unique: whether the route chose people by it, which one of two spellings may say and the other not.
    hashes: dict[tuple[IdentifierKind, str, str, int | None], bool] = {}
    for each in (*plain, *only_hashed):
        spellings = [(IDENTITY_KEY_VERSION, each.key)]
        if each.kind == IdentifierKind.EMAIL:
            # What the patrol meets in texts is compared with these.
            spellings += [(SEARCHED, spelling) for spelling in search_keys(each.key)]
        for form, spelling in spellings:
            place = (each.kind, form, keyed_hash(each.kind, spelling), each.account_id)
            hashes[place] = hashes.get(place, False) or each.match
    SuppressionHash.objects.bulk_create(
        [
            SuppressionHash(
                request=purge_request,
                kind=kind,
                digest=digest,
                form=form,
                account_id=listed_in if form == IDENTITY_KEY_VERSION else None,
                only_account_id=account_id,
                local=account_id is not None,
                match=match,
                key_fingerprint=purge_request.key_fingerprint,
            )
            for (kind, form, digest, account_id), match in hashes.items()
        ],
        ignore_conflicts=True,
        batch_size=1_000,
    )


def note_writings(purge_request: PurgeRequest, writings: Iterable[str]) -> None:
    """Remember how captured addresses are stored with people, where that is another writing than the key."""
    written: dict[str, set[str]] = defaultdict(set)
    for writing in writings:
        key = identity_key(writing)
        if "@" in key and trimmed(writing) != key:
            written[key].add(trimmed(writing))
    if not written:
        return
    stored = purge_request.identifiers.filter(kind=IdentifierKind.EMAIL)
    rows = [row for row in stored if current_key(row.value, row.form) in written]
    for row in rows:
        writings = written[current_key(row.value, row.form)]
        row.written = "\n".join(sorted({*row.written.splitlines(), *writings}))
    Identifier.objects.bulk_update(rows, ["written"], batch_size=500)


def capture_ids(purge_request: PurgeRequest, people: Iterable[Person]) -> None:
    """Store the Unique User IDs of people who go; each stands for its person in its own account alone."""
    Identifier.objects.bulk_create(
        [
            Identifier(
                request=purge_request,
                kind=IdentifierKind.UNIQUE_ID,
                value=identity_key(person.unique_user_id),
                person_id=person.id,
                account_id=person.account_id,
                local=True,
                match=False,
            )
            for person in people
            if person.unique_user_id
        ],
        ignore_conflicts=True,
        batch_size=1_000,
    )


# ---------------------------------------------------------------- who was not selected


@dataclass(frozen=True)
class Gathered:
    """``addresses``: account id → keys. ``logins``: keys. What somebody who stays shares with them is in neither."""

    addresses: Mapping[int, frozenset[str]] = field(default_factory=dict)
    logins: frozenset[str] = frozenset()


def is_findable(login: str) -> bool:
    """Whether a login is an address, as which it is found in texts. Any other is compared whole, whatever it looks
    like (``i:0#.f|membership|ann@corp.example``, ``ann@corp@x``, ``acct:ann@corp``)."""
    return "@" in login and address_key(login) in emails_in(address_key(login))


def gathered_of(people: Iterable[Person], *, going: Collection[int]) -> Gathered:
    """``going``: ids of everybody who goes with the request. The number of queries does not depend on how many."""
    addresses: dict[int, set[str]] = defaultdict(set)
    logins: dict[int, set[str]] = defaultdict(set)
    for person in people:
        addresses[person.account_id] |= {key for key in (person.email_key, *person.former_keys) if key}
        if person.adobe_key:
            logins[person.account_id].add(person.adobe_key)
            if is_findable(person.adobe_key):
                addresses[person.account_id].add(person.adobe_key)
    if not addresses:
        return Gathered()
    theirs = not_shared({account: addresses[account] | logins[account] for account in addresses}, going)
    return Gathered(
        addresses={account: frozenset(keys & theirs[account]) for account, keys in addresses.items()},
        logins=frozenset(key for account, keys in logins.items() for key in keys & theirs[account]),
    )


def capture_gathered(purge_request: PurgeRequest, gathered: Gathered) -> None:
    """Store what was gathered; what is taken out everywhere needs no account."""
    everywhere = set(
        purge_request.identifiers.filter(kind=IdentifierKind.EMAIL, account_id=None).values_list("value", flat=True)
    )
    found = [
        Captured(IdentifierKind.EMAIL, key, account_id)
        for account_id, keys in sorted(gathered.addresses.items())
        for key in sorted(keys - everywhere)
    ]
    store(purge_request, [*found, *(Captured(IdentifierKind.LOGIN, key) for key in sorted(gathered.logins))])
