"""Other people's traffic: readers and writers at a steady rate, in a process of its own, that measure their waits.

``python -m bench.traffic SPEC`` runs until its standard input closes and prints its latencies as JSON. SPEC is a JSON
object: ``url``; ``rate`` in transactions a second; ``user``, ``users``: the people who are active, by first id and
number; ``post``: where they comment; ``doomed``: people under purge for whom somebody writes, until refused.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg

THREADS = 4


class Traffic:
    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.over = threading.Event()
        self.waits: dict[str, list[float]] = {"read": [], "write": [], "doomed": []}
        self.refused = 0
        self.failed: list[str] = []

    def run(self) -> None:
        threads = [threading.Thread(target=self._others, args=(number,)) for number in range(THREADS)]
        if self.spec["doomed"]:
            threads.append(threading.Thread(target=self._doomed, args=(THREADS,)))
        for thread in threads:
            thread.start()
        print("ready", flush=True)
        sys.stdin.read()
        self.over.set()
        for thread in threads:
            thread.join()
        print(json.dumps({"waits": self.waits, "refused": self.refused, "failed": self.failed}), flush=True)

    def _others(self, number: int) -> None:
        for turn, (connection, due, chance) in enumerate(self._moments(number, self.spec["rate"] / THREADS)):
            self._one("write" if turn % 3 == 0 else "read", connection, due, chance)

    def _doomed(self, number: int) -> None:
        # On a connection of its own: who waits for a purged person must not look like the others' wait.
        for connection, due, chance in self._moments(number, self.spec["rate"] / 80):
            self._one("doomed", connection, due, chance)

    def _moments(self, number: int, rate: float) -> Iterator[tuple[psycopg.Connection[Any], float, random.Random]]:
        """When the next transaction is due. By the clock, not after the last one: who waits delays those behind them,
        and that counts."""
        chance = random.Random(number)
        with psycopg.connect(self.spec["url"], autocommit=True) as connection:
            due = time.perf_counter()
            while not self.over.is_set():
                due += chance.uniform(0.5, 1.5) / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                yield connection, due, chance

    def _one(self, kind: str, connection: psycopg.Connection[Any], due: float, chance: random.Random) -> None:
        user = self.spec["user"] + 4 * chance.randrange(self.spec["users"] // 4)
        try:
            if kind == "read":
                connection.execute(
                    "SELECT e.id, e.course_id, e.progress FROM learning_enrolment e JOIN learning_course c "
                    "ON c.id = e.course_id WHERE e.user_id = %s",
                    [user],
                ).fetchall()
                connection.execute("SELECT count(*) FROM learning_pointentry WHERE user_id = %s", [user]).fetchone()
            else:
                who = chance.choice(self.spec["doomed"]) if kind == "doomed" else user
                connection.execute(
                    "INSERT INTO learning_pointentry (user_id, points, reason, remark, at) "
                    "VALUES (%s, 1, 'post', '', now())",
                    [who],
                )
        except psycopg.errors.ForeignKeyViolation:
            self.refused += 1
        except psycopg.Error as error:
            self.failed.append(type(error).__name__)
        self.waits[kind].append(time.perf_counter() - due)


if __name__ == "__main__":
    Traffic(json.loads(sys.argv[1])).run()
