"""Asking many tables with one statement.

A purge of people with a handful of rows is made of some two hundred look-ups that find nothing; sent one by one they
cost more than all its work.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from django.db import connection

from purge.addresses.index import storable
from purge.database import dialect_of
from purge.database.dialect import Listed
from purge.routes.scope import Scope

#: SQLite takes at most 500 parts in one compound statement.
MOST_PARTS = 400
PEOPLE, KEYS = "wanted_people", "wanted_keys"


class Question(NamedTuple):
    """A statement with one row at most and one column, ``n``, for :func:`ask_all`."""

    sql: str
    params: list[Any]


def ask_all(questions: Mapping[str, Question], scope: Scope) -> dict[str, int]:
    """Key of the question → its ``n``; questions without a row, or with 0, are left out."""
    keys = list(questions)
    found: dict[str, int] = {}
    for start in range(0, len(keys), MOST_PARTS):
        some = [questions[key] for key in keys[start : start + MOST_PARTS]]
        head, head_params = head_for(scope)
        body = " UNION ALL ".join(
            f"SELECT {start + n} AS part, n FROM ({sql}) p" for n, (sql, _params) in enumerate(some)
        )
        with connection.cursor() as cursor:
            cursor.execute(f"{head} {body}", [*head_params, *(value for _sql, params in some for value in params)])
            found |= {keys[part]: n for part, n in cursor.fetchall() if n}
    return found


def head_for(scope: Scope) -> tuple[str, list[Any]]:
    """What all parts ask for, once: a hundred parts with a list of ids each would take longer to read than to run."""
    dialect = dialect_of(connection)
    lists = [Listed(PEOPLE, "bigint", scope.people)]
    if dialect.finds_addresses:
        lists.append(Listed(KEYS, "text", storable(sorted(scope.all_addresses()))))
    return dialect.head(*lists)


@cache
def quoted(name: str) -> str:
    return connection.ops.quote_name(name)
