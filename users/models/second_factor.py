"""What is needed to set up a second factor; the factors themselves are rows of django-allauth's."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from users.wall import OfAccount


class EnrolmentCode(OfAccount):
    """A code by which somebody sets up the first second factor that is demanded of them, once, until ``expires_at``.

    ``digest``: keyed, of the code, which only its owner has.
    """

    user = models.OneToOneField("users.User", models.PROTECT, related_name="enrolment_code")
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("code for a first second factor")
        verbose_name_plural = _("codes for a first second factor")

    def __str__(self) -> str:
        return f"code {self.pk}"
