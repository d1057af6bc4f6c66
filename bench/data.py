"""The data set: accounts, what they offer, and people with their rows, written with COPY into the project's tables.

The size is that of one LMS installation: 62,500 users and 1.9 million rows at scale 1. Every fifth user is the trial
twin of a deleted user of an enterprise account, and those are the light people that are purged. Heavy people are added
fifty at a time, so that each run gets fresh ones.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from threading import Barrier
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.utils import timezone

from bench.layout import KINDS, Batch, Catalogue, Kind, Person, counts
from purge.addresses.index import drop_indexes, ensure_indexes
from purge.rules.registry import get_registry
from purge.steps.addresses import text_column

ENTERPRISE_USERS, TRIAL_USERS = 50_000, 12_500
ENTERPRISES, TRIALS = 100, 25
BLOCK = 1 << 18

Progress = Callable[[str], None]


# ---------------------------------------------------------------- writing


def _default_text(field_: models.Field[Any, Any], now: str) -> str:
    """What stands in a column that a row says nothing about, as COPY text."""
    if field_.null:
        return r"\N"
    if field_.has_default() and not callable(field_.default):
        return str(field_.get_default())
    kind = field_.get_internal_type()
    if kind == "DateTimeField":
        return now
    if kind == "BooleanField":
        return "False"
    if kind == "JSONField":
        return "{}"
    if "Char" in kind or "Text" in kind or "File" in kind:
        return ""
    return "0"


class Writer:
    """Writes rows of one model. Rows come as COPY text: the id, then ``columns``; the rest is the model's defaults."""

    def __init__(self, label: str, columns: Sequence[str]) -> None:
        model = apps.get_model(label)
        self.table = model._meta.db_table
        given = [str(model._meta.pk.column), *columns]
        fields = {str(f.column): f for f in model._meta.local_concrete_fields}
        rest = [name for name in fields if name not in given]
        now = timezone.now().isoformat(sep=" ", timespec="microseconds")[:26]
        self.columns = given + rest
        self.fields = [fields[name] for name in self.columns]
        self._tail = "".join("\t" + _default_text(fields[name], now) for name in rest) + "\n"

    def write(self, lines: Iterable[str]) -> None:
        if connection.vendor == "postgresql":
            self._copy(lines)
        else:
            self._insert(lines)

    def _copy(self, lines: Iterable[str]) -> None:
        quote = connection.ops.quote_name
        names = ", ".join(map(quote, self.columns))
        with connection.cursor() as cursor, cursor.copy(f"COPY {quote(self.table)} ({names}) FROM STDIN") as copy:
            block: list[str] = []
            size = 0
            for line in lines:
                block += (line, self._tail)
                size += len(line)
                if size > BLOCK:
                    copy.write("".join(block))
                    block, size = [], 0
            copy.write("".join(block))

    def _insert(self, lines: Iterable[str]) -> None:
        quote = connection.ops.quote_name
        names = ", ".join(map(quote, self.columns))
        marks = ", ".join("?" * len(self.columns))
        makers = [_maker(f) for f in self.fields]
        rows = (
            [make(value) for make, value in zip(makers, (line + self._tail[:-1]).split("\t"), strict=True)]
            for line in lines
        )
        connection.ensure_connection()
        # The driver's own cursor: Django's translates every statement's marks.
        connection.connection.executemany(f"INSERT INTO {quote(self.table)} ({names}) VALUES ({marks})", rows)


def _maker(field_: models.Field[Any, Any]) -> Callable[[str], Any]:
    """From COPY text to what SQLite stores."""
    kind = field_.get_internal_type()
    if kind == "BooleanField":
        return lambda value: value == "True"
    if kind == "UUIDField":
        return lambda value: None if value == r"\N" else value.replace("-", "")
    if kind == "JSONField":
        return lambda value: value
    return lambda value: None if value == r"\N" else value


def next_id(label: str) -> int:
    """The first id that no row of the table has."""
    model = apps.get_model(label)
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT max({quote(str(model._meta.pk.column))}) FROM {quote(model._meta.db_table)}")
        return (cursor.fetchone()[0] or 0) + 1


def reset_sequences(labels: Iterable[str]) -> None:
    """After rows with ids of our own: the next row that the application makes gets a higher one."""
    from django.core.management.color import no_style

    wanted = [apps.get_model(label) for label in labels]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), wanted):
            cursor.execute(statement)


