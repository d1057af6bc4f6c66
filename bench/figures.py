"""The figures: what is measured, against what, and what is demanded of it. README.md says what each means."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from bench import contenders
from bench.data import Size, World, address_columns, reset_sequences, settle
from bench.measuring import Result, clock, median, progress, ratio, rounds
from purge.addresses.index import candidates_where, drop_indexes, ensure_indexes
from purge.addresses.sql import json_function, may_mention, text_function
from purge.database import dialect_of
from purge.proof import columns, probe, texts
from purge.routes.scope import Scope
from purge.rules.registry import get_registry
from purge.run import erasing, sweep
from purge.services import purge_preview
from purge.steps import plan
from purge.steps.addresses import AddressStep, candidates, walk_rows
from purge.steps.base import Step

OURS, SQL = "ours", "hand-written SQL"


@dataclass
class Bench:
    """What the figures share: the data set, and what was measured at the first size for the second to compare with."""

    rounds: int
    people: int = 50
    scale: float = 0.0
    known: dict[str, tuple[float, list[float]]] = field(default_factory=dict)
    _world: World | None = None

    @property
    def on_postgres(self) -> bool:
        return connection.vendor == "postgresql"

    @property
    def world(self) -> World:
        assert self._world is not None, "build first"
        return self._world

    def build(self, scale: float, tell: Callable[[str], None]) -> None:
        """Write a data set beside what is there; people are taken from the newest. Then run everything once."""
        self._world = World(Size(scale))
        self._world.build(tell)
        self.scale += scale
        contenders.prepare_sqlite()
        for contender in (contenders.purge, contenders.hand_written, contenders.orm_plain):
            contender(self.world.take_light(2))
        forget_queue()


def forget_queue() -> None:
    """Nobody works on what the runs put into the queue."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_q_ormq")


Figure = Callable[[Bench], list[Result]]


# ---------------------------------------------------------------- 1, 2, 3, 13: purging


@dataclass
class HeavyPool:
    """Heavy people for the contenders of one round, written together and left to settle, ``number`` for each."""

    bench: Bench
    number: int
    contenders: int
    _people: list[int] = field(default_factory=list)

    def fill(self) -> None:
        self._people = self.bench.world.add_heavy(self.number * self.contenders)
        settle()

    def take(self) -> list[int]:
        taken, self._people = self._people[: self.number], self._people[self.number :]
        return taken


def heavy(bench: Bench) -> list[Result]:
    """1 and 13: fifty heavy people, and the verification's share of their purge."""
    verifying: list[float] = []

    pool = HeavyPool(bench, bench.people, 2)

    def ours() -> float:
        people = pool.take()
        with _timed_verification(verifying):
            return clock(lambda: contenders.purge(people))

    def by_hand() -> float:
        people = pool.take()
        return clock(lambda: contenders.hand_written(people))

    runs = rounds({OURS: ours, SQL: by_hand}, bench.rounds, pool.fill)
    forget_queue()
    share = median(verifying) / median(runs[OURS])
    return [
        Result("1", "whole purge of 50 heavy people", SQL, ratio(runs, OURS, SQL), 1.5, runs=runs),
        Result(
            "13", "verification's share of it (tier one)", "", 100 * share, 10, unit="%", runs={"verify": verifying}
        ),
    ]


@contextmanager
def _timed_verification(seconds: list[float]) -> Iterator[None]:
    real = probe.verify

    def timed(request: Any) -> Any:
        found = []
        seconds.append(clock(lambda: found.append(real(request))))
        return found[0]

    with mock.patch.object(probe, "verify", timed):
        yield


def light(bench: Bench) -> list[Result]:
    """2: fifty light people."""
    runs = rounds(
        {
            OURS: lambda: _of_light(bench, contenders.purge),
            SQL: lambda: _of_light(bench, contenders.hand_written),
        },
        bench.rounds + 2,
    )
    forget_queue()
    return [Result("2", "whole purge of 50 light people", SQL, ratio(runs, OURS, SQL), 3, runs=runs)]


def _of_light(bench: Bench, contender: contenders.Contender) -> float:
    people = bench.world.take_light(bench.people)
    return clock(lambda: contender(people))


