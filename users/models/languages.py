"""Which of the site's languages somebody reads."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import get_supported_language_variant, to_language


def language_of(locale: str) -> str | None:
    """The site's language for what stands in somebody's field "Language": "de" for "de", "de-AT" and "de_DE".

    None: nothing stands there, or a language that the site does not speak.
    """
    if not locale:
        return None
    try:
        return get_supported_language_variant(to_language(locale))
    except LookupError:
        return None


def in_language_of(person: Any) -> translation.override:
    """What is written within is in this person's language; in the site's own where that is not known, or for nobody.

    ``person``: a user, or None.
    """
    return translation.override(language_of(person.locale if person else "") or settings.LANGUAGE_CODE)
