"""The same definition as a PostgreSQL function, for the index: it may find more than Python, never less.

Written from the patterns that Python uses, so the two cannot drift apart. The functions are

- *total*: whatever the text, they return; an exception in an index expression would break other people's INSERTs. So
  nothing is decoded that was not checked before (``chr(0)``, half surrogates, malformed UTF-8);
- *self-contained and qualified*: pg_dump restores them with an empty search path, before the tables;
- *the same in every locale*: texts are compared under "C", letters folded by a table made by Python;
- *linear*: the text is cut at its at-signs, and only :data:`~purge.addresses.encodings.LONGEST` characters on either
  side are looked at.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from functools import cache
from typing import Final

from purge.addresses.embedded import PATTERNS, TELLTALE
from purge.addresses.encodings import (
    AT_SIGNS,
    CONTROL_ESCAPES,
    ENTITIES,
    ENTITIES_AND_BACKSLASHES,
    ESCAPE_NEAR_AT,
    ESCAPED_AT,
    ESCAPING,
    LONGEST,
    MELTING,
    MOST_MARKS,
    MOST_STARTS,
    PERCENT,
    QUOTED_BYTES,
    RARELY_MELTING,
    SOFT_LINE_BREAK,
    UNSPACED,
    ZERO_WIDTH,
    local_characters,
    start_pattern,
    word_characters,
)
from purge.addresses.identity import AROUND, DOTTED_CAPITAL_I
from purge.addresses.tokens import APART, HEXADECIMAL, ID, LONGEST_ID, NAMED, NAMED_STEMS, SHORTEST_ID

#: What the names of both functions begin with, whatever the version: see :func:`text_function`.
FUNCTIONS: Final = "purge_emails_in"

# Stands between texts that are looked at together, and for NUL, which PostgreSQL cannot hold: part of no address.
_NEVER_IN_AN_ADDRESS = "pg_catalog.chr(1)"
# A place where an address may start, in a run of local characters: U+0001 is not one of them.
_CUT = r"\&" + chr(1)

_TEXT_BODY = r"""
DECLARE
  readings text[] := ARRAY[$1];
  decoded text[];
  seen text[] := '{}';
  found text[] := '{}';
  reading text COLLATE "C" := $1;
  part text COLLATE "C";
  before text COLLATE "C";
  run text COLLATE "C";
  start text COLLATE "C";
  domain text COLLATE "C";
  prose text COLLATE "C";
  address text COLLATE "C";
  letter text COLLATE "C";
  runs text[];
  starts text[];
  domains text[];