def django(bench: Bench) -> list[Result]:
    """3: the ways that Django offers, on fewer heavy people: with fifty the admin takes a minute a run.

    On SQLite a purge looks through all texts, which takes as long for one as for fifty: that is most of ours there.
    """
    number = max(2, bench.people // 5)

    def run(contender: contenders.Contender) -> Callable[[], float]:
        def measured() -> float:
            people = pool.take()
            return clock(lambda: contender(people))

        return measured

    ways = {
        OURS: contenders.purge,
        "QuerySet.delete()": contenders.orm_plain,
        "QuerySet.delete() with one receiver": contenders.orm_with_receiver,
        "stock admin action": contenders.stock_admin,
    }
    pool = HeavyPool(bench, number, len(ways))
    runs = rounds({name: run(way) for name, way in ways.items()}, bench.rounds, pool.fill)
    forget_queue()
    demanded = {"stock admin action": 10.0, "QuerySet.delete() with one receiver": 4.0, "QuerySet.delete()": None}
    return [
        Result("3", f"{number} heavy people, against ours", name, ratio(runs, name, OURS), goal, at="least", runs=runs)
        for name, goal in demanded.items()
    ]


def patrol(bench: Bench) -> list[Result]:
    """13: a pass over every text for a finished purge, against SQL that takes the addresses out of the same columns."""
    purge_request = contenders.submit(bench.world.take_light(bench.people))
    contenders.finish(purge_request)

    def ours() -> float:
        def whole() -> None:
            if list(texts.patrol([purge_request])):
                raise RuntimeError("the purge left something")

        return clock(whole)

    runs = rounds({OURS: ours, "one extraction pass": lambda: clock(extract_all)}, bench.rounds)
    forget_queue()
    value = ratio(runs, OURS, "one extraction pass")
    return [Result("13", "a patrol pass over all texts", "one extraction pass", value, 3, runs=runs)]


def extract_all() -> None:
    """Take the addresses out of every text that a patrol reads, with the same decoding, and count the rows."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for column in columns.patrolled_columns(dialect_of(connection).read_catalog()):
            name = quote(column.name)
            if connection.vendor == "sqlite":
                found = f"bench_addresses({name})"
            elif column.type == "json":
                found = f"cardinality({json_function()}(to_jsonb({name}))) > 0"
            else:
                found = f"cardinality({text_function()}({name}::text)) > 0"
            if connection.vendor == "postgresql":
                found = f"{may_mention(f'({name}::text)', is_json=column.type == 'json')} AND {found}"
            cursor.execute(f"SELECT count(*) FROM {quote(column.table)} WHERE {name} IS NOT NULL AND {found}")


# ---------------------------------------------------------------- 4: memory


def memory(bench: Bench) -> list[Result]:
    """4: what a fresh worker's peak grows by while it purges a tenth of the rows, and all of them."""
    runs: dict[str, list[float]] = {}
    for name, people in (("a tenth", max(1, bench.people // 10)), ("all", bench.people)):
        for turn in range(bench.rounds):
            progress(f"round {turn + 1}: {name}")
            purge_request = contenders.submit(bench.world.add_heavy(people))
            runs.setdefault(name, []).append(in_fresh_process("purge", purge_request.pk)[1])
    forget_queue()
    return [
        Result("4", "extra peak memory, 50 heavy people", "", median(runs["all"]), 32, unit="MiB", runs=runs),
        Result("4", "peak for ten times the rows", "a tenth", growth_of_peak(runs), 1.2, runs=runs),
    ]


#: MiB: below, an allocator's pages and not the rows are what is compared.
PEAK_FLOOR = 4.0


def growth_of_peak(runs: Mapping[str, Sequence[float]]) -> float:
    """The peak for "all" over that for "a tenth"."""
    small, large = median(runs["a tenth"]), median(runs["all"])
    return max(large, PEAK_FLOOR) / max(small, PEAK_FLOOR)


def in_fresh_process(work: str, pk: int) -> tuple[float, float, float]:
    """Seconds that a piece of work takes a fresh process, MiB by which its peak grows meanwhile (bench.memory), and
    those by which that of its session with PostgreSQL does; 0 where it has none that can be looked at."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.memory", work, str(pk)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return found["seconds"], found["extra_mib"], found["session_mib"]


# ---------------------------------------------------------------- 5, 6, 7: growth


def growth(bench: Bench) -> list[Result]:
    """5: light people at both sizes, per row. Run once at each size; the second run has the ratio."""
    rows = bench.people * (sum(kind_count for kind_count in _light_counts()) + 1) * 2
    measured: list[float] = []
    removing: list[float] = []
    for _round in range(bench.rounds):
        with _timed_removal(removing):
            measured.append(_of_light(bench, contenders.purge))
    forget_queue()
    goal = 1.3 if bench.on_postgres else None
    text = "light people, per row, four times the data"
    results = _between_sizes(bench, "5", text, median(measured) / rows, measured, goal)
    if not bench.on_postgres:  # reading all texts takes as long as there are texts; the rest does not
        text = f"{text}: removing their rows"
        results += _between_sizes(bench, "5", text, median(removing) / rows, removing, 1.8)
    return results


@contextmanager
def _timed_removal(seconds: list[float]) -> Iterator[None]:
    """Adds the seconds that the steps take that remove rows or detach them, and the deletion of the people."""
    run_step, erase_people = plan.run_step, erasing.erase_people
    spent = 0.0

    def timed(action: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal spent
        begun = time.perf_counter()
        try:
            return action(*args, **kwargs)
        finally:
            spent += time.perf_counter() - begun

    def step(one: Step, *args: Any, **kwargs: Any) -> Any:
        if not one.by_key:
            return run_step(one, *args, **kwargs)
        return timed(run_step, one, *args, **kwargs)

    def people(*args: Any, **kwargs: Any) -> Any:
        return timed(erase_people, *args, **kwargs)

    with mock.patch.object(sweep, "run_step", step), mock.patch.object(sweep, "erase_people", people):
        yield
    seconds.append(spent)


def _light_counts() -> list[int]:
    from bench.layout import counts

    return list(counts(heavy=False).values())


def _between_sizes(
    bench: Bench, figure: str, what: str, cost: float, measured: list[float], goal: float | None, floor: float = 0.0
) -> list[Result]:
    """Nothing at the first size; at the second the ratio. Costs below ``floor`` (seconds) count as that."""
    if what not in bench.known:
        bench.known[what] = cost, measured
        return []
    before, earlier = bench.known[what]
    runs = {"at 1×": earlier, "at 4×": measured}
    return [Result(figure, what, "1×", max(cost, floor) / max(before, floor), goal, runs=runs)]


def finding(bench: Bench) -> list[Result]:
    """6: the rows that mention any of fifty addresses, by the index; a pass over all text that extracts them."""
    scope = _scope_of_light(bench)
    steps = [AddressStep(entry) for entry in get_registry().ordered if entry.addresses]

    def find() -> None:
        with dialect_of(connection).small_reads():
            mentioning = plan.steps_with_work(steps, scope)
            for step in steps:
                if step.key in mentioning:
                    candidates(step.entry, scope, after=0, limit=walk_rows())

    find()
    measured = [clock(find) for _round in range(bench.rounds + 2)]
    goal = 1.3 if bench.on_postgres else None
    results = _between_sizes(
        bench, "6", "finding 50 addresses, four times the data", median(measured), measured, goal, floor=0.005
    )
    if results and bench.on_postgres:
        whole = [clock(lambda: one_pass(scope)) for _round in range(bench.rounds)]
        runs = {OURS: measured, "one pass over all text": whole}
        results.append(
            Result(
                "6",
                "one full pass, against ours at 4×",
                "one pass over all text",
                median(whole) / median(measured),
                100,
                at="least",
                runs=runs,
            )
        )
    return results


def one_pass(scope: Scope) -> None:
    """Read every text of every column with a rule and compare the addresses in it, without an index."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
        for column in address_columns():
            where, params = candidates_where(connection, column, sorted(scope.all_addresses()))
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(column.table)} WHERE {where}", params)


def _scope_of_light(bench: Bench) -> Scope:
    """Fifty addresses that stand in the data; nobody of theirs is purged by it."""
    from users.models import User

    ids = [person_id for person_id, _account in bench.world.light[-bench.people :]]
    keys = User.objects.filter(pk__in=ids).values_list("email_key", flat=True)
    return Scope(addresses=frozenset(keys), requesting_account_id=bench.world.big.account, trial_accounts=True)


def rewriting(bench: Bench) -> list[Result]:
    """7: rewriting texts, per mention; what the address index costs whoever writes a text."""
    from purge.steps.addresses import treat_rows
    from purge.steps.work import StepRun

    entry = get_registry().entries["learning.Comment"]
    measured: list[float] = []
    number = max(50, round(2_000 * min(1.0, bench.scale)))
    for _round in range(bench.rounds + 4):
        address = f"somebody{len(measured)}.at{bench.scale}@elsewhere.example"
        bench.world.write_mentions([address], number)
        scope = Scope(addresses=frozenset({address}), requesting_account_id=bench.world.big.account)
        pks = candidates(entry, scope, after=0, limit=1_000_000).pks

        def rewrite(scope: Scope = scope, pks: list[int] = pks) -> None:
            with transaction.atomic():
                if treat_rows(entry, StepRun(scope), pks) != number:
                    raise RuntimeError("not every mention was found")

        measured.append(clock(rewrite) / number)
    goal = 1.3
    results = _between_sizes(
        bench, "7", "rewriting, per mention, four times the data", median(measured), measured, goal
    )
    return [*results, *(_inserting(bench) if bench.on_postgres and results else [])]


def _inserting(bench: Bench) -> list[Result]:
    """Single inserts into a table with and without its address index."""
    columns = [c for c in address_columns() if c.table == "learning_comment"]
    reset_sequences(["learning.Comment"])
    at = bench.world.big

    def insert(text: str) -> float:
        def run() -> None:
            with connection.cursor() as cursor:
                for n in range(400):
                    cursor.execute(
                        "INSERT INTO learning_comment (post_id, author_id, body, removed, created_at) "
                        "VALUES (%s, %s, %s, false, now())",
                        [at.post + n % at.posts, at.colleague, text],
                    )

        return clock(run)

    plain = "Good work, all exercises were handed in, the third one could be shorter and needs an example."
    texts = {"with an address": f"{plain} Ask first.last17@company17.example.", "without one": plain}
    runs: dict[str, list[float]] = {}
    for turn in range(bench.rounds):
        for indexed in random.sample((True, False), 2):
            if not indexed:
                drop_indexes(connection, columns)
            progress(f"round {turn + 1}: inserts {'with' if indexed else 'without'} the index")
            # Often: what is to be seen is smaller than what the disk's mood makes of one.
            for name, text in 4 * list(texts.items()):
                runs.setdefault(f"{name}, index {indexed}", []).append(insert(text))
            if not indexed:
                ensure_indexes(connection, columns)
    return [
        Result(
            "7",
            f"insert of a text {name}, address index / none",
            "no index",
            ratio(runs, f"{name}, index True", f"{name}, index False"),
            goal,
            runs=runs,
        )
        for name, goal in (("with an address", 1.6), ("without one", 1.1))
    ]


# ---------------------------------------------------------------- 9: the confirmation page


def statements_of(ask: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        ask()
    return len(captured)


def confirmation(bench: Bench) -> list[Result]:
    """9: what the page that asks shows, for fifty heavy people and for fifty light ones of the same account."""
    world = bench.world
    actor = world.administrator(world.big.account)
    heavy_people = world.add_heavy(bench.people)
    light_people = world.add_heavy(bench.people, mentions=1, light=True)
    runs: dict[str, list[float]] = {}
    queries: dict[str, int] = {}
    for name, people in (("heavy", heavy_people), ("light", light_people)):

        def show(chosen: list[int] = people) -> None:
            purge_preview(
                acting_user=world.administrator(actor.account_id), account_id=actor.account_id, user_ids=chosen
            )

        # The fewest of three: what a process believes for some seconds is asked again now and then.
        queries[name] = min(statements_of(show) for _time in range(3))
        runs[name] = [clock(show) for _round in range(bench.rounds)]
    difference = abs(queries["heavy"] - queries["light"])
    return [
        Result(
            "9", "confirmation page, 50 heavy / 50 light people", "light", ratio(runs, "heavy", "light"), 3, runs=runs
        ),
        Result("9", "queries more for heavy than for light", "light", difference, 0, unit="", note=f"{queries}"),
    ]
