"""Noticing that a backup was restored: what the purge log tells, and this database does not know.

The log is read first and the database is asked then: whatever an outcome's line says was committed before the line was
written, so work in progress is no difference. How far a file was read stands in the database and goes back with it;
each look reads what is new, and after a restore that is what the backup does not know. What differs is kept as
:class:`purge.models.JournalAlarm` until the database knows it after all or an operator has dealt with it.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import CharField, Count, F, Max, Value
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.choices import JournalTrouble
from purge.database import dialect_of
from purge.installation.identity import installation
from purge.journal import chains
from purge.journal.chains import ChainLine, Damage
from purge.journal.homes import look_at_homes
from purge.journal.lines import OUTCOMES, add_missing
from purge.journal.stores.home import Position
from purge.models import Installation, JournalAlarm, JournalChain, JournalMark, PurgeRequest

logger = logging.getLogger(__name__)

#: What an operator types next where a database is older than its log.
COMMAND: Final = "manage.py purge_replay --dry-run"
#: The event of a line that names the chains which a database had before it got another id.
CONTINUES = "continues"
#: Lines that one transaction takes in, and references that one question names.
BATCH, MOST_ASKED = 2_000, 500


@dataclass(frozen=True)
class Difference:
    """One line's: ``kind`` as :class:`JournalTrouble`, and where."""

    kind: str
    chain: str
    seq: int
    reference: str = ""
    event: str = ""
    number: int = 0


@dataclass(frozen=True)
class Trouble:
    """How many purges are unknown or had come further, how many parts of the log are missing or damaged.

    ``places``: the files that cannot be read to their end, each with the number of the line at which it stops. Of what
    follows there nothing is told. False when there is none: then purges go on.
    """

    unknown: int = 0
    behind: int = 0
    missing: int = 0
    damaged: int = 0
    places: tuple[tuple[str, int], ...] = ()

    def __bool__(self) -> bool:
        return self.number > 0

    @property
    def number(self) -> int:
        """What an operator has to deal with."""
        return self.unknown + self.behind + self.missing + self.damaged

    @property
    def is_older(self) -> bool:
        return self.unknown + self.behind > 0

    @property
    def sentences(self) -> list[str]:
        """For operators: what is the matter."""
        said = []
        if self.is_older:
            said.append(_("This database is older than its purge log: %(parts)s.") % {"parts": self._purges})
        if self.missing:
            said.append(
                ngettext(
                    "%(n)d file of the purge log that this database remembers is missing or too short.",
                    "%(n)d files of the purge log that this database remembers are missing or too short.",
                    self.missing,
                )
                % {"n": self.missing}
            )
        said += [
            _("The purge log cannot be read from line %(line)d of %(chain)s on: what follows there is not known.")
            % {"line": line, "chain": chain}
            for chain, line in self.places
        ]
        return said

    @property
    def _purges(self) -> str:
        parts = []
        if self.unknown:
            text = ngettext("%(n)d purge is unknown to it", "%(n)d purges are unknown to it", self.unknown)
            parts.append(text % {"n": self.unknown})
        if self.behind:
            text = ngettext(
                "%(n)d purge had come further than it knows", "%(n)d purges had come further than it knows", self.behind
            )
            parts.append(text % {"n": self.behind})
        return ", ".join(parts)

    @property
    def for_operators(self) -> str:
        return " ".join([*self.sentences, self.what_to_do])

    @property
    def what_to_do(self) -> str:
        """For operators: what it does to the site, and the command that comes next."""
        if not self.is_older:
            return _("Purges wait until you have dealt with it: see manage.py purge_journal status.")
        if settings.PURGE_SITE_FENCE:
            text = _(
                "This site is paused for everybody but operators: people purged since that backup may be back. "
                "Purges wait too. Type %(command)s."
            )
        else:
            text = _(
                "This site is not paused (PURGE_SITE_FENCE=0), though people purged since that backup may be back. "
                "Purges wait until you have dealt with it: type %(command)s."
            )
        return text % {"command": COMMAND}

    @property
    def for_customers(self) -> str:
        """For those who can do nothing about it: what it is, and that somebody is at it."""
        if self.is_older:
            return _(
                "Purging is paused on this site: an older backup was restored, and the operators have to look at it "
                "first."
            )
        return _("Purging is paused on this site: the operators have to look at its purge log first.")


@dataclass
class _News:
    """What a batch of lines tells: (line, reference, event, number) of the outcomes, and what ends the reading."""

    position: Position
    outcomes: list[tuple[int, str, str, int]] = field(default_factory=list)
    damage: Damage | None = None


