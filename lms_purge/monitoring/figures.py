"""The figures of ``/metrics``: what the report of :mod:`purge.upkeep.health` says, as Prometheus reads it.

Read from the database when they are asked for, so every web process says the same. Numbers and fixed words only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import Error
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from lms_purge import VERSION
from purge.upkeep import health
from purge.upkeep.paused import COVERAGE, FILES, HASH_KEY, OTHER_KEY, PURGE_LOG

PREFIX: Final = "lms_purge_"
#: Why purging may be paused, each a value of the label ``reason``.
REASONS: Final = (COVERAGE, HASH_KEY, OTHER_KEY, PURGE_LOG, FILES)

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """One figure. ``value``: of the report; None where there is nothing to say (then there is no line)."""

    name: str
    text: str
    value: Callable[[Report], float | None]


def _number(key: str) -> Callable[[Report], float | None]:
    return lambda report: report[key]


FIGURES: Final = (
    Figure("ok", "1 while purges can be done, as /healthz says.", _number("ok")),
    Figure("needs_somebody", "1 while an operator has to act, as /healthz?strict says.", health.needs_somebody),
    Figure("migrations_pending", "Migrations that have not run.", _number("migrations_pending")),
    Figure("site_paused", "1 while a restored backup keeps the site closed.", _number("site_paused")),
    Figure(
        "unknown_purges", "Purges of the log outside the database that it does not know.", _number("unknown_purges")
    ),
    Figure("worker_silence_seconds", "Since the last sign of life of any worker.", _number("worker_seconds_ago")),
    Figure("workers_without_files", "Workers that see another file storage.", _number("workers_without_files")),
    Figure("queue_age_seconds", "How long the oldest queued request has waited.", lambda report: _age(report)),
    Figure("requests_open", "Requests that are not completed or cancelled.", _number("open")),
    Figure("requests_overdue", "Open requests past their deadline.", _number("overdue")),
    Figure("requests_waiting", "Requests that wait for the platform's check.", _number("held")),
    Figure("requests_attention", "Requests that have stopped and need help.", _number("needs_attention")),
    Figure("requests_data_found", "Requests after which data was found.", _number("residue")),
    Figure("patrol_age_seconds", "Since the last pass over every text ended.", _number("patrol_seconds_ago")),
    Figure("not_cleaned_up", "Completed requests whose disk space is not given up yet.", _number("not_cleaned_up")),
    Figure("horizon_seconds", "How long the oldest of those who keep that space has done so.", lambda r: _horizon(r)),
)


class Figures(Collector):
    """All of it, each time it is asked."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        release = GaugeMetricFamily(f"{PREFIX}build_info", "The release that runs.", labels=["version"])
        release.add_metric([VERSION], 1)
        yield release
        try:
            report: Report = health.health()
        except Error:
            yield GaugeMetricFamily(f"{PREFIX}database", "1 while the database answers.", value=0)
            yield GaugeMetricFamily(f"{PREFIX}ok", FIGURES[0].text, value=0)
            return
        yield GaugeMetricFamily(f"{PREFIX}database", "1 while the database answers.", value=1)
        for figure in FIGURES:
            value = figure.value(report) if _says(report, figure) else None
            if value is not None:
                yield GaugeMetricFamily(f"{PREFIX}{figure.name}", figure.text, value=float(value))
        if "paused" in report:
            yield _paused(report)


def registry() -> CollectorRegistry:
    """One for each answer: nothing is counted in this process."""
    made = CollectorRegistry(auto_describe=False)
    made.register(Figures())
    return made


def _says(report: Report, figure: Figure) -> bool:
    """Before the migrations there are no tables to count in."""
    return "open" in report or figure.name in ("ok", "needs_somebody", "migrations_pending")


def _age(report: Report) -> float:
    return report["oldest_queued_seconds"] or 0


def _horizon(report: Report) -> float:
    return max((holder["seconds"] or 0 for holder in report["clean_up_waits_for"]), default=0)


def _paused(report: Report) -> GaugeMetricFamily:
    found = {*report["paused"], *([FILES] if report["file_storage"] != health.OK else [])}
    family = GaugeMetricFamily(f"{PREFIX}paused", "1 while purging is paused for this reason.", labels=["reason"])
    for reason in REASONS:
        family.add_metric([reason], float(reason in found))
    return family
