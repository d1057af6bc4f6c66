"""All figures by name."""

from __future__ import annotations

from bench import crowd, figures, screens
from bench.figures import Figure

FIGURES: dict[str, Figure] = {
    "light": figures.light,
    "heavy": figures.heavy,
    "patrol": figures.patrol,
    "django": figures.django,
    "memory": figures.memory,
    "confirmation": figures.confirmation,
    "others": crowd.others,
    "together": crowd.together,
    "disturbed": crowd.disturbed,
    "import": screens.importing,
    "growth": figures.growth,
    "finding": figures.finding,
    "rewriting": figures.rewriting,
    "list": screens.cleanup_list,
    "backlog": crowd.backlog,
}
