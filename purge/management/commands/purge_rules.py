"""``manage.py purge_rules``"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connection

from purge.addresses.index import TextColumn, ensure_indexes, missing_indexes
from purge.management.base import NEEDS_YOU, USAGE, PurgeCommand, table
from purge.pages.data_map import concept, data_map, exempt_lines
from purge.rules import Reasoned, StaysAsItIs
from purge.rules.coverage import all_gaps, unindexed_references
from purge.rules.drafting import draft
from purge.rules.registry import get_registry
from purge.upkeep.evidence import periods_in_words


class Command(PurgeCommand):
    help = "Print the data map: every column that can hold a person, what a purge does to it, and why."
    example = "manage.py purge_rules --check"
    # It is asked about the very gaps for which the system checks would refuse to run it.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--check", action="store_true", help="say what has no rule; exit 1 when there is something")
        parser.add_argument(
            "--draft",
            metavar="APP",
            help="print a first purge_rules.py for the models of an app that have none; you judge each of its lines",
        )
        parser.add_argument(
            "--concept",
            action="store_true",
            help="print the deletion concept (kind of data, rule, period) as a document",
        )
        parser.add_argument(
            "--since", metavar="FILE", help="with --concept: what is different from this earlier output of --json"
        )
        parser.add_argument("--indexes", action="store_true", help="say which indexes a purge would miss")
        parser.add_argument(
            "--create",
            action="store_true",
            help="with --indexes: make missing address indexes, without locking writers",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["since"] and not options["concept"]:
            raise CommandError("--since belongs to --concept.", returncode=USAGE)
        if options["concept"]:
            self._concept(options["since"], as_json=options["json"])
        elif options["check"]:
            self._check(as_json=options["json"])
        elif options["draft"]:
            self._draft(options["draft"])
        elif options["indexes"]:
            self._indexes(create=options["create"], as_json=options["json"])
        else:
            self._map(as_json=options["json"])

    def _map(self, *, as_json: bool) -> None:
        registry = get_registry()
        columns = [
            {
                "model": column.rules.model,
                "column": column.field.name,
                "table": column.table,
                "treatment": type(column.rule).__name__,
                "words": column.rule.get_label(),
                "reason": column.rule.reason if isinstance(column.rule, Reasoned) else None,
                "closed": (column.rule.closed or None) if isinstance(column.rule, StaysAsItIs) else None,
            }
            for column in registry.columns()
        ]
        exempt = [{"table": each.place, "reason": each.reason} for each in registry.exemptions]
        self.show(
            {"columns": columns, "exempt": exempt, "refreshed": registry.refreshed},
            [] if as_json else _map_lines(),
            as_json=as_json,
        )

    def _concept(self, since: str | None, *, as_json: bool) -> None:
        document = concept.concept_of(periods_in_words())
        if since is None:
            self.show(
                concept.as_json(document) if as_json else None,
                [] if as_json else concept.as_markdown(document),
                as_json=as_json,
            )
            return
        earlier = _read(since)
        try:
            changes = concept.changes_since(earlier, document)
        except concept.NoConcept as wrong:
            raise CommandError(str(wrong), returncode=USAGE) from None
        at = str(earlier.get("at") or earlier.get("release") or "that file")
        self.show([asdict(each) for each in changes], concept.changes_as_markdown(changes, at), as_json=as_json)

    def _draft(self, app_label: str) -> None:
        try:
            text = draft(app_label)
        except LookupError:
            raise CommandError(f'No app is called "{app_label}". Say its label, as INSTALLED_APPS knows it.') from None
        if not text:
            raise CommandError(f'Every model of "{app_label}" that can hold a person has rules already.')
        self.stdout.write(text, ending="")

    def _check(self, *, as_json: bool) -> None:
        gaps = all_gaps()
        data = [{"id": gap.id, "where": gap.where, "what": gap.what, "hint": gap.hint} for gap in gaps]
        self.show(data, [f"{gap.id} {gap}\n  {gap.hint}" for gap in gaps], as_json=as_json)
        if gaps:
            raise CommandError(f"{len(gaps)} place(s) without a rule that works.", returncode=NEEDS_YOU)
        if not as_json:
            self.stdout.write("Every column of every model and table has a rule.")

    def _indexes(self, *, create: bool, as_json: bool) -> None:
        columns = [TextColumn(each.table, each.column, each.is_json) for each in get_registry().indexed_columns]
        made = ensure_indexes(connection, columns, concurrently=True) if create else []
        missing = [f"{column.table}.{column.column}" for column in missing_indexes(connection, columns)]
        references = unindexed_references()
        data = {
            "made": [f"{column.table}.{column.column}" for column in made],
            "missing_address_indexes": missing,
            "unindexed_references": references,
        }
        lines = [
            *(f"made: address index of {name}" for name in data["made"]),
            *(f"missing: address index of {name} (--create makes it)" for name in missing),
            *(f"missing: index of the foreign key {name}" for name in references),
        ]
        self.show(data, lines or ["No index is missing."], as_json=as_json)
        if missing or references:
            raise CommandError("Indexes are missing: purges read whole tables.", returncode=NEEDS_YOU)


def _read(name: str) -> Any:
    try:
        return json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"That file cannot be read as JSON ({type(error).__name__}).", returncode=USAGE) from None


def _map_lines() -> Iterator[str]:
    """The data map in Markdown: a heading for each app and for what people call the rows, a table for its columns."""
    for app, entries in groupby(data_map(), key=lambda entry: entry.app):
        yield from ("", f"# {app}")
        for entry in entries:
            yield from ("", f"## {entry.noun} ({entry.model})", "")
            rows = [(line.field, line.treatment, line.reason) for line in entry.lines]
            yield from table(("Column", "What a purge does to it", "Why, or what follows"), rows)
    if exempt := exempt_lines():
        yield from ("", "# Tables that are left alone", "")
        yield from table(("Table", "Why"), exempt)
