"""What a restored database has of the purges that the purge log knows: who is gone, who is back, and of whom nobody can
tell. Changes nothing.

Somebody is back who has the public id that the log names, and their row was added at the same moment in the same
account; or, without that id, an address whose keyed hash the log has, and the same moment and account. Whoever fits
in a part of this only is somebody else, or may be: an operator looks. A row's number is nobody's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.db.models.functions import Coalesce

from purge.choices import IdentifierKind, JournalTrouble, Status
from purge.hashing import asked_digests, fingerprint, form_of
from purge.host import AccountFacts, Person, get_host
from purge.installation.identity import installation
from purge.journal import noticing
from purge.journal.brought_back import people_here
from purge.journal.lines import CANCELLED
from purge.journal.purges import BadLine, LoggedPerson, LoggedPurge, read_purges
from purge.models import JournalAlarm, PurgeRequest, Subject

#: References that one question names.
MOST_ASKED = 500


class Finding(StrEnum):
    """What a database has of somebody who was purged."""

    GONE = "gone"
    BACK = "back"
    #: An operator says whether they go or stay.
    SOMEBODY_ELSE = "somebody else"
    CANNOT_TELL = "cannot tell"


class Task(StrEnum):
    """What is done about a purge."""

    #: A new request asks for the same.
    ASK = "ask again"
    #: This database's own request goes on from where the backup has it.
    RESUME = "goes on"
    #: It was called off after the backup, and is here too.
    CALL_OFF = "call off"
    #: There is nothing to purge.
    NOTHING = "nothing to do"


@dataclass(frozen=True)
class Answer:
    """``person``: the user of this database that it is about; ``logged``: whom the log names. ``why``: in words."""

    finding: Finding
    why: str = ""
    person: Person | None = None
    logged: LoggedPerson | None = None


@dataclass
class Judged:
    """A purge of the log. ``known``: this database's request of the same ID; ``asked``: one that asks for it again
    already; ``alarmed``: purges wait because of it."""

    purge: LoggedPurge
    known: PurgeRequest | None = None
    asked: PurgeRequest | None = None
    alarmed: bool = False
    task: Task = Task.ASK
    answers: list[Answer] = field(default_factory=list)

    def number(self, finding: Finding) -> int:
        return sum(1 for answer in self.answers if answer.finding == finding)

    def people(self, finding: Finding) -> list[Person]:
        """The users of this database with this answer, each once."""
        found = {
            answer.person.id: answer.person for answer in self.answers if answer.finding == finding and answer.person
        }
        return [found[pk] for pk in sorted(found)]

    def undecided(self, decided: Collection[int]) -> list[Person]:
        """Those about whom an operator has to decide and has not."""
        return [person for person in self.people(Finding.SOMEBODY_ELSE) if person.id not in decided]


@dataclass
class Judgement:
    """``damage``: where the log cannot be read. ``missing``: files that are not there, or too short.
    ``untold``: lines of the earliest format whose requests this database does not know: these tell no outcome."""

    purges: list[Judged] = field(default_factory=list)
    damage: list[BadLine] = field(default_factory=list)
    missing: int = 0
    chains: int = 0


def replay_judge(*, since: datetime | None = None, past_damage: bool = False) -> Judgement:
    """Every purge that the log knows and this database does not, or not so far. Raises OSError, HashKeyMissing.

    ``since``: also those that this database knows as completed, of what was accepted then or later; for a backup that
    was put in in part. ``past_damage``: also what stands behind lines of the log that cannot be read.
    """
    noticing.look(thorough=True, past_damage=past_damage)
    alarms = JournalAlarm.objects.filter(kind__in=(JournalTrouble.UNKNOWN, JournalTrouble.BEHIND))
    alarmed = set(alarms.values_list("reference", flat=True))
    names = noticing.chains_of_this_database()
    told = read_purges(
        names,
        owner=installation().pk,
        wanted=alarmed.__contains__,
        since=since,
        past=names if past_damage else {},
    )
    found = Judgement(
        damage=told.damage,
        missing=JournalAlarm.objects.filter(kind=JournalTrouble.MISSING).count(),
        chains=len(names),
    )
    found.purges = judge_each(told.purges, alarmed)
    return found


def judge_each(purges: Sequence[LoggedPurge], alarmed: Collection[str]) -> list[Judged]:
    """The number of questions does not depend on how many people there are, but by hundreds."""
    references = [purge.reference for purge in purges]
    known = {each.reference: each for each in _requests("reference", references)}
    asked = {each.replays: each for each in _requests("replays", references)}
    reached = _reached(references)
    judged = []
    for purge in purges:
        each = Judged(purge, known.get(purge.reference), asked.get(purge.reference), purge.reference in alarmed)
        each.task = _task(each, reached.get(purge.reference, 0))
        judged.append(each)
    _judge_people([each for each in judged if each.task == Task.ASK])
    for each in judged:
        if each.task == Task.ASK and each.known is not None and not _needs_somebody(each):
            each.task = Task.NOTHING
    return judged


def _requests(name: str, references: Sequence[str]) -> Iterable[PurgeRequest]:
    for first in range(0, len(references), MOST_ASKED):
        part = references[first : first + MOST_ASKED]
        yield from PurgeRequest.across_accounts.filter(**{f"{name}__in": part}).order_by("pk")


def _reached(references: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for first in range(0, len(references), MOST_ASKED):
        rows = PurgeRequest.across_accounts.filter(reference__in=references[first : first + MOST_ASKED])
        found |= dict(rows.values_list("reference", Coalesce("journal_mark__reached", 1)))
    return found


def _task(judged: Judged, reached: int) -> Task:
    purge, known = judged.purge, judged.known
    if known is None:
        return Task.NOTHING if purge.event == CANCELLED else Task.ASK
    if reached < purge.number:
        if purge.event == CANCELLED:
            return Task.CALL_OFF if known.is_open else Task.NOTHING
        return Task.RESUME
    # Known as far as the log knows it: only whoever is back although it is completed.
    return Task.ASK if known.status == Status.COMPLETED else Task.NOTHING


def _needs_somebody(judged: Judged) -> bool:
    return any(answer.finding in (Finding.BACK, Finding.SOMEBODY_ELSE) for answer in judged.answers)


# ---------------------------------------------------------------- who is back


def _judge_people(judged: Sequence[Judged]) -> None:
    purges = [each.purge for each in judged]
    here = people_here(purges)
    accounts = get_host().accounts(sorted({number for purge in purges for number in purge.accounts}))
    for each in judged:
        each.answers = list(_by_public_id(each.purge, here, accounts))
    _by_address(judged, accounts)
    for each in judged:
        each.answers += _cannot_tell(each, accounts)


def _by_public_id(
    purge: LoggedPurge, here: Mapping[str, Person], accounts: Mapping[int, AccountFacts]
) -> Iterable[Answer]:
    for logged in purge.people:
        person = here.get(logged.public_id)
        if person is None:
            yield Answer(Finding.GONE, logged=logged)
        elif not is_same_account(purge, logged.account_id, accounts) or person.account_id != logged.account_id:
            yield Answer(Finding.SOMEBODY_ELSE, "has the public id, and is in another account", person, logged)
        elif logged.added_at is not None and person.added_at != logged.added_at:
            yield Answer(Finding.SOMEBODY_ELSE, "has the public id, and was added at another moment", person, logged)
        else:
            yield Answer(Finding.BACK, person=person, logged=logged)


def is_same_account(purge: LoggedPurge, account_id: int, accounts: Mapping[int, AccountFacts]) -> bool:
    """Whether the account of this number is the one that the log means."""
    return account_id in accounts and accounts[account_id].public_id == purge.accounts.get(account_id)


def _by_address(judged: Sequence[Judged], accounts: Mapping[int, AccountFacts]) -> None:
    """Who has an address now that was somebody's who was purged from the account, under another public id."""
    key = fingerprint()
    wanted: dict[int, dict[tuple[str, str], list[Judged]]] = defaultdict(lambda: defaultdict(list))
    for each in judged:
        if each.purge.key != key:
            continue
        for account_id, form, digest in _listed(each.purge):
            if is_same_account(each.purge, account_id, accounts):
                wanted[account_id][form_of(form), digest].append(each)
    spared = {answer.person.id for each in judged for answer in each.answers if answer.person}
    spared |= set(
        Subject.objects.filter(request__replays__in=[each.purge.reference for each in judged]).values_list(
            "person_id", flat=True
        )
    )
    for account_id, sought in sorted(wanted.items()):
        for (form, digest, _key), people in _holding(account_id, sought).items():
            for purged in sought[form, digest]:
                purged.answers += _new_holders(purged, people, spared)