def paused() -> bool:
    """Whether purges wait because of a difference that was found. One question."""
    return JournalAlarm.objects.exists()


def must_wait() -> bool:
    """Whether a purge may not begin now: a difference was found, is in the newest lines, or nobody can tell."""
    try:
        return bool(glance())
    except OSError as error:
        logger.warning("purge log: it cannot be read (%s); purges wait", type(error).__name__)
        return True


def trouble() -> Trouble:
    """The differences that were found and not yet dealt with."""
    counted = dict.fromkeys(JournalTrouble.values, 0)
    rows = JournalAlarm.objects.values_list("kind").order_by()
    for kind, purges, places in rows.annotate(purges=Count("reference", distinct=True), places=Count("pk")):
        counted[kind] = purges if kind in (JournalTrouble.UNKNOWN, JournalTrouble.BEHIND) else places
    damaged = JournalAlarm.objects.filter(kind=JournalTrouble.DAMAGED).order_by("chain", "seq")
    found = damaged.values_list("chain", "seq") if counted[JournalTrouble.DAMAGED] else ()
    return Trouble(**counted, places=tuple((chain, seq + 1) for chain, seq in found))


# ---------------------------------------------------------------- looking


def glance() -> Trouble:
    """Look without writing anything: what was found before, or what the newest lines tell. Raises OSError."""
    if paused():
        return trouble()
    rows = {row.name: row for row in JournalChain.objects.all()}
    return _counted([*_missing(rows), *_unread(rows, installation().pk)])


def _unread(rows: dict[str, JournalChain], owner: uuid.UUID) -> Iterator[Difference]:
    """What the lines tell that this database has not read."""
    for name in _own_chains(owner, rows):
        start = _position(rows.get(name))
        size = chains.size_of(name)
        if size is None or size <= start.offset:
            continue
        for news in _read(name, start, size, owner=_owner_of(name, owner), settled=False):
            yield from _differences(name, news)


def is_older() -> bool:
    """Whether the log tells of purges that this database does not know, or not so far, and nobody has dealt with it.

    One statement and the files' sizes, as long as no file goes on behind what was read. What is found is kept, where
    it can be. To be asked outside a transaction. Raises OSError and database errors.
    """
    owner, read, was_found = _state()
    if was_found:
        return True
    names = [] if owner is None else _own_chains(owner, read)
    if owner is None or all((chains.size_of(name) or 0) <= read.get(name, 0) for name in names):
        return False
    rows = {row.name: row for row in JournalChain.objects.all()}
    found = _counted(_unread(rows, owner))
    if found.is_older:
        # So that it stands when the log is out of reach; a database that takes nothing says it by each look.
        with contextlib.suppress(OSError, Error):
            look()
    return found.is_older


def _state() -> tuple[uuid.UUID | None, dict[str, int], bool]:
    """In one statement: whose database it is, how many bytes of each file it has read, and whether it was found to be
    older."""
    alarms = JournalAlarm.objects.filter(kind__in=(JournalTrouble.UNKNOWN, JournalTrouble.BEHIND)).order_by()
    said = JournalChain.objects.order_by().values_list(Value("chain"), "name", "offset")
    said = said.union(
        Installation.objects.order_by().values_list(Value("owner"), Cast("pk", CharField()), Value(0)),
        alarms.values_list(Value("older"), "kind", Count("pk")),
        all=True,
    )
    owner, read, was_found = None, {}, False
    for what, name, number in said:
        if what == "chain":
            read[name] = number
        elif what == "owner":
            owner = uuid.UUID(name)
        else:
            was_found = True
    return owner, read, was_found


def look(*, thorough: bool = False, past_damage: bool = False) -> Trouble:
    """Read what is new in every chain of this installation, keep what differs, forget what does not any more.

    ``thorough``: also whether the lines that requests remember are in files that were not read on. ``past_damage``: an
    operator wants to know what follows where a chain cannot be read. Raises OSError.
    """
    owner = installation().pk
    rows = {row.name: row for row in JournalChain.objects.all()}
    names = _own_chains(owner, rows)
    if not rows:
        names += _chains_of_our_past(owner, names)
    for name in names:
        _look_at(name, rows.get(name), _owner_of(name, owner), past_damage=past_damage)
    _look_for_missing(thorough=thorough)
    _forget_settled()
    if thorough:
        _note_server()
    return trouble()


def reconcile() -> Trouble:
    """What the worker does every few seconds: look, then add the lines that the log, or a home of it, lacks.

    A log that cannot be read or written is reported, and tried again next time.
    """
    try:
        found = look()
        add_missing()
        for name in chains_of_this_database() if len(chains.homes()) > 1 else ():
            chains.level(name)
    except OSError as error:
        logger.warning("purge log: it cannot be read or written (%s)", type(error).__name__)
        return trouble()
    return found


