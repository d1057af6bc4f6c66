from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class PurgeConfig(AppConfig):
    name = "purge"
    verbose_name = _("Purges")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Registers the system checks; no query may run here (a connection would be shared across a fork).
        from purge.installation.identity import begin_installation
        from purge.upkeep import checks  # noqa: F401

        connection_created.connect(give_functions)
        post_migrate.connect(begin_installation, sender=self)
        post_migrate.connect(keep_address_indexes, sender=self)
        post_migrate.connect(begin_release, sender=self)


def give_functions(*, connection: Any, **kwargs: Any) -> None:
    """Each new connection: what SQLite lacks for looking through texts."""
    from purge.addresses.index import offer_functions

    offer_functions(connection)


def begin_release(*, using: str, plan: Any = (), **kwargs: Any) -> None:
    """After each migrate of the default database: no other release is newer."""
    from purge.installation.releases import make_newest
    from purge.models import Installation

    backwards = any(reversed_ for _migration, reversed_ in plan)
    if using == "default" and not backwards and _has_column(Installation, "releases", using):
        make_newest()


def _has_column(model: Any, name: str, using: str) -> bool:
    connection = connections[using]
    with connection.cursor() as cursor:
        if model._meta.db_table not in connection.introspection.table_names(cursor):
            return False
        columns = connection.introspection.get_table_description(cursor, model._meta.db_table)
    return name in {column.name for column in columns}


def keep_address_indexes(*, using: str, **kwargs: Any) -> None:
    """After each migrate: an address index on every column from which addresses are taken out, and on no other."""
    from purge.addresses.index import replace_indexes
    from purge.rules.registry import get_registry
    from purge.steps.addresses import text_column

    connection = connections[using]
    existing = set(connection.introspection.table_names())
    columns = [text_column(column) for column in get_registry().indexed_columns if column.table in existing]
    replace_indexes(connection, columns)
