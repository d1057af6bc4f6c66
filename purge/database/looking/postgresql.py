"""PostgreSQL's catalogue, of every schema that this role may read."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from purge.database.catalog import Catalog, Column, ColumnType, ForeignKey
from purge.database.looking.survey import Acts, Automatic, Holds, Place, Survey

Rows = Callable[..., Sequence[tuple[Any, ...]]]

# Everything with rows that the role may read, wherever it is. What begins with pg_ is the server's own, or a session's.
PLACES = """place AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relowner, c.relnamespace = current_schema()::regnamespace AS near, n.nspname, c.relname,
    c.relispopulated, c.xmin::text || '.' || c.cmin::text AS version
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm', 'f') AND (c.relnamespace = current_schema()::regnamespace OR (
    NOT starts_with(n.nspname::text, 'pg_') AND n.nspname <> 'information_schema'
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT'))))"""
# A partition, or an heir, is a piece of its table, by which it is read; but for the columns that it alone has.
_IS_PIECE = """EXISTS (SELECT 1 FROM pg_catalog.pg_inherits i JOIN place parent ON parent.oid = i.inhparent
  WHERE i.inhrelid = c.oid)"""


def called(place: str) -> str:
    """How a statement says a place: of another schema quoted, with that."""
    return (
        f"CASE WHEN {place}.near THEN {place}.relname::text ELSE '\"' || replace({place}.nspname, '\"', '\"\"') "
        f"|| '\".\"' || replace({place}.relname, '\"', '\"\"') || '\"' END"
    )


def _named(place: str) -> str:
    """How people say it."""
    return f"CASE WHEN {place}.near THEN {place}.relname::text ELSE {place}.nspname || '.' || {place}.relname END"


