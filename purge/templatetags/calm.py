"""What customers read on a page that waits, while nothing goes on."""

from __future__ import annotations

from typing import Any

from django import template

from purge.standing import zone_of
from purge.upkeep.standstill import calm_words as words_for

register = template.Library()


@register.inclusion_tag("purge/calm_words.html", takes_context=True)
def calm_words(context: Any) -> dict[str, Any]:
    """Why what waits here waits; nothing while it goes on, and nothing for those who have the banner."""
    user = context["request"].user
    return {"texts": words_for(user, zone_of(user))}