def _listed(purge: LoggedPurge) -> set[tuple[int, str, str]]:
    """(account, normal form, digest) of the addresses of a purge that count on the list of an account. A line of an
    earlier release does not say of which: then of each from which somebody went."""
    places = {person.account_id for person in purge.people} | ({purge.account_id} if purge.account_id else set())
    found = set()
    for each in purge.hashes:
        if each.kind == IdentifierKind.EMAIL:
            listed = ([each.listed_in] if each.listed_in is not None else []) if each.whole else sorted(places)
            found |= {(account_id, each.form, each.digest) for account_id in listed}
    return found


def _holding(
    account_id: int, sought: Mapping[tuple[str, str], Sequence[Judged]]
) -> dict[tuple[str, str, str], list[Person]]:
    """(normal form, digest, key) → the users of an account who have the address of that hash now."""
    keys: list[tuple[str, str, str]] = []
    asked: list[str] = []

    def look() -> None:
        for (form, digest), whose in asked_digests(IdentifierKind.EMAIL, asked).items():
            if (form, digest) in sought:
                keys.extend((form, digest, key) for key in whose)
        asked.clear()

    for key in get_host().identities_in(account_id):
        asked.append(key)
        if len(asked) >= MOST_ASKED:
            look()
    look()
    holders = get_host().holders(account_id, {key for _form, _digest, key in keys}) if keys else {}
    ids = {holder.person_id for there in holders.values() for holder in there if holder.is_current}
    people = {person.id: person for person in get_host().people(sorted(ids))}
    return {
        place: [people[holder.person_id] for holder in holders.get(place[2], ()) if holder.is_current] for place in keys
    }