def look_thoroughly() -> None:
    """What web and worker do before anything else, and the clock each night.

    What is found goes to the log of the process, which is never stopped by it.
    """
    try:
        look_at_homes()
        found = look(thorough=True)
    except (OSError, Error) as error:
        logger.warning("purge log: it could not be compared (%s)", type(error).__name__)
        return
    if found:
        logger.error("purge log: %s", found.for_operators)


def _note_server() -> None:
    """Another timeline, or another server: something may have happened, and what did is in the log's lines. A note."""
    row, now = installation(), dialect_of(connection).server()
    before = {"system": row.server_system, "timeline": row.server_timeline}
    unlike = {name: value for name, value in now.items() if value != before[name]}
    if not unlike:
        return
    if changed := sorted(name for name in unlike if before[name]):
        row.server_changed_at = timezone.now()
        logger.warning(
            "purge log: the database's server has changed (%s): a failover, a recovery or a move", ", ".join(changed)
        )
    row.server_system, row.server_timeline = (now.get(name, before[name]) for name in ("system", "timeline"))
    row.save(update_fields=["server_system", "server_timeline", "server_changed_at"])


def chains_of_this_database() -> dict[str, int]:
    """All chains that are compared with this database, each with how many bytes of it were read."""
    read = dict(JournalChain.objects.values_list("name", "offset"))
    return {name: read.get(name, 0) for name in _own_chains(installation().pk, read)}


def _own_chains(owner: uuid.UUID, rows: Iterable[str]) -> list[str]:
    """The chains that name this installation, and those that this database has read before."""
    names = chains.chain_names(owner)
    return names + sorted(set(rows) - set(names))


def _owner_of(chain: str, owner: uuid.UUID) -> uuid.UUID | None:
    """To whom the chain has to belong: to this installation, if its name says so."""
    return owner if chain.startswith(f"{owner.hex}.") else None


def _chains_of_our_past(owner: uuid.UUID, names: Iterable[str]) -> list[str]:
    """Chains under another installation's id that tell of this database's requests, or continue one that does.

    A backup from before this database had an id gets a new one; a copy or another database shares no request with it.
    """
    others = [name for name in chains.chain_names() if name not in set(names)]
    if not others or not PurgeRequest.across_accounts.exists():
        return []
    read = {name: _kinship(name) for name in others}
    ours = {name for name, (tells_of_us, _earlier) in read.items() if tells_of_us}
    grown = True
    while grown:
        more = {name for name, (_tells, earlier) in read.items() if earlier & ours} - ours
        ours |= more
        grown = bool(more)
    found = [name for name in others if name in ours]
    if found:
        chains.append(owner, {"event": CONTINUES, "at": timezone.now().isoformat(), "chains": found}, to_disk=True)
    return found


def _kinship(chain: str) -> tuple[bool, set[str]]:
    """Whether a chain tells of a request that this database knows, and which chains it says it continues."""
    items = chains.read(chain, Position(), chains.size_of(chain) or 0, settled=False)
    tells_of_us, earlier = False, set[str]()
    while batch := [item for _after, item in islice(items, BATCH)]:
        lines = [item for item in batch if isinstance(item, ChainLine)]
        outcomes = filter(None, map(_outcome_of, lines))
        references = sorted({reference for _seq, reference, _event, _number in outcomes})
        tells_of_us = tells_of_us or any(_reached(part) for part in _parts(references))
        for line in lines:
            if line.event == CONTINUES:
                earlier.update(map(str, line.data.get("chains", ())))
    return tells_of_us, earlier


def _look_at(
    name: str, row: JournalChain | None, owner: uuid.UUID | None, *, past_damage: bool, behind_it: bool = False
) -> None:
    start, size = _position(row), chains.size_of(name)
    if size is None or size <= start.offset:
        return
    before, damage = start, None
    for news in _read(name, start, chains.settle(name), owner=owner, settled=True):
        if not _take_in(name, before, news, mends=not behind_it):
            return  # another process is reading it
        before, damage = news.position, news.damage
    if damage is None:
        return
    if owner is not None:
        _let_nobody_continue(name)
    if past_damage and go_past(name, damage.after):
        _look_at(name, JournalChain.objects.get(name=name), owner, past_damage=True, behind_it=True)


