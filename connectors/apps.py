from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConnectorsConfig(AppConfig):
    name = "connectors"
    verbose_name = _("Connectors")
    #: See :func:`users.apps.declared`.
    when_people_come_back = ("connectors.services.tokens_revoke",)