class Unchecked:
    """Foreign keys are not checked meanwhile, and no commit waits for the disk: what is written here is consistent, and
    is flushed with the next commit of anybody else's."""

    def __enter__(self) -> None:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET session_replication_role = replica; SET synchronous_commit = off")
            else:
                cursor.execute("PRAGMA foreign_keys = OFF")
                cursor.execute("BEGIN")

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET session_replication_role = DEFAULT; SET synchronous_commit = DEFAULT")
            else:
                cursor.execute("ROLLBACK" if kind else "COMMIT")
                cursor.execute("PRAGMA foreign_keys = ON")


def side_by_side(actions: Iterable[Callable[[], Any]]) -> None:
    """Two at a time, each on a connection of its own, as the machine has two cores. One by one on SQLite, where one
    writer waits for another. Raises what the first that failed raised."""
    if connection.vendor != "postgresql":
        for action in actions:
            action()
        return
    with ThreadPoolExecutor(2, initializer=_connect) as pool:
        done = [pool.submit(action) for action in actions]
        # Each thread closes its own: no other may.
        barrier = Barrier(2)
        closing = [pool.submit(_disconnect, barrier) for _thread in range(2)]
    for future in (*done, *closing):
        future.result()


def _connect() -> None:
    connection.ensure_connection()


def _disconnect(barrier: Barrier) -> None:
    barrier.wait(600)
    connection.close()


def unchecked(action: Callable[[], Any]) -> Callable[[], None]:
    """The action without foreign keys being checked on the connection that it is done on."""

    def run() -> None:
        with Unchecked():
            action()

    return run


@dataclass
class IndexesLater:
    """Without secondary indexes meanwhile; they are built at the end, in one go each (PostgreSQL).

    ``tables``: those of these tables; none: of all.
    """

    tables: frozenset[str] = frozenset()
    made_by: list[str] = field(default_factory=list)

    def __enter__(self) -> None:
        if connection.vendor != "postgresql":
            return
        drop_indexes(connection, self._address_columns())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.relname, pg_get_indexdef(i.indexrelid), t.relname FROM pg_index i "
                "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid "
                "WHERE c.relnamespace = current_schema()::regnamespace AND NOT i.indisprimary "
                "AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)"
            )
            for name, definition, table in cursor.fetchall():
                if self.tables and table not in self.tables:
                    continue
                self.made_by.append(definition)
                cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")

    def __exit__(self, *error: Any) -> None:
        if connection.vendor != "postgresql":
            return
        columns: dict[str, list[Any]] = {}
        for column in self._address_columns():
            columns.setdefault(column.table, []).append(column)
        # By table: two may not work on the statistics of one.
        side_by_side(
            [
                *(partial(_execute, "SET maintenance_work_mem = '512MB'", definition) for definition in self.made_by),
                *(partial(_index_addresses, of_table) for of_table in columns.values()),
            ]
        )

    def _address_columns(self) -> list[Any]:
        return [column for column in address_columns() if not self.tables or column.table in self.tables]


def _execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _index_addresses(columns: list[Any]) -> None:
    ensure_indexes(connection, columns)


def address_columns() -> list[Any]:
    return [text_column(column) for column in get_registry().indexed_columns]


# ---------------------------------------------------------------- accounts


@dataclass
class Size:
    """How big an installation is. ``scale`` 1: 62,500 users; 4: a quarter of a million."""

    scale: float

    @property
    def enterprises(self) -> int:
        return max(3, round(ENTERPRISES * self.scale))

    @property
    def trials(self) -> int:
        return max(2, round(TRIALS * self.scale))

    @property
    def enterprise_users(self) -> int:
        return max(400, round(ENTERPRISE_USERS * self.scale))

    @property
    def trial_users(self) -> int:
        return max(100, round(TRIAL_USERS * self.scale))


USER_COLUMNS = (
    "account_id",
    "login_id",
    "public_id",
    "name",
    "email",
    "email_key",
    "unique_user_id",
    "unique_id_sort",
    "state",
    "deleted_at",
    "deleted_month",
    "password",
)
#: Months in which the deleted people of the data set were deleted.
MONTHS = tuple(f"2026-{month:02}" for month in range(1, 13))