def _let_nobody_continue(name: str) -> None:
    """Whatever is written from now on has to be read: it goes into a chain of its own."""
    try:
        chains.close(name)
    except OSError as error:
        logger.warning("purge log: a damaged file could not be closed (%s); it is tried again", type(error).__name__)


def go_past(name: str, after: int) -> bool:
    """An operator's word: read on behind the damage that follows line ``after`` of a chain. Whether it was there.

    The lines that are lost there are remembered by nobody from now on. Raises OSError.
    """
    row = JournalChain.objects.filter(name=name).first()
    if row is None or chains.size_of(name) is None:
        return False
    start, size = _position(row), chains.settle(name)
    items = chains.read(name, start, size, settled=True, installation=_owner_of(name, installation().pk))
    behind = next((item.behind for _at, item in items if isinstance(item, Damage) and item.after == after), None)
    if behind is None:
        return False
    lost = JournalMark.objects.filter(chain=name, seq__gt=after)
    if behind.offset < size:
        lost = lost.filter(seq__lte=behind.seq)
    with transaction.atomic():
        lost.update(chain="", seq=0)
        here = JournalChain.objects.filter(pk=row.pk, offset=start.offset, seq=start.seq, digest=start.digest)
        return here.update(offset=behind.offset, seq=behind.seq, digest=behind.digest, read_at=timezone.now()) > 0


def _read(name: str, start: Position, size: int, *, owner: uuid.UUID | None, settled: bool) -> Iterator[_News]:
    """The new lines in batches, up to where they cannot be read. The line before that is read again the next time: it
    may be the one at fault, and put back by then."""
    items = chains.read(name, start, size, settled=settled, installation=owner)
    after = start
    while batch := list(islice(items, BATCH)):
        news = _News(after)
        for position, item in batch:
            if isinstance(item, Damage):
                news.damage = item
                break
            news.position, after = after, position
            if (outcome := _outcome_of(item)) is not None:
                news.outcomes.append(outcome)
        if news.damage is None:
            news.position = after
        yield news


def _outcome_of(line: ChainLine) -> tuple[int, str, str, int] | None:
    reference, number = line.data.get("request"), line.data.get("n")
    if line.event not in OUTCOMES or not isinstance(reference, str) or not isinstance(number, int):
        return None
    return line.seq, reference[:16], line.event, number


def _take_in(name: str, before: Position, news: _News, *, mends: bool) -> bool:
    """Keep what a batch tells, and that it was read, in one transaction. False when somebody else was first.

    ``mends``: what could not be read there was put back.
    """
    with transaction.atomic():
        # One process at a time: two that read different chains would meet at the marks of a request.
        Installation.objects.select_for_update().first()
        row, _made = JournalChain.objects.get_or_create(name=name)
        if (row.offset, row.seq, row.digest) != (before.offset, before.seq, before.digest):
            return False
        if mends:
            been = JournalAlarm.objects.filter(kind=JournalTrouble.DAMAGED, chain=name, seq__gte=before.seq)
            been.filter(seq__lt=news.position.seq).delete()
        _keep(_differences(name, news))
        if news.position == before:
            return True
        _mark_written(news)
        row.offset, row.seq, row.digest = news.position.offset, news.position.seq, news.position.digest
        row.read_at = timezone.now()
        row.save()
    return True


def _differences(name: str, news: _News) -> list[Difference]:
    """What the database does not know of a batch. Asked after the lines were read."""
    found = [Difference(JournalTrouble.DAMAGED, name, news.damage.after)] if news.damage else []
    references = sorted({reference for _seq, reference, _event, _number in news.outcomes})
    reached = {key: value for part in _parts(references) for key, value in _reached(part).items()}
    for seq, reference, event, number in news.outcomes:
        if reference not in reached:
            found.append(Difference(JournalTrouble.UNKNOWN, name, seq, reference, event, number))
        elif reached[reference] < number:
            found.append(Difference(JournalTrouble.BEHIND, name, seq, reference, event, number))
    return found


def _reached(references: list[str]) -> dict[str, int]:
    """How far the database knows each of these requests to have come; those that it does not know are missing."""
    known = PurgeRequest.across_accounts.filter(reference__in=references)
    return dict(known.values_list("reference", Coalesce("journal_mark__reached", 1)))


def _parts(references: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(references), MOST_ASKED):
        yield references[first : first + MOST_ASKED]


