"""Splitting off what a request would do to people of other accounts, where it has grown beyond its guards.

Like what has to wait from the beginning (:mod:`purge.services.submission`): a request of no account, which support sees
beside the first and its account does not. The first one goes on.
"""

from __future__ import annotations

from collections.abc import Sequence

from purge.choices import IdentifierKind, Origin, Reach
from purge.hashing import FOLDED, SEARCHED
from purge.journal.lines import journal_acceptance
from purge.models import PurgeRequest
from purge.references import new_reference
from purge.routes.capturing import Captured, store
from purge.routes.guards import reached_elsewhere, reached_of
from purge.routes.policy import policy_of, within
from purge.routes.scope import DOOMED_ROLES
from purge.routes.targets import Target, add_subjects
from purge.run.claims import note
from purge.run.notifications import tell_trouble
from purge.run.transitions import accept


def split_off(request: PurgeRequest, targets: Sequence[Target], *, held: str) -> PurgeRequest:
    """These people as a request that waits for an operator, in the caller's transaction. Nobody is frozen.

    What is known of the people in the requesting account alone is no business of this part. Raises OSError when its
    line does not reach the purge log.
    """
    doomed = [target for target in targets if target.role in DOOMED_ROLES]
    part = accept(
        reference=new_reference(),
        route=request.route,
        origin=Origin.ELSEWHERE,
        reach=Reach.OTHERS,
        part_of=request,
        held=held,
        policy=within(policy_of(request.route), Reach.OTHERS).as_json(),
        key_fingerprint=request.key_fingerprint,
        accepted_at=request.accepted_at,
        due_at=request.due_at,
        other_account_count=reached_elsewhere(None, reached_of(targets)),
        kept_count=len(targets) - len(doomed),
        people_left=len(doomed),
    )
    everywhere = request.identifiers.filter(
        kind__in=(IdentifierKind.EMAIL, IdentifierKind.LOGIN), account_id=None
    ).exclude(form=FOLDED)
    store(
        part,
        [
            Captured(IdentifierKind(kind), key, match=match)
            for kind, key, match in everywhere.values_list("kind", "value", "match")
        ],
        only_hashed=[Captured(IdentifierKind.PUBLIC_ID, target.person.public_id) for target in doomed],
    )
    add_subjects(part, list(targets), begins=False)
    note(part, "accepted", people=len(doomed), own=0, route=str(part.route))
    note(part, "held", reason=held)
    tell_trouble(part, "held")
    said = part.hashes.exclude(form=SEARCHED).values_list("kind", "digest", "form").distinct()
    journal_acceptance(
        part,
        people=[target.person for target in doomed],
        digests=[(str(kind), digest, form) for kind, digest, form in said],
    )
    return part
