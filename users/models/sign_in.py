"""What is counted about signing in."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users.wall import OfAccount


class Tries(models.Model):
    """How often something was tried of late, by one name, from one place, or by both: see :mod:`users.sign_in.limits`.

    In a table, since a cache forgets what it has no room for. ``digest``: keyed, of what was typed and from where;
    neither can be read from it, and the row goes within a day. ``level``: tries not yet forgiven, at ``at``.
    ``told_at``: when it was last noted that there were too many.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    level = models.FloatField(default=0)
    at = models.DateTimeField(db_index=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("count of tries to sign in")
        verbose_name_plural = _("counts of tries to sign in")

    def __str__(self) -> str:
        return f"tries {self.digest[:8]}"


class KnownBrowser(OfAccount):
    """A browser that a user has signed in with. ``digest``: of a random text in its cookie."""

    user = models.ForeignKey("users.User", models.PROTECT, related_name="known_browsers")
    digest = models.CharField(max_length=64)
    seen_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("browser known")
        verbose_name_plural = _("browsers known")
        constraints = (models.UniqueConstraint(fields=("user", "digest"), name="users_known_browser_once"),)

    def __str__(self) -> str:
        return f"browser {self.pk}"
