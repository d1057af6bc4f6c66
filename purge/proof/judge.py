"""What counts as found: whose row it is, whose the address is now, and what is expected to stay."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q

from purge.addresses import (
    identity_key,
    names,
    others_in_value,
    sought_keys,
)
from purge.addresses.tokens import ID, ids_in, is_token
from purge.choices import Fate, IdentifierKind
from purge.database.catalog import Column
from purge.hashing import FOLDED, SEARCHED, hasher
from purge.host import Holder, get_host
from purge.models import PurgeRequest
from purge.proof.columns import readable, readings_of, shape_of, takes_addresses
from purge.proof.files import FileMention, Where
from purge.proof.report import Hit
from purge.proof.row_names import row_name
from purge.routes.ownership import id_owner_in, owner_anywhere
from purge.routes.ownership import owner_of as owner_among
from purge.routes.policy import policy_for
from purge.routes.scope import DOOMED_REASONS, owner_of
from purge.rules.registry import get_registry, person_model

#: Seconds for which an answer to "whose is it now?" is believed, and how many are remembered. A pass meets the same few
#: identifiers in row after row, and the answers took a quarter of its time.
BELIEVED, MOST_REMEMBERED = 1.0, 10_000

# ---------------------------------------------------------------- what concerns whom


@dataclass(frozen=True)
class Written:
    """How an address is written in a stored value."""

    column: Column
    value: Any
    key: str

    @property
    def identities(self) -> set[str]:
        """What its mentions are, and longer addresses that they stand in."""
        shape = shape_of(self.column)
        readings = readings_of(self.column, self.value)
        return set().union(*(others_in_value(each, shape, {self.key}, ()) for each in readings))

    def names_others_than(self, identities: Collection[str]) -> bool:
        """Whether a mention is left that is none of these."""
        readings = readings_of(self.column, self.value)
        return any(names(each, shape_of(self.column), {self.key}, spared=identities) for each in readings)


@dataclass(frozen=True)
class WrittenInFile:
    """The same of a stored file: what each of its mentions can be."""

    mentions: frozenset[frozenset[str]]

    @property
    def identities(self) -> frozenset[str]:
        return frozenset().union(*self.mentions)

    def names_others_than(self, identities: Collection[str]) -> bool:
        return any(each.isdisjoint(identities) for each in self.mentions)


@dataclass(frozen=True)
class Sought:
    """That a request looks for an identifier: in one account, or (None) wherever its route cleans.

    ``identity``: its identity key, as long as that is known.
    """

    purge_request: PurgeRequest
    kind: str
    account_id: int | None
    matched: bool
    identity: str | None = None


class Judge:
    """Whether an address in a row of some account is residue of a request, or expected."""

    def __init__(self, requests: Iterable[PurgeRequest]) -> None:
        self.trials = set(get_host().trial_account_ids())
        self.became_trial = get_host().became_trial()
        self.staff = frozenset(get_host().staff_account_ids())
        self.policies = {purge_request.pk: policy_for(purge_request) for purge_request in requests}
        self.exact: dict[int, frozenset[str]] = {}
        self.homes: dict[int, frozenset[str]] = {}
        self.digests: dict[tuple[int, str], str | None] = {}
        self._held: dict[tuple[int, str], tuple[float, list[Holder]]] = {}
        self.going = {purge_request.pk: _going(purge_request) for purge_request in requests}

    def hits(self, column: Column, pk: Any, key: str, sought: Collection[Sought], value: Any = None) -> Iterator[Hit]:
        """A hit for each request that looks for the identifier in the account of this row. ``value``: of the column,
        where it is an address that was found: how it is written there says whose it is."""
        if sought and not self.is_own(column.table, pk, key):
            ruled = takes_addresses(column.table, column.name)
            name, account_id = row_name(column.table, pk), self.account_of(column.table, pk)
            place = Hit(column.table, column.name, name, ruled, account_id, key, pk=pk)
            written = None if value is None else Written(column, readable(column, value), key)
            yield from self._of_requests(place, sought, written)

    def file_hits(self, mention: FileMention, key: str, sought: Collection[Sought]) -> Iterator[Hit]:
        """The same for an address in a stored file."""
        place = Hit(mention.table, mention.column, mention.row, True, mention.account_id, key)
        yield from self._of_requests(place, sought, WrittenInFile(frozenset(mention.written[key])))

    def _of_requests(
        self, place: Hit, sought: Iterable[Sought], written: Written | WrittenInFile | None
    ) -> Iterator[Hit]:
        seen: set[int] = set()
        # Those by which people were chosen first: with them fewer holders count.
        for each in sorted(sought, key=lambda each: not each.matched):
            purge_request = each.purge_request
            if written is not None and not self._is_at_home(place, written):
                return
            if purge_request.pk in seen or not self.concerns(each, place.account_id, place.key):
                continue
            seen.add(purge_request.pk)
            owner = self._owner(place, each) if written is None else self._owner_as_written(place, each, written)
            yield replace(place, request_id=purge_request.pk, kind=each.kind, matched=each.matched, owner=owner)

    def _owner(self, place: Hit, sought: Sought) -> Holder | None:
        """Whose it is now: the identity that is looked for, or the very one that was found, where they differ."""
        found = identity_key(place.key) if sought.kind == IdentifierKind.EMAIL else place.key.removeprefix(ID)
        for identity in dict.fromkeys((found, sought.identity or found)):
            if (owner := self._holder(place, sought, identity)) is not None:
                return owner
        return None

    def _owner_as_written(self, place: Hit, sought: Sought, written: Written | WrittenInFile) -> Holder | None:
        """Whose it is now, by how it is written: the key is wider than an identity, and may stand in a longer address.

        Somebody's only if no mention in the value is nobody's.
        """
        if place.account_id is None and sought.account_id is None:
            return None
        found = ((identity, self._holder(place, sought, identity)) for identity in sorted(written.identities))
        owners = {identity: owner for identity, owner in found if owner is not None}
        if owners and not written.names_others_than(owners):
            return next(iter(owners.values()))
        # A looser writing is that of whoever is looked for.
        if is_token(place.key) and not place.key.startswith(ID) and sought.identity is None:
            return self._holder_of_digest(place, sought)
        looked_for = sought.identity or self._only_known(sought, place.key)
        return self._holder(place, sought, looked_for) if looked_for else None

    def _only_known(self, sought: Sought, key: str) -> str | None:
        """The identity that is looked for, as far as a request still knows it that is closed."""
        identity = identity_key(key)
        known = self._is_captured(sought.purge_request, identity) or not self.exact[sought.purge_request.pk]
        return identity if known else None

    def _holder_of_digest(self, place: Hit, sought: Sought) -> Holder | None:
        """Whose digest it is now, of the addresses in the account: which was purged nobody knows any more."""
        account_id = sought.account_id if place.account_id is None else place.account_id
        assert account_id is not None
        asked = (account_id, place.key)
        if asked not in self.digests:
            there = get_host().identities_in(account_id)
            self.digests[asked] = next((identity for identity in there if place.key in sought_keys(identity)), None)
        identity = self.digests[asked]
        return self._holder(place, sought, identity) if identity else None

    def _holder(self, place: Hit, sought: Sought, identity: str) -> Holder | None:
        if place.account_id is None:
            return self._holder_anywhere(sought, identity)
        if place.key.startswith(ID) or sought.kind == IdentifierKind.UNIQUE_ID:
            owner = id_owner_in(place.account_id, identity, going=self.going[sought.purge_request.pk])
            if owner is not None or sought.kind == IdentifierKind.UNIQUE_ID:
                return owner
        matched = sought.matched
        if matched and sought.kind == IdentifierKind.EMAIL:
            known = self._is_captured(sought.purge_request, identity)
            matched = known if sought.identity is None else identity == sought.identity
        purge_request = sought.purge_request
        return owner_among(
            self._holders(place.account_id, identity),
            accepted_at=purge_request.asked_at,
            going=self.going[purge_request.pk],
            matched=matched,
        )

    def _holders(self, account_id: int, identity: str) -> list[Holder]:
        asked, now = (account_id, identity), time.monotonic()
        known = self._held.get(asked)
        if known is None or now - known[0] > BELIEVED:
            if len(self._held) >= MOST_REMEMBERED:
                self._held.clear()
            known = self._held[asked] = now, get_host().holders(account_id, [identity]).get(identity, [])
        return known[1]

    def _holder_anywhere(self, sought: Sought, identity: str) -> Holder | None:
        """In a row of no account: of what the purge looks for in one account alone, whoever has it in any."""
        if sought.account_id is None:
            return None
        purge_request = sought.purge_request
        going = self.going[purge_request.pk]
        return owner_anywhere(identity, accepted_at=purge_request.accepted_at, going=going)

    def _is_captured(self, purge_request: PurgeRequest, identity: str) -> bool:
        """Whether an address is one that was purged, not one that only looks like it."""
        if purge_request.pk not in self.exact:
            hashes = purge_request.hashes.filter(kind=IdentifierKind.EMAIL, match=True).exclude(
                form__in=(FOLDED, SEARCHED)
            )
            self.exact[purge_request.pk] = frozenset(hashes.values_list("digest", flat=True))
        return hasher(IdentifierKind.EMAIL)(identity) in self.exact[purge_request.pk]

    def account_of(self, table: str, pk: Any) -> int | None:
        """The account of a row; None when it has none, or when nothing declares how to find it."""
        entry = get_registry().by_table.get(table)
        if entry is None or entry.rules.account is None:
            return None
        account_id: int | None = (
            entry.model._base_manager.filter(pk=pk).values_list(entry.rules.account, flat=True).first()
        )
        return owner_of(entry.rules, account_id, self.staff)

    def _is_at_home(self, place: Hit, written: Written | WrittenInFile) -> bool:
        """Whether an ID stands where it is this account's: not in an account on somebody else's home page."""
        if not place.key.startswith(ID) or place.account_id is None or isinstance(written, WrittenInFile):
            return True
        if place.account_id not in self.homes:
            self.homes[place.account_id] = get_host().home_pages(place.account_id)
        readings = readings_of(written.column, written.value)
        return any(place.key in ids_in(each, self.homes[place.account_id]) for each in readings)

    def concerns(self, sought: Sought, account_id: int | None, key: str = "") -> bool:
        if account_id is None:
            # Nobody is known by an ID or a login where there is no account.
            return sought.kind not in (IdentifierKind.LOGIN, IdentifierKind.UNIQUE_ID) and not key.startswith(ID)
        if sought.account_id is not None:
            return account_id == sought.account_id
        policy = self.policies[sought.purge_request.pk]
        requesting = policy.scrub_requesting_account and account_id == sought.purge_request.account_id
        if requesting:
            return True
        trial = account_id in self.trials and self._was_trial(account_id, sought.purge_request)
        return policy.scrub_trial_accounts and trial and account_id != sought.purge_request.excluded_account_id

    def _was_trial(self, account_id: int, purge_request: PurgeRequest) -> bool:
        """Whether a trial account was one when the request was accepted, or was made since."""
        return account_id not in self.became_trial or self.became_trial[account_id] <= purge_request.asked_at

    def concerning(self, purge_request: PurgeRequest, files: Iterable[FileMention]) -> list[FileMention]:
        """Those of the files that are in an account that a request cleans."""
        sought = Sought(purge_request, IdentifierKind.EMAIL, None, matched=False)
        return [file for file in files if self.concerns(sought, file.account_id)]

    def cleaned(self, requests: Iterable[PurgeRequest]) -> Where:
        """The condition that a row's account is one that one of the requests cleans."""
        requests = list(requests)
        own = [
            purge_request.account_id
            for purge_request in requests
            if purge_request.account_id is not None and self.policies[purge_request.pk].scrub_requesting_account
        ]
        trials = any(self.policies[purge_request.pk].scrub_trial_accounts for purge_request in requests)

        def where(path: str | None) -> Q:
            if path is None:
                return Q()
            condition = Q(**{f"{path}__in": own})
            return condition | Q(**{f"{path}__in": get_host().trial_account_ids()}) if trials else condition

        return where

    def is_own(self, table: str, pk: Any, key: str) -> bool:
        """Whether it stands in the row of the very user whose it is (a creator who is kept)."""
        return table == person_model()._meta.db_table and key in get_host().own_keys(int(pk))


def _going(purge_request: PurgeRequest) -> frozenset[int]:
    going = purge_request.subjects.filter(role__in=DOOMED_REASONS).exclude(fate=Fate.RELEASED)
    return frozenset(going.values_list("person_id", flat=True))
