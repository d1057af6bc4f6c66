"""What signing in and out means beside the session: Django tells of both, whatever the way in was."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver

from purge.pages.freshness import CONFIRMED_AT
from users.sign_in.staying import begin


@receiver(user_logged_in)
def signed_in(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    """Who has just signed in in this session has confirmed who it is; from now on it is counted how long it lasts."""
    now = time.time()
    request.session[CONFIRMED_AT] = now
    begin(request, now)


@receiver(user_logged_out)
def signed_out(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    """Whoever leaves leaves nothing behind that somebody else could go on with."""
    from users.services import plans_end

    if user is not None:
        plans_end(user_ids=[user.pk])
