"""Whether the planner's statistics still know somebody whom no row knows any more: asked of ``pg_stats`` and its like.

PostgreSQL keeps samples of values, and whoever may read a table may read those of its columns with a SELECT. A value
that a row holds is that row's, which the verification has judged; what counts here are those that no row holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import DatabaseError, connection, transaction

from purge.addresses.shapes import emails_in_value
from purge.database import dialect_of
from purge.database.catalog import Column
from purge.models import PurgeRequest
from purge.proof.columns import readings_of
from purge.proof.decoding.rows import coded_addresses
from purge.proof.report import check_key
from purge.proof.texts import Wanted, login_hashes, logins_met, wanted_by

#: Of no table of the database's own, and of none that is another session's for the moment.
_OURS: Final = "{0} NOT IN ('pg_catalog', 'information_schema') AND {0} !~ '^pg_(toast|temp)'"
#: Kinds of types that hold no text: numbers, moments, spans, truth, networks, places.
_SILENT: Final = "('N', 'D', 'T', 'B', 'I', 'G')"

_SAMPLED: Final = f"""
SELECT s.schemaname, s.tablename, s.attname, coalesce(i.indrelid, c.oid)::bigint, i.indexrelid::bigint,
  CASE WHEN s.schemaname = current_schema() THEN
    (SELECT o.relname FROM pg_catalog.pg_class o WHERE o.oid = coalesce(i.indrelid, c.oid)) ELSE '' END,
  CASE WHEN i.indexrelid IS NULL THEN pg_catalog.quote_ident(s.attname)
    ELSE '(' || pg_catalog.pg_get_indexdef(i.indexrelid, a.attnum, false) || ')' END,
  coalesce('(' || pg_catalog.pg_get_expr(i.indpred, i.indrelid) || ')', 'true'),
  pg_catalog.format_type(a.atttypid, a.atttypmod), t.typcategory = 'A',
  s.most_common_vals::text::text[], s.histogram_bounds::text::text[], s.most_common_elems::text::text[]
FROM pg_catalog.pg_stats s
JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
WHERE {_OURS.format("s.schemaname")} AND t.typcategory NOT IN {_SILENT}
ORDER BY s.schemaname, s.tablename, s.attname
"""
_TOGETHER: Final = f"""
SELECT s.statistics_schemaname, s.statistics_name, s.schemaname, s.tablename, s.schemaname = current_schema(),
  (SELECT array_agg(pg_catalog.quote_ident(name::text)) FROM unnest(s.attnames) name), s.exprs,
  s.most_common_vals
FROM pg_catalog.pg_stats_ext s
WHERE s.most_common_vals IS NOT NULL AND {_OURS.format("s.schemaname")} ORDER BY 1, 2
"""
_EXPRESSIONS: Final = f"""
SELECT s.statistics_schemaname, s.statistics_name, s.schemaname, s.tablename, s.schemaname = current_schema(),
  s.expr,
  s.most_common_vals::text::text[], s.histogram_bounds::text::text[], s.most_common_elems::text::text[]