_READ = f"""
WITH {PLACES}
SELECT c.oid::bigint, {called("c")}, c.near, {_IS_PIECE} FROM place c
WHERE c.relkind IN ('r', 'p', 'm') AND c.relispopulated ORDER BY NOT c.near, 2
"""
_COLUMNS = """
SELECT a.attrelid::bigint, a.attname, t.typname, t.typcategory,
  CASE WHEN t.typtype IN ('d', 'r') OR t.typcategory = 'A' THEN t.oid::bigint END,
  CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 END
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attnum > 0 AND NOT a.attisdropped
  AND (a.attrelid = ANY (%s::oid[]) OR a.attrelid = ANY (%s::oid[]) AND a.attinhcount = 0)
  AND (a.attrelid <> ALL (%s::oid[]) OR pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT'))
ORDER BY a.attrelid, a.attnum
"""
# Of a domain the type that it is made of, in however many steps; of a list or a span what it is of.
_MADE_OF = """
WITH RECURSIVE made_of AS (
  SELECT t.oid AS asked, t.oid AS made FROM pg_catalog.pg_type t WHERE t.oid = ANY (%s::oid[])
  UNION ALL
  SELECT m.asked, d.typbasetype FROM made_of m JOIN pg_catalog.pg_type d ON d.oid = m.made AND d.typtype = 'd')
SELECT m.asked::bigint, b.typname, coalesce(CASE WHEN b.typtype = 'r' THEN (SELECT e.typcategory
    FROM pg_catalog.pg_range s JOIN pg_catalog.pg_type e ON e.oid = s.rngsubtype WHERE s.rngtypid = b.oid)
  WHEN b.typcategory = 'A' THEN (SELECT e.typcategory FROM pg_catalog.pg_type e WHERE e.oid = b.typelem) END,
  b.typcategory)
FROM made_of m JOIN pg_catalog.pg_type b ON b.oid = m.made AND b.typtype <> 'd'
"""
_KEYS = """
SELECT k.conrelid::bigint, a.attname, k.confrelid::bigint, fa.attname
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
JOIN pg_catalog.pg_attribute fa ON fa.attrelid = k.confrelid AND fa.attnum = k.confkey[1]
WHERE k.contype = 'f' AND k.conparentid = 0
"""
_PRIMARY = """
SELECT i.indrelid::bigint, a.attname
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indisprimary AND i.indrelid = ANY (%s::oid[])
"""
# Those of others cannot be read: as with a table, they are for whoever may.
_LARGE_OBJECTS = """
SELECT l.oid::bigint FROM pg_catalog.pg_largeobject_metadata l
WHERE pg_catalog.pg_has_role(l.lomowner, 'USAGE') OR EXISTS (
  SELECT 1 FROM pg_catalog.aclexplode(l.lomacl) given WHERE given.privilege_type = 'SELECT'
  AND (given.grantee = 0 OR pg_catalog.pg_has_role(given.grantee, 'USAGE')))
ORDER BY 1
"""
# Numbers, moments, spans, truth, networks, places, fixed words, bits: no text stands in these.
_SILENT: Final = frozenset("NDTBIGEV")
_SURVEY = f"""
WITH {PLACES}
SELECT 'place', {_named("c")}, c.relkind::text,
  ARRAY(SELECT {_named("p")} FROM pg_catalog.pg_inherits i JOIN place p ON p.oid = i.inhparent
    WHERE i.inhrelid = c.oid),
  c.oid::bigint, c.version, c.relkind <> 'm' OR pg_catalog.pg_has_role(c.relowner, 'USAGE'),
  pg_catalog.row_security_active(c.oid)
FROM place c
UNION ALL
SELECT 'trigger', {_named("c")}, t.tgname, '{{}}', 0, '', TRUE, FALSE
FROM pg_catalog.pg_trigger t JOIN place c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled <> 'D'
UNION ALL
SELECT 'rule', {_named("c")}, r.rulename, '{{}}', 0, '', TRUE, FALSE
FROM pg_catalog.pg_rewrite r JOIN place c ON c.oid = r.ev_class WHERE r.ev_type <> '1' AND r.ev_enabled <> 'D'
UNION ALL
SELECT 'constraint', {_named("c")}, {_named("f")} || '.' || k.conname, '{{}}', 0, '', TRUE, FALSE
FROM pg_catalog.pg_constraint k JOIN place c ON c.oid = k.confrelid JOIN place f ON f.oid = k.conrelid
WHERE k.contype = 'f' AND k.conparentid = 0 AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
UNION ALL
SELECT 'large objects', '', '', '{{}}', 0, '', TRUE, FALSE
WHERE EXISTS (SELECT 1 FROM pg_catalog.pg_largeobject_metadata)
"""
# The columns that have room for a text: no numbers, moments, spans, truth, places, fixed words, UUIDs; nor lists or
# ranges of these. Of an heir those that it alone has.
_ROOM = """
SELECT a.attrelid::bigint, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_range s ON s.rngtypid = t.oid
LEFT JOIN pg_catalog.pg_type e ON e.oid = CASE WHEN t.typtype = 'r' THEN s.rngsubtype
  WHEN t.typcategory = 'A' THEN t.typelem ELSE t.oid END
WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  AND a.attinhcount = 0
  AND NOT (coalesce(e.typcategory, t.typcategory) IN ('N', 'D', 'T', 'B', 'G', 'E') OR coalesce(e.typname, '') = 'uuid')
GROUP BY a.attrelid
"""
# Beside whoever reads it only where a unique index of plain columns tells its rows apart, and where it has rows.
REFRESHED = f"""
WITH {PLACES}
SELECT {called("c")}, NOT (c.relispopulated AND EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid
  AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND NOT 0 = ANY (i.indkey)))
FROM place c WHERE c.relkind = 'm' AND {_named("c")} = %s
"""
_HOLDS: Final = {"r": Holds.TABLE, "p": Holds.TABLE, "m": Holds.MATERIALIZED, "f": Holds.FOREIGN}
# By what the indexes depend on: spelling out each index's definition takes ten times as long.
_ADDRESS_INDEXES = """
SELECT c.relname, a.attname
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_depend f ON f.refclassid = 'pg_catalog.pg_proc'::regclass AND f.refobjid = p.oid
JOIN pg_catalog.pg_index i ON i.indexrelid = f.objid AND f.classid = 'pg_catalog.pg_class'::regclass
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
  AND d.refobjid = c.oid AND d.refobjsubid > 0
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE starts_with(p.proname::text, 'purge_emails_in') AND p.pronamespace = current_schema()::regnamespace
  AND i.indisvalid AND i.indisready AND c.relnamespace = current_schema()::regnamespace
"""
_TYPES: dict[str, ColumnType] = {
    "text": "text",
    "varchar": "text",
    "bpchar": "text",
    "citext": "text",
    "name": "text",
    "json": "json",
    "jsonb": "json",
    "uuid": "uuid",
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "bytea": "binary",
}


