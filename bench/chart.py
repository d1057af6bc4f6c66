"""The figures as one picture, a bar for each against its goal: ``python -m bench.chart FILE.json`` writes FILE.svg.

A bar's length is how much of its goal it uses up, so all of them fit one scale: up to the line is met.
"""

from __future__ import annotations

import json
import sys
from html import escape
from pathlib import Path
from typing import Any

LEFT, WIDTH, BESIDE, ROW, TOP = 470, 330, 130, 26, 84
INK, QUIET, MET, MISSED = "#1c1b22", "#5f5e6b", "#2e6f57", "#b4442c"


def used(result: dict[str, Any]) -> float:
    """The share of the goal that is used up: 1 is just met. A count that must be 0 uses nothing up, or all of it."""
    value, goal = float(result["value"]), float(result["goal"])
    if goal == 0:
        return 0.0 if value == 0 else 2.0
    return value / goal if result["at"] == "most" else goal / max(value, 1e-9)


def svg(content: dict[str, Any]) -> str:
    """The picture, as text. Results without a goal are left out."""
    results = [result for result in content["results"] if result["goal"] is not None]
    height = TOP + ROW * len(results) + 44
    scale = WIDTH / 1.5
    at_goal = LEFT + scale
    machine, versions = content["machine"], content["versions"]
    rows = " and ".join(f"{number / 1e6:.1f}" for number in content["rows"].values()) + " million rows"
    version = str(versions.get(content["database"], "")).partition(" ")[0]
    text = (
        f"{content['database']} {version}, {rows}, {machine['cores']} cores, Django {versions['django']}, "
        f"{content['at'][:10]}"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + BESIDE}" height="{height}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{INK}" role="img">',
        "<title>The benchmark's figures against their goals</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<text x="16" y="26" font-size="16" font-weight="600">How much of its goal each figure uses up</text>',
        f'<text x="16" y="46" fill="{QUIET}">Shorter is better; what ends before the line has met its goal.</text>',
        f'<text x="16" y="64" fill="{QUIET}">{escape(text)}</text>',
    ]
    for row, result in enumerate(results):
        parts += _bar(result, TOP + row * ROW, scale)
    bottom = TOP + ROW * len(results)
    parts += [
        f'<line x1="{at_goal:.0f}" y1="{TOP - 4}" x2="{at_goal:.0f}" y2="{bottom}" stroke="{INK}"/>',
        f'<text x="{at_goal:.0f}" y="{bottom + 18}" text-anchor="middle" fill="{QUIET}">goal</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bar(result: dict[str, Any], y: int, scale: float) -> list[str]:
    share = used(result)
    length = max(2.0, min(share, 1.5) * scale)
    colour = MET if result["met"] else MISSED
    label = f"{result['figure']}  {result['what']}" + (f": {result['contender']}" if result["figure"] == "3" else "")
    value = f"{float(result['value']):.3g} {result['unit']}".strip()
    sign = "≤" if result["at"] == "most" else "≥"
    beside = f"{value} ({sign} {result['goal']:g})"
    return [
        f'<text x="{LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(label[:70])}</text>',
        f'<rect x="{LEFT}" y="{y + 3}" width="{length:.0f}" height="{ROW - 9}" fill="{colour}"/>',
        f'<text x="{LEFT + WIDTH + 10}" y="{y + 15}" fill="{QUIET}">{escape(beside)}</text>',
    ]


def main(file: Path) -> None:
    file.with_suffix(".svg").write_text(svg(json.loads(file.read_text())))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
