"""What people are searched for: derived once for each, remembered as keyed hashes in one row, told on the page.

What is in a set, and where it is looked for: the digests of every captured address, in each spelling of its domain and
as the people have it stored (wherever the address is taken out); their logins and public id (wherever the route
cleans); their Unique User ID (in their own account). See :mod:`purge.addresses.tokens` for what counts as found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from purge.addresses import identity_key, sought_keys
from purge.addresses.tokens import digests_of_writing, id_token, is_token, opaque_token, searched_ids
from purge.choices import IdentifierKind
from purge.hashing import HASH_BYTES, hasher
from purge.host import Person, get_host
from purge.models import IdentifierSet, PurgeRequest
from purge.routes.names import name_hashes
from purge.routes.scope import current_key

#: Of the kinds of identifiers: addresses that people had before.
EARLIER = "earlier"
#: What the keyed hashes of tokens are made for.
TOKEN = "token"  # noqa: S105


@dataclass(frozen=True)
class _Captured:
    """What a request looks for. By account: None is everywhere."""

    addresses: Mapping[int | None, Mapping[str, frozenset[str]]]
    logins: frozenset[str]


def remember_sets(purge_request: PurgeRequest, people: Collection[Person]) -> None:
    """Store the sets of these people, of what is captured of them. Once each: who has one keeps it."""
    captured = _captured(purge_request)
    names = get_host().names([person.id for person in people])
    IdentifierSet.objects.bulk_create(
        [_set_of(purge_request, person, captured, names.get(person.id, "")) for person in people],
        ignore_conflicts=True,
        batch_size=500,
    )


def remember_addresses(purge_request: PurgeRequest, people: Iterable[Person]) -> None:
    """The same for captured addresses and logins that are none of these people's: one set, of nobody."""
    theirs = {key for person in people for key in _keys_of(person)}
    captured = _captured(purge_request)
    addresses = {key: found for key, found in captured.addresses[None].items() if key not in theirs}
    logins = captured.logins - theirs
    if not addresses and not logins:
        return
    kinds = Counter({str(IdentifierKind.EMAIL): len(addresses), str(IdentifierKind.LOGIN): len(logins)})
    IdentifierSet.objects.bulk_create(
        [
            IdentifierSet(
                request=purge_request,
                account_id=purge_request.account_id,
                everywhere=_hashes(frozenset().union(*addresses.values()) | searched_ids(logins)),
                kinds=dict(+kinds),
            )
        ],
        ignore_conflicts=True,
    )


def _captured(purge_request: PurgeRequest) -> _Captured:
    addresses: dict[int | None, dict[str, frozenset[str]]] = defaultdict(dict)
    logins = set()
    wanted = purge_request.identifiers.filter(kind__in=(IdentifierKind.EMAIL, IdentifierKind.LOGIN))
    columns = ("kind", "value", "form", "account_id", "written")
    for kind, stored, form, account_id, written in wanted.values_list(*columns):
        value = current_key(stored, form)
        if kind == IdentifierKind.LOGIN:
            logins.add(value)
        else:
            addresses[account_id][value] = tokens_of_address(value, written)
    return _Captured(addresses, frozenset(logins))


def tokens_of_address(key: str, written: str = "") -> frozenset[str]:
    """The digests of an address. ``written``: as :class:`purge.models.Identifier` has it."""
    own = frozenset(token for token in sought_keys(key) if is_token(token))
    return own.union(*map(digests_of_writing, written.splitlines()))


def _keys_of(person: Person) -> set[str]:
    return {key for key in (person.email_key, *person.former_keys, person.adobe_key) if key}


def _set_of(purge_request: PurgeRequest, person: Person, captured: _Captured, name: str) -> IdentifierSet:
    known = _keys_of(person)
    anywhere = {key: found for key, found in captured.addresses[None].items() if key in known}
    own = captured.addresses[person.account_id]
    there = {key: found for key, found in own.items() if key in known and key not in anywhere}
    logins = captured.logins & known
    everywhere = {opaque_token(person.public_id)}.union(*anywhere.values(), searched_ids(logins))
    local = frozenset().union(*there.values())
    if person.unique_user_id:
        local |= {id_token(identity_key(person.unique_user_id))}
    addresses = [*anywhere, *there]
    former = sum(1 for key in addresses if key in person.former_keys)
    kinds = {
        str(IdentifierKind.EMAIL): len(addresses) - former,
        EARLIER: former,
        str(IdentifierKind.LOGIN): len(logins),
        str(IdentifierKind.UNIQUE_ID): int(bool(person.unique_user_id)),
        str(IdentifierKind.PUBLIC_ID): 1,
    }
    return IdentifierSet(
        request=purge_request,
        person_id=person.id,
        account_id=person.account_id,
        everywhere=_hashes(everywhere),
        there=_hashes(local),
        names=name_hashes(name),
        kinds={kind: number for kind, number in kinds.items() if number},
    )


def _hashes(tokens: Iterable[str]) -> bytes:
    hash_of = hasher(TOKEN)
    return b"".join(bytes.fromhex(hash_of(token)) for token in sorted(tokens))


def hashes_in(stored: bytes | memoryview) -> Iterator[str]:
    """The keyed hashes of a set, as :func:`purge.hashing.hasher` writes them."""
    digits = bytes(stored).hex()
    width = 2 * HASH_BYTES
    return (digits[start : start + width] for start in range(0, len(digits), width))
