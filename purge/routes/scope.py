"""The reach of one request: whose rows, which addresses, in which accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from django.db.models import Q

from purge.addresses import identity_key, search_keys, sought_keys
from purge.addresses.tokens import cases_of, digests_of_writing, opaque_token, searched_ids
from purge.choices import Fate, IdentifierKind, Reason
from purge.hashing import FOLDED
from purge.host import get_host
from purge.models import Identifier, PurgeRequest
from purge.routes.ownership import ids_kept_in, kept_in, owned_in
from purge.routes.policy import Policy, policy_for
from purge.rules import ModelRules

#: Roles whose rows go.
DOOMED_REASONS = (Reason.SELECTED, Reason.MATCH, Reason.CREATOR, Reason.MEMBER)


@dataclass(frozen=True)
class Scope:
    """What rules are asked with.

    ``people``: ids of the rows that go, ascending. ``going``: the same for the whole request, where this scope is only
    about some of them. ``addresses`` and ``logins``: identity keys taken out in every account of the scope.
    ``own_addresses``: account id → keys taken out there alone. ``ids``: account id → the people's Unique User IDs
    there. ``opaque``: their public ids. ``written``: identity key → the address as it is stored with the people, where
    that is another writing than the key: it has other digests. ``matched``: those of the keys by which the route chose
    its people (see :mod:`purge.routes.ownership`). ``losing_accounts``: accounts in which a person's row goes.
    ``own_people``: those of the account that asked; None: all of them.
    ``requesting_account_id`` is None where the route does not clean one; ``excluded_account_id``: a trial account that
    another request of the same submission cleans.
    """

    people: tuple[int, ...] = ()
    going: frozenset[int] = frozenset()
    addresses: frozenset[str] = frozenset()
    own_addresses: Mapping[int, frozenset[str]] = field(default_factory=dict)
    logins: frozenset[str] = frozenset()
    ids: Mapping[int, frozenset[str]] = field(default_factory=dict)
    opaque: frozenset[str] = frozenset()
    written: Mapping[str, frozenset[str]] = field(default_factory=dict)
    matched: frozenset[str] = frozenset()
    requesting_account_id: int | None = None
    trial_accounts: bool = False
    excluded_account_id: int | None = None
    losing_accounts: frozenset[int] = frozenset()
    accepted_at: datetime | None = None
    initiator_id: int | None = None
    request_id: int = 0
    reference: str = ""
    heir_account_id: int | None = field(default=None)
    own_people: frozenset[int] | None = None

    @cached_property
    def _all(self) -> frozenset[str]:
        identities = self.addresses.union(*self.own_addresses.values())
        ids = searched_ids(self.logins.union(*self.ids.values()))
        return self._sought(identities) | self.opaque | ids

    def all_addresses(self) -> frozenset[str]:
        """What texts of any account are searched for: search keys of addresses, and tokens."""
        return self._all

    def keys_for(self, account_id: int | None) -> frozenset[str]:
        """What to look for in a row of this account (None: of no account), and to take out: the search keys and tokens
        of what is nobody's there, but for :meth:`of_others`."""
        if account_id is None:
            return self._everywhere
        if account_id not in (self.own_addresses.keys() | self.ids.keys() | self._kept.keys()):
            return self._anywhere
        if account_id not in self._there:
            there = searched_ids(self.logins_for(account_id) | self.ids_for(account_id))
            self._there[account_id] = self._sought(self.identities_for(account_id)) | self.opaque | there
        return self._there[account_id]

    def _sought(self, identities: Iterable[str]) -> frozenset[str]:
        identities = frozenset(identities)
        return searched(identities).union(*map(digests_of_writing, self._writings(identities)))

    def _writings(self, identities: frozenset[str]) -> frozenset[str]:
        return frozenset().union(*(self.written[key] for key in identities & self.written.keys()))

    def writings_for(self, account_id: int | None) -> frozenset[str]:
        """The addresses to take out of this account as somebody wrote them, in each case that a salt may stand behind:
        a salted digest of one is computed anew wherever there is a salt."""
        if not self.written:
            return frozenset()
        if account_id not in self._cases:
            identities = self.identities_for(account_id)
            self._cases[account_id] = frozenset().union(*map(cases_of, self._writings(identities)))
        return self._cases[account_id]

    @cached_property
    def _cases(self) -> dict[int | None, frozenset[str]]:
        """Answers of :meth:`writings_for`."""
        return {}

    def identities_for(self, account_id: int | None) -> frozenset[str]:
        """The identities that are taken out of this account: those that are nobody's there; of rows of no account,
        whatever is captured along and is nobody's anywhere."""
        if account_id is None:
            return self.addresses | self._along
        own, kept = self.own_addresses.get(account_id, frozenset()), self._kept.get(account_id, frozenset())
        return (self.addresses | own) - kept

    @cached_property
    def _along(self) -> frozenset[str]:
        """What is taken out in single accounts, and is nobody's in any."""
        along = frozenset().union(*self.own_addresses.values()) - self.addresses
        return along.difference(*self._kept.values()) if along else along

    @cached_property
    def keys_along(self) -> frozenset[str]:
        """What is looked for in rows of no account although it is looked for in single accounts alone."""
        return self._sought(self._along) - self._sought(self.addresses) if self._along else frozenset()

    def of_others(self, account_id: int | None, identities: Collection[str]) -> frozenset[str]:
        """Those of the identities that belong to somebody of the account (None: of any) who stays. What is looked for
        is wider than an identity, and may stand in a longer address: where theirs is written, it stays."""
        asked = frozenset(identities) - self.identities_for(account_id)
        if new := {key for key in asked if (account_id, key) not in self._others}:
            going = self.going | set(self.people)
            theirs = owned_in(account_id, new, accepted_at=self.accepted_at, going=going)
            self._others.update({(account_id, key): key in theirs for key in new})
        return frozenset(key for key in asked if self._others[account_id, key])

    @cached_property
    def _others(self) -> dict[tuple[int | None, str], bool]:
        """Answers of :meth:`of_others`: many texts ask for the same."""
        return {}

    @cached_property
    def _everywhere(self) -> frozenset[str]:
        return self._sought(self.identities_for(None)) | self.opaque

    @cached_property
    def _anywhere(self) -> frozenset[str]:
        """In an account in which nothing else is looked for."""
        return self._sought(self.addresses) | self.opaque | searched_ids(self.logins)

    @cached_property
    def _there(self) -> dict[int, frozenset[str]]:
        """Answers of :meth:`keys_for` that differ."""
        return {}

    def logins_for(self, account_id: int | None) -> frozenset[str]:
        """The logins to take out of the settings of this account. Nobody signs in with what is of no account."""
        if account_id is None:
            return frozenset()
        return self.logins - self._kept.get(account_id, frozenset())

    def ids_for(self, account_id: int | None) -> frozenset[str]:
        """The Unique User IDs to take out of this account: those of its own people that nobody else there has now."""
        own = self.ids.get(account_id, frozenset()) if account_id is not None else frozenset()
        return own - self._ids_held.get(account_id or 0, frozenset()) if own else own

    @cached_property
    def _ids_held(self) -> Mapping[int, frozenset[str]]:
        """Which of the IDs somebody has who stays, by account: asked once. :meth:`anew` forgets the answer."""
        return ids_kept_in(self.ids, going=self.going | set(self.people)) if self.ids else {}

    def homes_of(self, account_id: int | None) -> frozenset[str]:
        """What the home page of an account of xAPI's may be whose name is one of this account's IDs or logins."""
        if account_id is None:
            return frozenset()
        if account_id not in self._homes:
            self._homes[account_id] = get_host().home_pages(account_id)
        return self._homes[account_id]

    @cached_property
    def _homes(self) -> dict[int, frozenset[str]]:
        return {}

    @cached_property
    def _kept(self) -> Mapping[int, frozenset[str]]:
        """What belongs to somebody who stays, by account: asked once. :meth:`anew` forgets the answer."""
        identities = self.addresses.union(self.logins, *self.own_addresses.values())
        return kept_in(
            identities,
            accepted_at=self.accepted_at,
            going=self.going | set(self.people),
            matched=self.matched,
        )

    def anew(self) -> Scope:
        """The same scope, which asks again whose each identifier is."""
        return replace(self)

    def in_accounts(self, path: str | None, *, staff: bool = False) -> Q:
        """The condition that a row's account (at ``path``) is one that the route cleans. None: rows of no account.

        ``staff``: rows of the platform's own people are of no account (``ModelRules.staff_is_everybodys``).
        """
        if path is None:
            return Q()
        condition = Q(pk__in=())
        if self.requesting_account_id is not None:
            condition |= Q(**{path: self.requesting_account_id})
        if self.trial_accounts:
            trials = Q(**{f"{path}__in": get_host().trial_account_ids(as_of=self.accepted_at)})
            if self.excluded_account_id is not None:
                trials &= ~Q(**{path: self.excluded_account_id})
            condition |= trials
        if staff:
            condition |= Q(**{f"{path}__in": get_host().staff_account_ids()})
        return condition

    def only(self, person_id: int) -> Scope:
        """The same for one person, for the repetition person by person; addresses stay."""
        return replace(self, people=(person_id,), going=self.going | set(self.people))


