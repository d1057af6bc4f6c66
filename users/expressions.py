"""Expressions that indexes of people are made on, the same for both databases."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, Func


class ByCodePoint(Func):
    """A text compared by code point: collated "C" on PostgreSQL, whose default is a language's; so does SQLite."""

    template = '%(expressions)s COLLATE "C"'

    def as_sqlite(self, compiler: Any, connection: Any, **_context: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s")


class AfterFirstWord(Func):
    """What follows the first space of a text: "de la Cruz" of "Ana de la Cruz"; all of it where there is none."""

    output_field = CharField()
    template = "SUBSTR(%(expressions)s, STRPOS(%(expressions)s, ' ') + 1)"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=self.template.replace("STRPOS", "INSTR"), **context)


class LastWord(Func):
    """What follows the last space of a text: "Cruz" of "Ana de la Cruz"; all of it where there is none."""

    output_field = CharField()
    template = "SUBSTR(%(expressions)s, LENGTH(RTRIM(%(expressions)s, REPLACE(%(expressions)s, ' ', ''))) + 1)"
