"""Users who were purged and have a row again, by keyed hash: identity columns are no texts, and no pass reads them.

Somebody has come back who holds an address, in the account from whose list it was purged, since before the purge was
accepted. Whoever got it later is somebody else, as always.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from django.db.models import Q

from purge.choices import Fate, IdentifierKind, Status
from purge.hashing import asked_digests, form_of
from purge.host import Holder, PersonState, get_host
from purge.models import PurgeRequest, Subject, SuppressionHash
from purge.proof.report import Hit, check_key
from purge.rules.registry import person_model

#: Statuses of a request whose people are erased.
ERASED: Final = (Status.ERASED, Status.COMPLETED, Status.RESIDUE)
#: Addresses whose hashes are made at a time.
AT_ONCE: Final = 1_000
#: (normal form, digest) of an address → the requests that purged it.
_Sought = dict[tuple[str, str], list[PurgeRequest]]


def returned(requests: Sequence[PurgeRequest]) -> Iterator[Hit]:
    """A hit for each request that has erased its people and each user: the place is the user's row. Raises
    :class:`CouldNotLook`.

    Whom a request holds at the moment is on their way out; whom it has let go stays.
    """
    requests = [purge_request for purge_request in requests if purge_request.status in ERASED]
    check_key(requests)
    stay = Subject.objects.filter(request__in=requests, fate__in=(Fate.RELEASED, Fate.KEPT))
    spared = set(stay.values_list("request_id", "person_id"))
    for account_id, sought in sorted(_sought(requests).items()):
        yield from _in_account(account_id, sought, spared)


def _sought(requests: Sequence[PurgeRequest]) -> dict[int, _Sought]:
    by_id = {purge_request.pk: purge_request for purge_request in requests}
    listed = SuppressionHash.objects.filter(
        Q(person_id__isnull=False) | Q(taken_out=False),
        request__in=by_id,
        kind=IdentifierKind.EMAIL,
        account_id__isnull=False,
    )
    found: dict[int, _Sought] = defaultdict(lambda: defaultdict(list))
    for account_id, form, digest, request_id in listed.values_list("account_id", "form", "digest", "request_id"):
        assert account_id is not None
        there = found[account_id][form_of(form), digest]
        if by_id[request_id] not in there:
            there.append(by_id[request_id])
    return found


def _in_account(account_id: int, sought: _Sought, spared: set[tuple[int, int]]) -> Iterator[Hit]:
    met: dict[str, list[PurgeRequest]] = defaultdict(list)
    keys: list[str] = []

    def look() -> None:
        for place, whose in asked_digests(IdentifierKind.EMAIL, keys).items():
            for key in whose if place in sought else ():
                met[key] += sought[place]
        keys.clear()

    for key in get_host().identities_in(account_id):
        keys.append(key)
        if len(keys) == AT_ONCE:
            look()
    look()
    holders = get_host().holders(account_id, list(met)) if met else {}
    seen = set(spared)
    for key, purged_by in met.items():
        for holder in holders.get(key, ()):
            for purge_request in purged_by:
                place = (purge_request.pk, holder.person_id)
                if place not in seen and has_come_back(holder, purge_request):
                    seen.add(place)
                    yield _hit(account_id, holder, purge_request)


def has_come_back(holder: Holder, purge_request: PurgeRequest) -> bool:
    """Whether somebody who has a purged address was there when it was purged. Of whom nobody knows since when: yes."""
    if not holder.is_current or holder.state == PersonState.PURGING:
        return False
    return holder.since is None or holder.since <= purge_request.asked_at


def _hit(account_id: int, holder: Holder, purge_request: PurgeRequest) -> Hit:
    model = person_model()
    return Hit(
        model._meta.db_table,
        str(model._meta.pk.column),
        str(holder.person_id),
        ruled=True,
        account_id=account_id,
        request_id=purge_request.pk,
    )
