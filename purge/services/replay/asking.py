"""Asking for a purge again that a restored backup undid, one transaction for each: killed at any moment, what is done
is done, and the next run begins with the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from purge.addresses import IDENTITY_KEY_VERSION
from purge.addresses.tokens import opaque_token
from purge.choices import Fate, IdentifierKind, Origin, Reach, Reason, Route, Status
from purge.hashing import FOLDED, SEARCHED, asked_digests, fingerprint, form_of, hasher
from purge.host import Person, get_host
from purge.installation.identity import installation
from purge.journal import chains
from purge.journal.lines import COMPLETED
from purge.journal.purges import LoggedHash, LoggedPurge
from purge.models import (
    Identifier,
    IdentifierSet,
    Installation,
    JournalAlarm,
    JournalMark,
    PurgeRequest,
    SuppressionHash,
)
from purge.routes.policy import policy_of
from purge.routes.scope import DOOMED_REASONS
from purge.routes.searched_for import TOKEN
from purge.routes.targets import Target
from purge.run import transitions
from purge.run.claims import note
from purge.run.freezing import begin, give_back
from purge.selectors import open_request_of
from purge.services.accepting import (
    Again,
    Identities,
    accept_here_and_elsewhere,
    accept_request,
    emails_of,
    identities_of,
)
from purge.services.following import purge_cancel
from purge.services.refusals import PurgeRefused
from purge.services.replay.judging import Finding, Judged, Task, is_same_account
from purge.services.restoring import log_or_refuse
from purge.worker.queue import enqueue_request

#: The event of a line that says what was done about a purge after a restore.
REPLAYED = "replayed"
_IMS = (Route.IMS_ENTERPRISE, Route.IMS_TRIAL)


@dataclass(frozen=True)
class Decisions:
    """What an operator says of the users who may be somebody else: they go, or they stay. By their numbers here."""

    erase: frozenset[int] = field(default_factory=frozenset)
    leave: frozenset[int] = field(default_factory=frozenset)

    @property
    def all(self) -> frozenset[int]:
        return self.erase | self.leave


def purge_replay(judged: Judged, decisions: Decisions) -> PurgeRequest | None:
    """Do what is to be done about a purge; the request that does the rest, if there is one.

    Nothing is done about a purge of which somebody has to decide first. Raises :class:`PurgeRefused`; then nothing of
    it has changed.
    """
    if judged.undecided(decisions.all):
        return None
    with transaction.atomic():
        # One at a time, and no look at the log in between.
        Installation.objects.select_for_update().first()
        match judged.task:
            case Task.ASK:
                request = _ask(judged, decisions)
            case Task.RESUME:
                request = _resume(judged)
            case Task.CALL_OFF:
                request = _call_off(judged)
            case _nothing:
                request = None
        _dealt_with(judged, request)
        return request


def _dealt_with(judged: Judged, request: PurgeRequest | None) -> None:
    """The differences go, but for what nobody can tell: that is for somebody to acknowledge."""
    if judged.number(Finding.CANNOT_TELL):
        return
    alarms = JournalAlarm.objects.filter(reference=judged.purge.reference)
    if not alarms.exists():
        return
    line: dict[str, Any] = {
        "event": REPLAYED,
        "at": timezone.now().isoformat(),
        "request": judged.purge.reference,
        "by": request.reference if request is not None else None,
        "how": judged.task.name.lower(),
    }
    with log_or_refuse():
        chains.append(installation().pk, line, to_disk=True)
    alarms.delete()
    Installation.objects.update(restored_at=timezone.now())


# ---------------------------------------------------------------- a request that this database has


def _resume(judged: Judged) -> PurgeRequest:
    """It goes on from where the backup has it. Who was let go after that stays; and what an operator had let through
    has been let through."""
    assert judged.known is not None
    request = PurgeRequest.across_accounts.select_for_update().get(pk=judged.known.pk)
    _let_go(request, judged.purge)
    if request.status == Status.HELD and judged.purge.event == COMPLETED:
        transitions.release(request)
        with log_or_refuse():
            begin(request)
        enqueue_request(request.pk)
    mark, _made = JournalMark.objects.get_or_create(request=request)
    if mark.reached < judged.purge.number:
        JournalMark.objects.filter(pk=mark.pk).update(reached=judged.purge.number, written=judged.purge.number)
    note(request, "resumed")
    return request


def _let_go(request: PurgeRequest, purge: LoggedPurge) -> None:
    left = get_host().people_by_public_id([person.public_id for person in purge.let_go])
    subjects = request.subjects.filter(role__in=DOOMED_REASONS, fate=Fate.WAITING)
    ids = list(subjects.filter(person_id__in=[person.id for person in left]).values_list("person_id", flat=True))
    if request.planned or not ids:
        return
    give_back(request, only=ids)
    request.identifiers.filter(person_id__in=ids).delete()
    request.identifier_sets.filter(person_id__in=ids).delete()
    request.hashes.filter(person_id__in=ids).delete()
    waiting = request.subjects.filter(role__in=DOOMED_REASONS, fate__in=(Fate.WAITING, Fate.STUCK))
    PurgeRequest.across_accounts.filter(pk=request.pk).update(people_left=waiting.count())


def _call_off(judged: Judged) -> PurgeRequest:
    assert judged.known is not None
    return purge_cancel(acting_user=None, purge_request=judged.known)


# ---------------------------------------------------------------- a request that it has not


def _ask(judged: Judged, decisions: Decisions) -> PurgeRequest | None:
    purge = judged.purge
    wanted = [*judged.people(Finding.BACK)]
    wanted += [person for person in judged.people(Finding.SOMEBODY_ELSE) if person.id in decisions.erase]
    earlier = _earlier(purge, [person.id for person in wanted])
    if earlier is not None:
        return earlier
    if not purge.told or (purge.account_id is not None and not _has_account(purge)):
        return None
    people = _still_so(wanted)
    taken = open_request_of([person.id for person in people], account_id=purge.account_id or 0)
    people = [person for person in people if person.id not in taken]
    if taken and not people and judged.known is not None:
        return PurgeRequest.across_accounts.get(reference=min(taken.values()))
    readable = purge.key == fingerprint()
    gone = [answer.logged.public_id for answer in judged.answers if answer.finding == Finding.GONE and answer.logged]
    if not people and not (readable and purge.hashes):
        return None
    again = Again(
        purge.reference,
        purge.accepted_at or timezone.now(),
        purge.due_at or (purge.accepted_at or timezone.now()) + timedelta(days=settings.PURGE_DUE_DAYS),
        partial(remember_logged, purge=purge, gone=gone, readable=readable),
    )
    request = _accept(purge, people, again)
    note(request, "replayed", people=len(people), already_gone=len(gone))
    return request


def _earlier(purge: LoggedPurge, ids: Collection[int]) -> PurgeRequest | None:
    """The request of an earlier run that asks for all of these again. One that is over, and nobody is left to ask for;
    else whoever was brought back once more would stay."""
    for request in (
        PurgeRequest.across_accounts.filter(replays=purge.reference).exclude(status=Status.CANCELLED).order_by("-pk")
    ):
        there = set(request.subjects.filter(role__in=DOOMED_REASONS).values_list("person_id", flat=True))
        if not ids or (request.is_open and set(ids) <= there):
            return request
    return None


def _has_account(purge: LoggedPurge) -> bool:
    assert purge.account_id is not None
    return is_same_account(purge, purge.account_id, get_host().accounts([purge.account_id]))


def _still_so(wanted: Sequence[Person]) -> list[Person]:
    """The people, locked. Raises :class:`PurgeRefused` when one of them is not the one who was looked at."""
    people = {person.id: person for person in get_host().lock_people(sorted(person.id for person in wanted))}
    for person in wanted:
        now = people.get(person.id)
        if now is None or (now.public_id, now.account_id, now.added_at) != (
            person.public_id,
            person.account_id,
            person.added_at,
        ):
            raise PurgeRefused("changed", _("The people have changed meanwhile. Look again."), people=[person.id])
    return [people[pk] for pk in sorted(people)]


def _accept(purge: LoggedPurge, people: Sequence[Person], again: Again) -> PurgeRequest:
    route = Route(purge.route)
    policy = policy_of(route)
    targets = _targets(purge, people)
    identities = _identities(purge, targets)
    # Whoever was told of its end is not told again; whoever still waits for it is.
    initiator = _initiator(purge) if purge.event != COMPLETED else None
    if purge.account_id is not None and purge.reach is None and route not in _IMS:
        # A line of an earlier release does not say how far it reached: that is asked as if it were new.
        return accept_here_and_elsewhere(
            route=route,
            policy=policy,
            origin=Origin.REPLAY,
            account_id=purge.account_id,
            acting_user=initiator,
            targets=targets,
            identities=identities,
            token=None,
            again=again,
        )
    first = _first(purge) if purge.account_id is None and route not in _IMS else None
    reach = Reach.OTHERS if first else Reach(purge.reach or Reach.EVERYWHERE)
    return accept_request(
        route=route,
        policy=policy,
        origin=Origin.ELSEWHERE if first else Origin.REPLAY,
        account_id=purge.account_id,
        acting_user=None if first else initiator,
        targets=targets,
        identities=identities,
        reach=reach,
        part_of=first,
        held=purge.held if purge.event != COMPLETED else "",
        again=again,
    )


def _first(purge: LoggedPurge) -> PurgeRequest:
    """What a part was split off from, or what asks for that again. Lines of earlier releases do not name it: it was
    accepted at the same moment."""
    if purge.part_of:
        found = PurgeRequest.across_accounts.filter(Q(reference=purge.part_of) | Q(replays=purge.part_of), part_of=None)
    else:
        moment = Q(accepted_at=purge.accepted_at) | Q(first_accepted_at=purge.accepted_at)
        found = PurgeRequest.across_accounts.filter(moment, route=purge.route, part_of=None, account_id__isnull=False)
    first = found.order_by("-pk").first()
    if first is None:
        raise PurgeRefused(
            "part",
            _("The request of which it was a part is neither here nor asked for again. Nothing was done about it."),
        )
    return first


def _initiator(purge: LoggedPurge) -> Any:
    from django.contrib.auth import get_user_model

    found = get_host().people_by_public_id([purge.initiator]) if purge.initiator else []
    if not found or purge.account_id is None or not get_host().may_purge(found[0].id, purge.account_id):
        return None
    return get_user_model()._base_manager.filter(pk=found[0].id).first()


def _targets(purge: LoggedPurge, people: Sequence[Person]) -> list[Target]:
    """Why each of them goes, which lines do not say: by the route, the account, and what they have of one another."""
    created = get_host().created_accounts([person.id for person in people])
    creators = {person.id for person in people if person.account_id in created.get(person.id, ())}
    emptied = (
        {person.account_id for person in people if person.id in creators} if purge.route == Route.IMS_TRIAL else ()
    )
    addresses = emails_of(person for person in people if person.account_id == purge.account_id)
    targets = []
    for person in people:
        if person.account_id == purge.account_id:
            others = addresses - {person.email_key}
            reason = Reason.MATCH if person.adobe_key in others else Reason.SELECTED
        elif person.id in creators:
            reason = Reason.CREATOR
        else:
            reason = Reason.MEMBER if person.account_id in emptied else Reason.MATCH
        targets.append(Target(person, reason))
    return targets


def _identities(purge: LoggedPurge, targets: Sequence[Target]) -> Identities:
    """What of the people's identifiers was taken out everywhere then: what their rows have, and the log's hashes say.

    Of whoever was selected, what their rows have now, as with any request.
    """
    selected = [target.person for target in targets if target.reason == Reason.SELECTED]
    own = identities_of(selected, purge.account_id, targets) if purge.account_id is not None else Identities()
    if not any(each.whole for each in purge.hashes):
        chosen = [target.person for target in targets if target.reason in (Reason.MATCH, Reason.CREATOR)]
        return own if purge.account_id is not None else Identities(emails=emails_of(chosen))
    people = [target.person for target in targets]
    said = {
        (each.kind, form_of(each.form), each.digest): each.match
        for each in purge.hashes
        if each.taken_out and each.only_account_id is None
    }
    known: dict[tuple[str, bool], set[str]] = {}
    logins = {person.adobe_key for person in people}
    addresses = logins.union(*({person.email_key, *person.former_keys} for person in people))
    for kind, keys in ((IdentifierKind.EMAIL, addresses), (IdentifierKind.LOGIN, logins)):
        for (form, digest), whose in asked_digests(kind, sorted(key for key in keys if key)).items():
            match = said.get((str(kind), form, digest))
            # An old hash cannot tell apart what one loose key did not.
            if match is not None and form != FOLDED:
                known.setdefault((str(kind), match), set()).update(whose)
    emails = own.emails | known.get((str(IdentifierKind.EMAIL), True), set())
    return Identities(
        emails=frozenset(emails),
        other_addresses=(own.other_addresses | known.get((str(IdentifierKind.EMAIL), False), set())) - emails,
        former=own.former - emails,
        logins=own.logins | known.get((str(IdentifierKind.LOGIN), False), set()),
        match_logins=frozenset(known.get((str(IdentifierKind.LOGIN), True), set())),
        unique_ids=own.unique_ids,
    )


# ---------------------------------------------------------------- what only the log knows


def remember_logged(purge_request: PurgeRequest, *, purge: LoggedPurge, gone: Collection[str], readable: bool) -> None:
    """Store the log's keyed hashes with a request, so that the pass over every text looks for what they were made of,
    and whoever has it now is known to have been purged; and the public ids of people who are not here any more, whose
    files may be.

    ``readable``: they were made with the present key.
    """
    Identifier.objects.bulk_create(
        [
            Identifier(request=purge_request, kind=IdentifierKind.PUBLIC_ID, value=public_id, local=False, match=False)
            for public_id in gone
        ],
        ignore_conflicts=True,
    )
    _remember_tokens(purge_request, gone)
    if not readable:
        return
    accounts = get_host().accounts(sorted(purge.accounts))
    rows = [row for each in purge.hashes for row in _rows(purge_request, purge, each, accounts)]
    SuppressionHash.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1_000)


def _remember_tokens(purge_request: PurgeRequest, public_ids: Collection[str]) -> None:
    if not public_ids:
        return
    hash_of = hasher(TOKEN)
    digests = b"".join(bytes.fromhex(hash_of(opaque_token(public_id))) for public_id in sorted(public_ids))
    row, _made = IdentifierSet.objects.get_or_create(
        request=purge_request, person_id=None, defaults={"account_id": purge_request.account_id}
    )
    row.everywhere = bytes(row.everywhere) + digests
    row.kinds = {**row.kinds, str(IdentifierKind.PUBLIC_ID): len(public_ids)}
    row.save(update_fields=["everywhere", "kinds"])


def _rows(
    purge_request: PurgeRequest, purge: LoggedPurge, logged: LoggedHash, accounts: Mapping[int, Any]
) -> Iterable[SuppressionHash]:
    here = {account_id for account_id in purge.accounts if is_same_account(purge, account_id, accounts)}
    listed = logged.listed_in if logged.listed_in in here else None
    if logged.only_account_id is not None and logged.only_account_id not in here:
        return
    if not logged.whole and logged.kind not in (IdentifierKind.EMAIL, IdentifierKind.LOGIN, IdentifierKind.PUBLIC_ID):
        return
    forms = [logged.form]
    if (
        logged.kind == IdentifierKind.EMAIL
        and not logged.whole
        and logged.form.partition("/")[0] == form_of(IDENTITY_KEY_VERSION)
    ):
        # Lines of before have no hashes of what texts are searched for: mostly it is the same.
        forms.append(SEARCHED)
    if not logged.taken_out and listed is None:
        return
    for form in forms:
        yield SuppressionHash(
            request=purge_request,
            kind=logged.kind,
            digest=logged.digest,
            form=form,
            key_fingerprint=purge_request.key_fingerprint,
            account_id=listed if form != SEARCHED else None,
            only_account_id=logged.only_account_id,
            local=logged.only_account_id is not None or not logged.taken_out,
            taken_out=logged.taken_out,
            match=logged.match,
        )
