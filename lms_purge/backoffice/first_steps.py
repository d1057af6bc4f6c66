"""What an installation needs before its first purge, for operators on Home: it ticks itself, and goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from purge.selectors import worker_is_alive
from users.models import Account, AccountKind, Role, UserState

#: A cookie says in which browser an operator wants to see no more of it, for a year.
COOKIE: Final = "lms_first_steps"
COOKIE_SECONDS: Final = 365 * 24 * 3600


@dataclass(frozen=True)
class Step:
    """``what`` to do, ``why``, and how: at ``url``, or by ``command``."""

    what: str
    why: str
    done: bool
    url: str = ""
    command: str = ""


def first_steps_of(request: HttpRequest) -> tuple[Step, ...]:
    """All of them while one is left; none for anybody but operators, and for who has hidden them."""
    user: Any = request.user
    if not user.is_superuser or COOKIE in request.COOKIES:
        return ()
    steps = (*_steps_here(), *_steps_of_accounts())
    return () if all(step.done for step in steps) else steps


@require_POST
def hide_first_steps(request: HttpRequest) -> HttpResponse:
    """Show them no more in this browser."""
    response = HttpResponseRedirect(reverse("admin:index"))
    response.set_cookie(
        COOKIE,
        "hidden",
        max_age=COOKIE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    messages.success(request, _("The first steps are hidden in this browser. README, In production, has them."))
    return response


def _steps_here() -> tuple[Step, ...]:
    """Of the machine."""
    return (
        Step(
            _("Make the keys, and keep a copy apart from the backups"),
            _("Without them nobody can say later who was purged."),
            bool(settings.PURGE_HASH_KEY and settings.LMS_ENCRYPTION_KEYS),
            command="manage.py keys_make",
        ),
        Step(
            _("Start a worker"),
            _("It does the purges; requests wait for it."),
            worker_is_alive(),
            command="manage.py worker",
        ),
        Step(
            _("Name a mail server"),
            _("Invitations and notices go by mail; without one they go to the log."),
            bool(settings.EMAIL_HOST),
            command="EMAIL_HOST=mail.example",
        ),
        Step(
            _("Back up the database, and say for how many days backups are kept"),
            _("Backups hold purged people until they expire; every request says until when."),
            settings.PURGE_BACKUP_DAYS is not None,
            command="PURGE_BACKUP_DAYS=30",
        ),
    )


def _steps_of_accounts() -> tuple[Step, ...]:
    accounts = Account.objects.exclude(kind=AccountKind.SYSTEM)
    first = accounts.order_by("pk").first()
    administered = accounts.filter(users__given_roles__role=Role.ADMINISTRATOR, users__state=UserState.ACTIVE).exists()
    said = {"role": Role.ADMINISTRATOR.value, "invite": "on", **({"account": first.pk} if first else {})}
    return (
        Step(
            _("Add an account: an enterprise, or a trial with its creator"),
            _("Everybody who is not an operator belongs to one. Its first administrator is invited by mail."),
            first is not None,
            url=reverse("admin:users_account_add"),
        ),
        Step(
            _("Invite its first administrator"),
            _("They add users, and purge them."),
            administered,
            url=f"{reverse('admin:users_internaluser_add')}?{urlencode(said)}",
        ),
    )
