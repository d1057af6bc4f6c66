"""What a purge does to connectors, their settings, outside applications, tokens, webhooks and statements.

Any setting that names the person is emptied, whatever it is called, and its connector stops: half a setting would
connect to something else.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy, ngettext_lazy
from django.utils.translation import gettext_noop as _

from purge.rules import (
    Blank,
    Consequence,
    Delete,
    Detach,
    EraseFile,
    ExemptTable,
    HandOver,
    Keep,
    ModelRules,
    Redact,
    Rule,
    WithRow,
)

CONNECTOR_STOPS = Consequence(
    path="connectors.services.connectors_stop",
    kind="connector_disabled",
    label=gettext_lazy("Connector stopped: complete the cleared settings, then enable it"),
    news=gettext_lazy(
        "Connectors have stopped: fill in the blanked settings, or confirm them as empty, then enable them."
    ),
    page="admin:connectors_stoppedconnector_changelist",
    model="connectors.Connector",
    foretold="connectors.selectors.connectors_stopping",
    came=gettext_lazy("Connector “%(name)s” names one of them now, and will stop."),
    went=gettext_lazy("Connector “%(name)s” does not name any of them any more."),
    counted=ngettext_lazy("%(n)d connector stops", "%(n)d connectors stop", "n"),
)
WEBHOOK_STOPS = Consequence(
    path="connectors.services.webhooks_stop",
    kind="webhook_disabled",
    label=gettext_lazy("Webhook stopped: complete its user name or address, then enable it"),
    news=gettext_lazy("Webhooks have stopped: fill in their user name or address, then enable them."),
    page="admin:connectors_stoppedconnector_changelist",
    model="connectors.Webhook",
    foretold="connectors.selectors.webhooks_stopping",
    counted=ngettext_lazy("%(n)d webhook stops", "%(n)d webhooks stop", "n"),
)

CONSEQUENCES = [CONNECTOR_STOPS, WEBHOOK_STOPS]

STOP, STOP_WEBHOOK = CONNECTOR_STOPS.path, WEBHOOK_STOPS.path

REFERENCE = Keep(
    _("the ID of a purge request, which says nothing about whom it purged"),
    closed="written by code alone: the ID of a purge request",
)

SETTING = Blank(then=STOP)
LOGIN = Blank(login=True, then=STOP)
FILTER = Blank(login=True, expression=True, then=STOP)


def settings_rules(model: str, noun: str, columns: dict[str, Rule]) -> ModelRules:
    return ModelRules(model=f"connectors.{model}", noun=noun, account="connector__account", columns=columns)


SETTINGS = [
    settings_rules(
        "FtpSettings",
        _("FTP settings"),
        {
            "host": SETTING,
            "user_name": LOGIN,
            "secret": SETTING,
            "folder": SETTING,
            "contact_email": SETTING,
        },
    ),
    settings_rules("BoxSettings", _("Box settings"), {"account_email": SETTING, "folder": SETTING}),
    settings_rules(
        "SalesforceSettings",
        _("Salesforce settings"),
        {
            "org_url": SETTING,
            "login": LOGIN,
            "secret": SETTING,
            "filter_field": SETTING,
            "filter_value": FILTER,
        },
    ),
    settings_rules(
        "WorkdaySettings",
        _("Workday settings"),
        {
            "host": SETTING,
            "tenant": SETTING,
            "isu_user_name": LOGIN,
            "secret": SETTING,
            "manager_filter": FILTER,
            "manager": Detach(then=STOP),
        },
    ),
    settings_rules(
        "AzureAdSettings",
        _("Azure AD settings"),
        {
            "tenant": SETTING,
            "client_id": SETTING,
            "secret": SETTING,
            "manager_filter": FILTER,
            "manager": Detach(then=STOP),
        },
    ),
    settings_rules(
        "ZoomSettings",
        _("Zoom settings"),
        {"zoom_account": SETTING, "client_id": SETTING, "secret": SETTING, "super_admin_email": SETTING},
    ),
    settings_rules(
        "AdobeConnectSettings",
        _("Adobe Connect settings"),
        {"url": SETTING, "admin_email": SETTING, "admin_login": LOGIN, "secret": SETTING},
    ),
    settings_rules(
        "TeamsSettings",
        _("Microsoft Teams settings"),
        {"tenant": SETTING, "client_id": SETTING, "secret": SETTING, "admin_user_email": SETTING},
    ),
    settings_rules("GenericSettings", _("settings of other connectors"), {"values": Redact(then=STOP)}),
]

RULES = [
    ModelRules(
        model="connectors.Connector",
        noun=_("connectors"),
        account="account",
        columns={
            "contact": Detach(then=STOP),
            "name": Redact(),
            "mapping": Redact(then=STOP),
            "disabled_reference": REFERENCE,
        },
    ),
    *SETTINGS,
    ModelRules(
        model="connectors.BlankedSetting",
        noun=_("blanked settings"),
        account="connector__account",
        columns={
            "setting": Keep(
                _("the name of a column of the settings"),
                closed="written by code alone: the name of a column",
            ),
            "reference": REFERENCE,
            "settled_by": Detach(),
        },
    ),
    ModelRules(
        model="connectors.ConnectorRun",
        noun=_("connector runs"),
        account="connector__account",
        columns={"started_by": Detach(), "error": Redact(), "error_file": EraseFile(mentions=True, goes_unopened=True)},
    ),
    ModelRules(
        model="connectors.ExternalApplication",
        noun=_("external applications"),
        account="account",
        columns={
            "owner": HandOver(),
            "name": Redact(),
            "organisation": Redact(),
            "contact_email": Blank(),
            "redirect_url": Redact(),
            "description": Redact(),
        },
    ),
    ModelRules(
        model="connectors.ApplicationGrant",
        noun=_("external app authorisations"),
        account="user__account",
        columns={"user": Delete()},
    ),
    ModelRules(
        model="connectors.ApiToken",
        noun=_("API tokens"),
        account="user__account",
        columns={"user": Delete(), "name": Redact(), "digest": WithRow(closed="written by code alone, as a digest")},
    ),
    ModelRules(
        model="connectors.Webhook",
        noun=_("webhooks"),
        account="account",
        columns={
            "created_by": Detach(),
            "name": Redact(),
            "url": Redact(then=STOP_WEBHOOK),
            "user_name": Blank(login=True, then=STOP_WEBHOOK),
            "secret": Blank(then=STOP_WEBHOOK),
            "disabled_reference": REFERENCE,
        },
    ),
    ModelRules(
        model="connectors.XapiStatement",
        noun=_("xAPI statements"),
        account="account",
        columns={"user": Delete(), "actor_mbox": Blank(), "verb": Redact(), "statement": Redact()},
    ),
]

EXEMPT: list[ExemptTable] = []