def _new_holders(judged: Judged, people: Iterable[Person], spared: set[int]) -> Iterable[Answer]:
    """Of people who have an address of a purge, and not the public id."""
    purge = judged.purge
    missing = [answer.logged for answer in judged.answers if answer.finding == Finding.GONE and answer.logged]
    already = {answer.person.id for answer in judged.answers if answer.person}
    for person in people:
        if person.id in spared | already:
            continue
        added_later = purge.accepted_at is not None and person.added_at > purge.accepted_at
        if judged.known is not None and added_later:
            continue  # of a purge that is known here: a new user, as always
        already.add(person.id)
        same = [each for each in missing if each.added_at == person.added_at and each.account_id == person.account_id]
        if same:
            yield Answer(Finding.BACK, "has the address, and was added at that moment", person, same[0])
        elif added_later:
            yield Answer(Finding.SOMEBODY_ELSE, "has an address of somebody purged, and was added later", person)
        else:
            yield Answer(Finding.SOMEBODY_ELSE, "has an address of somebody purged, and was there before", person)


def _cannot_tell(judged: Judged, accounts: Mapping[int, AccountFacts]) -> Iterable[Answer]:
    purge = judged.purge
    if not purge.told:
        yield Answer(Finding.CANNOT_TELL, "the line that says whom it was about is missing")
        return
    if purge.account_id is not None and not is_same_account(purge, purge.account_id, accounts):
        yield Answer(Finding.CANNOT_TELL, "its account is not in this database")
    if purge.hashes and purge.key != fingerprint():
        yield Answer(Finding.CANNOT_TELL, "its keyed hashes were made with another key: who has the addresses now?")
