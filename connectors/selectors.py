"""Reads of connectors and outside applications."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.models import (
    ApiToken,
    ApplicationGrant,
    BlankedSetting,
    Connector,
    ConnectorState,
    ExternalApplication,
    Webhook,
    WebhookState,
)
from purge.host import Application
from purge.rules import Foretold
from users.models import User, UserState


def connectors_due() -> QuerySet[Connector]:
    """Enabled connectors whose schedule is due; a disabled one is never among them."""
    return Connector.objects.due().order_by("next_run_at", "id")


def connectors_stopped_by_purge(account_id: int | None = None) -> QuerySet[Connector]:
    """Connectors that wait for somebody since a purge, the longest waiting first. None: of all accounts."""
    connectors = Connector.objects.stopped_by_purge()
    if account_id is not None:
        connectors = connectors.filter(account_id=account_id)
    return connectors.order_by("disabled_at", "id")


def connectors_stopping(
    *, pks: Mapping[str, Sequence[int]], people: Collection[int], account_id: int
) -> list[Foretold]:
    """Connectors of which a purge empties a setting. A settings row has the number of its connector."""
    named = {pk for numbers in pks.values() for pk in numbers}
    return [
        Foretold(connector, _stops(connector), affects_others=runs, counts=runs)
        for connector in Connector.objects.filter(pk__in=named, account_id=account_id)
        for runs in [connector.state == ConnectorState.ENABLED]
    ]


def _stops(connector: Connector) -> str:
    if connector.state == ConnectorState.ENABLED:
        return _(
            "Connector “%(name)s” stops: a setting that names the person is emptied. Fill it in again, or confirm it "
            "as empty, to enable it."
        ) % {"name": connector.name}
    return _("Connector “%(name)s” (%(state)s) loses a setting that names the person.") % {
        "name": connector.name,
        "state": connector.get_state_display(),
    }


def webhooks_stopping(*, pks: Mapping[str, Sequence[int]], people: Collection[int], account_id: int) -> list[Foretold]:
    """Webhooks of which a purge empties a setting."""
    named = {pk for numbers in pks.values() for pk in numbers}
    text = _("Webhook “%(webhook)s” stops: a setting that names the person is emptied.")
    return [
        Foretold(webhook, text % {"webhook": webhook}, counts=webhook.state == WebhookState.ENABLED)
        for webhook in Webhook.objects.filter(pk__in=named, account_id=account_id)
    ]


def open_settings(connector: Connector) -> QuerySet[BlankedSetting]:
    """The connector's blanked settings that nobody has filled in or confirmed yet."""
    return BlankedSetting.objects.filter(connector=connector, settled_at=None).order_by("pk")


def token_digest(key: str) -> str:
    """What is stored of a key to the API: enough to recognise it, too little to use it."""
    return hashlib.sha256(key.encode()).hexdigest()


def token_owner(key: str) -> User | None:
    """Whom a key to the API stands for; None for an unknown or expired one, and for people who cannot sign in."""
    token = (
        ApiToken.objects.filter(digest=token_digest(key), user__state=UserState.ACTIVE)
        .exclude(expires_at__lte=timezone.now())
        .select_related("user__account")
        .first()
    )
    return token.user if token is not None and token.user.is_active else None


@dataclass(frozen=True)
class OutsideCopy:
    """A person whose data an outside application has, and whom to ask there. Made for one page, never stored."""

    user_id: int
    name: str
    email: str
    application: str
    organisation: str
    contact: str


def outside_copies(user_ids: Collection[int], *, account_id: int | None = None) -> list[OutsideCopy]:
    """person × application × owner's contact, for the people given, in one query. None: in all accounts.

    The contact is the application's own; where it has none, the address of its owner here.
    """
    grants = ApplicationGrant.objects.filter(user_id__in=user_ids)
    if account_id is not None:
        grants = grants.filter(user__account=account_id, application__account=account_id)
    grants = grants.select_related("user", "application__owner").order_by("user__name", "user_id", "application__name")
    return [
        OutsideCopy(
            user_id=grant.user_id,
            name=grant.user.name,
            email=grant.user.email,
            application=grant.application.name,
            organisation=grant.application.organisation,
            contact=_contact(grant.application),
        )
        for grant in grants
    ]


def _contact(application: ExternalApplication) -> str:
    return application.contact_email or (application.owner.email if application.owner else "")


def applications_of(user_ids: Collection[int]) -> dict[int, int]:
    """Number → account of the applications that have got data of these people."""
    grants = ApplicationGrant.objects.filter(user_id__in=user_ids)
    return dict(grants.order_by().values_list("application_id", "application__account_id").distinct())


def application_facts(pks: Collection[int]) -> dict[int, Application]:
    """What these applications are called, and whom to ask there, as far as they are still registered."""
    found = ExternalApplication.objects.filter(pk__in=pks).select_related("owner")
    return {each.pk: Application(each.name, each.organisation, _contact(each)) for each in found}