def read_catalog(rows: Rows) -> Catalog:
    """The catalogue as it is now. ``rows`` asks the database."""
    places = rows(_READ)
    names = {number: name for number, name, _near, _is_piece in places}
    whole = [number for number, _name, _near, is_piece in places if not is_piece]
    pieces = [number for number, _name, _near, is_piece in places if is_piece]
    far = [number for number, _name, near, _is_piece in places if not near]
    read = rows(_COLUMNS, [whole, pieces, far])
    odd = sorted({of for *_column, of, _width in read if of is not None})
    made_of = {of: said for of, *said in rows(_MADE_OF, [odd])} if odd else {}
    columns: dict[int, list[Column]] = {number: [] for number in names}
    for number, name, kind, category, of, width in read:
        kind, category = made_of.get(of, (kind, category))
        columns[number].append(_column(names[number], name, kind, category, width))
    keys = [
        ForeignKey(names[number], column, names[to_number], to_column)
        for number, column, to_number, to_column in rows(_KEYS)
        if number in names and to_number in names
    ]
    return Catalog(
        columns=tuple(column for there in columns.values() for column in there),
        foreign_keys=tuple(sorted(keys)),
        primary_keys={names[number]: name for number, name in rows(_PRIMARY, [list(names)])},
        address_indexed=frozenset((table, name) for table, name in rows(_ADDRESS_INDEXES)),
        large_objects=tuple(number for (number,) in rows(_LARGE_OBJECTS)),
    )


def _column(table: str, name: str, kind: str, category: str, width: int | None) -> Column:
    if kind in _TYPES:
        return Column(table, name, _TYPES[kind], width)
    if category in _SILENT:
        return Column(table, name, "other")
    quoted = '"' + name.replace('"', '""') + '"'
    # Of a word index the words alone: written out they stand in quotation marks, which an address may have.
    made = f"array_to_json(tsvector_to_array({quoted}))" if kind == "tsvector" else f"to_json({quoted})"
    return Column(table, name, "json", expression=f"{made}::text")


#: What has room for a text in a table of this number and this version: asked once. (A new column makes a new version,
#: a new name or a column that is no longer generated does not: hence not for long.)
_room: dict[tuple[int, str, str], tuple[str, ...]] = {}
_ROOM_SECONDS: Final = 600.0
_room_since = 0.0


def survey(rows: Rows) -> Survey:
    """What can hold or copy something, as it is now. ``rows`` asks the database."""
    global _room_since
    if time.monotonic() - _room_since > _ROOM_SECONDS:
        _room.clear()
        _room_since = time.monotonic()
    found = rows(_SURVEY)
    places = [row for row in found if row[0] == "place"]
    new = {
        (number, version, name) for _what, name, said, _p, number, version, *_may in places if said != "f"
    } - _room.keys()
    if new:
        there: dict[int, list[str]] = dict(rows(_ROOM, [[number for number, _version, _name in new]]))
        _room.update({key: tuple(there.get(key[0], ())) for key in new})
    return Survey(
        places=tuple(
            Place(name, _HOLDS[said], _room.get((number, version, name), ()), tuple(parents), is_ours, hides)
            for _what, name, said, parents, number, version, is_ours, hides in sorted(places, key=lambda row: row[1])
        ),
        automatic=tuple(
            sorted(Automatic(Acts(what), said, table) for what, table, said, *_rest in found if what in set(Acts))
        ),
        large_objects=any(row[0] == "large objects" for row in found),
    )