def _mark_written(news: _News) -> None:
    """The lines are on the disk: the reconciler need not add them."""
    highest: dict[str, int] = {}
    for _seq, reference, _event, number in news.outcomes:
        highest[reference] = max(number, highest.get(reference, 0))
    by_number: dict[int, list[str]] = {}
    for reference, number in highest.items():
        by_number.setdefault(number, []).append(reference)
    for number, references in sorted(by_number.items()):
        for part in _parts(sorted(references)):
            requests = PurgeRequest.across_accounts.filter(reference__in=part).values_list("pk", flat=True)
            JournalMark.objects.filter(pk__in=list(requests), written__lt=number).update(written=number)


# ---------------------------------------------------------------- what is missing


def _missing(rows: dict[str, JournalChain]) -> Iterator[Difference]:
    """Chains that were read further than their files go. ``rows`` were asked for before the files."""
    for name, row in rows.items():
        size = chains.size_of(name)
        if size is None or size < row.offset:
            yield Difference(JournalTrouble.MISSING, name, row.seq)


def _look_for_missing(*, thorough: bool) -> None:
    rows = {row.name: row for row in JournalChain.objects.all()}
    found = list(_missing(rows))
    if thorough:
        short = {difference.chain for difference in found}
        found += _lines_that_are_missing([row for name, row in rows.items() if name not in short])
        found += _chains_never_read(rows)
    open_ones = JournalAlarm.objects.filter(kind=JournalTrouble.MISSING)
    chains_found = {difference.chain for difference in found}
    back = [alarm.pk for alarm in open_ones if alarm.chain not in chains_found and _is_back(alarm)]
    if back:
        JournalAlarm.objects.filter(pk__in=back).delete()
    _keep(found)


def _is_back(alarm: JournalAlarm) -> bool:
    row = JournalChain.objects.filter(name=alarm.chain).first()
    return row is not None and row.seq >= alarm.seq and (chains.size_of(alarm.chain) or 0) >= row.offset


def _lines_that_are_missing(rows: Iterable[JournalChain]) -> Iterator[Difference]:
    """Lines that requests of this database wrote ahead, in files that end before them."""
    for row in rows:
        later = JournalMark.objects.filter(chain=row.name, seq__gt=row.seq).order_by("-seq")
        wanted = later.values_list("seq", flat=True).first()
        if wanted is None:
            continue
        last, can_be_read = row.seq, True
        for position, item in chains.read(row.name, _position(row), chains.settle(row.name), settled=True):
            last, can_be_read = position.seq, not isinstance(item, Damage)
        if last < wanted and can_be_read:
            yield Difference(JournalTrouble.MISSING, row.name, wanted)


def _chains_never_read(rows: Iterable[str]) -> Iterator[Difference]:
    """Chains that were lost between a request's line and the first look at them."""
    unread = JournalMark.objects.filter(written__lt=F("reached")).exclude(chain="").exclude(chain__in=list(rows))
    for name, seq in unread.values_list("chain").annotate(last=Max("seq")).order_by("chain"):
        if chains.size_of(name) is None:
            yield Difference(JournalTrouble.MISSING, name, seq)


# ---------------------------------------------------------------- keeping and forgetting


def _keep(found: Iterable[Difference]) -> None:
    JournalAlarm.objects.bulk_create(
        [
            JournalAlarm(
                kind=each.kind,
                chain=each.chain,
                seq=each.seq,
                reference=each.reference,
                event=each.event,
                number=each.number,
            )
            for each in found
        ],
        ignore_conflicts=True,
        batch_size=MOST_ASKED,
    )


def _forget_settled() -> None:
    """What the database knows after all: the right backup was put in, or the request was called off here as well."""
    kinds = (JournalTrouble.UNKNOWN, JournalTrouble.BEHIND)
    alarms = list(JournalAlarm.objects.filter(kind__in=kinds).values_list("pk", "reference", "number"))
    references = sorted({reference for _pk, reference, _number in alarms})
    reached = {key: value for part in _parts(references) for key, value in _reached(part).items()}
    settled = [pk for pk, reference, number in alarms if reached.get(reference, 0) >= number]
    for first in range(0, len(settled), MOST_ASKED):
        JournalAlarm.objects.filter(pk__in=settled[first : first + MOST_ASKED]).delete()


def _counted(found: Iterable[Difference]) -> Trouble:
    purges: dict[str, set[str]] = {kind: set() for kind in JournalTrouble.values}
    places: list[tuple[str, int]] = []
    for each in found:
        purges[each.kind].add(each.reference or f"{each.chain} {each.seq}")
        if each.kind == JournalTrouble.DAMAGED:
            places.append((each.chain, each.seq + 1))
    return Trouble(**{kind: len(different) for kind, different in purges.items()}, places=tuple(places))


def _position(row: JournalChain | None) -> Position:
    return Position() if row is None else Position(row.offset, row.seq, row.digest)
