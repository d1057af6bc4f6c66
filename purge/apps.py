from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PurgeConfig(AppConfig):
    name = "purge"
    verbose_name = _("Purges")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Registers the system checks; no query may run here (a connection would be shared across a fork).
        from purge import checks  # noqa: F401
