"""Browsers that somebody has signed in with before: of a new one they are told."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.utils import timezone

from users.models import KnownBrowser, User

#: A random text in the browser; the table knows a digest of it, so that it says nothing and opens nothing.
COOKIE = "browser"
FORGOTTEN = timedelta(days=180)


def browser_note(user: User, token: str) -> tuple[str, bool]:
    """Note that somebody has signed in with a browser. ``token``: what its cookie says, "" where it has none.

    Returns what the cookie says from now on, and whether the person has to be told: it is new, and there were others.
    """
    token = token if 20 <= len(token) <= 100 else secrets.token_urlsafe(32)
    mine = KnownBrowser.objects.filter(user=user)
    known = mine.filter(digest=_digest(token)).update(seen_at=timezone.now())
    if known:
        return token, False
    others = mine.exists()
    KnownBrowser.objects.get_or_create(user=user, digest=_digest(token))
    return token, others


def browsers_clear() -> int:
    """Forget browsers that were not seen for half a year; how many there were."""
    number, _by_model = KnownBrowser.objects.filter(seen_at__lt=timezone.now() - FORGOTTEN).delete()
    return number


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
