"""The figures with more than one process: other traffic, several requests at once, kills, old snapshots, a backlog."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection
from django.utils import timezone

from bench import contenders
from bench.data import side_by_side
from bench.figures import Bench, HeavyPool, forget_queue
from bench.forked_workers import Worker
from bench.measuring import Result, median, percentile, progress, ratio, rounds
from purge.database import dialect_of
from purge.models import LedgerEntry, PurgeRequest
from purge.proof.probe import referring_tables

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def traffic(bench: Bench, found: dict[str, Any], doomed: Sequence[int] = (), rate: int = 300) -> Iterator[None]:
    """Readers and writers beside what is done inside; ``found`` gets what they measured."""
    at = bench.world.big
    spec = {
        "url": os.environ["DATABASE_URL"],
        "rate": rate,
        "user": at.colleague,
        "users": 200,
        "post": at.post,
        "doomed": list(doomed),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.traffic", json.dumps(spec)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdout.readline()
        yield
    finally:
        process.stdin.close()
        found.update(json.loads(process.stdout.read()))
        process.wait()


# ---------------------------------------------------------------- 10: what others notice


def others(bench: Bench) -> list[Result]:
    """10: the p99 of other people's transactions during heavy purges and without, and the longest waits."""
    runs: dict[str, list[float]] = {"idle": [], "during a purge": []}
    longest: dict[str, list[float]] = {"write": [], "doomed": []}
    unrefused = 0
    for turn in range(bench.rounds):
        people = bench.world.add_heavy(bench.people)
        os.sync()  # or the others' commits wait for what was only written for this round
        progress(f"round {turn + 1}: idle")
        idle: dict[str, Any] = {}
        with traffic(bench, idle):
            time.sleep(3)
        runs["idle"].append(_p99(idle))
        progress(f"round {turn + 1}: a heavy purge")
        purge_request = contenders.submit(people)
        during: dict[str, Any] = {}
        with traffic(bench, during, people):
            contenders.finish(purge_request)
        runs["during a purge"].append(_p99(during))
        longest["write"].append(1000 * max(during["waits"]["write"], default=0.0))
        longest["doomed"].append(1000 * max(during["waits"]["doomed"], default=0.0))
        unrefused += _left_of(people)
    forget_queue()
    return [
        Result(
            "10",
            "other traffic's p99 during a heavy purge",
            "idle",
            ratio(runs, "during a purge", "idle"),
            4,
            runs=runs,
        ),
        Result(
            "10",
            "longest wait of a writer for somebody else",
            "",
            median(longest["write"]),
            100,
            unit="ms",
            runs=longest,
        ),
        Result("10", "longest wait of a writer for the purged person", "", median(longest["doomed"]), 500, unit="ms"),
        Result("10", "rows of purged people left by such writers", "", unrefused, 0, unit=""),
    ]


def _p99(found: dict[str, Any]) -> float:
    return percentile([*found["waits"]["read"], *found["waits"]["write"]], 0.99)


def _left_of(people: Sequence[int]) -> int:
    """Tables in which something still points at one of the people."""
    from users.models import User

    return len(list(referring_tables(dialect_of(connection).read_catalog(), User._meta.db_table, list(people))))


# ---------------------------------------------------------------- 11: several requests at once