FROM pg_catalog.pg_stats_ext_exprs s WHERE {_OURS.format("s.schemaname")} ORDER BY 1, 2
"""
# A view hides what the role may not read, so that it looks like nothing.
_HIDDEN: Final = f"""
SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {_OURS.format("n.nspname")} AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND (
  (c.relkind IN ('r', 'p', 'm', 'f') AND (
    pg_catalog.row_security_active(c.oid)
    OR EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT'))
    OR EXISTS (SELECT 1 FROM pg_catalog.pg_statistic_ext e WHERE e.stxrelid = c.oid)
      AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')))
  OR (c.relkind = 'i' AND EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indexrelid = c.oid
    AND i.indexprs IS NOT NULL) AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')))
ORDER BY 1
"""


@dataclass(frozen=True)
class Remembered:
    """A statistic that knows somebody. ``relation``: of a table, an index, or columns together, with its schema;
    ``table``: whose rows it is about, '' for one of another schema; ``index``: the number of the index that it is of.
    The value is nowhere."""

    relation: str
    column: str
    table: str
    index: int | None = None


@dataclass(frozen=True)
class Asked:
    """``unreached``: relations whose statistics the role may not read, so that nobody knows."""

    found: tuple[Remembered, ...] = ()
    unreached: tuple[str, ...] = ()


def ask(requests: Sequence[PurgeRequest]) -> Asked:
    """Look for the identifiers of these requests in all statistics. SQLite's hold no texts.

    Raises :class:`~purge.proof.report.CouldNotLook` when the hash key is missing or is not the one of the requests.
    """
    check_key(requests)
    if not dialect_of(connection).vacuums_tables:
        return Asked()
    known = _Known(requests)
    found = dict.fromkeys([*_in_columns(known), *_in_columns_together(known), *_in_expressions(known)])
    return Asked(tuple(found), tuple(relation for (relation,) in dialect_of(connection).rows(_HIDDEN)))


class _Known:
    """Whether a text mentions somebody who is looked for."""

    def __init__(self, requests: Sequence[PurgeRequest]) -> None:
        self.wanted: Wanted = wanted_by(requests)
        self.logins = login_hashes(requests)
        self._seen: dict[str, bool] = {}

    def mentions(self, text: str) -> bool:
        if text not in self._seen:
            self._seen[text] = self._looked_at(text)
        return self._seen[text]

    def _looked_at(self, text: str) -> bool:
        if self.wanted.who(text) or any(sought for _login, sought in logins_met(text, self.logins, self.wanted)):
            return True
        keys = set().union(*(emails_in_value(each) for each in readings_of(_A_TEXT, text))) | coded_addresses(text)
        return any(self.wanted.who(key) for key in keys)


_A_TEXT: Final = Column("", "", "text")


def _in_columns(known: _Known) -> Iterator[Remembered]:
    rows = dialect_of(connection).rows(_SAMPLED)
    for schema, name, column, table, index, of, expression, condition, kind, is_array, common, bounds, elements in rows:
        place, said = Remembered(f"{schema}.{name}", column, of, index), _said(expression)
        for value in _texts(common, bounds):
            if known.mentions(value) and not _stands(table, condition, f"{said} = %s::{_said(kind)}", value):
                yield place
        for element in _texts(elements):
            held = f"{said} @> ARRAY[%s]::{_said(kind)}" if is_array else f"strpos({said}::text, %s) > 0"
            if known.mentions(element) and not _stands(table, condition, held, element):
                yield place


def _in_columns_together(known: _Known) -> Iterator[Remembered]:
    for of_schema, statistic, schema, name, near, columns, expressions, items in dialect_of(connection).rows(_TOGETHER):
        said = [*columns, *(f"({expression})" for expression in expressions or ())]
        for item in items:
            for expression, value in zip(said, item, strict=False):
                if value and known.mentions(value) and not _holds(schema, name, expression, value):
                    yield Remembered(f"{of_schema}.{statistic}", expression, name if near else "")


def _in_expressions(known: _Known) -> Iterator[Remembered]:
    if not dialect_of(connection).rows("SELECT 1 WHERE to_regclass('pg_catalog.pg_stats_ext_exprs') IS NOT NULL"):
        return
    for of_schema, statistic, schema, name, near, expression, *samples in dialect_of(connection).rows(_EXPRESSIONS):
        for value in _texts(*samples):
            if known.mentions(value) and not _holds(schema, name, f"({expression})", value):
                yield Remembered(f"{of_schema}.{statistic}", expression, name if near else "")


def _texts(*samples: Iterable[str | None] | None) -> Iterator[str]:
    for sample in samples:
        for value in sample or ():
            if value:
                yield value


def _stands(table: int, condition: str, held: str, value: str) -> bool:
    """Whether a row holds the value. By the number of its table, whose name is the database's to quote."""
    ((named,),) = dialect_of(connection).rows("SELECT %s::oid::regclass::text", [table])
    return _exists(f"SELECT EXISTS (SELECT 1 FROM {_said(named)} WHERE {_said(condition)} AND {held})", value)


def _holds(schema: str, name: str, expression: str, value: str) -> bool:
    quote = connection.ops.quote_name
    return _exists(
        f"SELECT EXISTS (SELECT 1 FROM {_said(quote(schema))}.{_said(quote(name))} "
        f"WHERE strpos({_said(expression)}::text, %s) > 0)",
        value,
    )


def _exists(sql: str, value: str) -> bool:
    """False where nobody can say: a value that cannot be asked for is not called a row's."""
    try:
        with transaction.atomic(using=connection.alias):
            ((is_there,),) = dialect_of(connection).rows(sql, [value])
    except DatabaseError:
        return False
    return bool(is_there)


def _said(text: str) -> str:
    """What the database itself has written, within a statement with parameters."""
    return text.replace("%", "%%")