def user_line(person: Person) -> str:
    month = MONTHS[person.id % 12]
    gone = f"deleted\t{month}-15 12:00:00+00\t{month}" if person.deleted else "active\t\\N\t\\N"
    return (
        f"{person.id}\t{person.at.account}\tlogin{person.id:x}\t00000000-0000-4000-8000-{person.id:012x}\t"
        f"Person {person.id}\t{person.address}\t{person.address}\tU{person.id:09}\tu{person.id:09}\t{gone}\t!"
    )


@dataclass
class World:
    """The installation as it was written: whom there is to purge, and how to get more."""

    size: Size
    accounts: list[Catalogue] = field(default_factory=list)
    trials: list[Catalogue] = field(default_factory=list)
    #: (id, account) of deleted light people who have a trial twin, in the order in which they are used.
    light: list[tuple[int, int]] = field(default_factory=list)
    used: int = 0
    #: No id, and so no address, is given twice: texts may still mention somebody whose rows are gone.
    first_free: int = 0

    @property
    def big(self) -> Catalogue:
        """The account whose heavy people are purged."""
        return self.accounts[0]

    @cached_property
    def writers(self) -> dict[str, Writer]:
        made = {kind.model: Writer(kind.model, kind.columns) for kind in KINDS}
        made["users.User"] = Writer("users.User", USER_COLUMNS)
        return made

    # ------------------------------------------------------------ building

    def build(self, progress: Progress) -> None:
        """Write everything. Empty tables are expected."""
        with IndexesLater():
            with Unchecked():
                self._write_accounts()
                progress("users")
                people = list(self._people())
                self.writers["users.User"].write(map(user_line, people))
                self._count_deleted(people)
                self._write_administrators()
            progress("their rows")
            self._write_rows(people, counts(heavy=False))
            progress("indexes")
        reset_sequences(
            ["users.User", "users.Account", "users.DeletedCount", *(kind.model for kind in KINDS), *PARENTS]
        )
        progress("statistics")
        tidy(full=True)

    def _write_accounts(self) -> None:
        first = {label: next_id(label) for label in PARENTS}
        account_lines = []
        lines: dict[str, list[str]] = {label: [] for label in PARENTS}
        number = self.size.enterprises + self.size.trials
        per_enterprise = self.size.enterprise_users // self.size.enterprises
        per_trial = self.size.trial_users // self.size.trials
        start = next_id("users.Account")
        user = next_id("users.User")
        for position in range(number):
            trial = position >= self.size.enterprises
            wide = position == 0
            at = _offer(start + position, user, first, lines, wide=wide)
            kind = "trial" if trial else "enterprise"
            account_lines.append(
                f"{at.account}\t00000002-0000-4000-8000-{at.account:012x}\tCompany {at.account}\tc{at.account}\t{kind}"
            )
            (self.trials if trial else self.accounts).append(at)
            user += per_trial if trial else per_enterprise
        Writer("users.Account", ("public_id", "name", "subdomain", "kind")).write(account_lines)
        for label, columns in PARENTS.items():
            Writer(label, columns).write(lines[label])

    def _people(self) -> Iterator[Person]:
        """Enterprise people, then the trial twins of every fourth of them."""
        per_enterprise = self.size.enterprise_users // self.size.enterprises
        per_trial = self.size.trial_users // self.size.trials
        twins_each = min(per_enterprise - 2, -(-per_trial * self.size.trials // self.size.enterprises))
        step = per_enterprise // max(1, twins_each)
        position = 0
        twins: list[tuple[int, int]] = []
        for at in self.accounts:
            for number in range(per_enterprise):
                person_id = at.colleague + number
                deleted = number % step == step - 1 and number // step < twins_each
                if deleted:
                    twins.append((person_id, at.account))
                yield _person(position, person_id, at, person_id, deleted=deleted, others=per_enterprise)
                position += 1
        places = ((at, number) for at in self.trials for number in range(per_trial))
        for (twin_of, account), (at, number) in zip(twins, places, strict=False):
            yield _person(position, at.colleague + number, at, twin_of, deleted=False, others=per_trial)
            self.light.append((twin_of, account))
            position += 1

    def _write_rows(self, people: Sequence[Person], wanted: dict[str, int]) -> None:
        batch = self._batch(people, wanted)
        side_by_side(unchecked(partial(self._write_kind, batch, kind)) for kind in KINDS if batch.counts[kind.model])

    def _write_kind(self, batch: Batch, kind: Kind) -> None:
        self.writers[kind.model].write(batch.lines(kind))

    def _batch(self, people: Sequence[Person], wanted: dict[str, int]) -> Batch:
        batch = Batch(people, wanted)
        batch.first = {kind.model: next_id(kind.model) for kind in KINDS}
        return batch

    def _count_deleted(self, people: Iterable[Person]) -> None:
        numbers: dict[tuple[int, str], int] = {}
        for person in people:
            if person.deleted:
                key = person.at.account, MONTHS[person.id % 12]
                numbers[key] = numbers.get(key, 0) + 1
        first = next_id("users.DeletedCount")
        Writer("users.DeletedCount", ("account_id", "month", "n")).write(
            f"{first + row}\t{account}\t{month}\t{n}" for row, ((account, month), n) in enumerate(numbers.items())
        )

    def _write_administrators(self) -> None:
        """The first user of each account is its administrator and may purge."""
        from django.contrib.auth.models import Permission

        permission = Permission.objects.get(codename="purge_people").pk
        heads = [at.colleague for at in (*self.accounts, *self.trials)]
        first = next_id("users.UserRole")
        Writer("users.UserRole", ("user_id", "role")).write(
            f"{first + row}\t{user}\tadministrator" for row, user in enumerate(heads)
        )
        first = next_id("users.User_user_permissions")
        Writer("users.User_user_permissions", ("user_id", "permission_id")).write(
            f"{first + row}\t{user}\t{permission}" for row, user in enumerate(heads)
        )
        reset_sequences(["users.UserRole", "users.User_user_permissions"])

    # ------------------------------------------------------------ people to purge

    def administrator(self, account: int) -> Any:
        from users.models import User

        heads = {at.account: at.colleague for at in (*self.accounts, *self.trials)}
        return User.objects.get(pk=heads[account])

    def take_light(self, number: int = 50) -> list[int]:
        """Light people who were not purged yet, all of one account; the emptiest accounts are passed over."""
        by_account: dict[int, list[int]] = {}
        for person_id, account in itertools.islice(self.light, self.used, None):
            by_account.setdefault(account, []).append(person_id)
        for account, people in by_account.items():
            if len(people) >= number:
                taken = people[:number]
                self._forget({(person_id, account) for person_id in taken})
                return taken
        raise RuntimeError("the data set has no more light people: make it bigger (--scale)")

    def _forget(self, taken: set[tuple[int, int]]) -> None:
        self.light = [entry for entry in self.light if entry not in taken]

    def add_heavy(self, number: int = 50, *, mentions: int = 20, light: bool = False) -> list[int]:
        """Write fresh deleted people with some 6,000 rows each (``light``: some 30) and a trial twin each, whose
        addresses colleagues' texts mention; their ids."""
        first = max(next_id("users.User"), self.first_free)
        self.first_free = first + 2 * number
        people, twins = [], []
        for n in range(number):
            people.append(_person(n, first + n, self.big, first + n, deleted=True, others=100))
            at = self.trials[n % len(self.trials)]
            twins.append(_person(n, first + number + n, at, first + n, deleted=False, others=10))
        with Unchecked():
            self.writers["users.User"].write(map(user_line, [*people, *twins]))
        for group, heavy in ((people, not light), (twins, False)):
            self._write_rows(group, counts(heavy=heavy, scale=self.size.scale))
        with Unchecked():
            self.write_mentions([person.address for person in people], mentions)
        reset_sequences(["users.User", *(kind.model for kind in KINDS)])
        _add_deleted(self.big.account, people)
        return [person.id for person in people]

    def write_mentions(self, addresses: Sequence[str], each: int) -> None:
        """Comments of a colleague in the big account that name these addresses."""
        first = next_id("learning.Comment")
        at = self.big
        self.writers["learning.Comment"].write(
            f"{first + row}\t{at.colleague}\t{at.post + row % at.posts}\t"
            f"Please write to {addresses[row % len(addresses)]}, who knows how the exercise is meant ({row})."
            for row in range(each * len(addresses))
        )


def _person(position: int, person_id: int, at: Catalogue, named: int, *, deleted: bool, others: int) -> Person:
    other = at.colleague + (person_id * 7) % others
    return Person(position, person_id, address_of(named), at, deleted, address_of(other))


def address_of(person_id: int) -> str:
    """Addresses look alike, as a company's do."""
    return f"first.last{person_id}@company{person_id % 97}.example"


def _add_deleted(account: int, people: Sequence[Person]) -> None:
    from users.services import deleted_count_change

    for month in MONTHS:
        number = sum(1 for person in people if MONTHS[person.id % 12] == month)
        if number:
            deleted_count_change(account_id=account, month=month, by=number)


#: What accounts offer: model → columns.
PARENTS = {
    "learning.Course": ("account_id", "code", "title", "description"),
    "learning.Module": ("course_id", "title", "content", "position"),
    "learning.Session": ("course_id", "title", "notes"),
    "users.UserGroup": ("account_id", "name"),
    "learning.Skill": ("account_id", "name"),
    "learning.Badge": ("account_id", "name"),
    "learning.Board": ("account_id", "name"),
    "learning.Post": ("board_id", "author_id", "title", "body"),
    "users.ActiveField": ("account_id", "name"),
}


def _offer(
    account: int, colleague: int, first: dict[str, int], lines: dict[str, list[str]], *, wide: bool
) -> Catalogue:
    """Courses and so on of one account. ``wide``: enough for heavy people, who are enrolled in hundreds of courses."""
    at = Catalogue(
        account=account,
        courses=400 if wide else 10,
        course=first["learning.Course"],
        module=first["learning.Module"],
        session=first["learning.Session"],
        group=first["users.UserGroup"],
        skill=first["learning.Skill"],
        badge=first["learning.Badge"],
        board=first["learning.Board"],
        post=first["learning.Post"],
        field=first["users.ActiveField"],
        colleague=colleague,
        sessions=100 if wide else 10,
        groups=25 if wide else 5,
        skills=80 if wide else 10,
        boards=6 if wide else 2,
        posts=20,
    )

    def add(label: str, number: int, make: Callable[[int], str]) -> None:
        lines[label] += (f"{first[label] + n}\t{make(n)}" for n in range(number))
        first[label] += number

    words = "What everybody in the company has to know about this subject"
    add("learning.Course", at.courses, lambda n: f"{account}\tK{n}\tCourse {n}\t{words}")
    add(
        "learning.Module",
        at.courses * at.modules_each,
        lambda n: f"{at.course + n // at.modules_each}\tModule {n}\t{words}\t{n % at.modules_each + 1}",
    )
    add("learning.Session", at.sessions, lambda n: f"{at.course + n % at.courses}\tSession {n}\t{words}")
    add("users.UserGroup", at.groups, lambda n: f"{account}\tGroup {n}")
    add("learning.Skill", at.skills, lambda n: f"{account}\tSkill {n}")
    add("learning.Badge", 1, lambda n: f"{account}\tBadge {n}")
    add("learning.Board", at.boards, lambda n: f"{account}\tBoard {n}")
    add("learning.Post", at.posts, lambda n: f"{at.board}\t{colleague}\tPost {n}\t{words}")
    add("users.ActiveField", 1, lambda n: f"{account}\tField {n}")
    return at


def settle() -> None:
    """What was written just now becomes like the rows of people who were deleted months ago: vacuumed (PostgreSQL)."""
    if connection.vendor == "postgresql":
        _vacuum("VACUUM")
    os.sync()  # or a commit waits for what was only written to be erased


def tidy(*, full: bool = False, tables: Iterable[str] = ()) -> None:
    """Statistics and free space as a database has that was left alone for an hour.

    ``full``: statistics are gathered anew, of these ``tables``; none: of all.
    """
    if connection.vendor == "postgresql":
        if full:
            _vacuum("VACUUM (ANALYZE)", tables)
        _vacuum("VACUUM")
        _execute("CHECKPOINT")
    else:
        _execute("ANALYZE" if full else "PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)")


def _vacuum(how: str, tables: Iterable[str] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace "
            "ORDER BY pg_relation_size(oid) DESC"
        )
        names = [name for (name,) in cursor.fetchall()]
    wanted = set(tables) or set(names)
    side_by_side(partial(_execute, f"{how} {connection.ops.quote_name(name)}") for name in names if name in wanted)


def row_count() -> int:
    """Rows in all tables, roughly (as the statistics have it) on PostgreSQL."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT sum(greatest(reltuples, 0))::bigint FROM pg_class "
                "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
            )
            return int(cursor.fetchone()[0])
        tables = connection.introspection.table_names(cursor)
        total = 0
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")
            total += cursor.fetchone()[0]
        return total
