"""Rows that were made for the moment: the pass that meets a purged address in one ends it, and has found nothing.

A browser's session is no place that people mend: nobody would write a rule for it, and the purge would wait until it
has run out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.db import transaction

from purge.choices import Verdict
from purge.proof.report import Hit, Report
from purge.rules import EndRow
from purge.rules.registry import get_registry


def end_passing_rows(hits: Iterable[Hit]) -> list[Hit]:
    """Delete the rows whose rule says that they may go at any time; the hits that are left."""
    ending = {
        (column.table, column.column): column.model
        for entry in get_registry().entries.values()
        for column in entry.of(EndRow)
    }
    left: list[Hit] = []
    doomed: dict[Any, set[Any]] = defaultdict(set)
    for hit in hits:
        model = ending.get((hit.table, hit.column))
        if model is None or hit.pk is None:
            left.append(hit)
        else:
            doomed[model].add(hit.pk)
    with transaction.atomic():
        for model, pks in doomed.items():
            model._base_manager.filter(pk__in=pks).delete()
    return left


def without_passing_rows(report: Report) -> Report:
    """The same report when the rows that may go at any time are gone."""
    left = tuple(end_passing_rows(report.hits))
    if report.hits and not left:
        return replace(report, verdict=Verdict.CLEAN, hits=())
    return replace(report, hits=left)