def owner_of(rules: ModelRules, account_id: int | None, staff: Collection[int]) -> int | None:
    """The account whose row this is, from what stands at the rules' path; None: of no account.

    ``staff``: the ids of the accounts of the platform's own people.
    """
    if rules.account is None or (rules.staff_is_everybodys and account_id in staff):
        return None
    return account_id


def build_scope(
    policy: Policy,
    *,
    people: Iterable[int],
    addresses: Iterable[str],
    own_addresses: Mapping[int, Iterable[str]] | None = None,
    logins: Iterable[str] = (),
    ids: Mapping[int, Iterable[str]] | None = None,
    public_ids: Iterable[str] = (),
    written: Mapping[str, Iterable[str]] | None = None,
    matched: Iterable[str] = (),
    account_id: int | None,
    excluded_account_id: int | None = None,
    losing_accounts: Iterable[int] = (),
    accepted_at: datetime | None = None,
    initiator_id: int | None = None,
    request_id: int = 0,
    reference: str = "",
) -> Scope:
    """A scope under a route's policy: accounts that the route does not clean are left out of it.

    ``written``: identity key → the address as it is stored with the people, in each of its writings.
    """
    people = tuple(sorted(people))
    return Scope(
        people=people,
        going=frozenset(people),
        addresses=frozenset(addresses),
        own_addresses={account: frozenset(keys) for account, keys in (own_addresses or {}).items()},
        logins=frozenset(logins),
        ids={account: frozenset(keys) for account, keys in (ids or {}).items()},
        opaque=frozenset(map(opaque_token, public_ids)),
        written={key: frozenset(writings) for key, writings in (written or {}).items()},
        matched=frozenset(matched),
        requesting_account_id=account_id if policy.scrub_requesting_account else None,
        trial_accounts=policy.scrub_trial_accounts,
        excluded_account_id=excluded_account_id,
        losing_accounts=frozenset(losing_accounts),
        accepted_at=accepted_at,
        initiator_id=initiator_id,
        request_id=request_id,
        reference=reference,
        heir_account_id=account_id,
    )