BEGIN
  -- Digests and opaque ids, as they stand.
  IF reading ~ $r$«hexadecimal»$r$ THEN
    found := COALESCE((
      SELECT pg_catalog.array_agg(pg_catalog.lower(pg_catalog.replace(m[1], '-', '') COLLATE "C"))
      FROM pg_catalog.regexp_matches(reading, $r$«apart»$r$, 'g') AS m
    ), found);
  END IF;
  -- What systems have put into other addresses, as it stands.
  address := pg_catalog.lower(reading COLLATE "C");
  IF address ~ '@|%40' AND address ~ $r$«embedding»$r$ THEN
    found := found || COALESCE((SELECT pg_catalog.array_agg(embedded) FROM («embedded») AS each_pattern), '{}');
  END IF;
  IF reading !~ '[«at_signs»]' AND (reading !~ $r$[«escaping»]$r$ OR reading !~ $r$«escaped_at»$r$) THEN
    RETURN found;
  END IF;
  FOR depth IN 0..2 LOOP
    decoded := '{}';
    FOREACH reading IN ARRAY readings LOOP
      -- Plain: without invisible characters, compatibility forms, and marks beyond counting.
      IF pg_catalog.octet_length(reading) <> pg_catalog.length(reading) THEN
        reading := pg_catalog.regexp_replace(reading, $r$[«zero_width»]+$r$, '', 'g');
        IF reading ~ $r$[«melting»]{«most_marks»}$r$ THEN
          reading := pg_catalog.regexp_replace(reading, $r$([«melting»]{«most_marks»})[«melting»]+$r$, $r$\1$r$, 'g');
        END IF;
        IF NOT pg_catalog.is_normalized(reading, 'NFKC') THEN
          reading := pg_catalog.normalize(reading, 'NFKC');
        END IF;
      END IF;
      CONTINUE WHEN reading = ANY (seen);
      seen := pg_catalog.array_append(seen, reading);

      IF pg_catalog.strpos(reading, '@') > 0 THEN
        before := NULL;
        FOREACH part IN ARRAY pg_catalog.string_to_array(reading, '@') LOOP
          before := pg_catalog.right(before, «longest» + 1);
          run := pg_catalog.substring(before, $r$[«local»]+$$r$);
          domain := pg_catalog.substring(pg_catalog.left(part, «longest»), $r$^[«word»-]+(?:\.[«word»-]+)*$r$);
          IF run IS NOT NULL AND domain IS NOT NULL THEN
            domains := ARRAY[domain];
            IF pg_catalog.octet_length(domain) <> pg_catalog.length(domain) THEN
              prose := pg_catalog.rtrim(pg_catalog.substring(domain, $r$^[^«unspaced»]+$r$), '.');
              IF prose <> '' AND prose <> domain THEN
                domains := ARRAY[domain, prose];
              END IF;
            END IF;
            runs := ARRAY[run];
            IF pg_catalog.left(pg_catalog.right(before, pg_catalog.length(run) + 1), 1) = '\'
               AND run ~ '^[«control»]' THEN
              runs := ARRAY[run, pg_catalog.substr(run, 2)];
            END IF;
            FOREACH run IN ARRAY runs LOOP
              -- Every suffix after something that separates, the nearest ones to the at-sign.
              IF run ~ $r$^[0-9A-Za-z][0-9A-Za-z_.+-]*$$r$ THEN
                starts := ARRAY[run];
              ELSE
                starts := pg_catalog.string_to_array(
                  pg_catalog.regexp_replace(run, $r$«start»$r$, $r$«cut»$r$, 'g'), pg_catalog.chr(1));
              END IF;
              start := '';
              FOR place IN REVERSE pg_catalog.cardinality(starts)
                  .. GREATEST(1, pg_catalog.cardinality(starts) - «most_starts») LOOP
                start := starts[place] || start;
                run := pg_catalog.ltrim(start, '.');
                CONTINUE WHEN run = '';
                FOREACH domain IN ARRAY domains LOOP
                  address := pg_catalog.lower((run || '@' || domain) COLLATE "C");
                  IF pg_catalog.octet_length(address) <> pg_catalog.length(address) THEN
                    IF address ~ $r$[«capitals»]$r$ THEN
                      FOREACH letter IN ARRAY pg_catalog.regexp_split_to_array(address, '') LOOP
                        address := pg_catalog.replace(
                          address, letter, COALESCE($r$«folds»$r$::pg_catalog.jsonb ->> letter, letter));
                      END LOOP;
                    END IF;
                    IF NOT pg_catalog.is_normalized(address, 'NFKC') THEN
                      address := pg_catalog.normalize(address, 'NFKC');
                    END IF;
                  END IF;
                  IF pg_catalog.length(address) <= «longest» THEN
                    found := pg_catalog.array_append(found, address);
                  END IF;
                END LOOP;
              END LOOP;
            END LOOP;
          END IF;
          before := part;
        END LOOP;
      END IF;

      CONTINUE WHEN depth = 2 OR (reading !~ $r$«escaped_at»$r$ AND reading !~ $r$«escape_near_at»$r$);
      IF reading ~ $r$%[0-9A-Fa-f]|&[#A-Za-z]|\\[\\/ux]$r$ THEN
        decoded := pg_catalog.array_append(decoded, («decode_escapes»));
      END IF;
      IF reading ~ $r$=[0-9A-Fa-f]{2}|=[ \t]*\r?\n$r$ THEN
        decoded := pg_catalog.array_append(decoded, («decode_quoted»));
      END IF;
    END LOOP;
    readings := decoded;
    EXIT WHEN readings = '{}';
  END LOOP;
  RETURN found;
END
"""

# One row per escape and per piece between them, in the order of the text. Bytes are taken in runs: the pattern of
# well-formed UTF-8 is large, and costs only where there are bytes beyond ASCII.
_DECODE = r"""
SELECT pg_catalog.string_agg(
  CASE
    WHEN m[1] IS NULL THEN m[2]
    WHEN m[1] ~ '^=[ \t\r\n]' THEN ''
    WHEN m[1] ~ '^(?:[%=][2-7].)+$' THEN
      pg_catalog.convert_from(pg_catalog.decode(pg_catalog.translate(m[1], '%=', ''), 'hex'), 'UTF8')
    WHEN m[1] ~ '^[%=]' THEN (
      SELECT pg_catalog.string_agg(CASE
        WHEN b[1] IS NULL THEN b[2]
        WHEN b[1] ~ '^.00$' THEN «never»
        ELSE pg_catalog.convert_from(pg_catalog.decode(pg_catalog.translate(b[1], '%=', ''), 'hex'), 'UTF8')
      END, '')
      FROM pg_catalog.regexp_matches(m[1], $r$(«bytes»)|(.)$r$, 'g') AS b
    )
    WHEN m[1] ~ '^&[A-Za-z]' THEN
      COALESCE($r$«entities»$r$::pg_catalog.jsonb ->> pg_catalog.translate(m[1], '&;', ''), m[1])
    WHEN m[1] ~ '^\\[^ux]' THEN pg_catalog.substr(m[1], 2)
    ELSE (
      SELECT CASE
        WHEN code = 0 THEN «never»
        WHEN code > 1114111 OR code BETWEEN 55296 AND 57343 THEN m[1]
        ELSE pg_catalog.chr(code)
      END
      FROM (SELECT CASE
        WHEN m[1] ~ '^&#[0-9]' THEN pg_catalog.translate(m[1], '&#;', '')::pg_catalog.numeric::pg_catalog.int4
        WHEN m[1] ~ '^\\u.{5}' THEN 65536
          + (('x0000' || pg_catalog.substr(m[1], 3, 4))::pg_catalog.bit(32)::pg_catalog.int4 - 55296) * 1024
          + (('x0000' || pg_catalog.substr(m[1], 9, 4))::pg_catalog.bit(32)::pg_catalog.int4 - 56320)
        ELSE ('x' || pg_catalog.right('0000000' || pg_catalog.translate(m[1], '&#xXu\;', ''), 8)
          )::pg_catalog.bit(32)::pg_catalog.int4
      END AS code) AS number
    )
  END, '')
FROM pg_catalog.regexp_matches(reading, $r$(«pattern»)|([^%&\\=]+|.)$r$, 'g') AS m
"""

_JSON_BODY = r"""
DECLARE
  document text COLLATE "C" := $1::pg_catalog.text;
  found text[] := '{}';
  pair text[];
  value text COLLATE "C";
  letter text COLLATE "C";
  small text COLLATE "C";
BEGIN
  IF document ~ $r$«stems»$r$ THEN
    -- A string, and what stands behind its colon, if it is a name. So each string is read from its beginning.
    FOR pair IN
      SELECT m FROM pg_catalog.regexp_matches(
        document, $r$"((?:[^"\\]|\\.)*)"(?:: (?:("(?:[^"\\]|\\.)*")|(-?[0-9]+)(?![0-9.eE])))?$r$, 'g') AS m
      WHERE m[2] IS NOT NULL OR m[3] IS NOT NULL
    LOOP
      CONTINUE WHEN NOT (
        pg_catalog.regexp_replace(
          pg_catalog.lower(pg_catalog.regexp_replace(pair[1], '^.*[/#:]', '') COLLATE "C"), '[^0-9a-z]+', '', 'g'
        ) = ANY ($r${«named»}$r$)
        OR (pair[1] = 'name' AND pg_catalog.strpos(document, '"homePage"') > 0));
      value := pg_catalog.regexp_replace(
        COALESCE(pair[2]::pg_catalog.jsonb #>> '{}', pair[3]), $r$^[«around»]+|[«around»]+$$r$, '', 'g');
      CONTINUE WHEN pg_catalog.length(value) NOT BETWEEN «shortest_id» AND «longest_id» * 2;
      IF pg_catalog.octet_length(value) <> pg_catalog.length(value) THEN
        value := pg_catalog.normalize(value, 'NFC');
        small := '';
        FOREACH letter IN ARRAY pg_catalog.regexp_split_to_array(value, '') LOOP
          small := small || COALESCE($r$«smalls»$r$::pg_catalog.jsonb ->> letter, pg_catalog.lower(letter));
        END LOOP;
        value := pg_catalog.normalize(small, 'NFC');
      ELSE
        value := pg_catalog.lower(value);
      END IF;
      found := pg_catalog.array_append(found, '«id»' || value);
    END LOOP;
  END IF;
  -- A backslash in a string stands twice in the document; single ones are escapes that PostgreSQL wrote.
  IF document !~ '[«at_signs»]' AND document !~ $r$«hexadecimal»$r$ AND (
    (document !~ '[%&=]' AND pg_catalog.strpos(document, $r$\\$r$) = 0) OR document !~ $r$«escaped_at»$r$
  ) THEN
    RETURN found;
  END IF;
  -- Strings are found in the document, not by descending into it: depth costs no stack. What was found is taken out of
  -- its JSON writing; "line\nann@x.org" mentions ann.
  RETURN found || «schema».«text_function»(COALESCE((
    SELECT pg_catalog.string_agg(m[1]::pg_catalog.jsonb #>> '{}', «never»)
    FROM pg_catalog.regexp_matches(document, $r$"(?:[^"\\]|\\.)*"$r$, 'g') AS m
    WHERE m[1] ~ $r$[«at_signs»%&=\\]|«hexadecimal»$r$
  ), ''));
END
"""

_FUNCTION = """
CREATE OR REPLACE FUNCTION {schema}.{name}({argument}) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST {cost} AS $purge${body}$purge$
"""


#: Where there are letters in two cases: beyond are signs that have none. No half surrogates.
_LETTERS: Final = (*range(0x80, 0xD800), *range(0xE000, 0x20000))


@cache
def _folds() -> dict[str, str]:
    """What case folding makes of each character beyond ASCII that it changes."""
    changed = {chr(code): chr(code).casefold() for code in _LETTERS}
    return {letter: folded for letter, folded in changed.items() if letter != folded}


@cache
def _smalls() -> dict[str, str]:
    """The simple lower-case mapping of each character beyond ASCII that has one."""
    capitals = (chr(code) for code in _LETTERS)
    return {letter: letter.lower() for letter in capitals if letter not in (letter.lower(), DOTTED_CAPITAL_I)} | {
        DOTTED_CAPITAL_I: DOTTED_CAPITAL_I
    }


def _filled(template: str, **values: object) -> str:
    return re.sub("«([a-z_]+)»", lambda name: str(values[name[1]]), template)


def _statements(schema: str, text: str, document: str) -> list[str]:
    """The statements that create both functions, under these names."""
    word = rf"0-9A-Za-z_{word_characters()}"
    percent = f"(?:%[0-9A-Fa-f]{{2}})+|{ENTITIES_AND_BACKSLASHES}"
    quoted = f"(?:=[0-9A-Fa-f]{{2}})+|{SOFT_LINE_BREAK}"
    decode = {
        name: _filled(
            _DECODE,
            pattern=pattern,
            bytes=every_byte,
            entities=json.dumps(ENTITIES, ensure_ascii=False),
            never=_NEVER_IN_AN_ADDRESS,
        )
        for name, pattern, every_byte in (
            ("decode_escapes", percent, PERCENT),
            ("decode_quoted", f"{percent}|{quoted}", f"{PERCENT}|{QUOTED_BYTES}"),
        )
    }
    text_body = _filled(
        _TEXT_BODY,
        **decode,
        at_signs=AT_SIGNS,
        escaping=ESCAPING,
        escaped_at=ESCAPED_AT,
        escape_near_at=ESCAPE_NEAR_AT,
        zero_width=ZERO_WIDTH,
        melting=MELTING + RARELY_MELTING,
        most_marks=MOST_MARKS,
        longest=LONGEST,
        local=local_characters(word),
        start=start_pattern(word),
        word=word,
        unspaced=UNSPACED,
        control=CONTROL_ESCAPES,
        cut=_CUT,
        most_starts=MOST_STARTS,
        hexadecimal=HEXADECIMAL,
        apart=APART,
        embedding=TELLTALE,
        embedded=" UNION ALL ".join(
            f"SELECT {'m[2] || chr(64) || m[1]' if domain_first else 'm[1] || chr(64) || m[2]'} AS embedded "
            f"FROM pg_catalog.regexp_matches(address, $r${pattern}$r$, 'g') AS m"
            for pattern, domain_first in PATTERNS
        ).replace("chr(64)", "pg_catalog.chr(64)"),
        capitals="".join(_folds()),
        folds=json.dumps(_folds(), ensure_ascii=False),
    )
    json_body = _filled(
        _JSON_BODY,
        at_signs=AT_SIGNS,
        escaped_at=ESCAPED_AT,
        hexadecimal=HEXADECIMAL,
        stems=f"(?i){NAMED_STEMS}",
        named=",".join(NAMED),
        around=AROUND,
        shortest_id=SHORTEST_ID,
        longest_id=LONGEST_ID,
        smalls=json.dumps(_smalls(), ensure_ascii=False),
        id=ID,
        schema=schema,
        text_function=text,
        never=_NEVER_IN_AN_ADDRESS,
    )
    return [
        _FUNCTION.format(schema=schema, name=text, argument="text", cost=500, body=text_body),
        _FUNCTION.format(schema=schema, name=document, argument="jsonb", cost=500, body=json_body),
    ]


@cache
def definition() -> str:
    """Eight digits that change when what the functions find changes. Their names end with it, and those of the indexes
    tell it too: a new version stands beside the old one until its indexes are made."""
    text = "\n".join([*_statements("", "", ""), may_mention(""), may_mention("", is_json=True)])
    return hashlib.sha256(f"{sys.version_info[:2]} {text}".encode()).hexdigest()[:8]


def text_function() -> str:
    """The name of the function of a text."""
    return f"{FUNCTIONS}_{definition()}"


def json_function() -> str:
    """The name of the function of a JSON document."""
    return f"{FUNCTIONS}_json_{definition()}"


def function_statements(schema: str) -> list[str]:
    """The statements that create both functions. ``schema``: quoted name of the schema they are made in."""
    return _statements(schema, text_function(), json_function())


def may_mention(text: str, *, is_json: bool = False) -> str:
    """A cheap condition that is true wherever the functions find something. ``text``: an SQL expression.

    The indexes leave the other rows out: to them, writing costs what it costs without an index. COALESCE, which changes
    nothing, keeps the planner from trying the patterns on every value of its statistics: a search of all columns would
    be planned for five times as long as it runs.
    """
    text = f'{text} COLLATE "C"'
    named = f" OR {text} ~ '(?i){NAMED_STEMS}'" if is_json else ""
    return (
        f"COALESCE({text} ~ '[{AT_SIGNS}]' OR {text} ~ '[{ESCAPING}]' AND {text} ~ '{ESCAPED_AT}'"
        f" OR {text} ~ '{HEXADECIMAL}'{named}, false)"
    )


def version(schema: str, server: int) -> str:
    """Changes when the functions do, or what Unicode means to them (PostgreSQL's or Python's tables)."""
    text = "\n".join([*function_statements(schema), may_mention("")])
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"version {digest}, PostgreSQL {server}, Python {sys.version_info[0]}.{sys.version_info[1]}"
