"""Which settings each kind of connector has."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from connectors.models import (
    AdobeConnectSettings,
    AzureAdSettings,
    BoxSettings,
    Connector,
    ConnectorKind,
    ConnectorSettings,
    FtpSettings,
    GenericSettings,
    SalesforceSettings,
    Schedule,
    TeamsSettings,
    WorkdaySettings,
    ZoomSettings,
)

#: Kinds that are not listed have generic settings.
SETTINGS: dict[str, type[ConnectorSettings]] = {
    ConnectorKind.FTP: FtpSettings,
    ConnectorKind.CUSTOM_SFTP: FtpSettings,
    ConnectorKind.BOX: BoxSettings,
    ConnectorKind.SALESFORCE: SalesforceSettings,
    ConnectorKind.WORKDAY: WorkdaySettings,
    ConnectorKind.AZURE_AD: AzureAdSettings,
    ConnectorKind.ADFS: AzureAdSettings,
    ConnectorKind.ZOOM: ZoomSettings,
    ConnectorKind.ADOBE_CONNECT: AdobeConnectSettings,
    ConnectorKind.TEAMS: TeamsSettings,
}

EVERY: dict[str, timedelta] = {
    Schedule.HOURLY: timedelta(hours=1),
    Schedule.DAILY: timedelta(days=1),
    Schedule.WEEKLY: timedelta(weeks=1),
}


def settings_model(kind: str) -> type[ConnectorSettings]:
    return SETTINGS.get(kind, GenericSettings)


def settings_of(connector: Connector) -> ConnectorSettings | None:
    """The connector's settings row; None before anybody has filled it in."""
    model: Any = settings_model(connector.kind)
    row: ConnectorSettings | None = model.objects.filter(pk=connector.pk).first()
    return row


def setting_field(connector: Connector, setting: str) -> models.Field[Any, Any]:
    """The column that a blanked setting names: of the settings row, or of the connector itself.

    Raises FieldDoesNotExist for a name that neither has.
    """
    for model in (settings_model(connector.kind), Connector):
        try:
            field = model._meta.get_field(setting)
        except FieldDoesNotExist:
            continue
        if isinstance(field, models.Field):
            return field
    raise FieldDoesNotExist(f"{connector.kind} has no setting {setting}")


def setting_value(connector: Connector, setting: str) -> Any:
    """What a setting holds now; None where there is no settings row."""
    field = setting_field(connector, setting)
    row = connector if field.model is Connector else settings_of(connector)
    return None if row is None else getattr(row, field.attname)


def next_run(schedule: str, after: datetime) -> datetime | None:
    """When a schedule is due after a moment; None for one that is off."""
    every = EVERY.get(schedule)
    return after + every if every else None