def searched(keys: Iterable[str]) -> frozenset[str]:
    """The search keys of identities, and the digests of addresses."""
    return frozenset().union(*(sought_keys(key) for key in keys))


def current_key(value: str, form: str) -> str:
    """A captured identifier as an identity key. One that was captured by an earlier release is what that made of it."""
    return identity_key(value) if form == FOLDED else value


def addresses_of(requests: Iterable[PurgeRequest]) -> Mapping[str, frozenset[str]]:
    """The search keys of all addresses that open requests have captured, each with what a salted digest may be of: the
    key itself, and the address as it is stored."""
    stored = Identifier.objects.filter(request__in=list(requests), kind=IdentifierKind.EMAIL)
    found: dict[str, set[str]] = defaultdict(set)
    for value, form, written in stored.values_list("value", "form", "written"):
        cases = frozenset().union(*map(cases_of, written.splitlines()))
        for key in search_keys(current_key(value, form)):
            found[key] |= {key, *cases}
    return {key: frozenset(writings) for key, writings in found.items()}


def scope_of(purge_request: PurgeRequest) -> Scope:
    """The scope of a stored request, from its subjects and the identifiers captured at submission."""
    identifiers = [
        (kind, current_key(value, form), account_id, match)
        for kind, value, form, account_id, match in purge_request.identifiers.values_list(
            "kind", "value", "form", "account_id", "match"
        )
    ]
    there: dict[int, set[str]] = defaultdict(set)
    ids: dict[int, set[str]] = defaultdict(set)
    for kind, value, account_id, _match in identifiers:
        if account_id is not None and kind in (IdentifierKind.EMAIL, IdentifierKind.UNIQUE_ID):
            (there if kind == IdentifierKind.EMAIL else ids)[account_id].add(value)
    written: dict[str, set[str]] = defaultdict(set)
    for value, form, writing in purge_request.identifiers.exclude(written="").values_list("value", "form", "written"):
        written[current_key(value, form)].update(writing.splitlines())
    subjects = [
        (person_id, account_id)
        for person_id, account_id, reason, fate in purge_request.subjects.values_list(
            "person_id", "account_id", "role", "fate"
        )
        if reason in DOOMED_REASONS and fate != Fate.RELEASED
    ]
    own = frozenset(person_id for person_id, account_id in subjects if account_id == purge_request.account_id)
    scope = build_scope(
        policy_for(purge_request),
        people=[person_id for person_id, _account in subjects],
        addresses=[
            value for kind, value, account, _m in identifiers if kind == IdentifierKind.EMAIL and account is None
        ],
        own_addresses=there,
        logins=[value for kind, value, _account, _match in identifiers if kind == IdentifierKind.LOGIN],
        ids=ids,
        public_ids=[value for kind, value, _account, _match in identifiers if kind == IdentifierKind.PUBLIC_ID],
        written=written,
        matched=[value for kind, value, _account, match in identifiers if match],
        account_id=purge_request.account_id,
        excluded_account_id=purge_request.excluded_account_id,
        losing_accounts={account_id for _person, account_id in subjects},
        accepted_at=purge_request.asked_at,
        initiator_id=purge_request.initiator_id,
        request_id=purge_request.pk,
        reference=purge_request.reference,
    )
    return replace(scope, own_people=None if len(own) == len(subjects) else own)
