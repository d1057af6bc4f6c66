"""What a run leaves behind: the table, the JSON with machine and versions."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
from django.db import connection

from bench.data import row_count as row_count
from bench.measuring import Result

HEADS = ("figure", "contender", "ratio", "goal", "met")


def table(results: Sequence[Result]) -> str:
    """The report as text: one line a figure."""
    lines = [HEADS]
    for result in results:
        sign = "≤" if result.at == "most" else "≥"
        goal = "" if result.goal is None else f"{sign} {result.goal:g} {result.unit}".rstrip()
        met = {True: "yes", False: "NO", None: ""}[result.met]
        lines.append((f"{result.figure} {result.what}", result.contender, _number(result), goal, met))
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([rows[0], "  ".join("-" * width for width in widths), *rows[1:]])


def _number(result: Result) -> str:
    value = f"{result.value:.2f}" if result.value < 10 else f"{result.value:.0f}"
    return f"{value} {result.unit}".strip()


def missed(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.met is False]


def as_json(results: Sequence[Result], **facts: Any) -> dict[str, Any]:
    """Everything of a run: the results with each run's measurements, the machine, the versions."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "database": connection.vendor,
        **facts,
        "machine": machine(),
        "versions": versions(),
        "results": [result.as_json() for result in results],
    }


def write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def machine() -> dict[str, Any]:
    memory = 0
    if Path("/proc/meminfo").exists():
        memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024
    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(": ")[2] if names else model
    return {"cores": os.cpu_count(), "memory_mib": memory, "processor": model, "system": platform.system()}


def versions() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version" if connection.vendor == "postgresql" else "SELECT sqlite_version()")
        server = str(cursor.fetchone()[0])
    revision = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    ).stdout.strip()
    return {
        "python": platform.python_version(),
        "django": django.get_version(),
        connection.vendor: server,
        "revision": revision or "unknown",
    }