def together(bench: Bench) -> list[Result]:
    """11: four requests at once, each in a worker of its own, while others write; comments on each other's posts."""
    number = max(3, bench.people // 4)
    people = bench.world.add_heavy(4 * number)
    _entangle(people)
    parts = [people[start::4] for start in range(4)]
    requests = [contenders.submit(part) for part in parts]
    before = _deadlocks()
    found: dict[str, Any] = {}
    with traffic(bench, found, people, rate=100):
        workers = [Worker(purge_request.pk) for purge_request in requests]
        for worker in workers:
            worker.wait()
    forget_queue()
    done = [PurgeRequest.objects.get(pk=purge_request.pk) for purge_request in requests]
    failed = sum(1 for purge_request in done if purge_request.status not in contenders.DONE)
    tried_again = LedgerEntry.objects.filter(request__in=done, event="failed").count()
    note = f"{_deadlocks() - before} were met and solved inside a chunk; writers' errors: {found['failed'][:3]}"
    return [
        Result("11", "deadlocks that ended a worker's slice, four at once", "", tried_again, 0, unit="", note=note),
        Result("11", "failed requests of four at once", "", failed, 0, unit=""),
        Result("11", "tables with rows left", "", _left_of(people), 0, unit=""),
    ]


def _entangle(people: Sequence[int]) -> None:
    """Each person's posts get comments of the next one, who will be in another request."""
    with connection.cursor() as cursor:
        for person, other in zip(people, [*people[1:], people[0]], strict=True):
            cursor.execute(
                "INSERT INTO learning_comment (post_id, author_id, body, removed, created_at) "
                "SELECT id, %s, 'An answer', false, now() FROM learning_post WHERE author_id = %s LIMIT 5",
                [other, person],
            )


def _deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_clear_snapshot(), deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        return int(cursor.fetchone()[1])


# ---------------------------------------------------------------- 12: kills, old snapshots


def disturbed(bench: Bench) -> list[Result]:
    """12: a heavy purge whose worker is killed five times, and one beside an old snapshot, against one left alone."""
    pool = HeavyPool(bench, bench.people, 3)
    progress("a purge that is not counted")  # the first kills need to know how long one takes
    alone = [_work(contenders.submit(bench.world.add_heavy(bench.people)).pk)]

    def undisturbed() -> float:
        alone.append(_work(contenders.submit(pool.take()).pk))
        return alone[-1]

    def killed() -> float:
        purge_request = contenders.submit(pool.take())
        moments = sorted(random.uniform(0, median(alone)) for _kill in range(5))
        until = [moment - before for before, moment in pairwise([0.0, *moments])]
        return sum(_work(purge_request.pk, seconds) for seconds in until) + _work(purge_request.pk)

    def beside_a_snapshot() -> float:
        people = pool.take()
        with psycopg.connect(os.environ["DATABASE_URL"]) as reader:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT count(*) FROM users_account")
            return _work(contenders.submit(people).pk)

    ways = {"undisturbed": undisturbed, "five kills": killed, "old snapshot": beside_a_snapshot}
    runs = rounds(ways, bench.rounds, pool.fill)
    forget_queue()
    return [
        Result(
            "12", "work with five SIGKILLs", "undisturbed", ratio(runs, "five kills", "undisturbed"), 1.2, runs=runs
        ),
        Result("12", "heavy purge beside an old snapshot", "without", ratio(runs, "old snapshot", "undisturbed"), 1.5),
    ]


def _work(request_id: int, kill_after: float | None = None) -> float:
    """Seconds a worker worked on the request, its start left out; killed after so many, if it is not done before."""
    # What the supervisor does once a lease is over, without the wait.
    PurgeRequest.objects.filter(pk=request_id).update(lease_until=None, crashes=0, next_attempt_at=None)
    worker = Worker(request_id)
    begun = time.perf_counter()
    ended = worker.wait(kill_after)
    took = time.perf_counter() - begun
    if not ended:
        worker.kill()
    if kill_after is None and PurgeRequest.objects.get(pk=request_id).status not in contenders.DONE:
        raise RuntimeError("the request was not done")
    return took


# ---------------------------------------------------------------- 15: a backlog


def backlog(bench: Bench) -> list[Result]:
    """15: a backlog of light requests, worked off by one ``manage.py worker``, then a like one by two."""
    number = max(6, round(200 * min(1.0, bench.scale / 4)))
    runs: dict[str, list[float]] = {}
    twice = 0
    drift = 1.0
    for workers in (1, 2):
        progress(f"{number} requests, {workers} worker(s)")
        forget_queue()  # what the first backlog left to be vacuumed is not the second's
        requests: list[PurgeRequest] = []
        groups = [bench.world.take_light(bench.people) for _n in range(number)]
        side_by_side(partial(_submit, people, requests) for people in groups)
        _work_off([purge_request.pk for purge_request in requests], workers)
        done = PurgeRequest.objects.filter(pk__in=[purge_request.pk for purge_request in requests])
        seconds = _each_took(done, workers)
        runs[f"{workers} worker(s)"] = seconds
        if workers == 1:
            part = max(1, number // 4)
            drift = median(seconds[-part:]) / median(seconds[:part])
        twice += LedgerEntry.objects.filter(request__in=done, event="erased").count() - number
    forget_queue()
    speed_up = sum(runs["1 worker(s)"]) / sum(runs["2 worker(s)"])
    text = f"backlog of {number} light requests"
    return [
        Result("15", f"{text}: last quarter / first, per request", "first quarter", drift, 1.3, runs=runs),
        Result("15", f"{text}: one worker / two", "two workers", speed_up, 1.3, at="least"),
        Result("15", "requests done twice", "", twice, 0, unit=""),
    ]


def _submit(people: Sequence[int], requests: list[PurgeRequest]) -> None:
    requests.append(contenders.submit(people))


def _each_took(done: Any, workers: int) -> list[float]:
    """Seconds between one request whose people are erased and the next, in order."""
    erased = LedgerEntry.objects.filter(request__in=done, event="erased")
    ends = sorted(erased.values_list("at", flat=True))
    begun = min(done.values_list("started_at", flat=True))
    return [(end - start).total_seconds() for start, end in zip([begun, *ends[:-1]], ends, strict=True)]


def _work_off(request_ids: list[int], workers: int) -> None:
    # One process each, or a single machine's worker would be two already.
    environ = {**os.environ, "Q_WORKERS": "1", "Q_RETRY": "1800"}
    processes = [
        subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _worker_number in range(workers)
    ]
    until = timezone.now() + timedelta(minutes=10)
    try:
        while PurgeRequest.objects.filter(pk__in=request_ids).exclude(status__in=contenders.DONE).exists():
            if timezone.now() > until or any(process.poll() is not None for process in processes):
                raise RuntimeError("the workers did not get through the backlog")
            time.sleep(0.2)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
